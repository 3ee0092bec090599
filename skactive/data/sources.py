"""Sources: rows that lie elsewhere, on a disk or in another process, and are read block by block.

What a user gives is a container of rows. A source is one of which a block alone is in memory at a
time; how blocks are cut, taken from and joined is told in `rows`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .types import Positions


@dataclass
class ReadSoFar:
    """What is kept of a source: never part of what it is."""

    ends: Positions | None = None  # of the blocks
    last: tuple[int, Any] | None = None  # the number of the block that was read last, and it
    taken: tuple[Positions, Any] | None = None  # rows that were taken, sorted by position
    row_bytes: int | None = None  # of a row in memory, about


class RowSource(ABC):
    """Rows that lie elsewhere, of which one block at a time is read: the base of all sources.

    A source of one's own has these two methods, and keeps what tells where the rows are (a path, a
    name), not what is open: it is pickled, and copied to other processes. `skactive.testing.
    check_source` says whether it keeps the contract.

    A block is what is read at once, such as a row group or a chunk: some 10,000 to 1,000,000 rows,
    100 MB at most. The learner never asks for a part of one.

    Notes
    -----
    As a pool, a source stands for the container that `read_block` returns: with blocks of pandas
    frames, `query` returns a frame. The last block, and some rows that were asked for one by one,
    as labelled rows are, stay in memory.

    Examples
    --------
    Squares of ten million numbers, which are nowhere:

    >>> class Squares(RowSource):
    ...     def block_sizes(self):
    ...         return [100_000] * 100
    ...     def read_block(self, number):
    ...         start = 100_000 * number
    ...         return np.arange(start, start + 100_000.0)[:, None] ** 2
    >>> len(Squares()), Squares().block(1)[0]
    (10000000, array([1.e+10]))
    """

    _kept: ReadSoFar | None = None

    @abstractmethod
    def block_sizes(self) -> list[int]:
        """Return how many rows each block has, without reading them: always the same answer."""

    @abstractmethod
    def read_block(self, number: int) -> Any:
        """Read a block: an array, a CSR matrix, a frame or a list, of the same kind as all others.

        Its columns have the same dtypes too.
        """

    @property
    def kept(self) -> ReadSoFar:
        """What of the rows is in memory."""
        if self._kept is None:
            self._kept = ReadSoFar()
        return self._kept

    @property
    def block_ends(self) -> Positions:
        """Where each block ends, shape (n_blocks,): the number of its last row, plus one."""
        if self.kept.ends is None:
            self.kept.ends = _checked_ends(self)
        return self.kept.ends

    @property
    def columns(self) -> list[str]:
        """Names of columns that can be read alone, or left out: of files of tables."""
        return []

    def column(self, name: str) -> Any:
        """Return a column of all rows, in memory."""
        raise NotImplementedError

    def without(self, name: str) -> RowSource:
        """Return these rows without one of the columns."""
        raise NotImplementedError

    def __len__(self) -> int:
        return int(self.block_ends[-1])

    def block(self, number: int) -> Any:
        """Return a block, from memory where it is the one that was read last."""
        last = self.kept.last
        if last is not None and last[0] == number:
            return last[1]
        block = self.read_block(number)
        n = block.shape[0] if hasattr(block, "shape") else len(block)
        expected = int(np.diff(self.block_ends, prepend=0)[number])
        if n != expected:
            raise ValueError(
                f"{self!r} gave {n} rows for block {number}, which had {expected} when it was "
                f"opened; a source must not change while it is used: open it again."
            )
        self.kept.last = number, block
        return block

    def blocks(self) -> Iterator[Any]:
        """Go through the blocks that have rows, as chunks of a stream for one."""
        sizes = np.diff(self.block_ends, prepend=0).tolist()
        return (self.block(number) for number, size in enumerate(sizes) if size)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} rows in {len(self.block_ends)} blocks)"


def _checked_ends(source: RowSource) -> Positions:
    """Return where the blocks of a source end, refusing sizes that are none, or no rows at all."""
    sizes = np.asarray(source.block_sizes())
    name = type(source).__name__
    if sizes.ndim != 1 or (len(sizes) and sizes.dtype.kind not in "iu") or (sizes < 0).any():
        raise ValueError(
            f"{name}.block_sizes gave {sizes!r:.100}; return a list of whole numbers of at least 0."
        )
    sizes = sizes.astype(np.intp)
    if sizes.sum() == 0:
        raise ValueError(f"{name} has no rows; open a source with at least one.")
    return np.cumsum(sizes)
