"""What is not read without a word: rows that lie elsewhere, and what is under a mask."""

import re
import sys
from types import ModuleType

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skactive
from skactive import (
    ActiveLearner,
    EachRound,
    Pool,
    SimulatedLearner,
    Strategy,
    scores,
    select,
    selection,
)
from skactive.data.row_numbers import as_row_numbers

X = np.array([[0.0, 1.0], [1.0, 0.0], [0.4, 0.5], [0.9, 0.2]])
Y = [0, 1, -1, -1]
RNG = np.random.default_rng(0)
PROBA = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])


def learner():
    return ActiveLearner(LogisticRegression(), random_state=0)


# Rows that lie elsewhere

LIBRARIES = {
    ("dask.array", "Array"): "X.compute()",
    ("dask.dataframe", "DataFrame"): "X.compute()",
    ("dask.dataframe", "Series"): "X.compute()",
}


@pytest.fixture(params=LIBRARIES, ids=".".join)
def elsewhere(request, monkeypatch):
    """Rows as one of these libraries has them, which are not to be read; and what to write.

    A class of the library's own name stands in for it, since none of them is installed.
    """
    module, name = request.param

    def read(self, dtype=None, copy=None):
        raise AssertionError("all rows were read")

    def length(self):
        return len(X)

    members = {"__module__": f"{module}.core", "__array__": read, "__len__": length}
    base = type(name, (), members)
    stand_in = ModuleType(module)
    setattr(stand_in, name, base)
    monkeypatch.setitem(sys.modules, module, stand_in)
    return type("Own", (base,), {"__module__": base.__module__})(), LIBRARIES[request.param]


def test_rows_that_lie_elsewhere_are_refused_unread_with_the_line_to_write(elsewhere):
    rows, write = elsewhere
    fitted = learner().fit(X, Y)
    calls = {
        "pool": lambda: learner().fit(rows, Y),
        "query": lambda: fitted.query(rows),
        "extend": lambda: fitted.extend(rows),
        "fit": lambda: learner().fit(X, Y, embedding=rows),
        "select": lambda: select("k_center", embedding=rows),
    }
    for who, call in calls.items():
        with pytest.raises(
            TypeError, match=rf"{who} got a Own of \w+, .*; write {re.escape(write)} "
        ):
            call()
    assert len(fitted.pool_) == 4


def test_a_table_of_pyarrow_becomes_rows_by_the_line_that_is_named():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"a": X[:, 0], "b": X[:, 1]})
    for rows in (table, table.to_batches()[0], table["a"]):
        with pytest.raises(TypeError, match=r"got a \w+ of pyarrow, .* write X.to_pandas\(\) if"):
            learner().fit(rows, Y)
    assert learner().fit(table.to_pandas(), Y).query()[0].tolist() == [2]


def test_other_objects_with_an_array_go_on_as_they_did():
    class OnSomeDevice:
        def __array__(self, dtype=None, copy=None):
            return X if dtype is None else X.astype(dtype)

    assert learner().fit(OnSomeDevice(), Y).query()[0].tolist() == [2]


# Masks

HOLE = np.ma.array(X, mask=np.arange(8).reshape(4, 2) == 5)
WHOLE = np.ma.array(X, mask=False)
MASKED = {
    "X of fit": (
        "the pool got X with a masked cell, first in row 2",
        lambda: learner().fit(HOLE, Y),
    ),
    "X of query": ("query got X", lambda: learner().fit(X, Y).query(HOLE)),
    "X of extend": ("extend got X", lambda: learner().fit(X, Y).extend(HOLE)),
    "X of Pool": ("the pool got X", lambda: Pool(HOLE)),
    "X of fit as a list": (
        "the pool got X with a masked cell, first in row 2",
        lambda: learner().fit(list(HOLE), Y),
    ),
    "X of fit as a tuple": (
        "the pool got X with a masked cell, first in row 2",
        lambda: learner().fit(tuple(HOLE), Y),
    ),
    "X of a query through a Pipeline": (
        "X has a masked cell, first in row 2",
        lambda: skactive.query(make_pipeline(StandardScaler(), learner()).fit(X, Y), HOLE),
    ),
    "embedding": ("fit got embedding with", lambda: learner().fit(X, Y, embedding=HOLE)),
    "vectors that a function makes": (
        "a query got vectors with a masked cell, first in row 2",
        lambda: of_vectors(lambda rows: HOLE).query(),
    ),
    "vectors that a function makes, as a list": (
        "a query got vectors with a masked cell, first in row 2",
        lambda: of_vectors(lambda rows: list(HOLE)).query(),
    ),
    "vectors that a function makes of later rows": (
        "a query got vectors with 2 masked cells, first in row 299",
        lambda: of_vectors(of_last).fit([["x", "y"]] * 300).query(),
    ),
    "vectors that are made in each round": (
        "a query got vectors with",
        lambda: of_vectors(EachRound(lambda estimator, rows: HOLE)).query(),
    ),
    "weights": (
        "fit got sample_weight with 3",
        lambda: learner().fit(X, Y, sample_weight=np.ma.array([1.0] * 4, mask=[0, 1, 1, 1])),
    ),
    "weights as a list": (
        "fit got sample_weight with a masked cell, first in row 3",
        lambda: learner().fit(X, Y, sample_weight=[1.0, 1.0, 1.0, np.ma.masked]),
    ),
    "subset": (
        "subset has a masked cell",
        lambda: learner().fit(X, Y).query(subset=np.ma.array([True] * 4, mask=[0, 0, 0, 1])),
    ),
    "row numbers": (
        "idx has a masked cell, first in row 1",
        lambda: Pool(X).label(np.ma.array([0, 1], mask=[0, 1]), [0, 1]),
    ),
    "row numbers of teach": (
        "idx has a masked cell",
        lambda: learner().fit(X, Y).teach(np.ma.array([2, 3], mask=[0, 1]), [0, 1]),
    ),
    "proba": (
        "select got proba",
        lambda: select("margin", proba=np.ma.array(PROBA, mask=PROBA > 0.8)),
    ),
    "samples": (
        "select got samples",
        lambda: select("bald", samples=np.ma.array([PROBA, PROBA], mask=[PROBA > 0.8, PROBA > 1])),
    ),
    "scores": (
        "select got scores",
        lambda: select("scores", scores=np.ma.array([1.0, 2.0], mask=[1, 0])),
    ),
    "labeled": (
        "labeled has a masked cell",
        lambda: select("margin", proba=PROBA, labeled=np.ma.array([0, 1], mask=[0, 1])),
    ),
    "labels of select": (
        "select got y_labeled",
        lambda: select(
            "greedy_y",
            prediction=[1.0, 2.0, 3.0],
            labeled=[0, 1],
            y_labeled=np.ma.array([1.0, 2.0], mask=[0, 1]),
        ),
    ),
    "centers": (
        "centers has a masked cell, first in row 1",
        lambda: selection.k_center(X, 1, centers=np.ma.array([0, 1], mask=[0, 1]), rng=RNG),
    ),
    "what a function chooses": (
        "a query by hidden got positions with a masked cell, first in row 0",
        lambda: ActiveLearner(LogisticRegression(), hidden).fit(X, Y).query(),
    ),
    "X of query as a list": ("query got X", lambda: learner().fit(X, Y).query(list(HOLE))),
    "X of extend as a list": ("extend got X", lambda: learner().fit(X, Y).extend(list(HOLE))),
    "a score": ("proba has 2", lambda: scores.margin(np.ma.array(PROBA, mask=PROBA > 0.7))),
    "a decision": (
        "decision has",
        lambda: scores.decision_margin(np.ma.array([1.0, 2.0], mask=[1, 0])),
    ),
    "moments": (
        "mean and std has",
        lambda: scores.upper_confidence_bound(np.ma.array([1.0, 2.0], mask=[1, 0]), [1.0, 1.0]),
    ),
    "a selection": ("k_center got embedding", lambda: selection.k_center(HOLE, 1, rng=RNG)),
    "the largest": ("scores has", lambda: selection.top(np.ma.array([1.0, 2.0], mask=[1, 0]), 1)),
    "a strategy's own scores": (
        "a query by Masked got scores",
        lambda: ActiveLearner(LogisticRegression(), Masked()).fit(X, Y).query(),
    ),
}


def hidden(view, n):
    """A choice under a mask."""
    return np.ma.array(view.candidates[:n], mask=True)


class Masked(Strategy):
    """A strategy whose scores are partly masked."""

    def score(self, view):
        return np.ma.array(np.ones(len(view)), mask=np.arange(len(view)) == 2)


def of_vectors(embedding):
    """A learner that asks by vectors that a function makes."""
    strategies = {"strategy": "k_center", "cold_start": "k_center"}
    return ActiveLearner(LogisticRegression(), **strategies, embedding=embedding).fit(X, Y)


def of_last(rows):
    """Vectors of which one is masked where there are fewer rows than a chunk holds."""
    vectors = np.ma.array(np.ones((len(rows), 2)))
    vectors[43 : 44 if len(rows) < 256 else 43] = np.ma.masked
    return vectors


@pytest.mark.parametrize(("text", "call"), MASKED.values(), ids=MASKED)
def test_masked_cells_are_refused_with_the_row_and_what_to_write(text, call):
    with pytest.raises(ValueError, match=rf"^{text}.*; write .*\.filled\(value\) for such"):
        call()


METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score")
ROWS, TRUTH = np.concatenate([X, X + 0.1]), [0, 1] * 4


@pytest.mark.parametrize("rows", [HOLE, list(HOLE)], ids=["array", "list"])
@pytest.mark.parametrize("method", [*METHODS, "transform"])
def test_no_method_of_a_learner_predicts_from_what_is_under_a_mask(method, rows):
    asked = ActiveLearner(LinearDiscriminantAnalysis(), "random").fit(ROWS, TRUTH)
    simulated = SimulatedLearner(clone(asked), budget=6, n_initial=6).fit(ROWS, TRUTH)
    given = ([0, 1, 0, 1],) if method == "score" else ()
    for each in (asked, asked.without_pool(), simulated):
        with pytest.raises(
            ValueError, match=rf"^{method} got X with a masked cell, first in row 2"
        ):
            getattr(each, method)(rows, *given)
        getattr(each, method)(WHOLE, *given)


def test_an_array_whose_mask_hides_nothing_is_what_it_holds():
    assert learner().fit(WHOLE, Y).query(subset=np.ma.array([2, 3]))[0].tolist() == [2]
    assert select("margin", proba=np.ma.array(PROBA)).tolist() == [1]
    assert as_row_numbers(np.ma.array([3, 1])).tolist() == [3, 1]


def test_labels_under_a_mask_are_missing_ones():
    y = np.ma.array([0, 1, 1, 1], mask=[0, 0, 1, 1])
    assert learner().fit(X, y).pool_.labeled.tolist() == [0, 1]
