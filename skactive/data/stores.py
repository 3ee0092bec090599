"""Arrays and tables that other packages keep on a disk, as sources: h5py, zarr, Hugging Face."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..utils.checks import is_instance
from .arrow import BlockMaker, one_schema
from .sources import RowSource

_BLOCK_BYTES = 1 << 26  # of an array
_BLOCK_ROWS = 10_000  # of a data set of Hugging Face, whose rows have no size of their own


def as_source(X: Any) -> RowSource | None:
    """Return what another package keeps on a disk as a source; None: X is no such thing.

    Examples
    --------
    >>> as_source([1, 2]) is None
    True
    """
    if isinstance(X, RowSource):
        return X
    if is_instance(X, ("h5py.Dataset",)):
        return H5Rows(X)
    if is_instance(X, ("zarr.Array",)):
        return ArrayRows(X)
    if is_instance(X, ("datasets.Dataset",)):
        return HuggingFaceRows(X)
    return None


class ArrayRows(RowSource):
    """Rows of an array that is read by slices and pickles itself, as those of zarr do.

    Blocks are of whole chunks.
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        if not array.shape:
            raise ValueError(f"{array!r} has no dimension; give an array of rows.")
        self._n = int(array.shape[0])
        chunk = array.chunks[0] if array.chunks else 1
        width = int(np.prod(array.shape[1:])) * array.dtype.itemsize
        self._step = int(chunk * max(1, _BLOCK_BYTES // max(1, chunk * width)))

    def block_sizes(self) -> list[int]:
        """Return how many rows each block has."""
        return [min(self._step, self._n - start) for start in range(0, self._n, self._step)]

    def read_block(self, number: int) -> Any:
        """Read a block as an array."""
        start = number * self._step
        return np.asarray(self._opened()[start : start + self._step])

    def _opened(self) -> Any:
        return self.array

    def __eq__(self, other: Any) -> bool:
        return type(other) is type(self) and self._opened() == other._opened()

    def __hash__(self) -> int:
        return hash((type(self), self._n))


class H5Rows(ArrayRows):
    """Rows of a dataset of h5py: of the open one here, of its file by name in other processes."""

    def __init__(self, array: Any) -> None:
        super().__init__(array)
        self.path, self.name = array.file.filename, array.name

    def _opened(self) -> Any:
        if not self.array:  # its file was closed, or this is another process
            from h5py import File

            self.array = File(self.path, "r")[self.name]
        return self.array

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"array": None}


class HuggingFaceRows(RowSource):
    """Rows of a data set of Hugging Face, as frames."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        table = dataset.data
        lacks = [name for name in dataset.column_names if table.column(name).null_count]
        schema = one_schema(["the data set"], [dataset.features.arrow_schema], None)
        self._as_block = BlockMaker(schema, lacks)

    def block_sizes(self) -> list[int]:
        """Return how many rows each block has."""
        n = len(self.dataset)
        return [min(_BLOCK_ROWS, n - start) for start in range(0, n, _BLOCK_ROWS)]

    def read_block(self, number: int) -> Any:
        """Read a block as a frame."""
        start = number * _BLOCK_ROWS
        rows = self.dataset.with_format("arrow")[start : start + _BLOCK_ROWS]
        return self._as_block(rows, start)

    def __eq__(self, other: Any) -> bool:
        is_same = type(other) is type(self)
        return is_same and self.dataset._fingerprint == other.dataset._fingerprint

    def __hash__(self) -> int:
        return hash(self.dataset._fingerprint)
