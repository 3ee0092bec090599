"""D^2 sampling against its twin, in distribution, and what holds for every pool and question."""

import sys
import tracemalloc

import naive_d2_sampling as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from skactive.data import arrays
from skactive.scores import entropy, expected_model_change
from skactive.selection import d2_sampling
from skactive.selection import factored as factored_vectors

pytestmark = pytest.mark.once  # our own arithmetic, in distribution

module = sys.modules[d2_sampling.__module__]


def factored(h, n_factors):
    """A pool as one factor or two, equal where its rows are equal."""
    if n_factors == 1:
        return (h,)
    return (0.1 + np.abs(h[:, :2].toarray() if sparse.issparse(h) else h[:, :2]), h)


def small_duplicated():
    """Three distinct rows, each of them twice."""
    return np.repeat(data.gaussian(3, 4), 2, axis=0)[[0, 2, 4, 1, 5, 3]]


SMALL = {
    **{name: make(n=6) for name, make in data.POOLS.items() if name != "duplicated"},
    "duplicated": small_duplicated(),
    "far and coarse": data.gaussian(6, 3).astype(np.float32) + np.float32(1e4),
    "words": data.sparse_text(6, 40),
}


def refuse_chance(observed, expected):
    """Chi-square of counts of sequences against their probabilities; rare ones together."""
    assert set(observed) <= set(expected), "a sequence that cannot be"
    n = sum(observed.values())
    cells = sorted((n * p, observed.get(sequence, 0)) for sequence, p in expected.items())
    merged = [[0.0, 0]]
    for mean, count in cells:
        if merged[-1][0] >= 5:
            merged.append([0.0, 0])
        merged[-1][0] += mean
        merged[-1][1] += count
    if merged[-1][0] < 5 and len(merged) > 1:
        last = merged.pop()
        merged[-1] = [merged[-1][0] + last[0], merged[-1][1] + last[1]]
    if len(merged) > 1:
        means, counts = np.array(merged).T
        assert stats.chisquare(counts, means * (n / means.sum())).pvalue > 1e-4


def drawn(factors, n, n_draws, **options):
    """How often each sequence of picks comes."""
    rng = np.random.default_rng(0)
    counts = {}
    for _ in range(n_draws):
        picks = tuple(d2_sampling(factors, n, rng=rng, **options).tolist())
        counts[picks] = counts.get(picks, 0) + 1
    return counts


# The distribution


@pytest.mark.parametrize("n_factors", [1, 2])
@pytest.mark.parametrize("name", SMALL)
def test_sequences_come_as_often_as_the_twin_says(name, n_factors):
    factors = factored(SMALL[name], n_factors)
    g = naive.vectors(factors)
    expected = naive.sequence_probabilities(g, 3, range(6))
    refuse_chance(drawn(factors, 3, 600), expected)
    expected = naive.sequence_probabilities(g, 2, [1, 2, 4, 5], centers=[3, 0])
    refuse_chance(drawn(factors, 2, 400, candidates=[1, 2, 3, 4, 5], centers=[3, 0]), expected)


@pytest.mark.parametrize(
    "constants",
    [
        {"_LEAST_ACCEPTED": 0.0},  # bounds are never brought up to date: rejection does it all
        {"_LEAST_ACCEPTED": 1.1},  # they are after every block
        {"_SINGLE_MOST": 0.0},  # they are float64 distances from the start
        {"CLOSE": 1e9},  # all distances are taken from differences
        {"MOST_PICKS": 1, "CHUNK_BYTES": 1, "_SMALLEST_BLOCK": 1},
        {"_SMALLEST_BLOCK": 64},
    ],
    ids=lambda constants: " ".join(constants),
)
@pytest.mark.parametrize("n_factors", [1, 2])
def test_the_distribution_does_not_depend_on_how_it_is_computed(monkeypatch, constants, n_factors):
    for name, value in constants.items():
        for owner in (module, factored_vectors, arrays):
            if hasattr(owner, name):
                monkeypatch.setattr(owner, name, value)
    factors = factored(data.clustered(5, 3), n_factors)
    expected = naive.sequence_probabilities(naive.vectors(factors), 4, range(5), centers=[])
    refuse_chance(drawn(factors, 4, 600), expected)
    expected = naive.sequence_probabilities(naive.vectors(factors), 3, [1, 2, 3, 4], centers=[0])
    refuse_chance(drawn(factors, 3, 300, centers=[0]), expected)


def test_a_large_pool_seen_through_few_distinct_rows_has_their_distribution():
    distinct = data.gaussian(4, 3, seed=1)
    rows = np.random.default_rng(0).integers(4, size=3000)
    expected = naive.sequence_probabilities(distinct, 3, range(4))
    rng, counts = np.random.default_rng(1), {}
    for _ in range(600):
        picks = tuple(rows[d2_sampling((distinct[rows],), 3, rng=rng)].tolist())
        counts[picks] = counts.get(picks, 0) + 1
    shares = np.bincount(rows) / len(rows)
    weighted = {}
    for i, j, k in expected:  # a row that is there more often is as much likelier
        g = distinct
        first = float(i == np.sum(g**2, axis=1).argmax())
        second = shares * np.sum((g - g[i]) ** 2, axis=1)
        third = shares * np.minimum(second / shares, np.sum((g - g[j]) ** 2, axis=1))
        weighted[i, j, k] = first * second[j] / second.sum() * third[k] / third.sum()
    refuse_chance(counts, {sequence: p for sequence, p in weighted.items() if p})


def potential(g, picks):
    """Sum of squared distances to the nearest pick."""
    return np.min([np.sum((g - g[i]) ** 2, axis=1) for i in picks], axis=0).sum()


@pytest.mark.parametrize("name", ["gaussian", "clustered", "duplicated", "nearly_collinear"])
def test_what_is_left_after_many_picks_is_that_of_the_sequential_sampler(name):
    factors = factored(data.POOLS[name](80, 3), 2)
    g, rng = naive.vectors(factors), np.random.default_rng(0)
    ours = [potential(g, d2_sampling(factors, 10, rng=rng)) for _ in range(200)]
    twins = [potential(g, naive.d2_sampling(g, 10, range(80), [], rng)) for _ in range(40)]
    assert stats.ks_2samp(ours, twins).pvalue > 1e-3


# The first pick


def test_the_first_pick_is_the_longest_row_and_ties_are_broken_by_chance():
    h = np.array([[3.0, 4.0], [0.0, 5.0], [1.0, 1.0], [4.0, 3.0], [9.0, 9.0]])
    counts = drawn((h,), 1, 300, candidates=[0, 1, 2, 3])
    assert set(counts) == {(0,), (1,), (3,)} and min(counts.values()) > 60
    a = np.array([[1.0], [1.0], [9.0], [1.0], [0.0]])
    assert set(drawn((a, h), 1, 20)) == {(2,)}


def test_the_first_pick_is_any_of_the_rows_of_the_same_numbers_in_another_order():
    rng = np.random.default_rng(0)
    h = np.array([rng.permutation(np.linspace(0.1, 0.9, 9)) for _ in range(6)])
    assert len(set(np.einsum("ij,ij->i", h, h))) > 1, "else this would be no test"
    assert set(drawn((h,), 1, 100)) == {(row,) for row in range(6)}


def test_the_first_pick_of_a_far_pool_is_the_longest_of_the_rows_as_they_are():
    h = data.gaussian(50, 3) + 1000
    assert d2_sampling((h,), 1, rng=np.random.default_rng(0)) == np.sum(h**2, axis=1).argmax()


# Rejection, refreshing, and their limits


@pytest.fixture
def passes(monkeypatch):
    """Which passes were made over the pool: how, and with how many picks."""
    seen = []

    def watch(name):
        original = getattr(factored_vectors.FactoredVectors, name)

        def spy(self, bounds, picks):
            if len(picks):
                seen.append((name, len(picks)))
            return original(self, bounds, picks)

        monkeypatch.setattr(factored_vectors.FactoredVectors, name, spy)

    watch("lower")
    watch("lower_exactly")
    return seen


def test_on_spread_out_data_the_pool_is_hardly_read_again(passes):
    h = data.gaussian(2000, 64)
    d2_sampling((h,), 500, rng=np.random.default_rng(0))
    assert passes[0] == ("lower", 1)
    assert len(passes) <= 4 and {name for name, _ in passes} == {"lower"}


def test_where_every_pick_changes_all_there_is_a_pass_for_each_and_no_more(passes):
    # Clusters along a line, each a thousand times nearer to the next than to the one before.
    n_clusters = 12
    h = np.repeat(10.0 ** (3 * np.arange(n_clusters)), 50)[:, None] * [[1.0, 0.5]]
    h += np.random.default_rng(0).normal(size=h.shape)
    for seed in range(5):
        passes.clear()
        d2_sampling((h,), n_clusters, rng=np.random.default_rng(seed))
        assert n_clusters // 2 <= len(passes) <= n_clusters + 2


def test_where_float32_is_too_coarse_the_bounds_become_exact(passes):
    # A length of 1e4 and distances of 1e-3: float32 sees nothing of these.
    rng = np.random.default_rng(0)
    h = rng.normal(size=(500, 4)) * 1e-3 + 1e4 * np.eye(4)[rng.integers(4, size=500)]
    picks = d2_sampling((h,), 60, rng=rng)
    assert {name for name, _ in passes} == {"lower", "lower_exactly"}
    assert len(passes) < 30
    assert len(np.unique(h[picks], axis=0)) == 60


def test_distinct_rows_come_before_duplicates_however_many_there_are(passes):
    distinct = data.gaussian(40, 6)
    for factors in (factored(distinct, 1), factored(distinct, 2)):
        rows = np.r_[np.arange(40), np.random.default_rng(0).integers(3, size=4000)]
        picks = d2_sampling(tuple(part[rows] for part in factors), 60, rng=np.random.default_rng(0))
        assert sorted(rows[picks[:40]]) == list(range(40))
        assert len(set(picks.tolist())) == 60
    assert len(passes) < 40


@pytest.mark.parametrize("shift", [0.0, 1e3, 1e6])
def test_rows_that_differ_by_little_are_told_from_duplicates(shift):
    h = np.full((30, 5), shift) + np.eye(5)[0] * np.repeat(np.arange(10), 3)[:, None] * 1e-3
    for factors in ((h,), (np.full((30, 2), 0.5), h), (np.tile([[0.5], [0.25]], (15, 1)), h)):
        picks = d2_sampling(factors, 10, rng=np.random.default_rng(0))
        g = naive.vectors(factors)
        assert len(np.unique(g[picks], axis=0)) == 10


def test_all_on_picks_means_any_of_the_rest_is_as_likely():
    h = np.ones((4, 3))
    expected = naive.sequence_probabilities(h, 2, [1, 2, 3], centers=[0])
    assert set(expected.values()) == {1 / 6}
    refuse_chance(drawn((h,), 2, 600, centers=[0]), expected)
    refuse_chance(drawn((np.zeros((4, 2)), h), 2, 600, centers=[0]), expected)


def test_one_factor_longer_and_the_other_shorter_is_the_same_vector():
    scales = np.array([1.0, 3.0, 0.7, 1.9, 11.0])[:, None]
    a, h = scales * [[0.3, 0.1, 0.7]], data.gaussian(1, 4) / scales
    counts = drawn((a, h), 1, 800, centers=[0])
    refuse_chance(counts, {(i,): 0.25 for i in range(1, 5)})


def test_how_far_a_pool_lies_from_the_origin_is_no_matter(passes):
    d2_sampling((data.gaussian(500, 4) + 1e5,), 100, rng=np.random.default_rng(0))
    assert {name for name, _ in passes} == {"lower"}
    passes.clear()
    factors = np.ones((500, 1)), data.gaussian(500, 4) + 1e5  # as regressors have them
    d2_sampling(factors, 100, rng=np.random.default_rng(0))
    assert {name for name, _ in passes} == {"lower"}


def test_centres_are_more_than_the_bounds_need_to_know(passes):
    h = data.gaussian(4000, 32)
    d2_sampling((h,), 20, centers=np.arange(2000), rng=np.random.default_rng(0))
    assert passes == [("lower", factored_vectors.MOST_PICKS)]


def test_picks_keep_away_from_centres():
    h = np.repeat(np.eye(3), 20, axis=0)
    picks = d2_sampling((h,), 2, centers=[0, 25], rng=np.random.default_rng(0))
    assert picks[0] >= 40 and picks[1] not in (0, 25)


# Any pool, any question


@st.composite
def questions(draw):
    """Factors of small integers, so that all is exact; a mask, centres, n."""
    n_rows = draw(st.integers(1, 12))
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    high = draw(st.sampled_from([1, 2, 5]))
    factors = [rng.integers(-high, high + 1, (n_rows, draw(st.integers(1, 4)))).astype(float)]
    if draw(st.booleans()):
        factors.insert(0, rng.integers(-high, high + 1, (n_rows, draw(st.integers(1, 3)))))
    if draw(st.booleans()):
        factors[-1] = sparse.csr_matrix(factors[-1])
    mask = rng.random(n_rows) < draw(st.sampled_from([0.3, 0.8, 1.0]))
    centers = np.flatnonzero(rng.random(n_rows) < draw(st.sampled_from([0.0, 0.3])))
    return tuple(factors), draw(st.integers(0, n_rows + 1)), mask, centers, seed


@given(questions())
def test_picks_are_distinct_candidates_and_none_lies_on_another_before_it_must(question):
    factors, n, mask, centers, seed = question
    data.read_only(*factors, mask)
    rng = np.random.default_rng(seed)
    picks = d2_sampling(factors, n, candidates=mask, centers=centers, rng=rng).tolist()
    allowed = sorted(set(np.flatnonzero(mask)) - set(centers))
    assert len(picks) == len(set(picks)) == min(n, len(allowed))
    assert set(picks) <= set(allowed)
    g = naive.vectors(factors)
    for i, pick in enumerate(picks):
        chances = naive.next_probabilities(g, [*centers, *picks[:i]], allowed)
        assert chances[pick] > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.int64, np.uint8])
def test_numbers_that_a_dtype_can_hold_are_chosen_alike(dtype):
    h = np.random.default_rng(0).integers(0, 100, (300, 7)).astype(np.float64)
    a = np.random.default_rng(1).integers(0, 9, (300, 2)).astype(np.float64)
    expected = d2_sampling((a, h), 40, rng=np.random.default_rng(2)).tolist()
    factors = data.read_only(a.astype(dtype), h.astype(dtype))
    assert d2_sampling(factors, 40, rng=np.random.default_rng(2)).tolist() == expected
    (one,) = expected = (d2_sampling((h,), 40, rng=np.random.default_rng(2)).tolist(),)
    assert d2_sampling((h.astype(dtype),), 40, rng=np.random.default_rng(2)).tolist() == one


def test_booleans_and_memory_maps_are_vectors_too(tmp_path):
    h = np.random.default_rng(0).random((50, 20)) < 0.5
    picks = d2_sampling((h,), 9, rng=np.random.default_rng(0)).tolist()
    assert picks == d2_sampling((h.astype(float),), 9, rng=np.random.default_rng(0)).tolist()
    h.astype(np.float16).tofile(tmp_path / "h")
    mapped = np.memmap(tmp_path / "h", dtype=np.float16, mode="r", shape=h.shape)
    assert d2_sampling((mapped,), 9, rng=np.random.default_rng(0)).tolist() == picks


@pytest.mark.parametrize("scale", [1e-40, 1e-20, 1e20, 1e60])
def test_a_scale_that_float32_cannot_hold_is_no_obstacle(scale):
    factors = (data.gaussian(6, 2) * scale,)
    expected = naive.sequence_probabilities(naive.vectors((data.gaussian(6, 2),)), 2, range(6))
    refuse_chance(drawn(factors, 2, 500), expected)


@pytest.mark.parametrize(("C", "d"), [(100, 200), (400, 2)])
def test_nothing_as_wide_as_the_product_of_the_factors_is_formed(C, d):
    rng = np.random.default_rng(0)
    a, h = rng.random((20_000, C)), rng.random((20_000, d), dtype=np.float32)
    a = a.astype(np.float32) if d == 2 else a  # as float64 it would be taken as it is
    tracemalloc.start()
    picks = d2_sampling((a, h), 200, rng=rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(picks.tolist())) == 200
    assert peak < 32e6  # chunks; the product itself would take 3.2e9


# Refusals


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ((np.ones((3, 2)), np.ones((4, 2))), "got a with 3 rows and h with 4; give both one row"),
        ((np.ones((3, 2)),) * 3, "got 3 factors; give a tuple of one array"),
        ((), "got 0 factors; give a tuple"),
        (np.ones((2, 2)), "got ndarray; give a tuple"),
        ((np.array([[1.0, np.nan]]),), "got h with NaN or infinity in row 0"),
        ((np.array([[1.0], [np.inf]]), np.ones((2, 2))), "got a with NaN or infinity in row 1"),
        ((np.array([[1.0], [1e200]]),), "row 1 is so long that squared lengths overflow"),
        ((np.array([[0.0], [1e160]]), np.eye(2)), "row 1 is so long that squared lengths overflow"),
        ((np.ones(3),), r"got h of shape \(3,\)"),
    ],
)
def test_factors_that_cannot_be_are_refused(factors, message):
    with pytest.raises(ValueError, match=f"d2_sampling got .*{message}|^d2_sampling {message}"):
        d2_sampling(factors, 1, rng=np.random.default_rng(0))


def test_questions_that_cannot_be_are_refused():
    h, rng = np.eye(3), np.random.default_rng(0)
    with pytest.raises(ValueError, match="n is -1; it must be 0 or more"):
        d2_sampling((h,), -1, rng=rng)
    with pytest.raises(ValueError, match="centers hold positions from 3 to 3"):
        d2_sampling((h,), 1, centers=[3], rng=rng)
    with pytest.raises(TypeError, match="dtype <U1"):
        d2_sampling((np.array([["a"]]),), 1, rng=rng)


# Expected model change


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_classes", [1, 2, 3, 7])
def test_expected_model_change_is_the_mean_length_over_labels(n_classes, dtype):
    rng = np.random.default_rng(0)
    for sharpness in (1.0, 0.05):
        proba = rng.dirichlet(np.full(n_classes, sharpness), 300).astype(dtype)
        norms = rng.exponential(size=300)
        data.read_only(proba, norms)
        expected = naive.expected_model_change(proba, norms)
        np.testing.assert_allclose(
            expected_model_change(proba, norms), expected, rtol=1e-12, atol=1e-15
        )


def test_expected_model_change_keeps_its_digits_where_a_class_is_nearly_certain():
    eps = 2.0**-40
    scores = expected_model_change([[1 - eps, eps]], [1.0])
    np.testing.assert_allclose(scores, 2 * np.sqrt(2) * eps, rtol=1e-10)


def test_expected_model_change_of_two_classes_is_gini_times_the_length():
    proba = data.probabilities(50, 2)
    gini = 1 - np.sum(proba**2, axis=1)
    np.testing.assert_allclose(expected_model_change(proba, np.full(50, 3.0)), 3 * 2**0.5 * gini)
    assert (entropy(proba).argsort() == expected_model_change(proba, np.ones(50)).argsort()).all()


def test_expected_model_change_says_nan_where_it_is_given_nan_and_nowhere_else():
    proba = [[0.5, 0.5], [np.nan, 0.5], [0.5, 0.5]]
    assert np.isnan(expected_model_change(proba, [1, 1, np.nan])).tolist() == [False, True, True]


def test_expected_model_change_refuses_lengths_that_are_none():
    with pytest.raises(ValueError, match=r"feature_norms have shape \(3,\) for 2 rows"):
        expected_model_change(np.full((2, 2), 0.5), np.ones(3))
    with pytest.raises(ValueError, match="feature_norms are negative at position 1"):
        expected_model_change(np.full((2, 2), 0.5), [1, -1])
