"""The contract of a source of rows as a check, for anyone's."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from .fingerprint import fingerprint
from .frames import dtypes_of, is_pandas
from .rows import Rows, join, n_rows, slice_rows, take
from .sources import RowSource

_READ = 20  # blocks, of those that are many


def check_source(source: RowSource) -> None:
    """Check that a source of rows keeps the contract that the learner relies on.

    A source must: tell the sizes of its blocks, and always the same; read blocks of these sizes,
    all of one kind, with the same columns, dtypes and shape of rows; read a block alike each time;
    and be a value that another process can have, by pickle, and that reads the same there. Of more
    than 20 blocks, the first, the last and some between them are read.

    Parameters
    ----------
    source : RowSource
        What is checked. It is only read.

    Raises
    ------
    AssertionError
        At the first check that fails; the message says what is wrong and what to do.

    Examples
    --------
    >>> from skactive.data import RowSource
    >>> from skactive.testing import check_source
    >>> class Squares(RowSource):
    ...     def block_sizes(self):
    ...         return [1000] * 7
    ...     def read_block(self, number):
    ...         return np.arange(1000 * number, 1000 * number + 999.0)[:, None] ** 2
    >>> check_source(Squares())
    Traceback (most recent call last):
    ...
    AssertionError: block 0 has 999 rows, and block_sizes says 1000; return as many as it says.
    """
    name = type(source).__name__
    _hold(isinstance(source, RowSource), f"{name} is no RowSource; derive its class from it")
    sizes = list(source.block_sizes())
    _hold(
        sizes == list(source.block_sizes()),
        "block_sizes gives other sizes when it is asked again; open what does not change",
    )
    filled = [number for number, size in enumerate(sizes) if size]
    some = np.unique(np.linspace(0, len(filled) - 1, min(_READ, len(filled)), dtype=int))
    numbers = [filled[i] for i in some]
    _hold(len(numbers) > 0, f"{name} has no rows; open a source with at least one")
    first = source.read_block(numbers[0])
    for number in numbers:
        block = source.read_block(number)
        _hold(
            n_rows(block) == sizes[number],
            f"block {number} has {n_rows(block)} rows, and block_sizes says {sizes[number]}; "
            f"return as many as it says",
        )
        _hold(
            _form(block) == _form(first),
            f"block {number} is {_form(block)}, and block {numbers[0]} is {_form(first)}; read all "
            f"blocks as one kind of rows, with the same dtypes",
        )
        _hold(
            _same(block, source.read_block(number)),
            f"block {number} differs when it is read again; leave out what is random",
        )
    other = object.__new__(type(source))
    try:  # a class of a notebook has no module that another process could import
        other.__dict__.update(pickle.loads(pickle.dumps(source.__getstate__())))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise AssertionError(
            f"{name} cannot be pickled ({error}); keep a path or a name, and open it in read_block."
        ) from error
    _hold(
        list(other.block_sizes()) == sizes and _same(other.read_block(numbers[-1]), block),
        f"{name} reads something else after pickle; keep in it all that tells where rows are",
    )
    last = source.block_ends[numbers] - 1  # rows, one of each block, the later first
    rows = join([slice_rows(source.read_block(n), sizes[n] - 1, sizes[n]) for n in numbers[::-1]])
    _hold(
        _same(take(source, last[::-1]), rows),
        f"rows of {name} that are taken are not those of its blocks; override block_sizes and "
        f"read_block alone",
    )


def _hold(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise AssertionError(f"{otherwise}.")


def _same(a: Any, b: Any) -> bool:
    """Whether two containers hold the same rows, those of pandas with the same index."""
    one, other = Rows(a), Rows(b)
    if len(one) != len(other) or (is_pandas(a) and a.index.tolist() != b.index.tolist()):
        return False
    every = range(len(one))
    return fingerprint(one, every) == fingerprint(other, every)


def _form(X: Any) -> str:
    """Say what rows are: their kind, columns and dtypes, or the shape of a row."""
    name = type(X).__name__
    if hasattr(X, "columns"):
        columns = zip(map(str, X.columns), map(str, dtypes_of(X)), strict=True)
        return f"a {name} of {', '.join(f'{column} ({dtype})' for column, dtype in columns)}"
    if hasattr(X, "dtype"):
        return f"a {name} of {X.dtype} and rows of shape {tuple(X.shape[1:])}"
    return f"a {name}"
