"""Ensembles with n_jobs: the same answer each time, from blocks of rows in threads."""

from threading import get_ident

import numpy as np
import pytest
from joblib import effective_n_jobs, parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skactive import ActiveLearner
from skactive.data.rows import Rows
from skactive.learner.questions import adapt
from skactive.models.sklearn import LEAST_BLOCK
from skactive.strategies.reading import MAX_CHUNK_ROWS, MIN_CHUNK_ROWS, Reading

N = 2 * LEAST_BLOCK + 101
X = np.random.default_rng(0).normal(size=(N, 4))
Y = (X[:, 0] * X[:, 1] > 0) + (X[:, 2] > 1).astype(int)
SEEN = []


class Forest(RandomForestClassifier):
    """A forest that tells by how many threads, in which one and on how many rows it is asked."""

    def predict_proba(self, X):
        SEEN.append((effective_n_jobs(self.n_jobs), get_ident(), len(X)))
        return super().predict_proba(X)


def forest(**params):
    return Forest(6, max_depth=4, random_state=0, **params)


def trees(**params):
    return RandomForestRegressor(6, max_depth=4, random_state=0, **params)


CLASSIFIERS = {
    "forest": lambda n: forest(n_jobs=n),
    "bagging": lambda n: BaggingClassifier(
        DecisionTreeClassifier(max_depth=4), 6, n_jobs=n, random_state=0
    ),
    "at the end of a pipeline": lambda n: make_pipeline(StandardScaler(), forest(n_jobs=n)),
    "in a search": lambda n: GridSearchCV(forest(n_jobs=n), {"max_depth": [4]}, cv=2),
    "voting": lambda n: VotingClassifier(
        [("nb", GaussianNB()), ("forest", forest(n_jobs=n))], voting="soft"
    ),
    "stacking": lambda n: StackingClassifier([("forest", forest(n_jobs=n))], cv=2),
    "calibrated": lambda n: CalibratedClassifierCV(forest(n_jobs=n), cv=2),
}
REGRESSORS = {
    "forest": lambda n: trees(n_jobs=n),
    "extra trees": lambda n: ExtraTreesRegressor(6, n_jobs=n, random_state=0),
    "bagging": lambda n: BaggingRegressor(Ridge(), 6, n_jobs=n, random_state=0),
    "voting": lambda n: VotingRegressor([("ridge", Ridge()), ("forest", trees(n_jobs=n))]),
}


def answers(make, n_jobs, what, y):
    """What a fitted estimator with so many jobs says of all rows; the fit does not depend on it."""
    estimator = make(None).fit(X[:80], y[:80])
    counts = {name: n_jobs for name in estimator.get_params() if name.endswith("n_jobs")}
    estimator.set_params(**counts)
    for name in ("best_estimator_", "estimators_", "calibrated_classifiers_"):
        inside = getattr(estimator, name, [])
        for each in inside if isinstance(inside, list) else [inside]:
            each = each if hasattr(each, "get_params") else each.estimator  # calibrated
            if "n_jobs" in each.get_params():
                each.set_params(n_jobs=n_jobs)
    model = adapt(estimator, getattr(estimator, "classes_", None))
    return model.read(what, X)[what]


@pytest.mark.parametrize("what", ["proba", "prediction"])
@pytest.mark.parametrize("make", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_classifiers_answer_with_jobs_as_they_do_without(make, what):
    SEEN.clear()
    assert np.array_equal(answers(make, 2, what, Y), answers(make, None, what, Y))
    assert {jobs for jobs, *_ in SEEN} <= {1}


@pytest.mark.parametrize("name", ["forest", "bagging", "voting"])
def test_members_answer_with_jobs_as_they_do_without(name):
    make = CLASSIFIERS[name]
    both = [answers(make, n_jobs, "samples", Y) for n_jobs in (2, None)]
    assert both[0].shape == (2 if name == "voting" else 6, N, 3)
    assert np.array_equal(*both)


@pytest.mark.parametrize("what", ["std", "value", "value_samples"])
@pytest.mark.parametrize("make", REGRESSORS.values(), ids=REGRESSORS)
def test_regressors_answer_with_jobs_as_they_do_without(make, what):
    y = X[:, 0] ** 2
    assert np.array_equal(answers(make, 2, what, y), answers(make, None, what, y))


@pytest.mark.parametrize(("n_jobs", "of_caller"), [(2, None), (None, 2), (2, 3)])
def test_blocks_of_rows_are_read_in_as_many_threads_as_the_model_would_take(n_jobs, of_caller):
    model = adapt(forest(n_jobs=n_jobs).fit(X[:80], Y[:80]), np.arange(3))
    SEEN.clear()
    with parallel_config("threading", n_jobs=of_caller):
        model.proba(X)
    jobs, threads, sizes = zip(*SEEN, strict=True)
    assert set(jobs) == {1} and sum(sizes) == N and max(sizes) - min(sizes) <= 1
    assert len(set(threads)) <= len(sizes) == 2
    assert model.estimator.n_jobs == n_jobs  # of which the estimator knows nothing


def test_few_rows_and_models_without_threads_are_read_at_once_in_this_thread():
    model = adapt(forest(n_jobs=2).fit(X[:80], Y[:80]), np.arange(3))
    SEEN.clear()
    model.proba(X[: 2 * LEAST_BLOCK - 1])
    assert SEEN == [(1, get_ident(), 2 * LEAST_BLOCK - 1)]
    with parallel_config("threading", n_jobs=2):
        for estimator in (LogisticRegression(), KNeighborsClassifier(n_jobs=2)):
            assert adapt(estimator).n_threads == 1
        assert adapt(FrozenEstimator(make_pipeline(forest()))).n_threads == 2
        assert adapt(RandomForestClassifier(1)).n_threads == 1  # one tree adds up nothing


class Inside(ClassifierMixin, BaseEstimator):
    """A third party's wrapper, with a name of its own for what is inside."""

    def __init__(self, base=None):
        self.base = base


@pytest.mark.parametrize(
    "estimator",
    [
        BaggingClassifier(forest(n_jobs=2)),
        BaggingClassifier(make_pipeline(StandardScaler(), forest(n_jobs=2))),
        TransformedTargetRegressor(trees(n_jobs=2)),
        Inside(forest(n_jobs=2)),
    ],
)
def test_threads_of_a_forest_are_seen_wherever_it_is_inside(estimator):
    assert adapt(estimator).n_threads == 2
    assert adapt(clone(estimator).set_params(**one_job(estimator))).n_threads == 1


def one_job(estimator):
    """Parameters with which an estimator and those inside it have one job."""
    return {name: 1 for name in estimator.get_params() if name.endswith("n_jobs")}


class Clipped(Pipeline):
    """A pipeline with probabilities of its own, which look at all rows at once."""

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        return np.clip(proba / proba.max(), 0.1, None)


class Sure(GridSearchCV):
    """A search with predictions of its own."""

    def predict(self, X):
        return np.where(super().predict_proba(X).max(axis=1) > 0.6, super().predict(X), 2)


@pytest.mark.parametrize(
    ("wrap", "method", "what"),
    [
        (lambda inside: Clipped([("forest", inside)]), "predict_proba", "proba"),
        (lambda inside: Sure(inside, {"max_depth": [4]}, cv=2), "predict", "prediction"),
        (lambda inside: make_pipeline(Clipped([("forest", inside)])), "predict_proba", "proba"),
    ],
    ids=["pipeline", "search", "inside another"],
)
def test_methods_of_a_wrapper_answer_with_jobs_as_they_do_without(wrap, method, what):
    """Of which the blocks of the last step know nothing."""
    one, two = (wrap(forest(n_jobs=n_jobs)).fit(X[:80], Y[:80]) for n_jobs in (None, 2))
    SEEN.clear()
    answer = adapt(FrozenEstimator(two), np.arange(3)).read(what, X)[what]
    assert {jobs for jobs, *_ in SEEN} == {1}
    assert np.array_equal(answer, getattr(one, method)(X))


@pytest.mark.parametrize(("width", "n_rows"), [(4, 2 * MAX_CHUNK_ROWS), (600, N - 101)])
def test_chunks_hold_rows_for_each_thread_however_wide_they_are(width, n_rows):
    model = adapt(forest(n_jobs=2).fit(X[:80], Y[:80]), np.arange(3))
    wide = Rows(np.broadcast_to(np.float64(0), (3 * MAX_CHUNK_ROWS, width)))
    assert Reading(wide, model).n_chunk_rows(["proba"]) == n_rows
    images = Rows(np.broadcast_to(np.float64(0), (500, 3, 224, 224)))
    assert Reading(images, model).n_chunk_rows(["proba"]) == 2 * MIN_CHUNK_ROWS


def test_transformers_are_called_in_the_thread_of_the_query():
    """They may hold what bears no second thread: a tokenizer, a cache, a connection."""
    seen = set()

    def count(X):
        seen.add(get_ident())
        return X

    pipeline = make_pipeline(FunctionTransformer(count), forest(n_jobs=2)).fit(X[:80], Y[:80])
    seen.clear()
    adapt(pipeline, np.arange(3)).proba(X)
    assert seen == {get_ident()}


@pytest.mark.parametrize("strategy", ["entropy", "bald"])
def test_a_query_asked_with_jobs_and_without_gives_the_same_rows(strategy):
    y = np.where(np.arange(N) < 80, Y, -1)
    learner = ActiveLearner(forest(n_jobs=2), strategy, random_state=0).fit(X, y)
    one = ActiveLearner(forest(), strategy, random_state=0).fit(X, y)
    expected, _, scores = one.query(n_instances=50, return_scores=True)
    idx, _, told = learner.query(n_instances=50, return_scores=True)
    assert np.array_equal(idx, expected)
    assert np.array_equal(told, scores, equal_nan=True)
    with parallel_config("threading", n_jobs=2):
        assert np.array_equal(one.query(n_instances=50)[0], expected)


def test_a_clone_of_the_estimator_keeps_its_number_of_jobs():
    learner = ActiveLearner(forest(n_jobs=2)).fit(X[:200], Y[:200])
    learner.query(X)
    assert learner.estimator_.n_jobs == clone(learner).estimator.n_jobs == 2
