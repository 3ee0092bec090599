"""Pools on which selection functions are compared with their twins, and their shapes of trouble."""

import numpy as np
from scipy import sparse


def gaussian(n=200, d=8, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def clustered(n=200, d=8, seed=0, n_clusters=7):
    rng = np.random.default_rng(seed)
    centers = 10 * rng.normal(size=(n_clusters, d))
    return centers[rng.integers(n_clusters, size=n)] + rng.normal(size=(n, d))


def duplicated(n=200, d=8, seed=0):
    """Every row four times, in an order of chance."""
    rng = np.random.default_rng(seed)
    return rng.permutation(np.repeat(gaussian(-(-n // 4), d, seed), 4, axis=0)[:n])


def offset(n=200, d=8, seed=0):
    return gaussian(n, d, seed) + 100


def nearly_collinear(n=200, d=8, seed=0):
    rng = np.random.default_rng(seed)
    return np.outer(rng.normal(size=n), np.ones(d)) + 1e-4 * rng.normal(size=(n, d))


def two_dimensional(n=200, d=2, seed=0):
    return gaussian(n, 2, seed)


POOLS = {
    function.__name__: function
    for function in (gaussian, clustered, duplicated, offset, nearly_collinear, two_dimensional)
}


def sparse_text(n=200, d=500, seed=0):
    """Word counts, CSR; a few rows are empty."""
    X = sparse.random(n, d, density=0.02, random_state=seed, format="csr")
    X.data = np.ceil(5 * X.data)
    return X


def probabilities(n=200, n_classes=3, seed=0, sharpness=2.0):
    """Probabilities of classes, rows summing to one."""
    logits = sharpness * np.random.default_rng(seed).normal(size=(n, n_classes))
    proba = np.exp(logits - logits.max(axis=1, keepdims=True))
    return proba / proba.sum(axis=1, keepdims=True)


def read_only(*arrays):
    """Return arrays, none of which can be written to."""
    for array in arrays:
        parts = [array.data, array.indices, array.indptr] if sparse.issparse(array) else [array]
        for part in parts:
            part.flags.writeable = False
    return arrays if len(arrays) > 1 else arrays[0]


def mirrored(seed=0, dtype=np.float64, center=0.0):
    """Twenty rows and, twenty places on, their images in a point; all but for rounding."""
    rows = np.random.default_rng(seed).normal(size=(20, 3)).astype(dtype)
    return np.vstack([rows, -rows]) + dtype(center)
