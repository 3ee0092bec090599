"""What every strategy is: a value that scores rows, or chooses some of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from weakref import WeakValueDictionary

import numpy as np
from sklearn.base import BaseEstimator

from ..models import refusal
from ..selection import top
from ..utils.checks import unmasked, warn
from .view import View

ANY, SEVERAL = ("one", "several"), ("several",)  # of labels_per_row

# Models of which it was said that all rows score alike, by id, for as long as they are there.
_known_to_tie: WeakValueDictionary = WeakValueDictionary()
_is_simulated: ContextVar[bool] = ContextVar("is_simulated", default=False)


class Strategy(BaseEstimator):
    """Base of all strategies: override `score`, or `select`, not both.

    Strategies are values without fitted state, with scikit-learn's conventions for parameters:
    ``__init__`` keeps them under their names and does nothing else.

    Attributes
    ----------
    rowwise : bool
        Whether a row's score depends on that row alone. If so, `score` sees one chunk of the pool
        at a time.
    reads : tuple
        What they read of the view that comes from the model ("proba", "decision", "std", "samples",
        "value_samples", "prediction", "value", "embedding", "gradient", "perturbation"); a tuple
        inside stands for "one of these". An estimator that cannot give it is refused before the
        first query.
    asks_again : bool
        Whether labelled rows are candidates too, for a further opinion. A pool without a consensus
        is refused then.
    gives_fewer : bool
        Whether it may choose fewer rows than it is asked for, though there are candidates.
    labels_per_row : tuple
        For which rows it is: ``("one",)``, ``("several",)``, whose `View.proba` is the probability
        of each label, or both. Others are refused before the first query.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import ActiveLearner, Strategy
    >>> class Doubt(Strategy):
    ...     reads = ("proba",)
    ...     def score(self, view):
    ...         return 1 - view.proba.max(axis=1)
    >>> X, y = load_iris(return_X_y=True)
    >>> y[5:145] = -1
    >>> learner = ActiveLearner(LogisticRegression(), Doubt()).fit(X, y)
    >>> learner.query(n_instances=2)[0].shape
    (2,)
    """

    rowwise = True
    reads: tuple = ()
    asks_again = False
    gives_fewer = False
    labels_per_row: tuple = ("one",)

    def score(self, view: View) -> np.ndarray:
        """Return how much each row is worth a label, shape (n,): the higher, the more."""
        raise NotImplementedError(f"{type(self).__name__} has no score: it chooses rows jointly.")

    def select(self, view: View, n: int) -> np.ndarray:
        """Return n distinct positions of candidates, best first; there are at least n of them.

        Where `gives_fewer`, n at most.

        By default those of the largest scores, ties broken by `View.row_random`.
        """
        return top(view.score(self), n, candidates=view.mask, tiebreak=view.row_random)


class FunctionStrategy(Strategy):
    """A function ``(view, n) -> positions`` as a strategy."""

    rowwise = False
    labels_per_row = ANY  # whose author knows them

    def __init__(self, function):
        self.function = function

    def select(self, view, n):
        """Return what the function chooses."""
        chosen = self.function(view, n)
        if isinstance(chosen, tuple) and any(np.ndim(part) for part in chosen):
            raise ValueError(
                f"{name_of(self)} gave a tuple of {len(chosen)}; return the positions alone, "
                f"without scores or rows."
            )
        return chosen


def has_score(strategy: Strategy) -> bool:
    """Whether a strategy scores rows, rather than choosing them jointly."""
    if hasattr(strategy, "has_score"):  # where that is up to the strategy inside it
        return strategy.has_score
    return type(strategy).score is not Strategy.score and type(strategy).select is Strategy.select


def has_admit(strategy: Strategy | type[Strategy]) -> bool:
    """Whether a strategy, or a class of them, decides as rows pass."""
    return hasattr(strategy, "admit")


def asks_again(strategy: Strategy) -> bool:
    """Whether labelled rows are candidates of a strategy, or of one inside it."""
    return _is_inside(strategy, "asks_again")


def _is_inside(strategy: Strategy, attribute: str) -> bool:
    """Whether an attribute of a strategy is set, or that of one inside it."""
    inside = strategy.get_params(deep=False).values()
    return getattr(strategy, attribute) or any(
        _is_inside(part, attribute) for part in inside if isinstance(part, Strategy)
    )


def needs(strategy: Strategy) -> list[tuple[str, ...]]:
    """Return what a strategy reads: of each tuple, one suffices."""
    return [(part,) if isinstance(part, str) else tuple(part) for part in strategy.reads]


def name_of(strategy: Strategy) -> str:
    """Return how messages call a strategy: by its class, or by its function."""
    if isinstance(strategy, FunctionStrategy):
        return getattr(strategy.function, "__name__", repr(strategy.function))
    return type(strategy).__name__


def check_serves(
    strategy: Strategy, estimator, is_embedded: bool = False, *, multilabel: bool = False
) -> None:
    """Refuse a strategy that reads what an estimator cannot give; of several labels a row too."""
    for alternatives in needs(strategy):
        # The gradient is then that of a linear layer on the user's embedding, for which
        # probabilities, or predicted values, are enough.
        if is_embedded and "gradient" in alternatives:
            alternatives = (*alternatives, "proba", "value")
        reason = refusal(estimator, *alternatives, multilabel=multilabel)
        if reason is not None:
            raise ValueError(f"{name_of(strategy)} reads {reason}")


def choose(strategy: Strategy, view: View, n: int) -> np.ndarray:
    """Return the positions that a strategy selects, refusing any that break its contract."""
    n = min(n, int(np.count_nonzero(view.mask)))
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    name = name_of(strategy)
    chosen = strategy.select(view, n)  # of a user's class or function, which may be wrong
    positions = unmasked(chosen, "positions", f"a query by {name}")
    n_wanted = n
    if positions.ndim == 1 and len(positions) < n and _is_inside(strategy, "gives_fewer"):
        n = len(positions)
    if positions.shape != (n,) or positions.dtype.kind not in "iu":
        raise ValueError(
            f"{name} was asked for {n} positions and gave an array of shape {positions.shape} and "
            f"dtype {positions.dtype}; it must give {n} integers."
        )
    inside = (positions >= 0) & (positions < len(view))
    if not inside.all() or not view.mask[positions].all():
        allowed = inside.copy()
        allowed[inside] = view.mask[positions[inside]]
        raise ValueError(
            f"{name} chose position {positions[~allowed][0]}, which is no candidate; choose among "
            f"view.candidates."
        )
    if len(np.unique(positions)) < n:
        raise ValueError(f"{name} chose a position twice; give distinct positions.")
    if n < n_wanted and not _is_simulated.get():
        warn(f"{name} chose {n} of {n_wanted} rows; no other candidate is within its limits.")
    if has_score(strategy) and not _is_simulated.get():
        _warn_of_ties(strategy, view, positions)
    return positions.astype(np.int64, copy=False)


@contextmanager
def simulated() -> Iterator[None]:
    """Say nothing of ties, which recur in every round of a simulation, where nobody is asked."""
    token = _is_simulated.set(True)
    try:
        yield
    finally:
        _is_simulated.reset(token)


def _warn_of_ties(strategy: Strategy, view: View, positions: np.ndarray) -> None:
    """Warn, once a fit, that chance alone has chosen, where all candidates have one score."""
    model, n = view.estimator, np.count_nonzero(view.mask)
    if model is None or _known_to_tie.get(id(model)) is model or len(positions) == n:
        return
    scores = view.score(strategy)
    of_some = scores[:1000][view.mask[:1000]]  # which nearly always tell
    best = scores[positions[0]]
    if (of_some != best).any() or (scores[view.mask] != best).any():
        return
    _known_to_tie[id(model)] = model
    warn(
        f"{name_of(strategy)} gives all {n} candidates the same score by this "
        f"{type(model).__name__}, so that chance alone chooses; take an estimator with graded "
        f"answers, or a strategy that looks at the rows, such as 'k_center'."
    )
