"""The strategies that are known, by name or not, and what may stand for a strategy."""

import difflib
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ..models import refusal
from .base import FunctionStrategy, Strategy, has_admit

Class = TypeVar("Class", bound=type[Strategy])


class Entry(NamedTuple):
    """What is told of a strategy beside its docstring and what it reads."""

    name: str | None  # None: it is given as an instance
    use: str
    cost: str


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


def get_strategy_names(*, stream: bool = False) -> list[str]:
    """Return the names that may be given for a strategy, sorted.

    Parameters
    ----------
    stream : bool, default=False
        Whether to list those that decide as rows pass, instead of those that choose from a pool.

    Examples
    --------
    >>> from skactive import get_strategy_names
    >>> "margin" in get_strategy_names()
    True
    >>> "split_uncertainty" in get_strategy_names(stream=True)
    True
    """
    return sorted(name for name, cls in _named().items() if has_admit(cls) == stream)


def as_strategy(strategy) -> Strategy:
    """Return the strategy that a name, a strategy or a callable stands for, or refuse."""
    if isinstance(strategy, Strategy):
        return strategy
    if isinstance(strategy, str):
        known = _named()
        if strategy in known:
            return known[strategy]()
        near = difflib.get_close_matches(strategy, known, n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}?"
        listed = "skactive.get_strategy_names() lists those that have a name."
        raise ValueError(f"unknown strategy {strategy!r}; {hint if near else listed}")
    if isinstance(strategy, type):
        raise TypeError(
            f"strategy is the class {strategy.__name__}; write {strategy.__name__}(), an instance."
        )
    if callable(strategy):
        return FunctionStrategy(strategy)
    raise TypeError(
        f"strategy is {strategy!r}; give a name (see get_strategy_names()), a Strategy or a "
        f"callable (view, n) -> positions."
    )


def default_strategy(estimator, is_regressor: bool) -> Strategy:
    """Return what "auto" stands for: margin for classifiers, std for regressors, else random."""
    name, parts = ("std", ["std"]) if is_regressor else ("margin", ["proba", "decision"])
    return as_strategy(name if refusal(estimator, *parts) is None else "random")
