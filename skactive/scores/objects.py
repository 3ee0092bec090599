"""Scores of images in which a detector found objects, many or none."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..data.codes import label_codes
from ..data.types import Floats
from ..utils.checks import checked_number
from .parts import as_plain, checked_confidences, checked_parts, reduced


def object_frequency(
    category: ArrayLike, row: ArrayLike, n_rows: int, *, penalty: float = 0.25
) -> Floats:
    r"""Number of objects found, those of a kind that was counted already by less.

    :math:`\sum_c 1 + \lambda (n_c - 1)` over the categories c of which an image has
    :math:`n_c \ge 1` objects: Lightly's object_frequency [1]_, which stretches it from .9 for the
    smallest of the pool to 1 for the largest. No doubt is measured: it is for images with many and
    various objects. Leave out first what the detector hardly believes, as ``score >= 0.5``.

    Parameters
    ----------
    category : array of int or str, shape (n_boxes,)
        The category of each object.
    row : array of int, shape (n_boxes,)
        The image that each object is in, from 0 to n_rows - 1.
    n_rows : int
        How many images there are, those without objects too.
    penalty : float, default=0.25
        For how much the second and every other object of a category counts: 1 counts objects, 0
        categories.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        At least 0; 0 without objects.

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, a row lies outside 0 to n_rows - 1, categories are neither integers
        nor text, or the penalty lies outside 0 to 1.

    References
    ----------
    .. [1] Lightly, Active learning scorers. https://docs.lightly.ai/docs/active-learning-scorers

    Examples
    --------
    >>> object_frequency(["cat", "cat", "dog", "cat"], [0, 0, 0, 2], 3)
    array([2.25, 0.  , 1.  ])
    """
    who = "object_frequency"
    penalty = checked_number(penalty, "penalty", who, 0.0, 1.0)
    rows, n, _ = checked_parts(row, n_rows, who)
    kinds = as_plain(category, "category", who)
    if kinds.shape != rows.shape:
        raise ValueError(
            f"{who} got category of shape {kinds.shape} and row of shape {rows.shape}; give one of "
            f"each object."
        )
    listed = set(map(type, kinds.tolist())) if kinds.dtype.kind == "O" else {str}
    if kinds.size and (kinds.dtype.kind not in "biuSUO" or listed not in ({str}, {int})):
        raise TypeError(
            f"{who} got category of dtype {kinds.dtype}; give whole numbers or names, of each "
            f"object one."
        )
    codes = label_codes(kinds)
    n_codes = int(codes.max(initial=0)) + 1
    pairs = np.unique(rows * n_codes + codes)  # of image and category, each once
    n_kinds = np.bincount(pairs // n_codes, minlength=n)
    counts = np.bincount(rows, minlength=n)
    return n_kinds + penalty * (counts - n_kinds)


def objectness_least_confidence(
    objectness: ArrayLike,
    row: ArrayLike,
    n_rows: int,
    *,
    reduce: str = "sum",
    empty: float = 0.0,
) -> Floats:
    r"""How unsure a detector is that its objects are there: the sum of :math:`1 - o_j` over boxes.

    By the mean it is Lightly's objectness_least_confidence [1]_. It serves whatever is found with
    a score of its own: boxes, masks, spans of a text.

    Parameters
    ----------
    objectness : array of float, shape (n_boxes,)
        The detector's score of each object, from 0 to 1.
    row, n_rows
        As in `object_frequency`.
    reduce : {"sum", "mean", "max"}, default="sum"
        How the values of the objects of an image become one; see `over_parts`.
    empty : float, default=0.0
        The value of an image without objects; see `over_parts`. Lightly has 0, so that they come
        last; 1 has them first.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Larger is less certain. By "sum" the number of objects that are not there, as is to be
        expected of a detector whose scores are calibrated; by "mean" and "max" from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, a score lies outside 0 to 1, or a row outside 0 to n_rows - 1.

    References
    ----------
    .. [1] Lightly, Active learning scorers. https://docs.lightly.ai/docs/active-learning-scorers

    Examples
    --------
    >>> objectness_least_confidence([0.75, 0.25, 0.5], [0, 0, 2], 3)
    array([1. , 0. , 0.5])
    >>> objectness_least_confidence([0.75, 0.25, 0.5], [0, 0, 2], 3, reduce="mean")
    array([0.5, 0. , 0.5])
    """
    who = "objectness_least_confidence"
    rows, n, empty = checked_parts(row, n_rows, who, reduce, empty)
    sure = checked_confidences(objectness, len(rows), who, "objectness")
    return reduced(1.0 - sure, rows, n, reduce, empty)
