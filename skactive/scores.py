"""Acquisition scores: arrays in, one float per row out.

Nothing here knows a model or a pool. Rows are taken in chunks small enough for the processor's
cache, so that nothing but the result grows with the number of rows. Inputs are never written to,
results are always float64, and a NaN in a row is a NaN in its score: refusing it is the caller's
decision.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

# Values (not rows) in a chunk, so that wide arrays get short chunks: half a megabyte, which the
# second-level cache holds twice. Fewer rows than the minimum would only pay for calls.
_CHUNK_VALUES = 60_000
_MIN_ROWS = 1024
_TINY = np.finfo(np.float64).tiny

Floats = NDArray[np.float64]


def least_confidence(proba: ArrayLike) -> Floats:
    r"""Probability that the likeliest class is wrong: :math:`1 - \max_c p_c`.

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

    References
    ----------
    B. Settles, "Active Learning Literature Survey", Computer Sciences Technical Report 1648,
    University of Wisconsin-Madison, 2009, section 3.1.

    Examples
    --------
    >>> least_confidence([[0.25, 0.75], [0.5, 0.5]])
    array([0.25, 0.5 ])
    """
    proba = _checked(proba, "proba", "nC")
    out = np.empty(len(proba))
    for rows, columns in _columns(proba):
        np.subtract(1.0, columns.max(axis=0), out=out[rows])
    return out


def margin(proba: ArrayLike) -> Floats:
    r"""Gap between the two likeliest classes: :math:`p_{(1)} - p_{(2)}`.

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

    References
    ----------
    T. Scheffer, C. Decomain and S. Wrobel, "Active Hidden Markov Models for Information
    Extraction", IDA 2001.

    Examples
    --------
    >>> margin([[0.25, 0.75], [0.5, 0.5]])
    array([0.5, 0. ])
    """
    return _gap(_checked(proba, "proba", "nC"))


def entropy(proba: ArrayLike) -> Floats:
    r"""Entropy of the class distribution in nats: :math:`-\sum_c p_c \log p_c`, 0 log 0 = 0.

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

    References
    ----------
    B. Settles, "Active Learning Literature Survey", Computer Sciences Technical Report 1648,
    University of Wisconsin-Madison, 2009, section 3.1.

    Examples
    --------
    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(6)
    array([0.      , 0.693147])
    """
    proba = _checked(proba, "proba", "nC")
    out = np.empty(len(proba))
    for rows, columns in _columns(proba):
        out[rows] = _entropy(columns)
    return out


def decision_margin(decision: ArrayLike) -> Floats:
    r"""Gap of a decision function: :math:`|f|`, or :math:`f_{(1)} - f_{(2)}` with a column a class.

    The counterpart of :func:`margin` for models without probabilities; strategies negate it.

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
    G. Schohn and D. Cohn, "Less is More: Active Learning with Support Vector Machines",
    ICML 2000.

    Examples
    --------
    >>> decision_margin([-0.5, 2.0])
    array([0.5, 2. ])
    >>> decision_margin([[1.0, -1.0, 0.5]])
    array([0.5])
    """
    decision = np.asarray(decision)
    if decision.ndim == 1:
        return np.abs(decision, dtype=np.float64)
    if decision.ndim != 2 or decision.shape[1] < 2:
        raise ValueError(
            f"decision has shape {decision.shape}; it must be (n,), or (n, C) with C >= 2: "
            "write decision[:, 0] for a single column."
        )
    return _gap(decision)


def vote_entropy(votes: ArrayLike, n_classes: int) -> Floats:
    r"""Entropy of the committee's votes: :math:`-\sum_c \frac{v_c}{S} \log \frac{v_c}{S}`.

    Here :math:`v_c` is the number of the S members that vote for class c.

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

    References
    ----------
    I. Dagan and S. Engelson, "Committee-Based Sampling for Training Probabilistic Classifiers",
    ICML 1995.

    Examples
    --------
    >>> vote_entropy([[0, 2], [1, 2], [0, 2]], n_classes=3).round(6)
    array([0.636514, 0.      ])
    """
    votes = _checked_votes(votes)
    n_members, n = votes.shape
    share = np.arange(n_members + 1) / n_members
    table = -share * np.log(np.maximum(share, _TINY)) + 0.0
    out = np.zeros(n)
    for rows in _chunks(n, max(n_members, n_classes)):
        for counts in _vote_counts(votes[:, rows], n_classes):
            out[rows] += table[counts]
    return out


def variation_ratios(votes: ArrayLike, n_classes: int) -> Floats:
    r"""Share of the members that do not vote as most do, higher where they disagree [1]_.

    :math:`1 - \max_c V_c / S`, where V_c of the S members vote for class c.

    Parameters
    ----------
    votes : array of int, shape (S, n)
        Position of the class that each member votes for, 0 to n_classes - 1.
    n_classes : int
        Number of classes C.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where all agree; at most 1 - 1 / min(S, C).

    Raises
    ------
    TypeError
        If the votes are not integers.
    ValueError
        If a vote is no class, or the shape is another.

    References
    ----------
    .. [1] L. C. Freeman, "Elementary Applied Statistics", Wiley, 1965.

    Examples
    --------
    >>> variation_ratios([[0, 2], [0, 1], [0, 1], [0, 0]], n_classes=3)
    array([0. , 0.5])
    """
    votes = _checked_votes(votes)
    n_members, n = votes.shape
    out = np.zeros(n)
    for rows in _chunks(n, max(n_members, n_classes)):
        out[rows] = 1 - _vote_counts(votes[:, rows], n_classes).max(axis=0) / n_members
    return out


def consensus_entropy(samples: ArrayLike) -> Floats:
    r"""Entropy of the committee's mean prediction: :math:`H(\bar p)`, in nats.

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

    References
    ----------
    B. Settles, "Active Learning Literature Survey", Computer Sciences Technical Report 1648,
    University of Wisconsin-Madison, 2009, section 3.2.

    Examples
    --------
    >>> consensus_entropy([[[1.0, 0.0]], [[0.0, 1.0]]]).round(6)
    array([0.693147])
    """
    samples = _checked(samples, "samples", "SnC")
    out = np.empty(samples.shape[1])
    for rows in _chunks(*samples.shape[1:]):
        out[rows] = _entropy(_mean(samples[:, rows]))
    return out


def max_disagreement(samples: ArrayLike) -> Floats:
    r"""Largest divergence of a member from the mean: :math:`\max_s KL(p_s \| \bar p)`, in nats.

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

    References
    ----------
    A. McCallum and K. Nigam, "Employing EM and Pool-Based Active Learning for Text
    Classification", ICML 1998 (there the mean over the members; here the maximum).

    Examples
    --------
    >>> max_disagreement([[[1.0, 0.0]], [[0.0, 1.0]]]).round(6)
    array([0.693147])
    """
    samples = _checked(samples, "samples", "SnC")
    out = np.zeros(samples.shape[1])  # rounding may leave a divergence just below 0
    for rows in _chunks(*samples.shape[1:]):
        log_mean = _log(_mean(samples[:, rows]))
        for member in samples:
            columns = np.array(member[rows].T, dtype=np.float64, order="C")
            divergence = _dot(columns, _log(columns) - log_mean)
            np.maximum(out[rows], divergence, out=out[rows])
    return out


def bald(samples: ArrayLike) -> Floats:
    r"""Information that a label gives about the model: :math:`H(\bar p) - \frac1S \sum_s H(p_s)`.

    Parameters
    ----------
    samples : array of float, shape (S, n, C)
        Class probabilities of S committee members or posterior samples.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 (also where rounding would say less) and log min(S, C), in nats.

    Raises
    ------
    ValueError
        If `samples` is not three-dimensional, or has no member or no class.

    References
    ----------
    N. Houlsby, F. Huszar, Z. Ghahramani and M. Lengyel, "Bayesian Active Learning for
    Classification and Preference Learning", arXiv:1112.5745, 2011.

    Examples
    --------
    >>> bald([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(6)
    array([0.693147, 0.      ])
    """
    samples = _checked(samples, "samples", "SnC")
    out = consensus_entropy(samples)
    for member in samples:
        within = entropy(member)
        within /= len(samples)
        out -= within
    return np.maximum(out, 0.0, out=out)


def expected_improvement(mean: ArrayLike, std: ArrayLike, best: float, xi: float = 0.0) -> Floats:
    r"""Expected gain over the best known value, for maximisation.

    With :math:`g = \mu - f^* - \xi` and :math:`z = g / \sigma`:
    :math:`g \Phi(z) + \sigma \varphi(z)`; where :math:`\sigma = 0`, :math:`\max(g, 0)`.

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
        At least 0, in the target's unit.

    Raises
    ------
    ValueError
        If `mean` and `std` are not one-dimensional and of one length, or `std` is negative.

    References
    ----------
    D. Jones, M. Schonlau and W. Welch, "Efficient Global Optimization of Expensive Black-Box
    Functions", Journal of Global Optimization 13, 1998.

    Examples
    --------
    >>> expected_improvement([1.0, 2.0], [1.0, 0.0], best=1.0).round(6)
    array([0.398942, 1.      ])
    """
    mean, std = _checked_moments(mean, std)
    gap = mean - best - xi
    z = _standardized(gap, std)
    with np.errstate(over="ignore"):  # z * z may reach infinity, where the density is 0
        density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return gap * ndtr(z) + std * density


def probability_of_improvement(
    mean: ArrayLike, std: ArrayLike, best: float, xi: float = 0.0
) -> Floats:
    r"""Probability of a gain over the best known value: :math:`\Phi((\mu - f^* - \xi) / \sigma)`.

    For maximisation. Where :math:`\sigma = 0` it is 1 for a gain above 0 and 0 otherwise.

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
        Between 0 and 1.

    Raises
    ------
    ValueError
        If `mean` and `std` are not one-dimensional and of one length, or `std` is negative.

    References
    ----------
    H. Kushner, "A New Method of Locating the Maximum Point of an Arbitrary Multipeak Curve in
    the Presence of Noise", Journal of Basic Engineering 86, 1964.

    Examples
    --------
    >>> probability_of_improvement([1.0, 2.0], [1.0, 0.0], best=1.0)
    array([0.5, 1. ])
    """
    mean, std = _checked_moments(mean, std)
    return ndtr(_standardized(mean - best - xi, std))


def upper_confidence_bound(mean: ArrayLike, std: ArrayLike, beta: float = 1.0) -> Floats:
    r"""Optimistic prediction, for maximisation: :math:`\mu + \beta \sigma`.

    Parameters
    ----------
    mean, std : array of float, shape (n,)
        Predictive mean and standard deviation, in the target's unit.
    beta : float, default 1.0
        Number of standard deviations added; larger explores more.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the target's unit.

    Raises
    ------
    ValueError
        If `mean` and `std` are not one-dimensional and of one length, or `std` is negative.

    References
    ----------
    P. Auer, "Using Confidence Bounds for Exploitation-Exploration Trade-offs", JMLR 3, 2002.
    N. Srinivas, A. Krause, S. Kakade and M. Seeger, "Gaussian Process Optimization in the Bandit
    Setting: No Regret and Experimental Design", ICML 2010.

    Examples
    --------
    >>> upper_confidence_bound([1.0, 2.0], [0.5, 0.0], beta=2.0)
    array([2., 2.])
    """
    mean, std = _checked_moments(mean, std)
    return mean + beta * std


def likeliest_errors(proba: ArrayLike) -> Floats:
    """How far probabilities are from being sure of their likeliest class: p - e_yhat.

    One factor of the gradient of the cross-entropy with that class for a label, in the weights of
    a linear last layer; the other is what that layer was given.

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
    proba = _checked(proba, "proba", "nC")
    errors = np.array(proba, dtype=np.float64)
    errors[np.arange(len(errors)), proba.argmax(axis=1)] -= 1.0
    return errors


def expected_model_change(proba: ArrayLike, feature_norms: ArrayLike) -> Floats:
    r"""Expected length of the last layer's gradient: :math:`\|h\| \sum_c p_c \|p - e_c\|`.

    The gradient of the cross-entropy with label c, in the weights of a linear layer that is given
    h, is :math:`(p - e_c) \otimes h`, so its length has this closed form.

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

    References
    ----------
    B. Settles, M. Craven and S. Ray, "Multiple-Instance Active Learning", NIPS 2007.

    Examples
    --------
    >>> expected_model_change([[0.5, 0.5], [1.0, 0.0]], [2.0, 2.0]).round(6)
    array([1.414214, 0.      ])
    """
    proba = _checked(proba, "proba", "nC")
    norms = np.asarray(feature_norms, dtype=np.float64)
    if norms.shape != (len(proba),):
        raise ValueError(
            f"feature_norms have shape {norms.shape} for {len(proba)} rows of proba; they must be "
            "(n,): one length a row."
        )
    if (negative := norms < 0).any():
        raise ValueError(
            f"feature_norms are negative at position {negative.argmax()}; lengths are at least 0."
        )
    out = np.empty(len(proba))
    for rows, columns in _columns(proba):
        out[rows] = norms[rows] * _expected_error(columns)
    return out


def _checked(array: ArrayLike, name: str, axes: str) -> NDArray:
    """`array` as an ndarray with one dimension for each letter; only that of n may be empty."""
    array = np.asarray(array)
    sizes = dict(zip(axes, array.shape, strict=False))
    if array.ndim != len(axes) or 0 in (size for axis, size in sizes.items() if axis != "n"):
        raise ValueError(
            f"{name} has shape {array.shape}; it must be ({', '.join(axes)}), "
            "where only n, the number of rows, may be 0."
        )
    return array


def _checked_votes(votes: ArrayLike) -> NDArray:
    """(S, n) class codes, refusing what is none."""
    votes = _checked(votes, "votes", "Sn")
    if votes.dtype.kind not in "iu":
        raise TypeError(
            f"votes have dtype {votes.dtype}; class codes must be integers: "
            "write np.searchsorted(classes, votes)."
        )
    return votes


def _checked_moments(mean: ArrayLike, std: ArrayLike) -> tuple[Floats, Floats]:
    """Predictive mean and standard deviation as float64 vectors of one length."""
    mean, std = np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
    if mean.ndim != 1 or mean.shape != std.shape:
        raise ValueError(
            f"mean has shape {mean.shape} and std {std.shape}; both must be (n,): one value a row."
        )
    if (negative := std < 0).any():
        raise ValueError(
            f"std is negative at position {negative.argmax()}; standard deviations are at least 0."
        )
    return mean, std


def _standardized(gap: Floats, std: Floats) -> Floats:
    """Gap in standard deviations; 0 / 0 is minus infinity, as no gain is no improvement."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = gap / std
    z[(gap == 0) & (std == 0)] = -np.inf
    return z


def _chunks(n: int, width: int) -> Iterator[slice]:
    """Slices of n rows, each of about `_CHUNK_VALUES` values where a row has `width`."""
    step = max(_MIN_ROWS, _CHUNK_VALUES // width)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def _columns(array: NDArray) -> Iterator[tuple[slice, Floats]]:
    """Chunks of the rows of an (n, C) array, each as float64 (C, rows) in one reused buffer."""
    for rows in _chunks(*array.shape):
        if rows.start == 0:
            buffer = np.empty((array.shape[1], rows.stop))
        columns = buffer[:, : rows.stop - rows.start]
        np.copyto(columns, array[rows].T)
        yield rows, columns


def _gap(array: NDArray) -> Floats:
    """Largest less second largest of each row; of a single column, the column itself."""
    out = np.empty(len(array))
    for rows, columns in _columns(array):
        largest, second = columns[0].copy(), None
        for column in columns[1:]:
            lower = np.minimum(largest, column)
            second = lower if second is None else np.maximum(second, lower, out=second)
            np.maximum(largest, column, out=largest)
        out[rows] = largest if second is None else largest - second
    return out


def _log(columns: Floats) -> Floats:
    """Logarithm that is finite at 0, so that 0 log 0 is 0; NaN stays NaN."""
    # Adding it changes no other probability that matters, and is faster than a maximum.
    logs = columns + _TINY
    return np.log(logs, out=logs)


def _dot(columns: Floats, logs: Floats) -> Floats:
    """Sum over c of columns * logs, both (C, rows); overwrites `logs`."""
    logs *= columns
    # One column after another: a reduction would sum a chunk of one row in another order, and
    # a score must not depend, in its last bit, on how the rows are cut.
    total = np.zeros(logs.shape[1])
    for terms in logs:
        total += terms
    return total


def _entropy(columns: Floats) -> Floats:
    """Entropy of each of (C, rows) distributions."""
    return 0.0 - _dot(columns, _log(columns))  # not -x: a certain row scores 0, not -0


def _expected_error(columns: Floats) -> Floats:
    """Sum over c of p_c times the length of p - e_c, for (C, rows) probabilities."""
    # The squares of the classes before and after c are summed apart from its own: taking that
    # from the sum of all would leave nothing but rounding where a class is nearly certain.
    squares = columns * columns
    after = np.zeros_like(columns)
    for c in range(len(columns) - 1, 0, -1):
        np.add(after[c], squares[c], out=after[c - 1])
    total, before = np.zeros(columns.shape[1]), np.zeros(columns.shape[1])
    for p, square, others in zip(columns, squares, after, strict=True):
        others += before
        total += p * np.sqrt((1.0 - p) ** 2 + others)
        before += square
    return total


def _mean(samples: NDArray) -> Floats:
    """Mean over the members of (S, rows, C) probabilities, as (C, rows)."""
    total = np.zeros(samples.shape[1:])
    for member in samples:
        total += member
    return np.divide(total.T, len(samples), order="C")


def _vote_counts(votes: NDArray, n_classes: int) -> NDArray[np.intp]:
    """(C, rows) counts of (S, rows) class codes."""
    if votes.min() < 0 or votes.max() >= n_classes:
        raise ValueError(
            f"votes hold class codes from {votes.min()} to {votes.max()}; "
            f"with n_classes={n_classes} they must lie in 0 to {n_classes - 1}."
        )
    # Bins by class, then row, so that each member's votes fall into C runs of neighbours.
    n = votes.shape[1]
    bins = np.multiply(votes, n, dtype=np.intp, casting="unsafe")
    bins += np.arange(n)
    return np.bincount(bins.ravel(), minlength=n_classes * n).reshape(n_classes, n)
