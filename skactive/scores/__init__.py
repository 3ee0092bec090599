"""Acquisition scores: arrays in, one float per row out.

Rows have a class each, several labels, a value, or parts: boxes, pixels, keypoints, tokens.

Rows are taken in chunks small enough for the processor's cache, so that nothing but the result
grows with their number. Inputs are never written to, results are always float64, and a NaN in a row
is a NaN in its score. Formulae and papers stand in the strategies that are named.
"""

from .keypoints import keypoint_least_confidence, multi_peak_entropy
from .objects import object_frequency, objectness_least_confidence
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
from .parts import over_parts, part_uncertainty
from .regression import emcm
from .segmentation import RegionScores, pixel_uncertainty, region_uncertainty
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
from .spans import sequence_least_confidence

__all__ = [
    "RegionScores",
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
    "keypoint_least_confidence",
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
    "multi_peak_entropy",
    "object_frequency",
    "objectness_least_confidence",
    "over_parts",
    "part_uncertainty",
    "pixel_uncertainty",
    "region_uncertainty",
    "separation_uncertainty",
    "sequence_least_confidence",
    "upper_confidence_bound",
    "variation_ratios",
    "vote_entropy",
]
