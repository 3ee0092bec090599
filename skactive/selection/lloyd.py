"""Clusters by Lloyd's algorithm, in blocks of rows, beside centres that are fixed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..data.arrays import dense, products, squared_norms
from ..data.types import Floats, Positions
from ..utils.progress import one_by_one, progress
from .blocks import Blocks, squared

MAX_ITERATIONS = 300
TOLERANCE = 1e-4  # of the mean variance of a column: means that move less have settled
_SEED_ROWS = 10  # for each cluster, of the sample that seeds are drawn from
_LEAST_SEED_ROWS = 4096  # of that sample


class Clusters(NamedTuple):
    """What `lloyd` found about the rows that it was given, in their order."""

    labels: Positions  # which cluster each row belongs to; -1: to a fixed centre
    squared: Floats  # squared distance to the mean of that cluster, or to the fixed centre
    n_passes: int = 0  # over all rows
    unrest: float = 0.0  # how far the means moved in the last one; at most 1: they have settled


def lloyd(
    blocks: Blocks,
    n_clusters: int,
    reach: Floats,
    rng: np.random.Generator,
    max_iterations: int = MAX_ITERATIONS,
) -> Clusters:
    r"""Cluster rows by k-means: greedy D² seeds from a sample, then Lloyd's iterations.

    Each iteration is one GEMM with the means. A row that lies no farther from its nearest fixed
    centre than from every mean belongs to the fixed centre and moves no mean. A cluster that loses
    its last row starts again from the row that is farthest from its mean.

    `n_clusters` is from 1 to m, the number of rows; where there are fewer distinct rows some
    clusters stay empty. `reach` holds the squared distance of each row to its nearest fixed centre
    in units of the blocks, infinity where there is none.

    Examples
    --------
    >>> blocks = Blocks(np.array([[0.0], [1.0], [10.0], [11.0]]))
    >>> lloyd(blocks, 2, np.full(4, np.inf), np.random.default_rng(0)).squared.tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    means = _seeds(blocks, n_clusters, reach, rng)
    settled = TOLERANCE * float(blocks.norms.mean(dtype=np.float64)) / max(means.shape[1], 1)
    labels, distances = np.full(blocks.n, -2, dtype=np.intp), np.empty(blocks.n)
    n_passes, is_settled = 0, False
    for _ in one_by_one(range(max_iterations), np.inf, "clustering", " passes"):
        before = labels.copy()
        sums, sizes = _assign(blocks, means, reach, labels, distances)
        moved = _moved(blocks, sums, sizes, means, distances)
        shift = float(((moved - means) ** 2).sum())
        means, n_passes = moved, n_passes + 1
        # Where rounding keeps means from settling, labels that stay the same tell the end too.
        is_settled = shift <= settled or np.array_equal(before, labels)
        if is_settled:
            break
    _measure(blocks, means, reach, labels, distances)
    unrest = 0.0 if is_settled else shift / max(settled, np.finfo(float).tiny)
    return Clusters(labels, distances, n_passes, unrest)


def seed_sample(n: int, n_clusters: int, rng: np.random.Generator) -> Positions:
    """Return the places, of n, that seeds are drawn from: enough for D² to see every cluster."""
    size = min(n, max(_SEED_ROWS * n_clusters, _LEAST_SEED_ROWS))
    return np.sort(rng.choice(n, size, replace=False))


def drawn_by_weight(weights: Floats, n_clusters: int, rng: np.random.Generator) -> Positions:
    """Return the places to try as the next seed, each drawn in proportion to its weight."""
    if np.isinf(weights).all():  # nothing to be far from yet: one place, uniformly
        return rng.integers(len(weights), size=1)
    ends = np.cumsum(weights)
    n_trials = 2 + int(np.log(n_clusters))  # as scikit-learn's greedy k-means++ has
    return np.searchsorted(ends, rng.random(n_trials) * ends[-1], side="right")


def _seeds(blocks: Blocks, n_clusters: int, reach: Floats, rng: np.random.Generator) -> Floats:
    """Return first means: rows of a sample, each the best of a few drawn in proportion to D²."""
    sample = seed_sample(blocks.n, n_clusters, rng)
    block, norms = blocks.take(sample), blocks.norms[sample]
    closest, chosen = reach[sample].astype(np.float64), np.zeros(0, dtype=np.intp)
    while len(chosen) < n_clusters:
        closest[closest <= blocks.floor] = 0.0
        if not closest.any():  # no distinct row is left
            rest = rng.permutation(np.setdiff1d(np.arange(len(sample)), chosen))
            return dense(block[np.append(chosen, rest[: n_clusters - len(chosen)])])
        drawn = drawn_by_weight(closest, n_clusters, rng)
        squares = squared(block, norms, block[drawn], norms[drawn])
        np.minimum(squares, closest[:, None], out=squares)
        best = int(squares.sum(axis=0, dtype=np.float64).argmin())
        closest = squares[:, best].astype(np.float64)
        closest[drawn[best]] = 0.0  # rounding may leave more, and it would be drawn again
        chosen = np.append(chosen, drawn[best])
    return dense(block[chosen])


def _assign(
    blocks: Blocks, means: Floats, reach: Floats, labels: Positions, distances: Floats
) -> tuple[Floats, Positions]:
    """Write the label and squared distance of each row; return sums and sizes of the clusters."""
    sums, sizes = np.zeros(means.shape), np.zeros(len(means), dtype=np.intp)
    doubled, norms = -2 * means, squared_norms(means)
    parts = ((part.stop - part.start, (part, block)) for part, block in blocks.parts(len(means)))
    for part, block in progress(parts, blocks.n, "clustering: a pass"):
        squares = products(block, doubled)
        squares += norms
        nearest = squares.argmin(axis=1)
        own = _entries(squares, nearest) + blocks.norms[part]  # the same for all means until now
        is_free = (own < reach[part]) & (reach[part] > blocks.floor)  # own may come out below 0
        labels[part] = np.where(is_free, nearest, -1)
        distances[part] = np.where(is_free, own, reach[part])
        # Sums over clusters as a product with a matrix of one entry a row: faster than np.add.at.
        members = sparse.csc_matrix(
            (is_free.astype(block.dtype), nearest, np.arange(len(nearest) + 1)),
            shape=(len(means), len(nearest)),
        )
        sums += dense(members @ block)
        sizes += np.bincount(nearest[is_free], minlength=len(means))
    return sums, sizes


def _entries(table: Floats, columns: Positions) -> Floats:
    """Return one entry of each row of a table, that of its column."""
    return np.take_along_axis(table, columns[:, None], axis=1)[:, 0]


def _moved(
    blocks: Blocks, sums: Floats, sizes: Positions, means: Floats, distances: Floats
) -> Floats:
    """Return the means of the clusters; an empty one starts again at one of the worst rows."""
    moved = (sums / np.maximum(sizes, 1)[:, None]).astype(means.dtype)
    empty = np.flatnonzero(sizes == 0)
    moved[empty] = means[empty]
    if len(empty):
        worst = np.argsort(-distances)[: len(empty)]
        worst = worst[distances[worst] > blocks.floor]
        moved[empty[: len(worst)]] = dense(blocks.take(worst))
    return moved


def _measure(
    blocks: Blocks, means: Floats, reach: Floats, labels: Positions, distances: Floats
) -> None:
    """Write the squared distance of each row to the mean of its cluster, without cancellation."""
    norms = squared_norms(means)
    for part, block in blocks.parts(len(means) if blocks.is_sparse else 1):
        label = labels[part]
        if blocks.is_sparse:
            own = _entries(products(block, means), label) * -2 + blocks.norms[part] + norms[label]
        else:
            own = squared_norms(block - means[label])
        distances[part] = np.where(label < 0, reach[part], np.maximum(own, 0))
