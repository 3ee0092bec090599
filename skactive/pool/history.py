"""What happened to a pool, told one `Operation` after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from ..data.multilabel import as_matrix, is_multilabel
from .classes import changed_between
from .fold import LABELED, Folded, fold
from .ledger import Ledger
from .log import KINDS, UNSURE

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

    @property
    def states_before(self) -> np.ndarray:
        """Positions in the names of states, before it."""
        return self._sides[0].states

    @property
    def states_after(self) -> np.ndarray:
        """Positions in the names of states, after it."""
        return self._sides[1].states

    @property
    def labels_before(self) -> np.ndarray | None:
        """Labels before it, meaningful where the state is "labeled"."""
        return self._labels(self._sides[0], self._number)

    @property
    def labels_after(self) -> np.ndarray | None:
        """Labels after it, meaningful where the state is "labeled"."""
        return self._labels(self._sides[1], self._number + 1)

    @property
    def names_before(self) -> tuple | None:
        """For whom the rows were reserved before it."""
        return self._names(self._sides[0])

    @property
    def names_after(self) -> tuple | None:
        """For whom the rows were reserved after it."""
        return self._names(self._sides[1])

    @property
    def before(self) -> list:
        """Labels before the operation, None where there was none."""
        return _or_none(self.states_before, self.labels_before)

    @property
    def after(self) -> list:
        """Labels after the operation, None where there is none."""
        return _or_none(self.states_after, self.labels_after)

    def _labels(self, side: Folded, n: int) -> np.ndarray | None:
        is_labeled = side.states == LABELED
        if not is_labeled.any():
            return None
        dtype = self._ledger.dtype_after(n)
        labels = np.zeros(len(self.rows), dtype=dtype)
        known = side.decisive[is_labeled]
        labels[is_labeled] = self._ledger.labels_of(self.rows[is_labeled], known, n, dtype)
        return as_matrix(labels) if is_multilabel(dtype) else labels

    def _names(self, side: Folded) -> tuple | None:
        if not len(side.reservations[0]):
            return None
        names: list[tuple] = [()] * len(self.rows)
        for place, code in zip(*(part.tolist() for part in side.reservations), strict=True):
            names[place] = (*names[place], self._ledger.log.people[code])
        return tuple(names)

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


def _or_none(states: np.ndarray, labels: np.ndarray | None) -> list:
    """Return labels as Python values, None where the state is not "labeled"."""
    if labels is None:
        return [None] * len(states)
    pairs = zip(states, labels.tolist(), strict=True)
    return [label if state == LABELED else None for state, label in pairs]


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


def live(ledger: Ledger, annotator: str | None = None) -> Iterator[int]:
    """Yield which operations are not undone, newest first: all, or somebody's own opinions."""
    log, n = ledger.log, ledger.now.n_operations
    for number in range(n - 1, -1, -1):
        kind = KINDS[log.kinds.array[number]]
        if kind == "undo" or log.dead.array[number] < n:
            continue
        if annotator is None or (
            kind in OF_PEOPLE and log.people[log.actors.array[number]] == annotator
        ):
            yield number


def undoable(ledger: Ledger, n: int, annotator: str | None) -> list[int]:
    """Return the last n operations that can be undone, newest first; fewer: there are no more."""
    # The first operation, "fit", is where the pool begins.
    return [number for number in islice(live(ledger, annotator), n) if number]


def labeled_lately(ledger: Ledger, since: int, most: int | None) -> np.ndarray:
    """Return the rows that were labelled last, newest first: at most so many of those labelled.

    Only labels given after the first `since` operations count; a row that was labelled again was
    labelled then.
    """
    log, now = ledger.log, ledger.now
    is_left = ledger.slots.mask(LABELED, len(now.rows))
    parts, n, stop = [], 0, now.n_events
    start = int(log.first.array[since]) if since < now.n_operations else stop
    size = 4 * (most or stop) + 16
    while stop > start and (most is None or n < most):
        events = np.arange(max(start, stop - size), stop)[::-1]
        stop -= len(events)
        kinds = log.events.array[events]
        events = events[(kinds <= 2) & (kinds != UNSURE) & log.is_live(events, now.n_operations)]
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
