"""Memory maps: how one, or a piece of one, is opened again in another process."""

from __future__ import annotations

import mmap
from functools import partial
from typing import Any, Literal

import numpy as np


def opener(X: Any) -> partial | None:
    """Return how a memmap, or a contiguous piece of one, is opened again; None for the rest."""
    if not isinstance(X, np.memmap) or X.size == 0 or X.filename is None or X.mode == "c":
        return None
    if not (X.flags.c_contiguous or X.flags.f_contiguous):  # rows apart are no piece of the file
        return None
    base: Any = X
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, mmap.mmap):
        return None
    # X.offset is that of the array that was opened, not of X. The map itself starts before it, at a
    # multiple of the granularity.
    begin = X.offset - X.offset % mmap.ALLOCATIONGRANULARITY
    inside = X.ctypes.data - np.frombuffer(base, dtype=np.uint8).ctypes.data
    order: Literal["C", "F"] = "C" if X.flags.c_contiguous else "F"
    return partial(np.memmap, str(X.filename), X.dtype, "r", begin + inside, X.shape, order)
