"""Diverse strategies through a learner: whom they keep away from, and where they begin."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from skactive import ActiveLearner, Strategy, get_strategy_names
from skactive.data.rows import Rows
from skactive.learner.embedding import embedding_of
from skactive.scores import entropy
from skactive.selection import coral, uncertainty_herding
from skactive.strategies import (
    ClusterMargin,
    Coral,
    KCenter,
    RankedBatch,
    StochasticBatch,
    UncertaintyHerding,
    as_strategy,
)

DIGITS, TRUTH = load_digits(return_X_y=True)
# What reads rows as vectors and nothing else.
COLD = [name for name in get_strategy_names() if as_strategy(name).reads == ("embedding",)]
WEIGHTED = ["uncertainty_herding", "ranked_batch", "coral"]

RNG = np.random.default_rng(0)
# Three far clusters of forty rows each, of the classes 0, 1 and 1.
CLUSTER = np.repeat([0, 1, 2], 40)
BLOBS = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 30.0]])[CLUSTER] + RNG.normal(size=(120, 2))
CLASS = np.minimum(CLUSTER, 1)


@pytest.mark.parametrize("strategy", COLD)
def test_a_cold_start_takes_a_row_of_each_cluster(strategy):
    learner = ActiveLearner(LogisticRegression(), cold_start=strategy, random_state=0).fit(BLOBS)
    assert set(CLUSTER[learner.query(n_instances=3)[0]]) == {0, 1, 2}


@pytest.mark.parametrize("strategy", COLD)
def test_a_cold_start_keeps_away_from_reserved_rows(strategy):
    learner = ActiveLearner(LogisticRegression(), cold_start=strategy, random_state=0).fit(BLOBS)
    learner.pool_.reserve([5, 85])
    assert set(CLUSTER[learner.query(n_instances=1)[0]]) == {1}


@pytest.mark.parametrize("strategy", [*COLD, *WEIGHTED])
def test_labelled_and_reserved_rows_repel_alike(strategy):
    y = np.full(120, -1)
    y[[3, 43]] = 0, 1
    learner = ActiveLearner(LogisticRegression(C=1e-3), strategy, random_state=0).fit(BLOBS, y)
    assert set(CLUSTER[learner.query(n_instances=1)[0]]) == {2}
    learner.pool_.reserve([90])
    found = learner.query(n_instances=3, subset=CLUSTER != 1)[0]
    assert 90 not in found and len(set(found.tolist())) == 3
    y[90] = 1
    labeled = ActiveLearner(LogisticRegression(C=1e-3), strategy, random_state=0).fit(BLOBS, y)
    labeled.estimator_ = learner.estimator_  # the same scores; only who is known differs
    if strategy in ("k_center", "greedy_x", "coral", "k_medoids", "max_herding"):
        assert labeled.query(n_instances=3, subset=CLUSTER != 1)[0].tolist() == found.tolist()


@pytest.mark.parametrize("strategy", ["badge", "batch_bald"])
def test_reserved_rows_count_as_members_of_a_batch(strategy):
    y = np.where(np.arange(150) < 40, TRUTH[:150], -1)
    X = np.concatenate([DIGITS[:150], DIGITS[100:150]]) / 16  # fifty rows twice
    y = np.concatenate([y, np.full(50, -1)])
    estimator = LogisticRegression() if strategy == "badge" else RandomForestClassifier(10)
    learner = ActiveLearner(estimator, strategy, random_state=0).fit(X, y)
    first = int(learner.query(n_instances=1, subset=np.arange(100, 150))[0][0])
    learner.pool_.reserve([first])
    twin = first + 50
    if strategy == "badge":  # its distance to what is reserved is 0
        assert twin not in learner.query(n_instances=5, subset=np.arange(100, 200))[0]
    assert first not in learner.query(n_instances=60)[0]


def test_every_coral_of_strength_zero_is_a_core_set():
    y = np.where(np.arange(200) < 20, TRUTH[:200], -1)
    picks = [
        ActiveLearner(LogisticRegression(), strategy, random_state=0)
        .fit(DIGITS[:200] / 16, y)
        .query(n_instances=20)[0]
        .tolist()
        for strategy in (Coral(strength=0.0), KCenter())
    ]
    assert picks[0] == picks[1]


def test_where_all_rows_are_equally_doubtful_herding_covers():
    """Weights that are all the lowest count as one, or nothing would be left to cover."""
    y = np.full(120, -1)
    y[[3, 43]] = 0, 1

    class Flat(Strategy):
        def score(self, view):
            return np.full(len(view), -2.0)

    herding = UncertaintyHerding(Flat())
    learner = ActiveLearner(LogisticRegression(), herding, random_state=0).fit(BLOBS, y)
    same = ActiveLearner(LogisticRegression(), "max_herding", random_state=0).fit(BLOBS, y)
    assert set(CLUSTER[learner.query(n_instances=1)[0]]) == {2}
    assert set(CLUSTER[same.query(n_instances=1)[0]]) == {2}


def test_greedy_strategies_for_regression_know_the_values_that_were_taught():
    X = np.linspace(0, 1, 50)[:, None]
    y = np.full(50, np.nan)
    y[[0, 49]] = 0.0, 10.0
    learner = ActiveLearner(Ridge(alpha=1e-6), "greedy_y", random_state=0).fit(X, y)
    assert learner.query()[0][0] in (24, 25)  # between the values, as they are predicted
    learner.teach(learner.query()[0], [5.0])
    assert learner.query()[0][0] in (12, 37)


def test_a_query_over_rows_from_outside_keeps_away_from_the_pools():
    outside = BLOBS + 0.01
    pool = np.flatnonzero(CLUSTER != 2)
    learner = ActiveLearner(LogisticRegression(), "k_center", random_state=0)
    learner.fit(BLOBS[pool], CLASS[pool])
    assert set(CLUSTER[learner.query(outside, n_instances=1)[0]]) == {2}


def test_each_query_over_rows_from_outside_measures_those_rows():
    known = np.arange(40)
    learner = ActiveLearner(LogisticRegression(), "k_center", random_state=0)
    learner.fit(BLOBS[known], np.arange(40) % 2)
    for rows in (BLOBS[40:], BLOBS[:39:-1]):  # as many, in another order
        reach = [min(((row - other) ** 2).sum() for other in BLOBS[known]) for row in rows]
        assert learner.query(rows)[0].tolist() == [np.argmax(reach)]


def test_labelled_rows_repel_nothing_in_badge():
    y = np.where(np.arange(120) % 10 == 0, CLASS, -1)
    learner = ActiveLearner(LogisticRegression(C=1e-3), "badge", random_state=0).fit(BLOBS, y)
    errors = 2**0.5 * (1 - learner.predict_proba(BLOBS).max(axis=1))
    lengths = np.where(y < 0, errors * np.sqrt((BLOBS**2).sum(axis=1)), 0)
    found = {int(learner.query(random_state=seed)[0][0]) for seed in range(10)}
    assert found == {int(lengths.argmax())}  # where none is reserved the longest comes first


@pytest.mark.parametrize(
    ("strategy", "choose"),
    [
        (Coral("entropy"), lambda weights, **asked: coral(BLOBS, weights, 10, **asked)),
        (
            UncertaintyHerding("entropy"),
            lambda weights, **asked: uncertainty_herding(BLOBS, 10, uncertainty=weights, **asked),
        ),
    ],
    ids=["coral", "uncertainty_herding"],
)
def test_doubts_above_0_are_weights_as_they_are(strategy, choose):
    y = np.full(120, -1)
    y[[3, 43]] = 0, 1
    learner = ActiveLearner(LogisticRegression(C=1e-3), strategy, random_state=0).fit(BLOBS, y)
    doubt, asked = entropy(learner.predict_proba(BLOBS)), {"centers": [3, 43]}
    picks = choose(doubt, rng=np.random.default_rng(0), **asked).tolist()
    shifted = choose(
        np.maximum(doubt - doubt[y < 0].min(), 0), rng=np.random.default_rng(0), **asked
    )
    assert picks != shifted.tolist(), "else this would be no test"
    assert learner.query(n_instances=10)[0].tolist() == picks


def test_vectors_of_more_rows_leave_those_of_the_pool_as_they_were():
    embedding = embedding_of(Rows(BLOBS), BLOBS, None, 0)
    longer = embedding.extended(BLOBS[:3], Rows(BLOBS[:3]), "extend")
    assert len(longer.given) == 123 and len(embedding.given) == 120


class Given(Strategy):
    """The same score for all rows, but for a few."""

    def __init__(self, value, few):
        self.value, self.few = value, few

    def score(self, view):
        scores = np.full(len(view), float(self.value))
        scores[10:13] = self.few
        return scores


@pytest.mark.parametrize("outer", [Coral, UncertaintyHerding])
def test_rows_that_score_minus_infinity_weigh_nothing(outer):
    y = np.full(120, -1)
    y[[3, 43]] = 0, 1
    for value in (-2.0, 2.0, -np.inf):
        strategy = outer(Given(value, -np.inf))
        learner = ActiveLearner(LogisticRegression(), strategy, random_state=0).fit(BLOBS, y)
        assert len(learner.query(n_instances=3)[0]) == 3
        if np.isfinite(value):
            found = learner.query(n_instances=3, subset=np.arange(10, 60))[0]
            assert not set(found.tolist()) & {10, 11, 12}
    drawn = outer(StochasticBatch("margin"))
    learner = ActiveLearner(LogisticRegression(), drawn, random_state=0).fit(BLOBS, y)
    assert len(learner.query(n_instances=3)[0]) == 3


@pytest.mark.parametrize("outer", [Coral, UncertaintyHerding])
def test_a_weight_of_infinity_is_refused(outer):
    y = np.full(120, -1)
    y[[3, 43]] = 0, 1
    learner = ActiveLearner(LogisticRegression(), outer(Given(1, np.inf))).fit(BLOBS, y)
    with pytest.raises(ValueError, match=f"{outer.__name__} got scores of Given with infinity"):
        learner.query()


@pytest.mark.parametrize("outer", [Coral, UncertaintyHerding, ClusterMargin, RankedBatch])
def test_a_strategy_without_scores_cannot_weigh(outer):
    y = np.full(120, -1)
    y[[3, 43]] = 0, 1
    learner = ActiveLearner(LogisticRegression(), outer("k_center")).fit(BLOBS, y)
    with pytest.raises(ValueError, match=f"{outer.__name__} got strategy KCenter, which chooses"):
        learner.query()


def test_uncertainty_herding_weighs_rows_by_1_less_the_margin_of_their_probabilities():
    y = np.full(120, -1)
    y[[3, 43, 90]] = 0, 1, 2
    learner = ActiveLearner(LogisticRegression(C=1e-3), "uncertainty_herding", random_state=0)
    learner.fit(BLOBS, y)
    ordered = np.sort(learner.predict_proba(BLOBS), axis=1)
    doubt, asked = 1 - ordered[:, -1] + ordered[:, -2], {"centers": [3, 43, 90]}
    picks = uncertainty_herding(
        BLOBS, 10, uncertainty=doubt, rng=np.random.default_rng(0), **asked
    ).tolist()
    shifted = np.maximum(doubt - doubt[y < 0].min(), 0)
    others = uncertainty_herding(
        BLOBS, 10, uncertainty=shifted, rng=np.random.default_rng(0), **asked
    )
    assert picks != others.tolist(), "else this would be no test"
    assert learner.query(n_instances=10)[0].tolist() == picks
