"""What is known of the rows that something happened to: by slot where they are few, or by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fold import HELD_OUT, LABELED, UNLABELED
from .log import NOTHING

_FEW_ROWS = 1 << 16  # of a pool: every row has a slot, which is quicker
Columns = tuple[np.ndarray, ...]
_SHARE = 8  # of the rows that are touched, from which on every row has one


def inserted(columns: Columns, at: np.ndarray, new: Columns) -> Columns:
    """Return columns with new entries before those at ascending places, as `np.insert` does."""
    to = at + np.arange(len(at))
    is_old = np.ones(len(columns[0]) + len(at), dtype=bool)
    is_old[to] = False
    longer = tuple(np.empty(len(is_old), dtype=column.dtype) for column in columns)
    for column, old, more in zip(longer, columns, new, strict=True):
        column[to], column[is_old] = more, old
    return longer


class Slots:
    """State, label and last event of rows that were touched; all others are unlabelled.

    Columns have an entry a slot, and behind them one at least that nothing is written to: -1, the
    slot of rows that have none, finds it. While few rows are touched, their numbers are kept sorted
    beside their slots; once they are many, the slot of a row is its number.
    """

    def __init__(self, n_rows: int, n_touched: int = 0) -> None:
        self.is_dense = n_rows <= max(_FEW_ROWS, _SHARE * n_touched)
        self.n_used = n_rows if self.is_dense else 0
        size = 1 + (n_rows if self.is_dense else n_touched)
        self.states = np.zeros(size, dtype=np.int8)
        self.is_held = np.zeros(size, dtype=bool)
        self.last = np.full(size, -1, dtype=np.int64)
        self.labels: Any = None  # an array, None if there never was one
        self.sorted: Columns = (NOTHING, NOTHING)  # rows, and their slots; unused where dense
        self.names: dict[int, tuple[str | None, ...]] = {}  # for whom rows are reserved

    def fits(self, n_rows: int, n_touched: int) -> bool:
        """Tell whether slots by row, or not, still suit so many rows, of which some are touched."""
        if self.is_dense:
            return n_rows <= max(_FEW_ROWS, 2 * _SHARE * n_touched)
        return n_rows > _SHARE * n_touched

    def cover(self, n_rows: int) -> None:
        """Have a slot for every row, where that is how slots are."""
        if self.is_dense and self.n_used < n_rows:
            self._make_room(n_rows)

    def touched(self) -> Columns:
        """Return the rows that something has happened to, sorted, and their slots."""
        rows, at = (np.arange(self.n_used),) * 2 if self.is_dense else self.sorted
        kept = self.is_touched(at)
        return rows[kept], at[kept]

    def find(self, rows: np.ndarray) -> np.ndarray:
        """Return the slots of rows, -1 where they have none."""
        if self.is_dense:
            return np.where(rows < self.n_used, rows, -1)
        known, slots = self.sorted
        if len(known) == 0:
            return np.full(len(rows), -1, dtype=np.int64)
        at = np.minimum(known.searchsorted(rows), len(known) - 1)
        return np.where(known[at] == rows, slots[at], -1)

    def states_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the states of rows, whatever side they are on."""
        return self.states[self.find(rows)]

    def made(self, rows: np.ndarray, are_new: bool = False) -> np.ndarray:
        """Return the slots of distinct rows, new ones where they have none, as `are_new` says."""
        if self.is_dense:
            if len(rows):
                self._make_room(max(self.n_used, int(rows.max()) + 1))
            return rows
        slots = np.full(len(rows), -1) if are_new else self.find(rows)
        new = np.arange(len(rows)) if are_new else np.flatnonzero(slots < 0)
        if len(new):
            new = new[rows[new].argsort()]
            known, old = self.sorted
            slots[new] = fresh = np.arange(len(known), len(known) + len(new))
            self._make_room(len(known) + len(new))
            rows = rows[new]
            self.sorted = inserted((known, old), known.searchsorted(rows), (rows, fresh))
        return slots

    def is_touched(self, slots: np.ndarray) -> np.ndarray:
        """Tell to the rows of which slots something has happened."""
        return (self.states[slots] != UNLABELED) | (self.last[slots] >= 0)

    def _make_room(self, n: int) -> None:
        """Be long enough for n slots; new ones are of rows that nothing happened to."""
        for name, hole in (("states", 0), ("is_held", False), ("last", -1), ("labels", 0)):
            column = getattr(self, name)
            # Each by itself: an interrupt may come between two.
            if column is not None and n >= len(column):
                size = max(n + 1, len(column) * 5 // 4)
                longer = np.full((size, *column.shape[1:]), hole, dtype=column.dtype)
                longer[: len(column)] = column
                setattr(self, name, longer)
        self.n_used = max(self.n_used, n)

    def recast(self, dtype: np.dtype | None, leaving: np.ndarray) -> None:
        """Keep labels in another dtype, without those in some slots, which are to be written."""
        if dtype is None:  # which numpy would take for float64
            self.labels = None
        elif self.labels is None or self.labels.dtype != dtype:
            new = np.zeros(len(self.states), dtype=dtype)
            if self.labels is not None:
                # Where no label counts, something may be left that the dtype does not hold.
                is_kept = self.states == LABELED
                is_kept[leaving] = False
                kept = np.flatnonzero(is_kept)
                new[kept] = self.labels[kept]
            self.labels = new

    def in_state(self, state: int) -> np.ndarray:
        """Return the rows in a state, sorted; not for those that nothing happened to."""
        if self.is_dense:
            return np.flatnonzero(self._is_in(state, slice(0, self.n_used)))
        rows, slots = self.sorted
        return rows[self._is_in(state, slots)]

    def fill(self, state: int, mask: np.ndarray) -> None:
        """Write into a mask of all rows which are in a state, of those that were touched."""
        rows, at = self.touched()
        mask[rows] = self._is_in(state, at)

    def _is_in(self, state: int, slots: Any) -> np.ndarray:
        """Tell which slots are of rows in a state."""
        is_held = self.is_held[slots]
        return is_held.copy() if state == HELD_OUT else (self.states[slots] == state) & ~is_held
