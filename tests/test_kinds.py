"""What an estimator is: told by its class, whatever that is called, and whoever subclasses it."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import make_blobs
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    PoissonRegressor,
    Ridge,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skactive import ActiveLearner
from skactive.learner.questions import adapt
from skactive.learner.training import needs_codes
from skactive.models import is_net, kinds, last_step, refusal
from skactive.models.kinds import NEEDS, is_frozen, is_own, is_pipeline

X, CODES = make_blobs(60, n_features=3, centers=3, random_state=0)
X = StandardScaler().fit_transform(X)
TARGET = X[:, 0] - X[:, 1]
Y = np.where(np.arange(60) < 20, TARGET, np.nan)
TABLES = {name: paths for name, paths in vars(kinds).items() if isinstance(paths, tuple)}
PATHS = sorted({path for paths in TABLES.values() for path in paths})
NAMES = sorted({path.rpartition(".")[2] for path in PATHS})
each_name = pytest.mark.parametrize("name", [*NAMES, "GridSearchCV", "Perceptron", "MLPClassifier"])


def called(name, base):
    """A class of the user's own of that name, which is otherwise `base`."""
    return type(name, (base,), {"__module__": __name__})


def subclass_of(estimator):
    """The same estimator, of a subclass with another name that overrides nothing."""
    params, cls = estimator.get_params(deep=False), type(estimator)
    mine = type("Mine", (cls,), {"__module__": __name__, "__init__": cls.__init__})
    return mine(**params)


class Exp(RegressorMixin, BaseEstimator):
    """Predicts exp(x @ w); its coef_ is hidden, or shown as if it made the predictions."""

    def __init__(self, is_shown=False, is_linear=False):
        self.is_shown = is_shown
        self.is_linear = is_linear

    def fit(self, X, y):
        self.weights_ = LinearRegression().fit(X, y).coef_
        if self.is_shown:
            self.coef_ = self.weights_
        return self

    def predict(self, X):
        values = X @ self.weights_ + 2.0
        return values if self.is_linear else np.exp(values)


class Prior(ClassifierMixin, BaseEstimator):
    """Says of every row how frequent each class is."""

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[self.shares_.argmax()])

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))


# The tables


@pytest.mark.parametrize("path", PATHS)
def test_every_class_in_the_tables_is_where_they_say(path):
    module, _, name = path.rpartition(".")
    pytest.importorskip(path.partition(".")[0])
    assert isinstance(getattr(import_module(module), name), type)


def test_asking_what_an_estimator_is_imports_nothing():
    code = (
        "import sys, skactive\n"
        "from skactive.models import kinds\n"
        "before = set(sys.modules)\n"
        "tables = [paths for name, paths in vars(kinds).items() if isinstance(paths, tuple)]\n"
        "assert not any(kinds.is_instance(3, paths) for paths in tables) and len(tables) > 10\n"
        "assert set(sys.modules) == before, set(sys.modules) - before\n"
    )
    root = Path(__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


# The user's own classes, whatever they are called


def told(estimator):
    """All that is told of an estimator, but for its name."""
    name = type(estimator).__name__
    reasons = {what: refusal(estimator, what) for what in NEEDS}
    reasons = {what: why and why.replace(name, "...") for what, why in reasons.items()}
    return reasons, is_frozen(estimator), is_net(estimator), is_pipeline(estimator)


@each_name
@pytest.mark.parametrize("base", [Exp, Prior])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_a_class_of_ones_own_is_judged_by_what_it_does_and_not_by_its_name(name, base, is_fitted):
    named, mine = called(name, base)(), called("MyModel", base)()
    if is_fitted:
        named, mine = (each.fit(X, CODES) for each in (named, mine))
    assert told(named) == told(mine)
    assert last_step(named) is named and not needs_codes(named)


@each_name
def test_a_class_of_ones_own_is_trained_and_asked_whatever_it_is_called(name):
    y = np.where(np.arange(60) < 20, CODES, -1)
    named, mine = (
        ActiveLearner(called(each, Prior)(), "margin", random_state=0).fit(X, y)
        for each in (name, "MyModel")
    )
    assert (named.query(n_instances=5)[0] == mine.query(n_instances=5)[0]).all()
    cold = ActiveLearner(called(name, Prior)(), random_state=0).fit(X)
    assert not hasattr(cold, "estimator_")


@pytest.mark.parametrize("name", ["MyModel", "LinearModel", "PLSRegression", "BaseSGDRegressor"])
@pytest.mark.parametrize("is_shown", [False, True])
def test_a_regressor_through_exp_is_refused_by_bait_whatever_it_is_called(name, is_shown):
    sentence = rf"reads view\.gradient, which {name} cannot give: it needs a linear last layer \("
    with pytest.raises(ValueError, match=sentence):
        ActiveLearner(called(name, Exp)(is_shown), "bait", random_state=0).fit(X, Y).query()


@pytest.mark.parametrize("name", ["MyModel", "LinearModel"])
def test_a_regressor_whose_coefficients_make_its_predictions_is_served(name):
    mine = called(name, Exp)(is_shown=True, is_linear=True)
    asked, expected = (
        ActiveLearner(each, "bait", random_state=0).fit(X, Y).query(n_instances=5)[0]
        for each in (mine, LinearRegression())
    )
    assert (asked == expected).all()


def test_coefficients_of_something_else_than_the_columns_are_refused():
    class OfSquares(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.coef_ = LinearRegression().fit(np.hstack([X, X**2]), y).coef_
            return self

        def predict(self, X):
            return np.hstack([X, X**2]) @ self.coef_

    with pytest.raises(ValueError, match=r"view\.gradient, which OfSquares cannot give"):
        adapt(OfSquares().fit(X, TARGET)).features(X)


def test_a_number_of_steps_makes_no_pipeline():
    class Pipeline(Prior):
        def __init__(self, steps=3):
            self.steps = steps

    for steps in (3, [1, 2], [("a", StandardScaler()), ("b", GaussianNB())]):
        mine = Pipeline(steps)
        assert last_step(mine) is mine and not is_pipeline(mine)
        y = np.where(np.arange(60) < 20, CODES, -1)
        assert len(ActiveLearner(mine, "margin").fit(X, y).query(n_instances=2)[0]) == 2


# Subclasses of the real ones


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("is_fitted", [False, True])
@pytest.mark.parametrize(
    "estimator",
    [
        AdaBoostClassifier(n_estimators=2, random_state=0),
        AdaBoostRegressor(n_estimators=2, random_state=0),
        BaggingClassifier(n_estimators=2),
        BaggingRegressor(n_estimators=2),
        ExtraTreesRegressor(2),
        GradientBoostingClassifier(n_estimators=2),
        KNeighborsClassifier(),
        KNeighborsRegressor(),
        LogisticRegression(),
        MLPClassifier(hidden_layer_sizes=(3,), max_iter=5),
        MLPRegressor(hidden_layer_sizes=(3,), max_iter=5),
        OneVsOneClassifier(GaussianNB()),
        OneVsRestClassifier(GaussianNB()),
        PLSRegression(),
        Perceptron(),
        PoissonRegressor(),
        RandomForestClassifier(2),
        Ridge(),
        SGDRegressor(),
        StackingClassifier([("a", GaussianNB()), ("b", GaussianNB())]),
        SVC(),
        VotingClassifier([("a", GaussianNB()), ("b", GaussianNB())]),
        GridSearchCV(RandomForestClassifier(2), {"max_depth": [2]}, cv=2),
        Pipeline([("scale", StandardScaler()), ("forest", RandomForestClassifier(2))]),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_subclass_that_overrides_nothing_is_what_it_subclasses(estimator, is_fitted):
    mine = subclass_of(estimator)
    if is_fitted:
        estimator, mine = (clone(each).fit(X, CODES) for each in (estimator, mine))
    assert told(mine) == told(estimator)
    assert type(last_step(mine)).__name__ in ("Mine", type(last_step(estimator)).__name__)


@pytest.mark.parametrize("bend", [np.exp, lambda values: values])
@pytest.mark.parametrize(
    "base", [Ridge, MLPRegressor, PLSRegression], ids=lambda base: base.__name__
)
def test_a_linear_model_with_a_predict_of_its_own_is_looked_at(base, bend):
    class Bent(base):
        def predict(self, X):
            return bend(super().predict(X))

    params = {"hidden_layer_sizes": (4,), "solver": "lbfgs", "random_state": 0}
    mine = Bent(**(params if base is MLPRegressor else {})).fit(X, TARGET)
    if bend is np.exp:
        with pytest.raises(ValueError, match=r"view\.gradient, which Bent cannot give"):
            adapt(mine).features(X)
    else:
        inherited = base(**mine.get_params()).fit(X, TARGET)
        assert (adapt(mine).features(X) == adapt(inherited).features(X)).all()


def test_a_subclass_of_frozen_estimator_is_used_from_zero_labels():
    class Kept(FrozenEstimator):
        """Of the user's own."""

    inner = LogisticRegression().fit(X, CODES)
    kept, frozen = (
        ActiveLearner(each(inner), "margin", random_state=0).fit(X)
        for each in (Kept, FrozenEstimator)
    )
    assert (kept.predict(X) == inner.predict(X)).all()
    assert (kept.query(n_instances=9)[0] == frozen.query(n_instances=9)[0]).all()
    assert last_step(Kept(make_pipeline(StandardScaler(), inner))) is inner


def test_a_class_called_frozen_estimator_is_an_estimator_like_any_other():
    mine = called("FrozenEstimator", LogisticRegression)()
    y = np.where(np.arange(60) < 20, CODES, -1)
    learner = ActiveLearner(mine, "margin", random_state=0).fit(X, y)
    fitted = LogisticRegression().fit(X[:20], CODES[:20])
    assert (learner.predict_proba(X) == fitted.predict_proba(X)).all()


# What wants codes, and what would keep its members


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_boosting_libraries_and_subclasses_of_theirs_want_codes(library):
    base = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}[library]
    cls = getattr(pytest.importorskip(library), base)
    mine = type("Mine", (cls,), {"__module__": __name__})
    assert needs_codes(cls()) and needs_codes(mine())
    assert needs_codes(make_pipeline(StandardScaler(), mine()))
    assert not needs_codes(called(base, Prior)())


def test_nets_want_codes_but_not_everything_of_skorch_does():
    nets = pytest.importorskip("nets")
    callbacks = pytest.importorskip("skorch.callbacks")
    assert needs_codes(nets.classifier()) and is_net(subclass_of(nets.classifier()))

    class Silent(Prior, callbacks.Callback):
        """In which something of skorch's is no net."""

    assert not needs_codes(Silent())


def test_what_keeps_its_members_is_refused_under_warm_start_as_a_subclass_too():
    for estimator in (HistGradientBoostingClassifier(), RandomForestClassifier()):
        mine = subclass_of(estimator)
        with pytest.raises(ValueError, match=re.escape("but Mine would keep its old members")):
            ActiveLearner(mine, update="warm_start").fit(X, CODES)
    kept = called("HistGradientBoostingClassifier", LogisticRegression)(warm_start=True)
    assert ActiveLearner(kept, update="warm_start").fit(X, CODES).predict(X).shape == (60,)


def test_a_method_is_ones_own_where_one_wrote_it():
    class Mine(Ridge):
        def predict(self, X):
            return super().predict(X)

    assert is_own(Mine(), "predict") and not is_own(Mine(), "fit")
    assert not is_own(make_pipeline(Mine()), "predict"), "which scikit-learn makes available"
