"""skactive: active learning with scikit-learn."""

from .data.files import open_rows
from .evaluation import (
    BudgetCurveDisplay,
    Comparison,
    EstimateDisplay,
    LabeledKFold,
    QueryDisplay,
    SimulatedLearner,
    StreamDisplay,
    aulc_scorer,
    compare_strategies,
)
from .learner import ActiveLearner, EachRound, query, teach
from .loops import Known, Prompt, StreamLog, run, run_stream
from .models.embed import embed
from .pool import Pool
from .strategies import Strategy, View, get_strategy_names, select
from .utils.config import config_context
from .utils.version import __version__ as __version__

__all__ = [
    "ActiveLearner",
    "BudgetCurveDisplay",
    "Comparison",
    "EachRound",
    "EstimateDisplay",
    "Known",
    "LabeledKFold",
    "Pool",
    "Prompt",
    "QueryDisplay",
    "SimulatedLearner",
    "Strategy",
    "StreamDisplay",
    "StreamLog",
    "View",
    "aulc_scorer",
    "compare_strategies",
    "config_context",
    "embed",
    "get_strategy_names",
    "open_rows",
    "query",
    "run",
    "run_stream",
    "select",
    "teach",
]
