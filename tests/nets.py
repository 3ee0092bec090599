"""Tiny nets and data on which skorch models are tested; one thread, since machines are shared."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")
nn = torch.nn
torch.set_num_threads(1)

SETTINGS = {"max_epochs": 3, "lr": 0.1, "verbose": 0}


def digits(n=200, images=False):
    """Pixels in [0, 1] as float32, and digits."""
    X, y = load_digits(return_X_y=True)
    X = (X[:n] / 16).astype(np.float32)
    return (X.reshape(n, 1, 8, 8) if images else X), y[:n]


def hidden(y, n_known, missing=-1):
    """Labels of which only the first are known."""
    return np.where(np.arange(len(y)) < n_known, y, missing)


class MLP(nn.Module):
    """One hidden layer; `end` is "logits", "softmax", or "flat": one number a row, no column."""

    def __init__(self, n_out=10, n_in=64, width=12, dropout=0.3, norm=False, end="logits"):
        super().__init__()
        norms = [nn.BatchNorm1d(width)] if norm else []
        drops = [nn.Dropout(dropout)] if dropout else []
        self.body = nn.Sequential(nn.Linear(n_in, width), *norms, nn.ReLU(), *drops)
        self.head = nn.Linear(width, n_out)
        self.end = end

    def forward(self, x):
        logits = self.head(self.body(x))
        if self.end == "softmax":
            return logits.softmax(dim=1)
        return logits.squeeze(1) if self.end == "flat" else logits


class InDouble(MLP):
    """For rows of 4 numbers, in float64: what is the same but for rounding is the same."""

    def __init__(self, n_out=10):
        super().__init__(n_out, n_in=4)
        self.double()


class CNN(nn.Module):
    """For images of 8 x 8, with batch norm and two kinds of dropout."""

    def __init__(self, n_out=10, norm=True):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Dropout2d(0.2),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
        )
        self.head = nn.Linear(64, n_out)

    def forward(self, x):
        return self.head(self.body(x))


class Halves(nn.Module):
    """Is given a dict of the two halves of an image."""

    def __init__(self):
        super().__init__()
        self.top, self.bottom = nn.Linear(32, 6), nn.Linear(32, 6)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(12, 10)

    def forward(self, upper, lower):
        both = torch.cat([self.top(upper), self.bottom(lower)], dim=1)
        return self.head(self.drop(both.relu()))


def halves(X):
    """The dict that `Halves` is given."""
    return {"upper": X[:, :32], "lower": X[:, 32:]}


class WithoutLinear(nn.Module):
    """Ends in a convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 10, 8)
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        return self.drop(self.conv(x)).flatten(1)


class Scaled(nn.Module):
    """Whose last Linear layer's outputs do not account for the probabilities."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)
        self.log_scale = nn.Parameter(torch.ones(10))

    def forward(self, x):
        return self.head(x) * self.log_scale.exp() + 1.0 / (1 + torch.arange(10))


class Text(nn.Module):
    """A transformer over token ids, of which 0 is padding."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(9, 8, padding_idx=0)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)
        layer.self_attn.dropout = 0.0  # of the attention itself, which is no Dropout layer
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        is_padding = x == 0
        vectors = self.encoder(self.tokens(x), src_key_padding_mask=is_padding)
        vectors = vectors.masked_fill(is_padding[..., None], 0.0)
        return self.head(vectors.sum(dim=1) / (~is_padding).sum(dim=1, keepdim=True))


def sentences(n=60):
    """Token ids, padded to six."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 9, (n, 6))
    return np.where(np.arange(6) < rng.integers(2, 7, (n, 1)), tokens, 0)


class ByPieces(nn.Module):
    """Its inner layer sees eight vectors for each row."""

    def __init__(self):
        super().__init__()
        self.piece = nn.Linear(8, 2)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.piece(x.reshape(-1, 8)).reshape(len(x), 16))


def classifier(module=MLP, **params):
    """An unfitted net for ten classes whose module gives logits."""
    settings = SETTINGS | {"criterion": nn.CrossEntropyLoss} | params
    return skorch.NeuralNetClassifier(module, **settings)


def softmax_classifier(**params):
    """An unfitted net whose module ends in softmax, with skorch's default criterion."""
    return skorch.NeuralNetClassifier(MLP, module__end="softmax", **(SETTINGS | params))


def binary_classifier(module=MLP, **params):
    """An unfitted net that gives one logit for two classes."""
    return skorch.NeuralNetBinaryClassifier(module, module__n_out=1, **(SETTINGS | params))


def regressor(module=MLP, **params):
    """An unfitted net that gives one number in a column."""
    settings = SETTINGS | {"module__n_out": 1, "lr": 0.01} | params
    return skorch.NeuralNetRegressor(module, **settings)


def started(net, seed=0):
    """A net with a module that has learned nothing, the same for the same seed."""
    torch.manual_seed(seed)
    return net.initialize()


def batches(X, size=64):
    """Rows as tensors, a few at a time: the plain loop."""
    return [torch.as_tensor(X[start : start + size]) for start in range(0, len(X), size)]
