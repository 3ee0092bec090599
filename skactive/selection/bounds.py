"""Upper bounds of squared distances, lowered for every row of a pool by one product."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from .arrays import Positions, Vectors, as_floats, chunks, squared_norms
from .distances import CHUNK_BYTES, Floats

_ENTRIES = 1 << 17  # of a block of bounds
_SPARSE_PICKS = 8  # picks that sparse rows are multiplied with at a time, as dense vectors
_SINGLE = 1e-20, 1e30  # squared lengths that float32 has room for


class Bounds:
    r"""Upper bounds of squared distances to rows of a pool, by products in the pool's own dtype.

    :math:`\lVert x - v \rVert^2 = \lVert x - s \rVert^2 - 2 \langle x, v - s \rangle +
    2 \langle s, v - s \rangle + \lVert v - s \rVert^2`, so the pool is read as it lies, without
    being shifted. With w = v - s, r = |x - s| and unit u, the product has d + 1 roundings, the sum
    and its terms 5 more, of values whose sizes add up to at most :math:`2 r^2 + 2 \lVert w \rVert^2
    + 4 \lVert x \rVert \lVert w \rVert`. With :math:`2 \lVert x \rVert \lVert w \rVert \le
    \lVert x \rVert^2 / b + b \lVert w \rVert^2` for any b > 0, and 2 u for 1 u, the error is less
    than :math:`4 (d + 6) u (r^2 + \lVert x \rVert^2 / b + (1 + b) \lVert w \rVert^2)`, a
    constant of the row and one of the pick.

    Parameters
    ----------
    vectors : ndarray or CSR matrix of shape (N, d)
        The pool.
    shift : ndarray of shape (d,), or None
        s, a point near the rows; None: 0.
    """

    def __init__(self, vectors: Vectors, shift: Floats | None):
        self.vectors = vectors
        self.shift = np.zeros(vectors.shape[1]) if shift is None else shift
        self.lengths = np.empty(vectors.shape[0])
        for part in chunks(vectors, CHUNK_BYTES):
            block = as_floats(vectors[part], np.float64)
            self.lengths[part] = squared_norms(block if shift is None else block - shift)
        low, high = _SINGLE
        top = self.lengths.max(initial=0.0)
        is_single = as_floats(vectors[:0]).dtype == np.float32
        is_single &= bool(low < top and top + self.shift @ self.shift < high)
        self._prepare(np.dtype(np.float32 if is_single else np.float64))

    def _prepare(self, dtype: np.dtype) -> None:
        """Compute with `dtype` from now on."""
        self.dtype = dtype
        self.error = 2 * (self.vectors.shape[1] + 8) * np.finfo(dtype).eps
        whole = np.square(np.sqrt(self.lengths) + np.sqrt(self.shift @ self.shift))
        self.balance = np.sqrt(whole.mean() / (self.lengths.mean() or 1.0))
        if not self.balance:
            self.balance = 1.0
        whole *= self.error / self.balance
        self.base = ((1 + self.error) * self.lengths + whole).astype(dtype)

    def refine(self) -> None:
        """Compute in float64 from now on, for rows that lie too close for float32."""
        if self.dtype != np.float64:
            self._prepare(np.dtype(np.float64))

    def lower(self, bounds: Floats, picks: Positions) -> None:
        """Lower bounds of all rows, in place, to those on the distances to some picks."""
        step = _SPARSE_PICKS if sparse.issparse(self.vectors) else max(len(picks), 1)
        for start in range(0, len(picks), step):
            chosen = self.vectors[picks[start : start + step]]
            chosen = chosen.toarray() if sparse.issparse(chosen) else chosen
            moved = as_floats(chosen, np.float64) - self.shift
            lengths = squared_norms(moved)
            constant = lengths + 2 * (moved @ self.shift)
            constant += self.error * (1 + self.balance) * lengths
            self._apply(bounds, (-2 * moved).astype(self.dtype), constant.astype(self.dtype))

    def _apply(self, bounds: Floats, moved: Floats, constant: Floats) -> None:
        """Lower the bounds, given the picks times -2 and their constants."""
        for part in self._parts(len(moved)):
            block = as_floats(self.vectors[part], self.dtype)
            if len(moved) == 1:
                squared = block @ moved[0]
                squared += constant[0]
            else:
                squared = (block @ moved.T + constant).min(axis=1)
            squared += self.base[part]
            np.minimum(bounds[part], squared, out=bounds[part])

    def _parts(self, n_picks: int) -> Iterator[slice]:
        """Slices of rows, small enough to be upcast, and to be compared with so many picks."""
        n, step = len(self.lengths), max(_ENTRIES // n_picks, 64)
        if self.vectors.dtype == self.dtype and not sparse.issparse(self.vectors):
            return (slice(start, min(start + step, n)) for start in range(0, n, step))
        return chunks(self.vectors, min(CHUNK_BYTES, 8 * step * self.vectors.shape[1]))
