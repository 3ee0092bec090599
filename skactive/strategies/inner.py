"""What strategies that are made of others ask of these."""

import numpy as np

from .base import ANY, Strategy, has_admit, has_score, name_of
from .registry import as_strategy


def inner_reads(*strategies, also: tuple = ()) -> tuple:
    """Return what strategies read, and what the one around them reads also, nothing twice."""
    reads = [what for strategy in strategies for what in as_strategy(strategy).reads]
    return tuple(dict.fromkeys([*reads, *also]))


def inner_labels(*strategies) -> tuple:
    """Return for which rows all of these strategies are: see `Strategy.labels_per_row`."""
    each = [as_strategy(strategy).labels_per_row for strategy in strategies]
    return tuple(labels for labels in ANY if all(labels in served for served in each))


def inner_scores(outer: Strategy, inner, view) -> np.ndarray:
    """Return the scores of the candidates by the strategy inside another one."""
    strategy = as_strategy(inner)
    if not has_score(strategy):
        why = "decides as rows pass" if has_admit(strategy) else "chooses rows jointly"
        raise ValueError(
            f"{type(outer).__name__} got strategy {name_of(strategy)}, which {why}; "
            f"give one that scores each row, such as 'margin'."
        )
    return view.score(strategy)[view.candidates]


def from_lowest(values: np.ndarray) -> np.ndarray:
    """Return values, measured from the lowest that is finite where that is below 0."""
    finite = values[np.isfinite(values)]
    return values - finite.min(initial=0.0)
