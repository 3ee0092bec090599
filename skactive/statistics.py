"""What learning curves say: arrays in, numbers with their uncertainty out.

R is the number of repeats (the rows of `scores`), T the number of rounds (its columns); scores are
higher for better. Repeats are paired: repeat r of one curve and repeat r of another had the same
data, start and seed. NaN among the scores gives NaN, except where the answer is a count or a place
on the curve: these refuse it, since every comparison with NaN is silently false.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtr, stdtrit

from .data.arrays import slices
from .data.types import Floats
from .utils.checks import check_same_repeats, checked_curves, paired_differences, refuse_nan

_TARGET_ROUNDING = 1e-12  # by how much, relative to the scores, a mean may miss a target it reaches
_SATURATED = 0.99  # share of the final score from which Ash et al. compare no more


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
    return float(_first_reached(grid, curves[None], target)[0])


@dataclass(frozen=True)
class Saving:
    """What a strategy saves against a baseline: the answer of `saving`.

    Attributes
    ----------
    labels, labels_baseline : float
        Labels with which the mean curves reach the target; inf where they do not.
    share : float
        ``1 - labels / labels_baseline``, negative if more are needed; NaN unless both are finite.
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

    :math:`1 - n(\bar s) / n(\bar b)`, with n the number of labels with which a mean curve reaches
    the target. Repeats are drawn with replacement, the same ones for both, and the share is taken
    from the mean curves of each resample. The ends of the interval are percentiles of these
    shares, at :math:`\Phi(-t_{R-1} \sqrt{R / (R - 1)})` from either side: farther out than the
    level alone says, as the plain ones are too near each other for few repeats [1]_. Below five
    repeats any bootstrap is too sure.

    A resample in which a mean curve never reaches the target counts for what it says: the share is
    at least what it would be had the baseline got there with its last label, or at most what it
    would be had the strategy. An end of the interval is open once more resamples know nothing there
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
        Labels of both, the share and its interval; it prints as a sentence.

    Raises
    ------
    ValueError
        If the shapes do not fit, the numbers of labels are not positive and increasing, or a score
        or the target is NaN.

    References
    ----------
    .. [1] Hesterberg (2015). What teachers should know about the bootstrap. The American
       Statistician 69(4): the expanded percentile interval.

    Examples
    --------
    >>> scores = [[0.6, 0.8, 0.9], [0.5, 0.8, 0.9], [0.5, 0.7, 0.9], [0.6, 0.7, 0.8]]
    >>> baseline = [[0.5, 0.7, 0.8], [0.4, 0.6, 0.8], [0.5, 0.6, 0.7], [0.5, 0.6, 0.8]]
    >>> rng = np.random.default_rng(0)
    >>> print(saving([10, 20, 30], scores, baseline, 0.7, rng=rng))
    saves 30 % of the labels: 17 instead of 25 (95 % interval of the saving 20 % to 33 %)
    """
    ours = checked_curves(n_labeled, scores, n_dims=(2,))
    grid_baseline = n_labeled if n_labeled_baseline is None else n_labeled_baseline
    theirs = checked_curves(grid_baseline, baseline, n_dims=(2,))
    check_same_repeats(ours[1], theirs[1])
    for grid, curves in (ours, theirs):
        refuse_nan(curves, "a score")
        if grid[0] <= 0:
            raise ValueError(f"n_labeled starts at {grid[0]:g}; a share needs positive numbers.")
    refuse_nan(target, "target")
    labels, labels_baseline = (
        labels_to_reach(grid, curves.mean(axis=0), target) for grid, curves in (ours, theirs)
    )
    counts = _resamples(len(ours[1]), n_bootstrap, rng)
    found, found_baseline = (_of_means(*curves, counts, target) for curves in (ours, theirs))
    low, high = _share_interval(
        (found, ours[0][-1]), (found_baseline, theirs[0][-1]), len(ours[1]), _tail(level)
    )
    both = np.isfinite([labels, labels_baseline]).all()
    share = 1 - labels / labels_baseline if both else np.nan
    reached = float(np.mean(np.isfinite(found) & np.isfinite(found_baseline)))
    return Saving(labels, labels_baseline, share, low, high, reached, level)


@dataclass(frozen=True)
class PairedTests:
    """How two strategies differ over the same repeats: the answer of `paired_tests`.

    Attributes
    ----------
    mean_difference : float
        Mean of the first minus the second.
    low, high : float
        Ends of Student's interval for it.
    p_t, p_wilcoxon : float
        Two-sided p-values of the paired t test and of Wilcoxon's signed rank test.
    """

    mean_difference: float
    low: float
    high: float
    p_t: float
    p_wilcoxon: float


def paired_tests(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> PairedTests:
    """Whether two strategies differ: the paired t test, and Wilcoxon's signed rank test.

    Repeats on one data set overlap in their rows, so that they are less independent than either
    test assumes: a small p-value speaks of these repeats, not of other data.

    Parameters
    ----------
    a, b : array of float, shape (R,)
        A number for each repeat: area under the curve, or final score.
    level : float, default=0.95
        Coverage of the interval.

    Returns
    -------
    PairedTests
        Mean difference, its interval, and both p-values: 1 where all differences are 0, and NaN
        with one repeat. Wilcoxon's test leaves out differences of 0, and is exact, ties included.

    Raises
    ------
    ValueError
        If `a` and `b` are not as many numbers.

    Examples
    --------
    >>> tests = paired_tests([0.9, 0.8, 0.9, 0.7], [0.8, 0.6, 0.6, 0.3])
    >>> round(tests.mean_difference, 3), round(tests.p_t, 3), tests.p_wilcoxon
    (0.25, 0.03, 0.125)
    """
    difference = paired_differences(a, b)
    mean, low, high = (float(value) for value in mean_interval(difference, level))
    return PairedTests(mean, low, high, float(_p_paired(difference)), _p_wilcoxon(difference))


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
    difference = paired_differences(a, b)
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
    a two-sided paired t test over the repeats says so at the level 0.05. The mean of a column says
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
        difference = at[i] - at[j]
        significant = _p_paired(difference) < 0.05
        matrix[i, j] = np.mean(significant & (difference.mean(axis=0) > 0))
        matrix[j, i] = np.mean(significant & (difference.mean(axis=0) < 0))
    return names, matrix


def _tail(level: float) -> float:
    """Return the share beyond each end of an interval."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; give a share between 0 and 1, such as 0.95.")
    return (1 - level) / 2


def _percent(share: float) -> str:
    """Write a share for people."""
    return f"{100 * share:.0f} %"


def _mean_and_error(values: Floats) -> tuple[Floats, Floats]:
    """Return the mean over axis 0 and its standard error, without rounding for constants."""
    # The mean of equal numbers may be rounded to another, and leave a spread where there is none.
    constant = (values == values[0]).all(axis=0)
    mean = np.where(constant, values[0], values.mean(axis=0))
    if len(values) == 1:
        return mean[()], np.full_like(mean, np.nan)[()]
    error = np.where(constant, 0.0, values.std(axis=0, ddof=1) / np.sqrt(len(values)))
    return mean[()], error[()]


def _p_paired(difference: Floats) -> Floats:
    """Return the p-value of the paired t test over axis 0; 1 where all differences are 0."""
    mean, error = _mean_and_error(difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(len(difference) - 1, -np.abs(mean / error))
    return np.where((mean == 0) & (error == 0), 1.0, p)


def _p_wilcoxon(difference: Floats) -> float:
    """Return the exact p-value of Wilcoxon's signed rank test; 1 where all differences are 0."""
    if len(difference) == 1 or np.isnan(difference).any():
        return np.nan
    if not difference.any():
        return 1.0
    # What rounding alone tells apart are ties, which scores of few rows have many of.
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


def _first_reached(grid: Floats, curves: Floats, target: float) -> Floats:
    """Return where each curve, a row, first reaches the target, or inf."""
    reaches = curves >= target - _TARGET_ROUNDING * max(abs(target), np.abs(curves).max())
    first = reaches.argmax(axis=1)
    rows, before = np.arange(len(curves)), np.maximum(first - 1, 0)
    below, above = curves[rows, before], curves[rows, first]
    with np.errstate(divide="ignore", invalid="ignore"):
        way = np.clip((target - below) / (above - below), 0, 1)
    found = np.where(first == 0, grid[0], grid[before] + way * (grid[first] - grid[before]))
    return np.where(reaches.any(axis=1), found, np.inf)


def _resamples(n: int, n_bootstrap: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return how often each of n repeats is drawn, for each resample."""
    if n_bootstrap < 1:
        raise ValueError(f"n_bootstrap is {n_bootstrap}; give a whole number of at least 1.")
    return rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)


def _of_means(grid: Floats, curves: Floats, counts: NDArray[np.int64], target: float) -> Floats:
    """Return where the mean curve of each resample, a row of counts, reaches the target."""
    parts = slices(len(counts), len(grid), least=1)
    return np.concatenate(
        [_first_reached(grid, counts[part] @ curves / len(curves), target) for part in parts]
    )


def _share_interval(ours, theirs, n: int, tail: float) -> tuple[float, float]:
    """Return the ends of the interval for the share, from (labels to reach, labels given)."""
    if n == 1:
        return np.nan, np.nan
    (found, given), (found_baseline, given_baseline) = ours, theirs
    # What each resample says at least, and at most, where a curve never reaches the target.
    least = 1 - found / np.minimum(found_baseline, given_baseline)
    most = 1 - np.minimum(found, given) / found_baseline
    most[np.isinf(found_baseline)] = np.inf
    beyond = int(len(found) * ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, tail)))
    return float(np.sort(least)[beyond]), float(np.sort(most)[-1 - beyond])


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
