"""What comes from pandas and polars, told by its class, and never a reason to import them."""

from __future__ import annotations

from sys import modules
from typing import Any


def loaded(module: str, *names: str) -> tuple[Any, ...]:
    """Return classes of a module, none of one that nobody has imported.

    Examples
    --------
    >>> loaded("builtins", "int"), loaded("a module that is not there", "int")
    ((<class 'int'>,), ())
    """
    # What is being imported right now is listed, but may not have its classes yet.
    found = (getattr(modules.get(module), name, None) for name in names)
    return tuple(cls for cls in found if isinstance(cls, type))


def is_pandas(X: Any) -> bool:
    """Tell whether X is a pandas DataFrame or Series, or of a type that builds on one.

    Examples
    --------
    >>> is_pandas([1, 2])
    False
    """
    return isinstance(X, loaded("pandas", "DataFrame", "Series"))


def is_polars(X: Any) -> bool:
    """Tell whether X is a polars DataFrame or Series, or of a type that builds on one.

    Examples
    --------
    >>> is_polars([1, 2])
    False
    """
    return isinstance(X, loaded("polars", "DataFrame", "Series"))
