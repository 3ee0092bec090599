"""Which data sets the evidence of regression is from, by docs/guide/evidence_regression.md.

Real ones are in the package ISLP (``pip install --no-deps ISLP==0.6.0``: files are read, nothing is
imported) and in scikit-learn, which also makes those of which the truth is known. ``python
benchmarks/evidence/regression_sets.py`` lists them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

MOST_ROWS, MADE_ROWS = 1_500, 600
# What is predicted, and columns that name a row or follow from what is predicted.
OF_THE_BOOK: dict[str, tuple[str, list[str]]] = {
    "Auto": ("mpg", ["name"]),
    "Bikeshare": ("bikers", ["casual", "registered"]),
    "Boston": ("medv", []),
    "Carseats": ("Sales", []),
    "College": ("Apps", []),
    "Credit": ("Balance", ["ID"]),
    "Hitters": ("Salary", []),
    "Wage": ("wage", ["logwage"]),
}
MADE = {
    "friedman1": lambda: datasets.make_friedman1(MADE_ROWS, noise=1.0, random_state=0),
    "friedman2": lambda: datasets.make_friedman2(MADE_ROWS, noise=100.0, random_state=0),
    "friedman3": lambda: datasets.make_friedman3(MADE_ROWS, noise=0.1, random_state=0),
    "sparse uncorrelated": lambda: datasets.make_sparse_uncorrelated(MADE_ROWS, random_state=0),
    "swiss roll": lambda: datasets.make_swiss_roll(MADE_ROWS, noise=0.5, random_state=0),
}


def chosen() -> list[str]:
    """Return the names of the sets."""
    return [*OF_THE_BOOK, "diabetes", *MADE]


def read(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, one column for each value of those of text, and what is predicted."""
    if name == "diabetes":
        return datasets.load_diabetes(return_X_y=True)
    if name in MADE:
        return MADE[name]()
    package = find_spec("ISLP")
    if package is None:
        raise ModuleNotFoundError("pip install --no-deps ISLP==0.6.0")
    target, left_out = OF_THE_BOOK[name]
    path = Path(package.submodule_search_locations[0]) / "data" / f"{name}.csv"
    frame = pd.read_csv(path, na_values="?").drop(columns=left_out).dropna()
    return pd.get_dummies(frame.drop(columns=target)).to_numpy(float), frame[target].to_numpy(float)


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a set, some of them where there are many, all columns with variance 1."""
    X, y = read(name)
    if len(y) > MOST_ROWS:
        rows = np.random.default_rng(0).choice(len(y), MOST_ROWS, replace=False)
        X, y = X[rows], y[rows]
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


if __name__ == "__main__":
    for name in chosen():
        print(f"{name:<20} {len(read(name)[1]):>5} rows, {load(name)[0].shape[1]:>3} columns")
    print(f"{len(chosen())} sets")
