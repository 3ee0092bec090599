"""The learner: fit, query and teach around any scikit-learn estimator."""

from .embedding import EachRound
from .inside import query, teach
from .learner import ActiveLearner

__all__ = ["ActiveLearner", "EachRound", "query", "teach"]
