"""How long a click on the page takes: without training, while a model trains, with many labels.

Each line is of 200 clicks through HTTP, each recorded on the disk. Models train in pure Python, in
BLAS, and in one call of C that lets no other thread of its process run; eight people click at once;
and the pool has 200,000 answers. Run it on a machine that does nothing else:

    python benchmarks/annotate.py [folder]
"""

import http.client
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from skactive import ActiveLearner, Pool
from skactive.annotate.serving import serve

os.environ["PYTHONWARNINGS"] = "ignore"  # of the process that trains: all rows score the same
N_CLICKS, N_ROWS, N_ANSWERS, SECONDS = 200, 20_000, 200_000, 2.0
PEOPLE = list("abcdefgh")


class Slow(ClassifierMixin, BaseEstimator):
    """A classifier of the commonest class that takes its time in one of several ways."""

    def __init__(self, how=None):
        self.how = how

    def fit(self, X, y):
        end = time.perf_counter() + SECONDS
        while self.how is not None and time.perf_counter() < end:
            {"python": self._python, "blas": self._blas, "c": self._c}[self.how]()
        self.classes_, counts = np.unique(y, return_counts=True)
        self.share_ = counts / counts.sum()
        return self

    def _python(self):
        sum(i * i for i in range(100_000))

    def _blas(self):
        matrix = np.ones((1500, 1500))
        matrix @ matrix

    def _c(self):
        sum(range(100_000_000))  # one call: no other thread of this process has a turn

    def predict(self, X):
        return np.full(len(X), self.classes_[self.share_.argmax()])

    def predict_proba(self, X):
        return np.tile(self.share_, (len(X), 1))


class Person:
    """Somebody who clicks through HTTP, with a connection that stays open as a browser's."""

    def __init__(self, page, name):
        link = page.links[name]
        self.origin, _, path = link.partition("/?")
        self.name, self.cookie, self.hand, self.n = name, "", [], 0
        self.connection = http.client.HTTPConnection(self.origin.removeprefix("http://"))
        self.cookie = self.ask("GET", f"/?{path}")[0]["set-cookie"].partition(";")[0]
        self.click(answer=False)

    def ask(self, method, path, body=None):
        headers = {"Cookie": self.cookie, "Origin": self.origin, "Content-Type": "application/json"}
        self.connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data
        return dict(answer.headers.items()), data

    def click(self, answer=True):
        """Answer the card in front; return how long it took until it was recorded."""
        ops = []
        if answer:
            row, self.n = self.hand.pop(0), self.n + 1
            name = f"{self.name} {self.n} {time.time_ns()}"
            ops = [{"op": name, "kind": "answer", "row": row, "label": str(row % 2), "ms": 700}]
        body = {"tab": self.name, "ops": ops, "have": self.hand, "want": 4 - len(self.hand)}
        start = time.perf_counter()
        _, data = self.ask("POST", "/api/answer", body)
        took = time.perf_counter() - start
        told = json.loads(data)
        assert len(told["acknowledged"]) == len(ops)
        self.hand += [card["row"] for card in told["cards"]]
        return took


def served(store, how, n_rows=N_ROWS, n_answers=0):
    """Return a page over a new pool, with so many answers already, one operation each hundred."""
    import asyncio

    pool = Pool.open(store, np.random.default_rng(0).normal(size=(n_rows, 8)), classes=["0", "1"])
    rows = np.random.default_rng(1).permutation(n_rows)[:n_answers]
    for part in np.array_split(rows, max(n_answers // 100, 1)) if n_answers else ():
        pool.label(part, (part % 2).astype(str), annotator="a")
    learner = ActiveLearner(Slow(), "margin", classes=["0", "1"], random_state=0).fit(pool)
    learner.estimator = Slow(how)

    async def cell():  # as in a notebook: in a thread
        return serve(learner, annotators=PEOPLE, port=0, show=str, open_browser=False)

    return learner, asyncio.run(cell())


def measure(name, folder, how=None, n_people=1, **size):
    """Print what 200 clicks took, in milliseconds."""
    learner, page = served(folder / f"{name}.db".replace(" ", "_"), how, **size)
    took = []
    with page:
        people = [Person(page, who) for who in PEOPLE[:n_people]]
        for person in people:  # so that there is something to train
            for _ in range(4):
                person.click()
        time.sleep(0.5)
        took, trained = _clicks(people, page)
    learner.pool_.close()
    p50, p99 = np.percentile(took, [50, 99]) * 1e3
    print(f"{name:<44} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   trained {trained:.0%}", flush=True)


def _clicks(people, page):
    """Return how long clicks took, and the share of them during which a model trained."""
    took, trained = [], []

    def work(person):
        for _ in range(N_CLICKS // len(people)):
            took.append(person.click())
            trained.append(page.desk.worker.is_training)
            time.sleep(0.02)

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, float(np.mean(trained))


def main():
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=given, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        measure("a model that takes no time", folder)
        for how in ("python", "blas", "c"):
            measure(f"while a model trains in {how}", folder, how)
        measure("eight people at once, while one trains in c", folder, "c", n_people=8)
        measure("with 200,000 answers", folder, n_rows=N_ANSWERS + N_ROWS, n_answers=N_ANSWERS)


if __name__ == "__main__":
    main()
