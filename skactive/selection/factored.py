"""Vectors known by their factors, and the squared distances between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..data.arrays import (
    CORE_BYTES,
    as_floats,
    check_vectors,
    chunks,
    products,
    row_products,
    slices,
    squared_norms,
    steps,
    true_entries,
)
from ..data.types import Floats, Positions
from .distances import CLOSE

MOST_PICKS = 256  # picks that the rows of a chunk are compared with at a time
_CENTER_ROWS = 1024  # from which the centre of the vectors is estimated
_SINGLE_MOST = 1e30  # largest squared length whose products float32 has room for


def checked_factors(
    factors: tuple[ArrayLike, ...], *, who: str, check: Callable[..., Any] = check_vectors
) -> list[Any]:
    """Return one or two arrays of as many rows; a factor equal in all rows is dropped.

    Such a factor, as regressors have, scales all distances alike, which changes no choice.
    """
    if not isinstance(factors, tuple) or len(factors) not in (1, 2):
        what = f"{len(factors)} factors" if isinstance(factors, tuple) else type(factors).__name__
        raise ValueError(
            f"{who} got {what}; give a tuple of one array (h,) or of two (a, h), one row for each "
            f"row of the pool."
        )
    names = ("a", "h")[-len(factors) :]
    arrays = [check(array, who=who, name=name) for array, name in zip(factors, names, strict=True)]
    if len({array.shape[0] for array in arrays}) > 1:
        a, h = arrays
        raise ValueError(
            f"{who} got a with {a.shape[0]} rows and h with {h.shape[0]}; give both one row for "
            f"each row of the pool."
        )
    first = arrays[0]
    if len(arrays) > 1 and not sparse.issparse(first) and len(first) and first[0].any():
        is_same = all((first[rows] == first[0]).all() for rows in chunks(first))
        arrays = arrays[1:] if is_same else arrays
    return arrays


class Block(NamedTuple):
    """Some of the vectors: rows of each factor, dense or CSR, and their squared lengths."""

    factors: list[Any]
    squares: Any


class FactoredVectors:
    """Vectors g_i = a_i (x) h_i known by their factors, and the squared distances between them.

    No vector as long as the product is ever formed: <g_i, g_j> = <a_i, a_j> <h_i, h_j>. A single
    factor h is served too. `lengths` are squared, `n_terms` is how many numbers a row of all
    factors has at most, and `fits_single` tells whether float32 has room for their products.
    """

    def __init__(self, factors: list[Any], who: str = "d2_sampling"):
        self._factors = factors
        self._n_rows = factors[0].shape[0]
        self.n_terms = sum(map(_width, factors))
        self._center: NDArray | None = None
        parts = self._squared_parts()
        self.lengths = self._squares = _checked_lengths(parts, who)
        self._center = self._far_center()
        if self._center is not None:
            parts = self._squared_parts()
            self._squares = parts[0]
        self._largest = [max(float(part.max()), 1.0) for part in parts]
        self.fits_single = math.prod(self._largest) < _SINGLE_MOST and self.n_terms < 1e6

    def rounding(self, dtype) -> float:
        """Return a bound on the rounding error of an inner product, relative to the lengths.

        In any order of summation a factor's is off by its width and 2 roundings of its entries,
        their product and what is added to it by 4 more; twice that is taken, which covers terms of
        second order.
        """
        return float((self.n_terms + 16) * np.finfo(dtype).eps)

    def block(self, at, dtype: Any = np.float64) -> Block:
        """Return some vectors as seen from the centre, their factors in that dtype."""
        factors = [as_floats(factor[at]) for factor in self._factors]
        if self._center is not None:
            # Subtracted in the wider dtype: in float32 an offset would leave few digits.
            wide = np.result_type(factors[0], dtype)
            factors[0] = factors[0].astype(wide, copy=False) - self._center.astype(wide)
        return Block([part.astype(dtype, copy=False) for part in factors], self._squares[at])

    def parts(self, positions: Positions, dtype: Any = np.float64) -> Iterator[Block]:
        """Yield vectors, `MOST_PICKS` at a time."""
        for part in steps(len(positions), MOST_PICKS):
            yield self.block(positions[part], dtype)

    def squared_distances(self, x: Block, y: Block) -> Floats:
        """Return the squared distance of each of some vectors to each of others."""
        sums = x.squares[:, None] + y.squares
        distances = _inner(x, y)
        distances *= -2
        distances += sums
        # Where nearly all cancels few digits are left: those pairs are taken from differences.
        i, j = true_entries(distances <= CLOSE * sums)
        for part in slices(len(i), 8 * self.n_terms):  # of each pair some eight rows are made
            at = i[part], j[part]
            pairs = ([p[side] for p in b.factors] for b, side in zip((x, y), at, strict=True))
            distances[at] = self._apart(*pairs)
        return distances

    def apart(self, positions: Positions, one: int) -> Floats:
        """Return the squared distances of some vectors to one, by differences of factors."""
        x, y = (self.block(at).factors for at in (positions, np.full(len(positions), one)))
        return self._apart(x, y)

    def least(self, one: int) -> Floats:
        """Return no more than the squared distance of every vector to one, by products alone."""
        y = self.block([one])
        least = self._squares + self._squares[one]
        least *= 1 - 4 * self.rounding(np.float64)
        for rows in chunks(max(self._factors, key=_width)):
            least[rows] -= 2 * _inner(self.block(rows), y)[:, 0]
        return least

    def lower_exactly(self, bounds: Floats, picks: Positions) -> None:
        """Lower bounds on D^2 to the distances to picks themselves, `MOST_PICKS` of them a pass."""
        for y in self.parts(picks):
            for rows in self._chunks(len(y.squares)):
                nearest = self.squared_distances(y, self.block(rows)).min(axis=0)
                np.minimum(bounds[rows], nearest, out=bounds[rows])

    def lower(self, bounds: Floats, picks: Positions) -> None:
        """Lower bounds on D^2 by picks, in float32: what rounding may have taken is added."""
        share, lost = self._single_error()
        for y in self.parts(picks, np.float32):
            squares = (share * y.squares).astype(np.float32)
            for rows in self._chunks(len(squares)):
                x = self.block(rows, np.float32)
                distances = _inner(y, x)  # minima over the first axis are far quicker
                distances *= -2
                distances += squares[:, None]
                upper = share * x.squares + distances.min(axis=0) + lost
                np.minimum(bounds[rows], upper, out=bounds[rows])

    def _single_error(self) -> tuple[float, float]:
        """Return by what to multiply squares, and what to add, for bounds by float32 to hold."""
        # |<g_i, g_j>| is at most half the sum of the squares, so the error of every product is
        # covered by as much more of both squares; beside it there is what underflows.
        lost = 4 * float(np.finfo(np.float32).tiny) * (self.n_terms + 1) * sum(self._largest)
        return 1 + self.rounding(np.float32), lost

    def _apart(self, x: list[Any], y: list[Any]) -> Any:
        """Return squared distances of vectors to those beside them, by differences of factors."""
        differences = [p - q for p, q in zip(x, y, strict=True)]
        dots = self._dots
        if len(x) == 1:
            return dots(differences[0], differences[0])
        # a (x) h - b (x) k = (a - b) (x) (h + k)/2 + (a + b)/2 (x) (h - k)
        (da, dh), (ma, mh) = differences, [0.5 * (p + q) for p, q in zip(x, y, strict=True)]
        terms = dots(da, da) * dots(mh, mh) + dots(ma, ma) * dots(dh, dh)
        distances = terms + 2 * dots(da, ma) * dots(mh, dh)
        # The mixed term may cancel the others: what rounding alone could have left is 0.
        distances[distances <= 2 * self.rounding(np.float64) * terms] = 0.0
        return distances

    @staticmethod
    def _dots(x: Any, y: Any) -> Any:
        """Return the inner product of each row of a block with that beside it."""
        return row_products(x, y)

    @staticmethod
    def _host(block: Block) -> NDArray:
        """Return the first factor of a block, dense, as an array."""
        return block.factors[0]

    def _squared_parts(self) -> list[Floats]:
        """Return the squared lengths of the rows of each factor."""
        parts = [np.empty(self._n_rows) for _ in self._factors]
        self._squares = parts[0]  # `block` hands them out, though nothing reads them yet
        for rows in chunks(max(self._factors, key=_width), CORE_BYTES):
            for part, factor in zip(parts, self.block(rows).factors, strict=True):
                part[rows] = squared_norms(factor)
        return parts

    def _far_center(self) -> NDArray | None:
        """Return a point amid a single dense factor, if that is far from the origin.

        Distances are the same from there, and suffer less from rounding. Products of two factors
        have no such point.
        """
        if len(self._factors) > 1 or sparse.issparse(self._factors[0]):
            return None
        sample = self._host(self.block(slice(None, None, -(-self._n_rows // _CENTER_ROWS))))
        with np.errstate(over="ignore"):
            center = sample.mean(axis=0).astype(np.float32)  # numbers that every dtype can hold
        if not np.isfinite(center).all():
            return None
        length = np.square(center, dtype=np.float64).sum()
        return center if 2 * length > squared_norms(sample).mean() else None

    def _chunks(self, n_columns: int) -> Iterator[slice]:
        """Return slices of rows few enough for products with so many others."""
        return slices(self._n_rows, max(self.n_terms, n_columns))


def _checked_lengths(parts: list[Floats], who: str) -> Floats:
    """Return the squared lengths of products, refusing those that overflow, or sums of them."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = math.prod(parts[1:], start=parts[0])
        is_fine = np.isfinite(4 * lengths.sum())
    if not is_fine:
        raise ValueError(
            f"{who} got factors of which row {lengths.argmax()} is so long that squared lengths "
            f"overflow; divide them by their largest entry."
        )
    return lengths


def _inner(x: Block, y: Block) -> NDArray:
    """Return all inner products of some vectors with others, as a new array."""
    out, *others = map(products, x.factors, y.factors)
    for other in others:
        out *= other
    return out


def _width(vectors: Any) -> int:
    """Return how many numbers a row has, at most."""
    is_sparse = sparse.issparse(vectors)
    return int(np.diff(vectors.indptr).max(initial=0)) if is_sparse else vectors.shape[1]
