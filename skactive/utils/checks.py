"""Checks of what users give to a learner."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state, get_tags


def check_estimator(estimator) -> None:
    """Refuse what is no estimator that predicts."""
    if isinstance(estimator, type):
        name = estimator.__name__
        raise TypeError(f"estimator is the class {name}; write {name}(), an instance.")
    missing = [name for name in ("fit", "predict", "get_params") if not hasattr(estimator, name)]
    if missing:
        raise TypeError(
            f"estimator is {estimator!r}, which has no {' and no '.join(missing)}; give a "
            f"classifier or a regressor, or a Pipeline that ends in one."
        )
    if get_tags(estimator).input_tags.pairwise:
        raise ValueError(
            f"{type(estimator).__name__} as given takes a precomputed matrix of each row against "
            f"each other, from which rows cannot be taken; let it compute that from the rows."
        )


def check_n_instances(X, n_instances, who: str = "query") -> int:
    """Return how many rows are asked for, refusing what is no such number."""
    if isinstance(X, Integral):
        raise ValueError(f"query got {X} for X; write query(n_instances={X}).")
    return 1 if n_instances is None else _check_count("n_instances", n_instances, who)


def missing_to_total(n_instances, n_total, n_known: int) -> int:
    """Return how many rows a query asks for that names a total, of which some are there."""
    if n_instances is not None:
        raise ValueError(
            f"query got n_instances={n_instances!r} and n_total={n_total!r}; give how many more "
            f"rows, or how many in all."
        )
    return max(_check_count("n_total", n_total) - n_known, 0)


def _check_count(name: str, n, who: str = "query") -> int:
    """Return a number of rows, refusing what is none."""
    if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{who} got {name}={n!r}; give a whole number of at least 1.")
    return int(n)


def check_name(name, who: str) -> None:
    """Refuse a name of a person that is no text."""
    if name is not None and not isinstance(name, str):
        raise TypeError(
            f"{who} got the name {name!r} of type {type(name).__name__}; give text, or None."
        )


def check_callback(callback) -> None:
    """Refuse what cannot be called after each round, before the first one."""
    if callback is not None and not callable(callback):
        raise TypeError(f"callback is {callback!r}; give a function that takes the learner.")


def draw_seed(random_state) -> int:
    """Return a seed: the integer itself, one drawn from a generator, or one from the system."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    if isinstance(random_state, Integral) and int(random_state) >= 0:
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
