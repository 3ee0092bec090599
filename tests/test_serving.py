"""`serve`: kill -9 loses nothing, how it ends, and what is refused before it begins."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Pool
from skactive.annotate import connections, serve, serving

for package in ("starlette", "uvicorn", "cloudpickle"):
    pytest.importorskip(package)

ROOT = Path(__file__).resolve().parents[1]
N_ROWS, CLASSES, PEOPLE = 3000, ["cat", "dog"], ["ann", "ben"]
SCRIPT = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which whoever runs tests may ignore
import numpy as np
from sklearn.linear_model import LogisticRegression
from skactive import ActiveLearner, Pool
from skactive.annotate import serve, serving

class Own(LogisticRegression):  # lives in this script alone
    def fit(self, X, y):
        print("it prints", flush=True)
        return super().fit(X, y)

X = np.random.default_rng(0).normal(size=({N_ROWS}, 4))
pool = Pool.open(sys.argv[1], X)
if pool.hold_out is None:
    pool.begin_hold_out(0.2)
learner = ActiveLearner(Own(), "margin", classes=["cat", "dog"], random_state=0).fit(pool)
serve(learner, annotators=["ann", "ben"], port=int(sys.argv[2]), show=str, open_browser=False)
print("ended", learner.pool_.n_labeled)
"""


def rows():
    return np.random.default_rng(0).normal(size=(N_ROWS, 4))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """A server in a process, which can be killed and begun again."""

    def __init__(self, folder):
        self.store, self.port = folder / "labels.db", free_port()
        self.script = folder / "served.py"
        self.script.write_text(SCRIPT, encoding="utf-8")
        self.links, self.errors = {}, folder / "errors.txt"

    def begin(self):
        command = [sys.executable, str(self.script), str(self.store), str(self.port)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
            )
        told = {}
        while len(told) < len(PEOPLE):
            line = self.process.stdout.readline()
            assert line, self.errors.read_text()
            name, _, link = line.partition(": ")
            if name in PEOPLE:  # the estimator prints as well
                told[name] = link.strip()
        self.links = told

    def children(self):
        """The processes that it has started, where the system tells (Linux)."""
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(child) for each in found for child in each.read_text().split()]

    def kill(self):
        children = self.children()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        return children


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class Browser:
    """One person's browser: her cookie, and requests as the page sends them."""

    def __init__(self, served, name):
        self.port, self.origin = served.port, f"http://127.0.0.1:{served.port}"
        path = served.links[name].removeprefix(self.origin)
        status, headers, _ = self.ask("GET", path, cookie="")
        assert status == 200
        self.cookie = headers["set-cookie"].partition(";")[0]

    def ask(self, method, path, body=None, cookie=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            cookie = self.cookie if cookie is None else cookie
            headers = {"Cookie": cookie, "Origin": self.origin, "Content-Type": "application/json"}
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers.items()), answer.read()
        finally:
            connection.close()


class Tab(threading.Thread):
    """A tab as the page keeps it: cards in hand, answers that wait until they are acknowledged."""

    def __init__(self, browser, who, tab):
        super().__init__(daemon=True)
        self.browser, self.who, self.tab = browser, who, tab
        self.hand, self.waiting, self.given = [], [], []
        self.acknowledged, self.is_ending, self.n = {}, False, 0
        self.trouble = None

    def run(self):
        while not (self.is_ending and not self.waiting):
            if self.hand and not self.waiting and not self.is_ending:
                row = self.hand.pop(0)
                label = CLASSES[row % 2]
                self.n += 1
                name = f"{self.who} {self.tab} {self.n}"
                self.waiting = [{"op": name, "kind": "answer", "row": row, "label": label}]
            self.exchange()

    def exchange(self):
        body = {"tab": self.tab, "ops": self.waiting, "have": self.hand, "want": 3 - len(self.hand)}
        try:
            status, _, data = self.browser.ask("POST", "/api/answer", body)
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)  # nobody is there at present
            return
        answer = json.loads(data)
        if status != 200 or answer["refused"]:
            self.trouble, self.is_ending, self.waiting = answer, True, []
            return
        for op in self.waiting:
            assert op["op"] in answer["acknowledged"]
            self.acknowledged[op["row"]] = op["label"]
        self.waiting = []
        for card in answer["cards"]:
            self.given.append(card["row"])
            self.hand.append(card["row"])


def label_while_it_is_killed(folder, n_kills):
    """Return all tabs, once a server was killed so often while they labelled."""
    served, rng = Served(folder), np.random.default_rng(n_kills)
    served.begin()
    tabs = [Tab(Browser(served, who), who, tab) for who in PEOPLE for tab in "ab"]
    for tab in tabs:
        tab.start()
    orphans = []
    for _ in range(n_kills):
        before = sum(len(tab.acknowledged) for tab in tabs)
        while sum(len(tab.acknowledged) for tab in tabs) < before + 5:
            assert all(tab.is_alive() for tab in tabs), [tab.trouble for tab in tabs]
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5))
        orphans += served.kill()
        served.begin()
    for tab in tabs:
        tab.is_ending = True
    for tab in tabs:
        tab.join(60)
    served.process.terminate()
    printed = served.process.communicate(timeout=60)[0]
    end = time.monotonic() + 20
    while any(map(is_alive, orphans)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_alive, orphans))
    return served, tabs, printed


@pytest.mark.parametrize("n_kills", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_loses_no_acknowledged_label_and_gives_no_row_twice(tmp_path, n_kills):
    served, tabs, printed = label_while_it_is_killed(tmp_path, n_kills)
    assert [tab.trouble for tab in tabs] == [None] * 4
    acknowledged, given = {}, defaultdict(list)
    for tab in tabs:
        assert not acknowledged.keys() & tab.acknowledged.keys()
        acknowledged |= {row: (tab.who, label) for row, label in tab.acknowledged.items()}
        for row in tab.given:
            given[row].append((tab.who, tab.tab))
    assert {row: who for row, who in given.items() if len(who) > 1} == {}
    with Pool.open(served.store, rows(), read_only=True) as pool:
        said = pool.said_of(np.arange(N_ROWS))
        labels = [operation for operation in pool.since(1) if operation.kind == "label"]
    columns = (said[name].tolist() for name in ("row", "annotator", "label"))
    kept = {row: (who, label) for row, who, label in zip(*columns, strict=True)}
    assert kept == acknowledged and len(labels) == len(acknowledged) >= 5 * n_kills
    if os.name != "nt":  # where a process that is ended can say no more
        assert printed.startswith("ended ") and served.process.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="there is no Ctrl-C to send to another process")
def test_ctrl_c_ends_the_page_and_the_training(tmp_path):
    served = Served(tmp_path)
    served.begin()
    children = served.children()
    served.process.send_signal(signal.SIGINT)
    assert served.process.communicate(timeout=60)[0] == "ended 0\n"
    assert served.process.returncode == 0 and not any(map(is_alive, children))
    assert "Traceback" not in served.errors.read_text()


# In a notebook


def in_notebook(*args, **kwargs):
    """What `serve` returns where an event loop runs in this thread."""

    async def cell():
        return serve(*args, **kwargs)

    return asyncio.run(cell())


def learner_of(X, **params):
    return ActiveLearner(LogisticRegression(), classes=CLASSES, random_state=0, **params).fit(X)


def test_in_a_notebook_a_page_is_a_link_and_a_frame_until_it_is_closed(tmp_path):
    X = rows()[:40]
    learner, store = learner_of(X), tmp_path / "labels.db"
    with in_notebook(learner, store, annotators=PEOPLE, port=free_port(), show=str) as page:
        shown = page._repr_html_()
        assert (
            ">ann</a>" in shown
            and ">ben</a>" in shown
            and '<iframe src="http://localhost:' in shown
        )
        assert repr(page) == "\n".join(f"{name}: {page.links[name]}" for name in PEOPLE)
        served = Served(tmp_path)
        served.links, served.port = page.links, int(page.links["ann"].split(":")[2].split("/")[0])
        ann = Browser(served, "ann")
        status, _, data = ann.ask("GET", "/api/setup")
        assert status == 200 and json.loads(data)["annotators"] == PEOPLE
        status, _, data = ann.ask(
            "POST", "/api/answer", {"tab": "a", "ops": [], "have": [], "want": 2}
        )
        a, b = (card["row"] for card in json.loads(data)["cards"])
        ops = [{"op": f"{row}", "kind": "answer", "row": row, "label": "cat"} for row in (a, b)]
        answer = {"tab": "a", "ops": ops, "have": [], "want": 0}
        assert ann.ask("POST", "/api/answer", answer)[0] == 200
        assert_silence_keeps_nobody_out(ann)
    with pytest.raises(OSError):
        ann.ask("GET", "/api/setup")
    assert repr(page) in page._repr_html_() and "closed; call serve again" in repr(page)
    assert "iframe" not in page._repr_html_()
    assert learner.pool_.labeled.tolist() == sorted([a, b])
    learner.pool_.close()
    # The record is the file's: another learner goes on with it, and so may the page.
    other = learner_of(X)
    in_notebook(other, store, port=0, show=str).close()
    assert other.pool_.labeled.tolist() == sorted([a, b])
    other.pool_.close()


def assert_silence_keeps_nobody_out(browser):
    """Uvicorn would wait for all of these without end, and a system lets so many in."""
    head = f"POST /api/answer HTTP/1.1\r\nHost: 127.0.0.1:{browser.port}\r\n".encode()
    own = f"Cookie: {browser.cookie}\r\nOrigin: {browser.origin}\r\n".encode()
    said = [b"", head, head + own + b"Content-Length: 99\r\n\r\n{"]
    with ExitStack() as opened:
        wires = []
        for n in range(connections.MOST + 9):
            wire = socket.create_connection(("127.0.0.1", browser.port))
            wires.append(opened.enter_context(wire))
            wire.sendall(said[n % len(said)])
        assert browser.ask("GET", "/api/setup")[0] == 200
        for wire in wires[:2]:
            wire.settimeout(10)
            with suppress(ConnectionError):
                assert wire.recv(1) == b""
        wires[-1].settimeout(0)
        with pytest.raises(BlockingIOError):  # it is still open
            wires[-1].recv(1)


# What is refused


def test_what_cannot_be_served_is_refused_in_a_sentence_and_leaves_nothing_open(tmp_path):
    X, store = rows()[:40], tmp_path / "labels.db"
    with pytest.raises(TypeError, match="give an ActiveLearner"):
        serve(LogisticRegression(), store)
    with pytest.raises(ValueError, match=r"serve\(learner, 'labels.db'\)"):
        serve(learner_of(X), port=0)
    learner_of_file = learner_of(Pool.open(store, X))
    with pytest.raises(ValueError, match="leave store out"):
        serve(learner_of_file, tmp_path / "other.db", port=0)
    with pytest.raises(ValueError, match="X"):
        serve(learner_of(X + 1), store, port=0)  # it belongs to other rows
    with pytest.raises(TypeError, match=r"give a list: annotators=\['ben'\]"):
        serve(learner_of_file, annotators="ben", port=0)  # no three people called b, e and n
    with pytest.raises(ValueError, match="port=70000; give a number from 0 to 65535"):
        serve(learner_of_file, port=70000)
    with pytest.raises(OSError, match="host 'no such host' is no address"):
        serve(learner_of_file, host="no such host", port=0)
    busy = learner_of(X)
    busy.pool_.label([0], ["cat"])
    with pytest.raises(ValueError, match=r"labels of its own; fit it on the file"):
        serve(busy, store, port=0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"port {port} of 127.0.0.1 cannot be used .*--port"):
            serve(learner_of_file, port=port)
    with in_notebook(learner_of_file, port=0, show=str):
        again = learner_of(Pool.open(store, X))
        with pytest.raises(BlockingIOError, match="is being labelled on a page already"):
            serve(again, port=0)
        again.pool_.close()
    learner_of_file.pool_.close()


def test_a_learner_that_cannot_be_sent_to_another_process_is_refused(tmp_path):
    learner = learner_of(rows()[:40])
    learner.estimator.lock = threading.Lock()
    with pytest.raises(ValueError, match="cannot be sent to the process that trains it"):
        serve(learner, tmp_path / "labels.db", port=0)
    learner.pool_.close()


def test_answers_are_not_held_back_by_nagles_algorithm():
    """Which asyncio switches off on sockets that are of TCP by name, at 40 ms a click."""
    with serving._bound("127.0.0.1", 0, 1) as bound:
        assert bound.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("more", "n_opened"),
    [({}, 1), ({"open_browser": False}, 0), ({"annotators": PEOPLE}, 0)],
    ids=["alone", "by hand", "two people"],
)
def test_a_browser_opens_where_one_person_labels(tmp_path, monkeypatch, more, n_opened):
    opened = []

    class Page(serving.Page):
        """One that nobody serves, and that is left at once."""

        def __init__(self, desk, access, bound):
            self.links = access.links()
            bound.close()

        def wait(self):
            pass

        close = wait

    monkeypatch.setattr(serving, "Page", Page)
    monkeypatch.setattr(serving, "Desk", lambda learner, *_, **__: SimpleNamespace(path=store))
    monkeypatch.setattr(serving.webbrowser, "open", opened.append)
    store = tmp_path / "labels.db"
    learner = learner_of(rows()[:40])
    assert serve(learner, store, port=0, **more) is None
    assert len(opened) == n_opened and all("/?token=" in link for link in opened)
    learner.pool_.close()


def test_behind_the_last_port_there_is_none_to_try():
    """Which would be an OverflowError, that nobody tells in a sentence."""
    with ExitStack() as opened:
        with suppress(OSError):  # somebody may have it already
            opened.enter_context(serving._bound("127.0.0.1", serving.MOST_PORT, 1))
        with pytest.raises(OSError, match="port 65535 of 127.0.0.1 cannot be used"):
            serving._bound("127.0.0.1", serving.MOST_PORT, serving.MOST_PORTS)


def test_a_name_is_text_in_a_notebook():
    page = serving.Page.__new__(serving.Page)
    page.links = {"<b>ann</b> & co": "http://127.0.0.1:1/?token=x"}
    shown = page._repr_html_()
    assert "&lt;b&gt;ann&lt;/b&gt; &amp; co</a>" in shown and "<b>" not in shown


def test_the_connection_that_was_silent_longest_makes_room(monkeypatch):
    closed = []

    class Own:
        """What uvicorn's protocol does that counts here."""

        async def app(self, scope, receive, send):
            pass

        def connection_made(self, transport):
            self.transport = transport

        def connection_lost(self, exc):
            pass

    module = SimpleNamespace(AutoHTTPProtocol=Own)
    monkeypatch.setattr(connections, "needed", lambda name: module)
    Bounded = connections.protocol(3)

    def begin(name):
        made = Bounded()
        made.connection_made(SimpleNamespace(abort=lambda: closed.append(name)))
        return made

    first, second, _ = map(begin, "abc")
    asyncio.run(first.app({}, None, None))  # it is not silent
    begin("d")
    assert closed == ["b"]
    second.connection_lost(None)
    first.connection_lost(None)
    begin("e")
    assert closed == ["b"]  # there was room
    begin("f")
    assert closed == ["b", "c"]
