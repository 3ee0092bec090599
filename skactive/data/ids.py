"""Ids: the names that rows keep when a file is sorted, grows or changes its container."""

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from .frames import is_pandas, is_polars
from .id_columns import IdColumn, NumberIds, TextIds, find_ids, read_ids, refuse_twice
from .labels import check_order, nearest_class
from .rows import n_rows, row_index
from .sources import RowSource

_FEW = 1024  # ids that may always wait beside the sorted ones


class Ids:
    """The ids of rows, in their order: text or integers, each there once. It never changes.

    Text is kept as bytes end to end. A row is found by a sorted hash, made when it is first needed:
    16 bytes a row, a quarter of what a dict takes. `n` is how many there must be; refusals begin
    with `who`.

    Examples
    --------
    >>> ids = Ids(["a.png", "b.png", "c.png"])
    >>> ids[[2, 0]], ids.numbers(["b.png"])
    (array(['c.png', 'a.png'], dtype=object), array([1]))
    """

    def __init__(self, values: Any, n: int | None = None, who: str = "ids") -> None:
        column = _read(values, who)
        if n is not None and len(column) != n:
            raise ValueError(f"{who} got {len(column)} ids for {n} rows; give one for each row.")
        refuse_twice(column, who)
        self._begin(column)

    def _begin(self, column: IdColumn) -> None:
        # Rows are found among the sorted first ones, or in a dict of the few that came since. List
        # and dict are shared with the Ids that are extended from these, and so may hold more.
        self._sorted, self._n = column, len(column)
        self._late: list[Any] = []
        self._row_of: dict[Any, int] = {}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "Ids":
        """Return the ids of which these are the `arrays`."""
        ids = cls.__new__(cls)
        if "numbers" in arrays:
            ids._begin(NumberIds(arrays["numbers"]))
            return ids
        text, lengths = arrays["text"].tobytes(), arrays["lengths"]
        if lengths.sum(dtype=np.int64) != len(text):
            raise ValueError(f"{len(text)} bytes of ids are not as long as their lengths say.")
        ids._begin(TextIds(text, lengths))
        return ids

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The ids as plain arrays, for files: numbers; or text as UTF-8 and the length of each."""
        return self._all.arrays

    @property
    def is_text(self) -> bool:
        """Whether ids are text, and not integers."""
        return isinstance(self._sorted, TextIds)

    @cached_property
    def hashes(self) -> np.ndarray:
        """One uint64 for each id, the same on every machine and however the ids were stored."""
        if self._n == len(self._sorted):
            return self._sorted.hashes
        return np.concatenate([self._sorted.hashes, self._late_column.hashes])

    @property
    def _late_column(self) -> IdColumn:
        return read_ids(self._late[: self._n - len(self._sorted)], "ids")

    @property
    def _all(self) -> IdColumn:
        """All ids as arrays."""
        is_more = self._n > len(self._sorted)
        return self._sorted.joined(self._late_column) if is_more else self._sorted

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator:
        return iter(self[:].tolist())

    def __getitem__(self, idx: Any) -> Any:
        rows = _positions(idx, self._n)
        flat, n_sorted = rows.ravel(), len(self._sorted)
        is_late = flat >= n_sorted
        if is_late.any():
            out = np.empty(len(flat), dtype=self._sorted.dtype)
            out[~is_late] = self._sorted.take(flat[~is_late])
            out[is_late] = [self._late[row - n_sorted] for row in flat[is_late].tolist()]
        else:
            out = self._sorted.take(flat)
        return out.reshape(rows.shape) if rows.ndim else out.tolist()[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("ids are no array in memory; write np.asarray(ids).")
        return self[:] if dtype is None else self[:].astype(dtype)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ids):
            return NotImplemented
        return self is other or (
            (len(self), self.is_text) == (len(other), other.is_text)
            and all(map(np.array_equal, self.arrays.values(), other.arrays.values()))
        )

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:3].tolist())) + ", ..." * (self._n > 3)
        return f"Ids([{shown}])" if self._n <= 3 else f"Ids([{shown}], n={self._n})"

    def __getstate__(self) -> dict[str, np.ndarray]:
        return self.arrays

    def __setstate__(self, state: dict[str, np.ndarray]) -> None:
        self.__dict__.update(Ids.from_arrays(state).__dict__)

    def __deepcopy__(self, memo: dict) -> "Ids":
        # What is sorted never changes. What came since is not shared with another pool, which
        # another thread may extend.
        return self._with(*self._own_late(), self._n)

    def _with(self, late: list, row_of: dict, n: int) -> "Ids":
        ids = Ids.__new__(Ids)
        ids._sorted, ids._late, ids._row_of, ids._n = self._sorted, late, row_of, n
        return ids

    def _own_late(self) -> tuple[list, dict]:
        count = self._n - len(self._sorted)
        return self._late[:count], dict(islice(self._row_of.items(), count))

    def find(self, wanted: Any, who: str = "ids") -> np.ndarray:
        """Return the row number of each wanted id, -1 where no row has it."""
        column = _read(wanted, who)
        if self._n == 0 or not isinstance(column, type(self._sorted)):
            return np.full(len(column), -1, dtype=np.int64)
        rows = find_ids(self._sorted, column)
        if self._n > len(self._sorted):
            missed = np.flatnonzero(rows < 0)
            names = column.take(missed).tolist()
            found = np.array([self._row_of.get(name, -1) for name in names], dtype=np.int64)
            rows[missed] = np.where(found < self._n, found, -1)
        return rows

    def numbers(self, wanted: Any, who: str = "ids") -> np.ndarray:
        """Return the row number of each wanted id, refusing what no row has."""
        column = _read(wanted, who)
        rows = self.find(column)
        if (rows < 0).any():
            name = column.take(np.flatnonzero(rows < 0)[:1]).tolist()[0]
            self.refuse_kind(column, who)
            near = self.nearest(name)
            instead = f"; ids are such as {self[0]!r}" if self._n else ""
            instead = instead if near is None else f"; write {near!r}"
            raise ValueError(f"{who} got {name!r}, which is the id of no row{instead}.")
        return rows

    def extended(self, more: Any, who: str = "extend") -> "Ids":
        """Return these ids and more behind them, refusing those that are there already."""
        column = _read(more, who)
        if len(column) == 0 or self._n == 0:
            return self if len(column) == 0 else Ids(column, who=who)
        self.refuse_kind(column, who)
        refuse_twice(column, who)
        rows = self.find(column)
        if rows.max() >= 0:
            at = (rows >= 0).argmax()
            raise ValueError(
                f"{who} got {column.take([at]).tolist()[0]!r}, which row {rows[at]} has already; "
                "give each row one id of its own."
            )
        n = self._n + len(column)
        if n - len(self._sorted) > max(_FEW, n // 8):
            ids = Ids.__new__(Ids)
            ids._begin(self._all.joined(column))
            return ids
        late, row_of = self._late, self._row_of
        if len(self._sorted) + len(late) > self._n:  # others were put behind these before
            late, row_of = self._own_late()
        names = column.take(np.arange(len(column))).tolist()
        late.extend(names)
        row_of.update(zip(names, range(self._n, n), strict=True))
        return self._with(late, row_of, n)

    def refuse_kind(self, others: "IdColumn | Ids", who: str) -> None:
        """Refuse text for ids that are integers, and the other way round."""
        column = others._all if isinstance(others, Ids) else others
        if self._n and not isinstance(column, type(self._sorted)):
            ours, theirs = ("text", "integers") if self.is_text else ("integers", "text")
            raise ValueError(
                f"{who} got {theirs} for ids, and the ids of these rows are {ours}; write "
                f"np.array(ids).astype({'str' if self.is_text else 'int'})."
            )

    def nearest(self, name: Any) -> str | None:
        """Return the id that a text may have been meant for, of those that begin and end alike."""
        column = self._all
        if not isinstance(column, TextIds):
            return None
        return nearest_class(name, column.take(column.most_alike(name, 100)).tolist())


class Called:
    """Rows as messages call them: by their numbers, and where they have ids by these beside.

    `before` is the number of the row that is called 0.

    Examples
    --------
    >>> where = Called(np.array([2, 0]), Ids(["a.png", "b.png", "c.png"]))
    >>> f"in row {where[0]}"
    "in row 2 (id 'c.png')"
    """

    def __init__(self, rows: np.ndarray, ids: Ids, before: int = 0) -> None:
        self._rows, self._ids, self._before = rows, ids, before

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        rows = self._rows[at]
        if rows.ndim:
            return Called(rows, self._ids, self._before)
        return f"{rows} (id {self._ids[self._before + rows]!r})"


def take_ids(X: Any, ids: Any, who: str) -> tuple[Any, Ids | None]:
    """Split X into what is learned from and the ids of its rows, given as such or as a column.

    Examples
    --------
    >>> import pandas as pd
    >>> X, ids = take_ids(pd.DataFrame({"file": ["a.png", "b.png"], "age": [3, 5]}), "file", "fit")
    >>> ids, list(X.columns)
    (Ids(['a.png', 'b.png']), ['age'])
    """
    if ids is None:
        return X, None
    if not isinstance(ids, str):
        check_order(ids, row_index(X), who=who, name="ids")
        return X, _without_empty(Ids(ids, n_rows(X)), who)
    if not _is_table(X):
        raise ValueError(
            f"{who} got ids={ids!r}, which names a column, and X is no frame; give an id for each "
            "row, in a list, an array or a Series."
        )
    names = list(X.columns)
    if names.count(ids) != 1:
        _refuse_column(X, ids, names, who)
    if len(names) == 1:
        raise ValueError(
            f"{who} got ids={ids!r}, the only column of X, which leaves nothing to learn from; "
            f"write ids=X[{ids!r}] to keep it."
        )
    column = X.column(ids) if isinstance(X, RowSource) else X[ids]
    return without_column(X, ids), _without_empty(Ids(column), who)


def has_column(X: Any, name: str | None) -> bool:
    """Tell whether X is a frame, or rows of tables, with a column of this name."""
    return name is not None and _is_table(X) and name in X.columns


def _is_table(X: Any) -> bool:
    """Whether X is a frame, or a source of rows that have columns."""
    if isinstance(X, RowSource):
        return bool(X.columns)
    return (is_pandas(X) or is_polars(X)) and len(X.shape) == 2


def refuse_column(y: str, X: Any, who: str) -> None:
    """Refuse the name of a column of X where its labels belong."""
    if n_rows(X) != 1 and has_column(X, y):
        column = f"X.column({y!r})" if isinstance(X, RowSource) else f"X[{y!r}]"
        raise ValueError(
            f"{who} got y={y!r}, a column of X; write ids={y!r} if it names the rows, or y={column}"
            f" if it is their labels."
        )


def without_column(X: Any, name: str | None) -> Any:
    """Return a frame without the column that is the ids of its rows; anything else as it is.

    Examples
    --------
    >>> import pandas as pd
    >>> list(without_column(pd.DataFrame({"file": ["a.png"], "age": [3]}), "file").columns)
    ['age']
    """
    if name is None or not has_column(X, name):
        return X
    if isinstance(X, RowSource):
        return X.without(name)
    return X.drop(columns=name) if is_pandas(X) else X.drop(name)


def _refuse_column(X: Any, name: str, names: list, who: str) -> None:
    """Refuse a name that no column has, or several."""
    n, near = names.count(name), nearest_class(name, names)
    if n:
        instead = f"which {n} columns of X are called; rename all but one"
    elif is_pandas(X) and name in X.index.names:
        instead = "the index of X and no column; write ids=X.index"
    else:
        instead = "which is no column of X; "
        instead += "name one, or give ids" if near is None else f"write ids={near!r}"
    raise ValueError(f"{who} got ids={name!r}, {instead}.")


def _without_empty(ids: Ids, who: str) -> Ids:
    """Return ids, refusing an empty text among them, which a file leaves where there is none."""
    is_empty = ids.arrays.get("lengths", np.ones(0)) == 0
    if is_empty.any():
        raise ValueError(
            f"{who} got an empty text for an id, in row {is_empty.argmax()}; give each row one."
        )
    return ids


def _read(values: Any, who: str) -> IdColumn:
    """Read ids from any container, or from Ids."""
    return values._all if isinstance(values, Ids) else read_ids(values, who)


def _positions(idx: Any, n: int) -> np.ndarray:
    """Return what numpy would take as an index as row numbers from 0 to n - 1."""
    if isinstance(idx, slice):
        return np.arange(*idx.indices(n))
    rows = np.asarray(idx)
    if rows.dtype == bool and rows.shape == (n,):
        return np.flatnonzero(rows)
    if rows.dtype.kind not in "iu" and rows.size:
        raise IndexError(
            f"ids got an index of dtype {rows.dtype} and shape {rows.shape}; give row numbers, or "
            f"a mask of {n} rows."
        )
    rows = rows.astype(np.int64)
    outside = rows[(rows < -n) | (rows >= n)]
    if outside.size:
        raise IndexError(f"ids got row {outside[0]}; there are {n} rows.")
    return np.where(rows < 0, rows + n, rows)
