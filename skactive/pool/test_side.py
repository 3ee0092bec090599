"""The test side of a pool: rows whose labels tell how good a model is, and never train it.

A row is on it by a hash of its number, its id or its group: whatever a strategy thinks of it,
whenever it comes, and without anything being kept of it. Rows that came with a label are not; of
these nobody knows how they were chosen. Once something has happened to a row, its events say on
which side it is, which never changes.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..data.chance import uniform_by_row
from ..data.labels import check_order, missing_mask, to_array
from ..data.values import hash_cells
from ..utils.checks import checked_count, checked_fraction, draw_seed
from .fold import LABELED, fold
from .log import KINDS, NOTHING, Log
from .storage import refuse_unless

OF_SIDE = ("hold_out", "groups", "random_state")  # parameters of a pool
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
        """Tell which keys are on the test side: numbers of rows, or hashes of groups or ids."""
        mask = uniform_by_row(keys, words_of(self.seed)) < self.share
        if self.trained is not None:
            mask[mask] = ~np.isin(keys[mask], self.trained)
        return mask

    def blocks(self, start: int, stop: int, keys: Any) -> Iterator[tuple[slice, Any]]:
        """Yield parts of the rows from one number to another, and which of each are taken.

        `keys` are hashes of all rows' groups or ids; None: a row's number counts.
        """
        for at in range(start, stop, _BLOCK):
            part = slice(at, min(at + _BLOCK, stop))
            own = np.arange(part.start, part.stop) if keys is None else keys[part]
            yield part, self.takes(own)

    def detail(self, groups: np.ndarray | None) -> dict[str, Any]:
        """Return what an operation tells of it and of all rows' groups, as JSON can hold it."""
        trained = None if self.trained is None else self.trained.tolist()
        told = {"share": self.share, "seed": self.seed, "trained": trained}
        return {"hold_out": told, **(of_groups(groups) or {})}

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


class Taken:
    """Which rows are on the test side while nothing happened to them: a bit each, kept.

    Every question asks for it, hashes take long, and rows stay where they are.
    """

    def __init__(self) -> None:
        # By which hash, of how many rows, and their bits
        self._known: tuple[HoldOut | None, int, np.ndarray] = None, 0, NOTHING.view(np.uint8)

    def mask(self, side: HoldOut, n: int, keys: Any) -> np.ndarray:
        """Return a mask of n rows, which may be written to; `keys` as in `HoldOut.blocks`."""
        known, n_known, bits = self._known
        if known is not side or n_known < n:
            start = n_known // 8 * 8 if known is side else 0  # where a byte begins
            taken = np.empty(n - start, dtype=bool)
            for part, is_taken in side.blocks(start, n, keys):
                taken[part.start - start : part.stop - start] = is_taken
            bits = np.append(bits[: start // 8], np.packbits(taken))
            self._known = side, n, bits
        return np.unpackbits(bits, count=n).view(bool)


def words_of(seed: int) -> tuple[int, ...]:
    """Return what the random numbers of the rows of a side follow from."""
    return (seed, *_WORDS)


def of_groups(groups: np.ndarray | None) -> dict[str, str] | None:
    """Return what an operation tells of the groups of its rows, as hashes; None: of no rows."""
    if groups is None or len(groups) == 0:
        return None
    return {"groups": b64encode(groups.astype("<u8").tobytes()).decode("ascii")}


def without_groups(detail: Any) -> Any:
    """Return what an operation tells besides groups; None: nothing."""
    if not isinstance(detail, Mapping):
        return detail
    return {name: told for name, told in detail.items() if name != "groups"} or None


def groups_in(detail: Any) -> np.ndarray:
    """Return the groups that an operation tells of."""
    if not isinstance(detail, Mapping) or "groups" not in detail:
        return np.zeros(0, dtype=np.uint64)
    return np.frombuffer(b64decode(detail["groups"], validate=True), "<u8").astype(np.uint64)


def groups_of(log: Log, n: int) -> np.ndarray:
    """Return all groups that the first n operations tell of, in the order of the rows."""
    told = sorted(number for number in log.details if number < n)
    parts = [groups_in(log.details[number]) for number in told]
    return np.concatenate([np.zeros(0, dtype=np.uint64), *parts])


def hold_out_of(log: Log, n: int) -> tuple[int, HoldOut | None]:
    """Return the operation by which a test side began among the first n, and the side."""
    for number, detail in list(log.details.items()):
        side = HoldOut.of(detail) if number < n else None
        if side is not None:
            return number, side
    return n, None


def keys_of(rows: np.ndarray, keys: np.ndarray | None) -> np.ndarray:
    """Return by what some rows are on a side: keys of all rows, or their numbers."""
    return rows if keys is None else keys[rows]


def first_detail(
    hold_out, groups, random_state, labeled: np.ndarray, n: int, index
) -> dict[str, Any] | None:
    """Return what a new pool of n rows tells of its test side; None: it has none."""
    if groups is not None and hold_out is None:
        raise ValueError(
            "the pool got groups= without hold_out=, whose rows they divide; give both."
        )
    if hold_out is None:
        return None
    hashes = None if groups is None else group_hashes(groups, n, index, "the pool")
    return new_hold_out(hold_out, draw_seed(random_state), hashes, labeled).detail(hashes)


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
    came = log.kinds.array[log.operations.array[:n_events]] == KINDS.index("extend")
    return log.rows.array[:n_events][came]


def check_sides(log: Log, n: int, hashes: np.ndarray | None) -> None:
    """Refuse, by ValueError, TypeError or LookupError, test rows that no pool has had.

    The log is that of a file: n operations, and their events. `hashes` are those of the ids of the
    touched rows, in their order, where rows have ids.
    """
    touched = NOTHING if hashes is None else log.touched(len(log.rows.array))

    def keys(rows: np.ndarray) -> np.ndarray:
        if side is not None and side.is_by_group:
            return groups[rows]
        return rows if hashes is None else hashes[np.searchsorted(touched, rows)]

    begins, side = hold_out_of(log, n)
    held, rows, of = log.held.array, log.rows.array, log.operations.array
    groups, is_by_group = groups_of(log, n), side is not None and side.is_by_group
    settings = np.flatnonzero(log.kinds.array == KINDS.index("hold_out")).tolist()
    refuse_unless(settings == ([begins] if side is not None and begins else []))
    joined = log.n_added.array.tolist()
    if begins < n:  # which tells of all rows so far
        joined[: begins + 1] = [0] * begins + [sum(joined[: begins + 1])]
    told = [len(groups_in(log.details.get(number))) for number in range(n)]
    refuse_unless(told == (joined if is_by_group else [0] * n))
    if side is None:
        refuse_unless(not held.any())
        return
    checked_count(side.seed, "seed", least=0)
    start = int(log.first.array[begins])
    labeled, others = touched_before(log, begins, start) if begins else (log.base[0], NOTHING)
    again = new_hold_out(side.share, side.seed, groups if is_by_group else None, labeled)
    own = groups[: joined[begins]] if is_by_group else None
    refuse_unless(log.details[begins] == side.detail(own))
    if side.trained is not None:  # rows may have been dropped since
        refuse_unless(np.isin(np.asarray(again.trained), side.trained).all())
    is_taken = side.takes(keys(rows)) & ~np.isin(rows, labeled)
    if not is_by_group:  # rows that came with an answer
        is_taken &= ~np.isin(rows, came_with_an_answer(log, len(rows)))
    is_taken[:start] = False
    refuse_unless((held == is_taken).all())
    if begins:
        taken = others[side.takes(keys(others))]
        refuse_unless(np.array_equal(np.sort(rows[of == begins]), taken))
