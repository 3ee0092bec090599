"""What learning curves say: arrays in, numbers with their uncertainty out.

R is the number of repeats (the rows of `scores`), T the number of rounds (its columns); scores are
higher for better. Repeats are paired: repeat r of one curve and repeat r of another had the same
data, start and seed. NaN among the scores gives NaN, except where the answer is a count or a place
on the curve: these refuse it, since every comparison with NaN is silently false.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

Floats = NDArray[np.float64]

_ROUNDING = 1e-12  # by how much, relative to the scores, a mean may miss a target it reaches
_CHUNK_VALUES = 2_000_000  # resampled mean curves held at once: 16 megabytes
_SATURATED = 0.99  # share of the final score from which Ash et al. compare no more


def aulc(n_labeled: ArrayLike, scores: ArrayLike) -> Floats | float:
    r"""Normalised area under the learning curve: the mean score over the budget.

    .. math:: \frac{1}{n_T - n_1} \sum_{t=2}^{T} (n_t - n_{t-1}) \frac{s_{t-1} + s_t}{2}

    The convention: the trapezoid rule over the number of labels, divided by its range. A constant
    curve has its own value, and the area has the unit of the scores. A single point is its score.

    Parameters
    ----------
    n_labeled : array of float, shape (T,)
        Numbers of labels, increasing.
    scores : array of float, shape (R, T) or (T,)
        Scores, one curve a row.

    Returns
    -------
    ndarray of float64, shape (R,), or float
        Area under each curve, between its least and its largest score; a float for one curve.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `n_labeled` does not increase.

    References
    ----------
    I. Guyon, G. Cawley, G. Dror and V. Lemaire, "Results of the Active Learning Challenge", JMLR
    Workshop and Conference Proceedings 16, 2011, who divide by the range of the logarithm instead.

    Examples
    --------
    >>> aulc([10, 20, 40], [0.5, 0.7, 0.9])
    0.7333333333333333
    """
    grid, curves = _checked(n_labeled, scores)
    if len(grid) == 1:
        return curves[..., 0][()]
    gaps = np.diff(grid, prepend=grid[0], append=grid[-1])
    area = curves @ ((gaps[:-1] + gaps[1:]) / (2 * (grid[-1] - grid[0])))
    # Rounding must not lift a mean above what it is the mean of.
    return np.clip(area, curves.min(axis=-1), curves.max(axis=-1))[()]


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple:
    r"""Mean over repeats, and Student's interval for it: :math:`\bar v \pm t_{R-1} s / \sqrt R`.

    Parameters
    ----------
    values : array of float, shape (R,) or (R, T)
        One value, or one curve, for each repeat.
    level : float, default=0.95
        Coverage of the interval.

    Returns
    -------
    mean, low, high : float, or ndarray of float64, shape (T,)
        Mean and the ends of the interval. With one repeat the ends are NaN; values that are all
        the same have an interval without width.

    Raises
    ------
    ValueError
        If there is no repeat, or `level` is no share.

    References
    ----------
    Student, "The Probable Error of a Mean", Biometrika 6(1), 1908.

    Examples
    --------
    >>> [round(float(end), 3) for end in mean_interval([0.8, 0.9, 1.0])]
    [0.9, 0.652, 1.148]
    """
    tail = _tail(level)
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 0 or len(values) == 0:
        raise ValueError(
            f"values have the shape {values.shape}; give one value or one curve for each repeat."
        )
    mean, error = _mean_and_error(values)
    half = error * (stdtrit(len(values) - 1, 1 - tail) if len(values) > 1 else np.nan)
    return mean, mean - half, mean + half


def labels_to_reach(n_labeled: ArrayLike, curve: ArrayLike, target: float) -> float:
    """Number of labels at which a curve first reaches a target, linear between its points.

    Parameters
    ----------
    n_labeled : array of float, shape (T,)
        Numbers of labels, increasing.
    curve : array of float, shape (T,)
        Scores, of one repeat or their mean. What misses the target by rounding alone (a relative
        1e-12) reaches it.
    target : float
        Score to reach.

    Returns
    -------
    float
        Number of labels; the first of `n_labeled` if the curve starts there, inf if it never
        gets there.

    Raises
    ------
    ValueError
        If the shapes do not fit, `n_labeled` does not increase, or a score or the target is NaN.

    Examples
    --------
    >>> labels_to_reach([10, 20, 40], [0.5, 0.7, 0.9], 0.8)
    30.0
    >>> labels_to_reach([10, 20, 40], [0.5, 0.7, 0.9], 0.95)
    inf
    """
    grid, curves = _checked(n_labeled, curve, n_dims=(1,))
    _refuse_nan(curves, "the curve")
    _refuse_nan(target, "target")
    return float(_first_reached(grid, curves[None], target)[0])


@dataclass(frozen=True)
class Saving:
    """What a strategy saves against a baseline: the answer of `saving`.

    Attributes
    ----------
    labels, labels_baseline : float
        Labels with which the mean curves reach the target; inf where they do not.
    share : float
        ``1 - labels / labels_baseline``; negative if more labels are needed, NaN unless both
        reach the target.
    low, high : float
        Ends of the interval for the share: -inf and inf where they are open, NaN with one repeat.
    reached : float
        Fraction of the resamples in which both reach the target.
    level : float
        Coverage of the interval.
    """

    labels: float
    labels_baseline: float
    share: float
    low: float
    high: float
    reached: float
    level: float = 0.95

    def __str__(self) -> str:
        found, found_baseline = np.isfinite([self.labels, self.labels_baseline])
        if not found and not found_baseline:
            return "not reached, nor by the baseline"
        if not found:
            said = f"not reached; by the baseline with {self.labels_baseline:.0f} labels"
        elif not found_baseline:
            said = f"not reached by the baseline; reached with {self.labels:.0f} labels"
        else:
            said = (
                f"saves {_percent(self.share)} of the labels: {self.labels:.0f} instead of "
                f"{self.labels_baseline:.0f}"
            )
        said += f" ({self._interval()})"
        if self.reached < 1:
            said += f"; both reach the target in {_percent(self.reached)} of the resamples"
        return said

    def _interval(self) -> str:
        """Say what interval the share has."""
        if np.isnan(self.low):
            return "no interval from one repeat"
        name = f"{_percent(self.level)} interval of the saving"
        if np.isinf(self.low) and np.isinf(self.high):
            return f"{name} open on both sides"
        if np.isinf(self.high):
            return f"{name} from {_percent(self.low)} upwards"
        if np.isinf(self.low):
            return f"{name} up to {_percent(self.high)}"
        return f"{name} {_percent(self.low)} to {_percent(self.high)}"


def saving(
    n_labeled: ArrayLike,
    scores: ArrayLike,
    baseline: ArrayLike,
    target: float,
    *,
    n_labeled_baseline: ArrayLike | None = None,
    level: float = 0.95,
    n_bootstrap: int = 2000,
    rng: np.random.Generator,
) -> Saving:
    r"""Share of the labels that a strategy saves on the way to a target, by paired bootstrap.

    .. math:: 1 - \frac{n(\bar s)}{n(\bar b)}, \quad n = \text{labels\_to\_reach of a mean curve}

    Repeats are drawn with replacement, the same ones for both, and the share is computed from the
    mean curves of each resample [1]_. The ends of the interval are percentiles of these shares,
    taken further out than the level says, at :math:`\Phi(-t_{R-1} \sqrt{R / (R - 1)})`, since the
    plain ones are too near for few repeats [2]_.

    A resample in which a mean curve never reaches the target is kept for what it says: if the
    baseline never does, the share is at least that of a baseline which needs one label more than it
    was given; if the strategy never does, the share is at most that of such a strategy. The other
    end is not known there, and the end of the interval is open once this happens in more resamples
    than lie beyond it.

    Parameters
    ----------
    n_labeled : array of float, shape (T,)
        Numbers of labels, positive and increasing.
    scores : array of float, shape (R, T)
        Scores of the strategy.
    baseline : array of float, shape (R, T), or (R, U) with `n_labeled_baseline`
        Scores of the baseline in the same repeats.
    target : float
        Score to reach.
    n_labeled_baseline : array of float, shape (U,), default=None
        Numbers of labels of the baseline. None: those of the strategy.
    level : float, default=0.95
        Coverage of the interval.
    n_bootstrap : int, default=2000
        Number of resamples.
    rng : numpy.random.Generator
        Draws the repeats.

    Returns
    -------
    Saving
        Labels of both, the share and its interval; printed, it says so in words.

    Raises
    ------
    ValueError
        If the shapes do not fit, the numbers of labels are not positive and increasing, or a score
        or the target is NaN.

    References
    ----------
    .. [1] B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", Chapman and Hall, 1993.
    .. [2] T. Hesterberg, "What Teachers Should Know About the Bootstrap", The American
       Statistician 69(4), 2015, section 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> scores = [[0.6, 0.8, 0.9], [0.5, 0.8, 0.9], [0.5, 0.7, 0.8]]
    >>> baseline = [[0.5, 0.7, 0.8], [0.4, 0.6, 0.8], [0.5, 0.6, 0.7]]
    >>> print(saving([10, 20, 30], scores, baseline, 0.75, rng=np.random.default_rng(0)))
    saves 32 % of the labels: 19 instead of 29 (95 % interval of the saving from 25 % upwards);
    both reach the target in 96 % of the resamples
    """
    first = _checked(n_labeled, scores, n_dims=(2,))
    second = _checked(
        n_labeled if n_labeled_baseline is None else n_labeled_baseline, baseline, n_dims=(2,)
    )
    _check_paired(first[1], second[1])
    for grid, curves in (first, second):
        _refuse_nan(curves, "a score")
        if grid[0] <= 0:
            raise ValueError(
                f"n_labeled starts at {grid[0]:g}; a share of labels needs positive numbers."
            )
    _refuse_nan(target, "target")
    labels, labels_baseline = (
        float(_first_reached(grid, curves.mean(axis=0)[None], target)[0])
        for grid, curves in (first, second)
    )
    share = 1 - labels / labels_baseline if np.isfinite([labels, labels_baseline]).all() else np.nan
    n = len(first[1])
    tail = _tail(level)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    found, found_baseline = (_resampled(grid, curves, counts, target) for grid, curves in (first, second))
    low, high = np.nan, np.nan
    if n > 1:
        beyond = int(n_bootstrap * ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, tail)))
        least = 1 - found / np.minimum(found_baseline, second[0][-1])
        most = np.where(np.isinf(found_baseline), np.inf, 1 - np.minimum(found, first[0][-1]) / found_baseline)
        low, high = np.sort(least)[beyond], np.sort(most)[-1 - beyond]
    reached = float(np.mean(np.isfinite(found) & np.isfinite(found_baseline)))
    return Saving(labels, labels_baseline, share, float(low), float(high), reached, level)
