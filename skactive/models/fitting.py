"""How a net learns from few labels: what would fail inside torch is mended, or refused in words."""

from __future__ import annotations

import warnings
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import is_classifier
from skorch import NeuralNet, NeuralNetBinaryClassifier
from skorch.callbacks import Callback
from skorch.dataset import Dataset, ValidSplit, unpack_data
from skorch.helper import predefined_split
from skorch.utils import to_numpy
from torch import Tensor, nn
from torch.utils.data import default_collate

from ..data.datasets import DatasetRows
from ..data.labels import encode
from ..data.tensors import as_array
from ..utils.checks import warn
from . import checking, serving
from .kinds import is_own, last_step
from .modules import (
    evaluation,
    first_output,
    float_dtype,
    has_batch_norm,
    modules_of,
    of_each_label,
    uncompiled,
)
from .serving import CastDataset, as_targets

NAME = "skactive"  # of the callback among those of the net


def prepare(
    estimator, n_classes: int | None, coded: NDArray | None = None, multilabel: bool = False
) -> None:
    """Prepare the net at the end of an unfitted estimator for few labels, in place.

    A classifier is to have `n_classes` outputs; `coded` holds the labels for which it is given 0 to
    k - 1, None: it is given labels as they are. With `multilabel`, each output is of a label that
    a row has or not.
    """
    net = last_step(estimator)
    checking.check_settings(net)
    # A clone of a net that a learner fitted brings the guard of that learner along.
    own = [each for each in net.callbacks or [] if not _is_guard(each)]
    net.set_params(callbacks=[*own, (NAME, Guard(n_classes, coded, multilabel))])
    if net.dataset is Dataset:
        net.set_params(dataset=CastDataset)


def _is_guard(callback) -> bool:
    """Whether a callback is the one that `prepare` adds."""
    return isinstance(callback, tuple) and isinstance(callback[1], Guard)


class Guard(Callback):
    """Looks at a net and its rows before it is trained, and mends or refuses what would fail.

    `n_classes`, `coded` and `multilabel` are as for `prepare`.
    """

    def __init__(self, n_classes=None, coded=None, multilabel=False):
        self.n_classes = n_classes
        self.coded = coded
        self.multilabel = multilabel

    def __repr__(self) -> str:
        return f"Guard({self.n_classes})"

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Mend or refuse what would fail, before the first epoch."""
        serving.check_pass_order(net)
        # The net is the user's: what is put in place of these is for this training alone.
        replaced = ("dataset", "train_split", "iterator_train", "iterator_valid")
        self.before_ = {name: getattr(net, name) for name in replaced}
        floats = float_dtype(net.module_)
        if net.dataset is CastDataset:
            net.dataset__floats = floats  # set_params serves no dataset__ by then
            serving.refuse_lists(X)
        # A Dataset of the user's own casts nothing; its rows are cast as they are handed out.
        if isinstance(getattr(X, "rows", None), DatasetRows):
            X.transform = partial(serving.cast, dtype=floats)
        # One row costs little, and shows all that torch would fail on: in a traceback, or on a GPU
        # in an assertion after which nothing runs there.
        one, two = _first_outputs(net, net.get_dataset(X, y), "the first")
        outputs = first_output(one)
        self._check_outputs(net, outputs)
        checking.check_targets(net, y, outputs)
        checking.check_reduction(net)
        self._set_targets(net, X, outputs)
        net.iterator_train = serving.CheckedLoader(net.iterator_train, has_batch_norm(net.module_))
        net.iterator_valid = serving.UniformLoader(net.iterator_valid)
        split = self._fixed_split(net, outputs) or self._possible_split(net, X, y)
        net.train_split = serving.ServedSplit(net.train_split, split)
        # Only now, since targets come in the dtype that was just set.
        target = _batch_of(net, net.get_dataset(X, y)[0], 2, "iterator_train")[1]
        checking.check_loss(net, first_output(two).reshape(-1) if _is_column(net) else two, target)
        checking.check_monitors(net)

    def on_train_end(self, net, **kwargs):
        """Restore what was replaced for this training."""
        for name, value in self.before_.items():
            setattr(net, name, value)

    def _fixed_split(self, net, outputs: Tensor):
        """Return the split of a fixed validation set, with dtypes as for labelled rows, or None."""
        given: Any = getattr(net.train_split, "keywords", {}).get("valid_ds")  # of predefined_split
        if given is None:
            return None
        are_pairs = len(given) and isinstance(given[0], tuple | list) and len(given[0]) == 2
        if not are_pairs or (type(given) is Dataset and given.y is None):
            what = "items that are not a row and its label" if len(given) else "no rows"
            raise ValueError(
                f"the validation set of train_split has {what}; write "
                f"predefined_split(skorch.dataset.Dataset(X_valid, y_valid))."
            )
        floats, format = float_dtype(net.module_), self._target_format(net, outputs)
        if type(given) is Dataset:
            y = self._served(as_array(given.y), *format)
            served: Any = CastDataset(given.X, y, floats=floats)
        else:
            served = serving.ServedPairs(given, floats, partial(self._served_one, format))
        _first_outputs(net, served, "the first of train_split's validation set", "iterator_valid")
        return predefined_split(served)

    def _served(self, y: NDArray, dtype: torch.dtype, is_column: bool) -> Tensor:
        """Return labels of a validation set as targets."""
        y = y if self.multilabel else y.reshape(-1)
        if self.coded is None:
            return as_targets(y, dtype, is_column)
        codes = encode(y, self.coded)
        if (codes < 0).any():
            raise ValueError(
                f"the validation set of train_split has the label {y[codes < 0].tolist()[0]!r}, "
                f"which is not among {self.coded.tolist()}; give it labels like those that are "
                f"taught."
            )
        return as_targets(codes, dtype, is_column)

    def _served_one(self, format: tuple, label) -> Tensor:
        """Return one label of a validation set as a target."""
        return self._served(as_array(label)[None], *format)[0]

    def _check_outputs(self, net, outputs: Tensor) -> None:
        """Refuse outputs that are not probabilities, one for each class."""
        if self.multilabel:
            proba = of_each_label(net._get_predict_nonlinearity()(outputs))
            checking.check_label_proba(to_numpy(proba), self.n_classes)
            return
        if not is_classifier(net):
            if outputs.numel() != len(outputs):
                raise ValueError(
                    f"the net gives outputs of shape {tuple(outputs.shape)} for one row; a "
                    f"regressor gives one number."
                )
            return
        if self._is_binary(net, outputs):
            outputs = outputs.reshape(-1)
        proba = to_numpy(net._get_predict_nonlinearity()(outputs))
        if proba.ndim == 1:
            raise ValueError(
                f"the net gives outputs of shape {tuple(outputs.shape)} for one row, as by a "
                f"squeeze; keep the axis of the rows, of shape (1, C) for C classes."
            )
        if proba.ndim != 2 or self.n_classes not in (None, proba.shape[1]):
            width = tuple(proba.shape[1:]) if proba.ndim != 2 else proba.shape[1]
            raise ValueError(
                f"the net has {width} outputs for {self.n_classes} classes; name all classes in "
                f"classes=, and give its last layer as many outputs."
            )
        checking.check_sums(proba)

    def _is_binary(self, net, outputs: Tensor) -> bool:
        """Whether a net is made for two classes, or refuse outputs or a loss that do not fit."""
        name, is_binary = type(net).__name__, isinstance(net, NeuralNetBinaryClassifier)
        is_for_more = self.n_classes not in (None, 2)
        if is_binary and (is_for_more or outputs.numel() != len(outputs)):
            width = f"outputs of shape {tuple(outputs.shape)} for one row"
            raise ValueError(
                f"{name} is for two classes and one output, and got "
                f"{f'{self.n_classes} classes' if is_for_more else width}; use NeuralNetClassifier "
                f"with criterion=torch.nn.CrossEntropyLoss."
            )
        loss = getattr(net, "criterion_", None)
        is_for_two = isinstance(loss, nn.BCEWithLogitsLoss | nn.BCELoss)
        if is_for_two and not is_binary and net.predict_nonlinearity == "auto":
            raise ValueError(
                f"{name} has the criterion {type(loss).__name__}, which is for two classes and one "
                f"output; write criterion=torch.nn.CrossEntropyLoss, or use "
                f"NeuralNetBinaryClassifier."
            )
        return is_binary

    def _set_targets(self, net, X, outputs: Tensor) -> None:
        """Make targets come in the dtype and the shape that the criterion needs."""
        dtype, is_column = self._target_format(net, outputs)
        if net.dataset is CastDataset:
            net.dataset__targets, net.dataset__column = dtype, is_column
        elif callable(net.dataset):
            net.dataset = serving.ServedTargets(net.dataset, dtype, is_column)
        if isinstance(getattr(X, "rows", None), DatasetRows):
            X.y = as_targets(X.y, dtype, is_column)

    def _target_format(self, net, outputs: Tensor) -> tuple[torch.dtype, bool]:
        """Return the dtype of targets, and whether they are a column, as the criterion needs."""
        is_classifying = is_classifier(net)
        takes_codes = is_classifying and not isinstance(net, NeuralNetBinaryClassifier)
        takes_codes &= not self.multilabel
        dtype = torch.int64 if takes_codes else float_dtype(net.module_)
        return dtype, not is_classifying and outputs.ndim == 2

    def _possible_split(self, net, X, y):
        """Return the net's train_split, or None with a warning if it cannot split so few labels."""
        split = net.train_split
        if not isinstance(split, ValidSplit) or y is None:
            return split
        if self.multilabel and split.stratified:  # as it is by default, for classes alone
            split = ValidSplit(split.cv, random_state=split.random_state)
        parts: Any = None
        # By trying, since what is too few is known to the splitter alone.
        with warnings.catch_warnings(), suppress(ValueError):
            warnings.simplefilter("ignore")  # of classes with fewer rows than folds
            parts = split(Dataset(np.arange(len(y))), np.asarray(y))
        if parts is None or not all(map(len, parts)):
            warn(
                "labels are too few for the net's train_split: it learns from all of them, without "
                "validation; write train_split=None, or a fixed set by "
                "skorch.helper.predefined_split."
            )
            return None
        return split


def _first_outputs(net, data, which: str, iterator: str = "iterator_train") -> tuple[Any, Any]:
    """Return what the net gives for the first row of a Dataset, once alone and once twice."""
    # Twice, since one row alone does not show along which axis rows are. In evaluation mode, in
    # which batch norm takes one row and learns nothing from it.
    first, infer = data[0], partial(NeuralNet.infer, net) if _is_column(net) else net.infer
    name = type(uncompiled(net.module_)).__name__
    with (
        serving.readable(net.module_, f"rows such as {which}", first[0]),
        evaluation(*modules_of(net)),
        torch.no_grad(),
    ):
        one, two = (infer(_batch_of(net, first, n, iterator)[0]) for n in (1, 2))
    if not isinstance(one, Tensor) and not is_own(net, "get_loss"):
        raise ValueError(
            f"{name} gives a {type(one).__name__}, of which skorch knows no loss; return one "
            f"tensor (of a transformer, its .logits), or override get_loss in the net."
        )
    if len(first_output(two)) != 2:
        raise ValueError(
            f"{name} gives outputs of shape {tuple(first_output(two).shape)} for 2 rows; it must "
            f"give one for each, along the first axis."
        )
    return one, two


def _batch_of(net, pair, n: int, iterator: str) -> tuple[Any, Any]:
    """Return a batch of one row and its target, n times, as an iterator of the net makes it."""
    collate = net.get_params_for(iterator).get("collate_fn", default_collate)
    return unpack_data(collate([pair] * n))


def _is_column(net) -> bool:
    """Whether a net flattens what its module gives, which should be a column, as it is."""
    return type(net).infer is NeuralNetBinaryClassifier.infer
