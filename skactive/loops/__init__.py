"""Loops over a learner: a person or known labels answer, a rule says when to stop."""

from .assured import AccuracyAtLeast, EstimateAtLeast
from .cost import CostBudget
from .crowd import Noisy
from .oracles import Known, Prompt, show_row
from .pool_loop import run
from .stopping import (
    AllOf,
    AnyOf,
    Budget,
    ConfidentPool,
    NoGain,
    StabilizedPredictions,
    StoppingRule,
    TargetScore,
)
from .stream_loop import StreamLog, run_stream

__all__ = [
    "AccuracyAtLeast",
    "AllOf",
    "AnyOf",
    "Budget",
    "ConfidentPool",
    "CostBudget",
    "EstimateAtLeast",
    "Known",
    "NoGain",
    "Noisy",
    "Prompt",
    "StabilizedPredictions",
    "StoppingRule",
    "StreamLog",
    "TargetScore",
    "run",
    "run_stream",
    "show_row",
]
