"""What comes from pandas and polars, told by its class, and never a reason to import them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from sys import modules
from typing import Any

from ..utils.checks import is_instance

# Rows that lie elsewhere, of which `__array__` would read all at once; and what says so.
_ELSEWHERE = {
    "X.compute()": ("dask.array.Array", "dask.dataframe.DataFrame", "dask.dataframe.Series"),
    "X.to_pandas()": (
        *("pyarrow.Table", "pyarrow.RecordBatch", "pyarrow.ChunkedArray"),
        "datasets.Dataset",
    ),
    "X.to_table().to_pandas()": ("pyarrow.dataset.Dataset",),
}
PANDAS = ("pandas.DataFrame", "pandas.Series")
POLARS = ("polars.DataFrame", "polars.Series")


def is_pandas(X: Any) -> bool:
    """Tell whether X is a pandas DataFrame or Series, or of a type that builds on one.

    Examples
    --------
    >>> is_pandas([1, 2])
    False
    """
    return is_instance(X, PANDAS)


def is_default_index(index: Any) -> bool:
    """Tell whether an index of pandas is the one that it gives where none is named.

    Examples
    --------
    >>> is_default_index([0, 1])
    False
    """
    is_range = is_instance(index, ("pandas.RangeIndex",))
    return is_range and index.start == 0 and index.step == 1


def is_polars(X: Any) -> bool:
    """Tell whether X is a polars DataFrame or Series, or of a type that builds on one.

    Examples
    --------
    >>> is_polars([1, 2])
    False
    """
    return is_instance(X, POLARS)


def refuse_elsewhere(X: Any, who: str) -> None:
    """Refuse rows of dask and pyarrow, which would be read whole without a word.

    Examples
    --------
    >>> import pyarrow
    >>> refuse_elsewhere(pyarrow.table({"a": [1, 2]}), "fit")
    Traceback (most recent call last):
    ...
    TypeError: fit got a Table of pyarrow, whose rows are not taken one by one; write X.to_pandas()
        if all fit into memory, else skactive.open_rows("rows.parquet") of a file with the rows.
    """
    for write, paths in _ELSEWHERE.items():
        if is_instance(X, paths):
            home = type(X).__module__.partition(".")[0]
            raise TypeError(
                f"{who} got a {type(X).__name__} of {home}, whose rows are not taken one by one; "
                f'write {write} if all fit into memory, else skactive.open_rows("rows.parquet") '
                f"of a file with the rows."
            )


def dtypes_of(X: Any) -> list:
    """Return the dtype of each column of a frame, or that of a Series.

    Examples
    --------
    >>> import pandas as pd
    >>> dtypes_of(pd.Series([1, 2]))
    [dtype('int64')]
    """
    return [X.dtype] if len(X.shape) == 1 else list(X.dtypes)


def is_categorical(dtype: Any) -> bool:
    """Tell whether a dtype of pandas is one of categories."""
    return is_instance(dtype, ("pandas.CategoricalDtype",))


def united(dtypes: Sequence[Any]) -> Any:
    """Return the dtype of the categories of all these, in the order in which they come.

    Examples
    --------
    >>> import pandas as pd
    >>> united([pd.CategoricalDtype(list(each)) for each in ("ba", "ca")]).categories.tolist()
    ['b', 'a', 'c']
    """
    some = [dtype.categories for dtype in dtypes if len(dtype.categories)]
    categories = reduce(lambda a, b: a.append(b.difference(a, sort=False)), some) if some else None
    return modules["pandas"].CategoricalDtype(categories, dtypes[0].ordered)


def all_categories(parts: Sequence[Any]) -> dict[int, Any]:
    """Return the dtype of the categories of all parts, by the position of each such column.

    Examples
    --------
    >>> import pandas as pd
    >>> parts = [pd.Series([each], dtype="category") for each in "ba"]
    >>> {at: dtype.categories.tolist() for at, dtype in all_categories(parts).items()}
    {0: ['b', 'a']}
    """
    columns = zip(*map(dtypes_of, parts), strict=True)
    return {at: united(each) for at, each in enumerate(columns) if is_categorical(each[0])}


def with_categories(X: Any, dtypes: dict[int, Any]) -> Any:
    """Return a frame or a Series whose columns at these positions have these categories."""
    old = dtypes_of(X)
    is_frame, result = len(X.shape) == 2, X
    for at, dtype in dtypes.items():
        # Equal dtypes may have their categories in another order, and so other codes.
        if list(old[at].categories) == list(dtype.categories) and old[at] == dtype:
            continue
        # By position, since a name may be there twice.
        column = (X.iloc[:, at] if is_frame else X).cat.set_categories(dtype.categories)
        if not is_frame:
            return column
        result = X.copy(deep=False) if result is X else result
        result.isetitem(at, column)
    return result


def concat(parts: Sequence[Any]) -> Any:
    """Join frames or Series of pandas end to end; where their categories differ, these are united.

    pandas itself would make plain objects of a column whose parts know other categories.

    Examples
    --------
    >>> import pandas as pd
    >>> concat([pd.Series(["b"], dtype="category"), pd.Series(["a"], dtype="category")]).cat.codes
    0    0
    0    1
    dtype: int8
    """
    dtypes = all_categories(parts)
    return modules["pandas"].concat([with_categories(part, dtypes) for part in parts])
