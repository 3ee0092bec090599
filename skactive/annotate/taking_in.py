"""Answers of a file, recorded in a pool: all of them, or none where one is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from ..data.labels import objects
from ..data.row_numbers import check_row_numbers
from ..data.tables import Lines, as_table
from ..pool import plans
from .opinions import CANNOT_TELL, FINAL, Form, as_cell, plain_label


def take_in(
    pool: Any, table: Mapping[str, Any], *, relabel: bool = False, new_labels: bool = False
) -> Any:
    """Record a table that `read` returned in a pool, who could not tell and decisions included.

    Parameters
    ----------
    pool : Pool
        Which is changed.
    table : dict of lists
        Of `read`.
    relabel, new_labels : bool, default=False
        As for `Pool.merge`.

    Returns
    -------
    DataFrame or dict of arrays
        The answers that were left out, as by `Pool.merge`, decisions that contradict others among
        them: where `relabel` is given, they count.

    Raises
    ------
    ValueError
        As by `Pool.merge`, and if a decision is for no class, or of no row. Nothing has changed.

    Examples
    --------
    >>> from skactive import Pool
    >>> pool = Pool(["a", "b"], ["pos", None])
    >>> table = {"id": [1], "label": ["pos"], "annotator": ["ann"], "kind": ["opinion"]}
    >>> left = take_in(pool, table | {"comment": [None], "seconds": [2.5]})
    >>> pool.opinions["annotator"].tolist()[-1], pool.y.tolist()
    ('ann', ['pos', 'pos'])
    """
    said: Any = copy(table)  # which knows where in a file its rows were, if that of `read` does
    kinds, labels = list(table["kind"]), list(table["label"])
    for at, kind in enumerate(kinds):
        if kind in (CANNOT_TELL, FINAL):
            labels[at] = pool.missing_label if kind == CANNOT_TELL else None

    said["label"] = labels
    # Where no label stands for it, who could not tell is recorded by itself.
    skips = CANNOT_TELL if pool.missing_label is None else None

    def taken() -> Any:
        skipped, decided = (_by_person(pool, table, kinds, kind) for kind in (skips, FINAL))
        against: list[_Against] = []
        if not new_labels and Form.of(pool).classes:  # else they are seen once all is recorded
            for name, (rows, lines) in decided.items():
                against += _against(pool, table, name, rows, lines)
        if against and not relabel:
            for each in against:
                kinds[each.at] = None
            decided = _by_person(pool, table, kinds, FINAL)
        left = pool.merge(
            said,
            annotator_column="annotator",
            comment_column="comment",
            seconds_column="seconds",
            relabel=relabel,
            new_labels=new_labels,
        )
        for name, (rows, at) in skipped.items():
            notes = {key: [table[key][i] for i in at] for key in ("seconds", "comment")}
            pool.label(rows, [None] * len(rows), annotator=name, **notes)
        for name, (rows, at) in decided.items():
            pool.decide(rows, _final(pool, table, at), annotator=name)
        return left if relabel or not against else _with(left, against, pool)

    return pool.together(taken)


_Said = dict[Any, tuple[Any, list[int]]]  # rows and lines of a table, by who said it


class _Against(NamedTuple):
    """A decision that is left out, as `Pool.merge` tells of an answer."""

    id: Any
    in_pool: Any
    by: str | None
    in_table: Any
    at: int
    line: int  # of the file


def _against(
    pool: Any, table: Mapping[str, Any], name: Any, rows: Any, lines: list[int]
) -> list[_Against]:
    """Return which lines decide otherwise than a pool has; what is no class is refused."""
    change = plans.decide(pool, rows, _final(pool, table, lines), annotator=name)
    said, names = pool.said_of(change.rows), pool.classes.tolist() if pool.multilabel else None
    has = {
        row: (as_cell(plain_label(label, names)), who)
        for row, kind, label, who in zip(
            *(said[key].tolist() for key in ("row", "kind", "label", "annotator")), strict=True
        )
        if kind == FINAL
    }
    places = table.numbers if isinstance(table, Lines) else range(len(table["id"]))
    return [
        _Against(table["id"][at], *has[row], as_cell(table["label"][at]), at, places[at])
        for row, at in zip(rows, lines, strict=True)
        if row in has
    ]


def _with(left: Any, more: list[_Against], pool: Any) -> Any:
    """Return a table of what is left out with lines behind it."""
    columns = {
        name: objects([*np.asarray(left[name]).tolist(), *(getattr(each, name) for each in more)])
        for name in left
    }
    return as_table(columns, like=pool.rows.parts[0])


def _final(pool: Any, table: Mapping[str, Any], at: list[int]) -> list:
    """Return the labels of lines that are decisions."""
    form = Form.of(pool)
    return [form.label(table["label"][i]) for i in at]


def _by_person(pool: Any, table: Mapping[str, Any], kinds: list, kind: str | None) -> _Said:
    """Return the rows and lines of one kind, by who said it."""
    people: dict[Any, list[int]] = {}
    for at, each in enumerate(kinds):
        if kind is not None and each == kind:
            people.setdefault(table["annotator"][at], []).append(at)
    ids = table["id"]
    return {who: (_rows_of(pool, [ids[i] for i in at]), at) for who, at in people.items()}


def _rows_of(pool: Any, ids: list) -> Any:
    """Return the rows of ids as files have them, refusing those of no row."""
    if pool.ids is not None and pool.ids.is_text:
        return pool.numbers([str(each) for each in ids], "take_in")
    for each in ids:
        if not re.fullmatch(r"[0-9]{1,18}|-[0-9]{1,18}", str(each)):
            raise ValueError(f"take_in got the id {each!r}, where rows are called by numbers.")
    numbers = [int(each) for each in ids]
    if pool.ids is None:
        return check_row_numbers(numbers, len(pool), who="take_in")
    return pool.numbers(numbers, "take_in")
