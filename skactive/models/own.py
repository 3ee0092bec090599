"""What an estimator of the user's own answers by methods that it brings for strategies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ..data.arrays import check_probabilities, refuse_not_finite
from ..data.rows import n_rows
from ..data.tensors import as_array
from ..utils.checks import refuse_masked
from .kinds import CALLS, bringer, transforms_of
from .seeding import seeded

LEAST_MEMBERS = 2  # one alone disagrees with nobody


class _Answer(NamedTuple):
    """What a method of the user's own answered for rows."""

    values: Any
    name: str  # of the method, for messages
    n: int  # rows


def drawn_samples(
    estimator, X, n_passes: int, n_classes: int | None, seed: Sequence[int] = (0,)
) -> np.ndarray:
    """Return what ``predict_samples`` says of rows: (S, n, C) for classes, else values, (S, n).

    The generators of numpy, torch and Python are seeded, alike for each chunk of rows: a query that
    is repeated has the same answer, and a pass that draws weights draws the same for all rows.
    """
    answer = _ask(estimator, "predict_samples", X, n_passes, seed=seed)
    values = _numbers(answer.values, answer, "values" if n_classes is None else "probabilities")
    shape = (answer.n,) if n_classes is None else (answer.n, n_classes)
    told = "rows" if n_classes is None else "rows, classes"
    if values.ndim != len(shape) + 1 or values.shape[1:] != shape:
        raise ValueError(
            f"{answer.name} gave an array of shape {values.shape}; give (passes, {told}), here "
            f"({n_passes}, {', '.join(map(str, shape))})."
        )
    if len(values) < LEAST_MEMBERS:
        raise ValueError(
            f"{answer.name} gave {len(values)} pass where {n_passes} were asked for; give at least "
            f"two, which may disagree."
        )
    if n_classes is not None:
        check_probabilities(values, "SnC", who="a query", name=f"probabilities of {answer.name}")
        return values
    for each in values:
        refuse_not_finite(each[:, None], who=answer.name, name="values")
    return values.astype(np.float64, copy=False)


def vectors_of(estimator, X) -> Any:
    """Return what ``embed`` makes of rows, an array or CSR matrix of shape (n, d)."""
    answer = _ask(estimator, "embed", X)
    return _matrix(answer.values, answer, "vectors")


def factors_of(estimator, X) -> tuple[np.ndarray, Any]:
    """Return what ``gradient_factors`` gives: errors of shape (n, C), features of shape (n, d)."""
    answer = _ask(estimator, "gradient_factors", X)
    if not isinstance(answer.values, tuple | list) or len(answer.values) != 2:
        kind = type(answer.values).__name__
        raise ValueError(
            f"{answer.name} gave a {kind}; give two arrays, the errors of the probabilities, "
            f"(rows, classes), and what the last layer is given, (rows, d)."
        )
    errors, features = answer.values
    if sparse.issparse(errors):
        raise ValueError(f"{answer.name} gave errors as a sparse matrix; write errors.toarray().")
    return _matrix(errors, answer, "errors"), _matrix(features, answer, "features")


def _ask(estimator, method: str, X, *args, seed: Sequence[int] | None = None) -> _Answer:
    """Return what a method of the user's own answers for rows as they reach it."""
    who = bringer(estimator, method)
    for transform in transforms_of(estimator, who):
        X = transform(X)
    with nullcontext() if seed is None else seeded(list(seed)):
        given = getattr(who, method)(X, *args)
    return _Answer(given, f"{type(who).__name__}.{CALLS[method].partition('(')[0]}", n_rows(X))


def _numbers(values, answer: _Answer, what: str) -> np.ndarray:
    """Return an array of real numbers, refusing anything else."""
    refuse_masked(values, what, answer.name)
    values = as_array(values)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{answer.name} gave {what} of dtype {values.dtype}; give numbers.")
    return values


def _matrix(values, answer: _Answer, what: str) -> Any:
    """Return finite numbers with two dimensions and one row for each, dense or CSR."""
    values = values.tocsr() if sparse.issparse(values) else _numbers(values, answer, what)
    if values.ndim != 2 or values.shape[0] != answer.n:
        raise ValueError(
            f"{answer.name} gave {what} of shape {values.shape} for {answer.n} rows; give two "
            f"dimensions, one row for each."
        )
    refuse_not_finite(values, who=answer.name, name=what)
    return values
