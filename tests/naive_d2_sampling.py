"""Twins of D^2 sampling and expected model change: one row at a time, in float64."""

import math

import numpy as np


def vectors(factors):
    """The rows g_i themselves, every entry of the outer products."""
    parts = [part.toarray() if hasattr(part, "toarray") else np.asarray(part) for part in factors]
    parts = [part.astype(np.float64) for part in parts]
    return np.array([outer(*rows) for rows in zip(*parts, strict=True)])


def outer(*rows):
    """All products of an entry of the one with an entry of the other."""
    return np.kron(*rows) if len(rows) > 1 else rows[0]


def squared_distance(g, i, picks):
    """Squared distance of row i to the nearest of the picks."""
    return min(float(np.sum((g[i] - g[s]) ** 2)) for s in picks)


def next_probabilities(g, picks, candidates):
    """Probability of each candidate to be the next pick."""
    rest = [i for i in candidates if i not in picks]
    if picks:
        weights = [squared_distance(g, i, picks) for i in rest]
    else:
        lengths = [float(np.sum(g[i] ** 2)) for i in rest]
        weights = [float(math.isclose(length, max(lengths), rel_tol=1e-12)) for length in lengths]
    if sum(weights) == 0:
        weights = [1.0] * len(rest)
    return {i: w / sum(weights) for i, w in zip(rest, weights, strict=True)}


def sequence_probabilities(g, n, candidates, centers=()):
    """Probability of each sequence of n picks."""
    sequences = {(): 1.0}
    for _ in range(n):
        sequences = {
            (*picks, i): p * q
            for picks, p in sequences.items()
            for i, q in next_probabilities(g, [*centers, *picks], candidates).items()
            if q > 0
        }
    return sequences


def d2_sampling(g, n, candidates, centers, rng):
    """Draw a row, look at all distances again, draw the next."""
    picks = []
    for _ in range(n):
        chances = next_probabilities(g, [*centers, *picks], candidates)
        picks.append(int(rng.choice(list(chances), p=list(chances.values()))))
    return picks


def expected_model_change(proba, feature_norms):
    """Expected length of the gradient, over labels drawn from the probabilities."""
    scores = []
    for p, norm in zip(np.asarray(proba, float), np.asarray(feature_norms, float), strict=True):
        total = 0.0
        for c in range(len(p)):
            error = [p[k] - (k == c) for k in range(len(p))]
            total += p[c] * math.sqrt(sum(e * e for e in error))
        scores.append(norm * total)
    return np.array(scores)
