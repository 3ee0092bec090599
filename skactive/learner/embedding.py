"""Where a learner's vectors come from: given with the rows, made of them, or by the model."""

from __future__ import annotations

import os
from collections.abc import Callable
from sys import modules
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from ..data.arrays import check_vectors
from ..data.datasets import DatasetRows
from ..data.rows import Rows, check_rows, n_rows, slice_rows
from ..data.tensors import as_array, is_tensor
from ..data.vectors import Maker, Memory
from ..models import is_net, last_step
from ..utils.progress import progress
from .parameters import values_of
from .training import is_frozen, seeded_clone

_EMBED_ROWS = 1 << 14  # that are written at a time
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


def embed(estimator, X, layer: str | None = None, *, dtype=None, out=None):
    """Return vectors of rows by a net, for all rows once.

    What is computed once and kept serves any number of learners after it, such as a linear model
    on ``fit(X, y, embedding=E)`` or on the vectors themselves.

    Parameters
    ----------
    estimator : skorch net, Pipeline, ActiveLearner or torch.nn.Module
        A net that is initialized or fitted, alone, in scikit-learn's ``FrozenEstimator``, at the
        end of a Pipeline or inside a learner; or a module, used where it is, in batches of 128.
    X : container of n rows
        As `ActiveLearner.fit` takes them. A Dataset is read through its `evaluation` where it has
        one.
    layer : str, default=None
        Name of the layer whose output the vectors are, flattened; "" is the module itself. None:
        the input of the last Linear layer.
    dtype : dtype, default=None
        Of the vectors; None: as the net gives them.
    out : str, path or array of shape (n, d), default=None
        Where to write them: a ``.npy`` file, opened as a memory map, or an array that is there.
        None: a new array.

    Returns
    -------
    ndarray or memmap of shape (n, d)
        One vector for each row.

    Raises
    ------
    TypeError
        If the estimator is no net, or `out` neither a path nor an array.
    ValueError
        If the layer is unknown, or `out` has another shape or is read-only, or one of them is of
        no float dtype, or `dtype` is another than that of an array.

    Examples
    --------
    >>> import torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    >>> embed(module, np.zeros((4, 3), dtype=np.float32)).shape
    (4, 5)
    >>> embed(module, np.zeros((4, 3), dtype=np.float32), layer="", dtype=np.float16).dtype
    dtype('float16')
    """
    _check_destination(out, dtype)
    X = check_rows(X, who="embed")
    if n_rows(X) == 0:
        raise ValueError("embed got X without rows; give at least one.")
    if isinstance(X, DatasetRows):
        X.refuse_random("embed")
    model, n = _net_model(getattr(estimator, "estimator_", estimator), layer), n_rows(X)
    step = -(-_EMBED_ROWS // model.batch_rows) * model.batch_rows
    cuts = [slice(start, min(start + step, n)) for start in range(0, n, step)]
    parts = ((cut.stop - cut.start, cut) for cut in cuts)
    for cut in progress(parts, n, "embedding"):
        vectors = model.vectors(slice_rows(X, cut.start, cut.stop))
        if cut.start == 0:
            out = _destination(out, (n, vectors.shape[1]), dtype, vectors.dtype)
        out[cut] = vectors
    return out


def _net_model(estimator, layer: str | None):
    """Return a net, or a bare module, as a source of vectors."""
    if is_net(estimator):
        from ..models.torch import TorchModel

        model = TorchModel(estimator, layer=layer, named_by="layer")
        model.check()
        return model
    module = getattr(modules.get("torch"), "nn", None)
    if hasattr(estimator, "teach"):
        raise NotFittedError("embed got a learner without a fitted net; teach it labels first.")
    if module is None or not isinstance(estimator, module.Module):
        raise TypeError(
            f"embed got {type(last_step(estimator)).__name__}, which is no net; give a skorch net "
            f"or a torch module, or write pipeline[:-1].transform(X)."
        )
    from ..models.torch import model_of_module

    return model_of_module(estimator, layer)


def _check_destination(out, dtype) -> None:
    """Refuse what vectors cannot be written into, or not as what they are."""
    is_array = isinstance(getattr(out, "dtype", None), np.dtype)  # one in an HDF5 file too
    if not (out is None or is_array or isinstance(out, str | os.PathLike)):
        raise TypeError(f"embed got out of type {type(out).__name__}; give a path or an array.")
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise ValueError(
            "embed got out that is read-only; open the memory map with mode='r+', or give a new "
            "path."
        )
    if is_array and dtype is not None and np.dtype(dtype) != out.dtype:
        raise ValueError(
            f"embed got dtype={np.dtype(dtype)} and out of dtype {out.dtype}; leave dtype out."
        )
    for name, given in (("dtype=", dtype), ("out of dtype ", out.dtype if is_array else None)):
        if given is not None and np.dtype(given).kind != "f":
            raise ValueError(f"embed got {name}{np.dtype(given)}; vectors are floats.")


def _destination(out, shape: tuple[int, int], dtype, native_dtype):
    """Return the array to write vectors into."""
    if out is None:
        return np.empty(shape, dtype=native_dtype if dtype is None else dtype)
    if isinstance(out, str | os.PathLike):
        dtype = np.dtype(native_dtype if dtype is None else dtype)
        return np.lib.format.open_memmap(out, mode="w+", dtype=dtype, shape=shape)
    if out.shape != shape:
        raise ValueError(f"embed got out of shape {out.shape}; the vectors have shape {shape}.")
    return out
