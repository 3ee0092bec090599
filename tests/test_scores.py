"""Scores: published values, the twins in naive.py, and what holds for every input."""

import math
import tracemalloc

import naive
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, stats

from skactive import scores

PUBLISHED = np.array([[0.1, 0.85, 0.05], [0.6, 0.3, 0.1], [0.39, 0.61, 0.0]])
OF_PROBA = [scores.least_confidence, scores.margin, scores.entropy]
OF_SAMPLES = [scores.consensus_entropy, scores.max_disagreement, scores.bald]
OF_MOMENTS = [
    scores.log_expected_improvement,
    scores.log_probability_of_improvement,
    scores.upper_confidence_bound,
]
# A sum of C terms and a logarithm, each right to a few units in the last place.
CLOSE = {"rtol": 1e-12, "atol": 1e-14}


def twin(function):
    return getattr(naive, function.__name__)


def name(function):
    return getattr(function, "__name__", str(function))


@pytest.fixture(params=[1, 3, None], ids=["rows-1", "rows-3", "whole"])
def chunked(request, monkeypatch):
    """Run with chunks of one row, of three rows, and as shipped."""
    if request.param:
        monkeypatch.setattr("skactive.data.arrays.CORE_BYTES", 1)
        monkeypatch.setattr("skactive.data.arrays.LEAST_COLUMN", request.param)


def read_only(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


@st.composite
def distributions(draw, ndim=2):
    """Read-only (..., n, C) probabilities: random, one-hot, flat, duplicated, tiny, float32."""
    n, n_classes = draw(st.integers(0, 9)), draw(st.integers(1, 6))
    shape = (n, n_classes) if ndim == 2 else (draw(st.integers(1, 4)), n, n_classes)
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    weights = draw(
        hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1e-300, 1e-9, 0.3, 1.0, 7.0]))
        | hnp.arrays(np.float64, shape, elements=st.floats(0, 1))
    )
    weights[weights.sum(axis=-1) == 0] = 1.0
    proba = weights / weights.sum(axis=-1, keepdims=True)
    if n and draw(st.booleans()):
        proba = proba[..., draw(hnp.arrays(np.intp, n, elements=st.integers(0, n - 1))), :]
    order = draw(st.sampled_from(["C", "F"]))
    return read_only(np.asarray(proba, dtype=dtype, order=order))


def moments(dtype=np.float64):
    n = st.shared(st.integers(0, 8), key="n")
    width = 8 * np.dtype(dtype).itemsize
    means = n.flatmap(lambda n: hnp.arrays(dtype, n, elements=st.floats(-100, 100, width=width)))
    stds = n.flatmap(
        lambda n: hnp.arrays(dtype, n, elements=st.just(0.0) | st.floats(0.125, 100, width=width))
    )
    return st.tuples(means.map(read_only), stds.map(read_only))


# Published values


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (scores.least_confidence, [0.15, 0.4, 0.39]),
        (scores.margin, [0.75, 0.3, 0.22]),
        (scores.entropy, [0.51818621, 0.89794572, 0.66874809]),
    ],
    ids=name,
)
def test_probability_scores_have_the_published_values(function, expected):
    np.testing.assert_allclose(function(PUBLISHED), expected, rtol=0, atol=5e-9)


def test_vote_entropy_has_the_published_values():
    votes_by_row = [[0, 1, 0], [1, 1, 2], [0, 1, 2], [2, 2, 2], [1, 2, 2]]
    np.testing.assert_allclose(
        scores.vote_entropy(np.transpose(votes_by_row), 3),
        [0.63651417, 0.63651417, 1.09861229, 0, 0.63651417],
        rtol=0,
        atol=5e-9,
    )


# The twins


@pytest.mark.parametrize("function", OF_PROBA, ids=name)
@given(proba=distributions())
@example(proba=np.empty((0, 3)))
def test_a_probability_score_equals_its_twin(function, proba):
    found = function(proba)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, twin(function)(proba), **CLOSE)


@pytest.mark.parametrize("function", OF_SAMPLES, ids=name)
@given(samples=distributions(ndim=3))
def test_a_committee_score_equals_its_twin(function, samples):
    found = function(samples)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, twin(function)(samples), **CLOSE)


@given(
    decision=st.one_of(
        hnp.arrays(dtype, shape, elements=st.floats(-1e6, 1e6, width=32))
        for dtype in (np.float64, np.float32)
        for shape in (
            st.tuples(st.integers(0, 9)),
            st.tuples(st.integers(0, 9), st.integers(2, 5)),
        )
    ).map(read_only)
)
def test_decision_margin_equals_its_twin(decision):
    found = scores.decision_margin(decision)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, naive.decision_margin(decision))


@given(data=st.data(), n_classes=st.integers(1, 5))
def test_vote_entropy_equals_its_twin(data, n_classes):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(0, 9)))
    dtype = data.draw(st.sampled_from([np.int64, np.uint8, np.int8, np.uint64]))
    votes = data.draw(hnp.arrays(dtype, shape, elements=st.integers(0, n_classes - 1)))
    found = scores.vote_entropy(read_only(votes), n_classes)
    np.testing.assert_allclose(found, naive.vote_entropy(votes, n_classes), **CLOSE)


@pytest.mark.parametrize("function", OF_MOMENTS, ids=name)
@given(
    both=st.one_of(moments(), moments(np.float32)),
    third=st.floats(-100, 100),
    xi=st.floats(0, 10),
)
def test_a_regression_score_equals_its_twin(function, both, third, xi):
    arguments = (*both, third) if function is scores.upper_confidence_bound else (*both, third, xi)
    found = function(*arguments)
    assert found.dtype == np.float64
    # The twin's two terms of the size of std cancel in the lower tail.
    atol = 1e-13 * (1 + both[1].max(initial=0))
    expected = twin(function)(*arguments)
    if function is not scores.upper_confidence_bound:
        found, expected = np.exp(found), np.exp(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=atol)


# Chunks


@pytest.fixture(scope="module")
def random_samples():
    rng = np.random.default_rng(0)
    return read_only(rng.dirichlet(np.ones(5) / 3, size=(4, 301)))


@pytest.mark.parametrize("function", OF_PROBA, ids=name)
def test_a_probability_score_does_not_depend_on_chunks(function, random_samples, chunked):
    expected = twin(function)(random_samples[0])
    np.testing.assert_allclose(function(random_samples[0]), expected, **CLOSE)


@pytest.mark.parametrize("function", OF_SAMPLES, ids=name)
def test_a_committee_score_does_not_depend_on_chunks(function, random_samples, chunked):
    np.testing.assert_allclose(function(random_samples), twin(function)(random_samples), **CLOSE)


def test_vote_entropy_does_not_depend_on_chunks(random_samples, chunked):
    votes = random_samples.argmax(axis=2)
    np.testing.assert_allclose(scores.vote_entropy(votes, 5), naive.vote_entropy(votes, 5), **CLOSE)


@pytest.mark.parametrize("function", [*OF_PROBA, *OF_SAMPLES, scores.vote_entropy], ids=name)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_classes", [1, 2, 10, 33])
def test_a_row_alone_scores_the_same_bits_as_among_others(function, dtype, n_classes):
    rng = np.random.default_rng(1)
    array = rng.dirichlet(np.ones(n_classes), size=(9, 40)).astype(dtype)
    if function in OF_PROBA:
        array, axis, further = array[0], 0, ()
    elif function in OF_SAMPLES:
        axis, further = 1, ()
    else:
        array, axis, further = array.argmax(axis=2), 1, (n_classes,)
    whole = function(array, *further)
    alone = [function(part, *further)[0] for part in np.split(array, 40, axis=axis)]
    np.testing.assert_array_equal(whole, alone)


@pytest.mark.parametrize("function", OF_PROBA, ids=name)
def test_only_the_result_of_a_probability_score_grows_with_the_rows(function):
    proba = np.full((200_000, 10), 0.1)
    tracemalloc.start()
    try:
        function(proba)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(proba) + 3 * 2**20


@pytest.mark.parametrize("function", OF_SAMPLES, ids=name)
def test_a_committee_score_makes_no_second_array_of_samples(function):
    samples = np.full((20, 50_000, 4), 0.25, dtype=np.float32)
    tracemalloc.start()
    try:
        function(samples)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * samples.shape[1] + 3 * 2**20


# Limits and edges


@pytest.mark.parametrize("function", OF_PROBA, ids=name)
@pytest.mark.parametrize("n_classes", [2, 5])
def test_a_certain_row_scores_exactly_and_without_a_sign(function, n_classes):
    found = function(np.eye(n_classes))
    expected = 1.0 if function is scores.margin else 0.0
    assert found.tolist() == [expected] * n_classes
    assert not np.signbit(found).any()


def test_a_flat_row_has_the_largest_uncertainty():
    flat = np.full((1, 4), 0.25)
    assert scores.least_confidence(flat)[0] == 0.75
    assert scores.margin(flat)[0] == 0
    assert scores.entropy(flat)[0] == pytest.approx(math.log(4), rel=1e-15)


def test_a_single_class_is_certain_and_its_margin_is_its_probability():
    only = np.ones((2, 1))
    assert scores.least_confidence(only).tolist() == [0, 0]
    assert scores.margin(only).tolist() == [1, 1]
    assert scores.entropy(only).tolist() == [0, 0]


@given(first=hnp.arrays(np.float64, st.integers(1, 20), elements=st.floats(0, 1)))
def test_the_three_uncertainties_order_binary_rows_alike(first):
    first = first[np.argsort(abs(first - 0.5))]
    proba = np.column_stack([first, 1 - first])
    for uncertainty in (scores.least_confidence, lambda p: -scores.margin(p), scores.entropy):
        assert (np.diff(uncertainty(proba)) <= 1e-12).all()


@pytest.mark.parametrize("function", OF_PROBA, ids=name)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_nan_probability_is_a_nan_score_for_that_row_alone(function, place):
    proba = PUBLISHED.copy()
    proba[1, place] = np.nan
    assert np.isnan(function(proba)).tolist() == [False, True, False]


@pytest.mark.parametrize("function", OF_SAMPLES, ids=name)
@pytest.mark.parametrize("member", [0, 1])
def test_a_nan_of_one_member_is_a_nan_score_for_that_row_alone(function, member):
    samples = np.stack([PUBLISHED, PUBLISHED[::-1]])
    samples[member, 1, 2] = np.nan
    assert np.isnan(function(samples)).tolist() == [False, True, False]


def test_a_nan_decision_is_a_nan_margin():
    assert np.isnan(scores.decision_margin([1.0, np.nan])).tolist() == [False, True]
    both = scores.decision_margin([[1.0, 2.0, np.nan], [1.0, 2.0, 3.0]])
    assert np.isnan(both).tolist() == [True, False]


@pytest.mark.parametrize("function", OF_MOMENTS, ids=name)
def test_a_nan_moment_is_a_nan_score(function):
    found = function([np.nan, np.nan, 1.0, 1.0], [1.0, 0.0, np.nan, 1.0], 0.5)
    assert np.isnan(found).tolist() == [True, True, True, False]


# Committees


def test_consensus_entropy_is_the_entropy_of_the_mean(random_samples):
    expected = stats.entropy(random_samples.mean(axis=0), axis=1)
    np.testing.assert_allclose(scores.consensus_entropy(random_samples), expected, rtol=1e-12)


def test_max_disagreement_is_the_largest_relative_entropy(random_samples):
    mean = random_samples.mean(axis=0)
    expected = np.max([stats.entropy(p, mean, axis=1) for p in random_samples], axis=0)
    np.testing.assert_allclose(scores.max_disagreement(random_samples), expected, rtol=1e-11)


def test_bald_is_the_mean_relative_entropy_to_the_consensus(random_samples):
    mean = random_samples.mean(axis=0)
    expected = np.mean([stats.entropy(p, mean, axis=1) for p in random_samples], axis=0)
    np.testing.assert_allclose(scores.bald(random_samples), expected, rtol=1e-11, atol=1e-14)


def test_members_that_agree_leave_nothing_to_learn(random_samples):
    same = np.repeat(random_samples[:1], 7, axis=0)
    np.testing.assert_allclose(scores.bald(same), 0, atol=1e-14)
    np.testing.assert_allclose(scores.max_disagreement(same), 0, atol=1e-14)
    assert (scores.bald(same) >= 0).all()
    assert (scores.max_disagreement(same) >= 0).all()
    votes = same.argmax(axis=2)
    assert (scores.vote_entropy(votes, 5) == 0).all()


def test_certain_members_that_contradict_each_other_have_the_largest_bald():
    samples = np.eye(4)[:, None, :]
    for function in OF_SAMPLES:
        assert function(samples)[0] == pytest.approx(math.log(4), rel=1e-14)


# Regression


@pytest.mark.parametrize("mean", [-1.0, 0.3, 2.5])
@pytest.mark.parametrize("std", [0.2, 1.7])
@pytest.mark.parametrize("xi", [0.0, 0.4])
def test_improvement_scores_are_the_integrals_that_define_them(mean, std, xi):
    best = 0.5
    start, stop = best + xi, max(mean, best + xi) + 12 * std
    density = stats.norm(mean, std).pdf

    def integral(of):
        peak = [mean] if start < mean < stop else None
        return integrate.quad(of, start, stop, points=peak, epsabs=1e-13, limit=200)[0]

    gain = integral(lambda f: (f - best - xi) * density(f))
    chance = integral(density)
    found_gain = scores.log_expected_improvement([mean], [std], best, xi)[0]
    found_chance = scores.log_probability_of_improvement([mean], [std], best, xi)[0]
    assert np.exp(found_gain) == pytest.approx(gain, rel=1e-8, abs=1e-12)
    assert np.exp(found_chance) == pytest.approx(chance, rel=1e-8, abs=1e-12)


@pytest.mark.filterwarnings("error")
def test_without_spread_the_improvement_is_known():
    mean, std = [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]
    gain, chance = scores.log_expected_improvement, scores.log_probability_of_improvement
    assert np.exp(gain(mean, std, best=2.0)).tolist() == [0, 0, 1]
    assert np.exp(gain(mean, std, best=2.0, xi=0.25)).tolist() == [0, 0, 0.75]
    assert np.exp(chance(mean, std, best=2.0)).tolist() == [0, 0, 1]
    assert np.exp(chance(mean, std, best=1.5, xi=0.5)).tolist() == [0, 0, 1]
    assert scores.upper_confidence_bound(mean, std, beta=3.0).tolist() == mean


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("std", [1e-320, 1e-200, 1e-3])
def test_a_vanishing_spread_reaches_the_limit_without_a_warning(std):
    mean, stds = [-1e10, 1e10], [std, std]
    found = scores.log_expected_improvement(mean, stds, best=0.0)
    assert found[0] < -1e25 and found[1] == np.log(1e10)
    found = scores.log_probability_of_improvement(mean, stds, best=0.0)
    assert found[0] < -1e25 and found[1] == 0


@pytest.mark.parametrize("z", [-1e9, -1e5, -301, -300, -299, -39, -38, -8, -1.001, -1, -0.9, 0, 9])
def test_log_improvement_is_right_far_below_the_best_value(z):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(80):  # of which the sum below loses those of z²
        z = mpmath.mpf(z)
        tail = mpmath.erfc(-z / mpmath.sqrt(2)) / 2
        gain = mpmath.npdf(z) + z * tail
        expected = float(mpmath.log(gain)), float(mpmath.log(tail))
    found = [
        function([float(z)], [1.0], best=0.0)[0]
        for function in (scores.log_expected_improvement, scores.log_probability_of_improvement)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_where_improvement_is_0_in_float64_rows_are_still_told_apart():
    mean, std = np.linspace(-60, -40, 200), np.full(200, 1.0)
    for function in (scores.log_expected_improvement, scores.log_probability_of_improvement):
        found = function(mean, std, best=0.0)
        assert (np.diff(found) > 0).all() and np.isfinite(found).all()


def test_larger_beta_and_smaller_xi_are_worth_more():
    mean, std = np.array([0.0, 1.0]), np.array([1.0, 2.0])
    assert scores.upper_confidence_bound(mean, std, beta=0.5).tolist() == [0.5, 2.0]
    assert scores.upper_confidence_bound(mean, std, beta=2.0).tolist() == [2.0, 5.0]
    for function in (scores.log_expected_improvement, scores.log_probability_of_improvement):
        assert (function(mean, std, 0.5, xi=0.0) > function(mean, std, 0.5, xi=0.1)).all()


# Refusals


@pytest.mark.parametrize("function", OF_PROBA, ids=name)
@pytest.mark.parametrize("shape", [(3,), (3, 0), (2, 3, 4)], ids=str)
def test_probabilities_of_another_shape_are_refused(function, shape):
    with pytest.raises(ValueError, match=r"proba has shape \(.*\); it must be \(n, C\)"):
        function(np.ones(shape))


@pytest.mark.parametrize("function", OF_SAMPLES, ids=name)
@pytest.mark.parametrize("shape", [(3, 2), (0, 3, 2), (3, 2, 0)], ids=str)
def test_samples_of_another_shape_are_refused(function, shape):
    with pytest.raises(ValueError, match=r"samples has shape \(.*\); it must be \(S, n, C\)"):
        function(np.ones(shape))


@pytest.mark.parametrize("shape", [(), (3, 1), (3, 0), (2, 3, 4)], ids=str)
def test_a_decision_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"decision has shape .* write decision\[:, 0\]"):
        scores.decision_margin(np.ones(shape))


@pytest.mark.parametrize("votes", [[[0, -1]], [[0, 3]], [[0, 10**15]], [[0, -(2**62)]]])
def test_votes_outside_the_classes_are_refused(votes):
    with pytest.raises(ValueError, match=r"votes hold class codes .* must lie in 0 to 2"):
        scores.vote_entropy(votes, 3)


@pytest.mark.parametrize("votes", [[[0.0, 1.0]], [["a", "b"]], [[True, False]]], ids=str)
def test_votes_that_are_no_integers_are_refused(votes):
    with pytest.raises(TypeError, match=r"votes have dtype .*np\.searchsorted\(classes, votes\)"):
        scores.vote_entropy(votes, 3)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (1, 2, 3)], ids=str)
def test_votes_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"votes has shape \(.*\); it must be \(S, n\)"):
        scores.vote_entropy(np.zeros(shape, dtype=int), 3)


@pytest.mark.parametrize("function", OF_MOMENTS, ids=name)
def test_moments_that_do_not_match_are_refused(function):
    with pytest.raises(ValueError, match=r"mean has shape \(2,\) and std \(1,\)"):
        function([1.0, 2.0], [1.0], 0.5)
    with pytest.raises(ValueError, match=r"mean has shape \(\) and std \(\)"):
        function(1.0, 1.0, 0.5)
    with pytest.raises(ValueError, match=r"std is negative at position 1;"):
        function([1.0, 2.0], [1.0, -0.5], 0.5)
