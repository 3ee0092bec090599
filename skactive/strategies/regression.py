"""Strategies over a predicted mean and its standard deviation: learning it, or optimising it."""

import numpy as np

from .. import scores
from .base import Strategy


class Std(Strategy):
    """Largest standard deviation of the predicted value."""

    reads = ("std",)

    def score(self, view):
        """Return the standard deviation."""
        return view.std


class Optimizer(Strategy):
    """Base of strategies that look for the best value rather than the best model.

    Parameters
    ----------
    maximize : bool, default=True
        Whether large values are good.
    """

    reads = ("std",)

    maximize: bool

    def _beyond(self, view) -> tuple[np.ndarray, np.ndarray, float]:
        """Return mean, standard deviation and best known value, all to be maximised."""
        sign = 1.0 if self.maximize else -1.0
        known = sign * view.y_labeled
        if len(known) == 0:
            raise ValueError(f"{type(self).__name__} compares with the best label; give one first.")
        std = view.std  # comes with the prediction, in one pass
        return sign * view.prediction, std, known.max()


class ExpectedImprovement(Optimizer):
    r"""Largest expected gain over the best known value [1]_.

    :math:`(\mu - y^* - \xi) \Phi(z) + \sigma \varphi(z)` with
    :math:`z = (\mu - y^* - \xi) / \sigma`.

    Parameters
    ----------
    xi : float, default=0.0
        Gain that does not count, in units of y; more of it explores more.
    maximize : bool, default=True
        Whether large values are good.

    References
    ----------
    .. [1] Jones, Schonlau and Welch (1998). Efficient global optimization of expensive black-box
       functions. Journal of Global Optimization.
    """

    def __init__(self, xi=0.0, maximize=True):
        self.xi = xi
        self.maximize = maximize

    def score(self, view):
        """Return the expected improvement, in units of y."""
        return scores.expected_improvement(*self._beyond(view), self.xi)


class ProbabilityOfImprovement(Optimizer):
    r"""Largest probability of beating the best known value [1]_: :math:`\Phi(z)`.

    Parameters
    ----------
    xi : float, default=0.0
        Gain that does not count, in units of y; more of it explores more.
    maximize : bool, default=True
        Whether large values are good.

    References
    ----------
    .. [1] Kushner (1964). A new method of locating the maximum point of an arbitrary multipeak
       curve in the presence of noise. Journal of Basic Engineering.
    """

    def __init__(self, xi=0.0, maximize=True):
        self.xi = xi
        self.maximize = maximize

    def score(self, view):
        """Return the probability of improvement."""
        return scores.probability_of_improvement(*self._beyond(view), self.xi)


class UpperConfidenceBound(Optimizer):
    r"""Largest optimistic value [1]_: :math:`\mu + \beta \sigma`.

    Parameters
    ----------
    beta : float, default=1.0
        How many standard deviations of optimism.
    maximize : bool, default=True
        Whether large values are good.

    References
    ----------
    .. [1] Srinivas, Krause, Kakade and Seeger (2010). Gaussian process optimization in the bandit
       setting: no regret and experimental design. ICML.
    """

    def __init__(self, beta=1.0, maximize=True):
        self.beta = beta
        self.maximize = maximize

    def score(self, view):
        """Return the upper confidence bound, in units of y."""
        mean, std, _ = self._beyond(view)
        return scores.upper_confidence_bound(mean, std, self.beta)
