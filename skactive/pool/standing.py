"""What people say of rows: the opinions that stand, and the labels that a consensus makes of them.

All of it follows from the log. It is worked out when it is asked for, and then only of the rows
that something happened to since; functions of a ledger are to be called within `Ledger.read`.
"""

from typing import Any, NamedTuple

import numpy as np

from ..data.labels import merge_dtype, objects, to_array
from ..data.multilabel import as_cells, as_matrix, is_multilabel
from ..data.row_numbers import distinct, is_among
from ..data.tables import datetimes
from .consensus import consensus_of, is_row_by_row
from .fold import LABELED
from .ledger import Ledger
from .log import EVENT_NAMES, FINAL, LABELS_IN, NOTHING, OPINION, Note


class Standing(NamedTuple):
    """What stands after so many operations."""

    n: int = 0
    rows: np.ndarray = NOTHING  # of opinions, in the order in which they were given
    events: np.ndarray = NOTHING
    decided: np.ndarray = NOTHING  # rows of which a reviewer has decided
    decisions: np.ndarray = NOTHING  # the events by which


def standing(ledger: Ledger) -> Standing:
    """Return the opinions of all rows that stand, and the decisions."""
    before, at = ledger.derived.get("standing", Standing()), ledger.now
    if before.n == at.n_operations:
        return before
    touched = ledger.touched_since(before.n)
    new = standing_of(ledger, touched)
    left, undecided = ~is_among(before.rows, touched), ~is_among(before.decided, touched)
    events = np.append(before.events[left], new.events)
    order = np.argsort(events, kind="stable")
    now = Standing(
        at.n_operations,
        np.append(before.rows[left], new.rows)[order],
        events[order],
        np.append(before.decided[undecided], new.decided),
        np.append(before.decisions[undecided], new.decisions),
    )
    if ledger.now is at:  # or another thread has begun to write
        ledger.derived["standing"] = now
    return now


def standing_of(ledger: Ledger, rows: np.ndarray) -> Standing:
    """Return what stands of distinct rows."""
    found = ledger.folded(rows)
    places, events = found.said
    order = np.argsort(events, kind="stable")
    is_final = found.states == LABELED
    is_final[is_final] = ledger.log.kinds_of(found.decisive[is_final]) == FINAL
    decided, decisions = rows[is_final], found.decisive[is_final]
    n = ledger.now.n_operations
    return Standing(n, rows[places][order], events[order], decided, decisions)


def consensus_labels(
    ledger: Ledger, consensus: Any, missing_label: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows that have a label, sorted, and their labels by a consensus.

    What a reviewer has decided is not voted on, but the opinions are shown with the others.
    """
    known, at = ledger.derived.get("consensus"), ledger.now
    rows, labels = NOTHING, None
    if known is not None and known[1] == consensus:
        n, _, rows, labels = known
        if n == at.n_operations:
            return rows, labels
    if labels is not None and is_row_by_row(consensus):
        touched = ledger.touched_since(n)
        new, found = _voted(ledger, standing_of(ledger, touched), consensus, missing_label)
        left = ~is_among(rows, touched)
        rows, old = rows[left], labels[left]
        places = np.searchsorted(rows, new)
        rows = np.insert(rows, places, new)
        labels = np.insert(old, places, found) if old.dtype == found.dtype else None
    if labels is None or not is_row_by_row(consensus):
        rows, labels = _voted(ledger, standing(ledger), consensus, missing_label)
    if ledger.now is at:
        ledger.derived["consensus"] = at.n_operations, consensus, rows, labels
    return rows, labels


def _voted(
    ledger: Ledger, now: Standing, consensus: Any, missing_label: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that have a label by what stands, sorted, and their labels."""
    said, people, labels = _spoken(ledger, now)
    is_several = is_multilabel(labels.dtype)
    shown = as_matrix(labels) if is_several else labels
    rows, found = distinct(said), consensus_of(consensus, said, people, shown, missing_label)
    if is_several:
        found = as_cells(found)
    if len(now.decided):
        decided = _labels_of(ledger, now.decided, now.decisions)
        rows, found = np.append(now.decided, rows), _joined(decided, found)
        rows, first = np.unique(rows, return_index=True)
        found = found[first]
    return rows, found


def labels_in(ledger: Ledger, rows: np.ndarray, consensus: Any, missing_label: Any) -> Any:
    """Return the labels of sorted rows that have one; None if there never was a label."""
    slots = ledger.slots
    if slots.labels is None or consensus is None:
        return None if slots.labels is None else slots.labels[slots.find(rows)]
    known, labels = consensus_labels(ledger, consensus, missing_label)
    return labels[np.searchsorted(known, rows)]


def opinions(ledger: Ledger) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, names and labels of the opinions that stand; not of who could not tell."""
    return _spoken(ledger, standing(ledger))


def opinions_on_labeled(ledger: Ledger) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the opinions, as `opinions` does, that are about labelled rows."""
    rows, people, labels = opinions(ledger)
    kept = is_among(rows, ledger.members(LABELED))
    return rows[kept], people[kept], labels[kept]


def open_to_opinions(ledger: Ledger) -> np.ndarray:
    """Return a mask of the labelled rows that are neither decided nor kept for anybody."""
    mask = ledger.mask(LABELED)
    mask[standing(ledger).decided] = False
    mask[list(ledger.slots.names)] = False
    return mask


def _spoken(ledger: Ledger, now: Standing) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, names and labels of opinions, in the order in which they were given."""
    log = ledger.log
    is_label = log.kinds_of(now.events) == OPINION
    rows, events = now.rows[is_label], now.events[is_label]
    return rows, log.names_of(events), _labels_of(ledger, rows, events)


def all_said(ledger: Ledger) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and labels of all opinions that stand, and of all decisions."""
    now = standing(ledger)
    rows, events = np.append(now.rows, now.decided), np.append(now.events, now.decisions)
    is_label = np.isin(ledger.log.kinds_of(events), LABELS_IN)
    rows, events = rows[is_label], events[is_label]
    return rows, _labels_of(ledger, rows, events)


def _labels_of(ledger: Ledger, rows: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Return the labels that events carry, in a dtype that holds all of them."""
    now, began = ledger.now, ledger.log.base[1]
    if now.dtype is None:
        return np.zeros(0)
    is_one = ledger.log.labels.array.dtype == now.dtype
    is_one &= began is None or began.dtype == now.dtype  # y of fit stands beside the log
    if is_one or now.dtype == object or is_multilabel(now.dtype):
        return ledger.labels_of(rows, events, now.n_operations, now.dtype)
    # An opinion that does not count at present may be of a dtype that the labels are not of.
    labels = ledger.labels_of(rows, events, now.n_operations, np.dtype(object))
    if not len(labels) or isinstance(labels[0], str):
        return labels.astype(now.dtype if not len(labels) else object)
    return labels.astype(merge_dtype(now.dtype, np.array(labels.tolist()).dtype))


def _joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return labels behind others."""
    dtype = merge_dtype(a.dtype, b.dtype) if len(b) else a.dtype
    return np.append(a.astype(dtype), b.astype(dtype))


def n_answers(ledger: Ledger) -> int:
    """Return how many answers stand: opinions, of who cannot tell as well, and decisions."""
    now = standing(ledger)
    return len(now.rows) + len(now.decided)


def answers_table(ledger: Ledger) -> dict[str, np.ndarray]:
    """Return rows, people and labels of all answers that stand, in the order of `opinions_table`.

    Labels are objects, None of who cannot tell.
    """
    return _answers(ledger)[0]


def _answers(ledger: Ledger, of: np.ndarray | None = None) -> tuple[dict[str, Any], np.ndarray]:
    """Return the same, and the events; `of` some distinct rows, or of all."""
    now, log = standing(ledger) if of is None else standing_of(ledger, of), ledger.log
    rows, events = np.append(now.rows, now.decided), np.append(now.events, now.decisions)
    order = np.lexsort((events, rows))
    rows, events = rows[order], events[order]
    is_label = np.isin(log.kinds_of(events), LABELS_IN)
    labels = np.full(len(rows), None, dtype=object)
    labels[is_label] = _labels_of(ledger, rows[is_label], events[is_label])
    return {"row": rows, "annotator": log.names_of(events), "label": labels}, events


def opinions_table(ledger: Ledger, of: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Return what stands as columns, by row and then in the order in which it was said.

    `of` are distinct rows; None: all of them.
    """
    (table, events), log = _answers(ledger, of), ledger.log
    seconds, comments = log.notes_of(events)
    return table | {
        "time": datetimes(log.times.array[log.operations_of(events)]),
        "seconds": seconds,
        "comment": comments,
        "kind": objects([EVENT_NAMES[kind] for kind in log.kinds_of(events).tolist()]),
    }


def notes_of(seconds: Any, comment: Any, k: int, who: str) -> dict[int, Note]:
    """Return what comes with k opinions by place, refusing what is no duration or no comment."""
    if seconds is None and comment is None:
        return {}
    took = np.full(k, np.nan) if seconds is None else _one_a_row(seconds, k, who, "seconds")
    texts = [None] * k if comment is None else _one_a_row(comment, k, who, "comment").tolist()
    notes = {}
    for place, (time, text) in enumerate(zip(took.tolist(), texts, strict=True)):
        is_number = isinstance(time, int | float) and not isinstance(time, bool)
        if time is not None and not (is_number and (time != time or 0 <= time < np.inf)):
            raise ValueError(f"{who} got seconds={time!r}; give a number from 0 on, or None.")
        text = None if text != text else text  # NaN, as pandas writes None
        if not isinstance(text, str | None):
            raise ValueError(f"{who} got comment={text!r}; give text, or None.")
        note = None if time is None or time != time else float(time), text or None
        if note != (None, None):
            notes[place] = note
    return notes


def _one_a_row(given: Any, k: int, who: str, name: str) -> np.ndarray:
    """Return k objects, of which one may stand for all."""
    values = to_array(given).astype(object)
    is_one = np.ndim(given) == 0
    if len(values) != k and not is_one:
        raise ValueError(
            f"{who} got {len(values)} {name} for {k} rows; give one for each, or one for all."
        )
    return np.broadcast_to(values, k) if is_one else values
