"""Query and teach a learner that sits inside a Pipeline or a finished search."""

from typing import Any

from ..data.row_numbers import as_row_numbers, is_flat_numbers
from ..data.rows import check_rows, n_rows, take
from ..models.kinds import is_pipeline
from ..utils.checks import check_n_instances, refuse_masked
from .learner import ActiveLearner
from .teaching import NOT_GIVEN


def query(estimator, X=None, n_instances=None, **options) -> tuple[Any, ...]:
    """Propose rows to label, by the learner inside an estimator.

    Parameters
    ----------
    estimator : ActiveLearner, or a Pipeline or finished search that holds one
        Fitted.
    X : container of m rows, default=None
        Rows from outside the pool, as the estimator takes them; transformed on the way by the
        transformers as they are. None: the learner's pool.
    n_instances : int, default=None
        How many rows.
    **options : dict
        As `ActiveLearner.query` takes them.

    Returns
    -------
    indices, rows[, scores]
        As `ActiveLearner.query` returns them; rows of an outside X as they were given, rows of
        the pool as the learner has them, transformed.

    Examples
    --------
    >>> import skactive
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, truth = load_iris(return_X_y=True)
    >>> y = truth.copy()
    >>> y[1::3] = y[2::3] = -1
    >>> learner = skactive.ActiveLearner(LogisticRegression(), "margin")
    >>> pipe = make_pipeline(StandardScaler(), learner).fit(X, y)
    >>> idx, _ = skactive.query(pipe, n_instances=3)
    >>> skactive.teach(pipe, idx, truth[idx])[-1].pool_.n_labeled
    53
    """
    learner, transformers = reach(estimator)
    check_n_instances(X, n_instances)
    if X is None or not transformers:
        return learner.query(X, n_instances, **options)
    indices, _, *others = learner.query(transformed(X, transformers), n_instances, **options)
    return (indices, take(check_rows(X), indices), *others)


def teach(estimator, X=None, y: Any = NOT_GIVEN, **options) -> Any:
    """Teach labels to the learner inside an estimator.

    Parameters
    ----------
    estimator : ActiveLearner, or a Pipeline or finished search that holds one
        Fitted. Its transformers are not fitted again.
    X : int, array-like of int of shape (k,), or container of k rows
        Row numbers of the learner's pool, or rows as the estimator takes them; not with `ticket`.
    y : label or array-like of shape (k,)
        Their labels.
    **options : dict
        As `ActiveLearner.teach` takes them.

    Returns
    -------
    estimator
        The same.
    """
    learner, transformers = reach(estimator)
    is_rows = X is not None and as_row_numbers(X) is None and not is_flat_numbers(X)
    if is_rows and n_rows(check_rows(X, who="teach")):  # transformers refuse to transform nothing
        X = transformed(X, transformers)
    learner.teach(X, y, **options)
    return estimator


def reach(estimator, kind: type = ActiveLearner, name: str = "learner") -> tuple[Any, list]:
    """Return the learner, or what else is looked for, and the transformers before it."""
    transformers: list = []
    outer = estimator
    while not isinstance(estimator, kind):
        if is_pipeline(estimator):
            samplers = [step for _, step in estimator.steps if hasattr(step, "fit_resample")]
            if samplers:
                raise ValueError(
                    f"{type(samplers[0]).__name__} resamples the rows before the {name} sees them, "
                    f"so that row numbers are no longer those of X; write ActiveLearner(pipeline), "
                    f"around a Pipeline that holds the sampler."
                )
            if len(estimator.steps) > 1:
                transformers.append(estimator[:-1])
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            raise TypeError(
                f"{type(outer).__name__} holds no {kind.__name__}; give a {name}, a Pipeline that "
                f"ends in one, or a search over one that is fitted."
            )
    return estimator, transformers


def transformed(X, transformers: list):
    """Return rows as the learner sees them."""
    refuse_masked(X, "X")
    for transformer in transformers:
        X = transformer.transform(X)
    return X
