"""How what comes from a browser is refused: a status of HTTP, and a sentence."""

from __future__ import annotations

from importlib import import_module
from typing import Any

MOST_TOLD = 500  # characters of an error


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


def said_by(error: BaseException) -> str:
    """Return what an error says, as far as a banner has room, whatever its class makes of it."""
    try:
        text = str(error).rstrip(".")
    except Exception:  # noqa: BLE001 - it is the user's own
        return "which does not say what it is"
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= MOST_TOLD else f"{text[:MOST_TOLD]} ..."
