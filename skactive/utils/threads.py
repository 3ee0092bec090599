"""How many threads compute: BLAS and torch each have threads of their own, which wait awake."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from sys import modules
from threading import RLock
from typing import Any

LITTLE = 4e9  # additions and products, for which one thread is about as good as several


class _Limits:
    """Whether the threads of this process are limited: all Python threads share their number."""

    # Whoever finds them limited leaves them alone, or would later bring back that limit.

    def __init__(self) -> None:
        self.lock = RLock()  # held while numbers change, and for as long as little work takes
        self.is_set = False  # by `one_thread`


_limits = _Limits()


def _forget() -> None:
    """Begin anew in a process that was forked while the lock was held: nobody would release it."""
    global _limits
    _limits = _Limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def one_thread() -> Iterator[None]:
    """Have everything compute with one thread, so that sums are rounded alike everywhere."""
    from threadpoolctl import threadpool_limits

    with _limits.lock:
        is_first, _limits.is_set = not _limits.is_set, True
        if is_first:
            torch = modules.get("torch")  # with libraries inside, which threadpoolctl misses
            n_threads = None if torch is None else torch.get_num_threads()
            limit = threadpool_limits(1)
            if torch is not None:
                torch.set_num_threads(1)
    try:
        yield
    finally:
        if is_first:
            with _limits.lock:
                _limits.is_set = False
                limit.restore_original_limits()
                if torch is not None:
                    torch.set_num_threads(n_threads)


@contextmanager
def few_threads(work: float) -> Iterator[None]:
    """Have BLAS compute with one thread where there is little to do: `work` products and sums.

    Examples
    --------
    >>> with few_threads(work=1000.0):
    ...     pass
    """
    # Threads wait awake for the next of many small products: measured on two cores, D2 sampling of
    # 3,000 x 50 took 1.2 times as long with both and half as much processor time again, and four
    # times as long beside other programs. What torch computes next may have to wait for them too.
    lock = _limits.lock
    # Whoever finds the number being changed goes on with what there is: waiting would take longer.
    if work > LITTLE or not lock.acquire(blocking=False):
        yield
        return
    try:
        with _blas().limit(limits=1, user_api="blas"):
            yield
    finally:
        lock.release()


@cache
def _blas() -> Any:
    """Return the libraries whose threads are counted."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
