"""Who holds the lock of a file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def held(path: str, refusal: Callable[[str], str]) -> Iterator[None]:
    """Hold a lock, a file that stays empty, which ends with the process at the latest.

    `refusal` says what is told where another process, which it is given in words, has it.
    """
    with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise OSError(f"{path!r} cannot be written ({error}).") from error
            raise BlockingIOError(refusal(holder(path))) from error
        yield


def holder(path: str) -> str:
    """Say which process holds a SQLite database locked, where the system tells: on Linux."""
    inodes = set()
    for each in (path, f"{path}-shm"):
        if os.path.exists(each):
            found = os.stat(each)
            inodes.add(f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}")
    try:
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return "another process"
    # number: POSIX ADVISORY WRITE process device:device:inode start end; with -> if it waits
    pids = {
        int(parts[4])
        for parts in locks
        if len(parts) == 8 and parts[3] == "WRITE" and parts[5] in inodes
    }
    if not pids:
        return "another process"
    if os.getpid() in pids:
        return "this process, which has it open twice"
    pid = min(pids)
    try:
        name = f" ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    except OSError:
        name = ""
    return f"process {pid}{name}"
