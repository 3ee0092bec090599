"""What identifies a value, as bytes: the same for equal values, however they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from .tensors import as_array

_EXACT = 2**53  # integers up to here are float64 numbers


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
