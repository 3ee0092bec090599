"""Nets on a GPU, or on one that is pretended: nothing meets across devices, and the same is asked.

On a real GPU sums round otherwise, so that only there picks may differ.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

import nets  # noqa: E402
from devices import GPUS, PRETENDED, on_gpus  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402
from skorch.dataset import Dataset, ValidSplit  # noqa: E402
from skorch.helper import predefined_split  # noqa: E402
from test_torch_model import FOR_ALL, FOR_CLASSIFIERS, FOR_REGRESSORS  # noqa: E402

from skactive import ActiveLearner, embed  # noqa: E402
from skactive.data.datasets import Augmented  # noqa: E402
from skactive.strategies import AdversarialBIM, BatchBALD, Dropout, Subpool  # noqa: E402

X, TRUTH = nets.digits(150)
IMAGES = X.reshape(-1, 1, 8, 8)
Y = nets.hidden(TRUTH, 70)


@pytest.fixture(autouse=True)
def swapped():
    """A pretended tensor cannot become the content of another, so parameters are swapped."""
    before = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    yield
    torch.__future__.set_swap_module_params_on_conversion(before)


def asked(learner, rows, y, truth, n=4):
    """What is asked in two rounds, and what the model then says."""
    learner.fit(rows, y)
    first, _ = learner.query(n_instances=n)
    learner.teach(first, truth[first])
    second, _ = learner.query(n_instances=n)
    return [*first, *second], learner.predict(rows)


def check_alike(make, device, rows=X, y=Y, truth=TRUTH):
    """On a device as in memory: the same picks, and predictions as good as equal."""
    (here, known), (there, found) = (asked(make(d), rows, y, truth) for d in ("cpu", device))
    assert len(set(there)) == 8
    if device == PRETENDED:
        assert there == here
        np.testing.assert_array_equal(found, known)


def learner(net, strategy, **params):
    return ActiveLearner(net, strategy, classes=range(10), random_state=0, **params)


# The device that is pretended


@pytest.mark.parametrize("device", [GPUS[-1]])
def test_what_is_pretended_refuses_what_a_gpu_refuses_and_computes_what_memory_does(device):
    here = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    there = here.to(device)
    assert there.device.type == PRETENDED
    for apart in (
        lambda: there @ here.T,
        lambda: torch.cat([here, there]),
        lambda: here[there[0].long()],
        lambda: torch.where(there > 0, there, here),
    ):
        with pytest.raises(RuntimeError, match="to be on the same device"):
            apart()
    for as_array in (there.numpy, lambda: np.asarray(there)):
        with pytest.raises(TypeError, match="can't convert"):
            as_array()
    assert torch.equal((there @ there.T).cpu(), here @ here.T)
    there[1:, 0] += 1.0
    assert torch.equal(there.cpu()[:, 0], here[:, 0] + torch.tensor([0.0, 1.0, 1.0]))
    weights = there.clone().requires_grad_()
    (weights.exp().sum()).backward()
    assert torch.equal(weights.grad.cpu(), there.cpu().exp())
    assert torch.arange(2, 5, device=device).tolist() == [2, 3, 4]


# Strategies


@on_gpus
@pytest.mark.parametrize("name", FOR_CLASSIFIERS)
def test_every_strategy_asks_the_same(name, device):
    check_alike(lambda d: learner(nets.classifier(device=d), name), device)


@on_gpus
@pytest.mark.parametrize("name", ["badge", "bald", "k_center", "adversarial_deepfool", "margin"])
def test_images_are_asked_about_alike(name, device):
    check_alike(lambda d: learner(nets.classifier(nets.CNN, device=d), name), device, IMAGES)


@on_gpus
@pytest.mark.parametrize("name", [*FOR_ALL, "greedy_x", *sorted(FOR_REGRESSORS)])
def test_a_net_that_regresses_asks_the_same(name, device):
    truth = TRUTH.astype(float)
    check_alike(
        lambda d: ActiveLearner(nets.regressor(device=d), name, random_state=0),
        device,
        y=np.where(Y < 0, np.nan, truth),
        truth=truth,
    )


@on_gpus
@pytest.mark.parametrize(
    "strategy",
    [Dropout("margin", 4), Subpool("badge", 0.5), BatchBALD(), AdversarialBIM(step=0.5)],
    ids=lambda strategy: type(strategy).__name__,
)
def test_strategies_with_parameters_ask_the_same(strategy, device):
    check_alike(lambda d: learner(nets.classifier(device=d), strategy), device)


# Nets and rows


@on_gpus
@pytest.mark.parametrize(
    "make",
    [
        lambda d: learner(nets.softmax_classifier(device=d), "badge"),
        lambda d: learner(nets.classifier(device=d, module__norm=True), "badge"),
        lambda d: learner(nets.classifier(device=d), "k_center", update="warm_start"),
        lambda d: learner(nets.classifier(device=d), "k_center", embedding="body.0"),
        lambda d: learner(nets.classifier(device=d, train_split=ValidSplit(0.2)), "margin"),
        lambda d: learner(
            nets.classifier(device=d, train_split=predefined_split(Dataset(X[:9], TRUTH[:9]))),
            "margin",
        ),
        lambda d: learner(nets.classifier(device=d, iterator_valid__num_workers=1), "badge"),
        lambda d: learner(
            make_pipeline(FunctionTransformer(np.sqrt), nets.classifier(device=d)), "badge"
        ),
    ],
    ids=["softmax", "norm", "warm", "layer", "split", "fixed split", "workers", "pipeline"],
)
def test_nets_of_all_kinds_ask_the_same(make, device):
    check_alike(make, device)


@on_gpus
def test_a_net_of_two_classes_asks_the_same(device):
    check_alike(
        lambda d: ActiveLearner(
            nets.binary_classifier(device=d), "badge", classes=[0, 1], random_state=0
        ),
        device,
        y=np.where(Y < 0, Y, Y % 2),
        truth=TRUTH % 2,
    )


@on_gpus
def test_a_dict_of_inputs_is_moved(device):
    def make(d):
        split = FunctionTransformer(nets.halves)
        return learner(make_pipeline(split, nets.classifier(nets.Halves, device=d)), "badge")

    check_alike(make, device)


@on_gpus
@pytest.mark.parametrize("strategy", ["margin", "badge", "k_center", "bald", "adversarial_bim"])
def test_rows_may_lie_on_the_device_already(strategy, device):
    def picks(rows):
        net = nets.classifier(device=device)
        idx, chosen = learner(net, strategy).fit(rows, Y).query(n_instances=5)
        return idx.tolist(), chosen

    there = torch.from_numpy(X).to(device)
    idx, chosen = picks(there)
    assert chosen.device == there.device
    np.testing.assert_array_equal(chosen.cpu().numpy(), X[idx])
    assert picks(torch.from_numpy(X))[0] == idx


@on_gpus
def test_a_dataset_with_two_sides_asks_the_same(device):
    pairs = [(row, 0) for row in torch.from_numpy(X)]

    def make(d):
        return learner(nets.classifier(device=d), "badge")

    rows = Augmented(pairs, pairs)
    picks = [make(d).fit(rows, Y).query(n_instances=5)[0].tolist() for d in ("cpu", device)]
    assert len(set(picks[1])) == 5
    if device == PRETENDED:
        assert picks[0] == picks[1]


@on_gpus
def test_embeddings_come_into_memory(device, tmp_path):
    net = nets.started(nets.classifier(device=device))
    found = embed(net, X)
    module = net.module_
    with torch.no_grad():
        expected = module.eval().body(torch.from_numpy(X).to(device)).cpu().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    out = np.lib.format.open_memmap(tmp_path / "e.npy", "w+", np.float16, found.shape)
    embed(module, X, out=out)
    np.testing.assert_allclose(out, expected, atol=2e-3)


@on_gpus
@pytest.mark.parametrize("strategy", ["badge", "k_center", "bald"])
def test_a_pretrained_net_is_asked_before_the_first_label(strategy, device):
    def picks(d):
        net = FrozenEstimator(nets.started(nets.classifier(device=d)))
        unlabeled = np.full(len(X), -1)
        return learner(net, strategy).fit(X, unlabeled).query(n_instances=9)[0].tolist()

    there = picks(device)
    assert len(set(there)) == 9
    if device == PRETENDED:
        assert there == picks("cpu")


@on_gpus
def test_weights_that_were_moved_away_are_refused_in_words(device):
    net = nets.started(nets.classifier(device=device))
    net.module_.to("cpu")
    words = rf"device='{device}', but its weights are on cpu; write net.module_.to\(net.device\)"
    with pytest.raises(ValueError, match=words):
        learner(FrozenEstimator(net), "margin").fit(X).query()
