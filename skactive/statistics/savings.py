"""What a strategy saves of the labels that a baseline needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from ..data.types import Floats
from ..utils.checks import (
    check_same_repeats,
    checked_count,
    checked_curves,
    checked_number,
    refuse_nan,
)
from .curves import first_reached, labels_to_reach, rising, rising_mean, tail

_AT_ONCE = 100  # mean curves in one isotonic regression; many more would cost digits


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
        Ends of the interval for the share: -inf and inf where they are open, NaN with one repeat,
        or where all repeats are alike.
    reached : float
        Fraction of the resamples in which both reach the target.
    level : float
        Coverage of the interval.

    Notes
    -----
    It prints as a sentence. On a plateau the labels to a target hang on noise, and the interval is
    wider than all that could be saved: the sentence says so, as where a mean curve does not get to
    the target.
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
        if self.low < 0 < self.high and self.high - self.low > 1:
            said += "; the curves are too flat there, or too noisy, to tell"
        if self.reached < 1:
            said += f"; both reach the target in {_percent(self.reached)} of the resamples"
        return said

    def _interval(self) -> str:
        """Say what interval the share has."""
        if np.isnan(self.low):
            return "no interval from one repeat, nor from repeats that are all alike"
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

    :math:`1 - n(\bar s) / n(\bar b)`, with n the number of labels with which a mean curve, made not
    to fall by `rising_mean`, reaches the target. Repeats are drawn with replacement, the same ones
    for both, and the share is taken from the mean curves of each resample. The ends of the interval
    are percentiles of these shares, at :math:`\Phi(-t_{R-1} \sqrt{R / (R - 1)})` from either side:
    farther out than the level alone says, as the plain ones are too near each other for few
    repeats [1]_. Below five repeats any bootstrap is too sure.

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
        labels_to_reach(grid, rising_mean(curves), target) for grid, curves in (ours, theirs)
    )
    n_bootstrap = checked_count(n_bootstrap, "n_bootstrap")
    n = len(ours[1])
    counts = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    found, found_baseline = (_of_means(*curves, counts, target) for curves in (ours, theirs))
    if all((curves == curves[0]).all() for _, curves in (ours, theirs)):
        n = 1  # that again and again says no more than that once
    low, high = _share_interval(
        (found, ours[0][-1]), (found_baseline, theirs[0][-1]), n, tail(level)
    )
    both = np.isfinite([labels, labels_baseline]).all()
    share = 1 - labels / labels_baseline if both else np.nan
    reached = float(np.mean(np.isfinite(found) & np.isfinite(found_baseline)))
    return Saving(labels, labels_baseline, share, low, high, reached, level)


def work_saved(
    is_relevant: ArrayLike,
    *,
    recall: float = 0.95,
    n_relevant: int | None = None,
    n_rows: int | None = None,
) -> float:
    r"""Work saved over sampling [1]_: rows that nobody had to read to find most relevant ones.

    :math:`R - k / N`, with k the number of rows read until the share R of all relevant ones was
    found, and N the number of all. Rows in a random order have about 0, the best order R less the
    share of relevant rows, and an order worse than random less than 0.

    Parameters
    ----------
    is_relevant : array of bool, shape (m,)
        Whether rows are relevant, in the order in which they were read.
    recall : float, default=0.95
        Share R of the relevant rows that must be found, more than 0 and at most 1.
    n_relevant, n_rows : int, default=None
        How many rows are relevant, and how many there are, read or not. None: no more than were
        read.

    Returns
    -------
    float
        The share of all rows; NaN where too few relevant ones were found.

    Raises
    ------
    ValueError
        If `recall` is out of range, no row is relevant, or more were read than there are.

    References
    ----------
    .. [1] Cohen, Hersh, Peterson and Yen (2006). Reducing workload in systematic review preparation
       using automated citation classification. JAMIA 13(2).

    Examples
    --------
    >>> work_saved([True, True, False, True, False, False, False, False, False, False], recall=1.0)
    0.6
    """
    read = np.asarray(is_relevant, dtype=bool)
    recall = checked_number(recall, "recall", "work_saved", 0, 1, is_open=True)
    n_found = np.cumsum(read)
    most = int(read.sum())
    n_relevant = most if n_relevant is None else checked_count(n_relevant, "n_relevant")
    n_rows = len(read) if n_rows is None else checked_count(n_rows, "n_rows")
    if n_relevant == 0:
        raise ValueError("no row is relevant, so there is nothing to find; give those that are.")
    if n_relevant < most or n_rows < len(read) or n_relevant - most > n_rows - len(read):
        raise ValueError(
            f"of {len(read)} rows read {most} are relevant, which does not go with "
            f"n_relevant={n_relevant} of n_rows={n_rows}; give the numbers of all rows, those not "
            f"read included."
        )
    enough = np.flatnonzero(n_found >= np.ceil(np.round(recall * n_relevant, 9)))
    return float(recall - (enough[0] + 1) / n_rows) if len(enough) else np.nan


def _percent(share: float) -> str:
    """Write a share for people."""
    return f"{100 * share:.0f} %"


def _of_means(grid: Floats, curves: Floats, counts: NDArray[np.int64], target: float) -> Floats:
    """Return where the mean curve of each resample, a row of counts, reaches the target."""
    parts = (counts[start : start + _AT_ONCE] for start in range(0, len(counts), _AT_ONCE))
    means = (rising(part @ curves / len(curves)) for part in parts)
    return np.concatenate([first_reached(grid, mean, target) for mean in means])


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
