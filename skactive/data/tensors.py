"""Tensors as rows: recognised where torch is loaded, never a reason to import it."""

from __future__ import annotations

from sys import modules
from typing import Any, TypeGuard

import numpy as np

from ..utils.checks import is_instance


def is_tensor(X: Any) -> TypeGuard[Any]:
    """Tell whether X is a torch tensor, without importing torch.

    Examples
    --------
    >>> is_tensor(np.eye(2))
    False
    """
    return is_instance(X, ("torch.Tensor",))


def as_array(X: Any) -> np.ndarray:
    """Return X as an array, which may share its memory; a tensor of any device and dtype as well.

    Examples
    --------
    >>> import torch
    >>> as_array(torch.ones(2, dtype=torch.bfloat16))
    array([1., 1.], dtype=float32)
    """
    if not is_tensor(X):
        return np.asarray(X)
    # numpy lacks the other floats, such as bfloat16; float32 holds all of their values.
    known = str(X.dtype).removeprefix("torch.") in ("float64", "float32", "float16")
    return (X if known or not X.is_floating_point() else X.float()).numpy(force=True)


def check_tensor(X: Any, who: str) -> Any:
    """Return a tensor of rows detached from its graph, or refuse it.

    Examples
    --------
    >>> import torch
    >>> check_tensor(torch.ones(2, requires_grad=True), "fit")
    tensor([1., 1.])
    """
    if X.is_nested or X.layout is not modules["torch"].strided:
        nested = X.is_nested
        kind, write = ("nested", "to_padded_tensor(0.0)") if nested else ("sparse", "to_dense()")
        raise TypeError(
            f"{who} got a {kind} tensor, whose rows cannot be taken by position; write X.{write}."
        )
    if X.ndim == 0:
        raise TypeError(f"{who} got a tensor without dimension; write a tensor of rows.")
    return X.detach() if X.requires_grad else X


def take_from_tensor(X: Any, positions: np.ndarray) -> Any:
    """Gather rows of a tensor by position, on its device: a copy.

    Examples
    --------
    >>> import torch
    >>> take_from_tensor(torch.arange(3), np.array([2, 0]))
    tensor([2, 0])
    """
    torch = modules["torch"]
    # On a GPU torch would not raise, but leave the process without its device.
    check_within(positions, len(X))
    return torch.index_select(X, 0, torch.tensor(positions, device=X.device))


def without_excess(X: Any) -> Any:
    """Return a tensor that keeps no other values alive: pickling writes the whole storage.

    Examples
    --------
    >>> import torch
    >>> len(without_excess(torch.arange(1000)[:2]).untyped_storage())  # bytes
    16
    """
    held = X.untyped_storage().nbytes()
    return X.clone() if held > X.numel() * X.element_size() else X


def check_within(positions: np.ndarray, n: int) -> None:
    """Refuse positions that are not from 0 to n - 1."""
    outside = positions[(positions < 0) | (positions >= n)]
    if outside.size:
        raise IndexError(f"row {outside[0]} is beyond the {n} rows.")
