"""How rows and targets reach a net: in its dtypes, in their order, in batches it can learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from skorch.dataset import Dataset
from torch import Tensor, nn
from torch.utils.data import DataLoader, default_collate

from .modules import Refusal, by_parts, uncompiled

ORDER_PARAMS = ("shuffle", "drop_last", "sampler", "batch_sampler")
UNREADABLE = (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError)
TOKENIZER = "put a tokenizer before the net in a Pipeline"


class CastDataset(Dataset):
    """skorch's Dataset, with floats and targets in the dtypes in which a net computes.

    With `column`, targets are a column, as the outputs of a regressor are.
    """

    def __init__(self, X, y=None, length=None, floats=torch.float32, targets=None, column=False):
        if y is not None and targets is not None:
            y = as_targets(y, targets, column)
        super().__init__(X, y, length)
        self.floats = floats

    def transform(self, X, y):
        """Return a row and its target."""
        X, y = super().transform(X, y)
        return cast(X, self.floats), y


class ServedPairs(torch.utils.data.Dataset):
    """Pairs (row, label) of another Dataset; `serve` makes a label a target for the net."""

    def __init__(self, pairs, floats: torch.dtype, serve: Callable):
        self.pairs, self.floats, self.serve = pairs, floats, serve

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int) -> tuple:
        row, label = self.pairs[number]
        return cast(row, self.floats), self.serve(label)


class StandIn:
    """Replaces a parameter of a net while that is trained; pickles as the original."""

    def __init__(self, original):
        self.original = original

    def __reduce__(self) -> tuple:
        return _itself, (self.original,)


def _itself(original):
    """Return what is given, for unpickling."""
    return original


class ServedTargets(StandIn):
    """Makes Datasets of the user's class, with targets as the criterion needs them."""

    def __init__(self, original: Callable, dtype: torch.dtype, is_column: bool):
        super().__init__(original)
        self.dtype, self.is_column = dtype, is_column

    def __call__(self, X, y=None, **kwargs):
        """Return the Dataset."""
        if y is not None and np.asarray(y).dtype.kind in "biuf":
            y = as_targets(y, self.dtype, self.is_column)
        return self.original(X, y, **kwargs)


class ServedSplit(StandIn):
    """Splits off validation rows as `split` does, instead of the original; None: not at all."""

    def __init__(self, original, split):
        super().__init__(original)
        self.split = split

    def __bool__(self) -> bool:
        return bool(self.split)

    def __call__(self, *args, **kwargs):
        """Return two Datasets."""
        return self.split(*args, **kwargs)


class UniformLoader(StandIn):
    """Makes loaders that refuse batches whose rows differ in shape."""

    def __call__(self, *args, **kwargs):
        """Return the loader."""
        return of_one_shape(self.original(*args, **kwargs))


class CheckedLoader(UniformLoader):
    """Makes loaders for training whose batches are all large enough to learn from.

    With `needs_two`, a batch of one row would fail, as in batch norm.
    """

    def __init__(self, original: Callable, needs_two: bool):
        super().__init__(original)
        self.needs_two = needs_two

    def __call__(self, dataset, **kwargs):
        """Return the iterator; a last batch of one row is spread over the others."""
        sampler, size = kwargs.get("sampler"), kwargs.get("batch_size")
        n = len(dataset) if sampler is None else len(sampler)
        if self.original is DataLoader and kwargs.get("batch_sampler") is not None:
            raise ValueError(
                "iterator_train__batch_sampler does not go with the batch_size that skorch always "
                "gives; write iterator_train__sampler, or an iterator_train of your own."
            )
        if size and kwargs.get("drop_last") and n < size:
            raise ValueError(
                f"iterator_train__drop_last=True leaves nothing of {n} labelled rows in batches of "
                f"{size}; leave it out, or give a smaller batch_size."
            )
        if self.needs_two and (n < 2 or size == 1):
            raise ValueError(
                f"the net has batch norm, which cannot learn from a batch of one row, and got "
                f"{n} labelled row{'s' * (n != 1)} in batches of {size}; label more rows, give a "
                f"larger batch_size, or learn all labels in each round, update='warm_start'."
            )
        if self.needs_two and size and not kwargs.get("drop_last") and n % size == 1:
            # A few more rows a batch, rather than to leave a row out that was paid for.
            kwargs["batch_size"] = next(s for s in range(size + 1, n + 1) if n % s != 1)
        return super().__call__(dataset, **kwargs)


def of_one_shape(loader):
    """Make a loader refuse batches whose rows differ in shape."""
    # One of the user's own may pad rows of many shapes.
    if getattr(loader, "collate_fn", None) is default_collate:
        loader.collate_fn = _collated
    return loader


def _collated(pairs):
    """Collate pairs into a batch, or say why these rows make none."""
    try:
        return default_collate(pairs)
    except (RuntimeError, TypeError) as error:
        first, shapes = pairs[0][0], _unlike_shapes([row for row, _ in pairs])
        if not shapes and isinstance(error, RuntimeError):
            raise
        what = f"rows of one batch have the shapes {' and '.join(map(str, shapes))}; have all rows"
        if not shapes:
            what = f"rows such as the first, {described(first)}, make no batch; have tensors"
        raise ValueError(
            f"{what} of one shape, in a Dataset by a transform, or give collate_fn= for "
            f"iterator_train and iterator_valid."
        ) from error


def _unlike_shapes(rows: list) -> list[tuple]:
    """Return two shapes of a part in which rows differ, or an empty list."""
    if isinstance(rows[0], Mapping):
        names = list(rows[0])
    else:
        names = list(range(len(rows[0]))) if isinstance(rows[0], list | tuple) else []
    for parts in [[row[name] for row in rows] for name in names] or [rows]:
        shapes = sorted({tuple(part.shape) for part in parts if hasattr(part, "shape")})
        if len(shapes) > 1:
            return [shapes[0], shapes[-1]]
    return []


def cast(x, dtype: torch.dtype):
    """Return a row or a batch, or a dict of them, with its floats in a dtype."""
    return by_parts(partial(_cast_part, dtype=dtype), x)


def _cast_part(x, dtype: torch.dtype):
    """Return a tensor or an array in a dtype if it holds floats, else as it is."""
    if isinstance(x, Tensor):
        return x.to(dtype) if x.is_floating_point() else x
    if isinstance(x, np.ndarray | np.floating):
        x = np.asarray(x, dtype=known_dtype(x.dtype))
        # A copy, since torch warns of arrays that it may not write to.
        return torch.as_tensor(np.array(x)).to(dtype) if x.dtype.kind == "f" else x
    return x


def known_dtype(dtype: np.dtype) -> np.dtype:
    """Return the nearest numpy dtype that torch knows."""
    is_long = dtype.kind == "f" and dtype.itemsize > 8
    return np.dtype(np.float64) if is_long else dtype.newbyteorder("=")


def as_targets(y, dtype: torch.dtype, is_column: bool) -> Tensor:
    """Return targets as a tensor, shape (n,) or (n, 1)."""
    y = torch.as_tensor(np.asarray(y)).to(dtype)
    return y.reshape(-1, 1) if is_column else y


def check_pass_order(net) -> None:
    """Refuse parameters that would leave out rows in a pass, or change their order."""
    params = net.get_params_for("iterator_valid")
    for name in ORDER_PARAMS:
        if params.get(name):
            raise ValueError(
                f"iterator_valid__{name}={params[name]!r} would leave out rows of the pool, or "
                f"change their order; leave it out."
            )


@contextmanager
def readable(module: nn.Module, what: str, given) -> Iterator[None]:
    """Turn errors of a module about its inputs into a ValueError that says what to give."""
    try:
        yield
    except (Refusal, torch.cuda.OutOfMemoryError):  # which is not about what was given
        raise
    except UNREADABLE as error:
        raise ValueError(
            f"{type(uncompiled(module)).__name__} cannot read {what}, {described(given)}: "
            f"{reason(error)}; give rows as the module takes them{_advice(given)}."
        ) from error


def reason(error: Exception) -> str:
    """Return the first line of an error's message."""
    return str(error).strip().partition("\n")[0].rstrip(".")


def described(given) -> str:
    """Describe a row or a batch, for messages."""
    if isinstance(given, Mapping):
        parts = [f"{name}: {described(part)}" for name, part in list(given.items())[:3]]
        return f"a dict of {', '.join(parts)}{', ...' if len(given) > 3 else ''}"
    if hasattr(given, "dtype") and hasattr(given, "shape"):
        return f"{given.dtype} of shape {tuple(given.shape)}"
    return f"a {type(given).__name__}"


def _advice(given) -> str:
    """Return what to write instead of rows that the module does not take."""
    if isinstance(given, Mapping):
        return ", by the names that its forward has for them; of a frame give X.to_numpy('float32')"
    if hasattr(given, "dtype"):
        is_float = "float" in str(given.dtype)
        return "" if is_float else ", say as float32 (of a Dataset by a transform)"
    return ": add a transform to a tensor to the Dataset"


def refuse_lists(X) -> None:
    """Refuse texts, which no net reads, and a list of rows, which skorch takes for inputs."""
    is_listed = isinstance(X, list | np.ndarray) or hasattr(X, "to_list")
    if is_listed and len(X) and isinstance(X.iloc[0] if hasattr(X, "iloc") else X[0], str):
        raise ValueError(f"the net got texts for rows, which it cannot read; {TOKENIZER}.")
    if isinstance(X, list):
        raise ValueError(
            "the net got a list of rows, which skorch takes for several inputs; write "
            "numpy.asarray(X, dtype='float32')."
        )
