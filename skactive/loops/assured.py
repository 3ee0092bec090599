"""Stopping at a score that is sure: few looks at test labels, at sizes set beforehand."""

import numpy as np

from ..data.labels import AUTO
from ..learner.estimating import estimate_of, model_as_of, score_name
from ..pool.asking import n_until_answered
from ..statistics.estimates import clopper_pearson
from ..utils.checks import checked_count, checked_fraction, checked_number
from .stopping import StoppingRule

FIRST, GROWTH, MOST_LOOKS = 60, 1.3, 8
LAST = 0.7  # of the error: nearly as many models pass as by the last look alone


def looks(max_test: int) -> list[int]:
    """Return at how many test labels a rule looks: the last time at all of them.

    Examples
    --------
    >>> looks(200)
    [60, 78, 101, 132, 171, 200]
    """
    growth = max(GROWTH, (max_test / FIRST) ** (1 / (MOST_LOOKS - 1)))
    sizes = np.rint(FIRST * growth ** np.arange(MOST_LOOKS - 1)).astype(int)
    return [*sizes[sizes < max_test].tolist(), max_test]


def errors(alpha: float, n_looks: int) -> list[float]:
    """Return what each look may err: the last one most, the others alike.

    Examples
    --------
    >>> errors(0.5, 1), [round(error, 3) for error in errors(0.05, 3)]
    ([0.5], [0.008, 0.008, 0.035])
    """
    if n_looks == 1:
        return [alpha]
    return [*[(1 - LAST) * alpha / (n_looks - 1)] * (n_looks - 1), LAST * alpha]


class EstimateAtLeast(StoppingRule):
    """Stop when test labels show that a score is at least a target.

    It looks when there are 60 test labels, then after 1.3 times as many each time, up to
    `max_test`: at most eight looks, at sizes that no result changes. At each the lower end of a
    one-sided interval must reach the target, which may err in a part of ``1 - confidence``: seven
    tenths at the last look, and the others share the rest. So a model below the target passes any
    of the looks with a probability of at most ``1 - confidence``, as far as the interval covers
    what it says. Once passed, the rule says stop.

    Parameters
    ----------
    target : float
        Score that is enough.
    scoring : str or callable
        As `ActiveLearner.estimate` takes it.
    confidence : float, default=0.95
        Probability not to stop at a model that is below the target.
    max_test : int, default=200
        Number of test labels at the last look.
    method : str, default="auto"
        How the interval is made, as `ActiveLearner.estimate` takes it.
    pos_label : label, default=None
        Of precision, recall and F1: the positive class.

    Notes
    -----
    What a look sees follows from the pool's record: the first so many test labels, and the model
    trained on what was labelled when the last of these rows had its answer. So the same looks come
    out after `undo`, `save` and `load`, and none is taken twice in a loop. Rows that join the pool
    later take part, and begin looks anew for loops that start after that. Joined by ``&`` with
    other rules, it says stop from the passed look on, whatever is learned meanwhile.

    Examples
    --------
    >>> from skactive.loops import Budget, EstimateAtLeast
    >>> EstimateAtLeast(0.8, "f1_macro") | Budget(500)
    AnyOf(rules=[EstimateAtLeast(scoring='f1_macro', target=0.8),
                 Budget(n_labels=500)])
    """

    def __init__(
        self, target, scoring, *, confidence=0.95, max_test=200, method: str = AUTO, pos_label=None
    ) -> None:
        self.target = target
        self.scoring = scoring
        self.confidence = confidence
        self.max_test = max_test
        self.method = method
        self.pos_label = pos_label

    def start(self, learner) -> None:
        """Forget the looks, which follow from the record; refuse a plan that cannot succeed."""
        who = type(self).__name__
        checked_number(self.target, "target", who)
        checked_fraction(self.confidence, "confidence", who)
        checked_count(self.max_test, "max_test", who)
        score_name(learner, self._asked_for()[0])
        _check_side(who, learner, self.max_test)
        self._plan = self._planned()
        self._passed: dict[int, bool] = {}

    def should_stop(self, learner) -> bool:
        """Return whether one of the looks showed that the score is reached."""
        rows = learner.pool_.test_answers().rows
        for size in self._plan:
            if size <= len(rows) and size not in self._passed:
                self._passed[size] = self._passes(learner, rows[:size])
        return any(self._passed.values())

    def _passes(self, learner, rows: np.ndarray) -> bool:
        """Return whether a look at these test rows shows that the score is reached."""
        n = learner.pool_.ledger.read(n_until_answered, rows)
        model = model_as_of(learner, n)
        if not hasattr(model, "estimator_"):
            return False
        scoring, method, pos_label = self._asked_for()
        asked = scoring, self._levels(self._plan)[len(rows)], method, pos_label
        return estimate_of(learner, model, *asked, most=len(rows)).low >= self.target

    def _levels(self, plan: list[int]) -> dict[int, float]:
        """Return the level of the interval of whose lower end each look makes use."""
        each = errors(1 - self.confidence, len(plan))
        return {size: 1 - 2 * error for size, error in zip(plan, each, strict=True)}

    def _planned(self) -> list[int]:
        """Return at how many test labels to look."""
        return looks(self.max_test)

    def _asked_for(self) -> tuple:
        """Return scoring, method and positive class, as `estimate` takes them."""
        return self.scoring, self.method, self.pos_label


class AccuracyAtLeast(EstimateAtLeast):
    """Stop when test labels show that the accuracy is at least a target.

    As `EstimateAtLeast`, by the exact interval of Clopper and Pearson: it stops at a model below
    the target with a probability of at most ``1 - confidence``, whichever of the looks is taken.
    Looks at which even no error would be enough are left out, so that the others have their share.

    Parameters
    ----------
    target : float
        Accuracy that is enough.
    confidence : float, default=0.95
        Probability not to stop at a model that is below the target.
    max_test : int, default=200
        Number of test labels at the last look.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.svm import SVC
    >>> from skactive import ActiveLearner, Known, run
    >>> from skactive.loops import AccuracyAtLeast
    >>> X, truth = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(SVC(C=10), "margin", hold_out=0.2, random_state=0).fit(X / 16)
    >>> learner = run(learner, Known(truth), n_instances=50, stopping=AccuracyAtLeast(0.9))
    >>> learner.pool_.n_labeled
    440
    """

    def __init__(self, target, *, confidence=0.95, max_test=200) -> None:
        self.target = target
        self.confidence = confidence
        self.max_test = max_test

    def start(self, learner) -> None:
        """Forget the looks; refuse a plan that cannot succeed, such as a target of 1."""
        checked_fraction(self.target, "target", type(self).__name__)
        super().start(learner)
        if not self._plan:
            n = self.max_test
            best = clopper_pearson(1, n, self._levels([n])[n]).low
            raise ValueError(
                f"AccuracyAtLeast got target={self.target!r} and max_test={self.max_test!r}, but "
                f"{self.max_test} right answers of as many show no more than {best:.3f}; give a "
                f"lower target, or more test labels."
            )

    def _planned(self):
        """Return the looks that can be passed, with what is their share of the error."""
        plan = looks(self.max_test)
        while plan:
            levels = self._levels(plan)
            left = [n for n in plan if clopper_pearson(1, n, levels[n]).low >= self.target]
            if left == plan:
                break
            plan = left
        return plan

    def _asked_for(self):
        """Return that it is accuracy, by exact intervals."""
        return "accuracy", "exact", None


def _check_side(who: str, learner, max_test: int) -> None:
    """Refuse a learner that will never have so many test labels."""
    pool = learner.pool_
    if pool.hold_out is None:
        raise ValueError(
            f"{who} needs rows that are held out to test on; write ActiveLearner(..., "
            f"hold_out=0.2) before fit, or pool_.begin_hold_out(0.2) now."
        )
    for most, what, write in (
        (learner.max_test, "the learner asks for", f"ActiveLearner(..., max_test={max_test})"),
        (pool.n_held_out, "rows held out are", f"max_test={pool.n_held_out}, or hold out more"),
    ):
        if most < max_test:
            raise ValueError(
                f"{who} got max_test={max_test!r}, but {what} no more than {most}; write {write}."
            )
