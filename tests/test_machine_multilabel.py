"""The pool's state machines where rows have several labels: in memory, in files, in a database."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from test_machine_opinions import SaidModel, SaidPool, SaidRow, VotedModel
from test_machine_pool import NAN, refuse_if

from skactive import Pool
from skactive.pool import durable

NAMES = ("cat", "dog", "emu")


class SetRow(SaidRow):
    """A row whose labels are sets of names."""

    def happen(self, act, who, value):
        if act != "rename":
            return super().happen(act, who, value)
        olds, new = value

        def renamed(label):
            if not isinstance(label, frozenset):
                return label
            return frozenset(new if name in olds else name for name in label)

        self.said = {name: renamed(label) for name, label in self.said.items()}
        self.final = renamed(self.final)


class VotedSetRow(SetRow):
    """A row of which each name is voted on by itself."""

    NAMES: tuple

    @property
    def label(self):
        if self.final is not None or not self.labels:
            return self.final
        # Of as many votes what was said first: the one that Counter has first.
        return frozenset(
            name
            for name in frozenset().union(*self.labels)
            if Counter(name in label for label in self.labels).most_common(1)[0][0]
        )


class SetModel(SaidModel):
    Row = SetRow

    def __init__(self):
        super().__init__()
        self.given = set(NAMES), 0, []

    @property
    def order(self):
        """Names in the order of their columns."""
        names = [*NAMES]
        for number, (classes, (into,), _, _) in self.regrouped.items():
            if number in self.dead:
                continue
            ones = [name for name in names if name in {*classes, into}]
            names[names.index(ones[0])] = into
            names = [name for name in dict.fromkeys(names) if name == into or name not in ones]
        return names

    def _accept(self, rows, y):
        refuse_if(rows is None or y is None or len(rows) != len(y))
        refuse_if(any(not value <= self.named for value in y if value is not None))

    def split(self, name, into):
        refuse_if(True)


class VotedSetModel(SetModel):
    Row = VotedSetRow

    def give(self, rows, y, relabel, annotator=None):
        VotedModel.give(self, rows, y, relabel, annotator)


class SetPool(SaidPool):
    VALUES = tuple(map(frozenset, [{"cat"}, {"cat", "dog"}, set(), {"emu"}, {"dog"}, set(NAMES)]))
    NAMES = NAMES
    OTHERS = ("fox", "gnu")
    MISSING = (-1, None, NAN)
    OTHER = "zebra"
    OPTIONS = {"multilabel": True, "classes": NAMES}  # noqa: RUF012
    MODEL = SetModel

    @property
    def HOLE(self):
        return [-1] * len(self.model.order)

    def told(self, label):
        return None if label is None else [int(name in label) for name in self.model.order]

    def written_out(self, label):
        return "; ".join(name for name in self.model.order if name in label) or "[]"

    def value_of(self, number):
        """Mostly of names that there are: those that went are refused."""
        value = super().value_of(number)
        if value is None or number % 5 == 0:
            return value
        return value & self.model.named if self.pool else value

    def some_labels(self, drawn, k):
        """Some of them as rows of 0 and 1."""
        y, values = super().some_labels(drawn, k)
        if (
            values is None
            or drawn[0][0] % 3
            or any(v and not v <= self.model.named for v in values)
        ):
            return y, values
        table = [self.HOLE if value is None else self.told(value) for value in values]
        forms = [np.array(table, dtype=np.int8), table, np.array(table, dtype=float)]
        form = forms[drawn[0][1] % 3] if k else y
        return form[0] if k == 1 and drawn[0][2] % 2 else form, values

    @rule(which=st.sampled_from(["as they are", "sorted", "fewer"]))
    def name_classes(self, which):
        names = self.model.order
        names = {"sorted": sorted(names), "fewer": names[1:]}.get(which, names)
        self.step(
            "name_classes",
            lambda: refuse_if(names != self.model.order),
            lambda: self.pool.name_classes(names),
        )


class VotedSetPool(SetPool):
    OPTIONS = {**SetPool.OPTIONS, "consensus": "majority"}  # noqa: RUF012
    MODEL = VotedSetModel


class DurableSetPool(SetPool):
    """All of it in a database with small blocks, which is opened again now and then."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(durable, "LOG_BLOCK", 12)

    @property
    def path(self):
        return Path(self.folder.name) / "pool.db"

    def made(self, X, y):
        return Pool.open(self.path, X, y, **self.OPTIONS)

    def go_on_with(self, other):
        pool, history = self.pool, self.history
        super().go_on_with(other)
        if other.ledger.__class__ is not pool.ledger.__class__:  # a copy, in memory
            self.pool, self.history = pool, history

    @rule()
    def reopened(self):
        self.pool.close()
        options = {"consensus": self.OPTIONS.get("consensus")}
        self.go_on_with(Pool.open(self.path, self.make(range(len(self.model.state))), **options))

    @rule(which=st.booleans())
    def copied_to_a_file(self, which):
        path = Path(self.folder.name) / f"{len(self.history)}.{'db' if which else 'npz'}"
        if not path.exists():
            self.pool.copy_to(path)
            X = self.make(range(len(self.model.state)))
            other = Pool.open(path, X) if which else Pool.load(path, X)
            pool = self.pool
            SetPool.go_on_with(self, other)
            self.pool, self.history = pool, pool.history
            other.close()

    def teardown(self):
        try:
            super().teardown()
        finally:
            self.patch.undo()
            if self.pool:
                self.pool.close()


for machine, share in ((SetPool, 4), (VotedSetPool, 4), (DurableSetPool, 10)):
    machine.TestCase.settings = settings(
        stateful_step_count=40, max_examples=max(1, settings.default.max_examples // share)
    )
TestSetPool = SetPool.TestCase
TestVotedSetPool = VotedSetPool.TestCase
TestDurableSetPool = DurableSetPool.TestCase
