"""Settings of the package: how much memory a query over rows that lie elsewhere may take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from .checks import checked_number

_SHARE = 0.25  # of the memory that there is
_LIMITS = (  # of a container, by the two versions of control groups
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
_max_memory: ContextVar[int | None] = ContextVar("max_memory", default=None)


@contextmanager
def config_context(*, max_memory: float | None = None) -> Iterator[None]:
    """Set, within this context, how much memory a query over rows in files may take.

    Parameters
    ----------
    max_memory : number of bytes, default=None
        What vectors, or predictions, of all rows of a source may take, for strategies that look at
        rows together; a query that would take more is refused, or reads the rows block by block.
        None: a quarter of the memory that the machine, or its container, has in all, so that the
        same query does not work one day and fail the next.

    Raises
    ------
    ValueError
        If it is not a positive number.

    Examples
    --------
    >>> from skactive import config_context
    >>> with config_context(max_memory=2e9):
    ...     max_memory()
    2000000000
    """
    if max_memory is not None:
        max_memory = int(checked_number(max_memory, "max_memory", "config_context", 1))
    token = _max_memory.set(max_memory)
    try:
        yield
    finally:
        _max_memory.reset(token)


def max_memory() -> int:
    """Return how many bytes a query over rows in files may take."""
    is_set = _max_memory.get()
    return int(_SHARE * total_memory()) if is_set is None else is_set


@cache
def total_memory() -> int:
    """Return how many bytes of memory the machine has, or its container where that has less."""
    found = [_limit(path) for path in _LIMITS]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((n for n in found if n), default=8 << 30)  # as nobody tells, of Windows for one


def _limit(path: str) -> int:
    """Return the number that a file of the system holds, 0 for none."""
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0
