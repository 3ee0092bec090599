"""Arrays from skorch nets: each in one ordered pass over the rows, on the net's device."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet, NeuralNetBinaryClassifier
from skorch.dataset import Dataset, get_len, unpack_data
from skorch.utils import to_numpy, to_tensor
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..data.datasets import DatasetRows
from ..data.rows import n_rows, slice_rows
from ..data.vectors import Joined
from . import attacks
from .base import SOME_ROWS
from .checking import check_sums
from .fitting import ONE_AT_A_TIME, seeded
from .kinds import is_own, last_step
from .modules import (
    DropoutMasks,
    copied,
    differentiable,
    dropout_layers,
    eager,
    evaluation,
    first_output,
    float_dtype,
    last_linear,
    modules_of,
    named_layer,
    uncompiled,
    unfused,
    watching,
)
from .serving import (
    CastDataset,
    cast,
    check_order,
    known_dtype,
    of_one_shape,
    readable,
    refuse_lists,
)
from .sklearn import SklearnModel

N_PASSES = 20  # with dropout, unless `Dropout` says otherwise
LEAST_LOG = -60.0  # of a probability that counts then
LEAST_LOG_LEFT = -8.0  # of one that is what another leaves of 1, which has few digits
SOFTMAX_TOLERANCE = 1e-3  # of probabilities, for a last layer to account for them
MAX_BATCH = 1 << 16  # rows, where batch_size is -1
BYPASSED = ("predict_proba", "forward_iter", "evaluation_step")  # methods, by passes in here
LOADING = ("get_dataset", "get_iterator")
OFFLOADED = {"meta"}  # where weights are that a hook fetches for each pass
PLAIN_DATASETS = (Dataset, CastDataset)
ATTACKS: dict[str, Callable] = {"bim": attacks.bim, "deepfool": attacks.deepfool}


class Seen(NamedTuple):
    """What is seen of a batch."""

    vectors: Tensor  # that a layer was given, or made
    made: Tensor  # by that layer
    outputs: Tensor  # of the net


class TorchModel(SklearnModel):
    """Arrays of a fitted skorch net, alone or at the end of a Pipeline; see `Model` and `adapt`.

    Parameters
    ----------
    estimator, classes, coded
        As `adapt` takes them.
    seed : sequence of int
        Of the masks of dropout.
    layer : str, default=None
        Whose output is the embedding; None: the input of the last linear layer.
    named_by : str
        The parameter by which the user names that layer, for messages.
    """

    n_passes = N_PASSES

    def __init__(
        self, estimator, classes=None, coded=None, *, seed=(0,), layer=None, named_by="embedding"
    ):
        super().__init__(estimator, classes, coded)
        self.net = last_step(estimator)
        self.seed = seed
        self.layer = layer
        self.named_by = named_by
        self._linear: nn.Linear | None = None  # the last, once it is found
        self._is_all: bool | None = None  # whether predictions are its outputs, once it is known

    @property
    def is_plain(self) -> bool:
        """Whether the embedding is the rows as they are: never, a net has one of its own."""
        return False

    @property
    def is_linear(self) -> bool:
        """Whether there is no hidden layer: that is not asked of nets."""
        return False

    @property
    def batch_rows(self) -> int:
        """How many rows make a batch; where skorch takes all at once, as many as fit in a chunk."""
        size = self.net.get_params_for("iterator_valid").get("batch_size", self.net.batch_size)
        return MAX_BATCH if size == -1 else int(size)

    @property
    def module(self) -> nn.Module:
        """The module itself, inside a compiled one."""
        return uncompiled(self.net.module_)

    def check(self) -> None:
        """Refuse a net that has no module yet, and a layer that it does not have."""
        if not getattr(self.net, "initialized_", False):
            raise ValueError(
                "the net has no module yet; call net.initialize(), and net.load_params(...) for "
                "what it learned."
            )
        if self.classes is not None and len(self.classes) == 0:
            raise ValueError(
                "the net does not say which classes it predicts; name them in classes=, in the "
                "order of its outputs."
            )
        bypassed = [*BYPASSED, *(("predict",) if self.classes is None else ())]
        own = next((name for name in bypassed if is_own(self.net, name)), None)
        if own is not None:
            raise ValueError(
                f"{type(self.net).__name__} overrides {own}, which passes inside the net would go "
                f"by; override infer instead, or give predict_nonlinearity=."
            )
        self._check_weights()
        if self.layer is not None:
            named_layer(self.module, self.layer, self.named_by)

    def _check_weights(self) -> None:
        """Refuse a module all of whose weights lie on another device than rows are moved to."""
        kinds = {weights.device.type for weights in self.module.parameters()} - OFFLOADED
        if kinds and self.net.device and torch.device(self.net.device).type not in kinds:
            raise ValueError(
                f"the net has device={self.net.device!r}, but its weights are on "
                f"{' and '.join(sorted(kinds))}; write net.module_.to(net.device)."
            )

    # Arrays

    def read(self, what: str, X) -> dict[str, Any]:
        """Return `what` of rows, and the predictions where the same pass gives them."""
        if what in ("features", "embedding"):
            return self._vectors(what, X)
        return super().read(what, X)

    def proba(self, X) -> NDArray:
        """Return probabilities, shape (n, C)."""
        self._require("proba")
        return self._predictions(X)

    def prediction(self, X) -> NDArray:
        """Return predicted labels or values, shape (n,)."""
        if self.classes is None:
            return self.value(X)
        proba = self.proba(X)
        if isinstance(self.net, NeuralNetBinaryClassifier) and proba.shape[1] == 2:
            known = self.classes if self._coded is None else self._coded
            second = int(np.searchsorted(self.classes, known[1]))  # what the output is about
            is_second = proba[:, second] > self.net.threshold
            return self.classes[np.where(is_second, second, 1 - second)]
        return self.classes[proba.argmax(axis=1)]

    def value(self, X) -> NDArray:
        """Return predicted values of a regressor, shape (n,)."""
        self._require("value")
        return self._predictions(X)

    def std(self, X) -> tuple[NDArray, NDArray]:
        """Return the mean of the values over passes with dropout, and their standard deviation."""
        self._require("std")
        values = self._dropout_passes(X)
        return values.mean(axis=0), values.std(axis=0)

    def samples(self, X) -> NDArray:
        """Return probabilities of passes with dropout, shape (S, n, C)."""
        self._require("samples")
        return self._dropout_passes(X)

    def embedding(self, X):
        """Return the input of the last linear layer, or the named layer's output, (n, d)."""
        return self.read("embedding", X)["embedding"]

    def features(self, X):
        """Return the input of the last, linear layer, shape (n, d)."""
        return self.read("features", X)["features"]

    def perturbation(self, X, attack: str, **options) -> NDArray:
        """Return the length of the least change found that flips each prediction, shape (n,)."""
        self._require("input_gradient")
        self._look(X)
        joined = Joined(n_rows(X))
        with self._ready(hooked=True), differentiable(modules_of(self.net)):
            for x in self._batches(X):
                if not isinstance(x, Tensor):
                    raise ValueError(
                        f"adversarial strategies change one tensor of numbers, but the module is "
                        f"given a {type(x).__name__}; use another strategy."
                    )
                joined.add(ATTACKS[attack](self._logits, x, **options))
            lengths = to_numpy(joined.whole()).astype(np.float64)
            if np.isinf(lengths).all() and not any(
                attacks.has_gradient(self._logits, x) for x in self._batches(X)
            ):
                raise ValueError(attacks.NO_GRADIENT)
        return lengths

    def row_bytes(self, what: str) -> int:
        """Return how many bytes a row of `what` takes."""
        width = 1 if self.classes is None else len(self.classes)
        passes = {"samples": self.n_passes * width, "std": self.n_passes}
        return 8 * passes.get(what, width)

    def with_dropout(self, n_passes: int) -> DropoutModel:
        """Return a model whose probabilities are the mean over so many passes with dropout."""
        return DropoutModel(self, n_passes)

    def vectors(self, X) -> NDArray:
        """Return the embedding of rows alone, whatever the net predicts, shape (n, d)."""
        vectors = Joined(n_rows(X))
        with closing(self._watched(X, self.layer)) as batches:
            for seen in batches:
                vectors.add(self._as_rows(seen))
                del seen
        return native(vectors.whole().cpu())

    # Passes

    def _predictions(self, X) -> NDArray:
        """Return probabilities or values."""
        predicted, read = Joined(n_rows(X)), self._reader()
        with self._ready():
            for x in self._batches(X):
                predicted.add(read(self._outputs(x)))
                del x  # so that the next batch finds its memory free, and in the cache
        return self._checked(predicted.whole())

    def _vectors(self, what: str, X) -> dict[str, Any]:
        """Return vectors by a layer, and what the net predicts."""
        is_last = what == "features"
        if is_last and self._last_linear(X) is None:
            self._refuse_gradient()
        layer = None if is_last else self.layer
        vectors, predicted, read = Joined(n_rows(X)), Joined(n_rows(X)), self._reader()
        with closing(self._watched(X, layer)) as batches:  # or an error would keep it open
            for seen in batches:
                part = read(seen.outputs)
                if is_last and self._is_all is None and len(part) >= min(SOME_ROWS, n_rows(X)):
                    self._judge(part, seen.made)
                elif is_last:
                    self._look(X)
                if is_last and not self._is_all:
                    self._refuse_gradient()
                vectors.add(self._as_rows(seen))
                predicted.add(part)
                del seen, part
        name = "value" if self.classes is None else "proba"
        return {what: native(vectors.whole()), name: self._checked(predicted.whole())}

    def _watched(self, X, name: str | None) -> Generator[Seen, None, None]:
        """Yield what is seen of each batch.

        By the output of the layer of that name; None: by the input of the last linear layer.
        """
        with self._ready(hooked=True):
            by = self.named_by
            layer = self._last_linear(X) if name is None else named_layer(self.module, name, by)
            if layer is None:
                raise ValueError(
                    f"{type(self.module).__name__} has no Linear layer, whose input would be the "
                    f"embedding; write {by}='name of a layer'."
                )
            is_along_first = False  # as one row alone has shown
            with watching(layer) as seen:
                for x in self._batches(X):
                    outputs = self._outputs(x)
                    at = "input" if name is None else "output"
                    if at not in seen:
                        raise ValueError(
                            f"{by}={name!r} is a layer of {type(self.module).__name__} that "
                            f"no row passes through; name one that does."
                        )
                    batch = Seen(seen[at], seen["output"], outputs)
                    is_square = batch.vectors.ndim > 2 and len(set(batch.vectors.shape[:2])) == 1
                    if is_square and not is_along_first:  # or rows may be along the second axis
                        self._outputs(self._first(X))
                        if len(seen[at]) != 1:
                            self._refuse_layer(len(seen[at]), 1)
                        is_along_first = True
                    yield batch
                    seen.clear()
                    del x, outputs, batch

    def _as_rows(self, seen: Seen) -> Tensor:
        """Return what a layer was given, or gave, for a batch as vectors, shape (n, d)."""
        n, n_seen = len(seen.outputs), len(seen.vectors)
        if n_seen != n:
            self._refuse_layer(n_seen, n)
        return seen.vectors.reshape(n, -1)

    def _refuse_layer(self, n_seen: int, n: int) -> NoReturn:
        """Say that a layer sees more, or fewer, than a vector for each row."""
        raise ValueError(
            f"the layer saw {n_seen} vectors for {n} row{'s' * (n != 1)}; an embedding has one for "
            f"each row, write {self.named_by}='name of a layer that gives one'."
        )

    def _dropout_passes(self, X) -> NDArray:
        """Return what is predicted in each pass with dropout, shape (S, n) or (S, n, C)."""
        masks = DropoutMasks(dropout_layers(self.module), self.seed)
        predicted, read = Joined(n_rows(X)), self._reader()
        with self._ready(hooked=True), masks.switched_on():
            for x in self._batches(X):
                passes, n = [], get_len(x)
                for number in range(self.n_passes):
                    masks.begin(number, n)
                    passes.append(read(self._outputs(copied(x))))
                if not masks.are_used:
                    raise ValueError(
                        f"no row passes through the Dropout layers of "
                        f"{type(self.module).__name__}, so that all passes are alike; use them in "
                        f"its forward."
                    )
                predicted.add(torch.stack(passes, dim=1))
                del x, passes
        return np.moveaxis(self._checked(predicted.whole()), 1, 0)

    @contextmanager
    def _ready(self, *, hooked: bool = False) -> Iterator[None]:
        """Have the module in evaluation mode, without gradients; uncompiled, where hooks fire."""
        state, module, modules = vars(self.net), self.net.module_, modules_of(self.net)
        with ONE_AT_A_TIME, ExitStack() as stack:
            if hooked:
                stack.callback(state.__setitem__, "module_", module)
                state["module_"] = uncompiled(module)
                stack.enter_context(eager(modules))
                stack.enter_context(unfused(True))
            stack.enter_context(evaluation(*modules))
            stack.enter_context(seeded(list(self.seed), [self.net]))  # for layers that draw always
            stack.enter_context(torch.no_grad())
            yield

    def _batches(self, X, n_first: int | None = None) -> Generator[Any, None, None]:
        """Yield rows as the module takes them, in batches, in order, on the net's device.

        The first rows alone, where so many are asked for, are read as one batch by this process.
        """
        X = X if n_first is None else slice_rows(X, 0, min(n_first, n_rows(X)))
        if n_rows(X) == 0:
            raise ValueError("the net got no rows; give at least one.")
        net, X = self.net, self._reach(X)[0]
        check_order(net)
        if net.dataset in PLAIN_DATASETS:
            refuse_lists(X)
        params, dtype = net.get_params_for("iterator_valid"), float_dtype(self.module)
        if _is_plain(net, X) and params.keys() <= {"batch_size"}:
            step = n_first or self.batch_rows
            for start in range(0, len(X), step):
                yield _moved(X[start : start + step], dtype, net.device)
            return
        data = net.get_dataset(X.for_passes() if isinstance(X, DatasetRows) else X)
        loader = of_one_shape(net.get_iterator(data, training=False))
        if n_first is not None and isinstance(loader, DataLoader):  # not worth its workers
            loader = DataLoader(data, batch_size=n_first, collate_fn=loader.collate_fn)
        elif n_first is not None:
            loader = net.iterator_valid(data, **(params | {"batch_size": n_first}))
        with torch.random.fork_rng(devices=()):  # of which a loader draws a seed
            batches = iter(loader)
        for batch in batches:
            # Cast where it is: there are devices that cannot hold what it may come in.
            x = cast(unpack_data(batch)[0], dtype)
            with readable(self.module, "batches such as this", x):
                x = cast(to_tensor(x, device=net.device), dtype)
            yield x
            del batch, x

    def _outputs(self, x) -> Tensor:
        """Return what the module gives for a batch."""
        with readable(self.module, "batches such as this", x):
            output = self.net.infer(x)
        return first_output(output)

    def _reader(self) -> Callable[[Tensor], Tensor]:
        """Return what makes values of outputs, or probabilities by skorch's own rule."""
        make = self.net._get_predict_nonlinearity()

        def read(outputs: Tensor) -> Tensor:
            # A float16 has few digits for small probabilities, or none.
            predicted = make(outputs.float() if outputs.dtype == torch.float16 else outputs)
            return self._as_values(predicted) if self.classes is None else predicted

        return read

    def _as_values(self, outputs: Tensor) -> Tensor:
        """Return the outputs of a regressor, one number a row."""
        if outputs.numel() != len(outputs):
            raise ValueError(
                f"the net gave outputs of shape {tuple(outputs.shape)}; a regressor gives one "
                f"number for each row."
            )
        return outputs.reshape(-1)

    def _checked(self, predicted: Tensor) -> NDArray:
        """Return predictions as an array, probabilities in the order of `classes`."""
        values = to_numpy(predicted)
        if self.classes is None:
            return values.astype(np.float64)
        check_sums(values)
        return self._named(values)

    # The last layer

    def _look(self, X) -> None:
        """See in a pass of some first rows whether the last linear layer tells the predictions."""
        if self._is_all is not None or (linear := self._last_linear(X)) is None:
            return
        with self._ready(hooked=True), watching(linear) as seen:
            predicted = self._reader()(self._outputs(self._first(X, SOME_ROWS)))
        self._judge(predicted, seen["output"])

    def _judge(self, predicted: Tensor, made: Tensor) -> None:
        """Tell from the first of these rows whether what that layer made tells the predictions."""
        if self.classes is not None:
            check_sums(to_numpy(predicted[:SOME_ROWS]))
        is_one_each = len(made) == len(predicted)
        self._is_all = is_one_each and _accounts(made[:SOME_ROWS], predicted[:SOME_ROWS])

    def _refuse_gradient(self) -> NoReturn:
        """Say why there is no gradient of a last layer."""
        made = "what its last Linear layer gives"
        raise ValueError(
            f"the strategy reads view.gradient, which {type(self.module).__name__} cannot give: "
            f"its predictions are not {made if self.classes is None else f'the softmax of {made}'}."
        )

    def _last_linear(self, X) -> nn.Linear | None:
        """Return the last linear layer that the first row passes through, if any."""
        if self._linear is None:
            with self._ready(hooked=True):
                x = self._first(X)
                self._linear = last_linear(self.module, lambda: self._outputs(x))
        return self._linear

    def _first(self, X, n: int = 1):
        """Return a batch of the first rows alone."""
        with closing(self._batches(X, n)) as batches:
            return next(batches)

    def _logits(self, x: Tensor) -> Tensor:
        """Return differentiable numbers of which the probabilities are the softmax, (n, C).

        That the module can read rows is known by then: what it refuses is to be differentiated.
        """
        if self._linear is None or not self._is_all:
            proba = self._reader()(first_output(self.net.infer(x)))
            return proba.clamp_min(torch.finfo(proba.dtype).tiny).log()
        with watching(self._linear) as seen:
            self.net.infer(x)
        return _both_sides(seen["output"])


class DropoutModel(TorchModel):
    """A net whose probabilities are the mean over passes with dropout.

    Parameters
    ----------
    model : TorchModel
        Of the net.
    n_passes : int
        How many passes.
    """

    def __init__(self, model: TorchModel, n_passes: int):
        super().__init__(
            model.estimator, model.classes, model._coded, seed=model.seed, layer=model.layer
        )
        self.n_passes = n_passes

    def proba(self, X) -> NDArray:
        """Return the mean of the passes' probabilities, shape (n, C)."""
        return self.samples(X).mean(axis=0)


def model_of_module(module: nn.Module, layer: str | None) -> TorchModel:
    """Return a module without a net around it as a source of vectors, where it is."""
    device = next((weights.device for weights in module.parameters()), torch.device("cpu"))
    net = NeuralNet(module, criterion=nn.Identity, device=str(device), verbose=0)
    vars(net)["module_"] = module  # initialize() would want something to optimise
    return TorchModel(net, layer=layer, named_by="layer")


def native(vectors: Tensor):
    """Return vectors as an array where they lie in memory, else as the tensor that they are."""
    if vectors.device.type != "cpu":
        return vectors
    return (vectors.float() if vectors.dtype == torch.bfloat16 else vectors).numpy()


def _accounts(logits: Tensor, predicted: Tensor) -> bool:
    """Whether predictions are a layer's outputs as they are, or by a softmax or a sigmoid."""
    if predicted.ndim == 1:
        column = logits.to(predicted.dtype)
        return logits.shape == (len(predicted), 1) and torch.allclose(column[:, 0], predicted)
    both = _both_sides(logits)
    if both.shape != predicted.shape:
        return False
    # Of probabilities near 0 and 1 only the logarithms tell one softmax from another. In memory,
    # since there are devices without float64.
    ours, theirs = both.cpu().double().log_softmax(dim=1), predicted.cpu().double().log()
    is_told = theirs > LEAST_LOG
    if logits.shape[1] == 1:  # of two classes, for the first of which skorch takes 1 - p
        is_told[:, 0] &= theirs[:, 0] > LEAST_LOG_LEFT
    return bool(torch.allclose(ours[is_told], theirs[is_told], atol=SOFTMAX_TOLERANCE, rtol=1e-2))


def _both_sides(logits: Tensor) -> Tensor:
    """Return a logit for each of two classes where there is one for both, shape (n, C)."""
    return torch.cat([-logits / 2, logits / 2], dim=1) if logits.shape[-1] == 1 else logits


def _is_plain(net, X) -> bool:
    """Whether rows can be cut into batches as they are, which is quicker than row by row."""
    is_array = isinstance(X, Tensor) or (isinstance(X, np.ndarray) and X.dtype.kind in "biuf")
    is_usual = net.iterator_valid is DataLoader and net.dataset in PLAIN_DATASETS
    return is_array and is_usual and not any(is_own(net, name) for name in LOADING)


def _moved(block, dtype: torch.dtype, device) -> Tensor:
    """Return a copy of a slice of rows on a device, floats in that dtype; of arrays in C order.

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
    """Whether torch makes a tensor of an array where it lies, without a word."""
    is_regular = all(step >= 0 and step % block.itemsize == 0 for step in block.strides)
    return block.flags.writeable and known_dtype(block.dtype) == block.dtype and is_regular
