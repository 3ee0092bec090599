"""What learning curves and test rows say: arrays in, numbers with their uncertainty out.

R is the number of repeats (the rows of `scores`), T the number of rounds (its columns); scores are
higher for better. Repeats are paired: repeat r of one curve and repeat r of another had the same
data, start and seed. NaN among the scores gives NaN, except where the answer is a count or a place
on the curve: these refuse it, since every comparison with NaN is silently false.
"""

from .curves import aulc, labels_to_reach, mean_interval, rising_mean
from .differences import PairedTests, holm, paired_tests, penalty_matrix, win_tie_loss
from .estimates import (
    Estimate,
    EstimateCurve,
    Interval,
    Rates,
    bootstrap,
    clopper_pearson,
    effective_n,
    prediction_powered,
    rates,
    wilson,
)
from .savings import Saving, saving, work_saved

__all__ = [
    "Estimate",
    "EstimateCurve",
    "Interval",
    "PairedTests",
    "Rates",
    "Saving",
    "aulc",
    "bootstrap",
    "clopper_pearson",
    "effective_n",
    "holm",
    "labels_to_reach",
    "mean_interval",
    "paired_tests",
    "penalty_matrix",
    "prediction_powered",
    "rates",
    "rising_mean",
    "saving",
    "wilson",
    "win_tie_loss",
    "work_saved",
]
