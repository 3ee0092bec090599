"""Vectors that stay on the device of a net: chosen there, shown to strategies as arrays."""

from copy import deepcopy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from devices import on_each_device  # noqa: E402
from nets import MLP, SETTINGS, digits, hidden, nn  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from skorch import NeuralNetClassifier  # noqa: E402
from skorch.dataset import Dataset  # noqa: E402
from skorch.helper import predefined_split  # noqa: E402
from torch.utils.data import TensorDataset  # noqa: E402

from skactive import ActiveLearner, embed  # noqa: E402
from skactive.learner.fit_params import FitParams  # noqa: E402
from skactive.loops.oracles import as_image  # noqa: E402
from skactive.models import torch as torch_models  # noqa: E402
from skactive.models.seeding import seeded  # noqa: E402
from skactive.strategies import Strategy  # noqa: E402

X, TRUTH = digits(300)
Y = hidden(TRUTH, 60)


def learner(strategy, device="cpu"):
    net = NeuralNetClassifier(
        MLP, criterion=nn.CrossEntropyLoss, train_split=None, device=device, **SETTINGS
    )
    return ActiveLearner(net, strategy, classes=range(10), random_state=0).fit(X, Y)


@pytest.fixture
def staying(monkeypatch):
    """As if the device were another than the memory: vectors stay tensors."""
    monkeypatch.setattr(torch_models, "native", lambda vectors: vectors)


@pytest.mark.parametrize("strategy", ["k_center", "k_means", "badge"])
def test_the_choice_among_tensors_is_that_among_arrays(strategy, monkeypatch):
    asked = learner(strategy)
    among_arrays = asked.query(n_instances=12)[0]
    seen = []
    monkeypatch.setattr(torch_models, "native", lambda vectors: seen.append(1) or vectors)
    among_tensors = asked.query(n_instances=12)[0]
    assert seen
    np.testing.assert_array_equal(among_tensors, among_arrays)


@pytest.mark.parametrize(
    "strategy", ["coral", "typiclust", "uncertainty_herding", "bait", "expected_model_change"]
)
def test_other_strategies_are_shown_arrays(strategy, staying):
    idx, _ = learner(strategy).query(n_instances=5)
    assert len(set(idx)) == 5 and not np.isin(idx, np.arange(60)).any()


class Looks(Strategy):
    """Looks at both forms."""

    rowwise = False
    reads = ("gradient",)

    def select(self, view, n):
        assert isinstance(view.vectors, torch.Tensor)
        assert isinstance(view.embedding, np.ndarray)
        np.testing.assert_array_equal(view.embedding, view.vectors.numpy())
        errors, features = view.gradient
        assert isinstance(features, np.ndarray) and isinstance(errors, np.ndarray)
        assert isinstance(view.gradient_vectors[1], torch.Tensor)
        return view.candidates[:n]


def test_a_strategy_of_ones_own_sees_arrays(staying):
    assert learner(Looks()).query(n_instances=2)[0].tolist() == [60, 61]


@on_each_device
def test_picks_are_the_same_on_every_device(device):
    torch.manual_seed(0)
    module = MLP()
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, device=device, **SETTINGS
    ).initialize()
    asked = ActiveLearner(FrozenEstimator(net), "k_center", classes=range(10), random_state=0)
    E = embed(deepcopy(module).cpu(), X)  # the net has the module itself, on the device
    given = ActiveLearner(FrozenEstimator(net), "k_center", classes=range(10), random_state=0)
    np.testing.assert_array_equal(
        asked.fit(X, Y).query(n_instances=20)[0],
        given.fit(X, Y, embedding=E).query(n_instances=20)[0],
    )


# What a device would refuse, told on the CPU


@pytest.fixture
def elsewhere(monkeypatch):
    """As if every tensor were on a GPU, of which numpy can make no array by itself."""

    def refuse(tensor, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy.")

    monkeypatch.setattr(torch.Tensor, "__array__", refuse)


def test_rows_labels_classes_and_subsets_may_be_tensors_elsewhere(elsewhere):
    rows, labels, truth = (torch.from_numpy(each) for each in (X, Y, TRUTH))
    asked = learner("badge").set_params(classes=torch.arange(10)).fit(rows, labels)
    idx, _ = asked.query(n_instances=5, subset=torch.arange(200, 300))
    asked.teach(torch.from_numpy(idx), truth[idx])
    usual = learner("badge").teach(idx, TRUTH[idx])
    np.testing.assert_array_equal(asked.pool_.y, usual.pool_.y)
    assert asked.score(rows, truth) == usual.score(X, TRUTH)


@pytest.mark.parametrize("kind", [Dataset, TensorDataset])
def test_labels_of_a_validation_set_may_be_elsewhere(kind, elsewhere):
    valid = kind(torch.from_numpy(X[200:]), torch.from_numpy(TRUTH[200:]))
    asked = learner("margin").set_params(estimator__train_split=predefined_split(valid)).fit(X, Y)
    proba = asked.predict_proba(X[200:])[np.arange(100), TRUTH[200:]]
    history = asked.estimator_.history
    assert history[-1]["valid_loss"] == pytest.approx(-np.log(proba).mean(), rel=1e-4)


def test_an_image_and_a_parameter_of_fit_may_be_elsewhere(elsewhere):
    np.testing.assert_array_equal(
        as_image(torch.from_numpy(X[0]).reshape(8, 8)), X[0].reshape(8, 8)
    )
    params = FitParams({"sample_weight": torch.ones(300)}, 300)
    np.testing.assert_array_equal(params.of(np.arange(3))["sample_weight"], np.ones(3))


@pytest.mark.parametrize("strategy", ["bald", "badge", "k_center", "adversarial_deepfool"])
def test_a_device_that_is_torchs_default_changes_no_query(strategy):
    asked = learner(strategy)
    before = asked.query(n_instances=5)[0]
    with torch.device("meta"):
        np.testing.assert_array_equal(asked.query(n_instances=5)[0], before)


@pytest.mark.parametrize("params", [{}, {"iterator_valid__num_workers": 0}])
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_rows_go_to_a_device_in_what_the_net_computes_in(dtype, params, monkeypatch):
    rows, went, moved = X.astype(dtype), [], torch.Tensor.to
    asked = learner("badge").set_params(**{f"estimator__{k}": v for k, v in params.items()})
    asked.fit(rows, Y)

    def watched(tensor, *args, **kwargs):
        to = kwargs.get("device", args[0] if args else None)
        if isinstance(to, str | torch.device) and tensor.shape[-1] == 64:
            went.append(tensor.dtype)
        return moved(tensor, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "to", watched)
    asked.query(n_instances=5)
    assert set(went) == {torch.float32}


def layouts(rows):
    """The same rows, however they may lie in memory."""
    fields = np.zeros(len(rows), dtype=[("kind", "i1"), ("row", rows.dtype, rows.shape[1:])])
    fields["row"] = rows
    turned = np.moveaxis(rows, 1, -1).copy()
    yield from (rows.copy(), rows.copy(order="F"), np.moveaxis(turned, -1, 1), fields["row"])
    yield rows[::-1].copy()[::-1]
    yield np.repeat(rows, 2, axis=0)[::2]
    yield rows.astype(rows.dtype.newbyteorder())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(64,), (8, 8), (4, 4, 4)])
def test_a_net_may_write_to_rows_however_they_lie_and_the_pool_stays(shape, dtype):
    class Writes(MLP):
        def forward(self, x):
            x.mul_(2.0)
            return super().forward(x.view(-1).view(-1, 64))

    torch.manual_seed(0)
    net = NeuralNetClassifier(Writes, criterion=nn.CrossEntropyLoss, **SETTINGS).initialize()
    asked = ActiveLearner(FrozenEstimator(net), "badge", classes=range(10), random_state=0)
    pool = X.reshape(-1, *shape).astype(dtype)
    expected = asked.fit(pool, Y).query(n_instances=9)[0].tolist()
    for rows in layouts(pool):
        for is_writeable in (True, False):
            rows.flags.writeable = is_writeable
            assert asked.fit(rows, Y).query(n_instances=9)[0].tolist() == expected
            np.testing.assert_array_equal(rows, pool)
    tensor = torch.from_numpy(pool.copy())
    assert asked.fit(tensor, Y).query(n_instances=9)[0].tolist() == expected
    np.testing.assert_array_equal(tensor, pool)


def test_what_is_seeded_of_a_gpu_is_one_in_use(monkeypatch):
    seeds: list = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    drawn = []
    for _ in range(2):
        with seeded(0):
            drawn.append(torch.rand(3))
    assert torch.equal(*drawn) and not seeds


def test_the_generator_of_apples_gpu_is_brought_back(monkeypatch):
    state = ["its own"]
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: state[-1])
    monkeypatch.setattr(torch.mps, "set_rng_state", state.append)
    monkeypatch.setattr(torch.mps, "manual_seed", state.append)
    with seeded(0):
        assert state[-1] != "its own"
    assert state[-1] == "its own"
