"""Arithmetic on chunks of rows that are turned, (C, rows): a column at a time is fast and exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .types import Floats

TINY = np.finfo(np.float64).tiny


def logs_of(columns: Floats) -> Floats:
    """Return logarithms that are finite at 0, so that 0 log 0 is 0; NaN stays NaN."""
    # To add the smallest number changes no other probability, and is faster than a maximum.
    logs = columns + TINY
    return np.log(logs, out=logs)


def dots(columns: Floats, logs: Floats) -> Floats:
    """Return sums over c of columns * logs, both (C, rows), overwriting `logs`."""
    logs *= columns
    # One column after another: a reduction would sum a chunk of one row in another order, and
    # a score must not depend, in its last bit, on how the rows are cut.
    total = np.zeros(logs.shape[1])
    for terms in logs:
        total += terms
    return total


def entropies(columns: Floats) -> Floats:
    """Return the entropy of each of (C, rows) distributions."""
    return 0.0 - dots(columns, logs_of(columns))  # not -x: a certain row scores 0, not -0


def expected_errors(columns: Floats) -> Floats:
    """Return sums over c of p_c times the length of p - e_c, for (C, rows) probabilities."""
    # The squares of the classes before and after c are summed apart from its own: to subtract that
    # from the sum of all would leave nothing but rounding where a class is nearly certain.
    squares, others = columns * columns, np.zeros_like(columns)
    np.cumsum(squares[:0:-1], axis=0, out=others[-2::-1])
    others[1:] += np.cumsum(squares[:-1], axis=0)
    return dots(columns, np.sqrt((1.0 - columns) ** 2 + others))


def mean_columns(samples: NDArray) -> Floats:
    """Return the mean over the members of (S, rows, C) probabilities, as (C, rows)."""
    # Member by member: so no copy of all of them in float64 is made.
    total = np.zeros(samples.shape[1:])
    for member in samples:
        total += member
    return np.divide(total.T, len(samples), order="C")


def vote_counts(votes: NDArray, n_classes: int) -> NDArray[np.intp]:
    """Return (C, rows) counts of (S, rows) class codes."""
    if votes.min() < 0 or votes.max() >= n_classes:
        raise ValueError(
            f"votes hold class codes from {votes.min()} to {votes.max()}; "
            f"with n_classes={n_classes} they must lie in 0 to {n_classes - 1}."
        )
    # Bins by class, then row, so that each member's votes fall into C runs of neighbours.
    n = votes.shape[1]
    bins = np.multiply(votes, n, dtype=np.intp, casting="unsafe")
    bins += np.arange(n)
    return np.bincount(bins.ravel(), minlength=n_classes * n).reshape(n_classes, n)
