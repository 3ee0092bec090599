"""What happened to a pool, in columns: operations, and the events of rows that each is made of."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..data.row_numbers import distinct

# What an event tells of a row. An opinion is somebody's label; who is unsure could not tell.
OPINION, UNSURE, FINAL, CLOSE, SKIP, RESTORE, RESERVE, RELEASE, TAG, UNTAG, HOLD = range(11)
_OF_STATES = ("opinion", "cannot tell", "final", "close", "skip", "restore", "reserve", "release")
EVENT_NAMES = (*_OF_STATES, "tag", "untag", "hold")
LABELS_IN = (OPINION, FINAL)  # events that carry a label
OF_LABELS = (*LABELS_IN, UNSURE, CLOSE)  # by which a label comes, goes, or is another
_HAS_LABEL = np.isin(range(len(EVENT_NAMES)), LABELS_IN)
EVENTS_OF = {  # which events an operation of each kind may consist of
    "fit": (),
    "label": (OPINION, UNSURE, CLOSE),
    "unlabel": (CLOSE,),
    "skip": (SKIP,),
    "restore": (RESTORE,),
    "reserve": (RESERVE,),
    "release": (RELEASE,),
    "extend": (OPINION, UNSURE),
    "undo": (),
    "decide": (FINAL,),
    "tag": (TAG, UNTAG),
    "merge": (OPINION, UNSURE, CLOSE),
    "classes": (CLOSE,),
    "hold_out": (HOLD,),
}
KINDS = tuple(EVENTS_OF)
ADDING = ("fit", "extend")  # operations that may add rows, and that nothing undoes
_OF_OPERATIONS = ("kinds", "times", "actors", "first", "n_added", "dead")  # columns of a `Log`
_OF_EVENTS = ("operations", "rows", "events", "names", "previous", "held", "labels")
NOBODY = 0  # the code of the name None; a release by that name is of all reservations
NEVER = np.iinfo(np.int64).max
NOTHING = np.zeros(0, dtype=np.int64)
NOTHING.flags.writeable = False


Note = tuple[float | None, str | None]  # seconds that an opinion took, and a comment


class Change(NamedTuple):
    """What a call would do to a pool: worked out and found acceptable, but not applied yet."""

    kind: str  # of the operation, one of KINDS
    rows: np.ndarray = NOTHING  # (k,) int64; the numbers of rows that join follow the pool's
    events: Any = OPINION  # (k,) what each row's event tells, or one for all
    names: Sequence[str | None] | str | None = None  # (k,) whose, or one for all
    labels: Any = None  # (k,), meaningful where the event carries a label
    held: Any = False  # (k,) whether a row is on the test side, or one for all
    annotator: str | None = None  # who did it
    added: Any = None  # `Rows` that join the pool, or how many did
    merge: bool = False  # whether they join what was added last, rather than lie beside it
    undone: tuple[int, ...] = ()  # numbers of operations, newest first
    dtype: np.dtype | None = None  # of labels that it brings back, where it is another
    detail: Any = None  # of operations on the pool as a whole: what JSON can hold
    notes: Mapping[int, Note] = MappingProxyType({})  # by place in the rows
    ids: Any = None  # `Ids` of all rows once these have joined, where the pool has ids
    time: float | None = None  # seconds since the epoch; None: now
    token: Any = None  # by which whoever planned it knows it again

    @property
    def n_added(self) -> int:
        """How many rows join the pool."""
        return self.added if isinstance(self.added, int) else len(self.added or ())

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (len(self.rows) or self.n_added or self.undone or self.detail is not None)

    @property
    def has_label(self) -> np.ndarray:
        """Mask of the rows whose event carries a label, shape (k,)."""
        has_label = _HAS_LABEL[self.events]
        return has_label if has_label.ndim else np.full(len(self.rows), has_label)


class Column:
    """An array that grows at its end; whoever holds an earlier array keeps what was in it."""

    def __init__(self, values: np.ndarray) -> None:
        self.array = values

    def put(self, start: int, values: Any, k: int) -> None:
        """Write k values from a place on; what lies beyond them counts for nothing."""
        array, end = self.array, start + k
        if end > len(array) or not array.flags.writeable:  # as it comes from a file that is mapped
            # Ahead of need, so that many small additions stay cheap.
            array = np.empty((max(end, start * 5 // 4, 16), *array.shape[1:]), dtype=array.dtype)
            array[:start] = self.array[:start]
        array[start:end] = values
        self.array = array


class LabelColumn(Column):
    """A column of labels: of their dtype while they have one, of objects once they have several."""

    def put(self, start: int, values: Any, k: int) -> None:
        """Write k labels from a place on."""
        if values is not None and values.dtype != self.array.dtype:
            self.array = self.array[:start].astype(object if start else values.dtype)
            values = values.astype(self.array.dtype)
        nothing = np.zeros((), dtype=self.array.dtype)
        super().put(start, nothing if values is None else values, k)


class Log:
    """Operations and events in the order in which they happened.

    Nothing here counts how many happened: who reads tells how far. So what was written for an
    operation that never came about is written over by the next, and who reads what is there up to
    some operation sees the same, whatever is written behind it.
    """

    def __init__(self) -> None:
        def numbers(dtype: Any = np.int64) -> Column:
            return Column(np.zeros(0, dtype=dtype))

        # One of each for every operation
        self.kinds, self.times = numbers(np.int8), numbers(float)
        self.actors = numbers(np.int32)
        self.first = numbers()  # its first event
        self.n_added = numbers()
        self.dead = numbers()  # the operation that undid it, or NEVER
        self.dtypes: dict[int, str] = {}  # of the labels, where an operation has any
        self.undone: dict[int, tuple[int, ...]] = {}
        self.details: dict[int, Any] = {}
        # One of each for every event
        self.operations, self.rows = numbers(), numbers()
        self.events, self.names = numbers(np.int8), numbers(np.int32)
        self.previous = numbers()  # the event before it of the same row, or -1
        self.held = numbers(bool)
        self.labels = LabelColumn(np.zeros(0, dtype=np.int8))
        self.notes: dict[int, Note] = {}
        self.people: list[str | None] = [None]  # by code
        self._codes: dict[str | None, int] = {None: NOBODY}
        self.base: tuple[np.ndarray, np.ndarray | None] = (NOTHING, None)  # rows and y of fit
        # What follows, kept for who need not look through all; operations that never came about
        # may have left some in the first two
        self.has_final = False  # whether anything was ever decided
        self.dtype_names: set[str] = set()  # of labels
        self.regroupings: list[int] = []  # operations that changed classes
        self.token: tuple[int, Any] = (-1, None)  # the last one, and of which operation

    def write(
        self, change: Change, n: int, n_events: int, previous: Any, dtype: np.dtype | None
    ) -> int:
        """Write a change as operation n, its events from n_events on; return where they end."""
        rows = change.rows
        if n == 0:  # labels that were there from the start take no event each
            self.base, rows = (rows, change.labels), NOTHING
        k, end = len(rows), n_events + len(rows)
        if change.token is not None or self.token[0] >= n:
            self.token = (n, change.token)
        actor = self.code(change.annotator)
        when = time.time() if change.time is None else change.time
        of_operation = (KINDS.index(change.kind), when, actor, n_events, change.n_added, NEVER)
        for name, value in zip(_OF_OPERATIONS, of_operation, strict=True):
            getattr(self, name).put(n, value, 1)
        tables: tuple[tuple[dict[int, Any], Any], ...] = (
            (self.dtypes, None if dtype is None else dtype.str),
            (self.undone, change.undone or None),
            (self.details, change.detail),
        )
        for kept, entry in tables:
            left = kept.pop(n, None)  # by an operation that did not come about
            if left is not None and kept is self.undone:
                self.dead.array[list(left)] = NEVER
            if entry is not None:
                kept[n] = entry
        for at in range(n_events, end) if self.notes else ():
            self.notes.pop(at, None)
        self.notes.update((n_events + place, note) for place, note in change.notes.items())
        self.has_final |= change.kind == "decide"
        if dtype is not None:
            self.dtype_names.add(dtype.str)
        while self.regroupings and self.regroupings[-1] >= n:
            self.regroupings.pop()
        if change.kind == "classes":
            self.regroupings.append(n)
        names = self._codes_of(change.names)
        of_events = (n, rows, change.events, names, previous, change.held, change.labels)
        for name, value in zip(_OF_EVENTS, of_events, strict=True) if k else ():
            getattr(self, name).put(n_events, value, k)
        return end

    def change(self, n: int, n_operations: int, n_events: int) -> Change:
        """Return what was written as operation n, with so many operations and events in all."""
        events = self.span(n, n_operations, n_events)
        dtype, codes = self.dtypes.get(n), self.names.array[events].tolist()
        return Change(
            KINDS[self.kinds.array[n]],
            self.rows.array[events] if n else self.base[0],
            self.events.array[events] if n else OPINION,
            [self.people[code] for code in codes] if n else None,
            self.base[1] if n == 0 else dtype and self.labels.array[events].astype(dtype),
            self.held.array[events] if n else False,
            self.people[self.actors.array[n]],
            int(self.n_added.array[n]),
            undone=self.undone.get(n, ()),
            detail=self.details.get(n),
            notes={
                at - events.start: self.notes[at]
                for at in (range(events.start, events.stop) if self.notes else ())
                if at in self.notes
            },
            time=float(self.times.array[n]),
        )

    def code(self, name: str | None) -> int:
        """Return the code of a name, a new one if need be."""
        name = plain_name(name)
        code = self._codes.get(name)
        if code is None:
            self.people.append(name)  # first: who reads a code finds its name
            code = self._codes[name] = len(self.people) - 1
        return code

    def known_code(self, name: str | None) -> int:
        """Return the code of a name, -1 if it has none."""
        return self._codes.get(plain_name(name), -1)

    def kinds_of(self, events: np.ndarray) -> np.ndarray:
        """Return what events tell; before the first is the label that was there from the start."""
        return _taken(self.events.array, events, OPINION)

    def operations_of(self, events: np.ndarray) -> np.ndarray:
        """Return the operations that they are of."""
        return _taken(self.operations.array, events, 0)

    def name_codes(self, events: np.ndarray) -> np.ndarray:
        """Return the codes of those who told them."""
        return _taken(self.names.array, events, NOBODY)

    def names_of(self, events: np.ndarray) -> np.ndarray:
        """Return the names of those who told them, or for whom."""
        people = np.fromiter(self.people, dtype=object, count=len(self.people))
        return people[self.name_codes(events)]

    def notes_of(self, events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the seconds that they took, NaN where nobody said, and what was remarked."""
        seconds, comments = np.full(len(events), np.nan), np.full(len(events), None)
        at = np.arange(len(events))
        if len(self.notes) < len(events):  # asking for each of a million took a second
            at = np.flatnonzero(np.isin(events, np.fromiter(list(self.notes), dtype=np.int64)))
        if len(at):
            notes = [self.notes.get(event, (None, None)) for event in events[at].tolist()]
            seconds[at], comments[at] = zip(*notes, strict=True)
        return seconds, comments

    def _codes_of(self, names: Any) -> Any:
        """Return codes for names, or for one that stands for all."""
        if names is None or isinstance(names, str):
            return self.code(names)
        return [self.code(name) for name in names]

    def span(self, n: int, n_operations: int, n_events: int) -> slice:
        """Return where the events of operation n lie, with so many operations and events in all."""
        stop = n_events if n + 1 >= n_operations else int(self.first.array[n + 1])
        return slice(int(self.first.array[n]), stop)

    def is_live(self, events: np.ndarray, n_operations: int) -> np.ndarray:
        """Tell which events counted after so many operations."""
        return self.dead.array[self.operations.array[events]] >= n_operations

    def touched(self, n_events: int) -> np.ndarray:
        """Return the rows that so many events or the labels of the start are about, sorted."""
        return distinct(np.append(self.base[0], self.rows.array[:n_events]))

    def trimmed(self, n: int, n_events: int) -> Log:
        """Return a copy that holds so many operations and events, and room for no more."""
        new = Log()
        for names, size in ((_OF_OPERATIONS, n), (_OF_EVENTS, n_events)):
            for name in names:
                column = getattr(self, name)
                setattr(new, name, type(column)(column.array[:size].copy()))
        new.dead.array[new.dead.array >= n] = NEVER
        for name, size in (("dtypes", n), ("undone", n), ("details", n), ("notes", n_events)):
            kept = getattr(self, name)
            pairs = list(kept.items())  # at one moment, whoever writes
            setattr(new, name, {key: value for key, value in pairs if key < size})
        new.people, new._codes, new.base = [*self.people], dict(self._codes), self.base
        new.has_final, new.dtype_names = self.has_final, set(self.dtype_names)
        new.regroupings = [number for number in list(self.regroupings) if number < n]
        new.token = self.token if self.token[0] < n else (-1, None)
        return new


def previous_of(rows: np.ndarray) -> np.ndarray:
    """Return for each event of these rows the place of the one before it of the same row, or -1."""
    order = np.argsort(rows, kind="stable")
    previous = np.full(len(rows), -1, dtype=np.int64)
    same = rows[order][1:] == rows[order][:-1]
    previous[order[1:][same]] = order[:-1][same]
    return previous


def plain_name(name: str | None) -> str | None:
    """Return a name as text and nothing more: members of an enum have another hash than theirs."""
    return None if name is None else str.__str__(name)


def _taken(column: np.ndarray, events: np.ndarray, of_base: int) -> np.ndarray:
    """Return the entries of events, and another where a label was there from the start."""
    taken = np.full(len(events), of_base, dtype=np.int64)
    taken[events >= 0] = column[events[events >= 0]]
    return taken
