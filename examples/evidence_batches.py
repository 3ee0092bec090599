"""Do diverse batches help? Seven strategies on digits, in batches of 10 and of 100.

Prints the tables of docs/guide/does_it_help.md. "Margin after typiclust" has the same splits and
seeds, but typiclust instead of chance chooses the first twenty rows; the others share one start. An
interrupted run goes on where it was, from the files in ``--results``.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Comparison, compare_strategies

STRATEGIES = ["k_center", "badge", "typiclust", "uncertainty_herding"]
STARTED = "margin after typiclust"


def compared(X, y, cold_start, strategies, **options):
    """One comparison, of learners whose first rows are chosen by `cold_start`."""
    learner = ActiveLearner(LogisticRegression(C=10, max_iter=500), cold_start=cold_start)
    return compare_strategies(learner, X, y, strategies, scoring="accuracy", **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--results", type=Path, help="folder for finished runs")
    options = parser.parse_args()
    if options.results:
        options.results.mkdir(exist_ok=True)
    X, y = load_digits(return_X_y=True)
    for n_instances, budget in ((10, 220), (100, 820)):

        def both(cold_start, strategies, n_instances=n_instances, budget=budget):
            name = f"digits, batches of {n_instances}"
            file = options.results and options.results / f"{cold_start}-{n_instances}.jsonl"
            return compared(
                X / 16,
                y,
                cold_start,
                strategies,
                n_instances=n_instances,
                budget=budget,
                n_initial=20,
                n_repeats=options.repeats,
                n_jobs=options.jobs,
                random_state=0,
                results=file,
                name=name,
            )

        usual, started = both("random", STRATEGIES), both("typiclust", [])
        runs = [replace(run, variant=STARTED) for run in started.runs if run.variant == "margin"]
        names = [*usual.names, STARTED]
        print(Comparison(usual.runs + runs, names, usual.scoring).to_markdown(), flush=True)
        print()


if __name__ == "__main__":
    main()
