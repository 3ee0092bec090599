"""Seeds the global random generators for a while."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import numpy as np

ONE_AT_A_TIME = threading.RLock()  # generators, modes and hooks are one for all threads


@contextmanager
def seeded(seed: int | list[int], nets: Sequence = ()) -> Iterator[None]:
    """Seed torch, if it is loaded, numpy and Python here, and restore their states at the end."""
    # Nets draw from the generators of their devices, transforms and splits from any of the three,
    # and none of them can be handed a generator.
    word = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    of_torch = _torch_seeded(int(word >> np.uint64(1)), nets) if _has_torch() else nullcontext()
    with ONE_AT_A_TIME, of_torch:
        before = np.random.get_state()  # noqa: NPY002
        before_random = random.getstate()
        random.seed(int(word))
        np.random.seed(int(word >> np.uint64(32)))  # noqa: NPY002 (ValidSplit(0.2) draws from it)
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
            random.setstate(before_random)


def _has_torch() -> bool:
    """Whether torch is loaded: what has not loaded it draws nothing from its generators."""
    return "torch" in sys.modules


@contextmanager
def _torch_seeded(seed: int, nets: Sequence) -> Iterator[None]:
    """Seed the generators of torch within this context, and restore their states at the end."""
    import torch

    if torch.cuda.is_available() and any(str(net.device).startswith("cuda") for net in nets):
        torch.cuda.init()  # or its generators would not be there to be brought back
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=devices), _mps_brought_back():
        _seed_torch(seed, nets)
        yield


def _seed_torch(seed: int, nets: Sequence) -> None:
    """Seed the generators of torch that the nets may draw from."""
    import torch

    # A GPU that is not initialized would keep the seed for its first use, long after this. Where
    # all nets are in memory, one generator is enough, and quicker.
    is_waiting = torch.cuda.is_available() and not torch.cuda.is_initialized()
    is_in_memory = bool(nets) and all(str(net.device) == "cpu" for net in nets)
    is_one = is_waiting or is_in_memory
    (torch.default_generator.manual_seed if is_one else torch.manual_seed)(seed)


@contextmanager
def _mps_brought_back() -> Iterator[None]:
    """Restore the generator of Apple's GPU at the end, since `torch.manual_seed` seeds it too."""
    import torch

    if not torch.backends.mps.is_available():
        yield
        return
    before = torch.mps.get_rng_state()
    try:
        yield
    finally:
        torch.mps.set_rng_state(before)
