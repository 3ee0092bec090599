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


def is_polars(X: Any) -> bool:
    """Tell whether X is a polars DataFrame or Series, or of a type that builds on one.

    Examples
    --------
    >>> is_polars([1, 2])
    False
    """
    return is_instance(X, POLARS)
