"""The loop of asking and learning."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._progress import progress
from .labels import sorted_classes
from .learner import ActiveLearner
from .oracles import Command, Prompt
from .rows import one_row
from .stopping import Budget, StoppingRule


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
    rule = Budget(stopping) if isinstance(stopping, int) else stopping
    if rule is not None:
        rule.start(learner)
    if isinstance(oracle, Prompt):
        _converse(learner, oracle, n_instances, rule, callback)
        return learner
    total = learner.pool_.n_unlabeled
    if isinstance(rule, Budget):
        total = min(total, rule.n_labels - learner.pool_.n_labeled)
    for indices, rows in progress(_questions(learner, n_instances, rule), total, "asking"):
        labels = oracle.answer(indices, rows) if hasattr(oracle, "answer") else oracle(rows)
        learner.teach(indices, labels)
        if callback is not None:
            callback(learner)
    return learner


def _questions(learner: ActiveLearner, n_instances: int, rule: StoppingRule | None) -> Iterator:
    """Yield how many rows are asked for, and the answer of `query`, until it is time to stop."""
    pool = learner.pool_
    while pool.n_unlabeled and not (rule is not None and rule.should_stop(learner)):
        n = n_instances
        if isinstance(rule, Budget):
            n = min(n, rule.n_labels - pool.n_labeled)
        indices, rows = learner.query(n_instances=n)
        yield len(indices), (indices, rows)


def _converse(learner, prompt: Prompt, n_instances: int, rule, callback) -> None:
    """Ask a person row by row, learning after each batch, until they quit or a rule stops."""
    given: list[int] = []  # rows answered in this conversation, for undo
    for _, (indices, _) in _questions(learner, n_instances, rule):
        goes_on = _ask_each(learner, prompt, indices, given)
        if learner._is_stale():
            learner.refit()
        if callback is not None:
            callback(learner)
        if not goes_on:
            return


def _ask_each(learner, prompt: Prompt, indices: np.ndarray, given: list[int]) -> bool:
    """Ask for each row of a batch, recording every answer at once; return whether to go on."""
    pool = learner.pool_
    waiting = indices.tolist()
    while waiting:
        try:
            said = prompt.ask(one_row(pool.rows.take(waiting[:1]), 0), _labels_so_far(learner))
        except KeyboardInterrupt:
            return False
        if said is Command.QUIT:
            return False
        if said is Command.UNDO:
            if not given:
                print("There is nothing to undo.")
                continue
            pool.undo()
            waiting.insert(0, given.pop())
            continue
        label = None if said is Command.SKIP else said
        learner.teach(waiting[:1], [label], refit=False)
        given.append(waiting.pop(0))
    return True


def _labels_so_far(learner: ActiveLearner) -> np.ndarray:
    """Return the labels that may come, or those that came."""
    pool = learner.pool_
    return sorted_classes(pool.y_labeled) if pool.classes is None else pool.classes
