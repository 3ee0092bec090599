"""Strategies made of other strategies."""

import math
from numbers import Integral, Real

from ..selection import top
from .base import Strategy
from .table import as_strategy


class Subpool(Strategy):
    """Another strategy on a random part of the pool, drawn anew in each round.

    A part is cheaper to score than the whole, and a batch from it repeats itself less.

    Parameters
    ----------
    strategy : str, Strategy or callable, default="margin"
        What chooses among the part.
    size : int or float, default=0.1
        How many candidates to draw, or what share of them if it is a float; never fewer than the
        batch needs.

    Examples
    --------
    >>> from skactive.strategies import Subpool
    >>> Subpool("entropy", size=1000)
    Subpool(size=1000, strategy='entropy')
    """

    rowwise = False

    def __init__(self, strategy="margin", size=0.1):
        self.strategy = strategy
        self.size = size

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads."""
        return as_strategy(self.strategy).reads

    def select(self, view, n):
        """Return what the inner strategy selects among a random part of the candidates."""
        size = max(n, self._n_drawn(len(view.candidates)))
        drawn = view.row_random(view.candidates)
        part = view.candidates[top(drawn, size)]
        return as_strategy(self.strategy).select(view.restrict(part), n)

    def _n_drawn(self, n_candidates: int) -> int:
        """Return how many candidates make a part."""
        size = self.size
        if isinstance(size, Integral) and not isinstance(size, bool) and int(size) >= 1:
            return min(int(size), n_candidates)
        if isinstance(size, Real) and not isinstance(size, Integral) and 0 < float(size) <= 1:
            return math.ceil(float(size) * n_candidates)
        raise ValueError(
            f"Subpool got size={size!r}; give a count of at least 1, or a share in (0, 1] as a "
            f"float."
        )
