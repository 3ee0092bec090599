"""What a command is, and the options that several of them have."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Subcommand(NamedTuple):
    """A command: a line of help and a few more, what it takes, and what it does."""

    name: str
    line: str
    about: str | None
    examples: Sequence[str]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def add_record(parser: argparse.ArgumentParser) -> None:
    """Add the record that a command is about, and where its rows are now."""
    parser.add_argument("store", metavar="labels.db", help="the record that skactive label made")
    parser.add_argument(
        "--data", metavar="FILE", help="where the rows are now, if the file or folder has moved"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def names(text: str) -> list[str]:
    """Return names that are separated by commas, refusing none, and one that is there twice."""
    given = [name.strip() for name in text.split(",")]
    if "" in given or len(set(given)) < len(given):
        raise argparse.ArgumentTypeError(f"{text!r} has a blank name, or one twice")
    return given


def share(text: str) -> float:
    """Return a share of the rows: 0 or more, below 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; write a number from 0 to below 1")
    return value


def count(text: str) -> int:
    """Return a number of things, at least one."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write 1 or more")
    return int(text)


def port(text: str) -> int:
    """Return the number of a port."""
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 0 to 65535")
    return int(text)
