"""Strategies that ask for doubtful rows that are unlike one another, made for frozen features."""

from __future__ import annotations

import numpy as np

from .. import selection
from .base import Strategy
from .registry import register


@register("falcun", "batches by probabilities alone", cost="O(knC)")
class FALCUN(Strategy):
    r"""Fast active learning by contrastive uncertainty: doubtful, and predicted unlike [1]_.

    Rows are drawn one by one, with probability proportional to :math:`(u + d)^\gamma`. The doubt is
    :math:`u = 1 - (p_{(1)} - p_{(2)})`; d starts as u, is lowered to the L1 distance between the
    probabilities of the row and of the nearest chosen one, and is brought to [0, 1] over the rows
    that are left. Reserved rows count as chosen; labelled rows do not.

    Parameters
    ----------
    gamma : float, default=10.0
        How closely the draw follows u + d; 0 is random.

    Notes
    -----
    With two classes, probabilities lie on a line, and there is little to tell rows apart by.

    References
    ----------
    .. [1] Gilhuber, Beer, Ma and Seidl (2024). FALCUN: a simple and efficient deep active learning
       strategy. ECML PKDD.
    """

    rowwise = False
    reads = ("proba",)

    def __init__(self, gamma=10.0) -> None:
        self.gamma = gamma

    def select(self, view, n) -> np.ndarray:
        """Return the rows as they were drawn."""
        return selection.falcun(
            view.proba,
            n,
            gamma=self.gamma,
            candidates=view.mask,
            centers=view.reserved,
            rng=view.rng,
        )
