"""All that wants a GPU, in ten minutes at most: the tests, passes, k_center, BADGE, a ResNet-18.

Run ``python benchmarks/gpu.py`` on a machine with a GPU, where skactive[dev] is installed. Each
part runs in a process of its own, which is ended when the ten minutes are over; the end says what
ran and what did not. ``--small`` runs the same parts on the CPU, on little, to see that they run:
its times tell nothing. Exits with 1 if a part failed, or missed its target on a GPU.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from time import monotonic

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
# Of the tests that name a device, those on a GPU; without one, some of those on a pretended one.
TESTS = ("on_a_gpu", "tensors", "datasets", "device", "net_training")


def tests(is_small: bool) -> int:
    """Run the tests on a GPU; return pytest's exit status."""
    from pytest import main

    files = [str(ROOT / "tests" / f"test_{name}.py") for name in TESTS]
    few = [files[0], "-k", "pretended", "--one-in=20"] if is_small else [*files, "-k", "cuda"]
    return int(main(["-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", *few]))


def passes(is_small: bool) -> int:
    """Compare queries with their forward passes, and with dropout; return 1 for a missed target."""
    import deep
    from _timing import print_table

    device, pairs = ("cpu", 1) if is_small else ("cuda", 5)
    X, _ = deep.images(None, deep.N // 20 if is_small else deep.N)
    net = deep.frozen(deep.CNN, device)
    rows = [
        deep.device_throughput(device, X, pairs, 1 if is_small else 5),
        deep.overhead(net, X, pairs, np.inf),
        deep.dropout(net, X, pairs, np.inf),
    ]
    return int(not print_table(chain.from_iterable(rows)) and not is_small)


def k_center(is_small: bool) -> int:
    """Compare k_center of 1,000,000 x 512 with reading it; return 1 for a missed target."""
    import deep
    from _timing import print_table

    size = ("cpu", 1, 5_000, 20) if is_small else ("cuda", 3)
    return int(not print_table(deep.device_k_center(*size)) and not is_small)


def resnet(is_small: bool) -> int:
    """Time BADGE over 50,000 images with a ResNet-18; return 0."""
    import deep

    deep.device_resnet(*(("cpu", 200, 32) if is_small else ("cuda",)))
    return 0


PARTS = {part.__name__: part for part in (tests, passes, k_center, resnet)}


def why_not(is_small: bool) -> str:
    """Return why nothing can run here; nothing if it can."""
    lacking = [name for name in ("torch", "skorch", "pytest") if find_spec(name) is None]
    if lacking:
        return f"{' and '.join(lacking)} is not installed"
    import torch

    return (
        "" if is_small or torch.cuda.is_available() else "there is no GPU here; --small needs none"
    )


def main() -> int:
    """Run each part in a process of its own, and say what ran."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--small", action="store_true", help="on the CPU, on little")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--part", choices=PARTS, help="this one alone, in this process")
    args = parser.parse_args()
    if args.part:
        return PARTS[args.part](args.small)
    reason = why_not(args.small)
    if reason:
        parser.error(reason)
    end, said = monotonic() + 60 * args.minutes, {}
    for name in PARTS:
        print(f"\n== {name}", flush=True)
        command = [sys.executable, __file__, "--part", name, *["--small"] * args.small]
        start = monotonic()
        if end <= start:
            said[name] = "skipped: the time was over"
            continue
        try:
            status = subprocess.run(command, cwd=ROOT, timeout=end - start, check=False).returncode
        except subprocess.TimeoutExpired:
            said[name] = f"not finished after {monotonic() - start:.0f} s: the time was over"
        else:
            what = "ran" if status == 0 else f"failed, or missed a target (exit status {status})"
            said[name] = f"{what}, {monotonic() - start:.0f} s"
    print("\n" + "\n".join(f"{name:<9} {what}" for name, what in said.items()))
    if args.small:
        print("skipped: everything on a GPU, and all full sizes (--small)")
    return int(not all(what.startswith("ran") for what in said.values()))


if __name__ == "__main__":
    sys.exit(main())
