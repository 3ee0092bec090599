"""Obvious twins of what decides on streams: everything anew for each row, in float64."""

import numpy as np


class VolumeStream:
    """vessal row by row: the inverse and the trace are worked out from all that came before."""

    def __init__(self, width, regularization, covariance=None, labeled=()):
        self.information = regularization * np.eye(width)
        for u in labeled:
            self.information = self.information + np.outer(u, u)
        self.covariance = covariance
        self.seen = []

    def share(self, u):
        """u' M u / tr(Sigma M) of the next row."""
        self.seen.append(u)
        inverse = np.linalg.inv(self.information)
        covariance = self.covariance
        if covariance is None:
            covariance = sum(np.outer(v, v) for v in self.seen) / len(self.seen)
        trace = np.trace(covariance @ inverse)
        return (u @ inverse @ u) / trace if trace > 0 else 1.0

    def keep(self, u):
        """Let a row join those that repel."""
        self.information = self.information + np.outer(u, u)


def gradients(errors, features):
    """Whole gradients, the block of each class at its own place."""
    return np.array([np.concatenate([e * h for e in a]) for a, h in zip(errors, features)])  # noqa: B905


def vessal_by_count(rows, n, draws, state):
    """Which rows are kept when n of all are wanted, and the share of each row."""
    kept, shares = [], []
    for i, u in enumerate(rows):
        shares.append(state.share(u))
        left, rows_left = n - len(kept), len(rows) - i
        is_kept = left > 0 and (left == rows_left or draws[i] < left / rows_left * shares[-1])
        if is_kept:
            state.keep(u)
            kept.append(i)
    return kept, shares


def vessal_by_rate(rows, rate, draws, state):
    """Which rows are kept at a rate that is held over all rows that passed."""
    kept = []
    for i, u in enumerate(rows):
        chance = min(max(rate * (1 + rate * i - len(kept)), 0.0), 1.0)
        if draws[i] < chance * state.share(u):
            state.keep(u)
            kept.append(i)
    return kept


def most_in_a_window(bought, window):
    """The largest number of labels in any window of so many consecutive rows."""
    bought = np.asarray(bought, dtype=int)
    return max(
        (int(bought[start : start + window].sum()) for start in range(len(bought))), default=0
    )
