"""Files of finished runs: one JSON line each, so that what is interrupted can go on."""

import json
import os
import zlib
from pathlib import Path
from typing import Any

FORMAT = "skactive-comparison"


class ResultsFile:
    """Runs on disk, appended as they finish.

    The first line holds the settings; every line ends with a checksum, so that a line cut short
    by a crash is recognised, and dropped.

    Parameters
    ----------
    path : str or path
        The file; made if it is not there.
    settings : dict
        What all runs share, as JSON takes it.

    Raises
    ------
    ValueError
        If the file holds something else, or runs with other settings; it names those that differ.
    """

    def __init__(self, path: str | os.PathLike, settings: dict[str, Any]):
        self.path = Path(path)
        self.runs: list[dict[str, Any]] = []
        lines, n_bytes = _whole_lines(self.path)
        if not lines:
            if self.path.exists() and not _is_torn_header(self.path.read_bytes()):
                self._refuse_foreign()
            self._write(_line({"format": FORMAT, "settings": settings}), at=0)
            return
        header = lines[0]
        if header.get("format") != FORMAT:
            self._refuse_foreign()
        stored = header["settings"]
        names = sorted(stored.keys() | settings.keys())
        differ = [name for name in names if stored.get(name) != settings.get(name)]
        if differ:
            changes = "; ".join(
                f"{name} was {stored.get(name)!r}, is {settings.get(name)!r}" for name in differ
            )
            raise ValueError(
                f"{os.fspath(path)!r} holds runs of another comparison: {changes}; give another "
                f"file, or the same settings."
            )
        self.runs = lines[1:]
        self._write(b"", at=n_bytes)

    def append(self, run: dict[str, Any]) -> None:
        """Add a finished run, safely on disk when this returns."""
        self.runs.append(run)
        self._write(_line(run), at=self.path.stat().st_size)

    def _write(self, data: bytes, at: int) -> None:
        """Write data at a position, and nothing behind it."""
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.truncate(at)
            file.seek(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _refuse_foreign(self) -> None:
        """Refuse a file that something else wrote."""
        raise ValueError(
            f"{os.fspath(self.path)!r} is not a file of compare_strategies; give another name."
        )


def stored_settings(path: str | os.PathLike) -> dict[str, Any] | None:
    """Return the settings of the runs in a file, or None where there is no such file yet."""
    lines, _ = _whole_lines(Path(path))
    return lines[0].get("settings") if lines else None


def _line(value: dict[str, Any]) -> bytes:
    """Return a value as a line with its checksum."""
    text = json.dumps(value, sort_keys=True).encode()
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def _is_torn_header(data: bytes) -> bool:
    """Whether bytes are the beginning of a first line that was never finished."""
    start = b'{"format": "%s"' % FORMAT.encode()
    return b"\n" not in data and (data.startswith(start) or start.startswith(data))


def _whole_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the lines that are whole, up to the first that is not, and their bytes."""
    values: list[dict[str, Any]] = []
    n_bytes = 0
    if path.exists():
        for line in path.read_bytes().splitlines(keepends=True):
            text, _, check = line.rpartition(b"\t")
            if check != b"%08x\n" % zlib.crc32(text):
                break
            values.append(json.loads(text))
            n_bytes += len(line)
    return values, n_bytes
