"""Strategies that ask where the model doubts, and the random one that they must beat."""

from .. import scores
from .base import Strategy
from .registry import register


@register("random", "the baseline; for a test set; at a cold start", cost="O(n)")
class Random(Strategy):
    """Uniform at random: the baseline to beat."""

    def score(self, view):
        """Return uniform random numbers, others in each round."""
        return view.row_random()


@register("least_confidence", "when only the best guess matters", cost="O(nC)")
class LeastConfidence(Strategy):
    r"""Least probable best guess [1]_: :math:`1 - \max_c p_c`.

    References
    ----------
    .. [1] Lewis and Gale (1994). A sequential algorithm for training text classifiers. SIGIR.
    """

    reads = ("proba",)

    def score(self, view):
        """Return one minus the largest probability."""
        return scores.least_confidence(view.proba)


@register("margin", "the first to try", cost="O(nC)")
class Margin(Strategy):
    r"""Smallest gap between the two likeliest classes [1]_: :math:`-(p_{(1)} - p_{(2)})`.

    Estimators without probabilities serve by their decision function: by its distance from 0 for
    two classes, by the gap between its two largest values for more.

    References
    ----------
    .. [1] Scheffer, Decomain and Wrobel (2001). Active hidden Markov models for information
       extraction. IDA.
    """

    reads = (("proba", "decision"),)

    def score(self, view):
        """Return minus the margin."""
        if view.gives("proba"):
            return -scores.margin(view.proba)
        return -scores.decision_margin(view.decision)


@register("entropy", "as `margin`; with many classes it looks at all of them", cost="O(nC)")
class Entropy(Strategy):
    r"""Largest entropy of the predicted classes [1]_: :math:`-\sum_c p_c \log p_c`.

    References
    ----------
    .. [1] Settles (2009). Active learning literature survey. University of Wisconsin-Madison.
    """

    reads = ("proba",)

    def score(self, view):
        """Return the entropy in nats."""
        return scores.entropy(view.proba)
