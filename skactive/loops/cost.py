"""What answers cost, and stopping when it is spent."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..pool.pool import Pool
from ..pool.standing import answers_table, n_answers
from ..utils.checks import checked_number, is_number
from .stopping import StoppingRule

_ROUNDING = 1e-9  # of sums of costs, such as ten times 0.1
BY = ("annotator", "label")


class CostBudget(StoppingRule):
    """Stop when answers have cost so much: further opinions, and "cannot tell", cost as well.

    All that stands in the pool is counted, also what was there before; what was undone is not. The
    loop asks for no more rows than are paid for if each costs what the cheapest does: the batch in
    which the total is reached is answered whole.

    Parameters
    ----------
    total : float
        What may be spent.
    cost : float, dict, array-like of shape (n,) or callable, default=1.0
        What an answer costs: always as much; by annotator, or by label; by the row of the pool; or
        a function ``(rows, annotators, labels) -> costs`` of aligned arrays, in which the label of
        who cannot tell is None. The default counts answers.
    by : {"annotator", "label"}, default="annotator"
        What the keys of a dict are; each that comes up needs one, None included: the name of
        nobody, and the label of who cannot tell.

    Examples
    --------
    >>> from skactive import Pool
    >>> from skactive.loops import CostBudget
    >>> pool = Pool([[0.0], [1.0], [2.0]], consensus="majority")
    >>> pool.label([0, 1], ["cat", "dog"], annotator="expert")
    >>> pool.label([1], ["cat"], annotator="student")
    >>> CostBudget(20, {"expert": 5.0, "student": 1.0}).spent(pool)
    11.0
    >>> CostBudget(20, {"cat": 1.0, "dog": 3.0}, by="label").spent(pool)
    5.0
    """

    def __init__(self, total, cost: Any = 1.0, *, by: str = "annotator") -> None:
        self.total = total
        self.cost = cost
        self.by = by

    def start(self, learner) -> None:
        """Refuse what is no cost, or is not one for each row, and what has no cost so far."""
        self.check(learner.pool_)

    def check(self, pool: Pool) -> None:
        """Refuse what is no cost of the answers in a pool."""
        checked_number(self.total, "total", "CostBudget", 0)
        self.spent(pool)

    def should_stop(self, learner) -> bool:
        """Return whether nothing is left that would pay an answer."""
        return self.n_left(learner) <= 0

    def n_left(self, learner) -> float:
        """Return how many answers are left if each costs what the cheapest does."""
        left, cheapest = self.total - self.spent(learner.pool_), self._cheapest()
        if left <= _ROUNDING:
            return 0
        return math.inf if cheapest <= 0 else math.floor(left / cheapest + _ROUNDING)

    def spent(self, pool: Pool) -> float:
        """Return what the answers in a pool have cost."""
        return float(costs_of(pool, self.cost, self.by).sum())

    def of_rows(self, rows: np.ndarray) -> "CostBudget":
        """Return the same for a pool of some of the rows."""
        cost = self.cost
        if callable(cost):
            return CostBudget(self.total, lambda at, *said: cost(rows[at], *said), by=self.by)
        has_one_a_row = not isinstance(cost, dict) and not is_number(cost)
        return CostBudget(self.total, np.asarray(cost)[rows] if has_one_a_row else cost, by=self.by)

    def _cheapest(self) -> float:
        """Return the lowest cost that an answer may have; 0 where nobody knows."""
        if callable(self.cost):
            return 0.0
        values = self.cost.values() if isinstance(self.cost, dict) else np.ravel(self.cost)
        return float(min(values))


def check_paid(rule: StoppingRule | None, names: Iterable[str | None]) -> None:
    """Refuse a rule that knows no cost of what one of these people would answer."""
    rules = getattr(rule, "rules", ())
    for each in rules if isinstance(rules, list | tuple) else ():  # what is none is refused later
        check_paid(each, names)
    if isinstance(rule, CostBudget) and isinstance(rule.cost, dict) and rule.by == BY[0]:
        _by_key(rule.cost, list(names), BY[0])


def costs_of(pool: Pool, cost: Any = 1.0, by: str = "annotator") -> np.ndarray:
    """Return what each answer that stands in a pool has cost, refusing what is no cost.

    Examples
    --------
    >>> pool = Pool([[0.0], [1.0]], [1, 0])
    >>> costs_of(pool, [2.0, 0.5])
    array([2. , 0.5])
    >>> costs_of(pool, {"ann": 2.0})
    Traceback (most recent call last):
    ...
    ValueError: there is no cost for annotator None, who answers; give {..., None: a number}, or
        by='label' if that is what the keys are.
    """
    if by not in BY:
        raise ValueError(f"by is {by!r}; write 'annotator' or 'label', what the keys of cost are.")
    if is_number(cost):  # without a look at what was said: rules ask in each round
        return np.repeat(_checked([cost], 1), pool.ledger.read(n_answers))
    table = pool.ledger.read(answers_table)
    if callable(cost):
        found = cost(table["row"], table["annotator"], table["label"])
        return _checked(found, len(table["row"]))
    if isinstance(cost, dict):
        if not cost:
            raise ValueError(
                "cost is a dict without a cost; give one for each that comes up, such as "
                "{'ann': 2.0, 'ben': 1.0}."
            )
        return _by_key(cost, table[by].tolist(), by)
    return _checked(cost, len(pool))[table["row"]]


def _by_key(cost: dict, keys: list, by: str) -> np.ndarray:
    """Return the costs of answers by annotator or label, refusing to guess any."""
    missing = [key for key in dict.fromkeys(keys) if key not in cost]
    if missing:
        what = "who answers" if by == "annotator" else "which was given"
        other = BY[1 - BY.index(by)]
        raise ValueError(
            f"there is no cost for {by} {missing[0]!r}, {what}; give {{..., {missing[0]!r}: a "
            f"number}}, or by={other!r} if that is what the keys are."
        )
    _checked(list(cost.values()), len(cost))
    return np.array([cost[key] for key in keys], dtype=float)


def _checked(costs: Any, n: int) -> np.ndarray:
    """Return costs as floats, refusing any that are below 0, not finite, or not n."""
    is_plain = isinstance(costs, np.ndarray) and costs.dtype.kind in "iuf"
    values = np.asarray(costs, dtype=None if is_plain else object)
    if values.shape != (n,):
        raise ValueError(
            f"there are costs of shape {values.shape} for {n}; give one number for each."
        )
    if is_plain:
        wrong = values[~((values >= 0) & (values < math.inf))].tolist()
    else:
        wrong = [one for one in values.tolist() if not is_number(one) or not 0 <= one < math.inf]
    if wrong:
        raise ValueError(f"there is a cost of {wrong[0]!r}; give finite numbers from 0 on.")
    return values.astype(float)
