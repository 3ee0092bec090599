"""Rows as cards: what the page shows of a row, whatever it is, and the files that belong to it."""

import math
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..data.rows import Rows, check_rows, one_row
from ..loops.oracles import as_image
from ..utils.checks import is_instance
from .refused import Refused, needed, said_by

MOST_SHOWN = 20_000  # characters of a text that a card has
MOST_FIELDS = 200  # columns, or entries of a sparse row
MOST_BYTES = 100_000_000  # of a file
MOST_PIXELS = 100_000_000  # of an image: a small file may stand for any number
SCREEN = 1_600  # pixels of a side, above which an image is made smaller
# What is read, by Pillow alone. Others of its formats start programs, or are no images.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
AUDIO = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg"}
_BEGINNINGS = {
    "audio/wav": (b"RIFF",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa"),
    "audio/ogg": (b"OggS",),
}
_SHOWN = (
    "text, a number, a path of an image or of a sound, an image (an array, of Pillow, a figure of "
    "matplotlib), or a dict of these by name"
)


class Items:
    """The rows of a pool as the page shows them.

    Text is text; a path (`pathlib.Path`) an image or a sound (wav, mp3, ogg); an array of shape
    (h, w), (h, w, c) or (c, h, w) with c of 1, 3 or 4 an image; the row of a frame, of a matrix or
    a list of values its fields. Anything else, such as images in flat rows, by `show`.

    Parameters
    ----------
    X : container of n rows
        As in the pool.
    show : callable, default=None
        Takes a row and returns what to show of it: text, a number, a path, an image (an array, one
        of Pillow, a figure of matplotlib), or a dict of these by name, of which one may be an image
        or a sound. None: the row itself.
    ids : Ids or array-like of shape (n,), default=None
        What rows are called.
    """

    def __init__(self, X: Any, *, show: Callable[[Any], Any] | None = None, ids: Any = None):
        if show is not None and not callable(show):
            raise TypeError(f"show is {show!r}; give a function that takes a row.")
        self.rows = X if isinstance(X, Rows) else Rows(check_rows(X, "the page"))
        self.show, self.ids = show, ids
        self._lock = RLock()  # neither figures nor what else `show` may use know threads

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def kind(self) -> str:
        """What rows are: "text", "image", "table", "audio", or "mixed"."""
        kinds = {self.card(row)["kind"] for row in range(min(len(self), 5))}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    def card(self, row: int) -> dict[str, Any]:
        """Return what the page shows of a row, but for its label."""
        row = self._checked(row)
        card: dict[str, Any] = {"row": row, "id": self._id_of(row)}
        try:
            shown = self._shown(row)
            return card | self._of(shown, row)
        except Refused as refused:  # labelling goes on, and a person may skip it
            return card | {"kind": "text", "text": f"Row {row} cannot be shown: {refused.text}"}

    def file(self, row: int, full: bool = False) -> tuple[bytes, str]:
        """Return the image, the sound or the whole text of a row, and its media type.

        Images are made anew, in a size for the screen unless they are asked for in full.
        """
        shown = self._shown(self._checked(row))
        text, media = _parted(shown)[:2]
        if isinstance(media, os.PathLike) and _is_audio(media):
            return self._audio(Path(media))
        if media is not None:
            with self._image(media, full) as image:
                return _encoded(image, full)
        if text is None:
            raise Refused(404, f"row {row} has no file; its card says all of it.")
        return clean(text).encode("utf-8"), "text/plain; charset=utf-8"

    # Rows

    def _checked(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise Refused(404, f"there is no row {row}; rows are 0 to {len(self) - 1}.")
        return int(row)

    def _id_of(self, row: int) -> int | str | None:
        if self.ids is None:
            return None
        name = self.ids[row]
        return int(name) if isinstance(name, int | np.integer) else clean(str(name))

    def _shown(self, row: int) -> Any:
        """Return what is to be shown of a row, as it is or by `show`."""
        value = one_row(self.rows.slice(row, row + 1), 0)
        if self.show is None:
            return _plain(value, getattr(self.rows.parts[0], "name", None))
        with self._lock:
            with _of_users("show"):
                shown = self.show(value)
            return _plain(shown)

    def _of(self, shown: Any, row: int) -> dict[str, Any]:
        """Return the parts of a card that say what a row is."""
        text, media, fields = _parted(shown)
        card: dict[str, Any] = {"kind": "table" if fields else "text"}
        if text is not None:
            text = clean(text)
            card["text"] = text[:MOST_SHOWN]
            if len(text) > MOST_SHOWN:
                card["more"] = len(text) - MOST_SHOWN
        if fields:
            with _of_users("a value"):
                card["fields"] = _cells(fields)
        if media is None:
            return card
        card["url"] = f"/item/{row}"
        if isinstance(media, os.PathLike) and _is_audio(media):
            self._real(Path(media))
            return card | {"kind": "audio", "alt": f"sound of row {row}"}
        with self._image(media) as image:
            width, height = image.size
        # No name of a file: its folder may be its class.
        return card | {
            "kind": "image",
            "width": width,
            "height": height,
            "alt": f"image of row {row}",
        }

    # Files

    @cached_property
    def _folder(self) -> Path | None:
        """The folder in which all paths of the pool lie; None: rows are no paths."""
        parents = set()
        for part in self.rows.parts:
            if not isinstance(part, list) or not all(isinstance(p, os.PathLike) for p in part):
                return None
            parents |= {os.path.dirname(os.path.abspath(path)) for path in part}
        try:
            return Path(os.path.commonpath(parents))
        except ValueError:  # on several drives
            return None

    def _real(self, path: Path) -> Path:
        """Return where a file lies, refusing a link that leads out, and what is too large."""
        try:
            real = path.resolve(strict=True)
            size = real.stat().st_size
        except OSError as error:
            raise Refused(404, f"{path.name!r} cannot be read: {error.strerror}.") from error
        except ValueError as error:  # of a name that no file can have
            raise Refused(404, f"{path.name!a} cannot be read: {error}.") from error
        folder = (self._folder or path.parent).resolve()
        if not real.is_relative_to(folder) or not real.is_file():
            raise Refused(
                403,
                f"{path.name!r} leads out of {folder.name!r}, or is no file; give the pool the "
                f"paths of the files themselves (Path.resolve()).",
            )
        if size > MOST_BYTES:
            raise Refused(413, f"{path.name!r} has {size:,} bytes, of at most {MOST_BYTES:,}.")
        return real

    def _audio(self, path: Path) -> tuple[bytes, str]:
        data, media = self._read(path), AUDIO[path.suffix.lower()]
        if not data.startswith(_BEGINNINGS[media]):
            raise Refused(415, f"{path.name!r} is no {path.suffix[1:]}, whatever it is called.")
        return data, media

    def _read(self, path: Path) -> bytes:
        try:
            return self._real(path).read_bytes()
        except OSError as error:
            raise Refused(404, f"{path.name!r} cannot be read: {error.strerror}.") from error

    def _image(self, media: Any, full: bool = True) -> Any:
        """Return an image of Pillow, our own, of whose pixels nothing may have been read yet."""
        if not isinstance(media, os.PathLike):
            with self._lock, _of_users("what show returned"):
                return _drawn(media)
        Image, path = needed("PIL.Image"), Path(media)
        try:
            image = Image.open(self._real(path), formats=_FORMATS)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise Refused(415, f"{path.name!r} is no image of {', '.join(_FORMATS)}.") from error
        width, height = image.size
        if width * height > MOST_PIXELS:
            image.close()
            raise Refused(
                413, f"{path.name!r} has {width:,} x {height:,} pixels, of at most {MOST_PIXELS:,}."
            )
        if not full:
            image.draft("RGB", (SCREEN, SCREEN))  # what is JPEG is read smaller at once
        return image


@contextmanager
def _of_users(what: str) -> Iterator[None]:
    """Refuse a row where code of the user raises, whatever: it must not keep all others away."""
    try:
        yield
    except Exception as error:
        traceback.print_exception(error)
        told = f"{what} raised {type(error).__name__}: {said_by(error)}"
        raise Refused(415, f"{told}; skip the row, or mend show.") from error


def clean(text: str) -> str:
    """Return text as UTF-8 can have it: half a character becomes a sign that it was there."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# What a row is


def _plain(value: Any, name: Any = None) -> Any:
    """Return what stands for a row: text, None, a path, an image, or fields by name."""
    if isinstance(value, str | os.PathLike | None) or _is_picture(value):
        return value
    if sp.issparse(value):
        return _nonzero(value.tocsr())
    if hasattr(value, "items"):  # of a dict, and a row of pandas
        return dict(value.items())
    if as_image(value) is not None:
        return value
    if isinstance(value, np.ndarray | list | tuple) or hasattr(value, "__array__"):
        values = value if isinstance(value, list | tuple) else np.asarray(value).ravel()
        if np.ndim(value) == 0:
            return {str(name or "x0"): values[0]}
        return {f"x{at}": each for at, each in enumerate(values)}
    if isinstance(value, bool | int | float | complex):
        return {str(name or "x0"): value}
    raise Refused(415, f"it is a {type(value).__name__}; let show return {_SHOWN}.")


def _is_picture(value: Any) -> bool:
    return is_instance(value, ("PIL.Image.Image", "matplotlib.figure.Figure"))


def _is_media(value: Any) -> bool:
    return isinstance(value, os.PathLike) or _is_picture(value) or as_image(value) is not None


def _is_audio(path: os.PathLike) -> bool:
    return Path(path).suffix.lower() in AUDIO


def _parted(shown: Any) -> tuple[str | None, Any, dict[Any, Any]]:
    """Return the text, the image or sound, and the fields of what is shown."""
    if isinstance(shown, Mapping):
        media = next((name for name, value in shown.items() if _is_media(value)), None)
        fields = {name: value for name, value in shown.items() if name != media}
        return None, None if media is None else shown[media], fields
    if shown is None or isinstance(shown, str):
        return str(shown or ""), None, {}
    return None, shown, {}


def _nonzero(row: Any) -> dict[str, Any]:
    """Return the entries of a sparse row, largest first, by the names that columns have."""
    order = np.argsort(-np.abs(row.data), kind="stable")
    pairs = zip(row.indices[order].tolist(), row.data[order].tolist(), strict=True)
    return {f"x{column}": value for column, value in pairs}


def _cells(fields: Mapping[Any, Any]) -> list[list]:
    """Return names and values of fields as JSON has them, and how many are left out."""
    cells = [
        [clean(str(name)), _cell(value)] for name, value in islice(fields.items(), MOST_FIELDS)
    ]
    if len(fields) > MOST_FIELDS:
        cells.append(["…", f"{len(fields) - MOST_FIELDS} more"])
    return cells


def _cell(value: Any) -> Any:
    """Return a value as JSON has it; None: there is none."""
    if isinstance(value, np.generic) and value.dtype.kind in "biufU":
        value = value.item()
    if value is None or isinstance(value, bool | int):
        # Whole numbers that JavaScript would round are text.
        return value if value is None or abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    if _is_missing(value):
        return None
    return clean(value if isinstance(value, str) else str(value))[:MOST_SHOWN]


def _is_missing(value: Any) -> bool:
    """Whether a cell of pandas holds nothing."""
    names = ("pandas._libs.missing.NAType", "pandas._libs.tslibs.nattype.NaTType")
    return is_instance(value, names)


# Images


def _drawn(media: Any) -> Any:
    """Return an image of Pillow of what is drawn, or of an array."""
    if is_instance(media, ("PIL.Image.Image",)):
        return media.copy()
    Image = needed("PIL.Image")
    if is_instance(media, ("matplotlib.figure.Figure",)):
        buffer = BytesIO()
        media.savefig(buffer, format="png")
        return Image.open(buffer, formats=("PNG",))
    return Image.fromarray(pixels(np.asarray(as_image(media))))


def pixels(image: np.ndarray) -> np.ndarray:
    """Return an image as bytes: as it is between 0 and 1, or 0 and 255, else spread over them.

    Examples
    --------
    >>> pixels(np.array([[0.0, 0.5, 1.0]])), pixels(np.array([[0, 500, 1000]]))
    (array([[  0, 128, 255]], dtype=uint8), array([[  0, 128, 255]], dtype=uint8))
    """
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    top = 1 if image.dtype.kind in "fb" else 255
    values = np.where(np.isfinite(image), image, 0).astype(np.float64)
    low, high = values.min(initial=0), values.max(initial=top)
    return np.rint((values - low) * (255 / (high - low))).astype(np.uint8)


def _encoded(image: Any, full: bool) -> tuple[bytes, str]:
    """Return an image written anew: what else its file holds stays here, and turned it stands up.

    A photograph stays JPEG; all else is PNG, which loses nothing. The image itself is changed, as
    a copy of a large one would take as much memory again.
    """
    ImageOps, Image = needed("PIL.ImageOps"), needed("PIL.Image")
    is_photograph = image.format in ("JPEG", "MPO")  # of a camera that makes several at once
    try:
        ImageOps.exif_transpose(image, in_place=True)
        image = _in_eight_bits(image)
        if not full:
            image.thumbnail((SCREEN, SCREEN))
        buffer = BytesIO()
        if is_photograph:
            image.convert("RGB").save(buffer, "JPEG", quality=95 if full else 85)
        else:
            image.save(buffer, "PNG", compress_level=1)  # three times as quick, a tenth larger
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Refused(415, f"the image cannot be read to its end: {error}.") from error
    return buffer.getvalue(), "image/jpeg" if is_photograph else "image/png"


def _in_eight_bits(image: Any) -> Any:
    """Return an image in a mode that every browser shows."""
    if image.mode.startswith(("I", "F")):  # of 16 or 32 bits, as from a scanner
        return needed("PIL.Image").fromarray(pixels(np.asarray(image)))
    has_alpha = "A" in image.mode or "transparency" in image.info
    mode = "L" if image.mode in ("1", "L") and not has_alpha else "RGBA" if has_alpha else "RGB"
    return image.convert(mode) if image.mode != mode else image
