"""D^2 sampling on vectors that are known by their factors: exact, and mostly without the pool."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import as_positions, candidate_mask, check_vectors, wanted
from ..data.tensors import is_tensor
from ..data.types import Floats, Mask, Positions
from ..utils.threads import few_threads
from .factored import MOST_PICKS, Block, FactoredVectors, checked_factors

_SMALLEST_BLOCK, _LARGEST_BLOCK = 8, 256  # proposals that are rated at a time
_LEAST_ACCEPTED = 0.5  # share of proposals below which the bounds are brought up to date


def d2_sampling(
    factors: tuple[ArrayLike, ...],
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Draw rows one by one, each with probability proportional to D^2, as k-means++ seeds.

    :math:`D_i^2 = \min_{s \in S} \lVert g_i - g_s \rVert^2`, where S are the centres and the rows
    drawn before, and :math:`g_i = a_i \otimes h_i`. Since :math:`\langle g_i, g_j \rangle =
    \langle a_i, a_j \rangle \langle h_i, h_j \rangle`, no vector as long as their product is ever
    formed. Without centres the first row is the longest of the candidates, as in
    :class:`skactive.strategies.BADGE`.

    The distribution is that of the plain algorithm: rows are proposed from bounds
    :math:`W_i \ge D_i^2` that date from earlier picks, and accepted with probability
    :math:`D_i^2 / W_i`. The pool is read again only when fewer than half are accepted: at worst
    once for each pick, on most data a few times in all.

    Parameters
    ----------
    factors : tuple of one or two arrays with N rows
        ``(h,)``, the vectors themselves, or ``(a, h)``: shape (N, C) and (N, d), of any real dtype,
        dense or CSR. For BADGE, errors of the probabilities and the input of the last layer. Torch
        tensors are worked on where the last of them is.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they repel and are never chosen.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, in the order in which they were drawn. Where all that are left lie on
        picks or centres, any of them is as likely as any other.

    Raises
    ------
    TypeError, ValueError
        If there are not one or two factors, they do not hold real numbers, their rows do not match,
        there is NaN or infinity, squared lengths overflow, or positions are not integers or lie
        outside.

    Notes
    -----
    The distances that decide are float64, right to a share of :math:`2 \cdot 10^6 u (d + C + 16)`,
    u = 1.1e-16: below 1e-6 of the sum of the two squared lengths, where products would not give
    that, they are taken from the differences of the factors. So an exact duplicate of a pick is at
    exactly 0, and is never preferred to a distinct row. With two factors, a distance below
    :math:`4 u (d + C + 16) (\lVert a - a' \rVert^2 \lVert \bar h \rVert^2 + \lVert \bar a \rVert^2
    \lVert h - h' \rVert^2)`, which rounding alone could cause, counts as 0 too. Bounds are float32
    with their rounding error added, and float64 where that error would matter.

    Examples
    --------
    >>> h = np.array([[0.0, 0.0], [0.0, 0.0], [9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    >>> picks = d2_sampling((h,), 2, centers=[0], rng=np.random.default_rng(0))
    >>> sorted(picks.tolist()) in ([2, 4], [3, 4])
    True
    """
    parts = checked_factors(factors, who="d2_sampling", check=_checked_factor)
    n_rows = parts[0].shape[0]
    mask = candidate_mask(candidates, n_rows, centers)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    vectors = _prepared(parts)
    known = np.unique(as_positions(centers, n_rows))
    picks = known if len(known) else _longest(vectors, mask, rng)
    if len(picks) < len(known) + n:
        with few_threads(2.0 * n_rows * vectors.n_terms * (len(known) + n)):
            picks = _Sampler(vectors, mask, picks, rng).draw(len(known) + n)
    return picks[len(known) :]


def _prepared(factors: list[Any]) -> FactoredVectors:
    """Return the vectors of these factors, on the device of the last where that is a tensor."""
    if any(map(is_tensor, factors)):
        from .tensors.factored import FactoredTensors

        return FactoredTensors(factors)
    return FactoredVectors(factors)


def _checked_factor(vectors: ArrayLike, *, who: str, name: str) -> Any:
    """Return a factor as it is, on its device, refusing what is not finite numbers."""
    if is_tensor(vectors):
        from .tensors.common import checked_tensor

        return checked_tensor(vectors, who=who, name=name)
    return check_vectors(vectors, who=who, name=name)


def _longest(vectors: FactoredVectors, mask: Mask, rng: np.random.Generator) -> Positions:
    """Return one of the longest candidates."""
    lengths = np.where(mask, vectors.lengths, -1.0)
    # Equal rows may differ in their last bits, by where they lie in memory.
    tied = np.flatnonzero(lengths >= lengths.max() * (1 - vectors.rounding(np.float64)))
    return rng.choice(tied, 1)


class _Sampler:
    """Draws rows in proportion to D^2, by rejection from bounds W >= D^2."""

    def __init__(
        self, vectors: FactoredVectors, mask: Mask, picks: Positions, rng: np.random.Generator
    ):
        self._vectors = vectors
        self._mask = mask
        self._rng = rng
        self._picks = picks
        self._n_passed = 0  # of the picks, those that the bounds know
        self._is_exact = not vectors.fits_single  # whether the bounds are float64 distances
        self._bounds = np.where(mask, np.inf, 0.0)
        self._block_size = _SMALLEST_BLOCK

    def draw(self, n_picks: int) -> Positions:
        """Return the picks, continued to `n_picks`."""
        self._refresh()
        while len(self._picks) < n_picks:
            if not self._bounds.any():  # all that are left lie on picks
                rest = np.setdiff1d(np.flatnonzero(self._mask), self._picks, assume_unique=True)
                chosen = self._rng.choice(rest, n_picks - len(self._picks), replace=False)
                return np.append(self._picks, chosen)
            self._draw_block(n_picks - len(self._picks))
        return self._picks

    def _draw_block(self, n: int) -> None:
        """Propose a block of rows, accept at most `n`, and refresh the bounds if these are few."""
        proposals = self._propose(min(self._block_size, 2 * n + _SMALLEST_BLOCK))
        weights = self._bounds[proposals]
        block = self._vectors.block(proposals)
        nearest = np.full(len(proposals), np.inf)
        for picks in self._vectors.parts(self._picks):
            distances = self._vectors.squared_distances(block, picks).min(axis=1)
            np.minimum(nearest, distances, out=nearest)
        # All of this block were proposed by the old weights, and are accepted by these; the bounds
        # that were just lowered serve the next block.
        self._bounds[proposals] = np.minimum(weights, nearest)
        tightness = np.minimum(nearest / weights, 1).mean()
        n_seen, accepted = self._accept(block, weights, nearest, n)
        is_current = self._n_passed == len(self._picks)
        self._picks = np.append(self._picks, proposals[accepted])
        self._bounds[proposals[accepted]] = 0.0
        if is_current and tightness < _LEAST_ACCEPTED and not self._is_exact:
            # Bounds that know all picks are still twice too large: rounding in float32 does that.
            self._is_exact, self._n_passed = True, 0
            self._refresh()
        elif len(accepted) >= _LEAST_ACCEPTED * n_seen:
            self._block_size = min(2 * self._block_size, _LARGEST_BLOCK)
        else:
            self._block_size = max(self._block_size // 2, _SMALLEST_BLOCK)
            self._refresh()

    def _propose(self, size: int) -> Positions:
        """Return rows, each drawn in proportion to the bounds."""
        weights = np.cumsum(self._bounds)
        proposals = np.searchsorted(weights, self._rng.random(size) * weights[-1], side="right")
        # A product rounded up to the whole sum would lead beyond the last row of weight above 0.
        last = np.searchsorted(weights, weights[-1])
        return np.minimum(proposals, last)

    def _accept(
        self, block: Block, weights: Floats, nearest: Floats, n: int
    ) -> tuple[int, list[int]]:
        """Return how many of a block were looked at, and which were accepted, at most `n`."""
        # A row proposed in proportion to W is accepted with probability D²/W: so by D² in all.
        heights = self._rng.random(len(weights)) * weights
        between = self._vectors.squared_distances(block, block)
        accepted: list[int] = []
        for i, height in enumerate(heights):
            if height < nearest[i]:
                accepted.append(i)
                if len(accepted) == n:
                    return i + 1, accepted
                nearest = np.minimum(nearest, between[i])  # it repels the rest of the block too
        return len(heights), accepted

    def _refresh(self) -> None:
        """Lower the bounds by picks they do not know: as many as they know, or `MOST_PICKS`."""
        new = self._picks[self._n_passed :][: max(self._n_passed, MOST_PICKS)]
        lower = self._vectors.lower_exactly if self._is_exact else self._vectors.lower
        lower(self._bounds, new)
        self._n_passed += len(new)
