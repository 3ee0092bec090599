"""What may stand for a strategy: a name, an instance, or a function."""

import difflib

from .base import FunctionStrategy, Strategy


def as_strategy(strategy) -> Strategy:
    """Return the strategy that a name, a strategy or a callable stands for.

    Raises
    ------
    TypeError
        If it is a class, or none of these.
    ValueError
        If the name is unknown.
    """
    if isinstance(strategy, Strategy):
        return strategy
    if isinstance(strategy, str):
        from .table import STRATEGIES, STREAM_STRATEGIES  # some of which are made of others

        known = STRATEGIES | STREAM_STRATEGIES
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
