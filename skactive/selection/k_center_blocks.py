"""The greedy k-center algorithm over blocks of vectors, of which one is in memory at a time.

Distances to centres and picks only fall, so those of the last pass are upper bounds. A pass brings
all of them up to date and keeps the vectors of the farthest rows; picks are made among these as
long as the farthest of them is farther than any other row can be, and then the next pass begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import (
    as_floats,
    as_positions,
    candidate_mask,
    check_vectors,
    join_vectors,
    n_bytes_of,
    wanted,
)
from ..data.types import Floats, Mask, Positions, Vectors
from .distances import lower_all
from .farthest import CLOSED

_KEPT_BYTES = 1 << 26  # of the vectors of the farthest rows
_LEAST_KEPT = 256


def k_center_in_blocks(
    blocks: Callable[[], Iterable[ArrayLike]],
    n: int,
    *,
    candidates: ArrayLike,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
    n_bytes: int = _KEPT_BYTES,
) -> Positions:
    """Choose, again and again, the farthest row, as :func:`k_center` does, of any number of rows.

    Exact: it makes the picks of `k_center` but for ties, which chance breaks otherwise. In memory
    are one block, eight bytes a row, and the vectors of the farthest rows, from which several
    picks are made between two passes.

    Parameters
    ----------
    blocks : callable
        Called without parameters, once a pass: gives the vectors of consecutive rows, arrays or
        CSR matrices of shape (m, d), from the first to the last.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,)
        The only rows that may be chosen.
    centers : array of int, optional
        Positions of rows that are labelled or reserved: they repel and are never chosen. Their
        vectors are in memory.
    rng : numpy.random.Generator
        Breaks ties.
    n_bytes : int, default=64 MB
        How much memory the vectors of the farthest rows may take.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first. Rows that equal a centre or a pick come last, by chance.

    Raises
    ------
    TypeError, ValueError
        If vectors have no finite real numbers, blocks are not one vector for each row, or
        positions are no integers or lie outside.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [5.0], [9.0]])
    >>> k_center_in_blocks(
    ...     lambda: np.split(X, 2),
    ...     2,
    ...     candidates=[False, True, True, True],
    ...     centers=[0],
    ...     rng=np.random.default_rng(0),
    ... )
    array([3, 2])
    """
    mask = np.asarray(candidates)
    if mask.dtype != bool or mask.ndim != 1:
        raise TypeError(
            f"k_center_in_blocks got candidates of dtype {mask.dtype} and shape {mask.shape}; give "
            f"one bool for each row, which says how many rows there are."
        )
    near = np.unique(as_positions(centers, len(mask)))
    mask = candidate_mask(mask, len(mask), near)
    search = _Search(blocks, mask, wanted(n, mask), rng, n_bytes)
    if search.n == 0:
        return np.empty(0, dtype=np.intp)
    if len(near):
        search.new = search.rows_at(near)
    else:
        search.start()
    return search.run()


class _Search:
    """Picks, distances of all rows, and the vectors of those picks that no pass has seen.

    Attributes
    ----------
    distances : ndarray of shape (N,)
        Of each row, squared, to the centres and to all picks before the last pass; `CLOSED` where
        it cannot be chosen.
    new : list
        Vectors of centres and picks since.
    """

    def __init__(self, blocks, mask: Mask, n: int, rng, n_bytes: int) -> None:
        self.blocks, self.n, self.rng, self.n_bytes = blocks, n, rng, n_bytes
        self.distances = np.where(mask, np.inf, CLOSED)
        self.picks: list[int] = []
        self.new: list[Vectors] = []

    def passed(self) -> Iterator[tuple[slice, Vectors]]:
        """Go through the blocks, with where each lies."""
        start = 0
        for block in self.blocks():
            vectors = check_vectors(block, who="k_center_in_blocks")
            stop = start + vectors.shape[0]
            if stop > len(self.distances):
                break
            yield slice(start, stop), vectors
            start = stop
        else:
            stop = start
        if stop != len(self.distances):
            raise ValueError(
                f"blocks gave {stop} vectors or more for {len(self.distances)} candidates and "
                f"others; give one for each row."
            )

    def rows_at(self, positions: Positions) -> list[Vectors]:
        """Return the vectors at sorted positions, as one for each block that has some."""
        found = []
        for at, vectors in self.passed():
            inside = positions[(at.start <= positions) & (positions < at.stop)] - at.start
            if len(inside):
                found.append(vectors[inside])
        return found

    def start(self) -> None:
        """Pick the candidate nearest the mean of all."""
        sums = []
        for at, vectors in self.passed():
            some = (self.distances[at] >= 0).astype(np.float64)
            sums.append(some @ as_floats(vectors, np.float64))
        mean = np.sum(sums, axis=0)[None] / np.count_nonzero(self.distances >= 0)
        to_mean = np.full(len(self.distances), np.inf)
        for at, vectors in self.passed():
            to_mean[at] = _lowered(to_mean[at], vectors, mean)
        to_mean[self.distances < 0] = np.inf
        row = self.rng.choice(np.flatnonzero(to_mean == to_mean.min()))
        self.picks.append(int(row))
        self.distances[row] = CLOSED
        self.new = self.rows_at(np.array([row]))

    def run(self) -> Positions:
        """Pick until there are enough."""
        while len(self.picks) < self.n:
            positions, vectors, bar = self.farthest()
            squared = self.distances[positions]
            while len(self.picks) < self.n:
                best = squared.max(initial=CLOSED)
                if best < bar:  # another may be farther by now
                    break
                if best <= 0:
                    return self.with_rest()
                at = int(self.rng.choice(np.flatnonzero(squared == best)))
                self.picks.append(int(positions[at]))
                self.distances[positions[at]] = CLOSED
                self.new.append(vectors[at : at + 1])
                squared = np.where(squared < 0, CLOSED, _lowered(squared, vectors, self.new[-1]))
        return np.array(self.picks, dtype=np.intp)

    def farthest(self) -> tuple[Positions, Vectors, float]:
        """Bring all distances up to date; return the farthest rows, and how far others are."""
        new, self.new = join_vectors(self.new), []
        kept: list[tuple[Positions, Vectors]] = []
        bar, n_kept = CLOSED, 0
        for at, vectors in self.passed():
            before = self.distances[at]
            squared = np.where(before < 0, CLOSED, _lowered(before, vectors, new))
            self.distances[at] = squared
            some = np.flatnonzero(squared > max(bar, 0.0))
            if not len(some):
                continue
            kept.append((some + at.start, vectors[some]))
            n_kept += len(some)
            most = max(_LEAST_KEPT, self.n_bytes // max(1, n_bytes_of(vectors) // vectors.shape[0]))
            if n_kept > 2 * most:
                kept, bar = self.cut(kept, most, bar)
                n_kept = most
        if not kept:  # all are at a centre
            return np.empty(0, dtype=np.intp), new[:0], bar
        if n_kept > most:
            kept, bar = self.cut(kept, most, bar)
        return np.concatenate([at for at, _ in kept]), join_vectors([v for _, v in kept]), bar

    def cut(self, kept: list, most: int, bar: float) -> tuple[list, float]:
        """Leave out all but the farthest rows, equals by chance; return how far others are."""
        positions = np.concatenate([at for at, _ in kept])
        squared = self.distances[positions]
        order = np.lexsort([self.rng.random(len(squared)), -squared])
        stay, bar = np.sort(order[:most]), max(bar, float(squared[order[most]]))
        vectors = join_vectors([vectors for _, vectors in kept])
        return [(positions[stay], vectors[stay])], bar

    def with_rest(self) -> Positions:
        """Return the picks, and then any of the rows that are left: all are at 0."""
        rest = self.rng.permutation(np.flatnonzero(self.distances >= 0))
        picks = np.array(self.picks, dtype=np.intp)
        return np.concatenate([picks, rest[: self.n - len(picks)]])


def _lowered(squared: Floats, vectors: Vectors, others: Vectors) -> Floats:
    """Return squared distances of rows, lowered to those to some others."""
    n = vectors.shape[0]
    joined = join_vectors([vectors, others])
    known = np.concatenate(
        [np.where(squared < 0, np.inf, squared), np.full(others.shape[0], np.inf)]
    )
    return lower_all(known, joined, np.arange(n, joined.shape[0]))[:n]
