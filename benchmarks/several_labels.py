"""Do strategies for several labels a row beat random, with one logistic regression a label?

    python benchmarks/several_labels.py [--repeats 10] [--strategies random margin badge ...]
                                        [--picture curves.png]

Two sets: digits, whose labels are the seven segments by which a display shows them, and rows made
by ``make_multilabel_classification``. From 20 random labels to 200 by twenties; the area under the
curve of micro F1 on rows aside, less that of random with the same start, and its standard error
over splits. The picture has the mean curves with their 95 % intervals.
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
from skactive.evaluation import BudgetCurveDisplay
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


def curve(X, Y, strategy, seed):
    """Return the micro F1 with each number of labels."""
    X, X_test, Y, Y_test = train_test_split(X, Y, test_size=0.4, random_state=seed)
    known = np.random.default_rng(seed).permutation(len(X))[:START]
    found = []
    while True:
        model = OneVsRestClassifier(LogisticRegression(solver="liblinear")).fit(X[known], Y[known])
        found.append(f1_score(Y_test, model.predict(X_test), average="micro"))
        if len(known) >= STOP:
            return found
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
    parser.add_argument("--strategies", nargs="+", choices=list(STRATEGIES))
    parser.add_argument("--picture")
    options = parser.parse_args()
    n_repeats, drawn = options.repeats, {}
    names = ["random", *(name for name in options.strategies or STRATEGIES if name != "random")]
    warnings.simplefilter("ignore")  # of labels that all rows have as yet
    for name, X, Y in sets():
        print(f"{name}: {len(X)} rows, {Y.shape[1]} labels, {Y.sum(axis=1).mean():.1f} a row")
        curves = drawn[name] = {}
        for called in names:
            found = [curve(X, Y, STRATEGIES[called], seed) for seed in range(n_repeats)]
            curves[called] = np.arange(START, STOP + 1, BATCH), np.array(found)
            areas, baseline = (curves[each][1].mean(axis=1) for each in (called, "random"))
            gain = areas - baseline
            error = gain.std(ddof=1) / np.sqrt(n_repeats)
            print(
                f"  {called:34} area {areas.mean():.3f}, last {np.mean(found, axis=0)[-1]:.3f}, "
                f"gain {gain.mean():+.3f} ± {error:.3f}, ahead on {sum(gain > 0)} of {n_repeats}",
                flush=True,
            )
    if options.picture:
        draw(drawn, options.picture)


def draw(sets, path):
    """Draw the curves of all sets side by side."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(sets), figsize=(10, 4.5), layout="constrained")
    for ax, (name, curves) in zip(axes, sets.items(), strict=True):
        BudgetCurveDisplay(curves, scoring="micro F1").plot(ax).ax_.set_title(name)
        ax.get_legend().remove()
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
