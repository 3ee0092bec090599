"""Squared Euclidean distances that cancellation does not spoil, in chunks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from ..data.arrays import (
    CHUNK_BYTES,
    Scratch,
    as_floats,
    as_positions,
    check_vectors,
    chunks,
    products,
    row_width,
    slices,
    squared_norms,
    steps,
    true_entries,
)
from ..data.types import Floats, Positions, Vectors
from .pairs import ShiftedRows, difference_norms, lowered, middle_of

CLOSE = 1e-6  # share of squared lengths below which distances are taken from differences
OTHERS = 512  # rows that all of a pool are compared with at a time
_LEAST_BYTES = 1 << 18  # of a chunk, where the pool is small


def squared_distances(
    block, others, *, shift: NDArray | None = None, dtype: DTypeLike = np.float64
) -> NDArray:
    r"""Return squared distances between the rows of two blocks, 0 for equal rows.

    :math:`\lVert x - s \rVert^2 - 2 \langle x - s, y - s \rangle + \lVert y - s \rVert^2`, by one
    product of matrices, where s is near the rows, so that little cancels; where much does, from
    the difference of the rows. `shift` is s, by default the mean of `others`; sparse rows are never
    shifted.

    With u the rounding unit of `dtype`, an entry is right within :math:`2 (d + 4) u (\lVert x - s
    \rVert^2 + \lVert y - s \rVert^2)`. Below a share of 1e-6 of that sum it is right within a
    relative error of :math:`(d + 3) u`.

    Examples
    --------
    >>> squared_distances(np.array([[1e9, 1e9]]), np.array([[1e9, 1e9 + 1], [1e9 + 3, 1e9 + 4]]))
    array([[ 1., 25.]])
    """
    rows, columns = as_floats(block, np.float64), as_floats(others, np.float64)
    # Shifted in float64, and only then rounded: an offset would take the digits of float32.
    if not sparse.issparse(rows):
        shift = columns.mean(axis=0) if shift is None else shift
        rows, columns = rows - shift, columns - shift
    rows, columns = as_floats(rows, dtype), as_floats(columns, dtype)
    lengths, other_lengths = squared_norms(rows), squared_norms(columns)
    squared = products(rows, columns)
    squared *= -2
    squared += lengths[:, None]
    squared += other_lengths
    i, j = true_entries(squared <= CLOSE * (lengths[:, None] + other_lengths))
    for part in slices(len(i), rows.shape[1]):
        squared[i[part], j[part]] = difference_norms(block[i[part]], others[j[part]])
    return np.maximum(squared, 0, out=squared)


def nearest_squared_distances(
    embedding: ArrayLike, centers: ArrayLike, *, known: ArrayLike | None = None
) -> Floats:
    r"""Squared distance of every row to the nearest of some rows.

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
        A new array; infinity where there is no centre at all. Each distance is right within a
        relative error of :math:`(d + 3) u`, u = 1.1e-16, whatever the offset of the data: a row
        that equals a centre is at exactly 0, and equal rows are at equal distances.

    Raises
    ------
    TypeError, ValueError
        If the embedding holds no finite real numbers, squared lengths overflow, positions are no
        integers or lie outside, or `known` is not one number, 0 or more, for each row.

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
    # Buffers are a few times a chunk, which is to be little beside a small pool.
    n_bytes = int(np.clip(vectors.shape[0] * row_width(vectors) // 2, _LEAST_BYTES, CHUNK_BYTES))
    scratch = Scratch()
    for some in steps(len(centers), OTHERS):
        positions = centers[some]
        shift = middle_of(vectors, positions)
        others = ShiftedRows.take(vectors, positions, shift)
        for part in chunks(vectors, n_bytes):
            at = np.arange(part.start, part.stop)
            rows = ShiftedRows.take(vectors, at, shift, block=vectors[part])
            nearest[part] = lowered(nearest[part], rows, others, scratch)
    return nearest


def checked_distances(distances: ArrayLike, n_rows: int, name: str = "distances") -> Floats:
    """Return squared distances, one for each row, as float64, refusing NaN and what is below 0.

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
