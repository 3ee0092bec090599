"""Upper bounds of squared distances: of all rows of a pool, and of a few that are kept fresh."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from ..data.arrays import as_floats, chunks, dense, row_width, slices, squared_norms
from ..data.types import Floats, Mask, Positions, Vectors
from .pairs import SINGLE, Picked, ShiftedRows, lowered, refuse_overflow


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

    `shift` is s, a point near the rows; None: 0. `dtype`, in which bounds are computed, is that of
    `as_floats`, or float64 where that has no room.
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
            for part in chunks(self.vectors):
                block = as_floats(self.vectors[part], self.dtype)
                self.base[part] = squared_norms(block if sparse.issparse(block) else block - shift)
            # |x| <= |x - s| + |s|, squared: the lengths themselves need no pass of their own.
            whole = (np.sqrt(self.base) + float(np.sqrt(self.shift @ self.shift))) ** 2
            spread = float(self.base.mean())
            if spread > 0:  # else all rows are equal, and any b does
                self.balance = min(float(whole.mean()) / spread, 1e12) ** 0.5
            self.slack = self.error * (self.base + whole / self.balance)
            self.base += self.slack

    def refine(self) -> bool:
        """Compute in float64 from now on, for rows too close for less; False if it did."""
        if self.dtype == np.float64:
            return False
        self._prepare(np.float64)
        return True

    def lower(self, bounds: NDArray, picks: Positions) -> None:
        """Lower bounds of all rows, in place, to those on the distances to some picks."""
        # Sparse rows are multiplied with dense picks, of which few may fit into memory.
        width = self.vectors.shape[1] if sparse.issparse(self.vectors) else 1
        for part in slices(len(picks), width, least=1):
            points = dense(self.vectors[picks[part]])
            self._lower(bounds, as_floats(points, np.float64) - self.shift)

    def may_be_nearest(self, point: Floats, mask: Mask) -> Positions:
        """Return those rows of a mask among which the one nearest to a point surely is."""
        upper = np.full(len(mask), np.inf, dtype=self.dtype)
        point = point - self.shift
        self._lower(upper, point[None])
        upper[~mask] = np.inf
        # The nearest row lies below the least upper bound; each exceeds its distance by no more
        # than twice what was added, of the row (slack) and of the point.
        reach = upper.min() + 2 * self.error * (1 + self.balance) * (point @ point)
        return np.flatnonzero(mask & (upper - 2 * self.slack <= reach))

    def _lower(self, bounds: NDArray, moved: Floats) -> None:
        """Lower the bounds to those on the distances to points, given relative to s."""
        lengths = squared_norms(moved)
        constant = lengths + 2 * (moved @ self.shift)
        constant += self.error * (1 + self.balance) * lengths
        constant, factors = constant.astype(self.dtype), (-2 * moved).astype(self.dtype)
        for part in self._parts(len(moved)):
            block = as_floats(self.vectors[part], self.dtype)
            # Points come first, since a minimum over the first axis is far quicker.
            squared = factors @ block.T
            squared += constant[:, None]
            squared = squared[0] if len(moved) == 1 else squared.min(axis=0)
            squared += self.base[part]
            np.minimum(bounds[part], squared, out=bounds[part])

    def _parts(self, n_points: int) -> Iterator[slice]:
        """Return slices of rows, few enough for products with the points, and to be upcast."""
        is_copied = self.vectors.dtype != self.dtype or sparse.issparse(self.vectors)
        width = max(n_points, row_width(self.vectors)) if is_copied else n_points
        return slices(len(self.base), width)


class Active:
    """A few rows, copied to lie together, and what is known of their distances.

    `upper` bounds their squared distances to all centres and picks. `exact` holds the distances to
    the centres and to the first `settled` picks: 0 of rows that were never in doubt.
    """

    def __init__(self, picked: Picked):
        self.rows = ShiftedRows.take(
            picked.vectors, np.empty(0, np.intp), picked.shift, dtype=picked.dtype
        )
        self.upper, self.exact = np.empty(0), np.empty(0)
        self.settled = np.empty(0, dtype=np.intp)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.upper)

    @property
    def positions(self) -> Positions:
        """Which rows of the pool these are."""
        return self.rows.positions

    def join(self, keep: Mask, rows: ShiftedRows, upper: Floats, known: Floats) -> None:
        """Keep some rows; add others, with their bounds and their distances to the centres."""
        self.rows = self.rows.joined(keep, rows)
        self.upper = np.append(self.upper[keep], upper)
        self.exact = np.append(self.exact[keep], known)
        self.settled = np.append(self.settled[keep], np.zeros(len(rows), dtype=np.intp))

    def lower(self, at: int, picked: Picked) -> float:
        """Return a lower bound of the squared distance of a row: the upper one less rounding."""
        error, least = self.rows.rounding()
        upper, length = float(self.upper[at]), float(self.rows.lengths[at])
        # The pick that is nearest lies within `upper` of the row: |w|² <= 2 (|x|² + upper).
        longest = min(picked.top, 2 * (length + upper))
        return max(upper - 2 * error * (length + longest) - 2 * least, 0.0)

    def settle(self, which: Positions, picked: Picked) -> Floats:
        """Return the exact distances of some rows to all centres and picks, now their bounds."""
        # One product for all: those settled farther see some picks again, which changes nothing.
        start = int(self.settled[which].min())
        values = lowered(self.exact[which], self.rows.part(which), picked.since(start))
        self.exact[which], self.upper[which], self.settled[which] = values, values, picked.n
        return values


def rounded_up(values: Floats, dtype: np.dtype) -> NDArray:
    """Return numbers in a dtype, none smaller than it was, and 0 as 0: bounds must stay bounds."""
    rounded = values.astype(dtype)
    np.nextafter(rounded, dtype.type(np.inf), out=rounded, where=rounded < values)
    return rounded
