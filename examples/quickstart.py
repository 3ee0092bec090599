"""Fewer labels for the same accuracy: margin beside random on the digits data.

Twenty labels to start, ten more a round. Both strategies get the same splits and the same first
labels for each seed. Prints a table and, where matplotlib is installed, draws quickstart.png.
"""

import importlib.util
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC
from tqdm import tqdm

from skactive import ActiveLearner

SEEDS = range(10)
N_START, N_BATCH, N_END = 20, 10, 200
N_LABELS = np.arange(N_START, N_END + 1, N_BATCH)
TARGET = 0.95


def accuracy_curve(strategy, seed):
    """Accuracy on the test rows at each number of labels, for one split and one start."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=seed)

    start = np.random.default_rng(seed).choice(len(y_train), N_START, replace=False)
    y_partial = np.full(len(y_train), -1)  # -1: not labelled yet
    y_partial[start] = y_train[start]

    estimator = make_pipeline(MinMaxScaler(), SVC(C=10))
    learner = ActiveLearner(estimator, strategy, random_state=seed).fit(X_train, y_partial)
    accuracy = [learner.score(X_test, y_test)]
    while len(accuracy) < len(N_LABELS):
        idx, _rows = learner.query(n_instances=N_BATCH)
        learner.teach(idx, y_train[idx])  # here somebody would look at the rows and label them
        accuracy.append(learner.score(X_test, y_test))
    return accuracy


def labels_needed(curves):
    """The first number of labels at which mean accuracy reaches the target, or None."""
    reached = curves.mean(axis=0) >= TARGET
    return int(N_LABELS[reached.argmax()]) if reached.any() else None


def print_table(curves):
    """Mean and standard deviation over the seeds, and what the target costs each strategy."""
    print(f"\nAccuracy on the test rows, mean ± standard deviation over {len(SEEDS)} seeds\n")
    print("labels" + "".join(f"{strategy:>17}" for strategy in curves))
    for i, n in enumerate(N_LABELS):
        cells = (f"{c[:, i].mean():.3f} ± {c[:, i].std(ddof=1):.3f}" for c in curves.values())
        print(f"{n:6d}" + "".join(f"{cell:>17}" for cell in cells))

    needed = {strategy: labels_needed(c) for strategy, c in curves.items()}
    print(f"\nLabels until mean accuracy reaches {TARGET:.0%}")
    for strategy, n in needed.items():
        print(f"  {strategy:8} {n if n is not None else f'not reached by {N_END}'}")
    if needed["margin"] is None:
        return
    spent = needed["random"] or N_END
    at_least = "" if needed["random"] else "at least "
    print(f"  saved    {at_least}{spent - needed['margin']} of {spent} labels")


def draw(curves, path):
    """Write the learning curves, one standard deviation around each mean, as a picture."""
    from matplotlib.figure import Figure

    # Told apart without colour too: by line, by marker and by how dark they are.
    looks = {
        "margin": {"color": "#0b4f8a", "linestyle": "-", "marker": "o"},
        "random": {"color": "#e69f00", "linestyle": "--", "marker": "s"},
    }
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for strategy, curve in curves.items():
        mean, sd = curve.mean(axis=0), curve.std(axis=0, ddof=1)
        axes.plot(N_LABELS, mean, markersize=4, label=strategy, **looks[strategy])
        axes.fill_between(
            N_LABELS, mean - sd, mean + sd, color=looks[strategy]["color"], alpha=0.2, linewidth=0
        )
    axes.axhline(TARGET, color="0.35", linestyle=":", linewidth=1)
    axes.annotate(f"{TARGET:.0%}", (N_START, TARGET), (0, 3), textcoords="offset points")
    margin, random = (labels_needed(curves[strategy]) for strategy in ("margin", "random"))
    if margin is not None and random is not None:
        low = 0.7
        axes.vlines([margin, random], low, TARGET, color="0.35", linestyle=":", linewidth=1)
        arrow = {"arrowstyle": "->", "color": "0.35", "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (margin, low), (random, low), arrowprops=arrow)
        text = f"{random - margin} labels saved"
        axes.text((margin + random) / 2, low + 0.01, text, ha="center", va="bottom")
    axes.set(
        title=f"Digits: margin beside random, mean ± one sd over {len(SEEDS)} seeds",
        xlabel="labels",
        ylabel="accuracy on the test rows",
    )
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=150)


def main():
    """Compare the two strategies over all seeds."""
    runs = [(strategy, seed) for strategy in ("margin", "random") for seed in SEEDS]
    results = [accuracy_curve(*run) for run in tqdm(runs, desc="digits", unit="run")]
    margin, random = np.split(np.array(results), 2)  # each: seeds x numbers of labels
    curves = {"margin": margin, "random": random}
    print_table(curves)
    if importlib.util.find_spec("matplotlib"):
        path = Path("quickstart.png").resolve()
        draw(curves, path)
        print(f"\nThe curves: {path}")
    else:
        print('\nFor a picture of the curves: python3 -m pip install ".[plot]"')


if __name__ == "__main__":
    main()
