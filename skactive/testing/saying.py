"""How a failed check is told, and how parameters are compared."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def silence() -> Iterator[None]:
    """Ignore warnings, of estimators on so few rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def state_of_params(value):
    """Return a copy of parameters that can be compared: of strategies inside, their attributes."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value), state_of_params(vars(value))
    if isinstance(value, dict):
        return {key: state_of_params(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [state_of_params(item) for item in value]
    return value.copy() if isinstance(value, np.ndarray) else value


def require(is_so: bool, sentence: str) -> None:
    """Fail with a sentence unless it is so; ``python -O`` would skip an assert."""
    if not is_so:
        raise AssertionError(sentence)


def require_equal(before, after, what: str) -> None:
    """Fail, saying what, where parameters or arrays differ."""
    try:
        np.testing.assert_equal(after, before)
    except AssertionError as error:
        difference = " ".join(str(error).split())
        raise AssertionError(f"{what}: {difference}") from error
