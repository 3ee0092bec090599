"""Refuses, in words, what would fail inside torch or skorch when a net is trained."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.arrays import SUM_TOLERANCE
from ..data.tensors import as_array
from .kinds import is_own
from .serving import UNREADABLE, described, reason


def check_settings(net) -> None:
    """Refuse parameters on which skorch would fail, or which skactive cannot work with."""
    callbacks, split = net.callbacks, net.train_split
    if callbacks == "disable":
        raise ValueError(
            "the net has callbacks='disable', but skactive looks after its training by one; write "
            "callbacks=None, or callbacks__print_log=None for silence."
        )
    if callbacks is not None and not isinstance(callbacks, list | tuple):
        name = type(callbacks).__name__
        raise ValueError(f"the net has callbacks={name}(...); write a list, [{name}(...)].")
    if split and not callable(split):
        raise ValueError(
            f"the net has train_split={split!r}; write skorch.dataset.ValidSplit({split!r}), or "
            f"None for no validation."
        )
    # torch fails on a list, in words that do not help; a loss of the user's own may well take one.
    cls = net.criterion if isinstance(net.criterion, type) else type(net.criterion)
    is_torchs = issubclass(cls, nn.modules.loss._Loss) and not is_own(cls, "__init__")
    weights = {"weight", "pos_weight"} if is_torchs else set()
    for name, value in net.get_params_for("criterion").items():
        if name in weights and isinstance(value, list | tuple | np.ndarray):
            raise ValueError(
                f"the net has criterion__{name} of type {type(value).__name__}; write "
                f"torch.tensor(..., dtype=torch.float32), with a number for each class."
            )
    # By trying, since only torch knows which names of devices there are, and which are there.
    try:
        torch.empty(0, device=net.device)
    except torch.cuda.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"the net has device={net.device!r}, but torch finds no such device here; write "
            f"device='cpu'."
        ) from error


def check_sums(proba: NDArray) -> None:
    """Refuse outputs of a classifier that are not probabilities."""
    sums = proba.sum(axis=-1, dtype=np.float64)
    # Turned round, so that a sum of NaN is wrong too.
    is_wrong = ~(np.abs(sums - 1) <= SUM_TOLERANCE) | (proba < 0).any(axis=-1)
    if is_wrong.any():
        first = proba[is_wrong][0]
        if np.isnan(first).any():
            raise ValueError(
                "the net gave NaN for the probabilities of a row: its training diverged, or its "
                "inputs have NaN; lower its lr, or mend the rows."
            )
        raise ValueError(
            f"the net gave {np.array2string(first, precision=3, threshold=6)} as the probabilities "
            f"of a row, with sum {first.sum(dtype=np.float64):.4g}; end its module in Softmax "
            f"(skorch takes the logarithm itself), or write criterion=torch.nn.CrossEntropyLoss "
            f"where it gives logits; with a criterion of your own give predict_nonlinearity=."
        )


def check_label_proba(proba: NDArray, n_labels: int | None) -> None:
    """Refuse outputs that are not a probability for each label that a row may have."""
    if proba.ndim != 2 or n_labels not in (None, proba.shape[1]):
        width = tuple(proba.shape[1:]) if proba.ndim != 2 else proba.shape[1]
        raise ValueError(
            f"the net has {width} outputs for {n_labels} labels that a row may have; give its last "
            f"layer as many outputs."
        )
    if not ((proba >= 0) & (proba <= 1)).all():
        row = proba[~((proba >= 0) & (proba <= 1)).all(axis=1)][0]
        raise ValueError(
            f"the net gave {np.array2string(row, precision=3, threshold=6)} as the probabilities "
            f"of a row's labels; write criterion=torch.nn.BCEWithLogitsLoss where it gives logits, "
            f"and if it gives NaN, lower its lr, or mend the rows."
        )


def check_targets(net, y, outputs: Tensor) -> None:
    """Refuse labels for which the net has no output."""
    loss = getattr(net, "criterion_", None)
    if y is None or is_own(net, "get_loss"):
        return
    if not isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss):
        return
    # On a GPU a label without an output fails an assertion, after which the process can compute
    # nothing there any more: it has to be refused before.
    y, last = as_array(y), outputs.shape[1] - 1
    is_unknown = np.ones(len(y), dtype=bool)
    if y.dtype.kind in "biuf":
        is_unknown = ((y < 0) | (y > last)) & (y != loss.ignore_index)
    if not is_unknown.any():
        return
    label = y[is_unknown].tolist()[0]
    how = "criterion__ignore_index=-1, or leave out fit_unlabeled=True"
    raise ValueError(
        f"the net got the label {label!r}, where it takes 0 to {last}; "
        f"{f'write {how}' if label == -1 else 'leave out encode_labels=False'}."
    )


def check_reduction(net) -> None:
    """Refuse a criterion that gives a loss for each row instead of one number."""
    is_summed = is_own(net, "get_loss") or is_own(net, "train_step_single")
    if not is_summed and getattr(getattr(net, "criterion_", None), "reduction", None) == "none":
        raise ValueError(
            "the net has a criterion with reduction='none', whose losses of single rows nothing "
            "adds up; write criterion__reduction='mean'."
        )


def check_loss(net, outputs, targets) -> None:
    """Refuse a loss that fails on outputs and targets, and a net whose weights are all frozen."""
    if any(is_own(net, name) for name in ("get_loss", "train_step", "train_step_single")):
        return
    try:
        net.get_loss(outputs, targets)
    except torch.cuda.OutOfMemoryError:
        raise
    except UNREADABLE as error:
        raise ValueError(
            f"the criterion {type(net.criterion_).__name__} cannot compare outputs, "
            f"{described(outputs)}, with labels, {described(targets)}: {reason(error)}; mend it or "
            f"its parameters (a weight has one float32 for each class)."
        ) from error
    if not any(weights.requires_grad for _, weights in net.get_all_learnable_params()):
        raise ValueError(
            "every parameter of the net is frozen; leave its head free to learn, or put the net "
            "into FrozenEstimator to ask it as it is."
        )


def check_monitors(net) -> None:
    """Refuse callbacks that watch a validation score when there is no validation."""
    if net.train_split:
        return
    # A scoring callback on the validation set writes under its own name, and under "..._best".
    scored = {
        each
        for name, callback in net.callbacks_
        if not getattr(callback, "on_train", True)
        for each in (name, getattr(callback, "name", None))
    }
    for _, callback in net.callbacks_:
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and (
            monitor.startswith("valid") or monitor.removesuffix("_best") in scored
        ):
            raise ValueError(
                f"{type(callback).__name__} watches {monitor!r}, but there is no validation set "
                f"(or too few labels to split one off); give a fixed one, "
                f"train_split=skorch.helper.predefined_split(dataset), or watch 'train_loss'."
            )
