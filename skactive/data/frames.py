"""What comes from pandas and polars, told by its class, and never a reason to import them."""

from __future__ import annotations

from typing import Any

from ..utils.checks import is_instance

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
