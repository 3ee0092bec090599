"""LCMD: its twin, what it promises, and what it refuses."""

import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from naive_d2_sampling import vectors
from selection_contract import check_contract, check_forms, check_refusals, problems
from sklearn.ensemble import RandomForestRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neural_network import MLPRegressor

from skactive import ActiveLearner, select
from skactive.selection import lcmd
from skactive.strategies import LCMD


def clusters_of(X, rows, centers):
    """How far rows are from the nearest centre, squared, and which of the centres that is."""
    squared = ((X[rows][:, None] - X[centers]) ** 2).sum(axis=2)
    return squared.min(axis=1), squared.argmin(axis=1)


def count_right(X, candidates, centers, picks):
    """How many picks are the farthest of the largest cluster, where that is only one row."""
    known, n_certain = list(centers), 0
    for pick in picks:
        rows = np.setdiff1d(candidates, known)
        if not known:
            sizes = (X[rows] ** 2).sum(axis=1)
            best, far = sizes >= sizes.max() * (1 - 1e-9), np.ones(len(rows), dtype=bool)
        else:
            squared, owner = clusters_of(X, rows, known)
            sizes = np.bincount(owner, weights=squared, minlength=len(known))
            near_largest = np.flatnonzero(sizes >= sizes.max() * (1 - 1e-9))
            best = np.zeros(len(rows), dtype=bool)
            for cluster in near_largest:
                mine = owner == cluster
                most = squared[mine].max(initial=0.0)
                best |= mine & (squared >= most * (1 - 1e-9))
            far = best
        assert pick in rows[best & far]
        n_certain += np.count_nonzero(best) == 1
        known.append(pick)
    return n_certain


@pytest.mark.parametrize("n_centers", [0, 3])
@pytest.mark.parametrize("pool", data.POOLS)
def test_every_pick_is_the_farthest_of_the_largest_cluster(pool, n_centers):
    X, rng = data.POOLS[pool](), np.random.default_rng(1)
    mask = rng.random(len(X)) < 0.7
    centers = rng.choice(len(X), n_centers, replace=False)
    picks = lcmd(X, 12, candidates=mask, centers=centers, rng=rng)
    candidates = np.setdiff1d(np.flatnonzero(mask), centers)
    n_certain = count_right(np.asarray(X, dtype=float), candidates, centers.tolist(), picks)
    assert n_certain >= {"duplicated": 0}.get(pool, 8)


def test_features_of_a_kernel_choose_by_its_distances():
    """With as many components as rows, those of Nystroem are exact: so are a Cholesky factor's."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.where(np.arange(60) < 4, X[:, 0], np.nan)
    features = Nystroem(gamma=0.3, n_components=60, random_state=0)
    learner = ActiveLearner(Ridge(), "lcmd", embedding=features, random_state=0).fit(X, y)
    picks = learner.query(n_instances=12)[0]
    exact = np.linalg.cholesky(rbf_kernel(X, gamma=0.3) + 1e-12 * np.eye(60))
    assert count_right(exact, np.arange(4, 60), [0, 1, 2, 3], picks) >= 8


def test_more_centres_than_are_compared_at_a_time():
    rng = np.random.default_rng(0)
    X, centers = rng.normal(size=(1500, 3)), np.arange(1100)
    picks = lcmd(X, 8, centers=centers, rng=rng)
    assert count_right(X, np.arange(1100, 1500), centers.tolist(), picks) == 8


def test_sparse_rows_are_chosen_as_their_dense_form():
    X = data.sparse_text()
    picks = lcmd(X, 10, centers=[3], rng=np.random.default_rng(0))
    dense = X.toarray()
    assert count_right(dense, np.delete(np.arange(len(dense)), 3), [3], picks) > 5


def test_many_rows_not_too_near_count_for_more_than_one_far_away():
    X = np.concatenate([np.full((30, 1), 2.0) + np.linspace(0, 0.1, 30)[:, None], [[9.0]], [[0.0]]])
    assert lcmd(X, 2, centers=[31], rng=np.random.default_rng(0))[0] == 30
    two = np.concatenate([X, [[8.0]]])
    picks = lcmd(two, 1, centers=[31, 32], rng=np.random.default_rng(0))
    assert picks.tolist() == [29]  # 30 rows two away from a centre: 9.0 is one away from its own


def test_equal_rows_are_drawn_among_and_come_last_after_their_twin():
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], [2, 3], axis=0)
    first = [lcmd(X, 5, rng=np.random.default_rng(seed)) for seed in range(300)]
    assert all(sorted(picks[:2] >= 2) == [False, True] for picks in first)
    assert np.bincount([picks[0] for picks in first], minlength=5)[2:].min() > 60


def test_a_permuted_pool_gives_the_same_rows():
    X = data.gaussian()
    order = np.random.default_rng(3).permutation(len(X))
    picks = lcmd(X, 15, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(order[lcmd(X[order], 15, rng=np.random.default_rng(0))], picks)


def errors_beside(X):
    """A first factor of three columns, equal where rows are equal; some of its rows are 0."""
    h = np.asarray(X.todense() if hasattr(X, "todense") else X, dtype=np.float64)
    a = np.sin(np.add.outer(h.sum(axis=1), [0.0, 1.0, 2.0]))
    return np.where(np.abs(a[:, :1]) < 0.1, 0.0, a)


@pytest.mark.parametrize("n_centers", [0, 3])
@pytest.mark.parametrize("pool", data.POOLS)
def test_picks_by_factors_are_those_of_their_products(pool, n_centers):
    h, rng = data.POOLS[pool](), np.random.default_rng(1)
    a, mask = errors_beside(h), rng.random(len(h)) < 0.7
    centers = rng.choice(len(h), n_centers, replace=False)
    picks = lcmd((a, h), 12, candidates=mask, centers=centers, rng=rng)
    candidates = np.setdiff1d(np.flatnonzero(mask), centers)
    n_certain = count_right(vectors((a, h)), candidates, centers.tolist(), picks)
    assert n_certain >= {"duplicated": 0}.get(pool, 8)


def test_a_factor_may_be_sparse_and_one_that_is_equal_in_all_rows_changes_nothing():
    h = data.sparse_text()
    a = errors_beside(h)
    dense = h.toarray()
    picks = lcmd((a, h), 10, centers=[3], rng=np.random.default_rng(0))
    assert count_right(vectors((a, dense)), np.delete(np.arange(len(a)), 3), [3], picks) > 5
    same = lcmd((np.full((len(a), 2), 3.0), h), 10, centers=[3], rng=np.random.default_rng(0))
    alone = lcmd((h,), 10, centers=[3], rng=np.random.default_rng(0))
    np.testing.assert_array_equal(same, alone)
    np.testing.assert_array_equal(lcmd(h, 10, centers=[3], rng=np.random.default_rng(0)), alone)


@given(problem=problems())
def test_the_contract_holds_for_any_rows(problem):
    check_contract(lcmd, problem)


@given(problem=problems())
def test_the_contract_holds_for_any_factors(problem):
    check_contract(
        lambda X, *args, **options: lcmd((errors_beside(X), X), *args, **options), problem
    )


def test_form_of_the_rows_changes_nothing():
    X = np.random.default_rng(0).integers(0, 20, size=(60, 3))
    check_forms(lcmd, X, 12, centers=[3, 7])


@pytest.mark.parametrize("scale", [1e-150, 1e-20, 1e20, 1e150])
def test_the_scale_of_rows_changes_nothing(scale):
    X = data.gaussian()
    picks = lcmd(X, 12, centers=[3], rng=np.random.default_rng(0))
    far = lcmd(X * scale, 12, centers=[3], rng=np.random.default_rng(0))
    np.testing.assert_array_equal(far, picks)


def test_what_is_refused():
    check_refusals(lcmd)
    check_refusals(lambda X, *args, **options: lcmd((np.eye(3), X), *args, **options))
    rng, X = np.random.default_rng(0), np.ones((3, 2))
    for wrong, said in (
        ((X, X, X), "lcmd got 3 factors; give a tuple of one array"),
        ((X, X[:2]), "lcmd got a with 3 rows and h with 2; give both"),
        ((X, 1j * X), "lcmd got h of dtype complex128; give real numbers"),
        (1e200 * X, "lcmd got factors of which row 0 is so long that squared"),
    ):
        with pytest.raises((TypeError, ValueError), match=said):
            lcmd(wrong, 1, rng=rng)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        MLPRegressor(hidden_layer_sizes=(6,), solver="lbfgs", random_state=0),
        Ridge(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_by_gradients_rows_are_chosen_as_by_the_whole_gradients(model):
    X = data.gaussian()
    y = np.where(np.arange(len(X)) < 20, np.arange(len(X)) % 3, np.nan)
    learner = ActiveLearner(model, LCMD(space="gradient"), random_state=0).fit(X, y)
    rows, _ = learner.query(n_instances=8)
    if isinstance(model, LogisticRegression):
        proba = learner.estimator_.predict_proba(X)
        whole = vectors((proba - np.eye(3)[proba.argmax(axis=1)], X))
    elif isinstance(model, MLPRegressor):
        weights, bias = learner.estimator_.coefs_[0], learner.estimator_.intercepts_[0]
        whole = np.maximum(X @ weights + bias, 0)
    else:
        whole = X
    assert count_right(whole, np.arange(20, len(X)), list(range(20)), rows) == 8


def test_a_space_that_there_is_not_and_one_that_a_model_has_not_are_refused():
    X = data.gaussian()
    y = np.where(np.arange(len(X)) < 20, X[:, 0], np.nan)
    with pytest.raises(ValueError, match="LCMD reads view.gradient, which RandomForestRegressor"):
        ActiveLearner(RandomForestRegressor(5), LCMD(space="gradient")).fit(X, y)
    learner = ActiveLearner(Ridge(), LCMD(space="gradients")).fit(X, y)
    with pytest.raises(ValueError, match="LCMD got space='gradients'; it must be one of"):
        learner.query()


def test_the_strategy_keeps_away_from_labelled_and_reserved_rows():
    X = data.gaussian()
    y = np.where(np.arange(len(X)) < 10, np.arange(len(X)) % 2, -1)
    learner = ActiveLearner(LogisticRegression(), "lcmd", random_state=0).fit(X, y)
    first, _ = learner.query(n_instances=4, reserve=True)
    second, _ = learner.query(n_instances=4)
    known = [*range(10), *first.tolist()]
    assert count_right(X, np.setdiff1d(np.arange(len(X)), known), known, second) == 4
    chosen = select("lcmd", embedding=X, labeled=np.arange(10), n_instances=4, random_state=0)
    np.testing.assert_array_equal(chosen, first)
