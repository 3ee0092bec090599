"""Distances and greedy choices by distance as they are defined, one pair of rows at a time."""

import numpy as np
from scipy import sparse

UNIT = 2.0**-53


def dense(X):
    """Rows as float64."""
    return np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=np.float64)


def squared_distance(x, y):
    return float(np.sum((x - y) ** 2))


def nearest_squared_distances(X, centers):
    """Squared distance of each row to the nearest centre."""
    X = dense(X)
    return np.array([min((squared_distance(x, X[j]) for j in centers), default=np.inf) for x in X])


def rounding(X):
    """Relative error of a squared distance summed from differences, ours and this one's."""
    return 4 * (X.shape[1] + 8) * UNIT


def assert_greedy(picks, X, candidates, centers, weights=None, values=None):
    """Each pick has the best squared objective, given those before it, but for rounding.

    So it is the twin's own pick wherever the second best is further away than that.
    """
    X = dense(X)
    weights = np.ones(len(X)) if weights is None else weights
    is_open = np.zeros(len(X), dtype=bool)
    is_open[candidates] = True
    is_open[centers] = False
    nearest = np.full(len(X), np.inf)
    before = list(centers)
    for j in before:
        nearest = np.minimum(nearest, objective(X, j, values))
    for pick in picks:
        assert is_open[pick]
        if not before:
            assert_first(pick, X, is_open, weights)
        else:
            scores = weights * nearest
            best = scores[is_open].max()
            assert scores[pick] >= best * (1 - 4 * rounding(X))
        is_open[pick] = False
        before.append(pick)
        nearest = np.minimum(nearest, objective(X, pick, values))


def objective(X, j, values=None):
    """Squared distance of each row to row j, times that of their values where there are any."""
    squared = np.array([squared_distance(x, X[j]) for x in X])
    return squared if values is None else squared * (values - values[j]) ** 2


def assert_first(pick, X, is_open, weights):
    """Without centres: of the largest weight, and nearest the mean of the candidates."""
    mean = X[is_open].mean(axis=0)
    squared = np.array([squared_distance(x, mean) for x in X])
    top = is_open & (weights >= weights[is_open].max() * (1 - 1e-12))
    assert top[pick]
    # The mean is a sum of so many rounded terms.
    error = 8 * (len(X) + X.shape[1]) * UNIT * np.square(X).sum(axis=1).max()
    assert squared[pick] <= squared[top].min() + error
