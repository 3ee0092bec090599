"""Stopping rules: each on learners with known answers, combined, and in the loops that ask them."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skactive import ActiveLearner, Known, Pool, Prompt, SimulatedLearner, run
from skactive.loops import AccuracyAtLeast, EstimateAtLeast
from skactive.loops.cost import CostBudget
from skactive.loops.stopping import (
    AllOf,
    AnyOf,
    Budget,
    ConfidentPool,
    NoGain,
    StabilizedPredictions,
    StoppingRule,
    TargetScore,
    as_rule,
    n_to_ask,
)

X, TRUTH = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X.flags.writeable = TRUTH.flags.writeable = False
STOP_SET = np.zeros((100, 1))  # rows for scripted learners, which do not look at them
VALID = (STOP_SET, np.zeros(100))


class Scripted(ClassifierMixin, BaseEstimator):
    """Stands for a learner: predicts and scores as it is told, fitted unless told otherwise."""

    def __init__(self, predictions=(), scores=(), n_labeled=0, fitted=True):
        self.predictions, self.scores = iter(predictions), iter(scores)
        self.estimator, self.seed_ = LogisticRegression(), 0
        self.pool_ = Pool(STOP_SET, np.where(np.arange(100) < n_labeled, 1, -1))
        if fitted:
            self.estimator_ = self

    def fit(self, X, y):
        raise AssertionError("not asked for")

    def predict(self, X):
        assert X is STOP_SET
        return np.asarray(next(self.predictions))

    def score(self, X, y):
        assert X is VALID[0]
        assert y is VALID[1]
        return next(self.scores)


class Says(StoppingRule):
    """A rule that answers as it is told, and counts how often it was started and asked."""

    def __init__(self, answers, left=math.inf):
        self.answers = answers
        self.left = left

    n_started = n_asked = 0

    def start(self, learner):
        self.n_started += 1
        self.n_asked = 0

    def should_stop(self, learner):
        self.n_asked += 1
        return self.answers[self.n_asked - 1]

    def n_left(self, learner):
        return self.left


def answers(rule, learner, n):
    """What a rule says in n rounds."""
    rule.start(learner)
    return [bool(rule.should_stop(learner)) for _ in range(n)]


def disagreeing(n):
    """Predictions of two classes, half and half, of which n are swapped."""
    return np.concatenate([np.ones(n), np.zeros(50 - n), np.ones(50)]).astype(int)


# Budget


def test_a_budget_is_reached_when_there_are_as_many_labels():
    for n_labeled, stops, left in [(0, False, 30), (29, False, 1), (30, True, 0), (31, True, -1)]:
        learner = Scripted(n_labeled=n_labeled, fitted=False)
        rule = Budget(30)
        rule.start(learner)
        assert rule.should_stop(learner) is stops
        assert rule.n_left(learner) == left


@pytest.mark.parametrize("n", [0, -1, 0.5, 10.0, True, None, "10"])
def test_what_is_no_number_of_labels_is_refused(n):
    with pytest.raises(ValueError, match=r"^Budget got n_labels=.*; give a whole number of at"):
        Budget(n).start(Scripted())


# Target


def test_a_target_is_reached_at_the_score_or_above():
    learner = Scripted(scores=[0.5, 0.9, 0.95, 0.89])
    assert answers(TargetScore(*VALID, 0.9), learner, 4) == [False, True, True, False]


@pytest.mark.parametrize("scoring", ["f1_macro", lambda est, X, y: -np.mean(est.predict(X) != y)])
def test_a_target_of_another_score_is_that_scorers(scoring):
    y = np.where(np.arange(150) % 10 == 0, TRUTH, -1)
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(X, y)
    predicted = learner.predict(X)
    score = f1_score(TRUTH, predicted, average="macro")
    if scoring != "f1_macro":
        score = -np.mean(predicted != TRUTH)
    assert answers(TargetScore(X, TRUTH, score, scoring), learner, 1) == [True]
    assert answers(TargetScore(X, TRUTH, score + 1e-9, scoring), learner, 1) == [False]


# No gain


@pytest.mark.parametrize(
    ("scores", "options", "expected"),
    [
        ([0.5, 0.6, 0.6, 0.61, 0.61, 0.61, 0.61], {"n_rounds": 3}, "FFFFFFT"),
        ([0.5, 0.6, 0.6, 0.61, 0.615, 0.7], {"n_rounds": 3, "min_gain": 0.02}, "FFFFTF"),
        ([0.9, 0.8, 0.85, 0.9, 0.91], {"n_rounds": 2}, "FFTTF"),
        ([0.5] * 7, {}, "FFFFFTT"),
        ([-3.0, -3.0], {"n_rounds": 1}, "FT"),
    ],
)
def test_no_gain_stops_after_rounds_none_of_which_beat_the_best_so_far(scores, options, expected):
    said = answers(NoGain(*VALID, **options), Scripted(scores=scores), len(scores))
    assert said == [letter == "T" for letter in expected]


# Stabilised predictions


def test_agreement_is_cohens_kappa():
    a = np.repeat([0, 0, 1, 1], [20, 5, 10, 15])  # the textbook table: 0.7 agree, 0.5 by chance
    b = np.repeat([0, 1, 0, 1], [20, 5, 10, 15])
    rule = StabilizedPredictions(STOP_SET, n_rounds=1, threshold=0.4 - 1e-9)
    assert answers(rule, Scripted([a, b]), 2) == [False, True]
    rule.threshold = 0.4 + 1e-9
    assert answers(rule, Scripted([a, b]), 2) == [False, False]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_agreement_is_that_of_scikit_learn_and_1_where_only_one_class_is_predicted(pairs):
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    expected = 1.0 if len({*a, *b}) == 1 else cohen_kappa_score(a, b)
    rule = StabilizedPredictions(STOP_SET, threshold=max(expected - 1e-9, -1), n_rounds=1)
    assert answers(rule, Scripted([a, b]), 2) == [False, True]
    if expected < 1:
        rule.set_params(threshold=expected + 1e-9)
        assert answers(rule, Scripted([a, b]), 2) == [False, False]


def test_the_published_rule_is_a_mean_of_three_comparisons_of_at_least_99_percent():
    rule = StabilizedPredictions(STOP_SET)
    assert (rule.n_rounds, rule.threshold) == (3, 0.99)
    same = [disagreeing(0)]
    # Three comparisons take four rounds, however well the first ones agree.
    assert answers(rule, Scripted(same * 5), 5) == [False, False, False, True, True]
    # One row of a hundred: kappa 0.98, and a mean of 0.9933.
    assert cohen_kappa_score(disagreeing(0), disagreeing(1)) == pytest.approx(0.98, abs=1e-4)
    one = [disagreeing(n) for n in (0, 1, 1, 1)]
    assert answers(rule, Scripted(one), 4)[-1] is True
    # Twice: a mean of 0.9867; once the first of them is three rounds old, 0.9933.
    two = [disagreeing(n) for n in (0, 1, 0, 0, 0)]
    assert answers(rule, Scripted(two), 5) == [False, False, False, False, True]
    # Four rows: a kappa of 0.92 keeps the mean below for as long as it counts.
    four = [disagreeing(n) for n in (0, 0, 4, 4, 4, 4)]
    assert answers(rule, Scripted(four), 6) == [False, False, False, False, False, True]


def test_a_mean_at_the_threshold_is_enough():
    rule = StabilizedPredictions(STOP_SET, threshold=1.0, n_rounds=2)
    assert answers(rule, Scripted([np.zeros(100)] * 3), 3) == [False, False, True]


def test_predictions_of_text_settle_too():
    words = np.array(["ham", "spam"], dtype=object)
    rule = StabilizedPredictions(STOP_SET, n_rounds=2)
    learner = Scripted([words[disagreeing(n)] for n in (5, 0, 0, 0)])
    assert answers(rule, learner, 4) == [False, False, False, True]


def test_the_stop_set_is_drawn_from_the_rows_unlabelled_at_the_start(monkeypatch):
    monkeypatch.setattr(StabilizedPredictions, "N_ROWS", 40)
    seen = []

    class Watching(Scripted):
        def predict(self, rows):
            seen.append(rows[:, 0].astype(int).tolist())
            return np.zeros(len(rows))

    learner = Watching()
    numbers = np.arange(100.0)[:, None]
    learner.pool_ = Pool(numbers, np.where(np.arange(100) < 30, 1, -1))
    learner.pool_.reserve([99])
    rule = StabilizedPredictions(n_rounds=2)
    rule.start(learner)
    rule.should_stop(learner)
    learner.pool_.label(np.arange(30, 60), np.ones(30))
    rule.should_stop(learner)
    assert seen[0] == seen[1] == sorted(set(seen[0]))  # the same rows in every round
    assert len(seen[0]) == 40
    assert set(seen[0]) <= set(range(30, 99))
    answers(rule, learner, 1)
    assert set(seen[2]) <= set(range(60, 99))  # drawn anew when a loop begins
    assert len(seen[2]) == 39


def test_predicted_numbers_are_refused():
    learner = ActiveLearner(Ridge(), "random").fit(X, X[:, 0])
    with pytest.raises(
        ValueError, match=r"^StabilizedPredictions compares predicted classes, which a regressor"
    ):
        run(learner, Known(X[:, 0]), stopping=StabilizedPredictions())


# A confident pool


class Fixed(ClassifierMixin, BaseEstimator):
    """The probability of class 1 is the row's first value."""

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        p = np.asarray(X)[:, 0]
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return (np.asarray(X)[:, 0] > 0.5).astype(int)


@pytest.mark.parametrize(
    ("p", "stops"),
    [
        ([0.95, 0.01, 0.92], True),
        ([0.9, 0.1, 0.9], True),
        ([0.95, 0.01, 0.89], False),
        ([0.95, 0.5, 0.99], False),
    ],
)
def test_a_pool_is_confident_when_its_most_doubtful_row_is(p, stops):
    rows = np.array([0.0, 1.0, *p])[:, None]
    learner = ActiveLearner(Fixed()).fit(rows, [0, 1, -1, -1, -1])
    assert answers(ConfidentPool(), learner, 1) == [stops]
    assert answers(ConfidentPool(0.5), learner, 1) == [True]


def test_rows_that_are_labelled_reserved_or_skipped_may_be_in_doubt():
    rows = np.array([0.5, 0.5, 0.5, 0.5, 0.99])[:, None]
    learner = ActiveLearner(Fixed()).fit(rows, [0, 1, -1, -1, -1])
    assert answers(ConfidentPool(), learner, 1) == [False]
    learner.pool_.reserve([2])
    learner.pool_.skip([3])
    assert answers(ConfidentPool(), learner, 1) == [True]
    learner.pool_.skip([4])  # no row is left
    assert answers(ConfidentPool(), learner, 1) == [True]


def test_confidence_without_probabilities_is_refused():
    learner = ActiveLearner(SVC()).fit(X, np.where(np.arange(150) % 10 == 0, TRUTH, -1))
    with pytest.raises(ValueError, match=r"^ConfidentPool reads view\.proba, which SVC cannot"):
        run(learner, Known(TRUTH), stopping=ConfidentPool())


# What a rule refuses when a loop begins


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (ConfidentPool(1.5), "ConfidentPool got threshold=1.5; give a finite number above 0 and"),
        (ConfidentPool(-1), "ConfidentPool got threshold=-1; give"),
        (ConfidentPool(0), "ConfidentPool got threshold=0; give"),
        (StabilizedPredictions(threshold=2), "StabilizedPredictions got threshold=2; give a"),
        (StabilizedPredictions(n_rounds=0), "StabilizedPredictions got n_rounds=0; give a whole"),
        (StabilizedPredictions(X[:, :3]), "StabilizedPredictions got rows of 3 columns and the"),
        (TargetScore(X, TRUTH, 95), "TargetScore got target=95; give a finite number of at most 1"),
        (TargetScore(X, TRUTH, "high"), "TargetScore got target='high'; give"),
        (TargetScore(X, TRUTH, 9, "accuracy"), "TargetScore got target=9; give"),
        (TargetScore(X, TRUTH, 0.9, "acc"), "scoring is 'acc', which scikit-learn does not know; "),
        (TargetScore(X, TRUTH[:9], 0.9), "TargetScore got 150 rows and 9 labels; give one label"),
        (TargetScore(X[:, :2], TRUTH, 0.9), "TargetScore got rows of 2 columns and the pool has 4"),
        (NoGain(X, TRUTH, n_rounds=0), "NoGain got n_rounds=0; give a whole number of at least 1"),
        (NoGain(X, TRUTH, min_gain=-1), "NoGain got min_gain=-1; give a finite number of at least"),
        (NoGain(X, TRUTH, scoring="f1-macro"), "scoring is 'f1-macro', which .* mean 'f1_macro'"),
        (NoGain(X[:, :2], TRUTH), "NoGain got rows of 2 columns and the pool has 4; give rows as"),
    ],
    ids=lambda part: part[:50] if isinstance(part, str) else "",
)
def test_a_slip_in_a_rule_is_refused_before_a_label_is_paid(rule, words):
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(X)
    before = learner.pool_.n_operations
    for stopping in (rule, rule | Budget(20), Budget(20) & rule):
        with pytest.raises(ValueError, match=f"^{words}"):
            run(learner, Known(TRUTH), n_instances=5, stopping=stopping)
    assert (learner.pool_.n_labeled, learner.pool_.n_operations) == (0, before)


@pytest.mark.parametrize("combined", [AnyOf, AllOf])
@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([Budget(5), 30], r"got 30 among its rules; write Budget\(30\)\.$"),
        ([Budget], r"got the class Budget among its rules; write rules such as Budget\(100\)\.$"),
        ([Budget(5), None], "got None among its rules; write rules"),
        ([], r"got rules=\[\]; give a list of at least one rule\.$"),
        (Budget(5), r"got rules=Budget\(n_labels=5\); give a list"),
    ],
)
def test_what_is_no_rule_among_rules_is_refused_before_a_label_is_paid(combined, rules, words):
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(X)
    for stopping in (combined(rules), Budget(20) & combined(rules), AnyOf([combined(rules)])):
        with pytest.raises(TypeError, match=f"^{combined.__name__} {words}"):
            run(learner, Known(TRUTH), stopping=stopping)
    assert learner.pool_.n_labeled == 0


def test_a_refused_rule_leaves_the_classes_of_a_prompt_untaken():
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"^ConfidentPool got threshold=2"):
        run(learner, Prompt(classes=["ham", "spam"]), stopping=ConfidentPool(2))
    assert learner.pool_.classes is None


def test_a_score_of_ones_own_may_have_any_target():
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(X, TRUTH)
    percent = TargetScore(X, TRUTH, 50, lambda est, X, y: 100 * np.mean(est.predict(X) == y))
    assert answers(percent, learner, 1) == [True]


def test_a_frame_may_have_columns_that_the_pool_lacks():
    pandas = pytest.importorskip("pandas")
    columns = ColumnTransformer([("numbers", StandardScaler(), ["a", "b", "c", "d"])])
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = make_pipeline(columns, LogisticRegression())
    learner = ActiveLearner(model, random_state=0).fit(frame, TRUTH)
    assert answers(TargetScore(frame.assign(e=0), TRUTH, 0.9), learner, 1) == [True]


# Combinations


@pytest.mark.parametrize("a", [False, True])
@pytest.mark.parametrize("b", [False, True])
def test_and_needs_both_or_needs_one(a, b):
    assert answers(Says([a]) & Says([b]), Scripted(), 1) == [a and b]
    assert answers(Says([a]) | Says([b]), Scripted(), 1) == [a or b]


def test_every_rule_is_asked_in_every_round_and_started_once():
    rules = [Says([True] * 3), Says([False] * 3), Says([True, False, True])]
    for combined in (rules[0] | rules[1] | rules[2], rules[1] & rules[0] & rules[2]):
        answers(combined, Scripted(), 3)
        assert [rule.n_asked for rule in rules] == [3, 3, 3]
    assert [rule.n_started for rule in rules] == [2, 2, 2]


def test_a_rule_with_a_memory_sees_every_round_inside_a_combination():
    # Not asked while the other says no, the rule would begin to compare in the third round.
    rule = Says([False, False, False, True]) & StabilizedPredictions(STOP_SET)
    learner = Scripted([disagreeing(0)] * 4)
    assert answers(rule, learner, 4) == [False, False, False, True]


def test_combinations_nest():
    a, b, c = Says([True]), Says([False]), Says([True])
    assert answers((a | b) & c, Scripted(), 1) == [True]
    assert answers(a & b | c, Scripted(), 1) == [True]
    assert answers(a & (b | c), Scripted(), 1) == [True]
    assert answers(b & (a | c), Scripted(), 1) == [False]


def test_any_of_leaves_the_least_all_of_the_most():
    learner = Scripted(n_labeled=10)
    assert (Budget(30) | Budget(20)).n_left(learner) == 10
    assert (Budget(30) & Budget(20)).n_left(learner) == 20
    assert (Budget(30) | Says([])).n_left(learner) == 20
    assert (Budget(30) & Says([])).n_left(learner) == math.inf
    assert (Budget(30) & Says([]) | Budget(40)).n_left(learner) == 30


def test_only_rules_combine():
    with pytest.raises(TypeError, match="unsupported operand"):
        Budget(5) | 5
    with pytest.raises(TypeError, match="unsupported operand"):
        Budget(5) & None


# Cold start, state, parameters


@pytest.mark.parametrize(
    "rule",
    [
        TargetScore(*VALID, -1),
        NoGain(*VALID, n_rounds=1),
        StabilizedPredictions(STOP_SET, n_rounds=1),
        ConfidentPool(0.01),
    ],
)
def test_rules_that_look_at_the_model_say_no_while_there_is_none(rule):
    assert answers(rule, Scripted(fitted=False), 3) == [False] * 3
    assert answers(rule | Budget(1), Scripted(fitted=False, n_labeled=1), 1) == [True]


def test_a_rule_forgets_when_a_loop_begins():
    rule = NoGain(*VALID, n_rounds=2)
    for _ in range(2):
        assert answers(rule, Scripted(scores=[0.9, 0.9]), 2) == [False, False]
    settled = StabilizedPredictions(STOP_SET, n_rounds=1)
    for _ in range(2):
        assert answers(settled, Scripted([disagreeing(0)]), 1) == [False]


@pytest.mark.parametrize(
    ("rule", "printed"),
    [
        (Budget(30), "Budget(n_labels=30)"),
        (CostBudget(30, {"ann": 2.0}), "CostBudget(cost={'ann': 2.0}, total=30)"),
        (ConfidentPool(0.8), "ConfidentPool(threshold=0.8)"),
        (StabilizedPredictions(n_rounds=5), "StabilizedPredictions(n_rounds=5)"),
        (TargetScore([[1]], [0], 0.9), "TargetScore(X=[[1]], target=0.9, y=[0])"),
        (NoGain([[1]], [0]), "NoGain(X=[[1]], y=[0])"),
        (AccuracyAtLeast(0.9, max_test=100), "AccuracyAtLeast(max_test=100, target=0.9)"),
        (EstimateAtLeast(0.9, "r2"), "EstimateAtLeast(scoring='r2', target=0.9)"),
        (
            Budget(5) & ConfidentPool(),
            "AllOf(rules=[Budget(n_labels=5), ConfidentPool()])",
        ),
        (Budget(5) | Budget(6), "AnyOf(rules=[Budget(n_labels=5), Budget(n_labels=6)])"),
    ],
)
def test_rules_are_values_that_print_and_clone(rule, printed):
    assert repr(rule) == printed
    copy = clone(rule)
    assert copy is not rule
    assert repr(copy) == printed
    assert copy.get_params().keys() == rule.get_params().keys()


def test_a_clone_of_a_combination_shares_no_rule():
    rule = Budget(5) | Budget(6)
    copy = clone(rule)
    copy.rules[0].set_params(n_labels=7)
    assert rule.rules[0].n_labels == 5


def test_a_rule_of_ones_own_must_say_when_to_stop():
    class Mute(StoppingRule):
        pass

    with pytest.raises(NotImplementedError, match=r"^Mute does not say when to stop\.$"):
        Mute().should_stop(Scripted())
    assert Mute().n_left(Scripted()) == math.inf


def test_what_is_given_becomes_a_rule():
    rule = ConfidentPool()
    assert as_rule(rule) is rule
    assert as_rule(None) is None
    assert repr(as_rule(np.int64(7))) == "Budget(n_labels=7)"
    with pytest.raises(TypeError, match=r"^stopping is the class Budget; give a rule such as"):
        as_rule(Budget)


def test_as_many_are_asked_for_as_the_rule_leaves():
    learner = Scripted(n_labeled=10)
    assert n_to_ask(None, learner, 5) == 5
    assert n_to_ask(Budget(100), learner, 5) == 5
    assert n_to_ask(Budget(13), learner, 5) == 3
    assert n_to_ask(Budget(10), learner, 5) == 0
    assert n_to_ask(Says([True]), learner, 5) == 0
    silent = Says([])
    assert n_to_ask(silent, learner, 0) == 0  # and the rule is not asked
    assert silent.n_asked == 0


# In the loops


def first_stop(kappas, n=3, threshold=0.99):
    """The round in which the published rule stops, from the agreements of successive rounds."""
    for end in range(n, len(kappas) + 1):
        if np.mean(kappas[end - n : end]) >= threshold:
            return end
    return None


def test_a_simulation_stops_in_the_round_in_which_its_predictions_have_settled():
    def simulated(stopping, **options):
        learner = ActiveLearner(LogisticRegression(), "margin")
        return SimulatedLearner(
            learner, budget=150, n_instances=3, stopping=stopping, random_state=0, **options
        ).fit(X, TRUTH)

    stopped = simulated(StabilizedPredictions(X))
    whole = simulated(None, keep_estimators=True)
    predicted = list(whole.staged_predict(X))
    kappas = [cohen_kappa_score(a, b) for a, b in pairwise(predicted)]
    end = first_stop(kappas)
    assert 3 < end < len(kappas)
    assert len(stopped.n_labeled_) == end + 1  # the first round has nothing to compare with
    for a, b in zip(stopped.query_indices_, whole.query_indices_, strict=False):
        np.testing.assert_array_equal(a, b)


def test_a_live_loop_stops_when_the_rule_says_so_and_can_go_on():
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0).fit(X)
    scores = []

    def callback(now):
        scores.append(now.score(X, TRUTH) if hasattr(now, "estimator_") else 0.0)

    rule = TargetScore(X, TRUTH, 0.93) & Budget(20)
    run(learner, Known(TRUTH), n_instances=3, stopping=rule, callback=callback)
    n_labeled = learner.pool_.n_labeled
    assert scores[-1] >= 0.93
    assert n_labeled == 3 * len(scores) >= 20
    assert all(score < 0.93 or 3 * (number + 1) < 20 for number, score in enumerate(scores[:-1]))
    run(learner, Known(TRUTH), n_instances=3, stopping=rule)  # it holds already
    assert learner.pool_.n_labeled == n_labeled
    run(learner, Known(TRUTH), n_instances=3, stopping=ConfidentPool(0.8) | Budget(100))
    left = learner.pool_.unlabeled
    is_sure = learner.predict_proba(X[left]).max(axis=1).min() >= 0.8
    assert is_sure or learner.pool_.n_labeled == 100


def test_a_simulation_stops_without_gain():
    run_ = SimulatedLearner(
        ActiveLearner(LogisticRegression(), "random"),
        budget=150,
        n_instances=5,
        stopping=NoGain(X, TRUTH, n_rounds=4),
        keep_estimators=True,
        random_state=1,
    ).fit(X, TRUTH)
    scores = list(run_.staged_score(X, TRUTH))
    assert len(scores) < 29
    best = int(np.argmax(scores))
    assert len(scores) == best + 1 + 4
