"""Finding a rare class: what is likeliest of it comes first, and how much reading that saves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from skactive import ActiveLearner, Known, run, select
from skactive.statistics import work_saved
from skactive.strategies import MostLikely
from skactive.testing import check_strategy

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def learner(strategy, model=None, y=NAMES, **options):
    """A learner that knows every tenth row."""
    known = [label if k % 10 == 0 else None for k, label in enumerate(y.tolist())]
    model = LogisticRegression(max_iter=500) if model is None else model
    return ActiveLearner(model, strategy, random_state=0, missing_label=None, **options).fit(
        X, known
    )


def test_the_likeliest_of_the_class_are_asked_for():
    asked = learner(MostLikely("versicolor"))
    expected = asked.estimator_.predict_proba(X)[:, 1]
    expected[asked.pool_.labeled] = -1
    assert asked.query(n_instances=7)[0].tolist() == np.argsort(-expected)[:7].tolist()


@pytest.mark.parametrize(("target", "sign"), [(None, 1), ("virginica", 1), ("other", -1)])
def test_of_two_classes_without_probabilities_the_decision_function_serves(target, sign):
    asked = learner(MostLikely(target), LinearSVC(), np.where(Y == 2, "virginica", "other"))
    expected = sign * asked.estimator_.decision_function(X)
    free = asked.pool_.unlabeled
    np.testing.assert_allclose(asked.scores()[free], expected[free])


def test_of_three_classes_the_decision_function_has_a_column_for_each():
    asked = learner(MostLikely("setosa"), LinearSVC())
    assert (NAMES[asked.query(n_instances=5)[0]] == "setosa").all()


def test_of_several_labels_one_is_looked_for():
    y = np.column_stack([Y == 0, Y >= 1, Y == 2]).astype(int)
    known = y.astype(float)
    known[np.arange(150) % 10 != 0] = np.nan
    model = OneVsRestClassifier(LogisticRegression(max_iter=500))
    asked = ActiveLearner(model, MostLikely(2), classes=[0, 1, 2], random_state=0).fit(X, known)
    assert (Y[asked.query(n_instances=5)[0]] == 2).all()


def test_arrays_have_their_columns_for_classes():
    proba = np.array([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8], [0.2, 0.6, 0.2]])
    assert select(MostLikely(1), proba=proba, n_instances=3).tolist() == [2, 0, 1]


def test_a_class_that_nobody_has_seen_is_found_once_it_is_named():
    asked = learner(MostLikely("rare"), classes=[*np.unique(NAMES), "rare"])
    with pytest.warns(UserWarning, match="the same score"):
        assert len(asked.query(n_instances=4)[0]) == 4


@pytest.mark.parametrize("target", [None, "rare"])
def test_a_target_that_is_no_class_is_refused_with_the_classes(target):
    said = rf"^MostLikely got target={target!r}, and the classes are \['setosa', 'versicolor', "
    with pytest.raises(ValueError, match=said):
        learner(MostLikely(target)).query()


def test_it_is_a_strategy_as_any_other():
    check_strategy(MostLikely(1))


def test_screening_finds_nearly_all_of_a_rare_class_long_before_random_rows_do():
    rows, truth = make_classification(600, weights=[0.9], class_sep=1.5, flip_y=0.0, random_state=1)
    start = np.full(600, -1)
    start[[*np.flatnonzero(truth == 1)[:2], *np.flatnonzero(truth == 0)[:2]]] = 1, 1, 0, 0
    saved = {}
    for strategy in (MostLikely(1), "random"):
        screened = ActiveLearner(LogisticRegression(), strategy, random_state=0).fit(rows, start)
        screened = run(screened, Known(truth), n_instances=20, stopping=600)
        steps = [step.rows for step in screened.pool_.history if step.kind == "label"]
        saved[str(strategy)] = work_saved(truth[np.concatenate(steps)] == 1)
    assert saved["MostLikely(target=1)"] > 0.5 > 0.2 > saved["random"]


# Work saved


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_work_saved_is_what_is_left_when_the_share_is_found(relevant, recall):
    if not any(relevant):
        return
    read, found = 0, 0
    while found < math.ceil(round(recall * sum(relevant), 9)):
        found += relevant[read]
        read += 1
    expected = recall - read / len(relevant)
    assert work_saved(relevant, recall=recall) == pytest.approx(expected, abs=1e-12)


def test_rows_that_nobody_read_count_for_all_that_there_are():
    assert work_saved([True] * 19 + [False], n_relevant=20, n_rows=200) == 0.95 - 19 / 200
    assert math.isnan(work_saved([True, False], n_relevant=5, n_rows=9))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"recall": 0}, "work_saved got recall=0; give a finite number above 0 and of at most 1"),
        ({"recall": 1.1}, "work_saved got recall=1.1"),
        ({"n_relevant": 1}, "of 3 rows read 2 are relevant, which does not go with n_relevant=1"),
        ({"n_rows": 2}, "n_relevant=2 of n_rows=2; give the numbers of all rows"),
        ({"n_relevant": 4, "n_rows": 4}, "n_relevant=4 of n_rows=4"),
        ({"n_rows": 3.5}, "n_rows is 3.5; give a whole number"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        work_saved([True, False, True], **options)
    with pytest.raises(ValueError, match="no row is relevant"):
        work_saved([False, False])
