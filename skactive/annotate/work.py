"""The process that trains: it fits a learner, ranks rows, and says what the model says of some.

It is started by `worker.py`, and ends with the process that started it, however that ended.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import compress
from typing import IO, Any

import numpy as np
from sklearn.base import is_classifier

from ..learner.learner import ActiveLearner
from ..learner.questions import view_of
from ..learner.starting import cold_strategy
from ..learner.trainer import is_stale, train
from ..pool.asking import order_of
from ..pool.log import NOTHING
from ..strategies.base import Strategy, choose, has_score
from .frames import Done, Task, receive, send
from .refused import said_by

RANKED, RANKED_JOINTLY = 2048, 256  # rows: a score ranks as many as one likes


class Student:
    """A learner in a process of its own, whose pool follows the record.

    All that is the user's runs in one thread: an estimator, or a strategy, may raise anything, and
    labelling is to go on.
    """

    def __init__(self, learner: ActiveLearner) -> None:
        self.learner = learner
        self.thread = ThreadPoolExecutor(1)
        self.failures: list[str] = []
        self.is_polite = False  # whether it leaves the processors to others

    def work(self, task: Task) -> Done:
        """Learn what is new, rank the rows, and say what the model says."""
        learner, pool, start = self.learner, self.learner.pool_, time.perf_counter()
        self.failures = []
        for change in task.changes:
            pool.ledger.commit(change)
        is_new = self._tried(self._learn, "The model could not be trained") is True
        ranked = self._tried(self._rank, "The rows could not be ranked")
        if ranked is None:
            cold = cold_strategy(learner.cold_start)
            ranked = self._tried(lambda: self._ranked(cold), "Nor could they by the cold start")
        ranked = NOTHING if ranked is None else ranked
        tests = pool.ledger.read(order_of)[: learner.max_test + pool.test_answers().n_skipped]
        rows = np.unique(np.concatenate([tests, ranked, task.rows]))
        said = self._tried(lambda: self._say(rows), "The model says nothing of the rows")
        if said is None:
            rows, said = NOTHING, ([], None, [])
        seconds, failed = time.perf_counter() - start, " ".join(self.failures) or None
        n, n_labeled, (labels, proba, classes) = pool.n_operations, pool.n_labeled, said
        about = seconds, is_new, failed, ranked, rows, labels, proba, classes, tests
        return Done(n, n_labeled, *about)

    def _tried(self, work: Callable[[], Any], otherwise: str) -> Any:
        """Return what some work returns; where it raises, None, and there is a failure more."""
        future = self.thread.submit(work)
        error = future.exception()
        if error is None:
            return future.result()
        traceback.print_exception(error)
        self.failures.append(f"{otherwise}: {type(error).__name__}: {said_by(error)}.")
        return None

    def _learn(self) -> bool:
        """Fit the estimator, if it would learn something; return whether it did."""
        before = getattr(self.learner, "estimator_", None)
        if is_stale(self.learner):
            train(self.learner)
        return getattr(self.learner, "estimator_", None) is not before

    def _rank(self) -> np.ndarray:
        is_cold = not hasattr(self.learner, "estimator_")
        cold = self.learner.cold_start
        return self._ranked(cold_strategy(cold) if is_cold else self.learner.strategy_)

    def _ranked(self, strategy: Strategy) -> np.ndarray:
        """Return the rows to ask for, best first."""
        view, _ = view_of(self.learner, strategy=strategy)
        return choose(strategy, view, RANKED if has_score(strategy) else RANKED_JOINTLY)

    def _say(self, rows: np.ndarray) -> tuple[list[Any], np.ndarray | None, list[str]] | None:
        """Return labels of rows, probabilities and their classes; None without a model."""
        learner = self.learner
        if not hasattr(learner, "estimator_") or len(rows) == 0:
            return None
        X, has_classes = learner.pool_.rows.take(rows), is_classifier(learner)
        names = [str(name) for name in learner.classes_.tolist()] if has_classes else []
        labels, proba = np.asarray(learner.predict(X)), None
        _check_said("predict", labels, len(rows))
        said = labels.tolist()
        if labels.ndim == 2:
            said = [[*compress(names, row)] for row in said]
        elif has_classes:
            said = [str(label) for label in said]
        if has_classes and hasattr(learner, "predict_proba"):
            proba = np.asarray(learner.predict_proba(X))
            _check_said("predict_proba", proba, len(rows))
        return said, proba, names


def _check_said(method: str, said: np.ndarray, n: int) -> None:
    """Refuse what a model says where it is nothing of these rows."""
    if len(said) != n or said.ndim > 2:
        raise ValueError(f"{method} returned an array of shape {said.shape} for {n} rows")
    if said.dtype.kind == "f" and not np.isfinite(said).all():
        raise ValueError(f"{method} returned NaN or infinity")


def serve_tasks() -> None:
    """Answer the tasks that come through stdin, until it ends."""
    source, target = _own_pipes()
    with ThreadPoolExecutor(1) as thread:
        student: Any = None
        while True:
            try:
                given = receive(source)
            except EOFError:
                _leave()
            if student is None:
                student = Student(given)
                send(target, given.pool_.n_operations)
                continue
            thread.submit(_answer, student, given, target).add_done_callback(_end_if_failed)


def _end_if_failed(future: Future) -> None:
    """End where a task brought no answer: who waits for one is to see that none comes."""
    if (error := future.exception()) is not None:
        traceback.print_exception(error)
        os._exit(1)


def _answer(student: Student, task: Task, target: IO[bytes]) -> None:
    is_done = False
    try:
        done = student.work(task)
        if not student.is_polite and hasattr(os, "nice"):
            os.nice(10)  # a click comes first; but for the first ranking people wait
        student.is_polite = True
        send(target, done)
        is_done = True
    except Exception as error:
        traceback.print_exception(error)
        raise
    finally:
        if not is_done:
            os._exit(1)  # nobody looks at this thread, and the page would wait for ever


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Return the pipes, and leave to others a stdin that is empty and a stdout that is stderr."""
    source, target = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, target


def _leave() -> None:
    """End at once, with all processes that the estimator has started."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    serve_tasks()
