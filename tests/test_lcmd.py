"""LCMD: its twin, what it promises, and what it refuses."""

import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from selection_contract import check_contract, check_forms, check_refusals, problems

from skactive import ActiveLearner, select
from skactive.selection import lcmd


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


@given(problem=problems())
def test_the_contract_holds_for_any_rows(problem):
    check_contract(lcmd, problem)


def test_form_of_the_rows_changes_nothing():
    X = np.random.default_rng(0).integers(0, 20, size=(60, 3))
    check_forms(lcmd, X, 12, centers=[3, 7])


def test_what_is_refused():
    check_refusals(lcmd)


def test_the_strategy_keeps_away_from_labelled_and_reserved_rows():
    X = data.gaussian()
    y = np.where(np.arange(len(X)) < 10, np.arange(len(X)) % 2, -1)
    learner = ActiveLearner(strategy="lcmd", estimator=_model(), random_state=0).fit(X, y)
    first, _ = learner.query(n_instances=4, reserve=True)
    second, _ = learner.query(n_instances=4)
    known = [*range(10), *first.tolist()]
    assert count_right(X, np.setdiff1d(np.arange(len(X)), known), known, second) == 4
    chosen = select("lcmd", embedding=X, labeled=np.arange(10), n_instances=4, random_state=0)
    np.testing.assert_array_equal(chosen, first)


def _model():
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()
