"""Batches that tell most about a model of which there are samples: BatchBALD."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import as_positions, candidate_mask, check_probabilities, slices, steps, wanted
from ..data.types import Floats, Positions
from ..utils.checks import checked_count

_BOUNDED_ROWS = 512  # that are bounded by groups at a time
_TIED = 1e-10  # nats within which rounding decides
_SINGLE_ERROR = 1e-4  # nats by which bounds in single precision may be too low


def batch_bald(
    samples: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    max_configurations: int = 10_000,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose the batch that tells most about the model: :class:`skactive.strategies.BatchBALD`.

    Greedily largest :math:`I(y_1, \ldots, y_b; \theta)`: each pick has the largest
    :math:`H(y_x \mid y_1, \ldots, y_b) - \frac{1}{S} \sum_s H(y_x \mid s)`. The first entropy is
    a mean over the joint labels of the batch: over all of them while there are at most
    `max_configurations`, then over as many that are sampled.

    Parameters
    ----------
    samples : array of float, shape (S, N, C)
        Probabilities by each of S samples of the model. Not written to.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are reserved: they count as members of the batch.
    max_configurations : int, default=10_000
        How many joint labels are looked at; at least 1.
    rng : numpy.random.Generator
        Samples joint labels, and breaks ties.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, best first.

    Raises
    ------
    ValueError
        If a row of samples does not sum to one, shapes do not match, or a parameter is out of its
        range.

    Notes
    -----
    Rows are left out exactly. Entropy is concave, so that the entropy of a mean over joint labels
    is never less than the mean of their entropies: the mean over all of them bounds a row's worth
    by its BALD score, and means over groups of similar ones bound it better, at a hundredth of
    the cost. Rows are looked at in the order of their bounds, until none exceeds the best worth.

    Examples
    --------
    >>> sure, torn = [[0.9, 0.1], [0.9, 0.1]], [[0.95, 0.05], [0.05, 0.95]]
    >>> samples = np.array([sure, torn, torn]).transpose(1, 0, 2)
    >>> len(batch_bald(samples, 1, candidates=[0, 2], rng=np.random.default_rng(0)))
    1
    """
    samples = check_probabilities(samples, "SnC", who="batch_bald", name="samples")
    limit = checked_count(max_configurations, "max_configurations", "batch_bald")
    if 0 in (samples.shape[0], samples.shape[2]):
        raise ValueError(f"batch_bald got samples of shape {samples.shape}; give at least one.")
    mask = candidate_mask(candidates, samples.shape[1], centers)
    n = wanted(n, mask)
    batch = np.unique(as_positions(centers, samples.shape[1])).tolist()
    joint = _begin(samples, batch, limit, rng)
    search = _BoundedSearch(samples, np.flatnonzero(mask)) if n else None
    picks: list[int] = []
    while search is not None and len(picks) < n:
        picks.append(search.take(joint, rng))
        if len(picks) < n:
            joint = _extended(samples, batch + picks, joint, limit, rng)
    return np.array(picks, dtype=np.intp)


class _Joint(NamedTuple):
    """Joint labels of a batch: their weights, and what each says of the samples."""

    weights: Floats  # (M,), with sum one
    beliefs: Floats  # (M, S): how probable each sample is given these labels; rows sum to one
    sources: NDArray | None  # (M,): the sample of which they were drawn; None: all joint labels


def _begin(samples, batch: list[int], limit: int, rng) -> _Joint:
    """Return the joint labels of the rows that are reserved: in the batch from the start."""
    n_samples = len(samples)
    joint = _Joint(np.ones(1), np.full((1, n_samples), 1 / n_samples), None)
    for size in range(1, len(batch) + 1):
        joint = _extended(samples, batch[:size], joint, limit, rng)
    return joint


def _extended(samples, batch: list[int], joint: _Joint, limit: int, rng) -> _Joint:
    """Return the joint labels with those of the last row of the batch."""
    new = batch[-1:]
    if joint.sources is None:
        if len(joint.weights) * samples.shape[2] <= limit:
            return _with_all(joint, _of(samples, np.array(new))[:, 0])
        # Too many from now on: as many as are allowed are drawn, each from one sample of the model,
        # with labels for the whole batch.
        sources = rng.integers(len(samples), size=limit)
        flat = np.full((limit, len(samples)), 1 / len(samples))
        joint, new = _Joint(np.full(limit, 1 / limit), flat, sources), batch
    for row in new:
        joint = _with_drawn(joint, _of(samples, np.array([row]))[:, 0], rng)
    return joint


def _with_all(joint: _Joint, proba: Floats) -> _Joint:
    """Return joint labels with every label of one more row, given as (S, C) probabilities."""
    both = joint.beliefs[:, None, :] * proba.T[None]  # (M, C, S)
    likelihood = both.sum(axis=2)
    weights = (joint.weights[:, None] * likelihood).ravel()
    is_possible = weights > 0  # others say nothing, and could not be made to sum to one
    beliefs = both.reshape(len(weights), -1)[is_possible]
    weights = weights[is_possible]
    return _Joint(weights / weights.sum(), beliefs / beliefs.sum(axis=1, keepdims=True), None)


def _with_drawn(joint: _Joint, proba: Floats, rng: np.random.Generator) -> _Joint:
    """Return sampled joint labels with a label of one more row, drawn by the sample of each."""
    cumulated = np.cumsum(proba, axis=1)[joint.sources]
    drawn = rng.random((len(cumulated), 1)) * cumulated[:, -1:]
    # Rounding may leave the last sum below 1, or a draw equal to it: no label lies beyond the last.
    labels = np.minimum((cumulated <= drawn).sum(axis=1), proba.shape[1] - 1)
    beliefs = joint.beliefs * proba.T[labels]
    return joint._replace(beliefs=beliefs / beliefs.sum(axis=1, keepdims=True))


class _BoundedSearch:
    """The rows that are left, and upper bounds of what each of them tells."""

    def __init__(self, samples, rows: Positions):
        self.samples, self.rows = samples, rows
        self.doubt = np.empty(len(rows))
        for cut in _cuts(len(rows), samples, len(samples)):
            self.doubt[cut] = _own_doubt(samples, rows[cut])
        self.bounds = np.full(len(rows), np.inf)

    def take(self, joint: _Joint, rng: np.random.Generator) -> int:
        """Take the row that tells most, next to joint labels of the batch."""
        if joint.sources is not None or np.isinf(self.bounds).all():
            # Merged into one, all joint labels are the samples as they are: a bound that holds in
            # every round. Merged, those that are sampled change each time.
            self._bound(_merged(joint, np.zeros(len(joint.weights), dtype=np.intp)))
        worth, best = self._worth(joint)
        at = int(rng.choice(np.flatnonzero(worth >= best - _TIED)))
        if joint.sources is None:
            # What a row tells next to a batch bounds what it tells next to a larger one.
            self.bounds = np.where(np.isneginf(worth), self.bounds, worth)
        row = int(self.rows[at])
        self.rows, self.doubt = np.delete(self.rows, at), np.delete(self.doubt, at)
        self.bounds = np.delete(self.bounds, at)
        return row

    def _bound(self, mean: _Joint) -> None:
        """Bound what each row tells by the entropy of its mean label."""
        for cut in _cuts(len(self.rows), self.samples, len(self.samples)):
            told = _told(self.samples, self.rows[cut], mean)
            self.bounds[cut] = np.maximum(told - self.doubt[cut], 0.0)

    def _worth(self, joint: _Joint) -> tuple[Floats, float]:
        """Return what rows tell, -inf where a bound rules it out as the most, and the most."""
        worth = np.where(self.bounds <= _TIED, 0.0, -np.inf)  # nobody tells less than nothing
        best = worth.max(initial=-np.inf)
        order = np.argsort(-self.bounds)
        groups = None
        # One group for each sample that labels point to: much fewer than there are joint labels.
        if len(joint.weights) > 4 * len(self.samples):
            groups = _merged(joint, joint.beliefs.argmax(axis=1))
        for part in steps(len(order), _BOUNDED_ROWS):
            looked_at = order[part]
            if self.bounds[looked_at[0]] < max(best, _TIED) - _TIED:
                break
            near = self.bounds[looked_at]
            if groups is not None:
                told = _told(self.samples, self.rows[looked_at], groups, np.float32)
                near = np.minimum(near, told + _SINGLE_ERROR - self.doubt[looked_at])
            closest = np.argsort(-near)  # tighter bounds have another order
            looked_at, near = looked_at[closest], near[closest]
            for cut in _cuts(len(looked_at), self.samples, len(joint.weights)):
                if near[cut][0] < max(best, _TIED) - _TIED:
                    break
                told = _told(self.samples, self.rows[looked_at[cut]], joint)
                worth[looked_at[cut]] = np.maximum(told - self.doubt[looked_at[cut]], 0.0)
                best = max(best, float(worth[looked_at[cut]].max()))
        return worth, best


def _merged(joint: _Joint, groups: NDArray) -> _Joint:
    """Return the means of joint labels over groups of them."""
    groups = np.unique(groups, return_inverse=True)[1]
    weights = np.bincount(groups, joint.weights).astype(np.float64)
    order = np.argsort(groups, kind="stable")
    weighted = (joint.weights[:, None] * joint.beliefs)[order]
    starts = np.searchsorted(groups[order], np.arange(len(weights)))
    return _Joint(weights, np.add.reduceat(weighted, starts) / weights[:, None], None)


def _told(samples, rows: Positions, joint: _Joint, dtype: type = np.float64) -> Floats:
    """Return the mean entropy of each row's label, given joint labels of the batch."""
    proba = _of(samples, rows, dtype)
    both = joint.beliefs.astype(dtype, copy=False) @ proba.reshape(len(proba), -1)  # (M, rows * C)
    logs = np.log(np.maximum(both, np.finfo(dtype).tiny))
    logs *= both
    means: Floats = joint.weights.astype(dtype, copy=False) @ logs
    return -means.astype(np.float64).reshape(len(rows), -1).sum(axis=1)


def _own_doubt(samples, rows: Positions) -> Floats:
    """Return the mean over the samples of the entropy of each row's label."""
    proba = _of(samples, rows)
    logs = np.log(np.maximum(proba, np.finfo(np.float64).tiny))
    return -np.einsum("src,src->r", proba, logs) / len(samples)


def _of(samples, rows: Positions, dtype: type = np.float64) -> Floats:
    """Return the probabilities of some rows, shape (S, rows, C)."""
    # Neighbours are sliced: no copy where they are of that dtype already.
    first, last = int(rows[0]), int(rows[-1])
    if last - first == len(rows) - 1 and (np.diff(rows) == 1).all():
        return np.asarray(samples[:, first : last + 1], dtype=dtype)
    return np.take(samples, rows, axis=1).astype(dtype, copy=False)


def _cuts(n: int, samples, n_joint: int) -> Iterator[slice]:
    """Return slices of n rows, few enough for so many joint labels."""
    return slices(n, max(n_joint, len(samples)) * samples.shape[2], least=1)
