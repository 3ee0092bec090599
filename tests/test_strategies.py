"""The strategies: their values on tables written by hand, and the contract that all keep."""

import subprocess
import sys
import warnings
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path

import naive
import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skactive import ActiveLearner, Pool, SimulatedLearner, Strategy, get_strategy_names, select
from skactive.strategies import (
    BALD,
    Density,
    ExpectedImprovement,
    Improvement,
    Margin,
    ProbabilityOfImprovement,
    Random,
    Std,
    Subpool,
    UpperConfidenceBound,
    as_strategy,
    register,
)
from skactive.strategies.registry import ENTRIES, MODAL
from skactive.testing import check_strategy, strategy_checks

ROOT = Path(__file__).resolve().parents[1]


# Stubs: an estimator that knows by heart what it says of row number X[i, 0]


class Table(ClassifierMixin, BaseEstimator):
    """Probabilities from a table."""

    def __init__(self, table):
        self.table = table

    def fit(self, X, y):
        self.classes_ = np.arange(np.shape(self.table)[1])
        return self

    def predict_proba(self, X):
        return np.asarray(self.table, dtype=float)[X[:, 0]]

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


class Decision(ClassifierMixin, BaseEstimator):
    """Values of a decision function from a table, and no probabilities."""

    def __init__(self, table):
        self.table = table

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return np.asarray(self.table, dtype=float)[X[:, 0]]

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]


class Members(ClassifierMixin, BaseEstimator):
    """A committee of tables."""

    def __init__(self, tables):
        self.tables = tables

    def fit(self, X, y):
        self.estimators_ = [Table(table).fit(X, y) for table in self.tables]
        self.classes_ = self.estimators_[0].classes_
        return self

    def predict_proba(self, X):
        return np.mean([member.predict_proba(X) for member in self.estimators_], axis=0)

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


class Normal(RegressorMixin, BaseEstimator):
    """Means and standard deviations from a table."""

    def __init__(self, mean, std):
        self.mean = mean
        self.std = std

    def fit(self, X, y):
        self.n_features_in_ = 1
        return self

    def predict(self, X, return_std=False):
        mean = np.asarray(self.mean, dtype=float)[X[:, 0]]
        return (mean, np.asarray(self.std, dtype=float)[X[:, 0]]) if return_std else mean


def numbered(n):
    """Rows that are their own numbers."""
    return np.arange(n)[:, None]


def classifying(strategy, estimator, n, n_classes, seed=0):
    """A learner over n unlabelled rows; one row of each class, labelled, stands behind them."""
    X = np.vstack([numbered(n), np.zeros((n_classes, 1), dtype=int)])
    y = np.r_[np.full(n, -1), np.arange(n_classes)]
    return ActiveLearner(estimator, strategy, random_state=seed).fit(X, y)


def regressing(strategy, mean, std, labels):
    """A learner over one unlabelled row for each mean; rows with the labels stand behind them."""
    X = np.vstack([numbered(len(mean)), np.zeros((len(labels), 1), dtype=int)])
    y = np.r_[np.full(len(mean), np.nan), labels]
    return ActiveLearner(Normal(mean, std), strategy, random_state=0).fit(X, y)


def one_hot(votes, n_classes):
    return np.eye(n_classes)[np.asarray(votes)]


# Values

P = [[0.1, 0.85, 0.05], [0.6, 0.3, 0.1], [0.39, 0.61, 0.0]]


@pytest.mark.parametrize(
    ("strategy", "scores", "order"),
    [
        ("least_confidence", [0.15, 0.4, 0.39], [1, 2, 0]),
        ("margin", [-0.75, -0.3, -0.22], [2, 1, 0]),
        ("entropy", [0.51818621, 0.89794572, 0.66874809], [1, 2, 0]),
    ],
)
def test_uncertainty_has_its_published_values_and_asks_for_the_largest_first(
    strategy, scores, order
):
    learner = classifying(strategy, Table(P), 3, 3)
    assert learner.scores()[:3] == pytest.approx(scores, abs=1e-8)
    assert np.isnan(learner.scores()[3:]).all()
    assert learner.query(n_instances=3)[0].tolist() == order


def test_margin_of_two_classes_by_decision_is_minus_the_distance_from_0():
    learner = classifying("margin", Decision([-0.5, 2.0, 0.25, -3.0]), 4, 2)
    assert learner.scores()[:4].tolist() == [-0.5, -2.0, -0.25, -3.0]
    assert learner.query(n_instances=4)[0].tolist() == [2, 0, 1, 3]


def test_margin_of_many_classes_by_decision_is_minus_the_gap_between_the_two_largest():
    learner = classifying("margin", Decision([[3, 1, -2], [-1, -1.5, -4], [0, 9, 8.75]]), 3, 3)
    assert learner.scores()[:3].tolist() == [-2.0, -0.5, -0.25]


def test_vote_entropy_has_its_published_values():
    votes = np.array([[0, 1, 0], [1, 1, 2], [0, 1, 2], [2, 2, 2], [1, 2, 2]])
    members = [one_hot(of_member, 3) for of_member in votes.T]
    learner = classifying("vote_entropy", Members(members), 5, 3)
    expected = [0.63651417, 0.63651417, 1.09861229, 0, 0.63651417]
    assert learner.scores()[:5] == pytest.approx(expected, abs=1e-8)
    assert learner.query()[0].tolist() == [2]


def test_vote_entropy_counts_the_likeliest_class_of_each_member_and_not_its_probability():
    doubt, sure = [[0.51, 0.49]], [[0.01, 0.99]]
    learner = classifying("vote_entropy", Members([doubt, doubt, doubt, sure]), 1, 2)
    expected = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert learner.scores()[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("strategy", "scores"),
    [
        # Row 0: two members that are sure, and disagree. Row 1: both doubt. Row 2: both are sure.
        ("consensus_entropy", [np.log(2), np.log(2), 0]),
        ("max_disagreement", [np.log(2), 0, 0]),
        ("bald", [np.log(2), 0, 0]),
        ("vote_entropy", [np.log(2), 0, 0]),
    ],
)
def test_committees_tell_disagreement_from_doubt(strategy, scores):
    members = [[[1, 0], [0.5, 0.5], [1, 0]], [[0, 1], [0.5, 0.5], [1, 0]]]
    learner = classifying(strategy, Members(members), 3, 2)
    assert learner.scores()[:3] == pytest.approx(scores, abs=1e-12)


@pytest.mark.parametrize("strategy", ["consensus_entropy", "max_disagreement", "bald"])
def test_committees_score_as_their_plain_twins(strategy):
    samples = np.random.default_rng(0).dirichlet(np.ones(4), size=(5, 30))
    learner = classifying(strategy, Members(list(samples)), 30, 4)
    assert learner.scores()[:30] == pytest.approx(getattr(naive, strategy)(samples), abs=1e-12)


def test_std_is_the_standard_deviation():
    assert regressing("std", [5, 6, 7], [0.5, 2, 1], [0.0]).scores()[:3].tolist() == [0.5, 2, 1]


@pytest.mark.parametrize(
    ("strategy", "mean", "std", "score"),
    [
        # The labels are 1 and 3: the best is 3, or 1 where small is good.
        (ExpectedImprovement(), 3, 1, 0.39894228),
        (ExpectedImprovement(), 5, 0, 2.0),
        (ExpectedImprovement(), 1, 0, 0.0),
        (ExpectedImprovement(xi=1.0), 4, 1, 0.39894228),
        (ExpectedImprovement(maximize=False), 1, 1, 0.39894228),
        (ExpectedImprovement(maximize=False), -1, 0, 2.0),
        (ExpectedImprovement(xi=1.0, maximize=False), 0, 1, 0.39894228),
        (ProbabilityOfImprovement(), 3, 2, 0.5),
        (ProbabilityOfImprovement(), 4, 1, 0.84134475),
        (ProbabilityOfImprovement(xi=1.0), 4, 1, 0.5),
        (ProbabilityOfImprovement(maximize=False), 0, 1, 0.84134475),
        (ProbabilityOfImprovement(maximize=False), 3, 0, 0.0),
        (UpperConfidenceBound(), 2, 0.5, 2.5),
        (UpperConfidenceBound(beta=2.0), 2, 0.5, 3.0),
        (UpperConfidenceBound(beta=2.0, maximize=False), 2, 0.5, -1.0),
    ],
)
def test_optimisers_compare_with_the_best_label(strategy, mean, std, score):
    found = regressing(strategy, [mean], [std], [1.0, 3.0]).scores()[0]
    # Improvements are given by their logarithms.
    found = np.exp(found) if isinstance(strategy, Improvement) else found
    assert found == pytest.approx(score, abs=1e-8)


def test_expected_improvement_without_a_label_says_what_it_needs():
    frozen = pytest.importorskip("sklearn.frozen").FrozenEstimator
    X = np.linspace(0, 1, 8)[:, None]
    model = GaussianProcessRegressor(optimizer=None).fit(X, X[:, 0])
    learner = ActiveLearner(frozen(model), "expected_improvement").fit(X)
    with pytest.raises(ValueError, match="compares with the best label; give one first"):
        learner.query()


# Chance


def is_uniform(counts):
    """Whether counts pass for draws from a uniform distribution; the seeds are fixed."""
    return chisquare(counts).pvalue > 1e-3


@pytest.mark.once
@pytest.mark.parametrize(
    ("strategy", "table"),
    [
        ("random", np.linspace(0.1, 0.9, 10)),
        ("margin", np.full(10, 0.25)),
        ("entropy", np.full(10, 0.25)),
        (Subpool("random", size=3), np.full(10, 0.25)),
    ],
)
def test_random_choices_and_ties_fall_on_every_row_alike(strategy, table):
    proba = np.c_[table, 1 - table]
    counts = np.zeros(10)
    for seed in range(1000):
        counts[classifying(strategy, Table(proba), 10, 2, seed).query()[0]] += 1
    assert is_uniform(counts)


def test_of_tied_rows_and_a_better_one_the_better_one_is_always_asked():
    proba = [[0.9, 0.1]] * 9 + [[0.5, 0.5]]
    for seed in range(20):
        assert classifying("margin", Table(proba), 10, 2, seed).query(n_instances=2)[0][0] == 9


def test_random_draws_afresh_in_each_round_and_asks_the_same_within_one():
    learner = classifying("random", Table(np.full((40, 2), 0.5)), 40, 2)
    orders = []
    for _ in range(5):
        scores = learner.scores()
        assert np.array_equal(scores, learner.scores(), equal_nan=True)
        orders.append(scores[:10])
        learner.teach(learner.query(subset=np.arange(10, 40))[0], [0])
    assert len({tuple(order) for order in orders}) == 5


def warned_of_ties(learner, n=2, **asked):
    """Whether a query says that all candidates score alike."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        learner.query(n_instances=n, **asked)
    return [str(w.message) for w in caught if "chance alone chooses" in str(w.message)]


@pytest.mark.parametrize(
    ("make", "strategy"),
    [
        (lambda s: classifying(s, Table(np.tile([0.0, 1.0], (10, 1))), 10, 2), "margin"),
        (lambda s: classifying(s, Members([np.tile([0.3, 0.7], (10, 1))] * 2), 10, 2), "bald"),
        (lambda s: regressing(s, np.arange(10.0), np.zeros(10), [0.0, 1.0]), "std"),
        (lambda s: regressing(s, np.zeros(10), np.zeros(10), [0.0, 1.0]), "expected_improvement"),
    ],
)
def test_where_all_scores_tie_each_fit_says_once_that_chance_chooses(make, strategy):
    learner = make(strategy)
    (message,) = warned_of_ties(learner)
    assert message.startswith(f"{type(as_strategy(strategy)).__name__} gives all 10 candidates")
    assert warned_of_ties(learner) == []  # the same fit
    learner.refit()
    assert len(warned_of_ties(learner)) == 1
    learner.refit()
    assert warned_of_ties(learner, n=10) == []  # all are asked for


def test_where_some_scores_differ_or_nothing_is_scored_no_warning_comes():
    proba = [[0.0, 1.0]] * 9 + [[0.5, 0.5]]
    for strategy in ("margin", "random", "k_center"):
        assert warned_of_ties(classifying(strategy, Table(proba), 10, 2)) == []


def test_a_simulation_says_nothing_of_ties():
    X, y = np.random.default_rng(0).normal(size=(80, 2)), np.arange(80) % 2
    simulated = SimulatedLearner(ActiveLearner(DecisionTreeClassifier(), "margin"), budget=30)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        simulated.fit(X, y)
    assert not [w for w in caught if "chance alone chooses" in str(w.message)]


class Parts:
    """Chooses the first candidates, and remembers which ones it was offered."""

    def __init__(self):
        self.seen = []

    def __call__(self, view, n):
        self.seen.append(view.X[view.candidates, 0])  # whose numbers they hold
        return view.candidates[:n]


@pytest.mark.parametrize(
    ("size", "n", "n_offered"),
    [(20, 5, 20), (2, 7, 7), (1000, 5, 50), (0.1, 2, 5), (0.1, 9, 9), (0.011, 1, 1), (1.0, 3, 50)],
)
def test_subpool_offers_a_part_of_its_size_and_never_less_than_the_batch(size, n, n_offered):
    parts = Parts()
    learner = classifying("random", Table(np.full((50, 2), 0.5)), 50, 2)
    learner.strategy_ = Subpool(parts, size)
    idx, _ = learner.query(n_instances=n)
    (offered,) = parts.seen
    assert len(set(offered)) == len(offered) == n_offered
    assert set(offered) <= set(range(50)) and idx.tolist() == offered[:n].tolist()


def test_subpool_offers_another_part_in_each_round_and_every_row_as_often():
    parts, counts = Parts(), np.zeros(10)
    learner = classifying("random", Table(np.full((1000, 2), 0.5)), 1000, 2)
    learner.strategy_ = Subpool(parts, 4)
    for _ in range(500):
        learner.query(subset=np.arange(10))
        learner.teach(learner.query(subset=np.arange(10, 1000))[0], [0])
    asked_for_10 = parts.seen[::2]
    for offered in asked_for_10:
        counts[offered] += 1
    assert len({tuple(offered) for offered in asked_for_10}) > 100
    assert is_uniform(counts)


def test_subpool_asks_for_the_best_of_its_part():
    proba = np.linspace(0.5, 1, 60)
    learner = classifying("random", Table(np.c_[proba, 1 - proba]), 60, 2)
    parts = Parts()
    learner.strategy_ = Subpool(parts, 20)
    learner.query()
    learner.strategy_ = Subpool("margin", 20)
    assert learner.query(n_instances=3)[0].tolist() == parts.seen[0][:3].tolist()


POPULATION = [
    "typiclust", "max_herding", "uncertainty_herding", "k_medoids", "prob_cover", "k_means", "bait",
    "cluster_margin", "ranked_batch", "density", Density("margin", metric="euclidean"), "badge",
]  # fmt: skip


@pytest.mark.parametrize("given", ["rows", "embedding", "function", "pipeline", "cold"])
@pytest.mark.parametrize("strategy", POPULATION, ids=str)
def test_a_subpool_is_the_population(strategy, given):
    """What is chosen follows from the part and the known rows: the rest may be anything."""
    if given == "cold" and set(as_strategy(strategy).reads) != {"embedding"}:
        pytest.skip("it needs a model")
    rng, known = np.random.default_rng(0), np.arange(12)
    X, y = rng.normal(size=(300, 4)), np.full(300, -1)
    y[known] = known % 3
    seen = []

    def all_seen(view, n):
        seen.append((view.X[view.labeled], view.X[view.candidates], len(view)))
        return view.candidates[:n]

    def asked(strategy, X):
        estimator = LogisticRegression()
        options = {"random_state": 0}
        if given == "function":
            options["embedding"] = np.tanh
        if given == "pipeline":
            estimator = make_pipeline(FunctionTransformer(np.tanh), estimator)
        if given == "cold":
            options["cold_start"] = strategy
        learner = ActiveLearner(estimator, strategy, **options)
        fit_params = {"embedding": np.tanh(X)} if given == "embedding" else {}
        return learner.fit(X, None if given == "cold" else y, **fit_params).query(n_instances=5)[0]

    asked(Subpool(all_seen, 60), X)
    labeled, part, n_rows = seen[0]
    assert n_rows == 60 + len(labeled) and len(part) == 60
    picks = asked(Subpool(strategy, 60), X)
    is_part = (X[:, None] == part).all(axis=2).any(axis=1)
    others = np.where(is_part[:, None] | (y >= 0)[:, None], X, rng.normal(size=X.shape) - 3.0)
    assert asked(Subpool(strategy, 60), others).tolist() == picks.tolist()
    assert is_part[picks].all()


@pytest.mark.parametrize("sizes", [(5,), (5, 20), (5, 20, 60)])
def test_a_part_of_parts_has_its_own_vectors_and_the_known_and_reserved_rows(sizes):
    X, y = np.arange(100.0)[:, None], np.full(100, -1)
    y[[40, 90]] = 0, 1
    pool = Pool(X, y)
    pool.reserve([7, 55])
    seen = []

    def looks(view, n):
        numbers = view.X[:, 0]
        np.testing.assert_array_equal(view.embedding[:, 0], numbers + 0.5)
        at = view.labeled, view.reserved, view.candidates
        seen.append([numbers[each].tolist() for each in at])
        return view.candidates[:n]

    strategy = looks
    for size in sizes:
        strategy = Subpool(strategy, size)
    learner = ActiveLearner(LogisticRegression(), strategy, embedding=lambda X: X + 0.5)
    idx, rows = learner.fit(pool).query(n_instances=2)
    ((labeled, reserved, candidates),) = seen
    assert (labeled, reserved, len(candidates)) == ([40, 90], [7, 55], 5)
    assert idx.tolist() == rows[:, 0].tolist() == candidates[:2]


@pytest.mark.parametrize("size", [0, -3, 1.5, 0.0, -0.1, True, "3", None, np.nan])
def test_subpool_refuses_what_is_neither_a_count_nor_a_share(size):
    learner = classifying(Subpool("random", size), Table(np.full((5, 2), 0.5)), 5, 2)
    with pytest.raises(ValueError, match="give a count of at least 1, or a share in"):
        learner.query()


# Names


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("margn", "'margin'"),
        ("Entropy", "'entropy' or 'vote_entropy'"),
        ("leastconfidence", "'least_confidence'"),
        ("expected improvement", "'expected_improvement'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_ones(name, near):
    with pytest.raises(ValueError, match=f"^unknown strategy '{name}'; did you mean {near}"):
        ActiveLearner(LogisticRegression(), name).fit([[0.0], [1.0]])


def test_a_name_that_is_like_none_is_refused_with_where_all_of_them_are_listed():
    text = r"^unknown strategy 'zzz'; skactive.get_strategy_names\(\) lists those that have a"
    with pytest.raises(ValueError, match=text):
        ActiveLearner(LogisticRegression(), "zzz").fit([[0.0], [1.0]])


def test_names_are_sorted_and_every_one_is_taken_for_a_strategy():
    names = get_strategy_names()
    assert names == sorted(names) and len(names) >= 32
    assert set(SERVED) >= set(names) - {"adversarial_bim"}
    for name in SERVED:
        assert strategy_checks(name)


@pytest.fixture
def own_names():
    """What a test registers is forgotten after it."""
    before = dict(ENTRIES)
    yield
    ENTRIES.clear()
    ENTRIES.update(before)


@pytest.mark.usefixtures("own_names")
def test_a_class_of_ones_own_has_a_name_only_where_it_is_registered():
    def doubt(power):
        class OwnDoubt(Strategy):
            reads = ("proba",)

            def score(self, view):
                return (1 - view.proba.max(axis=1)) ** power

        return OwnDoubt

    first, names = doubt(1), get_strategy_names()
    assert "own_doubt" not in names
    assert register("own_doubt", "to test", cost="O(nC)")(first) is first
    assert get_strategy_names() == sorted([*names, "own_doubt"])
    assert classifying("own_doubt", Table(P), 3, 3).query()[0].tolist() == [1]
    again = register("own_doubt", "to test", cost="O(nC)")(doubt(2))  # as by a notebook's cell
    assert type(as_strategy("own_doubt")) is again and first not in ENTRIES
    for taken in ("own_doubt", "margin"):
        with pytest.raises(ValueError, match=f"^'{taken}' is the name of .*; give another one"):
            register(taken, "to test", cost="O(nC)")(Doubt)
    assert type(as_strategy("margin")) is Margin and Doubt not in ENTRIES


@pytest.mark.parametrize("given", [Margin, BALD])
def test_a_class_is_refused_with_what_to_write(given):
    with pytest.raises(TypeError, match=rf"write {given.__name__}\(\), an instance"):
        ActiveLearner(LogisticRegression(), given).fit([[0.0], [1.0]])


@pytest.mark.parametrize("given", [3, None, ["margin"]])
def test_what_is_no_strategy_is_refused_with_what_is(given):
    with pytest.raises(TypeError, match=r"give a name .*, a Strategy or a callable \(view, n\)"):
        ActiveLearner(LogisticRegression(), given).fit([[0.0], [1.0]])


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (LogisticRegression(), Margin),
        (KNeighborsClassifier(1), Margin),
        (SVC(), Margin),
        (LinearSVC(), Margin),
        (RidgeClassifier(), Margin),
        (Perceptron(), Margin),
        (SVC(decision_function_shape="ovo"), Random),
        (GaussianProcessRegressor(), Std),
        (make_pipeline(FunctionTransformer(), GaussianProcessRegressor()), Std),
        (RandomForestRegressor(2), Random),  # of which std is worse than random
        (BaggingRegressor(n_estimators=2), Random),
        (Ridge(), Random),
    ],
)
def test_auto_is_margin_std_of_regressors_that_return_it_or_random(estimator, expected):
    y = [-1, 1, 0] if expected is Margin or isinstance(estimator, SVC) else [np.nan, 1.0, 0.0]
    learner = ActiveLearner(estimator).fit([[0.0], [1.0], [2.0]], y)
    assert type(learner.strategy_) is expected
    assert learner.query()[0].tolist() == [0]


def test_auto_is_random_for_a_classifier_that_only_predicts():
    class OnlyPredicts(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    learner = ActiveLearner(OnlyPredicts()).fit([[0.0], [1.0], [2.0]], [-1, 1, 0])
    assert isinstance(learner.strategy_, Random)


def test_parameters_of_a_strategy_are_set_through_the_learner():
    learner = ActiveLearner(GaussianProcessRegressor(), UpperConfidenceBound(beta=1.0))
    assert clone(learner).set_params(strategy__beta=3.0).get_params()["strategy__beta"] == 3.0
    nested = ActiveLearner(LogisticRegression(), Subpool(Subpool("margin", 5), 10))
    nested.set_params(strategy__strategy__size=7)
    assert nested.fit([[0.0], [1.0], [2.0]], [-1, 1, 0]).strategy_.strategy.size == 7


def test_subpool_is_refused_where_its_inner_strategy_would_be():
    sentence = (
        r"Subpool reads view\.samples, which LogisticRegression cannot give: it needs to be an "
        r"ensemble"
    )
    with pytest.raises(ValueError, match=sentence):
        ActiveLearner(LogisticRegression(), Subpool("bald")).fit([[0.0], [1.0]])


def test_the_learner_works_on_a_strategy_of_its_own():
    given = UpperConfidenceBound()
    learner = regressing(given, [1.0], [1.0], [0.0])
    given.beta = 50.0
    assert learner.strategy_.beta == 1.0


def test_a_function_that_breaks_its_contract_is_named():
    def greedy(view, n):
        return view.candidates[:1]

    learner = classifying(greedy, Table(np.full((5, 2), 0.5)), 5, 2)
    with pytest.raises(ValueError, match=r"^greedy was asked for 2 positions and gave an array"):
        learner.query(n_instances=2)


# The contract, kept


class SecondBest(Strategy):
    """A rowwise strategy with a parameter."""

    reads = ("proba",)

    def __init__(self, power=1.0):
        self.power = power

    def score(self, view):
        return np.sort(view.proba, axis=1)[:, -2] ** self.power


class FarFromLabeled(Strategy):
    """A joint strategy that looks at rows as vectors."""

    rowwise = False
    reads = ("embedding",)

    def select(self, view, n):
        E = view.embedding
        E = E.toarray() if hasattr(E, "toarray") else E
        gaps = E[:, None, :] - E[None, view.labeled, :]
        far = (gaps**2).sum(axis=2).min(axis=1)[view.candidates]
        return view.candidates[np.lexsort((view.rng.random(len(far)), -far))[:n]]


def by_least_confidence(view, n):
    """A function in place of a strategy."""
    doubt = 1 - view.proba.max(axis=1)[view.candidates]
    return view.candidates[np.lexsort((view.row_random(view.candidates), -doubt))[:n]]


class TwoDoubts(Strategy):
    """Rowwise, and made of other rowwise strategies."""

    reads = ("proba",)

    def score(self, view):
        return view.score(Margin()) + 0.1 * view.score(Random())


# Of each strategy that has a name, the contract is checked; some need a net for that.
SERVED = [
    name
    for name in get_strategy_names()
    if "input_gradient" not in as_strategy(name).reads or find_spec("skorch")
]
CONTRACT = {name: name for name in SERVED} | {
    "subpool": Subpool("margin", size=20),
    "subpool at random": Subpool("random", 0.5),
    "subpool of a subpool": Subpool(Subpool(UpperConfidenceBound(2.0), 30), 0.9),
    "subpool of a function": Subpool(by_least_confidence, 0.5),
    "function": by_least_confidence,
    "rowwise": SecondBest(),
    "joint": FarFromLabeled(),
    "nested": TwoDoubts(),
}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{given}-{name}")
        for given, strategy in CONTRACT.items()
        for name, check in strategy_checks(strategy)
    ],
)
def test_the_contract_is_kept(check):
    check()


@pytest.mark.parametrize(
    ("strategy", "estimator"),
    [
        ("margin", SVC()),
        ("margin", RidgeClassifier()),
        ("entropy", HistGradientBoostingClassifier(max_iter=5)),
        ("bald", BaggingClassifier(n_estimators=4)),
        ("vote_entropy", BaggingClassifier(NearestCentroid(), n_estimators=4)),
        ("std", BaggingRegressor(n_estimators=4)),
        ("expected_improvement", RandomForestRegressor(5)),
    ],
)
def test_the_contract_is_kept_with_an_estimator_of_ones_own(strategy, estimator):
    check_strategy(strategy, estimator=estimator)


def test_checks_have_distinct_names():
    names = [name for name, _ in strategy_checks("margin")]
    assert len(set(names)) == len(names) == 12


# The contract, broken: strategies, the check that finds it, and what it says


class Doubt(Strategy):
    """A sound strategy for others to break."""

    reads = ("proba",)

    def score(self, view):
        return 1 - view.proba.max(axis=1)


class Twice(Doubt):
    def select(self, view, n):
        return np.repeat(view.candidates[:1], n)


class AnyRow(Doubt):
    def select(self, view, n):
        return np.arange(n)


class OutOfRange(Doubt):
    def select(self, view, n):
        return np.arange(len(view), len(view) + n)


class FromTheEnd(Doubt):
    def select(self, view, n):
        return -1 - np.arange(n)


class TooFew(Doubt):
    def select(self, view, n):
        return super().select(view, max(1, n - 1))


class TooMany(Doubt):
    def select(self, view, n):
        return super().select(view, n + 1)


class Floats(Doubt):
    def select(self, view, n):
        return super().select(view, n).astype(float)


class AMask(Doubt):
    def select(self, view, n):
        return np.isin(np.arange(len(view)), super().select(view, n))


class WritesX(Doubt):
    def score(self, view):
        X = view.X
        X -= X.mean(axis=0)
        return super().score(view)


class WritesProba(Doubt):
    def score(self, view):
        view.proba.sort(axis=1)
        return 1 - view.proba[:, -1]


class WritesMask(Doubt):
    rowwise = False

    def select(self, view, n):
        view.mask[view.candidates[0]] = False
        return super().select(view, n)


class WritesCandidates(Doubt):
    def select(self, view, n):
        chosen = super().select(view, n)
        view.candidates.sort()
        return chosen


class RelativeToChunk(Doubt):
    def score(self, view):
        scores = super().score(view)
        return scores - scores.mean()


class WrongLength(Doubt):
    def score(self, view):
        return super().score(view)[:-1]


class ByPosition(Doubt):
    def score(self, view):
        return super().score(view) + np.arange(len(view))


class WholeByPosition(ByPosition):
    rowwise = False


class GlobalRandom(Doubt):
    def score(self, view):
        return np.random.random(len(view))  # noqa: NPY002


class SeedsGlobal(Doubt):
    rowwise = False

    def select(self, view, n):
        np.random.seed(view.round)  # noqa: NPY002
        return np.random.choice(view.candidates, n, replace=False)  # noqa: NPY002


class OwnSeed(Doubt):
    def select(self, view, n):
        return np.random.default_rng(0).choice(view.candidates, n, replace=False)


class TiesByPosition(Doubt):
    def select(self, view, n):
        scores = view.score(self).round(1)[view.candidates]
        return view.candidates[np.argsort(-scores, kind="stable")[:n]]


class AlwaysNaN(Doubt):
    def score(self, view):
        return np.full(len(view), np.nan)


class NaNWhereCertain(Doubt):
    def score(self, view):
        with np.errstate(all="ignore"):
            return -(view.proba * np.log(view.proba)).sum(axis=1)


class Remembers(Doubt):
    def score(self, view):
        self.last_ = super().score(view)
        return self.last_


class CountsDown(Doubt):
    def __init__(self, power=3):
        self.power = power

    def score(self, view):
        self.power -= 1
        return super().score(view) ** 2


class ChangesItsParameter(Doubt):
    def __init__(self, power=1):
        self.power = float(power) + 1


class KeepsNoParameter(Doubt):
    def __init__(self, power=1):
        pass


class Undeclared(Doubt):
    reads = ()


class UndeclaredToo(Doubt):
    def score(self, view):
        return super().score(view) + view.embedding[:, 0]


class LooksAtLabels(Doubt):
    def score(self, view):
        return super().score(view) * len(view.labeled)


class DrawsInChunks(Doubt):
    def score(self, view):
        return super().score(view) + view.rng.random(len(view))


class ArraysOnly(Doubt):
    rowwise = False

    def score(self, view):
        return super().score(view) + view.X[:, 0]


class FramesAreOthers(Doubt):
    rowwise = False

    def score(self, view):
        return view.proba[:, 0] if hasattr(view.X, "columns") else super().score(view)


class FirstAnswer(Doubt):
    """Answers the first question for ever, out of sight of get_params."""

    answers: dict = {}  # noqa: RUF012

    def select(self, view, n):
        return self.answers.setdefault((n, len(view.candidates) > 20), super().select(view, n))


BROKEN = [
    (Twice(), "positions", "Twice chose a position twice; give distinct positions"),
    (AnyRow(), "positions", "chose position 0, which is no candidate"),
    (OutOfRange(), "positions", "chose position 90, which is no candidate"),
    (FromTheEnd(), "positions", "chose position -1, which is no candidate"),
    (TooFew(), "positions", "asked for 5 positions and gave an array of shape"),
    (TooMany(), "positions", "asked for 1 positions and gave an array of shape"),
    (Floats(), "positions", "dtype float64; it must give 1 integers"),
    (AMask(), "positions", "dtype bool; it must give 1 integers"),
    (WritesX(), "writes_nothing", "WritesX writes into what it is shown"),
    (WritesProba(), "writes_nothing", "WritesProba writes into what it is shown"),
    (WritesMask(), "writes_nothing", "WritesMask writes into what it is shown"),
    (WritesCandidates(), "writes_nothing", "WritesCandidates writes into what it is shown"),
    (RelativeToChunk(), "chunks", "answers differently when it is shown 7 rows at a time"),
    (WrongLength(), "positions", r"gave an array of shape \(89,\) for 90 rows"),
    (ByPosition(), "row_order", "gives a row another score where rows stand in another order"),
    (WholeByPosition(), "fresh_draw", "other rows where the rows stand in another order"),
    (GlobalRandom(), "reproducible", "answers the same question differently the second time"),
    (SeedsGlobal(), "reproducible", "draws from or seeds numpy's global generator"),
    (OwnSeed(), "fresh_draw", "the same in every round, .*; draw random numbers, and break ties"),
    (TiesByPosition(), "fresh_draw", "break ties, by view.row_random"),
    (AlwaysNaN(), "positions", "gave NaN for a candidate; every candidate needs a number"),
    (NaNWhereCertain(), "certain_model", "gave NaN for a candidate"),
    (Remembers(), "parameters", "Remembers changes itself when it is used"),
    (CountsDown(), "parameters", "CountsDown changes itself when it is used"),
    (ChangesItsParameter(), "parameters", "cannot be cloned .*; its __init__ must keep each"),
    (KeepsNoParameter(), "parameters", "cannot be cloned .*; its __init__ must keep each"),
    (Undeclared(), "declares_reads", r"reads view.proba .*; write reads = \('proba',\)"),
    (UndeclaredToo(), "declares_reads", r"write reads = \('proba', 'embedding'\) in its class"),
    (LooksAtLabels(), "positions", "read view.labeled, .*; set rowwise = False in its class"),
    (DrawsInChunks(), "positions", "use view.row_random.*, or set rowwise = False"),
    (ArraysOnly(), "containers", r"fails on rows in a CSR matrix .*; take rows by view.take"),
    (FramesAreOthers(), "containers", "chooses other rows when they come in a pandas DataFrame"),
    (FirstAnswer(), "loop", "which is no candidate"),
]


@pytest.mark.parametrize(
    ("strategy", "name", "sentence"), BROKEN, ids=[type(broken[0]).__name__ for broken in BROKEN]
)
def test_a_broken_contract_is_found_by_the_right_check(strategy, name, sentence):
    FirstAnswer.answers = {}
    if "pandas" in sentence:
        pytest.importorskip("pandas")
    with pytest.raises(AssertionError, match=sentence):
        dict(strategy_checks(deepcopy(strategy)))[name]()
    with pytest.raises(AssertionError):
        check_strategy(strategy)


def test_a_strategy_for_the_cold_start_must_do_without_labels():
    class NearTheLargestLabel(Strategy):
        rowwise = False

        def select(self, view, n):
            gaps = np.abs(view.row_random(view.candidates) - view.y_labeled.max())
            return view.candidates[np.argsort(gaps)[:n]]

    with pytest.raises(AssertionError, match=r"^NearTheLargestLabel: zero-size array"):
        dict(strategy_checks(NearTheLargestLabel()))["cold_start"]()


def test_the_message_keeps_the_error_of_the_strategy_as_its_cause():
    class Fails(Doubt):
        def score(self, view):
            raise ValueError("not today")

    with pytest.raises(AssertionError, match=r"^Fails: not today$") as failure:
        check_strategy(Fails())
    assert isinstance(failure.value.__cause__, ValueError)


def test_an_estimator_that_cannot_serve_the_strategy_is_refused_in_the_documented_words():
    sentence = (
        r"^BALD reads view\.samples, which LogisticRegression cannot give: it needs to be an "
        r"ensemble of at least two classifiers \(a forest, bagging, voting\), or a net with "
        r"dropout\.$"
    )
    with pytest.raises(ValueError, match=sentence):
        check_strategy("bald", estimator=LogisticRegression())


def test_a_strategy_for_which_no_estimator_is_known_asks_for_one():
    class All(Doubt):
        reads = ("samples", "std")

    with pytest.raises(ValueError, match=r"gives all that All reads, .*; pass one as estimator="):
        check_strategy(All())


def test_checks_fail_without_asserts_and_import_neither_pytest_nor_an_estimator():
    code = """
import sys
from skactive import Strategy
from skactive.testing import check_strategy
heavy = {"pytest", "sklearn.linear_model", "sklearn.ensemble", "sklearn.gaussian_process"}
print(sorted(heavy & set(sys.modules)))
class Remembers(Strategy):
    def score(self, view):
        self.last_ = view.row_random()
        return self.last_
try:
    check_strategy(Remembers())
except AssertionError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-O", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported, message = result.stdout.splitlines()
    assert imported == "[]" and message.startswith("Remembers changes itself when it is used")


# What people bring from modAL


@pytest.mark.parametrize("name", MODAL)
def test_the_names_of_modal_are_answered_with_ours(name):
    assert MODAL[name] in get_strategy_names() + get_strategy_names(multilabel=True)
    with pytest.raises(ValueError, match=f"unknown strategy '{name}'; here it is '{MODAL[name]}'"):
        as_strategy(name)


def test_a_function_of_a_classifier_is_answered_with_the_form_to_write():
    def doubtful(classifier, X_pool, n_instances=1):
        return np.arange(n_instances)

    with pytest.raises(TypeError, match=r"doubtful, a function of 'classifier'; write a function"):
        as_strategy(doubtful)
    doubtful.__name__ = "entropy_sampling"
    with pytest.raises(TypeError, match="the function entropy_sampling; write 'entropy'"):
        as_strategy(doubtful)
    assert as_strategy(lambda anything, n: [0]).function is not None


def test_positions_beside_scores_are_refused():
    def both(view, n):
        return view.candidates[:n], np.ones(n)

    with pytest.raises(ValueError, match="both gave a tuple of 2; return the positions alone"):
        select(both, proba=np.full((4, 2), 0.5), n_instances=2)
    pair = select(lambda view, n: (3, 1), proba=np.full((4, 2), 0.5), n_instances=2)
    assert pair.tolist() == [3, 1]
