"""Core-sets of a tensor by the greedy k-center algorithm, one product over the pool for each."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...data.arrays import as_positions, candidate_mask, wanted
from ...data.types import Mask, Positions
from ..distances import checked_distances
from ..farthest import CLOSED, MANY, check_known
from .bounds import TensorBounds, rounded_up
from .common import checked_tensor, mean_of, middle_of, moved
from .distances import lowered, nearest_of_all, squared_to_point

_NEVER_MANY = 256  # rows left in doubt by one pass, whatever the size of the pool


def k_center(
    embedding: Tensor,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    """Choose rows of a tensor where it is, as `skactive.selection.k_center` does of an array.

    Each pick costs one product of the pool with a vector, in the floats of the pool, and as a rule
    one answer from the device. What decides are differences in float64, summed in an order that is
    the same on every device: so are the picks.

    Parameters and result are those of that function; the embedding is of any real dtype, half
    precision is upcast in pieces at each pick, and it is neither written to nor copied.

    Examples
    --------
    >>> X = torch.tensor([[0.0], [1.0], [5.0], [9.0]])
    >>> k_center(X, 2, centers=[0], rng=np.random.default_rng(0))
    array([3, 2])
    """
    vectors = checked_tensor(embedding, who="k_center")
    n_rows = len(vectors)
    mask = candidate_mask(candidates, n_rows, centers)
    n = wanted(n, mask)
    positions = np.unique(as_positions(centers, n_rows))
    known = None
    if distances is not None:
        known = _known(checked_distances(distances, n_rows), mask, vectors.device)
    elif len(positions) and n:
        known = nearest_of_all(vectors, moved(positions, vectors.device))
    if n == 0:
        return np.empty(0, dtype=np.intp)
    return _EagerSearch(vectors, n, mask, known, rng).run()


def _known(distances: np.ndarray, mask: Mask, device: torch.device) -> Tensor | None:
    """Return distances to centres as a tensor; None where there is no centre."""
    return moved(distances, device) if check_known(distances, mask) else None


class _EagerSearch:
    """The state of a search that applies each pick to the bounds of all rows.

    `known` holds squared distances to the centres, None where there are none. `bounds` bounds those
    to the centres and all picks from above; it is `CLOSED` for rows that cannot be chosen.
    """

    def __init__(
        self, vectors: Tensor, n: int, mask: Mask, known: Tensor | None, rng: np.random.Generator
    ):
        self.vectors, self.n, self.known, self.rng = vectors, n, known, rng
        self.is_open = moved(mask, vectors.device)
        self.shift = middle_of(vectors)
        self.passes = TensorBounds(vectors, self.shift)
        far = torch.full_like(self.passes.base, torch.inf)
        start = far if known is None else rounded_up(known, self.passes.dtype)
        self.bounds = torch.where(self.is_open, start, CLOSED)
        self.picked = torch.empty(n, dtype=torch.int64, device=vectors.device)
        self.n_picked = 0

    def run(self) -> Positions:
        """Pick until there are enough."""
        if self.known is None:
            self._take(self._any(self._nearest_mean()))
        while self.n_picked < self.n:
            rows = self._farthest()
            if len(rows) == 0:
                return self._with_rest()
            self._take(self._any(rows))
        return self._picks()

    def _take(self, row: int) -> None:
        """Note a pick, and lower the bounds of all rows by it unless it is the last."""
        self.picked[self.n_picked] = row
        self.n_picked += 1
        self.bounds[row] = CLOSED
        if self.n_picked < self.n:
            self.passes.lower(self.bounds, self.picked[self.n_picked - 1 : self.n_picked])

    def _nearest_mean(self) -> Positions:
        """Return the candidates nearest the mean of the candidates."""
        squared = squared_to_point(self.vectors, mean_of(self.vectors, self.is_open))
        squared[~self.is_open] = torch.inf
        return (squared == squared.min()).nonzero()[:, 0].cpu().numpy()

    def _farthest(self) -> Positions:
        """Return the rows farthest from all before; none where all that are left lie on these."""
        # The second largest bound is that of the largest once it is closed for a moment.
        top, at = self.bounds.max(dim=0, keepdim=True)
        self.bounds.index_fill_(0, at, CLOSED)
        second = self.bounds.max().view(1)
        state = torch.cat([x.double() for x in (at, top, second, self.passes.base[at])])
        row, bound, next_bound, base = state.tolist()  # the one wait for the device
        least = self.passes.least(bound, base)
        if least > 0 and next_bound < least:
            return np.array([int(row)])  # it leads by more than rounding; `_take` keeps it closed
        self.bounds[int(row)] = bound
        return self._among((self.bounds >= least).nonzero()[:, 0])

    def _among(self, rows: Tensor) -> Positions:
        """Return those of some rows that are farthest; their distances become their bounds."""
        known = torch.full((len(rows),), torch.inf, dtype=torch.float64, device=rows.device)
        known = known if self.known is None else self.known[rows]
        squared = lowered(known, self.vectors, rows, self.picked[: self.n_picked], self.shift)
        self.bounds[rows] = rounded_up(squared, self.bounds.dtype)
        # Float32 leaves too many in doubt: float64 doubts fewer, for all picks to come.
        if len(rows) > len(self.bounds) // MANY + _NEVER_MANY and self.passes.refine():
            self.bounds = self.bounds.double()
            self.passes.lower(self.bounds, self.picked[: self.n_picked])
        best = squared.max() if len(rows) else squared.new_zeros(())
        return rows[(squared == best) & (best > 0)].cpu().numpy()

    def _any(self, rows: Positions) -> int:
        """Return one of the rows, by chance."""
        return int(rows[self.rng.integers(len(rows)) if len(rows) > 1 else 0])

    def _with_rest(self) -> Positions:
        """Return the picks, and then any of the rows that are left: all are at 0."""
        rest = self.rng.permutation(np.flatnonzero((self.bounds >= 0).cpu().numpy()))
        return np.concatenate([self._picks(), rest[: self.n - self.n_picked]])

    def _picks(self) -> Positions:
        """Return the positions in the order in which they were chosen."""
        return self.picked[: self.n_picked].cpu().numpy().astype(np.intp, copy=False)
