"""Checks of what users give: one set, for every module."""

import math
import os
import sys
import warnings
from functools import lru_cache
from numbers import Integral, Real
from pathlib import Path
from sys import modules
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state, get_tags

PACKAGE = str(Path(__file__).parents[1])

# Estimators that predict something else than labels, as their tags call them.
UNSUPERVISED = {
    "clusterer": "a clusterer",
    "outlier_detector": "an outlier detector",
    "density_estimator": "a density estimator",
}


def is_integer(value) -> bool:
    """Whether a value is an integer, which True and False are not."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def is_number(value) -> bool:
    """Whether a value is a real number, which True and False are not; NaN and infinity are."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def is_instance(thing, paths: tuple[str, ...]) -> bool:
    """Whether an object is an instance of one of these classes, each as "module.Class".

    Classes are looked up among the modules that are loaded: an instance of a class that nobody has
    imported cannot be there. Names of classes alone are never compared, since users call theirs
    what they like, and subclass a library's under other names.

    Examples
    --------
    >>> is_instance(True, ("builtins.int",)), is_instance(True, ("a module that is not there.C",))
    (True, False)
    """
    cls: Any = type(thing)  # which mypy takes for not hashable
    return is_subclass(cls, paths)


# Asked many times in a query. What is loaded later is no base of a class that is there already.
@lru_cache(maxsize=512)
def is_subclass(cls: type, paths: tuple[str, ...]) -> bool:
    """Whether a class is one of these, or derives from one."""
    split = (path.rpartition(".") for path in paths)
    # What is being imported right now is listed, but may not have its classes yet.
    found = (getattr(modules.get(module), name, None) for module, _, name in split)
    return issubclass(cls, tuple(base for base in found if isinstance(base, type)))


def may_have(estimator, method: str) -> bool:
    """Whether an estimator has a method, or may have it once it is fitted.

    scikit-learn's estimators hide what they cannot do, and what is handed on to something that only
    ``fit`` makes.

    Examples
    --------
    >>> from sklearn.ensemble import StackingClassifier
    >>> from sklearn.svm import SVC
    >>> stacking = StackingClassifier([("svc", SVC())])  # its last step is chosen by fit
    >>> hasattr(stacking, "predict_proba"), may_have(stacking, "predict_proba")
    (False, True)
    >>> hasattr(SVC(), "predict_proba"), may_have(SVC(), "predict_proba")
    (False, False)
    """
    try:
        getattr(estimator, method)
    except AttributeError as error:
        reason: Any = error
        while reason.__cause__ is not None:  # down to what was asked last
            reason = reason.__cause__
        if not isinstance(reason, AttributeError):
            return False
        # None stands for what fit chooses; fit makes what ends in an underscore, and anything else
        # that an object lacks which has no such attribute yet.
        name, made = reason.name, vars(reason.obj) if hasattr(reason.obj, "__dict__") else ()
        is_of_none = name == method and reason.obj is None
        is_fitted = any(each.endswith("_") for each in made)
        is_made = name not in (None, method) and (name.endswith("_") or not is_fitted)
        return is_of_none or is_made or isinstance(reason, NotFittedError)
    return True


def checked_count(value, name: str, who: str | None = None, least: int = 1, also: str = "") -> int:
    """Return a whole number, refusing what is none, or one below `least`.

    Examples
    --------
    >>> checked_count(0, "window", "the learner")
    Traceback (most recent call last):
    ...
    ValueError: the learner got window=0; give a whole number of at least 1.
    """
    if not is_integer(value) or int(value) < least:
        raise ValueError(
            f"{_given(value, name, who)}; give a whole number of at least {least}{also}."
        )
    return int(value)


def checked_number(
    value,
    name: str,
    who: str,
    lowest: float = -math.inf,
    highest: float = math.inf,
    *,
    is_open: bool = False,
) -> float:
    """Return a finite number in a range, refusing others; `lowest` is outside where that is open.

    Examples
    --------
    >>> checked_number(95, "threshold", "ConfidentPool", 0, 1, is_open=True)
    Traceback (most recent call last):
    ...
    ValueError: ConfidentPool got threshold=95; give a finite number above 0 and of at most 1.
    """
    is_finite = is_number(value) and math.isfinite(value)
    if not is_finite or not lowest <= value <= highest or (is_open and value == lowest):
        least = f"{'above' if is_open else 'of at least'} {lowest:g}"
        bounds = [least] * math.isfinite(lowest) + [f"of at most {highest:g}"] * (
            highest < math.inf
        )
        bound = f" {' and '.join(bounds)}" if bounds else ""
        raise ValueError(f"{_given(value, name, who)}; give a finite number{bound}.")
    return float(value)


def checked_fraction(value, name: str, who: str) -> float:
    """Return a number between 0 and 1, refusing both of these."""
    if not is_number(value) or not 0 < float(value) < 1:
        raise ValueError(f"{_given(value, name, who)}; give a number between 0 and 1.")
    return float(value)


def count_of(share, n: int) -> float | None:
    """Return how many of n a count or a share stands for, not rounded; None: it is neither.

    An integer of at least 1 is a count, another number in (0, 1] a share.

    Examples
    --------
    >>> count_of(7, 5), count_of(0.5, 5), count_of(1.5, 5)
    (5, 2.5, None)
    """
    if is_integer(share):
        return min(int(share), n) if share >= 1 else None
    return float(share) * n if is_number(share) and 0 < float(share) <= 1 else None


def refuse_masked(values, name: str, who: str | None = None, start: int = 0) -> None:
    """Refuse masked cells in an array, or a list of arrays: what is under a mask is no value.

    `start` is the number of the first row.

    Examples
    --------
    >>> refuse_masked([np.ma.array([1, 2]), np.ma.array([3, 4], mask=[False, True])], "X", "fit")
    Traceback (most recent call last):
    ...
    ValueError: fit got X with a masked cell, first in row 1; write row.filled(value) for such rows.
    """
    is_list = isinstance(values, list | tuple)
    parts = values if is_list else [values]
    # By type first, since lists are long.
    if not any(issubclass(kind, np.ma.MaskedArray) for kind in set(map(type, parts))):
        return
    masks = [np.atleast_1d(np.ma.getmask(each)) for each in parts]
    n = sum(map(np.count_nonzero, masks))
    if n == 0:
        return
    row = np.argmax([mask.any() for mask in masks]) if is_list else np.argwhere(masks[0])[0][0]
    cells = "a masked cell" if n == 1 else f"{n} masked cells"
    got = f"{name} has" if who is None else f"{who} got {name} with"
    write = "row.filled(value) for such rows"
    if not is_list:
        write = f"{name}.filled(value) for such cells"
    raise ValueError(f"{got} {cells}, first in row {start + row}; write {write}.")


def unmasked(values, name: str, who: str | None = None, dtype=None) -> NDArray:
    """Return values as a plain array, refusing masked cells.

    Examples
    --------
    >>> unmasked(np.ma.array([1, 2], mask=[False, True]), "scores")
    Traceback (most recent call last):
    ...
    ValueError: scores has a masked cell, first in row 1; write scores.filled(value) for such cells.
    """
    refuse_masked(values, name, who)
    return np.asarray(values, dtype=dtype)


def _given(value, name: str, who: str | None) -> str:
    """Return how a refusal begins: whose parameter came with what."""
    return f"{name} is {value!r}" if who is None else f"{who} got {name}={value!r}"


def check_estimator(estimator) -> None:
    """Refuse what is no estimator that predicts."""
    cls = estimator if isinstance(estimator, type) else type(estimator)
    if is_subclass(cls, ("torch.nn.Module",)) and not hasattr(cls, "fit"):
        raise TypeError(
            f"estimator is {cls.__name__}, a module of torch, which has no fit; wrap it in "
            f"skorch's NeuralNetClassifier({cls.__name__}), or in its NeuralNetRegressor."
        )
    if estimator is cls:
        raise TypeError(
            f"estimator is the class {cls.__name__}; write {cls.__name__}(), an instance."
        )
    try:
        tags = get_tags(estimator)
    except AttributeError as error:
        tags, reason = None, error
    kind = None if tags is None else UNSUPERVISED.get(tags.estimator_type)
    missing = [name for name in ("fit", "predict", "get_params") if not may_have(estimator, name)]
    wrong = None
    if kind is not None:
        wrong = f"{kind}, which learns no labels"
    elif missing:
        wrong = f"which has no {' and no '.join(missing)}"
    elif tags is not None and not tags.target_tags.single_output and not is_classifier(estimator):
        wrong = "which learns several targets of a row, and a row has one label here"
    if wrong is not None:
        raise TypeError(
            f"estimator is {estimator!r}, {wrong}; give a classifier or a regressor, or a Pipeline "
            f"that ends in one."
        )
    if tags is None:  # scikit-learn's own sentences name every class that might say more
        raise TypeError(
            f"estimator is {estimator!r}, of which scikit-learn cannot tell what it is; let its "
            f"class derive from ClassifierMixin or RegressorMixin, and from BaseEstimator."
        ) from reason
    inside = [estimator, *estimator.get_params().values()]
    asking = (part for part in inside if hasattr(part, "teach") and hasattr(part, "query"))
    learners = [type(part).__name__ for part in asking]
    if learners:
        raise TypeError(
            f"estimator is, or holds, another learner ({learners[0]}), which asks for labels "
            f"itself; give the estimator that it wraps."
        )
    if tags.input_tags.pairwise:
        raise ValueError(
            f"{type(estimator).__name__} as given takes a precomputed matrix of each row against "
            f"each other, from which rows cannot be taken; let it compute that from the rows."
        )


def check_n_instances(X, n_instances, who: str = "query") -> int:
    """Return how many rows are asked for, refusing what is no such number."""
    if isinstance(X, Integral):
        raise ValueError(f"query got {X} for X; write query(n_instances={X}).")
    return 1 if n_instances is None else checked_count(n_instances, "n_instances", who)


def missing_to_total(n_instances, n_total, n_known: int, who: str = "query") -> int:
    """Return how many rows a call asks for that names a total, of which some are there."""
    if n_instances is not None:
        raise ValueError(
            f"{who} got n_instances={n_instances!r} and n_total={n_total!r}; give how many more "
            f"rows, or how many in all."
        )
    return max(checked_count(n_total, "n_total", who) - n_known, 0)


def check_name(name, who: str) -> None:
    """Refuse a name of a person that is no text, or that nobody would write twice alike."""
    if name is None:
        return
    if not isinstance(name, str):
        raise TypeError(
            f"{who} got the name {name!r} of type {type(name).__name__}; give text, or None."
        )
    if not name or name != name.strip():
        instead = f"write {name.strip()!r}" if name.strip() else "write one, or None"
        raise ValueError(
            f"{who} got the name {name!r}; names are text without spaces around it, {instead}."
        )


def check_path(path, name: str, who: str, instead: str) -> None:
    """Refuse what is no path, saying how the call is written."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(
            f"{who} got {name}= of type {type(path).__name__}, which is no path; write {instead}."
        )


def check_callback(callback) -> None:
    """Refuse what cannot be called after each round, before the first one."""
    if callback is not None and not callable(callback):
        raise TypeError(f"callback is {callback!r}; give a function that takes the learner.")


def warn(message: str) -> None:
    """Warn at the line that called this package, however deep inside it this is.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warn("of something")
    >>> caught[0].message, caught[0].filename.startswith(PACKAGE)
    (UserWarning('of something'), False)
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def draw_seed(random_state) -> int:
    """Return a seed: the integer itself, one drawn from a generator, or one from the system."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    if isinstance(random_state, Integral) and int(random_state) >= 0:
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def checked_curves(n_labeled, scores, n_dims: tuple[int, ...] = (1, 2)) -> tuple[NDArray, NDArray]:
    """Return numbers of labels and scores as arrays, refusing what is no learning curve."""
    grid, curves = np.asarray(n_labeled, np.float64), np.asarray(scores, np.float64)
    if grid.ndim != 1 or len(grid) == 0 or not (np.diff(grid) > 0).all() or np.isnan(grid).any():
        raise ValueError(f"n_labeled is {n_labeled!r}; give a list of increasing numbers.")
    if curves.ndim not in n_dims or 0 in curves.shape or curves.shape[-1] != len(grid):
        rows = "(R, " if n_dims == (2,) else "("
        raise ValueError(
            f"scores have the shape {curves.shape} for {len(grid)} numbers of labels; give the "
            f"shape {rows}{len(grid)}{',' if n_dims == (1,) else ''})."
        )
    return grid, curves


def checked_pairs(a, b) -> tuple[NDArray, NDArray]:
    """Return two numbers for each repeat as arrays, refusing other shapes."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) == 0:
        raise ValueError(
            f"a and b have the shapes {a.shape} and {b.shape}; give one number for each repeat."
        )
    return a, b


def check_same_repeats(a: NDArray, b: NDArray) -> None:
    """Refuse curves that are not of the same repeats."""
    if len(a) != len(b):
        raise ValueError(
            f"the curves have {len(a)} and {len(b)} repeats; give those of the same repeats."
        )


def refuse_nan(values, what: str) -> None:
    """Refuse NaN, which is neither above nor below anything."""
    if np.isnan(values).any():
        raise ValueError(f"{what} is NaN, which reaches nothing; leave such runs out.")
