"""The desk of the page: nobody is given a row twice, nothing is lost, and it counts right."""

import json
import os
import signal
import threading
import time
from collections import defaultdict
from itertools import chain, count
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

pytest.importorskip("cloudpickle")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from skactive import ActiveLearner, Pool
from skactive.annotate import desk as desks
from skactive.annotate import work as works
from skactive.annotate import worker as workers
from skactive.annotate.cache import MOST_MODELS, Cache, Predicted
from skactive.annotate.dealing import LEASE, LEAVING, SILENT
from skactive.annotate.desk import Desk
from skactive.annotate.frames import Done
from skactive.annotate.labels import Labels
from skactive.annotate.refused import Refused

CLASSES = ["cat", "dog"]
X = np.random.default_rng(0).normal(size=(60, 3))
TRUTH = np.where(X[:, 0] > 0, "cat", "dog")
numbers = count()


class Rows:
    """Cards of nothing but their number."""

    kind = "text"

    def card(self, row):
        return {"row": row, "id": None, "kind": "text", "text": f"row {row}"}


class Still:
    """Stands for the process that trains, and does nothing."""

    failed, is_training = None, False

    def __init__(self, *_):
        self.n_woken = 0

    def start(self):
        pass

    def wake(self):
        self.n_woken += 1

    def close(self):
        pass


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def learner_on(path, X=X, estimator=None, **params):
    """A learner on a pool in a file."""
    names = ("hold_out", "consensus", "multilabel", "classes", "missing_label")
    options = {name: params[name] for name in names if name in params}
    ids = params.pop("ids", None)
    pool = Pool.open(path, X, ids=ids, **({} if path.exists() else options))
    estimator = LogisticRegression() if estimator is None else estimator
    return ActiveLearner(estimator, random_state=0, **params).fit(pool)


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Make desks without a process beside them, and close them."""
    monkeypatch.setattr(desks, "Worker", Still)
    monkeypatch.setattr(desks, "FIRST", 0.0)
    made = []

    def open_desk(name="labels.db", annotators=("ann", "ben"), X=X, estimator=None, **params):
        of_desk = ("goal", "overlap", "guidelines", "clock")
        given = {each: params.pop(each) for each in of_desk if each in params}
        if estimator is None:
            params.setdefault("classes", CLASSES)
        learner = learner_on(tmp_path / name, X, estimator, **params)
        made.append(Desk(learner, Rows(), annotators=annotators, **given))
        return made[-1]

    yield open_desk
    for desk in made:
        desk.close()
        desk.pool.close()


def op(kind, row=None, label=None, name=None, **more):
    given = {"op": name or f"op {next(numbers)}", "kind": kind, "row": row, "label": label}
    return given | {"comment": None, "ms": None, "guessed": False} | more


def ask(desk, who, *ops, have=(), want=0, tab="tab", leaving=False):
    request = {"tab": tab, "ops": list(ops), "have": list(have), "want": want, "leaving": leaving}
    return desk.answer(who, request)


def rows_of(answer):
    return [card["row"] for card in answer["cards"]]


# Answers


def test_an_answer_is_in_the_file_when_it_is_acknowledged(opened, tmp_path):
    desk = opened()
    (row,) = rows_of(ask(desk, "ann", want=1))
    sent = op("answer", row, "cat", comment="a tail", ms=1500)
    assert ask(desk, "ann", sent)["acknowledged"] == [sent["op"]]
    with Pool.open(tmp_path / "labels.db", X, read_only=True) as other:
        said = other.said_of(np.array([row]))
    assert said["annotator"].tolist() == ["ann"] and said["label"].tolist() == ["cat"]
    assert said["seconds"].tolist() == [1.5] and said["comment"].tolist() == ["a tail"]


@pytest.mark.parametrize("kind", ["answer", "skip", "undo"])
def test_an_operation_that_comes_again_is_acknowledged_and_recorded_once(opened, kind):
    desk = opened()
    first, second = rows_of(ask(desk, "ann", want=2))
    ask(desk, "ann", op("answer", first, "cat"))
    sent = op(kind, None if kind == "undo" else second, "dog" if kind == "answer" else None)
    answers = [ask(desk, "ann", sent)]
    n = desk.pool.n_operations
    answers += [ask(desk, "ann", sent), ask(desk, "ann", sent, sent)]
    desk.close()
    desk.pool.close()
    again = opened()  # as after a crash: what is known is in the file
    answers.append(ask(again, "ann", sent))
    assert all(set(answer["acknowledged"]) == {sent["op"]} for answer in answers)
    labels = [op for op in again.pool.since(1) if op.kind in ("label", "undo")]
    assert len(labels) == 2 and again.pool.n_operations >= n
    assert answers[-1]["progress"]["mine"] == {"answer": 2, "skip": 2, "undo": 0}[kind]


def test_an_answer_that_comes_again_after_it_was_taken_back_stays_taken_back(opened):
    desk = opened()
    sent = op("answer", 5, "cat")
    ask(desk, "ann", sent)
    ask(desk, "ann", op("undo"))
    again = ask(desk, "ann", sent)
    assert again["acknowledged"] == [sent["op"]] and again["progress"]["mine"] == 0
    assert desk.pool.n_labeled == 0


def test_nobody_uses_up_the_operations_of_another(opened):
    desk = opened()
    a, b = rows_of(ask(desk, "ann", want=1)) + rows_of(ask(desk, "ben", want=1))
    ask(desk, "ann", op("answer", a, "cat", name="same"))
    ask(desk, "ben", op("answer", b, "dog", name="same"))
    assert desk.pool.n_labeled == 2


def test_names_with_spaces_and_ids_with_spaces_are_not_taken_for_one_another(opened):
    desk = opened(annotators=("ann", "ann b"))
    assert ask(desk, "ann", op("answer", 3, "cat", name="b 1"))["acknowledged"] == ["b 1"]
    assert ask(desk, "ann b", op("answer", 4, "dog", name="1"))["acknowledged"] == ["1"]
    assert desk.pool.n_labeled == 2


def test_a_late_answer_that_is_refused_keeps_no_row_from_others(opened):
    desk = opened()
    (row,) = rows_of(ask(desk, "ann", want=1))
    assert ask(desk, "ben", op("answer", row, "no class"))["refused"]
    assert desk.pool.ledger.follow().names == {row: ("ann",)}
    assert list(desk.dealer.out) == [(row, "ann")]


def test_classes_that_are_renamed_in_a_notebook_are_renamed_on_the_page(opened):
    desk = opened()
    ask(desk, "ann", op("answer", 1, "cat"))
    with Pool.open(desk.path, X) as notebook:
        notebook.rename_class("cat", "feline")
    (refusal,) = ask(desk, "ann", op("answer", 2, "cat"))["refused"]
    assert refusal["why"].endswith("reload the page if they were changed.")
    assert [one["name"] for one in desk.setup("ann")["classes"]] == ["feline", "dog"]
    assert ask(desk, "ann", op("answer", 2, "feline"))["refused"] == []


def test_where_a_notebook_adds_rows_answers_wait_until_the_page_is_served_again(opened):
    desk = opened()
    (row,) = rows_of(ask(desk, "ann", want=1))
    with Pool.open(desk.path, X) as notebook:
        notebook.extend(np.zeros((2, 3)))
    with pytest.raises(Refused, match="gained 2 rows .* serve the page again") as told:
        ask(desk, "ann", op("answer", row, "cat"), want=1)
    assert told.value.status == 503


def test_a_batch_with_one_bad_operation_keeps_the_good_ones(opened):
    desk = opened()
    rows = rows_of(ask(desk, "ann", want=3))
    good, other = op("answer", rows[0], "cat"), op("answer", rows[2], "dog")
    bad = [
        op("answer", rows[1], "bird"),
        op("answer", 10_000, "cat"),
        op("answer", rows[1], ["cat"]),
        op("answer", rows[1], 3),
        op("review", rows[1], "cat"),
    ]
    answer = ask(desk, "ann", good, *bad, other)
    assert answer["acknowledged"] == [good["op"], other["op"]]
    assert [each["op"] for each in answer["refused"]] == [each["op"] for each in bad]
    assert answer["refused"][0]["why"].startswith("'bird' is none of the classes cat, dog;")
    assert desk.pool.labeled.tolist() == sorted([rows[0], rows[2]])


def test_what_somebody_said_can_be_changed_and_taken_back_step_by_step(opened):
    desk = opened()
    (row,) = rows_of(ask(desk, "ann", want=1))
    ask(desk, "ann", op("answer", row, "cat"))
    ask(desk, "ann", op("review", row, "dog", comment="barks"))
    ask(desk, "ann", op("review", row, "dog", comment="it barks"))
    assert desk.book.own(row, "ann") == ("dog", "it barks")
    ask(desk, "ann", op("review", row, None))
    assert desk.book.own(row, "ann") == (None, None) and desk.pool.n_labeled == 0
    backs = [ask(desk, "ann", op("undo"))["back"]["answer"] for _ in range(4)]
    assert [back["label"] for back in backs] == [None, "dog", "dog", "cat"]
    assert [back["comment"] for back in backs] == [None, "it barks", "barks", None]
    last = ask(desk, "ann", op("undo"))
    assert last["refused"][0]["why"] == "there is nothing of yours to take back."
    assert last["progress"]["mine"] == 0 and desk.pool.n_labeled == 0


def test_there_is_no_row_behind_the_last_one(opened):
    desk = opened()
    assert ask(desk, "ann", op("answer", 60, "cat"))["refused"][0]["why"] == "there is no row 60."
    with pytest.raises(Refused, match="there is no row 60"):
        desk.guess("ann", 60)


def test_the_pace_is_of_first_answers_and_who_takes_the_last_one_back_is_not_done(opened):
    clock = Clock()
    desk = opened(X=X[:2], clock=clock)
    for row, clock.now in ((0, 0.0), (1, 10.0)):
        answer = ask(desk, "ann", op("answer", row, "cat"), want=1)
    assert answer["done"]
    clock.now = 15.0
    assert ask(desk, "ann", op("review", 1, "dog"))["progress"]["per_hour"] == 360
    assert not ask(desk, "ann", op("undo"), want=1)["done"]


def test_undo_is_of_ones_own_and_of_the_row_that_is_named(opened):
    desk = opened()
    first, second = rows_of(ask(desk, "ann", want=2))
    (other,) = rows_of(ask(desk, "ben", want=1))
    ask(desk, "ann", op("answer", first, "cat"), op("answer", second, "dog"))
    ask(desk, "ben", op("answer", other, "dog"))
    back = ask(desk, "ann", op("undo", first))["back"]
    assert back["row"] == first and back["answer"] == {"label": "cat", "comment": None}
    assert desk.pool.labeled.tolist() == sorted([second, other])
    assert ask(desk, "ben", op("undo", second))["refused"]


def test_what_is_taken_back_is_ones_own_answer_and_once(opened):
    desk = opened(consensus="majority", overlap=1)
    ask(desk, "ann", op("answer", 5, "cat"))
    ask(desk, "ben", op("answer", 5, "dog"))
    assert [desk.book.own(5, who) for who in ("ann", "ben", "cem")] == [
        ("cat", None),
        ("dog", None),
        None,
    ]
    assert ask(desk, "ann", op("undo", 5))["back"]["answer"]["label"] == "cat"
    (refusal,) = ask(desk, "ann", op("undo", 5))["refused"]  # what is left there is ben's
    assert "nothing of yours to take back" in refusal["why"]
    assert ask(desk, "ben", op("undo", 5))["back"]["answer"]["label"] == "dog"


def test_what_came_from_a_table_is_not_taken_back_by_one_key(opened):
    desk = opened()
    desk.pool.merge({"id": [1, 2], "label": ["cat", "dog"]}, annotator="ann")
    assert "many at once" in ask(desk, "ann", op("undo"))["refused"][0]["why"]
    assert desk.pool.n_labeled == 2
    desk.pool.decide([1], ["dog"], annotator="ann")  # one row, and no answer of the page
    assert "many at once" in ask(desk, "ann", op("undo"))["refused"][0]["why"]
    assert desk.pool.y[1] == "dog"
    desk.pool.label([3, 4], ["cat", "cat"], annotator="ann")  # in a notebook
    assert "many at once" in ask(desk, "ann", op("undo"))["refused"][0]["why"]
    assert "many at once" in ask(desk, "ann", op("undo", 4))["refused"][0]["why"]
    ask(desk, "ann", op("answer", 7, "cat"))
    desk.pool.decide([7], ["dog"], annotator="ann")
    assert ask(desk, "ann", op("undo", 7))["acknowledged"]  # her answer, not the decision
    assert desk.pool.n_labeled == 5 and desk.pool.y[7] == "dog"


def test_a_row_that_was_taken_back_is_in_the_hands_of_who_did(opened):
    desk = opened()
    (row,) = rows_of(ask(desk, "ann", want=1))
    ask(desk, "ann", op("answer", row, "cat"))
    answer = ask(desk, "ann", op("undo"), want=2)
    assert answer["back"]["row"] == row and row not in rows_of(answer)  # it came once already
    assert row not in rows_of(ask(desk, "ben", want=50))
    assert row in rows_of(ask(desk, "ann", want=5))  # its card was lost on the way


def test_a_late_answer_is_kept_though_others_have_the_row(opened):
    clock = Clock()
    desk = opened(clock=clock)
    (row,) = rows_of(ask(desk, "ann", want=1))
    clock.now += LEASE + 1
    assert row in rows_of(ask(desk, "ben", want=60))
    assert ask(desk, "ann", op("answer", row, "cat"))["acknowledged"]
    assert ask(desk, "ben", op("answer", row, "dog"))["acknowledged"]
    said = desk.pool.said_of(np.array([row]))
    assert dict(zip(said["annotator"], said["label"], strict=True)) == {"ann": "cat", "ben": "dog"}


def test_a_row_that_somebody_else_answered_late_is_not_dealt_again(opened):
    desk = opened()
    (row,) = rows_of(ask(desk, "ben", want=1))
    ask(desk, "ann", op("answer", row, "cat"))
    assert row not in rows_of(ask(desk, "ben", want=3))
    assert row not in desk.pool.ledger.follow().names


def test_a_late_skip_takes_nobodys_label_away(opened):
    desk = opened()
    (row,) = rows_of(ask(desk, "ann", want=1))
    ask(desk, "ann", op("answer", row, "cat"))
    assert ask(desk, "ben", op("skip", row))["acknowledged"]
    assert desk.pool.y[row] == "cat"


def test_a_row_that_somebody_else_skipped_late_is_not_dealt_again(opened):
    desk = opened()
    rows = rows_of(ask(desk, "ben", want=3))
    ask(desk, "ann", op("skip", rows[0]))
    assert rows_of(ask(desk, "ben", want=2)) == rows[1:]  # his tab was reloaded
    assert rows[0] not in rows_of(ask(desk, "ben", have=rows[1:], want=5))
    ask(desk, "ann", op("undo"), leaving=True)  # it is not kept for him any longer
    assert desk.pool.ledger.follow().names.get(rows[0]) in (None, ("ann",))
    ask(desk, "ann", op("skip", rows[0]))
    answer = ask(desk, "ben", op("answer", rows[0], "cat"))  # if he had it in front
    assert answer["refused"] == []


def test_who_could_not_tell_may_say_why_later(opened):
    desk = opened()
    (row,) = rows_of(ask(desk, "ann", want=1))
    ask(desk, "ann", op("skip", row))
    ask(desk, "ann", op("review", row, None, comment="it is dark"))
    assert desk.book.own(row, "ann") == (None, "it is dark")
    n = desk.pool.n_operations
    ask(desk, "ann", op("skip", row))
    assert desk.book.own(row, "ann") == (None, "it is dark") and desk.pool.n_operations == n


def test_no_guess_spoils_a_row_that_is_to_be_judged_without_one(opened):
    desk = opened(consensus="majority", overlap=0.5, hold_out=0.2)
    tests = set(desk.pool.held_out.tolist())
    free = [row for row in range(60) if row not in tests]
    two = next(row for row in free if desk.dealer.is_overlapping(row))
    one, other, *_ = (row for row in free if not desk.dealer.is_overlapping(row))
    rows = np.array(sorted([one, two, *tests]))
    known = [str(row) for row in rows]
    more = (rows, known, np.full((len(rows), 2), 0.5), CLASSES, np.array(sorted(tests)))
    desk._take(Done(1, 2, 0.1, True, None, np.array([one]), *more))
    assert desk.guess("ann", one)["label"] == str(one)
    for row, why in ((min(tests), "test the model"), (two, "two people"), (other, "not looked")):
        with pytest.raises(Refused, match=why):
            desk.guess("ann", row)


def test_that_a_guess_was_seen_is_in_the_record(opened):
    desk = opened()
    rows = rows_of(ask(desk, "ann", want=2))
    ask(desk, "ann", op("answer", rows[0], "cat", guessed=True), op("answer", rows[1], "cat"))
    desk.close()
    desk.pool.close()
    labels = [each for each in opened().pool.history if each.kind == "label"]
    assert [each.detail for each in labels] == [{"guessed": True}, None]


# Kinds of labels


def test_several_labels_a_row_are_lists_of_names(opened):
    several = MultiOutputClassifier(LogisticRegression())
    desk = opened(estimator=several, multilabel=True, classes=["red", "big"])
    assert desk.setup("ann")["kind"] == "several"
    a, b = rows_of(ask(desk, "ann", want=2))
    ask(desk, "ann", op("answer", a, ["big", "red"]), op("answer", b, []))
    assert desk.book.own(a, "ann").label == ["red", "big"] and desk.book.own(b, "ann").label == []
    assert ask(desk, "ann", op("answer", b, "red"))["refused"]
    assert ask(desk, "ann", op("review", b, ["red"]))["acknowledged"]
    assert desk.pool.y[b].tolist() == [1, 0]


def test_numbers_are_numbers(opened):
    desk = opened(estimator=LinearRegression(), missing_label=None)
    assert desk.setup("ann")["kind"] == "number" and desk.setup("ann")["classes"] == []
    (row,) = rows_of(ask(desk, "ann", want=1))
    assert ask(desk, "ann", op("answer", row, "3"), op("answer", row, True))["acknowledged"] == []
    ask(desk, "ann", op("answer", row, -1.5))
    assert desk.book.own(row, "ann").label == -1.5


def test_a_class_whose_name_is_one_character_has_that_key(opened):
    desk = opened(classes=[0, 1, 2])
    shown = desk.setup("ann")["classes"]
    assert shown == [{"name": name, "key": name} for name in "012"]
    mixed = opened("others.db", classes=["1", "cat"]).setup("ann")["classes"]
    assert [each["key"] for each in mixed] == ["1", "2"]
    (row,) = rows_of(ask(desk, "ann", want=1))
    ask(desk, "ann", op("answer", row, "1"))
    assert desk.pool.y[row] == 1 and desk.book.own(row, "ann").label == "1"


def test_classes_are_shown_in_the_order_that_is_given_and_labels_tell_those_of_a_pool_without():
    learner = ActiveLearner(LogisticRegression(), classes=CLASSES).fit(X)
    assert list(Labels(learner, ["dog", "cat"]).names) == ["dog", "cat"]
    assert list(Labels(learner).names) == CLASSES
    learner = ActiveLearner(LogisticRegression()).fit(X, [*TRUTH[:9], *[None] * 51])
    assert learner.pool_.classes is None and list(Labels(learner).names) == CLASSES
    assert learner.pool_.classes.tolist() == CLASSES  # it takes no others from here on


# Who is given what


def test_test_rows_are_mixed_in_at_their_share_and_in_their_order(opened):
    desk = opened(hold_out=0.25)
    expected = desk.pool.test_questions(200)[:10].tolist()
    rows = []
    for _ in range(40):
        (row,) = rows_of(ask(desk, "ann", want=1))
        rows.append(row)
        ask(desk, "ann", op("answer", row, TRUTH[row]))
    places = [at for at, row in enumerate(rows) if row in set(desk.pool.held_out.tolist())]
    assert [rows[at] for at in places] == expected[: len(places)]
    assert places == list(range(3, 40, 4))[: len(desk.pool.held_out)]


def test_rows_to_test_on_that_are_left_over_come_last(opened):
    desk = opened(hold_out=0.25)
    desk.pool.label(desk.pool.unlabeled, TRUTH[desk.pool.unlabeled])
    expected = desk.pool.test_questions(200).tolist()
    assert len(expected) > 1 and rows_of(ask(desk, "ann", want=50)) == expected


def test_a_ranking_is_dealt_in_its_order_to_whoever_asks(opened):
    desk = opened()
    desk.dealer.rank(np.arange(59, -1, -1))
    got = rows_of(ask(desk, "ann", want=3)) + rows_of(ask(desk, "ben", want=2))
    got += rows_of(ask(desk, "ann", have=[59, 58, 57], want=1))
    assert got == [59, 58, 57, 56, 55, 54]


def test_rows_are_ranked_anew_once_half_of_the_ranking_is_dealt(opened):
    desk = opened()
    desk.dealer.rank(np.arange(10))
    n = desk.worker.n_woken
    rows = rows_of(ask(desk, "ann", want=4))
    assert desk.worker.n_woken == n
    ask(desk, "ann", have=rows, want=1)
    assert desk.worker.n_woken == n + 1


def test_of_an_overlap_one_other_person_is_asked_and_no_third(opened):
    desk = opened(annotators=("ann", "ben", "cem"), consensus="majority", overlap=0.5)
    given = defaultdict(list)
    for turn in range(400):
        who = ("ann", "ben", "cem")[turn % 3]
        for row in rows_of(ask(desk, who, want=1)):
            given[row].append(who)
            ask(desk, who, op("answer", row, TRUTH[row]))
    assert sorted(given) == list(range(60))
    expected = {row: 1 + desk.dealer.is_overlapping(row) for row in range(60)}
    assert {row: len(set(who)) for row, who in given.items()} == expected
    assert {row: len(who) for row, who in given.items()} == expected
    assert 10 < sum(n == 2 for n in expected.values()) < 50


def test_a_second_opinion_that_one_person_gave_back_is_asked_of_another(opened):
    clock, people = Clock(), ("ann", "ben", "cem")
    desk = opened(annotators=people, consensus="majority", overlap=0.5, clock=clock)
    row = next(row for row in range(60) if desk.dealer.is_overlapping(row))
    ask(desk, "ann", op("answer", row, "cat"))
    assert rows_of(ask(desk, "ben", want=1)) == [row]
    (other,) = rows_of(ask(desk, "cem", want=1))
    assert other != row  # it is in ben's hands
    ask(desk, "cem", op("answer", other, "cat"))
    clock.now += LEASE + 1
    assert rows_of(ask(desk, "cem", want=1)) == [row]


def test_a_second_opinion_that_lapsed_is_asked_of_the_same_person_if_there_is_no_other(opened):
    clock = Clock()
    desk = opened(consensus="majority", overlap=1, clock=clock)
    ask(desk, "ann", op("answer", 5, "cat"))
    assert rows_of(ask(desk, "ben", want=1)) == [5]
    clock.now += LEASE + 1
    assert rows_of(ask(desk, "ann", want=1)) != [5]
    assert rows_of(ask(desk, "ben", want=1, tab="another")) == [5]


def test_a_second_opinion_that_a_notebook_took_away_is_asked_of_another(opened):
    desk = opened(annotators=("ann", "ben", "cem"), consensus="majority", overlap=1)
    desk.dealer.rank(np.arange(10, 60))
    assert rows_of(ask(desk, "cem", want=1)) == [10]
    ask(desk, "ann", op("answer", 5, "cat"))
    assert rows_of(ask(desk, "ben", want=1)) == [5]
    assert rows_of(ask(desk, "cem", have=[10], want=1)) == [11]
    desk.pool.release([5])
    assert rows_of(ask(desk, "cem", have=[10, 11], want=1)) == [5]


def test_a_strategy_that_asks_again_gets_opinions_of_others(opened):
    from skactive.strategies import ActiveLab

    desk = opened(consensus="majority", strategy=ActiveLab())
    desk.dealer.rank(np.array([7, 3]))
    (row,) = rows_of(ask(desk, "ann", want=1))
    assert row == 7
    ask(desk, "ann", op("answer", 7, "cat"))
    assert rows_of(ask(desk, "ben", want=2)) == [7, 3]
    desk.dealer.rank(np.array([7]))
    assert 7 not in rows_of(ask(desk, "ann", want=3))
    ask(desk, "ben", op("answer", 3, "cat"))
    desk.pool.decide([3], ["dog"], annotator="cem")
    desk.dealer.rank(np.array([3]))
    assert 3 not in rows_of(ask(desk, "ann", want=50))  # it is decided


def test_what_a_tab_lost_comes_again_and_what_it_has_does_not(opened):
    desk = opened()
    rows = rows_of(ask(desk, "ann", want=3))
    assert rows_of(ask(desk, "ann", want=3)) == rows  # reloaded
    assert rows_of(ask(desk, "ann", want=1)) == rows[:1]  # no more than are wanted
    assert rows_of(ask(desk, "ann", have=rows[:1], want=2)) == rows[1:]
    other = rows_of(ask(desk, "ann", want=3, tab="other"))
    assert not set(other) & set(rows)


def test_a_tab_gets_the_rows_of_another_only_if_that_is_silent_and_nothing_else_is_left(opened):
    clock = Clock()
    desk = opened(clock=clock, X=X[:5])
    first = rows_of(ask(desk, "ann", want=4, tab="1"))
    (last,) = rows_of(ask(desk, "ann", want=4, tab="2"))
    assert rows_of(ask(desk, "ann", want=1, tab="3")) == []
    clock.now += SILENT + 1
    assert rows_of(ask(desk, "ann", have=[last], want=1, tab="2")) == []  # it has one to do
    assert set(rows_of(ask(desk, "ann", want=4, tab="3"))) == set(first)


def test_who_comes_back_after_long_gets_what_she_had(opened):
    clock = Clock()
    desk = opened(clock=clock)
    rows = rows_of(ask(desk, "ann", want=3))
    clock.now += LEASE + 1
    assert rows_of(ask(desk, "ann", want=3, tab="another")) == rows


def test_a_tab_that_comes_back_keeps_what_nobody_took_meanwhile(opened):
    clock = Clock()
    desk = opened(clock=clock)
    desk.dealer.rank(np.arange(60))
    rows = rows_of(ask(desk, "ann", want=4))
    clock.now += LEASE + 1
    desk.dealer.rank(np.arange(60))
    (taken,) = rows_of(ask(desk, "ben", want=1))
    assert taken == rows[0]  # what ann had is free again
    ask(desk, "ann", have=rows)
    names = desk.pool.ledger.follow().names
    assert [list(names[row]) for row in rows] == [["ben"], ["ann"], ["ann"], ["ann"]]


def test_what_a_notebook_gave_to_somebody_else_stays_hers(opened):
    desk = opened()
    desk.dealer.rank(np.arange(60))
    assert rows_of(ask(desk, "ann", want=2)) == [0, 1]
    with Pool.open(desk.path, X) as notebook:
        notebook.release([0, 1])
        notebook.reserve([0], "ben")
    assert rows_of(ask(desk, "ann", want=1)) == [2]
    assert desk.pool.ledger.follow().names == {0: ("ben",), 2: ("ann",)}
    released = [each for each in desk.pool.history if each.kind == "release"]
    assert len(released) == 1  # the notebook's: ann had nothing to give back


def test_nobody_is_asked_again_about_her_own_row_or_what_is_decided(opened):
    desk = opened(consensus="majority", overlap=0.5)
    one, two = [row for row in range(60) if desk.dealer.is_overlapping(row)][:2]
    ask(desk, "ann", op("answer", one, "cat"))
    desk.pool.decide([two], ["dog"], annotator="ann")
    desk.dealer.rank(np.array([one, two]))
    assert not {one, two} & set(rows_of(ask(desk, "ann", want=3)))
    desk.dealer.rank(np.array([one, two]))
    got = rows_of(ask(desk, "ben", want=3))
    assert one in got and two not in got


def test_rows_in_hands_stay_there_after_a_restart(opened):
    clock = Clock()
    desk = opened(clock=clock)
    rows = rows_of(ask(desk, "ann", want=4))
    desk.close()
    desk.pool.close()
    desk = opened(clock=clock)
    others = rows_of(ask(desk, "ben", want=20)) + rows_of(ask(desk, "ann", want=20, tab="new"))
    assert not set(others) & set(rows)
    assert rows_of(ask(desk, "ann", have=rows[:2], want=0)) == []
    clock.now += LEASE + 1
    ask(desk, "ann", have=rows[:2])
    again = rows_of(ask(desk, "ann", have=[], want=20, tab="third"))
    assert set(rows[2:]) <= set(again) and not set(rows[:2]) & set(again)


def test_rows_of_a_colleagues_file_are_nobodys(opened, tmp_path):
    clock = Clock()
    desk = opened(clock=clock)
    kept = desk.pool.hand_out(list(range(10)), "ann", tmp_path / "ann.csv")
    desk.close()
    desk.pool.close()
    desk = opened(clock=clock)
    for who in ("ann", "ben"):
        clock.now += 2 * LEASE
        assert not set(rows_of(ask(desk, who, want=60))) & set(kept.tolist())
        ask(desk, "ann", have=kept.tolist())  # as an old tab of hers may say
    assert all(desk.pool.ledger.follow().names[row] == ("ann",) for row in kept.tolist())


def test_the_last_rows_come_to_whoever_is_there(opened):
    clock = Clock()
    desk = opened(clock=clock, X=X[:5])
    rows = rows_of(ask(desk, "ann", want=5))
    answer = ask(desk, "ben", want=1)
    assert answer["cards"] == [] and not answer["done"]  # others have them
    clock.now += LEASE + 1
    assert sorted(rows_of(ask(desk, "ben", want=5))) == sorted(rows)
    ask(desk, "ben", *[op("answer", row, "cat") for row in rows])
    assert ask(desk, "ben", want=1)["done"] and ask(desk, "ann", want=1)["done"]


@pytest.mark.parametrize("hold_out", [None, 0.25])
def test_rows_in_hands_are_still_left_to_label(opened, hold_out):
    desk = opened(hold_out=hold_out)
    answer = ask(desk, "ann", want=12)
    rows = rows_of(answer)
    assert answer["progress"]["left"] == 60 and len(rows) == 12
    assert hold_out is None or set(rows) & set(desk.pool.held_out.tolist())
    answer = ask(desk, "ann", *[op("answer", row, "cat") for row in rows], want=5)
    assert answer["progress"]["left"] == 48


def test_nothing_is_dealt_beyond_the_goal(opened):
    clock = Clock()
    desk = opened(goal=6, clock=clock)
    rows = rows_of(ask(desk, "ann", want=4))
    (first, last) = rows_of(ask(desk, "ben", want=4))
    answer = ask(desk, "ann", op("skip", rows[0]), have=rows[1:], want=4)
    (more,) = rows_of(answer)  # as one of hers gets no label
    answer = ask(desk, "ann", *[op("answer", row, "cat") for row in (*rows[1:], more)], want=4)
    assert answer["cards"] == [] and not answer["done"]  # ben may give back what he has
    assert answer["progress"]["left"] == 2
    ask(desk, "ben", op("answer", first, "cat"), have=[last])
    clock.now += 2 * SILENT + 1  # he has gone for his lunch
    (instead,) = rows_of(ask(desk, "ann", want=4))
    answer = ask(desk, "ann", op("answer", instead, "cat"), want=4)
    assert answer["done"] and answer["progress"] | {"per_hour": 0} == {
        "mine": 6,
        "labelled": 6,
        "goal": 6,
        "left": 0,
        "per_hour": 0,
    }
    assert rows_of(ask(desk, "ben", want=4)) == []  # nor what his tab has lost


def test_second_opinions_are_asked_for_beyond_the_goal(opened):
    desk = opened(goal=10, consensus="majority", overlap=0.5)
    rows = rows_of(ask(desk, "ann", want=50))
    answer = ask(desk, "ann", *[op("answer", row, "cat") for row in rows], want=50)
    assert len(rows) == 10 and answer["done"]
    seconds = rows_of(ask(desk, "ben", want=50))
    assert set(seconds) == set(filter(desk.dealer.is_overlapping, rows)) != set()
    assert not ask(desk, "ann", want=1)["done"]  # ben may give them back
    answer = ask(desk, "ben", *[op("answer", row, "cat") for row in seconds], want=50)
    assert answer["done"] and answer["progress"]["labelled"] == 10


def test_what_could_not_be_dealt_is_dealt_once_there_is_room_on_the_disk(opened, monkeypatch):
    desk = opened(consensus="majority", overlap=0.5)
    ranked = list(filter(desk.dealer.is_overlapping, range(60)))
    desk.dealer.rank(np.array(ranked))
    rows = rows_of(ask(desk, "ann", want=6))
    ask(desk, "ann", *[op("answer", row, "cat") for row in rows[:4]], have=rows[4:])
    desk.dealer.rank(np.array(ranked[6:]))

    def full(*_):
        raise OSError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(desk.pool.ledger, "commit", full)
        with pytest.raises(OSError, match="disk is full"):
            ask(desk, "ben", want=8)
    given = rows_of(ask(desk, "ben", want=8))
    assert set(given) == {*rows[:4], *ranked[6:10]}


def test_what_a_closed_tab_had_is_soon_given_to_others_unless_it_comes_back(opened):
    clock = Clock()
    desk = opened(clock=clock, X=X[:6])
    rows = rows_of(ask(desk, "ann", want=3))
    other = rows_of(ask(desk, "ann", want=3, tab="other"))
    answer = ask(desk, "ann", op("answer", rows[0], "cat"), leaving=True)
    assert len(answer["acknowledged"]) == 1
    assert rows_of(ask(desk, "ann", want=3)) == rows[1:]  # reloaded
    clock.now += LEAVING + 1
    assert rows_of(ask(desk, "ben", want=3)) == []
    ask(desk, "ann", leaving=True)
    clock.now += LEAVING + 1
    assert sorted(rows_of(ask(desk, "ben", want=6))) == sorted(rows[1:])
    assert not set(other) & set(rows)


def test_several_people_who_click_at_once_get_rows_of_their_own(opened):
    desk = opened(annotators=tuple("abcdefgh"))
    got = defaultdict(list)

    def work(who):
        while rows := rows_of(ask(desk, who, want=2, tab=who)):
            got[who] += rows
            ask(desk, who, *[op("answer", row, TRUTH[row]) for row in rows], tab=who)

    threads = [threading.Thread(target=work, args=(who,)) for who in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(chain.from_iterable(got.values())) == list(range(60))
    assert (desk.pool.y == TRUTH).all()


# Random people against a twin


class People(RuleBasedStateMachine):
    """Two people with two tabs each; the twin counts in plain Python what they did."""

    tabs = st.sampled_from([(who, tab) for who in ("ann", "ben") for tab in ("1", "2")])

    @initialize(hold_out=st.sampled_from([None, 0.3]), overlap=st.sampled_from([0, 0.5]))
    def begin(self, hold_out, overlap):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.path, self.clock = Path(self.folder.name) / "labels.db", Clock()
        self.params = {"hold_out": hold_out, "classes": CLASSES}
        self.overlap = overlap
        if overlap:
            self.params["consensus"] = "majority"
        self.hands = {key: [] for key in [("ann", "1"), ("ann", "2"), ("ben", "1"), ("ben", "2")]}
        self.given, self.said, self.done = defaultdict(list), {}, defaultdict(list)
        self.open()

    def open(self):
        learner = learner_on(self.path, X[:30], **self.params)
        people = {"annotators": ("ann", "ben"), "overlap": self.overlap, "clock": self.clock}
        self.desk = Desk(learner, Rows(), **people)

    def send(self, key, ops, want, lost=False):
        who, tab = key
        answer = ask(self.desk, who, *ops, have=self.hands[key], want=want, tab=tab)
        assert answer["refused"] == []
        if lost:  # and all is sent again
            answer = ask(self.desk, who, *ops, have=self.hands[key], want=want, tab=tab)
        rows = rows_of(answer)
        for row in rows:
            assert row not in self.hands[key]
            self.given[row].append(who)
        self.hands[key] += rows
        assert answer["progress"]["mine"] == sum(name == who for _, name in self.said)
        return answer

    @rule(key=tabs, want=st.integers(1, 4), lost=st.booleans())
    def ask_for_rows(self, key, want, lost):
        self.send(key, [], want, lost)

    @precondition(lambda self: any(self.hands.values()))
    @rule(data=st.data(), label=st.sampled_from([*CLASSES, None]), lost=st.booleans())
    def say(self, data, label, lost):
        key = data.draw(st.sampled_from([key for key, rows in self.hands.items() if rows]))
        row = self.hands[key].pop(0)
        self.said[row, key[0]] = label
        self.done[key[0]].append((row, key))
        kind = "skip" if label is None else "answer"
        self.send(key, [op(kind, row, label)], want=data.draw(st.integers(0, 2)), lost=lost)

    @rule(who=st.sampled_from(["ann", "ben"]))
    def take_back(self, who):
        if not self.done[who]:
            return
        row, key = self.done[who].pop()
        del self.said[row, who]
        answer = self.send(key, [op("undo")], want=0)
        assert answer["back"]["row"] == row
        self.hands[key].insert(0, row)

    @rule(how=st.sampled_from(["restart", "reload", "pass"]), key=tabs)
    def something_happens(self, how, key):
        if how == "restart":
            self.close()
            self.open()
        elif how == "reload":
            lost, self.hands[key] = self.hands[key], []
            for row in lost:  # they come again, to the same tab
                self.given[row].remove(key[0])
        else:
            self.clock.now += 20

    @invariant()
    def nothing_is_lost_and_nobody_got_a_row_twice(self):
        if not hasattr(self, "desk"):
            return
        table = self.desk.pool.said_of(np.arange(30))
        columns = (table[name].tolist() for name in ("row", "annotator", "label"))
        assert {(row, who): label for row, who, label in zip(*columns, strict=True)} == self.said
        for row, who in self.given.items():
            assert len(set(who)) == len(who)
            assert len(who) <= 1 or (self.desk.dealer.is_overlapping(row) and len(who) == 2)

    def close(self):
        self.desk.close()
        self.desk.pool.close()

    def teardown(self):
        if hasattr(self, "desk"):
            self.close()
            self.folder.cleanup()


class TestPeople(People.TestCase):
    settings = settings(
        max_examples=8,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @pytest.fixture(autouse=True)
    def without_training(self, monkeypatch):
        monkeypatch.setattr(desks, "Worker", Still)
        monkeypatch.setattr(desks, "FIRST", 0.0)


# The process beside


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


class Moody(ClassifierMixin, BaseEstimator):
    """A classifier that fails while rows of one class are many, and prints as it fits."""

    def fit(self, X, y):
        print("fitting goes on", flush=True)
        if len(y) == 4:
            raise RuntimeError("four is too many")
        self.classes_, self.most_ = np.unique(y), y[0]
        return self

    def predict(self, X):
        return np.full(len(X), self.most_)

    def predict_proba(self, X):
        return np.tile([0.75, 0.25], (len(X), 1))


@pytest.fixture
def restless(monkeypatch):
    """Trainings follow one another at once."""
    monkeypatch.setattr(workers, "REST", 0.0)
    monkeypatch.setattr(workers, "MOST_REST", 0.0)


def test_training_beside_ranks_guesses_and_bears_what_fails_or_dies(restless, tmp_path):
    learner = learner_on(tmp_path / "labels.db", estimator=Moody(), classes=CLASSES, hold_out=0.2)
    desk = Desk(learner, Rows(), annotators=["ann"])
    try:
        free = np.setdiff1d(np.arange(60), desk.pool.held_out)
        cat, dog = (free[TRUTH[free] == name] for name in CLASSES)
        with pytest.raises(Refused, match="no model yet"):
            desk.guess("ann", int(cat[9]))
        for row in (cat[0], dog[0]):
            ask(desk, "ann", op("answer", int(row), TRUTH[row]))
        until(lambda: desk.trained().trained_on == 2)
        (row, *_) = [r for r in rows_of(ask(desk, "ann", want=5)) if r in set(free.tolist())]
        guess = desk.guess("ann", row)
        assert guess["label"] == TRUTH[min(cat[0], dog[0])]
        assert guess["probabilities"] == [{"name": "cat", "p": 0.75}, {"name": "dog", "p": 0.25}]
        with pytest.raises(Refused, match="to test the model"):
            desk.guess("ann", int(desk.pool.held_out[0]))
        until(lambda: desk.cache.models)  # kept once it is in use
        assert len(desk.cache.models[-1].said) == len(desk.pool.held_out)

        for row in (cat[1], dog[1]):  # its fit fails
            ask(desk, "ann", op("answer", int(row), TRUTH[row]))
        until(lambda: desk.trained().failed is not None)
        (note,) = ask(desk, "ann")["notes"]
        assert "RuntimeError: four is too many" in note["text"] and note["kind"] == "warning"
        assert rows_of(ask(desk, "ann", want=9))
        ask(desk, "ann", op("answer", int(cat[2]), "cat"))
        until(lambda: desk.trained().trained_on == 5)
        until(lambda: desk.trained().failed is None)

        process = desk.worker._process
        process.kill()  # as a system does that is out of memory
        ask(desk, "ann", op("answer", int(cat[3]), "cat"))
        until(lambda: desk.trained().trained_on == 6)
        assert desk.worker._process.pid != process.pid
    finally:
        desk.close()
        learner.pool_.close()
    assert desk.worker._process.poll() is not None
    for each in (process, desk.worker._process):
        assert each.stdin.closed and each.stdout.closed


@pytest.mark.parametrize("wrong", ["commit", "work"])
def test_a_training_that_breaks_outside_the_users_code_ends_its_process(monkeypatch, wrong):
    """Or the page would wait for it for ever."""

    class Ended(BaseException):
        pass

    def end(code):
        raise Ended(code)

    def work(task):
        raise SystemExit(3) if wrong == "work" else KeyError(wrong)

    monkeypatch.setattr(works.os, "_exit", end)
    with pytest.raises(Ended, match="1"):
        works._answer(SimpleNamespace(work=work), None, None)


class Unkind(Moody):
    """A classifier that raises what cannot be told, or dies while a process of its own lives."""

    def fit(self, X, y):
        if len(y) == 2:
            raise Mute
        if len(y) == 3:
            raise ValueError("no such file: \udcff" + 10_000 * "x")
        if len(y) == 4 and os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        if len(y) == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, [*y[:3], y[0]])


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="no process can be watched without waitid")
def test_whatever_a_fit_raises_and_whatever_outlives_it_is_told_in_a_short_note(restless, tmp_path):
    learner = learner_on(tmp_path / "labels.db", estimator=Unkind(), classes=CLASSES)
    desk = Desk(learner, Rows(), annotators=["ann"])
    try:
        for row, says in (
            (0, ""),
            (1, "Mute: which does not say"),
            (2, r"file: \udcff"),
            (3, "died"),
        ):
            ask(desk, "ann", op("answer", row, CLASSES[row % 2]))
            until(lambda says=says: says in str(desk.trained().failed), 30)
            notes = ask(desk, "ann")["notes"]
            assert len(json.dumps(notes, ensure_ascii=False).encode()) < 1500
    finally:
        desk.close()
        learner.pool_.close()


def done(n, is_new, failed=None, seconds=1.0):
    rows = np.array([2, 4])
    ranked = np.array([n, n + 1])
    about = (ranked, rows, ["cat", "dog"], None, CLASSES, rows[:1])
    return Done(n, 3, seconds, is_new, failed, *about)


def test_what_a_training_brought_is_kept_and_a_model_is_one_that_was_fitted(opened):
    desk = opened()
    assert [each["kind"] for each in ask(desk, "ann", want=1)["notes"]] == ["info"]
    desk._take(done(7, True))
    desk._take(done(8, False, "It failed.", seconds=9.0))
    assert desk.trained().seconds == 1.0 and [one.n for one in desk.cache.models] == [7]
    assert desk.cache.ranking().tolist() == [8, 9]
    (note,) = ask(desk, "ann")["notes"]  # and rows come by a ranking again
    assert note["kind"] == "warning" and note["text"].startswith("It failed. Labelling goes on")
    desk._take(done(7, True, seconds=2.0))  # fitted again on the same answers
    assert [one.seconds for one in desk.cache.models] == [2.0]


def test_the_ranking_survives_a_restart_and_a_lost_file_of_it_costs_no_label(opened, tmp_path):
    desk = opened()
    desk._use(np.array([], dtype=np.int64))
    desk.cache.keep_ranking(1, np.array([60, 41, 17, 5]))  # of more rows than a copy put back has
    desk.close()
    desk.pool.close()
    desk = opened()
    assert rows_of(ask(desk, "ann", want=3)) == [41, 17, 5]
    ask(desk, "ann", op("answer", 41, "cat"))
    desk.close()
    desk.pool.close()
    (tmp_path / "labels.db.page").write_bytes(b"something else altogether, and long enough" * 40)
    desk = opened()
    assert desk.pool.n_labeled == 1 and rows_of(ask(desk, "ann", want=1))


def test_what_models_said_is_of_the_rows_that_they_meant_and_of_this_file_alone(opened, tmp_path):
    ids = [f"row {n}" for n in range(60)]
    desk = opened(ids=ids)
    desk.cache.keep_model(Predicted(3, 2, 0.1, [4, 9], ["cat", "dog"]))
    desk.cache.keep_ranking(3, np.array([41, 17, 5]))
    desk.close()
    desk.pool.close()
    desk = opened(X=X[59:3:-1], ids=ids[59:3:-1])  # sorted otherwise, and four rows are gone
    assert desk.cache.models == [Predicted(3, 2, 0.1, [55, 50], ["cat", "dog"])]
    assert desk.cache.ranking().tolist() == [18, 42, 54]
    desk.close()
    desk.pool.close()
    desk = opened(X=X[59:6:-1], ids=ids[59:6:-1])
    assert desk.cache.models == [Predicted(3, 2, 0.1, [50], ["dog"])]
    assert desk.cache.ranking().tolist() == [18, 42]
    desk.close()
    desk.pool.close()
    (tmp_path / "labels.db").unlink()
    desk = opened(ids=ids)
    assert desk.cache.models == [] and len(desk.cache.ranking()) == 0


# Refusals


def test_of_many_models_those_are_kept_that_a_curve_needs(tmp_path):
    cache = Cache(str(tmp_path / "labels.db"), "whosever")
    for n in range(1, 1001):
        cache.keep_model(Predicted(2 * n, n, 0.1, [1, 2], ["cat", "dog"]))
    kept = cache.models
    learned = np.array([one.n_labeled for one in kept])
    assert len(kept) == MOST_MODELS and (learned[0], learned[-1]) == (1, 1000)
    assert np.diff(learned).max() <= 4 * 1000 / MOST_MODELS
    cache.close()
    cache = Cache(str(tmp_path / "labels.db"), "whosever")
    assert cache.models == kept
    cache.close()


def test_a_second_page_over_one_file_is_refused(opened):
    desk = opened()
    with pytest.raises(BlockingIOError, match="is being labelled on a page already, by"):
        Cache(str(desk.path), "whosever")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"annotators": []}, "give a list of different names"),
        ({"annotators": ["ann", "ann"]}, "give a list of different names"),
        ({"overlap": 0.5}, "by which two people are asked"),
        ({"goal": 0}, "goal"),
        ({"classes": ["a", "a "]}, "look the same on the page"),
        ({"classes": ["caf\u00e9", "cafe\u0301"]}, "look the same on the page"),
        ({"classes": [" ", "b"]}, "the class ' ' cannot be shown"),
        ({"classes": ["x" * 1001, "b"]}, "names are text of 1 to 1,000 characters"),
        ({"classes": ["\ud800", "b"]}, "cannot be shown"),
        ({"classes": None}, "the page needs to know the classes"),
        ({"strategy": "stream_uncertainty"}, "decides as rows pass|strategy"),
    ],
)
def test_what_no_page_can_be_made_of_is_refused(opened, tmp_path, params, message):
    with pytest.raises(ValueError, match=message):
        opened(**params)
    Cache(str(tmp_path / "labels.db"), "whosever").close()  # and another try finds it free


def test_a_pool_in_memory_is_refused():
    learner = ActiveLearner(LogisticRegression(), classes=CLASSES).fit(X)
    with pytest.raises(ValueError, match=r"serve\(learner, 'labels.db'\)"):
        Desk(learner, Rows(), annotators=["ann"])
