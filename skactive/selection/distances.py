"""Squared Euclidean distances that cancellation does not spoil, in blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from .arrays import (
    Positions,
    Vectors,
    as_floats,
    as_positions,
    check_vectors,
    chunks,
    products,
    squared_norms,
)

CHUNK_BYTES = 1 << 20  # of rows as float64: what is made of them stays in the cache
CLOSE = 1e-6  # share of squared lengths below which distances are taken from differences
_CENTERS = 512  # centres that the pool is compared with at a time
_PAIRS = 1 << 17  # entries of a block of distances
_UNIT = 2.0**-53  # half the distance from 1 to the next float64

Floats = NDArray[np.float64]


def squared_distances(
    block, others, *, shift: NDArray | None = None, dtype: DTypeLike = np.float64
) -> NDArray:
    r"""Squared distances between the rows of two blocks, never negative, 0 for equal rows.

    :math:`\lVert x - s \rVert^2 - 2 \langle x - s, y - s \rangle + \lVert y - s \rVert^2`, by one
    product of matrices, where s is near the rows, so that little cancels; where much does, from
    the difference of the rows.

    Parameters
    ----------
    block : ndarray or CSR matrix of shape (m, d)
        Any real dtype.
    others : ndarray or CSR matrix of shape (k, d)
        Dense where `block` is dense.
    shift : ndarray of shape (d,), optional
        s. By default the mean of `others`. Sparse rows are never shifted.
    dtype : dtype, default=float64
        In which to compute: float64 or float32.

    Returns
    -------
    ndarray of shape (m, k)
        A new array of `dtype`. With u its rounding unit, an entry is right within
        :math:`2 (d + 4) u (\lVert x - s \rVert^2 + \lVert y - s \rVert^2)`. Below a share of
        1e-6 of that sum it is right within a relative error of :math:`(d + 3) u`.

    Examples
    --------
    >>> squared_distances(np.array([[1e9, 1e9]]), np.array([[1e9, 1e9 + 1], [1e9 + 3, 1e9 + 4]]))
    array([[ 1., 25.]])
    """
    rows, columns = as_floats(block, np.float64), as_floats(others, np.float64)
    if not sparse.issparse(rows):
        shift = columns.mean(axis=0) if shift is None else shift
        rows, columns = rows - shift, columns - shift
    rows, columns = as_floats(rows, dtype), as_floats(columns, dtype)
    lengths, other_lengths = squared_norms(rows), squared_norms(columns)
    squared = products(rows, columns)
    squared *= -2
    squared += lengths[:, None]
    squared += other_lengths
    close = np.nonzero(squared <= CLOSE * (lengths[:, None] + other_lengths))
    for part in pieces(len(close[0]), rows.shape[1]):
        which, other = close[0][part], close[1][part]
        squared[which, other] = difference_norms(block[which], others[other])
    return np.maximum(squared, 0, out=squared)


def difference_norms(left, right) -> Floats:
    """Squared lengths of the differences of rows, in float64; equal pairs give equal results."""
    apart = as_floats(left, np.float64) - as_floats(right, np.float64)
    # One memory layout always: how a sum is rounded depends on it.
    return squared_norms(apart if sparse.issparse(apart) else np.ascontiguousarray(apart))


def nearest_squared_distances(
    embedding: ArrayLike, centers: ArrayLike, *, known: ArrayLike | None = None
) -> Floats:
    """Squared distance of every row to the nearest of some rows.

    Parameters
    ----------
    embedding : array of shape (N, d)
        Of any real dtype, dense or CSR.
    centers : array of int
        Positions of the rows to which distances are taken; there may be none.
    known : array of float, shape (N,), optional
        Squared distances to earlier centres, which these lower. Not written to.

    Returns
    -------
    ndarray of float64, shape (N,)
        A new array; infinity where there is no centre at all. Each distance is the smallest of
        sums of squared differences, right within a relative error of :math:`(d + 3) u`,
        u = 1.1e-16, whatever the offset of the data: a row that equals a centre is at exactly 0,
        and equal rows are at equal distances.

    Raises
    ------
    TypeError
        If the embedding does not hold real numbers or positions are not integers.
    ValueError
        If the embedding holds NaN or infinity, squared lengths overflow, a position lies outside,
        or `known` is not one number, 0 or more, for each row.

    Examples
    --------
    >>> nearest_squared_distances(np.array([[0.0], [3.0], [5.0]]), [0, 2])
    array([0., 4., 0.])
    """
    vectors = check_vectors(embedding, who="nearest_squared_distances")
    n = vectors.shape[0]
    centers = np.unique(as_positions(centers, n))
    nearest = np.full(n, np.inf) if known is None else checked_distances(known, n, "known").copy()
    return lower_all(nearest, vectors, centers)


def lower_all(nearest: Floats, vectors: Vectors, centers: Positions) -> Floats:
    """Lower, in place, the squared distance of every row to that to some rows; return it."""
    for start in range(0, len(centers), _CENTERS):
        positions = centers[start : start + _CENTERS]
        shift = mean_of(vectors, positions)
        others = Rows.take(vectors, positions, shift)
        for part in chunks(vectors, CHUNK_BYTES):
            rows = Rows.take(vectors, np.arange(part.start, part.stop), shift, vectors[part])
            nearest[part] = lowered(nearest[part], rows, others)
    return nearest


def pieces(n: int, width: float) -> list[slice]:
    """Slices of n rows, few enough to be gathered as float64."""
    step = max(int(CHUNK_BYTES / (8 * max(width, 1))), 64)
    return [slice(start, start + step) for start in range(0, n, step)]


def mean_of(vectors: Vectors, positions: Positions) -> Floats | None:
    """Return a point near dense rows to subtract from them; sparse rows stay as they are: None."""
    if sparse.issparse(vectors):
        return None
    return as_floats(vectors[positions[:: max(len(positions) // 256, 1)]], np.float64).mean(axis=0)


@dataclass
class Rows:
    """Rows of a pool as floats of 64 bits, shifted to be near 0, with their squared lengths.

    Attributes
    ----------
    vectors : ndarray or CSR matrix of shape (N, d)
        The pool.
    positions : ndarray of intp, shape (m,)
        Which rows of it.
    shifted : ndarray or CSR matrix of shape (m, d)
        They themselves, float64, less the shift.
    lengths : ndarray of float64, shape (m,)
        Their squared lengths from the shift.
    """

    vectors: Vectors
    positions: Positions
    shifted: Any
    lengths: Floats

    @classmethod
    def take(
        cls, vectors: Vectors, positions: Positions, shift: Floats | None, block: Any = None
    ) -> Rows:
        """Return rows of a pool; `block` are these rows, where they are at hand."""
        block = as_floats(vectors[positions] if block is None else block, np.float64)
        shifted = block if shift is None else block - shift
        lengths = squared_norms(shifted)
        refuse_overflow(lengths)
        return cls(vectors, positions, shifted, lengths)

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
            join([self.shifted[keep], others.shifted]),
            np.concatenate([self.lengths[keep], others.lengths]),
        )

    def apart(self, which: Positions, others: Rows, which_others: Positions) -> Floats:
        """Squared distances of pairs of rows, from differences: 0 for rows that are equal."""
        squared = np.empty(len(which))
        for part in pieces(len(which), self.vectors.shape[1]):
            left = self.vectors[self.positions[which[part]]]
            right = others.vectors[others.positions[which_others[part]]]
            squared[part] = difference_norms(left, right)
        return squared


def lowered(known: Floats, rows: Rows, others: Rows) -> Floats:
    """Squared distances of rows to the nearest of others, where that is below what is known.

    Products of matrices tell which pairs may matter, as derived in `_lower_bounds`; what is
    returned is the smallest of their differences, squared and summed.

    Parameters
    ----------
    known : ndarray of shape (m,), float64
        Distances to what came before. Rows at 0 or less stay as they are.
    rows, others : Rows
        Both shifted alike.

    Returns
    -------
    ndarray of shape (m,), float64
        A new array.
    """
    known = known.copy()
    step = max(_PAIRS // max(len(others), 1), 64)
    factors = -2 * others.shifted
    for start in range(0, len(rows) if len(others) else 0, step):
        part = slice(start, start + step)
        low = products(rows.shifted[part], factors)
        which, other = _pairs(low, known[part], rows, others, part)
        which += start
        np.minimum.at(known, which, rows.apart(which, others, other))
    return known


def _pairs(
    low: Floats, known: Floats, rows: Rows, others: Rows, part: slice
) -> tuple[Positions, Positions]:
    """Which of the rows in a part may be nearest to which of the others, and nearer than known."""
    # With both lengths from the shift, |x|² - 2 x.y + |y|² is wrong by less than e(|x|² + |y|²):
    # d + 3 roundings of each product and length, one of each shifted coordinate; doubled.
    error = 4 * (rows.vectors.shape[1] + 8) * _UNIT
    lengths = rows.lengths[part]
    low += (1 - error) * others.lengths  # and (1 - error) * lengths: a bound from below
    limit = np.where(known > 0, known - (1 - error) * lengths, -np.inf)
    if len(others) > 1:
        nearest = low.argmin(axis=1)
        reach = np.take_along_axis(low, nearest[:, None], axis=1)[:, 0]
        limit = np.minimum(limit, reach + 2 * error * (lengths + others.lengths[nearest]))
    which, other = np.nonzero(low <= limit[:, None])
    return which, other


def refuse_overflow(lengths: NDArray) -> None:
    """Refuse rows with squared lengths that are not finite."""
    if not np.isfinite(lengths).all():
        raise ValueError(
            "embedding has rows whose squared length overflows; divide it by a constant."
        )


def checked_distances(distances: ArrayLike, n_rows: int, name: str = "distances") -> Floats:
    """Return squared distances, one for each row, as float64; infinity is far, NaN is refused.

    Examples
    --------
    >>> checked_distances([0, 4], 2)
    array([0., 4.])
    """
    distances = np.asarray(distances, dtype=np.float64)
    if distances.shape != (n_rows,):
        raise ValueError(
            f"{name} have shape {distances.shape}; give one squared distance for each of the "
            f"{n_rows} rows."
        )
    if not (distances >= 0).all():
        bad = int(np.argmin(distances >= 0))
        raise ValueError(
            f"{name} hold {distances[bad]} at row {bad}; squared distances are 0 or more."
        )
    return distances
