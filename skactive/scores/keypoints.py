"""Scores of images in which keypoints were found, from their confidences or their heatmaps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.special import softmax

from ..data.types import Floats
from ..utils.checks import checked_count, checked_number
from .one_label import entropy
from .parts import (
    REDUCE,
    as_plain,
    check_name_of,
    checked_confidences,
    checked_parts,
    image_by_image,
    numbers_of_image,
    over_parts,
)


def keypoint_least_confidence(
    confidence: ArrayLike,
    row: ArrayLike,
    n_rows: int,
    *,
    of_object: str = "mean",
    reduce: str = "sum",
    empty: float = 0.0,
) -> Floats:
    r"""How unsure a model is of the keypoints of its objects: :math:`1 - s_{jk}`, reduced twice.

    First over the keypoints k of an object j, a person's joints, then over the objects of an image.
    A person of whom all joints are sure counts nothing, one of whom half are sure a half.

    Parameters
    ----------
    confidence : array of float, shape (n_objects, K)
        How sure the model is of each keypoint of each object, from 0 to 1. Without any object of
        shape (0, K), or empty.
    row : array of int, shape (n_objects,)
        The image that each object is in, from 0 to n_rows - 1.
    n_rows : int
        How many images there are, those without objects too.
    of_object : {"sum", "mean", "max"}, default="mean"
        How the values of an object's keypoints become one: "max" is for the least sure keypoint.
    reduce : {"sum", "mean", "max"}, default="sum"
        How the values of an image's objects become one; see `over_parts`.
    empty : float, default=0.0
        The value of an image without objects; see `over_parts`.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Larger is less certain.

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, a confidence lies outside 0 to 1, or a row outside 0 to n_rows - 1.

    Examples
    --------
    >>> keypoint_least_confidence([[1.0, 0.5], [0.75, 0.75]], [0, 0], 2)
    array([0.5, 0. ])
    >>> keypoint_least_confidence([[1.0, 0.5], [0.75, 0.75]], [0, 0], 2, of_object="max")
    array([0.75, 0.  ])
    """
    who = "keypoint_least_confidence"
    rows, n, empty = checked_parts(row, n_rows, who, reduce, empty)
    check_name_of(of_object, "of_object", REDUCE, who)
    confidence = as_plain(confidence, "confidence", who)
    if len(rows) == 0 and confidence.size == 0 and confidence.ndim in (1, 2):
        return np.full(n, empty)
    if confidence.ndim != 2 or confidence.shape[1] == 0 or len(confidence) != len(rows):
        raise ValueError(
            f"{who} got confidence of shape {confidence.shape} and row of {len(rows)} objects; "
            f"give (n_objects, K), a confidence of each keypoint of each object."
        )
    n_objects, n_keypoints = confidence.shape
    sure = checked_confidences(confidence.ravel(), confidence.size, who, "confidence")
    of_each = np.repeat(np.arange(n_objects), n_keypoints)
    return over_parts(
        over_parts(1.0 - sure, of_each, n_objects, reduce=of_object),
        rows,
        n,
        reduce=reduce,
        empty=empty,
    )


def multi_peak_entropy(
    heatmaps: Iterable[ArrayLike],
    *,
    radius: int = 7,
    lowest: float = 0.1,
    reduce: str = "sum",
) -> Floats:
    r"""Entropy over the peaks of each keypoint's heatmap: in how many places it might be.

    :math:`\sum_k -\sum_m q_{km} \log q_{km}` with :math:`q_{km} \propto e^{h_{km}}` over the
    heights h of the peaks m of keypoint k [1]_. A single peak, however low, has no entropy: of a
    keypoint that is hardly seen at all, `keypoint_least_confidence` of ``heatmap.max()`` tells.

    Parameters
    ----------
    heatmaps : array of float, shape (n, K, H, W), or iterable of arrays of shape (K, H, W)
        For each image one heatmap of each keypoint, whole, or one image at a time as from a
        generator; then one image is in memory, and images may have several sizes.
    radius : int, default=7
        A peak is a pixel that no other exceeds in the square of 2 radius + 1 pixels around it, on
        heatmaps of 64 x 64 pixels; equal neighbours are one peak.
    lowest : float, default=0.1
        Peaks of at most this height do not count. With 0.1, heatmaps are meant that reach 1.
    reduce : {"sum", "mean", "max"}, default="sum"
        How the entropies of an image's keypoints become one. The paper has the sum.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0, which is for images whose keypoints all have one peak, or none.

    Raises
    ------
    TypeError, ValueError
        If heatmaps have another shape, or hold NaN or infinity.

    References
    ----------
    .. [1] Liu and Ferrari (2017). Active learning for human pose estimation. ICCV.

    Examples
    --------
    >>> heatmaps = np.zeros((2, 1, 9, 9))
    >>> heatmaps[:, 0, 1, 1] = heatmaps[1, 0, 7, 7] = 1.0
    >>> multi_peak_entropy(heatmaps, radius=2).round(6)  # the second might be in two places
    array([0.      , 0.693147])
    """
    who = "multi_peak_entropy"
    radius = checked_count(radius, "radius", who)
    lowest = checked_number(lowest, "lowest", who)
    check_name_of(reduce, "reduce", REDUCE, who)
    scores = [
        _peak_entropies(_checked_heatmaps(each, at, who), radius, lowest)
        for at, each in enumerate(image_by_image(heatmaps, who, "heatmaps", "(n, K, H, W)"))
    ]
    return np.array([float(REDUCE[reduce](each)) for each in scores], dtype=np.float64)


def _checked_heatmaps(heatmaps: ArrayLike, at: int, who: str) -> NDArray:
    """Return the heatmaps of one image, refusing what are none."""
    array = numbers_of_image(heatmaps, "heatmaps", "(K, H, W)", at, who)
    if not np.isfinite(array).all():
        raise ValueError(f"{who} got heatmaps of image {at} with NaN or infinity; give numbers.")
    return array.astype(np.float64, copy=False)


def _peak_entropies(heatmaps: Floats, radius: int, lowest: float) -> Floats:
    """Return the entropy over peaks of each of (K, H, W) heatmaps."""
    width = 2 * radius + 1
    highest = ndimage.maximum_filter(heatmaps, size=(1, width, width), mode="nearest")
    is_peak = (heatmaps == highest) & (heatmaps > lowest)
    # Neighbours in a heatmap, diagonal ones too, but not pixels of two heatmaps.
    touching = np.zeros((3, 3, 3), dtype=bool)
    touching[1] = True
    numbers, _ = ndimage.label(is_peak, structure=touching)
    peaks, first = np.unique(numbers.ravel(), return_index=True)
    first = first[peaks > 0]
    of = first // heatmaps[0].size
    heights = heatmaps.ravel()[first]
    entropies = np.zeros(len(heatmaps))
    for keypoint in np.unique(of):
        weights = softmax(heights[of == keypoint])
        entropies[keypoint] = entropy(weights[None])[0]
    return entropies
