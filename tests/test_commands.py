"""The commands, as a person writes them: what is recorded, said and refused, and the exit codes."""

import csv
import json
import os
import random
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from labelling import Served, label

from skactive import ActiveLearner, Pool, annotate, compare_strategies
from skactive.commands.drawing import curve
from skactive.commands.main import COMMANDS, main
from skactive.commands.project import remembered

pytest.importorskip("pandas")
ROOT = Path(__file__).resolve().parents[1]
WORDS = ["room", "hotel", "stay", "night", "food", "staff"]
LABEL = ["label", "reviews.csv", "--text", "review", "--classes", "positive,negative"]


def write_csv(path, header, rows, delimiter=","):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])


def reviews(n, start=0):
    draw = random.Random(start)
    words = [" ".join(draw.choices(WORDS, k=5)) for _ in range(n)]
    return [
        [start + i, f"{text} {'good' if i % 2 else 'bad'} {start + i}"]
        for i, text in enumerate(words)
    ]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with texts, a table, lines of JSON and answers."""
    monkeypatch.chdir(tmp_path)
    write_csv("reviews.csv", ["n", "review"], reviews(80))
    write_csv(
        "patients.csv",
        ["patient", "age", "city", "ill"],
        [
            [i // 2, 20 + i % 60, ["Rome", "Oslo", ""][i % 3], "yes" if i % 60 > 30 else "no"]
            for i in range(120)
        ],
        delimiter=";",
    )
    lines = [json.dumps({"id": f"m{i}", "text": text}) for i, text in reviews(30)]
    Path("pool.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


class Person:
    """Who answers in place of the page: by what a row says."""

    def __init__(self, n=30):
        self.n, self.served = n, []

    def __call__(self, learner, store=None, **options):
        self.served.append(options)
        names = options["annotators"] or ["ann"]
        for turn in range(self.n):
            idx, rows = learner.query(annotator=names[turn % len(names)], reserve=True)
            if len(idx) == 0:
                break
            row = rows if hasattr(rows, "iloc") else rows[0]
            learner.teach(idx, [self.says(row)], annotator=names[turn % len(names)], refit=False)

    def says(self, row):
        return "positive" if "good" in str(row) else "negative"


@pytest.fixture
def person(monkeypatch):
    someone = Person()
    monkeypatch.setattr(annotate, "serve", someone, raising=False)
    return someone


def told(capsys):
    """What was printed since this was asked: the output and the error output."""
    seen = capsys.readouterr()
    return seen.out, seen.err


def status(capsys, *more):
    told(capsys)
    assert main(["status", "labels.db", "--json", *more]) == 0
    return json.loads(told(capsys)[0])


# Labelling


def test_labelling_a_csv_file_needs_a_text_and_the_classes(folder, person, capsys):
    assert main(LABEL) == 0
    out, err = told(capsys)
    assert out == ""
    assert "reviews.csv: 80 rows; labels go to labels.db." in err
    assert "Model: TF-IDF of words and logistic regression." in err
    assert person.served[0]["classes"] == ["positive", "negative"]
    assert status(capsys)["labelled"] + status(capsys)["held_out_labelled"] == 30


def test_a_record_needs_no_other_argument_to_go_on(folder, person, capsys):
    assert main([*LABEL, "--goal", "50", "--strategy", "entropy"]) == 0
    assert main(["label", "labels.db"]) == 0
    assert person.served[1]["goal"] == 50
    assert remembered(Path("labels.db")).strategy == "entropy"
    assert status(capsys)["people"][0]["answers"] == 60


def test_a_file_that_was_sorted_and_has_grown_keeps_its_labels(folder, person, capsys):
    assert main(LABEL) == 0
    with Pool.open(
        "labels.db", [row[1] for row in reviews(80)], ids=ids_of("reviews.csv"), read_only=True
    ) as pool:
        before = dict(zip(pool.ids[pool.labeled].tolist(), pool.y_labeled.tolist(), strict=True))
    rows = sorted(reviews(80) + reviews(20, start=80), key=lambda row: row[1])
    write_csv("reviews.csv", ["review", "n"], [row[::-1] for row in rows])
    person.n = 0
    assert main(LABEL) == 0
    now = status(capsys)
    assert now["rows"] == 100 and now["labelled"] == len(before)
    with Pool.open(
        "labels.db", [row[1] for row in rows], ids=ids_of("reviews.csv"), read_only=True
    ) as pool:
        texts = dict(zip(pool.ids[np.arange(100)].tolist(), pool.X, strict=True))
        after = dict(zip(pool.ids[pool.labeled].tolist(), pool.y_labeled.tolist(), strict=True))
    assert after == before
    assert all(("good" in texts[name]) == (label == "positive") for name, label in after.items())


def ids_of(path):
    """The ids of rows, as the commands make them."""
    from skactive.commands.data import Asked, read_data

    return read_data(Path(path), Asked("review")).ids


def test_what_was_labelled_goes_on_in_python(folder, person):
    assert main([*LABEL, "--id", "n"]) == 0
    rows = reviews(80)
    with Pool.open(
        "labels.db", [row[1] for row in rows], ids=[str(row[0]) for row in rows]
    ) as pool:
        n_before = pool.n_answered
        pool.label(pool.unlabeled[:1], ["positive"], annotator="ben")
        assert pool.n_answered == n_before + 1
    assert main(["status", "labels.db"]) == 0


def test_where_the_page_listens_is_what_is_written(folder, person):
    more = ["--port", "9000", "--host", "0.0.0.0", "--allowed-origin", "https://a.example"]
    assert main([*LABEL, *more, "--no-browser", "--goal", "7"]) == 0
    names = ("port", "host", "allowed_origins", "open_browser", "goal")
    expected = [9000, "0.0.0.0", ["https://a.example"], False, 7]
    assert [person.served[0][name] for name in names] == expected
    assert main(["label", "labels.db"]) == 0
    assert [person.served[1][name] for name in names[1:]] == ["127.0.0.1", [], True, 7]


def test_several_people_get_a_consensus_and_rows_that_two_label(folder, person, capsys):
    assert main([*LABEL, "--annotators", "ann,ben"]) == 0
    assert person.served[0]["annotators"] == ["ann", "ben"]
    assert person.served[0]["overlap"] == 0.1
    assert remembered(Path("labels.db")).consensus == "one_coin"
    assert [each["annotator"] for each in status(capsys)["people"]] == ["ann", "ben"]
    more = ["--annotators", "ann,ben", "--overlap", ".3", "--store", "other.db"]
    assert main([*LABEL, *more]) == 0 and person.served[1]["overlap"] == 0.3


def test_who_labelled_alone_may_be_joined_later(folder, person, capsys):
    assert main(LABEL) == 0
    assert remembered(Path("labels.db")).consensus is None
    assert main(["label", "labels.db", "--annotators", "ann,ben"]) == 0
    assert [each["answers"] for each in status(capsys)["people"]] == [45, 15]
    with Pool.open("labels.db", [row[1] for row in reviews(80)], ids=ids_of("reviews.csv")) as pool:
        seconds = pool.ids[pool.for_second_opinions("ben", 0.1)].tolist()
    assert main(["next", "labels.db", "-n", "3", "--annotator", "ben", "--json"]) == 0
    asked = {row["id"] for row in json.loads(told(capsys)[0])}
    assert seconds and asked >= set(seconds[:3])  # a tenth of ann's rows, as on the page


def test_groups_are_on_one_side_of_the_test_rows(folder, person):
    pytest.importorskip("skrub")
    words = [
        "label",
        "patients.csv",
        "--groups",
        "patient",
        "--classes",
        "yes,no",
        "--hold-out",
        ".3",
    ]
    person.says = lambda row: "yes"
    assert main([*words, "--store", "p.db"]) == 0
    from skactive.commands.project import pool_over, project_of, rows_of

    project = project_of(Path("p.db"))
    data = rows_of(project, Path("p.db"))
    assert list(data.X.columns) == ["age", "city", "ill"]
    with pool_over(project, Path("p.db"), data, read_only=True) as pool:
        groups = np.array(data.others["patient"])
        apart = set(groups[pool.held_out])
        assert apart and apart.isdisjoint(np.delete(groups, pool.held_out))


def test_a_row_of_json_lines_has_the_id_that_it_brings(folder, person, capsys):
    assert main(["label", "pool.jsonl", "--classes", "positive,negative"]) == 0
    told(capsys)
    assert main(["next", "labels.db", "-n", "40", "--json"]) == 0
    names = [row["id"] for row in json.loads(told(capsys)[0])]
    assert all(re.fullmatch(r"m\d+", name) for name in names)


def test_a_folder_of_images_is_labelled_and_what_looks_at_it_is_called_what_it_is(
    folder, person, capsys
):
    Image = pytest.importorskip("PIL.Image")
    Path("pictures").mkdir()
    for i in range(20):
        colour = (200, 10, 10) if i % 2 else (10, 10, 200)
        Image.new("RGB", (40, 30), colour).save(f"pictures/{i:02}.png")
    person.says = lambda path: "red" if int(Path(path).stem) % 2 else "blue"
    assert main(["label", "pictures/", "--classes", "red,blue", "--hold-out", ".4"]) == 0
    err = told(capsys)[1]
    assert "Model: logistic regression on images of 16 x 16 pixels." in err
    assert "bring features by --embedding file.npy, or --embed timm:NAME" in err
    assert status(capsys, "--estimate")["estimate"]["value"] == 1


def test_numbers_as_classes_are_labels_as_they_are_written(folder, person, capsys):
    person.says = lambda row: "1" if "good" in row else "-1"
    assert main([*LABEL[:-1], "-1,0,1"]) == 2  # which argparse takes for an option
    assert main([*LABEL[:-2], "--classes=-1,0,1"]) == 0
    assert set(status(capsys)["classes"]) == {"-1", "0", "1"}
    assert status(capsys)["classes"]["-1"] > 0


def test_a_class_may_join_and_none_that_has_labels_may_leave(folder, person, capsys):
    assert main(LABEL) == 0
    assert main(["label", "labels.db", "--classes", "positive,negative,neutral"]) == 0
    assert person.served[1]["classes"] == ["positive", "negative", "neutral"]
    told(capsys)
    assert main(["label", "labels.db", "--classes", "positive,neutral"]) == 1
    assert "'negative'" in told(capsys)[1]
    assert remembered(Path("labels.db")).classes == ["positive", "negative", "neutral"]


def test_rows_may_have_several_labels(folder, person, capsys):
    person.says = lambda row: {"good"} if "good" in row else {"bad", "short"}
    assert main([*LABEL[:-1], "good,bad,short", "--several"]) == 0
    classes = status(capsys)["classes"]
    assert classes["bad"] == classes["short"] > 0 and classes["good"] > 0
    assert main(["next", "labels.db"]) == 0


NUMBERS = ["label", "reviews.csv", "--text", "review", "--id", "n", "--numbers"]


def measured(row):
    """What the person measures: near 4 of good ones, near 1 of others."""
    return (4 if "good" in str(row) else 1) + len(str(row)) / 100


def test_labels_may_be_numbers_all_the_way(folder, person, capsys):
    person.says = measured
    assert main([*NUMBERS, "--hold-out", ".4"]) == 0
    err = told(capsys)[1]
    assert "Model: TF-IDF of words and ridge regression. Strategy: k_center." in err
    assert person.served[0]["classes"] is None
    assert main(["label", "labels.db"]) == 0  # to go on
    found = status(capsys, "--estimate")
    truth = {str(i): measured(text) for i, text in reviews(80)}
    assert found["labelled"] + found["held_out_labelled"] == 60 and found["classes"] == {}
    assert found["values"]["most"] > 4 > found["values"]["median"] > found["values"]["least"] > 1
    assert found["estimate"]["metric"] == "r2" and found["estimate"]["value"] > 0.5
    assert [(each["answers"], each["skips"]) for each in found["people"]] == [(60, 0)]
    assert main(["status", "labels.db"]) == 0
    low, high = found["values"]["least"], found["values"]["most"]
    assert f"  values       {low:g} to {high:g}, median " in told(capsys)[0]
    assert main(["next", "labels.db", "-n", "2"]) == 0
    assert main(["report", "labels.db"]) == 0
    assert told(capsys)[1].count("intervals by resampling") == 1  # though the curve has ten points
    page = Path("report.html").read_text("utf-8")
    assert "<h2>Values</h2>" in page and "Classes" not in page and ">k_center<" in page
    person.n = 0
    for kind in ("csv", "jsonl", "label-studio", "prodigy", "doccano"):
        assert main(["export", "labels.db", "--to", kind, "-o", f"out.{kind}"]) == 0
        assert main([*NUMBERS, "--store", f"{kind}.db", "--hold-out", "0"]) == 0
        told(capsys)
        assert main(["import", f"{kind}.db", f"out.{kind}"]) == 0
        assert "60 rows" in told(capsys)[0]
        assert main(["export", f"{kind}.db", "--to", "jsonl"]) == 0
        lines = [json.loads(line) for line in told(capsys)[0].splitlines()]
        assert {line["id"]: line["label"] for line in lines}.items() <= truth.items()


def test_several_people_s_numbers_are_their_median(folder, person, capsys):
    person.n = 0
    assert main([*NUMBERS, "--annotators", "ann,ben,eve", "--hold-out", "0"]) == 0
    for name, number in (("ann", 1), ("ben", 4), ("eve", 2)):
        write_csv("answers.csv", ["id", "label"], [["3", number], ["5", number + 1]])
        assert main(["import", "labels.db", "answers.csv", "--annotator", name]) == 0
    told(capsys)
    assert main(["export", "labels.db", "--to", "jsonl"]) == 0
    lines = [json.loads(line) for line in told(capsys)[0].splitlines()]
    assert {(line["id"], line["stands"]) for line in lines} == {("3", 2), ("5", 3)}
    found = status(capsys)
    assert len(lines) == 6 and found["values"]["median"] == 2.5
    of_people = [(each["answers"], each["agreement"]) for each in found["people"]]
    assert of_people == [(2, None)] * 3  # whole numbers are measured here too: no classes
    assert main(["report", "labels.db"]) == 0


@pytest.mark.parametrize("data", ["patients.csv", "pictures"])
def test_numbers_of_tables_and_images_have_a_model_too(folder, person, capsys, data):
    pytest.importorskip("skrub")
    Image = pytest.importorskip("PIL.Image")
    Path("pictures").mkdir()
    for i in range(20):
        Image.new("RGB", (9, 9), (12 * i, 0, 0)).save(f"pictures/{i:02}.png")
    person.says = lambda row: float(row["age"].iloc[0] if hasattr(row, "iloc") else row.stem)
    assert main(["label", data, "--numbers", "--hold-out", ".4"]) == 0
    assert "Bayesian ridge regression" in told(capsys)[1]
    if data == "pictures":
        person.n = 10
        assert main(["label", "labels.db"]) == 0
        assert status(capsys, "--estimate")["estimate"] is None  # of too few
    else:
        assert status(capsys, "--estimate")["estimate"]["value"] > 0.9


def test_whole_numbers_of_a_file_are_measured_and_lines_are_told(folder, person, capsys):
    person.n = 0
    assert main([*NUMBERS, "--hold-out", "0"]) == 0
    header, two_lines = ["id", "label", "note"], "two\nlines"
    write_csv("answers.csv", header, [["1", "3", two_lines], ["2", "4", ""]])
    assert main(["import", "labels.db", "answers.csv"]) == 0
    write_csv("answers.csv", header, [["1", "3", two_lines], ["4", "-1", ""], ["5", "4.25", ""]])
    told(capsys)
    assert main(["import", "labels.db", "answers.csv", "--json"]) == 0
    assert json.loads(told(capsys)[0]) == {"recorded": 2, "known": 1, "left_out": []}
    write_csv("answers.csv", header, [["6", "3", two_lines], ["7", "good", ""]])
    assert main(["import", "labels.db", "answers.csv"]) == 1
    assert "has the label 'good' in line 4, which is no number; write one" in told(capsys)[1]
    assert status(capsys)["labelled"] == 4


def test_a_model_is_to_learn_what_labels_are(folder, person, capsys):
    Path("other_models.py").write_text(
        "from sklearn.linear_model import LogisticRegression, Ridge\n"
        "classes, numbers = LogisticRegression(), Ridge()\n"
    )
    for words, said in (
        ([*NUMBERS, "--model", "other_models:classes"], "learns no numbers, for which --numbers"),
        ([*LABEL, "--model", "other_models:numbers"], "learns numbers, and labels are classes"),
    ):
        assert main(words) == 1
        assert said in told(capsys)[1] and not Path("labels.db").exists()


def test_a_model_of_ones_own_is_named_by_module_and_object(folder, person, capsys):
    Path("own_models.py").write_text(
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.feature_extraction.text import CountVectorizer\n"
        "from sklearn.naive_bayes import MultinomialNB\n"
        "bayes = make_pipeline(CountVectorizer(), MultinomialNB())\n"
        "Bayes = MultinomialNB\n"
        "calls = []\n"
        "def made():\n    calls.append(1)\n"
    )
    assert main([*LABEL, "--model", "own_models:bayes"]) == 0
    assert "Model: own_models:bayes." in told(capsys)[1]
    assert main(["next", "labels.db"]) == 0
    for name in ("own_models:Bayes", "own_models:made"):  # it is looked up, never called
        assert main([*LABEL, "--model", name, "--store", "other.db"]) == 1
        said = told(capsys)[1]
        assert "write one in own_models.py, say model = LogisticRegression(), and" in said
    assert main([*NUMBERS, "--model", "own_models:made", "--store", "other.db"]) == 1
    assert "say model = Ridge(), and" in told(capsys)[1]
    assert main([*LABEL, "--model", "own_models:byes", "--store", "other.db"]) == 1
    assert "own_models has no 'byes'; name what stands in it." in told(capsys)[1]
    assert sys.modules["own_models"].calls == []
    Path("lacking.py").write_text("import none_such\n")
    Path("unfinished.py").write_text("def (\n")
    for name, instead in (
        ("none_such:x", "give a module of this folder"),
        ("own_models.py:bayes", "write own_models:bayes"),
        ("lacking:x", "No module named 'none_such'; mend or install what lacking needs"),
        ("unfinished:x", "(unfinished.py, line 1); mend or install what unfinished needs"),
    ):
        assert main([*LABEL, "--model", name, "--store", "other.db"]) == 1
        assert f"{instead}." in told(capsys)[1]
    assert main([*LABEL, "--model", "own_models", "--store", "other.db"]) == 1
    assert not Path("other.db").exists()


def test_vectors_are_found_for_texts_that_are_in_the_order_of_their_file(folder, person, capsys):
    rows = reviews(80)
    np.save("vectors.npy", np.array([["good" in text, i] for i, text in rows], dtype=float))
    assert main([*LABEL, "--embedding", "vectors.npy"]) == 0
    assert "Model: logistic regression on the vectors of --embedding." in told(capsys)[1]
    found = status(capsys, "--estimate")["estimate"]
    assert (found["metric"], found["value"]) == ("accuracy", 1)
    assert found["low"] < found["high"] == 1 and found["n"] == status(capsys)["held_out_labelled"]
    write_csv("reviews.csv", ["n", "review"], rows[::-1])
    assert main(["status", "labels.db"]) == 0  # which needs no vectors
    told(capsys)
    assert main(["label", "labels.db"]) == 1
    assert "has other rows, or another order, than when vectors.npy was made" in told(capsys)[1]
    np.save("vectors.npy", np.load("vectors.npy")[::-1])
    assert main(["label", "labels.db", "--embedding", "vectors.npy"]) == 0


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (
            np.zeros((79, 2)),
            "has the shape (79, 2); give a vector of numbers for each of the 80 rows",
        ),
        (np.zeros(80), "has the shape (80,)"),
        (np.full((80, 2), np.nan), "has NaN or infinite numbers; give finite ones."),
        (np.array([{}] * 80), "is no array of numpy"),
    ],
)
def test_vectors_that_cannot_be_are_refused_before_there_is_a_record(
    folder, person, capsys, array, said
):
    np.save("vectors.npy", array)
    assert main([*LABEL, "--embedding", "vectors.npy"]) == 1
    assert said in told(capsys)[1]
    assert not Path("labels.db").exists() and person.served == []


def test_a_net_of_timm_makes_vectors_once(folder, person, capsys, monkeypatch):
    Image, torch = pytest.importorskip("PIL.Image"), pytest.importorskip("torch")
    Path("pictures").mkdir()
    for i in range(12):
        Image.new("RGB", (8, 8), (255 * (i % 2), 0, 0)).save(f"pictures/{i:02}.png")
    made = []

    class Timm:
        class data:
            resolve_model_data_config = staticmethod(lambda net: {})

            @staticmethod
            def create_transform():
                return lambda image: torch.tensor(np.array(image) / 255.0).float().mean((0, 1))

        @staticmethod
        def create_model(name, pretrained, num_classes):
            if name == "away":
                raise OSError("no network.")
            made.append((name, pretrained, num_classes))
            return torch.nn.Identity()

        @staticmethod
        def is_model(name):
            return name in Timm.list_models()

        @staticmethod
        def list_models():
            return ["tiny", "away"]

    monkeypatch.setitem(sys.modules, "timm", Timm)
    person.says = lambda path: "red" if int(Path(path).stem) % 2 else "black"
    words = ["label", "pictures", "--classes", "red,black", "--embed"]
    for name, said in (
        ("tyny", "--embed timm:tyny is no net of timm; write timm:tiny."),
        ("none", "timm.list_models() names them."),
        ("away", "--embed timm:away has no weights here: no network. Be online once"),
    ):
        assert main([*words, f"timm:{name}"]) == 1
        assert said in told(capsys)[1] and not Path("labels.db").exists()
    words += ["timm:tiny"]
    assert main(words) == 0 and main(["label", "labels.db"]) == 0
    assert made == [("tiny", True, 0)]
    assert np.load("labels.tiny.npy")[:, 0].tolist() == [0, 1] * 6
    Image.new("RGB", (8, 8)).save("pictures/12.png")
    assert main(["label", "labels.db"]) == 0
    assert len(made) == 2 and len(np.load("labels.tiny.npy")) == 13


def test_who_begins_is_told_how_to_end_and_how_to_go_on(folder, person, capsys):
    assert main(LABEL) == 0
    said = told(capsys)[1]
    assert "Ctrl-C ends it" in said
    assert said.endswith(
        "Go on by skactive label labels.db, see how far it is by skactive status labels.db.\n"
    )


def test_guidelines_are_read_anew_each_time(folder, person):
    Path("rules.md").write_text("Be kind. é", encoding="utf-8")
    assert main([*LABEL, "--guidelines", "rules.md"]) == 0
    Path("rules.md").write_text("Be fair.", encoding="utf-8")
    assert main(["label", "labels.db"]) == 0
    assert [each["guidelines"] for each in person.served] == ["Be kind. é", "Be fair."]


# What is refused


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["label", "reviews.csv"], 2, "--classes is missing"),
        (["label", "reviews.csv", "--classes", "a"], 2, "--classes has 'a' alone; give at least"),
        (["label", "reviews.csv", "--classes", "a,a"], 2, "'a,a' has a blank name, or one twice"),
        (["label", "none.csv", "--classes", "a,b"], 1, "none.csv is not there; give a CSV"),
        (["label", "none.db", "--classes", "a,b"], 1, "none.db is no record of skactive label"),
        ([*LABEL, "--numbers"], 2, "--numbers has no classes; leave it or --classes"),
        ([*NUMBERS, "--several"], 2, "--numbers has no classes; leave it or --classes"),
        ([*LABEL, "--hold-out", "1"], 2, "'1' is no share; write a number from 0 to below 1"),
        ([*LABEL, "--port", "65536"], 2, "'65536' is no port"),
        ([*LABEL, "--goal", "no"], 2, "'no' is no number; write 1 or more"),
        ([*LABEL, "--groups", "n", "--hold-out", "0"], 2, "--hold-out 0 has none"),
        ([*LABEL, "--strategy", "margn"], 1, "'margn'"),
        ([*LABEL, "--store", "none/labels.db"], 1, "there is no folder"),
        ([*LABEL, "--embed", "resnet18"], 2, "write timm:NAME, say timm:resnet18."),
        ([*LABEL, "--embed", "timm:x"], 2, "--embed is for images"),
        ([*LABEL, "--model", "a:b", "--embedding", "e.npy"], 2, "give one of them"),
        ([*LABEL, "--embedding", "e.npy"], 1, "--embedding e.npy is not there; give an array"),
        ([*LABEL, "--guidelines", "g.md"], 1, "--guidelines g.md is not there; give a file"),
        (["status", "reviews.csv"], 1, "reviews.csv"),
        (["status", "none.db"], 1, "none.db is not there; give the record"),
        (["next", "labels.db", "--reserve"], 2, "--reserve needs a name"),
        (["nonsense"], 2, "invalid choice: 'nonsense'"),
        ([], 2, "required: COMMAND"),
    ],
)
def test_a_mistake_is_one_sentence_an_exit_code_and_no_record(
    folder, person, capsys, words, code, said
):
    assert main(words) == code
    out, err = told(capsys)
    assert out == "" and said in err and "Traceback" not in err
    if code == 1:
        assert err.count("\n") == 1
    assert not Path("labels.db").exists()


def test_what_a_record_has_for_good_is_not_changed_by_an_option(folder, person, capsys):
    assert main(LABEL) == 0
    for option in (
        ["--text", "n"],
        ["--id", "n"],
        ["--hold-out", ".5"],
        ["--several"],
        ["--numbers"],
    ):
        told(capsys)
        assert main(["label", "labels.db", *option]) == 2
        said = told(capsys)[1]
        was = {"--text": "with --text review", "--hold-out": "with --hold-out 0.1"}
        assert f"labels.db was begun {was.get(option[0], f'without {option[0]}')}, got" in said
        assert f"got {' '.join(option).replace('.5', '0.5')}; leave {option[0]} out" in said


def test_a_record_is_known_by_its_name(folder, person, capsys):
    assert main([*LABEL, "--store", "labels.sqlite"]) == 2
    assert "write a name that ends in .db" in told(capsys)[1]
    assert not Path("labels.sqlite").exists()
    assert main([*LABEL, "--store", "LABELS.DB"]) == main(["label", "LABELS.DB"]) == 0


def test_another_file_is_not_taken_for_the_one_that_a_record_labels(folder, person, capsys):
    assert main(LABEL) == 0
    write_csv("other.csv", ["n", "review"], reviews(20, start=500))
    assert main(["label", "other.csv", "--text", "review"]) == 1
    assert "labels.db labels reviews.csv; write --store and another name" in told(capsys)[1]
    Path("reviews.csv").rename("gone.csv")
    for words in (["label", "other.csv"], ["status", "labels.db", "--data", "other.csv"]):
        assert main(words) == 1
        said = told(capsys)[1]
        assert "other.csv lacks " in said and "of which labels.db holds labels" in said
        assert "put back what was removed" in said and "missing=" not in said
        assert (
            "write --data and where the right one is (to skactive label, that in place of" in said
        )


def test_data_that_moved_are_told_of_by_data(folder, person, capsys):
    assert main(LABEL) == 0
    Path("reviews.csv").rename("moved.csv")
    for command in ("status", "next", "report"):
        told(capsys)
        assert main([command, "labels.db"]) == 1
        assert "reviews.csv, which labels.db labels, is not there; write --data" in told(capsys)[1]
        assert main([command, "labels.db", "--data", "moved.csv"]) == 0
    assert main(["label", "moved.csv"]) == 0  # which the record has from now on
    assert main(["status", "labels.db"]) == 0


def test_a_record_and_its_data_move_together(folder, person, monkeypatch, capsys):
    assert main(LABEL) == 0
    Path("there").mkdir()
    for name in ("reviews.csv", "labels.db"):
        Path(name).rename(Path("there") / name)
    assert main(["status", "there/labels.db"]) == 0
    monkeypatch.chdir("there")
    assert main(["status", "labels.db"]) == 0


def test_a_record_that_python_made_says_what_to_write(folder, person, capsys):
    rows = reviews(80)
    Pool.open("labels.db", [row[1] for row in rows], ids=[str(row[0]) for row in rows]).close()
    assert main(["status", "labels.db"]) == 1
    assert "labels.db was not made by skactive label" in told(capsys)[1]


def test_a_record_of_a_later_version_is_refused(folder, person, capsys):
    assert main(LABEL) == 0
    with Pool.open("labels.db", [row[1] for row in reviews(80)], ids=ids_of("reviews.csv")) as pool:
        pool.set(project={"data": "reviews.csv", "text": "review", "unheard_of": 1})
    assert main(["status", "labels.db"]) == 1
    assert "labelled by a later skactive; update skactive" in told(capsys)[1]


def test_whoever_has_read_enough_is_no_failure(folder, person, monkeypatch):
    assert main(LABEL) == 0

    def full(*_):
        raise BrokenPipeError

    monkeypatch.setattr("skactive.commands.status.say", full)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # which is put back
    assert main(["status", "labels.db"]) == 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_to(folder, person, capsys):
    folder.chmod(0o500)
    assert main(LABEL) == 1
    assert "cannot be written to" in told(capsys)[1]
    folder.chmod(0o700)


def test_ctrl_c_is_130(folder, monkeypatch, capsys):
    def interrupted(learner, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(annotate, "serve", interrupted, raising=False)
    assert main(LABEL) == 130
    assert "Traceback" not in told(capsys)[1]
    assert main(["status", "labels.db"]) == 0


# Other commands


def test_status_counts_what_the_pool_counts(folder, person, capsys):
    assert main([*LABEL, "--goal", "200"]) == 0
    rows = reviews(80)
    found = status(capsys)
    with Pool.open("labels.db", [row[1] for row in rows], ids=ids_of("reviews.csv")) as pool:
        assert (found["rows"], found["labelled"]) == (80, pool.n_labeled)
        assert found["unlabelled"] == pool.n_unlabeled and found["held_out"] == pool.n_held_out
        labels, counts = np.unique(pool.y_labeled, return_counts=True)
        assert found["classes"] == dict(zip(labels.tolist(), counts.tolist(), strict=True))
    assert main(["status", "labels.db"]) == 0
    out = told(capsys)[0]
    assert "labels.db: 30 labels of 200 wanted, 80 rows in reviews.csv" in out
    assert "ann: 30 answers, 0 skips" in out


def test_next_is_what_a_learner_would_ask_for(folder, person, capsys):
    assert main([*LABEL, "--hold-out", "0"]) == 0
    told(capsys)
    assert main(["next", "labels.db", "-n", "5", "--json"]) == 0
    rows = json.loads(told(capsys)[0])
    from skactive.commands.models import default_model

    with Pool.open("labels.db", [row[1] for row in reviews(80)], ids=ids_of("reviews.csv")) as pool:
        learner = ActiveLearner(default_model("text")[0], "margin", random_state=0).fit(pool)
        idx, texts = learner.query(n_instances=5)
        assert [row["id"] for row in rows] == pool.ids[idx].tolist()
        assert [row["text"] for row in rows] == texts
    assert main(["next", "labels.db", "-n", "5"]) == 0
    assert [line.split("\t")[0] for line in told(capsys)[0].splitlines()] == [
        row["id"] for row in rows
    ]


def test_rows_that_are_reserved_are_given_once(folder, person, capsys):
    assert main(LABEL) == 0
    given = []
    for name in ("ann", "ben"):
        told(capsys)
        assert (
            main(["next", "labels.db", "-n", "5", "--annotator", name, "--reserve", "--json"]) == 0
        )
        given.append({row["id"] for row in json.loads(told(capsys)[0])})
    assert len(given[0] | given[1]) == 10
    assert 0 < status(capsys)["reserved"] <= 10  # the others are there to test on


def test_a_comparison_prints_a_table_and_a_verdict_and_writes_a_picture(folder, capsys):
    pytest.importorskip("matplotlib")
    words = ["compare", "reviews.csv", "--text", "review", "--target", "kind", "--repeats", "2"]
    rows = [[*row, row[1].split()[-2]] for row in reviews(80)]
    write_csv("reviews.csv", ["n", "review", "kind"], rows)
    words += ["--budget", "12", "--batch", "4", "--strategies", "entropy"]
    assert main(words) == 0
    out = told(capsys)[0]
    assert "| entropy |" in out and out.count("No verdict: 2 repeats tell too little") == 1
    assert Path("comparison.png").read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--json", "-o", "curves.png"]) == 0
    found = json.loads(told(capsys)[0])
    assert {row["strategy"] for row in found["strategies"]} == {"random", "margin", "entropy"}
    assert found["picture"] == "curves.png" and Path("curves.png").exists()


def test_a_comparison_is_made_as_it_is_written(folder, capsys, monkeypatch):
    asked = {}

    def compared(model, X, y, strategies, **options):
        asked.update(options, strategies=strategies, n=len(X))
        raise ValueError("enough")

    monkeypatch.setattr("skactive.commands.compare.compare_strategies", compared)
    rows = [[*row, row[1].split()[-2]] for row in reviews(80)]
    write_csv("reviews.csv", ["n", "review", "kind"], rows)
    words = ["compare", "reviews.csv", "--text", "review", "--target", "kind", "--no-picture"]
    assert main([*words, "--seed", "3", "--strategies", "entropy", "--repeats", "2"]) == 1
    names = ("n", "strategies", "random_state", "n_repeats", "budget", "n_instances", "n_initial")
    assert [asked[name] for name in names] == [80, ["entropy"], 3, 2, 30, 1, 2]


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--target", "age"], 1, "'age' has 60 different values, such as '20'; write --numbers"),
        (["--target", "city", "--numbers"], 1, "'city' has 'Rome', which is no number"),
        (["--target", "none"], 1, "has no column 'none'"),
        (["--target", "ill", "-o", "none/x.png"], 1, "its folder is not there"),
        (["--target", "ill", "--strategies", "margn"], 1, "'margn'"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused(folder, capsys, more, code, said):
    pytest.importorskip("matplotlib")
    pytest.importorskip("skrub")
    assert main(["compare", "patients.csv", *more]) == code
    assert said in told(capsys)[1]
    assert not Path("comparison.png").exists()


def test_measured_numbers_are_compared_too(folder, capsys):
    pytest.importorskip("skrub")
    words = ["compare", "patients.csv", "--target", "age", "--numbers", "--ignore", "patient"]
    more = ["--repeats", "1", "--budget", "14", "--batch", "2", "--no-picture", "--json"]
    assert main([*words, *more]) == 0
    found = json.loads(told(capsys)[0])["strategies"]
    assert {row["strategy"] for row in found} == {"random", "k_center"}
    write_csv(
        "reviews.csv", ["n", "review", "stars"], [[*row, measured(row)] for row in reviews(80)]
    )
    words = ["compare", "reviews.csv", "--text", "review", "--target", "stars", "--numbers"]
    assert main([*words, *more]) == 0


# Help, and the process


def test_each_command_has_help_with_examples(capsys):
    for command in COMMANDS:
        assert main([command.name, "--help"]) == 0
        out = told(capsys)[0]
        assert all(f"  {line}" in out for line in command.examples) and len(command.examples) >= 2
    assert main(["--help"]) == 0
    out = told(capsys)[0]
    assert all(command.name in out for command in COMMANDS)


def run(*words, cwd, **more):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", **more
    )


def test_python_m_skactive_is_the_command(tmp_path):
    done = run(sys.executable, "-m", "skactive", "status", "none.db", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "skactive status: none.db is not there; give the record that skactive label made, such as "
        "labels.db.\n"
    )


def test_a_console_that_lacks_letters_is_no_mistake(folder, person, capsys, monkeypatch):
    words = ["--text", "review", "--classes", "positive,negative,grün", "--store", "letters.db"]
    assert main(["label", "reviews.csv", *words]) == 0
    with open("out.txt", "w", encoding="ascii") as narrow:
        monkeypatch.setattr("sys.stdout", narrow)
        assert main(["status", "letters.db"]) == 0 and main(["status", "letters.db", "--json"]) == 0
    said = Path("out.txt").read_text(encoding="ascii")
    assert "gr\\xfcn 0" in said and json.loads(said[said.index("{") :])["classes"]["grün"] == 0


def test_the_entry_point_is_main(monkeypatch, capsys):
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, name = project["scripts"]["skactive"].split(":")
    monkeypatch.setattr(sys, "argv", ["skactive", "--version"])
    assert getattr(import_module(module), name)() == 0
    assert re.fullmatch(r"skactive \d+\.\d+\.\d+\n", told(capsys)[0])


# Other tools


def test_what_is_exported_is_what_was_said(folder, person, capsysbinary):
    assert main([*LABEL, "--id", "n"]) == 0
    capsysbinary.readouterr()
    assert main(["export", "labels.db", "--to", "csv"]) == 0
    printed = capsysbinary.readouterr().out
    assert main(["export", "labels.db", "--to", "csv", "-o", "labels.csv"]) == 0
    assert Path("labels.csv").read_bytes() == printed
    with open("labels.csv", newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    texts = {str(i): text for i, text in reviews(80)}
    assert len(lines) == 30
    for line in lines:
        assert line["label"] == ("positive" if "good" in texts[line["id"]] else "negative")
        assert line["annotator"] == "ann"


def test_an_export_of_all_has_rows_without_an_answer_too(folder, person, capsys):
    assert main([*LABEL, "--id", "n"]) == 0
    assert main(["export", "labels.db", "--to", "jsonl", "--all", "-o", "all.jsonl"]) == 0
    assert "30 answers of labels.db" in told(capsys)[1]
    lines = [json.loads(line) for line in Path("all.jsonl").read_text("utf-8").splitlines()]
    assert {line["id"]: line["data"]["text"] for line in lines} == {
        str(i): text for i, text in reviews(80)
    }


def test_answers_of_a_file_have_the_columns_and_the_name_that_are_written(folder, person, capsys):
    person.n = 0
    assert main([*LABEL, "--id", "n", "--hold-out", "0"]) == 0
    write_csv("answers.csv", ["row", "said"], [["3", "positive"], ["4", "negative"], ["5", ""]])
    told(capsys)
    words = ["import", "labels.db", "answers.csv", "--id", "row", "--label", "said"]
    assert main([*words, "--annotator", "ben", "--json"]) == 0
    assert json.loads(told(capsys)[0]) == {"recorded": 2, "known": 0, "left_out": []}
    assert main([*words, "--annotator", "ben"]) == 0
    assert told(capsys) == (
        "0 rows of answers.csv recorded in labels.db.\n",
        "Recorded already: 2 of 2 answers.\n",
    )
    write_csv("answers.csv", ["row", "said"], [["3", "positive"], ["6", "negative"]])
    assert main([*words, "--annotator", "ben"]) == 0
    assert told(capsys)[1] == "Recorded already: 1 of 2 answers.\n"
    write_csv("answers.csv", ["row", "said"], [["3", ""]])
    assert main([*words, "--annotator", "ben"]) == 0
    assert told(capsys)[1] == "answers.csv has no answer in it: no row has a label there.\n"
    (ben,) = status(capsys)["people"]
    assert (ben["annotator"], ben["answers"]) == ("ben", 3)


def test_a_report_says_what_was_done_and_runs_nothing(folder, person):
    assert main([*LABEL, "--id", "n", "--goal", "200"]) == 0
    rows = reviews(80)
    with Pool.open(
        "labels.db", [row[1] for row in rows], ids=[str(row[0]) for row in rows]
    ) as pool:
        pool.rename_class("negative", "bad")
        pool.undo()
        pool.label(pool.unlabeled[:1], ["positive"], annotator="<b>eve</b>")
        n_tests = len(pool.test_answers().rows)
        assert 0 < n_tests < pool.n_held_out
    assert main(["report", "labels.db", "--title", "<i>all</i>"]) == 0
    page = Path("report.html").read_text("utf-8")
    assert "<b>" not in page and "<i>" not in page
    assert "&lt;b&gt;eve&lt;/b&gt;" in page and "<h1>&lt;i&gt;all&lt;/i&gt;</h1>" in page
    assert re.search(
        r"negative, positive became \S+, \S+ \(undone\)|negative became bad \(undone\)", page
    )
    assert f'Labelled to test on</th><td class="n">{n_tests}</td>' in page
    assert re.search(r"Operations</th><td>\d+, from 20\d\d-", page)
    assert 'Labels in all, of 200 wanted</th><td class="n">31</td>' in page
    # No two labelled the same row, so that nothing tells how often anybody is right.
    assert "Accuracy (estimated)" not in page and "nor of how often anybody is right" in page
    with Pool.open(
        "labels.db",
        [row[1] for row in rows],
        ids=[str(row[0]) for row in rows],
        consensus="majority",
    ) as pool:
        pool.label(pool.labeled[:9], pool.y_labeled[:9], annotator="<b>eve</b>")
    assert main(["report", "labels.db"]) == 0
    page = Path("report.html").read_text("utf-8")
    assert '<th class="n">Agreement</th>' in page and "<th>Name</th>" in page
    assert re.search(r"<td>ann</td>.*<td>\d\.\d\d \[", page)


def test_a_curve_that_falls_without_end_is_cut():
    inf = float("inf")
    picture = curve([3, 9], [-inf, 0.5], [-inf, -7.0], [inf, 0.75], "R²")
    assert "nan" not in picture and "inf" not in picture
    assert ">-1</text>" in picture and ">-0.5</text>" in picture
    assert ">-0.5</text>" not in curve([3, 9], [0.2, 0.5], [0.1, 0.2], [0.5, 0.75], "accuracy")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "label-studio", "prodigy", "doccano"])
def test_what_one_record_exports_another_imports(folder, person, capsys, kind):
    assert main([*LABEL, "--id", "n"]) == 0
    assert main(["export", "labels.db", "--to", kind, "-o", f"out.{kind}"]) == 0
    person.n = 0
    assert main([*LABEL, "--id", "n", "--store", "new.db"]) == 0
    assert main(["import", "new.db", f"out.{kind}", "--annotator", "ann"]) == 0
    told(capsys)
    counts = []
    for store in ("labels.db", "new.db"):
        assert main(["status", store, "--json"]) == 0
        counts.append(json.loads(told(capsys)[0]))
    for name in ("labelled", "held_out", "held_out_labelled", "classes"):
        assert counts[0][name] == counts[1][name]


def test_answers_that_contradict_are_left_out_and_told(folder, person, capsys):
    assert main([*LABEL, "--id", "n"]) == 0
    with Pool.open(
        "labels.db", [row[1] for row in reviews(80)], ids=[str(i) for i in range(80)]
    ) as pool:
        taken, free = pool.ids[pool.labeled[:1]][0], pool.ids[pool.unlabeled[:1]][0]
        label = pool.y_labeled[0]
    other = "negative" if label == "positive" else "positive"
    write_csv("answers.csv", ["id", "label"], [[taken, other], [free, "positive"]])
    told(capsys)
    assert main(["import", "labels.db", "answers.csv", "--annotator", "ben", "--json"]) == 1
    out, err = told(capsys)
    found = json.loads(out)
    assert found["recorded"] == 1 and "1 answer left out; write --relabel" in err
    assert [(each["id"], each["in_pool"], each["in_table"]) for each in found["left_out"]] == [
        (taken, label, other)
    ]
    assert main(["import", "labels.db", "answers.csv", "--annotator", "ben", "--json"]) == 1
    found = json.loads(told(capsys)[0])
    assert (found["recorded"], found["known"], len(found["left_out"])) == (0, 1, 1)
    assert main(["import", "labels.db", "answers.csv", "--annotator", "ben", "--relabel"]) == 0
    assert status(capsys)["labelled"] + status(capsys)["held_out_labelled"] == 31


@pytest.mark.parametrize(
    ("rows", "said"),
    [([["3", "positve"]], "'positve'"), ([["999", "positive"]], "'999'"), ([["3", "x"]], "'x'")],
)
def test_answers_that_are_none_are_refused_and_change_nothing(folder, person, capsys, rows, said):
    person.n = 0
    assert main([*LABEL, "--id", "n"]) == 0
    write_csv("answers.csv", ["id", "label"], [["1", "positive"], *rows])
    told(capsys)
    assert main(["import", "labels.db", "answers.csv"]) == 1
    assert said in told(capsys)[1]
    assert status(capsys)["labelled"] == 0


@pytest.mark.parametrize(
    "line", [line for command in COMMANDS for line in command.examples], ids=lambda line: line[:40]
)
def test_an_example_of_the_help_runs(folder, person, monkeypatch, capsysbinary, line):
    for module in ("matplotlib", "skrub", "PIL"):
        pytest.importorskip(module)
    from PIL import Image

    for colour in ("red", "blue"):
        Path("pictures").mkdir(exist_ok=True)
        for i in range(4):
            Image.new("RGB", (9 + i, 9), colour).save(f"pictures/{colour}{i}.png")
    rows = [[*row, row[1].split()[-2]] for row in reviews(80)]
    write_csv("reviews.csv", ["n", "review", "sentiment"], rows)
    write_csv("answers.csv", ["id", "label"], [])
    Path("token.txt").write_text("secret\n")
    followed = []

    class Studio:
        def __init__(self, learner, url, project=None, *, token, **options):
            followed.append((url, project, token, options["classes"]))

        def follow(self, **options):
            pass

    monkeypatch.setattr(annotate, "LabelStudio", Studio)
    monkeypatch.setattr("skactive.commands.compare.compare_strategies", few_repeats)
    person.says = lambda row: "positive"  # which each example names, or is not asked
    words = shlex.split(line, comments=True)
    if "labels.db" in words:
        assert main(LABEL) == 0
    person.n = 0
    if ">" in words:
        words = words[: words.index(">")]
    assert words[0] == "skactive" and main(words[1:]) == 0
    if "--url" in words:
        ((url, project, token, classes),) = followed
        assert (url, token, classes) == (
            "http://localhost:8080",
            "secret",
            ["cat", "dog"] if "pictures/" in words else ["positive", "negative"],
        )
        assert project == (3 if "--project" in words else None)


def few_repeats(*args, **options):
    """A comparison that takes no time."""
    return compare_strategies(*args, **options | {"n_repeats": 2, "budget": 12, "n_instances": 5})


def test_a_person_labels_on_the_page_that_the_command_serves(folder, capsys):
    for module in ("starlette", "uvicorn", "cloudpickle", "httpx"):
        pytest.importorskip(module)
    with Served(*LABEL[1:], cwd=folder) as page:
        seen = label(
            page.link, 12, lambda card: "positive" if "good" in card["text"] else "negative"
        )
    assert len({card["id"] for card in seen}) == 12
    assert page.process.returncode == 0 and "Traceback" not in "".join(page.said)
    texts = dict(zip(ids_of("reviews.csv"), [row[1] for row in reviews(80)], strict=True))
    assert all(texts[card["id"]] == card["text"] for card in seen)
    found = status(capsys)
    assert found["labelled"] + found["held_out_labelled"] == 12
    assert main(["export", "labels.db", "-o", "labels.csv"]) == 0
    with open("labels.csv", newline="", encoding="utf-8-sig") as file:
        for line in csv.DictReader(file):
            assert line["label"] == ("positive" if "good" in texts[line["id"]] else "negative")
