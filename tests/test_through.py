"""skactive.query and skactive.teach: a learner inside Pipelines and searches is reached."""

import copy

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from snapshot import unchanged

import skactive
from skactive import ActiveLearner

pd = pytest.importorskip("pandas")

X, TRUTH = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X += 1e-3 * np.random.default_rng(0).normal(size=X.shape)  # no two rows alike
Y = np.where(np.arange(150) % 5 == 0, TRUTH, -1)
OUTSIDE = X[::2] + 0.01
X.flags.writeable = Y.flags.writeable = OUTSIDE.flags.writeable = False


def learner():
    return ActiveLearner(LogisticRegression(), "margin", random_state=0)


def searched(estimator, name):
    return GridSearchCV(estimator, {name: [0.1, 1.0]}, cv=3)


ESTIMATORS = {
    "learner": learner(),
    "pipeline": make_pipeline(StandardScaler(), PCA(3), learner()),
    "pipeline of one": make_pipeline(learner()),
    "nested pipelines": make_pipeline(StandardScaler(), make_pipeline(PCA(3), learner())),
    "passthrough": Pipeline([("nothing", "passthrough"), ("pca", PCA(2)), ("learner", learner())]),
    "search": searched(learner(), "estimator__C"),
    "search over a pipeline": searched(
        make_pipeline(StandardScaler(), learner()), "activelearner__estimator__C"
    ),
    "pipeline around a search": make_pipeline(
        StandardScaler(), searched(make_pipeline(PCA(3), learner()), "activelearner__estimator__C")
    ),
}


def steps_of(estimator):
    """The transformers before the learner, and the learner, found without skactive."""
    if isinstance(estimator, ActiveLearner):
        return [], estimator
    if isinstance(estimator, GridSearchCV):
        return steps_of(estimator.best_estimator_)
    before, inner = steps_of(estimator.steps[-1][1])
    return [step for _, step in estimator.steps[:-1] if step != "passthrough"] + before, inner


def seen_by(transformers, rows):
    for transformer in transformers:
        rows = transformer.transform(rows)
    return rows


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted_once(request):
    return ESTIMATORS[request.param].fit(X, Y)


@pytest.fixture
def fitted(fitted_once):
    return copy.deepcopy(fitted_once)


def test_the_pool_is_asked_and_taught_by_row_numbers(fitted):
    transformers, inner = steps_of(fitted)
    idx, rows = skactive.query(fitted, n_instances=4)
    expected, expected_rows = inner.query(n_instances=4)
    np.testing.assert_array_equal(idx, expected)
    np.testing.assert_array_equal(rows, expected_rows)  # as the learner has them
    np.testing.assert_allclose(rows, seen_by(transformers, X[idx]))
    assert skactive.teach(fitted, idx, TRUTH[idx], annotator="Ada") is fitted
    assert inner.pool_.y[idx].tolist() == TRUTH[idx].tolist()
    assert inner.pool_.history[-1].annotator == "Ada"
    skactive.teach(fitted, int(skactive.query(fitted)[0][0]), 2)
    assert inner.pool_.n_labeled == 35


def test_outside_rows_are_transformed_on_the_way_and_come_back_as_given(fitted):
    transformers, inner = steps_of(fitted)
    idx, rows, scores = skactive.query(fitted, OUTSIDE, 4, return_scores=True)
    np.testing.assert_array_equal(rows, OUTSIDE[idx])
    seen = seen_by(transformers, OUTSIDE)
    np.testing.assert_array_equal(idx, inner.query(seen, 4)[0])
    np.testing.assert_array_equal(scores, inner.scores(seen))
    skactive.teach(fitted, rows, TRUTH[::2][idx])
    np.testing.assert_allclose(inner.pool_.X[150:], seen[idx])
    assert inner.pool_.y[150:].tolist() == TRUTH[::2][idx].tolist()
    np.testing.assert_array_equal(
        fitted.predict(OUTSIDE), inner.estimator_.predict(seen_by(transformers, OUTSIDE))
    )


def test_transformers_are_not_fitted_again(fitted):
    transformers, inner = steps_of(fitted)
    before, estimator = seen_by(transformers, X), inner.estimator_
    skactive.query(fitted, OUTSIDE, 4)
    skactive.teach(fitted, OUTSIDE[:4] * 9, [0, 1, 2, 0])
    assert inner.estimator_ is not estimator  # the learner has learned
    np.testing.assert_array_equal(seen_by(transformers, X), before)


def test_options_reach_the_learner(fitted):
    _, inner = steps_of(fitted)
    subset = inner.pool_.unlabeled[[3, 1, 2]]
    assert sorted(skactive.query(fitted, n_instances=9, subset=subset)[0]) == sorted(subset)
    estimator = inner.estimator_
    skactive.teach(fitted, subset[:1], [0], refit=False)
    assert inner.estimator_ is estimator
    skactive.teach(fitted, subset[:1], [1], relabel=True)
    assert inner.pool_.y[subset[0]] == 1


def test_refusals_are_those_of_the_learner_and_nothing_changes(fitted):
    _, inner = steps_of(fitted)
    skactive.query(fitted, n_instances=2)
    for text, call in [
        (
            r"^query got 50 for X; write query\(n_instances=50\)\.$",
            lambda: skactive.query(fitted, 50),
        ),
        ("^query got n_instances=0; give", lambda: skactive.query(fitted, OUTSIDE, 0)),
        ("^teach got rows, but the last query", lambda: skactive.teach(fitted, OUTSIDE[:1], [0])),
        ("^teach got floats for row numbers", lambda: skactive.teach(fitted, [1.0], [0])),
        ("^teach got index 1 twice", lambda: skactive.teach(fitted, [1, 1], [0, 0])),
    ]:
        with unchanged(inner), pytest.raises(ValueError, match=text):
            call()
    skactive.query(fitted, OUTSIDE, 2)
    with unchanged(inner), pytest.raises(ValueError, match=r"write teach\(X_pool\[idx\], y\)"):
        skactive.teach(fitted, [1], [0])


@pytest.mark.parametrize("nothing", [[], X[:0], np.zeros(0, dtype=int)], ids=repr)
def test_an_empty_x_changes_nothing(fitted, nothing):
    _, inner = steps_of(fitted)
    with unchanged(inner):
        assert skactive.teach(fitted, nothing, []) is fitted


def test_a_frame_before_a_column_transformer_comes_back_as_a_frame():
    frame = pd.DataFrame({"x": X[:, 0], "kind": np.array(["p", "q"])[np.arange(150) % 2]})
    frame.index = [f"r{i}" for i in range(150)]
    columns = make_column_transformer((StandardScaler(), ["x"]), (OneHotEncoder(), ["kind"]))
    pipe = make_pipeline(columns, learner()).fit(frame, Y)
    outside = frame.iloc[::-3]
    idx, rows = skactive.query(pipe, outside, 5)
    pd.testing.assert_frame_equal(rows, outside.iloc[idx])
    skactive.teach(pipe, rows, TRUTH[::-3][idx])
    assert pipe[-1].pool_.y[150:].tolist() == TRUTH[::-3][idx].tolist()


def test_texts_come_back_as_texts():
    texts = [f"{'good' if i % 2 else 'bad'} number {i}" for i in range(40)]
    pipe = make_pipeline(TfidfVectorizer(), learner())
    pipe.fit(texts, [i % 2 if i < 8 else -1 for i in range(40)])
    idx, rows = skactive.query(pipe, ["good one", "neither", "bad one"], 1)
    assert (idx.tolist(), rows) == ([1], ["neither"])
    skactive.teach(pipe, rows, [0])
    assert pipe[-1].pool_.y[-1] == 0
    assert len(pipe[-1].pool_) == 41


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (LogisticRegression(), "LogisticRegression"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "Pipeline"),
        (make_pipeline(learner(), "passthrough"), "Pipeline"),
        (searched(learner(), "estimator__C"), "GridSearchCV"),  # not finished
        (
            GridSearchCV(learner(), {"estimator__C": [1.0]}, refit=False).fit(X, TRUTH),
            "GridSearchCV",
        ),
        (None, "NoneType"),
    ],
)
def test_what_holds_no_learner_is_refused(estimator, name):
    text = (
        f"{name} holds no ActiveLearner; give a learner, a Pipeline that ends in one, or a search "
        f"over one that is fitted."
    )
    for call in (lambda: skactive.query(estimator), lambda: skactive.teach(estimator, [1], [1])):
        with pytest.raises(TypeError) as info:
            call()
        assert str(info.value) == text


def test_a_sampler_before_the_learner_is_refused_since_rows_have_other_numbers():
    class Sampler(BaseEstimator):
        def fit_resample(self, X, y):
            return X[::2], y[::2]

    pipe = make_pipeline(StandardScaler(), learner()).fit(X, TRUTH)
    pipe.steps.insert(1, ("sample", Sampler()))
    for call in (lambda: skactive.query(pipe), lambda: skactive.teach(pipe, [1], [1])):
        with pytest.raises(ValueError, match="^Sampler resamples the rows before the learner"):
            call()


def test_a_pipeline_that_is_not_fitted_is_refused():
    pipe = make_pipeline(StandardScaler(), learner())
    with pytest.raises(NotFittedError, match=r"query came before fit; call fit\(X, y\) first"):
        skactive.query(pipe)
    with pytest.raises(NotFittedError):
        skactive.query(pipe, OUTSIDE)


def test_a_stream_passes_through_a_pipeline_with_its_tickets():
    pipe = make_pipeline(StandardScaler(), ActiveLearner(LogisticRegression(), "stream_random"))
    pipe = pipe.set_params(activelearner__random_state=0).fit(X[:60], TRUTH[:60])
    idx, rows, tickets = skactive.query(pipe, X[60:], return_tickets=True)
    assert len(idx) == len(tickets) > 0
    np.testing.assert_array_equal(rows, X[60:][idx])
    skactive.teach(pipe, y=TRUTH[60:][idx], ticket=tickets)
    assert pipe[-1].pool_.n_labeled == 60 + len(idx)
    np.testing.assert_allclose(pipe[-1].pool_.rows.take([60]), pipe[:-1].transform(rows[:1]))
