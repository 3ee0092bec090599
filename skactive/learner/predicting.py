"""What a learner does as the estimator it wraps: predict, score, describe its features."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if

from ..data import labels as lab
from ..data.datasets import is_dataset
from ..data.rows import check_rows, take
from ..models import Model, adapt, is_net, last_step
from ..models.kinds import is_own
from ..pool.pool import Pool
from ..utils.delegation import delegated, inner_has
from .training import FitParams


class Predicting:
    """The part of a learner that predicts, once `estimator_` is there."""

    estimator: Any
    estimator_: Any
    pool_: Pool
    classes_: np.ndarray
    _coded: np.ndarray | None
    _known_classes: Any
    _resolved_missing_label: Callable[[], Any]
    _too_few_labels: Callable[[], str | None]

    transform = delegated("transform", "transformed rows")
    inverse_transform = delegated("inverse_transform", "rows transformed back")
    score_samples = delegated("score_samples", "a score for each row")
    decision_function = delegated("decision_function", "the decision function")

    @available_if(inner_has("predict"))
    def predict(self, X, **params):
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
            Labels as they were taught.

        Raises
        ------
        NotFittedError
            If there are too few labels so far to fit the estimator.
        """
        has_own = self._is_net_with_own("predict")
        if is_net(self._fitted()) and not params and not has_own:
            return self._model().prediction(_rows(X))
        if has_own and is_dataset(X):
            X = check_rows(X, who="predict").for_passes()
        predicted = self._fitted().predict(X, **params)
        # What is asked for by params may be no labels: margins, or the leaves of trees.
        are_codes = np.ndim(predicted) == 1 and np.asarray(predicted).dtype.kind in "iu"
        if self._coded is None or not are_codes:
            return predicted
        return lab.decode(predicted, self._coded)

    @available_if(inner_has("predict_proba"))
    def predict_proba(self, X):
        """Return probabilities of the classes.

        Parameters
        ----------
        X : container of n rows
            Rows.

        Returns
        -------
        ndarray of shape (n, C)
            Columns in the order of `classes_`; 0 for classes that no row has been taught of.

        Raises
        ------
        NotFittedError
            If there are too few labels so far to fit the estimator.
        """
        self._fitted()
        return self._model().proba(_rows(X))

    @available_if(inner_has("predict_log_proba"))
    def predict_log_proba(self, X):
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
        estimator = self._fitted()
        if self._coded is None and np.array_equal(estimator.classes_, self.classes_):
            return estimator.predict_log_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(inner_has("score"))
    def score(self, X, y=None, **params):
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
            Accuracy for scikit-learn's classifiers, R^2 for its regressors.

        Raises
        ------
        ValueError
            If no row has a label.
        """
        estimator = self._fitted()
        if y is None:
            return estimator.score(X, **params)
        values, known = lab.parse(y, missing_label=self._resolved_missing_label())
        if not known.any():
            raise ValueError("score got no label in y; give the true label of at least one row.")
        if not known.all():
            kept = np.flatnonzero(known)
            X, values = take(check_rows(X, who="score"), kept), values[kept]
            params = FitParams(params, len(known)).of(kept)
        is_weighted_at_most = params.keys() <= {"sample_weight"}
        if is_net(estimator) and is_weighted_at_most and not self._is_net_with_own("score"):
            from sklearn.metrics import accuracy_score, r2_score

            metric = r2_score if self._model().classes is None else accuracy_score
            return float(metric(values, self.predict(X), **params))
        if self._coded is not None:
            order = np.argsort(self._coded)  # those of a frozen net's outputs may have any
            codes = lab.encode(values, self._coded[order])
            values = np.where(codes < 0, -1, order[codes])
        return estimator.score(X, values, **params)

    @property
    def n_features_in_(self) -> int:
        """Number of features, where rows have features."""
        if hasattr(self, "estimator_"):
            return self.estimator_.n_features_in_
        shape: tuple = getattr(self.pool_.rows.parts[0], "shape", ())
        if len(shape) != 2:
            raise AttributeError("rows that are no vectors have no number of features.")
        return shape[1]

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the features, where X is a frame with text column names."""
        if hasattr(self, "estimator_"):
            return self.estimator_.feature_names_in_
        names = np.asarray(self.pool_.rows.parts[0].columns, dtype=object)
        if not all(isinstance(name, str) for name in names):
            raise AttributeError("columns that have no text for a name give no feature names.")
        return names

    def _model(self, seed=(0,), layer: str | None = None) -> Model:
        """Return the fitted estimator as a source of arrays."""
        classes = getattr(self, "classes_", None)
        return adapt(self.estimator_, classes, self._coded, seed=seed, layer=layer)

    def _inner(self):
        """Return the estimator, fitted where it is."""
        return getattr(self, "estimator_", self.estimator)

    def _is_net_with_own(self, method: str) -> bool:
        """Whether the estimator is a net with such a method of the user's, which goes before."""
        estimator = self._fitted()
        return is_net(estimator) and is_own(last_step(estimator), method)

    def _fitted(self):
        """Return the fitted estimator, or say what is missing."""
        if hasattr(self, "estimator_"):
            return self.estimator_
        name = type(self).__name__
        if not hasattr(self, "pool_"):
            raise NotFittedError(f"this {name} is not fitted yet; call fit(X, y) first.")
        reason = self._too_few_labels()
        if reason is None:
            reason = "the estimator could not be fitted; mend what its error said, call refit()"
        raise NotFittedError(f"this {name} cannot predict yet: {reason}.")


def _rows(X):
    """Return rows as they are, but for a Dataset, of which only the inputs are read."""
    is_loader = hasattr(X, "batch_sampler") and hasattr(X, "dataset")
    if is_loader:
        raise TypeError("predict got a DataLoader; give its Dataset, which is read in order.")
    return check_rows(X, who="predict") if is_dataset(X) or type(X) is dict else X
