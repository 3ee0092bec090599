"""What a learner does on a stream: admit rows, wait for labels, keep to the last, see drifts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, KeysView, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from ..data.fingerprint import fingerprint
from ..data.row_numbers import as_row_numbers
from ..data.rows import Rows, check_rows, n_rows, row_index, take
from ..pool.history import LABELED, Change
from ..pool.pool import Pool
from ..selection.volumes import Volumes
from ..strategies.base import Strategy, name_of
from ..strategies.stream import StreamStrategy
from .parameters import are_same, values_of
from .stream_checks import check_drift, check_window
from .training import FitParams

POOL, OUTSIDE, TICKETS = "pool", "outside", "tickets"  # what the last query was over, or gave out
ENOUGH = 10  # labels since a drift, with which the model starts again


class Stream:
    """What a learner knows of the stream besides its strategy and its pool.

    Parameters
    ----------
    detector : object or None
        Drift detector, as it was given; a copy of it runs.
    """

    def __init__(self, detector):
        self.open: dict[int, tuple[Any, bool]] = {}  # ticket -> row, whether it was bought blindly
        self.n_tickets = 0
        self.n_passed = 0  # rows that were asked about
        self.last: tuple[str, np.ndarray] | None = None  # rows last bought, and which blindly
        self.n_drifts = 0
        self.since = 0  # operations of the pool before the labels that count
        self.starts_afresh = False  # whether the model still has to
        self.watch(detector)

    def watch(self, detector) -> None:
        """Have a copy of a drift detector run."""
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


class Streaming:
    """The part of a learner that serves streams."""

    estimator: Any
    strategy: Any
    window: int | None
    update: str
    fit_unlabeled: bool
    drift: Any
    estimator_: Any
    strategy_: Any
    pool_: Pool
    _stream: Stream
    _last_query: str | None
    _params: FitParams
    _embedding: Any
    _view: Callable
    _check_kind: Callable
    _record_rows: Callable
    predict: Callable

    @property
    def tickets_(self) -> Mapping[int, Any]:
        """Open tickets, oldest first: the row that each is for, as a container of one row."""
        return MappingProxyType({ticket: row for ticket, (row, _) in self._stream.open.items()})

    @property
    def n_drifts_(self) -> int:
        """How many drifts were seen."""
        return self._stream.n_drifts

    @property
    def drift_(self):
        """The drift detector that runs, a copy of the one that was given."""
        return self._stream.detector

    def _admit(self, X, subset, embedding, is_ticketed: bool) -> tuple:
        """Return what of a chunk is bought, as `query` does."""
        strategy, stream = self.strategy_, self._stream
        if X is self.pool_.rows.parts[0]:
            raise ValueError(
                "query got the rows that fit got, which are in the pool and do not pass; write "
                "query(X_chunk), with the rows that came since."
            )
        if n_rows(check_rows(X, who="query")) == 0:  # of a source that is polled, or filtered
            nothing = np.zeros(0, dtype=np.intp)
            return (nothing, X, nothing.copy()) if is_ticketed else (nothing, X)
        view, n = self._view(X, subset, embedding=embedding)
        with _restored_on_error(strategy):
            admitted = _checked_mask(strategy, view)
            positions = np.flatnonzero(admitted[:n])
            rows, kept = take(check_rows(X), positions), view.take(positions)
            blind = np.zeros(len(positions), dtype=bool)
            if strategy.has_random_share:
                blind = strategy.random_share_[positions]
            last = None if stream.detector is None else (_digest(Rows(kept)), blind)
            tickets = stream.give_out(kept, blind) if is_ticketed else None
        stream.last, self._last_query = last, TICKETS if is_ticketed else OUTSIDE
        stream.n_passed += n
        return (positions, rows, tickets) if is_ticketed else (positions, rows)

    def _teach_tickets(self, ticket, y, annotator, given: dict, embedding) -> None:
        """Record labels of rows that were kept for them; without a label a row is given up."""
        stream = self._stream
        tickets = stream.checked(ticket)
        if not tickets:
            return
        rows = Rows(*(stream.open[number][0] for number in tickets)).whole()
        values, is_known = self.pool_.parse(y, len(tickets), row_index(rows), "teach")
        known = np.flatnonzero(is_known)
        if embedding is not None:
            embedding = check_rows(embedding, who="teach")
            if n_rows(embedding) == len(tickets):
                embedding = take(embedding, known)
        if len(known):
            blind = np.array([stream.open[number][1] for number in tickets], dtype=bool)[known]
            change = self.pool_.plan_extend(
                take(rows, known), values[known], merge=True, annotator=annotator, who="teach"
            )
            given = FitParams(given, len(tickets)).of(known)
            self._record_rows(change, given, embedding, blind)
        for number in tickets:
            del stream.open[number]

    def _blindly_bought(self, rows: Rows) -> np.ndarray | None:
        """Return which rows tell of a drift, None where none is looked for."""
        return None if self._stream.detector is None else self._stream.blindly_bought(rows)

    def _watched(self, change: Change, blind):
        """Return the detector that has seen the errors on new rows, None without one."""
        detector = copy.deepcopy(self._stream.detector)
        if detector is None or blind is None or not hasattr(self, "estimator_"):
            return detector
        is_label = change.states == LABELED
        positions = change.rows[is_label] - len(self.pool_)
        truth = change.labels[is_label]
        kept = np.flatnonzero(blind[positions])
        if len(kept) == 0:
            return detector
        predicted = self.predict(change.added.take(positions[kept]))
        for error in errors_of(truth[kept], predicted, is_regressor(self.estimator)):
            detector.update(error)
            if detector.drift_detected:
                break
        return detector

    def _follow(self, detector, n_before: int) -> None:
        """Keep the detector; if it saw a drift, begin again with the labels since then."""
        stream = self._stream
        if detector is None or not detector.drift_detected:
            stream.detector = detector
            return
        stream.n_drifts += 1
        stream.since, stream.starts_afresh = n_before, True
        stream.watch(stream.given)
        self.strategy_.restart()

    def _taught(self) -> np.ndarray:
        """Return the rows whose labels count, sorted."""
        return taught_rows(self.pool_, self.window, self._stream.since)

    def _check_stream(self, strategy: Strategy) -> None:
        """Refuse a window, or a drift detector, that does not go with the rest."""
        if self.window is not None:
            check_window(self)
        if self.drift is not None:
            check_drift(self, strategy)


def begun(strategy: Strategy, seed: int, running: Strategy | None = None) -> Strategy:
    """Return a strategy ready to be asked: one of streams begins, or goes on where it is.

    Parameters
    ----------
    strategy : Strategy
        A clone of what the learner was given.
    seed : int
        From which its random numbers follow.
    running : Strategy, default=None
        The one in use, which goes on if its parameters are the same.

    Raises
    ------
    ValueError
        If a parameter of a stream strategy is out of its range.
    """
    if not isinstance(strategy, StreamStrategy):
        return strategy
    if running is not None and are_same(values_of(strategy), values_of(running)):
        return running
    return strategy.reset(np.random.default_rng([seed, *b"stream"]))


def is_stream(strategy) -> bool:
    """Whether a strategy decides as rows pass."""
    return isinstance(strategy, StreamStrategy)


def taught_rows(pool: Pool, window: int | None, since: int = 0) -> np.ndarray:
    """Return the rows that were labelled last, sorted.

    Parameters
    ----------
    pool : Pool
        The rows, and the order in which they were labelled.
    window : int or None
        How many rows; None: all.
    since : int, default=0
        Only those labelled after so many operations.

    Returns
    -------
    ndarray of int64
        Row numbers. A row that was relabelled counts as labelled then.
    """
    if window is None and since == 0:
        return pool.labeled
    is_left, parts, n = pool.labeled_mask, [np.zeros(0, dtype=np.int64)], 0
    undone: set[int] = set()
    operations = pool.since(since)
    for number in range(since + len(operations) - 1, since - 1, -1):
        op = operations[number - since]
        undone.update(op.undone)
        if op.undone or number in undone:
            continue
        rows = op.rows[op.states_after == LABELED][::-1]
        rows = rows[is_left[rows]]
        is_left[rows] = False  # it counts where it was labelled last
        parts.append(rows)
        n += len(rows)
        if window is not None and n >= window:
            break
    return np.sort(np.concatenate(parts)[:window])


@contextmanager
def _restored_on_error(strategy: StreamStrategy) -> Iterator[None]:
    """Bring a running strategy back to what it was if a query raises: no budget is spent."""
    state = {name: value for name, value in vars(strategy).items() if name.endswith("_")}
    large = {id(part): part.snapshot() for part in state.values() if isinstance(part, Volumes)}
    before = copy.deepcopy(state, large)
    try:
        yield
    except BaseException:
        for name in [name for name in vars(strategy) if name.endswith("_")]:
            delattr(strategy, name)
        strategy.__dict__.update(before)
        raise


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
