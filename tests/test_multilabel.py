"""Several labels a row: what a user may give, and what a pool tells, writes and reads."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LinearRegression, LogisticRegression

from skactive import ActiveLearner, Pool, compare_strategies
from skactive.data.multilabel import looks_multilabel
from skactive.pool import frames

X = np.arange(6.0).reshape(-1, 1)
NAMES = ["cat", "dog"]
TABLE = [[1, 0], [1, 1], [-1, -1], [0, 0], [0, 1], [-1, -1]]
SETS = [{"cat"}, {"cat", "dog"}, None, set(), {"dog"}, None]
FLOATS = np.where(np.array(TABLE) < 0, np.nan, TABLE)

FORMS = {
    "sets": SETS,
    "frozensets": [each if each is None else frozenset(each) for each in SETS],
    "lists of names": [None if each is None else sorted(each) for each in SETS],
    "tuples of names": tuple(None if each is None else tuple(sorted(each)) for each in SETS),
    "array of sets": np.array([*SETS, 0], dtype=object)[:-1],
    "Series of sets": pd.Series(SETS),
    "Series of lists": pl.Series([None if each is None else sorted(each) for each in SETS]),
    "other blanks": [-1 if each is None else each for each in SETS],
    "NaN": [float("nan") if each is None else each for each in SETS],
    "pandas.NA": [pd.NA if each is None else each for each in SETS],
    "lists": TABLE,
    "rows of None": [None if row[0] < 0 else row for row in TABLE],
    "arrays": [None if row[0] < 0 else np.array(row) for row in TABLE],
    "int8": np.array(TABLE, dtype=np.int8),
    "floats": FLOATS,
    "booleans and None": [[None] * 2 if row[0] < 0 else list(map(bool, row)) for row in TABLE],
    "masked": np.ma.masked_less(TABLE, 0),
    "pandas": pd.DataFrame(TABLE, columns=NAMES),
    "nullable": pd.DataFrame(FLOATS, columns=NAMES).astype("Int8"),
    "polars": pl.DataFrame(FLOATS, schema=NAMES, nan_to_null=True),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{}, {"multilabel": True, "classes": NAMES}])
def test_every_form_says_the_same(form, options):
    pool = Pool(X, FORMS[form], **options)
    assert pool.multilabel
    assert pool.y.dtype == np.int8
    assert pool.y.tolist() == TABLE
    assert pool.y_labeled.tolist() == [row for row in TABLE if row[0] >= 0]
    assert pool.labeled.tolist() == [0, 1, 3, 4]
    is_named = (
        options
        or form in ("pandas", "nullable", "polars")
        or isinstance(FORMS["sets"], type(FORMS[form]))
    )
    if is_named and form not in ("lists", "rows of None", "arrays", "booleans and None"):
        assert pool.classes.tolist() == NAMES


@pytest.mark.parametrize("row", [list, np.array, lambda cells: list(map(bool, cells))])
def test_rows_of_0_and_1_name_the_columns_where_some_rows_have_no_label_yet(row):
    table = [[1, 0, 1], [0, 0, 0], [0, 1, 1]]
    pool = Pool(np.zeros((4, 1)), [*map(row, table), None])
    assert pool.classes.tolist() == [0, 1, 2]
    assert pool.y.tolist() == [*table, [-1, -1, -1]]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_may_come_later(form):
    pool = Pool(X, multilabel=True, classes=NAMES)
    assert pool.y.tolist() == [[-1, -1]] * 6
    assert pool.y_labeled.shape == (0, 2)
    pool.label(range(6), FORMS[form], annotator="Ann")
    assert pool.y.tolist() == TABLE
    assert pool.skipped.tolist() == [2, 5]
    pool.undo()
    assert pool.y.tolist() == [[-1, -1]] * 6


@pytest.mark.parametrize(
    ("y", "row"),
    [
        ({"dog"}, [0, 1]),
        (["cat", "dog"], [1, 1]),
        ("cat", [1, 0]),
        (["cat"], [1, 0]),
        (set(), [0, 0]),
        ([set()], [0, 0]),
        ([0, 1], [0, 1]),
        ([[0, 1]], [0, 1]),
        (np.array([True, False]), [1, 0]),
        (sp.csr_matrix([[0, 1]]), [0, 1]),
        (pd.DataFrame({"dog": [0], "cat": [1]}), [1, 0]),
        (pd.DataFrame([[0, 1]]), [0, 1]),
        (None, [-1, -1]),
        (-1, [-1, -1]),
        ([-1, -1], [-1, -1]),
        (float("nan"), [-1, -1]),
    ],
)
def test_one_row_may_be_given_alone(y, row):
    pool = Pool(X, SETS)
    pool.label(2, y)
    assert pool.y[2].tolist() == row
    assert pool.n_skipped == (row == [-1, -1])


@pytest.mark.parametrize(
    "y",
    [
        [[0], [1]],
        np.array([[0], [1]]),
        [[0.5, 1.0], [2.0, 3.0]],
        pd.DataFrame({"a": [3, 4], "b": [0, 1]}),
        ["cat", "dog"],
        ["cat", None],
        [0, 1],
        pd.Series(["a", "b"]),
        np.array(["a", None], dtype=object),
        [[0, 1], [1]],
        None,
        "cat",
    ],
)
def test_one_label_a_row_and_targets_of_a_regression_are_no_several_labels(y):
    assert not looks_multilabel(y)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ({"dgo"}, r"y holds 'dgo' in row 2, which is the name of no label; .* write 'dog'\."),
        ({"emu"}, r"the names are \['cat', 'dog'\]; give all that may come to Pool\(X, classes="),
        ([1, 2], "y holds 2 in row 2, where rows have several labels; write a set of names"),
        ([1, -1], r"y says nothing of some labels in row 2; give 0 or 1 for each of \['cat', "),
        ([1], "y holds 1 in row 2, where rows have several labels"),
        (1, "y holds 1 in row 2, where rows have several labels"),
        ([[1, 0, 1]], "y has 3 columns, where rows have 2 labels"),
        ([[1, 0], [0, 1]], "label got 2 labels for 1 rows"),
        ([], "label got 0 labels for 1 rows"),
        ([["cat", 1]], "y holds 'cat' in row 2, where rows have several labels"),
        (np.zeros((1, 2, 1)), r"y has shape \(1, 2, 1\), where rows have several labels"),
        (pd.DataFrame({"cat": [0], "emu": [1]}), r"y has the columns \['cat', 'emu'\]"),
        ({"cat": 1}, "y is a dict"),
    ],
)
def test_what_is_no_label_is_refused_and_nothing_has_changed(y, text):
    pool = Pool(X, SETS)
    with pytest.raises((ValueError, TypeError), match=text):
        pool.label(2, y)
    assert (pool.n_operations, pool.y.tolist()) == (1, TABLE)


@pytest.mark.parametrize(
    ("y", "options", "text"),
    [
        (
            None,
            {"multilabel": True},
            r"has to know which; write Pool\(X, multilabel=True, classes=",
        ),
        (None, {"multilabel": "yes"}, "multilabel is 'yes'; write True, False or 'auto'."),
        (list("abcabc"), {"multilabel": True}, "y names no label, where rows have several"),
        (SETS, {"classes": ["cat"]}, "'dog' in row 1, which is the name of no label"),
        (SETS, {"classes": ["dog", "cat", "dog"]}, "classes= names 'dog' twice"),
        ([{"a;b"}] * 6, {}, "a label is to be called 'a;b', where rows have several"),
        ([{"[]"}] * 6, {}, "a label is to be called '\\[\\]'"),
        ([{" a"}] * 6, {}, "a label is to be called ' a'"),
        ([{1, "a"}] * 6, {}, "y mixes text with numbers"),
        ([[0, -1]] * 6, {}, "y says nothing of some labels in row 0"),
        ([[0.5, 1.0]] * 6, {}, r"y has shape \(6, 2\); write one label per row"),
        ([[0, 1]] * 6, {"classes": [5]}, "y has 2 columns, where rows have 1 labels"),
        (SETS[1:], {}, "the pool got 5 labels for 6 rows"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(y, options, text):
    with pytest.raises(ValueError, match=text):
        Pool(X, y, **options)


def test_labels_that_differ_are_shown_by_their_names():
    pool = Pool(X, SETS)
    with pytest.raises(
        ValueError, match=r"got the label \[\] for row 0, which is labelled \['cat'\]"
    ):
        pool.label(0, set())
    pool.decide(0, {"dog"})
    with pytest.raises(ValueError, match=r"was decided to be \['dog'\]"):
        pool.label(0, {"cat"}, relabel=True)


def test_a_consensus_votes_label_by_label_and_a_function_sees_a_matrix():
    said = [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1]]
    seen = []

    def first(rows, annotators, labels):
        seen.append(labels)
        return labels[np.unique(rows, return_index=True)[1]]

    for consensus, expected in (("majority", [1, 1, 0]), (first, [1, 0, 0]), (None, [0, 1, 1])):
        pool = Pool(X, multilabel=True, classes=["a", "b", "c"], consensus=consensus)
        for who, row in zip("ABCD", said, strict=True):
            pool.label(4, row, annotator=who, relabel=True)
        pool.label(1, None, annotator="A")
        assert pool.y[4].tolist() == expected
        assert pool.opinions["label"].tolist()[1:] == ["a", "a; b", "b", "b; c"]
    assert seen[-1].tolist() == said


def test_annotators_agree_where_all_labels_are_the_same():
    pool, plain = (
        Pool(X, consensus="majority", **options)
        for options in ({"multilabel": True, "classes": NAMES}, {})
    )
    for who, table in (("Ann", [[1, 0], [1, 1], [0, 0]]), ("Ben", [[1, 0], [1, 0], [0, 0]])):
        pool.label([0, 1, 2], table, annotator=who)
        plain.label([0, 1, 2], [2 * a + b for a, b in table], annotator=who)
    assert repr(pool.agreement()) == repr(plain.agreement())


def test_a_history_calls_labels_as_they_were_called_then(monkeypatch):
    pool, asked = Pool(X, multilabel=True, classes=["a", "b"]), []
    for row, call in enumerate(
        [
            pool.undo,
            lambda: pool.rename_class("a", "x"),
            lambda: pool.merge_classes(["x", "b"], "b"),
        ]
    ):
        pool.label([row], [{"b"}])
        pool.label([row + 3], [[1, 0]])
        call()
    pool.undo()
    pool.label([3], [{"x"}])
    named_after = frames.named_after
    monkeypatch.setattr(frames, "named_after", lambda *a: asked.append(a) or named_after(*a))
    assert pool.history_frame()["label"].tolist() == ["b", "a", "b", "a", "b", "x", "x"]
    assert len(asked) == 3  # and not once for each operation


def test_classes_are_renamed_and_merged_and_come_back_by_undo(tmp_path):
    pool = Pool(X, [{"a"}, {"b", "d"}, {"c"}, set(), None, {"a", "c"}], classes=list("dacb"))
    pool.rename_class("a", "x")
    assert pool.classes.tolist() == ["d", "x", "c", "b"]
    before = pool.y.tolist()
    pool.merge_classes(["x", "b"], into="c")
    assert pool.classes.tolist() == ["d", "c"]
    assert pool.y.tolist() == [[0, 1], [1, 1], [0, 1], [0, 0], [-1, -1], [0, 1]]
    pool.label(4, {"c"}, annotator="Ann")
    assert pool.history_frame()["label"].tolist() == ["a", "d; b", "c", "[]", "a; c", "c"]
    assert pool.to_frame()["label"].tolist() == ["c", "d; c", "c", "[]", "c", "c"]
    with pytest.raises(ValueError, match="split_class got a pool with several labels a row"):
        pool.split_class("c", ["e", "f"])
    for names in (["c", "d"], None):
        with pytest.raises(ValueError, match="name_classes got .* write rename_class"):
            pool.name_classes(names)
    pool.save(tmp_path / "pool.npz")
    pool.copy_to(tmp_path / "pool.db")
    with Pool.open(tmp_path / "pool.db", X) as durable:
        for other in (pool, Pool.load(tmp_path / "pool.npz", X), durable):
            other.undo(2)
            assert (other.y.tolist(), other.classes.tolist()) == (before, ["d", "x", "c", "b"])


def test_tables_write_names_and_read_them(tmp_path):
    pool = Pool(X, SETS, ids=list("abcdef"))
    assert pool.to_frame()["label"].tolist()[:2] == ["cat", "cat; dog"]
    pool.hand_out([2, 5], "Ann", tmp_path / "ann.csv")
    lines = (tmp_path / "ann.csv").read_text("utf-8-sig").splitlines()
    lines[1:] = [lines[1].removesuffix('""') + '" dog;cat "', lines[2].removesuffix('""') + '"[]"']
    (tmp_path / "ann.csv").write_text("\n".join(lines))
    assert len(pool.merge(tmp_path / "ann.csv", annotator="Ann")) == 0
    assert pool.y.tolist() == [*TABLE[:2], [1, 1], *TABLE[3:5], [0, 0]]
    table = [{"id": "a", "label": {"dog"}}, {"id": "b", "label": "-1"}, {"id": "c", "label": None}]
    left = pool.merge(table, annotator="Ben")
    assert left[["id", "in_pool", "in_table"]].to_numpy().tolist() == [
        ["a", "cat", "dog"],
        ["b", "cat; dog", -1],
    ]
    unlabeled = Pool(X, SETS, ids=list("abcdef"))
    answers = {"id": ["f", "c"], "label": [-1, "cat"]}
    assert len(unlabeled.merge(answers, annotator="Ann")) == 0
    assert unlabeled.skipped.tolist() == [5]
    assert unlabeled.y[2].tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"merge got 'Dog' in row 0 \(near 'dog'\), where labels"):
        pool.merge({"id": ["a"], "label": ["cat; Dog"]})


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize(
    "cells", [[["dog"], ["cat"]], [["cat", "dog"], ["dog", "cat"]], [["cat"], []]]
)
def test_a_cell_of_a_table_may_be_a_list_of_names(make, cells):
    pool = Pool(X, SETS, ids=list("abcdef"))
    table = make({"id": [*"cf"], "label": cells})
    assert len(pool.merge(table)) == 0
    assert pool.y[[2, 5]].tolist() == [["cat" in cell, "dog" in cell] for cell in cells]
    with pytest.raises(ValueError, match=r"merge got \('\w+',.* in row 0, .*where labels are"):
        Pool(X, ["cat", "dog", *[None] * 4], ids=list("abcdef")).merge(table)


def test_a_database_holds_the_places_of_names_and_goes_on(tmp_path):
    path = tmp_path / "labels.db"
    with Pool.open(path, X, SETS) as pool, Pool.open(path, X, SETS, multilabel=True) as other:
        pool.label([2, 5], [{"cat", "dog"}, set()])
        other.refresh()
        assert other.y.tolist() == pool.y.tolist()
        found = other.ledger.store.rows("SELECT label FROM event ORDER BY n")
        assert [json.loads(label) for (label,) in found] == [[0, 1], []]
    with pytest.raises(
        ValueError, match=r"the label \['dog'\] for row 0, .* it has \['cat'\] there"
    ):
        Pool.open(path, X, [{"dog"}, *SETS[1:]])
    with pytest.raises(ValueError, match=r"got classes=\['dog', 'cat'\], but the file has \['cat'"):
        Pool.open(path, X, SETS, classes=["dog", "cat"])
    Pool.open(tmp_path / "one.db", X, [0, 1, -1, -1, -1, -1]).close()
    with pytest.raises(ValueError, match="got multilabel=True, but the file has False"):
        Pool.open(tmp_path / "one.db", X, multilabel=True)


@pytest.mark.parametrize("change", [{"labels": [2]}, {"labels_width": [2]}, {"base_labels": [3]}])
def test_a_file_with_cells_that_are_none_is_refused(change, tmp_path):
    from test_damaged_files import edited

    pool, path = Pool(X, [[0, 1, 1], *[[-1] * 3] * 5]), tmp_path / "pool.npz"
    pool.label([1, 2], [[0, 0, 1], [1, 1, 1]])
    pool.save(path)
    ((name, value),) = change.items()

    def changed(array):
        array[:1] = value
        return array

    edited(path, **{name: changed})
    with pytest.raises(ValueError, match="is not a file that Pool.save wrote"):
        Pool.load(path, X)


def test_what_learns_one_label_a_row_refuses_them_in_a_sentence():
    text = "rows have several labels, and LogisticRegression learns one label a row; write OneVs"
    y = [[0, 1], [1, 0]] * 3
    for estimator, args, said in (
        (LogisticRegression(), (Pool(X, SETS),), text),
        (LogisticRegression(), (X, SETS), text),
        (LinearRegression(), (X, y), "rows have several labels, and LinearRegression is no class"),
    ):
        learner = ActiveLearner(estimator, "random")
        with pytest.raises(ValueError, match=said):
            learner.fit(*args)
        assert not hasattr(learner, "pool_")
    with pytest.raises(ValueError, match=text):
        compare_strategies(LogisticRegression(), X, SETS, strategies=["random"], budget=4)
    with pytest.raises(ValueError, match=r"y has shape \(6, 2\); write one label per row"):
        ActiveLearner(LinearRegression(), "random").fit(X, np.array(y) * 1.5)


def test_one_label_a_row_may_be_said_to_be_one():
    assert not Pool([[0], [1]], ["cat", None], multilabel=False).multilabel
    with pytest.raises(ValueError, match=r"y has shape \(2, 2\); write one label per row"):
        Pool([[0], [1]], [[0, 1], [1, 0]], multilabel=False)
