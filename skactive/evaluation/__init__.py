"""Evidence: learning simulated under a budget, strategies compared, pictures of both."""

from .compare import compare_strategies
from .comparison import Comparison, Run
from .displays import BudgetCurveDisplay, EstimateDisplay, QueryDisplay, StreamDisplay
from .model_selection import LabeledKFold, aulc_scorer
from .results import merge_results
from .simulation import Round, SimulatedLearner

__all__ = [
    "BudgetCurveDisplay",
    "Comparison",
    "EstimateDisplay",
    "LabeledKFold",
    "QueryDisplay",
    "Round",
    "Run",
    "SimulatedLearner",
    "StreamDisplay",
    "aulc_scorer",
    "compare_strategies",
    "merge_results",
]
