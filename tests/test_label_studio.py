"""Active learning in Label Studio: against a server with its rules, ended and begun anywhere."""

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from label_studio_stand_in import LEGACY, PERSONAL, Fault, LabelStudioServer, Refused, serving
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from skactive import ActiveLearner, Pool
from skactive.annotate import LabelStudio, added, label_studio, label_studio_client
from skactive.annotate.added import added_rows
from skactive.annotate.label_studio_client import Client, NotDone, Unreachable
from skactive.annotate.label_studio_order import Order
from skactive.annotate.opinions import Answer
from skactive.annotate.reconciling import bring

TESTS = Path(__file__).parent
RECORDED = json.loads((TESTS / "label_studio" / "recorded_loop.json").read_text(encoding="utf-8"))
NAMES = ["neg", "pos"]
RNG = np.random.default_rng(3)
TRUTH = RNG.integers(0, 2, 40)
X = (RNG.normal(size=(40, 2)) + 1.5 * TRUTH[:, None]).round(3)
IDS = [f"row-{n}" for n in range(40)]


@pytest.fixture
def server():
    with serving() as (server, url):
        server.url = url
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No waits between tries."""
    init = Client.__init__

    def quicker(self, *args, **kwargs):
        init(self, *args, **{"pause": 0.001, "tries": 3} | kwargs)

    monkeypatch.setattr(Client, "__init__", quicker)


class Studio(LabelStudio):
    """One over a file, with small batches."""

    def __init__(self, server, folder, strategy="margin", rows=X, ids=IDS, **options):
        how = {"classes": NAMES} | options.pop("pool", {})
        if not (folder / "labels.db").exists():
            how = {"ids": ids, **how}
        else:
            how = {"ids": ids, "missing": "refuse"}
        pool = Pool.open(folder / "labels.db", rows, **how)
        estimator = options.pop("estimator", LogisticRegression())
        how = {"consensus": pool.consensus, "random_state": 0}
        learner = ActiveLearner(estimator, strategy, **how).fit(pool)
        self.pool = pool
        options = {"n_instances": 4, "spares": 4, "token": PERSONAL} | options
        super().__init__(learner, server.url, **options)


def said(pool):
    """What stands, by row and person."""
    table = pool.opinions
    columns = [np.asarray(table[name], dtype=object) for name in ("id", "annotator", "label")]
    return {
        (row, who): label if label == label and label is not None else None
        for row, who, label in zip(*columns, strict=True)
    }


def task_of(server, name):
    (task,) = [n for n, each in server.tasks.items() if each["data"].get("row") == name]
    return task


def truth_of(server, task):
    return NAMES[TRUTH[IDS.index(server.tasks[task]["data"]["row"])]]


def versions(server, studio):
    return server._versions(studio.project, "GET", None)


def test_an_order_has_a_version_that_never_was_and_other_peoples_predictions_stay():
    sent, deleted, kept = [], [], [1, 2]

    class Server:
        """What an order asks of a server; it keeps one prediction less at first."""

        def versions(self, project):
            return dict.fromkeys(["skactive-3", "skactive-11", "skactive-x", "other-40"], 5)

        def import_predictions(self, project, predictions):
            sent.append(predictions)
            return kept.pop(0)

        def delete_version(self, project, name):
            deleted.append(name)

    order = Order(Server())
    assert order.imported(1, [8, 5]) == "skactive-13"
    versions = [{each["model_version"] for each in predictions} for predictions in sent]
    assert versions == [{"skactive-12"}, {"skactive-13"}]
    assert [(each["task"], each["score"]) for each in sent[1]] == [(8, 0), (5, 0.5)]
    order.delete_others(1)
    assert deleted == ["skactive-3", "skactive-11", "skactive-x"]


# The stand-in


def shape(exchange, tasks):
    """What an exchange says, without the numbers and times that no two servers have alike."""
    answer, path = exchange["answer"], exchange["path"].partition("?")[0]
    if path.endswith("refresh/"):
        return sorted(answer)
    if path == "/api/tasks/":
        return answer["total"], [
            (
                tasks[each["id"]],
                each["data"],
                [
                    (a["completed_by"], a["was_cancelled"], [r["value"] for r in a["result"]])
                    for a in each["annotations"]
                ],
                sorted(each),
            )
            for each in answer["tasks"]
        ]
    if path.endswith("/import"):
        return answer["task_count"], [tasks[each] for each in answer["task_ids"]]
    names = ("sampling", "show_collab_predictions", "model_version", "title")
    return {name: answer[name] for name in names} if "sampling" in answer else answer


def test_the_stand_in_answers_as_the_server_did():
    server, access, project, numbers = LabelStudioServer(), None, None, {}
    newest, n_compared = "", 0
    for exchange in RECORDED:
        method, path, body = exchange["method"], exchange["path"], exchange["body"]
        query = parse_qs(urlsplit(path).query)
        recorded = {n: at for at, n in enumerate(numbers)}
        if path.startswith("/api/token"):
            body = {"refresh": PERSONAL}
        if "query" in query:  # somebody labelled meanwhile
            for task in exchange["answer"]["tasks"]:
                (each,) = task["annotations"]
                choices = [c for part in each["result"] for c in part["value"]["choices"]]
                server.annotate(numbers[task["id"]], each["completed_by"], choices or None)
            since = json.loads(query["query"][0])
            since["filters"]["items"][0]["value"] = newest
            path = path.partition("&query=")[0] + "&query=" + json.dumps(since)
        if isinstance(body, list) and "task" in body[0]:
            body = [each | {"task": numbers[each["task"]]} for each in body]
        path = path.replace("22", str(project))
        try:
            answer = server.answer(method, path, body, {"Authorization": f"Bearer {access}"})
        except Refused as refused:
            assert str(refused.code) in exchange["error"]
            n_compared += 1
            continue
        access = answer.get("access", access)
        project = answer["id"] if path == "/api/projects/" else project
        if "task_ids" in answer:
            numbers = dict(zip(exchange["answer"]["task_ids"], answer["task_ids"], strict=True))
            recorded = {n: at for at, n in enumerate(numbers)}
        if "tasks" in answer:
            newest = max([newest, *(each["updated_at"] for each in answer["tasks"])])
        ours = {n: at for at, n in enumerate(numbers.values())}
        assert shape({"path": path, "answer": answer}, ours) == shape(exchange, recorded)
        n_compared += 1
    assert n_compared == len(RECORDED) == 26


# The order


@pytest.mark.parametrize("strategy", ["margin", "k_center"])
def test_what_is_served_is_what_was_planned(strategy, server, tmp_path):
    studio = Studio(server, tmp_path, strategy, pool={"hold_out": 0.25})
    studio.start()
    n_tests = 0
    for step in range(24):
        task = server.next(studio.project)
        expected, _ = studio.learner.query(n_instances=8)
        assert IDS.index(server.tasks[task]["data"]["row"]) == expected[0]
        n_tests += studio.pool.held_out_mask[expected[0]]
        label = None if step % 7 == 6 else [truth_of(server, task)]
        server.annotate(task, 1 + step % 2, label)
        assert studio.look().n_new == 1
        assert list(versions(server, studio).values()) == [8]
    pool = studio.pool
    assert 3 <= n_tests == len(pool.test_answers().rows) + pool.test_answers().n_skipped
    assert pool.n_labeled + pool.n_skipped + n_tests == 24
    assert {who for _, who in said(pool)} == {"ann@x.org", "ben@x.org"}


def test_the_batch_has_spares_and_nothing_is_sent_while_nothing_happens(server, tmp_path):
    studio = Studio(server, tmp_path, refit_after=100)
    studio.start()
    planned = list(studio.planned)
    assert len(planned) == 8
    n = len(server.asked)
    studio.look()
    assert server.asked[n:] == [("GET", "/api/tasks/")]
    for task in planned[:4]:  # the batch is used up, and the spares are served meanwhile
        assert server.next(studio.project) == task
        server.annotate(task, 1, [truth_of(server, task)])
    assert server.next(studio.project) == planned[4]
    studio.look()
    assert not set(planned[:4]) & set(studio.planned)


def test_a_plan_shorter_than_the_spares_is_made_again_for_an_answer_alone(
    server, tmp_path, monkeypatch
):
    studio = Studio(server, tmp_path, rows=X[:5], ids=IDS[:5], spares=8, refit_after=2)
    studio.start()
    plans, plan = [], studio._plan
    monkeypatch.setattr(studio, "_plan", lambda: plans.append(plan()) or plans[-1])
    studio.look()
    studio.look()
    assert plans == []
    server.annotate(studio.planned[0], 1, ["pos"])
    studio.look()
    studio.look()
    assert [len(rows) for rows in plans] == [4]


def test_all_rows_can_be_labelled(server, tmp_path):
    studio = Studio(server, tmp_path, pool={"hold_out": 0.25})
    studio.start()
    while (task := server.next(studio.project)) is not None:
        server.annotate(task, 1, [truth_of(server, task)])
        last = studio.look()
    assert (last.n_left, last.version, len(said(studio.pool))) == (0, None, 40)
    assert studio.look().n_new == 0


# What people do


def test_changed_deleted_skipped_and_repeated_annotations_are_followed(server, tmp_path):
    studio = Studio(server, tmp_path, pool={"consensus": "majority"})
    studio.start()
    task, other = server.next(studio.project), task_of(server, "row-7")
    name = server.tasks[task]["data"]["row"]
    ann, ben = "ann@x.org", "ben@x.org"

    def now():
        studio.look()
        return said(studio.pool)

    first = server.annotate(task, 1, ["neg"], comment="dark")
    assert now() == {(name, ann): "neg"}
    assert studio.pool.opinions["comment"].tolist() == ["dark"]
    assert studio.pool.opinions["seconds"].tolist() == [1.5]
    server.change(task, first, ["pos"])
    assert now() == {(name, ann): "pos"}
    second = server.annotate(task, 2, ["neg"])
    assert now() == {(name, ann): "pos", (name, ben): "neg"}
    again = server.annotate(task, 2, ["pos"])  # her last one counts
    assert now() == {(name, ann): "pos", (name, ben): "pos"}
    server.delete(task, again)  # and then the one before
    assert now() == {(name, ann): "pos", (name, ben): "neg"}
    server.delete(task, first)
    assert now() == {(name, ben): "neg"}
    server.delete(task, second)
    assert now() == {}
    assert IDS.index(name) in studio.pool.unlabeled
    skip = server.annotate(other, 1)
    assert now() == {("row-7", ann): None}
    assert studio.pool.skipped.tolist() == [7]
    server.delete(other, skip)
    assert now() == {}
    server.annotate(other, 1)
    server.annotate(other, 2, ["pos"])  # a skipped task goes to others
    assert now() == {("row-7", ann): None, ("row-7", ben): "pos"}
    n = studio.pool.n_operations
    assert now() and studio.pool.n_operations == n
    studio.pool.close()
    with Pool.open(tmp_path / "labels.db", X, ids=IDS) as pool:  # the file holds all of it
        assert said(pool) == {("row-7", ann): None, ("row-7", ben): "pos"}


def test_without_a_consensus_the_last_word_counts_and_a_skip_takes_nothing_away(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    task = task_of(server, "row-3")
    server.annotate(task, 1, ["neg"])
    server.annotate(task, 2, ["pos"])
    studio.look()
    assert studio.pool.y[3] == "pos"
    server.annotate(task, 1)
    studio.look()
    assert studio.pool.y[3] == "pos"


def test_what_was_said_elsewhere_stays_and_a_decision_outranks_all(server, tmp_path):
    studio = Studio(server, tmp_path, pool={"consensus": "majority"})
    studio.start()
    task = task_of(server, "row-3")
    each = server.annotate(task, 1, ["neg"])
    studio.look()
    studio.pool.label(3, "pos", annotator="carl", seconds=4, comment="on the page")
    studio.pool.label(5, "pos", annotator="ann@x.org")
    server.delete(task, each)
    server.annotate(task_of(server, "row-5"), 2, ["pos"])
    studio.look()
    assert said(studio.pool) == {
        ("row-3", "carl"): "pos",
        ("row-5", "ann@x.org"): "pos",
        ("row-5", "ben@x.org"): "pos",
    }
    table = studio.pool.opinions
    assert (table["seconds"].tolist()[0], table["comment"].tolist()[0]) == (4, "on the page")
    each = server.annotate(task, 1, ["neg"])
    studio.look()
    studio.pool.decide(3, "neg", annotator="eve")
    server.delete(task, each)
    studio.look()
    assert studio.pool.y[3] == "neg"


def test_what_was_said_in_another_project_stays(server, tmp_path):
    studio = Studio(server, tmp_path, project="the first")
    studio.start()
    server.annotate(task_of(server, "row-3"), 1, ["neg"])
    studio.look()
    (each,) = server.tasks[task_of(server, "row-3")]["annotations"]
    moment = datetime.fromisoformat(each["updated_at"]).timestamp()
    assert studio.pool.history[-1].time == pytest.approx(moment)  # when it was said, not read
    studio.pool.close()
    studio = Studio(server, tmp_path, project="the second")
    studio.start()
    server.add_task(studio.project, row="row-3")
    studio.look()
    assert said(studio.pool) == {("row-3", "ann@x.org"): "neg"}


def test_what_two_people_said_of_a_row_is_recorded_as_of_the_later_one():
    pool = Pool(["a", "b"], classes=NAMES, consensus="majority")
    said = [("ann", "neg", "2026-01-02T00:00:00Z"), ("ben", "pos", "2026-01-01T00:00:00Z")]
    wanted = {name: Answer(None, label, name, time=time) for name, label, time in said}
    assert bring(pool, 1, wanted, 7) and not bring(pool, 1, wanted, 7)
    assert pool.history[-1].time == datetime.fromisoformat("2026-01-02T00:00:00Z").timestamp()


def test_an_answer_that_is_no_class_is_told_and_the_others_are_recorded(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    server.annotate(task_of(server, "row-3"), 1, ["neutral"])
    server.annotate(task_of(server, "row-4"), 1, ["pos"])
    server.annotate(task_of(server, "row-5"), 1, [])  # sent without a choice
    now = studio.look()
    assert said(studio.pool) == {("row-4", "ann@x.org"): "pos"}
    assert "what 'ann@x.org' said of 'row-3': 'neutral' is no class" in str(now)
    server.annotate(task_of(server, "row-3"), 1, ["neg"])
    assert studio.look().notes == ()


def test_somebody_who_joins_later_is_known_by_name(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    server.users[9] = "new@x.org"
    server.annotate(task_of(server, "row-3"), 9, ["neg"])
    server.annotate(task_of(server, "row-4"), 10, ["neg"])
    studio.look()
    assert set(said(studio.pool)) == {("row-3", "new@x.org"), ("row-4", "user 10")}


def test_answers_that_were_read_before_the_connection_broke_are_recorded_at_the_next_look(
    server, tmp_path, monkeypatch
):
    studio = Studio(server, tmp_path)
    studio.start()
    server.annotate(task_of(server, "row-3"), 1, ["neg"])
    server.annotate(task_of(server, "row-4"), 9, ["neg"])  # who is new, so that people are asked

    def away():
        raise Unreachable("away")

    with monkeypatch.context() as patch:
        patch.setattr(studio.client, "people", away)
        with pytest.raises(Unreachable):
            studio.look()
    assert studio.look().n_new == 2
    assert set(said(studio.pool)) == {("row-3", "ann@x.org"), ("row-4", "user 9")}


def test_several_labels_a_row(server, tmp_path):
    options = {"multilabel": True, "classes": ["cat", "dog", "emu"]}
    estimator = OneVsRestClassifier(LogisticRegression())
    studio = Studio(server, tmp_path, "random", pool=options, estimator=estimator)
    studio.start()
    for row, choices in enumerate([["cat", "emu"], [], None]):
        server.annotate(task_of(server, f"row-{row}"), 1, choices)
    studio.look()
    assert studio.pool.y[:3].tolist() == [[1, 0, 1], [0, 0, 0], [-1, -1, -1]]
    assert studio.pool.skipped.tolist() == [2]


def test_numbers(server, tmp_path):
    options = {"missing_label": None, "classes": None}
    how = {"estimator": LinearRegression(), "pool": options}
    studio = Studio(server, tmp_path, "random", **how)
    studio.start()
    config = server.projects[studio.project]["label_config"]
    assert '<Number name="label" toName="item"/>' in config
    server.annotate(task_of(server, "row-0"), 1, number=-2.5)
    server.annotate(task_of(server, "row-1"), 1, number=0)
    server.annotate(task_of(server, "row-2"), 1)
    studio.look()
    assert studio.pool.y[:2].tolist() == [-2.5, 0.0]
    assert studio.pool.skipped.tolist() == [2]


def test_integers_are_the_classes_that_they_were(server, tmp_path):
    studio = Studio(server, tmp_path, pool={"classes": [0, 7]})
    studio.start()
    server.annotate(task_of(server, "row-0"), 1, ["7"])
    studio.look()
    assert studio.pool.y[0] == 7


# Tasks that others add


def test_a_task_that_was_added_there_becomes_a_row_that_is_found_again(server, tmp_path):
    texts = [f"text {n}" for n in range(8)]
    words = make_pipeline(CountVectorizer(), LogisticRegression())
    how = {"rows": texts, "ids": IDS[:8], "strategy": "random", "estimator": words}
    studio = Studio(server, tmp_path, **how)
    studio.start()
    task = server.add_task(studio.project, text="a new one")
    server.annotate(task, 1, ["pos"])
    assert studio.look().n_new == 1
    assert studio.pool.X[-1] == "a new one"
    assert said(studio.pool) == {(f"task-{task}", "ann@x.org"): "pos"}
    studio.look()
    assert len(studio.pool) == 9
    studio.pool.close()
    (new,) = added_rows(tmp_path / "labels.db")
    assert new == {"id": f"task-{task}", "data": {"text": "a new one"}}
    how |= {"rows": [*texts, new["data"]["text"]], "ids": [*IDS[:8], new["id"]]}
    studio = Studio(server, tmp_path, **how)
    assert studio.start().n_new == 0
    assert len(studio.pool) == 9
    assert len(server.tasks) == 9


def test_a_task_of_another_server_is_of_the_row_that_it_names(server, tmp_path):
    texts = [f"text {n}" for n in range(8)]
    words = make_pipeline(CountVectorizer(), LogisticRegression())
    how = {"rows": texts, "ids": IDS[:8], "strategy": "random", "estimator": words}
    studio = Studio(server, tmp_path, **how)
    studio.start()
    task = server.add_task(studio.project, text="a new one")
    studio.look()
    studio.pool.close()
    how |= {"rows": [*texts, "a new one"], "ids": [*IDS[:8], f"task-{task}"]}
    with serving() as (other, url):
        other.url = url
        studio = Studio(other, tmp_path, **how)
        studio.start()
        other.tasks[task] = other.tasks[task_of(other, "row-5")] | {"id": task}
        other.annotate(task, 1, ["pos"])
        studio.look()
        assert said(studio.pool) == {("row-5", "ann@x.org"): "pos"}
        studio.pool.close()


def test_rows_without_ids_are_found_again_by_their_numbers(server, tmp_path):
    texts = [f"text {n}" for n in range(8)]
    words = make_pipeline(CountVectorizer(), LogisticRegression())
    studio = Studio(server, tmp_path, "random", rows=texts, ids=None, estimator=words)
    studio.start()
    task = server.add_task(studio.project, text="new")
    server.annotate(task, 1, ["pos"])
    server.annotate(task_of(server, 3), 1, ["neg"])
    studio.look()
    assert said(studio.pool) == {(8, "ann@x.org"): "pos", (3, "ann@x.org"): "neg"}
    studio.pool.close()
    texts += [each["data"]["text"] for each in added_rows(tmp_path / "labels.db")]
    studio = Studio(server, tmp_path, "random", rows=texts, ids=None, estimator=words)
    assert studio.start().n_new == 0
    assert len(server.tasks) == 9


def test_added_tasks_that_are_no_rows_are_told_of_and_left(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    server.add_task(studio.project, text="no features")
    server.add_task(studio.project, row="row-99")
    told = str(studio.look())
    assert "1 tasks were added" in told and "rows=function" in told
    assert "rows that the pool lacks, such as 'row-99'" in told
    assert len(studio.pool) == 40


def test_a_row_that_cannot_be_written_down_leaves_no_half_a_line(server, tmp_path, monkeypatch):
    texts = [f"text {n}" for n in range(8)]
    words = make_pipeline(CountVectorizer(), LogisticRegression())
    studio = Studio(server, tmp_path, "random", rows=texts, ids=IDS[:8], estimator=words)
    studio.start()
    first = server.add_task(studio.project, text="one")
    studio.look()
    server.add_task(studio.project, text="another")

    def full(file):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(added.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            studio.look()
    assert [each["id"] for each in added_rows(tmp_path / "labels.db")] == [f"task-{first}"]
    studio.look()
    assert len(added_rows(tmp_path / "labels.db")) == 2 and len(studio.pool) == 10


def test_a_function_makes_rows_of_added_tasks(server, tmp_path):
    def made(data):
        return np.array([[float(each["a"]), float(each["b"])] for each in data])

    studio = Studio(server, tmp_path, rows=X)
    studio._added.make = made
    studio.start()
    server.annotate(server.add_task(studio.project, a="1", b="2"), 1, ["pos"])
    studio.look()
    assert studio.pool.X[-1].tolist() == [1.0, 2.0]


def test_a_task_that_was_made_twice_is_one_row(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    twin = server.add_task(studio.project, row="row-3")
    server.annotate(task_of_first(server, "row-3"), 1, ["neg"])
    server.annotate(twin, 2, ["neg"])
    studio.look()
    assert set(said(studio.pool)) == {("row-3", "ann@x.org"), ("row-3", "ben@x.org")}


def task_of_first(server, name):
    return min(n for n, each in server.tasks.items() if each["data"].get("row") == name)


def test_a_deleted_task_does_not_stop_the_order(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    del server.tasks[studio.planned[3]]
    task = server.next(studio.project)
    server.annotate(task, 1, [truth_of(server, task)])
    studio.look()
    assert server.next(studio.project) == studio.planned[0]
    assert list(versions(server, studio).values()) == [8]


# Ended anywhere


class Killed(BaseException):
    pass


def assert_whole(server, studio):
    """No task twice, each annotation in the record, one small version, and the plan is served."""
    rows = [each["data"]["row"] for each in server.tasks.values()]
    assert len(rows) == len(set(rows)) == 40
    expected = {
        (each["data"]["row"], server.users[one["completed_by"]]): (
            None if one["was_cancelled"] else one["result"][0]["value"]["choices"][0]
        )
        for each in server.tasks.values()
        for one in each["annotations"]
    }
    assert said(studio.pool) == expected
    n_left = sum(not each["annotations"] for each in server.tasks.values())
    assert list(versions(server, studio).values()) == [min(8, n_left)]
    assert server.next(studio.project) == studio.planned[0]


def follow_a_while(server, studio):
    studio.start()
    for user in (1, 2, 1):
        task = server.next(studio.project)
        server.annotate(task, user, [truth_of(server, task)] if user == 1 else None)
        studio.look()


def n_requests(tmp_path):
    with serving() as (server, url):
        server.url = url
        studio = Studio(server, tmp_path)
        follow_a_while(server, studio)
        studio.pool.close()
        return len(server.asked)


@pytest.mark.parametrize("when", ["after", pytest.param("before", marks=pytest.mark.slow)])
def test_who_is_killed_at_any_request_goes_on_where_it_stood(when, tmp_path, monkeypatch):
    (tmp_path / "counted").mkdir()
    n = n_requests(tmp_path / "counted")
    assert n > 20
    send, left = Client._send, [0]

    def killed(self, *args):
        left[0] -= 1
        if left[0] == 0 and when == "before":
            raise Killed
        found = send(self, *args)
        if left[0] == 0:
            raise Killed
        return found

    monkeypatch.setattr(Client, "_send", killed)
    for at in range(1, n + 1):  # each of them: start, three answers, a new order after each
        folder = tmp_path / str(at)
        folder.mkdir()
        with serving() as (server, url):
            server.url, left[0] = url, at
            studio = Studio(server, folder)
            with pytest.raises(Killed):
                follow_a_while(server, studio)
            studio.pool.close()
            left[0] = -1
            studio = Studio(server, folder)
            studio.start()
            assert_whole(server, studio)
            studio.pool.close()


def test_who_is_killed_between_two_answers_records_the_others_later(server, tmp_path, monkeypatch):
    from skactive.annotate import label_studio

    studio = Studio(server, tmp_path)
    studio.start()
    for row in range(3):
        server.annotate(task_of(server, f"row-{row}"), 1, ["neg"])
    bring, left = label_studio.bring, [2]

    def killed(*args):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return bring(*args)

    monkeypatch.setattr(label_studio, "bring", killed)
    with pytest.raises(Killed):
        studio.look()
    assert len(said(studio.pool)) == 1
    studio.pool.close()
    studio = Studio(server, tmp_path)
    studio.start()
    assert_whole(server, studio)


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from types import SimpleNamespace
from test_label_studio import Studio
Studio(SimpleNamespace(url={url!r}), Path({folder!r})).follow(every=0.01)
"""


@pytest.mark.parametrize("n_kills", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_kill_9_loses_nothing(n_kills, server, tmp_path):
    script = SCRIPT.format(tests=str(TESTS), url=server.url, folder=str(tmp_path))
    annotated = []

    def after(method, path):
        if path.endswith("/import/predictions"):  # somebody labels the next task while it is sent
            for project in server.projects:
                task = server.next(project)
                annotated.append(server.annotate(task, 1, [truth_of(server, task)]))

    server.after = after
    for n in range(3, 3 + n_kills):
        process = subprocess.Popen([sys.executable, "-c", script], cwd=TESTS.parent)
        end, goal = time.monotonic() + 60, len(annotated) + n
        while len(annotated) < goal and time.monotonic() < end and process.poll() is None:
            time.sleep(0.005)
        assert process.poll() is None
        process.kill()  # by the signal 9, or what Windows has for it
        process.wait()
    server.after = lambda method, path: None
    assert len(annotated) >= 3 * n_kills
    studio = Studio(server, tmp_path)
    studio.start()
    assert_whole(server, studio)


# The connection


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_connection_that_breaks_once_at_each_request_does_no_harm(side, server, tmp_path):
    broken = set()

    def breaks(method, path):
        if (method, path) not in broken:
            broken.add((method, path))
            raise Fault

    setattr(server, side, breaks)
    studio = Studio(server, tmp_path, project="called so")
    for _ in range(3):  # a project that may be there or not is for the caller to look at
        try:
            studio.start()
        except Unreachable:
            continue
        break
    for user in (1, 2):
        server.annotate(server.next(studio.project), user, ["neg"])
        studio.look()
    assert len(server.projects) == 1
    assert ("POST", f"/api/projects/{studio.project}/import") in broken
    assert_whole(server, studio)


def test_the_loop_goes_on_once_the_server_is_back_and_ends_at_ctrl_c(server, tmp_path, monkeypatch):
    studio, told, pauses = Studio(server, tmp_path), [], []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 1:
            server.annotate(server.next(studio.project), 1, ["neg"])
        server.before = gone if 2 <= len(told) < 4 else lambda *_: None
        if len(told) == 5:
            raise KeyboardInterrupt

    def gone(method, path):
        raise Fault

    def tell(progress):
        told.append(progress)
        if len(told) == 3:
            server.annotate(server.next(studio.project), 2, ["pos"])
            told.append(None)

    monkeypatch.setattr(label_studio_client.time, "sleep", sleep)
    last = studio.follow(every=0.25, callback=tell)
    assert [each and each.n_new for each in told] == [0, 1, 0, None, 1]
    assert "cannot be reached" in str(told[2])
    assert last.n_labeled == studio.pool.n_labeled == 2
    assert studio.follow(once=True).n_new == 0


@pytest.mark.parametrize("status", [500, 502])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_server_that_fails_once_at_each_request_does_no_harm(status, side, server, tmp_path):
    failed = set()

    def fails(method, path):
        if (method, path) not in failed:
            failed.add((method, path))
            raise Refused(status, "database is locked")

    studio = Studio(server, tmp_path)
    studio.client.make_project(studio.wanted or "skactive labels", "")
    setattr(server, side, fails)
    studio.start()
    server.annotate(server.next(studio.project), 1, ["neg"])
    studio.look()
    assert ("POST", f"/api/projects/{studio.project}/import") in failed
    assert_whole(server, studio)


def test_an_order_that_could_not_be_sent_is_sent_at_the_next_look(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    before = list(studio.planned)
    server.annotate(server.next(studio.project), 1, ["neg"])

    def gone(method, path):
        if path.endswith(("model-versions/", "predictions")):
            raise Fault

    server.before = gone
    with pytest.raises(Unreachable):
        studio.look()
    server.before = lambda *_: None
    studio.look()
    assert studio.planned != before
    assert_whole(server, studio)


def test_rows_that_a_server_never_takes_are_not_sent_for_ever(server, tmp_path):
    def never(method, path):
        if path.endswith("/import"):
            raise Refused(500, "no")

    server.before = never
    with pytest.raises(Unreachable, match="cannot do POST /api/projects/.*/import at present"):
        Studio(server, tmp_path).start()


def test_a_second_one_over_one_file_is_refused(server, tmp_path):
    first, second = Studio(server, tmp_path), Studio(server, tmp_path)

    def tell(progress):
        with pytest.raises(BlockingIOError, match="is followed in Label Studio already, by"):
            second.follow(once=True)

    first.follow(once=True, callback=tell)
    assert_whole(server, first)
    second.follow(once=True)


def test_an_access_that_ran_out_is_renewed_once(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    server.access = "another"
    n = len(server.asked)
    studio.look()
    assert server.asked[n:] == [
        ("GET", "/api/tasks/"),
        ("POST", "/api/token/refresh/"),
        ("GET", "/api/tasks/"),
    ]


def test_an_access_that_is_refused_though_it_is_new_is_not_renewed_for_ever(server):
    client, asked = Client(server.url, PERSONAL), []
    client.people()

    def refuses(method, path):
        asked.append(path)
        if not path.endswith("/refresh/") or len(asked) > 9:
            raise Refused(401, "not you")

    server.before = refuses
    with pytest.raises(NotDone, match="does not take the token"):
        client.people()
    assert asked == ["/api/users/", "/api/token/refresh/", "/api/users/"]


def test_projects_whose_titles_only_hold_the_one_that_is_meant_are_others(server, monkeypatch):
    client, found = Client(server.url, PERSONAL), [{"title": "a b"}, {"title": "a"}]
    for told in (found, {"results": found}):  # bare, and as a page of them
        monkeypatch.setattr(client, "_ask", lambda *_, told=told: told)
        assert client.projects_called("a") == [{"title": "a"}]


def test_a_token_of_the_older_kind_is_sent_as_it_is():
    with serving(LabelStudioServer(takes_legacy=True)) as (server, url):
        assert Client(url, LEGACY).people() == server.users
        assert server.asked == [("GET", "/api/users/")]


def test_predictions_that_the_server_drops_are_noticed(server, tmp_path):
    studio = Studio(server, tmp_path)
    server.most_predictions = 7
    with pytest.raises(NotDone, match="kept 7 of 8 predictions"):
        studio.start()


def test_refusals_are_sentences(server, tmp_path):
    with pytest.raises(NotDone, match="does not take the token .* give it as token=") as told:
        Client(server.url, "x.y.z").people()
    assert "x.y.z" not in str(told.value)
    with pytest.raises(NotDone, match=r"does not take the token \(401"):
        Client(server.url, LEGACY).people()
    client = Client(server.url, PERSONAL)
    with pytest.raises(NotDone, match="has nothing at GET /api/projects/77/"):
        client.project(77)
    with pytest.raises(NotDone, match="at least 3 characters"):
        client.make_project("ab", "")

    def forbids(method, path):
        raise Refused(403, "You do not have permission")

    server.before = forbids
    with pytest.raises(NotDone, match=r"does not let .* \(403: You do not have permission\)"):
        client.people()
    with pytest.raises(Unreachable, match="cannot be reached"):
        Client("http://127.0.0.1:9", PERSONAL).people()
    with pytest.raises(ValueError, match="write the address of the server"):
        Client("localhost:8080", PERSONAL)
    with pytest.raises(ValueError, match="got no token"):
        Client(server.url, " ")


def test_a_server_that_is_busy_is_asked_again_for_what_may_come_twice(server):
    client, told = Client(server.url, PERSONAL), []
    client.people()

    def busy(method, path):
        if told:
            raise Refused(told.pop(), "a moment")

    server.before = busy
    for codes in ((429, 502), (503, 504)):
        told.extend(codes)
        assert client.people() == server.users and told == []
    told.append(503)
    with pytest.raises(Unreachable, match="503"):
        client.make_project("called so", "<View/>")
    assert server.projects == {}
    told.extend([502, 503])
    with pytest.raises(Unreachable, match="503"):
        client.import_predictions(1, [])  # would be there twice
    assert told == [502]


def test_no_token_goes_to_where_a_server_sends(server):
    with serving() as (other, _):

        def sends(method, path):
            raise Refused(302, "there")

        server.before = sends
        with pytest.raises(NotDone, match="sends to another address"):
            Client(server.url, PERSONAL).people()
        assert other.asked == []


@pytest.mark.parametrize("moment", ["2026-11-29T23:00:07Z", "2026-11-30T01:00:07.000000+02:00"])
def test_changes_are_asked_for_from_the_moment_on_that_the_server_says_in_whatever_zone(moment):
    assert label_studio._a_little_before(moment) == "2026-11-29T23:00:02.000000Z"


def test_tasks_come_page_by_page(server, tmp_path, monkeypatch):
    monkeypatch.setattr(label_studio_client, "_PAGE", 7)
    studio = Studio(server, tmp_path)
    studio.start()
    assert len(list(studio.client.tasks(studio.project))) == 40


# What is given


def test_what_cannot_work_is_refused_before_anything_is_asked(server, tmp_path):
    learner = ActiveLearner(LogisticRegression(), classes=NAMES).fit(X)
    with pytest.raises(ValueError, match=r"in memory.*store='labels.db'"):
        LabelStudio(learner, server.url, token=PERSONAL)
    with Pool.open(tmp_path / "a.db", X) as pool:
        bare = ActiveLearner(LogisticRegression()).fit(pool)
        with pytest.raises(ValueError, match="got store='b.db', and the learner's pool is in"):
            LabelStudio(bare, server.url, token=PERSONAL, store="b.db", classes=NAMES)
        with pytest.raises(ValueError, match="no classes to choose among"):
            LabelStudio(bare, server.url, token=PERSONAL)
        with pytest.raises(ValueError, match="spares=-1"):
            LabelStudio(bare, server.url, token=PERSONAL, spares=-1)
        with pytest.raises(TypeError, match="show='text'; give a function"):
            LabelStudio(bare, server.url, token=PERSONAL, show="text")
    measured = ActiveLearner(LinearRegression(), "random").fit(X)
    with pytest.raises(ValueError, match="learns numbers; leave it out"):
        LabelStudio(measured, server.url, token=PERSONAL, classes=NAMES)
    for options in ({}, {"multilabel": True}):
        path = tmp_path / f"named {len(options)}.db"
        estimator = OneVsRestClassifier(LogisticRegression())
        with Pool.open(path, X, classes=NAMES, **options) as pool:
            learner = ActiveLearner(estimator, "random").fit(pool)
            with pytest.raises(ValueError, match=r"pool has \['neg', 'pos'\]; give these"):
                LabelStudio(learner, server.url, token=PERSONAL, classes=["pos", "neutral"])
            form = LabelStudio(learner, server.url, token=PERSONAL, classes=["pos", "neg"]).form
            assert form.classes == ["pos", "neg"]
    assert server.asked == []
    learner = ActiveLearner(LogisticRegression(), classes=NAMES).fit(X)
    studio = LabelStudio(learner, server.url, token=PERSONAL, store=tmp_path / "b.db")
    studio.start()
    assert os.path.exists(tmp_path / "b.db")
    assert server.projects[studio.project]["title"] == "skactive b"


def test_a_project_of_that_number_or_title_is_gone_on_with(server, tmp_path):
    first = server._projects("POST", {}, {"title": "mine", "label_config": "<View/>"})["id"]
    for project in (first, "mine"):
        studio = Studio(server, tmp_path, project=project)
        studio.start()
        assert (studio.project, len(server.tasks)) == (first, 40)
        studio.pool.close()
    server._projects("POST", {}, {"title": "mine", "label_config": "<View/>"})
    studio = Studio(server, tmp_path, project="mine")
    with pytest.raises(ValueError, match="2 projects are called; give the number"):
        studio.start()


def test_a_control_that_the_project_lacks_is_refused_since_nothing_would_be_read(server, tmp_path):
    studio = Studio(server, tmp_path)
    studio.start()
    studio.pool.close()
    for what in ("label", "comment"):
        studio = Studio(server, tmp_path, **{what: "sentimant"})
        n_asked = len(server.asked)
        with pytest.raises(ValueError, match=f"{what}='sentimant', which is no control.*'label'"):
            studio.start()
        assert {method for method, _ in server.asked[n_asked:]} <= {"GET", "POST"}
        studio.pool.close()


def test_annotators_see_what_show_returns(server, tmp_path):
    studio = Studio(server, tmp_path, show=lambda row: f"{row[0]:.1f} and {row[1]:.1f}")
    studio.start()
    data = server.tasks[task_of(server, "row-0")]["data"]
    assert data == {"text": f"{X[0, 0]:.1f} and {X[0, 1]:.1f}", "row": "row-0"}
    assert 'value="$text"' in server.projects[studio.project]["label_config"]


def test_an_estimator_that_cannot_be_fitted_yet_is_told_of(server, tmp_path):
    class Picky(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            if len(y) < 4:
                raise ValueError("I need four")
            return super().fit(X, y)

    studio = Studio(server, tmp_path, estimator=Picky())
    studio.start()
    for step in range(6):
        task = server.next(studio.project)
        server.annotate(task, 1, [truth_of(server, task)])
        now = studio.look()
        assert ("I need four" in str(now)) <= (step < 3)
    assert hasattr(studio.learner, "estimator_")
