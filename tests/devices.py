"""The devices that tests are run on: memory, a GPU if there is one, and one that is pretended."""

import pytest

torch = pytest.importorskip("torch")

PRETENDED = "pretended"
has_python_devices = hasattr(torch._C, "_acc")  # as torch has since 2.9
GPUS = [
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
    ),
    pytest.param(
        PRETENDED,
        marks=pytest.mark.skipif(not has_python_devices, reason="torch has no Python devices"),
    ),
]
DEVICES = ["cpu", *GPUS]
on_gpus = pytest.mark.parametrize("device", GPUS)
on_each_device = pytest.mark.parametrize("device", DEVICES)

if has_python_devices:
    from pretended_gpu import DEVICE

    assert DEVICE == PRETENDED
