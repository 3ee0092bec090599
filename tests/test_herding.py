"""uncertainty_herding and max_herding: their twin, what they promise, and what they refuse."""

import naive_coverage as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from selection_contract import check_contract, check_forms, check_refusals, problems

from skactive.selection.blocks import Blocks
from skactive.selection.coverage import Coverage
from skactive.selection.herding import (
    _least_distance,
    _median_rule,
    max_herding,
    uncertainty_herding,
)

EPS = float(np.finfo(np.float32).eps)


def rounding(X, uncertainty, bandwidth):
    """How much float32 may blur the gains of these rows: their exponents, and their sums."""
    exponent = 16 * EPS * ((X - X.mean(axis=0)) ** 2).sum(axis=1).max() / bandwidth**2
    largest = max(
        naive.herding_objective(X, [row], uncertainty, bandwidth) for row in range(len(X))
    )
    return (exponent + 16 * EPS) * largest


@pytest.mark.once
@pytest.mark.parametrize("n_centers", [0, 3])
@pytest.mark.parametrize("share", [0.2, 1.0])
@pytest.mark.parametrize("pool", data.POOLS)
def test_every_pick_has_the_largest_gain(pool, share, n_centers):
    X, rng = data.POOLS[pool](), np.random.default_rng(1)
    bandwidth = share * np.sqrt(X.var(axis=0).sum())
    uncertainty, mask = rng.random(len(X)), rng.random(len(X)) < 0.7
    centers = rng.choice(len(X), n_centers, replace=False)
    picks = uncertainty_herding(
        X, 12, uncertainty=uncertainty, bandwidth=bandwidth, candidates=mask, centers=centers,
        rng=rng,
    )  # fmt: skip
    n_certain = naive.count_greedy(
        lambda chosen: naive.herding_objective(X, chosen, uncertainty, bandwidth),
        sorted(set(np.flatnonzero(mask)) - set(centers)),
        centers,
        picks,
        rounding(X, uncertainty, bandwidth),
    )
    assert n_certain >= {"duplicated": 0, "nearly_collinear": 2}.get(pool, 8)


def test_max_herding_is_uncertainty_herding_with_equal_uncertainty():
    X = data.clustered()
    expected = max_herding(X, 30, rng=np.random.default_rng(2))
    for uncertainty in (None, np.ones(len(X)), np.full(len(X), 1e-30)):
        picks = uncertainty_herding(X, 30, uncertainty=uncertainty, rng=np.random.default_rng(2))
        np.testing.assert_array_equal(picks, expected)


def test_sparse_rows_are_herded_as_their_dense_form():
    X = data.sparse_text()
    dense, ones = X.toarray(), np.ones(X.shape[0])
    picks = max_herding(X, 10, bandwidth=5.0, centers=[3], rng=np.random.default_rng(0))
    naive.count_greedy(
        lambda chosen: naive.herding_objective(dense, chosen, ones, 5.0),
        sorted(set(range(len(dense))) - {3}),
        [3],
        picks,
        rounding(dense, ones, 5.0),
    )


def test_one_row_of_each_cluster_before_two_of_any():
    X = np.repeat(np.arange(5.0) * 100, 8)[:, None] + np.random.default_rng(0).random((40, 2))
    picks = max_herding(X, 4, bandwidth=1.0, centers=[17], rng=np.random.default_rng(0))
    assert sorted(picks // 8) == [0, 1, 3, 4]


def test_a_narrow_kernel_on_uncertainty_is_the_top_of_uncertainty():
    X, rng = data.gaussian(), np.random.default_rng(0)
    uncertainty = rng.permutation(len(X)) / len(X)
    picks = uncertainty_herding(X, 20, uncertainty=uncertainty, bandwidth=1e-3, rng=rng)
    np.testing.assert_array_equal(picks, np.argsort(-uncertainty)[:20])


@pytest.mark.parametrize("scale", [1.0, 1e-40, 1e40, 8191.999999 / 4.03])
def test_a_bandwidth_is_in_units_of_the_rows(scale):
    X = data.gaussian()
    expected = max_herding(X, 10, bandwidth=1.0, rng=np.random.default_rng(0))
    picks = max_herding(X * scale, 10, bandwidth=scale, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(picks, expected)


@pytest.mark.parametrize("bandwidth", [1e-300, 1e-12, 1e12, 1e300])
def test_a_bandwidth_out_of_all_proportion_still_gives_rows(bandwidth):
    for X in (data.gaussian(), 1e30 * data.gaussian()):
        picks = max_herding(X, 20, bandwidth=bandwidth, rng=np.random.default_rng(0))
        assert len(set(picks.tolist())) == 20


def test_without_any_uncertainty_every_row_is_as_likely():
    X, zeros = data.gaussian(n=4), np.zeros(4)
    first = [
        uncertainty_herding(X, 1, uncertainty=zeros, rng=np.random.default_rng(seed))[0]
        for seed in range(400)
    ]
    assert np.bincount(first, minlength=4).min() > 60  # 100 +- 8.7


def test_equal_rows_are_drawn_among():
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], [1, 3], axis=0)
    first = [max_herding(X, 1, rng=np.random.default_rng(seed))[0] for seed in range(300)]
    counts = np.bincount(first, minlength=4)
    assert counts[0] == 0
    assert counts[1:].min() > 60


@pytest.mark.parametrize("center", [0.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_row_and_its_mirror_image_are_drawn_among(dtype, center):
    for X in (data.mirrored(seed, dtype, center) for seed in range(8)):
        found = {int(max_herding(X, 1, rng=np.random.default_rng(seed))[0]) for seed in range(20)}
        assert len(found) == 2 and max(found) - min(found) == 20


def test_the_default_bandwidth_scales_with_the_rows():
    X = data.clustered()
    expected = max_herding(X, 20, rng=np.random.default_rng(0))
    for factor in (2.0**-60, 2.0**60):
        picks = max_herding(X * factor, 20, rng=np.random.default_rng(0))
        np.testing.assert_array_equal(picks, expected)


def test_the_default_bandwidth_is_the_median_distance_of_distinct_rows_by_root_two():
    X = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [30.0, 40.0]])  # 5, 5, 45, 50, 50 apart
    for rows, scale in (
        (X, 1),
        (X + 100, 1),
        (np.float32(X), 1),
        (X * 1e-40, 1e-40),
        (X * 1e40, 1e40),
    ):
        found = _median_rule(Blocks(rows), np.random.default_rng(0))
        np.testing.assert_allclose(found, scale * 45 / np.sqrt(2), rtol=1e-6)
    assert _median_rule(Blocks(np.ones((3, 2))), np.random.default_rng(0)) == 1.0


@pytest.mark.parametrize("scale", [1.0, 1e-40, 1e40])
def test_the_kernel_of_uncertainty_herding_is_as_wide_as_labels_lie_apart(scale):
    X = data.gaussian()
    X[1] = X[0]  # equal rows are no pair
    centers = np.arange(12)
    apart = np.sqrt(((X[:12, None] - X[:12]) ** 2).sum(axis=2))
    least = apart[apart > 0].min()
    assert _least_distance(X * scale, centers) == pytest.approx(least * scale, rel=1e-12)
    uncertainty = np.random.default_rng(0).random(len(X))
    asked = {"uncertainty": uncertainty, "centers": centers}
    expected = uncertainty_herding(
        X, 10, bandwidth=least / np.sqrt(2), rng=np.random.default_rng(0), **asked
    )
    picks = uncertainty_herding(X * scale, 10, rng=np.random.default_rng(0), **asked)
    np.testing.assert_array_equal(picks, expected)
    stays = max_herding(X, 10, centers=centers, rng=np.random.default_rng(0))
    wide = max_herding(
        X,
        10,
        centers=centers,
        bandwidth=_median_rule(Blocks(X, dtype=np.float32), np.random.default_rng(0)),
        rng=np.random.default_rng(0),
    )
    assert set(stays) == set(wide)


def test_the_least_distance_is_found_across_pieces_and_is_none_among_equal_rows():
    X = data.gaussian(n=1500)
    X[1400] = X[3] + 1e-3  # in other pieces of 512 rows
    found = _least_distance(X, np.arange(1500))
    assert found == pytest.approx(np.linalg.norm(X[1400] - X[3]), rel=1e-9)
    assert _least_distance(np.ones((5, 2)), np.arange(5)) == 0
    assert _least_distance(X, np.array([7])) == 0


def test_a_permuted_pool_gives_the_same_rows():
    X = data.gaussian()
    order = np.random.default_rng(3).permutation(len(X))
    picks = max_herding(X, 15, bandwidth=2.0, rng=np.random.default_rng(0))
    permuted = max_herding(X[order], 15, bandwidth=2.0, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(order[permuted], picks)


@given(problem=problems())
def test_the_contract_holds_for_any_rows(problem):
    check_contract(max_herding, problem)


def test_form_of_the_rows_changes_nothing():
    X = np.random.default_rng(0).integers(0, 20, size=(60, 3))
    check_forms(max_herding, X, 12, centers=[3, 7])


@pytest.mark.parametrize("select", [max_herding, uncertainty_herding])
def test_what_is_refused(select):
    check_refusals(select)
    for bandwidth in (0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="must be positive and finite"):
            select(np.eye(3), 1, bandwidth=bandwidth, rng=np.random.default_rng(0))


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
def test_uncertainty_is_refused_where_it_counts_and_ignored_at_centres(bad):
    X, rng = np.eye(3), np.random.default_rng(0)
    with pytest.raises(ValueError, match="at row 1; every value must be finite and not negative"):
        uncertainty_herding(X, 1, uncertainty=[1, bad, 1], rng=rng)
    picks = uncertainty_herding(X, 1, uncertainty=[1, bad, 3], centers=[1], rng=rng)
    assert picks.tolist() == [2]
    with pytest.raises(ValueError, match=r"must be \(3,\)"):
        uncertainty_herding(X, 1, uncertainty=[1, 2], rng=rng)


def test_coverage_may_stop_where_nothing_is_left_to_gain():
    X = np.array([[0.0], [0.1], [5.0], [5.1]])
    blocks = Blocks(X)

    def near(squares):
        return (squares < 1).astype(squares.dtype)

    def covering(known):
        mask = np.ones(4, dtype=bool)
        mask[known] = False
        return Coverage(
            blocks,
            similarity=near,
            weights=np.ones(4),
            known=np.array(known, dtype=int),
            mask=mask,
            who="prob_cover",
        )

    picks = covering([0]).choose(3, np.random.default_rng(0), least=0.5)
    assert len(picks) == 1 and picks[0] in (2, 3)
    assert len(covering([0, 2]).choose(2, np.random.default_rng(0), least=0.5)) == 0
    assert len(covering([0]).choose(3, np.random.default_rng(0))) == 3
