"""The typical row of each cluster that has fewest labels."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import as_positions, candidate_mask, check_vectors, slices, wanted
from ..data.types import Floats, Mask, Positions, Vectors
from ..utils.progress import by_slices, one_by_one
from .blocks import TIE, Blocks, squared
from .cost import sampled_clusters, seconds_of, tell
from .lloyd import lloyd

MIN_CLUSTER = 5  # rows, as in the paper: smaller clusters serve only when the others are used up
_RATED_ROWS = 64  # rated again at a time, after a pick
_PAIRED_ROWS = 2000  # of a cluster, which tell what a pair of rows takes


def typiclust(
    embedding: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    n_neighbors: int = 20,
    max_clusters: int = 500,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose the typical row of clusters with few labels: :class:`skactive.strategies.TypiClust`.

    All rows fall into min(L + n, `max_clusters`) clusters by k-means, L of them being labelled or
    reserved. Clusters take turns, those with fewest labelled or reserved rows first, among them
    the largest; those of fewer than five rows only when no other has a candidate left. A turn goes
    to the candidate with the smallest mean distance to its nearest rows in the cluster, those that
    are labelled, reserved or picked left out: :math:`\arg\min_x \frac{1}{K} \sum_{y \in
    \mathrm{KNN}(x)} \lVert x - y \rVert`. Of m such rows, :math:`K = \min(K, \lfloor m/2 \rfloor)`
    count, as in the authors' program. When every cluster has had its turn, they go round again.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to, nor copied as a whole.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row. The
        others count for the clusters and as neighbours.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they repel and are never chosen.
    n_neighbors : int, default=20
        K, how many nearest rows tell how typical a row is.
    max_clusters : int, default=500
        Most clusters that are made.
    rng : numpy.random.Generator
        For the seeds of the clusters, and for ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError, ValueError
        If n, `n_neighbors`, `max_clusters` or positions are no integers or out of range, a shape is
        wrong, or the embedding does not hold finite real numbers.

    Examples
    --------
    >>> embedding = [[0.0], [1.0], [2.0], [4.0], [8.0], [50.0], [54.0], [56.0], [57.0], [58.0]]
    >>> typiclust(embedding, 1, centers=[0], rng=np.random.default_rng(0))
    array([8])
    """
    for name, value in (("n_neighbors", n_neighbors), ("max_clusters", max_clusters)):
        if not isinstance(value, Integral) or value < 1:
            error = ValueError if isinstance(value, Integral) else TypeError
            raise error(f"typiclust got {name}={value!r}; give a whole number of at least 1.")
    vectors = check_vectors(embedding, who="typiclust")
    mask = candidate_mask(candidates, vectors.shape[0], centers)
    known = np.unique(as_positions(centers, vectors.shape[0]))
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    blocks = Blocks(vectors)
    n_clusters = min(len(known) + n, max_clusters, blocks.n)
    _foretell(vectors, n, n_clusters, n_neighbors)
    labels = lloyd(blocks, n_clusters, np.full(blocks.n, np.inf), rng).labels
    return typical(vectors, labels, n, mask=mask, known=known, n_neighbors=n_neighbors, rng=rng)


def _foretell(vectors: Vectors, n: int, n_clusters: int, n_neighbors: int) -> None:
    """Warn where it will take long: to cluster, and to compare the rows of clusters in pairs."""
    n_rows = vectors.shape[0]
    sampled = sampled_clusters(vectors, np.arange(n_rows), n_clusters)
    if sampled is None:
        return
    seconds, some, labels = sampled
    sizes = np.bincount(labels, minlength=n_clusters) * (n_rows / len(some))
    rows = some[labels == np.bincount(labels).argmax()][:_PAIRED_ROWS]
    everyone = np.ones(n_rows, dtype=bool)

    def pick() -> None:
        _Cluster(vectors, rows, everyone).pick(n_neighbors, np.random.default_rng(0))

    took = seconds_of(pick)
    a_pair = took / len(rows) ** 2
    n_pairs = min(n, n_clusters) * float(np.square(sizes).mean())
    tell("typiclust", vectors, seconds + a_pair * n_pairs)


def typical(
    vectors: Vectors,
    labels: Positions,
    n: int,
    *,
    mask: Mask,
    known: Positions,
    n_neighbors: int,
    rng: np.random.Generator,
) -> Positions:
    """Return n candidates, the most typical of each cluster in turn; see `typiclust`."""
    sizes, n_known = np.bincount(labels), np.bincount(labels[known], minlength=labels.max() + 1)
    order = np.lexsort((rng.random(len(sizes)), -sizes, n_known))
    by_label = np.argsort(labels, kind="stable")
    ends = np.cumsum(sizes)
    is_known = np.zeros(len(labels), dtype=bool)
    is_known[known] = True
    picks: list[int] = []
    for group in (order[sizes[order] >= MIN_CLUSTER], order[sizes[order] < MIN_CLUSTER]):
        members = (by_label[ends[label] - sizes[label] : ends[label]] for label in group)
        # A generator: clusters whose turn never comes are never gathered.
        clusters = (
            _Cluster(vectors, rows[~is_known[rows]], mask) for rows in members if mask[rows].any()
        )
        turns = _turns(clusters, n, n_neighbors, rng, len(picks))
        picks.extend(one_by_one(turns, n - len(picks), "typiclust"))
    return np.array(picks, dtype=np.intp)


def _turns(
    clusters, n: int, n_neighbors: int, rng: np.random.Generator, n_picks: int
) -> Iterator[int]:
    """Yield what clusters pick, one row each, round by round, until there are n picks."""
    waiting = clusters
    while waiting:
        clusters, waiting = waiting, []
        for cluster in clusters:
            if n_picks == n:
                return
            pick = cluster.pick(n_neighbors, rng)
            if pick is not None:
                n_picks += 1
                yield pick
                waiting.append(cluster)


class _Cluster:
    """The rows of a cluster that are not known, and bounds on how typical they are."""

    def __init__(self, vectors: Vectors, rows: Positions, mask: Mask):
        self.rows, self.is_open = rows, mask[rows]  # open: may be chosen
        self.is_left = np.ones(len(rows), dtype=bool)  # not picked: may be a neighbour
        # Mean distances to the nearest, from below: a pick takes a neighbour away, and adds none.
        self.bounds, self.n_counted = np.zeros(len(rows)), -1
        self.blocks = Blocks(vectors, rows)

    def pick(self, n_neighbors: int, rng: np.random.Generator) -> int | None:
        """Pop the most typical candidate, or return None."""
        if not self.is_open.any():
            return None
        n_rated = _RATED_ROWS
        n_counted = min(n_neighbors, int(np.count_nonzero(self.is_left)) // 2)
        if n_counted != self.n_counted:  # means of other numbers of neighbours bound nothing
            self.bounds[:], self.n_counted, n_rated = 0.0, n_counted, len(self.rows)
        # Bounds from below, best first, until none that is not fresh could be less than the best.
        is_fresh, limit = np.zeros(len(self.rows), dtype=bool), np.inf
        while len(stale := np.flatnonzero(self.is_open & ~is_fresh & (self.bounds <= limit))):
            rated = stale[np.argsort(self.bounds[stale])[:n_rated]]
            self.bounds[rated] = self._mean_distances(rated)
            is_fresh[rated] = True
            limit = self.bounds[self.is_open & is_fresh].min() * (1 + TIE)
        chosen = rng.choice(np.flatnonzero(self.is_open & (self.bounds <= limit)))
        self.is_open[chosen] = self.is_left[chosen] = False
        return int(self.rows[chosen])

    def _mean_distances(self, places: Positions) -> Floats:
        """Return the mean distance of each row to its nearest others that are left."""
        means = np.zeros(len(places))
        parts = slices(len(places) if self.n_counted else 0, len(self.rows))
        for part in by_slices(parts, len(places), "typiclust: a cluster"):
            nearest = self._nearest(places[part])
            nearest[nearest <= self.blocks.floor] = 0.0
            means[part] = np.sqrt(nearest).mean(axis=1)
        return means

    def _nearest(self, places: Positions) -> Floats:
        """Return squared distances of rows to the nearest others that are left, in no order."""
        blocks, n = self.blocks, self.n_counted
        left, norms = blocks.take(places), blocks.norms[places]
        nearest = np.full((len(places), n), np.inf)
        for part, right in blocks.parts(len(places)):
            squares = squared(left, norms, right, blocks.norms[part])
            squares[:, ~self.is_left[part]] = np.inf
            itself = np.flatnonzero((places >= part.start) & (places < part.stop))
            squares[itself, places[itself] - part.start] = np.inf
            # The nearest so far compete with each block: no table of all pairs is made.
            nearest = np.hstack([nearest, squares])
            nearest = np.partition(nearest, n - 1, axis=1)[:, :n]
        return nearest
