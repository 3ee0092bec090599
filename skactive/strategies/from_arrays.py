"""The choice of a strategy from arrays alone, for people with a training loop of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone

from ..data.arrays import as_mask, check_of_labels, check_probabilities, check_vectors
from ..data.frames import is_pandas
from ..data.labels import check_order
from ..data.row_numbers import subset_mask
from ..data.rows import Rows, check_rows, in_memory
from ..data.tensors import as_array, is_tensor
from ..models import BY_MEMBER
from ..scores import likeliest_errors, likeliest_label_errors
from ..utils.checks import check_n_instances, draw_seed, missing_to_total, unmasked
from .base import ANY, Strategy, choose, name_of, needs
from .registry import as_strategy, check_labels_per_row
from .stream import passes
from .view import Centers, View

# What has an entry for each row; the last three may be positions instead.
OF_ROWS = ("proba", "prediction", "std", "embedding", "scores", "labeled", "reserved", "subset")
GIVEN_AS = {
    "proba": "proba=",
    "samples": "samples=",
    "std": "prediction= and std=",
    "value_samples": "samples= of shape (S, n)",
    "prediction": "prediction=",
    "value": "prediction=",
    "embedding": "embedding=",
    "gradient": "proba= (or prediction=) and embedding=",
}


def select(
    strategy,
    *,
    proba=None,
    samples=None,
    prediction=None,
    std=None,
    embedding=None,
    labeled=None,
    y_labeled=None,
    reserved=None,
    scores=None,
    subset=None,
    n_instances=None,
    n_total=None,
    random_state=None,
    multilabel=False,
) -> np.ndarray:
    """Choose rows to label from arrays alone, without an estimator.

    Parameters
    ----------
    strategy : str, Strategy or callable
        As `ActiveLearner` takes it; or "scores", for the rows with the largest `scores`.
    proba : array-like of shape (n, C), default=None
        Probabilities of the classes. None: the mean of `samples`, if they are given. With
        `multilabel`, of shape (n, L): that of each label, which need not sum to one.
    samples : array-like of shape (S, n, C) or (S, n), default=None
        Probabilities by each of S models, or by S passes with dropout; for regression the values
        that each predicts, of which `prediction` and `std` are the mean and the standard deviation
        where they are not given.
    prediction, std : array-like of shape (n,), default=None
        Predicted values and their standard deviations, for regression. With `multilabel`,
        `prediction` is 0 or 1 for each label, shape (n, L); None: where `proba` is above one half.
    embedding : array-like or sparse matrix of shape (n, d), default=None
        A vector for each row; for strategies that read gradients, the input of the last, linear
        layer.
    labeled : array-like of int, or of bool of shape (n,), default=None
        Rows that are labelled: never chosen, and diverse strategies keep away from them.
    y_labeled : array-like, default=None
        Their labels, in the order of `labeled`, for strategies that read them; with `multilabel`,
        0 or 1 for each label, shape (m, L).
    reserved : array-like of int, or of bool of shape (n,), default=None
        Rows that are being labelled, or were chosen elsewhere; likewise.
    scores : array-like of shape (n,), default=None
        Scores of your own, higher for rows that are more worth a label: in place of those of the
        strategy inside another one, such as "coral", "density" or ``StochasticBatch()``.
    subset : array-like of bool, shape (n,), or of int, default=None
        Rows that may be chosen, as a mask or as positions. None: all that are neither labelled nor
        reserved.
    n_instances : int, default=None
        How many rows; None: one. If fewer are left, those that are left.
    n_total : int, default=None
        Instead of `n_instances`: as many rows as are missing until so many are labelled or
        reserved; none if they are.
    random_state : int, RandomState, Generator or None, default=None
        Seed of all random choices. None: from the operating system.
    multilabel : bool, default=False
        Whether rows have several labels each, of which `proba` has a column for each.

    Returns
    -------
    ndarray of shape (n_instances,), int64
        Distinct row numbers, best first.

    Raises
    ------
    ValueError
        If the strategy reads what is not given, or an array does not fit: other numbers of rows,
        NaN, rows of probabilities that do not sum to one.

    Examples
    --------
    >>> import numpy as np
    >>> from skactive import select
    >>> proba = np.array([[0.9, 0.1], [0.55, 0.45], [0.3, 0.7], [0.5, 0.5]])
    >>> select("margin", proba=proba, labeled=[3], n_instances=2)
    array([1, 2])

    Scores of your own, among which chance follows the scores:

    >>> from skactive.strategies import StochasticBatch
    >>> rows = select(StochasticBatch(beta=2), scores=[0.1, 0.9, 0.5], n_instances=2)
    >>> rows.shape
    (2,)

    Several labels a row, each with a probability of its own:

    >>> of_labels = [[0.9, 0.8, 0.1], [0.9, 0.6, 0.1], [0.0, 0.0, 0.1]]
    >>> select("margin", proba=of_labels, multilabel=True)
    array([1])
    """
    if not isinstance(multilabel, bool | np.bool_):
        raise TypeError(f"multilabel is {multilabel!r}; give True or False.")
    multilabel = bool(multilabel)
    of_rows = (proba, prediction, std, embedding, scores, labeled, reserved, subset)
    _check_one_order(dict(zip(OF_ROWS, of_rows, strict=True)))
    if multilabel:
        known, n = _arrays_of_labels(proba, samples, prediction, std, embedding, scores)
    else:
        known, n = _arrays(proba, samples, prediction, std, embedding, scores)
    strategy = as_strategy(strategy) if scores is None else _scored_by(strategy, known["scores"])
    passes(strategy, None, "ActiveLearner(estimator, strategy), and query(X_chunk)")
    check_labels_per_row(strategy, multilabel)
    _check_reads(strategy, known)
    is_labeled = as_mask([] if labeled is None else labeled, n, "labeled")
    is_reserved = as_mask([] if reserved is None else reserved, n, "reserved")
    rows = np.flatnonzero(is_labeled)
    labels = _labels(y_labeled, labeled, rows, multilabel)
    said = known.get("prediction")
    if multilabel and labels is not None and said is not None and len(labels):
        _check_width(labels, said)
    pool = Centers(rows, np.flatnonzero(is_reserved), labels, multilabel=multilabel)
    mask = ~(is_labeled | is_reserved)
    n_known = int(n - np.count_nonzero(mask))
    if subset is not None:
        mask &= subset_mask(subset, n)
    seed = [draw_seed(random_state), len(rows), 0]
    view = View(Rows(np.arange(n)), mask, pool=pool, seed=seed, known=known)
    if n_total is None:
        n_wanted = check_n_instances(None, n_instances, "select")
    else:
        n_wanted = missing_to_total(n_instances, n_total, n_known, "select")
    return choose(strategy, view, n_wanted)


def _check_one_order(given: dict[str, Any]) -> None:
    """Refuse pandas objects of one entry for each row that are in different orders."""
    index = None
    for name, each in given.items():
        is_positions = name in OF_ROWS[-3:] and getattr(each, "dtype", np.dtype(int)).kind != "b"
        if is_pandas(each) and not is_positions:
            index = each.index if index is None else index
            check_order(each, index, who="select", name=name)


class _Scores(Strategy):
    """Scores that were given, by the number of each row."""

    labels_per_row = ANY

    def __init__(self, scores):
        self.scores = scores

    def score(self, view):
        """Return the scores of a view's rows, which `select` makes of their numbers."""
        return self.scores[view.X]


def _scored_by(strategy, scores: np.ndarray) -> Strategy:
    """Return a strategy whose inner one is replaced by scores, refusing one that has its own."""
    if isinstance(strategy, str) and strategy == "scores":
        return _Scores(scores)
    strategy = as_strategy(strategy)
    inner = [name for name in ("strategy", "first") if name in strategy.get_params(deep=False)]
    if not inner:
        raise ValueError(
            f"select got scores=, but {name_of(strategy)} is not made of another strategy that "
            f"scores; write 'scores' for the largest, or one such as 'coral', or leave them out."
        )
    return clone(strategy).set_params(**{inner[0]: _Scores(scores)})


def _arrays(proba, samples, prediction, std, embedding, scores) -> tuple[dict[str, Any], int]:
    """Return what was given as a view knows it, and the number of rows."""
    known: dict[str, Any] = {}
    if np.ndim(samples) == 2:
        known["value_samples"] = values = _values(samples, "samples", axes=2)
        known["prediction"], known["std"] = values.mean(axis=0), values.std(axis=0)
    elif samples is not None:
        known["samples"] = check_probabilities(samples, "SnC", who="select", name="samples")
        known["proba"] = known["samples"].mean(axis=0)
    if proba is not None:
        write = ", unless multilabel=True says that each column is a label of its own"
        known["proba"] = check_probabilities(proba, who="select", write=write)
    for name, values in (("prediction", prediction), ("std", std), ("scores", scores)):
        if values is not None:
            known[name] = _values(values, name)
    if "prediction" in known:
        known["value"] = known["prediction"]
    if embedding is not None:
        known["embedding"] = _vectors(embedding)
    n = _length(known)
    if "embedding" in known and "proba" in known:
        known["gradient"] = likeliest_errors(known["proba"]), known["embedding"]
    elif "embedding" in known and "prediction" in known:
        known["gradient"] = np.ones((n, 1)), known["embedding"]
    return known, n


def _arrays_of_labels(
    proba, samples, prediction, std, embedding, scores
) -> tuple[dict[str, Any], int]:
    """Return what was given of several labels a row as a view knows it, and the number of rows."""
    for name, given in (("samples", samples), ("std", std)):
        if given is not None:
            raise ValueError(
                f"select got {name}= with multilabel=True, where nothing reads it; leave it out, "
                f"and give proba= or embedding=."
            )
    known: dict[str, Any] = {}
    if proba is not None:
        known["proba"] = check_of_labels(proba, who="select", name="proba")
        known["prediction"] = known["proba"] > 0.5
    if prediction is not None:
        known["prediction"] = check_of_labels(
            prediction, who="select", name="prediction", is_proba=False
        )
    if "proba" in known and known["proba"].shape != known["prediction"].shape:
        raise ValueError(
            f"select got prediction of shape {known['prediction'].shape} and proba of shape "
            f"{known['proba'].shape}; give one of each label and row."
        )
    if scores is not None:
        known["scores"] = _values(scores, "scores")
    if embedding is not None:
        known["embedding"] = _vectors(embedding)
    n = _length(known)
    if "embedding" in known and "proba" in known:
        known["gradient"] = likeliest_label_errors(known["proba"]), known["embedding"]
    return known, n


def _length(known: dict[str, Any]) -> int:
    """Return the number of rows, refusing arrays of different ones."""
    lengths = {name: array.shape[name in BY_MEMBER] for name, array in known.items()}
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"{name} of {length}" for name, length in lengths.items())
        raise ValueError(
            f"select got {told or 'no array'}; give arrays that have one row for each row of the "
            f"pool."
        )
    return next(iter(lengths.values()))


def _vectors(embedding):
    """Return vectors as an array or a CSR matrix."""
    vectors = (
        embedding if sparse.issparse(embedding) else in_memory(check_rows(embedding, "select"))
    )
    return check_vectors(as_array(vectors) if is_tensor(vectors) else vectors, who="select")


def _check_reads(strategy: Strategy, known: dict) -> None:
    """Refuse a strategy that reads what was not given."""
    for alternatives in needs(strategy):
        if not any(what in known for what in alternatives):
            reads = " or ".join(f"view.{what}" for what in alternatives)
            if GIVEN_AS.keys().isdisjoint(alternatives):
                raise ValueError(
                    f"{name_of(strategy)} reads {reads}, which only a model gives; write "
                    f"ActiveLearner(estimator, ...) instead of select."
                )
            give = " or ".join(
                dict.fromkeys(GIVEN_AS[what] for what in alternatives if what in GIVEN_AS)
            )
            raise ValueError(f"{name_of(strategy)} reads {reads}; give select {give}.")


def _values(values, name: str, axes: int = 1) -> np.ndarray:
    """Return one finite number for each row, or for each member and row."""
    values = unmasked(values, name, "select", np.float64)
    is_shape = values.ndim == axes and 0 not in values.shape[:-1]
    if not is_shape or not np.isfinite(values).all():
        raise ValueError(
            f"select got {name} of shape {values.shape}"
            f"{' with NaN or infinity' if is_shape else ''}; give one finite number for "
            f"each {'row' if axes == 1 else 'member and row'}."
        )
    if name == "std" and (values < 0).any():
        raise ValueError(f"select got std {values.min()}; standard deviations are at least 0.")
    return values


def _check_width(labels: np.ndarray, said: np.ndarray) -> None:
    """Refuse labels of rows that are more or fewer than those that are predicted."""
    if labels.shape[1] != said.shape[1]:
        raise ValueError(
            f"select got y_labeled with {labels.shape[1]} labels a row, and proba or prediction "
            f"with {said.shape[1]}; give the same labels, in the same order."
        )


def _labels(y_labeled, labeled, rows: np.ndarray, multilabel: bool) -> np.ndarray | None:
    """Return labels by row number, refusing what is not one for each labelled row."""
    if y_labeled is None:  # without labelled rows there is nothing to give
        return None if len(rows) else np.zeros(0)
    labels = unmasked(y_labeled, "y_labeled", "select")
    if multilabel and labels.size:
        labels = check_of_labels(labels, who="select", name="y_labeled", is_proba=False)
    given = np.asarray([] if labeled is None else labeled)
    order = slice(None) if given.dtype.kind == "b" else np.argsort(given, kind="stable")
    shape = labels.shape[:1] if multilabel else labels.shape
    if shape != (len(rows),) or (given.dtype.kind != "b" and len(given) != len(rows)):
        repeated = ", some of them given twice" if len(given) > len(rows) else ""
        raise ValueError(
            f"select got y_labeled of shape {labels.shape} for {len(rows)} labelled rows"
            f"{repeated}; give one label for each."
        )
    return labels[order]
