"""The loop of asking and learning."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from ._progress import progress
from .labels import sorted_classes
from .learner import ActiveLearner
from .oracles import Command, Prompt
from .rows import one_row
from .stopping import StoppingRule, as_rule, n_to_ask
from .validation import check_n_instances


def run(
    learner: ActiveLearner,
    oracle,
    *,
    n_instances: int = 1,
    stopping: StoppingRule | int | None = None,
    callback: Callable[[ActiveLearner], Any] | None = None,
) -> ActiveLearner:
    """Ask and learn until a rule says stop, or no row is left.

    Labels are recorded as they are given: whatever interrupts the loop, none is lost.

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
        The learner that was given. A person who quits, or presses Ctrl-C at the prompt, ends the
        loop; what was answered is learned.

    Raises
    ------
    TypeError
        If the learner is no ActiveLearner, the oracle nothing that answers, or `stopping` no rule.
    NotFittedError
        If the learner has no pool yet.

    Notes
    -----
    Ctrl-C in a callable oracle passes on, as does any error there: the labels of all earlier
    rounds are in the pool, and learned.

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
    answer = _check_run(learner, oracle)
    n_instances = check_n_instances(None, n_instances)
    rule = as_rule(stopping)
    if rule is not None:
        rule.start(learner)
    if isinstance(oracle, Prompt):
        _converse(learner, oracle, n_instances, rule, callback)
        return learner
    questions = _questions(learner, n_instances, rule)
    for indices, rows in progress(questions, _n_left(learner, rule), "asking"):
        learner.teach(indices, answer(indices, rows))
        if callback is not None:
            callback(learner)
    return learner


def _check_run(learner, oracle) -> Callable:
    """Return a function of row numbers and rows that answers, refusing what cannot run."""
    if not isinstance(learner, ActiveLearner):
        raise TypeError(f"run got {learner!r}; give an ActiveLearner that is fitted on its pool.")
    learner._check_has_pool("run")
    if isinstance(oracle, Prompt):
        return oracle.ask
    if hasattr(oracle, "answer"):
        return oracle.answer
    if isinstance(oracle, type) or not callable(oracle):
        raise TypeError(
            f"oracle is {oracle!r}; give Known(y), Prompt(), or a function that takes rows and "
            f"returns their labels."
        )
    return lambda indices, rows: oracle(rows)


def _questions(learner: ActiveLearner, n_instances: int, rule: StoppingRule | None) -> Iterator:
    """Yield how many rows are asked for, and the answer of `query`, until it is time to stop."""
    pool = learner.pool_
    while n := n_to_ask(rule, learner, min(n_instances, pool.n_unlabeled)):
        indices, rows = learner.query(n_instances=n)
        yield len(indices), (indices, rows)


def _n_left(learner: ActiveLearner, rule: StoppingRule | None) -> int:
    """Return how many rows may be asked for at most."""
    left = math.inf if rule is None else rule.n_left(learner)
    return int(min(learner.pool_.n_unlabeled, left))


def _converse(learner, prompt: Prompt, n_instances: int, rule, callback) -> None:
    """Ask a person row by row, learning after each batch, until they quit or a rule stops."""
    given: list[int] = []  # rows answered in this conversation, for undo
    goes_on = True
    questions = _questions(learner, n_instances, rule)
    while goes_on and (question := next(questions, None)) is not None:
        goes_on = _ask_each(learner, prompt, rule, question[1][0], given)
        if learner._is_stale():
            learner.refit()
        if callback is not None:
            callback(learner)
    print(f"{len(given)} rows answered; {learner.pool_!r}")


def _ask_each(learner, prompt: Prompt, rule, indices: np.ndarray, given: list[int]) -> bool:
    """Ask for each row of a batch, recording every answer at once; return whether to go on."""
    pool = learner.pool_
    waiting = indices.tolist()
    while waiting:
        row = waiting[0]
        print(f"\nRow {row}: {pool.n_labeled} labelled, at most {_n_left(learner, rule)} to go")
        try:
            said = prompt.ask(one_row(pool.rows.take([row]), 0), **_expected(learner))
        except KeyboardInterrupt:
            print()  # the terminal shows ^C
            return False
        if said is Command.QUIT:
            return False
        if said is Command.UNDO:
            _take_back(learner, waiting, given)
        elif _record(learner, row, None if said is Command.SKIP else said):
            given.append(waiting.pop(0))
    return True


def _record(learner, row: int, label) -> bool:
    """Record an answer; return whether the pool takes it, telling the person if not."""
    try:
        learner.teach([row], [label], refit=False)
    except ValueError as error:
        print(error)
        return False
    return True


def _take_back(learner, waiting: list[int], given: list[int]) -> None:
    """Undo the last answer, and put its row in front of those that wait."""
    if not given:
        print("There is nothing to undo.")
        return
    pool = learner.pool_
    row = given.pop()
    was = repr(pool.y[row].item()) if pool.labeled_mask[row] else "skipped"
    pool.undo()
    print(f"Row {row} was {was}; once more.")
    waiting.insert(0, row)


def _expected(learner: ActiveLearner) -> dict[str, Any]:
    """Return what a person may say: `Prompt.ask`'s classes, new and numbers."""
    if is_regressor(learner.estimator):
        return {"numbers": True}
    pool = learner.pool_
    is_open = pool.classes is None
    classes = sorted_classes(pool.y_labeled) if is_open else pool.classes
    return {"classes": classes, "new": is_open}
