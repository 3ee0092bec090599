"""Published results again: Lu, Li and Lin (2023) on breast_cancer, by their protocol.

Run with ``python benchmarks/replication.py [--seeds 20] [--strategies random k_center ...]``.

Row numbers are shuffled by ``default_rng(s)`` and 60 % train; a fresh ``default_rng(s)`` shuffles
these, and the first 20 are labelled; columns are standardised on the training rows; SVC with an RBF
kernel, gamma="auto", C=1; one row at a time until none is left. AUBC is the area under the test
accuracies after each query by the trapezoid rule, divided by the number of queries. The exit status
is 1 if a mean is farther from the published one than the published standard deviation.

P.-Y. Lu, C.-L. Li and H.-T. Lin, "Re-Benchmarking Pool-Based Active Learning for Binary
Classification", arXiv:2306.08954.
"""

import argparse
import sys

import numpy as np
from _timing import print_threads
from joblib import Parallel, delayed
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skactive import ActiveLearner
from skactive.evaluation.simulation import simulate

N_START, TRAIN = 20, 0.6
PUBLISHED = {"random": (0.9539, 0.0130), "k_center": (0.9586, 0.0105)}


def aubc(strategy: str, seed: int) -> float:
    """Area under the budget curve of one strategy for one seed."""
    X, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = np.split(order, [int(TRAIN * len(X))])
    train = train[np.random.default_rng(seed).permutation(len(train))]
    scaler = StandardScaler().fit(X[train])
    X_train, X_test = scaler.transform(X[train]), scaler.transform(X[test])
    learner = ActiveLearner(SVC(gamma="auto", C=1), strategy, random_state=seed)
    rounds = simulate(
        learner, X_train, y[train], budget=len(train), initial=np.arange(N_START), seed=seed
    )
    accuracy = [learner.score(X_test, y[test]) for _ in rounds][1:]  # the first is the start
    steps = (np.array(accuracy[1:]) + np.array(accuracy[:-1])) / 2
    return float(steps.sum() / len(accuracy))


def main() -> int:
    """Print each strategy's mean and standard deviation beside the published ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--strategies", nargs="+", default=["random", "k_center", "margin"])
    parser.add_argument("--jobs", type=int, default=-1)
    options = parser.parse_args()
    print_threads()
    agrees = True
    print(f"AUBC on breast_cancer, {options.seeds} seeds      published")
    for strategy in options.strategies:
        seeds = range(options.seeds)
        found = Parallel(options.jobs)(delayed(aubc)(strategy, seed) for seed in seeds)
        mean, std = np.mean(found), np.std(found)
        line = f"{strategy:<20} {mean:.4f} +- {std:.4f}"
        if strategy in PUBLISHED:
            published, spread = PUBLISHED[strategy]
            is_near = abs(mean - published) <= spread
            agrees &= is_near
            line += f"      {published:.4f} +- {spread:.4f}{'' if is_near else '  missed'}"
        print(line, flush=True)
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
