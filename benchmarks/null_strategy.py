"""How often a strategy that knows nothing is found better or worse than random.

Run with ``python benchmarks/null_strategy.py [--trials 1000]``. The strategy prefers rows by
numbers that were drawn once for each row. On the rows of a trial it may truly be better than
random, or worse; on new rows it is random. So of its tests for new rows at the level 0.05, at most
7 % may say that it differs, however often the same rows are split. Beside it stands the plain
paired t test, which takes splits of the same rows for independent.

A trial draws 200 rows of two classes, and splits them into 150 and 50 in each repeat. From ten
labels in common, either strategy buys fifty more by tens; the nearest mean classifies. The exit
status is 1 if the target is missed.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from skactive.statistics import aulc, paired_tests

N_ROWS, N_TEST, N_FEATURES, REPEATS = 200, 50, 10, (5, 10, 20, 50)
COUNTS, LEVEL, MOST = np.arange(10, 70, 10), 0.05, 0.07


def curves(X: np.ndarray, y: np.ndarray, order: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return accuracies (R, T) of nearest means, learned from the first rows of each order."""
    means = []
    for label in (0, 1):
        mine = (y[order] == label)[..., None]
        total, count = np.cumsum(X[order] * mine, axis=1), np.cumsum(mine, axis=1)
        means.append((total / np.maximum(count, 1))[:, COUNTS - 1])
    normal, middle = means[1] - means[0], (means[1] + means[0]) / 2
    side = np.einsum("rtd,rkd->rtk", normal, X[test]) - (normal * middle).sum(axis=-1)[..., None]
    return np.mean((side > 0) == y[test][:, None], axis=-1)


def areas(rng: np.random.Generator) -> np.ndarray:
    """Return areas under the curves of both strategies, shape (2, R), on rows of a new trial."""
    y = rng.integers(2, size=N_ROWS)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) + 0.35 * (2 * y[:, None] - 1)
    rows = rng.permuted(np.tile(np.arange(N_ROWS), (max(REPEATS), 1)), axis=1)
    test, train = rows[:, :N_TEST], rows[:, N_TEST:]
    start, rest = train[:, : COUNTS[0]], train[:, COUNTS[0] :]
    preferred = rng.random(N_ROWS)[rest].argsort(axis=1)  # in the same order in each repeat
    orders = (np.take_along_axis(rest, preferred, axis=1), rest)
    most = COUNTS[-1] - COUNTS[0]
    return np.stack(
        [aulc(COUNTS, curves(X, y, np.hstack([start, order[:, :most]]), test)) for order in orders]
    )


def main() -> int:
    """Print how often each test rejects."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    n_trials, rng = parser.parse_args().trials, np.random.default_rng(0)
    rejected = {n: np.zeros(2) for n in REPEATS}
    for _ in range(n_trials):
        ours, random = areas(rng)
        for n in REPEATS:
            tests = paired_tests(ours[:n], random[:n], ratio=N_TEST / (N_ROWS - N_TEST))
            rejected[n] += np.array([tests.p_t, tests.p_new]) < LEVEL
    print(f"{n_trials} trials; rejections of a strategy that knows nothing, at the level {LEVEL}")
    for n, counts in rejected.items():
        plain, corrected = 100 * counts / n_trials
        print(f"{n:3} repeats: these rows {plain:5.1f} %, new rows {corrected:5.1f} %")
    return int(max(counts[1] for counts in rejected.values()) / n_trials > MOST)


if __name__ == "__main__":
    sys.exit(main())
