"""How what comes from a browser is refused: a status of HTTP, and a sentence."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Refused(Exception):
    """What was asked for is not done, and nothing has changed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def needed(name: str) -> Any:
    """Return a package of the extra "annotate", refusing in a sentence where it is missing."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        raise ImportError(
            f'skactive.annotate needs {error.name}; pip install "skactive[annotate]"'
        ) from error
