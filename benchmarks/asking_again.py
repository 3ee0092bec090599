"""Another opinion, or another row: accuracy and right labels for so many answers of several people.

Run with ``python benchmarks/asking_again.py [--repeats 10] [--answers 400] [--jobs 1]``. Digits, a
quarter of them for testing; a logistic regression asks by twenties, from 20 random answers on. Five
people err, each on rows of her own: they give the true label with probabilities .95, .95, .8, .8
and .6. Printed is, with standard errors, the accuracy on the test rows, the share of labels in the
pool that are right, and how many rows are labelled. Where cleanlab is installed, the weights of
CROWDLAB are compared with its own on the last pool.
"""

from __future__ import annotations

import argparse
import importlib.util
import warnings

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skactive import ActiveLearner, run
from skactive.loops import CostBudget, Noisy
from skactive.statistics import crowdlab
from skactive.strategies import ActiveLab, RelabelOrNew

ACCURACY = {"ann": 0.95, "ben": 0.95, "cleo": 0.8, "dora": 0.8, "emil": 0.6}
N_FIRST, BATCH = 20, 20


def known_best(pool, rows):
    """Ask the two who are known to be best, in turn by row."""
    return [("ann", "ben") if row % 2 else ("ben", "ann") for row in rows.tolist()]


# How each way asks: strategy, consensus, opinions on each row, whom.
WAYS = {
    "one opinion each, in turn": ("margin", "majority", 1, None),
    "three each, majority": ("margin", "majority", 3, None),
    "three each, one_coin": ("margin", "one_coin", 3, None),
    "RelabelOrNew": (RelabelOrNew(), "majority", 1, None),
    "ActiveLab": (ActiveLab(), "majority", 1, None),
    "the best two, known": ("margin", "majority", 1, known_best),
}


def played(way: str, seed: int, answers: int) -> tuple[list[float], ActiveLearner]:
    """Return accuracy, share of right labels and number of rows of one run, and the learner."""
    warnings.simplefilter("ignore")  # of the solver, on few rows
    strategy, consensus, n_opinions, whom = WAYS[way]
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=seed)
    people = Noisy.crowd(y, ACCURACY, seed)
    model = LogisticRegression(max_iter=500)
    learner = ActiveLearner(model, strategy, consensus=consensus, random_state=seed).fit(X)
    ask = {"n_opinions": n_opinions, "whom": whom}
    first = N_FIRST // n_opinions * n_opinions
    run(learner, people, n_instances=N_FIRST // n_opinions, stopping=first, **ask)
    n = -(-BATCH // n_opinions)
    run(learner, people, n_instances=n, stopping=CostBudget(answers), **ask)
    pool = learner.pool_
    right = float((pool.y_labeled == y[pool.labeled]).mean())
    return [learner.score(X_test, y_test), right, pool.n_labeled], learner


def compare_with_cleanlab(learner: ActiveLearner) -> None:
    """Print how far the weights of CROWDLAB are from those of cleanlab on a learner's pool."""
    from cleanlab.multiannotator import get_label_quality_multiannotator

    rows, names, labels = learner.pool_.opinions_on_labeled
    distinct, at = np.unique(rows, return_inverse=True)
    people = np.searchsorted(sorted(ACCURACY), names.astype(str))
    table = np.full((len(distinct), len(ACCURACY)), np.nan)
    table[at, people] = labels
    proba = learner.predict_proba(learner.pool_.rows.take(distinct))
    found = get_label_quality_multiannotator(
        table, proba, consensus_method="majority_vote", return_weights=True, verbose=False
    )
    chosen = found["label_quality"]["consensus_label"].to_numpy().astype(int)
    ours = crowdlab.weights(at, people, labels.astype(int), chosen, proba)
    sure = crowdlab.posterior(at, people, labels.astype(int), proba, ours)
    quality = found["label_quality"]["consensus_quality_score"].to_numpy()
    print(
        f"\ncleanlab: weights differ by at most "
        f"{abs(ours.annotators - found['annotator_weight']).max():.1e}, that of the model by "
        f"{abs(ours.model - found['model_weight']):.1e}, qualities by "
        f"{abs(sure[np.arange(len(chosen)), chosen] - quality).max():.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--answers", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    print(f"{options.answers} answers, {options.repeats} repeats (standard errors)\n")
    print(f"{'':28} {'accuracy':>15} {'labels right':>15} {'rows':>6}")
    parallel = Parallel(n_jobs=options.jobs)
    for way in WAYS:
        runs = parallel(
            delayed(played)(way, seed, options.answers) for seed in range(options.repeats)
        )
        values = np.array([run[0] for run in runs])
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
        cells = [f"{mean[i]:.3f} ({error[i]:.3f})" for i in range(2)]
        print(f"{way:28} {cells[0]:>15} {cells[1]:>15} {mean[2]:>6.0f}", flush=True)
        if way == "ActiveLab" and importlib.util.find_spec("cleanlab"):
            compare_with_cleanlab(runs[-1][1])
    if not importlib.util.find_spec("cleanlab"):
        print("\ncleanlab is not installed: not compared with it")


if __name__ == "__main__":
    main()
