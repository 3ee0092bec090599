"""Answers in files: a pool's, written for other tools, and other tools', read for a pool."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from ..data.labels import nearest_class, objects
from ..data.tables import Lines, csv_bytes
from ..utils.files import replacing
from .label_studio_tasks import task_of
from .opinions import (
    CANNOT_TELL,
    FINAL,
    OPINION,
    ROW,
    Answer,
    Form,
    answers_of,
    apart,
    as_cell,
    as_lines,
    json_bytes,
)
from .reading import READABLE, AnswersIn
from .taking_in import take_in

__all__ = ["WRITABLE", "read", "take_in", "write"]

_COLUMNS = ("id", "label", "annotator", "kind", "time", "comment", "seconds", "stands")
_AT_ONCE = 256  # lines of a CSV file
RowsSaid = Iterable[list[Answer]]  # what is said of each row


def write(pool: Any, file: Any, to: str, *, X: Any = None, unlabeled: bool = False) -> int:
    """Write what is said of a pool's rows to a file; return how many answers these are.

    One line for each answer that stands, with the label that its row has ("stands"); what was
    replaced or taken back is in `Pool.history_frame` alone.

    Parameters
    ----------
    pool : Pool
        Whose answers.
    file : str, path or binary file
        Where to; a path is replaced whole.
    to : {"csv", "jsonl", "label-studio", "prodigy", "doccano"}
        For whom. CSV is of spreadsheets: texts that would be formulas are guarded there.
    X : container of n rows, default=None
        What the rows look like: text, a frame, paths of images. None: ids alone.
    unlabeled : bool, default=False
        Whether rows come too of which nobody has said anything.

    Returns
    -------
    int
        How many answers.

    Examples
    --------
    >>> from io import BytesIO
    >>> from skactive import Pool
    >>> file = BytesIO()
    >>> write(Pool(["a", "b"], ["pos", None]), file, "doccano", X=["a", "b"])
    1
    >>> print(file.getvalue().decode().strip()[:58])
    {"id": 0, "text": "a", "row": 0, "label": ["pos"], "kind":
    """
    if to not in _WRITERS:
        near = nearest_class(to, list(_WRITERS))
        instead = ", ".join(map(repr, _WRITERS)) if near is None else repr(near)
        raise ValueError(f"write got to={to!r}; write {instead}.")
    counted = _Counted(answers_of(pool, X, unlabeled=unlabeled))
    pieces = _WRITERS[to](counted, Form.of(pool))
    if isinstance(file, str | os.PathLike):
        with replacing(file) as out:
            out.writelines(pieces)
    else:
        for piece in pieces:
            file.write(piece)
    return counted.n


class _Counted:
    """RowsSaid, of which the answers are counted as they pass."""

    def __init__(self, rows: RowsSaid) -> None:
        self.rows, self.n = rows, 0

    def __iter__(self) -> Iterator[list[Answer]]:
        for said in self.rows:
            self.n += sum(each.kind is not None for each in said)
            yield said


def _csv(rows: RowsSaid, form: Form) -> Iterator[bytes]:
    """Yield the answers as a CSV file."""
    waiting: list[Answer] = []
    names: list[str] | None = None

    def lines() -> bytes:
        nonlocal names
        goes_on = names is not None
        if names is None:
            names = list(waiting[0].data) if waiting else []
        first, *others = _COLUMNS
        columns = {first: [each.id for each in waiting]}
        columns |= {
            own: [each.data.get(name) for each in waiting]
            for own, name in apart(dict(zip(names, names, strict=True)), _COLUMNS).items()
        }
        for name in others:
            columns[name] = [as_cell(getattr(each, name)) for each in waiting]
        waiting.clear()
        shown = {name: objects(_as_cells(values)) for name, values in columns.items()}
        return csv_bytes(shown, "answers.csv", goes_on=goes_on)

    for said in rows:
        waiting += said
        if len(waiting) >= _AT_ONCE:
            yield lines()
    if waiting or names is None:
        yield lines()


def _as_cells(values: list) -> list:
    """Return values as cells hold them: what is neither a number nor text as JSON."""
    return [json_bytes(each).decode() if isinstance(each, list | dict) else each for each in values]


def _jsonl(rows: RowsSaid, form: Form) -> Iterator[bytes]:
    """Yield one object for each answer."""
    label = "labels" if form.kind == "several" else "label"
    for each in chain.from_iterable(rows):
        line = {"id": each.id, "data": each.data, label: each.label}
        more: dict[str, Any] = {"annotator": each.annotator, "kind": each.kind, "time": each.time}
        more |= {"comment": each.comment, "seconds": each.seconds, "stands": each.stands}
        line |= {name: value for name, value in more.items() if value is not None}
        yield json_bytes(line) + b"\n"


def _label_studio(rows: RowsSaid, form: Form) -> Iterator[bytes]:
    """Yield a list of tasks with their annotations."""
    between = b"[\n"
    for said in rows:
        yield between + json_bytes(task_of(said, form))
        between = b",\n"
    yield b"\n]\n" if between == b",\n" else b"[]\n"


def _prodigy(rows: RowsSaid, form: Form) -> Iterator[bytes]:
    """Yield one task of a choice for each answer."""
    options = [{"id": str(each), "text": str(each)} for each in form.classes]
    style = "multiple" if form.kind == "several" else "single"
    for each in chain.from_iterable(rows):
        task = _named_apart(each)
        if not {"text", "image", "audio"} & set(task):
            task["text"] = as_lines(each.data) if each.data else str(each.id)
        accepted = each.kind in (OPINION, FINAL)
        if form.kind == "number":
            task |= {"number": each.label}
        else:
            task |= {"options": options, "config": {"choice_style": style}}
            task["accept"] = _names(each.label) if accepted else []
        if each.kind is not None:
            task["answer"] = "accept" if accepted else "ignore"
        task |= {"_view_id": "choice"} | _notes(each, "_session_id")
        yield json_bytes(task) + b"\n"


def _doccano(rows: RowsSaid, form: Form) -> Iterator[bytes]:
    """Yield one example for each answer; what doccano does not know it keeps beside."""
    for each in chain.from_iterable(rows):
        line = _named_apart(each)
        if "text" not in line:
            line["text"] = as_lines(each.data) if each.data else str(each.id)
        is_label = each.kind in (OPINION, FINAL)
        label = [each.label] if form.kind == "number" else _names(each.label)
        line |= {ROW: each.id, "label": label if is_label else []}
        if each.kind is not None:
            line["kind"] = each.kind
        yield json_bytes(line | _notes(each, "annotator")) + b"\n"


def _names(label: Any) -> list[str]:
    return list(map(str, label if isinstance(label, tuple) else (label,)))


def _named_apart(each: Answer) -> dict[str, Any]:
    """Return the id and the data of a row, under names that are none of those that a tool gives."""
    return {"id": each.id, **apart(each.data, _TAKEN)}


_TAKEN = (*_COLUMNS, ROW, "options", "accept", "answer", "config", "number", "spans", "meta")


def _notes(each: Answer, who: str) -> dict[str, Any]:
    """Return who said something, when, and what came with it."""
    notes: dict[str, Any] = {who: each.annotator, "time": each.time, "comment": each.comment}
    notes |= {"seconds": each.seconds, "kind": each.kind if each.kind == FINAL else None}
    return {name: value for name, value in notes.items() if value is not None}


_WRITERS: dict[str, Callable[[RowsSaid, Form], Iterator[bytes]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "label-studio": _label_studio,
    "prodigy": _prodigy,
    "doccano": _doccano,
}
WRITABLE = tuple(_WRITERS)


# In


def read(
    path: str | os.PathLike,
    kind: str | None = None,
    *,
    on: str | None = None,
    label: str | None = None,
    comment: str | None = None,
    people: Mapping[Any, str] | None = None,
    annotator: str | None = None,
    several: bool | None = None,
    skip: Any = -1,
) -> Lines:
    """Read answers of a file as a table for `Pool.merge`; its other columns are what rows have.

    The columns id, label, annotator, comment and seconds are always there, time and kind too, and
    of each person only what she said last of a row. A line is one answer, or a row of which nobody
    has said anything, without a label.

    Parameters
    ----------
    path : str or path
        The file.
    kind : str, default=None
        What it is: "csv", "jsonl", "label-studio" (its JSON), "label-studio-min",
        "label-studio-csv", "prodigy" or "doccano". None: as it looks.
    on : str, default=None
        What the id of a row is called in the data. None: "row", and where no row has this, "id",
        which in Label Studio is the number of a task.
    label, comment : str, default=None
        Of Label Studio, the control that gives the label, and the one that remarks are written in;
        of other files the column, or key; Prodigy has its own. None: "label" and "comment", or the
        only ones that may be meant.
    people : mapping, default=None
        Names for the numbers by which Label Studio knows people, as ``{1: "ann"}``.
    annotator : str, default=None
        Who answered, where the file does not say.
    several : bool, default=None
        Whether a row may have several labels, so that none chosen is an answer. None: if one has.
    skip : int, float, str or None, default=-1
        What stands for a label where somebody could not tell: the missing label of the pool.

    Returns
    -------
    dict of lists
        The columns. `Pool.merge` and `take_in` name the lines of the file in what they refuse.

    Raises
    ------
    ValueError
        If something in the file is no answer, or nothing in it is called as `label` says.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "of_prodigy.jsonl"
    >>> told = '{"text": "a", "id": 3, "accept": ["pos"], "answer": "accept", "_session_id": "ann"}'
    >>> _ = path.write_text(told)
    >>> table = read(path)
    >>> table["id"], table["label"], table["annotator"], table["text"]
    ([3], ['pos'], ['ann'], ['a'])
    """
    if kind is not None and kind not in READABLE:
        near = nearest_class(kind, list(READABLE))
        instead = ", ".join(map(repr, READABLE)) if near is None else repr(near)
        raise ValueError(f"read got kind={kind!r}; write {instead}, or nothing.")
    reading = AnswersIn(path, kind, on, label, comment, people or {}, annotator)
    columns: dict[str, list] = {name: [] for name in _COLUMNS[:-1]}
    data: dict[str, list] = {}
    known: dict[Any, Any] = {}  # labels and names are few, and are kept once
    places: list[str] = []  # "line 7", of which the unit is the same throughout
    for n, (where, each) in enumerate(reading):
        places.append(where)
        for name, values in columns.items():
            value = getattr(each, name)
            values.append(known.setdefault((type(value), value), value) if name in _FEW else value)
        for name, value in apart(each.data, _COLUMNS).items():
            data.setdefault(name, [None] * n).append(value)
        for column in data.values():
            if len(column) == n:
                column.append(None)
    several = reading.is_several if several is None else several
    columns["id"] = reading.ids(columns["id"])
    columns["label"] = [
        skip if what == CANNOT_TELL else _label(value, what, several)
        for value, what in zip(columns["label"], columns["kind"], strict=True)
    ]
    unit = places[0].partition(" ")[0] if places else "row"
    return Lines(columns | data, [int(each.rpartition(" ")[2]) for each in places], unit)


_FEW = ("label", "annotator", "kind")


def _label(value: Any, kind: str | None, several: bool) -> Any:
    """Return a label as a table has it, None where there is none."""
    if kind is None:
        return None
    if several:
        return value if isinstance(value, tuple) else None if value is None else (value,)
    if isinstance(value, tuple):
        return value[0] if value else None
    return value
