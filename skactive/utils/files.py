"""Files that are replaced whole, or not at all, whoever is killed or runs out of disk."""

import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # on Windows, where nobody can take away a file that is open
    fcntl = None  # type: ignore[assignment]


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` once it is written and on the disk.

    Whoever is interrupted leaves the old file. What killed processes left beside it is taken away.
    A symbolic link stays one.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{str(path)!r} cannot be made: there is no folder {str(path.parent)!r}."
        )
    for left in path.parent.glob(f"{glob.escape(path.name)}.{'[0-9a-f]' * 8}.part"):
        with suppress(OSError), left.open("rb") as held:  # raised where somebody still writes
            _lock(held, wait=False)
            left.unlink()
    temporary, file = _create(path)
    try:
        with file:
            if path.exists():
                shutil.copymode(path, temporary)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:  # on Windows no open file can be moved
                file.close()
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _create(path: Path) -> tuple[Path, IO[bytes]]:
    """Open a new file beside `path`, locked so that no other save takes it for what was left."""
    while True:
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        file = temporary.open("xb")  # with the permissions of any new file, unlike tempfile's
        with suppress(OSError):  # some networks' file systems have no locks
            _lock(file, wait=True)
        if temporary.exists():  # nobody was quicker
            return temporary, file
        file.close()


def _lock(file: IO[bytes], *, wait: bool) -> None:
    """Lock a file for as long as it is open; OSError: another has, and there is no waiting."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
