"""One row of each cluster of those whose prediction hangs on few features."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import candidate_mask, check_vectors, wanted
from ..data.tensors import is_tensor
from ..data.types import Positions
from ..utils.checks import unmasked
from .k_means import k_means
from .top import top


def drop_query(
    embedding: ArrayLike,
    changed: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    """Choose among rows whose prediction changes: :class:`skactive.strategies.DropQuery`.

    The candidates of which more than half of all passes with dropout predict otherwise are
    clustered by k-means into n clusters; of each, the row nearest its mean is taken. Where there
    are no more than n of them, the others that change most often come after them.

    Parameters
    ----------
    embedding : array or CSR matrix of shape (N, d)
        Rows as vectors, of any real dtype. Not written to, nor copied as a whole. The rows of a
        torch tensor are clustered where it is.
    changed : array of float, shape (N,)
        In which share of the passes the prediction is another one, from 0 to 1. NaN where a row is
        no candidate is ignored.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are chosen already: they repel and are never chosen.
    rng : numpy.random.Generator
        For the seeds of the clusters, and for ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, those of large clusters first; where there is nothing to cluster, those
        that change most often.

    Raises
    ------
    TypeError, ValueError
        If n or positions are no integers or out of range, a shape is wrong, a candidate's share is
        NaN or outside [0, 1], or the embedding has no finite real numbers.

    Examples
    --------
    >>> embedding = [[0.0], [1.0], [2.0], [50.0], [90.0]]
    >>> drop_query(embedding, [1, 1, 1, 0.7, 0.3], 2, rng=np.random.default_rng(0))
    array([1, 3])
    """
    vectors = embedding if is_tensor(embedding) else check_vectors(embedding, who="drop_query")
    n_rows = vectors.shape[0]
    shares = unmasked(changed, "changed", "drop_query", np.float64)
    if shares.shape != (n_rows,):
        raise ValueError(
            f"drop_query got changed of shape {shares.shape}; it must be ({n_rows},), one share "
            f"for each row of the embedding."
        )
    mask = candidate_mask(candidates, n_rows, centers)
    n = wanted(n, mask)
    is_wrong = mask & ~((shares >= 0) & (shares <= 1))
    if is_wrong.any():
        row = int(is_wrong.argmax())
        raise ValueError(
            f"drop_query got changed with {shares[row]} in row {row}; give shares from 0 to 1."
        )
    often = mask & (shares > 0.5)
    if np.count_nonzero(often) > n:
        return k_means(vectors, n, candidates=often, centers=centers, rng=rng)
    return top(shares, n, candidates=mask, tiebreak=rng.random(n_rows))
