"""The pool's state machine where people disagree, classes change, and rows have tags."""

from collections import Counter

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from hypothesis.stateful import rule
from test_machine_pool import (
    FREE,
    LABELED,
    PICKS,
    RESERVED,
    SEEDS,
    SHORT,
    UNSURE,
    Model,
    PoolMachine,
    Row,
    refuse_if,
)


class SaidRow(Row):
    """A row of which classes may change their names, and that has tags."""

    def __init__(self):
        super().__init__()
        self.tags = set()

    def happen(self, act, who, value):
        if act == "rename":
            olds, new = value
            self.said = {
                name: new if label is not UNSURE and label in olds else label
                for name, label in self.said.items()
            }
            self.final = new if self.final is not None and self.final in olds else self.final
        elif act == "tag":
            self.tags.add(who)
        elif act == "untag":
            self.tags.discard(who)
        else:
            super().happen(act, who, value)


class VotedRow(SaidRow):
    @property
    def label(self):
        if self.final is not None or not self.labels:
            return self.final
        # Of as many votes the label that was given first: the one that Counter has first.
        return Counter(self.labels).most_common(1)[0][0]


class SaidModel(Model):
    Row = SaidRow

    def __init__(self):
        self.given, self.regrouped = None, {}  # call -> (classes, into, gone, new)
        super().__init__()

    @property
    def named(self):
        """The classes that are accepted: those named last, with what changed since."""
        if self.given is None:
            return None
        names, at, then = self.given
        names = set(names)
        live = [number for number in self.regrouped if number not in self.dead]
        for number in reversed(then):
            if number not in live:
                _, _, gone, new = self.regrouped[number]
                names = names - new | gone
        for number in live:
            if number >= at:
                _, _, gone, new = self.regrouped[number]
                names = names - gone | new
        return names

    @named.setter
    def named(self, names):
        live = [number for number in self.regrouped if number not in self.dead]
        self.given = None if names is None else (set(names), len(self.calls), live)

    def known(self):
        if self.named is not None:
            return self.named
        labels = {label for row in self.row.values() for label in row.labels}
        return labels | {row.final for row in self.row.values()} - {None}

    def regroup(self, classes, into):
        known, into = self.known(), set(into)
        refuse_if(not set(classes) <= known)
        if len(into) > 1:
            (name,) = classes
            acts = [(n, "close", None, None) for n, row in self.row.items() if row.label == name]
        else:
            acts = [(n, "rename", None, (set(classes), *into)) for n in self.row]
        self.regrouped[len(self.calls)] = classes, into, set(classes) - into, into - known
        self.calls.append(("classes", None, acts, 0))
        self.replay()

    def rename(self, old, new):
        refuse_if(old not in self.known() or new in self.known())
        self.regroup([old], [new])

    def merge(self, classes, into):
        refuse_if(not set(classes) <= self.known() or set(classes) == {into})
        self.regroup(classes, [into])

    def split(self, name, into):
        refuse_if(name not in self.known() or len(set(into)) < 2)
        self.regroup([name], into)

    def tag(self, rows, name):
        new = [row for row in rows if name not in self.row[row].tags]
        self._happen("tag", None, [(row, "tag", name, None) for row in new])

    def untag(self, rows, name):
        refuse_if(any(name not in self.row[row].tags for row in rows))
        refuse_if(not any(name in row.tags for row in self.row.values()))
        self._happen("tag", None, [(row, "untag", name, None) for row in rows])


class VotedModel(SaidModel):
    Row = VotedRow

    def name_classes(self, classes):
        refuse_if(any(not set(row.labels) <= classes for row in self.row.values()))
        refuse_if(any(row.final not in {None, *classes} for row in self.row.values()))
        self.named = classes

    def give(self, rows, y, relabel, annotator=None):
        self._accept(rows, y)
        acts = []
        for number, value in zip(rows, y, strict=True):
            row = self.row[number]
            own = row.said.get(annotator)
            value = UNSURE if value is None else value
            refuse_if(own not in (None, UNSURE) and own != value and not relabel)
            if annotator is not None and row.state == RESERVED:
                refuse_if(not row.names & {annotator, None})
            if own is None or own != value:
                acts.append((number, "opinion", annotator, value))
        self._happen("label", annotator, acts)


class SaidPool(PoolMachine):
    VALUES = (0, 1, 2.5)
    NAMES = ()  # of classes, where labels are not these
    OTHERS = (7, 300)  # names that classes may get
    MISSING = (-1, None)
    OTHER = "0"
    OPTIONS = {"missing_label": -1}  # noqa: RUF012
    HOLE = -1
    MODEL = SaidModel

    @rule(
        who=st.sampled_from([None, "Ada", "Böðvar"]),
        votes=st.lists(st.integers(0, 2)),
        relabel=st.booleans(),
    )
    def all_say_something(self, who, votes, relabel):
        """Of many rows, so that there are votes to count."""
        rows = list(range(min(len(votes), len(self.model.state))))
        values = [self.VALUES[vote] for vote in votes[: len(rows)]]
        self.step(
            "label",
            lambda: self.model.give(rows, values, relabel, who),
            lambda: self.pool.label(rows, values, relabel=relabel, annotator=who),
            annotator=who,
        )

    def some_names(self, seeds):
        """Classes that there are, mostly, and names that are none."""
        names = sorted(self.model.known()) * 3 + [*self.OTHERS, *(self.NAMES or self.VALUES)]
        return [names[seed % len(names)] for seed in seeds]

    @rule(seed=SEEDS, new=SEEDS)
    def rename_class(self, seed, new):
        (old, *_), new = (
            self.some_names(seed),
            [*self.OTHERS, *(self.NAMES or self.VALUES)][new[0] % 5],
        )
        self.step(
            "classes",
            lambda: self.model.rename(old, new),
            lambda: self.pool.rename_class(old, new),
        )

    @rule(seeds=SEEDS, into=SEEDS)
    def merge_classes(self, seeds, into):
        names, (into, *_) = self.some_names(seeds), self.some_names(into)
        self.step(
            "classes",
            lambda: self.model.merge(names, into),
            lambda: self.pool.merge_classes(names, into),
        )

    @rule(seed=SEEDS, into=SEEDS)
    def split_class(self, seed, into):
        (name, *_), into = self.some_names(seed), self.some_names(into)
        self.step(
            "classes",
            lambda: self.model.split(name, into),
            lambda: self.pool.split_class(name, into),
        )

    @rule(pick=PICKS, name=st.sampled_from(["sharp", "Ada"]), is_new=st.booleans())
    def tag(self, pick, name, is_new):
        idx, rows = self.some_rows(pick, FREE, LABELED)
        act, call = ("tag", self.pool.tag) if is_new else ("untag", self.pool.untag)
        self.step(
            "tag",
            lambda: refuse_if(rows is None) or getattr(self.model, act)(rows, name),
            lambda: call(idx, name),
        )

    def written_out(self, label):
        """A label as tables have it."""
        return label

    @rule()
    def read_opinions(self):
        kinds = {True: "cannot tell", False: "opinion"}
        expected = [
            (
                number,
                who,
                None if label is UNSURE else self.written_out(label),
                kinds[label is UNSURE],
            )
            for number, row in self.model.row.items()
            for who, label in row.said.items()
        ]
        table = self.pool.opinions
        is_said = (table["kind"] != "final").to_numpy()
        columns = [table[name][is_said] for name in ("id", "annotator", "label", "kind")]
        found = [
            tuple(None if pd.isna(v) else v for v in row) for row in zip(*columns, strict=True)
        ]
        assert found == expected
        final = {
            row: self.written_out(each.final)
            for row, each in self.model.row.items()
            if each.final is not None
        }
        assert dict(zip(table["id"][~is_said], table["label"][~is_said], strict=True)) == final
        assert np.isfinite(table["time"].astype("int64")).all()

    @rule()
    def read_tags(self):
        expected = {}
        for number, row in self.model.row.items():
            for name in row.tags:
                expected.setdefault(name, []).append(number)
        assert {name: rows.tolist() for name, rows in self.pool.tags.items()} == expected


class VotedPool(SaidPool):
    OPTIONS = {"missing_label": -1, "consensus": "majority"}  # noqa: RUF012
    MODEL = VotedModel


class VotedText(VotedPool):
    VALUES = ("a", "b", "a longer one")
    OTHERS = ("c", "é\n")
    OTHER = 0


for machine in (SaidPool, VotedPool, VotedText):
    machine.TestCase.settings = SHORT
TestSaidPool = SaidPool.TestCase
TestVotedPool = VotedPool.TestCase
TestVotedText = VotedText.TestCase
