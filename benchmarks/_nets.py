"""What the benchmarks of deep nets share: nets, and the reading of MNIST."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from torch import nn


class CNN(nn.Module):
    """Two convolutions and two linear layers, with dropout; gives logits."""

    def __init__(self, side: int = 28, d: int = 64, n_classes: int = 10):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(32 * (side // 4) ** 2, d),
            nn.ReLU(),
            nn.Dropout(0.25),
        )
        self.head = nn.Linear(d, n_classes)

    def forward(self, x):
        """Return logits."""
        return self.head(self.body(x))


class SmallestCNN(nn.Module):
    """A net of the size that DeepAL trains on MNIST: 10 and 20 channels, 50 units; gives logits."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 10, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(10, 20, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(320, 50),
            nn.ReLU(),
            nn.Dropout(0.5),
        )
        self.head = nn.Linear(50, 10)

    def forward(self, x):
        """Return logits."""
        return self.head(self.body(x))


def read_idx(path: Path, offset: int) -> np.ndarray:
    """Return the bytes of an idx file, gzipped or not, after its header."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(raw, np.uint8, offset=offset)


def mnist_images(path: Path) -> np.ndarray:
    """Return images of an idx file, shape (n, 1, 28, 28), float32 in [0, 1]."""
    return read_idx(path, 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255
