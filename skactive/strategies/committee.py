"""Strategies that ask where the members of an ensemble disagree."""

from .. import scores, selection
from .base import Strategy
from .registry import register


class Committee(Strategy):
    """Base of strategies over the members of a fitted ensemble.

    Any ensemble whose members predict the classes themselves is a committee: forests, bagging,
    voting. So is a skorch net with Dropout layers, by 20 passes with dropout.
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

    def score(self, view):
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

    def score(self, view):
        """Return the share of members that do not vote as most do."""
        samples = view.samples
        return scores.variation_ratios(samples.argmax(axis=2), samples.shape[2])


@register("consensus_entropy", "as `entropy`, of the members' mean", cost="O(nSC)")
class ConsensusEntropy(Committee):
    r"""Largest entropy of the members' mean probabilities: :math:`H(\bar p)`."""

    def score(self, view):
        """Return the entropy of the mean in nats."""
        return scores.consensus_entropy(view.samples)


@register("max_disagreement", "one member that is far from the others", cost="O(nSC)")
class MaxDisagreement(Committee):
    r"""Largest divergence of a member from the consensus [1]_: :math:`\max_s KL(p_s \| \bar p)`.

    References
    ----------
    .. [1] McCallum and Nigam (1998). Employing EM and pool-based active learning for text
       classification. ICML.
    """

    def score(self, view):
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

    def score(self, view):
        """Return the mutual information between label and member in nats."""
        return scores.bald(view.samples)


@register("batch_bald", "small batches over an ensemble", cost="at most O(knSCM), M joint labels")
class BatchBALD(Committee):
    r"""The batch from which there is most to learn about the model as a whole [1]_.

    Greedily largest :math:`I(y_1, \ldots, y_b; \theta)`, so that rows which tell the same do not
    count twice. Reserved rows count as chosen.

    Parameters
    ----------
    max_configurations : int, default=10_000
        Up to so many joint labels of the batch are all looked at; of more, so many are sampled.

    References
    ----------
    .. [1] Kirsch, van Amersfoort and Gal (2019). BatchBALD: efficient and diverse batch acquisition
       for deep Bayesian active learning. NeurIPS.
    """

    rowwise = False

    def __init__(self, max_configurations=10_000):
        self.max_configurations = max_configurations

    def select(self, view, n):
        """Return the rows in the order in which they joined the batch."""
        return selection.batch_bald(
            view.samples,
            n,
            candidates=view.mask,
            centers=view.reserved,
            max_configurations=self.max_configurations,
            rng=view.rng,
        )
