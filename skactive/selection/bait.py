"""Batches by Fisher information: forward selection and backward elimination."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..data.arrays import (
    MAX_WIDTH,
    as_floats,
    as_positions,
    candidate_mask,
    check_probabilities,
    check_vectors,
    chunks,
    dense,
    row_products,
    slices,
    squared_norms,
    wanted,
)
from ..data.types import Floats, Positions, Vectors
from ..utils.progress import by_slices, one_by_one
from .cost import foretell

_EQUAL = 1e-9  # share of the best within which rounding decides
_LEAST_SHARE = 1e-7  # of the largest squared length: what regularization is at least
_POOR = 1e-6  # what a row alone knows in some direction: below it, updates lose their digits
_LONGEST_ROW = 1e100  # squared: products of longer ones leave the range of float64
_WORN = 100.0  # by how much B may shrink or grow before its digits are computed anew


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
    r"""Choose rows that leave least to learn of a layer: :class:`skactive.strategies.BAIT`.

    With :math:`V_i = W_i \otimes h_i'`, :math:`W_i = \mathrm{diag}(\sqrt{p_i}) (I - 1 p_i')`, the
    information that a label of row i gives is :math:`V_i' V_i`. Rows join the batch S one by one,
    so that :math:`\mathrm{tr}(M F)` falls most, where
    :math:`M^{-1} = \lambda I + \sum_{j \in L \cup S} V_j' V_j` and F is the mean information of
    all rows. More rows are taken than are wanted; then those go, one by one, that are missed least.
    (The paper weighs the information of labels by their number.)

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
    TypeError, ValueError
        If features are no real numbers, positions no integers, there is NaN, infinity or a number
        beyond 1e100, shapes do not match, a row of probabilities does not sum to one, a parameter
        is out of its range, or d times C is beyond 20,000.

    Notes
    -----
    In place of the gradients, :math:`A_i = V_i M V_i'` and :math:`B_i = V_i M F M V_i'` are kept,
    C x C for each candidate, and corrected by terms of rank C after each pick:
    :math:`O(N (d C^2 + C^3))` a pick, memory :math:`O(N C^2 + (d C)^2)`. The loss falls by
    :math:`\mathrm{tr}[(I + A_i)^{-1} B_i]` when row i joins, and rises by
    :math:`\mathrm{tr}[(I - A_i)^{-1} B_i]` when it goes. Since :math:`W_i 1 = 0`, F is 0 along the
    direction in which all classes are alike; it is left out, so that C - 1 serve as C.

    Examples
    --------
    >>> X = np.array([[3.0, 0.0], [3.0, 0.1], [0.0, 2.0], [0.1, 0.1]])
    >>> bait(X, None, 2, rng=np.random.default_rng(0)).tolist()
    [1, 2]
    """
    vectors = check_vectors(features, who="bait", name="features")
    n_rows = vectors.shape[0]
    proba = _checked_proba(proba, n_rows)
    _check_parameters(regularization, oversample)
    _check_width(vectors.shape[1], 1 if proba is None else proba.shape[1])
    mask = candidate_mask(candidates, n_rows, centers)
    n = wanted(n, mask)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    n_taken = math.ceil(min(oversample * n, int(np.count_nonzero(mask))))

    def run(rows: Positions, n: int) -> None:
        """Choose among these rows alone."""
        some = None if proba is None else proba[rows]
        bait(vectors[rows], some, n, oversample=oversample, rng=np.random.default_rng(0))

    pairs = float(n_rows) * n_taken * _basis_width(proba) ** 2  # of rows, by pairs of classes
    foretell("bait", vectors, mask, n, run, pairs=pairs, size=float(n_rows))
    regularization = max(float(regularization), _LEAST_SHARE * _largest_square(vectors))
    known = _information(vectors, proba, np.unique(as_positions(centers, n_rows)))
    known[np.diag_indices_from(known)] += regularization
    everything = _information(vectors, proba, np.arange(n_rows)) / n_rows
    search = _FisherSearch(vectors, proba, np.flatnonzero(mask), known, everything)
    taken = [search.take(rng) for _ in one_by_one(range(n_taken), n_taken, "bait")]
    search.keep(np.array(taken))
    while len(search.rows) > n:
        search.drop(rng)
    return search.rows


class _FisherSearch:
    """What is kept for each candidate while rows come and go: T, A and B, C x C each."""

    def __init__(self, vectors: Vectors, proba: NDArray | None, rows: Positions, known, everything):
        self.vectors, self.proba, self.rows = vectors, proba, rows
        self.known, self.everything = known, everything
        self.is_free = np.ones(len(rows), dtype=bool)
        width = _basis_width(proba)
        self.t, self.a, self.b = (np.empty((len(rows), width, width)) for _ in range(3))
        for cut in self._cuts(2 * width * (width + 1)):
            self.t[cut] = _factors(proba, rows[cut])
        self._compute(known)

    def _compute(self, information: Floats) -> None:
        """Compute the inverse M, and A and B of each row, from nothing."""
        self.inverse = np.linalg.inv(information)
        # Rounding leaves it not quite symmetric, which the updates take it to be.
        self.inverse = (self.inverse + self.inverse.T) / 2
        self._quadratic(self.inverse, self.a)
        self._quadratic(self.inverse @ self.everything @ self.inverse, self.b)
        self.scale = self._largest_b()

    def _largest_b(self) -> float:
        """Return the largest trace of B over the rows that are kept."""
        return float(np.einsum("icc->i", self.b).max(initial=0.0))

    def _renew_if_worn(self, joined: Positions) -> None:
        """Compute everything anew where updates have cost too many digits."""
        # Updates round on the scale of what they subtract. Before the rows span all directions B is
        # of order 1 / lambda², so that once they do, nothing but rounding may be left of it; while
        # rows go, errors grow as B does. So this comes once every two orders of magnitude.
        if not self.scale / _WORN <= self._largest_b() <= self.scale * _WORN:
            self._compute(self.known + _information(self.vectors, self.proba, joined))

    def take(self, rng: np.random.Generator) -> int:
        """Let the row join that lowers the loss most; return its place."""
        falls = _traces(np.eye(self.a.shape[1]) + self.a, self.b)
        at = _largest(np.where(self.is_free, falls, -np.inf), rng)
        self.is_free[at] = False
        self._update(at, 1.0)
        self._renew_if_worn(self.rows[~self.is_free])
        return at

    def drop(self, rng: np.random.Generator) -> None:
        """Let the row go that raises the loss least."""
        # By eigenvalues of A, since I - A is nearly singular where a row alone knows something.
        values, vectors = np.linalg.eigh(self.a)
        alone = np.maximum(1 - values, np.finfo(np.float64).eps)
        rises = (np.einsum("irk,irs,isk->ik", vectors, self.b, vectors) / alone).sum(axis=1)
        at = _largest(-rises, rng)
        others = np.delete(np.arange(len(self.rows)), at)
        if alone[at].min() < _POOR:
            # Dividing by so little would amplify rounding: cheaper to begin anew than to lose it.
            self.keep(others)
            self._compute(self.known + _information(self.vectors, self.proba, self.rows))
        else:
            self._update(at, -1.0)
            self.keep(others)
            self._renew_if_worn(self.rows)

    def keep(self, places: Positions) -> None:
        """Forget all rows but these."""
        self.rows, self.is_free = self.rows[places], self.is_free[places]
        self.t, self.a, self.b = self.t[places], self.a[places], self.b[places]

    def _update(self, at: int, sign: float) -> None:
        """Correct M, and A and B of each row, for a row that came (sign 1) or went (-1).

        With (I +- A_s)^-1 = L L' and Y_i = V_i M V_s' L, A_i changes by -+ Y_i Y_i', and what B_i
        changes by is Y_i times V_i applied to one more block of columns, plus the transpose.
        """
        width = self.a.shape[1]
        root = np.linalg.cholesky(np.linalg.inv(np.eye(width) + sign * self.a[at]))
        reach = self._pulled(at) @ root  # M V_s' L, shape (d width, width)
        turned = self.inverse @ (self.everything @ reach)
        turned = sign * turned - reach @ (root.T @ self.b[at] @ root / 2)
        columns = np.hstack([reach, turned])
        for cut in self._cuts(4 * width * width):
            both = self._pushed(cut, columns)
            transposed = both[:, :, :width].transpose(0, 2, 1)
            self.a[cut] -= sign * (both[:, :, :width] @ transposed)
            mixed = both[:, :, width:] @ transposed
            self.b[cut] -= mixed + mixed.transpose(0, 2, 1)
        self.inverse -= sign * (reach @ reach.T)

    def _pulled(self, at: int) -> Floats:
        """Return M V' of a row, shape (d width, width)."""
        h = dense(as_floats(self.vectors[self.rows[at : at + 1]], np.float64))[0]
        return (self.inverse.reshape(-1, self.t.shape[1], len(h)) @ h) @ self.t[at].T

    def _pushed(self, cut: slice, columns: Floats) -> Floats:
        """Return V_i times columns of shape (d width, k) for some rows, shape (m, width, k)."""
        width, k = self.t.shape[1], columns.shape[1]
        # One product for all classes: (m, d) times (d, width k).
        by_class = columns.reshape(width, -1, k).transpose(1, 0, 2).reshape(-1, width * k)
        block = as_floats(self.vectors[self.rows[cut]], np.float64)
        return self.t[cut] @ np.asarray(block @ by_class).reshape(-1, width, k)

    def _quadratic(self, matrix: Floats, out: Floats) -> None:
        """Write V_i Q V_i' of each row into `out`; Q is symmetric, d width wide."""
        width, d = self.t.shape[1], self.vectors.shape[1]
        blocks = matrix.reshape(width, d, width, d)
        cuts = self._cuts(max(d, width * width))
        for cut in by_slices(cuts, len(self.rows), "bait: information"):
            block = as_floats(self.vectors[self.rows[cut]], np.float64)
            inner = np.empty((block.shape[0], width, width))
            for c in range(width):
                for other in range(c, width):  # the other half follows by symmetry
                    inner[:, c, other] = row_products(block, block @ blocks[c, :, other])
                    inner[:, other, c] = inner[:, c, other]
            out[cut] = self.t[cut] @ inner @ self.t[cut].transpose(0, 2, 1)

    def _cuts(self, width: int) -> Iterator[slice]:
        """Return slices of the rows that are kept, for so many numbers a row."""
        return slices(len(self.rows), width)


def _basis_width(proba: NDArray | None) -> int:
    """Return how many classes tell all: one less than there are, but for regression."""
    return 1 if proba is None else max(proba.shape[1] - 1, 1)


def _factors(proba: NDArray | None, rows: Positions) -> Floats:
    r"""Return T_i, with which V_i = T_i (x) h_i' in shorter bases, shape (m, width, width).

    Since :math:`W_i 1 = 0` and :math:`\sqrt{p_i}' W_i = 0`, nothing is lost by bases Q and R of
    what is orthogonal to 1 and to :math:`\sqrt{p_i}`: the reflections that turn these to the first
    axis, without their first columns. :math:`T = R' \mathrm{diag}(\sqrt p) (I - 1 p') Q`, of which
    :math:`1 p'` falls away by :math:`R' \sqrt p = 0`.
    """
    # With the direction 1, M would be 1 / lambda there for ever, next to which small numbers lose
    # their digits; with sqrt(p), I + A would be singular for long features.
    if proba is None:
        return np.ones((len(rows), 1, 1))
    n_classes = proba.shape[1]
    if n_classes == 1:
        return np.zeros((len(rows), 1, 1))
    p = np.asarray(proba[rows], dtype=np.float64)
    root = np.sqrt(p / p.sum(axis=1, keepdims=True))
    normal = np.full(n_classes, n_classes**-0.5)
    normal[0] += 1  # its squared length is twice its first entry
    weighted = root[:, :, None] * (np.eye(n_classes) - np.outer(normal, normal) / normal[0])[:, 1:]
    mirror = root
    mirror[:, 0] += 1
    along = np.einsum("ic,ick->ik", mirror, weighted) / mirror[:, :1]
    return weighted[:, 1:] - mirror[:, 1:, None] * along[:, None]


def _information(vectors: Vectors, proba: NDArray | None, rows: Positions) -> Floats:
    """Return the sum of V_i' V_i over some rows, shape (d width, d width)."""
    width, d = _basis_width(proba), vectors.shape[1]
    out = np.zeros((width, d, width, d))
    cuts = slices(len(rows), max(d, 2 * width * (width + 1)))
    for cut in by_slices(cuts, len(rows), "bait: information"):
        part = rows[cut]
        block, factors = as_floats(vectors[part], np.float64), _factors(proba, part)
        squared = factors.transpose(0, 2, 1) @ factors
        for c in range(width):
            for other in range(c, width):
                out[c, :, other] += _weighted_square(block, squared[:, c, other])
    for c in range(width):
        for other in range(c):
            out[c, :, other] = out[other, :, c].T
    return out.reshape(width * d, width * d)


def _largest_square(vectors: Vectors) -> float:
    """Return the largest squared length of a row, refusing rows too long for float64."""
    with np.errstate(over="ignore"):
        squares = [squared_norms(as_floats(vectors[cut], np.float64)) for cut in chunks(vectors)]
    largest = max((float(part.max(initial=0.0)) for part in squares), default=0.0)
    if largest > _LONGEST_ROW:
        raise ValueError(
            f"bait got features whose squared length is {largest:.3g}; scale them to less than "
            f"{_LONGEST_ROW:.0e}."
        )
    return largest


def _weighted_square(block, weight: Floats) -> Floats:
    """Return H' diag(w) H of a block of rows."""
    if sparse.issparse(block):
        return (block.T @ block.multiply(weight[:, None]).tocsr()).toarray()
    return block.T @ (weight[:, None] * block)


def _traces(left: Floats, right: Floats) -> Floats:
    """Return the trace of the inverse of each left matrix times the right one."""
    return np.einsum("icc->i", np.linalg.solve(left, right))


def _largest(values: Floats, rng: np.random.Generator) -> int:
    """Return the place of the largest value, by chance among those that rounding cannot tell."""
    best = values.max()
    return int(rng.choice(np.flatnonzero(values >= best - _EQUAL * abs(best))))


def _checked_proba(proba: ArrayLike | None, n_rows: int) -> NDArray | None:
    """Return probabilities as they are, refusing another number of rows."""
    if proba is None:
        return None
    proba = check_probabilities(proba, who="bait")
    if len(proba) != n_rows:
        raise ValueError(
            f"bait got proba of {len(proba)} rows for {n_rows} rows of features; give one row for "
            f"each."
        )
    return proba


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
