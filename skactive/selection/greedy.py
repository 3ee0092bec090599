"""Greedy sampling for regression: far in predicted value, or in inputs and value together.

Greedy sampling on the inputs alone, GSx, is `k_center`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import (
    as_floats,
    as_positions,
    candidate_mask,
    check_vectors,
    chunks,
    row_width,
    slices,
    squared_norms,
    steps,
    wanted,
)
from ..data.types import Floats, Positions, Vectors
from ..utils.checks import unmasked
from .distances import CLOSE, OTHERS, squared_distances
from .k_center import k_center
from .pairs import middle_of, refuse_overflow


def greedy_y(
    values: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose, again and again, the farthest value: :class:`skactive.strategies.GreedyY`.

    Each pick is :math:`\arg\max_i \min_{j \in S} |y_i - y_j|`, where S are the centres and the
    earlier picks: GSy. Without centres the first is the candidate nearest their mean value.

    Parameters
    ----------
    values : array of float, shape (N,)
        The known y of the centres, and what is predicted for the other rows.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they repel and are never chosen.
    rng : numpy.random.Generator
        Breaks ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError, ValueError
        If values are no real numbers, hold NaN or infinity or have another shape, or positions are
        not integers or lie outside.

    Examples
    --------
    >>> greedy_y([1.0, 2.0, 7.0, 4.0], 2, centers=[0], rng=np.random.default_rng(0))
    array([2, 3])
    """
    y = _scaled(values, "greedy_y")
    known = as_positions(centers, len(y))
    distances = _to_nearest(y, known)
    return k_center(
        y[:, None], n, candidates=candidates, centers=known, distances=distances, rng=rng
    )


def _to_nearest(y: Floats, centers: Positions) -> Floats:
    """Return the squared distance of each value to the nearest of the centres' values."""
    # Sorted, the nearest of all centres is one of two neighbours: no distance to the others.
    known = np.concatenate([[-np.inf], np.sort(y[centers]), [np.inf]])
    above = np.searchsorted(known, y)
    return np.square(np.minimum(y - known[above - 1], known[above] - y))


def greedy_xy(
    embedding: ArrayLike,
    values: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose rows that are far in inputs times value: :class:`skactive.strategies.GreedyXY`.

    Each pick is :math:`\arg\max_i \min_{j \in S} \lVert x_i - x_j \rVert |y_i - y_j|`, where S are
    the centres and the earlier picks: iGS. Without centres the first is the candidate nearest the
    mean of the candidates' inputs. Each pick reads the pool once.

    Parameters
    ----------
    embedding : array of shape (N, d)
        Of any real dtype, dense or CSR. Not written to.
    values : array of float, shape (N,)
        The known y of the centres, and what is predicted for the other rows.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they repel and are never chosen.
    rng : numpy.random.Generator
        Breaks ties: products that rounding alone may tell apart.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError, ValueError
        If embedding or values are no real numbers, hold NaN or infinity or do not match, squared
        lengths overflow, or positions are not integers or lie outside.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> greedy_xy(X, [0.0, 5.0, 1.0, 1.0], 2, centers=[0], rng=np.random.default_rng(0))
    array([1, 3])
    """
    vectors = check_vectors(embedding, who="greedy_xy")
    for part in chunks(vectors):
        refuse_overflow(4 * squared_norms(as_floats(vectors[part], np.float64)))
    y = _scaled(values, "greedy_xy", len_rows=vectors.shape[0])
    mask = candidate_mask(candidates, len(y), centers)
    n = wanted(n, mask)
    known = np.unique(as_positions(centers, len(y)))
    nearest = np.full(len(y), np.inf)
    for part in steps(len(known), OTHERS):
        _lower(nearest, vectors, y, known[part])
    picks = np.empty(n, dtype=np.intp)
    # Distances taken from products are right to this share of themselves: see `squared_distances`.
    rounding = 8 * (vectors.shape[1] + 8) * np.finfo(np.float64).eps / CLOSE
    for i in range(n):
        # Without anything known yet every product is infinite: the first is chosen by inputs alone.
        if i == 0 and not len(known):
            picks[:1] = k_center(vectors, 1, candidates=mask, rng=rng)
        else:
            best = nearest[mask].max()
            picks[i] = rng.choice(np.flatnonzero(mask & (nearest >= best * (1 - rounding))))
        mask[picks[i]] = False
        _lower(nearest, vectors, y, picks[i : i + 1])
    return picks


def _lower(nearest: Floats, vectors: Vectors, y: Floats, positions: Positions) -> None:
    """Lower the smallest squared products of distances, in place, by those to some rows."""
    others, shift = vectors[positions], middle_of(vectors, positions)
    for part in slices(len(y), max(row_width(vectors), len(positions))):
        squared = squared_distances(vectors[part], others, shift=shift)
        squared *= np.square(y[part][:, None] - y[positions])
        np.minimum(nearest[part], squared.min(axis=1), out=nearest[part])


def _scaled(values: ArrayLike, who: str, len_rows: int | None = None) -> Floats:
    """Return one number for each row, divided by a power of two: at most 1/2, and not rounded."""
    values = unmasked(values, "values", who)
    if values.ndim != 1 or (len_rows is not None and len(values) != len_rows):
        raise ValueError(
            f"{who} got values of shape {values.shape}; give one number for each row of the pool."
        )
    y = check_vectors(values[:, None], who=who, name="values")[:, 0].astype(np.float64)
    return np.ldexp(y, -1 - int(np.frexp(np.abs(y).max(initial=0.0))[1]))
