"""The values of a single row where rows are wanted: the line to write instead."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skactive import ActiveLearner

pd = pytest.importorskip("pandas")


def single_rows():
    """Kinds of rows, how a single one is taken of them, and how it is to be written."""
    X, _ = load_digits(return_X_y=True)
    return {
        "floats": (X / 16, lambda X, i: X[i], "X[[i]]"),
        "integers": (X.astype(int), lambda X, i: X[i], "X[[i]]"),
        "list": ((X / 16).tolist(), lambda X, i: X[i], "[X[i]]"),
        "frame": (pd.DataFrame(X / 16), lambda X, i: X.iloc[i], "X.iloc[[i]]"),
    }


@pytest.mark.parametrize("kind", ["floats", "integers", "list", "frame"])
def test_a_single_row_is_answered_with_the_line_to_write(kind):
    X, one, write = single_rows()[kind]
    y = load_digits().target
    learner = ActiveLearner(GaussianNB(var_smoothing=1e-3), random_state=0).fit(X[:60], y[:60])
    learner.query(X[60:90])
    row = one(X, 70)
    calls = {
        "teach": ("teach({}, [label])", lambda: learner.teach(row, y[70])),
        "predict": ("predict({})", lambda: learner.predict(row)),
        "predict_proba": ("predict_proba({})", lambda: learner.predict_proba(row)),
        "score": ("score({}, [label])", lambda: learner.score(row, [y[70]])),
        "score, some rows": ("score({}, [label])", lambda: learner.score(row, y[:64])),
    }
    for name, (line, call) in calls.items():
        text = f"{name.split(',')[0]} got a single row of 64 values; write {line.format(write)}"
        with pytest.raises(ValueError, match=re.escape(text)):
            call()
    for call in (lambda: learner.query(row), lambda: learner.extend(row, [1])):
        with pytest.raises(ValueError, match=r"single row"):
            call()
    assert len(learner.pool_) == 60
    lines = {"X[[i]]": "X[[70]]", "[X[i]]": "[X[70]]", "X.iloc[[i]]": "X.iloc[[70]]"}
    assert len(learner.predict(eval(lines[write], {"X": X}))) == 1
    learner.teach(eval(lines[write], {"X": X}), [y[70]])
    assert len(learner.pool_) == 61


def test_row_numbers_after_a_query_over_other_rows_are_still_called_so():
    X = np.arange(20.0).reshape(10, 2)
    learner = ActiveLearner(LogisticRegression()).fit(X, [0, 1] * 5)
    learner.query(X + 1)
    with pytest.raises(ValueError, match=r"teach got row numbers, but the last query was over"):
        learner.teach([3, 5], [0, 1])


def test_a_pool_of_single_values_is_no_single_row():
    learner = ActiveLearner(LogisticRegression()).fit(np.arange(6.0).reshape(-1, 1), [0, 0, 1] * 2)
    assert len(learner.predict([[0.5], [1.0]])) == 2
