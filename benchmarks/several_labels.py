"""Do strategies for several labels a row beat random, with one logistic regression a label?

    python benchmarks/several_labels.py [--repeats 10]

Two sets: digits, whose labels are the seven segments by which a display shows them, and rows made
by ``make_multilabel_classification``. From 20 random labels to 200 by twenties; the area under the
curve of micro F1 on rows aside, less that of random with the same start, and its standard error
over splits.
"""

import argparse
import warnings

import numpy as np
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier

from skactive import select
from skactive.strategies import Entropy, LeastConfidence

START, STOP, BATCH = 20, 200, 20
# The segments a to g of a display that are lit for each digit.
SEGMENTS = [
    *("abcdef", "bc", "abdeg", "abcdg", "bcfg"),
    *("acdfg", "acdefg", "abc", "abcdefg", "abcdfg"),
]
STRATEGIES = {
    "random": "random",
    "margin, least_confidence, entropy": "margin",
    "least_confidence, mean": LeastConfidence(aggregate="mean"),
    "entropy, mean": Entropy(aggregate="mean"),
    **{
        name: name
        for name in (
            "max_margin",
            "adaptive_margin",
            "min_confidence",
            "avg_confidence",
            "max_score",
            "avg_score",
            "max_loss",
            "mean_max_loss",
            "badge",
            "coral",
            "k_center",
        )
    },
}


def sets():
    """Yield name, rows and labels."""
    X, digit = load_digits(return_X_y=True)
    lit = np.array([[segment in digits for segment in "abcdefg"] for digits in SEGMENTS])
    yield "digits", X / 16, lit[digit]
    X, Y = make_multilabel_classification(
        2000, n_features=40, n_classes=8, n_labels=2, random_state=0
    )
    yield "made", X / X.std(axis=0), Y.astype(bool)


def area(X, Y, strategy, seed):
    """Return the mean micro F1 over the curve."""
    X, X_test, Y, Y_test = train_test_split(X, Y, test_size=0.4, random_state=seed)
    known = np.random.default_rng(seed).permutation(len(X))[:START]
    found = []
    while True:
        model = OneVsRestClassifier(LogisticRegression(solver="liblinear")).fit(X[known], Y[known])
        found.append(f1_score(Y_test, model.predict(X_test), average="micro"))
        if len(known) >= STOP:
            return np.mean(found), found[-1]
        rows = select(
            strategy,
            proba=model.predict_proba(X),
            embedding=X,
            labeled=known,
            y_labeled=Y[known],
            n_instances=BATCH,
            random_state=seed,
            multilabel=True,
        )
        known = np.append(known, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    n_repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")  # of labels that all rows have as yet
    for name, X, Y in sets():
        print(f"{name}: {len(X)} rows, {Y.shape[1]} labels, {Y.sum(axis=1).mean():.1f} a row")
        baseline = None
        for called, strategy in STRATEGIES.items():
            found = np.array([area(X, Y, strategy, seed) for seed in range(n_repeats)])
            baseline = found if baseline is None else baseline
            gain = (found - baseline)[:, 0]
            error = gain.std(ddof=1) / np.sqrt(n_repeats)
            mean, last = found.mean(axis=0)
            print(
                f"  {called:34} area {mean:.3f}, last {last:.3f}, gain {gain.mean():+.3f} "
                f"± {error:.3f}, ahead on {(gain > 0).sum()} of {n_repeats}",
                flush=True,
            )


if __name__ == "__main__":
    main()
