"""What a learner does as the estimator it wraps: predict, score, describe itself."""

import copy
from collections.abc import Callable
from functools import wraps
from types import MethodType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_html_repr, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.metaestimators import available_if

from ..data import labels as lab
from ..data.arrays import as_vector
from ..data.datasets import is_dataset
from ..data.ids import without_column
from ..data.multilabel import as_indicators
from ..data.row_numbers import one_row_as
from ..data.rows import by_block, check_rows, row_index, take
from ..data.stores import as_source
from ..models.kinds import is_net, is_own, last_step
from ..models.several import takes_several
from ..utils.checks import refuse_masked
from ..utils.delegation import Inner
from .fit_params import FitParams
from .questions import model_of
from .starting import missing_label_for, missing_label_of, tell_of_minus_ones
from .trainer import Fitted


def fitted_of(predictor) -> Fitted:
    """Return what is fitted of a predictor, read once, or say what is missing."""
    fitted = predictor._fitted
    if fitted.estimator is None:
        raise NotFittedError(f"this {type(predictor).__name__} {predictor._why_not_fitted()}.")
    return fitted


def fitted_estimator(predictor):
    """Return the fitted estimator of a predictor, or say what is missing."""
    return fitted_of(predictor).estimator


def _part(name: str, doc: str) -> property:
    """Return a property that reads, or replaces, one part of what is fitted."""

    def get(self):
        value = getattr(self._fitted, name)
        if value is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute '{name}_'")
        return value

    def put(self, value):
        self._fitted = self._fitted._replace(**{name: value})

    return property(get, put, doc=doc)


def _inner(predictor):
    """Return the estimator, fitted where it is."""
    fitted = predictor._fitted.estimator
    return predictor.estimator if fitted is None else fitted  # an ensemble may be empty, so false


def _features(predictor, X):
    """Return rows without the column of their ids, which `fit` was told of."""
    return without_column(X, predictor._id_column)


_INNER = Inner(_inner, fitted_estimator, _features, by_block)


def _in_blocks(method: Callable) -> Callable:
    """Let a method answer for a source block by block."""

    @wraps(method)
    def answer(self, X, **params):
        return by_block(MethodType(method, self), X, **params)

    return answer


class Predictor(MetaEstimatorMixin, BaseEstimator):
    """Predicts as the estimator that it wraps, once that is fitted, in labels as they were taught.

    Parameters
    ----------
    estimator : estimator
        What is wrapped.
    missing_label : int, float, str or None, default="auto"
        What `score` leaves out, as `ActiveLearner` takes it.
    """

    _fitted = Fitted()
    _id_column: str | None = None

    def __init__(self, estimator, missing_label: Any = "auto") -> None:
        self.estimator = estimator
        self.missing_label = missing_label

    estimator_ = _part("estimator", "The fitted estimator; absent while there are too few labels.")
    classes_ = _part("classes", "Classes, for classifiers.")

    transform = _INNER.method("transform", "transformed rows")
    inverse_transform = _INNER.method("inverse_transform", "rows transformed back")
    score_samples = _INNER.method("score_samples", "a score for each row")
    decision_function = _INNER.method("decision_function", "the decision function")

    @available_if(_INNER.has("predict"))
    @_in_blocks
    def predict(self, X, **params) -> Any:
        """Return predicted labels or values.

        Parameters
        ----------
        X : container of n rows
            Rows.
        **params : dict
            Passed to the estimator's ``predict``.

        Returns
        -------
        ndarray of shape (n,)
            Labels as they were taught. Of several labels a row, 0 or 1 for each of `classes_`,
            shape (n, L).

        Raises
        ------
        NotFittedError
            If there are too few labels so far to fit the estimator.
        """
        estimator, _, codes, *_ = fitted_of(self)
        X = _features(self, X)
        _check_rows(estimator, X, "predict")
        if self._fitted.multilabel and not params:
            return model_of(self).prediction(_rows(X)).astype(np.int64)
        has_own = _is_net_with_own(estimator, "predict")
        if is_net(estimator) and not params and not has_own:
            # As a query reads it: the inputs of a Dataset alone, outputs of any shape as labels.
            return model_of(self).prediction(_rows(X))
        if has_own and is_dataset(X):
            X = check_rows(X, who="predict").for_passes()
        predicted = estimator.predict(X, **params)
        # What is asked for by params may be no labels: margins, or the leaves of trees.
        if not params:
            predicted = as_vector(predicted)
        are_codes = np.ndim(predicted) == 1 and np.asarray(predicted).dtype.kind in "iu"
        return lab.decode(predicted, codes) if codes is not None and are_codes else predicted

    @available_if(_INNER.has("predict_proba"))
    @_in_blocks
    def predict_proba(self, X) -> np.ndarray:
        """Return probabilities of the classes.

        Parameters
        ----------
        X : container of n rows
            Rows.

        Returns
        -------
        ndarray of shape (n, C)
            Columns in the order of `classes_`; 0 for classes that no row has been taught of. Of
            several labels a row, the probability of each, shape (n, L).

        Raises
        ------
        NotFittedError
            If there are too few labels so far to fit the estimator.
        """
        X = _features(self, X)
        _check_rows(fitted_estimator(self), X, "predict_proba")
        return model_of(self).proba(_rows(X))

    @available_if(_INNER.has("predict_log_proba"))
    @_in_blocks
    def predict_log_proba(self, X) -> np.ndarray:
        """Return logarithms of `predict_proba`.

        Parameters
        ----------
        X : container of n rows
            Rows.

        Returns
        -------
        ndarray of shape (n, C)
            -inf for classes that no row has been taught of.
        """
        estimator, _, codes, *_ = fitted_of(self)
        X = _features(self, X)
        _check_rows(estimator, X, "predict_log_proba")
        is_same = codes is None and not self._fitted.multilabel
        if is_same and np.array_equal(estimator.classes_, self.classes_):
            return estimator.predict_log_proba(X)  # exact where a probability rounds to 0
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(_INNER.has("score"))
    def score(self, X, y=None, **params) -> Any:
        """Return the estimator's score on the rows that have a label.

        Parameters
        ----------
        X : container of n rows
            Rows.
        y : array-like of shape (n,)
            True labels; rows with the missing label are left out.
        **params : dict
            Passed to the estimator's ``score``; what has n entries belongs to the rows.

        Returns
        -------
        float
            Accuracy for scikit-learn's classifiers, R^2 for its regressors. Of several labels a
            row, the share of rows of which all are right.

        Raises
        ------
        ValueError
            If no row has a label.
        """
        fitted = fitted_of(self)
        estimator, classes, codes, *_ = fitted
        X = _features(self, X)
        _check_rows(estimator, X, "score", ", [label]")
        if as_source(X) is not None:
            raise TypeError(
                "score got rows that are read block by block; write accuracy_score(y, "
                "learner.predict(X)), or another function of sklearn.metrics."
            )
        if y is None:
            return estimator.score(X, **params)
        index = row_index(X)
        lab.check_order(y, index, who="score")
        if fitted.multilabel:
            values, known = as_indicators(y, missing_label_of(self), classes)
        else:
            values, known = lab.parse(y, missing_label=missing_label_for(self))
        aligned = FitParams(params, len(known), index, "score")
        if not known.any():
            raise ValueError("score got no label in y; give the true label of at least one row.")
        if not known.all():
            pool = getattr(self, "pool_", None)
            # On a test side -1 is what is not labelled yet.
            if pool is None or pool.hold_out is None:
                tell_of_minus_ones(self, y, "score")
            kept = np.flatnonzero(known)
            X, values = take(check_rows(X, who="score"), kept), values[kept]
            params = aligned.of(kept)
        # skorch's own score would hold the codes that a net learned against labels.
        is_weighted_at_most = params.keys() <= {"sample_weight"}
        if is_net(estimator) and is_weighted_at_most and not _is_net_with_own(estimator, "score"):
            from sklearn.metrics import accuracy_score, r2_score

            metric = r2_score if classes is None else accuracy_score
            return float(metric(values, self.predict(X), **params))
        if codes is not None:
            order = np.argsort(codes)  # encode needs them sorted; a frozen net's may not be
            encoded = lab.encode(values, codes[order])
            values = np.where(encoded < 0, -1, order[encoded])
        return estimator.score(X, values, **params)

    @property
    def n_features_in_(self) -> int:
        """Number of features, where rows have features."""
        if self._fitted.estimator is not None:
            return self._fitted.estimator.n_features_in_
        shape: tuple = getattr(self._rows_like(), "shape", ())
        if len(shape) != 2:
            raise AttributeError("rows that are no vectors have no number of features.")
        return shape[1]

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the features, where X is a frame with text column names."""
        if self._fitted.estimator is not None:
            return self._fitted.estimator.feature_names_in_
        names = np.asarray(self._rows_like().columns, dtype=object)
        if not all(isinstance(name, str) for name in names):
            raise AttributeError("columns that have no text for a name give no feature names.")
        return names

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata is routed to the estimator.

        Returns
        -------
        MetadataRouter
            `fit`, `teach` and `extend` route as the estimator's ``fit``.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        mapping.add(caller="score", callee="score")
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = copy.deepcopy(get_tags(self.estimator))
        tags.target_tags.multi_output = False
        tags.target_tags.required = False
        tags.array_api_support = False  # labels are kept in numpy
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = takes_several(self.estimator)
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "pool_") or hasattr(self, "estimator_")

    def _repr_html_(self) -> str:
        counts = self.pool_._repr_html_() if hasattr(self, "pool_") else ""
        return counts + estimator_html_repr(self)

    def _repr_mimebundle_(self, **kwargs) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _why_not_fitted(self) -> str:
        """Return why there is no fitted estimator, as the end of a sentence."""
        return "is not fitted yet; call fit(X, y) first"

    def _rows_like(self):
        """Return rows like those that it will predict, if it knows some before it is fitted."""
        raise AttributeError(f"this {type(self).__name__} {self._why_not_fitted()}.")


def _is_net_with_own(estimator, method: str) -> bool:
    """Whether an estimator is a net whose class overrides a method; then that is called."""
    return is_net(estimator) and is_own(last_step(estimator), method)


def _check_rows(estimator, X, who: str, label: str = "") -> None:
    """Refuse masked cells, and a single row's values of which the estimator was fitted on rows."""
    refuse_masked(X, "X", who)
    width = getattr(estimator, "n_features_in_", None)
    write = None if width is None else one_row_as(X, width)
    if write is not None:
        raise ValueError(
            f"Reshape your data: {who} got a single row of {width} values; write "
            f"{who}({write}{label}) with the rows X that it is one of."
        )


def _rows(X):
    """Return rows as they are, a Dataset as rows of its inputs alone."""
    if hasattr(X, "batch_sampler") and hasattr(X, "dataset"):
        raise TypeError("predict got a DataLoader; give its Dataset, which is read in order.")
    return check_rows(X, who="predict") if is_dataset(X) or type(X) is dict else X
