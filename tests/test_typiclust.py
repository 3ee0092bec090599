"""typiclust: its twin after the clustering, what it promises, and what it refuses."""

import naive_clusters as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from hypothesis import strategies as st
from selection_contract import check_contract, check_refusals, problems

from skactive.selection.typiclust import typical, typiclust


def check_twin(X, labels, n, *, mask, known, n_neighbors=20, bound=1e-9, seed=0):
    """Replay the picks: each from a cluster whose turn it is, and the most typical there."""
    picks = typical(
        X, labels, n, mask=mask, known=known, n_neighbors=n_neighbors,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    dense = X.toarray() if hasattr(X, "toarray") else X
    assert len(picks) == min(n, np.count_nonzero(mask))
    before = []
    for pick in picks.tolist():
        label = labels[pick]
        assert label in naive.next_clusters(labels, mask, known, before)
        means = naive.typicality(dense, labels, known, before, label, mask, n_neighbors)
        assert means[pick] <= min(means.values()) * (1 + 2e-5) + bound
        before.append(pick)
    return picks


@pytest.mark.parametrize("n_centers", [0, 30])
@pytest.mark.parametrize("pool", data.POOLS)
def test_every_pick_is_the_most_typical_of_the_cluster_whose_turn_it_is(pool, n_centers):
    X, rng = data.POOLS[pool](), np.random.default_rng(1)
    labels = rng.choice(12, len(X), p=np.arange(1, 13) / 78)  # clusters of all sizes
    known = rng.choice(len(X), n_centers, replace=False)
    mask = rng.random(len(X)) < 0.8
    mask[known] = False
    check_twin(X, labels, 40, mask=mask, known=known, bound=1e-6 * np.sqrt(X.var(axis=0).sum()))


@given(seed=st.integers(0, 10**6), n_neighbors=st.integers(1, 8))
def test_turns_go_on_until_every_row_is_chosen(seed, n_neighbors):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 25)
    X = rng.integers(4, size=(size, 2)).astype(float)
    labels = rng.integers(4, size=size)
    mask = rng.random(size) < 0.8
    known = np.flatnonzero(~mask)[: rng.integers(5)]
    check_twin(X, labels, size, mask=mask, known=known, n_neighbors=n_neighbors, seed=seed)


def test_sparse_rows_are_as_typical_as_their_dense_form():
    X, rng = data.sparse_text(), np.random.default_rng(0)
    mask = np.ones(X.shape[0], dtype=bool)
    check_twin(X, rng.integers(6, size=len(mask)), 12, mask=mask, known=np.zeros(0, dtype=int))


def test_a_cluster_larger_than_a_block_is_rated_whole():
    X = data.gaussian(3000, 300)
    labels, mask = np.zeros(3000, dtype=int), np.ones(3000, dtype=bool)
    picks = typical(
        X, labels, 3, mask=mask, known=np.zeros(0, dtype=int), n_neighbors=20,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    norms, left = (X**2).sum(axis=1), np.ones(3000, dtype=bool)
    for pick in picks:
        squared = np.maximum(norms[:, None] + norms - 2 * X @ X.T, 0)
        np.fill_diagonal(squared, np.inf)
        squared[:, ~left] = np.inf
        means = np.sqrt(np.sort(squared, axis=1)[:, :20]).mean(axis=1)
        assert means[pick] <= means[left].min() * (1 + 2e-5)
        left[pick] = False


def blobs(n_blobs, size, seed=0):
    """Well separated clusters, row i in cluster i // size."""
    rng = np.random.default_rng(seed)
    return np.repeat(100.0 * np.eye(n_blobs), size, axis=0) + rng.normal(
        size=(n_blobs * size, n_blobs)
    )


def test_clusters_without_labels_come_first():
    X = blobs(6, 20)
    for seed in range(5):
        picks = typiclust(X, 3, centers=[0, 45, 46], rng=np.random.default_rng(seed))
        assert sorted(picks // 20) == [1, 3, 4] or not {0, 2} & set(picks // 20)
        assert len(set(picks // 20)) == 3


def test_the_largest_cluster_comes_first_and_small_ones_are_skipped():
    sizes = [30, 4, 20, 10]
    X = np.repeat(100.0 * np.eye(4), sizes, axis=0) + data.gaussian(64, 4)
    owner = np.repeat(np.arange(4), sizes)
    for seed in range(5):
        picks = typiclust(X, 4, rng=np.random.default_rng(seed))
        assert owner[picks].tolist() == [0, 2, 3, 0]


def test_an_outlier_is_never_typical():
    X = np.vstack([data.gaussian(60, 3), [[30.0, 0.0, 0.0]]])
    picks = typiclust(X, 55, max_clusters=1, rng=np.random.default_rng(0))
    assert 60 not in picks


def test_rows_that_are_no_candidates_count_as_neighbours():
    X = np.array([[0.0], [0.1], [0.2], [0.3], [5.0], [6.0], [7.5]])
    picks = typiclust(X, 1, max_clusters=1, candidates=[0, 5], rng=np.random.default_rng(0))
    assert picks.tolist() == [0]


def test_equal_rows_are_drawn_among():
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], [2, 4], axis=0)
    first = [
        typiclust(X, 1, max_clusters=1, n_neighbors=3, rng=np.random.default_rng(seed))[0]
        for seed in range(400)
    ]
    assert np.bincount(first, minlength=6)[2:].min() > 60  # 100 +- 8.7


@pytest.mark.parametrize("center", [0.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_row_and_its_mirror_image_are_drawn_among(dtype, center):
    for X in (data.mirrored(seed, dtype, center) for seed in range(8)):
        found = {
            int(typiclust(X, 1, max_clusters=1, rng=np.random.default_rng(seed))[0])
            for seed in range(20)
        }
        assert len(found) == 2 and max(found) - min(found) == 20


def test_numbers_of_another_type_give_the_same_picks():
    X = np.round(blobs(5, 12))
    expected = typiclust(X, 5, rng=np.random.default_rng(0))
    for dtype in (np.float16, np.int8, np.int64):
        picks = typiclust(X.astype(dtype), 5, rng=np.random.default_rng(0))
        assert sorted(picks // 12) == sorted(expected // 12) == [0, 1, 2, 3, 4]


@given(problem=problems(), max_clusters=st.sampled_from([1, 3, 500]))
def test_the_contract_holds_for_any_rows(problem, max_clusters):
    def select(*args, **options):
        return typiclust(*args, max_clusters=max_clusters, **options)

    check_contract(select, problem)


def test_what_is_refused():
    check_refusals(typiclust)
    for name in ("n_neighbors", "max_clusters"):
        with pytest.raises(ValueError, match=f"{name}=0; give a whole number of at least 1"):
            typiclust(np.eye(3), 1, rng=np.random.default_rng(0), **{name: 0})
        with pytest.raises(TypeError, match=f"{name}=1.5; give a whole number of at least 1"):
            typiclust(np.eye(3), 1, rng=np.random.default_rng(0), **{name: 1.5})
