"""How sure the labels of rows are that several people labelled: CROWDLAB, of arrays alone.

Opinions come as three aligned arrays: the row of each, from 0 on, as in `proba`; a code of who gave
it, from 0 on; and the code of the class, a column of `proba`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.codes import agreement_with_others
from ..data.types import Floats

LEAST = 1e-6  # of what a weight is, and of an error that others are divided by
Codes = NDArray[np.intp]


class Weights(NamedTuple):
    """How much the model and each annotator count.

    Attributes
    ----------
    model : float
        Weight of the model, against 1 for an annotator with whom all others agree.
    annotators : ndarray of shape (J,)
        Weight of each annotator.
    agreement : float
        Mean share of a row's opinions that agree with its label: how likely an opinion is right.
        NaN where no row has two.
    """

    model: float
    annotators: Floats
    agreement: float


def weights(rows: Codes, people: Codes, labels: Codes, chosen: Codes, proba: Floats) -> Weights:
    """Return the weights of CROWDLAB: :class:`skactive.strategies.ActiveLab` has the formula.

    Where no row has two opinions nobody can be compared, and all weights are 1.

    Parameters
    ----------
    rows, people, labels : ndarray of int, shape (k,)
        Opinions; each person has one of a row at most, and each row of `proba` has one.
    chosen : ndarray of int, shape (n,)
        The label that each row has by them, its consensus.
    proba : ndarray of shape (n, C)
        What a model says of the rows; best of one that did not learn them.

    Returns
    -------
    Weights
        Those of the model and of J annotators, one for each code.

    Examples
    --------
    >>> rows, people = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1])
    >>> proba = np.array([[0.8, 0.2], [0.3, 0.7], [0.9, 0.1]])
    >>> found = weights(rows, people, np.array([0, 0, 1, 0, 0]), np.array([0, 1, 0]), proba)
    >>> found.agreement
    0.75
    """
    n_people = people.max(initial=-1) + 1
    n_opinions = np.bincount(rows, minlength=len(proba))
    several = n_opinions > 1
    if not several.any():
        return Weights(1.0, np.ones(n_people), np.nan)
    among = chosen[several]
    # Of who says the commonest class of every row, whatever it is.
    error = max(float((among != np.bincount(among).argmax()).mean()), LEAST)
    agreeing = np.bincount(rows, labels == chosen[rows], minlength=len(proba))
    agrees = float((agreeing[several] / n_opinions[several]).mean())
    model_error = float((proba[several].argmax(axis=1) != among).mean())
    mean_opinions = len(rows) / np.count_nonzero(n_opinions)
    # Whoever shares no row with anybody is taken for the mean of those who do.
    shares = agreement_with_others(rows, people, labels, n_people)
    shares = np.where(np.isnan(shares), np.nanmean(shares), shares)
    return Weights(
        max(1 - model_error / error, LEAST) * float(np.sqrt(mean_opinions)),
        np.maximum(1 - (1 - shares) / error, LEAST),
        agrees,
    )


def posterior(rows: Codes, people: Codes, labels: Codes, proba: Floats, found: Weights) -> Floats:
    """Return how likely each class is of each row, by its opinions and by the model, weighted.

    Parameters
    ----------
    rows, people, labels : ndarray of int, shape (k,)
        Opinions, as of `weights`.
    proba : ndarray of shape (n, C)
        What the model says of the rows.
    found : Weights
        How much who counts.

    Returns
    -------
    ndarray of shape (n, C)
        Probabilities; where nobody said anything, or nobody can be compared, those of the model.
    """
    if np.isnan(found.agreement):
        return proba
    n_classes = proba.shape[1]
    each = found.annotators[people]
    wrong = (1 - found.agreement) / max(n_classes - 1, 1)
    out = found.model * proba + (np.bincount(rows, each, minlength=len(proba)) * wrong)[:, None]
    np.add.at(out, (rows, labels), each * (found.agreement - wrong))
    return out / (found.model + np.bincount(rows, each, minlength=len(proba)))[:, None]


def after_one_more(
    rows: Codes, people: Codes, quality: Floats, n_classes: int, found: Weights
) -> Floats:
    """Return how sure the labels of rows would be after one more opinion that says nothing.

    Parameters
    ----------
    rows, people : ndarray of int, shape (k,)
        Rows and annotators of opinions.
    quality : ndarray of shape (n,)
        How likely the label of each row is right, by `posterior`; of a row without opinions, the
        largest probability of the model.
    n_classes : int
        C: one more opinion, of which nothing is known yet, says each class with 1/C.
    found : Weights
        How much who counts.

    Returns
    -------
    ndarray of shape (n,)
        The lower, the more an opinion is worth.
    """
    mean = found.annotators.mean() if len(found.annotators) else 1.0
    so_far = found.model + np.bincount(rows, found.annotators[people], minlength=len(quality))
    return (so_far * quality + mean / n_classes) / (so_far + mean)
