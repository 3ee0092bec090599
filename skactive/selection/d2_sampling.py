"""D^2 sampling on vectors that are known by their factors: exact, and mostly without the pool."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..data.arrays import (
    CHUNK_BYTES,
    Mask,
    Positions,
    as_floats,
    as_positions,
    candidate_mask,
    check_vectors,
    chunks,
    products,
    squared_norms,
    true_entries,
    wanted,
)
from ..data.tensors import is_tensor
from ..utils.threads import few_threads

Floats = NDArray[np.float64]

_SMALLEST_BLOCK, _LARGEST_BLOCK = 8, 256  # proposals that are rated at a time
_COLUMNS = 256  # picks that the rows of a chunk are compared with at a time
_MIN_ACCEPTED = 0.5  # share of proposals below which the bounds are brought up to date
_CLOSE = 1e-6  # share of the squared lengths below which distances are taken from differences
_SAMPLE_ROWS = 1024  # from which the centre of the vectors is estimated
_SUMMED_BYTES = 1 << 19  # of rows that are summed up at a time, as float64: half a core's cache
_SINGLE_MAX = 1e30  # largest squared length that float32 has room for


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
    formed. Without centres the first row is the longest of the candidates, as in BADGE [2]_.

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
    TypeError
        If the factors do not hold real numbers, or positions are not integers.
    ValueError
        If there are not one or two factors, their rows do not match, they hold NaN or infinity or
        their squared lengths overflow, or a position lies outside the rows.

    Notes
    -----
    The distances that decide are float64: right to a share of :math:`2 \cdot 10^6 u (d + C + 16)`,
    u = 1.1e-16. Where that would not hold, below 1e-6 of the sum of the two squared lengths, they
    are taken from the differences of the factors. So an exact duplicate of a pick is at exactly 0,
    and is never preferred to a distinct row. With two factors, a distance below
    :math:`4 u (d + C + 16) (\lVert a - a' \rVert^2 \lVert \bar h \rVert^2 + \lVert \bar a \rVert^2
    \lVert h - h' \rVert^2)`, which rounding alone could cause, counts as 0 too. Bounds are float32
    with their rounding error added, and float64 where that error would matter.

    References
    ----------
    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: The Advantages of Careful Seeding",
       SODA 2007.
    .. [2] J. Ash, C. Zhang, A. Krishnamurthy, J. Langford and A. Agarwal, "Deep Batch Active
       Learning by Diverse, Uncertain Gradient Lower Bounds", ICLR 2020.

    Examples
    --------
    >>> h = np.array([[0.0, 0.0], [0.0, 0.0], [9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    >>> picks = d2_sampling((h,), 2, centers=[0], rng=np.random.default_rng(0))
    >>> sorted(picks.tolist()) in ([2, 4], [3, 4])
    True
    """
    parts = _checked_factors(factors)
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


def _checked_factors(factors: tuple[ArrayLike, ...]) -> list[Any]:
    """Return one or two arrays with as many rows; a factor that is the same in every row is left.

    Such a factor, as regressors have, scales all distances alike, and what scales them all alike
    changes no choice.
    """
    if not isinstance(factors, tuple) or len(factors) not in (1, 2):
        what = f"{len(factors)} factors" if isinstance(factors, tuple) else type(factors).__name__
        raise ValueError(
            f"d2_sampling got {what}; give a tuple of one array (h,) or of two (a, h), one row "
            f"for each row of the pool."
        )
    names = ("a", "h")[-len(factors) :]
    arrays = [_checked(array, name) for array, name in zip(factors, names, strict=True)]
    if len({array.shape[0] for array in arrays}) > 1:
        a, h = arrays
        raise ValueError(
            f"d2_sampling got a with {a.shape[0]} rows and h with {h.shape[0]}; give both one row "
            f"for each row of the pool."
        )
    first = arrays[0]
    if len(arrays) > 1 and not sparse.issparse(first) and len(first) and first[0].any():
        is_same = all((first[rows] == first[0]).all() for rows in chunks(first))
        arrays = arrays[1:] if is_same else arrays
    return arrays


def _prepared(factors: list[Any]) -> _Vectors:
    """Return the vectors of these factors, on the device of the last where that is a tensor."""
    if any(map(is_tensor, factors)):
        from .tensors.d2_sampling import TensorVectors

        return TensorVectors(factors)
    return _Vectors(factors)


def _checked(vectors: ArrayLike, name: str) -> Any:
    """Return a factor as it is, refusing what is not finite numbers."""
    if is_tensor(vectors):
        from .tensors.common import check_tensor

        return check_tensor(vectors, who="d2_sampling", name=name)
    return check_vectors(vectors, who="d2_sampling", name=name)


def _longest(vectors: _Vectors, mask: Mask, rng: np.random.Generator) -> Positions:
    """Return one of the longest candidates."""
    lengths = np.where(mask, vectors.lengths, -1.0)
    # Equal rows may differ in their last bits, by where they lie in memory.
    tied = np.flatnonzero(lengths >= lengths.max() * (1 - vectors.rounding(np.float64)))
    return rng.choice(tied, 1)


class _Block(NamedTuple):
    """Some of the vectors: rows of each factor, dense or CSR, and their squared lengths."""

    factors: list[Any]
    squares: Any


class _Vectors:
    """Vectors g_i known by their factors, and the squared distances between them.

    Attributes
    ----------
    lengths : ndarray of float64, shape (N,)
        Their squared lengths.
    fits_single : bool
        Whether float32 has room for their products.
    n_terms : int
        How many numbers a row of all factors has, at most.
    """

    def __init__(self, factors: list[Any]):
        self._factors = factors
        self._n_rows = factors[0].shape[0]
        self.n_terms = sum(map(_width, factors))
        self._center: NDArray | None = None
        parts = self._squared_parts()
        self.lengths = self._squares = _checked_lengths(parts)
        self._center = self._far_center()
        if self._center is not None:
            parts = self._squared_parts()
            self._squares = parts[0]
        self._largest = [max(float(part.max()), 1.0) for part in parts]
        self.fits_single = math.prod(self._largest) < _SINGLE_MAX and self.n_terms < 1e6

    def rounding(self, dtype) -> float:
        """Return a bound on the rounding error of an inner product, relative to the lengths.

        In any order of summation a factor's is off by its width and 2 roundings of its entries,
        their product and what is added to it by 4 more; twice that is taken, which covers terms of
        second order.
        """
        return float((self.n_terms + 16) * np.finfo(dtype).eps)

    def block(self, at, dtype: Any = np.float64) -> _Block:
        """Return some vectors, seen from the centre, their factors of that dtype."""
        factors = [as_floats(factor[at]) for factor in self._factors]
        if self._center is not None:
            wide = np.result_type(factors[0], dtype)
            factors[0] = factors[0].astype(wide, copy=False) - self._center.astype(wide)
        return _Block([part.astype(dtype, copy=False) for part in factors], self._squares[at])

    def parts(self, positions: Positions, dtype: Any = np.float64) -> Iterator[_Block]:
        """Yield vectors, some at a time."""
        for start in range(0, len(positions), _COLUMNS):
            yield self.block(positions[start : start + _COLUMNS], dtype)

    def squared_distances(self, x: _Block, y: _Block) -> Floats:
        """Return the squared distance of each of some vectors to each of others."""
        sums = x.squares[:, None] + y.squares
        distances = _inner(x, y)
        distances *= -2
        distances += sums
        i, j = true_entries(distances <= _CLOSE * sums)
        step = 64 + CHUNK_BYTES // (64 * self.n_terms + 8)  # of each pair some eight rows are made
        for start in range(0, len(i), step):
            at = i[start : start + step], j[start : start + step]
            pairs = ([part[side] for part in b.factors] for b, side in zip((x, y), at, strict=True))
            distances[at] = self._apart(*pairs)
        return distances

    def lower_exactly(self, bounds: Floats, picks: Positions) -> None:
        """Lower bounds on D^2 by picks, to the very distances, in one pass for `_COLUMNS` picks."""
        for y in self.parts(picks):
            for rows in self._chunks(len(y.squares)):
                nearest = self.squared_distances(y, self.block(rows)).min(axis=0)
                np.minimum(bounds[rows], nearest, out=bounds[rows])

    def lower(self, bounds: Floats, picks: Positions) -> None:
        """Lower bounds on D^2 by picks, in float32: what rounding may have taken is added."""
        # |<g_i, g_j>| is at most half the sum of the squares, so the error of every product is
        # covered by as much more of both squares; beside it there is what underflows.
        share = 1 + self.rounding(np.float32)
        lost = 4 * np.finfo(np.float32).tiny * (self.n_terms + 1) * sum(self._largest)
        for y in self.parts(picks, np.float32):
            squares = (share * y.squares).astype(np.float32)
            for rows in self._chunks(len(squares)):
                x = self.block(rows, np.float32)
                distances = _inner(y, x)  # minima over the first axis are far quicker
                distances *= -2
                distances += squares[:, None]
                upper = share * x.squares + distances.min(axis=0) + lost
                np.minimum(bounds[rows], upper, out=bounds[rows])

    def _apart(self, x: list[Any], y: list[Any]) -> Any:
        """Squared distances of vectors to those beside them, from differences of their factors."""
        differences = [p - q for p, q in zip(x, y, strict=True)]
        dots = self._dots
        if len(x) == 1:
            return dots(differences[0], differences[0])
        # a (x) h - b (x) k = (a - b) (x) (h + k)/2 + (a + b)/2 (x) (h - k)
        (da, dh), (ma, mh) = differences, [0.5 * (p + q) for p, q in zip(x, y, strict=True)]
        terms = dots(da, da) * dots(mh, mh) + dots(ma, ma) * dots(dh, dh)
        distances = terms + 2 * dots(da, ma) * dots(mh, dh)
        distances[distances <= 2 * self.rounding(np.float64) * terms] = 0.0
        return distances

    @staticmethod
    def _dots(x: Any, y: Any) -> Any:
        """Return the inner product of each row of a block with that beside it."""
        if sparse.issparse(x):
            return np.asarray(x.multiply(y).sum(axis=1)).ravel()
        return np.einsum("ij,ij->i", x, y)

    @staticmethod
    def _host(block: _Block) -> NDArray:
        """Return the first factor of a block, dense, as an array."""
        return block.factors[0]

    def _squared_parts(self) -> list[Floats]:
        """Return the squared lengths of the rows of each factor."""
        parts = [np.empty(self._n_rows) for _ in self._factors]
        self._squares = parts[0]
        for rows in chunks(max(self._factors, key=_width), _SUMMED_BYTES):
            for part, factor in zip(parts, self.block(rows).factors, strict=True):
                part[rows] = squared_norms(factor)
        return parts

    def _far_center(self) -> NDArray | None:
        """Return a point amid a single dense factor, if that is far from the origin.

        Distances are the same from there, and suffer less from rounding.
        """
        if len(self._factors) > 1 or sparse.issparse(self._factors[0]):
            return None
        sample = self._host(self.block(slice(None, None, -(-self._n_rows // _SAMPLE_ROWS))))
        with np.errstate(over="ignore"):
            center = sample.mean(axis=0).astype(np.float32)  # a number that every dtype can hold
        if not np.isfinite(center).all():
            return None
        length = np.square(center, dtype=np.float64).sum()
        return center if 2 * length > squared_norms(sample).mean() else None

    def _chunks(self, n_columns: int) -> Iterator[slice]:
        """Slices of rows that fit in the cache, as does what is said of them and of columns."""
        step = max(CHUNK_BYTES // (8 * max(self.n_terms, n_columns)), 64)
        n = self._n_rows
        return (slice(start, min(start + step, n)) for start in range(0, n, step))


class _Sampler:
    """Draws rows in proportion to D^2, by rejection from bounds W >= D^2."""

    def __init__(self, vectors: _Vectors, mask: Mask, picks: Positions, rng: np.random.Generator):
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
        """Propose a block of rows, accept at most `n`, and see to the bounds if these are few."""
        proposals = self._propose(min(self._block_size, 2 * n + _SMALLEST_BLOCK))
        weights = self._bounds[proposals]
        block = self._vectors.block(proposals)
        nearest = np.full(len(proposals), np.inf)
        for picks in self._vectors.parts(self._picks):
            distances = self._vectors.squared_distances(block, picks).min(axis=1)
            np.minimum(nearest, distances, out=nearest)
        # The weights of the proposal stand for the whole block; lower bounds serve the next one.
        self._bounds[proposals] = np.minimum(weights, nearest)
        tightness = np.minimum(nearest / weights, 1).mean()
        n_seen, accepted = self._accept(block, weights, nearest, n)
        is_current = self._n_passed == len(self._picks)
        self._picks = np.append(self._picks, proposals[accepted])
        self._bounds[proposals[accepted]] = 0.0
        if is_current and tightness < _MIN_ACCEPTED and not self._is_exact:
            self._is_exact, self._n_passed = True, 0  # rounding in float32 is what keeps them up
            self._refresh()
        elif len(accepted) >= _MIN_ACCEPTED * n_seen:
            self._block_size = min(2 * self._block_size, _LARGEST_BLOCK)
        else:
            self._block_size = max(self._block_size // 2, _SMALLEST_BLOCK)
            self._refresh()

    def _propose(self, size: int) -> Positions:
        """Return rows, each drawn in proportion to the bounds."""
        weights = np.cumsum(self._bounds)
        proposals = np.searchsorted(weights, self._rng.random(size) * weights[-1], side="right")
        last = np.searchsorted(weights, weights[-1])  # rounding must not lead beyond it
        return np.minimum(proposals, last)

    def _accept(
        self, block: _Block, weights: Floats, nearest: Floats, n: int
    ) -> tuple[int, list[int]]:
        """Return how many of a block were looked at, and at most `n` that were accepted."""
        heights = self._rng.random(len(weights)) * weights
        between = self._vectors.squared_distances(block, block)
        accepted: list[int] = []
        for i, height in enumerate(heights):
            if height < nearest[i]:
                accepted.append(i)
                if len(accepted) == n:
                    return i + 1, accepted
                nearest = np.minimum(nearest, between[i])  # the others must keep away from it too
        return len(heights), accepted

    def _refresh(self) -> None:
        """Lower the bounds by picks they do not know: as many as they know, or `_COLUMNS`."""
        new = self._picks[self._n_passed :][: max(self._n_passed, _COLUMNS)]
        lower = self._vectors.lower_exactly if self._is_exact else self._vectors.lower
        lower(self._bounds, new)
        self._n_passed += len(new)


def _checked_lengths(parts: list[Floats]) -> Floats:
    """Return the squared lengths of products, refusing those that overflow, or sums of them."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = math.prod(parts[1:], start=parts[0])
        is_fine = np.isfinite(4 * lengths.sum())
    if not is_fine:
        raise ValueError(
            f"d2_sampling got factors of which row {lengths.argmax()} is so long that squared "
            f"lengths overflow; divide them by their largest entry."
        )
    return lengths


def _inner(x: _Block, y: _Block) -> NDArray:
    """Return all inner products of some vectors with others, as a new array."""
    out, *others = map(products, x.factors, y.factors)
    for other in others:
        out *= other
    return out


def _width(vectors: Any) -> int:
    """Return how many numbers a row has, at most."""
    is_sparse = sparse.issparse(vectors)
    return int(np.diff(vectors.indptr).max(initial=0)) if is_sparse else vectors.shape[1]
