"""Several labels a row: rows to begin with and to test on, which have both values of each."""

from __future__ import annotations

import numpy as np


def covering(labels: np.ndarray, n: int) -> np.ndarray:
    """Return n positions, of rows of 0 and 1, shape (m, L), in which labels take turns.

    A label has two values, 1 and 0. The next row is the first one that has the value chosen least
    often so far; of several such values, that which fewest of the remaining rows have.

    Examples
    --------
    >>> covering(np.array([[0, 0], [0, 0], [0, 1], [1, 0]]), 3).tolist()
    [3, 2, 0]
    """
    has = np.concatenate([labels == 1, labels == 0], axis=1)
    is_left, n_left = np.ones(len(has), dtype=bool), has.sum(axis=0)
    n_chosen, chosen = np.zeros(has.shape[1], dtype=np.int64), []
    for _ in range(min(n, len(has))):
        # Sorted by the last key first: a value that no row is left of comes after all others.
        value = np.lexsort((n_left, n_chosen, n_left == 0))[0]
        row = int((is_left & has[:, value]).argmax())
        is_left[row] = False
        n_left -= has[row]
        n_chosen += has[row]
        chosen.append(row)
    return np.array(chosen, dtype=np.int64)


def n_covered(labels: np.ndarray, sides: tuple[np.ndarray, ...]) -> int:
    """Return how many values of labels, two of each, are on all sides of a split.

    Examples
    --------
    >>> labels = np.array([[0, 1], [1, 1], [1, 0]])
    >>> n_covered(labels, (np.array([0, 1]), np.array([2])))
    1
    """
    has = np.concatenate([labels == 1, labels == 0], axis=1)
    return int(np.all([has[side].any(axis=0) for side in sides], axis=0).sum())
