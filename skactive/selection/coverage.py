"""Greedy coverage: the rows that bring all others nearest to a chosen one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..data.arrays import Mask, Positions
from .blocks import Blocks, Floats, squared

_TILE_ROWS = 1024  # a square of this side is worked on at a time: four megabytes
_ROUNDING = 8 * float(np.finfo(np.float32).eps)

Similarity = Callable[[Floats], Floats]


class Coverage:
    r"""Greedy maximisation of :math:`\sum_x w(x) \max_{s \in S} k(x, s)`.

    The gain of a candidate c is :math:`\sum_x w(x) \max(k(x, c) - b(x), 0)`, with b(x) the largest
    similarity so far. One pass over all pairs, in tiles, yields the gains of all candidates. A pick
    raises b at the rows that it serves better than all before it, about N / t of them at pick t,
    and only these are compared with the candidates again: exact gains of all candidates at each
    pick, for 1 + ln n passes in all. (To rate only promising candidates again, from all rows, was
    as dear here and has no such bound.)

    Parameters
    ----------
    blocks : Blocks
        All N rows, in float32.
    similarity : callable
        From an array of squared distances, in units of the blocks and free to be written to, to
        similarities that are not negative, and smaller for larger distances.
    weights : array of float, shape (N,)
        w, not negative.
    known : array of int
        Positions of the rows that are in S from the start. They are served already: whatever their
        weight, they add nothing to any gain.
    mask : array of bool, shape (N,)
        The candidates.
    """

    def __init__(
        self,
        blocks: Blocks,
        *,
        similarity: Similarity,
        weights: Floats,
        known: Positions,
        mask: Mask,
    ):
        self.blocks, self.similarity = blocks, similarity
        self.weights = weights.astype(np.float64)
        self.weights[known] = 0.0
        largest = self.weights.max(initial=0.0)
        self.weights = (self.weights / (largest or 1.0)).astype(blocks.dtype)
        self.rows = np.flatnonzero(mask)
        self.best = np.zeros(blocks.n, dtype=blocks.dtype)
        if len(known):
            self.best = similarity(blocks.reach(known).astype(blocks.dtype))
        self.lost = float(np.finfo(blocks.dtype).eps * similarity(np.zeros(1, blocks.dtype))[0])
        self.gains = self._shares(np.flatnonzero(self.weights))
        self.rounding = _ROUNDING * float(self.gains.max(initial=0.0))

    def choose(self, n: int, rng: np.random.Generator) -> Positions:
        """Return n positions, each that of the largest gain; what rounding cannot tell is drawn."""
        picks = np.zeros(n, dtype=np.intp)
        for i in range(n):
            place = rng.choice(np.flatnonzero(self.gains >= self.gains.max() - self.rounding))
            picks[i] = self.rows[place]
            if i < n - 1:
                self._serve(picks[i])
                self.gains[place] = -np.inf
        return picks

    def _serve(self, pick: int) -> None:
        """Bring best similarities and gains up to date with a pick."""
        rise = self._similar_to(pick) - self.best
        # Rises that rounding hides beside the largest similarity would be paid for in vain.
        rows = np.flatnonzero((rise > self.lost) & (self.weights > 0))
        self.gains -= self._shares(rows, rise[rows])
        self.best[rows] += rise[rows]

    def _similar_to(self, pick: int) -> Floats:
        """Similarity of every row to a pick."""
        right, norm = self.blocks.take(slice(pick, pick + 1)), self.blocks.norms[pick : pick + 1]
        out = np.empty(self.blocks.n, dtype=self.blocks.dtype)
        for part, left in self.blocks.parts():
            squares = squared(left, self.blocks.norms[part], right, norm)
            out[part] = self.similarity(squares)[:, 0]
        out[pick] = self.similarity(np.zeros(1, dtype=out.dtype))[0]
        return out

    def _shares(self, rows: Positions, rise: Floats | None = None) -> NDArray[np.float64]:
        """Sum over rows of how far each candidate would lift them, each by `rise` at most."""
        shares = np.zeros(len(self.rows))
        norms = self.blocks.norms
        for start in range(0, len(rows), _TILE_ROWS):
            some = rows[start : start + _TILE_ROWS]
            left, weights = self.blocks.take(some), self.weights[some]
            for first in range(0, len(self.rows), _TILE_ROWS):
                others = self.rows[first : first + _TILE_ROWS]
                tile = squared(left, norms[some], self.blocks.take(others), norms[others])
                tile = self.similarity(tile)
                tile -= self.best[some, None]
                np.maximum(tile, 0, out=tile)
                if rise is not None:
                    np.minimum(tile, rise[start : start + _TILE_ROWS, None], out=tile)
                shares[first : first + _TILE_ROWS] += weights @ tile
        return shares
