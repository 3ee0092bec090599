"""Many lines of a pool's database as a few arrays, in which they are read quickly."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import storage
from .lines import Written, event_columns, event_notes, labels_of_lines
from .log import EVENT_NAMES, KINDS, Column, LabelColumn, Log, Note

LOG_BLOCK = 50_000  # operations and events, of which as many are put into a block


class LogBlock(NamedTuple):
    """Consecutive operations with their events, in columns."""

    columns: dict[str, np.ndarray]
    people: list[str | None]  # by the codes in the columns
    dtypes: list[str]  # of labels, by their codes
    undone: list[tuple[int, Sequence[int]]]  # by number of the operation
    details: list[tuple[int, Any]]
    notes: list[tuple[int, Note]]  # by number of the event

    def packed(self) -> bytes:
        """Return the bytes of a file of arrays."""
        columns = self.columns | storage.pack_labels("labels", self.columns["labels"])
        columns["tables"] = storage.pack_json([*self[1:]])
        buffer = io.BytesIO()
        np.savez(buffer, **columns)  # type: ignore[arg-type]
        return buffer.getvalue()


def unpacked(packed: bytes) -> LogBlock:
    """Return a block from its bytes."""
    columns = storage.arrays_of(packed)
    tables = storage.unpack_json(columns.pop("tables"))
    columns["labels"] = storage.unpack_labels("labels", columns)
    return LogBlock(columns, *tables)


def objects(values: list) -> np.ndarray:
    """Return values as an array of objects, whatever they are."""
    return np.array([*values, None], dtype=object)[:-1]


def block_of_log(log: Log, n: tuple[int, int], n_events: tuple[int, int]) -> LogBlock:
    """Return operations and events of a log, each from one number to before another."""
    one, each = slice(*n), slice(*n_events)
    first = np.append(log.first.array[one], n_events[1])
    names = sorted({name for number, name in log.dtypes.items() if n[0] <= number < n[1]})
    dtypes = np.full(n[1] - n[0], -1, dtype=np.int64)
    for number, name in log.dtypes.items():
        if n[0] <= number < n[1]:
            dtypes[number - n[0]] = names.index(name)
    columns = {
        "kinds": log.kinds.array[one],
        "times": log.times.array[one],
        "actors": log.actors.array[one],
        "counts": np.diff(first),
        "n_added": log.n_added.array[one],
        "dtypes": dtypes,
        "rows": log.rows.array[each],
        "events": log.events.array[each],
        "names": log.names.array[each],
        "held": log.held.array[each],
        "labels": log.labels.array[each],
    }
    tables: Any = (
        [(key, value) for key, value in table.items() if start <= key < stop]
        for table, (start, stop) in (
            (log.undone, n),
            (log.details, n),
            (log.notes, n_events),
        )
    )
    return LogBlock(columns, list(log.people), names, *tables)


def block_of_lines(lines: Sequence[Written]) -> LogBlock:
    """Return lines as a block; KeyError or ValueError: no pool wrote them."""
    operations = [each.operation for each in lines]
    counts = np.array([len(each.events) for each in lines], dtype=np.int64)
    events = event_columns([event for each in lines for event in each.events])
    people: dict[str | None, int] = {None: 0}
    names = [people.setdefault(name, len(people)) for name in events.name]
    actors = [people.setdefault(line.actor, len(people)) for line in operations]
    dtypes = sorted({line.dtype for line in operations if line.dtype is not None})
    codes: dict[str | None, int] = {name: code for code, name in enumerate(dtypes)} | {None: -1}
    of_operation = np.array([codes[line.dtype] for line in operations], dtype=np.int64)
    kinds = {name: code for code, name in enumerate(EVENT_NAMES)}
    columns = {
        "kinds": np.array([KINDS.index(line.kind) for line in operations], dtype=np.int8),
        "times": np.array([line.time for line in operations], dtype=float),
        "actors": np.array(actors, dtype=np.int32),
        "counts": counts,
        "n_added": np.array([line.n_added for line in operations], dtype=np.int64),
        "dtypes": of_operation,
        "rows": np.array(events.row, dtype=np.int64),
        "events": np.array([kinds[kind] for kind in events.kind], dtype=np.int8),
        "names": np.array(names, dtype=np.int32),
        "held": np.array(events.held, dtype=bool),
        "labels": _labels(events.label, np.repeat(of_operation, counts), dtypes),
    }
    undone = [(line.n, json.loads(line.undone)) for line in operations if line.undone is not None]
    details = [(line.n, json.loads(line.detail)) for line in operations if line.detail is not None]
    notes = [(events.n[place], note) for place, note in event_notes(events)]
    return LogBlock(columns, list(people), dtypes, undone, details, notes)


def _labels(values: Sequence[Any], codes: np.ndarray, dtypes: list[str]) -> np.ndarray:
    """Return the labels of events, in their dtype if they have one."""
    is_label = np.array([value is not None for value in values], dtype=bool)
    several = len(dtypes) > 1
    labels = np.zeros(len(values), dtype=object if several else (dtypes or ["i1"])[0])
    for code, name in enumerate(dtypes):
        at = np.flatnonzero(is_label & (codes == code))
        own = labels_of_lines([values[place] for place in at.tolist()], np.dtype(name))
        labels[at] = own.astype(object) if several else own
    return labels


def log_of(blocks: Iterable[LogBlock]) -> tuple[Log, list[tuple[int, Sequence[int]]]]:
    """Return the log of consecutive blocks, and what was undone, which it does not hold yet."""
    log, blocks = Log(), list(blocks)
    recoded: dict[str, list[np.ndarray]] = {"actors": [], "names": []}
    number, undone = 0, []
    for block in blocks:
        codes = np.array([log.code(name) for name in block.people], dtype=np.int32)
        for name, parts in recoded.items():
            parts.append(codes[block.columns[name]])
        for place in np.flatnonzero(block.columns["dtypes"] >= 0).tolist():
            log.dtypes[number + place] = block.dtypes[block.columns["dtypes"][place]]
        undone += block.undone
        log.details.update(block.details)
        log.notes.update((event, (seconds, said)) for event, (seconds, said) in block.notes)
        number += len(block.columns["kinds"])

    def joined(name: str) -> np.ndarray:
        return np.concatenate([block.columns[name] for block in blocks])

    for name in ("kinds", "times", "n_added", "rows", "events", "held"):
        setattr(log, name, Column(joined(name)))
    log.actors, log.names = (Column(np.concatenate(recoded[name])) for name in recoded)
    counts = joined("counts")
    log.first = Column(np.cumsum(counts) - counts)
    parts = [block.columns["labels"] for block in blocks if len(block.columns["labels"])]
    if len({part.dtype for part in parts}) > 1:
        parts = [part.astype(object) for part in parts]
    log.labels = LabelColumn(np.concatenate(parts) if parts else np.zeros(0, dtype=np.int8))
    return log, undone
