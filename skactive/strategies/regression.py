"""Strategies over a predicted mean and its standard deviation: learning it, or optimising it."""

import numpy as np

from .. import scores, selection
from ..data.arrays import as_floats, squared_norms
from .base import Strategy
from .diversity import Diverse, KCenter
from .registry import register


@register("std", "to learn a function everywhere, by a Gaussian process", cost="O(n), or O(nS)")
class Std(Strategy):
    """Largest standard deviation of the predicted value.

    Of an ensemble (a forest, bagging) it is that of the members' values: query by committee for
    regression [1]_, which takes the variance, and so the same rows.

    References
    ----------
    .. [1] Burbidge, Rowland and King (2007). Active learning for regression based on query by
       committee. IDEAL.
    """

    reads = ("std",)

    def score(self, view) -> np.ndarray:
        """Return the standard deviation."""
        return view.std


@register("emcm", "linear regression by bagging; outliers too", cost="O(nS + nd)")
class EMCM(Strategy):
    r"""Expected model change maximisation [1]_: the longest expected step of a linear model.

    :math:`\frac{1}{S} \sum_s |f(x) - f_s(x)| \, \lVert x \rVert`: the gradient of the squared
    error, with the values of members that were fitted on bootstrap samples in place of the label.
    x is the embedding: rows as the estimator sees them, or the last hidden layer of a net, whose
    members are passes with dropout.

    Members are those of the estimator, as in ``BaggingRegressor(Ridge())``; nothing is fitted for a
    query. In the paper f is fitted on all labels, here it is what the ensemble predicts.

    References
    ----------
    .. [1] Cai, Zhang and Zhou (2013). Maximizing expected model change for active learning in
       regression. ICDM.
    """

    reads = ("value_samples", "value", "embedding")

    def score(self, view) -> np.ndarray:
        """Return the expected length of the gradient, in units of y times those of x."""
        norms = squared_norms(as_floats(view.embedding, np.float64)) ** 0.5
        return scores.emcm(view.value, view.value_samples, norms)


class Improvement(Strategy):
    """Base of strategies that compare a prediction with the best label so far.

    Parameters
    ----------
    xi : float, default=0.0
        Gain that does not count, in units of y: a larger one explores more.
    maximize : bool, default=True
        Whether large values are good.
    """

    reads = ("std",)

    def __init__(self, xi=0.0, maximize=True) -> None:
        self.xi = xi
        self.maximize = maximize

    def _compared(self, view) -> tuple[np.ndarray, np.ndarray, float]:
        """Return mean, standard deviation and best label, large values being good."""
        known = view.y_labeled if self.maximize else -view.y_labeled
        if len(known) == 0:
            raise ValueError(f"{type(self).__name__} compares with the best label; give one first.")
        mean, std = _upwards(view, self.maximize)
        return mean, std, known.max()


@register("expected_improvement", "to find the best value; the usual choice", cost="as `std`")
class ExpectedImprovement(Improvement):
    r"""Largest expected gain over the best label so far [1]_, in logarithms [2]_.

    :math:`\log [(\mu - y^* - \xi) \Phi(z) + \sigma \varphi(z)]` with
    :math:`z = (\mu - y^* - \xi) / \sigma`. The gain itself is 0 in float64 where z is less than
    about -38, as it is nearly everywhere once a good value is known; its logarithm has the same
    order, and never ties for that reason. To draw rows in proportion to the gain, write
    ``StochasticBatch("expected_improvement", mode="softmax")``.

    References
    ----------
    .. [1] Jones, Schonlau and Welch (1998). Efficient global optimization of expensive black-box
       functions. Journal of Global Optimization.
    .. [2] Ament, Daulton, Eriksson, Balandat and Bakshy (2023). Unexpected improvements to expected
       improvement for Bayesian optimization. NeurIPS.
    """

    def score(self, view) -> np.ndarray:
        """Return the logarithm of the expected improvement."""
        return scores.log_expected_improvement(*self._compared(view), self.xi)


@register("probability_of_improvement", "to find the best value, cautiously", cost="as `std`")
class ProbabilityOfImprovement(Improvement):
    r"""Largest probability of beating the best label so far [1]_: :math:`\log \Phi(z)`.

    References
    ----------
    .. [1] Kushner (1964). A new method of locating the maximum point of an arbitrary multipeak
       curve in the presence of noise. Journal of Basic Engineering.
    """

    def score(self, view) -> np.ndarray:
        """Return the logarithm of the probability of improvement."""
        return scores.log_probability_of_improvement(*self._compared(view), self.xi)


@register("upper_confidence_bound", "to find the best value, exploring by `beta`", cost="as `std`")
class UpperConfidenceBound(Strategy):
    r"""Largest optimistic value [1]_: :math:`\mu + \beta \sigma`.

    Parameters
    ----------
    beta : float, default=1.0
        How many standard deviations are added.
    maximize : bool, default=True
        Whether large values are good.

    References
    ----------
    .. [1] Srinivas, Krause, Kakade and Seeger (2010). Gaussian process optimization in the bandit
       setting: no regret and experimental design. ICML.
    """

    reads = ("std",)

    def __init__(self, beta=1.0, maximize=True) -> None:
        self.beta = beta
        self.maximize = maximize

    def score(self, view) -> np.ndarray:
        """Return the upper confidence bound, in units of y."""
        return scores.upper_confidence_bound(*_upwards(view, self.maximize), self.beta)


def _upwards(view, maximize: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation, the mean with the sign that makes large values good."""
    std = view.std  # first: the prediction comes with it in one pass
    return view.prediction if maximize else -view.prediction, std


@register("greedy_x", "regression, before the model is any good", cost="as `k_center`")
class GreedyX(KCenter):
    """Again and again the row farthest in X from all known and chosen ones [1]_.

    This is `KCenter` by its name for regression.

    References
    ----------
    .. [1] Wu, Lin and Huang (2019). Active learning for regression using greedy sampling.
       Information Sciences.
    """

    labels_per_row = ("one",)


@register("greedy_y", "regression: values of all sizes", cost="O(kn)")
class GreedyY(Diverse):
    """Again and again the row whose value is farthest from all known and chosen values [1]_.

    References
    ----------
    .. [1] Wu, Lin and Huang (2019). Active learning for regression using greedy sampling.
       Information Sciences.
    """

    reads = ("value",)
    labels_per_row = ("one",)

    def select(self, view, n) -> np.ndarray:
        """Return rows by their predicted values, farthest first."""
        return selection.greedy_y(_values(view), n, **self._arguments(view))


@register("greedy_xy", "regression in batches; the usual choice of the three", cost="O((L + k)nd)")
class GreedyXY(Diverse):
    """Again and again the row with the largest product of distances in X and in y [1]_.

    References
    ----------
    .. [1] Wu, Lin and Huang (2019). Active learning for regression using greedy sampling.
       Information Sciences.
    """

    reads = ("embedding", "value")
    labels_per_row = ("one",)

    def select(self, view, n) -> np.ndarray:
        """Return rows that are unlike others in both, farthest first."""
        return selection.greedy_xy(view.embedding, _values(view), n, **self._arguments(view))


def _values(view) -> np.ndarray:
    """Return the known values of labelled rows, and the predicted ones of the others."""
    values, known = view.value.copy(), np.asarray(view.y_labeled)
    if known.size and known.dtype.kind not in "biuf":
        raise ValueError(
            f"the strategy reads labels as values, and got some of dtype {known.dtype}; give "
            f"numbers."
        )
    values[view.labeled] = known
    return values
