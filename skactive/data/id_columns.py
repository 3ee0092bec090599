"""Ids as arrays: text or integers, read from any container, hashed, found among others."""

from functools import cached_property
from typing import Any

import numpy as np

from .chance import GOLDEN, mixed
from .labels import missing_mask, to_array
from .values import hash_text

_SEARCHED = 1_000_000  # ids among which the nearest one is looked for
_ACCEPTED = "ids are text or integers"


def _by_hash(column: Any) -> np.ndarray:
    """Return the rows in the order of their hashes."""
    return np.argsort(column.hashes, kind="stable")


class NumberIds:
    """Ids that are integers."""

    dtype, order = np.dtype(np.int64), cached_property(_by_hash)

    def __init__(self, values: np.ndarray) -> None:
        self.values = values.view()
        self.values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Any) -> np.ndarray:
        """Return the ids of some rows."""
        return self.values[rows]

    @cached_property
    def hashes(self) -> np.ndarray:
        """One uint64 for each id."""
        return mixed(self.values.astype(np.uint64) * GOLDEN)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The ids as a file holds them."""
        return {"numbers": self.values}

    def joined(self, other: Any) -> "NumberIds":
        """Return these ids and others of their kind behind them."""
        return NumberIds(np.concatenate([self.values, other.values]))


class TextIds:
    """Ids that are text, as UTF-8 end to end."""

    dtype, order = np.dtype(object), cached_property(_by_hash)

    def __init__(self, text: bytes, lengths: np.ndarray) -> None:
        self.text = text
        self.bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def take(self, rows: Any) -> np.ndarray:
        """Return the ids of some rows."""
        rows, text = np.asarray(rows, dtype=np.intp), self.text
        spans = zip(self.bounds[rows].tolist(), self.bounds[rows + 1].tolist(), strict=True)
        return np.fromiter((text[a:b].decode() for a, b in spans), dtype=object, count=len(rows))

    @cached_property
    def hashes(self) -> np.ndarray:
        """One uint64 for each id."""
        return hash_text(self.text, self.bounds)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The ids as a file holds them."""
        lengths = np.diff(self.bounds)
        small = np.min_scalar_type(lengths.max(initial=0))
        return {"text": np.frombuffer(self.text, np.uint8), "lengths": lengths.astype(small)}

    def joined(self, other: Any) -> "TextIds":
        """Return these ids and others of their kind behind them."""
        lengths = np.concatenate([np.diff(self.bounds), np.diff(other.bounds)])
        joined = TextIds(self.text + other.text, lengths)
        joined.hashes = np.concatenate([self.hashes, other.hashes])
        return joined

    def most_alike(self, name: str, k: int) -> np.ndarray:
        """Return the k rows whose ids have most in common with a text at their two ends."""
        # Capitals and spaces around are what is easily mistyped: bit 32 is that of small letters.
        wanted = np.frombuffer(name.strip().encode(errors="replace"), np.uint8) | 32
        n, width = min(len(self), _SEARCHED), len(wanted)
        text = np.frombuffer(self.text + bytes(1), np.uint8) | 32
        begin, last = self.bounds[:n], self.bounds[1 : n + 1] - 1
        alike = np.zeros(n, dtype=np.int64)
        for place, step, letters in ((begin, 1, wanted), (last, -1, wanted[::-1])):
            goes_on = np.ones(n, dtype=bool)
            for i in range(width):
                at = place + step * i
                goes_on &= (at >= begin) & (at <= last)
                goes_on &= text[np.clip(at, 0, len(text) - 1)] == letters[i]
                if not goes_on.any():
                    break
                alike += goes_on
        return np.argsort(-alike, kind="stable")[:k]


IdColumn = NumberIds | TextIds


def find_ids(column: IdColumn, wanted: Any) -> np.ndarray:
    """Return the row that has each wanted id, of the same kind; -1 where none has."""
    rows, left = np.full(len(wanted), -1, dtype=np.int64), np.arange(len(wanted))
    if 8 * len(wanted) < len(column):
        places = np.searchsorted(column.hashes, wanted.hashes, sorter=column.order)
    else:  # in order on both sides, what is near in memory is read together
        places = np.empty(len(wanted), dtype=np.intp)
        places[wanted.order] = np.searchsorted(
            column.hashes[column.order], wanted.hashes[wanted.order]
        )
    while left.size:  # once, and once more where the hash is that of another id
        left = left[places[left] < len(column)]
        row = column.order[places[left]]
        is_near = column.hashes[row] == wanted.hashes[left]
        left, row = left[is_near], row[is_near]
        is_it = column.take(row) == wanted.take(left)
        rows[left[is_it]] = row[is_it]
        left = left[~is_it]
        places[left] += 1
    return rows


def read_ids(values: Any, who: str) -> IdColumn:
    """Read ids from any container, each there as often as it is."""
    if isinstance(values, IdColumn):
        return values
    if isinstance(values, str | int):
        values = [values]
    if not (isinstance(values, list | tuple | range) or hasattr(values, "__array__")):
        raise TypeError(
            f"{who} got a {type(values).__name__} for ids; give a list, an array or a Series of "
            "text or integers."
        )
    shape = getattr(values, "shape", ())
    if len(shape) > 1:
        raise ValueError(f"{who} got ids of shape {tuple(shape)}; give one for each row.")
    raw = to_array(values)
    is_text = raw.dtype.kind == "U" or raw.size == 0
    if is_text or (raw.dtype.kind == "O" and set(map(type, raw.tolist())) == {str}):
        return _text(raw.tolist(), who)
    if raw.dtype.kind in "fO":
        _refuse_missing(raw, who)
    if raw.dtype.kind not in "iuO":
        write = ".astype(int) or .astype(str)" if raw.dtype.kind == "f" else ".astype(str)"
        raise ValueError(f"{who} got ids of dtype {raw.dtype}; {_ACCEPTED}, write {write}.")
    if raw.dtype.kind == "O":
        _refuse_odd(raw, who)
    if raw.dtype.kind == "O" or raw.dtype == np.uint64:
        beyond = [not -(2**63) <= int(value) < 2**63 for value in raw.tolist()]
        if any(beyond):
            row = beyond.index(True)
            raise ValueError(
                f"{who} got the id {raw[row]} in row {row}, beyond the range of int64; write such "
                "ids as text."
            )
    return NumberIds(raw.astype(np.int64))


def _text(values: list, who: str) -> TextIds:
    """Encode texts, refusing one that cannot be written to a file."""
    try:
        parts = [value.encode() for value in values]
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{who} got the id {error.object!r} in row {values.index(error.object)}, which UTF-8 "
            "cannot hold (a lone surrogate); write another."
        ) from error
    return TextIds(b"".join(parts), np.fromiter(map(len, parts), np.int64, len(parts)))


def _refuse_missing(raw: np.ndarray, who: str) -> None:
    """Refuse None, NaN and the like."""
    rows = np.flatnonzero(missing_mask(raw, None)).tolist()
    if rows:
        more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
        raise ValueError(f"{who} got no id in row {rows[0]}{more}; give each row one.")


def _refuse_odd(raw: np.ndarray, who: str) -> None:
    """Refuse objects that are neither all integers nor all text."""
    values = raw.tolist()
    for row, value in enumerate(values):
        if not isinstance(value, str | int | np.integer) or isinstance(value, bool):
            raise ValueError(
                f"{who} got {value!r} of type {type(value).__name__} for an id, in row {row}; "
                f"{_ACCEPTED}."
            )
    are_text = [isinstance(value, str) for value in values]
    if any(are_text):
        a, b = are_text.index(True), are_text.index(False)
        raise ValueError(
            f"{who} got text and integers for ids ({values[a]!r} in row {a}, {values[b]!r} in row "
            f"{b}); write .astype(str) for all."
        )


def refuse_twice(column: IdColumn, who: str) -> None:
    """Refuse an id that is there twice."""
    if len(column) < 2:
        return
    ordered = np.sort(column.hashes)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if again.size:
        rows = np.flatnonzero(np.isin(column.hashes, again))
        row_of: dict = {}  # ids may have one hash and differ
        for row, name in zip(rows.tolist(), column.take(rows).tolist(), strict=True):
            if row_of.setdefault(name, row) != row:
                raise ValueError(
                    f"{who} got {name!r} twice (rows {row_of[name]} and {row}); give each row one "
                    "id of its own."
                )
