"""The loop over a pool: ask, have it answered, learn."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from sklearn.base import is_regressor

from ..data.labels import sorted_classes
from ..data.rows import one_row
from ..learner.learner import ActiveLearner
from ..learner.questions import check_has_pool
from ..learner.trainer import is_stale
from ..strategies.stream import passes
from ..utils.checks import check_callback, check_n_instances
from ..utils.progress import progress
from .oracles import Command, Prompt, answer_of
from .stopping import StoppingRule, as_rule, n_to_ask


def run(
    learner: ActiveLearner,
    oracle,
    *,
    n_instances: int = 1,
    stopping: StoppingRule | int | None = None,
    callback: Callable[[ActiveLearner], Any] | None = None,
) -> ActiveLearner:
    """Ask and learn until a rule says stop, or no row is left.

    Labels are recorded as they come, so that no interruption loses any.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on its pool; it learns in place.
    oracle : Known, Prompt or callable
        Who answers. A callable takes the rows and returns one label for each, the missing label
        where it cannot tell.
    n_instances : int, default=1
        How many rows to ask for in each round.
    stopping : StoppingRule or int, default=None
        When to stop; a number stands for `Budget` of so many labels. None: when no row is left.
    callback : callable, default=None
        Called with the learner after each round.

    Returns
    -------
    ActiveLearner
        The learner that was given.

    Raises
    ------
    TypeError
        If the learner is no ActiveLearner, the oracle nothing that answers, `stopping` no rule, or
        the callback no function.
    NotFittedError
        If the learner has no pool yet.

    Notes
    -----
    A person who quits, or presses Ctrl-C at the prompt, ends the loop; the answers so far are
    learned. Ctrl-C in a callable oracle is raised, as is any error there; the labels of all
    earlier rounds are in the pool, and learned.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import ActiveLearner, Known, run
    >>> X, truth = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), random_state=0).fit(X)
    >>> run(learner, Known(truth), n_instances=5, stopping=30).pool_
    Pool(150 rows: 30 labelled, 120 unlabelled, 0 reserved, 0 skipped)
    """
    if not isinstance(learner, ActiveLearner):
        raise TypeError(f"run got {learner!r}; give an ActiveLearner that is fitted on its pool.")
    check_has_pool(learner, "run")
    passes(learner.strategy_, None)
    n_instances = check_n_instances(None, n_instances)
    rule = as_rule(stopping)
    answer = None if isinstance(oracle, Prompt) else answer_of(oracle)
    check_callback(callback)
    if rule is not None:
        rule.start(learner)
    questions = _questions(learner, n_instances, rule)
    if answer is None:
        _Conversation(learner, oracle, rule).hold(questions, callback)
        return learner
    for indices, rows in progress(questions, _n_left(learner, rule), "asking"):
        learner.teach(indices, answer(indices, rows))
        if callback is not None:
            callback(learner)
    return learner


def _questions(learner: ActiveLearner, n_instances: int, rule: StoppingRule | None) -> Iterator:
    """Yield (number of rows, what `query` returned) until it is time to stop."""
    pool = learner.pool_
    while n := n_to_ask(rule, learner, min(n_instances, pool.n_unlabeled)):
        indices, rows = learner.query(n_instances=n)
        yield len(indices), (indices, rows)


def _n_left(learner: ActiveLearner, rule: StoppingRule | None) -> int:
    """Return the most rows that may still be asked for."""
    left = math.inf if rule is None else rule.n_left(learner)
    return int(min(learner.pool_.n_unlabeled, left))


class _Conversation:
    """Ask a person row by row; every answer is recorded at once, and can be taken back."""

    def __init__(self, learner: ActiveLearner, prompt: Prompt, rule: StoppingRule | None):
        self.learner, self.prompt, self.rule = learner, prompt, rule
        self.given: list[int] = []  # rows answered so far, for undo
        self.names: list = []  # classes, in an order that keeps their keys

    def hold(self, questions: Iterator, callback: Callable | None) -> None:
        """Ask and learn batch by batch, until the person quits or there are no more questions."""
        learner, pool = self.learner, self.learner.pool_
        for _, (indices, _) in questions:
            # The fit comes after the batch: after each answer the person would have to wait.
            goes_on = self._ask_each(indices.tolist())
            if is_stale(learner):
                learner.refit()
            n_operations = pool.n_operations
            if callback is not None:
                callback(learner)
            if pool.n_operations > n_operations:
                self.given.clear()  # undo would revert what the callback did
            if not goes_on:
                break
        print(f"\n{pool!r}")

    def _ask_each(self, waiting: list[int]) -> bool:
        """Ask for each row of a batch; return whether to go on."""
        pool = self.learner.pool_
        while waiting:
            row = waiting[0]
            to_go = _n_left(self.learner, self.rule)
            print(f"\nRow {row}: {pool.n_labeled} labelled, at most {to_go} to go")
            try:
                said = self.prompt.ask(one_row(pool.rows.take([row]), 0), **self._expected())
            except KeyboardInterrupt:
                print()  # the terminal shows ^C, without a new line
                return False
            if said is Command.QUIT:
                return False
            if said is Command.UNDO:
                self._take_back(waiting)
            elif self._record(row, None if said is Command.SKIP else said):
                self.given.append(waiting.pop(0))
        return True

    def _record(self, row: int, label) -> bool:
        """Record an answer; return whether the pool takes it, and tell the person why if not."""
        try:
            self.learner.teach([row], [label], refit=False)
        except ValueError as error:
            print(error)
            return False
        return True

    def _take_back(self, waiting: list[int]) -> None:
        """Undo the last answer; its row is asked for again, before those that wait."""
        if not self.given:
            print("There is nothing to undo.")
            return
        pool = self.learner.pool_
        row = self.given.pop()
        was = repr(pool.y[[row]].tolist()[0]) if pool.labeled_mask[row] else "skipped"
        pool.undo()
        print(f"Row {row} was {was}; once more.")
        waiting.insert(0, row)

    def _expected(self) -> dict[str, Any]:
        """Return what the person may say, as parameters of `Prompt.ask`."""
        pool = self.learner.pool_
        if is_regressor(self.learner.estimator):
            return {"numbers": True}
        if pool.classes is not None:
            return {"classes": pool.classes, "new": False}
        seen = sorted_classes(pool.y_labeled).tolist()
        # In the order in which they came: a class that sorts first would shift all others' keys.
        still = [name for name in self.names if name in seen]
        self.names = still + [name for name in seen if name not in still]
        if pool.y_labeled.dtype.kind != "O":
            self.names = seen  # numbers have no keys
        return {"classes": self.names}
