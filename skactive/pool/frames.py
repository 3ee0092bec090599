"""What is known of rows, and what happened, as tables."""

from typing import Any

import numpy as np

from ..data.labels import fill
from ..data.multilabel import as_text
from ..data.tables import as_table, datetimes, row_columns
from .classes import named_after, turns
from .fold import BASE, HELD_OUT, LABELED, RESERVED, SKIPPED, STATE_NAMES, UNLABELED, Folded
from .ledger import Ledger
from .log import EVENT_NAMES, KINDS, LABELS_IN, UNSURE
from .standing import labels_in
from .tags import tags_of


def to_frame(pool: Any, rows: bool) -> Any:
    """Return what `Facts.to_frame` does."""
    held, columns = pool.ledger.read(lambda ledger: (ledger.now.rows, _present(pool, ledger)))
    table = {"id": pool._ids_of(np.arange(len(held))), **columns}
    if rows:
        of_rows = row_columns(held.whole(), taken=table)
        if of_rows is None:
            raise ValueError(
                f"to_frame got rows=True, and a {type(held.parts[0]).__name__} of rows that are "
                f"neither columns nor text; write rows=False, and join what you have by id."
            )
        table |= of_rows
    return as_table(table, like=held.parts[0], index=held.index())


def _present(pool: Any, ledger: Ledger) -> dict[str, np.ndarray]:
    """Return what is true of all rows, as columns."""
    log, n = ledger.log, len(ledger.now.rows)
    states = np.full(n, UNLABELED)
    for state in (LABELED, RESERVED, SKIPPED, HELD_OUT):
        states[ledger.members(state)] = state
    rows = np.flatnonzero(states != UNLABELED)
    found = ledger.folded(rows)
    known, labels = np.zeros(n, dtype=bool), np.full(n, None)
    with_label = rows[found.states == LABELED]
    if len(with_label):
        known[with_label] = True
        given = labels_in(ledger, with_label, pool.consensus, pool.missing_label)
        labels = np.zeros(n, dtype=given.dtype)
        labels[with_label] = given

    places, events = _told(ledger, rows, found, labels[rows])
    who, what, when = np.full(n, None), np.full(n, None), np.full(n, np.nan)
    who[rows[places]] = log.names_of(events)
    when[rows[places]] = log.times.array[log.operations_of(events)]
    what[rows[places]] = log.notes_of(events)[1]
    for row in rows[states[rows] == RESERVED].tolist():
        who[row] = ", ".join(filter(None, ledger.slots.names[row])) or None
    tags = np.full(n, None)
    for tag, members in tags_of(ledger).items():
        tags[members] = [f"{each}, {tag}" if each else tag for each in tags[members]]
    return {
        "label": pool._written(labels, known) if pool.multilabel else _with_holes(labels, known),
        "state": np.array(STATE_NAMES)[states],
        "annotator": who,
        "time": datetimes(when),
        "comment": what,
        "tags": tags,
    }


def _told(
    ledger: Ledger, rows: np.ndarray, found: Folded, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the event that says last what is true of a row, with its place, where there is one.

    An opinion with the label that the row has; or that somebody could not tell, of a skipped row.
    """
    (places, events), k = found.said, len(rows)
    is_unsure = ledger.log.kinds_of(events) == UNSURE
    # A final word comes behind what others said later.
    decided = np.flatnonzero(found.decisive >= BASE)
    places, events = np.append(places, decided), np.append(events, found.decisive[decided])
    is_unsure = np.append(is_unsure, np.zeros(len(decided), dtype=bool))
    n = ledger.now.n_operations
    is_true = found.states[places] == SKIPPED
    is_label = ~is_unsure
    said = ledger.labels_of(rows[places[is_label]], events[is_label], n, np.dtype(object))
    is_true[is_label] = said == labels[places[is_label]].astype(object)
    last = np.full(k, -2, dtype=np.int64)
    last[places[is_true]] = events[is_true]  # the last one of each row stays
    told = np.flatnonzero(last >= BASE)
    return told, last[told]


def history_frame(pool: Any) -> Any:
    """Return what `Facts.history_frame` does."""
    log, now = pool.ledger.log, pool.ledger.now
    n, (based, base_labels) = now.n_events, log.base
    # Labels that were there from the start have no events of their own.
    events = np.append(np.full(len(based), BASE), np.arange(n))
    of, told = log.operations_of(events), log.kinds_of(events)
    has_label = np.isin(told, LABELS_IN)
    parts = [part for part in (base_labels, log.labels.array[:n]) if part is not None and len(part)]
    dtypes = {part.dtype for part in parts} or {np.dtype(object)}
    dtype = dtypes.pop() if len(dtypes) == 1 else object
    seconds, comments = log.notes_of(events)
    columns = {
        "operation": of,
        "kind": np.array(KINDS)[log.kinds.array[of]],
        "id": pool._ids_of(np.append(based, log.rows.array[:n])),
        "event": np.array(EVENT_NAMES)[told],
        "annotator": log.names_of(events),
        "label": _as_said(
            pool, of, np.concatenate([np.zeros(0, dtype), *parts], dtype=dtype), has_label
        ),
        "time": datetimes(log.times.array[of]),
        "seconds": seconds,
        "comment": comments,
        "undone": log.dead.array[of] < now.n_operations,
    }
    return as_table(columns, like=now.rows.parts[0])


def _as_said(pool: Any, of: np.ndarray, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return labels of operations as they were called then, with None where there is none."""
    if not pool.multilabel:
        return _with_holes(labels, known)
    log, texts = pool.ledger.log, np.full(len(labels), None)
    ends = turns(log, pool.n_operations)  # between which all labels are called alike
    time = np.searchsorted(ends, of, side="right")
    for at in np.unique(time[known]).tolist():
        names = named_after(log, pool.named[0], 0, int(ends[at - 1]) + 1 if at else 0)
        which = np.flatnonzero(known & (time == at))
        texts[which] = as_text(labels[which].tolist(), names)
    return texts


def _with_holes(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return labels with None where there is none, or NaN among floats."""
    if labels.dtype.kind in "iu" and not known.all():
        labels = labels.astype(object)
    return fill(labels, known, None)
