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


class Residual(nn.Module):
    """Two convolutions, to whose output their input is added."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.short = nn.Identity()
        if before != after:
            across = nn.Conv2d(before, after, 1, stride, bias=False)
            self.short = nn.Sequential(across, nn.BatchNorm2d(after))

    def forward(self, x):
        """Return the sum, without its negative part."""
        return nn.functional.relu(self.body(x) + self.short(x))


class ResNet18(nn.Module):
    """The ResNet of 18 layers (He et al. 2016), 512 units before the last, linear one."""

    def __init__(self, n_classes: int = 1000):
        super().__init__()
        widths = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
        blocks = [
            block
            for before, after, stride in widths
            for block in (Residual(before, after, stride), Residual(after, after, 1))
        ]
        stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        pools = nn.MaxPool2d(3, 2, 1), nn.AdaptiveAvgPool2d(1)
        self.body = nn.Sequential(*stem, pools[0], *blocks, pools[1], nn.Flatten())
        self.fc = nn.Linear(512, n_classes)

    def forward(self, x):
        """Return logits."""
        return self.fc(self.body(x))


def read_idx(path: Path, offset: int) -> np.ndarray:
    """Return the bytes of an idx file, gzipped or not, after its header."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(raw, np.uint8, offset=offset)


def mnist_images(path: Path) -> np.ndarray:
    """Return images of an idx file, shape (n, 1, 28, 28), float32 in [0, 1]."""
    return read_idx(path, 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255
