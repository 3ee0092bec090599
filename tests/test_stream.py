"""Stream strategies: decided by hand, however they are cut, within budget, saved in the middle."""

import pickle
from itertools import pairwise

import naive_stream as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression

from skactive import ActiveLearner, View
from skactive.data.rows import Rows
from skactive.learner.questions import adapt
from skactive.scores import likeliest_errors
from skactive.selection.vessal import gradient_covariance, vessal
from skactive.strategies import BADGE, Density, Margin, Prefilter, Random, StochasticBatch, Subpool
from skactive.strategies.base import choose
from skactive.strategies.stream import Quantile, RandomStream, StreamStrategy, Threshold
from skactive.strategies.stream_uncertainty import (
    FixedUncertainty,
    RandomVariableUncertainty,
    SplitUncertainty,
    VariableUncertainty,
)
from skactive.strategies.stream_volume import Vessal

N = 400
X = data.gaussian(N, 4, seed=1)
Y = (X[:, 0] + 0.5 * np.sin(3 * X[:, 1]) > 0).astype(int) + (X[:, 2] > 1)
PROBA = LogisticRegression().fit(X[:60], Y[:60]).predict_proba(X)

STRATEGIES = {
    "random": RandomStream(0.1, 50),
    "random, a total": RandomStream(0.2, 20, total=11),
    "fixed": FixedUncertainty(0.2, 20),
    "fixed, a threshold": FixedUncertainty(0.2, 20, total=30, threshold=0.7),
    "variable": VariableUncertainty(0.1, 20),
    "random variable": RandomVariableUncertainty(0.1, 20, total=25, delta=0.3),
    "split": SplitUncertainty(0.2, 25, share=0.3),
    "split, a total": SplitUncertainty(0.2, 25, total=17, share=0.3),
    "threshold": Threshold("margin", -0.3),
    "threshold, a budget": Threshold("entropy", 0.5, budget=0.1, window=20, total=15),
    "quantile": Quantile("margin", window=60),
    "quantile of a score with ties": Quantile("least_confidence", 30, budget=0.2, total=30),
    "vessal": Vessal(0.1, 30, condition_on_labeled=False),
    "vessal in expectation": Vessal(0.1, None, total=30, condition_on_labeled=False),
    "vessal by count": Vessal(total=30, length=N, condition_on_labeled=False),
}
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


class NoPool:
    """A pool of which some rows are labelled."""

    def __init__(self, labeled=()):
        self.labeled = np.array(labeled, dtype=np.int64)
        self.reserved = np.zeros(0, dtype=np.int64)


def seen(rows=slice(None), mask=None, proba=PROBA, **options):
    """A chunk as a model sees it whose probabilities are known."""
    p, x = np.asarray(proba)[rows], X[: len(proba)][rows]
    mask = np.ones(len(p), dtype=bool) if mask is None else mask
    known = {"proba": p, "embedding": x, "gradient": (likeliest_errors(p), x)}
    return View(Rows(x), mask, known=known, **options)


def running(strategy, seed=0):
    return clone(strategy).reset(np.random.default_rng(seed))


def certain(values):
    """Probabilities of two classes of which the likelier has these."""
    values = np.asarray(values, dtype=float)
    return np.c_[values, 1 - values]


# By hand


def test_fixed_uncertainty_as_worked_out_by_hand():
    # b = 0.4, C = 2: theta = 1/2 + 0.4 * 1/2 = 0.7; 2 labels in 5 rows.
    # 0.6 < 0.7 bought; 0.9 not; 0.65 bought; 0.55 and 0.6: the window (rows 0 to 3, 0 to 4) is
    # full; row 5 (rows 1 to 5 hold one label): 0.69 bought; 0.71 not.
    proba = certain([0.6, 0.9, 0.65, 0.55, 0.6, 0.69, 0.71])
    bought = running(FixedUncertainty(0.4, 5)).admit(seen(proba=proba))
    assert bought.astype(int).tolist() == [1, 0, 1, 0, 0, 1, 0]


def test_fixed_uncertainty_counts_certainty_from_chance_for_more_classes():
    # b = 0.4, C = 4: theta = 1/4 + 0.4 * 3/4 = 0.55.
    proba = [[0.54, 0.46, 0, 0], [0.56, 0.44, 0, 0], [0.3, 0.3, 0.2, 0.2]]
    assert running(FixedUncertainty(0.4, 10)).admit(seen(proba=proba)).tolist() == [
        True,
        False,
        True,
    ]


def test_variable_uncertainty_as_worked_out_by_hand():
    # s = 0.1, 2 labels in 4 rows, theta = 1.
    # 0.95 < 1: bought, theta 0.9. 0.92: not, theta 0.99. 0.98 < 0.99: bought, theta 0.891.
    # 0.5: the window (rows 0 to 3) is full: not, theta stays. Row 4 (rows 1 to 4 hold one):
    # 0.9 > 0.891: not, theta 0.9801. 0.9 < 0.9801: bought (rows 2 to 5 held one), theta 0.88209.
    strategy = running(VariableUncertainty(0.5, 4, step=0.1))
    bought = strategy.admit(seen(proba=certain([0.95, 0.92, 0.98, 0.5, 0.9, 0.9])))
    assert bought.astype(int).tolist() == [1, 0, 1, 0, 0, 1]
    assert strategy.threshold_ == pytest.approx(0.88209, rel=1e-12)


def test_random_variable_uncertainty_as_worked_out_by_hand():
    # s = 0.1, delta = 0.5; the draws 0.5, 0.1586553, 0.8413447, 0.8413447 stand for the normal
    # numbers 0, -1, 1, 1: factors 1, 0.5, 1.5, 1.5.
    # 0.9 < 1 * 1: bought, theta 0.9. 0.6 > 0.9 * 0.5: not, theta 0.99. 0.99 < 0.99 * 1.5: bought,
    # theta 0.891. 1.0 < 0.891 * 1.5: bought, theta 0.8019.
    strategy = running(RandomVariableUncertainty(1.0, 10, step=0.1, delta=0.5))
    strategy.rng_ = Given([0.5, 0.15865525, 0.84134475, 0.84134475])
    bought = strategy.admit(seen(proba=certain([0.9, 0.6, 0.99, 1.0])))
    assert bought.astype(int).tolist() == [1, 0, 1, 1]
    assert strategy.threshold_ == pytest.approx(0.8019, rel=1e-12)


def test_random_stream_as_worked_out_by_hand():
    # b = 0.5, window 4. Chance 0.5 (1 + behind), behind = 0.5 min(n, 4) - bought in the window.
    # Row 0: 0.5, 0.6 is not below. Row 1: behind 0.5, chance 0.75, 0.7 is: bought.
    # Row 2: behind 1 - 1 = 0, chance 0.5, 0.4 is: bought. Row 3: the window is full.
    # Row 4 (rows 1 to 4 hold two): full. Row 5 (rows 2 to 5 hold one): behind 2 - 1 = 1,
    # chance 1: bought.
    strategy = running(RandomStream(0.5, 4))
    strategy.rng_ = Given([0.6, 0.7, 0.4, 0.0, 0.0, 0.99])
    bought = strategy.admit(seen(slice(6)))
    assert bought.astype(int).tolist() == [0, 1, 1, 0, 0, 1]
    assert strategy.random_share_.tolist() == bought.tolist()


def test_split_uncertainty_as_worked_out_by_hand():
    # b = 0.5, window 8, share 0.25: 1 label in 8 rows blindly, 3 by variable uncertainty, s = 0.1.
    # A row's first draw says whether it is of the random share (below 0.25), the second whether
    # it is bought then: with chance 0.125 (1 + behind) / 0.25.
    # Row 0: variable, 0.9 < 1: bought, theta 0.9. Row 1: random, behind 0.125, chance 0.5625;
    # 0.6: not. Row 2: random, behind 0.25, chance 0.625; 0.6: bought. Row 3: random, full.
    # Row 4: variable, 0.95 > 0.9: not, theta 0.99. Row 5: variable, 0.95: bought, theta 0.891.
    strategy = running(SplitUncertainty(0.5, 8, step=0.1, share=0.25))
    draws = [[0.9, 0.0], [0.1, 0.6], [0.1, 0.6], [0.1, 0.0], [0.5, 0.0], [0.25, 0.9]]
    strategy.rng_ = Given(draws)
    bought = strategy.admit(seen(proba=certain([0.9, 0.5, 1.0, 0.5, 0.95, 0.95])))
    assert bought.astype(int).tolist() == [1, 0, 1, 0, 0, 1]
    assert strategy.random_share_.astype(int).tolist() == [0, 0, 1, 0, 0, 0]
    assert strategy.threshold_ == pytest.approx(0.891, rel=1e-12)


def test_a_threshold_is_exceeded_not_reached():
    proba = certain([0.75, 0.7499, 0.9, 0.5])
    bought = running(Threshold("margin", -0.5)).admit(seen(proba=proba))
    assert bought.tolist() == [False, True, False, True]


def test_a_quantile_as_worked_out_by_hand():
    # b = 0.5, window 4, scores 1 - max p. The first draw of a row places it among its equals:
    # rank = scores above + draw * (equals + 1), to be below chance * (scores kept + 1).
    # Row 0, 0.1: rank 0.4 < 0.5 * 1: bought. Row 1, 0.2: behind 0.5 - 1, chance 0.25:
    # rank 0.4 < 0.25 * 2: bought. Row 2, 0.3: behind 1 - 2 = -1, chance 0: not.
    # Row 3, 0.4: full. Row 4 (rows 1 to 4 hold one; behind 2 - 1, chance 1), 0.0: rank 4.4 < 5:
    # bought, and 0.1 is forgotten. Row 5 (rows 2 to 5 hold one; chance 1): bought.
    strategy = running(Quantile("least_confidence", window=4, budget=0.5))
    strategy.rng_ = Given([[0.4, 0.9]] * 6)
    bought = strategy.admit(seen(proba=certain([0.9, 0.8, 0.7, 0.6, 1.0, 1.0])))
    assert bought.astype(int).tolist() == [1, 1, 0, 0, 1, 1]
    assert strategy.sorted_ == pytest.approx([0.0, 0.0, 0.3, 0.4])


class Given:
    """A generator that gives known numbers."""

    def __init__(self, numbers):
        self.numbers = np.array(numbers, dtype=float)

    def random(self, shape):
        taken, self.numbers = np.split(self.numbers, [shape[0]])
        return taken.reshape(shape)


# However the stream is cut


@every_strategy
@given(
    cuts=st.lists(st.integers(0, N), max_size=8), n_cold=st.integers(0, 40), seed=st.integers(0, 5)
)
def test_decisions_do_not_depend_on_how_the_stream_is_cut(strategy, cuts, n_cold, seed):
    mask = np.random.default_rng(seed).random(N) < 0.8

    def decisions(edges):
        stream, bought = running(strategy, seed), []
        for start, stop in pairwise(edges):
            part = slice(start, stop)
            view = View(Rows(X[part]), mask[part]) if stop <= n_cold else seen(part, mask[part])
            bought.append(stream.admit(view))
        return np.concatenate(bought)

    expected = decisions([0, n_cold, N])
    np.testing.assert_array_equal(decisions(sorted([0, n_cold, N, *cuts])), expected)
    assert not expected[~mask].any()


@every_strategy
def test_a_fitted_model_decides_as_its_probabilities_do_in_chunks_of_any_size(strategy):
    model = adapt(LogisticRegression().fit(X[:60], Y[:60]), classes=np.unique(Y))
    expected = running(strategy).admit(seen())
    for chunk_rows in (7, N):
        view = View(Rows(X), np.ones(N, dtype=bool), model=model, chunk_rows=chunk_rows)
        np.testing.assert_array_equal(running(strategy).admit(view), expected)
    assert expected.any()
    assert not expected.all()


@every_strategy
def test_rows_that_are_no_candidates_are_not_seen(strategy):
    mask = np.arange(N) % 3 > 0
    among_others = running(strategy).admit(seen(mask=mask))
    alone = running(strategy).admit(seen(mask))
    np.testing.assert_array_equal(among_others[mask], alone)


@every_strategy
def test_a_chunk_without_candidates_changes_nothing(strategy):
    stream, twin = running(strategy), running(strategy)
    assert not stream.admit(seen(mask=np.zeros(N, dtype=bool))).any()
    np.testing.assert_array_equal(stream.admit(seen()), twin.admit(seen()))


@every_strategy
def test_a_row_takes_the_same_random_numbers_whether_it_is_cold_or_not(strategy):
    cold, warm = running(strategy), running(strategy)
    cold.admit(View(Rows(X), np.ones(N, dtype=bool)))
    warm.admit(seen())
    assert cold.rng_.random() == warm.rng_.random()


@pytest.mark.parametrize(
    "name",
    ["fixed", "fixed, a threshold", "variable", "random variable", "threshold, a budget", "vessal"],
)
def test_without_a_model_rows_are_bought_blindly_by_the_budget(name):
    strategy = STRATEGIES[name]
    cold = View(Rows(X), np.ones(N, dtype=bool))
    blind = RandomStream(strategy.budget, strategy.window, strategy.total)
    np.testing.assert_array_equal(running(strategy).admit(cold), running(blind).admit(cold))


def test_without_a_model_each_part_of_a_split_buys_blindly_by_its_own_budget():
    # b = 0.5, window 8, share 0.25. Rest: rate 0.375, so a chance of 0.375 (1 + behind) / 0.75.
    # Row 0: rest, 0.5; 0.55 is not below. Row 1: rest, behind 0.375, chance 0.6875, 0.6 is:
    # bought. Row 2: rest, behind 0.75 - 1, chance 0.375; 0.4 is not. Row 3: random, rate 0.125,
    # behind 0.375, chance 0.125 * 1.375 / 0.25 = 0.6875; 0.6 is: bought.
    strategy = running(SplitUncertainty(0.5, 8, share=0.25))
    strategy.rng_ = Given([[0.9, 0.55], [0.9, 0.6], [0.9, 0.4], [0.1, 0.6]])
    bought = strategy.admit(View(Rows(X[:4]), np.ones(4, dtype=bool)))
    assert bought.tolist() == [False, True, False, True]
    assert strategy.random_share_.tolist() == [False, False, False, True]


# Budgets


@every_strategy
@given(seed=st.integers(0, 10**6))
def test_no_window_and_no_total_is_exceeded(strategy, seed):
    bought = running(strategy, seed).admit(seen())
    rate = 0.1 if strategy.budget is None else strategy.budget
    is_held = getattr(strategy, "length", None) is None and strategy.window is not None
    if is_held:
        assert naive.most_in_a_window(bought, strategy.window) <= rate * strategy.window + 1e-9
    assert strategy.total is None or bought.sum() <= strategy.total


@every_strategy
def test_no_window_is_exceeded_across_a_restart(strategy):
    stream = running(strategy)
    bought = []
    for start in range(0, N, 10):
        bought.extend(stream.admit(seen(slice(start, start + 10))))
        stream.restart()
    if getattr(strategy, "length", None) is None and strategy.window is not None:
        rate = 0.1 if strategy.budget is None else strategy.budget
        assert naive.most_in_a_window(bought, strategy.window) <= rate * strategy.window + 1e-9
    assert strategy.total is None or sum(bought) <= strategy.total


@pytest.mark.parametrize(
    "strategy",
    [
        RandomStream(0.1, 100),
        VariableUncertainty(0.1, 100),
        RandomVariableUncertainty(0.1, 100, delta=0.3),
        SplitUncertainty(0.1, 100),
        Quantile("margin", budget=0.1),
        Vessal(0.1, 100, condition_on_labeled=False),
    ],
    ids=repr,
)
def test_nearly_all_of_a_budget_is_spent(strategy):
    stream = running(strategy)
    n_bought = sum(stream.admit(seen()).sum() for _ in range(10))
    assert 0.085 * 10 * N < n_bought <= 0.1 * 10 * N
    assert stream.budget_.spent == n_bought


@given(seed=st.integers(0, 10**6), total=st.integers(0, N))
def test_vessal_by_count_spends_exactly_its_total(seed, total):
    stream = running(Vessal(total=total, length=N, condition_on_labeled=False), seed)
    bought = [stream.admit(seen(slice(start, start + 100))).sum() for start in range(0, N, 100)]
    assert sum(bought) == total
    assert not stream.admit(seen()).any()  # rows beyond the length


def test_a_split_buys_blindly_in_proportion_to_its_share():
    stream, blind, bought = running(SplitUncertainty(0.2, 100, share=0.25)), 0, 0
    for _ in range(20):
        bought += stream.admit(seen()).sum()
        blind += stream.random_share_.sum()
    assert 0.2 < blind / bought < 0.27


def test_what_is_bought_blindly_does_not_depend_on_what_the_model_says():
    one, other = running(SplitUncertainty(0.2, 25)), running(SplitUncertainty(0.2, 25))
    one.admit(seen())
    other.admit(seen(proba=PROBA[::-1]))
    assert one.random_share_.any()
    np.testing.assert_array_equal(one.random_share_, other.random_share_)


def test_equal_scores_are_bought_by_chance_in_proportion():
    stream, proba = running(Quantile("margin", 100, budget=0.1)), certain(np.full(N, 0.8))
    bought = np.concatenate([stream.admit(seen(proba=proba)) for _ in range(10)])
    assert 0.085 < bought.mean() <= 0.1


def test_a_quantile_buys_what_is_above_it():
    bought = running(Quantile("least_confidence", 100, budget=0.1)).admit(seen())
    least_confidence = 1 - PROBA.max(axis=1)
    assert np.median(least_confidence[bought]) > np.quantile(least_confidence, 0.85)


# State


@every_strategy
def test_pickled_in_the_middle_it_goes_on_as_it_would_have(strategy):
    stream = running(strategy)
    first = stream.admit(seen(slice(150)))
    copy = pickle.loads(pickle.dumps(stream))
    np.testing.assert_array_equal(
        copy.admit(seen(slice(150, N))), stream.admit(seen(slice(150, N)))
    )
    whole = running(strategy).admit(seen())
    np.testing.assert_array_equal(first, whole[:150])


@every_strategy
def test_a_clone_and_a_reset_start_fresh(strategy):
    stream = running(strategy)
    expected = stream.admit(seen())
    assert not [name for name in vars(clone(stream)) if name.endswith("_")]
    np.testing.assert_array_equal(running(stream).admit(seen()), expected)
    np.testing.assert_array_equal(stream.reset(np.random.default_rng(0)).admit(seen()), expected)
    assert not [name for name in vars(strategy) if name.endswith("_")]


def test_a_restart_sets_thresholds_and_what_was_seen_to_what_they_are_at_first():
    variable = running(VariableUncertainty(0.1, 20))
    quantile, volume = running(Quantile()), running(Vessal(condition_on_labeled=False))
    for stream in (variable, quantile, volume):
        stream.admit(seen())
        stream.restart()
    assert variable.threshold_ == 1.0
    assert len(quantile.scores_) == len(quantile.sorted_) == 0
    assert volume.volumes_ is None
    assert all(stream.budget_.n_passed == N for stream in (variable, quantile, volume))


# Vessal


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("is_conditioned", [False, True])
def test_vessal_buys_the_rows_of_its_twin_on_the_same_random_numbers(is_conditioned, known):
    a = likeliest_errors(PROBA)
    rows = naive.gradients(a, X)
    covariance = gradient_covariance((a, X)) if known else None
    labeled = np.arange(350, N)
    strategy = Vessal(
        0.1,
        None,
        regularization=0.1,
        condition_on_labeled=is_conditioned,
        covariance=covariance if known else "running",
    )
    view = seen(mask=np.arange(N) < 350, pool=NoPool(labeled))
    bought = running(strategy, 3).admit(view)
    draws = np.random.default_rng(3).random(350)
    state = naive.VolumeStream(
        rows.shape[1], 0.1, covariance, rows[labeled] if is_conditioned else ()
    )
    assert np.flatnonzero(bought).tolist() == naive.vessal_by_rate(rows[:350], 0.1, draws, state)
    assert bought.sum() > 15


def test_vessal_serves_regression():
    target = X @ [1.0, 2.0, 0.0, 0.0]
    model = adapt(LinearRegression().fit(X[:20], target[:20]))
    view = View(Rows(X), np.ones(N, dtype=bool), model=model, pool=NoPool([0, 1]), chunk_rows=100)
    draws = np.random.default_rng(0).random(N)
    state = naive.VolumeStream(4, 0.01, labeled=X[:2])
    expected = naive.vessal_by_rate(X, 0.05, draws, state)
    assert np.flatnonzero(running(Vessal(0.05, None)).admit(view)).tolist() == expected


def test_vessal_chooses_from_a_pool_exactly_as_many_as_asked():
    labeled = np.arange(0, N, 40)
    mask = np.ones(N, dtype=bool)
    mask[labeled] = False
    view = seen(mask=mask, pool=NoPool(labeled), seed=(5,))
    found = choose(Vessal(total=3, length=9), view, 25)
    expected = vessal(
        view.gradient, 25, candidates=mask, centers=labeled, rng=np.random.default_rng((5,))
    )
    assert len(found) == 25
    np.testing.assert_array_equal(found, expected)


def test_vessal_begins_again_where_gradients_get_another_length():
    stream = running(Vessal(condition_on_labeled=False))
    stream.admit(seen(slice(100)))
    narrower = PROBA[:100, :2] / PROBA[:100, :2].sum(axis=1, keepdims=True)
    stream.admit(seen(proba=narrower))
    assert stream.volumes_.shape == (2, 4)
    assert stream.volumes_.n_passed == 100
    assert stream.budget_.n_passed == 200


# Refusals


@every_strategy
def test_before_reset_nothing_is_admitted(strategy):
    for call in (lambda: strategy.admit(seen()), strategy.restart):
        with pytest.raises(ValueError, match=r"was called before reset; call reset\(rng\)"):
            call()


@every_strategy
def test_scores_and_choices_from_a_pool_are_refused(strategy):
    with pytest.raises(NotImplementedError, match=r"query\(X_chunk\) returns those that it admits"):
        strategy.score(seen())
    if not isinstance(strategy, Vessal):
        with pytest.raises(NotImplementedError, match=r"does not choose among a pool.*X_chunk"):
            strategy.select(seen(), 3)


def test_what_is_made_of_a_strategy_for_streams_names_one_for_pools():
    X, y = np.eye(4), [0, 1, -1, -1]
    for strategy, instead in (
        (Subpool("stream_random"), "give strategy 'random' for a pool"),
        (Prefilter("margin", "fixed_uncertainty"), "give strategy 'least_confidence' for a pool"),
        (Prefilter(Quantile("entropy"), "k_center"), "give strategy 'entropy' for a pool"),
        (Density("stream_random"), "which decides as rows pass; give one that scores"),
    ):
        learner = ActiveLearner(LogisticRegression(), strategy).fit(X, y)
        with pytest.raises((NotImplementedError, ValueError), match=instead):
            learner.query()


@pytest.mark.parametrize(
    ("strategy", "sentence"),
    [
        (RandomStream(0), r"RandomStream got budget=0; .* above 0 and at most 1"),
        (FixedUncertainty(1.5), r"FixedUncertainty got budget=1.5"),
        (VariableUncertainty(0.1, 0), r"VariableUncertainty got window=0; give a whole number"),
        (VariableUncertainty(0.1, None), r"VariableUncertainty got window=None; give a whole"),
        (Vessal(window=0), r"Vessal got window=0; give a whole number of at least 1"),
        (RandomStream(total=-1), r"RandomStream got total=-1"),
        (RandomStream(0.005), r"never reaches one label; give window=200 or more"),
        (SplitUncertainty(0.05, 20), r"one label, which cannot be shared; give window=40 or more"),
        (Vessal(total=5, length=9, window=50), r"window=50 and length=9; .*leave window= out"),
        (SplitUncertainty(share=1), r"SplitUncertainty got share=1; give a number between 0 and 1"),
        (VariableUncertainty(step=0), r"VariableUncertainty got step=0; give a number between"),
        (RandomVariableUncertainty(delta=-1), r"got delta=-1; give a finite number of at least 0"),
        (FixedUncertainty(threshold=np.nan), r"FixedUncertainty got threshold=nan"),
        (Threshold("margin", np.nan), r"Threshold got value=nan; give a finite number\.$"),
        (Threshold(BADGE()), r"Threshold got strategy BADGE, which looks at many rows at once"),
        (Quantile(Density()), r"Quantile got strategy Density, which looks at many rows"),
        (Quantile(StochasticBatch()), r"Quantile got strategy StochasticBatch, which looks at"),
        (Quantile(RandomStream()), r"RandomStream, which decides as rows pass itself; give"),
        (Quantile(Random()), r"write RandomStream\(budget=\.\.\.\)"),
        (Quantile("margin", window=5), r"never reaches one label; give window=10 or more"),
        (Vessal(0.1, length=100), r"budget=0.1, total=None and length=100; give budget=, and"),
        (Vessal(0.1, total=5, length=100), r"budget=0.1, total=5 and length=100"),
        (Vessal(length=100), r"budget=None, total=None and length=100"),
        (Vessal(total=9, length=5), r"Vessal got total=9 and length=5, more labels than rows"),
        (Vessal(covariance="known"), r"covariance='known'; give 'running', or an array"),
        (Vessal(regularization=-1), r"regularization=-1; give a number above 0"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value),
)
def test_parameters_out_of_range_are_refused_when_a_stream_begins(strategy, sentence):
    strategy = clone(strategy)
    with pytest.raises(ValueError, match=sentence):
        strategy.reset(np.random.default_rng(0))
    with pytest.raises(ValueError, match="was called before reset"):
        strategy.admit(seen())


def test_an_unknown_inner_strategy_is_refused():
    with pytest.raises(ValueError, match="unknown strategy 'margn'; did you mean 'margin'"):
        Threshold("margn").reset(np.random.default_rng(0))


def test_a_strategy_of_ones_own_needs_only_to_say_what_it_wants():
    class Doubtful(StreamStrategy):
        reads = ("proba",)

        def __init__(self, budget=0.5, window=4, total=None):
            self.budget = budget
            self.window = window
            self.total = total

        def _look(self, view):
            return view.score(Margin())[view.candidates]

        def _wants(self, value, draws, is_left):
            return is_left and value > -0.2

    proba = certain([0.55, 0.7, 0.5, 0.5, 0.5])
    bought = running(Doubtful()).admit(seen(proba=proba))
    assert bought.astype(int).tolist() == [1, 0, 1, 0, 1]
