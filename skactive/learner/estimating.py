"""How good a learner's model is, by the test rows that were asked for in their order."""

import copy
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.utils.metaestimators import available_if

from ..data.labels import AUTO
from ..data.row_numbers import is_among
from ..pool.asking import Counted
from ..pool.past import as_of, first_alike, turning_points
from ..statistics.estimates import (
    Estimate,
    EstimateCurve,
    Interval,
    bootstrap,
    clopper_pearson,
    effective_n,
    prediction_powered,
    rates,
    wilson,
)
from ..utils.checks import checked_count, checked_fraction, is_number, warn
from ..utils.scoring import scorer_of
from .predicting import fitted_of
from .questions import check_has_pool, kept_of
from .trainer import Fitted, train

OF_ACCURACY = ("wilson", "exact", "ppi", "bootstrap")
OF_RATES = ("beta", "bootstrap")
RATES = ("precision", "recall", "f1")
# Beginnings of the names of scores that lie in [0, 1].
SHARES = (
    *("accuracy", "average_precision", "balanced_accuracy", "f1", "jaccard", "precision"),
    *("recall", "roc_auc", "top_k_accuracy"),
)
ENOUGH_TO_RESAMPLE = 100  # test labels, from which on an interval by resampling covers what it says
MOST_SKIPPED = 0.1  # share of test rows, above which it is told that they may be harder
FEW = 10  # test rows of a class, with fewer of which its recall is hardly known
# Scores by name that know no other positive class than 1, and of what a scorer for others is made.
OF_ONES = {
    "average_precision": "average_precision_score, response_method='predict_proba'",
    "jaccard": "jaccard_score",
}
LEAST_TO_RESAMPLE = 10  # test labels from which anything can be resampled


class Tested:
    """What a learner says of its own model by rows that are held out."""

    def estimate(
        self, scoring=None, level=0.95, method: str = "auto", *, pos_label=None
    ) -> Estimate:
        """Estimate how good the model is, by the labels of test rows, with an interval.

        What counts are test rows as far as they were answered in the order in which `query` asks
        for them: a random sample, which no model has learned and no strategy has chosen.

        Parameters
        ----------
        scoring : str, callable or None, default=None
            As scikit-learn takes it. None: accuracy, or R^2 of regressors.
        level : float, default=0.95
            Coverage of the interval.
        method : {"auto", "wilson", "exact", "ppi", "beta", "bootstrap"}, default="auto"
            How the interval is made. For accuracy "wilson" (which "auto" is), "exact" (Clopper and
            Pearson) or "ppi" (of predictions on unlabelled test rows as well); for precision,
            recall and F1 "beta" (which "auto" is); "bootstrap" for any score.
        pos_label : label, default=None
            Of precision, recall and F1: the positive class, or of several labels a row the one
            that is meant. None: 1, or True.

        Returns
        -------
        Estimate
            `value`, `low`, `high`, `n` and more; it prints as a sentence.

        Raises
        ------
        ValueError
            If no row is held out, too few test rows are labelled, or the score has no such method.
        NotFittedError
            If there is no model yet.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skactive import ActiveLearner, Known, run
        >>> X, truth = load_digits(return_X_y=True)
        >>> model = LogisticRegression(max_iter=500)
        >>> learner = ActiveLearner(model, "margin", hold_out=0.2, random_state=1).fit(X / 16)
        >>> run(learner, Known(truth), n_instances=50, stopping=200).estimate()
        accuracy 1.000, between 0.927 and 1.000 at 95 %, by 49 test labels (wilson)
        """
        check_has_pool(self, "estimate")
        return estimate_of(self, self, scoring, level, method, pos_label)

    def curve(
        self, scoring=None, level=0.95, method: str = "auto", *, pos_label=None, n_points=20
    ) -> EstimateCurve:
        """Estimate how good the model was after each of its labels, by all test labels of today.

        Each model is trained again, afresh, on what the record says was labelled by then.

        Parameters
        ----------
        scoring, level, method, pos_label
            As `estimate` takes them.
        n_points : int or None, default=20
            How many models, spread over the record, the first and the last included. None: one for
            each operation after which there was something else to learn.

        Returns
        -------
        EstimateCurve
            `n_labeled`, `estimates`, arrays of their values and ends; `EstimateDisplay` draws it.
        """
        return curve_of(self, n_points, scoring, level, method, pos_label)


def curve_of(learner, n_points: int | None, *asked) -> EstimateCurve:
    """Return estimates of the models of a learner's past, asked for as `estimate_of` is."""
    check_has_pool(learner, "curve")
    if n_points is not None:
        checked_count(n_points, "n_points", "curve", 2)
    pool = learner.pool_.at_rest()
    _counted(pool, "curve")
    points = turning_points(pool)
    if n_points is not None and len(points) > n_points:
        points = points[np.linspace(0, len(points) - 1, n_points).round().astype(int)]
    n_labeled, estimates = [], []
    for point in points.tolist():
        then = model_as_of(learner, point)
        if hasattr(then, "estimator_"):
            n_labeled.append(then.pool_.n_labeled)
            estimates.append(estimate_of(learner, then, *asked))
    if not estimates:
        fitted_of(learner)  # which says what is missing
    return EstimateCurve(np.array(n_labeled, dtype=np.int64), tuple(estimates))


def model_as_of(learner, n: int):
    """Return a learner as it was after n operations, trained afresh on the labels of then.

    It is the learner itself where it has learned nothing else since. It only predicts.
    """
    pool, fitted = learner.pool_, learner._fitted
    n = max(n, first_alike(pool))
    touched = pool.labels_touched_since(min(n, fitted.n_learned))
    if fitted.estimator is not None and is_among(touched, pool.held_out).all():
        return learner
    then = copy.copy(learner)
    then.pool_, then._kept = as_of(pool, n), kept_of(learner)._replace(planned=None)
    then._fitted = Fitted()
    train(then)
    return then


def estimate_of(learner, model, scoring, level, method, pos_label=None, most: int | None = None):
    """Return what a model is worth, by the first test labels of a learner's pool; None: by all."""
    checked_fraction(level, "level", "estimate")
    name = score_name(learner, scoring)
    known = "" if callable(scoring) else name  # a function may be called as it likes
    method = _method_for(name, known, method)
    kind = RATES.index(known) if known in RATES else None
    if pos_label is not None and kind is None:
        raise ValueError(
            f"estimate got pos_label={pos_label!r} for {name}, which does not take it; leave it "
            f"out, or ask for precision, recall or f1."
        )
    pool = learner.pool_.at_rest()
    counts = _counted(pool, "estimate")
    rows, groups = counts.rows[:most], counts.groups
    groups = None if groups is None else groups[:most]
    fitted_of(model)
    sample = Sample(model, pool, rows, groups)
    if kind is not None:
        found = sample.rate(kind, level, method, pos_label)
    elif method == "bootstrap":
        found = sample.resampled(scoring or name, name, level)
    else:
        found = sample.accuracy(level, method)
    n, n_skipped = len(rows), counts.n_skipped
    if n_skipped > MOST_SKIPPED * (n + n_skipped):
        warn(
            f"{n_skipped} of the first {n + n_skipped} test rows were skipped; if they are harder "
            f"than others, the {name} of all rows is lower than it seems."
        )
    value, low, high = found
    return Estimate(value, low, high, n, n_skipped, counts.n_waiting, name, level, method)


def score_name(learner, scoring) -> str:
    """Return what a score is called, refusing what is none, and shares of classes of numbers."""
    scorer_of(scoring)
    has_classes = is_classifier(learner.estimator)
    if scoring is None:
        return "accuracy" if has_classes else "r2"
    if scoring in ("accuracy", *RATES) and not has_classes:
        raise ValueError(
            f"scoring is {scoring!r}, which is of classes, and {learner.estimator} predicts "
            f"numbers; ask for 'r2', 'neg_mean_absolute_error' and the like."
        )
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")


def _method_for(name: str, score: str, method: str) -> str:
    """Return how an interval is made of a score, refusing what does not go with it.

    `score` is its name where scikit-learn knows it, and "" of a function.
    """
    known: tuple[str, ...] = OF_RATES if score in RATES else ("bootstrap",)
    if score == "accuracy":
        known = OF_ACCURACY
    if method == AUTO:
        return known[0]
    if method not in known:
        raise ValueError(
            f"estimate got method={method!r} for {name}; give "
            f"{' or '.join(map(repr, (AUTO, *known)))}."
        )
    return method


def _counted(pool, who: str) -> Counted:
    """Return the answers on a test side that count, refusing to say anything by none."""
    if pool.hold_out is None:
        raise ValueError(
            f"{who} needs rows that are held out to test on, since those that were chosen or left "
            f"over tell nothing of others; write ActiveLearner(..., hold_out=0.2) before fit, or "
            f"pool_.begin_hold_out(0.2) now."
        )
    counts = pool.test_answers()
    if len(counts.rows):
        return counts
    first = counts.next_row
    if counts.n_waiting and first is not None:
        state = "reserved" if counts.is_reserved else "without an answer"
        raise ValueError(
            f"{who} got {counts.n_waiting} labels of rows that are held out, of which none counts: "
            f"row {first}, the first in the order of the test side, is {state}; label it, and what "
            f"pool_.test_questions() names."
        )
    if pool.n_held_out == 0:
        raise ValueError(
            f"{who} got a pool with hold_out={pool.hold_out:g}, of whose {len(pool)} rows none is "
            f"held out, as none is that came with a label; add rows without one by extend."
        )
    raise ValueError(
        f"{who} got no label of a row that is held out; answer what query asks, which mixes them "
        f"in, or label what pool_.test_questions() names."
    )


class Sample:
    """Test rows with their labels, and what a model says of them."""

    def __init__(self, model, pool, rows: np.ndarray, groups: np.ndarray | None):
        self.model, self.pool, self.rows, self.groups = model, pool, rows, groups
        self.X = pool.rows.take(rows)
        self.y = pool.y_held_out[np.searchsorted(pool.held_out, rows)]
        if self.y.dtype == object and self.y.ndim == 1:  # made so by what has no label
            self.y = np.array(self.y.tolist())

    @property
    def right(self) -> np.ndarray:
        """Whether each is predicted right, shape (n,), as numbers."""
        is_right = np.asarray(self.model.predict(self.X)) == self.y
        return (is_right if is_right.ndim == 1 else is_right.all(axis=1)).astype(float)

    def effective(self, right: np.ndarray) -> float:
        """Return how many independent rows they are worth."""
        return len(right) if self.groups is None else effective_n(right, self.groups)

    def accuracy(self, level: float, method: str) -> Interval:
        """Return the share that is predicted right, and its interval."""
        right = self.right
        if method == "ppi":
            return self._powered(right, level)
        of = wilson if method == "wilson" else clopper_pearson
        return of(float(right.mean()), self.effective(right), level)

    def _powered(self, right: np.ndarray, level: float) -> Interval:
        """Return the same, with what the model expects of test rows without a label."""
        if self.groups is not None:
            raise ValueError(
                "estimate got method='ppi' where groups are held out, whose rows are not "
                "independent; write method='wilson'."
            )
        if self.y.ndim > 1:
            raise ValueError(
                "estimate got method='ppi' for rows with several labels, whose probabilities say "
                "nothing of all together; write method='wilson'."
            )
        if not hasattr(self.model, "predict_proba"):
            raise ValueError(
                f"estimate got method='ppi', which reads predict_proba, and "
                f"{type(self.model.estimator).__name__} has none; write method='wilson'."
            )
        others = np.setdiff1d(self.pool.held_out, self.rows, assume_unique=True)
        if len(others) == 0 or len(self.rows) < 2:
            raise ValueError(
                f"estimate got method='ppi' with {len(self.rows)} test labels and {len(others)} "
                f"test rows besides, which it needs both; write method='wilson'."
            )
        expected, elsewhere = (
            self.model.predict_proba(X).max(axis=1) for X in (self.X, self.pool.rows.take(others))
        )
        return prediction_powered(right, expected, elsewhere, level)

    def rate(self, kind: int, level: float, method: str, pos_label) -> Interval:
        """Return precision, recall or F1, and its interval."""
        positive = self._positive(pos_label)
        is_it, said = self._has(self.y, positive), self._predicted(self.X, positive)
        cells = [is_it & said, ~is_it & said, is_it & ~said, ~is_it & ~said]

        def score(at: np.ndarray) -> float:
            tp, fp, fn = (cell[at].sum() for cell in cells[:3])
            of = (tp + fp, tp + fn, tp + (fp + fn) / 2)[kind]
            return tp / of if of else np.nan

        n = int(is_it.sum())
        if n < FEW:
            warn(
                f"{RATES[kind]} by {n} test row{'s' * (n != 1)} of the class {positive!r}: "
                f"intervals cover less than they say with fewer than {FEW}; raise max_test."
            )
        if method == "bootstrap":
            return self._bootstrap(score, RATES[kind], level, is_share=True)
        held_out = self._predicted(self.pool.X_held_out, positive)
        right = (is_it == said).astype(float)
        weight = self.effective(right) / len(right)
        counts = np.array([cell.sum() for cell in cells]) * weight
        n_rows = len(held_out) * weight
        return rates(counts, float(np.mean(held_out)), level, n_rows=n_rows)[kind]

    def _predicted(self, X, positive) -> np.ndarray:
        """Return which rows are predicted positive, shape (n,)."""
        return self._has(np.asarray(self.model.predict(X)), positive)

    def _has(self, y: np.ndarray, positive) -> np.ndarray:
        """Return which rows are positive, or have that label among several, shape (n,)."""
        if y.ndim == 1:
            return y == positive
        return y[:, np.asarray(self.model.classes_).tolist().index(positive)] == 1

    def _positive(self, pos_label) -> Any:
        """Return the positive class, refusing one that is none."""
        classes = np.asarray(self.model.classes_).tolist()
        positive = 1 if pos_label is None else pos_label
        is_said = pos_label is not None
        if positive in classes and (is_said or (len(classes) == 2 and self.y.ndim == 1)):
            return positive
        shown = ", ".join(map(repr, classes[:8]))
        raise ValueError(
            f"estimate got pos_label={pos_label!r} for the classes {shown}; give one of them, or "
            f"for all of them ask for 'f1_macro' and the like."
        )

    def resampled(self, scoring, name: str, level: float) -> Interval:
        """Return any score, and its interval."""
        from sklearn.metrics import check_scoring

        classes = np.asarray(getattr(self.model, "classes_", ())).tolist()
        if scoring in OF_ONES and len(classes) == 2 and 1 not in classes and self.y.ndim == 1:
            of = OF_ONES[scoring]
            raise ValueError(
                f"estimate got scoring={scoring!r}, by which scikit-learn takes the class 1 for "
                f"positive, and the classes are {classes[0]!r} and {classes[1]!r}; give "
                f"make_scorer({of}, pos_label={classes[1]!r})."
            )
        scorer = scorer_of(scoring) or check_scoring(self.model)
        if not isinstance(scoring, str):  # which may look at the rows
            pool, rows = self.pool, self.rows
            of = self.model
            return self._bootstrap(
                lambda at: scorer(of, pool.rows.take(rows[at]), self.y[at]), name, level
            )
        known = Answers.of(self.model, self.X)
        is_share = name.startswith(SHARES)
        return self._bootstrap(
            lambda at: scorer(known, at[:, None], self.y[at]), name, level, is_share=is_share
        )

    def _bootstrap(self, score, name: str, level: float, is_share: bool = False) -> Interval:
        """Return a score of the rows and its interval, by resampling them."""
        n = len(self.rows)
        if n < LEAST_TO_RESAMPLE:
            raise ValueError(
                f"estimate got {n} test labels, of which {name} cannot be resampled; answer at "
                f"least {LEAST_TO_RESAMPLE}."
            )
        if n < ENOUGH_TO_RESAMPLE:
            warn(
                f"{name} by {n} test labels: intervals by resampling cover less than they say "
                f"with fewer than {ENOUGH_TO_RESAMPLE}."
            )

        def tried(at: np.ndarray) -> float:
            try:
                return score(at)
            except ValueError:  # of rows without a class
                return np.nan

        found = score(np.arange(n))  # whose error is one of the call
        if not is_number(found):
            raise TypeError(
                f"{name} returned {found!r}; give a function (estimator, X, y) that returns one "
                f"number."
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same
            return bootstrap(tried, n, level, is_share=is_share, groups=self.groups)


def _says(name: str):
    """Return a method that reads what a model said, where it said something by that name."""

    def method(self, X):
        return self.said[name][X[:, 0]]

    method.__name__ = name  # by which scorers tell methods apart
    return available_if(lambda self: name in self.said)(method)


class Answers(BaseEstimator):
    """Stands for a model by what it says of some rows, which are given by their positions."""

    predict = _says("predict")
    predict_proba = _says("predict_proba")
    decision_function = _says("decision_function")

    @staticmethod
    def of(model, X) -> "Answers":
        """Return the answers of a model on rows."""
        answers = (_ClassAnswers if is_classifier(model) else _NumberAnswers)()
        names = ("predict", "predict_proba", "decision_function")
        answers.said = {n: np.asarray(getattr(model, n)(X)) for n in names if hasattr(model, n)}
        if is_classifier(model):
            answers.classes_ = model.classes_
        return answers

    def fit(self, X, y):
        """Return what has been fitted."""
        return self


class _ClassAnswers(ClassifierMixin, Answers):
    """Those of a classifier."""


class _NumberAnswers(RegressorMixin, Answers):
    """Those of a regressor."""
