"""The obvious float64 twin of every fast function: one row at a time, in plain Python.

Nothing here is clever, and nothing is shared with the package: a twin is read, not tested.
"""

import math

import numpy as np

# Scores


def least_confidence(proba):
    return np.array([1 - max(row) for row in _rows(proba)])


def margin(proba):
    return np.array([_two_largest(row)[0] - _two_largest(row)[1] for row in _rows(proba)])


def entropy(proba):
    return np.array([_entropy(row) for row in _rows(proba)])


def decision_margin(decision):
    if np.ndim(decision) == 1:
        return np.array([abs(float(value)) for value in decision])
    return margin(decision)


def vote_entropy(votes, n_classes):
    return np.array(
        [
            _entropy([np.sum(column == code) / len(column) for code in range(n_classes)])
            for column in np.asarray(votes).T
        ]
    )


def consensus_entropy(samples):
    return np.array([_entropy(_mean(members)) for members in _by_row(samples)])


def max_disagreement(samples):
    return np.array([max(_kl(p, _mean(members)) for p in members) for members in _by_row(samples)])


def bald(samples):
    return np.array(
        [
            max(0.0, _entropy(_mean(members)) - sum(map(_entropy, members)) / len(members))
            for members in _by_row(samples)
        ]
    )


def epig(samples, targets):
    return np.array(
        [
            np.mean([_mutual_information(ours, theirs) for theirs in _by_row(targets)])
            for ours in _by_row(samples)
        ]
    )


def log_expected_improvement(mean, std, best, xi=0.0):
    scores = []
    for mu, sigma in zip(_floats(mean), _floats(std), strict=True):
        gap = mu - best - xi
        if sigma == 0:
            scores.append(max(gap, 0.0))
        else:
            z = gap / sigma
            density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            scores.append(gap * _normal_cdf(z) + sigma * density)
    return _logs(scores)


def log_probability_of_improvement(mean, std, best, xi=0.0):
    scores = []
    for mu, sigma in zip(_floats(mean), _floats(std), strict=True):
        gap = mu - best - xi
        scores.append(float(gap > 0) if sigma == 0 else _normal_cdf(gap / sigma))
    return _logs(scores)


def _logs(numbers):
    """Natural logarithms, minus infinity for 0."""
    return np.array([math.log(number) if number > 0 else -math.inf for number in numbers])


def upper_confidence_bound(mean, std, beta=1.0):
    return np.array(
        [mu + beta * sigma for mu, sigma in zip(_floats(mean), _floats(std), strict=True)]
    )


# Selection


def top(scores, n, candidates=None, tiebreak=None):
    positions = range(len(scores))
    if candidates is not None:
        candidates = np.asarray(candidates)
        allowed = np.flatnonzero(candidates) if candidates.dtype == bool else candidates
        positions = sorted({int(position) for position in allowed})
    if tiebreak is None:
        ordered = sorted(positions, key=lambda i: (-scores[i], i))
    else:
        ordered = sorted(positions, key=lambda i: (-scores[i], -tiebreak[i], i))
    return np.array(ordered[:n], dtype=np.intp)


# Statistics


def holm(p_values):
    adjusted = []
    for p in p_values:
        known = sorted(other for other in p_values if not math.isnan(other))
        steps = [(len(known) - i) * known[i] for i in range(len(known)) if known[i] <= p]
        adjusted.append(math.nan if math.isnan(p) else min(1.0, max(steps)))
    return np.array(adjusted)


def labels_to_reach(n_labeled, curve, target):
    if curve[0] >= target:
        return float(n_labeled[0])
    for i in range(1, len(curve)):
        if curve[i] >= target:
            share = (target - curve[i - 1]) / (curve[i] - curve[i - 1])
            return n_labeled[i - 1] + share * (n_labeled[i] - n_labeled[i - 1])
    return math.inf


# Pieces


def emcm(value, samples, feature_norms):
    """The mean of |f(x) - f_s(x)| over members, times the length of x, row by row."""
    out = []
    for i in range(len(feature_norms)):
        steps = [abs(float(value[i]) - float(member[i])) for member in samples]
        out.append(float(feature_norms[i]) * sum(steps) / len(steps))
    return out


def _floats(values):
    return [float(value) for value in values]


def _rows(array):
    return [_floats(row) for row in array]


def _by_row(samples):
    """(S, n, C) as n lists of the members' distributions."""
    return [_rows(members) for members in np.asarray(samples).transpose(1, 0, 2)]


def _two_largest(row):
    return sorted([*row, 0.0] if len(row) == 1 else row, reverse=True)[:2]


def _mean(members):
    return [sum(values) / len(members) for values in zip(*members, strict=True)]


def _entropy(p):
    return -sum(value * math.log(value) for value in p if value > 0) + 0.0


def _mutual_information(ours, theirs):
    joint, apart = [], []
    for a in range(len(ours[0])):
        for b in range(len(theirs[0])):
            pairs = zip(ours, theirs, strict=True)
            joint.append(sum(p[a] * q[b] for p, q in pairs) / len(ours))
            apart.append(_mean(ours)[a] * _mean(theirs)[b])
    return _kl(joint, apart)


def _kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def _normal_cdf(z):
    return 0.5 * math.erfc(-z / math.sqrt(2))
