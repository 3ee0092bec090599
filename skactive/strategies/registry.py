"""The strategies that are known, by name or not, and what may stand for a strategy."""

import difflib
import inspect
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ..models import last_step, refusal
from ..models.kinds import has_return_std
from .base import ANY, FunctionStrategy, Strategy, has_admit

Class = TypeVar("Class", bound=type[Strategy])


class Entry(NamedTuple):
    """What is told of a strategy beside its docstring and what it reads."""

    name: str | None  # None: it is given as an instance
    use: str
    cost: str


# What modAL's functions are called here, whose names people type.
MODAL = {
    "uncertainty_sampling": "least_confidence",
    "margin_sampling": "margin",
    "entropy_sampling": "entropy",
    "uncertainty_batch_sampling": "ranked_batch",
    "vote_entropy_sampling": "vote_entropy",
    "consensus_entropy_sampling": "consensus_entropy",
    "max_disagreement_sampling": "max_disagreement",
    "max_std_sampling": "std",
    "max_EI": "expected_improvement",
    "max_PI": "probability_of_improvement",
    "max_UCB": "upper_confidence_bound",
    "SVM_binary_minimum": "svm_binary_minimum",
    "mc_dropout_bald": "bald",
    "mc_dropout_max_entropy": "consensus_entropy",
    "mc_dropout_max_variationRatios": "variation_ratios",
}
# Its functions that are called here as there.
SAME_AS_MODAL = {
    "avg_confidence",
    "avg_score",
    "max_loss",
    "max_score",
    "mean_max_loss",
    "min_confidence",
}
# How the first parameter is called of a function that takes a model, where ours take a view.
MODELS = {"classifier", "committee", "estimator", "learner", "model", "optimizer", "regressor"}

ENTRIES: dict[type[Strategy], Entry] = {}  # in the order in which classes were defined


def register(name: str | None, use: str, *, cost: str) -> Callable[[Class], Class]:
    """Return a decorator that enters a class among the known strategies.

    Parameters
    ----------
    name : str or None
        What stands for an instance with default parameters. None: it has no name.
    use, cost : str
        When to use it, and what it costs beside passes of the model; the guide's table says both.

    Raises
    ------
    ValueError
        If another class has the name.
    """

    def enter(strategy: Class) -> Class:
        taken = _named().get(name or "")
        if taken is not None:
            # A cell of a notebook that is run again defines its class anew.
            if _path(taken) != _path(strategy):
                raise ValueError(f"{name!r} is the name of {taken.__name__}; give another one.")
            del ENTRIES[taken]
        ENTRIES[strategy] = Entry(name, use, cost)
        return strategy

    return enter


def _named() -> dict[str, type[Strategy]]:
    """Return the classes that have a name, by name."""
    return {entry.name: strategy for strategy, entry in ENTRIES.items() if entry.name is not None}


def _path(strategy: type[Strategy]) -> tuple[str, str]:
    """Return where a class is defined."""
    return strategy.__module__, strategy.__qualname__


def get_strategy_names(*, stream: bool = False, multilabel: bool = False) -> list[str]:
    """Return the names that may be given for a strategy, sorted.

    Parameters
    ----------
    stream : bool, default=False
        Whether to list those that decide as rows pass, instead of those that choose from a pool.
    multilabel : bool, default=False
        Whether to list those that serve rows with several labels each, instead of one.

    Examples
    --------
    >>> from skactive import get_strategy_names
    >>> "margin" in get_strategy_names()
    True
    >>> "split_uncertainty" in get_strategy_names(stream=True)
    True
    >>> "bald" in get_strategy_names(multilabel=True)
    False
    """
    labels = "several" if multilabel else "one"
    known = _named().items()
    return sorted(
        name for name, cls in known if has_admit(cls) == stream and labels in cls().labels_per_row
    )


def check_labels_per_row(strategy: Strategy, multilabel: bool) -> None:
    """Refuse a strategy that is not for rows with several labels each, or not for one.

    Examples
    --------
    >>> from skactive.strategies import Margin
    >>> check_labels_per_row(Margin(aggregate="mean"), multilabel=False)
    Traceback (most recent call last):
    ...
    ValueError: Margin(aggregate='mean') is for rows with several labels each, and these have one;
    leave out aggregate=.
    """
    if ("several" if multilabel else "one") in strategy.labels_per_row:
        return
    if multilabel:
        if not type(strategy).__module__.startswith("skactive."):
            raise ValueError(
                f"{strategy!r} is for rows with one label each, and these have several; if it "
                f"reads view.proba as the probability of each label, or reads nothing of labels, "
                f"write labels_per_row = {ANY!r} in its class."
            )
        names = ", ".join(map(repr, get_strategy_names(multilabel=True)))
        raise ValueError(
            f"{strategy!r} is for rows with one label each, and these have several; give one of "
            f"{names}, or Subpool, Prefilter or StochasticBatch of them."
        )
    has_own = strategy.get_params(deep=False).get("aggregate") is not None
    write = "leave out aggregate=" if has_own else "get_strategy_names() lists those for one"
    raise ValueError(
        f"{strategy!r} is for rows with several labels each, and these have one; {write}."
    )


def as_strategy(strategy) -> Strategy:
    """Return the strategy that a name, a strategy or a callable stands for, or refuse."""
    if isinstance(strategy, Strategy):
        return strategy
    if isinstance(strategy, str):
        known = _named()
        if strategy in known:
            return known[strategy]()
        if strategy in MODAL:
            raise ValueError(f"unknown strategy {strategy!r}; here it is {MODAL[strategy]!r}.")
        for unnamed in (cls for cls, entry in ENTRIES.items() if entry.name is None):
            if strategy.replace("_", "").lower() == unnamed.__name__.lower():
                raise ValueError(
                    f"strategy is {strategy!r}, which has no name; write an instance, "
                    f"{unnamed.__name__}{inspect.signature(unnamed)}."
                )
        near = difflib.get_close_matches(strategy, known, n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}?"
        listed = "skactive.get_strategy_names() lists those that have a name."
        raise ValueError(f"unknown strategy {strategy!r}; {hint if near else listed}")
    if isinstance(strategy, type):
        raise TypeError(
            f"strategy is the class {strategy.__name__}; write {strategy.__name__}(), an instance."
        )
    if callable(strategy):
        _refuse_of_models(strategy)
        return FunctionStrategy(strategy)
    raise TypeError(
        f"strategy is {strategy!r}; give a name (see get_strategy_names()), a Strategy or a "
        f"callable (view, n) -> positions."
    )


def _refuse_of_models(function: Callable) -> None:
    """Refuse a function of a model and rows, as modAL takes it."""
    name = getattr(function, "__name__", repr(function))
    try:
        first = next(iter(inspect.signature(function).parameters), "")
    except (TypeError, ValueError):  # written in C, it does not tell
        return
    if first not in MODELS:
        return
    if name in MODAL or name in SAME_AS_MODAL:
        raise TypeError(f"strategy is the function {name}; write {MODAL.get(name, name)!r}.")
    raise TypeError(
        f"strategy is {name}, a function of {first!r}; write a function (view, n) that returns n "
        f"of view.candidates, where view.proba is {first}.predict_proba(X)."
    )


def default_strategy(estimator, is_regressor: bool) -> Strategy:
    """Return what "auto" stands for: margin for classifiers, std for some regressors, else random.

    In batches, how far members of an ensemble lie apart was worse than random for a forest
    (``benchmarks/regressors.py``).
    """
    if is_regressor:
        return as_strategy("std" if has_return_std(last_step(estimator)) else "random")
    return as_strategy("margin" if refusal(estimator, "proba", "decision") is None else "random")
