"""A saved pool over rows as they are now: row numbers of its log are made those of today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..data.ids import Ids, has_column, take_ids
from ..data.rows import Rows, row_index
from .fold import UNLABELED
from .ledger import Ledger
from .log import FINAL, KINDS, LABELS_IN, Column, Log
from .tags import tags_of
from .test_side import group_hashes, hold_out_of, without_groups


class Given(NamedTuple):
    """What `Pool.load` or `Pool.open` is told of the rows that it gets."""

    ids: Any = None
    groups: Any = None
    missing: str = "refuse"
    changed: str = "refuse"
    who: str = "Pool.load"

    def check(self) -> None:
        """Refuse words that are none of those that say what to do."""
        for name, other in (("missing", "drop"), ("changed", "accept")):
            value = getattr(self, name)
            if value not in ("refuse", other):
                raise ValueError(f"{self.who} got {name}={value!r}; write 'refuse' or {other!r}.")


class Placed(NamedTuple):
    """The rows of a pool as they are, with its log and their ids."""

    rows: Rows
    log: Log
    ids: Ids | None


def by_numbers(
    before: Ledger, X: Any, given: Given, differs: Callable[[Rows], str | None]
) -> Placed:
    """Find the rows of a pool that was saved without ids where they were, refusing other ones.

    `differs` says in what rows are others.
    """
    if given.missing == "drop":
        raise ValueError(
            f"{given.who} got missing='drop', and the pool was saved without ids, by which alone a "
            f"row is missed; leave it out."
        )
    side = before.now.side
    if given.ids is not None and side is not None and not side.is_by_group:
        raise ValueError(
            f"{given.who} got ids=, and the pool was saved without any and holds out rows by their "
            f"numbers, where a hash of ids would hold out others; leave ids= out."
        )
    X, own = take_ids(X, given.ids, given.who)
    rows, n = Rows(X), len(before.now.rows)
    is_accepted = given.changed == "accept" and len(rows) >= n
    told = None if is_accepted else differs(rows)
    if told is not None:
        instead = ""
        if len(rows) >= n:
            instead = (
                ", or changed='accept' if row numbers mean the same rows (pools with ids= find "
                "theirs in any order)"
            )
        if len(rows) != n:
            raise ValueError(
                f"the pool was saved with {n} rows, X has {len(rows)}; give all of its rows, those "
                f"that were added included{instead}: {told}."
            )
        raise ValueError(
            f"X is not the data that this pool was saved with: {told}; give the same rows in the "
            f"same order{instead}."
        )
    log, touched = before.log, before.log.touched(before.now.n_events)
    if len(rows) != n:
        log = renumbered(log, touched, touched, n, len(rows))
    return Placed(rows, _regrouped(log, before, given, X, touched, touched), own)


def by_ids(before: Ledger, X: Any, given: Given, saved: Ids, column: str | None) -> Placed:
    """Find the rows of a pool by their ids, refusing that some of which anything is known are gone.

    `before` is its ledger as it was saved, `saved` the ids of the touched rows, in their order,
    which were in a `column`.
    """
    if given.changed == "accept":
        raise ValueError(
            f"{given.who} got changed='accept', and the pool was saved with ids, by which its rows "
            f"are found whatever else has changed; leave it out."
        )
    ids = column if given.ids is None and has_column(X, column) else given.ids
    X, own = take_ids(X, ids, given.who)
    if own is None:
        named = "" if column is None else f", the column {column!r}, which X does not have"
        raise ValueError(
            f"the pool was saved with ids{named}; write {given.who}(path, X, ids=...), one for "
            f"each row or the name of their column."
        )
    saved.refuse_kind(own, given.who)
    rows, numbers = before.log.touched(before.now.n_events), own.find(saved)
    is_gone = numbers < 0
    if given.missing == "refuse" and is_gone.any():
        tagged = np.concatenate([rows[:0], *tags_of(before).values()])
        is_gone &= (before.found(rows)[0] != UNLABELED) | np.isin(rows, tagged)
        if is_gone.any():
            raise RowsAreGone(int(is_gone.sum()), saved[int(is_gone.argmax())])
    log = renumbered(before.log, rows, numbers, len(before.now.rows), len(own))
    is_left = numbers >= 0
    log = _regrouped(log, before, given, X, rows[is_left], numbers[is_left])
    return Placed(Rows(X), log, own)


def _regrouped(
    log: Log, before: Ledger, given: Given, X: Any, were: np.ndarray, are: np.ndarray
) -> Log:
    """Return a log with the groups of the rows as they are, refusing others than they were in.

    Touched rows that had the numbers `were` now have `are`. Of rows with ids a database holds no
    groups: there the sides tell on which they are.
    """
    side, groups, had = before.now.side, given.groups, before.groups.array
    if side is None or not side.is_by_group:
        if groups is not None:
            raise ValueError(
                f"{given.who} got groups=, which are of no use to this pool; leave it out."
            )
        return log
    n = int(log.n_added.array.sum())
    is_known = log is before.log and len(had) == n
    if groups is None and not is_known:
        raise ValueError(
            f"the pool holds out rows by their groups, which its file does not have of all rows of "
            f"X; write {given.who}(path, X, groups=...), one for each."
        )
    if groups is None:
        return log
    hashes = group_hashes(groups, n, row_index(X), given.who)
    if is_known:
        were = are = np.arange(n)
    were, are = were[were < len(had)], are[were < len(had)]
    differs = hashes[are] != had[were]
    if differs.any():
        raise ValueError(
            f"{given.who} got another group for row {are[differs.argmax()]} than it had when the "
            f"pool was saved; a row stays on the side on which it is."
        )
    if not is_known:
        begins, _ = hold_out_of(log, len(log.kinds.array))
        log.details[begins] = side.detail(hashes)  # which tells of those of later ones as well
    return log


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
    new.base = (based[order], None if labels is None or not len(order) else labels[order])
    is_label = np.isin(new.events.array, LABELS_IN)
    with_labels = {*new.operations.array[is_label].tolist(), *([0] if len(order) else [])}
    # Those too that say of which dtype labels are after them
    with_labels |= {
        *new.undone,
        *np.flatnonzero(new.kinds.array == KINDS.index("classes")).tolist(),
    }
    new.has_final = bool((new.events.array == FINAL).any())
    new.dtypes = {key: dtype for key, dtype in new.dtypes.items() if key in with_labels}
    side = hold_out_of(log, len(log.kinds.array))[1]
    is_by_group = side is not None and side.is_by_group  # of rows that may stand elsewhere unseen
    is_in_place = n_now == n and np.array_equal(rows, numbers) and not is_by_group
    _tell(new, log.operations.array[: len(kept)][~kept], n_now, is_in_place)
    return new


def _tell(log: Log, dropped: np.ndarray, n_now: int, is_in_place: bool) -> None:
    """Let operations say what was left out of them, and the first that all rows were there."""
    details = {
        number: {"dropped": count}
        for number, count in enumerate(np.bincount(dropped).tolist())
        if count and number not in log.details
    }
    log.details |= details
    if not is_in_place:
        gather(log, n_now)
    log.details = dict(sorted(log.details.items()))


def gather(log: Log, n: int) -> None:
    """Let all of n rows have been there from the start, as nobody knows which ones joined when."""
    added = log.n_added.array
    for number in np.flatnonzero(added).tolist():
        if number:
            told = without_groups(log.details.get(number)) or {}
            log.details[number] = {"joined": int(added[number]), **told}
            added[number] = 0
    added[0] = n
    log.details = dict(sorted(log.details.items()))


def part_again(log: Log, n_added: np.ndarray) -> None:
    """Let operations have added so many rows after all, if rows stand where they may have joined.

    This takes back what `gather` does.
    """
    if np.array_equal(log.n_added.array, n_added) or not may_have_joined(log, n_added):
        return
    log.n_added.array[:] = n_added
    for number in np.flatnonzero(n_added).tolist():
        if number:
            del log.details[number]["joined"]
    log.details = {number: told for number, told in log.details.items() if told}


def may_have_joined(log: Log, n_added: np.ndarray) -> bool:
    """Tell whether rows stand where they can, if each operation added so many of them."""
    rows, of, joined = log.rows.array, log.operations.array, np.cumsum(n_added)
    # An operation that adds rows tells of those alone.
    first = np.where(log.kinds.array == KINDS.index("extend"), joined - n_added, 0)
    first[n_added == 0] = 0
    base = log.base[0]
    return bool(((rows >= first[of]) & (rows < joined[of])).all() and (base < n_added[0]).all())


class RowsAreGone(ValueError):
    """X lacks rows of which the record holds something: how many, and the id of the first."""

    def __init__(self, count: int, first: Any) -> None:
        self.count, self.first = count, first
        super().__init__(
            f"X lacks {self.told('the pool')}; give all of them, or write missing='drop' to forget "
            f"what was said of them."
        )

    def __reduce__(self) -> tuple:
        return type(self), (self.count, self.first)

    def told(self, record: str) -> str:
        """Say which rows are gone, of a record that is called so."""
        return (
            f"{self.count} row{'s' * (self.count > 1)} of which {record} holds labels, skips, "
            f"reservations or tags, such as {self.first!r}"
        )
