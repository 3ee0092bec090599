"""Core-sets of rows that are worth a label: distance times score."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import candidate_mask, check_vectors, wanted
from ..data.types import Floats, Mask, Positions
from ..utils.checks import unmasked
from .farthest import farthest_first
from .k_center import distances_to_centers


def coral(
    embedding: ArrayLike,
    scores: ArrayLike,
    n: int,
    *,
    strength: float = 1.0,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose, again and again, the row with the largest distance times score.

    Each pick is :math:`\arg\max_i u_i^s \min_{j \in S} \lVert x_i - x_j \rVert` with the score u,
    the strength s, and S the centres and the earlier picks: `k_center`, where rows that score
    little count as nearer. Without centres the first is the candidate that scores most, among
    equals the one nearest the mean of the candidates.

    Parameters
    ----------
    embedding : array of shape (N, d)
        Of any real dtype, dense or CSR. Not written to.
    scores : array of float, shape (N,)
        Higher is more worth a label; 0 or more. Those of rows that are no candidates are ignored.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    strength : float, default=1.0
        How much scores count, 0 or more: at 0 not at all.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they repel and are never chosen.
    distances : array of float, shape (N,), optional
        Squared distance of each row to the nearest centre, as `nearest_squared_distances` gives
        it, infinity where there is no centre. By default computed from `centers`.
    rng : numpy.random.Generator
        Breaks ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first. Rows that score 0, or equal a centre or a pick, come last,
        by chance.

    Raises
    ------
    TypeError, ValueError
        As for `k_center`, or if the scores or the strength are no real numbers, a candidate's score
        is negative, NaN or infinite, or the strength is negative.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [5.0], [9.0]])
    >>> coral(X, [1.0, 1.0, 2.0, 0.1], 2, centers=[0], rng=np.random.default_rng(0))
    array([2, 1])
    """
    vectors = check_vectors(embedding, who="coral")
    mask = candidate_mask(candidates, vectors.shape[0], centers)
    n = wanted(n, mask)
    weights = _weights(scores, strength, mask)
    known = distances_to_centers(vectors, centers, distances)
    return farthest_first(vectors, n, mask=mask, known=known, weights=weights, rng=rng)


def _weights(scores: ArrayLike, strength: float, mask: Mask) -> Floats:
    """Return what to multiply squared distances by: scores, 1 at most, to twice the strength."""
    if not isinstance(strength, Real):
        raise TypeError(f"strength is {strength!r}; it must be a number, 0 or more.")
    if not 0 <= strength < np.inf:
        raise ValueError(f"strength is {strength!r}; it must be a number, 0 or more.")
    scores = unmasked(scores, "scores", "coral")
    if scores.dtype.kind not in "biuf":
        raise TypeError(f"coral got scores of dtype {scores.dtype}; give real numbers.")
    if scores.shape != mask.shape:
        raise ValueError(
            f"coral got scores of shape {scores.shape}; give one for each of the {len(mask)} rows."
        )
    scores = np.where(mask, scores, 0).astype(np.float64)
    bad = ~(np.isfinite(scores) & (scores >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"scores hold {scores[row]} at row {row}; coral multiplies distances by them, so they "
            f"must be 0 or more: write scores - scores.min()."
        )
    # A factor equal in all rows changes no choice; with 1 as the largest no power overflows.
    top = scores.max(initial=0.0)
    return np.power(scores / top if top > 0 else scores, 2 * strength)
