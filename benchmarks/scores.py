"""Scores beside the plain numpy calls that they replace: medians of interleaved pairs.

    python benchmarks/scores.py [--quick]

Exits with 1 where a target is missed. --quick takes a tenth of the rows, only to see that it runs:
so few fit into the cache, and the targets are not for them.
"""

import argparse
import sys

import numpy as np
from _timing import print_table, print_threads, ratio

from skactive import scores
from skactive.selection import top

N_CLASSES, N_MEMBERS, BATCH = 10, 10, 100


def comparisons(n, repeats):
    """Yield (what, ratio, target)."""
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(N_CLASSES), n)

    def partition():
        np.partition(-proba, 1)

    cases = {
        "margin": lambda: scores.margin(proba),
        "entropy": lambda: scores.entropy(proba),
        f"margin, top {BATCH}": lambda: top(-scores.margin(proba), BATCH),
        f"entropy, top {BATCH}": lambda: top(scores.entropy(proba), BATCH),
    }
    for what, ours in cases.items():
        yield f"{what} / np.partition(-P, 1)", ratio(ours, partition, repeats), 0.5

    votes = rng.integers(0, N_CLASSES, (N_MEMBERS, n))
    first_bin = np.arange(n) * N_CLASSES

    def bincount():
        np.bincount((first_bin + votes).ravel(), minlength=n * N_CLASSES)

    what = f"vote entropy of {N_MEMBERS} / np.bincount into n x C bins"
    yield what, ratio(lambda: scores.vote_entropy(votes, N_CLASSES), bincount, repeats), 2.0

    # A stricter bar: each has the votes in the order it likes best, and the bins cost nothing.
    bins = (first_bin + votes).T.ravel()

    def bincount_alone():
        np.bincount(bins, minlength=n * N_CLASSES)

    what = "the same / np.bincount of ready bins, row by row"
    yield what, ratio(lambda: scores.vote_entropy(votes, N_CLASSES), bincount_alone, repeats), 2.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    quick = parser.parse_args().quick
    print_threads()
    n, repeats = (100_000, 5) if quick else (1_000_000, 15)
    print(f"{n:,} rows, {N_CLASSES} classes, {repeats} pairs, numpy {np.__version__}\n")
    met = print_table(comparisons(n, repeats))
    return 0 if met or quick else 1


if __name__ == "__main__":
    sys.exit(main())
