"""A GPU that is pretended: tensors that say they are on a device of their own, and lie in memory.

What a GPU would refuse is refused: numpy arrays of its tensors, and operations among tensors of the
two places. So mistakes about devices show on machines without one. What is computed is computed by
the CPU's own code, so that all numbers are those of the CPU.
"""

from functools import partial

import pytest

torch = pytest.importorskip("torch")

from torch.utils import backend_registration  # noqa: E402
from torch.utils._pytree import tree_leaves, tree_map  # noqa: E402

DEVICE = "pretended"
IS_POSSIBLE = hasattr(torch._C, "_acc")  # as torch has since 2.9
aten = torch.ops.aten
COPIES = {aten.copy_: 0, aten._copy_from: 1}  # and which argument they write to
# Positions in memory a GPU fetches by itself, to take or to put what is there.
FETCHING = {aten.index, aten.index_put, aten.index_put_}
# Which torch would make by writing to an empty tensor.
FACTORIES = {
    "arange": aten.arange.default,
    "arange.start": aten.arange.start,
    "arange.start_step": aten.arange.start_step,
    "eye": aten.eye.default,
    "randperm": aten.randperm.default,
}


class OnGPU(torch.Tensor):
    """A tensor that says that it is on the GPU; what it holds is in memory, in `held`."""

    @staticmethod
    def __new__(cls, held):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(DEVICE, 0),
        )

    def __init__(self, held):
        self.held = held

    def __repr__(self):
        return f"OnGPU({self.held!r})"

    def numpy(self, *, force=False):
        """As torch does it for its own tensors; for subclasses it has no arrays at all."""
        if not force:
            raise TypeError(f"can't convert {self.device} device type tensor to numpy.")
        return self.detach().held.numpy()

    def __array__(self, dtype=None, copy=None):
        return self.numpy()

    def tolist(self):
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return computed(func, *args, **(kwargs or {}))


def computed(func, *args, **kwargs):
    """What an operation gives: on the GPU, where its tensors are there or it is to be there."""
    packet, leaves = func.overloadpacket, tree_leaves((args, kwargs))
    there = [leaf for leaf in leaves if isinstance(leaf, OnGPU)]
    here = [leaf for leaf in leaves if type(leaf) is torch.Tensor and leaf.ndim]
    fetches = packet in FETCHING and isinstance(args[0], OnGPU)
    if there and here and not fetches and packet not in {*COPIES, aten._to_copy}:
        raise RuntimeError(f"{func}: expected all tensors to be on the same device")
    is_there = bool(there)
    if packet in COPIES:
        is_there = isinstance(args[COPIES[packet]], OnGPU)
    elif kwargs.get("device") is not None:
        is_there = torch.device(kwargs["device"]).type == DEVICE
        kwargs["device"] = torch.device("cpu")
    args, kwargs = tree_map(lambda leaf: getattr(leaf, "held", leaf), (args, kwargs))
    out = func(*args, **kwargs)
    if any(leaf.held.shape != leaf.shape for leaf in there):
        raise NotImplementedError(f"{func} gave another shape to a tensor that it wrote to")
    if not is_there:
        return out
    written = {id(leaf.held): leaf for leaf in there}

    def placed(leaf):
        """A result; what was written to is the tensor that it was."""
        if not isinstance(leaf, torch.Tensor):
            return leaf
        return written[id(leaf)] if id(leaf) in written else OnGPU(leaf)

    return tree_map(placed, out)


def registered():
    """Have torch know the device; returns what has to live for as long as it is known."""
    backend_registration._setup_privateuseone_for_python_backend(DEVICE)
    everything, factories = (torch.library.Library(name, "IMPL") for name in ("_", "aten"))
    everything.fallback(computed, "PrivateUse1")
    for name, func in FACTORIES.items():
        factories.impl(name, partial(computed, func), "PrivateUse1")
    return everything, factories


LIBRARIES = registered() if IS_POSSIBLE else ()
