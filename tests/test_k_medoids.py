"""k_medoids: its twin, what it promises, and what it refuses."""

import naive_coverage as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from selection_contract import check_contract, check_forms, check_refusals, problems

from skactive.selection.k_medoids import k_medoids

EPS = float(np.finfo(np.float32).eps)


def rounding(X):
    """How much float32 may blur a sum of distances: the roots of near ones most."""
    error = 16 * EPS * ((X - X.mean(axis=0)) ** 2).sum(axis=1).max()
    worst = 0.0
    for row in range(len(X)):
        distances = naive.distances_to(X, row)
        worst = max(worst, float((error / np.maximum(distances, np.sqrt(error))).sum()))
    return worst


@pytest.mark.parametrize("n_centers", [0, 3])
@pytest.mark.parametrize("pool", data.POOLS)
def test_every_pick_saves_the_largest_distance(pool, n_centers):
    X, rng = data.POOLS[pool](), np.random.default_rng(1)
    mask = rng.random(len(X)) < 0.7
    centers = rng.choice(len(X), n_centers, replace=False)
    picks = k_medoids(X, 12, candidates=mask, centers=centers, rng=rng)
    n_certain = naive.count_greedy(
        lambda chosen: naive.medoids_objective(X, chosen),
        sorted(set(np.flatnonzero(mask)) - set(centers)),
        centers,
        picks,
        rounding(X),
    )
    assert n_certain >= {"duplicated": 0, "nearly_collinear": 2}.get(pool, 8)


def test_sparse_rows_are_chosen_as_their_dense_form():
    X = data.sparse_text()
    dense = X.toarray()
    picks = k_medoids(X, 10, centers=[3], rng=np.random.default_rng(0))
    naive.count_greedy(
        lambda chosen: naive.medoids_objective(dense, chosen),
        sorted(set(range(len(dense))) - {3}),
        [3],
        picks,
        rounding(dense),
    )


def test_the_first_of_all_is_the_medoid_and_rows_that_are_no_candidates_count():
    X = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0], [13.0]])
    assert k_medoids(X, 1, rng=np.random.default_rng(0)).tolist() == [3]
    assert k_medoids(X, 1, candidates=[0, 2, 6], rng=np.random.default_rng(0)).tolist() == [2]
    assert k_medoids(X, 1, centers=[4], rng=np.random.default_rng(0)).tolist() == [1]


def test_equal_rows_are_drawn_among_and_come_last_after_their_twin():
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], [2, 3], axis=0)
    first = [k_medoids(X, 5, rng=np.random.default_rng(seed)) for seed in range(300)]
    assert all(sorted(picks[:2] >= 2) == [False, True] for picks in first)
    assert np.bincount([picks[0] for picks in first], minlength=5)[2:].min() > 60


def test_a_permuted_pool_gives_the_same_rows():
    X = data.gaussian()
    order = np.random.default_rng(3).permutation(len(X))
    picks = k_medoids(X, 15, rng=np.random.default_rng(0))
    permuted = k_medoids(X[order], 15, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(order[permuted], picks)


@given(problem=problems())
def test_the_contract_holds_for_any_rows(problem):
    check_contract(k_medoids, problem)


def test_form_of_the_rows_changes_nothing():
    X = np.random.default_rng(0).integers(0, 20, size=(60, 3))
    check_forms(k_medoids, X, 12, centers=[3, 7])


def test_what_is_refused():
    check_refusals(k_medoids)
