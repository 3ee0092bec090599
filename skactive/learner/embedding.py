"""Where a learner's vectors come from: given with the rows, made of them, or by the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.arrays import check_vectors
from ..data.rows import Rows, check_rows, n_rows
from ..data.tensors import as_array, is_tensor
from ..data.vectors import Maker, Memory
from ..models.kinds import is_frozen, is_net, last_step
from .parameters import values_of
from .training import seeded_clone

OWN = Maker("embedding")  # in which the model has no say


class Embedding:
    """The vectors of a pool's rows, and of rows from outside.

    Parameters
    ----------
    given : array-like or sparse matrix of shape (n, d), or None
        Vectors that belong to the rows.
    function : callable, default=None
        Makes vectors of any rows; None: the model does, or the rows are vectors themselves.
    origin : object, default=None
        What the function was made of, as `values_of` says it.
    layer : str, default=None
        Layer of a net whose output they are.

    Attributes
    ----------
    memory : Memory
        What was computed of the pool, for the next question.
    """

    def __init__(
        self,
        given: Rows | None = None,
        function: Callable | None = None,
        origin=None,
        layer: str | None = None,
    ):
        self.given = given
        self.function = function
        self.origin = origin
        self.layer = layer
        self.memory = Memory()

    @property
    def is_own(self) -> bool:
        """Whether the model has no say in what the vectors are."""
        return self.function is not None or self.given is not None

    def extended(self, vectors, n: int, who: str) -> Embedding:
        """Return the embedding of a pool to which n rows were added, refusing what does not fit."""
        new, given = self._of_rows(vectors, n, who), self.given
        if given is not None:
            given = given.copy()
            given.append(new)
        other = Embedding(given, self.function, self.origin, self.layer)
        other.memory = self.memory  # of the rows before, which are the same
        return other

    def details(self, n: int, *, maker) -> dict[str, Any]:
        """Return what a view of the pool needs to know.

        Parameters
        ----------
        n : int
            Rows of the pool.
        maker : Maker or None
            What makes the vectors unless they are given or a function makes them; None where that
            is another one in each round.

        Raises
        ------
        ValueError
            If rows joined the pool without their vectors.
        """
        known, maker = {}, OWN if self.is_own else maker
        if not self.memory.is_by(maker):  # what it holds is of another space
            self.memory = Memory(maker)
        memory = self.memory
        if self.given is not None:
            if len(self.given) != n:
                raise ValueError(
                    f"the pool has {n} rows, but vectors came for {len(self.given)}; add rows by "
                    f"the learner's extend(X, embedding=...), or fit(pool, embedding=...) anew."
                )
            if memory.n_rows < n:
                memory.keep(self.given.whole())
            known = {"embedding": memory.vectors}
        return {
            "known": known,
            "embed": self.function,
            "memory": None if maker is None else memory,
            "is_embedded": self.is_own,
        }

    def outside_details(self, vectors, n: int, n_pool: int, *, maker) -> dict[str, Any]:
        """Return what a view of n rows from outside, with the pool behind them, needs to know."""
        new = self._of_rows(vectors, n, "query")
        details = self.details(n_pool, maker=maker)
        if self.given is not None:
            details["known"] = {"embedding": Rows(new, *self.given.parts).whole()}
        return details

    def _of_rows(self, vectors, n: int, who: str):
        """Return vectors for n new rows: none if the pool has none of its own, else refused."""
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
        vectors = checked(vectors, n, who)
        width = self.given.parts[0].shape[1]
        if vectors.shape[1] != width:
            raise ValueError(
                f"{who} got embedding of {vectors.shape[1]} columns, the pool's has {width}; give "
                f"vectors of the same embedding."
            )
        return vectors


def checked(vectors, n: int, who: str):
    """Return vectors that were given for n rows, refusing what is not one finite row for each."""
    vectors = check_rows(vectors, who)
    if is_tensor(vectors):
        vectors = as_array(vectors)
    if n_rows(vectors) != n:
        raise ValueError(
            f"{who} got embedding with {n_rows(vectors)} rows for {n} rows of X; give one row for "
            f"each."
        )
    return check_vectors(vectors, who=who)


def embedding_of(rows: Rows, given, embedding, seed: int) -> Embedding:
    """Return the embedding of a pool.

    Parameters
    ----------
    rows : Rows
        Of the pool.
    given : array-like or sparse matrix of shape (n, d), or None
        Vectors that came with the rows.
    embedding : str, callable, transformer or None
        As the learner was given it. A transformer is cloned and fitted on all rows.
    seed : int
        Of what is random in a transformer.

    Raises
    ------
    TypeError, ValueError
        If it cannot be used.
    """
    check_embedding(embedding)
    if given is not None and embedding is not None:
        raise ValueError(
            "fit got embedding=, and the learner has one of its own; give one of the two."
        )
    if given is not None:
        return Embedding(Rows(checked(given, len(rows), "fit")))
    origin = values_of(embedding)
    if isinstance(embedding, str):
        return Embedding(origin=origin, layer=embedding)
    if hasattr(embedding, "transform"):
        if not is_frozen(embedding):
            embedding = seeded_clone(embedding, seed).fit(rows.whole())
        embedding = embedding.transform
    return Embedding(function=embedding, origin=origin)


def check_embedding(embedding, estimator=None) -> None:
    """Refuse what is neither None, nor a net's layer, nor a callable, nor a transformer."""
    if isinstance(embedding, str):
        if estimator is not None and not is_net(estimator):
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
