"""Pools over a database: each change is in the file before it is in memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from ..data import labels as lab
from ..data.fingerprint import difference, portrait
from ..data.multilabel import looks_multilabel, parse_several
from ..data.rows import Rows
from . import files, storage
from .blocks import LOG_BLOCK, block_of_lines, block_of_log, log_of, unpacked
from .facts import Facts
from .ledger import Found, Ledger
from .lines import Written, change_of, digest_of_setting, unpacked_base, written
from .log import KINDS, OPINION, Change, Log
from .store import Store
from .test_side import OF_SIDE

_SAMPLED = 128  # of the rows that join, by which they are known again
_GROWTHS = 64  # of which that is looked at when a file is opened


class DurableLedger(Ledger):
    """A ledger whose log is in a database; what it has in memory follows from the file."""

    def __init__(self, store: Store, rows: Rows, log: Log, n: int, n_events: int):
        super().__init__(rows, log, n, n_events)
        self.store = store
        self._start = start = store.head()[1]  # on which the digest of the first setting stands
        self._digests = {n: store.last()[1]}  # after so many operations
        self._sent: tuple[bytes, Change] | None = None  # what is being written, and its digest
        self._n_settings, self._setting = 0, start
        self.function: Any = None  # the consensus, where it is one
        self._told: dict[str, Any] = {}
        self._blocked = store.blocked()  # operations and events that are in blocks
        self._take_settings()

    def changed(self, work: Callable[[], Found]) -> Found:
        """Return what some work returns; before it comes what others wrote."""
        self.store.check_may_write()

        def alone() -> Found:
            self._take_in()
            return work()

        return self.store.write(alone)

    def refresh(self) -> None:
        """Take in what others wrote."""
        self.store.read(self._take_in)

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def commit(self, change: Change) -> None:
        """Write a change to the file, and make it happen."""
        planned_at = self.now.n_operations

        def write() -> None:
            self._take_in()
            if self.now.n_operations != planned_at:
                raise ValueError(
                    "others wrote to the pool's file after this change was planned; nothing of it "
                    "is recorded. Call again."
                )
            self._write_down(change)

        self.store.check_may_write()
        try:
            self.store.write(write)
        except BaseException:
            self.store.cancel()  # or what is not kept would be taken in
            self._catch_up()
            raise

    def _write_down(self, change: Change) -> None:
        change, _ = self.sided(change)
        change = change._replace(time=time.time() if change.time is None else change.time)
        now, n = self.now, self.now.n_operations
        dtype, exact = self.with_dtype(change)
        sample = None
        if isinstance(change.added, Rows):
            joined = Rows(*now.rows.parts, *change.added.parts)
            sample = _sample(joined, len(now.rows), len(joined), change.rows)
        lines = written(exact, dtype, n, now.n_events, sample)
        self._fill_block()
        digest = self.store.append(lines, self._digests[n])
        self._digests = {n: self._digests[n], n + 1: digest}
        self._sent = digest, change
        self.store.commit()
        super().commit(change)
        self._sent = None

    def _fill_block(self) -> None:
        """Put what was written since the last block into one, if it is much by now."""
        done, now = self._blocked, self.now
        if now.n_operations + now.n_events - sum(done) < LOG_BLOCK:
            return
        done = self._blocked = self.store.blocked()
        if now.n_operations + now.n_events - sum(done) < LOG_BLOCK:
            return
        spans = (done[0], now.n_operations), (done[1], now.n_events)
        packed = block_of_log(self.log, *spans).packed()
        self.store.append_block(packed, now.n_operations, now.n_events)

    def _catch_up(self) -> None:
        """Take in what is in the file already, whatever kept memory from it."""
        if self._sent is not None:
            with suppress(OSError, ValueError):  # then the next call takes it in
                self.store.read(self._take_in)

    def _take_in(self) -> None:
        """Apply what is in the file and not in memory yet."""
        now = self.now
        count, last = self.store.last()
        if count < now.n_operations or (count == now.n_operations and last != self._digests[count]):
            raise ValueError(
                f"{self.store.path!r} was written over by other means, and no longer holds what it "
                f"held; open it again with Pool.open."
            )
        if count > now.n_operations:
            for lines, digest in self.store.since(now.n_operations, now.n_events):
                self._apply(lines, digest)
        self._take_settings()

    def _apply(self, lines: Written, digest: bytes) -> None:
        n = lines.operation.n
        if lines.digest(self._digests[n]) != digest:
            raise ValueError(f"{self.store.path!r} is damaged in operation {n}.")
        if self._sent is not None and digest == self._sent[0]:  # before an interrupt
            change = self._sent[1]
        elif lines.operation.n_added:
            raise ValueError(
                f"{self.store.path!r} has gained {lines.operation.n_added} rows from another "
                f"process; open it again with Pool.open, and all of its rows."
            )
        else:
            change = change_of(lines)
        self._digests = {n: self._digests[n], n + 1: digest}
        super().commit(change)

    # What is set for the pool as a whole

    def keep(self, settings: Mapping[str, Any]) -> None:
        """Write settings to the file; of one that is only read they are kept in memory."""
        if self.store.read_only:
            return

        def write() -> None:
            for name, value in settings.items():
                self.store.keep(name.removeprefix("_"), _as_json(value), self._start)
            self.store.commit()

        self.store.write(write)

    def told(self) -> dict[str, Any]:
        """Return what was set in the file since this was asked."""
        told, self._told = self._told, {}
        return told

    def _take_settings(self) -> None:
        for name, value, digest in self.store.settings(self._n_settings):
            self._setting = digest_of_setting(self._setting, name, value)
            if self._setting != digest:
                raise ValueError(f"{self.store.path!r} is damaged in its setting {name!r}.")
            self._n_settings += 1
            key = "_seed" if name == "seed" else name
            self._told[key] = _from_json(name, value)
        # A function is not in the file: whoever has one goes on with it.
        if "consensus" in self._told:
            named = self._told["consensus"]
            self.function = self._told.pop("consensus") if isinstance(named, dict) else None


def _as_json(value: Any) -> Any:
    """Return what is set for a pool as JSON holds it."""
    if isinstance(value, tuple):  # named classes, and after how many operations
        return _as_json(value[0]) | {"after": value[1]}
    if isinstance(value, np.ndarray):
        return {"classes": value.tolist(), "classes_dtype": value.dtype.str}
    return files.consensus_name(_plain(value))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _from_json(name: str, value: Any) -> Any:
    """Return what was set, from JSON."""
    if name == "named" and value is not None:
        return np.array(value["classes"], dtype=np.dtype(value["classes_dtype"])), value["after"]
    return value


def open_pool(cls: Any, path: Any, X: Any, y: Any, read_only: bool, options: dict[str, Any]) -> Any:
    """Return a pool over a database, which is made if it is not there."""
    path = os.fspath(path)
    is_there = os.path.exists(path) and os.path.getsize(path) > 0
    began = cls(X, None if is_there else y, **(_of_names(options, y) if is_there else options))
    _refuse_ids(began)
    store = Store(path, read_only=read_only)
    try:
        if store.is_new:
            store.write(lambda: _make(store, began))
        if not read_only:
            store.use_log()
        pool = store.read(lambda: _read(store, cls, began.rows))
        given = options.get("consensus", "saved")
        pool.consensus = files.consensus_now(pool.consensus, given, "Pool.open(path, X")
        _refuse_other_options(pool, began, options)
        if y is not None:
            _refuse_other_labels(pool, y)
    except BaseException:
        store.close()
        raise
    return pool


def copy_to(pool: Facts, path: Any) -> None:
    """Write a pool to another file."""
    ledger = pool.ledger
    if not _is_database(path):
        files.save(pool, path)
    elif isinstance(ledger, DurableLedger):
        _refuse_existing(path)
        ledger.store.copy_to(path)
    else:
        _made(pool, path).close()


def write_through(pool: Facts, path: Any) -> None:
    """Let a pool in memory write to a new database from now on."""
    store, now = _made(pool, path), pool.ledger.now
    log = pool.ledger.log.trimmed(now.n_operations, now.n_events)
    ledger = DurableLedger(store, now.rows, log, now.n_operations, now.n_events)
    ledger.told()  # which the pool has
    pool.ledger = ledger


def kept_up(pool: Facts, path: Any) -> Callable[[], None]:
    """Return what brings a file up to date with a pool from now on.

    A database always is: the pool writes through it.
    """
    if not _is_database(path):
        return lambda: files.save(pool, path)
    ledger, full = pool.ledger, os.path.abspath(os.fspath(path))
    if not (isinstance(ledger, DurableLedger) and ledger.store.path == full):
        write_through(pool, path)
    return lambda: None


def _is_database(path: Any) -> bool:
    return os.path.splitext(os.fspath(path))[1].lower() == ".db"


def _made(pool: Facts, path: Any) -> Store:
    """Write a pool to a new database, and return it."""
    _refuse_ids(pool)
    _refuse_existing(path)
    store = Store(path)
    try:
        if not store.write(lambda: _make(store, pool)):
            _refuse_existing(path)
        store.use_log()
    except BaseException:
        store.close()
        raise
    return store


def _refuse_ids(pool: Facts) -> None:
    if pool.ids is not None:
        raise ValueError(
            "a database knows rows by their numbers alone, and the pool has ids; write "
            "pool.save(path) and Pool.load(path, X, ids=...)."
        )


def _refuse_existing(path: Any) -> None:
    if os.path.exists(path) and os.path.getsize(path):
        raise FileExistsError(
            f"{os.fspath(path)!r} is there already; give another name, or go on with it by "
            f"Pool.open."
        )


def _make(store: Store, pool: Facts) -> bool:
    """Write a pool to a database that has nothing in it yet; whether nobody was quicker."""
    if store.rows("SELECT 1 FROM sqlite_master LIMIT 1"):
        return False
    now, log = pool.ledger.now, pool.ledger.log
    head = {"missing_label": _plain(pool.given_missing_label), "multilabel": pool.multilabel}
    store.make(head)
    start = digest = store.head()[1]
    n_rows = n_events = 0
    for n in range(now.n_operations):
        change, sample = log.change(n, now.n_operations, now.n_events), None
        if change.n_added:
            n_rows += change.n_added
            sample = _sample(now.rows, n_rows - change.n_added, n_rows, change.rows)
        lines = written(change, _dtype(log.dtypes.get(n)), n, n_events, sample)
        digest = store.append(lines, digest)
        n_events += len(lines.events)
    if now.n_operations + n_events > LOG_BLOCK:
        block = block_of_log(log, (1, now.n_operations), (0, n_events))
        store.append_block(block.packed(), now.n_operations, n_events)
    consensus = files.consensus_name(pool.consensus)
    for name, value in (("named", pool.named), ("seed", pool.seed), ("consensus", consensus)):
        if value is not None:
            store.keep(name, _as_json(value), start)
    store.commit()
    return True


def _dtype(name: str | None) -> np.dtype | None:
    return None if name is None else np.dtype(name)


def _sample(rows: Rows, start: int, stop: int, labeled: np.ndarray) -> str:
    """Return how some of the rows look that joined, and some of the labelled ones among them."""
    n, m = stop - start, len(labeled)
    of_all = start + np.linspace(0, n - 1, min(n, _SAMPLED)).round().astype(np.intp)
    of_labeled = np.linspace(0, m - 1, min(m, _SAMPLED)).round().astype(np.intp)
    at = np.union1d(of_all, labeled[of_labeled])
    return json.dumps(portrait(rows, at) | {"n_rows": stop})


def _read(store: Store, cls: Any, rows: Rows) -> Any:
    """Return the pool that is in a database, over all of its rows."""
    with storage.refusing(store.path, "Pool.open"):
        head, digest = store.head()
        first, found = store.first()
        _check(first, digest, found)
        base = first.base
        if base is None:
            raise ValueError("it does not say what it began with")
        blocks, done = store.blocks(), store.blocked()
        digest, lines = store.digest_before(done[0]), []
        for each, found in store.since(*done):
            _check(each, digest, found)
            lines.append(each)
            digest = found
        parts = [block_of_lines([first]), *map(unpacked, blocks), block_of_lines(lines)]
        log, undone = log_of(parts)
        log.base = unpacked_base(base, _dtype(log.dtypes.get(0)))
        n_rows, samples = int(log.n_added.array.sum()), store.samples(_GROWTHS)
    _refuse_other_rows(samples, rows)
    with storage.refusing(store.path, "Pool.open"):
        pool = cls.__new__(cls)
        Facts.__init__(pool, head["missing_label"], None)
        pool.multilabel = head["multilabel"] is True
        log = files.checked_log(log, undone, n_rows, pool.missing_label)
        n, n_events = len(log.kinds.array), len(log.rows.array)
        pool.ledger = ledger = DurableLedger(store, rows, log, n, n_events)
        vars(pool).update(ledger.told())
        pool.consensus = ledger.function or pool.consensus
    return pool


def _check(lines: Written, previous: bytes, digest: bytes) -> None:
    if lines.digest(previous) != digest:
        raise ValueError(f"operation {lines.operation.n} is not as it was written")


def _refuse_other_rows(samples: list[dict[str, Any]], rows: Rows) -> None:
    """Refuse rows that are not those of a file."""
    for saved in reversed(samples):
        if saved is not samples[-1]:  # there are more by now
            saved = saved | {"n_rows": max(saved["n_rows"], len(rows))}
        said = difference(saved, rows)
        if said is not None:
            raise ValueError(
                f"X is not the data of this file: {said}; give the same rows in the same order, "
                f"those that were added included."
            )


def _refuse_other_options(pool: Facts, began: Facts, options: dict[str, Any]) -> None:
    """Refuse options that are not those that a file has."""
    of_side = [name for name in OF_SIDE if name in options]
    if of_side and not _are_divided_alike(pool, began):
        raise ValueError(
            f"Pool.open got {'= and '.join(of_side)}=, but the file holds out other rows, or none; "
            f"leave {' and '.join(of_side)} out."
        )
    for name, given in options.items():
        if name in of_side or (name == "multilabel" and given == "auto"):
            continue
        attribute = "given_missing_label" if name == "missing_label" else name
        if callable(given):  # a function is given again, and nobody can tell whether it is the same
            continue
        was, now = (_as_json(getattr(one, attribute)) for one in (pool, began))
        if name == "multilabel":
            now = given
        if was != now or type(was) is not type(now):
            shown = was["classes"] if isinstance(was, dict) else was
            raise ValueError(
                f"Pool.open got {name}={given!r}, but the file has {shown!r}; leave {name}= out."
            )


def _of_names(options: dict[str, Any], y: Any) -> dict[str, Any]:
    """Return options of a pool without its labels, which a file has, and what these are called."""
    several = options.get("multilabel") is True or looks_multilabel(y)
    return options | {
        "multilabel": True if several and options.get("classes") is not None else "auto"
    }


def _are_divided_alike(pool: Facts, began: Facts) -> bool:
    """Tell whether two pools of the same rows hold out by the same hash."""
    was, now = (one.ledger.now.side for one in (pool, began))
    if was is None or now is None:
        return was is now
    ours, theirs = (one.ledger.groups.array[: len(one)] for one in (pool, began))
    return was[:2] == now[:2] and np.array_equal(ours, theirs)


def _refuse_other_labels(pool: Facts, y: Any) -> None:
    """Refuse labels that are not those that a file began with."""
    rows = pool.rows
    lab.check_order(y, rows.index(), who="Pool.open")
    if pool.multilabel:
        names, missing = pool.named[0], pool.missing_label  # type: ignore[index]
        values, known = parse_several(y, names, n=len(rows), missing_label=missing)
    else:
        values, known = lab.parse(y, missing_label=pool.given_missing_label)
    if len(values) != len(rows):
        raise ValueError(
            f"Pool.open got {len(values)} labels for {len(rows)} rows; give one for each row."
        )
    log, n_events = pool.ledger.log, pool.ledger.now.n_events
    began = np.zeros(len(rows), dtype=object)
    began[:] = None
    if log.base[1] is not None:
        began[log.base[0]] = log.base[1]
    kinds = log.kinds.array[log.operations.array[:n_events]]
    joined = np.flatnonzero(
        (kinds == KINDS.index("extend")) & (log.events.array[:n_events] == OPINION)
    )
    began[log.rows.array[joined]] = log.labels.array[joined]
    was_known = began != np.array(None)
    differs = was_known != known
    both = was_known & known
    differs[both] = began[both] != values[both].astype(object)
    if differs.any():
        row = int(differs.argmax())
        now = pool.shown(values[row]) if known[row] else None
        raise ValueError(
            f"Pool.open got the label {now!r} for row {row}, with which the file does not "
            f"begin: it has {pool.shown(began[row])!r} there. Leave y out, and label(rows, y) it."
        )
