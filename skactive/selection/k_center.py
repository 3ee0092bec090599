"""Core-sets by the greedy k-center algorithm."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Positions, as_positions, candidate_mask, check_vectors
from .blocks import wanted
from .distances import checked_distances, lower_all
from .farthest import farthest_first


def k_center(
    embedding: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    vectors = check_vectors(embedding, who="k_center")
    n_rows = vectors.shape[0]
    mask = candidate_mask(candidates, n_rows, centers)
    n = wanted(n, mask)
    if distances is None:
        known = lower_all(np.full(n_rows, np.inf), vectors, as_positions(centers, n_rows))
    else:
        known = checked_distances(distances, n_rows)
    return farthest_first(vectors, n, mask=mask, known=known, rng=rng)
