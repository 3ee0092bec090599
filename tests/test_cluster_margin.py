"""cluster_margin: its twin after the clustering, what it promises, and what it refuses."""

import naive_clusters as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from selection_contract import check_contract, check_refusals, problems

from skactive.selection.blocks import Blocks
from skactive.selection.cluster_margin import cluster_margin, in_turns
from skactive.selection.lloyd import lloyd


def check_turns(places, labels):
    """Each round's clusters of one size give the rows that the twin gives, in any order."""
    places = list(places)
    for turn in naive.in_turns(labels):
        assert sorted(places[: len(turn)]) == sorted(turn)
        places = places[len(turn) :]
    assert not places


@given(labels=hnp.arrays(np.intp, st.integers(1, 40), elements=st.integers(-1, 6)))
def test_clusters_give_their_rows_in_turn(labels):
    check_turns(in_turns(labels, np.random.default_rng(0)).tolist(), labels)


def test_clusters_of_a_size_come_in_an_order_of_chance():
    orders = {tuple(in_turns(np.arange(3), np.random.default_rng(seed))) for seed in range(60)}
    assert len(orders) == 6


@pytest.mark.parametrize("n_centers", [0, 5])
@pytest.mark.parametrize("pool", data.POOLS)
def test_the_most_uncertain_rows_are_clustered_and_taken_in_turn(pool, n_centers):
    X, rng = data.POOLS[pool](), np.random.default_rng(1)
    scores, centers = rng.permutation(len(X)), rng.choice(len(X), n_centers, replace=False)
    mask = rng.random(len(X)) < 0.9
    mask[centers] = False
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    picks = cluster_margin(X, scores, 8, factor=5, candidates=mask, centers=centers, rng=rng)

    listed = sorted(np.flatnonzero(mask), key=lambda row: -scores[row])[:40]
    same.random(len(X))  # the tiebreak of the shortlist
    blocks = Blocks(X, np.array(listed))
    labels = lloyd(blocks, 8, blocks.reach(centers), same).labels
    places = [listed.index(pick) for pick in picks]
    for turn in naive.in_turns(labels):
        taken = set(places[: len(turn)])
        assert taken <= set(turn)
        places = places[len(turn) :]
    assert not places


def test_the_small_cluster_comes_first_and_none_twice_before_all_once():
    sizes = [40, 5, 15]
    X = np.repeat(100.0 * np.eye(3), sizes, axis=0) + data.gaussian(60, 3)
    owner, scores = np.repeat(np.arange(3), sizes), np.random.default_rng(0).random(60)
    best = [max(np.flatnonzero(owner == c), key=lambda row: scores[row]) for c in range(3)]
    picks = cluster_margin(X, scores, 6, n_clusters=3, rng=np.random.default_rng(0))
    assert picks[:3].tolist() == [best[1], best[2], best[0]]
    assert owner[picks[3:]].tolist() == [1, 2, 0]


def test_rows_beside_a_labelled_one_come_last():
    X = np.repeat(100.0 * np.eye(3), 10, axis=0) + data.gaussian(30, 3)
    scores = np.where(np.arange(30) < 10, 1.0, 0.5)
    for seed in range(5):
        picks = cluster_margin(
            X, scores, 4, n_clusters=2, centers=[0], rng=np.random.default_rng(seed)
        )
        assert sorted(picks // 10) == [1, 1, 2, 2]


def test_a_factor_of_one_takes_the_top():
    X, scores = data.gaussian(), np.random.default_rng(0).random(200)
    picks = cluster_margin(X, scores, 10, factor=1, rng=np.random.default_rng(0))
    assert sorted(picks) == sorted(np.argsort(-scores)[:10])


def test_a_factor_may_be_a_fraction():
    X, scores = data.gaussian(), np.random.default_rng(0).random(200)
    picks = cluster_margin(X, scores, 10, factor=1.25, rng=np.random.default_rng(0))
    assert set(picks) < set(np.argsort(-scores)[:13])


def test_scores_of_rows_that_are_no_candidates_may_be_nan():
    X, scores = data.gaussian(20), np.full(20, np.nan)
    scores[:10] = np.arange(10)
    for options in ({"candidates": np.arange(20) < 10}, {"centers": np.arange(10, 20)}):
        picks = cluster_margin(X, scores, 5, rng=np.random.default_rng(0), **options)
        assert len(set(picks)) == 5
        assert picks.max() < 10


def test_sparse_rows_are_taken_from_different_clusters():
    X = data.sparse_text()
    scores = np.random.default_rng(0).random(X.shape[0])
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    picks = cluster_margin(X, scores, 5, rng=rng)
    listed = np.argsort(-scores)[:50]
    same.random(len(scores))
    labels = lloyd(Blocks(X, listed), 5, np.full(50, np.inf), same).labels
    found = labels[[listed.tolist().index(pick) for pick in picks]]
    assert len(set(found)) == min(5, len(set(labels)))


def scored(X, n, **options):
    """cluster_margin with a score of its own for each row."""
    return cluster_margin(X, np.arange(np.shape(X)[0]) % 5, n, **options)


@given(problem=problems(), factor=st.sampled_from([1, 2.5, 10]))
def test_the_contract_holds_for_any_rows(problem, factor):
    check_contract(lambda *args, **options: scored(*args, factor=factor, **options), problem)


def test_more_clusters_than_the_shortlist_has_rows_are_as_many_as_it_has():
    X, scores = data.gaussian(20), np.arange(20.0)
    picks = cluster_margin(
        X, scores, 3, n_clusters=20, candidates=[1, 4, 9, 16], rng=np.random.default_rng(0)
    )
    assert set(picks) < {1, 4, 9, 16}


def test_what_is_refused():
    check_refusals(scored)
    X, scores, rng = np.eye(3), np.ones(3), np.random.default_rng(0)
    for n_clusters in (0, 4):
        with pytest.raises(ValueError, match=f"n_clusters={n_clusters} for 3 rows"):
            cluster_margin(X, scores, 1, n_clusters=n_clusters, rng=rng)
    with pytest.raises(TypeError):
        cluster_margin(X, scores, 1, n_clusters=1.5, rng=rng)
    for factor in (0.5, np.nan, np.inf):
        with pytest.raises(ValueError, match="must be 1 or more"):
            cluster_margin(X, scores, 1, factor=factor, rng=rng)
    with pytest.raises(ValueError, match=r"they must be \(3,\)"):
        cluster_margin(X, scores[:2], 1, rng=rng)
    with pytest.raises(ValueError, match="NaN at position 1"):
        cluster_margin(X, [1, np.nan, 1], 1, rng=rng)
