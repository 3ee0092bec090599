"""Means and standard deviations of predicted numbers: checked, and in the normal distribution."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx

from ..utils.checks import unmasked
from .types import Floats


def checked_moments(mean: ArrayLike, std: ArrayLike) -> tuple[Floats, Floats]:
    """Return mean and standard deviation as float64 vectors, refusing other shapes and signs."""
    mean, std = (unmasked(each, "mean and std", None, np.float64) for each in (mean, std))
    if mean.ndim != 1 or mean.shape != std.shape:
        raise ValueError(
            f"mean has shape {mean.shape} and std {std.shape}; both must be (n,): one value a row."
        )
    if (negative := std < 0).any():
        raise ValueError(
            f"std is negative at position {negative.argmax()}; standard deviations are at least 0."
        )
    return mean, std


def standardized(gap: Floats, std: Floats) -> Floats:
    """Return gaps in standard deviations; 0 / 0 is minus infinity, as no gain is no improvement."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = gap / std
    z[(gap == 0) & (std == 0)] = -np.inf
    return z


def log_of_tail(z: Floats) -> Floats:
    r"""Return the logarithm of :math:`\varphi(z) + z \Phi(z)` for z of at most -1."""
    depth = -z
    near = np.log1p(-math.sqrt(math.pi / 2) * depth * erfcx(depth / math.sqrt(2)))
    # Farther out the difference would lose its digits: the first terms of its series in 1 / z².
    far = np.log1p(-3 / depth**2 + 15 / depth**4) - 2 * np.log(depth)
    return np.where(depth < 300, near, far) - 0.5 * depth**2 - 0.5 * math.log(2 * math.pi)
