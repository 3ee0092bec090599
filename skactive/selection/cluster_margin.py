"""The most uncertain candidates, taken in turn from clusters."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import candidate_mask, check_vectors, wanted
from ..data.types import Positions
from .blocks import Blocks
from .lloyd import lloyd
from .top import top


def cluster_margin(
    embedding: ArrayLike,
    scores: ArrayLike,
    n: int,
    *,
    n_clusters: int | None = None,
    factor: float = 10,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    """Take uncertain rows in turn from clusters: :class:`skactive.strategies.ClusterMargin`.

    The `factor` * n candidates with the largest scores are clustered by k-means beside the
    centres, which stay where they are. Clusters then take turns, from the smallest to the largest,
    each giving its most uncertain row that is left. Rows that are nearer to a labelled or reserved
    row than to any mean come after all others, the most uncertain first.

    The paper clusters the whole pool, once for all rounds, by average linkage. That takes memory
    quadratic in the rows, and has no place for fixed centres; k-means of the shortlist, anew at
    each call, has neither trouble.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to, nor copied as a whole.
    scores : array of float, shape (N,)
        Higher is more uncertain, for instance the negative margin. NaN where a row is no candidate
        is ignored.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    n_clusters : int, optional
        How many clusters, at most N; fewer where the shortlist has fewer rows. By default n.
    factor : float, default=10
        How many candidates are clustered for each that is wanted, 1 or more.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they repel and are never chosen.
    rng : numpy.random.Generator
        For the seeds of the clusters, and for ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError, ValueError
        If n, `n_clusters` or positions are no integers or out of range, `factor` is below 1, a
        shape is wrong, a candidate's score is NaN, or the embedding has no finite real numbers.

    Examples
    --------
    >>> embedding = [[0.0], [1.0], [2.0], [50.0], [51.0]]
    >>> scores = [0.9, 0.8, 0.7, 0.6, 0.5]
    >>> cluster_margin(embedding, scores, 2, rng=np.random.default_rng(0))
    array([3, 0])
    """
    vectors = check_vectors(embedding, who="cluster_margin")
    n_rows = vectors.shape[0]
    _check_clusters(n_clusters, factor, n_rows)
    if np.shape(scores) != (n_rows,):
        raise ValueError(
            f"cluster_margin got scores of shape {np.shape(scores)}; they must be ({n_rows},), one "
            f"value for each row of the embedding."
        )
    mask = candidate_mask(candidates, n_rows, centers)
    n = wanted(n, mask)
    size = int(min(np.ceil(factor * n), np.count_nonzero(mask)))
    listed = top(scores, size, candidates=mask, tiebreak=rng.random(n_rows))
    if n == 0:
        return listed
    blocks = Blocks(vectors, listed)
    n_clusters = min(n if n_clusters is None else n_clusters, size)
    labels = lloyd(blocks, n_clusters, blocks.reach(centers), rng).labels
    return listed[in_turns(labels, rng)[:n]]


def _check_clusters(n_clusters: int | None, factor: float, n_rows: int) -> None:
    """Refuse numbers of clusters and factors that make no sense."""
    is_whole = n_clusters is None or isinstance(n_clusters, Integral)
    if not is_whole or (n_clusters is not None and not 1 <= n_clusters <= n_rows):
        raise (ValueError if is_whole else TypeError)(
            f"cluster_margin got n_clusters={n_clusters!r} for {n_rows} rows; give from 1 to as "
            f"many clusters as there are rows, or None for as many as rows are wanted."
        )
    if not 1 <= factor < np.inf:
        raise ValueError(
            f"cluster_margin got factor={factor}; it must be 1 or more: how many uncertain rows "
            f"are clustered for each that is wanted."
        )


def in_turns(labels: Positions, rng: np.random.Generator) -> Positions:
    """Return all places in the order in which clusters give them one by one, smallest first.

    `labels` tell the cluster of each row, rows being ordered from the most uncertain; rows with a
    label below 0 come last.

    Examples
    --------
    >>> in_turns(np.array([0, 0, 1, -1, 0, 1]), np.random.default_rng(0))
    array([2, 0, 5, 1, 4, 3])
    """
    order = np.argsort(labels, kind="stable")
    _, starts, which, sizes = np.unique(
        labels[order], return_index=True, return_inverse=True, return_counts=True
    )
    # Rows of a cluster keep their order, so that the first of each has turn 0, the next turn 1.
    turn = np.arange(len(order)) - starts[which]
    sequence = np.lexsort((rng.random(len(sizes))[which], sizes[which], turn))
    sequence = order[sequence]
    is_last = labels[sequence] < 0
    return np.append(sequence[~is_last], sequence[is_last])
