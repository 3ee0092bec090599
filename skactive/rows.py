"""Rows: take, slice and join the rows of any container, by position and never by index label.

Containers are arrays of one or more dimensions, memmaps, CSR and CSC matrices, pandas and polars
frames and Series, and lists. What the rows mean is the estimator's business.
"""

from __future__ import annotations

import hashlib
import mmap
from array import array as buffer_array
from collections.abc import Callable, Sequence
from itertools import chain
from sys import modules
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sp

from skactive.labels import library

_SPARSE_FORMATS = ("csr", "csc")
_TEXT = "UT"
_SHOWN = 5
_EXACT = 2**53  # integers up to here are float64 numbers


def check_rows(X: Any, who: str = "fit") -> Any:
    """Return X as a container whose rows can be taken: itself, wherever it is one.

    Parameters
    ----------
    X : container of n rows
        ndarray, memmap, CSR or CSC, pandas or polars DataFrame or Series, list; a tuple becomes a
        list, and another object with `__array__` an array.
    who : str
        The caller, for messages.

    Returns
    -------
    container of n rows

    Raises
    ------
    TypeError
        If X is no such container (another sparse format, a LazyFrame, text, a dict, a scalar).

    Examples
    --------
    >>> check_rows(("one text", "another"))
    ['one text', 'another']
    """
    if isinstance(X, np.ndarray):
        if X.ndim == 0:
            raise TypeError(f"{who} got an array without dimension; write an array of rows.")
        return X
    if isinstance(X, list) or is_pandas(X):
        return X
    if isinstance(X, tuple):
        return list(X)
    if sp.issparse(X):
        return _check_sparse(X, who)
    if library(type(X)) == "polars":
        return _check_polars(X, who)
    arrays = hasattr(X, "__array__") or isinstance(X, buffer_array)
    if isinstance(X, np.generic) or not arrays:
        name = type(X).__name__
        raise TypeError(
            f"{who} got a {name} for X; write an array, a CSR matrix, a frame or a list of rows."
        )
    return check_rows(np.asarray(X), who)


def n_rows(X: Any) -> int:
    """Count the rows of a container.

    Parameters
    ----------
    X : container of n rows
        As `check_rows` gives it.

    Returns
    -------
    int

    Examples
    --------
    >>> n_rows(sp.csr_matrix((3, 7)))
    3
    """
    return X.shape[0] if sp.issparse(X) else len(X)


def is_pandas(X: Any) -> bool:
    """Tell whether X is a pandas DataFrame or Series, or of a type that builds on one.

    Parameters
    ----------
    X : object
        Of any type.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_pandas(np.eye(2))
    False
    """
    return library(type(X)) == "pandas" and hasattr(X, "iloc")


def is_polars(X: Any) -> bool:
    """Tell whether X is a polars DataFrame or Series.

    Parameters
    ----------
    X : object
        Of any type.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_polars([1, 2])
    False
    """
    return library(type(X)) == "polars" and hasattr(X, "to_numpy")


def take(X: Any, positions: Any) -> Any:
    """Gather rows by position, in the order of the positions.

    Parameters
    ----------
    X : container of n rows
        As `check_rows` gives it.
    positions : array-like of int of shape (k,)
        0 to n - 1, in any order, repeats allowed.

    Returns
    -------
    container of k rows
        A copy, of the same kind; an array in memory for a memmap.

    Examples
    --------
    >>> take(["a", "b", "c"], [2, 0])
    ['c', 'a']
    """
    positions = np.asarray(positions, dtype=np.intp)
    if isinstance(X, np.ndarray):
        return (X.view(np.ndarray) if isinstance(X, np.memmap) else X).take(positions, axis=0)
    if isinstance(X, list):
        return [X[position] for position in positions.tolist()]
    if is_pandas(X):
        return X.iloc[positions]
    return X[positions]


def one_row(X: Any, position: int) -> Any:
    """Return one row on its own: an element, a pandas Series, a dict (polars), or a sparse row.

    Examples
    --------
    >>> one_row(["a", "b"], 1)
    'b'
    """
    if is_pandas(X):
        return X.iloc[position]
    if is_polars(X) and len(X.shape) == 2:
        return X.row(position, named=True)
    return X[[position]] if sp.issparse(X) else X[position]


def slice_rows(X: Any, start: int, stop: int) -> Any:
    """Cut out the rows from `start` to before `stop`, as a view where the container has views.

    Parameters
    ----------
    X : container of n rows
        As `check_rows` gives it.
    start, stop : int
        0 <= start <= stop <= n.

    Returns
    -------
    container of stop - start rows
        X itself if that is all of it.

    Examples
    --------
    >>> slice_rows(np.arange(5), 1, 3)
    array([1, 2])
    """
    if start == 0 and stop == n_rows(X):
        return X
    return X.iloc[start:stop] if is_pandas(X) else X[start:stop]


def join(parts: Sequence[Any]) -> Any:
    """Join containers of one kind end to end.

    Parameters
    ----------
    parts : sequence of containers
        At least one; each joins with the first (`conform`).

    Returns
    -------
    container
        The very object if there is one part; pandas frames keep their index labels.

    Examples
    --------
    >>> join([np.zeros(2), np.ones(1)])
    array([0., 0., 1.])
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)
    if isinstance(first, list):
        return list(chain.from_iterable(parts))
    if sp.issparse(first):
        return _as_sparse(sp.vstack(parts), first)  # older scipy joins arrays to a matrix
    return modules[library(type(first))].concat(parts)


def conform(X: Any, like: Any, who: str) -> Any:
    """Return X as a container that joins with `like`, or refuse it.

    Parameters
    ----------
    X : container of k rows
        New rows.
    like : container
        Rows that they are to join, as `check_rows` gives them.
    who : str
        The caller, for messages.

    Returns
    -------
    container of k rows
        X, or X as an array, as a list, in the sparse format or with the columns in the order of
        `like`.

    Raises
    ------
    ValueError
        If the kind of container, the shape of a row, the columns, or text and numbers differ.

    Examples
    --------
    >>> conform([[1, 2]], np.eye(2), "extend")
    array([[1, 2]])
    """
    X = check_rows(X, who)
    if isinstance(like, list):
        return _as_list(X, like, who)
    if isinstance(like, np.ndarray) and isinstance(X, list):
        X = _list_as_array(X, like, who) if X else like[:0]
    _check_family(X, like, who)
    if isinstance(like, np.ndarray):
        _check_array(X, like, who)
        return X
    if sp.issparse(like):
        _check_trailing(X.shape[1:], like.shape[1:], who)
        return _as_sparse(X, like)
    return _conform_frame(X, like, who)


def row_index(X: Any) -> Any:
    """Return the index of a pandas object, and None for anything else.

    Parameters
    ----------
    X : container of n rows
        As `check_rows` gives it.

    Returns
    -------
    pandas.Index of n labels, or None

    Examples
    --------
    >>> row_index([1, 2]) is None
    True
    """
    return X.index if is_pandas(X) else None


def as_row_numbers(X: Any) -> np.ndarray | None:
    """Read X as row numbers if it is an integer or integers in one dimension.

    Parameters
    ----------
    X : object
        An integer; an ndarray of integer dtype, a list, tuple or range of integers, or a pandas or
        polars Series of integers, in one dimension; or rows. Any empty list or one-dimensional
        array is no row numbers at all.

    Returns
    -------
    ndarray of int64 of shape (k,), or None
        None if X is anything else: rows, but also booleans and floats, which
        `check_row_numbers` refuses in words.

    Examples
    --------
    >>> as_row_numbers([4, 2])
    array([4, 2])
    >>> as_row_numbers([[4, 2]]) is None
    True
    """
    if _is_integer(type(X)):
        return _int64([X])
    if isinstance(X, list | tuple | range):
        # the first element settles it for a long list of rows
        if len(X) and not _is_integer(type(X[0])):
            return None
        return _int64(X) if all(map(_is_integer, set(map(type, X)))) else None
    if not isinstance(X, np.ndarray):
        if not ((is_pandas(X) or is_polars(X)) and len(X.shape) == 1):
            return None
        X = X.to_numpy()
    X = np.atleast_1d(X)
    if X.ndim != 1 or (X.dtype.kind not in "iu" and X.size):
        return None
    return np.array(X if X.size else [], dtype=np.int64)  # never the array of the caller


def check_row_numbers(idx: Any, n: int, *, who: str) -> np.ndarray:
    """Read distinct row numbers, or refuse them in words; never more than O(k log k).

    Parameters
    ----------
    idx : int or array-like of int of shape (k,)
        Row numbers.
    n : int
        How many rows there are.
    who : str
        The caller, for messages.

    Returns
    -------
    ndarray of int64 of shape (k,)
        In the order given.

    Raises
    ------
    ValueError
        If `idx` holds anything but integers from 0 to n - 1, or one of them twice.

    Examples
    --------
    >>> check_row_numbers([8, 3], 10, who="reserve")
    array([8, 3])
    """
    numbers = as_row_numbers(idx)
    if numbers is None:
        raise ValueError(f"{who} got {_not_row_numbers(idx)}")
    if numbers.size == 0:
        return numbers
    low, high = numbers.min(), numbers.max()
    if low < 0 or high >= n:
        wrong = low if low < 0 else high
        allowed = f"row numbers are 0 to {n - 1}" if n else "there are no rows"
        raise ValueError(f"{who} got row number {wrong}; {allowed}.")
    if numbers.size > 1:
        order = np.argsort(numbers, kind="stable")
        again = np.flatnonzero(numbers[order[1:]] == numbers[order[:-1]])
        if again.size:
            first, second = order[again[0]], order[again[0] + 1]
            raise ValueError(
                f"{who} got index {numbers[first]} twice (positions {first} and {second}); "
                "give each row once."
            )
    return numbers


def row_bytes(X: Any) -> int:
    """Estimate the memory that one row takes, in bytes.

    Parameters
    ----------
    X : container of n rows
        As `check_rows` gives it.

    Returns
    -------
    int
        At least 1. For frames 8 a column, for lists 64.

    Examples
    --------
    >>> row_bytes(np.zeros((10, 4)))
    32
    """
    if isinstance(X, np.ndarray):
        size = X.itemsize * int(np.prod(X.shape[1:]))
    elif sp.issparse(X):
        size = X.nnz * (X.data.itemsize + X.indices.itemsize) // max(1, X.shape[0])
    else:
        size = 64 if isinstance(X, list) else 8 * (X.shape[1] if len(X.shape) > 1 else 1)
    return max(1, size)


class Rows:
    """Rows of one or more containers end to end, none of which is copied.

    Parameters
    ----------
    *parts : containers
        As `check_rows` and `conform` give them.

    Attributes
    ----------
    parts : list of containers
        In the order of the row numbers.

    Notes
    -----
    A `np.memmap` part is pickled as its file, offset, dtype and shape, and opened again for
    reading; all other parts are pickled by value.

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

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, positions: Any) -> Any:
        """Gather rows by row number, in the given order, as one container.

        Parameters
        ----------
        positions : array-like of int of shape (k,)
            0 to len(self) - 1.

        Returns
        -------
        container of k rows
            A copy.

        Examples
        --------
        >>> Rows(["a", "b"], ["c"]).take([2, 0])
        ['c', 'a']
        """
        if len(self.parts) == 1:
            return take(self.parts[0], positions)
        return self._gather(self.parts, positions, take, join)

    def slice(self, start: int, stop: int) -> Any:
        """Cut out the rows from `start` to before `stop`: a view if they lie in one part.

        Parameters
        ----------
        start, stop : int
            0 <= start <= stop <= len(self).

        Returns
        -------
        container of stop - start rows

        Examples
        --------
        >>> Rows(["a", "b"], ["c"]).slice(1, 3)
        ['b', 'c']
        """
        if len(self.parts) == 1:
            return slice_rows(self.parts[0], start, stop)
        first = int(np.searchsorted(self._starts[1:-1], start, side="right"))
        pieces: list[Any] = []
        for part, begin in zip(self.parts[first:], self._starts[first:].tolist(), strict=False):
            if begin >= stop and pieces:
                break
            end = min(stop - begin, n_rows(part))
            pieces.append(slice_rows(part, max(0, start - begin), max(0, end)))
        return join(pieces)

    def whole(self) -> Any:
        """Return all rows as one container.

        Returns
        -------
        container of len(self) rows
            The part itself if there is one, else a join.

        Examples
        --------
        >>> Rows(["a", "b"], ["c"]).whole()
        ['a', 'b', 'c']
        """
        return join(self.parts)

    def append(self, X: Any, *, merge: bool = False) -> None:
        """Add rows at the end; row numbers go on.

        Parameters
        ----------
        X : container of k rows
            As `conform` gives it.
        merge : bool
            Whether to copy X, for few rows at a time, and join it with such parts before it that
            are at most twice as large: m rows so added lie in at most 1 + log2(m) parts, and each
            is copied O(log m) times. A part added without it stays the object it is.

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

    def copy(self) -> Rows:
        """Return Rows of the same parts, to which rows can be added independently.

        Returns
        -------
        Rows

        Examples
        --------
        >>> rows = Rows(["a"])
        >>> rows.copy().append(["b"])
        >>> len(rows)
        1
        """
        twin = Rows.__new__(Rows)
        twin.parts, twin._merged, twin._starts = [*self.parts], [*self._merged], self._starts
        return twin

    def index_of(self, positions: Any) -> Any:
        """Return the index labels of rows, if every part is a pandas object, else None.

        Parameters
        ----------
        positions : array-like of int of shape (k,)
            0 to len(self) - 1.

        Returns
        -------
        pandas.Index of k labels, or None

        Examples
        --------
        >>> Rows(["a"]).index_of([0]) is None
        True
        """
        if not all(map(is_pandas, self.parts)):
            return None
        indices = [part.index for part in self.parts]
        return self._gather(indices, positions, lambda index, at: index.take(at), _join_indices)

    def _gather(
        self, parts: list, positions: Any, take_part: Callable, join_parts: Callable
    ) -> Any:
        """Take from each part that has some of the positions, join, and restore their order."""
        positions = np.asarray(positions, dtype=np.intp)
        if positions.size == 0:
            return take_part(parts[0], positions)
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
        state["parts"] = [_mapped(part) or part for part in self.parts]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.parts = [p.open() if isinstance(p, _Mapped) else p for p in state["parts"]]


def fingerprint(rows: Rows, positions: Any) -> str:
    """Hash some rows, so that wrong or reordered data is recognised.

    Parameters
    ----------
    rows : Rows
        All rows.
    positions : array-like of int of shape (k,)
        Which of them to read.

    Returns
    -------
    str
        sha256, in hexadecimal, of the count of all rows, the shape of a row or the column names,
        and the values at the positions. How rows are split into parts, the width of a numeric
        dtype, and the sparse format make no difference.

    Examples
    --------
    >>> X = np.arange(6.0).reshape(3, 2)
    >>> fingerprint(Rows(X), [0, 2]) == fingerprint(Rows(X[:1], X[1:].astype("f4")), [0, 2])
    True
    """
    digest = hashlib.sha256(f"{len(rows)} rows;".encode())
    for chunk in _canonical(rows.take(positions)):
        digest.update(f"{len(chunk)}:".encode())
        digest.update(chunk)
    return digest.hexdigest()


class _Mapped(NamedTuple):
    """Where a memmap lies: what is pickled in its place."""

    filename: str
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]
    order: Literal["C", "F"]

    def open(self) -> np.memmap:
        """Map the file again, for reading."""
        return np.memmap(
            self.filename,
            dtype=self.dtype,
            mode="r",
            offset=self.offset,
            shape=self.shape,
            order=self.order,
        )


def _mapped(X: Any) -> _Mapped | None:
    """Find where a memmap, or a contiguous piece of one, lies in its file; None for the rest."""
    if not isinstance(X, np.memmap) or X.size == 0 or X.filename is None or X.mode == "c":
        return None
    if not (X.flags.c_contiguous or X.flags.f_contiguous):
        return None
    base: Any = X
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, mmap.mmap):
        return None
    # X.offset is that of the array that was opened; a map starts at a multiple of the granularity
    begin = X.offset - X.offset % mmap.ALLOCATIONGRANULARITY
    inside = X.ctypes.data - np.frombuffer(base, dtype=np.uint8).ctypes.data
    order: Literal["C", "F"] = "C" if X.flags.c_contiguous else "F"
    return _Mapped(str(X.filename), begin + inside, X.dtype, X.shape, order)


_FAMILIES = {
    "array": "an array",
    "sparse": "a sparse matrix",
    "list": "a list",
    "pandas.DataFrame": "a pandas DataFrame",
    "pandas.Series": "a pandas Series",
    "polars.DataFrame": "a polars DataFrame",
    "polars.Series": "a polars Series",
}


def _family(X: Any) -> str:
    """Name the kind of container, a key of `_FAMILIES`."""
    if isinstance(X, np.ndarray):
        return "array"
    if isinstance(X, list):
        return "list"
    if sp.issparse(X):
        return "sparse"
    return f"{library(type(X))}.{'DataFrame' if len(X.shape) == 2 else 'Series'}"


def _conversion(X: Any, like: Any) -> str:
    """Write the line that turns X into the kind of container that `like` is."""
    source, target = _family(X), _family(like)
    dense = {"sparse": "X.toarray()", "array": "X", "list": "X"}.get(source, "X.to_numpy()")
    if target == "list":
        return "list(X)" if source.endswith("Series") else f"{dense}.tolist()"
    if target == "array":
        return dense
    if target == "sparse":
        return f"scipy.sparse.{like.format}_matrix({dense})"
    package, kind = target.split(".")
    if source.endswith(kind):
        return "X.to_pandas()" if package == "pandas" else "polars.from_pandas(X)"
    if source.startswith(package) and kind == "Series":
        return "X[column]"
    if source.startswith(package):
        return f"frame{'.iloc' if package == 'pandas' else ''}[[i]] for a single row i"
    names = ", columns=" if package == "pandas" else ", schema="
    return f"{target}({dense}{names}[...])" if kind == "DataFrame" else f"{target}({dense})"


def _check_sparse(X: Any, who: str) -> Any:
    """Refuse sparse formats whose rows cannot be taken."""
    if X.format not in _SPARSE_FORMATS:
        raise TypeError(
            f"{who} got a sparse matrix in {X.format} format, which has no quick way to a row; "
            "write X.tocsr()."
        )
    if X.ndim != 2:
        raise TypeError(f"{who} got a sparse array of shape {X.shape}; write X.reshape(1, -1).")
    return X


def _check_polars(X: Any, who: str) -> Any:
    """Refuse polars objects that hold no rows yet."""
    if not is_polars(X):
        write = "X.collect()" if hasattr(X, "collect") else "a DataFrame"
        raise TypeError(
            f"{who} got a polars {type(X).__name__}, which holds no rows; write {write}."
        )
    return X


def _as_sparse(X: Any, like: Any) -> Any:
    """Return a sparse matrix in the format and of the type of another."""
    X = X.asformat(like.format)
    return X if type(X) is type(like) else type(like)(X)


def _list_as_array(X: list, like: np.ndarray, who: str) -> np.ndarray:
    """Make an array of a list of rows, objects where the pool's rows are single objects."""
    if like.dtype.kind == "O" and like.ndim == 1:
        return np.fromiter(X, dtype=object, count=len(X))
    try:
        return np.asarray(X, dtype=object if like.dtype.kind == "O" else None)
    except ValueError as error:
        raise ValueError(
            f"{who}: the rows of X differ in shape; write rows of one shape."
        ) from error


def _as_list(X: Any, like: list, who: str) -> list:
    """Return rows as a list, to join the pool's list."""
    if isinstance(X, np.ndarray):
        X = list(X) if X.ndim > 1 and like and isinstance(like[0], np.ndarray) else X.tolist()
    _check_family(X, like, who)
    _check_text(X, like, who)
    nested = list | tuple | np.ndarray
    if X and like and isinstance(like[0], nested) and not isinstance(X[0], nested):
        raise ValueError(f"{who}: X is a single row, the pool has a list of rows; write [X].")
    return X


def _check_text(X: Any, like: Any, who: str) -> None:
    """Refuse text where rows are something else, and the reverse."""
    if len(X) and len(like) and isinstance(X[0], str) != isinstance(like[0], str):
        kinds = ("text", "not text") if isinstance(X[0], str) else ("not text", "text")
        raise ValueError(
            f"{who}: rows of X are {kinds[0]}, rows of the pool are {kinds[1]}; "
            "write rows of one kind."
        )


def _check_family(X: Any, like: Any, who: str) -> None:
    """Refuse rows in another kind of container."""
    if _family(X) != _family(like):
        raise ValueError(
            f"{who}: X is {_FAMILIES[_family(X)]}, the pool is {_FAMILIES[_family(like)]}; "
            f"write {_conversion(X, like)}."
        )


def _check_array(X: np.ndarray, like: np.ndarray, who: str) -> None:
    """Refuse an array whose rows have another shape, or text where there are numbers."""
    if X.ndim == like.ndim - 1:
        raise ValueError(
            f"{who}: X has {X.ndim} dimension{'s' * (X.ndim > 1)}, the pool has {like.ndim}; "
            "for a single row i write X[[i]]."
        )
    _check_trailing(X.shape[1:], like.shape[1:], who)
    _check_text(X, like, who)
    text = X.ndim == 1 and X.dtype.kind == "O" and like.dtype.kind in _TEXT
    if like.dtype.kind != "O" and _group(X.dtype) != _group(like.dtype) and not text:
        raise ValueError(
            f'{who}: X has dtype {X.dtype}, the pool {like.dtype}; write X.astype("{like.dtype}").'
        )


def _group(dtype: np.dtype) -> str:
    """Name the group of dtypes that numpy joins without a change of meaning."""
    return "numbers" if dtype.kind in "biufc" else "text" if dtype.kind in _TEXT else dtype.kind


def _check_trailing(new: tuple[int, ...], old: tuple[int, ...], who: str) -> None:
    """Refuse rows of another shape."""
    if new == old:
        return
    if len(new) == len(old) == 1:
        columns = f"{new[0]} column{'s' * (new[0] != 1)}"
        raise ValueError(f"{who}: X has {columns}, the pool has {old[0]}.")
    raise ValueError(f"{who}: X has rows of shape {new}, the pool has rows of shape {old}.")


def _conform_frame(X: Any, like: Any, who: str) -> Any:
    """Return a frame with its columns in the order of the pool's."""
    if len(like.shape) == 2 and list(X.columns) != list(like.columns):
        X = X[_same_columns(list(X.columns), list(like.columns), who)]
    if is_polars(X):  # polars joins equal dtypes only
        new, old = ([f.dtype] if len(f.shape) == 1 else f.dtypes for f in (X, like))
        differ = next(((a, b) for a, b in zip(new, old, strict=True) if a != b), None)
        if differ:
            cast = "X.cast(pool.dtype)" if len(X.shape) == 1 else "X.cast(pool.schema)"
            raise ValueError(
                f"{who}: X has dtype {differ[0]} where the pool has {differ[1]}; write {cast}."
            )
    return X


def _same_columns(new: list, old: list, who: str) -> list:
    """Return the pool's columns, having refused a frame that has others."""
    missing = [name for name in old if name not in set(new)]
    extra = [name for name in new if name not in set(old)]
    if missing or extra:
        raise ValueError(
            f"{who}: the columns of X are not the pool's; missing: {missing[:_SHOWN]}, "
            f"not in the pool: {extra[:_SHOWN]}."
        )
    if len(new) != len(old) or len(set(old)) != len(old):
        raise ValueError(f"{who}: X or the pool has a column name twice; write distinct names.")
    return old


def _is_integer(cls: type) -> bool:
    """Tell integers from booleans and durations, both of which Python counts among them."""
    return issubclass(cls, int | np.integer) and not issubclass(cls, bool | np.timedelta64)


def _int64(numbers: Any) -> np.ndarray:
    """Make an int64 array of Python integers."""
    try:
        return np.asarray(numbers, dtype=np.int64)
    except OverflowError as error:
        raise ValueError("a row number is an integer of at most 64 bits.") from error


def _not_row_numbers(idx: Any) -> str:
    """Say what came in place of row numbers, and what to write."""
    array = np.asarray(idx, dtype=object if isinstance(idx, list | tuple) else None)
    listed = array.ravel().tolist() if array.dtype.kind == "O" else []
    types = {array.dtype.type, *map(type, listed)}
    if array.ndim > 1:
        return f"row numbers of shape {array.shape}; write them in one dimension."
    if any(issubclass(cls, bool | np.bool_) for cls in types):
        return "booleans for row numbers; write np.flatnonzero(mask)."
    if any(issubclass(cls, float | np.floating) for cls in types):
        return "floats for row numbers; write idx.astype(int) if they are whole."
    return f"a {type(idx).__name__} for row numbers; write integers in one dimension."


def _join_indices(indices: list) -> Any:
    """Join pandas indices end to end."""
    return indices[0].append(indices[1:]) if len(indices) > 1 else indices[0]


def _canonical(X: Any) -> list[bytes]:
    """List what identifies rows, as bytes that do not depend on how they are stored."""
    if sp.issparse(X):
        X = X.tocsr()
        X.sum_duplicates()
        X.eliminate_zeros()
        shape = [X.shape[1:], X.indptr.tolist(), X.indices.tolist()]
        return [b"sparse", repr(shape).encode(), *_values(X.data)]
    if isinstance(X, np.ndarray):
        return [b"array", repr(X.shape[1:]).encode(), *_values(X)]
    if isinstance(X, list):
        return [b"list", *chain.from_iterable(map(_value, X))]
    if len(X.shape) == 1:
        return [b"series", *_values(X.to_numpy())]
    names = chain.from_iterable(map(_value, X.columns))
    columns = (X.iloc[:, i] if is_pandas(X) else X[:, i] for i in range(X.shape[1]))
    values = chain.from_iterable(_values(column.to_numpy()) for column in columns)
    return [b"frame", str(X.shape[1]).encode(), *names, *values]


def _values(array: np.ndarray) -> list[bytes]:
    """List the values of an array: numbers as float64 where that is exact, else one by one."""
    array, kind = array.ravel(), array.dtype.kind
    if kind in "mM":
        return [array.dtype.str.encode(), array.astype("<i8").tobytes()]
    if kind not in "biuf":
        return list(chain.from_iterable(map(_value, array.tolist())))
    if kind in "iu" and array.size and max(-int(array.min()), int(array.max())) > _EXACT:
        whole = array.astype(f"<{kind}8")
        return [whole.dtype.str.encode(), whole.tobytes()]
    numbers = array.astype("<f8") + 0.0  # -0.0 and 0.0 are one number
    numbers[np.isnan(numbers)] = np.nan  # and so are all NaN
    return [b"numbers", numbers.astype("<f8").tobytes()]


def _value(value: Any) -> list[bytes]:
    """List what identifies one object: its type's name and its text, or its array."""
    if isinstance(value, str):
        return [b"str", value.encode("utf-8", "surrogatepass")]
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        array = np.asarray(value)
        return [repr(array.shape).encode(), *_values(array)]
    if isinstance(value, list | tuple):
        return [f"{len(value)} in a list".encode(), *chain.from_iterable(map(_value, value))]
    name = type(value).__name__.encode()
    plain = type(value).__repr__ is object.__repr__ and type(value).__str__ is object.__str__
    return [name, b"" if plain else str(value).encode("utf-8", "surrogatepass")]
