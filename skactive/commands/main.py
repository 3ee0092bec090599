"""Which command is meant, and how what goes wrong is said: in one sentence, by an exit code."""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ..utils.version import __version__
from .compare import COMPARE
from .export import EXPORT
from .label import LABEL
from .label_studio import LABEL_STUDIO
from .merge import IMPORT
from .next_rows import NEXT
from .options import Subcommand
from .report import REPORT
from .status import STATUS
from .words import Usage, note

DONE, WRONG, MISUSED, INTERRUPTED = 0, 1, 2, 130  # what the shell is told
COMMANDS = (LABEL, STATUS, NEXT, EXPORT, IMPORT, REPORT, COMPARE, LABEL_STUDIO)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit code.

    Parameters
    ----------
    argv : list of str, default=None
        What was written behind ``skactive``. None: what the process was started with.

    Returns
    -------
    int
        0; 1 if something is wrong with the data, 2 with the options; 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console may lack letters that classes have
            stream.reconfigure(errors="backslashreplace")
    try:
        args = parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said what is to be said
        return stop.code if isinstance(stop.code, int) else MISUSED
    with warnings.catch_warnings():
        told: set[str] = set()  # a curve has ten models, of each of which the same is to be known

        def tell(message: Warning | str, *_: Any, **__: Any) -> None:
            if str(message) not in told:
                told.add(str(message))
                note(f"Note: {message}")

        warnings.showwarning = tell
        try:
            return args.run(args)
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:  # whoever read has seen enough
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
            return DONE
        except (ValueError, TypeError, OSError, ImportError) as error:
            note(f"skactive {args.command}: {_sentence(error)}")
            return MISUSED if isinstance(error, Usage) else WRONG


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    made = argparse.ArgumentParser(
        prog="skactive",
        description="Labels where they are worth most: label rows on a page, know how good the "
        "model is, take the labels elsewhere.",
        epilog="skactive COMMAND --help has examples. All commands read and write one record, an "
        "SQLite file such as labels.db, which Pool.open reads in Python too.",
    )
    made.add_argument("--version", action="version", version=f"skactive {__version__}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        _add(commands, command)
    return made


def _add(commands: argparse._SubParsersAction, command: Subcommand) -> None:
    """Add a command to the parser."""
    examples = "\n".join(f"  {line}" for line in command.examples)
    each = commands.add_parser(
        command.name,
        help=command.line,
        description=command.about,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(each)
    each.set_defaults(run=command.run)


def _sentence(error: BaseException) -> str:
    """Return what an error says, on one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return " ".join(str(error).split()) or type(error).__name__
