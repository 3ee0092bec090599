"""Batches by Fisher information: forward selection and backward elimination."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from .arrays import (
    Positions,
    Vectors,
    as_floats,
    as_positions,
    candidate_mask,
    check_probabilities,
    check_vectors,
    chunks,
    squared_norms,
    wanted,
)

Floats = NDArray[np.float64]

MAX_WIDTH = 20_000  # of a gradient, whose square is kept a few times: 3 GB each
_CHUNK_VALUES = 1 << 21  # numbers of a chunk of rows times what is computed for each
_TIED = 1e-9  # relative to the best, below which rounding decides
_LEAST = 1e-7  # share of the largest squared length that regularization has at least
_POOR = 1e-6  # what a row alone knows in some direction: below it, updates lose their digits
_LONGEST = 1e100  # squared length of a row of which float64 has room for the products
_WORN = 100.0  # change of the largest B since it was worked out, which costs it as many digits


def bait(
    features: ArrayLike,
    proba: ArrayLike | None,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    regularization: float = 1.0,
    oversample: float = 2,
    rng: np.random.Generator,
) -> Positions:
    r"""Choose rows that leave least to learn about a linear last layer [1]_.

    With :math:`V_i = W_i \otimes h_i'`, :math:`W_i = \mathrm{diag}(\sqrt{p_i}) (I - 1 p_i')`, the
    information that a label of row i gives is :math:`V_i' V_i`. Rows join the batch S one by one,
    so that :math:`\mathrm{tr}(M F)` falls most, where
    :math:`M^{-1} = \lambda I + \sum_{j \in L \cup S} V_j' V_j` and F is the mean information of
    all rows. More rows are taken than are wanted; then those go, one by one, that are missed least.

    Parameters
    ----------
    features : array of shape (N, d)
        What the layer is given, of any real dtype, dense or CSR. Not written to.
    proba : array of float, shape (N, C), or None
        Probabilities of the classes. None: regression, where W = 1.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions. By default every row.
    centers : array of int, optional
        Positions of rows that are labelled or reserved, L: what they tell is known.
    regularization : float, default=1.0
        :math:`\lambda`, more than 0. It is raised to 1e-7 of the largest squared length of a row
        where it is less, which float64 could not tell from 0.
    oversample : float, default=2
        How many times as many rows are taken before some go; at least 1.
    rng : numpy.random.Generator
        Breaks ties, which are told to nine digits.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions, in the order in which they were taken.

    Raises
    ------
    TypeError
        If features are no real numbers, or positions no integers.
    ValueError
        If there is NaN or infinity, shapes do not match, a row of probabilities does not sum to
        one, a parameter is out of its range, or d times C is beyond 20,000.

    Notes
    -----
    In place of the gradients, :math:`A_i = V_i M V_i'` and :math:`B_i = V_i M F M V_i'` are kept,
    C x C for each candidate, and corrected by terms of rank C after each pick:
    :math:`O(N (d C^2 + C^3))` a pick, memory :math:`O(N C^2 + (d C)^2)`. The loss falls by
    :math:`\mathrm{tr}[(I + A_i)^{-1} B_i]` when row i joins, and rises by
    :math:`\mathrm{tr}[(I - A_i)^{-1} B_i]` when it goes.

    References
    ----------
    .. [1] J. Ash, S. Goel, A. Krishnamurthy and S. Kakade, "Gone Fishing: Neural Active Learning
       with Fisher Embeddings", NeurIPS 2021, who weigh the information of labels by their number.

    Examples
    --------
    >>> X = np.array([[3.0, 0.0], [3.0, 0.1], [0.0, 2.0], [0.1, 0.1]])
    >>> bait(X, None, 2, rng=np.random.default_rng(0)).tolist()
    [1, 2]
    """
    vectors = check_vectors(features, who="bait", name="features")
    weights = _Weights(proba, vectors.shape[0])
    _check_parameters(regularization, oversample)
    _check_width(vectors.shape[1], weights.n_classes)
    mask = candidate_mask(candidates, vectors.shape[0], centers)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    rows = np.flatnonzero(mask)
    regularization = max(float(regularization), _LEAST * _largest_square(vectors))
    known = _information(vectors, weights, np.unique(as_positions(centers, vectors.shape[0])))
    known[np.diag_indices_from(known)] += regularization
    everything = _information(vectors, weights, np.arange(vectors.shape[0])) / vectors.shape[0]
    search = _Search(vectors, weights, rows, known, everything)
    taken = []
    for _ in range(min(math.ceil(oversample * n), len(rows))):
        taken.append(search.take(rng))
    search.keep(np.array(taken))
    while len(search.rows) > n:
        search.drop(rng)
    return search.rows


class _Weights:
    r"""The matrices W_i, by probabilities.

    Since :math:`\sqrt{p}' W = 0`, a reflection that turns :math:`\sqrt p` to the first axis
    leaves C - 1 rows that say all; with all C, I + A would be singular for long features.
    """

    def __init__(self, proba: ArrayLike | None, n_rows: int):
        self.is_regression = proba is None
        if proba is None:
            self.n_classes = self.width = 1
            return
        self.proba = check_probabilities(proba, who="bait")
        if len(self.proba) != n_rows:
            raise ValueError(
                f"bait got proba of {len(self.proba)} rows for {n_rows} rows of features; give one "
                f"row for each."
            )
        self.n_classes = self.proba.shape[1]
        self.width = max(self.n_classes - 1, 1)

    def _of(self, rows) -> Floats:
        """Return the probabilities of some rows, which sum to one, shape (m, C)."""
        proba = np.asarray(self.proba[rows], dtype=np.float64)
        return proba / proba.sum(axis=1, keepdims=True)

    def times(self, rows, blocks: Floats) -> Floats:
        """Return W_i, but for its first row, times each (C, k) block, shape (m, width, k)."""
        if self.is_regression:
            return blocks
        proba = self._of(rows)
        root = np.sqrt(proba)
        blocks = blocks - np.einsum("ic,ick->ik", proba, blocks)[:, None]
        blocks *= root[:, :, None]
        if self.n_classes == 1:
            return blocks
        mirror = root.copy()  # the normal, whose squared length is 2 (1 + first)
        mirror[:, 0] += 1
        along = np.einsum("ic,ick->ik", mirror, blocks) / (1 + root[:, :1])
        return blocks[:, 1:] - mirror[:, 1:, None] * along[:, None]

    def squared(self, rows) -> Floats:
        """Return W_i' W_i = diag(p) - p p', shape (m, C, C); 1 for regression."""
        if self.is_regression:
            return np.ones((len(rows), 1, 1))
        proba = self._of(rows)
        return proba[:, :, None] * np.eye(self.n_classes) - proba[:, :, None] * proba[:, None]


class _Search:
    """What is kept for each candidate while rows come and go."""

    def __init__(self, vectors: Vectors, weights: _Weights, rows: Positions, known, everything):
        self.vectors, self.weights, self.rows = vectors, weights, rows
        self.known, self.everything = known, everything
        self.is_free = np.ones(len(rows), dtype=bool)
        self._compute(known)

    def _compute(self, information: Floats) -> None:
        """Work out the inverse, and what is kept of each row, from nothing."""
        self.inverse = np.linalg.inv(information)
        self.inverse = (self.inverse + self.inverse.T) / 2
        self.a = self._quadratic(self.inverse)
        self.b = self._quadratic(self.inverse @ self.everything @ self.inverse)
        self.scale = self._largest_b()

    def _largest_b(self) -> float:
        """Return the largest trace of B over the rows that are kept."""
        return float(np.einsum("icc->i", self.b).max(initial=0.0))

    def _renew_if_worn(self, joined: Positions) -> None:
        """Work everything out anew where updates have cost too many digits.

        An update is exact but for rounding on the scale of what it subtracts. Before the rows
        span all directions B is of order 1 / lambda^2, so that once they do, nothing of it may be
        left but rounding; while rows go, errors grow as B does. This happens a few times in all.
        """
        if not self.scale / _WORN <= self._largest_b() <= self.scale * _WORN:
            self._compute(self.known + _information(self.vectors, self.weights, joined))

    def take(self, rng: np.random.Generator) -> int:
        """Let the row join that lowers the loss most; return where it is."""
        falls = _traces(np.eye(self.a.shape[1]) + self.a, self.b)
        at = _largest(np.where(self.is_free, falls, -np.inf), rng)
        self.is_free[at] = False
        self._update(at, 1.0)
        self._renew_if_worn(self.rows[~self.is_free])
        return at

    def drop(self, rng: np.random.Generator) -> None:
        """Let the row go that raises the loss least."""
        values, vectors = np.linalg.eigh(self.a)
        alone = np.maximum(1 - values, np.finfo(np.float64).eps)
        rises = (np.einsum("irk,irs,isk->ik", vectors, self.b, vectors) / alone).sum(axis=1)
        at = _largest(-rises, rng)
        others = np.delete(np.arange(len(self.rows)), at)
        if alone[at].min() < _POOR:
            self.keep(others)
            self._compute(self.known + _information(self.vectors, self.weights, self.rows))
        else:
            self._update(at, -1.0)
            self.keep(others)
            self._renew_if_worn(self.rows)

    def keep(self, places: Positions) -> None:
        """Forget all rows but some."""
        self.rows, self.a, self.b = self.rows[places], self.a[places], self.b[places]
        self.is_free = self.is_free[places]

    def _update(self, at: int, sign: float) -> None:
        """Correct the inverse, and what is kept of each row, for one that came (1) or went (-1)."""
        width = self.weights.width
        reach = self._pulled(self.rows[at])  # M V', shape (C d, width)
        turned = self.inverse @ (self.everything @ reach)
        inner = np.linalg.inv(np.eye(width) + sign * self.a[at]) * sign
        twice = inner @ self.b[at] @ inner / 2
        for cut in self._cuts(2 * width * self.weights.n_classes):
            both = self._pushed(self.rows[cut], np.hstack([reach, turned]))
            u, r = both[:, :, :width], both[:, :, width:]
            v = r @ inner - u @ twice
            mixed = v @ u.transpose(0, 2, 1)
            self.a[cut] -= (u @ inner) @ u.transpose(0, 2, 1)
            self.b[cut] -= mixed + mixed.transpose(0, 2, 1)
        self.inverse -= reach @ inner @ reach.T
        self.inverse = (self.inverse + self.inverse.T) / 2

    def _pulled(self, row: int) -> Floats:
        """Return M V' of a row, shape (C d, C)."""
        one = np.array([row])
        h = _dense(self.vectors, one)[0]
        n_classes = self.weights.n_classes
        by_class = self.inverse.reshape(-1, n_classes, len(h)) @ h  # M (I (x) h)
        return self.weights.times(one, by_class.T[None])[0].T

    def _pushed(self, rows: Positions, columns: Floats) -> Floats:
        """Return V_i times columns of shape (C d, k) for some rows, shape (m, width, k)."""
        n_classes, k = self.weights.n_classes, columns.shape[1]
        by_class = columns.reshape(n_classes, -1, k).transpose(1, 0, 2).reshape(-1, n_classes * k)
        block = as_floats(self.vectors[rows], np.float64)
        return self.weights.times(rows, np.asarray(block @ by_class).reshape(-1, n_classes, k))

    def _quadratic(self, matrix: Floats) -> Floats:
        """Return V_i Q V_i' of each row for a symmetric Q of shape (C d, C d)."""
        n_classes, d = self.weights.n_classes, self.vectors.shape[1]
        blocks = matrix.reshape(n_classes, d, n_classes, d)
        out = np.empty((len(self.rows), self.weights.width, self.weights.width))
        for cut in self._cuts(d):
            rows = self.rows[cut]
            block = as_floats(self.vectors[rows], np.float64)
            inner = np.empty((len(rows), n_classes, n_classes))
            for c in range(n_classes):
                for other in range(c, n_classes):
                    inner[:, c, other] = _row_dots(block, block @ blocks[c, :, other])
                    inner[:, other, c] = inner[:, c, other]
            half = self.weights.times(rows, inner)
            out[cut] = self.weights.times(rows, half.transpose(0, 2, 1))
        return out

    def _cuts(self, width: int) -> Iterator[slice]:
        """Yield slices of the rows that are kept, for so many numbers a row."""
        step = max(_CHUNK_VALUES // max(width, 1), 64)
        return (slice(start, start + step) for start in range(0, len(self.rows), step))


def _information(vectors: Vectors, weights: _Weights, rows: Positions) -> Floats:
    """Return the sum of V_i' V_i over some rows, shape (C d, C d)."""
    n_classes, d = weights.n_classes, vectors.shape[1]
    out = np.zeros((n_classes, d, n_classes, d))
    step = max(_CHUNK_VALUES // max(d, 1), 64)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        block, squared = as_floats(vectors[part], np.float64), weights.squared(part)
        for c in range(n_classes):
            for other in range(c, n_classes):
                out[c, :, other] += _weighted_square(block, squared[:, c, other])
    for c in range(n_classes):
        for other in range(c):
            out[c, :, other] = out[other, :, c].T
    return out.reshape(n_classes * d, n_classes * d)


def _largest_square(vectors: Vectors) -> float:
    """Return the largest squared length of a row."""
    with np.errstate(over="ignore"):
        squares = [squared_norms(as_floats(vectors[cut], np.float64)) for cut in chunks(vectors)]
    largest = max((float(part.max(initial=0.0)) for part in squares), default=0.0)
    if largest > _LONGEST:
        raise ValueError(
            f"bait got features whose squared length is {largest:.3g}; scale them to less than "
            f"{_LONGEST:.0e}."
        )
    return largest


def _weighted_square(block, weight: Floats) -> Floats:
    """Return H' diag(w) H of a block of rows."""
    if sparse.issparse(block):
        return (block.T @ block.multiply(weight[:, None]).tocsr()).toarray()
    return block.T @ (weight[:, None] * block)


def _row_dots(block, others: Floats) -> Floats:
    """Return the inner product of each row with the row of another block in its place."""
    if sparse.issparse(block):
        return np.asarray(block.multiply(others).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", block, others)


def _dense(vectors: Vectors, rows: Positions) -> Floats:
    """Return a few rows as a dense array."""
    block = as_floats(vectors[rows], np.float64)
    return block.toarray() if sparse.issparse(block) else block


def _traces(left: Floats, right: Floats) -> Floats:
    """Return the trace of the inverse of each left matrix times the right one."""
    return np.einsum("icc->i", np.linalg.solve(left, right))


def _largest(values: Floats, rng: np.random.Generator) -> int:
    """Return where the largest value is; one of those that rounding may have put below it."""
    best = values.max()
    return int(rng.choice(np.flatnonzero(values >= best - _TIED * abs(best))))


def _check_parameters(regularization, oversample) -> None:
    """Refuse parameters out of their range."""
    if not isinstance(regularization, Real) or not 0 < float(regularization) < np.inf:
        raise ValueError(f"bait got regularization={regularization!r}; give a number above 0.")
    if not isinstance(oversample, Real) or not 1 <= float(oversample) < np.inf:
        raise ValueError(f"bait got oversample={oversample!r}; give a number of at least 1.")


def _check_width(d: int, n_classes: int) -> None:
    """Refuse gradients whose information matrix would not fit."""
    if d == 0:
        raise ValueError("bait got features without a column; give at least one.")
    if d * n_classes > MAX_WIDTH:
        raise ValueError(
            f"bait keeps matrices of (d C) x (d C), here {d * n_classes} x {d * n_classes} for "
            f"d = {d} and C = {n_classes}; reduce the features, say by PCA or TruncatedSVD as "
            f"embedding=, to at most {MAX_WIDTH // n_classes} columns."
        )
