"""What a server says of a row, brought into a pool: one operation a row, or none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from ..data.multilabel import names_in
from ..pool import plans
from ..pool.log import CLOSE, OPINION, UNSURE, Change, Note
from ..pool.standing import standing_of
from .opinions import Answer

ORIGIN = "label_studio"  # in what an operation tells beside: whose answers it recorded


def bring(pool: Any, row: int, wanted: Mapping[str | None, Answer], project: int) -> bool:
    """Let a pool say of a row what people say on a server; return whether it said something else.

    What was said elsewhere, in another project, on the page or by `label`, stays. Labels are those
    of the pool, None of who could not tell.
    """

    def brought() -> bool:
        change = _plan(pool, row, wanted, project)
        if change is None:
            return False
        pool.apply(change)
        return True

    return pool.together(brought)


def _plan(pool: Any, row: int, wanted: Mapping[str | None, Answer], project: int) -> Change | None:
    """Return what would change; None: nothing."""
    own, others, is_decided = _standing(pool, row, project)
    # What was decided would end with the opinions, and outranks them in any case.
    gone = [] if is_decided else [name for name in own if name not in wanted]
    news = [
        name
        for name, each in wanted.items()
        if own.get(name) != (_comparable(pool, each.label), each.comment)
    ]
    if not gone and not news:
        return None
    said: list[tuple[int, str | None, Any, Note]] = []
    if gone:  # an opinion ends with all others of its row; those that stand are said again
        said.append((CLOSE, None, None, (None, None)))
        said += [(_event(label), name, label, note) for name, label, note in others]
        news = list(wanted)
    for name in news:
        each = wanted[name]
        note = each.seconds if _is_duration(each.seconds) else None, each.comment
        said.append((_event(each.label), name, each.label, note))
    events, names, labels, notes = zip(*said, strict=True)
    values = _values(pool, labels)
    times = [_seconds(each.time) for each in map(wanted.get, news) if each and each.time]
    people = set(names) - {None}
    return Change(
        "merge",
        np.full(len(said), row, dtype=np.int64),
        np.array(events, dtype=np.int8),
        list(names),
        values,
        annotator=people.pop() if len(people) == 1 else None,
        notes={at: note for at, note in enumerate(notes) if note != (None, None)},
        detail={ORIGIN: project, "names": news},
        time=max(times, default=None),
    )


def _event(label: Any) -> int:
    return UNSURE if label is None else OPINION


def _standing(pool: Any, row: int, project: int) -> tuple[dict, list, bool]:
    """Return what people say of a row that came from a project, what did not, and if it is decided.

    The first by name: label and comment. The others as name, label and note.
    """
    ledger, log = pool.ledger, pool.ledger.log
    found = standing_of(ledger, np.array([row]))
    kinds, names = log.kinds_of(found.events).tolist(), log.names_of(found.events).tolist()
    (seconds, comments), n = log.notes_of(found.events), ledger.now.n_operations
    dtype = ledger.now.dtype if pool.multilabel else np.dtype(object)
    own: dict[str | None, tuple] = {}
    others = []
    for at, name in enumerate(names):
        event, label = found.events[at : at + 1], None
        if kinds[at] == OPINION:
            label = ledger.labels_of(np.array([row]), event, n, dtype)[0]
            label = names_in(label, pool.classes) if pool.multilabel else label
            label = _comparable(pool, label)
        detail = log.details.get(int(log.operations_of(event)[0]))
        is_own = isinstance(detail, dict) and detail.get(ORIGIN) == project
        if is_own and name in detail["names"]:
            own[name] = label, comments[at]
        else:
            took = float(seconds[at]) if np.isfinite(seconds[at]) else None
            others.append((name, label, (took, comments[at])))
    return own, others, len(found.decided) > 0


def _comparable(pool: Any, label: Any) -> Any:
    """Return a label as two are compared."""
    if pool.multilabel:
        return None if label is None else frozenset(label)
    return label.item() if isinstance(label, np.generic) else label


def _values(pool: Any, labels: Any) -> Any:
    """Return labels as the pool has them, refusing those that it does not take."""
    known = [at for at, label in enumerate(labels) if label is not None]
    if not known:
        return None
    given = [set(labels[at]) if pool.multilabel else labels[at] for at in known]
    found, _ = plans.parse_labels(pool, given, len(given), None, "LabelStudio")
    values = np.zeros(len(labels), dtype=found.dtype)
    values[known] = found
    return values


def _is_duration(seconds: Any) -> bool:
    return isinstance(seconds, int | float) and 0 <= seconds < np.inf


def _seconds(moment: str) -> float:
    """Return a moment of the server's in seconds since the epoch."""
    return datetime.fromisoformat(moment).timestamp()
