"""Where a learner's vectors come from: given with the rows, made of them, or by the model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..data.arrays import check_vectors
from ..data.frames import is_pandas
from ..data.labels import check_order
from ..data.rows import Rows, check_rows, in_memory, n_rows
from ..data.tensors import as_array, is_tensor
from ..data.vectors import Maker, Memory
from ..models.kinds import brought, is_frozen, is_net, last_step
from ..utils.checks import refuse_masked, warn
from .parameters import values_of
from .training import seeded_clone


class EachRound(BaseEstimator):
    """A function of the fitted estimator and of rows, as a learner's `embedding`: made each round.

    A plain function of rows is asked once for a pool, and what it reads of an estimator that is
    trained in each round would stay as it was in the first one. At a cold start nothing is fitted:
    vectors are the rows themselves.

    Parameters
    ----------
    function : callable
        ``(estimator, X) -> vectors``, one for each row of X, by itself; `estimator` is the
        learner's `estimator_` of this round, and X one chunk of rows at a time.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skactive import ActiveLearner, EachRound
    >>> X, y = load_iris(return_X_y=True)
    >>> y[::2] = -1
    >>> shares = EachRound(lambda forest, X: forest.predict_proba(X))
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> learner = ActiveLearner(forest, "k_center", embedding=shares, random_state=0).fit(X, y)
    >>> learner.query(n_instances=2)[0].shape
    (2,)
    """

    def __init__(self, function) -> None:
        self.function = function

    def __call__(self, estimator, X):
        """Return what the function makes of rows."""
        return self.function(estimator, X)


OWN = Maker("embedding")  # in which the model has no say
ROWS = Maker("rows")  # which are vectors as they are


@dataclass
class Embedding:
    """The vectors of a pool's rows, and of rows from outside."""

    given: Rows | None = None  # vectors that came with the rows
    function: Callable | None = None  # rows -> vectors, or `EachRound`; None: by model, or rows
    origin: Any = None  # what the function was made of, as `values_of` says it
    layer: str | None = None  # of a net whose output they are

    def __post_init__(self):
        self.is_own = self.function is not None or self.given is not None  # the model has no say
        self._memory: Memory | None = None

    def extended(self, vectors, added: Rows, who: str) -> Embedding:
        """Return the embedding of a pool to which rows were added, refusing what does not fit."""
        new, given = self._of_rows(vectors, added, who), self.given
        if given is not None:
            # A copy: until the rows are in the pool, its own vectors must stay as they are.
            given = given.copy()
            given.append(new)
        other = replace(self, given=given)
        other._memory = self._memory  # of the rows before, which are the same
        return other

    def __reduce__(self):
        return Embedding, (self.given, self.function, self.origin, self.layer)

    def memory(self, estimator) -> Memory | None:
        """Return what was computed of the pool by an estimator, None if that changes each round."""
        maker: Maker | None = OWN
        if isinstance(self.function, EachRound):
            maker = _maker_of_vectors(estimator) if is_frozen(estimator) else None
        elif not self.is_own:
            maker = _maker_of_vectors(estimator)
        memory = self._memory_by(maker)
        return None if maker is None else memory

    def known(self, n: int) -> dict[str, Any]:
        """Return the vectors that came with the pool's n rows, refusing where some came without."""
        given: Any = self.given
        if len(given) != n:
            raise ValueError(
                f"the pool has {n} rows, but vectors came for {len(given)}; add rows by "
                f"the learner's extend(X, embedding=...), or fit(pool, embedding=...) anew."
            )
        memory = self._memory_by(OWN)
        if memory.n_rows < n:
            memory.keep(given.whole())
        return {"embedding": memory.vectors}

    def known_outside(self, vectors, rows: Rows, n_pool: int) -> dict[str, Any]:
        """Return the vectors given with rows from outside, the pool's behind them."""
        new, given = self._of_rows(vectors, rows, "query"), self.known(n_pool)["embedding"]
        return {"embedding": Rows(new, given).whole()}

    def _memory_by(self, maker: Maker | None) -> Memory:
        """Return what is kept of vectors that this made, empty where another did."""
        if self._memory is None or not self._memory.is_by(maker):
            self._memory = Memory(maker)
        return self._memory

    def _of_rows(self, vectors, rows: Rows, who: str):
        """Return vectors for new rows: none if the pool has none of its own, else refused."""
        if self.given is None and vectors is None:
            return None
        if self.given is None:
            raise ValueError(
                f"{who} got embedding= for its rows, but fit got none for the pool's; give "
                f"fit(X, y, embedding=...) too."
            )
        if vectors is None:
            raise ValueError(
                f"{who} got rows without embedding=, which fit got for the pool's rows; give "
                f"{who} embedding= too, one row for each."
            )
        vectors = checked(vectors, rows, who)
        width = self.given.parts[0].shape[1]
        if vectors.shape[1] != width:
            raise ValueError(
                f"{who} got embedding of {vectors.shape[1]} columns, the pool's has {width}; give "
                f"vectors of the same embedding."
            )
        return vectors


def checked(vectors, rows: Rows, who: str):
    """Return vectors that were given for rows, refusing any but one finite row for each."""
    refuse_masked(vectors, "embedding", who)
    vectors, n = in_memory(check_rows(vectors, who)), len(rows)
    if is_pandas(vectors):
        check_order(vectors, rows.index(), who=who, name="embedding")
    if is_tensor(vectors):
        vectors = as_array(vectors)
    if n_rows(vectors) != n:
        raise ValueError(
            f"{who} got embedding with {n_rows(vectors)} rows for {n} rows of X; give one row for "
            f"each."
        )
    return check_vectors(vectors, who=who)


def embedding_of(rows: Rows, given, embedding, seed: int) -> Embedding:
    """Return the embedding of a pool's rows: vectors that came with them, or the learner's own.

    A transformer is cloned, seeded and fitted on all rows.
    """
    if given is not None and embedding is not None:
        raise ValueError(
            "fit got embedding=, and the learner has one of its own; give one of the two."
        )
    if given is not None:
        return Embedding(Rows(checked(given, rows, "fit")))
    if embedding is None:
        return Embedding()
    origin = values_of(embedding)
    if isinstance(embedding, str):
        return Embedding(origin=origin, layer=embedding)
    if hasattr(embedding, "transform"):
        if not is_frozen(embedding):
            embedding = seeded_clone(embedding, seed).fit(in_memory(rows.whole()))
        embedding = embedding.transform
    return Embedding(function=embedding, origin=origin)


def _maker_of_vectors(estimator) -> Maker | None:
    """Return what makes of rows the vectors that an estimator sees, None if each round another."""
    last = last_step(estimator)
    if is_frozen(estimator) and is_net(last):
        from ..models.modules import state_of

        # A net is its user's to train on: it makes the same as long as layers and weights stay.
        return Maker(estimator, partial(state_of, last))
    if is_frozen(estimator):
        return Maker(estimator)
    is_row = last is estimator and not is_net(last) and not brought(estimator, "embedding")
    return ROWS if is_row else None


def check_embedding(embedding, estimator) -> None:
    """Refuse what is neither None, nor a net's layer, nor a callable, nor a transformer."""
    if isinstance(embedding, str):
        if not is_net(estimator):
            raise ValueError(
                f"embedding={embedding!r} names a layer of a net, which "
                f"{type(last_step(estimator)).__name__} is not; give a callable or a transformer, "
                f"or fit(X, y, embedding=E)."
            )
        return
    if isinstance(embedding, type):
        name = embedding.__name__
        raise TypeError(f"embedding is the class {name}; write {name}(), an instance.")
    if isinstance(embedding, (np.ndarray, list)) or hasattr(embedding, "__array__"):
        raise TypeError(
            "embedding is an array, which belongs to the data; write fit(X, y, embedding=E)."
        )
    if embedding is not None and not hasattr(embedding, "transform") and not callable(embedding):
        raise TypeError(
            f"embedding is {embedding!r}; give a callable rows -> vectors, a transformer, the "
            f"name of a net's layer, or None."
        )
    if isinstance(embedding, EachRound) and not callable(embedding.function):
        raise TypeError(
            f"EachRound got {embedding.function!r}; give a function (estimator, X) -> vectors."
        )
    if not is_frozen(estimator) and _reads_what_is_trained(embedding, estimator):
        warn(
            f"embedding= is a function that reads a fitted {type(last_step(estimator)).__name__}, "
            f"but it is asked once for the pool, and not again in later rounds; write "
            f"EachRound(lambda estimator, X: ...), which gets the estimator of each round."
        )


def _reads_what_is_trained(function, estimator) -> bool:
    """Whether a plain function names a learner, its fitted estimator, or this one."""
    if not inspect.isfunction(function):
        return False
    names = inspect.getclosurevars(function)
    reached = [*names.nonlocals.values(), *names.globals.values()]
    is_learner = [hasattr(each, "teach") or each is estimator for each in reached]
    return any(is_learner) or "estimator_" in function.__code__.co_names
