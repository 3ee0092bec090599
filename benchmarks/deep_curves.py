"""Which strategy helps a small CNN: ten rounds of 100 labels, five seeds, on real images.

Run with ``OMP_NUM_THREADS=1 python benchmarks/deep_curves.py [--mnist IMAGES LABELS]``, where
skorch and torch are installed. Without ``--mnist`` the images are scikit-learn's digits. A fifth of
the images is held out for the score; the first 100 labels are the same for all strategies of one
seed. Prints the table of docs/guide/deep_nets.md, and every strategy's accuracy after each round.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from _nets import CNN, mnist_images, read_idx
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn

from skactive import ActiveLearner, compare_strategies

STRATEGIES = ["random", "margin", "badge", "k_center", "bald"]


def images(paths: list[Path] | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Return images (n, 1, side, side) in [0, 1], labels, and what they are."""
    if paths is None:
        X, y = load_digits(return_X_y=True)
        return (X / 16).astype(np.float32).reshape(-1, 1, 8, 8), y, "digits"
    return mnist_images(paths[0]), read_idx(paths[1], 8).astype(np.int64), "MNIST test images"


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mnist", type=Path, nargs=2, metavar=("IMAGES", "LABELS"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--results", type=Path, help="file of finished runs, to go on from")
    args = parser.parse_args()
    X, y, name = images(args.mnist)
    net = NeuralNetClassifier(
        CNN,
        module__side=X.shape[-1],
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=2e-3,
        batch_size=64,
        max_epochs=args.epochs,
        train_split=None,
        verbose=0,
    )
    found = compare_strategies(
        ActiveLearner(net, classes=range(10)),
        X,
        y,
        STRATEGIES,
        budget=100 * args.rounds,
        n_instances=100,
        n_initial=100,
        n_repeats=args.seeds,
        test_size=0.2,
        scoring="accuracy",
        n_jobs=args.jobs,
        random_state=0,
        results=args.results,
        name=name,
    )
    print(found.to_markdown(), end="\n\n")
    for strategy in found.names:
        curves = np.array([run.scores for run in found.runs if run.variant == strategy])
        columns = zip(curves.mean(0), curves.std(0, ddof=1), strict=True)
        cells = [f"{mean:.3f} +- {std:.3f}" for mean, std in columns]
        print(f"{strategy:<10}", "  ".join(cells))


if __name__ == "__main__":
    main()
