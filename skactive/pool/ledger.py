"""The log of a pool, and what follows from it: states, labels and reservations of rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..data.ids import Ids
from ..data.labels import merge_dtype
from ..data.multilabel import is_multilabel
from ..data.row_numbers import distinct, is_among
from ..data.rows import Rows
from .classes import changed_between, class_changes, dtype_with, new_dtype, renamed
from .fold import BASE, HELD_OUT, LABELED, RESERVED, SKIPPED, UNLABELED, Folded, fold
from .log import (
    CLOSE,
    EVENT_NAMES,
    KINDS,
    NOTHING,
    OPINION,
    RELEASE,
    RESERVE,
    RESTORE,
    SKIP,
    UNSURE,
    Change,
    Column,
    Log,
    previous_of,
)
from .slots import Slots, inserted
from .test_side import HoldOut, Taken, groups_in, groups_of, hold_out_of, keys_of

Found = TypeVar("Found")
Names = dict[int, tuple[str | None, ...]]
_TRIES = 100  # to read while another thread writes, which takes it some microseconds
# What becomes of a row that nothing has happened to, by the event; -1: that is folded
_STATE_AFTER = np.full(len(EVENT_NAMES), -1, dtype=np.int8)
_STATE_AFTER[[OPINION, UNSURE, SKIP, RESERVE]] = [LABELED, SKIPPED, SKIPPED, RESERVED]
_N_COUNTS = 2 * HELD_OUT  # of rows in each of the four states, and behind them those held out


class Moment(NamedTuple):
    """A pool between two operations; never changed, only replaced by the next."""

    n_operations: int
    n_events: int
    rows: Rows
    counts: np.ndarray  # of rows in each of four states, and of those held out by the same ones
    dtype: np.dtype | None  # of the labels; None: there never was one
    side: HoldOut | None = None  # the test side, if there is one
    ids: Ids | None = None  # of the rows; None: they have none

    @property
    def n_held_out(self) -> int:
        """Number of rows on the test side."""
        return int(self.counts[HELD_OUT:].sum())

    @property
    def n_labels(self) -> int:
        """Number of rows that have a label, on both sides."""
        return sum(self.counts.tolist()[LABELED::HELD_OUT])


class Effect(NamedTuple):
    """What an operation makes of the rows that it touches."""

    rows: np.ndarray
    states: np.ndarray
    is_held: Any  # (k,) whether they are on the test side, or one for all
    last: Any  # (k,) their last events, or one for all
    labels: Any  # (k,) meaningful where a row is labelled; None where none is
    names: Names  # for whom rows are reserved, where they are
    dtype: np.dtype | None  # of all labels afterwards
    is_first: bool = False  # that happened to these rows


class Ledger:
    """What is known of rows, which follows from the log.

    An operation has happened once `now` counts it: one assignment, which no interrupt leaves half
    done. Everything else follows from the log up to there. The slots are written by the thread
    that changes the pool; others believe them only if they agree with `now`, and `now` is the same
    after reading. A change of k rows costs O(k), however many rows there are. Nothing is refused
    here.
    """

    def __init__(
        self,
        rows: Rows,
        log: Log | None = None,
        n: int = 0,
        n_events: int = 0,
        ids: Ids | None = None,
    ) -> None:
        self.log = Log() if log is None else log
        self._lock = threading.RLock()  # of whoever changes the pool
        counts = np.zeros(_N_COUNTS, dtype=np.int64)
        self.now = Moment(n, n_events, rows, counts, None, ids=ids)
        self._ids = ids  # those of rows that are about to join included
        self.slots = Slots(len(rows))
        self._n_followed = 0
        self.derived: dict[str, Any] = {}  # by others from what is here, and as of when
        # Hashes of every row's group, where groups decide on the test side
        self.groups = Column(groups_of(self.log, n))
        self._taken = Taken()
        self._sorted: dict[int, tuple[int, np.ndarray]] = {}  # state -> operations, members then
        if n:
            self._begin_again()
            side = hold_out_of(self.log, n)[1]
            touched = self.slots.touched()[0]
            counts = np.bincount(self._in_counts(touched, side), minlength=_N_COUNTS)
            counts += self._counts_of_untouched(len(rows), side, 0, touched)
            self.now = self.now._replace(counts=counts, dtype=self.dtype_after(n), side=side)

    def __reduce__(self) -> tuple:
        # Slots are made again: they would come back read-only from a file that is mapped.
        now = self.now
        n, n_events = now.n_operations, now.n_events
        return Ledger, (now.rows, self.log.trimmed(n, n_events), n, n_events, now.ids)

    def changed(self, work: Callable[[], Found]) -> Found:
        """Return what some work returns, which commits a change at most, while nobody else does."""
        with self._lock:
            return work()

    def told(self) -> dict[str, Any]:
        """Return what others have set for the pool as a whole since this was asked."""
        return {}

    def keep(self, settings: Mapping[str, Any]) -> None:
        """Write down what is set for the pool as a whole; a pool in memory has it already."""

    def refresh(self) -> None:
        """Take in what others wrote; nobody else writes to a pool in memory."""

    def close(self) -> None:
        """Let go of what holds the pool; memory does not."""

    def commit(self, change: Change) -> None:
        """Make a change happen, as one operation."""
        self.follow()
        now, rows, n = self.now, self.now.rows, self.now.n_operations
        if isinstance(change.added, Rows):
            rows = rows.copy()  # a moment keeps its own, whatever joins later
            for part in change.added.parts:
                rows.append(part, merge=change.merge)
        # In a merged table several people may say something of a row.
        before = previous_of(change.rows) if change.kind == "merge" else NOTHING
        is_fresh = n == 0 or (before.max(initial=-1) < 0 and self._is_fresh(change.rows))
        dtype, change = self.with_dtype(change, is_fresh)
        change, side = self.sided(change)
        ids = self._ids
        previous: Any = -1 if is_fresh else self.last_events(change.rows)
        if len(before) and not is_fresh:
            previous = np.where(before < 0, previous, now.n_events + before)
        n_events = self.log.write(change, n, now.n_events, previous, dtype)
        effect = self._effect_of(n, n_events, is_fresh)
        counts = self._counts_after(effect, change.n_added, side)
        self.now = Moment(n + 1, n_events, rows, counts, effect.dtype, side, ids)
        self._write(n, effect)

    def sided(self, change: Change) -> tuple[Change, HoldOut | None]:
        """Return a change that says on which side its rows are, and the test side after it."""
        n, now = len(self.now.rows), self.now
        self._ids = now.ids if change.ids is None else change.ids
        side = now.side or HoldOut.of(change.detail)
        if side is None:
            return change, None
        groups = groups_in(change.detail)
        if len(groups):
            self.groups.put(n + change.n_added - len(groups), groups, len(groups))
        if side is not now.side:
            return change, side  # it begins, and who planned it knows
        held = self.is_held(change.rows, side)
        if not side.is_by_group:  # rows that join with an answer: somebody chose them
            held[change.rows >= n] = False
        return change._replace(held=held), side

    def _counts_after(self, effect: Effect, n_added: int, side: HoldOut | None) -> np.ndarray:
        """Return how many rows are in each state once an operation has happened."""
        now, n, counts = self.now, len(self.now.rows), self.now.counts.copy()
        if side is now.side or n == 0:
            counts += self._counts_of_untouched(n_added, side, n)
        else:  # it begins: what nothing has happened to is counted anew
            touched = self.slots.touched()[0]
            counts += self._counts_of_untouched(n, side, 0, touched)
            counts[UNLABELED] -= n - len(touched)
        counts += np.bincount(effect.states + HELD_OUT * effect.is_held, minlength=_N_COUNTS)
        if effect.is_first and side is None:  # quicker, and so in most pools
            counts[UNLABELED] -= len(effect.rows)
            return counts
        before = self._in_counts(effect.rows, now.side if n else side)
        return counts - np.bincount(before, minlength=_N_COUNTS)

    def is_held(self, rows: np.ndarray, side: HoldOut | None) -> np.ndarray:
        """Tell which rows are on the test side."""
        at = self.slots.find(rows)
        held = self.slots.is_held[at]
        if side is not None:
            is_new = ~self.slots.is_touched(at)
            held[is_new] = side.takes(keys_of(rows[is_new], self._keys(side)))
        return held

    def _keys(self, side: HoldOut) -> np.ndarray | None:
        """Return by what rows are on a side: hashes of groups or ids; None: by their numbers."""
        if side.is_by_group:
            return self.groups.array
        return None if self._ids is None else self._ids.hashes

    def _in_counts(self, rows: np.ndarray, side: HoldOut | None) -> np.ndarray:
        """Return where rows are counted."""
        return self.slots.states_of(rows) + HELD_OUT * self.is_held(rows, side)

    def _counts_of_untouched(
        self, n: int, side: HoldOut | None, first: int, but: np.ndarray = NOTHING
    ) -> np.ndarray:
        """Return counts of n rows from one on, those that nothing happened to; `but` others."""
        counts, n_held = np.zeros(_N_COUNTS, dtype=np.int64), 0
        if side is not None and n > len(but):
            keys = self._keys(side)
            n_held = sum(int(mask.sum()) for _, mask in side.blocks(first, first + n, keys))
            n_held -= int(side.takes(keys_of(but, keys)).sum())
        counts[UNLABELED], counts[HELD_OUT] = n - len(but) - n_held, n_held
        return counts

    def follow(self) -> Slots:
        """Return the slots, up to date; not while another thread may change the pool."""
        now = self.now
        for n in range(self._n_followed, now.n_operations):
            stop = self.log.span(n, now.n_operations, now.n_events).stop
            self._write(n, self._effect_of(n, stop))
        return self.slots

    def _begin_again(self) -> None:
        """Make the slots from the log, all at once."""
        log, now = self.log, self.now
        events = np.arange(now.n_events)
        rows, at = np.unique(log.rows.array[events][::-1], return_index=True)
        based = np.setdiff1d(log.base[0], rows, assume_unique=True)
        last = np.append(now.n_events - 1 - at, np.full(len(based), -1))
        rows = np.append(rows, based)
        self.slots = Slots(len(now.rows), len(rows))
        n = now.n_operations
        for number, undone in list(log.undone.items()):
            if number < n:
                log.dead.array[list(undone)] = number
        self._write(n - 1, self._folded(rows, last, n, now.n_events))

    def _is_fresh(self, rows: np.ndarray) -> bool:
        """Tell whether nothing has happened to any of the rows, nor have they slots apart."""
        slots, at = self.slots, self.slots.find(rows)
        return not (slots.is_touched(at) if slots.is_dense else at >= 0).any()

    def _effect_of(self, n: int, n_events: int, is_fresh: bool | None = None) -> Effect:
        """Return what operation n made of the rows that it touched."""
        log = self.log
        events = log.span(n, n + 1, n_events)
        rows = log.rows.array[events]
        if n == 0:
            rows, labels = log.base
            states, dtype = np.full(len(rows), LABELED, dtype=np.int8), self.dtype_after(1)
            return Effect(rows, states, False, -1, labels, {}, dtype, is_first=bool(is_fresh))
        numbers, touched = np.arange(events.start, events.stop), rows
        if n in log.undone:
            log.dead.array[list(log.undone[n])] = n  # counts from operation n on
            spans = [log.span(one, n + 1, n_events) for one in log.undone[n]]
            touched = distinct(np.concatenate([log.rows.array[span] for span in spans]))
        if changed_between(log, n, n + 1):
            touched = np.union1d(touched, self.with_label())
        if touched is not rows:
            last = self.last_events(touched)
            last[np.searchsorted(touched, rows)] = numbers
            return self._folded(touched, last, n + 1, n_events)
        states = _STATE_AFTER[log.events.array[events]]
        if is_fresh is None:
            is_fresh = self._is_fresh(rows) and len(distinct(rows)) == len(rows)
        if not is_fresh or (states < 0).any():
            rows, at = np.unique(rows[::-1], return_index=True)
            return self._folded(rows, numbers[::-1][at], n + 1, n_events)
        labels, dtype = None, self.dtype_after(n + 1)
        if n in log.dtypes and dtype is not None:
            labels = log.labels.array[events].astype(dtype)
        whose: Names = {}
        is_reserved = states == RESERVED
        if is_reserved.any():
            names = log.names_of(numbers[is_reserved]).tolist()
            whose = {
                row: (name,) for row, name in zip(rows[is_reserved].tolist(), names, strict=True)
            }
        is_held = log.held.array[events]
        return Effect(rows, states, is_held, numbers, labels, whose, dtype, is_first=True)

    def _folded(self, rows: np.ndarray, last: np.ndarray, n: int, n_events: int) -> Effect:
        """Return what is true of distinct rows after n operations, by all of their events."""
        log, dtype = self.log, self.dtype_after(n)
        found = fold(log, rows, last, n, n_events)
        is_labeled = found.states == LABELED
        is_held = last >= 0  # rows that came with a label, and nothing since, are not
        is_held[is_held] = log.held.array[last[is_held]]
        labels = None
        if dtype is not None:
            labels = np.zeros(len(rows), dtype=dtype)
            decisive = found.decisive[is_labeled]
            labels[is_labeled] = self.labels_of(rows[is_labeled], decisive, n, dtype)
        names: Names = {}
        for place, code in zip(*(part.tolist() for part in found.reservations), strict=True):
            row = int(rows[place])
            names[row] = (*names.get(row, ()), log.people[code])
        return Effect(rows, found.states, is_held, last, labels, names, dtype)

    def found(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return states of rows, whatever side they are on, and labels, None where there are none.

        Not while another thread may change the pool.
        """
        slots, labels = self.follow(), None
        at = slots.find(rows)
        states = slots.states[at]
        if slots.labels is not None and (states == LABELED).any():
            labels = slots.labels[at]
        return states, labels

    def folded(self, rows: np.ndarray) -> Folded:
        """Return what is true of distinct rows, with every opinion that stands."""
        now = self.now
        return fold(self.log, rows, self.last_events(rows), now.n_operations, now.n_events)

    def last_events(self, rows: np.ndarray) -> np.ndarray:
        """Return the last event of each row, -1 where there is none."""
        return self.slots.last[self.slots.find(rows)]

    def labels_of(
        self, rows: np.ndarray, events: np.ndarray, n: int, dtype: np.dtype | None
    ) -> np.ndarray:
        """Return the labels that events carry, of these rows, as they were called by then."""
        # A name that a class had before may be of a wider dtype than the labels are now.
        log, is_renamed = self.log, bool(class_changes(self.log, n))
        labels = np.zeros(len(rows), dtype=object if is_renamed else dtype)
        is_based = events == BASE
        labels[~is_based] = log.labels.array[events[~is_based]]
        if is_based.any() and log.base[1] is not None:
            labels[is_based] = log.base[1][np.searchsorted(log.base[0], rows[is_based])]
        if is_renamed:
            renamed(log, events, labels, n)
            labels = labels.astype(dtype)
        return labels

    def _write(self, n: int, effect: Effect) -> None:
        """Give rows what they have after operation n; written again, it is the same."""
        n_rows, slots = len(self.now.rows), self.slots
        n_touched = sum(self.now.counts.tolist()[LABELED:HELD_OUT])
        if not slots.fits(n_rows, n_touched):
            slots = _moved(slots, n_rows, n_touched)
        at = slots.made(effect.rows, effect.is_first)
        slots.recast(effect.dtype, at)
        if effect.labels is not None:
            slots.labels[at] = effect.labels
        slots.states[at], slots.is_held[at] = effect.states, effect.is_held
        last = effect.last if effect.is_first else np.maximum(slots.last[at], effect.last)
        slots.last[at] = last
        for row in effect.rows.tolist() if slots.names else ():
            slots.names.pop(row, None)
        slots.names.update(effect.names)
        slots.cover(n_rows)
        self.slots = slots
        self._n_followed = n + 1  # last, or an interrupted write would count

    def with_label(self) -> np.ndarray:
        """Return the rows that have a label, on whichever side, sorted."""
        rows, at = self.slots.touched()
        return rows[self.slots.states[at] == LABELED]

    def with_dtype(self, change: Change, is_fresh: bool = False) -> tuple[np.dtype | None, Change]:
        """Return the dtype of a change's labels beside those that stay, and the change in it."""
        if change.kind == "classes":
            return dtype_with(change.detail, self.now.dtype), change
        if change.labels is None:
            return change.dtype, change
        has_label = change.has_label
        if not has_label.any():
            return change.dtype, change._replace(labels=None)
        new = change.labels.dtype
        new = np.dtype(object) if new.kind in "OU" else new
        n_kept = self.now.n_labels
        # Of what was decided, a label stays whatever is said.
        if n_kept and not is_fresh and not self.log.has_final:
            told = distinct(change.rows[has_label])
            n_kept -= (self.slots.states_of(told) == LABELED).sum()
        if self.now.dtype is not None and n_kept:
            new = merge_dtype(self.now.dtype, new)
        if has_label.all():
            is_same = change.labels.dtype == new
            return new, change if is_same else change._replace(labels=change.labels.astype(new))
        labels = np.zeros(len(change.rows), dtype=new)
        labels[has_label] = change.labels[has_label]
        return new, change._replace(labels=labels)

    def dtype_after(self, n: int, without: Sequence[int] = ()) -> np.dtype | None:
        """Return the dtype of the labels after n operations: it goes back where labels do."""
        log, dead = self.log, self.log.dead.array
        while True:
            try:
                for one in reversed(log.dtypes):
                    if one < n <= dead[one] and one not in without:
                        return np.dtype(log.dtypes[one])
                return None
            except RuntimeError:  # another thread wrote: what comes first has changed
                time.sleep(0)

    def dtype_without(self, undone: Sequence[int]) -> np.dtype | None:
        """Return the dtype of the labels that stand without some operations.

        None: what it was before them does, as always where nothing came after them. ValueError:
        text would stand beside numbers.
        """
        log, now = self.log, self.now
        # How many labels a row has follows from the classes alone.
        if len(log.dtype_names) < 2 or is_multilabel(now.dtype):
            return None
        rows, _ = self.follow().touched()
        last = self.last_events(rows)
        found = fold(log, rows, last, now.n_operations, now.n_events, undone)
        said = found.said[1]
        decisive = found.decisive[found.states == LABELED]
        dtypes = self._dtypes_of(decisive)
        dtypes |= {  # of names that labels have been given since
            new_dtype(detail)
            for number, detail in class_changes(log, now.n_operations)
            if len(detail["into"]) == 1
            and number not in undone
            and (decisive < log.first.array[number]).any()
        }
        before = self.dtype_after(now.n_operations, undone)
        if not dtypes or before is None:
            return None
        reduce(merge_dtype, dtypes | self._dtypes_of(said[log.kinds_of(said) == OPINION]))
        dtype = reduce(merge_dtype, dtypes)
        is_alike = (dtype.kind == "O") == (before.kind == "O")
        return None if is_alike and merge_dtype(before, dtype) == before else dtype

    def _dtypes_of(self, events: np.ndarray) -> set[np.dtype]:
        """Return the dtypes of labels when these of them were given."""
        numbers = set(self.log.operations.array[events[events != BASE]].tolist())
        numbers |= {0} if (events == BASE).any() else set()
        return {np.dtype(name) for name in {self.log.dtypes[number] for number in numbers}}

    def read(self, look: Callable[..., Found], *args) -> Found:
        """Return what `look` finds in a ledger with this log, all of it as of one moment."""
        for _ in range(_TRIES):
            now = self.now
            if self._n_followed == now.n_operations:
                try:
                    found = look(self, *args)
                except (ValueError, LookupError):  # parts of two moments do not fit together
                    if self.now is now:
                        raise
                    continue
                if self.now is now:  # no change began meanwhile, and writing comes after that
                    return found
            time.sleep(0)  # another thread is writing
        # An interrupt kept the slots from following, or changes do not end: make others.
        now = self.now
        log = self.log.trimmed(now.n_operations, now.n_events)
        return look(Ledger(now.rows, log, now.n_operations, now.n_events, now.ids), *args)

    def mask(self, state: int) -> np.ndarray:
        """Return a mask of the rows in a state, shape (n,)."""
        n, side, slots = len(self.now.rows), self.now.side, self.slots
        if side is None and state != HELD_OUT and slots.is_dense and slots.n_used >= n:
            return slots.states[:n] == state  # as in most pools
        mask = np.full(n, state == UNLABELED)
        if side is not None and state in (UNLABELED, HELD_OUT):
            mask[:] = self._taken.mask(side, n, self._keys(side))
            if state == UNLABELED:
                np.logical_not(mask, out=mask)
        slots.fill(state, mask)
        return mask

    def members(self, state: int) -> np.ndarray:
        """Return the sorted row numbers in a state, shape (m,), read-only."""
        if state == HELD_OUT:
            return self._held_out()
        end = self.now.n_operations
        n, members = self._sorted.get(state, (0, NOTHING))
        if n >= end:
            return members
        n, members = self.read(lambda ledger: ledger._members_after(state, n, members))
        members.flags.writeable = False
        self._sorted[state] = n, members
        return members

    def _held_out(self) -> np.ndarray:
        """Return the sorted row numbers on the test side, which stay: only new ones join."""
        n, members = self._sorted.get(HELD_OUT, (0, NOTHING))
        if self.now.side is None or n == len(self.now.rows):
            return members
        mask = self.read(Ledger.mask, HELD_OUT)
        members = np.flatnonzero(mask)
        members.flags.writeable = False
        self._sorted[HELD_OUT] = len(mask), members
        return members

    def _members_after(self, state: int, n: int, members: np.ndarray) -> tuple[int, np.ndarray]:
        """Return how many operations happened, and the rows in a state then, from those after n."""
        end, touched = self.now.n_operations, None
        if n and self.now.n_events - self.log.first.array[n] <= len(self.slots.states) // 8:
            touched = self.touched_since(n)
        if touched is None or 8 * len(touched) > len(self.slots.states):  # quicker than sorting
            return end, self._all_in(state)
        was, is_now = is_among(touched, members), self._in_counts(touched, self.now.side) == state
        gone, new = touched[was & ~is_now], touched[is_now & ~was]
        if len(gone):
            members = np.delete(members, members.searchsorted(gone))
        return end, inserted((members,), members.searchsorted(new), (new,))[0]

    def _all_in(self, state: int) -> np.ndarray:
        """Return the sorted row numbers in a state."""
        if state == UNLABELED:
            return np.flatnonzero(self.mask(state))
        return self.slots.in_state(state)

    def touched_since(self, n: int, kinds: Sequence[int] | None = None) -> np.ndarray:
        """Return the rows that operations after the first n touched, sorted; by such events."""
        log, now = self.log, self.now
        if n >= now.n_operations:
            return NOTHING
        if changed_between(log, n, now.n_operations):
            n = 0  # whatever has a label may be called otherwise
        spans = [slice(int(log.first.array[n]), now.n_events)]
        for number in range(n, now.n_operations) if n else ():
            undone = log.undone.get(number, ())
            spans += [log.span(one, now.n_operations, now.n_events) for one in undone]
        rows = [log.rows.array[span] for span in spans]
        if kinds is not None:
            events = [log.events.array[span] for span in spans]
            rows = [part[np.isin(are, kinds)] for part, are in zip(rows, events, strict=True)]
        if n == 0:
            rows.append(log.base[0])
        return distinct(np.concatenate(rows))

    def was_ever_unlabeled(self) -> bool:
        """Tell whether any row was ever without a label."""
        log, now = self.log, self.now
        kinds = log.events.array[: now.n_events]
        n_joined = log.n_added.array[: now.n_operations].sum()
        is_extend = log.kinds.array[log.operations.array[: now.n_events]] == KINDS.index("extend")
        return bool(
            n_joined > len(log.base[0]) + is_extend.sum()
            or np.isin(kinds, (CLOSE, RESTORE, RELEASE)).any()
            or log.undone
        )


def _moved(old: Slots, n_rows: int, n_touched: int) -> Slots:
    """Return the slots by row where they were few, or the other way round."""
    rows, at = old.touched()
    new = Slots(n_rows, n_touched)
    to = new.made(rows)
    for name in ("states", "is_held", "last"):
        getattr(new, name)[to] = getattr(old, name)[at]
    if old.labels is not None:
        new.recast(old.labels.dtype, to)
        new.labels[to] = old.labels[at]
    new.names = dict(old.names)
    return new
