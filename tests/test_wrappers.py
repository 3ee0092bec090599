"""Strategies made of others: Density, StochasticBatch and Prefilter (Subpool: test_strategies)."""

from itertools import permutations

import naive_density
import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from skactive import ActiveLearner, Pool, Strategy, View
from skactive.data.rows import Rows
from skactive.strategies import (
    Density,
    Margin,
    Prefilter,
    StochasticBatch,
    Subpool,
    UpperConfidenceBound,
)
from skactive.strategies.base import choose
from skactive.testing import strategy_checks

INF = np.inf


class Known(Strategy):
    """Scores that are known beforehand, of row number X[i, 0]."""

    def __init__(self, table):
        self.table = table

    def score(self, view):
        return np.asarray(self.table, dtype=float)[view.X[:, 0].astype(int)]


def asked(n, *, seed=0, mask=None, X=None, chunk_rows=None):
    """A view of n numbered rows, the question differing by its seed."""
    X = np.arange(float(n))[:, None] if X is None else np.c_[np.arange(n), X]
    mask = np.ones(n, dtype=bool) if mask is None else mask
    return View(Rows(X), mask, pool=Pool(X), seed=(seed,), chunk_rows=chunk_rows)


class Embedded(View):
    """A view whose embedding is X but for its first column, the row numbers."""

    @property
    def embedding(self):
        return self.X[:, 1:]


def placed(X, mask=None):
    """A view of numbered rows that lie at X."""
    mask = np.ones(len(X), dtype=bool) if mask is None else mask
    return Embedded(Rows(np.c_[np.arange(len(X)), X]), mask, seed=(0,))


def by_position(view, n):
    return view.candidates[:n]


# The contract

CONTRACT = {
    "density of entropy": Density(),
    "density of margin": Density("margin", beta=0.5, metric="euclidean"),
    "density of random": Density("random", beta=2),
    "density of bald": Density("bald"),
    "density of a bound": Density(UpperConfidenceBound(2.0), metric="euclidean"),
    "density of density": Density(Density("margin")),
    "power of margin": StochasticBatch(),
    "power of entropy": StochasticBatch("entropy", beta=4.0),
    "power of random": StochasticBatch("random"),
    "power of a density": StochasticBatch(Density("margin")),
    "softmax of bald": StochasticBatch("bald", beta=10.0, mode="softmax"),
    "softmax of std": StochasticBatch("std", mode="softmax"),
    "softrank of margin": StochasticBatch("margin", mode="softrank"),
    "softrank of votes": StochasticBatch("vote_entropy", beta=2, mode="softrank"),
    "subpool of power": Subpool(StochasticBatch("entropy"), 0.5),
    "prefilter margin, k_center": Prefilter(),
    "prefilter random": Prefilter(then="random", factor=3),
    "prefilter entropy, power": Prefilter("entropy", StochasticBatch("margin"), factor=2.5),
    "prefilter random, density": Prefilter("random", Density(), factor=4),
    "prefilter subpool, bald": Prefilter(Subpool("margin", 0.9), "bald", factor=2),
    "prefilter margin, ranked_batch": Prefilter("margin", "ranked_batch", factor=3),
    "prefilter by itself": Prefilter("margin", "margin", factor=1),
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


@pytest.mark.parametrize("strategy", CONTRACT.values(), ids=CONTRACT)
def test_none_is_rowwise_and_parameters_inside_are_set_from_outside(strategy):
    assert not strategy.rowwise
    assert repr(clone(strategy)) == repr(strategy)
    nested = {k: v for k, v in strategy.get_params().items() if k.endswith("__beta")}
    changed = clone(strategy).set_params(**dict.fromkeys(nested, 3.25))
    assert all(changed.get_params()[name] == 3.25 for name in nested)


@pytest.mark.parametrize(
    ("strategy", "reads"),
    [
        (Density("entropy"), ("proba", "embedding")),
        (Density(Density("bald")), ("samples", "embedding")),
        (StochasticBatch("margin"), (("proba", "decision"),)),
        (Prefilter("entropy", "random"), ("proba",)),
        (Prefilter("margin", "bald"), (("proba", "decision"), "samples")),
        (Prefilter("entropy", "least_confidence"), ("proba",)),
        (Prefilter(Density("entropy"), "bald"), ("proba", "embedding", "samples")),
    ],
)
def test_they_read_what_the_strategies_inside_read(strategy, reads):
    assert strategy.reads == reads


@pytest.mark.parametrize(
    "strategy", [Density("entropy"), StochasticBatch("entropy"), Prefilter("random", "entropy")]
)
def test_they_are_refused_where_a_strategy_inside_would_be(strategy):
    with pytest.raises(ValueError, match=r"reads view\.proba, which SVC cannot give"):
        ActiveLearner(SVC(), strategy).fit([[0.0], [1.0]])


@pytest.mark.parametrize("outer", [Density, StochasticBatch])
@pytest.mark.parametrize(
    ("inner", "name"), [(Subpool("margin", 3), "Subpool"), (by_position, "by_position")]
)
def test_a_strategy_without_scores_inside_is_refused(outer, inner, name):
    sentence = rf"^{outer.__name__} got strategy {name}, which chooses rows jointly; give one that"
    with pytest.raises(ValueError, match=sentence):
        outer(inner).select(asked(5), 2)


@pytest.mark.parametrize(
    ("make", "name", "bad"),
    [
        *((Density, "beta", bad) for bad in (-0.1, np.nan, INF, True, "1", None)),
        *((StochasticBatch, "beta", bad) for bad in (0, 0.0, -1, np.nan, INF, True, "1", None)),
        *((Prefilter, "factor", bad) for bad in (0, 0.99, -3, np.nan, INF, True, "10", None)),
    ],
)
def test_a_number_out_of_its_bounds_is_refused_when_it_is_used(make, name, bad):
    inner = {"then": "random"} if make is Prefilter else {}
    strategy = make("random", **inner, **{name: bad})
    with pytest.raises(ValueError, match=rf"{make.__name__} got {name}=.*; give a finite number"):
        strategy.select(asked(5), 2)


@pytest.mark.parametrize("mode", ["gumbel", None, "Power"])
def test_an_unknown_mode_is_refused(mode):
    with pytest.raises(ValueError, match="one of 'power', 'softmax', 'softrank'"):
        StochasticBatch("random", mode=mode).select(asked(5), 2)


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="got metric='manhattan'; it must be one of"):
        Density("random", metric="manhattan").select(asked(5), 2)


# StochasticBatch: the exact distribution


def drawn_in_turn(weights, n):
    """Probability of each ordered batch, rows drawn one by one in proportion to their weights."""
    weights = np.asarray(weights, dtype=float)
    batches = {}
    for batch in permutations(range(len(weights)), n):
        left, probability = weights.sum(), 1.0
        for row in batch:
            probability *= weights[row] / left
            left -= weights[row]
        batches[batch] = probability
    return batches


SCORES = [0.5, 0.1, 0.9, 0.3]


@pytest.mark.once
@pytest.mark.parametrize(
    ("mode", "beta", "scores", "weights"),
    [
        ("power", 1.0, SCORES, SCORES),
        ("power", 2.0, SCORES, np.square(SCORES)),
        ("power", 0.5, [4.0, 1.0, 9.0, 1.0], [2, 1, 3, 1]),
        ("power", 1.0, [-1.0, -2.0, -4.0, -2.0, -7.0], [6, 5, 3, 5, 0]),  # from the lowest, -7
        ("power", 1.0, [0.0, 0.0, 0.0], [1, 1, 1]),
        ("power", 1.0, [-3.0, -3.0, -3.0], [1, 1, 1]),
        ("softmax", 1.0, SCORES, np.exp(SCORES)),
        ("softmax", 3.0, [-0.5, -0.1, 0.4, 0.0], np.exp([-1.5, -0.3, 1.2, 0.0])),
        ("softrank", 1.0, SCORES, [1 / 2, 1 / 4, 1, 1 / 3]),
        ("softrank", 2.0, [-5.0, 7.0, -9.0, 0.0], [1 / 9, 1, 1 / 16, 1 / 4]),
        ("softrank", 1.0, [3.0, 1.0, 3.0, 0.0], [1 / 1.5, 1 / 3, 1 / 1.5, 1 / 4]),
        ("softrank", 1.0, [2.0, 2.0, 2.0], [1, 1, 1]),
    ],
)
def test_ordered_batches_have_the_probabilities_of_drawing_in_turn(mode, beta, scores, weights):
    expected = drawn_in_turn(weights, 2)
    counts = dict.fromkeys(expected, 0)
    strategy = StochasticBatch(Known(scores), beta, mode)
    for seed in range(1200):
        counts[tuple(strategy.select(asked(len(scores), seed=seed), 2).tolist())] += 1
    possible = [batch for batch, probability in expected.items() if probability > 0]
    assert sum(counts[batch] for batch in possible) == 1200
    frequencies = 1200 * np.array([expected[batch] for batch in possible])
    assert chisquare([counts[batch] for batch in possible], frequencies).pvalue > 1e-3


def test_the_noise_owes_nothing_to_the_draw_of_a_part_around_it():
    weights, counts = np.array([1.0, 2.0, 4.0, 8.0]), np.zeros(4)
    strategy = Subpool(StochasticBatch(Known(weights)), size=2)
    for seed in range(1200):
        counts[strategy.select(asked(4, seed=seed), 1)] += 1
    pairs = weights[:, None] / (weights[:, None] + weights)
    np.fill_diagonal(pairs, 0)
    assert chisquare(counts, 1200 * pairs.sum(axis=1) / 6).pvalue > 1e-3


def test_a_row_is_drawn_the_same_however_many_are_seen_at_a_time():
    scores = np.random.default_rng(0).random(60)
    mask = np.arange(60) % 4 != 0
    strategy = StochasticBatch(Known(scores))
    whole = strategy.select(asked(60, mask=mask), 20)
    assert whole.tolist() == strategy.select(asked(60, mask=mask, chunk_rows=7), 20).tolist()


def test_another_question_is_another_draw():
    strategy = StochasticBatch(Known(np.ones(50)))
    drawn = {tuple(strategy.select(asked(50, seed=seed), 5).tolist()) for seed in range(20)}
    assert len(drawn) == 20


@pytest.mark.parametrize("mode", ["power", "softmax", "softrank"])
def test_a_large_beta_takes_the_best_in_order(mode):
    scores = np.random.default_rng(1).permutation(20) - 7.0
    strategy = StochasticBatch(Known(scores), beta=1e6, mode=mode)
    assert strategy.select(asked(20), 20).tolist() == np.argsort(-scores).tolist()


@pytest.mark.parametrize(
    ("mode", "scores", "last"),
    [
        ("power", [0.0, 2.0, 0.0, 1e-9, 0.0], {0, 2, 4}),
        ("power", [0.0, -INF, 1.0, 2.0, 3.0], {0, 1}),
        ("softmax", [-INF, 0.0, -1e3, 2.0, -INF], {0, 4}),
        ("softrank", [-INF, 0.0, -1e3, 2.0, -INF], {0, 4}),
    ],
)
def test_rows_of_no_weight_come_when_nothing_else_is_left_and_in_any_order(mode, scores, last):
    strategy, orders = StochasticBatch(Known(scores), 0.01, mode), set()
    for seed in range(60):
        chosen = strategy.select(asked(5, seed=seed), 5)
        assert sorted(chosen) == list(range(5))
        assert set(chosen[-len(last) :].tolist()) == last
        orders.add(tuple(chosen[-len(last) :].tolist()))
    assert len(orders) == {2: 2, 3: 6}[len(last)]


@pytest.mark.parametrize("mode", ["power", "softmax"])
def test_a_row_of_infinite_weight_is_always_the_first(mode):
    strategy = StochasticBatch(Known([0.5, 9.0, INF, -INF]), 0.01, mode)
    for seed in range(30):
        chosen = strategy.select(asked(4, seed=seed), 4).tolist()
        assert (chosen[0], chosen[-1]) == (2, 3)


def test_softrank_sees_the_order_of_scores_alone():
    scores = np.random.default_rng(2).normal(size=30).round(1)
    one = StochasticBatch(Known(scores), mode="softrank").select(asked(30), 10)
    other = StochasticBatch(Known(np.exp(5 * scores) - 3), mode="softrank").select(asked(30), 10)
    assert one.tolist() == other.tolist()


def test_only_candidates_set_the_lowest_score():
    mask = np.array([True, True, True, False])
    chosen = [
        StochasticBatch(Known([-1.0, -2.0, -3.0, -1e9])).select(asked(4, seed=s, mask=mask), 3)[-1]
        for s in range(40)
    ]
    assert set(chosen) == {2}  # weights 2, 1, 0; from -1e9 they would be almost alike


# Density

ROWS = np.array([[0.0, 1.0], [0.1, 1.0], [0.2, 1.0], [5.0, -0.5]])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("beta", [0, 0.5, 1, 2.0])
def test_density_is_the_score_times_a_power_of_the_mean_similarity(metric, beta):
    rows, scores = ROWS + 1.0, np.array([0.5, 2.0, 0.0, 3.0])
    found = Density(Known(scores), beta, metric).score(placed(rows))
    weights = naive_density.density(rows, metric) ** beta
    rtol = 1e-12 if metric == "cosine" else 1e-6  # of roots in single precision
    np.testing.assert_allclose(found, scores * weights, rtol=rtol)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_of_equally_uncertain_rows_the_one_among_others_comes_first_though_scores_are_negative(
    metric,
):
    scores = [-0.9, -0.1, -0.9, -0.1]  # as of margin: rows 1 and 3 are the uncertain ones
    assert Density(Known(scores), metric=metric).select(placed(ROWS), 4).tolist()[:2] == [1, 3]


def test_scores_are_measured_from_the_lowest_candidate_only_where_that_is_negative():
    mask = np.array([True, True, True, False])
    rows = np.ones((4, 2))
    found = Density(Known([-1.0, 2.0, -3.0, -50.0])).score(placed(rows, mask))
    np.testing.assert_allclose(found, [2.0, 5.0, 0.0, np.nan], rtol=1e-12)
    found = Density(Known([1.0, 2.0, 3.0, -50.0])).score(placed(rows, mask))
    np.testing.assert_allclose(found, [1.0, 2.0, 3.0, np.nan], rtol=1e-12)


def test_negative_cosines_are_measured_from_the_lowest_and_make_no_nan():
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    found = Density(Known(np.ones(4)), beta=0.5).score(placed(rows))  # densities .5, .5, .5, -.5
    np.testing.assert_allclose(found, [1.0, 1.0, 1.0, 0.0], atol=1e-12)


def test_infinite_scores_stay_infinite_whatever_the_density():
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    found = Density(Known([INF, INF, -INF, -2.0])).score(placed(rows))
    assert found.tolist() == [INF, INF, -INF, 0.0]


def test_rows_that_are_no_candidates_do_not_make_a_region_dense():
    rows = np.array([[1.0, 0.0]] * 9 + [[0.0, 1.0]] * 2)
    mask = np.arange(11) >= 8
    found = Density(Known(np.ones(11))).score(placed(rows, mask))
    np.testing.assert_allclose(found[mask], [1 / 3, 2 / 3, 2 / 3], rtol=1e-12)
    assert np.isnan(found[:8]).all()


def test_density_finds_the_typical_among_the_uncertain_through_a_learner():
    rng = np.random.default_rng(0)
    crowd = np.c_[np.zeros(40), 1 + 0.01 * rng.normal(size=40)]
    X = np.r_[[[-3.0, 1.0], [3.0, 1.0]], crowd, [[0.0, 60.0]]]  # the last is as uncertain
    y = np.r_[0, 1, np.full(41, -1)]
    learner = ActiveLearner(LogisticRegression(), Density(metric="euclidean")).fit(X, y)
    assert 42 not in learner.query(n_instances=40)[0]
    assert learner.scores()[42] == np.nanmin(learner.scores())


# Prefilter


class Seen(Strategy):
    """Chooses the first candidates, and remembers how many it was asked for, among which."""

    rowwise = False

    def __init__(self, log):
        self.log = log

    def select(self, view, n):
        self.log.append((n, view.X[view.candidates, 0].tolist()))
        return view.candidates[:n]


@pytest.mark.parametrize(
    ("factor", "n", "n_left"), [(10, 3, 30), (2.5, 3, 8), (1, 4, 4), (10, 7, 50), (1e9, 1, 50)]
)
def test_the_second_strategy_is_offered_the_best_of_the_first(factor, n, n_left):
    scores, log = np.random.default_rng(0).permutation(50), []
    chosen = choose(Prefilter(Known(scores), Seen(log), factor), asked(50), n)
    ((asked_for, offered),) = log
    assert asked_for == n
    assert offered == np.sort(np.argsort(-scores)[:n_left]).tolist()
    assert chosen.tolist() == offered[:n]


def test_both_see_only_candidates_and_the_second_chooses_in_its_own_order():
    first, second = np.arange(20.0), -np.arange(20.0)
    mask = np.arange(20) < 12
    strategy = Prefilter(Known(first), Known(second), factor=2)
    assert choose(strategy, asked(20, mask=mask), 3).tolist() == [6, 7, 8]


def test_all_candidates_are_given_where_that_many_are_asked_for():
    strategy = Prefilter("random", Known(np.arange(9.0)))
    assert choose(strategy, asked(9), 30).tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def any_rows(view, n):
    return len(view) - 1 + np.arange(n)


def one_too_few(view, n):
    return view.candidates[1:n]


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (Prefilter(Known(np.arange(9.0)), any_rows, 2), "any_rows chose position 6, which is no"),
        (Prefilter(one_too_few, "random", 2), "one_too_few was asked for 6 positions and gave"),
    ],
)
def test_the_part_that_breaks_its_contract_is_named(strategy, message):
    with pytest.raises(ValueError, match=message):
        choose(strategy, asked(9), 3)


def test_prefilter_asks_through_a_learner_for_what_the_second_prefers_of_the_first():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = np.where(np.arange(80) < 20, X.argmax(axis=1), -1)
    strategy = Prefilter("margin", "vote_entropy", factor=4)
    learner = ActiveLearner(RandomForestClassifier(15), strategy, random_state=0).fit(X, y)
    idx, _ = learner.query(n_instances=5)
    learner.strategy_ = Margin()
    margins = learner.query(n_instances=20)[0]
    assert set(idx) <= set(margins)
