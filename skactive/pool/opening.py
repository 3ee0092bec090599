"""Pools over databases: made, opened over rows as they are now, copied."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any

import numpy as np

from ..data import labels as lab
from ..data.fingerprint import difference
from ..data.ids import Ids
from ..data.multilabel import has_several, parse_several
from ..data.rows import Rows, check_rows
from ..utils.checks import check_path
from . import files, storage
from .blocks import block_of_lines, log_of, unpacked
from .durable import DurableLedger, Mark, append_all, sample_of, setting_as_json
from .facts import Facts
from .ledger import Ledger
from .lines import Written, unpacked_base
from .log import KINDS, OPINION, Change, Log
from .renumbering import Given, Placed, by_ids, by_numbers, gather, part_again
from .store import Store
from .test_side import OF_SIDE, check_sides

_GROWTHS = 64  # of which that is looked at when a file is opened


def open_pool(
    cls: Any, path: Any, X: Any, y: Any, given: Given, read_only: bool, options: dict[str, Any]
) -> Any:
    """Return a pool over a database, which is made if it is not there."""
    check_path(path, "path", "Pool.open", "Pool.open(path, X)")
    _refuse_unknown_options(cls, options)
    path = os.fspath(path)
    given.check()
    is_there = _is_there(path)
    if is_there:
        began = cls(X, **_of_names(options, y))
    else:
        began = cls(X, y, ids=given.ids, groups=given.groups, **options)
        given = given._replace(missing="refuse", changed="refuse")  # nothing is missed yet
    store = Store(path, read_only=read_only)
    try:
        if store.is_new:
            store.write(lambda: _make(store, began))
        if not read_only:
            store.use_log()
        pool = store.read(lambda: _read(store, cls, check_rows(X, "Pool.open"), given))
        wanted = options.get("consensus", "saved")
        pool.consensus = files.consensus_now(pool.consensus, wanted, "Pool.open(path, X")
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
    if not storage.is_database(path):
        files.save(pool, path)
    elif isinstance(ledger, DurableLedger):
        _refuse_existing(path)
        ledger.store.copy_to(path)
    else:
        _made(pool, path)[0].close()


def reader_of(pool: Any) -> Any:
    """Return a pool over the same rows and the same file, which only reads, by itself.

    It begins as what is in memory: nothing is read again, nor is it asked for ids or groups.
    """

    def made() -> Any:
        ledger = pool.ledger
        now = ledger.now
        log = ledger.log.trimmed(now.n_operations, now.n_events)
        store = Store(ledger.store.path, read_only=True)
        reader = copy.copy(pool)
        reader.ledger = ledger.with_store(store, Placed(now.rows, log, now.ids))
        return reader

    return pool.together(made)


def write_through(pool: Facts, path: Any) -> None:
    """Let a pool in memory write to a new database from now on."""
    (store, mark), now = _made(pool, path), pool.ledger.now
    log = pool.ledger.log.trimmed(now.n_operations, now.n_events)
    ledger = DurableLedger(store, Placed(now.rows, log, now.ids), mark)
    ledger.told()  # which the pool has
    pool.ledger = ledger


def kept_up(pool: Facts, path: Any) -> Callable[[], None]:
    """Return what brings a file up to date with a pool from now on.

    A database always is: the pool writes through it.
    """
    if not storage.is_database(path):
        return lambda: files.save(pool, path)
    ledger, full = pool.ledger, os.path.abspath(os.fspath(path))
    if not (isinstance(ledger, DurableLedger) and ledger.store.path == full):
        write_through(pool, path)
    return lambda: None


def is_kept_in(pool: Facts, path: Any, who: str) -> bool:
    """Tell whether a pool is in a file; False: in none. One that is in another is refused."""
    ledger, given = pool.ledger, os.fsdecode(path)
    if not isinstance(ledger, DurableLedger):
        return False
    if ledger.store.path != os.path.abspath(given):
        raise ValueError(
            f"{who} got store={given!r}, and the learner's pool is in {ledger.store.path!r}; leave "
            f"store out."
        )
    return True


def _made(pool: Facts, path: Any) -> tuple[Store, Mark]:
    """Write a pool to a new database, and return it."""
    _refuse_existing(path)
    store = Store(path)
    try:
        mark = store.write(lambda: _make(store, pool))
        if mark is None:
            raise _existing(path)
        store.use_log()
    except BaseException:
        store.close()
        raise
    return store, mark


def _is_there(path: Any) -> bool:
    return os.path.exists(path) and os.path.getsize(path) > 0


def _refuse_existing(path: Any) -> None:
    if _is_there(path):
        raise _existing(path)


def _existing(path: Any) -> FileExistsError:
    return FileExistsError(
        f"{os.fspath(path)!r} is there already; give another name, or go on with it by Pool.open."
    )


def _make(store: Store, pool: Facts) -> Mark | None:
    """Write a pool to a database that has nothing in it yet; None: somebody was quicker."""
    if store.rows("SELECT 1 FROM sqlite_master LIMIT 1"):
        return None
    now = pool.ledger.now
    has_ids = now.ids is not None
    head = {"missing_label": lab.plain(pool.given_missing_label), "multilabel": pool.multilabel}
    store.make(head | {"has_ids": has_ids, "id_column": pool.id_column})
    start = store.head()[1]
    mark = append_all(store, _changes(pool), Mark(start, 0, Ids([]) if has_ids else None), now.ids)
    consensus = files.consensus_name(pool.consensus)
    for name, value in (("named", pool.named), ("seed", pool.seed), ("consensus", consensus)):
        if value is not None:
            store.keep(name, setting_as_json(value), start)
    store.commit()
    return mark


def _changes(pool: Facts) -> Iterator[tuple[Change, np.dtype | None, str | None]]:
    """Yield what happened to a pool: each change, the dtype of its labels, how some rows look."""
    now, log, n_rows = pool.ledger.now, pool.ledger.log, 0
    for n in range(now.n_operations):
        change, sample = log.change(n, now.n_operations, now.n_events), None
        n_rows += change.n_added
        if change.n_added and now.ids is None:
            sample = sample_of(now.rows, n_rows - change.n_added, n_rows, change.rows)
        yield change, _dtype(log.dtypes.get(n)), sample


def _dtype(name: str | None) -> np.dtype | None:
    return None if name is None else np.dtype(name)


def _read(store: Store, cls: Any, X: Any, given: Given) -> Any:
    """Return the pool that is in a database, over its rows as they are."""
    with storage.refusing(store.path, "Pool.open"):
        head, log, undone, ids = _log(store)
        n, n_events, n_added = len(log.kinds.array), len(log.rows.array), log.n_added.array.copy()
        samples = store.samples(_GROWTHS)
        n_rows = 1 if ids is None else max(1, len(ids))
        if ids is None:  # where rows were accepted that the file does not count, they are behind
            n_rows = max(samples[-1]["n_rows"], int(log.rows.array.max(initial=0)) + 1)
        if ids is not None or n_rows != n_added.sum():
            gather(log, n_rows)
        pool = cls.__new__(cls)
        Facts.__init__(pool, head["missing_label"], None)
        pool.multilabel = head["multilabel"] is True
        log = files.checked_log(log, undone, n_rows, pool.missing_label)
        if ids is not None and len(ids) != len(log.touched(n_events)):
            raise ValueError("it has ids of other rows")
        before = Ledger(Rows(range(n_rows)), log, n, n_events)
    if ids is not None:
        placed = by_ids(before, X, given, ids, head["id_column"])
        pool.id_column = head["id_column"] if given.ids is None else None
    elif given.ids is not None:
        raise ValueError(
            "Pool.open got ids=, and the file knows rows by their numbers; leave it out, or make "
            "another file: copy_to('pool.npz'), Pool.load('pool.npz', X, ids=...), copy_to(path)."
        )
    else:
        placed = by_numbers(before, X, given, lambda rows: _difference(samples, rows, n_rows))
    if isinstance(given.ids, str):
        pool.id_column = given.ids
    log, own, side = placed.log, placed.ids, before.now.side
    is_by_group = side is not None and side.is_by_group
    if len(placed.rows) == n_added.sum() and not is_by_group:
        part_again(log, n_added)
    _check_sides(store, log, own, is_by_group)
    with storage.refusing(store.path, "Pool.open"):
        mark, leaves_out = Mark(store.last()[1], n_events, ids), given.missing == "drop"
        pool.ledger = ledger = DurableLedger(store, placed, mark, leaves_out, before.now.dtype)
        vars(pool).update(ledger.told())
        pool.consensus = ledger.function or pool.consensus
    return pool


def _log(store: Store) -> tuple[dict[str, Any], Log, Any, Ids | None]:
    """Return the head of a database, its log, what was undone, and the ids of touched rows."""
    head, digest = store.head()
    first, found = store.first()
    _check(first, digest, found)
    if first.base is None:
        raise ValueError("it does not say what it began with")
    blocks, done = [block_of_lines([first]), *map(unpacked, store.blocks())], store.blocked()
    digest, lines = store.digest_before(done[0]), []
    for each, found in store.since(done):
        _check(each, digest, found)
        lines.append(each)
        digest = found
    blocks.append(block_of_lines(lines))
    log, undone = log_of(blocks)
    log.base = unpacked_base(first.base, _dtype(log.dtypes.get(0)))
    names = [name for block in blocks for name in block.ids]
    return head, log, undone, Ids(lab.objects(names)) if head["has_ids"] else None


def _check(lines: Written, previous: bytes, digest: bytes) -> None:
    if lines.digest(previous) != digest:
        raise ValueError(f"operation {lines.operation.n} is not as it was written")


def _check_sides(store: Store, log: Log, own: Ids | None, is_by_group: bool) -> None:
    """Refuse rows that were held out, or were not, as no pool does it."""
    hashes = None if own is None else own.hashes[log.touched(len(log.rows.array))]
    try:
        with storage.refusing(store.path, "Pool.open"):
            check_sides(log, len(log.kinds.array), hashes)
    except ValueError as error:
        if own is None or not is_by_group:
            raise
        raise ValueError(
            "Pool.open got groups by which rows would be on another side than they are; give each "
            "row the group that it had."
        ) from error


def _difference(samples: list[dict[str, Any]], rows: Rows, n_rows: int) -> str | None:
    """Say in what rows differ from those of a file, n_rows of them; None: in nothing."""
    for saved in reversed(samples):
        if saved is not samples[-1]:  # there are more by now
            saved = saved | {"n_rows": max(saved["n_rows"], len(rows))}
        told = difference(saved, rows)
        if told is not None:
            return told
    return "those behind are missing" if len(rows) < n_rows else None


def _refuse_unknown_options(cls: Any, options: dict[str, Any]) -> None:
    """Refuse options that a pool does not have."""
    names = list(signature(cls).parameters)
    for name in options:
        if name not in names:
            takes = {*names, *signature(cls.open).parameters} - {"path", "X", "y", "options"}
            near = lab.nearest_class(name, takes)
            instead = f"write {near}=" if near else f"it takes {', '.join(sorted(takes))}"
            raise TypeError(f"Pool.open got {name}=, which it does not take; {instead}.")


def _refuse_other_options(pool: Facts, began: Facts, options: dict[str, Any]) -> None:
    """Refuse options that are not those that a file has."""
    of_side = [name for name in OF_SIDE if name in options]
    if of_side and not _are_divided_alike(pool, began):
        raise ValueError(
            f"Pool.open got {'= and '.join(of_side)}=, but the file holds out other rows, or none; "
            f"leave {' and '.join(of_side)} out."
        )
    for name, given in options.items():
        if name in of_side or (name == "multilabel" and given == lab.AUTO):
            continue
        attribute = "given_missing_label" if name == "missing_label" else name
        if callable(given):  # a function is given again, and nobody can tell whether it is the same
            continue
        was, now = (setting_as_json(getattr(one, attribute)) for one in (pool, began))
        if name == "multilabel":
            now = given
        if was != now or type(was) is not type(now):
            shown = was["classes"] if isinstance(was, dict) else was
            raise ValueError(
                f"Pool.open got {name}={given!r}, but the file has {shown!r}; leave {name}= out."
            )


def _of_names(options: dict[str, Any], y: Any) -> dict[str, Any]:
    """Return options of a pool without its labels, which a file has, and what these are called."""
    several = has_several(options.get("multilabel", "auto"), y)
    is_named = several and options.get("classes") is not None
    return options | {"multilabel": True if is_named else lab.AUTO}


def _are_divided_alike(pool: Facts, began: Facts) -> bool:
    """Tell whether two pools hold out by the same hash; of groups it has been told."""
    was, now = (one.ledger.now.side for one in (pool, began))
    if was is None or now is None:
        return was is now
    return was[:2] == now[:2]


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
        where = pool.called(np.arange(len(rows)))[row]
        now = pool._shown(values[row]) if known[row] else None
        raise ValueError(
            f"Pool.open got the label {now!r} for row {where}, with which the file does not begin: "
            f"it has {pool._shown(began[row])!r} there. Leave y out, and label(rows, y) it."
        )
