"""How much reading screening saves: work saved over sampling, on the sets with a rare class.

Run with ``python benchmarks/evidence/screening.py [--repeats 10]``. The sets are those of
docs/guide/evidence.md with a rare class. Reading starts with two rows of each class and goes on by
twentieths of the pool until all is read; the model is logistic regression, by `MostLikely`, by
margin, and in a random order. Printed are means over repeats, with the best that could be.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from sets import chosen, load
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner
from skactive.evaluation.simulation import simulate
from skactive.statistics import work_saved
from skactive.strategies import MostLikely

RECALL = 0.95


def saved(strategy, X: np.ndarray, is_rare: np.ndarray, seed: int, model=None) -> float:
    """Return the work saved by one order of reading, the start included."""
    model = LogisticRegression(max_iter=1000) if model is None else model
    rng = np.random.default_rng(seed)
    start = [rng.choice(np.flatnonzero(is_rare == value), 2, replace=False) for value in (1, 0)]
    learner = ActiveLearner(model, strategy, random_state=seed)
    batch = max(10, len(X) // 20)
    rounds = simulate(
        learner, X, is_rare, budget=len(X), n_instances=batch, initial=np.concatenate(start)
    )
    return work_saved(is_rare[np.concatenate([played.indices for played in rounds])], recall=RECALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    print("| set | rare | `MostLikely` | the same, classes balanced | margin | random | at best |")
    print("|---|---|---|---|---|---|---|")
    rare = [name for name, kind in chosen().items() if kind == "imbalanced"]
    means = []
    for name in rare:
        X, y = load(name)
        values, counts = np.unique(y, return_counts=True)
        is_rare = (y == values[counts.argmin()]).astype(int)
        balanced = LogisticRegression(max_iter=1000, class_weight="balanced")
        ways = (
            (MostLikely(1), None),
            (MostLikely(1), balanced),
            ("margin", None),
            ("random", None),
        )
        found = [
            np.mean([saved(way, X, is_rare, seed, model) for seed in range(repeats)])
            for way, model in ways
        ]
        best = RECALL - np.ceil(RECALL * is_rare.sum()) / len(y)
        means.append([*found, best])
        cells = " | ".join(f"{value:.2f}" for value in means[-1])
        print(f"| {name} | {is_rare.mean():.1%} | {cells} |", flush=True)
    print(f"| mean | | {' | '.join(f'{value:.2f}' for value in np.mean(means, axis=0))} |")


if __name__ == "__main__":
    main()
