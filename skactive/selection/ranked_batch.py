"""Doubtful rows, ranked, each unlike what is labelled and what was ranked before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..data.arrays import (
    as_floats,
    as_positions,
    candidate_mask,
    check_vectors,
    chunks,
    dense,
    slices,
    squared_norms,
    steps,
    wanted,
)
from ..data.types import Floats, Mask, Positions, Vectors
from ..utils.checks import is_number, unmasked
from ..utils.progress import one_by_one
from .cost import foretell
from .distances import checked_distances
from .farthest import check_known

# Less than other chunks, so as to be little beside a small pool: of rows that are read where they
# lie, and of rows that are upcast or scored.
_READ_BYTES, _COPY_BYTES = 1 << 21, 1 << 16
_FEW_CANDIDATES = 8  # fewer than one row in so many: these rows alone are looked at, copied
_PAST_RANGE = 1e-6  # of uncertainties that are computed from probabilities in single precision


def ranked_batch(
    embedding: ArrayLike,
    uncertainty: ArrayLike,
    n: int,
    *,
    alpha: float | None = None,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Rank rows by uncertainty and unlikeness: :class:`skactive.strategies.RankedBatch`.

    Again and again the candidate with the largest

    .. math:: a \, (1 - s(x, D)) + (1 - a) \, u(x), \qquad
        s(x, D) = \max_{c \in D} \frac{1}{1 + \lVert x - c \rVert}

    where D are the centres and the rows ranked so far, and u the uncertainty. Unless `alpha` says
    otherwise, :math:`a = |U| / (|U| + |D|)` with U the candidates that are left, before each
    choice: the fewer labels there are, the more unlikeness counts. While D is empty there is
    nothing to be unlike: s is 0 and, unless `alpha` is given, so is a, and the most uncertain row
    opens.

    Takes one product of the pool with a row for each row ranked. What that leaves in doubt is
    computed anew as a sum of squares in float64, so that neither offsets nor single precision cost
    digits. Beside the pool, two numbers for each row are kept.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to.
    uncertainty : array of float, shape (N,)
        From 0 to 1, such as the probability that the likeliest class is wrong; larger is more
        uncertain. Only that of candidates is read.
    n : int
        How many rows are wanted.
    alpha : float, optional
        The weight a of unlikeness, from 0 to 1. None: as above.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions; None: every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved.
    distances : array of float, shape (N,), optional
        Squared distance of each row to the nearest centre, where it is known already; infinity
        where there is none.
    rng : numpy.random.Generator
        Breaks ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    TypeError, ValueError
        If the embedding holds no finite real numbers, n or positions are no integers or out of
        range, a shape is wrong, or alpha or an uncertainty of a candidate is not between 0 and 1.

    Examples
    --------
    >>> rows = [[0.0], [0.1], [5.0], [9.0]]
    >>> rng = np.random.default_rng(0)
    >>> ranked_batch(rows, [0.0, 0.9, 0.8, 0.2], 2, centers=[0], rng=rng)
    array([2, 3])
    >>> ranked_batch(rows, [0.0, 0.9, 0.8, 0.2], 2, alpha=0.1, centers=[0], rng=rng)
    array([1, 2])
    """
    vectors = check_vectors(embedding, who="ranked_batch")
    n_rows, alpha = vectors.shape[0], _checked_alpha(alpha)
    mask = candidate_mask(candidates, n_rows, centers)
    n = wanted(n, mask)
    centers = np.unique(as_positions(centers, n_rows))
    uncertainty = _checked_uncertainty(uncertainty, mask)
    n_steps = n + (len(centers) if distances is None else 0)
    are_few = _FEW_CANDIDATES * np.count_nonzero(mask) < n_rows
    size = float(np.count_nonzero(mask) if are_few else n_rows)

    def run(rows: Positions, n: int) -> None:
        """Choose among these rows alone."""
        ranked_batch(vectors[rows], uncertainty[rows], n, rng=np.random.default_rng(0))

    foretell("ranked_batch", vectors, mask, n_steps, run, pairs=size * n_steps, size=size)
    nearest = np.where(mask, np.inf, 0.0)
    if distances is not None:
        known = checked_distances(distances, n_rows)
        check_known(known, mask)
        nearest[mask] = known[mask]
    at = np.flatnonzero(mask) if are_few else None
    if at is None:
        ranking = _Ranking(vectors, uncertainty, mask, nearest)
    else:
        ranking = _Ranking(vectors[at], uncertainty[at], mask[at], nearest[at])
    others = centers if distances is None else centers[:0]
    for center in one_by_one(others, len(others), "ranked_batch: centres"):
        ranking.approach(vectors[center : center + 1])
    chosen = ranking.best(n, alpha, len(centers), rng)
    return chosen if at is None else at[chosen]


class _Ranking:
    """What is known of each row while rows are ranked."""

    def __init__(self, vectors: Vectors, uncertainty: Floats, mask: Mask, nearest: Floats):
        self.vectors = vectors
        self.uncertainty = uncertainty
        self.mask = mask  # who is left
        self.nearest = nearest  # squared distance to D; 0 where a row may not be chosen
        self.norms = np.empty(len(mask))
        self.n_copied = 1  # how many rows are upcast at a time
        for rows in chunks(vectors, _COPY_BYTES):
            self.norms[rows] = squared_norms(as_floats(vectors[rows], np.float64))
            self.n_copied = max(self.n_copied, rows.stop - rows.start)

    def best(self, n: int, alpha: float | None, n_known: int, rng) -> Positions:
        """Return the n best rows in their order."""
        n_left = int(np.count_nonzero(self.mask))
        chosen = np.empty(n, dtype=np.intp)
        for i in one_by_one(range(n), n, "ranked_batch"):
            if i > 0:
                self.approach(self.vectors[chosen[i - 1] : chosen[i - 1] + 1])
            share = (n_left - i) / (n_left + n_known) if n_known + i else 0.0
            chosen[i] = self._largest(share if alpha is None else alpha, rng)
            self.mask[chosen[i]], self.nearest[chosen[i]] = False, 0.0
        return chosen

    def approach(self, center) -> None:
        """Take one more row, dense or CSR, of shape (1, d), into D."""
        factor = as_floats(dense(center)).ravel()
        exact = as_floats(center, np.float64)
        norm = float(squared_norms(exact)[0])
        for rows in chunks(self.vectors, _READ_BYTES):
            self._compute(self._in_doubt(rows, factor, norm), exact)

    def _in_doubt(self, rows: slice, factor: NDArray, norm: float) -> Positions:
        """Return the rows of a slice that may be nearer to a row than they are to D."""
        # By twice as much as rounding of d products can amount to, of the pool's own precision.
        shrunk = 1 - 2 * (len(factor) + 8) * np.finfo(factor.dtype).eps
        with np.errstate(over="ignore", invalid="ignore"):
            least = self.norms[rows] + norm
            least *= shrunk
            least -= 2.0 * (as_floats(self.vectors[rows]) @ factor)
            # Negated, so that rows whose product overflowed to NaN are in doubt too.
            return rows.start + np.flatnonzero(~(least >= self.nearest[rows]))

    def _compute(self, positions: Positions, center) -> None:
        """Bring the squared distances of rows at positions up to date with a row, exactly."""
        for part in steps(len(positions), self.n_copied):
            at = positions[part]
            apart = as_floats(self.vectors[at], np.float64)  # a copy
            if sparse.issparse(apart):
                apart = apart - center[np.zeros(len(at), dtype=np.intp)]
            else:
                apart -= center
            with np.errstate(over="ignore"):
                self.nearest[at] = np.minimum(self.nearest[at], squared_norms(apart))

    def _largest(self, weight: float, rng: np.random.Generator) -> int:
        """Return the row that is left with the largest objective, by chance among equals."""
        best, tied = -np.inf, [np.zeros(0, dtype=np.intp)]
        for rows in slices(len(self.mask), n_bytes=_COPY_BYTES):
            scores = np.sqrt(self.nearest[rows])
            scores += 1.0
            scores = weight * (1.0 - np.reciprocal(scores, out=scores))
            scores += (1.0 - weight) * self.uncertainty[rows]
            scores[~self.mask[rows]] = -np.inf
            largest = scores.max()
            if largest > best:
                best, tied = largest, []
            if largest == best > -np.inf:
                tied.append(rows.start + np.flatnonzero(scores == best))
        positions = np.concatenate(tied)
        return positions[rng.integers(len(positions)) if len(positions) > 1 else 0]


def _checked_alpha(alpha: float | None) -> float | None:
    """Return the weight of unlikeness, refusing what is not from 0 to 1, nor None."""
    if alpha is None:
        return None
    if not is_number(alpha) or not 0 <= alpha <= 1:
        raise ValueError(f"ranked_batch got alpha={alpha!r}; give a number from 0 to 1, or None.")
    return float(alpha)


def _checked_uncertainty(uncertainty: ArrayLike, mask: Mask) -> NDArray:
    """Return uncertainties, one for each row, refusing those of candidates not from 0 to 1."""
    uncertainty = unmasked(uncertainty, "uncertainty", "ranked_batch")
    if uncertainty.shape != mask.shape:
        raise ValueError(
            f"ranked_batch got uncertainty of shape {uncertainty.shape}; it must be {mask.shape}: "
            f"one number a row."
        )
    bad = mask & ~((uncertainty >= -_PAST_RANGE) & (uncertainty <= 1 + _PAST_RANGE))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"ranked_batch got uncertainty {uncertainty[row]} in row {row}; it is weighed against "
            f"a similarity and must be from 0 to 1, as that of least_confidence is."
        )
    return uncertainty
