"""Which strategy is the default for a regressor: gains over random on six sets, by GP and forest.

Run with ``python benchmarks/regressors.py [--repeats 10] [--batch 10] [--jobs 2]``. The sets are
diabetes and five that scikit-learn makes, 600 rows each, half of them for testing; features and
targets have unit variance. From ten labels in common, each strategy buys fifty more, in batches.
Printed is, for each model and set, the area under the curve of R2 less that of random on the same
splits, with its standard error, and over the sets the mean and how many are gains.
"""

from __future__ import annotations

import argparse
import os

import numpy as np
from sklearn.datasets import (
    load_diabetes,
    make_friedman1,
    make_friedman2,
    make_friedman3,
    make_sparse_uncorrelated,
    make_swiss_roll,
)
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from skactive import compare_strategies
from skactive.statistics import aulc

os.environ["PYTHONWARNINGS"] = "ignore"  # of workers, in which a GP says that a bound was reached
N = 600
SETS = {
    "diabetes": load_diabetes(return_X_y=True),
    "friedman1": make_friedman1(N, noise=1.0, random_state=0),
    "friedman2": make_friedman2(N, noise=100.0, random_state=0),
    "friedman3": make_friedman3(N, noise=0.1, random_state=0),
    "sparse": make_sparse_uncorrelated(N, random_state=0),
    "swiss roll": make_swiss_roll(N, noise=0.5, random_state=0),
}
MODELS = {
    "GP": GaussianProcessRegressor(ConstantKernel() * RBF() + WhiteKernel()),
    "forest": RandomForestRegressor(50, random_state=0),
}
STRATEGIES = ["std", "k_center", "greedy_xy", "lcmd"]


def standard(values: np.ndarray) -> np.ndarray:
    """Return columns with mean 0 and variance 1."""
    return (values - values.mean(axis=0)) / values.std(axis=0)


def gains(model, X, y, repeats: int, batch: int, jobs: int) -> dict[str, np.ndarray]:
    """Return the area under each strategy's curve less that of random, one for each repeat."""
    comparison = compare_strategies(
        model,
        standard(X),
        standard(y),
        STRATEGIES,
        n_initial=10,
        n_instances=batch,
        budget=60,
        n_repeats=repeats,
        test_size=0.5,
        scoring="r2",
        n_jobs=jobs,
        random_state=0,
    )
    areas = {name: aulc(*curve) for name, curve in comparison.curves().items()}
    return {name: areas[name] - areas["random"] for name in STRATEGIES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    for name, model in MODELS.items():
        print(f"{name:12}", *(f"{strategy:>16}" for strategy in STRATEGIES), flush=True)
        means = []
        for title, (X, y) in SETS.items():
            found = gains(model, X, y, **vars(options))
            means.append([gain.mean() for gain in found.values()])
            errors = [gain.std(ddof=1) / np.sqrt(len(gain)) for gain in found.values()]
            cells = (f"{m:+.3f} ± {e:.3f}" for m, e in zip(means[-1], errors, strict=True))
            print(f"{title:12}", *(f"{cell:>16}" for cell in cells), flush=True)
        table = np.array(means)
        over = zip(table.mean(axis=0), (table > 0).sum(axis=0), strict=True)
        wins = [f"{mean:+.3f}, {n} of {len(SETS)}" for mean, n in over]
        print(f"{'over sets':12}", *(f"{cell:>16}" for cell in wins), flush=True)


if __name__ == "__main__":
    main()
