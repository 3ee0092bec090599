"""Distances of rows: products tell which pairs may matter, differences how far these are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from ..data.arrays import (
    Scratch,
    as_floats,
    gathered,
    products,
    slices,
    squared_norms,
    true_entries,
)
from ..data.types import Floats, Positions, Vectors

SINGLE = 1e-20, 1e30  # between these the largest squared length must lie for float32 to have room
_REREAD = 8  # pairs are gathered in pieces so much smaller: their differences are read at once
_CROWD = 8  # pairs in doubt for each row from which float64, which doubts fewer, is worth while


@dataclass
class ShiftedRows:
    """Rows of a pool, shifted to be near 0 and, as a rule, rounded to float32."""

    vectors: Vectors  # the pool
    positions: Positions  # (m,): which rows of it
    shift: Floats | None  # what is subtracted, exact in float32; None: nothing, of sparse rows
    shifted: Any  # (m, d): the rows themselves, float32 or float64, dense or CSR
    lengths: NDArray  # (m,): squared, from the shift; infinite where float32 has no room

    @classmethod
    def take(
        cls,
        vectors: Vectors,
        positions: Positions,
        shift: Floats | None,
        *,
        block: Any = None,
        dtype: DTypeLike = np.float32,
        scratch: Scratch | None = None,
    ) -> ShiftedRows:
        """Return rows of a pool; `block` holds these rows where they are at hand.

        Dense ones may lie in scratch memory, valid until it is used for others.
        """
        is_new = block is None
        block = gathered(vectors, positions, scratch) if block is None else block
        block = as_floats(block, np.float64 if dtype == np.float64 else None)
        with np.errstate(over="ignore"):  # callers see infinite lengths, and take float64
            if shift is not None:
                out = block if is_new else None  # a block that was handed in is the pool's own
                block = np.subtract(block, shift.astype(block.dtype), out=out)
            shifted = as_floats(block, dtype)
            lengths = squared_norms(shifted)
        if dtype == np.float64:
            refuse_overflow(lengths)
        return cls(vectors, positions, shift, shifted, lengths)

    def doubled(self, part: slice = slice(None)) -> ShiftedRows:
        """Return some of these rows in float64, read again: float32 has lost their digits."""
        return ShiftedRows.take(self.vectors, self.positions[part], self.shift, dtype=np.float64)

    def part(self, which: Positions | slice) -> ShiftedRows:
        """Return some of these rows."""
        shifted = self.shifted
        return ShiftedRows(
            self.vectors,
            self.positions[which],
            self.shift,
            shifted[which] if isinstance(which, slice) else gathered(shifted, which),
            self.lengths[which],
        )

    def rounding(self) -> tuple[float, float]:
        r"""Return how wrong a squared distance by products may be, in proportion and at least.

        With both lengths measured from the shift, :math:`|x|^2 - 2 x \cdot y + |y|^2` is wrong by
        less than :math:`2 (d + 8) u (|x|^2 + |y|^2)`: each product and length has d roundings, the
        shifted coordinates have two, which count twice, and sums and comparisons a few.
        """
        width, info = self.vectors.shape[1] + 8, np.finfo(self.shifted.dtype)
        # A tenth more for terms of second order. Whatever underflows lies below the second number.
        return 1.1 * width * float(info.eps), 8 * width * float(info.tiny) * float(info.eps)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.positions)

    def joined(self, keep: NDArray[np.bool_], others: ShiftedRows) -> ShiftedRows:
        """Return some of these rows, followed by the others."""
        join: Any = np.concatenate
        if sparse.issparse(self.shifted):
            join = partial(sparse.vstack, format="csr")
        return ShiftedRows(
            self.vectors,
            np.concatenate([self.positions[keep], others.positions]),
            self.shift,
            join([gathered(self.shifted, np.flatnonzero(keep)), others.shifted]),
            np.concatenate([self.lengths[keep], others.lengths]),
        )

    def apart(self, which: Positions, others: ShiftedRows, which_others: Positions) -> Floats:
        """Return squared distances of pairs of rows, by differences: 0 for equal rows."""
        squared = np.empty(len(which))
        for part in slices(len(which), _REREAD * self.vectors.shape[1]):
            left = gathered(self.vectors, self.positions[which[part]])
            right = gathered(others.vectors, others.positions[which_others[part]])
            squared[part] = difference_norms(left, right)
        return squared


class Picked:
    """The rows picked so far, shifted once and kept, since later rows are compared with all."""

    def __init__(self, vectors: Vectors, n: int, shift: Floats | None):
        self.vectors, self.shift, self.n = vectors, shift, 0
        self.positions = np.empty(n, dtype=np.intp)
        self.prepare(np.float32)

    def prepare(self, dtype: DTypeLike) -> None:
        """Keep them in this dtype from now on."""
        self.dtype = dtype
        self.top = 0.0  # their largest squared length
        if self.shift is not None:
            self.shifted = np.empty((len(self.positions), self.vectors.shape[1]), dtype=dtype)
            self.lengths = np.empty(len(self.positions), dtype=dtype)
        n, self.n = self.n, 0
        self.extend(self.positions[:n])

    def add(self, row: np.intp) -> ShiftedRows:
        """Add a row, and return it."""
        return self.extend(np.array([row]))

    def extend(self, positions: Positions) -> ShiftedRows:
        """Add rows, and return them."""
        last = ShiftedRows.take(self.vectors, positions, self.shift, dtype=self.dtype)
        part = slice(self.n, self.n + len(positions))
        self.positions[part] = positions
        if self.shift is not None:
            self.shifted[part], self.lengths[part] = last.shifted, last.lengths
        self.top = max(self.top, float(last.lengths.max(initial=0.0)))
        self.n = part.stop
        return last

    def since(self, start: int, stop: int | None = None) -> ShiftedRows:
        """Return those from number `start` on, up to `stop`: dense ones without a copy."""
        part = slice(start, self.n if stop is None else stop)
        if self.shift is None:
            return ShiftedRows.take(self.vectors, self.positions[part], None, dtype=self.dtype)
        positions, shifted, lengths = self.positions[part], self.shifted[part], self.lengths[part]
        return ShiftedRows(self.vectors, positions, self.shift, shifted, lengths)


def lowered(
    known: Floats, rows: ShiftedRows, others: ShiftedRows, scratch: Scratch | None = None
) -> Floats:
    """Return squared distances of rows to the nearest of others, where that is below what is known.

    Products of matrices tell which pairs may matter; what is returned is the smallest of their
    differences, squared and summed in float64. Both are shifted alike; rows known to be at 0, or
    below, stay as they are.
    """
    known = known.copy()
    if not len(rows) or not len(others):
        return known
    is_single = rows.shifted.dtype == np.float32
    top = max(rows.lengths.max(), others.lengths.max())
    if is_single and not SINGLE[0] < top < SINGLE[1]:
        return lowered(known, rows.doubled(), others.doubled(), scratch)
    scratch = Scratch() if scratch is None else scratch
    for part in slices(len(rows), len(others)):
        which, other = _pairs(known[part], rows.part(part), others, scratch)
        # Rows so close to one another that float32 rules out few pairs: differences of all the
        # others would take longer than products in float64.
        if is_single and len(which) > _CROWD * len(known[part]):
            known[part] = lowered(known[part], rows.doubled(part), others.doubled(), scratch)
            continue
        which += part.start
        np.minimum.at(known, which, rows.apart(which, others, other))
    return known


def lower_bounds(
    upper: Floats, rows: ShiftedRows, others: ShiftedRows, scratch: Scratch | None = None
) -> None:
    """Lower upper bounds of squared distances of rows, in place, to those on some others.

    Both are shifted alike, in floats of one dtype that has room for them. A bound of -1 stays.
    """
    error, least = rows.rounding()
    # |x - y|² <= (1 + error) (|x|² + |y|²) - 2 x.y, where the term of x is the same for all y: the
    # least of these is that of the largest x.y - (1 + error) |y|² / 2.
    constants = (1 + error) / 2 * others.lengths
    # Rows lie along the second axis, since a maximum over the first is far quicker.
    dots = products(others.shifted, rows.shifted, scratch)
    dots -= constants[:, None]
    largest = dots.max(axis=0) if len(others) > 1 else dots[0]
    squared = (1 + error) * rows.lengths.astype(np.float64)
    squared += least
    squared -= 2.0 * largest
    np.minimum(upper, squared, out=upper)


def _pairs(
    known: Floats, rows: ShiftedRows, others: ShiftedRows, scratch: Scratch
) -> tuple[Positions, Positions]:
    """Return which of the rows may be nearest to which of the others, and nearer than is known."""
    error, least = rows.rounding()
    axis = 0 if len(others) <= len(rows) else 1  # of the others: the longer side is contiguous
    first, second = (rows, others) if axis else (others, rows)
    low = products(-2 * first.shifted, second.shifted, scratch)
    lengths = np.expand_dims(others.lengths, 1 - axis)
    low += (1 - error) * lengths
    # With (1 - error) * rows.lengths, left out on both sides, these are bounds from below. A pair
    # matters if its bound does not exceed what is known, nor the row's least bound from above.
    limit = np.where(known > 0, known - (1 - error) * rows.lengths, -np.inf)
    if len(others) > 1:
        high = np.add(low, 2 * error * lengths, out=scratch.array("high", low.shape, low.dtype))
        limit = np.minimum(limit, high.min(axis=axis) + 2 * error * rows.lengths)
    limit += least
    # What is not known is infinite: as a finite limit it is compared in the dtype of the products.
    limit = np.minimum(limit, float(np.finfo(low.dtype).max)).astype(low.dtype)
    pairs = true_entries(low <= np.expand_dims(limit, axis))
    return pairs[1 - axis], pairs[axis]


def difference_norms(left, right) -> Floats:
    """Return squared lengths of differences of rows, in float64: equal pairs give equal numbers."""
    if sparse.issparse(left):
        return squared_norms(as_floats(left, np.float64) - as_floats(right, np.float64))
    # Always one memory layout, as the order of a sum, so its rounding, depends on it.
    return squared_norms(np.subtract(left, right, dtype=np.float64, order="C"))


def middle_of(vectors: Vectors, positions: Positions) -> Floats | None:
    """Return a point near dense rows to subtract from them, in float64; None for sparse rows."""
    if sparse.issparse(vectors):
        return None  # shifted, they would be dense
    some = as_floats(vectors[positions[:: max(len(positions) // 256, 1)]], np.float64)
    mean = some.mean(axis=0)
    # Exact in float32 where that has room: so it is the same point for rows of either dtype.
    with np.errstate(over="ignore"):
        single = mean.astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(single), single, mean)


def refuse_overflow(lengths: NDArray) -> None:
    """Refuse rows with squared lengths that are not finite."""
    if not np.isfinite(lengths).all():
        raise ValueError(
            "embedding has rows whose squared length overflows; divide it by a constant."
        )
