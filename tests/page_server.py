"""A page over rows of every kind: in a thread for the tests, or as a process that they can kill."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from skactive import ActiveLearner
from skactive.annotate import serve

WORDS = {
    "sport": "match goal striker league coach defeat season penalty stadium referee",
    "economy": "bank shares market profit debt trade tax budget inflation merger",
    "science": "crystal orbit species protein lens gene telescope theory sample fossil",
}
PLAIN = "the a of with after before over and in today new first says report people week"
ATTACK = "<script>document.title = 'taken'</script> <img src=x onerror=alert(1)> goal"


def texts(n, seed=0):
    """Short reports, of which the first words say whose they are, and no two are alike."""
    rng = np.random.default_rng(seed)
    rows = []
    for row in range(n):
        own = list(WORDS.values())[row % len(WORDS)].split()
        said = [*rng.choice(own, 4), *rng.choice(PLAIN.split(), 8)]
        rng.shuffle(said)
        rows.append(f"{' '.join(said).capitalize()}. No. {row}")
    return rows


def class_of(text):
    """The class of a report, which its last number says."""
    return list(WORDS)[int(text.rsplit(" ", 1)[1]) % len(WORDS)]


def learner_of(kind, n=3000):
    """A learner on rows of a kind, and what `serve` is told besides."""
    linear = LogisticRegression(max_iter=200)
    model = make_pipeline(TfidfVectorizer(), linear)
    if kind == "text":
        return ActiveLearner(model, classes=list(WORDS), hold_out=0.2).fit(texts(n)), {}
    if kind == "odd":  # what attacks, what is long, and classes beyond the keys, one of them c
        rows = [ATTACK, "goal " * 5000 + "the end", *texts(40)]
        names = [*WORDS, *(f"species {i}" for i in range(12)), "c"]
        return ActiveLearner(model, strategy="random", classes=names).fit(rows), {}
    if kind == "image":
        X = load_digits().data[:500]
        classes = [str(digit) for digit in range(10)]
        return ActiveLearner(linear, classes=classes).fit(X), {
            "show": lambda row: row.reshape(8, 8)
        }
    if kind == "several":
        several = make_pipeline(TfidfVectorizer(), OneVsRestClassifier(linear))
        learner = ActiveLearner(several, "random", classes=list(WORDS), multilabel=True)
        return learner.fit(texts(300)), {}
    frame = load_breast_cancer(as_frame=True).data.iloc[:200, :6]
    return ActiveLearner(RandomForestRegressor(10), "random").fit(frame), {}


def start(kind, store, annotators, **more):
    """Serve a page from a thread; it is returned, and its `close` ends it."""
    learner, own = learner_of(kind)

    async def served():  # in a loop as in a notebook, `serve` returns
        return serve(learner, store, annotators=annotators, port=0, **own, **more)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(served())).result()


if __name__ == "__main__":  # kind, store, port, names
    kind, store, port, *names = sys.argv[1:]
    learner, own = learner_of(kind)
    serve(learner, Path(store), annotators=names, port=int(port), open_browser=False, **own)
