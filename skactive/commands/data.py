"""A data file as rows: a CSV or JSON Lines file, or a folder of images."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..data.tables import SPREADSHEETS, records_of
from .words import from_extra, number_of

IMAGES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
TABLES = {".csv", ".tsv", ".txt"}
SHEETS = {".xlsx", ".xlsm", ".xls", ".ods"}
LINES = {".jsonl", ".ndjson"}
_MISSING = {"", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"}  # in a column of a table
_LONGEST = 2**31 - 1  # cell; the standard library stops at 131,072 characters

TextColumns = dict[str, list[str]]


@dataclass
class Data:
    """Rows of a data file, what they are called, and what is to be said of them."""

    path: Path
    kind: str  # "text", "table" or "images"
    X: Any
    ids: list[str]
    others: TextColumns = field(default_factory=dict)  # columns that are no features
    notes: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)  # columns of a table, or of its text

    def __len__(self) -> int:
        return len(self.ids)

    def order(self) -> str:
        """Return what tells that a file has the same rows in the same order."""
        return hashed(self.ids)

    def extend(self, added: Sequence[Mapping[str, Any]]) -> None:
        """Take in rows that came while it was labelled, and are kept beside the record."""
        shown = [each["data"] for each in added]
        if not shown:
            return
        if self.kind == "table":
            pandas = from_extra("pandas", "tables")
            more = pandas.DataFrame(shown)[self.features].astype(self.X.dtypes)
            self.X = pandas.concat([self.X, more], ignore_index=True)
        else:
            self.X = [*self.X, *(each["text"] for each in shown)]
        self.ids = [*self.ids, *(each["id"] for each in added)]
        self.others = {name: [*cells, *[""] * len(added)] for name, cells in self.others.items()}


@dataclass(frozen=True)
class Asked:
    """The columns that are asked of a data file."""

    text: str | None = None
    id: str | None = None
    groups: str | None = None
    target: str | None = None
    features: tuple[str, ...] | None = None  # of a table; None: all others
    ignored: tuple[str, ...] = ()

    def named(self) -> list[str]:
        """Return the names of all columns that are asked for."""
        one = [self.text, self.id, self.groups, self.target]
        given = [name for name in one if name is not None]
        return [*given, *(self.features or ()), *self.ignored]

    def apart(self) -> set[str | None]:
        """Return the columns that are no features."""
        return {self.id, self.groups, self.target, *self.ignored}


def read_data(path: Path, asked: Asked) -> Data:
    """Read a data file, refusing what is none."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; give a CSV or JSONL file, or a folder.")
    if path.is_dir():
        if asked.named():
            raise ValueError(f"{path} is a folder, which has no column {asked.named()[0]!r}.")
        return _images(path)
    ending = path.suffix.lower()
    if ending in LINES:
        cells = _json_lines(path)
        has_ids = asked.id is None and "id" in cells and all(cells["id"])
        return _rows(path, cells, replace(asked, id="id") if has_ids else asked)
    if ending in TABLES:
        return _rows(path, _csv(path, asked.named()), asked)
    if ending in SHEETS:
        raise ValueError(f"{path} is a spreadsheet; save it as CSV there (in Excel: CSV UTF-8).")
    raise ValueError(
        f"{path} ends in {ending or 'nothing'}; give a file that ends in .csv, .tsv or .jsonl, or "
        f"a folder of images."
    )


def hashed(parts: Iterable[str]) -> str:
    """Return a hash of texts, by which the same are found again."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()


# Rows of a table


def _rows(path: Path, cells: TextColumns, asked: Asked) -> Data:
    """Return rows of which the cells are known as text."""
    for name in asked.named():
        if name not in cells:
            raise ValueError(
                f"{path} has no column {name!r}; its columns are {', '.join(map(repr, cells))}."
            )
    text = asked.text
    notes: list[str] = []
    if text is None and set(cells) - asked.apart() == {"text"}:
        text = "text"
    seen = _features(path, cells, asked) if text is None else [text]
    cells = _with_content(path, cells, [text or "", asked.target or ""], seen, notes)
    by = [*seen, *([asked.groups] if asked.groups else [])]
    ids = _hashes(cells, by, notes) if asked.id is None else _names(path, cells[asked.id], asked.id)
    unread = [] if asked.id else cells.get("id", [])
    if unread and len(set(unread)) == len(unread):
        notes.append(f"{path.name}: the column 'id' is not read as ids; --id id does that.")
    others = {name: cells[name] for name in (asked.groups, asked.target) if name}
    X = cells[text] if text is not None else _frame({name: cells[name] for name in seen})
    return Data(path, "table" if text is None else "text", X, ids, others, notes, seen)


def _features(path: Path, cells: TextColumns, asked: Asked) -> list[str]:
    """Return the columns by which rows are labelled: all but those that mean something else."""
    seen = list(asked.features or (name for name in cells if name not in asked.apart()))
    if not seen:
        raise ValueError(f"{path} has no column to label by; give a file with more of them.")
    return seen


def _with_content(
    path: Path, cells: TextColumns, must: Sequence[str], seen: Sequence[str], notes: list[str]
) -> TextColumns:
    """Return the rows that have what they must have, or anything at all, and note the others."""
    must = [name for name in must if name]
    n = len(next(iter(cells.values())))
    keep = [
        i
        for i in range(n)
        if all(cells[name][i].strip() for name in must) and any(cells[name][i] for name in seen)
    ]
    if not keep:
        raise ValueError(f"{path} has no row with something in it; give a file with rows.")
    if len(keep) < n:
        lacking = " or no ".join(map(repr, must)) or "cell"
        has = "has" if n - len(keep) == 1 else "have"
        notes.append(
            f"{path.name}: {number_of(n - len(keep), 'row')} left out, which {has} no {lacking}."
        )
        cells = {name: [column[i] for i in keep] for name, column in cells.items()}
    return cells


def _names(path: Path, column: list[str], name: str) -> list[str]:
    """Return the ids in a column, refusing blanks and those that are there twice."""
    ids = [cell.strip() for cell in column]
    seen: dict[str, int] = {}
    for row, each in enumerate(ids, start=1):
        if not each:
            raise ValueError(f"{path} has no {name!r} in row {row}; fill it in, or leave --id out.")
        if each in seen:
            raise ValueError(
                f"{path} has the {name} {each!r} twice, in rows {seen[each]} and {row}; give each "
                f"row one of its own, or leave --id out."
            )
        seen[each] = row
    return ids


def _hashes(cells: TextColumns, columns: Sequence[str], notes: list[str]) -> list[str]:
    """Return a hash of what is in each row, by which it is found wherever it stands.

    Of rows that are alike it does not matter which is which: the second has -2 behind its hash.
    """
    times: dict[str, int] = {}
    ids = []
    for row in zip(*(cells[name] for name in columns), strict=True):
        # A letter first: spreadsheets take 12e45678 for a number.
        key = f"r{hashed(row)[:16]}"
        times[key] = times.get(key, 0) + 1
        ids.append(key if times[key] == 1 else f"{key}-{times[key]}")
    n_again = len(ids) - len(times)
    if n_again:
        repeat = "repeats" if n_again == 1 else "repeat"
        notes.append(
            f"{number_of(n_again, 'row')} {repeat} an earlier one word for word; each is asked for "
            f"by itself."
        )
    return ids


def _frame(cells: TextColumns) -> Any:
    """Return a table as a frame, whose columns of numbers are numbers."""
    pandas = from_extra("pandas", "tables")
    columns: dict[str, Any] = {}
    for name, column in cells.items():
        values = pandas.Series(
            [None if cell in _MISSING else cell for cell in column], dtype=object
        )
        numbers = pandas.to_numeric(values, errors="coerce")
        are_numbers = numbers.notna().equals(values.notna())
        # pandas 2 would write "None" for what is missing.
        columns[name] = numbers if are_numbers else values.astype("str").where(values.notna())
    return pandas.DataFrame(columns)


# Files


def _csv(path: Path, wanted: Sequence[str]) -> TextColumns:
    """Return the columns of a CSV file as text."""
    text = io.StringIO(_text(path), newline="")
    before = csv.field_size_limit(_LONGEST)  # of the whole process
    try:
        return _columns_of(path, *records_of(text, wanted, f"the file is {path}"))
    finally:
        csv.field_size_limit(before)


def _columns_of(
    path: Path, header: list[str], records: Iterable[tuple[int, list[str]]]
) -> TextColumns:
    """Return the columns of records by their names."""
    names = [name.strip() or f"column {i}" for i, name in enumerate(header, start=1)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{path} has two columns {twice[0]!r}; rename one of them.")
    columns: TextColumns = {name: [] for name in names}
    for _, record in records:
        for name, cell in zip(names, record, strict=True):
            columns[name].append(cell)
    if not columns[names[0]]:
        raise ValueError(f"{path} has a header and no rows; give a file with rows.")
    return columns


def _text(path: Path) -> str:
    """Return what is in a text file."""
    data = path.read_bytes()
    if data.startswith(SPREADSHEETS):
        raise ValueError(f"{path} is a spreadsheet's own file; save it as CSV there.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path} is not UTF-8: byte {error.start + 1} is {data[error.start]:#04x}, in line "
            f"{line}; save it as UTF-8 (in Excel: CSV UTF-8)."
        ) from error
    if "\0" in text:
        raise ValueError(f"{path} has a zero byte in it, as no text has; save it as UTF-8.")
    if not text.strip():
        raise ValueError(f"{path} is empty; give a file with rows.")
    return text


def _json_lines(path: Path) -> TextColumns:
    """Return the objects of a JSON Lines file as columns of text.

    Of an object with "data", as Label Studio and skactive write them, that is the row.
    """
    rows: list[dict[str, str]] = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path} has no JSON in line {number}: {error}.") from error
        if not isinstance(value, dict):
            raise ValueError(f'{path} has no object in line {number}; write {{"text": "..."}}.')
        data = value.pop("data", None)
        if data is not None:
            value = {"id": value.get("id")} | (data if isinstance(data, dict) else {"text": data})
        rows.append({name: _cell(each) for name, each in value.items()})
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name, "") for row in rows] for name in names}
    if not names:
        raise ValueError(f'{path} has no names in its objects; write {{"text": "..."}}.')
    return {name: column for name, column in columns.items() if name != "id" or any(column)}


def _cell(value: Any) -> str:
    """Return a value of JSON as a cell of text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# Images


def _images(folder: Path) -> Data:
    """Return the images in a folder and those below it, called by their paths in it."""
    Image = from_extra("PIL.Image", "annotate")
    notes: list[str] = []
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in IMAGES and not path.name.startswith(".") and path.is_file()
    ]
    paths, broken = [], []
    for path in found:
        try:
            with Image.open(path):  # which reads its header
                paths.append(path)
        except (OSError, SyntaxError, Image.DecompressionBombError):
            broken.append(path.name)
    if not paths:
        raise ValueError(
            f"{folder} has no image that can be read; give a folder of "
            f"{', '.join(sorted(IMAGES))} files."
        )
    if broken:
        are = "is no image" if len(broken) == 1 else "are no images"
        notes.append(
            f"{number_of(len(broken), 'file')} left out, which {are} that can be read: "
            f"{', '.join(broken[:3])}{', ...' * (len(broken) > 3)}."
        )
    ids = [path.relative_to(folder).as_posix() for path in paths]
    return Data(folder, "images", [path.absolute() for path in paths], ids, notes=notes)
