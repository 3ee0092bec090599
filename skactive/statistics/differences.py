"""Whether strategies differ: paired tests, corrected for how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from ..data.types import Floats
from ..utils.checks import (
    check_same_repeats,
    checked_curves,
    checked_number,
    checked_pairs,
    refuse_nan,
)
from .curves import ROUNDING, half_width, mean_and_error

_SATURATED = 0.99  # share of the final score from which Ash et al. compare no more


@dataclass(frozen=True)
class PairedTests:
    """How two strategies differ over the same repeats: the answer of `paired_tests`.

    Attributes
    ----------
    mean_difference : float
        Mean of the first minus the second.
    low, high : float
        Ends of Student's interval for it, over more repeats on the same rows.
    p_t, p_wilcoxon : float
        Two-sided p-values of the paired t test and of Wilcoxon's signed rank test, for the same
        rows.
    low_new, high_new, p_new : float
        The interval and the p-value for new rows; NaN without `ratio`.
    """

    mean_difference: float
    low: float
    high: float
    p_t: float
    p_wilcoxon: float
    low_new: float = np.nan
    high_new: float = np.nan
    p_new: float = np.nan


def paired_tests(
    a: ArrayLike, b: ArrayLike, *, level: float = 0.95, ratio: float | None = None
) -> PairedTests:
    r"""Whether two strategies differ: on the rows of these repeats, and on new ones.

    The paired t test and Wilcoxon's signed rank test take repeats for independent. Splits of the
    same rows are not: what these tests find holds for more splits of these rows, and a strategy
    that prefers some of them by chance is found better or worse, the surer the more repeats there
    are. For new rows the corrected resampled t test [1]_ puts the variance of the mean at

    .. math:: \left(\frac{1}{R} + \frac{n_\text{test}}{n_\text{train}}\right) s^2

    Parameters
    ----------
    a, b : array of float, shape (R,)
        A number for each repeat: area under the curve, or final score.
    level : float, default=0.95
        Coverage of each interval.
    ratio : float, default=None
        Rows to test on for each row to train on, where every repeat splits the same rows anew.
        None: repeats have no splits of their own, and say nothing of new rows.

    Returns
    -------
    PairedTests
        Mean difference, its intervals and p-values. With one repeat there is nothing to measure
        chance by: all but the mean is NaN. Where all differences are 0, the p-values are 1. Where
        all differ by the same, intervals and p-values are NaN, but for Wilcoxon's, which counts
        signs and ranks. That test
        leaves out differences of 0, is exact, ties included, and cannot fall below
        :math:`2^{1 - R}`: not below 0.05 with five repeats.

    Raises
    ------
    ValueError
        If `a` and `b` are not as many numbers, or `ratio` is no number of at least 0.

    References
    ----------
    .. [1] Nadeau and Bengio (2003). Inference for the generalization error. Machine Learning
       52(3).

    Examples
    --------
    >>> tests = paired_tests([0.9, 0.8, 0.9, 0.7], [0.8, 0.6, 0.6, 0.3], ratio=1 / 3)
    >>> round(tests.mean_difference, 3), round(tests.p_t, 3), round(tests.p_new, 3)
    (0.25, 0.03, 0.085)
    >>> tests.p_wilcoxon
    0.125
    """
    difference = _paired(*checked_pairs(a, b))
    n, (mean, error) = len(difference), mean_and_error(difference)
    extra = np.nan if ratio is None else checked_number(ratio, "ratio", "paired_tests", 0)
    error_new = error * np.sqrt(1 + n * extra)
    ends, ends_new = (_t_interval(mean, each, n, level) for each in (error, error_new))
    p, p_new = (float(_p_of_t(mean, each, n)) for each in (error, error_new))
    return PairedTests(float(mean), *ends, p, _p_wilcoxon(difference), *ends_new, p_new)


def holm(p_values: ArrayLike) -> Floats:
    r"""p-values adjusted for how many there are, by Holm's step-down method (1979).

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1) \, p_{(j)})

    Parameters
    ----------
    p_values : array of float, shape (m,)
        p-values; NaN stays NaN and does not count.

    Returns
    -------
    ndarray of float64, shape (m,)
        Adjusted p-values, in the same order, never smaller.

    Raises
    ------
    ValueError
        If one lies outside 0 to 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or ((p < 0) | (p > 1)).any():
        raise ValueError(f"p_values are {p_values!r}; give a list of numbers from 0 to 1, or NaN.")
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    factors = np.arange(len(order), 0, -1)
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * p[order]))
    return adjusted


def win_tie_loss(a: ArrayLike, b: ArrayLike, tolerance: float = 0.0) -> tuple[int, int, int]:
    """In how many repeats the first is better than the second, as good, and worse.

    Parameters
    ----------
    a, b : array of float, shape (R,)
        A score for each repeat.
    tolerance : float, default=0.0
        Differences up to this are ties.

    Returns
    -------
    wins, ties, losses : int
        Of the first; their sum is R.

    Raises
    ------
    ValueError
        If `a` and `b` are not as many numbers, one of them is NaN, or `tolerance` is negative.

    Examples
    --------
    >>> win_tie_loss([0.9, 0.8, 0.7], [0.8, 0.8, 0.9])
    (1, 1, 1)
    """
    if not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}; give a number of at least 0.")
    difference = _paired(*checked_pairs(a, b))
    refuse_nan(difference, "a score")
    wins, losses = int((difference > tolerance).sum()), int((difference < -tolerance).sum())
    return wins, len(difference) - wins - losses, losses


def penalty_matrix(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    random: str | None = None,
    batch: float | None = None,
) -> tuple[list[str], Floats]:
    r"""How often each strategy beats each other one along the budget, as Ash et al. count.

    .. math:: P_{ij} = \frac{1}{|L|} \sum_{n \in L} [\text{i beats j at n labels}], \quad
        L = \{n_1 + 2^k B : k = 0, 1, \ldots\}

    with the first number of labels :math:`n_1` and the batch size :math:`B`. One beats another if
    a two-sided paired t test over the repeats says so at the level 0.05, which speaks of the rows
    of these repeats; equal differences in all of them count as found. The mean of a column says
    how often a strategy is beaten; matrices of several data sets add up. The paper is that of
    :class:`skactive.strategies.BADGE`, section 4.

    Parameters
    ----------
    curves : dict of str to (n_labeled, scores)
        Numbers of labels, shape (T,), and scores, shape (R, T), of each strategy; R is the same
        for all. Where the numbers differ, the range that all have counts, linear between points.
    random : str, default=None
        Name of the random strategy, up to 99 % of whose last mean the paper compares. None: up to
        the end.
    batch : float, default=None
        B, in labels. None: the smallest first step of the curves.

    Returns
    -------
    names : list of str
        The strategies, in order.
    matrix : ndarray of float64, shape (m, m)
        Row i, column j: share of the comparisons in which i beats j. One that cannot be tested,
        with one repeat or with NaN among the scores, is a tie.

    Raises
    ------
    ValueError
        If the shapes do not fit, the numbers of repeats differ, or `random` is no strategy.

    Examples
    --------
    >>> margin = [[0.5, 0.7, 0.9], [0.5, 0.8, 0.9], [0.4, 0.8, 0.8]]
    >>> random = [[0.5, 0.5, 0.6], [0.4, 0.6, 0.7], [0.5, 0.6, 0.6]]
    >>> penalty_matrix({"margin": ([10, 20, 30], margin), "random": ([10, 20, 30], random)})
    (['margin', 'random'], array([[0., 1.],
           [0., 0.]]))
    """
    names = list(curves)
    checked = [checked_curves(*curve, n_dims=(2,)) for curve in curves.values()]
    matrix = np.zeros((len(names), len(names)))
    if batch is not None and not batch > 0:
        raise ValueError(f"batch is {batch!r}; give the labels of a round, more than 0, or None.")
    if random is not None and random not in names:
        raise ValueError(f"random is {random!r}; give one of the strategies {names}, or None.")
    for _, scores in checked:
        check_same_repeats(checked[0][1], scores)
    passive = None if random is None else checked[names.index(random)]
    counts = _compared_counts([grid for grid, _ in checked], passive, batch)
    if len(counts) == 0:
        return names, matrix
    at = [_at(grid, scores, counts) for grid, scores in checked]
    for i, j in combinations(range(len(names)), 2):
        difference = _paired(at[i], at[j])
        mean, error = mean_and_error(difference)
        half = half_width(error, len(difference), 0.95)
        matrix[i, j], matrix[j, i] = np.mean(mean > half), np.mean(mean < -half)
    return names, matrix


def _paired(a: Floats, b: Floats) -> Floats:
    """Return a - b over axis 0, in which what only rounding tells apart is the same."""
    difference = a - b
    tiny = ROUNDING * np.maximum(np.abs(a), np.abs(b)).max(axis=0)
    difference = np.where(np.abs(difference) <= tiny, 0.0, difference)
    return np.where(np.ptp(difference, axis=0) <= tiny, difference[0], difference)


def _p_of_t(mean: Floats, error: Floats, n: int) -> Floats:
    """Return the p-value of a t test over n repeats, from the mean and its standard error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(n - 1, -np.abs(mean / error))
    # Equal differences have no spread to hold their mean against.
    return np.where(error == 0, np.where(mean == 0, 1.0, np.nan), p)


def _t_interval(mean: Floats, error: Floats, n: int, level: float) -> tuple[float, float]:
    """Return Student's interval for a difference; NaN where it would be sure without a reason."""
    half = np.nan if error == 0 and mean != 0 else half_width(error, n, level)
    return float(mean - half), float(mean + half)


def _p_wilcoxon(difference: Floats) -> float:
    """Return the exact p-value of Wilcoxon's signed rank test; 1 where all differences are 0."""
    if len(difference) == 1 or np.isnan(difference).any():
        return np.nan
    if not difference.any():
        return 1.0
    # Scores of few rows have many ties, which rounding tells apart.
    size = np.round(np.abs(difference) / np.abs(difference).max(), 12)
    _, group, counts = np.unique(size[size > 0], return_inverse=True, return_counts=True)
    twice_ranks = (2 * np.cumsum(counts) - counts + 1)[group]  # mean ranks of ties, doubled
    # How likely each sum of the positive ranks is, every sign being a fair coin: rank by rank, as
    # a table of all signs would double with each.
    chances = np.ones(1)
    for rank in twice_ranks:
        tails = np.concatenate([chances, np.zeros(rank)])
        tails[rank:] += chances
        chances = tails / 2
    positive = twice_ranks[difference[size > 0] > 0].sum()
    return float(min(1.0, 2 * min(chances[: positive + 1].sum(), chances[positive:].sum())))


def _compared_counts(
    grids: list[Floats], passive: tuple[Floats, Floats] | None, batch: float | None
) -> Floats:
    """Return the numbers of labels at which Ash et al. compare."""
    if not grids or min(map(len, grids)) == 1:
        return np.zeros(0)
    start, end = max(grid[0] for grid in grids), min(grid[-1] for grid in grids)
    batch = min(grid[1] - grid[0] for grid in grids) if batch is None else batch
    n_doublings = int(np.log2(max(1.0, (end - start) / batch)))
    counts = start + batch * 2.0 ** np.arange(n_doublings + 1)
    counts = counts[counts <= end]
    if passive is None:
        return counts
    means = _at(*passive, counts).mean(axis=0)
    saturated = means >= _SATURATED * passive[1][:, -1].mean()
    return counts[: saturated.argmax()] if saturated.any() else counts


def _at(grid: Floats, scores: Floats, counts: Floats) -> Floats:
    """Return each repeat's scores at numbers of labels, linear between those of the grid."""
    return np.stack([np.interp(counts, grid, curve) for curve in scores])
