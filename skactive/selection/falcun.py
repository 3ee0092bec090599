"""Rows that are doubtful, and predicted unlike one another, drawn by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from ..data.arrays import (
    as_positions,
    candidate_mask,
    check_probabilities,
    chunks_of_rows,
    gaps,
    wanted,
)
from ..data.types import Floats, Positions
from ..utils.checks import checked_number
from ..utils.progress import progress


def falcun(
    proba: ArrayLike,
    n: int,
    *,
    gamma: float = 10.0,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Draw doubtful rows, predicted unlike one another: :class:`skactive.strategies.FALCUN`.

    One by one, a row is drawn with probability proportional to :math:`(u + d)^\gamma`, where
    :math:`u = 1 - (p_{(1)} - p_{(2)})` and d is the least of u and of :math:`\lVert p - p_s
    \rVert_1` over all centres and earlier picks s, brought to [0, 1] over the rows that are left;
    0 where all of these are alike. Takes O((L + n) N C) time for L centres, and O(N) memory beside
    the candidates' probabilities.

    Parameters
    ----------
    proba : array of float, shape (N, C)
        Class probabilities. Not written to.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    gamma : float, default=10.0
        How closely the draw follows u + d: 0 not at all; large values take the largest.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are chosen already: they repel and are never chosen.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, in the order in which they were drawn.

    Raises
    ------
    TypeError, ValueError
        If n or positions are no integers or out of range, `gamma` is negative or not finite, or
        rows are no probabilities.

    Examples
    --------
    >>> proba = [[0.5, 0.5], [0.51, 0.49], [0.6, 0.4], [1.0, 0.0]]
    >>> falcun(proba, 2, gamma=1000, rng=np.random.default_rng(0))
    array([0, 2])
    """
    table = check_probabilities(proba, who="falcun")
    gamma = checked_number(gamma, "gamma", "falcun", 0)
    mask = candidate_mask(candidates, len(table), centers)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    rows = np.flatnonzero(mask)
    kept = table if len(rows) == len(table) else table[rows]
    doubt = 1.0 - gaps(kept)
    apart, is_left = doubt.copy(), np.ones(len(rows), dtype=bool)
    for center in as_positions(centers, len(table)):
        _lower(apart, kept, table[center])
    picks = np.zeros(n, dtype=np.intp)
    for at in progress(((1, at) for at in range(n)), n, "falcun", " rows"):
        place = _drawn(_weights(doubt, apart, is_left, gamma), rng)
        picks[at] = rows[place]
        is_left[place] = False
        _lower(apart, kept, kept[place])
    return picks


def _lower(apart: Floats, proba: np.ndarray, of_one: np.ndarray) -> None:
    """Lower how far rows are from the chosen ones by their L1 distance from one more."""
    for part in chunks_of_rows(len(proba), proba.shape[1]):
        distances = cdist(proba[part], of_one[None], "cityblock")[:, 0]
        np.minimum(apart[part], distances, out=apart[part])


def _weights(doubt: Floats, apart: Floats, is_left: np.ndarray, gamma: float) -> Floats:
    """Return in proportion to what each row is drawn: 0 for those that were."""
    lowest, highest = apart[is_left].min(), apart[is_left].max()
    relevance = doubt.copy()
    if highest > lowest:
        relevance += (apart - lowest) / (highest - lowest)
    most = relevance[is_left].max()
    if gamma == 0 or most <= 0:  # nothing tells one row from another
        return is_left.astype(np.float64)
    # By the logarithm of a share of the largest, so that no power overflows, or vanishes in all.
    with np.errstate(divide="ignore", under="ignore"):
        weights = np.exp(gamma * np.log(np.clip(relevance / most, 0.0, 1.0)))
    return np.where(is_left, weights, 0.0)


def _drawn(weights: Floats, rng: np.random.Generator) -> int:
    """Return a place, drawn in proportion to the weights."""
    heights = np.cumsum(weights)
    place = np.searchsorted(heights, rng.random() * heights[-1], side="right")
    # A product rounded up to the whole sum would lead beyond the last place of weight above 0.
    return int(min(place, np.searchsorted(heights, heights[-1])))
