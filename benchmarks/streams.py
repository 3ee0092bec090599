"""Prequential accuracy on two drifting streams at one budget, over many seeds.

Run with ``python benchmarks/streams.py [--seeds 20] [--budget 0.05] [--rows 10000] [--jobs 1]``.
The abrupt stream is SEA (Street and Kim 2001): three numbers from 0 to 10, of which the first two
decide, by a threshold that jumps three times; one label in ten is wrong. The gradual one is a
hyperplane through the origin of five dimensions that turns by half a circle; one label in twenty is
wrong. Each row is predicted before anything is learned of its chunk of 50; the model is a logistic
regression, fitted again on what was bought. Drift handling is a window over the last labels and,
where a share is bought blindly, a drift detector (DDM, Gama et al. 2004) on that share. Printed are
mean and standard deviation over seeds, and the difference to random with the same handling, paired
by seed, with its 95 % interval.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter

import numpy as np
from _timing import print_threads
from scipy.stats import t
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive import ActiveLearner, run_stream
from skactive.strategies import RandomStream, SplitUncertainty, VariableUncertainty, Vessal

CHUNK, N_START = 50, 100


class DDM:
    """Sees a drift where the error rate rises three deviations above its least."""

    def __init__(self, n_least=30, n_deviations=3.0):
        self.n_least, self.n_deviations = n_least, n_deviations
        self.n, self.rate, self.least, self.drift_detected = 0, 0.0, math.inf, False

    def update(self, error):
        self.n += 1
        self.rate += (error - self.rate) / self.n
        spread = math.sqrt(self.rate * (1 - self.rate) / self.n)
        if self.n < self.n_least:
            return
        if self.rate + spread < self.least:
            self.least, self.best = self.rate + spread, (self.rate, spread)
        self.drift_detected = self.rate + spread > self.best[0] + self.n_deviations * self.best[1]


def abrupt(n: int, seed: int):
    """SEA: the threshold jumps three times."""
    rng = np.random.default_rng([seed, 0])
    X = rng.uniform(0, 10, size=(n, 3))
    threshold = np.repeat([8.0, 12.0, 7.0, 10.5], -(-n // 4))[:n]
    y = (X[:, 0] + X[:, 1] <= threshold).astype(int)
    return X, np.where(rng.random(n) < 0.1, 1 - y, y)


def gradual(n: int, seed: int):
    """A hyperplane that turns by half a circle."""
    rng = np.random.default_rng([seed, 1])
    X = rng.normal(size=(n, 5))
    first, second = np.linalg.qr(rng.normal(size=(5, 2)))[0].T
    angle = np.linspace(0, np.pi, n)
    normal = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    y = ((X * normal).sum(axis=1) > 0).astype(int)
    return X, np.where(rng.random(n) < 0.05, 1 - y, y)


STREAMS = {"abrupt": abrupt, "gradual": gradual}


def settings(budget: float) -> dict[str, tuple]:
    """What is compared: strategy, window, whether a detector watches."""
    half = SplitUncertainty(budget, share=0.5)
    return {
        "random, all labels": (RandomStream(budget), None, False),
        "random, window": (RandomStream(budget), 100, False),
        "random, detector": (RandomStream(budget), None, True),
        "random, both": (RandomStream(budget), 100, True),
        "variable, all labels": (VariableUncertainty(budget), None, False),
        "variable, window": (VariableUncertainty(budget), 100, False),
        "split, all labels": (SplitUncertainty(budget), None, False),
        "split, window": (SplitUncertainty(budget), 100, False),
        "split by half, detector": (half, None, True),
        "split by half, both": (half, 100, True),
        "vessal, window": (Vessal(budget), 100, False),
    }


def score(stream: str, name: str, budget: float, n: int, seed: int) -> tuple[float, float, int]:
    """Prequential accuracy, share that was bought, number of drifts seen."""
    X, y = STREAMS[stream](N_START + n, seed)
    strategy, window, is_watched = settings(budget)[name]
    model = make_pipeline(StandardScaler(), LogisticRegression())
    learner = ActiveLearner(
        model, strategy, window=window, drift=DDM() if is_watched else None, random_state=seed
    ).fit(X[:N_START], y[:N_START])
    cuts = range(N_START, N_START + n, CHUNK)
    log = run_stream(learner, ((X[cut : cut + CHUNK], y[cut : cut + CHUNK]) for cut in cuts))
    return log.mean_score, float(log.spent[-1]), learner.n_drifts_


def main() -> None:
    """Print a table for each stream."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--budget", type=float, default=0.05)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    print_threads()
    if options.seeds < 2:
        parser.error("a spread takes two seeds at least")
    names, n_seeds, start = list(settings(options.budget)), options.seeds, perf_counter()
    tasks = [
        (stream, name, options.budget, options.rows, seed)
        for stream in STREAMS
        for name in names
        for seed in range(n_seeds)
    ]
    with ProcessPoolExecutor(options.jobs) as pool:
        found = np.array(list(pool.map(score, *zip(*tasks, strict=True))))
    found = found.reshape(len(STREAMS), len(names), n_seeds, 3)
    print(f"{options.rows:,} rows, budget {options.budget:.0%}, {n_seeds} seeds")
    for stream, results in zip(STREAMS, found, strict=True):
        of = dict(zip(names, results[..., 0], strict=True))
        print(f"\n{stream:<30} accuracy (sd)    beside random         labels  drifts seen")
        for name, (accuracy, spent, drifts) in zip(names, results.transpose(0, 2, 1), strict=True):
            rival = "random, " + name.split(", ")[1]
            gain = accuracy - of[rival]
            half = t.ppf(0.975, n_seeds - 1) * gain.std(ddof=1) / math.sqrt(n_seeds)
            told = "" if name == rival else f"{gain.mean():+.4f} ± {half:.4f}"
            mean = f"{accuracy.mean():.4f} ({accuracy.std(ddof=1):.4f})"
            print(f"{name:<30} {mean}  {told:<20}  {spent.mean():.2%}  {drifts.mean():.1f}")
    print(f"\n{perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
