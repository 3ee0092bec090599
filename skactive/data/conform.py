"""Rows from outside as the container that the pool is: whatever could be joined with it."""

from __future__ import annotations

from sys import modules
from typing import Any

import numpy as np
import scipy.sparse as sp

from .datasets import DatasetRows
from .frames import dtypes_of, is_categorical, is_pandas, is_polars, united, with_categories
from .rows import as_sparse, check_rows, slice_rows
from .sources import RowSource
from .tensors import as_array, is_tensor

_TEXT = "UT"
_SHOWN = 5
_INPUTS = "[x for x, _ in X]"
_ROW = "[[i]] for a single row i"
_NUMPY = "X.to_numpy()"
# Kind of container: what messages call it, what makes an array of X, and what makes it of an array.
_FAMILIES = {
    "array": ("an array", "X", "{}"),
    "sparse": ("a sparse matrix", "X.toarray()", "scipy.sparse.FORMAT_matrix({})"),
    "list": ("a list", "X", "{}.tolist()"),
    "tensor": ("a torch tensor", "X.numpy(force=True)", "torch.as_tensor({})"),
    "dataset": ("a torch Dataset", f"numpy.stack({_INPUTS})", "torch.utils.data.StackDataset({})"),
    "pandas.DataFrame": ("a pandas DataFrame", _NUMPY, "pandas.DataFrame({}, columns=[...])"),
    "pandas.Series": ("a pandas Series", _NUMPY, "pandas.Series({})"),
    "polars.DataFrame": ("a polars DataFrame", _NUMPY, "polars.DataFrame({}, schema=[...])"),
    "polars.Series": ("a polars Series", _NUMPY, "polars.Series({})"),
}
# What needs no array in between, from the kind of X to that of the pool.
_SHORTER = {
    ("tensor", "dataset"): "torch.utils.data.StackDataset(X)",
    ("dataset", "tensor"): f"torch.stack({_INPUTS})",
    ("dataset", "list"): _INPUTS,
    ("pandas.Series", "list"): "list(X)",
    ("polars.Series", "list"): "list(X)",
    ("pandas.DataFrame", "pandas.Series"): "X[column]",
    ("polars.DataFrame", "polars.Series"): "X[column]",
    ("pandas.Series", "pandas.DataFrame"): f"frame.iloc{_ROW}",
    ("polars.Series", "polars.DataFrame"): f"frame{_ROW}",
    ("pandas.DataFrame", "polars.DataFrame"): "polars.from_pandas(X)",
    ("pandas.Series", "polars.Series"): "polars.from_pandas(X)",
    ("polars.DataFrame", "pandas.DataFrame"): "X.to_pandas()",
    ("polars.Series", "pandas.Series"): "X.to_pandas()",
}


def conform(X: Any, like: Any, who: str) -> Any:
    """Return X as a container that joins with `like`, or refuse it.

    It becomes an array, a tensor on the device of `like`, a list, or the rows of a Dataset; sparse
    matrices take the format and frames the order of the columns of `like`. Categories of pandas
    without an order are those of `like`, and behind them the new ones.

    Examples
    --------
    >>> conform([[1, 2]], np.eye(2), "extend")
    array([[1, 2]])
    """
    X = check_rows(X, who)
    if isinstance(X, RowSource):
        return _conform_source(X, like, who)
    if isinstance(like, list):
        return _as_list(X, like, who)
    if isinstance(like, np.ndarray):
        return _as_array(X, like, who)
    if is_tensor(like) and isinstance(X, list | np.ndarray):
        X = _as_tensor(X, like, who) if len(X) else like[:0]
    _check_family(X, like, who)
    if is_tensor(like):
        _check_shape(X, like, who)
        return X.to(like.device)
    if isinstance(like, DatasetRows):
        return X
    if sp.issparse(like):
        _check_trailing(X.shape[1:], like.shape[1:], who)
        return as_sparse(X, like)
    return _conform_frame(X, like, who)


def _conform_source(source: RowSource, like: Any, who: str) -> RowSource:
    """Return a source whose first row needs no change to join with `like`, or refuse it."""
    first = slice_rows(source, 0, 1)
    joined = conform(first, like, who)
    is_same = type(joined) is type(first)
    if is_same and hasattr(first, "columns"):
        is_same = list(joined.columns) == list(first.columns)
    if not is_same:
        raise ValueError(
            f"{who} got {source!r}, whose rows would have to become others to join the pool's, and "
            f"a source is read as it is; open it with the columns of the pool, in their order."
        )
    return source


def _as_array(X: Any, like: np.ndarray, who: str) -> np.ndarray:
    """Return rows as an array, refusing another shape, or text where there are numbers."""
    is_object = like.dtype.kind == "O"
    if isinstance(X, list) and is_object and like.ndim == 1:
        X = np.fromiter(X, dtype=object, count=len(X))
    elif isinstance(X, list):
        X = _stacked(X, object if is_object else None, who) if X else like[:0]
    elif is_tensor(X):
        X = as_array(X)
    _check_family(X, like, who)
    _check_shape(X, like, who)
    _check_text(X, like, who)
    is_text = X.ndim == 1 and X.dtype.kind == "O" and like.dtype.kind in _TEXT
    if not (is_object or is_text or _group(X.dtype) == _group(like.dtype)):
        raise _other_dtype(X, like, who)
    return X


def _stacked(X: list, dtype: type | None, who: str) -> np.ndarray:
    """Make an array of rows of one shape, tensors among them."""
    try:
        return np.asarray(list(map(as_array, X)) if is_tensor(X[0]) else X, dtype=dtype)
    except ValueError as error:
        raise ValueError(
            f"{who}: the rows of X differ in shape; write rows of one shape."
        ) from error


def _as_tensor(X: list | np.ndarray, like: Any, who: str) -> Any:
    """Make a tensor of an array or of a list of rows, which takes the dtype of floats from `like`.

    A list of tensors or arrays has a dtype of its own, which it keeps.
    """
    own = X if isinstance(X, np.ndarray) else X[0]
    array = X if isinstance(X, np.ndarray) else _stacked(X, None, who)
    native = array.dtype.newbyteorder("=")
    try:  # torch neither reads foreign byte orders nor shares what it may not write to
        new = modules["torch"].as_tensor(np.require(array, native, ["C", "W"]), device=like.device)
    except TypeError as error:
        raise _other_dtype(array, like, who) from error
    if is_tensor(own) and len({getattr(row, "dtype", None) for row in X}) == 1:
        return new.to(own.dtype)  # which numpy may lack
    lacks = not hasattr(own, "dtype") and like.is_floating_point() and not new.is_complex()
    return new.to(like.dtype) if lacks else new


def _as_list(X: Any, like: list, who: str) -> list:
    """Return rows as a list, to join the pool's list."""
    if like and is_tensor(like[0]) and len(X) and isinstance(X, np.ndarray):
        X = _as_tensor(X, like[0], who)
    if is_tensor(X):
        X = list(X) if like and is_tensor(like[0]) else as_array(X)
    if isinstance(X, np.ndarray):
        X = list(X) if X.ndim > 1 and like and isinstance(like[0], np.ndarray) else X.tolist()
    _check_family(X, like, who)
    _check_text(X, like, who)
    if X and like and _is_nested(like[0]) and not _is_nested(X[0]):
        raise ValueError(f"{who}: X is a single row, the pool has a list of rows; write [X].")
    return X


def _is_nested(row: Any) -> bool:
    """Tell whether a row of a list is made of further values."""
    return isinstance(row, list | tuple | np.ndarray) or (is_tensor(row) and row.ndim > 0)


def _check_text(X: Any, like: Any, who: str) -> None:
    """Refuse text where rows are something else, and the reverse."""
    if len(X) and len(like) and isinstance(X[0], str) != isinstance(like[0], str):
        kinds = ("text", "not text") if isinstance(X[0], str) else ("not text", "text")
        raise ValueError(
            f"{who}: rows of X are {kinds[0]}, rows of the pool are {kinds[1]}; "
            "write rows of one kind."
        )


def _check_family(X: Any, like: Any, who: str) -> None:
    """Refuse rows in another kind of container, and say what makes them one of the pool's kind."""
    new, old = pair = _family(X), _family(like)
    if new != old:
        (it, array, _), (pool, _, made) = _FAMILIES[new], _FAMILIES[old]
        write = _SHORTER.get(pair) or made.format(array)
        write = write.replace("FORMAT", getattr(like, "format", ""))  # csr or csc
        raise ValueError(f"{who}: X is {it}, the pool is {pool}; write {write}.")


def _other_dtype(X: np.ndarray, like: Any, who: str) -> ValueError:
    """Return the refusal of an array whose values are no numbers where the pool's are."""
    name = str(like.dtype).removeprefix("torch.")
    write = "float32" if name == "bfloat16" else name  # numpy lacks it
    return ValueError(f'{who}: X has dtype {X.dtype}, the pool {name}; write X.astype("{write}").')


def _check_shape(X: Any, like: Any, who: str) -> None:
    """Refuse an array or a tensor whose rows have another shape."""
    if X.ndim == like.ndim - 1:
        raise ValueError(
            f"{who}: X has {X.ndim} dimension{'s' * (X.ndim > 1)}, the pool has {like.ndim}; "
            "for a single row i write X[[i]]."
        )
    _check_trailing(tuple(X.shape[1:]), tuple(like.shape[1:]), who)


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
    columns = [None] if len(X.shape) == 1 else list(X.columns)
    categories = {}
    for at, (name, new, old) in enumerate(zip(columns, dtypes_of(X), dtypes_of(like), strict=True)):
        if is_categorical(new) and is_categorical(old) and _unite(new, old):
            categories[at] = united([old, new])
        elif is_polars(X) and new != old:  # polars joins equal dtypes only
            cast = "X.cast(pool.dtype)" if name is None else "X.cast(pool.schema)"
            raise ValueError(f"{who}: X has dtype {new} where the pool has {old}; write {cast}.")
        elif not _joins(new, old):
            column = X if name is None else X.iloc[:, at]
            raise _other_column(name, new, old, who, bool(column.isna().any()))
    return with_categories(X, categories) if categories else X


def _joins(new: Any, old: Any) -> bool:
    """Whether a column of pandas stays what it is: of the same dtype, or of plain numbers."""
    plain = all(isinstance(dtype, np.dtype) and dtype.kind in "iufc" for dtype in (new, old))
    return plain or new == old


def _unite(new: Any, old: Any) -> bool:
    """Whether categories can be united: without an order, and of one kind where there are some."""
    if new.ordered or old.ordered:
        return False
    a, b = new.categories, old.categories
    return not (len(a) and len(b)) or _joins(a.dtype, b.dtype)


def _other_column(name: Any, new: Any, old: Any, who: str, has_gaps: bool) -> ValueError:
    """Return the refusal of a column of pandas that would become another one in the pool's."""
    column, where = ("X", "") if name is None else (f"X[{name!r}]", f" in column {name!r}")

    def to(dtype: str) -> str:
        return f".astype({dtype!r})" if name is None else f".astype({{{name!r}: {dtype!r}}})"

    it, pool, write = new, old, f"X{to(str(old))}"
    if is_categorical(new) and is_categorical(old):
        if new.ordered or old.ordered:
            it, pool = (
                f"{'' if d.ordered else 'un'}ordered {d} {d.categories.tolist()[:_SHOWN]}"
                for d in (new, old)
            )
            write = "one pandas.CategoricalDtype([...], ordered=True) for both"
        else:
            it, pool = (f"categories of {d.categories.dtype}" for d in (new, old))
            write = f"X{to(str(old.categories.dtype))}{to('category')}"
    elif getattr(new, "kind", "") == "M" == getattr(old, "kind", ""):
        zones = [getattr(dtype, "tz", None) for dtype in (new, old)]
        if zones.count(None) == 1:  # which astype refuses
            zone = None if zones[1] is None else str(zones[1])
            write = f"{column} = {column}.dt.tz_localize({zone!r})"
    elif _is_plain_integer(old) and (has_gaps or getattr(new, "kind", "") == "f"):
        write = f"X{to('float64')}"  # which joins, and has NaN for what is missing
    elif str(old) == "bool":  # of which astype makes True where there is nothing
        write = f"X{to('boolean')}{to('bool')}"
    return ValueError(f"{who}: X has {it}{where} where the pool has {pool}; write {write}.")


def _is_plain_integer(dtype: Any) -> bool:
    """Whether a dtype is one of numpy's integers."""
    return isinstance(dtype, np.dtype) and dtype.kind in "iu"


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


def _family(X: Any) -> str:
    """Name the kind of container, a key of `_FAMILIES`."""
    if isinstance(X, np.ndarray):
        return "array"
    if isinstance(X, list):
        return "list"
    if sp.issparse(X):
        return "sparse"
    if isinstance(X, DatasetRows):
        return "dataset"
    if is_tensor(X):
        return "tensor"
    package = "pandas" if is_pandas(X) else "polars"
    return f"{package}.{'DataFrame' if len(X.shape) == 2 else 'Series'}"
