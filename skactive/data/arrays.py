"""What selection functions share: vectors that are checked, masks, and chunks of rows."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from .rows import take

SUM_TOLERANCE = 1e-3  # of a row of probabilities
CHUNK_BYTES = 1 << 23  # of rows that are worked on at a time: they stay in the cache

Positions = NDArray[np.intp]
Mask = NDArray[np.bool_]
Vectors = Any  # ndarray (N, d) of any real dtype, or CSR


def check_vectors(vectors, *, who: str, name: str = "embedding") -> Vectors:
    """Return vectors as they are, dense or CSR, refusing what is not finite numbers.

    Parameters
    ----------
    vectors : array-like or sparse matrix of shape (N, d)
        Any real dtype. Not copied, unless it is a list or a sparse matrix that is not CSR.
    who : str
        Which function the vectors came to, for messages.
    name : str, default="embedding"
        What the vectors are called there.

    Returns
    -------
    ndarray or CSR matrix of shape (N, d)
        Of a real dtype.

    Raises
    ------
    ValueError
        If there are not two dimensions, or NaN or infinity.
    TypeError
        If it does not hold numbers.

    Examples
    --------
    >>> check_vectors([[0, 1], [2, 3]], who="k_center").shape
    (2, 2)
    """
    vectors = vectors.tocsr() if sparse.issparse(vectors) else np.asarray(vectors)
    if vectors.dtype.kind not in "biuf":
        raise TypeError(f"{who} got {name} of dtype {vectors.dtype}; give real numbers.")
    if vectors.ndim != 2:
        raise ValueError(
            f"{who} got {name} of shape {vectors.shape}; give two dimensions, one row for each "
            f"row of the pool."
        )
    for rows in chunks(vectors):
        refuse_not_finite(vectors[rows], rows.start, who=who, name=name)
    return vectors


def check_probabilities(
    proba: ArrayLike, axes: str = "nC", *, who: str, name: str = "proba"
) -> NDArray:
    """Return probabilities as they are, refusing rows that are none.

    Parameters
    ----------
    proba : array-like of shape (n, C), or (S, n, C)
        Any real dtype.
    axes : {"nC", "SnC"}
        Which of the two.
    who, name : str
        Which function they came to, and what they are called there, for messages.

    Returns
    -------
    ndarray
        Each row sums to one within 0.001: files keep few digits.

    Raises
    ------
    ValueError
        If the shape is another, or a row is negative somewhere, has NaN or another sum.

    Examples
    --------
    >>> check_probabilities([[0.5, 0.5]], who="bait")
    array([[0.5, 0.5]])
    """
    proba = np.asarray(proba)
    if proba.ndim != len(axes) or proba.dtype.kind not in "biuf":
        raise ValueError(
            f"{who} got {name} of shape {proba.shape} and dtype {proba.dtype}; give numbers of "
            f"shape ({', '.join(axes)})."
        )
    for at, block in enumerate(proba if len(axes) == 3 else proba[None]):
        sums = block.sum(axis=1, dtype=np.float64)
        is_wrong = ~(np.abs(sums - 1) <= SUM_TOLERANCE) | (block < 0).any(axis=1)
        if is_wrong.any():
            row = int(is_wrong.argmax())
            where = f"row {row}" + (f" of sample {at}" if len(axes) == 3 else "")
            raise ValueError(
                f"{who} got {name} of which {where} is {block[row].tolist()}, with sum "
                f"{sums[row]:.6g}; probabilities are at least 0 and each row sums to one."
            )
    return proba


def refuse_not_finite(block, start: int = 0, *, who: str, name: str) -> None:
    """Refuse rows, of which the first is row `start`, that hold NaN or infinity."""
    if block.dtype.kind != "f":
        return
    with np.errstate(invalid="ignore", over="ignore"):
        is_fine = np.isfinite(block.sum(dtype=np.float64))
    if is_fine:
        return
    bad = np.flatnonzero(~np.isfinite(as_floats(block).sum(axis=1, dtype=np.float64)))
    if len(bad):  # finite numbers may have a sum that is not
        raise ValueError(
            f"{who} got {name} with NaN or infinity in row {start + int(bad[0])}; every row needs "
            f"finite numbers."
        )


def candidate_mask(candidates: ArrayLike | None, n_rows: int, centers=None) -> Mask:
    """Return which rows may be chosen: candidates that are no centres.

    Parameters
    ----------
    candidates : array of bool, shape (N,), or array of int, or None
        The only rows that may be chosen, as a mask or as positions; None: every row.
    n_rows : int
        N.
    centers : array of int, optional
        Positions of rows that are labelled or reserved, which are never chosen.

    Returns
    -------
    ndarray of bool, shape (N,)
        A new array.

    Examples
    --------
    >>> candidate_mask([0, 2], 3, centers=[0]).tolist()
    [False, False, True]
    """
    everything = np.ones(n_rows, dtype=bool)
    mask = everything if candidates is None else as_mask(candidates, n_rows).copy()
    mask[as_positions(centers, n_rows)] = False
    return mask


def wanted(n: int, mask: Mask) -> int:
    """Return how many rows are to be chosen: n, or as many as there are candidates."""
    return min(as_count(n), int(np.count_nonzero(mask)))


def as_count(n: int) -> int:
    """Return a number of positions as an integer, refusing one below 0."""
    n = operator.index(n)
    if n < 0:
        raise ValueError(f"n is {n}; it must be 0 or more: how many positions are wanted.")
    return n


def as_mask(rows: ArrayLike, n_rows: int, name: str = "candidates") -> Mask:
    """Return rows, a mask or positions, as a mask over all rows; a mask is not copied."""
    rows = np.asarray(rows)
    if rows.ndim != 1 or (rows.dtype.kind == "b" and rows.size != n_rows):
        raise ValueError(
            f"{name} have shape {rows.shape}; they must be a boolean mask of shape ({n_rows},), "
            f"one entry a row, or a vector of positions."
        )
    if rows.dtype.kind == "b":
        return rows
    mask = np.zeros(n_rows, dtype=bool)
    mask[as_positions(rows, n_rows, name)] = True
    return mask


def as_positions(positions: ArrayLike | None, n_rows: int, name: str = "centers") -> Positions:
    """Return positions of rows as integers, refusing any outside; None: no position."""
    if positions is None:
        return np.zeros(0, dtype=np.intp)
    positions = np.asarray(positions)
    if positions.size and positions.dtype.kind not in "iu":
        raise TypeError(
            f"{name} have dtype {positions.dtype}; they must be integer positions of rows, or a "
            f"boolean mask where one is accepted: write {name}.astype(int)."
        )
    if positions.size and (positions.min() < 0 or positions.max() >= n_rows):
        raise ValueError(
            f"{name} hold positions from {positions.min()} to {positions.max()}; with {n_rows} "
            f"rows they must lie in 0 to {n_rows - 1}."
        )
    return positions.astype(np.intp, copy=False).reshape(-1)


def as_floats(block, dtype=None):
    """Return a chunk of rows as floats, wide enough to be exact where no dtype is given.

    Dense or CSR as it came; not copied where it is of that dtype already.

    Examples
    --------
    >>> as_floats(np.ones((1, 2), dtype=np.float16)).dtype, as_floats(np.ones((1, 2), int)).dtype
    (dtype('float32'), dtype('float64'))
    """
    if dtype is None:
        dtype = np.float64 if block.dtype.kind == "f" and block.dtype.itemsize > 4 else np.float32
        if block.dtype.kind in "iu" and block.dtype.itemsize > 2:
            dtype = np.float64
    return block.astype(dtype, copy=False)


def chunks(vectors: Vectors, chunk_bytes: int = CHUNK_BYTES) -> Iterator[slice]:
    """Yield slices of rows, each of about `chunk_bytes` as float64.

    Parameters
    ----------
    vectors : ndarray or CSR matrix of shape (N, d)
        What is cut.
    chunk_bytes : int
        How large a slice is, roughly.

    Yields
    ------
    slice
        Consecutive, never empty.
    """
    n = vectors.shape[0]
    width = vectors.nnz // max(n, 1) + 1 if sparse.issparse(vectors) else vectors.shape[1]
    step = int(max(chunk_bytes // (8 * max(width, 1)), 64))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


class Scratch:
    """Memory for arrays of the moment, used again and again.

    A few megabytes that come and go in every step are given back to the system and asked for
    again, page by page, which takes as long as what is computed in them.
    """

    def __init__(self):
        self._memory: dict[str, NDArray[np.uint8]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
        """Return an array of any content, in memory that the next array of this name overwrites."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        memory = self._memory.get(name)
        if memory is None or len(memory) < n_bytes:
            memory = self._memory[name] = np.empty(n_bytes, dtype=np.uint8)
        return memory[:n_bytes].view(dtype).reshape(shape)


def gathered(vectors: Vectors, positions: Positions, scratch: Scratch | None = None) -> Vectors:
    """Return a copy of some rows, dense or CSR; dense ones in scratch memory, if it is given."""
    if sparse.issparse(vectors):
        return vectors[positions]
    if scratch is None or not vectors.flags.c_contiguous:
        return take(vectors, positions)
    out = scratch.array("gathered", (len(positions), vectors.shape[1]), vectors.dtype)
    return vectors.take(positions, axis=0, out=out, mode="clip")  # "raise" would buffer `out`


def products(block, others, scratch: Scratch | None = None) -> NDArray:
    """Return all inner products of the rows of two blocks, each dense or CSR, as a dense array.

    Two dense ones of one dtype are multiplied in scratch memory, if it is given.

    Examples
    --------
    >>> products(np.eye(2), sparse.csr_matrix([[3.0, 4.0]]))
    array([[3.],
           [4.]])
    """
    if scratch is not None and not sparse.issparse(block):
        shape = block.shape[0], others.shape[0]
        return np.matmul(block, others.T, out=scratch.array("products", shape, block.dtype))
    dots = block @ others.T
    return dots.toarray() if sparse.issparse(dots) else np.asarray(dots)


def true_entries(table: Mask) -> tuple[Positions, Positions]:
    """Return rows and columns of what is true, in order: `np.nonzero`, many times as fast.

    Examples
    --------
    >>> true_entries(np.array([[False, True], [True, True]]))
    (array([0, 1, 1]), array([1, 0, 1]))
    """
    rows, columns = np.unravel_index(np.flatnonzero(table), table.shape)
    return rows, columns


def squared_norms(block) -> NDArray:
    """Return the squared length of each row of a block, dense or CSR."""
    if sparse.issparse(block):
        return np.asarray(block.multiply(block).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", block, block)
