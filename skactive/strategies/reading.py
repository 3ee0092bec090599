"""What a model says of rows, and rows as vectors: read one chunk after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arrays import Joined
from ..data.rows import Rows, n_rows, row_bytes
from ..data.vectors import as_vectors
from ..models import Model, refusal
from ..utils.progress import progress

MODEL_BYTES = 1 << 24  # of rows, and of what is read of them, that a model sees at a time
NET_BYTES = 1 << 28  # the same of a net, which cuts rows into batches itself
MIN_CHUNK_ROWS, MAX_CHUNK_ROWS = 256, 1 << 16


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
        return self.model is not None and refusal(self.model.estimator, what) is None

    def read(self, what: str, start: int = 0, stop: int | None = None) -> dict[str, Any]:
        """Return what the model says of consecutive rows, and what it says at no further cost."""
        model, joined = self.fitted(what), {}
        stop = len(self.rows) if stop is None else stop
        for X in self._pieces([what], start, stop):
            for name, part in model.read(what, X).items():
                if name not in joined:
                    joined[name] = Joined(stop - start, axis=1 if name == "samples" else 0)
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
        embed, model = self.embed, self.model
        if embed is not None:
            joined = Joined(stop - start)
            for X in self._pieces(["embedding"], start, stop):
                joined.add(_one_for_each(embed(X), X))
            return {"embedding": joined.whole()}
        if model is not None and not model.is_plain:
            return self.read("embedding", start, stop)
        # What is a vector already is read whole: chunks would be copied to be joined again.
        X = self.rows.slice(start, stop)
        if model is not None:
            return {"embedding": model.embedding(X)}
        needs = "rows of numbers, or embedding="
        return {"embedding": as_vectors(X, "a cold start", needs)}

    def n_chunk_rows(self, reads: list[str]) -> int:
        """Return how many rows make a chunk where this is read of them."""
        if self.chunk_rows is not None:
            return self.chunk_rows
        size, batch, n_bytes = row_bytes(self.rows.parts[0]), 1, MODEL_BYTES
        if self.model is not None:
            size += sum(self.model.row_bytes(what) for what in reads)
            batch = self.model.batch_rows
            n_bytes = MODEL_BYTES if batch == 1 else NET_BYTES
        n_chunk_rows = int(np.clip(n_bytes // size, MIN_CHUNK_ROWS, MAX_CHUNK_ROWS))
        # Whole batches: a net's last, short one would otherwise come once a chunk.
        return -(-n_chunk_rows // batch) * batch

    def _pieces(self, reads: list[str], start: int, stop: int) -> Iterator:
        """Yield consecutive rows, a chunk at a time, showing progress."""
        step = self.n_chunk_rows(reads)
        if 0 < stop - start <= step:  # a bar would have nothing to show
            yield self.rows.slice(start, stop)
            return
        ends = ((at, min(at + step, stop)) for at in range(start, stop, step))
        steps = ((end - at, self.rows.slice(at, end)) for at, end in ends)
        yield from progress(steps, stop - start, "reading the model")


def _one_for_each(vectors, X):
    """Return vectors that were made of rows, refusing any that are not one for each."""
    vectors = as_vectors(vectors, "the embedding", "numbers")
    if vectors.shape[0] != n_rows(X):
        raise ValueError(
            f"the embedding gave {vectors.shape[0]} vectors for {n_rows(X)} rows; it must give one "
            f"for each row, whichever others come with it."
        )
    return vectors
