"""Scores of images, or of regions in them, whose pixels have a class each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import SUM_TOLERANCE, check_probabilities
from ..data.types import Floats, Positions
from ..utils.checks import checked_number
from .parts import BY, REDUCE, as_plain, check_name_of, image_by_image, numbers_of_image, reduced

_NONE: Any = object()  # where one of two iterables has ended


class RegionScores(NamedTuple):
    """Scores of the regions of all images, one entry for each region.

    Parameters
    ----------
    score : ndarray of float64, shape (n_regions,)
        Larger is less certain.
    row : ndarray of intp, shape (n_regions,)
        The image that the region is in.
    region : ndarray of int64, shape (n_regions,)
        The region's number in its image.
    n_pixels : ndarray of intp, shape (n_regions,)
        How large it is.

    Examples
    --------
    >>> found = region_uncertainty([[[[0.5, 0.5], [1.0, 0.0]]]], [[[7, 3]]])
    >>> found.region, found.score
    (array([3, 7]), array([0., 1.]))
    """

    score: Floats
    row: Positions
    region: NDArray[np.int64]
    n_pixels: Positions


def pixel_uncertainty(
    proba: Iterable[ArrayLike],
    *,
    by: str = "margin",
    reduce: str = "mean",
    share: float = 1.0,
) -> Floats:
    r"""Doubt about the class of each pixel, reduced to one score for each image.

    By least confidence :math:`1 - p_{(1)}`, by margin :math:`1 - (p_{(1)} - p_{(2)})` (best against
    second best), or by entropy :math:`-\sum_c p_c \log p_c` of a pixel's probabilities.

    Parameters
    ----------
    proba : array of float, shape (n, H, W, C), or iterable of arrays of shape (H, W, C)
        Class probabilities of each pixel, whole, or one image at a time as from a generator; then
        one image is in memory, and images may have several sizes.
    by : {"least_confidence", "margin", "entropy"}, default="margin"
        How doubtful a pixel is.
    reduce : {"mean", "sum", "max"}, default="mean"
        How the values of an image's pixels become one.
    share : float, default=1.0
        The share of an image's pixels that counts, the most doubtful ones, rounded up to whole
        pixels: most pixels of most images are sure, and their mean tells little.

    Returns
    -------
    ndarray of float64, shape (n,)
        Larger is less certain.

    Raises
    ------
    TypeError, ValueError
        If the probabilities of a pixel do not sum to one, an image has another shape, or `share`
        is not in (0, 1], or less than 1 with the maximum.

    Examples
    --------
    >>> images = np.array([[[[0.5, 0.5], [1.0, 0.0]]], [[[1.0, 0.0], [1.0, 0.0]]]])
    >>> images.shape
    (2, 1, 2, 2)
    >>> pixel_uncertainty(images)
    array([0.5, 0. ])
    >>> pixel_uncertainty((image for image in images), share=0.5)
    array([1., 0.])
    """
    who = "pixel_uncertainty"
    check_name_of(by, "by", BY, who)
    check_name_of(reduce, "reduce", REDUCE, who)
    share = checked_number(share, "share", who, 0.0, 1.0, is_open=True)
    if reduce == "max" and share < 1:
        raise ValueError(
            f"{who} got share={share} with reduce='max', which reads one pixel; leave one of them "
            f"out."
        )
    scores = []
    for at, each in enumerate(image_by_image(proba, who, "proba", "(n, H, W, C)")):
        doubts = BY[by](_pixels(each, at, who))
        n = math.ceil(share * len(doubts))
        if n < len(doubts):
            doubts = np.partition(doubts, len(doubts) - n)[len(doubts) - n :]
        scores.append(float(REDUCE[reduce](doubts)))
    return np.array(scores, dtype=np.float64)


def region_uncertainty(
    proba: Iterable[ArrayLike],
    regions: Iterable[ArrayLike],
    *,
    by: str = "margin",
    reduce: str = "mean",
) -> RegionScores:
    r"""Doubt about the pixels of each region: superpixels [1]_ [2]_, tiles, objects.

    As `pixel_uncertainty`, over the pixels of each region instead of those of each image. With
    ``select("scores", scores=found.score, ...)`` regions are labelled, of images ``found.row`` and
    numbers ``found.region``; ``over_parts(found.score, found.row, n)`` makes scores of images.

    Parameters
    ----------
    proba
        As in `pixel_uncertainty`.
    regions : array of int, shape (n, H, W), or iterable of arrays of shape (H, W)
        The number of the region that each pixel is in; below 0: in none. Where 255 is "void", write
        ``np.where(regions == 255, -1, regions.astype(int))``.
    by
        As in `pixel_uncertainty`.
    reduce : {"mean", "sum", "max"}, default="mean"
        How the values of a region's pixels become one.

    Returns
    -------
    RegionScores
        Arrays `score`, `row`, `region` and `n_pixels`, in the order of the images, in an image by
        number.

    Raises
    ------
    TypeError, ValueError
        As in `pixel_uncertainty`, or if there are not as many maps of regions as images, or one has
        another shape or no integers.

    References
    ----------
    .. [1] Mackowiak et al. (2018). CEREALS: cost-effective region-based active learning for
       semantic segmentation. BMVC.
    .. [2] Siddiqui, Valentin and Nießner (2020). ViewAL: active learning with viewpoint entropy for
       semantic segmentation. CVPR.

    Examples
    --------
    >>> image = [[[0.5, 0.5], [0.75, 0.25]], [[1.0, 0.0], [1.0, 0.0]]]
    >>> found = region_uncertainty([image], [[[0, 0], [4, -1]]])
    >>> found.score, found.region, found.n_pixels
    (array([0.75, 0.  ]), array([0, 4]), array([2, 1]))
    """
    who = "region_uncertainty"
    check_name_of(by, "by", BY, who)
    check_name_of(reduce, "reduce", REDUCE, who)
    found: list[tuple[Floats, NDArray[np.int64], Positions]] = []
    labels = image_by_image(regions, who, "regions", "(n, H, W)", 3)
    images = image_by_image(proba, who, "proba", "(n, H, W, C)")
    for at, (each, given) in enumerate(zip_longest(images, labels, fillvalue=_NONE)):
        if each is _NONE or given is _NONE:
            more, fewer = ("regions", "proba") if each is _NONE else ("proba", "regions")
            raise ValueError(
                f"{who} got {more} of more than {at} images, and {fewer} of {at}; give both of "
                f"each image."
            )
        array = as_plain(each, "proba", who)
        numbers = _numbers(given, array.shape[:2], at, who)
        doubts = BY[by](_pixels(array, at, who))
        is_in = numbers >= 0
        names, codes = np.unique(numbers[is_in], return_inverse=True)
        codes = codes.reshape(-1)
        values = reduced(doubts[is_in], codes, len(names), reduce, 0.0)
        found.append((values, names, np.bincount(codes, minlength=len(names))))
    counts = [len(names) for _, names, _ in found]
    return RegionScores(
        np.concatenate([np.zeros(0), *(values for values, _, _ in found)]),
        np.repeat(np.arange(len(found)), np.array(counts, dtype=np.intp)),
        np.concatenate([np.zeros(0, np.int64), *(names for _, names, _ in found)]),
        np.concatenate([np.zeros(0, np.intp), *(sizes for _, _, sizes in found)]),
    )


def _pixels(proba: Any, at: int, who: str) -> NDArray:
    """Return the probabilities of one image as rows of pixels, refusing what are none."""
    array = numbers_of_image(proba, "proba", "(H, W, C)", at, who)
    if not _sums_to_one(array, 2) and _sums_to_one(array, 0):
        raise ValueError(
            f"{who} got proba of image {at} of shape {array.shape}, in which the first axis sums "
            f"to one; give (H, W, C): write np.moveaxis(proba, 0, -1) of each image."
        )
    return check_probabilities(
        array.reshape(-1, array.shape[2]), who=f"{who}, for the pixels of image {at},"
    )


def _sums_to_one(array: NDArray, axis: int) -> bool:
    sums = array.sum(axis=axis, dtype=np.float64)
    return bool((np.abs(sums - 1) <= SUM_TOLERANCE).all())


def _numbers(regions: ArrayLike, shape: tuple[int, ...], at: int, who: str) -> NDArray[np.int64]:
    """Return the region of each pixel of an image, refusing what is none."""
    array = as_plain(regions, "regions", who)
    if (
        array.shape != shape
        or array.dtype.kind not in "iu"
        or not np.can_cast(array.dtype, np.int64)
    ):
        raise ValueError(
            f"{who} got regions of image {at} of shape {array.shape} and dtype {array.dtype}; give "
            f"an integer for each pixel, shape {shape}."
        )
    return array.reshape(-1).astype(np.int64, copy=False)
