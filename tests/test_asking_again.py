"""Asking again: CROWDLAB's arithmetic, and strategies that return rows that are labelled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from snapshot import unchanged

from skactive import ActiveLearner, Pool, select
from skactive.statistics import crowdlab
from skactive.strategies import (
    ActiveLab,
    Prefilter,
    RelabelOrNew,
    StochasticBatch,
    Subpool,
    Threshold,
    UncertaintyHerding,
)
from skactive.strategies.registry import as_strategy
from skactive.testing import check_strategy

X, TRUTH = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
# Of six rows, what three people say of each (-1: nothing), and what a model does.
SAID = np.array([[0, 0, -1], [1, -1, 0], [-1, 1, 1], [2, 2, 2], [0, -1, -1], [1, 1, 0]])
PROBA = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.3, 0.4, 0.3],
        [0.2, 0.5, 0.3],
        [0.1, 0.2, 0.7],
        [0.5, 0.3, 0.2],
        [0.3, 0.6, 0.1],
    ]
)
NEW = np.array([[0.4, 0.35, 0.25], [0.9, 0.05, 0.05]])  # what it says of two rows without a label
PEOPLE = ["ann", "ben", "cleo"]
LIST = [ActiveLab(), RelabelOrNew()]
each_strategy = pytest.mark.parametrize("strategy", LIST, ids=["ActiveLab", "RelabelOrNew"])


def first_of_most(opinions):
    """The commonest label, and of as many the one that was given first."""
    return max(opinions, key=lambda label: (opinions.count(label), -opinions.index(label)))


def naive(said, proba):
    """Labels, their qualities, and the weights of annotators and model, one row at a time."""
    given = [[label for label in line if label >= 0] for line in said.tolist()]
    labels = [first_of_most(opinions) for opinions in given]
    several = [row for row, opinions in enumerate(given) if len(opinions) > 1]
    n_people, n_classes = said.shape[1], proba.shape[1]
    if not several:
        sure = [proba[row][label] for row, label in enumerate(labels)]
        return labels, np.array(sure), np.ones(n_people), 1.0
    among = [labels[row] for row in several]
    common = max(range(n_classes), key=lambda label: (among.count(label), -label))
    error = max(np.mean([label != common for label in among]), 1e-6)
    agreement = []
    for person in range(n_people):
        pairs = [
            said[row, other] == said[row, person]
            for row in range(len(said))
            for other in range(n_people)
            if other != person and said[row, person] >= 0 and said[row, other] >= 0
        ]
        agreement.append(np.mean(pairs) if pairs else None)
    known = [share for share in agreement if share is not None]
    agreement = [np.mean(known) if share is None else share for share in agreement]
    weights = [max(1 - (1 - share) / error, 1e-6) for share in agreement]
    wrong = np.mean([proba[row].argmax() != labels[row] for row in several])
    of_model = max(1 - wrong / error, 1e-6) * np.sqrt(np.mean([len(each) for each in given]))
    like = np.mean([given[row].count(labels[row]) / len(given[row]) for row in several])
    sure = []
    for row, label in enumerate(labels):
        total, weight = of_model * proba[row][label], of_model
        for person in np.flatnonzero(said[row] >= 0):
            is_it = said[row, person] == label
            total += weights[person] * (like if is_it else (1 - like) / (n_classes - 1))
            weight += weights[person]
        sure.append(total / weight)
    return labels, np.array(sure), np.array(weights), of_model


def ours(said, proba):
    """The same by the functions of the package."""
    rows, people = np.nonzero(said >= 0)
    opinions = rows, people, said[rows, people]
    chosen = np.array([first_of_most([x for x in line if x >= 0]) for line in said.tolist()])
    found = crowdlab.weights(*opinions, chosen, proba)
    sure = crowdlab.posterior(*opinions, proba, found)
    return chosen, sure[np.arange(len(said)), chosen], found


@pytest.mark.once
def test_weights_and_qualities_are_the_reference_values():
    _, quality, found = ours(SAID, PROBA)
    assert quality.round(6).tolist() == [0.745005, 0.444075, 0.594607, 0.745005, 0.533904, 0.678759]
    assert found.annotators.round(6).tolist() == [0.166667, 0.583333, 0.000001]
    assert round(found.model, 6) == 1.471960


@st.composite
def opinions(draw):
    """Opinions of some people on some rows, one on each at least, and what a model says."""
    n, people, classes = draw(st.integers(1, 7)), draw(st.integers(1, 4)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    said = rng.integers(-1, classes, (n, people))
    for row in np.flatnonzero((said < 0).all(axis=1)):
        said[row, rng.integers(people)] = rng.integers(classes)
    said = said[:, (said >= 0).any(axis=0)]
    return said, rng.dirichlet(np.ones(classes), n)


@pytest.mark.once
@given(opinions())
def test_weights_and_qualities_are_those_of_the_naive_twin(case):
    said, proba = case
    labels, quality, weights, of_model = naive(said, proba)
    chosen, our_quality, found = ours(said, proba)
    assert chosen.tolist() == labels
    np.testing.assert_allclose(our_quality, quality, rtol=1e-9)
    np.testing.assert_allclose(found.annotators, weights, rtol=1e-6, atol=1e-9)
    assert found.model == pytest.approx(of_model)


@pytest.mark.once
@given(opinions())
def test_a_posterior_is_a_distribution_whatever_people_say(case):
    said, proba = case
    rows, people = np.nonzero(said >= 0)
    found = ours(said, proba)[2]
    sure = crowdlab.posterior(rows, people, said[rows, people], proba, found)
    np.testing.assert_allclose(sure.sum(axis=1), 1)
    assert (sure >= 0).all()


class Table(ClassifierMixin, BaseEstimator):
    """A model that has a line of probabilities for each row, which is its number."""

    def fit(self, X, y):
        self.classes_ = np.array([0, 1, 2])
        return self

    def predict_proba(self, X):
        return np.vstack([PROBA, NEW])[np.asarray(X, dtype=int).ravel()]

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def crowd(strategy, *, names=(0, 1, 2), consensus="majority", **options):
    """A learner by a table over rows of which people said what they did, and two new ones."""
    table, numbers = FrozenEstimator(Table().fit(None, None)), np.arange(8.0)[:, None]
    learner = ActiveLearner(table, strategy, consensus=consensus, random_state=0, **options)
    learner.fit(numbers, [None] * 8 if isinstance(names[0], str) else None)
    # Person by person would be another order of opinions on a row, and so another label of a tie.
    for row, line in enumerate(SAID):
        for name, label in zip(PEOPLE, line, strict=True):
            if label >= 0:
                learner.teach(row, names[label], annotator=name, refit=False)
    return learner.refit()


@pytest.mark.once
def test_active_lab_scores_rows_by_its_formula():
    learner = crowd(ActiveLab())
    labels, quality, weights, of_model = naive(SAID, PROBA)
    assert learner.pool_.y[:6].tolist() == labels
    mean = weights.mean()
    expected = []
    for row in range(6):
        so_far = of_model + weights[SAID[row] >= 0].sum()
        expected.append((so_far * quality[row] + mean / 3) / (so_far + mean))
    expected += [(of_model * p.max() + mean / 3) / (of_model + mean) for p in NEW]
    np.testing.assert_allclose(learner.scores(), -np.array(expected))
    assert learner.query(n_instances=8)[0].tolist() == np.argsort(expected).tolist()


@pytest.mark.once
@pytest.mark.parametrize("beta", [1.0, 0.25, 0.0])
def test_relabel_or_new_scores_rows_by_how_likely_their_label_is_wrong(beta):
    quality = naive(SAID, PROBA)[1]
    expected = np.append(beta * (1 - quality), 1 - NEW.max(axis=1))
    np.testing.assert_allclose(crowd(RelabelOrNew(beta)).scores(), expected)


@each_strategy
def test_a_strategy_that_asks_again_keeps_the_contract(strategy):
    check_strategy(strategy)


@pytest.mark.parametrize(
    "strategy",
    [
        Subpool(ActiveLab(), 1.0),
        Prefilter(ActiveLab(), "random", factor=1),
        Prefilter("random", ActiveLab(), factor=8),
    ],
    ids=["Subpool", "Prefilter first", "Prefilter then"],
)
def test_a_strategy_around_one_that_asks_again_does_too(strategy):
    learner, alone = crowd(strategy), crowd(ActiveLab())
    assert set(learner.query(n_instances=8)[0].tolist()) == set(range(8))
    if not isinstance(strategy, Prefilter) or strategy.then != "random":
        first = alone.query(n_instances=3)[0].tolist()
        assert learner.query(n_instances=3)[0].tolist() == first


@each_strategy
def test_a_further_opinion_is_recorded_and_may_change_the_label(strategy):
    learner = ActiveLearner(LogisticRegression(), strategy, consensus="majority", random_state=0)
    y = np.where(np.arange(150) % 5 == 0, TRUTH, -1)
    wrong = 10
    y[wrong] = 2  # which is 0 in truth, and looks like it
    learner.fit(X, y)
    idx, rows = learner.query()
    assert idx.tolist() == [wrong]
    np.testing.assert_array_equal(rows, X[[wrong]])
    learner.teach(idx, [0], annotator="ann").teach(idx, [0], annotator="ben")
    assert learner.pool_.y[wrong] == 0
    assert learner.pool_.n_labeled == 30
    rows, people, labels = learner.pool_.opinions_on_labeled
    assert [p for p, row in zip(people, rows, strict=True) if row == wrong] == [None, "ann", "ben"]
    assert labels[rows == wrong].tolist() == [2, 0, 0]
    assert learner.query()[0].tolist() != [wrong]


@each_strategy
def test_of_a_pool_without_free_rows_labels_are_asked_for_again(strategy):
    learner = ActiveLearner(LogisticRegression(), strategy, consensus="majority").fit(X, TRUTH)
    assert len(learner.query(n_instances=5)[0]) == 5


def test_neither_decided_nor_reserved_nor_skipped_rows_are_asked_for_again():
    learner = crowd(ActiveLab())
    pool = learner.pool_
    pool.decide([1], [2], annotator="rita")
    pool.reserve([2], "ann")  # a second opinion that is coming
    pool.skip([6])
    pool.unlabel([4])
    assert sorted(learner.query(n_instances=8)[0].tolist()) == [0, 3, 4, 5, 7]
    assert np.isnan(learner.scores()[[1, 2, 6]]).all()
    assert learner.query(n_instances=9, subset=[0, 1, 2, 7])[0].tolist() == [0, 7]


def test_held_out_rows_are_not_asked_for_again_and_say_nothing_of_people():
    pool = Pool(X, consensus="majority", hold_out=0.3)
    for name in ("ann", "ben"):
        pool.label(np.arange(100), TRUTH[:100], annotator=name)
    learner = ActiveLearner(LogisticRegression(), ActiveLab(), consensus="majority").fit(pool)
    asked = learner.query(n_instances=150)[0]
    to_test = asked[np.isin(asked, pool.held_out)]
    assert sorted(to_test) == sorted(pool.test_questions()) and (to_test >= 100).all()
    assert not np.isin(pool.opinions_on_labeled[0], pool.held_out).any()


def test_a_class_that_was_always_outvoted_counts_as_a_class():
    # Nobody's label is 2 in the end, so that the model has no column for it.
    pool = Pool(X, consensus="majority")
    for name in ("ann", "ben"):
        pool.label(np.arange(60), TRUTH[:60], annotator=name)
    hers = np.where(np.arange(60) < 30, TRUTH[:60], -1)  # who is right elsewhere, and so counts
    hers[3] = 2
    pool.label(np.arange(30), hers[:30], annotator="cleo")
    learner = ActiveLearner(LogisticRegression(), RelabelOrNew(), consensus="majority").fit(pool)
    assert learner.classes_.tolist() == [0, 1]
    said = np.stack([TRUTH[:60], TRUTH[:60], hers], axis=1)
    proba = np.hstack([learner.predict_proba(X[:60]), np.zeros((60, 1))])
    np.testing.assert_allclose(learner.scores()[:60], 1 - naive(said, proba)[1], atol=1e-12)


def test_labels_of_any_kind_are_scored_alike():
    numbers = crowd(ActiveLab()).scores()

    class Named(Table):
        def fit(self, X, y):
            self.classes_ = np.array(["x", "y", "z"], dtype=object)
            return self

    pool = Pool(np.arange(8.0)[:, None], consensus="majority")
    for row, line in enumerate(SAID):
        for name, label in zip(PEOPLE, line, strict=True):
            if label >= 0:
                pool.label(row, "xyz"[label], annotator=name)
    table = FrozenEstimator(Named().fit(None, None))
    texts = ActiveLearner(table, ActiveLab(), consensus="majority").fit(pool).scores()
    np.testing.assert_array_equal(numbers, texts)


# Refusals


@each_strategy
def test_a_pool_without_consensus_is_refused_before_anything_has_changed(strategy):
    learner = ActiveLearner(LogisticRegression(), strategy)
    with pytest.raises(ValueError, match="consensus=None the last label of a row counts.*majority"):
        learner.fit(X, TRUTH)
    assert not hasattr(learner, "pool_")
    learner = ActiveLearner(LogisticRegression(), "margin").fit(X, np.where(TRUTH, TRUTH, -1))
    learner.strategy_ = strategy
    with unchanged(learner.pool_), pytest.raises(ValueError, match="consensus='majority'"):
        learner.query()


def test_what_cannot_ask_again_is_refused_in_a_sentence():
    again = {"consensus": "majority"}
    learner = ActiveLearner(LogisticRegression(), ActiveLab(), **again).fit(X, TRUTH)
    with pytest.raises(ValueError, match="got X, rows from outside; write query.n_instances"):
        learner.query(X[:5].copy(), n_instances=2)
    for strategy, said in (
        (UncertaintyHerding(ActiveLab()), "UncertaintyHerding keeps away from labelled rows"),
        (Prefilter(ActiveLab(), "k_center"), "KCenter keeps away from labelled rows"),
        (Threshold(ActiveLab(), 0.5), "Threshold decides as rows of a stream pass"),
    ):
        with pytest.raises(ValueError, match=said):
            ActiveLearner(LogisticRegression(), strategy, **again).fit(X, TRUTH)
    with pytest.raises(ValueError, match="view.opinions, which only a Pool has"):
        select(ActiveLab(), proba=PROBA, labeled=[0], y_labeled=[1])
    with pytest.raises(ValueError, match="RelabelOrNew got beta=-1"):
        ActiveLearner(LogisticRegression(), RelabelOrNew(-1), **again).fit(X, TRUTH).query()


def test_at_a_cold_start_new_rows_alone_are_asked_for():
    learner = ActiveLearner(
        LogisticRegression(), StochasticBatch(ActiveLab()), consensus="majority"
    )
    learner.fit(X).teach([0, 1], [0, 0], annotator="ann")  # of one class
    asked = learner.query(n_instances=150)[0]
    assert len(asked) == 148
    assert not np.isin(asked, [0, 1]).any()


def test_another_question_follows_from_another_opinion():
    # The number of labelled rows, from which random numbers follow, stays the same.
    learner = crowd(StochasticBatch(RelabelOrNew()))
    before = learner.scores()
    learner.teach(4, 0, annotator="cleo", refit=False)
    after = learner.scores()
    assert before[6] != after[6]


# Of one person, and kept for her


@each_strategy
def test_nobody_is_asked_again_about_what_she_said_already(strategy):
    learner = crowd(strategy)
    asked = learner.query(annotator="ann", n_instances=8)[0].tolist()
    assert sorted(asked) == [2, 6, 7]  # of all others she has said something
    scores = learner.query(annotator="ann", n_instances=8, return_scores=True)[2]
    np.testing.assert_array_equal(scores[[2, 6, 7]], learner.scores()[[2, 6, 7]])
    assert np.isnan(scores[[0, 1, 3, 4, 5]]).all()


def test_second_opinions_by_overlap_come_first_and_once():
    learner = ActiveLearner(LogisticRegression(), ActiveLab(), consensus="majority", random_state=0)
    learner.fit(X).teach(np.arange(0, 150, 10), TRUTH[::10], annotator="ann")
    asked = learner.query(annotator="ben", overlap=0.5, n_instances=150)[0]
    second = learner.pool_.for_second_opinions("ben", 0.5)
    assert 0 < len(second) < 15
    assert asked[: len(second)].tolist() == second.tolist()
    assert sorted(asked.tolist()) == list(range(150))


def test_a_labelled_row_is_reserved_for_whom_it_is_asked_of():
    learner = crowd(ActiveLab())
    first = learner.query(annotator="dora", reserve=True)[0].tolist()
    assert learner.pool_.reservations[first[0]] == ("dora",)
    assert learner.query()[0].tolist() != first
    learner.teach(first, [1], annotator="dora")
    assert not learner.pool_.reservations
    with unchanged(learner.pool_), pytest.raises(ValueError, match="ActiveLab also asks for lab"):
        learner.query(reserve=True)


def test_rows_with_several_labels_are_not_asked_for_again():
    y = [{"a"}, {"b"}, {"a", "b"}, set(), None]
    model = OneVsRestClassifier(LogisticRegression())
    learner = ActiveLearner(model, ActiveLab(), consensus="majority")
    with pytest.raises(ValueError, match="ActiveLab.. is for rows with one label each"):
        learner.fit(np.eye(5), y)


@pytest.mark.parametrize(
    ("name", "write"),
    [("active_lab", r"ActiveLab\(\)"), ("RelabelOrNew", r"RelabelOrNew\(beta=1.0\)")],
)
def test_what_has_no_name_says_what_to_write(name, write):
    with pytest.raises(
        ValueError, match=f"{name!r}, which has no name; write an instance, {write}"
    ):
        as_strategy(name)


def test_who_shares_no_row_has_the_mean_weight_of_the_others():
    rows, people = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4]), np.array([0, 1, 0, 1, 0, 1, 0, 1, 2])
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 0, 1])
    chosen, proba = np.array([0, 1, 0, 1, 1]), np.full((5, 2), 0.5)
    found = crowdlab.weights(rows, people, labels, chosen, proba).annotators
    assert found[2] == pytest.approx(found[:2].mean()) and found[2] > 0.01
