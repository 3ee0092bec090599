"""Files of other tools, read answer by answer."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from ..data.tables import cell_of, csv_records
from .label_studio_tasks import COMMENT, LABEL, answers_in
from .opinions import AS_LINES, CANNOT_TELL, FINAL, OPINION, ROW, Answer

_CHUNK = 1 << 20  # characters of a file that are read together
_SPACE, _BETWEEN = re.compile(r"[ \t\r\n]*"), re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
_HALF = re.compile("[\ud800-\udfff]")
_OF_MIN = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time")
_OF_PRODIGY = ("options", "accept", "answer", "config", "number", "label", "_session_id")
_PEOPLE = ("annotator", "_session_id", "_annotator_id")
_NOTES = ("id", "kind", "time", "comment", "seconds", "stands")


class AnswersIn:
    """The answers in a file, as they are read; afterwards, whether rows have several labels."""

    def __init__(
        self,
        path: str | os.PathLike,
        kind: str | None,
        on: str | None,
        label: str | None,
        comment: str | None,
        people: Mapping[Any, str],
        annotator: str | None,
    ) -> None:
        self.on, self.label, self.comment = on, label, comment
        self.people, self.annotator = people, annotator
        self.is_several = False
        self._met: dict[str, None] = {}  # what is there under which a label may stand
        self._tasks: list[Any] = []  # of Label Studio, whose numbers may have to stand for ids
        self._has_rows = False
        self.got = got = f"read got {os.fspath(path)!r}"
        with open(path, "rb") as file:
            start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        is_json = start in (b"[", b"{") if start else kind not in ("csv", "label-studio-csv")
        self._records: Iterator[tuple[str, dict]] = iter(())
        if is_json:
            self._records = objects_in(path)
            first = next(self._records, None)
            if first is not None:
                self._records = _behind(first, self._records)
                kind = kind or _looks_like(first[1])
        else:
            wanted = {on or "id", label or LABEL, comment or COMMENT, *_OF_MIN, *_NOTES}
            self.names, self._lines = csv_records(path, wanted, got)
            kind = kind or ("label-studio-csv" if "annotation_id" in self.names else "csv")
        self.kind = kind or "jsonl"
        if is_json == self.kind.endswith("csv"):
            raise ValueError(
                f"{got} as {kind!r}, and it is {'JSON' if is_json else 'no JSON'}; leave kind= out."
            )
        if self.kind == "prodigy" and (label or comment):
            what = "label" if label else "comment"
            raise ValueError(f"{got}, where Prodigy has its own {what}; leave {what}= out.")

    def __iter__(self) -> Iterator[tuple[str, Answer]]:
        for where, each in _READERS[self.kind](self):
            yield where, self._checked(where, each)
        if self.label is not None and self._met and self.label not in self._met:
            raise ValueError(
                f"{self.got}, which has no {self.label!r}; write label= for "
                f"one of {', '.join(map(repr, self._met))}."
            )

    def ids(self, found: list) -> list:
        """Return the ids of rows; where none has one of its own, the numbers of tasks."""
        return self._tasks if self._tasks and not self._has_rows else found

    def _checked(self, where: str, each: Answer) -> Answer:
        """Return an answer, refusing what is no label, no name and no remark."""
        parts = each.label if isinstance(each.label, tuple) else (each.label,)
        if not all(part is None or isinstance(part, str | int | float) for part in parts):
            raise ValueError(
                f"{self._got(where)} has the label {each.label!r}; a label is text, a number, or "
                f"a list of these."
            )
        if not isinstance(each.id, str | int | None):
            raise ValueError(f"{self._got(where)} has the id {each.id!r}; give text or an integer.")
        for what, given in (("comment", each.comment), ("kind", each.kind)):
            if not isinstance(given, str | None):
                raise ValueError(f"{self._got(where)} has the {what} {given!r}; give text.")
        if not isinstance(each.annotator, str | int | None):
            raise ValueError(
                f"{self._got(where)} has the annotator {each.annotator!r}; give a name or a number."
            )
        for text in (each.id, each.annotator, each.comment, *parts):
            if isinstance(text, str) and not text.isascii() and _HALF.search(text):
                raise ValueError(
                    f"{self._got(where)} has {text!r} with half a character, which no encoding "
                    f"has; give text that is whole."
                )
        self.is_several |= isinstance(each.label, tuple) and len(each.label) > 1
        who = self.annotator if each.annotator is None else self._name(each.annotator)
        comment = each.comment or None
        return each._replace(annotator=who, comment=comment)

    def _got(self, where: str) -> str:
        return f"{self.got}, whose {where}"

    def _name(self, who: Any) -> str | None:
        """Return by what name a pool knows somebody."""
        number = int(who) if isinstance(who, str) and who.isdecimal() else who
        return str(self.people.get(who, self.people.get(number, who))).strip() or None

    # One for each kind of file; they yield where an answer stands, and the answer

    def _csv(self) -> Iterator[tuple[str, Answer]]:
        on, label, comment = self.on or "id", self.label or LABEL, self.comment or COMMENT
        for what, name in (("on", on), ("label", label), ("comment", self.comment)):
            if name is not None and self.names.count(name) != 1:
                shown = ", ".join(map(repr, self.names)) or "none at all"
                raise ValueError(
                    f"{self.got}, which has {self.names.count(name)} "
                    f"columns {name!r}; its columns are {shown}; write {what}= for one of them."
                )
        twice = [name for name in self.names if name and self.names.count(name) > 1]
        if twice:
            raise ValueError(f"{self.got}, which has two columns {twice[0]!r}; rename one of them.")
        own = {on, label, comment, *_NOTES, "annotator"}
        for line, record in self._lines:
            cells = dict(zip(self.names, map(cell_of, record), strict=True))
            data = {name: cell for name, cell in cells.items() if name not in own}
            kind = cells.get("kind") or (None if cells[label] is None else OPINION)
            answer = Answer(
                cells[on],
                cells[label],
                cells.get("annotator"),
                kind,
                cells.get("time"),
                cells.get(comment),
                _number(cells.get("seconds")),
                data=data,
            )
            yield f"line {line}", answer

    def _jsonl(self) -> Iterator[tuple[str, Answer]]:
        on, label, comment = self.on or "id", self.label or LABEL, self.comment or COMMENT
        for where, each in self._records:
            self._met |= dict.fromkeys(each)
            own = {on, label, comment, "labels", "data", "annotator", *_NOTES}
            data = each.get("data")
            if not isinstance(data, Mapping):
                data = {name: value for name, value in each.items() if name not in own}
            found = each.get(label)
            if "labels" in each:
                found, self.is_several = each["labels"], True
            kind = each.get("kind") or (None if found is None else OPINION)
            yield where, _answer(each, each.get(on, data.get(on)), found, kind, comment, data)

    def _label_studio(self) -> Iterator[tuple[str, Answer]]:
        on = self.on or ROW
        for where, task in self._records:
            if not isinstance(task.get("data", {}), Mapping):
                raise ValueError(f"{self._got(where)} has no data; a task of Label Studio has.")
            got = self._got(where)
            for said in task.get("annotations") or ():
                self._met |= {part.get("from_name"): None for part in said.get("result") or ()}
            # People are named later, once, as in all files.
            for each in answers_in(task, {}, self.label, self.comment, on, got):
                self._tasks.append(task.get("id"))
                self._has_rows |= each.id is not None
                yield where, each

    def _label_studio_min(self) -> Iterator[tuple[str, Answer]]:
        records = list(self._records)
        return self._of_min(records, {key for _, each in records for key in each})

    def _label_studio_csv(self) -> Iterator[tuple[str, Answer]]:
        records = []
        for line, record in self._lines:  # which nobody guarded
            cells = zip(self.names, record, strict=True)
            records.append((f"line {line}", {name: cell for name, cell in cells if cell != ""}))
        return self._of_min(records, set(self.names))

    def _of_min(self, records: list, names: set[str]) -> Iterator[tuple[str, Answer]]:
        """Yield what each person said last of each task, of lines for annotations."""
        label = self.label or self._control(records)
        comment = self.comment or COMMENT
        on = self.on or (ROW if ROW in names else "id")
        for wanted in filter(None, (self.label, self.comment, self.on)):
            if wanted not in names:
                shown = ", ".join(map(repr, sorted(names)))
                raise ValueError(f"{self.got}, which has no {wanted!r}; it has {shown}.")
        latest: dict[tuple, tuple] = {}
        for where, each in records:
            order = str(each.get("updated_at")), int(each.get("annotation_id") or 0)
            key = each.get("id"), each.get("annotator")
            if key not in latest or latest[key][0] <= order:
                latest[key] = order, where, each
        own = {*_OF_MIN, label, comment, on, AS_LINES}
        for _, where, each in latest.values():
            value = _value(each.get(label)) if label in each else ()
            remark = _value(each.get(comment))
            yield (
                where,
                Answer(
                    each.get(on),
                    (value,) if isinstance(value, str) else value,
                    each.get("annotator"),
                    OPINION,
                    each.get("updated_at") or each.get("created_at"),
                    remark if isinstance(remark, str | None) else str(remark),
                    _number(each.get("lead_time")),
                    data={name: value for name, value in each.items() if name not in own},
                ),
            )

    def _control(self, records: list) -> str:
        """Return what gives the label: "label", or what alone looks like an answer."""
        names = dict.fromkeys(key for _, each in records for key in each if key not in _OF_MIN)
        if LABEL in names or not records:
            return LABEL
        alike = [
            name
            for name in names
            if any(_is_wrapped(each.get(name)) for _, each in records) and name != COMMENT
        ]
        if len(alike) != 1:
            shown = ", ".join(map(repr, alike or names))
            raise ValueError(
                f"{self.got}, and any of {shown} may be the labels; write "
                f"label={(alike or list(names))[0]!r}."
            )
        return alike[0]

    def _prodigy(self) -> Iterator[tuple[str, Answer]]:
        for where, each in self._records:
            own = {*_OF_PRODIGY, *_PEOPLE, *_NOTES, "_view_id"}
            data = {
                name: value
                for name, value in each.items()
                if name not in own and not name.startswith("_")
            }
            said, found = each.get("answer"), each.get("number")
            if "accept" in each:
                config = each.get("config")
                style = config.get("choice_style") if isinstance(config, Mapping) else None
                self.is_several |= style == "multiple"
                found = _several(each["accept"])
            elif found is None and "label" in each:
                found = each["label"]
                if said == "reject":
                    raise ValueError(
                        f"{self._got(where)} says that it is not {found!r}, and not what it is; "
                        f"ask for a choice, as prodigy's view 'choice' does."
                    )
            kind = None if said is None else OPINION if said == "accept" else CANNOT_TELL
            kind = each["kind"] if each.get("kind") in (FINAL,) else kind
            found = found if kind in (OPINION, FINAL) else None
            yield where, _answer(each, each.get(self.on or "id"), found, kind, COMMENT, data)

    def _doccano(self) -> Iterator[tuple[str, Answer]]:
        for where, each in self._records:
            self._met |= dict.fromkeys(each)
            label, comment = self.label or LABEL, self.comment or COMMENT
            own = {label, comment, ROW, "Comments", *_PEOPLE, *_NOTES}
            data = {name: value for name, value in each.items() if name not in own}
            found: Any = _several(each.get(label) or ())
            if any(isinstance(part, list | dict) for part in found):
                raise ValueError(
                    f"{self._got(where)} has labels of parts of the text; what is read are labels "
                    f"of whole rows."
                )
            remarks = each.get("Comments")
            if isinstance(remarks, list) and remarks and comment not in each:
                each[comment] = "\n".join(map(str, remarks))
            kind = each.get("kind") or (OPINION if found else None)
            found = None if kind in (None, CANNOT_TELL) else found
            name = each.get(self.on) if self.on else each.get(ROW, each.get("id"))
            yield where, _answer(each, name, found, kind, comment, data)


_READERS = {
    "csv": AnswersIn._csv,
    "jsonl": AnswersIn._jsonl,
    "label-studio": AnswersIn._label_studio,
    "label-studio-min": AnswersIn._label_studio_min,
    "label-studio-csv": AnswersIn._label_studio_csv,
    "prodigy": AnswersIn._prodigy,
    "doccano": AnswersIn._doccano,
}
READABLE = tuple(_READERS)


def _answer(
    each: Mapping[str, Any], name: Any, found: Any, kind: Any, comment: str, data: Mapping
) -> Answer:
    """Return an answer of an object that calls things as we do."""
    who = next((each[key] for key in _PEOPLE if each.get(key) is not None), None)
    found = tuple(found) if isinstance(found, list) else found
    time, seconds = each.get("time"), each.get("seconds")
    return Answer(name, found, who, kind, time, each.get(comment), seconds, data=data)


def _looks_like(record: Mapping[str, Any]) -> str:
    """Return what a file is whose first object this is."""
    keys = set(record)
    if "annotations" in keys or ("data" in keys and not keys & {"label", "labels", "annotator"}):
        return "label-studio"
    if "annotation_id" in keys:
        return "label-studio-min"
    if keys & {"accept", "answer", "_view_id"}:
        return "prodigy"
    if isinstance(record.get("label"), list) and "data" not in keys:
        return "doccano"
    return "jsonl"


def _several(found: Any) -> tuple:
    return tuple(found) if isinstance(found, list | tuple) else (found,)


def _number(cell: Any) -> Any:
    """Return the number that a cell is; what is none is refused where it is recorded."""
    try:
        return float(cell) if isinstance(cell, str) else cell
    except ValueError:
        return cell


def _unwrapped(cell: Any) -> Any:
    """Return what a cell of a file holds, of JSON in it that Label Studio writes."""
    if isinstance(cell, str) and cell.startswith(('{"', "[{")):
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell


def _is_wrapped(cell: Any) -> bool:
    """Whether a cell looks like an answer: several choices, a number or a rating."""
    cell = _unwrapped(cell)
    if isinstance(cell, list) and len(cell) == 1 and isinstance(cell[0], dict):
        return bool({"number", "rating"} & set(cell[0]))
    return isinstance(cell, dict) and list(cell) == ["choices"]


def _value(cell: Any) -> Any:
    """Return what a cell of an export says."""
    cell = _unwrapped(cell)
    if isinstance(cell, dict) and isinstance(cell.get("choices"), list):
        return tuple(cell["choices"])
    if isinstance(cell, dict) and isinstance(cell.get("text"), list):
        return "\n".join(map(str, cell["text"]))
    if isinstance(cell, list) and len(cell) == 1 and isinstance(cell[0], dict):
        return next((cell[0][key] for key in ("number", "rating") if key in cell[0]), cell)
    return cell


# JSON, object by object


def _behind(first: tuple[str, dict], others: Iterable) -> Iterator[tuple[str, dict]]:
    yield first
    yield from others


def objects_in(path: str | os.PathLike) -> Iterator[tuple[str, dict]]:
    """Yield the objects of a file, one a line or in a list, each with where it stands.

    However large the file, little more than one of them is in memory.
    """
    got = f"read got {os.fspath(path)!r}"
    with Path(path).open(encoding="utf-8-sig") as file:
        try:
            for n, found in enumerate(_values_in(file, got), 1):
                if not isinstance(found, dict):
                    raise ValueError(
                        f"{got}, whose object {n} is {str(found)[:40]!r}; give an object for each."
                    )
                yield f"object {n}", found
        except UnicodeDecodeError as error:
            raise ValueError(f"{got}, which is no UTF-8; save it so.") from error


def _values_in(file: IO[str], got: str) -> Iterator[Any]:
    """Yield the values of a text, one behind the other or in a list."""
    decode, text, at, n, size = json.JSONDecoder().raw_decode, file.read(_CHUNK), 0, 0, _CHUNK
    is_list = text.lstrip()[:1] == "["
    if is_list:
        at = text.index("[") + 1
    while True:
        at = (_BETWEEN if is_list and n else _SPACE).match(text, at).end()  # type: ignore[union-attr]
        if is_list and text[at : at + 1] == "]":
            if (text[at + 1 :] + file.read(_CHUNK)).strip():
                raise ValueError(f"{got}, in which something stands behind the list.")
            return
        try:
            found, at = decode(text, at)
        except (ValueError, RecursionError) as error:
            more = file.read(size)
            if not more:
                if text[at:].strip():
                    raise ValueError(
                        f"{got}, whose object {n + 1} cannot be read: {error}."
                    ) from error
                break
            text, at, size = text[at:] + more, 0, size * 2  # an object that is cut in two
        else:
            n, size = n + 1, _CHUNK
            yield found
    if is_list:
        raise ValueError(f"{got}, whose list has no end after {n} objects; get it again.")
