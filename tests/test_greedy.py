"""Greedy sampling for regression, in value and in inputs times value."""

import naive_k_center as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from selection_data import POOLS, gaussian, read_only, sparse_text

from skactive.data import arrays
from skactive.selection import distances, greedy
from skactive.selection.greedy import greedy_xy, greedy_y
from skactive.selection.k_center import k_center

CENTERS = np.array([3, 40, 41])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Several blocks of rows and of centres, on few rows."""
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 1)
    monkeypatch.setattr(greedy, "OTHERS", 2)


def rng(seed=0):
    return np.random.default_rng(seed)


def some_values(n=200, seed=3):
    return rng(seed).normal(size=n)


def test_greedy_y_takes_the_value_farthest_from_all():
    values = read_only(some_values())
    picks = greedy_y(values, 30, centers=CENTERS, rng=rng())
    naive.assert_greedy(picks, values[:, None], np.arange(200), CENTERS)


def test_greedy_y_by_hand():
    assert greedy_y([0.0, 10.0, 4.5, 9.0, 6.0], 4, centers=[0], rng=rng()).tolist() == [1, 2, 4, 3]


def test_greedy_y_starts_at_the_mean_value():
    assert greedy_y([0.0, 1.0, 5.0, 100.0, 19.0], 1, rng=rng()).tolist() == [4]


@pytest.mark.parametrize("name", POOLS)
def test_greedy_xy_takes_the_largest_product(name):
    X, values = read_only(POOLS[name](), some_values())
    picks = greedy_xy(X, values, 30, centers=CENTERS, rng=rng())
    assert len(set(picks.tolist())) == 30
    assert_greedy_products(picks, X, np.arange(200), CENTERS, values)


@pytest.mark.parametrize("make", [sparse_text, lambda: gaussian().astype(np.float16)])
def test_greedy_xy_of_sparse_and_narrow_rows(make):
    X, values = make(), some_values()
    picks = greedy_xy(read_only(X), values, 20, centers=CENTERS, rng=rng())
    assert_greedy_products(picks, X, np.arange(200), CENTERS, values)


def assert_greedy_products(picks, X, candidates, centers, values):
    """As for distances, to within the error that greedy_xy states."""
    X = naive.dense(X)
    error = 16 * (X.shape[1] + 8) * naive.UNIT / distances.CLOSE
    is_open = np.zeros(len(X), dtype=bool)
    is_open[candidates] = True
    is_open[centers] = False
    nearest = np.full(len(X), np.inf)
    before = list(centers)
    for pick in [*before, *picks]:
        if pick in picks:
            assert is_open[pick]
            if before:
                assert nearest[pick] >= nearest[is_open].max() * (1 - 2 * error)
            else:
                naive.assert_first(pick, X, is_open, np.ones(len(X)))
        is_open[pick] = False
        before.append(pick)
        nearest = np.minimum(nearest, naive.objective(X, pick, values))


def test_greedy_xy_starts_at_the_mean_of_the_inputs():
    X = gaussian()
    first = k_center(X, 1, rng=rng())
    np.testing.assert_array_equal(greedy_xy(X, some_values(), 1, rng=rng()), first)


def test_greedy_xy_by_hand():
    X = np.array([[0.0], [1.0], [2.0], [3.0], [10.0]])
    values = [0.0, 5.0, 1.0, 2.0, 0.2]
    # To row 0: 5, 2, 6, 2. With row 3 as well: 5, 1, -, 2. With row 1: -, 1, -, 2.
    assert greedy_xy(X, values, 4, centers=[0], rng=rng()).tolist() == [3, 1, 4, 2]


def test_copies_are_equally_likely():
    X = rng(5).normal(size=(37, 3))
    values = some_values(37)
    X[[2, 9, 20, 36]], values[[2, 9, 20, 36]] = 10.0, 5.0
    picks = [greedy_xy(X, values, 1, centers=[0], rng=rng(seed))[0] for seed in range(400)]
    rows, counts = np.unique(picks, return_counts=True)
    assert rows.tolist() == [2, 9, 20, 36]
    assert chisquare(counts).pvalue > 1e-4


def test_products_that_rounding_alone_tells_apart_are_drawn_among():
    X, values = np.array([[0.0], [1.0], [-1.0]]), [0.1, 0.1 + 0.2, 0.1 - 0.2]
    assert values[1] - values[0] != values[0] - values[2], "else this would be no test"
    found = {int(greedy_xy(X, values, 1, centers=[0], rng=rng(seed))[0]) for seed in range(20)}
    assert found == {1, 2}


def test_the_order_of_rows_does_not_matter():
    X, values = gaussian(), some_values()
    order = rng(1).permutation(200)
    where = np.argsort(order)
    picks = greedy_xy(X, values, 30, centers=CENTERS, rng=rng())
    moved = greedy_xy(X[order], values[order], 30, centers=where[CENTERS], rng=rng())
    np.testing.assert_array_equal(order[moved], picks)


@given(st.data())
def test_whatever_the_pool_each_candidate_comes_once(data):
    n, d = data.draw(st.integers(0, 30)), data.draw(st.integers(1, 3))
    random = rng(data.draw(st.integers(0, 2**20)))
    X = random.integers(-2, 3, size=(n, d)).astype(float)
    values = random.integers(0, 4, size=n)
    centers = random.permutation(n)[: data.draw(st.integers(0, 3))]
    candidates = random.random(n) < data.draw(st.sampled_from([0.3, 1.0]))
    k = data.draw(st.integers(0, n + 2))
    arguments = {"candidates": candidates, "centers": centers, "rng": random}
    picks = greedy_xy(X, values, k, **arguments)
    in_y = greedy_y(values, k, **arguments)
    candidates[centers] = False
    for chosen in (picks, in_y):
        assert len(chosen) == len(set(chosen.tolist())) == min(k, candidates.sum())
    assert_greedy_products(picks, X, candidates, centers, values)
    naive.assert_greedy(in_y, values[:, None], candidates, centers)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.ones(3), ValueError, "shape"),
        (np.ones((4, 1)), ValueError, "shape"),
        (np.array([1.0, np.nan, 1.0, 1.0]), ValueError, "values with NaN or infinity in row 1"),
        (np.array(list("abcd")), TypeError, "real numbers"),
    ],
)
def test_what_makes_no_sense_is_refused(values, error, message):
    with pytest.raises(error, match=message):
        greedy_xy(gaussian(4, 1), values, 2, rng=rng())
    if len(values) == 4:
        with pytest.raises(error, match=message):
            greedy_y(values, 2, rng=rng())


@pytest.mark.parametrize(
    ("of_rows", "of_values"), [(-300, -300), (300, 300), (500, -1000), (0, 1000)]
)
def test_a_power_of_two_changes_no_pick(of_rows, of_values):
    X, y = gaussian(), some_values()
    far, wide = np.ldexp(X, of_rows), np.ldexp(y, of_values)
    for ours, scaled in (
        (
            greedy_xy(X, y, 9, centers=CENTERS, rng=rng()),
            greedy_xy(far, wide, 9, centers=CENTERS, rng=rng()),
        ),
        (greedy_y(y, 9, centers=CENTERS, rng=rng()), greedy_y(wide, 9, centers=CENTERS, rng=rng())),
    ):
        np.testing.assert_array_equal(scaled, ours)


def test_rows_whose_squared_length_overflows_are_refused():
    with pytest.raises(ValueError, match="squared length overflows; divide it by a constant"):
        greedy_xy(1e300 * gaussian(), some_values(), 3, rng=rng())
