"""Files of format 1: every operation with what its rows were before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.labels import objects
from ..data.rows import Rows
from ..utils.checks import checked_count
from .fold import LABELED, RESERVED, SKIPPED, UNLABELED
from .ledger import Ledger
from .log import CLOSE, EVENTS_OF, KINDS, OPINION, UNSURE, Change, Log
from .storage import refuse_unless, unpack_json

_KINDS = KINDS[:9]
_OF_LABELS = {LABELED: OPINION, SKIPPED: UNSURE, UNLABELED: CLOSE}


@dataclass(frozen=True, eq=False)
class Old:
    """An operation as format 1 has it."""

    kind: str
    rows: np.ndarray
    states_before: np.ndarray
    states_after: np.ndarray
    labels_before: np.ndarray | None
    labels_after: np.ndarray | None
    names_before: tuple | None
    names_after: tuple | None
    annotator: str | None
    time: float
    n_added: int
    undone: tuple


def replayed(arrays: dict[str, np.ndarray], n_rows: int) -> Log:
    """Return the log of a file of a pool of so many rows.

    What each operation says of its rows, before and after, is what the log says then; if not, or if
    arrays make no sense, ValueError, TypeError or LookupError tells.
    """
    ledger, n_joined = Ledger(Rows(range(n_rows))), 0
    for number, op in enumerate(_history(arrays)):
        n_joined += op.n_added
        refuse_unless(op.kind in _KINDS and len(np.unique(op.rows)) == len(op.rows))
        refuse_unless((op.rows >= 0).all() and (op.rows < min(n_joined, n_rows)).all())
        refuse_unless(set(op.undone) <= set(range(1, number)))
        _refuse_others(ledger, op.rows, op.states_before, op.labels_before, op.names_before)
        ledger.commit(_as_change(op))
        _refuse_others(ledger, op.rows, op.states_after, op.labels_after, op.names_after)
    refuse_unless(all(isinstance(name, str | None) for name in ledger.log.people))
    return ledger.log.trimmed(ledger.now.n_operations, ledger.now.n_events)


def _refuse_others(ledger: Ledger, rows: np.ndarray, states: np.ndarray, labels, names) -> None:
    """Refuse what is not true of rows."""
    found, known = ledger.found(rows)
    is_labeled, is_reserved = states == LABELED, states == RESERVED
    refuse_unless(np.array_equal(found, states) and (labels is not None) == is_labeled.any())
    if labels is not None and known is not None:
        refuse_unless(np.array_equal(known[is_labeled], labels[is_labeled]))
    held = tuple(ledger.slots.names.get(row, (None,))[0] for row in rows.tolist())
    refuse_unless(names == (held if is_reserved.any() else None))


def _as_change(op: Old) -> Change:
    """Return an operation as a change."""
    events: Any = (*EVENTS_OF[op.kind], OPINION)[0]
    names: Any = op.annotator
    if op.kind in ("label", "extend", "unlabel"):
        table = np.array([_OF_LABELS.get(state, -1) for state in range(4)], dtype=np.int8)
        events = table[op.states_after]
    if op.kind == "label" and op.names_before is not None and op.annotator is not None:
        # Whose label it was did not matter: it ended every reservation, as nobody's does now.
        own = (None, op.annotator)
        names = [op.annotator if name in own else None for name in op.names_before]
    if op.kind == "reserve":
        names = op.names_after
    rows = op.rows[:0] if op.undone else op.rows
    return Change(
        op.kind,
        rows,
        events,
        None if op.kind == "release" else names,
        None if op.undone else op.labels_after,
        annotator=op.annotator,
        undone=tuple(op.undone),
        added=op.n_added,
        time=op.time,
    )


def _history(arrays: dict[str, np.ndarray]) -> list[Old]:
    """Return the operations that arrays tell of."""
    text = f"labels {np.dtype(object).str}"
    if text in arrays:
        arrays = {**arrays, text: objects(unpack_json(arrays[text]))}
    used = dict.fromkeys(arrays, 0)

    def take(name: str, k: int) -> np.ndarray:
        used[name] += checked_count(k, "k", least=0)
        return arrays[name][used[name] - k : used[name]]

    history = []
    times, each = take("times", len(arrays["times"])), unpack_json(arrays["operations"])
    for time, (kind, k, dtypes, names, annotator, n_added, undone) in zip(times, each, strict=True):
        rows, *states = (take(name, k) for name in ("rows", "states_before", "states_after"))
        fields: list[Any] = [rows.astype(np.int64, casting="safe", copy=False)]
        fields += [part.astype(np.int8, casting="safe", copy=False) for part in states]
        fields += [None if dtype is None else take(f"labels {dtype}", k) for dtype in dtypes]
        fields += [None if part is None else tuple(part) for part in names]
        fields += [annotator, float(time), checked_count(n_added, "n", least=0), tuple(undone)]
        history.append(Old(kind, *fields))
    used["operations"] = len(arrays["operations"])
    refuse_unless(used == {name: len(array) for name, array in arrays.items()})
    return history
