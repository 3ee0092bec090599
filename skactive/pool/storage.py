"""Files of arrays beside a JSON header: versioned, free of pickle, replaced whole or not at all."""

import io
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..data.labels import objects
from ..utils.checks import is_integer
from ..utils.files import replacing

FORMAT = "skactive-pool"
# What numpy writes before the numbers of an array of one dimension, and nothing else.
_HEAD = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<>|][biuf][1248])', 'fortran_order': False, "
    rb"'shape': \((\d{1,18}),\), \} *\n",
    re.DOTALL,
)
_ARCHIVE = (zipfile.BadZipFile, EOFError, struct.error, zlib.error)


def write_arrays(
    path: str | os.PathLike, header: dict[str, Any], arrays: dict[str, np.ndarray], version: int
) -> None:
    """Write the header and the arrays to `path`, whole or not at all."""
    if is_database(path):
        raise ValueError(
            f"save got {os.fspath(path)!r}, which is what a database is called; write pool.copy_to("
            f"path) for one, or another ending, such as .npz."
        )
    header = {"format": FORMAT, "version": version, **header}
    contents: dict[str, Any] = {"header": pack_json(header), **arrays}
    with replacing(path) as file:
        np.savez(file, **contents)  # no objects, so no pickle


def is_database(path: str | os.PathLike) -> bool:
    """Tell whether a file is a pool's database, by its name."""
    return os.fsdecode(path)[-3:].lower() == ".db"


@contextmanager
def refusing(path: str | os.PathLike, maker: str = "Pool.save") -> Iterator[None]:
    """Refuse a file in words where what it holds makes no sense."""
    try:
        yield
    except (*_ARCHIVE, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a file that {maker} wrote.") from error


def read_arrays(
    path: str | os.PathLike, latest: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the arrays of a file made by `write`.

    Raises
    ------
    ValueError
        If the file is something else, is damaged, or comes from a later version of the format.
    """
    if is_database(path):  # nor looked at: closing it would take away the locks of this process
        raise ValueError(f"load got {os.fspath(path)!r}, a database; write Pool.open(path, X).")
    whole = Path(path).read_bytes()
    with refusing(path):
        arrays = arrays_of(whole)
        header = unpack_json(arrays.pop("header"))
        version = header["version"]
        if header["format"] != FORMAT or not is_integer(version) or version < 1:
            raise ValueError("another format")
    if version > latest:
        raise ValueError(
            f"{os.fspath(path)!r} has format version {version}, this skactive reads up to "
            f"{latest}; update skactive."
        )
    return header, arrays


def arrays_of(whole: bytes) -> dict[str, np.ndarray]:
    """Return the arrays in the bytes of a file; what `refusing` catches: it is none."""
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        arrays = {info.filename: _array(file, info, len(whole)) for info in file.infolist()}
        if len(arrays) != len(file.infolist()):
            raise ValueError("a member is there twice")
    return {name.removesuffix(".npy"): array for name, array in arrays.items()}


def _array(file: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> np.ndarray:
    """Return an array of an archive, all of whose bytes are accounted for.

    numpy would read as many numbers as its header says, and compare no checksum if more are there.
    """
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > most:
        raise ValueError("a member was compressed by somebody else")
    data = file.read(info)  # which compares the checksum
    head = _HEAD.match(data)
    if head is None:
        raise ValueError("a member is no array of numbers")
    array = np.frombuffer(data, head[1].decode(), offset=head.end())
    if len(array) != int(head[2]) or (array.dtype == bool and (array.view(np.uint8) > 1).any()):
        raise ValueError("a member holds other numbers than its head says")
    return array


def pack_labels(name: str, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return labels as arrays of numbers, by names: text as JSON, several of a row end to end."""
    is_text = labels.dtype.kind == "O"
    arrays = {name: labels, f"{name}_are_text": np.array([is_text])}
    if labels.dtype.kind == "V":
        width = np.array([labels.dtype.itemsize])
        arrays |= {name: labels.view(np.int8), f"{name}_width": width}
    if is_text:  # or several of a row, of which there were more once
        plain = [list(label) if isinstance(label, bytes) else label for label in labels.tolist()]
        arrays[name] = pack_json(plain)
    return arrays


def unpack_labels(name: str, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Take from arrays what `pack_labels` made of labels, and return these."""
    labels, is_text = arrays.pop(name), arrays.pop(f"{name}_are_text").tolist() == [True]
    if f"{name}_width" in arrays:
        return labels.view(f"V{int(arrays.pop(f'{name}_width')[0])}").copy()
    if not is_text:
        return labels
    return objects(
        [bytes(label) if isinstance(label, list) else label for label in unpack_json(labels)]
    )


def pack_json(value: Any) -> np.ndarray:
    """Return `value` as the bytes of its JSON text, an array that needs no pickle."""
    return np.frombuffer(json.dumps(value).encode("ascii"), dtype=np.uint8)


def unpack_json(packed: np.ndarray) -> Any:
    """Return what `pack_json` packed."""
    return json.loads(packed.tobytes())


def refuse_unless(condition: Any) -> None:
    """Refuse, within `refusing`, a history that no pool has had."""
    if not condition:
        raise ValueError("no pool has had this history")
