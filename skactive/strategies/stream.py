"""Strategies that decide while rows pass: whether to buy a label now or never."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from typing import Any

import numpy as np

from ..budgets import BudgetManager, Countdown, by_chance, checked_rate
from ..utils.checks import checked_count, checked_number
from .base import Strategy, has_score, name_of, needs
from .inner import inner_reads
from .registry import as_strategy, register
from .uncertainty import Random


class StreamStrategy(Strategy):
    """Base of strategies that decide as rows pass, and whose decisions stand.

    Like any strategy, it is a value; what runs is a copy on which `reset` was called. That copy
    holds its state in attributes that end in an underscore, and can be pickled at any time. For a
    fixed model, its decisions do not depend on how the stream is cut into chunks. Until there is a
    model, it buys blindly, with the chance that the budget gives.

    A subclass overrides `_start` if it has state besides the budget, and `_wants` or `_pass`.

    Attributes
    ----------
    has_random_share : bool
        Whether some rows are bought blindly, so that errors on them are those of the stream. Of
        the last chunk, ``random_share_`` is their mask.
    budget_ : BudgetManager
        What was spent.
    """

    rowwise = False
    has_random_share = False
    _n_draws = 1  # uniform random numbers for each row; the last decides where there is no model

    def __init__(self, budget=0.1, window=100, total=None) -> None:
        self.budget = budget
        self.window = window
        self.total = total

    def reset(self, rng: np.random.Generator) -> StreamStrategy:
        """Begin a stream and return itself: forget everything, and check the parameters.

        All randomness comes from `rng`, which the strategy keeps as its own.
        """
        self.budget_ = self._budget()
        self._start()
        self.rng_ = rng  # last: with it, the copy runs
        return self

    def restart(self) -> None:
        """Begin again after a drift: forget thresholds and what was seen, but not the budget."""
        self._refuse_unless_running("restart")
        # A new budget would be exceeded by a detector that sees drifts too often.
        self._start()

    def admit(self, view) -> np.ndarray:
        """Return a mask of the rows of a chunk to buy, shape (n,); they count as bought.

        Rows that are no candidates do not pass.

        Raises
        ------
        ValueError
            If `reset` was not called.
        """
        self._refuse_unless_running("admit")
        bought, at = np.zeros(len(view), dtype=bool), view.candidates
        share = bought.copy()
        if len(at):
            seen = None if self._is_cold(view) else self._look(view)
            # As many for each row, needed or not: else what is drawn for one would depend on those
            # before it, and on where a chunk begins.
            draws = self.rng_.random((len(at), self._n_draws))
            bought[at] = self._pass(seen, draws)
            share[at] = bought[at] & self._is_random(draws)
        if self.has_random_share:
            self.random_share_ = share
        return bought

    def score(self, view) -> np.ndarray:
        """Refuse: rows are not ranked."""
        raise NotImplementedError(_refusal(self, "has no score"))

    def select(self, view, n) -> np.ndarray:
        """Refuse: a stream strategy does not wait for the best rows."""
        raise NotImplementedError(_refusal(self, "does not choose among a pool"))

    def _budget(self) -> Any:
        """Return the budget, nothing spent."""
        return budget_of(self, self.budget, checked_count(self.window, "window", name_of(self), 1))

    def _start(self) -> None:
        """Set what a strategy learns as rows pass to what it is at first."""

    def _look(self, view):
        """Return what the decision is about: an item for each candidate."""

    def _pass(self, seen, draws: np.ndarray) -> np.ndarray:
        """Return which candidates to buy, and count each; `seen` is None without a model."""
        if seen is None:
            return blindly(self.budget_, draws)
        bought = np.zeros(len(draws), dtype=bool)
        for row, (value, own) in enumerate(zip(seen.tolist(), draws.tolist(), strict=True)):
            bought[row] = self._wants(value, own, self.budget_.may_spend())
            self.budget_.passed(bool(bought[row]))
        return bought

    def _wants(self, value: float, draws: list[float], is_left: bool) -> bool:
        """Whether to buy a row by what was seen of it; False if no label is left."""
        raise NotImplementedError(f"{name_of(self)} must override _wants, or _pass.")

    def _is_random(self, draws: np.ndarray) -> np.ndarray:
        """Return which rows, if bought at all, are bought blindly."""
        return np.ones(len(draws), dtype=bool)

    def _is_cold(self, view) -> bool:
        """Whether the strategy reads what only a model gives, and there is none."""
        if view.estimator is not None:
            return False
        return any(
            not any(what == "embedding" or view.gives(what) for what in alternatives)
            for alternatives in needs(self)
        )

    def _refuse_unless_running(self, what: str) -> None:
        """Refuse a call on a copy that has no state."""
        if not hasattr(self, "rng_"):
            raise ValueError(
                f"{name_of(self)}.{what} was called before reset; call reset(rng) with a "
                f"numpy.random.Generator to begin a stream."
            )


@register("stream_random", "the baseline: blindly, at the rate of the budget", cost="O(1)")
class RandomStream(StreamStrategy):
    """Blindly, at the rate of the budget: the baseline of streams [1]_.

    Parameters
    ----------
    budget : float, default=0.1
        Share of the rows that may be bought, in (0, 1]; 1: all, until `total` is spent.
    window : int, default=100
        Of so many consecutive rows, no more than that share is bought.
    total : int, default=None
        How many labels may be bought in all; None: any number.

    Notes
    -----
    In the paper a row is bought with probability `budget`. Here this holds on average: the
    probability is higher if fewer rows were bought before than the budget allows, see
    `BudgetManager.chance`.

    References
    ----------
    .. [1] Žliobaitė, Bifet, Pfahringer and Holmes (2014). Active learning with drifting streaming
       data. IEEE Transactions on Neural Networks and Learning Systems.
    """

    has_random_share = True

    def _pass(self, seen, draws):
        """Buy blindly."""
        return blindly(self.budget_, draws)


class _ByScore(StreamStrategy):
    """Base of strategies that look at the score of each row by another one, `strategy`."""

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads."""
        return inner_reads(self.strategy)

    def _start(self):
        """Check the inner strategy."""
        _scorer(self)

    def _look(self, view):
        """Return the scores of the inner strategy."""
        return view.score(_scorer(self))[view.candidates]


@register(None, "where a score exceeds a value of your own", cost="that of the score")
class Threshold(_ByScore):
    """Where the score of another strategy is above a value.

    Parameters
    ----------
    strategy : str or Strategy, default="entropy"
        What scores each row, on its own.
    value : float, default=0.5
        What a score must exceed. The score of margin is minus the margin.
    budget : float, default=1.0
        As in `RandomStream`; 1 sets no limit.
    window, total
        As in `RandomStream`.
    """

    def __init__(
        self, strategy: Any = "entropy", value=0.5, budget=1.0, window=100, total=None
    ) -> None:
        super().__init__(budget, window, total)
        self.strategy = strategy
        self.value = value

    def _start(self):
        """Check the parameters."""
        checked_number(self.value, "value", name_of(self))
        super()._start()

    def _wants(self, value, draws, is_left):
        """Whether a score is above the value."""
        return is_left and value > self.value


@register(None, "where a score is among the highest recent ones", cost="that of the score")
class Quantile(_ByScore):
    r"""Where the score of another strategy is among the highest recent ones [1]_.

    A row is bought if its score is above the :math:`1 - b` quantile of the scores of the last
    `window` rows and its own, b the budget. Chance decides about equal scores, and about the row in
    which the quantile lies, so that a share of b is bought from the first row on if scores come in
    no order. As in the paper, whose balanced incremental quantile filter this follows, b is raised
    if fewer rows were bought than the budget allows, and lowered if more were: see
    `BudgetManager.chance`.

    Parameters
    ----------
    strategy : str or Strategy, default="entropy"
        What scores each row, on its own.
    window : int, default=100
        How many scores are kept; the budget holds in as many rows.
    budget : float, default=0.1
        Share of the rows that are bought, in (0, 1].
    total : int, default=None
        As in `RandomStream`.

    References
    ----------
    .. [1] Kottke, Krempl and Spiliopoulou (2015). Probabilistic active learning in datastreams.
       IDA.
    """

    _n_draws = 2

    def __init__(self, strategy: Any = "entropy", window=100, budget=0.1, total=None) -> None:
        super().__init__(budget, window, total)
        self.strategy = strategy

    def _start(self):
        """Forget the scores."""
        super()._start()
        self.scores_: deque[float] = deque()
        self.sorted_: list[float] = []

    def _wants(self, value, draws, is_left):
        """Whether a score is above the quantile; from now on it counts for that."""
        n_equal = bisect_right(self.sorted_, value) - bisect_left(self.sorted_, value)
        n_above = len(self.sorted_) - bisect_right(self.sorted_, value)
        # Its place from the highest, equal ones in an order of chance: uniform between 0 and the
        # number of scores, its own included, if these come in no order.
        rank = n_above + draws[0] * (n_equal + 1)
        is_wanted = is_left and rank < self.budget_.chance * (len(self.sorted_) + 1)
        if len(self.scores_) == self.window:
            del self.sorted_[bisect_left(self.sorted_, self.scores_.popleft())]
        self.scores_.append(value)
        insort(self.sorted_, value)
        return is_wanted


def blindly(budget: BudgetManager | Countdown, draws: np.ndarray) -> np.ndarray:
    """Return which rows are bought by chance alone, and count each."""
    takes = by_chance(budget, draws[:, -1].tolist())
    return np.array([takes(1.0) for _ in range(len(draws))], dtype=bool)


def budget_of(strategy, rate, window: int | None) -> BudgetManager:
    """Return the budget by a strategy's own parameters, refusing them by their own names."""
    who = name_of(strategy)
    if strategy.total is not None:
        checked_count(strategy.total, "total", who, 0)
    return BudgetManager(checked_rate(rate, who, "budget"), window, strategy.total)


def pool_twin(strategy: StreamStrategy) -> str:
    """Return what to write for the strategy that chooses from a pool like this one on a stream."""
    if hasattr(strategy, "strategy"):
        return repr(strategy.strategy)
    return "'random'" if isinstance(strategy, RandomStream) else "'least_confidence'"


def _refusal(strategy: StreamStrategy, what: str) -> str:
    """Return why a stream strategy does not rank rows, and what to write."""
    return (
        f"{name_of(strategy)} {what}: it decides as rows pass, and query(X_chunk) returns those "
        f"that it admits; give strategy {pool_twin(strategy)} for a pool."
    )


def _scorer(strategy) -> Strategy:
    """Return the strategy inside another one, refusing one that needs to see other rows."""
    inner = as_strategy(strategy.strategy)
    if isinstance(inner, Random):
        raise ValueError(
            f"{name_of(strategy)} got strategy Random, whose numbers are those of rows in a pool; "
            f"write RandomStream(budget=...)."
        )
    if not has_score(inner) or not inner.rowwise:
        is_stream = isinstance(inner, StreamStrategy)
        why = "decides as rows pass itself" if is_stream else "looks at many rows at once"
        raise ValueError(
            f"{name_of(strategy)} got strategy {name_of(inner)}, which {why}; give one that scores "
            f"each row on its own, such as 'margin'."
        )
    return inner


def passes(
    strategy: Strategy, X, write: str = "query(X_chunk), or run_stream(learner, chunks, oracle)"
) -> bool:
    """Whether rows pass the strategy, rather than being chosen from; X is None for the pool.

    Where it cannot choose from a pool, it is refused, with what to `write` for a stream.
    """
    if not isinstance(strategy, StreamStrategy):
        return False
    if X is None and type(strategy).select is StreamStrategy.select:
        raise ValueError(
            f"{name_of(strategy)} decides as rows pass; write {write}. To choose from a pool, give "
            f"strategy {pool_twin(strategy)}."
        )
    return X is not None


def stream_twin(strategy: Strategy) -> str:
    """Return what to write for the strategy that buys on a stream like this one from a pool."""
    if isinstance(strategy, Random):
        return "'stream_random'"
    if strategy.rowwise and has_score(strategy):
        own = f"Quantile({strategy!r})"
        return f"'variable_uncertainty' or {own}" if "proba" in str(strategy.reads) else own
    return "'split_uncertainty' or 'vessal'"
