"""vessal beside its direct forms: rows per second and memory, at the width of a net's gradient.

Run with ``python benchmarks/vessal.py [--features 128] [--classes 10] [--quick]``. Ours runs in
chunks of a thousand rows, and once more with one row at a time. Two direct forms stand beside it,
one row at a time, which recompute tr(Sigma M) for every row and update whole matrices: "product"
takes the trace of the product, as the formula is written, "sums" adds up the products of entries.
They run on fewer rows; the first is the one that the target is about. Memory is what numpy
allocates at the peak, by tracemalloc, for two lengths of stream. The exit status is 1 if a target
is missed.
"""

from __future__ import annotations

import argparse
import sys
import tracemalloc
from collections.abc import Callable
from time import perf_counter

import numpy as np
from _timing import print_threads

from skactive.budgets import BudgetManager, by_chance
from skactive.scores import likeliest_errors
from skactive.selection.volumes import Volumes

REGULARIZATION = 0.01
TARGET = 100.0  # times the rows per second of the direct form as the formula is written
MAX_GROWTH = 1.05  # of memory, for a stream four times as long, beyond a column for each row kept


def product_trace(left: np.ndarray, right: np.ndarray) -> float:
    """Trace of a product, by way of the product."""
    return float(np.trace(left @ right))


def sums_trace(left: np.ndarray, right: np.ndarray) -> float:
    """Trace of a product of symmetric matrices, by way of its entries."""
    return float(np.vdot(left, right))


def direct(errors, features, rate: float, draws, trace: Callable) -> np.ndarray:
    """Decide about rows one by one with whole matrices."""
    width = errors.shape[1] * features.shape[1]
    covariance, inverse = np.zeros((width, width)), np.eye(width) / REGULARIZATION
    kept = np.zeros(len(errors), dtype=bool)
    for row, (a, h) in enumerate(zip(errors, features, strict=True)):
        u = np.outer(a, h).ravel()
        covariance *= row / (row + 1)
        covariance += np.outer(u, u) / (row + 1)
        reach = inverse @ u
        volume = u @ reach
        kept[row] = draws[row] < rate * volume / trace(covariance, inverse)
        if kept[row]:
            inverse -= np.outer(reach, reach) / (1 + volume)
    return kept


def ours(errors, features, rate: float, draws, step: int) -> np.ndarray:
    """Decide about rows in chunks."""
    volumes = Volumes(errors.shape[1], features.shape[1], regularization=REGULARIZATION)
    takes = by_chance(BudgetManager(rate, window=None), draws)
    return np.concatenate(
        [
            volumes.offer(errors[start : start + step], features[start : start + step], takes)
            for start in range(0, len(errors), step)
        ]
    )


def rows_of(n: int, n_features: int, n_classes: int, seed: int = 0):
    """Errors of random probabilities, and features of decaying spread, as a net's are."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.3), size=n)
    features = rng.normal(size=(n, n_features)) / np.sqrt(1 + np.arange(n_features))
    return likeliest_errors(proba), np.maximum(features, 0)


def rate_of(call: Callable[[], object], n: int, repeats: int) -> float:
    """Rows per second in the fastest of some runs."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return n / min(seconds)


def peak(n: int, n_features: int, n_classes: int, rate: float) -> float:
    """Megabytes that a stream of chunks takes at the peak, each chunk made and dropped."""
    tracemalloc.start()
    volumes = Volumes(n_classes, n_features, regularization=REGULARIZATION)
    for start in range(0, n, 1000):
        a, h = rows_of(min(1000, n - start), n_features, n_classes, seed=start)
        draws = np.random.default_rng(start).random(len(a))
        volumes.offer(a, h, by_chance(BudgetManager(rate, window=None), draws))
    found = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return found


def main() -> int:
    """Print rates, ratios and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs")
    options = parser.parse_args()
    print_threads()
    d, c, rate, n = options.features, options.classes, options.rate, options.rows
    if options.quick:
        d, c, n = 16, 4, 2000
    a, h = rows_of(n, d, c)
    draws = np.random.default_rng(1).random(n)
    print(f"D = {d * c} ({c} classes, {d} features), {n:,} rows, {rate:.0%} kept")
    kept = ours(a, h, rate, draws, 1000)
    few, more = min(n, 40), min(n, 400)
    expected = direct(a[:more], h[:more], rate, draws, sums_trace)
    same = bool((kept[:more] == expected).all())
    print(f"of {more} rows, {expected.sum()} kept by the direct form; the same by ours: {same}")
    met = same
    fastest = rate_of(lambda: ours(a, h, rate, draws, 1000), n, 3)
    print(f"{'ours, 1000 rows at a time':<36} {fastest:12,.0f} rows/s", flush=True)
    singles = min(n, 4000)
    slow = rate_of(lambda: ours(a[:singles], h[:singles], rate, draws, 1), singles, 2)
    print(f"{'ours, one row at a time':<36} {slow:12,.0f} rows/s", flush=True)
    forms = ("product", product_trace, few, TARGET), ("sums", sums_trace, more, 0.0)
    for name, trace, m, target in forms:
        call = lambda m=m, trace=trace: direct(a[:m], h[:m], rate, draws, trace)  # noqa: E731
        other = rate_of(call, m, 2)
        ratio = fastest / other
        met &= ratio >= target
        goal = f" (at least {target:.0f})" if target else ""
        missed = "" if ratio >= target else "  missed"
        told = f"ours / this {ratio:,.0f}{goal}{missed}"
        print(f"{'direct, ' + name:<36} {other:12,.1f} rows/s   {told}", flush=True)
    short, long = (peak(m, d, c, rate) for m in (n // 4, n))
    columns = 2 * 8e-6 * d * c * kept.sum()  # room grows by doubling
    met &= long <= MAX_GROWTH * short + columns
    print(f"memory at the peak: {short:.1f} MB for {n // 4:,} rows, {long:.1f} MB for {n:,}")
    return 0 if met or options.quick else 1  # the targets are not for that size


if __name__ == "__main__":
    sys.exit(main())
