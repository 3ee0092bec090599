"""Farthest first: again and again the row that is farthest from all centres and earlier picks.

What `k_center` and `coral` share. Old distances are upper bounds, so most rows need not be looked
at again: only an active set, the rows with the largest bounds, is kept up to date.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .arrays import Mask, Positions, Vectors, as_floats, chunks
from .bounds import Bounds
from .distances import CHUNK_BYTES, Floats, Rows, lower_all, lowered, mean_of


_MIN_ACTIVE = 256
_SLACK = 0.25  # of the cost of the eager algorithm, which the lazy one may lose by being tried
_MANY = 16  # rows left in doubt by one pass are many where they are the pool over this
# Costs, as measured, in units of reading a float of the pool in a product with one vector:
_PASS = 10  # of a row, in each pass over all bounds
_SCAN = 30  # of a row, each time that the active set is chosen
_GATHER = 70  # of each float of a row that becomes active
_PAIR = 40  # of comparing such a row with one pick

_CLOSED = -1.0  # the bound of a row that cannot be chosen, or is active


def farthest_first(
    vectors: Vectors,
    n: int,
    *,
    mask: Mask,
    known: Floats,
    weights: Floats | None = None,
    rng: np.random.Generator,
) -> Positions:
    """Positions of rows, each the one with the largest weighted squared distance to all before it.

    Parameters
    ----------
    vectors : ndarray or CSR matrix of shape (N, d)
        As `check_vectors` returns them.
    n : int
        How many; no more than there are candidates.
    mask : ndarray of bool, shape (N,)
        The candidates.
    known : ndarray of float64, shape (N,)
        Squared distances to the centres; all infinite where there are none. Then the first row is
        that of the largest weight, among equals the one nearest the mean of the candidates.
    weights : ndarray of float64, shape (N,), optional
        What squared distances are multiplied by, 0 or more.
    rng : numpy.random.Generator
        Breaks ties.

    Returns
    -------
    ndarray of intp, shape (n,)
        In the order in which they were chosen.
    """
    if n == 0:
        return np.empty(0, dtype=np.intp)
    is_far = np.isinf(known[mask])
    if is_far.any() and not is_far.all():
        bad = int(np.flatnonzero(mask & np.isinf(known))[0])
        raise ValueError(
            f"distances are infinite at row {bad} and finite elsewhere; give the squared distance "
            f"of each row to the nearest centre, or infinity for all where there is no centre."
        )
    first = None
    if is_far.all():
        first = _first(vectors, mask, weights, rng)
        known = lower_all(known.copy(), vectors, np.array([first]))
    search = _Search(vectors, n, mask, known, weights, rng)
    if first is not None:
        search.take(first)
    return search.run()


def _first(
    vectors: Vectors, mask: Mask, weights: Floats | None, rng: np.random.Generator
) -> np.intp:
    """The candidate nearest the mean of the candidates, of those of the largest weight."""
    mean = np.zeros(vectors.shape[1])
    for part in chunks(vectors, CHUNK_BYTES):
        mean += mask[part].astype(np.float64) @ as_floats(vectors[part], np.float64)
    mean /= np.count_nonzero(mask)
    if weights is not None:
        mask = mask & (weights == weights[mask].max())
    squared = np.full(len(mask), np.inf)
    for part in chunks(vectors, CHUNK_BYTES):
        if mask[part].any():
            squared[part] = _to_point(vectors[part], mean)
    squared[~mask] = np.inf
    return rng.choice(np.flatnonzero(squared == squared.min()))


def _to_point(block, point: Floats) -> Floats:
    """Squared distances of rows to a point; where rows are sparse, up to the same constant."""
    block = as_floats(block, np.float64)
    if sparse.issparse(block):
        return np.asarray(block.multiply(block).sum(axis=1)).ravel() - 2 * (block @ point)
    apart = np.ascontiguousarray(block - point)
    return np.einsum("ij,ij->i", apart, apart)


class _Picked:
    """Picked rows, prepared for comparison."""

    def __init__(self, vectors: Vectors, n: int, shift: Floats | None):
        self.vectors, self.shift, self.n = vectors, shift, 0
        self.positions = np.empty(n, dtype=np.intp)
        self.last = Rows.take(vectors, self.positions[:0], shift)
        if shift is not None:
            self.shifted, self.lengths = np.empty((n, vectors.shape[1])), np.empty(n)

    def add(self, row: np.intp) -> None:
        """Add a row, which is then the last."""
        self.last = Rows.take(self.vectors, np.array([row]), self.shift)
        self.positions[self.n] = row
        if self.shift is not None:
            self.shifted[self.n] = self.last.shifted[0]
            self.lengths[self.n] = self.last.lengths[0]
        self.n += 1

    def all(self) -> Rows:
        """Return all of them: where they are dense, without a copy."""
        positions = self.positions[: self.n]
        if self.shift is None:
            return Rows.take(self.vectors, positions, None)
        return Rows(self.vectors, positions, self.shifted[: self.n], self.lengths[: self.n])


class _Search:
    """The state of a search: picks, bounds of all rows, and the active rows.

    Attributes
    ----------
    bounds : ndarray of shape (N,)
        Squared distances to the centres and some of the picks, of rows that are not active.
    active : Rows
        Of the largest weighted bounds, and `fresh`, their distances to all centres and picks.
    bar : float
        Largest weighted bound of the other rows.
    spent : float
        What bringing bounds up to date has cost, in units of a float that is read.
    eager : Bounds, optional
        What applies each pick to the bounds of all rows, once the lazy way costs more.
    """

    def __init__(self, vectors, n, mask, known, weights, rng):
        self.vectors, self.known, self.weights, self.rng = vectors, known, weights, rng
        self.bounds: Floats = np.where(mask, known, _CLOSED)
        self.n = n
        self.shift = mean_of(vectors, np.arange(len(mask)))
        self.picked = _Picked(vectors, n, self.shift)
        self.active, self.fresh, self.bar = self.picked.last, np.empty(0), np.inf
        self.spent = 0.0
        self.eager: Any = None  # Bounds, once the eager way is taken
        is_sparse = sparse.issparse(vectors)
        self.width = vectors.nnz / len(mask) if is_sparse else vectors.shape[1]

    @property
    def picks(self) -> Positions:
        """Positions in the order in which they were chosen."""
        return self.picked.positions[: self.picked.n]

    def run(self) -> Positions:
        """Pick until there are enough."""
        while self.picked.n < self.n:
            # The eager way: at worst so much of its cost has been lost when it is taken.
            budget = (self.picked.n + _SLACK * self.n) * len(self.bounds) * (self.width + _PASS)
            if self.eager is None and self.spent > budget:
                self._park(np.zeros(len(self.active), dtype=bool))
                self.active = Rows.take(self.vectors, self.picks[:0], self.shift)
                self.eager = Bounds(self.vectors, self.shift)
                self.eager.lower(self.bounds, self.picks)
            row = self._lazily() if self.eager is None else self._eagerly()
            if row is None:
                return self._with_rest()
            self.take(row)
        return self.picks

    def take(self, row: np.intp) -> None:
        """Note a pick, and bring the active rows, or the bounds of all, up to date."""
        self.picked.add(row)
        self.bounds[row] = _CLOSED
        if self.eager is not None:
            self.eager.lower(self.bounds, self.picks[-1:])
        elif len(self.active):
            self.fresh[self.active.positions == row] = _CLOSED
            self.fresh = lowered(self.fresh, self.active, self.picked.last)

    def _lazily(self) -> np.intp | None:
        """The best of the active rows, once no bound of another exceeds it; None: all at 0."""
        while True:
            values = self._weighted(self.fresh, self.active.positions)
            best = values.max(initial=_CLOSED)
            if best >= self.bar:
                return self._any(self.active.positions[values == best]) if best > 0 else None
            self._refill(values)

    def _eagerly(self) -> np.intp | None:
        """The best row, given bounds to which every pick was applied; None: all at 0."""
        values = self._weighted(self.bounds)
        row = values.argmax()
        if values[row] <= 0:
            return None
        self._refresh(np.array([row]))
        doubtful = np.flatnonzero(values >= self._weighted(self.bounds[row], row))
        if len(doubtful) > 1:
            self._refresh(doubtful)
        if len(doubtful) > len(values) // _MANY + _MIN_ACTIVE:
            self.eager.refine()
        values = self._weighted(self.bounds[doubtful], doubtful)
        best = values.max()
        return self._any(doubtful[values == best]) if best > 0 else None

    def _refresh(self, positions: Positions) -> None:
        """Make the bounds of some rows their distances."""
        step = max(CHUNK_BYTES // (8 * int(self.width + 1)), 64)
        for start in range(0, len(positions), step):
            part = positions[start : start + step]
            rows = Rows.take(self.vectors, part, self.shift)
            self.bounds[part] = lowered(self.known[part], rows, self.picked.all())

    def _refill(self, values: Floats) -> None:
        """Make those rows active whose values are largest: fresh ones, or weighted bounds."""
        others = self._weighted(self.bounds)
        every = others.copy()
        every[self.active.positions] = values
        size = min(max(_MIN_ACTIVE, 2 * self.n), int(np.count_nonzero(every >= 0)))
        cut = np.partition(every, -size)[-size]
        keep = values >= cut
        entrants, tied = np.flatnonzero(others > cut), np.flatnonzero(others == cut)
        n_tied = min(max(size - np.count_nonzero(keep) - len(entrants), 0), len(tied))
        entrants = np.append(entrants, self.rng.choice(tied, n_tied, replace=False))
        self._park(keep)
        rows = Rows.take(self.vectors, entrants, self.shift)
        self.active = self.active.joined(keep, rows)
        self.fresh = np.append(self.fresh, lowered(self.known[entrants], rows, self.picked.all()))
        self.bounds[entrants] = others[entrants] = _CLOSED
        self.bar = others.max()
        per_row = _GATHER * self.width + self.picked.n * (_PAIR + self.width / 8)
        self.spent += _SCAN * len(others) + per_row * len(entrants)

    def _park(self, keep: Mask) -> None:
        """Let active rows go; what is known of their distances stays as bounds."""
        self.bounds[self.active.positions[~keep]] = self.fresh[~keep]
        self.fresh = self.fresh[keep]

    def _weighted(self, squared, positions=slice(None)):
        """Squared distances or bounds of rows times their weights; closed rows stay closed."""
        if self.weights is None:
            return squared
        return np.where(squared < 0, _CLOSED, squared * self.weights[positions])

    def _any(self, positions: Positions) -> np.intp:
        """One of the rows, by chance."""
        return positions[self.rng.integers(len(positions)) if len(positions) > 1 else 0]

    def _with_rest(self) -> Positions:
        """Picks, and then any of the rows that are left."""
        self._park(np.zeros(len(self.active), dtype=bool))
        rest = self.rng.permutation(np.flatnonzero(self.bounds >= 0))
        return np.concatenate([self.picks, rest[: self.n - self.picked.n]])
