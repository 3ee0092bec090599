"""Vectors of rows: small pictures of images, a file of vectors, those of a net of timm."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    Image, ImageOps = from_extra("PIL.Image", "annotate"), from_extra("PIL.ImageOps", "annotate")
    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * size, 2 * size))  # of a JPEG no more is decoded than that
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return upright.resize((size, size), Image.Resampling.BOX).tobytes()
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
    Image = from_extra("PIL.Image", "annotate")
    net = timm.create_model(name, pretrained=True, num_classes=0).eval()
    prepared = timm.data.create_transform(**timm.data.resolve_model_data_config(net))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(paths), 32):
            batch = [_opened(Image, path) for path in paths[start : start + 32]]
            parts.append(net(torch.stack([prepared(image) for image in batch])).numpy())
            if start % 3200 == 0:
                note(f"Vectors of {start + len(batch):,} of {len(paths):,} images.")
    with replacing(file) as out:
        np.save(out, np.concatenate(parts))


def _opened(Image: Any, path: Path) -> Any:
    with Image.open(path) as image:
        return image.convert("RGB")


def file_of_timm(name: str, store: Path) -> Path:
    """Return where the vectors of a net are kept: beside the record."""
    return store.with_name(f"{store.stem}.{re.sub(r'[^A-Za-z0-9_-]', '-', name)}.npy")
