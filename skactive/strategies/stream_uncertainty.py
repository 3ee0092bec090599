"""Strategies for streams that buy where the model doubts: thresholds, fixed or adapting."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ..utils.checks import checked_fraction, checked_number
from .base import Strategy, name_of
from .registry import register
from .stream import StreamStrategy


@register("fixed_uncertainty", "certainty below a fixed threshold", cost="O(C)")
class FixedUncertainty(StreamStrategy):
    r"""Where the model is less certain than a fixed threshold [1]_: :math:`\max_c p_c < \theta`.

    Parameters
    ----------
    budget, window, total
        As in `RandomStream`.
    threshold : float, default=None
        :math:`\theta`. None: :math:`1/C + b (1 - 1/C)` with b the budget, which buys a share of b
        if certainty is uniform between chance and 1.

    References
    ----------
    .. [1] Žliobaitė, Bifet, Pfahringer and Holmes (2014). Active learning with drifting streaming
       data. IEEE Transactions on Neural Networks and Learning Systems.
    """

    reads = ("proba",)

    def __init__(self, budget=0.1, window=100, total=None, threshold=None) -> None:
        super().__init__(budget, window, total)
        self.threshold = threshold

    def _start(self):
        """Check the threshold, which stays."""
        if self.threshold is not None:
            checked_number(self.threshold, "threshold", name_of(self), 0.0)

    def _look(self, view):
        """Return how far each row is above its threshold."""
        if self.threshold is not None:
            return view.score(_Certainty())[view.candidates] - float(self.threshold)
        return view.score(_Certainty(from_chance=True))[view.candidates] - self.budget_.rate

    def _wants(self, value, draws, is_left):
        """Whether a row is below the threshold."""
        return is_left and value < 0


@register("variable_uncertainty", "the same, the threshold adapts to the budget", cost="O(C)")
class VariableUncertainty(StreamStrategy):
    r"""Where the model is less certain than a threshold that adapts to the budget [1]_.

    :math:`\theta` is 1 at first. While labels are left, a row with :math:`\max_c p_c < \theta` is
    bought and shrinks it to :math:`\theta (1 - s)`; any other row raises it to
    :math:`\theta (1 + s)`.

    Parameters
    ----------
    budget, window, total
        As in `RandomStream`.
    step : float, default=0.01
        s, in (0, 1).

    Attributes
    ----------
    threshold_ : float
        :math:`\theta`.

    References
    ----------
    .. [1] Žliobaitė, Bifet, Pfahringer and Holmes (2014). Active learning with drifting streaming
       data. IEEE Transactions on Neural Networks and Learning Systems.
    """

    reads = ("proba",)

    def __init__(self, budget=0.1, window=100, total=None, step=0.01) -> None:
        super().__init__(budget, window, total)
        self.step = step

    def _start(self):
        """Set the threshold to certainty."""
        checked_fraction(self.step, "step", name_of(self))
        self.threshold_ = 1.0

    def _look(self, view):
        """Return how certain the model is."""
        return view.score(_Certainty())[view.candidates]

    def _wants(self, value, draws, is_left):
        """Whether a row is below the threshold, which moves while labels are left."""
        if not is_left:  # or the threshold would rise with every row, and then buy anything
            return False
        is_wanted = value < self.threshold_ * self._factor(draws)
        self.threshold_ *= 1 - self.step if is_wanted else 1 + self.step
        return is_wanted

    def _factor(self, draws: list[float]) -> float:
        """Return by what the threshold is multiplied for one row."""
        return 1.0


@register("random_variable_uncertainty", "the same, with a random factor for each row", cost="O(C)")
class RandomVariableUncertainty(VariableUncertainty):
    r"""As `VariableUncertainty`, the threshold multiplied by a random number for each row.

    So rows of which the model is certain are bought now and then, and show a drift there.

    Parameters
    ----------
    budget, window, total, step
        As in `VariableUncertainty`.
    delta : float, default=1.0
        Standard deviation of the factor, which is normal with mean 1.
    """

    def __init__(self, budget=0.1, window=100, total=None, step=0.01, delta=1.0) -> None:
        super().__init__(budget=budget, window=window, total=total, step=step)
        self.delta = delta

    def _start(self):
        """Check the spread as well."""
        super()._start()
        checked_number(self.delta, "delta", name_of(self), 0.0)

    def _factor(self, draws):
        """Return a normal number with mean 1."""
        # Of a uniform number of 0, the normal one would be minus infinity.
        return 1.0 + self.delta * float(ndtri(max(draws[-1], 2.0**-54)))


@register("split_uncertainty", "a share blindly, the rest as `variable_uncertainty`", cost="O(C)")
class SplitUncertainty(VariableUncertainty):
    """A random share of the rows blindly, the rest as `VariableUncertainty`.

    The random share shows a drift wherever it happens, and errors as they are. Each part has its
    own share of the budget, so that uncertain rows cannot use up all of it.

    Parameters
    ----------
    budget, window, total, step
        As in `VariableUncertainty`.
    share : float, default=0.2
        Share of the rows and of the budget for blind choice, in (0, 1). In a window it is rounded
        to whole labels, at least one for each part.

    Attributes
    ----------
    random_share_ : ndarray of bool
        Which rows of the last chunk were bought blindly.
    """

    has_random_share = True
    _n_draws = 2

    def __init__(self, budget=0.1, window=100, total=None, step=0.01, share=0.2) -> None:
        super().__init__(budget=budget, window=window, total=total, step=step)
        self.share = share

    def _budget(self):
        """Return the budget, and keep its two parts."""
        checked_fraction(self.share, "share", name_of(self))
        whole = super()._budget()
        self.parts_ = whole.split(self.share)
        return whole

    def _pass(self, seen, draws):
        """Buy the random share blindly, and of the rest what is uncertain."""
        bought, is_random = np.zeros(len(draws), dtype=bool), self._is_random(draws)
        for row, own in enumerate(draws.tolist()):
            part, other = self.parts_ if is_random[row] else self.parts_[::-1]
            if is_random[row]:
                bought[row] = part.takes(own[-1], 1 / self.share)
            elif seen is None:
                bought[row] = part.takes(own[-1], 1 / (1 - self.share))
            else:
                bought[row] = self._wants(float(seen[row]), own, part.may_spend())
            # To the other part too a row has passed: both have windows of the whole stream.
            part.passed(bool(bought[row]))
            other.passed(False)
            self.budget_.passed(bool(bought[row]))
        return bought

    def _is_random(self, draws):
        """Return which rows belong to the random share."""
        return draws[:, 0] < self.share


class _Certainty(Strategy):
    """How probable the likeliest class is; from 0 for chance to 1, where that is asked for."""

    reads = ("proba",)

    def __init__(self, from_chance=False):
        self.from_chance = from_chance

    def score(self, view):
        """Return the largest probability."""
        certainty, n_classes = view.proba.max(axis=1), view.proba.shape[1]
        if not self.from_chance:
            return certainty
        return (n_classes * certainty - 1) / (n_classes - 1) if n_classes > 1 else certainty
