"""density: its twin in naive_density.py, both metrics, every kind of pool, and what it refuses."""

import sys
import tracemalloc

import naive_density
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from selection_data import POOLS, gaussian, offset, read_only, sparse_text

from skactive.selection.density import density

MODULE = sys.modules["skactive.selection.density"]  # the name may lead to the function
METRICS = ["cosine", "euclidean"]
EPS = np.finfo(np.float64).eps
SINGLE = 3.5 * 2.0**-24


def bound(rows, metric):
    """How far rounding may move a mean of similarities.

    Cosines are sums of d products. Squared distances of rows no longer than R are off by at most
    4 (d + 2) eps R² and never less than _NEAR R², unless they are sums of squares, so distances
    are off by their quotient; what is subtracted first rounds every coordinate. The square, its
    root, the sum and the quotient are then rounded to single precision: 1/2, 1, 1 and 1 units.
    """
    n, d = rows.shape
    if metric == "cosine":
        return 4 * (n + d) * EPS
    longest = np.sqrt(d) * abs(rows).max() if n and d else 0.0
    return 4 * (d + 2) * EPS / np.sqrt(MODULE._NEAR) * longest + (n + 4 * longest) * EPS + SINGLE


def assert_as_twin(rows, metric, candidates=None):
    found = density(rows, metric=metric, candidates=candidates)
    expected = naive_density.density(rows, metric, candidates)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound(rows, metric))


@pytest.fixture(params=[(8, (6, 3)), None], ids=["small-chunks", "whole"])
def chunked(request, monkeypatch):
    """Run with chunks of a few rows and tiles of six by three, and as shipped."""
    if request.param:
        monkeypatch.setattr(MODULE, "CORE_BYTES", request.param[0])
        monkeypatch.setattr(MODULE, "_TILE", request.param[1])


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("pool", POOLS)
def test_density_equals_its_twin_on_every_kind_of_pool(pool, metric):
    assert_as_twin(read_only(POOLS[pool](n=70)), metric)


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("metric", METRICS)
def test_density_equals_its_twin_on_sparse_rows(metric):
    assert_as_twin(read_only(sparse_text(n=70)), metric)


@st.composite
def problems(draw):
    """Rows of few values, so that many are equal or zero, and candidates in any form."""
    n, d = draw(st.integers(0, 9)), draw(st.integers(0, 3))
    values = draw(st.sampled_from([st.sampled_from([-1.0, 0.0, 2.0]), st.floats(-8, 8, width=32)]))
    rows = draw(hnp.arrays(np.float64, (n, d), elements=values))
    positions = st.lists(st.integers(0, n - 1), max_size=12) if n else st.just([])
    candidates = draw(
        st.none() | hnp.arrays(bool, n) | positions.map(lambda p: np.array(p, dtype=int))
    )
    return rows, candidates


@pytest.mark.parametrize("metric", METRICS)
@given(problem=problems())
def test_density_equals_its_twin_on_any_rows_and_candidates(metric, problem):
    rows, candidates = problem
    assert_as_twin(rows, metric, candidates)


@given(problem=problems())
def test_densities_lie_within_the_range_of_their_metric(problem):
    rows, candidates = problem
    for metric, low in (("cosine", -1.0), ("euclidean", 0.0)):
        found = density(rows, metric=metric, candidates=candidates)
        found = found[~np.isnan(found)]
        assert (found >= low - 1e-12).all() and (found <= 1 + 1e-12).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.int8, np.uint8, bool])
def test_rows_of_any_dtype_have_the_density_of_the_same_numbers(dtype, metric):
    rows = read_only(np.random.default_rng(0).integers(0, 100, (40, 5)).astype(dtype))
    expected = density(rows.astype(np.float64), metric=metric)
    np.testing.assert_array_equal(density(rows, metric=metric), expected)
    if dtype is not np.float16:  # which scipy has no sparse matrices of
        found = density(sparse.csr_matrix(rows), metric=metric)
        np.testing.assert_allclose(found, expected, rtol=SINGLE)


def test_values_by_hand():
    rows = [[3.0, 4.0], [6.0, 8.0], [4.0, -3.0], [0.0, 0.0]]
    assert density(rows) == pytest.approx([0.5, 0.5, 0.25, 0.0], abs=1e-15)
    # distances: 5 between rows 0 and 1, sqrt(50) between 0 and 2, sqrt(125) between 1 and 2
    found = density(rows[:3], metric="euclidean")
    near, far, farthest = 1 / 6, 1 / (1 + 50**0.5), 1 / (1 + 125**0.5)
    expected = [1 + near + far, 1 + near + farthest, 1 + far + farthest]
    assert found == pytest.approx(np.array(expected) / 3, abs=SINGLE)


def test_a_row_of_zeros_has_cosine_0_with_every_row_and_itself():
    rows = np.r_[np.zeros((2, 3)), np.ones((2, 3))]
    for X in (rows, sparse.csr_matrix(rows)):
        assert density(X).tolist() == pytest.approx([0, 0, 0.5, 0.5], abs=1e-15)


def test_neither_tiny_nor_huge_rows_lose_their_direction():
    rows = np.array([[3e-200, 4e-200], [3e200, 4e200], [5e-324, 0.0]])
    for X in (rows, sparse.csr_matrix(rows)):
        assert density(X) == pytest.approx([2.6 / 3, 2.6 / 3, 2.2 / 3], rel=1e-14)


@pytest.mark.usefixtures("chunked")
def test_equal_rows_have_the_same_cosine_density_to_the_last_bit():
    rows = np.random.default_rng(0).permutation(np.repeat(gaussian(60, 7), 4, axis=0))
    found = density(rows)
    _, group = np.unique(rows, axis=0, return_inverse=True)
    assert len(np.unique(found)) == len(np.unique(group)) == 60


@pytest.mark.usefixtures("chunked")
def test_equal_rows_are_at_distance_0_however_far_from_the_others_they_lie():
    rows = np.repeat([[0.1, 1e6], [1e6, 0.3]], 5, axis=0)
    apart = np.hypot(1e6 - 0.1, 1e6 - 0.3)
    expected = np.full(10, (1 + 1 / (1 + apart)) / 2)
    for X in (rows, sparse.csr_matrix(rows)):  # what is left of rounding is that of the far pairs
        found = density(X, metric="euclidean")
        np.testing.assert_allclose(found, expected, rtol=0, atol=SINGLE / apart)


def test_distances_are_those_of_the_rows_without_their_offset():
    X = np.round(gaussian(60), 3) + 0.0
    moved = density(np.round(X + 1024.0, 3), metric="euclidean")
    np.testing.assert_allclose(moved, density(X, metric="euclidean"), rtol=SINGLE)
    assert abs(density(offset(60))).min() > 0.99  # cosines see the offset: that is what they are


@pytest.mark.parametrize("metric", METRICS)
def test_rows_that_are_no_candidates_count_for_nothing(metric):
    X = gaussian(40)
    mask = np.arange(40) % 3 == 0
    found = density(X, metric=metric, candidates=mask)
    assert np.isnan(found[~mask]).all()
    np.testing.assert_allclose(found[mask], density(X[mask], metric=metric), rtol=SINGLE)
    assert np.isnan(density(X, metric=metric, candidates=[])).all()


def peak_bytes(X, metric):
    tracemalloc.start()
    density(X, metric=metric)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_grows_with_the_rows_and_not_with_their_pairs():
    X = gaussian(6000, 16)
    assert peak_bytes(X, "euclidean") < 8e6  # all pairs are 288 MB


@pytest.mark.once
@pytest.mark.parametrize("metric", METRICS)
def test_sparse_rows_stay_sparse(metric):
    X = sparse.random(300, 100_000, density=1e-4, format="csr", random_state=0)
    assert peak_bytes(X, metric) < 8e6  # as an array 240 MB


@pytest.mark.parametrize("metric", ["manhattan", None, "Cosine"])
def test_an_unknown_metric_is_refused(metric):
    with pytest.raises(ValueError, match="must be one of 'cosine', 'euclidean'"):
        density(np.eye(2), metric=metric)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_refused(bad, metric):
    X = np.eye(3)
    X[1, 2] = bad
    with pytest.raises(ValueError, match="NaN or infinity in row 1"):
        density(X, metric=metric)


def test_distances_beyond_a_float_are_refused():
    refused = pytest.raises(ValueError, match="squared distances are too large for a float")
    for rows in ([[1e200], [-1e200]], [[0.0], [1.0]] * 600 + [[1e200]]):
        for X in (rows, sparse.csr_matrix(rows)):
            with refused:
                density(X, metric="euclidean")


def test_rows_so_far_apart_that_single_precision_overflows_are_served():
    for X in ([[1e30], [-1e30]], sparse.csr_matrix([[1e30], [-1e30]])):
        assert density(X, metric="euclidean").tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("X", "error"), [(np.zeros(3), ValueError), ([["a"]], TypeError), ([[1j]], TypeError)]
)
def test_what_is_no_table_of_numbers_is_refused(X, error):
    with pytest.raises(error, match="density got embedding"):
        density(X)
