"""How sure a score is that comes from a random sample of rows: arrays in, intervals out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

from ..data.types import Floats
from ..utils.checks import checked_count, checked_fraction, checked_number

N_DRAWS = 20_000  # from posteriors: the ends of their intervals move by a hundredth of the width
ALIKE = 1e-12  # of the errors of scores: the last digits of their sums
N_RESAMPLES = 200  # a standard error from them is right within 5 %


@dataclass(frozen=True)
class Estimate:
    """How good a model is, by rows that were drawn to test it: it prints as a sentence.

    Attributes
    ----------
    value : float
        The score.
    low, high : float
        Ends of the interval.
    n : int
        Number of test labels that count.
    n_skipped : int
        Test rows before the last of them of which nobody could tell.
    n_waiting : int
        Labels of other rows that are held out, which do not count.
    scoring : str
        Name of the score.
    level : float
        Coverage of the interval.
    method : str
        What made the interval.

    Examples
    --------
    >>> from skactive.statistics import Estimate
    >>> Estimate(0.95, 0.888, 0.978, n=100)
    accuracy 0.950, between 0.888 and 0.978 at 95 %, by 100 test labels (wilson)
    """

    value: float
    low: float
    high: float
    n: int
    n_skipped: int = 0
    n_waiting: int = 0
    scoring: str = "accuracy"
    level: float = 0.95
    method: str = "wilson"

    def __repr__(self) -> str:
        said = (
            f"{self.scoring} {self.value:.3f}, between {self.low:.3f} and {self.high:.3f} at "
            f"{100 * self.level:g} %, by {self.n} test label{'s' * (self.n != 1)} ({self.method})"
        )
        if self.n_skipped:
            said += f"; {self.n_skipped} test rows skipped"
        if self.n_waiting:
            said += f"; {self.n_waiting} labels of other held-out rows not counted"
        return said


@dataclass(frozen=True, eq=False)  # of arrays, which == compares one by one
class EstimateCurve:
    """What a model was worth after each of some numbers of labels: all by the same test labels.

    Attributes
    ----------
    n_labeled : ndarray of shape (T,), int64
        Numbers of labels that it had learned.
    estimates : tuple of T Estimate
        What each was worth.
    """

    n_labeled: NDArray[np.int64]
    estimates: tuple[Estimate, ...]

    @property
    def values(self) -> Floats:
        """The scores, shape (T,)."""
        return np.array([each.value for each in self.estimates])

    @property
    def low(self) -> Floats:
        """The lower ends of the intervals, shape (T,)."""
        return np.array([each.low for each in self.estimates])

    @property
    def high(self) -> Floats:
        """The upper ends of the intervals, shape (T,)."""
        return np.array([each.high for each in self.estimates])

    def __repr__(self) -> str:
        first, last = self.n_labeled[[0, -1]].tolist()
        n, now = len(self.estimates), self.estimates[-1]
        return f"{n} estimates, of {first} to {last} labels; the last: {now}"


class Interval(NamedTuple):
    """An estimate and an interval for it.

    Attributes
    ----------
    value : float
        The estimate.
    low, high : float
        Ends of the interval.
    """

    value: float
    low: float
    high: float


def wilson(share: float, n: float, level: float = 0.95) -> Interval:
    """Return Wilson's score interval for a share of n independent rows [1]_.

    It holds the shares p that a test would not reject, ``|share - p| <= z sqrt(p (1 - p) / n)``.

    Parameters
    ----------
    share : float
        Share of the sample, in [0, 1].
    n : float
        How many rows there are in the sample, or how many independent ones it is worth.
    level : float, default=0.95
        Coverage.

    Returns
    -------
    Interval
        `share` and the ends.

    References
    ----------
    .. [1] Wilson (1927). Probable inference, the law of succession, and statistical inference.
       JASA 22.

    Examples
    --------
    >>> from skactive.statistics import wilson
    >>> share, low, high = wilson(81 / 263, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    share, n, level = _checked(share, n, level, "wilson")
    z2 = float(ndtri(0.5 + level / 2)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return Interval(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def clopper_pearson(share: float, n: float, level: float = 0.95) -> Interval:
    """Return the exact interval for a share of n independent rows [1]_.

    An end is the p at which a share as far off or farther has a probability of (1 - level) / 2. So
    it covers at least as often as it says, and is wider than Wilson's. With an effective n it is
    that of Korn and Graubard [2]_.

    Parameters
    ----------
    share, n, level : float
        As `wilson` takes them.

    Returns
    -------
    Interval
        `share` and the ends.

    References
    ----------
    .. [1] Clopper and Pearson (1934). The use of confidence or fiducial limits illustrated in the
       case of the binomial. Biometrika 26.
    .. [2] Korn and Graubard (1998). Confidence intervals for proportions with small expected number
       of positive counts estimated from survey data. Survey Methodology 24.

    Examples
    --------
    >>> from skactive.statistics import clopper_pearson
    >>> share, low, high = clopper_pearson(81 / 263, 263)
    >>> round(low, 4), round(high, 4)
    (0.2527, 0.3676)
    """
    share, n, level = _checked(share, n, level, "clopper_pearson")
    k, tail = share * n, (1 - level) / 2
    left = n - k
    low = 0.0 if k <= 0 else float(betaincinv(k, left + 1, tail))
    high = 1.0 if left <= 0 else float(betaincinv(k + 1, left, 1 - tail))
    return Interval(share, low, high)


def effective_n(values: ArrayLike, groups: ArrayLike) -> float:
    """Return how many independent rows a sample is worth whose rows come in groups.

    ``v (1 - v) / V`` for a share v, with V the variance of a mean over groups. It is n if rows of a
    group have no more in common than others, and at worst ``n**2 / sum(n_g**2)`` for groups of n_g
    rows; where all values are alike, that is what it is.

    Parameters
    ----------
    values : array-like of shape (n,)
        0 or 1 for each row.
    groups : array-like of shape (n,)
        Of which group each row is.

    Returns
    -------
    float
        Between 1 and n.

    Examples
    --------
    >>> from skactive.statistics import effective_n
    >>> effective_n([1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1])
    2.0
    """
    values = np.asarray(values, dtype=float)
    _, codes, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    n, mean = len(values), values.mean()
    worst = n**2 / float((sizes**2).sum())
    sums = np.bincount(codes, weights=values - mean)
    spread = float((sums**2).sum()) / n**2
    found = worst if mean in (0, 1) else n if spread == 0 else mean * (1 - mean) / spread
    return float(np.clip(found, worst, n))


class Rates(NamedTuple):
    """Precision, recall and F1, each with its interval.

    Attributes
    ----------
    precision, recall, f1 : Interval
        The median and the interval of each.
    """

    precision: Interval
    recall: Interval
    f1: Interval


def rates(
    counts: ArrayLike,
    share: float,
    level: float = 0.95,
    *,
    n_rows: float | None = None,
    n_draws: int = N_DRAWS,
) -> Rates:
    """Return precision, recall and F1 of the positives, by what a random sample says of each.

    Of the rows predicted positive a share q1 is positive, of the others q0; both have a posterior
    of Jeffreys' prior, ``q1 ~ Beta(tp + 1/2, fp + 1/2)``, ``q0 ~ Beta(fn + 1/2, tn + 1/2)``. With
    w, the share predicted positive: precision is q1, recall ``w q1 / (w q1 + (1 - w) q0)``, F1
    ``2 w q1 / (w + w q1 + (1 - w) q0)``. Where w comes from `n_rows` rows, a share of others has
    the posterior ``w ~ Beta(n_rows share + 1/2, n_rows (1 - share) + 1/2)``: with few predicted
    positive it is what recall and F1 are most in doubt by.

    Parameters
    ----------
    counts : array-like of shape (4,)
        True positives, false positives, false negatives and true negatives among the sample.
    share : float
        Share of rows predicted positive, of all that the sample was drawn from: no label is needed.
    level : float, default=0.95
        Probability within the interval.
    n_rows : float, default=None
        Number of these rows. None: so many that the share is known.
    n_draws : int, default=20,000
        From the posteriors, always the same.

    Returns
    -------
    Rates
        Medians and intervals.

    Examples
    --------
    >>> from skactive.statistics import rates
    >>> found = rates([18, 2, 6, 174], share=0.1)
    >>> [round(value, 2) for value in found.precision]
    [0.89, 0.72, 0.98]
    """
    counts = np.asarray(counts, dtype=float)
    if counts.shape != (4,) or not (counts >= 0).all():
        raise ValueError(
            f"rates got counts={counts.tolist()}; give the numbers of true positives, false "
            f"positives, false negatives and true negatives."
        )
    level = checked_fraction(level, "level", "rates")
    rng = np.random.default_rng(0)
    tp, fp, fn, tn = counts + 0.5
    q1 = rng.beta(tp, fp, checked_count(n_draws, "n_draws", "rates"))
    q0 = rng.beta(fn, tn, n_draws)
    w: Any = checked_number(share, "share", "rates", 0, 1)
    if n_rows is not None:
        n = checked_number(n_rows, "n_rows", "rates", 0, is_open=True)
        w = rng.beta(n * w + 0.5, n * (1 - w) + 0.5, n_draws)
    found, missed = w * q1, (1 - w) * q0
    with np.errstate(invalid="ignore"):
        of_each = np.array([q1, found / (found + missed), 2 * found / (w + found + missed)])
    at = [0.5, 0.5 - level / 2, 0.5 + level / 2]
    return Rates(*(Interval(*map(float, ends)) for ends in np.quantile(of_each, at, axis=1).T))


def prediction_powered(
    right: ArrayLike, expected: ArrayLike, expected_elsewhere: ArrayLike, level: float = 0.95
) -> Interval:
    """Return a share that predictions on rows without a label make more certain [1]_.

    ``mean(right) + lam (mean(expected_elsewhere) - mean(expected))``. lam, between 0 and 1, makes
    the variance smallest, so that predictions which say nothing do no harm. The interval is
    Wilson's for the number of labels that would have the same variance, at most five times as many.

    Parameters
    ----------
    right : array-like of shape (n,)
        0 or 1 for each row of the sample.
    expected : array-like of shape (n,)
        What was expected of each, such as the model's probability to be right.
    expected_elsewhere : array-like of shape (N,)
        The same of rows without a label, drawn like those of the sample.
    level : float, default=0.95
        Coverage.

    Returns
    -------
    Interval
        Estimate and ends.

    References
    ----------
    .. [1] Angelopoulos, Duchi and Zrnic (2023). PPI++: efficient prediction-powered inference.
       arXiv:2311.01453.

    Examples
    --------
    >>> import numpy as np
    >>> from skactive.statistics import prediction_powered
    >>> right = np.repeat([1, 0], [90, 10])
    >>> elsewhere = np.repeat([1, 0], [800, 200])
    >>> [round(value, 2) for value in prediction_powered(right, right, elsewhere)]
    [0.81, 0.77, 0.84]
    """
    z, f, others = (np.asarray(a, dtype=float) for a in (right, expected, expected_elsewhere))
    n, n_others = len(z), len(others)
    if n < 2 or n_others == 0 or len(f) != n:
        raise ValueError(
            f"prediction_powered got {n} and {len(f)} rows with a label and {n_others} without; "
            f"give an expectation for each label, at least two labels, and rows without one."
        )
    lam = 0.0
    if f.var():
        lam = float(np.clip(np.cov(z, f)[0, 1] / ((1 + n / n_others) * f.var(ddof=1)), 0, 1))
    value = float(np.clip(z.mean() + lam * (others.mean() - f.mean()), 0, 1))
    plain = z.var(ddof=1)
    variance = np.var(z - lam * f, ddof=1) + lam**2 * n / n_others * others.var()
    gain = 1.0 if plain == 0 else float(np.clip(variance / plain, 0.2, 1))
    return wilson(value, n / gain, level)


def bootstrap(
    score: Callable[[NDArray], float],
    n: int,
    level: float = 0.95,
    *,
    is_share: bool = False,
    groups: ArrayLike | None = None,
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """Return a score of a sample and an interval for it, by resampling its rows.

    The standard error of the score comes from the resamples. Of a score in [0, 1], the interval is
    symmetric for the logit, so that it stays inside; of another one for the score itself, with the
    quantile of Student's t. Where resamples do not differ they tell nothing: the error of a score
    in [0, 1] is then that of a share of right answers, any other score has infinite ends.

    Parameters
    ----------
    score : callable
        Takes positions in the sample, some more than once, and returns the score of these rows, NaN
        where they have none.
    n : int
        Number of rows in the sample.
    level : float, default=0.95
        Coverage.
    is_share : bool, default=False
        Whether the score lies in [0, 1].
    groups : array-like of shape (n,), default=None
        Of which group each row is; whole groups are drawn then.
    n_resamples : int, default=200
        How many, always the same.

    Returns
    -------
    Interval
        Score of the sample, and ends.

    Examples
    --------
    >>> import numpy as np
    >>> from skactive.statistics import bootstrap
    >>> errors = np.abs(np.random.default_rng(0).normal(size=200))
    >>> [round(value, 2) for value in bootstrap(lambda at: errors[at].mean(), len(errors))]
    [0.78, 0.7, 0.86]
    """
    level = checked_fraction(level, "level", "bootstrap")
    everything = np.arange(checked_count(n, "n", "bootstrap", 2))
    value = float(score(everything))
    if not np.isfinite(value) or (is_share and not 0 <= value <= 1):
        raise ValueError(f"the score of the {n} rows is {value}, to which there is no interval.")
    parts: Any = everything[:, None]
    if groups is not None:
        order = np.argsort(groups, kind="stable")
        starts = np.flatnonzero(np.diff(np.unique(groups, return_inverse=True)[1][order])) + 1
        parts = np.split(order, starts)
    rng, found = np.random.default_rng(0), []
    for _ in range(checked_count(n_resamples, "n_resamples", "bootstrap", 2)):
        drawn = rng.integers(len(parts), size=len(parts))
        found.append(score(np.concatenate([parts[at] for at in drawn])))
    resampled: Floats = np.array(found, dtype=float)
    error = float(np.std(resampled[np.isfinite(resampled)], ddof=1)) if len(parts) > 1 else np.nan
    if not np.isfinite(error):
        raise ValueError(f"nothing can be said of the error of a score of {len(parts)} groups.")
    if not is_share:
        if error <= ALIKE * abs(value):
            return Interval(value, -np.inf, np.inf)
        half = float(stdtrit(len(parts) - 1, 0.5 + level / 2)) * error
        return Interval(value, value - half, value + half)
    m = len(parts)
    inside = (value * m + 0.5) / (m + 1)  # the logit of 1 is no number
    slope = inside * (1 - inside)
    if value in (0, 1) or error <= ALIKE:
        error = max(error, np.sqrt(slope / m))
    low, high = logit(inside) + float(ndtri(0.5 + level / 2)) * error / slope * np.array([-1, 1])
    return Interval(value, min(value, float(expit(low))), max(value, float(expit(high))))


def _checked(share, n, level, who: str) -> tuple[float, float, float]:
    """Return a share, a size and a level as numbers, refusing what is none."""
    return (
        checked_number(share, "share", who, 0, 1),
        checked_number(n, "n", who, 0, is_open=True),
        checked_fraction(level, "level", who),
    )
