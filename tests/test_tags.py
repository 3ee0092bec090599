"""Selections that have names."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Pool, select

X = np.arange(12.0).reshape(-1, 1)
Y = [0, 1] + [-1] * 10


def test_rows_keep_a_tag_whatever_becomes_of_them(tmp_path):
    pool = Pool(X, Y)
    pool.tag([7, 1, 3], "sharp")
    pool.tag(3, "first")
    pool.label(3, 1)
    pool.skip(7)
    pool.unlabel(1)
    pool.extend(X[:2])
    pool.tag([13, 7], "sharp")
    assert pool.tagged("sharp").tolist() == [1, 3, 7, 13]
    assert {name: rows.tolist() for name, rows in pool.tags.items()} == {
        "sharp": [1, 3, 7, 13],
        "first": [3],
    }
    pool.save(tmp_path / "pool.npz")
    loaded = Pool.load(tmp_path / "pool.npz", pool.X)
    for other in (loaded, pickle.loads(pickle.dumps(pool))):
        assert {name: rows.tolist() for name, rows in other.tags.items()} == {
            "sharp": [1, 3, 7, 13],
            "first": [3],
        }


def test_only_what_changes_is_an_operation_and_undo_takes_it_back():
    pool = Pool(X, Y)
    pool.tag([4, 5], "sharp")
    pool.tag([5, 4], "sharp")
    assert [op.kind for op in pool.history] == ["fit", "tag"]
    pool.tag([5, 6], "sharp")
    assert pool.history[-1].rows.tolist() == [6]
    pool.untag([4, 6], "sharp")
    assert pool.tagged("sharp").tolist() == [5]
    pool.undo()
    assert pool.tagged("sharp").tolist() == [4, 5, 6]
    pool.undo(2)
    assert dict(pool.tags) == {}


def test_tags_are_handed_out_read_only():
    pool = Pool(X, Y)
    pool.tag([4, 5], "sharp")
    with pytest.raises(ValueError, match="read-only"):
        pool.tagged("sharp")[0] = 3
    with pytest.raises(TypeError):
        pool.tags["sharp"] = []


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda pool: pool.tagged("shrap"), "tagged got the tag 'shrap', which no row has; the ta"),
        (lambda pool: pool.tagged("shrap"), "the tags are 'sharp'; write 'sharp'"),
        (lambda pool: pool.untag([4], "blurred"), "untag got the tag 'blurred', which no row has"),
        (lambda pool: pool.untag([4, 3], "sharp"), "untag got row 3, which is not tagged 'sharp'"),
        (lambda pool: pool.tag([12], "sharp"), "tag got row number 12; row numbers are 0 to 11"),
        (lambda pool: Pool(X).tagged("sharp"), "there are no tags yet; tag.rows, name. tags some"),
    ],
)
def test_what_makes_no_sense_is_refused(call, text):
    pool = Pool(X, Y)
    pool.tag([4, 5], "sharp")
    with pytest.raises(ValueError, match=text):
        call(pool)
    assert pool.n_operations == 2


@pytest.mark.parametrize("name", [None, "", " ", 3])
def test_a_tag_is_text(name):
    with pytest.raises(TypeError, match="tag got the name .*; give the text that the rows are"):
        Pool(X, Y).tag([4], name)
    with pytest.raises(ValueError, match="tag got the name 'sharp '; .* write 'sharp'"):
        Pool(X, Y).tag([4], "sharp ")


def test_a_question_may_be_about_the_rows_of_a_tag():
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0).fit(X, Y)
    learner.pool_.tag([1, 4, 9, 10], "sharp")
    idx, _ = learner.query(n_instances=5, subset="sharp")
    assert idx.tolist() == learner.query(n_instances=5, subset=[4, 9, 10])[0].tolist()
    assert sorted(idx) == [4, 9, 10]
    with pytest.raises(ValueError, match="query got the tag 'shrap', which no row has; .* 'sharp'"):
        learner.query(subset="shrap")
    with pytest.raises(
        ValueError, match="subset is 'sharp'; the name of a tag goes with questions"
    ):
        learner.query(X + 0.5, subset="sharp")
    with pytest.raises(
        ValueError, match="subset is 'sharp'; the name of a tag goes with questions"
    ):
        select("margin", n_instances=1, proba=np.full((3, 2), 0.5), subset="sharp")


def test_a_tag_changes_neither_labels_nor_what_is_asked():
    learner = ActiveLearner(LogisticRegression(), "random", random_state=0).fit(X, Y)
    before, estimator = learner.query(n_instances=3)[0], learner.estimator_
    learner.pool_.tag([0, 5], "sharp")
    assert learner.query(n_instances=3)[0].tolist() == before.tolist()
    assert learner.teach([], []).estimator_ is estimator
