"""Dropout that a module's own code calls, beside that of its layers, and what stays off."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

import nets  # noqa: E402
from nets import nn  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.functional import dropout  # noqa: E402

from skactive import ActiveLearner  # noqa: E402
from skactive.learner.questions import adapt  # noqa: E402
from skactive.models.modules import may_drop  # noqa: E402

X, TRUTH = nets.digits(60)
IMAGES, _ = nets.digits(60, images=True)
Y = nets.hidden(TRUTH, 30)
CLASSES = np.arange(10)
LAYERS = {
    "dropout": nn.Dropout,
    "dropout1d": nn.Dropout1d,
    "dropout2d": nn.Dropout2d,
    "dropout3d": nn.Dropout3d,
    "alpha_dropout": nn.AlphaDropout,
    "feature_alpha_dropout": nn.FeatureAlphaDropout,
}
AXES = {"dropout1d": (8, 8), "dropout3d": (8, 2, 2, 2), "dropout": (64,)}


def learner(module, strategy="bald"):
    net = nets.classifier(module, train_split=None)
    return ActiveLearner(net, strategy, classes=range(10), random_state=0)


def samples(module, rows=X, n_passes=4):
    """What a net says in passes with dropout."""
    model = adapt(FrozenEstimator(nets.classifier(module).initialize()), CLASSES)
    model.n_passes = n_passes
    return model.samples(rows)


class Drops(nn.Module):
    """Drops units twice, each time by a layer or by a function."""

    def __init__(self, first, second, name="dropout", inplace=False):
        super().__init__()
        self.body, self.head = nn.Linear(64, 64), nn.Linear(64, 10)
        self.first = LAYERS[name](0.4) if first == "layer" else None
        self.second = LAYERS[name](0.4) if second == "layer" else None
        if second == "the same":
            self.second = self.first
        self.function, self.inplace = getattr(functional, name), inplace
        self.axes = AXES.get(name, (4, 4, 4))

    def forward(self, x):
        h = self.body(x).reshape(len(x), *self.axes)
        h = self._dropped(self.first, h)
        return self.head(self._dropped(self.second, h.sin()).flatten(1))

    def _dropped(self, layer, h):
        if layer is not None:
            return layer(h)
        if self.inplace:
            self.function(h, 0.4, self.training, inplace=True)
            return h
        return self.function(h, p=0.4, training=self.training)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("first", ["layer", "function"])
def test_units_are_dropped_by_functions_as_by_layers(name, first):
    # Masks follow from the layer, and from how often it was called in a pass.
    by_layers = Drops("layer", "layer" if first == "layer" else "the same", name)
    module = Drops(first, "function", name)
    module.load_state_dict(by_layers.state_dict())
    seen = samples(module)
    np.testing.assert_array_equal(seen, samples(by_layers))
    assert seen.std(axis=0).max() > 0.01
    rows = torch.from_numpy(X)
    torch.testing.assert_close(module.eval()(rows), by_layers.eval()(rows))


def test_functions_drop_in_place_too():
    plain, in_place = (Drops("function", "function", inplace=inplace) for inplace in (False, True))
    in_place.load_state_dict(plain.state_dict())
    np.testing.assert_array_equal(samples(in_place), samples(plain))


@pytest.mark.parametrize("strategy", ["bald", "batch_bald", "variation_ratios"])
def test_a_net_whose_dropout_is_all_in_functions_is_served(strategy):
    class Own(Drops):
        def __init__(self):
            super().__init__("function", "function")

        def _dropped(self, layer, h):
            return dropout(h, 0.4, self.training)

    chosen = [learner(Own, strategy).fit(X, Y).query(n_instances=5)[0].tolist() for _ in range(2)]
    assert chosen[0] == chosen[1]


def test_rows_that_are_alike_are_alike_in_each_pass_where_functions_drop_in_prediction_too():
    class Always(Drops):
        def _dropped(self, layer, h):
            return functional.dropout(h, 0.4)

    seen = samples(Always("function", "function"), np.repeat(X[:1], 5, axis=0))
    np.testing.assert_allclose(seen, np.repeat(seen[:, :1], 5, axis=1), atol=1e-6)
    assert seen.std(axis=0).max() > 0.01


def helped(h, training):
    return functional.dropout(h, 0.5, training)


class Helped(nets.MLP):
    def forward(self, x):
        return self.head(helped(self.body(x), self.training))


class InAComprehension(nets.MLP):
    def forward(self, x):
        return self.head(
            sum(functional.dropout(self.body(x), p, self.training) for p in (0.1, 0.2))
        )


class OfThatName(nets.MLP):
    """Has a layer that is called as the function is, and drops nothing."""

    def __init__(self, dropout=0.0):
        super().__init__(dropout=dropout)
        self.dropout = nn.Identity()

    def forward(self, x):
        return self.head(self.dropout(self.body(x)))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nets.MLP(), True),
        (nets.MLP(dropout=0), False),
        (Helped(dropout=0), True),
        (InAComprehension(dropout=0), True),
        (nn.Sequential(nn.Flatten(), Helped(dropout=0)), True),
        (OfThatName(), False),
        (OfThatName(0.3), True),
        (nn.Linear(64, 10), False),
        (nn.LSTM(3, 4, num_layers=2, dropout=0.5), False),
    ],
    ids=["layers", "none", "helper", "comprehension", "inside", "name", "both", "torch", "lstm"],
)
def test_what_may_drop_units_is_told_by_layers_and_code(module, expected):
    assert may_drop(module) == expected


def test_what_drops_nothing_is_refused_at_the_first_fit_or_by_the_first_pass():
    with pytest.raises(
        ValueError, match="BALD reads view.samples, which NeuralNetClassifier cannot"
    ):
        learner(OfThatName).fit(X, Y)

    class Never(Helped):
        def forward(self, x):
            return self.head(functional.dropout(self.body(x), 0.0, self.training))

    with pytest.raises(ValueError, match="nor through a function that drops units, so that all"):
        learner(Never(dropout=0)).fit(X, Y).query()


class Sequences(nn.Module):
    """Drops between the layers of an LSTM, or in attention, and perhaps behind it."""

    def __init__(self, inner, p):
        super().__init__()
        self.inner, self.drop, self.head = inner, nn.Dropout(p), nn.Linear(8, 10)

    def forward(self, x):
        x = x.reshape(len(x), 8, 8)
        given = (x, x, x) if isinstance(self.inner, nn.MultiheadAttention) else (x,)
        return self.head(self.drop(self.inner(*given)[0][:, -1]))


@pytest.mark.parametrize(
    "inner",
    [
        nn.LSTM(8, 8, num_layers=2, dropout=0.5, batch_first=True),
        nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True),
    ],
    ids=lambda inner: type(inner).__name__,
)
def test_dropout_that_stays_off_is_named(inner):
    name = type(inner).__name__
    with pytest.warns(UserWarning, match=f"leave out that inside {name} of Sequences; have it in"):
        learner(Sequences(inner, 0.5)).fit(X, Y).query()
    with pytest.raises(
        ValueError, match=f"net with dropout; that inside {name} cannot be switched"
    ):
        learner(Sequences(inner, 0.0)).fit(X, Y)


def test_layers_that_drop_nothing_between_them_are_not_named():
    inner = nn.GRU(8, 8, num_layers=2, batch_first=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner(Sequences(inner, 0.5)).fit(X, Y).query()
