"""ranked_batch: its twin in naive_ranked_batch.py, ties, memory, and what it refuses."""

import sys
import tracemalloc

import naive_ranked_batch as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.stats import chisquare
from selection_data import POOLS, gaussian, read_only, sparse_text

from skactive.selection.ranked_batch import ranked_batch

MODULE = sys.modules["skactive.selection.ranked_batch"]  # the name may lead to the function

# Distances are sums of squares of differences on either side: they agree to a few roundings.
BOUND = 1e-13


def rng(seed=0):
    return np.random.default_rng(seed)


def doubts(n, seed=1):
    return np.random.default_rng(seed).random(n)


@pytest.fixture(params=[True, False], ids=["small-chunks", "whole"])
def chunked(request, monkeypatch):
    """Run with chunks of a few rows and as shipped."""
    if request.param:
        monkeypatch.setattr(MODULE, "_READ_BYTES", 1)
        monkeypatch.setattr(MODULE, "_COPY_BYTES", 1)
        monkeypatch.setattr("skactive.data.arrays.LEAST_ROWS", 7)


def assert_as_twin(rows, uncertainty, n, **given):
    found = ranked_batch(rows, uncertainty, n, rng=rng(), **given)
    assert found.dtype == np.intp
    order, leads = naive.ranked_batch(rows, uncertainty, n, **given)
    assert len(found) == len(order) == len(set(found.tolist()))
    clear = next((i for i, lead in enumerate(leads) if lead <= BOUND), len(leads))
    assert found[:clear].tolist() == order[:clear]
    assert max(naive.shortfalls(found.tolist(), rows, uncertainty, **given), default=0) <= BOUND


@pytest.mark.once
@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("centers", [(), (3,), tuple(range(0, 100, 9))])
@pytest.mark.parametrize("pool", POOLS)
def test_ranked_batch_equals_its_twin_on_every_kind_of_pool(pool, centers):
    X, u = read_only(POOLS[pool](n=100), doubts(100))
    assert_as_twin(X, u, 15, centers=np.array(centers, dtype=int))


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("centers", [(), (3, 50)])
def test_ranked_batch_equals_its_twin_on_sparse_rows(centers):
    X, u = read_only(sparse_text(n=120), doubts(120))
    assert_as_twin(X, u, 20, centers=np.array(centers, dtype=int))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.int8, bool])
def test_rows_of_any_dtype_are_ranked_as_the_same_numbers(dtype):
    X = read_only(rng().normal(100 if dtype is np.float32 else 0, 20, (80, 6)).astype(dtype))
    assert_as_twin(X, doubts(80), 15, centers=[0, 5])
    assert_as_twin(X, doubts(80), 80)


@pytest.mark.parametrize("alpha", [0, 0.0, 0.3, 1, 1.0, np.float32(0.5)])
def test_a_weight_that_is_given_stays_what_it_is(alpha):
    assert_as_twin(gaussian(80), doubts(80), 20, alpha=alpha, centers=[1, 2, 3])


def test_without_weight_for_unlikeness_the_order_is_that_of_uncertainty():
    u = doubts(60)
    found = ranked_batch(gaussian(60), u, 60, alpha=0, centers=[4], rng=rng())
    assert found.tolist() == [row for row in np.argsort(-u) if row != 4]


def test_values_by_hand():
    # Row 1 is labelled. Of 3 rows left, a = 3/4: 0.75 (1 - 1/(1 + d)) + 0.25 u is .375, .625 + .2
    # and .675 + .05; then a = 2/4, and row 0 is at 1, row 3 at 4 from the nearest.
    rows, u = [[-1.0], [0.0], [5.0], [9.0]], [0.0, 0.3, 0.8, 0.2]
    assert ranked_batch(rows, u, 4, centers=[1], rng=rng()).tolist() == [2, 3, 0]
    # Almost all weight on doubt turns the last two only where doubt does.
    u[0] = 0.9
    assert ranked_batch(rows, u, 4, centers=[1], alpha=0.1, rng=rng()).tolist() == [0, 2, 3]


def test_the_weight_follows_the_counts_of_rows_left_labelled_and_ranked():
    # A doubtful row near the centres and a far one without doubt, of which the share decides:
    # a * 0.5 + (1 - a) against a * 0.75, equal at a = 0.8.
    rows, u = np.r_[[1.0, 3.0], np.zeros(40)][:, None], np.r_[1.0, 0.0, np.zeros(40)]
    for n_left, n_centers, first in ((20, 4, 1), (20, 6, 0)):  # a = 20/24 > 0.8, 20/26 < 0.8
        candidates = np.r_[0, 1, np.arange(42 - (n_left - 2), 42)]
        centers = np.arange(2, 2 + n_centers)
        found = ranked_batch(rows, u, 1, candidates=candidates, centers=centers, rng=rng())
        assert found.tolist() == [first]


def test_where_nothing_is_labelled_the_most_uncertain_row_opens():
    u = doubts(50)
    assert ranked_batch(gaussian(50), u, 1, rng=rng())[0] == u.argmax()
    assert ranked_batch(gaussian(50), u, 1, alpha=0.9, rng=rng())[0] == u.argmax()


@st.composite
def problems(draw):
    """Rows of few values, so that many are equal or zero, and all other arguments."""
    n, d = draw(st.integers(0, 14)), draw(st.integers(0, 3))
    values = draw(st.sampled_from([st.sampled_from([-1.0, 0.0, 2.0]), st.floats(-9, 9, width=32)]))
    rows = draw(
        hnp.arrays(draw(st.sampled_from([np.float64, np.float32])), (n, d), elements=values)
    )
    u = draw(hnp.arrays(np.float64, n, elements=st.sampled_from([0.0, 0.5, 1.0])))
    positions = st.lists(st.integers(0, n - 1), max_size=12) if n else st.just([])
    positions = positions.map(lambda p: np.array(p, dtype=int))
    given = {"alpha": draw(st.sampled_from([None, 0.0, 0.5, 1.0]))}
    given["candidates"] = draw(st.none() | hnp.arrays(bool, n) | positions)
    given["centers"] = draw(st.just(np.zeros(0, dtype=int)) | positions)
    read_only(rows, u)
    return rows, u, draw(st.integers(0, 16)), given


@given(problem=problems())
def test_ranked_batch_equals_its_twin_on_any_rows(problem):
    rows, u, n, given_ = problem
    assert_as_twin(rows, u, n, **given_)
    found = ranked_batch(sparse.csr_matrix(rows), u, n, rng=rng(), **given_)
    assert max(naive.shortfalls(found.tolist(), rows, u, **given_), default=0) <= BOUND


@pytest.mark.parametrize("n_candidates", [3, 12, 13, 90])
def test_few_candidates_are_ranked_as_they_are_among_many_rows(n_candidates, monkeypatch):
    X, u = read_only(gaussian(100), doubts(100))
    X = np.repeat(X[:50], 2, axis=0)
    u = np.repeat(u[:50], 2)
    candidates = np.sort(rng(3).choice(100, n_candidates, replace=False))
    found = ranked_batch(X, u, 10, candidates=candidates, centers=[0, 1], rng=rng())
    monkeypatch.setattr(MODULE, "_FEW_CANDIDATES", 0)
    whole = ranked_batch(X, u, 10, candidates=candidates, centers=[0, 1], rng=rng())
    assert found.tolist() == whole.tolist() and set(found) <= set(candidates)


@pytest.mark.parametrize("n_candidates", [5, 100])
def test_distances_that_are_known_are_not_computed_again(n_candidates, monkeypatch):
    X, u, centers = gaussian(100), doubts(100), [4, 40, 44]
    candidates = np.arange(n_candidates)
    expected = ranked_batch(X, u, 10, candidates=candidates, centers=centers, rng=rng())
    known = read_only(((X[:, None] - X[centers]) ** 2).sum(axis=2).min(axis=1))
    called, approach = [], MODULE._Ranking.approach
    monkeypatch.setattr(
        MODULE._Ranking, "approach", lambda self, row: (called.append(row), approach(self, row))
    )
    found = ranked_batch(
        X, u, 10, candidates=candidates, centers=centers, distances=known, rng=rng()
    )
    assert found.tolist() == expected.tolist()
    assert len(called) == len(found) - 1


def test_equal_rows_are_chosen_alike_wherever_they_stand():
    X = np.repeat([[0.3, 0.7], [5.1, 5.2]], 4, axis=0) + 100
    firsts, seconds = np.zeros(8), np.zeros(4)
    for seed in range(800):
        first, second = ranked_batch(X, np.full(8, 0.5), 2, rng=rng(seed))
        firsts[first] += 1
        assert (first < 4) != (second < 4)
        seconds[second % 4] += 1
    assert chisquare(firsts).pvalue > 1e-3 and chisquare(seconds).pvalue > 1e-3


def test_where_all_rows_are_equal_doubt_decides():
    u = doubts(30)
    found = ranked_batch(np.full((30, 3), 7.7), u, 30, rng=rng())
    assert found.tolist() == np.argsort(-u).tolist()


def test_uncertainty_of_rows_that_are_no_candidates_is_not_read():
    u = np.array([0.1, np.nan, 0.9, 17.0])
    found = ranked_batch(gaussian(4), u, 4, candidates=[0, 1, 2], centers=[1], rng=rng())
    assert sorted(found) == [0, 2]


def test_offsets_cost_single_precision_no_digits():
    X = np.round(4 * gaussian(200)).astype(np.float32)
    near = ranked_batch(X, doubts(200), 40, centers=[0], rng=rng())
    far = ranked_batch(X + np.float32(2**16), doubts(200), 40, centers=[0], rng=rng())
    assert far.tolist() == near.tolist()


def test_distances_beyond_a_float_are_the_farthest():
    found = ranked_batch(
        [[0.0], [1.0], [1e200], [-1e300]], [0, 0, 0, 0.5], 3, centers=[0], rng=rng()
    )
    assert found.tolist() == [3, 2, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_memory_beside_the_pool_is_a_few_numbers_a_row(dtype):
    X, u = gaussian(50_000, 20).astype(dtype), doubts(50_000)
    tracemalloc.start()
    ranked_batch(X, u, 5, centers=np.arange(10), rng=rng())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 0.3 * X.nbytes


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan, np.inf])
def test_an_uncertainty_outside_0_to_1_is_refused(bad):
    with pytest.raises(ValueError, match="uncertainty .* in row 2; .* must be from 0 to 1"):
        ranked_batch(gaussian(4), [0.5, 0.5, bad, 0.5], 1, rng=rng())


def test_uncertainties_that_rounding_put_outside_are_taken():
    u = 1 - np.array([1 + 1e-7, 0.5, -1e-7])
    assert ranked_batch(gaussian(3), u, 1, rng=rng()).tolist() == [2]


@pytest.mark.parametrize("alpha", [-0.1, 1.1, np.nan, True, "1"])
def test_a_weight_outside_0_to_1_is_refused(alpha):
    with pytest.raises(ValueError, match=r"alpha=.*; give a number from 0 to 1, or None"):
        ranked_batch(gaussian(4), doubts(4), 1, alpha=alpha, rng=rng())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"uncertainty": np.zeros(3)}, r"uncertainty of shape \(3,\); it must be \(4,\)"),
        ({"uncertainty": np.zeros((4, 1))}, r"uncertainty of shape \(4, 1\)"),
        ({"distances": np.zeros(3)}, r"distances have shape \(3,\); give one .* of the 4 rows"),
        ({"distances": np.full(4, -1.0)}, "distances hold -1.0 at row 0"),
        ({"distances": np.full(4, np.nan)}, "distances hold nan at row 0"),
        ({"n": -1}, "n is -1; it must be 0 or more"),
        ({"centers": [4]}, "centers hold positions from 4 to 4"),
        ({"embedding": np.full((4, 2), np.nan)}, "NaN or infinity in row 0"),
    ],
)
def test_what_cannot_be_right_is_refused(changed, message):
    arguments = {"embedding": gaussian(4), "uncertainty": doubts(4), "n": 1} | changed
    with pytest.raises(ValueError, match=message):
        ranked_batch(**arguments, rng=rng())


def test_distances_that_are_infinite_for_some_rows_alone_are_refused():
    X, u = gaussian(30, 2), doubts(30)
    far = np.where(np.arange(30) == 7, np.inf, 1.0)
    with pytest.raises(ValueError, match="distances are infinite at row 7 and finite elsewhere"):
        ranked_batch(X, u, 5, centers=[0], distances=far, rng=rng())
