"""skactive: active learning with scikit-learn."""

from .learner import ActiveLearner
from .pool import Pool
from .strategies import Strategy, get_strategy_names
from .through import query, teach
from .view import View

__version__ = "0.1.0"

__all__ = [
    "ActiveLearner",
    "Pool",
    "Strategy",
    "View",
    "get_strategy_names",
    "query",
    "teach",
]
