"""The learner: fit, query and teach around any scikit-learn estimator."""

from .inside import query, teach
from .learner import ActiveLearner

__all__ = ["ActiveLearner", "query", "teach"]
