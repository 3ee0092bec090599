"""Selection on torch tensors: as from arrays, on the CPU and, where there is one, on a GPU."""

import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from scipy import sparse
from scipy.stats import chisquare
from selection_contract import check_contract, check_refusals, problems

torch = pytest.importorskip("torch", reason="torch is not installed")

import naive_clusters  # noqa: E402
import naive_d2_sampling  # noqa: E402
import naive_k_center  # noqa: E402
from devices import on_each_device  # noqa: E402
from test_d2_sampling import SMALL, factored, refuse_chance  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from skactive.data import arrays  # noqa: E402
from skactive.selection import blocks as blocks_of_arrays  # noqa: E402
from skactive.selection import d2_sampling, k_center, k_means  # noqa: E402
from skactive.selection import lloyd as lloyd_of_arrays  # noqa: E402
from skactive.selection.distances import nearest_squared_distances  # noqa: E402
from skactive.selection.tensors import bounds, common, distances  # noqa: E402
from skactive.selection.tensors import factored as factored_on_tensor  # noqa: E402
from skactive.selection.tensors import k_center as k_center_on_tensor  # noqa: E402
from skactive.selection.tensors import k_means as k_means_on_tensor  # noqa: E402
from skactive.selection.tensors.k_means import TensorBlocks, lloyd  # noqa: E402

CENTERS = np.array([3, 40, 41])


def first_of_pairs(h, n, **options):
    """D^2 sampling, from one factor, as the others are called."""
    return d2_sampling((h,), n, **options)


FUNCTIONS = {"k_center": k_center, "d2_sampling": first_of_pairs, "k_means": k_means}
each_function = pytest.mark.parametrize("name", FUNCTIONS)


def rng(seed=0):
    return np.random.default_rng(seed)


def of_arrays(select, device):
    """A function of arrays: they are moved to a device, and are still the same afterwards."""

    def selecting(X, n, **options):
        X = torch.tensor(X.toarray() if sparse.issparse(X) else X, device=device)
        before = X.clone()
        picks = select(X, n, **options)
        assert torch.equal(X.nan_to_num(), before.nan_to_num())
        return picks

    return selecting


@pytest.fixture
def small_pieces(monkeypatch):
    """All that is done in pieces is done in many."""
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 1)
    monkeypatch.setattr(common, "DEVICE_BYTES", 1)
    monkeypatch.setattr(common, "SUM_BYTES", 1)
    monkeypatch.setattr(distances, "OTHERS", 7)


# What holds for all three


@on_each_device
@each_function
@given(problem=problems())
def test_the_contract_holds_for_any_rows(name, device, problem):
    check_contract(of_arrays(FUNCTIONS[name], device), problem)


@on_each_device
@each_function
def test_what_is_refused_of_arrays_is_refused(name, device):
    check_refusals(of_arrays(FUNCTIONS[name], device))


@each_function
@pytest.mark.parametrize(
    "X",
    [
        np.array([[0.0, 1.0], [np.nan, 1.0]]),
        np.array([[0.0, 1.0], [1.0, -np.inf]]),
        np.ones((2, 2, 2)),
        np.ones((2, 2), dtype=np.complex64),
    ],
    ids=["nan", "infinity", "three dimensions", "complex"],
)
def test_refusals_are_worded_alike(name, X):
    with pytest.raises((TypeError, ValueError)) as of_array:
        FUNCTIONS[name](X, 1, rng=rng())
    with pytest.raises(of_array.type) as of_tensor:
        FUNCTIONS[name](torch.tensor(X), 1, rng=rng())
    assert str(of_tensor.value) == str(of_array.value)


@pytest.mark.parametrize("name", ["k_center", "d2_sampling"])
def test_large_finite_numbers_are_no_infinity(name):
    X = torch.tensor([[3e38, 3e38], [-3e38, 3e38], [3e38, 1e38]])
    assert len(FUNCTIONS[name](X, 2, rng=rng())) == 2


@each_function
def test_sparse_tensors_are_refused_in_words(name):
    with pytest.raises(TypeError, match="layout torch.sparse_coo; give a dense tensor, or a CSR"):
        FUNCTIONS[name](torch.eye(3).to_sparse(), 1, rng=rng())


@each_function
def test_a_gradient_is_neither_needed_nor_kept(name):
    X = torch.tensor(data.gaussian(50)).requires_grad_()
    expected = FUNCTIONS[name](X.detach(), 9, rng=rng())
    np.testing.assert_array_equal(FUNCTIONS[name](X * 1, 9, rng=rng()), expected)
    with torch.inference_mode():
        np.testing.assert_array_equal(FUNCTIONS[name](X * 1, 9, rng=rng()), expected)
    assert X.grad is None


@on_each_device
@each_function
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int8, torch.int64])
def test_numbers_that_a_dtype_can_hold_are_chosen_alike(name, dtype, device):
    X = torch.tensor(8 * data.gaussian(300)).to(dtype)
    expected = FUNCTIONS[name](X.double().numpy(), 25, rng=rng())
    np.testing.assert_array_equal(FUNCTIONS[name](X.to(device), 25, rng=rng()), expected)


@each_function
def test_however_a_tensor_lies_its_rows_are_chosen_alike(name, small_pieces):
    X = torch.tensor(data.gaussian(120), dtype=torch.float32)
    wide, long = torch.zeros(120, 20), torch.zeros(240, 8)
    wide[:, ::2][:, :8], wide[:, 10:18], long[::2] = 0, X, X
    expected = FUNCTIONS[name](X, 9, centers=CENTERS, rng=rng())
    for same in (wide[:, 10:18], long[::2], X.T.contiguous().T, X.repeat(1, 2)[:, 8:]):
        picks = FUNCTIONS[name](same, 9, centers=CENTERS, rng=rng())
        np.testing.assert_array_equal(picks, expected)
    repeated = X[:1].expand(30, 8)
    assert len(FUNCTIONS[name](repeated, 9, rng=rng())) == 9


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor made in between holds; views are not made."""

    n_bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            for tensor in out if isinstance(out, (tuple, list)) else [out]:
                if isinstance(tensor, torch.Tensor) and tensor is not args[0]:
                    self.n_bytes = max(self.n_bytes, tensor.numel() * tensor.element_size())
        return out


@each_function
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_pool_is_not_copied_nor_anything_as_long_and_wide_made(name, dtype):
    X = torch.tensor(data.gaussian(50_000, 64)).to(dtype)
    with Largest() as largest:
        FUNCTIONS[name](X, 20, centers=np.arange(30), rng=rng())
    # A piece as float64, or one number for each row; what is compared with 50 others is in pieces.
    assert largest.n_bytes <= max(arrays.CHUNK_BYTES, 8 * len(X)) + 8 * 64 * 64


# k_center


@on_each_device
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("centers", [[], CENTERS], ids=["no centres", "centres"])
@pytest.mark.parametrize("pool", data.POOLS)
def test_k_center_picks_what_it_picks_of_arrays(pool, centers, dtype, device):
    X = data.POOLS[pool](300).astype(dtype)
    picks = k_center(torch.tensor(X, device=device), 60, centers=centers, rng=rng())
    naive_k_center.assert_greedy(picks, X, np.arange(len(X)), centers)
    if pool != "duplicated":  # among equals each way draws its own
        np.testing.assert_array_equal(picks, k_center(X, 60, centers=centers, rng=rng()))


@pytest.mark.parametrize("pool", data.POOLS)
def test_in_pieces_k_center_picks_the_same(pool, small_pieces):
    X = data.POOLS[pool]().astype(np.float32)
    picks = k_center(torch.tensor(X), 30, centers=CENTERS, rng=rng())
    naive_k_center.assert_greedy(picks, X, np.arange(len(X)), CENTERS)


@on_each_device
def test_the_first_pick_is_the_candidate_nearest_the_mean_of_the_candidates(device):
    X, candidates = data.gaussian() + np.arange(200.0)[:, None], np.arange(50, 90)
    picks = k_center(torch.tensor(X, device=device), 3, candidates=candidates, rng=rng())
    naive_k_center.assert_greedy(picks, X, candidates, [])


@on_each_device
def test_on_every_device_even_ties_are_broken_alike(device):
    X = torch.tensor(data.duplicated(400)).bfloat16()
    expected = k_center(X, 120, rng=rng())
    np.testing.assert_array_equal(k_center(X.to(device), 120, rng=rng()), expected)


@on_each_device
@pytest.mark.parametrize("pool", data.POOLS)
def test_known_distances_give_the_same_picks(pool, device):
    X = data.POOLS[pool]()
    known = data.read_only(nearest_squared_distances(X, CENTERS))
    tensor = torch.tensor(X, device=device)
    picks = k_center(tensor, 30, centers=CENTERS, distances=known, rng=rng())
    naive_k_center.assert_greedy(picks, X, np.arange(len(X)), CENTERS)
    nothing = np.full(len(X), np.inf)
    np.testing.assert_array_equal(
        k_center(tensor, 9, distances=nothing, rng=rng()), k_center(tensor, 9, rng=rng())
    )


@on_each_device
@pytest.mark.parametrize(
    "X",
    [
        np.repeat(data.gaussian(4), 60, axis=0) + 1e-6 * data.gaussian(240, seed=1),
        data.gaussian() + 1e4,
        data.gaussian() + 1e6,
        np.r_[data.gaussian(), np.full((1, 8), 1e6)],
        data.gaussian() * 1e-12,
        data.gaussian() * 1e-30,
        data.gaussian() * 1e18,
        data.gaussian() * 1e30,
        np.floor(3 * data.gaussian(200, 2)),
    ],
    ids=["tight", "offset", "far", "outlier", "small", "tiny", "large", "huge", "grid"],
)
def test_where_single_precision_tells_little_every_pick_is_the_farthest(X, device):
    X = X.astype(np.float32)
    picks = k_center(torch.tensor(X, device=device), 40, rng=rng())
    naive_k_center.assert_greedy(picks, X, np.arange(len(X)), [])


def test_bounds_become_double_where_single_ones_leave_much_in_doubt(monkeypatch):
    refined = []
    refine = bounds.TensorBounds.refine
    monkeypatch.setattr(
        bounds.TensorBounds, "refine", lambda self: refined.append(1) or refine(self)
    )
    X = np.repeat(data.gaussian(4), 300, axis=0) + 1e-6 * data.gaussian(1200, seed=1)
    X = X.astype(np.float32)
    picks = k_center(torch.tensor(X), 20, rng=rng())
    assert refined
    naive_k_center.assert_greedy(picks, X, np.arange(len(X)), [])


def test_of_spread_out_rows_few_are_ever_in_doubt(monkeypatch):
    doubtful = []
    among = k_center_on_tensor._EagerSearch._among
    monkeypatch.setattr(
        k_center_on_tensor._EagerSearch,
        "_among",
        lambda self, rows: doubtful.append(len(rows)) or among(self, rows),
    )
    k_center(torch.tensor(data.gaussian(5000, 64), dtype=torch.float32), 100, rng=rng())
    assert len(doubtful) < 20


@on_each_device
@pytest.mark.parametrize("offset", [0.0, 1.0, 300.0])
@pytest.mark.parametrize("width", [1, 7, 400])
def test_bounds_hold_from_above_and_from_below(offset, width, device):
    X = torch.tensor(data.clustered(500, width) + offset, dtype=torch.float32, device=device)
    shift = common.middle_of(X)
    passes, upper = bounds.TensorBounds(X, shift), torch.full((500,), torch.inf, device=device)
    picks = torch.arange(0, 500, 50, device=device)
    for pick in picks:
        passes.lower(upper, pick[None])
    exact = torch.full((500,), torch.inf, dtype=torch.float64, device=device)
    exact = distances.lowered(exact, X, torch.arange(500, device=device), picks, shift)
    assert (upper >= exact).all()
    least = [passes.least(*pair) for pair in zip(upper.tolist(), passes.base.tolist(), strict=True)]
    assert (np.array(least) <= exact.cpu().numpy()).all()
    if not offset:  # and they are of use
        assert (upper.double() - exact).max() < 1e-3 * exact.max()


@pytest.mark.parametrize("rough", [0.0, 2.0**-6])
@pytest.mark.parametrize(("offset", "outlier"), [(0.0, 0.0), (300.0, 0.0), (50.0, 100.0)])
@pytest.mark.parametrize("width", [1, 7, 400])
def test_what_is_added_to_bounds_covers_what_rounding_may_take(
    monkeypatch, width, offset, outlier, rough
):
    """By the proof in `TensorBounds`; and it is not many times that.

    No rows are looked for whose products round worst: bounds are what they would be then.
    """
    monkeypatch.setattr(bounds, "product_error", lambda: rough)
    X = torch.tensor(data.clustered(100, width) + offset, dtype=torch.float32)
    X[1, 0] += outlier
    passes = bounds.TensorBounds(X, common.middle_of(X))
    x, shift = X.double().numpy(), passes.shift.numpy()
    r, w = x - shift, np.vstack([x - shift, 0 * shift])
    rr, ww = np.square(r).sum(axis=1)[:, None], np.square(w).sum(axis=1)
    q = np.sqrt(np.square(x).sum(axis=1)[:, None] * ww)
    taken = 2.0**-24 * ((2 * width + 10) * q + 5 * rr + 4 * ww) + 2 * rough * q
    of_picks = passes._constant(torch.tensor(w)).double().numpy() - (ww + 2 * w @ shift)
    added = passes.base.double().numpy()[:, None] - rr + of_picks
    assert (added >= taken).all()
    assert added.mean() < 4 * taken.mean()
    exact, bases = np.square(r[:, None] - w).sum(axis=2), passes.base.tolist()
    worst = exact + added + taken
    least = [[passes.least(b, base) for b in row] for row, base in zip(worst, bases, strict=True)]
    assert (least <= exact).all()
    assert (worst - least).mean() < 20 * taken.mean()


class Rough(TorchDispatchMode):
    """Products of float32 are made of factors that bfloat16 can hold."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in ("mm", "mv", "addmm", "addmv"):
            args = (*args[:-2], *map(self.rounded, args[-2:]))
        return func(*args, **(kwargs or {}))

    def rounded(self, factor):
        return factor.bfloat16().float() if factor.dtype == torch.float32 else factor


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_rough_products_that_a_user_allows_change_no_pick(precision):
    X = data.clustered(300).astype(np.float32)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        assert common.product_error() > 0
        with Rough():
            picks = k_center(torch.tensor(X), 40, rng=rng())
            sampled = d2_sampling((torch.tensor(X),), 40, rng=rng())
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_array_equal(picks, k_center(X, 40, rng=rng()))
    assert len(set(sampled.tolist())) == 40


def test_copies_are_equally_likely_wherever_they_stand():
    X = rng(5).normal(size=(37, 3))
    X[[2, 9, 20, 36]] = 10.0
    X = torch.tensor(X)
    picks = [k_center(X, 1, centers=[0], rng=rng(seed))[0] for seed in range(300)]
    rows, counts = np.unique(picks, return_counts=True)
    assert rows.tolist() == [2, 9, 20, 36]
    assert chisquare(counts).pvalue > 1e-4


@on_each_device
def test_each_row_comes_once_before_any_copy(device):
    X = data.duplicated()
    picks = k_center(torch.tensor(X, device=device), 200, rng=rng())
    assert sorted(picks.tolist()) == list(range(200))
    assert len(np.unique(X[picks[:50]], axis=0)) == 50


def test_rows_without_columns_are_all_equal():
    assert sorted(k_center(torch.empty(3, 0), 5, rng=rng()).tolist()) == [0, 1, 2]
    assert k_center(torch.empty(0, 3), 5, rng=rng()).tolist() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"embedding": torch.tensor([[0], [1e200], [-1e200], [1]], dtype=torch.float64)},
            "overflows",
        ),
        ({"distances": [1.0]}, "shape"),
        ({"distances": [0.0, -1.0, 0.0, 0.0]}, "-1.0 at row 1"),
        ({"distances": [0.0, 1.0, np.inf, 0.0]}, "infinite at row 2"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    arguments = {"embedding": torch.ones(4, 1), "n": 2, "rng": rng()} | change
    with pytest.raises(ValueError, match=message):
        k_center(**arguments)


@on_each_device
@pytest.mark.parametrize("shape", [(3, 1), (4, 5), (7, 64), (2, 101)])
def test_sums_are_folded_to_the_same_bits_wherever_a_row_lies(shape, device):
    X = torch.tensor(data.gaussian(*shape))
    sums = common.folded(X.clone().to(device)).cpu()
    np.testing.assert_allclose(sums, X.sum(dim=1), rtol=1e-13)
    alone = torch.stack([common.folded(X[i : i + 1].clone())[0] for i in range(len(X))])
    assert torch.equal(sums, alone)
    assert torch.equal(common.folded(X.T.clone().T), alone)


# D^2 sampling


@on_each_device
@pytest.mark.parametrize("n_factors", [1, 2])
@pytest.mark.parametrize("pool", [name for name in SMALL if name != "words"])
def test_sequences_come_as_often_as_the_twin_says(pool, n_factors, device):
    factors = factored(SMALL[pool], n_factors)
    g = naive_d2_sampling.vectors(factors)
    tensors = tuple(torch.tensor(factor, device=device) for factor in factors)
    slow = 1 if device in ("cpu", "cuda") else 10  # the pretended one runs the same lines

    def drawn(n, n_draws, **options):
        random, counts = rng(), {}
        for _ in range(n_draws):
            picks = tuple(d2_sampling(tensors, n, rng=random, **options).tolist())
            counts[picks] = counts.get(picks, 0) + 1
        return counts

    refuse_chance(drawn(3, 300 // slow), naive_d2_sampling.sequence_probabilities(g, 3, range(6)))
    expected = naive_d2_sampling.sequence_probabilities(g, 2, [1, 2, 4, 5], centers=[3, 0])
    refuse_chance(drawn(2, 200 // slow, candidates=[1, 2, 3, 4, 5], centers=[3, 0]), expected)


@on_each_device
def test_a_seed_draws_the_same_rows_from_tensors_as_from_arrays(device):
    a, h = (np.rint(8 * data.gaussian(400, width, seed=width)) for width in (3, 9))
    for factors in ((h,), (a, h), (np.ones((400, 1)), h)):
        tensors = tuple(torch.tensor(factor, device=device) for factor in factors)
        for n in (60, 390):
            expected = d2_sampling(factors, n, rng=rng())
            np.testing.assert_array_equal(d2_sampling(tensors, n, rng=rng()), expected)


def test_one_factor_may_be_an_array():
    a, h = np.rint(8 * data.gaussian(50, 2)), torch.tensor(np.rint(8 * data.gaussian(50, 5)))
    expected = d2_sampling((torch.tensor(a), h), 20, rng=rng())
    for factors in ((a, h), (torch.tensor(a), h.numpy())):
        np.testing.assert_array_equal(d2_sampling(factors, 20, rng=rng()), expected)
    with pytest.raises(TypeError, match="a tensor and a sparse matrix; give two tensors"):
        d2_sampling((sparse.csr_matrix(a), h), 20, rng=rng())


@on_each_device
def test_rows_too_close_for_single_precision_are_drawn_before_their_copies(device):
    # A length of 1e4 and distances of 1e-3: float32 sees nothing of these.
    h = data.gaussian(250, 4) * 1e-3 + 1e4 * np.eye(4)[rng().integers(4, size=250)]
    h = torch.tensor(np.repeat(h, 2, axis=0), device=device)
    for factors in ((h,), (torch.full((500, 2), 0.5, device=device), h)):
        picks = d2_sampling(factors, 60, rng=rng())
        assert len(h[picks].unique(dim=0)) == 60


def factors_and_distances(*factors):
    """Vectors of tensors, and the squared distance of each to each, from their outer products."""
    g = naive_d2_sampling.vectors(factors)
    exact = np.square(g[:, None] - g).sum(axis=2)
    return factored_on_tensor.FactoredTensors([torch.tensor(factor) for factor in factors]), exact


@pytest.mark.parametrize("n_factors", [1, 2])
def test_distances_of_near_duplicates_keep_their_digits(n_factors):
    h = np.repeat(data.gaussian(5, 4), 6, axis=0) + 1e-7 * data.gaussian(30, 4, seed=1)
    vectors, exact = factors_and_distances(*(data.gaussian(30, 3), h)[-n_factors:])
    every = vectors.block(slice(None))
    np.testing.assert_allclose(vectors.squared_distances(every, every), exact, rtol=1e-8)


@pytest.mark.parametrize("rough", [0.0, 2.0**-6])
@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e-19, 1.0, 1e6])
@pytest.mark.parametrize("n_factors", [1, 2])
def test_bounds_in_single_precision_are_never_below_the_distances(
    monkeypatch, n_factors, scale, rough
):
    inner, largest_error = factored_on_tensor._inner, (1 + 0.9 * rough) ** n_factors
    monkeypatch.setattr(factored_on_tensor, "product_error", lambda: rough)
    monkeypatch.setattr(factored_on_tensor, "_inner", lambda x, y: inner(x, y) * largest_error)
    factors = (data.gaussian(50, 3), scale * data.gaussian(50, 4, seed=1))[-n_factors:]
    vectors, exact = factors_and_distances(*factors)
    upper = np.full(50, np.inf)
    vectors.lower(upper, np.arange(10))
    assert (upper >= exact[:, :10].min(axis=1)).all()


@pytest.mark.parametrize("scale", [1e-40, 1e60])
def test_a_scale_that_float32_cannot_hold_is_no_obstacle(scale):
    h = data.gaussian(60, 4)
    picks = d2_sampling((torch.tensor(h * scale),), 30, rng=rng())
    assert picks[0] == np.square(h).sum(axis=1).argmax()
    assert len(set(picks.tolist())) == 30


def test_factors_that_cannot_be_are_refused():
    for factors, message in [
        ((torch.ones(3, 2), torch.ones(4, 2)), "got a with 3 rows and h with 4"),
        ((torch.tensor([[1.0], [1e200]], dtype=torch.float64),), "row 1 is so long"),
        (torch.ones(2, 2), "got Tensor; give a tuple"),
        ((torch.tensor([[1.0, np.nan]]), torch.ones(1, 2)), "got a with NaN or infinity in row 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            d2_sampling(factors, 1, rng=rng())


# k_means


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_k_means_clusters_rows_at_the_ends_of_what_floats_hold(dtype):
    X = np.repeat(np.arange(6.0), 10)[:, None] + 0.01 * data.gaussian(60, 3)
    largest = np.finfo(dtype).maxexp
    for exponent in (-largest - 8, -largest // 2 - 20, largest // 2 + 20, largest - 12):
        changed = torch.from_numpy(np.ldexp(X, exponent).astype(dtype))
        picks = k_means(changed, 6, centers=[], rng=rng())
        assert sorted(picks // 10) == [0, 1, 2, 3, 4, 5]
    far_below = torch.from_numpy(np.ldexp(X, -largest // 2 - 20).astype(dtype))
    assert len(set(k_means(far_below, 6, centers=[0], rng=rng()))) == 6


@on_each_device
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_separate_clusters_the_same_rows_are_chosen_as_of_arrays(dtype, device):
    X = (np.repeat(np.arange(6.0) * 30, 20)[:, None] + data.gaussian(120, 3)).astype(dtype)
    for seed in range(5):
        for options in ({}, {"centers": [0, 60]}, {"candidates": np.arange(0, 120, 2)}):
            expected = k_means(X, 5, rng=rng(seed), **options)
            tensor = torch.tensor(X, device=device)
            np.testing.assert_array_equal(k_means(tensor, 5, rng=rng(seed), **options), expected)


@on_each_device
@pytest.mark.parametrize("pool", data.POOLS)
def test_each_row_is_with_the_nearest_mean_or_its_centre(pool, device, small_pieces):
    X, rows = data.POOLS[pool](), np.setdiff1d(np.arange(200), CENTERS)
    blocks = TensorBlocks(torch.tensor(X, device=device), rows)
    labels, squared, *_ = lloyd(blocks, 10, blocks.reach(CENTERS), rng())
    reach = ((X[rows, None] - X[CENTERS]) ** 2).sum(axis=2).min(axis=1)
    means = np.array([X[rows[labels == label]].mean(axis=0) for label in range(10)])
    to_means = ((X[rows, None] - means) ** 2).sum(axis=2)
    assert (labels < 0).any()
    np.testing.assert_allclose(
        squared,
        np.minimum(to_means.min(axis=1), reach),
        rtol=0.05,
        atol=2e-3 * X.var(axis=0).sum(),
    )


@pytest.mark.parametrize("pool", data.POOLS)
def test_clusters_are_as_tight_as_those_of_arrays(pool):
    X = data.POOLS[pool]().astype(np.float32)

    def inertia(vectors, seed):
        picks = k_means(vectors, 12, rng=rng(seed))
        nearest = ((X[:, None] - X[picks]) ** 2).sum(axis=2).argmin(axis=1)
        return naive_clusters.squared_to_means(X, nearest).sum()

    ours, theirs = ([inertia(v, seed) for seed in range(8)] for v in (torch.tensor(X), X))
    assert np.mean(ours) <= 1.05 * np.mean(theirs)


def test_copies_of_labelled_rows_come_last():
    X = torch.tensor([[0.0], [5.0], [0.0], [7.0], [0.0], [7.0]])
    for seed in range(10):
        picks = k_means(X, 5, centers=[0], rng=rng(seed))
        assert set(picks[3:]) == {2, 4}


def test_large_offsets_and_scales_cost_no_clusters():
    X = np.repeat(np.arange(6.0), 10)[:, None] + 0.01 * data.gaussian(60, 3)
    for changed in (X + 1e7, X * 1e-150, X * 1e150, (X + 1e4).astype(np.float32)):
        picks = k_means(torch.tensor(changed), 6, rng=rng())
        assert sorted(picks // 10) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("options", [{}, {"candidates": np.arange(0, 200, 2)}])
def test_a_scale_without_rounding_changes_no_pick_beside_centres(options):
    X = data.gaussian().astype(np.float32)
    picks, scaled = (
        k_means(torch.tensor(rows), 9, centers=CENTERS, rng=rng(), **options)
        for rows in (X, X * np.float32(2.0**20))
    )
    np.testing.assert_array_equal(scaled, picks)


def test_an_empty_cluster_starts_again_at_one_of_the_worst_rows_as_of_arrays():
    X = data.gaussian(30, 3)
    means, sizes = X[:4].copy(), np.array([20, 0, 10, 0])
    sums, distances = rng(1).normal(size=(4, 3)), np.square(X).sum(axis=1)
    expected = lloyd_of_arrays._moved(blocks_of_arrays.Blocks(X), sums, sizes, means, distances)
    tensors = map(torch.tensor, (sums, sizes, means, distances))
    moved = k_means_on_tensor._moved(TensorBlocks(torch.tensor(X)), *tensors)
    np.testing.assert_allclose(moved, expected, rtol=1e-12)
    worst = X[distances.argsort()[-2:]] - X.mean(axis=0)
    np.testing.assert_allclose(moved[[3, 1]], worst, rtol=1e-12)
