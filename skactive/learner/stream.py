"""What a learner does on a stream: buy rows, keep them until their labels come, notice drifts."""

from __future__ import annotations

import copy
from collections.abc import KeysView, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..data.fingerprint import fingerprint
from ..data.row_numbers import as_row_numbers
from ..data.rows import Rows, check_rows, n_rows, take
from ..pool.history import LABELED, Change
from ..selection.volumes import Volumes
from ..strategies.base import name_of
from ..strategies.stream import StreamStrategy
from ..strategies.view import View
from .questions import view_of
from .training import restored_on_error

POOL, OUTSIDE, TICKETS = "pool", "outside", "tickets"  # what the last query was over, or gave out


class Stream:
    """What a learner knows of a stream besides its strategy and its pool."""

    def __init__(self, detector):
        self.open: dict[int, tuple[Any, bool]] = {}  # ticket -> row, whether it was bought blindly
        self.n_tickets = 0
        self.n_passed = 0  # rows that were asked about
        self.last: tuple[str, np.ndarray] | None = None  # rows last bought, and which blindly
        self.n_drifts = 0
        self.since = 0  # operations of the pool before the labels that count
        self.watch(detector)

    def watch(self, detector) -> None:
        """Run a copy of a drift detector."""
        self.given, self.detector = detector, copy.deepcopy(detector)

    def give_out(self, rows, blind: np.ndarray) -> np.ndarray:
        """Return a ticket for each of these rows, which are kept."""
        tickets = np.arange(self.n_tickets, self.n_tickets + len(blind))
        parts = [(take(rows, [position]), bool(own)) for position, own in enumerate(blind)]
        self.open.update(zip(tickets.tolist(), parts, strict=True))
        self.n_tickets += len(tickets)
        return tickets

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
        return MappingProxyType({ticket: row for ticket, (row, _) in self.open.items()})

    def bought(self, strategy: StreamStrategy, view: View, X, is_ticketed: bool) -> tuple:
        """Return positions, rows and tickets of what a strategy buys of a chunk X."""
        with restored_on_error(strategy, _running_state(strategy)):  # or the budget would be spent
            n = n_rows(X)
            positions = np.flatnonzero(_checked_mask(strategy, view)[:n])
            rows, kept = take(X, positions), view.take(positions)
            blind = np.zeros(len(positions), dtype=bool)
            if strategy.has_random_share:
                blind = strategy.random_share_[positions]
            last = None if self.detector is None else (_digest(Rows(kept)), blind)
            tickets = (self.give_out(kept, blind),) if is_ticketed else ()
        self.last, self.n_passed = last, self.n_passed + n
        return positions, rows, *tickets

    def watched(self, change: Change, blind, n_pool: int, predict, is_regression: bool):
        """Return the detector after the errors on new rows bought blindly, None without one."""
        detector = copy.deepcopy(self.detector)  # the change may still be refused
        if detector is None or predict is None:
            return detector
        is_label = change.states == LABELED
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

    def follow(self, detector, n_before: int) -> bool:
        """Keep the detector; if it saw a drift, begin again with the labels since then."""
        self.detector = detector
        if not detector.drift_detected:
            return False
        self.n_drifts += 1
        self.since = n_before
        self.watch(self.given)  # a detector that has seen a drift may see it for ever
        return True


def buy(learner, X, subset, embedding, is_ticketed: bool) -> tuple:
    """Return what a learner buys of a chunk, as `query` does."""
    if X is learner.pool_.rows.parts[0]:
        raise ValueError(
            "query got the rows that fit got, which are in the pool and do not pass; write "
            "query(X_chunk), with the rows that came since."
        )
    rows = check_rows(X, who="query")
    if n_rows(rows) == 0:  # a source that is polled, or filtered, may have nothing
        nothing = np.zeros(0, dtype=np.intp)
        return (nothing, X, nothing.copy()) if is_ticketed else (nothing, X)
    view, _ = view_of(learner, X, subset, embedding=embedding)
    answer = learner._stream.bought(learner.strategy_, view, rows, is_ticketed)
    learner._last_query = TICKETS if is_ticketed else OUTSIDE
    return answer


def of_stream(name: str, doc: str) -> property:
    """Return a property of a learner that is an attribute of its stream."""
    return property(lambda learner: getattr(learner._stream, name), doc=doc)


def n_passed(learner) -> int:
    """Return how many rows of a stream a learner was asked about."""
    return learner._stream.n_passed


def _running_state(strategy: StreamStrategy) -> dict:
    """Return the attributes of a running strategy, those that change with the stream copied."""
    state = {name: value for name, value in vars(strategy).items() if name.endswith("_")}
    # Matrices of many dimensions are not copied for each chunk: a snapshot of them costs little.
    large = {id(part): part.snapshot() for part in state.values() if isinstance(part, Volumes)}
    return vars(strategy) | copy.deepcopy(state, large)


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
