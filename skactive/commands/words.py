"""What the commands say, and where: results to the output, all else to the error output."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any


class Usage(ValueError):
    """Options that do not go together, which argparse cannot see."""


def say(text: str) -> None:
    """Print a result."""
    print(text)


def note(text: str) -> None:
    """Print what is to be known beside the result."""
    print(text, file=sys.stderr, flush=True)


def say_json(value: Any) -> None:
    """Print a result for programs; numbers that are none, such as NaN, as null."""
    say(json.dumps(_finite(value), indent=2))  # in ASCII, which every console has


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    is_number = not isinstance(value, float) or abs(value) < float("inf")
    return value if is_number else None


def number_of(n: int, what: str) -> str:
    """Return a number of things: "1 row", "2,000 rows"."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def from_extra(module: str, extra: str | None) -> Any:
    """Return a module that an extra brings, or none does, saying so where it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        if error.name != module.partition(".")[0]:
            raise
        package = "Pillow" if module.startswith("PIL") else module
        instead = package if extra is None else f'"skactive[{extra}]"'
        raise ImportError(f"this needs {package}; write pip install {instead}.") from error
