"""Whether "labels saved" is right in the mean, and as uncertain as it says.

Run with ``python benchmarks/labels_saved.py [--trials 1000]``. Curves are known exactly, so that
what a strategy saves is known too; their noise is not alike, which must favour neither. Each trial
has twenty repeats of a strategy and of random, paired by what their splits have in common, and
asks for the saving as `Comparison.summary` does. The exit status is 1 if the median of the saving
is more than 2 % of the labels off the truth, or its interval covers the truth in less than 93 %.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from skactive.evaluation import Comparison, Run
from skactive.evaluation.comparison import CEILING
from skactive.statistics import saving

GRID, N_REPEATS, MOST_OFF, LEAST_COVERED = np.arange(20, 420, 20), 20, 0.02, 0.93


def rising(n: np.ndarray) -> np.ndarray:
    """Return a curve that rises to the end, more and more slowly."""
    return 0.95 - 0.5 * np.exp(-n / 60)


# Name, curve of the strategy, curve of random, what is saved.
CASES = (
    ("equal", rising, rising, 0.0),
    ("a fifth saved", lambda n: rising(n / 0.8), rising, 0.2),
    ("flat from 193", *[lambda n: np.minimum(rising(n), 0.93)] * 2, 0.0),
    ("flat from 64", *[lambda n: np.minimum(rising(3 * n), 0.93)] * 2, 0.0),
)
NOISES = ((0.04, 0.01), (0.01, 0.04), (0.02, 0.02))  # of a score: the strategy's, random's


def trial(rng: np.random.Generator, ours, random, noises: tuple) -> tuple[float, float, float]:
    """Return the saving and its interval in one trial."""
    split = rng.normal(0, 0.005, (N_REPEATS, 1))
    curves = [
        curve(GRID) + split + rng.normal(0, noise, (N_REPEATS, len(GRID)))
        for curve, noise in zip((ours, random), noises, strict=True)
    ]
    runs = [
        Run("data", name, repeat, name, GRID.tolist(), scores.tolist())
        for name, curve in (("random", curves[1]), (CEILING, curves[1]))
        for repeat, scores in enumerate(curve)
    ]
    target = Comparison(runs, ["random"]).default_target()
    answer = saving(GRID, *curves, target, n_bootstrap=1000, rng=rng)
    return answer.share, answer.low, answer.high


def main() -> int:
    """Print the median and the coverage of each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    n_trials, has_missed = parser.parse_args().trials, False
    print(f"{n_trials} trials of {N_REPEATS} repeats")
    for name, ours, random, truth in CASES:
        for noises in NOISES:
            rng = np.random.default_rng(0)
            answers = [trial(rng, ours, random, noises) for _ in range(n_trials)]
            share, low, high = np.array(answers).T
            median, covered = np.nanmedian(share), np.mean((low <= truth) & (truth <= high))
            has_missed |= abs(median - truth) > MOST_OFF or covered < LEAST_COVERED
            print(
                f"{name:14} noise {noises[0]:.2f} and {noises[1]:.2f}: saved {100 * truth:.0f} %, "
                f"median {100 * median:5.1f} %, covered {100 * covered:.1f} %"
            )
    return int(has_missed)


if __name__ == "__main__":
    sys.exit(main())
