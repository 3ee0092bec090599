"""The pool's state machine with a consensus: everybody may say something of every row."""

from collections import Counter

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from test_machine_pool import RESERVED, UNSURE, Model, PoolMachine, Row, refuse_if


class VotedRow(Row):
    @property
    def label(self):
        if self.final is not None or not self.labels:
            return self.final
        # Of as many votes the label that was given first: the one that Counter has first.
        return Counter(self.labels).most_common(1)[0][0]


class VotedModel(Model):
    Row = VotedRow

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


class VotedPool(PoolMachine):
    VALUES = (0, 1, 2.5)
    MISSING = (-1, None)
    OTHER = "0"
    OPTIONS = {"missing_label": -1, "consensus": "majority"}  # noqa: RUF012
    HOLE = -1
    MODEL = VotedModel

    @rule(who=st.sampled_from([None, "Ada", "Böðvar"]), votes=st.lists(st.integers(0, 2)))
    def all_say_something(self, who, votes):
        """Of many rows, so that there are votes to count."""
        rows = list(range(min(len(votes), len(self.model.state))))
        values = [self.VALUES[vote] for vote in votes[: len(rows)]]
        self.step(
            "label",
            lambda: self.model.give(rows, values, True, who),
            lambda: self.pool.label(rows, values, relabel=True, annotator=who),
            annotator=who,
        )

    @rule()
    def read_opinions(self):
        kinds = {True: "cannot tell", False: "opinion"}
        expected = []
        for number, row in self.model.row.items():
            said = [(number, *each) for each in row.said.items()]
            expected += [
                (n, who, None if label is UNSURE else label, kinds[label is UNSURE])
                for n, who, label in said
            ]
        table = self.pool.opinions
        is_said = (table["kind"] != "final").to_numpy()
        columns = [table[name][is_said] for name in ("row", "annotator", "label", "kind")]
        found = [tuple(None if v != v else v for v in row) for row in zip(*columns, strict=True)]
        assert found == expected
        final = {row: each.final for row, each in self.model.row.items() if each.final is not None}
        assert dict(zip(table["row"][~is_said], table["label"][~is_said], strict=True)) == final
        assert np.isfinite(self.pool.opinions["time"].astype("int64")).all()


class VotedText(VotedPool):
    VALUES = ("a", "b", "a longer one")
    OTHER = 0


VotedPool.TestCase.settings = settings(stateful_step_count=50)
VotedText.TestCase.settings = settings(stateful_step_count=50)
TestVotedPool = VotedPool.TestCase
TestVotedText = VotedText.TestCase
