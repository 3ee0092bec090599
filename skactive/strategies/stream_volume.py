"""Volume sampling of a stream, in the space of last-layer gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..budgets import Countdown, by_chance
from ..data.arrays import join_vectors
from ..selection.vessal import vessal
from ..selection.volumes import Volumes
from ..utils.checks import checked_count
from .registry import register
from .stream import StreamStrategy, blindly, budget_of


@register("vessal", "what is doubtful, and unlike what was bought", cost="O((dC)²) at most")
class Vessal(StreamStrategy):
    r"""Volume sampling of gradients: long ones, unlike those of rows that were bought [1]_.

    A row with last-layer gradient u is bought with probability
    :math:`q \, u' M u / \mathrm{tr}(\Sigma M)`. :math:`M^{-1} = \lambda I` plus the sum of
    :math:`u u'` of what was bought; :math:`\Sigma` is the mean of :math:`u u'` over the stream;
    q follows from the budget: `BudgetManager.chance`, or the number of labels left divided by that
    of rows left, if the length of the stream is known.

    It chooses from a pool too: ``query(n_instances=k)`` lets all candidates pass once, in their
    order, and gives exactly k of them, whatever the budget.

    Parameters
    ----------
    budget : float, default=None
        Share of the rows that may be bought, in (0, 1]. None: 0.1, where there is no `length`.
    window : int or None, default=100
        Of so many consecutive rows, no more than that share is bought. None: it is held over the
        whole stream, within a label or two. Not with `length`.
    total : int, default=None
        How many labels may be bought in all; None: any number.
    length : int, default=None
        How many rows there are, with `total` and without `budget`: all labels are spent once so
        many rows have passed, and rows beyond are not bought.
    regularization : float, default=0.01
        :math:`\lambda`, more than 0. Squared lengths of gradients count for 1e6 times that at
        most: scale features whose numbers are large.
    condition_on_labeled : bool, default=True
        Whether rows of the pool that are labelled or reserved when a stream begins count as bought.
    covariance : "running" or array of shape (C d, C d), default="running"
        :math:`\Sigma`: that of the rows so far, the one that passes included, or a known one, see
        `skactive.selection.gradient_covariance`.

    Attributes
    ----------
    volumes_ : Volumes or None
        M and :math:`\Sigma`; None before there is a model.

    Notes
    -----
    As published, q is the budget itself. That buys too much while gradients are about as wide as
    rows are many: each row then leads where none was, and u' M u is larger than its mean over the
    rows before. So q falls with each label that is bought beyond the budget, and rises behind it.

    A row that was bought counts by the gradient that it had then, though the model has changed
    since: rows are not kept. M begins again at `restart`, and when gradients get another length, as
    by a new class.

    References
    ----------
    .. [1] Saran, Yousefi, Krishnamurthy, Langford and Ash (2023). Streaming active learning with
       deep neural networks. ICML.
    """

    reads = ("gradient",)

    def __init__(
        self,
        budget=None,
        window=100,
        total=None,
        length=None,
        regularization=0.01,
        condition_on_labeled=True,
        covariance: Any = "running",
    ) -> None:
        super().__init__(budget, window, total)
        self.length = length
        self.regularization = regularization
        self.condition_on_labeled = condition_on_labeled
        self.covariance = covariance

    def select(self, view, n) -> np.ndarray:
        """Return n candidates, chosen in one pass."""
        return vessal(
            view.gradient,
            n,
            candidates=view.mask,
            centers=view.centers if self.condition_on_labeled else None,
            regularization=self.regularization,
            covariance=self._covariance(),
            rng=view.rng,
        )

    def _budget(self):
        """Return the budget by rate, or by count."""
        if self.length is None:
            window = self.window
            window = None if window is None else checked_count(window, "window", "Vessal", 1)
            return budget_of(self, 0.1 if self.budget is None else self.budget, window)
        if self.total is None or self.budget is not None:
            raise ValueError(
                f"Vessal got budget={self.budget!r}, total={self.total!r} and "
                f"length={self.length!r}; give budget=, and total= where there is an end of "
                f"labels, or length= with total= and without budget=."
            )
        if self.window != 100:
            raise ValueError(
                f"Vessal got window={self.window!r} and length={self.length!r}; labels counted by "
                f"length= are held in no window: leave window= out."
            )
        return Countdown(self.total, self.length, "Vessal")

    def _start(self):
        """Forget what was bought."""
        Volumes(1, 1, regularization=self.regularization)  # which refuses a wrong one
        self._covariance()
        self.volumes_: Any = None

    def _covariance(self):
        """Return the covariance where it is known, None where it is learned."""
        if isinstance(self.covariance, str) and self.covariance != "running":
            raise ValueError(
                f"Vessal got covariance={self.covariance!r}; give 'running', or an array of shape "
                f"(C d, C d)."
            )
        return None if isinstance(self.covariance, str) else self.covariance

    def _look(self, view):
        """Return the factors of the candidates' gradients, with M ready for them."""
        parts = []
        for part, _, kept in view.chunks(["gradient"]):  # of the candidates alone
            errors, features = part.gradient
            parts.append((errors, features) if kept is None else (errors[kept], features[kept]))
        errors, features = (join_vectors(list(each)) for each in zip(*parts, strict=True))
        shape = errors.shape[1], features.shape[1]
        # Gradients of another length live in another space, of which nothing is known yet.
        if self.volumes_ is None or self.volumes_.shape != shape:
            covariance = self._covariance()
            volumes = Volumes(*shape, regularization=self.regularization, covariance=covariance)
            if self.condition_on_labeled and len(view.centers):
                rows = view.centers
                volumes.learn(*view.part(view.take(rows), rows).gradient)
            self.volumes_ = volumes
        return errors, features

    def _pass(self, seen, draws):
        """Buy by volume."""
        if seen is None:
            return blindly(self.budget_, draws)
        return self.volumes_.offer(*seen, by_chance(self.budget_, draws[:, -1].tolist()))
