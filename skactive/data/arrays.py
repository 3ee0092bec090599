"""What functions of arrays share: checks, masks and positions, chunks of rows, and products."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from sys import modules
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from ..utils.checks import unmasked
from .rows import take
from .tensors import is_tensor
from .types import Floats, Mask, Positions, Vectors

SUM_TOLERANCE = 1e-3  # by how much a row of probabilities may miss 1: files keep few digits
CHUNK_BYTES = 1 << 22  # worked on at a time; less makes products slower, by 4 to 11 % at a quarter
CORE_BYTES = 1 << 19  # the same where nothing is multiplied: 28 to 56 % faster in a core's cache
LEAST_ROWS = 64  # of a chunk, however wide: fewer would mostly pay for calls
LEAST_COLUMN = 1024  # of a chunk whose columns are worked on one by one, as calls take time
MAX_WIDTH = 20_000  # of a gradient whose square is kept a few times: 3 GB each


def check_vectors(vectors, *, who: str, name: str = "embedding") -> Vectors:
    """Return vectors as they are, dense or CSR, refusing what is not finite real numbers.

    Copied only where they are a list or another sparse format; `who` and `name` are for messages.

    Examples
    --------
    >>> check_vectors([[0, 1], [2, 3]], who="k_center").shape
    (2, 2)
    """
    vectors = vectors.tocsr() if sparse.issparse(vectors) else unmasked(vectors, name, who)
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
    proba: ArrayLike, axes: str = "nC", *, who: str, name: str = "proba", write: str = ""
) -> NDArray:
    """Return probabilities as they are, refusing rows that are none: NaN, below 0, another sum.

    `axes` is "nC", or "SnC" with S samples in front; `who`, `name` and `write` (instead) are for
    messages.

    Examples
    --------
    >>> check_probabilities([[0.5, 0.5]], who="bait")
    array([[0.5, 0.5]])
    """
    proba = unmasked(proba, name, who)
    if proba.ndim != len(axes) or proba.dtype.kind not in "biuf":
        raise ValueError(
            f"{who} got {name} of shape {proba.shape} and dtype {proba.dtype}; give numbers of "
            f"shape ({', '.join(axes)})."
        )
    for at, block in enumerate(proba if len(axes) == 3 else proba[None]):
        sums = block.sum(axis=1, dtype=np.float64)
        # Negated, so that NaN, which compares as false, is wrong too.
        is_wrong = ~(np.abs(sums - 1) <= SUM_TOLERANCE) | (block < 0).any(axis=1)
        if is_wrong.any():
            row = int(is_wrong.argmax())
            where = f"row {row}" + (f" of sample {at}" if len(axes) == 3 else "")
            raise ValueError(
                f"{who} got {name} of which {where} is {block[row].tolist()}, with sum "
                f"{sums[row]:.6g}; probabilities are at least 0 and each row sums to one{write}."
            )
    return proba


def check_of_labels(values: ArrayLike, *, who: str, name: str, is_proba: bool = True) -> NDArray:
    """Return what is said of each label of each row, shape (n, L), refusing what is not.

    It is a probability of each label, whose rows need not sum to one, or else 0 or 1.

    Examples
    --------
    >>> check_of_labels([[0.9, 0.8]], who="select", name="proba")
    array([[0.9, 0.8]])
    """
    values = unmasked(values, name, who)
    if values.ndim != 2 or values.shape[1] == 0 or values.dtype.kind not in "biuf":
        raise ValueError(
            f"{who} got {name} of shape {values.shape} and dtype {values.dtype}; with "
            f"multilabel=True give one column for each label, (n, L)."
        )
    # Negated, so that NaN, which compares as false, is wrong too.
    is_wrong = ~((values >= 0) & (values <= 1)) if is_proba else (values != 0) & (values != 1)
    if is_wrong.any():
        row, column = np.argwhere(is_wrong)[0].tolist()
        each = "the probability of each label, from 0 to 1" if is_proba else "0 or 1 for each label"
        raise ValueError(f"{who} got {name} with {values[row, column]} in row {row}; give {each}.")
    return values if is_proba else values.astype(bool)


def refuse_not_finite(block, start: int = 0, *, who: str, name: str) -> None:
    """Refuse rows, of which the first is row `start`, that hold NaN or infinity."""
    if block.dtype.kind != "f":
        return
    with np.errstate(invalid="ignore", over="ignore"):
        # NaN and infinity stay in a sum, which is many times cheaper than a look at each entry.
        is_fine = np.isfinite(block.sum(dtype=np.float64))
    if is_fine:
        return
    bad = np.flatnonzero(~np.isfinite(as_floats(block).sum(axis=1, dtype=np.float64)))
    if len(bad):  # none where finite numbers had a sum that overflowed
        raise ValueError(
            f"{who} got {name} with NaN or infinity in row {start + int(bad[0])}; every row needs "
            f"finite numbers."
        )


def candidate_mask(candidates: ArrayLike | None, n_rows: int, centers=None) -> Mask:
    """Return which rows may be chosen, as a new mask: the candidates (None: all) but the centres.

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
    """Return how many rows to choose: n, or all candidates where there are fewer."""
    return min(as_count(n), int(np.count_nonzero(mask)))


def as_count(n: int) -> int:
    """Return how many positions are wanted as an integer, refusing one below 0."""
    n = operator.index(n)
    if n < 0:
        raise ValueError(f"n is {n}; it must be 0 or more: how many positions are wanted.")
    return n


def as_mask(rows: ArrayLike, n_rows: int, name: str = "candidates") -> Mask:
    """Return rows, given as a mask or as positions, as a mask; a mask is not copied."""
    rows = unmasked(rows, name)
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
    """Return positions of rows as integers, refusing any outside the rows; None means none."""
    positions = unmasked([] if positions is None else positions, name)
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


def as_vector(values: ArrayLike) -> NDArray:
    """Return one value for each row, of which some estimators make a column.

    Examples
    --------
    >>> as_vector([["a"], ["b"]])
    array(['a', 'b'], dtype='<U1')
    """
    values = np.asarray(values)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def as_floats(block, dtype=None):
    """Return rows, dense or CSR, as floats of a dtype: by default one that holds them exactly.

    Not copied where they are of that dtype already.

    Examples
    --------
    >>> as_floats(np.ones((1, 2), dtype=np.float16)).dtype, as_floats(np.ones((1, 2), int)).dtype
    (dtype('float32'), dtype('float64'))
    """
    if dtype is None:  # float32 where that is exact; of long doubles, nothing here makes use
        dtype = min(np.promote_types(block.dtype, np.float32), np.dtype(np.float64))
    return block.astype(dtype, copy=False)


def steps(n: int, step: int) -> Iterator[slice]:
    """Yield slices of n rows, `step` in each but the last."""
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def slices(
    n: int, width: float = 1, n_bytes: int | None = None, least: int | None = None
) -> Iterator[slice]:
    """Yield slices of n rows, each of about `n_bytes` where a row is `width` numbers of float64.

    By default `CHUNK_BYTES`; never fewer than `least` rows, by default `LEAST_ROWS`.

    Examples
    --------
    >>> list(slices(200, width=1000, n_bytes=800_000))
    [slice(0, 100, None), slice(100, 200, None)]
    """
    n_bytes, least = n_bytes or CHUNK_BYTES, least or LEAST_ROWS
    return steps(n, max(int(n_bytes / (8 * max(width, 1))), least))


def chunks(vectors: Vectors, n_bytes: int | None = None) -> Iterator[slice]:
    """Yield slices of the rows of vectors, each of about `n_bytes` as float64."""
    return slices(vectors.shape[0], row_width(vectors), n_bytes)


def row_width(vectors: Vectors) -> float:
    """Return how many numbers a row holds: of CSR those stored, in the mean."""
    if sparse.issparse(vectors):
        return vectors.nnz / max(vectors.shape[0], 1)
    return vectors.shape[1]


class Scratch:
    """Memory for arrays of the moment, used again and again.

    To give a few megabytes back to the system in every step and ask for them again, page by page,
    takes as long as what is computed in them.
    """

    def __init__(self):
        self._memory: dict[str, NDArray[np.uint8]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
        """Return an uninitialised array, valid until the next one of this name is asked for."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        memory = self._memory.get(name)
        if memory is None or len(memory) < n_bytes:
            memory = self._memory[name] = np.empty(n_bytes, dtype=np.uint8)
        return memory[:n_bytes].view(dtype).reshape(shape)


def gathered(vectors: Vectors, positions: Positions, scratch: Scratch | None = None) -> Vectors:
    """Return a copy of some rows, dense or CSR; dense ones in scratch memory where it is given."""
    if sparse.issparse(vectors):
        return vectors[positions]
    if scratch is None or not vectors.flags.c_contiguous:
        return take(vectors, positions)
    out = scratch.array("gathered", (len(positions), vectors.shape[1]), vectors.dtype)
    return vectors.take(positions, axis=0, out=out, mode="clip")  # "raise" would buffer `out`


def products(block, others, scratch: Scratch | None = None) -> NDArray:
    """Return the inner products of the rows of two blocks, dense or CSR, as a dense array.

    Dense blocks of one dtype are multiplied in scratch memory where it is given.

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
    """Return rows and columns of the true entries, in order: `np.nonzero`, many times as fast.

    Examples
    --------
    >>> true_entries(np.array([[False, True], [True, True]]))
    (array([0, 1, 1]), array([1, 0, 1]))
    """
    rows, columns = np.unravel_index(np.flatnonzero(table), table.shape)
    return rows, columns


def squared_norms(block) -> NDArray:
    """Return the squared length of each row of a block, dense or CSR."""
    return row_products(block, block)


def row_products(block, others) -> NDArray:
    """Return the inner product of each row with the row of another block in its place."""
    if sparse.issparse(block):
        return np.asarray(block.multiply(others).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", block, others)


def dense(block) -> NDArray:
    """Return rows, dense or CSR, as a dense array."""
    return block.toarray() if sparse.issparse(block) else block


def chunks_of_rows(n: int, width: int) -> Iterator[slice]:
    """Return slices of n rows of `width` numbers, few enough for a core's own cache."""
    return slices(n, width, CORE_BYTES, LEAST_COLUMN)


def columns_of(array: NDArray) -> Iterator[tuple[slice, Floats]]:
    """Yield chunks of rows of an (n, C) array, each as float64 (C, rows) in one reused buffer."""
    for rows in chunks_of_rows(*array.shape):
        if rows.start == 0:
            buffer = np.empty((array.shape[1], rows.stop))
        columns = buffer[:, : rows.stop - rows.start]
        np.copyto(columns, array[rows].T)
        yield rows, columns


def gaps(array: NDArray) -> Floats:
    """Return the largest less the second largest of each row; of a single column, that column."""
    out = np.empty(len(array))
    for rows, columns in columns_of(array):
        # A running two largest over the columns: a sort or a partition of rows takes several times
        # as long.
        largest, second = columns[0].copy(), None
        for column in columns[1:]:
            lower = np.minimum(largest, column)
            second = lower if second is None else np.maximum(second, lower, out=second)
            np.maximum(largest, column, out=largest)
        out[rows] = largest if second is None else largest - second
    return out


def scored_by_row(
    values: ArrayLike, score: Callable[[Floats], Floats], name: str = "proba"
) -> Floats:
    """Return a score of each row of probabilities, given chunks of rows as columns."""
    values = checked_array(values, name, "nC")
    out = np.empty(len(values))
    for rows, columns in columns_of(values):
        out[rows] = score(columns)
    return out


def checked_array(array: ArrayLike, name: str, axes: str) -> NDArray:
    """Return an array with one dimension for each letter, of which only that of n may be empty."""
    array = unmasked(array, name)
    sizes = dict(zip(axes, array.shape, strict=False))
    if array.ndim != len(axes) or 0 in (size for axis, size in sizes.items() if axis != "n"):
        raise ValueError(
            f"{name} has shape {array.shape}; it must be ({', '.join(axes)}), "
            "where only n, the number of rows, may be 0."
        )
    return array


def join_vectors(parts: list[Any]) -> Any:
    """Return vectors of consecutive rows as one array, or as one CSR matrix."""
    if len(parts) == 1:
        return parts[0]
    if is_tensor(parts[0]):
        return modules["torch"].cat(parts)
    if any(map(sparse.issparse, parts)):
        return sparse.vstack(parts, format="csr")
    return np.concatenate(parts)


def n_bytes_of(vectors: Any) -> int:
    """Return how many bytes an array, a CSR matrix or a tensor takes.

    Examples
    --------
    >>> n_bytes_of(np.zeros((10, 2)))
    160
    """
    if sparse.issparse(vectors):
        return vectors.data.nbytes + vectors.indices.nbytes + vectors.indptr.nbytes
    return vectors.nbytes


class Joined:
    """Arrays of consecutive rows as one, filled as they come: there are never two copies of all.

    Parameters
    ----------
    n : int
        How many rows there are in all.
    axis : int, default=0
        Which axis rows are along.

    Examples
    --------
    >>> joined = Joined(3)
    >>> joined.add(np.array([1, 2]))
    >>> joined.add(np.array([3]))
    >>> joined.whole()
    array([1, 2, 3])
    """

    def __init__(self, n: int, axis: int = 0) -> None:
        self.n, self.axis = n, axis
        self.done = 0
        self._whole: Any = None
        self._parts: list[Any] = []

    def add(self, part: Any) -> None:
        """Put the next rows, dense or CSR or a tensor, behind those that are there."""
        start, self.done = self.done, self.done + part.shape[self.axis]
        if self.done > self.n:
            return
        if sparse.issparse(part) or (start == 0 and self.done == self.n):
            self._parts.append(part)
            return
        if self._whole is None:
            shape = list(part.shape)
            shape[self.axis] = self.n
            self._whole = part.new_empty(shape) if is_tensor(part) else np.empty(shape, part.dtype)
        at = (slice(None),) * self.axis + (slice(start, self.done),)
        if self._whole[at].shape != part.shape:
            raise ValueError(
                f"the model gave an array of shape {tuple(part.shape)} after one with another "
                f"width, {tuple(self._whole[at].shape)}; every row needs as many numbers."
            )
        if not is_tensor(part) and np.result_type(self._whole, part) != self._whole.dtype:
            self._whole = self._whole.astype(np.result_type(self._whole, part))
        self._whole[at] = part

    def whole(self) -> Any:
        """Return all rows, refusing where they were not one for each that was to come."""
        if self.done != self.n:
            raise ValueError(
                f"the model gave {self.done} results for {self.n} rows; it must give one for each "
                f"row."
            )
        return join_vectors(self._parts) if self._whole is None else self._whole
