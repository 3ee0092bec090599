"""Tables: columns as frames, as CSV files that spreadsheets read and write, and back."""

import codecs
import csv
import io
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from sys import modules
from typing import Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..utils.checks import is_instance
from .frames import is_pandas, is_polars
from .labels import folded, missing_mask, nearest_class, objects, raw_array, to_array
from .sources import RowSource

# Out


def datetimes(seconds: ArrayLike) -> NDArray[np.datetime64]:
    """Return seconds since the epoch as moments in UTC, NaN as NaT."""
    seconds = np.asarray(seconds, dtype=np.float64)
    moments = np.full(seconds.shape, "NaT", dtype="datetime64[us]")
    is_known = np.isfinite(seconds)
    moments[is_known] = np.round(seconds[is_known] * 1e6).astype(np.int64).view("datetime64[us]")
    return moments


def as_table(columns: Mapping[Any, Any], like: Any = None, index: Any = None) -> Any:
    """Return columns as a frame: of the library of `like`, else of pandas, else of polars.

    Without either they stay a dict of arrays. In a frame None, NaN and NaT are what the library has
    for them, integers and booleans beside them stay what they are, and numpy's datetimes, which
    know no zone, are UTC. Columns of the library's own stay. Pandas has the index, if it is given.

    Examples
    --------
    >>> import pandas
    >>> columns = {"id": np.array(["a.png", "b.png"]), "label": np.array([1, None])}
    >>> as_table(columns, like=pandas.DataFrame())
          id  label
    0  a.png      1
    1  b.png   <NA>
    """
    library = _library(like)
    if library is None:
        return dict(columns)
    convert = _for_pandas if library is modules.get("pandas") else _for_polars
    table = {name: convert(each) for name, each in columns.items()}
    return library.DataFrame(table, index) if convert is _for_pandas else library.DataFrame(table)


def _library(like: Any) -> Any:
    """Return pandas, polars or, where neither is installed, None."""
    if is_pandas(like):
        return modules["pandas"]
    if is_polars(like):
        return modules["polars"]
    for name in ("pandas", "polars"):
        with suppress(ImportError):
            return import_module(name)
    return None


def _for_pandas(values: Any) -> Any:
    """Return a column as pandas should have it."""
    pandas = modules["pandas"]
    if is_pandas(values):
        return values.array  # which is not aligned with an index
    if values.dtype.kind == "M":
        return pandas.Series(values).dt.tz_localize("UTC").array
    if values.dtype.kind == "O":
        # Of which pandas would make plain objects, and floats on the way through a file.
        kinds = {type(value) for value in values.tolist()} - {type(None)}
        if kinds in ({int}, {bool}):
            return pandas.array(values, dtype="Int64" if kinds == {int} else "boolean")
    return values


def _for_polars(values: Any) -> Any:
    """Return a column as polars should have it."""
    polars = modules["polars"]
    if is_polars(values):
        return values
    if values.dtype.kind == "M":
        moments = polars.Series(values.astype("datetime64[us]"))
        return moments.dt.replace_time_zone("UTC")
    if values.dtype.kind == "O":
        return polars.Series(values.tolist(), strict=False)
    return polars.Series(values, nan_to_null=True)


def row_columns(X: Any, taken: Collection = ()) -> dict[Any, Any] | None:
    """Return the columns of rows by name, under other names than those that are taken.

    Text is one column, and columns of an array are called as scikit-learn does. None: the rows have
    none, as images or those of a sparse matrix.

    Examples
    --------
    >>> row_columns(np.array([[5, 1], [7, 2]]), taken=["x1"])
    {'x0': array([5, 7]), 'X_x1': array([1, 2])}
    """
    columns: dict[Any, Any] = {}
    pairs = _named_columns(X)
    if pairs is None:
        return None
    for name, values in pairs:
        while name in columns or name in taken:
            name = f"X_{name}"
        columns[name] = values
    return columns


def _named_columns(X: Any) -> list[tuple[Any, Any]] | None:
    """Return names and values of the columns of rows, None where they have none."""
    if isinstance(X, list):
        try:
            X = np.array(X) if isinstance(X[0], list | tuple) else np.fromiter(X, object, len(X))
        except ValueError:  # rows of different lengths
            return None
    is_frame = is_pandas(X) or is_polars(X)
    if is_frame and len(X.shape) == 2:
        at = X.to_series if is_polars(X) else lambda i: X.iloc[:, i]
        return [(name, at(i)) for i, name in enumerate(X.columns)]
    if not is_frame and not isinstance(X, np.ndarray):
        return None
    if len(X.shape) == 2:
        return [(f"x{i}", X[:, i]) for i in range(X.shape[1])]
    values = to_array(X) if len(X.shape) == 1 else None
    if values is None or values.dtype.kind not in "biufMOU":
        return None
    is_text = values.dtype.kind in "OU"
    if is_text and not all(isinstance(each, str) for each in values[~missing_mask(values, None)]):
        return None
    return [(getattr(X, "name", None) or ("text" if is_text else "x0"), X)]


# As files

# What a spreadsheet takes for a formula where a cell begins with it, in any width.
_FORMULA = "=+-@＝＋－＠"
_AT_ONCE = 1 << 20  # characters of a file that are looked at together
SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how their own files begin


def csv_bytes(
    columns: Mapping[str, Any], path: str | os.PathLike, *, goes_on: bool = False
) -> bytes:
    """Return what a CSV file of columns holds, which refusals call by its path.

    UTF-8 with a mark, by which Excel knows it, and lines as RFC 4180 wants them. A text that would
    be a formula, or that reading would strip or take for a blank, gets an apostrophe before it,
    which `read_table` takes away. What `goes_on` are further lines of the same file.
    """
    buffer = io.StringIO(newline="")
    # Text in quotes: a semicolon in it is no separator, whatever the country of the spreadsheet.
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    if not goes_on:
        writer.writerow(map(_guarded, columns))
    writer.writerows(zip(*map(_written, columns.values()), strict=True))
    try:
        return codecs.BOM_UTF8 * (not goes_on) + buffer.getvalue().encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{os.fspath(path)!r} cannot hold {error.object[error.start]!r}, half a character, "
            f"which no encoding has; give text that is whole."
        ) from error


def _written(values: Any) -> list:
    """Return a column as what is written of it: numbers, guarded text, and None for a blank."""
    array = to_array(values)
    is_missing = missing_mask(array, None)
    if array.dtype.kind == "M":
        is_missing = np.isnat(array)
        array = np.char.add(np.datetime_as_string(array, unit="s"), "Z")
    cells = array.tolist()
    numbers = (bool, int, float)
    return [
        None if missing else cell if isinstance(cell, numbers) else _guarded(str(cell))
        for cell, missing in zip(cells, is_missing.tolist(), strict=True)
    ]


def _guarded(text: str) -> str:
    """Return a text with an apostrophe before it if it needs one."""
    return f"'{text}" if _needs_guard(text) else text


def _needs_guard(text: str) -> bool:
    """Whether a text would be a formula, or would not come back.

    Apostrophes before it do not count: what is guarded needs a guard itself, so that none is taken
    for another.
    """
    bare = text.lstrip("'")
    return not bare or bare[0] in _FORMULA or bare[0].isspace() or bare[-1].isspace()


def cell_of(raw: str) -> str | None:
    """Return the text of a cell of a file, None if it is blank."""
    if raw.startswith("'") and _needs_guard(raw[1:]):
        return raw[1:]
    return raw.strip() or None


# In

_SEVERAL = set | frozenset | list | tuple | np.ndarray  # of what a cell may hold


@dataclass(frozen=True, eq=False)
class Cells:
    """Columns of a table as lists, None where a cell is blank, and where each row came from."""

    columns: dict[str, list]
    numbers: Sequence[int]
    unit: str  # what the numbers count

    def place(self, at: int) -> str:
        """Return by what a refusal names the row at a position: its line in the file, if any."""
        return f"{self.unit} {self.numbers[at]}"


class Lines(dict):
    """Columns of a table by name, as lists, that know where in a file each row was read."""

    def __init__(self, columns: Mapping[str, list], numbers: Sequence[int], unit: str) -> None:
        super().__init__(columns)
        self.numbers, self.unit = numbers, unit


def read_table(table: Any, columns: Sequence[str], who: str) -> Cells:
    """Read some columns of a CSV file, a frame, a dict of columns or a list of dicts.

    Cells of a file are text, without spaces around it; rows in which nothing is written are none.
    The file is one that a spreadsheet has saved: separated by commas, semicolons, tabs or bars, in
    UTF-8, UTF-16 with a mark, or the encoding of western Windows.

    Examples
    --------
    >>> answers = [{"id": "b", "label": "fine", "note": ""}, {"id": "a", "label": " "}]
    >>> cells = read_table(answers, ["id", "label"], "merge")
    >>> cells.columns, cells.place(1)
    ({'id': ['b', 'a'], 'label': ['fine', None]}, 'row 1')
    """
    if isinstance(table, str | os.PathLike):
        return _from_csv(table, columns, f"{who} got {os.fspath(table)!r}")
    names, column_at = _columns_of(table, who)
    at = _positions(names, columns, f"{who} got a table")
    lists = {name: _plain(column_at(at[name])) for name in columns}
    lengths = {name: len(cells) for name, cells in lists.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"{who} got columns of different lengths, {lengths}; give each a cell for every row."
        )
    if isinstance(table, Lines):
        return Cells(lists, table.numbers, table.unit)
    return Cells(lists, range(max(lengths.values(), default=0)), "row")


def _columns_of(table: Any, who: str) -> tuple[list, Callable[[int], Any]]:
    """Return the names of a table's columns, and a function from a position to its values."""
    if is_instance(table, ("pandas.DataFrame",)):
        return list(table.columns), lambda at: table.iloc[:, at]
    if is_instance(table, ("polars.DataFrame",)):
        return table.columns, table.to_series
    if isinstance(table, Mapping):
        return list(table), lambda at: list(table.values())[at]
    if isinstance(table, list | tuple) and all(isinstance(row, Mapping) for row in table):
        names = list(dict.fromkeys(chain.from_iterable(table)))
        return names, lambda at: [row.get(names[at]) for row in table]
    raise TypeError(
        f"{who} got a {type(table).__name__}; give the path of a CSV file, a frame of pandas or "
        f"polars, a dict of columns or a list of dicts."
    )


def _plain(values: Any) -> list:
    """Return the values of a column, None for those that are missing or blank.

    Several in a cell, however they are kept, are a tuple.
    """
    if isinstance(values, list) and any(isinstance(cell, _SEVERAL) for cell in values):
        values = objects(values)  # or lists of one length were a matrix
    array = to_array(values)
    is_missing = missing_mask(array, None).tolist()
    cells = [
        None if missing or (isinstance(cell, str) and not cell.strip()) else cell
        for cell, missing in zip(array.tolist(), is_missing, strict=True)
    ]
    return [tuple(cell) if isinstance(cell, _SEVERAL) else cell for cell in cells]


def _positions(names: Sequence, columns: Sequence[str], got: str) -> dict[str, int]:
    """Return where each column is, refusing those that are not there, or there twice."""
    for column in columns:
        if (n := list(names).count(column)) != 1:
            there = ", ".join(map(repr, names))
            near = None if n else nearest_class(column, names)
            instead = f"write {near!r} for {column!r}" if near else "give the name of one of them"
            raise ValueError(
                f"{got}, which has {n or 'no'} column{'s' * (n > 1)} {column!r}; its columns are "
                f"{there or 'none at all'}; {instead if n == 0 else 'rename all but one'}."
            )
    return {column: list(names).index(column) for column in columns}


def _from_csv(path: str | os.PathLike, columns: Sequence[str], got: str) -> Cells:
    """Read some columns of a CSV file."""
    names, records = csv_records(path, columns, got)
    at = _positions(names, columns, got)
    lists: dict[str, list] = {name: [] for name in columns}
    numbers = []
    for line, record in records:
        numbers.append(line)
        for name, cells in lists.items():
            cells.append(cell_of(record[at[name]]))
    return Cells(lists, numbers, "line")


def csv_records(
    path: str | os.PathLike, columns: Collection[str], got: str
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the names of a CSV file's columns, and what stands in each row with its line.

    Some of its columns, by which it is seen what separates them, are called as in `columns`.
    Refusals begin with `got`. Rows are read one by one; `cell_of` takes a guard from their cells.
    """
    data = Path(path).read_bytes()
    header, rows = records_of(_text(data, _encoding(data, got)), columns, got)
    return [cell_of(raw) or "" for raw in header], rows


def records_of(
    text: TextIO, columns: Collection[str], got: str
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the first record of CSV text, and the others, as wide, each with its line.

    As `csv_records` does, of text in which nobody has guarded anything.
    """
    separator = _separator(text, columns)
    text.seek(0)
    records = _records(text, separator, got)
    _, names = next(records, (1, []))

    def rows() -> Iterator[tuple[int, list[str]]]:
        for line, record in records:
            if any(map(str.strip, record[len(names) :])):
                raise ValueError(
                    f"{got}, whose line {line} has {len(record)} cells where the first has "
                    f"{len(names)}; put a cell that has the separator in it into quotation marks."
                )
            # Excel leaves out separators at the end of a row where only blanks would follow.
            yield line, record[: len(names)] + [""] * (len(names) - len(record))

    return names, rows()


def _text(data: bytes, encoding: str) -> io.TextIOWrapper:
    """Return the text of a file, which is decoded as it is read."""
    return io.TextIOWrapper(io.BytesIO(data), encoding, newline="")


def _encoding(data: bytes, got: str) -> str:
    """Return in which encoding a spreadsheet saved a file."""
    if data.startswith(SPREADSHEETS):
        raise ValueError(
            f"{got}, which is a spreadsheet's own file; save it as CSV there, or give "
            f"pandas.read_excel of it."
        )
    encodings = ["utf-8", "cp1252", "latin-1"]  # the last of which takes all bytes
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif data.startswith(codecs.BOM_UTF8):
        encodings = ["utf-8-sig"]
    for encoding in encodings:
        with suppress(UnicodeError):
            for _ in iter(partial(_text(data, encoding).read, _AT_ONCE), ""):
                pass
            return encoding
    raise ValueError(f"{got}, which is not whole {encodings[0]} text; save it again as CSV.")


def _separator(text: TextIO, columns: Collection[str]) -> str:
    """Return what separates the cells of a CSV file: that by which the columns are in its header.

    A guess by the rows, such as the standard library's Sniffer makes, takes a comma in a text for
    one.
    """

    def found(separator: str) -> tuple[int, int]:
        text.seek(0)
        lines = csv.reader(text, delimiter=separator)
        names = [cell_of(raw) for raw in next(filter(any, lines), [])]
        return len(set(names).intersection(columns)), len(names)

    return max(",;\t|", key=found)


def _records(text: TextIO, separator: str, got: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows in which something is written, each with the line on which it begins."""
    reader, line = csv.reader(text, delimiter=separator, strict=True), 1
    try:
        for record in reader:
            if any(map(str.strip, record)):
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{got}, of which line {line} cannot be read: {error}; write a quotation mark inside "
            f"quotation marks twice, and allow longer cells by csv.field_size_limit."
        ) from error


# Labels


class Unknown(NamedTuple):
    """A cell that is no label: where it stands, and the class that it may have been meant for."""

    position: int
    cell: Any
    nearest: Any


class Parsed(NamedTuple):
    """Labels of cells: meaningful where given; those that are blank or unknown are not."""

    labels: NDArray
    is_given: NDArray[np.bool_]
    unknown: list[Unknown]


def parse_like(cells: Sequence, known: ArrayLike, *, also_new: bool = False) -> Parsed:
    """Read cells as labels of the dtype of the known ones: 3 of "3" and "3.0", True of "TRUE".

    Text is a label only if it is the same, capitals and spaces included. What is not among the
    known labels is unknown; or, with `also_new`, what cannot be of their kind, or differs from one
    of them, or from a new one before it, in capitals or spaces only.

    Examples
    --------
    >>> parse_like(["3.0", None, "4"], [3, 7])
    Parsed(labels=array([3, 0, 0]), is_given=array([ True, False, False]),
           unknown=[Unknown(position=2, cell='4', nearest=None)])
    >>> parse_like(["Fine"], ["bad", "fine"]).unknown
    [Unknown(position=0, cell='Fine', nearest='fine')]
    """
    known = to_array(known)
    is_text = known.dtype.kind in "OU"
    read = _READERS["U" if is_text else known.dtype.kind]
    classes = set(known.tolist())
    by_name = {str(each): each for each in classes if isinstance(each, str | bool)}
    near_miss = {folded(each) for each in classes}
    results: dict[tuple, tuple] = {}  # by type as well: True, 1 and 1.0 are equal

    def parsed(cell: Any) -> tuple:
        label = read(cell)
        is_new = also_new and (not is_text or (cell == label and folded(cell) not in near_miss))
        if label is not None and (label in classes or is_new):
            if is_text and label not in classes:  # the next may differ from it in capitals only
                classes.add(label)
                near_miss.add(folded(label))
                by_name[label] = label
            return label, None
        return None, by_name.get(nearest_class(cell, sorted(by_name)))

    dtype = (
        object if is_text else np.int64 if also_new and known.dtype.kind in "iu" else known.dtype
    )
    labels = np.full(len(cells), "" if is_text else 0, dtype=dtype)
    is_given, unknown = np.zeros(len(cells), dtype=bool), []
    for at, cell in enumerate(cells):
        if cell is None:
            continue
        key = type(cell), cell
        if key not in results:
            results[key] = parsed(cell)
        label, nearest = results[key]
        if label is None:
            unknown.append(Unknown(at, cell, nearest))
        else:
            labels[at], is_given[at] = label, True
    return Parsed(labels, is_given, unknown)


_WHOLE = re.compile(r"([+-]?[0-9]{1,19})(\.0*)?")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _as_integer(cell: Any) -> int | None:
    """Return the integer that a cell is, None: it is none of int64."""
    if isinstance(cell, str):
        match = _WHOLE.fullmatch(cell)
        number = int(match[1]) if match else None
    else:
        is_whole = isinstance(cell, int | float) and not isinstance(cell, bool) and cell % 1 == 0
        number = int(cell) if is_whole else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _as_float(cell: Any) -> float | None:
    """Return the finite number that a cell is."""
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    if not is_number and not (isinstance(cell, str) and _REAL.fullmatch(cell)):
        return None
    return float(cell) if abs(float(cell)) < np.inf else None


def _as_boolean(cell: Any) -> bool | None:
    """Return the boolean that a cell is, however a spreadsheet writes it in English."""
    if isinstance(cell, str):
        return {"true": True, "false": False}.get(folded(cell))
    return cell if isinstance(cell, bool) else None


def _as_text(cell: Any) -> str | None:
    """Return the text that a cell is, or was before a library took it for a number."""
    whole = None if isinstance(cell, str | bool) else _as_integer(cell)
    return str(cell if whole is None else whole)


_READERS: dict[str, Callable[[Any], Any]] = {
    "b": _as_boolean,
    "i": _as_integer,
    "u": _as_integer,
    "f": _as_float,
    "U": _as_text,
}


def column_of(X: Any, name: str | int, who: str) -> NDArray:
    """Return a column of a frame by its name, or of an array by its number, as raw values.

    Of a source too, of which that column alone is in memory.

    Examples
    --------
    >>> column_of(np.array([[1, 2], [3, 4]]), 1, "Quota(by=...)")
    array([2, 4])
    """
    if isinstance(X, RowSource):
        if name in X.columns:
            return to_array(X.column(str(name)))
        return np.concatenate([column_of(block, name, who) for block in X.blocks()])
    is_frame = (is_pandas(X) or is_polars(X)) and len(X.shape) == 2
    if isinstance(name, str) and is_frame:
        names = [*map(str, X.columns)]
        if names.count(name) == 1:
            return to_array(X[name])
        found = f"{names.count(name)} columns are called so" if name in names else "none is"
        near = nearest_class(name, names)
        hint = f"; did you mean {near!r}?" if near is not None else f"; there are {names[:10]}."
        raise ValueError(f"{who} got the column {name!r}, but {found}{hint}")
    if not isinstance(name, str) and isinstance(X, np.ndarray) and X.ndim == 2:
        if 0 <= name < X.shape[1]:
            return to_array(X[:, name])
        raise ValueError(f"{who} got the column {name} of rows that have {X.shape[1]}.")
    needs = "a frame" if isinstance(name, str) else "an array of two dimensions"
    raise ValueError(
        f"{who} got {name!r}, a column, but rows are no part of {needs}; give one entry for each "
        f"row, or a function of rows."
    )


def entries_of(values: Any, who: str) -> NDArray:
    """Return the raw values of a list, an array or a Series.

    Examples
    --------
    >>> entries_of(("ann", "ben"), "Quota(by=...)")
    array(['ann', 'ben'], dtype=object)
    """
    is_known = isinstance(values, list | tuple) or hasattr(values, "__array__")
    raw = raw_array(values) if is_known else None
    if raw is not None and raw.ndim == 1:
        return to_array(raw)
    what = f"a {type(values).__name__}" if raw is None else f"an array of shape {raw.shape}"
    raise TypeError(f"{who} got {what}; give one entry for each row, of shape (n,).")
