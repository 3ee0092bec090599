"""Every estimator of scikit-learn: served, or refused for the reason that is listed here."""

import inspect
import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    IsolationForest,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC
from sklearn.utils import all_estimators, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skactive import ActiveLearner, SimulatedLearner
from skactive.utils.checks import UNSUPERVISED

RNG = np.random.default_rng(0)
X = RNG.uniform(0.1, 1.0, size=(40, 3))  # what logarithms and counts can take too
TRUTH = {"classifier": (X[:, 0] > X[:, 1]).astype(int), "regressor": 1.0 + X[:, 0] + X[:, 2]}
MISSING = {"classifier": -1, "regressor": np.nan}
SEVERAL = "which learns several targets of a row, and a row has one label here"
# By name: why it is refused before a label is paid for, ...
REFUSED = {
    "ClassifierChain": SEVERAL,
    "MultiOutputClassifier": SEVERAL,
    "MultiOutputRegressor": SEVERAL,
    "MultiTaskElasticNet": SEVERAL,
    "MultiTaskElasticNetCV": SEVERAL,
    "MultiTaskLasso": SEVERAL,
    "MultiTaskLassoCV": SEVERAL,
    "RegressorChain": SEVERAL,
}
# ... or what it says itself of such rows: as it does without a learner.
OWN_WORDS = {
    "IsotonicRegression": "1d array or 2d array with 1 feature",
}
# Few members and steps, to be quick.
FEW = {"n_estimators": 3, "cv": 2, "n_components": 1, "Cs": 3, "thresholds": 5}
FEW |= {"n_alphas": 5, "max_subpopulation": 50}


def default(cls, base):
    """An estimator with default arguments, around `base` where it needs another."""
    given = {
        "estimator": base,
        "estimators": [("a", base), ("b", base)],
        "steps": [("only", base)],
        "param_grid": {"fit_intercept": [True, False]},
        "param_distributions": {"fit_intercept": [True, False]},
        "transformers": [("a", "passthrough", [0])],
        "transformer_list": [("a", "passthrough")],
    }
    parameters = inspect.signature(cls).parameters
    params = {
        name: given.get(name)
        for name, parameter in parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    if cls is SelfTrainingClassifier:
        params["estimator"] = base
    if cls is FrozenEstimator:
        params["estimator"] = base.fit(X, TRUTH[get_tags(base).estimator_type])
    return cls(**params)


def quick(estimator):
    """The same with a few members and steps only."""
    own = estimator.get_params(deep=False)
    few = {name: value for name, value in FEW.items() if name in own}
    return estimator.set_params(**few) if few else estimator


def outcome(estimator, kind):
    """What ends the first round of a learner around an estimator, or None."""
    y = np.where(np.arange(len(X)) < 24, TRUTH[kind], MISSING[kind])
    try:
        learner = ActiveLearner(estimator, random_state=0).fit(X)  # before a label is paid for
        learner.fit(X, y).query()
        learner.predict(X[:2])
    except (TypeError, ValueError, IndexError) as error:
        return str(error)
    return None


@pytest.mark.filterwarnings("ignore")  # of few steps, and of what scikit-learn will drop
def test_every_estimator_is_served_or_refused_for_a_reason_that_is_listed():
    found, expected = {}, REFUSED | OWN_WORDS
    for name, cls in all_estimators():
        for base in (LogisticRegression(), Ridge()):
            estimator, own = default(cls, base), get_tags(base).estimator_type
            kind = get_tags(estimator).estimator_type
            if kind in ("classifier", "regressor"):
                if kind == own and (why := outcome(quick(estimator), kind)):
                    found[name] = why
                continue
            why = UNSUPERVISED.get(kind, "which has no predict")
            with pytest.raises(TypeError, match=f", {why}"):
                ActiveLearner(estimator).fit(X)
    assert found.keys() == expected.keys(), found
    assert all(expected[name] in why for name, why in found.items()), found


# What only a fitted estimator can say


class Waiting(ClassifierMixin, BaseEstimator):
    """Says only once it is fitted whether it has probabilities, in one of several ways."""

    def __init__(self, how="attribute", is_sure=True):
        self.how = how
        self.is_sure = is_sure

    def _tells(self):
        if self.how == "check":
            check_is_fitted(self)
        return self.inner_.predict_proba if self.is_sure else self.inner_.no_such_method

    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X):
        return self.inner_.predict(X)

    @available_if(_tells)
    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


class Handing(ClassifierMixin, BaseEstimator):
    """Hands on what a model inside has, whatever that is called, and may hold a helper."""

    def __init__(self, name="_model", helper=None):
        self.name = name
        self.helper = helper

    def fit(self, X, y):
        setattr(self, self.name, LogisticRegression().fit(X, y))
        self.classes_ = self._inner().classes_
        return self

    def _inner(self):
        return self.__getattribute__(self.name)

    @property
    def predict(self):
        return self._inner().predict

    @property
    def predict_proba(self):
        return self._inner().predict_proba


class Helper:
    """Teaches something else."""

    def teach(self):
        """Teach nobody."""


BASES = [("a", LogisticRegression()), ("b", KNeighborsClassifier(3))]
STACKING = StackingClassifier(BASES, cv=2)


@pytest.mark.parametrize(
    "estimator",
    [
        STACKING,
        make_pipeline(StandardScaler(), STACKING),
        GridSearchCV(STACKING, {"passthrough": [True, False]}, cv=2),
        Waiting("attribute"),
        Waiting("check"),
        Handing("_model", Helper()),
        Handing("inner"),
    ],
    ids=["stacking", "pipeline", "search", "attribute", "check", "underscore", "inner"],
)
def test_what_only_fit_tells_is_waited_for(estimator):
    y = np.where(np.arange(len(X)) < 20, TRUTH["classifier"], -1)
    learner = ActiveLearner(estimator, "entropy", random_state=0).fit(X)
    with pytest.raises(NotFittedError, match="no row is labelled yet"):
        learner.predict_proba(X)
    learner.fit(X, y)
    chosen, _ = learner.query()
    doubt = 0.5 - np.abs(learner.estimator_.predict_proba(X)[20:, 0] - 0.5)
    assert doubt[chosen[0] - 20] == doubt.max()


@pytest.mark.parametrize("name", ["predict", "decision_function", "score"])
def test_a_learner_has_before_a_fit_what_its_estimator_may_have(name):
    learner = ActiveLearner(StackingClassifier(BASES), random_state=0).fit(X)
    with pytest.raises(NotFittedError, match="no row is labelled yet"):
        getattr(learner, name)(X)
    assert not hasattr(learner, "score_samples")


@pytest.mark.parametrize(
    "estimator",
    [
        SVC(),
        StackingClassifier(BASES, final_estimator=SVC()),
        make_pipeline(StandardScaler(), SVC()),
        GridSearchCV(SVC(), {"C": [1, 2]}),
        SelfTrainingClassifier(SVC()),
        VotingClassifier(BASES),
        SGDClassifier(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_what_parameters_rule_out_is_refused_before_a_label_is_paid_for(estimator):
    with pytest.raises(ValueError, match="^Entropy reads view.proba, which .* cannot give"):
        ActiveLearner(estimator, "entropy").fit(X)
    assert not hasattr(ActiveLearner(estimator), "predict_proba")


def test_what_fit_does_not_bring_is_refused_at_the_first_fit():
    y = np.where(np.arange(len(X)) < 20, TRUTH["classifier"], -1)
    learner = ActiveLearner(Waiting(is_sure=False), "entropy").fit(X)
    with pytest.raises(ValueError, match="Entropy reads view.proba, which Waiting cannot give"):
        learner.fit(X, y)
    assert learner.pool_.n_labeled == 0  # the pool of before


def test_stacked_regressors_are_asked_by_what_they_give():
    y = np.where(np.arange(len(X)) < 20, TRUTH["regressor"], np.nan)
    stacked = StackingRegressor([("a", Ridge()), ("b", Ridge(10.0))], cv=2)
    learner = ActiveLearner(stacked, "greedy_y", random_state=0).fit(X, y)
    values, (chosen, _) = learner.estimator_.predict(X), learner.query()
    gaps = np.abs(values[20:, None] - y[:20]).min(axis=1)
    assert chosen[0] - 20 == gaps.argmax()


# What is no estimator for a learner


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (KMeans(), "a clusterer"),
        (make_pipeline(StandardScaler(), KMeans()), "a clusterer"),
        (FrozenEstimator(KMeans()), "a clusterer"),
        (GridSearchCV(IsolationForest(), {}, scoring="accuracy"), "an outlier detector"),
        (GaussianMixture(), "a density estimator"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_learns_no_labels_is_refused(estimator, kind):
    text = f"{estimator!r}, {kind}, which learns no labels; give a classifier or a regressor, or a "
    with pytest.raises(TypeError, match="^estimator is " + re.escape(text)):
        ActiveLearner(estimator).fit(X)


@pytest.mark.parametrize(
    "estimator",
    [
        ActiveLearner(LogisticRegression()),
        make_pipeline(StandardScaler(), ActiveLearner(LogisticRegression())),
        VotingClassifier([("a", ActiveLearner(LogisticRegression()))]),
        SimulatedLearner(ActiveLearner(LogisticRegression()), budget=5),
    ],
    ids=["learner", "pipeline", "voting", "simulated"],
)
def test_a_learner_in_a_learner_is_refused(estimator):
    text = r"another learner \(ActiveLearner\), which asks for labels itself; give the"
    with pytest.raises(TypeError, match=text):
        ActiveLearner(estimator).fit(X)


def has_tags(estimator):
    """Whether scikit-learn can tell what an estimator is; 1.6 guesses where others raise."""
    try:
        return get_tags(estimator) is not None
    except AttributeError:
        return False


@pytest.mark.skipif(has_tags(SelfTrainingClassifier()), reason="this scikit-learn guesses")
def test_what_does_not_say_what_it_is_is_refused_in_a_sentence():
    with pytest.raises(TypeError, match="of which scikit-learn cannot tell what it is; let its"):
        ActiveLearner(SelfTrainingClassifier()).fit(X)


def test_an_estimator_that_is_neither_classifier_nor_regressor_by_its_tags_is_served():
    class Quack(BaseEstimator):
        fit, predict = Waiting.fit, Waiting.predict

    y = np.where(np.arange(len(X)) < 20, TRUTH["classifier"], -1)
    assert ActiveLearner(Quack(), "random", random_state=0).fit(X, y).query()[0] >= 20
