"""Fingerprints of rows: the same for the same data, however it is stored."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp

from .datasets import DatasetRows
from .frames import is_pandas
from .rows import Rows
from .tensors import as_array, is_tensor
from .values import bytes_of, bytes_of_array


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
        return [b"sparse", repr(shape).encode(), *bytes_of_array(X.data)]
    if isinstance(X, np.ndarray) or is_tensor(X):
        X = as_array(X)
        return [b"array", repr(X.shape[1:]).encode(), *bytes_of_array(X)]
    if isinstance(X, list | DatasetRows):
        kind = b"list" if isinstance(X, list) else b"dataset"
        return [kind, *chain.from_iterable(map(bytes_of, X))]
    if len(X.shape) == 1:
        return [b"series", *bytes_of_array(X.to_numpy())]
    names = chain.from_iterable(map(bytes_of, X.columns))
    columns = (X.iloc[:, i] if is_pandas(X) else X[:, i] for i in range(X.shape[1]))
    values = chain.from_iterable(bytes_of_array(column.to_numpy()) for column in columns)
    return [b"frame", str(X.shape[1]).encode(), *names, *values]
