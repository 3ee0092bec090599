"""One row of each of as many clusters as rows are wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import candidate_mask, check_vectors, wanted
from ..data.tensors import is_tensor
from ..data.types import Positions, Vectors
from .blocks import TIE, Blocks
from .cost import sampled_clusters, tell
from .lloyd import Clusters, lloyd


def k_means(
    embedding: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Cluster the candidates into n clusters; of each, the row nearest its mean.

    Lloyd's algorithm for :math:`\min \sum_x \min_{c} \lVert x - c \rVert^2` over n means and the
    centres, which stay where they are: a row that is nearer to a labelled or reserved row than to
    any mean belongs to it, and is chosen only when nothing else is left. Rows that are no
    candidates form no clusters.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to, nor copied as a whole. The rows of a
        torch tensor are clustered where it is.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they repel and are never chosen.
    rng : numpy.random.Generator
        For the seeds of the clusters, and for ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, those of large clusters first. Where duplicates leave clusters empty,
        the rows farthest from all means and centres follow.

    Raises
    ------
    TypeError, ValueError
        If n or positions are no integers or out of range, a shape is wrong, or the embedding has
        no finite real numbers.

    References
    ----------
    Lloyd (1982). Least squares quantization in PCM. IEEE Transactions on Information Theory 28(2).

    Examples
    --------
    >>> embedding = [[0.0], [1.0], [2.0], [50.0], [51.0], [52.0], [53.0], [54.0]]
    >>> k_means(embedding, 2, rng=np.random.default_rng(0))
    array([5, 1])
    >>> k_means(embedding, 1, centers=[6], rng=np.random.default_rng(0))
    array([1])
    """
    vectors, blocks_of, cluster = _ways(embedding)
    mask = candidate_mask(candidates, vectors.shape[0], centers)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    rows = np.flatnonzero(mask)
    blocks = blocks_of(vectors, None if mask.all() else rows)
    if n < len(rows) and not is_tensor(vectors):
        sampled = sampled_clusters(vectors, rows, n)
        if sampled is not None:
            tell("k_means", vectors, sampled.seconds, longest=sampled.longest)
    reach = blocks.reach(centers)
    everyone = Clusters(np.full(len(rows), -1), reach)  # where all are wanted, there is no cluster
    clusters = cluster(blocks, n, reach, rng) if n < len(rows) else everyone
    places = representatives(clusters, rng)
    # Duplicates leave clusters empty: the rows farthest from all means make up the number.
    rest = np.ones(len(rows), dtype=bool)
    rest[places] = False
    left = np.flatnonzero(rest)
    left = left[np.lexsort((rng.random(len(left)), -clusters.squared[left]))]
    return rows[np.append(places, left[: n - len(places)])]


def _ways(embedding: Vectors) -> tuple[Vectors, Any, Any]:
    """Return the vectors, refusing what is no finite numbers, and what reads and clusters them."""
    if is_tensor(embedding):
        from .tensors import common, k_means

        vectors = common.checked_tensor(embedding, who="k_means")
        return vectors, k_means.TensorBlocks, k_means.lloyd
    return check_vectors(embedding, who="k_means"), Blocks, lloyd


def representatives(clusters: Clusters, rng: np.random.Generator) -> Positions:
    """Return the place of the row nearest the mean of each cluster that has rows, largest first."""
    labels, squared = clusters.labels, clusters.squared
    places = np.flatnonzero(labels >= 0)
    _, which, sizes = np.unique(labels[places], return_inverse=True, return_counts=True)
    least = np.full(len(sizes), np.inf)
    np.minimum.at(least, which, squared[places])
    # The two rows of a pair are as near, whatever rounding says.
    is_near = squared[places] <= least[which] * (1 + TIE)
    places, which = places[is_near], which[is_near]
    order = np.lexsort((rng.random(len(places)), which))
    first = order[np.unique(which[order], return_index=True)[1]]
    return places[first[np.lexsort((rng.random(len(sizes)), -sizes))]]
