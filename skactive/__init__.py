"""skactive: active learning with scikit-learn."""

from .comparison import Comparison
from .display import BudgetCurveDisplay, QueryDisplay
from .embedding import embed
from .evaluation import compare_strategies
from .learner import ActiveLearner
from .loop import run
from .model_selection import LabeledKFold, aulc_scorer
from .oracles import Known, Prompt
from .pool import Pool
from .selecting import select
from .simulation import SimulatedLearner
from .strategies import Strategy, get_strategy_names
from .stream_display import StreamDisplay
from .stream_loop import StreamLog, run_stream
from .through import query, teach
from .view import View

__version__ = "0.1.0"

__all__ = [
    "ActiveLearner",
    "BudgetCurveDisplay",
    "Comparison",
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
    "embed",
    "get_strategy_names",
    "query",
    "run",
    "run_stream",
    "select",
    "teach",
]
