"""Arrays from fitted scikit-learn estimators, in the order of the learner's classes."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.parallel import Parallel, delayed

from ..data.arrays import as_vector
from ..data.rows import n_rows, slice_rows
from ..data.vectors import as_vectors
from ..utils.checks import is_instance
from . import kinds, own
from .kinds import last_step, members_of, n_threads_of, reach_last, refusal
from .linear_distance import linear_margins

# Rows that a thread reads: with fewer, calls of the members take longer than it saves. Chunks of
# rows allow for it (`Reading.n_chunk_rows`), or wide rows would be read by one thread.
LEAST_BLOCK = 4096
ACTIVATIONS = {
    "identity": np.asarray,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda hidden: np.maximum(hidden, 0),
}


class Model:
    """Arrays of a fitted estimator, for any rows; what it cannot give raises ValueError.

    They are all that strategies see of it. See `TorchModel` for nets, `SeveralModel` for several
    labels a row.
    """

    multilabel = False  # whether each class is a label of its own, which a row has or not
    n_passes = 20  # of what predicts at random, unless `Dropout` says otherwise

    def __init__(self, estimator, classes=None, coded=None, *, seed: Sequence[int] = (0,)) -> None:
        self.estimator = estimator
        self.classes = classes
        self._coded = coded
        self.seed = seed

    @property
    def is_plain(self) -> bool:
        """Whether vectors are the rows as they are: nothing transforms or embeds them."""
        return last_step(self.estimator) is self.estimator and not self.brought("embedding")

    @property
    def is_linear(self) -> bool:
        """Whether the linear layer is given the embedding: no hidden layer before it."""
        if self.brought("gradient"):
            return False
        if self.brought("embedding"):
            return kinds.is_linear_on_embed(self.estimator)
        last = last_step(self.estimator)
        # Where it is not proven, the view must ask for the features, which proves or refuses it.
        is_told = not is_instance(last, kinds.PERCEPTRONS) and not self._is_unproven(last)
        return is_told and refusal(last, "gradient") is None

    @property
    def batch_rows(self) -> int:
        """How many rows the estimator reads at a time, if it makes batches of its own; else 1."""
        return 1

    @cached_property
    def n_threads(self) -> int:
        """In how many threads blocks of rows are read; 1: the estimator is as it would be alone."""
        return n_threads_of(self.estimator)

    def check(self) -> None:
        """Refuse what could not be told before it was fitted: a layer's name, a net's state."""

    def read(self, what: str, X) -> dict[str, Any]:
        """Return a dict with `what` of rows, and with what is known at no further cost."""
        if self.brought(what):
            return self._read_brought(what, X)
        return self._read(what, X)

    def brought(self, what: str) -> str | None:
        """Return the method of the user's own that gives `what`, or None."""
        return kinds.brought(self.estimator, what)

    def _read(self, what: str, X) -> dict[str, Any]:
        """Return what `read` does, of an estimator that brings no method for it."""
        if what == "std":
            return dict(zip(("prediction", "std"), self.std(X), strict=True))
        return {what: getattr(self, what)(X)}

    def with_dropout(self, n_passes: int) -> "Model":
        """Return a model whose probabilities are the mean over so many passes."""
        self._require("dropout")
        return PassesModel(self, n_passes)

    def perturbation(self, X, attack: str, **options) -> np.ndarray:
        """Return the length of the least change that flips each prediction, shape (n,)."""
        self._require("perturbation" if attack == "deepfool" else "input_gradient")
        X, last = reach_last(self.estimator, X)
        return linear_margins(last.decision_function(X), last.coef_)

    def proba(self, X) -> np.ndarray:
        """Return probabilities, shape (n, C), columns as `classes`, 0 where none was seen."""
        self._require("proba")
        proba = self._answer("predict_proba", X)
        if proba.ndim != 2:
            raise ValueError(
                f"{type(self.estimator).__name__}.predict_proba gave shape {proba.shape}; one row "
                f"of probabilities for each row is needed."
            )
        return self._named(proba)

    def decision(self, X) -> np.ndarray:
        """Return the decision function, shape (n,) for two classes or (n, C)."""
        self._require("decision")
        name = f"{type(self.estimator).__name__}.decision_function"
        return without_nan(self._answer("decision_function", X), name, "values")

    def prediction(self, X) -> np.ndarray:
        """Return predicted labels or values, shape (n,)."""
        return self._labels(as_vector(self._answer("predict", X)))

    def value(self, X) -> np.ndarray:
        """Return predicted values of a regressor, shape (n,)."""
        self._require("value")
        return self._answer("predict", X).astype(np.float64, copy=False).reshape(-1)

    def std(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Return predicted means and their standard deviations, each of shape (n,)."""
        self._require("std")
        X, last = reach_last(self.estimator, X)
        if kinds.has_return_std(last):
            mean, std = last.predict(X, return_std=True)
        else:
            mean, std = self._in_blocks(partial(_moments, last), X, axis=1)
        return mean, without_nan(std, f"{type(last).__name__}.predict", "standard deviations")

    def value_samples(self, X) -> np.ndarray:
        """Return the values that each member predicts, shape (S, n)."""
        self._require("value_samples")
        X, last = reach_last(self.estimator, X)
        out = self._in_blocks(partial(_member_values, last), X, axis=1)
        return without_nan(out, f"a member of {type(last).__name__}", "values")

    def samples(self, X) -> np.ndarray:
        """Return the members' probabilities, shape (S, n, C); votes where they give none."""
        self._require("samples")
        X, last = reach_last(self.estimator, X)
        seen = self._labels(last.classes_)
        read = partial(_votes, last, _class_positions(last), len(seen))
        out = self._in_blocks(read, X, axis=1)
        name = f"a member of {type(last).__name__}"
        return self._spread(without_nan(out, name, "probabilities"), seen)

    def embedding(self, X) -> Any:
        """Return rows as the estimator that predicts sees them, as vectors: shape (n, d)."""
        return _as_vectors(*reach_last(self.estimator, X))

    def features(self, X) -> Any:
        """Return what the last, linear layer is given, dense or CSR, shape (n, d)."""
        self._require("gradient")
        X, last = reach_last(self.estimator, X)
        features = _as_vectors(X, last)
        weights = getattr(last, "coef_", None)
        if is_instance(last, kinds.PERCEPTRONS):
            features, weights = _last_hidden(last, features), last.coefs_[-1]
        if self._is_unproven(last):
            n = min(kinds.SOME_ROWS, n_rows(X))
            if n and not _makes(weights, features[:n], last.predict(slice_rows(X, 0, n))):
                raise ValueError(f"the strategy reads {kinds.cannot_give(last, 'gradient')}")
        return features

    def _is_unproven(self, last) -> bool:
        """Whether a regressor's predict is its own, and may not go by its coefficients."""
        return self.classes is None and kinds.is_own(last, "predict")

    def _read_brought(self, what: str, X) -> dict[str, Any]:
        """Return `what` by a method of the user's own, and what it tells at no further cost."""
        self._require("gradient" if what == "features" else what)
        if what == "embedding":
            return {what: own.vectors_of(self.estimator, X)}
        if what == "features":
            return dict(zip(("errors", what), own.factors_of(self.estimator, X), strict=True))
        who = kinds.bringer(self.estimator, "predict_samples")
        seen = None if what in ("value_samples", "std") else self._seen(who)
        n_classes = None if seen is None else len(seen)
        samples = own.drawn_samples(self.estimator, X, self.n_passes, n_classes, self.seed)
        if seen is not None:
            return {what: self._spread(samples, seen)}
        if what == "std":
            return {"prediction": self.prediction(X), "std": samples.std(axis=0)}
        return {what: samples}

    def _seen(self, estimator) -> np.ndarray:
        """Return the labels that the columns of what an estimator answers stand for."""
        return self._labels(getattr(estimator, "classes_", self.classes))

    def fitted(self, n: int) -> dict[str, np.ndarray]:
        """Return the probabilities of the n rows that a transductive model was fitted on."""
        own = getattr(last_step(self.estimator), "label_distributions_", None)
        if own is None or len(own) != n:
            return {}
        return {"proba": self._spread(own, self._labels(last_step(self.estimator).classes_))}

    def row_bytes(self, what: str) -> int:
        """Return how many bytes a row of `what` takes."""
        width = 1 if self.classes is None else len(self.classes)
        last = last_step(self.estimator)
        members = len(members_of(last)) or 1
        if self.brought(what) == "predict_samples":
            return 8 * self.n_passes * width
        widths = {"proba": width, "decision": width}
        widths |= dict.fromkeys(kinds.BY_MEMBER, members * width)
        if is_instance(last, kinds.PERCEPTRONS):  # of a layer, and of the one before it
            widths["features"] = 2 * max(map(len, last.intercepts_))
        return 8 * widths.get(what, 1)

    def _answer(self, method: str, X) -> np.ndarray:
        """Return what a method of the estimator answers for rows."""
        if self.n_threads == 1:
            return self._as_array(method, getattr(self.estimator, method)(X))
        if kinds.is_wrapped_in_own(self.estimator, method):
            return self._as_array(method, _sequentially(getattr(self.estimator, method), X))
        X, last = reach_last(self.estimator, X)  # transformers may bear no threads
        return self._in_blocks(lambda rows: self._as_array(method, getattr(last, method)(rows)), X)

    def _as_array(self, method: str, answer) -> np.ndarray:
        """Return what a method of the estimator answered as an array, a row for each."""
        return np.asarray(answer)

    def _in_blocks(self, read: Callable, X, axis: int = 0) -> np.ndarray:
        """Return what a function reads of rows: of a block in each thread, without other threads.

        Sums over members are then the same each time, whichever thread is done first.
        """
        if self.n_threads == 1:
            return read(X)
        n = n_rows(X)
        n_blocks = max(1, min(self.n_threads, n // LEAST_BLOCK))
        cuts = np.linspace(0, n, n_blocks + 1).astype(int).tolist()
        blocks = [slice_rows(X, *ends) for ends in pairwise(cuts)]
        if n_blocks == 1:
            return _sequentially(read, X)
        threads = Parallel(n_jobs=n_blocks, require="sharedmem")
        return np.concatenate(threads(delayed(_sequentially)(read, part) for part in blocks), axis)

    def _named(self, proba: np.ndarray) -> np.ndarray:
        """Return an estimator's own probabilities, shape (..., C), as those of all classes."""
        seen = self._coded  # a net has a column for each class, though it may name fewer
        if seen is None or proba.shape[-1] != len(seen):
            seen = self._seen(self.estimator)
        if proba.shape[-1] != len(seen):
            raise ValueError(
                f"{type(self.estimator).__name__}.predict_proba gave shape {proba.shape}, but it "
                f"has {len(seen)} classes; one column for each is needed."
            )
        name = f"{type(self.estimator).__name__}.predict_proba"
        return self._spread(without_nan(proba, name, "probabilities"), seen)

    def refusal(self, *alternatives: str) -> str | None:
        """Return why the estimator can give none of these, or None if it can give one."""
        return refusal(self.estimator, *alternatives, multilabel=self.multilabel)

    def _require(self, what: str) -> None:
        """Refuse what the estimator cannot give."""
        reason = self.refusal(what)
        if reason is not None:
            raise ValueError(f"the strategy reads {reason}")

    def _labels(self, values: np.ndarray) -> np.ndarray:
        """Return labels for what the estimator was fitted on."""
        return values if self._coded is None else self._coded[np.asarray(values, dtype=np.intp)]

    def _spread(self, proba: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Return probabilities of the classes seen as those of all classes."""
        if self.classes is None or np.array_equal(seen, self.classes):
            return proba
        unnamed = np.setdiff1d(seen, self.classes)
        if len(unnamed):
            raise ValueError(
                f"{type(self.estimator).__name__} predicts the class {unnamed.tolist()[0]!r}, "
                f"which is not among {self.classes.tolist()}; name it in classes=."
            )
        out = np.zeros((*proba.shape[:-1], len(self.classes)), dtype=proba.dtype)
        out[..., np.searchsorted(self.classes, seen)] = proba
        return out


class PassesModel(Model):
    """An estimator whose probabilities are the mean over passes of its own `predict_samples`."""

    def __init__(self, model: Model, n_passes: int) -> None:
        super().__init__(model.estimator, model.classes, model._coded, seed=model.seed)
        self.n_passes = n_passes

    def refusal(self, *alternatives: str) -> str | None:
        """Return why passes give none of these: no decision function, nor anything else."""
        is_of_passes = not {"proba", "samples", "prediction", "dropout"}.isdisjoint(alternatives)
        return None if is_of_passes else kinds.cannot_give(self.estimator, *alternatives)

    def proba(self, X) -> np.ndarray:
        """Return the mean of the passes' probabilities, shape (n, C)."""
        return self.read("samples", X)["samples"].mean(axis=0)

    def prediction(self, X) -> np.ndarray:
        """Return the classes that are likeliest by that mean, shape (n,)."""
        return self.classes[self.proba(X).argmax(axis=1)]

    def row_bytes(self, what: str) -> int:
        """Return how many bytes a row of `what` takes while it is made."""
        return super().row_bytes("samples")


def _as_vectors(X, last):
    """Return rows as vectors, as the last step sees them."""
    needs = kinds.NEEDS["embedding"] + kinds.own_methods(last, "embedding")
    return as_vectors(X, type(last).__name__, needs)


def _sequentially(read: Callable, X):
    """Return what a function reads of rows, without any threads of joblib."""
    from joblib import parallel_config

    with parallel_config("sequential"):
        return read(X)


def _moments(ensemble, X) -> np.ndarray:
    """Return an ensemble's predictions and how far the members' are spread, shape (2, n)."""
    values = _member_values(ensemble, X)
    return np.stack([as_vector(ensemble.predict(X)), values.std(axis=0)])


def _member_values(ensemble, X) -> np.ndarray:
    """Return the values that the members of an ensemble predict, shape (S, n)."""
    return np.stack([as_vector(member.predict(part)) for member, part in _members(ensemble, X)])


def _votes(ensemble, positions: list[np.ndarray], n_classes: int, X) -> np.ndarray:
    """Return the members' probabilities, shape (S, n, C); votes where they give none."""
    members = list(_members(ensemble, X))
    # A member that was fitted on few rows may have missed a class: it says 0 of that.
    out = np.zeros((len(members), n_rows(members[0][1]), n_classes))
    for filled, columns, (member, part) in zip(out, positions, members, strict=True):
        if hasattr(member, "predict_proba"):
            filled[:, columns] = member.predict_proba(part)
        else:
            votes = np.searchsorted(member.classes_, as_vector(member.predict(part)))
            filled[np.arange(len(filled)), columns[votes]] = 1.0
    return out


def _members(ensemble, X) -> Iterator[tuple]:
    """Yield the members of an ensemble, each with the rows as it was fitted on them."""
    if is_instance(ensemble, kinds.FORESTS):
        # Each tree would convert all rows for itself.
        X = (X.tocsr() if sparse.issparse(X) else np.asarray(X)).astype(np.float32, copy=False)
    elif hasattr(ensemble, "estimators_features_"):
        X = X if sparse.issparse(X) else np.asarray(X)
        everything = np.arange(X.shape[1])
        both = zip(ensemble.estimators_, ensemble.estimators_features_, strict=True)
        for member, features in both:
            # Where a member was fitted on all features, its rows need no copy.
            yield member, X if np.array_equal(features, everything) else X[:, features]
        return
    for member in members_of(ensemble):
        yield member, X


def _last_hidden(perceptron, X) -> np.ndarray:
    """Return the last hidden layer of a fitted MLP."""
    activate = ACTIVATIONS[perceptron.activation]
    for weights, bias in zip(perceptron.coefs_[:-1], perceptron.intercepts_[:-1], strict=True):
        X = activate(safe_sparse_dot(X, weights, dense_output=True) + bias)
    return X


def _makes(weights, features, predicted) -> bool:
    """Whether predictions are features times weights, up to a constant."""
    weights = np.ravel(weights.toarray() if sparse.issparse(weights) else weights)
    if len(weights) != features.shape[1]:  # as of polynomials of the rows
        return False
    values = np.asarray(predicted, dtype=np.float64).reshape(-1)
    rest = values - safe_sparse_dot(features, weights)  # the intercept, whatever it is called
    # Relative to how much predictions vary, since even exp is nearly straight over a short range;
    # the last term is for what float32 rounds.
    return bool(np.ptp(rest) <= 1e-3 * np.ptp(values) + 1e-5 * np.abs(values).max())


def _class_positions(ensemble) -> list[np.ndarray]:
    """Return, for each member, the positions of its classes among those of the ensemble."""
    classes = ensemble.classes_
    own = [np.asarray(member.classes_) for member in members_of(ensemble)]
    together = np.unique(np.concatenate(own))
    # scikit-learn fits members on positions. Labels alone would not tell: members that all missed a
    # class may know [1, 2], as positions or as labels among [1, 2, 3].
    are_all = np.array_equal(together, np.arange(len(classes)))
    if are_all or is_instance(ensemble, kinds.CODED_COMMITTEES):
        return [positions.astype(np.intp) for positions in own]
    if np.isin(together, classes).all():
        return [np.searchsorted(classes, labels) for labels in own]
    raise ValueError(
        f"the members of {type(ensemble).__name__} know the classes {together.tolist()}, the "
        f"ensemble {classes.tolist()}; a committee's members must predict the same classes."
    )


def without_nan(values: np.ndarray, name: str, what: str) -> np.ndarray:
    """Return values, refusing them if one is NaN."""
    # A sum needs no mask as large as the values. Infinities of both signs sum to NaN too.
    with np.errstate(invalid="ignore"):
        is_suspect = np.isnan(values.sum())
    if is_suspect and np.isnan(values).any():
        raise ValueError(f"{name} gave NaN {what}; every row needs a number.")
    return values
