"""Who is in which state, with which label, reserved for whom: columns that follow the history."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from ..data.labels import merge_dtype
from ..data.rows import Rows
from . import history as hist
from .history import LABELED, RESERVED, STATE_NAMES, UNLABELED, Change, Operation, joined

Found = TypeVar("Found")
NOTHING = np.zeros(0, dtype=np.int64)
NOTHING.flags.writeable = False
_TRIES = 100  # to read while another thread writes, which takes it some microseconds


class Moment(NamedTuple):
    """A pool between two operations; never changed, only replaced by the next."""

    n_operations: int
    rows: Rows
    counts: np.ndarray  # of rows in each state


class Columns:
    """State and label of every row, and for whom it is reserved, after so many operations."""

    def __init__(self) -> None:
        self.n_followed = 0
        self.states = np.zeros(0, dtype=np.int8)
        self.labels: np.ndarray | None = None  # None if there never was one
        self.names: dict[int, str | None] = {}

    def make_room(self, n: int) -> None:
        """Be long enough for n rows."""
        for name in ("states", "labels"):
            column = getattr(self, name)
            if column is not None and len(column) < n:
                # Ahead of need, so that many small additions stay cheap.
                longer = np.zeros(max(n, len(column) * 5 // 4), dtype=column.dtype)
                longer[: len(column)] = column
                setattr(self, name, longer)

    def write(self, op: Operation, dtype: np.dtype | None) -> None:
        """Give the rows of an operation what they have after it, and labels this dtype.

        Whatever interrupts it, writing the same again completes it.
        """
        rows, is_labeled = op.rows, op.states_after == LABELED
        if dtype is None:  # which numpy would take for float64
            self.labels = None
        else:
            labels = self.labels
            if labels is None or labels.dtype != dtype:
                labels = self._recast(dtype, rows)
            if op.labels_after is not None:
                labels[rows[is_labeled]] = op.labels_after[is_labeled]
            self.labels = labels
        self.states[rows] = op.states_after
        for row in rows[op.states_before == RESERVED].tolist():
            self.names.pop(row, None)
        if op.names_after is not None:
            is_reserved = (op.states_after == RESERVED).tolist()
            pairs = zip(rows.tolist(), op.names_after, is_reserved, strict=True)
            self.names.update((row, name) for row, name, reserved in pairs if reserved)

    def _recast(self, dtype: np.dtype, leaving: np.ndarray) -> np.ndarray:
        """Return the labels in another dtype, without those of the rows that are to be written."""
        new = np.zeros(len(self.states), dtype=dtype)
        if self.labels is not None:
            # Where no label counts, something may be left that the dtype does not hold.
            is_kept = self.states == LABELED
            is_kept[leaving] = False
            kept = np.flatnonzero(is_kept)
            new[kept] = self.labels[kept]
        return new


class Ledger:
    """The history of a pool, and what follows from it.

    An operation has happened once `now` counts it: one assignment, which no interrupt leaves half
    done. Everything else follows from the history up to there. The columns are written by the
    thread that changes the pool; others believe them only if they agree with `now`, and `now` is
    the same after reading. A change of k rows costs O(k), however many rows there are. Nothing is
    refused here.
    """

    def __init__(self, rows: Rows, history: Sequence[Operation] = ()) -> None:
        self.history = list(history)  # what is beyond now.n_operations has not happened
        counts = _gained(joined(history, "states_after"), joined(history, "states_before"))
        counts[UNLABELED] += len(rows)
        self.now = Moment(len(history), rows, counts)
        self.columns = Columns()
        self._sorted: dict[int, tuple[int, np.ndarray]] = {}  # state -> operations, members then
        self.follow()

    def __reduce__(self) -> tuple:
        # Columns are made again: they would come back read-only from a file that is mapped.
        return Ledger, (self.now.rows, self.since(0))

    def since(self, n: int) -> list[Operation]:
        """Return the operations after the first n."""
        return self.history[n : self.now.n_operations]

    def commit(self, change: Change) -> None:
        """Make a change happen, as one operation of the history."""
        self.follow()
        now, rows = self.now, self.now.rows
        if change.added is not None:
            rows = rows.copy()  # a moment keeps its own, whatever joins later
            for part in change.added.parts:
                rows.append(part, merge=change.merge)
        op = self._operation(change)
        counts = now.counts + _gained(op.states_after, op.states_before)
        counts[UNLABELED] += op.n_added
        # Not append: an interrupt before the next line leaves an operation that did not happen.
        self.history[now.n_operations :] = [op]
        self.now = Moment(now.n_operations + 1, rows, counts)
        self.follow()

    def follow(self) -> Columns:
        """Return the columns, up to date; not while another thread may change the pool."""
        columns, now = self.columns, self.now
        if columns.n_followed < now.n_operations:
            columns.make_room(len(now.rows))
        for position in range(columns.n_followed, now.n_operations):
            op = self.history[position]
            labels = columns.labels if op.labels_after is None else op.labels_after
            dtype = None if labels is None else labels.dtype
            if op.undone:  # the dtype goes back with the labels
                dtype = hist.dtype_of_labels(self.history, position + 1)
            columns.write(op, dtype)
            columns.n_followed = position + 1  # last, or an interrupted write would count
        return columns

    def read(self, look: Callable[..., Found], *args) -> Found:
        """Return what `look` finds in a ledger with this history, all of it as of one moment."""
        for _ in range(_TRIES):
            now = self.now
            if self.columns.n_followed == now.n_operations:
                found = look(self, *args)
                if self.now is now:  # no change began meanwhile, and writing comes after that
                    return found
            time.sleep(0)  # another thread is writing
        # An interrupt kept the columns from following, or changes do not end: make others.
        now = self.now
        other = Ledger(now.rows, self.history[: now.n_operations])
        found = look(other, *args)
        if self.columns.n_followed < now.n_operations:
            self.columns = other.columns
        return found

    def snapshot(self, rows: np.ndarray) -> tuple:
        """Return states, labels and names of rows as they are now, None where there are none."""
        columns = self.follow()
        states = columns.states[rows]
        labels = names = None
        if columns.labels is not None and (states == LABELED).any():
            labels = columns.labels[rows]
        if (states == RESERVED).any():
            names = tuple(columns.names.get(row) for row in rows.tolist())
        return states, labels, names

    def mask(self, state: int) -> np.ndarray:
        """Return a mask of the rows in a state, shape (n,)."""
        return self.columns.states[: len(self.now.rows)] == state

    def members(self, state: int) -> np.ndarray:
        """Return the sorted row numbers in a state, shape (m,), read-only."""
        end = self.now.n_operations
        n, members = self._sorted.get(state, (0, NOTHING))
        if n >= end:
            return members
        since = self.history[n:end] if n else []
        if n and 8 * sum(len(op.rows) for op in since) <= len(self.now.rows):
            n, members = end, _moved(members, state, since)
        else:  # quicker than sorting
            n, members = self.read(
                lambda ledger: (ledger.now.n_operations, np.flatnonzero(ledger.mask(state)))
            )
        members.flags.writeable = False
        self._sorted[state] = n, members
        return members

    def _operation(self, change: Change) -> Operation:
        """Return a change as an operation of now, with what was before."""
        rows, states, labels = change.rows, change.states, None
        is_new = change.added is not None
        before = (np.zeros_like(states), None, None) if is_new else self.snapshot(rows)
        is_labeled = states == LABELED
        if is_labeled.any():
            n_kept = self.now.counts[LABELED] - (before[0] == LABELED).sum()
            labels = np.zeros(len(rows), dtype=self._dtype_with(change, n_kept))
            labels[is_labeled] = change.labels[is_labeled]
        return Operation(
            change.kind,
            rows,
            states_before=before[0],
            states_after=states,
            labels_before=before[1],
            labels_after=labels,
            names_before=before[2],
            names_after=change.names,
            annotator=change.annotator,
            time=time.time(),
            n_added=change.n_added,
            undone=change.undone,
        )

    def _dtype_with(self, change: Change, n_kept: int) -> np.dtype:
        """Return a dtype that holds the labels of a change beside those of `n_kept` other rows."""
        new, held = change.labels.dtype, self.columns.labels
        new = np.dtype(object) if new.kind in "OU" else new
        if held is None or n_kept == 0 or change.undone:  # which brings its dtype with it
            return new
        return merge_dtype(held.dtype, new)


def _moved(members: np.ndarray, state: int, operations: list) -> np.ndarray:
    """Return the sorted members of a state after operations that came since."""
    was, is_now = (joined(operations, name) == state for name in ("states_before", "states_after"))
    rows = joined(operations, "rows")[was != is_now]
    rows, times = np.unique(rows, return_counts=True)
    rows = rows[times % 2 == 1]  # who came and went an even number of times is where they were
    at = np.searchsorted(members, rows)
    is_member = at < len(members)
    is_member[is_member] = members[at[is_member]] == rows[is_member]
    if is_member.any():
        members, rows = np.delete(members, at[is_member]), rows[~is_member]
        at = np.searchsorted(members, rows)
    return np.insert(members, at, rows)


def _gained(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return how many rows more are in each state."""
    n = len(STATE_NAMES)
    return np.bincount(after, minlength=n) - np.bincount(before, minlength=n)
