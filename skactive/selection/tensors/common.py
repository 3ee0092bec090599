"""What selection on tensors shares: checks, pieces, and sums that every device rounds alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...data.arrays import check_vectors, refuse_not_finite, slices

DEVICE_BYTES = 1 << 26  # worked on at a time on a GPU, where each call takes its time
SUM_BYTES = 1 << 23  # summed at a time: the same everywhere, as it decides how a sum is rounded


def checked_tensor(vectors: Tensor, *, who: str, name: str = "embedding") -> Tensor:
    """Return a dense tensor of rows without its gradient, refusing what is not finite real numbers.

    Copied only from a device that has no float64; `who` and `name` are for messages.

    Examples
    --------
    >>> checked_tensor(torch.ones(3, 2), who="k_center").shape
    torch.Size([3, 2])
    """
    vectors = vectors.detach()
    if vectors.layout != torch.strided:
        raise TypeError(
            f"{who} got {name} as a tensor of layout {vectors.layout}; give a dense tensor, or a "
            f"CSR matrix of scipy.sparse."
        )
    if vectors.is_complex() or vectors.ndim != 2:
        # An array of this kind, that takes no memory, is refused in the same words.
        dtype = vectors.dtype if vectors.is_complex() else torch.float32
        number = torch.zeros((), dtype=dtype, device="cpu")
        check_vectors(np.broadcast_to(number.numpy(), tuple(vectors.shape)), who=who, name=name)
    if vectors.device.type == "mps":
        vectors = vectors.cpu()  # distances that decide are float64, which it has not
    _refuse_not_finite(vectors, who, name)
    return vectors


def _refuse_not_finite(vectors: Tensor, who: str, name: str) -> None:
    """Refuse rows that hold NaN or infinity."""
    if not vectors.is_floating_point():
        return
    # One sum of each piece, and one answer from the device for all of them.
    sums = [vectors[part].sum(dtype=torch.float64) for part in pieces_of(vectors)]
    if not sums or torch.stack(sums).isfinite().all():
        return
    for part in pieces_of(vectors):
        is_bad = ~vectors[part].isfinite().all(dim=1)
        if is_bad.any():  # finite numbers may have a sum that is not
            row = part.start + int(is_bad.int().argmax())
            block = vectors[row : row + 1].double().cpu().numpy()
            refuse_not_finite(block, row, who=who, name=name)


def floats_of(dtype: torch.dtype) -> torch.dtype:
    """Return the floats in which to compute with numbers of a dtype, as `as_floats` does.

    Examples
    --------
    >>> floats_of(torch.bfloat16), floats_of(torch.int64)
    (torch.float32, torch.float64)
    """
    is_wide = dtype.itemsize > (4 if dtype.is_floating_point else 2)
    return torch.float64 if is_wide else torch.float32


def pieces(n: int, width: float, device: torch.device) -> Iterator[slice]:
    """Return slices of n rows, few enough to be worked on at a time on a device."""
    return slices(n, width, None if device.type == "cpu" else DEVICE_BYTES)


def pieces_of(vectors: Tensor) -> Iterator[slice]:
    """Return slices of the rows of a tensor, few enough to be worked on at a time."""
    return pieces(len(vectors), vectors.shape[1], vectors.device)


def moved(array: ArrayLike, device: torch.device) -> Tensor:
    """Return an array, whether it may be written to or not, as a new tensor on a device."""
    return torch.tensor(np.asarray(array), device=device)


def folded(values: Tensor) -> Tensor:
    """Sum each row by halving it again and again, overwriting the entries.

    Only entries are added, always in this order: so every device rounds alike, and each row does
    wherever it lies.

    Examples
    --------
    >>> folded(torch.tensor([[1.0, 2.0, 4.0]]))
    tensor([7.])
    """
    width = values.shape[1]
    if width == 0:
        return values.new_zeros(values.shape[0])
    while width > 1:
        half = (width + 1) // 2
        values[:, : width - half] += values[:, half:width]
        width = half
    return values[:, 0]


def mean_of(vectors: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the rows of a mask, in float64 and rounded alike on every device."""
    total = torch.zeros(vectors.shape[1], dtype=torch.float64, device=vectors.device)
    for part in slices(len(vectors), vectors.shape[1], SUM_BYTES):
        block = vectors[part].to(torch.float64, copy=True)
        block[~mask[part]] = 0
        total += folded(block.T)
    return total / mask.sum()


def middle_of(vectors: Tensor, positions: Tensor | None = None) -> Tensor:
    """Return a point near rows to subtract, in float64; exact in float32 where that has room."""
    n = len(vectors) if positions is None else len(positions)
    step = max(n // 256, 1)
    some = vectors[::step] if positions is None else vectors[positions[::step]]
    mean = some.double().mean(dim=0)
    single = mean.float().double()
    return torch.where(single.isfinite(), single, mean)


def product_error() -> float:
    """Return the relative error of products of float32, for which users may allow TF32, bfloat16.

    Examples
    --------
    >>> product_error()
    0.0
    """
    if hasattr(torch.backends, "fp32_precision"):
        on_cpu = getattr(torch.backends.mkldnn, "matmul", torch.backends)
        parts = torch.backends.cuda.matmul, on_cpu, torch.backends
        precisions = {part.fp32_precision for part in parts}
    else:  # torch < 2.9
        names = {"highest": "ieee", "high": "tf32", "medium": "bf16"}
        precisions = {names[torch.get_float32_matmul_precision()]}
    if "bf16" in precisions:
        return 2.0**-6
    return 2.0**-9 if "tf32" in precisions else 0.0
