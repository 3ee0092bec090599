"""Simulate a part of the evidence: every data set, model and strategy, by docs/guide/evidence.md.

Run with ``python benchmarks/evidence/run.py --shard 3/20 [--folder runs] [--models svc ...]
[--sets pima ...]``, one process a core. A shard is every twentieth repeat of everything. What is
interrupted goes on where it was; ``pack.py`` adds what was run to the files of ``results/``, and
what these have is not run again.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
from sets import chosen, load
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from skactive import compare_strategies

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


def repeats_of(shard: str | None) -> range:
    """Return the numbers of the repeats of a shard."""
    k, n = map(int, (shard or "1/1").split("/"))
    return range(k - 1, REPEATS, n)


def simulate(name: str, model: str, shard: str | None, folder: Path) -> None:
    """Simulate the repeats of a shard on one set with one model; their results go to a file."""
    X, y = load(name)
    part = (shard or "all").replace("/", "of")
    compare_strategies(
        MODELS[model],
        X,
        y,
        strategies_for(model, X, y),
        budget=budget_of(y),
        n_instances=start_of(y),
        n_initial=start_of(y),
        initial="stratified",
        n_repeats=REPEATS,
        test_size=TEST_SIZE,
        scoring="balanced_accuracy",
        random_state=0,
        shard=shard,
        results=folder / f"{model}-{name}-{part}.jsonl",
        name=name,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shard", help="part of the repeats, such as 3/20 (all of them)")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--sets", nargs="+", choices=list(chosen()), default=list(chosen()))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONWARNINGS"] = "ignore"
    warnings.simplefilter("ignore")  # models of few labels do not converge, and strategies tie
    from pack import has_all  # which reads what is defined here

    for model in options.models:
        for name in options.sets:
            if has_all(name, model, repeats_of(options.shard)):
                continue
            begun = perf_counter()
            simulate(name, model, options.shard, options.folder)
            print(f"{model} on {name}: {perf_counter() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
