"""Farthest first: again and again the row that is farthest from all centres and earlier picks.

What `k_center` and `coral` share. Distances only fall, so an old one is an upper bound, and a row
is the farthest once no bound of another exceeds its distance. Only an active set, the rows with the
largest bounds, is compared with each pick, by products in float32; what is within their rounding of
the best is compared by exact distances. Rows that enter are brought up to date by one product with
all picks since they were last. Where that costs too much, each pick is compared with the whole
pool, the eager way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..data.arrays import Mask, Positions, Scratch, Vectors, as_floats, chunks, squared_norms
from .bounds import Active, Bounds, rounded_up
from .pairs import CHUNK_BYTES, SINGLE, Floats, Picked, Rows, lower_bounds, lowered, mean_of, pieces

_MIN_ACTIVE = 256  # rows that are made active at a time at first, or as many as are wanted
_FEW = 8  # where fewer of them than all over this are of use, twice as many come the next time
_SHARE = 16  # but no more than the pool over this
_FLOATS = 1 << 21  # of rows that are brought up to date together: eight megabytes in float32
_SLACK = 0.1  # of the cost of the eager algorithm, which the lazy one may lose by being tried
_MANY = 16  # rows left in doubt by products are many where they are all rows over this
_AHEAD = 8.0  # times the doubt about the best, within which others are settled at once
_PICKS = 128  # that rows which become active are compared with at a time
_STAY = 0.7  # of these, or fewer, are still of use: then the others are left out
_PRODUCTS = 1 << 20  # entries of a block of them
# Costs, as measured, in units of reading a float of the pool in a product with one vector:
_PASS = 10  # of a row, in each pass over all bounds
_SCAN = 60  # of a row, each time that the active set is chosen
_GATHER = 20  # of each float of a row that becomes active
_PAIR = 8  # of comparing such a row with one pick

_CLOSED = -1.0  # the bound of a row that cannot be chosen, or is active


def farthest_first(
    vectors: Vectors,
    n: int,
    *,
    mask: Mask,
    known: Floats,
    centers: Positions | None = None,
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
    centers : ndarray of intp, optional
        Centres to which `known` holds no distances: they count as picks that were made before.
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
    has_centers = check_known(known, mask)
    search = _Search(vectors, n, mask, known, weights, rng)
    if centers is not None and len(centers):
        search.follow(centers)
    elif not has_centers:
        search.start(mask if weights is None else mask & (weights == weights[mask].max()))
    return search.run()


def check_known(known: Floats, mask: Mask) -> bool:
    """Whether there is a centre at all, refusing distances that leave it open."""
    is_far = mask & np.isinf(known)
    if is_far.any() and not np.array_equal(is_far, mask):
        raise ValueError(
            f"distances are infinite at row {int(is_far.argmax())} and finite elsewhere; give the "
            f"squared distance of each row to the nearest centre, or infinity for all where there "
            f"is no centre."
        )
    return not is_far.any()


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


class _Search:
    """The state of a search: picks, bounds of all rows, and the active rows.

    Attributes
    ----------
    bounds : ndarray of shape (N,)
        Squared distances, or more, to the centres and some of the picks, of rows not active.
    seen : ndarray of int32, shape (N,)
        To how many of the picks.
    picked : Picked
        Centres that count as picks, and then the picks.
    active : Active
        Rows with the largest weighted bounds.
    bar : float
        Largest weighted bound of the other rows.
    size : int
        How many rows become active at a time: more and more, where few of them turn out farther
        than the bar.
    n_before, n_passed : int
        How many of `picked` are centres, and how many the bounds of all rows were lowered by
        in passes; `seen` does not count those, as passes round more than active rows may.
    n_drawn : int
        How many picks there were when active rows were last drawn from equals of the best.
    spent : float
        What making rows active has cost in all, in floats read.
    passes : Bounds, optional
        What lowers the bounds of all rows, once it is needed.
    is_eager : bool
        Whether each pick is applied to the bounds of all rows, as the lazy way cost more.
    """

    def __init__(self, vectors, n, mask, known, weights, rng):
        self.vectors, self.known, self.weights, self.rng = vectors, known, weights, rng
        self.bounds: NDArray = np.where(mask, known, _CLOSED)
        self.seen = np.zeros(len(mask), dtype=np.int32)
        self.n, self.n_before, self.n_passed = n, 0, 0
        self.shift = mean_of(vectors, np.arange(len(mask)))
        self.picked = Picked(vectors, n, self.shift)
        self._empty()
        self.n_drawn, self.spent = -1, 0.0
        self.passes: Bounds | None = None
        self.is_eager = False
        is_sparse = sparse.issparse(vectors)
        self.width = vectors.nnz / len(mask) if is_sparse else vectors.shape[1]
        self.size = max(_MIN_ACTIVE, n)
        self.scratch = Scratch()

    def _empty(self) -> None:
        """Let no row be active."""
        self.active, self.bar = Active(self.picked), np.inf

    @property
    def picks(self) -> Positions:
        """Positions in the order in which they were chosen."""
        return self.picked.positions[self.n_before : self.picked.n]

    def follow(self, centers: Positions) -> None:
        """Take centres for picks that were made before, and set the bounds by them."""
        self.n_before = len(centers)
        self.picked = Picked(self.vectors, self.n_before + self.n, self.shift)
        self.picked.extend(centers)
        self._empty()
        self._pass()

    def _pass(self) -> None:
        """Lower the bounds of all rows by all picks: they see them again, as bounds are loose."""
        self._prepared().lower(self.bounds, self.picked.positions[: self.picked.n])
        self.n_passed = self.picked.n

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
        while len(self.picks) < self.n:
            # The eager way: at worst so much of its cost has been lost when it is taken.
            budget = (len(self.picks) + _SLACK * self.n) * len(self.bounds) * (self.width + _PASS)
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
        last = self.picked.add(row)
        self.bounds[row] = _CLOSED
        if self.is_eager:
            self._prepared().lower(self.bounds, self.picks[-1:])
        elif len(self.active):
            self.active.upper[self.active.positions == row] = _CLOSED
            lower_bounds(self.active.upper, self.active.rows, last)

    def _lazily(self) -> tuple[float, Positions]:
        """The best value and its active rows; none of them while a bound of another exceeds it."""
        active = self.active
        upper = self._weighted(active.upper, active.positions)
        top = int(upper.argmax()) if len(active) else 0
        if not len(active) or upper[top] < self.bar:
            self._refill()
            return _CLOSED, self.picks[:0]
        low = float(self._weighted(active.lower(top, self.picked), active.positions[top]))
        rows = np.flatnonzero(upper >= low)
        if len(rows) == 1 and low > max(self.bar, 0.0):
            return low, active.positions[rows]
        if len(rows) > len(upper) // _MANY + _MANY and self._refine():
            return _CLOSED, self.picks[:0]
        if not active.settled[rows].all():  # with these, those that will be in doubt soon
            ahead = upper >= max(low - _AHEAD * (upper[top] - low), 0.0)
            active.settle(np.flatnonzero(ahead & (active.settled == 0)), self.picked)
        values = self._weighted(active.settle(rows, self.picked), active.positions[rows])
        best = values.max()
        if best == self.bar and self.n_drawn < self.picked.n:  # others may be as far as these
            self.n_drawn = self.picked.n
            self._refill()
        elif best >= self.bar:
            return best, active.positions[rows[values == best]]
        return _CLOSED, self.picks[:0]

    def _refine(self) -> bool:
        """Compare with all picks again, in float64 from now on; False where it did."""
        if self.picked.dtype == np.float64:
            return False
        self._park()
        self.picked.prepare(np.float64)
        self.seen[:] = 0
        self._empty()
        return True

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
            self._pass()
        best = values.max()
        return best, rows[values == best]

    def _give_up(self) -> None:
        """Take the eager way from now on."""
        self._park()
        self._empty()
        self.is_eager = True
        self.bounds = rounded_up(self.bounds, self._prepared().dtype)
        behind = self.seen[self.bounds >= 0]
        first = max(behind.min(initial=self.picked.n), self.n_passed)
        self._prepared().lower(self.bounds, self.picked.positions[first : self.picked.n])

    def _prepared(self) -> Bounds:
        """What lowers the bounds of all rows by one pass over the pool."""
        if self.passes is None:
            self.passes = Bounds(self.vectors, self.shift)
        return self.passes

    def _exact(self, positions: Positions) -> Floats:
        """Weighted distances of rows, which lower their bounds."""
        squared = np.empty(len(positions))
        for part in self._pieces(positions):
            rows = Rows.take(self.vectors, positions[part], self.shift, dtype=self.picked.dtype)
            squared[part] = lowered(self.known[positions[part]], rows, self.picked.since(0))
        self.bounds[positions] = rounded_up(squared, self.bounds.dtype)
        return self._weighted(squared, positions)

    def _refill(self) -> None:
        """Make those rows active whose weighted bounds are largest, and bring them up to date."""
        self._park()
        others = self._weighted(self.bounds)
        size = min(self.size, int(np.count_nonzero(others >= 0)))
        order = self.scratch.array("order", (len(others) + 1,), others.dtype)
        order[:-1], order[-1] = others, _CLOSED
        order.partition(len(others) - size)
        self.bar, cut = order[-size - 1], order[-size:].min(initial=np.inf)
        chosen, tied = others > cut, np.flatnonzero(others == cut)
        n_tied = size - np.count_nonzero(chosen)
        if n_tied < len(tied):
            tied = self.rng.choice(tied, n_tied, replace=False)
        chosen[tied] = True
        keep = chosen[self.active.positions]
        chosen[self.active.positions] = False
        entrants = np.flatnonzero(chosen)
        self._enter(keep, entrants[np.argsort(self.seen[entrants], kind="stable")])
        self.bounds[self.active.positions] = _CLOSED
        if len(self.active) * _FEW < size:  # what is of use does not depend on how many come
            self.size = max(self.size, min(2 * self.size, len(others) // _SHARE))
        self.spent += _SCAN * len(others)

    def _enter(self, keep: Mask, entrants: Positions) -> None:
        """Make rows active, given in the order of the picks that their bounds are due to."""
        step = max(int(_FLOATS / max(self.width, 1)), 1)
        for start in range(0, max(len(entrants), 1), step):
            part = entrants[start : start + step]
            rows = Rows.take(
                self.vectors, part, self.shift, dtype=self.picked.dtype, scratch=self.scratch
            )
            top = max(rows.lengths.max(initial=0.0), self.picked.top)
            if not SINGLE[0] < top < SINGLE[1] and self._refine():
                return
            self.spent += _GATHER * self.width * len(rows)
            rows, upper = self._caught_up(rows)
            self.active.join(keep, rows, upper, self.known[rows.positions])
            keep = np.ones(len(self.active), dtype=bool)

    def _caught_up(self, rows: Rows) -> tuple[Rows, Floats]:
        """Compare rows with all picks, and return those with bounds that reach the bar, and these.

        Oldest picks come first, so that others may be left out as soon as they fall below it.
        """
        upper, seen, n = self.bounds[rows.positions], self.seen[rows.positions], self.picked.n
        start = int(seen.min(initial=n))
        while start < n:
            stop = min(start + _PICKS, n)
            step = max(_PRODUCTS // (stop - start), 64)
            n_behind, others = int(np.searchsorted(seen, stop)), self.picked.since(start, stop)
            for first in range(0, n_behind, step):
                part = slice(first, min(first + step, n_behind))
                lower_bounds(upper[part], rows.part(part), others, self.scratch)
            self.spent += n_behind * (stop - start) * (_PAIR + self.width / 4)
            start = stop
            stays = self._weighted(upper, rows.positions) >= self.bar
            if np.count_nonzero(stays) <= _STAY * len(rows) or stop == n:
                gone = rows.positions[~stays]
                self.bounds[gone] = upper[~stays]
                self.seen[gone] = np.maximum(seen[~stays], stop)
                rows, upper, seen = rows.part(np.flatnonzero(stays)), upper[stays], seen[stays]
        return rows, upper

    def _park(self) -> None:
        """Note what is known of active rows among the bounds."""
        self.bounds[self.active.positions] = self.active.upper
        self.seen[self.active.positions] = self.picked.n

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
        self._park()
        rest = self.rng.permutation(np.flatnonzero(self.bounds >= 0))
        return np.concatenate([self.picks, rest[: self.n - len(self.picks)]])
