"""The one table of strategy names, and what may stand for a strategy."""

import difflib

from ..models import refusal
from .base import FunctionStrategy, Strategy
from .committee import BALD, ConsensusEntropy, MaxDisagreement, VoteEntropy
from .regression import ExpectedImprovement, ProbabilityOfImprovement, Std, UpperConfidenceBound
from .uncertainty import Entropy, LeastConfidence, Margin, Random

STRATEGIES: dict[str, type[Strategy]] = {
    "random": Random,
    "least_confidence": LeastConfidence,
    "margin": Margin,
    "entropy": Entropy,
    "vote_entropy": VoteEntropy,
    "consensus_entropy": ConsensusEntropy,
    "max_disagreement": MaxDisagreement,
    "bald": BALD,
    "std": Std,
    "expected_improvement": ExpectedImprovement,
    "probability_of_improvement": ProbabilityOfImprovement,
    "upper_confidence_bound": UpperConfidenceBound,
}


def get_strategy_names() -> list[str]:
    """Return the names that may be given for a strategy, sorted.

    Returns
    -------
    list of str
        Names.

    Examples
    --------
    >>> from skactive import get_strategy_names
    >>> "margin" in get_strategy_names()
    True
    """
    return sorted(STRATEGIES)


def as_strategy(strategy) -> Strategy:
    """Return the strategy that a name, a strategy or a callable stands for.

    Raises
    ------
    TypeError
        If it is a class, or none of these.
    ValueError
        If the name is unknown.
    """
    if isinstance(strategy, Strategy):
        return strategy
    if isinstance(strategy, str):
        if strategy in STRATEGIES:
            return STRATEGIES[strategy]()
        near = difflib.get_close_matches(strategy, STRATEGIES, n=3, cutoff=0.4)
        hint = " or ".join(map(repr, near or sorted(STRATEGIES)))
        raise ValueError(f"unknown strategy {strategy!r}; did you mean {hint}?")
    if isinstance(strategy, type):
        raise TypeError(
            f"strategy is the class {strategy.__name__}; write {strategy.__name__}(), an instance."
        )
    if callable(strategy):
        return FunctionStrategy(strategy)
    raise TypeError(
        f"strategy is {strategy!r}; give a name (see get_strategy_names()), a Strategy or a "
        f"callable (view, n) -> positions."
    )


def default_strategy(estimator, is_regressor: bool) -> Strategy:
    """Return what "auto" stands for: margin for classifiers, std for regressors, else random."""
    if not is_regressor:
        return Margin() if refusal(estimator, "proba", "decision") is None else Random()
    return Std() if refusal(estimator, "std") is None else Random()
