"""prob_cover: its twin, the rule of its radius, what it promises, and what it refuses."""

import sys
import tracemalloc

import naive_coverage as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from hypothesis import strategies as st
from selection_contract import check_contract, check_forms, check_refusals, problems
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge

from skactive import ActiveLearner
from skactive.selection import k_center, prob_cover
from skactive.selection.blocks import Blocks
from skactive.selection.prob_cover import pure_limit
from skactive.strategies import ProbCover

RNG = np.random.default_rng(0)


def check_twin(X, picks, *, mask, centers, delta):
    """Replay the picks: each covers most; once all is covered, each is the farthest."""
    open_rows = sorted(set(np.flatnonzero(mask)) - set(centers))

    def objective(chosen):
        return naive.n_covered(X, chosen, delta)

    chosen = list(centers)
    for pick, covered in naive.greedy_values(objective, open_rows, centers, picks):
        if max(covered.values()) > objective(chosen):
            assert covered[pick] == max(covered.values())
        elif chosen:
            far = {c: min(naive.distances_to(X, c)[chosen]) for c in open_rows if c not in chosen}
            assert far[pick] >= max(far.values()) * (1 - 1e-9)
        chosen.append(pick)


@pytest.mark.once
@pytest.mark.parametrize("n_centers", [0, 3])
@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("pool", data.POOLS)
def test_every_pick_covers_most_of_what_is_not_covered(pool, share, n_centers):
    X, rng = data.POOLS[pool](n=120), np.random.default_rng(1)
    delta = share * np.sqrt(X.var(axis=0).sum())
    mask, centers = rng.random(len(X)) < 0.7, rng.choice(len(X), n_centers, replace=False)
    picks = prob_cover(X, 12, delta=delta, candidates=mask, centers=centers, rng=rng)
    check_twin(X, picks.tolist(), mask=mask, centers=centers.tolist(), delta=delta)


@given(seed=st.integers(0, 10**6), delta=st.sampled_from([0.5, 1, np.sqrt(2), 2, 2.5, 9]))
def test_rows_on_a_grid_are_inside_where_their_distance_is_the_radius(seed, delta):
    rng = np.random.default_rng(seed)
    X = rng.integers(6, size=(rng.integers(1, 40), 2)) + rng.choice([0.0, 100.0])
    mask = rng.random(len(X)) < 0.8
    centers = rng.choice(len(X), rng.integers(min(4, len(X))), replace=False)
    # A distance and its square root round apart: the twin's balls are a little larger.
    picks = prob_cover(X, 6, delta=delta, candidates=mask, centers=centers, rng=rng)
    check_twin(X, picks.tolist(), mask=mask, centers=centers.tolist(), delta=delta * (1 + 1e-12))


def test_sparse_rows_are_covered_as_their_dense_form():
    X = data.sparse_text()
    for delta in (None, 8.0):
        picks, dense = (
            prob_cover(rows, 15, delta=delta, centers=[3], rng=np.random.default_rng(0))
            for rows in (X, X.toarray())
        )
        if delta is None:  # clusters of sparse rows are not centred, and settle elsewhere
            assert len(picks) == len(dense) == 15
        else:
            check_twin(X.toarray(), picks.tolist(), mask=np.ones(200), centers=[3], delta=8.0)
            np.testing.assert_array_equal(picks, dense)


@pytest.mark.parametrize("purity", [0.3, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("pool", data.POOLS)
def test_the_radius_is_the_largest_with_which_enough_balls_are_pure(pool, purity):
    X = data.POOLS[pool](n=100)
    labels = (np.abs(X[:, 0]) * 7).astype(int) % 3
    labels[(X == X[50]).all(axis=1)] = labels[50]
    blocks = Blocks(X, dtype=np.float64)
    radius = np.sqrt(pure_limit(blocks, labels, purity, RNG)) / blocks.scale
    assert naive.pure_share(X, labels, radius) >= purity
    assert naive.pure_share(X, labels, radius * (1 + 1e-4)) < purity


def test_where_there_is_one_cluster_every_ball_holds_all():
    X = data.gaussian(40, 3)
    labels = np.zeros(40, dtype=int)
    assert pure_limit(Blocks(X), labels, 0.95, RNG) == np.inf
    picks = prob_cover(X, 5, n_clusters=1, rng=np.random.default_rng(0))
    rest = k_center(X, 4, centers=picks[:1], rng=np.random.default_rng(0))
    np.testing.assert_array_equal(picks[1:], rest)


def test_the_radius_of_many_rows_is_that_of_a_sample(monkeypatch):
    X = data.gaussian(n=2000, d=2)
    labels = (X[:, 0] > 0).astype(int)
    exact = [pure_limit(Blocks(X), labels, purity, RNG) for purity in (0.94, 0.86)]
    monkeypatch.setattr(sys.modules["skactive.selection.prob_cover"], "_SAMPLE_ROWS", 500)
    sampled = pure_limit(Blocks(X), labels, 0.9, RNG)
    assert exact[0] < sampled < exact[1]  # three standard errors of a share in 500


def test_clusters_tell_the_radius_and_each_is_covered_once():
    X = np.repeat(100.0 * np.eye(6), 20, axis=0) + data.gaussian(120, 6)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        picks = prob_cover(X, 4, centers=[3, 25], rng=rng)  # of six clusters, 2 + 4
        assert sorted(picks // 20) == [2, 3, 4, 5]


@pytest.mark.parametrize("offset", [0.0, 100.0, 1e6])
def test_when_all_is_covered_the_farthest_row_comes_and_never_row_0(offset):
    X = np.array([[2.0], [0.0], [1.0], [2.125], [4.0], [9.0]]) + offset
    for rows, first in ((X, [5]), (X[:5], [])):
        n = len(rows) - 1
        picks = prob_cover(rows, n, delta=2.25, centers=[3], rng=np.random.default_rng(0))
        assert picks.tolist() == [*first, 1, 4, 2, 0]
        rest = k_center(rows, n, centers=[3, *first], rng=np.random.default_rng(0))
        assert picks[len(first) :].tolist() == rest.tolist()


def test_one_far_row_does_not_blur_the_others():
    X = np.vstack([data.gaussian(60, 3), [[1e6, 0.0, 0.0]]]).astype(np.float32)
    picks = prob_cover(X, 5, delta=0.8, rng=np.random.default_rng(0))
    mask = np.ones(61, dtype=bool)
    check_twin(X.astype(np.float64), picks.tolist(), mask=mask, centers=[], delta=0.8)


def test_equal_rows_are_drawn_among():
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], [1, 3], axis=0)
    first = [prob_cover(X, 1, delta=1.0, rng=np.random.default_rng(seed))[0] for seed in range(300)]
    counts = np.bincount(first, minlength=4)
    assert counts[0] == 0 and counts[1:].min() > 60


@pytest.mark.parametrize("scale", [1.0, 1e-40, 1e40])
def test_a_radius_is_in_units_of_the_rows(scale):
    X = data.clustered()
    for delta in (None, 3.0):
        given = None if delta is None else delta * scale
        expected = prob_cover(X, 10, delta=delta, rng=np.random.default_rng(0))
        picks = prob_cover(X * scale, 10, delta=given, rng=np.random.default_rng(0))
        np.testing.assert_array_equal(picks, expected)


def test_memory_does_not_grow_with_the_pairs():
    X = data.gaussian(4000, 4)
    tracemalloc.start()
    prob_cover(X, 3, delta=100.0, rng=np.random.default_rng(0))  # every pair is inside
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4000 * 4000 * 4  # half of what the distances would take


@given(problem=problems(), delta=st.sampled_from([None, 1e-3, 1.0, 50.0, 1e9]))
def test_the_contract_holds_for_any_rows(problem, delta):
    def select(*args, **options):
        return prob_cover(*args, delta=delta, n_clusters=3, **options)

    check_contract(select, problem)


def test_form_of_the_rows_changes_nothing():
    X = np.random.default_rng(0).integers(0, 20, size=(60, 3))
    check_forms(prob_cover, X, 12, centers=[3, 7], delta=4.5)


def test_what_is_refused():
    check_refusals(prob_cover)
    for name, bad in (("delta", 0), ("delta", np.nan), ("n_clusters", 0), ("purity", 1.5)):
        with pytest.raises(ValueError, match=f"^prob_cover got {name}={bad!r}; give a "):
            prob_cover(np.eye(3), 1, rng=RNG, **{name: bad})


# The strategy


def test_there_are_as_many_clusters_as_classes_unless_their_number_is_given(monkeypatch):
    seen = []

    def spied(embedding, n, **options):
        seen.append(options["n_clusters"])
        return np.flatnonzero(options["candidates"])[:n]

    monkeypatch.setattr("skactive.selection.prob_cover", spied)
    X, truth = load_digits(n_class=7, return_X_y=True)
    X, truth = X[:100] / 16, truth[:100]
    y = np.where(np.arange(100) < 30, truth, -1)
    for learner, y_given in (
        (ActiveLearner(LogisticRegression(), "prob_cover"), y),
        (ActiveLearner(LogisticRegression(), cold_start="prob_cover", classes=range(8)), None),
        (ActiveLearner(LogisticRegression(), cold_start="prob_cover"), None),
        (ActiveLearner(LogisticRegression(), ProbCover(n_clusters=4)), y),
        (ActiveLearner(Ridge(), "prob_cover"), np.where(y < 0, np.nan, y)),
    ):
        learner.fit(X, y_given).query(n_instances=2)
    assert seen == [7, 8, None, 4, None]


def test_few_labels_cover_the_classes_of_digits():
    X, truth = load_digits(return_X_y=True)
    learner = ActiveLearner(
        LogisticRegression(), cold_start="prob_cover", classes=range(10), random_state=0
    )
    idx, _ = learner.fit(X[:900] / 16).query(n_instances=20)
    assert len(set(truth[idx])) >= 8
