"""What the page and the process that trains tell one another, through pipes.

Arrays go as they lie in memory, and are not copied.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any, NamedTuple

import numpy as np

from ..pool.log import Change
from .refused import needed


class Task(NamedTuple):
    """What there is to learn since the last one."""

    changes: list[Change]
    rows: np.ndarray  # of which a guess is wanted besides those that are ranked


class Done(NamedTuple):
    """What came of a task; labels are as the page has them."""

    n: int  # operations of the record that it has learned of
    n_labeled: int
    seconds: float
    is_new: bool  # whether a model was fitted
    failed: str | None  # a sentence, where something could not be done
    ranked: np.ndarray  # rows to learn from, best first
    rows: np.ndarray  # of which the model says something
    said: list[Any]  # labels of these
    proba: np.ndarray | None  # of these, a column for each class
    classes: list[str]
    tests: np.ndarray  # which of the rows are to test on


_NUMBER = struct.Struct("<Q")


def send(file: Any, given: Any) -> None:
    """Write an object: how many parts there are, how long each is, and the parts."""
    for part in packed(given):
        file.write(part)
    file.flush()


def packed(given: Any) -> list[Any]:
    """Return the parts of an object, what lives in a script's own module included."""
    buffers: list[pickle.PickleBuffer] = []
    body = needed("cloudpickle").dumps(given, protocol=5, buffer_callback=buffers.append)
    parts = [body, *(buffer.raw() for buffer in buffers)]
    lengths = [len(parts), *(memoryview(part).nbytes for part in parts)]
    return [b"".join(map(_NUMBER.pack, lengths)), *parts]


def receive(file: Any) -> Any:
    """Return the object that was sent, or raise EOFError where the other process has ended."""
    n_parts = _read_number(file)
    lengths = [_read_number(file) for _ in range(n_parts)]
    body, *buffers = [_read(file, length) for length in lengths]
    return pickle.loads(body, buffers=buffers)  # of our own child, or our own parent


def _read_number(file: Any) -> int:
    return _NUMBER.unpack(_read(file, _NUMBER.size))[0]


def _read(file: Any, length: int) -> bytearray:
    """Read so many bytes into an array that may be written to, as arrays are."""
    data = bytearray(length)
    view, at = memoryview(data), 0
    while at < length:
        n = file.readinto(view[at:])
        if not n:
            raise EOFError("the other process has ended")
        at += n
    return data
