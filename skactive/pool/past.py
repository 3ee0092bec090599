"""A pool as it was, from its record."""

import numpy as np

from ..data.rows import Rows
from .classes import turns
from .ledger import Ledger
from .log import OF_LABELS
from .pool import Pool


def as_of(pool: Pool, n: int) -> Pool:
    """Return what a pool was after the first n operations, in memory and not to be changed."""
    ledger, now = pool.ledger, pool.ledger.now
    log = ledger.log.trimmed(n, _events_before(ledger, n))
    n_rows, rows = int(log.n_added.array.sum()), now.rows
    if n_rows < len(rows):
        rows = Rows(rows.slice(0, n_rows))
    return pool._with_ledger(Ledger(rows, log, n, len(log.rows.array), now.ids))


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


def _events_before(ledger: Ledger, n: int) -> int:
    """Return how many events the first n operations consist of."""
    now = ledger.now
    return now.n_events if n >= now.n_operations else int(ledger.log.first.array[n])
