"""Rows: take, slice and join the rows of any container, by position and never by index label.

Containers are arrays of one or more dimensions, memmaps, CSR and CSC matrices, pandas and polars
frames and Series, torch tensors and Datasets, and lists; and sources, of which blocks of these are
read. What the rows mean is the estimator's business.
"""

from __future__ import annotations

from array import array as buffer_array
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from sys import modules
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..utils.checks import is_instance, refuse_masked
from ..utils.progress import progress
from .datasets import DatasetRows, check_dataset, is_dataset, join_datasets
from .frames import (
    all_categories,
    concat,
    is_pandas,
    is_polars,
    refuse_elsewhere,
    with_categories,
)
from .memmaps import opener
from .sources import RowSource
from .stores import as_source
from .tensors import check_tensor, is_tensor, take_from_tensor, without_excess
from .types import Positions

_KEPT_BYTES = 1 << 26  # of rows taken from a source, which stay in memory


def check_rows(X: Any, who: str = "fit") -> Any:
    """Return X as a container whose rows can be taken, or refuse it: itself wherever it is one.

    A torch Dataset becomes `DatasetRows`, a tuple a list, another object with `__array__` an array.

    Examples
    --------
    >>> check_rows(("one text", "another"))
    ['one text', 'another']
    """
    refuse_masked(X, "X", who)
    if isinstance(X, np.ndarray):
        if X.ndim == 0:
            raise TypeError(f"{who} got an array without dimension; write an array of rows.")
        return X
    if isinstance(X, list) or is_pandas(X) or is_polars(X):
        return X
    source = as_source(X)
    if source is not None:
        return source
    if isinstance(X, tuple):
        return list(X)
    if sp.issparse(X):
        if X.format not in ("csr", "csc"):
            raise TypeError(
                f"{who} got a sparse matrix in {X.format} format, which has no quick way to a row; "
                "write X.tocsr()."
            )
        if X.ndim != 2:
            raise TypeError(f"{who} got a sparse array of shape {X.shape}; write X.reshape(1, -1).")
        return X
    if is_instance(X, ("polars.LazyFrame", "polars.Expr")):
        write = "X.collect()" if hasattr(X, "collect") else "a DataFrame"
        raise TypeError(
            f"{who} got a polars {type(X).__name__}, which holds no rows; write {write}, or "
            f'skactive.open_rows("rows.parquet") of files that do not fit into memory.'
        )
    if is_tensor(X):
        return check_tensor(X, who)
    if is_dataset(X):
        return check_dataset(X, who)
    refuse_elsewhere(X, who)
    arrays = hasattr(X, "__array__") or isinstance(X, buffer_array)
    if isinstance(X, np.generic) or not arrays:
        name, inputs = type(X).__name__, ""
        if isinstance(X, dict):
            inputs = ", or for the inputs of a net torch.utils.data.StackDataset(**X)"
        raise TypeError(
            f"{who} got a {name} for X; write an array, a CSR matrix, a frame or a list of rows"
            f"{inputs}."
        )
    return check_rows(np.asarray(X), who)


def n_rows(X: Any) -> int:
    """Count the rows of a container.

    Examples
    --------
    >>> n_rows(sp.csr_matrix((3, 7)))
    3
    """
    return X.shape[0] if sp.issparse(X) else len(X)


def take(X: Any, positions: Any) -> Any:
    """Gather rows by position, in the order of the positions: a copy, in memory for a memmap.

    Examples
    --------
    >>> take(["a", "b", "c"], [2, 0])
    ['c', 'a']
    """
    positions = np.asarray(positions, dtype=np.intp)
    if isinstance(X, RowSource):
        return _take_from_source(X, positions)
    if isinstance(X, np.ndarray):
        X = X.view(np.ndarray) if isinstance(X, np.memmap) else X
        if not X.flags.c_contiguous:  # of which `take` would copy the whole first
            return np.ascontiguousarray(X[positions])
        return X.take(positions, axis=0)  # quicker than indexing
    if isinstance(X, list):
        return [X[position] for position in positions.tolist()]
    if is_pandas(X):
        return X.iloc[positions]
    return take_from_tensor(X, positions) if is_tensor(X) else X[positions]


def one_row(X: Any, position: int) -> Any:
    """Return one row on its own: an element, a pandas Series, a dict (polars), or a sparse row.

    Examples
    --------
    >>> one_row(["a", "b"], 1)
    'b'
    """
    if isinstance(X, RowSource):
        return one_row(_take_from_source(X, np.array([position])), 0)
    if is_pandas(X):
        return X.iloc[position]
    if is_polars(X) and len(X.shape) == 2:
        return X.row(position, named=True)
    return X[[position]] if sp.issparse(X) else X[position]


def slice_rows(X: Any, start: int, stop: int) -> Any:
    """Cut out the rows from `start` to before `stop`, as a view where the container has views.

    Those of a source are read into memory.

    Examples
    --------
    >>> slice_rows(np.arange(5), 1, 3)
    array([1, 2])
    """
    if isinstance(X, RowSource):
        return _slice_of_source(X, start, stop)
    if start == 0 and stop == n_rows(X):
        return X
    return X.iloc[start:stop] if is_pandas(X) else X[start:stop]


def join(parts: Sequence[Any]) -> Any:
    """Join containers of one kind end to end: the very object if there is one part.

    Examples
    --------
    >>> join([np.zeros(2), np.ones(1)])
    array([0., 0., 1.])
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    if any(isinstance(part, RowSource) for part in parts):
        return join(list(map(in_memory, parts)))
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)
    if isinstance(first, list):
        return list(chain.from_iterable(parts))
    if sp.issparse(first):
        return as_sparse(sp.vstack(parts), first)  # older scipy joins arrays to a matrix
    if isinstance(first, DatasetRows):
        return join_datasets(parts)
    if is_tensor(first):
        return modules["torch"].cat(tuple(parts))
    return concat(parts) if is_pandas(first) else modules["polars"].concat(parts)


def in_memory(X: Any) -> Any:
    """Return rows that are in memory as they are, and those of a source read whole.

    Examples
    --------
    >>> in_memory(["a", "b"])
    ['a', 'b']
    """
    return slice_rows(X, 0, n_rows(X)) if isinstance(X, RowSource) else X


def by_block(method: Callable, X: Any, **params: Any) -> Any:
    """Return what a method answers for rows: for those of a source block by block, joined.

    Examples
    --------
    >>> by_block(len, ["a", "b"])
    2
    """
    source = as_source(X)
    if source is None:
        return method(X, **params)
    steps = ((n_rows(block), block) for block in source.blocks())
    name = getattr(method, "__name__", "reading")
    return join([method(block, **params) for block in progress(steps, len(source), name)])


def row_index(X: Any) -> Any:
    """Return the index of a pandas object, and None for anything else.

    Examples
    --------
    >>> row_index([1, 2]) is None
    True
    """
    return X.index if is_pandas(X) else None


def row_bytes(X: Any) -> int:
    """Estimate the memory that one row takes, in bytes, at least 1, whatever holds the rows.

    Examples
    --------
    >>> row_bytes(np.zeros((10, 4)))
    32
    """
    if isinstance(X, RowSource):
        if X.kept.row_bytes is None:
            X.kept.row_bytes = row_bytes(X.block(int(np.argmax(X.block_ends > 0))))
        return X.kept.row_bytes
    if isinstance(X, np.ndarray) or is_tensor(X):
        size = X.itemsize * int(np.prod(X.shape[1:]))
        if isinstance(X, np.ndarray) and X.dtype.kind == "O":
            size = max(size, _nbytes(X.flat[:1]))
    elif sp.issparse(X):
        size = X.nnz * (X.data.itemsize + X.indices.itemsize) // max(1, X.shape[0])
    elif isinstance(X, DatasetRows):
        size = 1  # nothing of it is in memory until it is read
    elif isinstance(X, Mapping):  # what a tokenizer makes of texts
        size = sum(map(row_bytes, X.values()))
    elif hasattr(X, "shape"):  # a guess: numbers in the columns of a frame
        size = 8 * (X.shape[1] if len(X.shape) > 1 else 1)
    else:  # another: objects
        size = max(64, _nbytes(X[:1]) if isinstance(X, Sequence) else 0)
    return max(1, size)


def _slice_of_source(source: RowSource, start: int, stop: int) -> Any:
    """Read the rows from `start` to before `stop`, each block once."""
    ends = source.block_ends
    if start >= stop:  # no rows, but of a kind
        return slice_rows(source.block(int(np.argmax(ends > 0))), 0, 0)
    first, last = np.searchsorted(ends, (start, stop - 1), side="right").tolist()
    parts = []
    for number in range(first, last + 1):
        begin, end = _bounds(source, number)
        if begin < end:
            block = source.block(number)
            parts.append(slice_rows(block, max(0, start - begin), min(stop, end) - begin))
    return join(parts)


def _take_from_source(source: RowSource, positions: Positions) -> Any:
    """Gather rows by position; of those that were taken before, from memory."""
    wanted = np.unique(positions)
    if not len(wanted):
        return _slice_of_source(source, 0, 0)
    if wanted[0] < 0 or wanted[-1] >= len(source):
        raise IndexError(f"there is no row {wanted[0 if wanted[0] < 0 else -1]} in {source!r}.")
    known, kept = source.kept.taken or (wanted[:0], None)
    new = np.setdiff1d(wanted, known, assume_unique=True)
    if len(new):
        read = _read_positions(source, new)
        most = _KEPT_BYTES // row_bytes(read)
        if len(known) + len(new) > most:  # only what is asked for now
            stay = np.flatnonzero(np.isin(known, wanted))
            known, kept = known[stay], kept if kept is None else take(kept, stay)
        if len(known):
            order = np.argsort(np.r_[known, new])
            known, kept = np.r_[known, new][order], take(join([kept, read]), order)
        else:
            known, kept = new, read
        if len(known) <= most:
            source.kept.taken = known, kept
    return take(kept, np.searchsorted(known, positions))


def _read_positions(source: RowSource, positions: Positions) -> Any:
    """Read rows at sorted, distinct positions."""
    number_of = np.searchsorted(source.block_ends, positions, side="right")
    numbers, begins = np.unique(number_of, return_index=True)
    groups = zip(numbers.tolist(), np.split(positions, begins[1:]), strict=True)
    return join([take(source.block(i), group - _bounds(source, i)[0]) for i, group in groups])


def _bounds(source: RowSource, number: int) -> tuple[int, int]:
    """Return the positions at which a block begins and ends."""
    ends = source.block_ends
    return int(ends[number - 1]) if number else 0, int(ends[number])


def _nbytes(first: Any) -> int:
    """Return how many bytes the arrays take that are the entries of some rows."""
    return max((int(getattr(entry, "nbytes", 0)) for entry in first), default=0)


def _categories_of(parts: list[Any]) -> dict[int, Any]:
    """Return the categories of several frames, by the position of each column that has some."""
    return all_categories(parts) if len(parts) > 1 and all(map(is_pandas, parts)) else {}


class Rows:
    """Rows of one or more containers end to end, none of which is copied.

    A `np.memmap` part is pickled as its file, offset, dtype and shape, and opened again for
    reading. All other parts are pickled by value: of a tensor, its own rows and not what it was
    cut from; a Dataset as a whole.

    Examples
    --------
    >>> rows = Rows(np.array([10, 11, 12]), np.array([13, 14]))
    >>> len(rows), rows.take([4, 0, 3]), rows.slice(1, 3)
    (5, array([14, 10, 13]), array([11, 12]))
    """

    def __init__(self, *parts: Any) -> None:
        self.parts = list(parts)
        self._merged = [False] * len(parts)
        self._starts = np.cumsum([0, *map(n_rows, parts)])
        self._categories = _categories_of(self.parts)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def pattern(self) -> Any:
        """What further rows must be like: the first part, with the categories of all parts."""
        first = self.parts[0]
        is_cut = self._categories or isinstance(first, RowSource)
        return self._like_all(slice_rows(first, 0, 1)) if is_cut else first

    def _like_all(self, X: Any) -> Any:
        """Return rows of some parts with the categories of all parts: a model then knows all."""
        return with_categories(X, self._categories) if self._categories else X

    def take(self, positions: Any) -> Any:
        """Gather rows by row number, in the given order, as one container.

        Examples
        --------
        >>> Rows(["a", "b"], ["c"]).take([2, 0])
        ['c', 'a']
        """
        if len(self.parts) == 1:
            return take(self.parts[0], positions)
        return self._like_all(self._gather(self.parts, positions, take, join))

    def slice(self, start: int, stop: int) -> Any:
        """Cut out the rows from `start` to before `stop`: a view if they lie in one part.

        Examples
        --------
        >>> Rows(["a", "b"], ["c"]).slice(1, 3)
        ['b', 'c']
        """
        if len(self.parts) == 1:
            return slice_rows(self.parts[0], start, stop)
        ends = start, max(start, stop - 1)  # no rows are one piece too, or the kind were lost
        first, last = np.searchsorted(self._starts[1:-1], ends, side="right").tolist()
        spans = zip(self.parts[first : last + 1], self._starts[first:].tolist(), strict=False)
        bounds = ((part, max(0, start - at), min(stop - at, n_rows(part))) for part, at in spans)
        return self._like_all(join([slice_rows(*each) for each in bounds]))

    def cuts(self, step: int, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, int]]:
        """Cut the rows from `start` to before `stop` into chunks of `step` rows at most.

        Blocks of a source are read once: a chunk is some whole blocks, or a piece of one.

        Examples
        --------
        >>> list(Rows(["a", "b", "c"]).cuts(2))
        [(0, 2), (2, 3)]
        """
        stop = len(self) if stop is None else stop
        ends = self._block_ends()
        while start < stop:
            end = start + step
            if len(ends):
                # The last end of a block within reach; where a block is larger, a piece of it.
                first, last = np.searchsorted(ends, (start, end), side="right").tolist()
                end = int(ends[last - 1]) if last > first else min(end, int(ends[first]))
            yield start, min(end, stop)
            start = end

    @property
    def is_elsewhere(self) -> bool:
        """Whether some of the rows are those of a source, which have to be read.

        Examples
        --------
        >>> Rows(["a"]).is_elsewhere
        False
        """
        return any(isinstance(part, RowSource) for part in self.parts)

    def _block_ends(self) -> Positions:
        """Return where blocks and parts end, if there is a source among the parts, else nothing."""
        if not self.is_elsewhere:
            return self._starts[:0]
        ends = [
            at + (part.block_ends if isinstance(part, RowSource) else n_rows(part))
            for part, at in zip(self.parts, self._starts[:-1].tolist(), strict=True)
        ]
        return np.concatenate([np.atleast_1d(each) for each in ends])

    def some(self, which: Any) -> Any:
        """Return the rows of a slice or at sorted positions, those of a source once they are read.

        Examples
        --------
        >>> Rows(["a", "b"], ["c"]).some(np.array([0, 2]))
        ['a', 'c']
        """
        if self.is_elsewhere:
            return _Some(self, which)
        return self.slice(which.start, which.stop) if _is_slice(which) else self.take(which)

    def whole(self) -> Any:
        """Return all rows as one container: of one source, that source.

        Examples
        --------
        >>> Rows(["a", "b"], ["c"]).whole()
        ['a', 'b', 'c']
        """
        return join(self.parts)

    def append(self, X: Any, *, merge: bool = False) -> None:
        """Add rows at the end; row numbers go on.

        With `merge`, for few rows at a time, X is copied and joined with such parts before it that
        are at most twice as large: m rows so added lie in at most 1 + log2(m) parts, and each is
        copied O(log m) times. A part added without it stays the object it is.

        Examples
        --------
        >>> rows = Rows(["a"])
        >>> for text in "bcd":
        ...     rows.append([text], merge=True)
        >>> rows.parts
        [['a'], ['b', 'c', 'd']]
        """
        parts, merged = self.parts, self._merged
        if merge:
            pieces, size = [X], n_rows(X)
            while merged[-1:] == [True] and n_rows(parts[-1]) <= 2 * size:
                pieces.insert(0, parts.pop())
                size += n_rows(pieces[0])
                merged.pop()
            # never the object itself: it may be changed by its owner, or keep a large array alive
            X = join(pieces) if len(pieces) > 1 else take(X, np.arange(size))
        parts.append(X)
        merged.append(merge)
        starts = self._starts[: len(parts)]
        self._starts = np.append(starts, starts[-1] + n_rows(X))
        self._categories = _categories_of(parts)

    def copy(self) -> Rows:
        """Return Rows of the same parts, to which rows can be added independently.

        Examples
        --------
        >>> rows = Rows(["a"])
        >>> rows.copy().append(["b"])
        >>> len(rows)
        1
        """
        twin = Rows.__new__(Rows)
        twin.parts, twin._merged, twin._starts = [*self.parts], [*self._merged], self._starts
        twin._categories = self._categories
        return twin

    def index_of(self, positions: Any) -> Any:
        """Return the index labels of rows, if every part is a pandas object, else None.

        Examples
        --------
        >>> Rows(["a"]).index_of([0]) is None
        True
        """
        if not all(map(is_pandas, self.parts)):
            return None
        indices = [part.index for part in self.parts]
        return self._gather(indices, positions, take, lambda each: each[0].append(each[1:]))

    def names_of(self, positions: np.ndarray) -> Any:
        """Return what rows are called: their index labels, or the numbers where these are the same.

        Examples
        --------
        >>> Rows(["a", "b"]).names_of(np.array([1]))
        array([1])
        """
        index = self.index_of(positions)
        return positions if index is None or index.tolist() == positions.tolist() else index

    def index(self) -> Any:
        """Return the index labels of all rows, if every part is a pandas object, else None.

        Examples
        --------
        >>> Rows(["a"]).index() is None
        True
        """
        return self.index_of(np.arange(len(self)))

    def _gather(
        self, parts: list, positions: Any, take_part: Callable, join_parts: Callable
    ) -> Any:
        """Take from each part that has some of the positions, join, and restore their order."""
        positions = np.asarray(positions, dtype=np.intp)
        if positions.size == 0:  # there is no part to take from, but there is a kind
            return take_part(parts[0], positions)
        # One take from each part: for a frame or a tensor the call costs more than its rows.
        part_of = np.searchsorted(self._starts[1:-1], positions, side="right")
        order = np.argsort(part_of, kind="stable")
        used, begins = np.unique(part_of[order], return_index=True)
        groups = zip(used, np.split(positions[order], begins[1:]), strict=True)
        joined = join_parts([take_part(parts[i], group - self._starts[i]) for i, group in groups])
        if (np.diff(part_of) >= 0).all():
            return joined
        return take_part(joined, np.argsort(order))

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["parts"] = [
            without_excess(part) if is_tensor(part) else opener(part) or part for part in self.parts
        ]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.parts = [p() if isinstance(p, partial) else p for p in state["parts"]]


def _is_slice(which: Any) -> bool:
    return isinstance(which, slice)


class _Some(RowSource):
    """Some rows that lie elsewhere, as a source of one block."""

    def __init__(self, rows: Rows, which: Any) -> None:
        self.rows, self.which = rows, which

    def block_sizes(self) -> list[int]:
        """Return how many rows there are."""
        which = self.which
        return [which.stop - which.start if _is_slice(which) else len(which)]

    def read_block(self, number: int) -> Any:
        """Read them, of consecutive blocks, of which nothing is kept."""
        which = self.which
        if _is_slice(which):
            return self.rows.slice(which.start, which.stop)
        start = int(which[0])
        return take(self.rows.slice(start, int(which[-1]) + 1), which - start)


def as_sparse(X: Any, like: Any) -> Any:
    """Return a sparse matrix in the format and of the type of another."""
    X = X.asformat(like.format)
    return X if type(X) is type(like) else type(like)(X)
