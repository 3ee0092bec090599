"""The obvious twins of scores of several labels a row: one row at a time, in plain Python."""

import math

import numpy as np


def _together(doubts, aggregate):
    return max(doubts) if aggregate == "max" else sum(doubts) / len(doubts)


def _by_row(score, *arrays):
    """A score of each row's numbers; NaN where one of them is."""
    out = []
    for rows in zip(*(np.asarray(array).tolist() for array in arrays), strict=True):
        is_nan = any(math.isnan(value) for row in rows for value in row)
        out.append(math.nan if is_nan else score(*rows))
    return np.array(out)


def label_least_confidence(proba, aggregate="max"):
    return _by_row(lambda row: _together([min(p, 1 - p) for p in row], aggregate), proba)


def label_margin(proba, aggregate="max"):
    return _by_row(
        lambda row: -_together([-abs(p - (1 - p)) for p in row], aggregate),
        proba,
    )


def label_entropy(proba, aggregate="max"):
    def of(p):
        return -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)

    return _by_row(lambda row: _together(list(map(of, row)), aggregate), proba)


def label_decision_margin(decision, aggregate="max"):
    return _by_row(lambda row: -_together([-abs(f) for f in row], aggregate), decision)


def separation_uncertainty(decision):
    def of(row):
        inside, outside = [f for f in row if f > 0], [f for f in row if f <= 0]
        return 1 / (min(inside) - max(outside)) if inside and outside else 0.0

    return _by_row(of, decision)


def cardinality_inconsistency(prediction, cardinality):
    return _by_row(lambda row: math.sqrt((sum(row) - cardinality) ** 2), prediction)


def adaptive_margin(decision, cardinality, beta=0.5):
    decision = np.asarray(decision)
    u = separation_uncertainty(decision)
    c = cardinality_inconsistency(decision > 0, cardinality)
    pairs = zip(u, c, strict=True)
    return np.array([a if math.isnan(a) else a**beta * b ** (1 - beta) for a, b in pairs])


def min_confidence(proba):
    return _by_row(min, proba)


def avg_confidence(proba):
    return _by_row(lambda row: sum(row) / len(row), proba)


def _scored(row, said):
    return [p * (int(is_in) - 0.5) for p, is_in in zip(row, said, strict=True)]


def max_score(proba, prediction=None):
    said = np.asarray(proba) > 0.5 if prediction is None else prediction
    return _by_row(lambda row, is_in: max(_scored(row, is_in)), proba, said)


def avg_score(proba, prediction=None):
    said = np.asarray(proba) > 0.5 if prediction is None else prediction
    return _by_row(lambda row, is_in: sum(_scored(row, is_in)) / len(row), proba, said)


def max_loss(proba, prediction=None):
    def of(row, said):
        signs = [1 if is_in else -1 for is_in in said]
        only = [1 if j == row.index(max(row)) else -1 for j in range(len(row))]
        return sum(max(1 - a * b, 0) for a, b in zip(signs, only, strict=True))

    return _by_row(of, proba, np.asarray(proba) > 0.5 if prediction is None else prediction)


def mean_max_loss(prediction):
    def of(said):
        signs, n = [1 if is_in else -1 for is_in in said], len(said)
        losses = [
            max(1 - sum(signs[j] * (1 if j == c else -1) for j in range(n)), 0) for c in range(n)
        ]
        return sum(losses) / n

    return _by_row(of, prediction)
