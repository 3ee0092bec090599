"""Simulation: labels that are known, hidden, and revealed as the learner asks for them."""

import gc
import itertools
import warnings
import weakref
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedKFold,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skactive import ActiveLearner, SimulatedLearner, run_stream
from skactive.evaluation.simulation import simulate
from skactive.loops.stopping import Budget, StoppingRule

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
DIGITS, DIGIT_OF = load_digits(return_X_y=True)
DIGITS, DIGIT_OF = DIGITS[:400] / 16, DIGIT_OF[:400]
for array in (X, Y, DIGITS, DIGIT_OF):
    array.flags.writeable = False


def learner(estimator=None, strategy="margin", **options):
    """A learner around a logistic regression, or around what is given."""
    return ActiveLearner(
        LogisticRegression() if estimator is None else estimator, strategy, **options
    )


def simulated(estimator=None, strategy="margin", *, budget=40, random_state=0, **options):
    """A simulation that is quick on iris."""
    options = {"n_instances": 10, **options}
    return SimulatedLearner(
        learner(estimator, strategy), budget=budget, random_state=random_state, **options
    )


class Spy(ClassifierMixin, BaseEstimator):
    """Predict the first class; keep what each fit was given, and how many of us are alive."""

    calls: ClassVar[list] = []
    alive: ClassVar[weakref.WeakSet] = weakref.WeakSet()

    def fit(self, X, y, **params):
        Spy.calls.append((X[:, 0].astype(int).tolist(), y.tolist(), params))
        Spy.alive.add(self)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


@pytest.fixture(autouse=True)
def _forgotten():
    Spy.calls.clear()
    Spy.alive.clear()


def numbered(n):
    """Rows that hold their own numbers."""
    return np.arange(n, dtype=float)[:, None]


def same_runs(a, b):
    """Whether two simulations asked for the same rows in the same order, round by round."""
    return len(a.query_indices_) == len(b.query_indices_) and all(
        np.array_equal(x, y) for x, y in zip(a.query_indices_, b.query_indices_, strict=True)
    )


# scikit-learn's own checks

CHECKED = [
    SimulatedLearner(ActiveLearner(estimator, missing_label=missing), budget=1.0, n_instances=1000)
    for missing in ("auto", None)
    for estimator in (
        LogisticRegression(),
        Ridge(),
        SVC(),
        make_pipeline(StandardScaler(), LogisticRegression()),
    )
]


def expected_failures(simulation):
    """The checks that must fail, with the reason; a pass would fail too (xfail_strict)."""
    if simulation.learner.missing_label is None or isinstance(simulation.learner.estimator, Ridge):
        return {}
    return {
        "check_classifiers_classes": "it takes -1 for one of two classes, and here -1 is the "
        "missing label unless the learner has missing_label=None"
    }


def as_list(mark):
    """A parametrize mark whose cases are a list: scikit-learn 1.6's generator is deprecated."""
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")
@as_list(parametrize_with_checks(CHECKED, expected_failed_checks=expected_failures))
def test_a_simulation_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


# Labels are revealed as they are asked for, and not before


def test_the_estimator_sees_the_labels_asked_for_so_far_and_no_others():
    y = np.arange(60) % 3
    run = simulated(Spy(), "random", budget=30).fit(numbered(60), y)
    assert len(Spy.calls) == len(run.query_indices_) == 3
    asked = []
    for (rows, labels, _), new in zip(Spy.calls, run.query_indices_, strict=True):
        asked.extend(new.tolist())
        assert rows == sorted(asked)
        assert labels == y[rows].tolist()


def test_a_strategy_sees_the_labels_asked_for_so_far_and_no_others():
    seen = []

    def nosy(view, n):
        seen.append((view.labeled.tolist(), view.y_labeled.tolist()))
        assert view.classes.tolist() == sorted(set(view.y_labeled.tolist()))
        return view.candidates[-n:]

    run = simulated(strategy=nosy, budget=40).fit(X, Y)
    asked = []
    for new, (rows, labels) in zip(run.query_indices_[:-1], seen, strict=True):
        asked.extend(new.tolist())
        assert rows == sorted(asked)
        assert labels == Y[rows].tolist()


@given(st.integers(0, 2**32 - 1), st.sampled_from(["margin", "entropy", "random"]))
def test_labels_that_were_never_asked_for_do_not_matter(seed, strategy):
    run = simulated(KNeighborsClassifier(3), strategy, budget=25, random_state=seed).fit(X, Y)
    rng = np.random.default_rng(seed)
    hidden = np.setdiff1d(np.arange(len(Y)), np.concatenate(run.query_indices_))
    other = Y.copy()
    other[hidden] = rng.permutation(Y[hidden])
    again = clone(run).fit(X, other)
    assert same_runs(run, again)
    np.testing.assert_array_equal(run.predict(X), again.predict(X))


def test_labels_enter_through_the_pool_one_operation_a_batch():
    run = simulated(budget=40).fit(X, Y)
    history = run.learner_.pool_.history
    assert [op.kind for op in history] == ["fit", *["label"] * 4]
    assert history[0].rows.size == 0  # nothing was labelled at the start
    for op, indices in zip(history[1:], run.query_indices_, strict=True):
        np.testing.assert_array_equal(op.rows, indices)
        assert op.after == Y[indices].tolist()


def test_rows_without_a_label_are_never_asked_for():
    y = Y.copy()
    y[::2] = -1
    with pytest.warns(UserWarning, match="a simulation leaves out 75 rows whose label is -1"):
        run = simulated(budget=1.0).fit(X, y)
    assert sorted(np.concatenate(run.query_indices_)) == list(range(1, 150, 2))
    np.testing.assert_array_equal(run.learner_.pool_.skipped, np.arange(0, 150, 2))
    assert run.n_labeled_[-1] == 75


def test_rows_without_a_label_are_there_for_estimators_that_learn_from_all():
    y = np.where(np.arange(60) < 40, np.arange(60) % 2, -1)
    seen = []

    class All(Spy):
        def fit(self, X, y, **params):
            seen.append(y.tolist())
            return super().fit(X, y, **params)

    run = SimulatedLearner(
        ActiveLearner(All(), "random", fit_unlabeled=True), budget=10, random_state=0
    ).fit(numbered(60), y)
    (labels,) = seen
    assert len(labels) == 60
    assert sorted(np.flatnonzero(np.array(labels) >= 0)) == sorted(run.query_indices_[0])


# Budget


@pytest.mark.parametrize(
    ("budget", "n"),
    [(40, 40), (41, 41), (np.int64(40), 40), (1000, 120), (1.0, 120), (0.5, 60), (0.21, 25)],
)
def test_the_budget_is_a_count_or_a_share_of_the_known_labels_and_never_more_than_those(budget, n):
    y = np.where(np.arange(150) < 120, Y[::-1], -1)
    run = simulated(budget=budget, n_instances=7).fit(X, y)
    assert run.n_labeled_[-1] == n == len(np.concatenate(run.query_indices_))
    sizes = [len(indices) for indices in run.query_indices_]
    assert sizes[0] == 10
    assert set(sizes[1:-1]) <= {7}
    assert sizes[-1] == ((n - 10) % 7 or 7)  # the last round takes what is left


def test_a_budget_spent_on_the_initial_rows_is_one_round():
    run = simulated(budget=10).fit(X, Y)
    assert run.n_labeled_.tolist() == [10]


@pytest.mark.parametrize(("n_classes", "n"), [(2, 10), (5, 10), (6, 12), (10, 20)])
def test_by_default_there_are_ten_initial_labels_or_two_a_class_if_that_is_more(n_classes, n):
    y = np.arange(200) % n_classes
    run = simulated(DecisionTreeClassifier(), "random", budget=n).fit(numbered(200), y)
    assert run.n_labeled_.tolist() == [n]


def test_fewer_known_labels_than_that_are_all_known_at_the_start():
    y = np.full(50, -1)
    y[:6] = [0, 1, 2, 0, 1, 2]
    run = simulated(budget=1.0).fit(X[:50], y)
    assert run.n_labeled_.tolist() == [6]


def test_the_number_of_initial_labels_can_be_given():
    run = simulated(budget=20, n_initial=15).fit(X, Y)
    assert run.n_labeled_.tolist() == [15, 20]


# The start


def test_the_learners_cold_start_chooses_the_initial_rows():
    def last(view, n):
        return view.candidates[::-1][:n]

    run = SimulatedLearner(
        ActiveLearner(LogisticRegression(), cold_start=last), budget=60, n_initial=55
    ).fit(X, Y)
    assert run.query_indices_[0].tolist() == list(range(149, 94, -1))


@given(st.integers(1, 60), st.integers(0, 10))
def test_a_stratified_start_takes_as_many_of_each_class_as_possible(n, seed):
    y = np.repeat([0, 1, 2], [40, 5, 15])
    run = simulated(
        DecisionTreeClassifier(),
        "random",
        budget=60,
        n_instances=60,
        n_initial=n,
        initial="stratified",
        random_state=seed,
    ).fit(numbered(60), y)
    start = run.query_indices_[0][:n]
    assert len(set(start.tolist())) == n
    counts = np.bincount(y[start], minlength=3)
    for size, count in zip([40, 5, 15], counts, strict=True):
        assert count == size or count >= counts.max() - 1


def test_a_stratified_start_is_drawn_by_the_seed():
    starts = {
        tuple(
            simulated(budget=9, n_initial=9, initial="stratified", random_state=s)
            .fit(X, Y)
            .query_indices_[0]
            .tolist()
        )
        for s in range(8)
    }
    assert len(starts) == 8


def test_row_numbers_are_taken_as_they_are():
    rows = [3, 77, 141, 5]
    run = simulated(budget=14, initial=rows).fit(X, Y)
    assert run.query_indices_[0].tolist() == rows
    assert run.n_labeled_.tolist() == [4, 14]


def test_a_cold_start_goes_on_in_round_one_until_two_classes_are_seen():
    y = np.zeros(100, dtype=int)
    y[[90, 95]] = 1

    def in_order(view, n):
        return view.candidates[:n]

    run = SimulatedLearner(
        ActiveLearner(DecisionTreeClassifier(), in_order, cold_start=in_order),
        budget=99,
        n_instances=4,
        initial=[1, 0],
    ).fit(numbered(100), y)
    assert run.query_indices_[0].tolist() == [1, 0, *range(2, 94)]  # 90 is in the 23rd batch
    assert run.n_labeled_.tolist() == [94, 98, 99]
    assert run.class_counts_.tolist() == [[93, 1], [96, 2], [97, 2]]
    assert run.rounds_[0].seconds_query > 0


def test_all_batches_of_a_cold_start_count_into_the_time_of_round_one(monkeypatch):
    monkeypatch.setattr("skactive.evaluation.simulation.perf_counter", itertools.count().__next__)

    def in_order(view, n):
        return view.candidates[:n]

    given = ActiveLearner(DecisionTreeClassifier(), in_order, cold_start=in_order)
    y = (np.arange(50) >= 20).astype(int)
    first, second = simulate(given, numbered(50), y, budget=24, n_instances=3, n_initial=6)
    assert first.indices.tolist() == list(range(21))
    assert (first.seconds_query, first.seconds_bookkeeping, first.seconds_fit) == (6, 6, 6)
    assert second.indices.tolist() == [21, 22, 23]
    assert (second.seconds_query, second.seconds_bookkeeping, second.seconds_fit) == (1, 1, 1)


def test_a_budget_spent_on_rows_of_one_class_is_refused():
    with pytest.raises(
        ValueError,
        match=r"^budget 20 was spent on rows of one class; give a larger budget, or "
        r"initial='stratified'\.$",
    ):
        simulated(budget=20, initial=list(range(20))).fit(X, Y)


def test_a_strategy_of_streams_is_refused_with_what_simulates_it():
    text = (
        r"^RandomStream decides as rows pass; write run_stream\(learner, pairs of X and y\), whose "
        r"log has the score of each chunk\. To choose from a pool, give strategy 'random'\.$"
    )
    with pytest.raises(ValueError, match=text):
        simulated(strategy="stream_random", budget=20).fit(X, Y)
    chunks = [(X[start : start + 30], Y[start : start + 30]) for start in range(0, 150, 30)]
    asks = learner(strategy="stream_random", random_state=0).fit(X, Y)
    assert len(run_stream(asks, chunks).score) == 5
    assert simulated(strategy="vessal", budget=20).fit(X, Y).n_labeled_[-1] == 20


def test_a_frozen_estimator_needs_no_second_class():
    frozen = FrozenEstimator(LogisticRegression().fit(X, Y))
    run = simulated(frozen, budget=12, initial=[0, 1]).fit(X, Y)
    assert run.n_labeled_.tolist() == [2, 12]
    np.testing.assert_array_equal(run.predict_proba(X), frozen.predict_proba(X))


# What is kept


def test_no_row_is_asked_for_twice_and_the_union_is_what_is_labelled():
    run = simulated(budget=57).fit(X, Y)
    asked = np.concatenate(run.query_indices_)
    assert len(asked) == len(np.unique(asked)) == 57
    np.testing.assert_array_equal(np.sort(asked), run.learner_.pool_.labeled)
    np.testing.assert_array_equal(run.learner_.pool_.y_labeled, Y[np.sort(asked)])


def test_rounds_tell_what_was_asked_and_where_the_time_went():
    run = simulated(budget=40).fit(X, Y)
    assert run.n_labeled_.tolist() == [10, 20, 30, 40]
    assert [played.n_labeled for played in run.rounds_] == [10, 20, 30, 40]
    for played, indices in zip(run.rounds_, run.query_indices_, strict=True):
        assert played.indices is indices
        assert min(played.seconds_fit, played.seconds_query, played.seconds_bookkeeping) > 0
        assert played.seconds_fit + played.seconds_query + played.seconds_bookkeeping < 10


def test_class_counts_are_those_of_the_rows_asked_for():
    run = simulated(budget=40).fit(X, Y)
    expected, counts = [], np.zeros(3, dtype=int)
    for indices in run.query_indices_:
        counts = counts + np.bincount(Y[indices], minlength=3)
        expected.append(counts.tolist())
    assert run.class_counts_.tolist() == expected
    assert run.class_counts_.sum(axis=1).tolist() == run.n_labeled_.tolist()
    np.testing.assert_array_equal(run.classes_, [0, 1, 2])


def test_the_estimator_at_the_end_is_the_one_trained_on_the_labels_asked_for():
    run = simulated(LogisticRegression(C=3), budget=40).fit(X, Y)
    rows = np.sort(np.concatenate(run.query_indices_))
    by_hand = LogisticRegression(C=3).fit(X[rows], Y[rows])
    np.testing.assert_array_equal(run.predict(X), by_hand.predict(X))
    np.testing.assert_array_equal(run.predict_proba(X), by_hand.predict_proba(X))
    np.testing.assert_array_equal(run.predict_log_proba(X), by_hand.predict_log_proba(X))
    np.testing.assert_array_equal(run.decision_function(X), by_hand.decision_function(X))
    assert run.score(X, Y) == by_hand.score(X, Y)


def test_the_score_skips_rows_without_a_label():
    run = simulated().fit(X, Y)
    y = np.where(np.arange(150) % 3 == 0, Y, -1)
    assert run.score(X, y) == run.score(X[::3], Y[::3])


def test_methods_are_those_of_the_estimator():
    assert not hasattr(simulated(SVC()), "predict_proba")
    assert not hasattr(simulated(SVC()), "staged_predict_proba")
    assert hasattr(simulated(SVC()), "decision_function")
    assert hasattr(simulated(), "predict_proba")


def test_a_second_fit_keeps_nothing_of_the_first():
    run = simulated(keep_estimators=True).fit(X, Y)
    run.set_params(keep_estimators=False, learner=learner(Ridge(), "random")).fit(X, X[:, 0])
    for name in ("estimators_", "classes_", "class_counts_"):
        assert not hasattr(run, name)


def test_a_fit_that_fails_changes_nothing():
    run = simulated().fit(X, Y)
    before = dict(vars(run))
    with pytest.raises(ValueError, match="one class"):
        run.fit(X, np.zeros(150, dtype=int))
    assert vars(run) == before


# Stages


def test_staged_predictions_are_those_of_a_fit_on_the_labels_of_each_round():
    run = simulated(budget=45, keep_estimators=True).fit(X, Y)
    stages = zip(
        run.query_indices_,
        run.staged_predict(X),
        run.staged_predict_proba(X),
        run.staged_score(X, Y),
        strict=True,
    )
    rows = np.zeros(0, dtype=int)
    for indices, predicted, proba, score in stages:
        rows = np.sort(np.append(rows, indices))
        by_hand = LogisticRegression().fit(X[rows], Y[rows])
        np.testing.assert_array_equal(predicted, by_hand.predict(X))
        np.testing.assert_array_equal(proba, by_hand.predict_proba(X))
        assert score == by_hand.score(X, Y)


def test_staged_probabilities_have_a_column_for_each_class_0_before_it_is_revealed():
    initial = [0, 1, 50, 51]
    run = simulated(strategy="random", budget=34, initial=initial, keep_estimators=True).fit(X, Y)
    first, *_, last = run.staged_predict_proba(X)
    by_hand = LogisticRegression().fit(X[initial], Y[initial])
    np.testing.assert_array_equal(first[:, :2], by_hand.predict_proba(X))
    assert (first[:, 2] == 0).all()
    np.testing.assert_array_equal(last, run.predict_proba(X))
    assert last[:, 2].max() > 0.5


@pytest.mark.parametrize(
    ("estimator", "update"),
    [
        (SGDClassifier(random_state=0, loss="log_loss"), "partial_fit"),
        (LogisticRegression(max_iter=2), "warm_start"),
        (LogisticRegression(), "refit"),
    ],
)
def test_stages_stay_what_they_were_however_the_estimator_goes_on(estimator, update):
    template = ActiveLearner(estimator, update=update, random_state=0)
    options = {"budget": 50, "n_instances": 10, "initial": [0, 50, 100]}
    live, playing = [], clone(template)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in simulate(playing, X, Y, **options):
            live.append((playing.predict(X), playing.predict_proba(X)))
        run = SimulatedLearner(template, keep_estimators=True, **options).fit(X, Y)
    staged = zip(run.staged_predict(X), run.staged_predict_proba(X), live, strict=True)
    for predicted, proba, (predicted_live, proba_live) in staged:
        np.testing.assert_array_equal(predicted, predicted_live)
        np.testing.assert_array_equal(proba, proba_live)
    assert len({proba.tobytes() for _, proba in live}) == len(live)


@pytest.fixture
def few_objects():
    """Whatever is there already is none of the collector's business, or each search takes long."""
    gc.freeze()
    yield
    gc.unfreeze()


def test_only_kept_estimators_cost_memory(few_objects):
    alive = []

    class Count(StoppingRule):
        def should_stop(self, learner):
            gc.collect()
            alive.append(len(Spy.alive))
            return False

    for keep, expected in [(False, [1] * 7), (True, list(range(1, 8)))]:
        run = simulated(Spy(), "random", budget=80, stopping=Count(), keep_estimators=keep)
        run.fit(numbered(100), np.arange(100) % 2)
        assert alive == expected
        del run
        alive.clear()
        gc.collect()
        assert len(Spy.alive) == 0


# Stopping


def test_a_stopping_rule_is_started_once_and_asked_after_each_round_but_the_last():
    calls = []

    class Rule(StoppingRule):
        def start(self, learner):
            calls.append(("start", learner.pool_.n_labeled))

        def should_stop(self, learner):
            calls.append(("ask", learner.pool_.n_labeled))
            return False

    simulated(budget=40, stopping=Rule()).fit(X, Y)
    assert calls == [("start", 0), ("ask", 10), ("ask", 20), ("ask", 30)]


def test_a_stopping_rule_stops_before_the_budget_is_spent():
    class AtThirty(StoppingRule):
        def should_stop(self, learner):
            return learner.pool_.n_labeled >= 30

    assert simulated(budget=100, stopping=AtThirty()).fit(X, Y).n_labeled_.tolist() == [10, 20, 30]


def test_a_budget_among_the_stopping_rules_is_kept_exactly():
    run = simulated(budget=100, stopping=Budget(37)).fit(X, Y)
    assert run.n_labeled_.tolist() == [10, 20, 30, 37]


def test_a_stopping_rule_keeps_no_state_of_a_fit():
    class OnSecond(StoppingRule):
        asked = 0

        def should_stop(self, learner):
            self.asked += 1
            return self.asked == 2

    rule = OnSecond()
    run = simulated(budget=100, stopping=rule)
    assert run.fit(X, Y).n_labeled_.tolist() == [10, 20]
    assert rule.asked == 0
    assert run.fit(X, Y).n_labeled_.tolist() == [10, 20]


# Seeds


@pytest.mark.parametrize("strategy", ["margin", "random"])
def test_a_run_is_the_plain_loop_query_by_query(strategy):
    run = simulated(strategy=strategy, budget=58, random_state=7).fit(X, Y)
    plain = learner(strategy=strategy, random_state=7).fit(X)
    asked = [plain.query(n_instances=10)[0]]
    plain.teach(asked[0], Y[asked[0]])
    while (left := 58 - plain.pool_.n_labeled) > 0:
        idx, _ = plain.query(n_instances=min(10, left))
        plain.teach(idx, Y[idx])
        asked.append(idx)
    for one, other in zip(run.query_indices_, asked, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(run.predict_proba(X), plain.predict_proba(X))


def test_the_same_seed_gives_the_same_run_and_another_gives_another():
    a, b, c = (simulated(budget=40, random_state=seed).fit(X, Y) for seed in (1, 1, 2))
    assert same_runs(a, b)
    assert not same_runs(a, c)


def test_no_seed_gives_another_run_each_time():
    a, b = (simulated(budget=40, random_state=None).fit(X, Y) for _ in range(2))
    assert not same_runs(a, b)


def test_a_seed_of_the_learner_wins():
    def run(seed, own):
        return SimulatedLearner(
            learner(random_state=own), budget=30, n_instances=10, random_state=seed
        ).fit(X, Y)

    assert same_runs(run(1, 5), run(2, 5))
    assert same_runs(run(5, None), run(2, 5))
    assert not same_runs(run(1, 5), run(1, 6))


def test_the_learner_that_was_given_stays_as_it_was():
    given = learner()
    before = dict(vars(given))
    SimulatedLearner(given, budget=20, random_state=0).fit(X, Y)
    assert vars(given) == before


# Kinds of labels and rows


def test_regressors_are_simulated_and_start_with_ten_labels():
    y = X @ [1.0, -2.0, 3.0, 0.5]
    y[:50] = np.nan
    run = simulated(Ridge(), "auto", budget=40, keep_estimators=True).fit(X, y)
    rows = np.sort(np.concatenate(run.query_indices_))
    assert rows.min() >= 50
    assert run.n_labeled_.tolist() == [10, 20, 30, 40]
    by_hand = Ridge(random_state=0).fit(X[rows], y[rows])
    np.testing.assert_array_equal(run.predict(X), by_hand.predict(X))
    assert run.score(X, y) == by_hand.score(X[50:], y[50:])
    assert len(list(run.staged_score(X, y))) == 4
    assert not hasattr(run, "classes_")
    assert not hasattr(run, "class_counts_")


@pytest.mark.parametrize(
    "name",
    [
        np.array(["setosa", "versicolor", "virginica"]),
        np.array(["setosa", "versicolor", "virginica"], dtype=object),
        np.array([3, 5, 7]),
        np.array([1.0, 2.0, 4.0]),
    ],
    ids=["text", "objects", "integers", "floats"],
)
def test_labels_are_of_any_kind(name):
    run = simulated(keep_estimators=True).fit(X, name[Y])
    as_codes = simulated(keep_estimators=True).fit(X, Y)
    assert same_runs(run, as_codes)
    np.testing.assert_array_equal(run.classes_, name)
    np.testing.assert_array_equal(run.predict(X), name[as_codes.predict(X)])
    np.testing.assert_array_equal(run.class_counts_, as_codes.class_counts_)
    assert list(run.staged_score(X, name[Y])) == list(as_codes.staged_score(X, Y))


def test_booleans_are_labels():
    run = simulated(budget=30).fit(X, Y == 1)
    assert run.predict(X).dtype == bool
    labeled = run.learner_.pool_.labeled
    assert run.class_counts_[-1].tolist() == np.bincount((Y == 1)[labeled]).tolist()


def test_minus_1_is_a_class_where_the_learner_has_no_missing_label():
    y = np.where(Y == 0, -1, 1)
    run = SimulatedLearner(learner(missing_label=None), budget=30, random_state=0).fit(X, y)
    np.testing.assert_array_equal(run.classes_, [-1, 1])
    assert run.n_labeled_[-1] == 30


def test_classes_named_in_advance_have_their_columns():
    run = SimulatedLearner(learner(classes=[0, 1, 2, 3]), budget=30, random_state=0).fit(X, Y)
    assert run.predict_proba(X).shape == (150, 4)
    assert (run.class_counts_[:, 3] == 0).all()
    with pytest.raises(ValueError, match="classes"):
        SimulatedLearner(learner(classes=[0, 1]), budget=30).fit(X, Y)


def test_rows_are_of_any_kind():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(150) + 1000)
    run = simulated().fit(frame, pd.Series(Y, index=frame.index))
    assert same_runs(run, simulated().fit(X, Y))
    assert run.feature_names_in_.tolist() == list("abcd")
    assert run.n_features_in_ == 4


def test_the_number_of_features_comes_with_fit():
    with pytest.raises(AttributeError, match="this SimulatedLearner is not fitted yet"):
        _ = simulated().n_features_in_
    assert simulated().fit(X, Y).n_features_in_ == 4
    assert not hasattr(simulated().fit(X, Y), "feature_names_in_")


# Parameters of fit


def test_parameters_of_fit_belong_to_the_rows_that_are_asked_for():
    weight = np.arange(60) + 1000.0
    simulated(Spy(), "random", budget=30).fit(
        numbered(60), np.arange(60) % 2, sample_weight=weight, colour="red"
    )
    assert len(Spy.calls) == 3
    for rows, _, params in Spy.calls:
        assert params["colour"] == "red"
        np.testing.assert_array_equal(params["sample_weight"], weight[rows])


def test_routed_metadata_reaches_the_estimator_from_a_search():
    class Weighed(Spy):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y, sample_weight=sample_weight)

    rows, y, weight = numbered(60), np.arange(60) % 2, np.arange(60) + 1000.0
    with config_context(enable_metadata_routing=True):
        estimator = (
            Weighed().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        )
        run = SimulatedLearner(learner(estimator, "random"), budget=20, random_state=0)
        search = GridSearchCV(run, {"budget": [20, 25]}, cv=2)
        search.fit(rows, y, sample_weight=weight)
    assert len(Spy.calls) == 2 * (11 + 16) + 11  # two folds of each budget, and the refit
    for asked, _, params in Spy.calls:
        np.testing.assert_array_equal(params["sample_weight"], weight[asked])


# As an estimator among estimators


def test_parameters_reach_through_and_clones_are_unfitted():
    run = simulated(LogisticRegression(C=2), stopping=Budget(3)).fit(X, Y)
    params = run.get_params()
    assert params["learner__estimator__C"] == 2
    assert params["learner__strategy"] == "margin"
    assert params["stopping__n_labels"] == 3
    copy = clone(run).set_params(learner__estimator__C=5, budget=11)
    assert not hasattr(copy, "learner_")
    assert copy.learner.estimator.C == 5
    assert run.learner.estimator.C == 2
    assert "budget=11" in repr(copy)
    assert "LogisticRegression(C=5)" in repr(copy)


def test_a_search_over_strategies_scores_each_by_what_its_labels_are_worth():
    grid = {"learner__strategy": ["margin", "random"], "learner__estimator__C": [0.1, 10.0]}
    run = SimulatedLearner(
        learner(LogisticRegression(max_iter=300)), budget=60, n_instances=10, random_state=0
    )
    folds = StratifiedKFold(3)
    search = GridSearchCV(run, grid, cv=folds).fit(DIGITS, DIGIT_OF)
    for fold, (train, test) in enumerate(folds.split(DIGITS, DIGIT_OF)):
        scores = search.cv_results_[f"split{fold}_test_score"]
        for params, score in zip(search.cv_results_["params"], scores, strict=True):
            by_hand = clone(run).set_params(**params).fit(DIGITS[train], DIGIT_OF[train])
            assert by_hand.n_labeled_[-1] == 60
            assert score == by_hand.score(DIGITS[test], DIGIT_OF[test])
    assert len(set(search.cv_results_["mean_test_score"])) == 4  # no ties
    assert search.best_estimator_.n_labeled_[-1] == 60
    assert search.predict(DIGITS).shape == (400,)


def test_processes_change_nothing():
    grid = {"learner__strategy": ["margin", "random"]}
    one, two = (GridSearchCV(simulated(), grid, cv=3, n_jobs=n_jobs).fit(X, Y) for n_jobs in (1, 2))
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )
    assert same_runs(one.best_estimator_, two.best_estimator_)


def test_cross_validation_returns_fitted_simulations():
    found = cross_validate(simulated(), X, Y, cv=3, return_estimator=True, scoring="accuracy")
    folds = StratifiedKFold(3).split(X, Y)
    for run, score, (_, test) in zip(found["estimator"], found["test_score"], folds, strict=True):
        assert run.n_labeled_[-1] == 40
        assert score == (run.predict(X[test]) == Y[test]).mean()


def test_a_halving_search_can_take_the_budget_for_its_resource():
    search = HalvingGridSearchCV(
        simulated(),
        {"learner__strategy": ["margin", "random", "entropy"]},
        resource="budget",
        min_resources=12,
        max_resources=48,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(X, Y)
    assert search.n_resources_ == [12, 24]
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_estimator_.n_labeled_[-1] == search.best_params_.get("budget", 24)


def test_a_simulation_serves_inside_a_pipeline_and_around_one():
    inside = make_pipeline(StandardScaler(), simulated()).fit(X * 100, Y)
    around = simulated(make_pipeline(StandardScaler(), LogisticRegression())).fit(X * 100, Y)
    np.testing.assert_array_equal(inside[-1].n_labeled_, around.n_labeled_)
    assert inside.score(X * 100, Y) > 0.9
    assert around.score(X * 100, Y) > 0.9
    search = GridSearchCV(
        inside, {"simulatedlearner__learner__strategy": ["margin", "random"]}, cv=2
    ).fit(X, Y)
    assert search.best_score_ > 0.8


# Refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"budget": 9},
            "budget 9 is below the 10 initial labels; give a larger budget, or fewer initial "
            "labels.",
        ),
        ({"budget": 20, "n_initial": 21}, "budget 20 is below the 21 initial labels; "),
        ({"budget": 2, "initial": [0, 50, 100]}, "budget 2 is below the 3 initial labels; "),
        ({"budget": 0}, "budget is 0; give a count of labels, or a share in (0, 1] as a float."),
        ({"budget": -5}, "budget is -5; give a count"),
        ({"budget": True}, "budget is True; give a count"),
        ({"budget": 1.5}, "budget is 1.5; give a count"),
        ({"budget": 0.0}, "budget is 0.0; give a count"),
        ({"budget": float("nan")}, "budget is nan; give a count"),
        ({"budget": "half"}, "budget is 'half'; give a count"),
        ({"budget": None}, "budget is None; give a count"),
        ({"n_instances": 0}, "n_instances is 0; give a whole number of at least 1."),
        ({"n_instances": 2.0}, "n_instances is 2.0; give a whole number of at least 1."),
        ({"n_instances": None}, "n_instances is None; give a whole number of at least 1."),
        ({"n_initial": 0}, "n_initial is 0; give a whole number of at least 1."),
        ({"n_initial": True}, "n_initial is True; give a whole number of at least 1."),
        ({"n_initial": 2.5}, "n_initial is 2.5; give a whole number of at least 1."),
        ({"initial": []}, "initial names no row; give at least one row number, or None."),
        ({"initial": [0, 150]}, "initial got row number 150"),
        ({"initial": [7, 8, 7]}, "initial got index 7 twice"),
        ({"initial": [0.5, 1.0]}, "initial"),
        ({"initial": [0, 50], "n_initial": 2}, "initial lists the rows to start with; leave "),
        ({"initial": "random"}, "initial is 'random'; give 'stratified', row numbers, or None."),
    ],
)
def test_what_does_not_fit_together_is_refused(options, message):
    with pytest.raises(ValueError) as caught:
        simulated(**options).fit(X, Y)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            None,
            "a simulation requires y to be passed, but the target y is None; give the labels to "
            "hide and reveal.",
        ),
        (np.full(150, -1), "a simulation reveals known labels, but y has none; give some."),
        (np.full(150, np.nan), "a simulation reveals known labels, but y has none; give some."),
        (np.full(150, 3), "y has the one class 3; a simulation needs two classes."),
        (
            np.where(Y == 0, -1, 1),
            "y has the one class 1; a simulation needs two classes (if -1 is the other, give the "
            "learner missing_label=None).",
        ),
        (np.full(150, "a"), "y has the one class 'a'; a simulation needs two classes."),
    ],
    ids=["none", "all missing", "all nan", "one class", "minus one", "one text"],
)
def test_labels_from_which_nothing_can_be_learned_are_refused(y, message):
    with pytest.raises(ValueError) as caught:
        simulated().fit(X, y)
    assert str(caught.value) == message


def test_initial_rows_without_a_label_are_refused():
    y = Y.copy()
    y[[7, 9]] = -1
    with pytest.raises(ValueError, match=r"^initial names row 9, which has no label in y\.$"):
        simulated(initial=[0, 60, 9, 7]).fit(X, y)


def test_a_stratified_start_is_refused_for_a_regressor():
    with pytest.raises(
        ValueError, match=r"^initial='stratified' needs classes; for a regressor write None\.$"
    ):
        simulated(Ridge(), "random", initial="stratified").fit(X, X[:, 0])


@pytest.mark.parametrize("given", [LogisticRegression(), "margin", None, ActiveLearner])
def test_what_is_no_learner_is_refused(given):
    with pytest.raises(TypeError, match=r"^learner is .*; give an ActiveLearner: ActiveLearner\("):
        SimulatedLearner(given, budget=20).fit(X, Y)


def test_what_is_no_stopping_rule_is_refused():
    with pytest.raises(TypeError, match=r"^stopping is 'never'; give a rule such as Budget\(100\)"):
        simulated(stopping="never").fit(X, Y)


def test_stages_that_were_not_kept_are_refused():
    run = simulated().fit(X, Y)
    message = (
        r"^the estimators of earlier rounds were not kept; write keep_estimators=True, and fit "
        r"again\.$"
    )
    for staged in (run.staged_predict, run.staged_predict_proba):
        with pytest.raises(ValueError, match=message):
            next(staged(X))
    run.set_params(keep_estimators=True)
    with pytest.raises(ValueError, match=message):
        next(run.staged_score(X, Y))


def test_an_unfitted_simulation_says_so():
    run = simulated(keep_estimators=True)
    for call in (
        lambda: run.predict(X),
        lambda: run.score(X, Y),
        lambda: next(run.staged_predict(X)),
    ):
        with pytest.raises(
            NotFittedError, match=r"^this SimulatedLearner is not fitted yet; call fit\(X, y\)"
        ):
            call()
