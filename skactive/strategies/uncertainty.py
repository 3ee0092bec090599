"""Strategies that ask where the model doubts, and the random one that they must beat."""

import numpy as np

from .. import scores
from .base import ANY, SEVERAL, Strategy, name_of
from .registry import register


@register("random", "the baseline; for a test set; at a cold start", cost="O(n)")
class Random(Strategy):
    """Uniform at random: the baseline to beat."""

    labels_per_row = ANY

    def score(self, view) -> np.ndarray:
        """Return uniform random numbers, others in each round."""
        return view.row_random()


class Uncertainty(Strategy):
    """Base of doubts about the class of a row, or about each of its labels.

    Parameters
    ----------
    aggregate : {"max", "mean"}, default=None
        Where rows have several labels, what counts: the label in most doubt, or the mean over all.
        None: "max". With one label a row it is refused.
    """

    reads: tuple = ("proba",)

    def __init__(self, aggregate=None) -> None:
        self.aggregate = aggregate

    @property
    def labels_per_row(self) -> tuple:  # type: ignore[override]
        """One or several; several where `aggregate` is given, which is refused if it is none."""
        if self.aggregate not in (None, "max", "mean"):
            raise ValueError(
                f"{type(self).__name__} got aggregate={self.aggregate!r}; give 'max' or 'mean', or "
                f"where a row has one label None."
            )
        return ANY if self.aggregate is None else SEVERAL

    @property
    def _how(self) -> str:
        """What counts of several labels."""
        return "max" if self.aggregate is None else self.aggregate


@register("least_confidence", "when only the best guess matters", cost="O(nC)")
class LeastConfidence(Uncertainty):
    r"""Least probable best guess [1]_: :math:`1 - \max_c p_c`; of a label, :math:`\min(p, 1 - p)`.

    References
    ----------
    .. [1] Lewis and Gale (1994). A sequential algorithm for training text classifiers. SIGIR.
    """

    def score(self, view) -> np.ndarray:
        """Return one minus the largest probability."""
        if view.multilabel:
            return scores.label_least_confidence(view.proba, self._how)
        return scores.least_confidence(view.proba)


@register("margin", "the first to try", cost="O(nC)")
class Margin(Uncertainty):
    r"""Smallest gap between the two likeliest classes [1]_: :math:`-(p_{(1)} - p_{(2)})`.

    Estimators without probabilities serve by their decision function: by its distance from 0 for
    two classes, by the gap between its two largest values for more. Of a label the gap is
    :math:`|p - (1 - p)|`, or the distance from 0.

    References
    ----------
    .. [1] Scheffer, Decomain and Wrobel (2001). Active hidden Markov models for information
       extraction. IDA.
    """

    reads = (("proba", "decision"),)

    def score(self, view) -> np.ndarray:
        """Return minus the margin."""
        if view.multilabel and view.gives("proba"):
            return -scores.label_margin(view.proba, self._how)
        if view.multilabel:
            return -scores.label_decision_margin(view.decision, self._how)
        if view.gives("proba"):
            return -scores.margin(view.proba)
        return -scores.decision_margin(view.decision)


@register("entropy", "as `margin`; with many classes it looks at all of them", cost="O(nC)")
class Entropy(Uncertainty):
    r"""Largest entropy of the predicted classes [1]_: :math:`-\sum_c p_c \log p_c`.

    Of a label it is that of p and 1 - p.

    References
    ----------
    .. [1] Settles (2009). Active learning literature survey. University of Wisconsin-Madison.
    """

    def score(self, view) -> np.ndarray:
        """Return the entropy in nats."""
        if view.multilabel:
            return scores.label_entropy(view.proba, self._how)
        return scores.entropy(view.proba)


@register(None, "a rare class: to find its rows, as in screening", cost="O(n)")
class MostLikely(Strategy):
    r"""Likeliest of one class, whose rows are to be found: relevance sampling [1]_, :math:`p_t`.

    It asks for what the model takes to be of the class, so that its rows come first: papers for a
    review, fraud, a rare disease. `statistics.work_saved` says how many rows nobody had to read.
    The model learns less from such rows than from doubtful ones. Estimators without probabilities
    serve by their decision function.

    Parameters
    ----------
    target : label, default=None
        The class, or where rows have several labels one of these. None: the second of two classes,
        which scikit-learn calls the positive one.

    References
    ----------
    .. [1] Lewis and Gale (1994). A sequential algorithm for training text classifiers. SIGIR.
    """

    reads = (("proba", "decision"),)
    labels_per_row = ANY

    def __init__(self, target=None) -> None:
        self.target = target

    def score(self, view) -> np.ndarray:
        """Return the probability of the class, or its value of the decision function."""
        if view.gives("proba"):
            return view.proba[:, self._place(view, view.proba.shape[1])]
        decision = view.decision
        if decision.ndim == 2:
            return decision[:, self._place(view, decision.shape[1])]
        return decision if self._place(view, 2) == 1 else -decision

    def _place(self, view, n_classes: int) -> int:
        """Return which column is that of the target."""
        classes = range(n_classes) if view.classes is None else view.classes.tolist()
        if self.target is None and n_classes == 2:
            return 1
        places = [place for place, label in enumerate(classes) if label == self.target]
        if not places:
            raise ValueError(
                f"{name_of(self)} got target={self.target!r}, and the classes are {list(classes)}; "
                f"give one of these, or name all classes by classes= of the learner."
            )
        return places[0]
