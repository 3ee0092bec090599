"""Cross-validation and scores for learners: what scikit-learn's searches are given."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..data import labels as lab
from ..data.multilabel import as_indicators, looks_multilabel
from ..data.rows import check_rows, n_rows, row_index, take
from ..learner.inside import reach, transformed
from ..learner.starting import missing_label_of
from ..statistics import aulc
from ..utils.scoring import score_of, scorer_of
from .simulation import SimulatedLearner, kept_stages


class LabeledKFold(BaseEstimator):
    """K folds of the labelled rows; unlabelled rows are always trained on, and never tested.

    A plain splitter would treat unlabelled rows as one more class, and have their predictions
    scored.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to shuffle the labelled rows before they are split.
    stratified : bool or "auto", default="auto"
        Whether every fold has the same share of each class. "auto": yes for integers, booleans
        and text, no for floats, and for several labels a row.
    random_state : int, RandomState or None, default=None
        Seed of the shuffling; None with ``shuffle=False``.
    missing_label : int, float, str or None, default="auto"
        What counts as unlabelled besides None, NaN and pandas.NA. "auto": -1, unless some label
        has a fraction, which makes -1.0 a value like the others. None: nothing more; write it
        where whole numbers are values.

    Examples
    --------
    >>> from skactive.evaluation import LabeledKFold
    >>> y = [0, -1, 1, -1, 0, 1]
    >>> for train, test in LabeledKFold(2).split(y, y):
    ...     print(train, test)
    [1 3 4 5] [0 2]
    [0 1 2 3] [4 5]

    A learner whose pool is partly labelled, scored on labelled rows that it was not trained on:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skactive import ActiveLearner
    >>> X, y = load_iris(return_X_y=True)
    >>> y[::2] = -1
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500))
    >>> print(cross_val_score(learner, X, y, cv=LabeledKFold(3)).round(2))
    [1.   0.88 1.  ]
    """

    def __init__(
        self,
        n_splits=5,
        *,
        shuffle=False,
        stratified: Any = "auto",
        random_state=None,
        missing_label: Any = "auto",
    ) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.stratified = stratified
        self.random_state = random_state
        self.missing_label = missing_label

    def split(self, X, y, groups=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows to train on and the rows to test on, for each fold.

        Parameters
        ----------
        X, y : container of n rows, array-like of shape (n,)
            Rows and labels, with the missing label where there is none.
        groups : None
            Not supported.

        Yields
        ------
        train, test : ndarray of int64
            Increasing row numbers: the labelled rows of the other folds and every unlabelled row;
            the labelled rows of this fold.

        Raises
        ------
        ValueError
            If there are fewer labelled rows than folds, no class has a row for each fold, or
            `groups` are given.
        """
        if groups is not None:
            raise ValueError("LabeledKFold keeps no groups together; leave groups=None.")
        if y is None:
            raise ValueError("LabeledKFold splits the rows that have a label; give y.")
        lab.check_order(y, row_index(X), who="split")
        values, known = self._labels(y)
        n = n_rows(check_rows(X, who="split"))
        if n != len(known):
            raise ValueError(f"split got {n} rows and {len(known)} labels; give one for each row.")
        labeled, unlabeled = np.flatnonzero(known), np.flatnonzero(~known)
        for train, test in self._folds(values[labeled]):
            yield np.sort(np.concatenate([labeled[train], unlabeled])), labeled[test]

    def get_n_splits(self, X=None, y=None, groups=None) -> int:
        """Return the number of folds; the parameters are not looked at."""
        return self.n_splits

    def _labels(self, y) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels, and which rows have one."""
        missing = lab.resolve_missing_label(self.missing_label, regression=False)
        if looks_multilabel(y):
            return as_indicators(y, missing)
        values, known = lab.parse(y, missing_label=missing)
        is_auto = isinstance(self.missing_label, str) and self.missing_label == "auto"
        if is_auto and values.dtype.kind == "f" and (values[known] % 1 != 0).any():
            # Labels with a fraction are values of a regressor, to which -1.0 may belong.
            return lab.parse(y, missing_label=None)
        return values, known

    def _folds(self, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Split the labelled rows by one of scikit-learn's splitters."""
        from sklearn.model_selection import KFold, StratifiedKFold

        if self.stratified not in (True, False, "auto"):
            raise ValueError(f"stratified is {self.stratified!r}; give True, False or 'auto'.")
        several = labels.ndim == 2
        if several and self.stratified is True:
            raise ValueError(
                "stratified=True got several labels a row, of which rows have no one class; give "
                "False or 'auto'."
            )
        by_class = not several and labels.dtype.kind != "f"
        if not several and self.stratified != "auto":
            by_class = self.stratified
        kind = StratifiedKFold if by_class else KFold
        folds = kind(self.n_splits, shuffle=self.shuffle, random_state=self.random_state)
        if len(labels) < self.n_splits:
            raise ValueError(
                f"y has {len(labels)} labelled rows for {self.n_splits} folds; label more rows, or "
                f"give a smaller n_splits."
            )
        # As integers, which scikit-learn's splitters take whatever the labels are.
        labels = np.zeros(len(labels), dtype=int) if several else labels
        codes = lab.encode(labels, lab.sorted_classes(labels))
        if by_class and np.bincount(codes).max() < self.n_splits:
            raise ValueError(
                f"no class has {self.n_splits} labelled rows, one for each fold; give a smaller "
                f"n_splits, or stratified=False."
            )
        yield from folds.split(codes, codes)


def aulc_scorer(scoring: str | Callable | None = None) -> Callable:
    """Make a scorer of learning curves: the normalised area under the curve of a simulation.

    With it, a search over `SimulatedLearner` prefers what learns fast to what ends well. The area
    is `statistics.aulc` of the scores of all stages over `n_labeled_`: the mean score over the
    budget, in units of the score.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        How a stage is scored: a name or a scorer, as scikit-learn takes it. None: by the stage's
        own ``score``.

    Returns
    -------
    callable
        ``(estimator, X, y) -> float``, for a fitted SimulatedLearner with ``keep_estimators=True``,
        alone, at the end of a Pipeline or inside a finished search. Rows without a label are left
        out. It can be pickled if `scoring` can.

    Raises
    ------
    TypeError
        If `scoring` is neither a name nor callable; from the scorer, if the estimator holds no
        SimulatedLearner.
    ValueError
        If there is no score of this name; from the scorer, if the estimators of earlier rounds
        were not kept, or no row has a label.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skactive import ActiveLearner, SimulatedLearner
    >>> from skactive.evaluation import aulc_scorer
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), random_state=0)
    >>> simulated = SimulatedLearner(learner, budget=40, n_instances=5, keep_estimators=True)
    >>> grid = {"learner__strategy": ["margin", "random"]}
    >>> search = GridSearchCV(simulated, grid, scoring=aulc_scorer("accuracy"), cv=3)
    >>> search.fit(X / 16, y).best_params_
    {'learner__strategy': 'margin'}
    """
    scorer_of(scoring)  # refuses what is none now rather than within a search
    return _AulcScorer(scoring)


@dataclass(frozen=True)
class _AulcScorer:
    """What `aulc_scorer` makes; a class, since a function within a function cannot be pickled."""

    scoring: str | Callable | None

    def __repr__(self) -> str:
        return f"aulc_scorer({self.scoring!r})"

    def __call__(self, estimator, X, y) -> float:
        """Return the area under the learning curve on held-out rows."""
        return float(aulc(*scored_stages(estimator, X, y, self.scoring)))


def scored_stages(estimator, X, y, scoring=None) -> tuple[np.ndarray, np.ndarray]:
    """Return the learning curve of a simulation on held-out rows: what was spent, and scores."""
    simulated, transformers = reach(estimator, SimulatedLearner, "SimulatedLearner")
    stages = kept_stages(simulated)
    X, y = _labeled(X, y, missing_label_of(stages[0]))
    X = transformed(X, transformers)
    return simulated.spent_, np.array([score_of(stage, X, y, scoring) for stage in stages])


def _labeled(X, y, missing_label) -> tuple:
    """Return the rows that have a label, and the labels."""
    lab.check_order(y, row_index(X), who="the scorer")
    several = looks_multilabel(y)
    values, known = (as_indicators if several else lab.parse)(y, missing_label=missing_label)
    if known.all():
        return X, y
    if not known.any():
        raise ValueError("the scorer got no label in y; give the true label of at least one row.")
    kept = np.flatnonzero(known)
    return take(check_rows(X, who="the scorer"), kept), values[kept]
