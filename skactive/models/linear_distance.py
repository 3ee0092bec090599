"""How far rows are from the nearest class boundary of a linear model."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse


def linear_margins(decision: ArrayLike, weights) -> NDArray[np.float64]:
    r"""Return the distance of each row to where a linear model predicts another class, (n,).

    :math:`\min_c (f_y - f_c) / \|w_c - w_y\|` with y the class of the largest f, or
    :math:`|f| / \|w\|` for two classes with one row of weights (1, d). Infinity where all others
    have the weights of y.

    Examples
    --------
    >>> linear_margins([2.0, -5.0], [[3.0, 4.0]])
    array([0.4, 1. ])
    >>> linear_margins([[7.0, 0.0, 1.0]], [[3.0, 4.0], [3.0, 3.0], [0.0, 0.0]])
    array([1.2])
    """
    weights = weights.toarray() if sparse.issparse(weights) else np.asarray(weights)
    decision = np.asarray(decision)
    if decision.ndim == 1:
        decision = decision[:, np.newaxis]
    if decision.ndim != 2 or weights.ndim != 2 or decision.shape[1] != len(weights):
        raise ValueError(
            f"decision has shape {decision.shape} and weights {weights.shape}; they must be (n, C) "
            f"and (C, d), or (n,) and (1, d) for two classes."
        )
    if len(weights) == 1:
        return _ratios(np.abs(decision, dtype=np.float64), weights)
    out = np.empty(len(decision))
    predicted = decision.argmax(axis=1)
    # Class by class, since the normals of the boundaries around a class are the same for its rows.
    for y in np.unique(predicted):
        rows = predicted == y
        others = np.arange(len(weights)) != y
        values = decision[rows].astype(np.float64)
        gaps = values[:, [y]] - values[:, others]
        out[rows] = _ratios(gaps, np.subtract(weights[others], weights[y], dtype=np.float64))
    return out


def _ratios(gaps: NDArray, normals: NDArray) -> NDArray[np.float64]:
    """Return the shortest distance of each row: gap / length of the normal, over the columns."""
    norms = np.linalg.norm(normals.astype(np.float64, copy=False), axis=1)
    distances = np.full(gaps.shape, np.inf)
    # Classes of equal weights have no boundary between them; where they tie, they tie everywhere.
    np.divide(gaps, norms, out=distances, where=norms > 0)
    distances[gaps == 0] = 0.0
    return distances.min(axis=1)
