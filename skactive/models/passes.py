"""Passes of rows through a net: in order, in batches, on its device, with nothing of it changed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_regressor
from skorch.dataset import Dataset, get_len, unpack_data
from skorch.utils import to_tensor
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..data.datasets import DatasetRows
from ..data.rows import n_rows, slice_rows
from ..utils.checks import warn
from . import modules, serving
from .kinds import SOME_ROWS, is_own, last_step, reach_last
from .modules import uncompiled
from .seeding import ONE_AT_A_TIME, seeded
from .serving import CastDataset, cast, known_dtype, readable

LOADING = ("get_dataset", "get_iterator")  # methods of a net that make its batches
PLAIN_DATASETS = (Dataset, CastDataset)
MAX_BATCH = 1 << 16  # rows, where batch_size is -1


class Seen(NamedTuple):
    """What one batch shows."""

    vectors: Tensor  # that a layer was given, or made
    made: Tensor  # by that layer
    outputs: Tensor  # of the net


class Passes:
    """Passes rows through the module of a fitted net, alone or at the end of a Pipeline."""

    def __init__(self, estimator, seed: Sequence[int], named_by: str):
        self.estimator = estimator
        self.net = last_step(estimator)
        self.seed = seed
        self.named_by = named_by  # the parameter by which users name a layer, for messages
        self.linear: nn.Linear | None = None  # the last, once rows have passed through it
        self.is_made: bool | None = None  # whether the outputs follow from what it gives
        self._has_told = False  # of dropout that stays off

    @property
    def module(self) -> nn.Module:
        """The module itself, inside a compiled one."""
        return uncompiled(self.net.module_)

    @contextmanager
    def ready(self, *, hooked: bool = False, backward: bool = False) -> Iterator[None]:
        """Put the module into evaluation mode, without gradients; with `hooked`, uncompiled."""
        state, module, parts = vars(self.net), self.net.module_, modules.modules_of(self.net)
        with ONE_AT_A_TIME, ExitStack() as stack:
            if hooked:
                # What torch.compile made runs a graph in which hooks that come later are not.
                stack.callback(state.__setitem__, "module_", module)
                state["module_"] = uncompiled(module)
                stack.enter_context(modules.eager(parts))
                stack.enter_context(modules.unfused())
            # In training mode a row's output would depend on chance and on the rows beside it, and
            # batch norm would learn from rows that are only looked at.
            stack.enter_context(modules.evaluation(*parts))
            # Some layers draw in evaluation mode too; asked twice, a net must answer the same.
            stack.enter_context(seeded(list(self.seed), [self.net]))
            stack.enter_context(torch.no_grad())
            if backward:
                stack.enter_context(modules.differentiable(parts))
            yield

    def batches(self, X, n_first: int | None = None) -> Generator[Any, None, None]:
        """Yield rows as the module takes them, in batches, in order, on the net's device.

        The first rows alone, where so many are asked for, are read as one batch by this process.
        """
        # Cut before a Pipeline transforms them: for a look at one row, the others can wait.
        X = X if n_first is None else slice_rows(X, 0, min(n_first, n_rows(X)))
        if n_rows(X) == 0:
            raise ValueError("the net got no rows; give at least one.")
        net, X = self.net, reach_last(self.estimator, X)[0]
        serving.check_pass_order(net)
        if net.dataset in PLAIN_DATASETS:
            serving.refuse_lists(X)
        params, dtype = net.get_params_for("iterator_valid"), modules.float_dtype(self.module)
        if _is_plain(net, X) and params.keys() <= {"batch_size"}:
            step = n_first or batch_rows(net)
            for start in range(0, len(X), step):
                yield _on_device(X[start : start + step], dtype, net.device)
            return
        for batch in self._loaded(X, n_first, params):
            # Cast where it is: there are devices that cannot hold what it may come in.
            x = cast(unpack_data(batch)[0], dtype)
            with readable(self.module, "batches such as this", x):
                x = cast(to_tensor(x, device=net.device), dtype)
            yield x
            # Let go before the next is made, or two batches would lie in memory at once.
            del batch, x

    def _loaded(self, X, n_first: int | None, params: dict) -> Iterator:
        """Return batches of rows as the net's own iterator makes them."""
        net = self.net
        data = net.get_dataset(X.for_passes() if isinstance(X, DatasetRows) else X)
        loader = serving.of_one_shape(net.get_iterator(data, training=False))
        if n_first is not None and isinstance(loader, DataLoader):  # not worth its workers
            loader = DataLoader(data, batch_size=n_first, collate_fn=loader.collate_fn)
        elif n_first is not None:
            loader = net.iterator_valid(data, **(params | {"batch_size": n_first}))
        # A loader draws a seed for its workers, which would move the user's generator on.
        with torch.random.fork_rng(devices=()):
            return iter(loader)

    def first(self, X, n: int = 1):
        """Return a batch of the first rows alone."""
        with closing(self.batches(X, n)) as batches:
            return next(batches)

    def outputs(self, x) -> Tensor:
        """Return what the module gives for a batch."""
        with readable(self.module, "batches such as this", x):
            output = self.net.infer(x)
        return modules.first_output(output)

    def last_linear(self, X) -> nn.Linear | None:
        """Return the linear layer that makes the outputs, else the last one, if any."""
        if self.is_made is None:
            with self.ready(hooked=True):
                x = self.first(X, SOME_ROWS)
                # Copies, since the module may write to its input, and is asked more than once.
                self.linear, self.is_made = modules.last_linear(
                    self.module, lambda: self.outputs(modules.copied(x))
                )
        return self.linear

    def layer_of_embedding(self, X) -> str | None:
        """Return "" where vectors are the outputs, None where they are a linear layer's input.

        Outputs of a classifier or a regressor are predictions, and no vectors of rows.
        """
        linear, name = self.last_linear(X), type(self.module).__name__
        if self.is_made:
            return None
        found = f"{name} has no Linear layer, whose input would be the embedding"
        if linear is not None:
            found = (
                f"the outputs of {name} do not follow from its last Linear layer, whose input "
                f"would be the embedding"
            )
        write = f"write {self.named_by}='name of a layer'"
        if is_classifier(self.net) or is_regressor(self.net):
            raise ValueError(f"{found}; {write}.")
        warn(f"{found}; vectors are its outputs, {write}, or {self.named_by}='' to say so.")
        return ""

    def watched(self, X, name: str | None) -> Generator[Seen, None, None]:
        """Yield what each batch shows.

        By the output of the layer of that name; None: by the input of the last linear layer.
        """
        with self.ready(hooked=True):
            layer: Any = self.last_linear(X) if name is None else self.named_layer(name)
            is_along_first = False  # as one row alone has shown
            with modules.watching(layer) as seen:
                for x in self.batches(X):
                    outputs = self.outputs(x)
                    at = "input" if name is None else "output"
                    if at not in seen:
                        raise ValueError(
                            f"{self.named_by}={name!r} is a layer of {type(self.module).__name__} "
                            f"that no row passes through; name one that does."
                        )
                    batch = Seen(seen[at], seen["output"], outputs)
                    # As many rows as steps of a sequence: the shape does not tell which axis is
                    # which, and vectors of steps would silently stand for those of rows.
                    is_square = batch.vectors.ndim > 2 and len(set(batch.vectors.shape[:2])) == 1
                    if is_square and not is_along_first:
                        self.outputs(self.first(X))
                        if len(seen[at]) != 1:
                            self._refuse_layer(len(seen[at]), 1)
                        is_along_first = True
                    yield batch
                    seen.clear()
                    del x, outputs, batch

    def named_layer(self, name: str) -> nn.Module:
        """Return the layer of a name, or refuse the name."""
        return modules.named_layer(self.module, name, self.named_by)

    def as_rows(self, seen: Seen) -> Tensor:
        """Return the vectors of a batch, flattened to shape (n, d)."""
        n, n_seen = len(seen.outputs), len(seen.vectors)
        if n_seen != n:
            self._refuse_layer(n_seen, n)
        return seen.vectors.reshape(n, -1)

    def _refuse_layer(self, n_seen: int, n: int) -> NoReturn:
        """Refuse a layer that has not one vector for each row."""
        raise ValueError(
            f"the layer saw {n_seen} vectors for {n} row{'s' * (n != 1)}; an embedding has one for "
            f"each row, write {self.named_by}='name of a layer that gives one'."
        )

    def with_dropout(self, X, n_passes: int, read: Callable) -> Generator[Tensor, None, None]:
        """Yield what `read` makes of each batch in S passes, shape (n, S, ...)."""
        masks = modules.DropoutMasks(modules.dropout_layers(self.module), self.seed)
        self._tell_what_is_off()
        with self.ready(hooked=True), masks.switched_on():
            # All passes over one batch before the next: loading a batch is often what takes long.
            for x in self.batches(X):
                passes, n = [], get_len(x)
                for number in range(n_passes):
                    masks.begin(number, n)
                    with masks.functions():
                        outputs = self.outputs(modules.copied(x))  # it may be written to
                    passes.append(read(outputs))
                    del outputs
                if not masks.are_used:
                    raise ValueError(
                        f"no row passes through the Dropout layers of "
                        f"{type(self.module).__name__}, nor through a function that drops units, "
                        f"so that all passes are alike; use them in its forward."
                    )
                yield torch.stack(passes, dim=1)
                del x, passes

    def _tell_what_is_off(self) -> None:
        """Warn, once, of dropout that passes leave out."""
        off = [] if self._has_told else modules.always_off(self.module)
        self._has_told = True
        if off:
            warn(
                f"passes with dropout leave out that inside {' and '.join(off)} of "
                f"{type(self.module).__name__}; have it in Dropout layers, if it should count."
            )


def batch_rows(net) -> int:
    """Return how many rows make a batch of a net."""
    size = net.get_params_for("iterator_valid").get("batch_size", net.batch_size)
    return MAX_BATCH if size == -1 else int(size)  # which skorch takes for all rows at once


def _is_plain(net, X) -> bool:
    """Whether rows can be sliced into batches, which is quicker than one by one."""
    is_array = isinstance(X, Tensor) or (isinstance(X, np.ndarray) and X.dtype.kind in "biuf")
    is_usual = net.iterator_valid is DataLoader and net.dataset in PLAIN_DATASETS
    return is_array and is_usual and not any(is_own(net, name) for name in LOADING)


def _on_device(block, dtype: torch.dtype, device) -> Tensor:
    """Return a copy of some rows on a device, floats in that dtype, arrays in C order.

    A copy, since a first layer may write to what it is given.
    """
    is_copy, layout = False, torch.preserve_format
    if isinstance(block, np.ndarray):
        is_copy = not _may_be_shared(block)
        if is_copy:
            block = np.array(block, dtype=known_dtype(block.dtype), order="C")
        block, layout = torch.from_numpy(block), torch.contiguous_format
    if block.is_floating_point() and block.dtype != dtype:
        # Where it is, since there are devices that cannot hold what it may come in.
        block, is_copy = block.to(dtype, memory_format=layout), True
    return block.to(device=device, copy=not is_copy, memory_format=layout)


def _may_be_shared(block: NDArray) -> bool:
    """Whether torch can share the memory of an array, without a warning."""
    is_regular = all(step >= 0 and step % block.itemsize == 0 for step in block.strides)
    return block.flags.writeable and known_dtype(block.dtype) == block.dtype and is_regular
