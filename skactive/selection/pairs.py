"""Which pairs of rows may be nearest, by products; and their distances, by differences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from ..data.arrays import (
    Positions,
    Scratch,
    Vectors,
    as_floats,
    gathered,
    products,
    squared_norms,
    true_entries,
)

CHUNK_BYTES = 1 << 22  # of rows as float64: in the cache, and enough for threads to share
SINGLE = 1e-20, 1e30  # largest squared lengths of rows for which float32 has room
_ENTRIES = 1 << 19  # of a block of products
_CACHED = 8  # so much less than other chunks are differences, which are read again at once
_CROWD = 8  # pairs for each row, in doubt in float32, from which float64 is worth while

Floats = NDArray[np.float64]


@dataclass
class Rows:
    """Rows of a pool, shifted to be near 0 and, as a rule, rounded to float32.

    Attributes
    ----------
    vectors : ndarray or CSR matrix of shape (N, d)
        The pool.
    positions : ndarray of intp, shape (m,)
        Which rows of it.
    shift : ndarray of shape (d,), or None
        What is subtracted, exact in float32.
    shifted : ndarray or CSR matrix of shape (m, d)
        They themselves, float32 or float64.
    lengths : ndarray of shape (m,)
        Their squared lengths from the shift; infinite where float32 has no room.
    """

    vectors: Vectors
    positions: Positions
    shift: Floats | None
    shifted: Any
    lengths: NDArray

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
    ) -> Rows:
        """Return rows of a pool; `block` are these rows, where they are at hand.

        Dense ones may lie in scratch memory, until it is used for others.
        """
        is_new = block is None
        block = gathered(vectors, positions, scratch) if block is None else block
        block = as_floats(block, np.float64 if dtype == np.float64 else None)
        with np.errstate(over="ignore"):  # then they are taken again, in float64
            if shift is not None:
                out = block if is_new else None
                block = np.subtract(block, shift.astype(block.dtype), out=out)
            shifted = as_floats(block, dtype)
            lengths = squared_norms(shifted)
        if dtype == np.float64:
            refuse_overflow(lengths)
        return cls(vectors, positions, shift, shifted, lengths)

    def doubled(self, part: slice = slice(None)) -> Rows:
        """Return some of these rows in float64."""
        return Rows.take(self.vectors, self.positions[part], self.shift, dtype=np.float64)

    def part(self, which: Positions | slice) -> Rows:
        """Return some of these rows."""
        shifted = self.shifted
        return Rows(
            self.vectors,
            self.positions[which],
            self.shift,
            shifted[which] if isinstance(which, slice) else gathered(shifted, which),
            self.lengths[which],
        )

    def rounding(self) -> tuple[float, float]:
        r"""Return what a squared distance by products is wrong by, in proportion and at least.

        With both lengths measured from the shift, :math:`|x|^2 - 2 x \cdot y + |y|^2` is wrong by
        less than :math:`2 (d + 8) u (|x|^2 + |y|^2)`: d roundings of each product and length, two
        for the shifted coordinates, which count twice, and a few of sums and of what is compared.
        A tenth more is taken, for what is of second order. Below the second number lies what
        underflows.
        """
        width, info = self.vectors.shape[1] + 8, np.finfo(self.shifted.dtype)
        return 1.1 * width * float(info.eps), 8 * width * float(info.tiny) * float(info.eps)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.positions)

    def joined(self, keep: NDArray[np.bool_], others: Rows) -> Rows:
        """Return some of these rows, and then the others."""
        join: Any = np.concatenate
        if sparse.issparse(self.shifted):
            join = partial(sparse.vstack, format="csr")
        return Rows(
            self.vectors,
            np.concatenate([self.positions[keep], others.positions]),
            self.shift,
            join([gathered(self.shifted, np.flatnonzero(keep)), others.shifted]),
            np.concatenate([self.lengths[keep], others.lengths]),
        )

    def apart(self, which: Positions, others: Rows, which_others: Positions) -> Floats:
        """Squared distances of pairs of rows, from differences: 0 for rows that are equal."""
        squared = np.empty(len(which))
        for part in pieces(len(which), _CACHED * self.vectors.shape[1]):
            left = gathered(self.vectors, self.positions[which[part]])
            right = gathered(others.vectors, others.positions[which_others[part]])
            squared[part] = difference_norms(left, right)
        return squared


class Picked:
    """Picked rows, prepared for comparison."""

    def __init__(self, vectors: Vectors, n: int, shift: Floats | None):
        self.vectors, self.shift, self.n = vectors, shift, 0
        self.positions = np.empty(n, dtype=np.intp)
        self.prepare(np.float32)

    def prepare(self, dtype: DTypeLike) -> None:
        """Keep them in a dtype from now on."""
        self.dtype = dtype
        self.top = 0.0  # largest squared length
        if self.shift is not None:
            self.shifted = np.empty((len(self.positions), self.vectors.shape[1]), dtype=dtype)
            self.lengths = np.empty(len(self.positions), dtype=dtype)
        n, self.n = self.n, 0
        self.extend(self.positions[:n])

    def add(self, row: np.intp) -> Rows:
        """Add a row, and return it."""
        return self.extend(np.array([row]))

    def extend(self, positions: Positions) -> Rows:
        """Add rows, and return them."""
        last = Rows.take(self.vectors, positions, self.shift, dtype=self.dtype)
        part = slice(self.n, self.n + len(positions))
        self.positions[part] = positions
        if self.shift is not None:
            self.shifted[part], self.lengths[part] = last.shifted, last.lengths
        self.top = max(self.top, float(last.lengths.max(initial=0.0)))
        self.n = part.stop
        return last

    def since(self, start: int, stop: int | None = None) -> Rows:
        """Return all of them but the first few, or up to another: dense ones without a copy."""
        part = slice(start, self.n if stop is None else stop)
        if self.shift is None:
            return Rows.take(self.vectors, self.positions[part], None, dtype=self.dtype)
        positions, shifted, lengths = self.positions[part], self.shifted[part], self.lengths[part]
        return Rows(self.vectors, positions, self.shift, shifted, lengths)


def lowered(known: Floats, rows: Rows, others: Rows, scratch: Scratch | None = None) -> Floats:
    """Squared distances of rows to the nearest of others, where that is below what is known.

    Products of matrices tell which pairs may matter; what is returned is the smallest of their
    differences, squared and summed in float64.

    Parameters
    ----------
    known : ndarray of shape (m,), float64
        Distances to what came before. Rows at 0 or less stay as they are.
    rows, others : Rows
        Both shifted alike.
    scratch : Scratch, optional
        Memory for their products.

    Returns
    -------
    ndarray of shape (m,), float64
        A new array.
    """
    known = known.copy()
    if not len(rows) or not len(others):
        return known
    is_single = rows.shifted.dtype == np.float32
    top = max(rows.lengths.max(), others.lengths.max())
    if is_single and not SINGLE[0] < top < SINGLE[1]:
        return lowered(known, rows.doubled(), others.doubled(), scratch)
    step = max(_ENTRIES // len(others), 64)
    scratch = Scratch() if scratch is None else scratch
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        which, other = _pairs(known[part], rows.part(part), others, scratch)
        if is_single and len(which) > _CROWD * len(known[part]):
            known[part] = lowered(known[part], rows.doubled(part), others.doubled(), scratch)
            continue
        which += start
        np.minimum.at(known, which, rows.apart(which, others, other))
    return known


def lower_bounds(upper: Floats, rows: Rows, others: Rows, scratch: Scratch | None = None) -> None:
    """Lower, in place, upper bounds of squared distances of rows to those to some others.

    Parameters
    ----------
    upper : ndarray of shape (m,), float64
        Bounds on what came before; -1 stays.
    rows, others : Rows
        Both shifted alike, in floats of one dtype that has room for them.
    scratch : Scratch, optional
        Memory for their products.
    """
    error, least = rows.rounding()
    constants = (1 + error) / 2 * others.lengths
    # Of these the largest, less constants, counts; this way round is far quicker.
    dots = products(others.shifted, rows.shifted, scratch)
    dots -= constants[:, None]
    largest = dots.max(axis=0) if len(others) > 1 else dots[0]
    squared = (1 + error) * rows.lengths.astype(np.float64)
    squared += least
    squared -= 2.0 * largest
    np.minimum(upper, squared, out=upper)


def _pairs(
    known: Floats, rows: Rows, others: Rows, scratch: Scratch
) -> tuple[Positions, Positions]:
    """Which of the rows may be nearest to which of the others, and nearer than is known."""
    error, least = rows.rounding()
    axis = 0 if len(others) <= len(rows) else 1  # of the others: the longer one lies together
    first, second = (rows, others) if axis else (others, rows)
    low = products(-2 * first.shifted, second.shifted, scratch)
    lengths = np.expand_dims(others.lengths, 1 - axis)
    low += (1 - error) * lengths
    # Together with (1 - error) * rows.lengths, left out here, these are bounds from below.
    limit = np.where(known > 0, known - (1 - error) * rows.lengths, -np.inf)
    if len(others) > 1:
        high = np.add(low, 2 * error * lengths, out=scratch.array("high", low.shape, low.dtype))
        limit = np.minimum(limit, high.min(axis=axis) + 2 * error * rows.lengths)
    limit += least
    limit = np.minimum(limit, float(np.finfo(low.dtype).max)).astype(low.dtype)
    pairs = true_entries(low <= np.expand_dims(limit, axis))
    return pairs[1 - axis], pairs[axis]


def difference_norms(left, right) -> Floats:
    """Squared lengths of the differences of rows, in float64; equal pairs give equal results."""
    if sparse.issparse(left):
        return squared_norms(as_floats(left, np.float64) - as_floats(right, np.float64))
    # One memory layout always: how a sum is rounded depends on it.
    return squared_norms(np.subtract(left, right, dtype=np.float64, order="C"))


def pieces(n: int, width: float) -> list[slice]:
    """Slices of n rows, few enough to be gathered as float64."""
    step = max(int(CHUNK_BYTES / (8 * max(width, 1))), 64)
    return [slice(start, start + step) for start in range(0, n, step)]


def mean_of(vectors: Vectors, positions: Positions) -> Floats | None:
    """Return a point near dense rows to subtract from them; sparse rows stay as they are: None."""
    if sparse.issparse(vectors):
        return None
    some = as_floats(vectors[positions[:: max(len(positions) // 256, 1)]], np.float64)
    mean = some.mean(axis=0)
    with np.errstate(over="ignore"):
        single = mean.astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(single), single, mean)


def refuse_overflow(lengths: NDArray) -> None:
    """Refuse rows with squared lengths that are not finite."""
    if not np.isfinite(lengths).all():
        raise ValueError(
            "embedding has rows whose squared length overflows; divide it by a constant."
        )
