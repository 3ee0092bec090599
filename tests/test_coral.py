"""coral: greedy on distance times score."""

import naive_k_center as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from selection_data import POOLS, gaussian, read_only, sparse_text

from skactive.selection import farthest
from skactive.selection.coral import coral
from skactive.selection.distances import nearest_squared_distances
from skactive.selection.k_center import k_center

CENTERS = np.array([3, 40, 41])


@pytest.fixture(params=["lazy", "eager"])
def way(request, monkeypatch):
    """Either way of the search, with a small active set."""
    monkeypatch.setattr(farthest, "_MIN_ACTIVE", 8)
    monkeypatch.setattr(farthest, "_SLACK", np.inf if request.param == "lazy" else -np.inf)
    return request.param


def rng(seed=0):
    return np.random.default_rng(seed)


def some_scores(n=200, seed=3):
    scores = rng(seed).random(n)
    scores[::7] = 0
    return scores


@pytest.mark.once
@pytest.mark.parametrize("strength", [0, 0.5, 1.0, 3])
@pytest.mark.parametrize("name", POOLS)
def test_every_pick_has_the_largest_product(name, strength, way):
    X, scores = read_only(POOLS[name](), 5 * some_scores())
    picks = coral(X, scores, 30, strength=strength, centers=CENTERS, rng=rng())
    naive.assert_greedy(picks, X, np.arange(len(X)), CENTERS, weights=scores ** (2.0 * strength))


@pytest.mark.parametrize("make", [sparse_text, lambda: gaussian().astype(np.float16)])
def test_sparse_and_narrow_rows(make, way):
    X, scores = make(), some_scores()
    picks = coral(read_only(X), scores, 30, rng=rng())
    naive.assert_greedy(picks, X, np.arange(200), [], weights=scores**2)


def test_at_strength_0_and_for_equal_scores_it_is_k_center(way):
    X = gaussian()
    expected = k_center(X, 20, centers=CENTERS, rng=rng())
    got = coral(X, some_scores(), 20, strength=0, centers=CENTERS, rng=rng())
    np.testing.assert_array_equal(got, expected)
    got = coral(X, np.full(200, 0.3), 20, centers=CENTERS, rng=rng())
    np.testing.assert_array_equal(got, expected)
    without = coral(X, np.full(200, 0.3), 20, rng=rng())
    np.testing.assert_array_equal(without, k_center(X, 20, rng=rng()))


def test_without_centers_the_largest_score_comes_first(way):
    X, scores = gaussian(), some_scores()
    scores[[9, 77]] = 2.0
    nearer = min((9, 77), key=lambda row: naive.squared_distance(X[row], X.mean(axis=0)))
    assert coral(X, scores, 1, rng=rng()).tolist() == [nearer]


def test_rows_that_score_0_come_last(way):
    X, scores = gaussian(), some_scores()
    picks = coral(X, scores, 200, centers=CENTERS, rng=rng())
    n_scored = np.count_nonzero(np.delete(scores, CENTERS))
    assert sorted(picks.tolist()) == sorted(set(range(200)) - set(CENTERS))
    assert (scores[picks[:n_scored]] > 0).all()
    assert (scores[picks[n_scored:]] == 0).all()


def test_where_all_score_0_any_row_is_as_likely(way):
    X = gaussian(6)
    picks = [coral(X, np.zeros(6), 1, centers=[0], rng=rng(seed))[0] for seed in range(300)]
    assert chisquare(np.bincount(picks, minlength=6)[1:]).pvalue > 1e-4


def test_scores_of_rows_that_are_no_candidates_do_not_matter(way):
    X, scores = gaussian(), some_scores()
    candidates = np.arange(200) % 2 == 1
    hidden = np.where(candidates, scores, np.nan)
    hidden[41] = -1  # a centre
    np.testing.assert_array_equal(
        coral(X, hidden, 30, candidates=candidates, centers=CENTERS, rng=rng()),
        coral(X, scores, 30, candidates=candidates, centers=CENTERS, rng=rng()),
    )


def test_known_distances_give_the_same_picks(way):
    X, scores = gaussian(), some_scores()
    known = read_only(nearest_squared_distances(X, CENTERS))
    np.testing.assert_array_equal(
        coral(X, scores, 30, centers=CENTERS, distances=known, rng=rng()),
        coral(X, scores, 30, centers=CENTERS, rng=rng()),
    )


@pytest.mark.parametrize("factor", [1e-100, 1e150])
def test_the_unit_of_scores_does_not_matter(factor, way):
    X, scores = gaussian(), some_scores()
    np.testing.assert_array_equal(
        coral(X, scores * factor, 30, rng=rng()), coral(X, scores, 30, rng=rng())
    )


def test_the_order_of_rows_does_not_matter(way):
    X, scores = gaussian(), rng(3).random(200)
    order = rng(1).permutation(200)
    where = np.argsort(order)
    picks = coral(X, scores, 30, centers=CENTERS, rng=rng())
    moved = coral(X[order], scores[order], 30, centers=where[CENTERS], rng=rng())
    np.testing.assert_array_equal(order[moved], picks)


@given(st.data())
def test_whatever_the_pool_every_pick_has_the_largest_product(data):
    n, d = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 3))
    random = rng(data.draw(st.integers(0, 2**20)))
    X = random.integers(-2, 3, size=(n, d)).astype(float)
    scores = random.integers(0, 4, size=n)
    centers = random.choice(n, size=data.draw(st.integers(0, min(n, 3))), replace=False)
    k = data.draw(st.integers(0, n + 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farthest, "_MIN_ACTIVE", 3)
        patch.setattr(farthest, "_SLACK", data.draw(st.sampled_from([np.inf, -np.inf])))
        picks = coral(X, scores, k, centers=centers, rng=random)
    assert len(picks) == len(set(picks.tolist())) == min(k, n - len(centers))
    naive.assert_greedy(picks, X, np.arange(n), centers, weights=scores**2.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"scores": [1.0, -0.5, 1.0, 1.0]}, ValueError, "-0.5 at row 1.*scores.min"),
        ({"scores": [1.0, 1.0, np.nan, 1.0]}, ValueError, "nan at row 2"),
        ({"scores": [1.0, np.inf, 1.0, 1.0]}, ValueError, "inf at row 1"),
        ({"scores": [1.0, 1.0]}, ValueError, "each of the 4 rows"),
        ({"scores": list("abcd")}, TypeError, "real numbers"),
        ({"strength": -1}, ValueError, "strength is -1"),
        ({"strength": np.nan}, ValueError, "strength is nan"),
        ({"strength": "much"}, TypeError, "strength is 'much'"),
        ({"n": -1}, ValueError, "n is -1"),
    ],
)
def test_what_makes_no_sense_is_refused(change, error, message):
    arguments = {"embedding": gaussian(4, 1), "scores": np.ones(4), "n": 2, "rng": rng()}
    with pytest.raises(error, match=message):
        coral(**(arguments | change))
