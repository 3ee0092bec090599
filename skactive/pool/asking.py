"""In which order the rows of the test side are asked for, and which of their labels count.

The order is that of a hash of each row, so that whoever stops anywhere has a random sample of the
side. Labels count as far as every row before them has an answer, whoever gave it and when, but for
rows that joined later: which rows these are follows from the hash, and not from anybody's choice.
All of it is read from the record; nothing is kept but the order itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..data.chance import uniform_by_row
from .fold import HELD_OUT, LABELED, RESERVED, SKIPPED, UNLABELED
from .ledger import Ledger
from .log import FINAL, NOTHING, OPINION, SKIP, UNSURE
from .test_side import keys_of, words_of

_ANSWERS = (OPINION, UNSURE, FINAL, SKIP)


class Counted(NamedTuple):
    """The test rows whose answers count, in the order in which they are asked for."""

    rows: np.ndarray = NOTHING  # that have a label
    n_skipped: int = 0  # rows among them of which nobody could tell
    n_waiting: int = 0  # labels of other test rows, which do not count
    next_row: int | None = None  # the first row without an answer; None: there is none
    is_reserved: bool = False  # whether that one is reserved
    groups: np.ndarray | None = None  # hashes of the groups of the rows, where there are some


def order_of(ledger: Ledger) -> np.ndarray:
    """Return the rows of the test side in the order in which they are asked for."""
    now = ledger.now
    known = ledger.derived.get("test order")
    if known is not None and known[0] is now.side and known[1] == len(now.rows):
        return known[2]
    rows, side = np.flatnonzero(ledger.mask(HELD_OUT)), now.side
    if side is None:
        return NOTHING
    # By rows even where groups decide on the side: neighbours in the order have little in common.
    keys = keys_of(rows, None if now.ids is None else now.ids.hashes)
    rows = rows[np.argsort(uniform_by_row(keys, words_of(side.seed)), kind="stable")]
    if ledger.now is now:
        ledger.derived["test order"] = now.side, len(now.rows), rows
    return rows


def counted(ledger: Ledger) -> Counted:
    """Return which answers on the test side count: no row was there before them without one."""
    order, side, log, n = order_of(ledger), ledger.now.side, ledger.log, ledger.now.n_operations
    states = ledger.slots.states_of(order)
    is_open = (states != LABELED) & (states != SKIPPED)
    answered = np.flatnonzero(~is_open)
    end = int(answered.max(initial=-1)) + 1
    # Rows that joined after an answer were no reason to wait for them.
    joined = np.searchsorted(np.cumsum(log.n_added.array[:n]), order[:end], side="right")
    since = np.minimum.accumulate(np.where(is_open[:end], joined, n))
    counts = answered[since[answered] > first_answers(ledger, order[answered])]
    is_label = states[counts] == LABELED
    rows = order[counts[is_label]]
    first = int(is_open.argmax()) if is_open.any() else None
    return Counted(
        rows,
        int((~is_label).sum()),
        int((states == LABELED).sum()) - len(rows),
        None if first is None else int(order[first]),
        first is not None and bool(states[first] == RESERVED),
        ledger.groups.array[rows] if side is not None and side.is_by_group else None,
    )


def to_ask(ledger: Ledger, most: int) -> np.ndarray:
    """Return the rows to ask for next, in their order, until so many have a label.

    They are those of the first rows to which nothing has happened; a row that was skipped makes
    room for another.
    """
    order, n = order_of(ledger), most
    while True:  # most often the first ones are enough, however many there are
        states = ledger.slots.states_of(order[:n])
        is_one_of_them = np.cumsum(states != SKIPPED) <= most
        if n >= len(order) or np.count_nonzero(states != SKIPPED) >= most:
            return order[:n][is_one_of_them & (states == UNLABELED)]
        n = max(2 * n, 1)


def first_answers(ledger: Ledger, rows: np.ndarray) -> np.ndarray:
    """Return the operations by which rows first had an answer, whether or not it was undone."""
    log, first = ledger.log, np.full(len(rows), -1, dtype=np.int64)
    events = ledger.last_events(rows)
    while (events >= 0).any():
        is_answer = (events >= 0) & np.isin(log.kinds_of(events), _ANSWERS)
        first[is_answer] = events[is_answer]
        events = np.where(events >= 0, log.previous.array[events], -1)
    return log.operations_of(first)


def n_until_answered(ledger: Ledger, rows: np.ndarray) -> int:
    """Return after how many operations all of these rows had first had an answer."""
    return int(first_answers(ledger, rows).max(initial=0)) + 1
