"""Farthest first: again and again the row that is farthest from all centres and earlier picks.

What `k_center` and `coral` share. Distances only fall, so an old one is an upper bound, and a row
is the farthest once no bound of another exceeds its distance. Only an active set, the rows with the
largest bounds, is kept up to date. Where others have to enter it too often, the bounds of all rows
are lowered by one pass over the pool for all picks since the last; where even that does not pay,
by one pass for each pick, the eager way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .arrays import Mask, Positions, Vectors, as_floats, chunks, squared_norms
from .bounds import Bounds, rounded_up
from .pairs import CHUNK_BYTES, Floats, Rows, lowered, mean_of, pieces

_MIN_ACTIVE = 256  # rows in the active set, or twice as many as are wanted
_SLACK = 0.1  # of the cost of the eager algorithm, which the lazy one may lose by being tried
_MANY = 16  # rows left in doubt by one pass are many where they are the pool over this
# Costs, as measured, in units of reading a float of the pool in a product with one vector:
_PASS = 10  # of a row, in each pass over all bounds
_SCAN = 60  # of a row, each time that the active set is chosen
_GATHER = 100  # of each float of a row that becomes active
_PAIR = 60  # of comparing such a row with one pick

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
    search = _Search(vectors, n, mask, known, weights, rng)
    if is_far.all():
        search.start(mask if weights is None else mask & (weights == weights[mask].max()))
    return search.run()


def _mean(vectors: Vectors, mask: Mask) -> Floats:
    """The mean of the candidates."""
    total = np.zeros(vectors.shape[1])
    for part in chunks(vectors, CHUNK_BYTES):
        total += mask[part].astype(np.float64) @ as_floats(vectors[part], np.float64)
    return total / np.count_nonzero(mask)


def _to_point(block, point: Floats) -> Floats:
    """Squared distances of rows to a point; where rows are sparse, less a constant."""
    block = as_floats(block, np.float64)
    if sparse.issparse(block):
        return squared_norms(block) - 2 * (block @ point)
    return squared_norms(np.ascontiguousarray(block - point))


class _Picked:
    """Picked rows, prepared for comparison."""

    def __init__(self, vectors: Vectors, n: int, shift: Floats | None):
        self.vectors, self.shift, self.n = vectors, shift, 0
        self.positions = np.empty(n, dtype=np.intp)
        self.last = Rows.take(vectors, self.positions[:0], shift)
        if shift is not None:
            self.shifted = np.empty((n, vectors.shape[1]), dtype=np.float32)
            self.lengths = np.empty(n, dtype=np.float32)

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
        shifted, lengths = self.shifted[: self.n], self.lengths[: self.n]
        return Rows(self.vectors, positions, self.shift, shifted, lengths)


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
    spent, refilled : float
        What entrants and passes have cost in all, and entrants since the last pass, in floats read.
    n_passed : int
        Of the picks, how many the bounds of all rows have been lowered by.
    passes : Bounds, optional
        What lowers the bounds of all rows, once it is needed.
    is_eager : bool
        Whether each pick is applied to the bounds of all rows, as the lazy way cost more.
    """

    def __init__(self, vectors, n, mask, known, weights, rng):
        self.vectors, self.known, self.weights, self.rng = vectors, known, weights, rng
        self.bounds: NDArray = np.where(mask, known, _CLOSED)
        self.n = n
        self.shift = mean_of(vectors, np.arange(len(mask)))
        self.picked = _Picked(vectors, n, self.shift)
        self.active, self.fresh, self.bar = self.picked.last, np.empty(0), np.inf
        self.spent = self.refilled = 0.0
        self.n_passed = 0
        self.passes: Bounds | None = None
        self.is_eager = False
        is_sparse = sparse.issparse(vectors)
        self.width = vectors.nnz / len(mask) if is_sparse else vectors.shape[1]

    @property
    def picks(self) -> Positions:
        """Positions in the order in which they were chosen."""
        return self.picked.positions[: self.picked.n]

    def start(self, among: Mask) -> None:
        """Pick the row nearest the mean of the candidates, and set the bounds by it."""
        mean = _mean(self.vectors, self.bounds >= 0)
        near = self._prepared().may_be_nearest(mean, among)
        parts = [_to_point(self.vectors[near[part]], mean) for part in self._pieces(near)]
        squared = np.concatenate(parts)
        self.take(self._any(near[squared == squared.min()]))
        self._pass()

    def run(self) -> Positions:
        """Pick until there are enough."""
        while self.picked.n < self.n:
            # The eager way: at worst so much of its cost has been lost when it is taken.
            budget = (self.picked.n + _SLACK * self.n) * len(self.bounds) * (self.width + _PASS)
            if not self.is_eager and self.spent > budget:
                self._give_up()
            best, rows = self._eagerly() if self.is_eager else self._lazily()
            if best == 0:
                return self._with_rest()
            if len(rows):
                self.take(self._any(rows))
        return self.picks

    def take(self, row: np.intp) -> None:
        """Note a pick, and bring the active rows, or the bounds of all, up to date."""
        self.picked.add(row)
        self.bounds[row] = _CLOSED
        if self.is_eager:
            self._prepared().lower(self.bounds, self.picks[-1:])
        elif len(self.active):
            self.fresh[self.active.positions == row] = _CLOSED
            self.fresh = lowered(self.fresh, self.active, self.picked.last)

    def _lazily(self) -> tuple[float, Positions]:
        """The best value and its active rows; none of them while a bound of another exceeds it."""
        values = self._weighted(self.fresh, self.active.positions)
        best = values.max(initial=_CLOSED)
        if best >= self.bar:
            return best, self.active.positions[values == best]
        if self.refilled > self._pass_cost():
            self._pass()
        else:
            self._refill(values)
        return _CLOSED, self.picks[:0]

    def _pass_cost(self) -> float:
        """What a pass for all picks since the last one costs; infinite where there is none."""
        n_new = self.picked.n - self.n_passed
        if n_new == 0:
            return np.inf
        return len(self.bounds) * (self.width + _PASS + n_new * (_PASS + self.width / 6))

    def _pass(self) -> None:
        """Lower the bounds of all rows by the picks since the last pass."""
        self.spent += self._pass_cost()
        self.refilled = 0.0
        self._prepared().lower(self.bounds, self.picks[self.n_passed :])
        self.n_passed = self.picked.n
        self.bar = self._weighted(self.bounds).max()

    def _eagerly(self) -> tuple[float, Positions]:
        """The best value and its rows, given bounds to which every pick was applied."""
        bounds = self._weighted(self.bounds)
        row = bounds.argmax()
        if bounds[row] <= 0:
            return 0.0, self.picks[:0]
        rows = np.array([row])
        values = self._exact(rows)
        doubtful = np.flatnonzero(bounds >= float(values[0]))
        if len(doubtful) > 1:
            rows, values = doubtful, self._exact(doubtful)
        if len(doubtful) > len(bounds) // _MANY + _MIN_ACTIVE and self._prepared().refine():
            self.bounds = self.bounds.astype(self._prepared().dtype)
            self._prepared().lower(self.bounds, self.picks)
        best = values.max()
        return best, rows[values == best]

    def _give_up(self) -> None:
        """Take the eager way from now on."""
        self._park(np.zeros(len(self.active), dtype=bool))
        self.active = Rows.take(self.vectors, self.picks[:0], self.shift)
        self.is_eager = True
        self.bounds = rounded_up(self.bounds, self._prepared().dtype)
        self._prepared().lower(self.bounds, self.picks[self.n_passed :])

    def _prepared(self) -> Bounds:
        """What lowers the bounds of all rows by one pass over the pool."""
        if self.passes is None:
            self.passes = Bounds(self.vectors, self.shift)
        return self.passes

    def _exact(self, positions: Positions) -> Floats:
        """Weighted distances of rows, which lower their bounds."""
        squared = np.empty(len(positions))
        for part in self._pieces(positions):
            rows = Rows.take(self.vectors, positions[part], self.shift)
            squared[part] = lowered(self.known[positions[part]], rows, self.picked.all())
        self.bounds[positions] = rounded_up(squared, self.bounds.dtype)
        return self._weighted(squared, positions)

    def _refill(self, values: Floats) -> None:
        """Make those rows active whose values are largest: fresh ones, or weighted bounds."""
        others = self._weighted(self.bounds)
        every = others.copy()
        every[self.active.positions] = values
        size = min(max(_MIN_ACTIVE, 2 * self.n), int(np.count_nonzero(every >= 0)))
        every.partition(-size)
        cut = every[-size]
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
        per_row = _GATHER * self.width + self.picked.n * (_PAIR + self.width / 4)
        cost = _SCAN * len(others) + per_row * len(entrants)
        self.spent, self.refilled = self.spent + cost, self.refilled + cost

    def _park(self, keep: Mask) -> None:
        """Let active rows go; what is known of their distances stays as bounds."""
        self.bounds[self.active.positions[~keep]] = self.fresh[~keep]
        self.fresh = self.fresh[keep]

    def _weighted(self, squared, positions=slice(None)):
        """Squared distances or bounds of rows times their weights; closed rows stay closed."""
        if self.weights is None:
            return squared
        return np.where(squared < 0, _CLOSED, squared * self.weights[positions])

    def _pieces(self, positions: Positions) -> list[slice]:
        """Slices of positions, few enough for their rows to be gathered."""
        return pieces(len(positions), self.width)

    def _any(self, positions: Positions) -> np.intp:
        """One of the rows, by chance."""
        return positions[self.rng.integers(len(positions)) if len(positions) > 1 else 0]

    def _with_rest(self) -> Positions:
        """Picks, and then any of the rows that are left."""
        self._park(np.zeros(len(self.active), dtype=bool))
        rest = self.rng.permutation(np.flatnonzero(self.bounds >= 0))
        return np.concatenate([self.picks, rest[: self.n - self.picked.n]])
