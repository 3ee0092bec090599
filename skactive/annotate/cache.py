"""What lies beside a pool's file and can be lost: the last ranking, and what each model said.

Rows stand there by their ids, where they have some: their numbers change where data are sorted.
It is held locked as long as a page is served, so that nobody serves another one over the same file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.ids import Ids
from ..utils.locks import holder

MOST_MODELS = 100  # that are kept, more than a curve has points
_TABLES = {
    "pool": "uuid TEXT NOT NULL",  # of whose file it is
    "ranking": "n INTEGER NOT NULL, rows TEXT NOT NULL",
    "model": "n INTEGER PRIMARY KEY, n_labeled INTEGER, seconds REAL, rows TEXT, said TEXT",
}


class Predicted(NamedTuple):
    """What a model said of the rows to test on."""

    n: int  # operations of the record that it had learned of
    n_labeled: int
    seconds: float
    rows: list[int]
    said: list[Any]  # labels as the page has them


class Cache:
    """A file beside a pool's, with what would have to be computed again.

    Parameters
    ----------
    store_path : str
        The pool's file.
    uuid : str
        By which that is told from another file that had its name.
    ids : Ids, default=None
        What rows are called. None: their numbers.
    """

    def __init__(self, store_path: str, uuid: str, ids: Ids | None = None) -> None:
        self.path, self.ids = Path(f"{store_path}.page"), ids
        self._lock = threading.Lock()
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise self._in_words(store_path, error) from error
            self.path.unlink()  # damaged: nothing is lost but time
            self._connection = self._opened()
        if self._read("SELECT uuid FROM pool") != [(uuid,)]:  # it was deleted, and begun anew
            self._write(
                *((f"DELETE FROM {name}", ()) for name in _TABLES),
                ("INSERT INTO pool VALUES (?)", (uuid,)),
            )
        self.models = self._models()  # what each model said, oldest first

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=0.2, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")  # kept until it is closed, or the process ends
            for name, columns in _TABLES.items():
                connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
            connection.execute("COMMIT")
            for name in _TABLES:
                connection.execute(f"SELECT * FROM {name} LIMIT 1").fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _in_words(self, store_path: str, error: sqlite3.Error) -> OSError:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return BlockingIOError(
                f"{store_path!r} is being labelled on a page already, by {holder(str(self.path))}; "
                f"open its link, or end it first."
            )
        return OSError(f"{str(self.path)!r} cannot be written ({error}); it lies beside the pool.")

    def keep_ranking(self, n: int, rows: np.ndarray) -> None:
        """Keep the last ranking, made after n operations."""
        self._write(
            ("DELETE FROM ranking", ()),
            ("INSERT INTO ranking VALUES (?, ?)", (n, self._named(rows))),
        )

    def ranking(self) -> np.ndarray:
        """Return the rows that were ranked last, best first; none, if there was no ranking."""
        found = self._read("SELECT rows FROM ranking")
        rows = self._numbered(found[0][0] if found else "[]")
        return rows[rows >= 0]

    def keep_model(self, model: Predicted) -> None:
        """Keep what a model said; of many models go those that others are close to."""
        models, gone = [*(one for one in self.models if one.n < model.n), model], []
        while len(models) > MOST_MODELS:
            learned = np.array([one.n_labeled for one in models])
            gone.append(models.pop(1 + int((learned[2:] - learned[:-2]).argmin())).n)
        self.models = models
        texts = self._named(np.array(model.rows, dtype=np.int64)), json.dumps(model.said)
        self._write(
            ("INSERT OR REPLACE INTO model VALUES (?, ?, ?, ?, ?)", (*model[:3], *texts)),
            *(("DELETE FROM model WHERE n = ?", (n,)) for n in gone),
        )

    def _models(self) -> list[Predicted]:
        models = []
        for n, n_labeled, seconds, rows, said in self._read("SELECT * FROM model ORDER BY n"):
            pairs = zip(self._numbered(rows).tolist(), json.loads(said), strict=True)
            there = [(row, one) for row, one in pairs if row >= 0]
            of_rows = [row for row, _ in there], [one for _, one in there]
            models.append(Predicted(n, n_labeled, seconds, *of_rows))
        return models

    def _named(self, rows: np.ndarray) -> str:
        """Return what rows are called, as JSON."""
        return json.dumps((rows if self.ids is None else self.ids[rows]).tolist())

    def _numbered(self, names: str) -> np.ndarray:
        """Return the rows of names; -1 where they are not there any more."""
        found = json.loads(names)
        if self.ids is None or not found:
            return np.array(found, dtype=np.int64)
        return self.ids.find(found)

    def close(self) -> None:
        """Let others serve a page."""
        with self._lock:
            self._connection.close()

    def _read(self, query: str) -> list[tuple]:
        with self._lock:
            return self._connection.execute(query).fetchall()

    def _write(self, *statements: tuple[str, Sequence[Any]]) -> None:
        """Write in one transaction; a full disk costs a ranking, and no label."""
        with self._lock, suppress(sqlite3.OperationalError):
            self._connection.execute("BEGIN")
            try:
                for statement, values in statements:
                    self._connection.execute(statement, values)
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
