"""Coverage by a Gaussian kernel, of all rows alike or of the uncertain ones."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import as_positions, candidate_mask, check_vectors, steps, wanted
from ..data.types import Floats, Positions, Vectors
from .blocks import Blocks, squared
from .coverage import Coverage, foretell_coverage
from .distances import OTHERS, squared_distances

_BANDWIDTH_ROWS = 512  # whose distances tell the bandwidth
# Largest squared length, in units of the squared bandwidth, for which float32 has the digits: the
# exponent of the kernel is then right to a thousandth.
_LONGEST_SINGLE = 4096.0


def uncertainty_herding(
    embedding: ArrayLike,
    n: int,
    *,
    uncertainty: ArrayLike | None = None,
    bandwidth: float | None = None,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose rows that cover most uncertainty: :class:`skactive.strategies.UncertaintyHerding`.

    Each pick has the largest :math:`\sum_x U(x) \max_{s \in S} k(x, s)` once it is added to S, the
    centres and the picks before it, with the kernel :math:`k(x, s) = \exp(-\lVert x - s \rVert^2 /
    2 h^2)`. The sum runs over all rows, candidates or not; labelled and reserved ones are covered
    fully, and change nothing. Takes O(N² d (1 + log n)) time on most data and tiles of a few
    megabytes; see `coverage.Coverage`.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to, nor copied as a whole.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    uncertainty : array of float, shape (N,), optional
        U, not negative; that of labelled and reserved rows is ignored. By default 1.
    bandwidth : float, optional
        h, in units of the embedding. By default :math:`m / \sqrt 2`, m being the least distance
        between two centres that are not equal: the more labels, the narrower the kernel, so that
        coverage turns into uncertainty. Rows m apart have a similarity of 1/e. Without two such
        centres, m is the median distance between 512 rows that rng draws (of distinct ones).
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row. The
        others are covered all the same.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they count as chosen from the start, so
        that they repel, and are never chosen.
    rng : numpy.random.Generator
        For the bandwidth, and for ties: among candidates that rounding cannot tell apart one is
        drawn.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError, ValueError
        If n or positions are no integers or out of range, the bandwidth is no positive number, the
        uncertainty is negative or not finite, a shape is wrong, or the embedding does not hold
        finite real numbers.

    Examples
    --------
    >>> embedding = [[0.0], [0.5], [1.0], [9.0], [9.5]]
    >>> uncertainty_herding(embedding, 2, bandwidth=1.0, rng=np.random.default_rng(0))[0]
    np.int64(1)
    >>> uncertainty_herding(
    ...     embedding, 1, uncertainty=[0, 0, 0.1, 0, 1], bandwidth=1.0, rng=np.random.default_rng(0)
    ... )
    array([4])
    """
    return _herding(
        embedding, n, uncertainty, bandwidth, candidates, centers, rng, "uncertainty_herding"
    )


def max_herding(
    embedding: ArrayLike,
    n: int,
    *,
    bandwidth: float | None = None,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose rows that cover most rows: :class:`skactive.strategies.MaxHerding`.

    That is `uncertainty_herding` with U = 1, and with a bandwidth that stays as labels come.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    bandwidth : float, optional
        h of the kernel :math:`\exp(-\lVert x - s \rVert^2 / 2 h^2)`. By default that at which rows
        at the median distance of 512 that rng draws have a similarity of 1/e, as orthogonal rows of
        length 1 have with the choice of the paper.
    candidates, centers, rng
        As there.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError, ValueError
        As there.

    Examples
    --------
    >>> embedding = [[0.0], [0.5], [1.0], [9.0], [9.5], [9.7], [10.0], [10.1]]
    >>> max_herding(embedding, 2, bandwidth=1.0, rng=np.random.default_rng(0))
    array([5, 1])
    """
    return _herding(embedding, n, None, bandwidth, candidates, centers, rng, "max_herding")


def _herding(embedding, n, uncertainty, bandwidth, candidates, centers, rng, who) -> Positions:
    """Herd with the arguments of either function above; `who` names the one that was called."""
    vectors = check_vectors(embedding, who=who)
    mask = candidate_mask(candidates, vectors.shape[0], centers)
    known = np.unique(as_positions(centers, vectors.shape[0]))
    is_number = bandwidth is None or isinstance(bandwidth, Real)
    if not is_number or (bandwidth is not None and not 0 < bandwidth < np.inf):
        raise (ValueError if is_number else TypeError)(
            f"{who} got bandwidth={bandwidth!r}; it must be positive and finite, or None for one "
            f"that follows from the distances."
        )
    weights = _checked_weights(uncertainty, vectors.shape[0], known, who)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)

    def choose(rows: Positions, n: int, centers: Positions) -> None:
        """Choose among these rows alone."""
        sample_rng = np.random.default_rng(0)
        _herding(vectors[rows], n, weights[rows], bandwidth, None, centers, sample_rng, who)

    foretell_coverage(who, vectors, mask, n, known, choose)
    blocks = Blocks(vectors, dtype=np.float32)
    if bandwidth is None and who == "uncertainty_herding":
        bandwidth = _least_distance(vectors, known) / np.sqrt(2) or None
    bandwidth = _median_rule(blocks, rng) if bandwidth is None else float(bandwidth)
    width = bandwidth * blocks.scale
    if float(blocks.norms.max()) > _LONGEST_SINGLE * width * width:
        blocks = Blocks(vectors, dtype=np.float64)
        width = bandwidth * blocks.scale
    # Beyond these bounds the square leaves the range of floats: no rows are alike then, or all are.
    factor = -0.5 / max(width, 1e-10) ** 2 if width < 1e100 else 0.0

    def kernel(squares: NDArray) -> NDArray:
        """Turn squared distances into similarities."""
        squares *= factor
        return np.exp(squares, out=squares)

    coverage = Coverage(blocks, similarity=kernel, weights=weights, known=known, mask=mask, who=who)
    return coverage.choose(n, rng)


def _checked_weights(uncertainty, n_rows: int, known: Positions, who: str) -> Floats:
    """Return uncertainty, or ones, refusing what is negative or not finite where it counts."""
    if uncertainty is None:
        return np.ones(n_rows)
    weights = np.array(uncertainty, dtype=np.float64)
    if weights.shape != (n_rows,):
        raise ValueError(
            f"{who} got uncertainty of shape {weights.shape}; it must be ({n_rows},), one value "
            f"for each row of the embedding."
        )
    weights[known] = 0.0
    bad = np.flatnonzero(~((weights >= 0) & (weights < np.inf)))
    if len(bad):
        raise ValueError(
            f"{who} got an uncertainty of {weights[bad[0]]} at row {bad[0]}; every value must be "
            f"finite and not negative."
        )
    return weights


def _least_distance(vectors: Vectors, rows: Positions) -> float:
    """Return the least distance between two rows that are not equal; 0 where all are."""
    if len(rows) < 2:
        return 0.0
    blocks, least = Blocks(vectors, rows, dtype=np.float64), np.inf
    for some in steps(len(rows), OTHERS):
        others = blocks.take(some)
        for part in steps(some.stop, OTHERS):  # each pair of pieces once
            squares = squared_distances(blocks.take(part), others)
            least = squares.min(where=squares > 0, initial=least)
    return float(np.sqrt(least)) / blocks.scale if least < np.inf else 0.0


def _median_rule(blocks: Blocks, rng: np.random.Generator) -> float:
    """Return the bandwidth at which rows at the median distance have a similarity of 1/e."""
    sample = np.sort(rng.choice(blocks.n, min(blocks.n, _BANDWIDTH_ROWS), replace=False))
    block, norms = blocks.take(sample), blocks.norms[sample]
    squares = squared(block, norms, block, norms)[np.triu_indices(len(sample), 1)]
    squares = squares[squares > blocks.floor]
    # Without two distinct rows in the sample the lengths tell; if all are 0, any width will do.
    square = float(np.median(squares)) if len(squares) else float(blocks.norms.max())
    return float(np.sqrt(square / 2) or 1.0) / blocks.scale
