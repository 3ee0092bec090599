"""Largest cluster maximum distance: the farthest row of the cluster that is least well covered."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import as_positions, candidate_mask, check_vectors, slices, wanted
from ..data.types import Floats, Mask, Positions
from ..utils.progress import progress
from .factored import Block, FactoredVectors, checked_factors

_TIE = 1e-12  # share of a number within which two of them are the same


def lcmd(
    embedding: ArrayLike | tuple[ArrayLike, ArrayLike],
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose the farthest row of the largest cluster: :class:`skactive.strategies.LCMD`.

    Again and again: every candidate belongs to the nearest of the centres and the earlier picks,
    and a cluster is as large as :math:`\sum \lVert x - c \rVert^2` over its rows. Without centres
    the first pick is the longest row. Takes O(N (L + n) d) time for L centres, O(N (L + n) (d + C))
    of factors, and O(N) memory.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d), or tuple of two
        Rows as vectors, of any real dtype; or the two factors of gradients, ``(a, h)`` of shape
        (N, C) and (N, d), whose products are the vectors and never formed: as in
        `d2_sampling`. Not written to, nor copied as a whole.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen and that count for a cluster. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they have clusters, and are never chosen.
    rng : numpy.random.Generator
        Breaks ties, of rows and of clusters.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first. Rows that equal a centre or a pick come last, by chance.

    Raises
    ------
    TypeError, ValueError
        If n or positions are no integers or out of range, a shape is wrong, the embedding has
        no finite real numbers, or squared lengths overflow.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [50.0], [53.0]])
    >>> lcmd(X, 2, centers=[0, 4], rng=np.random.default_rng(0))
    array([3, 5])
    """
    if isinstance(embedding, tuple):
        factors = checked_factors(embedding, who="lcmd")
    else:
        factors = [check_vectors(embedding, who="lcmd")]
    mask = candidate_mask(candidates, factors[0].shape[0], centers)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    rows, near = np.flatnonzero(mask), np.unique(as_positions(centers, len(mask)))
    clusters = _Clusters(FactoredVectors(factors, "lcmd"), rows, near)
    chance, picks = rng.random(len(rows)), np.zeros(n, dtype=np.intp)
    for at in progress(((1, at) for at in range(n)), n, "lcmd", " rows"):
        place = clusters.farthest(chance, rng)
        picks[at] = rows[place]
        clusters.add(place)
    return picks


class _Clusters:
    """Candidates by the nearest of the centres and picks, and their squared distances from it."""

    def __init__(self, vectors: FactoredVectors, rows: Positions, centers: Positions):
        self.vectors, self.rows = vectors, rows
        self.n_centers = 0
        self.squared = np.full(len(rows), np.inf)
        self.owner = np.zeros(len(rows), dtype=np.intp)
        self.is_free = np.ones(len(rows), dtype=bool)
        for some in vectors.parts(centers):
            self._lower(some)

    def farthest(self, chance: Floats, rng: np.random.Generator) -> int:
        """Return the place of the farthest row of the largest cluster that may be chosen."""
        if self.n_centers == 0:
            return _best(self.vectors.lengths[self.rows], self.is_free, chance)
        # Rows at a centre count nothing, picks among them.
        sizes: Floats = np.bincount(self.owner, self.squared, self.n_centers).astype(np.float64)
        if not sizes.any():
            return _best(self.squared, self.is_free, chance)
        largest = _best(sizes, sizes > 0, rng.random(len(sizes)))
        return _best(self.squared, self.is_free & (self.owner == largest), chance)

    def add(self, place: int) -> None:
        """Make a candidate a centre of its own."""
        center = self.rows[place]
        # Few rows are near enough for their distance to be computed from differences.
        places = np.flatnonzero(self.vectors.least(center)[self.rows] < self.squared)
        for part in slices(len(places), self.vectors.n_terms):
            near = places[part]
            self._move(near, self.vectors.apart(self.rows[near], center), self.n_centers)
        self.n_centers += 1
        self.squared[place] = 0.0
        self.is_free[place] = False

    def _lower(self, others: Block) -> None:
        """Move rows that are nearer some of the first centres to their clusters."""
        n = len(others.squares)
        for part in slices(len(self.rows), max(self.vectors.n_terms, n)):
            block = self.vectors.block(self.rows[part])
            squared = self.vectors.squared_distances(block, others)
            which = squared.argmin(axis=1)
            nearest = squared[np.arange(len(which)), which]
            self._move(np.arange(part.start, part.stop), nearest, which + self.n_centers)
        self.n_centers += n

    def _move(self, places: Positions, squared: Floats, owner: Positions | int) -> None:
        """Move rows to other clusters, those at the places that are nearer to them."""
        closer = squared < self.squared[places]
        self.owner[places[closer]] = owner[closer] if isinstance(owner, np.ndarray) else owner
        self.squared[places[closer]] = squared[closer]


def _best(values: Floats, allowed: Mask, chance: Floats) -> int:
    """Return the place of the largest of some values; chance decides where rounding cannot."""
    places = np.flatnonzero(allowed)
    values = values[places]
    places = places[values >= values.max() * (1 - _TIE)]
    return int(places[chance[places].argmax()])
