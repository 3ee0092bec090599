"""What somebody did on the page as a change of the pool: planned here, refused in a sentence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..pool import plans
from ..pool.history import undoable
from ..pool.log import KINDS, OPINION, UNSURE, Change, Note
from ..pool.pool import Pool
from .labels import Labels

_LABEL = KINDS.index("label")


class Own(NamedTuple):
    """What somebody says of a row."""

    label: Any  # as the page has it; None: she could not tell
    comment: str | None


class Book:
    """A pool in a file, written to as people answer.

    Every operation of the page is one of the pool, under its id: one that comes again, after
    whatever happened, is recorded once.
    """

    def __init__(self, pool: Pool, labels: Labels) -> None:
        self.pool, self.labels = pool, labels

    def own(self, row: int, name: str) -> Own | None:
        """Return what somebody says of a row; None: nothing."""
        said = self.pool.said_of(np.array([row]))
        for who, label, comment in zip(
            said["annotator"], said["label"], said["comment"], strict=True
        ):
            if who == name:
                return Own(self.labels.of_pool(label), comment)
        return None

    def record(self, op: dict[str, Any], name: str) -> bool:
        """Record an answer, a skip, or what somebody makes of her own one; ValueError refuses.

        Returns whether it is the first that she says of the row.
        """
        if self._number(op["op"], name) is not None:
            return False
        kind, own = op["kind"], self.own(op["row"], name)
        if kind == "review" and own is None:
            raise ValueError("you have not answered this row, so that there is nothing to change.")
        is_skip = kind == "skip" or (kind == "review" and op["label"] is None)
        change = self._skip(op, own, name) if is_skip else self._answer(op, own, name)
        if change.is_empty:
            return False
        if op["guessed"]:  # whether she had seen what the model guesses
            change = change._replace(detail={"guessed": True})
        self.pool.apply(change._replace(token=_token(op["op"], name)))
        return own is None

    def take_back(self, op: dict[str, Any], name: str) -> tuple[int, Own | None]:
        """Undo what somebody did last, of a row if one is named.

        Returns the row, and what she had said of it; None where that was taken back already.
        """
        known = self._number(op["op"], name)
        if known is not None:
            return self._row_of(self.pool.ledger.log.undone[known][0]), None
        undone = (self._last(op["row"], name),)
        row = self._row_of(undone[0])
        own, dtype = self.own(row, name), self.pool.ledger.dtype_without(undone)
        token = _token(op["op"], name)
        self.pool.apply(Change("undo", undone=undone, dtype=dtype, token=token))
        return row, own

    def _answer(self, op: dict[str, Any], own: Own | None, name: str) -> Change:
        rows, comment = np.array([op["row"]]), op["comment"] or None
        label = self.labels.of_page(op["label"])
        change = plans.label(
            self.pool,
            rows,
            [label],
            relabel=True,
            annotator=name,
            seconds=_seconds(op),
            comment=comment,
        )
        if change.is_empty and own is not None and comment != own.comment:
            # She says the same, and another thing about it.
            values, _ = plans.parse_labels(self.pool, [label], 1, None, "label", is_answer=True)
            change = change._replace(rows=rows, events=np.array([OPINION]), labels=values)
            change = change._replace(notes=_notes(op))
        return change

    def _skip(self, op: dict[str, Any], own: Own | None, name: str) -> Change:
        """Return that somebody could not tell; what others said of the row stays."""
        comment = op["comment"] or None
        if own is not None and own.label is None and comment in (None, own.comment):
            return Change("label")
        rows = np.array([op["row"]])
        return Change("label", rows, UNSURE, name, annotator=name, notes=_notes(op))

    def _last(self, row: int | None, name: str) -> int:
        """Return the operation to undo."""
        ledger = self.pool.ledger
        ledger.follow()
        nothing = ValueError("there is nothing of yours to take back.")
        if row is None:
            found = undoable(ledger, 1, name)
        else:
            found = [n for n in self._operations_on(row) if self._is_by(n, name)][:1]
        if not found:
            raise nothing
        if self._n_rows(found[0]) != 1 or ledger.log.kinds.array[found[0]] != _LABEL:
            raise ValueError(
                "what you did last was no answer on this page, but many at once; take it back in "
                "Python: pool.undo(annotator=...)."
            )
        return found[0]

    def _operations_on(self, row: int) -> list[int]:
        """Return the operations on a row that count, newest first."""
        if not 0 <= row < len(self.pool):
            return []
        ledger, log = self.pool.ledger, self.pool.ledger.log
        events, n = [], ledger.now.n_operations
        at = int(ledger.last_events(np.array([row]))[0])
        while at >= 0:
            events.append(at)
            at = int(log.previous.array[at])
        numbers = np.array(events, dtype=np.int64)
        return log.operations.array[numbers[log.is_live(numbers, n)]].tolist()

    def _is_by(self, n: int, name: str) -> bool:
        log = self.pool.ledger.log
        return log.kinds.array[n] == _LABEL and log.people[log.actors.array[n]] == name

    def _n_rows(self, n: int) -> int:
        now, log = self.pool.ledger.now, self.pool.ledger.log
        span = log.span(n, now.n_operations, now.n_events)
        return span.stop - span.start

    def _row_of(self, n: int) -> int:
        log = self.pool.ledger.log
        return int(log.rows.array[log.first.array[n]])

    def _number(self, op: str, name: str) -> int | None:
        return self.pool.ledger.store.operation_of(_token(op, name))  # type: ignore[attr-defined]


def _token(op: str, name: str) -> str:
    """Return under what an operation of the page is recorded; nobody can use another's up."""
    return f"page {len(name)} {name} {op}"  # names have spaces, and so may ids


def _seconds(op: dict[str, Any]) -> float | None:
    return None if op["ms"] is None else op["ms"] / 1000


def _notes(op: dict[str, Any]) -> dict[int, Note]:
    note = _seconds(op), op["comment"] or None
    return {} if note == (None, None) else {0: note}
