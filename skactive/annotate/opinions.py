"""Answers as they go in and out of files: what is said of a row, and what the row looks like."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from ..data.labels import nearest_class
from ..data.multilabel import as_matrix, is_multilabel, join_names
from ..data.rows import check_rows, n_rows, slice_rows
from ..data.tables import row_columns
from ..pool.standing import labels_in, opinions_table

CANNOT_TELL, FINAL, OPINION = "cannot tell", "final", "opinion"
ROW = "row"  # in what other tools keep of a row: its id
AS_LINES = "shown"  # the text of a row that is several columns
_AT_ONCE = 512  # rows that are looked at together
_MEDIA = {
    "image": (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    "audio": (".wav", ".mp3", ".flac", ".ogg", ".m4a"),
}


class Answer(NamedTuple):
    """What somebody says of a row; or that it is there, where nobody has said anything."""

    id: Any
    label: Any = None  # several of a row are a tuple; None of who could not tell
    annotator: str | None = None
    kind: str | None = None  # OPINION, CANNOT_TELL or FINAL; None: nothing was said
    time: str | None = None  # ISO 8601, in UTC
    comment: str | None = None
    seconds: float | None = None
    stands: Any = None  # the label that the row has
    data: Mapping[str, Any] = {}


class Form(NamedTuple):
    """What labels are: one class, several of them, or a number."""

    kind: str  # "one", "several" or "number"
    classes: list  # as the pool has them; of numbers none

    @classmethod
    def of(cls, pool: Any) -> Form:
        """Return of which form a pool's labels are."""
        if pool.multilabel:
            return cls("several", pool.classes.tolist())
        if pool.classes is not None:
            return cls("one", pool.classes.tolist())
        labels = pool.ledger.read(lambda ledger: _stands(pool, ledger)[1])
        if labels.dtype.kind == "f":
            return cls("number", [])
        return cls("one", sorted(set(labels.tolist())))

    def label(self, said: Any) -> Any:
        """Return what another tool says as a label of the pool, several as a set of names."""
        if self.kind == "number":
            return float(said)
        by_name = {str(each): each for each in self.classes}
        names = said if isinstance(said, tuple | list) else (said,)
        for name in names:
            if str(name) not in by_name:
                near = nearest_class(name, list(by_name))
                instead = ", ".join(by_name) if near is None else repr(near)
                raise ValueError(f"{name!r} is no class; there are {instead}.")
        labels = [by_name[str(name)] for name in names]
        if self.kind == "several":
            return set(labels)
        if len(labels) != 1:
            raise ValueError(f"{list(names)} are {len(labels)} labels, where a row has one.")
        return labels[0]


def answers_of(pool: Any, X: Any, *, unlabeled: bool) -> Iterator[list[Answer]]:
    """Yield what is said of each row of a pool, with its data where X has them, in row order.

    Rows of which nobody has said anything come with `unlabeled` only, each as one answer without
    a kind. Only a few rows are looked at together.
    """
    if X is not None and n_rows(check_rows(X, "X")) != len(pool):
        raise ValueError(f"X has {n_rows(X)} rows, and the pool {len(pool)}; give X of these rows.")

    def look(ledger: Any) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        return opinions_table(ledger), *_stands(pool, ledger)

    table, rows, labels = pool.ledger.read(look)
    names = pool.classes.tolist() if pool.multilabel else None
    of_row = _by_row(table, names)
    row, said = next(of_row, (len(pool), []))
    stands, at = _plain_labels(labels, names), 0
    for start in range(0, len(pool), _AT_ONCE):
        stop = min(start + _AT_ONCE, len(pool))
        if not unlabeled and row >= stop:
            continue
        numbers = range(start, stop)
        ids = numbers if pool.ids is None else pool.ids[start:stop].tolist()
        data = [{}] * len(numbers) if X is None else data_of(slice_rows(X, start, stop))
        for number, name, shown in zip(numbers, ids, data, strict=True):
            while at < len(rows) and rows[at] < number:
                at += 1
            label = stands[at] if at < len(rows) and rows[at] == number else None
            common = {"id": name, "stands": label, "data": shown}
            if row == number:
                yield [each._replace(**common) for each in said]
                row, said = next(of_row, (len(pool), []))
            elif unlabeled:
                yield [Answer(**common)]


def _stands(pool: Any, ledger: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that have a label, on whichever side they are, and their labels."""
    rows = ledger.with_label()
    labels = labels_in(ledger, rows, pool.consensus, pool.missing_label)
    return rows, np.zeros(0, dtype=object) if labels is None else labels


def _by_row(table: dict[str, np.ndarray], names: list | None) -> Iterator[tuple[int, list]]:
    """Yield each row of which something is said, with that; ids and data are still to come."""
    times = np.char.add(np.datetime_as_string(table["time"], unit="us"), "Z")
    places = groupby(range(len(table["row"])), key=table["row"].tolist().__getitem__)
    for row, group in places:
        at = list(group)
        yield (
            row,
            [
                Answer(
                    None,
                    plain_label(table["label"][i], names),
                    table["annotator"][i],
                    table["kind"][i],
                    None if times[i].startswith("NaT") else str(times[i]),
                    table["comment"][i],
                    json_value(table["seconds"][i]),
                )
                for i in at
            ],
        )


def _plain_labels(labels: np.ndarray, names: list | None) -> Sequence:
    """Return labels as a list; several of a row as tuples of names."""
    if names is None or not is_multilabel(labels.dtype):
        return labels.tolist()
    return [_named(row, names) for row in as_matrix(labels)]


def plain_label(label: Any, names: list | None) -> Any:
    """Return a label as a plain value."""
    if names is None or label is None:
        return json_value(label)
    return _named(label.item() if isinstance(label, np.void) else label, names)


def _named(cell: Any, names: list) -> tuple:
    """Return the names of several labels of a row, as 0 and 1 say which."""
    return tuple(name for name, is_in in zip(names, cell, strict=True) if is_in)


def data_of(X: Any) -> list[dict[str, Any]]:
    """Return what rows look like: of each its columns, its text, or where its image lies."""
    columns = row_columns(X)
    if columns is None:
        return [{} for _ in range(n_rows(X))]
    lists = {str(name): [json_value(value) for value in values] for name, values in columns.items()}
    if list(lists) == ["text"]:
        for key, endings in _MEDIA.items():
            if all(
                isinstance(each, str) and each.lower().endswith(endings) for each in lists["text"]
            ):
                lists = {key: lists["text"]}
                break
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def as_cell(label: Any) -> Any:
    """Return a label as a table writes it, several as their names."""
    return join_names(label) if isinstance(label, tuple) else label


def apart(data: Mapping[str, Any], taken: Collection[str]) -> dict[str, Any]:
    """Return data under names that are none of those taken, nor of one another.

    Examples
    --------
    >>> apart({"label": 1, "X_label": 2, "a": 3}, ["label"])
    {'X_X_label': 1, 'X_label': 2, 'a': 3}
    """
    out: dict[str, Any] = {}
    for name, value in data.items():
        own = name
        while own in taken or own in out or (own != name and own in data):
            own = f"X_{own}"
        out[own] = value
    return out


def shown_key(data: Mapping[str, Any]) -> str:
    """Return under which key of its data a row is shown; AS_LINES: as lines of all of them."""
    return next((key for key in ("text", *_MEDIA) if key in data), AS_LINES)


def as_lines(data: Mapping[str, Any]) -> str:
    """Return the columns of a row as text, one a line."""
    if len(data) == 1:
        return str(next(iter(data.values())))
    return "\n".join(f"{name}: {value}" for name, value in data.items() if value is not None)


def json_value(value: Any) -> Any:
    """Return a value as JSON holds it: no NaN, text for what it does not know."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): json_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [json_value(each) for each in value]
    text = str(value)
    return None if text in ("NaT", "<NA>") else text


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON; half a character, which no encoding has, as an escape."""
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value).encode("utf-8")
