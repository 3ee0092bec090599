"""Does margin beat random? Three data sets, paired, with intervals and savings.

Prints the tables of docs/guide/does_it_help.md and draws evidence.png where matplotlib is there.
The text set is made by scikit-learn: word counts of documents on one of eight topics each;
``--newsgroups`` takes the real "20 newsgroups" instead, which scikit-learn downloads. An
interrupted run goes on where it was, from the files in ``--results``.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np
from sklearn.datasets import (
    fetch_20newsgroups_vectorized,
    load_breast_cancer,
    load_digits,
    make_multilabel_classification,
)
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from skactive import BudgetCurveDisplay, Comparison, compare_strategies


def made_texts():
    """Word counts, CSR, of 2,000 documents or so on one of eight topics each."""
    X, topics = make_multilabel_classification(
        6000, n_features=3000, n_classes=8, n_labels=1, length=40, sparse=True, random_state=0
    )
    has_one = topics.sum(axis=1) == 1
    return X.tocsr()[has_one], topics[has_one].argmax(axis=1)


def newsgroups():
    """Word counts of a third of the posts to twenty newsgroups."""
    bunch = fetch_20newsgroups_vectorized(remove=("headers", "footers", "quotes"), normalize=False)
    return bunch.data[::3], bunch.target[::3]


def problems(texts):
    """Yield name, rows, labels, estimator, batch and budget of each problem."""
    scaled = make_pipeline(MinMaxScaler(), SVC(C=10))
    yield "digits", *load_digits(return_X_y=True), scaled, 10, 220
    standard = make_pipeline(StandardScaler(), LogisticRegression())
    yield "breast_cancer", *load_breast_cancer(return_X_y=True), standard, 5, 110
    words = make_pipeline(TfidfTransformer(), LogisticRegression(C=10, max_iter=300))
    yield "texts", *texts, words, 20, 420


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--results", type=Path, help="folder for finished runs")
    parser.add_argument("--newsgroups", action="store_true", help="download the real texts")
    options = parser.parse_args()
    if options.results:
        options.results.mkdir(exist_ok=True)
    parts = []
    for name, X, y, estimator, batch, budget in problems(
        newsgroups() if options.newsgroups else made_texts()
    ):
        part = compare_strategies(
            estimator,
            X,
            y,
            ["margin"],
            n_instances=batch,
            budget=budget,
            n_initial=20,
            n_repeats=options.repeats,
            scoring="accuracy",
            n_jobs=options.jobs,
            random_state=0,
            results=options.results and options.results / f"{name}.jsonl",
            name=name,
        )
        print(f"{name}: {len(np.unique(y))} classes, {X.shape[0]} rows of {X.shape[1]} columns")
        print(part.to_markdown(), end="\n\n", flush=True)
        parts.append(part)
    print(Comparison.concat(parts).verdict())
    if importlib.util.find_spec("matplotlib"):
        draw(parts)


def draw(parts: list[Comparison]):
    """Draw the curves of each data set beside one another."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(parts), figsize=(12, 3.8), layout="constrained")
    for part, ax in zip(parts, axes, strict=True):
        BudgetCurveDisplay.from_comparison(part, ax=ax)
        ax.set_title(part.datasets[0])
    fig.savefig("evidence.png", dpi=100)


if __name__ == "__main__":
    main()
