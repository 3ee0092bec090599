"""The attacks on nets, against loops of one row at a time and closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
import naive_attacks  # noqa: E402
from torch import nn  # noqa: E402

from skactive.models.attacks import bim, deepfool, has_gradient  # noqa: E402

INF = math.inf
ATTACKS = {"deepfool": (deepfool, naive_attacks.deepfool), "bim": (bim, naive_attacks.bim)}
both = pytest.mark.parametrize(("attack", "twin"), ATTACKS.values(), ids=ATTACKS)
each = pytest.mark.parametrize("attack", [deepfool, bim])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def cnn():
    """A net for images of 8 x 8 with 6 classes, with what behaves otherwise in training."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(64, 6),
    )
    return net.double().eval()


def mlp(n_classes=5):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(7, 16), nn.ReLU(), nn.Linear(16, n_classes)).double().eval()


def rows(n, *shape, dtype=torch.float64):
    return torch.randn(n, *shape, generator=seeded(2), dtype=dtype)


CASES = {"cnn": (cnn, (1, 8, 8)), "mlp": (mlp, (7,)), "two classes": (lambda: mlp(2), (7,))}


@both
@pytest.mark.parametrize(("make", "shape"), CASES.values(), ids=CASES)
def test_a_batch_gives_what_a_loop_over_rows_gives(attack, twin, make, shape):
    net, x = make(), rows(40, *shape)
    expected = twin(net, x)
    assert 0 < expected.min() < expected.median() < INF
    torch.testing.assert_close(attack(net, x), expected)


@both
def test_a_cap_leaves_some_rows_and_infinity_for_the_others_as_in_a_loop(attack, twin):
    net, x = cnn(), rows(40, 1, 8, 8)
    lengths = attack(net, x, max_steps=1)
    assert 0 < lengths.isinf().sum() < 40
    torch.testing.assert_close(lengths, twin(net, x, max_steps=1))


@pytest.mark.parametrize("n_candidates", [1, 2, 99])
def test_deepfool_looks_at_so_many_classes(n_candidates):
    net, x = mlp(), rows(40, 7)
    expected = naive_attacks.deepfool(net, x, n_candidates=n_candidates)
    torch.testing.assert_close(deepfool(net, x, n_candidates=n_candidates), expected)


@each
def test_a_rows_length_does_not_depend_on_the_rows_beside_it(attack):
    net, x = cnn(), rows(30, 1, 8, 8)
    together = attack(net, x)
    one_by_one = torch.cat([attack(net, row[None]) for row in x])
    torch.testing.assert_close(together, one_by_one)
    order = torch.randperm(30, generator=seeded())
    torch.testing.assert_close(attack(net, x[order]), together[order])


@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 10**6), st.integers(-3, 3))
def test_one_step_of_deepfool_is_exact_for_a_linear_net(n_classes, d, seed, exponent):
    generator = seeded(seed)
    weights = torch.randn(n_classes, d, generator=generator, dtype=torch.float64) * 10.0**exponent
    bias = torch.randn(n_classes, generator=generator, dtype=torch.float64)
    x = torch.randn(10, d, generator=generator, dtype=torch.float64)
    lengths = deepfool(lambda x: x @ weights.T + bias, x, max_steps=1)
    for row, length in zip(x, lengths, strict=True):
        values = weights @ row + bias
        y = int(values.argmax())
        distances = [
            float((values[y] - values[c]) / (weights[y] - weights[c]).norm())
            for c in range(n_classes)
            if c != y
        ]
        assert float(length) == pytest.approx(min(distances), rel=1e-9)


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1], [2, 1, 0], [1, 0, 2]])
def test_the_nearest_class_counts_wherever_it_stands(order):
    weights = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 0.5]])[order]
    bias = torch.tensor([2.0, 0.0, 1.5])[order]  # 2 / 4 to one class, .5 / .5 to the likelier one
    lengths = deepfool(lambda x: x @ weights.T + bias, torch.zeros(1, 2))
    assert lengths.tolist() == pytest.approx([0.5])


def test_bim_moves_each_value_by_whole_steps():
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # the third value has no gradient
    lengths = bim(lambda x: x @ weights.T, torch.tensor([[3.0, 1.0, 7.0]]), step=0.375)
    assert lengths.tolist() == pytest.approx([3 * 0.375 * 2**0.5])


@each
def test_a_confident_net_of_two_classes_gives_the_lengths_of_one_less_confident(attack):
    net, x = mlp(2), rows(20, 7)
    sure = 2.0**40  # the cross-entropy of every prediction is 0, and so is its gradient
    assert nn.functional.cross_entropy(sure * net(x), net(x).argmax(1)).item() == 0.0
    torch.testing.assert_close(attack(lambda x: sure * net(x), x), attack(net, x))


@each
def test_a_saturated_net_ends_in_infinity_at_once(attack):
    weights, sizes = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]), []

    def forward(x):
        sizes.append(len(x))
        return torch.tanh(1e4 * x @ weights.T)

    assert attack(forward, torch.full((3, 2), 5.0)).tolist() == [INF] * 3
    assert sizes == [3]


@each
def test_a_net_that_never_changes_its_mind_is_left_after_the_last_step(attack):
    weights, sizes = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), []

    def forward(x):  # falls towards 1, and never meets the 0 of the other class
        sizes.append(len(x))
        return torch.exp(x.clamp(max=3.0)) @ weights.T

    assert attack(forward, torch.ones(2, 2), max_steps=7).tolist() == [INF] * 2
    assert sizes == [2] * 8


@each
def test_dead_units_end_in_infinity_beside_rows_that_live(attack):
    weights = torch.tensor([[1.0, 0.0], [0.0, 1.0]])

    def forward(x):
        return torch.relu(x) @ weights.T + torch.tensor([0.5, 0.0])

    lengths = attack(forward, torch.tensor([[-9.0, -9.0], [0.25, 0.25], [-9.0, -8.0]]))
    assert lengths.isinf().tolist() == [True, False, True]
    assert 0 < lengths[1] < 1


@each
def test_rows_whose_classes_tie_are_no_distance_away(attack):
    weights = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    x = torch.tensor([[2.0, 2.0], [0.0, 0.0], [3.0, 1.0]])
    lengths = attack(lambda x: x @ weights.T, x)
    assert lengths[:2].tolist() == [0.0, 0.0]
    assert lengths[2] > 1


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_a_boundary_within_rounding_is_reached(offset):
    generator = seeded(3)
    weights = torch.randn(2, 50, generator=generator)
    x = torch.randn(200, 50, generator=generator) + offset
    normal = weights[0] - weights[1]
    x = x - (x @ normal / normal.square().sum())[:, None] * normal  # onto the boundary
    lengths = deepfool(lambda x: x @ weights.T, x)
    assert lengths.max() < 1e-4 * max(offset, 1.0)


def test_a_step_below_the_rounding_of_the_rows_is_not_taken_in_vain():
    tilt = torch.tensor([[0.5], [-0.5]])
    x = torch.full((1, 1), 1000.0)  # whose next number is 6e-5 away
    lengths = deepfool(lambda x: (x - 1000.0) @ tilt.T + torch.tensor([1e-7, 0.0]), x)
    assert 0 <= lengths.item() < 2e-3


@each
def test_probabilities_of_zero_are_far_away_and_not_nan(attack):
    x = torch.tensor([[0.0], [200.0]])
    scale = torch.tensor([[1.0, -1.0]])
    lengths = attack(lambda x: torch.softmax((x + 0.1) * scale, dim=1).log(), x)
    assert 0 < lengths[0] < 0.2
    assert lengths[1] == INF


@each
def test_rows_that_have_changed_are_no_longer_moved(attack):
    net, x, sizes = cnn(), rows(40, 1, 8, 8), []

    def forward(x):
        sizes.append(len(x))
        return net(x)

    attack(forward, x)
    assert sizes[0] == 40
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 20


def test_where_many_have_changed_only_the_others_are_gone_back_through():
    weights, sizes = torch.tensor([[1.0], [0.0]]), []

    def forward(x):
        sizes.append(len(x))
        return x @ weights.T

    lengths = bim(forward, torch.tensor([[0.5], [0.25], [2.5]]), step=1.0)
    assert lengths.tolist() == [1.0, 1.0, 3.0]
    assert sizes == [3, 3, 1, 1, 1]  # the third row is looked at anew, without the first two


@each
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_neither_net_nor_rows_are_touched_whatever_autograd_is_set_to(attack, mode):
    net = cnn()
    with mode():
        x = rows(5, 1, 8, 8)
        kept, state = x.clone(), {name: value.clone() for name, value in net.state_dict().items()}
        lengths = attack(net, x)
        assert torch.is_grad_enabled() == (mode is torch.enable_grad)
    assert not lengths.requires_grad
    assert torch.equal(x, kept)
    assert not x.requires_grad
    assert all(parameter.grad is None for parameter in net.parameters())
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert not any(module.training for module in net.modules())


@each
def test_gradients_that_parameters_have_stay_what_they_are(attack):
    net = mlp()
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    attack(net, rows(5, 7))
    assert all((parameter.grad == 3.0).all() for parameter in net.parameters())


@each
def test_frozen_nets_and_first_layers_that_write_to_their_input_serve(attack):
    net, x = mlp(), rows(10, 7).abs()
    frozen = nn.Sequential(nn.ReLU(inplace=True), *mlp()).requires_grad_(False)
    kept = x.clone()
    lengths = attack(frozen, x)
    assert torch.equal(x, kept)
    torch.testing.assert_close(lengths, attack(lambda x: net(torch.relu(x)), x))


@pytest.mark.parametrize(
    ("dtype", "returned"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
    ],
)
def test_lengths_are_of_the_rows_precision_or_float32(dtype, returned):
    weights = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=dtype)
    lengths = deepfool(lambda x: x @ weights.T, torch.tensor([[3.0, 1.0]], dtype=dtype))
    assert lengths.dtype == returned
    assert lengths.tolist() == pytest.approx([2**0.5], rel=0.02)


@each
def test_no_rows_have_no_lengths(attack):
    assert attack(mlp(), torch.zeros(0, 7)).tolist() == []


@each
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_integers_are_refused(attack, dtype):
    with pytest.raises(ValueError, match=f"inputs of {dtype} .* give floats, or for token ids"):
        attack(mlp(), torch.ones(2, 7, dtype=dtype))


CUT = {
    "detached": lambda x: mlp()(x.detach()),
    "looked up": lambda x: nn.Embedding(9, 4)(x.abs().long()).sum(1),
    "constant": lambda x: torch.tensor([[1.0, 2.0]] * len(x)),
    "by numpy": lambda x: torch.from_numpy(x.numpy()[:, :2]),
}


@each
@pytest.mark.parametrize("forward", CUT.values(), ids=CUT)
def test_an_output_without_a_gradient_in_the_inputs_is_refused(attack, forward):
    with pytest.raises(ValueError, match=r"no gradient in its inputs .* such as 'margin'"):
        attack(forward, rows(3, 7))


@each
def test_what_fails_after_the_first_step_is_no_lack_of_gradients(attack):
    net, calls = mlp(), []

    def forward(x):
        calls.append(len(x))
        if len(calls) > 1:
            raise RuntimeError("out of luck")
        return net(x)

    with pytest.raises(RuntimeError, match="out of luck"):
        attack(forward, rows(9, 7))


def test_memory_that_is_short_is_no_lack_of_gradients():
    def forward(x):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        bim(forward, rows(3, 7))


def test_a_gradient_is_found_where_units_are_dead_or_saturated_and_none_of_what_is_rounded():
    weights = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    dead, sure = torch.full((3, 2), -5.0), torch.full((3, 2), 5.0)
    assert has_gradient(lambda x: torch.relu(x) @ weights.T, dead)
    assert has_gradient(lambda x: torch.tanh(40 * x) @ weights.T, sure)
    for x in (dead, sure, rows(9, 2, dtype=torch.float32)):
        assert not has_gradient(lambda x: (4 * x).round() @ weights.T, x)
        assert not has_gradient(lambda x: x.sign() @ weights.T, x)


WRONG = {
    "one column": (lambda x: x[:, :1], r"shape \(3, 1\) for 3 rows; .*two columns"),
    "no columns": (lambda x: x[:, 0], r"shape \(3,\) for 3 rows"),
    "too many rows": (lambda x: torch.cat([x, x]), r"shape \(6, 7\) for 3 rows"),
    "nan": (lambda x: x * math.nan, "NaN or infinite logits"),
    "infinite": (lambda x: x + INF, "NaN or infinite logits"),
}


@each
@pytest.mark.parametrize(("forward", "message"), WRONG.values(), ids=WRONG)
def test_what_are_no_logits_are_refused(attack, forward, message):
    with pytest.raises(ValueError, match=message):
        attack(forward, rows(3, 7))
