"""What identifies a value, as bytes or as a hash: the same for equal values, however stored."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from ..utils.checks import is_integer, is_number
from .chance import GOLDEN, mixed, mixed_int
from .labels import missing_mask
from .tensors import as_array

_EXACT = 2**53  # integers up to here are float64 numbers
_FEW = 16  # texts that are so much longer than others that each is hashed alone
_BLOCK = 1 << 16  # texts hashed at once: their words stay in the cache


def bytes_of_array(array: np.ndarray) -> list[bytes]:
    """List the values of an array: numbers as float64 where that is exact, else one by one."""
    array, kind = array.ravel(), array.dtype.kind
    if kind in "mM":
        return [array.dtype.str.encode(), array.astype("<i8").tobytes()]
    if kind not in "biuf":
        return list(chain.from_iterable(map(bytes_of, array.tolist())))
    if kind in "iu" and array.size and max(-int(array.min()), int(array.max())) > _EXACT:
        whole = array.astype(f"<{kind}8")
        return [whole.dtype.str.encode(), whole.tobytes()]
    numbers = array.astype("<f8") + 0.0  # -0.0 and 0.0 are one number
    numbers[np.isnan(numbers)] = np.nan  # and so are all NaN
    return [b"numbers", numbers.astype("<f8").tobytes()]


def bytes_of(value: Any) -> list[bytes]:
    """List what identifies one object: its type's name and its text, or its array."""
    if isinstance(value, str):
        return [b"str", value.encode("utf-8", "surrogatepass")]
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        array = as_array(value)
        return [repr(array.shape).encode(), *bytes_of_array(array)]
    if isinstance(value, list | tuple):
        return [f"{len(value)} in a list".encode(), *chain.from_iterable(map(bytes_of, value))]
    if isinstance(value, Mapping):
        pairs = sorted(value.items(), key=lambda pair: str(pair[0]))
        return [f"{len(value)} in a dict".encode(), *chain.from_iterable(map(bytes_of, pairs))]
    name = type(value).__name__.encode()
    plain = type(value).__repr__ is object.__repr__ and type(value).__str__ is object.__str__
    return [name, b"" if plain else str(value).encode("utf-8", "surrogatepass")]


def hash_text(text: bytes, bounds: np.ndarray) -> np.ndarray:
    """Hash texts that lie end to end: eight bytes of each at a time, mixed into what came before.

    Texts of one length that differ in eight bytes or fewer in one place never have the same hash.
    """
    padded = text + bytes(8)
    words = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))  # one starts at every byte
    hashes = np.empty(len(bounds) - 1, dtype=np.uint64)
    for start in range(0, len(hashes), _BLOCK):
        begin, end = bounds[:-1][start : start + _BLOCK], bounds[1:][start : start + _BLOCK]
        part = mixed((end - begin).astype(np.uint64) + GOLDEN)
        rows = np.flatnonzero(begin < end)
        at, left = begin[rows], (end - begin)[rows]
        while rows.size > _FEW:
            spare = (8 * (8 - np.minimum(left, 8))).astype(np.uint64)  # bits of the next text
            part[rows] = mixed(part[rows] ^ (words[at] << spare))
            goes_on = left > 8
            rows, at, left = rows[goes_on], at[goes_on] + 8, left[goes_on] - 8
        for row, first, n in zip(rows.tolist(), at.tolist(), left.tolist(), strict=True):
            part[row] = _hash_on(int(part[row]), text[first : first + n])
        hashes[start : start + _BLOCK] = part
    return hashes


def _hash_on(hashed: int, text: bytes) -> int:
    """Return the hash of a text whose beginning has a hash, by what follows it, as `hash_text`."""
    whole = len(text) - 1 >> 3 << 3
    for word in (*np.frombuffer(text[:whole], "<u8").tolist(), _last_word(text[whole:])):
        hashed = mixed_int(hashed ^ word)
    return hashed


def _last_word(text: bytes) -> int:
    return int.from_bytes(text, "little") << 8 * (8 - len(text))


def hash_cells(values: np.ndarray) -> np.ndarray:
    """Hash each value, as uint64: numbers of any width alike, and what stands for none alike."""
    kind = values.dtype.kind
    if kind in "biuf":
        numbers = values.astype(np.float64) + 0.0  # -0.0 and 0.0 are one number
        numbers[np.isnan(numbers)] = np.nan  # and so are all NaN
        hashes = mixed(numbers.view(np.uint64) + GOLDEN)
        if kind in "iu":
            is_large = (values > _EXACT) | (values < -_EXACT)
            hashes[is_large] = mixed(values[is_large].astype(np.uint64)) + np.uint64(1)
        return hashes
    if kind in "mM":  # of any unit
        ticks = values.astype(f"{kind}8[us]").astype(np.int64).view(np.uint64)
        return mixed(ticks) + np.uint64(ord(kind))
    objects = np.fromiter(values.ravel().tolist(), dtype=object, count=values.size)
    numbers = np.where(missing_mask(objects, None), np.nan, 0.0)
    is_other = numbers == 0.0
    for at, value in enumerate(objects):
        if isinstance(value, bool | np.bool_) or _is_float(value):
            numbers[at], is_other[at] = value, False
    hashes = hash_cells(numbers)
    # Each with its length, so that it can be told where what identifies a value ends.
    parts = [
        b"".join(b"%d:%s" % (len(part), part) for part in bytes_of(value))
        for value in objects[is_other]
    ]
    hashes[is_other] = hash_text(b"".join(parts), np.cumsum([0, *map(len, parts)]))
    return hashes.reshape(values.shape)


def _is_float(value: Any) -> bool:
    """Tell whether an object is a number that float64 holds."""
    return is_number(value) and (not is_integer(value) or abs(value) <= _EXACT)
