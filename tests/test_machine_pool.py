"""The pool's state machine: every operation, valid or not, against a model of plain dicts."""

import copy
import pickle
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from test_interrupts import Interrupt

from skactive import Pool
from skactive.pool import ledger, slots

FREE, LABELED, RESERVED, SKIPPED = STATES = ("unlabeled", "labeled", "reserved", "skipped")
NAN = float("nan")


# The model: what design.md says of a pool, in dicts


class RefusedError(Exception):
    """The design refuses this call."""


def refuse_if(condition):
    if condition:
        raise RefusedError


UNSURE = object()


class Row:
    """One row, as told by what happened to it."""

    def __init__(self):
        self.said = {}  # who -> label or UNSURE, the latest last
        self.final, self.skipped, self.names = None, False, set()

    def happen(self, act, who, value):
        if act == "opinion":
            self.said.pop(who, None)
            self.said[who] = value
            self.skipped = False
            self.names -= self.names if who is None else {who, None}
        elif act == "final":
            self.final, self.skipped = value, False
        elif act == "close":
            self.said, self.final = {}, None
        elif act == "skip":
            self.skipped, self.names = True, set()
        elif act == "restore":
            self.skipped = False
            self.said = {who: label for who, label in self.said.items() if label is not UNSURE}
        elif act == "reserve":
            self.names.add(who)
        elif act == "release":
            self.names -= self.names if who is None else {who}

    @property
    def labels(self):
        return [label for label in self.said.values() if label is not UNSURE]

    @property
    def latest(self):
        return self.final if self.final is not None else self.labels[-1] if self.labels else None

    label = latest

    @property
    def state(self):
        if self.label is not None:
            return LABELED
        if self.skipped or UNSURE in self.said.values():
            return SKIPPED
        return RESERVED if self.names else FREE


class Model:
    """What happened, call by call; rows follow from all of it, each time from the start."""

    Row = Row

    def __init__(self):
        self.calls = []  # (kind, who did it, [(row, act, who, value)], rows that joined)
        self.dead = set()
        self.named = None  # the classes that are accepted
        self.replay()

    def replay(self):
        self.row = {}
        for number, (_, _, acts, m) in enumerate(self.calls):
            self.row |= {len(self.row) + i: self.Row() for i in range(m)}
            for row, *act in acts if number not in self.dead else ():
                self.row[row].happen(*act)
        self.state = {number: row.state for number, row in self.row.items()}
        self.label = {n: row.label for n, row in self.row.items() if row.label is not None}
        self.name = {n: row.names for n, row in self.row.items() if row.names}

    @property
    def n_entries(self):
        return len(self.calls)

    def rows(self, *states):
        return [row for row, state in self.state.items() if state in states]

    def _happen(self, kind, actor, acts, m=0):
        """One operation: it is in the history if it changed something."""
        if acts or m:
            self.calls.append((kind, actor, acts, m))
            self.replay()

    def _accept(self, rows, y):
        """Refuse rows that are none, labels that are none, and labels that classes leave out."""
        refuse_if(rows is None or y is None or len(rows) != len(y))
        refuse_if(self.named is not None and any(v not in self.named for v in y if v is not None))

    def give(self, rows, y, relabel, annotator=None):
        """Label; None is the missing label."""
        self._accept(rows, y)
        acts = []
        for number, value in zip(rows, y, strict=True):
            row = self.row[number]
            was, same = row.label is not None, value is not None and row.label == value
            if was and not same:
                refuse_if(not relabel or row.final is not None)
            if annotator is not None and row.state == RESERVED:
                refuse_if(not row.names & {annotator, None})
            if value is not None:
                if not same or (annotator is not None and row.said.get(annotator) != value):
                    acts.append((number, "opinion", annotator, value))
            elif was:
                acts.append((number, "close", annotator, None))
            elif row.state != SKIPPED or (
                annotator is not None and row.said.get(annotator) is not UNSURE
            ):
                acts.append((number, "opinion", annotator, UNSURE))
        self._happen("label", annotator, acts)

    def decide(self, rows, y, annotator):
        self._accept(rows, y)
        refuse_if(any(value is None for value in y))
        pairs = zip(rows, y, strict=True)
        acts = [(r, "final", annotator, v) for r, v in pairs if self.row[r].final != v]
        self._happen("decide", annotator, acts)

    def move(self, kind, act, rows, sources, name=None):
        refuse_if(rows is None or any(self.state[row] not in sources for row in rows))
        moved = [row for row in rows if act != "skip" or self.state[row] != SKIPPED]
        self._happen(kind, None, [(row, act, name, None) for row in moved])

    def release(self, rows):
        refuse_if(rows is None or any(not self.row[row].names for row in rows))
        self.move("release", "release", rows, STATES)

    def reserve(self, rows, name):
        takes = (FREE, RESERVED) if name is None else (FREE, RESERVED, LABELED)
        refuse_if(rows is None or any(self.state[row] not in takes for row in rows))
        new = [row for row in rows if name not in self.row[row].names]
        self._happen("reserve", None, [(row, "reserve", name, None) for row in new])

    def release_name(self, name):
        rows = [row for row, names in self.name.items() if name in names]
        refuse_if(not rows)
        self.move("release", "release", rows, STATES, name)

    def extend(self, kind, m, y, annotator=None):
        n = len(self.state)
        self._accept(range(n, n + m), y)
        pairs = [(n + i, value) for i, value in enumerate(y) if value is not None]
        self._happen(kind, annotator, [(r, "opinion", annotator, v) for r, v in pairs], m)

    def can_be_undone(self, annotator):
        """Numbers of calls, the newest first."""
        calls = [*enumerate(self.calls)][::-1]
        return [
            number
            for number, (kind, actor, _, _) in calls
            if kind != "undo"
            and number not in self.dead
            and (annotator is None or (actor == annotator and kind in ("label", "decide")))
        ]

    def undo(self, n, annotator):
        undone = self.can_be_undone(annotator)
        refuse_if(type(n) is not int or not 1 <= n <= len(undone))
        undone = undone[:n]
        refuse_if(any(self.calls[number][0] in ("fit", "extend") for number in undone))
        self.dead |= set(undone)
        self.calls.append(("undo", None, [], 0))
        self.replay()
        return sorted(undone)

    def name_classes(self, classes):
        refuse_if(any(value not in classes for value in self.label.values()))
        self.named = classes


# Rows that say who they are, in three containers

MAKE = {
    "array": lambda ids: np.array([[i, -i] for i in ids], dtype=float).reshape(-1, 2),
    "csr": lambda ids: sp.csr_matrix(MAKE["array"](ids)),
    "list": lambda ids: [f"row {i}" for i in ids],
}


def ids_of(rows):
    if isinstance(rows, list):
        return [int(text.removeprefix("row ")) for text in rows]
    return rows[:, [0]].toarray().ravel().tolist() if sp.issparse(rows) else rows[:, 0].tolist()


# What is drawn: numbers, from which rows and labels are picked by what the model holds

SEEDS = st.lists(st.integers(0, 10**6), min_size=1, max_size=4)
ROW_FAULTS = [
    *(*([None] * 40), "no rows", "no rows"),
    *("twice", "negative", "beyond", "boolean", "float", "nested", "text", "mask"),
]
ROW_FORMS = ["list", "array", "int16", "scalar", "tuple"]
LABEL_FAULTS = [
    *([None] * 40),
    *("more", "fewer", "infinite", "other kind", "mixed", "columns", "dict"),
]
LABEL_FORMS = ["list", "array", "narrow", "objects", "scalar"]
WHO = [None, "Ada", "Böðvar"]
HOW_MANY = [1, 1, 1, 1, 2, 2, 3, 5, "all", "too many", 0, -1, True, 1.5, "1", None]
PICKS = st.tuples(
    st.sampled_from([False, False, True]),
    SEEDS,
    st.sampled_from(ROW_FORMS),
    st.sampled_from(ROW_FAULTS),
)
LABELS = st.tuples(
    st.lists(st.integers(0, 60), min_size=4, max_size=4),
    st.sampled_from(LABEL_FORMS),
    st.sampled_from(LABEL_FAULTS),
)
PEOPLE = st.sampled_from(WHO)
UNDOS = st.sampled_from(HOW_MANY)


def has(state):
    """Only when there is a row in this state."""
    return precondition(lambda machine: machine.pool and machine.model.rows(state))


class PoolMachine(RuleBasedStateMachine):
    """Drives a pool and a model of it; subclasses say what labels are like."""

    VALUES: tuple  # labels
    MISSING: tuple  # ways to write that there is none
    OTHER: object  # a label of another kind
    OPTIONS: dict  # for Pool
    MODEL = Model
    POOL = Pool
    HOLE: object  # what y holds where there is no label

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.pool = None
        self.in_agreement = False  # model and pool, at the end of a step
        self.in_order = True  # whether what was undone was always the last
        self.interrupt_at = None  # the line of the next call that is not to be run
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(ledger, "_TRIES", 2)  # nobody else changes these pools

    def teardown(self):
        try:
            if self.in_agreement:
                self.read_sorted()
                self.replay_all()
        finally:
            self.folder.cleanup()
            self.patch.undo()

    @initialize(
        kind=st.sampled_from(sorted(MAKE)),
        n=st.integers(1, 24),
        known=st.none() | st.lists(st.integers(0, 60), min_size=24, max_size=24),
        eager=st.booleans(),
        seed=st.none() | st.integers(0, 2**32 - 1),
    )
    def start(self, kind, n, known, eager, seed):
        self.make, self.eager, self.seed = MAKE[kind], eager, seed
        self.replay, self.past_dtypes = {}, {}
        X, self.model = self.make(range(n)), self.MODEL()
        y, values = None, [None] * n
        if known is not None:
            values = [self.value_of(number) for number in known[:n]]
            y = [self.written(value, i) for i, value in enumerate(values)]
        if all(isinstance(v, float) and v != v for v in y or ()):
            y = None  # refused: a test of its own
        self.began = time.time()
        self.pool = self.made(X, y)
        self.pool.seed = seed
        assert self.pool.X is X
        self.model.extend("fit", n, values)
        self.history = ()
        self.follow("fit")

    def made(self, X, y):
        return self.POOL(X, y, **self.OPTIONS)

    # Arguments

    def value_of(self, number):
        """A label, or None for the missing label, in one of four draws."""
        return None if number % 4 == 3 else self.VALUES[number % len(self.VALUES)]

    def written(self, value, number):
        return self.MISSING[number % len(self.MISSING)] if value is None else value

    def told(self, label):
        """A label, or None, as a pool tells it."""
        return label

    def some_rows(self, pick, *states):
        """An argument for row numbers, and the row numbers that it means; None if it means none.

        Mostly rows that are in one of the states.
        """
        anywhere, seeds, form, fault = pick
        n = len(self.model.state)
        members = list(range(n)) if anywhere else self.model.rows(*states) or list(range(n))
        rows = list(dict.fromkeys(members[seed % len(members)] for seed in seeds))
        wrong = {
            "twice": [*rows, n - 1, n - 1],
            "negative": [*rows, -1],
            "beyond": [*rows, n],
            "boolean": [True, False],
            "float": [float(row) for row in [*rows, 0]],
            "nested": [rows],
            "text": "0",
            "mask": np.ones(n, dtype=bool),
        }
        if fault == "no rows":
            return [], []
        if fault is not None:
            return wrong[fault], None
        if form == "scalar" and len(rows) == 1:
            return np.int64(rows[0]) if seeds[0] % 2 else rows[0], rows
        if form == "tuple":
            return tuple(rows), rows
        if form in ("array", "int16"):
            return np.array(rows, dtype=np.int64 if form == "array" else np.int16), rows
        return rows, rows

    def some_labels(self, drawn, k):
        """An argument for k labels, and the labels that it means; None if they are refused."""
        numbers, form, fault = drawn
        values = [self.value_of(number) for number in numbers[:k]]
        written = [self.written(v, number) for v, number in zip(values, numbers, strict=False)]
        if fault == "more":
            return [*written, self.VALUES[0]], None
        if fault == "fewer" and k:
            return written[:-1], None
        if fault == "infinite" and k:
            return [*written[:-1], float("inf")], None
        if fault == "mixed" and k > 1:
            return [*written[:-2], self.VALUES[0], self.OTHER], None
        if fault == "other kind" and k and self.model.label:
            return [self.OTHER] * k, None
        if fault == "columns" and k:
            return [[value, value] for value in written], None
        if fault == "dict":
            return dict(enumerate(written)), None
        if form == "scalar" and k == 1:
            return written[0], values
        if form == "objects":
            return np.fromiter(written, dtype=object, count=k), values
        if form in ("array", "narrow") and None not in values:
            array = np.array(written)
            kind = array.dtype.kind
            narrow = array.astype({"i": np.int16, "f": np.float32}.get(kind, array.dtype))
            return narrow if form == "narrow" and (narrow == array).all() else array, values
        return written, values

    def dtypes(self):
        """What undo has to bring back besides the values."""
        dtype = self.pool.y_labeled.dtype if self.eager and self.model.label else None
        return self.pool.y.dtype, dtype

    # One step: the model says what happens, the pool must agree

    def step(self, kind, expected, call, **details):
        """Carry out on both; whatever is refused changes nothing, whatever is not is one entry."""
        n_entries, dtypes = self.model.n_entries, self.dtypes()
        self.in_agreement = False
        line, self.interrupt_at = self.interrupt_at, None
        if line is not None and kind != "name_classes":
            self.interrupted(line, kind, expected, call, **details)
            return
        try:
            undone = expected()
        except RefusedError:
            with pytest.raises((ValueError, TypeError)) as info:
                call()
            assert str(info.value).endswith(".") and " " in str(info.value)
            assert self.dtypes() == dtypes
            assert len(self.pool.history) == n_entries
            return
        result = call()
        if kind == "extend":
            n = len(self.model.state)
            assert result.tolist() == list(range(n - details["n_added"], n))
        else:
            assert result is None
        if self.model.n_entries == n_entries:
            assert self.dtypes() == dtypes
        self.happened(kind, n_entries, dtypes, undone, **details)

    def interrupted(self, line, kind, expected, call, **details):
        """Interrupt a call at one of its lines: it is an entry, and whole, or nothing changed."""
        n_entries, dtypes = self.model.n_entries, self.dtypes()
        with Interrupt(line).watching(), suppress(ValueError, TypeError):
            call()
        if len(self.pool.history) == n_entries:
            assert self.dtypes() == dtypes
        else:
            self.happened(kind, n_entries, dtypes, expected(), **details)

    def happened(self, kind, n_entries, dtypes, undone, **details):
        if kind == "undo":
            if self.in_order:  # nothing that came later has been left
                assert self.dtypes() == self.past_dtypes[undone[0]]
            details["undone"] = undone
        elif self.model.n_entries > n_entries:
            self.past_dtypes[n_entries] = dtypes
        self.follow(kind, **details)

    def follow(self, kind, annotator=None, n_added=None, undone=()):
        """Check the new entry of the history, and that the older ones are untouched."""
        history = self.pool.history
        assert history[: len(self.history)] == self.history
        assert len(history) == self.model.n_entries
        for op in history[len(self.history) :]:
            assert op.kind == kind
            assert op.annotator == annotator
            assert op.n_added == (len(self.pool) if kind == "fit" else n_added or 0)
            assert sorted(op.undone) == undone if undone else op.undone == ()
            assert self.began <= op.time <= time.time()
            self.replay_one(op, self.replay)
        self.history = history

    def replay_one(self, op, rows):
        """Apply an operation to a dict of rows, which are what it says they were before."""
        for row in range(len(rows), len(rows) + op.n_added):
            rows[row] = (FREE, None, ())
        k = len(op.rows)
        assert len(set(op.rows.tolist())) == k
        before = zip(op.states_before, op.before, op.names_before or [()] * k, strict=True)
        after = zip(op.states_after, op.after, op.names_after or [()] * k, strict=True)
        for row, old, new in zip(op.rows.tolist(), before, after, strict=True):
            assert rows[row] == (STATES[old[0]], *old[1:])
            rows[row] = (STATES[new[0]], *new[1:])

    def replay_all(self):
        rows = {}
        for op in self.pool.history:
            self.replay_one(op, rows)
        assert rows == self.replay

    # The operations

    @rule(pick=PICKS, labels=LABELS, relabel=st.booleans(), annotator=PEOPLE)
    def label(self, pick, labels, relabel, annotator):
        idx, rows = self.some_rows(pick, FREE, RESERVED, SKIPPED)
        y, values = self.some_labels(labels, 1 if rows is None else len(rows))
        self.step(
            "label",
            lambda: self.model.give(rows, values, relabel, annotator),
            lambda: self.pool.label(idx, y, relabel=relabel, annotator=annotator),
            annotator=annotator,
        )

    @has(LABELED)
    @rule(stride=st.integers(1, 3), annotator=PEOPLE)
    def label_the_same_again(self, stride, annotator):
        rows = list(self.model.label)[::stride]
        values = [self.model.label[row] for row in rows]
        self.step(
            "label",
            lambda: self.model.give(rows, values, False, annotator),
            lambda: self.pool.label(rows, values, annotator=annotator),
            annotator=annotator,
        )

    @rule(pick=PICKS, labels=LABELS, annotator=PEOPLE)
    def decide(self, pick, labels, annotator):
        idx, rows = self.some_rows(pick, LABELED)
        y, values = self.some_labels(labels, 1 if rows is None else len(rows))
        self.step(
            "decide",
            lambda: self.model.decide(rows, values, annotator),
            lambda: self.pool.decide(idx, y, annotator=annotator),
            annotator=annotator,
        )

    @has(LABELED)
    @rule(pick=PICKS)
    def unlabel(self, pick):
        idx, rows = self.some_rows(pick, LABELED)
        self.step(
            "unlabel",
            lambda: self.model.move("unlabel", "close", rows, {LABELED}),
            lambda: self.pool.unlabel(idx),
        )

    @rule(pick=PICKS)
    def skip(self, pick):
        idx, rows = self.some_rows(pick, FREE, RESERVED)
        self.step(
            "skip",
            lambda: self.model.move("skip", "skip", rows, {FREE, RESERVED, SKIPPED}),
            lambda: self.pool.skip(idx),
        )

    @has(SKIPPED)
    @rule(pick=PICKS)
    def restore(self, pick):
        idx, rows = self.some_rows(pick, SKIPPED)
        self.step(
            "restore",
            lambda: self.model.move("restore", "restore", rows, {SKIPPED}),
            lambda: self.pool.restore(idx),
        )

    @rule(pick=PICKS, name=PEOPLE)
    def reserve(self, pick, name):
        idx, rows = self.some_rows(pick, FREE)
        self.step(
            "reserve",
            lambda: self.model.reserve(rows, name),
            lambda: self.pool.reserve(idx, name),
        )

    @has(RESERVED)
    @rule(pick=PICKS)
    def release(self, pick):
        idx, rows = self.some_rows(pick, RESERVED)
        self.step(
            "release",
            lambda: self.model.release(rows),
            lambda: self.pool.release(idx),
        )

    @has(RESERVED)
    @rule(name=st.sampled_from(["Ada", "Böðvar", "nobody", "two ways", "no way"]))
    def release_by_name(self, name):
        reserved = self.model.rows(RESERVED)
        wrong = {"two ways": {"idx": reserved, "name": "Ada"}, "no way": {}}
        self.step(
            "release",
            lambda: refuse_if(name in wrong) or self.model.release_name(name),
            lambda: self.pool.release(**wrong.get(name, {"name": name})),
        )

    @rule(
        m=st.integers(0, 3),
        labels=st.none() | LABELS,
        annotator=PEOPLE,
        fault=st.sampled_from([None] * 12 + ["columns", "container"]),
    )
    def extend(self, m, labels, annotator, fault):
        n = len(self.model.state)
        X = self.make(range(n, n + m))
        y, values = (None, [None] * m) if labels is None else self.some_labels(labels, m)
        if fault == "columns":
            X = [[0.0]] * 2 if isinstance(X, list) else MAKE["array"]([0])[:, :1]
        elif fault == "container":
            X = {"a": [1.0]}
        self.step(
            "extend",
            lambda: refuse_if(fault) or self.model.extend("extend", m, values, annotator),
            lambda: self.pool.extend(X, y, annotator=annotator),
            annotator=annotator,
            n_added=m,
        )

    @rule(n=UNDOS, annotator=st.sampled_from([None, None, "Ada", "nobody"]))
    def undo(self, n, annotator):
        most = len(self.model.can_be_undone(annotator))
        n = {"all": most, "too many": most + 1}.get(n, n)
        self.in_order &= annotator is None
        self.step(
            "undo",
            lambda: self.model.undo(n, annotator),
            lambda: self.pool.undo(n, annotator=annotator),
        )

    @rule(seeds=SEEDS, what=st.sampled_from(["all", "all", "those present", "some"]))
    def name_classes(self, seeds, what):
        classes = {self.VALUES[seed % len(self.VALUES)] for seed in seeds}
        if what != "some":
            classes |= set(self.VALUES if what == "all" else self.model.label.values())
        self.step(
            "name_classes",
            lambda: self.model.name_classes(classes),
            lambda: self.pool.name_classes(list(classes)),
        )

    @has(FREE)
    @rule(positions=SEEDS)
    def positions_among_the_unlabeled(self, positions):
        free = self.model.rows(FREE)
        positions = list(dict.fromkeys(position % len(free) for position in positions))
        assert self.pool.to_dataset(positions).tolist() == [free[i] for i in positions]
        with pytest.raises(ValueError, match="to_dataset got row number"):
            self.pool.to_dataset([len(free)])

    @rule(line=st.integers(1, 400))
    def interrupt_the_next(self, line):
        self.interrupt_at = line

    # Copies and files

    @rule(how=st.sampled_from(["pickle", "deepcopy"]))
    def copied(self, how):
        if how == "pickle":
            self.go_on_with(pickle.loads(pickle.dumps(self.pool)))
        else:
            self.go_on_with(copy.deepcopy(self.pool))

    @rule()
    def saved_and_loaded(self):
        path = Path(self.folder.name) / "pool.npz"
        self.pool.save(path)
        n = len(self.model.state)
        if n > 1:
            with pytest.raises(ValueError, match="not the data that this pool was saved with"):
                self.POOL.load(path, self.make(range(n)[::-1]))
        with pytest.raises(ValueError, match=f"saved with {n} rows, X has {n + 1}"):
            self.POOL.load(path, self.make(range(n + 1)))
        self.go_on_with(self.POOL.load(path, self.make(range(n))))

    def go_on_with(self, other):
        """Go on with a copy, which is equal in everything, the history and dtypes included."""
        pool = self.pool
        assert (other.missing_label, other.seed) == (pool.missing_label, pool.seed)
        assert len(other.history) == len(pool.history)
        for theirs, ours in zip(other.history, pool.history, strict=True):
            assert as_plain(theirs) == as_plain(ours)
        for name in ("y", "y_labeled"):
            assert as_plain(getattr(other, name)) == as_plain(getattr(pool, name))
        self.pool, self.history = other, other.history

    # What holds after every step

    @invariant()
    def agrees_with_the_model(self):
        if self.pool is None:
            return
        pool, model = self.pool, self.model
        n = len(model.state)
        assert len(pool) == n
        masks = [getattr(pool, f"{state}_mask") for state in STATES]
        assert (np.sum(masks, axis=0) == 1).all()
        for state, mask in zip(STATES, masks, strict=True):
            assert np.flatnonzero(mask).tolist() == model.rows(state)
            assert getattr(pool, f"n_{state}") == len(model.rows(state))
        labels = {row: self.told(label) for row, label in model.label.items()}
        expected = [labels.get(row, self.HOLE) for row in range(n)]
        assert [None if v != v else v for v in pool.y.tolist()] == expected
        assert {row: set(names) for row, names in pool.reservations.items()} == model.name
        entry = {
            row: (s, self.told(model.row[row].latest), pool.reservations.get(row, ()))
            for row, s in model.state.items()
        }
        assert entry == self.replay
        assert pool.seed == self.seed
        assert (None if pool.classes is None else set(pool.classes.tolist())) == model.named
        if self.eager:
            self.read_sorted()
        self.in_agreement = True

    @rule()
    def read_sorted(self):
        """Read what is brought up to date only when it is read; not after each step."""
        pool, model = self.pool, self.model
        for state in STATES:
            assert getattr(pool, state).tolist() == model.rows(state)
        labeled = model.rows(LABELED)
        assert pool.y_labeled.tolist() == [self.told(model.label[row]) for row in labeled]
        assert ids_of(pool.X_labeled) == labeled
        assert ids_of(pool.X_unlabeled) == model.rows(FREE)
        assert ids_of(pool.X) == list(range(len(model.state)))


FACTS = [
    *("kind", "rows", "annotator", "time", "n_added", "undone", "detail"),
    *(f"{what}_{side}" for what in ("states", "labels", "names") for side in ("before", "after")),
]


def as_plain(thing):
    """An operation or an array as values that == compares, dtypes included."""
    if isinstance(thing, np.ndarray):
        values = thing.tolist()
        return thing.dtype.str, ["nan" if v != v else (type(v), v) for v in values]
    if hasattr(thing, "kind"):
        return {name: as_plain(getattr(thing, name)) for name in FACTS}
    return thing


class IntPool(PoolMachine):
    VALUES = (0, 1, 2, 7, -5, 300, 2.5)
    MISSING = (-1, None, NAN)
    OTHER = "0"
    OPTIONS = {"missing_label": -1}  # noqa: RUF012
    HOLE = -1


class FloatPool(PoolMachine):
    VALUES = (0.5, -1.0, 3, 2.25, np.float32(1.5), 0, 2.0**100)
    MISSING = (None, NAN)
    OTHER = "0.5"
    OPTIONS = {"missing_label": None}  # noqa: RUF012
    HOLE = None


class TextPool(PoolMachine):
    VALUES = ("a", "b", "?", "a longer one", "é\n", "0")
    MISSING = (-1, None)
    OTHER = 0
    OPTIONS: dict = {}  # noqa: RUF012
    HOLE = -1


class BoolPool(PoolMachine):
    VALUES = (True, False)
    MISSING = (-1, None)
    OTHER = "True"
    OPTIONS = {"missing_label": -1}  # noqa: RUF012
    HOLE = -1


class FewSlots(IntPool):
    """As pools of millions of rows are kept: by slots while few rows are touched, or by row."""

    def __init__(self):
        super().__init__()
        self.patch.setattr(slots, "_FEW_ROWS", 2)
        self.patch.setattr(slots, "_SHARE", 2)


# Long ones, and the other machines as well, are in test_long_runs.py.
SHORT = settings(stateful_step_count=50, max_examples=max(1, settings.default.max_examples // 4))
for machine in (IntPool, FloatPool, TextPool, BoolPool, FewSlots):
    machine.TestCase.settings = SHORT
TestIntPool = IntPool.TestCase
TestFloatPool = FloatPool.TestCase
TestTextPool = TextPool.TestCase
TestBoolPool = BoolPool.TestCase
TestFewSlots = FewSlots.TestCase
