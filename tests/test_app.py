"""The page's routes: what they answer, what they refuse, and that nothing makes them fall over."""

import asyncio
import json
import random
import time
import wave
from types import SimpleNamespace
from urllib.parse import quote

import numpy as np
import pytest
from annotate_stand_ins import OWN, PORT, client, page
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skactive.annotate.app import MOST_FILES, make_app
from skactive.annotate.items import Items
from skactive.annotate.protocol import MAX_BODY, MOST_OPS
from skactive.annotate.refused import Refused

for _package in ("starlette", "httpx"):
    pytest.importorskip(_package)

OP = {
    "op": "1",
    "kind": "answer",
    "row": 0,
    "label": "a",
    "comment": None,
    "ms": 5,
    "guessed": False,
}
BODY = {"tab": "t", "ops": [OP], "have": [1], "want": 2, "leaving": True}


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """A page over three texts, with a desk that only writes down, and a browser that is Ann."""
    app, desk, pool, access = page(
        tmp_path_factory.mktemp("page"), ("one", "<script>", "x" * 30_000)
    )
    browser = client(app, access, raise_server_exceptions=False)
    return SimpleNamespace(app=app, desk=desk, pool=pool, access=access, browser=browser)


def posted(door, body, **options):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return door.browser.post("/api/answer", content=content, **options)


# Routes


def test_the_page_and_its_files_are_there_and_no_other(door):
    get = door.browser.get
    assert get("/").headers["content-type"] == "text/html; charset=utf-8"
    assert "<!doctype html>" in get("/").text
    for name, media in (("page.js", "text/javascript"), ("page.css", "text/css")):
        answer = get(f"/page/{name}")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(media)
    assert "unsafe" not in get("/").headers["content-security-policy"]
    assert "<script>" not in get("/").text and "style=" not in get("/").text


def test_an_answer_reaches_the_desk_with_all_its_parts_and_who_gave_it(door):
    door.desk.asked.clear()
    assert posted(door, BODY).json() == {"acknowledged": ["1"]}
    assert posted(door, {"tab": "t", "ops": [{"op": "2", "kind": "undo"}]}).status_code == 200
    undo = {"op": "2", "kind": "undo", "row": None, "label": None, "comment": None, "ms": None}
    assert door.desk.asked == [
        ("ann", BODY),
        (
            "ann",
            {
                "tab": "t",
                "ops": [undo | {"guessed": False}],
                "have": [],
                "want": 1,
                "leaving": False,
            },
        ),
    ]


@pytest.mark.parametrize("label", ["a", "", ["a", "b"], [], 3, -2.5, None])
def test_a_label_is_a_name_several_a_number_or_none(door, label):
    door.desk.asked.clear()
    assert posted(door, BODY | {"ops": [OP | {"label": label}]}).status_code == 200
    assert door.desk.asked[0][1]["ops"][0]["label"] == label


BAD_OPS = {
    "half a character in a comment": {"comment": "\ud800"},
    "half a character in a label": {"label": "a\udfff"},
    "half a character in a list": {"label": ["a", "\ud83d"]},
    "half a character in an id": {"op": "\ud800"},
    "ms of 2**70": {"ms": 2.0**70},
    "negative ms": {"ms": -1},
    "ms as text": {"ms": "5"},
    "ms as true": {"ms": True},
    "a row as text": {"row": "0"},
    "a row as true": {"row": True},
    "a row of half": {"row": 0.5},
    "a negative row": {"row": -1},
    "no row": {"row": None},
    "a kind of its own": {"kind": "delete"},
    "a kind that is a list": {"kind": ["answer"]},
    "no kind": {"kind": None},
    "no id": {"op": ""},
    "a long id": {"op": "x" * 1001},
    "a label that is true": {"label": True},
    "a label that is an object": {"label": {}},
    "a label of lists": {"label": [[]]},
    "a label of numbers": {"label": [1]},
    "a long label": {"label": "x" * 1001},
    "a comment that is a number": {"comment": 1},
    "a long comment": {"comment": "x" * 10_001},
    "guessed as a number": {"guessed": 1},
    "what no operation has": {"annotator": "ben"},
}


@pytest.mark.parametrize("change", BAD_OPS.values(), ids=BAD_OPS)
def test_an_operation_that_is_none_is_refused_in_a_sentence(door, change):
    door.desk.asked.clear()
    answer = posted(door, BODY | {"ops": [OP, OP | change]})
    assert answer.status_code == 400 and door.desk.asked == []
    assert answer.json()["why"].startswith("ops[1]") and answer.json()["why"].endswith(".")


BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "text": b'"x"',
    "no tab": b'{"ops": []}',
    "no ops": b'{"tab": "t"}',
    "ops as an object": b'{"tab": "t", "ops": {}}',
    "an op that is a number": b'{"tab": "t", "ops": [1]}',
    "too many ops": json.dumps(BODY | {"ops": [OP] * (MOST_OPS + 1)}).encode(),
    "have of text": b'{"tab": "t", "ops": [], "have": ["1"]}',
    "have without end": b'{"tab": "t", "ops": [], "have": [' + b"1, " * 500 + b"1]}",
    "want as text": b'{"tab": "t", "ops": [], "want": "1"}',
    "leaving as a number": b'{"tab": "t", "ops": [], "leaving": 1}',
    "want of a half": b'{"tab": "t", "ops": [], "want": 0.5}',
    "want of more than 50": b'{"tab": "t", "ops": [], "want": 51}',
    "what no request has": b'{"tab": "t", "ops": [], "sudo": true}',
    "ms of 2**70": json.dumps(BODY | {"ops": [OP | {"ms": 2**70}]}).encode(),
    "a number of 5,000 digits": b'{"tab": "t", "ops": [], "want": ' + b"1" * 5000 + b"}",
    "a fraction of 5,000 digits": b'{"tab": "t", "ops": [], "want": 0.' + b"1" * 5000 + b"}",
    "infinity": b'{"tab": "t", "ops": [], "want": Infinity}',
    "NaN": b'{"tab": "t", "ops": [], "want": NaN}',
    "1e999": b'{"tab": "t", "ops": [], "want": 1e999}',
    "nested without end": b"[" * 100_000,
    "nested objects": b'{"a":' * 50_000,
    "bytes that are no text": b'{"tab": "\xff", "ops": []}',
    "UTF-16": json.dumps(BODY).encode("utf-16"),
    "a mark before it": json.dumps(BODY).encode("utf-8-sig"),
    "half a character": b'{"tab": "\\ud800", "ops": []}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_request_that_is_none_is_refused_in_a_sentence(door, body):
    door.desk.asked.clear()
    answer = posted(door, body)
    assert answer.status_code == 400 and door.desk.asked == []
    assert len(answer.json()["why"]) < 300 and answer.json()["why"].endswith(".")


def test_more_than_a_megabyte_is_refused(door):
    fits = json.dumps(BODY).encode()
    assert posted(door, fits + b" " * (MAX_BODY - len(fits))).status_code == 200
    answer = posted(door, fits + b" " * (MAX_BODY - len(fits) + 1))
    assert answer.status_code == 413 and "send less at once" in answer.json()["why"]


def test_methods_that_routes_lack_are_told(door):
    answer = door.browser.options("/api/answer")
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"
    assert door.browser.get("/api/answer").status_code == 405
    for method in ("PUT", "DELETE", "TRACE", "PROPFIND"):
        assert door.browser.request(method, "/api/setup").status_code == 405
    answer = door.browser.head("/export.csv")
    assert answer.status_code == 200 and answer.content == b""


@pytest.mark.parametrize(
    "path",
    [
        *("/api/guess/-1", "/api/guess/1.5", "/api/guess/x", "/api/guess/" + "9" * 5000),
        *("/item/-1", "/item/0x1", "/item/٣", "/item/" + "9" * 5000, "/api/rows?before=-1"),
        *("/api/rows?only=secrets", "/api/rows?before=" + "9" * 5000, "/api/rows?order=1"),
    ],
)
def test_an_address_that_says_nothing_is_refused_in_a_sentence(door, path):
    answer = door.browser.get(path)
    assert answer.status_code == 400
    assert answer.json()["why"].endswith(".") and len(answer.json()["why"]) < 200


def test_what_the_desk_refuses_and_what_the_file_does_reach_the_page_as_sentences(
    door, monkeypatch
):
    def refusing(*_):
        raise Refused(403, "two people are asked about this row.")

    monkeypatch.setattr(door.desk, "guess", refusing)
    answer = door.browser.get("/api/guess/0")
    # A status of its own would be an error in the browser's console.
    assert answer.status_code == 200
    assert answer.json() == {"why": "two people are asked about this row."}

    def locked(*_):
        raise OSError("'labels.db' is locked by another process.")

    monkeypatch.setattr(door.desk, "answer", locked)
    answer = posted(door, BODY)
    assert answer.status_code == 503 and "is locked by another process" in answer.json()["why"]
    monkeypatch.setattr(door.desk, "setup", lambda annotator: 1 / 0)
    answer = door.browser.get("/api/setup")
    assert answer.status_code == 500 and "Error" not in answer.text
    assert "which the terminal shows" in answer.json()["why"]


def test_what_json_does_not_have_is_told_as_it_can_be(door, monkeypatch):
    told = {"text": "half \ud800", "share": float("nan"), "n": 3}
    monkeypatch.setattr(door.desk, "setup", lambda annotator: told)
    answer = door.browser.get("/api/setup")
    assert answer.status_code == 200
    assert answer.json() == {"text": "half \ud800", "share": None, "n": 3}


# Rows


def test_a_script_in_a_row_stays_text(door):
    answer = door.browser.get("/item/1")
    assert answer.text == "<script>"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(door.browser.get("/item/2").text) == 30_000


def test_an_export_is_a_file_to_keep_and_no_page(door):
    for path in ("/export.csv", "/export/label-studio.json"):
        headers = door.browser.get(path).headers
        assert headers["content-disposition"].startswith('attachment; filename="export')
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert headers["cache-control"] == "no-store"


def test_a_script_in_the_name_of_a_host_stays_text(door):
    answer = door.browser.get("/", headers={"host": "<script>alert(1)</script>"})
    assert answer.status_code == 400 and "none of its names" in answer.text
    assert "<script" not in answer.text and "&lt;script&gt;" in answer.text


TRAVERSALS = (
    *(
        "/page/../access.py",
        "/page/..%2faccess.py",
        "/page/%2e%2e/access.py",
        "/page/....//access.py",
    ),
    *("/page/..\\access.py", "/page/..%5caccess.py", "/page//etc/passwd", "/page/%2fetc%2fpasswd"),
    *(
        "/page/index.html%00.js",
        "/page/.",
        "/item/../../etc/passwd",
        "/item/..%2f..%2fetc%2fpasswd",
    ),
    *("/item/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/item/0/../../etc/passwd", "/export/../labels.db"),
    *("/export.db", "/export/labels.db.token", "/page/page.js/../../access.py"),
)


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_way_leads_out_of_the_page(door, path):
    answer = door.browser.get(path)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text and "import" not in answer.text
    assert list(answer.json()) == ["why"]


def test_a_picture_is_asked_for_again_only_where_it_may_be_another(tmp_path):
    pytest.importorskip("PIL")
    X = np.random.default_rng(0).integers(0, 256, (2, 9, 9), dtype=np.uint8)
    app, _, _, access = page(tmp_path, X)
    browser = client(app, access)
    first = browser.get("/item/0")
    assert first.headers["content-type"] == "image/png"
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    again = browser.get("/item/0", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    for path in ("/item/1", "/item/0?full=1"):
        assert browser.get(path, headers={"if-none-match": tag}).status_code == 200
    # After a restart other rows may be there.
    other = make_app(
        *(getattr(app.routes[0].endpoint.__self__, n) for n in ("desk", "views", "access"))
    )
    assert client(other, access).get("/item/0", headers={"if-none-match": tag}).status_code == 200


def test_few_files_are_made_at_once_and_clicks_do_not_wait_for_them(tmp_path, monkeypatch):
    app, _, _, access = page(tmp_path)
    cookie = access.cookie_for("ann", is_secure=False).split(";")[0]
    headers = [(b"host", f"127.0.0.1:{PORT}".encode()), (b"cookie", cookie.encode())]
    making, most, told = set(), [], []

    def file(items, row, full):
        making.add(row)
        most.append(len(making))
        time.sleep(0.02)
        making.discard(row)
        return b"", "text/plain"

    async def get(path, row=0):
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers}

        async def send(message):
            if message["type"] == "http.response.start":
                told.append((path, message["status"]))

        await app(scope | {"query_string": b"", "root_path": ""}, None, send)

    async def all_of_them():
        pictures = [asyncio.create_task(get(f"/item/{row}")) for row in range(60)]
        await asyncio.sleep(0.01)
        await get("/api/setup")
        await asyncio.gather(*pictures)

    monkeypatch.setattr(Items, "file", file)
    asyncio.run(all_of_them())
    assert max(most) == MOST_FILES and {status for _, status in told} == {200}
    assert told.index(("/api/setup", 200)) < 30


def test_a_player_seeks(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 100, "NONE", ""))
        file.writeframes(bytes(range(200)))
    app, _, _, access = page(tmp_path, [path])
    browser, whole = client(app, access), path.read_bytes()
    n = len(whole)
    for asked, part in (
        ("bytes=0-", whole),
        ("bytes=10-19", whole[10:20]),
        ("bytes=-5", whole[-5:]),
        ("bytes=240-9999", whole[240:]),
    ):
        answer = browser.get("/item/0", headers={"range": asked})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"].endswith(f"/{n}")
    assert browser.get("/item/0", headers={"range": f"bytes={n}-"}).status_code == 416
    for other in ("bytes=5-2,7-9", "rows=1-2", "bytes=-"):
        assert browser.get("/item/0", headers={"range": other}).content == whole


# Whatever comes

TEXTS = st.one_of(
    st.sampled_from(["answer", "skip", "undo", "review", "a", "b", "", "t", "\0", "=1+1", "☃"]),
    st.text(st.characters(), max_size=8),
    st.sampled_from(["\ud800", "a\udfff", "x" * 2000]),
)
NUMBERS = st.one_of(
    st.integers(-2, 4),
    st.sampled_from([2**53, 2**63, 2**70, -(2**70), 10**15, 1e308, -0.0, 0.5, 1e-300]),
    st.floats(allow_nan=True, allow_infinity=True),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def mostly(right):
    """What is right, and now and then anything else."""
    return st.one_of(right, right, right, right, right, VALUES)


OPS = st.fixed_dictionaries(
    {
        "op": mostly(st.integers(0, 30).map(str)),
        "kind": mostly(st.sampled_from(["answer", "skip", "undo", "review"])),
        "row": mostly(st.integers(0, 40)),
    },
    optional={
        "label": mostly(st.sampled_from(["a", "b", None])),
        "comment": mostly(st.sampled_from([None, "hm", ""])),
        "ms": mostly(st.integers(0, 9000)),
        "guessed": mostly(st.booleans()),
    },
)
BODIES = st.one_of(
    st.fixed_dictionaries(
        {
            "tab": mostly(st.sampled_from(["t", "u"])),
            "ops": mostly(st.lists(mostly(OPS), max_size=3)),
        },
        optional={
            "have": mostly(st.lists(mostly(st.integers(0, 40)), max_size=3)),
            "want": mostly(st.integers(0, 5)),
            "annotator": mostly(st.sampled_from([None, "ann", "ben"])),
        },
    ).map(lambda body: json.dumps(body).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=30),
)
PATHS = st.one_of(
    st.builds("/api/guess/{}".format, mostly(st.integers(0, 40))),
    st.builds("/item/{}{}".format, mostly(st.integers(0, 40)), st.sampled_from(["", "?full=1"])),
    st.sampled_from(["/api/setup", "/api/status", "/export.jsonl", "/export.csv", "/page/page.js"]),
    st.builds(
        lambda *parts: "/api/rows?" + "&".join(f"{k}={v}" for k, v in parts if v is not None),
        *(
            st.tuples(st.just(name), values)
            for name, values in {
                "class": st.sampled_from([None, "a", "b", "c", "%00", "%ff", "☃"]),
                "annotator": st.sampled_from([None, "ann", "ben", "nobody", ""]),
                "only": st.sampled_from(
                    [None, "disagreements", "model", "skipped", "comments", "all"]
                ),
                "before": st.sampled_from([None, 0, 1, 2**40, 2**40 + 3, 10**15 - 1, -1, "x"]),
            }.items()
        ),
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), max_size=12).map("/".__add__),
)
REQUESTS = st.one_of(
    st.tuples(st.just("POST"), st.just("/api/answer"), BODIES),
    st.tuples(st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS"]), PATHS, st.none()),
    st.tuples(st.sampled_from(["POST", "PUT", "DELETE"]), PATHS, BODIES),
)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A browser that is Ann before a real desk, whose training process works beside."""
    pytest.importorskip("cloudpickle")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    from skactive import ActiveLearner, Pool
    from skactive.annotate.access import Access
    from skactive.annotate.desk import Desk
    from skactive.annotate.items import Items
    from skactive.annotate.views import Views

    store = tmp_path_factory.mktemp("real") / "labels.db"
    words = random.Random(0)
    X = [" ".join(words.choices(["good", "bad", "so", "very"], k=5)) for _ in range(40)]
    pool = Pool.open(store, X, hold_out=0.3)
    model = make_pipeline(TfidfVectorizer(), MultinomialNB())
    learner = ActiveLearner(model, "margin", classes=["a", "b"], hold_out=0.3).fit(pool)
    items, people = Items(X), ["ann", "ben"]
    desk = Desk(learner, items, annotators=people)
    reader = Pool.open(store, X, read_only=True)
    views = Views(reader, items, desk.labels, desk.trained)
    access = Access(store, people)
    browser = client(make_app(desk, views, access), access)
    with browser:  # one event loop for all requests
        yield browser
    desk.close(), views.close(), pool.close()


def check_answers(browser, method, path, body):
    """Whatever is sent, the answer is what was asked for, or a sentence; an error would pass on."""
    url = OWN + quote(path, safe="/?=&%", errors="replace")
    answer = browser.request(method, url, content=body)
    assert answer.status_code < 500, (method, path, body, answer.text)
    if answer.status_code >= 400 and method != "HEAD":
        told = answer.text if answer.headers["content-type"][:9] == "text/html" else None
        assert told or answer.json()["why"].endswith(".")
    if method == "POST" and answer.status_code == 200:
        answered = answer.json()
        ops = [op["op"] for op in json.loads(body)["ops"]]
        told = [*answered["acknowledged"], *(each["op"] for each in answered["refused"])]
        assert sorted(told) == sorted(ops)


@given(request=REQUESTS)
@example(request=("POST", "/api/answer", json.dumps(BODY).encode()))
@settings(max_examples=500, derandomize=True)
def test_500_requests_of_any_kind_are_answered_or_refused(real, request):
    check_answers(real, *request)


@pytest.mark.slow
@given(request=REQUESTS)
@settings(max_examples=5000)
def test_5000_requests_of_any_kind_are_answered_or_refused(real, request):
    check_answers(real, *request)


def test_after_all_this_people_label_on(real):
    op = {"op": "the last", "kind": "answer", "row": 0, "label": "b", "comment": "on we go"}
    answer = real.post("/api/answer", json={"tab": "t", "ops": [op], "want": 1}).json()
    assert answer["acknowledged"] == ["the last"] and answer["refused"] == []
    rows = real.get("/api/rows", params={"only": "comments"}).json()["rows"]
    mine = [each for each in rows[0]["answers"] if each["annotator"] == "ann"]
    assert (rows[0]["row"], mine[0]["label"], mine[0]["comment"]) == (0, "b", "on we go")
