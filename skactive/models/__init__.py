"""Estimators as sources of arrays: probabilities, samples, standard deviations, embeddings."""

from .base import Model, last_step, refusal
from .sklearn import SklearnModel

__all__ = ["Model", "SklearnModel", "adapt", "last_step", "refusal"]


def adapt(estimator, classes=None, coded=None) -> Model:
    """Return the `Model` that reads arrays from a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted scikit-learn estimator.
    classes : ndarray of shape (C,), default=None
        Classes in the order of the columns to give; None for regressors.
    coded : ndarray of shape (k,), default=None
        The labels for which the integers 0..k-1 stood when it was fitted; None: it was fitted on
        labels as they are.

    Returns
    -------
    Model
        Gives its arrays for any rows.
    """
    return SklearnModel(estimator, classes, coded)
