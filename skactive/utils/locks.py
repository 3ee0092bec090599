"""Who holds the lock of a file."""

from __future__ import annotations

import os
from pathlib import Path


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
