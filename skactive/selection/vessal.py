"""Volume sampling in one pass: rows are likelier where little was kept before."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..budgets import Countdown, by_chance
from ..data.arrays import as_positions, candidate_mask, check_vectors, steps, wanted
from ..data.types import Floats, Positions, Vectors
from .volumes import BLOCK, Volumes, outer


def vessal(
    gradient: tuple[ArrayLike, ArrayLike],
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    regularization: float = 0.01,
    covariance: ArrayLike | None = None,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose rows in one pass, in their order, by volume sampling of gradients.

    Row i, of gradient :math:`u_i = a_i \otimes h_i`, is kept with probability

    .. math:: \frac{\text{rows still wanted}}{\text{rows left}}
              \; \frac{u_i' M u_i}{\mathrm{tr}(\Sigma M)}, \qquad
              M^{-1} = \lambda I + \sum_{j \in L \cup S} u_j u_j',

    S the rows kept before, :math:`\Sigma` the mean of :math:`u u'` over the rows of the pass, this
    one included. Where as many rows are wanted as are left, all of these are kept. The paper is
    that of :class:`skactive.strategies.Vessal`.

    Parameters
    ----------
    gradient : tuple of array of shape (N, C) and array of shape (N, d)
        The factors a and h, of any real dtype; h may be CSR. Column c of a belongs to class c
        in every row. Not written to.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that pass, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved, L: they repel and never pass.
    regularization : float, default=0.01
        :math:`\lambda`, more than 0. Squared lengths of gradients count for 1e6 times that at
        most, which is what float64 can tell from it.
    covariance : array of shape (C d, C d), optional
        :math:`\Sigma` where it is known beforehand, as `gradient_covariance` gives it. By default
        it is learned on the way.
    rng : numpy.random.Generator
        Source of all randomness: one uniform number for each row that passes.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, in the order of the rows.

    Raises
    ------
    TypeError, ValueError
        If shapes do not match, the factors have no finite real numbers, positions are no integers
        or lie outside, a parameter is out of its range, or C d is beyond 20,000.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, h = np.ones((100, 1)), rng.normal(size=(100, 3))
    >>> len(vessal((a, h), 5, rng=rng))
    5
    """
    errors, features = check_factors(gradient, "vessal")
    mask = candidate_mask(candidates, errors.shape[0], centers)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    volumes = Volumes(
        errors.shape[1], features.shape[1], regularization=regularization, covariance=covariance
    )
    known = np.unique(as_positions(centers, errors.shape[0]))
    for part in steps(len(known), BLOCK):  # a few at a time, as CSR and memory maps are gathered
        volumes.learn(errors[known[part]], features[known[part]])
    rows, kept = np.flatnonzero(mask), []
    # All random numbers at once: so what is drawn for a row does not depend on how rows are cut.
    takes = by_chance(Countdown(n, len(rows)), rng.random(len(rows)))
    for part in steps(len(rows), BLOCK):
        block = rows[part]
        kept.append(block[volumes.offer(errors[block], features[block], takes)])
    return np.concatenate(kept)


def gradient_covariance(gradient: tuple[ArrayLike, ArrayLike]) -> Floats:
    r"""Mean of :math:`u u'` over rows, :math:`u = a \otimes h`: vessal's `covariance`.

    `gradient` has the factors a, shape (N, C), and h, shape (N, d), which may be CSR. The result is
    symmetric, of shape (C d, C d): the block of classes c and c' is at rows c d and columns c' d.

    Examples
    --------
    >>> gradient_covariance(([[-0.5, 0.5]], [[2.0]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    errors, features = check_factors(gradient, "gradient_covariance")
    width = errors.shape[1] * features.shape[1]
    out = np.zeros((width, width))
    for cut in steps(errors.shape[0], BLOCK):
        block = outer(errors[cut], features[cut])
        out += block.T @ block
    return out / max(errors.shape[0], 1)


def check_factors(gradient: tuple[ArrayLike, ArrayLike], who: str) -> tuple[Vectors, Vectors]:
    """Return the two factors of gradients as arrays, refusing what is none.

    Examples
    --------
    >>> a, h = check_factors(([[1.0]], [[2.0, 3.0]]), "vessal")
    >>> a.shape, h.shape
    ((1, 1), (1, 2))
    """
    if not isinstance(gradient, tuple) or len(gradient) != 2:
        what = (
            f"{len(gradient)} factors" if isinstance(gradient, tuple) else type(gradient).__name__
        )
        raise ValueError(
            f"{who} got {what}; give a tuple of two arrays (a, h), one row each a row."
        )
    errors, features = (
        check_vectors(array, who=who, name=name)
        for array, name in zip(gradient, ("a", "h"), strict=True)
    )
    if errors.shape[0] != features.shape[0]:
        raise ValueError(
            f"{who} got a with {errors.shape[0]} rows and h with {features.shape[0]}; give both "
            f"one row for each row of the pool."
        )
    return errors, features
