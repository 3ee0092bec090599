"""Answers in files of other tools: written, read, and come back as they were."""

import csv
import io
import json
import tempfile
import tracemalloc
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skactive import Pool
from skactive.annotate import formats, reading
from skactive.annotate.label_studio_tasks import label_config, last_of_each
from skactive.annotate.opinions import Form
from skactive.annotate.reading import objects_in
from skactive.pool.standing import opinions_table

EXPORTED = Path(__file__).parent / "label_studio"  # by Label Studio 1.23.2
TOOLS = ["csv", "jsonl", "label-studio", "prodigy", "doccano"]
WHAT = ("row", "annotator", "label", "comment", "kind", "seconds")


def said(pool):
    """All that stands of a pool, but for the time at which it was recorded."""
    table = pool.ledger.read(opinions_table)
    return [
        tuple(None if cell != cell else cell for cell in line)
        for line in zip(*(table[name].tolist() for name in WHAT), strict=True)
    ]


def texts(**options):
    X = ["a", "=b", 'c, "d"\r\n e', " f ", "'=g", "", "ü😀"]
    ids = ["x1", "=x2", "3", " 4", "e5", "-f", "@g"]
    return Pool(X, ids=ids, consensus="majority", **options)


def one_label():
    pool = texts(classes=["p", "q", "=r"])
    pool.label([0, 1], ["p", "=r"], annotator="ann", seconds=[1.5, 2], comment=["=x", "é😀"])
    pool.label([0, 2], ["q", None], annotator="ben", comment="' hm\nso")
    pool.label([3, 4], ["q", None], annotator="-1", seconds=0)
    pool.decide([0, 4], ["p", "p"], annotator="ann")
    pool.label(6, "q")
    return pool, lambda: texts(classes=["p", "q", "=r"])


def several_labels():
    names = {"multilabel": True, "classes": ["cat", "dog", "emu"]}
    pool = texts(**names)
    pool.label([0, 1, 2, 3], [{"cat"}, {"cat", "emu"}, set(), None], annotator="ann@x.org")
    pool.label([0, 3], [{"dog"}, set()], annotator="ben", comment="+1")
    return pool, lambda: texts(**names)


def numbers():
    pool = texts(missing_label=None)
    pool.label([0, 1, 2], [1.5, -2.0, 1e-17], annotator="ann", seconds=3)
    pool.label([0, 4], [0.0, None], annotator="ben", comment="no scale")
    return pool, lambda: texts(missing_label=None)


def integers():
    def make():
        return Pool(np.arange(6.0).reshape(-1, 2), consensus="majority", classes=[0, 3, 7])

    pool = make()
    pool.label([0, 1, 2], [3, 0, -1], annotator="ann")
    pool.label([0], [7], annotator="ben", comment="@home")
    return pool, make


POOLS = [one_label, several_labels, numbers, integers]


@pytest.mark.parametrize("to", TOOLS)
@pytest.mark.parametrize("make", POOLS)
def test_what_is_written_comes_back_as_it_was(make, to, tmp_path):
    pool, anew = make()
    n = formats.write(pool, tmp_path / "answers", to, X=pool.X)
    other = anew()
    left = formats.take_in(other, formats.read(tmp_path / "answers"))
    assert (n, len(left)) == (len(said(pool)), 0)
    assert said(other) == said(pool)
    np.testing.assert_array_equal(other.y, pool.y)
    assert other.y.dtype == pool.y.dtype


@pytest.mark.parametrize("to", TOOLS)
def test_texts_of_rows_come_back_as_they_were(to, tmp_path):
    pool, _ = one_label()
    formats.write(pool, tmp_path / "answers", to, X=pool.X, unlabeled=True)
    table = formats.read(tmp_path / "answers")
    found = dict(zip(table["id"], table["text"], strict=True))
    assert [found[name] for name in pool.ids] == list(pool.X)


@given(st.lists(st.text(max_size=8).filter(str.strip), min_size=1, max_size=5, unique=True))
def test_any_text_is_guarded_in_csv_and_comes_back(words):
    words = [word for word in words if word.isprintable()] or ["a"]
    pool = Pool(words, ids=[str(n) for n in range(len(words))])
    pool.label(range(len(words)), ["p"] * len(words), annotator="ann", comment=words)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.csv"
        formats.write(pool, path, "csv", X=words)
        table = formats.read(path)
        raw = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    assert table["text"] == table["comment"] == words
    assert not any(cell[:1] in set("=+-@") for line in raw for cell in line)


def test_columns_of_a_frame_stand_beside_the_answers(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"label": ["u", "v"], "age": [3, None], "shown": [True, False]})
    pool = Pool(np.zeros((2, 1)), ids=["a", "b"])
    pool.label([0, 1], ["x", "y"], annotator="ann")
    formats.write(pool, tmp_path / "a.jsonl", "jsonl", X=frame)
    table = formats.read(tmp_path / "a.jsonl")
    assert (table["X_label"], table["age"], table["shown"]) == (
        ["u", "v"],
        [3, None],
        [True, False],
    )
    formats.write(pool, tmp_path / "a.json", "label-studio", X=frame)
    (task, _) = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert task["data"]["shown"] == "label: u\nage: 3.0\nshown: True"
    assert formats.read(tmp_path / "a.json")["X_shown"] == [True, False]


@pytest.mark.parametrize("to", TOOLS)
def test_no_column_of_a_frame_is_lost_to_another_of_its_name(to, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"label": ["u"], "X_label": ["v"], "row": ["w"], "X_row": ["x"]})
    pool = Pool(np.zeros((1, 1)), ids=["a"])
    pool.label([0], ["p"], annotator="ann")
    formats.write(pool, tmp_path / "a", to, X=frame)
    table = formats.read(tmp_path / "a")
    assert table["id"] == ["a"] and table["label"] == ["p"]
    values = [cells[0] for name, cells in table.items() if name[:2] == "X_" or name == "row"]
    assert sorted(values) == ["u", "v", "w", "x"]


def test_paths_of_images_are_images(tmp_path):
    pool = Pool(["img/a.png", "img/b.JPG"])
    pool.label([0], ["cat"])
    formats.write(pool, tmp_path / "a.json", "label-studio", X=pool.X, unlabeled=True)
    data = [each["data"] for each in json.loads((tmp_path / "a.json").read_text())]
    assert data == [{"image": "img/a.png", "row": 0}, {"image": "img/b.JPG", "row": 1}]
    assert formats.read(tmp_path / "a.json")["image"] == ["img/a.png", "img/b.JPG"]


def test_the_label_that_stands_is_beside_each_opinion(tmp_path):
    pool, _ = one_label()
    formats.write(pool, tmp_path / "a.jsonl", "jsonl")
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert [(line["id"], line["label"], line.get("stands")) for line in lines] == [
        ("x1", "p", "p"), ("x1", "q", "p"), ("x1", "p", "p"), ("=x2", "=r", "=r"),
        ("3", None, None), (" 4", "q", "q"), ("e5", None, "p"), ("e5", "p", "p"), ("@g", "q", "q"),
    ]  # fmt: skip


# Label Studio's own files


@pytest.mark.parametrize("form", ["json", "min.json", "csv"])
def test_single_choices_of_two_people(form):
    table = formats.read(EXPORTED / f"single.{form}", people={1: "ann", 2: "ben"})
    found = [
        (str(row), who, label)
        for row, who, label in zip(table["id"], table["annotator"], table["label"], strict=True)
        if label not in (None, -1)
    ]
    assert sorted(found) == [
        ("0", "ann", "World"), ("1", "ann", "Sci/Tech"), ("3", "ann", "Sports"),
        ("3", "ben", "Business"), ("5", "ben", "World"),
    ]  # fmt: skip
    assert 'a "quoted", comma\nand newline' in table["text"]
    skips = [
        (1 * row) for row, label in zip(table["id"], table["label"], strict=True) if label == -1
    ]
    assert skips == ([2, 5] if form == "json" else [])


def test_tasks_that_nobody_has_looked_at_are_rows_without_a_label():
    table = formats.read(EXPORTED / "single.all.json")
    assert table["id"] == [0, 1, 2, 3, 3, 4, 5, 5, 6, 7]
    assert [row for row, kind in zip(table["id"], table["kind"], strict=True) if kind is None] == [
        4, 6,
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "min.json", "csv"])
def test_several_choices_one_of_them_and_none(form):
    table = formats.read(EXPORTED / f"multiple.{form}")
    assert table["label"] == [("World", "Sci/Tech"), ("Sports",), ()]
    pool = Pool(["t0", "t1", "t2"], ids=[str(n) for n in table["id"]], multilabel=True,
                classes=["Sci/Tech", "Sports", "World"])  # fmt: skip
    formats.take_in(pool, table)
    assert pool.y.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("form", ["json", "min.json", "csv"])
def test_numbers_and_remarks(form):
    path = EXPORTED / f"numbers.{form}"
    table = formats.read(path, label="price")
    assert table["label"] == [12.5, None, 0]
    assert table["comment"] == ["3.5", "one\ntwo", None]
    assert formats.read(path, label="stars")["label"] == [4, None, None]
    with pytest.raises(ValueError, match="label='"):
        formats.read(path)


@pytest.mark.parametrize("form", ["json", "min.json", "csv"])
def test_images(form):
    table = formats.read(EXPORTED / f"image.{form}")
    assert table["label"] == ["cat", "c"]
    assert table["image"] == ["https://example.org/a.png", "/data/local-files/?d=img/b.png"]


@pytest.mark.parametrize("form", ["json", "min.json", "csv"])
def test_a_task_without_the_id_of_a_row_is_not_taken_for_another_row(form):
    table = formats.read(EXPORTED / f"imported.{form}")
    pool = Pool([f"t{n}" for n in range(8)])
    with pytest.raises(ValueError, match="no 'id'"):
        formats.take_in(pool, table, new_labels=True)
    table = formats.read(EXPORTED / f"imported.{form}", on="text")
    assert table["id"][-1] == "annotator by email"


def test_the_last_annotation_of_a_person_counts(tmp_path):
    tasks = json.loads((EXPORTED / "single.json").read_text(encoding="utf-8"))
    first = tasks[0]["annotations"][0]
    again = json.loads(json.dumps(first)) | {"id": 900, "updated_at": "2026-11-30T00:00:00.000000Z"}
    again["result"][0]["value"]["choices"] = ["Business"]
    tasks[0]["annotations"] = [again, first]  # in no order
    (tmp_path / "a.json").write_text(json.dumps(tasks), encoding="utf-8")
    assert formats.read(tmp_path / "a.json")["label"][0] == "Business"
    lines = json.loads((EXPORTED / "single.min.json").read_text(encoding="utf-8"))
    new = {"label": "Business", "annotation_id": 900, "updated_at": again["updated_at"]}
    (tmp_path / "min.json").write_text(json.dumps([lines[0] | new, *lines]), encoding="utf-8")
    table = formats.read(tmp_path / "min.json")
    assert (table["id"].count(0), table["label"][table["id"].index(0)]) == (1, "Business")


def test_a_ground_truth_of_label_studio_is_an_opinion_like_others(tmp_path):
    tasks = json.loads((EXPORTED / "single.json").read_text(encoding="utf-8"))
    tasks[0]["annotations"][0]["ground_truth"] = True
    (tmp_path / "a.json").write_text(json.dumps(tasks), encoding="utf-8")
    assert set(formats.read(tmp_path / "a.json")["kind"]) == {"opinion", "cannot tell"}


# Other tools' own


def test_prodigy_of_others(tmp_path):
    lines = [
        {"text": "a", "id": 0, "accept": ["p"], "answer": "accept", "_session_id": "db-ann"},
        {"text": "b", "id": 1, "accept": [], "answer": "ignore", "_session_id": "db-ann"},
        {"text": "c", "id": 2, "label": "q", "answer": "accept"},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    table = formats.read(path, skip=None)
    assert (table["label"], table["annotator"]) == (["p", None, "q"], ["db-ann", "db-ann", None])
    lines[2]["answer"] = "reject"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with pytest.raises(ValueError, match="object 3 says that it is not 'q'"):
        formats.read(path)


def test_who_could_not_tell_has_rejected_nothing_in_prodigy():
    pool, file = Pool(["a", "b"], classes=["p", "q"]), io.BytesIO()
    pool.label([0, 1], [None, "p"], annotator="ann")
    formats.write(pool, file, "prodigy", X=pool.X)
    tasks = [json.loads(line) for line in file.getvalue().splitlines()]
    said = [(each["answer"], each["accept"]) for each in tasks]
    assert said == [("ignore", []), ("accept", ["p"])]


def test_doccano_of_others(tmp_path):
    path = tmp_path / "admin.jsonl"
    path.write_text(
        '{"id": 7, "text": "a", "label": ["p", "q"], "row": "x1", "Comments": ["so", "so"]}\n'
        '{"id": 8, "text": "b", "label": [], "row": "=x2", "Comments": []}\n',
        encoding="utf-8",
    )
    table = formats.read(path, annotator="admin")
    assert table["id"] == ["x1", "=x2"]
    assert table["label"] == [("p", "q"), None]
    assert (table["annotator"], table["comment"]) == (["admin"] * 2, ["so\nso", None])
    path.write_text('{"id": 7, "text": "a", "label": [[0, 1, "PER"]]}', encoding="utf-8")
    with pytest.raises(ValueError, match="labels of parts of the text"):
        formats.read(path)


def test_a_csv_file_of_anybody(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("name;fein\nx1;p\n3;\n".encode("cp1252"))
    table = formats.read(path, on="name", label="fein", annotator="ann")
    assert (table["id"], table["label"]) == (["x1", "3"], ["p", None])
    pool = texts(classes=["p", "q"])
    formats.take_in(pool, table)
    assert said(pool) == [(0, "ann", "p", None, "opinion", None)]
    with pytest.raises(ValueError, match="its columns are 'name', 'fein'; write on="):
        formats.read(path)


@pytest.mark.parametrize("ids", [["a", "b"], None])
@pytest.mark.parametrize(
    ("kind", "name", "label", "says"),
    [
        ("final", 1, "zebra", "'zebra' is no class"),
        ("final", 7, "p", "7"),
        ("cannot tell", "x", None, "take_in got"),
        ("cannot tell", 7, None, "take_in got"),
    ],
)
def test_what_cannot_be_taken_in_leaves_the_pool_as_it_was(ids, kind, name, label, says):
    pool = Pool(["u", "v"], ids=ids, classes=["p", "q"], consensus="majority", missing_label=None)
    table = {"id": [0 if ids is None else "a", name], "label": ["p", label]}
    table |= {"annotator": ["ann", "ann"], "kind": ["opinion", kind]}
    if ids is not None and name == 1:
        table["id"][1] = "b"
    n = pool.n_operations
    with pytest.raises(ValueError, match=says):
        formats.take_in(pool, table | {"comment": [None, None], "seconds": [None, None]})
    assert pool.n_operations == n


@pytest.mark.parametrize("ids", [["a", "b"], None])
@pytest.mark.parametrize("several", ["auto", True])
def test_a_decision_that_contradicts_a_later_one_is_left_out_and_told(ids, several, tmp_path):
    p, q = ({"p", "q"}, {"q"}) if several is True else ("p", "q")
    how = {"multilabel": several, "classes": ["p", "q"], "consensus": "majority"}
    pool = Pool(["u", "v"], ids=ids, **how)
    pool.label([0], [q], annotator="ann")
    pool.decide([0], [p], annotator="eve")
    formats.write(pool, tmp_path / "a.jsonl", "jsonl")
    table, n = formats.read(tmp_path / "a.jsonl"), pool.n_operations
    assert len(formats.take_in(pool, table)["id"]) == 0 and pool.n_operations == n
    pool.decide([0], [q], annotator="zoe")
    y = np.array(pool.y[0]).tolist()
    left = formats.take_in(pool, table)
    told = [list(left[name]) for name in ("id", "in_pool", "by", "in_table", "line")]
    assert told == [["a" if ids else 0], ["q"], ["zoe"], ["p; q" if several is True else "p"], [2]]
    assert np.array(pool.y[0]).tolist() == y
    assert len(formats.take_in(pool, table, relabel=True)["id"]) == 0
    assert np.array(pool.y[0]).tolist() != y


def test_json_is_json_behind_a_mark_and_blank_lines(tmp_path):
    path = tmp_path / "answers.txt"
    path.write_bytes(b'\xef\xbb\xbf\r\n\t [{"id": 1, "label": "a"}]\n')
    assert formats.read(path)["label"] == ["a"]


def test_what_stands_far_behind_a_list_is_seen_too(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_CHUNK", 8)  # of which the first object takes four
    path = tmp_path / "a.json"
    path.write_text('[{"id": 1, "label": "a"}]' + 9 * " " + "x")
    with pytest.raises(ValueError, match="stands behind the list"):
        formats.read(path)


def test_of_answers_at_one_moment_that_of_the_higher_number_counts(tmp_path):
    path = tmp_path / "a.json"
    common = {"id": 1, "annotator": 3, "updated_at": "2026-01-01T00:00:00Z"}
    lines = [{"annotation_id": n, "label": name} for n, name in ((9, "a"), (10, "b"), (8, "c"))]
    path.write_text(json.dumps([common | line for line in lines]))
    assert formats.read(path)["label"] == ["b"]
    tasks = [{"id": n, "completed_by": 3} for n in (9, 10, 8)]
    assert last_of_each(tasks) == [tasks[1]]


def test_rows_that_lack_a_column_have_nothing_there(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [
        {"id": 1, "label": "a", "x": 5},
        {"id": 2, "label": "b"},
        {"id": 3, "label": "b", "y": 6},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    table = formats.read(path)
    assert (table["x"], table["y"]) == ([5, None, None], [None, None, 6])


def test_infinity_is_text_in_json(tmp_path):
    def refuse(name):
        raise AssertionError(name)

    file = io.BytesIO()
    pool = Pool(np.array([[np.inf, 1.5], [np.nan, -np.inf]]), ["a", "b"])
    formats.write(pool, file, "jsonl", X=pool.X)
    lines = [json.loads(line, parse_constant=refuse) for line in file.getvalue().splitlines()]
    data = [dict(line["data"]) for line in lines]
    assert [[*each.values()] for each in data] == [["inf", 1.5], [None, "-inf"]]


# What is no such file


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"id": 1, "label": "a"}', "list has no end after 1 objects"),
        ('[{"id": 1, "label": "a"}] x', "stands behind the list"),
        ('{"id": 1, "label": "a"}\n{"id": ', "object 2 cannot be read"),
        ('[{"id": 1, "label": "a"} {"id": 2}]x', "stands behind the list"),
        ("[" * 100_000, "object 1 cannot be read"),
        ('{"id": ' + "9" * 5000 + "}", "object 1 cannot be read"),
        ("[1, 2]", "object 1 is '1'"),
        ('{"id": 1, "label": "\\ud800"}', "half a character"),
        ('{"id": 1, "label": "a", "annotator": "\\ud800"}', "half a character"),
        ('{"id": 1, "label": {"a": 1}}', "has the label"),
        ('{"id": [1], "label": "a"}', r"has the id \[1\]"),
        ('{"id": 1, "label": "a", "comment": 3}', "has the comment 3"),
        ('{"id": 1, "label": "a", "annotator": ["ann"]}', r"the annotator \['ann'\]; give a name"),
        ('{"id": 1, "label": "a", "kind": ["b"]}', r"has the kind \['b'\]; give text"),
    ],
)
def test_what_is_damaged_or_no_answer_is_told_with_its_place(text, says, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=says) as told:
        formats.read(path, "jsonl")
    assert str(path) in str(told.value)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("single.json", {"label": "sentimant"}, "has no 'sentimant'; write label= for one of 'l"),
        ("a.jsonl", {"label": "sentimant"}, "write label= for one of 'id', 'label'"),
        ("b.jsonl", {"label": "sentimant"}, "write label= for one of 'id', 'label'"),
        ("c.jsonl", {"label": "sentimant"}, "Prodigy has its own label; leave label= out"),
        ("d.csv", {"comment": "remark"}, "0 columns 'remark'.*write comment="),
        ("d.csv", {"label": "sentimant"}, "0 columns 'sentimant'.*write label="),
        ("e.csv", {}, "two columns 'annotator'; rename one"),
    ],
)
def test_what_nothing_in_a_file_is_called_and_what_is_there_twice_is_refused(
    name, given, says, tmp_path
):
    for at, text in {
        "a.jsonl": '{"id": 1, "label": "a"}',
        "b.jsonl": '{"id": 1, "label": ["a"]}',
        "c.jsonl": '{"id": 1, "accept": ["a"], "answer": "accept"}',
        "d.csv": "id,label\n1,a\n",
        "e.csv": "id,label,annotator,annotator\n1,a,ann,ben\n",
    }.items():
        (tmp_path / at).write_text(text, encoding="utf-8")
    folder = tmp_path if (tmp_path / name).exists() else EXPORTED
    with pytest.raises(ValueError, match=says):
        formats.read(folder / name, **given)


def test_people_are_named_once(tmp_path):
    people = {1: "2", 2: "1"}  # of whom each is called as the other is numbered
    (tmp_path / "a.json").write_text(
        json.dumps([{"id": 7, "data": {}, "annotations": [{"completed_by": 1, "result": []}]}]),
        encoding="utf-8",
    )
    assert formats.read(tmp_path / "a.json", people=people)["annotator"] == ["2"]


def test_what_is_no_utf_8_is_told(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"id": 1, "label": "\xff"}')
    with pytest.raises(ValueError, match="no UTF-8"):
        formats.read(tmp_path / "a.json")


def test_unknown_tools_are_refused(tmp_path):
    pool, _ = one_label()
    with pytest.raises(ValueError, match="write 'label-studio'"):
        formats.write(pool, tmp_path / "a", "labelstudio")
    (tmp_path / "a").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="write 'doccano', or nothing"):
        formats.read(tmp_path / "a", "docano")
    with pytest.raises(ValueError, match="leave kind= out"):
        formats.read(tmp_path / "a", "csv")
    with pytest.raises(ValueError, match="X has 1 rows, and the pool 7"):
        formats.write(pool, tmp_path / "b", "csv", X=["a"])
    assert not (tmp_path / "b").exists()


def test_half_a_character_in_a_row_is_kept_in_json_and_refused_in_csv(tmp_path):
    pool = Pool(["a\ud800"], ["p"])
    formats.write(pool, tmp_path / "a.jsonl", "jsonl", X=pool.X)
    assert formats.read(tmp_path / "a.jsonl")["text"] == ["a\ud800"]
    with pytest.raises(ValueError, match="half a character"):
        formats.write(pool, tmp_path / "a.csv", "csv", X=pool.X)
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    "to", ["label-studio", *(pytest.param(to, marks=pytest.mark.slow) for to in TOOLS[:2])]
)
def test_writing_takes_little_memory_whatever_the_rows_look_like(to, tmp_path):
    n = 2_000
    pool = Pool(np.zeros(n), ids=np.arange(n))
    pool.label(range(n), ["p", "q"] * (n // 2), annotator="ann")
    X = ["word " * 1_000] * n  # 10 MB as written
    with (tmp_path / "a").open("wb") as file:
        tracemalloc.start()
        formats.write(pool, file, to, X=X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8e6 < 10e6 < (tmp_path / "a").stat().st_size  # a few hundred rows at a time


def test_objects_are_read_one_by_one(tmp_path):
    task = {"data": {"text": "word " * 100, "row": 0}, "annotations": []}
    (tmp_path / "a.json").write_text(json.dumps([task] * 16_000), encoding="utf-8")
    tracemalloc.start()
    n = sum(1 for _ in objects_in(tmp_path / "a.json"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 16_000
    assert peak < 8e6 < (tmp_path / "a.json").stat().st_size


def test_the_interface_names_all_classes_and_escapes_them():
    classes = ['a "b" & <c>', "ü", "3"]
    tree = ElementTree.fromstring(label_config(Form("several", classes)))
    (choices,) = tree.iter("Choices")
    assert choices.get("choice") == "multiple"
    assert [each.get("value") for each in tree.iter("Choice")] == classes
