"""vessal: its float64 twin on the same random numbers, the trace, counts, and what it refuses."""

import pickle
from itertools import pairwise

import naive_stream as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given, settings
from hypothesis import strategies as st
from selection_contract import check_contract, check_forms, check_refusals, problems

from skactive.budgets import BudgetManager, Countdown, by_chance
from skactive.scores import likeliest_errors
from skactive.selection.vessal import gradient_covariance, vessal
from skactive.selection.volumes import BLOCK, Volumes

POOLS = pytest.mark.parametrize("pool", data.POOLS.values(), ids=data.POOLS)


def factors(n, d, n_classes, seed=0, pool=data.gaussian):
    """Errors of random probabilities, or ones for regression, and rows of a pool."""
    h = pool(n, d, seed=seed)
    if n_classes is None:
        return np.ones((n, 1)), h
    return likeliest_errors(data.probabilities(n, n_classes, seed=seed)), h


def on_ones(X, n, **options):
    """vessal as regression uses it, by what the contract calls with."""
    return vessal(
        (np.ones((len(X) if isinstance(X, np.ndarray) else X.shape[0], 1)), X), n, **options
    )


# Beside the twin


@pytest.mark.parametrize("n_classes", [None, 2, 4])
@POOLS
def test_a_pool_gives_the_rows_of_its_twin_on_the_same_random_numbers(pool, n_classes):
    a, h = factors(300, 3, n_classes, pool=pool)
    rows = naive.gradients(a, h)
    state = naive.VolumeStream(rows.shape[1], 0.1, labeled=rows[:5])
    draws = np.random.default_rng(7).random(295)
    kept, _ = naive.vessal_by_count(rows[5:], 40, draws, state)
    found = vessal(
        (a, h), 40, centers=np.arange(5), regularization=0.1, rng=np.random.default_rng(7)
    )
    assert found.tolist() == [5 + row for row in kept]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("n_labeled", [0, 3, 40])
def test_every_share_is_that_of_its_twin_while_columns_are_folded(known, n_labeled):
    a, h = factors(700, 4, 3, seed=2)
    rows = naive.gradients(a, h)
    covariance = gradient_covariance((a, h)) if known else None
    twin = naive.VolumeStream(12, 0.01, covariance, rows[:n_labeled])
    volumes = Volumes(3, 4, regularization=0.01, covariance=covariance)
    volumes.learn(a[:n_labeled], h[:n_labeled])
    shares, draws = [], np.random.default_rng(0).random(400)

    def takes(share):
        shares.append(share)
        row = n_labeled + len(shares) - 1
        assert share == pytest.approx(twin.share(rows[row]), rel=1e-7)
        kept = draws[len(shares) - 1] < 0.2 * share
        if kept:
            twin.keep(rows[row])
        return kept

    kept = volumes.offer(a[n_labeled : n_labeled + 400], h[n_labeled : n_labeled + 400], takes)
    assert len(shares) == 400 > BLOCK
    assert kept.sum() > 3 * 12  # so that columns were folded, and then again
    assert volumes.n_kept == n_labeled + kept.sum()


@pytest.mark.parametrize("known", [False, True])
def test_the_trace_by_recursion_is_that_computed_directly(known):
    a, h = factors(900, 5, 2, seed=3)
    rows, kept = naive.gradients(a, h), []
    covariance = gradient_covariance((a[::2], h[::2])) if known else None
    volumes = Volumes(2, 5, regularization=0.5, covariance=covariance)
    rng = np.random.default_rng(0)
    for start in range(0, 900, 90):
        part = slice(start, start + 90)
        kept.extend(
            start
            + np.flatnonzero(volumes.offer(a[part], h[part], lambda s: rng.random() < 0.1 * s))
        )
        inverse = np.linalg.inv(0.5 * np.eye(10) + rows[kept].T @ rows[kept])
        seen = rows[: part.stop]
        sigma = covariance if known else seen.T @ seen / len(seen)
        assert volumes.trace == pytest.approx(np.trace(sigma @ inverse), rel=1e-10)
    assert len(kept) > 60


def test_a_share_worked_out_by_hand():
    # lambda = 1, u = (2, 0) twice, then (0, 2); the first is kept.
    # 1: M = I, Sigma = uu' = diag(4, 0): share 4 / 4 = 1.
    # 2: M = diag(1/5, 1), u'Mu = 4/5, Sigma = diag(4, 0), tr = 4/5: share 1.
    # 3: u'Mu = 4, Sigma = diag(8, 4) / 3, tr = (8/5 + 4) / 3 = 28/15: share 4 * 15/28 = 15/7.
    shares = []
    h = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    Volumes(1, 2, regularization=1.0).offer(
        np.ones((3, 1)), h, lambda share: shares.append(share) or len(shares) == 1
    )
    assert shares == pytest.approx([1, 1, 15 / 7])


def test_blocks_of_a_gradient_sit_by_class_not_by_rank():
    # Rows of one h, sure of different classes: by class their gradients differ, by rank they do
    # not, and the second would not gain from the first of them having been kept.
    a = likeliest_errors(np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1]]))
    shares, volumes = [], Volumes(3, 1, regularization=0.01)
    volumes.offer(a, np.ones((3, 1)), lambda share: shares.append(share) or len(shares) == 1)
    assert shares[1] > 1.5 > 0.5 > shares[2]


@pytest.mark.parametrize("n_labeled", [2, 30, 600])
def test_labelled_rows_at_once_are_as_rows_kept_one_by_one(n_labeled):
    a, h = factors(n_labeled + 1, 4, 3, seed=5)
    at_once, one_by_one = Volumes(3, 4), Volumes(3, 4)
    at_once.learn(a[:-1], h[:-1])
    for row in range(n_labeled):
        one_by_one.learn(a[row : row + 1], h[row : row + 1])
    shares = []
    for volumes in (at_once, one_by_one):
        u = naive.gradients(a[-1:], h[-1:])
        shares.append(float(volumes._volumes(u, (u**2).sum(axis=1))[0]))
    assert shares[0] == pytest.approx(shares[1], rel=1e-6)


# However rows are cut


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 600), max_size=6), known=st.booleans())
def test_decisions_do_not_depend_on_how_rows_are_cut(cuts, known):
    a, h = factors(600, 3, 3, seed=8)
    covariance = gradient_covariance((a, h)) if known else None
    draws = np.random.default_rng(1).random(600)
    whole, parts = (Volumes(3, 3, covariance=covariance) for _ in range(2))
    expected = whole.offer(a, h, by_chance(Countdown(60, 600), draws))
    takes, found = by_chance(Countdown(60, 600), draws), []
    edges = [0, *sorted(cuts), 600]
    for start, stop in pairwise(edges):
        found.append(parts.offer(a[start:stop], h[start:stop], takes))
    np.testing.assert_array_equal(np.concatenate(found), expected)
    assert parts.trace == pytest.approx(whole.trace, rel=1e-10)


def test_one_row_at_a_time_and_pickled_between_it_decides_the_same():
    a, h = factors(2 * BLOCK + 50, 3, 2, seed=9)
    draws = np.random.default_rng(1).random(len(a))
    expected = Volumes(2, 3).offer(a, h, by_chance(BudgetManager(0.1, window=None), draws))
    volumes, takes, found = Volumes(2, 3), by_chance(BudgetManager(0.1, window=None), draws), []
    for row in range(len(a)):
        found.extend(volumes.offer(a[row : row + 1], h[row : row + 1], takes))
        if row % 97 == 0:
            volumes = pickle.loads(pickle.dumps(volumes))
    np.testing.assert_array_equal(found, expected)


# Counts


def test_by_rate_the_count_is_as_expected_within_statistical_bounds():
    # Given Sigma, each row of the distribution that Sigma is of has probability q on average,
    # whatever was kept before: counts minus q n are a martingale, of variance q n at most where
    # shares are 1 on average (variance p (1 - p) <= p a row).
    n, q, counts = 2000, 0.05, []
    for seed in range(20):
        a, h = np.ones((n, 1)), data.gaussian(n, 6, seed=seed)
        volumes = Volumes(1, 6, covariance=np.eye(6))
        draws = np.random.default_rng(100 + seed).random(n)
        counts.append(volumes.offer(a, h, by_chance(BudgetManager(q, window=None), draws)).sum())
    assert abs(np.mean(counts) - q * n) < 4 * np.sqrt(q * n / 20)


@pytest.mark.parametrize(("n", "width"), [(360, 384), (360, 64), (1000, 128), (2000, 384)])
@pytest.mark.parametrize("budget", [0.1, 0.3])
def test_without_a_window_the_share_that_is_bought_is_that_of_the_budget(n, width, budget):
    # Rows of many columns, each of which leads where none was: their shares are far above 1.
    h = data.gaussian(n, width) / np.sqrt(1 + np.arange(width))
    draws = np.random.default_rng(0).random(n)
    takes = by_chance(BudgetManager(budget, window=None), draws)
    bought = Volumes(1, width).offer(np.ones((n, 1)), h, takes)
    for stop in range(n // 4, n + 1, n // 4):
        assert abs(bought[:stop].sum() - budget * stop) <= max(0.1 * budget * stop, 3)


@given(n=st.integers(0, 30), n_rows=st.integers(1, 30), seed=st.integers(0, 99))
def test_a_pool_gives_exactly_as_many_rows_as_wanted_in_their_order(n, n_rows, seed):
    a, h = factors(n_rows, 2, 3, seed=seed)
    found = vessal((a, h), n, rng=np.random.default_rng(seed))
    assert len(found) == min(n, n_rows)
    assert (np.diff(found) > 0).all()


def test_rows_unlike_those_kept_are_kept_more_often_than_by_chance():
    # Every tenth row is of another kind: by chance, one in ten of those kept would be.
    h = np.zeros((1000, 2))
    h[:, 0], h[::10, 0], h[::10, 1] = 1.0, 0.0, 1.0
    found = [vessal((np.ones((1000, 1)), h), 20, rng=np.random.default_rng(s)) for s in range(20)]
    assert np.mean([(picks % 10 == 0).mean() for picks in found]) > 0.25


def test_where_nothing_has_a_gradient_rows_are_kept_by_chance():
    found = vessal((np.zeros((500, 2)), np.ones((500, 3))), 50, rng=np.random.default_rng(0))
    draws, kept = np.random.default_rng(0).random(500), []
    for row in range(500):
        if draws[row] < (50 - len(kept)) / (500 - row):
            kept.append(row)
    assert found.tolist() == kept


# The contract


@given(problem=problems())
def test_the_contract_of_selection_functions(problem):
    check_contract(on_ones, problem)


def test_rows_in_other_forms_are_the_same_rows():
    X = np.random.default_rng(0).integers(-3, 4, size=(60, 4))
    check_forms(on_ones, X, 8, centers=[0, 5])


def test_sparse_features_are_the_same_rows():
    from scipy import sparse

    a, h = factors(80, 5, 3, seed=4)
    h[np.abs(h) < 0.7] = 0
    dense, csr = (vessal((a, x), 9, rng=np.random.default_rng(0)) for x in (h, sparse.csr_array(h)))
    np.testing.assert_array_equal(dense, csr)


def test_the_covariance_is_the_mean_of_the_squares_of_gradients():
    a, h = factors(700, 3, 3, seed=6)
    rows = naive.gradients(a, h)
    np.testing.assert_allclose(gradient_covariance((a, h)), rows.T @ rows / 700, atol=1e-14)


def test_memory_does_not_grow_with_what_passed_or_was_kept():
    a, h = factors(20 * BLOCK, 3, 2, seed=1)
    volumes, sizes = Volumes(2, 3), []
    for start in range(0, len(a), BLOCK):
        volumes.offer(a[start : start + BLOCK], h[start : start + BLOCK], lambda share: True)
        sizes.append(len(pickle.dumps(volumes)))
    assert max(sizes[4:]) <= 1.01 * sizes[3]


def test_what_no_selection_function_accepts_is_refused():
    check_refusals(lambda X, n, **options: vessal((np.ones((3, 1)), X), n, **options))


A, H = np.ones((4, 2)), np.ones((4, 3))


@pytest.mark.parametrize(
    ("gradient", "options", "sentence"),
    [
        (H, {}, r"vessal got ndarray; give a tuple of two arrays \(a, h\)"),
        ((H,), {}, r"vessal got 1 factors"),
        ((A[:3], H), {}, r"a with 3 rows and h with 4; give both one row"),
        ((A, H[:, :0]), {}, r"here 0 x 0 for d = 0 and C = 2; give 1 to 10000 features"),
        ((A, np.ones((4, 10_001))), {}, r"here 20002 x 20002 .* 1 to 10000 features, by PCA"),
        ((A, 1e160 * H), {}, r"squared length overflows; scale the features to less than 1e100"),
        ((A, H), {"regularization": 0}, r"regularization=0; give a number above 0"),
        ((A, H), {"regularization": np.nan}, r"regularization=nan"),
        ((A, H), {"covariance": np.eye(3)}, r"covariance of shape \(3, 3\) .* \(6, 6\)"),
        ((A, H), {"covariance": np.triu(np.ones((6, 6)))}, r"not finite, not symmetric"),
        ((A, H), {"covariance": np.full((6, 6), np.nan)}, r"not finite, not symmetric"),
        ((A, H), {"covariance": -np.eye(6)}, r"negative trace"),
    ],
)
def test_arguments_out_of_range_are_refused_in_a_sentence(gradient, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        vessal(gradient, 2, rng=np.random.default_rng(0), **options)


def test_a_row_that_is_refused_has_not_passed():
    volumes = Volumes(1, 2)
    h = np.ones((2 * BLOCK, 2))
    h[-1] = 1e160
    with pytest.raises(ValueError, match="squared length overflows"):
        volumes.offer(np.ones((len(h), 1)), h, lambda share: True)
    assert (volumes.n_passed, volumes.n_kept, volumes.trace) == (0, 0, 0.0)


@pytest.mark.parametrize("known", [False, True])
def test_a_snapshot_is_as_it_was_whatever_passes_after_it(known):
    a, h = factors(5 * BLOCK, 4, 3, seed=4)
    covariance = gradient_covariance((a, h)) if known else None
    volumes = Volumes(3, 4, covariance=covariance)
    volumes.offer(a[: 3 * BLOCK - 50], h[: 3 * BLOCK - 50], lambda share: True)
    before, kept = pickle.dumps(volumes), volumes.snapshot()
    volumes.offer(a[2 * BLOCK :], h[2 * BLOCK :], lambda share: True)
    told = []
    for each in (kept, pickle.loads(before)):
        shares = []
        told.append(shares)
        each.offer(a, h, lambda share, shares=shares: shares.append(share) or share > 1.5)
    assert told[0] == told[1]


def test_shares_and_the_trace_stay_above_0_where_rounding_leaves_nothing_of_them(monkeypatch):
    monkeypatch.setattr("skactive.selection.volumes._LONGEST", 1e13)
    h = np.random.default_rng(0).normal(size=(200, 2)) * 1e8
    volumes, shares = Volumes(1, 2, regularization=0.01), []
    for features in (h, np.repeat(h[:1], 200, axis=0)):
        volumes.offer(np.ones((200, 1)), features, lambda share: shares.append(share) or True)
        assert volumes.trace > 0
    volumes = Volumes(1, 3, regularization=0.01)
    volumes.learn(np.ones((BLOCK, 1)), np.repeat(h[:1, [0, 1, 1]], BLOCK, axis=0))
    volumes.offer(np.ones((200, 1)), h[:, [0, 1, 0]], lambda share: shares.append(share) or True)
    assert np.isfinite(shares).all() and min(shares) > 0


def test_centers_that_are_given_twice_count_once():
    a, h = factors(300, 3, 3)
    once, often = (
        vessal((a, h), 60, centers=centers, rng=np.random.default_rng(0))
        for centers in (np.arange(20), np.tile(np.arange(20), 50))
    )
    np.testing.assert_array_equal(once, often)


def test_gradients_too_long_for_their_digits_count_by_their_direction():
    # |u|^2 / lambda beyond 1e6: as if each were as long as that.
    h = np.random.default_rng(0).normal(size=(600, 3))
    same = h * (np.sqrt(1e6 * 0.01) / np.linalg.norm(h, axis=1))[:, None]
    twin, ones = naive.VolumeStream(3, 0.01, labeled=same[:300]), np.ones((600, 1))
    expected = []
    for u in same[300:]:
        expected.append(twin.share(u))
        if expected[-1] > 2:
            twin.keep(u)
    some = np.arange(600)[:, None] % 3 == 0  # long ones among others
    for features in (1e9 * h, same, np.where(some, 1e9 * h, same)):
        volumes, told = Volumes(1, 3), []
        volumes.learn(ones[:300], features[:300])
        volumes.offer(ones[300:], features[300:], lambda s, told=told: told.append(s) or s > 2)
        np.testing.assert_allclose(told, expected, rtol=1e-5)
