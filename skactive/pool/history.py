"""What happened to a pool, told one `Operation` after another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..data.multilabel import as_matrix, is_multilabel
from .classes import changed_between
from .fold import LABELED, Folded, fold
from .ledger import Ledger
from .log import KINDS, LABELS_IN

OF_PEOPLE = ("label", "decide", "merge")  # by which somebody says what a row is


@dataclass(frozen=True, eq=False, repr=False)
class Operation:
    """One change of a pool, kept for good in its history.

    Attributes
    ----------
    kind : str
        "fit", "label", "unlabel", "skip", "restore", "reserve", "release", "extend", "undo",
        "decide", "tag", "merge", "classes" or "hold_out".
    rows : ndarray of shape (k,), int64
        Numbers of the rows that it touched, each once.
    states_before, states_after : ndarray of shape (k,), int8
        Positions in ``("unlabeled", "labeled", "reserved", "skipped", "held out")``.
    labels_before, labels_after : ndarray of shape (k,) or (k, L), or None
        Labels by the latest opinion, meaningful where the state is "labeled"; None where no row is.
    names_before, names_after : tuple of (tuple of (str or None)) or None
        For whom the rows are reserved; None where no row is.
    annotator : str or None
        Who did it.
    time : float
        Seconds since the epoch.
    n_added : int
        Rows that the pool gained ("fit" and "extend").
    undone : tuple of int
        Positions in the history of the operations that this one ("undo") reverted, newest first.
    detail : object
        What changed for the pool as a whole, if anything.
    """

    kind: str
    annotator: str | None
    time: float
    n_added: int
    undone: tuple[int, ...]
    detail: Any
    _ledger: Ledger
    _number: int
    _n_events: int  # with those of the operation

    @cached_property
    def rows(self) -> np.ndarray:
        """Numbers of the rows that it touched, shape (k,)."""
        log, number = self._ledger.log, self._number
        if number == 0:
            rows = log.base[0].view()
            rows.flags.writeable = False
            return rows
        spans = [log.span(one, number + 1, self._n_events) for one in self.undone or (number,)]
        rows = np.concatenate([log.rows.array[span] for span in spans])
        if changed_between(log, number, number + 1):
            rows = np.append(rows, self._renamed())
        return rows[np.sort(np.unique(rows, return_index=True)[1])]

    def _renamed(self) -> np.ndarray:
        """Return the rows whose label is called otherwise since."""
        ledger, log, number = self._ledger, self._ledger.log, self._number
        first = int(log.first.array[number])
        rows = np.union1d(log.rows.array[:first], log.base[0])
        last = ledger.read(lambda ledger: ledger.last_events(rows))
        before = fold(log, rows, last, number, first)
        is_labeled = before.states == LABELED
        rows, events = rows[is_labeled], before.decisive[is_labeled]
        was, now = (
            ledger.labels_of(rows, events, n, np.dtype(object)) for n in (number, number + 1)
        )
        return rows[was != now]

    @cached_property
    def _sides(self) -> tuple[Folded, Folded]:
        """What was true of the rows before and after."""
        log, number, rows = self._ledger.log, self._number, self.rows
        first = int(log.first.array[number])
        last = np.full(len(rows), -1, dtype=np.int64)
        # Whatever came later is passed over.
        last[:] = self._ledger.read(lambda ledger: ledger.last_events(rows))
        after = fold(log, rows, last, number + 1, self._n_events)
        if number == 0:  # nothing was there before
            nothing = np.zeros_like(after.states)
            return after._replace(states=nothing), after
        joined = int(log.n_added.array[:number].sum())
        before = fold(log, rows, np.where(rows < joined, last, -1), number, first)
        return before, after

    states_before = property(lambda op: op._sides[0].states, doc="Numbers of states before it.")
    states_after = property(lambda op: op._sides[1].states, doc="Numbers of states after it.")
    names_before = property(lambda op: op._names(0), doc="For whom rows were reserved before it.")
    names_after = property(lambda op: op._names(1), doc="For whom rows were reserved after it.")
    labels_before = property(lambda op: op._labels(0), doc="Labels before it, where labelled.")
    labels_after = property(lambda op: op._labels(1), doc="Labels after it, where labelled.")
    before = property(lambda op: op._or_none(0), doc="Labels before it, None where there was none.")
    after = property(lambda op: op._or_none(1), doc="Labels after it, None where there is none.")

    def _labels(self, which: int) -> np.ndarray | None:
        side, n = self._sides[which], self._number + which
        is_labeled = side.states == LABELED
        if not is_labeled.any():
            return None
        dtype = self._ledger.dtype_after(n)
        labels = np.zeros(len(self.rows), dtype=dtype)
        known = side.decisive[is_labeled]
        labels[is_labeled] = self._ledger.labels_of(self.rows[is_labeled], known, n, dtype)
        return as_matrix(labels) if is_multilabel(dtype) else labels

    def _names(self, which: int) -> tuple | None:
        reservations = self._sides[which].reservations
        if not len(reservations[0]):
            return None
        names: list[tuple] = [()] * len(self.rows)
        for place, code in zip(*(part.tolist() for part in reservations), strict=True):
            names[place] = (*names[place], self._ledger.log.people[code])
        return tuple(names)

    def _or_none(self, which: int) -> list:
        labels, states = self._labels(which), self._sides[which].states.tolist()
        if labels is None:
            return [None] * len(states)
        pairs = zip(states, labels.tolist(), strict=True)
        return [label if state == LABELED else None for state, label in pairs]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Operation):
            return NotImplemented
        own = (self._number, self.kind, self.time, self.annotator, self.undone)
        theirs = (other._number, other.kind, other.time, other.annotator, other.undone)
        return own == theirs and np.array_equal(self.rows, other.rows)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        by = f" by {self.annotator}" if self.annotator else ""
        return f"<{self.kind}: {len(self.rows)} rows{by}>"


def operations(ledger: Ledger, start: int) -> list[Operation]:
    """Return the operations after the first `start`, oldest first."""
    log, now = ledger.log, ledger.now
    return [
        Operation(
            KINDS[log.kinds.array[number]],
            log.people[log.actors.array[number]],
            float(log.times.array[number]),
            int(log.n_added.array[number]),
            log.undone.get(number, ()),
            log.details.get(number),
            ledger,
            number,
            log.span(number, now.n_operations, now.n_events).stop,
        )
        for number in range(start, now.n_operations)
    ]


def undoable(ledger: Ledger, n: int, annotator: str | None) -> list[int]:
    """Return the last n operations that are not undone, newest first: all, or somebody's opinions.

    Fewer: there are no more. The first operation, "fit", is where the pool begins.
    """
    log, end = ledger.log, ledger.now.n_operations
    kinds = log.kinds.array[:end]
    is_live = (log.dead.array[:end] >= end) & (kinds != KINDS.index("undo"))
    if annotator is not None:
        is_live &= np.isin(kinds, [KINDS.index(kind) for kind in OF_PEOPLE])
        is_live &= log.actors.array[:end] == log.known_code(annotator)
    return (1 + np.flatnonzero(is_live[1:])[::-1][:n]).tolist()


def labeled_lately(ledger: Ledger, since: int, most: int | None) -> np.ndarray:
    """Return the rows that were labelled last, newest first: at most so many of those labelled.

    Only labels given after the first `since` operations count; a row that was labelled again was
    labelled then.
    """
    log, now = ledger.log, ledger.now
    is_left = ledger.mask(LABELED)
    parts, n, stop = [], 0, now.n_events
    start = int(log.first.array[since]) if since < now.n_operations else stop
    size = 4 * (most or stop) + 16
    while stop > start and (most is None or n < most):
        events = np.arange(max(start, stop - size), stop)[::-1]
        stop -= len(events)
        kinds = log.events.array[events]
        events = events[np.isin(kinds, LABELS_IN) & log.is_live(events, now.n_operations)]
        rows = log.rows.array[events]
        rows = rows[np.sort(np.unique(rows, return_index=True)[1])]
        rows = rows[is_left[rows]]
        is_left[rows] = False  # it counts where it was labelled last
        parts.append(rows)
        n += len(rows)
    if since == 0 and (most is None or n < most):
        based = log.base[0][::-1]
        parts.append(based[is_left[based]])
    rows = np.concatenate([np.zeros(0, dtype=np.int64), *parts])
    return rows[:most]
