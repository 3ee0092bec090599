"""Upper bounds of squared distances: of every row of a pool, and of a few, told more often."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from ..data.arrays import Mask, Positions, Vectors, as_floats, chunks, squared_norms
from .pairs import CHUNK_BYTES, SINGLE, Floats, Picked, Rows, lowered, refuse_overflow

_ENTRIES = 1 << 19  # of a block of bounds
_SPARSE_PICKS = 8  # picks that sparse rows are multiplied with at a time, as dense vectors


class Bounds:
    r"""Upper bounds of the squared distances of all rows to some of them, in the pool's own dtype.

    :math:`\lVert x - v \rVert^2 = \lVert x - s \rVert^2 - 2 \langle x, w \rangle + 2 \langle s, w
    \rangle + \lVert w \rVert^2` with :math:`w = v - s`: the pool is read as it lies and never
    shifted.

    With r = |x - s| and the rounding unit u, lengths have d + 3 roundings, the product d + 1, the
    sum and its terms 4, each of a value no larger than :math:`2 r^2 + 2 \lVert w \rVert^2 + 4
    \lVert x \rVert \lVert w \rVert`. Since :math:`2 \lVert x \rVert \lVert w \rVert \le \lVert x
    \rVert^2 / b + b \lVert w \rVert^2` for any b > 0, the error is less than :math:`4 (d + 8) u
    (r^2 + \lVert x \rVert^2 / b + (1 + b) \lVert w \rVert^2)`: a constant of the row and one of
    the pick, which are added. b makes the two about equal.

    Parameters
    ----------
    vectors : ndarray or CSR matrix of shape (N, d)
        The pool.
    shift : ndarray of shape (d,), or None
        s, a point near the rows; None: 0.

    Attributes
    ----------
    dtype : dtype
        In which bounds are computed: that of `as_floats`, or float64 where that has no room.
    """

    def __init__(self, vectors: Vectors, shift: Floats | None):
        self.vectors = vectors
        self.shift = np.zeros(vectors.shape[1]) if shift is None else shift
        self._prepare(as_floats(vectors[:0]).dtype)
        top = float(self.base.max(initial=0.0)) + float(self.shift @ self.shift)
        if self.dtype != np.float64 and not SINGLE[0] < top < SINGLE[1]:
            self._prepare(np.float64)
        refuse_overflow(self.base)

    def _prepare(self, dtype: DTypeLike) -> None:
        """Compute with `dtype` from now on."""
        self.dtype = np.dtype(dtype)
        self.balance = 1.0
        self.error = 2 * (self.vectors.shape[1] + 8) * float(np.finfo(self.dtype).eps)
        shift = self.shift.astype(self.dtype)
        self.shift = shift.astype(np.float64)
        self.base = np.empty(self.vectors.shape[0], dtype=self.dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # refused, or done again in float64
            for part in chunks(self.vectors, CHUNK_BYTES):
                block = as_floats(self.vectors[part], self.dtype)
                self.base[part] = squared_norms(block if sparse.issparse(block) else block - shift)
            whole = (np.sqrt(self.base) + float(np.sqrt(self.shift @ self.shift))) ** 2
            spread = float(self.base.mean())
            if spread > 0:
                self.balance = min(float(whole.mean()) / spread, 1e12) ** 0.5
            self.slack = self.error * (self.base + whole / self.balance)
            self.base += self.slack

    def refine(self) -> bool:
        """Compute in float64 from now on, for rows too close for less; False where it did."""
        if self.dtype == np.float64:
            return False
        self._prepare(np.float64)
        return True

    def lower(self, bounds: NDArray, picks: Positions) -> None:
        """Lower bounds of all rows, in place, to those on the distances to some picks."""
        step = _SPARSE_PICKS if sparse.issparse(self.vectors) else max(len(picks), 1)
        for start in range(0, len(picks), step):
            points = self.vectors[picks[start : start + step]]
            points = points.toarray() if sparse.issparse(points) else points
            self._lower(bounds, as_floats(points, np.float64) - self.shift)

    def may_be_nearest(self, point: Floats, mask: Mask) -> Positions:
        """Positions of the rows of a mask of which one, surely, is nearest to a point."""
        upper = np.full(len(mask), np.inf, dtype=self.dtype)
        point = point - self.shift
        self._lower(upper, point[None])
        upper[~mask] = np.inf
        reach = upper.min() + 2 * self.error * (1 + self.balance) * (point @ point)
        return np.flatnonzero(mask & (upper - 2 * self.slack <= reach))

    def _lower(self, bounds: NDArray, moved: Floats) -> None:
        """Lower the bounds to those on the distances to points, given as they lie from s."""
        lengths = squared_norms(moved)
        constant = lengths + 2 * (moved @ self.shift)
        constant += self.error * (1 + self.balance) * lengths
        constant, factors = constant.astype(self.dtype), (-2 * moved).astype(self.dtype)
        for part in self._parts(len(moved)):
            block = as_floats(self.vectors[part], self.dtype)
            squared = factors @ block.T
            squared += constant[:, None]
            squared = squared[0] if len(moved) == 1 else squared.min(axis=0)
            squared += self.base[part]
            np.minimum(bounds[part], squared, out=bounds[part])

    def _parts(self, n_points: int) -> Iterator[slice]:
        """Slices of rows, few enough to be upcast, and to be compared with so many points."""
        n, step = len(self.base), max(_ENTRIES // n_points, 64)
        if self.vectors.dtype != self.dtype or sparse.issparse(self.vectors):
            step = min(step, next(chunks(self.vectors, CHUNK_BYTES)).stop)
        return (slice(start, min(start + step, n)) for start in range(0, n, step))


class Active:
    """A few rows, copied to lie together, and what is known of their distances.

    Attributes
    ----------
    rows : Rows
        They themselves.
    upper : ndarray of float64, shape (m,)
        Upper bounds of their squared distances to all centres and picks.
    exact : ndarray of float64, shape (m,)
        The distances themselves, to the centres and the first few of the picks.
    settled : ndarray of intp, shape (m,)
        To how many of the picks; 0 of rows that were not yet in doubt.
    """

    def __init__(self, picked: Picked):
        self.rows = Rows.take(
            picked.vectors, np.empty(0, np.intp), picked.shift, dtype=picked.dtype
        )
        self.upper, self.exact = np.empty(0), np.empty(0)
        self.settled = np.empty(0, dtype=np.intp)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.upper)

    @property
    def positions(self) -> Positions:
        """Which rows of the pool."""
        return self.rows.positions

    def join(self, keep: Mask, rows: Rows, upper: Floats, known: Floats) -> None:
        """Keep some rows, and add others with their bounds and their distances to the centres."""
        self.rows = self.rows.joined(keep, rows)
        self.upper = np.append(self.upper[keep], upper)
        self.exact = np.append(self.exact[keep], known)
        self.settled = np.append(self.settled[keep], np.zeros(len(rows), dtype=np.intp))

    def lower(self, at: int, picked: Picked) -> float:
        """Return a lower bound of the distance of a row: the upper one less rounding errors.

        A pick that is nearer to it than that lies no farther from the shift than both lengths.
        """
        error, least = self.rows.rounding()
        upper, length = float(self.upper[at]), float(self.rows.lengths[at])
        longest = min(picked.top, 2 * (length + upper))
        return max(upper - 2 * error * (length + longest) - 2 * least, 0.0)

    def settle(self, which: Positions, picked: Picked) -> Floats:
        """Return the distances of some rows to all centres and picks, which are their bounds."""
        start = int(self.settled[which].min())
        values = lowered(self.exact[which], self.rows.part(which), picked.since(start))
        self.exact[which], self.upper[which], self.settled[which] = values, values, picked.n
        return values


def rounded_up(values: Floats, dtype: np.dtype) -> NDArray:
    """Return numbers as a dtype, none of them smaller than it was, and 0 as 0."""
    rounded = values.astype(dtype)
    np.nextafter(rounded, dtype.type(np.inf), out=rounded, where=rounded < values)
    return rounded
