"""Files of arrays beside a JSON header: versioned, free of pickle, replaced whole or not at all."""

import json
import os
import secrets
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = "skactive-pool"
VERSION = 1


def write(path: str | os.PathLike, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write the header and the arrays to `path`; whoever is interrupted leaves the old file."""
    path = Path(path)
    header = {"format": FORMAT, "version": VERSION, **header}
    contents: dict[str, Any] = {"header": pack_json(header), **arrays}
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    file = temporary.open("xb")  # with the permissions of any new file, unlike tempfile's
    try:
        with file:
            if path.exists():
                shutil.copymode(path, temporary)
            np.savez(file, **contents)  # no objects, so no pickle
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the arrays of a file made by `write`.

    Raises
    ------
    ValueError
        If the file is something else, or comes from a later version of the format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = unpack_json(arrays.pop("header"))
        is_ours, version = header["format"] == FORMAT, header["version"]
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a file that Pool.save wrote.") from error
    if not is_ours:
        raise ValueError(f"{os.fspath(path)!r} is not a file that Pool.save wrote.")
    if version > VERSION:
        raise ValueError(
            f"{os.fspath(path)!r} has format version {version}, this skactive reads up to "
            f"{VERSION}; update skactive."
        )
    return header, arrays


def pack_json(value: Any) -> np.ndarray:
    """Return `value` as the bytes of its JSON text, an array that needs no pickle."""
    return np.frombuffer(json.dumps(value).encode("ascii"), dtype=np.uint8)


def unpack_json(packed: np.ndarray) -> Any:
    """Return what `pack_json` packed."""
    return json.loads(packed.tobytes())
