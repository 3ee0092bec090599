"""Vectors of rows by a net, for all rows once."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from ..data.datasets import DatasetRows
from ..data.rows import check_rows, n_rows, slice_rows
from ..utils.checks import is_instance
from ..utils.progress import by_slices
from .kinds import MODULES, is_net, last_step

_EMBED_ROWS = 1 << 14  # that are written at a time


def embed(estimator, X, layer: str | None = None, *, dtype=None, out=None) -> Any:
    """Return vectors of rows by a net, for all rows once.

    What is computed once and kept serves any number of learners after it, such as a linear model
    on ``fit(X, y, embedding=E)`` or on the vectors themselves.

    Parameters
    ----------
    estimator : skorch net, Pipeline, ActiveLearner or torch.nn.Module
        A net that is initialized or fitted, alone, in scikit-learn's ``FrozenEstimator``, at the
        end of a Pipeline or inside a learner; or a module, used where it is, in batches of 128.
    X : container of n rows
        As `ActiveLearner.fit` takes them. A Dataset is read through its `evaluation` where it has
        one.
    layer : str, default=None
        Name of the layer whose output the vectors are, flattened; "" is the module itself. None:
        the input of the last Linear layer; where the outputs do not follow from that, as of a
        module without a head, the module's own outputs, with a warning.
    dtype : dtype, default=None
        Of the vectors; None: as the net gives them.
    out : str, path or array of shape (n, d), default=None
        Where to write them: a ``.npy`` file, opened as a memory map, or an array that is there.
        None: a new array.

    Returns
    -------
    ndarray or memmap of shape (n, d)
        One vector for each row.

    Raises
    ------
    TypeError
        If the estimator is no net, or `out` neither a path nor an array.
    ValueError
        If the layer is unknown, or `out` has another shape or is read-only, or one of them is of
        no float dtype, or `dtype` is another than that of an array.

    Examples
    --------
    >>> import torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    >>> embed(module, np.zeros((4, 3), dtype=np.float32)).shape
    (4, 5)
    >>> embed(module, np.zeros((4, 3), dtype=np.float32), layer="", dtype=np.float16).dtype
    dtype('float16')
    """
    _check_destination(out, dtype)
    X = check_rows(X, who="embed")
    if n_rows(X) == 0:
        raise ValueError("embed got X without rows; give at least one.")
    if isinstance(X, DatasetRows):
        X.refuse_random("embed")
    model, n = _net_model(getattr(estimator, "estimator_", estimator), layer), n_rows(X)
    # Cuts are whole batches, or the net would be given a short one at the end of each.
    step = -(-_EMBED_ROWS // model.batch_rows) * model.batch_rows
    cuts = [slice(start, min(start + step, n)) for start in range(0, n, step)]
    for cut in by_slices(cuts, n, "embedding"):
        vectors = model.vectors(slice_rows(X, cut.start, cut.stop))
        if cut.start == 0:  # only now it is known how wide they are
            out = _destination(out, (n, vectors.shape[1]), dtype, vectors.dtype)
        out[cut] = vectors
    return out


def _net_model(estimator, layer: str | None):
    """Return a net, or a bare module, as a source of vectors."""
    if is_net(estimator):
        from .torch import TorchModel

        model = TorchModel(estimator, layer=layer, named_by="layer")
        model.check()
        return model
    if hasattr(estimator, "teach"):
        raise NotFittedError("embed got a learner without a fitted net; teach it labels first.")
    if not is_instance(estimator, MODULES):
        raise TypeError(
            f"embed got {type(last_step(estimator)).__name__}, which is no net; give a skorch net "
            f"or a torch module, or write pipeline[:-1].transform(X)."
        )
    from .torch import model_of_module

    return model_of_module(estimator, layer)


def _check_destination(out, dtype) -> None:
    """Refuse an `out` or a `dtype` that cannot hold the vectors."""
    is_array = isinstance(getattr(out, "dtype", None), np.dtype)  # one in an HDF5 file too
    if not (out is None or is_array or isinstance(out, str | os.PathLike)):
        raise TypeError(f"embed got out of type {type(out).__name__}; give a path or an array.")
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise ValueError(
            "embed got out that is read-only; open the memory map with mode='r+', or give a new "
            "path."
        )
    if is_array and dtype is not None and np.dtype(dtype) != out.dtype:
        raise ValueError(
            f"embed got dtype={np.dtype(dtype)} and out of dtype {out.dtype}; leave dtype out."
        )
    for name, given in (("dtype=", dtype), ("out of dtype ", out.dtype if is_array else None)):
        if given is not None and np.dtype(given).kind != "f":
            raise ValueError(f"embed got {name}{np.dtype(given)}; vectors are floats.")


def _destination(out, shape: tuple[int, int], dtype, native_dtype):
    """Return the array to write vectors into."""
    if out is None:
        return np.empty(shape, dtype=native_dtype if dtype is None else dtype)
    if isinstance(out, str | os.PathLike):
        dtype = np.dtype(native_dtype if dtype is None else dtype)
        return np.lib.format.open_memmap(out, mode="w+", dtype=dtype, shape=shape)
    if out.shape != shape:
        raise ValueError(f"embed got out of shape {out.shape}; the vectors have shape {shape}.")
    return out
