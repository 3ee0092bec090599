"""The learner: every sentence of the design on fit, query and teach, as something that holds."""

import hashlib
import pickle
import re
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import norm
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_blobs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from snapshot import facts, unchanged

from skactive import ActiveLearner, Pool, Strategy, get_strategy_names
from skactive.strategies import Entropy, Margin, Random, Std, Subpool, UpperConfidenceBound

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

X, TRUTH = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X[142] += 1e-3  # or it equals row 101
Y = np.where(np.arange(150) % 10 == 0, TRUTH, -1)  # five of each class are labelled
X.flags.writeable = TRUTH.flags.writeable = Y.flags.writeable = False
OUTSIDE = X.copy()  # the same rows, but not those of the pool

BLOBS, BLOB_OF = make_blobs(60, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)


def logistic(strategy="margin", **options):
    """A learner around a logistic regression, on a tenth of iris."""
    options = {"random_state": 0, **options}
    return ActiveLearner(LogisticRegression(), strategy, **options).fit(X, Y)


class Recorder(ClassifierMixin, BaseEstimator):
    """Predict the commonest label, and keep what each fit and partial_fit was given."""

    def __init__(self, power=1, random_state=None, warm_start=False):
        self.power = power
        self.random_state = random_state
        self.warm_start = warm_start

    def fit(self, X, y, **params):
        self._keep("fit", X, y, params)
        self.classes_ = np.unique(y)
        return self

    def partial_fit(self, X, y, classes=None, **params):
        self._keep("partial_fit", X, y, {"classes": classes, **params})
        self.classes_ = np.asarray(classes)
        return self

    def _keep(self, kind, X, y, params):
        self.calls_ = [*getattr(self, "calls_", []), (kind, np.asarray(X), np.asarray(y), params)]

    def predict(self, X):
        y = self.calls_[-1][2]
        values, counts = np.unique(y, return_counts=True)
        return np.repeat(values[counts.argmax()], len(X))


class Sum(Strategy):
    """The sum of a row's values: known beforehand."""

    def score(self, view):
        return np.asarray(view.X).sum(axis=1)


# Both styles of the loop


def test_with_a_pool_row_numbers_never_shift_and_the_choice_is_the_plain_scripts():
    learner = logistic()
    labeled = np.flatnonzero(Y >= 0)
    for _ in range(8):
        plain = LogisticRegression().fit(X[labeled], TRUTH[labeled])
        two = np.sort(plain.predict_proba(X), axis=1)[:, -2:]
        margin = two[:, 1] - two[:, 0]
        margin[labeled] = np.inf
        idx, rows = learner.query(n_instances=5)
        np.testing.assert_array_equal(idx, np.argsort(margin)[:5])
        np.testing.assert_array_equal(rows, X[idx])
        assert learner.teach(idx, TRUTH[idx]) is learner
        labeled = np.sort(np.append(labeled, idx))
        np.testing.assert_array_equal(learner.pool_.labeled, labeled)
    np.testing.assert_array_equal(learner.pool_.y_labeled, TRUTH[labeled])
    np.testing.assert_array_equal(
        learner.estimator_.coef_, LogisticRegression().fit(X[labeled], TRUTH[labeled]).coef_
    )


def test_in_modal_style_indices_are_positions_in_the_rows_that_the_caller_keeps():
    X_known, y_known, X_pool, y_pool = X[::10], TRUTH[::10], X[1::2], TRUTH[1::2]
    learner = ActiveLearner(LogisticRegression(), "margin").fit(X_known, y_known)
    for _ in range(8):
        plain = LogisticRegression().fit(X_known, y_known)
        two = np.sort(plain.predict_proba(X_pool), axis=1)[:, -2:]
        idx, rows = learner.query(X_pool, n_instances=5)
        np.testing.assert_array_equal(idx, np.argsort(two[:, 1] - two[:, 0])[:5])
        np.testing.assert_array_equal(rows, X_pool[idx])
        learner.teach(X_pool[idx], y_pool[idx])
        X_known = np.concatenate([X_known, X_pool[idx]])
        y_known = np.concatenate([y_known, y_pool[idx]])
        X_pool, y_pool = np.delete(X_pool, idx, axis=0), np.delete(y_pool, idx)
    np.testing.assert_array_equal(learner.pool_.X, X_known)
    np.testing.assert_array_equal(learner.pool_.y, y_known)


CONTAINERS = {
    "array": lambda ids: np.column_stack([ids, ids % 3]).astype(float),
    "CSR": lambda ids: sp.csr_matrix(np.column_stack([ids, ids % 3]).astype(float)),
    "CSC": lambda ids: sp.csc_matrix(np.column_stack([ids, ids % 3]).astype(float)),
    "pandas": lambda ids: pd.DataFrame({"id": ids, "x": ids % 3}, index=[f"r{i}" for i in ids]),
    "polars": lambda ids: pl.DataFrame({"id": ids, "x": ids % 3}),
    "list": lambda ids: [[float(i), float(i % 3)] for i in ids.tolist()],
}


def ids_of(rows):
    """The first value of every row."""
    if sp.issparse(rows):
        rows = rows.toarray()
    return [int(row[0]) for row in np.asarray(rows)]


@pytest.mark.parametrize("kind", CONTAINERS)
def test_many_rounds_of_outside_rows_keep_rows_and_labels_together(kind):
    make, rng = CONTAINERS[kind], np.random.default_rng(0)
    learner = ActiveLearner(KNeighborsClassifier(1), "random", random_state=0)
    learner.fit(make(np.arange(6)), np.arange(6) % 3)
    taught = {i: i % 3 for i in range(6)}
    for round in range(12):
        ids = np.arange(100 * (round + 1), 100 * (round + 1) + 20)
        ids = rng.permutation(ids)
        outside = make(ids)
        idx, rows = learner.query(outside, n_instances=int(rng.integers(1, 6)))
        assert ids_of(rows) == ids[idx].tolist()
        y = ids[idx] % 3
        y[rng.random(len(y)) < 0.2] = -1  # could not tell
        learner.teach(rows, y, refit=round % 3 == 0)
        taught.update(zip(ids[idx].tolist(), y.tolist(), strict=True))
    pool = learner.pool_
    assert ids_of(pool.X) == list(taught)
    assert pool.y.tolist() == list(taught.values())
    assert pool.skipped.tolist() == np.flatnonzero(np.array(list(taught.values())) == -1).tolist()


def test_rows_taught_from_outside_are_copies():
    outside = X[1::10].copy()
    learner = ActiveLearner(LogisticRegression()).fit(X[::10], TRUTH[::10])
    learner.query(outside, n_instances=2)
    learner.teach(outside[:2], TRUTH[1::10][:2])
    outside[:] = np.nan
    np.testing.assert_array_equal(learner.pool_.X[15:], X[1::10][:2])


# query is pure

PURE = [
    (LogisticRegression(), "random"),
    (LogisticRegression(), "margin"),
    (LogisticRegression(), Subpool("entropy", size=20)),
    (LogisticRegression(), lambda view, n: view.rng.choice(view.candidates, n, replace=False)),
    (RandomForestClassifier(5), "vote_entropy"),
]


@pytest.mark.parametrize(("estimator", "strategy"), PURE)
def test_a_query_asked_twice_answers_the_same_and_changes_nothing_but_its_mark(estimator, strategy):
    learner = ActiveLearner(estimator, strategy).fit(X, Y)
    with unchanged(learner, but=["_last_query"]):
        first, rows = learner.query(n_instances=7)
    with unchanged(learner):
        again, _ = learner.query(n_instances=7)
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(rows, X[first])
    with unchanged(learner, but=["_last_query"]):
        outside, _ = learner.query(X[::3], n_instances=7)
    with unchanged(learner):
        np.testing.assert_array_equal(learner.query(X[::3], n_instances=7)[0], outside)


def test_scores_and_predictions_change_nothing_at_all():
    learner = logistic()
    with unchanged(learner):
        learner.scores()
        learner.scores(X[:9])
        learner.predict(X)
        learner.predict_proba(X)
        learner.score(X, Y)


def test_the_mark_of_a_query_is_private():
    learner = logistic()
    before = facts(learner)
    learner.query()
    after = facts(learner)
    assert {name for name in after if after[name] != before.get(name)} == {"_last_query"}


def test_random_numbers_follow_from_the_seed_and_the_counts_of_labelled_and_skipped_rows():
    one, other = logistic("random"), logistic("random")
    start = one.scores()
    one.teach([1, 2], [0, 0])
    other.teach([141, 142], [2, 2])
    both = np.setdiff1d(one.pool_.unlabeled, [141, 142])
    np.testing.assert_array_equal(one.scores()[both], other.scores()[both])
    assert (one.scores()[both] != start[both]).all()
    other.pool_.reserve([5])
    rest = np.setdiff1d(both, [5])
    np.testing.assert_array_equal(one.scores()[rest], other.scores()[rest])
    other.pool_.skip([5])
    assert (one.scores()[rest] != other.scores()[rest]).all()
    other.pool_.undo(3)  # the label, the reservation, the skip
    np.testing.assert_array_equal(other.scores(), start)


def test_a_seed_is_drawn_once_at_fit_and_stays_in_the_pool():
    drawn = {ActiveLearner(LogisticRegression()).fit(X, Y).seed_ for _ in range(3)}
    assert len(drawn) == 3
    learner = logistic(random_state=7)
    assert learner.seed_ == learner.pool_.seed == 7
    assert learner.fit(X, Y).seed_ == 7
    legacy = ActiveLearner(LogisticRegression(), random_state=np.random.RandomState(3))
    expected = np.random.RandomState(3)
    for _ in range(2):
        assert legacy.fit(X, Y).seed_ == expected.randint(2**31 - 1)
    modern = ActiveLearner(LogisticRegression(), random_state=np.random.default_rng(3))
    expected = np.random.default_rng(3)
    for _ in range(2):
        assert modern.fit(X, Y).seed_ == expected.integers(2**32)


def test_the_same_seed_asks_for_the_same_rows_and_another_for_others():
    first, again, other = (
        logistic("random", random_state=seed).query(n_instances=10)[0].tolist()
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_random_states_left_open_inside_the_estimator_follow_from_the_seed_at_each_refit():
    estimator = make_pipeline(StandardScaler(), RandomForestClassifier(5))
    learner = ActiveLearner(estimator, random_state=0).fit(X, Y)
    first = learner.predict_proba(X)
    seeds = [step.random_state for step in learner.estimator_[1].estimators_]
    learner.refit()
    assert [step.random_state for step in learner.estimator_[1].estimators_] == seeds
    np.testing.assert_array_equal(learner.predict_proba(X), first)
    assert estimator[1].random_state is None
    other = ActiveLearner(estimator, random_state=1).fit(X, Y)
    assert (other.predict_proba(X) != first).any()
    given = ActiveLearner(RandomForestClassifier(5, random_state=42), random_state=0).fit(X, Y)
    assert given.estimator_.random_state == 42


def test_random_state_varies_queries_over_outside_rows():
    learner = logistic("random")
    ask = {seed: learner.query(OUTSIDE, 10, random_state=seed)[0].tolist() for seed in (None, 1, 2)}
    assert len(set(map(tuple, ask.values()))) == 3
    assert learner.query(OUTSIDE, 10, random_state=1)[0].tolist() == ask[1]


# What a query gives


def test_asked_for_more_than_are_left_it_gives_those_that_are_left():
    learner = logistic()
    idx, rows = learner.query(n_instances=1000)
    assert sorted(idx.tolist()) == np.flatnonzero(Y < 0).tolist()
    np.testing.assert_array_equal(rows, X[idx])
    assert sorted(learner.query(X[:4], 1000)[0].tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", CONTAINERS)
def test_where_none_is_left_it_gives_empty_arrays_of_the_right_kind(kind):
    rows = CONTAINERS[kind](np.arange(6))
    learner = ActiveLearner(KNeighborsClassifier(1)).fit(rows, [0, 1, 2, 0, 1, -1])
    learner.teach(5, 2)
    idx, none, scores = learner.query(n_instances=3, return_scores=True)
    assert idx.dtype == np.int64
    assert idx.shape == (0,)
    assert type(none) is type(rows)
    assert (none == []) if kind == "list" else (none.shape == (0, 2))
    np.testing.assert_array_equal(scores, np.full(6, np.nan))
    assert learner.query()[0].shape == (0,)


def test_none_left_differs_from_a_pool_that_never_had_one():
    learner = ActiveLearner(KNeighborsClassifier(1)).fit(X, TRUTH)
    with pytest.raises(ValueError, match=r"write query\(X_pool, n_instances=...\)"):
        learner.query()
    learner.pool_.unlabel([3])
    learner.teach([3], [0])
    assert len(learner.query()[0]) == 0
    waiting = ActiveLearner(KNeighborsClassifier(1)).fit(X[:3], [0, 1, -1])
    waiting.pool_.reserve([2])
    assert len(waiting.query()[0]) == 0


def test_one_row_is_asked_for_unless_told():
    assert len(logistic().query()[0]) == len(logistic().query(OUTSIDE)[0]) == 1


def test_a_subset_is_a_mask_or_positions_and_only_these_may_be_chosen():
    learner = logistic()
    positions = [149, 0, 10, 3, 77, 5]  # 0 and 10 are labelled
    mask = np.isin(np.arange(150), positions)
    by_mask, _, scores = learner.query(n_instances=9, subset=mask, return_scores=True)
    assert sorted(by_mask.tolist()) == [3, 5, 77, 149]
    np.testing.assert_array_equal(learner.query(n_instances=9, subset=positions)[0], by_mask)
    assert np.flatnonzero(~np.isnan(scores)).tolist() == [3, 5, 77, 149]
    np.testing.assert_array_equal(scores[by_mask], np.sort(learner.scores()[by_mask])[::-1])
    outside = learner.query(OUTSIDE, 9, subset=mask)[0]
    assert sorted(outside.tolist()) == sorted(positions)
    assert len(learner.query(n_instances=9, subset=[])[0]) == 0
    numpys_own = np.array([*mask], dtype=object)
    nullable = pd.Series(mask, dtype="boolean")
    for objects in (mask.astype(object), numpys_own, mask.tolist(), nullable):
        np.testing.assert_array_equal(learner.query(n_instances=9, subset=objects)[0], by_mask)
    with_nulls = nullable.copy()
    with_nulls[[3, 5]] = pd.NA
    of_polars = pl.Series([*mask.tolist()[:-1], None])
    for nulls in (with_nulls, with_nulls.tolist(), [*mask[:-1], None], of_polars):
        with pytest.raises(ValueError, match=r"subset is a mask with [12] nulls, the first in row"):
            learner.query(n_instances=9, subset=nulls)
    as_series = pd.Series(mask)
    np.testing.assert_array_equal(learner.query(n_instances=9, subset=as_series)[0], by_mask)


def test_scores_have_one_number_for_every_candidate_and_nan_elsewhere():
    learner = logistic()
    learner.pool_.reserve([1])
    learner.pool_.skip([2])
    idx, _, scores = learner.query(n_instances=4, return_scores=True)
    two = np.sort(learner.predict_proba(X), axis=1)[:, -2:]
    expected = two[:, 0] - two[:, 1]
    expected[Y >= 0] = expected[[1, 2]] = np.nan
    np.testing.assert_allclose(scores, expected, atol=1e-15)
    np.testing.assert_array_equal(learner.scores(), scores)
    assert idx.tolist() == np.argsort(-scores)[:4].tolist()
    outside = learner.query(X[:30], 4, return_scores=True)[2]
    np.testing.assert_allclose(outside, (two[:, 0] - two[:, 1])[:30], atol=1e-15)
    np.testing.assert_array_equal(learner.scores(X[:30]), outside)


def test_rows_come_best_first():
    idx, _ = logistic(Sum()).query(n_instances=5)
    sums = np.where(Y < 0, X.sum(axis=1), -np.inf)
    assert idx.tolist() == np.argsort(-sums)[:5].tolist()


# Labels, and the absence of them


# What comes with the rows in another order than theirs, by its index


def framed():
    """Rows of a frame in an order of their own, with labels of a tenth."""
    pd = pytest.importorskip("pandas")
    order = np.random.default_rng(0).permutation(150)
    return pd.DataFrame(X, columns=list("abcd")).iloc[order], pd.Series(Y).iloc[order]


def test_what_belongs_to_rows_is_refused_in_another_order_by_its_index():
    pd = pytest.importorskip("pandas")
    rows, y = framed()
    weights = pd.Series(np.arange(150.0))
    vectors, mask = pd.DataFrame(X), pd.Series(np.arange(150) % 2 == 0)
    learner = ActiveLearner(LogisticRegression(), "k_center", random_state=0)
    for name, given in (("sample_weight", weights), ("embedding", vectors)):
        text = (
            f"fit got {name} in another order than the rows, by the index of {name}; write {name}"
        )
        with pytest.raises(ValueError, match=text):
            learner.fit(rows, y, **{name: given})
        learner.fit(rows, y, **{name: given.loc[rows.index]})
    learner.fit(rows, y, sample_weight=weights.loc[rows.index], embedding=vectors.loc[rows.index])
    idx, asked = learner.query(n_instances=3)
    labels = pd.Series(TRUTH).loc[asked.index]
    turned = {"sample_weight": weights.loc[asked.index][::-1]}
    more, outside = rows.iloc[:4], {"embedding": vectors.loc[rows.index[:4]][::-1]}
    good = {"sample_weight": weights.loc[more.index], "embedding": vectors.loc[more.index]}
    others = {"subset": mask[more.index][::-1], "embedding": good["embedding"]}
    with unchanged(learner, but=["_last_query"]):
        for call, text in (
            (lambda: learner.query(subset=mask), "query got subset in another order"),
            (lambda: learner.query(more, **others), "query got subset in another order"),
            (lambda: learner.query(more, **outside), "query got embedding in another order"),
            (lambda: learner.teach(idx, labels, **turned), "teach got sample_weight in another"),
            (lambda: learner.extend(more, **good | outside), "extend got embedding in another"),
            (
                lambda: learner.extend(
                    more, **good | {"sample_weight": good["sample_weight"][::-1]}
                ),
                "extend got sample_weight in another order",
            ),
            (lambda: learner.score(more, labels.iloc[:0]), "score got no label"),
            (lambda: learner.score(rows, pd.Series(TRUTH)), "score got labels in another order"),
            (
                lambda: learner.score(rows, TRUTH[rows.index], sample_weight=weights),
                "score got sample_weight in another order",
            ),
        ):
            with pytest.raises(ValueError, match=text):
                call()
    allowed = learner.query(n_instances=150, subset=mask.loc[rows.index])[1].index
    assert (allowed % 2 == 0).all()
    assert (
        learner.teach(idx, labels, sample_weight=turned["sample_weight"][::-1])
        .extend(more, **good)
        .pool_.y[idx]
        .tolist()
        == labels.tolist()
    )


SIGNS = TRUTH - 1  # the classes -1, 0 and 1
NOT_LEARNED = (
    "5 of the 15 rows that fit got are not learned: their label is -1, which by default means "
    '"not labelled"; write ActiveLearner(..., missing_label=None) if -1 is a class, and '
    "missing_label=-1 if not."
)


def test_who_teaches_minus_one_as_a_class_in_modals_style_is_told_of_each_row_that_is_lost():
    X_known, y_known = X[::10], SIGNS[::10]
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(X_known, y_known)
    with pytest.warns(UserWarning, match=re.escape(NOT_LEARNED)) as caught:
        for _ in range(3):
            assert learner.scores(X).shape == (150,)
        learner.query(X, n_instances=3)
    assert [each.filename for each in caught] == [__file__]  # once, where the user asked
    rows = [2, 60, 3]
    with pytest.warns(UserWarning, match=r"got -1 for 2 of 3 rows from outside, which are skipped"):
        learner.teach(X[rows], SIGNS[rows])
    assert learner.pool_.y[15:].tolist() == [-1, 0, -1]
    with pytest.warns(UserWarning, match=r"score leaves out 50 rows whose label is -1"):
        learner.score(X, SIGNS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.query(X, n_instances=3)  # said once
        learner.teach(X[rows], [0, None, 1])  # which says that nobody could tell


@pytest.mark.parametrize(
    ("y", "options"),
    [
        (SIGNS, {"missing_label": -1}),
        (SIGNS, {"missing_label": None}),
        (SIGNS, {"classes": [0, 1]}),
        (np.where(SIGNS < 0, None, SIGNS), {}),
        (np.where(SIGNS < 0, -1, np.array(["a", "b", "c"], object)[TRUTH]), {}),
    ],
)
def test_no_word_comes_of_minus_one_where_it_is_chosen_or_cannot_be_a_class(y, options):
    learner = ActiveLearner(LogisticRegression(), random_state=0, **options).fit(X[::10], y[::10])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.query(X, n_instances=3)
        learner.teach(X[[2, 60, 3]], y[[2, 60, 3]]).score(X, y)


def test_no_word_comes_of_minus_one_where_nothing_is_labelled_and_of_a_stream_it_names_the_line():
    for y, n_told in ((np.full(150, -1), 0), (SIGNS, 1)):
        learner = ActiveLearner(LogisticRegression(), "fixed_uncertainty", random_state=0).fit(X, y)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            learner.query(X[:9].copy())
        assert [each.filename for each in caught] == [__file__] * n_told


def test_no_word_comes_of_minus_one_where_a_pool_of_ones_own_gets_names_for_its_classes():
    pool = Pool(X[::10], SIGNS[::10])
    learner = ActiveLearner(LogisticRegression(), classes=[0, 1], random_state=0).fit(pool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.query(X, n_instances=3)
        learner.teach(X[[2, 60, 3]], SIGNS[[2, 60, 3]])
    assert pool.n_skipped == 2


def test_no_word_comes_of_minus_one_where_the_first_question_was_about_the_pool():
    learner = logistic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        idx, _ = learner.query(n_instances=2)
        learner.teach(idx, [-1, 0]).query(X[:9], n_instances=2)
    assert learner.pool_.n_skipped == 1


def test_a_row_that_the_annotator_could_not_tell_is_skipped_until_restored():
    learner = logistic(missing_label=-1)
    first = learner.query(n_instances=3)[0]
    learner.teach(first, [TRUTH[first[0]], -1, None])
    assert learner.pool_.skipped.tolist() == sorted(first[1:].tolist())
    everyone = learner.query(n_instances=150)[0]
    assert not np.isin(first, everyone).any()
    assert len(learner.estimator_.predict(X)) == 150
    learner.pool_.restore(first[1:])
    assert np.isin(first[1:], learner.query(n_instances=150)[0]).all()


def test_skipped_rows_are_not_trained_on():
    learner = ActiveLearner(Recorder(), "random").fit(X, Y)
    learner.teach([1, 2, 3], [0, -1, 0])
    rows = np.sort(np.append(np.flatnonzero(Y >= 0), [1, 3]))
    np.testing.assert_array_equal(learner.estimator_.calls_[-1][1], X[rows])
    estimator = learner.estimator_
    learner.teach([5], [-1])
    assert learner.estimator_ is estimator  # nothing to learn


def test_reserved_rows_are_not_offered_until_released_and_take_their_label():
    learner = logistic()
    first = learner.query(n_instances=3)[0]
    learner.pool_.reserve(first, name="Ada")
    assert not np.isin(first, learner.query(n_instances=150)[0]).any()
    learner.teach(first[:2], [TRUTH[first[0]], -1])
    learner.pool_.release(name="Ada")
    assert np.isin(first, learner.query(n_instances=150)[0]).tolist() == [False, False, True]
    assert learner.pool_.skipped.tolist() == [first[1]]


def test_another_label_or_none_needs_relabel():
    learner = logistic()
    learner.teach([0, 10], [2, -1], relabel=True)
    assert learner.pool_.y[[0, 10]].tolist() == [2, -1]
    assert 10 in learner.query(n_instances=150)[0]
    rows = learner.pool_.labeled
    plain = LogisticRegression().fit(X[rows], learner.pool_.y[rows])
    np.testing.assert_array_equal(learner.estimator_.coef_, plain.coef_)


@pytest.mark.parametrize("relabel", [False, True])
def test_the_same_label_again_changes_nothing(relabel):
    learner = logistic()
    with unchanged(learner):
        learner.teach([0, 10], TRUTH[[0, 10]], relabel=relabel)


@pytest.mark.parametrize(
    "nothing", [[], (), np.zeros(0), np.zeros(0, int), X[:0], X[:0].tolist()], ids=repr
)
def test_an_empty_x_changes_nothing(nothing):
    learner = logistic()
    with unchanged(learner):
        learner.teach(nothing, [])
    learner.query(OUTSIDE, 3)
    with unchanged(learner):
        learner.teach(nothing, [])


@pytest.mark.parametrize(
    "number", [7, np.int64(7), np.array(7), [7], (7,), np.array([7], np.uint8), range(7, 8)]
)
def test_a_scalar_or_integers_in_one_dimension_are_row_numbers(number):
    learner = logistic()
    learner.teach(number, 2 if np.ndim(number) == 0 else [2])
    assert learner.pool_.y[7] == 2
    assert len(learner.pool_) == 150


def test_refit_can_wait_and_the_last_fit_answers_until_then():
    learner = logistic()
    estimator, predicted = learner.estimator_, learner.predict_proba(X)
    idx, _ = learner.query(n_instances=5)
    learner.teach(idx, TRUTH[idx], refit=False)
    assert learner.estimator_ is estimator
    np.testing.assert_array_equal(learner.predict_proba(X), predicted)
    assert not np.isin(idx, learner.query(n_instances=150)[0]).any()
    assert learner.refit() is learner
    rows = learner.pool_.labeled
    assert np.isin(idx, rows).all()
    plain = LogisticRegression().fit(X[rows], TRUTH[rows])
    np.testing.assert_array_equal(learner.predict_proba(X), plain.predict_proba(X))


def test_a_label_without_effect_still_brings_a_waiting_refit():
    learner = logistic()
    estimator = learner.estimator_
    learner.teach([1], [0], refit=False).teach([1], [0])
    assert learner.estimator_ is not estimator


def test_the_annotator_is_kept_in_the_history():
    learner = logistic()
    learner.teach([1], [0], annotator="Ada")
    assert (learner.pool_.history[-1].annotator, learner.pool_.history[-1].after) == ("Ada", [0])
    learner.query(X + 1, 1)
    learner.teach(X[:1] + 1, [2], annotator="Bob")
    assert (learner.pool_.history[-1].annotator, learner.pool_.history[-1].after) == ("Bob", [2])
    learner.query()
    learner.teach([2], [0])
    assert learner.pool_.history[-1].annotator is None


def test_extend_adds_rows_behind_the_others_and_learns_those_that_have_a_label():
    learner = logistic()
    estimator, new = learner.estimator_, X[:4] + 0.1
    learner.extend(new)
    assert learner.estimator_ is estimator  # nothing new to learn
    assert learner.pool_.rows.parts[1] is new
    assert np.isin([150, 151, 152, 153], learner.query(n_instances=200)[0]).all()
    learner.extend(X[50:53] + 0.1, [1, -1, 1])
    assert learner.pool_.labeled[-2:].tolist() == [154, 156]
    assert 155 in learner.pool_.unlabeled
    rows = learner.pool_.labeled
    plain = LogisticRegression().fit(learner.pool_.X[rows], learner.pool_.y[rows])
    np.testing.assert_array_equal(learner.estimator_.coef_, plain.coef_)
    assert learner.query(n_instances=1, subset=[155])[1].tolist() == [(X[51] + 0.1).tolist()]


# Cold start


def test_with_no_label_the_estimator_waits_and_the_cold_start_asks():
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0).fit(X)
    assert not hasattr(learner, "estimator_")
    idx, rows = learner.query(n_instances=30)
    np.testing.assert_array_equal(rows, X[idx])
    np.testing.assert_array_equal(
        idx, ActiveLearner(SVC(), "margin", random_state=0).fit(X).query(n_instances=30)[0]
    )
    with pytest.raises(NotFittedError, match="cannot predict yet: no row is labelled yet; teach"):
        learner.predict(X)
    learner.teach(idx, TRUTH[idx])
    np.testing.assert_array_equal(learner.classes_, [0, 1, 2])
    two = np.sort(learner.predict_proba(X), axis=1)
    two[idx] = [0, 0, 1]
    assert learner.query()[0] == np.argmin(two[:, 2] - two[:, 1])  # the strategy asks now


@pytest.mark.parametrize("y", [None, [-1] * 150, [None] * 150])
def test_labels_that_are_all_missing_are_no_labels(y):
    learner = ActiveLearner(LogisticRegression()).fit(X, y)
    assert learner.pool_.n_labeled == 0
    assert len(learner.query(n_instances=200)[0]) == 150


def test_one_class_is_a_cold_start_while_unlabelled_rows_remain():
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0)
    learner.fit(X, np.where(np.arange(150) < 3, 0, -1))
    assert not hasattr(learner, "estimator_")
    assert len(learner.query(n_instances=5)[0]) == 5
    with pytest.raises(NotFittedError, match=r"only the class 0 is labelled; teach a row of anot"):
        learner.predict_proba(X)
    learner.teach([100], [2])
    assert set(learner.predict(X)) == {0, 2}


def test_one_class_and_nothing_unlabelled_is_left_to_the_estimator():
    tree = ActiveLearner(DecisionTreeClassifier(), "random").fit(X[:9], TRUTH[:9])
    assert tree.predict(X).tolist() == [0] * 150
    with pytest.raises(ValueError, match="class"):
        ActiveLearner(LogisticRegression()).fit(X[:9], TRUTH[:9])


def test_a_value_that_is_always_minus_one_or_another_gets_a_hint():
    y = np.where(np.arange(150) < 75, -1, 1)
    learner = ActiveLearner(LogisticRegression()).fit(X, y)
    with pytest.raises(NotFittedError) as info:
        learner.predict(X)
    assert str(info.value) == (
        "this ActiveLearner cannot predict yet: only the class 1 is labelled; teach a row of "
        "another (if -1 is a class rather than the missing label, pass missing_label=None)."
    )
    ActiveLearner(LogisticRegression(), missing_label=None).fit(X, y).predict(X)
    for silent in (
        ActiveLearner(LogisticRegression()).fit(X).teach([0], [1]),
        ActiveLearner(LogisticRegression(), missing_label=-7).fit(X, np.where(y == 1, 1, -7)),
        ActiveLearner(LogisticRegression()).fit(X, ["a", *[-1] * 149]),
    ):
        with pytest.raises(NotFittedError, match=r"is labelled; teach a row of another\.$"):
            silent.predict(X)


def test_a_cold_start_can_be_a_strategy_or_a_function_and_reads_x():
    by_function = ActiveLearner(LogisticRegression(), cold_start=lambda view, n: [140, 3][:n])
    assert by_function.fit(X).query(n_instances=2)[0].tolist() == [140, 3]
    by_strategy = ActiveLearner(LogisticRegression(), cold_start=Sum()).fit(X)
    largest = np.argsort(-X.sum(axis=1))[:5]
    assert by_strategy.query(n_instances=5)[0].tolist() == largest.tolist()
    assert by_strategy.query(X[::-1], 5)[0].tolist() == (149 - largest).tolist()
    np.testing.assert_allclose(by_strategy.scores(), X.sum(axis=1))


def test_undone_labels_bring_the_cold_start_back():
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0).fit(X)
    cold = learner.query(n_instances=9)[0]
    learner.teach([0, 100], [0, 2])
    learner.predict(X)
    learner.pool_.undo()
    learner.refit()
    assert not hasattr(learner, "estimator_")
    np.testing.assert_array_equal(learner.query(n_instances=9)[0], cold)
    with pytest.raises(NotFittedError, match="no row is labelled yet"):
        learner.predict(X)


def test_a_frozen_estimator_is_used_as_it_is_from_zero_labels():
    inner = LogisticRegression().fit(X[TRUTH > 0], TRUTH[TRUTH > 0])
    learner = ActiveLearner(FrozenEstimator(inner), "margin", random_state=0).fit(X)
    assert learner.classes_.tolist() == [1, 2]
    np.testing.assert_array_equal(learner.predict_proba(X), inner.predict_proba(X))
    gap = np.abs(np.diff(inner.predict_proba(X), axis=1)[:, 0])
    idx, _ = learner.query(n_instances=5)
    assert idx.tolist() == np.argsort(gap)[:5].tolist()
    coefficients = inner.coef_.copy()
    learner.teach([0, *idx], [0, *TRUTH[idx]])
    assert learner.estimator_.estimator is inner
    np.testing.assert_array_equal(inner.coef_, coefficients)
    assert learner.classes_.tolist() == [0, 1, 2]
    assert (learner.predict_proba(X)[:, 0] == 0).all()
    assert clone(learner).fit(X).estimator_.estimator is inner


def test_a_frozen_estimators_own_classes_stay_beside_those_that_are_named():
    inner = LogisticRegression().fit(X, TRUTH)
    learner = ActiveLearner(FrozenEstimator(inner), classes=[1, 5]).fit(X)
    assert learner.classes_.tolist() == [0, 1, 2, 5]
    np.testing.assert_array_equal(learner.predict_proba(X)[:, :3], inner.predict_proba(X))


# Labels of every kind

NAMES = np.array(["ant", "bee", "cow"])
KNOWN = np.arange(60) % 4 == 0


def known_or(missing, y):
    """A list of labels with something else where they are not known."""
    return [label if k else missing for label, k in zip(y.tolist(), KNOWN, strict=True)]


KINDS = {
    "int": (BLOB_OF, lambda y: np.where(KNOWN, y, -1)),
    "int list": (BLOB_OF, lambda y: np.where(KNOWN, y, -1).tolist()),
    "float": (BLOB_OF + 0.0, lambda y: np.where(KNOWN, y, np.nan)),
    "negative": (BLOB_OF - 5, lambda y: np.where(KNOWN, y, -1)),
    "bool": (BLOB_OF == 1, lambda y: known_or(None, y)),
    "text list": (NAMES[BLOB_OF], lambda y: known_or(-1, y)),
    "text objects": (NAMES[BLOB_OF], lambda y: np.where(KNOWN, y.astype(object), None)),
    "text with its own mark": (NAMES[BLOB_OF], lambda y: np.where(KNOWN, y, "?")),
    "Categorical": (NAMES[BLOB_OF], lambda y: pd.Categorical(np.where(KNOWN, y, None))),
    "nullable": (BLOB_OF, lambda y: pd.Series(y, dtype="Int64").where(KNOWN)),
    "nullable text": (NAMES[BLOB_OF], lambda y: pd.Series(y, dtype="string").where(KNOWN)),
    "nullable bool": (BLOB_OF == 1, lambda y: pd.Series(y, dtype="boolean").where(KNOWN)),
    "polars": (BLOB_OF, lambda y: pl.Series(known_or(None, y))),
    "polars text": (NAMES[BLOB_OF], lambda y: pl.Series(known_or(None, y))),
}


@pytest.mark.parametrize("encode", ["auto", True])
@pytest.mark.parametrize("kind", KINDS)
def test_labels_come_back_from_predict_as_they_were_taught(kind, encode):
    truth, hide = KINDS[kind]
    mark = "?" if kind == "text with its own mark" else "auto"
    learner = ActiveLearner(
        LogisticRegression(), "margin", missing_label=mark, encode_labels=encode
    )
    learner.fit(BLOBS, hide(truth))
    assert learner.pool_.labeled.tolist() == np.flatnonzero(KNOWN).tolist()
    assert learner.classes_.tolist() == np.unique(truth).tolist()
    assert learner.score(BLOBS, truth) == 1.0
    idx, _ = learner.query(n_instances=5)
    learner.teach(idx, truth[idx])
    predicted = learner.predict(BLOBS)
    assert predicted.tolist() == truth.tolist()
    assert {type(label) for label in predicted.tolist()} == {type(truth.tolist()[0])}
    np.testing.assert_array_equal(
        learner.classes_[learner.predict_proba(BLOBS).argmax(axis=1)].tolist(), truth.tolist()
    )


def test_minus_one_as_text_is_a_class_where_classes_names_it():
    learner = ActiveLearner(KNeighborsClassifier(1), classes=["-1", "1"])
    learner.fit([[0.0], [1.0], [2.0]], np.array(["-1", "1", "1"]))
    assert learner.predict([[0.0], [2.0]]).tolist() == ["-1", "1"]


@pytest.mark.parametrize("encode", [True, False])
def test_encode_labels_says_what_the_estimator_is_given(encode):
    y = ["pos", "neg", -1, "pos"]
    learner = ActiveLearner(Recorder(), "random", encode_labels=encode).fit([[0], [1], [2], [3]], y)
    given = learner.estimator_.calls_[-1][2].tolist()
    assert given == ([1, 0, 1] if encode else ["pos", "neg", "pos"])
    assert learner.predict([[5]]).tolist() == ["pos"]
    assert learner.classes_.tolist() == ["neg", "pos"]
    assert learner.score([[0], [1], [2]], ["pos", -1, "neg"]) == 0.5
    assert learner.score([[0]], ["never seen"]) == 0.0


@pytest.mark.parametrize(("package", "name"), [("xgboost", "XGBModel"), ("lightgbm", "LGBMModel")])
def test_auto_encodes_for_the_packages_that_need_it(package, name, monkeypatch):
    base = type(name, (Recorder,), {})  # test_kinds has the real ones, and skorch's
    monkeypatch.setitem(sys.modules, package, SimpleNamespace(**{name: base}))
    foreign = type("Foreign", (base,), {})()
    for estimator in (foreign, make_pipeline(StandardScaler(), foreign)):
        learner = ActiveLearner(estimator, "random").fit(BLOBS, known_or(-1, NAMES[BLOB_OF]))
        last = learner.estimator_ if estimator is foreign else learner.estimator_[-1]
        assert set(last.calls_[-1][2].tolist()) == {0, 1, 2}
        assert set(learner.predict(BLOBS)) <= set(NAMES)


@pytest.mark.parametrize(
    ("package", "name"), [("xgboost", "XGBClassifier"), ("lightgbm", "LGBMClassifier")]
)
def test_boosting_with_text_labels_and_a_gap_in_the_classes(package, name):
    estimator = getattr(pytest.importorskip(package), name)(n_estimators=5, n_jobs=1)
    if package == "lightgbm":
        estimator.set_params(min_child_samples=2, verbose=-1)
    learner = ActiveLearner(
        estimator, "margin", classes=["ant", "axe", "bee", "cow"], random_state=0
    )
    learner.fit(BLOBS, known_or(-1, NAMES[BLOB_OF]))
    plain = clone(estimator).set_params(random_state=learner.estimator_.random_state)
    plain.fit(BLOBS[KNOWN], BLOB_OF[KNOWN])
    assert learner.predict(BLOBS).tolist() == NAMES[plain.predict(BLOBS)].tolist()
    proba = learner.predict_proba(BLOBS)
    np.testing.assert_array_equal(proba[:, [0, 2, 3]], plain.predict_proba(BLOBS))
    np.testing.assert_array_equal(proba[:, 1], 0)
    idx, rows = learner.query(n_instances=3)
    np.testing.assert_array_equal(rows, BLOBS[idx])


def test_class_weights_by_text_keep_working():
    weights = {"ant": 1.0, "bee": 20.0, "cow": 1.0}
    y = known_or(-1, NAMES[BLOB_OF])
    learner = ActiveLearner(LogisticRegression(class_weight=weights)).fit(BLOBS / 9, y)
    plain = LogisticRegression(class_weight=weights)
    plain.fit(BLOBS[KNOWN] / 9, NAMES[BLOB_OF][KNOWN])
    np.testing.assert_array_equal(learner.predict_proba(BLOBS), plain.predict_proba(BLOBS))


def test_classes_that_may_come_have_columns_of_zeros_until_they_do():
    y = np.where(TRUTH == 1, -1, Y)
    learner = ActiveLearner(LogisticRegression(), "entropy", classes=[2, 7, 1, 0]).fit(X, y)
    assert learner.classes_.tolist() == [0, 1, 2, 7]
    seen = LogisticRegression().fit(X[y >= 0], y[y >= 0]).predict_proba(X)
    proba = learner.predict_proba(X)
    np.testing.assert_array_equal(proba[:, [0, 2]], seen)
    np.testing.assert_array_equal(proba[:, [1, 3]], 0)
    logs = learner.predict_log_proba(X)
    np.testing.assert_array_equal(logs[:, [1, 3]], -np.inf)
    np.testing.assert_allclose(logs[:, [0, 2]], np.log(seen))
    np.testing.assert_allclose(
        learner.scores()[y < 0], -(seen * np.log(seen)).sum(axis=1)[y < 0], rtol=1e-12
    )
    learner.teach([60], [1])
    assert (learner.predict_proba(X)[:, 1] > 0).all()
    assert (learner.predict_proba(X)[:, 3] == 0).all()


def test_logarithms_of_probabilities_are_the_estimators_own_where_all_classes_are_seen():
    learner = logistic()
    plain = LogisticRegression().fit(X[Y >= 0], Y[Y >= 0])
    np.testing.assert_array_equal(learner.predict_log_proba(X), plain.predict_log_proba(X))


def test_classes_named_later_hold_from_the_next_refit():
    learner = logistic(classes=[0, 1, 2])
    with pytest.raises(ValueError, match="which classes= does not name"):
        learner.teach([1], [3])
    learner.set_params(classes=[0, 1, 2, 3]).refit().teach([1], [3])
    assert learner.classes_.tolist() == [0, 1, 2, 3]


def test_score_skips_rows_without_a_label():
    learner = logistic()
    hidden, weights = np.where(np.arange(150) % 3 == 0, TRUTH, -1), np.linspace(1, 9, 150)
    kept = hidden >= 0
    expected = accuracy_score(TRUTH[kept], learner.predict(X[kept]))
    assert learner.score(X, hidden) == expected
    assert learner.score(X, [None if label < 0 else label for label in hidden]) == expected
    weighted = accuracy_score(TRUTH[kept], learner.predict(X[kept]), sample_weight=weights[kept])
    for given in (weights, tuple(weights), pd.Series(weights)):
        assert learner.score(X, hidden, sample_weight=given) == pytest.approx(weighted, abs=1e-12)
    with pytest.raises(ValueError, match="score got no label in y"):
        learner.score(X, [-1] * 150)


# Regression


def test_regressors_read_nan_as_no_value_and_minus_one_as_a_value():
    y = np.where(np.arange(150) % 10 == 0, -1.0, np.nan)
    y[::20] = 3.0
    learner = ActiveLearner(Ridge()).fit(X, y)
    assert learner.pool_.labeled.tolist() == list(range(0, 150, 10))
    assert isinstance(learner.strategy_, Random)
    assert not hasattr(learner, "classes_")
    plain = Ridge().fit(X[::10], y[::10])
    np.testing.assert_array_equal(learner.predict(X), plain.predict(X))
    assert learner.score(X, y) == r2_score(y[::10], plain.predict(X[::10]))
    learner.teach([1, 2], [0.5, np.nan])
    assert learner.pool_.y[1] == 0.5
    assert learner.pool_.skipped.tolist() == [2]


def test_an_explicit_missing_label_is_honoured_for_regressors_too():
    y = np.where(np.arange(150) % 10 == 0, X[:, 0], -999)
    y[3] = np.nan
    learner = ActiveLearner(Ridge(), missing_label=-999).fit(X, y)
    assert learner.pool_.labeled.tolist() == list(range(0, 150, 10))


def test_a_regressor_starts_from_one_value():
    learner = ActiveLearner(GaussianProcessRegressor()).fit([[0.0], [1.0], [5.0]])
    assert learner.query()[0].shape == (1,)
    learner.teach(0, 2.5)
    assert isinstance(learner.strategy_, Std)
    assert learner.query()[0] == 2  # the farthest


def test_auto_is_margin_for_classifiers_std_for_regressors_that_give_one_else_random():
    chosen = {
        type(ActiveLearner(estimator).fit(X, y).strategy_)
        for estimator, y in [(LogisticRegression(), Y), (SVC(), Y), (RandomForestClassifier(3), Y)]
    }
    assert chosen == {Margin}
    assert type(ActiveLearner(Recorder()).fit(X, Y).strategy_) is Random
    assert type(ActiveLearner(GaussianProcessRegressor()).fit(X, TRUTH * 1.0).strategy_) is Std
    assert type(ActiveLearner(Ridge()).fit(X, TRUTH * 1.0).strategy_) is Random


def test_bayesian_optimisation_finds_the_maximum_of_a_function():
    def f(x):
        return np.sin(3 * x) + 0.5 * x  # local maxima near 0.58, 2.67 and the largest near 4.77

    grid = np.linspace(0, 5.2, 400)[:, None]
    learner = ActiveLearner(
        GaussianProcessRegressor(RBF(0.5), optimizer=None, alpha=1e-6),
        "expected_improvement",
        random_state=0,
    ).fit(grid)
    for _ in range(15):
        idx, rows = learner.query()
        learner.teach(idx, f(rows[:, 0]))
    best = learner.pool_.labeled[np.argmax(learner.pool_.y_labeled)]
    assert abs(grid[best, 0] - grid[np.argmax(f(grid[:, 0])), 0]) < 0.03


def test_expected_improvement_is_its_formula_over_the_regressors_mean_and_deviation():
    known = np.arange(0, 150, 10)
    y = np.full(150, np.nan)
    y[known] = X[known, 0]
    learner = ActiveLearner(
        GaussianProcessRegressor(RBF(1.0), optimizer=None), "expected_improvement"
    )
    mean, std = learner.fit(X, y).estimator_.predict(X, return_std=True)
    z = (mean - y[known].max()) / std
    expected = (mean - y[known].max()) * norm.cdf(z) + std * norm.pdf(z)
    expected[known] = np.nan
    np.testing.assert_allclose(np.exp(learner.scores()), expected, rtol=1e-9, atol=1e-12)


# Ways of retraining


def test_refit_is_a_fresh_clone_on_all_labelled_rows_in_row_order():
    learner = ActiveLearner(Recorder(), "random").fit(X, Y)
    learner.teach([141, 1], [2, 0])
    ((kind, rows, y, params),) = learner.estimator_.calls_
    labeled = np.sort(np.append(np.flatnonzero(Y >= 0), [1, 141]))
    np.testing.assert_array_equal(rows, X[labeled])
    assert y.tolist() == TRUTH[labeled].tolist()
    assert (kind, params) == ("fit", {})
    assert not hasattr(learner.estimator, "calls_")


def test_warm_start_goes_on_with_a_copy():
    learner = ActiveLearner(Recorder(), "random", update="warm_start").fit(X, Y)
    estimator = learner.estimator_
    assert estimator.warm_start
    learner.teach([1], [0])
    assert [len(y) for _, _, y, _ in learner.estimator_.calls_] == [15, 16]
    assert [len(y) for _, _, y, _ in estimator.calls_] == [15]  # stays as it was
    learner.teach([2], [3])  # a new class: from the start
    assert [len(y) for _, _, y, _ in learner.estimator_.calls_] == [17]


def test_warm_start_goes_on_from_the_coefficients():
    learner = ActiveLearner(
        LogisticRegression(max_iter=1), update="warm_start", classes=[0, 1, 2], random_state=0
    )
    few = np.where(TRUTH == 2, -1, Y)
    with pytest.warns(match="failed to converge"):
        learner.fit(X, few)
    with pytest.warns(match="failed to converge"):
        learner.refit()
    plain = LogisticRegression(max_iter=1, warm_start=True, random_state=0)
    with pytest.warns(match="failed to converge"):
        plain.fit(X[few >= 0], few[few >= 0]).fit(X[few >= 0], few[few >= 0])
    np.testing.assert_array_equal(learner.estimator_.coef_, plain.coef_)
    with pytest.warns(match="failed to converge"):
        learner.teach([120], [2])  # named, but not seen before: its coefficients have another shape
    assert learner.predict_proba(X).shape == (150, 3)


def test_partial_fit_is_given_only_what_was_newly_taught_with_the_classes():
    learner = ActiveLearner(Recorder(), "random", update="partial_fit", classes=[2, 1, 0, 9])
    learner.fit(X, Y)
    learner.teach([141, 1], [2, 0])
    learner.teach([5], [-1])
    learner.teach([3], [0], refit=False).teach([4], [0])
    learner.query(X + 1, 2)
    learner.teach(X[:2] + 1, [1, 9])
    taught = [
        (kind, rows.tolist(), y.tolist(), params["classes"].tolist())
        for kind, rows, y, params in learner.estimator_.calls_
    ]
    classes = [0, 1, 2, 9]
    assert taught == [
        ("partial_fit", X[::10].tolist(), TRUTH[::10].tolist(), classes),
        ("partial_fit", X[[1, 141]].tolist(), [0, 2], classes),
        ("partial_fit", X[[3, 4]].tolist(), [0, 0], classes),
        ("partial_fit", (X[:2] + 1).tolist(), [1, 9], classes),
    ]


@pytest.mark.parametrize("change", ["relabel", "unlabel", "undo", "new class"])
def test_partial_fit_starts_afresh_where_it_cannot_go_on(change):
    learner = ActiveLearner(Recorder(), "random", update="partial_fit").fit(X, Y)
    learner.teach([1], [0])
    estimator = learner.estimator_
    if change == "relabel":
        learner.teach([1], [1], relabel=True)
    elif change == "unlabel":
        learner.teach([1], [-1], relabel=True)
    elif change == "undo":
        learner.pool_.undo()
        learner.refit()
    else:
        learner.teach([2], [7])
    assert learner.estimator_ is not estimator
    ((_, rows, y, _),) = learner.estimator_.calls_
    np.testing.assert_array_equal(rows, learner.pool_.X_labeled)
    np.testing.assert_array_equal(y, learner.pool_.y_labeled)


def test_partial_fit_of_codes_counts_all_classes():
    y = known_or(-1, NAMES[BLOB_OF])
    learner = ActiveLearner(
        SGDClassifier(random_state=0),
        update="partial_fit",
        encode_labels=True,
        classes=["ant", "axe", "bee", "cow"],
    ).fit(BLOBS, y)
    codes = np.array([0, 2, 3])[BLOB_OF]
    plain = SGDClassifier(random_state=0).partial_fit(BLOBS[KNOWN], codes[KNOWN], [0, 1, 2, 3])
    np.testing.assert_array_equal(learner.estimator_.coef_, plain.coef_)
    assert learner.predict(BLOBS).tolist() == learner.classes_[plain.predict(BLOBS)].tolist()


def test_partial_fit_learns_what_a_plain_loop_of_partial_fits_learns():
    learner = ActiveLearner(SGDClassifier(random_state=0), update="partial_fit").fit(X, Y)
    plain = SGDClassifier(random_state=0)
    plain.partial_fit(X[Y >= 0], Y[Y >= 0], classes=[0, 1, 2])
    for rows in ([1, 71, 141], [2], [62, 63]):
        learner.teach(rows, TRUTH[rows])
        plain.partial_fit(X[rows], TRUTH[rows])
    np.testing.assert_array_equal(learner.estimator_.coef_, plain.coef_)


def test_nothing_new_is_no_reason_for_a_partial_fit():
    learner = ActiveLearner(Recorder(), "random", update="partial_fit").fit(X, Y)
    learner.refit().refit()
    assert len(learner.estimator_.calls_) == 1


# Parameters


def test_parameters_set_take_effect_at_the_next_refit():
    learner = logistic()
    old = learner.estimator_
    learner.set_params(strategy="entropy", estimator__C=0.01)
    assert learner.strategy_.__class__ is Margin
    assert learner.estimator_ is old
    learner.refit()
    assert learner.strategy_.__class__ is Entropy
    plain = LogisticRegression(C=0.01).fit(X[Y >= 0], Y[Y >= 0])
    np.testing.assert_array_equal(learner.estimator_.coef_, plain.coef_)


@pytest.mark.parametrize("update", ["warm_start", "partial_fit"])
def test_parameters_set_take_effect_in_an_estimator_that_goes_on(update):
    learner = ActiveLearner(Recorder(), "random", update=update, random_state=0).fit(X, Y)
    learner.set_params(estimator__power=5).teach([1], [0])
    assert learner.estimator_.power == 5 and len(learner.estimator_.calls_) == 2
    learner.set_params(estimator=SGDClassifier()).refit()
    assert isinstance(learner.estimator_, SGDClassifier)


def test_the_strategy_in_use_is_a_copy():
    given = UpperConfidenceBound(beta=3)
    learner = ActiveLearner(GaussianProcessRegressor(), given).fit(X, TRUTH * 1.0)
    assert learner.strategy_ is not given
    assert learner.strategy_.beta == 3


def test_parameters_reach_the_estimator_and_a_strategy_instance():
    learner = ActiveLearner(GaussianProcessRegressor(), UpperConfidenceBound(beta=3))
    params = learner.get_params()
    assert (params["strategy__beta"], params["estimator__alpha"]) == (3, 1e-10)
    twin = clone(learner).set_params(strategy__beta=9, estimator__alpha=1e-3)
    assert (learner.strategy.beta, twin.strategy.beta, twin.estimator.alpha) == (3, 9, 1e-3)
    assert set(clone(logistic()).get_params(deep=False)) == {
        *("estimator", "strategy", "embedding", "cold_start", "classes", "missing_label"),
        *("encode_labels", "fit_unlabeled", "update", "window", "drift", "random_state"),
        "max_test",
        *("consensus", "hold_out", "multilabel"),
    }


def test_a_search_over_the_estimators_parameters_finds_what_it_finds_without_the_learner():
    grid = {"C": [1e-4, 1.0]}
    plain = GridSearchCV(LogisticRegression(), grid, cv=3).fit(X, TRUTH)
    search = GridSearchCV(
        ActiveLearner(LogisticRegression(), random_state=0), {"estimator__C": grid["C"]}, cv=3
    ).fit(X, TRUTH)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    assert search.best_params_ == {"estimator__C": 1.0}


def test_a_search_over_strategies_and_their_parameters_runs_and_ties():
    learner = ActiveLearner(GaussianProcessRegressor(), UpperConfidenceBound(), random_state=0)
    grid = [{"strategy": ["std", "random"]}, {"strategy__beta": [0.5, 2.0]}]
    search = GridSearchCV(learner, grid, cv=3).fit(BLOBS, BLOBS[:, 0])
    assert len(set(search.cv_results_["mean_test_score"])) == 1


def test_a_learner_inside_a_pipeline_scores_as_its_estimator_would():
    shuffled = StratifiedKFold(3, shuffle=True, random_state=0)
    pipe = make_pipeline(StandardScaler(), ActiveLearner(SVC(), random_state=0))
    plain = make_pipeline(StandardScaler(), SVC())
    np.testing.assert_array_equal(
        cross_val_score(pipe, X, TRUTH, cv=shuffled), cross_val_score(plain, X, TRUTH, cv=shuffled)
    )
    partly = np.where(np.arange(150) % 2, -1, TRUTH)
    scores = cross_val_score(pipe, X, partly, cv=shuffled)
    for score, (train, test) in zip(scores, shuffled.split(X, partly), strict=True):
        scaler = StandardScaler().fit(X[train])  # which sees the unlabelled rows too
        train, test = train[partly[train] >= 0], test[partly[test] >= 0]
        svc = SVC().fit(scaler.transform(X[train]), TRUTH[train])
        assert score == svc.score(scaler.transform(X[test]), TRUTH[test])


def test_methods_are_those_of_the_estimator():
    assert hasattr(ActiveLearner(LogisticRegression()), "predict_proba")
    assert not hasattr(ActiveLearner(SVC()), "predict_proba")
    assert not hasattr(ActiveLearner(LogisticRegression()), "transform")
    np.testing.assert_array_equal(
        ActiveLearner(SVC()).fit(X, Y).decision_function(X),
        SVC().fit(X[Y >= 0], Y[Y >= 0]).decision_function(X),
    )
    np.testing.assert_array_equal(
        ActiveLearner(LinearDiscriminantAnalysis()).fit(X, Y).transform(X),
        LinearDiscriminantAnalysis().fit(X[Y >= 0], Y[Y >= 0]).transform(X),
    )
    process = GaussianProcessRegressor(RBF(1.0), optimizer=None, alpha=0.1)
    ours = ActiveLearner(process).fit(X, X[:, 0]).predict(X, return_std=True)
    np.testing.assert_array_equal(ours, clone(process).fit(X, X[:, 0]).predict(X, return_std=True))


def test_the_members_of_a_voting_classifier_are_a_committee():
    members = [
        ("lr", LogisticRegression()),
        ("tree", DecisionTreeClassifier(max_depth=2, random_state=0)),
    ]
    learner = ActiveLearner(VotingClassifier(members), "vote_entropy").fit(X, NAMES[TRUTH])
    learner.query(OUTSIDE, 5)
    votes = [clone(member).fit(X, TRUTH).predict(X) for _, member in members]
    np.testing.assert_allclose(
        learner.scores(X + 0.0), np.where(votes[0] == votes[1], 0, np.log(2)), atol=1e-12
    )


def test_bagging_is_a_committee_by_bootstrap():
    bagging = BaggingClassifier(LogisticRegression(), 7, random_state=0)
    learner = ActiveLearner(bagging, "consensus_entropy").fit(X, Y)
    members = clone(bagging).fit(X[Y >= 0], Y[Y >= 0]).estimators_
    mean = np.mean([member.predict_proba(X) for member in members], axis=0)
    assert len(learner.estimator_.estimators_) == 7
    np.testing.assert_allclose(
        learner.scores()[Y < 0], -(mean * np.log(mean)).sum(axis=1)[Y < 0], rtol=1e-10
    )


# Metadata


def test_row_aligned_parameters_of_fit_hold_for_the_pool_and_others_are_repeated():
    weights = np.arange(150.0)
    learner = ActiveLearner(Recorder(), "random").fit(X, Y, sample_weight=weights, mode="x")
    given = learner.estimator_.calls_[-1][3]
    assert (given["sample_weight"].tolist(), given["mode"]) == (list(range(0, 150, 10)), "x")
    learner.teach([5], [0])
    given = learner.estimator_.calls_[-1][3]
    assert (given["sample_weight"][1], given["mode"]) == (5, "x")
    learner.teach([6], [0], sample_weight=[0.5], mode="y")
    learner.refit()
    given = learner.estimator_.calls_[-1][3]
    assert given["sample_weight"][:3].tolist() == [0, 5, 0.5]
    assert given["mode"] == "y"
    np.testing.assert_array_equal(weights, np.arange(150.0))  # not written to


@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series, pl.Series])
def test_outside_rows_and_new_rows_bring_their_own_parameters(kind):
    weights = np.ones(150, dtype=int)
    learner = ActiveLearner(Recorder(), "random").fit(X, Y, sample_weight=kind(weights))
    learner.teach([1], [0], sample_weight=kind([0.125]))  # no integer
    learner.query(X + 1, 2)
    learner.teach(X[:2] + 1, [0, 1], sample_weight=[0.25, 0.5])
    learner.extend(X[:2] + 2, [1, -1], sample_weight=np.array([0.75, 9]))
    given = learner.estimator_.calls_[-1][3]["sample_weight"]
    assert np.asarray(given)[[1, -3, -2, -1]].tolist() == [0.125, 0.25, 0.5, 0.75]
    assert len(given) == learner.pool_.n_labeled


def test_a_new_weight_for_an_old_label_is_learned():
    learner = ActiveLearner(Recorder(), "random").fit(X, Y, sample_weight=np.ones(150))
    learner.teach([0], [0], sample_weight=[7.0])
    assert learner.estimator_.calls_[-1][3]["sample_weight"][0] == 7


def test_teach_and_extend_route_metadata_as_fit_does():
    with config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=False)
        weights = np.linspace(1, 2, 150)
        learner = ActiveLearner(estimator).fit(X, Y, sample_weight=weights)
        learner.teach([1], [0], sample_weight=[9.0])
        weights[1] = 9
        rows = learner.pool_.labeled
        plain = LogisticRegression().fit(X[rows], TRUTH[rows], weights[rows])
        np.testing.assert_array_equal(learner.estimator_.coef_, plain.coef_)
        with pytest.raises(Exception, match="sample_weight.* not explicitly set as requested"):
            ActiveLearner(LogisticRegression()).fit(X, Y, sample_weight=weights)


# Containers


def test_x_is_neither_copied_nor_written_to():
    learner = logistic()  # arrays are read-only
    assert learner.pool_.X is X
    sparse = sp.csr_matrix(X)
    for part in (sparse.data, sparse.indices, sparse.indptr):
        part.flags.writeable = False
    frame = pd.DataFrame(X, columns=list("abcd"))
    digest = hashlib.sha256(pickle.dumps(frame)).digest()
    for rows in (sparse, frame):
        learner = ActiveLearner(LogisticRegression(), random_state=0).fit(rows, Y)
        idx, _ = learner.query(n_instances=5)
        learner.teach(idx, TRUTH[idx])
        assert learner.pool_.X is rows
    assert hashlib.sha256(pickle.dumps(frame)).digest() == digest


def test_a_memmap_is_pickled_as_a_reference(tmp_path):
    mapped = np.memmap(tmp_path / "X", dtype=np.float64, mode="w+", shape=(20_000, 50))
    mapped[:] = np.random.default_rng(0).normal(size=mapped.shape)
    mapped.flush()
    y = np.where(np.arange(20_000) % 1000 == 0, np.arange(20_000) // 1000 % 2, -1)
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(mapped, y)
    pickled = pickle.dumps(learner)
    assert len(pickled) < mapped.nbytes / 10
    twin = pickle.loads(pickled)
    assert isinstance(twin.pool_.X, np.memmap)
    for ours, theirs in zip(learner.query(n_instances=5), twin.query(n_instances=5), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_frame_goes_to_a_column_transformer_by_name_and_rows_come_by_position():
    frame = pd.DataFrame(
        {"size": X[:, 0], "colour": np.array(["red", "blue", "red"])[TRUTH]},
        index=[f"row {i}" for i in range(150)][::-1],
    )
    columns = make_column_transformer((OneHotEncoder(), ["colour"]), (StandardScaler(), ["size"]))
    learner = ActiveLearner(make_pipeline(columns, LogisticRegression()), random_state=0)
    learner.fit(frame, Y)
    idx, rows = learner.query(n_instances=4)
    pd.testing.assert_frame_equal(rows, frame.iloc[idx])
    learner.teach(idx, pd.Series(TRUTH[idx], index=rows.index))
    assert learner.pool_.y[idx].tolist() == TRUTH[idx].tolist()
    idx, rows = learner.query(frame[["colour", "size"]].iloc[::-1], 4)  # columns by their names
    learner.teach(rows, TRUTH[::-1][idx])
    assert list(learner.pool_.X.columns) == ["size", "colour"]
    assert learner.pool_.y[150:].tolist() == TRUTH[::-1][idx].tolist()


def test_features_are_known_before_the_first_fit_and_after():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    cold = ActiveLearner(LogisticRegression()).fit(frame)
    assert (cold.n_features_in_, cold.feature_names_in_.tolist()) == (4, ["a", "b", "c", "d"])
    warm = ActiveLearner(LogisticRegression()).fit(frame, Y)
    assert (warm.n_features_in_, warm.feature_names_in_.tolist()) == (4, ["a", "b", "c", "d"])
    for learner in (
        ActiveLearner(SVC()).fit(X),
        logistic(),
        ActiveLearner(SVC()).fit(pd.DataFrame(X)),
    ):
        assert learner.n_features_in_ == 4
        assert not hasattr(learner, "feature_names_in_")
    assert not hasattr(ActiveLearner(SVC()).fit(["a text", "more"]), "n_features_in_")
    assert not hasattr(ActiveLearner(SVC()), "n_features_in_")


def test_texts_in_a_list_are_rows():
    texts = [f"{'good' if i % 2 else 'bad'} text number {i}" for i in range(40)]
    y = [i % 2 if i < 8 else -1 for i in range(40)]
    learner = ActiveLearner(make_pipeline(TfidfVectorizer(), LogisticRegression())).fit(texts, y)
    idx, rows = learner.query(n_instances=3)
    assert rows == [texts[i] for i in idx]
    learner.teach(idx, idx % 2)
    assert learner.predict(["good", "bad"]).tolist() == [1, 0]
    others = ["good one", "bad one", "neither"]
    doubt = np.abs(np.diff(learner.predict_proba(others), axis=1)[:, 0])
    idx, rows = learner.query(others, 1)
    assert rows == [others[np.argmin(doubt)]]
    learner.teach(rows, [0])
    assert learner.pool_.X[-1] == rows[0]


# Semi-supervised estimators


def test_fit_unlabeled_hands_over_all_rows_with_minus_one():
    learner = ActiveLearner(Recorder(), "random", fit_unlabeled=True).fit(X, np.where(Y == 2, 7, Y))
    learner.pool_.reserve([1])
    learner.pool_.skip([2])
    learner.teach([141], [7])
    _, rows, y, _ = learner.estimator_.calls_[-1]
    assert rows is X
    expected = Y.copy()
    expected[141] = 2
    assert y.tolist() == expected.tolist()
    assert learner.classes_.tolist() == [0, 1, 7]
    as_it_is = ActiveLearner(Recorder(), "random", fit_unlabeled=True, encode_labels=False)
    assert as_it_is.fit(X, Y).estimator_.calls_[-1][2].tolist() == Y.tolist()


def test_more_rows_are_learned_where_the_unlabelled_count():
    learner = ActiveLearner(Recorder(), "random", fit_unlabeled=True).fit(X, Y).extend(X[:3])
    assert learner.estimator_.calls_[-1][2].tolist() == [*Y, -1, -1, -1]


def test_label_distributions_are_the_probabilities_of_the_pools_own_rows():
    y = np.where(Y < 0, None, NAMES[TRUTH])
    model = LabelSpreading(kernel="rbf", gamma=2, alpha=0.9, max_iter=5)
    with pytest.warns(match="max_iter"):
        learner = ActiveLearner(model, "entropy", fit_unlabeled=True).fit(X, y)
        plain = clone(model).fit(X, Y)
    assert learner.classes_.tolist() == NAMES.tolist()
    own = plain.label_distributions_
    safe = np.where(own > 0, own, 1)
    np.testing.assert_allclose(
        learner.scores()[Y < 0], -(own * np.log(safe)).sum(axis=1)[Y < 0], rtol=1e-10
    )
    induced = plain.predict_proba(X)
    assert np.abs(induced - own).max() > 0.01  # or the test above could not tell them apart
    np.testing.assert_allclose(learner.predict_proba(X), induced)
    np.testing.assert_allclose(
        learner.scores(X[1:9]), -(induced * np.log(induced)).sum(axis=1)[1:9], rtol=1e-10
    )
    assert learner.predict(X).tolist() == NAMES[plain.predict(X)].tolist()


def test_self_training_decodes_text_labels():
    y = np.where(Y < 0, None, NAMES[TRUTH])
    learner = ActiveLearner(
        SelfTrainingClassifier(LogisticRegression()), "margin", fit_unlabeled=True
    )
    learner.fit(X, y)
    plain = SelfTrainingClassifier(LogisticRegression()).fit(X, Y)
    assert learner.predict(X).tolist() == NAMES[plain.predict(X)].tolist()
    np.testing.assert_array_equal(learner.predict_proba(X), plain.predict_proba(X))
    idx, _ = learner.query(n_instances=5)
    learner.teach(idx, NAMES[TRUTH[idx]])
    assert learner.score(X, NAMES[TRUTH]) > 0.8


# Going on, deploying, showing


def test_fit_takes_a_pool_and_goes_on_where_it_stands(tmp_path):
    learner = logistic("random", random_state=5)
    learner.teach([1, 2], [0, -1])
    learner.pool_.reserve([3], name="Ada")
    learner.pool_.save(tmp_path / "pool.npz")
    pool = Pool.load(tmp_path / "pool.npz", X)
    resumed = ActiveLearner(LogisticRegression(), "random", random_state=99).fit(pool)
    assert resumed.pool_ is pool
    assert resumed.seed_ == 5  # the pool's, not another
    np.testing.assert_array_equal(resumed.estimator_.coef_, learner.estimator_.coef_)
    for _ in range(3):
        ours, theirs = learner.query(n_instances=4)[0], resumed.query(n_instances=4)[0]
        np.testing.assert_array_equal(ours, theirs)
        learner.teach(ours, TRUTH[ours])
        resumed.teach(theirs, TRUTH[theirs])


def test_a_pool_made_by_hand_is_given_the_learners_seed():
    pool = Pool(X, Y)
    assert pool.seed is None
    ActiveLearner(LogisticRegression(), random_state=3).fit(pool)
    assert pool.seed == 3


def test_a_learner_loaded_in_a_new_process_asks_for_the_same_rows(tmp_path):
    learner = logistic("random", random_state=None)
    idx, _ = learner.query(n_instances=3)
    learner.teach(idx, TRUTH[idx])
    (tmp_path / "learner.pkl").write_bytes(pickle.dumps(learner))
    script = (
        "import pickle, sys; learner = pickle.load(open(sys.argv[1], 'rb'));"
        "print(learner.query(n_instances=9)[0].tolist())"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "learner.pkl")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(learner.query(n_instances=9)[0].tolist())


def test_without_pool_predicts_and_is_small():
    many = np.repeat(X, 50, axis=0)
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(many, np.repeat(Y, 50))
    with unchanged(learner):
        small = learner.without_pool()
    assert len(pickle.dumps(small)) < 5_000 < len(pickle.dumps(learner)) / 10
    twin = pickle.loads(pickle.dumps(small))
    np.testing.assert_array_equal(twin.predict_proba(X), learner.predict_proba(X))
    assert twin.score(X, Y) == learner.score(X, Y)
    assert twin.n_features_in_ == 4
    for name, given in [("query", ()), ("teach", ([1], [1])), ("refit", ()), ("extend", (X,))]:
        with pytest.raises(ValueError, match=f"^{name} needs the pool, which without_pool"):
            getattr(twin, name)(*given)


def test_html_shows_the_counts_and_the_estimator():
    learner = logistic()
    learner.pool_.reserve([1, 2, 3])
    learner.pool_.skip([4, 5])
    html = learner._repr_mimebundle_()["text/html"]
    for count, name in [(15, "labelled"), (3, "reserved"), (2, "skipped"), (130, "unlabelled")]:
        assert f"<th>{name}</th>" in html
        assert f"<td>{count}</td>" in html
    assert "LogisticRegression" in html
    assert "LogisticRegression" in ActiveLearner(LogisticRegression())._repr_html_()
    assert learner._repr_mimebundle_()["text/plain"] == repr(learner)


def test_fit_again_forgets_what_was():
    learner = logistic()
    learner.query(OUTSIDE, 3)
    learner.fit(BLOBS, known_or(-1, NAMES[BLOB_OF]))
    assert learner.classes_.tolist() == NAMES.tolist()
    assert len(learner.pool_) == 60
    learner.teach([1], [NAMES[BLOB_OF[1]]])  # the query over outside rows is forgotten too
    learner.fit(X)
    assert not hasattr(learner, "estimator_")
    assert learner.classes_.tolist() == []


def test_every_strategy_by_name_asks_for_rows_that_are_not_labelled():
    for name in get_strategy_names():
        for estimator, y in [
            (RandomForestClassifier(5), Y),
            (GaussianProcessRegressor(), np.where(Y < 0, np.nan, Y)),
        ]:
            learner = ActiveLearner(estimator, name)
            try:
                learner.fit(X, y)
            except ValueError as error:
                assert "cannot give" in str(error)
                continue
            idx, _ = learner.query(n_instances=10)
            assert len(set(idx.tolist())) == 10
            assert (Y[idx] == -1).all()


def test_margins_of_an_estimator_on_codes_are_not_decoded():
    xgboost = pytest.importorskip("xgboost")
    estimator = xgboost.XGBClassifier(n_estimators=3, n_jobs=1)
    learner = ActiveLearner(estimator, random_state=0).fit(X, np.array(["a", "b", "c"])[TRUTH])
    margins = learner.predict(X, output_margin=True)
    np.testing.assert_array_equal(margins, learner.estimator_.predict(X, output_margin=True))
