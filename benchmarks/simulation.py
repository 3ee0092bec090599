"""What a simulation costs beside the same fits in a loop by hand, and whether its memory grows.

Run with ``python benchmarks/simulation.py [--quick]``: digits, LogisticRegression, margin, batches
of ten. Time is the median over pairs of runs that alternate; memory is what is allocated at the
peak, by tracemalloc, with `keep_estimators=False`. The exit status is 1 if a target is missed.

The target is for one BLAS thread: ``OPENBLAS_NUM_THREADS=1 python benchmarks/simulation.py``. Fits
on so few rows are made of small products, which several threads make slower. A simulation has one
thread where that is faster; the loop by hand has what it is given, and takes twice as long by two.
"""

from __future__ import annotations

import argparse
import sys
import tracemalloc
import warnings

import numpy as np
from _timing import print_table, print_threads, ratio
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, SimulatedLearner

MAX_RATIO, MAX_BYTES_A_ROUND = 1.05, 2000
START, BATCH = np.arange(20), 10
ESTIMATOR = LogisticRegression(max_iter=200, random_state=0)


def simulated(X: np.ndarray, y: np.ndarray, budget: int, batch: int = BATCH):
    """Run the simulation."""
    learner = ActiveLearner(ESTIMATOR, "margin", random_state=0)
    return SimulatedLearner(learner, budget=budget, n_instances=batch, initial=START).fit(X, y)


def by_hand(X: np.ndarray, y: np.ndarray, budget: int) -> np.ndarray:
    """Run the loop as people write it; return who is labelled in the end."""
    mask = np.zeros(len(X), dtype=bool)
    mask[START] = True
    while True:
        labeled = np.flatnonzero(mask)
        model = clone(ESTIMATOR).fit(X[labeled], y[labeled])
        if len(labeled) >= budget:
            return labeled
        unlabeled = np.flatnonzero(~mask)
        two = np.partition(model.predict_proba(X[unlabeled]), -2, axis=1)[:, -2:]
        gap = two[:, 1] - two[:, 0]
        mask[unlabeled[np.argpartition(gap, BATCH)[:BATCH]]] = True


def peak(X: np.ndarray, y: np.ndarray, budget: int, batch: int) -> int:
    """Return the most bytes that are allocated at a time in a simulation."""
    tracemalloc.start()
    simulated(X, y, budget, batch)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def main() -> int:
    """Print the ratios beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    print_threads()
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    X, budget = X / 16, 100 if quick else 300
    same = np.array_equal(simulated(X, y, budget).learner_.pool_.labeled, by_hand(X, y, budget))
    print(f"the same rows are labelled in the end: {same}")
    timed = ratio(
        lambda: simulated(X, y, budget), lambda: by_hand(X, y, budget), 3 if quick else 15
    )
    met = print_table([(f"digits, {(budget - 20) // BATCH} rounds", timed, MAX_RATIO)])
    n_many, n_few = budget - len(START), (budget - len(START)) // BATCH
    many, few = peak(X, y, budget, 1), peak(X, y, budget, BATCH)
    a_round = (many - few) / (n_many - n_few)
    print(
        f"peak memory on the way to {budget} labels: {few / 1e6:.2f} MB in {n_few} rounds, "
        f"{many / 1e6:.2f} MB in {n_many}: {a_round:.0f} bytes for each further round "
        f"(at most {MAX_BYTES_A_ROUND}: the pool's history)"
        f"{'' if a_round <= MAX_BYTES_A_ROUND else '  missed'}"
    )
    return 0 if met and same and a_round <= MAX_BYTES_A_ROUND else 1


if __name__ == "__main__":
    sys.exit(main())
