"""The twin of ranked_batch: all distances anew for each choice, one pair of rows at a time."""

import numpy as np


def scores(rows, uncertainty, left, known, alpha=None):
    """The objective of each row that is left, given those that are labelled or ranked."""
    if alpha is None:
        alpha = len(left) / (len(left) + len(known)) if len(known) else 0.0
    found = []
    for row in left:
        similarity = [1 / (1 + np.linalg.norm(rows[row] - rows[other])) for other in known]
        found.append(alpha * (1 - max(similarity, default=0.0)) + (1 - alpha) * uncertainty[row])
    return np.array(found)


def ranked_batch(rows, uncertainty, n, alpha=None, candidates=None, centers=()):
    """The order of the n best rows, and by how much each beats the next best."""
    rows, known = as_rows(rows), sorted(set(np.asarray(centers, dtype=int).tolist()))
    left = left_of(len(rows), candidates, known)
    order, leads = [], []
    while left and len(order) < n:
        found = scores(rows, uncertainty, left, known + order, alpha)
        best = int(np.argmax(found))
        leads.append(found[best] - max(np.delete(found, best), default=-np.inf))
        order.append(left.pop(best))
    return order, leads


def shortfalls(order, rows, uncertainty, alpha=None, candidates=None, centers=()):
    """How much less than the best each choice of an order is, given those before it."""
    rows, known = as_rows(rows), sorted(set(np.asarray(centers, dtype=int).tolist()))
    left, short = left_of(len(rows), candidates, known), []
    for i, row in enumerate(order):
        found = scores(rows, uncertainty, left, known + list(order[:i]), alpha)
        short.append(found.max() - found[left.index(row)])
        left.remove(row)
    return short


def as_rows(rows):
    rows = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
    return rows.astype(np.float64)


def left_of(n_rows, candidates, known):
    mask = np.zeros(n_rows, dtype=bool)
    mask[slice(None) if candidates is None else candidates] = True
    return [row for row in range(n_rows) if mask[row] and row not in known]
