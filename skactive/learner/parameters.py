"""Whether the parameters of an object changed: values are compared, not addresses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..models.kinds import is_frozen


def values_of(value) -> Any:
    """Return what `are_same` compares: the class of an object, and the values of its parameters.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> are_same(values_of(PCA(2)), values_of(PCA(2)))
    True
    >>> are_same(values_of(PCA(2)), values_of(PCA(3)))
    False
    """
    if is_frozen(value):
        return value.estimator  # what it learned is no parameter: only the same object is the same
    if hasattr(value, "get_params") and not isinstance(value, type):
        return [type(value), values_of(value.get_params(deep=False))]
    if isinstance(value, dict):
        return {name: values_of(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [values_of(part) for part in value]
    return value


def are_same(a, b) -> bool:
    """Whether two results of `values_of` are equal; if a comparison has no clear answer, no."""
    if a is b:
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(are_same(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(are_same, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    is_equal = a == b
    return isinstance(is_equal, bool | np.bool_) and bool(is_equal)
