"""Files of finished runs: one JSON line each, so that what is interrupted can go on."""

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..utils.files import replacing

RESULTS_FORMAT = "skactive-comparison"


class ResultsFile:
    """Runs on disk, appended as they finish.

    The first line holds the settings; every line ends with a checksum, so that a last line cut
    short by a crash is recognised, and dropped. A file that holds something else, other settings
    or a line that is damaged rather than cut short is refused, and stays as it is.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ResultsFile(f"{folder}/runs.jsonl", {"budget": 100}).append({"score": 0.9})
    ...     ResultsFile(f"{folder}/runs.jsonl", {"budget": 100}).runs
    [{'score': 0.9}]
    """

    def __init__(self, path: str | os.PathLike, settings: dict[str, Any]):
        self.path = Path(path)
        data = self.path.read_bytes() if self.path.exists() else b""
        lines, self._n_bytes = _whole_lines(data)
        rest = data[self._n_bytes :]
        _check_whole(path, lines, rest)
        self.runs = lines[1:]
        if self.runs:
            _check_same_settings(path, lines[0]["settings"], settings)
            self._write(b"")
        else:
            # Without a run nothing is lost by new settings, and the old ones may have been what
            # kept the first run from finishing.
            self._n_bytes = 0
            self._write(_line({"format": RESULTS_FORMAT, "settings": settings}))

    def append(self, run: dict[str, Any]) -> None:
        """Add a finished run, safely on disk when this returns, unless others wrote to the file."""
        if self.path.stat().st_size != self._n_bytes:
            raise RuntimeError(
                f"{os.fspath(self.path)!r} has changed since it was opened; let one comparison at "
                f"a time write to it."
            )
        line = _line(run)
        self._write(line)
        self.runs.append(json.loads(line.rpartition(b"\t")[0]))  # as it will be read back

    def _write(self, data: bytes) -> None:
        """Write data behind the whole lines, in place of anything that follows them."""
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.truncate(self._n_bytes)
            file.seek(self._n_bytes)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._n_bytes += len(data)


def merge_results(parts: Iterable[str | os.PathLike], path: str | os.PathLike) -> None:
    """Join results files of one comparison, such as those of its shards, into one.

    The same call of `compare_strategies` with ``results=path``, and without `shard`, then finds
    all runs there, or simulates those that are missing.

    Parameters
    ----------
    parts : list of str or path
        Results files of `compare_strategies`; they stay as they are. Runs that are in several
        are taken once.
    path : str or path
        Where the file is written, by a rename: whole or not at all. It may be one of `parts`.

    Raises
    ------
    FileNotFoundError
        If a part is not there.
    FileExistsError
        If there is a file at `path` that is none of the parts.
    ValueError
        If there are no parts, one is no such file or damaged, their settings differ, or two have
        the same run with other rows or scores. Nothing is written then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import compare_strategies
    >>> from skactive.evaluation import merge_results
    >>> X, y = load_iris(return_X_y=True)
    >>> folder = Path(tempfile.mkdtemp())
    >>> def compare(results, shard=None):
    ...     return compare_strategies(
    ...         LogisticRegression(max_iter=500), X, y, ["margin"], budget=20, n_instances=5,
    ...         n_repeats=4, random_state=0, results=results, shard=shard)
    >>> parts = [folder / "1.jsonl", folder / "2.jsonl"]
    >>> [len(compare(part, shard=f"{k}/2").ceiling()) for k, part in enumerate(parts, 1)]
    [2, 2]
    >>> merge_results(parts, folder / "all.jsonl")
    >>> len(compare(folder / "all.jsonl").ceiling())  # which simulates nothing
    4
    """
    files = [Path(part) for part in parts]
    if not files:
        raise ValueError("there are no parts to join; give at least one results file.")
    path = Path(path)
    if path.exists() and not any(path.samefile(file) for file in files):
        raise FileExistsError(
            f"{str(path)!r} is there and none of the parts; give another name, or name it among "
            f"them."
        )
    settings: dict[str, Any] = {}
    runs: dict[tuple, tuple[dict[str, Any], Path]] = {}
    for part in files:
        own, lines = read_results(part)
        settings = settings or own
        _check_same_settings(part, own, settings)
        for run in lines:
            first, where = runs.setdefault((run["variant"], run["repeat"]), (run, part))
            if _without_seconds(first) != _without_seconds(run):
                raise ValueError(
                    f"{str(where)!r} and {str(part)!r} both hold repeat {run['repeat']} of "
                    f"{run['variant']!r}, with other rows or scores; leave one of them out."
                )
    ordered = sorted((run for run, _ in runs.values()), key=lambda run: run["repeat"])
    head = _line({"format": RESULTS_FORMAT, "settings": settings})
    with replacing(path) as file:
        file.write(head + b"".join(map(_line, ordered)))


def read_results(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return settings and runs of a file; a last line that was cut short is left out."""
    lines, n_bytes = _whole_lines(data := path.read_bytes())
    _check_whole(path, lines, data[n_bytes:])
    if not lines:
        raise ValueError(f"{str(path)!r} has no settings, since it was cut short; leave it out.")
    return lines[0]["settings"], lines[1:]


def _without_seconds(run: dict[str, Any]) -> dict[str, Any]:
    """Return what of a run is the same wherever it is made."""
    return {name: value for name, value in run.items() if name != "seconds"}


def stored_settings(path: str | os.PathLike) -> dict[str, Any] | None:
    """Return the settings in a file as JSON gives them back, or None if there is no file yet."""
    path = Path(path)
    lines, _ = _whole_lines(path.read_bytes() if path.exists() else b"")
    return lines[0]["settings"] if lines else None


def _check_whole(path, lines: list, rest: bytes) -> None:
    """Refuse another file, and one with a damaged line; `rest` follows its whole lines."""
    if not lines and not _is_torn_header(rest):
        raise ValueError(
            f"{os.fspath(path)!r} is not a file of compare_strategies; give another name."
        )
    if b"\n" in rest:
        raise ValueError(
            f"line {len(lines) + 1} of {os.fspath(path)!r} is damaged; delete that line, and "
            f"its run is made again."
        )


def _check_same_settings(path, stored: dict[str, Any], settings: dict[str, Any]) -> None:
    """Refuse settings that differ from those in the file, naming them."""
    names = sorted(stored.keys() | settings.keys())
    changes = [
        f"{name} was {stored.get(name)!r}, is {settings.get(name)!r}"
        for name in names
        if _line(stored.get(name)) != _line(settings.get(name))  # as text, in which NaN equals NaN
    ]
    if changes:
        raise ValueError(
            f"{os.fspath(path)!r} holds runs of another comparison: {'; '.join(changes)}; give "
            f"another file, or the same settings."
        )


def _line(value: Any) -> bytes:
    """Return a value as a line with its checksum."""
    text = json.dumps(value, sort_keys=True).encode()
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def _is_torn_header(data: bytes) -> bool:
    """Whether bytes are the beginning of a first line that was never finished."""
    start = b'{"format": "%s"' % RESULTS_FORMAT.encode()
    return b"\n" not in data and (data.startswith(start) or start.startswith(data))


def _whole_lines(data: bytes) -> tuple[list[dict[str, Any]], int]:
    """Return the lines before the first that is not whole, and their bytes; none without header."""
    values: list[dict[str, Any]] = []
    n_bytes = 0
    for line in data.splitlines(keepends=True):
        text, _, check = line.rpartition(b"\t")
        if check != b"%08x\n" % zlib.crc32(text):
            break
        value = json.loads(text)
        if not values and not (isinstance(value, dict) and value.get("format") == RESULTS_FORMAT):
            break
        values.append(value)
        n_bytes += len(line)
    return values, n_bytes
