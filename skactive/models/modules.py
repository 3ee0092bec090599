"""Torch modules: their layers, what passes through them, and dropout outside of training."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_MASK_BYTES = 1 << 26  # of masks that are kept from batch to batch
SHORTCUT = 1e-2  # of how far outputs lie apart, that comes from beside a layer
_SELU_AT_MINUS_INFINITY = -1.7580993408473766  # what AlphaDropout writes for a dropped unit


class Refusal(ValueError):
    """Raised by hooks while a module runs; `readable` lets it pass unchanged."""


def uncompiled(module: nn.Module) -> nn.Module:
    """Return the module inside one that `torch.compile` made; hooks fire only there."""
    return getattr(module, "_orig_mod", module)


def of_each_label(predicted: Tensor) -> Tensor:
    """Return probabilities of labels, shape (n, L), of those that each is 0 and 1, (n, 2, L)."""
    return predicted[:, 1] if predicted.ndim == 3 and predicted.shape[1] == 2 else predicted


def first_output(output: Any) -> Any:
    """Return the predictions among a module's outputs: the logits, or the first of a tuple."""
    tensor = output[0] if isinstance(output, tuple) else output
    for name in ("logits", "last_hidden_state"):  # of a transformer, with a head and without
        tensor = getattr(output, name, tensor)
    if not isinstance(tensor, Tensor):
        raise Refusal(
            f"the module gives a {type(output).__name__}; it must give a tensor, or a tuple of "
            f"which the first is one."
        )
    if tensor.ndim == 0:  # squeezed, of one row
        tensor = tensor.reshape(1)
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor  # which numpy lacks


def by_parts(function: Callable, x):
    """Apply a function to a row or a batch, or to each one in a dict or a list of them."""
    if isinstance(x, Mapping):
        return {name: by_parts(function, part) for name, part in x.items()}
    if not isinstance(x, list | tuple):
        return function(x)
    parts = (by_parts(function, part) for part in x)
    return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)


def copied(x):
    """Return a copy of a batch, or of a dict of them, that a module may write to."""
    return by_parts(lambda part: part.clone() if isinstance(part, Tensor) else part, x)


def modules_of(net) -> list[nn.Module]:
    """Return all modules of a skorch net, which may have several."""
    named = [getattr(net, f"{name}_") for name in net._modules]
    return [uncompiled(module) for module in named or [net.module_]]


def state_of(net) -> tuple:
    """Return what changes when a net's layers, weights or buffers change."""
    modules = modules_of(net) if hasattr(net, "module_") else []
    numbers, counts = sha256(), []
    for tensor in (t for module in modules for t in (*module.parameters(), *module.buffers())):
        if nn.parameter.is_lazy(tensor):  # it has no numbers yet
            continue
        # The numbers themselves: fused optimizers, and whatever writes to .data, leave torch's
        # counts of changes as they were. These serve only where numbers cannot be read as bytes.
        if tensor.is_meta or tensor.layout != torch.strided:
            counts.append((id(tensor), tensor._version))
        else:
            numbers.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return tuple(map(repr, modules)), numbers.digest(), counts


def float_dtype(module: nn.Module) -> torch.dtype:
    """Return the dtype in which a module computes."""
    floats = (weights.dtype for weights in module.parameters() if weights.is_floating_point())
    return next(floats, torch.get_default_dtype())


def has_batch_norm(module: nn.Module) -> bool:
    """Whether a module needs more than one row to be trained."""
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())


def has_linear(module: nn.Module) -> bool:
    """Whether a module has a layer that could be a linear last one."""
    return any(isinstance(part, nn.Linear) for part in module.modules())


@contextmanager
def eager(modules: list[nn.Module]) -> Iterator[None]:
    """Run modules that were compiled in place as they are written, so that hooks fire."""
    # Unlike torch.compile(module), module.compile() leaves nothing uncompiled inside to be called.
    parts = (part for module in modules for part in module.modules())
    is_compiled = any(getattr(part, "_compiled_call_impl", None) is not None for part in parts)
    set_stance = getattr(torch.compiler, "set_stance", None)  # torch 2.6
    with set_stance("force_eager") if is_compiled and set_stance else nullcontext():
        yield


@contextmanager
def unfused() -> Iterator[None]:
    """Make transformers call their inner layers, where hooks are, instead of a fused kernel."""
    was_fused = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_fused)


@contextmanager
def differentiable(modules: list[nn.Module]) -> Iterator[None]:
    """Let gradients pass through recurrent layers, which cuDNN allows only in training."""
    parts = (part for module in modules for part in module.modules())
    is_recurrent = any(isinstance(part, nn.RNNBase) for part in parts)
    with torch.backends.cudnn.flags(enabled=False) if is_recurrent else nullcontext():
        yield


@contextmanager
def evaluation(*modules: nn.Module) -> Iterator[None]:
    """Put modules into evaluation mode, and restore the mode of each part at the end."""
    # Each part's own mode: a user may keep some in evaluation mode while others are trained.
    before = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for part, was_training in before:
            part.training = was_training


def named_layer(module: nn.Module, name: str, named_by: str) -> nn.Module:
    """Return the layer of a name, given by that parameter; "" is the module itself."""
    layers = dict(module.named_modules())
    if name not in layers:
        known = [other for other in layers if other]
        near = difflib.get_close_matches(name, known, n=3) or known[:5]
        raise ValueError(
            f"{named_by}={name!r} names no layer of {type(module).__name__}; it has "
            f"{', '.join(map(repr, near)) or 'no layer at all'}."
        )
    return layers[name]


@contextmanager
def hooked(layers: Iterable[nn.Module], hook: Callable, **options) -> Iterator[None]:
    """Call a hook after each call of these layers, within this context."""
    with ExitStack() as stack:
        for layer in layers:
            stack.callback(layer.register_forward_hook(hook, **options).remove)
        yield


def last_linear(module: nn.Module, run: Callable[[], Tensor]) -> tuple[nn.Linear | None, bool]:
    """Return the `Linear` layer that makes what `run()` gives for some rows, and that it does.

    It makes them where they follow from what it gives, whatever comes after it. If there is none,
    return the one that is called last, or None, and that it does not.
    """
    # By passes: the order in which layers are called is not the one in which they are defined, and
    # beside the last there may be a shortcut, as around each block of a transformer.
    called: dict[nn.Linear, torch.Size] = {}

    def note(layer, _inputs, output):
        called.pop(layer, None)
        called[layer] = output.shape

    with hooked([part for part in module.modules() if isinstance(part, nn.Linear)], note):
        before = _Spread.of(run())
    for layer, shape in reversed(called.items()):
        is_last = layer is next(reversed(called))
        # What is called later may be beside the outputs: a variance, an auxiliary head.
        may_be_outputs = len(shape) == 2 and shape.numel() == before.numel
        if not is_last and not may_be_outputs:
            continue
        # One row alone does not tell, nor a layer that gives something else than one for each.
        if before.n == 1 or shape[0] != before.n:
            return layer, True
        with hooked([layer], lambda _, __, output: output[:1].expand_as(output).clone()):
            alike = _Spread.of(run())
        if not alike.width > SHORTCUT * before.width + before.rounding:  # of NaN others speak
            return layer, True
    return next(reversed(called), None), False


class _Spread(NamedTuple):
    """How far outputs of rows lie apart; numbers alone, so that the outputs can be let go."""

    n: int
    numel: int
    width: float
    rounding: float

    @classmethod
    def of(cls, outputs: Tensor) -> _Spread:
        """Return that of these outputs."""
        values = outputs.cpu().double()  # in memory, since there are devices without float64
        width, largest = (values - values[:1]).abs().max(), values.abs().max()
        dtype = outputs.dtype if outputs.is_floating_point() else torch.float32
        rounding = 16 * torch.finfo(dtype).eps * float(largest)
        return cls(len(outputs), outputs.numel(), float(width), rounding)


@contextmanager
def watching(layer: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Yield a dict in which the last "input" and "output" of a layer can be read."""
    seen: dict[str, Tensor] = {}

    def note(_layer, inputs, named, output):
        given = [*inputs, *named.values()]
        if given:
            seen["input"] = given[0]
        seen["output"] = first_output(output).clone()  # which an activation may write to

    with hooked([layer], note, with_kwargs=True):
        yield seen


# Dropout

# What drops units where it is called, and the layer that does the same.
DROPS: dict[Callable, type[nn.Module]] = {
    functional.dropout: nn.Dropout,
    functional.dropout1d: nn.Dropout1d,
    functional.dropout2d: nn.Dropout2d,
    functional.dropout3d: nn.Dropout3d,
    functional.alpha_dropout: nn.AlphaDropout,
    functional.feature_alpha_dropout: nn.FeatureAlphaDropout,
}
_NAMES = {function.__name__ for function in DROPS}


def may_drop(module: nn.Module) -> bool:
    """Whether a module drops units in training: by its layers, or by what its own code calls."""
    return bool(dropout_layers(module)) or any(map(_calls_dropout, module.modules()))


def _calls_dropout(part: nn.Module) -> bool:
    """Whether the code of a module names a function that drops units, or it holds one."""
    cls: Any = type(part)  # which mypy takes for not hashable
    is_named = _called(cls) - part._modules.keys()  # a layer may be called as a function is
    return bool(is_named) or any(
        inspect.isfunction(each) and each in DROPS for each in vars(part).values()
    )


@cache
def _called(cls: type) -> frozenset[str]:
    """Return the functions in `DROPS` that the code of a class names, or that of its helpers."""
    own = [base for base in cls.__mro__ if not base.__module__.startswith("torch.")]
    waiting = [each for base in own for each in vars(base).values() if inspect.isfunction(each)]
    seen, names = set(waiting), set[str]()
    while waiting:
        function = waiting.pop()
        codes = [function.__code__]
        for code in codes:  # with those inside it, as of a comprehension
            codes += [each for each in code.co_consts if inspect.iscode(each)]
            names.update(code.co_names)
        found = [function.__globals__.get(name) for name in names]
        helpers = {each for each in found if inspect.isfunction(each) and _is_beside(each, cls)}
        waiting += helpers - seen
        seen |= helpers
    return frozenset(names & _NAMES)


def _is_beside(function: Callable, cls: type) -> bool:
    """Whether a function is of the same package as a class."""
    return function.__module__.partition(".")[0] == cls.__module__.partition(".")[0]


def always_off(module: nn.Module) -> list[str]:
    """Return the kinds of layers in a module whose own dropout nothing can switch on."""
    kinds = (nn.RNNBase, nn.MultiheadAttention)
    parts = [part for part in module.modules() if isinstance(part, kinds) and part.dropout > 0]
    return sorted({type(part).__name__ for part in parts if getattr(part, "num_layers", 2) > 1})


def dropout_layers(module: nn.Module) -> list[nn.Module]:
    """Return the layers of a module that drop units in training."""
    kinds = nn.modules.dropout._DropoutNd
    return [part for part in module.modules() if isinstance(part, kinds) and part.p > 0]


class DropoutMasks:
    """Dropout whose masks follow from a seed, for layers and functions that are off otherwise.

    A pass drops the same units for every row, so that it is one function of the rows: one sample
    of the model, the same for any batches, order or device. Rows are along the first axis of what
    a layer is given, or along the second, as where sequences come first.
    """

    def __init__(self, layers: list[nn.Module], seed: Sequence[int]):
        self.layers = layers
        self.seed = seed
        self._kept: dict[tuple, Tensor] = {}
        self._n_bytes = 0
        self.begin(0)

    def begin(self, number: int, n: int | None = None) -> None:
        """Use the masks of this pass from here on, for a batch of n rows."""
        self._current, self._n = number, n
        self._n_calls = [0] * (len(self.layers) + 1)  # of each layer, and of functions
        self._is_inside = False  # a layer, which calls a function itself

    @property
    def are_used(self) -> bool:
        """Whether anything was dropped since this pass began."""
        return any(self._n_calls)

    @contextmanager
    def switched_on(self) -> Iterator[None]:
        """Drop units in each layer, within this context."""
        with ExitStack() as stack:
            for layer in self.layers:
                stack.callback(layer.register_forward_pre_hook(self._enter).remove)
            stack.enter_context(hooked(self.layers, self._dropped_by_layer))
            stack.enter_context(unfused())
            yield

    def functions(self) -> TorchFunctionMode:
        """Return a context in which the functions that a module calls itself drop units as well."""
        return _Functions(self._dropped_by_function)

    def _enter(self, _layer, _inputs) -> None:
        self._is_inside = True

    def _dropped_by_layer(self, layer, _inputs, x: Tensor) -> Tensor:
        """Return x with a layer's dropped units taken out."""
        self._is_inside = False
        return self._dropped(self.layers.index(layer), layer, x)

    def _dropped_by_function(self, kind, x: Tensor, p=0.5, training=False, inplace=False) -> Tensor:
        """Return x with units taken out, as a function does in training."""
        if self._is_inside or p == 0:
            return x
        dropped = self._dropped(len(self.layers), kind(p), x)
        return x.copy_(dropped) if inplace else dropped

    def _dropped(self, at: int, layer, x: Tensor) -> Tensor:
        """Return x with the dropped units of a layer taken out, the one of that number."""
        kept = self._mask(at, layer, x)
        if isinstance(layer, nn.AlphaDropout | nn.FeatureAlphaDropout):
            # As torch does it: the scale and the shift keep mean 0 and variance 1.
            low, p = _SELU_AT_MINUS_INFINITY, layer.p
            scale = ((1 - p) * (1 + p * low**2)) ** -0.5 if p < 1 else 0.0
            return torch.where(kept, x, low) * scale - scale * low * p
        return x * kept.to(x.dtype).mul_(1 / (1 - layer.p) if layer.p < 1 else 0.0)

    def _mask(self, at: int, layer, x: Tensor) -> Tensor:
        """Return which units of a layer the current pass keeps, of shape (1, ...)."""
        # One entry along the axis of the rows, so that all of them share the mask.
        shape = (1, *x.shape[1:])
        if isinstance(layer, nn.Dropout1d | nn.Dropout2d | nn.Dropout3d | nn.FeatureAlphaDropout):
            shape = (1, x.shape[1], *(1 for _ in x.shape[2:]))  # whole channels
        elif self._n not in (None, len(x)) and x.ndim > 2 and x.shape[1] == self._n:
            shape = (len(x), 1, *x.shape[2:])
        elif self._n not in (None, len(x)):
            raise Refusal(
                f"a Dropout layer of the net is given {tuple(x.shape)} for {self._n} rows, so that "
                f"a pass would not drop the same for each; have rows along the first axis."
            )
        key = (at, self._n_calls[at], self._current)  # a layer may be used more than once in a pass
        self._n_calls[at] += 1
        mask = self._kept.get((*key, shape))
        if mask is None:
            word = np.random.SeedSequence([*self.seed, *key]).generate_state(1)[0]
            # Drawn in memory, since each kind of device draws other numbers from a seed.
            generator = torch.Generator().manual_seed(int(word))
            mask = (torch.rand(shape, generator=generator, device="cpu") >= layer.p).to(x.device)
            # Masks are the same for each batch; the seed brings back those that are not kept.
            if self._n_bytes + mask.numel() <= _MASK_BYTES:
                self._kept[*key, shape] = mask
                self._n_bytes += mask.numel()
        return mask


class _Functions(TorchFunctionMode):
    """Hands calls of functions that drop units to another, with the kind of layer they are as."""

    def __init__(self, drop: Callable):
        super().__init__()
        self.drop = drop

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kind, kwargs = DROPS.get(func), kwargs or {}
        return func(*args, **kwargs) if kind is None else self.drop(kind, *args, **kwargs)
