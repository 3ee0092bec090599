"""What is not read without a word: rows that lie elsewhere, and what is under a mask."""

import re
import sys
from types import ModuleType

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Pool, Strategy, scores, select, selection
from skactive.data.row_numbers import as_row_numbers

X = np.array([[0.0, 1.0], [1.0, 0.0], [0.4, 0.5], [0.9, 0.2]])
Y = [0, 1, -1, -1]
RNG = np.random.default_rng(0)
PROBA = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])


def learner():
    return ActiveLearner(LogisticRegression(), random_state=0)


# Rows that lie elsewhere

LIBRARIES = {
    ("h5py", "Dataset"): "X[:]",
    ("zarr", "Array"): "X[:]",
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
    "embedding": ("fit got X with", lambda: learner().fit(X, Y, embedding=HOLE)),
    "weights": (
        "fit got sample_weight with 3",
        lambda: learner().fit(X, Y, sample_weight=np.ma.array([1.0] * 4, mask=[0, 1, 1, 1])),
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


class Masked(Strategy):
    """A strategy whose scores are partly masked."""

    def score(self, view):
        return np.ma.array(np.ones(len(view)), mask=np.arange(len(view)) == 2)


@pytest.mark.parametrize(("text", "call"), MASKED.values(), ids=MASKED)
def test_masked_cells_are_refused_with_the_row_and_what_to_write(text, call):
    with pytest.raises(ValueError, match=rf"^{text}.*; write .*\.filled\(value\) for such cells"):
        call()


def test_an_array_whose_mask_hides_nothing_is_what_it_holds():
    assert learner().fit(WHOLE, Y).query(subset=np.ma.array([2, 3]))[0].tolist() == [2]
    assert select("margin", proba=np.ma.array(PROBA)).tolist() == [1]
    assert as_row_numbers(np.ma.array([3, 1])).tolist() == [3, 1]


def test_labels_under_a_mask_are_missing_ones():
    y = np.ma.array([0, 1, 1, 1], mask=[0, 0, 1, 1])
    assert learner().fit(X, y).pool_.labeled.tolist() == [0, 1]
