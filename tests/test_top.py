"""top: its twin in naive.py, ties, candidates, and what it refuses."""

import sys
import tracemalloc

import naive
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skactive.selection import top

pytestmark = pytest.mark.once  # our own arithmetic

MODULE = sys.modules["skactive.selection.top"]  # the name leads to the function
VALUES = (
    st.sampled_from([-np.inf, -1.0, 0.0, -0.0, 0.5, 1.0, np.inf]),
    st.floats(-1, 1, width=32),
)


@pytest.fixture(scope="module", params=[1, 3, None], ids=["rows-1", "rows-3", "whole"])
def chunked(request):
    """Run with chunks of one row, of three rows, and as shipped."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param:
            patch.setattr(MODULE, "CORE_BYTES", 1)
            patch.setattr("skactive.data.arrays.LEAST_ROWS", request.param)
        yield


@st.composite
def problems(draw):
    """Scores, how many, candidates in any form, and a tiebreak with ties of its own."""
    n = draw(st.integers(0, 12))
    elements = draw(st.sampled_from(VALUES))
    scores = draw(hnp.arrays(draw(st.sampled_from([np.float64, np.float32])), n, elements=elements))
    scores.flags.writeable = False
    positions = st.lists(st.integers(0, n - 1), max_size=15) if n else st.just([])
    candidates = draw(
        st.none() | hnp.arrays(bool, n) | positions.map(lambda p: np.array(p, dtype=int))
    )
    tiebreak = draw(st.none() | hnp.arrays(np.float64, n, elements=st.sampled_from([-1.0, 0, 2])))
    return scores, draw(st.integers(0, 14)), candidates, tiebreak


@pytest.mark.usefixtures("chunked")
@given(problem=problems())
def test_top_equals_its_twin(problem):
    scores, n, candidates, tiebreak = problem
    found = top(scores, n, candidates=candidates, tiebreak=tiebreak)
    assert found.dtype == np.intp
    expected = naive.top(scores, n, candidates, tiebreak)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("chunked")
@given(problem=problems())
def test_a_callable_tiebreak_is_the_array_of_its_values(problem):
    scores, n, candidates, tiebreak = problem
    assume(tiebreak is not None)
    found = top(scores, n, candidates=candidates, tiebreak=lambda positions: tiebreak[positions])
    expected = top(scores, n, candidates=candidates, tiebreak=tiebreak)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("n", [1, 7, 60, 400, 1000, 5000])
@pytest.mark.parametrize("kind", ["distinct", "ascending", "descending", "two values", "constant"])
def test_top_equals_its_twin_on_many_rows(kind, n):
    rng = np.random.default_rng(0)
    scores = {
        "distinct": rng.permutation(1000) / 7,
        "ascending": np.arange(1000.0),
        "descending": -np.arange(1000.0),
        "two values": rng.integers(0, 2, 1000).astype(float),
        "constant": np.zeros(1000),
    }[kind]
    mask, tiebreak = rng.random(1000) < 0.9, rng.random(1000)
    for candidates in (None, mask, rng.permutation(np.flatnonzero(mask))):
        found = top(scores, n, candidates=candidates, tiebreak=tiebreak)
        np.testing.assert_array_equal(found, naive.top(scores, n, candidates, tiebreak))


def test_best_first_and_the_lower_position_among_equals():
    assert top([0.1, 0.9, 0.5, 0.9, 0.5], 4).tolist() == [1, 3, 2, 4]
    assert top([5, 7, 7, 6], 2).tolist() == [1, 2]


def test_the_larger_tiebreak_comes_first_within_and_across_the_cut():
    scores, tiebreak = [1.0, 2.0, 1.0, 2.0, 1.0], [0.1, 0.2, 0.3, 0.4, 0.2]
    assert top(scores, 3, tiebreak=tiebreak).tolist() == [3, 1, 2]
    assert top(scores, 5, tiebreak=tiebreak).tolist() == [3, 1, 2, 4, 0]


@pytest.mark.usefixtures("chunked")
def test_infinite_scores_are_ordered_and_never_confused_with_rows_that_may_not_be_chosen():
    scores = [-np.inf, np.inf, -np.inf, 0.0, np.inf]
    assert top(scores, 5).tolist() == [1, 4, 3, 0, 2]
    mask = np.array([False, True, True, True, False])
    assert top(scores, 5, candidates=mask).tolist() == [1, 3, 2]


@pytest.mark.parametrize(
    "candidates",
    [[], np.array([], dtype=int), np.zeros(3, dtype=bool)],
    ids=["list", "int", "bool"],
)
def test_no_candidates_give_no_positions(candidates):
    found = top([1.0, 2.0, 3.0], 2, candidates=candidates)
    assert found.shape == (0,)
    assert found.dtype == np.intp


def test_no_rows_or_none_wanted_give_no_positions():
    for found in (top([], 3), top([1.0], 0), top([], 0, candidates=[])):
        assert found.shape == (0,)
        assert found.dtype == np.intp


def test_repeated_candidates_are_chosen_once():
    assert top([1.0, 3.0, 2.0], 3, candidates=[2, 2, 1, 1]).tolist() == [1, 2]


@pytest.mark.usefixtures("chunked")
def test_a_tiebreak_is_asked_only_about_rows_whose_place_depends_on_it():
    asked = []

    def tiebreak(positions):
        asked.extend(positions.tolist())
        return np.zeros(len(positions))

    assert top([3.0, 1.0, 2.0], 2, tiebreak=tiebreak).tolist() == [0, 2]
    assert set(asked) <= {2}  # the row at the cut, at most
    asked.clear()
    assert top([5.0, 4.0, 4.0, 3.0, 3.0, 0.0, 0.0], 4, tiebreak=tiebreak).tolist() == [0, 1, 2, 3]
    assert set(asked) == {1, 2, 3, 4}


@pytest.mark.usefixtures("chunked")
def test_random_tiebreaks_choose_and_order_tied_rows_evenly():
    rng, rounds = np.random.default_rng(0), 3000
    first, chosen = np.zeros(6), np.zeros(6)
    scores = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    for _ in range(rounds):
        found = top(scores, 2, tiebreak=lambda positions: rng.random(len(positions)))
        first[found[0]] += 1
        chosen[found] += 1
    tied = scores == 1
    assert (first[~tied] == 0).all()
    assert (chosen[~tied] == 0).all()
    # Five standard deviations of a binomial count.
    assert np.abs(first[tied] - rounds / 5).max() < 5 * np.sqrt(rounds * 0.2 * 0.8)
    assert np.abs(chosen[tied] - rounds * 2 / 5).max() < 5 * np.sqrt(rounds * 0.4 * 0.6)


def test_top_keeps_no_copy_of_the_scores_and_one_float_a_row_where_all_tie():
    scores = np.random.default_rng(0).random(500_000)
    mask = scores < 0.99
    tracemalloc.start()
    try:
        top(scores, 100, candidates=mask)
        small = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        top(np.broadcast_to(0.0, 500_000), 100, candidates=mask, tiebreak=scores)
        tied = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert small < 2 * 2**20
    assert tied < 8 * len(scores) + 3 * 2**20


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("candidates", [None, np.arange(20), np.arange(20) > 3], ids=str)
def test_nan_at_a_candidate_is_refused_with_its_position(candidates):
    scores = np.arange(20.0)
    scores[17] = np.nan
    with pytest.raises(ValueError, match=r"^scores hold NaN at position 17"):
        top(scores, 2, candidates=candidates)


@pytest.mark.usefixtures("chunked")
def test_nan_at_other_rows_is_ignored():
    scores = [np.nan, 1.0, np.nan, 2.0]
    assert top(scores, 2, candidates=[1, 3]).tolist() == [3, 1]
    assert top(scores, 9, candidates=np.array([False, True, False, True])).tolist() == [3, 1]


def test_nan_in_a_tiebreak_that_matters_is_refused():
    with pytest.raises(ValueError, match=r"^tiebreak is NaN at position 2"):
        top([1.0, 0.0, 1.0], 1, tiebreak=[0.0, 0.0, np.nan])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"n": -1}, ValueError, r"n is -1; it must be 0 or more"),
        ({"n": 1.5}, TypeError, r"cannot be interpreted as an integer"),
        ({"scores": [[1.0]]}, ValueError, r"scores have shape \(1, 1\)"),
        ({"candidates": [True, False]}, ValueError, r"boolean mask of shape \(3,\)"),
        ({"candidates": [[0, 1]]}, ValueError, r"candidates have shape \(1, 2\)"),
        ({"candidates": [0.0, 1.0]}, TypeError, r"candidates have dtype float64"),
        ({"candidates": [0, 3]}, ValueError, r"from 0 to 3; with 3 rows .* in 0 to 2"),
        ({"candidates": [-1, 2]}, ValueError, r"from -1 to 2; with 3 rows .* in 0 to 2"),
        ({"tiebreak": [1.0, 2.0]}, ValueError, r"tiebreak has shape \(2,\); it must be \(3,\)"),
        ({"tiebreak": lambda p: 0.0}, ValueError, r"tiebreak gave shape \(\) for \d+ positions"),
    ],
    ids=[
        "negative-n",
        "fractional-n",
        "matrix",
        "mask-length",
        "candidate-matrix",
        "float-candidates",
        "candidate-too-large",
        "negative-candidate",
        "tiebreak-length",
        "tiebreak-scalar",
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, text):
    arguments = {"scores": [1.0, 1.0, 1.0], "n": 1, **arguments}
    with pytest.raises(error, match=text):
        top(arguments.pop("scores"), arguments.pop("n"), **arguments)
