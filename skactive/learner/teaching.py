"""What teach and extend record: planned first, refused where it does not fit, then carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_regressor

from ..data.frames import is_default_index, is_pandas
from ..data.labels import check_order, to_array
from ..data.row_numbers import (
    are_index_labels,
    as_row_numbers,
    check_row_numbers,
    is_flat_numbers,
    one_row_as,
)
from ..data.rows import Rows, check_rows, n_rows, row_index, take
from ..pool import plans
from ..pool.fold import SKIPPED
from ..pool.log import UNSURE, Change
from ..utils.checks import warn
from .embedding import Embedding
from .fit_params import FitParams
from .questions import OF_MINUS_ONE, Kept, OfRows, kept_of
from .stream import OUTSIDE, TICKETS, Stream, running_copy
from .trainer import Trainer, check_kind, trainer_of


class NotGiven:
    """Stands for labels that were not given, where None would be the missing label."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven()


class Lesson(NamedTuple):
    """What a call will record: checked, but not recorded yet."""

    change: Change | None = None
    params: FitParams | None = None  # of ``fit``, for the pool as it will be
    embedding: Embedding | None = None  # of the pool as it will be; None: as it is
    detector: Any = None  # that has seen the errors on the new rows
    tickets: Sequence[int] = ()  # that are answered
    is_answer: bool = False  # whether these are rows that a stream's last query returned


@dataclass(frozen=True)
class Teacher:
    """Plans lessons, without changing anything."""

    trainer: Trainer
    embedding: Embedding
    stream: Stream
    last_query: str | None  # POOL, OUTSIDE or TICKETS; None: nothing was asked
    predict: Callable | None  # rows -> labels, None while too few are known

    def lesson(
        self, X, y, ticket, relabel: bool, annotator, params: dict, of_rows: OfRows
    ) -> Lesson:
        """Return what `teach` will record."""
        if ticket is not None:
            return self._of_tickets(ticket, y, annotator, params, of_rows)
        pool, ids = self.trainer.pool, of_rows.ids
        numbers = as_row_numbers(X) if X is not None else pool.numbers(ids, "teach")
        if X is not None and self.last_query == OUTSIDE:
            self._refuse_one_row(X, y)
        if numbers is None and is_flat_numbers(X):
            numbers = check_row_numbers(X, len(self.trainer.pool), who="teach")
        if numbers is None:
            return self._of_rows(X, y, annotator, params, relabel, of_rows)
        if X is None:
            y = self._in_order_of(ids, numbers, y)
        elif ids is not None:
            raise ValueError("teach got row numbers and ids; give one of the two.")
        elif len(numbers) and self.last_query in (OUTSIDE, TICKETS):
            self._refuse_numbers(relabel)
        for name, given in zip(("embedding", "groups"), of_rows[:2], strict=True):
            if given is not None:
                raise ValueError(
                    f"teach got row numbers and {name}=, which fit has for the pool's rows; leave "
                    f"it out."
                )
        return self._of_numbers(numbers, y, annotator, params, relabel)

    def _refuse_numbers(self, relabel: bool) -> None:
        """Refuse row numbers after a query over rows that have none."""
        instead = "teach(X_pool[idx], y), with the rows themselves"
        if relabel:
            instead = "pool_.label(rows, y, relabel=True) and refit()"
        raise ValueError(
            f"teach got row numbers, but the last query was over rows from outside, which the "
            f"pool does not number; write {instead}."
        )

    def _in_order_of(self, ids, numbers: np.ndarray, y):
        """Return labels without their index, refused where it has the ids in another order."""
        if not is_pandas(y):
            return y
        index = row_index(ids)
        if index is None and not is_default_index(y.index):
            own: Any = self.trainer.pool.ids
            index = type(y.index)(own[numbers])
        check_order(y, index, who="teach", key="ids")
        return to_array(y)

    def _refuse_one_row(self, X, y) -> None:
        """Refuse the values of a single row from outside, which look like row numbers."""
        first = self.trainer.pool.rows.parts[0]
        is_list = isinstance(first, list)
        shape: tuple = np.shape(first[:1]) if is_list else getattr(first, "shape", ())
        # As many integers as labels are row numbers, which are refused as such.
        is_one = len(shape) == 2 and (is_flat_numbers(X) or np.size(y) != shape[1])
        write = one_row_as(X, shape[1]) if is_one else None
        if write is not None:
            raise ValueError(
                f"teach got a single row of {shape[1]} values; write teach({write}, [label]), "
                f"with X the rows that were asked about."
            )

    def extension(self, X, y, params: dict, of_rows: OfRows) -> Lesson:
        """Return what `extend` will record."""
        change = self._extended(X, y, of_rows, who="extend")
        return self._of_new(change, params, of_rows.vectors, "extend")

    def _extended(self, X, y, of_rows: OfRows, *, who: str = "teach", **how) -> Change:
        """Plan rows that join the pool."""
        given = {"ids": of_rows.ids, "groups": of_rows.groups, "who": who}
        return plans.extend(self.trainer.pool, X, y, **given, **how)

    def _of_numbers(self, numbers: np.ndarray, y, annotator, params, relabel) -> Lesson:
        """Plan labels of rows of the pool."""
        change = plans.label(
            self.trainer.pool, numbers, y, relabel=relabel, annotator=annotator, who="teach"
        )
        self._check_kind(change)
        names = self.trainer.pool.rows.names_of(numbers) if params else None
        return Lesson(change, self.trainer.params.replaced(params, numbers, names, "teach"))

    def _of_rows(self, X, y, annotator, params, relabel, of_rows: OfRows) -> Lesson:
        """Plan rows from outside with their labels."""
        if self.last_query != OUTSIDE and are_index_labels(X, self.trainer.pool.rows.parts[0]):
            by_ids = "" if self.trainer.pool.ids is None else ", or teach(ids=ids, y=y)"
            raise ValueError(
                f"teach got labels of an index, which are no row numbers; write teach(idx, y), "
                f"with idx as query returned it{by_ids}."
            )
        X = check_rows(X, who="teach")
        if n_rows(X) == 0:
            return self._of_numbers(np.zeros(0, dtype=np.int64), y, annotator, params, relabel)
        if self.last_query == TICKETS:
            raise ValueError(
                "teach got rows, but the last query gave out tickets, under which they are kept; "
                "write teach(y=y, ticket=tickets)."
            )
        if self.last_query != OUTSIDE:
            last = "the last query was over the pool" if self.last_query else "nothing was asked"
            raise ValueError(
                f"teach got rows, but {last}; write teach(idx, y) with row numbers of the pool, or "
                f"extend(X, y) to add rows."
            )
        if relabel:
            raise ValueError("relabel=True goes with row numbers; rows from outside are new.")
        how = {"missing": SKIPPED, "merge": True, "annotator": annotator}
        change = self._extended(X, y, of_rows, **how)
        if len(change.rows) < change.n_added:
            raise ValueError("teach got y=None for rows from outside; give one label for each row.")
        stream = self.stream
        blind = None if stream.detector is None else stream.blindly_bought(change.added)
        lesson = self._of_bought(change, params, of_rows.vectors, blind)._replace(is_answer=True)
        if (change.events == UNSURE).any():
            self._tell_of_minus_ones(y, change.n_added, "skipped")
        return lesson

    def _of_tickets(self, ticket, y, annotator, params, of_rows: OfRows) -> Lesson:
        """Plan labels of rows kept under tickets; a row without a label is given up."""
        stream, pool = self.stream, self.trainer.pool
        tickets = stream.checked(ticket)
        if not tickets:
            return Lesson()
        rows = Rows(*(stream.open[number][0] for number in tickets)).whole()
        values, is_known = plans.parse_labels(
            pool, y, len(tickets), row_index(rows), "teach", is_answer=True
        )
        known = np.flatnonzero(is_known)
        if len(known) < len(tickets):
            self._tell_of_minus_ones(y, len(tickets), "given up")
        names = [stream.open[number][2] for number in tickets]
        if of_rows.ids is None and None not in names:
            of_rows = of_rows._replace(ids=names)
        of_rows = of_rows.take(known, len(tickets))
        if len(known) == 0:
            return Lesson(tickets=tickets)
        blind = np.array([stream.open[number][1] for number in tickets], dtype=bool)[known]
        how = {"merge": True, "annotator": annotator}
        change = self._extended(take(rows, known), values[known], of_rows, **how)
        params = FitParams(params, len(tickets), row_index(rows), "teach").of(known)
        return self._of_bought(change, params, of_rows.vectors, blind)._replace(tickets=tickets)

    def _of_new(self, change: Change, params: dict, vectors, who: str) -> Lesson:
        """Plan a change that adds rows, with what belongs to them."""
        self._check_kind(change)
        extended = self.trainer.params.extended(params, change.added, who)
        return Lesson(change, extended, self.embedding.extended(vectors, change.added, who))

    def _of_bought(self, change: Change, params: dict, vectors, blind) -> Lesson:
        """Plan rows of a stream; a drift detector sees the errors on those bought blindly."""
        lesson, trainer = self._of_new(change, params, vectors, "teach"), self.trainer
        detector = self.stream.watched(
            change, blind, len(trainer.pool), self.predict, is_regressor(trainer.estimator)
        )
        return lesson._replace(detector=detector)

    def _tell_of_minus_ones(self, y, n: int, fate: str) -> None:
        """Warn of rows from outside that are lost where -1 is a class."""
        n_lost = self.trainer.pool.n_doubtful(y)
        if n_lost:
            warn(
                f"teach got -1 for {n_lost} of {n} rows from outside, which are {fate}: by default "
                f"it means that nobody could tell, as None does; {OF_MINUS_ONE}."
            )

    def _check_kind(self, change: Change) -> None:
        """Refuse labels that the estimator cannot learn, or if it is frozen does not know."""
        if self.trainer.pool.multilabel:
            return
        check_kind(self.trainer.estimator, self.trainer.classes, change.labels)
        self.trainer.check_fractions(change)


def teacher_of(learner) -> Teacher:
    """Return the teacher of a learner, as it is now."""
    kept, last = kept_of(learner), learner._last_query
    predict = None if learner._fitted.estimator is None else (lambda X: learner.predict(X))
    return Teacher(trainer_of(learner, learner.pool_), kept.embedding, kept.stream, last, predict)


def record(learner, plan: Callable[[Teacher], Lesson]) -> None:
    """Plan a lesson and record it; nobody else writes to the pool's file in between."""
    learner.pool_.together(lambda: _record(learner, plan(teacher_of(learner))))


def _record(learner, lesson: Lesson) -> None:
    """Record a planned lesson in a learner, whole or not at all; nothing is refused here."""
    pool, change, now = learner.pool_, lesson.change, kept_of(learner)
    params, embedding, stream, strategy, _ = now
    n_drifts, stream = stream.n_drifts, stream.answered(lesson.tickets, lesson.is_answer)
    if lesson.detector is not None:
        stream = stream.following(lesson.detector, pool.n_operations)
    if stream.n_drifts > n_drifts:
        strategy = running_copy(strategy)
        strategy.restart()
    if lesson.params is not None:
        params = lesson.params
    if lesson.embedding is not None:
        embedding = lesson.embedding
    after = Kept(params, embedding, stream, strategy)
    if change is not None and not change.is_empty:
        change = change._replace(token=object())
        learner._kept = now._replace(planned=(change, pool.n_operations, after))
        pool.apply(change)
    learner._kept = after


def check_taught(X, y, ids, ticket, relabel: bool) -> None:
    """Refuse labels that are missing, or of which it is not clear whose they are."""
    if isinstance(y, NotGiven):
        raise TypeError("teach got no labels; write teach(idx, y), or teach(y=y, ticket=tickets).")
    if X is ids is ticket is None or not (X is None or ticket is None):
        got = "neither rows nor tickets" if X is None else "rows and tickets"
        raise ValueError(
            f"teach got {got}; write teach(idx, y), teach(ids=ids, y=y) or "
            f"teach(y=y, ticket=tickets)."
        )
    if ticket is not None and relabel:
        raise ValueError("relabel=True goes with row numbers; rows under tickets have no label.")
