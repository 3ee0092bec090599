"""The one table of strategy names."""

from ..models import refusal
from .adversarial import AdversarialBIM, AdversarialDeepFool
from .base import Strategy
from .committee import (
    BALD,
    BatchBALD,
    ConsensusEntropy,
    MaxDisagreement,
    VariationRatios,
    VoteEntropy,
)
from .diversity import (
    ClusterMargin,
    Coral,
    KCenter,
    KMeans,
    KMedoids,
    MaxHerding,
    RankedBatch,
    TypiClust,
    UncertaintyHerding,
)
from .gradient import BADGE, BAIT, ExpectedModelChange
from .regression import (
    ExpectedImprovement,
    GreedyX,
    GreedyXY,
    GreedyY,
    ProbabilityOfImprovement,
    Std,
    UpperConfidenceBound,
)
from .stream import RandomStream
from .stream_uncertainty import (
    FixedUncertainty,
    RandomVariableUncertainty,
    SplitUncertainty,
    VariableUncertainty,
)
from .stream_volume import Vessal
from .uncertainty import Entropy, LeastConfidence, Margin, Random
from .wrappers import Density

STRATEGIES: dict[str, type[Strategy]] = {
    "random": Random,
    "least_confidence": LeastConfidence,
    "margin": Margin,
    "entropy": Entropy,
    "vote_entropy": VoteEntropy,
    "variation_ratios": VariationRatios,
    "consensus_entropy": ConsensusEntropy,
    "max_disagreement": MaxDisagreement,
    "bald": BALD,
    "batch_bald": BatchBALD,
    "density": Density,
    "k_center": KCenter,
    "k_means": KMeans,
    "k_medoids": KMedoids,
    "typiclust": TypiClust,
    "max_herding": MaxHerding,
    "uncertainty_herding": UncertaintyHerding,
    "cluster_margin": ClusterMargin,
    "ranked_batch": RankedBatch,
    "coral": Coral,
    "badge": BADGE,
    "bait": BAIT,
    "expected_model_change": ExpectedModelChange,
    "adversarial_bim": AdversarialBIM,
    "adversarial_deepfool": AdversarialDeepFool,
    "std": Std,
    "expected_improvement": ExpectedImprovement,
    "probability_of_improvement": ProbabilityOfImprovement,
    "upper_confidence_bound": UpperConfidenceBound,
    "greedy_x": GreedyX,
    "greedy_y": GreedyY,
    "greedy_xy": GreedyXY,
}

STREAM_STRATEGIES: dict[str, type[Strategy]] = {
    "stream_random": RandomStream,
    "fixed_uncertainty": FixedUncertainty,
    "variable_uncertainty": VariableUncertainty,
    "random_variable_uncertainty": RandomVariableUncertainty,
    "split_uncertainty": SplitUncertainty,
    "vessal": Vessal,
}


def get_strategy_names(*, stream: bool = False) -> list[str]:
    """Return the names that may be given for a strategy, sorted.

    Parameters
    ----------
    stream : bool, default=False
        Whether to list those that decide as rows pass, instead of those that choose from a pool.

    Returns
    -------
    list of str
        Names.

    Examples
    --------
    >>> from skactive import get_strategy_names
    >>> "margin" in get_strategy_names()
    True
    >>> "split_uncertainty" in get_strategy_names(stream=True)
    True
    """
    return sorted(STREAM_STRATEGIES if stream else STRATEGIES)


def default_strategy(estimator, is_regressor: bool) -> Strategy:
    """Return what "auto" stands for: margin for classifiers, std for regressors, else random."""
    if not is_regressor:
        return Margin() if refusal(estimator, "proba", "decision") is None else Random()
    return Std() if refusal(estimator, "std") is None else Random()
