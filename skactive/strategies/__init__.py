"""Strategies: which rows are worth a label next."""

from .adversarial import AdversarialBIM, AdversarialDeepFool
from .base import Strategy
from .committee import (
    BALD,
    BatchBALD,
    Committee,
    ConsensusEntropy,
    MaxDisagreement,
    VariationRatios,
    VoteEntropy,
)
from .diversity import (
    ClusterMargin,
    Coral,
    Diverse,
    KCenter,
    KMeans,
    KMedoids,
    MaxHerding,
    RankedBatch,
    TypiClust,
    UncertaintyHerding,
    Weighted,
)
from .dropout import Dropout
from .given import as_strategy
from .gradient import BADGE, BAIT, ExpectedModelChange
from .regression import (
    ExpectedImprovement,
    GreedyX,
    GreedyXY,
    GreedyY,
    Improvement,
    ProbabilityOfImprovement,
    Std,
    UpperConfidenceBound,
)
from .table import get_strategy_names
from .uncertainty import Entropy, LeastConfidence, Margin, Random
from .wrappers import Density, Prefilter, StochasticBatch, Subpool

__all__ = [
    "BADGE",
    "BAIT",
    "BALD",
    "AdversarialBIM",
    "AdversarialDeepFool",
    "BatchBALD",
    "ClusterMargin",
    "Committee",
    "ConsensusEntropy",
    "Coral",
    "Density",
    "Diverse",
    "Dropout",
    "Entropy",
    "ExpectedImprovement",
    "ExpectedModelChange",
    "GreedyX",
    "GreedyXY",
    "GreedyY",
    "Improvement",
    "KCenter",
    "KMeans",
    "KMedoids",
    "LeastConfidence",
    "Margin",
    "MaxDisagreement",
    "MaxHerding",
    "Prefilter",
    "ProbabilityOfImprovement",
    "Random",
    "RankedBatch",
    "Std",
    "StochasticBatch",
    "Strategy",
    "Subpool",
    "TypiClust",
    "UncertaintyHerding",
    "UpperConfidenceBound",
    "VariationRatios",
    "VoteEntropy",
    "Weighted",
    "as_strategy",
    "get_strategy_names",
]
