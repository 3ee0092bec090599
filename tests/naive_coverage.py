"""Obvious twins of greedy coverage, in float64, one row at a time; nothing shared with skactive."""

import numpy as np


def distances_to(X, row):
    """Distance of every row to one."""
    return np.sqrt(((X - X[row]) ** 2).sum(axis=1))


def herding_objective(X, chosen, uncertainty, bandwidth):
    """sum_x U(x) max_s k(x, s)."""
    best = np.zeros(len(X))
    for row in chosen:
        best = np.maximum(best, np.exp(-(distances_to(X, row) ** 2) / (2 * bandwidth**2)))
    return float(uncertainty @ best)


def medoids_objective(X, chosen):
    """Minus the sum of the distances of all rows to the nearest chosen one."""
    return -float(np.min([distances_to(X, row) for row in chosen], axis=0).sum())


def n_covered(X, chosen, delta):
    """How many rows lie in the ball of a chosen one."""
    near = [distances_to(X, row) <= delta for row in chosen]
    return int(np.any(near, axis=0).sum()) if near else 0


def pure_share(X, labels, delta):
    """The share of rows in whose ball all rows have the same label."""
    balls = [distances_to(X, row) <= delta for row in range(len(X))]
    return float(np.mean([len(set(labels[ball])) == 1 for ball in balls]))


def greedy_values(objective, candidates, centers, picks):
    """Yield, for each pick, the objective of every candidate that could have been picked then."""
    chosen = list(centers)
    for pick in picks:
        yield pick, {c: objective([*chosen, c]) for c in candidates if c not in chosen}
        chosen.append(pick)


def count_greedy(objective, candidates, centers, picks, bound):
    """Check that each pick is the best, or within `bound` of it; how many were beyond doubt."""
    n_certain = 0
    for pick, values in greedy_values(objective, candidates, centers, picks):
        ordered = sorted(values.values(), reverse=True)
        assert values[pick] >= ordered[0] - bound, (pick, values[pick], ordered[:2])
        if len(ordered) == 1 or ordered[0] - ordered[1] > bound:
            assert values[pick] == ordered[0]
            n_certain += 1
    return n_certain
