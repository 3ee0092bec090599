"""Strategies that ask where the members of an ensemble disagree."""

import numpy as np

from .. import scores, selection
from ..data.chance import other_draw
from ..utils.checks import checked_count
from .base import Strategy, name_of
from .registry import register


class Committee(Strategy):
    """Base of strategies over the members of a fitted ensemble.

    A committee is any ensemble whose members predict the classes themselves (a forest, bagging,
    voting), or a skorch net with dropout, by 20 passes in which it is on.
    """

    reads = ("samples",)


@register("vote_entropy", "members that only vote; few values, many ties", cost="O(nSC)")
class VoteEntropy(Committee):
    r"""Largest entropy of the votes [1]_: :math:`-\sum_c \frac{V_c}{S} \log \frac{V_c}{S}`.

    References
    ----------
    .. [1] Dagan and Engelson (1995). Committee-based sampling for training probabilistic
       classifiers. ICML.
    """

    def score(self, view) -> np.ndarray:
        """Return the entropy of the votes in nats."""
        samples = view.samples
        return scores.vote_entropy(samples.argmax(axis=2), samples.shape[2])


@register("variation_ratios", "as `vote_entropy`; looks at the winner alone", cost="O(nSC)")
class VariationRatios(Committee):
    r"""Fewest votes for the class with most votes [1]_: :math:`1 - \max_c V_c / S`.

    References
    ----------
    .. [1] Freeman (1965). Elementary applied statistics. Wiley.
    """

    def score(self, view) -> np.ndarray:
        """Return the share of members that do not vote as most do."""
        samples = view.samples
        return scores.variation_ratios(samples.argmax(axis=2), samples.shape[2])


@register("consensus_entropy", "as `entropy`, of the members' mean", cost="O(nSC)")
class ConsensusEntropy(Committee):
    r"""Largest entropy of the members' mean probabilities: :math:`H(\bar p)`."""

    def score(self, view) -> np.ndarray:
        """Return the entropy of the mean in nats."""
        return scores.consensus_entropy(view.samples)


@register("max_disagreement", "one member that is far from the others", cost="O(nSC)")
class MaxDisagreement(Committee):
    r"""Largest divergence of a member from the consensus: :math:`\max_s KL(p_s \| \bar p)`.

    The paper [1]_ takes the mean over the members instead of the largest.

    References
    ----------
    .. [1] McCallum and Nigam (1998). Employing EM and pool-based active learning for text
       classification. ICML.
    """

    def score(self, view) -> np.ndarray:
        """Return the largest Kullback-Leibler divergence in nats."""
        return scores.max_disagreement(view.samples)


@register("bald", "to tell noisy labels from what the model does not know yet", cost="O(nSC)")
class BALD(Committee):
    r"""Most to learn about the model [1]_: :math:`H(\bar p) - \frac{1}{S} \sum_s H(p_s)`.

    References
    ----------
    .. [1] Houlsby, Huszár, Ghahramani and Lengyel (2011). Bayesian active learning for
       classification and preference learning. arXiv:1112.5745.
    """

    def score(self, view) -> np.ndarray:
        """Return the mutual information between label and member in nats."""
        return scores.bald(view.samples)


@register("epig", "as `bald`, for the predictions of target rows", cost="O(nmSC²), m targets")
class EPIG(Committee):
    r"""Most to learn about the labels of target rows [1]_: :math:`\frac{1}{m} \sum_* I(y; y_*)`.

    With :math:`I(y; y_*) = H(\bar p) + H(\bar p_*) - H(\frac{1}{S} \sum_s p_s p_{s*}^T)`, what the
    label of a row tells about that of each of m targets. `BALD` counts all that a label tells about
    the model, also what matters to no row that will be predicted.

    Parameters
    ----------
    n_targets : int, default=100
        How many targets are drawn from all rows, anew in each round.
    targets : array-like of int, default=None
        The targets instead: row numbers of the pool, or positions in the X that `query` is given.
        Rows that are targets alone are kept from being chosen by ``query(subset=...)``.

    References
    ----------
    .. [1] Bickford Smith, Kirsch, Farquhar, Gal, Foster and Rainforth (2023). Prediction-oriented
       Bayesian active learning. AISTATS.
    """

    rowwise = False

    def __init__(self, n_targets=100, targets=None) -> None:
        self.n_targets = n_targets
        self.targets = targets

    def score(self, view) -> np.ndarray:
        """Return the mean information about the labels of the targets in nats."""
        if self.targets is None:
            n_targets = checked_count(self.n_targets, "n_targets", name_of(self))
            at = selection.top(other_draw(view.row_random()), n_targets)
            targets = view.part(view.take(at), at)
        else:
            targets = view.of_numbers(self.targets)
        # Row by row from here on, so that the members' probabilities of all rows are never kept.
        return view.score(_InformationAbout(targets.samples))


class _InformationAbout(Committee):
    """What a label tells about those of target rows, of which these are the samples."""

    def __init__(self, targets):
        self.targets = targets

    def score(self, view):
        """Return the mean information in nats."""
        return scores.epig(view.samples, self.targets)


@register("batch_bald", "small batches over an ensemble", cost="at most O(knSCM), M joint labels")
class BatchBALD(Committee):
    r"""The batch whose labels tell most about the model [1]_.

    Greedily largest :math:`I(y_1, \ldots, y_b; \theta)`, so that rows which tell the same do not
    count twice. Reserved rows count as chosen.

    Parameters
    ----------
    max_configurations : int, default=10_000
        Up to so many joint labels of a batch are all counted; of more, so many are sampled.

    References
    ----------
    .. [1] Kirsch, van Amersfoort and Gal (2019). BatchBALD: efficient and diverse batch acquisition
       for deep Bayesian active learning. NeurIPS.
    """

    rowwise = False

    def __init__(self, max_configurations=10_000) -> None:
        self.max_configurations = max_configurations

    def select(self, view, n) -> np.ndarray:
        """Return the rows in the order in which they joined the batch."""
        return selection.batch_bald(
            view.samples,
            n,
            candidates=view.mask,
            centers=view.reserved,
            max_configurations=self.max_configurations,
            rng=view.rng,
        )
