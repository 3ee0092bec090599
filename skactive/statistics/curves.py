"""Single curves and their means: the area below them, and the labels to a target."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from ..data.types import Floats
from ..utils.checks import checked_curves, refuse_nan

ROUNDING = 1e-12  # relative to the scores: what differs by no more differs by rounding alone


def aulc(n_labeled: ArrayLike, scores: ArrayLike) -> Floats | float:
    r"""Normalised area under the learning curve: the mean score over the budget.

    .. math:: \frac{1}{n_T - n_1} \sum_{t=2}^{T} (n_t - n_{t-1}) \frac{s_{t-1} + s_t}{2}

    The trapezoid rule over the number of labels, divided by its range [1]_: a constant curve has
    its own value, and the area the unit of the scores. A single point is its score.

    Parameters
    ----------
    n_labeled : array of float, shape (T,)
        Numbers of labels, increasing.
    scores : array of float, shape (R, T) or (T,)
        Scores, one curve a row.

    Returns
    -------
    float, or ndarray of float64, shape (R,)
        Area under each curve, between its least and its largest score; a float for one curve.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `n_labeled` does not increase.

    References
    ----------
    .. [1] Guyon, Cawley, Dror and Lemaire (2011). Results of the active learning challenge. JMLR
       Workshop and Conference Proceedings 16: there over the logarithm of the number of labels.

    Examples
    --------
    >>> aulc([10, 20, 40], [[0.5, 0.75, 0.9], [0.6, 0.6, 0.6]])
    array([0.75833333, 0.6       ])
    """
    grid, curves = checked_curves(n_labeled, scores)
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
        Mean and ends of the interval: NaN with one repeat, without width where all are the same.

    Raises
    ------
    ValueError
        If there is no repeat, or `level` is no share.

    Examples
    --------
    >>> [round(float(end), 3) for end in mean_interval([0.8, 0.9, 1.0])]
    [0.9, 0.652, 1.148]
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 0 or len(values) == 0:
        raise ValueError(
            f"values have the shape {values.shape}; give one value or one curve for each repeat."
        )
    mean, error = mean_and_error(values)
    half = half_width(error, len(values), level)
    return mean, mean - half, mean + half


def rising_mean(scores: ArrayLike) -> Floats:
    """Mean learning curve, as the nearest one that never falls (isotonic regression).

    Where a curve is nearly flat, noise lifts single points of its mean over a target long before
    the curve is there, and the sooner the noisier it is. Neighbouring points that fall are
    averaged instead, so that curves of unlike noise can be compared by the labels they need.

    Parameters
    ----------
    scores : array of float, shape (R, T)
        Scores, one curve a row.

    Returns
    -------
    ndarray of float64, shape (T,)
        The mean curve, which never falls.

    Raises
    ------
    ValueError
        If `scores` are no curves, or one is NaN.

    Examples
    --------
    >>> rising_mean([[0.5, 0.9, 0.7], [0.5, 0.7, 0.7]])
    array([0.5 , 0.75, 0.75])
    """
    curves = np.asarray(scores, dtype=np.float64)
    if curves.ndim != 2 or curves.size == 0:
        raise ValueError(f"scores have the shape {curves.shape}; give one curve for each repeat.")
    refuse_nan(curves, "a score")
    return rising(curves.mean(axis=0)[None])[0]


def labels_to_reach(n_labeled: ArrayLike, curve: ArrayLike, target: float) -> float:
    """Number of labels at which a curve first reaches a target, linear between its points.

    Parameters
    ----------
    n_labeled : array of float, shape (T,)
        Numbers of labels, increasing.
    curve : array of float, shape (T,)
        Scores of one repeat, or their mean. To miss the target by rounding alone is to reach it.
    target : float
        Score to reach.

    Returns
    -------
    float
        Number of labels: the first where the curve starts above the target, inf where it never
        gets there.

    Raises
    ------
    ValueError
        If the shapes do not fit, `n_labeled` does not increase, or a score or the target is NaN.

    Examples
    --------
    >>> labels_to_reach([10, 20, 40], [0.5, 0.75, 0.875], 0.8125)
    30.0
    >>> labels_to_reach([10, 20, 40], [0.5, 0.75, 0.875], 0.9)
    inf
    """
    grid, curves = checked_curves(n_labeled, curve, n_dims=(1,))
    refuse_nan(curves, "the curve")
    refuse_nan(target, "target")
    return float(first_reached(grid, curves[None], target)[0])


def mean_and_error(values: Floats) -> tuple[Floats, Floats]:
    """Return the mean over axis 0 and its standard error, without rounding for constants."""
    # The mean of equal numbers may be rounded to another, and leave a spread where there is none.
    constant = (values == values[0]).all(axis=0)
    mean = np.where(constant, values[0], values.mean(axis=0))
    if len(values) == 1:
        return mean[()], np.full_like(mean, np.nan)[()]
    error = np.where(constant, 0.0, values.std(axis=0, ddof=1) / np.sqrt(len(values)))
    return mean[()], error[()]


def half_width(error: Floats, n: int, level: float) -> Floats:
    """Return half of Student's interval for the mean of n values with this standard error."""
    quantile = stdtrit(n - 1, 1 - tail(level))
    return error * quantile if n > 1 else np.full_like(error, np.nan)[()]


def tail(level: float) -> float:
    """Return the share beyond each end of an interval."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; give a share between 0 and 1, such as 0.95.")
    return (1 - level) / 2


def first_reached(grid: Floats, curves: Floats, target: float) -> Floats:
    """Return where each curve, a row, first reaches the target, or inf."""
    reaches = curves >= target - ROUNDING * max(abs(target), np.abs(curves).max())
    first = reaches.argmax(axis=1)
    rows, before = np.arange(len(curves)), np.maximum(first - 1, 0)
    below, above = curves[rows, before], curves[rows, first]
    with np.errstate(divide="ignore", invalid="ignore"):
        way = np.clip((target - below) / (above - below), 0, 1)
    found = np.where(first == 0, grid[0], grid[before] + way * (grid[first] - grid[before]))
    return np.where(reaches.any(axis=1), found, np.inf)


def rising(curves: Floats) -> Floats:
    """Return the nearest curves that never fall, one a row."""
    from sklearn.isotonic import isotonic_regression

    # One above the other, so that a single call serves them all.
    lift = np.ptp(curves) * np.arange(len(curves))[:, None]
    return isotonic_regression((curves + lift).ravel()).reshape(curves.shape) - lift
