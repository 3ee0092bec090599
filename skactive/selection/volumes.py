"""What volume sampling keeps of rows that pass one by one, and of what was kept."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import MAX_WIDTH, as_floats, dense, squared_norms, steps
from ..data.types import Floats, Mask, Vectors
from ..utils.checks import is_number

BLOCK = 256  # rows, or columns, that are folded into a matrix at a time
_LONGEST = 1e6  # squared length of a gradient over lambda: M keeps ten of its sixteen digits


class Volumes:
    r"""What volume sampling keeps of the rows that passed: :math:`M` and :math:`\Sigma`.

    Memory is :math:`O(D^2)`, D = C d, whatever the length of the stream. A row costs
    :math:`O(D^2)` at most, by products of blocks; the result is that of one row at a time, however
    rows are cut. `n_passed` rows passed so far, and `n_kept` were kept, or known beforehand.

    `regularization` is :math:`\lambda`, and `covariance` :math:`\Sigma`, by default the mean of
    :math:`u u'` over the rows that passed.

    Notes
    -----
    :math:`M = \alpha I - L L'`, one column of L for each row kept. Once there are D columns, they
    are folded into a matrix, and from then on 256 at a time. With :math:`v = M u / \sqrt{1 + u' M
    u}`, keeping u does :math:`M \leftarrow M - v v'`, so that :math:`\mathrm{tr}(\Sigma M)` falls
    by :math:`v' \Sigma v` and nothing else of it changes. Of :math:`\Sigma`, the last rows, 256 at
    most, are there as they came, and the others as a sum of :math:`u u'`.

    As M is left by subtractions, :math:`u' M u` is right to :math:`\epsilon \lVert u \rVert^2 /
    \lambda`. So that ten digits remain, a gradient whose squared length exceeds :math:`10^6
    \lambda` is shortened to that length: it counts by its direction. Since :math:`M \succeq I /
    (\lambda + \sum \lVert u_j \rVert^2)`, neither :math:`u' M u` nor the trace is ever put below
    what that bound implies.

    Examples
    --------
    >>> volumes = Volumes(1, 2, regularization=1.0)
    >>> h = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    >>> shares = []
    >>> volumes.offer(np.ones((3, 1)), h, lambda share: shares.append(share) or not shares[1:])
    array([ True, False, False])
    >>> np.round(shares, 3).tolist()  # the second is like the first, which was kept
    [1.0, 1.0, 2.143]
    """

    def __init__(
        self,
        n_errors: int,
        n_features: int,
        *,
        regularization: float = 0.01,
        covariance: ArrayLike | None = None,
    ):
        width = _checked_width(n_errors, n_features)
        self.shape = n_errors, n_features
        self._alpha = 1 / _checked_regularization(regularization)
        self._mass = 1 / self._alpha  # lambda + sum of squared lengths of what was kept
        self._matrix: Floats | None = None  # M without the columns that are not folded yet
        self._columns = np.empty((0, width))
        self._n_columns = 0
        self._rows = np.empty((BLOCK, width))  # that passed, and are not in the sum yet
        self._n_rows = 0
        self._is_running = covariance is None
        self._sum = np.zeros((width, width), order="F")  # of u u', the upper triangle alone
        if covariance is not None:
            self._sum[:] = _checked_covariance(covariance, width)
        self._spread = float(np.trace(self._sum))
        self._total = self._alpha * self._spread  # tr(S M), S n_passed times Sigma
        self.n_passed = self.n_kept = 0

    def snapshot(self) -> Volumes:
        """Return what stays as this is now, whatever passes later; one of the two may go on."""
        # No array is copied: they are written to only where nothing in use lies, else replaced.
        return copy.copy(self)

    @property
    def trace(self) -> float:
        r""":math:`\mathrm{tr}(\Sigma M)`."""
        return self._total / (max(self.n_passed, 1) if self._is_running else 1)

    def learn(self, errors: Vectors, features: Vectors) -> None:
        """Count rows as kept that do not pass, those that are labelled, by factors of gradients."""
        _check_lengths(errors, features)
        for cut in steps(errors.shape[0], BLOCK):
            self._keep(self._gradients(errors[cut], features[cut]))

    def offer(self, errors: Vectors, features: Vectors, takes: Callable[[float], bool]) -> Mask:
        r"""Let rows pass in their order, by factors of their gradients; return which were kept.

        `takes` is told of each row in turn its share, :math:`u' M u / \mathrm{tr}(\Sigma M)`, which
        is 1 on average, and says whether the row is kept.
        """
        _check_lengths(errors, features)
        kept, start = np.zeros(errors.shape[0], dtype=bool), 0
        while start < len(kept):
            stop = min(start + BLOCK - self._n_rows, len(kept))  # as many as there is room for
            rows = self._gradients(errors[start:stop], features[start:stop])
            kept[start:stop] = self._pass(rows, takes)
            if self._n_rows == BLOCK:
                self._fold_rows()
            start = stop
        return kept

    def _gradients(self, errors: Vectors, features: Vectors) -> Floats:
        """Return whole gradients of rows, none so long that float64 would lose lambda beside it."""
        rows = outer(errors, features)
        lengths = squared_norms(rows)
        too_long = lengths > _LONGEST / self._alpha
        if too_long.any():
            rows[too_long] *= np.sqrt(_LONGEST / self._alpha / lengths[too_long])[:, None]
        return rows

    def _pass(self, new: Floats, takes: Callable[[float], bool]) -> Mask:
        """Let rows pass for which there is room beside those that are not in the sum yet."""
        kept, first = np.zeros(len(new), dtype=bool), self._n_rows
        self._rows[first : first + len(new)] = new
        lengths = squared_norms(new)
        volumes = self._volumes(new, lengths)
        for row in range(len(new)):
            # Subtraction may have left less than what M is at least: see Notes.
            volume = max(float(volumes[row]), float(lengths[row]) / self._mass)
            self._n_rows += 1
            self.n_passed += 1
            if self._is_running:
                self._spread += float(lengths[row])
                self._total += volume
            self._total = max(self._total, self._spread / self._mass)
            trace = self.trace
            kept[row] = takes(volume / trace if trace > 0 else 1.0)
            if kept[row]:
                # All volumes came from one product: those of later rows fall by what this tells.
                column = self._keep(new[row : row + 1])[0]
                volumes[row + 1 :] -= (new[row + 1 :] @ column) ** 2
        return kept

    def _keep(self, rows: Floats) -> Floats:
        """Let rows join those that repel; return the columns by which M falls, shape (m, D)."""
        # With U the rows, M falls by M U' (I + U M U')^-1 U M: its root, by eigenvalues.
        reach = self._times_inverse(rows)
        inner = np.eye(len(rows)) + reach @ rows.T
        values, vectors = np.linalg.eigh((inner + inner.T) / 2)  # 1 or more, but for rounding
        columns = (vectors.T @ reach) / np.sqrt(np.maximum(values, 1.0))[:, None]
        self._total -= self._in_sum(columns)
        self._mass += float(squared_norms(rows).sum())
        self.n_kept += len(rows)
        self._append(columns)
        return columns

    def _in_sum(self, columns: Floats) -> float:
        """Return the sum of v' S v over columns."""
        from scipy.linalg import blas

        if self._is_running and self.n_passed == 0:
            return 0.0
        # The sum of u u' is kept in its upper triangle alone, which `dsymv` reads.
        out = sum(float(v @ blas.dsymv(1.0, self._sum, v)) for v in columns)
        if self._is_running:
            out += float(((self._rows[: self._n_rows] @ columns.T) ** 2).sum())
        return out

    def _times_inverse(self, rows: Floats) -> Floats:
        """Return M times each row, shape (m, D)."""
        out = self._alpha * rows if self._matrix is None else rows @ self._matrix
        columns = self._columns[: self._n_columns]
        return out - (rows @ columns.T) @ columns if len(columns) else out

    def _volumes(self, rows: Floats, lengths: Floats) -> Floats:
        """Return u' M u of each row, of which the squared lengths are known."""
        out = self._alpha * lengths
        if self._matrix is not None:
            out = np.einsum("ij,ij->i", rows @ self._matrix, rows)
        columns = self._columns[: self._n_columns]
        return out - ((rows @ columns.T) ** 2).sum(axis=1)

    def _append(self, columns: Floats) -> None:
        """Add columns to L, folding all into M once there are enough of them."""
        # Up to D columns are cheaper to multiply with than a matrix; then the matrix is.
        width = columns.shape[1]
        if self._n_columns + len(columns) > (width if self._matrix is None else BLOCK):
            if self._matrix is None:
                self._matrix = self._alpha * np.eye(width)
            for part in (self._columns[: self._n_columns], columns):
                fall = part.T @ part
                self._matrix = np.subtract(self._matrix, fall, out=fall)
            self._columns, self._n_columns = np.empty_like(self._columns), 0
            return
        needed = self._n_columns + len(columns)
        if needed > len(self._columns):
            grown = np.empty((max(needed, 2 * len(self._columns)), width))
            grown[: self._n_columns] = self._columns[: self._n_columns]
            self._columns = grown
        self._columns[self._n_columns : needed] = columns
        self._n_columns = needed

    def _fold_rows(self) -> None:
        """Add the rows that wait to the sum of u u'."""
        from scipy.linalg import blas

        if self._is_running:
            self._sum = blas.dsyrk(1.0, self._rows.T, beta=1.0, c=self._sum)
        self._rows, self._n_rows = np.empty_like(self._rows), 0


def outer(errors: Vectors, features: Vectors) -> Floats:
    """Return whole gradients of rows, shape (m, C d), the block of each class in its place."""
    a, h = (as_floats(dense(part), np.float64) for part in (errors, features))
    return (a[:, :, None] * h[:, None, :]).reshape(len(a), -1)


def _check_lengths(errors: Vectors, features: Vectors) -> None:
    """Refuse gradients whose squared lengths overflow, before any of them passes."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = [squared_norms(as_floats(part, np.float64)) for part in (errors, features)]
        product = lengths[0] * lengths[1]
    if not (product < np.finfo(np.float64).max / 4).all():
        raise ValueError(
            "vessal got a gradient whose squared length overflows; scale the features to less "
            "than 1e100."
        )


def _checked_width(n_errors: int, n_features: int) -> int:
    """Return the width of a gradient, refusing one whose square would not fit."""
    width = n_errors * n_features
    if not 1 <= width <= MAX_WIDTH:
        raise ValueError(
            f"vessal keeps matrices of (d C) x (d C), here {width} x {width} for d = {n_features} "
            f"and C = {n_errors}; give 1 to {MAX_WIDTH // max(n_errors, 1)} features, by PCA or "
            f"TruncatedSVD as embedding= where they are more."
        )
    return width


def _checked_regularization(regularization) -> float:
    """Return lambda, refusing what is no number above 0."""
    if not is_number(regularization) or not 0 < float(regularization) < np.inf:
        raise ValueError(f"vessal got regularization={regularization!r}; give a number above 0.")
    return float(regularization)


def _checked_covariance(covariance: ArrayLike, width: int) -> Floats:
    """Return a covariance as an array, refusing one of another width, or none."""
    out = np.asarray(covariance)
    if out.shape != (width, width) or out.dtype.kind not in "biuf":
        raise ValueError(
            f"vessal got a covariance of shape {out.shape} and dtype {out.dtype}; give numbers of "
            f"shape ({width}, {width}): C d, block c at c d to (c + 1) d."
        )
    out = out.astype(np.float64, copy=False)
    scale = np.abs(out).max(initial=0.0)
    if not np.isfinite(scale) or np.abs(out - out.T).max() > 1e-6 * scale or np.trace(out) < 0:
        raise ValueError(
            "vessal got a covariance that is not finite, not symmetric, or has a negative trace; "
            "give a mean of u u', as gradient_covariance does."
        )
    return out
