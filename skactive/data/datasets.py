"""Torch Datasets as lazy rows of inputs.

Of a Dataset only the inputs are rows: the labels that it may have of its own are never looked at.
torch is recognised, and imported only to make a Dataset of one's own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate, pairwise
from operator import index as as_integer
from sys import modules
from typing import Any, NamedTuple

import numpy as np

from ..utils.checks import is_instance
from .tensors import as_array, check_within
from .values import bytes_of

_READ_TWICE = 8  # a flip of one half is missed by all of them once in 256 times


def is_dataset(X: Any) -> bool:
    """Tell whether X is a torch Dataset or the rows of one, without importing torch.

    Examples
    --------
    >>> is_dataset([1, 2]), is_dataset(DatasetRows([1, 2]))
    (False, True)
    """
    return isinstance(X, DatasetRows) or is_instance(X, ("torch.utils.data.Dataset",))


class DatasetRows:
    """The inputs of a torch Dataset as lazy rows, read one at a time when they are asked for.

    The input is the first element of an item that is a tuple or a list, and else the item itself:
    a tensor, or a dict of tensors (leave labels out of it: it is handed on whole).

    Parameters
    ----------
    dataset : torch.utils.data.Dataset of n items
        With ``__getitem__`` and ``__len__``. Where it has an attribute ``evaluation``, another
        Dataset of n items (see `Augmented`), rows are read from that one, and from `dataset` only
        in training (`with_labels`).

    Raises
    ------
    ValueError
        If ``dataset.evaluation`` has another length.

    Notes
    -----
    ``len(rows)``, ``rows[i]``, iteration, and, without reading anything, ``rows[a:b]`` and
    ``rows[positions]``, which are rows as well. They serve a ``torch.utils.data.DataLoader``
    (workers included) and are pickled with the whole Dataset.

    Examples
    --------
    >>> rows = DatasetRows([("a.png", 0), ("b.png", 1), ("c.png", 0)])
    >>> rows[1]
    'b.png'
    >>> rows[[2, 0]]
    DatasetRows(2 of 3 rows of list)
    >>> list(rows[[2, 0]])
    ['c.png', 'a.png']
    """

    def __init__(self, dataset: Any) -> None:
        source = _Source(dataset, _evaluation_of(dataset), len(dataset))
        self._set([source], range(source.length))

    def _set(self, sources: Sequence[_Source], positions: range | np.ndarray) -> DatasetRows:
        """Keep sources end to end, and positions among all of their items."""
        self._sources = tuple(sources)
        self._starts = list(accumulate((source.length for source in sources), initial=0))
        self._positions = positions
        return self

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice) and np.ndim(key) == 0:
            return self._read([as_integer(key)])[0]
        twin = DatasetRows.__new__(DatasetRows)
        if isinstance(key, slice):
            return twin._set(self._sources, self._positions[key])
        numbers = _as_positions(key, len(self))
        positions = self._positions
        if isinstance(positions, range):
            return twin._set(self._sources, positions.start + positions.step * numbers)
        return twin._set(self._sources, positions[numbers])

    def __getitems__(self, numbers: Sequence[int]) -> list:
        """Read several inputs at once, as a DataLoader does for a batch."""
        return self._read(numbers)

    def __iter__(self) -> Iterator:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        total, names = self._starts[-1], list(dict.fromkeys(map(_name, self._sources)))
        part = f"{len(self)} of " if len(self) != total else ""
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return f"DatasetRows({part}{total} row{'s' * (total != 1)} of {names[0]}{more})"

    def _read(self, numbers: Sequence[int], *, training: bool = False) -> list:
        """Read inputs, from the evaluation side unless they are to train on."""
        located = [self._locate(int(self._positions[number])) for number in numbers]
        sides = [source.training if training else source.evaluation for source, _ in located]
        if all(side is sides[0] for side in sides):
            items = _items(sides[0], [at for _, at in located]) if sides else []
        else:
            items = [side[at] for side, (_, at) in zip(sides, located, strict=True)]
        return [item[0] if isinstance(item, tuple | list) else item for item in items]

    def _locate(self, position: int) -> tuple[_Source, int]:
        """Find the source of an item, and its position there."""
        which = bisect_right(self._starts, position) - 1
        return self._sources[which], position - self._starts[which]

    def with_labels(self, y: Any) -> Any:
        """Return a torch Dataset of pairs (input, label) to train on, one for each row.

        Examples
        --------
        >>> import torch
        >>> DatasetRows([("a.png", 0), ("b.png", 1)]).with_labels([5, 6])[0]
        ('a.png', np.int64(5))
        """
        y = as_array(y)
        if len(y) != len(self):
            raise ValueError(
                f"with_labels got {len(y)} labels for {len(self)} rows; give one each."
            )
        return _Pairs(self, y)

    def for_passes(self) -> Any:
        """Return a torch Dataset of pairs (input, 0), the form in which skorch takes inputs alone.

        Returns
        -------
        torch.utils.data.Dataset of n pairs

        Examples
        --------
        >>> import torch
        >>> DatasetRows([("a.png", 5), ("b.png", 6)]).for_passes()[0]
        ('a.png', 0)
        """
        return _Pairs(self, None)

    def refuse_random(self, who: str = "fit") -> None:
        """Read a few rows twice, and refuse them if they differ.

        Parameters
        ----------
        who : str
            The caller, for messages.

        Raises
        ------
        ValueError
            If a row is not the same when it is read again.

        Examples
        --------
        >>> DatasetRows([("a.png", 5), ("b.png", 6)]).refuse_random()
        """
        spread = np.linspace(0, len(self) - 1, _READ_TWICE if len(self) else 0, dtype=int)
        for number in np.unique(spread).tolist():
            if bytes_of(self[number]) != bytes_of(self[number]):
                raise ValueError(
                    f"{who} got {self!r}, of which row {number} differs when it is read again, so "
                    "that a query asked twice would too; write Augmented(training=..., "
                    "evaluation=...) with a Dataset without random transforms."
                )


class _Source(NamedTuple):
    """A Dataset, what stands for it outside training, and its length when it came in."""

    training: Any
    evaluation: Any
    length: int

    @property
    def key(self) -> tuple[int, int]:
        """What two sources have in common if they are one; a Dataset that grew is another."""
        return id(self.training), self.length


def check_dataset(X: Any, who: str) -> DatasetRows:
    """Return a torch Dataset as lazy rows, or refuse one whose items are not numbered and counted.

    A ``Subset`` or a ``ConcatDataset`` is taken apart, so that the `evaluation` side of what it is
    made of is seen.

    Examples
    --------
    >>> import torch
    >>> digits = torch.utils.data.TensorDataset(torch.arange(9))
    >>> check_dataset(torch.utils.data.Subset(digits, [3, 5]), "fit")
    DatasetRows(2 of 9 rows of TensorDataset)
    """
    if isinstance(X, DatasetRows):
        return X
    data = modules.get("torch.utils.data")
    if not _has_numbers(X):
        raise TypeError(
            f"{who} got a {type(X).__name__}, a torch Dataset whose items have no row numbers; "
            "write one with __getitem__ and __len__."
        )
    if _evaluation_of(X) is X:
        # Of these very types: a subclass may read its items in another way.
        if type(X) is getattr(data, "Subset", None):
            return check_dataset(X.dataset, who)[as_array(X.indices)]
        if type(X) is getattr(data, "ConcatDataset", None):
            return join_datasets([check_dataset(part, who) for part in X.datasets])
    return DatasetRows(X)


def join_datasets(parts: Sequence[DatasetRows]) -> DatasetRows:
    """Join rows of Datasets end to end, without reading any.

    Examples
    --------
    >>> list(join_datasets([DatasetRows("ab"), DatasetRows("cd")[1:]]))
    ['a', 'b', 'd']
    """
    sources = list({source.key: source for part in parts for source in part._sources}.values())
    starts = accumulate((source.length for source in sources), initial=0)
    start_of = dict(zip((source.key for source in sources), starts, strict=False))
    pieces = [_shifted(part, start_of) for part in parts]
    return DatasetRows.__new__(DatasetRows)._set(sources, _end_to_end(pieces))


def _shifted(part: DatasetRows, start_of: dict) -> range | np.ndarray:
    """Return the positions of a part where its sources start elsewhere."""
    starts = zip(part._sources, part._starts, strict=False)
    shifts = [start_of[source.key] - start for source, start in starts]
    positions = part._positions
    # A range stays one wherever it can: positions of 1e9 items would take 8 GB.
    if len(set(shifts)) > 1:
        which = np.searchsorted(part._starts, positions, side="right") - 1
        return np.asarray(positions, dtype=np.intp) + np.array(shifts)[which]
    if isinstance(positions, range):
        return range(positions.start + shifts[0], positions.stop + shifts[0], positions.step)
    return positions + shifts[0]


def _end_to_end(pieces: list[range | np.ndarray]) -> range | np.ndarray:
    """Join positions: a range where they go on as one."""
    pieces = [piece for piece in pieces if len(piece)] or pieces[:1]  # what is empty breaks nothing
    ranges = [piece for piece in pieces if isinstance(piece, range) and piece.step == 1]
    adjacent = all(before.stop == after.start for before, after in pairwise(ranges))
    if len(ranges) == len(pieces) and adjacent:
        return range(ranges[0].start, ranges[-1].stop)
    return np.concatenate([np.asarray(piece, dtype=np.intp) for piece in pieces])


def _as_positions(key: Any, n: int) -> np.ndarray:
    """Read integers, or a boolean mask, as positions from 0 to n - 1; negative ones count back."""
    numbers = as_array(key)
    if numbers.dtype == bool and numbers.shape == (n,):
        return np.flatnonzero(numbers)
    if numbers.ndim != 1 or (numbers.dtype.kind not in "iu" and numbers.size):
        raise IndexError(
            f"rows got {numbers.dtype} of shape {numbers.shape} for positions; "
            "write integers in one dimension."
        )
    numbers = numbers.astype(np.intp)
    numbers[numbers < 0] += n
    check_within(numbers, n)
    return numbers


def _has_numbers(X: Any) -> bool:
    """Tell whether the items of a Dataset have positions, and are counted."""
    is_stream = is_instance(X, ("torch.utils.data.IterableDataset",))
    return hasattr(X, "__getitem__") and hasattr(X, "__len__") and not is_stream


def _items(dataset: Any, indices: list[int]) -> list:
    """Read items of a Dataset, at once if it offers to."""
    together = getattr(dataset, "__getitems__", None)
    return together(indices) if callable(together) else [dataset[index] for index in indices]


def _evaluation_of(dataset: Any) -> Any:
    """Return the Dataset that stands for this one outside training: itself if it names none."""
    evaluation: Any = getattr(dataset, "evaluation", None)
    if not _has_numbers(evaluation):
        return dataset  # many a class has a flag of this name
    # One row number stands for an item on both sides, or a label would be of another row.
    if len(evaluation) != len(dataset):
        raise ValueError(
            f"the evaluation side of {type(dataset).__name__} has {len(evaluation)} items, the "
            f"training side {len(dataset)}; write two Datasets of the same items."
        )
    return evaluation


def _name(source: _Source) -> str:
    """Name a Dataset by its class."""
    dataset = source.training
    return type(dataset.training if isinstance(dataset, Augmented) else dataset).__name__


class _InTorch:
    """What is a torch Dataset: instances are of a subclass of torch's, made when it is needed."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        plain: Any = cls
        return object.__new__(_in_torch(plain))

    def __reduce__(self) -> tuple:
        # By the class as it was written: of one that was made here, none is importable.
        return self.__new__, (type(self).__mro__[1],), self.__dict__


@cache
def _in_torch(cls: Any) -> Any:
    """Return the subclass of a class that is a torch Dataset too."""
    from torch.utils.data import Dataset

    return type(
        cls.__name__, (cls, Dataset), {"__module__": cls.__module__, "__doc__": cls.__doc__}
    )


class _Pairs(_InTorch):
    """Inputs with labels, read for training; or with zeros, read for evaluation."""

    def __init__(self, rows: DatasetRows, y: np.ndarray | None) -> None:
        self.rows, self.y = rows, y
        self.transform: Callable | None = None  # of an input, for whoever trains on them

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> tuple:
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: Sequence[int]) -> list[tuple]:
        inputs = self.rows._read(numbers, training=self.y is not None)
        if self.transform is not None:
            inputs = [self.transform(part) for part in inputs]
        labels = [0] * len(inputs) if self.y is None else [self.y[number] for number in numbers]
        return list(zip(inputs, labels, strict=True))


class Augmented(_InTorch):
    """A torch Dataset with random transforms for training, and its twin without them.

    A query passes over the pool through `evaluation`, or asked twice it would differ; a fit reads
    `training`. A ``torch.utils.data.Subset`` of it is a subset of both.

    Parameters
    ----------
    training : torch.utils.data.Dataset of n items
        What is trained on.
    evaluation : torch.utils.data.Dataset of n items
        The same items in the same order, the same each time they are read.

    Raises
    ------
    TypeError
        If one of them lacks ``__getitem__`` or ``__len__``.
    ValueError
        If they have different lengths.

    Examples
    --------
    >>> import torch
    >>> class Noisy(torch.utils.data.TensorDataset):
    ...     def __getitem__(self, i):
    ...         return super().__getitem__(i)[0] + torch.rand(())
    >>> X = torch.arange(3.0)
    >>> images = Augmented(training=Noisy(X), evaluation=torch.utils.data.TensorDataset(X))
    >>> DatasetRows(images)[2]
    tensor(2.)
    >>> DatasetRows(images).refuse_random()
    """

    def __init__(self, training: Any, evaluation: Any) -> None:
        for side, dataset in {"training": training, "evaluation": evaluation}.items():
            if not _has_numbers(dataset):
                raise TypeError(
                    f"Augmented got a {type(dataset).__name__} for {side}; write a Dataset with "
                    "__getitem__ and __len__."
                )
        self.training, self.evaluation = training, evaluation
        _evaluation_of(self)

    def __len__(self) -> int:
        return len(self.training)

    def __getitem__(self, index: int) -> Any:
        return self.training[index]

    def __getitems__(self, indices: list[int]) -> list:
        """Read several items at once, as a DataLoader does for a batch."""
        return _items(self.training, indices)

    def __repr__(self) -> str:
        return f"Augmented(training={self.training!r}, evaluation={self.evaluation!r})"
