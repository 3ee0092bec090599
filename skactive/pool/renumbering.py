"""The log of a pool over rows that stand elsewhere now: its row numbers are made those of today."""

from __future__ import annotations

import numpy as np

from ..data.ids import Ids
from .fold import UNLABELED
from .ledger import Ledger
from .log import ADDING, KINDS, LABELS_IN, NOTHING, Column, Log


def touched_rows(log: Log) -> np.ndarray:
    """Return the rows that anything ever happened to, sorted."""
    return np.union1d(log.base[0], log.rows.array)


def followed(before: Ledger, saved: Ids, now: Ids, missing: str) -> Log:
    """Return the log of a pool over other rows, which are known by their ids.

    `before` is its ledger as it was saved, `saved` the ids of its touched rows, in their order, and
    `now` those of all rows as they are. Rows that are gone are refused if anything is known of
    them, unless `missing` is "drop".
    """
    if len(saved) and saved.is_text != now.is_text:
        ours, theirs = ("text", "integers") if saved.is_text else ("integers", "text")
        raise ValueError(
            f"Pool.load got ids that are {theirs}, and the pool was saved with {ours}; write "
            f"np.array(ids).astype({'str' if saved.is_text else 'int'})."
        )
    rows, numbers = touched_rows(before.log), now.find(saved)
    is_gone = numbers < 0
    if missing == "refuse" and is_gone.any():
        is_gone &= before.found(rows)[0] != UNLABELED
        if is_gone.any():
            count, first = int(is_gone.sum()), saved[int(is_gone.argmax())]
            raise ValueError(
                f"X lacks {count} row{'s' * (count > 1)} of which the pool holds labels, skips or "
                f"reservations, such as {first!r}; give all of them, or write missing='drop' to "
                f"forget what was said of them."
            )
    return renumbered(before.log, rows, numbers, len(before.now.rows), len(now))


def renumbered(log: Log, rows: np.ndarray, numbers: np.ndarray, n: int, n_now: int) -> Log:
    """Return a log whose touched rows have other numbers; what is told of -1 is left out.

    The pool had n rows and has n_now. All operations stay, those too of which nothing is left.
    """
    moved = numbers[np.searchsorted(rows, log.rows.array)]
    kept, based = moved >= 0, numbers[np.searchsorted(rows, log.base[0])]
    new = log.trimmed(len(log.kinds.array), len(log.rows.array))
    place = np.cumsum(kept) - 1  # of each event among those that are left
    for name in ("operations", "events", "names", "held", "labels"):
        column = getattr(new, name)
        column.array = column.array[kept]
    new.rows = Column(moved[kept])
    previous = new.previous.array[kept]  # of the same row, and so left as well
    new.previous = Column(np.where(previous < 0, -1, place[previous]))
    new.first = Column(np.searchsorted(new.operations.array, np.arange(len(new.kinds.array))))
    new.notes = {int(place[at]): note for at, note in new.notes.items() if kept[at]}
    order = np.argsort(based)[(based < 0).sum() :]
    labels = log.base[1]
    new.base = (
        (based[order], labels[order]) if labels is not None and len(order) else (NOTHING, None)
    )
    is_label = np.isin(new.events.array, LABELS_IN)
    with_labels = {*new.operations.array[is_label].tolist(), *([0] if len(order) else [])}
    new.dtypes = {key: dtype for key, dtype in new.dtypes.items() if key in with_labels}
    # Rows that came since were there from the start. Where others stand elsewhere, nobody knows
    # any more which ones an operation added.
    added = new.n_added.array
    if n_now >= n and np.array_equal(rows, numbers):
        added[0] += n_now - n
    else:
        added[np.isin(new.kinds.array, [KINDS.index(kind) for kind in ADDING])] = 0
        added[0] = n_now
    return new
