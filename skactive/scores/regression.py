"""Scores of predicted values by the members of an ensemble."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import checked_array
from ..data.types import Floats
from ..utils.checks import unmasked


def emcm(value: ArrayLike, samples: ArrayLike, feature_norms: ArrayLike) -> Floats:
    """Expected length of a gradient of the squared error: :class:`skactive.strategies.EMCM`.

    Parameters
    ----------
    value : array of float, shape (n,)
        Values that the model predicts.
    samples : array of float, shape (S, n)
        Values that each of its members predicts.
    feature_norms : array of float, shape (n,)
        Length of what the linear model is given, in the unit of the features.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0, in the unit of the values times that of the features.

    Raises
    ------
    ValueError
        If `samples` has not two axes or no member, `value` and `feature_norms` are not one number a
        row, or a length is negative.

    Examples
    --------
    >>> emcm([1.0, 2.0], [[0.0, 2.0], [4.0, 2.5]], [2.0, 3.0])
    array([4.  , 0.75])
    """
    samples = checked_array(samples, "samples", "Sn")
    n = samples.shape[1]
    rows = {"value": value, "feature_norms": feature_norms}
    arrays = [unmasked(given, name, None, np.float64) for name, given in rows.items()]
    for name, array in zip(rows, arrays, strict=True):
        if array.shape != (n,):
            raise ValueError(
                f"{name} has shape {array.shape} for {n} rows of samples; give one number a row."
            )
    value, norms = arrays
    if (negative := norms < 0).any():
        raise ValueError(
            f"feature_norms are negative at position {negative.argmax()}; lengths are at least 0."
        )
    changes = np.zeros(n)
    for member in samples:  # one after another: no second array as large as the samples
        changes += np.abs(member - value)
    return norms * (changes / len(samples))
