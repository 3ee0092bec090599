"""What a learner does where rows have several labels: what it refuses, and when it can learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..models.kinds import last_step
from ..models.several import bears_constants, cannot_go_on, why_not_several
from ..pool.pool import Pool
from ..strategies.base import Strategy, check_serves, has_admit
from ..strategies.registry import as_strategy, check_labels_per_row


def check_several(
    learner, pool: Pool, strategy: Strategy | None = None, *, is_embedded: bool = False
) -> None:
    """Refuse an estimator, a strategy or parameters that do not go with several labels a row."""
    estimator = learner.estimator
    reason = why_not_several(estimator)
    if reason is not None:
        raise ValueError(f"rows have several labels, and {reason}.")
    names = pool.classes
    wrong = None
    if names is not None and len(names) == 1:
        wrong = (
            f"rows have the one label {names.tolist()[0]!r} or none, which are two classes; give "
            f"one label a row"
        )
    elif learner.fit_unlabeled:
        wrong = (
            "fit_unlabeled=True got rows with several labels, which no estimator learns beside "
            "rows without; write fit_unlabeled=False"
        )
    elif learner.encode_labels != "auto":
        wrong = (
            f"encode_labels={learner.encode_labels!r} got rows with several labels, each of which "
            f"an estimator learns as 0 or 1; write encode_labels='auto'"
        )
    elif learner.update == "partial_fit" and cannot_go_on(estimator):
        wrong = (
            f"update='partial_fit' got rows with several labels, and the partial_fit of "
            f"{type(last_step(estimator)).__name__} learns one; write MultiOutputClassifier, or "
            f"update='refit'"
        )
    elif strategy is not None and has_admit(strategy):
        wrong = (
            f"{type(strategy).__name__} decides as rows pass, by one label a row, and rows have "
            f"several; give a strategy for pools, such as 'margin'"
        )
    if wrong is not None:
        raise ValueError(f"{wrong}.")
    if strategy is None:
        return
    for each in (strategy, as_strategy(learner.cold_start)):
        check_labels_per_row(each, multilabel=True)
    is_embedded = is_embedded or learner.embedding is not None
    check_serves(strategy, estimator, is_embedded, multilabel=True)


def lacking(estimator, y: np.ndarray, names: Any) -> str | None:
    """Return what is missing before an estimator can learn labels, shape (m, L), or None."""
    is_constant = (y == y[0]).all(axis=0)
    if is_constant.all():
        has = [name for name, is_in in zip(names.tolist(), y[0], strict=True) if is_in]
        what = f"only rows with the labels {has}" if has else "only rows without any label"
        return f"{what} are labelled; teach a row that differs"
    if not is_constant.any() or bears_constants(estimator):
        return None
    at = is_constant.argmax()
    return (
        f"{'all' if y[0, at] else 'none'} of the {len(y)} labelled rows have the label "
        f"{names.tolist()[at]!r}, which {type(last_step(estimator)).__name__} hands to an "
        f"estimator that learns no less than two values; teach a row that differs, or write "
        f"OneVsRestClassifier(...)"
    )
