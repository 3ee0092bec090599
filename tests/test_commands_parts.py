"""Parts of the commands by themselves: what they print, and what they make of odd values."""

import json
import warnings
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from skactive import Pool
from skactive.commands import next_rows
from skactive.commands.label import _changed
from skactive.commands.main import main
from skactive.commands.options import count
from skactive.commands.project import Project, strategy_in
from skactive.commands.status import counts
from skactive.commands.words import from_extra, say_json


def test_numbers_that_are_none_are_null_for_programs(capsys):
    given = {"low": -np.inf, "each": [np.nan, (np.inf, 1.5)], 3: None}
    say_json(given)
    assert json.loads(capsys.readouterr().out) == {
        "low": None,
        "each": [None, [None, 1.5]],
        "3": None,
    }


def test_a_package_that_is_missing_is_told_with_the_extra_that_brings_it(tmp_path, monkeypatch):
    with pytest.raises(ImportError, match=r'needs no_such; write pip install "skactive\[tables\]"'):
        from_extra("no_such", "tables")
    (tmp_path / "broken_one.py").write_text("import no_such\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="No module named 'no_such'"):  # it is there itself
        from_extra("broken_one", "tables")


def test_the_time_of_who_measured_is_of_answers_that_have_one():
    pool = Pool(list("abcd"), missing_label=None)
    pool.label([0, 1], [1.0, 2.0], annotator="ann", seconds=[3.0, 5.0])
    pool.label([2], [4.0], annotator="ann")
    pool.label([3], [4.0], annotator="ben")
    told = counts(pool, SimpleNamespace(numbers=True))
    assert [(each["annotator"], each["seconds"]) for each in told["people"]] == [
        ("ann", 4.0),
        ("ben", None),
    ]


def test_a_test_row_that_was_answered_out_of_turn_is_counted():
    pool = Pool(list("abcdefghijklmnop"), classes=["a", "b"], hold_out=0.5)
    later = pool.test_questions(8)[3]
    pool.label([later], ["a"], annotator="ann")
    told = counts(pool, SimpleNamespace(numbers=False))
    assert told["held_out_labelled"] == 1 and told["labelled"] == 0


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "", "1234567890"])
def test_a_number_of_things_is_one_at_least(text):
    assert count("1") == 1 and count("123456789") == 123456789
    with pytest.raises(Exception, match="is no number; write 1 or more"):
        count(text)


def test_what_is_shown_of_a_row_fits_a_line_and_that_none_is_left_is_told(monkeypatch, capsys):
    class Asked:
        """A record of which all is known, and the learner over it."""

        def __init__(self):
            self.ids, self.rows = ["r0", "r1", "r2"], np.arange(3)
            self.kind, self.X = "text", ["x" * 80, "y" * 81, "two\n lines"]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def query(self, n_instances):
            return self.rows[:n_instances], None

    asked = Asked()
    monkeypatch.setattr(next_rows, "opened", lambda args, read_only: (None, asked, asked))
    monkeypatch.setattr(next_rows, "learner_of", lambda *_: (asked, "model"))
    assert main(["next", "labels.db", "-n", "3"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "r0\t" + "x" * 80,
        "r1\t" + "y" * 77 + "...",
        "r2\ttwo lines",
    ]
    asked.rows = np.arange(0)
    assert main(["next", "labels.db"]) == 0
    assert capsys.readouterr() == ("", "No row is left to label.\n")


def test_a_cell_that_is_missing_is_none():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [20, 30], "city": ["Rome", np.nan]})
    row = next_rows.content(SimpleNamespace(kind="table", X=frame), 1)
    assert row == {"age": 30, "city": None} and type(row["age"]) is int


def test_what_is_to_be_known_is_told_once(monkeypatch, capsys):
    def opened(args, read_only):
        for text in ("few labels", "few labels", "old rows"):
            warnings.warn(text, UserWarning, stacklevel=1)
        raise ValueError("and\nno more")

    monkeypatch.setattr(next_rows, "opened", opened)
    assert main(["next", "labels.db"]) == 1
    lines = ["Note: few labels", "Note: old rows", "skactive next: and no more"]
    assert capsys.readouterr().err.splitlines() == lines


def changed(project, **options):
    names = ("annotators", "goal", "overlap", "strategy", "model", "embedding", "embed")
    args = Namespace(**dict.fromkeys(names) | options)
    return _changed(args, project, Path("labels.db"))


def test_one_way_to_a_model_takes_the_place_of_another():
    before = Project("rows.csv", model="own:model", embedding="old.npy", timm="resnet18")
    for options, expected in (
        ({"model": "own:other"}, ("own:other", None, None)),
        ({"embedding": "new.npy"}, (None, "new.npy", None)),
        ({"embed": "timm:vit"}, (None, None, "vit")),
        ({}, ("own:model", "old.npy", "resnet18")),
    ):
        after = changed(before, **options)
        assert (after.model, after.embedding, after.timm) == expected


def test_a_second_opinion_counts_by_a_consensus():
    alone, numbers = Project("rows.csv"), Project("rows.csv", numbers=True)
    assert changed(alone).consensus is None and changed(alone, annotators=["ann"]).overlap == 0
    assert changed(alone, overlap=0.2).consensus == "one_coin"
    assert changed(numbers, overlap=0.2).consensus == "median"
    both = changed(alone, annotators=["ann", "ben"])
    assert (both.consensus, both.overlap) == ("one_coin", 0.1)
    none = changed(both, overlap=0)
    assert changed(none, goal=9).overlap == 0  # which stays so


def test_numbers_of_our_own_models_come_by_k_center_unless_another_is_named():
    def strategy(**options):
        return strategy_in(Project("rows.csv", **options))

    assert strategy() == "auto" and strategy(numbers=True) == "k_center"
    assert strategy(numbers=True, model="own:model") == "auto"
    assert strategy(numbers=True, strategy="random") == "random"
