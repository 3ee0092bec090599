"""Vectors of rows: small pictures of images, a file of vectors, those of a net of timm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from ..utils.files import replacing
from .words import from_extra, note

_KEPT = 200_000  # small pictures, of 768 bytes each


class Thumbnails(TransformerMixin, BaseEstimator):
    """Images, by their paths, as the values of a few pixels between 0 and 1."""

    def __init__(self, size=16):
        self.size = size

    def fit(self, X, y=None):
        """Return it as it is: there is nothing to learn."""
        return self

    def transform(self, X):
        """Return a row of 3 * size**2 numbers for each path."""
        pictures = [_thumbnail(str(path), self.size) for path in X]
        return np.stack([np.frombuffer(each, dtype=np.uint8) for each in pictures]) / np.float32(
            255
        )

    def __sklearn_is_fitted__(self):
        """There is nothing to learn."""
        return True


@lru_cache(_KEPT)
def _thumbnail(path: str, size: int) -> bytes:
    """Return the colours of an image of size x size pixels."""
    Image = from_extra("PIL.Image", "annotate")
    # Of a JPEG no more is decoded than that.
    small = upright(path, (2 * size, 2 * size)).resize((size, size), Image.Resampling.BOX)
    return small.tobytes()


def upright(path: str, at_least: tuple[int, int] | None = None) -> Any:
    """Return an image as people see it, in colours, in full or not smaller than a size."""
    Image, ImageOps = from_extra("PIL.Image", "annotate"), from_extra("PIL.ImageOps", "annotate")
    try:
        with Image.open(path) as image:
            if at_least is not None:
                image.draft("RGB", at_least)
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read: {error}; take it out of the folder.") from error


class LookedUp(TransformerMixin, BaseEstimator):
    """Vectors of rows that a file has: row i of the file for the i-th of the keys.

    Rows are texts or paths, which say themselves which they are.
    """

    def __init__(self, path, keys):
        self.path = path
        self.keys = keys

    def fit(self, X, y=None):
        """Open the file."""
        self.vectors_ = np.load(self.path, mmap_mode="r")
        self.positions_ = {key: i for i, key in reversed([*enumerate(self.keys)])}
        return self

    def transform(self, X):
        """Return the vector of each row."""
        return np.asarray(self.vectors_[[self.positions_[str(row)] for row in X]])

    def __getstate__(self):
        """Leave the vectors in their file."""
        return {name: value for name, value in vars(self).items() if name != "vectors_"}

    def __setstate__(self, state):
        """Open the file again."""
        self.__dict__ = dict(state)
        if "positions_" in state:
            self.vectors_ = np.load(self.path, mmap_mode="r")


def check_file_of_vectors(path: Path, n_rows: int) -> None:
    """Refuse a file that has no vector for each row."""
    if not path.exists():
        raise FileNotFoundError(f"--embedding {path} is not there; give an array of numpy.")
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"--embedding {path} is no array of numpy: {error}.") from error
    shape: tuple[int, ...] = getattr(vectors, "shape", ())
    if len(shape) != 2 or shape[0] != n_rows or vectors.dtype.kind not in "fiu":
        raise ValueError(
            f"--embedding {path} has the shape {shape}; give a vector of numbers for each of the "
            f"{n_rows:,} rows, in their order."
        )
    step = 10_000
    if not all(np.isfinite(vectors[i : i + step]).all() for i in range(0, n_rows, step)):
        raise ValueError(f"--embedding {path} has NaN or infinite numbers; give finite ones.")


def embed_by_timm(name: str, paths: Sequence[Path], file: Path) -> None:
    """Write the vectors that a net of timm makes of images to a file."""
    timm, torch = from_extra("timm", None), from_extra("torch", "torch")
    net = _net_of_timm(timm, name)
    prepared = timm.data.create_transform(**timm.data.resolve_model_data_config(net))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(paths), 32):
            batch = [upright(str(path)) for path in paths[start : start + 32]]
            parts.append(net(torch.stack([prepared(image) for image in batch])).numpy())
            if start % 3200 == 0:
                note(f"Vectors of {start + len(batch):,} of {len(paths):,} images.")
    with replacing(file) as out:
        np.save(out, np.concatenate(parts))


def _net_of_timm(timm: Any, name: str) -> Any:
    """Return a net with its weights, refusing in a sentence one that is not to be had."""
    if ":" not in name and not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), n=1)
        instead = f"write timm:{near[0]}" if near else "timm.list_models() names them"
        raise ValueError(f"--embed timm:{name} is no net of timm; {instead}.")
    try:
        return timm.create_model(name, pretrained=True, num_classes=0).eval()
    except (OSError, RuntimeError) as error:  # no network, no such folder, no weights of this net
        raise ValueError(
            f"--embed timm:{name} has no weights here: {str(error).rstrip('.')}. Be online once, "
            f"for they are kept; or put config.json and model.safetensors, from its page at "
            f"https://huggingface.co/timm, into a folder and write timm:local-dir:FOLDER; or give "
            f"vectors of your own by --embedding file.npy."
        ) from error


def file_of_timm(name: str, store: Path) -> Path:
    """Return where the vectors of a net are kept: beside the record."""
    return store.with_name(f"{store.stem}.{re.sub(r'[^A-Za-z0-9_-]', '-', name)}.npy")
