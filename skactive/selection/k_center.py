"""Core-sets by the greedy k-center algorithm."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import Positions, Vectors, as_positions, candidate_mask, check_vectors, wanted
from ..data.tensors import is_tensor
from ..utils.threads import few_threads
from .distances import checked_distances, lower_all
from .farthest import farthest_first
from .pairs import Floats

_FEW = 64  # centres, or as many as are wanted: they are compared as picks are


def k_center(
    embedding: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose, again and again, the row farthest from all that is labelled or chosen [1]_.

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
    TypeError
        If the embedding does not hold real numbers, or positions are not integers.
    ValueError
        If the embedding holds NaN or infinity, its squared lengths overflow, shapes do not match,
        distances are negative, NaN or infinite for some rows only, or a position lies outside.

    Notes
    -----
    Distances that decide are sums of squared differences in float64, right within a relative error
    of :math:`(d + 3) u`, u = 1.1e-16. Products of matrices, in the dtype of the pool where all
    rows are read, only say which differences are needed; their rounding errors are bounded.

    References
    ----------
    .. [1] O. Sener and S. Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
       Approach", ICLR 2018.

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
    if distances is None and len(near) <= max(n, _FEW):
        known = np.broadcast_to(np.inf, len(mask))
    else:
        known, near = distances_to_centers(vectors, centers, distances), near[:0]
    with few_threads(2.0 * math.prod(vectors.shape) * (n + len(near))):
        return farthest_first(vectors, n, mask=mask, known=known, centers=near, rng=rng)


def distances_to_centers(
    vectors: Vectors, centers: ArrayLike | None, distances: ArrayLike | None
) -> Floats:
    """Return the squared distance of each row to the nearest centre, where it is not given."""
    n_rows = vectors.shape[0]
    if distances is not None:
        return checked_distances(distances, n_rows)
    return lower_all(np.full(n_rows, np.inf), vectors, np.unique(as_positions(centers, n_rows)))
