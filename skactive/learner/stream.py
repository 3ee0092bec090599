"""What a learner does on a stream: buy rows, keep them until their labels come, notice drifts."""

from __future__ import annotations

import copy
from collections.abc import KeysView, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..data.fingerprint import fingerprint
from ..data.ids import Ids, has_column
from ..data.row_numbers import as_row_numbers
from ..data.rows import Rows, check_rows, n_rows, take
from ..pool.log import Change
from ..selection.volumes import Volumes
from ..strategies.base import name_of
from ..strategies.stream import StreamStrategy
from ..strategies.view import View
from .questions import is_pool, kept_of, view_of

POOL, OUTSIDE, TICKETS = "pool", "outside", "tickets"  # what the last query was over, or gave out


@dataclass(frozen=True, eq=False)
class Stream:
    """What a learner knows of a stream besides its strategy and its pool; only ever replaced."""

    given: Any = None  # the drift detector of the learner
    detector: Any = None  # its copy that runs
    n_drifts: int = 0
    since: int = 0  # operations of the pool before the labels that count
    # ticket -> row, whether it was bought blindly, its id if its chunk had a column of them
    open: dict[int, tuple[Any, bool, Any]] = field(default_factory=dict)
    n_tickets: int = 0
    n_passed: int = 0  # rows that were asked about
    last: tuple[str, np.ndarray] | None = None  # rows last bought, and which blindly

    def watching(self, detector) -> Stream:
        """Return the same with a copy of a drift detector running."""
        return replace(self, given=detector, detector=copy.deepcopy(detector))

    def checked(self, ticket) -> list[int]:
        """Return tickets as a list, refusing those that are not open."""
        if isinstance(ticket, Mapping):
            raise ValueError(
                "teach got tickets with their rows; give the tickets alone, such as "
                "ticket=list(learner.tickets_)."
            )
        numbers = as_row_numbers(list(ticket) if isinstance(ticket, KeysView) else ticket)
        if numbers is None:
            raise ValueError(f"teach got ticket={ticket!r}; give the numbers that query returned.")
        tickets, seen = numbers.tolist(), set()
        for number in tickets:
            if number in seen:
                raise ValueError(f"teach got ticket {number} twice; give each one label.")
            seen.add(number)
            if number not in self.open:
                is_used = 0 <= number < self.n_tickets
                why = "was taught or given up before" if is_used else "no query gave out"
                raise ValueError(
                    f"teach got ticket {number}, which {why}; give tickets that are in "
                    f"learner.tickets_."
                )
        return tickets

    def blindly_bought(self, rows: Rows) -> np.ndarray:
        """Return which of the rows that were bought last were bought blindly."""
        if self.last is None or self.last[0] != _digest(rows):
            raise ValueError(
                "teach got other rows than the last query returned, or got these twice, and drift= "
                "has to know which of them were bought blindly; write teach(X_chunk[idx], y) once "
                "after each query, or "
                "query(X_chunk, return_tickets=True) and teach(y=y, ticket=tickets)."
            )
        return self.last[1]

    @property
    def tickets(self) -> Mapping[int, Any]:
        """Open tickets, oldest first: the row that each is for, as a container of one row."""
        return MappingProxyType({ticket: row for ticket, (row, *_) in self.open.items()})

    def bought(self, strategy: StreamStrategy, view: View, X, ids, is_ticketed: bool) -> tuple:
        """Return what is known afterwards, and positions, rows and tickets of what is bought of X.

        The strategy runs on.
        """
        n = n_rows(X)
        positions = np.flatnonzero(_checked_mask(strategy, view)[:n])
        rows, kept = take(X, positions), view.take(positions)
        blind = np.zeros(len(positions), dtype=bool)
        if strategy.has_random_share:
            blind = strategy.random_share_[positions]
        last = None if self.detector is None else (_digest(Rows(kept)), blind)
        after = replace(self, last=last, n_passed=self.n_passed + n)
        if not is_ticketed:
            return after, (positions, rows)
        tickets = np.arange(self.n_tickets, self.n_tickets + len(blind))
        names = [None] * len(blind) if ids is None else ids[positions].tolist()
        parts = [
            (take(kept, [at]), bool(own), name)
            for at, (own, name) in enumerate(zip(blind, names, strict=True))
        ]
        now_open = self.open | dict(zip(tickets.tolist(), parts, strict=True))
        after = replace(after, open=now_open, n_tickets=self.n_tickets + len(tickets))
        return after, (positions, rows, tickets)

    def watched(self, change: Change, blind, n_pool: int, predict, is_regression: bool):
        """Return the detector after the errors on new rows bought blindly, None without one."""
        detector = copy.deepcopy(self.detector)  # the change may still be refused
        if detector is None or predict is None:
            return detector
        is_label = change.has_label
        positions = change.rows[is_label] - n_pool
        truth = change.labels[is_label]
        kept = np.flatnonzero(blind[positions])
        if len(kept) == 0:
            return detector
        predicted = predict(change.added.take(positions[kept]))
        for error in errors_of(truth[kept], predicted, is_regression):
            detector.update(error)
            if detector.drift_detected:
                break
        return detector

    def answered(self, tickets, is_answer: bool) -> Stream:
        """Return the same once tickets are answered, or the rows that were bought last."""
        left = self.open
        if tickets:
            done = set(tickets)
            left = {ticket: row for ticket, row in left.items() if ticket not in done}
        return replace(self, open=left, last=None if is_answer else self.last)

    def following(self, detector, n_before: int) -> Stream:
        """Return the same with this detector; if it saw a drift, labels count from here on."""
        if not detector.drift_detected:
            return replace(self, detector=detector)
        after = replace(self, n_drifts=self.n_drifts + 1, since=n_before)
        return after.watching(self.given)  # one that has seen a drift may see it for ever


def buy(learner, X, subset, embedding, is_ticketed: bool) -> tuple:
    """Return what a learner buys of a chunk, as `query` does."""
    if is_pool(X, learner.pool_):
        raise ValueError(
            "query got the rows that fit got, which are in the pool and do not pass; write "
            "query(X_chunk), with the rows that came since."
        )
    rows = check_rows(X, who="query")
    if n_rows(rows) == 0:  # a source that is polled, or filtered, may have nothing
        nothing = np.zeros(0, dtype=np.intp)
        return (nothing, X, nothing.copy()) if is_ticketed else (nothing, X)
    view, _ = view_of(learner, X, subset, embedding=embedding)
    kept, column = kept_of(learner), learner.pool_.id_column
    ids = Ids(rows[column], who="query") if has_column(rows, column) else None
    strategy, as_it_was = kept.strategy, running_copy(kept.strategy)
    # While the strategy runs on, the learner has a copy: so it is whole, whatever interrupts.
    learner._kept = kept._replace(strategy=as_it_was)
    try:
        stream, answer = kept.stream.bought(strategy, view, rows, ids, is_ticketed)
    except BaseException:  # or the budget would be spent
        strategy.__dict__ = vars(as_it_was)
        learner._kept = kept
        raise
    last = TICKETS if is_ticketed else OUTSIDE
    vars(learner).update(_kept=kept._replace(stream=stream), _last_query=last)
    return answer


def of_stream(name: str, doc: str) -> property:
    """Return a property of a learner that is an attribute of its stream."""
    return property(lambda learner: getattr(kept_of(learner).stream, name), doc=doc)


def n_passed(learner) -> int:
    """Return how many rows of a stream a learner was asked about."""
    return kept_of(learner).stream.n_passed


def running_copy(strategy):
    """Return a running strategy as it is now; one of the two may go on."""
    state = {name: value for name, value in vars(strategy).items() if name.endswith("_")}
    # Matrices of many dimensions are not copied for each chunk: a snapshot of them costs little.
    large = {id(part): part.snapshot() for part in state.values() if isinstance(part, Volumes)}
    other = copy.copy(strategy)
    vars(other).update(copy.deepcopy(state, large))
    return other


def _checked_mask(strategy: StreamStrategy, view) -> np.ndarray:
    """Return which rows a strategy admits, refusing an answer that breaks its contract."""
    admitted = np.asarray(strategy.admit(view))
    if admitted.shape != (len(view),) or admitted.dtype != bool or (admitted & ~view.mask).any():
        raise ValueError(
            f"{name_of(strategy)} was asked about {len(view)} rows and gave an array of shape "
            f"{admitted.shape} and dtype {admitted.dtype}; admit must give a mask of all rows, "
            f"True for candidates alone."
        )
    return admitted


def errors_of(truth: np.ndarray, predicted, is_regression: bool) -> list:
    """Return errors of predictions: 0 or 1 of labels, absolute ones of values.

    Examples
    --------
    >>> errors_of(np.array([0, 1]), np.array([0, 2]), is_regression=False)
    [0, 1]
    """
    predicted = np.asarray(predicted).reshape(len(truth))
    if is_regression:
        return np.abs(truth - predicted).tolist()
    return (np.asarray(truth != predicted)).astype(int).tolist()


def _digest(rows: Rows) -> str:
    """Return what tells rows from others, or from another order."""
    return fingerprint(rows, np.arange(len(rows)))
