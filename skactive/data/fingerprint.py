"""Fingerprints of rows: the same for the same data, however it is stored; and what differs."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp

from .chance import GOLDEN, mixed
from .datasets import DatasetRows
from .frames import is_pandas
from .rows import Rows, n_rows, row_bytes, slice_rows
from .tensors import as_array, is_tensor
from .values import bytes_of, bytes_of_array, hash_cells

_WIDEST = 1024  # columns that are told apart
_CELLS = 1 << 18  # values that are hashed at once
_LOOKED = 1 << 23  # bytes of rows that are looked through for those that have moved
_KINDS = {
    "frame": "a frame",
    "series": "a Series",
    "array": "an array",
    "sparse": "a sparse matrix",
    "list": "a list",
    "dataset": "a Dataset",
}


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
    values = chain.from_iterable(bytes_of_array(column.to_numpy()) for column in _columns(X))
    return [b"frame", str(X.shape[1]).encode(), *names, *values]


def portrait(rows: Rows, positions: Any) -> dict[str, Any]:
    """Return what a file keeps of some rows, in words and digests that JSON holds.

    The same facts make no difference as for `fingerprint`, nor does a frame of polars in place of
    one of pandas.
    """
    X = rows.take(positions)
    kind, columns = _form(X)
    of_rows, of_columns = _digests(X)
    return {
        "n_rows": len(rows),
        "kind": kind,
        "columns": columns,
        "positions": np.asarray(positions).tolist(),
        "row_digests": of_rows,
        "column_digests": of_columns,
    }


def difference(saved: dict[str, Any], rows: Rows) -> str | None:
    """Say in what rows differ from those of a portrait, as a clause; None: in nothing.

    Examples
    --------
    >>> saved = portrait(Rows(np.array([[0.5, 2.0], [1.0, 3.0]])), [0, 1])
    >>> difference(saved, Rows(np.array([[0.5, 2.0], [1.0, 4.0]])))
    'row 1 differs in column 1'
    """
    was = dict(zip(saved["positions"], saved["row_digests"], strict=True))
    now = portrait(rows, [row for row in was if row < len(rows)])
    if now["kind"] != saved["kind"]:
        return f"X is {_KINDS[now['kind']]} and was {_KINDS[saved['kind']]}"
    if now["columns"] != saved["columns"]:
        return _of_columns(saved["columns"], now["columns"])
    others = [
        row
        for row, digest in zip(now["positions"], now["row_digests"], strict=True)
        if digest != was[row]
    ]
    n_more = now["n_rows"] - saved["n_rows"]
    if not n_more:
        return _of_values(saved, now, others, rows) if others else None
    is_one = abs(n_more) == 1
    verb = ("was" if is_one else "were") if n_more > 0 else ("is" if is_one else "are")
    counted = f"{abs(n_more)} row{'s' * (not is_one)} {verb} {'added' if n_more > 0 else 'gone'}"
    if not others:
        return f"{counted} {'at' if n_more > 0 else 'from'} the end"
    # Of rows that came or went in one place, all behind it have moved by as many.
    behind = [row for row in was if row >= others[0] + max(0, -n_more)]
    if behind and _row_digests(rows, [row + n_more for row in behind]) == [was[i] for i in behind]:
        return f"{counted} before row {behind[0]}"
    return f"{counted} and {_of_values(saved, now, others, rows)}"


def _of_columns(was: Any, now: Any) -> str:
    """Say in what columns differ, or shapes of rows."""
    if isinstance(was, str) or isinstance(now, str):  # so many that only a digest was kept
        return "there are other columns, or they are in another order"
    if all(isinstance(each, int) for each in (*was, *now)):
        return f"a row has shape {tuple(now)} and had {tuple(was)}"
    gone = [name for name in was if name not in now]
    new = [name for name in now if name not in was]
    clauses = [
        f"{_several('column', list(map(repr, names)))} {'is' if len(names) == 1 else 'are'} {what}"
        for names, what in ((new, "new"), (gone, "gone"))
        if names
    ]
    return " and ".join(clauses) or "the columns are in another order"


def _of_values(saved: dict[str, Any], now: dict[str, Any], others: list[int], rows: Rows) -> str:
    """Say in what values differ, of which rows at these positions have others."""
    names, n_columns = saved["columns"], len(saved["column_digests"])
    digests = zip(saved["column_digests"], now["column_digests"], strict=True)
    odd = [at for at, (a, b) in enumerate(digests) if a != b]  # all, where sampled rows are gone
    odd_names = [repr(names[at]) if saved["kind"] == "frame" else str(at) for at in odd]
    where = f" in {_several('column', odd_names)}" if 0 < len(odd) < max(2, n_columns) else ""
    if len(odd) != 1 or n_columns == 1:
        moved = _moved(saved, now, others, rows)
        if moved:
            return moved
    if len(others) == 1 or not where:
        differ = "differs" if len(others) == 1 else "differ"
        return f"{_several('row', list(map(str, others)))} {differ}{where}"
    differ = "differs" if len(odd) == 1 else "differ"
    return f"{where.removeprefix(' in ')} {differ}, first in row {others[0]}"


def _moved(saved: dict[str, Any], now: dict[str, Any], others: list[int], rows: Rows) -> str | None:
    """Say where a row is now, if enough are found elsewhere to say that they have moved."""
    # Looked through are the other rows of the portrait, and those near the first that differs.
    digest_of = dict(zip(now["positions"], now["row_digests"], strict=True))
    if saved["kind"] != "dataset":  # whose rows take long to read
        n = min(len(rows), _LOOKED // row_bytes(rows.slice(0, 1)))
        start = min(max(0, others[0] - n // 2), len(rows) - n)
        near = range(start, start + n)
        digest_of |= dict(zip(near, _row_digests(rows, near), strict=True))
    how_often = Counter(digest_of.values())
    places = {digest: row for row, digest in digest_of.items() if how_often[digest] == 1}
    was = dict(zip(saved["positions"], saved["row_digests"], strict=True))
    found = [(row, places[was[row]]) for row in others if places.get(was[row], row) != row]
    # Where few rows differ, one that is like another may have been corrected.
    is_most = len(others) > len(now["positions"]) / 2
    if len(found) < (1 if is_most else max(1, len(digest_of) / len(rows) * len(others) / 2)):
        return None
    order = "rows are in another order" if len(rows) == saved["n_rows"] else "others have moved"
    return f"{order} (row {found[0][0]} is row {found[0][1]} now)"


def _several(what: str, names: list[str]) -> str:
    """Name one or several: at most three of them."""
    shown = names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]
    listed = " and ".join([", ".join(shown[:-1])] * (len(shown) > 1) + shown[-1:])
    return f"{what}{'s' * (len(names) > 1)} {listed}"


def _form(X: Any) -> tuple[str, Any]:
    """Return the kind of some rows and their columns: by names, their digest, or a shape."""
    if isinstance(X, list | DatasetRows):
        return "list" if isinstance(X, list) else "dataset", []
    if sp.issparse(X) or isinstance(X, np.ndarray) or is_tensor(X):
        return "sparse" if sp.issparse(X) else "array", list(X.shape[1:])
    if len(X.shape) == 1:
        return "series", []
    names = list(map(str, X.columns))
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()
    return "frame", names if len(names) <= _WIDEST else digest


def _row_digests(rows: Rows, positions: Any) -> list[str]:
    return _digests(rows.take(positions))[0]


def _digests(X: Any) -> tuple[list[str], list[str]]:
    """Return eight bytes in hexadecimal for each row, and for each column if there are few.

    They are sums, over the values, of what mixes a value with its place.
    """
    n, shape = n_rows(X), () if isinstance(X, list | DatasetRows) else X.shape[1:]
    width = math.prod(shape)
    if sp.issparse(X):
        X = X.tocsr()
        X.sum_duplicates()
        X.eliminate_zeros()
        row, column = X.nonzero()
        cells = hash_cells(X.data)
        of_rows, of_columns = np.zeros(n, np.uint64), np.zeros(width, np.uint64)
        np.add.at(of_rows, row, _placed(cells, column))
        np.add.at(of_columns, column, _placed(cells, row))
    else:
        rows, of_columns = [np.zeros(0, np.uint64)], np.zeros(width, np.uint64)
        step = max(1, _CELLS // max(1, width))
        for start in range(0, n, step):
            cells = _cells(slice_rows(X, start, min(n, start + step)), width)
            rows.append(_placed(cells, np.arange(width)).sum(axis=1, dtype=np.uint64))
            places = np.arange(start, start + len(cells))[:, None]
            of_columns += _placed(cells, places).sum(axis=0, dtype=np.uint64)
        of_rows = np.concatenate(rows)
    has_columns = len(shape) == 1 and width <= _WIDEST
    return _hex(of_rows), _hex(of_columns) if has_columns else []


def _placed(cells: np.ndarray, places: np.ndarray) -> np.ndarray:
    return mixed(cells + places.astype(np.uint64) * GOLDEN)


def _cells(X: Any, width: int) -> np.ndarray:
    """Return hashes of the values of rows, as (rows, width)."""
    if isinstance(X, list | DatasetRows):
        return hash_cells(np.fromiter(X, dtype=object, count=len(X)))[:, None]
    if isinstance(X, np.ndarray) or is_tensor(X):
        return hash_cells(as_array(X).reshape(len(X), width))
    if len(X.shape) == 1:
        return hash_cells(X.to_numpy())[:, None]
    columns = [hash_cells(column.to_numpy()) for column in _columns(X)]
    return np.stack(columns, axis=1) if columns else np.zeros((len(X), 0), np.uint64)


def _columns(X: Any) -> Iterator:
    """Go through the columns of a frame, by position."""
    return (X.iloc[:, i] if is_pandas(X) else X[:, i] for i in range(X.shape[1]))


def _hex(digests: np.ndarray) -> list[str]:
    return [f"{digest:016x}" for digest in digests.tolist()]
