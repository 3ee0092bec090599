"""Core-sets by the greedy k-center algorithm."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import as_positions, candidate_mask, check_vectors, wanted
from ..data.tensors import is_tensor
from ..data.types import Floats, Positions, Vectors
from ..utils.threads import few_threads
from .distances import checked_distances, lower_all
from .farthest import farthest_first

_FEW_CENTERS = 64  # or as many as are wanted


def k_center(
    embedding: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose, again and again, the farthest row: :class:`skactive.strategies.KCenter`.

    Each pick is :math:`\arg\max_i \min_{j \in S} \lVert x_i - x_j \rVert`, where S are the centres
    and the earlier picks. Without centres the first is the candidate nearest the mean of the
    candidates.

    Exact, and mostly without looking at the pool: distances only fall, so old ones are upper
    bounds, and only some rows with the largest bounds (n, or up to N / 16 where most of them prove
    no farther than others) are brought up to date at a time. Where the bounds are of little use, as
    in two dimensions, each pick is compared with the whole pool.

    Parameters
    ----------
    embedding : array of shape (N, d)
        Of any real dtype, dense or CSR; a memory map is read in pieces. Not written to. A torch
        tensor is worked on where it is, and the picks are the same on every device.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
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
        Distinct positions, best first. Rows that equal a centre or a pick come last, by chance.

    Raises
    ------
    TypeError, ValueError
        If the embedding has no finite real numbers, squared lengths overflow, positions are no
        integers or lie outside, shapes do not match, or distances are negative, NaN, or infinite
        for some rows only.

    Notes
    -----
    Distances that decide are sums of squared differences in float64, right within a relative error
    of :math:`(d + 3) u`, u = 1.1e-16. Products of matrices, in the dtype of the pool where all
    rows are read, only say which differences are needed; their rounding errors are bounded.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [5.0], [9.0]])
    >>> k_center(X, 2, centers=[0], rng=np.random.default_rng(0))
    array([3, 2])
    """
    if is_tensor(embedding):
        from .tensors.k_center import k_center as on_tensor

        return on_tensor(
            embedding, n, candidates=candidates, centers=centers, distances=distances, rng=rng
        )
    vectors = check_vectors(embedding, who="k_center")
    mask = candidate_mask(candidates, vectors.shape[0], centers)
    n = wanted(n, mask)
    near = np.unique(as_positions(centers, len(mask)))
    # Distances of all rows to centres may cost more than the whole lazy search, which needs those
    # of few rows: few centres are compared as picks are.
    if distances is None and len(near) <= max(n, _FEW_CENTERS):
        known = np.broadcast_to(np.inf, len(mask))
    else:
        known, near = distances_to_centers(vectors, centers, distances), near[:0]
    with few_threads(2.0 * math.prod(vectors.shape) * (n + len(near))):
        return farthest_first(vectors, n, mask=mask, known=known, centers=near, rng=rng)


def distances_to_centers(
    vectors: Vectors, centers: ArrayLike | None, distances: ArrayLike | None
) -> Floats:
    """Return the squared distance of each row to the nearest centre, checked where it is given."""
    n_rows = vectors.shape[0]
    if distances is not None:
        return checked_distances(distances, n_rows)
    return lower_all(np.full(n_rows, np.inf), vectors, np.unique(as_positions(centers, n_rows)))
