"""Strategies that ask again: for another opinion on a labelled row, where that is worth more."""

from typing import NamedTuple

import numpy as np

from ..data.labels import encode, objects
from ..statistics import crowdlab
from ..utils.checks import checked_number
from .base import Strategy, name_of
from .diversity import Diverse
from .gradient import BAIT
from .registry import as_strategy, register
from .view import View


def refuse_keeping_away(strategy: Strategy) -> None:
    """Refuse a strategy that keeps away from labelled rows, around one that asks for them again."""
    inside = strategy.get_params(deep=False)
    parts = [as_strategy(inside[name]) for name in ("strategy", "first", "then") if name in inside]
    away = next((part for part in (strategy, *parts) if isinstance(part, Diverse | BAIT)), None)
    if away is not None:
        raise ValueError(
            f"{name_of(away)} keeps away from labelled rows, which {name_of(strategy)} is to ask "
            f"for again; give ActiveLab() or RelabelOrNew() alone, or in StochasticBatch."
        )
    for part in parts:
        refuse_keeping_away(part)


class _Rated(NamedTuple):
    """What is known of the labels of a view's rows, by the model and by what people said."""

    rows: np.ndarray  # of opinions, as positions in the view
    people: np.ndarray
    quality: np.ndarray  # how likely each row's label is right; without one, the likeliest class
    n_classes: int
    weights: crowdlab.Weights


def _rated(view: View) -> _Rated:
    """Return how sure labels are by CROWDLAB; without a label, how sure the model is of one."""
    rows, annotators, labels = view.opinions
    codes: dict = {}
    people = np.array([codes.setdefault(name, len(codes)) for name in annotators], dtype=np.intp)
    # What only those said who were outvoted is no class of the model.
    classes, proba = np.asarray(view.classes, dtype=object), view.proba
    new = sorted(set(labels.tolist()) - set(classes.tolist()))
    if new:
        classes = np.append(classes, objects(new))
        proba = np.hstack([proba, np.zeros((len(proba), len(new)))])
    quality, chosen = proba.max(axis=1), np.zeros(len(view), dtype=np.intp)
    chosen[view.labeled] = encode(view.y_labeled, classes)
    said, at = np.unique(rows, return_inverse=True)  # rows that were decided may have no opinions
    opinions, proba = (at, people, encode(labels, classes)), proba[said]
    weights = crowdlab.weights(*opinions, chosen[said], proba)
    sure = crowdlab.posterior(*opinions, proba, weights)
    quality[said] = sure[np.arange(len(said)), chosen[said]]
    return _Rated(rows, people, quality, len(classes), weights)


@register(None, "several annotators: another opinion, or another row", cost="O(nC)")
class ActiveLab(Strategy):
    r"""Least sure of its label after one more opinion, labelled already or not [1]_.

    What model and annotators say of a labelled row is averaged by the weights of CROWDLAB [2]_.
    Over the rows with several opinions, e is the share whose label is not the commonest one,
    :math:`e_M` that which the model predicts otherwise, :math:`a_j` the share of others' opinions
    with which annotator j agrees, and :math:`\ell` the mean share of opinions that agree with
    their row's label; :math:`\bar m` is the mean number of opinions of a row. Then

    .. math::
        w_j = \max(1 - (1 - a_j) / e, 10^{-6}), \quad
        w_M = \max(1 - e_M / e, 10^{-6}) \sqrt{\bar m},

        P_c \propto w_M p_c + \sum_j w_j v_{jc}, \quad
        v_{jc} = \ell \text{ if j said c, else } (1 - \ell) / (C - 1).

    With q the probability P of a row's label and :math:`\bar w` the mean of all :math:`w_j`, the
    score of a labelled row, and of one without a label, is minus

    .. math::
        \frac{(w_M + \sum_j w_j) q + \bar w / C}{w_M + \sum_j w_j + \bar w}, \quad
        \frac{w_M \max_c p_c + \bar w / C}{w_M + \bar w}.

    While no row has two opinions, all weights are 1 and q is what the model says of the label. The
    pool needs a consensus, and answers come with ``annotator=``.

    References
    ----------
    .. [1] Goh and Mueller (2023). ActiveLab: active learning with re-labeling by multiple
       annotators. ICLR Workshop on Trustworthy ML.
    .. [2] Goh, Tkachenko and Mueller (2022). CROWDLAB: supervised learning to infer consensus
       labels and quality scores for data with multiple annotators. arXiv:2210.06812.
    """

    rowwise = False
    asks_again = True
    reads = ("proba",)

    def score(self, view) -> np.ndarray:
        """Return minus how sure labels would be after one more opinion."""
        return -crowdlab.after_one_more(*_rated(view))


@register(None, "as `ActiveLab`, with a price of asking again", cost="O(nC)")
class RelabelOrNew(Strategy):
    r"""The label that is likeliest wrong, of a row that has one or not: :math:`\beta (1 - q)`.

    With q as for `ActiveLab`, how likely the label of a labelled row is right by the model and by
    all opinions; and of a row without a label :math:`1 - \max_c p_c`, as for `LeastConfidence`.
    The question is that of re-active learning [1]_, the answer its plainest form; the paper weighs
    entropies, or looks for the label that would change the model most.

    The pool needs a consensus, and answers come with ``annotator=``.

    Parameters
    ----------
    beta : float, default=1.0
        How much the doubt of a label that is there counts, against that of a new row; at least 0.

    References
    ----------
    .. [1] Lin, Mausam and Weld (2016). Re-active learning: active learning with relabeling. AAAI.
    """

    rowwise = False
    asks_again = True
    reads = ("proba",)

    def __init__(self, beta=1.0) -> None:
        self.beta = beta

    def score(self, view) -> np.ndarray:
        """Return how likely labels are wrong."""
        beta = checked_number(self.beta, "beta", name_of(self), 0)
        doubt = 1 - _rated(view).quality
        doubt[view.labeled] *= beta
        return doubt
