"""Scores of rows that have several labels each: column j of (n, L) probabilities is P(label j).

Rows of probabilities need not sum to one. A label is predicted where its probability is above one
half, or its decision above 0, unless predictions are given.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import checked_array, chunks_of_rows, scored_by_row
from ..data.columns import logs_of
from ..data.types import Floats
from ..utils.checks import checked_number


def label_least_confidence(proba: ArrayLike, aggregate: str = "max") -> Floats:
    """Chance that a label is other than predicted: :class:`skactive.strategies.LeastConfidence`.

    Parameters
    ----------
    proba : array of float, shape (n, L)
        Probability of each label, one row each.
    aggregate : {"max", "mean"}, default="max"
        Over the labels: the most doubtful one, or all of them.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and 0.5; larger is less certain.

    Raises
    ------
    ValueError
        If `proba` is not two-dimensional or has no column, or `aggregate` is another.

    Examples
    --------
    >>> label_least_confidence([[0.75, 0.0], [0.5, 1.0]])
    array([0.25, 0.5 ])
    """
    return _of_labels(lambda p: np.minimum(p, 1.0 - p), proba, aggregate)


def label_margin(proba: ArrayLike, aggregate: str = "max") -> Floats:
    """Gap between a label and its absence: :class:`skactive.strategies.Margin`.

    A *small* margin is worth an answer, so strategies negate it.

    Parameters
    ----------
    proba : array of float, shape (n, L)
        Probability of each label, one row each.
    aggregate : {"max", "mean"}, default="max"
        Over the labels: the gap of the most doubtful one, or the mean.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and 1; smaller is less certain.

    Raises
    ------
    ValueError
        As in `label_least_confidence`.

    Examples
    --------
    >>> label_margin([[0.75, 0.0], [0.5, 1.0]])
    array([0.5, 0. ])
    """
    return -_of_labels(lambda p: -np.abs(2.0 * p - 1.0), proba, aggregate)


def label_entropy(proba: ArrayLike, aggregate: str = "max") -> Floats:
    """Entropy of a label in nats, 0 log 0 = 0: :class:`skactive.strategies.Entropy`.

    Parameters
    ----------
    proba : array of float, shape (n, L)
        Probability of each label, one row each.
    aggregate : {"max", "mean"}, default="max"
        Over the labels: the most doubtful one, or all of them.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and log 2; larger is less certain.

    Raises
    ------
    ValueError
        As in `label_least_confidence`.

    Examples
    --------
    >>> label_entropy([[1.0, 0.0], [0.5, 1.0]], aggregate="mean").round(6)
    array([0.      , 0.346574])
    """
    return _of_labels(_binary_entropies, proba, aggregate)


def label_decision_margin(decision: ArrayLike, aggregate: str = "max") -> Floats:
    r"""Gap of the decision functions of labels: :math:`|f|` of the most doubtful one, or the mean.

    The counterpart of `label_margin` for models without probabilities; strategies negate it. Of the
    most doubtful label it is binary minimum: :class:`skactive.strategies.BinaryMinimum`.

    Parameters
    ----------
    decision : array of float, shape (n, L)
        Signed distance of each label, one row each.
    aggregate : {"max", "mean"}, default="max"
        Over the labels: the gap of the most doubtful one, or the mean.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0; smaller is less certain.

    Raises
    ------
    ValueError
        As in `label_least_confidence`.

    Examples
    --------
    >>> label_decision_margin([[-0.5, 2.0], [3.0, -1.0]])
    array([0.5, 1. ])
    """
    return -_of_labels(lambda f: -np.abs(f), decision, aggregate, "decision")


def separation_uncertainty(decision: ArrayLike) -> Floats:
    r"""One over the gap of predicted labels to others: :class:`skactive.strategies.MaxMargin`.

    Parameters
    ----------
    decision : array of float, shape (n, L)
        A value of each label, whose sign predicts it: a decision function, or the log odds of a
        probability.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0; 0 where all labels are predicted, or none. Larger is less certain.

    Raises
    ------
    ValueError
        If `decision` is not two-dimensional or has no column.

    Examples
    --------
    >>> separation_uncertainty([[1.5, -0.5, 3.0], [-1.0, -2.0, -3.0]])
    array([0.5, 0. ])
    """
    return scored_by_row(decision, _separations, "decision")


def cardinality_inconsistency(prediction: ArrayLike, cardinality: float) -> Floats:
    """How far the number of predicted labels is from a usual one.

    A factor of :class:`skactive.strategies.AdaptiveMargin`.

    Parameters
    ----------
    prediction : array of bool, shape (n, L)
        Whether each label is predicted.
    cardinality : float
        How many labels a row has as a rule: the mean over the labelled rows.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and L.

    Raises
    ------
    ValueError
        If `prediction` is not two-dimensional or has no column, or `cardinality` is negative.

    Examples
    --------
    >>> cardinality_inconsistency([[1, 1, 0], [0, 0, 0]], cardinality=1.5)
    array([0.5, 1.5])
    """
    cardinality = checked_number(cardinality, "cardinality", "cardinality_inconsistency", 0.0)
    return scored_by_row(prediction, lambda given: np.abs(_sums(given) - cardinality), "prediction")


def adaptive_margin(decision: ArrayLike, cardinality: float, beta: float = 0.5) -> Floats:
    r"""Separation times inconsistency, :math:`u^\beta c^{1 - \beta}`.

    See `separation_uncertainty`, `cardinality_inconsistency` and
    :class:`skactive.strategies.AdaptiveMargin`.

    Parameters
    ----------
    decision
        As in `separation_uncertainty`.
    cardinality
        As in `cardinality_inconsistency`.
    beta : float, default=0.5
        In [0, 1]: with 1 the separation counts alone, with 0 the number of labels.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0.

    Raises
    ------
    ValueError
        As in these two, or if `beta` lies outside [0, 1].

    Examples
    --------
    >>> adaptive_margin([[2.0, -2.0], [2.0, 1.0]], cardinality=2.0)
    array([0.5, 0. ])
    """
    beta = checked_number(beta, "beta", "adaptive_margin", 0.0, 1.0)
    decision = checked_array(decision, "decision", "nC")
    scores = separation_uncertainty(decision)
    counts = cardinality_inconsistency(decision > 0, cardinality)
    products = scores**beta * counts ** (1.0 - beta)
    return np.where(np.isnan(scores), scores, products)  # NaN to the power of 0 is 1


def min_confidence(proba: ArrayLike) -> Floats:
    """Probability of the least likely label: :class:`skactive.strategies.MinConfidence`.

    modAL asks for the row where it is *smallest*, so strategies negate it. No doubt is measured: a
    row with a label that is certainly absent comes first.

    Parameters
    ----------
    proba : array of float, shape (n, L)
        Probability of each label, one row each.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and 1.

    Raises
    ------
    ValueError
        If `proba` is not two-dimensional or has no column.

    Examples
    --------
    >>> min_confidence([[0.75, 0.25], [0.5, 1.0]])
    array([0.25, 0.5 ])
    """
    return scored_by_row(proba, lambda columns: columns.min(axis=0))


def avg_confidence(proba: ArrayLike) -> Floats:
    """Mean probability of the labels: :class:`skactive.strategies.AvgConfidence`.

    Parameters
    ----------
    proba : array of float, shape (n, L)
        Probability of each label, one row each.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 0 and 1; largest where most labels are sure to be there.

    Raises
    ------
    ValueError
        If `proba` is not two-dimensional or has no column.

    Examples
    --------
    >>> avg_confidence([[0.75, 0.25], [0.5, 1.0]])
    array([0.5 , 0.75])
    """
    return scored_by_row(proba, _means)


def max_score(proba: ArrayLike, prediction: ArrayLike | None = None) -> Floats:
    """Half the largest probability of a predicted label: :class:`skactive.strategies.MaxScore`.

    Where no label is predicted, minus half the smallest probability.

    Parameters
    ----------
    proba : array of float, shape (n, L)
        Probability of each label, one row each.
    prediction : array of bool, shape (n, L), default=None
        Whether each label is predicted. None: where its probability is above one half.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between -0.5 and 0.5.

    Raises
    ------
    ValueError
        If `proba` is not two-dimensional or has no column, or `prediction` has another shape.

    Examples
    --------
    >>> max_score([[0.75, 0.25], [0.5, 0.125]])
    array([ 0.375 , -0.0625])
    """
    return _with_predictions(proba, prediction, lambda p, is_in: _signed(p, is_in).max(axis=0))


def avg_score(proba: ArrayLike, prediction: ArrayLike | None = None) -> Floats:
    """Mean of half a probability, negative if not predicted: :class:`skactive.strategies.AvgScore`.

    Parameters
    ----------
    proba, prediction
        As in `max_score`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between -0.5 and 0.5.

    Raises
    ------
    ValueError
        As there.

    Examples
    --------
    >>> avg_score([[0.75, 0.25], [0.5, 0.125]])
    array([ 0.125  , -0.15625])
    """
    return _with_predictions(proba, prediction, lambda p, is_in: _means(_signed(p, is_in)))


def max_loss(proba: ArrayLike, prediction: ArrayLike | None = None) -> Floats:
    """Hinge loss if the likeliest label were the only one: :class:`skactive.strategies.MaxLoss`.

    Parameters
    ----------
    proba, prediction
        As in `max_score`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Twice the number of labels that are predicted otherwise.

    Raises
    ------
    ValueError
        As there.

    Examples
    --------
    >>> max_loss([[0.75, 0.625], [0.75, 0.125]])
    array([2., 0.])
    """
    return _with_predictions(proba, prediction, _losses)


def mean_max_loss(prediction: ArrayLike) -> Floats:
    """Mean loss if each label were the only one: :class:`skactive.strategies.MeanMaxLoss`.

    Parameters
    ----------
    prediction : array of bool, shape (n, L)
        Whether each label is predicted.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0. It depends on the number of predicted labels alone, and so ties often.

    Raises
    ------
    ValueError
        If `prediction` is not two-dimensional or has no column.

    Examples
    --------
    >>> mean_max_loss([[1, 1], [1, 0], [0, 0]])
    array([1. , 1.5, 1. ])
    """
    return scored_by_row(prediction, _mean_losses, "prediction")


def likeliest_label_errors(proba: ArrayLike) -> Floats:
    """How far probabilities are from being sure of the likelier value of each label: p - y.

    One factor of the gradient of the binary cross-entropy in the weights of a linear last layer
    with sigmoids, with those values as the labels; the other factor is what the layer was given.

    Parameters
    ----------
    proba : array of float, shape (n, L)
        Probability of each label, one row each.

    Returns
    -------
    ndarray of float64, shape (n, L)
        Between -0.5 and 0.5.

    Raises
    ------
    ValueError
        If the shape is wrong.

    Examples
    --------
    >>> likeliest_label_errors([[0.75, 0.25]])
    array([[-0.25,  0.25]])
    """
    proba = checked_array(proba, "proba", "nC")
    errors = np.array(proba, dtype=np.float64)
    errors -= proba > 0.5
    return errors


# Arithmetic on chunks, (L, rows)


def _of_labels(
    doubts: Callable[[Floats], Floats], values: ArrayLike, aggregate: str, name: str = "proba"
) -> Floats:
    """Return for each row the largest doubt of its labels, or their mean."""
    if aggregate not in _AGGREGATES:
        raise ValueError(f"aggregate is {aggregate!r}; give 'max' or 'mean'.")
    together = _AGGREGATES[aggregate]
    return scored_by_row(values, lambda columns: together(doubts(columns)), name)


def _sums(columns: Floats) -> Floats:
    """Return the sum of each row, in an order that does not depend on how rows are cut."""
    total = np.zeros(columns.shape[1])
    for column in columns:
        total += column
    return total


def _means(columns: Floats) -> Floats:
    """Return the mean of each row."""
    return _sums(columns) / len(columns)


_AGGREGATES: dict[str, Callable[[Floats], Floats]] = {
    "max": lambda columns: columns.max(axis=0),
    "mean": _means,
}


def _binary_entropies(columns: Floats) -> Floats:
    """Return the entropy of each label."""
    absent = 1.0 - columns
    return 0.0 - columns * logs_of(columns) - absent * logs_of(absent)


def _separations(columns: Floats) -> Floats:
    """Return one over the gap between the lowest value above 0 and the highest other one."""
    is_in = columns > 0
    lowest = np.where(is_in, columns, np.inf).min(axis=0)
    highest = np.where(is_in, -np.inf, columns).max(axis=0)
    return 1.0 / (lowest - highest)


def _signed(columns: Floats, is_in: Floats) -> Floats:
    """Return half of each probability, negative where its label is not predicted."""
    return columns * (is_in - 0.5)


def _losses(columns: Floats, is_in: Floats) -> Floats:
    """Return the hinge loss, with predictions of -1 and 1, if the likeliest label were alone."""
    is_only = np.arange(len(columns))[:, None] == columns.argmax(axis=0)
    losses = 2.0 * _sums(is_only != (is_in > 0))
    return np.where(np.isnan(columns).any(axis=0), np.nan, losses)


def _mean_losses(is_in: Floats) -> Floats:
    """Return the mean over labels c of max(0, 1 - sum of s_j t_cj), all s and t being -1 or 1."""
    n_labels, n_in = len(is_in), _sums(is_in)
    # With t_c = 2 e_c - 1 the sum is 2 s_c - sum of s: one of two values, by what c is.
    rest = 1.0 + 2.0 * n_in - n_labels
    losses = n_in * np.maximum(rest - 2.0, 0.0) + (n_labels - n_in) * np.maximum(rest + 2.0, 0.0)
    return losses / n_labels


def _with_predictions(
    proba: ArrayLike, prediction: ArrayLike | None, score: Callable[[Floats, Floats], Floats]
) -> Floats:
    """Return a score of each row's probabilities and predictions, given chunks as columns."""
    proba = checked_array(proba, "proba", "nC")
    given: NDArray | None = None
    if prediction is not None:
        given = checked_array(prediction, "prediction", "nC")
        if given.shape != proba.shape:
            raise ValueError(
                f"prediction has shape {given.shape}, and proba {proba.shape}; give one of each "
                f"label and row."
            )
    out = np.empty(len(proba))
    for rows in chunks_of_rows(*proba.shape):
        columns = np.array(proba[rows].T, dtype=np.float64, order="C")
        is_in = columns > 0.5 if given is None else given[rows].T
        out[rows] = score(columns, np.asarray(is_in, dtype=np.float64))
    return out
