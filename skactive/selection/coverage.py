"""Greedy coverage: the rows that bring all others nearest to a chosen one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..data.arrays import steps
from ..data.types import Floats, Mask, Positions
from ..utils.progress import one_by_one, progress
from .blocks import Blocks, squared
from .cost import foretell

_FEW_CENTERS = 1000  # the most beside which a sample is chosen from
_TILE_ROWS = 1024  # side of the square of pairs that is worked on at a time: four megabytes
_GAIN_ROUNDING = 8 * float(np.finfo(np.float32).eps)  # of the largest gain

Similarity = Callable[[NDArray], NDArray]


def foretell_coverage(
    who: str, vectors, mask: Mask, n: int, known: Positions, choose: Callable, besides: float = 0.0
) -> None:
    """Warn where a choice by coverage will take long: it compares all rows with all candidates.

    ``choose(rows, n, centers=places)`` chooses from some rows. Centres belong to a sample too:
    beside them, picks raise fewer rows. `besides` are seconds that it takes for something else.
    """
    known = known[:_FEW_CENTERS]

    def run(rows: Positions, n: int) -> None:
        choose(np.append(known, rows), n, centers=np.arange(len(known)))

    size = float(np.sqrt(len(mask) * np.count_nonzero(mask)))
    foretell(
        who,
        vectors,
        mask,
        n,
        run,
        pairs=size**2,
        size=size,
        power=2,
        steps=_n_passes,
        besides=besides,
    )


def _n_passes(n: int) -> float:
    """Return how many times all pairs are compared for n picks, as a rule."""
    return 1 + float(np.log(n))


class Coverage:
    r"""Greedy maximisation of :math:`\sum_x w(x) \max_{s \in S} k(x, s)`.

    The gain of a candidate c is :math:`\sum_x w(x) \max(k(x, c) - b(x), 0)`, with b(x) the largest
    similarity so far. One pass over all pairs, in tiles, yields the gains of all candidates. A pick
    raises b at the rows that it serves better than all before it, about N / t of them at pick t,
    and only these are compared with the candidates again: exact gains of all candidates at each
    pick, for 1 + ln n passes in all. (To rate only promising candidates again, from all rows, took
    as long here and has no such bound.)

    `blocks` holds all N rows. `similarity` turns an array of squared distances, in units of the
    blocks and free to be overwritten, into similarities: 0 or more, smaller for larger distances.
    `known` are in S from the start; served already, they add nothing to any gain, whatever their
    weight. `mask` tells the candidates, and `who` what a progress bar is called.
    """

    def __init__(
        self,
        blocks: Blocks,
        *,
        similarity: Similarity,
        weights: Floats,
        known: Positions,
        mask: Mask,
        who: str,
    ):
        self.blocks, self.similarity, self.who = blocks, similarity, who
        self.weights = weights.astype(np.float64)
        self.weights[known] = 0.0
        # At most 1, so that sums stay in the range of float32: a factor changes no choice.
        largest = self.weights.max(initial=0.0)
        self.weights = (self.weights / (largest or 1.0)).astype(blocks.dtype)
        self.rows = np.flatnonzero(mask)
        self.best = np.zeros(blocks.n, dtype=blocks.dtype)
        if len(known):
            self.best = similarity(blocks.reach(known).astype(blocks.dtype))
        self.lost = float(np.finfo(blocks.dtype).eps * similarity(np.zeros(1, blocks.dtype))[0])
        self.gains = self._shares(np.flatnonzero(self.weights))
        self.rounding = _GAIN_ROUNDING * float(self.gains.max(initial=0.0))

    def choose(self, n: int, rng: np.random.Generator, least: float = -np.inf) -> Positions:
        """Return n positions, each of the largest gain, by chance where rounding cannot tell.

        They are fewer where no gain is left that is above `least`.
        """
        picks = np.zeros(n, dtype=np.intp)
        for i in one_by_one(range(n), n, self.who):
            if self.gains.max() <= least:
                return picks[:i]
            place = rng.choice(np.flatnonzero(self.gains >= self.gains.max() - self.rounding))
            picks[i] = self.rows[place]
            if i < n - 1:
                self._serve(picks[i])
                self.gains[place] = -np.inf
        return picks

    def _serve(self, pick: int) -> None:
        """Bring best similarities and gains up to date with a pick."""
        rise = self._similar_to(pick) - self.best
        # Rises that rounding hides beside the largest similarity would cost a pass in vain.
        rows = np.flatnonzero((rise > self.lost) & (self.weights > 0))
        self.gains -= self._shares(rows, rise[rows])
        self.best[rows] += rise[rows]

    def _similar_to(self, pick: int) -> NDArray:
        """Return the similarity of every row to a pick."""
        right, norm = self.blocks.take(slice(pick, pick + 1)), self.blocks.norms[pick : pick + 1]
        out = np.empty(self.blocks.n, dtype=self.blocks.dtype)
        for part, left in self.blocks.parts():
            squares = squared(left, self.blocks.norms[part], right, norm)
            out[part] = self.similarity(squares)[:, 0]
        # Its distance to itself may come out above 0: then it would be served once more, by itself.
        out[pick] = self.similarity(np.zeros(1, dtype=out.dtype))[0]
        return out

    def _shares(self, rows: Positions, rise: NDArray | None = None) -> Floats:
        """Return how far each candidate would lift rows in all, each row by `rise` at most."""
        shares = np.zeros(len(self.rows))
        n_pairs = len(rows) * len(self.rows)
        tiles = self._tiles(rows)
        for part, beside, tile in progress(tiles, n_pairs, f"{self.who}: pairs", " pairs"):
            some = rows[part]
            tile -= self.best[some, None]
            np.maximum(tile, 0, out=tile)
            if rise is not None:
                np.minimum(tile, rise[part, None], out=tile)
            shares[beside] += self.weights[some] @ tile
        return shares

    def _tiles(self, rows: Positions) -> Iterator[tuple[int, tuple[slice, slice, NDArray]]]:
        """Yield similarities of some rows to some candidates, their places, how many there are."""
        norms = self.blocks.norms
        for part in steps(len(rows), _TILE_ROWS):
            some = rows[part]
            left = self.blocks.take(some)
            for beside in steps(len(self.rows), _TILE_ROWS):
                others = self.rows[beside]
                tile = squared(left, norms[some], self.blocks.take(others), norms[others])
                yield tile.size, (part, beside, self.similarity(tile))
