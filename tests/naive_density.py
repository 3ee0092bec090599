"""The twin of density: one pair of rows at a time, in float64."""

import math

import numpy as np


def density(embedding, metric="cosine", candidates=None):
    rows = embedding.toarray() if hasattr(embedding, "toarray") else np.asarray(embedding)
    rows = rows.astype(np.float64)
    mask = np.zeros(len(rows), dtype=bool)
    mask[slice(None) if candidates is None else candidates] = True
    among = np.flatnonzero(mask)
    similarity = {"cosine": cosine, "euclidean": closeness}[metric]
    means = np.full(len(rows), np.nan)
    for i in among:
        means[i] = math.fsum(similarity(rows[i], rows[j]) for j in among) / len(among)
    return means


def cosine(x, y):
    lengths = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y) / lengths if lengths > 0 else 0.0


def closeness(x, y):
    return 1 / (1 + np.linalg.norm(x - y))
