"""FALCUN: its twin, from the paper's formulas, what it promises, and what it refuses."""

import warnings

import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, select
from skactive.selection import falcun
from skactive.strategies import FALCUN


def chances(proba, chosen, left, gamma):
    """With what probability each row that is left is the next, one row at a time."""
    proba, doubt, apart = np.asarray(proba, dtype=np.float64), [], []
    for row in left:
        second, first = sorted(proba[row])[-2:]
        doubt.append(1 - (first - second))
        apart.append(min([doubt[-1], *(np.abs(proba[row] - proba[s]).sum() for s in chosen)]))
    low, high = min(apart), max(apart)
    normed = [(d - low) / (high - low) if high > low else 0.0 for d in apart]
    relevance = [(u + d) ** gamma for u, d in zip(doubt, normed, strict=True)]
    if sum(relevance) == 0:
        relevance = [1.0] * len(left)
    return np.array(relevance) / sum(relevance)


def twin(proba, n, candidates, centers, gamma, rng):
    """Picks by these chances, drawn by the same random numbers."""
    left, chosen, picks = list(candidates), list(centers), []
    for _ in range(n):
        sums = np.cumsum(chances(proba, chosen, left, gamma))
        row = left[int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))]
        left.remove(row)
        chosen.append(row)
        picks.append(row)
    return picks


@pytest.mark.parametrize("gamma", [0, 1, 10, 200])
@pytest.mark.parametrize(("n_classes", "sharpness"), [(2, 2), (3, 0.2), (30, 2)])
def test_it_draws_what_its_twin_draws(n_classes, sharpness, gamma):
    proba = data.probabilities(150, n_classes, sharpness=sharpness)
    proba[40:60] = proba[:20]  # so that some rows are at no distance
    mask, centers = np.random.default_rng(1).random(150) < 0.8, [3, 70]
    candidates = np.setdiff1d(np.flatnonzero(mask), centers)
    for seed in range(3):
        options = {"gamma": gamma, "rng": np.random.default_rng(seed)}
        picks = falcun(proba, 25, candidates=mask, centers=centers, **options)
        rng = np.random.default_rng(seed)
        assert picks.tolist() == twin(proba, 25, candidates, centers, gamma, rng)


def test_the_second_row_comes_as_often_as_it_should():
    proba = data.probabilities(8, 3, seed=5)
    first = 2
    expected = chances(proba, [first], [i for i in range(8) if i != first], 2)
    rng = np.random.default_rng(0)
    drawn = [falcun(proba, 1, gamma=2, centers=[first], rng=rng)[0] for _ in range(4000)]
    shares = np.delete(np.bincount(drawn, minlength=8), first) / 4000
    np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / 4000))


def test_a_large_gamma_takes_the_largest_and_keeps_away_from_it():
    proba = [[0.5, 0.5, 0], [0.5, 0.49, 0.01], [0.0, 0.6, 0.4], [1.0, 0, 0]]
    picks = falcun(proba, 2, gamma=1e6, rng=np.random.default_rng(0))
    # u = 1, .99, .8, 0. After row 0, d = .02, 1 and 0 of the three left, once normed: 1 is next.
    assert picks.tolist() == [0, 2]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_rows_that_nothing_tells_apart_are_drawn_alike(value):
    proba = np.tile([value, 1 - value], (5, 1)) if value else np.full((5, 2), 0.5)
    rng = np.random.default_rng(0)
    first = [falcun(proba, 1, rng=rng)[0] for _ in range(500)]
    assert np.bincount(first, minlength=5).min() > 60


def test_without_gamma_all_are_drawn_alike_those_too_that_are_certain():
    rng, proba = np.random.default_rng(0), [[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.7, 0.3]]
    first = [falcun(proba, 1, gamma=0, rng=rng)[0] for _ in range(600)]
    assert np.bincount(first, minlength=4).min() > 100


def test_what_is_left_is_weighed_by_itself():
    picks = falcun([[0.5, 0.5], [0.9, 0.1]], 2, gamma=1e6, rng=np.random.default_rng(0))
    assert picks.tolist() == [0, 1]
    # After row 0, u is .9 and .6, d is .5 and .6: over the two that are left 0 and 1.
    proba = [[0.5, 0.5, 0.0], [0.425, 0.325, 0.25], [0.3, 0.0, 0.7]]
    assert falcun(proba, 2, gamma=1e6, rng=np.random.default_rng(0)).tolist() == [0, 2]


@given(data=st.data())
def test_the_contract_holds_for_any_probabilities(data):
    n, n_classes = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 4))
    seed = data.draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, data.draw(st.sampled_from([1e-3, 0.5, 50]))), n)
    proba[~np.isfinite(proba).all(axis=1)] = 1 / n_classes
    proba = proba[rng.integers(n, size=n)].astype(data.draw(st.sampled_from(["f8", "f4"])))
    proba.flags.writeable = False
    mask = rng.random(n) < data.draw(st.sampled_from([0, 0.6, 1]))
    centers = rng.choice(n, rng.integers(n + 1), replace=False)
    wanted, gamma = data.draw(st.integers(0, n + 2)), data.draw(st.sampled_from([0, 1, 10, 1e9]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        options = {"gamma": gamma, "candidates": mask, "centers": centers}
        picks = falcun(proba, wanted, rng=np.random.default_rng(seed), **options)
    mask[centers] = False
    assert len(set(picks.tolist())) == len(picks) == min(wanted, mask.sum())
    assert mask[picks].all() and picks.dtype == np.intp


@pytest.mark.parametrize("gamma", [-1, np.nan, np.inf, True, "10", None])
def test_what_gamma_may_not_be(gamma):
    with pytest.raises(ValueError, match="falcun got gamma=.*; give a finite number of at least 0"):
        falcun([[0.5, 0.5]], 1, gamma=gamma, rng=np.random.default_rng(0))


def test_what_else_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"row 1 is \[0.5, 0.9\], with sum 1.4"):
        falcun([[0.5, 0.5], [0.5, 0.9]], 1, rng=rng)
    with pytest.raises(ValueError, match="of shape \\(2,\\)"):
        falcun([0.5, 0.5], 1, rng=rng)
    with pytest.raises(ValueError, match="masked cell"):
        falcun(np.ma.array([[0.5, 0.5]], mask=[[True, False]]), 1, rng=rng)
    with pytest.raises(ValueError, match="must lie in 0 to 0"):
        falcun([[0.5, 0.5]], 1, centers=[1], rng=rng)


def test_the_strategy_reads_probabilities_and_keeps_away_from_reserved_rows():
    X = data.gaussian()
    y = np.where(np.arange(200) < 12, np.arange(200) % 3, -1)
    learner = ActiveLearner(LogisticRegression(), FALCUN(gamma=300), random_state=0).fit(X, y)
    proba = learner.predict_proba(X)
    first, _ = learner.query(n_instances=5, reserve=True)
    second, _ = learner.query(n_instances=5)
    for picks, before in ((first, []), (second, first.tolist())):
        left = np.setdiff1d(np.arange(12, 200), before).tolist()
        for pick in picks.tolist():
            # With so large a gamma, what is drawn is hardly ever far from the likeliest.
            each = chances(proba, before, left, 300)
            assert each[left.index(pick)] > 1e-4
            left.remove(pick)
            before = [*before, pick]
    rows = select(FALCUN(gamma=300), proba=proba, labeled=range(12), n_instances=5, random_state=0)
    np.testing.assert_array_equal(rows, first)
