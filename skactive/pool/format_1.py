"""Files of format 1: every operation with what its rows were before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product, starmap
from typing import Any

import numpy as np

from ..data.labels import missing_mask, objects
from ..utils.checks import checked_count
from .fold import LABELED, RESERVED, SKIPPED, UNLABELED
from .log import ADDING, CLOSE, KINDS, OPINION, RELEASE, RESERVE, RESTORE, SKIP, UNSURE, Change
from .storage import refuse_unless, unpack_json

_KINDS = KINDS[:9]
_EVENTS = {"skip": SKIP, "restore": RESTORE, "reserve": RESERVE, "release": RELEASE}
_OF_LABELS = {LABELED: OPINION, SKIPPED: UNSURE, UNLABELED: CLOSE}
# Which states an operation led from and to
_FREE = (UNLABELED, RESERVED)
_TURNS = {
    "fit": {(UNLABELED, LABELED)},
    "extend": {(UNLABELED, LABELED), (UNLABELED, SKIPPED)},
    "label": {*product(range(4), [LABELED]), (LABELED, UNLABELED), *product(_FREE, [SKIPPED])},
    "unlabel": {(LABELED, UNLABELED)},
    "skip": {*product(_FREE, [SKIPPED])},
    "restore": {(SKIPPED, UNLABELED)},
    "reserve": {(UNLABELED, RESERVED)},
    "release": {(RESERVED, UNLABELED)},
}


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


def changes(arrays: dict[str, np.ndarray], n_rows: int, missing_label: Any) -> list[Change]:
    """Return the changes that a file of a pool of so many rows tells of.

    A history that no pool has had raises ValueError, TypeError or LookupError.
    """
    return [_as_change(op) for op in _history(arrays, n_rows, missing_label)]


def _as_change(op: Old) -> Change:
    """Return an operation as a change."""
    events: Any = _EVENTS.get(op.kind, OPINION)
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


def _live(history: Sequence[Old], n: int) -> Iterator[int]:
    """Yield which of the first n operations are not undone, newest first."""
    position = n - 1
    while position >= 0:
        undone = history[position].undone
        if not undone:
            yield position
        # An undo takes the newest that are left: whatever lies between is undone, or an undo.
        position = (undone[-1] if undone else position) - 1


def _dtype_of_labels(history: Sequence[Old], n: int) -> np.dtype | None:
    """Return the dtype of the labels after n operations, None if there never was one."""
    each = (history[position].labels_after for position in _live(history, n))
    return next((labels.dtype for labels in each if labels is not None), None)


def _joined(operations: Sequence[Old], field: str) -> np.ndarray:
    """Return an integer array of each operation, end to end."""
    parts = [getattr(op, field) for op in operations] or [np.zeros(0, dtype=np.int8)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _before(operations: Sequence[Old], dtype: np.dtype | None) -> dict:
    """Return what the rows of operations, oldest first, had before them: fields of a `Change`."""
    rows = _joined(operations, "rows")
    # What a row goes back to is what it was before the first of them that touched it.
    first = np.sort(np.unique(rows, return_index=True)[1])
    rows, states = rows[first], _joined(operations, "states_before")[first]
    labels = names = None
    if (states == LABELED).any():
        parts = [
            np.zeros(len(op.rows), dtype) if op.labels_before is None else op.labels_before
            for op in operations
        ]
        if any(part.dtype != dtype for part in parts):  # a common one might round integers
            parts = [part.astype(object) for part in parts]
        labels, is_labeled = np.zeros(len(rows), dtype), states == LABELED
        labels[is_labeled] = np.concatenate(parts)[first[is_labeled]]
    if (states == RESERVED).any():
        each = chain.from_iterable(op.names_before or [None] * len(op.rows) for op in operations)
        names = tuple(np.array([*each], dtype=object)[first].tolist())
    return {"rows": rows, "states": states, "labels": labels, "names": names}


def _history(arrays: dict[str, np.ndarray], n_rows: int, missing_label: Any) -> list[Old]:
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
    _check_rows(history, n_rows)
    for position in range(len(history)):
        _check_operation(history, position)
    _check_labels(history, missing_label)
    return history


def _check_rows(history: Sequence[Old], n_rows: int) -> None:
    """Refuse rows that are not there, or not in the state in which they were left."""
    rows, before, after = (_joined(history, f) for f in ("rows", "states_before", "states_after"))
    which = np.repeat(np.arange(len(history)), [len(op.rows) for op in history])
    n_then = np.cumsum([op.n_added for op in history])
    refuse_unless(n_then[-1] == n_rows and (rows >= 0).all() and (rows < n_then[which]).all())
    order = np.argsort(rows, kind="stable")
    rows, which, before, after = rows[order], which[order], before[order], after[order]
    is_again = rows[1:] == rows[:-1]
    refuse_unless((which[1:] > which[:-1])[is_again].all())  # once in an operation
    was = np.full(len(rows), UNLABELED)
    was[1:][is_again] = after[:-1][is_again]
    refuse_unless((before == was).all() and np.isin(after, range(4)).all())


def _check_operation(history: Sequence[Old], position: int) -> None:
    """Refuse an operation whose fields do not go together."""
    op = history[position]
    refuse_unless(op.kind in _KINDS and (op.kind == _KINDS[0]) == (position == 0))
    refuse_unless(op.n_added == 0 or op.kind in ADDING)
    turns = np.unique([op.states_before, op.states_after], axis=1).T.tolist()
    refuse_unless(op.undone or all(tuple(turn) in _TURNS[op.kind] for turn in turns))
    refuse_unless(op.kind != "fit" or (np.diff(op.rows) > 0).all())
    refuse_unless(isinstance(op.annotator, str | None) and np.isfinite(op.time))
    for states, names in ((op.states_before, op.names_before), (op.states_after, op.names_after)):
        each = [None] if names is None else names
        is_fit = names is None or len(names) == len(states)
        refuse_unless(is_fit and all(isinstance(name, str | None) for name in each))
        refuse_unless((names is None) != (states == RESERVED).any())
    refuse_unless((op.kind == "undo") == bool(op.undone))
    if op.undone:
        refuse_unless(op.undone == (*islice(_live(history, position), len(op.undone)),))
        undone = [history[at] for at in reversed(op.undone)]
        refuse_unless(all(one.kind not in ADDING for one in undone))
        was = _before(undone, _dtype_of_labels(history, op.undone[-1]))
        is_labeled = op.states_after == LABELED
        pairs = [(was["rows"], op.rows), (was["states"], op.states_after)]
        if op.labels_after is not None:
            pairs.append((was["labels"][is_labeled], op.labels_after[is_labeled]))
        refuse_unless(was["names"] == op.names_after and all(starmap(np.array_equal, pairs)))


def _check_labels(history: Sequence[Old], missing_label: Any) -> None:
    """Refuse labels that are none, or that are missing."""
    groups: dict[np.dtype, list] = {}
    for op in history:
        sides = (op.states_before, op.labels_before), (op.states_after, op.labels_after)
        for states, labels in sides:
            is_labeled = states == LABELED
            refuse_unless((labels is None) != is_labeled.any())
            if labels is not None:
                groups.setdefault(labels.dtype, []).append(labels[is_labeled])
    for parts in groups.values():
        values = np.concatenate(parts)
        refuse_unless(not missing_mask(values, missing_label).any())
        refuse_unless(values.dtype.kind != "f" or np.isfinite(values).all())
        is_text = values.dtype.kind == "O"
        refuse_unless(not is_text or all(isinstance(value, str) for value in values.tolist()))
