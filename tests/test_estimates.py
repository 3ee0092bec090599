"""Intervals for scores of random rows: against scipy, closed forms and plain code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom, binomtest, norm, t

from skactive.statistics import (
    Estimate,
    EstimateCurve,
    bootstrap,
    clopper_pearson,
    effective_n,
    prediction_powered,
    rates,
    wilson,
)

COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVELS = st.sampled_from([0.5, 0.9, 0.95, 0.99])


@given(COUNTS, LEVELS)
@settings(max_examples=30)
def test_intervals_of_shares_are_those_of_scipy(counts, level):
    k, n = counts
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        expected = binomtest(k, n).proportion_ci(level, method)
        assert ours(k / n, n, level) == pytest.approx((k / n, *expected), abs=1e-9)


@pytest.mark.once
@given(st.floats(0, 1), st.floats(1, 1e6), LEVELS)
@settings(max_examples=30)
def test_wilsons_ends_are_where_a_test_begins_to_reject(share, n, level):
    _, low, high = wilson(share, n, level)
    z = norm.ppf(0.5 + level / 2)
    for end in (low, high):
        if 0 < end < 1:
            variance = end * (1 - end) / n
            assert (share - end) ** 2 == pytest.approx(z**2 * variance, rel=1e-6, abs=1e-12)


@pytest.mark.once
@pytest.mark.parametrize("n", [50, 100, 200])
def test_wilson_covers_what_it_says_on_average_and_the_exact_one_at_least(n):
    k = np.arange(n + 1)
    shares = np.linspace(0.6, 0.97, 38)
    for of, least, average in (
        (wilson, 0.91, (0.945, 0.96)),
        (clopper_pearson, 0.95, (0.95, 0.99)),
    ):
        low, high = np.array([of(one / n, n)[1:] for one in k]).T
        covered = [binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum() for p in shares]
        assert min(covered) >= least
        assert average[0] <= np.mean(covered) <= average[1]


@pytest.mark.once
def test_a_sample_in_groups_is_worth_between_its_groups_and_its_rows():
    values, groups = np.repeat([1, 0, 1, 1], 5), np.repeat([0, 1, 2, 3], 5)
    assert effective_n(values, groups) == pytest.approx(4)
    assert effective_n(values, np.arange(20)) == pytest.approx(20)
    assert (
        effective_n(np.tile([1, 0], 10), np.arange(20) // 2) == 20
    )  # balanced inside each: no worse
    assert effective_n(np.ones(10), [0] * 8 + [1, 2]) == pytest.approx(100 / 66)
    rng = np.random.default_rng(0)
    means, worth = [], []
    for _ in range(1000):
        sample = np.repeat(rng.random(40) < 0.7, 3) ^ (rng.random(120) < 0.1)
        means.append(sample.mean())
        worth.append(effective_n(sample, np.arange(120) // 3))
    p = np.mean(means)
    assert np.median(worth) == pytest.approx(p * (1 - p) / np.var(means), rel=0.1)


@pytest.mark.once
def test_precision_recall_and_f1_have_the_quantiles_of_their_posteriors():
    tp, fp, fn, tn, w = 18, 2, 6, 174, 0.12
    found = rates([tp, fp, fn, tn], w)
    of_precision = beta(tp + 0.5, fp + 0.5)
    q0 = beta(fn + 0.5, tn + 0.5).ppf((np.arange(4000) + 0.5) / 4000)
    for rate, of in (
        (found.precision, of_precision.cdf),
        # recall <= r where q1 <= r (1 - w) q0 / (w (1 - r)); F1 <= f alike
        (found.recall, lambda r: of_precision.cdf(r * (1 - w) * q0 / (w * (1 - r))).mean()),
        (found.f1, lambda f: of_precision.cdf(f * (w + (1 - w) * q0) / (w * (2 - f))).mean()),
    ):
        at = [of(rate.low), of(rate.value), of(rate.high)]
        assert at == pytest.approx([0.025, 0.5, 0.975], abs=0.006)


@pytest.mark.once
def test_a_share_that_few_rows_tell_makes_recall_and_f1_less_sure_and_precision_not():
    counts, share = [8, 4, 3, 185], 0.06
    known, many = rates(counts, share), rates(counts, share, n_rows=10**8)
    few = rates(counts, share, n_rows=200)
    np.testing.assert_allclose(many, known, atol=0.02)
    rng = np.random.default_rng(1)
    q1, q0 = rng.beta(8.5, 4.5, 100_000), rng.beta(3.5, 185.5, 100_000)
    w = rng.beta(12.5, 188.5, 100_000)
    recall, f1 = w * q1 / (w * q1 + (1 - w) * q0), 2 * w * q1 / (w + w * q1 + (1 - w) * q0)
    for interval, draws in zip(few, (q1, recall, f1), strict=True):
        np.testing.assert_allclose(interval, np.quantile(draws, [0.5, 0.025, 0.975]), atol=0.02)
    widths, before = (np.array([high - low for _, low, high in each]) for each in (few, known))
    assert (widths[1:] > 1.03 * before[1:]).all()
    assert abs(widths[0] / before[0] - 1) < 0.05


def test_predictions_make_a_share_more_certain_as_far_as_they_say_anything():
    rng = np.random.default_rng(0)
    p, p_others = rng.beta(4, 1, size=100), rng.beta(4, 1, size=900)
    right = (rng.random(100) < p).astype(float)
    constant = prediction_powered(right, np.full(100, 0.8), np.full(900, 0.8))
    assert constant == pytest.approx(wilson(right.mean(), 100))
    lam = np.cov(right, p)[0, 1] / ((1 + 100 / 900) * p.var(ddof=1))
    value = right.mean() + lam * (p_others.mean() - p.mean())
    variance = np.var(right - lam * p, ddof=1) / 100 + lam**2 * p_others.var() / 900
    n_worth = 100 * (right.var(ddof=1) / 100) / variance
    assert 0 < lam < 1
    assert n_worth > 105
    assert prediction_powered(right, p, p_others) == pytest.approx(wilson(value, n_worth))
    assert prediction_powered(right, 1 - p, p_others).value == right.mean()  # lam is not negative
    known = prediction_powered(right, right, np.repeat([1.0, 0.0], [700, 200]))
    assert known.value == pytest.approx(right.mean() + 0.9 * (7 / 9 - right.mean()))
    assert known.high - known.low == pytest.approx(np.subtract(*wilson(known.value, 500)[:0:-1]))


@pytest.mark.once
def test_resampling_finds_the_error_of_a_mean_and_stays_among_shares():
    values = np.random.default_rng(0).normal(size=150)
    value, low, high = bootstrap(lambda at: values[at].mean(), 150)
    assert value == values.mean()
    assert (high - low) / 2 == pytest.approx(1.976 * values.std() / np.sqrt(150), rel=0.15)
    assert (low + high) / 2 == pytest.approx(value)
    right = np.repeat([1, 0], [147, 3])
    found = bootstrap(lambda at: right[at].mean(), 150, is_share=True)
    assert found == pytest.approx(wilson(0.98, 150), abs=0.012)
    for alike in (0.5, 2 / 3):  # such as a balanced accuracy where one class is never right
        same = bootstrap(lambda at, alike=alike: alike, 150, is_share=True)
        assert same.high - same.low == pytest.approx(np.diff(wilson(alike, 150)[1:])[0], abs=0.01)
    assert bootstrap(lambda at: 1.0, 150) == (1.0, -np.inf, np.inf)
    perfect = bootstrap(lambda at: 1.0, 150, is_share=True)
    assert (perfect.value, perfect.high) == (1, 1)
    assert 0.93 < perfect.low < wilson(1, 150).low
    middle = np.repeat([0, 1], [3, 2])  # of which the median is 0, and often 1 of a resample
    assert bootstrap(lambda at: np.median(middle[at]), 5, is_share=True).high > 0.95
    triples = np.repeat(values[:50], 3)
    alone, together = (
        bootstrap(lambda at: triples[at].mean(), 150, groups=groups)
        for groups in (None, np.arange(150) // 3)
    )
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(
        np.sqrt(3), rel=0.2
    )


@pytest.mark.once
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: wilson(1.2, 10), "wilson got share=1.2; give a finite number of at least 0 and"),
        (lambda: wilson(0.5, 0), "wilson got n=0; give a finite number above 0"),
        (lambda: clopper_pearson(0.5, 10, 95), "level=95; give a number between 0 and 1"),
        (lambda: rates([1, 2, 3], 0.5), "rates got counts=.*; give the numbers of true positives"),
        (lambda: prediction_powered([1], [1], [1]), "got 1 and 1 rows with a label and 1 without"),
        (lambda: bootstrap(lambda at: np.nan, 9), "the score of the 9 rows is nan"),
        (lambda: bootstrap(lambda at: 2.0, 9, is_share=True), "the score of the 9 rows is 2.0"),
        (lambda: bootstrap(lambda at: 0.5, 9, groups=[0] * 9), "a score of 1 groups"),
    ],
)
def test_what_has_no_interval_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.once
def test_an_estimate_reads_as_a_sentence():
    one = Estimate(0.953, 0.913, 0.975, n=187, n_skipped=3, n_waiting=12, method="exact")
    assert repr(one) == (
        "accuracy 0.953, between 0.913 and 0.975 at 95 %, by 187 test labels (exact); 3 test rows "
        "skipped; 12 labels of other held-out rows not counted"
    )
    curve = EstimateCurve(np.array([20, 40]), (one, Estimate(0.9, 0.8, 0.95, n=60)))
    assert (curve.values.tolist(), curve.low.tolist()) == ([0.953, 0.9], [0.913, 0.8])
    assert curve.high.tolist() == [0.975, 0.95]
    assert repr(curve).startswith("2 estimates, of 20 to 40 labels; the last: accuracy 0.900")


@pytest.mark.once
def test_resampling_leaves_out_scores_that_are_none_and_takes_students_t():
    values, seen = np.array([0.0, 1.0, 5.0]), []

    def score(at):
        seen.append(values[at].mean() if len(set(at.tolist())) > 1 else np.nan)
        return seen[-1]

    value, low, high = bootstrap(score, 3, 0.9)
    drawn = np.array(seen[1:])
    assert np.isnan(drawn).any()
    half = t(2).ppf(0.95) * drawn[~np.isnan(drawn)].std(ddof=1)
    assert (value, low, high) == pytest.approx((2, 2 - half, 2 + half))


@pytest.mark.once
def test_groups_are_drawn_whole_wherever_their_rows_lie():
    rng = np.random.default_rng(0)
    values, groups = rng.normal(size=60), np.arange(60) // 3
    order, drawn = rng.permutation(60), []

    def score(at):
        drawn.append(groups[order][at])
        return values[order][at].mean()

    found = bootstrap(score, 60, groups=groups[order])
    assert all((np.bincount(each, minlength=20) % 3 == 0).all() for each in drawn)
    assert found == pytest.approx(bootstrap(lambda at: values[at].mean(), 60, groups=groups))


@pytest.mark.once
def test_predictions_that_differ_more_elsewhere_make_a_share_no_less_certain():
    right, expected = np.tile([1.0, 0.0, 1.0], 20), np.tile([0.51, 0.5, 0.5], 20)
    found = prediction_powered(right, expected, np.repeat([0.0, 1.0], [20, 21]))
    assert found == pytest.approx(wilson(found.value, 60))


@pytest.mark.once
def test_groups_are_worth_no_less_than_if_their_rows_were_alike():
    values, groups = [0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 2, 2, 3]
    sums = np.array([3 * 0.625, 2 * 0.375, 2 * 0.375, 0.375])
    assert 64 * (5 / 8 * 3 / 8) / (sums**2).sum() < 3.2  # by the variance of the mean alone
    assert effective_n(values, groups) == pytest.approx(64 / (9 + 4 + 4 + 1))
