"""Which command is meant, and how what goes wrong is said: in one sentence, by an exit code."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

from .. import __version__
from . import compare, export, label, label_studio, merge, next_rows, report, status
from .words import Usage, note

DONE, WRONG, MISUSED, INTERRUPTED = 0, 1, 2, 130  # what the shell is told
COMMANDS = (label, status, next_rows, export, merge, report, compare, label_studio)


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

    Examples
    --------
    >>> from skactive.commands import main
    >>> main(["--version"])  # doctest: +SKIP
    skactive 0.1.0
    0
    """
    try:
        args = parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said what is to be said
        return stop.code if isinstance(stop.code, int) else MISUSED
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: note(f"Note: {message}")
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
    for module in COMMANDS:
        _add(commands, module)
    return made


def _add(commands: argparse._SubParsersAction, module: ModuleType) -> None:
    """Add a command: a module has its name, a line of help, examples, arguments and `run`."""
    examples = "\n".join(f"  {line}" for line in module.EXAMPLES)
    each = commands.add_parser(
        module.NAME,
        help=module.HELP,
        description=module.__doc__,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(each)
    each.set_defaults(run=module.run)


def _sentence(error: BaseException) -> str:
    """Return what an error says, on one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return " ".join(str(error).split()) or type(error).__name__
