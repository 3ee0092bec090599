"""A pool as tables, and back: what is known of rows, what happened, a colleague's answers."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.labels import fill, nearest_class, sorted_classes, to_array
from ..data.row_numbers import check_row_numbers
from ..data.tables import (
    Cells,
    Parsed,
    as_table,
    csv_bytes,
    datetimes,
    parse_like,
    read_table,
    row_columns,
)
from ..utils.checks import check_name, checked_count, is_instance, is_integer
from ..utils.files import replacing
from . import plans
from .facts import Facts
from .fold import BASE, HELD_OUT, LABELED, RESERVED, SKIPPED, STATE_NAMES, UNLABELED, Folded
from .ledger import Ledger
from .log import EVENT_NAMES, KINDS, LABELS_IN, UNSURE, Change, Log
from .standing import labels_in

_MOST_SHOWN = 5  # of what is wrong in a table
_FRAMES = ("pandas.DataFrame", "polars.DataFrame")

# Out


def to_frame(pool: Facts, rows: bool) -> Any:
    """Return what `Pool.to_frame` does."""
    held, columns = pool.ledger.read(lambda ledger: (ledger.now.rows, _present(pool, ledger)))
    table = {"id": pool.ids_of(np.arange(len(held))), **columns}
    if rows:
        of_rows = row_columns(held.whole(), taken=table)
        if of_rows is None:
            raise ValueError(
                f"to_frame got rows=True, and a {type(held.parts[0]).__name__} of rows that are "
                f"neither columns nor text; write rows=False, and join what you have by id."
            )
        table |= of_rows
    return as_table(table, like=held.parts[0], index=held.index())


def _present(pool: Facts, ledger: Ledger) -> dict[str, np.ndarray]:
    """Return what is true of all rows, as columns."""
    log, n = ledger.log, len(ledger.now.rows)
    states = np.full(n, UNLABELED)
    for state in (LABELED, RESERVED, SKIPPED, HELD_OUT):
        states[ledger.members(state)] = state
    rows = np.flatnonzero(states != UNLABELED)
    found = ledger.folded(rows)
    known, labels = np.zeros(n, dtype=bool), np.full(n, None)
    with_label = rows[found.states == LABELED]
    if len(with_label):
        known[with_label] = True
        given = labels_in(ledger, with_label, pool.consensus, pool.missing_label)
        labels = np.zeros(n, dtype=given.dtype)
        labels[with_label] = given

    places, events = _told(ledger, rows, found, labels[rows])
    who, what, when = np.full(n, None), np.full(n, None), np.full(n, np.nan)
    who[rows[places]] = _names(log, events)
    when[rows[places]] = log.times.array[log.operations_of(events)]
    what[rows[places]] = [log.notes.get(event, (None, None))[1] for event in events.tolist()]
    for row in rows[states[rows] == RESERVED].tolist():
        who[row] = ", ".join(filter(None, ledger.slots.names[row])) or None
    return {
        "label": _with_holes(labels, known),
        "state": np.array(STATE_NAMES)[states],
        "annotator": who,
        "time": datetimes(when),
        "comment": what,
    }


def _told(
    ledger: Ledger, rows: np.ndarray, found: Folded, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the event that says last what is true of a row, with its place, where there is one.

    An opinion with the label that the row has; or that somebody could not tell, of a skipped row.
    """
    (places, events), k = found.said, len(rows)
    is_unsure = ledger.log.kinds_of(events) == UNSURE
    # A final word comes behind what others said later.
    decided = np.flatnonzero(found.decisive >= BASE)
    places, events = np.append(places, decided), np.append(events, found.decisive[decided])
    is_unsure = np.append(is_unsure, np.zeros(len(decided), dtype=bool))
    n = ledger.now.n_operations
    said = ledger.labels_of(rows[places], events, n, np.dtype(object))
    is_true = np.where(is_unsure, found.states[places] == SKIPPED, said == labels[places])
    last = np.full(k, -2, dtype=np.int64)
    last[places[is_true]] = events[is_true]  # the last one of each row stays
    told = np.flatnonzero(last >= BASE)
    return told, last[told]


def history_frame(pool: Facts) -> Any:
    """Return what `Pool.history_frame` does."""
    log, now = pool.ledger.log, pool.ledger.now
    n, (based, base_labels) = now.n_events, log.base
    # Labels that were there from the start have no events of their own.
    events = np.append(np.full(len(based), BASE), np.arange(n))
    of, told = log.operations_of(events), log.kinds_of(events)
    has_label = np.isin(told, LABELS_IN)
    parts = [part for part in (base_labels, log.labels.array[:n]) if part is not None and len(part)]
    dtypes = {part.dtype for part in parts} or {np.dtype(object)}
    dtype = dtypes.pop() if len(dtypes) == 1 else object
    notes = [log.notes.get(event, (None, None)) for event in events.tolist()]
    seconds, comments = zip(*notes, strict=True) if notes else ((), ())
    columns = {
        "operation": of,
        "kind": np.array(KINDS)[log.kinds.array[of]],
        "id": pool.ids_of(np.append(based, log.rows.array[:n])),
        "event": np.array(EVENT_NAMES)[told],
        "annotator": _names(log, events),
        "label": _with_holes(np.concatenate([np.zeros(0, dtype), *parts], dtype=dtype), has_label),
        "time": datetimes(log.times.array[of]),
        "seconds": np.array(seconds, dtype=float),
        "comment": np.fromiter(comments, dtype=object, count=len(comments)),
        "undone": log.dead.array[of] < now.n_operations,
    }
    return as_table(columns, like=now.rows.parts[0])


def _names(log: Log, events: np.ndarray) -> np.ndarray:
    """Return by whom events are, or for whom."""
    people = np.fromiter(log.people, dtype=object, count=len(log.people))
    return people[log.name_codes(events)]


def _with_holes(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return labels with None where there is none, or NaN among floats."""
    if labels.dtype.kind in "iu" and not known.all():
        labels = labels.astype(object)
    return fill(labels, known, None)


# In


class _Answers(NamedTuple):
    """What a table says of rows: an entry for each."""

    at: np.ndarray  # where in the table
    rows: np.ndarray
    labels: np.ndarray  # meaningful where known
    known: np.ndarray  # False: who answered could not tell
    names: np.ndarray  # who answered

    def taken(self, which: np.ndarray) -> "_Answers":
        """Return some of them."""
        return _Answers(*(part[which] for part in self))


def merge(
    pool: Any,
    table: Any,
    *,
    on: str,
    label: str,
    annotator: str | None,
    annotator_column: str | None,
    relabel: bool,
    new_labels: bool,
) -> tuple[Change, Any]:
    """Return what `Pool.merge` would change, and the table of answers that it leaves out."""
    if annotator is not None and annotator_column is not None:
        raise ValueError(
            f"merge got annotator={annotator!r} and annotator_column={annotator_column!r}; give "
            f"the name of all who answered, or the column that has their names."
        )
    whose = [] if annotator_column is None else [annotator_column]
    cells = read_table(table, [on, label, *whose], "merge")
    names = cells.columns[whose[0]] if whose else [annotator] * len(cells.numbers)
    answers = _answers(pool, cells, on, label, names, new_labels)
    labels_there, people_there = np.full((2, len(answers.at)), None)
    is_left, changes = np.zeros(len(answers.at), dtype=bool), []
    for name in dict.fromkeys(answers.names.tolist()):
        which = np.flatnonzero([each == name for each in answers.names.tolist()])
        one = answers.taken(which)
        clash, labels = plans.contradicted(
            pool, one.rows, one.labels, one.known, annotator=name, relabel=relabel
        )
        if clash.any():
            is_left[which[clash]] = True
            labels_there[which[clash]] = labels[clash]
            decisive = pool.ledger.folded(one.rows[clash]).decisive
            by = _names(pool.ledger.log, decisive) if pool.consensus is None else name
            people_there[which[clash]] = by
        one = one.taken(~clash)
        y = fill(one.labels, one.known, pool.missing_label)
        changes.append(plans.label(pool, one.rows, y, relabel=relabel, annotator=name, who="merge"))
    left = answers.taken(is_left)
    contradictions = {
        "id": pool.ids_of(left.rows),
        "in_pool": to_array(labels_there[is_left].tolist()),
        "by": people_there[is_left],
        "in_table": to_array(fill(left.labels, left.known, pool.missing_label).tolist()),
        "line": np.array([cells.numbers[at] for at in left.at.tolist()], dtype=np.int64),
    }
    like = table if is_instance(table, _FRAMES) else pool.rows.parts[0]
    return _joined(changes, answers), as_table(contradictions, like=like)


def _answers(
    pool: Facts, cells: Cells, on: str, label: str, names: Sequence, new_labels: bool
) -> _Answers:
    """Return what a table says, each row once, or refuse what cannot be meant."""
    column, missing = cells.columns[label], pool.missing_label
    unsure = np.zeros(len(column), dtype=bool)
    if missing is not None:
        unsure = parse_like(column, [missing]).is_given
    given = [None if is_unsure else cell for cell, is_unsure in zip(column, unsure, strict=True)]
    parsed = _parsed(pool, given, cells, new_labels)
    at = np.flatnonzero(parsed.is_given | unsure)
    for place in at.tolist():
        if not isinstance(names[place], str | None):
            check_name(names[place], f"merge, in {cells.place(place)},")
    whose = np.fromiter((names[place] for place in at.tolist()), dtype=object, count=len(at))
    rows = _rows(pool, cells, on, at)
    answers = _Answers(at, rows, parsed.labels[at], parsed.is_given[at], whose)

    first: dict[int, int] = {}
    said = list(zip(*(part.tolist() for part in answers[2:]), strict=True))
    for i, row in enumerate(rows.tolist()):
        before = first.setdefault(row, i)
        if said[before] != said[i]:
            one, other = (
                f"{column[at[j]]!r}{f' by {whose[j]!r}' * (whose[j] is not None)} in "
                f"{cells.place(at[j])}"
                for j in (before, i)
            )
            raise ValueError(
                f"merge got {cells.columns[on][at[i]]!r} twice, as {one} and as {other}; give "
                f"each row one answer."
            )
    return answers.taken(np.array(list(first.values()), dtype=np.int64))


def _parsed(pool: Facts, given: list, cells: Cells, new_labels: bool) -> Parsed:
    """Return cells as labels of the pool, or refuse those that are none."""
    known = pool.classes
    if known is None:
        known = sorted_classes(pool.all_labels()[1])
    is_open = pool.classes is None and (new_labels or known.dtype.kind == "f")
    if len(known):
        parsed = parse_like(given, known, also_new=is_open)
    else:  # of a file who knows what is meant: the narrowest kind that all are of
        for kind in (bool, int, float, object):
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
        new = ", or new_labels=True if it is new" if pool.classes is None else ""
        raise ValueError(
            f"merge got {', '.join(shown)}{f' and {more} more' * (more > 0)}, where labels are "
            f"{labels or 'text, or numbers'}; write one of these, nothing for no answer{new}."
        )
    return parsed


def _rows(pool: Facts, cells: Cells, on: str, at: np.ndarray) -> np.ndarray:
    """Return the rows that some lines of a table are about, or refuse those that are none."""
    ids = [cells.columns[on][place] for place in at.tolist()]
    found = parse_like(ids, np.zeros(0, dtype=int), also_new=True)
    is_wrong = ~found.is_given | (found.labels < 0) | (found.labels >= len(pool))
    if is_wrong.any():
        i = int(is_wrong.argmax())
        where = cells.place(at[i])
        if ids[i] is None:
            raise ValueError(
                f"merge got a label and no {on!r} in {where}; write which row it is of."
            )
        raise ValueError(
            f"merge got {ids[i]!r} for {on!r} in {where}, which is no row; they are called by row "
            f"numbers, 0 to {len(pool) - 1}."
        )
    return found.labels


def _joined(changes: list[Change], answers: _Answers) -> Change:
    """Return the changes of several people as one operation."""
    if not changes:
        return Change("merge")
    rows = np.concatenate([change.rows for change in changes])
    order = np.argsort(answers.rows)
    one = answers.taken(order[np.searchsorted(answers.rows[order], rows)])
    names = one.names.tolist()
    return Change(
        "merge",
        rows,
        np.concatenate([np.broadcast_to(each.events, len(each.rows)) for each in changes]),
        names,
        one.labels,
        annotator=names[0] if len(set(names)) == 1 else None,
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
    if os.path.exists(path) and not overwrite:
        raise ValueError(
            f"hand_out got {os.fspath(path)!r}, which is there; give another path, or "
            f"overwrite=True."
        )
    if is_integer(rows):
        idx = pool.unlabeled[: checked_count(rows, "n", "hand_out")]
    else:
        idx = check_row_numbers(rows, len(pool), who="hand_out")
    if len(idx) == 0:
        which = "unlabelled row is left" if is_integer(rows) else "row was given"
        raise ValueError(f"hand_out got no row to hand out: no {which}.")
    change = plans.reserve(pool, idx, name, who="hand_out")
    table = {"id": pool.ids_of(idx), **_shown(pool, idx, columns), "label": [None] * len(idx)}
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
