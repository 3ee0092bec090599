"""Facility location: the rows to which all others have the smallest sum of distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import as_positions, candidate_mask, check_vectors, wanted
from ..data.types import Positions
from .blocks import Blocks
from .coverage import Coverage, foretell_coverage


def k_medoids(
    embedding: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose greedily the candidates that most shorten the distances of all rows to a chosen one.

    Each pick has the smallest :math:`\sum_x \min_{s \in S} \lVert x - s \rVert` once it is added to
    S, the centres and the picks before it. Among n picks without centres, the sum that they save
    is at least 1 - 1/e of the largest that can be saved. Takes O(N² d (1 + log n)) time on most
    data and tiles of a few megabytes; see `coverage.Coverage`.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to, nor copied as a whole. Distances are
        float32: below about 1e-3 of the largest they lose their digits.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row. The
        others are covered all the same.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they count as chosen from the start, so
        that they repel, and are never chosen.
    rng : numpy.random.Generator
        For ties: among candidates that rounding cannot tell apart one is drawn.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError, ValueError
        If n or positions are no integers or out of range, a shape is wrong, or the embedding has
        no finite real numbers.

    References
    ----------
    Nemhauser, Wolsey and Fisher (1978). An analysis of approximations for maximizing submodular set
    functions. Mathematical Programming 14.

    Examples
    --------
    >>> embedding = [[0.0], [1.0], [2.0], [50.0], [51.0]]
    >>> k_medoids(embedding, 1, rng=np.random.default_rng(0))
    array([2])
    >>> k_medoids(embedding, 1, centers=[3], rng=np.random.default_rng(0))
    array([1])
    """
    vectors = check_vectors(embedding, who="k_medoids")
    mask = candidate_mask(candidates, vectors.shape[0], centers)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)

    def choose(rows: Positions, n: int, centers: Positions) -> None:
        """Choose among these rows alone."""
        k_medoids(vectors[rows], n, centers=centers, rng=np.random.default_rng(0))

    known = np.unique(as_positions(centers, vectors.shape[0]))
    foretell_coverage("k_medoids", vectors, mask, n, known, choose)
    blocks = Blocks(vectors, dtype=np.float32)
    # Coverage asks for similarities of 0 or more. A constant less the distance is one, which keeps
    # the order of gains; no distance between centred rows is larger than this one.
    reach = np.float32(2 * np.sqrt(blocks.norms.max()))

    def nearness(squares: NDArray) -> NDArray:
        """Turn squared distances into how much smaller than `reach` the distances are."""
        np.sqrt(squares, out=squares)
        return np.maximum(np.subtract(reach, squares, out=squares), 0, out=squares)

    weights = np.ones(blocks.n)
    coverage = Coverage(
        blocks, similarity=nearness, weights=weights, known=known, mask=mask, who="k_medoids"
    )
    return coverage.choose(n, rng)
