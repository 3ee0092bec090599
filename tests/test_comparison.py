"""What a comparison says, on curves whose answers are known by hand."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as hs
from scipy import stats

from skactive.evaluation.comparison import CEILING, Comparison, Run

BASE = np.array([0.50, 0.52, 0.47, 0.55, 0.51, 0.49])
NOISE = np.array([0.00, 0.01, -0.01, 0.02, 0.005, -0.004])


def played(variant, repeat, scores, grid=(10, 20, 30), dataset="data"):
    """One run, with a query of one row and (1, 2, 3) seconds in each round."""
    run = Run(dataset, variant, repeat, f"{variant.title()}()", n_train=90, n_test=30)
    for position, (n, score) in enumerate(zip(grid, scores, strict=True)):
        run.add(n, score, [position], (1.0, 2.0, 3.0))
    return run


def compared(curves, n_repeats=6, grid=(10, 20, 30), dataset="data", scoring="score"):
    """A comparison of curves, {name: function of the repeat}, with a ceiling of 0.9."""
    runs = [
        played(name, repeat, curve(repeat), grid, dataset)
        for repeat in range(n_repeats)
        for name, curve in curves.items()
    ]
    runs += [played(CEILING, repeat, [0.9], [100], dataset) for repeat in range(n_repeats)]
    return Comparison(runs, list(curves), scoring)


def rising(by, noise=0.0):
    """Curves that start where the repeat starts, and gain `by`, then half of it."""
    return lambda r: BASE[r] + noise * NOISE[r] + np.array([0, by, 1.5 * by])


@pytest.fixture
def three():
    """Random, one that is better by about 0.05 everywhere, one that differs by noise alone."""
    return compared(
        {
            "random": rising(0.1),
            "good": lambda r: rising(0.1)(r) + 0.05 + NOISE[r],
            "same": lambda r: rising(0.1)(r) + NOISE[::-1][r] - NOISE.mean(),
        }
    )


# Curves


def over(axis, variant, grid, scores, repeat=0):
    """A run whose curve is over answers, or their cost."""
    run = Run("data", variant, repeat, "", axis=axis)
    for spent, score in zip(grid, scores, strict=True):
        run.add(10, score, spent=spent)
    return run


def test_areas_of_a_repeat_are_over_the_range_that_all_curves_have():
    runs = [
        over("cost", "random", [10, 20, 40], [0.0, 0.4, 0.8]),
        over("cost", "twice", [20, 30], [0.5, 0.7]),
        played(CEILING, 0, [0.9], [100]),
    ]
    comparison = Comparison(runs, ["random", "twice"])
    areas = comparison.aulc()
    np.testing.assert_allclose(areas["random"], [0.5])  # from .4 at 20 to .6 at 30
    np.testing.assert_allclose(areas["twice"], [0.6])
    assert comparison.axis() == "cost"
    assert "| cost to 0.5" in comparison.to_markdown(target=0.5)


def test_curves_that_have_no_range_in_common_or_no_axis_are_refused():
    early = over("answers", "random", [10, 20], [0.1, 0.2])
    late = over("answers", "late", [30, 40], [0.1, 0.2])
    ceiling = played(CEILING, 0, [0.9], [100])
    with pytest.raises(
        ValueError, match="'random' ends with 20 answers, and 'late' starts with 30"
    ):
        Comparison([early, late, ceiling], ["random", "late"]).aulc()
    other = over("cost", "late", [10, 20], [0.1, 0.2])
    with pytest.raises(ValueError, match="are over answers and cost"):
        Comparison([early, other, ceiling], ["random", "late"])


def test_curves_on_the_same_numbers_of_labels_are_the_scores_as_they_are():
    comparison = compared({"random": rising(0.1)}, n_repeats=2)
    grid, scores = comparison.curves()["random"]
    assert grid.tolist() == [10, 20, 30]
    assert scores.tolist() == [rising(0.1)(0).tolist(), rising(0.1)(1).tolist()]


def test_curves_on_other_numbers_of_labels_meet_on_all_numbers_within_every_run():
    runs = [
        played("random", 0, [0.0, 1.0], [10, 30]),
        played("random", 1, [0.0, 0.5, 0.6], [12, 22, 40]),
        played(CEILING, 0, [1.0], [100]),
        played(CEILING, 1, [1.0], [100]),
    ]
    grid, scores = Comparison(runs, ["random"]).curves()["random"]
    assert grid.tolist() == [12, 22, 30]
    np.testing.assert_allclose(scores[0], [0.1, 0.6, 1.0])
    np.testing.assert_allclose(scores[1], [0.0, 0.5, 0.5 + 0.1 * 8 / 18])


def test_repeats_are_in_order_however_the_runs_arrive():
    runs = [played("random", repeat, [repeat / 10], [5]) for repeat in (2, 0, 1)]
    runs += [played(CEILING, repeat, [repeat / 5], [9]) for repeat in (1, 2, 0)]
    comparison = Comparison(runs, ["random"])
    assert comparison.curves()["random"][1].ravel().tolist() == [0.0, 0.1, 0.2]
    assert comparison.ceiling().tolist() == [0.0, 0.2, 0.4]


def test_the_area_is_the_trapezoid_over_the_range_of_labels():
    comparison = compared({"random": lambda r: [0.2, 0.4, 0.8]}, n_repeats=1, grid=(10, 20, 50))
    by_hand = (10 * 0.3 + 30 * 0.6) / 40
    assert comparison.aulc()["random"] == pytest.approx([by_hand])


@given(hs.lists(hs.floats(0, 1), min_size=2, max_size=8), hs.randoms(use_true_random=False))
def test_the_area_of_a_run_lies_between_its_scores_in_any_order_of_runs(values, random):
    runs = [played("random", r, [value, values[0]], [1, 2]) for r, value in enumerate(values)]
    runs += [played(CEILING, r, [1.0], [9]) for r in range(len(values))]
    random.shuffle(runs)
    areas = Comparison(runs, ["random"]).aulc()["random"]
    np.testing.assert_allclose(areas, (np.array(values) + values[0]) / 2)


# Summary


def test_p_values_are_those_of_scipy_by_holm(three):
    areas = three.aulc()
    rows = {row["strategy"]: row for row in three.summary()}
    differences = {name: areas[name] - areas["random"] for name in ("good", "same")}
    for key, test in (("p_t", stats.ttest_1samp), ("p_new", corrected)):
        p = {name: test(difference, 0).pvalue for name, difference in differences.items()}
        assert p["good"] < p["same"]
        smaller = min(1, 2 * p["good"])
        assert rows["good"][key] == pytest.approx(smaller)
        assert rows["same"][key] == pytest.approx(max(smaller, p["same"]))


def corrected(difference, _):
    """The corrected resampled t test of Nadeau and Bengio, with 30 test rows for 90 to train on."""
    error = np.sqrt((1 / len(difference) + 30 / 90) * difference.var(ddof=1))
    p = 2 * stats.t.sf(abs(difference.mean()) / error, len(difference) - 1)
    return SimpleNamespace(pvalue=p)


def test_wilcoxons_test_is_left_out_where_so_few_repeats_cannot_bring_it_below_a_twentieth():
    def good(r):
        return rising(0.1)(r) + 0.05 + NOISE[r]

    for n_strategies, n_repeats, p in ((1, 5, np.nan), (1, 6, 2**-5), (2, 6, np.nan)):
        curves = {"random": rising(0.1)} | {f"good{i}": good for i in range(n_strategies)}
        row = compared(curves, n_repeats).summary()[1]
        assert row["p_wilcoxon"] == pytest.approx(p, nan_ok=True)
        assert row["p_t"] < 0.05


def test_the_gain_is_the_paired_difference_with_intervals_that_hold_together(three):
    good = three.summary()[1]
    difference = three.aulc()["good"] - three.aulc()["random"]
    # 97.5 % each, so that both hold in 95 %.
    low, high = stats.t.interval(0.975, 5, difference.mean(), stats.sem(difference))
    assert good["strategy"] == "good"
    assert (good["gain"], good["gain_low"], good["gain_high"]) == pytest.approx(
        (0.05 + NOISE.mean(), low, high)
    )
    wider = np.sqrt(1 + 6 * 30 / 90) * stats.sem(difference)
    low, high = stats.t.interval(0.975, 5, difference.mean(), wider)
    assert (good["new_low"], good["new_high"]) == pytest.approx((low, high))


@given(hs.integers(0, 10**6), hs.integers(1, 5))
def test_an_interval_that_leaves_out_0_never_contradicts_its_p_value(seed, n_strategies):
    noise = np.random.default_rng(seed).normal(0.03, 0.03, (n_strategies, 6))
    curves = {"random": rising(0.1)}
    curves |= {f"s{i}": lambda r, i=i: rising(0.1)(r) + noise[i, r] for i in range(n_strategies)}
    for row in compared(curves).summary()[1:]:
        for low, high, p in (("gain_low", "gain_high", "p_t"), ("new_low", "new_high", "p_new")):
            assert row[p] < 0.05 or row[low] <= 0 <= row[high]


def test_the_area_has_students_interval(three):
    row, areas = three.summary()[0], three.aulc()["random"]
    low, high = stats.t.interval(0.95, 5, areas.mean(), stats.sem(areas))
    assert (row["aulc"], row["aulc_low"], row["aulc_high"]) == pytest.approx(
        (areas.mean(), low, high)
    )


def test_wins_ties_and_losses_are_counted_against_random_over_repeats_and_data_sets():
    def mixed(r):
        return rising(0.1)(r) + [0.1, 0.1, 0.1, 0, 0, -0.1][r]

    one = compared({"random": rising(0.1), "mixed": mixed})
    row = one.summary()[1]
    assert (row["wins"], row["ties"], row["losses"]) == (3, 2, 1)
    assert one.win_tie_loss() == {"mixed": (3, 2, 1)}
    two = compared({"random": rising(0.1), "mixed": rising(0.05)}, n_repeats=4, dataset="other")
    three = compared({"random": rising(0.1), "mixed": rising(0.1)}, n_repeats=4, dataset="third")
    # Of several data sets each counts once, by its mean.
    assert Comparison.concat([one, two, three]).win_tie_loss() == {"mixed": (1, 1, 1)}


def test_seconds_are_of_whole_runs_by_where_they_went(three):
    for row in three.summary():
        assert row["seconds"] == {"fit": 3.0, "query": 6.0, "bookkeeping": 9.0}


def test_labels_to_a_target_and_the_saving_come_from_the_mean_curves():
    comparison = compared(
        {
            "random": lambda r: [0.5, 0.6, 0.7],
            "good": lambda r: [0.5, 0.7, 0.8],
            "bad": lambda r: [0.5, 0.5, 0.5],
        }
    )
    random, good, bad = comparison.summary(target=0.65)
    assert random["labels"] == pytest.approx(25)
    assert good["labels"] == pytest.approx(17.5)
    assert (good["saving"].labels, good["saving"].share) == pytest.approx((17.5, 0.3))
    assert np.isnan([good["saving"].low, good["saving"].high]).all()  # all repeats are alike
    assert bad["labels"] == np.inf
    assert np.isnan(bad["saving"].share)


def test_the_default_target_is_what_random_has_with_half_of_its_labels_while_it_rises():
    curves = {"random": lambda r: [0.1, 0.5, 0.7, 0.9]}
    assert compared(curves, grid=(10, 20, 30, 40)).default_target() == pytest.approx(0.5)
    falling = {"random": lambda r: [0.1, 0.6, 0.4, 0.9]}
    assert compared(falling, grid=(10, 20, 30, 40)).default_target() == pytest.approx(0.5)
    coarse = {"random": lambda r: [0.0, 0.9]}
    assert compared(coarse, grid=(10, 40)).default_target() == pytest.approx(0.3)
    late = {"random": lambda r: [0.3, 0.9]}  # whose half lies before its first score
    assert compared(late, grid=(90, 100)).default_target() == pytest.approx(0.45)
    assert compared(late, grid=(50, 100)).default_target() == pytest.approx(0.45)
    assert compared(late, grid=(25, 75)).default_target() == pytest.approx(0.45)  # both agree
    assert compared(late, grid=(10, 90)).default_target() == pytest.approx(0.5625)
    plateau = {"random": lambda r: [0.4, 0.9, 0.9, 0.9]}
    assert compared(plateau, grid=(10, 20, 30, 40)).default_target() == pytest.approx(0.8)


def test_random_needs_half_of_the_labels_for_the_default_target():
    comparison = compared({"random": lambda r: [0.0, 0.9]}, grid=(10, 40))
    assert comparison.summary()[0]["labels"] == pytest.approx(20)


def test_the_penalty_matrix_counts_significant_wins_and_adds_up_over_data_sets(three):
    names, matrix = three.penalty_matrix()
    assert names == ["random", "good", "same"]
    assert matrix[1, 0] == 1
    assert matrix[0, 1] == 0
    other = compared({"good": rising(0.3), "random": rising(0.1)}, dataset="other")
    names, total = Comparison.concat([three, other]).penalty_matrix()
    assert names == ["random", "good", "same"]
    # Both start at the same scores: a tie there, significant at the other number of labels.
    own_names, own = other.penalty_matrix()
    assert own_names == ["good", "random"]
    assert total[1, 0] == matrix[1, 0] + own[0, 1]
    assert total[2].tolist() == matrix[2].tolist()


def test_the_penalty_matrix_doubles_the_batch_though_cold_starts_ended_at_other_numbers():
    def runs(name, lift):
        # Cold starts that went on to 10, 11 and 12 labels: numbers in common lie one apart.
        return [
            played(
                name, r, np.linspace(0.5, 0.8, 5) + lift + NOISE[r], 10 + r % 3 + 10 * np.arange(5)
            )
            for r in range(6)
        ]

    ceiling = [played(CEILING, r, [0.9], [100]) for r in range(6)]
    both = [*runs("random", 0.0), *runs("good", 0.05), *ceiling]
    for run in both[6:12]:  # now better, now worse, until the first batch is learned
        run.scores[0] = both[run.repeat].scores[0] + (-1) ** run.repeat
    _, matrix = Comparison(both, ["random", "good"]).penalty_matrix()
    # After 10 and 20 more labels than 12. By steps of one, most would be ties.
    assert matrix[1, 0] == 1


# In words


def test_below_five_repeats_there_is_no_verdict():
    for n_repeats, said in ((1, "1 repeat tells"), (4, "4 repeats tell")):
        comparison = compared(
            {"random": rising(0.1), "good": lambda r: rising(0.2)(r) + NOISE[r]}, n_repeats
        )
        assert comparison.verdict() == (f"No verdict: {said} too little; compare with at least 5.")
        assert "No verdict" in comparison.to_markdown()


def test_from_five_repeats_the_verdict_says_better_worse_or_no_difference_shown():
    comparison = compared(
        {
            "random": rising(0.1),
            "good": lambda r: rising(0.1)(r) + 0.05 + NOISE[r],
            "bad": lambda r: rising(0.1)(r) - 0.05 + NOISE[r],
            "same": lambda r: rising(0.1)(r) + NOISE[::-1][r] - NOISE[:5].mean(),
        },
        n_repeats=5,
    )
    good, bad, same = comparison.verdict().splitlines()
    assert good.startswith("good: better than random on these rows (+0.0550 AULC, p = ")
    assert bad.startswith("bad: worse than random on these rows (-0.0450 AULC, p = ")
    assert same.startswith("same: no difference from random shown on these rows (")
    assert " by Holm over 5 repeats), and on new ones (p = 0.0" in good
    assert " by Holm over 5 repeats), nor for new ones (p = " in same


def test_what_holds_for_these_rows_alone_is_said_so():
    curves = {"random": rising(0.1), "good": lambda r: rising(0.1)(r) + 0.012 + NOISE[r]}
    comparison = compared(curves, n_repeats=6)
    row = comparison.summary()[1]
    assert row["p_t"] < 0.05 < row["p_new"]
    assert comparison.verdict() == (
        f"good: better than random on these rows (+0.0155 AULC, p = {row['p_t']:.2g} by Holm over "
        f"6 repeats), not shown for new ones (p = {row['p_new']:.2g})."
    )
    for run in comparison.runs:
        run.n_test = 0
    said = "; of new rows, repeats with the same test rows say nothing."
    assert comparison.verdict().endswith(said)


@pytest.mark.parametrize("unknown", ["n_test", "n_train"])
def test_of_new_rows_nothing_is_said_where_one_repeat_has_no_rows_of_its_own(three, unknown):
    assert all(row["p_new"] > 0 for row in three.summary()[1:])
    for run in three.runs:
        if run.repeat == 2:
            setattr(run, unknown, 0)
    assert np.isnan([row["p_new"] for row in three.summary()[1:]]).all()
    for said in three.verdict().splitlines():
        assert said.endswith("; of new rows, repeats with the same test rows say nothing.")


def test_what_differs_by_the_same_in_every_repeat_is_not_tested():
    comparison = compared({"random": rising(0.1), "good": lambda r: rising(0.1)(r) + 0.1})
    row = comparison.summary()[1]
    assert np.isnan([row["p_t"], row["p_new"], row["gain_low"]]).all()
    assert comparison.verdict() == (
        "good: no test, since in every repeat it differs from random by the same +0.1000 AULC."
    )


def test_over_several_data_sets_each_counts_once_however_many_repeats_it_had():
    def at(dataset, gain, n_repeats):
        def good(r):
            return rising(0.1)(r) + gain + NOISE[r] - NOISE[:n_repeats].mean()

        return compared({"random": rising(0.1), "good": good}, n_repeats, dataset=dataset)

    gains = [0.01, 0.02, 0.03, 0.04, 0.05, -0.005]
    parts = [at(str(i), gain, 2 + i % 5) for i, gain in enumerate(gains)]
    few = Comparison.concat(parts[:5])
    assert np.isnan(few.overall()[0]["p_wilcoxon"])
    assert few.verdict() == (
        "good: no verdict over 5 data sets (better on 5, worse on 0; mean gain +0.0300 AULC); "
        "Wilcoxon's test needs at least 6."
    )
    all_six = Comparison.concat(parts)
    (row,) = all_six.overall()
    assert (row["n_datasets"], row["wins"], row["ties"], row["losses"]) == (6, 5, 0, 1)
    assert row["gain"] == pytest.approx(np.mean(gains))
    assert row["p_wilcoxon"] == pytest.approx(stats.wilcoxon(gains).pvalue) == 0.0625
    better = Comparison.concat([*parts[:5], at("5", 0.06, 3)])
    assert better.verdict() == (
        "good: better than random over 6 data sets (better on 6, worse on 0; mean gain +0.0350 "
        "AULC; p = 0.031 by Wilcoxon's test and Holm)."
    )
    assert better.to_markdown().endswith(better.verdict())
    assert better.verdict("5").startswith("No verdict: 3 repeats")


def test_one_repeat_has_means_but_no_intervals_and_no_tests():
    comparison = compared({"random": rising(0.1), "good": rising(0.2)}, n_repeats=1)
    random, good = comparison.summary()
    assert random["aulc"] == pytest.approx(0.5 + (0.1 / 2 + (0.1 + 0.15) / 2) / 2)
    unknown = ("aulc_low", "aulc_high", "gain_low", "gain_high", "p_t", "p_wilcoxon")
    assert all(np.isnan(good[key]) for key in unknown)
    assert good["wins"] == 1
    assert repr(comparison) == "Comparison(random, good; 1 repeat on data; score)"


def test_markdown_says_not_reached_where_it_is_not_reached():
    comparison = compared(
        {"random": lambda r: [0.5, 0.6, 0.7], "bad": lambda r: [0.5, 0.5, 0.5]}, scoring="f1"
    )
    lines = comparison.to_markdown(target=0.65).splitlines()
    assert lines[0] == "**data**: f1, 6 repeats; with all labels 0.9000 [0.9000, 0.9000]"
    head, _, random, bad = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:6]]
    assert len(head) == len(random) == len(bad) == 9
    assert head[7] == "labels to 0.650"
    assert random == ["random", "0.6000 [0.6000, 0.6000]", "", "", "", "", "", "25", ""]
    assert bad[6:] == ["0/0/6", "not reached", "not reached"]
    assert bad[2:6] == ["-0.1000", "", "0.031", ""]


def test_markdown_has_a_part_for_each_data_set(three):
    other = compared({"random": rising(0.1), "else": rising(0.2)}, n_repeats=1, dataset="other")
    text = Comparison.concat([three, other]).to_markdown()
    first, second = text.split("**other**")
    second, totals = second.split("**all 2 data sets**")
    assert "good: better than random" in first
    assert "| else | " in second
    assert "| good | " not in second
    assert "| good | 1/0/0 | 1.00 |  | 1.00 | 0.00 |" in totals
    assert "| else | 1/0/0 | 0.00 | 0.00 | 0.00 |  |" in totals
    assert "good: no verdict over 1 data set (better on 1, worse on 0; " in totals


def test_markdown_reads_as_it_does():
    comparison = compared(
        {
            "random": lambda r: BASE[r] + np.array([0, 0.1, 0.2]),
            "a|b": lambda r: BASE[r] + np.array([0, 0.2, 0.25 + NOISE[r]]),
        },
        scoring="accuracy",
    )
    assert (
        comparison.to_markdown()
        == """\
**data**: accuracy, 6 repeats; with all labels 0.9000 [0.9000, 0.9000]

| strategy | AULC [95 %] | gain over random [95 %] | p (t) | p (Wilcoxon) | p (new rows) | \
win/tie/loss | labels to 0.557 | saving against random [95 %] |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| random | 0.6067 [0.5780, 0.6353] |  |  |  |  |  | 15 |  |
| a\\|b | 0.6700 [0.6386, 0.7015] | +0.0634 [+0.0606, +0.0662] | 2.8e-08 | 0.031 | 4.4e-07 | \
6/0/0 | 12 | 17 % [8 %, 22 %] |

a|b: better than random on these rows (+0.0634 AULC, p = 2.8e-08 by Holm over 6 repeats), and on \
new ones (p = 4.4e-07)."""
    )


def test_markdown_of_one_repeat_has_neither_intervals_nor_tests():
    comparison = compared({"random": rising(0.1), "good": rising(0.2)}, n_repeats=1)
    assert comparison.to_markdown(target=0.6).splitlines()[4:6] == [
        "| random | 0.5875 |  |  |  |  |  | 20 |  |",
        "| good | 0.6750 | +0.0875 |  |  |  | 1/0/0 | 15 | 25 % |",
    ]


def test_markdown_says_who_does_not_reach_the_target():
    curves = {"random": lambda r: [0.5, 0.5, 0.6], "good": lambda r: [0.5, 0.6, 0.8]}
    comparison = compared(curves)
    for target, cells in (
        (0.7, ["not reached", "25", "random does not reach it"]),
        (0.85, ["not reached", "not reached", "not reached"]),
    ):
        lines = comparison.to_markdown(target=target).splitlines()
        random, good = ([cell.strip() for cell in line.split("|")] for line in lines[4:6])
        assert [random[8], *good[8:10]] == cells


def test_an_open_end_of_a_saving_is_called_open():
    def good(r):
        return [0.5, 0.6 + (0.3 if r < 3 else 0), 0.7 + 0.2 * (r < 3)]

    comparison = compared({"random": lambda r: [0.5, 0.6, 0.9], "good": good})
    assert comparison.to_markdown(target=0.8).splitlines()[5].split("|")[9].strip().endswith("%]")
    saving = comparison.summary(target=0.8)[1]["saving"]
    assert np.isinf(saving.low)
    assert "[open, " in comparison.to_markdown(target=0.8)


def test_a_comparison_shows_its_tables_in_a_notebook(three):
    assert three._repr_markdown_() == three.to_markdown()


def test_random_alone_gives_no_verdict():
    assert compared({"random": rising(0.1)}).verdict() == "No verdict: there is only random."


def test_a_frame_has_a_row_for_each_round_of_each_run():
    frame = compared({"random": rising(0.1)}, n_repeats=2).to_frame()
    expected = pd.DataFrame(
        {
            "dataset": "data",
            "strategy": ["random"] * 3 + [CEILING] + ["random"] * 3 + [CEILING],
            "repeat": [0] * 4 + [1] * 4,
            "n_labeled": [10, 20, 30, 100] * 2,
            "spent": [10, 20, 30, 100] * 2,
            "score": [*rising(0.1)(0), 0.9, *rising(0.1)(1), 0.9],
            "seconds_fit": 1.0,
            "seconds_query": 2.0,
            "seconds_bookkeeping": 3.0,
            "indices": [[0], [1], [2], [0]] * 2,
        }
    )
    pd.testing.assert_frame_equal(frame, expected)


# Several data sets


def test_concat_keeps_every_data_set_as_it_was(three):
    other = compared({"random": rising(0.2), "late": rising(0.3)}, n_repeats=2, dataset="other")
    both = Comparison.concat([three, other])
    assert both.datasets == ["data", "other"]
    assert both.names == ["random", "good", "same", "late"]
    assert list(both.curves("other")) == ["random", "late"]
    np.testing.assert_equal(both.summary(dataset="data"), three.summary())
    assert both.verdict("other").startswith("No verdict")


def test_several_data_sets_are_asked_for_by_name(three):
    both = Comparison.concat([three, compared({"random": rising(0.2)}, dataset="other")])
    for method in (both.curves, both.aulc, both.summary, both.ceiling):
        with pytest.raises(ValueError, match="name the data set: one of data, other"):
            method()
    with pytest.raises(ValueError, match="no data set 'third'; there is data, other"):
        both.curves("third")


def test_concat_refuses_a_data_set_twice_other_scores_and_nothing(three):
    with pytest.raises(ValueError, match="'data' comes twice; give each comparison another name="):
        Comparison.concat([three, three])
    other = compared({"random": rising(0.2)}, dataset="other", scoring="f1")
    with pytest.raises(ValueError, match=r"scores differ \(f1, score\)"):
        Comparison.concat([three, other])
    with pytest.raises(ValueError, match="no comparisons"):
        Comparison.concat([])


def test_runs_that_cannot_be_compared_repeat_by_repeat_are_refused():
    ceiling = [played(CEILING, repeat, [0.9], [100]) for repeat in range(2)]
    random = [played("random", repeat, [1, 2, 3]) for repeat in range(2)]
    with pytest.raises(ValueError, match="no run of 'random' on 'data'"):
        Comparison(ceiling, ["random"])
    with pytest.raises(ValueError, match="no run of 'all labels' on 'data'"):
        Comparison(random, ["random"])
    with pytest.raises(ValueError, match="a run of 'good', which names does not list"):
        Comparison([*ceiling, *random, played("good", 0, [1, 2, 3])], ["random"])
    for repeats in ([0], [0, 2], [0, 0], [0, 1, 2]):
        others = [played("good", repeat, [1, 2, 3]) for repeat in repeats]
        with pytest.raises(ValueError, match="'good' has the repeats .* 'random' has .0, 1."):
            Comparison([*ceiling, *random, *others], ["random", "good"])
    twice = [*ceiling, *random]
    with pytest.raises(ValueError, match=r"'random' has the repeats \[0, 0, 1, 1\]"):
        Comparison(twice + twice, ["random"])


def test_curves_without_a_number_of_labels_in_common_are_refused():
    runs = [played("random", 0, [1, 2], [10, 20]), played("random", 1, [1, 2], [30, 40])]
    runs += [played(CEILING, repeat, [0.9], [100]) for repeat in range(2)]
    with pytest.raises(ValueError, match="no number of labels in common: one starts with 30"):
        Comparison(runs, ["random"]).curves()


def test_runs_of_a_single_round_can_be_compared():
    comparison = compared(
        {"random": lambda r: [0.5], "good": lambda r: [0.6 + NOISE[r]]}, grid=[10]
    )
    random, good = comparison.summary()
    assert (random["aulc"], random["labels"]) == (0.5, 10)
    assert good["gain"] == pytest.approx(0.1 + NOISE.mean())
    assert good["saving"].share == 0


def test_ties_everywhere_are_ties_everywhere():
    comparison = compared({"random": rising(0.1), "same": rising(0.1)})
    row = comparison.summary()[1]
    assert (row["gain"], row["gain_low"], row["gain_high"]) == (0, 0, 0)
    assert (row["p_t"], row["p_wilcoxon"]) == (1, 1)
    assert (row["wins"], row["ties"], row["losses"]) == (0, 6, 0)
    assert row["saving"].share == 0
    assert comparison.penalty_matrix()[1].tolist() == [[0, 0], [0, 0]]
    assert comparison.verdict().startswith("same: no difference from random shown on these rows (")


def test_the_penalty_matrix_stops_where_random_has_saturated():
    """Good is better at 20 and at 40 labels; random has 99 % of its last score from 40 on."""
    curves = {
        "random": lambda r: NOISE[r] + np.array([0.1, 0.5, 0.8, 0.8, 0.8]),
        "good": lambda r: NOISE[r] ** 2 + np.array([0.1, 0.9, 0.9, 0.9, 0.9]),
    }
    names, matrix = compared(curves, grid=(10, 20, 40, 60, 90)).penalty_matrix()
    assert names == ["random", "good"]
    assert matrix.tolist() == [[0, 0], [1, 0]]


def test_a_run_comes_back_from_json_as_it_was():
    run = played("random", 3, [0.5, 0.25, np.nextafter(0.1, 1)])
    assert Run(**json.loads(json.dumps(asdict(run)))) == run
