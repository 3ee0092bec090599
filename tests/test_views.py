"""Status and review: what a reader of the file sees, against plain code over what was said."""

import json
import time

import numpy as np
import pytest
from annotate_stand_ins import Names, views_of
from hypothesis import given
from hypothesis import strategies as st

from skactive import Pool
from skactive.annotate.cache import Predicted
from skactive.annotate.seen import Answered, pace
from skactive.annotate.views import PAGE_SIZE, Trained, sure
from skactive.data.multilabel import names_in
from skactive.statistics import effective_n, wilson

TEXTS = [f"text {row}" for row in range(60)]
PEOPLE = ("ann", "ben", "eve")
ANSWERS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(PEOPLE),
        st.sampled_from(["a", "b", None]),
        st.sampled_from([None, "hm"]),
    ),
    max_size=25,
    unique_by=lambda answer: answer[:2],  # each says one thing of a row
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """However slow the machine is, one looks whenever something changed."""
    monkeypatch.setattr("skactive.annotate.views.REST_FOR", 0)


def said(pool, answers):
    """Record answers one by one, and return in plain dicts what stands."""
    stands, order = {}, []
    for row, name, label, comment in answers:
        rows = np.array([row])
        if label is None:
            pool.label(rows, [None], annotator=name, comment=comment)
        else:
            pool.label(rows, [label], annotator=name, comment=comment, relabel=True)
        stands[row, name] = label, comment
        order.append(row)
    return stands, list(dict.fromkeys(reversed(order)))


def as_in_the_pool(views, **filters):
    found = views.rows(**filters)
    json.dumps(found, allow_nan=False)
    return [line["row"] for line in found["rows"]]


def test_a_pool_that_nobody_has_touched_has_nothing_to_show(tmp_path):
    _, views = views_of(tmp_path / "a.db", TEXTS, classes=["a", "b"])
    assert views.rows() == {"rows": [], "before": None}
    for only in ("disagreements", "model", "skipped", "comments"):
        assert views.rows(only=only, label="a", annotator="ann")["rows"] == []
    status = views.status()
    assert status["labelled"] == status["skipped"] == status["disagreements"] == 0
    assert status["unlabelled"] == 60 and status["people"] == status["curve"] == []
    assert status["classes"] == [{"name": "a", "n": 0}, {"name": "b", "n": 0}]
    assert status["estimate"] is status["sure"] is status["agreement"] is None
    assert status["model"] == dict.fromkeys(["trained_on", "seconds", "failed"]) | {
        "training": False
    }


def test_answers_are_there_as_soon_as_they_are_in_the_file(tmp_path):
    pool, views = views_of(tmp_path / "a.db", TEXTS, classes=["a", "b"])
    for row in range(5):
        pool.label([row], ["a"], annotator="ann", seconds=1.5, comment="hm")
        lines = views.rows()["rows"]
        assert [line["row"] for line in lines] == list(range(row + 1))[::-1]
        assert views.status()["labelled"] == row + 1
    (answer,) = lines[0]["answers"]
    assert time.time() - 60 < answer.pop("time") <= time.time()
    assert answer == {"annotator": "ann", "label": "a", "comment": "hm", "seconds": 1.5}
    assert lines[0]["card"]["text"] == "text 4" and lines[0]["label"] == "a"
    pool.undo(annotator="ann")
    assert len(views.rows()["rows"]) == 4


@given(answers=ANSWERS)
def test_rows_are_those_that_plain_code_finds(tmp_path_factory, answers):
    pytest.importorskip("pandas")
    folder = tmp_path_factory.mktemp("views")
    guesses = dict.fromkeys(range(0, 10, 2), "a")
    pool, views = views_of(
        folder / "a.db",
        TEXTS,
        classes=["a", "b"],
        consensus="majority",
        trained=Trained(guesses=guesses),
    )
    stands, order = said(pool, answers)
    by_row = {row: {n: one for (r, n), one in stands.items() if r == row} for row in order}
    labels = {row: {label for label, _ in one.values()} - {None} for row, one in by_row.items()}
    assert sorted(as_in_the_pool(views)) == sorted(order)
    y = pool.y
    for name in PEOPLE:
        assert set(as_in_the_pool(views, annotator=name)) == {r for r in order if name in by_row[r]}
    for label in "ab":
        expected = {row for row in order if labels[row] and y[row] == label}
        assert set(as_in_the_pool(views, label=label)) == expected
    expected = {row for row in order if not labels[row]}
    assert set(as_in_the_pool(views, only="skipped")) == expected
    expected = {row for row in order if len(labels[row]) > 1}
    assert set(as_in_the_pool(views, only="disagreements")) == expected
    assert views.status()["disagreements"] == len(expected)
    expected = {r for r in order if any(comment for _, comment in by_row[r].values())}
    assert set(as_in_the_pool(views, only="comments")) == expected
    expected = {row for row in order if labels[row] and guesses.get(row, y[row]) != y[row]}
    assert set(as_in_the_pool(views, only="model")) == expected
    status = views.status()
    assert status["labelled"] == sum(bool(each) for each in labels.values())
    assert {one["name"]: one["n"] for one in status["classes"]} == {
        label: sum(1 for row in order if labels[row] and y[row] == label) for label in "ab"
    }
    for person in status["people"]:
        own = [label for (_, name), (label, _) in stands.items() if name == person["annotator"]]
        assert person["answers"] == sum(label is not None for label in own)
        assert person["skips"] == sum(label is None for label in own)
        agree = pool.annotators().set_index("annotator").agreement[person["annotator"]]
        assert person["agreement"] == (None if np.isnan(agree) else pytest.approx(agree))
    pool.close(), views.close()


def test_the_last_answer_comes_first_and_pages_hang_together_while_answers_come_in(tmp_path):
    X = [str(row) for row in range(300)]
    pool, views = views_of(tmp_path / "a.db", X, classes=["a", "b"])
    order = np.random.default_rng(0).permutation(200)
    pool.label(order[:100], ["a"] * 100, annotator="ann")
    for row in order[100:110].tolist():
        pool.label([row], ["b"], annotator="ben")
    first = views.rows()
    assert [line["row"] for line in first["rows"]] == order[:110][::-1][:PAGE_SIZE].tolist()
    pool.label([order[150]], ["b"], annotator="ben")  # meanwhile
    seen, before = [line["row"] for line in first["rows"]], first["before"]
    while before is not None:
        page = views.rows(before=before)
        seen += [line["row"] for line in page["rows"]]
        before = page["before"]
    assert seen == order[:110][::-1].tolist()
    assert views.rows()["rows"][0]["row"] == order[150]


def test_labels_that_came_with_the_rows_are_behind_all_answers(tmp_path):
    y = ["a"] * 70 + [None] * 30
    pool, views = views_of(tmp_path / "a.db", [str(row) for row in range(100)], y=y)
    pool.label([80], ["b"], annotator="ann")
    page = views.rows()
    assert [line["row"] for line in page["rows"]] == [80, *range(69, 20, -1)]
    (answer,) = page["rows"][1]["answers"]
    assert (answer["annotator"], answer["label"], page["rows"][1]["label"]) == (None, "a", "a")
    rest = views.rows(before=page["before"])
    assert [line["row"] for line in rest["rows"]] == list(range(20, -1, -1))
    assert rest["before"] is None


def test_a_decision_ends_a_disagreement_and_stands_beside_what_was_said(tmp_path):
    pool, views = views_of(tmp_path / "a.db", TEXTS, classes=["a", "b"], consensus="majority")
    for name, label in (("ann", "a"), ("ben", "b")):
        pool.label([0, 1], [label, "a"], annotator=name)
    assert as_in_the_pool(views, only="disagreements") == [0]
    assert views.status()["agreement"] == {"value": 0.5, "n": 2}
    pool.decide([0], ["b"], annotator="eve")
    assert as_in_the_pool(views, only="disagreements") == []
    (line,) = views.rows(annotator="eve")["rows"]
    assert line["label"] == "b"
    assert [one["annotator"] for one in line["answers"]] == ["ann", "ben", "eve"]
    pool.label([2], ["a"], annotator="ann")
    pool.label([0], ["a"], annotator="cem")  # after the decision, and last of all
    lines = views.rows()["rows"]
    assert [line["row"] for line in lines] == [0, 2, 1]
    assert [one["annotator"] for one in lines[0]["answers"]] == ["ann", "ben", "eve", "cem"]


def test_a_class_is_not_taken_for_another_whose_name_holds_its_own(tmp_path):
    classes = ["a", "ab"]
    pool, views = views_of(tmp_path / "a.db", TEXTS, names=Names("one", classes), classes=classes)
    pool.label([0, 1], classes, annotator="ann")
    assert as_in_the_pool(views, label="a") == [0] and as_in_the_pool(views, label="ab") == [1]


def test_several_labels_a_row_are_lists_of_names(tmp_path):
    names = Names("several", ["cat", "dog"])
    pool, views = views_of(
        tmp_path / "a.db", TEXTS, names=names, multilabel=True, classes=["cat", "dog"]
    )

    def named(label):
        return None if label is None else names_in(label, np.array(["cat", "dog"]))

    names.of_pool = named
    pool.label([0, 1, 2], [{"cat", "dog"}, set(), {"dog"}], annotator="ann")
    pool.label([2], [{"cat"}], annotator="ben", relabel=True)
    lines = {line["row"]: line for line in views.rows()["rows"]}
    assert lines[0]["label"] == ["cat", "dog"] and lines[1]["label"] == []
    assert lines[0]["answers"][0]["label"] == ["cat", "dog"]
    assert set(as_in_the_pool(views, label="cat")) == {0, 2}
    assert as_in_the_pool(views, only="disagreements") == [2]
    counts = {one["name"]: one["n"] for one in views.status()["classes"]}
    assert counts == {"cat": 2, "dog": 1}


def test_long_texts_are_extracts(tmp_path):
    pool, views = views_of(tmp_path / "a.db", ["x" * 30_000], classes=["a", "b"])
    pool.label([0], ["a"])
    card = views.rows()["rows"][0]["card"]
    assert len(card["text"]) + card["more"] == 30_000 and len(card["text"]) == 400


# How good the model is


def of_model(pool, n_labeled, wrong, n=2):
    """A model that is wrong on the first so many test rows."""
    rows = pool.test_answers().rows.tolist()
    truth = dict(zip(pool.held_out.tolist(), pool.y_held_out.tolist(), strict=True))
    other = {"a": "b", "b": "a"}
    answers = [other[truth[r]] if at < wrong else truth[r] for at, r in enumerate(rows)]
    return Predicted(n, n_labeled, 0.1, rows, answers)


def test_every_model_is_judged_by_all_test_labels_of_today(tmp_path):
    X = [str(row) for row in range(400)]
    pool, views = views_of(tmp_path / "a.db", X, classes=["a", "b"], hold_out=0.5)
    asked = pool.test_questions(100)
    labels = np.random.default_rng(0).choice(["a", "b"], len(asked))
    pool.label(asked, labels, annotator="ann")
    models = [of_model(pool, 10, 40), of_model(pool, 20, 10), of_model(pool, 30, 4)]
    views.trained = lambda: Trained(30, 0.1, None, True, models)
    status = views.status()
    expected = [wilson(1 - wrong / len(asked), len(asked)) for wrong in (40, 10, 4)]
    assert [point["n_labelled"] for point in status["curve"]] == [10, 20, 30]
    for point, (value, low, high) in zip(status["curve"], expected, strict=True):
        assert (point["estimate"], point["low"], point["high"]) == pytest.approx((value, low, high))
    last = status["estimate"]
    assert (last["metric"], last["n_test"]) == ("accuracy", len(asked))
    # A label is changed: all points change.
    wrong = int(asked[np.argsort(asked)[-1]])
    now = pool.y_held_out[np.searchsorted(pool.held_out, wrong)]
    pool.label([wrong], ["b" if now == "a" else "a"], annotator="ann", relabel=True)
    before = [point["estimate"] for point in status["curve"]]
    after = [point["estimate"] for point in views.status()["curve"]]
    assert all(was != now for was, now in zip(before, after, strict=True))


def test_rows_of_a_group_are_worth_fewer(tmp_path):
    X, groups = [str(row) for row in range(400)], np.arange(400) // 8
    pool, views = views_of(tmp_path / "a.db", X, classes=["a", "b"], hold_out=0.5, groups=groups)
    asked = pool.test_questions(100)
    pool.label(asked, np.full(len(asked), "a"), annotator="ann")
    rows = pool.test_answers().rows
    wrong = np.isin(groups[rows], np.unique(groups[rows])[:4])  # of four groups every row
    answers = np.where(wrong, "b", "a").tolist()
    model = Predicted(2, 50, 0.1, rows.tolist(), answers)
    views.trained = lambda: Trained(50, 0.1, None, False, [model])
    n = effective_n(~wrong, groups[rows])
    assert n < len(rows) / 4
    estimate = views.status()["estimate"]
    found = estimate["estimate"], estimate["low"], estimate["high"]
    assert found == pytest.approx(tuple(wilson((~wrong).mean(), n)))


def test_models_of_before_a_class_had_another_name_are_left_out(tmp_path):
    X = [str(row) for row in range(40)]
    pool, views = views_of(tmp_path / "a.db", X, classes=["a", "b"], hold_out=0.5)
    pool.label(pool.test_questions(10), ["a"] * 10)
    old = of_model(pool, 10, 0)
    pool.rename_class("b", "c")
    new = of_model(pool, 20, 0, pool.n_operations)
    views.trained = lambda: Trained(20, 0.1, None, False, [old, new])
    assert [point["n_labelled"] for point in views.status()["curve"]] == [20]


def test_numbers_are_judged_by_what_they_explain(tmp_path):
    X = [str(row) for row in range(200)]
    names = Names("number", [])
    path, y = tmp_path / "a.db", np.random.default_rng(0).normal(size=100)
    pool, views = views_of(path, X, names=names, missing_label=None, hold_out=0.6)
    asked = pool.test_questions(100)
    pool.label(asked, y[: len(asked)], annotator="ann")
    of = dict(zip(asked.tolist(), y.tolist(), strict=False))
    model = Predicted(2, 50, 0.1, asked.tolist(), [of[row] + 0.1 for row in asked.tolist()])
    views.trained = lambda: Trained(50, 0.1, None, False, [model])
    status = views.status()
    truth = np.array([of[row] for row in asked.tolist()])
    expected = 1 - 0.01 * len(truth) / ((truth - truth.mean()) ** 2).sum()
    assert status["estimate"]["estimate"] == pytest.approx(expected)
    assert status["estimate"]["metric"] == "R²" and status["sure"] is None
    assert status["classes"] == [] and status["agreement"] is None
    json.dumps(status, allow_nan=False)
    pool.label(asked[:2], y[:2], annotator="ben")  # that two measured the same says little
    status = views.status()
    assert status["agreement"] is None
    assert [one["agreement"] for one in status["people"]] == [None, None]


@pytest.mark.filterwarnings("error")
def test_where_all_numbers_are_the_same_there_is_nothing_to_explain(tmp_path):
    X, names = [str(row) for row in range(80)], Names("number", [])
    pool, views = views_of(tmp_path / "a.db", X, names=names, missing_label=None, hold_out=0.5)
    asked = pool.test_questions(20)
    pool.label(asked, np.ones(20), annotator="ann")
    views.trained = lambda: Trained(
        5, 0.1, None, False, [Predicted(2, 5, 0.1, asked.tolist(), [1.0] * 20)]
    )
    status = views.status()
    assert status["estimate"] is None and status["curve"] == []


def test_a_curve_of_many_models_has_forty_points_the_first_and_the_last_among_them(tmp_path):
    X = [str(row) for row in range(40)]
    pool, views = views_of(tmp_path / "a.db", X, classes=["a", "b"], hold_out=0.5)
    pool.label(pool.test_questions(10), ["a"] * 10)
    models = [of_model(pool, n, 0, n) for n in range(2, 102)]
    views.trained = lambda: Trained(101, 0.1, None, False, models)
    curve = [point["n_labelled"] for point in views.status()["curve"]]
    assert len(curve) == 40 and (curve[0], curve[-1]) == (2, 101) and curve == sorted(curve)


def test_what_it_takes_to_be_sure_is_what_wilson_says():
    def told(share, n, n_held_out=10_000):
        value, low, high = wilson(share, n)
        now = {"metric": "accuracy", "estimate": value, "low": low, "high": high, "n_test": n}
        return sure(now, n_held_out)

    assert told(0.5, 9) is None and "become better" in told(0.5, 10)
    more = int(told(0.95, 60).split("about ")[1].split(" ")[0])
    assert wilson(0.95, 60 + more).low >= 0.9 > wilson(0.95, 60 + more - 1).low
    assert "becomes better" in told(0.85, 100) or "become better" in told(0.85, 100)
    assert "right on 90 % or more" in told(0.97, 400)
    assert "more test rows than are held out (100)" in told(0.95, 60, 100)
    assert sure(None, 100) is None
    few = {"metric": "accuracy", "estimate": 0.0, "low": 0.0, "high": 0.793, "n_test": 1}
    assert sure(few, 100) is None  # by one test row no model is bad


def test_a_pause_is_no_work():
    assert pace(np.array([])) is None and pace(np.array([5.0])) is None
    assert pace(np.array([5.0, 5.0, 5.0])) is None  # many at once, from a file
    assert pace(np.arange(0, 100, 4.0)) == 900
    assert pace(np.append(np.arange(0, 100, 4.0), 10**6 + np.arange(0, 100, 4.0))) == 900
    assert pace(np.array([0.0, 4, 304])) == 900 and pace(np.array([0.0, 4, 300])) == 24


# The reader


def test_a_look_is_not_repeated_while_nothing_changes_nor_too_often(tmp_path, monkeypatch):
    pool, views = views_of(tmp_path / "a.db", TEXTS, classes=["a", "b"])
    pool.label([0], ["a"])
    looks = []

    class Slow(Answered):
        def __init__(self, pool):
            looks.append(len(looks))
            super().__init__(pool)

    monkeypatch.setattr("skactive.annotate.views.Answered", Slow)
    for _ in range(5):
        views.status(), views.rows()
    assert len(looks) == 1
    monkeypatch.setattr("skactive.annotate.views.REST_FOR", 10**6)
    monkeypatch.setattr("skactive.annotate.views.QUICK", 0)
    pool.label([1], ["a"])
    assert views.status()["labelled"] == 2  # the first look after a change, which took a moment
    pool.label([2], ["a"])
    assert views.status()["labelled"] == 2 and len(looks) == 2


def test_the_reader_writes_nothing(tmp_path):
    path = tmp_path / "a.db"
    pool, views = views_of(path, TEXTS, classes=["a", "b"])
    pool.label([0], ["a"], annotator="ann")
    n = pool.n_operations
    views.status(), views.rows(), views.export("csv").close()
    with Pool.open(path, TEXTS) as again:
        assert again.n_operations == n
    views.close()


def test_an_export_guards_cells_that_would_be_formulas(tmp_path):
    pool, views = views_of(
        tmp_path / "a.db",
        ['=HYPERLINK("http://evil")', "+1", "-1", "@x", "fine"],
        classes=["a", "b"],
    )
    pool.label(range(5), ["a"] * 5, annotator="=ann", comment=["=1+1", "+2", "-3", "@y", "so so"])
    with views.export("csv") as file:
        text = file.read().decode("utf-8-sig")
    for cell in ('=HYPERLINK(""http://evil"")', "+1", "-1", "@x", "=1+1", "+2", "-3", "@y", "=ann"):
        assert f'"\'{cell}"' in text and f'"{cell}"' not in text
    with views.export("jsonl") as file:
        lines = [json.loads(line) for line in file]
    assert [line["annotator"] for line in lines] == ["=ann"] * 5


@pytest.mark.parametrize("to", ["csv", "jsonl", "label-studio", "prodigy", "doccano"])
def test_every_format_of_export_is_a_file(tmp_path, to):
    pool, views = views_of(tmp_path / "a.db", TEXTS, classes=["a", "b"])
    pool.label([3], ["a"], annotator="ann")
    with views.export(to) as file:
        content = file.read()
    assert b"text 3" in content


def test_the_pace_is_that_of_the_last_answers():
    slow, fast = np.arange(60) * 20.0, 2000 + np.arange(60) * 4.0
    assert pace(np.concatenate([fast, slow])) == 900


def test_whoever_has_no_name_comes_behind_those_who_have(tmp_path):
    pool, views = views_of(tmp_path / "labels.db", ["x", "y"], classes=["a", "b"])
    pool.label([0], ["a"])
    pool.label([1], ["b"], annotator="ann")
    assert [each["annotator"] for each in views.status()["people"]] == ["ann", None]
