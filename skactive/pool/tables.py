"""What comes in tables, and goes out for it: answers, merged, and rows for a colleague."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.labels import fill, nearest_class, objects, sorted_classes, to_array
from ..data.multilabel import join_names, parse_text
from ..data.row_numbers import check_row_numbers
from ..data.tables import (
    Cells,
    Parsed,
    as_table,
    csv_bytes,
    parse_like,
    read_table,
    row_columns,
)
from ..utils.checks import check_name, check_path, checked_count, is_instance, is_integer
from ..utils.files import replacing
from . import plans
from .facts import Facts
from .log import Change, Note

_MOST_SHOWN = 5  # of what is wrong in a table
_FRAMES = ("pandas.DataFrame", "polars.DataFrame")

# In


class _Answers(NamedTuple):
    """What a table says of rows: an entry for each."""

    at: np.ndarray  # where in the table
    rows: np.ndarray
    labels: np.ndarray  # meaningful where known
    known: np.ndarray  # False: who answered could not tell
    names: np.ndarray  # who answered
    comments: np.ndarray
    seconds: np.ndarray  # that they took, NaN where nobody says

    def taken(self, which: np.ndarray) -> "_Answers":
        """Return some of them."""
        return _Answers(*(part[which] for part in self))


class AnswerColumns(NamedTuple):
    """Which columns of a table say what; None: none does."""

    on: str
    label: str
    annotator: str | None
    comment: str | None
    seconds: str | None


def merge_table(
    pool: Facts,
    table: Any,
    columns: AnswerColumns,
    annotator: str | None,
    *,
    relabel: bool,
    new_labels: bool,
) -> tuple[Change, Any]:
    """Return what `Pool.merge` would change, and the table of answers that it leaves out."""
    if annotator is not None and columns.annotator is not None:
        raise ValueError(
            f"merge got annotator={annotator!r} and annotator_column={columns.annotator!r}; give "
            f"the name of all who answered, or the column that has their names."
        )
    cells = read_table(table, [name for name in columns if name is not None], "merge")
    if pool.multilabel:  # sets of a frame
        given = cells.columns[columns.label]
        cells.columns[columns.label] = [
            join_names(each) if isinstance(each, tuple) else each for each in given
        ]
    answers = _answers(pool, cells, columns, annotator, new_labels)
    is_left, is_nothing, in_pool, by = (
        np.full(len(answers.at), hole) for hole in (False, False, None, None)
    )
    people = [
        np.flatnonzero(answers.names == name) for name in dict.fromkeys(answers.names.tolist())
    ]
    for which in people:
        one, name = answers.taken(which), answers.names[which[0]]
        clash, labels = plans.contradicted(
            pool, one.rows, one.labels, one.known, annotator=name, relabel=relabel
        )
        if clash.any():
            left, decisive = which[clash], pool.ledger.folded(one.rows[clash]).decisive
            is_left[left], in_pool[left] = True, labels[clash]
            by[left] = name if pool.consensus is not None else pool.ledger.log.names_of(decisive)
    if pool.consensus is None:
        for later, before, is_same in _said_again(answers, is_left):
            if is_same:
                is_nothing[later] = answers.names[later] is None
                continue
            if relabel:
                first, last = (_said(answers, cells, columns, i) for i in (before, later))
                raise ValueError(
                    f"merge got {first} and {last}, of which with relabel=True the last would "
                    f"count; give each row one label, or the pool a consensus."
                )
            is_left[later], in_pool[later] = True, answers.labels[before]
            by[later] = answers.names[before]
    changes = []
    for which in people:
        which = which[~(is_left | is_nothing)[which]]
        one, name = answers.taken(which), answers.names[which[:1]]
        how: dict[str, Any] = {"annotator": next(iter(name), None), "relabel": relabel}
        if columns.comment is not None:
            how["comment"] = one.comments
        if columns.seconds is not None:
            how["seconds"] = one.seconds
        y = pool._filled(one.labels[one.known], one.known)
        change = plans.label(pool, one.rows, y, who="merge", **how)
        order = np.argsort(one.rows)
        changes.append((which[order[np.searchsorted(one.rows[order], change.rows)]], change))
    left = answers.taken(np.flatnonzero(is_left))
    contradictions = {
        "id": pool._ids_of(left.rows),
        "in_pool": to_array(pool._written(in_pool[is_left], in_pool[is_left] != None).tolist()),  # noqa: E711
        "by": by[is_left],
        "in_table": to_array(_in_table(pool, left)),
        "line": np.array([cells.numbers[at] for at in left.at.tolist()], dtype=np.int64),
    }
    like = table if is_instance(table, _FRAMES) else pool.rows.parts[0]
    return _joined(changes, answers), as_table(contradictions, like=like)


def _answers(
    pool: Facts, cells: Cells, columns: AnswerColumns, annotator: str | None, new_labels: bool
) -> _Answers:
    """Return what a table says, each row once, or refuse what cannot be meant."""
    column, missing = cells.columns[columns.label], pool.missing_label
    unsure = np.zeros(len(column), dtype=bool)
    if missing is not None:
        unsure = parse_like(column, [missing]).is_given
    given = [None if is_unsure else cell for cell, is_unsure in zip(column, unsure, strict=True)]
    parsed = _parsed(pool, given, cells, new_labels)
    at = np.flatnonzero(parsed.is_given | unsure)
    rows = _rows(pool, cells, columns.on, at)
    seconds = _seconds(cells, columns.seconds, at)
    names, comments = (
        [default if name is None else cells.columns[name][place] for place in at.tolist()]
        for name, default in ((columns.annotator, annotator), (columns.comment, None))
    )
    for place, name in zip(at.tolist(), names, strict=True):
        if name is not None and (not isinstance(name, str) or name != name.strip()):
            check_name(name, f"merge, in {cells.place(place)},")
    parts = (parsed.labels[at], parsed.is_given[at], objects(names), objects(comments), seconds)
    answers = _Answers(at, rows, *parts)
    return answers.taken(_once(answers, cells, columns))


def _seconds(cells: Cells, name: str | None, at: np.ndarray) -> np.ndarray:
    """Return the seconds in some lines of a column, or refuse what is no number."""
    if name is None:
        return np.full(len(at), np.nan)
    given = [cells.columns[name][place] for place in at.tolist()]
    parsed = parse_like(given, np.zeros(0, dtype=float), also_new=True)
    if parsed.unknown:
        wrong = parsed.unknown[0]
        raise ValueError(
            f"merge got {wrong.cell!r} for {name!r} in {cells.place(at[wrong.position])}; write "
            f"seconds, with a point, or nothing."
        )
    return np.where(parsed.is_given, parsed.labels, np.nan)


def _once(answers: _Answers, cells: Cells, columns: AnswerColumns) -> np.ndarray:
    """Return where each person's answer for a row is first, or refuse one that is another."""
    first: dict[tuple[int, Any], int] = {}
    said = list(zip(answers.labels.tolist(), answers.known.tolist(), strict=True))
    pairs = zip(answers.rows.tolist(), answers.names.tolist(), strict=True)
    for i, pair in enumerate(pairs):
        before = first.setdefault(pair, i)
        if said[before] != said[i]:
            one, other = (_said(answers, cells, columns, j) for j in (before, i))
            of_each = " of each person" * (columns.annotator is not None)
            raise ValueError(f"merge got {one} and {other}; give each row one answer{of_each}.")
    return np.array(list(first.values()), dtype=np.int64)


def _said(answers: _Answers, cells: Cells, columns: AnswerColumns, i: int) -> str:
    """Say what an answer is, of which row, by whom and where."""
    at, name = answers.at[i], answers.names[i]
    label, row = cells.columns[columns.label][at], cells.columns[columns.on][at]
    return f"{label!r} for {row!r}{f' by {name!r}' * (name is not None)} in {cells.place(at)}"


def _said_again(answers: _Answers, is_left: np.ndarray) -> Iterator[tuple[int, int, bool]]:
    """Yield answers for rows of which something was said before, with that, and if it is the same.

    Those that are left out already say nothing, and a label stands where somebody could not tell.
    """
    stands: dict[int, int] = {}
    rows, labels, known = (part.tolist() for part in (answers.rows, answers.labels, answers.known))
    for i in np.flatnonzero(~is_left).tolist():
        before = stands.get(rows[i])
        if before is None or (known[i] and not known[before]):
            stands[rows[i]] = i
            continue
        is_known = known[i] and known[before]
        yield i, before, labels[i] == labels[before] if is_known else not known[before]


def _in_table(pool: Facts, left: _Answers) -> list:
    """Return answers as a table has them."""
    if not pool.multilabel:
        return fill(left.labels, left.known, pool.missing_label).tolist()
    texts = pool._written(left.labels, left.known)
    texts[~left.known] = pool.missing_label
    return texts.tolist()


def _parsed(pool: Facts, given: list, cells: Cells, new_labels: bool) -> Parsed:
    """Return cells as labels of the pool, or refuse those that are none."""
    known = pool.classes
    if known is None:
        known = sorted_classes(pool._all_labels()[1])
    is_open = pool.classes is None and (new_labels or known.dtype.kind == "f")
    if pool.multilabel:
        parsed = parse_text(given, known)
    elif len(known):
        parsed = parse_like(given, known, also_new=is_open)
    else:  # of a file who knows what is meant: the narrowest kind that all are of
        # 3.0 is measured where it comes from a file; a frame has it for 3 beside a blank.
        is_measured = cells.unit != "row" and any(isinstance(cell, float) for cell in given)
        for kind in (float, object) if is_measured else (bool, int, float, object):
            parsed = parse_like(given, np.zeros(0, dtype=kind), also_new=True)
            if not parsed.unknown:
                break
    if parsed.unknown:
        shown = [
            f"{each.cell!r} in {cells.place(each.position)}"
            f"{f' (near {each.nearest!r})' * (each.nearest is not None)}"
            for each in parsed.unknown[:_MOST_SHOWN]
        ]
        more = len(parsed.unknown) - len(shown)
        labels = ", ".join(map(repr, known[:20].tolist())) + ", ..." * (len(known) > 20)
        what = f"{labels or 'text, or numbers'}; write one of these, nothing for no answer"
        if pool.multilabel:
            what = (
                f"{labels}; write some, as in 'a; b', '[]' for none of them, nothing for no answer"
            )
        elif is_open and known.dtype.kind == "f":
            what = (
                f"numbers, such as {known.item(0)}; write one, with a point, nothing for no answer"
            )
        elif pool.classes is None:
            call = "new_labels=True if it is new"
            what += f", or {'name_classes first if it is another class' if new_labels else call}"
        raise ValueError(
            f"merge got {', '.join(shown)}{f' and {more} more' * (more > 0)}, where labels are "
            f"{what}."
        )
    return parsed


def _rows(pool: Facts, cells: Cells, on: str, at: np.ndarray) -> np.ndarray:
    """Return the rows that some lines of a table are about, or refuse those that are none."""
    ids = [cells.columns[on][place] for place in at.tolist()]
    own = pool.ids
    if own is not None and own.is_text:
        rows = own.find(["" if each is None else str(each) for each in ids])
        is_wrong = (rows < 0) | np.array([each is None for each in ids], dtype=bool)
    else:
        found = parse_like(ids, np.zeros(0, dtype=int), also_new=True)
        rows = found.labels if own is None else own.find(found.labels)
        is_wrong = ~found.is_given | (rows < 0) | (rows >= len(pool))
    if is_wrong.any():
        i = int(is_wrong.argmax())
        name, where = ids[i], cells.place(at[i])
        if name is None:
            raise ValueError(
                f"merge got a label and no {on!r} in {where}; write which row it is of."
            )
        instead = f"rows are called by their numbers, 0 to {len(pool) - 1}"
        if own is not None:
            near = own.nearest(str(name))
            instead = f"ids are such as {own[0]!r}" if near is None else f"write {near!r}"
        raise ValueError(f"merge got {name!r} for {on!r} in {where}, which is no row; {instead}.")
    return rows


def _joined(changes: list[tuple[np.ndarray, Change]], answers: _Answers) -> Change:
    """Return the changes of several people, and where their answers are, as one operation."""
    if not changes:
        return Change("merge")
    places = np.concatenate([at for at, _ in changes])
    order = np.argsort(places)
    one = answers.taken(places[order])
    names = one.names.tolist()
    notes: dict[int, Note] = {}
    for at, change in changes:
        to = np.searchsorted(places[order], at).tolist()
        notes |= {to[place]: note for place, note in change.notes.items()}
    return Change(
        "merge",
        one.rows,
        np.concatenate([change.events for _, change in changes])[order],
        names,
        one.labels,
        annotator=names[0] if len(set(names)) == 1 else None,
        notes=dict(sorted(notes.items())),
    )


# To a colleague


def hand_out(
    pool: Any,
    rows: Any,
    name: str,
    path: str | os.PathLike,
    *,
    columns: Sequence[str] | None,
    overwrite: bool,
) -> np.ndarray:
    """Do what `Pool.hand_out` does."""
    if not isinstance(name, str):
        raise TypeError(f"hand_out got the name {name!r}; give that of a colleague, as text.")
    check_name(name, "hand_out")
    check_path(path, "path", "hand_out", "hand_out(rows, name, 'rows.csv')")
    shown = os.fsdecode(path)
    if name.lower().endswith(".csv") and not shown.lower().endswith(".csv"):
        raise ValueError(
            f"hand_out got the name {name!r} and the path {shown!r}; write hand_out(rows, "
            f"{shown!r}, {name!r})."
        )
    stem, ending = os.path.splitext(shown)
    if ending.lower() in (".xlsx", ".xls", ".ods"):
        raise ValueError(
            f"hand_out got {shown!r}, and writes CSV, which every spreadsheet opens; "
            f"write {f'{stem}.csv'!r}."
        )
    if os.path.exists(path) and not overwrite:
        raise ValueError(
            f"hand_out got {os.fspath(path)!r}, which is there; give another path, or "
            f"overwrite=True."
        )
    if is_integer(rows):
        idx = _first_unlabeled(pool, checked_count(rows, "n", "hand_out"))
    else:
        idx = check_row_numbers(rows, len(pool), who="hand_out")
    if len(idx) == 0:
        which = "unlabelled row is left" if is_integer(rows) else "row was given"
        raise ValueError(f"hand_out got no row to hand out: no {which}.")
    change = plans.reserve(pool, idx, name, who="hand_out")
    table = {"id": pool._ids_of(idx), **_shown(pool, idx, columns), "label": [None] * len(idx)}
    data = csv_bytes({str(each): values for each, values in table.items()}, path)
    written: os.stat_result | None = None
    try:
        with replacing(path) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            written = os.fstat(file.fileno())
            # All that could be in the way has passed, and only now the file takes its place: who
            # finds it finds its rows reserved. A process that is killed in between leaves the rows
            # reserved without a file; the history says for which.
            pool.apply(change._replace(detail={"file": os.fsdecode(path)}))
    except BaseException:
        is_there = written and os.path.exists(path) and os.path.samestat(written, os.stat(path))
        if not is_there:
            pool.together(lambda: pool.apply(_released(pool, change.rows, name)))
        raise
    return idx


def _first_unlabeled(pool: Facts, n: int) -> np.ndarray:
    """Return the first rows that may be asked for, without the numbers of all."""
    mask, end = pool.unlabeled_mask, n
    while end < len(mask) and np.count_nonzero(mask[:end]) < n:
        end *= 2
    return np.flatnonzero(mask[:end])[:n]


def _released(pool: Facts, rows: np.ndarray, name: str) -> Change:
    """Return what takes back the reservations of rows for a name, as far as there are any."""
    held = [row for row in rows.tolist() if name in pool.reservations.get(row, ())]
    return plans.move(pool, "release", held, name)


def _shown(pool: Facts, idx: np.ndarray, columns: Sequence[str] | None) -> dict[Any, Any]:
    """Return what a colleague sees of rows: their columns, or those that are wanted."""
    of_rows = row_columns(pool.rows.take(idx), taken=("id", "label")) or {}
    if columns is None:
        return of_rows
    wanted = [columns] if isinstance(columns, str) else list(columns)
    for name in wanted:
        if name not in of_rows:
            near = nearest_class(name, of_rows)
            there = ", ".join(map(repr, of_rows)) or "none"
            raise ValueError(
                f"hand_out got the column {name!r}, and those of the rows are {there}; write "
                f"{'one of these' if near is None else repr(near)}."
            )
    return {name: of_rows[name] for name in wanted}
