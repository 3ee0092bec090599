"""When to stop asking: small rules that combine with & and |."""

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_regressor

from ..data.frames import is_pandas, is_polars
from ..data.rows import check_rows, n_rows
from ..learner.questions import n_questions_left, view_of
from ..models import refusal
from ..models.kinds import is_net
from ..strategies import LeastConfidence
from ..utils.checks import checked_count, checked_number, is_integer
from ..utils.scoring import check_score, score_of

# Scores of scikit-learn by name that may exceed 1.
UNBOUNDED = {"mutual_info_score", "positive_likelihood_ratio"}


class StoppingRule(BaseEstimator):
    """Base of stopping rules: override `should_stop`, and `start` if the rule has a state.

    ``a & b`` stops when both do, ``a | b`` when one does. `run` and `SimulatedLearner` call
    `start` before the first question and `should_stop` once in every round; a loop of your own
    must do the same.

    Examples
    --------
    >>> from skactive.loops import StoppingRule
    >>> class AtTeaTime(StoppingRule):
    ...     def should_stop(self, learner):
    ...         return learner.pool_.n_operations >= 17
    """

    def start(self, learner) -> None:
        """Forget earlier loops: one begins."""

    def should_stop(self, learner) -> bool:
        """Return whether to stop asking; called once a round, after the learner has learned."""
        raise NotImplementedError(f"{type(self).__name__} does not say when to stop.")

    def n_left(self, learner) -> float:
        """Return after how many more labels this rule is certain to stop; infinity: unknown.

        Loops ask for no more than that. Override it if your rule knows.
        """
        return math.inf

    def __and__(self, other: "StoppingRule") -> "StoppingRule":
        return AllOf([self, other]) if isinstance(other, StoppingRule) else NotImplemented

    def __or__(self, other: "StoppingRule") -> "StoppingRule":
        return AnyOf([self, other]) if isinstance(other, StoppingRule) else NotImplemented


class _Combined(StoppingRule):
    """Several rules."""

    def __init__(self, rules) -> None:
        self.rules = rules

    def start(self, learner) -> None:
        """Start every rule, refusing what is none."""
        who, rules = type(self).__name__, self.rules
        if not isinstance(rules, list | tuple) or not rules:
            raise TypeError(f"{who} got rules={rules!r}; give a list of at least one rule.")
        for rule in rules:
            if not isinstance(rule, StoppingRule):
                write = f"Budget({rule})" if is_integer(rule) else "rules such as Budget(100)"
                raise TypeError(f"{who} got {_shown(rule)} among its rules; write {write}.")
            rule.start(learner)

    def _answers(self, learner) -> list[bool]:
        """Ask every rule, and not only until one decides: rules with a state count rounds."""
        return [rule.should_stop(learner) for rule in self.rules]


class AllOf(_Combined):
    """Stop when all rules do: what ``&`` makes.

    Parameters
    ----------
    rules : list of StoppingRule
        The rules.
    """

    def should_stop(self, learner) -> bool:
        """Return whether all rules say so."""
        return all(self._answers(learner))

    def n_left(self, learner) -> float:
        """Return how many labels are left by the rule that leaves most."""
        return max(rule.n_left(learner) for rule in self.rules)


class AnyOf(_Combined):
    """Stop when one rule does: what ``|`` makes.

    Parameters
    ----------
    rules : list of StoppingRule
        The rules.
    """

    def should_stop(self, learner) -> bool:
        """Return whether one rule says so."""
        return any(self._answers(learner))

    def n_left(self, learner) -> float:
        """Return how many labels are left by the rule that leaves least."""
        return min(rule.n_left(learner) for rule in self.rules)


class Budget(StoppingRule):
    """Stop at a number of labels.

    Parameters
    ----------
    n_labels : int
        Number of labelled rows that is enough.

    Examples
    --------
    >>> from skactive.loops import Budget, StabilizedPredictions
    >>> Budget(500) | StabilizedPredictions()
    AnyOf(rules=[Budget(n_labels=500), StabilizedPredictions()])
    """

    def __init__(self, n_labels) -> None:
        self.n_labels = n_labels

    def start(self, learner) -> None:
        """Refuse an `n_labels` that is no count."""
        checked_count(self.n_labels, "n_labels", "Budget")

    def should_stop(self, learner) -> bool:
        """Return whether there are enough labels."""
        return self.n_left(learner) <= 0

    def n_left(self, learner) -> float:
        """Return how many labels are left."""
        return self.n_labels - learner.pool_.n_labeled


class TargetScore(StoppingRule):
    """Stop when a validation set is predicted well enough.

    Parameters
    ----------
    X, y : container of m rows, array-like of shape (m,)
        The validation set.
    target : float
        Score that is enough.
    scoring : str, callable or None, default=None
        As scikit-learn takes it; None: the estimator's own score.
    """

    def __init__(self, X, y, target, scoring=None) -> None:
        self.X = X
        self.y = y
        self.target = target
        self.scoring = scoring

    def start(self, learner) -> None:
        """Refuse a target that no score reaches, and a validation set that cannot be scored."""
        who = type(self).__name__
        _check_validation(who, learner, self.X, self.y, self.scoring)
        is_own = callable(self.scoring) or self.scoring in UNBOUNDED
        checked_number(self.target, "target", who, highest=math.inf if is_own else 1)

    def should_stop(self, learner) -> bool:
        """Return whether the score is reached."""
        if not hasattr(learner, "estimator_"):
            return False
        return score_of(learner, self.X, self.y, self.scoring) >= self.target


class NoGain(StoppingRule):
    """Stop when the score on a validation set has not grown for some rounds.

    Parameters
    ----------
    X, y : container of m rows, array-like of shape (m,)
        The validation set.
    n_rounds : int, default=5
        Number of rounds without gain that is enough.
    min_gain : float, default=0.0
        A gain is a score that exceeds the best so far by more than this.
    scoring : str, callable or None, default=None
        As scikit-learn takes it; None: the estimator's own score.
    """

    def __init__(self, X, y, n_rounds=5, min_gain=0.0, scoring=None) -> None:
        self.X = X
        self.y = y
        self.n_rounds = n_rounds
        self.min_gain = min_gain
        self.scoring = scoring

    def start(self, learner) -> None:
        """Forget the scores; refuse what is out of range, or a set that cannot be scored."""
        who = type(self).__name__
        checked_count(self.n_rounds, "n_rounds", who)
        checked_number(self.min_gain, "min_gain", who, 0)
        _check_validation(who, learner, self.X, self.y, self.scoring)
        self._best, self._n_idle = -np.inf, 0

    def should_stop(self, learner) -> bool:
        """Return whether the last rounds brought no gain."""
        if not hasattr(learner, "estimator_"):
            return False
        score = score_of(learner, self.X, self.y, self.scoring)
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
        The stop set; no labels are needed. None: 2,000 rows of the pool that were unlabelled at
        the start, or all if there are fewer.
    threshold : float, default=0.99
        Mean agreement that is enough.
    n_rounds : int, default=3
        Number of comparisons over which agreement is averaged.

    References
    ----------
    .. [1] Bloodgood and Vijay-Shanker (2009). A method for stopping active learning based on
       stabilizing predictions and the need for user-adjustable stopping. CoNLL.
    """

    N_ROWS = 2000

    def __init__(self, X=None, threshold=0.99, n_rounds=3) -> None:
        self.X = X
        self.threshold = threshold
        self.n_rounds = n_rounds

    def start(self, learner) -> None:
        """Forget the predictions; refuse what is out of range, and rows of another width."""
        who = type(self).__name__
        checked_count(self.n_rounds, "n_rounds", who)
        checked_number(self.threshold, "threshold", who, -1, 1)
        if is_regressor(learner.estimator):
            raise ValueError(
                "StabilizedPredictions compares predicted classes, which a regressor has not; "
                "write NoGain or TargetScore."
            )
        if self.X is not None:
            _check_width(who, learner, self.X)
        self._rows, self._agreement = self.X, list[float]()
        self._last: Any = None
        if self.X is None:
            # The same rows in every round, even once they are labelled: how predictions of
            # different rows agree says nothing of the model.
            free = learner.pool_.unlabeled
            rng = np.random.default_rng(learner.seed_)
            chosen = rng.choice(free, min(self.N_ROWS, len(free)), replace=False)
            self._rows = learner.pool_.rows.take(np.sort(chosen))

    def should_stop(self, learner) -> bool:
        """Return whether the predictions have settled."""
        if not hasattr(learner, "estimator_"):
            return False
        predicted = np.ravel(learner.predict(self._rows))  # of several labels a row, all of them
        if self._last is not None:
            self._agreement.append(_agreement_of(self._last, predicted))
        self._last = predicted
        recent = self._agreement[-self.n_rounds :]
        return len(recent) == self.n_rounds and float(np.mean(recent)) >= self.threshold


class ConfidentPool(StoppingRule):
    """Stop when the model is sure of every unlabelled row.

    As [1]_, but with the probability of the likeliest class in place of the entropy; of several
    labels a row, that of each being there, or not.

    Parameters
    ----------
    threshold : float, default=0.9
        Stop when the largest probability of every unlabelled row is at least this.

    References
    ----------
    .. [1] Zhu and Hovy (2007). Active learning for word sense disambiguation with methods for
       addressing the class imbalance problem. EMNLP-CoNLL.
    """

    def __init__(self, threshold=0.9) -> None:
        self.threshold = threshold

    def start(self, learner) -> None:
        """Refuse a threshold that is no probability, and an estimator without probabilities."""
        checked_number(self.threshold, "threshold", type(self).__name__, 0, 1, is_open=True)
        reason = refusal(learner.estimator, "proba")
        if reason is not None:
            raise ValueError(f"ConfidentPool reads {reason}")

    def should_stop(self, learner) -> bool:
        """Return whether the model is sure of every row."""
        if not hasattr(learner, "estimator_"):
            return False
        if learner.pool_.n_unlabeled == 0:
            return True
        view, _ = view_of(learner)
        return float(np.nanmax(view.score(LeastConfidence()))) <= 1.0 - self.threshold


def as_rule(stopping) -> StoppingRule | None:
    """Return a stopping rule for a rule, a number of labels, or None."""
    if stopping is None or isinstance(stopping, StoppingRule):
        return stopping
    if is_integer(stopping):
        return Budget(int(stopping))
    raise TypeError(
        f"stopping is {_shown(stopping)}; give a rule such as Budget(100), several joined by & and "
        f"|, or None."
    )


def _shown(given) -> str:
    """Return how a message calls what is no rule."""
    return f"the class {given.__name__}" if isinstance(given, type) else repr(given)


def n_to_ask(rule: StoppingRule | None, learner, most: int) -> int:
    """Return how many rows to ask for now, at most `most`: none if the rule says stop."""
    if rule is None or most <= 0:
        return most
    if rule.should_stop(learner):
        return 0
    left = rule.n_left(learner)
    return most if left >= most else n_questions_left(learner, int(left), most)


def _check_validation(who: str, learner, X, y, scoring) -> None:
    """Refuse a validation set, or a score of it, that the learner could not be asked for."""
    _check_width(who, learner, X)
    n_labels = len(y) if hasattr(y, "__len__") else 0
    if n_labels != n_rows(X):
        raise ValueError(
            f"{who} got {n_rows(X)} rows and {n_labels} labels; give one label for each row."
        )
    if isinstance(scoring, str) and any(isinstance(names, set | frozenset) for names in y):
        raise ValueError(
            f"{who} got sets of names, of which scikit-learn computes no {scoring}; give 0 and 1 "
            f"for each of classes_."
        )
    check_score(learner, scoring)


def _check_width(who: str, learner, X) -> None:
    """Refuse rows of another width than the pool's.

    Columns of frames are chosen by name, and nets may take sequences of any length: those are left
    to the model.
    """
    X, pattern = check_rows(X, who), learner.pool_.rows.pattern
    if is_net(learner.estimator) or any(
        is_pandas(rows) or is_polars(rows) for rows in (X, pattern)
    ):
        return
    shapes: list[tuple[int, ...]] = [getattr(rows, "shape", ()) for rows in (X, pattern)]
    here, there = shapes
    if len(here) == len(there) == 2 and here[1] != there[1]:
        raise ValueError(
            f"{who} got rows of {here[1]} columns and the pool has {there[1]}; give rows as the "
            f"pool's."
        )


def _agreement_of(a: np.ndarray, b: np.ndarray) -> float:
    """Return Cohen's kappa of two arrays of labels."""
    from sklearn.metrics import cohen_kappa_score

    # 0 / 0 for scikit-learn where both predict one and the same class, which is full agreement.
    if len(np.unique(np.concatenate([a, b]))) == 1:
        return 1.0
    return float(cohen_kappa_score(a, b))
