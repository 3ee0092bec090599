"""scikit-learn's callbacks on simulations: what they hear, stop and score; nothing without them."""

import importlib.util
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skactive import ActiveLearner, SimulatedLearner
from skactive.evaluation import callbacks
from skactive.loops import CostBudget

X, Y = load_iris(return_X_y=True)
needs_callbacks = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None, reason="scikit-learn before 1.9"
)


def simulated(**options):
    """A simulation of five rounds on iris."""
    learner = ActiveLearner(LogisticRegression(max_iter=500), "margin")
    options = {"budget": 50, "n_instances": 10, "random_state": 0} | options
    return SimulatedLearner(learner, **options)


class Heard:
    """A callback that keeps what it hears, and stops after so many rounds."""

    def __init__(self, stop_after=None, fail_at=None):
        self.stop_after, self.fail_at = stop_after, fail_at
        self.words, self.most, self.scores = [], [], []

    def setup(self, estimator, context):
        self.words.append("setup")
        self.most.append(context.max_subtasks)

    def teardown(self, estimator, context):
        self.words.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.words.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.words.append(f"{context.task_name} ends")
        n = fitted_estimator.n_labeled_[-1]
        self.scores.append(
            (n, fitted_estimator.score(X, y), fitted_estimator.class_counts_[-1].sum())
        )
        if n == self.fail_at:
            raise RuntimeError("the callback failed")
        return context.task_name == "round" and len(self.scores) == self.stop_after


ROUND = ["round begins", "round ends"]


@needs_callbacks
def test_a_callback_hears_of_each_round_and_gets_the_simulation_as_it_is_then():
    heard = Heard()
    told = simulated(keep_estimators=True).set_callbacks(heard).fit(X, Y)
    assert heard.words == ["setup", "fit begins", *ROUND * 5, "fit ends", "teardown"]
    assert heard.most == [5]
    n, scores, counts = zip(*heard.scores, strict=True)
    assert n == counts == (10, 20, 30, 40, 50, 50)
    assert scores[:5] == tuple(told.staged_score(X, Y)) and scores[5] == told.score(X, Y)
    silent = simulated().fit(X, Y)
    assert all(map(np.array_equal, told.query_indices_, silent.query_indices_))
    assert not [name for name in vars(told) if name.startswith("_") and name != "_skl_callbacks"]


@needs_callbacks
def test_a_callback_may_end_a_simulation():
    told = simulated().set_callbacks(Heard(stop_after=2)).fit(X, Y)
    assert told.n_labeled_.tolist() == [10, 20] and told.learner_.pool_.n_labeled == 20


@needs_callbacks
@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"budget": 44}, [5]),
        ({"budget": 10}, [1]),
        ({"budget": 30, "annotators": {"Ann": 0.9, "Bo": 0.9}}, [None]),
        ({"budget": CostBudget(30)}, [None]),
        # The first round goes on until there are two classes.
        ({"initial": [0, 1, 2], "budget": 30, "n_instances": 1}, [28]),
    ],
)
def test_a_callback_hears_how_many_rounds_there_are_at_most(options, most):
    heard = Heard()
    told = simulated(**options).set_callbacks(heard).fit(X, Y)
    assert heard.most == most
    n_rounds = heard.words.count("round ends")
    assert n_rounds == len(told.rounds_) <= (most[0] or np.inf)


@needs_callbacks
def test_callbacks_are_torn_down_where_a_fit_raises():
    heard = Heard(fail_at=30)
    with pytest.raises(RuntimeError, match="the callback failed"):
        simulated().set_callbacks(heard).fit(X, Y)
    assert heard.words[-1] == "teardown" and heard.words.count("round ends") == 3
    with pytest.raises(TypeError, match="FitCallback"):
        simulated().set_callbacks("a bar")
    again = clone(simulated().set_callbacks(heard))
    assert again.set_callbacks().fit(X, Y).n_labeled_[-1] == 50  # none are left


@needs_callbacks
def test_a_progress_bar_shows_a_search_and_the_simulations_in_it(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    grid = {"learner__strategy": ["margin", "random"]}
    search = GridSearchCV(simulated(budget=30), grid, cv=2).set_callbacks(ProgressBar())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # where a part takes no callbacks, scikit-learn warns
        search.fit(X, Y)
    shown = capsys.readouterr().out
    assert shown.count("SimulatedLearner - fit") >= 5 and "100%" in shown


def test_where_scikit_learn_has_no_callbacks_nothing_is_there_and_nothing_changes(monkeypatch):
    monkeypatch.setattr(callbacks, "MODULE", "sklearn.no_callbacks")
    without = simulated()
    assert not hasattr(without, "set_callbacks")
    assert without.fit(X, Y).n_labeled_.tolist() == [10, 20, 30, 40, 50]
