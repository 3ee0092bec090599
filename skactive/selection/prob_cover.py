"""Greedy coverage by balls of one radius."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import as_positions, candidate_mask, check_vectors, wanted
from ..data.types import Positions, Vectors
from ..utils.checks import checked_count, checked_number
from .blocks import TIE, Blocks, squared
from .cost import sampled_clusters
from .coverage import Coverage, foretell_coverage
from .k_center import k_center
from .lloyd import lloyd

_SAMPLE_ROWS = 4096  # whose balls tell the radius: their share of pure ones is right within 1 %


def prob_cover(
    embedding: ArrayLike,
    n: int,
    *,
    delta: float | None = None,
    n_clusters: int | None = None,
    purity: float = 0.95,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    """Choose greedily the candidates whose balls cover most rows that no ball has covered yet.

    See :class:`skactive.strategies.ProbCover`. All rows are to be covered, candidates or not;
    centres cover from the start. Once all are covered, `k_center` chooses the rest.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to, nor copied as a whole.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    delta : float, optional
        Radius of the balls, more than 0, in units of the embedding. By default the largest with
        which a share of `purity` of the balls are pure: all their rows are of one cluster.
    n_clusters : int, optional
        How many clusters k-means makes for that: the number of classes, if it is known. By default
        as many as there are centres and rows wanted, at least two.
    purity : float, default=0.95
        That share, in (0, 1].
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they cover, and are never chosen.
    rng : numpy.random.Generator
        For the clusters, the rows whose balls are looked at where there are more than 4,096, and
        ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError
        If the embedding does not hold real numbers, or n or positions are not integers.
    ValueError
        If n is negative, `delta`, `n_clusters` or `purity` is out of its range, a shape is wrong, a
        position lies outside the rows, or the embedding holds NaN or infinity.

    Notes
    -----
    Lists of neighbours would take as many entries as there are pairs within the radius, up to N².
    None are kept: pairs are compared in tiles of 1,024 x 1,024, each pair at most twice, and those
    of up to 4,096 rows once more for the radius; the memory is that of a few numbers for each row.

    Examples
    --------
    >>> embedding = [[0.0], [0.5], [1.0], [9.0], [9.5]]
    >>> prob_cover(embedding, 2, delta=0.7, rng=np.random.default_rng(0))[0]
    np.int64(1)
    """
    who = "prob_cover"
    vectors = check_vectors(embedding, who=who)
    mask = candidate_mask(candidates, vectors.shape[0], centers)
    known = np.unique(as_positions(centers, vectors.shape[0]))
    if delta is not None:
        delta = checked_number(delta, "delta", who, 0.0, is_open=True)
    if n_clusters is not None:
        checked_count(n_clusters, "n_clusters", who)
    if checked_number(purity, "purity", who, 0.0, is_open=True) > 1:
        raise ValueError(f"{who} got purity={purity!r}; give a share above 0, of at most 1.")
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)

    n_clusters = max(len(known) + n, 2) if n_clusters is None else n_clusters
    besides, radius = (0.0, delta) if delta is not None else _foreseen(vectors, n_clusters, purity)

    def choose(rows: Positions, n: int, centers: Positions) -> None:
        """Choose among these rows alone."""
        prob_cover(
            vectors[rows],
            n,
            centers=centers,
            delta=radius,
            n_clusters=n_clusters,
            purity=purity,
            rng=np.random.default_rng(0),
        )

    foretell_coverage(who, vectors, mask, n, known, choose, besides)
    # In float64: one far row would leave the others' float32 distances without a digit.
    blocks = Blocks(vectors, dtype=np.float64)
    if delta is None:
        labels = lloyd(blocks, min(n_clusters, blocks.n), np.full(blocks.n, np.inf), rng).labels
        limit = pure_limit(blocks, labels, purity, rng)
    else:
        # A distance that equals delta is inside, whatever rounding says.
        limit = (delta * blocks.scale) ** 2 * (1 + TIE) + blocks.floor

    def inside(squares: NDArray) -> NDArray:
        """Return 1 for each squared distance that is no longer than the radius, else 0."""
        return (squares <= limit).astype(squares.dtype)

    covered = Coverage(
        blocks, similarity=inside, weights=np.ones(blocks.n), known=known, mask=mask, who=who
    )
    # Gains are counts, so that less than a half is none.
    picks = covered.choose(n, rng, least=0.5)
    if len(picks) == n:
        return picks
    left, centers = np.setdiff1d(np.flatnonzero(mask), picks), np.append(known, picks)
    rest = k_center(vectors, n - len(picks), candidates=left, centers=centers, rng=rng)
    return np.append(picks, rest)


def _foreseen(vectors: Vectors, n_clusters: int, purity: float) -> tuple[float, float | None]:
    """Return the seconds that clustering will take, where it is long, and about the radius.

    None where a sample tells no radius: all of its rows are in one cluster, or equal.
    """
    sampled = sampled_clusters(vectors, np.arange(vectors.shape[0]), n_clusters)
    if sampled is None:
        return 0.0, None
    seconds, _, some, labels = sampled
    blocks = Blocks(vectors, some, dtype=np.float64)
    limit = pure_limit(blocks, labels, purity, np.random.default_rng(0))
    is_radius = 0 < limit < math.inf
    return seconds, math.sqrt(limit) / blocks.scale if is_radius else None


def pure_limit(blocks: Blocks, labels: Positions, purity: float, rng: np.random.Generator) -> float:
    """Return the largest squared radius, in units of the blocks, with which enough balls are pure.

    A ball is pure while its radius is shorter than the distance from its centre to the nearest row
    with another label: so no radii are tried, the distances themselves are sorted.
    """
    sample = np.sort(rng.choice(blocks.n, min(blocks.n, _SAMPLE_ROWS), replace=False))
    left, norms, own = blocks.take(sample), blocks.norms[sample], labels[sample, None]
    nearest = np.full(len(sample), np.inf)
    for part, right in blocks.parts(len(sample)):
        squares = squared(left, norms, right, blocks.norms[part])
        squares[own == labels[part]] = np.inf
        np.minimum(nearest, squares.min(axis=1), out=nearest)
    first_impure = np.sort(nearest)[-math.ceil(purity * len(nearest))]
    # Shorter than that by more than rounding can hide; equal rows always lie in one ball.
    return max(float(first_impure) * (1 - TIE) - blocks.floor, blocks.floor)
