"""Rows as cards: what is shown of each kind of row, and which files are refused."""

import json
import os
import struct
import wave
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from skactive.annotate.items import MOST_FIELDS, MOST_SHOWN, Items, clean
from skactive.annotate.refused import Refused
from skactive.data.ids import Ids

Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(path, size=(40, 30), format=None, **options):
    """A file with an image."""
    pixels = RNG.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format, **options)
    return path


def sound(path):
    """A file with a second of silence."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 8000, "NONE", ""))
        file.writeframes(b"\0\0" * 8000)
    return path


def opened(items, row=0, full=True):
    """The image of a row, as a browser has it."""
    data, media = items.file(row, full)
    image = Image.open(BytesIO(data))
    assert media == f"image/{image.format.lower()}"
    return image


# Text


def test_text_is_text():
    items = Items(["<script>alert(1)</script>", "two\nlines ☃", ""], ids=Ids(["a", "b", "c"]))
    text = "<script>alert(1)</script>"
    assert items.card(0) == {"row": 0, "id": "a", "kind": "text", "text": text}
    assert items.file(0) == (text.encode(), "text/plain; charset=utf-8")
    assert [items.card(row)["text"] for row in range(3)] == [text, "two\nlines ☃", ""]
    assert items.kind == "text" and len(items) == 3


def test_of_a_megabyte_of_text_a_card_has_the_beginning_and_the_file_all():
    text = "héllo " * 170_000
    items = Items([text])
    card = items.card(0)
    assert card["text"] == text[:MOST_SHOWN] and card["more"] == len(text) - MOST_SHOWN
    assert items.file(0)[0].decode() == text


def test_half_a_character_is_shown_as_one_that_is_missing():
    items = Items(["a\ud800b", "\ud83d\ude00"], ids=None)
    assert items.card(0)["text"] == "a\ufffdb" and items.card(1)["text"] == "\U0001f600"
    assert items.file(0)[0] == "a\ufffdb".encode()
    assert clean("\udcff") == "\ufffd"


@pytest.mark.parametrize(
    "X",
    [
        np.array(["one", "two"]),
        np.array(["one", "two"], dtype=object),
        ("one", "two"),
        ["one", None],
    ],
)
def test_text_comes_in_any_container(X):
    items = Items(X)
    assert json.loads(json.dumps(items.card(0)))["text"] == "one"
    assert items.card(1)["text"] == (X[1] or "")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_series_of_text_is_text_and_one_of_numbers_a_field(library):
    frames = pytest.importorskip(library)
    assert Items(frames.Series(["one", "two"])).card(1)["text"] == "two"
    card = Items(frames.DataFrame({"age": [3.5, 4]})["age"]).card(1)
    assert card["kind"] == "table" and card["fields"] == [["age", 4.0]]


# Tables


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_row_of_a_frame_is_its_fields(library):
    frames = pytest.importorskip(library)
    columns = {
        "name": ["ann", None],
        "age": [3, 4],
        "height": [1.5, float("nan")],
        "is_new": [True, False],
    }
    items = Items(frames.DataFrame(columns), ids=Ids([7, 8]))
    assert items.kind == "table"
    assert items.card(0) == {
        "row": 0,
        "id": 7,
        "kind": "table",
        "fields": [["name", "ann"], ["age", 3], ["height", 1.5], ["is_new", True]],
    }
    values = [value for _, value in items.card(1)["fields"]]
    assert values == [None, 4, None, False]
    json.dumps(items.card(1), allow_nan=False)


def test_cells_are_what_json_has_and_javascript_does_not_round():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "big": [2**60],
            "as big": [2**53],  # so would 2**53 + 1 be read
            "small": [1 - 2**53],
            "infinite": [np.inf],
            "when": [pandas.Timestamp("2026-11-30")],
            "never": [pandas.NaT],
            "nothing": pandas.array([None], dtype="Int64"),
            "kind": pandas.Categorical(["x"]),
            "list": [[1, 2]],
            3: pandas.Series(["half \ud800"], dtype=object),
        }
    )
    fields = dict(Items(frame).card(0)["fields"])
    assert fields == {
        "big": str(2**60),
        "as big": str(2**53),
        "small": 1 - 2**53,
        "infinite": "inf",
        "when": "2026-11-30 00:00:00",
        "never": None,
        "nothing": None,
        "kind": "x",
        "list": "[1, 2]",
        "3": "half \ufffd",
    }
    json.dumps(Items(frame).card(0), allow_nan=False)


def test_numbers_are_called_as_scikit_learn_does():
    assert Items(np.array([[5, 1.5]])).card(0)["fields"] == [["x0", 5.0], ["x1", 1.5]]
    assert Items([[5, "a"]]).card(0)["fields"] == [["x0", 5], ["x1", "a"]]
    assert Items(np.array([5, 6])).card(1)["fields"] == [["x0", 6]]
    assert Items(np.array([5, 6])).kind == "table"
    with pytest.raises(Refused, match="has no file"):
        Items(np.array([5, 6])).file(0)


def test_of_a_sparse_row_the_largest_entries_come_first():
    X = sp.csr_matrix([[0, -3, 0, 2], [0, 0, 0, 0]])
    assert Items(X).card(0)["fields"] == [["x1", -3], ["x3", 2]]
    assert Items(X).card(1)["kind"] == "text"  # there is nothing
    wide = Items(np.ones((1, MOST_FIELDS + 5))).card(0)["fields"]
    assert len(wide) == MOST_FIELDS + 1 and wide[-1] == ["…", "5 more"]


# Images from arrays


@pytest.mark.parametrize(
    "shape", [(2, 5, 7), (2, 5, 7, 3), (2, 5, 7, 1), (2, 3, 5, 7), (2, 5, 7, 4)]
)
def test_arrays_of_images_are_images(shape):
    X = RNG.integers(0, 256, shape, dtype=np.uint8)
    items = Items(X)
    card = items.card(1)
    assert items.kind == "image"
    assert card["kind"] == "image" and card["url"] == "/item/1" and "text" not in card
    assert (card["width"], card["height"]) == (7, 5)
    found = np.asarray(opened(items, 1))
    expected = np.moveaxis(X[1], 0, 2) if shape[1] == 3 and shape[2] == 5 else X[1]
    np.testing.assert_array_equal(found, expected.squeeze())


def test_flat_rows_are_images_only_where_show_says_so():
    X = np.arange(32.0).reshape(2, 16)
    assert Items(X).card(0)["kind"] == "table"
    items = Items(X, show=lambda row: row.reshape(4, 4))
    assert items.card(1)["kind"] == "image" and opened(items, 1).size == (4, 4)


def test_pixels_are_spread_over_what_a_screen_shows():
    def seen(values):
        return np.asarray(opened(Items(np.array([[values]])))).ravel().tolist()

    assert seen([0.0, 0.5, 1.0]) == [0, 128, 255]
    assert seen([0.0, 8.0, 16.0]) == [0, 128, 255]  # as the digits of scikit-learn
    assert seen([-1.0, 0.0, 1.0]) == [0, 128, 255]
    assert seen([0, 1000, 4000]) == [0, 64, 255]
    assert seen([0, 10, 255]) == [0, 10, 255]
    assert seen([np.nan, 0.0, 1.0]) == [0, 0, 255]
    assert seen([False, True, True]) == [0, 255, 255]


# Images from files


def test_paths_are_images_made_anew_for_the_screen_and_in_full_on_demand(tmp_path, monkeypatch):
    monkeypatch.setattr("skactive.annotate.items.SCREEN", 100)
    paths = [
        picture(tmp_path / "large.png", (200, 100)),
        picture(tmp_path / "photo.jpg", (200, 100)),
        picture(tmp_path / "small.webp"),
    ]
    items = Items(paths)
    card = items.card(0)
    assert card["kind"] == items.kind == "image"
    assert (card["width"], card["height"]) == (200, 100)
    assert "large" not in card["alt"]  # a name, or its folder, may tell the class
    assert opened(items, 0, full=False).size == opened(items, 1, full=False).size
    assert opened(items, 0, full=False).size == (100, 50)
    assert opened(items, 0).size == opened(items, 1).size == (200, 100)
    np.testing.assert_array_equal(opened(items, 0), Image.open(paths[0]))
    assert opened(items, 1).format == "JPEG" and opened(items, 2).format == "PNG"


def test_what_a_camera_wrote_beside_the_picture_stays_here_and_it_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010E] = "at home"
    path = picture(tmp_path / "photo.jpg", (40, 30), exif=exif)
    data, _ = Items([path]).file(0, True)
    assert opened(Items([path])).size == (30, 40)
    assert b"at home" not in data and not Image.open(BytesIO(data)).getexif()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_is_shown(tmp_path, mode):
    path = tmp_path / "image.tif"
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        Image.fromarray(np.array([[0, 1000], [2000, 4000]], dtype=kind)).save(path)
        assert np.asarray(opened(Items([path]))).tolist() == [[0, 64], [128, 255]]
        return
    if mode == "LA":
        path = tmp_path / "image.png"
    Image.new("RGB", (3, 2), (200, 200, 200)).convert(mode).save(path)
    assert opened(Items([path])).size == (3, 2)


def bomb(width, height):
    """A PNG of a few bytes that says that it is large."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 100)
    begin = b"\x89PNG\r\n\x1a\n"
    return begin + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "status", "says"),
    [
        ("an.png", SVG, 415, "is no image of BMP"),
        ("a.svg", SVG, 415, "is no image of BMP"),
        ("a.html", b"<script>alert(1)</script>", 415, "is no image of BMP"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "is no image of BMP"),
        ("empty.png", b"", 415, "is no image of BMP"),
        ("half.png", bomb(40, 30), 415, "cannot be read to its end"),
        ("bomb.png", bomb(11_000, 10_000), 413, "has 11,000 x 10,000 pixels"),
        ("larger.png", bomb(100_000, 100_000), 415, "is no image of BMP"),
        ("not.wav", b"MZ this is a program", 415, "is no wav, whatever it is called"),
        ("not.mp3", SVG, 415, "is no mp3"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_image_and_no_sound_is_refused_and_labelling_goes_on(
    tmp_path, name, content, status, says
):
    path = tmp_path / name
    path.write_bytes(content)
    items = Items([path])
    with pytest.raises(Refused, match=says) as refused:
        items.file(0)
    assert refused.value.status == status
    card = items.card(0)
    assert card["row"] == 0
    if "url" not in card:
        assert card["kind"] == "text" and says in card["text"]


def test_files_that_are_not_there_or_too_large_are_refused(tmp_path, monkeypatch):
    items = Items([tmp_path / "no.png", tmp_path, Path("bad\0name.png")])
    for row in range(3):
        with pytest.raises(Refused) as refused:
            items.file(row)
        assert refused.value.status in (403, 404)
        assert "cannot be shown" in items.card(row)["text"]
    picture(tmp_path / "no.png")
    size = (tmp_path / "no.png").stat().st_size
    monkeypatch.setattr("skactive.annotate.items.MOST_BYTES", size)
    items.file(0)
    monkeypatch.setattr("skactive.annotate.items.MOST_BYTES", size - 1)
    with pytest.raises(Refused, match=f"{size:,} bytes, of at most {size - 1:,}") as refused:
        items.file(0)
    assert refused.value.status == 413


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only administrators make links")
def test_a_link_that_leads_out_of_the_folder_is_refused_and_one_inside_is_followed(tmp_path):
    inside, outside = tmp_path / "images", tmp_path / "private"
    (inside / "b").mkdir(parents=True), outside.mkdir()
    picture(outside / "secret.png"), picture(inside / "b" / "own.png")
    (inside / "a.png").symlink_to(outside / "secret.png")
    (inside / "c.png").symlink_to(inside / "b" / "own.png")
    (inside / "folder").symlink_to(outside)
    paths = [inside / "a.png", inside / "c.png", inside / "folder" / "secret.png"]
    paths += [inside / "b" / ".." / ".." / "private" / "secret.png", inside / "b" / "own.png"]
    items = Items(paths[:3] + paths[4:])
    for row in (0, 2):
        with pytest.raises(Refused, match="leads out of 'images'") as refused:
            items.file(row)
        assert refused.value.status == 403
        assert "leads out" in items.card(row)["text"]
    assert opened(items, 1).size == opened(items, 3).size == (40, 30)
    # A link as the folder itself is the folder: data often lie on another disk.
    (tmp_path / "data").symlink_to(inside)
    assert opened(Items([tmp_path / "data" / "b" / "own.png"])).size == (40, 30)
    # What show returns has no other list than itself.
    with pytest.raises(Refused, match="leads out"):
        Items(["a.png"], show=lambda name: inside / name).file(0)
    assert opened(Items(["b/own.png"], show=lambda name: inside / name)).size == (40, 30)


def test_text_is_never_a_path(tmp_path):
    path = picture(tmp_path / "image.png")
    assert Items([str(path)]).card(0)["text"] == str(path)
    assert Items([str(path)], show=Path).card(0)["kind"] == "image"


# Sounds


def test_sounds_are_played_as_they_are(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"ID3\x04")
    (tmp_path / "a.OGG").write_bytes(b"OggS\0")
    paths = [sound(tmp_path / "a.wav"), tmp_path / "a.mp3", tmp_path / "a.OGG"]
    items = Items(paths)
    assert items.kind == "audio"
    card = items.card(0)
    assert (card["kind"], card["url"]) == ("audio", "/item/0")
    for row, media in enumerate(("audio/wav", "audio/mpeg", "audio/ogg")):
        assert items.file(row) == (paths[row].read_bytes(), media)


# By show


def test_show_returns_text_an_image_or_a_dict_of_these(tmp_path):
    path = picture(tmp_path / "image.png", (8, 4))
    X = [0, 1, 2, 3, 4]
    shown = [
        "text",
        Image.open(path),
        {"title": "A chair", "photo": path, "price": 3},
        {"title": "A table", "legs": 4},
        np.zeros((4, 8)),
    ]
    items = Items(X, show=lambda row: shown[row])
    assert items.kind == "mixed"
    cards = [items.card(row) for row in X]
    assert [card["kind"] for card in cards] == ["text", "image", "image", "table", "image"]
    assert cards[2]["fields"] == [["title", "A chair"], ["price", 3]]
    for row in (1, 2, 4, 1):  # Pillow's own is still usable
        assert opened(items, row).size == (8, 4)
    assert opened(items, 1, full=False).size == (8, 4)


def test_show_may_draw_a_figure():
    figures = pytest.importorskip("matplotlib.figure")

    def drawn(row):
        figure = figures.Figure(figsize=(2, 1), dpi=50)
        figure.add_subplot().plot(row)
        return figure

    items = Items(np.array([[1.0, 2.0], [3.0, 1.0]]), show=drawn)
    assert items.card(1)["kind"] == "image" and items.card(1)["width"] == 100
    assert opened(items, 1).size == (100, 50)


def test_what_nobody_can_show_is_said_and_what_show_raises_keeps_no_other_row_away(capsys):
    items = Items([1], show=lambda row: object())
    assert "it is a object; let show return text" in items.card(0)["text"]
    items = Items(["a", "b"], show=lambda row: {"b": "shown"}[row])
    assert "Row 0 cannot be shown: show raised KeyError: 'a'; skip" in items.card(0)["text"]
    assert items.card(1)["text"] == "shown" and "KeyError: 'a'" in capsys.readouterr().err
    with pytest.raises(TypeError, match="give a function that takes a row"):
        Items([1], show="name")


def test_what_cannot_be_drawn_or_written_out_keeps_no_other_row_away():
    class Mute:
        def __str__(self):
            raise RuntimeError("no words")

    closed = Image.new("RGB", (3, 3))
    closed.close()
    for shown, says in (
        (closed, "what show returned raised ValueError: Operation on closed image; skip"),
        ({"a": Mute()}, "a value raised RuntimeError: no words; skip"),
    ):
        assert says in Items([1], show=lambda row, shown=shown: shown).card(0)["text"]
    with pytest.raises(Refused, match="Operation on closed image"):
        Items([1], show=lambda row: closed).file(0)


def test_there_is_no_row_outside():
    items = Items(["a"])
    for row in (-1, 1, 10**15):
        with pytest.raises(Refused, match="rows are 0 to 0") as refused:
            items.card(row)
        assert refused.value.status == 404
