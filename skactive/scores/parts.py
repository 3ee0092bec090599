"""Scores of parts, such as boxes or tokens, as scores of the rows that they lie in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import as_positions, check_probabilities
from ..data.tensors import as_array, is_tensor
from ..data.types import Floats, Positions
from ..utils.checks import checked_count, checked_number, unmasked
from .one_label import entropy, least_confidence, margin

BY: dict[str, Callable[[NDArray], Floats]] = {
    "least_confidence": least_confidence,
    "margin": lambda proba: 1.0 - margin(proba),
    "entropy": entropy,
}
REDUCE: dict[str, Callable[[NDArray], np.floating]] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
}


def over_parts(
    values: ArrayLike, row: ArrayLike, n_rows: int, *, reduce: str = "sum", empty: float = 0.0
) -> Floats:
    r"""Reduce one value for each part to one for each row: an image's boxes, a text's tokens.

    :math:`\sum_j v_j`, :math:`\frac{1}{n_i} \sum_j v_j` or :math:`\max_j v_j` over the
    :math:`n_i` parts j of row i. For the margin of boxes, Brust et al. [1]_ compare all three; the
    sum prefers rows with many parts, the mean forgives a doubtful one beside many sure ones, the
    maximum sees that one alone. In simulations of detectors, as many images are worth most if sums
    choose them, and less than random ones if means do; see the guide, also for the cost of each.

    Parameters
    ----------
    values : array of float, shape (n_parts,)
        A finite number for each part, in any order.
    row : array of int, shape (n_parts,)
        The row (image, text) that each part lies in, from 0 to n_rows - 1.
    n_rows : int
        How many rows there are, those without parts too.
    reduce : {"sum", "mean", "max"}, default="sum"
        How the values of a row's parts become one.
    empty : float, default=0.0
        The value of a row without parts, whatever `reduce` is. Where the model says nothing, either
        nothing is there, or it missed all: a 0 has such rows last, where scores are at least 0; the
        largest score that a part may have has them among the first.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        One value for each row.

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, a value is not finite, a row lies outside 0 to n_rows - 1, or
        `reduce` is none of the three.

    References
    ----------
    .. [1] Brust, Käding and Denzler (2019). Active learning for deep object detection. VISAPP.

    Examples
    --------
    >>> values, row = [0.25, 0.75, 0.5], [0, 0, 2]
    >>> over_parts(values, row, 3)
    array([1. , 0. , 0.5])
    >>> over_parts(values, row, 3, reduce="mean", empty=1.0)
    array([0.5, 1. , 0.5])
    """
    rows, n, empty = checked_parts(row, n_rows, "over_parts", reduce, empty)
    return reduced(checked_values(values, len(rows), "over_parts"), rows, n, reduce, empty)


def part_uncertainty(
    proba: ArrayLike,
    row: ArrayLike,
    n_rows: int,
    *,
    by: str = "margin",
    reduce: str = "sum",
    empty: float = 0.0,
) -> Floats:
    r"""Doubt about the class of each part, reduced to one score for each row.

    By least confidence :math:`1 - p_{(1)}`, by margin :math:`1 - (p_{(1)} - p_{(2)})`, or by
    entropy :math:`-\sum_c p_c \log p_c` of a part's probabilities. The parts are boxes [1]_ [2]_,
    the tokens of a text, whose entropy is summed ("total") or averaged [3]_, or whatever else has
    a class. Lightly's scores of objects are these, reduced by "max" [4]_.

    Parameters
    ----------
    proba : array of float, shape (n_parts, C) or (n_parts,)
        Class probabilities of each part, which sum to one; or p, how sure the model is of it, for
        the two classes "it is right" and "it is not": (p, 1 - p), as with results of COCO. What a
        detector says of each class by a sigmoid sums to anything: reduce its `label_entropy` or
        `label_least_confidence` by `over_parts`.
    row, n_rows
        As in `over_parts`.
    by : {"least_confidence", "margin", "entropy"}, default="margin"
        How doubtful a part is.
    reduce, empty
        As in `over_parts`. The largest value of a part is 1 - 1/C, 1 or log C.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Larger is less certain.

    Raises
    ------
    TypeError, ValueError
        As in `over_parts`, or if a part's probabilities do not sum to one.

    References
    ----------
    .. [1] Brust, Käding and Denzler (2019). Active learning for deep object detection. VISAPP. It
       squares the margin score: ``over_parts((1 - margin(proba)) ** 2, row, n_rows)``.
    .. [2] Haussmann et al. (2020). Scalable active learning for object detection. IEEE IV.
    .. [3] Settles and Craven (2008). An analysis of active learning strategies for sequence
       labeling tasks. EMNLP.
    .. [4] Lightly, Active learning scorers. https://docs.lightly.ai/docs/active-learning-scorers

    Examples
    --------
    >>> proba = [[0.5, 0.25, 0.25], [0.75, 0.25, 0.0], [1.0, 0.0, 0.0]]
    >>> part_uncertainty(proba, row=[0, 0, 1], n_rows=3)
    array([1.25, 0.  , 0.  ])
    >>> part_uncertainty(proba, row=[0, 0, 1], n_rows=3, reduce="max")
    array([0.75, 0.  , 0.  ])
    >>> part_uncertainty([0.5, 0.875], row=[0, 1], n_rows=2, by="least_confidence")
    array([0.5  , 0.125])
    """
    who = "part_uncertainty"
    rows, n, empty = checked_parts(row, n_rows, who, reduce, empty)
    check_name_of(by, "by", BY, who)
    proba = as_plain(proba, "proba", who)
    if proba.ndim == 1:
        sure = checked_confidences(proba, len(rows), who, "proba")
        proba = np.stack([sure, 1.0 - sure], axis=1)
    else:
        write = (
            "; where each class has a sigmoid of its own, write "
            "over_parts(label_least_confidence(proba), row, n_rows)"
        )
        proba = check_probabilities(proba, who=who, write=write)
        _check_length(proba, len(rows), who, "proba")
    if len(proba) == 0:
        return np.full(n, empty)
    return reduced(BY[by](proba), rows, n, reduce, empty)


# What functions of parts share


def checked_parts(
    row: ArrayLike, n_rows: int, who: str, reduce: str = "sum", empty: float = 0.0
) -> tuple[Positions, int, float]:
    """Return the row of each part, how many rows there are, and the value of those without."""
    n = checked_count(n_rows, "n_rows", who, least=0)
    check_name_of(reduce, "reduce", REDUCE, who)
    empty = checked_number(empty, "empty", who)
    rows = as_plain(row, "row", who)
    if rows.ndim != 1:
        raise ValueError(
            f"{who} got row of shape {rows.shape}; give the row of each part, shape (n_parts,)."
        )
    return as_positions(rows, n, "row"), n, empty


def checked_values(values: ArrayLike, n_parts: int, who: str, name: str = "values") -> Floats:
    """Return one finite number for each part as float64, refusing anything else."""
    values = as_plain(values, name, who)
    if values.size == 0 and n_parts == 0 and values.ndim == 1:
        return np.zeros(0)
    if values.dtype.kind not in "biuf" or values.ndim != 1:
        raise ValueError(
            f"{who} got {name} of shape {values.shape} and dtype {values.dtype}; give a number for "
            f"each part, shape (n_parts,)."
        )
    _check_length(values, n_parts, who, name)
    values = values.astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        part = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(
            f"{who} got {name} with {values[part]} at part {part}; each part needs a finite number."
        )
    return values


def checked_confidences(values: ArrayLike, n_parts: int, who: str, name: str) -> Floats:
    """Return one number from 0 to 1 for each part, refusing anything else."""
    values = checked_values(values, n_parts, who, name)
    is_wrong = (values < 0) | (values > 1)
    if is_wrong.any():
        part = int(is_wrong.argmax())
        raise ValueError(
            f"{who} got {name} with {values[part]:.9g} at part {part}; give probabilities, from 0 "
            f"to 1: of logits z, write scipy.special.expit(z)."
        )
    return values


def check_name_of(value, name: str, known, who: str) -> None:
    """Refuse what is none of some names."""
    if not isinstance(value, str) or value not in known:
        *most, last = map(repr, known)
        raise ValueError(f"{who} got {name}={value!r}; give {', '.join(most)} or {last}.")


def reduced(values: Floats, rows: Positions, n: int, reduce: str, empty: float) -> Floats:
    """Return the values of parts, none of them NaN, reduced over each row."""
    counts = np.bincount(rows, minlength=n)
    if reduce == "max":
        out = np.full(n, -np.inf)
        np.maximum.at(out, rows, values)
    else:
        out = np.bincount(rows, weights=values, minlength=n).astype(np.float64, copy=False)
        if reduce == "mean":
            out = out / np.maximum(counts, 1)
    out[counts == 0] = empty
    return out


def image_by_image(
    images: Iterable[ArrayLike], who: str, name: str, shape: str, ndim: int = 4
) -> Iterator[ArrayLike]:
    """Return the arrays of images one after another, refusing an array of one of them."""
    given: Any = images
    if getattr(given, "ndim", ndim) != ndim:
        one = f": of one image, write {name}[None]" if given.ndim == ndim - 1 else ""
        raise ValueError(f"{who} got {name} of shape {tuple(given.shape)}; give {shape}{one}.")
    if not isinstance(given, Iterable):
        raise TypeError(f"{who} got {name} of type {type(given).__name__}; give {shape}.")
    return iter(given)


def as_plain(array: Any, name: str, who: str) -> NDArray:
    """Return an array, which may be given as a tensor of any device, refusing masked cells."""
    return unmasked(as_array(array) if is_tensor(array) else array, name, who)


def numbers_of_image(given: Any, name: str, shape: str, at: int, who: str) -> NDArray:
    """Return the three-dimensional array of one image, refusing what is none."""
    array = as_plain(given, name, who)
    if array.ndim != 3 or array.size == 0 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"{who} got {name} of image {at} of shape {array.shape} and dtype {array.dtype}; give "
            f"numbers of shape {shape}."
        )
    return array


def _check_length(array: NDArray, n_parts: int, who: str, name: str) -> None:
    """Refuse another number of parts than `row` tells."""
    if len(array) != n_parts:
        raise ValueError(
            f"{who} got {name} of {len(array)} parts and row of {n_parts}; give one of each part."
        )
