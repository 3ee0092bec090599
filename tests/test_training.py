"""Training: fresh, going on, or on what is new; with the same seeds, weights and parameters."""

import re
from threading import Lock

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skactive import ActiveLearner, Pool
from skactive.learner.training import needs_codes, seeded_clone
from skactive.models.kinds import last_step

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.arange(40.0)[:, None] % 7 + np.arange(40)[:, None] / 100
TRUTH = np.arange(40) % 2  # row i is of class i % 2
WEIGHTS = np.arange(40) + 1.0


def partly(*rows, truth=TRUTH):
    """Labels of these rows, and -1 for the others."""
    return np.where(np.isin(np.arange(40), rows), truth, -1)


def numbers(rows):
    """Which rows of X these are."""
    return [int(np.flatnonzero(value == X[:, 0])[0]) for value in rows[:, 0]]


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers what it was given; raises where it is told to."""

    fail = False

    def __init__(self, size=1, random_state=None, warm_start=False):
        self.size = size
        self.random_state = random_state
        self.warm_start = warm_start

    def fit(self, X, y, sample_weight=None, note=None):
        return self._learn("fit", X, y, sample_weight, note)

    def partial_fit(self, X, y, classes=None, sample_weight=None, note=None):
        return self._learn("partial_fit", X, y, sample_weight, note, classes)

    def _learn(self, method, X, y, sample_weight, note, classes=None):
        call = {
            "method": method,
            "rows": numbers(X),
            "y": y.tolist(),
            "weights": None if sample_weight is None else np.asarray(sample_weight).tolist(),
            "note": note,
            "classes": None if classes is None else list(classes),
            "random_state": self.random_state,
        }
        self.calls_ = [*getattr(self, "calls_", []), call]
        self.classes_ = np.unique(y) if classes is None else np.asarray(classes)
        if Recorder.fail:
            self.classes_ = None
            self.size = "half done"
            raise RuntimeError("the GPU is on fire")
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


class Values(RegressorMixin, Recorder):
    """The same for values."""

    _estimator_type = "regressor"

    def __sklearn_tags__(self):
        return Ridge().__sklearn_tags__()

    def partial_fit(self, X, y, sample_weight=None):
        return self._learn("partial_fit", X, y, sample_weight, None)


@pytest.fixture
def failing(monkeypatch):
    """Makes every fit of a Recorder raise, or no more."""
    return lambda fail: monkeypatch.setattr(Recorder, "fail", fail)


def last_call(learner):
    return learner.estimator_.calls_[-1]


def taught(learner):
    """What each call of the estimator in use was given, oldest first."""
    return [(call["method"], call["rows"]) for call in learner.estimator_.calls_]


# Fresh


def test_a_refit_is_a_fresh_clone_on_all_labelled_rows_in_row_order():
    learner = ActiveLearner(Recorder()).fit(X, partly(3, 8))
    first = learner.estimator_
    learner.teach([30, 2], TRUTH[[30, 2]])
    assert learner.estimator_ is not first and taught(learner) == [("fit", [2, 3, 8, 30])]
    assert last_call(learner)["y"] == [0, 1, 0, 0]
    assert taught_by(first) == [("fit", [3, 8])]
    assert not hasattr(learner.estimator, "calls_")


def taught_by(estimator):
    return [(call["method"], call["rows"]) for call in estimator.calls_]


def test_an_update_that_is_none_is_refused():
    with pytest.raises(
        ValueError, match=r"^update is 'again'; give one of 'refit', 'warm_start', 'partial_fit'\.$"
    ):
        ActiveLearner(Recorder(), update="again").fit(X)


# Going on


def test_warm_start_goes_on_with_a_copy_on_all_labelled_rows():
    learner = ActiveLearner(Recorder(), update="warm_start").fit(X, partly(3, 8))
    first = learner.estimator_
    assert first.warm_start
    learner.teach([30, 2], TRUTH[[30, 2]])
    assert taught(learner) == [("fit", [3, 8]), ("fit", [2, 3, 8, 30])]
    assert taught_by(first) == [("fit", [3, 8])]  # whoever holds it finds it as it was
    learner.teach([8], 1, relabel=True)
    assert last_call(learner)["y"] == [0, 1, 1, 0] and len(taught(learner)) == 3
    assert not learner.estimator.warm_start


def test_warm_start_reaches_what_the_estimator_reaches_by_hand():
    by_hand = LogisticRegression(max_iter=2, warm_start=True)
    learner = ActiveLearner(LogisticRegression(max_iter=2), update="warm_start")
    learner.fit(X, partly(0, 1, 2, 3))
    by_hand.fit(X[:4], TRUTH[:4])
    assert (learner.estimator_.coef_ == by_hand.coef_).all()
    learner.teach(np.arange(10, 20), TRUTH[10:20])
    rows = np.r_[0:4, 10:20]
    fresh = LogisticRegression(max_iter=2).fit(X[rows], TRUTH[rows])
    by_hand.fit(X[rows], TRUTH[rows])
    assert (learner.estimator_.coef_ == by_hand.coef_).all()
    assert (learner.estimator_.coef_ != fresh.coef_).any()


@pytest.mark.parametrize("update", ["warm_start", "partial_fit"])
def test_a_new_class_makes_a_fresh_start(update):
    truth = np.arange(40) % 3
    learner = ActiveLearner(Recorder(), update=update).fit(X, partly(0, 1, truth=truth))
    first = learner.estimator_
    learner.teach([2, 3], truth[[2, 3]])
    assert learner.estimator_ is not first
    assert [rows for _, rows in taught(learner)] == [[0, 1, 2, 3]]
    learner.teach([4], truth[[4]])
    assert len(taught(learner)) == 2  # it goes on


@pytest.mark.parametrize("update", ["warm_start", "partial_fit"])
def test_a_class_that_is_gone_makes_a_fresh_start(update):
    truth = np.arange(40) % 3
    learner = ActiveLearner(Recorder(), update=update).fit(X, partly(0, 1, 2, truth=truth))
    first = learner.estimator_
    learner.teach(2, -1, relabel=True)
    assert learner.estimator_ is not first
    assert [rows for _, rows in taught(learner)] == [[0, 1]]


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(),
        ExtraTreesRegressor(),
        BaggingClassifier(),
        GradientBoostingClassifier(),
        HistGradientBoostingClassifier(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_warm_start_is_refused_for_ensembles_which_would_keep_their_old_members(estimator):
    name = type(estimator).__name__
    sentence = f"update='warm_start', but {name} would keep its old members; write 'refit'."
    learner = ActiveLearner(estimator, update="warm_start")
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        learner.fit(X, partly(0, 1))
    assert not hasattr(learner, "pool_")


@pytest.mark.parametrize(
    ("estimator", "update", "sentence"),
    [
        (GaussianNB(), "warm_start", "GaussianNB has no parameter warm_start; write 'refit'."),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            "warm_start",
            "Pipeline has no parameter warm_start; write 'refit'.",
        ),
        (SVC(), "partial_fit", "SVC has no partial_fit; write 'refit'."),
    ],
)
def test_a_way_of_going_on_that_an_estimator_lacks_is_refused(estimator, update, sentence):
    learner = ActiveLearner(estimator, update=update)
    with pytest.raises(ValueError, match=re.escape(f"update='{update}', but {sentence}")):
        learner.fit(X, partly(0, 1))
    assert not hasattr(learner, "pool_")


@pytest.mark.parametrize("estimator", [SGDClassifier(), MLPClassifier((3,))])
def test_neither_sgd_nor_a_net_is_taken_for_an_ensemble(estimator):
    learner = ActiveLearner(estimator, update="warm_start", random_state=0).fit(X, partly(0, 1))
    first = learner.estimator_
    learner.teach([2, 3], TRUTH[[2, 3]])
    assert learner.estimator_.t_ > first.t_ and learner.estimator_.warm_start


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_parameters_set_since_hold_from_the_next_refit_on(update):
    learner = ActiveLearner(Recorder(size=1), update=update).fit(X, partly(0, 1))
    learner.set_params(estimator__size=5)
    assert learner.estimator_.size == 1
    learner.teach([2], TRUTH[[2]])
    assert learner.estimator_.size == 5
    if update != "partial_fit":  # which has nothing to learn now
        assert learner.set_params(estimator__size=6).refit().estimator_.size == 6


# On what is new


def test_partial_fit_is_given_only_what_was_newly_taught_and_all_classes():
    learner = ActiveLearner(Recorder(), update="partial_fit").fit(X, partly(3, 8))
    first = learner.estimator_
    learner.teach([30, 2], TRUTH[[30, 2]])
    learner.teach([5], TRUTH[[5]])
    assert taught_by(first) == [("partial_fit", [3, 8])]
    assert taught(learner) == [
        ("partial_fit", [3, 8]),
        ("partial_fit", [2, 30]),
        ("partial_fit", [5]),
    ]
    calls = learner.estimator_.calls_
    assert [call["y"] for call in calls] == [[1, 0], [0, 0], [1]]
    assert all(call["classes"] == [0, 1] for call in calls)


def test_partial_fit_is_given_the_classes_that_may_come():
    learner = ActiveLearner(Recorder(), update="partial_fit", classes=[0, 1, 2, 7])
    learner.fit(X, partly(0, 1)).teach([2], [7])
    calls = learner.estimator_.calls_
    assert len(calls) == 2 and all(call["classes"] == [0, 1, 2, 7] for call in calls)


def test_partial_fit_reaches_what_the_estimator_reaches_by_hand():
    words = np.array(["no", "yes"])
    learner = ActiveLearner(SGDClassifier(random_state=0), update="partial_fit")
    learner.fit(X, np.where(np.arange(40) < 6, words[TRUTH], None))
    by_hand = SGDClassifier(random_state=0).partial_fit(X[:6], words[TRUTH[:6]], classes=words)
    assert (learner.estimator_.coef_ == by_hand.coef_).all()
    learner.teach(np.arange(20, 30), words[TRUTH[20:30]])
    by_hand.partial_fit(X[20:30], words[TRUTH[20:30]])
    assert (learner.estimator_.coef_ == by_hand.coef_).all()


def test_partial_fit_of_values_has_no_classes():
    y = np.where(np.arange(40) < 4, X[:, 0], np.nan)
    learner = ActiveLearner(Values(), update="partial_fit").fit(X, y)
    learner.teach([9], X[9])
    assert taught(learner) == [("partial_fit", [0, 1, 2, 3]), ("partial_fit", [9])]
    real = ActiveLearner(SGDRegressor(), update="partial_fit", random_state=0).fit(X, y)
    assert real.teach([9], X[9]).estimator_.t_ == 6  # one step a row, from 1


def test_partial_fit_learns_what_waited_for_a_refit_at_once():
    learner = ActiveLearner(Recorder(), update="partial_fit").fit(X, partly(3, 8))
    learner.teach([30], TRUTH[[30]], refit=False).teach([2], TRUTH[[2]], refit=False)
    assert taught(learner) == [("partial_fit", [3, 8])]
    learner.refit()
    assert taught(learner)[1:] == [("partial_fit", [2, 30])]


def test_partial_fit_learns_rows_from_outside_and_rows_that_were_added():
    learner = ActiveLearner(Recorder(), update="partial_fit").fit(X[:20], partly(3, 8)[:20])
    learner.extend(X[20:25], partly(21, 24)[20:25])
    learner.query(X[30:])
    learner.teach(X[[33, 31]], TRUTH[[33, 31]])
    assert [rows for _, rows in taught(learner)] == [[3, 8], [21, 24], [33, 31]]


@pytest.mark.parametrize(
    "nothing",
    [
        lambda learner: learner.teach([3], TRUTH[[3]]),  # the label that it has
        lambda learner: learner.teach([4], -1),  # skipped
        lambda learner: learner.teach([], []),
        lambda learner: learner.extend(X[:2]),
        lambda learner: learner.pool_.reserve([6]),
    ],
    ids=["same label", "skipped", "empty", "unlabelled rows", "reserved"],
)
@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_nothing_is_learned_where_there_is_nothing_to_learn(update, nothing):
    learner = ActiveLearner(Recorder(), update=update).fit(X, partly(3, 8))
    first = learner.estimator_
    nothing(learner)
    assert learner.estimator_ is first and len(first.calls_) == 1


@pytest.mark.parametrize(
    "unlearn",
    [
        lambda learner: learner.teach([8], [1], relabel=True),
        lambda learner: learner.teach([30], -1, relabel=True),
        lambda learner: (learner.pool_.undo(), learner.refit()),
        lambda learner: (learner.pool_.unlabel([30]), learner.refit()),
    ],
    ids=["another label", "no label", "undo", "unlabel"],
)
def test_partial_fit_starts_from_scratch_where_something_is_to_be_forgotten(unlearn):
    learner = ActiveLearner(Recorder(), update="partial_fit").fit(X, partly(3, 8))
    learner.teach([30], TRUTH[[30]])
    first = learner.estimator_
    unlearn(learner)
    assert learner.estimator_ is not first
    assert taught(learner) == [("partial_fit", learner.pool_.labeled.tolist())]
    assert last_call(learner)["y"] == learner.pool_.y_labeled.tolist()


def test_partial_fit_and_fit_unlabeled_are_refused_together():
    learner = ActiveLearner(Recorder(), update="partial_fit", fit_unlabeled=True)
    with pytest.raises(
        ValueError, match="learns what is newly taught, fit_unlabeled=True the whole"
    ):
        learner.fit(X, partly(0, 1))


def test_too_few_labels_leave_no_estimator_and_enough_of_them_start_afresh():
    learner = ActiveLearner(Recorder(), update="partial_fit").fit(X, partly(0, 1))
    learner.pool_.unlabel([1])
    learner.refit()
    assert not hasattr(learner, "estimator_")
    learner.teach([3], TRUTH[[3]])
    assert taught(learner) == [("partial_fit", [0, 3])]


# Seeds


def seeds_of(estimator):
    return {
        name: value
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "random_state"
    }


NESTED = make_pipeline(
    PCA(1, svd_solver="randomized"),
    BaggingClassifier(DecisionTreeClassifier(max_features=1), n_estimators=2),
)


def test_every_random_state_inside_gets_a_seed_of_its_own_the_same_at_each_refit():
    learner = ActiveLearner(NESTED, random_state=3).fit(np.hstack([X, -X]), partly(0, 1, 2, 3))
    seeds = seeds_of(learner.estimator_)
    assert set(seeds) == {
        "pca__random_state",
        "baggingclassifier__random_state",
        "baggingclassifier__estimator__random_state",
    }
    assert len(set(seeds.values())) == 3
    assert all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds.values())
    for row in (10, 11):
        learner.teach([row], TRUTH[[row]])
        assert seeds_of(learner.estimator_) == seeds
    assert set(seeds_of(learner.estimator).values()) == {None}


def test_seeds_follow_from_the_learners_own():
    def seeds(random_state):
        learner = ActiveLearner(Recorder(), random_state=random_state).fit(X, partly(0, 1))
        return learner.seed_, learner.estimator_.random_state

    assert seeds(1) == seeds(1)
    assert seeds(1)[0] != seeds(2)[0] and seeds(1)[1] != seeds(2)[1]
    assert seeds(None) != seeds(None)
    assert seeds(np.random.default_rng(5)) == seeds(np.random.default_rng(5))
    assert seeds(np.random.RandomState(5)) == seeds(np.random.RandomState(5))


def test_the_seed_goes_with_the_pool():
    learner = ActiveLearner(Recorder()).fit(X, partly(0, 1))
    other = ActiveLearner(Recorder()).fit(learner.pool_)
    assert other.seed_ == learner.seed_ == learner.pool_.seed
    assert other.estimator_.random_state == learner.estimator_.random_state


def test_a_seed_that_was_given_is_kept():
    state = np.random.RandomState(0)
    assert seeded_clone(Recorder(random_state=4), 9).random_state == 4
    kept = seeded_clone(Recorder(random_state=state), 9).random_state
    assert isinstance(kept, np.random.RandomState) and kept is not state


def test_an_estimator_without_seeds_is_only_cloned():
    estimator = Ridge(alpha=2.0, random_state=1)
    assert seeded_clone(estimator, 0).get_params() == estimator.get_params()
    assert isinstance(seeded_clone(GaussianNB(), 0), GaussianNB)


def test_two_refits_of_a_random_estimator_agree():
    learner = ActiveLearner(RandomForestClassifier(5)).fit(X, partly(*range(10)))
    before = learner.predict_proba(X)
    assert (learner.refit().predict_proba(X) == before).all()
    assert (learner.fit(learner.pool_).predict_proba(X) == before).all()


# Weights, and other parameters of fit


def test_weights_go_with_their_rows():
    learner = ActiveLearner(Recorder()).fit(X, partly(3, 8), sample_weight=WEIGHTS)
    assert last_call(learner)["weights"] == [4, 9]
    learner.teach([30, 2], TRUTH[[30, 2]])  # the pool's own
    assert last_call(learner)["weights"] == [3, 4, 9, 31]
    learner.teach([20, 5], TRUTH[[20, 5]], sample_weight=[0.25, 0.5])  # new ones for these rows
    assert last_call(learner)["rows"] == [2, 3, 5, 8, 20, 30]
    assert last_call(learner)["weights"] == [3, 4, 0.5, 9, 0.25, 31]
    assert WEIGHTS.tolist() == (np.arange(40) + 1.0).tolist()


def test_weights_of_rows_from_outside_and_of_added_rows_come_with_them():
    learner = ActiveLearner(Recorder())
    learner.fit(X[:10], partly(3, 8)[:10], sample_weight=WEIGHTS[:10].astype(int))
    learner.query(X[20:])
    learner.teach(X[[25, 22]], TRUTH[[25, 22]], sample_weight=[2.5, 7])
    assert last_call(learner)["weights"] == [4, 9, 2.5, 7]
    learner.extend(X[30:33], partly(31)[30:33], sample_weight=np.array([0.1, 0.2, 0.3]))
    assert last_call(learner)["rows"] == [3, 8, 25, 22, 31]
    assert last_call(learner)["weights"] == [4, 9, 2.5, 7, 0.2]
    learner.query()
    learner.teach([14], TRUTH[[32]])  # row 32 of X is row 14 of the pool
    assert last_call(learner)["rows"][-1] == 32 and last_call(learner)["weights"][-1] == 0.3


@pytest.mark.parametrize("kind", ["array", "list", "Series", "column"])
def test_weights_may_come_in_any_container(kind):
    if kind == "Series":
        weights = pytest.importorskip("pandas").Series(WEIGHTS, index=np.arange(40)[::-1])
    else:
        weights = {"array": WEIGHTS, "list": WEIGHTS.tolist(), "column": WEIGHTS[:, None]}[kind]
    learner = ActiveLearner(Recorder()).fit(X, partly(3, 8), sample_weight=weights)
    learner.teach([20], TRUTH[[20]], sample_weight=weights[:1])
    expected = [4.0, 9.0, 1.0]
    assert np.ravel(last_call(learner)["weights"]).tolist() == expected


class Locked(GaussianNB):
    """Holds what cannot be copied."""

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.lock_ = Lock()
        return super().partial_fit(X, y, classes, sample_weight)


class Copied(Locked):
    """Copies itself."""

    def __deepcopy__(self, memo):
        other = clone(self)
        vars(other).update(vars(self), n_copies_=getattr(self, "n_copies_", 0) + 1)
        return other


class Stated(Locked):
    """Says what of it is to be copied."""

    def __getstate__(self):
        return {**super().__getstate__(), "lock_": None, "n_copies_": self.n_copies_ + 1}

    n_copies_ = 0


def test_what_cannot_be_copied_before_it_goes_on_is_refused_in_a_sentence():
    learner = ActiveLearner(Locked(), update="partial_fit").fit(X, partly(3, 8))
    before = learner.estimator_
    text = (
        "Locked goes on from where it is, .* but cannot be: cannot pickle '_thread.lock' object; "
    )
    with pytest.raises(TypeError, match=text + ".* or write update='refit'"):
        learner.teach([4], TRUTH[[4]])
    assert learner.estimator_ is before


@pytest.mark.parametrize("estimator", [Copied(), Stated()])
def test_what_copies_itself_goes_on_as_its_own_copy(estimator):
    learner = ActiveLearner(estimator, update="partial_fit").fit(X, partly(3, 8))
    for n, row in enumerate((4, 5), 1):
        learner.teach([row], TRUTH[[row]])
        assert learner.estimator_.n_copies_ == n
    rows = [3, 8, 4, 5]
    expected = GaussianNB().partial_fit(X[rows], TRUTH[rows], [0, 1])
    np.testing.assert_allclose(learner.estimator_.theta_, expected.theta_)


def test_partial_fit_is_given_the_weights_of_what_is_new():
    learner = ActiveLearner(Recorder(), update="partial_fit")
    learner.fit(X, partly(3, 8), sample_weight=WEIGHTS)
    learner.teach([30, 2], TRUTH[[30, 2]], sample_weight=[0.5, 0.25])
    assert last_call(learner)["weights"] == [0.25, 0.5]


def test_weights_reach_a_real_estimator():
    rows = np.array([0, 1, 2, 3, 20, 21])
    learner = ActiveLearner(LogisticRegression()).fit(X, partly(*rows[:4]), sample_weight=WEIGHTS)
    learner.teach(rows[4:], TRUTH[rows[4:]])
    expected = LogisticRegression().fit(X[rows], TRUTH[rows], sample_weight=WEIGHTS[rows])
    assert (learner.estimator_.coef_ == expected.coef_).all()


def test_fit_unlabeled_is_given_the_weights_of_all_rows():
    learner = ActiveLearner(Recorder(), fit_unlabeled=True)
    learner.fit(X, partly(3, 8), sample_weight=WEIGHTS)
    assert last_call(learner)["weights"] == WEIGHTS.tolist()
    assert last_call(learner)["y"] == partly(3, 8).tolist()


WEIGHTLESS, WEIGHTED = {}, {"sample_weight": WEIGHTS[:20]}


@pytest.mark.parametrize(
    ("given", "wrong", "sentence"),
    [
        (
            WEIGHTLESS,
            lambda learner: learner.teach([1, 2], TRUTH[[1, 2]], sample_weight=[1, 2]),
            "teach got sample_weight for rows of the pool, but fit got none; give sample_weight= "
            "to fit, for every row.",
        ),
        (
            WEIGHTLESS,
            lambda learner: learner.extend(X[20:22], [0, 1], sample_weight=[1, 2]),
            "extend got sample_weight for new rows, but fit got none for the pool's rows; give "
            "sample_weight= to fit, for every row.",
        ),
        (
            WEIGHTED,
            lambda learner: learner.extend(X[20:22], [0, 1]),
            "extend got rows without sample_weight, which fit got for the pool's rows; give "
            "sample_weight= for the new rows too.",
        ),
        (
            WEIGHTED,
            lambda learner: (learner.query(X[20:]), learner.teach(X[20:22], [0, 1])),
            "teach got rows without sample_weight, which fit got for the pool's rows; give "
            "sample_weight= for the new rows too.",
        ),
        (
            WEIGHTED,
            lambda learner: learner.teach([1, 2], TRUTH[[1, 2]], sample_weight=[1, 2, 3]),
            "teach got sample_weight, but not one entry for each of its rows",
        ),
        (
            WEIGHTED,
            lambda learner: learner.teach([1, 2], TRUTH[[1, 2]], sample_weight=2.0),
            "teach got sample_weight, but not one entry for each of its rows",
        ),
        (
            WEIGHTED,
            lambda learner: learner.extend(X[20:22], [0, 1], sample_weight=[1.0]),
            "extend got sample_weight, but not one entry for each of its rows",
        ),
    ],
)
def test_weights_that_do_not_go_with_the_rows_are_refused_and_nothing_changes(
    given, wrong, sentence
):
    learner = ActiveLearner(Recorder()).fit(X[:20], partly(3, 8)[:20], **given)
    first = learner.estimator_
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        wrong(learner)
    assert len(learner.pool_) == 20 and len(learner.pool_.history) == 1
    assert learner.estimator_ is first and len(first.calls_) == 1
    learner.query()
    learner.teach([1], TRUTH[[1]])
    assert last_call(learner)["weights"] == ([2, 4, 9] if given else None)


def test_other_parameters_are_repeated_at_each_refit_until_others_are_given():
    learner = ActiveLearner(Recorder()).fit(X, partly(3, 8), note="first")
    assert last_call(learner)["note"] == "first"
    assert last_call(learner.teach([2], TRUTH[[2]]))["note"] == "first"
    assert last_call(learner.refit())["note"] == "first"
    assert last_call(learner.teach([5], TRUTH[[5]], note={"second": 2}))["note"] == {"second": 2}
    assert last_call(learner.teach([6], TRUTH[[6]]))["note"] == {"second": 2}
    assert last_call(learner.fit(X, partly(3, 8)))["note"] is None


def test_parameters_given_at_a_cold_start_are_kept_for_the_first_fit():
    learner = ActiveLearner(Recorder()).fit(X, sample_weight=WEIGHTS, note="kept")
    learner.teach([4], TRUTH[[4]])
    assert not hasattr(learner, "estimator_")
    learner.teach([5], TRUTH[[5]])
    assert last_call(learner)["weights"] == [5, 6] and last_call(learner)["note"] == "kept"


def test_parameters_go_to_a_step_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    name = "logisticregression__sample_weight"
    learner = ActiveLearner(pipeline).fit(X, partly(0, 1, 2, 3), **{name: WEIGHTS})
    learner.teach([20], TRUTH[[20]])
    rows = [0, 1, 2, 3, 20]
    expected = clone(pipeline).fit(X[rows], TRUTH[rows], **{name: WEIGHTS[rows]})
    assert (learner.estimator_[-1].coef_ == expected[-1].coef_).all()


def test_weights_that_leave_one_class_are_named_in_the_estimators_error():
    weights = np.where(TRUTH == 1, 1.0, 0.0)
    learner = ActiveLearner(SVC())
    with pytest.raises(ValueError, match="sample_weight is 0 for all rows but those of one class"):
        learner.fit(X, partly(0, 1, 2, 3), sample_weight=weights)
    assert learner.pool_.n_labeled == 4


# Metadata routing


def test_routed_weights_reach_the_estimator_through_fit_teach_and_extend():
    with config_context(enable_metadata_routing=True):
        estimator = Recorder().set_fit_request(sample_weight=True, note=True)
        learner = ActiveLearner(estimator).fit(
            X[:20], partly(3, 8)[:20], sample_weight=WEIGHTS[:20]
        )
        learner.teach([5], TRUTH[[5]], sample_weight=[0.5], note="here")
        learner.extend(X[20:22], TRUTH[20:22], sample_weight=[0.25, 0.75])
        learner.teach([6], TRUTH[[6]])
    assert last_call(learner)["weights"] == [4, 0.5, 7, 9, 0.25, 0.75]
    assert last_call(learner)["note"] == "here"


def test_routed_weights_reach_an_estimator_in_a_pipeline_under_their_plain_name():
    with config_context(enable_metadata_routing=True):
        weighted = LogisticRegression().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        learner = ActiveLearner(make_pipeline(scaler, weighted))
        learner.fit(X, partly(0, 1, 2, 3), sample_weight=WEIGHTS)
        learner.teach([20], TRUTH[[20]])
        rows = [0, 1, 2, 3, 20]
        expected = make_pipeline(StandardScaler(), LogisticRegression())
    expected.fit(X[rows], TRUTH[rows], logisticregression__sample_weight=WEIGHTS[rows])
    assert (learner.estimator_[-1].coef_ == expected[-1].coef_).all()


@pytest.mark.parametrize("update", ["refit", "partial_fit"])
def test_weights_that_were_not_requested_are_refused_by_scikit_learn(update):
    with config_context(enable_metadata_routing=True):
        learner = ActiveLearner(Recorder(), update=update)
        with pytest.raises(UnsetMetadataPassedError):
            learner.fit(X, partly(0, 1), sample_weight=WEIGHTS)
        assert not hasattr(learner, "pool_")
        learner.fit(X, partly(0, 1))
        with pytest.raises(UnsetMetadataPassedError):
            learner.teach([2], TRUTH[[2]], sample_weight=[1.0])
        assert learner.pool_.n_labeled == 2


# Errors of the estimator


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_where_fit_raises_the_labels_and_the_old_estimator_stay(update, failing):
    learner = ActiveLearner(Recorder(), update=update, random_state=0).fit(X, partly(3, 8))
    first, before = learner.estimator_, dict(vars(learner.estimator_))
    failing(True)
    with pytest.raises(RuntimeError, match=r"^the GPU is on fire$"):
        learner.teach([30, 2], TRUTH[[30, 2]])
    assert learner.pool_.labeled.tolist() == [2, 3, 8, 30]
    assert learner.pool_.y[[30, 2]].tolist() == [0, 0]
    assert learner.estimator_ is first
    np.testing.assert_equal(vars(first), before)
    assert learner.predict(X[:3]).tolist() == [0, 0, 0]
    idx, _ = learner.query(n_instances=40)
    assert not set(idx) & {2, 3, 8, 30}

    failing(False)
    learner.refit()
    expected = [2, 30] if update == "partial_fit" else [2, 3, 8, 30]
    assert last_call(learner)["rows"] == expected
    assert (len(taught(learner)) > 1) is (update != "refit")


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_where_the_first_fit_raises_the_labels_are_kept_and_refit_tries_again(update, failing):
    learner = ActiveLearner(Recorder(), update=update)
    failing(True)
    with pytest.raises(RuntimeError, match=r"^the GPU is on fire$"):
        learner.fit(X, partly(3, 8))
    assert learner.pool_.labeled.tolist() == [3, 8]
    with pytest.raises(NotFittedError, match=r"could not be fitted, or labels came since; call"):
        learner.predict(X)
    assert learner.query(n_instances=2)[0].size == 2  # by the cold start
    failing(False)
    assert [rows for _, rows in taught(learner.refit())] == [[3, 8]]


def test_labels_taught_after_an_error_are_learned_with_those_before(failing):
    learner = ActiveLearner(Recorder(), update="partial_fit").fit(X, partly(3, 8))
    failing(True)
    with pytest.raises(RuntimeError):
        learner.teach([30], TRUTH[[30]])
    failing(False)
    learner.teach([2], TRUTH[[2]])
    assert [rows for _, rows in taught(learner)] == [[3, 8], [2, 30]]


def test_where_fit_of_a_new_pool_raises_the_old_estimator_is_gone(failing):
    learner = ActiveLearner(Recorder()).fit(X, partly(3, 8))
    failing(True)
    with pytest.raises(RuntimeError):
        learner.fit(X[:10], partly(1, 2)[:10])
    assert len(learner.pool_) == 10 and not hasattr(learner, "estimator_")


def test_an_estimator_keeps_its_error_and_its_traceback():
    y = np.where(np.arange(40) < 20, TRUTH, -1)
    with pytest.raises(ValueError, match="Negative values in data") as caught:
        ActiveLearner(MultinomialNB()).fit(-X, y)
    assert caught.traceback[-1].path.name != "training.py"


# Codes


@pytest.mark.parametrize(
    "wrap",
    [
        lambda estimator: estimator,
        lambda estimator: make_pipeline(StandardScaler(), estimator),
        lambda estimator: GridSearchCV(estimator, {}),
        lambda estimator: BaggingClassifier(estimator),
    ],
    ids=["itself", "pipeline", "search", "bagging"],
)
def test_libraries_that_want_codes_are_recognised_inside_others(wrap):
    assert not needs_codes(wrap(LogisticRegression()))
    xgboost = pytest.importorskip("xgboost")
    assert needs_codes(wrap(xgboost.XGBClassifier()))


@pytest.mark.parametrize(
    ("encode", "expected"), [("auto", ["b", "a"]), (True, [1, 0]), (False, ["b", "a"])]
)
def test_labels_are_encoded_where_it_is_asked(encode, expected):
    y = [None] * 40
    y[3], y[8] = "b", "a"
    learner = ActiveLearner(Recorder(), encode_labels=encode).fit(X, y)
    assert last_call(learner)["y"] == expected
    assert learner.predict(X[:2]).tolist() == ["a", "a"]


def test_fit_unlabeled_encodes_and_marks_the_unlabelled_rows():
    y = [None] * 40
    y[3], y[8] = "b", "a"
    learner = ActiveLearner(Recorder(), fit_unlabeled=True).fit(X, y)
    codes = last_call(learner)["y"]
    assert (codes[3], codes[8]) == (1, 0) and set(codes) - {0, 1} == {-1}
    assert last_call(learner)["rows"] == list(range(40))
    spreading = ActiveLearner(LabelSpreading(), fit_unlabeled=True).fit(X, y)
    assert set(spreading.predict(X)) <= {"a", "b"}


def test_a_pool_that_goes_on_is_trained_as_it_stands():
    pool = Pool(X, partly(3, 8))
    pool.label([20], [0])
    assert taught(ActiveLearner(Recorder(), update="partial_fit").fit(pool)) == [
        ("partial_fit", [3, 8, 20])
    ]


# Labels that are given by name beside y


class Booster(ClassifierMixin, BaseEstimator):
    """Wants codes wherever a label is named, as xgboost and lightgbm do, and keeps what it got."""

    def __init__(self, class_weight=None):
        self.class_weight = class_weight

    def fit(self, X, y, eval_set=None, eval_sample_weight=None, callbacks=None, **sets):
        self.classes_ = np.unique(y)
        codes = np.arange(len(self.classes_))
        assert np.array_equal(self.classes_, codes)
        for _, labels in eval_set or []:
            assert np.isin(labels, codes).all()
        assert self.class_weight is None or set(self.class_weight) <= set(codes.tolist())
        self.eval_set_, self.eval_sample_weight_ = eval_set, eval_sample_weight
        self.callbacks_, self.sets_ = callbacks, sets
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


NAMED = {"text": np.array(["a", "b", "c"], dtype=object), "numbers": np.array([1, 2, 3])}


@pytest.mark.parametrize("kind", sorted(NAMED))
@pytest.mark.parametrize("start", ["", "booster__"])
def test_labels_of_validation_sets_are_codes_as_the_rows_own_are(kind, start):
    codes = np.arange(40) % 3
    names, estimator = NAMED[kind][codes], Booster()
    if start:
        estimator = make_pipeline(FunctionTransformer(), estimator)
    y = np.full(40, None, dtype=object)
    y[[0, 2]] = names[[0, 2]]  # the second class is not taught yet
    learner = ActiveLearner(estimator, "random", encode_labels=True)
    weights = WEIGHTS[10:16]
    sets = [(X[10:16], names[10:16]), (X[:2], list(names[:2]))]
    given = {"eval_set": sets, "eval_sample_weight": [weights, None], "callbacks": [print]}
    learner.fit(X, y, **{f"{start}{name}": value for name, value in given.items()})
    first, second = last_step(learner.estimator_).eval_set_
    kept = np.flatnonzero(codes[10:16] != 1)
    np.testing.assert_array_equal(first[0], X[10:16][kept])
    assert first[1].tolist() == (codes[10:16][kept] // 2).tolist()
    assert second[1].tolist() == [0]
    cut, nothing = last_step(learner.estimator_).eval_sample_weight_
    assert (cut.tolist(), nothing) == (weights[kept].tolist(), None)
    learner.teach([1], names[[1]])
    first, second = last_step(learner.estimator_).eval_set_
    assert first[0] is sets[0][0]  # no row is cut out
    assert (first[1].tolist(), second[1].tolist()) == (codes[10:16].tolist(), [0, 1])
    assert sets[0][1].tolist() == names[10:16].tolist()  # the caller's own stay


def test_validation_rows_and_labels_that_come_apart_are_coded_and_cut_alike():
    names = NAMED["text"][np.arange(40) % 3]
    y = np.where(np.arange(40) < 2, names, None)
    learner = ActiveLearner(Booster(), "random", encode_labels=True)
    learner.fit(X, y, eval_X=X[10:13], eval_y=[*names[10:12], None], eval_names=["v"])
    got = learner.estimator_.sets_
    np.testing.assert_array_equal(got["eval_X"], X[[10]])  # the third class is not taught yet
    assert (got["eval_y"].tolist(), got["eval_names"]) == ([1], ["v"])
    learner.fit(X, y, eval_X=(X[:1], X[1:2]), eval_y=(names[:1], names[1:2]))
    assert [each.tolist() for each in learner.estimator_.sets_["eval_y"]] == [[0], [1]]


def test_lists_for_validation_and_callbacks_belong_to_no_rows_however_many_there_are():
    names = NAMED["text"][np.arange(40) % 3]
    learner = ActiveLearner(Booster(), "random", encode_labels=True)
    learner.fit(X, np.where(np.arange(40) < 4, names, None))
    sets = [(X[:3], names[:3])]
    learner.teach([20], names[[20]], eval_set=sets, callbacks=[print])  # as many as rows
    learner.teach([21], names[[21]])
    assert len(learner.estimator_.eval_set_) == 1 and learner.estimator_.callbacks_ == [print]
    learner.query(X[:5])
    learner.teach(X[:1], names[:1], eval_set=sets).extend(X[:1], eval_set=sets)
    # A list that fit took for one of no rows stays one.
    learner = ActiveLearner(Booster(), "random", encode_labels=True)
    learner.fit(X, np.where(np.arange(40) < 4, names, None), layers=[1, 2])
    assert learner.teach([20], names[[20]], layers=[7]).estimator_.sets_ == {"layers": [7]}


@pytest.mark.parametrize("kind", sorted(NAMED))
def test_weights_of_classes_are_given_by_label_where_the_estimator_gets_codes(kind):
    one, two, three = NAMED[kind].tolist()
    names = NAMED[kind][np.arange(40) % 3]
    given = {one: 1.0, two: 2.0, three: 5.0}
    estimator = make_pipeline(FunctionTransformer(), Booster(class_weight=given))
    y = np.where(np.isin(np.arange(40), [0, 2]), names, None)
    learner = ActiveLearner(estimator, "random", encode_labels=True).fit(X, y)
    assert last_step(learner.estimator_).class_weight == {0: 1.0, 1: 5.0}
    learner.teach([1], names[[1]], booster__eval_class_weight=[given])
    assert last_step(learner.estimator_).class_weight == {0: 1.0, 1: 2.0, 2: 5.0}
    assert last_step(learner.estimator_).sets_ == {"eval_class_weight": [{0: 1.0, 1: 2.0, 2: 5.0}]}
    assert learner.estimator.get_params()["booster__class_weight"] is given
    wrong = ActiveLearner(Booster(class_weight={"x": 1.0}), "random", encode_labels=True)
    with pytest.raises(ValueError, match=r"^class_weight names 'x', but labels are such as"):
        wrong.fit(X, names)


FLOWERS = np.array(["setosa", "versicolor", "virginica"])[np.arange(40) % 3]
BY_NAME = {"setosa": 1.0, "versicolor": 2.0, "virginica": 3.0}


@pytest.mark.parametrize(
    ("weights", "classes", "text"),
    [
        (
            {"setosaa": 1.0},
            None,
            "class_weight names 'setosaa', which no label is; write 'setosa', or name all in "
            "classes= if 'setosaa' is a class that may still come.",
        ),
        (
            {"versicolor": 1.0, "Virginica ": 1.0},
            None,
            "class_weight names 'Virginica ', which no label is; write 'virginica', or name all in "
            "classes= if 'Virginica ' is a class that may still come.",
        ),
        (
            BY_NAME | {"setosaa": 1.0},
            np.unique(FLOWERS),
            "class_weight names 'setosaa', which classes= does not name; the classes are "
            "['setosa', 'versicolor', 'virginica'].",
        ),
        (
            {"setosaa": 1.0},
            np.unique(FLOWERS),
            "class_weight names 'setosaa', which classes= does not name; write 'setosa'.",
        ),
        (
            {0: 1.0, 1: 2.0},
            None,
            "class_weight names 0, but labels are such as 'setosa'; give a weight for each label, "
            "as it is taught.",
        ),
    ],
)
@pytest.mark.parametrize("where", ["class_weight", "eval_class_weight"])
def test_a_misspelt_class_among_weights_is_refused_with_the_nearest(where, weights, classes, text):
    given = {"class_weight": weights} if where == "class_weight" else {}
    learner = ActiveLearner(Booster(**given), "random", encode_labels=True, classes=classes)
    params = {} if given else {"eval_class_weight": [weights]}
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        learner.fit(X, FLOWERS, **params)


@pytest.mark.parametrize(
    ("weights", "classes", "coded"),
    [
        (BY_NAME, None, {0: 1.0, 1: 3.0}),  # versicolor may come
        (BY_NAME | {"virginica2": 9.0}, None, {0: 1.0, 1: 3.0}),  # virginica has its own
        ({"setosa": 1.0, "versicolor": 2.0}, [*BY_NAME, "virginica2"], {0: 1.0}),
        ({"versicolor": 2.0}, [*BY_NAME], {}),
    ],
)
def test_weights_of_classes_that_may_still_come_are_left_out_and_never_refused(
    weights, classes, coded
):
    y = np.where((FLOWERS != "versicolor") & (np.arange(40) < 20), FLOWERS, None)
    learner = ActiveLearner(
        Booster(class_weight=weights), "random", encode_labels=True, classes=classes
    )
    assert learner.fit(X, y).estimator_.class_weight == coded


def test_a_class_that_fell_out_of_the_window_keeps_its_weight():
    learner = ActiveLearner(
        Booster(class_weight={"setosa": 1.0, "grade1": 2.0}), "random", encode_labels=True, window=4
    )
    learner.fit(X, np.where(np.arange(40) < 2, ["grade1", "setosa"] * 20, None))
    assert learner.estimator_.class_weight == {0: 2.0, 1: 1.0}
    learner.teach([9, 10, 11, 12], ["setosa", "grade2"] * 2)
    assert learner.estimator_.class_weight == {1: 1.0}


def test_a_semi_supervised_estimator_weighs_classes_by_their_labels():
    names = NAMED["text"][np.arange(40) % 2]
    y = np.where(np.arange(40) < 20, names, None)
    weights = {"a": 1.0, "b": 9.0}
    learner = ActiveLearner(
        SelfTrainingClassifier(LogisticRegression(class_weight=weights)), fit_unlabeled=True
    )
    learner.fit(X, y)
    assert learner.estimator_.estimator_.class_weight == {0: 1.0, 1: 9.0}


@pytest.mark.parametrize("names", [NAMED["text"], NAMED["numbers"]], ids=["text", "numbers"])
def test_xgboost_stops_early_against_the_right_labels(names):
    xgboost = pytest.importorskip("xgboost")
    codes = (X[:, 0] > X[:, 0].mean()).astype(int) + (X[:, 0] > np.quantile(X[:, 0], 0.8))
    by_hand, inside = (
        xgboost.XGBClassifier(n_estimators=9, early_stopping_rounds=3, n_jobs=1, random_state=0)
        for _ in range(2)
    )
    how = {"verbose": False}
    by_hand.fit(X, codes, eval_set=[(X[::2], codes[::2])], **how)
    learner = ActiveLearner(inside, "random", random_state=0)
    learner.fit(X, names[codes], eval_set=[(X[::2], names[codes[::2]])], **how)
    assert learner.estimator_.best_iteration == by_hand.best_iteration > 0
    assert learner.estimator_.evals_result() == by_hand.evals_result()


def test_lightgbm_weighs_classes_that_are_named_and_more_than_were_taught():
    lightgbm = pytest.importorskip("lightgbm")
    names = NAMED["text"][TRUTH]
    how = {"n_estimators": 3, "n_jobs": 1, "min_child_samples": 1, "verbose": -1}
    by_hand = lightgbm.LGBMClassifier(class_weight={0: 1.0, 1: 50.0}, **how)
    by_hand.fit(X, TRUTH, eval_X=X[:9], eval_y=TRUTH[:9])
    model = lightgbm.LGBMClassifier(class_weight={"a": 1.0, "b": 50.0, "c": 2.0}, **how)
    learner = ActiveLearner(model, "random", random_state=0)
    learner.fit(X, names, eval_X=X[:9], eval_y=names[:9])
    np.testing.assert_array_equal(learner.predict_proba(X), by_hand.predict_proba(X))
    assert learner.estimator_.evals_result_ == by_hand.evals_result_


def test_labels_that_are_gone_are_forgotten_though_too_few_had_been_learned():
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(np.eye(4), [True, True, None, None])
    assert learner.classes_.tolist() == [True] and not hasattr(learner, "estimator_")
    learner.pool_.unlabel([0, 1])
    assert learner.extend(np.eye(4)[:0]).classes_.tolist() == []


def test_a_label_that_comes_back_with_another_weight_is_learned_again():
    X, y = np.arange(4.0)[:, None], [0, 1, 0, 1]
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(X, y, sample_weight=np.ones(4))
    learner.pool_.unlabel([3])
    learner.teach([3], [1], sample_weight=[3.0], refit=False)
    learner.extend(X[:0], sample_weight=[])
    assert learner.estimator_.class_prior_.tolist() == [2 / 6, 4 / 6]
