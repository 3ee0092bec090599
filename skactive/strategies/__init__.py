"""Strategies: which rows are worth a label next."""

from .adversarial import AdversarialBIM, AdversarialDeepFool
from .again import ActiveLab, RelabelOrNew
from .base import Strategy
from .committee import (
    BALD,
    EPIG,
    BatchBALD,
    Committee,
    ConsensusEntropy,
    MaxDisagreement,
    VariationRatios,
    VoteEntropy,
)
from .diversity import (
    LCMD,
    ClusterMargin,
    Coral,
    Diverse,
    KCenter,
    KMeans,
    KMedoids,
    MaxHerding,
    ProbCover,
    RankedBatch,
    TypiClust,
    UncertaintyHerding,
    Weighted,
)
from .dropout import Dropout
from .from_arrays import select
from .gradient import BADGE, BAIT, ExpectedModelChange
from .hybrid import FALCUN
from .registry import as_strategy, get_strategy_names, register
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
from .several_labels import (
    AdaptiveMargin,
    AvgConfidence,
    AvgScore,
    BinaryMinimum,
    MaxLoss,
    MaxMargin,
    MaxScore,
    MeanMaxLoss,
    MinConfidence,
    SeveralLabels,
)
from .stream import Quantile, RandomStream, StreamStrategy, Threshold
from .stream_uncertainty import (
    FixedUncertainty,
    RandomVariableUncertainty,
    SplitUncertainty,
    VariableUncertainty,
)
from .stream_volume import Vessal
from .uncertainty import Entropy, LeastConfidence, Margin, MostLikely, Random, Uncertainty
from .view import View
from .wrappers import Density, Prefilter, StochasticBatch, Subpool

__all__ = [
    "BADGE",
    "BAIT",
    "BALD",
    "EPIG",
    "FALCUN",
    "LCMD",
    "ActiveLab",
    "AdaptiveMargin",
    "AdversarialBIM",
    "AdversarialDeepFool",
    "AvgConfidence",
    "AvgScore",
    "BatchBALD",
    "BinaryMinimum",
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
    "FixedUncertainty",
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
    "MaxLoss",
    "MaxMargin",
    "MaxScore",
    "MeanMaxLoss",
    "MinConfidence",
    "MostLikely",
    "Prefilter",
    "ProbCover",
    "ProbabilityOfImprovement",
    "Quantile",
    "Random",
    "RandomStream",
    "RandomVariableUncertainty",
    "RankedBatch",
    "RelabelOrNew",
    "SeveralLabels",
    "SplitUncertainty",
    "Std",
    "StochasticBatch",
    "Strategy",
    "StreamStrategy",
    "Subpool",
    "Threshold",
    "TypiClust",
    "Uncertainty",
    "UncertaintyHerding",
    "UpperConfidenceBound",
    "VariableUncertainty",
    "VariationRatios",
    "Vessal",
    "View",
    "VoteEntropy",
    "Weighted",
    "as_strategy",
    "get_strategy_names",
    "register",
    "select",
]
