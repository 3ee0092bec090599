"""Known labels of rows that have several: what a simulation hides, and the rows to start with."""

from typing import Any

import numpy as np

from ..data.labels import sorted_classes
from ..learner.learner import ActiveLearner
from ..learner.several import check_several
from ..learner.starting import missing_label_for
from ..pool.pool import Pool


def several_known(learner: ActiveLearner, X, y) -> Pool:
    """Return rows as a pool with their labels, and tell the learner how these are called."""
    missing, classes = missing_label_for(learner), learner.classes
    oracle = Pool(X, y, missing_label=missing, classes=classes, multilabel=True)
    check_several(learner, oracle)
    if oracle.n_labeled == 0:
        raise ValueError("a simulation reveals known labels, but y has none; give some.")
    if (oracle.y_labeled == oracle.y_labeled[0]).all():
        raise ValueError(
            "all rows of y have the same labels; a simulation needs rows that differ in one."
        )
    # They are hidden, so that y tells of neither.
    names: Any = oracle.classes
    learner.set_params(multilabel=True, classes=names.tolist())
    return oracle


def n_classes_of(oracle: Pool) -> int:
    """Return how many classes there are among labels, or how many labels a row may have."""
    if oracle.multilabel:
        return oracle.y.shape[1]
    return len(sorted_classes(oracle.y_labeled))


def one_of_each(oracle: Pool, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n labelled rows at random, each label taking its turn to be there and not to be.

    The next row is one with that value of a label which fewest rows have so far.
    """
    order = rng.permutation(oracle.labeled)
    has = oracle.y[order] == 1
    cells = np.hstack([has, ~has])  # each label, and its absence
    cells = cells[:, cells.any(axis=0)]
    counts, is_left = np.zeros(cells.shape[1]), np.ones(len(order), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < n:
        left = cells[is_left].any(axis=0)
        wanted = np.where(left, counts, np.inf).argmin()
        at = int((is_left & cells[:, wanted]).argmax())
        chosen.append(at)
        counts += cells[at]
        is_left[at] = False
    return order[chosen]
