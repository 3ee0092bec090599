"""The protocols of the evidence as code: models, strategies, repeats and budgets.

That of docs/guide/evidence.md, for classifiers, and that of docs/guide/evidence_regression.md.
Models have different names in the two, so that a model tells its protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.ensemble import BaggingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.svm import SVC

from skactive.strategies import LCMD

REPEATS, TEST_SIZE = 20, 0.4
MOST_FOR_BAIT = 300  # columns times classes: its matrices have that many rows
WITH_PARAMETERS = {"lcmd_gradient": LCMD(space="gradient")}


@dataclass(frozen=True)
class Protocol:
    """What is compared on which data, and how it is scored."""

    name: str
    sets: str  # the module that has `chosen()`, names, and `load(name)`
    models: dict[str, Any]
    baselines: list[str]  # which `compare_strategies` adds by itself
    strategies: dict[str, list[str]]  # besides these and the ceiling
    scoring: str
    rounds: int
    budgets: dict[str, int]  # in rounds, the start being the first
    initial: str | None = None

    @property
    def data(self) -> ModuleType:
        """The module of the data sets."""
        return import_module(self.sets)

    @property
    def sign(self) -> int:
        """By what scores are multiplied to be 0 or more: -1 for errors."""
        return -1 if self.scoring.startswith("neg_") else 1

    def n_classes(self, y: np.ndarray) -> int:
        """Return how many classes there are; none of numbers."""
        return 0 if y.dtype.kind == "f" else len(np.unique(y))

    def strategies_for(self, model: str, X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
        """Return which strategies a set and a model take."""
        is_wide = X.shape[1] * max(self.n_classes(y), 1) > MOST_FOR_BAIT
        names = [name for name in self.strategies[model] if not (is_wide and name == "bait")]
        return {name: WITH_PARAMETERS.get(name, name) for name in names}

    def start_of(self, y: np.ndarray) -> int:
        """Return with how many labels a simulation starts, and how many come in each round."""
        return max(10, 2 * self.n_classes(y))

    def budget_of(self, y: np.ndarray) -> int:
        """Return how many labels there are at the end: half of the rows to train on at most."""
        return min(self.rounds * self.start_of(y), int((1 - TEST_SIZE) * len(y)) // 2)


FOR_ALL = ["k_center", "k_means", "typiclust", "prob_cover", "max_herding"]
FOR_ALL += ["uncertainty_herding", "cluster_margin", "coral"]
BY_PROBA = ["entropy", "ranked_batch", "density"]
CLASSES = Protocol(
    name="classes",
    sets="sets",
    models={
        "logistic": LogisticRegression(max_iter=1000),
        "forest": RandomForestClassifier(50),
        "svc": SVC(),
    },
    baselines=["random", "margin"],
    strategies={
        "logistic": [*FOR_ALL, *BY_PROBA, "badge", "bait"],
        "forest": [*FOR_ALL, *BY_PROBA, "bald", "vote_entropy"],
        "svc": FOR_ALL,
    },
    scoring="balanced_accuracy",
    rounds=20,
    budgets={"3 n₀": 3, "8 n₀": 8, "20 n₀": 20},
    initial="stratified",
)
FOR_NUMBERS = ["k_center", "greedy_y", "greedy_xy", "lcmd"]
NUMBERS = Protocol(
    name="numbers",
    sets="regression_sets",
    models={
        "ridge": Ridge(),
        "bagged_ridge": BaggingRegressor(Ridge()),
        "regression_forest": RandomForestRegressor(50),
        "gaussian_process": GaussianProcessRegressor(ConstantKernel() * RBF() + WhiteKernel()),
        "mlp": MLPRegressor(hidden_layer_sizes=(50,), solver="lbfgs", max_iter=500),
    },
    baselines=["random"],
    strategies={
        "ridge": [*FOR_NUMBERS, "bait"],
        "bagged_ridge": [*FOR_NUMBERS, "std", "emcm"],
        "regression_forest": [*FOR_NUMBERS, "std", "emcm"],
        "gaussian_process": [*FOR_NUMBERS, "std"],
        "mlp": [*FOR_NUMBERS, "lcmd_gradient", "badge", "bait"],
    },
    scoring="neg_root_mean_squared_error",
    rounds=10,
    budgets={"30 labels": 3, "100 labels": 10},
)
PROTOCOLS = [CLASSES, NUMBERS]
MODELS = [name for protocol in PROTOCOLS for name in protocol.models]


def protocol_of(model: str) -> Protocol:
    """Return the protocol that has a model."""
    return next(protocol for protocol in PROTOCOLS if model in protocol.models)
