"""The test side of a pool: rows whose labels tell how good a model is, and never train it.

A row is on it by a hash of its number, or of its group: whatever a strategy thinks of it, whenever
it comes, and without anything being kept of it. Rows that came with a label are not; of these
nobody knows how they were chosen. Once something has happened to a row, its events say on which
side it is, which never changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..data.chance import uniform_by_row
from ..data.labels import check_order, missing_mask, to_array
from ..data.values import hash_cells
from ..utils.checks import checked_count, checked_fraction
from .fold import LABELED, fold
from .log import KINDS, NOTHING, Log

_BLOCK = 1 << 16  # rows hashed at once: what is computed of them stays in the cache
_WORDS = (*b"hold out",)  # behind the seed, so that no question draws the same numbers


class HoldOut(NamedTuple):
    """Which share of the rows is on the test side, and by which seed."""

    share: float
    seed: int
    trained: np.ndarray | None = None  # (g,) uint64, groups that are not on it; None: row by row

    @property
    def is_by_group(self) -> bool:
        """Whether the rows of a group go to one side."""
        return self.trained is not None

    def takes(self, keys: np.ndarray) -> np.ndarray:
        """Tell which keys are on the test side: numbers of rows, or hashes of groups."""
        mask = uniform_by_row(keys, (self.seed, *_WORDS)) < self.share
        if self.trained is not None:
            mask[mask] = ~np.isin(keys[mask], self.trained)
        return mask

    def blocks(self, start: int, stop: int, groups: np.ndarray) -> Iterator[tuple[slice, Any]]:
        """Yield parts of the rows from one number to another, and which of each are taken.

        `groups` holds the hashes of all rows' groups; it is not read where groups make no
        difference.
        """
        for at in range(start, stop, _BLOCK):
            part = slice(at, min(at + _BLOCK, stop))
            keys = groups[part] if self.is_by_group else np.arange(part.start, part.stop)
            yield part, self.takes(keys)

    @property
    def detail(self) -> dict[str, Any]:
        """What an operation tells of it, as JSON can hold it."""
        trained = None if self.trained is None else self.trained.tolist()
        return {"hold_out": {"share": self.share, "seed": self.seed, "trained": trained}}

    @classmethod
    def of(cls, detail: Any) -> HoldOut | None:
        """Return what an operation's detail tells of a test side, if it does."""
        if not isinstance(detail, Mapping) or "hold_out" not in detail:
            return None
        told = detail["hold_out"]
        trained = told["trained"]
        if trained is not None:
            trained = np.array(trained, dtype=np.uint64)
        return cls(float(told["share"]), int(told["seed"]), trained)


def hold_out_of(log: Log, n: int) -> tuple[int, HoldOut | None]:
    """Return the operation by which a test side began among the first n, and the side."""
    for number, detail in log.details.items():
        side = HoldOut.of(detail) if number < n else None
        if side is not None:
            return number, side
    return n, None


def keys_of(side: HoldOut, rows: np.ndarray, groups: Any) -> np.ndarray:
    """Return by what some rows are on a side."""
    return groups[rows] if side.is_by_group else rows


def new_hold_out(share, seed: int, groups: np.ndarray | None, labeled: np.ndarray) -> HoldOut:
    """Return a new test side, refusing a share that is none.

    `groups` holds the hashes of all rows' groups, `labeled` the rows that have had a label: what
    is like them is not on the test side.
    """
    side = HoldOut(checked_fraction(share, "hold_out", "the pool"), seed)
    if groups is None:
        return side
    known = np.unique(groups[labeled])
    return side._replace(trained=known[side.takes(known)])  # others would not be on it anyway


def group_hashes(groups, n: int, index, who: str) -> np.ndarray:
    """Return a hash of each row's group, refusing what is not one group for each of n rows."""
    check_order(groups, index, who=who, name="groups")
    shape = np.shape(groups)
    if len(shape) != 1 or shape[0] != n:
        raise ValueError(
            f"{who} got groups of shape {shape} for {n} rows; give one for each row, a number or "
            f"a text."
        )
    values = to_array(groups)
    is_missing = missing_mask(values, None)
    if is_missing.any():
        raise ValueError(
            f"{who} got no group for row {is_missing.argmax()} of those given; give each row one, "
            f"of its own if it is like no other."
        )
    return hash_cells(values)


def touched_before(log: Log, n: int, n_events: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that have a label after n operations, or came with an answer, and others.

    The others are those to which something had happened as well.
    """
    rows, at = np.unique(log.rows.array[:n_events][::-1], return_index=True)
    is_labeled = fold(log, rows, n_events - 1 - at, n, n_events).states == LABELED
    parts = (log.base[0], rows[is_labeled], came_with_an_answer(log, n_events))
    labeled = np.unique(np.concatenate(parts))
    return labeled, np.setdiff1d(rows, labeled, assume_unique=True)


def came_with_an_answer(log: Log, n_events: int) -> np.ndarray:
    """Return the rows of which the operation that added them told something, but for the first."""
    rows, operations = log.rows.array[:n_events], log.operations.array[:n_events]
    last = int(operations[-1]) if n_events else 0
    came = np.searchsorted(np.cumsum(log.n_added.array[: last + 1]), rows, side="right")
    return rows[operations == came]


def check_sides(log: Log, n: int, n_rows: int) -> None:
    """Refuse, by ValueError, TypeError or LookupError, test rows that no pool has had.

    The log is that of a file: n operations, and their events.
    """
    begins, side = hold_out_of(log, n)
    held, rows, of, groups = (
        column.array for column in (log.held, log.rows, log.operations, log.groups)
    )
    settings = np.flatnonzero(log.kinds.array == KINDS.index("hold_out")).tolist()
    _refuse_unless(settings == ([begins] if side is not None and begins else []))
    _refuse_unless(len(groups) == (n_rows if side is not None and side.is_by_group else 0))
    if side is None:
        _refuse_unless(not held.any())
        return
    checked_count(side.seed, "seed", least=0)
    start = int(log.first.array[begins])
    labeled, others = touched_before(log, begins, start) if begins else (log.base[0], NOTHING)
    again = new_hold_out(side.share, side.seed, groups if side.is_by_group else None, labeled)
    _refuse_unless(log.details[begins] == again.detail)
    is_taken = side.takes(keys_of(side, rows, groups)) & ~np.isin(rows, labeled)
    if not side.is_by_group:  # rows that came with an answer
        is_taken &= ~np.isin(rows, came_with_an_answer(log, len(rows)))
    is_taken[:start] = False
    _refuse_unless((held == is_taken).all())
    if begins:
        taken = others[side.takes(keys_of(side, others, groups))]
        _refuse_unless(np.array_equal(rows[of == begins], taken))


def _refuse_unless(condition: Any) -> None:
    """Refuse a history that no pool has had."""
    if not condition:
        raise ValueError("no pool has had this history")
