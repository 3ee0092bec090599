"""Acquisition scores: arrays in, one float per row out.

Rows are taken in chunks small enough for the processor's cache, so that nothing but the result
grows with their number. Inputs are never written to, results are always float64, and a NaN in a row
is a NaN in its score. Formulae and papers stand in the strategies that are named.
"""

from .one_label import (
    bald,
    consensus_entropy,
    decision_margin,
    entropy,
    epig,
    expected_model_change,
    least_confidence,
    likeliest_errors,
    log_expected_improvement,
    log_probability_of_improvement,
    margin,
    max_disagreement,
    upper_confidence_bound,
    variation_ratios,
    vote_entropy,
)
from .regression import emcm
from .several_labels import (
    adaptive_margin,
    avg_confidence,
    avg_score,
    cardinality_inconsistency,
    label_decision_margin,
    label_entropy,
    label_least_confidence,
    label_margin,
    likeliest_label_errors,
    max_loss,
    max_score,
    mean_max_loss,
    min_confidence,
    separation_uncertainty,
)

__all__ = [
    "adaptive_margin",
    "avg_confidence",
    "avg_score",
    "bald",
    "cardinality_inconsistency",
    "consensus_entropy",
    "decision_margin",
    "emcm",
    "entropy",
    "epig",
    "expected_model_change",
    "label_decision_margin",
    "label_entropy",
    "label_least_confidence",
    "label_margin",
    "least_confidence",
    "likeliest_errors",
    "likeliest_label_errors",
    "log_expected_improvement",
    "log_probability_of_improvement",
    "margin",
    "max_disagreement",
    "max_loss",
    "max_score",
    "mean_max_loss",
    "min_confidence",
    "separation_uncertainty",
    "upper_confidence_bound",
    "variation_ratios",
    "vote_entropy",
]
