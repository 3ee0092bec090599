"""Pools in files of arrays: written whole, read with every doubt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import labels as lab
from ..data.fingerprint import difference, fingerprint, portrait
from ..data.ids import Ids
from ..data.multilabel import as_matrix, checked_names
from ..data.rows import Rows, check_rows
from ..utils.checks import checked_count, is_integer
from . import format_1, storage
from .classes import check_changes, check_named
from .consensus import resolve
from .facts import Facts
from .fold import LABELED
from .ledger import Ledger
from .log import (
    ADDING,
    EVENTS_OF,
    FINAL,
    KINDS,
    LABELS_IN,
    NEVER,
    Column,
    LabelColumn,
    Log,
    previous_of,
)
from .renumbering import Given, by_ids, by_numbers, may_have_joined
from .storage import pack_json, pack_labels, refuse_unless, unpack_json, unpack_labels
from .test_side import check_sides

VERSION = 2
_FINGERPRINTED_ROWS = 256
_OF_IDS = "ids_"  # begins the names of their arrays
_MOST_BYTES = 1 << 20  # of the name of a class in a file
_OF_OPERATIONS = ("kinds", "times", "actors", "first", "n_added")
_OF_EVENTS = ("rows", "events", "names", "held")
_DTYPES = {"kinds": np.int8, "times": float, "events": np.int8, "held": bool}
_DTYPES |= {"actors": np.int32, "names": np.int32}  # others are int64


def save(pool: Facts, path) -> None:
    """Write a pool to a file."""
    now, labeled = pool.ledger.read(lambda ledger: (ledger.now, ledger.members(LABELED)))
    n, arrays = len(now.rows), _arrays(pool.ledger.log.trimmed(now.n_operations, now.n_events))
    known: dict[str, Any] = {"id_column": pool.id_column}  # by which rows are known again
    if now.ids is None:
        arrays["sampled"] = sampled = _sampled(n, labeled)
        known["fingerprint"] = fingerprint(now.rows, sampled)
        known["portrait"] = portrait(now.rows, sampled)
    else:
        touched = Ids(now.ids[pool.ledger.log.touched(now.n_events)])
        arrays |= {_OF_IDS + name: array for name, array in touched.arrays.items()}
    header = {
        "n_rows": n,
        "missing_label": lab.plain(pool.given_missing_label),
        "classes": None if pool.named is None else pool.named[0].tolist(),
        "classes_dtype": None if pool.named is None else pool.named[0].dtype.str,
        "multilabel": pool.multilabel,
        "named_after": None if pool.named is None else min(pool.named[1], now.n_operations),
        "seed": pool._seed,
        "consensus": consensus_name(pool.consensus),
        "digest": _digest(arrays),
        **known,
    }
    storage.write_arrays(path, header, arrays, VERSION)


def load(cls: Any, path, X, given: Given, consensus: Any = "saved") -> Any:
    """Return a saved pool over its rows."""
    given.check()
    header, arrays = storage.read_arrays(path, VERSION)
    X = check_rows(X, who="Pool.load")
    pool = cls.__new__(cls)
    with storage.refusing(path):
        if header["version"] > 1 and header["digest"] != _digest(arrays):
            raise ValueError("other arrays were saved")
        saved = header["consensus"] if header["version"] > 1 else None
        if not isinstance(saved, dict):
            resolve(saved)
        n, seed, saved_ids = header["n_rows"], header["seed"], _popped_ids(arrays)
        sampled = arrays.pop("sampled") if saved_ids is None else None
        Facts.__init__(pool, header["missing_label"], None)
        pool.multilabel = header.get("multilabel", False) is True
        named = _classes(header, pool.missing_label)
        pool.seed = None if seed is None else checked_count(seed, "seed", least=0)
        if header["version"] == 1:
            log = format_1.replayed(arrays, checked_count(n, "n"))
            log = checked_log(log, [*log.undone.items()], n, pool.missing_label)
        else:
            log = _log(arrays, n, pool.missing_label)
            touched = log.touched(len(log.rows.array))
            refuse_unless(saved_ids is None or len(saved_ids) == len(touched))
            check_sides(log, len(log.kinds.array), None if saved_ids is None else saved_ids.hashes)
    pool.consensus = consensus_now(saved, consensus, "Pool.load(path, X")
    with storage.refusing(path):
        before = Ledger(Rows(range(n)), log, len(log.kinds.array), len(log.rows.array))
        pool.ledger = before
        if before.dtype_without(()) is not None:
            raise ValueError("the labels that stand are of another dtype")
        if named is not None:
            pool.named = named, _named_after(header, pool.n_operations)
            check_named(log, *pool.named)
        if sampled is not None and not np.array_equal(sampled, _sampled(n, pool.labeled)):
            raise ValueError("others were sampled")
        column = header.get("id_column")
        refuse_unless(isinstance(column, str | None))
    if saved_ids is None:
        found = by_numbers(before, X, given, lambda rows: _differs(path, header, rows, sampled))
    else:
        found = by_ids(before, X, given, saved_ids, column)
        pool.id_column = column if given.ids is None else None
    if isinstance(given.ids, str):
        pool.id_column = given.ids
    n_operations, n_events = len(found.log.kinds.array), len(found.log.rows.array)
    pool.ledger = Ledger(found.rows, found.log, n_operations, n_events, found.ids)
    return pool


def _differs(path, header: dict, rows: Rows, sampled) -> str | None:
    """Say in what rows differ from those that a pool without ids was saved with; None: nothing."""
    if len(rows) == header["n_rows"] and fingerprint(rows, sampled) == header["fingerprint"]:
        return None
    told = None
    if "portrait" in header:
        with storage.refusing(path):
            told = difference(header["portrait"], rows)
    return told or "values, columns or the order of the rows differ"


def _popped_ids(arrays: dict[str, np.ndarray]) -> Ids | None:
    """Return the ids among arrays, None where there are none; ValueError and the like: none are."""
    given = {
        name.removeprefix(_OF_IDS): arrays.pop(name)
        for name in [*arrays]
        if name.startswith(_OF_IDS)
    }
    if not given:
        return None
    ids = Ids(Ids.from_arrays(given)[:])
    refuse_unless(given.keys() == ids.arrays.keys())
    for name, array in ids.arrays.items():
        refuse_unless(array.dtype == given[name].dtype and np.array_equal(array, given[name]))
    return ids


def _arrays(log: Log) -> dict[str, np.ndarray]:
    """Return a log as arrays of numbers and bytes."""
    arrays = {name: getattr(log, name).array for name in (*_OF_OPERATIONS, *_OF_EVENTS)}
    tables = [[*table.items()] for table in (log.dtypes, log.undone, log.details, log.notes)]
    arrays["tables"] = pack_json([log.people, *tables])
    rows, labels = log.base
    arrays["base_rows"] = rows
    for name, values in (("base_labels", labels), ("labels", log.labels.array)):
        arrays |= pack_labels(name, np.zeros(0) if values is None else values)
    return arrays


def _digest(arrays: dict[str, np.ndarray]) -> str:
    """Return a checksum of arrays with their names and dtypes."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _log(arrays: dict[str, np.ndarray], n_rows: int, missing_label: Any) -> Log:
    """Return the log that arrays tell of; what no pool has had raises ValueError and the like."""
    log = Log()
    for name in (*_OF_OPERATIONS, *_OF_EVENTS):
        array = arrays.pop(name).astype(_DTYPES.get(name, np.int64), casting="safe")
        setattr(log, name, Column(array))
    tables = unpack_json(arrays.pop("tables"))
    people, dtypes, undone, details, notes = tables
    base = [arrays.pop("base_rows").astype(np.int64, casting="safe")]
    columns = [unpack_labels(name, arrays) for name in ("base_labels", "labels")]
    refuse_unless(not arrays)
    n, n_events = len(log.kinds.array), len(log.rows.array)
    for names, size in ((_OF_OPERATIONS, n), (_OF_EVENTS, n_events)):
        refuse_unless(all(len(getattr(log, name).array) == size for name in names))
    log.base = (base[0], columns[0] if len(base[0]) else None)
    log.labels = LabelColumn(columns[1])
    refuse_unless(len(columns[0]) == len(base[0]) and len(columns[1]) == n_events)
    log.people = [None]
    refuse_unless(people[0] is None and all(isinstance(name, str) for name in people[1:]))
    for name in people[1:]:
        log.code(name)
    refuse_unless(len(log.people) == len(people))
    log.dtypes, log.details = _table(dtypes, n), _table(details, n)
    log.notes = {event: tuple(note) for event, note in _table(notes, n_events).items()}
    refuse_unless(all(map(_is_note, log.notes.values())))
    return checked_log(log, undone, n_rows, missing_label)


def checked_log(
    log: Log, undone: Sequence[tuple[Any, Sequence[Any]]], n_rows: int, missing_label: Any
) -> Log:
    """Return a log with what follows from it, refusing one that no pool has had.

    `check_sides` looks at the test side, for which it takes to know groups or ids.
    """
    n = len(log.kinds.array)
    _check_operations(log, n_rows)
    log.dead = Column(np.full(n, NEVER))
    for number, ones in _table(undone, n).items():
        _undo(log, number, ones)
    counts = np.diff([*log.first.array, len(log.rows.array)])
    log.operations = Column(np.repeat(np.arange(n), counts))
    _check_events(log)
    _check_labels(log, missing_label)
    log.previous = Column(previous_of(log.rows.array))
    log.has_final = bool((log.events.array == FINAL).any())
    log.dtype_names = set(log.dtypes.values())
    log.regroupings = np.flatnonzero(log.kinds.array == KINDS.index("classes")).tolist()
    check_changes(log)
    return log


def _table(pairs: Sequence[Sequence], n: int) -> dict[int, Any]:
    """Return what a file tells of some of n operations or events, by their numbers."""
    table: dict[int, Any] = {number: value for number, value in pairs}  # noqa: C416
    numbers = list(table)
    refuse_unless(len(table) == len(pairs) and all(map(is_integer, numbers)))
    refuse_unless(numbers == sorted(numbers) and all(0 <= number < n for number in numbers))
    return table


def _is_note(note: tuple) -> bool:
    """Tell whether something is a note: seconds and a comment, where they are known."""
    seconds, comment = note
    is_time = seconds is None or (type(seconds) in (int, float) and 0 <= seconds < float("inf"))
    return is_time and isinstance(comment, str | None)


def _check_operations(log: Log, n_rows: int) -> None:
    """Refuse operations that do not go together."""
    n, kinds, first = len(log.kinds.array), log.kinds.array, log.first.array
    refuse_unless(n > 0 and np.isin(kinds, range(len(KINDS))).all())
    refuse_unless(np.isfinite(log.times.array).all())
    refuse_unless(((kinds == KINDS.index("fit")) == (np.arange(n) == 0)).all())
    refuse_unless(first[0] == 0 and (np.diff([*first, len(log.rows.array)]) >= 0).all())
    n_added = log.n_added.array
    grows = np.isin(kinds, [KINDS.index(kind) for kind in ADDING])
    refuse_unless((n_added >= 0).all() and (n_added[~grows] == 0).all())
    refuse_unless(n_added.astype(object).sum() == n_rows)
    actors = log.actors.array
    refuse_unless(((actors >= 0) & (actors < len(log.people))).all())


def _undo(log: Log, number: Any, ones: Sequence[Any]) -> None:
    """Let an operation undo others, or refuse that."""
    refuse_unless(KINDS[log.kinds.array[number]] == "undo" and len(ones))
    for one in ones:
        refuse_unless(is_integer(one) and 0 < one < number and log.dead.array[one] == NEVER)
        refuse_unless(KINDS[log.kinds.array[one]] not in (*ADDING, "undo"))
        log.dead.array[one] = number
    refuse_unless(list(ones) == sorted(ones, reverse=True))
    log.undone[number] = tuple(ones)


def _check_events(log: Log) -> None:
    """Refuse events of rows that are not there, or that their operation does not consist of."""
    rows, events, names = log.rows.array, log.events.array, log.names.array
    of, n_added = log.operations.array, log.n_added.array
    refuse_unless(may_have_joined(log, n_added))
    # Where rows stand elsewhere since, those that joined are anywhere, and the detail says so.
    is_extend = log.kinds.array[of] == KINDS.index("extend")
    refuse_unless(np.isin(of[is_extend & (n_added[of] == 0)], list(log.details)).all())
    refuse_unless(((names >= 0) & (names < len(log.people))).all())
    pairs = log.kinds.array[of] * np.int16(256) + events
    counts = np.bincount(pairs.view(np.uint16))  # much quicker than unique pairs
    for kind, event in np.transpose(np.divmod(np.flatnonzero(counts), 256)).tolist():
        refuse_unless(event in EVENTS_OF[KINDS[kind]])
    # Of a row an operation tells once; in a merged table each person may.
    order = np.lexsort((names, rows, of))
    is_again = (np.diff(rows[order]) == 0) & (np.diff(of[order]) == 0)
    is_merged = log.kinds.array[of[order]] == KINDS.index("merge")
    refuse_unless(not (is_again & ~(is_merged[1:] & (np.diff(names[order]) != 0))).any())
    base = log.base[0]
    refuse_unless((np.diff(base) > 0).all() and (base >= 0).all())
    undoes = [number for number, kind in enumerate(log.kinds.array) if KINDS[kind] == "undo"]
    refuse_unless(undoes == list(log.undone))
    is_something = (np.diff([*log.first.array, len(rows)]) > 0) | (log.n_added.array > 0)
    is_something[[*log.undone, *log.details]] = True
    refuse_unless(is_something.all())


def _check_labels(log: Log, missing_label: Any) -> None:
    """Refuse labels that are none, or that are missing, and dtypes that they are not of."""
    is_label, of = np.isin(log.events.array, LABELS_IN), log.operations.array
    with_labels = {0} if len(log.base[0]) else set()
    with_labels |= set(log.operations.array[is_label].tolist())
    # An undo that others came after says of which dtype labels are then.
    others = {*log.undone, *np.flatnonzero(log.kinds.array == KINDS.index("classes")).tolist()}
    refuse_unless(with_labels <= set(log.dtypes) <= with_labels | others)
    values = [np.dtype(name) for name in sorted(set(map(str, log.dtypes.values())))]
    refuse_unless(all(dtype.kind in "biufO" for dtype in values) or _are_several(values))
    which = np.full(len(log.kinds.array), -1)
    which[list(log.dtypes)] = [values.index(np.dtype(name)) for name in log.dtypes.values()]
    groups = [(log.labels.array[is_label & (which[of] == i)], i) for i in range(len(values))]
    if log.base[1] is not None:
        groups.append((log.base[1], which[0]))
    for labels, i in groups:
        dtype, kind = values[i], values[i].kind
        if labels.dtype.kind == "O":
            allowed = {"O": str, "b": bool, "f": float, "V": bytes}.get(kind, int)
            refuse_unless(all(type(label) is allowed for label in labels.tolist()))
        refuse_unless(labels.dtype in (dtype, object) or len(labels) == 0)
        if kind == "V":
            refuse_unless(all(len(label) == dtype.itemsize for label in labels.tolist()))
            refuse_unless(np.isin(as_matrix(labels.astype(dtype)), (0, 1)).all())
            continue
        known = labels.astype(dtype)
        refuse_unless(not missing_in(known, missing_label))
        refuse_unless(kind != "f" or np.isfinite(known).all())


def _are_several(dtypes: Sequence[np.dtype]) -> bool:
    """Tell whether all of these are of several labels a row."""
    return all(dtype.kind == "V" and dtype.itemsize > 0 for dtype in dtypes)


def missing_in(labels: np.ndarray, missing_label: Any) -> bool:
    """Tell whether any label is the missing one."""
    return bool(lab.missing_mask(labels, missing_label).any())


def _classes(header: dict, missing_label: Any) -> np.ndarray | None:
    """Return the named classes that a file's header tells of, ValueError or TypeError: none."""
    if header["classes"] is None:
        return None
    dtype = np.dtype(header["classes_dtype"])
    if dtype.itemsize <= _MOST_BYTES and np.ndim(header["classes"]) == 1:
        given = np.array(header["classes"], dtype=dtype)
        if header.get("multilabel"):
            return checked_names(given, missing_label)
        named = lab.named_classes(given, missing_label=missing_label)
        if named.tolist() == header["classes"]:
            return named
    raise ValueError("no classes have been named so")


def _named_after(header: dict, n: int) -> int:
    """Return after how many operations classes were named; ValueError or TypeError: never."""
    if header["version"] == 1:
        return 0
    after = checked_count(header["named_after"], "n", least=0)
    refuse_unless(after <= n)
    return after


def _sampled(n: int, labeled: np.ndarray) -> np.ndarray:
    """Return by which rows the data are known again: some of all, and some of the labelled."""
    of_all, of_labeled = (
        np.linspace(0, m - 1, min(m, _FINGERPRINTED_ROWS // 2)).round().astype(np.intp)
        for m in (n, len(labeled))
    )
    return np.union1d(of_all, labeled[of_labeled])


def consensus_now(saved: Any, given: Any, call: str) -> Any:
    """Return the consensus of a pool from a file: what was saved, or what is given in its place."""
    if isinstance(given, str) and given == "saved":
        if isinstance(saved, dict):
            name = saved["function"]
            raise ValueError(
                f"the pool was saved with the consensus {name}, a function, which a file does not "
                f"hold; write {call}, consensus={name})."
            )
        return saved
    resolve(given)
    return given


def consensus_name(consensus: Any) -> Any:
    """Return a consensus as a file names it."""
    if not callable(consensus):
        return consensus
    return {"function": getattr(consensus, "__qualname__", type(consensus).__qualname__)}
