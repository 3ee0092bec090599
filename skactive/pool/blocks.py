"""Many lines of a pool's database as a few arrays, in which they are read quickly."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import storage
from .lines import EVENT_CODES, Written, event_columns, event_notes, labels_of_lines
from .log import KINDS, Column, LabelColumn, Log, Note

LOG_BLOCK = 50_000  # operations and events, of which as many are put into a block


class LogBlock(NamedTuple):
    """Consecutive operations with their events, in columns."""

    columns: dict[str, np.ndarray]
    people: list[str | None]  # by the codes in the columns
    dtypes: list[str]  # of labels, by their codes
    undone: list[tuple[int, Sequence[int]]]  # by number of the operation
    details: list[tuple[int, Any]]
    notes: list[tuple[int, Note]]  # by number of the event
    ids: list[Any]  # of rows that nothing had touched before, where rows have ids

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
    columns = {
        "kinds": np.array([KINDS.index(line.kind) for line in operations], dtype=np.int8),
        "times": np.array([line.time for line in operations], dtype=float),
        "actors": np.array(actors, dtype=np.int32),
        "counts": counts,
        "n_added": np.array([line.n_added for line in operations], dtype=np.int64),
        "dtypes": of_operation,
        "rows": np.array(events.row, dtype=np.int64),
        "events": np.array([EVENT_CODES[kind] for kind in events.kind], dtype=np.int8),
        "names": np.array(names, dtype=np.int32),
        "held": np.array(events.held, dtype=bool),
        "labels": _labels(events.label, np.repeat(of_operation, counts), dtypes),
    }
    undone = [(line.n, json.loads(line.undone)) for line in operations if line.undone is not None]
    details = [(line.n, json.loads(line.detail)) for line in operations if line.detail is not None]
    notes = [(events.n[place], note) for place, note in event_notes(events)]
    ids = [name for each in lines for _, _, name in each.rows]
    return LogBlock(columns, list(people), dtypes, undone, details, notes, ids)


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
    """Return the log of consecutive blocks, and what was undone, which it does not hold yet.

    Its rows are called by their keys.
    """
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
    parts = [block.columns["labels"] for block in blocks]
    dtypes = {
        part.dtype for part, block in zip(parts, blocks, strict=True) if block.dtypes and len(part)
    }
    dtype: Any = object if len(dtypes) > 1 else next(iter(dtypes), np.dtype(np.int8))
    log.labels = LabelColumn(np.concatenate([part.astype(dtype) for part in parts]))
    return log, undone
