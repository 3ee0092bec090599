"""Statistics of learning curves: against scipy, hand-computed cases, and known truths."""

from itertools import product

import naive
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.integrate import trapezoid
from sklearn.isotonic import isotonic_regression

from skactive.statistics import (
    Saving,
    aulc,
    holm,
    labels_to_reach,
    mean_interval,
    paired_tests,
    penalty_matrix,
    rising_mean,
    saving,
    win_tie_loss,
)

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.once]


def rng(seed=0):
    return np.random.default_rng(seed)


scores_ = st.floats(-1, 1, allow_subnormal=False).map(lambda x: round(x, 6))


@st.composite
def curves_(draw, n_repeats=None, max_rounds=8):
    """An increasing grid of label counts and curves over it."""
    r, t = n_repeats or draw(st.integers(1, 6)), draw(st.integers(1, max_rounds))
    gaps = draw(st.lists(st.integers(1, 50), min_size=t, max_size=t))
    return np.cumsum(gaps), draw(arrays(np.float64, (r, t), elements=scores_))


# aulc


def test_aulc_is_the_trapezoid_rule_over_the_range_of_labels():
    # (10 * 0.6 + 20 * 0.8) / 30
    assert aulc([10, 20, 40], [0.5, 0.7, 0.9]) == pytest.approx(22 / 30)
    assert aulc([10, 20, 40], [[0.5, 0.7, 0.9], [0, 1, 1]]) == pytest.approx([22 / 30, 25 / 30])


def test_aulc_of_one_point_is_its_score():
    assert aulc([10], [0.7]) == 0.7
    assert aulc([10], [[0.7], [0.8]]).tolist() == [0.7, 0.8]


@given(curves_())
def test_aulc_agrees_with_numpy_and_lies_between_the_least_and_the_largest_score(curve):
    grid, scores = curve
    area = aulc(grid, scores)
    assert (scores.min(axis=1) <= area).all() and (area <= scores.max(axis=1)).all()
    if len(grid) > 1:
        expected = trapezoid(scores, grid, axis=1) / (grid[-1] - grid[0])
        np.testing.assert_allclose(area, expected, atol=1e-12)


@given(curves_(), st.floats(-5, 5), st.floats(-5, 5), st.integers(1, 9), st.integers(0, 99))
def test_aulc_follows_affine_maps_of_the_scores_and_ignores_those_of_the_labels(c, a, b, k, shift):
    grid, scores = c
    np.testing.assert_allclose(aulc(grid, a * scores + b), a * aulc(grid, scores) + b, atol=1e-10)
    np.testing.assert_allclose(aulc(k * grid + shift, scores), aulc(grid, scores), atol=1e-12)


@given(st.floats(-1, 1), st.integers(2, 9))
def test_a_constant_curve_has_exactly_its_own_value(value, n):
    assert aulc(np.cumsum(np.arange(1, n + 1)), np.full(n, value)) == value


def test_nan_scores_give_a_nan_area_and_leave_other_curves_alone():
    area = aulc([1, 2, 3], [[0.5, np.nan, 0.5], [0.5, 0.5, 0.5]])
    np.testing.assert_array_equal(area, [np.nan, 0.5])


@pytest.mark.parametrize(
    ("n_labeled", "scores", "said"),
    [
        ([20, 10], [0.1, 0.2], "n_labeled is \\[20, 10\\]; give a list of increasing numbers"),
        ([10, 10], [0.1, 0.2], "increasing"),
        ([10, np.nan], [0.1, 0.2], "increasing"),
        ([], [], "increasing"),
        ([10, 20], [0.1, 0.2, 0.3], r"scores have the shape \(3,\) for 2 numbers of labels"),
        ([10, 20], np.zeros((2, 2, 2)), r"the shape \(2, 2, 2\)"),
        ([10, 20], np.zeros((0, 2)), r"the shape \(0, 2\)"),
    ],
)
def test_what_is_no_learning_curve_is_refused(n_labeled, scores, said):
    with pytest.raises(ValueError, match=said):
        aulc(n_labeled, scores)


# mean_interval


@given(arrays(np.float64, st.tuples(st.integers(2, 9), st.integers(1, 4)), elements=scores_))
def test_the_interval_of_the_mean_is_that_of_scipy(values):
    assume((np.ptp(values, axis=0) > 0).all())
    mean, low, high = mean_interval(values, 0.9)
    np.testing.assert_allclose(mean, values.mean(axis=0), atol=1e-12)
    for t in range(values.shape[1]):
        expected = stats.ttest_1samp(values[:, t], 0).confidence_interval(0.9)
        np.testing.assert_allclose([low[t], high[t]], expected, atol=1e-9)
        alone = mean_interval(values[:, t], 0.9)
        np.testing.assert_allclose(alone, [mean[t], low[t], high[t]], atol=1e-12)


def test_with_one_repeat_the_ends_are_nan():
    np.testing.assert_array_equal(mean_interval([0.7]), [0.7, np.nan, np.nan])
    mean, low, high = mean_interval([[0.7, 0.8]])
    assert mean.tolist() == [0.7, 0.8]
    assert np.isnan(low).all() and np.isnan(high).all()


@given(st.floats(-1, 1), st.integers(2, 12))
def test_values_that_are_all_the_same_have_an_interval_without_width(value, n):
    assert mean_interval([value] * n) == (value, value, value)


def test_the_interval_of_the_mean_covers_it_as_often_as_it_says():
    truth = np.linspace(0.5, 0.9, 3000)
    for n in (10, 20):
        for level in (0.8, 0.95):
            _, low, high = mean_interval(truth + rng(n).normal(0, 0.05, (n, 3000)), level)
            assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize("level", [0, 1, 95, np.nan])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match="give a share between 0 and 1, such as 0.95"):
        mean_interval([0.1, 0.2], level)


@pytest.mark.parametrize("values", [0.5, [], np.zeros((0, 3))])
def test_an_interval_without_repeats_is_refused(values):
    with pytest.raises(ValueError, match="give one value or one curve for each repeat"):
        mean_interval(values)


# labels_to_reach


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (0.25, 10),  # it starts above
        (0.5, 10),  # it starts there
        (0.625, 15),  # half way between the first two points
        (0.75, 20),  # exactly at a point
        (0.8125, 70),  # beyond the dip: first reached between 40 and 80
        (0.875, 80),  # exactly at the last point
        (0.9, np.inf),
        (np.inf, np.inf),
        (-np.inf, 10),
    ],
)
def test_labels_to_reach_on_a_curve_with_a_dip(target, expected):
    assert labels_to_reach([10, 20, 40, 80], [0.5, 0.75, 0.625, 0.875], target) == expected


def test_a_curve_that_falls_back_has_reached_the_target_when_it_first_did():
    assert labels_to_reach([10, 20, 30], [0.5, 0.9, 0.4], 0.7) == pytest.approx(15)


def test_a_single_point_reaches_or_does_not():
    assert labels_to_reach([10], [0.5], 0.5) == 10
    assert labels_to_reach([10], [0.5], 0.6) == np.inf


@pytest.mark.parametrize("n", [3, 6, 7, 10, 20])
def test_a_mean_that_misses_the_target_by_rounding_reaches_it(n):
    for score in np.arange(1, 1000) / 1000:
        mean = np.full((n, 2), score).mean(axis=0)
        total = sum([score] * n) / n
        assert labels_to_reach([10, 20], mean, score) == 10
        assert labels_to_reach([10, 20], [0, total], score) == pytest.approx(20)


@given(curves_(n_repeats=1), scores_, scores_)
def test_labels_to_reach_agrees_with_its_twin_and_grows_with_the_target(curve, first, second):
    grid, (scores,) = curve
    low, high = sorted([first, second])
    found = [labels_to_reach(grid, scores, target) for target in (low, high)]
    assert found[0] <= found[1]
    expected = [naive.labels_to_reach(grid, scores, target) for target in (low, high)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(("curve", "target"), [([0.5, np.nan], 0.4), ([0.5, 0.6], np.nan)])
def test_labels_to_reach_refuses_nan_which_would_silently_count_as_not_reached(curve, target):
    with pytest.raises(ValueError, match="is NaN, which reaches nothing"):
        labels_to_reach([10, 20], curve, target)


# rising_mean


@given(curves_())
def test_the_rising_mean_is_the_nearest_curve_that_never_falls(curve):
    _, scores = curve
    mean, rising = scores.mean(axis=0), rising_mean(scores)
    assert (np.diff(rising) >= 0).all()
    # At each point the largest of the smallest means over stretches that hold it.
    for i in range(len(mean)):
        smallest = [
            min(mean[start : end + 1].mean() for end in range(i, len(mean)))
            for start in range(i + 1)
        ]
        assert rising[i] == pytest.approx(max(smallest), abs=1e-12)


def test_a_mean_that_rises_is_its_own_rising_mean():
    assert rising_mean([[0.5, 0.6, 0.9], [0.7, 0.8, 0.9]]).tolist() == [0.6, 0.7, 0.9]


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([0.1, 0.2], r"the shape \(2,\); give one curve for each repeat"),
        (np.zeros((0, 3)), r"the shape \(0, 3\)"),
        ([[0.1, np.nan]], "a score is NaN"),
    ],
)
def test_what_has_no_rising_mean_is_refused(scores, said):
    with pytest.raises(ValueError, match=said):
        rising_mean(scores)


# saving

GRID = np.array([10, 20, 30, 40])
FAST = np.array([0.5, 0.7, 0.9, 0.9])
SLOW = np.array([0.5, 0.6, 0.7, 0.8])


def repeated(curve, n=6, noise=0.0, seed=0):
    return curve + noise * rng(seed).normal(size=(n, 1))


def nearly(*curves, n=6):
    """Curves whose repeats differ, by next to nothing, in their first scores alone."""
    first = np.outer(np.linspace(-1e-9, 1e-9, n), [1, 0, 0, 0])
    return [curve + first for curve in curves]


def test_repeats_that_are_all_alike_have_a_saving_and_no_interval():
    answer = saving(GRID, repeated(FAST), repeated(SLOW), 0.7, rng=rng())
    assert (answer.labels, answer.labels_baseline) == pytest.approx((20, 30))
    assert (answer.share, answer.reached) == pytest.approx((1 / 3, 1))
    assert np.isnan([answer.low, answer.high]).all()
    assert str(answer) == (
        "saves 33 % of the labels: 20 instead of 30 (no interval from one repeat, nor from repeats "
        "that are all alike)"
    )


def test_an_interval_stands_beside_the_saving():
    together = np.linspace(-1e-9, 1e-9, 6)[:, None]
    answer = saving(GRID, FAST + together, SLOW + together, 0.7, rng=rng())
    assert (answer.low, answer.high) == pytest.approx((1 / 3, 1 / 3))
    assert str(answer) == (
        "saves 33 % of the labels: 20 instead of 30 (95 % interval of the saving 33 % to 33 %)"
    )


def test_a_strategy_that_needs_more_labels_has_a_negative_saving():
    answer = saving(GRID, repeated(SLOW), repeated(FAST), 0.7, rng=rng())
    assert answer.share == pytest.approx(-0.5)
    assert str(answer).startswith("saves -50 % of the labels: 30 instead of 20")


@given(curves_(), scores_, st.integers(0, 9))
def test_a_curve_saves_nothing_against_itself(curve, target, seed):
    grid, scores = curve
    answer = saving(grid, scores, scores, target, n_bootstrap=50, rng=rng(seed))
    assert (
        answer.labels
        == answer.labels_baseline
        == labels_to_reach(grid, rising_mean(scores), target)
    )
    if np.isfinite(answer.labels):
        assert answer.share == 0
    if (scores != scores[0]).any() and answer.reached == 1:
        assert answer.low == answer.high == 0


def test_the_same_repeats_are_drawn_for_both():
    # A constant shift of both curves of a repeat changes neither label count by itself, but the
    # labels to a target depend on it a lot: unpaired resamples would spread the share.
    steep = np.linspace(0, 1, 4)
    offsets = 0.1 * rng(3).normal(size=(8, 1))
    paired = saving(GRID, steep + offsets, steep + offsets, 0.5, rng=rng())
    assert paired.low == paired.high == 0
    shuffled = saving(GRID, steep + offsets, steep + offsets[::-1], 0.5, rng=rng())
    assert shuffled.low < -0.02 and shuffled.high > 0.02


def test_the_grids_may_differ():
    answer = saving(
        GRID, repeated(FAST), repeated([0.5, 0.7]), 0.7, n_labeled_baseline=[25, 100], rng=rng()
    )
    assert (answer.labels, answer.labels_baseline) == pytest.approx((20, 100))


def test_the_answer_follows_from_the_generator_that_is_handed_in():
    noisy = repeated(FAST, 8, 0.05, seed=1), repeated(SLOW, 8, 0.05, seed=2)
    ask = [saving(GRID, *noisy, 0.75, n_bootstrap=99, rng=rng(seed)) for seed in (5, 5, 6)]
    assert ask[0] == ask[1] != ask[2]


def test_both_ends_are_percentiles_of_the_shares_of_the_same_resamples():
    ours, theirs = repeated(FAST, 8, 0.05, seed=1), repeated(SLOW, 8, 0.05, seed=2)
    answer = saving(GRID, ours, theirs, 0.68, level=0.8, n_bootstrap=300, rng=rng(4))
    shares = []
    for counts in rng(4).multinomial(8, [1 / 8] * 8, size=300):
        means = [np.repeat(curves, counts, axis=0).mean(axis=0) for curves in (ours, theirs)]
        rising = (isotonic_regression(mean) for mean in means)
        labels, labels_baseline = (naive.labels_to_reach(GRID, mean, 0.68) for mean in rising)
        shares.append(1 - labels / labels_baseline)
    beyond = int(300 * stats.norm.cdf(-np.sqrt(8 / 7) * stats.t.ppf(0.9, 7)))
    assert beyond > 10
    shares = sorted(shares)
    assert (answer.low, answer.high) == pytest.approx((shares[beyond], shares[-1 - beyond]))
    assert shares[0] < shares[beyond] < answer.share < shares[-1 - beyond] < shares[-1]


@pytest.mark.parametrize("n_together", [1, 7, 5000])
def test_resamples_do_not_depend_on_how_many_are_made_to_rise_together(monkeypatch, n_together):
    noisy = repeated(FAST, 8, 0.05, seed=1), repeated(SLOW, 8, 0.05, seed=2)
    noisy[0][:, 2] -= 0.3  # means that fall
    whole = saving(GRID, *noisy, 0.65, rng=rng())
    monkeypatch.setattr("skactive.statistics.savings._AT_ONCE", n_together)
    other = saving(GRID, *noisy, 0.65, rng=rng())
    assert (other.low, other.high) == pytest.approx((whole.low, whole.high), rel=1e-9)


def test_scores_below_0_save_as_much_as_their_like_above_it():
    noisy = repeated(FAST, 8, 0.05, seed=1), repeated(SLOW, 8, 0.05, seed=2)
    noisy[0][:, 2] -= 0.3  # means that fall
    above, below = (
        saving(GRID, noisy[0] - less, noisy[1] - less, 0.65 - less, n_bootstrap=200, rng=rng())
        for less in (0, 5)
    )
    for end in ("share", "low", "high"):
        assert getattr(below, end) == pytest.approx(getattr(above, end), rel=1e-6)


def test_a_target_the_baseline_never_reaches_leaves_the_saving_open_above():
    answer = saving(GRID, *nearly(FAST, SLOW), 0.9, rng=rng())
    assert answer.labels == pytest.approx(30) and answer.labels_baseline == np.inf
    assert np.isnan(answer.share) and answer.reached == 0
    # The baseline needs more than its 40 labels, so at least a quarter is saved.
    assert answer.low == pytest.approx(0.25) and answer.high == np.inf
    assert str(answer) == (
        "not reached by the baseline; reached with 30 labels (95 % interval of the saving from "
        "25 % upwards); both reach the target in 0 % of the resamples"
    )


def test_a_target_the_strategy_never_reaches_leaves_the_saving_open_below():
    answer = saving(GRID, *nearly(SLOW, FAST), 0.9, rng=rng())
    assert np.isnan(answer.share) and (answer.labels, answer.reached) == (np.inf, 0)
    # It needs more than its 40 labels, at least a third more than 30.
    assert answer.low == -np.inf and answer.high == pytest.approx(-1 / 3)
    assert str(answer) == (
        "not reached; by the baseline with 30 labels (95 % interval of the saving up to -33 %); "
        "both reach the target in 0 % of the resamples"
    )


def test_a_target_that_neither_reaches_says_nothing():
    answer = saving(GRID, *nearly(FAST, SLOW), 0.95, rng=rng())
    assert np.isnan(answer.share)
    assert (answer.low, answer.high, answer.reached) == (-np.inf, np.inf, 0)
    assert str(answer) == "not reached, nor by the baseline"


@pytest.mark.parametrize(("n_failing", "is_open"), [(0, False), (4, True)])
def test_the_upper_end_is_open_once_too_many_resamples_miss_the_target(n_failing, is_open):
    baseline = repeated(SLOW, 12)
    baseline[:n_failing, -1] -= 0.1  # their mean curves end below
    ours = nearly(FAST, n=12)[0]
    answer = saving(GRID, ours, baseline, 0.75, rng=rng())
    assert np.isfinite(answer.share) and np.isfinite(answer.low)
    assert np.isinf(answer.high) == is_open
    assert ("upwards" in str(answer)) == is_open
    assert (answer.reached < 1) == is_open


def test_a_few_resamples_that_miss_the_target_close_neither_end():
    baseline = np.vstack([repeated(SLOW, 19), [[0.5, 0.6, 0.7, 0.55]]])
    answer = saving(GRID, repeated(FAST, 20), baseline, 0.755, n_bootstrap=4000, rng=rng())
    beyond = stats.norm.cdf(-np.sqrt(20 / 19) * stats.t.ppf(0.975, 19))
    assert 0 < 1 - answer.reached < beyond
    assert np.isfinite([answer.low, answer.high]).all()


def test_a_target_on_a_plateau_is_said_to_tell_nothing():
    generator, grid = rng(1), np.arange(20, 420, 20)
    plateau = np.minimum(0.95 - 0.5 * np.exp(-grid / 20), 0.9)
    ours, theirs = (plateau + generator.normal(0, 0.03, (20, 20)) for _ in range(2))
    answer = saving(grid, ours, theirs, 0.9, rng=generator)
    assert answer.low < -1 and answer.high > 0
    assert "; the curves are too flat there, or too noisy, to tell" in str(answer)
    rising = saving(grid, ours, theirs, 0.8, rng=generator)
    assert -0.5 < rising.low < 0 < rising.high < 0.5
    assert "to tell" not in str(rising)


@pytest.mark.parametrize(("noise", "noise_baseline"), [(0.04, 0.01), (0.01, 0.04)])
def test_the_noisier_of_two_equal_curves_saves_nothing(noise, noise_baseline):
    generator, grid, shares = rng(7), np.arange(20, 420, 20), []
    curve = 0.95 - 0.5 * np.exp(-grid / 60)
    for _ in range(150):
        ours, theirs = (
            curve + generator.normal(0, each, (20, 20)) for each in (noise, noise_baseline)
        )
        mean = rising_mean(theirs)
        target = mean[0] + 0.8 * (mean[-1] - mean[0])  # as a comparison chooses it
        shares.append(saving(grid, ours, theirs, target, n_bootstrap=1, rng=generator).share)
    assert abs(np.median(shares)) < 0.02


@pytest.mark.parametrize("n", [10.0, 0, True, "many"])
def test_what_is_no_number_of_resamples_is_refused(n):
    with pytest.raises(ValueError, match=r"^n_bootstrap is .*; give a whole number of at least 1"):
        saving([10, 20], [[0.1, 0.9]] * 5, [[0.1, 0.9]] * 5, 0.5, n_bootstrap=n, rng=rng())


def test_one_repeat_has_no_interval():
    answer = saving(GRID, [FAST], [SLOW], 0.7, rng=rng())
    assert answer.share == pytest.approx(1 / 3)
    assert np.isnan([answer.low, answer.high]).all()
    assert "20 instead of 30 (no interval from one repeat" in str(answer)


def test_savings_are_values():
    answer = Saving(20, 30, 1 / 3, 0.1, 0.5, 0.998, 0.9)
    assert answer == Saving(20, 30, 1 / 3, 0.1, 0.5, 0.998, 0.9)
    with pytest.raises(AttributeError):
        answer.share = 0
    assert "90 % interval of the saving 10 % to 50 %" in str(answer)


@pytest.mark.parametrize("n", [10, 15, 20])
@pytest.mark.parametrize("noise", [0.02, 0.06])
def test_the_interval_of_the_saving_covers_it_as_often_as_it_says(n, noise):
    generator = rng(n)
    grid = np.arange(10, 210, 10.0)
    curves = [0.9 - 0.5 * np.exp(-grid / scale) for scale in (40, 60)]
    reached = [labels_to_reach(grid, curve, 0.8) for curve in curves]
    truth = 1 - reached[0] / reached[1]
    n_sets, hits = 300, 0
    for _ in range(n_sets):
        together = generator.normal(0, noise, (n, 1))  # the split, which both share
        ours, theirs = (
            curve
            + together
            + generator.normal(0, 0.03, (n, 1)) * np.exp(-grid / 80)
            + generator.normal(0, 0.01, (n, len(grid)))
            for curve in curves
        )
        answer = saving(grid, ours, theirs, 0.8, n_bootstrap=400, rng=generator)
        hits += answer.low <= truth <= answer.high
    assert hits / n_sets > 0.92


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"baseline": np.zeros((5, 4))}, "6 and 5 repeats; give those of the same repeats"),
        ({"baseline": np.zeros((6, 3))}, r"shape \(6, 3\) for 4 numbers .* shape \(R, 4\)"),
        ({"scores": np.zeros(4)}, r"shape \(4,\) for 4 numbers of labels"),
        ({"scores": np.full((6, 4), np.nan)}, "a score is NaN"),
        ({"target": np.nan}, "target is NaN"),
        ({"n_labeled": [0, 1, 2, 3]}, "n_labeled starts at 0; a share needs positive numbers"),
        ({"level": 95}, "give a share"),
        ({"n_bootstrap": 0}, "give a whole number of at least 1"),
    ],
)
def test_savings_that_cannot_be_told_are_refused(change, said):
    given = {
        "n_labeled": GRID,
        "scores": repeated(FAST),
        "baseline": repeated(SLOW),
        "target": 0.7,
        "rng": rng(),
    }
    with pytest.raises(ValueError, match=said):
        saving(**given | change)


# paired_tests

pairs = st.integers(2, 15).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 60), min_size=n, max_size=n)] * 2)
)


@given(pairs)
def test_paired_tests_are_those_of_scipy(pair):
    a, b = np.array(pair) / 64  # differences are exact
    tests = paired_tests(a, b, level=0.9)
    assert tests.mean_difference == pytest.approx((a - b).mean())
    if np.ptp(a - b) > 0:
        assert tests.p_t == pytest.approx(stats.ttest_rel(a, b).pvalue)
        expected = stats.ttest_1samp(a - b, 0).confidence_interval(0.9)
        assert (tests.low, tests.high) == pytest.approx(tuple(expected))
    other = paired_tests(b, a, level=0.9)
    assert (other.p_t, other.p_wilcoxon) == pytest.approx((tests.p_t, tests.p_wilcoxon))
    assert (other.low, other.high) == pytest.approx((-tests.high, -tests.low))


@given(st.sets(st.integers(1, 60), min_size=2, max_size=20), st.integers(0, 99))
def test_wilcoxons_test_without_ties_is_that_of_scipy(sizes, seed):
    difference = np.array(sorted(sizes)) * rng(seed).choice([-1, 1], len(sizes)) / 64
    expected = stats.wilcoxon(difference).pvalue
    assert paired_tests(difference, 0 * difference).p_wilcoxon == pytest.approx(expected)


@given(pairs)
def test_wilcoxons_test_with_ties_counts_every_choice_of_signs(pair):
    difference = np.subtract(*pair)[:9] // 8
    assume(difference.any())
    ranks = stats.rankdata(np.abs(difference[difference != 0]))
    sums = np.array([np.dot(signs, ranks) for signs in product([-1, 1], repeat=len(ranks))])
    expected = np.mean(np.abs(sums) >= abs(np.dot(np.sign(difference[difference != 0]), ranks)))
    tests = paired_tests(0.1 + 0.1 * difference, np.full(len(difference), 0.1))
    assert tests.p_wilcoxon == pytest.approx(expected)


def test_paired_tests_of_a_hand_computed_case():
    # Differences 1, 2, 3: mean 2, s = 1, t = 2 sqrt(3) with two degrees of freedom, whose
    # two-sided p-value is 1 - t / sqrt(t^2 + 2); all three signs agree in 2 of 8 cases.
    tests = paired_tests([2, 4, 6], [1, 2, 3])
    assert tests.mean_difference == 2
    assert tests.p_t == pytest.approx(1 - np.sqrt(12 / 14))
    assert tests.p_wilcoxon == 0.25


def test_strategies_that_never_differ_have_p_1():
    tests = paired_tests([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    assert (tests.mean_difference, tests.low, tests.high) == (0, 0, 0)
    assert (tests.p_t, tests.p_wilcoxon) == (1, 1)


@pytest.mark.parametrize("by", [0.25, 0.1, -0.3])
def test_differences_that_are_all_the_same_measure_no_chance_and_have_no_p_value(by):
    # 0.1 is no binary number: rounding alone makes the differences unlike.
    b = np.array([0.25, 0.5, 0.7, 0.1, 0.9])
    tests = paired_tests(b + by, b, ratio=0.5)
    assert tests.mean_difference == pytest.approx(by)
    assert np.isnan([tests.low, tests.high, tests.p_t]).all()
    assert np.isnan([tests.low_new, tests.high_new, tests.p_new]).all()
    assert tests.p_wilcoxon == 2**-4  # which counts signs


def test_what_differs_by_rounding_alone_is_a_tie():
    a, b = [0.1 + 0.2, 0.7, 0.9], [0.3, 0.1 * 7, 0.9]
    tests = paired_tests(a, b)
    assert (tests.mean_difference, tests.p_t, tests.p_wilcoxon) == (0, 1, 1)
    assert win_tie_loss(a, b) == (0, 3, 0)


@given(pairs, st.floats(0, 2))
def test_for_new_rows_the_variance_grows_by_test_rows_per_row_to_train_on(pair, ratio):
    a, b = np.array(pair) / 64
    tests, n = paired_tests(a, b, ratio=ratio), len(a)
    if np.ptp(a - b) == 0:
        return
    error = np.sqrt((1 / n + ratio) * (a - b).var(ddof=1))
    expected = 2 * stats.t.sf(abs((a - b).mean()) / error, n - 1)
    assert tests.p_new == pytest.approx(expected)
    half = stats.t.ppf(0.975, n - 1) * error
    assert (tests.low_new, tests.high_new) == pytest.approx(
        ((a - b).mean() - half, (a - b).mean() + half)
    )
    assert tests.p_new >= tests.p_t or ratio == 0


@pytest.mark.parametrize("n", [5, 10, 20, 50])
def test_what_splits_of_the_same_rows_share_is_not_taken_for_a_difference_on_new_ones(n):
    # 90 rows to train on and 30 to test on: a quarter of the variance is common to all splits.
    generator = rng(n)
    common = generator.normal(0, np.sqrt(1 / 4), (1500, 1))
    differences = common + generator.normal(0, np.sqrt(3 / 4), (1500, n))
    tests = [paired_tests(each, np.zeros(n), ratio=30 / 90) for each in differences]
    assert np.mean([test.p_new < 0.05 for test in tests]) <= 0.07
    assert np.mean([test.p_t < 0.05 for test in tests]) > 0.12


def test_without_splits_nothing_is_said_of_new_rows():
    tests = paired_tests([0.9, 0.8, 0.7], [0.5, 0.6, 0.6])
    assert np.isnan([tests.low_new, tests.high_new, tests.p_new]).all()
    with pytest.raises(ValueError, match="got ratio=-1; give a finite number of at least 0"):
        paired_tests([0.9, 0.8], [0.5, 0.6], ratio=-1)


@pytest.mark.parametrize(("a", "b"), [([0.9], [0.8]), ([0.9, np.nan], [0.8, 0.7])])
def test_one_repeat_and_nan_have_no_p_value(a, b):
    tests = paired_tests(a, b, ratio=0.5)
    assert np.isnan([tests.low, tests.high, tests.p_t, tests.p_wilcoxon]).all()
    assert np.isnan([tests.low_new, tests.high_new, tests.p_new]).all()


@pytest.mark.parametrize("ask", [paired_tests, win_tie_loss])
@pytest.mark.parametrize(("a", "b"), [([1, 2], [1]), ([], []), ([[1]], [[1]])])
def test_what_is_not_paired_is_refused(ask, a, b):
    with pytest.raises(ValueError, match="give one number for each repeat"):
        ask(a, b)


# holm


def test_holm_on_its_textbook_case():
    # In order .005, .01, .03, .04 times 4, 3, 2, 1: .02, .03, .06, .04 -> .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]).tolist() == [1, 1]
    assert holm([]).tolist() == []


def test_nan_passes_through_holm_and_does_not_count():
    np.testing.assert_array_equal(holm([0.25, np.nan, 0.125]), [0.25, np.nan, 0.25])
    np.testing.assert_array_equal(holm([np.nan]), [np.nan])


@given(st.lists(st.floats(0, 1) | st.just(np.nan), max_size=12))
def test_holm_agrees_with_its_twin_keeps_the_order_and_never_lowers(p):
    adjusted = holm(p)
    np.testing.assert_allclose(adjusted, naive.holm(p))
    known = ~np.isnan(p)
    p, adjusted = np.array(p)[known], adjusted[known]
    assert (adjusted >= p).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


@pytest.mark.parametrize("p", [[1.2], [-0.1], 0.5, [[0.5]]])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match="give a list of numbers from 0 to 1, or NaN"):
        holm(p)


# win_tie_loss


def test_wins_ties_and_losses_are_counted_over_repeats():
    a, b = [0.9, 0.8, 0.7, 0.625], [0.8, 0.8, 0.9, 0.5]
    assert win_tie_loss(a, b) == (2, 1, 1)
    assert win_tie_loss(a, b, tolerance=0.125) == (0, 3, 1)


@given(pairs, st.integers(0, 9))
def test_what_one_wins_the_other_loses_and_every_repeat_counts_once(pair, tolerance):
    a, b = np.array(pair)
    wins, ties, losses = win_tie_loss(a, b, tolerance)
    assert wins + ties + losses == len(a)
    assert win_tie_loss(b, a, tolerance) == (losses, ties, wins)
    assert ties >= np.sum(a == b)


def test_nan_neither_wins_nor_ties_nor_loses_and_is_refused():
    with pytest.raises(ValueError, match="a score is NaN"):
        win_tie_loss([np.nan, 1], [0, 1])
    with pytest.raises(ValueError, match="tolerance is -1; give a number of at least 0"):
        win_tie_loss([1], [1], -1)


# penalty_matrix

NOISE = 0.01 * rng(1).normal(size=(5, 9))
COUNTS = np.arange(10, 100, 10)  # compared at 20, 30, 50 and 90: 10 + 10 * 2^k


def flat(value, n=5):
    return np.full((n, 9), value) + NOISE[:n] * value


def test_a_strategy_that_is_always_ahead_wins_every_comparison():
    curves = {
        "good": (COUNTS, flat(0.9)),
        "fair": (COUNTS, flat(0.8)),
        "poor": (COUNTS, flat(0.5)),
    }
    names, matrix = penalty_matrix(curves)
    assert names == ["good", "fair", "poor"]
    assert matrix.tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(("column", "share"), [(0, 0), (1, 0.25), (2, 0.25), (3, 0), (8, 0.25)])
def test_only_the_geometric_label_counts_are_compared_and_each_weighs_the_same(column, share):
    better = flat(0.5)
    better[:, column] += 0.3
    _, matrix = penalty_matrix({"a": (COUNTS, better), "b": (COUNTS, flat(0.5))})
    assert matrix.tolist() == [[0, share], [0, 0]]


def test_the_level_is_the_two_sided_t_test_of_the_paper():
    # With five repeats one beats the other beyond t = 2.776.
    difference = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    unit = difference / difference.std(ddof=1)
    for t, beats in ((2.77, 0), (2.78, 1)):
        ours = np.zeros((5, 2)) + (unit + t / np.sqrt(5))[:, None]
        _, matrix = penalty_matrix({"a": ([1, 2], ours), "b": ([1, 2], np.zeros((5, 2)))})
        assert matrix.tolist() == [[0, beats], [0, 0]]


def test_ties_one_repeat_and_nan_penalise_nobody_without_a_warning():
    for scores, other in (
        (flat(0.5), flat(0.5)),
        (flat(0.9, 1), flat(0.5, 1)),
        (np.full((5, 9), np.nan), flat(0.5)),
    ):
        _, matrix = penalty_matrix({"a": (COUNTS, scores), "b": (COUNTS, other)})
        assert matrix.tolist() == [[0, 0], [0, 0]]


def test_grids_that_differ_are_compared_where_both_have_scores():
    # b is known from 20 to 60 by steps of 20: compared at 30 and 40 and 60 (20 + 10 * 2^k).
    worse = np.array([0.5, 0.5, 0.95])[None] + NOISE[:, :3]
    _, matrix = penalty_matrix({"a": (COUNTS, flat(0.9)), "b": ([20, 40, 60], worse)})
    assert matrix[0, 1] == pytest.approx(2 / 3)


def test_nothing_is_compared_beyond_the_saturation_of_random():
    # random: 0.5 until 40 labels, then 0.9 to the end; the counts left are 20 and 30.
    random = np.repeat([0.5, 0.9], [4, 5])[None] + NOISE
    ours = flat(0.7)
    curves = {"ours": (COUNTS, ours), "random": (COUNTS, random)}
    assert penalty_matrix(curves)[1].tolist() == [[0, 0.5], [0.5, 0]]
    assert penalty_matrix(curves, random="random")[1].tolist() == [[0, 1], [0, 0]]


def test_without_a_label_count_to_compare_at_nobody_is_penalised():
    worse, better = np.full((3, 2), 0.5), np.full((3, 2), 0.9)
    for curves in (
        {"a": ([10], worse[:, :1]), "b": ([10], better[:, :1])},  # one round
        {"a": ([10, 30], worse), "b": ([20, 40], better)},  # together from 20 to 30: no batch
        {},
    ):
        names, matrix = penalty_matrix(curves)
        assert matrix.shape == (len(names), len(names)) and not matrix.any()
    saturated = {"a": (COUNTS, flat(0.9)), "random": (COUNTS, np.full((5, 9), 0.5))}
    assert not penalty_matrix(saturated, random="random")[1].any()


@given(st.lists(curves_(3, max_rounds=5), min_size=1, max_size=4))
def test_two_strategies_share_at_most_all_comparisons(curves):
    grids = [grid for grid, _ in curves]
    assume(max(grid[0] for grid in grids) < min(grid[-1] for grid in grids))
    _, matrix = penalty_matrix({str(i): curve for i, curve in enumerate(curves)})
    assert (matrix >= 0).all() and (matrix + matrix.T <= 1 + 1e-12).all()
    assert not np.diag(matrix).any()


def test_curves_that_are_not_paired_and_an_unknown_random_are_refused():
    with pytest.raises(ValueError, match="5 and 4 repeats"):
        penalty_matrix({"a": (COUNTS, flat(0.5)), "b": (COUNTS, flat(0.5, 4))})
    with pytest.raises(ValueError, match="random is 'dice'; give one of the strategies \\['a'\\]"):
        penalty_matrix({"a": (COUNTS, flat(0.5))}, random="dice")


def test_a_difference_without_variance_is_significant():
    ones = np.ones((4, 3))
    _, matrix = penalty_matrix({"a": ([1, 2, 3], ones), "b": ([1, 2, 3], 0 * ones)})
    assert matrix.tolist() == [[0, 1], [0, 0]]


def test_the_penalty_matrix_doubles_the_batch_that_it_is_told():
    grid = [10, 11, 20, 30, 50]
    rng = np.random.default_rng(0)
    low = 0.5 + 0.001 * rng.normal(size=(8, 5))
    high = low + np.array([0, 0, 0.1, 0.1, 0.1]) + 0.0001 * rng.normal(size=(8, 5))
    curves = {"high": (grid, high), "low": (grid, low)}
    assert penalty_matrix(curves, batch=10)[1][0, 1] == 1  # at 20, 30 and 50
    assert penalty_matrix(curves)[1][0, 1] == 5 / 6  # at 11, 12, 14, 18, 26 and 42
    with pytest.raises(ValueError, match="batch is 0; give the labels of a round"):
        penalty_matrix(curves, batch=0)
