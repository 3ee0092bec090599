"""Selection functions beside other libraries, the obvious form, and the bound of k GEMVs.

Run with ``python benchmarks/selection.py [--cases k_center badge ...] [--mnist PATH] [--quick]``,
in an environment with the extra ``bench``; a peer that is not installed is left out. Each figure is
the least of several runs that take turns in this process; what takes long is run less often, or for
fewer picks and multiplied ("~"). The pools of k_center are four times the last-level cache or more.
Memory is what numpy allocates beyond the inputs at the peak, by tracemalloc. The exit status is 1
if a target is missed. ``--scaling`` prints how time grows instead.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import _peers
import numpy as np
from _timing import print_threads
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances

from skactive import ActiveLearner, scores, selection
from skactive.selection.blocks import Blocks
from skactive.selection.lloyd import lloyd

CALL_LIMIT = 20.0  # seconds after which a call is not repeated


class Case(NamedTuple):
    """What is timed, against what, and what it may take."""

    name: str
    ours: Callable[[], object]
    others: dict[str, tuple[Callable[[], object], float]]  # call, and by how much to multiply
    targets: dict[str, float]  # ours / other
    pool_bytes: int = 0
    max_memory: float | None = None  # share of the pool
    max_seconds: float | None = None


# Data


def cache_bytes() -> int:
    """Return the size of the last-level cache, 32 MiB where the system does not say."""
    sizes = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    units = {"K": 1 << 10, "M": 1 << 20}
    found = [text.read_text().strip() for text in sizes]
    return max((int(t[:-1]) * units[t[-1]] for t in found if t[-1] in units), default=32 << 20)


def gaussian(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Return a Gaussian pool in single precision."""
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def images(mnist: Path | None, quick: bool) -> tuple[np.ndarray, str]:
    """Return real images, tiled with noise to 50,000 rows or more, and what they are."""
    if mnist is None:
        X, name = load_digits().data.astype(np.float32) / 16, "digits, two side by side"
        X = np.concatenate([X, X[np.random.default_rng(0).permutation(len(X))]], axis=1)
    else:
        raw = gzip.decompress(mnist.read_bytes()) if mnist.suffix == ".gz" else mnist.read_bytes()
        X = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255
        name = "MNIST"
    tiled = X[np.arange(5000 if quick else large(X.shape[1])) % len(X)]
    tiled += 0.05 * np.random.default_rng(0).normal(size=tiled.shape).astype(np.float32)
    return tiled, name


def large(d: int) -> int:
    """Return how many rows of d columns are four times the last-level cache; 50,000 at least."""
    return max(50_000, -(-4 * cache_bytes() // (4 * d)))


@functools.cache
def errors_of(n: int, n_classes: int, seed: int = 1) -> np.ndarray:
    """Return errors of random probabilities, as BADGE takes them."""
    logits = 2 * np.random.default_rng(seed).normal(size=(n, n_classes))
    proba = np.exp(logits)
    return scores.likeliest_errors(proba / proba.sum(axis=1, keepdims=True)).astype(np.float32)


def gemvs(X: np.ndarray, k: int) -> Callable[[], None]:
    """Return k products of the pool with a vector: what comparing it with k rows takes at least."""
    vector = np.ones(X.shape[1], dtype=X.dtype)

    def run() -> None:
        for _ in range(k):
            X @ vector

    return run


def rng() -> np.random.Generator:
    """Return the generator that each run starts with."""
    return np.random.default_rng(0)


# Cases


def k_center_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    tiled, what = images(mnist, quick)
    centers = np.arange(20)
    pools = {"Gaussian": gaussian(5000 if quick else large(128), 128), what: tiled}
    for what, X in pools.items():
        name = f"{what}, {X.shape[0]:,} x {X.shape[1]}"
        for k, factor, bound in ((1000, 1 / 30, 0.25), (100, 1 / 5, 2.0)):
            if quick:
                k //= 10
            few = min(k, 20)  # picks of a peer, whose time is proportional to them or worse
            peers = {
                peer: (call, k / few) for peer, call in _peers.k_center(X, centers, few).items()
            }
            yield Case(
                f"k_center, {name}, k = {k}",
                lambda X=X, k=k: selection.k_center(X, k, centers=centers, rng=rng()),
                {"k GEMVs": (gemvs(X, k), 1.0), **peers},
                {"k GEMVs": bound, "best peer": factor},
                X.nbytes,
                0.5,
            )


def lcmd_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    n, d, k = (3000, 16, 10) if quick else (100_000, 64, 100)
    X, errors, centers = gaussian(n, d), errors_of(n, 10), np.arange(20)
    for name, factors in (("", (X,)), (", C = 10", (errors, X))):
        yield Case(
            f"lcmd, {n:,} x {d}{name}, k = {k}",
            lambda factors=factors: selection.lcmd(factors, k, centers=centers, rng=rng()),
            {
                "k GEMVs": (gemvs(X, k), 1.0),
                **{peer: (call, 1.0) for peer, call in _peers.lcmd(factors, centers, k).items()},
            },
            {"best peer": 0.6},
            X.nbytes,
            1.0,
        )


def badge_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    n, d = (3000, 64) if quick else (50_000, 512)
    h, errors = gaussian(n, d), errors_of(n, 10)
    for k, factor, bound in ((1000, 1 / 50, 0.25), (100, 1 / 5, None)):
        if quick:
            k //= 10
        few = min(k, 10)
        peers = {p: (call, k / few) for p, call in _peers.badge(errors, h, few).items()}
        targets = {"best peer": factor} | ({} if bound is None else {"k GEMVs": bound})
        yield Case(
            f"badge, {n:,} x {d}, C = 10, k = {k}",
            lambda k=k: selection.d2_sampling((errors, h), k, rng=rng()),
            {"k GEMVs": (gemvs(h, k), 1.0), **peers},
            targets,
            h.nbytes,
            0.35,
        )


def bald_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    n = 500 if quick else 10_000
    logits = np.random.default_rng(0).normal(size=(1, n, 10))
    logits = 1.5 * logits + np.random.default_rng(1).normal(size=(100, n, 10))
    samples = np.exp(logits)
    samples /= samples.sum(axis=2, keepdims=True)
    yield Case(
        f"bald, n = {n:,}, C = 10, S = 100",
        lambda: selection.top(scores.bald(samples), 10),
        {peer: (call, 1.0) for peer, call in _peers.bald(samples).items()},
        {"best peer": 1 / 3},
        samples.nbytes,
    )
    few = 3 if quick else 10
    yield Case(
        f"batch_bald, the same, k = {few}, 1,000 joint labels",
        lambda: selection.batch_bald(samples, few, max_configurations=1000, rng=rng()),
        {peer: (call, 1.0) for peer, call in _peers.batch_bald(samples, few).items()},
        {"best peer": 1 / 8},
        samples.nbytes,
    )


def bait_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    n, d, k = (500, 16, 10) if quick else (10_000, 128, 100)
    X, proba = gaussian(n, d).astype(np.float64), errors_of(n, 10).astype(np.float64)
    proba[np.arange(n), proba.argmin(axis=1)] += 1
    proba /= proba.sum(axis=1, keepdims=True)
    yield Case(
        f"bait, n = {n:,}, d = {d}, C = 10, k = {k}",
        lambda: selection.bait(X, proba, k, centers=np.arange(20), rng=rng()),
        {"obvious form": (lambda: obvious_bait(X, proba, 20), n / 20 * 3 * k)},
        {},
        max_seconds=30.0,
    )


def obvious_bait(X: np.ndarray, proba: np.ndarray, n_rows: int) -> None:
    """Rate some rows once as the paper's code does: whole gradients, one inverse a row."""
    width = X.shape[1] * proba.shape[1]
    inverse, fisher = np.eye(width), np.eye(width)
    for h, p in zip(X[:n_rows], proba[:n_rows], strict=True):
        V = np.kron(np.sqrt(p)[:, None] * (np.eye(len(p)) - p), h)
        reach = inverse @ V.T
        inner = np.linalg.inv(np.eye(len(p)) + V @ reach)
        np.trace(inner @ (reach.T @ fisher @ reach))


def ranked_batch_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    n, k, few = (5000, 20, 2) if quick else (50_000, 100, 5)
    X, doubt = gaussian(n, 20).astype(np.float64), np.random.default_rng(1).random(n)
    centers = np.arange(10)

    def again() -> None:
        for pick in range(few):  # with k / 2 picks, the mean, behind them
            known = np.arange(10 + k // 2 + pick)
            gap = pairwise_distances(X, X[known]).min(axis=1)
            (0.9 * (1 - 1 / (1 + gap)) + 0.1 * doubt).argmax()

    yield Case(
        f"ranked_batch, {n:,} x 20, k = {k}",
        lambda: selection.ranked_batch(X, doubt, k, centers=centers, rng=rng()),
        {"all distances again": (again, k / few)},
        {"all distances again": 1 / 15},
        X.nbytes,
        0.3,
    )


def density_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    n = 1000 if quick else 20_000
    X = gaussian(n, 32).astype(np.float64)
    yield Case(
        f"density, euclidean, {n:,} x 32",
        lambda: selection.density(X, metric="euclidean"),
        {"dense form": (lambda: (1 / (1 + pairwise_distances(X))).mean(axis=1), 1.0)},
        {"dense form": 1 / 5},
        X.nbytes,
    )


def typiclust_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    n = 2000 if quick else 50_000
    X, centers, k = gaussian(n, 128), np.arange(100), 100

    def own() -> object:
        blocks = Blocks(X)
        return lloyd(blocks, 100 + k, np.full(n, np.inf), rng())

    yield Case(
        f"typiclust, {n:,} x 128, 100 labelled, k = {k}",
        lambda: selection.typiclust(X, k, centers=centers, rng=rng()),
        {
            "its own k-means": (own, 1.0),
            "scikit-learn's KMeans": (
                lambda: KMeans(100 + k, n_init=1, random_state=0).fit(X),
                1.0,
            ),
        },
        {"its own k-means": 1.15},
        X.nbytes,
    )


def learner_cases(quick: bool, mnist: Path | None) -> Iterator[Case]:
    """The same through a learner: nothing of the pool is copied."""
    n, d, k = (3000, 64, 50) if quick else (100_000, 512, 1000)
    X = gaussian(n, d)
    y = np.full(n, -1)
    y[:100] = np.random.default_rng(0).integers(10, size=100)
    for strategy, limit in (("k_center", 0.5), ("badge", 0.35)):
        learner = ActiveLearner(LogisticRegression(max_iter=20), strategy, random_state=0)
        learner.fit(X, y).query()  # distances to the first labels are known from then on
        yield Case(
            f"query by {strategy}, {n:,} x {d}, k = {k}",
            lambda learner=learner: learner.query(n_instances=k),
            {"k GEMVs": (gemvs(X, k), 1.0)},
            {"k GEMVs": 0.25},
            X.nbytes,
            limit,
        )


CASES = {
    "k_center": k_center_cases,
    "lcmd": lcmd_cases,
    "badge": badge_cases,
    "bald": bald_cases,
    "bait": bait_cases,
    "ranked_batch": ranked_batch_cases,
    "density": density_cases,
    "typiclust": typiclust_cases,
    "learner": learner_cases,
}


# Running


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = perf_counter()
    call()
    return perf_counter() - start


def least_of(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the least seconds of each of several calls that take turns."""
    least = {name: timed(call) for name, call in calls.items()}
    for _ in range(repeats - 1):
        for name, call in calls.items():
            if least[name] < CALL_LIMIT:
                least[name] = min(least[name], timed(call))
    return least


def least_seconds(function: Callable, X: np.ndarray, k: int) -> float:
    """Return the least seconds of three runs."""
    return min(timed(lambda: function(X, k)) for _ in range(3))


def peak_bytes(call: Callable[[], object]) -> int:
    """Return the most that is allocated at a time during a call."""
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def run(case: Case, repeats: int) -> bool:
    """Time a case and print it; return whether its targets are met."""
    calls = {"ours": case.ours, **{name: call for name, (call, _) in case.others.items()}}
    seconds = least_of(calls, repeats)
    memory = peak_bytes(case.ours)
    print(f"{case.name}: {seconds['ours']:.3f} s, {memory / 1e6:.0f} MB", end="")
    met = case.max_seconds is None or seconds["ours"] <= case.max_seconds
    print("" if case.max_seconds is None else f" (at most {case.max_seconds:.0f} s)", end="")
    if case.max_memory is not None:
        share = memory / case.pool_bytes
        met &= share <= case.max_memory
        print(f" = {share:.2f} of the pool (at most {case.max_memory})", end="")
    print()
    others = {name: seconds[name] * times for name, (_, times) in case.others.items()}
    bounds = {"k GEMVs", "all distances again", "dense form", "its own k-means", "obvious form"}
    peers = [name for name in others if name not in bounds | {"scikit-learn's KMeans"}]
    best = min(peers, key=others.__getitem__, default=None)
    for name, other in others.items():
        ratio = seconds["ours"] / other
        target = case.targets.get(name, case.targets.get("best peer") if name == best else None)
        met &= target is None or ratio <= target
        about = "" if case.others[name][1] == 1 else "~"
        limit = "" if target is None else f" (at most {target:.3g})"
        missed = "  missed" if target is not None and ratio > target else ""
        print(f"    / {name:<22} {about}{other:9.3f} s   {ratio:.3g}{limit}{missed}")
    sys.stdout.flush()
    return met


def scaling(quick: bool) -> None:
    """Print seconds over three sizes of each of n, d and k, and of the worst cases."""
    usual = {"n": 50_000, "d": 128, "k": 200} if not quick else {"n": 2000, "d": 16, "k": 20}

    def badge(X, k):
        return selection.d2_sampling((errors_of(len(X), 10), X), k, rng=rng())

    def ranked(X, k):
        return selection.ranked_batch(X, errors_of(len(X), 2)[:, 0] ** 2, k, rng=rng())

    functions = {
        "k_center": lambda X, k: selection.k_center(X, k, rng=rng()),
        "badge": badge,
        "ranked_batch": ranked,
        "typiclust": lambda X, k: selection.typiclust(X, k, rng=rng()),
        "max_herding": lambda X, k: selection.max_herding(X[::5], k, rng=rng()),
    }
    for name, function in functions.items():
        print(f"{name}{', on a fifth of the rows' if name == 'max_herding' else ''}")
        for axis in usual:
            for times in (0.5, 1, 2):
                sizes = usual | {axis: int(usual[axis] * times)}
                X = gaussian(sizes["n"], sizes["d"])
                least = least_seconds(function, X, sizes["k"])
                print(f"    n = {sizes['n']:,}, d = {sizes['d']}, k = {sizes['k']}: {least:.3f} s")
        if name == "badge":
            X = gaussian(usual["n"], usual["d"])
            for n_classes in (5, 20, 80):
                errors = errors_of(len(X), n_classes)
                least = least_seconds(
                    lambda X, k, e=errors: selection.d2_sampling((e, X), k, rng=rng()),
                    X,
                    usual["k"],
                )
                print(f"    C = {n_classes}: {least:.3f} s")
        flat = gaussian(usual["n"], 2)
        fourfold = np.repeat(gaussian(usual["n"] // 4, usual["d"]), 4, axis=0)
        for what, X in (("d = 2", flat), ("every row four times", fourfold)):
            least = least_seconds(function, X, usual["k"])
            print(f"    {what}: {least:.3f} s", flush=True)


def main() -> int:
    """Run the cases that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--mnist", type=Path, help="test images of MNIST, idx3-ubyte[.gz]")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small data, to see that it runs")
    parser.add_argument("--scaling", action="store_true")
    options = parser.parse_args()
    print_threads()
    warnings.simplefilter("ignore")
    if options.scaling:
        scaling(options.quick)
        return 0
    met = True
    for name in options.cases:
        for case in CASES[name](options.quick, options.mnist):
            met &= run(case, 2 if options.quick else options.repeats)
    return 0 if met or options.quick else 1  # the targets are not for that size


if __name__ == "__main__":
    sys.exit(main())
