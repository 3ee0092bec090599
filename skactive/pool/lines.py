"""What a pool's database holds: a line for each operation, and one for each event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import compress, count
from typing import Any, NamedTuple

import numpy as np

from ..data.ids import Ids
from ..data.labels import objects
from ..data.multilabel import as_cells
from .log import EVENT_NAMES, NOTHING, Change, Note, plain_name
from .test_side import without_groups

EVENT_CODES = {name: code for code, name in enumerate(EVENT_NAMES)}


class OperationLine(NamedTuple):
    """An operation as columns of the table of its name."""

    n: int
    kind: str
    time: float
    actor: str | None
    token: str | None
    n_added: int
    dtype: str | None  # of its labels
    undone: str | None  # JSON
    detail: str | None  # JSON


class EventColumns(NamedTuple):
    """Events as columns of the table of their name."""

    n: Sequence[int]
    operation: Sequence[int]
    row: Sequence[int]
    kind: Sequence[str]
    name: Sequence[str | None]
    label: Sequence[Any]  # integers, real numbers or text
    held: Sequence[int]
    seconds: Sequence[float | None]
    comment: Sequence[str | None]


def event_columns(events: Sequence[tuple]) -> EventColumns:
    """Return lines of events in columns."""
    return EventColumns(*(zip(*events, strict=True) if events else [()] * 9))


class Extent(NamedTuple):
    """How far lines go: the operations before, their events, and the rows that these touched."""

    n: int
    n_events: int
    n_keys: int

    @property
    def size(self) -> int:
        """Operations and events together."""
        return self.n + self.n_events


ALL = Extent(*[2**62] * 3)


class Written(NamedTuple):
    """All lines of one operation."""

    operation: OperationLine
    events: list[tuple]  # in the order of `EventColumns`
    base: tuple[bytes, bytes] | None = None  # rows and labels that were there from the start
    sample: str | None = None  # how some rows looked that joined: JSON of a portrait
    rows: Sequence[tuple] = ()  # keys, the operation and ids of rows that nothing had touched yet

    def digest(self, previous: bytes) -> bytes:
        """Return a checksum of every column and of all that was written before."""
        digest = hashlib.blake2b(previous, digest_size=16)
        digest.update(json.dumps([*self[:2], *self[3:]]).encode())
        for part in self.base or ():
            digest.update(part)
        return digest.digest()


def keyed(change: Change, own: Ids | None, known: Ids | None) -> tuple[Change, Ids | None]:
    """Return a change as a file has it, whose rows have keys there, and their ids by key after it.

    `own` are the ids of the pool's rows, by number; without ids, the key is the number.
    """
    if own is None or known is None:
        return change, None
    names = own[change.rows]
    keys = known.find(names)
    is_new = keys < 0
    # In the order in which they are told of, each once
    _, first, which = np.unique(change.rows[is_new], return_index=True, return_inverse=True)
    keys[is_new] = len(known) + np.argsort(np.argsort(first))[which]
    change = change._replace(rows=keys, detail=without_groups(change.detail))
    return change, known.extended(names[is_new][np.sort(first)])


def written(
    change: Change,
    dtype: np.dtype | None,
    n: int,
    n_events: int,
    sample: str | None = None,
    rows: Sequence[tuple] = (),
) -> Written:
    """Return a change as the lines of operation n, whose events are numbered from n_events on.

    sqlite3 would take numbers of numpy for bytes: lines hold Python's own.
    """
    token = change.token if isinstance(change.token, str) else None
    operation = OperationLine(
        n,
        change.kind,
        float(change.time or 0),
        plain_name(change.annotator),
        token,
        int(change.n_added),
        None if dtype is None else dtype.str,
        json.dumps([int(one) for one in change.undone]) if change.undone else None,
        None if change.detail is None else json.dumps(change.detail),
    )
    if n == 0:
        base = change.rows.astype("<i8").tobytes(), packed_labels(change.labels)
        return Written(operation, [], base, sample, rows)
    k = len(change.rows)
    kinds = [EVENT_NAMES[code] for code in _each(change.events, k)]
    if change.names is None or isinstance(change.names, str):
        names = [plain_name(change.names)] * k
    else:
        names = [*map(plain_name, change.names)]
    labels: list = [None] * k
    if change.labels is not None:
        pairs = zip(_plain(change.labels), change.has_label.tolist(), strict=True)
        labels = [label if is_label else None for label, is_label in pairs]
    held = [*map(int, _each(change.held, k))]
    notes = [change.notes.get(place, (None, None)) for place in range(k)] if change.notes else None
    seconds, comments = zip(*notes, strict=True) if notes else ([None] * k, [None] * k)
    columns = EventColumns(
        range(n_events, n_events + k),
        [n] * k,
        change.rows.tolist(),
        kinds,
        names,
        labels,
        held,
        [None if one is None else float(one) for one in seconds],
        [*map(plain_name, comments)],
    )
    return Written(operation, [*zip(*columns, strict=True)], None, sample, rows)


def _each(values: Any, k: int) -> list:
    """Return k values, of which one may stand for all."""
    values = np.asarray(values)  # of one operation more often than not: no array is made for it
    return values.tolist() if values.ndim else [values.item()] * k


def _plain(labels: np.ndarray) -> list:
    """Return labels as lines have them: several of a row as JSON of their places."""
    if labels.dtype.kind == "V":
        return [json.dumps([*compress(count(), label)]) for label in labels.tolist()]
    return (labels.astype(np.int8) if labels.dtype == bool else labels).tolist()


def labels_of_lines(given: Sequence, dtype: np.dtype) -> np.ndarray:
    """Return labels from lines; ValueError and the like: they are of no such dtype."""
    if dtype.kind != "V":
        labels = np.zeros(len(given), dtype=dtype)
        labels[:] = given
        return labels
    matrix = np.zeros((len(given), dtype.itemsize), dtype=np.int8)
    for at, text in enumerate(given):
        matrix[at, json.loads(text)] = 1
    return as_cells(matrix)


def change_of(lines: Written) -> Change:
    """Return the change that was written."""
    operation, events = lines.operation, event_columns(lines.events)
    common: dict[str, Any] = {
        "annotator": operation.actor,
        "added": operation.n_added,
        "undone": tuple(json.loads(operation.undone)) if operation.undone else (),
        "detail": None if operation.detail is None else json.loads(operation.detail),
        "time": operation.time,
    }
    dtype = None if operation.dtype is None else np.dtype(operation.dtype)
    if operation.undone:
        common["dtype"] = dtype
    if lines.base is not None:
        rows, labels = unpacked_base(lines.base, dtype)
        return Change(operation.kind, rows, labels=labels, **common)
    labels = None
    if dtype is not None:
        labels = np.zeros(len(events.n), dtype=dtype)
        given = [label for label in events.label if label is not None]
        labels[[label is not None for label in events.label]] = labels_of_lines(given, dtype)
    return Change(
        operation.kind,
        np.array(events.row, dtype=np.int64),
        np.array([EVENT_CODES[kind] for kind in events.kind], dtype=np.int8),
        events.name,
        labels,
        np.array(events.held, dtype=bool),
        notes=dict(event_notes(events)),
        **common,
    )


def event_notes(events: EventColumns) -> Iterator[tuple[int, Note]]:
    """Yield the places of events that have notes, and these."""
    for place, note in enumerate(zip(events.seconds, events.comment, strict=True)):
        if note != (None, None):
            yield place, note


def digest_of_setting(previous: bytes, key: str, value: Any) -> bytes:
    """Return a checksum of a setting and of all that were written before."""
    text = json.dumps([key, value]).encode()
    return hashlib.blake2b(previous + text, digest_size=16).digest()


def digest_of_block(previous: bytes, last: bytes, packed: bytes) -> bytes:
    """Return a checksum of a block, the one before, and the digest of its last operation."""
    return hashlib.blake2b(previous + last + packed, digest_size=16).digest()


def packed_labels(labels: np.ndarray | None) -> bytes:
    """Return labels as bytes: text as JSON, numbers as they lie in memory."""
    if labels is None:
        return b""
    return json.dumps(labels.tolist()).encode() if labels.dtype.kind == "O" else labels.tobytes()


def unpacked_base(base: tuple[bytes, bytes], dtype: np.dtype | None) -> tuple[np.ndarray, Any]:
    """Return the rows and labels that were there from the start."""
    rows = np.frombuffer(base[0], dtype="<i8").astype(np.int64)
    if len(rows) == 0 or dtype is None:
        return NOTHING, None
    if dtype.kind == "O":
        return rows, objects(json.loads(base[1]))
    return rows, np.frombuffer(base[1], dtype=dtype).copy()
