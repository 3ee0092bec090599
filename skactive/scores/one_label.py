"""Scores of rows that have one label each, or a value."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr

from ..data.arrays import checked_array, chunks_of_rows, gaps, scored_by_row, slices
from ..data.columns import (
    TINY,
    dots,
    entropies,
    expected_errors,
    logs_of,
    mean_columns,
    vote_counts,
)
from ..data.moments import checked_moments, log_of_tail, standardized
from ..data.types import Floats
from ..utils.checks import unmasked


def least_confidence(proba: ArrayLike) -> Floats:
    """Probability that the likeliest class is wrong: :class:`skactive.strategies.LeastConfidence`.

    Parameters
    ----------
    proba : array of float, shape (n, C)
        Class probabilities, one row each.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and 1 - 1/C; larger is less certain.

    Raises
    ------
    ValueError
        If `proba` is not two-dimensional or has no column.

    Examples
    --------
    >>> least_confidence([[0.25, 0.75], [0.5, 0.5]])
    array([0.25, 0.5 ])
    """
    return scored_by_row(proba, lambda columns: 1.0 - columns.max(axis=0))


def margin(proba: ArrayLike) -> Floats:
    """Gap between the two likeliest classes: :class:`skactive.strategies.Margin`.

    A *small* margin is worth a label, so strategies negate it. With a single class the second
    largest probability is 0.

    Parameters
    ----------
    proba : array of float, shape (n, C)
        Class probabilities, one row each.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and 1; smaller is less certain.

    Raises
    ------
    ValueError
        If `proba` is not two-dimensional or has no column.

    Examples
    --------
    >>> margin([[0.25, 0.75], [0.5, 0.5]])
    array([0.5, 0. ])
    """
    return gaps(checked_array(proba, "proba", "nC"))


def entropy(proba: ArrayLike) -> Floats:
    """Entropy of the class distribution in nats, 0 log 0 = 0: :class:`skactive.strategies.Entropy`.

    Parameters
    ----------
    proba : array of float, shape (n, C)
        Class probabilities, one row each.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and log C; larger is less certain.

    Raises
    ------
    ValueError
        If `proba` is not two-dimensional or has no column.

    Examples
    --------
    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(6)
    array([0.      , 0.693147])
    """
    return scored_by_row(proba, entropies)


def decision_margin(decision: ArrayLike) -> Floats:
    r"""Gap of a decision function: :math:`|f|`, or :math:`f_{(1)} - f_{(2)}` with a column a class.

    The counterpart of `margin` for models without probabilities [1]_; strategies negate it.

    Parameters
    ----------
    decision : array of float, shape (n,) or (n, C)
        Signed distances of a binary problem, or one column for each of C >= 2 classes.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0; smaller is less certain.

    Raises
    ------
    ValueError
        If `decision` has another shape, a single column included.

    References
    ----------
    .. [1] Schohn and Cohn (2000). Less is more: active learning with support vector machines. ICML.

    Examples
    --------
    >>> decision_margin([-0.5, 2.0])
    array([0.5, 2. ])
    >>> decision_margin([[1.0, -1.0, 0.5]])
    array([0.5])
    """
    decision = unmasked(decision, "decision")
    if decision.ndim == 1:
        return np.abs(decision, dtype=np.float64)
    if decision.ndim != 2 or decision.shape[1] < 2:
        raise ValueError(
            f"decision has shape {decision.shape}; it must be (n,), or (n, C) with C >= 2: "
            "write decision[:, 0] for a single column."
        )
    return gaps(decision)


def vote_entropy(votes: ArrayLike, n_classes: int) -> Floats:
    """Entropy of the committee's votes in nats: :class:`skactive.strategies.VoteEntropy`.

    Parameters
    ----------
    votes : array of int, shape (S, n)
        The class code, 0 to `n_classes` - 1, that each member gives to each row.
    n_classes : int
        Number of classes C.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 (all agree) and log min(S, C).

    Raises
    ------
    TypeError
        If `votes` are not integers.
    ValueError
        If `votes` is not two-dimensional, has no member, or holds a code outside the classes.

    Examples
    --------
    >>> vote_entropy([[0, 2], [1, 2], [0, 2]], n_classes=3).round(6)
    array([0.636514, 0.      ])
    """
    votes = _checked_votes(votes)
    n_members, n = votes.shape
    # A count of votes has one of S + 1 values: their logarithms are taken once.
    share = np.arange(n_members + 1) / n_members
    table = -share * np.log(np.maximum(share, TINY)) + 0.0
    out = np.zeros(n)
    for rows in chunks_of_rows(n, max(n_members, n_classes)):
        for counts in vote_counts(votes[:, rows], n_classes):
            out[rows] += table[counts]
    return out


def variation_ratios(votes: ArrayLike, n_classes: int) -> Floats:
    """Share of the members that vote unlike most: :class:`skactive.strategies.VariationRatios`.

    Parameters
    ----------
    votes, n_classes
        As in `vote_entropy`.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where all agree; at most 1 - 1 / min(S, C).

    Raises
    ------
    TypeError, ValueError
        As there.

    Examples
    --------
    >>> variation_ratios([[0, 2], [0, 1], [0, 1], [0, 0]], n_classes=3)
    array([0. , 0.5])
    """
    votes = _checked_votes(votes)
    n_members, n = votes.shape
    out = np.zeros(n)
    for rows in chunks_of_rows(n, max(n_members, n_classes)):
        out[rows] = 1 - vote_counts(votes[:, rows], n_classes).max(axis=0) / n_members
    return out


def consensus_entropy(samples: ArrayLike) -> Floats:
    """Entropy of the mean prediction in nats: :class:`skactive.strategies.ConsensusEntropy`.

    Parameters
    ----------
    samples : array of float, shape (S, n, C)
        Class probabilities of S committee members or posterior samples.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and log C.

    Raises
    ------
    ValueError
        If `samples` is not three-dimensional, or has no member or no class.

    Examples
    --------
    >>> consensus_entropy([[[1.0, 0.0]], [[0.0, 1.0]]]).round(6)
    array([0.693147])
    """
    samples = checked_array(samples, "samples", "SnC")
    out = np.empty(samples.shape[1])
    for rows in chunks_of_rows(*samples.shape[1:]):
        out[rows] = entropies(mean_columns(samples[:, rows]))
    return out


def max_disagreement(samples: ArrayLike) -> Floats:
    """Largest divergence from the mean in nats: :class:`skactive.strategies.MaxDisagreement`.

    The paper has the mean over the members in place of the largest.

    Parameters
    ----------
    samples : array of float, shape (S, n, C)
        Class probabilities of S committee members or posterior samples.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 (all agree) and log S.

    Raises
    ------
    ValueError
        If `samples` is not three-dimensional, or has no member or no class.

    Examples
    --------
    >>> max_disagreement([[[1.0, 0.0]], [[0.0, 1.0]]]).round(6)
    array([0.693147])
    """
    samples = checked_array(samples, "samples", "SnC")
    out = np.zeros(samples.shape[1])  # rounding may leave a divergence just below 0
    for rows in chunks_of_rows(*samples.shape[1:]):
        log_mean = logs_of(mean_columns(samples[:, rows]))
        for member in samples:
            columns = np.array(member[rows].T, dtype=np.float64, order="C")
            divergence = dots(columns, logs_of(columns) - log_mean)
            np.maximum(out[rows], divergence, out=out[rows])
    return out


def bald(samples: ArrayLike) -> Floats:
    """Information that a label gives about the model, in nats: :class:`skactive.strategies.BALD`.

    Parameters
    ----------
    samples : array of float, shape (S, n, C)
        Class probabilities of S committee members or posterior samples.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 (also where rounding would say less) and log min(S, C).

    Raises
    ------
    ValueError
        If `samples` is not three-dimensional, or has no member or no class.

    Examples
    --------
    >>> bald([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(6)
    array([0.693147, 0.      ])
    """
    samples = checked_array(samples, "samples", "SnC")
    # Member by member: so no array as large as the samples is made.
    out = consensus_entropy(samples)
    for member in samples:
        within = entropy(member)
        within /= len(samples)
        out -= within
    return np.maximum(out, 0.0, out=out)


def epig(samples: ArrayLike, targets: ArrayLike) -> Floats:
    """Information that a label gives about those of other rows: :class:`skactive.strategies.EPIG`.

    Parameters
    ----------
    samples : array of float, shape (S, n, C)
        Class probabilities of S committee members or posterior samples.
    targets : array of float, shape (S, m, C)
        Those of the target rows, by the same members in the same order.

    Returns
    -------
    ndarray of float64, shape (n,)
        In nats, the mean over the targets: at least 0, at most what `bald` says.

    Raises
    ------
    ValueError
        If an array has no three dimensions, no member, no class or no target, or if members differ.

    Examples
    --------
    >>> one, other = [[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]
    >>> epig([one, other], [one[:1], other[:1]]).round(6)
    array([0.693147, 0.      ])
    """
    samples = checked_array(samples, "samples", "SnC")
    targets = checked_array(targets, "targets", "SnC")
    n_members, n_targets, n_classes = targets.shape
    if n_members != len(samples) or n_targets == 0:
        raise ValueError(
            f"targets has shape {targets.shape} and samples {samples.shape}; give one target row "
            f"or more, and as many members for both."
        )
    out = consensus_entropy(samples) + consensus_entropy(targets).mean()
    n_pairs = samples.shape[2] * n_classes  # of classes: the table of a row and a target
    for some in slices(n_targets, n_pairs, least=1):
        right = targets[:, some].reshape(n_members, -1) / n_members
        for rows in slices(samples.shape[1], n_pairs * (some.stop - some.start), least=1):
            # All tables of joint probabilities by one product, which sums over the members.
            joint = samples[:, rows].reshape(n_members, -1).T @ right
            joint = joint.reshape(rows.stop - rows.start, -1)
            out[rows] += np.einsum("ij,ij->i", joint, logs_of(joint)) / n_targets
    return np.maximum(out, 0.0, out=out)


def log_expected_improvement(
    mean: ArrayLike, std: ArrayLike, best: float, xi: float = 0.0
) -> Floats:
    r"""Logarithm of the expected gain: :class:`skactive.strategies.ExpectedImprovement`.

    For maximisation. The gain is 0 in float64 from about 38 standard deviations below the best on;
    its logarithm still tells rows apart. Without gain or deviation it is minus infinity.

    Parameters
    ----------
    mean, std : array of float, shape (n,)
        Predictive mean and standard deviation, in the target's unit.
    best : float
        Best value known so far.
    xi : float, default 0.0
        Gain below which an improvement does not count; larger explores more.

    Returns
    -------
    ndarray of float64, shape (n,)
        The natural logarithm of a number in the target's unit.

    Raises
    ------
    ValueError
        If `mean` and `std` are not one-dimensional and of one length, or `std` is negative.

    Examples
    --------
    >>> log_expected_improvement([1.0, 3.0, -99.0], [1.0, 0.0, 1.0], best=1.0).round(3)
    array([-9.19000e-01,  6.93000e-01, -5.01013e+03])
    """
    mean, std = checked_moments(mean, std)
    gap = mean - best - xi
    z = standardized(gap, std)
    # Either way is taken for all rows, and is wrong, or infinite, where the other one counts.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        near = np.log(gap * ndtr(z) + std * density)
        far = np.log(std) + log_of_tail(np.minimum(z, -1.0))
    return np.where(z > -1, near, far)


def log_probability_of_improvement(
    mean: ArrayLike, std: ArrayLike, best: float, xi: float = 0.0
) -> Floats:
    """Logarithm of the chance of a gain: :class:`skactive.strategies.ProbabilityOfImprovement`.

    For maximisation. Chances that are 0 or 1 in float64 still differ by their logarithms.

    Parameters
    ----------
    mean, std, best, xi
        As in `log_expected_improvement`.

    Returns
    -------
    ndarray of float64, shape (n,)
        At most 0.

    Raises
    ------
    ValueError
        As there.

    Examples
    --------
    >>> log_probability_of_improvement([1.0, -49.0], [1.0, 1.0], best=1.0).round(2)
    array([-6.90000e-01, -1.25483e+03])
    """
    mean, std = checked_moments(mean, std)
    return log_ndtr(standardized(mean - best - xi, std))


def upper_confidence_bound(mean: ArrayLike, std: ArrayLike, beta: float = 1.0) -> Floats:
    """Optimistic value, for maximisation: :class:`skactive.strategies.UpperConfidenceBound`.

    Parameters
    ----------
    mean, std
        As in `log_expected_improvement`.
    beta : float, default 1.0
        Number of standard deviations added; larger explores more.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the target's unit.

    Raises
    ------
    ValueError
        As there.

    Examples
    --------
    >>> upper_confidence_bound([1.0, 2.0], [0.5, 0.0], beta=2.0)
    array([2., 2.])
    """
    mean, std = checked_moments(mean, std)
    return mean + beta * std


def likeliest_errors(proba: ArrayLike) -> Floats:
    """How far probabilities are from being sure of their likeliest class: p - e_yhat.

    One factor of the gradient of the cross-entropy in the weights of a linear last layer, with that
    class as the label; the other factor is what the layer was given.

    Parameters
    ----------
    proba : array of float, shape (n, C)
        Probabilities of the classes.

    Returns
    -------
    ndarray of float64, shape (n, C)
        Rows sum to zero.

    Raises
    ------
    ValueError
        If the shape is wrong.

    Examples
    --------
    >>> likeliest_errors([[0.75, 0.25]])
    array([[-0.25,  0.25]])
    """
    proba = checked_array(proba, "proba", "nC")
    errors = np.array(proba, dtype=np.float64)
    errors[np.arange(len(errors)), proba.argmax(axis=1)] -= 1.0
    return errors


def expected_model_change(proba: ArrayLike, feature_norms: ArrayLike) -> Floats:
    """Expected length of a gradient: :class:`skactive.strategies.ExpectedModelChange`.

    The gradient of the cross-entropy with label c, in the weights of a linear layer that is given
    h, is the product of p - e_c with h: so its length is that of the one times that of the other.

    Parameters
    ----------
    proba : array of float, shape (n, C)
        Class probabilities, one row each.
    feature_norms : array of float, shape (n,)
        Length of what the last layer is given, in the unit of the features.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0, in the unit of the features; 0 only where a class is certain or the length 0.

    Raises
    ------
    ValueError
        If `proba` is not two-dimensional or has no column, or `feature_norms` is not one number a
        row, or negative.

    Examples
    --------
    >>> expected_model_change([[0.5, 0.5], [1.0, 0.0]], [2.0, 2.0]).round(6)
    array([1.414214, 0.      ])
    """
    proba = checked_array(proba, "proba", "nC")
    norms = unmasked(feature_norms, "feature_norms", None, np.float64)
    if norms.shape != (len(proba),):
        raise ValueError(
            f"feature_norms have shape {norms.shape} for {len(proba)} rows of proba; they must be "
            "(n,): one length a row."
        )
    if (negative := norms < 0).any():
        raise ValueError(
            f"feature_norms are negative at position {negative.argmax()}; lengths are at least 0."
        )
    return norms * scored_by_row(proba, expected_errors)


def _checked_votes(votes: ArrayLike) -> NDArray:
    """Return (S, n) class codes, refusing what is none."""
    votes = checked_array(votes, "votes", "Sn")
    if votes.dtype.kind not in "iu":
        raise TypeError(
            f"votes have dtype {votes.dtype}; class codes must be integers: "
            "write np.searchsorted(classes, votes)."
        )
    return votes
