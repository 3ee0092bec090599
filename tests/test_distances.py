"""Distances without cancellation: blocks, and every row to the nearest of some."""

import tracemalloc

import naive_k_center as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from selection_data import POOLS, duplicated, gaussian, read_only, sparse_text

from skactive.data import arrays
from skactive.data.arrays import as_floats
from skactive.selection import distances
from skactive.selection.distances import nearest_squared_distances, squared_distances

CENTERS = [5, 17, 60, 61, 150]


@pytest.fixture
def small_blocks(monkeypatch):
    """Several blocks of rows and of centres, on few rows."""
    for module in (arrays, distances):
        monkeypatch.setattr(module, "CHUNK_BYTES", 1)
    monkeypatch.setattr(distances, "OTHERS", 2)


def all_pairs(X, Y):
    X, Y = naive.dense(X), naive.dense(Y)
    return np.array([[naive.squared_distance(x, y) for y in Y] for x in X])


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64])
def test_large_integers_keep_all_their_digits(dtype):
    X = np.array([[2**24], [2**24 + 1], [2**24 + 3]], dtype=dtype)
    assert as_floats(X).tolist() == X.tolist()
    assert nearest_squared_distances(X, [0]).tolist() == [0, 1, 9]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", POOLS)
def test_all_pairs_are_right_within_the_stated_bound(name, dtype):
    X = POOLS[name]()
    block, others = X[:50], X[20:60]
    expected = all_pairs(block, others)
    center = others.mean(axis=0)
    lengths = ((block - center) ** 2).sum(axis=1)[:, None] + ((others - center) ** 2).sum(axis=1)
    bound = 2 * (X.shape[1] + 4) * np.finfo(dtype).eps / 2 * lengths + 1e-12 * expected
    got = squared_distances(block, others, dtype=dtype)
    assert got.dtype == dtype
    # A float32 entry that is taken from differences is rounded once more.
    assert (np.abs(got - expected) <= bound + np.finfo(dtype).eps * expected).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equal_rows_are_at_distance_0(dtype):
    X = gaussian() + 1e6
    assert (np.diag(squared_distances(X, X, dtype=dtype)) == 0).all()
    assert (squared_distances(X, X, dtype=dtype) >= 0).all()


def test_rows_that_nearly_coincide_keep_their_distance():
    X = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-9]])
    apart = (X[1, 1] - X[0, 1]) ** 2
    np.testing.assert_allclose(squared_distances(X, X)[0, 1], apart, rtol=1e-15)


def test_all_pairs_of_sparse_rows():
    X = sparse_text()
    got = squared_distances(X[:40], X[30:90])
    np.testing.assert_allclose(got, all_pairs(X[:40], X[30:90]), rtol=1e-12, atol=1e-10)


def test_a_shift_changes_nothing_but_rounding():
    X = gaussian()
    np.testing.assert_allclose(
        squared_distances(X, X[:9], shift=X[0]), squared_distances(X, X[:9]), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("name", POOLS)
def test_nearest_is_the_smallest_of_all_distances(name, small_blocks):
    X = read_only(POOLS[name]())
    expected = naive.nearest_squared_distances(X, CENTERS)
    got = nearest_squared_distances(X, CENTERS)
    np.testing.assert_allclose(got, expected, rtol=naive.rounding(X), atol=0)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int64", "bool"])
@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sparse.csr_matrix])
def test_any_real_dtype_is_computed_in_float64(dtype, make):
    if make is sparse.csr_matrix and dtype == "float16":
        pytest.skip("scipy has no half precision")
    dense = (20 * np.abs(gaussian())).astype(dtype)
    X = read_only(make(dense))
    expected = naive.nearest_squared_distances(dense, CENTERS)
    got = nearest_squared_distances(X, CENTERS)
    np.testing.assert_allclose(got, expected, rtol=naive.rounding(dense), atol=0)


def test_sparse_rows_are_never_made_dense():
    X = sparse_text()
    expected = nearest_squared_distances(X, CENTERS)
    wide = sparse.csr_matrix((X.data, X.indices, X.indptr), shape=(X.shape[0], 10**6))
    tracemalloc.start()
    got = nearest_squared_distances(wide, CENTERS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(got, expected)
    assert peak < 10 * 8 * 10**6  # ten of the two hundred rows


def test_a_memory_map_is_read(tmp_path):
    X = gaussian().astype(np.float32)
    X.tofile(tmp_path / "pool")
    pool = np.memmap(tmp_path / "pool", dtype=np.float32, mode="r", shape=X.shape)
    expected = nearest_squared_distances(X, CENTERS)
    np.testing.assert_array_equal(nearest_squared_distances(pool, CENTERS), expected)


@pytest.mark.parametrize("offset", [0, 100, 1e8])
def test_copies_of_a_center_are_at_exactly_0_and_other_rows_are_not(offset):
    X = duplicated() + offset
    nearest = nearest_squared_distances(X, CENTERS)
    is_copy = (X[:, None] == X[CENTERS]).all(axis=2).any(axis=1)
    assert is_copy.sum() >= 4 * 4
    np.testing.assert_array_equal(nearest == 0, is_copy)


def test_a_copy_is_at_0_though_another_center_is_almost_as_near():
    X = np.array([[5.0, 5.0], [5.0, 5.0 + 1e-8], [5.0, 5.0], [5.0, 5.0 + 1e-8], [-9.0, 0.0]])
    assert nearest_squared_distances(X, [0, 1, 4]).tolist() == [0, 0, 0, 0, 0]


def test_equal_rows_are_at_equal_distances_to_the_last_bit(small_blocks):
    X = duplicated(203, 13)
    nearest = nearest_squared_distances(X, CENTERS)
    _, which = np.unique(X, axis=0, return_inverse=True)
    for row in range(which.max() + 1):
        assert len(set(nearest[which.ravel() == row])) == 1


def test_known_distances_are_lowered_in_a_new_array():
    X = gaussian()
    known = read_only(nearest_squared_distances(X, CENTERS[:2]))
    before = known.copy()
    got = nearest_squared_distances(X, CENTERS[2:], known=known)
    np.testing.assert_array_equal(got, nearest_squared_distances(X, CENTERS))
    np.testing.assert_array_equal(known, before)


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_distances_that_are_hardly_smaller_than_what_is_known_lower_it(offset):
    X = (gaussian(300, 40) + offset).astype(np.float32)
    expected = nearest_squared_distances(X, CENTERS)
    known = expected * (1 + 1e-12)  # nearer than the products in float32 can tell
    np.testing.assert_array_equal(nearest_squared_distances(X, CENTERS, known=known), expected)


def test_without_centers_everything_is_infinitely_far_or_as_known():
    X = gaussian(5)
    assert np.isinf(nearest_squared_distances(X, [])).all()
    known = np.arange(5.0)
    got = nearest_squared_distances(X, [], known=known)
    assert got.tolist() == known.tolist()
    assert got is not known


@given(st.integers(0, 2**20), st.integers(1, 40), st.integers(1, 5), st.integers(-150, 150))
def test_nearest_holds_at_any_scale_and_size(seed, n, d, exponent):
    rng = np.random.default_rng(seed)
    X = rng.integers(-3, 4, size=(n, d)) * 10.0**exponent
    centers = rng.integers(n, size=rng.integers(1, 6))
    expected = naive.nearest_squared_distances(X, centers)
    got = nearest_squared_distances(X, centers)
    np.testing.assert_allclose(got, expected, rtol=naive.rounding(X), atol=0)


@pytest.mark.parametrize(
    ("X", "centers", "known", "error", "message"),
    [
        (np.array([[1.0], [np.nan]]), [0], None, ValueError, "NaN or infinity in row 1"),
        (np.array([[1.0], [2.0]]), [2], None, ValueError, "0 to 1"),
        (np.array([[1.0], [2.0]]), [0.5], None, TypeError, "integer positions"),
        (np.array([["a"], ["b"]]), [0], None, TypeError, "real numbers"),
        (np.array([[1.0], [2.0]]), [0], [1.0], ValueError, "known have shape"),
        (np.array([[1.0], [2.0]]), [0], [1.0, -1.0], ValueError, "-1.0 at row 1"),
        (np.array([[1.0], [2.0]]), [0], [np.nan, 1.0], ValueError, "nan at row 0"),
        (np.array([[1e200], [-1e200]]), [0, 1], None, ValueError, "overflows"),
    ],
)
def test_what_makes_no_sense_is_refused(X, centers, known, error, message):
    with pytest.raises(error, match=message):
        nearest_squared_distances(X, centers, known=known)
