"""The devices that tests are run on: memory, a GPU if there is one, and one that is pretended."""

import pytest

torch = pytest.importorskip("torch")

from pretended_gpu import DEVICE as PRETENDED  # noqa: E402
from pretended_gpu import IS_POSSIBLE  # noqa: E402

GPUS = [
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
    ),
    pytest.param(
        PRETENDED,
        marks=pytest.mark.skipif(not IS_POSSIBLE, reason="torch has no Python devices"),
    ),
]
on_gpus = pytest.mark.parametrize("device", GPUS)
on_each_device = pytest.mark.parametrize("device", ["cpu", *GPUS])
