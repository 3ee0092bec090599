"""Fingerprints of rows: the same for the same data, however it is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp

from .datasets import DatasetRows
from .frames import is_pandas
from .rows import Rows
from .tensors import as_array, is_tensor

_EXACT = 2**53  # integers up to here are float64 numbers


def fingerprint(rows: Rows, positions: Any) -> str:
    """Hash some rows, so that wrong or reordered data is recognised: sha256, in hexadecimal.

    Hashed are the count of all rows, the shape of a row or the column names, and the values at the
    positions. How rows are split into parts, the width of a numeric dtype, the sparse format, and
    whether an array is a tensor make no difference. A torch Dataset is read without random
    transforms (`Augmented`).

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


def _canonical(X: Any) -> list[bytes]:
    """List what identifies rows, as bytes that do not depend on how they are stored."""
    if sp.issparse(X):
        X = X.tocsr()
        X.sum_duplicates()
        X.eliminate_zeros()
        shape = [X.shape[1:], X.indptr.tolist(), X.indices.tolist()]
        return [b"sparse", repr(shape).encode(), *_values(X.data)]
    if isinstance(X, np.ndarray) or is_tensor(X):
        X = as_array(X)
        return [b"array", repr(X.shape[1:]).encode(), *_values(X)]
    if isinstance(X, DatasetRows):
        return [b"dataset", *chain.from_iterable(map(_value, X))]
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
        array = as_array(value)
        return [repr(array.shape).encode(), *_values(array)]
    if isinstance(value, list | tuple):
        return [f"{len(value)} in a list".encode(), *chain.from_iterable(map(_value, value))]
    if isinstance(value, Mapping):
        pairs = sorted(value.items(), key=lambda pair: str(pair[0]))
        return [f"{len(value)} in a dict".encode(), *chain.from_iterable(map(_value, pairs))]
    name = type(value).__name__.encode()
    plain = type(value).__repr__ is object.__repr__ and type(value).__str__ is object.__str__
    return [name, b"" if plain else str(value).encode("utf-8", "surrogatepass")]
