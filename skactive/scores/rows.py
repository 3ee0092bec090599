"""What all scores share: checks of their arrays, and rows in chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import columns_of
from ..data.types import Floats
from ..utils.checks import unmasked


def by_row(values: ArrayLike, score: Callable[[Floats], Floats], name: str = "proba") -> Floats:
    """Return a score of each row of probabilities, given chunks of rows as columns."""
    values = checked_array(values, name, "nC")
    out = np.empty(len(values))
    for rows, columns in columns_of(values):
        out[rows] = score(columns)
    return out


def checked_array(array: ArrayLike, name: str, axes: str) -> NDArray:
    """Return an array with one dimension for each letter, of which only that of n may be empty."""
    array = unmasked(array, name)
    sizes = dict(zip(axes, array.shape, strict=False))
    if array.ndim != len(axes) or 0 in (size for axis, size in sizes.items() if axis != "n"):
        raise ValueError(
            f"{name} has shape {array.shape}; it must be ({', '.join(axes)}), "
            "where only n, the number of rows, may be 0."
        )
    return array
