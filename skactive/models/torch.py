"""Arrays from skorch nets: each in one ordered pass over the rows, on the net's device."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet, NeuralNetBinaryClassifier
from skorch.utils import to_numpy
from torch import Tensor, nn

from ..data.arrays import Joined
from ..data.rows import n_rows
from .attacks import NO_GRADIENT, bim, deepfool, has_gradient
from .checking import check_label_proba, check_sums
from .kinds import SOME_ROWS, is_linear_on_embed, is_own
from .modules import first_output, of_each_label, watching
from .passes import Passes, batch_rows
from .sklearn import Model

LEAST_LOG = -60.0  # of a probability that counts in `_scale`
LEAST_LOG_LEFT = -8.0  # of one that is what another leaves of 1, which has few digits
SOFTMAX_TOLERANCE = 1e-3  # of the logarithms there
BYPASSED = ("predict_proba", "forward_iter", "evaluation_step")  # methods, by passes in here
ATTACKS: dict[str, Callable] = {"bim": bim, "deepfool": deepfool}


class TorchModel(Model):
    """Arrays of a fitted skorch net, alone or at the end of a Pipeline; see `Model`.

    `layer` is that whose output is the embedding, None: the input of the last linear layer, and
    `named_by` the parameter by which the user names it. The masks of dropout follow from `seed`.
    """

    is_plain = False  # a net has an embedding of its own, whatever its layers are

    def __init__(
        self, estimator, classes=None, coded=None, *, seed=(0,), layer=None, named_by="embedding"
    ):
        super().__init__(estimator, classes, coded, seed=seed)
        self.layer = layer
        self.passes = Passes(estimator, seed, named_by)
        self.net = self.passes.net
        # What the last linear layer's outputs are multiplied by, to make logits of the predictions;
        # 0: predictions are something else. None: it is not known yet.
        self._scale: float | None = None

    @property
    def batch_rows(self) -> int:
        """How many rows make a batch; where skorch takes all at once, as many as fit in a chunk."""
        return batch_rows(self.net)

    @property
    def is_linear(self) -> bool:
        """Whether gradients are those of a linear layer on the user's own vectors."""
        return bool(self.brought("embedding")) and is_linear_on_embed(self.estimator)

    def brought(self, what: str) -> str | None:
        """Return the method of the user's own that gives `what`, unless a layer was named."""
        is_named = what == "embedding" and self.layer is not None
        return None if is_named else super().brought(what)

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
        # Passes call infer alone: whatever else the user wrote would silently not count.
        bypassed = [*BYPASSED, *(("predict",) if self.classes is None else ())]
        own = next((name for name in bypassed if is_own(self.net, name)), None)
        if own is not None:
            raise ValueError(
                f"{type(self.net).__name__} overrides {own}, which passes inside the net would go "
                f"by; override infer instead, or give predict_nonlinearity=."
            )
        self._check_weights()
        if self.layer is not None:
            self.passes.named_layer(self.layer)

    def _check_weights(self) -> None:
        """Refuse a module that has no weights on the device to which rows are moved."""
        # A module that was handed over keeps its own device, since the net moves only what it made.
        kinds = {weights.device.type for weights in self.passes.module.parameters()}
        kinds -= {"meta"}  # where weights seem to be that a hook fetches for each pass
        if kinds and self.net.device and torch.device(self.net.device).type not in kinds:
            raise ValueError(
                f"the net has device={self.net.device!r}, but its weights are on "
                f"{' and '.join(sorted(kinds))}; write net.module_.to(net.device)."
            )

    # Arrays

    def _read(self, what: str, X) -> dict[str, Any]:
        """Return a dict with `what` of rows, and with predictions if the same pass gives them."""
        if what in ("features", "embedding"):
            return self._vectors(what, X)
        return super()._read(what, X)

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

    def value_samples(self, X) -> NDArray:
        """Return the values of passes with dropout, shape (S, n)."""
        self._require("value_samples")
        return self._dropout_passes(X)

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
        self._look(X)  # before autograd is on, and once for all batches
        joined = Joined(n_rows(X))
        with self.passes.ready(hooked=True, backward=True):
            for x in self.passes.batches(X):
                if not isinstance(x, Tensor):
                    raise ValueError(
                        f"adversarial strategies change one tensor of numbers, but the module is "
                        f"given a {type(x).__name__}; use another strategy."
                    )
                joined.add(ATTACKS[attack](self._logits, x, **options))
            lengths = to_numpy(joined.whole()).astype(np.float64)
            # Either no row has a boundary within reach, which is an answer, or no gradient comes
            # through to the inputs: then all scores would be equal, and that has to be said.
            if np.isinf(lengths).all() and not any(
                has_gradient(self._logits, x) for x in self.passes.batches(X)
            ):
                raise ValueError(NO_GRADIENT)
        return lengths

    def row_bytes(self, what: str) -> int:
        """Return how many bytes a row of `what` takes."""
        width = 1 if self.classes is None else len(self.classes)
        passes = {"samples": self.n_passes * width, "std": self.n_passes}
        passes["value_samples"] = self.n_passes
        return 8 * passes.get(what, width)

    def with_dropout(self, n_passes: int) -> Model:
        """Return a model whose probabilities are the mean over so many passes with dropout."""
        if self.brought("dropout"):
            return super().with_dropout(n_passes)
        return DropoutModel(self, n_passes)

    def vectors(self, X) -> NDArray:
        """Return the embedding of rows alone, whatever the net predicts, shape (n, d)."""
        vectors, layer = Joined(n_rows(X)), self._layer_of_embedding(X)
        with closing(self.passes.watched(X, layer)) as batches:
            for seen in batches:
                vectors.add(self.passes.as_rows(seen))
                del seen
        return native(vectors.whole().cpu())

    # Passes

    def _layer_of_embedding(self, X) -> str | None:
        """Return the name of the layer whose output is the embedding, None: the last's input."""
        return self.passes.layer_of_embedding(X) if self.layer is None else self.layer

    def _predictions(self, X) -> NDArray:
        """Return probabilities or values."""
        predicted, read = Joined(n_rows(X)), self._reader()
        with self.passes.ready():
            for x in self.passes.batches(X):
                predicted.add(read(self.passes.outputs(x)))
                del x  # so that the next batch finds its memory free, and in the cache
        return self._checked(predicted.whole())

    def _vectors(self, what: str, X) -> dict[str, Any]:
        """Return vectors by a layer, and what the net predicts."""
        is_last = what == "features"
        if is_last and self.passes.last_linear(X) is None:
            self._refuse_gradient()
        layer = None if is_last else self._layer_of_embedding(X)
        vectors, predicted, read = Joined(n_rows(X)), Joined(n_rows(X)), self._reader()
        # Closed, or an error would leave the hook on and the module in evaluation mode.
        with closing(self.passes.watched(X, layer)) as batches:
            for seen in batches:
                part = read(seen.outputs)
                # The first batch tells whether the layer accounts for the predictions, unless it is
                # shorter than what tells in any other batches: the answer must not depend on them.
                if is_last and self._scale is None and len(part) >= min(SOME_ROWS, n_rows(X)):
                    self._judge(part, seen.made)
                elif is_last:
                    self._look(X)
                scale = self._scale if is_last else 1.0
                if not scale:
                    self._refuse_gradient()
                rows = self.passes.as_rows(seen)
                # The gradient in a layer's weights is longer by what its outputs are multiplied by.
                vectors.add(rows if scale == 1 else rows * scale)
                predicted.add(part)
                del seen, part, rows  # so that the next batch finds its memory free
        name = "value" if self.classes is None else "proba"
        return {what: native(vectors.whole()), name: self._checked(predicted.whole())}

    def _dropout_passes(self, X) -> NDArray:
        """Return what is predicted in each pass with dropout, shape (S, n) or (S, n, C)."""
        predicted = Joined(n_rows(X))
        with closing(self.passes.with_dropout(X, self.n_passes, self._reader())) as batches:
            for passes in batches:
                predicted.add(passes)
        return np.moveaxis(self._checked(predicted.whole()), 1, 0)

    def _reader(self) -> Callable[[Tensor], Tensor]:
        """Return the function that makes outputs values, or probabilities by skorch's rule."""
        make = self.net._get_predict_nonlinearity()

        def read(outputs: Tensor) -> Tensor:
            # A float16 has few digits for small probabilities, or none.
            predicted = make(outputs.float() if outputs.dtype == torch.float16 else outputs)
            if self.classes is not None:
                return predicted
            if predicted.numel() != len(predicted):
                raise ValueError(
                    f"the net gave outputs of shape {tuple(predicted.shape)}; a regressor gives "
                    f"one number for each row."
                )
            return predicted.reshape(-1)

        return read

    def _checked(self, predicted: Tensor) -> NDArray:
        """Return predictions as an array, probabilities in the order of `classes`."""
        values = to_numpy(predicted)
        if self.classes is None:
            return values.astype(np.float64)
        check_sums(values)
        return self._named(values)

    # The last layer

    def _look(self, X) -> None:
        """Find out by the first rows whether predictions follow from the last linear layer."""
        if self._scale is not None or (linear := self.passes.last_linear(X)) is None:
            return
        with self.passes.ready(hooked=True), watching(linear) as seen:
            predicted = self._reader()(self.passes.outputs(self.passes.first(X, SOME_ROWS)))
        self._judge(predicted, seen["output"])

    def _judge(self, predicted: Tensor, made: Tensor) -> None:
        """Find out whether these predictions follow from what the last linear layer made."""
        if self.classes is not None:
            check_sums(to_numpy(predicted[:SOME_ROWS]))
        is_one_each = len(made) == len(predicted)
        self._scale = _scale(made[:SOME_ROWS], predicted[:SOME_ROWS]) if is_one_each else 0.0

    def _refuse_gradient(self) -> NoReturn:
        """Say why there is no gradient of a last layer."""
        name = type(self.passes.module).__name__
        what = "" if self.classes is None else "the softmax of "
        multiple = "" if self.classes is None else ", or of a multiple of it"
        raise ValueError(
            f"the strategy reads view.gradient, which {name} cannot give: its predictions are not "
            f"{what}what its last Linear layer gives{multiple}."
        )

    def _logits(self, x: Tensor) -> Tensor:
        """Return differentiable numbers of which the probabilities are the softmax, (n, C)."""
        # Not by `outputs`: that the module can read rows is known by now, and an error here is one
        # of differentiating, which the attack words. The layer's own outputs are preferred, since
        # the logarithm of a probability near 1 has no digits left.
        if self.passes.linear is None or not self._scale:
            proba = self._reader()(first_output(self.net.infer(x)))
            return proba.clamp_min(torch.finfo(proba.dtype).tiny).log()
        with watching(self.passes.linear) as seen:
            self.net.infer(x)
        return self._scale * _both_sides(seen["output"])


class DropoutModel(TorchModel):
    """A net whose probabilities are the mean over passes with dropout."""

    def __init__(self, model: TorchModel, n_passes: int):
        super().__init__(
            model.estimator, model.classes, model._coded, seed=model.seed, layer=model.layer
        )
        self.n_passes = n_passes

    def proba(self, X) -> NDArray:
        """Return the mean of the passes' probabilities, shape (n, C)."""
        return self.samples(X).mean(axis=0)


class SeveralTorchModel(TorchModel):
    """Arrays of a fitted net with a probability for each label; see `TorchModel`."""

    multilabel = True

    def prediction(self, X) -> NDArray:
        """Return which labels rows are predicted to have, bool, shape (n, L)."""
        return self.proba(X) > 0.5

    def _reader(self) -> Callable[[Tensor], Tensor]:
        """Return the function that makes outputs the probability of each label."""
        read = super()._reader()
        return lambda outputs: of_each_label(read(outputs))

    def _checked(self, predicted: Tensor) -> NDArray:
        """Return probabilities as an array."""
        values = to_numpy(predicted)
        check_label_proba(values, len(self.classes))
        return values

    def _judge(self, predicted: Tensor, made: Tensor) -> None:
        """Find out whether predictions are the sigmoid of what the last linear layer made."""
        check_label_proba(to_numpy(predicted[:SOME_ROWS]), len(self.classes))
        is_each = made.shape == predicted.shape
        made, predicted = made[:SOME_ROWS].to(predicted.dtype), predicted[:SOME_ROWS]
        self._scale = float(is_each and torch.allclose(made.sigmoid(), predicted, atol=1e-5))

    def _refuse_gradient(self) -> NoReturn:
        """Say why there is no gradient of a last layer."""
        raise ValueError(
            f"the strategy reads view.gradient, which {type(self.passes.module).__name__} cannot "
            f"give: its predictions are not the sigmoid of what its last Linear layer gives."
        )


def model_of_module(module: nn.Module, layer: str | None) -> TorchModel:
    """Return the model of a module without a net around it, on its own device."""
    device = next((weights.device for weights in module.parameters()), torch.device("cpu"))
    net = NeuralNet(module, criterion=nn.Identity, device=str(device), verbose=0)
    vars(net)["module_"] = module  # initialize() would want something to optimise
    return TorchModel(net, layer=layer, named_by="layer")


def native(vectors: Tensor):
    """Return vectors as an array if they are in memory, else as a tensor on their device."""
    if vectors.device.type != "cpu":
        return vectors
    return (vectors.float() if vectors.dtype == torch.bfloat16 else vectors).numpy()


def _scale(made: Tensor, predicted: Tensor) -> float:
    """Return the number by which a layer's outputs are to be multiplied to make predictions.

    Predictions are then these, or their softmax or sigmoid; 0.0 if they are not.
    """
    if predicted.ndim == 1:
        column = made.to(predicted.dtype)
        are_values = made.shape == (len(predicted), 1) and torch.allclose(column[:, 0], predicted)
        return float(are_values)
    both = _both_sides(made)
    if both.shape != predicted.shape:
        return 0.0
    # By logarithms: near 0 and 1 all softmaxes have about the same probabilities. In memory, since
    # there are devices without float64.
    logits, theirs = both.cpu().double(), predicted.cpu().double().log()
    is_told = theirs > LEAST_LOG
    if made.shape[1] == 1:  # of two classes, for the first of which skorch takes 1 - p
        is_told[:, 0] &= theirs[:, 0] > LEAST_LOG_LEFT

    def accounts(scale: float) -> bool:
        ours = (scale * logits).log_softmax(dim=1)[is_told]
        return torch.allclose(ours, theirs[is_told], atol=SOFTMAX_TOLERANCE, rtol=1e-2)

    if accounts(1.0):
        return 1.0
    # A temperature, say: differences to the likeliest class are all multiplied by one number.
    best = theirs.argmax(dim=1, keepdim=True)
    ours, gaps = ((each - each.gather(1, best))[is_told] for each in (logits, theirs))
    scale = float((ours * gaps).sum() / (ours * ours).sum())
    return scale if math.isfinite(scale) and accounts(scale) else 0.0


def _both_sides(logits: Tensor) -> Tensor:
    """Return logits of shape (n, C), two of opposite sign where there is one column."""
    return torch.cat([-logits / 2, logits / 2], dim=1) if logits.shape[-1] == 1 else logits
