"""Strategies for rows with several labels each; those of modAL by its names, as they are.

Beside them, `Margin`, `LeastConfidence` and `Entropy` serve such rows, and all that asks where rows
lie.
"""

import numpy as np
from scipy.special import logit

from .. import scores
from ..utils.checks import checked_number
from .base import SEVERAL, Strategy, name_of
from .registry import register


class SeveralLabels(Strategy):
    """Base of strategies for rows with several labels each."""

    labels_per_row = SEVERAL


@register("max_margin", "labels that the model hardly tells apart", cost="O(nL)")
class MaxMargin(SeveralLabels):
    r"""Smallest gap between the labels that are predicted and the others [1]_.

    It is the largest :math:`u = 1 / (\min_{f_j > 0} f_j - \max_{f_j \le 0} f_j)`, with :math:`f_j`
    the decision function of label j, or its log odds where there are probabilities alone. Where all
    labels are predicted, or none, it is 0.

    References
    ----------
    .. [1] Li and Guo (2013). Active learning with multi-label SVM classification. IJCAI.
    """

    reads = (("decision", "proba"),)

    def score(self, view) -> np.ndarray:
        """Return one over the gap."""
        return scores.separation_uncertainty(_decision(view))


@register("adaptive_margin", "as `max_margin`; unusual numbers of labels", cost="O(nL)")
class AdaptiveMargin(SeveralLabels):
    r"""The doubt of `MaxMargin` where the number of predicted labels is unusual [1]_.

    It is :math:`u^\beta c^{1 - \beta}` with u as there, and :math:`c = |n_x - \bar n|` how far the
    number of predicted labels is from their mean number in labelled rows. The paper trains the
    model anew for each of eleven :math:`\beta`, on the row that it would take, and keeps the one
    with the least estimated error; here it is a parameter.

    Parameters
    ----------
    beta : float, default=0.5
        :math:`\beta` in [0, 1]: with 1 the gap counts alone, with 0 the number of labels.

    References
    ----------
    .. [1] Li and Guo (2013). Active learning with multi-label SVM classification. IJCAI.
    """

    reads = (("decision", "proba"),)

    def __init__(self, beta=0.5) -> None:
        self.beta = beta

    def score(self, view) -> np.ndarray:
        """Return the product of the two."""
        beta, known = checked_number(self.beta, "beta", name_of(self), 0.0, 1.0), view.y_labeled
        if len(known) == 0:
            raise ValueError(
                f"{name_of(self)} compares with the labels of labelled rows; give one first."
            )
        cardinality = float(np.asarray(known).sum(axis=1).mean())
        return scores.adaptive_margin(_decision(view), cardinality, beta)


@register("svm_binary_minimum", "support vector machines; `margin` by decisions", cost="O(nL)")
class BinaryMinimum(SeveralLabels):
    r"""The label nearest its boundary, modAL's ``SVM_binary_minimum`` [1]_: :math:`-\min_j |f_j|`.

    References
    ----------
    .. [1] Brinker (2006). On active learning in multi-label classification. From Data and
       Information Analysis to Knowledge Engineering.
    """

    reads = ("decision",)

    def score(self, view) -> np.ndarray:
        """Return minus the distance of the nearest label."""
        return -scores.label_decision_margin(view.decision)


@register("min_confidence", "modAL's; no doubt is measured", cost="O(nL)")
class MinConfidence(SeveralLabels):
    r"""The row with the least likely label of all, modAL's [1]_: :math:`-\min_j p_j`.

    No doubt is measured: rows come first of which a label is certainly absent.

    References
    ----------
    .. [1] Esuli and Sebastiani (2009). Active learning strategies for multi-label text
       classification. ECIR.
    """

    reads = ("proba",)

    def score(self, view) -> np.ndarray:
        """Return minus the smallest probability."""
        return -scores.min_confidence(view.proba)


@register("avg_confidence", "modAL's; rows with many labels", cost="O(nL)")
class AvgConfidence(SeveralLabels):
    r"""The row with the likeliest labels on average, modAL's [1]_: :math:`\frac{1}{L} \sum_j p_j`.

    No doubt is measured: rows come first to which the model gives most labels, with certainty.

    References
    ----------
    .. [1] Esuli and Sebastiani (2009). Active learning strategies for multi-label text
       classification. ECIR.
    """

    reads = ("proba",)

    def score(self, view) -> np.ndarray:
        """Return the mean probability."""
        return scores.avg_confidence(view.proba)


@register("max_score", "modAL's; a label that is certainly there", cost="O(nL), another prediction")
class MaxScore(SeveralLabels):
    r"""The row with the likeliest predicted label, modAL's [1]_: :math:`\max_j p_j (y_j - 1/2)`.

    With :math:`y_j` 1 where label j is predicted, else 0. No doubt is measured.

    References
    ----------
    .. [1] Esuli and Sebastiani (2009). Active learning strategies for multi-label text
       classification. ECIR.
    """

    reads = ("proba", "prediction")

    def score(self, view) -> np.ndarray:
        """Return the largest signed half of a probability."""
        return scores.max_score(view.proba, view.prediction)


@register("avg_score", "modAL's; rows with many labels", cost="O(nL), another prediction")
class AvgScore(SeveralLabels):
    r"""The mean of what `MaxScore` looks at, modAL's [1]_.

    It is :math:`\frac{1}{L} \sum_j p_j (y_j - 1/2)`. No doubt is measured.

    References
    ----------
    .. [1] Esuli and Sebastiani (2009). Active learning strategies for multi-label text
       classification. ECIR.
    """

    reads = ("proba", "prediction")

    def score(self, view) -> np.ndarray:
        """Return the mean signed half of the probabilities."""
        return scores.avg_score(view.proba, view.prediction)


@register("max_loss", "modAL's; few values, many ties", cost="O(nL), another prediction")
class MaxLoss(SeveralLabels):
    r"""Largest hinge loss if the likeliest label were the only one, modAL's [1]_.

    It is :math:`\sum_j \max(0, 1 - s_j t_j)` with :math:`s_j` 1 where label j is predicted, else
    -1, and :math:`t_j` 1 for the likeliest label, else -1: twice the number of labels that differ.
    The paper has decision functions for s.

    References
    ----------
    .. [1] Li, Wang and Sung (2004). Multilabel SVM active learning for image classification. ICIP.
    """

    reads = ("proba", "prediction")

    def score(self, view) -> np.ndarray:
        """Return the loss."""
        return scores.max_loss(view.proba, view.prediction)


@register("mean_max_loss", "modAL's; few values, many ties", cost="O(nL)")
class MeanMaxLoss(SeveralLabels):
    r"""Largest mean loss if each label in turn were the only one, modAL's [1]_.

    It is :math:`\frac{1}{L} \sum_c \max(0, 1 - \sum_j s_j t_{cj})` with s as in `MaxLoss` and
    :math:`t_{cj}` 1 where j = c, else -1. It depends on the number of predicted labels alone.

    References
    ----------
    .. [1] Li, Wang and Sung (2004). Multilabel SVM active learning for image classification. ICIP.
    """

    reads = ("prediction",)

    def score(self, view) -> np.ndarray:
        """Return the mean loss."""
        return scores.mean_max_loss(view.prediction)


def _decision(view) -> np.ndarray:
    """Return a value of each label whose sign predicts it: its log odds, if there is no other."""
    if view.gives("decision"):
        return view.decision
    return logit(np.asarray(view.proba, dtype=np.float64))
