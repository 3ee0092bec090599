"""skactive: active learning with scikit-learn."""

from .learner import ActiveLearner
from .loop import run
from .oracles import Known, Prompt
from .pool import Pool
from .simulation import SimulatedLearner
from .strategies import Strategy, get_strategy_names
from .through import query, teach
from .view import View

__version__ = "0.1.0"

__all__ = [
    "ActiveLearner",
    "Known",
    "Pool",
    "Prompt",
    "SimulatedLearner",
    "Strategy",
    "View",
    "get_strategy_names",
    "query",
    "run",
    "teach",
]
