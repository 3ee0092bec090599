"""A pool as it was, from its record, and as it is now, whatever happens to it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..data.rows import Rows
from .classes import turns
from .ledger import Ledger
from .log import OF_LABELS, Log
from .pool import Pool


class Still:
    """What a ledger tells, all of it as of the moment at which this was made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self.now = ledger, ledger.now

    @property
    def log(self) -> Log:
        """What has happened, and maybe more since."""
        return self._ledger.log

    @cached_property
    def _apart(self) -> Ledger:
        """A ledger of its own, for when the other one has moved on."""
        now = self.now
        log = self.log.trimmed(now.n_operations, now.n_events)
        return Ledger(now.rows, log, now.n_operations, now.n_events, now.ids)

    def read(self, look: Callable[..., Any], *args) -> Any:
        """Return what `look` finds in a ledger of this moment."""
        if self._ledger.now is self.now:
            found = self._ledger.read(look, *args)
            if self._ledger.now is self.now:
                return found
        return look(self._apart, *args)

    def members(self, state: int) -> np.ndarray:
        """Return the sorted row numbers in a state."""
        return self.read(Ledger.members, state)

    def touched_since(self, n: int, kinds: Sequence[int] | None = None) -> np.ndarray:
        """Return the rows that operations after the first n touched."""
        return self.read(Ledger.touched_since, n, kinds)

    def was_ever_unlabeled(self) -> bool:
        """Tell whether any row was ever without a label."""
        return self.read(Ledger.was_ever_unlabeled)


def at_rest(pool: Pool) -> Pool:
    """Return a pool that stays as it is now while others change this one; not to be changed."""
    return _with_ledger(pool, Still(pool.ledger))


def as_of(pool: Pool, n: int) -> Pool:
    """Return what a pool was after the first n operations, in memory and not to be changed."""
    ledger, now = pool.ledger, pool.ledger.now
    log = ledger.log.trimmed(n, _events_before(ledger, n))
    n_rows, rows = int(log.n_added.array.sum()), now.rows
    if n_rows < len(rows):
        rows = Rows(rows.slice(0, n_rows))
    return _with_ledger(pool, Ledger(rows, log, n, len(log.rows.array), now.ids))


def turning_points(pool: Pool) -> np.ndarray:
    """Return after how many operations other labels were there to learn from, ascending.

    From the last change of classes on: before it, labels were called otherwise.
    """
    ledger, now = pool.ledger, pool.ledger.now
    log, n = ledger.log, now.n_operations
    events = slice(0, now.n_events)
    is_learned = np.isin(log.events.array[events], OF_LABELS) & ~log.held.array[events]
    numbers = np.unique(log.operations.array[events][is_learned]).tolist()
    undoing = [number for number in list(log.undone) if number < n]
    points = np.unique([0, *numbers, *undoing, *turns(log, n).tolist()])
    return points[points >= first_alike(pool) - 1] + 1


def first_alike(pool: Pool) -> int:
    """Return after how many operations classes were called as they are now; at least one."""
    changes = turns(pool.ledger.log, pool.n_operations)
    return int(changes.max(initial=0)) + 1


def _with_ledger(pool: Pool, ledger) -> Pool:
    """Return a pool that tells what this one does, of another ledger."""
    other = Pool.__new__(Pool)
    vars(other).update(vars(pool), ledger=ledger)
    return other


def _events_before(ledger: Ledger, n: int) -> int:
    """Return how many events the first n operations consist of."""
    now = ledger.now
    return now.n_events if n >= now.n_operations else int(ledger.log.first.array[n])
