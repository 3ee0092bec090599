"""When to stop asking: small rules that combine with & and |."""

import math

import numpy as np
from sklearn.base import BaseEstimator, is_regressor

from ..models import refusal
from ..strategies import LeastConfidence
from ..utils.checks import checked_count, is_integer


class StoppingRule(BaseEstimator):
    """Base of stopping rules: override `should_stop`, and `start` where there is state.

    ``a & b`` stops when both do, ``a | b`` when one does. `run` and `SimulatedLearner` call
    `start` before the first question and `should_stop` once in every round; so does a loop of
    your own.

    Examples
    --------
    >>> from skactive.loops import StoppingRule
    >>> class AtTeaTime(StoppingRule):
    ...     def should_stop(self, learner):
    ...         return learner.pool_.n_operations >= 17
    """

    def start(self, learner) -> None:
        """Forget what was seen: a loop begins."""

    def should_stop(self, learner) -> bool:
        """Return whether to stop asking; called once a round, after the learner has learned.

        Parameters
        ----------
        learner : ActiveLearner
            The learner as it is now.

        Returns
        -------
        bool
            Whether to stop.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say when to stop.")

    def n_left(self, learner) -> float:
        """Return how many more labels may come before this rule is certain to stop.

        Loops ask for no more than that. Override it where it is known.

        Parameters
        ----------
        learner : ActiveLearner
            The learner as it is now.

        Returns
        -------
        float
            A number of labels; infinity where nothing is certain.
        """
        return math.inf

    def __and__(self, other: "StoppingRule") -> "StoppingRule":
        return AllOf([self, other]) if isinstance(other, StoppingRule) else NotImplemented

    def __or__(self, other: "StoppingRule") -> "StoppingRule":
        return AnyOf([self, other]) if isinstance(other, StoppingRule) else NotImplemented


class _Combined(StoppingRule):
    """Several rules, all of which are asked in every round, so that each sees every round."""

    def __init__(self, rules):
        self.rules = rules

    def start(self, learner):
        """Start every rule."""
        for rule in self.rules:
            rule.start(learner)

    def _answers(self, learner) -> list[bool]:
        """Ask every rule."""
        return [rule.should_stop(learner) for rule in self.rules]


class AllOf(_Combined):
    """Stop when all rules do: what ``&`` makes.

    Parameters
    ----------
    rules : list of StoppingRule
        The rules.
    """

    def should_stop(self, learner):
        """Return whether all rules say so."""
        return all(self._answers(learner))

    def n_left(self, learner):
        """Return the most that any rule leaves."""
        return max(rule.n_left(learner) for rule in self.rules)


class AnyOf(_Combined):
    """Stop when one rule does: what ``|`` makes.

    Parameters
    ----------
    rules : list of StoppingRule
        The rules.
    """

    def should_stop(self, learner):
        """Return whether one rule says so."""
        return any(self._answers(learner))

    def n_left(self, learner):
        """Return the least that any rule leaves."""
        return min(rule.n_left(learner) for rule in self.rules)


class Budget(StoppingRule):
    """Stop at a number of labels.

    Parameters
    ----------
    n_labels : int
        How many labelled rows are enough.

    Examples
    --------
    >>> from skactive.loops import Budget, StabilizedPredictions
    >>> Budget(500) | StabilizedPredictions()
    AnyOf(rules=[Budget(n_labels=500), StabilizedPredictions()])
    """

    def __init__(self, n_labels):
        self.n_labels = n_labels

    def start(self, learner):
        """Refuse what is no number of labels."""
        checked_count(self.n_labels, "n_labels", "Budget")

    def should_stop(self, learner):
        """Return whether there are enough labels."""
        return self.n_left(learner) <= 0

    def n_left(self, learner):
        """Return how many labels are left."""
        return self.n_labels - learner.pool_.n_labeled


class TargetScore(StoppingRule):
    """Stop when a validation set is predicted well enough.

    Parameters
    ----------
    X : container of m rows
        Rows of the validation set.
    y : array-like of shape (m,)
        Their labels.
    target : float
        Score that is enough.
    scoring : str, callable or None, default=None
        As scikit-learn takes it; None: the estimator's own score.
    """

    def __init__(self, X, y, target, scoring=None):
        self.X = X
        self.y = y
        self.target = target
        self.scoring = scoring

    def should_stop(self, learner):
        """Return whether the score is reached."""
        return _is_fitted(learner) and _score(learner, self) >= self.target


class NoGain(StoppingRule):
    """Stop when the score on a validation set has not grown for some rounds.

    Parameters
    ----------
    X : container of m rows
        Rows of the validation set.
    y : array-like of shape (m,)
        Their labels.
    n_rounds : int, default=5
        How many rounds without gain are enough.
    min_gain : float, default=0.0
        Growth over the best score so far that counts as gain must exceed this.
    scoring : str, callable or None, default=None
        As scikit-learn takes it; None: the estimator's own score.
    """

    def __init__(self, X, y, n_rounds=5, min_gain=0.0, scoring=None):
        self.X = X
        self.y = y
        self.n_rounds = n_rounds
        self.min_gain = min_gain
        self.scoring = scoring

    def start(self, learner):
        """Forget the scores."""
        self._best, self._n_idle = -np.inf, 0

    def should_stop(self, learner):
        """Return whether the last rounds brought nothing."""
        if not _is_fitted(learner):
            return False
        score = _score(learner, self)
        self._n_idle = 0 if score > self._best + self.min_gain else self._n_idle + 1
        self._best = max(self._best, score)
        return self._n_idle >= self.n_rounds


class StabilizedPredictions(StoppingRule):
    """Stop when successive models agree on rows that stay the same [1]_.

    Agreement is Cohen's kappa between the predictions of one round and the next, averaged over
    the last rounds.

    Parameters
    ----------
    X : container of m rows, default=None
        The stop set; no labels are needed. None: the rows of the pool that were unlabelled at the
        start, at most 2,000 of them.
    threshold : float, default=0.99
        Mean agreement that is enough.
    n_rounds : int, default=3
        Over how many comparisons it is averaged.

    References
    ----------
    .. [1] Bloodgood and Vijay-Shanker (2009). A method for stopping active learning based on
       stabilizing predictions and the need for user-adjustable stopping. CoNLL.
    """

    N_ROWS = 2000

    def __init__(self, X=None, threshold=0.99, n_rounds=3):
        self.X = X
        self.threshold = threshold
        self.n_rounds = n_rounds

    def start(self, learner):
        """Forget the predictions."""
        if is_regressor(learner.estimator):
            raise ValueError(
                "StabilizedPredictions compares predicted classes, which a regressor has not; "
                "write NoGain or TargetScore."
            )
        self._rows, self._last, self._agreement = self.X, None, []
        if self.X is None:
            free = learner.pool_.unlabeled
            rng = np.random.default_rng(learner.seed_)
            chosen = rng.choice(free, min(self.N_ROWS, len(free)), replace=False)
            self._rows = learner.pool_.rows.take(np.sort(chosen))

    def should_stop(self, learner):
        """Return whether the predictions have settled."""
        if not _is_fitted(learner):
            return False
        predicted = learner.predict(self._rows)
        if self._last is not None:
            self._agreement.append(_kappa(self._last, predicted))
        self._last = predicted
        recent = self._agreement[-self.n_rounds :]
        return len(recent) == self.n_rounds and float(np.mean(recent)) >= self.threshold


class ConfidentPool(StoppingRule):
    """Stop when the model is sure of every unlabelled row.

    The idea is that of [1]_, who ask for a small entropy where this asks for a large probability
    of the likeliest class.

    Parameters
    ----------
    threshold : float, default=0.9
        Stop when every unlabelled row's largest probability is at least this.

    References
    ----------
    .. [1] Zhu and Hovy (2007). Active learning for word sense disambiguation with methods for
       addressing the class imbalance problem. EMNLP-CoNLL.
    """

    def __init__(self, threshold=0.9):
        self.threshold = threshold

    def start(self, learner):
        """Refuse an estimator without probabilities."""
        reason = refusal(learner.estimator, "proba")
        if reason is not None:
            raise ValueError(f"ConfidentPool reads {reason}")

    def should_stop(self, learner):
        """Return whether no row is in doubt."""
        if not _is_fitted(learner):
            return False
        if learner.pool_.n_unlabeled == 0:
            return True
        view, _ = learner._view()
        return float(np.nanmax(view.score(LeastConfidence()))) <= 1.0 - self.threshold


def as_rule(stopping) -> StoppingRule | None:
    """Return a stopping rule for what was given: a rule, a number of labels, or None."""
    if stopping is None or isinstance(stopping, StoppingRule):
        return stopping
    if is_integer(stopping):
        return Budget(int(stopping))
    given = f"the class {stopping.__name__}" if isinstance(stopping, type) else repr(stopping)
    raise TypeError(
        f"stopping is {given}; give a rule such as Budget(100), several joined by & and |, or None."
    )


def n_to_ask(rule: StoppingRule | None, learner, most: int) -> int:
    """Return how many of at most `most` rows to ask for now: none if the rule says stop."""
    if rule is None or most <= 0:
        return most
    return 0 if rule.should_stop(learner) else int(min(most, rule.n_left(learner)))


def _is_fitted(learner) -> bool:
    """Whether a learner has had labels enough to fit its estimator."""
    return hasattr(learner, "estimator_")


def _score(learner, rule) -> float:
    """Return the score of a learner on a rule's validation set."""
    from sklearn.metrics import check_scoring

    return check_scoring(learner, rule.scoring)(learner, rule.X, rule.y)


def _kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Return Cohen's kappa, which is 1 where both always predict the one same class."""
    from sklearn.metrics import cohen_kappa_score

    if len(np.unique(np.concatenate([a, b]))) == 1:
        return 1.0
    return float(cohen_kappa_score(a, b))
