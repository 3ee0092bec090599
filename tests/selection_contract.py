"""What every selection function promises, for any rows: asked of each by its own test file."""

import warnings

import numpy as np
import pytest
import selection_data as data
from hypothesis import strategies as st
from scipy import sparse


@st.composite
def problems(draw):
    """Small pools with duplicates, constant columns and rows of zeros, candidates and centres."""
    n, d = draw(st.integers(1, 24)), draw(st.integers(1, 4))
    seed, n_values = draw(st.integers(0, 10**6)), draw(st.sampled_from([1, 2, 5, 1000]))
    rng = np.random.default_rng(seed)
    X = rng.integers(n_values, size=(n, d)) * draw(st.sampled_from([1.0, 1e-3, 1e6]))
    X[:, rng.random(d) < draw(st.sampled_from([0, 0.5]))] = 3.0
    X[rng.random(n) < draw(st.sampled_from([0, 0.4]))] = 0.0
    dtype = draw(st.sampled_from([np.float64, np.float32, np.float16, np.int8]))
    X = np.clip(X, 0, 100).astype(dtype) if dtype != np.float64 else X
    X = sparse.csr_matrix(X.astype(np.float64)) if draw(st.booleans()) else X
    mask = rng.random(n) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    candidates = draw(st.sampled_from([None, mask, np.flatnonzero(mask)]))
    centers = rng.choice(n, rng.integers(n + 1) if draw(st.booleans()) else 0, replace=False)
    return X, draw(st.integers(0, n + 2)), candidates, centers, seed


def check_contract(select, problem):
    """As many distinct candidates as asked for, no centre, nothing written to, no warning."""
    X, n, candidates, centers, seed = problem
    data.read_only(X)
    n_rows = X.shape[0]
    open_rows = np.ones(n_rows, dtype=bool)
    if candidates is not None:
        open_rows[:] = False
        open_rows[candidates] = True
    open_rows[centers] = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (
            select(X, n, candidates=candidates, centers=centers, rng=np.random.default_rng(seed))
            for _ in range(2)
        )
    assert first.dtype == np.intp
    assert len(first) == len(set(first.tolist())) == min(n, np.count_nonzero(open_rows))
    assert open_rows[first].all()
    np.testing.assert_array_equal(first, second)  # the generator is the only chance


def check_refusals(select):
    """What no selection function accepts."""
    rng, X = np.random.default_rng(0), np.ones((3, 2))
    for bad in (np.nan, np.inf):
        X_bad = X.copy()
        X_bad[1, 1] = bad
        with pytest.raises(ValueError, match="NaN or infinity in row 1"):
            select(X_bad, 1, rng=rng)
    with pytest.raises(ValueError, match="n is -1"):
        select(X, -1, rng=rng)
    with pytest.raises(TypeError):
        select(X, 1.5, rng=rng)
    with pytest.raises(ValueError, match="must lie in 0 to 2"):
        select(X, 1, centers=[3], rng=rng)
    with pytest.raises(ValueError, match="two dimensions"):
        select(np.ones(3), 1, rng=rng)


def check_forms(select, X, n, *, centers, **options):
    """The same picks from CSR, other dtypes that hold the numbers, and candidates in any form."""
    whole = X.astype(np.float64)

    def picks(X, **more):
        return select(X, n, centers=centers, rng=np.random.default_rng(5), **options, **more)

    expected = picks(whole)
    for dtype in (np.float16, np.int8, np.int64):
        np.testing.assert_array_equal(picks(X.astype(dtype)), expected)
    mask = np.ones(len(X), dtype=bool)
    np.testing.assert_array_equal(picks(whole, candidates=mask), expected)
    np.testing.assert_array_equal(picks(whole, candidates=np.arange(len(X))), expected)
    np.testing.assert_array_equal(picks(np.asfortranarray(whole)), expected)
