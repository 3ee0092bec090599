"""The obvious twin of bait: whole information matrices, one inverse for every row looked at."""

import numpy as np


def gradient_factor(h, p):
    """V of one row, shape (C, C d); p None for regression."""
    if p is None:
        return h[None].astype(np.float64)
    W = np.diag(np.sqrt(p)) @ (np.eye(len(p)) - np.outer(np.ones(len(p)), p))
    return np.kron(W, h[None].astype(np.float64))


def informations(X, proba):
    """V' V of every row."""
    factors = [gradient_factor(h, None if proba is None else proba[i]) for i, h in enumerate(X)]
    return [V.T @ V for V in factors]


def loss(chosen, informations, regularization):
    """tr(M F) once the labels of rows are known."""
    known = regularization * np.eye(len(informations[0]))
    known = known + sum((informations[row] for row in chosen), np.zeros_like(known))
    return float(np.trace(np.linalg.solve(known, np.mean(informations, axis=0))))


def bait(X, proba, n, mask, centers, regularization=1.0, oversample=2):
    """Picks, and for each step (joining, then going) its losses by row, lowest is taken."""
    infos, taken, steps = informations(X, proba), [], []
    free = [row for row in np.flatnonzero(mask) if row not in centers]
    for _ in range(min(int(np.ceil(oversample * n)), len(free))):
        losses = {
            row: loss([*centers, *taken, row], infos, regularization)
            for row in free
            if row not in taken
        }
        steps.append(losses)
        taken.append(min(losses, key=losses.get))
    while len(taken) > n:
        losses = {
            row: loss([*centers, *(r for r in taken if r != row)], infos, regularization)
            for row in taken
        }
        steps.append(losses)
        taken.remove(min(losses, key=losses.get))
    return taken, steps
