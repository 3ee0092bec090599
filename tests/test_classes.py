"""Classes that are renamed, merged and split in the middle of a project."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from test_damaged_files import edited, table

import skactive
from skactive import ActiveLearner, Pool

X = np.arange(12.0).reshape(-1, 1)
ANIMALS = ["cat", "bird", "dog", *[None] * 9]


def zoo(**options):
    pool = Pool(X, ANIMALS, **options)
    pool.label([3, 4], ["cat", "bird"], annotator="ann")
    return pool


def copies(pool, path):
    """The pool, as pickled and as loaded."""
    pool.save(path / "pool.npz")
    return pool, pickle.loads(pickle.dumps(pool)), Pool.load(path / "pool.npz", pool.X)


@pytest.mark.parametrize("classes", [None, ["cat", "bird", "dog"]])
def test_a_class_gets_another_name_in_all_that_was_said(classes, tmp_path):
    pool = zoo(classes=classes)
    pool.rename_class("cat", "feline")
    pool.label(5, "feline")
    for each in copies(pool, tmp_path):
        assert each.y_labeled.tolist() == ["feline", "bird", "dog", "feline", "bird", "feline"]
        assert each.opinions["label"].tolist() == each.y_labeled.tolist()
        names = None if classes is None else ["bird", "dog", "feline"]
        assert (None if each.classes is None else each.classes.tolist()) == names
        each.undo(2)
        assert each.y_labeled.tolist() == ["cat", "bird", "dog", "cat", "bird"]
        assert (None if each.classes is None else each.classes.tolist()) == (
            classes and sorted(classes)
        )


def test_what_is_said_after_a_renaming_is_what_was_said():
    pool = zoo()
    pool.rename_class("cat", "feline")
    pool.label(5, "cat")  # where any label may come, so may this one again
    assert pool.y[[0, 5]].tolist() == ["feline", "cat"]
    pool = zoo(classes=["cat", "bird", "dog"])
    pool.rename_class("cat", "feline")
    with pytest.raises(ValueError, match="y holds 'cat' in row 5, which classes= does not name"):
        pool.label(5, "cat")


def test_the_history_tells_of_the_rows_that_are_called_otherwise():
    pool = zoo()
    pool.rename_class("cat", "feline")
    operation = pool.history[-1]
    assert (operation.kind, operation.rows.tolist()) == ("classes", [0, 3])
    assert (operation.before, operation.after) == (["cat"] * 2, ["feline"] * 2)
    assert operation.detail == {
        "classes": ["cat"],
        "into": ["feline"],
        "gone": ["cat"],
        "new": ["feline"],
    }
    pool.undo()
    assert pool.history[-1].rows.tolist() == [0, 3]
    assert pool.history[-1].after == ["cat"] * 2


def test_merged_classes_are_one_and_come_apart_by_undo():
    pool = zoo(classes=["cat", "bird", "dog"])
    pool.merge_classes(["cat", "dog"], into="mammal")
    assert pool.y_labeled.tolist() == ["mammal", "bird", "mammal", "mammal", "bird"]
    assert pool.classes.tolist() == ["bird", "mammal"]
    pool.merge_classes("bird", into="mammal")
    assert pool.classes.tolist() == ["mammal"]
    pool.undo()
    assert pool.classes.tolist() == ["bird", "mammal"]
    pool.undo()
    assert pool.y_labeled.tolist() == ["cat", "bird", "dog", "cat", "bird"]


def test_a_split_class_is_asked_for_again_and_its_record_stays(tmp_path):
    pool = zoo(classes=["cat", "bird", "dog"])
    pool.decide(5, "bird")
    pool.split_class("bird", ["duck", "goose"])
    for each in copies(pool, tmp_path):
        assert each.labeled.tolist() == [0, 2, 3]
        assert set(each.unlabeled) >= {1, 4, 5}
        assert each.classes.tolist() == ["cat", "dog", "duck", "goose"]
        assert each.history[-1].before == ["bird"] * 3
        each.label(4, "duck", annotator="ann")
        each.undo(2)
        assert each.y[[1, 4, 5]].tolist() == ["bird"] * 3
        assert each.classes.tolist() == ["bird", "cat", "dog"]


def test_a_renaming_in_a_file_takes_no_label_away(tmp_path):
    pool, path = zoo(), tmp_path / "pool.npz"
    pool.split_class("bird", ["duck", "goose"])
    pool.save(path)

    def as_renaming(details):
        ((number, detail),) = details
        return [(number, detail | {"into": ["duck"], "new": ["duck"]})]

    edited(path, **table(3, as_renaming))
    with pytest.raises(ValueError, match="is not a file that Pool.save wrote"):
        Pool.load(path, X)


def test_a_split_is_of_the_rows_whose_label_it_is_by_consensus():
    pool = zoo(consensus="majority")
    pool.label([3, 4], ["bird", "cat"], annotator="ben")
    pool.label([3, 4], ["bird", "cat"], annotator="cleo")
    pool.split_class("bird", ["duck", "goose"])
    assert pool.labeled.tolist() == [0, 2, 4]
    assert pool.y[4] == "cat"


def test_minority_opinions_are_renamed_too():
    pool = zoo(consensus="majority")
    pool.label([3, 4], ["cat", "cat"], annotator="ben")
    pool.rename_class("bird", "cat-like")
    assert sorted(pool.opinions["label"][pool.opinions["id"] == 4]) == ["cat", "cat-like"]
    pool.undo(annotator="ben")
    assert pool.y[4] == "cat-like"


def test_an_undo_by_person_leaves_a_renaming_that_came_after():
    pool = zoo()
    pool.label(3, "bird", relabel=True, annotator="ben")
    pool.rename_class("cat", "feline")
    pool.undo(annotator="ben")
    assert pool.y[3] == "feline"


def test_names_that_were_named_since_go_back_with_the_renaming():
    pool = zoo()
    pool.rename_class("cat", "feline")
    pool.name_classes(["feline", "bird", "dog", "cow"])
    pool.undo()
    assert pool.classes.tolist() == ["bird", "cat", "cow", "dog"]
    pool.label(6, "cat")


def test_numbers_are_renamed_in_a_dtype_that_holds_them(tmp_path):
    y = np.array([0, 1, 1, *[-1] * 9], dtype=np.int8)
    pool = Pool(X, y)
    pool.rename_class(1, 300)
    pool.rename_class(0, 0.5)
    for each in copies(pool, tmp_path):
        assert each.y_labeled.tolist() == [0.5, 300, 300]
        each.undo()
        assert each.y_labeled.tolist() == [0, 300, 300]
        each.undo()
        assert (each.y_labeled.tolist(), each.y_labeled.dtype) == ([0, 1, 1], np.int8)


def test_a_name_that_no_label_has_any_more_makes_no_dtype():
    pool = Pool(X)
    pool.label(0, 1)
    pool.rename_class(1, 0.5)
    pool.unlabel(0)
    pool.label(1, 2)
    pool.label(2, 3.5)
    pool.undo()
    assert pool.y_labeled.dtype == int


def test_a_decision_keeps_its_new_name_whatever_is_said_of_another_dtype():
    pool = Pool(X, classes=[0, 2.5])
    pool.decide(0, 2.5)
    pool.merge_classes([0, 2.5], into=0)
    pool.label(0, 0, annotator="ann")
    assert pool.y[0] == 0


def test_labels_of_another_dtype_leave_a_decision_and_a_new_name_as_they_are(tmp_path):
    pool = Pool(X)
    pool.label(0, 1, annotator="ben")
    pool.rename_class(1, 2.5)
    pool.label(0, None, relabel=True, annotator="ann")
    pool.label(1, 7, annotator="ben")
    pool.undo(annotator="ann")
    for each in copies(pool, tmp_path):
        assert each.y_labeled.tolist() == [2.5, 7]
    pool = Pool(X, [0, 1, *[-1] * 10])
    pool.split_class(1, [1.5, 2.5])
    assert [each.y_labeled.dtype.kind for each in copies(pool, tmp_path)] == ["i"] * 3
    pool = Pool(X, consensus="majority")
    pool.decide(0, 2.5)
    pool.label([0, 1], [1, 0], annotator="ann")
    for each in copies(pool, tmp_path):
        assert each.y_labeled.tolist() == [2.5, 0]
        assert each.history[-1].after == [2.5, 0]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda p: p.rename_class("cta", "x"), r"rename_class got 'cta', which is no class; the"),
        (lambda p: p.rename_class("cta", "x"), r"are \['bird', 'cat', 'dog'\]; write 'cat'"),
        (lambda p: p.rename_class("cat", "dog"), "'dog', which is a class already; write merge_cl"),
        (lambda p: p.rename_class("cat", None), "rename_class got the missing label; give names"),
        (lambda p: p.rename_class("cat", 3), "labels so far are text, got numbers"),
        (
            lambda p: p.rename_class(["cat"], ["x"]),
            r"got \['cat'\] for one class; write its name al",
        ),
        (lambda p: p.merge_classes(["cat", "dog"], ["x"]), r"got \['x'\] for one class; write"),
        (
            lambda p: p.merge_classes(["cat", "cow"], "dog"),
            "merge_classes got 'cow', which is no c",
        ),
        (lambda p: p.merge_classes(["cat"], "cat"), "merge_classes got no class but 'cat' itself"),
        (lambda p: p.split_class("cat", ["x"]), r"split_class got into=\['x'\]; give at least two"),
        (lambda p: p.split_class("cow", ["x", "y"]), "split_class got 'cow', which is no class"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(call, text):
    pool = zoo()
    with pytest.raises((ValueError, TypeError), match=text):
        call(pool)
    assert pool.n_operations == 2


# Interrupts

FOLDER = str(Path(skactive.__file__).parent / "pool")


class Interrupt:
    """Raises at one of the lines of the pool's code, counted as they are run."""

    def __init__(self, line):
        self.line, self.n_run = line, 0

    def __call__(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(FOLDER):
            return None
        if event == "line":
            self.n_run += 1
            if self.n_run == self.line:
                raise KeyboardInterrupt
        return self


def renamed_zoo():
    pool = zoo(classes=["cat", "bird", "dog"], consensus="majority")
    pool.label([3, 4], ["bird", "bird"], annotator="ben")
    pool.rename_class("bird", "fowl")
    return pool


def told(pool):
    """What a pool says of its labels and classes."""
    tags = {name: rows.tolist() for name, rows in pool.tags.items()}
    return pool.y.tolist(), pool.classes.tolist(), pool.n_labeled, pool.n_operations, tags


@pytest.mark.parametrize(
    "call",
    [
        lambda pool: pool.rename_class("cat", "feline"),
        lambda pool: pool.split_class("fowl", ["duck", "goose"]),
        lambda pool: pool.undo(),
        lambda pool: pool.tag([3, 4], "sharp"),
    ],
    ids=["rename", "split", "undo", "tag"],
)
def test_an_interrupt_leaves_a_pool_whole(call):
    start = pickle.dumps(renamed_zoo())
    before, after = pickle.loads(start), pickle.loads(start)
    call(after)
    wholes = told(before), told(after)
    line, is_over, seen = 0, False, set()
    while not is_over:
        line += 4  # at every line it holds as well, and takes longer
        pool = pickle.loads(start)
        _ = pool.y_labeled, pool.tags  # so that something is kept that has to be made again
        interrupt = Interrupt(line)
        sys.settrace(interrupt)
        try:
            call(pool)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        is_over = interrupt.n_run < line
        found = told(pool)
        assert found in wholes
        assert pickle.loads(pickle.dumps(pool)).y.tolist() == found[0]
        pool.label(6, "dog")
        assert pool.y[6] == "dog"
        seen.add(wholes.index(found))
    assert seen == {0, 1}


# Learners


def test_a_learner_learns_the_new_names():
    learner = ActiveLearner(GaussianNB(), "margin").fit(X, ANIMALS)
    before = learner.estimator_
    learner.pool_.rename_class("cat", "feline")
    learner.teach([], [])  # the labels that it learned are called otherwise
    assert learner.estimator_ is not before
    assert learner.classes_.tolist() == ["bird", "dog", "feline"]
    assert learner.predict(X[:1]).tolist() == ["feline"]
    learner.pool_.undo()
    assert learner.refit().classes_.tolist() == ["bird", "cat", "dog"]


def test_partial_fit_starts_afresh_where_classes_are_merged():
    learner = ActiveLearner(GaussianNB(), "margin", update="partial_fit").fit(X, ANIMALS)
    learner.teach([5, 6], ["cat", "dog"])
    learner.pool_.merge_classes(["cat", "dog"], into="mammal")
    learner.teach(7, "bird")
    afresh = GaussianNB().fit(X[learner.pool_.labeled], learner.pool_.y_labeled)
    np.testing.assert_allclose(learner.predict_proba(X), afresh.predict_proba(X))


def test_classes_of_the_learner_keep_the_names_that_they_were_given_since():
    classes = ["cat", "bird", "dog", "cow"]
    learner = ActiveLearner(LogisticRegression(), "margin", classes=classes).fit(X, ANIMALS)
    learner.pool_.rename_class("cow", "ox")
    assert learner.refit().classes_.tolist() == ["bird", "cat", "dog", "ox"]
    assert learner.predict_proba(X).shape == (12, 4)
    learner.set_params(classes=["bird", "cat", "dog"]).refit()
    assert learner.classes_.tolist() == ["bird", "cat", "dog"]


def test_rows_of_a_split_class_are_asked_for_again():
    learner = ActiveLearner(GaussianNB(), "margin").fit(X, ANIMALS)
    learner.teach([3, 4], ["bird", "cat"])
    learner.pool_.split_class("bird", ["duck", "goose"])
    learner.refit()
    assert learner.classes_.tolist() == ["cat", "dog"]
    assert {1, 3} <= set(learner.query(n_instances=9)[0])
