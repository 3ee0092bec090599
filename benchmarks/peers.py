"""Strategies of scikit-activeml, modAL and bmdal_reg inside `compare_strategies`, as ours.

Run with ``python benchmarks/peers.py [--repeats 3] [--budget 200]``, with the extra ``bench``; what
is not installed is left out. Digits, logistic regression, batches of ten, the same splits for all.
Each of their strategies gets the probabilities that ours reads, so that it chooses and does not
train. Printed are, beside the strategy of ours that is meant to be the same: in how many of the
repeats all rows of all rounds are the same, the area under the curve, seconds of all queries
(the model's pass, which is the same, among them), and the most memory that one query of the first
round allocates.
"""

from __future__ import annotations

import argparse
import tracemalloc
import warnings
from collections.abc import Callable

import numpy as np
from _peers import LCMD, bmdal, has
from _timing import print_threads
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Strategy, compare_strategies

Choice = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


class Said(ClassifierMixin, BaseEstimator):
    """A fitted classifier that says what was computed beforehand, of the rows in their order."""

    def __init__(self, proba: np.ndarray):
        self.proba = proba
        self.classes_ = np.arange(proba.shape[1])

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return self.proba


class Peer(Strategy):
    """A strategy of another package: what is called with rows, labels, probabilities, candidates.

    Parameters
    ----------
    name : str
        Its name in `peers`.
    """

    rowwise = False
    reads = ("proba",)

    def __init__(self, name: str):
        self.name = name

    def select(self, view, n):
        y = np.full(len(view), np.nan)
        y[view.labeled] = view.y_labeled
        return peers()[self.name](view.X, y, view.proba, view.candidates, n)


def peers() -> dict[str, Choice]:
    """Return what can be compared, by the name of ours and the package."""
    found = (activeml() if has("skactiveml") else {}) | (modal() if has("modAL") else {})
    return found | ({"lcmd, bmdal_reg": of_bmdal} if has("bmdal_reg") else {})


def activeml() -> dict[str, Choice]:
    """Return strategies of scikit-activeml."""
    from skactiveml import pool
    from skactiveml.base import SkactivemlClassifier

    class Classifier(SkactivemlClassifier):
        def __init__(self, classes=None, missing_label=np.nan, cost_matrix=None, random_state=None):
            super().__init__(classes, missing_label, cost_matrix, random_state)

        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            return self.proba

    def by_model(strategy) -> Choice:
        def choose(X, y, proba, candidates, n):
            model = Classifier(classes=list(range(proba.shape[1])))
            model.proba = proba[candidates]
            return strategy.query(X, y, model, fit_clf=False, candidates=candidates, batch_size=n)

        return choose

    def by_rows(strategy) -> Choice:
        def choose(X, y, proba, candidates, n):
            return strategy.query(X, y, candidates=candidates, batch_size=n)

        return choose

    found = {
        name: by_model(pool.UncertaintySampling(method, random_state=0))
        for name, method in (
            ("margin", "margin_sampling"),
            ("entropy", "entropy"),
            ("least_confidence", "least_confident"),
        )
    }
    found |= {"badge": by_model(pool.Badge(random_state=0))}
    found |= {
        name: by_rows(strategy(random_state=0))
        for name, strategy in (
            ("k_center", pool.CoreSet),
            ("typiclust", pool.TypiClust),
            ("max_herding", pool.MaxHerding),
        )
    }
    return {f"{name}, scikit-activeml": choose for name, choose in found.items()}


def of_bmdal(X, y, proba, candidates, n):
    """Choose by bmdal_reg's largest cluster."""
    labeled = np.flatnonzero(~np.isnan(y))
    return np.delete(np.arange(len(X)), labeled)[bmdal(LCMD, (X,), labeled, n)]


def modal() -> dict[str, Choice]:
    """Return functions of modAL."""
    from modAL import batch, uncertainty

    def by_model(function) -> Choice:
        def choose(X, y, proba, candidates, n):
            chosen = function(Said(proba[candidates]), X[candidates], n_instances=n)
            return candidates[chosen[0] if isinstance(chosen, tuple) else chosen]

        return choose

    def ranked(X, y, proba, candidates, n):
        model = Said(proba[candidates])
        model.X_training, model.on_transformed = X[~np.isnan(y)], False
        chosen = batch.uncertainty_batch_sampling(model, X[candidates], n_instances=n)
        return candidates[chosen[0] if isinstance(chosen, tuple) else chosen]

    found: dict[str, Choice] = {
        "margin": by_model(uncertainty.margin_sampling),
        "entropy": by_model(uncertainty.entropy_sampling),
        "least_confidence": by_model(uncertainty.uncertainty_sampling),
        "ranked_batch": ranked,
    }
    return {f"{name}, modAL": choose for name, choose in found.items()}


def peak(strategy, X: np.ndarray, y: np.ndarray) -> float:
    """Return how many megabytes a query of ten rows allocates at the most, 20 being labelled."""
    known = np.full(len(y), -1)
    known[:20] = y[:20]
    learner = ActiveLearner(model(), strategy, classes=np.unique(y), random_state=0).fit(X, known)
    learner.query(n_instances=10)
    tracemalloc.start()
    learner.query(n_instances=10)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found / 1e6


def model() -> LogisticRegression:
    """Return the model that is trained."""
    return LogisticRegression(max_iter=500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--budget", type=int, default=200)
    options = parser.parse_args()
    print_threads()
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    X = X / 16 + np.random.default_rng(0).normal(0, 1e-6, X.shape)
    names = list(dict.fromkeys(name.partition(",")[0] for name in peers()))
    strategies = {name: name for name in names} | {name: Peer(name) for name in peers()}
    comparison = compare_strategies(
        model(),
        X,
        y,
        strategies,
        budget=options.budget,
        n_instances=10,
        n_initial=20,
        n_repeats=options.repeats,
        random_state=0,
    )
    rows = {
        name: [run.indices for run in comparison.runs if run.variant == name] for name in strategies
    }
    areas = comparison.aulc()
    seconds = {row["strategy"]: row["seconds"] for row in comparison.summary()}
    print("| strategy | the same rows | AULC | seconds of queries | MB of a query |")
    print("|---|---|---|---|---|")
    for name in sorted(strategies):
        ours = name.partition(",")[0]
        same = sum(a == b for a, b in zip(rows[name], rows[ours], strict=True))
        said = "" if name == ours else f"{same} of {options.repeats}"
        took = seconds[name]["query"]
        memory = peak(strategies[name], X, y)
        print(f"| {name} | {said} | {areas[name].mean():.4f} | {took:.2f} | {memory:.1f} |")


if __name__ == "__main__":
    main()
