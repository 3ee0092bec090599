"""What a model says of rows, and rows as vectors: read one chunk after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from scipy import sparse

from ..data.arrays import Joined, n_bytes_of
from ..data.datasets import is_dataset
from ..data.rows import Rows, n_rows, row_bytes
from ..data.tensors import is_tensor
from ..data.vectors import as_vectors
from ..models import BROUGHT, BY_MEMBER, Model, transforms_of
from ..models.sklearn import LEAST_BLOCK
from ..utils.checks import refuse_masked
from ..utils.config import max_memory
from ..utils.progress import progress

MODEL_BYTES = 1 << 24  # of rows, and of what is read of them, that a model sees at a time
NET_BYTES = 1 << 28  # the same of a net, which cuts rows into batches itself
MIN_CHUNK_ROWS, MAX_CHUNK_ROWS = 256, 1 << 16
LEAST_CHUNK_ROWS = 16  # where rows become larger than they are
FIRST_ROWS = 8  # by which that is told


@dataclass(frozen=True)
class Reading:
    """Rows, and who is asked about them."""

    rows: Rows
    model: Model | None = None  # None: a cold start
    embed: Callable | None = None  # makes vectors of rows; None: the model does
    is_embedded: bool = False  # whether vectors do not come from the model
    chunk_rows: int | None = None  # None: as many as take about MODEL_BYTES

    def fitted(self, what: str) -> Model:
        """Return the model, or say that there is none yet."""
        if self.model is None:
            raise ValueError(
                f"the strategy reads view.{what}, but no estimator is fitted yet; a cold start can "
                f"read view.X and view.embedding only."
            )
        return self.model

    def gives(self, what: str) -> bool:
        """Whether the model can give this."""
        return self.model is not None and self.model.refusal(what) is None

    def read(self, what: str, start: int = 0, stop: int | None = None) -> dict[str, Any]:
        """Return what the model says of consecutive rows, and what it says at no further cost."""
        model, joined = self.fitted(what), {}
        stop = len(self.rows) if stop is None else stop
        for X in self._pieces([what], start, stop):
            for name, part in model.read(what, X).items():
                if name not in joined:
                    axis = int(name in BY_MEMBER)
                    joined[name] = Joined(stop - start, axis)
                    self._refuse_too_many(name, part, axis, stop - start)
                joined[name].add(part)
        return {name: parts.whole() for name, parts in joined.items()}

    def perturbation(self, attack: str, **options) -> np.ndarray:
        """Return the length of the least change that flips the prediction of each row."""
        model = self.fitted("perturbation")
        parts = [
            model.perturbation(X, attack, **options) for X in self._pieces([], 0, len(self.rows))
        ]
        return np.concatenate(parts)

    def embedded(self, start: int, stop: int) -> dict[str, Any]:
        """Return the "embedding" of consecutive rows, with what the model says beside it."""
        model = self.model
        if self.embed is None and model is not None and not model.is_plain:
            return self.read("embedding", start, stop)
        if self.embed is None and not self.rows.is_elsewhere:
            # What is a vector already is read whole: chunks would be copied to be joined again.
            make = _vectors_of if model is None else model.embedding
            return {"embedding": make(self.rows.slice(start, stop))}
        joined = Joined(stop - start)
        for vectors in self.vectors(start, stop):
            if joined.done == 0:
                self._refuse_too_many("embedding", vectors, 0, stop - start)
            joined.add(vectors)
        return {"embedding": joined.whole()}

    def vectors(self, start: int, stop: int) -> Iterator:
        """Go through consecutive rows as vectors, a chunk at a time."""
        done = start
        for X in self._pieces(["embedding"], start, stop):
            if self.embed is not None:
                yield _one_for_each(self.embed(X), X, done)
            elif self.model is not None:
                yield self.model.read("embedding", X)["embedding"]
            else:
                yield _vectors_of(X)
            done += n_rows(X)

    def is_too_much(self) -> bool:
        """Whether vectors of all rows, which lie elsewhere, would take more than max_memory."""
        if not self.rows.is_elsewhere:
            return False
        n = min(FIRST_ROWS, len(self.rows))
        (first,) = self.vectors(0, n)
        return n_bytes_of(first) // n * len(self.rows) > max_memory()

    def _refuse_too_many(self, name: str, part, axis: int, n: int) -> None:
        """Refuse to keep what is read of all rows of a source where that is more than may be."""
        n_first = part.shape[axis]
        if not self.rows.is_elsewhere or n_first in (0, n):  # a chunk alone is there already
            return
        n_bytes, most = n_bytes_of(part) // n_first * n, max_memory()
        if n_bytes > most:
            raise MemoryError(
                f"a strategy that looks at rows together reads view.{name} of all {n:,} rows, "
                f"about {n_bytes / 1e9:.2g} GB, and max_memory is {most / 1e9:.2g} GB; let it see "
                f"fewer rows, as Subpool('badge', 0.01) and Prefilter('margin', 'badge') do, take "
                f"one that scores each row by itself, such as 'margin', or write "
                f"skactive.config_context(max_memory=...)."
            )

    def n_chunk_rows(self, reads: list[str]) -> int:
        """Return how many rows make a chunk where this is read of them."""
        if self.chunk_rows is not None:
            return self.chunk_rows
        size, batch, n_bytes = row_bytes(self.rows.parts[0]), 1, MODEL_BYTES
        becomes = self._becomes(reads)
        if self.model is not None:
            size += sum(self.model.row_bytes(what) for what in reads)
            batch = self.model.batch_rows
            n_bytes = MODEL_BYTES if batch == 1 else NET_BYTES
        n_threads = 1 if self.model is None else self.model.n_threads
        n_chunk_rows = int(np.clip(n_bytes // size, MIN_CHUNK_ROWS, MAX_CHUNK_ROWS))
        if n_threads > 1:  # which would rest on fewer rows
            n_chunk_rows = max(n_chunk_rows, min(LEAST_BLOCK, NET_BYTES // size))
        if becomes > size:
            n_chunk_rows = min(n_chunk_rows, max(int(n_bytes // becomes), LEAST_CHUNK_ROWS))
        n_chunk_rows *= n_threads  # each of which reads so many
        # Whole batches: a net's last, short one would otherwise come once a chunk.
        return -(-n_chunk_rows // batch) * batch

    def _becomes(self, reads: list[str]) -> int:
        """Return how many bytes one of the first rows becomes, at most, before it is read.

        Rows may be names of files. What a function of such, or a method of the user's own, holds
        while it reads them cannot be seen: it gets few at a time.
        """
        is_function = "embedding" in reads and self.embed is not None
        is_plain = self.model is None or self.model.is_plain
        is_brought = self.model is not None and any(map(self.model.brought, BROUGHT))
        if len(self.rows) <= MIN_CHUNK_ROWS or (is_plain and not is_function and not is_brought):
            return 0
        X, size = self.rows.slice(0, FIRST_ROWS), 0
        reader = getattr(self.model, "estimator", None)
        if is_function:
            reader = getattr(self.embed, "__self__", None)  # of a transformer's own method
        if is_function or is_brought:
            size = MODEL_BYTES // MIN_CHUNK_ROWS if _are_names(X) else 0
        for step in transforms_of(reader):
            X = step(X)
            size = max(size, row_bytes(X))
        return size

    def _pieces(self, reads: list[str], start: int, stop: int) -> Iterator:
        """Yield consecutive rows, a chunk at a time, showing progress."""
        step = self.n_chunk_rows(reads)
        if 0 < stop - start <= step:  # a bar would have nothing to show
            yield self.rows.slice(start, stop)
            return
        cuts = self.rows.cuts(step, start, stop)
        steps = ((end - at, self.rows.slice(at, end)) for at, end in cuts)
        yield from progress(steps, stop - start, "reading the model")


def _vectors_of(X):
    """Return rows as vectors where there is no model."""
    return as_vectors(X, "a cold start", "rows of numbers, or embedding=")


def _are_names(X) -> bool:
    """Whether rows hold text, or are read from a Dataset: they stand for more than they are."""
    if is_dataset(X) or is_tensor(X) or sparse.issparse(X):
        return is_dataset(X)
    if isinstance(X, np.ndarray) and X.dtype.kind in "biufc":
        return False
    values = np.asarray(X[:1] if isinstance(X, list) else X, dtype=object)
    return any(isinstance(value, str | bytes | PathLike) for value in values.flat)


def _one_for_each(vectors, X, start: int):
    """Return vectors of the rows from `start` on, refusing any that are not one for each."""
    refuse_masked(vectors, "vectors", "a query", start)
    vectors = as_vectors(vectors, "the embedding", "numbers")
    if vectors.shape[0] != n_rows(X):
        raise ValueError(
            f"the embedding gave {vectors.shape[0]} vectors for {n_rows(X)} rows; it must give one "
            f"for each row, whichever others come with it."
        )
    return vectors
