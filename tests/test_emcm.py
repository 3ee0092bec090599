"""EMCM: its twin, the members it reads, arrays in place of a model, and what is refused."""

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    GradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from skactive import ActiveLearner, select
from skactive.scores import emcm
from skactive.testing import check_strategy

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
Y = np.where(np.arange(80) < 25, X[:, 0] - X[:, 1] ** 2, np.nan)


@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 5), st.integers(0, 9)),
    dtype=st.sampled_from([np.float64, np.float32, np.int8]),
)
def test_the_score_equals_its_twin(seed, shape, dtype):
    rng = np.random.default_rng(seed)
    samples = (100 * rng.normal(size=shape)).clip(-100, 100).astype(dtype)
    value, norms = rng.normal(size=shape[1]).astype(np.float32), rng.random(shape[1])
    found = emcm(value, samples, norms)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, naive.emcm(value, samples, norms), rtol=1e-12, atol=1e-14)


def test_a_nan_is_a_nan_score_and_lists_will_do():
    found = emcm([np.nan, 0.0, 0.0, 1.0], [[1.0, np.nan, 1.0, 3.0]], [1.0, 1.0, np.nan, 2.0])
    np.testing.assert_array_equal(found, [np.nan, np.nan, np.nan, 4.0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([1.0], [1.0], [1.0]), r"samples has shape \(1,\); it must be \(S, n\)"),
        (([1.0], np.zeros((0, 1)), [1.0]), r"samples has shape \(0, 1\); it must be"),
        (([1.0, 2.0], [[1.0]], [1.0]), r"value has shape \(2,\) for 1 rows of samples; give one"),
        (([1.0], [[1.0]], [[1.0]]), r"feature_norms has shape \(1, 1\) for 1 rows of samples"),
        (([1.0, 1.0], [[1.0, 1.0]], [1.0, -2.0]), "feature_norms are negative at position 1"),
    ],
)
def test_what_the_score_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        emcm(*arguments)


def by_hand(learner, rows=X):
    """The score of each row by a loop over members, whatever features each of them sees."""
    ensemble, out = learner.estimator_, []
    features = getattr(ensemble, "estimators_features_", [np.arange(rows.shape[1])] * 99)
    predicted = ensemble.predict(rows)
    for i, x in enumerate(rows):
        steps = [
            abs(predicted[i] - member.predict(x[None, columns])[0])
            for member, columns in zip(ensemble.estimators_, features, strict=False)
        ]
        out.append(sum(steps) / len(steps) * sum(v * v for v in x) ** 0.5)
    return np.array(out)


@pytest.mark.parametrize(
    "ensemble",
    [
        BaggingRegressor(Ridge()),
        BaggingRegressor(Ridge(), max_features=0.5),
        RandomForestRegressor(7),
        VotingRegressor([("ridge", Ridge()), ("svr", SVR())]),
        AdaBoostRegressor(n_estimators=5),
    ],
    ids=lambda each: type(each).__name__,
)
def test_scores_are_those_of_a_loop_over_the_members(ensemble):
    learner = ActiveLearner(ensemble, "emcm", random_state=0).fit(X, Y)
    # Forests read rows as float32.
    np.testing.assert_allclose(learner.scores()[25:], by_hand(learner)[25:], rtol=1e-6)


def test_rows_count_as_the_estimator_sees_them_and_sparse_ones_as_dense():
    scaled = make_pipeline(StandardScaler(), BaggingRegressor(Ridge()))
    inside = ActiveLearner(scaled, "emcm", random_state=0).fit(100 * X, Y)
    members = inside.estimator_[-1]
    Z = inside.estimator_[0].transform(100 * X)
    steps = np.mean([np.abs(members.predict(Z) - m.predict(Z)) for m in members.estimators_], 0)
    expected = steps * np.linalg.norm(Z, axis=1)
    np.testing.assert_allclose(inside.scores()[25:], expected[25:])
    rows = sparse.csr_matrix(np.where(np.abs(X) > 0.4, X, 0.0))
    both = [
        ActiveLearner(BaggingRegressor(LinearRegression()), "emcm", random_state=0).fit(each, Y)
        for each in (rows, rows.toarray())
    ]
    np.testing.assert_allclose(both[0].scores()[25:], both[1].scores()[25:], rtol=1e-6)


def test_arrays_choose_as_the_model_does():
    learner = ActiveLearner(BaggingRegressor(Ridge()), "emcm", random_state=0).fit(X, Y)
    asked, _ = learner.query(n_instances=5)
    samples = [member.predict(X) for member in learner.estimator_.estimators_]
    for more in ({}, {"prediction": learner.estimator_.predict(X)}):
        chosen = select(
            "emcm", samples=samples, embedding=X, labeled=np.arange(25), n_instances=5, **more
        )
        np.testing.assert_array_equal(chosen, asked)
    few = select("emcm", samples=samples, embedding=X, subset=[70, 30, 44, 26], n_instances=4)
    assert few.tolist() == sorted([70, 30, 44, 26], key=lambda row: -by_hand(learner)[row])
    # From samples alone follow their mean and how far they are spread.
    spread = select("std", samples=samples, labeled=np.arange(25), n_instances=5)
    expected = np.argsort(-np.std(samples, axis=0)[25:])[:5] + 25
    np.testing.assert_array_equal(spread, expected)
    # A prediction of one's own counts instead of the mean.
    far = select("emcm", samples=[[0.0, 0.0]], prediction=[0.0, 9.0], embedding=[[1.0], [1.0]])
    assert far.tolist() == [1]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"samples": [[1.0, 2.0]]}, "EMCM reads view.embedding; give select embedding="),
        (
            {"prediction": [1.0, 2.0]},
            "view.value_samples; give select samples= of shape",
        ),
        ({"samples": [[1.0, np.nan]]}, r"samples of shape \(1, 2\) with NaN or infinity; give one"),
        (
            {"samples": np.zeros((0, 2))},
            r"of shape \(0, 2\); give one finite number for each member",
        ),
        ({"samples": [[1.0, 2.0]], "embedding": [[1.0]]}, "value_samples of 2"),
        ({"samples": [[1.0, 2.0]], "prediction": [1.0]}, "prediction of 1"),
    ],
)
def test_arrays_that_do_not_serve_are_refused(params, said):
    with pytest.raises(ValueError, match=said):
        select("emcm", **params)


class Nowhere(RegressorMixin, BaseEstimator):
    """An ensemble of a third party, of which one member predicts NaN."""

    def fit(self, X, y):
        self.estimators_ = [Ridge().fit(X, y), self]
        return self

    def predict(self, X):
        return np.full(len(X), np.nan)


@pytest.mark.parametrize(
    "estimator",
    [
        Ridge(),
        GaussianProcessRegressor(),
        LogisticRegression(),
        GradientBoostingRegressor(n_estimators=3),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_has_no_members_is_refused_before_a_label_is_paid_for(estimator):
    said = "cannot give: it needs to be an ensemble of at least two regressors"
    with pytest.raises(ValueError, match=f"^EMCM reads view.value_samples, which .*{said}"):
        ActiveLearner(estimator, "emcm").fit(X, Y)


def test_a_member_that_predicts_nan_is_refused():
    learner = ActiveLearner(Nowhere(), "emcm").fit(X, Y)
    with pytest.raises(ValueError, match="a member of Nowhere gave NaN values"):
        learner.query()


def test_members_that_agree_leave_the_choice_to_chance():
    y = np.where(np.arange(80) < 25, 3.0, np.nan)
    chosen = set()
    with pytest.warns(UserWarning, match="same score"):
        for seed in range(8):
            learner = ActiveLearner(RandomForestRegressor(3), "emcm", random_state=seed).fit(X, y)
            chosen.add(int(learner.query()[0][0]))
    assert len(chosen) > 4


def test_the_contract_is_kept():
    check_strategy("emcm")
    check_strategy("emcm", estimator=BaggingRegressor(Ridge(), n_estimators=4))
