"""What a browser may send, to the letter: anything else is refused in a sentence, never a crash."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from .refused import Refused

MAX_BODY = 1_000_000  # bytes of a request
MOST_OPS = MOST_HAVE = 200
MOST_WANTED = 50
MOST_TEXT = 10_000  # characters of a comment
MOST_NAME = 1_000  # characters of a label, or of an id
MOST_MS = 1e12
_KINDS = ("answer", "skip", "undo", "review")
_ONLY = ("disagreements", "model", "skipped", "comments")

_DIGITS = 15  # of whole numbers, which JavaScript has exactly
_ROW = re.compile(rf"[0-9]{{1,{_DIGITS}}}")
_LABEL = "a name, a list of names, a number or null"


def read_json(body: bytes) -> Any:
    """Return what a request says, refusing what is no JSON, and numbers that are none here."""
    try:
        return json.loads(
            body.decode("utf-8"), parse_int=_whole, parse_float=_finite, parse_constant=_finite
        )
    except RecursionError:
        raise Refused(400, "the request is nested too deeply; send a flat object.") from None
    except ValueError as error:  # of the encoding as well
        raise Refused(400, f"the request is no JSON in UTF-8: {error}.") from None


def checked_answer(request: Any, annotator: str) -> dict[str, Any]:
    """Return the request of an answer with all its parts, refusing one that is none."""
    known = _keys(request, "the request", ("tab", "annotator", "ops", "have", "want", "leaving"))
    named = known.get("annotator")
    if named is not None and named != annotator:
        raise Refused(403, "the name in the request is not that of your link; open your own link.")
    leaving = known.get("leaving", False)
    if not isinstance(leaving, bool):
        raise _refusal("leaving", leaving, "true or false")
    ops = _list(known.get("ops"), "ops", MOST_OPS, _op)
    have = _list(known.get("have", []), "have", MOST_HAVE, _row)
    return {
        "tab": _text(known.get("tab"), "tab", MOST_NAME),
        "ops": ops,
        "have": have,
        "want": int(_number(known.get("want", 1), "want", MOST_WANTED, whole=True)),
        "leaving": leaving,  # whether the tab is being closed
    }


def row_in(text: str, name: str = "row") -> int:
    """Return the whole number in an address, refusing what is none."""
    if not _ROW.fullmatch(text):
        raise Refused(400, f"{name} is {text[:40]!r}; give a number of at most {_DIGITS} digits.")
    return int(text)


def checked_filters(given: Mapping[str, str]) -> dict[str, Any]:
    """Return by what rows are chosen, refusing what chooses none."""
    known = _keys(given, "the address", ("class", "annotator", "only", "before"))
    only, before = known.get("only") or None, known.get("before") or None
    if only is not None and only not in _ONLY:
        raise Refused(400, f"only is {only[:40]!r}; write {', '.join(_ONLY)}, or leave it out.")
    return {
        "label": known.get("class") or None,
        "annotator": known.get("annotator") or None,
        "only": only,
        "before": None if before is None else row_in(before, "before"),
    }


def _op(value: Any, name: str) -> dict[str, Any]:
    """Return one operation with all its parts."""
    keys = ("op", "kind", "row", "label", "comment", "ms", "guessed")
    known = _keys(value, name, keys)
    kind, row, ms = known.get("kind"), known.get("row"), known.get("ms")
    if kind not in _KINDS:
        raise _refusal(f"{name}.kind", kind, f"one of {', '.join(_KINDS)}")
    comment, guessed = known.get("comment"), known.get("guessed")
    if not isinstance(guessed, bool | None):
        raise _refusal(f"{name}.guessed", guessed, "true, false or null")
    return {
        "op": _text(known.get("op"), f"{name}.op", MOST_NAME),
        "kind": kind,
        "row": None if row is None and kind == "undo" else _row(row, f"{name}.row"),
        "label": _label(known.get("label"), f"{name}.label"),
        "comment": None if comment is None else _text(comment, f"{name}.comment", MOST_TEXT, 0),
        "ms": None if ms is None else _number(ms, f"{name}.ms", MOST_MS),
        "guessed": bool(guessed),
    }


def _label(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return _list(value, name, MOST_NAME, lambda one, which: _text(one, which, MOST_NAME, 0))
    if isinstance(value, str):
        return _text(value, name, MOST_NAME, 0)
    if isinstance(value, int | float | None) and not isinstance(value, bool):
        return value
    raise _refusal(name, value, _LABEL)


def _keys(value: Any, name: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """Return a JSON object, refusing another value, and keys that mean nothing."""
    if not isinstance(value, Mapping):
        raise _refusal(name, value, "an object")
    for key in value:
        if key not in keys:
            raise Refused(400, f"{name} has {ascii(key)[:60]}; it takes {', '.join(keys)}.")
    return value


def _list(value: Any, name: str, most: int, each: Callable[[Any, str], Any]) -> list:
    if not isinstance(value, list) or len(value) > most:
        raise _refusal(name, value, f"a list of at most {most}")
    return [each(one, f"{name}[{at}]") for at, one in enumerate(value)]


def _row(value: Any, name: str) -> int:
    return int(_number(value, name, 10**_DIGITS, whole=True))


def _number(value: Any, name: str, most: float, whole: bool = False) -> float:
    kinds = int if whole else int | float
    if not isinstance(value, kinds) or isinstance(value, bool) or not 0 <= value <= most:
        raise _refusal(name, value, f"a {'whole ' * whole}number from 0 to {most:,.0f}")
    return value


def _text(value: Any, name: str, most: int, least: int = 1) -> str:
    """Return text, refusing half a character (a lone surrogate), which no encoding has."""
    is_text = isinstance(value, str) and least <= len(value) <= most
    if not is_text or any(map(is_half, value)):
        raise _refusal(name, value, f"text of {least} to {most:,} whole characters")
    return value


def is_half(character: str) -> bool:
    """Tell whether something is half a character."""
    return "\ud800" <= character <= "\udfff"


def _whole(digits: str) -> int:
    """Return a whole number of JSON."""
    if len(digits.lstrip("-")) > _DIGITS:
        raise Refused(
            400, f"a number has {len(digits)} digits; whole numbers have at most {_DIGITS}."
        )
    return int(digits)


def _finite(text: str) -> float:
    """Return a number of JSON, in which NaN and infinity are none."""
    if not math.isfinite(number := float(text)):
        raise Refused(400, f"a number is {text[:40]}; send finite ones, or null.")
    return number


def _refusal(name: str, value: Any, accepted: str) -> Refused:
    shown = ascii(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return Refused(400, f"{name} is {shown[:60]}; send {accepted}.")
