"""How good the consensus "one_coin" and its accuracies are, where the truth is known.

``python benchmarks/annotators.py`` (two minutes) simulates rows of 4 classes and five people who
are right in .95, .9, .8, .7 and .6 of their answers, each wrong class as often. Every row gets
three opinions, or one, and a share of the rows a second one (overlap). Printed are: what share of
labels is right by what was said last, by majority and by one_coin; how far the estimated accuracies
are from the true ones, how wide their intervals of 95 % are, and how often they hold the true ones;
and how long one_coin takes on 10,000 rows with three opinions, also as a ratio to majority.
"""

import sys
import time

import numpy as np

from skactive.pool.consensus import latest, majority
from skactive.pool.one_coin import coins, interval, one_coin

ACCURACY = np.array([0.95, 0.9, 0.8, 0.7, 0.6])
NAMES = np.array(["ann", "ben", "cleo", "dora", "emil"], dtype=object)
N_CLASSES = 4


def crowd(rng, n, n_opinions):
    """Opinions, in the order in which they were given, and the truth; so many of each row."""
    truth = rng.integers(0, N_CLASSES, n)
    people = np.argsort(rng.random((n, len(NAMES))), axis=1)
    kept = np.arange(len(NAMES)) < n_opinions[:, None]
    rows, people = np.repeat(np.arange(n), n_opinions), people[kept]
    is_right = rng.random(len(rows)) < ACCURACY[people]
    wrong = (truth[rows] + rng.integers(1, N_CLASSES, len(rows))) % N_CLASSES
    return rows, NAMES[people], np.where(is_right, truth[rows], wrong), truth


def quality(n, how, n_repeats):
    """Means over repeats: labels right by each consensus, error and interval of accuracies."""
    found = []
    for seed in range(n_repeats):
        rng = np.random.default_rng(seed)
        n_opinions = np.full(n, 3) if how == "three" else 1 + (rng.random(n) < how)
        *opinions, truth = crowd(rng, n, n_opinions)
        right = [(function(*opinions) == truth).mean() for function in (latest, majority, one_coin)]
        of = coins(*opinions)
        low, high = interval(of.accuracy, of.worth(), 0.95)
        error, is_inside = np.abs(of.accuracy - ACCURACY), (low <= ACCURACY) & (ACCURACY <= high)
        found.append([*right, error.mean(), (high - low).mean(), is_inside.mean()])
    return np.mean(found, axis=0)


def best_of(function, opinions, n=9):
    """The shortest of some times that a function takes."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        function(*opinions)
        times.append(time.perf_counter() - start)
    return min(times)


def main(n_repeats=100):
    print(f"{'':30} latest  majority  one_coin  |error|  width  coverage")
    for n in (100, 300, 1000):
        for how in ("three", 0.1, 0.3, 1.0):
            name = "three opinions" if how == "three" else f"one opinion, overlap {how:g}"
            values = quality(n, how, n_repeats)
            print(f"{n:5} rows, {name:23} " + "  ".join(f"{value:7.3f}" for value in values))
    *opinions, _ = crowd(np.random.default_rng(0), 10_000, np.full(10_000, 3))
    ours, plain = (best_of(function, opinions) for function in (one_coin, majority))
    print(f"10,000 rows, three opinions: {ours:.3f} s, {ours / plain:.1f} times majority")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
