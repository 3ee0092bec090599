"""k_means and the clusters behind it: their twin, scikit-learn's, what is promised and refused."""

import naive_clusters as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from selection_contract import check_contract, check_refusals, problems
from sklearn.cluster import KMeans

from skactive.selection.blocks import Blocks
from skactive.selection.herding import max_herding
from skactive.selection.k_means import k_means
from skactive.selection.k_medoids import k_medoids
from skactive.selection.lloyd import lloyd
from skactive.selection.typiclust import typiclust


def clusters_behind(X, n, *, rows=None, centers=None, seed=0):
    """The clusters that k_means makes with this seed."""
    blocks = Blocks(X, rows)
    return lloyd(blocks, n, blocks.reach(centers), np.random.default_rng(seed))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_clusters", [2, 8, 30])
@pytest.mark.parametrize("pool", data.POOLS)
def test_clusters_are_as_tight_as_those_of_scikit_learn(pool, n_clusters, dtype):
    X = data.POOLS[pool]().astype(dtype)
    ours = [
        naive.squared_to_means(X, clusters_behind(X, n_clusters, seed=seed).labels).sum()
        for seed in range(12)
    ]
    theirs = [KMeans(n_clusters, n_init=1, random_state=seed).fit(X).inertia_ for seed in range(12)]
    assert np.mean(ours) <= 1.05 * np.mean(theirs)


@pytest.mark.parametrize("pool", data.POOLS)
def test_every_row_is_with_its_nearest_mean_or_its_centre(pool):
    X, centers = data.POOLS[pool](), np.array([3, 50, 120])
    rows = np.setdiff1d(np.arange(len(X)), centers)
    labels, squared, *_ = clusters_behind(X, 10, rows=rows, centers=centers)
    means = np.array([X[rows[labels == label]].mean(axis=0) for label in range(10)])
    reach = ((X[rows, None] - X[centers]) ** 2).sum(axis=2).min(axis=1)
    to_means = ((X[rows, None] - means) ** 2).sum(axis=2)
    nearest = np.minimum(to_means.min(axis=1), reach)
    assert (labels < 0).any()
    # Means may have moved by the tolerance at which Lloyd's iterations stop.
    np.testing.assert_allclose(squared, nearest, rtol=0.05, atol=2e-3 * X.var(axis=0).sum())


@pytest.mark.parametrize("n_centers", [0, 4])
@pytest.mark.parametrize("pool", data.POOLS)
def test_each_pick_is_the_candidate_nearest_the_mean_of_its_cluster(pool, n_centers):
    X, rng = data.POOLS[pool](), np.random.default_rng(1)
    centers = rng.choice(len(X), n_centers, replace=False)
    mask = rng.random(len(X)) < 0.8
    mask[centers] = False
    rows, n = np.flatnonzero(mask), 9
    picks = k_means(X, n, candidates=mask, centers=centers, rng=np.random.default_rng(0))
    labels = clusters_behind(X, n, rows=rows, centers=centers).labels
    squared = naive.squared_to_means(X[rows], labels)
    places = np.searchsorted(rows, picks)
    assert sorted(labels[places]) == list(range(n))
    for place in places:
        least = squared[labels == labels[place]].min()
        np.testing.assert_allclose(squared[place], least, rtol=2e-5, atol=1e-20)
    sizes = np.bincount(labels[labels >= 0])[labels[places]]
    assert (np.diff(sizes) <= 0).all()


def test_labelled_and_reserved_rows_keep_picks_away():
    X = np.repeat(np.arange(4.0) * 100, 25)[:, None] + np.random.default_rng(0).random((100, 2))
    for seed in range(5):
        picks = k_means(X, 2, centers=[0, 60], rng=np.random.default_rng(seed))
        assert sorted(picks // 25) == [1, 3]


def test_rows_that_are_no_candidates_form_no_clusters():
    X = np.array([[0.0], [1.0], [2.0], [100.0], [101.0], [102.0], [103.0]])
    picks = k_means(X, 2, candidates=[0, 1, 2, 3], rng=np.random.default_rng(0))
    assert picks.tolist() == [1, 3]


def test_copies_of_labelled_rows_come_last():
    X = np.array([[0.0], [5.0], [0.0], [7.0], [0.0], [7.0]])
    for seed in range(10):
        picks = k_means(X, 5, centers=[0], rng=np.random.default_rng(seed))
        assert set(picks[:3]) | {2, 4} == {1, 2, 3, 4, 5}
        assert set(picks[3:]) == {2, 4}
        two = k_means(X, 2, centers=[0], rng=np.random.default_rng(seed))
        assert set(two) in ({1, 3}, {1, 5})


def test_equal_rows_are_drawn_among():
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], [1, 4], axis=0)
    first = [k_means(X, 2, rng=np.random.default_rng(seed))[0] for seed in range(400)]
    counts = np.bincount(first, minlength=5)
    assert counts[0] == 0
    assert counts[1:].min() > 60  # 100 +- 8.7


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_neither_row_of_a_pair_is_preferred(dtype):
    X = np.random.default_rng(0).random((2, 3)).astype(dtype)
    first = [k_means(X, 1, rng=np.random.default_rng(seed))[0] for seed in range(200)]
    assert 60 < sum(first) < 140  # 100 +- 7


@pytest.mark.parametrize("center", [0.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_row_and_its_mirror_image_are_drawn_among(dtype, center):
    for X in (data.mirrored(seed, dtype, center) for seed in range(8)):
        found = {int(k_means(X, 1, rng=np.random.default_rng(seed))[0]) for seed in range(20)}
        assert len(found) == 2 and max(found) - min(found) == 20


def test_a_row_as_near_to_a_fixed_centre_as_to_a_mean_belongs_to_the_centre():
    blocks, reach = Blocks(np.array([[-2.0], [2.0]])), np.array([1e6, 16.0])
    for seed in range(5):  # the mean starts at row 0, at a squared distance of 16 from row 1
        clusters = lloyd(blocks, 1, reach, np.random.default_rng(seed))
        assert clusters.labels.tolist() == [0, -1] and clusters.squared.tolist() == [0.0, 16.0]


def test_large_offsets_and_scales_cost_no_clusters():
    X = np.repeat(np.arange(6.0), 10)[:, None] + 0.01 * data.gaussian(60, 3)
    for changed in (X + 1e7, X * 1e-150, X * 1e150, (X + 1e4).astype(np.float32)):
        picks = k_means(changed, 6, rng=np.random.default_rng(0))
        assert sorted(picks // 10) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("choose", [k_means, k_medoids, max_herding, typiclust])
def test_rows_at_the_ends_of_what_floats_hold_are_clustered(choose, dtype):
    X = np.repeat(np.arange(6.0), 10)[:, None] + 0.01 * data.gaussian(60, 3)
    largest = np.finfo(dtype).maxexp
    for exponent in (-largest - 8, -largest // 2 - 20, largest // 2 + 20, largest - 12):
        changed = np.ldexp(X, exponent).astype(dtype)
        picks = choose(changed, 6, centers=[], rng=np.random.default_rng(0))
        assert sorted(picks // 10) == [0, 1, 2, 3, 4, 5]
    far_below = np.ldexp(X, -largest // 2 - 20).astype(dtype)
    assert len(set(choose(far_below, 6, centers=[0], rng=np.random.default_rng(0)))) == 6


def test_sparse_rows_are_clustered_as_well_as_their_dense_form():
    X = data.sparse_text()
    dense = X.toarray()
    ours = [
        naive.squared_to_means(dense, clusters_behind(X, 8, seed=seed).labels).sum()
        for seed in range(10)
    ]
    theirs = [KMeans(8, n_init=1, random_state=seed).fit(dense).inertia_ for seed in range(10)]
    assert np.mean(ours) <= 1.02 * np.mean(theirs)


def test_a_permuted_pool_gives_rows_of_the_same_clusters():
    X = np.repeat(np.arange(6.0) * 10, 20)[:, None] + data.gaussian(120, 2)
    order = np.random.default_rng(3).permutation(len(X))
    picks = k_means(X[order], 6, rng=np.random.default_rng(0))
    expected = k_means(X, 6, rng=np.random.default_rng(0))
    assert sorted(order[picks]) == sorted(expected)


@given(problem=problems())
def test_the_contract_holds_for_any_rows(problem):
    check_contract(k_means, problem)


def test_what_is_refused():
    check_refusals(k_means)


def test_copies_of_labelled_rows_are_no_cluster_whatever_rounding_says():
    X = np.array([[1.0, 0.0], [3.0, 3.0], [3.0, 4.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    for seed in range(10):
        assert set(k_means(X, 3, centers=[0], rng=np.random.default_rng(seed))[:2]) == {1, 2}
