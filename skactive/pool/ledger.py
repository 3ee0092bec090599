"""Who is in which state, with which label, reserved for whom: arrays that many changes keep up."""

import numpy as np

from ..data.labels import merge_dtype
from .history import LABELED, RESERVED, STATE_NAMES, UNLABELED


class Ledger:
    """States, labels and reservations of n rows, numbered from 0.

    A change of k rows costs O(k), however many rows there are; the sorted row numbers of a state
    are brought up to date when they are asked for. Nothing is refused here.
    """

    def __init__(self):
        self.n_rows = 0
        self.names: dict[int, str | None] = {}
        self.counts = np.zeros(len(STATE_NAMES), dtype=np.int64)
        self._states = np.zeros(0, dtype=np.int8)
        self._labels: np.ndarray | None = None
        self._sorted: dict[int, np.ndarray] = {}
        self._touched: dict[int, list[np.ndarray]] = {}

    @property
    def states(self) -> np.ndarray:
        """State of every row, shape (n,), int8."""
        return self._states[: self.n_rows]

    @property
    def labels(self) -> np.ndarray | None:
        """Label of every row, arbitrary where there is none; None if there never was any."""
        return None if self._labels is None else self._labels[: self.n_rows]

    @property
    def dtype(self) -> np.dtype | None:
        """Dtype of the labels; None if there never was any."""
        return None if self._labels is None else self._labels.dtype

    def grow(self, n_added: int) -> None:
        """Make room for more rows, ahead of need so that many small additions stay cheap."""
        self.n_rows += n_added
        self.counts[UNLABELED] += n_added
        if self.n_rows <= len(self._states):
            return
        capacity = max(self.n_rows, len(self._states) * 5 // 4)
        self._states = _lengthened(self._states, capacity)
        if self._labels is not None:
            self._labels = _lengthened(self._labels, capacity)

    def snapshot(self, rows: np.ndarray):
        """Return states, labels and names of rows as they are now, None where there are none."""
        states = self._states[rows]
        labels = names = None
        if self._labels is not None and (states == LABELED).any():
            labels = self._labels[rows]
        if (states == RESERVED).any():
            names = tuple(self.names.get(row) for row in rows.tolist())
        return states, labels, names

    def write(self, rows: np.ndarray, states: np.ndarray, labels, names) -> None:
        """Give distinct rows their states, labels and names."""
        old = self._states[rows]
        is_labeled = states == LABELED
        if is_labeled.any():
            n_kept = int(self.counts[LABELED]) - int((old == LABELED).sum())
            self._store(rows[is_labeled], labels[is_labeled], n_kept)
        for state in self._sorted:
            moved = rows[(old == state) != (states == state)]
            if len(moved):
                self._touched.setdefault(state, []).append(moved)
        self.counts += np.bincount(states, minlength=4) - np.bincount(old, minlength=4)
        self._states[rows] = states
        for row in rows[old == RESERVED].tolist():
            del self.names[row]
        for position in np.flatnonzero(states == RESERVED).tolist():
            self.names[int(rows[position])] = names[position]

    def members(self, state: int) -> np.ndarray:
        """Return the sorted row numbers in a state, shape (m,), read-only."""
        members = self._sorted.get(state)
        touched = self._touched.pop(state, [])
        if members is None or 8 * sum(map(len, touched)) > self.n_rows:
            members = np.flatnonzero(self.states == state)
        elif touched:
            rows = np.unique(np.concatenate(touched))
            at = np.searchsorted(members, rows)
            found = at < len(members)
            found[found] = members[at[found]] == rows[found]
            members = np.delete(members, at[found])
            entered = rows[self._states[rows] == state]
            members = np.insert(members, np.searchsorted(members, entered), entered)
        members.flags.writeable = False
        self._sorted[state] = members
        return members

    def recast(self, dtype: np.dtype | None) -> None:
        """Keep labels in a dtype that held all of them before, now that what came since is gone."""
        if dtype is None:  # which numpy would take for float64
            self._labels = None
        elif self._labels is not None and self._labels.dtype != dtype:
            rows, labels = self.members(LABELED), self._labels
            self._labels = np.zeros(len(labels), dtype=dtype)
            self._labels[rows] = labels[rows]

    def _store(self, rows: np.ndarray, labels: np.ndarray, n_kept: int) -> None:
        """Keep labels, in a dtype that holds them beside those of the `n_kept` other rows."""
        dtype = np.dtype(object) if labels.dtype.kind in "OU" else labels.dtype
        if self._labels is None or (n_kept == 0 and self._labels.dtype != dtype):
            self._labels = np.zeros(len(self._states), dtype=dtype)
        elif self._labels.dtype != dtype:
            self._labels = self._labels.astype(merge_dtype(self._labels.dtype, dtype), copy=False)
        self._labels[rows] = labels


def _lengthened(array: np.ndarray, capacity: int) -> np.ndarray:
    """Return the array with zeros behind it."""
    out = np.zeros(capacity, dtype=array.dtype)
    out[: len(array)] = array
    return out
