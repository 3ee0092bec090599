"""The protocol of docs/guide/evidence.md as code: models, strategies, repeats and budgets."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

REPEATS, ROUNDS, TEST_SIZE = 20, 20, 0.4
MODELS = {
    "logistic": LogisticRegression(max_iter=1000),
    "forest": RandomForestClassifier(50),
    "svc": SVC(),
}
FOR_ALL = ["k_center", "k_means", "typiclust", "prob_cover", "max_herding"]
FOR_ALL += ["uncertainty_herding", "cluster_margin", "coral"]
BY_PROBA = ["entropy", "ranked_batch", "density"]
STRATEGIES = {  # besides random, margin and the ceiling, which are always there
    "logistic": [*FOR_ALL, *BY_PROBA, "badge", "bait"],
    "forest": [*FOR_ALL, *BY_PROBA, "bald", "vote_entropy"],
    "svc": FOR_ALL,
}
MOST_FOR_BAIT = 300  # columns times classes: its matrices have that many rows


def strategies_for(model: str, X: np.ndarray, y: np.ndarray) -> list[str]:
    """Return which strategies a set and a model take."""
    is_wide = X.shape[1] * len(np.unique(y)) > MOST_FOR_BAIT
    return [name for name in STRATEGIES[model] if not (is_wide and name == "bait")]


def start_of(y: np.ndarray) -> int:
    """Return with how many labels a simulation starts, and how many come in each round."""
    return max(10, 2 * len(np.unique(y)))


def budget_of(y: np.ndarray) -> int:
    """Return how many labels there are at the end: half of the rows to train on at most."""
    return min(ROUNDS * start_of(y), int((1 - TEST_SIZE) * len(y)) // 2)
