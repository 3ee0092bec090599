"""Budgets of streams: no window and no prefix ever exceeds them."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_stream import most_in_a_window

from skactive.budgets import BudgetManager


def passes(budget, wishes):
    """What is bought when rows are wished for, or not."""
    bought = []
    for wish in wishes:
        bought.append(bool(wish) and budget.may_spend())
        budget.passed(bought[-1])
    return bought


WISHES = st.lists(st.booleans(), max_size=120)


@given(wishes=WISHES, window=st.integers(1, 30), rate=st.floats(0.05, 1), seed=st.integers(0, 99))
def test_no_window_exceeds_the_rate_and_no_prefix_the_bound(wishes, window, rate, seed):
    most = math.floor(rate * window + 1e-9)
    if most == 0:
        with pytest.raises(ValueError, match="never reaches one label"):
            BudgetManager(rate, window)
        return
    bought = passes(BudgetManager(rate, window), wishes)
    assert most_in_a_window(bought, window) <= most
    prefix = np.cumsum(bought)
    assert all(count <= most * math.ceil((n + 1) / window) for n, count in enumerate(prefix))


@given(wishes=WISHES, window=st.integers(1, 30), n_most=st.integers(1, 30))
def test_a_wish_is_refused_only_where_a_window_is_full(wishes, window, n_most):
    n_most = min(n_most, window)
    bought = passes(BudgetManager(n_most / window, window), wishes)
    for row, wish in enumerate(wishes):
        before = sum(bought[max(row - window + 1, 0) : row])
        assert bought[row] == (wish and before < n_most)


@given(wishes=WISHES, total=st.integers(0, 30))
def test_a_total_is_hard_and_spent_in_full_where_enough_is_wished_for(wishes, total):
    assert sum(passes(BudgetManager(total=total), wishes)) == min(total, sum(wishes))


def test_a_product_that_rounding_puts_below_a_whole_number_counts_as_that():
    assert 0.29 * 100 < 29
    assert sum(passes(BudgetManager(0.29, 100), [True] * 100)) == 29


def test_it_is_exhausted_and_free_again_as_worked_out_by_hand():
    # 2 labels in 5 rows: rows 0 and 1 are bought, 2 to 4 are not; row 0 has left the window of
    # row 5 (rows 1 to 5), row 1 that of row 6.
    assert [int(b) for b in passes(BudgetManager(0.4, 5), [True] * 8)] == [1, 1, 0, 0, 0, 1, 1, 0]


def test_the_chance_of_a_blind_choice_as_worked_out_by_hand():
    budget = BudgetManager(0.25, 8)  # 2 labels in 8 rows
    assert budget.chance == 0.25  # nothing passed: behind by 0
    for _ in range(4):
        budget.passed(False)
    assert budget.chance == 0.5  # behind by 0.25 * 4 - 0 = 1: 0.25 * (1 + 1)
    budget.passed(True)
    assert budget.chance == 0.3125  # behind by 0.25 * 5 - 1 = 0.25: 0.25 * 1.25
    budget.passed(True)
    assert budget.chance == 0.0  # the window is full


@pytest.mark.parametrize(("rate", "window"), [(0.05, 100), (0.1, 100), (0.02, 1000), (0.5, 10)])
def test_blind_choices_by_chance_spend_nearly_all_of_the_rate(rate, window):
    budget, draws = BudgetManager(rate, window), np.random.default_rng(0).random(40_000)
    for draw in draws:
        budget.passed(draw < budget.chance)
    assert 0.85 * rate < budget.spent / len(draws) <= rate


@given(
    wishes=WISHES,
    sides=st.lists(st.booleans(), min_size=120, max_size=120),
    share=st.floats(0.2, 0.8),
    total=st.none() | st.integers(0, 30),
)
def test_the_parts_of_a_split_budget_together_keep_within_it(wishes, sides, share, total):
    budget = BudgetManager(0.5, 12, total)
    parts, bought = budget.split(share), []
    for wish, side in zip(wishes, sides, strict=False):
        bought.append(wish and parts[side].may_spend())
        parts[side].passed(bought[-1])
        parts[not side].passed(False)
    assert most_in_a_window(bought, 12) <= 6
    assert total is None or sum(bought) <= total
    assert parts[0].rate + parts[1].rate == pytest.approx(0.5)


def test_the_parts_of_a_split_budget_leave_nothing_of_it():
    first, rest = BudgetManager(0.3, 20, total=11).split(0.25)
    assert sum(passes(first, [True] * 20)) == 1  # of 6, 1.5: halves go to the rest
    assert sum(passes(rest, [True] * 20)) == 5
    assert (first.total, rest.total) == (2, 9)


@pytest.mark.parametrize(
    ("rate", "share", "own"), [(0.09, 0.2, 2), (0.1, 0.01, 1), (0.1, 0.99, 9), (0.02, 0.2, 1)]
)
def test_labels_of_a_window_are_shared_to_the_nearest_and_each_part_has_one(rate, share, own):
    whole = BudgetManager(rate, 100)
    first, rest = whole.split(share)
    assert sum(passes(first, [True] * 100)) == own
    assert sum(passes(rest, [True] * 100)) == round(100 * rate) - own


def test_pickled_in_the_middle_it_goes_on_as_it_would_have():
    budget, wishes = BudgetManager(0.3, 10, total=7), [True, True, False] * 10
    passes(budget, wishes)
    assert passes(pickle.loads(pickle.dumps(budget)), wishes) == passes(budget, wishes)


@pytest.mark.parametrize("rate", [0, -0.1, 1.01, math.nan, "0.1", True, None])
def test_rates_outside_0_to_1_are_refused(rate):
    with pytest.raises(ValueError, match=r"rate=.*above 0 and at most 1"):
        BudgetManager(rate)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"window": 0}, r"window=0; give a whole number of at least 1"),
        ({"window": 2.5}, r"window=2.5; give a whole number"),
        ({"total": -1}, r"total=-1; give a whole number of at least 0"),
        ({"total": True}, r"total=True; give a whole number"),
        ({"rate": 0.005}, r"a rate of 0.005 over a window of 100 rows never .* window=200"),
    ],
)
def test_other_numbers_are_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        BudgetManager(**arguments)


def test_a_split_into_less_than_a_label_is_refused():
    with pytest.raises(ValueError, match=r"a rate of 0.1 over a window of 19 rows .* window=20"):
        BudgetManager(0.1, 19).split(0.5)


def test_a_row_that_is_bought_beyond_the_budget_is_refused():
    budget = BudgetManager(total=0)
    with pytest.raises(ValueError, match=r"the budget is used up; ask may_spend\(\)"):
        budget.passed(True)
    assert budget.n_passed == 0
