"""Scores of texts in which tokens are labelled, as where spans are to be found."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..data.arrays import check_probabilities
from ..data.types import Floats
from .one_label import least_confidence
from .parts import as_plain, checked_confidences, checked_parts, reduced


def sequence_least_confidence(
    proba: ArrayLike,
    row: ArrayLike,
    n_rows: int,
    *,
    normalized: bool = False,
    empty: float = 0.0,
) -> Floats:
    r"""How unsure a model is of the likeliest labels of a whole text.

    :math:`1 - P(\hat y | x)` [1]_, where :math:`P(\hat y | x) = \prod_t p(\hat y_t)` over its
    tokens t; or, normalised, :math:`-\frac{1}{T} \log P(\hat y | x)`, which is the negative of the
    maximum normalised log-probability (MNLP) [2]_. The first prefers long texts, and is 1, up to
    rounding, for all that are long enough; the second does not.

    Token entropy, total or mean, is `part_uncertainty` by "entropy", reduced by "sum" or "mean".

    Parameters
    ----------
    proba : array of float, shape (n_tokens, C) or (n_tokens,)
        Probabilities of the labels of each token, which sum to one, of which the largest counts;
        or that of the predicted label alone, given the labels before it where the model is a
        sequence's, such as a CRF.
    row : array of int, shape (n_tokens,)
        The text that each token is in, from 0 to n_rows - 1.
    n_rows : int
        How many texts there are, those without tokens too.
    normalized : bool, default=False
        Whether the length of the text is divided out.
    empty : float, default=0.0
        The value of a text without tokens.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Larger is less certain: from 0 to 1, or, normalised, at least 0.

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, probabilities do not sum to one, that of a predicted label is not
        above 0, or a row lies outside 0 to n_rows - 1.

    References
    ----------
    .. [1] Settles and Craven (2008). An analysis of active learning strategies for sequence
       labeling tasks. EMNLP.
    .. [2] Shen et al. (2018). Deep active learning for named entity recognition. ICLR.

    Examples
    --------
    >>> proba = [[0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    >>> sequence_least_confidence(proba, [0, 0, 1], 2)
    array([0.625, 0.25 ])
    >>> sequence_least_confidence(proba, [0, 0, 1], 2, normalized=True).round(4)
    array([0.4904, 0.2877])
    """
    who = "sequence_least_confidence"
    if not isinstance(normalized, bool | np.bool_):
        raise TypeError(f"{who} got normalized={normalized!r}; give True or False.")
    rows, n, empty = checked_parts(row, n_rows, who, empty=empty)
    proba = as_plain(proba, "proba", who)
    if proba.ndim == 2:
        # Rows may miss a sum of one by a little, and the largest may exceed one by as much.
        proba = np.minimum(1.0 - least_confidence(check_probabilities(proba, who=who)), 1.0)
    sure = checked_confidences(proba, len(rows), who, "proba")
    if not (sure > 0).all():
        part = int((sure == 0).argmax())
        raise ValueError(
            f"{who} got proba 0 at part {part}; the probability of a predicted label is above 0."
        )
    losses = reduced(-np.log(sure), rows, n, "mean" if normalized else "sum", 0.0)
    scores = losses if normalized else -np.expm1(-losses)
    scores[np.bincount(rows, minlength=n) == 0] = empty
    return scores
