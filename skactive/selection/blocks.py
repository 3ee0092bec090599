"""Rows in blocks of centred floats, and squared distances between them by GEMM."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from ..data.arrays import as_floats, products, slices, squared_norms
from ..data.types import Floats, Positions, Vectors
from .distances import nearest_squared_distances

TIE = 1e-5  # relative difference of two distances that float32 cannot tell from none


class Blocks:
    """Rows of a pool as blocks of floats, the mean row subtracted, and scaled to a safe size.

    Large offsets cost digits where squared distances are made of inner products; so do squares
    that overflow. A sparse matrix is not centred: it stays sparse. Nothing of the size of the pool
    is made, but one squared length for each row.

    `rows` are the positions of the m rows that it is about (None: all), whose places below are 0
    to m - 1; `dtype` is that of the floats (None: float64 for data that need it, else float32).
    """

    def __init__(
        self, vectors: Vectors, rows: Positions | None = None, dtype: DTypeLike | None = None
    ):
        self.vectors, self.rows = vectors, rows
        self.n = vectors.shape[0] if rows is None else len(rows)
        self.is_sparse = sparse.issparse(vectors)
        # The peak is looked for in floats that hold the rows as they are, so before `dtype` counts.
        self.dtype = as_floats(vectors[:0]).dtype
        self.origin = np.zeros(vectors.shape[1]) if self.is_sparse else self._mean()
        self.scale = 1.0
        peak = max((float(abs(block).max()) for _, block in self.parts() if block.size), default=0)
        self.scale = safe_scale(peak, float(np.finfo(self.dtype).max))
        self.dtype = self.dtype if dtype is None else np.dtype(dtype)
        self.norms = np.concatenate([squared_norms(block) for _, block in self.parts()])
        # Squared distances below this are rounding: rows that close count as one.
        self.floor = 16 * np.finfo(self.dtype).eps * float(self.norms.max(initial=0.0))

    def _mean(self) -> Floats:
        """Return the mean of the rows."""
        total = np.zeros(self.vectors.shape[1])
        for part in slices(self.n, self.vectors.shape[1]):
            which = part if self.rows is None else self.rows[part]
            total += self.vectors[which].sum(axis=0, dtype=np.float64)
        return total / self.n

    def parts(self, n_others: int = 1) -> Iterator[tuple[slice, Vectors]]:
        """Yield places and floats of consecutive rows, few enough for products with others."""
        width = 1 if self.is_sparse else self.vectors.shape[1]
        for part in slices(self.n, max(width, n_others)):
            yield part, self.take(part)

    def take(self, places: slice | Positions) -> Vectors:
        """Return the floats of rows, given by their places among these."""
        return self.floats(places if self.rows is None else self.rows[places])

    def floats(self, positions: slice | Positions) -> Vectors:
        """Return the floats of rows, given by their positions in the pool."""
        block = as_floats(self.vectors[positions])
        if not self.is_sparse:
            block = block - self.origin.astype(block.dtype)
        if self.scale != 1.0:
            block = block * block.dtype.type(self.scale)
        return as_floats(block, self.dtype)

    def reach(self, centers: ArrayLike | None) -> NDArray[np.float64]:
        """Return the squared distance of each row to the nearest centre, infinity without any."""
        if centers is None:
            return np.full(self.n, np.inf)
        nearest = nearest_squared_distances(self.vectors, centers)
        nearest = nearest if self.rows is None else nearest[self.rows]
        return nearest * self.scale * self.scale  # in turn: the square may be out of range


def safe_scale(peak: float, largest: float) -> float:
    """Return what to multiply rows by whose squares might leave the range of floats, else 1.

    `peak` is the largest absolute entry of the rows, `largest` the largest number of their dtype.
    It is a power of two, which rounds nothing, no farther from 1 than that range allows.

    Examples
    --------
    >>> safe_scale(3e5, 1e308) == 2.0**-18, safe_scale(3.0, 1e308)
    (True, 1.0)
    """
    if peak == 0 or 1e-4 < peak < 1e4:
        return 1.0
    limit = math.frexp(largest)[1] - 2
    return 2.0 ** max(min(-math.floor(math.log2(peak)), limit), -limit)


def squared(left: Vectors, left_norms: NDArray, right: Vectors, right_norms: NDArray) -> NDArray:
    """Return squared distances of all rows of two blocks, given their squared lengths."""
    squares = products(left, -2 * right)
    squares += left_norms[:, None]
    squares += right_norms
    return np.maximum(squares, 0, out=squares)  # rounding may leave less, of which no root exists
