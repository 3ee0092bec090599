"""Strategies over the gradient of a linear last layer, given by its two factors."""

from __future__ import annotations

import numpy as np

from .. import scores, selection
from ..data.arrays import as_floats, squared_norms
from .base import ANY, Strategy
from .registry import register


@register("badge", "batches of ten and more", cost="O(kn(d + C)) at most, often far less")
class BADGE(Strategy):
    """Rows whose gradients are long and unlike one another, by D² sampling [1]_.

    The gradient is that of the loss in the last layer, if the row's likeliest label were true; of
    several labels a row, the likelier value of each.
    Reserved rows count as chosen; labelled rows have short gradients and do not count.

    References
    ----------
    .. [1] Ash, Zhang, Krishnamurthy, Langford and Agarwal (2020). Deep batch active learning by
       diverse, uncertain gradient lower bounds. ICLR.
    """

    rowwise = False
    reads = ("gradient",)
    labels_per_row = ANY

    def select(self, view, n) -> np.ndarray:
        """Return the rows as they were sampled."""
        return selection.d2_sampling(
            view.gradient_vectors, n, candidates=view.mask, centers=view.reserved, rng=view.rng
        )


@register("bait", "small d and C; regressors too", cost="O(kn(dC² + C³) + (dC)³)")
class BAIT(Strategy):
    """Rows that leave least to learn about the last layer, by Fisher information [1]_.

    More rows than asked for are selected one by one, then some are dropped one by one.

    Parameters
    ----------
    regularization : float, default=1.0
        Added to the diagonal of the labelled rows' information.
    oversample : float, default=2
        How many times as many rows are selected before some are dropped.

    References
    ----------
    .. [1] Ash, Goel, Krishnamurthy and Kakade (2021). Gone fishing: neural active learning with
       Fisher embeddings. NeurIPS.
    """

    rowwise = False
    reads = ("gradient",)

    def __init__(self, regularization=1.0, oversample=2) -> None:
        self.regularization = regularization
        self.oversample = oversample

    def select(self, view, n) -> np.ndarray:
        """Return rows, the most informative first."""
        return selection.bait(
            view.gradient[1],
            view.proba if view.gives("proba") else None,
            n,
            candidates=view.mask,
            centers=view.centers,
            regularization=self.regularization,
            oversample=self.oversample,
            rng=view.rng,
        )


@register("expected_model_change", "classifiers, one row at a time", cost="O(n(d + C))")
class ExpectedModelChange(Strategy):
    r"""Longest expected gradient of the last layer [1]_.

    It is :math:`\|h\| \sum_c p_c \|p - e_c\|`, with h the input of the layer.

    References
    ----------
    .. [1] Settles, Craven and Ray (2008). Multiple-instance active learning. NeurIPS.
    """

    reads = ("gradient", "proba")

    def score(self, view) -> np.ndarray:
        """Return the expected length of the gradient."""
        norms = squared_norms(as_floats(view.gradient[1])) ** 0.5
        return scores.expected_model_change(view.proba, norms)
