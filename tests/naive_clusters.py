"""Obvious twins of what follows a clustering, one row at a time; nothing shared with skactive."""

import numpy as np


def mean_distance(X, row, others, n_neighbors):
    """Mean distance of a row to its nearest among others."""
    distances = sorted(float(np.sqrt(((X[row] - X[other]) ** 2).sum())) for other in others)
    return float(np.mean(distances[:n_neighbors])) if n_neighbors else 0.0


def typicality(X, labels, known, picks, label, mask, n_neighbors):
    """Mean distance of each candidate of a cluster that is left to its neighbours that are left."""
    left = [r for r in np.flatnonzero(labels == label) if r not in known and r not in picks]
    count = min(n_neighbors, len(left) // 2)
    return {
        row: mean_distance(X, row, [other for other in left if other != row], count)
        for row in left
        if mask[row]
    }


def next_clusters(labels, mask, known, picks):
    """Labels of the clusters any of which may pick after these picks: equals are drawn."""
    sizes, n_known = np.bincount(labels), np.bincount(labels[known], minlength=labels.max() + 1)
    served = set()
    for i in range(len(picks) + 1):
        open_rows = [r for r in np.flatnonzero(mask) if r not in picks[:i]]
        alive = {int(labels[r]) for r in open_rows}
        large = {c for c in alive if sizes[c] >= 5}
        group = large or alive
        if not group - served:
            served = set()
        first = min((n_known[c], -sizes[c]) for c in group - served)
        allowed = {c for c in group - served if (n_known[c], -sizes[c]) == first}
        if i < len(picks):
            served.add(int(labels[picks[i]]))
    return allowed


def squared_to_means(X, labels):
    """Squared distance of each row to the mean of its cluster, infinity for those of none."""
    squared = np.full(len(X), np.inf)
    for label in set(labels.tolist()) - {-1}:
        rows = np.flatnonzero(labels == label)
        mean = sum(X[row] for row in rows) / len(rows)
        for row in rows:
            squared[row] = ((X[row] - mean) ** 2).sum()
    return squared


def in_turns(labels):
    """Lists of places: clusters of a size, from the smallest, each giving one; -1 come last."""
    queues = {c: [i for i, x in enumerate(labels) if x == c] for c in set(labels.tolist())}
    last, sizes = queues.pop(-1, []), {c: len(queue) for c, queue in queues.items()}
    rounds = []
    while any(queues.values()):
        for size in sorted(set(sizes.values())):
            turn = [queue.pop(0) for c, queue in queues.items() if sizes[c] == size and queue]
            rounds += [turn] if turn else []
    return rounds + [[place] for place in last]
