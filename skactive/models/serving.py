"""How rows and targets reach a net: in its dtypes, in their order, in batches it can learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from skorch.dataset import Dataset
from torch import Tensor, nn
from torch.utils.data import DataLoader, default_collate

from .modules import Refusal, like, uncompiled

ORDER_PARAMS = ("shuffle", "drop_last", "sampler", "batch_sampler")
UNREADABLE = (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError)
TOKENIZER = "put a tokenizer before the net in a Pipeline"


class CastDataset(Dataset):
    """skorch's Dataset, with floats and targets in the dtypes in which a net computes.

    Parameters
    ----------
    X, y, length
        As skorch's own takes them.
    floats : torch.dtype
        For floats among the rows.
    targets : torch.dtype, optional
        For the targets. None: as they are.
    column : bool
        Whether targets are a column, as the outputs of a regressor are.
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
    """Pairs of another Dataset, with floats and targets as a net computes in.

    Parameters
    ----------
    pairs : Dataset
        Of pairs (row, label).
    floats : torch.dtype
        For floats among the rows.
    serve : callable
        Makes a target of a label.
    """

    def __init__(self, pairs, floats: torch.dtype, serve: Callable):
        self.pairs, self.floats, self.serve = pairs, floats, serve

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int) -> tuple:
        row, label = self.pairs[number]
        return cast(row, self.floats), self.serve(label)


class CheckedLoader:
    """A loader of batches for training, none of which is too small to be learned from.

    Parameters
    ----------
    loader : callable
        Makes an iterator of a Dataset: torch's DataLoader, or the user's own.
    needs_two : bool
        Whether a batch of one row would fail, as in batch norm.
    """

    def __init__(self, loader: Callable, needs_two: bool):
        self.loader = loader
        self.needs_two = needs_two

    def __call__(self, dataset, **kwargs):
        """Return the iterator; a last batch of one row is spread over the others."""
        n, size = len(dataset), kwargs.get("batch_size")
        if self.loader is DataLoader and kwargs.get("batch_sampler") is not None:
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
            kwargs["batch_size"] = next(s for s in range(size + 1, n + 1) if n % s != 1)
        return of_one_shape(self.loader(dataset, **kwargs))


def of_one_shape(loader):
    """Return a loader that says so where rows of a batch differ in shape."""
    if getattr(loader, "collate_fn", None) is default_collate:
        loader.collate_fn = _collated
    return loader


def made_of_one_shape(make: Callable, *args, **kwargs):
    """Return the loader that `make` makes; it says so where rows of a batch differ in shape."""
    return of_one_shape(make(*args, **kwargs))


def _collated(pairs):
    """Return pairs as a batch, refusing rows of more than one shape."""
    try:
        return default_collate(pairs)
    except RuntimeError as error:
        shapes = sorted({tuple(row.shape) for row, _ in pairs if hasattr(row, "shape")})
        if len(shapes) < 2:
            raise
        raise ValueError(
            f"rows of one batch have the shapes {shapes[0]} and {shapes[-1]}; have all rows of one "
            f"shape, in a Dataset by a transform, or give collate_fn= for iterator_train and "
            f"iterator_valid."
        ) from error


def cast(x, dtype: torch.dtype):
    """Return a row or a batch, or a dict of them, with its floats in a dtype."""
    if isinstance(x, Tensor):
        return x.to(dtype) if x.is_floating_point() else x
    if isinstance(x, np.ndarray | np.floating):
        x = np.asarray(x, dtype=x.dtype.newbyteorder("="))  # torch knows no other
        return torch.as_tensor(np.array(x)).to(dtype) if x.dtype.kind == "f" else x
    if isinstance(x, Mapping):
        return {name: cast(part, dtype) for name, part in x.items()}
    if isinstance(x, list | tuple):
        return like(x, (cast(part, dtype) for part in x))
    return x


def as_targets(y, dtype: torch.dtype, is_column: bool) -> Tensor:
    """Return targets as a tensor, shape (n,) or (n, 1)."""
    y = torch.as_tensor(np.asarray(y)).to(dtype)
    return y.reshape(-1, 1) if is_column else y


def check_order(net) -> None:
    """Refuse what would keep a pass over rows from giving each of them, in their order."""
    params = net.get_params_for("iterator_valid")
    for name in ORDER_PARAMS:
        if params.get(name):
            raise ValueError(
                f"iterator_valid__{name}={params[name]!r} would leave out rows of the pool, or "
                f"change their order; leave it out."
            )


@contextmanager
def readable(module: nn.Module, what: str, given) -> Iterator[None]:
    """Refuse in words what a module cannot read: for as long as this lasts, it reads it."""
    try:
        yield
    except (Refusal, torch.cuda.OutOfMemoryError):
        raise
    except UNREADABLE as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ValueError(
            f"{type(uncompiled(module)).__name__} cannot read {what}, {_described(given)}: "
            f"{reason}; give rows as the module takes them{_advice(given)}."
        ) from error


def _described(given) -> str:
    """Say what a row or a batch is."""
    if isinstance(given, Mapping):
        parts = [f"{name}: {_described(part)}" for name, part in list(given.items())[:3]]
        return f"a dict of {', '.join(parts)}{', ...' if len(given) > 3 else ''}"
    if hasattr(given, "dtype") and hasattr(given, "shape"):
        return f"{given.dtype} of shape {tuple(given.shape)}"
    return f"a {type(given).__name__}"


def _advice(given) -> str:
    """Say what to write for rows of another kind than the module takes."""
    if isinstance(given, Mapping):
        return ", by the names that its forward has for them; of a frame give X.to_numpy('float32')"
    if hasattr(given, "dtype"):
        is_float = "float" in str(given.dtype)
        return "" if is_float else ", say as float32 (of a Dataset by a transform)"
    return ": add a transform to a tensor to the Dataset"


def refuse_lists(X) -> None:
    """Refuse texts, which no net reads, and a list of rows, which skorch takes for inputs."""
    if isinstance(X, list | np.ndarray) and len(X) and isinstance(X[0], str):
        raise ValueError(f"the net got texts for rows, which it cannot read; {TOKENIZER}.")
    if isinstance(X, list):
        raise ValueError(
            "the net got a list of rows, which skorch takes for several inputs; write "
            "numpy.asarray(X, dtype='float32')."
        )
