"""A net's dropout as a committee, for strategies over probabilities and over members."""

from typing import Any

import numpy as np

from ..utils.checks import checked_count
from .base import Strategy, has_score, name_of, needs
from .registry import as_strategy, register

SERVED = {"proba", "decision", "samples"}


@register(None, "a net that is too sure of itself", cost="`n_passes` passes over the candidates")
class Dropout(Strategy):
    """Another strategy on what a net predicts with dropout, in several passes [1]_.

    Strategies over probabilities (least confidence, margin, entropy) see their mean over the
    passes, strategies over members (BALD, BatchBALD, variation ratios) the passes themselves. In
    each pass the net's dropout takes out the same units for all rows; all other layers, such as
    batch norm, stay as in prediction.

    Parameters
    ----------
    strategy : str, Strategy or callable, default="bald"
        What scores or chooses.
    n_passes : int, default=20
        How many passes there are; without this class, strategies over members make 20.

    References
    ----------
    .. [1] Gal, Islam and Ghahramani (2017). Deep Bayesian active learning with image data. ICML.
    """

    def __init__(self, strategy: Any = "bald", n_passes=20) -> None:
        self.strategy = strategy
        self.n_passes = n_passes

    @property
    def rowwise(self) -> bool:  # type: ignore[override]
        """Whether the inner strategy is."""
        return as_strategy(self.strategy).rowwise

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """A net with dropout, once the inner strategy is one that it serves."""
        self._inner()
        return ("dropout",)

    @property
    def has_score(self) -> bool:
        """Whether the inner strategy scores rows."""
        return has_score(as_strategy(self.strategy))

    def score(self, view) -> np.ndarray:
        """Return the inner strategy's scores."""
        return self._checked().score(view.with_dropout(self.n_passes))

    def select(self, view, n) -> np.ndarray:
        """Return what the inner strategy selects."""
        if self.has_score:  # ties are then broken as those of any score
            return super().select(view, n)
        return self._checked().select(view.with_dropout(self.n_passes), n)

    def _checked(self) -> Strategy:
        """Return the inner strategy, once the number of passes is one."""
        checked_count(self.n_passes, "n_passes", "Dropout", 2)
        return self._inner()

    def _inner(self) -> Strategy:
        """Return the inner strategy, refusing one that reads something else."""
        inner = as_strategy(self.strategy)
        for alternatives in needs(inner):
            if SERVED.isdisjoint(alternatives):
                raise ValueError(
                    f"Dropout got {name_of(inner)}, which reads view.{alternatives[0]}; give a "
                    f"strategy over probabilities or members, such as 'entropy' or 'bald'."
                )
        return inner
