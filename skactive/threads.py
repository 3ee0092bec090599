"""How many threads compute: BLAS and torch each have threads of their own, that wait awake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from sys import modules
from threading import Lock
from typing import Any

LITTLE = 4e9  # additions and products: a twentieth of a second of one thread
_LIMITED = Lock()  # while it is held BLAS has one thread, and who holds it gives back the others


@contextmanager
def one_thread() -> Iterator[None]:
    """Have everything compute with one thread."""
    from threadpoolctl import threadpool_limits

    torch = modules.get("torch")  # with libraries of its own inside, which threadpoolctl misses
    n_threads = None if torch is None else torch.get_num_threads()
    try:
        with threadpool_limits(1):
            if torch is not None:
                torch.set_num_threads(1)
            yield
    finally:
        if torch is not None:
            torch.set_num_threads(n_threads)


@contextmanager
def few_threads(work: float) -> Iterator[None]:
    """Have BLAS compute with one thread where there is little to do.

    Several take about as long then, and stay awake for another fortieth of a second, in which
    whatever torch computes takes half as long again.

    Parameters
    ----------
    work : float
        How many additions and products there are, about.

    Examples
    --------
    >>> with few_threads(work=1000.0):
    ...     pass
    """
    if work > LITTLE or not _LIMITED.acquire(blocking=False):  # or somebody else gives back one
        yield
        return
    try:
        with _blas().limit(limits=1, user_api="blas"):
            yield
    finally:
        _LIMITED.release()


@cache
def _blas() -> Any:
    """Return the libraries whose threads are counted."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
