"""Arrays that other packages keep on a disk, as sources: those of h5py and zarr."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..utils.checks import is_instance
from .sources import RowSource

_BLOCK_BYTES = 1 << 26  # of an array


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
