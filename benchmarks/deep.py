"""What a query costs beside the forward passes of the net that it asks.

Run with ``python benchmarks/deep.py [--mnist PATH] [--device cuda] [--quick]``, where skorch and
torch are installed. Every ratio is the median over pairs of runs that alternate in this process.
The pool is 10,000 images: the MNIST test images, or scikit-learn's digits enlarged to 28 x 28.

All targets are for a net of the size that DeepAL trains on MNIST; the same is shown for the small
CNN of ``deep_curves.py``, whose passes take more than twice the time. What a query takes beside its
forward passes is told by a clock around them. The bare loop, which cuts the same rows into the same
batches and calls the module, shows besides whether a query slows the passes themselves. The exit
status is 1 if a target is missed. ``--quick`` shrinks the pool to see that the script runs.

With ``--device cuda`` more is measured: a query's passes against the bare loop's throughput,
k_center of 1,000,000 x 512 against the time to read the pool k times, and a ResNet-18 with random
weights over 50,000 images. ``gpu.py`` runs these and the tests in ten minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from _nets import CNN, ResNet18, SmallestCNN, mnist_images
from _timing import print_table, print_threads, ratio, seconds
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from skorch import NeuralNetClassifier
from torch import nn

from skactive import ActiveLearner, selection
from skactive.learner.questions import adapt
from skactive.strategies import BADGE, AdversarialBIM, AdversarialDeepFool, Entropy, Margin

N, BATCH, PASSES = 10_000, 128, 20
BESIDE, DROPOUT, ATTACK = 0.1, 1.15, 0.1
PEAK_RESET = Path("/proc/self/clear_refs")


def images(mnist: Path | None, n: int) -> tuple[np.ndarray, str]:
    """Return n images of 28 x 28 in [0, 1], and what they are."""
    if mnist is None:
        small = load_digits().images.astype(np.float32) / 16
        enlarged = torch.nn.functional.interpolate(torch.from_numpy(small)[:, None], size=(28, 28))
        X, name = enlarged.numpy(), "digits enlarged"
    else:
        X, name = mnist_images(mnist), "MNIST"
    return np.ascontiguousarray(X[np.arange(n) % len(X)]), name


def frozen(module, device: str, **params) -> NeuralNetClassifier:
    """Return a net with random weights, which queries use as it is."""
    torch.manual_seed(0)
    params = {"batch_size": BATCH, "verbose": 0} | params
    net = NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, device=device, **params)
    return net.initialize()


def learner(net, strategy, X, n_classes: int = 10) -> ActiveLearner:
    """Return a learner whose whole pool is unlabelled."""
    return ActiveLearner(
        FrozenEstimator(net), strategy, classes=range(n_classes), random_state=0
    ).fit(X)


def bare_loop(net, X, passes: int = 1) -> Callable[[], object]:
    """Return the loop of forward passes as one writes it by hand."""

    def run():
        module, device = net.module_, net.device
        module.eval()
        outputs = []
        with torch.no_grad():
            for start in range(0, len(X), BATCH):
                x = torch.from_numpy(X[start : start + BATCH]).to(device)
                for _ in range(passes):
                    outputs.append(module(x))
        return torch.cat(outputs).cpu()

    return run


@contextmanager
def clock(net) -> Iterator[list[float]]:
    """Yield a list of the seconds that each forward pass of the net takes."""
    took: list[float] = []

    def now() -> float:
        wait_for(net.device)
        return perf_counter()

    before = net.module_.register_forward_pre_hook(lambda *_: took.append(-now()))
    after = net.module_.register_forward_hook(lambda *_: took.append(took.pop() + now()))
    try:
        yield took
    finally:
        before.remove()
        after.remove()


def beside_passes(net, query: Callable, repeats: int) -> tuple[float, float, float]:
    """Median of what a query takes beside forward passes / them, and the median of each."""
    query()
    pairs = []
    for _ in range(repeats):
        with clock(net) as took:
            total = seconds(query)
        pairs.append((total - sum(took), sum(took)))
    ratios = [rest / passes for rest, passes in pairs]
    return (median(ratios), *map(median, zip(*pairs, strict=True)))


def overhead(net, X, pairs: int, target: float) -> Iterator[tuple]:
    """Yield what queries take beside their forward passes, and against the bare loop."""
    for strategy in (Margin(), Entropy(), BADGE()):
        asked = learner(net, strategy, X)
        name = f"{type(strategy).__name__}, {type(net.module_).__name__}"

        def query(asked=asked):
            asked.query(n_instances=100)

        yield f"{name}, beside forward passes / them", beside_passes(net, query, pairs), target
        yield f"{name}, a query / bare loop", ratio(query, bare_loop(net, X), pairs), np.inf


def channels_last(module, X, pairs: int) -> tuple:
    """Return how long a query takes where a net's convolutions are in channels-last order."""
    net, same = frozen(module, "cpu"), frozen(module, "cpu")
    same.module_.to(memory_format=torch.channels_last)
    usual, last = learner(net, "margin", X), learner(same, "margin", X)
    took = ratio(lambda: last.query(n_instances=100), lambda: usual.query(n_instances=100), pairs)
    return f"Margin, {module.__name__}, channels last / as it is", took, np.inf


def dropout(net, X, pairs: int, target: float) -> Iterator[tuple]:
    """Yield how long passes with dropout take against as many without."""
    model = adapt(FrozenEstimator(net), np.arange(10))
    took = ratio(lambda: model.samples(X), bare_loop(net, X, PASSES), pairs)
    name = f"{PASSES} dropout passes, {type(net.module_).__name__}"
    yield f"{name} / {PASSES} forward passes", took, target


def deepfool_by_hand(module: nn.Module, X, max_steps: int = 50) -> list[float]:
    """DeepFool as it is written for one image at a time: a backward pass for each class."""
    lengths = []
    for image in X:
        x = torch.from_numpy(image)[None]
        total = torch.zeros_like(x)
        start = int(module(x).argmax())
        for _ in range(max_steps):
            point = (x + 1.02 * total).requires_grad_()
            outputs = module(point)[0]
            if int(outputs.argmax()) != start:
                break
            gradients = []
            for output in outputs:
                point.grad = None
                output.backward(retain_graph=True)
                gradients.append(point.grad.clone())
            best, step = np.inf, None
            for label in range(len(outputs)):
                if label == start:
                    continue
                normal = gradients[label] - gradients[start]
                gap = abs((outputs[label] - outputs[start]).item()) / normal.norm().item()
                if gap < best:
                    best, step = gap, gap * normal / normal.norm()
            total = total + step
        lengths.append(float(total.norm()))
    return lengths


def bim_by_hand(module: nn.Module, X, step: float = 0.05, max_steps: int = 50) -> list[float]:
    """The basic iterative method as it is written for one image at a time."""
    lengths = []
    for image in X:
        x = torch.from_numpy(image)[None]
        total = torch.zeros_like(x)
        start = module(x).argmax(dim=1)
        for _ in range(max_steps):
            point = (x + total).requires_grad_()
            outputs = module(point)
            if int(outputs.argmax()) != int(start):
                break
            nn.functional.cross_entropy(outputs, start).backward()
            total = total + step * point.grad.sign()
        lengths.append(float(total.norm()))
    return lengths


def attacks(module, X, device: str, pairs: int, target: float) -> Iterator[tuple]:
    """Yield how long attacks on batches take against one image at a time."""
    net, alone = frozen(module, device), frozen(module, device, batch_size=1)
    by_hand = {AdversarialDeepFool: deepfool_by_hand, AdversarialBIM: bim_by_hand}
    for strategy in (AdversarialDeepFool(), AdversarialBIM()):
        loop, attack = by_hand[type(strategy)], type(strategy).__name__.removeprefix("Adversarial")
        name = f"{attack}, {module.__name__}"
        one, many = learner(alone, strategy, X), learner(net, strategy, X)
        if device == "cpu":
            took = ratio(many.scores, lambda loop=loop: loop(net.module_.eval(), X), pairs)
            yield f"{name}, batches / a loop by hand", took, target
        took = ratio(many.scores, one.scores, pairs)
        yield f"{name}, batches / one by one", took, np.inf


def peak_of_badge(d: int, n_classes: int, n: int) -> float:
    """Return by how much a BADGE query raises the peak memory of this process, in bytes."""
    X = images(None, n)[0]
    net = frozen(CNN, "cpu", module__d=d, module__n_classes=n_classes)
    asked = learner(net, "badge", X, n_classes)
    asked.query(n_instances=1, subset=range(BATCH))  # what every first pass takes
    PEAK_RESET.write_text("5")
    before = resident("VmRSS")
    asked.query(n_instances=100)
    return resident("VmHWM") - before


def resident(name: str) -> float:
    """Return what Linux says of this process's memory, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def memory(n: int) -> None:
    """Print the memory that a BADGE query takes, in a new process each, by d and C."""
    if not PEAK_RESET.exists():
        print("\nthe memory of a query is measured on Linux only")
        return
    print(f"\n{'badge, memory of a query':<40} {'d + 2 C numbers a row':>22} {'d C numbers':>12}")
    for d, n_classes in ((64, 10), (64, 100), (512, 10), (512, 100)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            peak = process.submit(peak_of_badge, d, n_classes, n).result()
        least, product = 4 * n * (d + 2 * n_classes), 4 * n * d * n_classes
        name = f"d = {d}, C = {n_classes}: {peak / 1e6:.0f} MB"
        print(f"{name:<40} {least / 1e6:19.0f} MB {product / 1e6:9.0f} MB")


def wait_for(device: str) -> None:
    """Wait until a device has done what it was given."""
    if device != "cpu":
        torch.cuda.synchronize()


def device_k_center(device: str, pairs: int, n: int = 1_000_000, k: int = 1000) -> Iterator[tuple]:
    """Yield how long k_center takes on a device against reading the pool k times."""
    d = 512
    X = torch.randn(n, d, device=device, generator=torch.Generator(device).manual_seed(0))
    vector = torch.ones(d, device=device)

    def read():
        for _ in range(k):
            X @ vector
        wait_for(device)

    def choose():
        selection.k_center(X, k, centers=np.arange(20), rng=np.random.default_rng(0))
        wait_for(device)

    took = ratio(choose, read, pairs)
    yield f"k_center, {n:,} x {d} on {device} / {k} reads", took, 1.5


def device_throughput(device: str, X, pairs: int, times: int = 5) -> Iterator[tuple]:
    """Yield a query's passes over the pool on a device against the bare loop."""
    net = frozen(CNN, device)
    asked = learner(net, "margin", np.tile(X, (times, 1, 1, 1)))
    took = ratio(lambda: asked.query(n_instances=100), bare_loop(net, asked.pool_.X), pairs)
    yield f"margin, {len(asked.pool_.X):,} images on {device} / bare loop", took, 1 / 0.8


def device_resnet(device: str, n: int = 50_000, side: int = 64) -> None:
    """Print how long BADGE takes over images with a ResNet-18 of full size."""
    net = frozen(ResNet18, device, batch_size=512)
    X = np.random.default_rng(0).random((n, 3, side, side), dtype=np.float32)
    asked = learner(net, "badge", X, 1000)
    start = perf_counter()
    asked.query(n_instances=n // 50)
    peak = torch.cuda.max_memory_allocated() if device != "cpu" else resident("VmHWM")
    took = f"{perf_counter() - start:.1f} s, at most {peak / 1e9:.1f} GB"
    print(f"\nbadge, ResNet-18, {n:,} x 3 x {side} x {side}, {n // 50} chosen: {took}")


def main() -> int:
    """Print all that the device can show; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mnist", type=Path, help="MNIST test images, idx3-ubyte, gzipped or not")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    print_threads()
    if args.device != "cpu" and not torch.cuda.is_available():
        parser.error("there is no GPU here")
    X, name = images(args.mnist, N // 20 if args.quick else N)
    print(f"{len(X):,} images ({name}), batches of {BATCH}, {torch.get_num_threads()} threads\n")
    few = max(args.pairs // 2, 1)
    rows = []
    for module, is_judged in ((SmallestCNN, True), (CNN, False)):
        net = frozen(module, args.device)
        targets = (BESIDE, DROPOUT, ATTACK) if is_judged else (np.inf,) * 3
        rows += [
            overhead(net, X, args.pairs, targets[0]),
            dropout(net, X, few, targets[1]),
            attacks(module, X[:256], args.device, few, targets[2]),
        ]
        if args.device == "cpu":
            rows.append([channels_last(module, X, args.pairs)])
    if args.device != "cpu":
        rows += [device_throughput(args.device, X, args.pairs), device_k_center(args.device, few)]
    is_met = print_table(chain.from_iterable(rows))
    memory(len(X))
    if args.device != "cpu":
        device_resnet(args.device)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
