"""Simulated active learning: the labels are known, hidden, and revealed as a strategy asks."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from time import perf_counter

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from .delegation import delegated, inner_has
from .labels import sorted_classes
from .learner import ActiveLearner
from .pool import Pool
from .row_numbers import check_row_numbers
from .stopping import StoppingRule
from .validation import draw_seed


@dataclass
class Round:
    """What happened in one round: rows were asked for, labelled and learned.

    Attributes
    ----------
    n_labeled : int
        Labelled rows once the round was over.
    indices : ndarray of shape (k,), int64
        Row numbers that were asked for; in the first round, the initial ones.
    seconds_fit, seconds_query, seconds_bookkeeping : float
        Where the time of the round went.
    """

    n_labeled: int
    indices: np.ndarray
    seconds_fit: float = 0.0
    seconds_query: float = 0.0
    seconds_bookkeeping: float = 0.0

    def add(self, other: "Round") -> None:
        """Let another batch belong to this round."""
        self.n_labeled = other.n_labeled
        self.indices = np.concatenate([self.indices, other.indices])
        self.seconds_fit += other.seconds_fit
        self.seconds_query += other.seconds_query
        self.seconds_bookkeeping += other.seconds_bookkeeping


def simulate(
    learner: ActiveLearner,
    X,
    y,
    *,
    budget: int | float,
    n_instances: int = 1,
    n_initial: int | None = None,
    initial=None,
    stopping: StoppingRule | None = None,
    seed: int = 0,
    fit_params: dict | None = None,
) -> Iterator[Round]:
    """Run a learner on a pool whose labels are revealed as it asks, round by round.

    The learner is fitted in place. The parameters are those of `SimulatedLearner`.

    Yields
    ------
    Round
        After each round, once the learner has learned. The first one lasts until the estimator
        can be fitted.
    """
    oracle = _oracle(learner, X, y)
    total, n_first = _check_budget(oracle, budget, n_initial, initial, learner)
    truth = oracle.y
    if learner.random_state is None:
        learner.random_state = seed
    learner.fit(X, **(fit_params or {}))
    learner.pool_.skip(np.flatnonzero(~oracle.labeled_mask))
    if stopping is not None:
        stopping.start(learner)
    indices, seconds = _initial_rows(learner, oracle, initial, n_first, seed), 0.0
    while True:
        played = _play(learner, indices, truth, seconds)
        while not hasattr(learner, "estimator_"):
            if learner.pool_.n_labeled >= total:
                raise ValueError(
                    f"budget {total} was spent on rows of one class; give a larger budget, or "
                    f"initial='stratified'."
                )
            n = min(n_instances, total - learner.pool_.n_labeled)
            played.add(_play(learner, learner.query(n_instances=n)[0], truth, 0.0))
        yield played
        n = min(n_instances, total - learner.pool_.n_labeled)
        if n <= 0 or (stopping is not None and stopping.should_stop(learner)):
            return
        asked = perf_counter()
        indices = learner.query(n_instances=n)[0]
        seconds = perf_counter() - asked


class SimulatedLearner(MetaEstimatorMixin, BaseEstimator):
    """A learner whose labels are revealed as it asks, under a budget: active learning as `fit`.

    ``fit(X, y)`` hides `y`, labels a few rows, and lets the learner ask for others until the
    budget is spent. What comes out predicts like the estimator trained on these labels alone, so
    that cross-validation and searches compare strategies by what they are worth.

    Parameters
    ----------
    learner : ActiveLearner
        What is simulated; cloned.
    budget : int or float
        How many labels may be known in the end, the initial ones included; a float is a share of
        the rows that have one. Never more than those.
    n_instances : int, default=1
        How many rows are asked for in each round.
    n_initial : int, default=None
        How many labels are known at the start. None: 10, or 2 per class if that is more.
    initial : "stratified" or array-like of int, default=None
        Which rows: None lets the learner's `cold_start` choose among all. "stratified" takes
        as many of each class as possible, at random, which reads the hidden labels: a luxury that
        nobody has in earnest. Row numbers are taken as they are, and `n_initial` must be None.
    stopping : StoppingRule, default=None
        Stops before the budget is spent.
    keep_estimators : bool, default=False
        Whether to keep the estimator of every round, for the ``staged_`` methods.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the initial rows, and of the learner where it has none of its own.

    Attributes
    ----------
    learner_ : ActiveLearner
        The learner when the budget was spent.
    rounds_ : list of Round
        What happened in each round: row numbers asked for, and seconds of fit, query and
        bookkeeping.
    n_labeled_ : ndarray of shape (n_rounds,)
        Labelled rows after each round.
    query_indices_ : list of ndarray
        Row numbers asked for in each round; the first round is the start.
    class_counts_ : ndarray of shape (n_rounds, n_classes)
        Labelled rows of each class after each round; for classifiers.
    classes_ : ndarray of shape (n_classes,)
        Classes that were revealed; for classifiers.
    n_features_in_ : int
        Number of features, where rows have features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X is a frame with text column names.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import ActiveLearner, SimulatedLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), "margin")
    >>> simulated = SimulatedLearner(learner, budget=100, n_instances=20, random_state=0)
    >>> simulated.fit(X / 16, y).n_labeled_
    array([ 20,  40,  60,  80, 100])
    """

    def __init__(
        self,
        learner,
        *,
        budget,
        n_instances=1,
        n_initial=None,
        initial=None,
        stopping=None,
        keep_estimators=False,
        random_state=None,
    ):
        self.learner = learner
        self.budget = budget
        self.n_instances = n_instances
        self.n_initial = n_initial
        self.initial = initial
        self.stopping = stopping
        self.keep_estimators = keep_estimators
        self.random_state = random_state

    def fit(self, X, y, **fit_params):
        """Simulate active learning on labels that are known.

        Parameters
        ----------
        X : container of n rows
            The pool.
        y : array-like of shape (n,)
            The labels to hide and reveal; rows without one are never asked for.
        **fit_params : dict
            Passed to the learner's ``fit``.

        Returns
        -------
        self
            The fitted learner.

        Raises
        ------
        ValueError
            If there are no labels, only one class, or more initial labels than the budget allows.
        """
        check_learner(self.learner)
        learner = clone(self.learner)
        rounds = simulate(
            learner,
            X,
            y,
            budget=self.budget,
            n_instances=self.n_instances,
            n_initial=self.n_initial,
            initial=self.initial,
            stopping=None if self.stopping is None else copy.deepcopy(self.stopping),
            seed=draw_seed(self.random_state),
            fit_params=fit_params,
        )
        self.rounds_, kept = [], []
        for played in rounds:
            self.rounds_.append(played)
            if self.keep_estimators:
                kept.append(_as_it_is(learner))
        self.learner_ = learner
        self.n_labeled_ = np.array([played.n_labeled for played in self.rounds_])
        self.query_indices_ = [played.indices for played in self.rounds_]
        if self.keep_estimators:
            self.estimators_ = kept
        if hasattr(learner, "classes_"):
            self.classes_ = learner.classes_
            self.class_counts_ = _class_counts(learner, self.query_indices_)
        return self

    predict = delegated("predict", "predicted labels or values")
    predict_proba = delegated("predict_proba", "probabilities of the classes")
    predict_log_proba = delegated("predict_log_proba", "logarithms of probabilities")
    decision_function = delegated("decision_function", "the decision function")
    transform = delegated("transform", "transformed rows")

    @available_if(inner_has("score"))
    def score(self, X, y, **params):
        """Return the score of the final estimator on the rows that have a label.

        Parameters
        ----------
        X : container of n rows
            Rows.
        y : array-like of shape (n,)
            True labels.
        **params : dict
            Passed to the learner's ``score``.

        Returns
        -------
        float
            As the estimator scores.
        """
        return self._fitted().score(X, y, **params)

    @available_if(inner_has("predict"))
    def staged_predict(self, X) -> Iterator[np.ndarray]:
        """Yield what the estimator of each round predicts.

        Parameters
        ----------
        X : container of n rows
            Rows.

        Yields
        ------
        ndarray of shape (n,)
            Labels or values, after each entry of `n_labeled_`.
        """
        for stage in self._stages():
            yield stage.predict(X)

    @available_if(inner_has("predict_proba"))
    def staged_predict_proba(self, X) -> Iterator[np.ndarray]:
        """Yield the probabilities of each round's estimator.

        Parameters
        ----------
        X : container of n rows
            Rows.

        Yields
        ------
        ndarray of shape (n, n_classes of that round)
            Probabilities, after each entry of `n_labeled_`.
        """
        for stage in self._stages():
            yield stage.predict_proba(X)

    @available_if(inner_has("score"))
    def staged_score(self, X, y) -> Iterator[float]:
        """Yield the score of each round's estimator: the learning curve.

        Parameters
        ----------
        X : container of n rows
            Rows.
        y : array-like of shape (n,)
            True labels.

        Yields
        ------
        float
            Score, after each entry of `n_labeled_`.
        """
        for stage in self._stages():
            yield stage.score(X, y)

    @property
    def n_features_in_(self) -> int:
        """Number of features, where rows have features."""
        return self._of_learner("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the features, where X is a frame with text column names."""
        return self._of_learner("feature_names_in_")

    def _of_learner(self, name: str):
        """Return an attribute of the fitted learner."""
        if not hasattr(self, "learner_"):
            raise AttributeError(f"{type(self).__name__} has {name} once it is fitted.")
        return getattr(self.learner_, name)

    def _stages(self) -> list[ActiveLearner]:
        """Return the learner as it was after each round."""
        self._fitted()
        if not self.keep_estimators:
            raise ValueError(
                "the estimators of earlier rounds were not kept; write keep_estimators=True."
            )
        return self.estimators_

    def _inner(self):
        """Return the learner, fitted where it is."""
        return getattr(self, "learner_", self.learner)

    def _fitted(self) -> ActiveLearner:
        """Return the fitted learner, or say that it is not fitted."""
        if not hasattr(self, "learner_"):
            name = type(self).__name__
            raise NotFittedError(f"this {name} is not fitted yet; call fit(X, y) first.")
        return self.learner_

    def __sklearn_tags__(self):
        tags = get_tags(self.learner)
        tags.target_tags.required = True
        return tags


def check_learner(learner) -> None:
    """Refuse what is no ActiveLearner."""
    if not isinstance(learner, ActiveLearner):
        raise TypeError(
            f"learner is {learner!r}; give an ActiveLearner: ActiveLearner(estimator, strategy)."
        )


def _oracle(learner: ActiveLearner, X, y) -> Pool:
    """Return a pool that knows the labels, refusing those from which nothing can be learned."""
    if y is None:
        raise ValueError(
            "a simulation requires y to be passed, but the target y is None; give the labels to "
            "hide and reveal."
        )
    oracle = Pool(X, y, missing_label=learner._resolved_missing_label(), classes=learner.classes)
    if oracle.n_labeled == 0:
        raise ValueError("a simulation reveals known labels, but y has none; give some.")
    if not is_regressor(learner.estimator):
        seen = sorted_classes(oracle.y_labeled)
        if len(seen) < 2:
            raise ValueError(
                f"y has the one class {seen.tolist()[0]!r}; a simulation needs two classes."
            )
    return oracle


def _check_budget(oracle: Pool, budget, n_initial, initial, learner) -> tuple[int, int]:
    """Return the labels to spend and those to start with, as counts."""
    known = oracle.n_labeled
    if isinstance(budget, Integral) and not isinstance(budget, bool) and int(budget) >= 1:
        total = min(int(budget), known)
    elif isinstance(budget, Real) and not isinstance(budget, Integral) and 0 < float(budget) <= 1:
        total = max(1, round(float(budget) * known))
    else:
        raise ValueError(
            f"budget is {budget!r}; give a count of labels, or a share in (0, 1] as a float."
        )
    if initial is not None and not isinstance(initial, str):
        if n_initial is not None:
            raise ValueError("initial lists the rows to start with; leave n_initial=None.")
        first = len(initial)
    elif n_initial is None:
        classes = 0 if is_regressor(learner.estimator) else len(sorted_classes(oracle.y_labeled))
        first = min(max(10, 2 * classes), known)
    else:
        first = n_initial
    if not isinstance(first, Integral) or int(first) < 1:
        raise ValueError(f"n_initial is {n_initial!r}; give a whole number of at least 1, or None.")
    if first > total:
        raise ValueError(
            f"budget {total} is below the {first} initial labels; give a larger budget, or a "
            f"smaller n_initial."
        )
    return total, int(first)


def _initial_rows(learner: ActiveLearner, oracle: Pool, initial, n: int, seed: int) -> np.ndarray:
    """Return the row numbers to start with."""
    if initial is None:
        return learner.query(n_instances=n)[0]
    if isinstance(initial, str):
        if initial != "stratified":
            raise ValueError(f"initial is {initial!r}; give 'stratified', row numbers, or None.")
        if is_regressor(learner.estimator):
            raise ValueError("initial='stratified' needs classes; a regressor has none, write None.")
        return _stratified(oracle, n, np.random.default_rng(seed))
    rows = check_row_numbers(initial, len(oracle), who="initial")
    hidden = rows[~oracle.labeled_mask[rows]]
    if len(hidden):
        raise ValueError(f"initial names row {hidden[0]}, which has no label in y.")
    return rows


def _stratified(oracle: Pool, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n labelled rows at random, the classes taking turns."""
    order = rng.permutation(oracle.labeled)
    labels = oracle.y[order]
    turn = np.zeros(len(order), dtype=np.int64)
    for label in sorted_classes(labels):
        mine = labels == label
        turn[mine] = np.arange(mine.sum())
    return order[np.argsort(turn, kind="stable")][:n]


def _play(learner: ActiveLearner, indices: np.ndarray, truth: np.ndarray, seconds: float) -> Round:
    """Teach one batch; `seconds` is what the query took."""
    started = perf_counter()
    learner.teach(indices, truth[indices], refit=False)
    taught = perf_counter()
    learner.refit()
    return Round(
        learner.pool_.n_labeled, indices, perf_counter() - taught, seconds, taught - started
    )


def _as_it_is(learner: ActiveLearner) -> ActiveLearner:
    """Return a copy that goes on predicting as the learner does now."""
    stage = learner.without_pool()
    if learner.update != "refit":  # the estimator goes on in place
        stage.estimator_ = copy.deepcopy(stage.estimator_)
    return stage


def _class_counts(learner: ActiveLearner, indices: list[np.ndarray]) -> np.ndarray:
    """Return how many rows of each class were labelled after each round."""
    y = learner.pool_.y
    counts = [(y[rows, None] == learner.classes_).sum(axis=0) for rows in indices]
    return np.cumsum(counts, axis=0)
