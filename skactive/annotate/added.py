"""Rows that come from elsewhere while a pool is labelled: kept beside its file, which has none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data.frames import is_pandas, is_polars
from ..data.tables import as_table, row_columns
from .opinions import AS_LINES, ROW, json_bytes


def added_rows(store: str | os.PathLike) -> list[dict[str, Any]]:
    """Return what was added to a pool's rows in Label Studio, in the order in which it came.

    A pool's file holds no rows: whoever opens it again gives these behind the others.

    Parameters
    ----------
    store : str or path
        The pool's file.

    Returns
    -------
    list of dicts
        Of each row its "id" (or number) and its "data".

    Examples
    --------
    >>> added_rows("labels.db")
    []
    """
    path = _beside(store)
    if not path.exists():
        return []
    # A line that a killed process left in half is of a row that never joined.
    lines = path.read_bytes().split(b"\n")[:-1]
    found: dict[Any, dict] = {}
    for each in map(json.loads, lines):
        found.setdefault(each["task"], {key: each[key] for key in ("id", "data")})
    return list(found.values())


def _beside(store: str | os.PathLike) -> Path:
    return Path(f"{os.fspath(store)}.added.jsonl")


class Added:
    """The rows that tasks became which were made in Label Studio."""

    def __init__(self, learner: Any, make: Callable[[list[dict]], Any] | None) -> None:
        self.learner, self.make, self.pool = learner, make, learner.pool_
        self.notes: list[str] = []
        self._path = _beside(self.pool.ledger.store.path)
        self._names: dict[int, Any] = {}
        if self._path.exists():
            whole = self._path.read_bytes()
            kept = whole[: whole.rfind(b"\n") + 1]
            if kept != whole:
                os.truncate(self._path, len(kept))
            for line in map(json.loads, kept.splitlines()):
                self._names.setdefault(line["task"], line["id"])

    def row_of(self, task: Mapping[str, Any]) -> int | None:
        """Return the row that a task became."""
        name = self._names.get(task["id"])
        if name is None or task["data"].get(ROW) is not None:
            return None
        ids = self.pool.ids
        row = name if ids is None else int(ids.find([name])[0])
        return row if 0 <= row < len(self.pool) else None

    def take(self, tasks: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
        """Let tasks that are of no row become rows, and return them with these."""
        self.notes = []
        lacking = [each for each in tasks if each["data"].get(ROW) is not None]
        if lacking:
            self.notes.append(
                f"{len(lacking)} tasks are of rows that the pool lacks, such as "
                f"{lacking[0]['data'][ROW]!r}; open it with all of its rows"
            )
        new = [each for each in tasks if each["data"].get(ROW) is None]
        if not new:
            return []
        data = [{k: v for k, v in each["data"].items() if k not in (ROW, AS_LINES)} for each in new]
        rows = self._made(data)
        if rows is None:
            self.notes.append(
                f"{len(new)} tasks were added in Label Studio of which no rows can be made; write "
                f"LabelStudio(..., rows=function) that makes them of their data"
            )
            return []
        names = self._new_names([each["id"] for each in new])
        size = self._keep(new, names, data)
        first = len(self.pool)
        try:
            self.learner.extend(rows, ids=None if self.pool.ids is None else names)
        except ValueError as error:
            os.truncate(self._path, size)
            self.notes.append(f"{len(new)} tasks that were added are no rows: {error}")
            return []
        self._names |= {each["id"]: name for each, name in zip(new, names, strict=True)}
        return list(zip(new, range(first, len(self.pool)), strict=True))

    def _made(self, data: list[dict]) -> Any:
        """Return rows of data, None where it is not known how."""
        if self.make is not None:
            return self.make(data)
        like = self.pool.rows.parts[0]
        columns = row_columns(self.pool.rows.take([0])) or {}
        if not columns or any(not set(columns) <= set(each) for each in data):
            return None
        if is_pandas(like) or is_polars(like):
            lists = {name: [each[name] for each in data] for name in columns}
            if len(like.shape) == 2:
                table: Any = {name: type(like)({name: lists[name]})[name] for name in lists}
                return as_table(table, like=like)
            return type(like)(next(iter(lists.values())))
        return [each["text"] for each in data] if list(columns) == ["text"] else None

    def _new_names(self, tasks: list[int]) -> list[Any]:
        """Return what new rows are called, as was written down before an interruption."""
        ids = self.pool.ids
        if ids is None:
            return list(range(len(self.pool), len(self.pool) + len(tasks)))
        if ids.is_text:
            return [self._names.get(task, f"task-{task}") for task in tasks]
        first = 1 + max(int(ids[:].max()), *self._names.values(), 0)
        return [self._names.get(task, first + n) for n, task in enumerate(tasks)]

    def _keep(self, tasks: Sequence[Mapping], names: list, data: list[dict]) -> int:
        """Write down which rows tasks become, on the disk; return the size of the file before."""
        size = self._path.stat().st_size if self._path.exists() else 0
        lines = [
            json_bytes({"task": task["id"], "id": name, "data": each}) + b"\n"
            for task, name, each in zip(tasks, names, data, strict=True)
            if self._names.get(task["id"]) != name
        ]
        try:
            with self._path.open("ab") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError:  # of a disk that is full: what comes next may not stand behind half a line
            if self._path.exists():
                os.truncate(self._path, size)
            raise
        return size
