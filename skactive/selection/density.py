"""How densely the rows around each row lie: its mean similarity to all candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ..data.arrays import (
    CORE_BYTES,
    as_floats,
    candidate_mask,
    check_vectors,
    chunks,
    products,
    squared_norms,
    steps,
    true_entries,
)
from ..data.types import Floats, Mask, Vectors
from ..utils.progress import progress
from .cost import foretell

_TILE = 1024, 256  # rows and columns worked on at a time: two megabytes, tall for a fast GEMM;
# the second divides the first
_NEAR = 1e-9  # share of |x|² + |y|² below which rounding may leave few digits of a distance
_LONGEST_ADDED = np.finfo(np.float64).max / 4  # |x|² from which a squared distance may overflow


def density(
    embedding: ArrayLike, *, metric: str = "cosine", candidates: ArrayLike | None = None
) -> Floats:
    r"""Mean similarity of each candidate to all of them: :class:`skactive.strategies.Density`.

    With :math:`U` the candidates: :math:`\frac{1}{|U|} \sum_{u \in U} s(x, u)`, where :math:`s` is
    the cosine :math:`\hat x \cdot \hat u` of the angle between two rows, or
    :math:`1 / (1 + \lVert x - u \rVert)`. The mean of cosines is one inner product with the mean
    direction, so that it takes O(N d) time; that of distances takes O(N² d), half of it saved by
    symmetry, and a few megabytes beside the result.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to.
    metric : {"cosine", "euclidean"}, default="cosine"
        Which similarity. The cosine of a row of zeros with any row is 0.
    candidates : array of bool, shape (N,), or array of int, optional
        The rows among which densities are taken, as a mask or as positions; None: every row.

    Returns
    -------
    ndarray of float64, shape (N,)
        Between -1 and 1 for the cosine; else between 0 and 1, right within 2e-7, since roots are
        taken in single precision. NaN where a row is no candidate.

    Raises
    ------
    TypeError, ValueError
        If the metric is unknown, a shape is wrong, candidates are neither booleans nor integers,
        the embedding has no finite real numbers, or distances in it are too large for a float.

    Examples
    --------
    >>> density([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    array([0.5 , 0.5 , 0.25, 0.  ])
    >>> density([[0.0], [1.0], [9.0]], metric="euclidean", candidates=[0, 1])
    array([0.75, 0.75,  nan])
    """
    if metric not in _METRICS:
        raise ValueError(
            f"density got metric={metric!r}; it must be one of {', '.join(map(repr, _METRICS))}."
        )
    vectors = check_vectors(embedding, who="density")
    mask = candidate_mask(candidates, vectors.shape[0])
    out, n = np.full(vectors.shape[0], np.nan), int(np.count_nonzero(mask))

    def run(rows, _) -> None:
        density(vectors[rows], metric=metric)

    if metric == "euclidean":
        size, named = float(n), "Density(metric='euclidean')"
        foretell("density", vectors, mask, 1, run, pairs=size**2, size=size, power=2, named=named)
    if mask.any():
        out[mask] = _METRICS[metric](vectors, mask)
    return out


def _cosine(vectors: Vectors, mask: Mask) -> Floats:
    """Return the mean cosine of each candidate with all of them."""
    total, n = np.zeros(vectors.shape[1]), int(np.count_nonzero(mask))
    for rows in chunks(vectors, CORE_BYTES):
        total += np.asarray(_unit(vectors[rows][mask[rows]]).sum(axis=0)).ravel()
    total /= n
    out, filled = np.empty(n), 0
    for rows in chunks(vectors, CORE_BYTES):
        unit = _unit(vectors[rows][mask[rows]])
        # einsum adds up each row by itself: equal rows get equal densities, in any chunk.
        dots = unit @ total if sparse.issparse(unit) else np.einsum("ij,j->i", unit, total)
        out[filled : filled + len(dots)] = dots
        filled += len(dots)
    return out


def _unit(block):
    """Return rows, dense or CSR, as float64 scaled to length 1; rows of zeros stay."""
    block = as_floats(block, np.float64)
    # By the largest entry first: then no square overflows, nor do all vanish.
    block = _divided(block, _peaks(block))
    return _divided(block, np.sqrt(squared_norms(block)))


def _peaks(block) -> Floats:
    """Return the largest absolute entry of each row, dense or CSR."""
    if sparse.issparse(block) and block.shape[1]:
        return abs(block).max(axis=1).toarray().ravel()
    return np.zeros(block.shape[0]) if not block.shape[1] else np.abs(block).max(axis=1)


def _divided(block, by: Floats):
    """Return rows, dense or CSR, each divided by a number, or by 1 where that is 0."""
    by = np.where(by > 0, by, 1.0)
    if not sparse.issparse(block):
        return block / by[:, None]
    block = block.copy()
    block.data /= np.repeat(by, np.diff(block.indptr))
    return block


def _euclidean(vectors: Vectors, mask: Mask) -> Floats:
    """Return each candidate's mean of 1 / (1 + distance), by tiles above the diagonal."""
    positions = np.flatnonzero(mask)
    n, height = len(positions), _TILE[0]
    origin = _middle(vectors, positions)
    sums, ones = np.zeros(n), np.ones(max(_TILE))
    with np.errstate(over="ignore", invalid="ignore"):  # a square may overflow single precision
        n_pairs = sum((above.stop - above.start) * (n - above.start) for above in steps(n, height))
        tiles = _tiles(vectors, positions, origin)
        for above, beside, tile in progress(tiles, n_pairs, "density", " pairs"):
            sums[above] += tile @ ones[: tile.shape[1]]  # a product sums faster than `sum`
            if beside.start >= above.stop:  # else their own rows come by here as well
                sums[beside] += ones[: tile.shape[0]] @ tile
    return sums / n


def _tiles(vectors: Vectors, positions, origin: Floats | None) -> Iterator[tuple[int, tuple]]:
    """Yield how alike some rows and those from there on are, their places, how many pairs."""
    height, width = _TILE
    for above in steps(len(positions), height):
        squared_distances = _from_rows(_centered(vectors[positions[above]], origin))
        for column in range(above.start, len(positions), width):
            beside = slice(column, column + width)
            right = _centered(vectors[positions[beside]], origin)
            tile = _closeness(squared_distances(right, column - above.start))
            yield tile.size, (above, beside, tile)


def _middle(vectors: Vectors, positions) -> Floats | None:
    """Return a row to subtract, as large offsets cost digits; None for a CSR matrix."""
    if sparse.issparse(vectors):
        return None
    some = positions[:: len(positions) // _TILE[0] + 1]
    return np.median(as_floats(vectors[some], np.float64), axis=0)  # which no outlier moves far


def _centered(block, origin: Floats | None):
    """Return rows as float64, dense ones less the origin."""
    block = as_floats(block, np.float64)
    return block if origin is None else block - origin


def _from_rows(left) -> Callable[[Vectors, int], Floats]:
    """Return the function of a block that gives its squared distances from the rows of `left`.

    Both are dense or both CSR. It is told which row of `left`, counted on beyond them, the block
    begins with: rows in both are at distance 0.
    """
    stack = partial(sparse.hstack, format="csr") if sparse.issparse(left) else np.hstack
    a, ones = squared_norms(left), np.ones((max(_TILE), 1))
    if a.max() > _LONGEST_ADDED:
        raise ValueError(
            "density got an embedding whose squared distances are too large for a float; scale it."
        )
    # (-2 x, |x|², 1) . (y, 1, |y|²): lengths are added within the product, in one pass.
    left_terms = stack([-2.0 * left, a[:, None], ones[: len(a)]])

    def squared_distances(right, first: int) -> Floats:
        b = squared_norms(right)
        right_terms = stack([right, ones[: len(b)], b[:, None]])
        squares = products(left_terms, right_terms)  # |x|² - 2xy + |y|² in one GEMM
        in_both = np.arange(first, min(first + len(b), len(a)))
        squares[in_both, in_both - first] = np.inf  # they need no second look
        if squares.min() < _NEAR * (a.max() + b.max()):
            i, j = true_entries(squares < _NEAR * np.add.outer(a, b))
            for at in steps(len(i), _TILE[0]):
                squares[i[at], j[at]] = squared_norms(left[i[at]] - right[j[at]])
        squares[in_both, in_both - first] = 0.0
        return squares

    return squared_distances


def _closeness(squares: Floats) -> Floats:
    """Return 1 / (1 + distance), to single precision, given squared distances."""
    closeness = squares.astype(np.float32)  # roots and quotients are half the work in double
    np.sqrt(closeness, out=closeness)
    closeness += 1.0
    return np.reciprocal(closeness, out=squares, dtype=np.float32)


_METRICS: dict[str, Callable[[Vectors, Mask], Floats]] = {
    "cosine": _cosine,
    "euclidean": _euclidean,
}
