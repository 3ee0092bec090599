"""Vectors that stay on the device of a net: chosen there, shown to strategies as arrays."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from nets import MLP, SETTINGS, digits, hidden, nn  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from skorch import NeuralNetClassifier  # noqa: E402

from skactive import ActiveLearner, embed  # noqa: E402
from skactive.models import torch as torch_models  # noqa: E402
from skactive.strategies import Strategy  # noqa: E402

X, TRUTH = digits(300)
Y = hidden(TRUTH, 60)
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
    ),
]


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


@pytest.mark.parametrize("device", DEVICES)
def test_picks_are_the_same_on_every_device(device):
    torch.manual_seed(0)
    module = MLP()
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, device=device, **SETTINGS
    ).initialize()
    asked = ActiveLearner(FrozenEstimator(net), "k_center", classes=range(10), random_state=0)
    E = embed(module.cpu(), X)
    given = ActiveLearner(FrozenEstimator(net), "k_center", classes=range(10), random_state=0)
    np.testing.assert_array_equal(
        asked.fit(X, Y).query(n_instances=20)[0],
        given.fit(X, Y, embedding=E).query(n_instances=20)[0],
    )
