"""Rows in files: parquet, Arrow and .npy, any number of them, one block in memory at a time."""

from __future__ import annotations

import glob
import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .arrow import BlockMaker, one_schema, pyarrow
from .sources import RowSource

_KINDS = {
    "parquet": (".parquet", ".pq"),
    "arrow": (".arrow", ".feather", ".ipc"),
    "npy": (".npy",),
}
_NPY_BYTES = 1 << 26  # of a block of a .npy file, about
_open = threading.local()  # the file that each thread read last


def open_rows(
    files: Any,
    *,
    columns: str | Sequence[str] | None = None,
    output: Literal["pandas", "numpy"] = "pandas",
) -> RowSource:
    """Open rows in files, which stay there: a pool of any size, for `fit`, `query` and `predict`.

    Nothing is read but what the files say of themselves. Later one block at a time is in memory: a
    row group of parquet, a record batch of Arrow, or 64 MB of a ``.npy`` file.

    Parameters
    ----------
    files : str, path or list of them
        A file, a folder, a pattern such as ``"data/*.parquet"``, or a list of these: files of one
        kind, whose rows come one after the other. Those of a folder or a pattern are sorted by
        name, as text: ``part-10`` comes before ``part-2``.
    columns : str or list of str, default=None
        Which columns of parquet and Arrow files are rows: a name for a Series, such as one of
        texts. None: all of them.
    output : {"pandas", "numpy"}, default="pandas"
        What blocks of parquet and Arrow files become: a frame, or an array, for columns that are
        all numbers.

    Returns
    -------
    RowSource
        Rows of all files.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If files are of several kinds, or have other columns.

    Notes
    -----
    All blocks have the same columns of the same dtypes: an integer column in which a value is
    missing, wherever that is, is float64 everywhere, and columns of categories (dictionaries of
    Arrow) hold their values. Parquet and Arrow need pyarrow, the extra ``parquet``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(3):
    ...         np.save(f"{folder}/part-{i}.npy", np.full((4, 2), i))
    ...     rows = open_rows(f"{folder}/*.npy")
    ...     rows, rows.block(2)[0]
    (NpyRows(12 rows in 3 blocks), array([2, 2]))
    """
    paths = _paths(files)
    kind = _kind(paths)
    if output not in ("pandas", "numpy"):
        raise ValueError(f"open_rows got output={output!r}; write 'pandas' or 'numpy'.")
    if kind == "npy":
        if columns is not None:
            raise ValueError(
                "open_rows got columns= for .npy files, which have none; leave it out."
            )
        return NpyRows(paths)
    return (ParquetRows if kind == "parquet" else ArrowRows)(paths, columns, output)


def _paths(files: Any) -> list[str]:
    """Return the paths of all files, in order."""
    listed = files if isinstance(files, list | tuple) else [files]
    paths: list[str] = []
    for each in listed:
        if not isinstance(each, str | os.PathLike):
            raise TypeError(
                f"open_rows got a {type(each).__name__}; give the path of a file or a folder, a "
                f"pattern such as 'data/*.parquet', or a list of these."
            )
        path = os.path.expanduser(os.fspath(each))
        found = [path]
        if os.path.isdir(path):
            endings = tuple(ending for some in _KINDS.values() for ending in some)
            found = sorted(str(one) for one in Path(path).iterdir() if one.suffix in endings)
        elif not os.path.exists(path) and glob.has_magic(path):
            found = sorted(glob.glob(path))
        if not found or not all(map(os.path.exists, found)):
            raise FileNotFoundError(
                f"open_rows got {path!r}, where there are no files of rows; give the path of a "
                f"parquet, Arrow or .npy file, of a folder of them, or a pattern."
            )
        paths += map(os.path.abspath, found)
    if not paths:
        raise ValueError("open_rows got no files; give at least one path.")
    twice = [path for path, n in Counter(paths).items() if n > 1]
    if twice:
        raise ValueError(f"open_rows got {twice[0]!r} twice; name each file once.")
    return paths


def _kind(paths: list[str]) -> str:
    """Return the kind of all files, by how their names end."""
    kind_of = {ending: kind for kind, endings in _KINDS.items() for ending in endings}
    kinds = {kind_of.get(os.path.splitext(path)[1].lower()): path for path in paths}
    if None in kinds:
        raise ValueError(
            f"open_rows got {os.path.basename(kinds[None])!r}, whose kind is not known; give files "
            f"that end in {', '.join(kind_of)}, or write a CSV once as parquet: "
            f"pandas.read_csv(...).to_parquet('rows.parquet')."
        )
    if len(kinds) > 1:
        raise ValueError(
            f"open_rows got files of several kinds, {' and '.join(sorted(map(str, kinds)))}; give "
            f"those of one, such as 'data/*.parquet'."
        )
    return str(next(iter(kinds)))


class FileRows(RowSource):
    """Rows of files of one kind, of which each thread has one open.

    Parameters
    ----------
    paths : list of str
        The files, in order.
    blocks : list of tuple
        Of each block, the number of its file, where it is in there, and how many rows it has.
    """

    def __init__(self, paths: list[str], blocks: list[tuple[int, int, int]]) -> None:
        self.paths, self._blocks = paths, blocks

    def block_sizes(self) -> list[int]:
        """Return how many rows each block has."""
        return [size for _, _, size in self._blocks]

    def read_block(self, number: int) -> Any:
        """Read a block from its file."""
        file, at, size = self._blocks[number]
        path = self.paths[file]
        with _told(path):
            return self._read(self._handle(path), at, int(self.block_ends[number]) - size, size)

    def _handle(self, path: str) -> Any:
        """Return an open file: the one that this thread read last, if it is that."""
        key = type(self), path, os.stat(path).st_mtime_ns
        if getattr(_open, "key", None) != key:
            _open.key = None
            _open.file, _open.key = self._opened(path), key
        return _open.file

    def _opened(self, path: str) -> Any:
        raise NotImplementedError

    def _read(self, file: Any, at: int, start: int, size: int) -> Any:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.__getstate__() == other.__getstate__()

    def __hash__(self) -> int:
        return hash(tuple(self.paths))


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say in a sentence which file cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} is gone; a file must stay as it is while its rows are used."
        ) from error
    except (OSError, ValueError, IndexError) as error:
        raise OSError(
            f"{path} cannot be read ({error}); a file must stay as it is while its rows are used."
        ) from error


class NpyRows(FileRows):
    """Rows of arrays that `numpy.save` wrote, of one dtype and one shape of rows."""

    def __init__(self, paths: list[str]) -> None:
        blocks, first = [], None
        for number, path in enumerate(paths):
            with _told(path):
                array = self._opened(path)
            if array.ndim == 0:
                raise ValueError(f"{path} holds a single number; give arrays of rows.")
            form = array.dtype.str, array.shape[1:]
            first = first or form
            if form != first:
                raise ValueError(
                    f"{path} holds rows of shape {form[1]} and dtype {form[0]}, but {paths[0]} of "
                    f"shape {first[1]} and dtype {first[0]}; give files of the same rows."
                )
            step = max(1, _NPY_BYTES // max(1, array[:1].nbytes))
            starts = range(0, len(array), step)
            blocks += [(number, start, min(step, len(array) - start)) for start in starts]
        super().__init__(paths, blocks)

    def _opened(self, path: str) -> Any:
        return np.load(path, mmap_mode="r")

    def _read(self, file: Any, at: int, start: int, size: int) -> Any:
        return np.array(file[at : at + size])


class TableRows(FileRows):
    """Rows of files of columns, which pyarrow reads: all with the same columns and dtypes."""

    def __init__(self, paths: list[str], columns: str | Sequence[str] | None, output: str) -> None:
        blocks: list[tuple[int, int, int]] = []
        schemas: list[Any] = []
        lacks: set[str] = set()
        for number, path in enumerate(paths):
            with _told(path):
                file = self._opened(path)
                schemas.append(self._schema_of(file))
                for at, size, missing in self._blocks_of(file):
                    blocks.append((number, at, size))
                    lacks.update(missing)
        names = [columns] if isinstance(columns, str) else columns
        schema = one_schema(paths, schemas, names)
        self._as_block = BlockMaker(schema, lacks, output, isinstance(columns, str))
        super().__init__(paths, blocks)

    @property
    def columns(self) -> list[str]:
        """Names of columns; none where the rows are a single one."""
        return [] if self._as_block.is_column else list(self._as_block.schema.names)

    def column(self, name: str) -> Any:
        """Return a column of all rows, in memory."""
        one = self._with(self._as_block.of_column(name))
        blocks = (one.read_block(number).to_numpy() for number in range(len(self._blocks)))
        return np.concatenate(list(blocks))

    def without(self, name: str) -> RowSource:
        """Return these rows without one of the columns."""
        return self._with(self._as_block.without(name))

    def _with(self, as_block: BlockMaker) -> TableRows:
        """Return the rows of these files as other blocks."""
        other = copy(self)
        other._kept, other._as_block = None, as_block
        return other

    def _schema_of(self, file: Any) -> Any:
        raise NotImplementedError

    def _blocks_of(self, file: Any) -> Iterator[tuple[int, int, list[str]]]:
        """Yield the number of each block, its size, and the columns in which values are missing."""
        raise NotImplementedError


class ParquetRows(TableRows):
    """Rows of parquet files: a block is a row group."""

    def _opened(self, path: str) -> Any:
        return pyarrow("parquet").ParquetFile(path)

    def _schema_of(self, file: Any) -> Any:
        return file.schema_arrow

    def _blocks_of(self, file: Any) -> Iterator[tuple[int, int, list[str]]]:
        for at in range(file.num_row_groups):
            group = file.metadata.row_group(at)
            columns = map(group.column, range(group.num_columns))
            missing = [each.path_in_schema for each in columns if _may_lack(each)]
            yield at, group.num_rows, missing if group.num_rows else []

    def _read(self, file: Any, at: int, start: int, size: int) -> Any:
        columns = self._as_block.schema.names
        return self._as_block(file.read_row_group(at, columns=columns), start)


def _may_lack(column: Any) -> bool:
    """Whether values may be missing in a column of a row group; some writers do not count them."""
    stats = column.statistics
    return stats is None or not stats.has_null_count or stats.null_count > 0


class ArrowRows(TableRows):
    """Rows of Arrow's files (IPC, feather): a block is a record batch."""

    def _opened(self, path: str) -> Any:
        return pyarrow("ipc").open_file(pyarrow().memory_map(path))

    def _schema_of(self, file: Any) -> Any:
        return file.schema

    def _blocks_of(self, file: Any) -> Iterator[tuple[int, int, list[str]]]:
        for at in range(file.num_record_batches):
            batch = file.get_batch(at)
            names = zip(batch.schema.names, batch.columns, strict=True)
            yield at, batch.num_rows, [name for name, column in names if column.null_count]

    def _read(self, file: Any, at: int, start: int, size: int) -> Any:
        return self._as_block(pyarrow().Table.from_batches([file.get_batch(at)]), start)
