"""Strategies under limits: so many rows of each group, and no row beside another one."""

import math
from collections import defaultdict
from itertools import islice
from typing import Any, Protocol

import numpy as np

from ..data.arrays import slices, steps
from ..data.labels import missing_mask
from ..data.tables import entries_of
from ..selection import top
from ..selection.distances import OTHERS, squared_distances
from ..utils.checks import checked_number, count_of, is_integer
from .base import Strategy, choose, has_score, name_of
from .inner import inner_labels, inner_reads
from .registry import as_strategy, register

EQUAL = "equal"
_AHEAD = 8  # times as many rows are ranked as are wanted, and again where these are too few
_ROUNDING = 1e-9  # of shares, which are no binary fractions


class Limits(Protocol):
    """What may be chosen beside what has been: the state of one query."""

    def is_open(self, view) -> np.ndarray:
        """Return which rows of a view may come next, if they are candidates; shape (n,), bool."""

    def walk(self, rows: np.ndarray, n: int) -> np.ndarray:
        """Return which rows are kept, n at most, where each comes if it may after those before."""

    def take(self, rows: np.ndarray) -> None:
        """Count rows as chosen."""


def _within(limits: Limits, inner: Any, view, n: int) -> np.ndarray:
    """Return up to n rows, each the inner strategy's next one that may come after those before."""
    strategy = as_strategy(inner)
    if has_score(strategy):
        scores, mask = view.score(strategy), view.mask & limits.is_open(view)
        n_ranked, n_open = _AHEAD * n, np.count_nonzero(mask)
        while True:  # few rows are nearly always enough, and quicker ranked than all
            ranked = top(scores, n_ranked, candidates=mask, tiebreak=view.row_random)
            kept = ranked[limits.walk(ranked, n)]
            if len(kept) == n or n_ranked >= n_open:
                return kept
            n_ranked *= _AHEAD
    parts = [np.zeros(0, dtype=np.int64)]
    while n:
        view = view.restrict(np.flatnonzero(limits.is_open(view)))
        ranked = choose(strategy, view, n)
        may_come = limits.walk(ranked, n)
        # What comes after a row that may not would be another one had that row not been chosen.
        parts.append(ranked if may_come.all() else ranked[: may_come.argmin()])
        n = n - len(parts[-1]) if len(ranked) else 0
        limits.take(parts[-1])
        view = view.reserving(parts[-1])
    return np.concatenate(parts)


@register(None, "classes balanced, or so many rows of a group", cost="the inner strategy")
class Quota(Strategy):
    """Another strategy's rows, of each group so many at most.

    Groups are predicted classes, patients, sources of images: whatever a batch should not be full
    of. The inner strategy's next row is left out where its group has had its share. If it scores
    rows, no batch within the limits has a larger sum of scores; if it chooses jointly, it is asked
    again wherever a row had to be left out, with those before it as reserved. Where limits leave
    fewer rows than are asked for, there are fewer.

    Parameters
    ----------
    strategy : str, Strategy or callable, default="margin"
        What chooses the rows.
    by : str, int, array-like of shape (n,) or callable, default=None
        The group of each row: the name of a column of the frame that the rows are in, or the
        number of one of an array; one entry for each row of the pool, as text, integers or
        booleans; or a function of rows that returns these. None: the predicted class, where rows
        have one label.
    at_most : "equal", int, float or dict, default="equal"
        Rows of a group in one batch. "equal": as many of each as of any other, within one, as long
        as there are candidates. A count; a share of the batch in (0, 1], rounded up; or a dict of
        these by group, with 0 for none, where other groups have no limit.
    overall : bool, default=False
        Whether rows that are labelled or reserved count too: limits are then of all of these rows
        and the batch, by label where `by` is None. Shares are of this total.

    Examples
    --------
    >>> import numpy as np
    >>> from skactive import select
    >>> from skactive.strategies import Quota
    >>> patients = ["ann", "ann", "ann", "ben", "cy"]
    >>> scores = [0.9, 0.8, 0.7, 0.2, 0.1]
    >>> select(Quota(by=patients, at_most=1), scores=scores, n_instances=3)
    array([0, 3, 4])
    """

    rowwise = False
    gives_fewer = True

    def __init__(
        self, strategy: Any = "margin", by: Any = None, at_most: Any = EQUAL, overall: bool = False
    ) -> None:
        self.strategy = strategy
        self.by = by
        self.at_most = at_most
        self.overall = overall

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads, and predictions where these are the groups."""
        also = () if self.by is not None else (("prediction", "proba"),)
        return inner_reads(self.strategy, also=also)

    @property
    def labels_per_row(self) -> tuple:  # type: ignore[override]
        """Rows as the inner strategy takes them; of one label where that is the group."""
        served = inner_labels(self.strategy)
        return served if self.by is not None else tuple(each for each in served if each == "one")

    def select(self, view, n) -> np.ndarray:
        """Return the inner strategy's rows whose groups have room for them."""
        if not isinstance(self.overall, bool | np.bool_):
            raise TypeError(f"Quota got overall={self.overall!r}; give True or False.")
        return _within(self._rooms(view, n), self.strategy, view, n)

    def _rooms(self, view, n: int) -> "_Rooms":
        """Return the groups of rows and how much room each has."""
        known = view.centers if self.overall else np.zeros(0, dtype=np.int64)
        rows = np.concatenate([view.candidates, known])
        groups = self._groups(view, rows)
        codes = np.full(len(view), -1)
        codes[rows], names = _coded(groups)
        n_known = np.bincount(codes[known], minlength=len(names))
        n_open = np.bincount(codes[view.candidates], minlength=len(names))
        if isinstance(self.at_most, str) and self.at_most == EQUAL:
            level = _level(n_known, n_open, n)
            room = np.clip(level - n_known, 0, n_open)
            has_more = (n_known <= level) & (room < n_open)
            return _Rooms(codes, room, has_more, n - int(room.sum()))
        most = self._most(view, names, n + len(known))
        room = np.clip(most - n_known, 0, n_open).astype(np.int64)
        return _Rooms(codes, room, np.zeros(len(names), dtype=bool), 0)

    def _groups(self, view, rows: np.ndarray) -> np.ndarray:
        """Return the group of each of some rows of a view."""
        groups = self._told(view, rows)
        if self.by is None and self.overall and len(view.labeled):
            groups = groups.astype(object)
            place = len(rows) - len(view.centers) + np.searchsorted(view.centers, view.labeled)
            groups[place] = view.y_labeled
        is_missing = missing_mask(groups, None)
        if is_missing.any():
            raise ValueError(
                f"Quota's by has no value for {np.count_nonzero(is_missing)} rows, first for row "
                f"{rows[is_missing][0]}; fill it, by a name of its own if need be."
            )
        return groups

    def _told(self, view, rows: np.ndarray) -> np.ndarray:
        """Return the group of each of some rows, or the class that is predicted."""
        by = self.by
        if by is None:
            _check_has_classes(view)
            is_said = view.gives("prediction")
            return (view.prediction if is_said else view.proba.argmax(axis=1))[rows]
        if isinstance(by, str) or is_integer(by):
            groups = view.column(by, "Quota(by=...)")[rows]
        elif callable(by):
            groups = entries_of(by(view.take(rows)), "Quota(by=function)")
        else:
            groups = view.of_pool(by, "Quota(by=...)")[rows]
        if groups.shape != (len(rows),):
            raise ValueError(
                f"Quota's by gave an array of shape {groups.shape} for {len(rows)} rows; return "
                f"one group for each row."
            )
        return groups

    def _most(self, view, names: list, total: int) -> np.ndarray:
        """Return how many rows each group may have in all."""
        if not isinstance(self.at_most, dict):
            return np.full(len(names), self._count(self.at_most, total, 1))
        most = {name: self._count(each, total, 0) for name, each in self.at_most.items()}
        for name in most.keys() - set(names):  # none is left of it, or there never was
            self._check_is_group(view, name)
        return np.array([most.get(name, math.inf) for name in names])

    def _count(self, share, total: int, least: int) -> int:
        """Return how many rows a count or a share of the total stands for."""
        if is_integer(share) and share >= least:
            return int(share)
        n = None if is_integer(share) else count_of(share, total)
        if n is not None:
            return math.ceil(n - _ROUNDING)
        raise ValueError(
            f"Quota got at_most={self.at_most!r}; give 'equal', a count of at least 1, a share in "
            f"(0, 1] as a float, or a dict of these by group, with 0 for none."
        )

    def _check_is_group(self, view, name) -> None:
        """Refuse a group that no row is of."""
        if self.by is None:
            classes = view.classes
            known = range(view.n_classes or 0) if classes is None else classes.tolist()
        else:
            known = dict.fromkeys(self._told(view.whole, np.arange(len(view.whole))).tolist())
        if name not in known:
            listed = ", ".join(map(repr, islice(known, 10))) + (", ..." if len(known) > 10 else "")
            raise ValueError(
                f"Quota got at_most={self.at_most!r}, but no row is of {name!r}; the groups are "
                f"{listed}."
            )


def _coded(groups: np.ndarray) -> tuple[np.ndarray, list]:
    """Return the number of each entry's group, and the groups by number."""
    if groups.dtype.kind != "O":
        found, codes = np.unique(groups, return_inverse=True)
        return codes, found.tolist()
    number: defaultdict = defaultdict()
    number.default_factory = number.__len__  # each new one is the next
    codes = np.fromiter(map(number.__getitem__, groups.tolist()), np.intp, len(groups))
    return codes, list(number)


def _check_has_classes(view) -> None:
    """Refuse a regressor, whose predictions are no groups."""
    if view.estimator is not None and view.classes is None:
        raise ValueError(
            f"Quota balances predicted classes, which {type(view.estimator).__name__} has not; "
            f"write Quota(by=...), such as the name of a column."
        )


def _level(n_known: np.ndarray, n_open: np.ndarray, n: int) -> int:
    """Return to how many rows each group can be filled up where n more may come in all."""
    least, most = 0, int((n_known + n_open).max()) + 1
    while most - least > 1:
        middle = (least + most) // 2
        if np.clip(middle - n_known, 0, n_open).sum() <= n:
            least = middle
        else:
            most = middle
    return least


class _Rooms:
    """Groups with room for so many rows each, some of which may take one of a few more."""

    def __init__(self, codes: np.ndarray, room: np.ndarray, has_more: np.ndarray, n_more: int):
        self.codes, self.room, self.has_more, self.n_more = codes, room, has_more, n_more

    def is_open(self, view) -> np.ndarray:
        """Return which rows are of a group that has room."""
        return ((self.room > 0) | (self.has_more & (self.n_more > 0)))[self.codes]

    def walk(self, rows: np.ndarray, n: int) -> np.ndarray:
        """Return which rows find room, each coming after those before it."""
        codes = self.codes[rows]
        room, before = self.room[codes], _n_before(codes)
        is_more = (before == room) & self.has_more[codes]
        is_kept = (before < room) | (is_more & (np.cumsum(is_more) <= self.n_more))
        return is_kept & (np.cumsum(is_kept) <= n)

    def take(self, rows: np.ndarray) -> None:
        """Fill room by rows."""
        left = self.room - np.bincount(self.codes[rows], minlength=len(self.room))
        self.n_more -= int(np.count_nonzero(left < 0))
        self.has_more = self.has_more & (left >= 0)
        self.room = np.maximum(left, 0)


def _n_before(codes: np.ndarray) -> np.ndarray:
    """Return for each entry how many before it are the same."""
    order = np.argsort(codes, kind="stable")
    ordered, places = codes[order], np.arange(len(codes))
    is_first = np.ones(len(codes), dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    before = np.empty(len(codes), dtype=np.int64)
    before[order] = places - np.maximum.accumulate(np.where(is_first, places, 0))
    return before


@register(None, "near-duplicates once", cost="the inner strategy, O(nd) a row")
class Distinct(Strategy):
    """Another strategy's rows, none of which is within a radius of another one.

    The next row is left out where it lies near one that is chosen, labelled or reserved, so that
    nobody labels the same sentence, picture or patient's repeated measurement twice. As with
    `Quota`, the best rows come first, and where none is far enough from all others there are fewer
    than were asked for.

    Parameters
    ----------
    strategy : str, Strategy or callable, default="margin"
        What chooses the rows.
    radius : float, default=0.0
        The Euclidean distance of embeddings up to which two rows count as one, in their units; 0
        leaves out those that are the same.

    Examples
    --------
    >>> from skactive import select
    >>> from skactive.strategies import Distinct
    >>> X = [[0.0], [0.1], [3.0], [3.0]]
    >>> select(Distinct(radius=0.5), embedding=X, scores=[0.9, 0.8, 0.7, 0.6], n_instances=2)
    array([0, 2])
    """

    rowwise = False
    gives_fewer = True

    def __init__(self, strategy: Any = "margin", radius: float = 0.0) -> None:
        self.strategy = strategy
        self.radius = radius

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads, and the embedding."""
        return inner_reads(self.strategy, also=("embedding",))

    @property
    def labels_per_row(self) -> tuple:  # type: ignore[override]
        """Rows as the inner strategy takes them."""
        return inner_labels(self.strategy)

    def select(self, view, n) -> np.ndarray:
        """Return the inner strategy's rows that lie apart."""
        radius = checked_number(self.radius, "radius", name_of(self), 0.0)
        # Where there are no centres yet, their distance is infinite: more than any radius.
        squared = min(radius * radius, float(np.finfo(np.float64).max))
        return _within(_Apart(view, squared), self.strategy, view, n)


class _Apart:
    """Rows that lie farther from one another, and from what is known, than so much."""

    def __init__(self, view, squared: float):
        self.view, self.squared = view, squared

    def is_open(self, view) -> np.ndarray:
        """Return which rows lie far from all that is labelled or reserved."""
        return view.center_distances() > self.squared

    def walk(self, rows: np.ndarray, n: int) -> np.ndarray:
        """Return which rows lie far from those that are kept before them."""
        vectors, kept = self.view.embedding, np.zeros(0, dtype=np.int64)  # places among rows
        for part in slices(len(rows), OTHERS):
            places = np.arange(part.start, part.stop)
            for some in steps(len(kept), OTHERS):
                near = self._is_near(vectors[rows[places]], vectors[rows[kept[some]]])
                places = places[~near.any(axis=1)]
            block = vectors[rows[places]]
            near, is_left = self._is_near(block, block), np.ones(len(places), dtype=bool)
            while len(kept) < n and is_left.any():
                first = int(is_left.argmax())
                kept = np.append(kept, places[first])
                is_left &= ~near[first]
            if len(kept) == n:
                break
        return np.isin(np.arange(len(rows)), kept)

    def _is_near(self, block, others) -> np.ndarray:
        """Return which of the rows of two blocks are within the radius."""
        return squared_distances(block, others) <= self.squared

    def take(self, rows: np.ndarray) -> None:
        """Do nothing: a view knows which rows it has reserved."""
