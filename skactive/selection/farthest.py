"""Farthest first: again and again the row that is farthest from all centres and earlier picks.

What `k_center` and `coral` share. Distances only fall, so an old one is an upper bound, and a row
is the farthest once no bound of another exceeds its distance. Only an active set, the rows with the
largest bounds, is compared with each pick, by products in float32; those within their rounding of
the best are compared by exact distances. Rows that enter are brought up to date by one product with
all picks since they last were. Where that costs too much, each pick is compared with the whole
pool, the eager way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..data.arrays import Scratch, as_floats, chunks, row_width, slices, squared_norms
from ..data.types import Floats, Mask, Positions, Vectors
from .bounds import Active, Bounds, rounded_up
from .pairs import SINGLE, Picked, ShiftedRows, lower_bounds, lowered, middle_of

_MIN_ACTIVE = 256  # rows that are made active at a time at first, or as many as are wanted
_FEW_OF_USE = 8  # where fewer than all over this turn out of use, twice as many come the next time
_MOST_ACTIVE = 16  # but no more than the pool over this
_ENTRANT_BYTES = 1 << 24  # of rows that become active together: each piece copies all that are
_SLACK = 0.1  # of the cost of the eager way: what may be lost by trying the lazy one first
MANY = 16  # rows left in doubt by products are many where they are all rows over this
_AHEAD = 8.0  # times the doubt about the best: others within it are settled along with it
_PICKS = 128  # that rows which become active are compared with at a time
_STAY = 0.7  # once no more of these are still of use, the others are left out
# Costs, as measured, in units of reading a float of the pool in a product with one vector:
_PASS = 10  # of a row, in each pass over all bounds
_SCAN = 60  # of a row, each time that the active set is chosen
_GATHER = 20  # of each float of a row that becomes active
_PAIR = 8  # of comparing such a row with one pick

CLOSED = -1.0  # the bound of a row that cannot be chosen, or is active


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
    """Return n candidates, each of the largest weighted squared distance to all before it.

    `known` holds squared distances to the centres, all infinite where there are none: then the
    first row is that of the largest weight, among equals the one nearest the mean of the
    candidates. `centers` are further centres, which `known` does not count: they are taken for
    picks that were made before. `n` is at most the number of candidates; weights are 0 or more.
    """
    if n == 0:
        return np.empty(0, dtype=np.intp)
    has_centers = check_known(known, mask)
    search = _LazySearch(vectors, n, mask, known, weights, rng)
    if centers is not None and len(centers):
        search.follow(centers)
    elif not has_centers:
        search.start(mask if weights is None else mask & (weights == weights[mask].max()))
    return search.run()


def check_known(known: Floats, mask: Mask) -> bool:
    """Tell whether there is a centre at all, refusing distances that leave it open."""
    is_far = mask & np.isinf(known)
    if is_far.any() and not np.array_equal(is_far, mask):
        raise ValueError(
            f"distances are infinite at row {int(is_far.argmax())} and finite elsewhere; give the "
            f"squared distance of each row to the nearest centre, or infinity for all where there "
            f"is no centre."
        )
    return not is_far.any()


def _mean_of(vectors: Vectors, mask: Mask) -> Floats:
    """Return the mean of the candidates."""
    total = np.zeros(vectors.shape[1])
    for part in chunks(vectors):
        total += mask[part].astype(np.float64) @ as_floats(vectors[part], np.float64)
    return total / np.count_nonzero(mask)


def _to_point(block, point: Floats) -> Floats:
    """Return squared distances of rows to a point; where rows are sparse, less a constant."""
    block = as_floats(block, np.float64)
    if sparse.issparse(block):
        return squared_norms(block) - 2 * (block @ point)
    # In one memory layout, as the order of a sum, so its rounding, depends on it.
    return squared_norms(np.ascontiguousarray(block - point))


class _LazySearch:
    """The state of a search: picks, bounds of all rows, and the active rows.

    Attributes
    ----------
    bounds : ndarray of shape (N,)
        Of rows not active: upper bounds of their squared distances to the centres and to the
        first `seen` picks.
    picked : Picked
        Centres that count as picks, `n_before` of them, and then the picks.
    active : Active
        Rows with the largest weighted bounds; `bar` is the largest weighted bound of the others.
    size : int
        How many rows become active at a time: more and more, where few of them turn out farther
        than the bar.
    n_passed : int
        How many of `picked` the bounds of all rows were lowered by in passes; `seen` does not
        count those, as passes round more coarsely than active rows may.
    n_drawn : int
        How many picks there were when active rows were last drawn from equals of the best.
    spent : float
        What making rows active has cost in all, in floats read.
    is_eager : bool
        Whether each pick is applied to the bounds of all rows, as the lazy way cost more.
    """

    def __init__(self, vectors, n, mask, known, weights, rng):
        self.vectors, self.known, self.weights, self.rng = vectors, known, weights, rng
        self.bounds: NDArray = np.where(mask, known, CLOSED)
        self.seen = np.zeros(len(mask), dtype=np.int32)
        self.n, self.n_before, self.n_passed = n, 0, 0
        self.shift = middle_of(vectors, np.arange(len(mask)))
        self.picked = Picked(vectors, n, self.shift)
        self._empty()
        self.n_drawn, self.spent = -1, 0.0
        self.passes: Bounds | None = None
        self.is_eager = False
        self.width = row_width(vectors)
        self.size = max(_MIN_ACTIVE, n)
        self.scratch = Scratch()

    def _empty(self) -> None:
        """Leave no row active: the bar is then above all, so that the next pick refills."""
        self.active, self.bar = Active(self.picked), np.inf

    @property
    def picks(self) -> Positions:
        """Return the positions in the order in which they were chosen."""
        return self.picked.positions[self.n_before : self.picked.n]

    def follow(self, centers: Positions) -> None:
        """Take centres for picks that were made before, and lower the bounds by them."""
        self.n_before = len(centers)
        self.picked = Picked(self.vectors, self.n_before + self.n, self.shift)
        self.picked.extend(centers)
        self._empty()
        self._pass()

    def _pass(self) -> None:
        """Lower the bounds of all rows by all picks; active rows see these again, finer."""
        self._prepared().lower(self.bounds, self.picked.positions[: self.picked.n])
        self.n_passed = self.picked.n

    def start(self, among: Mask) -> None:
        """Pick the row nearest the mean of the candidates, and lower the bounds by it."""
        mean = _mean_of(self.vectors, self.bounds >= 0)
        near = self._prepared().may_be_nearest(mean, among)
        parts = [
            _to_point(self.vectors[near[part]], mean) for part in slices(len(near), self.width)
        ]
        squared = np.concatenate(parts)
        self.take(self._any(near[squared == squared.min()]))
        self._pass()

    def run(self) -> Positions:
        """Pick until there are enough."""
        while len(self.picks) < self.n:
            # What the eager way would have cost up to here, and the share of its whole cost that
            # may be lost: so at worst the lazy way is the eager one and a tenth.
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
        self.bounds[row] = CLOSED
        if self.is_eager:
            self._prepared().lower(self.bounds, self.picks[-1:])
        elif len(self.active):
            self.active.upper[self.active.positions == row] = CLOSED
            lower_bounds(self.active.upper, self.active.rows, last)

    def _lazily(self) -> tuple[float, Positions]:
        """Return the best value and its active rows: none while a bound of another exceeds it."""
        active = self.active
        upper = self._weighted(active.upper, active.positions)
        top = int(upper.argmax()) if len(active) else 0
        if not len(active) or upper[top] < self.bar:
            self._refill()
            return CLOSED, self.picks[:0]
        # All rows whose upper bound reaches the lower one of the best are in doubt.
        low = float(self._weighted(active.lower(top, self.picked), active.positions[top]))
        rows = np.flatnonzero(upper >= low)
        if len(rows) == 1 and low > max(self.bar, 0.0):
            return low, active.positions[rows]  # it leads by more than rounding: no distance needed
        # Float32 leaves too many in doubt: float64 doubts fewer, for all picks to come.
        if len(rows) > len(upper) // MANY + MANY and self._refine():
            return CLOSED, self.picks[:0]
        if not active.settled[rows].all():
            # Together with these, those that will be in doubt soon: one product serves all.
            ahead = upper >= max(low - _AHEAD * (upper[top] - low), 0.0)
            active.settle(np.flatnonzero(ahead & (active.settled == 0)), self.picked)
        values = self._weighted(active.settle(rows, self.picked), active.positions[rows])
        best = values.max()
        if best == self.bar and self.n_drawn < self.picked.n:  # others may be as far as these
            self.n_drawn = self.picked.n
            self._refill()
        elif best >= self.bar:
            return best, active.positions[rows[values == best]]
        return CLOSED, self.picks[:0]

    def _refine(self) -> bool:
        """Compare with all picks anew, in float64 from now on; False where it already did."""
        if self.picked.dtype == np.float64:
            return False
        self._park()
        self.picked.prepare(np.float64)
        self.seen[:] = 0
        self._empty()
        return True

    def _eagerly(self) -> tuple[float, Positions]:
        """Return the best value and its rows, given bounds to which every pick was applied."""
        bounds = self._weighted(self.bounds)
        row = bounds.argmax()
        if bounds[row] <= 0:
            return 0.0, self.picks[:0]
        # The exact distance of the row with the largest bound often settles it; only rows whose
        # bound exceeds that are measured too.
        rows = np.array([row])
        values = self._exact(rows)
        doubtful = np.flatnonzero(bounds >= float(values[0]))
        if len(doubtful) > 1:
            rows, values = doubtful, self._exact(doubtful)
        if len(doubtful) > len(bounds) // MANY + _MIN_ACTIVE and self._prepared().refine():
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
        # From the first pick that some row has not seen, but for those that passes applied to all.
        behind = self.seen[self.bounds >= 0]
        first = max(behind.min(initial=self.picked.n), self.n_passed)
        self._prepared().lower(self.bounds, self.picked.positions[first : self.picked.n])

    def _prepared(self) -> Bounds:
        """Return what lowers the bounds of all rows by one pass, made when first needed."""
        if self.passes is None:
            self.passes = Bounds(self.vectors, self.shift)
        return self.passes

    def _exact(self, positions: Positions) -> Floats:
        """Return the weighted distances of rows, which become their bounds."""
        squared = np.empty(len(positions))
        for part in slices(len(positions), self.width):
            at = positions[part]
            rows = ShiftedRows.take(self.vectors, at, self.shift, dtype=self.picked.dtype)
            squared[part] = lowered(self.known[at], rows, self.picked.since(0))
        self.bounds[positions] = rounded_up(squared, self.bounds.dtype)
        return self._weighted(squared, positions)

    def _refill(self) -> None:
        """Make those rows active whose weighted bounds are largest, and bring them up to date."""
        self._park()
        others = self._weighted(self.bounds)
        size = min(self.size, int(np.count_nonzero(others >= 0)))
        # One closed entry more, so that there is a bar where all rows become active.
        order = self.scratch.array("order", (len(others) + 1,), others.dtype)
        order[:-1], order[-1] = others, CLOSED
        order.partition(len(others) - size)
        self.bar, cut = order[-size - 1], order[-size:].min(initial=np.inf)
        chosen, tied = others > cut, np.flatnonzero(others == cut)
        n_tied = size - np.count_nonzero(chosen)
        if n_tied < len(tied):  # by chance, never by their place in the pool
            tied = self.rng.choice(tied, n_tied, replace=False)
        chosen[tied] = True
        keep = chosen[self.active.positions]
        chosen[self.active.positions] = False
        entrants = np.flatnonzero(chosen)
        self._enter(keep, entrants[np.argsort(self.seen[entrants], kind="stable")])
        self.bounds[self.active.positions] = CLOSED
        # Each time the whole pool is looked at: where few of those that come prove farther than the
        # bar, more at a time cost less.
        if len(self.active) * _FEW_OF_USE < size:
            self.size = max(self.size, min(2 * self.size, len(others) // _MOST_ACTIVE))
        self.spent += _SCAN * len(others)

    def _enter(self, keep: Mask, entrants: Positions) -> None:
        """Make rows active, given in the order of how many picks they have seen."""
        pieces = [entrants[part] for part in slices(len(entrants), self.width, _ENTRANT_BYTES, 1)]
        for part in pieces or [entrants]:  # without entrants there are still rows to keep
            rows = ShiftedRows.take(
                self.vectors, part, self.shift, dtype=self.picked.dtype, scratch=self.scratch
            )
            top = max(rows.lengths.max(initial=0.0), self.picked.top)
            if not SINGLE[0] < top < SINGLE[1] and self._refine():
                return  # float32 has no room for these: all begins anew in float64
            self.spent += _GATHER * self.width * len(rows)
            rows, upper = self._caught_up(rows)
            self.active.join(keep, rows, upper, self.known[rows.positions])
            keep = np.ones(len(self.active), dtype=bool)

    def _caught_up(self, rows: ShiftedRows) -> tuple[ShiftedRows, Floats]:
        """Compare rows with all picks; return those whose bounds still reach the bar, and these.

        The oldest picks come first, so that rows may be left out as soon as they fall below it.
        """
        upper, seen, n = self.bounds[rows.positions], self.seen[rows.positions], self.picked.n
        start = int(seen.min(initial=n))
        while start < n:
            stop = min(start + _PICKS, n)
            # Rows come by `seen`: those that have seen all these picks are the last.
            n_behind, others = int(np.searchsorted(seen, stop)), self.picked.since(start, stop)
            for part in slices(n_behind, stop - start):
                lower_bounds(upper[part], rows.part(part), others, self.scratch)
            self.spent += n_behind * (stop - start) * (_PAIR + self.width / 4)
            start = stop
            stays = self._weighted(upper, rows.positions) >= self.bar
            # To leave rows out copies the others, which pays where it spares many of them.
            if np.count_nonzero(stays) <= _STAY * len(rows) or stop == n:
                gone = rows.positions[~stays]
                self.bounds[gone] = upper[~stays]
                self.seen[gone] = np.maximum(seen[~stays], stop)
                rows, upper, seen = rows.part(np.flatnonzero(stays)), upper[stays], seen[stays]
        return rows, upper

    def _park(self) -> None:
        """Write what is known of active rows back among the bounds of all."""
        self.bounds[self.active.positions] = self.active.upper
        self.seen[self.active.positions] = self.picked.n

    def _weighted(self, squared, positions=slice(None)):
        """Return squared distances or bounds times weights; closed rows stay closed."""
        if self.weights is None:
            return squared
        return np.where(squared < 0, CLOSED, squared * self.weights[positions])

    def _any(self, positions: Positions) -> np.intp:
        """Return one of the rows, by chance."""
        return positions[self.rng.integers(len(positions)) if len(positions) > 1 else 0]

    def _with_rest(self) -> Positions:
        """Return the picks, and then any of the rows that are left: all are at 0."""
        self._park()
        rest = self.rng.permutation(np.flatnonzero(self.bounds >= 0))
        return np.concatenate([self.picks, rest[: self.n - len(self.picks)]])
