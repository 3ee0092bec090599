"""A pool's record in a SQLite database: only ever appended to, by one process at a time."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, TypeVar
from urllib.parse import quote

from ..utils.files import replacing
from ..utils.locks import holder
from .lines import ALL, Extent, OperationLine, Written, digest_of_block, digest_of_setting

APPLICATION, VERSION = int.from_bytes(b"skac"), 2  # in the header of the file
PATIENCE = 5.0  # seconds to wait for others
# After which a commit is carried from the file beside into the main one
CARRIED_AFTER, MOST_PAGES = 10.0, 1000  # seconds, and pages in the file beside
Result = TypeVar("Result")
_TABLES = {
    "head": "key TEXT PRIMARY KEY, value TEXT NOT NULL",
    "operation": """n INTEGER PRIMARY KEY, kind TEXT NOT NULL, time REAL NOT NULL, actor TEXT,
        token TEXT UNIQUE, n_added INTEGER NOT NULL, dtype TEXT, undone TEXT, detail TEXT,
        digest BLOB NOT NULL""",
    "event": """n INTEGER PRIMARY KEY, operation INTEGER NOT NULL, row INTEGER NOT NULL,
        kind TEXT NOT NULL, name TEXT, label, held INTEGER NOT NULL, seconds, comment TEXT,
        CHECK (typeof(row) = 'integer' AND typeof(label) <> 'blob' AND typeof(seconds) <> 'blob')
        """,
    # Where rows have ids: those that were touched, whose key stands in events; else the key is the
    # number of a row.
    "row": """key INTEGER PRIMARY KEY, operation INTEGER NOT NULL, id UNIQUE,
        CHECK (typeof(id) IN ('integer', 'text'))""",
    "base": "operation INTEGER PRIMARY KEY, rows BLOB NOT NULL, labels BLOB NOT NULL",
    "sample": "operation INTEGER PRIMARY KEY, portrait TEXT NOT NULL",
    "setting": """n INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL,
        digest BLOB NOT NULL""",
    "block": """n INTEGER PRIMARY KEY, operations INTEGER NOT NULL, events INTEGER NOT NULL,
        rows INTEGER NOT NULL, columns BLOB NOT NULL, digest BLOB NOT NULL""",
}
_EFFECTIVE = os.access in os.supports_effective_ids  # not on Windows
_KEYS = {"head": "key", "base": "operation", "sample": "operation"}  # others are numbered
_UNIQUE = {"row": "id", "operation": "token"}


def _schema() -> Iterator[str]:
    """Yield the statements that make the tables, which triggers let nobody change."""
    for table, columns in _TABLES.items():
        yield f"CREATE TABLE {table} ({' '.join(columns.split())})"
        for verb in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'what was recorded stays'); END"
            )
        # REPLACE would delete the line that is there, by which the triggers above are passed.
        key = _KEYS.get(table)
        number = "key" if table == "row" else "n"
        is_wrong = f"NEW.{number} IS NOT (SELECT coalesce(max({number}) + 1, 0) FROM {table})"
        if key is not None:
            is_wrong = f"EXISTS (SELECT 1 FROM {table} WHERE {key} IS NEW.{key})"
        if table in _UNIQUE:
            name = _UNIQUE[table]
            is_wrong += f" OR EXISTS (SELECT 1 FROM {table} WHERE {name} = NEW.{name})"
        yield (
            f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} WHEN {is_wrong} BEGIN "
            f"SELECT RAISE(ABORT, 'what is recorded comes next'); END"
        )


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's number for an error, 0 where it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


class Store:
    """A database that is open; every change of it is one transaction.

    All goes through one connection: opening the file by other means, and closing it, would drop the
    locks that the process holds on it.
    """

    def __init__(self, path: str | os.PathLike, *, read_only: bool = False) -> None:
        self.path, self.read_only = os.path.abspath(os.fspath(path)), read_only
        self._lock = threading.RLock()
        self._inside: str | None = None  # work that reads or writes
        self._process = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._size = 0
        self._carried = time.monotonic()  # when the main file last had all
        self._is_alone = False  # nothing can be written to the folder, so that no lock is there
        try:
            with self._told():
                self._connect()
        except BaseException:
            self.close()
            raise

    # Opening and closing

    def _connect(self) -> None:
        self._is_alone, is_there = False, os.path.exists(self.path)
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f"{self.path!r} is not there: there is no folder {folder!r}; make it, or give "
                f"another path."
            )
        if self.read_only and not is_there:
            raise FileNotFoundError(
                f"{self.path!r} is not there; without read_only=True it is made."
            )
        if not self.read_only:
            self._check_is_writable(is_there)
        try:
            tables = self._read_by("ro" if self.read_only else "rwc")
        except sqlite3.OperationalError as error:
            # SQLite makes a file beside the database, which this folder does not take. Where others
            # have made it there is no need to.
            refused = _code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
            if not (self.read_only and refused) or os.path.exists(f"{self.path}-wal"):
                raise
            self.close()
            tables, self._is_alone = self._read_by("ro&immutable=1"), True
        self.is_new = tables == 0 and not self.read_only
        self._inode = self._look()

    def _read_by(self, mode: str) -> int:
        """Connect in one mode of SQLite's, and return how many tables there are."""
        self._connection = connection = sqlite3.connect(
            f"file:{quote(self.path)}?mode={mode}",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
        )
        for pragma in ("recursive_triggers=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        return self._read_head()

    def _check_is_writable(self, is_there: bool) -> None:
        """Refuse a file that nobody may write to, before SQLite opens it for reading alone."""
        folder = os.path.dirname(self.path)
        for each in [folder, self.path] if is_there else [folder]:
            if not os.access(each, os.W_OK, effective_ids=_EFFECTIVE):
                raise PermissionError(
                    f"{each!r} cannot be written to; write Pool.open(..., read_only=True)."
                )

    def _read_head(self) -> int:
        """Return how many tables there are, refusing a database of something else."""
        (found,), (version,) = self.rows("PRAGMA application_id"), self.rows("PRAGMA user_version")
        ((n_tables,),) = self.rows("SELECT count(*) FROM sqlite_master")
        if found[0] != APPLICATION and (found[0] or n_tables or self.read_only):
            raise ValueError(f"{self.path!r} is a database, but not one that Pool.open made.")
        if n_tables and version[0] != VERSION:
            raise ValueError(
                f"{self.path!r} has format version {version[0]}, this skactive reads {VERSION}; "
                f"update skactive."
            )
        if n_tables:
            sql = {text for (text,) in self.rows("SELECT sql FROM sqlite_master")}
            if not sql.issuperset(_schema()):
                raise sqlite3.DatabaseError("its tables are others")
            if self.rows("PRAGMA quick_check(1)") != [("ok",)]:
                raise sqlite3.DatabaseError("its pages do not hang together")
        return n_tables

    def close(self) -> None:
        """Close the file; what is recorded is on the disk already."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    # Transactions

    def write(self, work: Callable[[], Result]) -> Result:
        """Return what some work returns, while nobody else writes.

        What it appends is kept by `commit`. Within such work, it is a part of it.
        """
        with self._lock:
            if self._inside == "write" and self.is_open:
                return work()
            with self._told():
                return self._within("write", "BEGIN IMMEDIATE", work)

    def read(self, work: Callable[[], Result]) -> Result:
        """Return what some work returns, which sees the database as of one moment."""
        with self._lock:
            if self._inside is not None and self.is_open:
                return work()
            with self._told():
                if self._is_alone:  # what others wrote since, whoever they are
                    self._checked().close()
                    self._connect()
                return self._within("read", "BEGIN", work)

    def _within(self, kind: str, begin: str, work: Callable[[], Result]) -> Result:
        """Return what some work returns in a transaction, of which only what is kept stays."""
        connection, outer = self._checked(), self._inside
        try:
            if connection.in_transaction:  # an interrupt left it
                connection.execute("ROLLBACK")
            self._inside = kind
            connection.execute(begin)
            self._check_is_same()
            return work()
        finally:
            self._inside = outer
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open."""
        return self._connection is not None and self._connection.in_transaction

    def commit(self) -> None:
        """Keep what was appended: on the disk once this returns."""
        self._check_is_same()
        connection, now = self._checked(), time.monotonic()
        # It is on the disk in the file beside. To carry it into the main one takes three times as
        # long again, and is done now and then, so that a plain copy of that one misses little.
        is_due = now >= self._carried + CARRIED_AFTER
        connection.execute(f"PRAGMA wal_autocheckpoint={1 if is_due else MOST_PAGES}")
        connection.execute("COMMIT")
        if is_due:
            self._carried = now

    def cancel(self) -> None:
        """Forget what was appended and is not kept."""
        if self.is_open:
            self._checked().execute("ROLLBACK")

    def _checked(self) -> sqlite3.Connection:
        """Return the connection, refusing one that is closed, or another process's."""
        if self._connection is None:
            name = os.path.basename(self.path)
            raise ValueError(f"{name!r} was closed; open it again with Pool.open.")
        if self._process != os.getpid():
            raise ValueError(
                f"{os.path.basename(self.path)!r} was opened by process {self._process}, of which "
                f"this is a fork; open it again here with Pool.open."
            )
        return self._connection

    def check_may_write(self) -> None:
        """Refuse to write to a file that was opened for reading."""
        if self.read_only:
            raise PermissionError(
                "this pool was opened with read_only=True; leave that out to change it."
            )

    def _look(self) -> tuple[int, int]:
        found = os.stat(self.path)
        return found.st_dev, found.st_ino

    def _check_is_same(self) -> None:
        """Refuse a file that is no longer where it was: what is written to it would be lost."""
        is_same = os.path.exists(self.path) and self._look() == self._inode
        size = os.path.getsize(self.path) if is_same else 0
        if not is_same or size < self._size:  # it only grows
            raise FileNotFoundError(
                f"{self.path!r} was moved, deleted, replaced or cut since it was opened; nothing "
                f"of this call is recorded. Open the file again with Pool.open."
            )
        self._size = size

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in words what SQLite refuses."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._in_words(error) from error
        except UnicodeDecodeError as error:  # in what SQLite says, too
            raise self._in_words(sqlite3.DatabaseError("it holds text that is none")) from error

    def _in_words(self, error: sqlite3.Error) -> Exception:
        code = _code(error)
        path, nothing = repr(self.path), "nothing of this call is recorded"
        if code == sqlite3.SQLITE_BUSY:
            return TimeoutError(
                f"{path} has been locked for {PATIENCE:.0f} seconds by {holder(self.path)}; "
                f"{nothing}. Try again, or end that process."
            )
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
            return PermissionError(f"{path} cannot be written to ({error}); {nothing}.")
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM):
            return OSError(f"{path} could not be read or written ({error}); {nothing}.")
        if code == sqlite3.SQLITE_CANTOPEN:
            return OSError(f"{path} cannot be opened ({error}).")
        return ValueError(
            f"{path} is not a database that Pool.open made, or it is damaged ({error}). "
            f"Pool.load reads what Pool.save wrote."
        )

    # Lines

    def rows(self, query: str, *values) -> list[tuple]:
        """Return all rows that a query finds."""
        return self._checked().execute(query, values).fetchall()

    def last(self, table: str = "operation") -> tuple[int, bytes]:
        """Return how many lines a numbered table has, and the last digest."""
        found = self.rows(f"SELECT n + 1, digest FROM {table} ORDER BY n DESC LIMIT 1")
        return found[0] if found else (0, b"")

    def make(self, head: dict[str, Any]) -> None:
        """Make the tables, in a transaction that is open."""
        for key, number in (("application_id", APPLICATION), ("user_version", VERSION)):
            self._checked().execute(f"PRAGMA {key}={number}")
        for statement in _schema():
            self._checked().execute(statement)
        head = {"uuid": secrets.token_hex(16), **head}
        lines = [(key, json.dumps(value)) for key, value in head.items()]
        self._insert("head", lines)

    def use_log(self) -> None:
        """Let others read while one writes, from now on: the file is one with tables by now."""
        with self._told():
            self._checked().execute("PRAGMA journal_mode=WAL")
        self.is_new = False

    def head(self) -> tuple[dict[str, Any], bytes]:
        """Return what was written once, and as the bytes on which all digests stand."""
        lines = self.rows("SELECT key, value FROM head ORDER BY key")
        return {key: json.loads(value) for key, value in lines}, json.dumps(lines).encode()

    def append(self, written: Sequence[tuple[Written, bytes]]) -> None:
        """Write operations and their digests, in a transaction that is open."""
        numbered = [(lines.operation.n, lines) for lines, _ in written]
        self._insert("operation", [(*lines.operation, digest) for lines, digest in written])
        self._insert("event", [event for lines, _ in written for event in lines.events])
        self._insert("row", [row for lines, _ in written for row in lines.rows])
        self._insert("base", [(n, *lines.base) for n, lines in numbered if lines.base])
        self._insert("sample", [(n, lines.sample) for n, lines in numbered if lines.sample])

    def keep(self, key: str, value: Any, start: bytes) -> None:
        """Write a setting, in a transaction that is open; before the first comes `start`."""
        n, previous = self.last("setting")
        digest = digest_of_setting(previous or start, key, value)
        self._insert("setting", [(n, key, json.dumps(value), digest)])

    def first(self) -> tuple[Written, bytes]:
        """Return the first operation, which has no events, with its digest."""
        rows = self.rows("SELECT * FROM row WHERE operation = 0 ORDER BY key")
        return next(self._written(self.rows("SELECT * FROM operation WHERE n = 0"), [], rows))

    def since(self, start: Extent, stop: Extent = ALL) -> Iterator[tuple[Written, bytes]]:
        """Return operations with their digests: those after some, up to others."""
        find = "SELECT * FROM {0} WHERE {1} >= ? AND {1} < ? ORDER BY {1}"
        keys = {"operation": "n", "event": "n", "row": "key"}
        parts = zip(keys.items(), start, stop, strict=True)
        return self._written(*(self.rows(find.format(*key), *ends) for key, *ends in parts))

    def _written(self, operations: list, *lines: list) -> Iterator[tuple[Written, bytes]]:
        events, rows = (
            {one: [*each] for one, each in groupby(part, lambda line: line[1])} for part in lines
        )
        if (set(events) | set(rows)) - {operation[0] for operation in operations}:
            raise sqlite3.DatabaseError("there are events or rows of no operation")
        ends = (operations[0][0], operations[-1][0]) if operations else (0, -1)
        find = "SELECT * FROM {} WHERE operation BETWEEN ? AND ?"
        base, sample = (
            {one: values for one, *values in self.rows(find.format(table), *ends)}
            for table in ("base", "sample")
        )
        for number, *operation, digest in operations:
            own = events.get(number, [])
            rest: tuple[Any, ...] = (
                base.get(number),
                *sample.get(number, [None]),
                rows.get(number, ()),
            )
            yield Written(OperationLine(number, *operation), own, *rest), digest

    def samples(self, most: int) -> list[dict[str, Any]]:
        """Return how rows looked that joined, so many times at most."""
        numbers = [n for (n,) in self.rows("SELECT operation FROM sample ORDER BY operation")]
        kept = numbers[:: -(-len(numbers) // most) or 1] + numbers[-1:]
        find = "SELECT portrait FROM sample WHERE operation = ?"
        return [json.loads(self.rows(find, n)[0][0]) for n in dict.fromkeys(kept)]

    def blocked(self) -> Extent:
        """Return what is in blocks, with the first operation."""
        found = self.rows("SELECT operations, events, rows FROM block ORDER BY n DESC LIMIT 1")
        return Extent(*(found or self.rows("SELECT 1, 0, length(rows) / 8 FROM base"))[0])

    def append_block(self, packed: bytes, end: Extent) -> None:
        """Write a block up to some operation, in a transaction that is open."""
        number, previous = self.last("block")
        digest = digest_of_block(previous, self.digest_before(end.n), packed)
        self._insert("block", [(number, *end, packed, digest)])

    def blocks(self) -> list[bytes]:
        """Return all blocks, refusing one that is not as it was written."""
        previous, blocks = b"", []
        for n, packed, digest in self.rows(
            "SELECT operations, columns, digest FROM block ORDER BY n"
        ):
            previous = digest_of_block(previous, self.digest_before(n), packed)
            if previous != digest:
                raise sqlite3.DatabaseError(f"its block before operation {n} has changed")
            blocks.append(packed)
        return blocks

    def n_events_of(self, operation: int, n_events: int) -> int:
        """Return how many of so many events an operation has, without walking through all."""

        def is_of(n: int) -> int:
            return self.rows("SELECT operation FROM event WHERE n = ?", n)[0][0]

        start = bisect_left(range(n_events), operation, key=is_of)
        return bisect_right(range(n_events), operation, key=is_of) - start

    def digest_before(self, n: int) -> bytes:
        """Return the digest of the operation before n."""
        found = self.rows("SELECT digest FROM operation WHERE n = ?", n - 1)
        if not found:
            raise sqlite3.DatabaseError(f"operation {n - 1} is missing")
        return found[0][0]

    def operation_of(self, token: str) -> int | None:
        """Return the operation that has a token; None: there is none."""
        found = self.rows("SELECT n FROM operation WHERE token = ?", token)
        return found[0][0] if found else None

    def token_of(self, n: int) -> str | None:
        """Return the token of an operation, if it has one."""
        return self.rows("SELECT token FROM operation WHERE n = ?", n)[0][0]

    def copy_to(self, path: str | os.PathLike) -> None:
        """Write the database to a new file, as of one moment, whoever writes meanwhile."""
        if self._inside is not None and self.is_open:
            raise ValueError(
                f"copy_to got {os.fsdecode(path)!r} within together, whose lock on the file a copy "
                f"would end; write it before or after, or to a file that ends in .npz."
            )
        # By `replacing`, so that whoever fails leaves no half.
        with self._lock, replacing(os.fsdecode(path)) as file, self._told():
            self._checked().execute("VACUUM INTO ?", (file.name,))

    def settings(self, n: int) -> list[tuple[str, Any, bytes]]:
        """Return the settings after the first n: names, values and digests."""
        lines = self.rows("SELECT key, value, digest FROM setting WHERE n >= ? ORDER BY n", n)
        return [(key, json.loads(value), digest) for key, value, digest in lines]

    def _insert(self, table: str, lines: Sequence[tuple]) -> None:
        if lines:
            marks = ", ".join("?" * len(lines[0]))
            try:
                self._checked().executemany(f"INSERT INTO {table} VALUES ({marks})", lines)
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"a database holds text that is Unicode, got {error.object!r}; write it "
                    f"otherwise."
                ) from error
