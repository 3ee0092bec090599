"""k_center: exact on every pool, by the lazy way and by the eager one."""

import sys
import tracemalloc

import naive_k_center as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import chisquare
from selection_data import POOLS, duplicated, gaussian, read_only, sparse_text

from skactive.data import arrays
from skactive.selection import bounds, farthest, pairs
from skactive.selection.distances import nearest_squared_distances
from skactive.selection.k_center import k_center

CENTERS = np.array([3, 40, 41])


class Spy:
    """How often the search went each way."""

    def __init__(self, monkeypatch):
        self.calls = {}
        for owner, name in [
            (farthest._LazySearch, "_refill"),
            (farthest._LazySearch, "_give_up"),
            (bounds.Bounds, "refine"),
        ]:
            monkeypatch.setattr(owner, name, self._counted(name, getattr(owner, name)))

    def _counted(self, name, function):
        self.calls[name] = 0

        def counted(*args):
            self.calls[name] += 1
            return function(*args)

        return counted


@pytest.fixture(params=["lazy", "eager", "both"])
def way(request, monkeypatch):
    """The lazy way with a small active set, the eager way at once, and what is chosen for each."""
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 2048)
    if request.param != "both":
        monkeypatch.setattr(farthest, "_MIN_ACTIVE", 8)
        monkeypatch.setattr(farthest, "_ENTRANT_BYTES", 512)  # rows become active in several pieces
        monkeypatch.setattr(farthest, "_MOST_ACTIVE", 4)
        monkeypatch.setattr(farthest, "_SLACK", np.inf if request.param == "lazy" else -np.inf)
    spy = Spy(monkeypatch)
    yield request.param
    if request.param == "lazy":
        assert spy.calls["_refill"] > 0
        assert spy.calls["_give_up"] == 0
    elif request.param == "eager":
        assert spy.calls["_refill"] == 0
        assert spy.calls["_give_up"] > 0


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", POOLS)
def test_every_pick_is_the_farthest_row(name, way):
    X = read_only(POOLS[name]())
    picks = k_center(X, 30, centers=CENTERS, rng=rng())
    assert len(set(picks.tolist())) == 30
    naive.assert_greedy(picks, X, np.arange(len(X)), CENTERS)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint16", "int64"])
@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sparse.csr_matrix])
def test_every_dtype_and_container(dtype, make, way):
    if make is sparse.csr_matrix and dtype == "float16":
        dtype = "bool"  # as scipy has no half precision
    dense = (20 * gaussian(120)).astype(dtype)
    X = read_only(make(dense))
    picks = k_center(X, 25, centers=CENTERS, rng=rng())
    naive.assert_greedy(picks, dense, np.arange(len(dense)), CENTERS)


def test_a_memory_map_is_read(tmp_path, way):
    X = gaussian().astype(np.float32)
    X.tofile(tmp_path / "pool")
    pool = np.memmap(tmp_path / "pool", dtype=np.float32, mode="r", shape=X.shape)
    np.testing.assert_array_equal(k_center(pool, 30, rng=rng()), k_center(X, 30, rng=rng()))


@pytest.mark.parametrize("name", POOLS)
def test_single_precision_loses_nothing(name, way):
    X = read_only(POOLS[name]().astype(np.float32))
    picks = k_center(X, 30, rng=rng())
    naive.assert_greedy(picks, X, np.arange(len(X)), [])


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("few", [0, 64])
def test_centers_that_are_compared_as_picks_are_change_no_pick(offset, few, way, monkeypatch):
    monkeypatch.setattr(sys.modules[k_center.__module__], "_FEW_CENTERS", few)
    monkeypatch.setattr(farthest, "_PICKS", 5)  # rows are left out on the way
    X = (gaussian() + offset).astype(np.float32)
    centers = np.arange(0, 120, 3)
    picks = k_center(X, 30, centers=centers, rng=rng())
    naive.assert_greedy(picks, X, np.arange(len(X)), centers)
    known = nearest_squared_distances(X, centers)
    again = k_center(X, 30, centers=centers, distances=known, rng=rng())
    np.testing.assert_array_equal(picks, again)


def test_sparse_text(way):
    X = read_only(sparse_text())
    picks = k_center(X, 30, rng=rng())
    naive.assert_greedy(picks, X, np.arange(X.shape[0]), [])
    picks = k_center(X, 30, centers=CENTERS, rng=rng())
    naive.assert_greedy(picks, X, np.arange(X.shape[0]), CENTERS)


def test_clusters_closer_than_single_precision_can_tell(way):
    X = np.repeat(gaussian(4), 60, axis=0) + 1e-6 * gaussian(240, seed=1)
    picks = k_center(X.astype(np.float32), 40, rng=rng())
    naive.assert_greedy(picks, X.astype(np.float32), np.arange(len(X)), [])


def test_the_eager_way_turns_to_double_precision_where_it_must(monkeypatch):
    monkeypatch.setattr(farthest, "_SLACK", -np.inf)
    spy = Spy(monkeypatch)
    X = (np.repeat(gaussian(4), 300, axis=0) + 1e-6 * gaussian(1200, seed=1)).astype(np.float32)
    picks = k_center(X, 20, rng=rng())
    assert spy.calls["refine"] > 0
    naive.assert_greedy(picks, X, np.arange(len(X)), [])


def test_the_lazy_way_is_left_where_it_costs_more(monkeypatch):
    spy = Spy(monkeypatch)
    X = gaussian(30_000, 2).astype(np.float32)
    picks = k_center(X, 20, rng=rng())
    assert spy.calls["_refill"] > 0
    assert spy.calls["_give_up"] == 1
    naive.assert_greedy(picks[:4], X, np.arange(len(X)), [])


def test_only_candidates_are_chosen_and_all_of_them_where_too_many_are_wanted(way):
    X = gaussian()
    candidates = np.zeros(len(X), dtype=bool)
    candidates[::3] = True
    candidates[CENTERS] = True  # which they are not, whatever the mask says
    picks = k_center(X, 999, candidates=candidates, centers=CENTERS, rng=rng())
    assert sorted(picks.tolist()) == sorted(set(np.flatnonzero(candidates)) - set(CENTERS))
    naive.assert_greedy(picks, X, candidates, CENTERS)
    positions = np.flatnonzero(candidates)
    again = k_center(X, 999, candidates=positions, centers=CENTERS, rng=rng())
    np.testing.assert_array_equal(again, picks)


@pytest.mark.parametrize("name", POOLS)
def test_known_distances_give_the_same_picks_or_copies_of_them(name, way):
    X = POOLS[name]()
    known = read_only(nearest_squared_distances(X, CENTERS))
    np.testing.assert_array_equal(
        X[k_center(X, 30, centers=CENTERS, distances=known, rng=rng())],
        X[k_center(X, 30, centers=CENTERS, rng=rng())],
    )
    nothing = read_only(np.full(len(X), np.inf))
    np.testing.assert_array_equal(
        k_center(X, 9, distances=nothing, rng=rng()), k_center(X, 9, rng=rng())
    )


@pytest.mark.parametrize("name", [name for name in POOLS if name != "duplicated"])
def test_the_order_of_rows_does_not_matter(name, way):
    X = POOLS[name]()
    order = rng(1).permutation(len(X))
    where = np.argsort(order)
    picks = k_center(X, 30, centers=CENTERS, rng=rng())
    moved = k_center(X[order], 30, centers=where[CENTERS], rng=rng())
    np.testing.assert_array_equal(order[moved], picks)


def test_copies_are_equally_likely_wherever_they_stand(way):
    X = rng(5).normal(size=(37, 3))
    X[[2, 9, 20, 36]] = 10.0
    picks = [k_center(X, 1, centers=[0], rng=rng(seed))[0] for seed in range(400)]
    rows, counts = np.unique(picks, return_counts=True)
    assert rows.tolist() == [2, 9, 20, 36]
    assert chisquare(counts).pvalue > 1e-4


@pytest.mark.once
def test_more_copies_than_are_active_are_equally_likely(monkeypatch):
    monkeypatch.setattr(farthest, "_MIN_ACTIVE", 4)
    monkeypatch.setattr(farthest, "_SLACK", np.inf)
    X = np.repeat(np.array([[0.0, 0.0], [0.3, 0.1]]), [1, 20], axis=0)
    picks = [k_center(X, 1, centers=[0], rng=rng(seed))[0] for seed in range(1000)]
    assert chisquare(np.bincount(picks, minlength=21)[1:]).pvalue > 1e-4


@pytest.mark.once
def test_more_copies_than_are_active_are_equally_likely_whatever_was_known(monkeypatch):
    """They become active in the order of old bounds, which says nothing of who is chosen."""
    monkeypatch.setattr(farthest, "_MIN_ACTIVE", 4)
    monkeypatch.setattr(farthest, "_SLACK", np.inf)
    X = np.repeat(np.array([[1.0, 1.0], [0.3, 0.1]]), [1, 20], axis=0)
    known = np.append(9.0, np.linspace(2, 3, 20))
    picks = [k_center(X, 2, distances=known, rng=rng(seed)) for seed in range(1000)]
    assert chisquare(np.bincount([pick[1] for pick in picks], minlength=21)[1:]).pvalue > 1e-4


@pytest.mark.parametrize("spread", [1e-3, 1e-5, 1e-7])
def test_more_rows_in_doubt_than_are_active(spread, monkeypatch):
    monkeypatch.setattr(farthest, "_MIN_ACTIVE", 8)
    monkeypatch.setattr(farthest, "_SLACK", np.inf)
    X = (np.repeat(gaussian(6), 100, axis=0) + spread * gaussian(600, seed=1)).astype(np.float32)
    picks = k_center(X, 25, centers=CENTERS, rng=rng())
    naive.assert_greedy(picks, X, np.arange(len(X)), CENTERS)


def test_products_alone_decide_where_they_can(monkeypatch):
    """On most picks nothing is compared by differences, and what is decided is right."""
    settled = []
    settle = bounds.Active.settle

    def counted(self, which, picked):
        settled.append(len(which))
        return settle(self, which, picked)

    monkeypatch.setattr(bounds.Active, "settle", counted)
    X = gaussian(2000, 8).astype(np.float32)
    picks = k_center(X, 100, rng=rng())
    assert len(settled) < 20
    naive.assert_greedy(picks, X, np.arange(len(X)), [])


def test_lower_and_upper_bounds_hold_the_distance():
    X = (gaussian(300, 50) * np.geomspace(1e-3, 1e3, 300)[:, None]).astype(np.float32)
    shift = pairs.middle_of(X, np.arange(300))
    picked = pairs.Picked(X, 40, shift)
    active = bounds.Active(picked)
    rows = np.arange(40, 300)
    known = np.full(260, np.inf)
    active.join(np.zeros(0, bool), pairs.ShiftedRows.take(X, rows, shift), known.copy(), known)
    for row in range(40):
        pairs.lower_bounds(active.upper, active.rows, picked.add(row))
    distances = naive.nearest_squared_distances(X, np.arange(40))[rows]
    lower = [active.lower(at, picked) for at in range(260)]
    assert (np.array(lower) <= distances).all()
    assert (distances <= active.upper).all()
    np.testing.assert_allclose(active.settle(np.arange(260), picked), distances, rtol=1e-13)


def test_each_row_comes_once_before_any_copy(way):
    X = duplicated()
    picks = k_center(X, 200, rng=rng())
    assert sorted(picks.tolist()) == list(range(200))
    assert len(np.unique(X[picks[:50]], axis=0)) == 50


def test_where_all_rows_are_equal_any_is_as_likely(way):
    X = np.full((6, 2), 0.1)
    picks = [k_center(X, 1, centers=[0], rng=rng(seed))[0] for seed in range(300)]
    if way == "lazy":
        k_center(gaussian(), 3, rng=rng())  # the search above needs no active rows
    assert chisquare(np.bincount(picks, minlength=6)[1:]).pvalue > 1e-4


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12, 1e18, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_scale(scale, dtype, way):
    X = (gaussian() * scale).astype(dtype)
    picks = k_center(X, 30, rng=rng())
    naive.assert_greedy(picks, X, np.arange(len(X)), [])


@pytest.mark.parametrize("offset", [1e4, 1e6])
def test_an_offset_far_larger_than_the_distances(offset, way):
    X = (gaussian() + offset).astype(np.float32)
    picks = k_center(X, 30, rng=rng())
    naive.assert_greedy(picks, X, np.arange(len(X)), [])


def test_one_row_far_from_all_others(way):
    X = gaussian().astype(np.float32)
    X[77] = 1e6
    picks = k_center(X, 30, rng=rng())
    assert 77 in picks[:2]
    naive.assert_greedy(picks, X, np.arange(len(X)), [])


@settings(max_examples=60)
@given(st.data())
def test_whatever_the_pool_every_pick_is_the_farthest(data):
    n, d = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 4))
    random = rng(data.draw(st.integers(0, 2**20)))
    X = random.integers(-2, 3, size=(n, d)).astype(data.draw(st.sampled_from(["f8", "f4", "i1"])))
    X[:, : data.draw(st.integers(0, d))] = 1  # constant columns
    X[random.random(n) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))] = 0
    centers = random.choice(n, size=data.draw(st.integers(0, min(n, 3))), replace=False)
    candidates = random.random(n) < data.draw(st.sampled_from([0.3, 1.0]))
    k = data.draw(st.integers(0, n + 2))
    slack = data.draw(st.sampled_from([np.inf, -np.inf]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farthest, "_MIN_ACTIVE", 3)
        patch.setattr(farthest, "_SLACK", slack)
        pool = sparse.csr_matrix(X) if data.draw(st.booleans()) else X
        picks = k_center(read_only(pool), k, candidates=candidates, centers=centers, rng=random)
    candidates[centers] = False
    assert len(picks) == len(set(picks.tolist())) == min(k, candidates.sum())
    assert picks.dtype == np.intp
    naive.assert_greedy(picks, X, candidates, centers)


def test_of_no_rows_and_of_none_wanted_nothing_is_chosen():
    assert k_center(gaussian(), 0, rng=rng()).tolist() == []
    assert k_center(np.empty((0, 3)), 5, rng=rng()).tolist() == []
    assert k_center(gaussian(5), 5, candidates=np.zeros(5, bool), rng=rng()).tolist() == []
    assert sorted(k_center(np.empty((3, 0)), 5, rng=rng()).tolist()) == [0, 1, 2]


def lies(X, how):
    """Return an array as it lies in memory, by columns, or among other rows and columns."""
    if how in "CF":
        return np.array(X, order=how)
    return np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]


@pytest.mark.parametrize("how", ["C", "F", "among others"])
def test_the_pool_is_not_copied_however_it_lies(how):
    X = lies(gaussian(40_000, 64).astype(np.float32), how)
    k_center(X[:100], 5, rng=rng())
    tracemalloc.start()
    k_center(X, 50, centers=np.arange(99), rng=rng())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.75 * X.nbytes


@pytest.mark.parametrize("how", ["F", "among others"])
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, ">f4"])
def test_the_picks_are_the_same_however_the_pool_lies(how, dtype, way):
    X = (100 + 20 * gaussian()).astype(dtype)
    expected = k_center(X, 30, centers=CENTERS, rng=rng())
    found = k_center(read_only(lies(X, how)), 30, centers=CENTERS, rng=rng())
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n": -1}, ValueError, "n is -1"),
        ({"n": 1.5}, TypeError, "float"),
        ({"centers": [7]}, ValueError, "0 to 3"),
        ({"candidates": [True]}, ValueError, "boolean mask"),
        ({"embedding": np.full((4, 1), np.nan)}, ValueError, "NaN or infinity in row 0"),
        ({"embedding": np.array([[0], [1e200], [-1e200], [1]])}, ValueError, "overflows"),
        ({"distances": [1.0]}, ValueError, "shape"),
        ({"distances": [0.0, -1.0, 0.0, 0.0]}, ValueError, "-1.0 at row 1"),
        ({"distances": [0.0, 1.0, np.inf, 0.0]}, ValueError, "infinite at row 2"),
        ({"distances": [0.0, np.nan, 1.0, 0.0]}, ValueError, "nan at row 1"),
    ],
)
def test_what_makes_no_sense_is_refused(change, error, message):
    arguments = {"embedding": gaussian(4, 1), "n": 2, "rng": rng()} | change
    with pytest.raises(error, match=message):
        k_center(**arguments)
