"""Row numbers as users give them: what counts as some, and which are refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..utils.checks import is_instance, is_number, unmasked
from .frames import is_pandas, is_polars
from .labels import check_order, missing_mask
from .tensors import as_array, is_tensor


def as_row_numbers(X: Any) -> np.ndarray | None:
    """Read X as row numbers if it is an integer or integers in one dimension, else return None.

    Any empty list or one-dimensional array is no row numbers at all. Booleans and floats are none,
    which `check_row_numbers` refuses in words.

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
        # The first element settles it for a long list of rows.
        if len(X) and not _is_integer(type(X[0])):
            return None
        return _int64(X) if all(map(_is_integer, set(map(type, X)))) else None
    if (is_tensor(X) or is_pandas(X) or is_polars(X)) and len(X.shape) <= 1:
        X = as_array(X)
    if not isinstance(X, np.ndarray) or X.ndim > 1 or (X.dtype.kind not in "iu" and X.size):
        return None
    return np.array(unmasked(X, "idx"), dtype=np.int64, ndmin=1)  # never the array of the caller


def check_row_numbers(idx: Any, n: int, *, who: str) -> np.ndarray:
    """Read distinct row numbers from 0 to n - 1, or refuse them in words, in O(k log k).

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
        # Sorting costs what k rows cost; a mask of all n would cost a million for one label.
        order = np.argsort(numbers, kind="stable")
        again = np.flatnonzero(numbers[order[1:]] == numbers[order[:-1]])
        if again.size:
            first, second = order[again[0]], order[again[0] + 1]
            raise ValueError(
                f"{who} got index {numbers[first]} twice (positions {first} and {second}); "
                "give each row once."
            )
    return numbers


def are_index_labels(X: Any, like: Any) -> bool:
    """Tell whether X is labels of a pandas index, as text where the rows are those of a frame.

    Examples
    --------
    >>> are_index_labels(["id3"], like=np.zeros((3, 1)))
    False
    """
    is_text = isinstance(X, list | np.ndarray) and len(X) > 0 and isinstance(X[0], str)
    return is_instance(X, ("pandas.Index",)) or (
        is_text and is_instance(like, ("pandas.DataFrame",))
    )


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
    if any(issubclass(cls, str) for cls in types):
        return "text for row numbers; write integers, which pool.numbers(ids) gives for ids."
    return f"a {type(idx).__name__} for row numbers; write integers in one dimension."


def one_row_as(X: Any, width: Any) -> str | None:
    """Return what makes rows of a single row of so many values, as code; None: X is none.

    Examples
    --------
    >>> one_row_as(np.array([0.5, 2.0]), 2), one_row_as([0.5, 2.0], 2), one_row_as([[0.5, 2.0]], 2)
    ('X[[i]]', '[X[i]]', None)
    """
    if is_pandas(X):
        return "X.iloc[[i]]" if len(X.shape) == 1 and len(X) == width else None
    if isinstance(X, list | tuple):
        return "[X[i]]" if len(X) == width and all(map(is_number, X)) else None
    return "X[[i]]" if getattr(X, "shape", None) == (width,) else None


def is_flat_numbers(X) -> bool:
    """Tell whether X is a float or boolean, or a one-dimensional array of them: never rows."""
    if isinstance(X, (list, tuple)):
        return len(X) > 0 and all(isinstance(x, (bool, float, np.bool_, np.floating)) for x in X)
    if isinstance(X, (bool, float)):
        return True
    kind = getattr(getattr(X, "dtype", None), "kind", "")
    return kind in ("b", "f") and getattr(X, "ndim", None) in (0, 1)


def _mask_without_nulls(rows: np.ndarray) -> np.ndarray:
    """Return objects as a mask if all are booleans, refusing one of which some are null."""
    nulls = missing_mask(rows, None)
    if not all(isinstance(value, bool | np.bool_) for value in rows[~nulls]) or nulls.all():
        return rows
    if nulls.any():
        raise ValueError(
            f"subset is a mask with {np.count_nonzero(nulls)} nulls, the first in row "
            f"{nulls.argmax()}; write True or False for them, as by subset.fillna(False)."
        )
    return rows.astype(bool)


def subset_mask(subset, n: int, index=None) -> np.ndarray:
    """Return a mask of the rows that may be chosen, given as a mask or as positions.

    A mask in another order than the rows, by the index of both, is refused.
    """
    if isinstance(subset, str):
        raise ValueError(
            f"subset is {subset!r}; the name of a tag goes with questions about the rows of a pool "
            f"alone; give a mask or positions."
        )
    rows = unmasked(as_array(subset) if is_tensor(subset) else subset, "subset")
    if rows.dtype == object and rows.ndim == 1:
        rows = _mask_without_nulls(rows)
    if rows.dtype == bool:
        if rows.shape != (n,):
            raise ValueError(
                f"subset is a mask of shape {rows.shape} for {n} rows; give one entry for each."
            )
        check_order(subset, index, who="query", name="subset")
        return rows
    if rows.ndim == 1 and rows.size and isinstance(rows[0], str):
        raise ValueError(
            f"subset got the text {str(rows[0])!r}; give row numbers, or a mask with an entry for "
            f"each row, as numpy.isin(names_of_rows, subset) makes of names."
        )
    mask = np.zeros(n, dtype=bool)
    mask[check_row_numbers(rows if rows.ndim else subset, n, who="subset")] = True
    return mask


def is_among(rows: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Tell which rows are among sorted ones."""
    at = np.searchsorted(members, rows)
    found = at < len(members)
    found[found] = members[at[found]] == rows[found]
    return found


def distinct(rows: np.ndarray) -> np.ndarray:
    """Return rows sorted, each once; of many rows `np.unique` makes a hash table, which is slow."""
    rows = np.sort(rows)
    return rows[np.append(True, rows[1:] != rows[:-1])[: len(rows)]]
