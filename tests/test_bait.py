"""bait: its twin over whole information matrices, the kept terms, and what it refuses."""

import sys

import naive_bait as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from scipy import sparse
from selection_contract import check_contract, check_refusals, problems
from sklearn.linear_model import Ridge

from skactive import ActiveLearner
from skactive.selection import bait
from skactive.selection.bait import _factors, _FisherSearch, _information
from skactive.strategies import BAIT

MODULE = sys.modules[bait.__module__]

CLEAR = 1e-7  # relative gap between the best and the second, above which the choice is certain
POOLS = pytest.mark.parametrize("pool", data.POOLS.values(), ids=data.POOLS)


def is_clear(steps):
    """Whether the best of each step is far enough from the second for rounding."""
    for losses in steps:
        two = np.sort(list(losses.values()))[:2]
        if len(two) == 2 and two[1] - two[0] <= CLEAR * two[1]:
            return False
    return True


@pytest.mark.parametrize("n_classes", [None, 2, 3])
@POOLS
def test_it_takes_what_its_twin_takes(pool, n_classes):
    X = pool(24, 3, seed=1)
    proba = None if n_classes is None else data.probabilities(24, n_classes)
    mask = np.arange(24) % 5 > 0
    taken, steps = naive.bait(X, proba, 4, mask, [1, 2], regularization=0.5)
    found = bait(
        X,
        proba,
        4,
        candidates=mask,
        centers=[1, 2],
        regularization=0.5,
        rng=np.random.default_rng(0),
    )
    if is_clear(steps):
        assert found.tolist() == taken
    infos = naive.informations(X, proba)
    ours, theirs = (naive.loss([1, 2, *map(int, rows)], infos, 0.5) for rows in (found, taken))
    assert ours <= theirs * 1.05  # after a tie the greedy ways part


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("n_classes", [None, 2])
@POOLS
def test_every_step_is_as_good_as_the_best_where_little_is_known(
    pool, n_classes, scale, monkeypatch
):
    """With a small lambda much cancels: each step is held against all others, given its prefix."""
    X = scale * pool(24, 3, seed=3)
    proba = None if n_classes is None else data.probabilities(24, n_classes, sharpness=4)
    least = max(1e-4, MODULE._LEAST_SHARE * (X**2).sum(axis=1).max())
    infos, batch = naive.informations(X, proba), [0, 1]
    take, drop = _FisherSearch.take, _FisherSearch.drop

    def checked(pick, others):
        losses = {row: naive.loss(rows, infos, least) for row, rows in others.items()}
        assert losses[pick] <= 1.001 * min(losses.values())

    def taken(self, rng):
        at = take(self, rng)
        pick = int(self.rows[at])
        free = [row for row in range(24) if row not in batch]
        checked(pick, {row: [*batch, row] for row in free})
        batch.append(pick)
        return at

    def dropped(self, rng):
        before = set(self.rows.tolist())
        drop(self, rng)
        (gone,) = before - set(self.rows.tolist())
        checked(gone, {row: [r for r in batch if r != row] for row in batch[2:]})
        batch.remove(gone)

    monkeypatch.setattr(_FisherSearch, "take", taken)
    monkeypatch.setattr(_FisherSearch, "drop", dropped)
    found = bait(X, proba, 5, centers=[0, 1], regularization=1e-4, rng=np.random.default_rng(0))
    assert found.tolist() == batch[2:]


def test_centres_that_are_named_twice_count_once():
    X = data.gaussian(30, 3)
    picks = [
        bait(X, None, 4, centers=centers, rng=np.random.default_rng(0)).tolist()
        for centers in ([3], [3] * 10)
    ]
    assert picks[0] == picks[1]


def test_most_of_these_pools_are_clear_enough_for_the_comparison():
    proba = data.probabilities(24, 3)
    clear = [is_clear(naive.bait(pool(24, 3, seed=1), proba, 4, np.ones(24, bool), [])[1])
             for pool in data.POOLS.values()]  # fmt: skip
    assert sum(clear) >= 4


@pytest.mark.parametrize("oversample", [1, 1.5, 3])
def test_oversampling_is_followed_by_leaving_out(oversample):
    X, proba = data.gaussian(20, 3, seed=2), data.probabilities(20, 3, seed=2)
    taken, steps = naive.bait(X, proba, 3, np.ones(20, bool), [], oversample=oversample)
    assert is_clear(steps)
    found = bait(X, proba, 3, oversample=oversample, rng=np.random.default_rng(0))
    assert found.tolist() == taken


@pytest.mark.parametrize("n_classes", [None, 4])
def test_what_is_kept_stays_what_it_would_be_if_computed_anew(n_classes):
    X = data.offset(60, 5) / 50
    proba = None if n_classes is None else data.probabilities(60, n_classes)
    rows = np.arange(60)
    everything = _information(X, proba, rows) / 60
    search = _FisherSearch(X, proba, rows, np.eye(len(everything)), everything)
    known = np.eye(len(everything))
    rng, taken = np.random.default_rng(0), []
    for _ in range(40):
        taken.append(search.take(rng))
    search.keep(np.array(taken))
    for _ in range(25):
        search.drop(rng)
    known = known + _information(X, proba, search.rows)
    again = _FisherSearch(X, proba, search.rows, known, everything)
    np.testing.assert_allclose(search.inverse, again.inverse, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(search.a, again.a, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(search.b, again.b, rtol=1e-7, atol=1e-10)


def test_the_only_row_in_a_direction_goes_without_a_loss_of_digits():
    X, rows, rng = data.gaussian(24, 5), np.arange(24), np.random.default_rng(0)
    known = 1e-7 * (X**2).sum(axis=1).max() * np.eye(5)
    everything = _information(X, None, rows) / 24
    search = _FisherSearch(X, None, rows, known, everything)
    search.keep(np.array([search.take(rng) for _ in range(10)]))
    while len(search.rows) > 1:
        search.drop(rng)
        information = known + X[search.rows].T @ X[search.rows]
        again = _FisherSearch(X, None, search.rows, information, everything)
        np.testing.assert_allclose(search.a, again.a, rtol=1e-8)
        np.testing.assert_allclose(search.b, again.b, rtol=1e-8)


def shorter(n_classes):
    """The basis of what is orthogonal to ones in which classes are told, shape (C, C - 1)."""
    normal = np.full(n_classes, n_classes**-0.5) + np.eye(n_classes)[0]
    return (np.eye(n_classes) - 2 * np.outer(normal, normal) / (normal @ normal))[:, 1:]


def test_information_is_the_sum_of_the_rows():
    X, proba = data.gaussian(30, 4), data.probabilities(30, 3)
    basis = np.kron(shorter(3), np.eye(4))
    np.testing.assert_allclose(shorter(3).sum(axis=0), 0, atol=1e-15)
    expected = basis.T @ np.sum(naive.informations(X, proba), axis=0) @ basis
    for given_X in (X, sparse.csr_matrix(X)):
        found = _information(given_X, proba, np.arange(30))
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_shorter_factors_say_all_that_the_gradients_say(n_classes):
    proba, basis = data.probabilities(9, n_classes, sharpness=9), shorter(n_classes)
    factors = _factors(proba, np.arange(9))
    assert factors.shape == (9, n_classes - 1, n_classes - 1)
    for factor, p in zip(factors, proba, strict=True):
        whole = basis @ factor.T @ factor @ basis.T
        np.testing.assert_allclose(whole, np.diag(p) - np.outer(p, p), atol=1e-15)


def test_sparse_and_half_precision_features_are_chosen_from_as_dense_ones_are():
    X = np.round(4 * data.gaussian(50, 6))
    proba = data.probabilities(50, 3)
    dense = bait(X, proba, 6, centers=[0], rng=np.random.default_rng(0))
    for same in (sparse.csr_matrix(X), X.astype(np.float16), X.astype(np.int8)):
        found = bait(same, proba, 6, centers=[0], rng=np.random.default_rng(0))
        assert found.tolist() == dense.tolist()


def test_in_one_dimension_regression_takes_the_longest_rows():
    X = np.array([[1.0], [-5.0], [2.0], [4.0]])
    assert bait(X, None, 2, rng=np.random.default_rng(0)).tolist() == [1, 3]


@pytest.mark.parametrize("alpha", [0.5, 3.0])
def test_one_row_for_linear_regression_is_the_one_of_least_mean_variance(alpha):
    """The closed form: x' (alpha I + X' X)^-1 x, the mean over the pool, for every candidate."""
    X = np.random.default_rng(4).normal(size=(80, 3)) * [1.0, 2.0, 0.5]
    y = np.where(np.arange(80) < 6, X[:, 0], np.nan)
    learner = ActiveLearner(
        Ridge(alpha, fit_intercept=False), BAIT(regularization=alpha, oversample=1), random_state=0
    ).fit(X, y)
    for _ in range(5):
        known = X[learner.pool_.labeled]
        variance = np.full(80, np.inf)
        for row in learner.pool_.unlabeled:
            seen = np.vstack([known, X[row]])
            covariance = np.linalg.inv(alpha * np.eye(3) + seen.T @ seen)
            variance[row] = np.einsum("ij,jk,ik->i", X, covariance, X).mean()
        idx, _ = learner.query()
        assert idx.tolist() == [variance.argmin()]
        learner.teach(idx, X[idx, 0])


def test_equal_rows_are_drawn_among():
    X = np.repeat([[1.0, 0.0], [0.0, 3.0]], 4, axis=0)
    firsts = {int(bait(X, None, 1, rng=np.random.default_rng(s))[0]) for s in range(60)}
    assert firsts == {4, 5, 6, 7}


def regression(X, n, **options):
    return bait(X, None, n, **options)


def classification(X, n, **options):
    n_rows = X.shape[0] if sparse.issparse(X) else len(X)
    return bait(X, data.read_only(data.probabilities(n_rows, 3)), n, **options)


@given(problems())
def test_regression_keeps_the_contract(problem):
    check_contract(regression, problem)


@given(problems())
def test_classification_keeps_the_contract(problem):
    check_contract(classification, problem)


def test_certain_probabilities_tell_nothing_and_are_chosen_from_all_the_same():
    proba = np.eye(3)[np.arange(9) % 3]
    found = bait(data.gaussian(9, 2), proba, 4, rng=np.random.default_rng(0))
    assert len(set(found.tolist())) == 4


def test_what_it_refuses():
    check_refusals(regression)
    X, P = data.gaussian(4, 2), data.probabilities(4, 2)
    rng = np.random.default_rng(0)
    for params, text in (
        ({"regularization": 0}, "bait got regularization=0; give a number above 0."),
        ({"regularization": np.nan}, "give a number above 0."),
        ({"oversample": 0.5}, "bait got oversample=0.5; give a number of at least 1."),
    ):
        with pytest.raises(ValueError) as info:
            bait(X, P, 1, rng=rng, **params)
        assert text in str(info.value)
    with pytest.raises(ValueError, match=r"squared length is .*; scale them to less than 1e\+100"):
        bait(np.full((3, 2), 1e100), None, 2, rng=rng)
    with pytest.raises(ValueError, match="features without a column; give at least one"):
        bait(np.ones((3, 0)), None, 1, rng=rng)
    with pytest.raises(ValueError, match="bait got proba of 3 rows for 4 rows of features"):
        bait(X, P[:3], 1, rng=rng)
    with pytest.raises(ValueError, match=r"proba of which row 2 is \[0.5, 0.25\], with sum 0.75"):
        bait(X, [[0.5, 0.5], [1, 0], [0.5, 0.25], [0, 1]], 1, rng=rng)
    with pytest.raises(ValueError, match="d = 15000 and C = 2; reduce the features"):
        bait(sparse.csr_matrix((4, 15_000)), P, 1, rng=rng)
