"""The largest scores, by partition, with ties broken fairly."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import CORE_BYTES, as_count, as_mask, slices
from ..data.types import Floats, Mask, Positions
from ..utils.checks import unmasked

Tiebreak = Callable[[Positions], ArrayLike]
Checked = Callable[[Positions], Floats]


def top(
    scores: ArrayLike,
    n: int,
    *,
    candidates: ArrayLike | None = None,
    tiebreak: ArrayLike | Tiebreak | None = None,
) -> Positions:
    """Positions of the `n` largest scores among the candidates, best first.

    Takes O(N + n log n) time and, beside the result, at most about one float per row.

    Parameters
    ----------
    scores : array of float, shape (N,)
        Higher is better; infinities of both signs are fine. Not written to.
    n : int
        How many positions are wanted; where there are fewer candidates, all of them are given.
    candidates : array of bool, shape (N,), or array of int, optional
        The only rows that may be chosen, as a mask or as positions (a repeated position counts
        once). By default every row.
    tiebreak : array of float, shape (N,), or callable, optional
        Which of several equal scores comes first: the one with the larger value here, and among
        equal values the lower position. A callable takes an array of positions and returns a
        float for each; it is asked only about rows whose place depends on it. By default the
        lower position comes first.

    Returns
    -------
    ndarray of intp, shape (min(n, number of candidates),)
        Distinct positions in `scores`.

    Raises
    ------
    TypeError, ValueError
        If n or candidates are no integers or out of range, a shape is wrong, or the score or
        tiebreak of a candidate is NaN. NaN elsewhere is ignored.

    Examples
    --------
    >>> top([0.1, 0.9, 0.5, 0.9], 3)
    array([1, 3, 2])
    >>> top([0.1, 0.9, 0.5, 0.9], 2, candidates=[0, 2, 3], tiebreak=[0.0, 1.0, 2.0, 3.0])
    array([3, 2])
    """
    scores = _checked_scores(scores)
    mask = None if candidates is None else as_mask(candidates, scores.size)
    n = min(as_count(n), scores.size if mask is None else int(np.count_nonzero(mask)))
    if n == 0:
        return np.empty(0, dtype=np.intp)
    value = None if tiebreak is None else _checked_tiebreak(tiebreak, scores.size)

    cut, n_ties = _cut(scores, n, mask)
    chosen, filled = np.empty(n, dtype=np.intp), 0
    for above in _where(np.greater, scores, cut, mask):
        chosen[filled : filled + above.size] = above
        filled += above.size
    chosen[filled:] = _ties(scores, cut, mask, n_ties, value)
    return _ordered(chosen, scores[chosen], value)


def _cut(scores: NDArray, n: int, mask: Mask | None) -> tuple[float, int]:
    """Return the n-th largest candidate score, and how many rows of that very score to take."""
    # Only what exceeds the n-th largest so far is kept. The bar is raised, by a partition, each
    # time that n more have come; the buffer never holds more than the scores themselves.
    most = next(_chunks(scores.size)).stop
    buffer = np.empty(min(scores.size, 2 * n + most), dtype=scores.dtype)
    bar, filled = -np.inf, 0
    for rows in _chunks(scores.size):
        block = scores[rows]
        _refuse_nan(block, mask, rows)
        keep = block > bar
        if mask is not None:
            keep &= mask[rows]
        kept = block[keep]
        buffer[filled : filled + kept.size] = kept
        filled += kept.size
        if filled >= 2 * n:
            buffer[:filled].partition(filled - n)
            buffer[:n] = buffer[filled - n : filled]
            bar, filled = buffer[0], n
    if filled < n:  # the rest are at minus infinity
        return -np.inf, n - filled
    kept = buffer[:filled]
    kept.partition(filled - n)
    cut = kept[filled - n]
    return cut, n - int(np.count_nonzero(kept > cut))


def _ties(
    scores: NDArray, cut: float, mask: Mask | None, n: int, value: Checked | None
) -> Positions:
    """Return `n` of the candidates that score exactly `cut`, the first in order of the tiebreak."""
    # Every row may tie: their positions are found twice rather than kept.
    n_tied = sum(tied.size for tied in _where(np.equal, scores, cut, mask))
    if value is None or n_tied == n:
        winners = np.arange(n)
    else:
        values, found = np.empty(n_tied), 0
        for tied in _where(np.equal, scores, cut, mask):
            values[found : found + tied.size] = value(tied)
            found += tied.size
        winners = np.sort(top(values, n))  # in order, as the ties come by once more below
    chosen, passed = np.empty(n, dtype=np.intp), 0
    for tied in _where(np.equal, scores, cut, mask):
        first, last = np.searchsorted(winners, [passed, passed + tied.size])
        chosen[first:last] = tied[winners[first:last] - passed]
        passed += tied.size
        if last == n:
            break
    return chosen


def _ordered(positions: Positions, scores: NDArray, value: Checked | None) -> Positions:
    """Return positions, given with their scores, best first."""
    order = np.argsort(scores)[::-1]
    if (scores[order[1:]] < scores[order[:-1]]).all():
        return positions[order]
    # np.lexsort sorts by its last key first: score, then the tiebreak, then the position. The
    # tiebreak is asked only about rows whose scores are equal.
    keys = [positions, -scores]
    if value is not None:
        _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
        tied = sizes[group] > 1
        later = np.zeros(positions.size)
        later[tied] = -value(positions[tied])
        keys.insert(1, later)
    return positions[np.lexsort(keys)]


def _chunks(n: int) -> Iterator[slice]:
    """Return slices of n rows."""
    return slices(n, n_bytes=CORE_BYTES)


def _where(
    compare: np.ufunc, scores: NDArray, cut: float, mask: Mask | None
) -> Iterator[Positions]:
    """Yield positions of the candidates whose score compares so with `cut`, in their order."""
    for rows in _chunks(scores.size):
        hit = compare(scores[rows], cut)
        if mask is not None:
            hit &= mask[rows]
        yield np.flatnonzero(hit) + rows.start


def _checked_scores(scores: ArrayLike) -> NDArray:
    """Return scores as a vector of floats of whatever width they have."""
    scores = unmasked(scores, "scores")
    if scores.ndim != 1:
        raise ValueError(f"scores have shape {scores.shape}; they must be (N,): one value a row.")
    return scores if scores.dtype.kind == "f" else scores.astype(np.float64)


def _checked_tiebreak(tiebreak: ArrayLike | Tiebreak, n: int) -> Checked:
    """Return a tiebreak over n rows, an array or a callable, as a callable that refuses NaN."""
    if callable(tiebreak):
        ask = tiebreak
    else:
        array = np.asarray(tiebreak, dtype=np.float64)
        if array.shape != (n,):
            raise ValueError(
                f"tiebreak has shape {array.shape}; it must be ({n},), one value a score, or a "
                "callable from positions to values."
            )
        ask = array.__getitem__

    def value(positions: Positions) -> NDArray[np.float64]:
        values = np.asarray(ask(positions), dtype=np.float64)
        if values.shape != positions.shape:
            raise ValueError(
                f"tiebreak gave shape {values.shape} for {positions.size} positions; it must give "
                "one value for each."
            )
        if np.isnan(values).any():
            raise ValueError(f"tiebreak is NaN at position {positions[np.isnan(values).argmax()]}.")
        return values

    return value


def _refuse_nan(block: NDArray, mask: Mask | None, rows: slice) -> None:
    """Raise where a candidate's score is NaN."""
    bad = np.isnan(block)
    if mask is not None:
        bad &= mask[rows]
    if bad.any():
        raise ValueError(f"scores hold NaN at position {rows.start + bad.argmax()}.")
