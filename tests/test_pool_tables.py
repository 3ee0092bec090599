"""A pool as tables: rows and history out, a colleague's answers in, rows handed out and back."""

import copy
import csv
import importlib.util
import io
import os
import random
import re
import sys
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import skactive
from skactive import Pool
from skactive.data.tables import csv_bytes, row_columns


def installed(name):
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


pd, pl = installed("pandas"), installed("polars")
needs_pandas = pytest.mark.skipif(pd is None, reason="pandas is not installed")
needs_polars = pytest.mark.skipif(pl is None, reason="polars is not installed")
LIBRARIES = [
    pytest.param("pandas", marks=needs_pandas),
    pytest.param("polars", marks=needs_polars),
    None,
]


@pytest.fixture(params=LIBRARIES)
def library(request, monkeypatch):
    """Only one of the libraries is installed, or neither."""
    for name in {"pandas", "polars"} - {request.param}:
        monkeypatch.setitem(sys.modules, name, None)
    return request.param


def columns_of(table):
    """Columns of a frame, or of a dict of arrays, as lists with None where something is missing."""
    if hasattr(table, "to_dict") and hasattr(table, "iloc"):
        table = {name: table[name].astype(object).tolist() for name in table.columns}
    elif hasattr(table, "to_dict"):
        table = table.to_dict(as_series=False)
    else:
        table = {name: column.tolist() for name, column in table.items()}
    return {name: [plain(value) for value in column] for name, column in table.items()}


def plain(value):
    """A value, None for what a library has where there is none."""
    return None if value is None or str(value) in ("nan", "NaT", "<NA>") else value


def is_of(library, table):
    return isinstance(table, getattr(installed(library), "DataFrame", dict) if library else dict)


def state_of(pool):
    """What must not change where a call is refused."""
    table = columns_of(pool.to_frame())
    return table, dict(pool.reservations), len(pool.history)


# Out: what is known of rows


def busy_pool(X=None):
    """A pool in which there is something of everything; times are set below."""
    pool = Pool(list("abcdefgh") if X is None else X, [*"yn", *6 * [None]])
    pool.label([1, 2], ["n", "y"], annotator="ann")
    pool.label(3, None, annotator="ben")
    pool.skip(4)
    pool.reserve([5, 2], "cleo")
    pool.reserve(5, "dan")
    pool.decide(2, "n", annotator="eve")
    pool.reserve(6)
    return pool


def test_a_frame_has_a_line_for_each_row(library):
    pool = busy_pool()
    frame = pool.to_frame()
    assert is_of(library, frame)
    times = [op.time for op in pool.history]
    found = columns_of(frame)
    seconds = [None if each is None else to_seconds(each) for each in found.pop("time")]
    assert found == {
        "id": [*range(8)],
        "label": ["y", "n", "n", *5 * [None]],
        "state": [*3 * ["labeled"], *2 * ["skipped"], *2 * ["reserved"], "unlabeled"],
        # The last who gave row 1 its label; of row 2 who decided; for nobody in particular.
        "annotator": [None, "ann", "eve", "ben", None, "cleo, dan", None, None],
        "comment": 8 * [None],
        "tags": 8 * [None],
    }
    expected = [times[0], times[1], times[6], times[2], *4 * [None]]
    assert seconds == pytest.approx(expected, abs=1e-5)


def to_seconds(moment):
    """A moment in UTC, whatever a library says of zones."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def test_comments_are_those_of_what_is_true_of_a_row():
    pool = Pool([*"abc"])
    for row, label, note in ((0, "y", "sure"), (0, "n", "no"), (1, None, "blurred"), (2, "y", "?")):
        pool.label(row, label, relabel=True, annotator="ann", comment=note, seconds=1.5)
    pool.unlabel(2)
    assert columns_of(pool.to_frame())["comment"] == ["no", "blurred", None]
    history = columns_of(pool.history_frame())
    assert history["comment"] == ["sure", "no", "blurred", "?", None]
    assert history["seconds"] == [1.5, 1.5, 1.5, 1.5, None]


def test_tags_are_in_both_tables_and_classes_are_called_in_each_as_they_were():
    pool = Pool([*"abc"], ["x", "y", None])
    pool.label(2, "x", annotator="ann")
    pool.tag([0, 2], "sharp")
    pool.tag([2], "first")
    pool.rename_class("x", "z")
    table = columns_of(pool.to_frame())
    assert table["tags"] == ["sharp", None, "sharp, first"]
    assert table["label"] == ["z", "y", "z"] and table["annotator"] == [None, None, "ann"]
    history = columns_of(pool.history_frame())
    assert history["label"] == ["x", "y", "x", None, None, None]
    assert history["event"][3:] == ["tag", "tag", "tag"]
    assert history["annotator"][3:] == ["sharp", "sharp", "first"]


def test_the_columns_of_rows_stand_beside_what_is_known_of_them(library):
    frame = busy_pool().to_frame(rows=True)
    assert is_of(library, frame)
    assert list(columns_of(frame))[-2:] == ["tags", "text"]
    assert columns_of(frame)["text"] == [*"abcdefgh"]


@needs_pandas
def test_a_frame_of_pandas_keeps_index_and_types_and_gives_way_to_names_that_are_taken():
    X = pd.DataFrame({"label": [7, 8, 9], "size": pd.Categorical([*"aba"])}, index=[2, 0, 2])
    frame = Pool(X, ["y", None, None]).to_frame(rows=True)
    pd.testing.assert_index_equal(frame.index, X.index)
    pd.testing.assert_series_equal(frame["size"], X["size"])
    assert frame["X_label"].tolist() == [7, 8, 9] and frame["id"].tolist() == [0, 1, 2]
    assert frame["time"].isna().tolist() == [False, True, True]
    # So that a column is put beside the rows that it is about
    X["state"] = Pool(X.iloc[[1, 0]], [None, "y"]).to_frame()["state"]
    assert X["state"].tolist() == ["labeled", "unlabeled", "labeled"]


@needs_polars
def test_a_frame_of_polars_is_one_of_polars():
    X = pl.DataFrame({"a": [1, None], "b": [[1], [2, 3]]})
    frame = Pool(X, [True, None]).to_frame(rows=True)
    assert frame.select("a", "b").equals(X)
    assert frame.schema["label"] == pl.Boolean and frame.schema["time"].time_zone == "UTC"


def test_rows_that_were_added_are_in_it_and_rows_that_are_held_out_have_their_labels():
    pool = Pool(np.arange(40.0).reshape(20, 2), hold_out=0.5, random_state=0)
    pool.label(range(20), np.arange(20) % 3)
    pool.extend([[0.5, 1.5]], [2])
    table = columns_of(pool.to_frame(rows=True))
    assert table["label"] == [*(row % 3 for row in range(20)), 2]
    held_out = [row for row, state in enumerate(table["state"]) if state == "held_out"]
    assert held_out == pool.held_out.tolist() and 0 < len(held_out) < 20
    assert set(table["state"]) == {"labeled", "held_out"}
    assert table["x0"][-2:] == [38.0, 0.5] and table["x1"][-2:] == [39.0, 1.5]


@pytest.mark.parametrize(
    "X", [sp.eye(3, format="csr"), np.zeros((3, 2, 2)), [[1], [1, 2], [3]], [object(), 1, "a"]]
)
def test_rows_that_are_neither_columns_nor_text_are_refused_beside_it(X):
    assert row_columns(X) is None
    with pytest.raises(ValueError, match=r"rows that are neither columns nor text; write rows=F"):
        Pool(X).to_frame(rows=True)


def test_columns_of_rows_have_names_each_of_its_own():
    def names(X, *taken):
        return list(row_columns(X, taken))

    assert names(np.zeros((2, 3)), "x1", "X_x1") == ["x0", "X_X_x1", "x2"]
    assert names(["a", "b"], "text") == ["X_text"]
    assert names(np.array([1, 2])) == ["x0"]
    assert names([[1, "a"], [2, "b"]]) == ["x0", "x1"]
    if pd is not None:
        assert names(pd.DataFrame([[1, 2, 3]], columns=["a", "a", 0])) == ["a", "X_a", 0]
        assert names(pd.Series(["a", None])) == ["text"]
        assert names(pd.Series([1.5], name="age")) == ["age"]
    if pl is not None:
        assert names(pl.Series(["a"])) == ["text"]
        assert names(pl.Series("age", [1])) == ["age"]


def test_under_a_consensus_the_annotator_is_the_last_who_gave_the_label_that_counts():
    pool = Pool([*"abc"], consensus="majority")
    for person, y in (("ann", "nyy"), ("ben", "nny"), ("cleo", "nyn")):
        pool.label([0, 1, 2], [*y], annotator=person)
    pool.decide(2, "n", annotator="ann")
    table = columns_of(pool.to_frame())
    assert table["label"] == ["n", "y", "n"]
    assert table["annotator"] == ["cleo", "cleo", "ann"]
    pool.label(1, "n", annotator="cleo", relabel=True)
    assert columns_of(pool.to_frame())["annotator"] == ["cleo", "cleo", "ann"]
    pool.undo()
    pool.label(1, "n", annotator="dan")  # two and two: the first that was given
    assert columns_of(pool.to_frame())["annotator"][1] == "cleo"
    pool.label(1, None, annotator="eve")
    assert columns_of(pool.to_frame())["annotator"][1] == "cleo"


# Out: what happened


def test_the_history_has_a_line_for_each_event(library):
    pool = busy_pool()
    pool.undo()
    frame = pool.history_frame()
    assert is_of(library, frame)
    found = columns_of(frame)
    times = [pool.history[of].time for of in found["operation"]]
    assert [*map(to_seconds, found.pop("time"))] == pytest.approx(times, abs=1e-5)
    assert found == {
        "operation": [0, 0, 1, 1, 2, 3, 4, 4, 5, 6, 7],
        "kind": [
            *2 * ["fit"],
            *3 * ["label"],
            "skip",
            *3 * ["reserve"],
            "decide",
            "reserve",
        ],
        "id": [0, 1, 1, 2, 3, 4, 5, 2, 5, 2, 6],
        "event": [
            *4 * ["opinion"],
            "cannot tell",
            "skip",
            *3 * ["reserve"],
            "final",
            "reserve",
        ],
        "annotator": [
            *2 * [None],
            *2 * ["ann"],
            "ben",
            None,
            *2 * ["cleo"],
            "dan",
            "eve",
            None,
        ],
        "label": [*"ynny", *5 * [None], "n", None],
        "seconds": 11 * [None],
        "comment": 11 * [None],
        "undone": [*10 * [False], True],
    }


def test_the_history_of_a_pool_to_which_nothing_happened_has_no_lines(library):
    frame = Pool([*"ab"]).history_frame()
    assert is_of(library, frame) and not any(columns_of(frame).values())
    assert columns_of(Pool([*"ab"]).to_frame())["label"] == [None, None]


def test_labels_of_several_dtypes_stay_what_they_were():
    pool = Pool([*"abc"], [1, None, None])
    pool.label(1, 0.5)
    pool.unlabel([0, 1])
    pool.label(2, "text")
    assert columns_of(pool.history_frame())["label"] == [1, 0.5, None, None, "text"]


def told_by(history, n):
    """States, labels and annotators of n rows, by what the lines of a history say, one by one."""
    rows = [{"said": {}, "final": None, "skipped": False, "names": []} for _ in range(n)]
    names = ("undone", "id", "event", "annotator", "label")
    lines = zip(*(history[name] for name in names), strict=True)
    for undone, id, event, who, label in lines:
        if undone:
            continue
        row = rows[id]
        if event in ("opinion", "cannot tell"):
            row["said"].pop(who, None)
            row["said"][who] = label
            row["skipped"] = False
            row["names"] = [] if who is None else [x for x in row["names"] if x not in (who, None)]
        elif event == "final":
            row["final"], row["skipped"] = (label, who), False
        elif event == "close":
            row["said"], row["final"] = {}, None
        elif event == "skip":
            row["skipped"], row["names"] = True, []
        elif event == "restore":
            row["skipped"] = False
            row["said"] = {who: label for who, label in row["said"].items() if label is not None}
        elif event == "reserve":
            row["names"].append(who)
        else:
            assert event == "release"
            row["names"] = [] if who is None else [x for x in row["names"] if x != who]
    for row in rows:
        labels = [(label, who) for who, label in row["said"].items() if label is not None]
        unsure = [who for who, label in row["said"].items() if label is None]
        if row["final"] or labels:
            label, who = row["final"] or labels[-1]
            yield "labeled", label, who
        elif row["skipped"] or unsure:
            yield "skipped", None, unsure[-1] if unsure else None
        elif row["names"]:
            yield "reserved", None, ", ".join(filter(None, row["names"])) or None
        else:
            yield "unlabeled", None, None


N = 6
ROWS = st.lists(st.integers(0, N - 1), min_size=1, max_size=4, unique=True)
PEOPLE = st.sampled_from([None, "ann", "ben"])
CALLS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["label", "relabel"]),
            ROWS,
            st.lists(st.sampled_from([0, 1, 1, None]), min_size=4, max_size=4),
            PEOPLE,
        ),
        st.tuples(st.just("decide"), ROWS, st.lists(st.integers(0, 1), min_size=4, max_size=4)),
        st.tuples(st.sampled_from(["unlabel", "skip", "restore", "release"]), ROWS),
        st.tuples(st.just("reserve"), ROWS, PEOPLE),
        st.tuples(st.just("undo"), st.integers(1, 3)),
    ),
    max_size=14,
)


def after(pool, calls):
    """A pool after those calls that it does not refuse."""
    for kind, *args in calls:
        if kind in ("label", "relabel"):
            rows, y, person = args
            args = rows, y[: len(rows)]
            options = {"annotator": person, "relabel": kind == "relabel"}
            kind = "label"
        elif kind == "decide":
            args, options = (args[0], args[1][: len(args[0])]), {"annotator": "eve"}
        else:
            options = {}
        try:
            getattr(pool, kind)(*args, **options)
        except ValueError:
            continue
    return pool


@given(calls=CALLS, y=st.none() | st.lists(st.sampled_from([0, 1, None]), min_size=N, max_size=N))
def test_what_the_history_tells_is_what_the_frame_says(calls, y):
    pool = after(Pool(np.zeros((N, 1)), y), calls)
    table = columns_of(pool.to_frame())
    assert not any(isinstance(label, float) for label in table["label"])
    found = [*zip(table["state"], table["label"], table["annotator"], strict=True)]
    assert found == [*told_by(columns_of(pool.history_frame()), N)]
    assert [pool.missing_label if x is None else x for x in table["label"]] == pool.y.tolist()


# In


LABELS = {
    "text": ["fine", "Bad one", "=1+1", "a,b;c", "é"],
    "int": [0, 3, -7, 2**40],
    "bool": [True, False],
    "float": [0.1, 3.0, -1e-7],
}
CONTAINERS = {
    "array": lambda n: np.zeros((n, 1)),
    "pandas": lambda n: pd.DataFrame({"a": np.zeros(n)}),
    "polars": lambda n: pl.DataFrame({"a": np.zeros(n)}),
}


@given(kind=st.sampled_from(sorted(LABELS)), data=st.data())
def test_what_comes_out_of_one_pool_makes_another(kind, tmp_path_factory, data):
    labels = st.none() | st.sampled_from(LABELS[kind])
    y = data.draw(st.lists(labels, min_size=1, max_size=6))
    names = ["array", *["pandas"] * (pd is not None), *["polars"] * (pl is not None)]
    X = CONTAINERS[data.draw(st.sampled_from(names))](len(y))
    pool = Pool(X, missing_label=None)
    for row, label in enumerate(y):
        if label is not None:
            pool.label(row, label, annotator=data.draw(PEOPLE))
    table, classes = pool.to_frame(), None
    if data.draw(st.booleans()):
        path = tmp_path_factory.mktemp("tables") / "labels.csv"
        columns = {name: table[name] for name in ("id", "label", "annotator")}
        path.write_bytes(csv_bytes(columns, path))
        table, classes = path, LABELS[kind]
    fresh = Pool(X, missing_label=None, classes=classes)
    left = columns_of(fresh.merge(table, annotator_column="annotator"))
    assert not any(left.values())
    assert fresh.labeled.tolist() == pool.labeled.tolist()
    assert fresh.y_labeled.tolist() == pool.y_labeled.tolist()
    if kind != "float":  # those that are whole may stand for integers
        assert fresh.y_labeled.dtype == pool.y_labeled.dtype or not pool.n_labeled
    assert columns_of(fresh.to_frame())["annotator"] == columns_of(pool.to_frame())["annotator"]
    assert len(fresh.history) == 1 + (pool.n_labeled > 0)


@given(
    calls=CALLS,
    y=st.lists(st.sampled_from([0, 1, -1, None]), min_size=N, max_size=N),
    order=st.permutations(range(N)),
    person=PEOPLE,
    relabel=st.booleans(),
    consensus=st.sampled_from([None, None, "majority"]),
)
def test_a_merge_records_what_label_takes_one_by_one_and_returns_the_rest(
    calls, y, order, person, relabel, consensus
):
    pool = after(Pool(np.zeros((N, 1)), [0, 1] + [None] * (N - 2), consensus=consensus), calls)
    twin, before = copy.deepcopy(pool), state_of(pool)
    line_of, is_refused = {}, False
    for line, row in enumerate(order):
        if y[row] is None:
            continue
        try:
            twin.label(row, y[row], annotator=person, relabel=relabel)
        except ValueError as refusal:
            if "reserved for" in str(refusal):
                is_refused = True
            else:
                assert "relabel=True" in str(refusal) or "decided" in str(refusal)
                line_of[row] = line
    table = {"id": [*order], "label": [y[row] for row in order]}
    if is_refused:
        with pytest.raises(ValueError, match="merge got row . by annotator='.*', which is reserv"):
            pool.merge(table, annotator=person, relabel=relabel, new_labels=True)
        assert state_of(pool) == before
        return
    left = columns_of(pool.merge(table, annotator=person, relabel=relabel, new_labels=True))
    assert left["id"] == [*line_of] and left["line"] == [*line_of.values()]
    assert left["in_table"] == [y[row] for row in line_of]
    before_table = before[0]
    if consensus is None:
        assert left["in_pool"] == [before_table["label"][row] for row in line_of]
        assert left["by"] == [before_table["annotator"][row] for row in line_of]
    else:
        assert all(own != y[row] for row, own in zip(line_of, left["in_pool"], strict=True))
        assert left["by"] == [person for _ in line_of]
    found, expected = columns_of(pool.to_frame()), columns_of(twin.to_frame())
    del found["time"], expected["time"]
    assert found == expected and pool.reservations == twin.reservations
    n = before[2]
    assert [op.kind for op in pool.history[n:]] == ["merge"] * (len(twin.history) > n)
    if len(pool.history) > n:
        assert pool.history[-1].annotator == person
        pool.undo()
        assert state_of(pool)[:2] == before[:2]


def said_of(pool):
    """The opinions of a pool, but for their times."""
    table = columns_of(pool.opinions)
    del table["time"]
    return table


@settings(max_examples=12)
@given(
    calls=CALLS,
    said=st.dictionaries(
        st.tuples(st.integers(0, N - 1), PEOPLE),
        st.tuples(st.sampled_from([0, 1, 2, -1]), st.sampled_from([None, 0.5, 2.0])),
    ),
    consensus=st.sampled_from([None, "majority"]),
)
def test_answers_of_several_people_for_a_row_are_what_label_takes_one_by_one(
    calls, said, consensus, tmp_path_factory
):
    X, ids = np.zeros((N, 1)), [f"r{row}" for row in range(N)]
    pool = after(Pool(X, [0, 1] + [None] * (N - 2), ids=ids, consensus=consensus), calls)
    assume(not pool.reservations)
    twin, before = copy.deepcopy(pool), state_of(pool)
    left = []
    for (row, person), (label, seconds) in said.items():
        try:
            twin.label(row, label, annotator=person, seconds=seconds)
        except ValueError as refusal:
            assert "relabel=True" in str(refusal)
            left.append((ids[row], label))
    table = {
        "id": [ids[row] for row, _ in said],
        "who": [person for _, person in said],
        "label": [label for label, _ in said.values()],
        "took": [seconds for _, seconds in said.values()],
    }
    columns = {"annotator_column": "who", "seconds_column": "took", "new_labels": True}
    path = tmp_path_factory.mktemp("merged") / "labels.db"
    pool.copy_to(path)
    with Pool.open(path, X, ids=ids) as stored:
        stored.merge(table, **columns)
        stored.copy_to(f"{path}.npz")
    found = columns_of(pool.merge(table, **columns))
    assert [*zip(found["id"], found["in_table"], strict=True)] == left
    again = Pool.open(path, X[::-1], ids=ids[::-1], read_only=True)
    touched = pool.ledger.log.touched(pool.ledger.now.n_events)
    assert len(again.ledger.store.rows("SELECT * FROM row")) == len(touched)
    loaded = Pool.load(f"{path}.npz", X, ids=ids)
    for other in (twin, loaded):
        assert said_of(pool) == said_of(other)
        assert pool.y.tolist() == other.y.tolist()
        assert columns_of(pool.to_frame())["state"] == columns_of(other.to_frame())["state"]
    assert again.y.tolist() == twin.y.tolist()[::-1]
    if len(pool.history) > before[2]:
        assert pool.history[-1].kind == "merge" and len(pool.history) == before[2] + 1
        pool.undo()
    assert state_of(pool)[:2] == before[:2]


def test_opinions_make_another_pool_of_which_they_are_the_opinions(tmp_path):
    pool = Pool([*"abcd"], consensus="majority", classes=["no", "yes"])
    pool.label([0, 1, 2], ["yes", "no", -1], annotator="ann", seconds=[1.5, None, 4], comment="?")
    pool.label([0, 1, 3], ["yes", "yes", "no"], annotator="ben")
    pool.label([0, 2], ["no", "no"], annotator="cleo", seconds=2)
    table = pool.opinions
    told = {name: [*table[name]] for name in ("id", "annotator", "label", "seconds", "comment")}
    told["label"] = [
        -1 if kind == "cannot tell" else label
        for label, kind in zip(told["label"], table["kind"], strict=True)
    ]
    csv = tmp_path / "opinions.csv"
    csv.write_bytes(csv_bytes(told, csv))
    for given_table in (told, csv):
        fresh = Pool([*"abcd"], consensus="majority", classes=["no", "yes"])
        left = fresh.merge(
            given_table,
            annotator_column="annotator",
            seconds_column="seconds",
            comment_column="comment",
        )
        assert not any(columns_of(left).values())
        assert repr(said_of(fresh)) == repr(said_of(pool))
        assert fresh.y.tolist() == pool.y.tolist()
        assert len(fresh.history) == 2


CLASSES = ["complaint", "fine"]


@pytest.mark.parametrize(
    ("table", "options", "refusal"),
    [
        (
            {"id": [4, 5, 3], "label": ["Fine", "fine", "urgent"]},
            {},
            "merge got 'Fine' in row 0 (near 'fine'), 'urgent' in row 2, where labels are "
            "'complaint', 'fine'; write one of these, nothing for no answer, or new_labels=True if "
            "it is new.",
        ),
        (
            {"id": [4, 3, 2], "label": ["Fine", "praise", "Praise"]},
            {"new_labels": True},
            "merge got 'Fine' in row 0 (near 'fine'), 'Praise' in row 2 (near 'praise'), where "
            "labels are 'complaint', 'fine'; write one of these, nothing for no answer, or "
            "name_classes first if it is another class.",
        ),
        (
            {"id": [4], "label": ["fine"], "who": ["ann "]},
            {"annotator_column": "who"},
            "merge, in row 0, got the name 'ann '; names are text without spaces around it, write "
            "'ann'.",
        ),
        (
            {"id": [4, 4, 3], "label": ["fine", None, "complaint"], "who": ["ann", "ann", 7]},
            {"annotator_column": "who"},
            "merge, in row 2, got the name 7 of type int; give text, or None.",
        ),
        (
            {"id": [2, 4, 2], "label": ["fine", "fine", "complaint"]},
            {"annotator": "ann"},
            "merge got 'fine' for 2 by 'ann' in row 0 and 'complaint' for 2 by 'ann' in row 2; "
            "give each row one answer.",
        ),
        (
            {"id": [2, 4, 2], "label": ["fine", "fine", "complaint"], "who": ["ann"] * 3},
            {"annotator_column": "who"},
            "merge got 'fine' for 2 by 'ann' in row 0 and 'complaint' for 2 by 'ann' in row 2; "
            "give each row one answer of each person.",
        ),
        (
            {"id": [2, 4, 2], "label": ["fine", "fine", "complaint"], "who": [None, "ann", "ben"]},
            {"annotator_column": "who", "relabel": True},
            "merge got 'fine' for 2 in row 0 and 'complaint' for 2 by 'ben' in row 2, of which "
            "with relabel=True the last would count; give each row one label, or the pool a "
            "consensus.",
        ),
        (
            {"id": [2, 4], "label": ["fine", "fine"], "took": ["2.5", "long"]},
            {"seconds_column": "took"},
            "merge got 'long' for 'took' in row 1; write seconds, with a point, or nothing.",
        ),
        (
            {"id": [2, 6], "label": ["fine", "fine"]},
            {},
            "merge got 6 for 'id' in row 1, which is no row; rows are called by their numbers, "
            "0 to 5.",
        ),
        (
            {"id": ["2", "-1"], "label": ["fine", "fine"]},
            {},
            "merge got '-1' for 'id' in row 1, which is no row; rows are called by their "
            "numbers, 0 to 5.",
        ),
        (
            {"number": ["2.0", "2x"], "label": ["fine", "fine"]},
            {"on": "number"},
            "merge got '2x' for 'number' in row 1, which is no row; rows are called by their "
            "numbers, 0 to 5.",
        ),
        (
            {"id": [2, None], "label": ["fine", "fine"]},
            {},
            "merge got a label and no 'id' in row 1; write which row it is of.",
        ),
        (
            {"id": [2], "Label": ["fine"]},
            {},
            "merge got a table, which has no column 'label'; its columns are 'id', 'Label'; write "
            "'Label' for 'label'.",
        ),
        (
            {"id": [2, 5], "label": ["fine", "fine"]},
            {"annotator": "ann"},
            "merge got row 5 by annotator='ann', which is reserved for 'ben'; release it first, or "
            "reserve it for 'ann' too.",
        ),
        (
            {"id": [2], "label": ["fine"], "who": ["ann"]},
            {"annotator": "ann", "annotator_column": "who"},
            "merge got annotator='ann' and annotator_column='who'; give the name of all who "
            "answered, or the column that has their names.",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_has_changed(table, options, refusal):
    pool = Pool([*"abcdef"], ["fine", "complaint", *4 * [None]])
    pool.reserve(5, "ben")
    before = state_of(pool)
    with pytest.raises((ValueError, TypeError)) as info:
        pool.merge(table, **options)
    assert str(info.value) == refusal
    assert state_of(pool) == before


def test_rows_that_have_ids_are_called_by_them_whatever_a_library_made_of_these(tmp_path):
    pool = Pool([*"abc"], ["y", "n", None], ids=["img_1.png", "7", "img_2.png"])
    with pytest.raises(ValueError) as info:
        pool.merge({"id": ["7", "img-2.png"], "label": [*"ny"]})
    assert str(info.value) == (
        "merge got 'img-2.png' for 'id' in row 1, which is no row; write 'img_2.png'."
    )
    left = pool.merge({"id": [7, "img_2.png"], "label": [*"yy"]})
    assert columns_of(left)["id"] == ["7"] and pool.y.tolist() == [*"yny"]
    assert columns_of(pool.history_frame())["id"] == ["img_1.png", "7", "img_2.png"]
    pool = Pool([*"abc"], ["y", "n", None], ids=[30, 10, 20])
    assert pool.hand_out(5, "ann", tmp_path / "ids.csv").tolist() == [2]
    assert (tmp_path / "ids.csv").read_text("utf-8-sig").endswith('\n20,"c",""\n')
    with pytest.raises(ValueError) as info:
        pool.merge({"id": ["10.0", "2"], "label": [*"ny"]})
    assert (
        str(info.value) == "merge got '2' for 'id' in row 1, which is no row; ids are such as 30."
    )
    pool.merge({"id": ["10.0", "20"], "label": [*"ny"]})
    assert pool.y.tolist() == [*"yny"]


def test_named_classes_are_all_that_there_are_whatever_is_said_of_new_ones():
    pool = Pool([*"abc"], classes=CLASSES)
    with pytest.raises(ValueError) as info:
        pool.merge({"id": [1], "label": ["urgent"]}, new_labels=True)
    assert str(info.value) == (
        "merge got 'urgent' in row 0, where labels are 'complaint', 'fine'; write one of these, "
        "nothing for no answer."
    )
    pool.merge({"id": [1], "label": ["fine"]})
    assert pool.y.tolist() == [-1, "fine", -1]


def test_of_many_mistakes_the_first_are_shown_and_the_others_counted():
    pool = Pool(range(30) and [*"abcdefghij" * 3], [*range(30)])
    with pytest.raises(ValueError) as info:
        pool.merge({"id": range(9), "label": range(30, 39)})
    assert "34 in row 4 and 4 more, where labels are 0, 1, " in str(info.value)
    assert " 19, ...; write" in str(info.value)


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["3", "4.0"], [3, 4]),
        (["3", "4.5"], [3.0, 4.5]),
        (["TRUE", "false"], [True, False]),
        (["3", "x"], ["3", "x"]),
        ([True, False], [True, False]),
        ([3.0, 4.0], [3, 4]),
    ],
)
def test_the_first_labels_of_a_pool_are_of_the_narrowest_kind_that_all_are(cells, labels):
    pool = Pool([*"ab"])
    pool.merge({"id": [0, 1], "label": cells})
    found = pool.y.tolist()
    assert found == labels and [*map(type, found)] == [*map(type, labels)]


def test_numbers_that_are_measured_may_be_new():
    pool = Pool([*"abc"], [0.5, None, None], missing_label=None)
    pool.merge({"id": ["1", "2"], "label": ["0.75", "3"]})
    assert pool.y.tolist() == [0.5, 0.75, 3.0]


@pytest.mark.parametrize(
    ("y", "cell", "refusal"),
    [
        (
            [0.5, 1.5],
            "1,5",
            "labels are numbers, such as 0.5; write one, with a point, nothing for",
        ),
        ([{"a"}, {"b"}], "a, b", "labels are 'a', 'b'; write some, as in 'a; b', '[]' for none of"),
    ],
)
def test_how_a_label_is_written_is_said_where_it_is_no_single_name(y, cell, refusal):
    with pytest.raises(
        ValueError, match=re.escape(f"merge got {cell!r} in row 0, where {refusal}")
    ):
        Pool(np.zeros((3, 1)), [*y, None]).merge({"id": [2], "label": [cell]})


@pytest.mark.parametrize("labels", [[0, 1], [0.5, 1.5], [False, True], ["bad", "fine"]])
def test_who_could_not_tell_gives_no_label_of_any_kind(labels):
    pool = Pool(np.zeros((6, 1)), [*labels, *[None] * 4])
    pool.merge({"id": [2, 3], "label": ["-1", str(labels[1])]}, annotator="ann")
    assert pool.skipped.tolist() == [2]
    assert pool.y_labeled.tolist() == [*labels, labels[1]]


def test_who_could_not_tell_writes_the_missing_label_and_a_blank_is_no_answer():
    pool = Pool([*"abcd"], ["fine", None, None, None])
    left = pool.merge({"id": [0, 1, 2, 3], "label": ["-1", -1, None, " "]}, annotator="ann")
    assert pool.skipped.tolist() == [1] and pool.unlabeled.tolist() == [2, 3]
    assert columns_of(left) == {
        "id": [0],
        "in_pool": ["fine"],
        "by": [None],
        "in_table": [-1],
        "line": [0],
    }
    pool.merge({"id": [0], "label": [-1]}, annotator="ann", relabel=True)
    assert pool.unlabeled.tolist() == [0, 2, 3]
    asked = Pool([*"ab"], ["fine", None], missing_label="?")
    asked.merge({"id": [1], "label": ["?"]})
    assert asked.skipped.tolist() == [1]


def test_several_people_answer_in_one_operation():
    pool = Pool([*"abcde"], ["y", "n", None, None, None])
    pool.reserve([2, 3], "ann")
    pool.reserve(4, "ben")
    rows = [
        {"id": 4, "label": "y", "who": "ben"},
        {"id": 2, "label": "n", "who": "ann"},
        {"id": 0, "label": "n", "who": "ben"},
        {"id": 1, "label": "n", "who": None},
        {"id": 3, "label": None, "who": "ann"},
        {"id": 1, "label": "n"},
    ]
    left = columns_of(pool.merge(rows, annotator_column="who"))
    assert (left["id"], left["in_pool"], left["line"]) == ([0], ["y"], [2])
    table = columns_of(pool.to_frame())
    assert table["label"] == ["y", "n", "n", None, "y"]
    assert table["annotator"] == [None, None, "ann", "ann", "ben"]
    (operation,) = pool.since(3)
    assert (operation.kind, operation.annotator, operation.rows.tolist()) == ("merge", None, [4, 2])
    pool.undo()
    assert pool.labeled.tolist() == [0, 1] and dict(pool.reservations)[4] == ("ben",)


@pytest.mark.parametrize(
    ("names", "recorded"),
    [(["ann", "ben"], ["ann", "ben"]), ([None, "ann"], [None, "ann"]), (["ann", None], ["ann"])],
)
def test_who_says_the_same_as_another_in_one_table_is_recorded_if_she_has_a_name(names, recorded):
    pool = Pool([[0.0], [1.0]])
    left = pool.merge({"id": [0, 0], "label": ["y", "y"], "who": names}, annotator_column="who")
    assert len(columns_of(left)["id"]) == 0
    assert [None if one != one else one for one in pool.opinions["annotator"]] == recorded


@needs_pandas
@needs_polars
def test_what_is_left_out_is_of_the_library_of_the_table_or_else_of_the_rows():
    answers = {"id": [0], "label": ["n"]}
    for X, table, library in (
        (pd.DataFrame({"a": [1]}), pl.DataFrame(answers), pl),
        (pl.DataFrame({"a": [1]}), pd.DataFrame(answers), pd),
        (pl.DataFrame({"a": [1]}), answers, pl),
    ):
        left = Pool(X, ["y"]).merge(table, new_labels=True)
        assert isinstance(left, library.DataFrame) and columns_of(left)["in_pool"] == ["y"]


def test_under_a_consensus_only_her_own_opinions_are_contradicted():
    pool = Pool([*"ab"], consensus="majority")
    pool.label([0, 1], [*"yy"], annotator="ann")
    pool.label(0, "y", annotator="ben")
    pool.decide(1, "y", annotator="eve")
    answers = {"id": [0, 1], "label": [*"nn"]}
    left = columns_of(pool.merge(answers, annotator="ann", new_labels=True))
    assert (left["in_pool"], left["by"]) == ([*"yy"], ["ann", "ann"])
    assert not columns_of(pool.merge(answers, annotator="cleo", new_labels=True))["id"]
    assert not columns_of(pool.merge(answers, annotator="ann", relabel=True, new_labels=True))["id"]
    assert pool.y.tolist() == [*"ny"]  # what was decided stays


def test_what_was_decided_is_contradicted_even_by_who_may_relabel():
    pool = Pool([*"ab"], [*"yn"])
    pool.decide(0, "y", annotator="eve")
    answers = {"id": [0, 1], "label": [*"ny"]}
    left = columns_of(pool.merge(answers, annotator="ann", relabel=True))
    assert (left["id"], left["by"]) == ([0], ["eve"])
    assert pool.y.tolist() == [*"yy"]


def test_comments_come_with_the_answers_that_are_recorded():
    pool = Pool([*"abcd"], ["y", "n", None, None])
    answers = [
        ("ann", 0, "y", "sure"),
        ("ben", 1, "y", "no"),
        ("ben", 3, "-1", "dark"),
        ("ann", 2, "n", None),
        (None, 1, None, "lost"),
    ]
    who, ids, labels, notes = zip(*answers, strict=True)
    table = {"id": ids, "label": labels, "who": who, "note": notes}
    left = pool.merge(table, annotator_column="who", comment_column="note")
    assert columns_of(left)["id"] == [1]
    assert columns_of(pool.to_frame())["comment"] == ["sure", None, None, "dark"]
    with pytest.raises(ValueError, match="merge got comment=7; give text, or None"):
        pool.merge({"id": [2], "label": ["n"], "note": [7]}, comment_column="note")


def test_of_one_persons_merge_she_can_be_undone_and_it_is_saved_and_loaded(tmp_path):
    pool = Pool([*"abc"], ["y", None, None])
    pool.merge([{"id": 1, "label": "y", "who": "ann"}], annotator_column="who")
    pool.label(2, "y", annotator="ben")
    pool.merge([{"id": 1, "label": "y", "who": "ann"}], annotator_column="who")
    assert [op.kind for op in pool.history] == ["fit", "merge", "label"]  # said already
    pool.save(tmp_path / "pool.npz")
    loaded = Pool.load(tmp_path / "pool.npz", pool.X)
    assert columns_of(loaded.history_frame()) == columns_of(pool.history_frame())
    loaded.undo(annotator="ann")
    assert loaded.labeled.tolist() == [0, 2]


# To a colleague and back


def as_a_spreadsheet_saves(path, rows):
    """Write a table as Excel does in much of Europe: semicolons, CRLF, a mark, few quotes."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=";", lineterminator="\r\n").writerows(rows)
    path.write_bytes(b"\xef\xbb\xbf" + buffer.getvalue().encode())


SPELLED = {  # how a person writes a label, a misspelt one, and what it may have been meant for
    "text": (lambda label: label, "Bad One", " (near 'Bad one')"),
    "int": (str, "O", ""),
    "bool": (lambda label: str(label).upper(), "TRU", " (near True)"),
    "float": (repr, "0,1", ""),
}


@pytest.mark.parametrize("kind", LABELS)
def test_a_colleagues_round_trip(kind, library, tmp_path):
    chance, path = random.Random(0), tmp_path / "ann.csv"
    spell, wrong, near = SPELLED[kind]
    texts = [f'text {i}; it says, "{i}"' for i in range(80)]
    truth = [LABELS[kind][i % len(LABELS[kind])] for i in range(80)]
    pool = Pool(texts, [*truth[:6], *74 * [None]], missing_label=None)

    # 50 rows are handed out
    rows = pool.hand_out(50, "ann", path)
    assert rows.tolist() == [*range(6, 56)] and pool.reserved.tolist() == rows.tolist()
    assert set(pool.reservations.values()) == {("ann",)}
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\r\n") == 51
    header, *lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert header == ["id", "text", "label"]
    assert lines == [[str(row), texts[row], ""] for row in rows]

    # They come back in another order, with blanks, and mistakes
    chance.shuffle(lines)
    for line in lines:
        line[2] = spell(truth[int(line[0])])
    lines[3][2] = lines[4][2] = ""
    blank = sorted(int(lines[at][0]) for at in (3, 4))
    again = [lines[10][0], "", next(s for s in map(spell, LABELS[kind]) if s != lines[10][2])]
    good = lines[20][2]
    lines[20][2] = wrong
    lines.insert(30, again)

    def merge(**options):
        as_a_spreadsheet_saves(path, [header, *lines])
        return pool.merge(path, annotator="ann", **options)

    before = state_of(pool)
    with pytest.raises(ValueError) as info:
        merge()
    if kind != "float":  # whose labels are not counted
        assert f"merge got {wrong!r} in line 22{near}, where labels are " in str(info.value)
    assert state_of(pool) == before
    lines[20][2] = good
    with pytest.raises(ValueError) as info:
        merge()
    first, second = (
        f"{line[2]!r} for {line[0]!r} by 'ann' in line {at}"
        for line, at in ((lines[10], 12), (again, 32))
    )
    assert str(info.value) == f"merge got {first} and {second}; give each row one answer."
    assert state_of(pool) == before
    again[2] = lines[10][2]  # the same answer twice is one

    # Meanwhile somebody has said otherwise
    row = int(lines[0][0])
    other = next(label for label in LABELS[kind] if label != truth[row])
    pool.label(row, other)
    before = state_of(pool)
    left = merge()
    assert is_of(library, left)
    assert columns_of(left) == {
        "id": [row],
        "in_pool": [other],
        "by": [None],
        "in_table": [truth[row]],
        "line": [2],
    }
    expected = dict(enumerate(truth[:56])) | {row: other}
    assert dict(zip(pool.labeled.tolist(), pool.y_labeled.tolist(), strict=True)) == {
        number: label for number, label in expected.items() if number not in blank
    }
    assert pool.reserved.tolist() == blank  # they are hers still
    assert [op.annotator for op in pool.since(before[2])] == ["ann"]

    # All that was merged is one operation, and goes as one
    assert not columns_of(merge(relabel=True))["id"]
    assert pool.y.tolist()[row] == truth[row]
    pool.undo(2)
    assert state_of(pool)[:2] == before[:2]


def test_rows_of_a_query_are_handed_out_in_its_order_with_the_columns_that_are_wanted(tmp_path):
    X = np.array([[5.5, 1.0], [7.0, 2.0], [0.5, 3.0]])
    pool = Pool(X)
    path = tmp_path / "rows.csv"
    assert pool.hand_out(np.array([2, 0]), "ann", path, columns=["x1"]).tolist() == [2, 0]
    assert path.read_text("utf-8-sig") == '"id","x1","label"\n2,3.0,""\n0,1.0,""\n'
    assert dict(pool.reservations) == {2: ("ann",), 0: ("ann",)}
    pool.hand_out([2], "ben", str(path), columns=[], overwrite=True)  # for a second opinion
    assert path.read_text("utf-8-sig") == '"id","label"\n2,""\n'
    assert pool.reservations[2] == ("ann", "ben")
    pool.hand_out([2], "ben", path, columns="x0", overwrite=True)  # what she has already
    assert path.read_text("utf-8-sig") == '"id","x0","label"\n2,0.5,""\n'
    assert pool.reservations[2] == ("ann", "ben")
    assert [op.detail for op in pool.since(1)] == 3 * [{"file": str(path)}]


def test_of_images_a_colleague_sees_the_ids(tmp_path):
    Pool(np.zeros((3, 4, 4))).hand_out(2, "ann", tmp_path / "ids.csv")
    assert (tmp_path / "ids.csv").read_text("utf-8-sig") == '"id","label"\n0,""\n1,""\n'


@needs_pandas
def test_columns_of_a_frame_are_written_and_one_that_is_called_label_is_not_hers(tmp_path):
    X = pd.DataFrame({"label": ["old", None], "size": pd.Categorical(["L", "M"]), 7: [1, 2]})
    Pool(X).hand_out(2, "ann", tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text("utf-8-sig") == (
        '"id","X_label","size","7","label"\n0,"old","L",1,""\n1,"","M",2,""\n'
    )


@pytest.mark.parametrize(
    ("args", "options", "refusal"),
    [
        ((2, None, "new.csv"), {}, "the name None; give that of a colleague, as text."),
        (
            (2, "ann", "old.csv"),
            {},
            "'old.csv', which is there; give another path, or overwrite=True.",
        ),
        (
            (2, "", "new.csv"),
            {},
            "the name ''; names are text without spaces around it, write one, or None.",
        ),
        (
            (2, "ann", "new.XLSX"),
            {},
            "'new.XLSX', and writes CSV, which every spreadsheet opens; write 'new.csv'.",
        ),
        ((0, "ann", "new.csv"), {}, "n=0; give a whole number of at least 1."),
        (([], "ann", "new.csv"), {}, "no row to hand out: no row was given."),
        (([9], "ann", "new.csv"), {}, "row number 9; row numbers are 0 to 3."),
        ((True, "ann", "new.csv"), {}, "booleans for row numbers; write np.flatnonzero(mask)."),
        (
            ([3], "ann", "new.csv"),
            {},
            "row 3, which is skipped; it takes rows that are unlabeled or reserved or labeled.",
        ),
        (
            (2, "ann", "new.csv"),
            {"columns": ["txt"]},
            "the column 'txt', and those of the rows are 'text'; write 'text'.",
        ),
        (
            (2, "ann", "new.csv"),
            {"columns": ["a"]},
            "the column 'a', and those of the rows are 'text'; write one of these.",
        ),
    ],
)
def test_what_cannot_be_handed_out_is_refused_and_nothing_is_written(
    args, options, refusal, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("old.csv").write_text("answers")
    pool = Pool([*"abcd"])
    pool.skip(3)
    before = state_of(pool)
    with pytest.raises((ValueError, TypeError)) as info:
        pool.hand_out(*args, **options)
    assert str(info.value) == f"hand_out got {refusal}"
    assert state_of(pool) == before
    assert os.listdir() == ["old.csv"] and Path("old.csv").read_text() == "answers"


def test_who_asks_for_more_rows_than_there_are_gets_all_and_then_a_refusal(tmp_path):
    pool = Pool([*"abc"], ["y", None, None])
    assert pool.hand_out(9, "ann", tmp_path / "1.csv").tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"no row to hand out: no unlabelled row is left\.$"):
        pool.hand_out(1, "ann", tmp_path / "2.csv")


def full_disk(*_):
    raise OSError("no space left on device")


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_file_that_cannot_be_written_leaves_its_rows_free(fails, tmp_path, monkeypatch):
    pool, path = Pool([*"abc"]), tmp_path / "ann.csv"
    path.write_text("answers")
    pool.reserve(0, "ann")

    with monkeypatch.context() as patch:
        patch.setattr(os, fails, full_disk)
        with pytest.raises(OSError, match="no space"):
            pool.hand_out([0, 1], "ann", path, overwrite=True)
    kinds = ["fit", "reserve", *["reserve", "release"] * (fails == "replace")]
    assert [op.kind for op in pool.history] == kinds  # a full disk is seen before
    assert dict(pool.reservations) == {0: ("ann",)}
    assert os.listdir(tmp_path) == ["ann.csv"] and path.read_text() == "answers"


def test_what_is_handed_out_from_a_database_is_known_to_whoever_opens_it(tmp_path, monkeypatch):
    X, path = [*"abcd"], tmp_path / "ann.csv"
    with Pool.open(tmp_path / "labels.db", X, classes=CLASSES) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", full_disk)
            with pytest.raises(OSError, match="no space"):
                pool.hand_out(2, "ann", path)
        assert not pool.reservations and not path.exists()
        pool.hand_out(2, "ann", path)
    with Pool.open(tmp_path / "labels.db", X, classes=CLASSES) as pool:
        assert dict(pool.reservations) == {0: ("ann",), 1: ("ann",)}
        assert pool.history[-1].detail == {"file": str(path)}
        path.write_text("id;label\n1;fine\n0;\n")
        assert not columns_of(pool.merge(path, annotator="ann"))["id"]
    with Pool.open(tmp_path / "labels.db", X, classes=CLASSES) as pool:
        assert pool.labeled.tolist() == [1] and pool.reserved.tolist() == [0]
        assert columns_of(pool.history_frame())["event"][-1] == "opinion"


FILES = ("pool/tables.py", "pool/pool.py", "pool/ledger.py", "utils/files.py")
WATCHED = tuple(str(Path(skactive.__file__).parent / name) for name in FILES)


def test_whenever_it_is_interrupted_a_file_is_there_only_with_its_reservation(tmp_path):
    """And the reservation only with the file."""
    n_run, n_whole, line = 0, 0, 0

    def trace(frame, event, arg):
        nonlocal n_run
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        n_run += event == "line"
        if event == "line" and n_run == line:
            raise KeyboardInterrupt
        return trace

    while n_run >= line:
        n_run, line = 0, line + 1
        pool, path = Pool([*"abc"]), tmp_path / f"{line}.csv"
        sys.settrace(trace)
        try:
            pool.hand_out(2, "ann", path)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        whole = {0: ("ann",), 1: ("ann",)}
        assert dict(pool.reservations) == (whole if path.exists() else {})
        n_whole += path.exists()
    assert line > 100 and 1 < n_whole < line
