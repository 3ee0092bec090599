"""Estimators of several labels a row: which they are, and their arrays in one form, (n, L)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils import get_tags

from ..utils.checks import is_instance, is_subclass
from .kinds import FOR_EACH_LABEL, ONE_FOR_REST, is_frozen, is_net, last_step
from .sklearn import Model, without_nan

ONE_LABEL_LOSSES = ("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss", "torch.nn.BCELoss")
CHAINS = ("sklearn.multioutput.ClassifierChain",)
BINARY_NETS = ("skorch.NeuralNetBinaryClassifier",)


def takes_several(estimator) -> bool:
    """Whether an estimator learns several labels a row, by its tags or as nets do."""
    last = last_step(estimator)
    if not is_classifier(last):
        return False
    if is_net(last):
        return not is_instance(last, BINARY_NETS)
    tags = get_tags(last)
    of_classifier = tags.classifier_tags
    return tags.target_tags.multi_output or bool(of_classifier and of_classifier.multi_label)


def why_not_several(estimator) -> str | None:
    """Return why an estimator learns no several labels a row, with what to write, or None."""
    last, name = last_step(estimator), type(last_step(estimator)).__name__
    if not is_classifier(last):
        return f"{name} is no classifier; write OneVsRestClassifier(...) around a classifier"
    if is_net(last) and not is_frozen(estimator):
        loss = last.criterion if isinstance(last.criterion, type) else type(last.criterion)
        is_open = last.predict_nonlinearity != "auto"
        if is_instance(last, BINARY_NETS):
            return (
                f"{name} has one output; write NeuralNetClassifier, with "
                f"criterion=torch.nn.BCEWithLogitsLoss and an output for each label"
            )
        if is_subclass(loss, ONE_LABEL_LOSSES) and not is_open:
            return (
                f"{name} has the criterion {loss.__name__}; write "
                f"criterion=torch.nn.BCEWithLogitsLoss, and let the module give a logit for each "
                f"label"
            )
        return None
    if takes_several(estimator):
        return None
    is_alone = last is estimator
    around = f"OneVsRestClassifier({name}(...))" if is_alone else "OneVsRestClassifier around it"
    return f"{name} learns one label a row; write {around}"


def bears_constants(estimator) -> bool:
    """Whether an estimator learns labels of which all rows have the same value.

    Trees, forests, neighbours and nets do; so does OneVsRestClassifier, for what it wraps. An
    estimator for each label is given that label's column alone, and most refuse one class. Of those
    that do not, a chain reads a second column of probabilities, which is missing or wrong.
    """
    last = last_step(estimator)
    if not is_instance(last, FOR_EACH_LABEL):
        return True
    if is_instance(last, CHAINS):
        return False
    return takes_several(last.estimator)


def told_of_labels(estimator, n_labels: int) -> Sequence | np.ndarray:
    """Return the `classes` that ``partial_fit`` wants for several labels a row."""
    last = last_step(estimator)
    if is_instance(last, FOR_EACH_LABEL):
        return [np.array([0, 1])] * n_labels
    return np.arange(n_labels)


def cannot_go_on(estimator) -> bool:
    """Whether an estimator has a ``partial_fit`` that learns one label a row alone."""
    return is_instance(last_step(estimator), ONE_FOR_REST)


def label_proba(answer, values, n_labels: int, name: str) -> np.ndarray:
    """Return what ``predict_proba`` gave as the probability of each label, shape (n, L).

    It gives an array of that shape, one of shape (n, 2, L), or a list with an array for each label
    whose columns are the values that it has in the rows that were learned, as `values` lists them.

    Examples
    --------
    >>> always, never = np.ones((2, 1)), np.ones((2, 1))
    >>> both = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> label_proba([both, always, never], [[0, 1], [1], [0]], 3, "a forest")
    array([[0.1, 1. , 0. ],
           [0.8, 1. , 0. ]])
    """
    if isinstance(answer, list | tuple) and len(answer) == n_labels:
        columns = []
        values = [(0, 1)] * n_labels if values is None else values  # as partial_fit was told
        for own, known in zip(map(np.asarray, answer), values, strict=True):
            if len(known) == 1:  # whatever its columns say: those of a perceptron say anything
                columns.append(np.full(len(own), float(known[0] == 1)))
            else:
                columns.append(own[:, np.flatnonzero(np.asarray(known) == 1)[0]])
        return np.stack(columns, axis=1)
    proba = np.asarray(answer)
    if proba.ndim == 3 and proba.shape[1] == 2:
        proba = proba[:, 1]
    return of_labels(proba, n_labels, name)


def of_labels(values: np.ndarray, n_labels: int, name: str) -> np.ndarray:
    """Return what an estimator says of each label, refusing another shape."""
    if values.ndim != 2 or values.shape[1] != n_labels:
        raise ValueError(
            f"{name} gave shape {values.shape}, but rows have {n_labels} labels; one column for "
            f"each is needed."
        )
    return values


class SeveralModel(Model):
    """Arrays of an estimator that learned several labels a row, a column for each; see `Model`."""

    multilabel = True

    def proba(self, X) -> np.ndarray:
        """Return the probability of each label, shape (n, L)."""
        self._require("proba")
        proba = self._answer("predict_proba", X)
        return without_nan(proba, self._name("predict_proba"), "probabilities")

    def decision(self, X) -> np.ndarray:
        """Return the decision function of each label, shape (n, L)."""
        return of_labels(super().decision(X), len(self.classes), self._name("decision_function"))

    def prediction(self, X) -> np.ndarray:
        """Return which labels rows are predicted to have, bool, shape (n, L)."""
        return of_labels(self._answer("predict", X), len(self.classes), self._name("predict")) != 0

    def _as_array(self, method: str, answer) -> np.ndarray:
        """Return what a method answered with a column for each label."""
        if method == "predict_proba":
            values = getattr(last_step(self.estimator), "classes_", None)
            return label_proba(answer, values, len(self.classes), self._name(method))
        return answer.toarray() if sparse.issparse(answer) else np.asarray(answer)

    def _name(self, method: str) -> str:
        """Return how messages call a method of the estimator."""
        return f"{type(self.estimator).__name__}.{method}"
