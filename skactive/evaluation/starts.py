"""What a simulation is given: known labels, a budget, people, rows to start with; and checks."""

import numpy as np
from sklearn.base import is_regressor

from ..data.labels import missing_mask, sorted_classes, to_array
from ..data.multilabel import has_several
from ..data.row_numbers import check_row_numbers
from ..learner.learner import ActiveLearner
from ..learner.starting import missing_label_for, missing_label_of
from ..loops.cost import CostBudget
from ..loops.crowd import Crowd, Noisy
from ..models import is_net
from ..pool.pool import Pool
from ..strategies.base import Strategy, asks_again
from ..utils.checks import checked_count, count_of
from .several import n_classes_of, one_of_each, several_known

WHO = "a simulation"


def axis_of(budget, annotators) -> str:
    """Return what a budget counts, over which a curve is drawn.

    Examples
    --------
    >>> axis_of(100, None), axis_of(100, {"ann": 0.9}), axis_of(CostBudget(100), None)
    ('labels', 'answers', 'cost')
    """
    if isinstance(budget, CostBudget):
        return "cost"
    return "labels" if annotators is None else "answers"


def known_labels(learner: ActiveLearner, X, y) -> Pool:
    """Return the rows as a pool with the labels that are known, refusing fewer than two classes."""
    if y is None:
        raise ValueError(
            "a simulation requires y to be passed, but the target y is None; give the labels to "
            "hide and reveal."
        )
    if learner.hold_out is not None:
        raise ValueError(
            f"a simulation got a learner with hold_out={learner.hold_out!r}, but knows all labels "
            f"and is scored on rows of its own; leave hold_out=None."
        )
    missing_label = missing_label_of(learner)
    if has_several(learner.multilabel, y):
        return several_known(learner, X, y)
    unknown = missing_mask(to_array(y), missing_label)
    if unknown.all():
        raise ValueError("a simulation reveals known labels, but y has none; give some.")
    oracle = Pool(X, y, missing_label=missing_label_for(learner), classes=learner.classes)
    if not is_regressor(learner.estimator):
        seen = sorted_classes(oracle.y_labeled)
        if learner.classes is None and is_net(learner.estimator):
            learner.set_params(classes=seen)  # a net has an output for each from the start
        if len(seen) < 2:
            hint = ""
            if missing_label == -1 and unknown.any() and seen.dtype.kind in "iuf":
                hint = " (if -1 is the other, give the learner missing_label=None)"
            raise ValueError(
                f"y has the one class {seen.tolist()[0]!r}; a simulation needs two classes{hint}."
            )
    return oracle


def check_simulation(
    learner: ActiveLearner,
    oracle: Pool,
    budget,
    n_instances,
    n_initial,
    initial,
    annotators: dict | None = None,
    n_opinions: float = 1,
    seed: int = 0,
) -> tuple[int, int, int, np.ndarray | None]:
    """Return budget, batch and start as counts, and the rows to start with, if any are named."""
    n_people = _check_people(learner, oracle, annotators, n_opinions)
    most = oracle.n_labeled * n_people
    total = most if isinstance(budget, CostBudget) else count_of(budget, most)
    if total is None:
        raise ValueError(
            f"budget is {budget!r}; give a count of labels, or a share in (0, 1] as a float."
        )
    total = max(1, round(total))
    n_instances = checked_count(n_instances, "n_instances")
    start = _check_start(learner, oracle, total, n_opinions, n_initial, initial, seed)
    return total, n_instances, *start


def _check_people(learner: ActiveLearner, oracle: Pool, annotators, n_opinions) -> int:
    """Return how many people answer, refusing what does not go with one, or with several."""
    strategy = learner.strategy
    if annotators is None:
        if isinstance(strategy, Strategy) and asks_again(strategy):
            raise ValueError(
                f"{WHO} got {strategy!r}, which asks for other people's opinions on labelled rows; "
                f"give annotators={{'ann': 0.9, 'ben': 0.8}}, how likely each is right."
            )
        if n_opinions != 1:
            raise ValueError(
                f"{WHO} got n_opinions={n_opinions!r} without annotators; give these, such as "
                f"annotators={{'ann': 0.9, 'ben': 0.8}}, how likely each is right."
            )
        return 1
    if not isinstance(annotators, dict):
        raise TypeError(
            f"{WHO} got annotators={annotators!r}; give a dict such as {{'ann': 0.9, 'ben': 0.8}}, "
            f"how likely each is right."
        )
    if oracle.multilabel:
        raise ValueError(
            f"{WHO} got annotators, who give one label a row, where rows have several; leave them "
            f"out, or simulate whether a row has one of the labels."
        )
    people = Noisy.crowd(oracle.y, annotators, 0, oracle.missing_label)
    Crowd(people, Pool(np.zeros((1, 1)), consensus=learner.consensus), n_opinions, who=WHO)
    return len(people)


def _check_start(
    learner: ActiveLearner,
    oracle: Pool,
    total: int,
    n_opinions: float,
    n_initial,
    initial,
    seed: int,
) -> tuple[int, np.ndarray | None]:
    """Return how many rows to start with, and which; None: the learner chooses."""
    rows = None
    if initial is not None and not isinstance(initial, str):
        rows = _named_rows(oracle, initial)
        if n_initial is not None:
            raise ValueError("initial lists the rows to start with; leave n_initial=None.")
        n = len(rows)
    elif n_initial is None:
        classes = 0 if is_regressor(learner.estimator) else n_classes_of(oracle)
        n = min(max(10, 2 * classes), oracle.n_labeled)
    else:
        n = checked_count(n_initial, "n_initial")
    if n > min(np.ceil(total / n_opinions), oracle.n_labeled):
        many = f", {n_opinions} for each row" if n_opinions > 1 else ""
        raise ValueError(
            f"budget {total} is below the {n * n_opinions:.0f} initial labels{many}; give a larger "
            f"budget, or fewer initial labels."
        )
    if isinstance(initial, str):
        if initial != "stratified":
            raise ValueError(f"initial is {initial!r}; give 'stratified', row numbers, or None.")
        if is_regressor(learner.estimator):
            raise ValueError("initial='stratified' needs classes; for a regressor write None.")
        draw = one_of_each if oracle.multilabel else _stratified
        rows = draw(oracle, n, np.random.default_rng(seed))
    return n, rows


def _named_rows(oracle: Pool, initial) -> np.ndarray:
    """Return the row numbers to start with, refusing rows without a label."""
    rows = check_row_numbers(initial, len(oracle), who="initial")
    if len(rows) == 0:
        raise ValueError("initial names no row; give at least one row number, or None.")
    hidden = rows[~oracle.labeled_mask[rows]]
    if len(hidden):
        raise ValueError(f"initial names row {hidden[0]}, which has no label in y.")
    return rows


def _stratified(oracle: Pool, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n labelled rows at random, the classes taking turns."""
    order = rng.permutation(oracle.labeled)
    labels = oracle.y[order]
    # Turn k has the k-th row of each class; a stable sort by turn keeps the random order in it.
    turn = np.zeros(len(order), dtype=np.int64)
    for label in sorted_classes(labels):
        mine = labels == label
        turn[mine] = np.arange(mine.sum())
    return order[np.argsort(turn, kind="stable")][:n]
