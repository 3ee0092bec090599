"""Strategies: which rows are worth a label next."""

from .base import Strategy
from .committee import BALD, Committee, ConsensusEntropy, MaxDisagreement, VoteEntropy
from .regression import (
    ExpectedImprovement,
    Improvement,
    ProbabilityOfImprovement,
    Std,
    UpperConfidenceBound,
)
from .table import as_strategy, get_strategy_names
from .uncertainty import Entropy, LeastConfidence, Margin, Random
from .wrappers import Subpool

__all__ = [
    "BALD",
    "Committee",
    "ConsensusEntropy",
    "Entropy",
    "ExpectedImprovement",
    "Improvement",
    "LeastConfidence",
    "Margin",
    "MaxDisagreement",
    "ProbabilityOfImprovement",
    "Random",
    "Std",
    "Strategy",
    "Subpool",
    "UpperConfidenceBound",
    "VoteEntropy",
    "as_strategy",
    "get_strategy_names",
]
