"""Rows as vectors, and what is kept of them from one question to the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from numbers import Number
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .datasets import is_dataset
from .tensors import as_array


def as_vectors(X: Any, who: str, needs: str) -> Any:
    """Return rows that are numbers as vectors, not copied where they are an array or CSR.

    Each row of an array of any dimension is flattened. Messages say that `who` would have to give
    the vectors, and what that needs.

    Examples
    --------
    >>> as_vectors([[1, 2], [3, 4]], "a list", "rows of numbers").shape
    (2, 2)
    """
    if sparse.issparse(X):
        return X.tocsr()
    if is_dataset(X):
        needs = "embedding=, a function of such rows, or fit(X, y, embedding=E)"
        raise _lacking(who, "a Dataset", needs)
    X = as_array(X)
    if X.ndim == 0:
        raise ValueError(
            f"the strategy reads view.embedding, for which {who} gave {X.item()!r}; it needs a "
            f"vector for each row."
        )
    if X.dtype.kind == "O" and not any(isinstance(value, str) for value in X.flat):
        with suppress(TypeError, ValueError):  # frames with nullable columns hold numbers
            X = X.astype(np.float64)
    if X.dtype.kind not in "biuf":
        raise _lacking(who, _kind_of(X), needs)
    return X.reshape(len(X), int(np.prod(X.shape[1:])))


def _lacking(who: str, kind: str, needs: str) -> ValueError:
    """Return the refusal of rows that are no numbers."""
    return ValueError(
        f"the strategy reads view.embedding, which {who} on rows of {kind} cannot give: it needs "
        f"{needs}."
    )


def _kind_of(X: NDArray) -> str:
    """Return the type name of the first non-numeric entry, for messages."""
    if X.size == 0:
        return X.dtype.name
    others = (value for value in X.flat if not isinstance(value, Number))
    return type(next(others, X.flat[0])).__name__.rstrip("_")


class Maker(NamedTuple):
    """What makes vectors of rows."""

    of: Any  # an object, or a name
    state: Callable[[], Any] = tuple  # what differs once it makes others


class Memory:
    """Vectors of a pool's rows and their distances to what is known, for the next question.

    Whatever is here can be computed again: a copy starts empty, and so does what is unpickled.
    """

    def __init__(self, maker: Maker | None = None) -> None:
        self.maker = maker  # of the vectors; None where nothing is kept
        self.vectors: Any = None  # (n, d), of the rows that were there at the last question
        self._state: Any = None  # of the maker, when it made them
        self.centers: NDArray = np.zeros(0, dtype=np.int64)  # rows that are labelled or reserved
        self.distances: NDArray | None = None  # (n,) squared, to the nearest; not to be written to

    @property
    def n_rows(self) -> int:
        """How many rows there are vectors of."""
        return 0 if self.vectors is None else self.vectors.shape[0]

    def is_by(self, maker: Maker | None) -> bool:
        """Whether what is kept was made by this, as it is now."""
        if self.maker is None or maker is None:
            return self.maker is maker
        is_same = self.maker.of is maker.of
        return is_same and (not self.n_rows or self._state == maker.state())

    def keep(self, vectors: Any) -> None:
        """Keep what the maker has made of all rows."""
        self.vectors = vectors
        self._state = None if self.maker is None else self.maker.state()

    def since(self, centers: NDArray) -> tuple[NDArray, NDArray | None]:
        """Return which centres are new, and the distances to the others, None if not known."""
        if self.distances is None or not np.isin(self.centers, centers).all():
            return centers, None
        return np.setdiff1d(centers, self.centers), self.distances

    def __reduce__(self) -> tuple:
        return Memory, ()
