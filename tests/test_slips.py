"""Slips of the hand: two arguments swapped, a name misspelt, a folder that is not there."""

import re
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Known, Pool, run

X = np.arange(10.0).reshape(5, 2)
NAMES = ["a.png", "b.png", "c.png", "d.png", "e.png"]


def refused(words: str, error: type = ValueError):
    """Expect a refusal that says so."""
    return pytest.raises(error, match=re.escape(words))


def test_open_says_how_it_is_called(tmp_path):
    path = tmp_path / "pool.db"
    with refused(
        "got path= of type ndarray, which is no path; write Pool.open(path, X).", TypeError
    ):
        Pool.open(X, path)
    with refused("Pool.open got readonly=, which it does not take; write read_only=.", TypeError):
        Pool.open(path, X, readonly=True)
    with refused("Pool.open got hue=, which it does not take; it takes changed, ", TypeError):
        Pool.open(path, X, hue=True)
    with refused("there is no folder", FileNotFoundError):
        Pool.open(tmp_path / "none" / "pool.db", X)
    assert not list(tmp_path.iterdir())


def test_run_says_what_save_is():
    learner = ActiveLearner(LogisticRegression()).fit(X, [0, 1, -1, -1, -1])
    with refused("save= of type bool, which is no path; write save='pool.db'.", TypeError):
        run(learner, Known([0, 1, 0, 1, 0]), save=True)
    assert learner.pool_.n_labeled == 2


def test_hand_out_tells_a_name_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pool = Pool(X)
    with refused("name 'ana.csv' and the path 'Ana'; write hand_out(rows, 'Ana', 'ana.csv')."):
        pool.hand_out(2, "ana.csv", "Ana")
    folder = tmp_path / "none"
    with refused(f"ana.csv' cannot be made: there is no folder '{folder}'.", FileNotFoundError):
        pool.hand_out(2, "Ana", "none/ana.csv")
    assert pool.n_reserved == 0 and pool.n_operations == 1 and not list(tmp_path.iterdir())
    assert pool.hand_out(2, "Ana", "ana.csv").tolist() == [0, 1]


def test_labels_that_are_the_name_of_a_column():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"file": NAMES, "width": range(5), "height": range(5)})
    learner = ActiveLearner(LogisticRegression())
    with refused("got y='file', a column of X; write ids='file' if it names the rows, or y=X['f"):
        learner.fit(frame, "file")
    assert learner.fit(frame, ids="file").pool_.ids[:2].tolist() == NAMES[:2]
    assert Pool(frame[:1], "file").n_labeled == 1  # the label of the one row


def test_what_stands_for_nothing_is_refused():
    with refused("classes= names no label; leave it out where any is accepted."):
        Pool(X, classes=[])
    with refused("the pool got an empty text for an id, in row 2; give each row one."):
        Pool(X, ids=["a", "b", "", "d", "e"])
    pool = Pool(X, ids=NAMES)
    with refused("extend got an empty text for an id, in row 1; give each row one."):
        pool.extend(X[:2], ids=["f.png", ""])
    assert len(pool) == 5
    with refused("numbers got '', which is the id of no row"):
        pool.numbers("")


def test_columns_of_labels_are_told_of_several_a_row():
    y = np.array([[0, 1], [2, 1], [0, 0], [1, 1], [0, 0]])
    with refused("where a row has several, 0 or 1 for each in columns, or a set of them, in a Poo"):
        Pool(X, y)
    assert Pool(X, y % 2).multilabel


def test_a_subset_of_which_nothing_may_be_asked_for():
    learner = ActiveLearner(LogisticRegression()).fit(X, [0, 1, -1, -1, -1])
    with pytest.warns(UserWarning, match="none of the rows in subset may be asked for"):
        assert len(learner.query(subset=[0, 1])[0]) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert learner.query(subset=[0, 2])[0].tolist() == [2]
        assert len(learner.query(subset=[])[0]) == 0  # nothing is what was asked for


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: p.label([2], [1]), "label 1 for row 2 (id 'c.png'), which is labelled 0"),
        (lambda p: p.label([4, 3], [0, 5]), "y holds 5 in row 3 (id 'd.png'), which classes="),
        (lambda p: p.label([4], [0], annotator="bo"), "got row 4 (id 'e.png') by annotator='bo'"),
        (lambda p: p.decide([1], [None]), "the missing label for row 1 (id 'b.png'); a decision"),
        (lambda p: p.skip([3, 2]), "skip got row 2 (id 'c.png'), which is labeled"),
        (lambda p: p.reserve([0]), "reserve got row 0 (id 'a.png'), which is labeled"),
        (lambda p: p.untag([3], "sharp"), "untag got row 3 (id 'd.png'), which is not tagged"),
        (lambda p: p.name_classes([0]), "y holds 1 in row 1 (id 'b.png'), which classes="),
        (lambda p: p.extend(X[:2], [0, 5], ids=["f", "g"]), "y holds 5 in row 1 (id 'g'), which"),
        (lambda p: Pool(X, [0, 1, 5, 0, 0], ids=NAMES, classes=[0, 1]), "row 2 (id 'c.png'), whi"),
        (lambda p: Pool(X, [0, "a", 1, 0, 0], ids=NAMES), "'a' in row 1 (id 'b.png'), 0 in row 0"),
        (
            lambda p: Pool(X, [{"x"}] * 5, ids=NAMES, classes=["x"]).label([3, 2], [{"x"}, {"z"}]),
            "y holds 'z' in row 2 (id 'c.png'), which is the name of no label",
        ),
    ],
)
def test_rows_are_called_by_number_and_id(call, words):
    pool = Pool(X, [0, 1, 0, -1, -1], ids=NAMES, classes=[0, 1])
    pool.tag([0], "sharp")
    pool.reserve([4], "ann")
    with refused(words):
        call(pool)


def test_known_takes_labels_by_id():
    learner = ActiveLearner(LogisticRegression())
    known = Known({"e.png": 0, "b.png": 1, "c.png": 1, "a.png": 0})  # nothing of d.png
    with refused("Known got labels by id, which go with `run` over a pool whose rows have ids"):
        run(learner.fit(X), known)
    learner.fit(X, ids=NAMES)
    with refused("Known got 'f.png', which is the id of no row; "):
        run(learner, Known({"f.png": 0}))
    pool = run(learner, known).pool_
    assert pool.y.tolist() == [0, 1, 1, -1, 0] and pool.skipped.tolist() == [3]
