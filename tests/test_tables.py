"""Tables out and in: files as spreadsheets write them, frames of whichever library is there."""

import csv
import importlib.util
import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skactive.data.tables import (
    Unknown,
    as_table,
    csv_bytes,
    datetimes,
    parse_like,
    read_table,
)


def installed(name):
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


pd, pl = installed("pandas"), installed("polars")
needs_pandas = pytest.mark.skipif(pd is None, reason="pandas is not installed")
needs_polars = pytest.mark.skipif(pl is None, reason="polars is not installed")
NAN = float("nan")


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file, and read its columns id and label."""

    def read(data, columns=("id", "label")):
        path = tmp_path / "answers.csv"
        path.write_bytes(data)
        return read_table(path, columns, "merge")

    return read


# Files as spreadsheets write them

# Two lines in a cell, a separator, quotation marks, blanks, a euro; nothing in the last lines.
EXCEL_UTF8 = (
    b"\xef\xbb\xbfid,note,label\r\n"
    b'a.png,"two\nlines",fine\r\n'
    b'b.png,"one, or ""two""", 5\xe2\x82\xac \r\n'
    b"c.png,,\r\n"
    b",,\r\n"
    b"d.png,,   \r\n"
    b",,\r\n"
)
EXPECTED = {
    "id": ["a.png", "b.png", "c.png", "d.png"],
    "note": ["two\nlines", 'one, or "two"', None, None],
    "label": ["fine", "5€", None, None],
}
TEXT = EXCEL_UTF8.decode("utf-8-sig")
# A comma is in quotes only where it separates.
SEMICOLONS = TEXT.replace('"one, or', "one, or").replace(",", ";").replace("one; or", '"one, or')
TABS = SEMICOLONS.replace(";", "\t")
FILES = {
    "Excel: CSV UTF-8": EXCEL_UTF8,
    "Excel: CSV UTF-8, in Germany": b"\xef\xbb\xbf" + SEMICOLONS.encode(),
    "Excel: CSV, in Germany": SEMICOLONS.encode("cp1252"),
    "Excel: Unicode text": b"\xff\xfe" + TABS.encode("utf-16-le"),
    "big-endian": b"\xfe\xff" + TABS.encode("utf-16-be"),
    "LibreOffice": TEXT.replace("\r\n", "\n").encode(),
    "LibreOffice: quote all text cells": (
        b'"id","note","label"\n"a.png","two\nlines","fine"\n'
        b'"b.png","one, or ""two""","5\xe2\x82\xac"\n"c.png",,\n,,\n"d.png",,"   "\n'
    ),
    "Google Sheets": TEXT.rstrip("\r\n,").encode() + b",,",
    "old Macs": TEXT.replace("\r\n", "\r").encode(),
    "blank lines": b"\r\n \r\n" + TEXT.encode() + b"\r\n\r\n  \r\n",
    "more columns than the header names": TEXT.replace("\r\n", ",,\r\n").encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_reads_the_same_whoever_wrote_it(name, read):
    assert read(FILES[name], ["id", "note", "label"]).columns == EXPECTED


def test_moments_are_rounded_to_microseconds():
    assert datetimes([249e-6, -249e-6]).astype(np.int64).tolist() == [249, -249]


def test_a_row_is_named_by_the_line_on_which_it_begins(read):
    cells = read(EXCEL_UTF8)
    assert list(cells.numbers) == [2, 4, 5, 7]
    assert cells.place(1) == "line 4"
    assert EXCEL_UTF8.splitlines()[3].startswith(b"b.png")


def test_excel_leaves_out_separators_before_blanks_at_the_end_of_a_row(read):
    assert read(b"id,note,label\r\na,,x\r\nb\r\nc,why\r\n").columns == {
        "id": ["a", "b", "c"], "label": ["x", None, None]
    }  # fmt: skip


def test_the_columns_that_are_asked_for_tell_the_separator(read):
    # More commas than semicolons, in the header and in all rows.
    data = b"id;text, long, with commas;label\n1;a, b, c, d;x\n2;e, f, g, h;y\n"
    assert read(data).columns == {"id": ["1", "2"], "label": ["x", "y"]}
    assert read(b"id\n1\n2\n", ["id"]).columns == {"id": ["1", "2"]}


def test_a_header_alone_is_a_table_without_rows(read):
    cells = read(b"label,id\n")
    assert cells.columns == {"id": [], "label": []} and list(cells.numbers) == []


@pytest.mark.parametrize("byte", [0x81, 0x9D])
def test_any_bytes_are_read_somehow_where_they_are_no_unicode(byte, read):
    assert read(b"id,label\n%c,x\n" % byte).columns["id"] in ([chr(byte)], [None])


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"id,Label\na,x\n", "no column 'label'; its columns are 'id', 'Label'; write 'Label' for"),
        (b"id,answer\na,x\n", "no column 'label'; .* 'answer'; give the name of one of them."),
        (b"id,label,label\na,x,y\n", "has 2 columns 'label'; .*; rename all but one."),
        (b"", "has no column 'id'; its columns are none at all"),
        (b"\xef\xbb\xbf\r\n\r\n", "has no column 'id'; its columns are none at all"),
        (b"id,label\na,x\nb,x,y\n", "whose line 3 has 3 cells where the first has 2; put a cell"),
        (b'id,label\n"a\nb",x\n\nb,"x"y\n', "of which line 5 cannot be read: .* after '\"'; write"),
        (b'id,label\na,x\nb,"x\nc,y\n', "of which line 3 cannot be read: unexpected end of data"),
        (b"id,label\na," + b"x" * 131073, "field larger than field limit .* csv.field_size_limit"),
        (b"PK\x03\x04\x14\0\x06\0", "a spreadsheet's own file; save it as CSV there, or give pand"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet's own file"),
        (b"\xef\xbb\xbfid,label\n\xe4,x\n", "which is not whole utf-8-sig text; save it again"),
        (b"\xff\xfei\0", "no column 'id'; its columns are 'i'"),
        (b"\xff\xfei\0d\0,", "which is not whole utf-16 text"),
    ],
)
def test_what_is_no_such_table_is_refused_with_what_is_wrong(data, refusal, read):
    with pytest.raises(ValueError, match=refusal) as caught:
        read(data)
    assert str(caught.value).startswith("merge got '") and "answers.csv'" in str(caught.value)


def test_a_file_that_is_not_there_is_no_table(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv", ["id"], "merge")


# Files of our own


def write_table(path, columns):
    """Write columns as `hand_out` does."""
    path.write_bytes(csv_bytes(columns, path))


texts = st.text(max_size=8) | st.text("'=+-@\t \n\r\",;\x85a1\ufeff＝", max_size=5)
numbers = st.integers(-(2**62), 2**62)


@given(
    rows=st.lists(st.tuples(texts, st.none() | texts, st.none() | numbers), max_size=8),
    header=st.lists(texts.filter(bool), min_size=3, max_size=3, unique=True),
)
def test_what_is_written_comes_back_the_same(rows, header, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "table.csv"
    columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
    columns = columns or {name: [] for name in header}
    write_table(path, columns)
    back = read_table(path, header, "merge").columns
    ids, labels, counts = columns
    assert back[ids] == columns[ids] and back[labels] == columns[labels]
    assert back[counts] == [None if n is None else str(n) for n in columns[counts]]
    known = [n for n in columns[counts] if n is not None]
    if known:
        parsed = parse_like(back[counts], known)
        assert parsed.labels[parsed.is_given].tolist() == known and not parsed.unknown


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), max_size=5))
def test_numbers_come_back_to_the_last_digit(values):
    known = [value for value in values if value is not None]
    cells = [None if value is None else repr(value) for value in values]
    parsed = parse_like(cells, known or [0.0])
    assert parsed.labels[parsed.is_given].tolist() == known


@given(cells=st.lists(texts, min_size=1))
def test_no_cell_is_a_formula(cells, tmp_path_factory):
    path = tmp_path_factory.mktemp("formulas") / "table.csv"
    write_table(path, {cells[0]: cells})
    written = path.read_bytes().decode("utf-8-sig")
    for record in csv.reader(io.StringIO(written, newline="")):
        # Spaces, tabs and line breaks before it are what some spreadsheets overlook.
        assert record[0].strip()[:1] not in tuple("=+-@＝＋－＠")


def test_a_file_is_as_excel_wants_it(tmp_path):
    path = tmp_path / "out.csv"
    columns = {
        "id": np.array(["a;b", "=cmd()", "'tis", ""], dtype=object),
        "label": np.array([True, None, False, None], dtype=object),
        "n": np.array([-1.5, NAN, 2.0, 1e300]),
        "time": datetimes([0, NAN, 1.6e9, 0.5]),
    }
    write_table(path, columns)
    assert path.read_bytes() == (
        b'\xef\xbb\xbf"id","label","n","time"\r\n'
        b'"a;b",True,-1.5,"1970-01-01T00:00:00Z"\r\n'
        b'"\'=cmd()","","",""\r\n'
        b'"\'tis",False,2.0,"2020-09-13T12:26:40Z"\r\n'
        b'"\'","",1e+300,"1970-01-01T00:00:00Z"\r\n'
    )


def test_half_a_character_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "out.csv"
    write_table(path, {"id": ["a"]})
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"out.csv' cannot hold '.ud800', half a character"):
        write_table(path, {"id": ["a", "\ud800"]})
    assert path.read_bytes() == before


def test_columns_of_different_lengths_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        write_table(tmp_path / "out.csv", {"id": ["a", "b"], "label": ["x"]})
    assert list(tmp_path.iterdir()) == []


# Tables in memory

DICT = {"id": [3, 1, 2], "label": ["fine ", None, "  "], "note": ["", "x", None]}


def as_rows(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize(
    "make",
    [
        dict,
        as_rows,
        lambda columns: {name: np.array(each, dtype=object) for name, each in columns.items()},
        pytest.param(lambda columns: pd.DataFrame(columns, index=[7, 7, 8]), marks=needs_pandas),
        pytest.param(
            lambda columns: pd.DataFrame(columns).astype({"id": "Int64", "label": "category"}),
            marks=needs_pandas,
        ),
        pytest.param(lambda columns: pl.DataFrame(columns), marks=needs_polars),
    ],
    ids=["dict", "rows", "arrays", "pandas", "pandas types", "polars"],
)
def test_a_table_in_memory_keeps_its_values_and_blanks_are_none(make):
    cells = read_table(make(DICT), ["label", "id"], "merge")
    assert cells.columns == {"label": ["fine ", None, None], "id": [3, 1, 2]}
    assert {type(each) for each in cells.columns["id"]} == {int}
    assert cells.place(2) == "row 2"


def test_what_some_rows_of_a_list_lack_is_blank():
    cells = read_table([{"id": "a"}, {"label": "x", "id": "b"}], ["id", "label"], "merge")
    assert cells.columns == {"id": ["a", "b"], "label": [None, "x"]}


@needs_pandas
def test_a_column_twice_in_a_frame_is_refused():
    frame = pd.DataFrame([[1, 2, 3]], columns=["id", "label", "label"])
    with pytest.raises(ValueError, match="merge got a table, which has 2 columns 'label'; its"):
        read_table(frame, ["id", "label"], "merge")
    assert read_table(frame, ["id"], "merge").columns == {"id": [1]}


@pytest.mark.parametrize(
    ("table", "error", "refusal"),
    [
        ({"ids": [1]}, ValueError, "no column 'id'; its columns are 'ids'; write 'ids' for 'id'."),
        ([], ValueError, "no column 'id'; its columns are none at all"),
        ({"id": [1, 2], "label": [1]}, ValueError, "different lengths, {'id': 2, 'label': 1}; giv"),
        (5, TypeError, "merge got a int; give the path of a CSV file, a frame of pandas or polars"),
        ([1, 2], TypeError, "merge got a list; give the path of"),
        (np.zeros((2, 2)), TypeError, "merge got a ndarray; give the path of"),
    ],
)
def test_what_is_no_table_is_refused(table, error, refusal):
    with pytest.raises(error, match=refusal):
        read_table(table, ["id", "label"], "merge")


# Frames of whichever library is there

COLUMNS = {
    "id": np.array(["a", "b", "c"], dtype=object),
    "row": np.arange(3),
    "label": np.array([1, None, 2], dtype=object),
    "right": np.array([True, None, None], dtype=object),
    "text": np.array(["fine", None, "bad"], dtype=object),
    "seconds": np.array([0.5, NAN, 2.0]),
    "time": datetimes([1.5, NAN, 1.75e9]),
}
PLAIN = {
    "id": ["a", "b", "c"], "row": [0, 1, 2], "label": [1, None, 2], "right": [True, None, None],
    "text": ["fine", None, "bad"], "seconds": [0.5, None, 2.0],
    "time": ["1970-01-01T00:00:01.500000+00:00", None, "2025-06-15T15:06:40+00:00"],
}  # fmt: skip


def plain(values, is_missing):
    out = [None if is_missing(value) else value for value in values]
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in out]


@needs_pandas
def test_a_frame_of_pandas_has_its_types_and_its_missing_values():
    frame = as_table(COLUMNS, like=pd.DataFrame({"x": [1]}))
    assert isinstance(frame, pd.DataFrame)
    assert {name: plain(frame[name], pd.isna) for name in frame} == PLAIN
    kinds = {name: str(frame[name].dtype) for name in frame}
    assert (kinds["row"], kinds["label"], kinds["right"]) == ("int64", "Int64", "boolean")
    assert kinds["seconds"] == "float64" and str(frame["time"].dt.tz) == "UTC"


@needs_polars
def test_a_frame_of_polars_has_its_types_and_its_missing_values():
    frame = as_table(COLUMNS, like=pl.Series([1]))
    assert isinstance(frame, pl.DataFrame)
    assert {
        name: plain(frame[name], lambda value: value is None) for name in frame.columns
    } == PLAIN
    kinds = dict(frame.schema)
    assert (kinds["label"], kinds["right"], kinds["text"]) == (pl.Int64, pl.Boolean, pl.String)
    assert kinds["time"] == pl.Datetime("us", "UTC")


@needs_pandas
@needs_polars
def test_what_is_put_out_can_be_read_again():
    columns = {name: COLUMNS[name] for name in ("id", "row", "label", "right", "text", "seconds")}
    expected = {name: PLAIN[name] for name in columns}
    for like in (pd.DataFrame(), pl.DataFrame()):
        assert read_table(as_table(columns, like=like), list(columns), "merge").columns == expected


@needs_pandas
@needs_polars
def test_without_a_frame_to_follow_it_is_pandas_else_polars_else_a_dict(monkeypatch):
    for like in (None, np.zeros(3), [1]):
        assert isinstance(as_table(COLUMNS, like), pd.DataFrame)
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    assert isinstance(as_table(COLUMNS), pl.DataFrame)
    monkeypatch.setitem(sys.modules, "polars", None)
    table = as_table(COLUMNS)
    assert type(table) is dict and all(table[name] is each for name, each in COLUMNS.items())


# Cells as labels


@pytest.mark.parametrize(
    ("cells", "known", "labels"),
    [
        (["3", "3.0", "+3", "-1", "003", 3, 3.0], [3, -1], [3, 3, 3, -1, 3, 3, 3]),
        (["TRUE", "true", " False", True], [True, False], [True, True, False, True]),
        (["0.5", ".5", "5e-1", "1", 1], [0.5, 1.0], [0.5, 0.5, 0.5, 1.0, 1.0]),
        (["fine", "Fine", " a"], ["fine", "Fine", " a"], ["fine", "Fine", " a"]),
        ([1, 1.0, "1.0", True], ["1", "1.0", "True"], ["1", "1", "1.0", "True"]),
    ],
)
def test_cells_are_labels_of_the_kind_that_is_known(cells, known, labels):
    parsed = parse_like(cells, known)
    assert parsed.labels.tolist() == labels and parsed.unknown == []
    assert parsed.is_given.all()
    assert {type(each) for each in parsed.labels.tolist()} == {type(known[0])}


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float32, bool, object, "U4"])
def test_labels_have_the_dtype_of_the_known_ones(dtype):
    known = np.array([0, 1]).astype(bool).astype(dtype) if dtype is bool else np.array(
        ["0", "1"] if dtype in (object, "U4") else [0, 1], dtype=dtype
    )  # fmt: skip
    cells = ["True" if dtype is bool else "1", None]
    parsed = parse_like(cells, known)
    assert parsed.labels.dtype == (object if dtype == "U4" else dtype)
    assert parsed.labels[0] == known[1] and parsed.is_given.tolist() == [True, False]


@pytest.mark.parametrize(
    ("cell", "known", "nearest"),
    [
        ("Fine", ["fine", "bad"], "fine"),
        ("fine ", ["fine", "bad"], "fine"),
        ("fin", ["fine", "bad"], "fine"),
        ("quite other", ["fine", "bad"], None),
        ("1.0", ["1", "2"], None),
        (7, ["1", "2"], None),
        ("4", [3, 5], None),
        ("3.5", [3, 5], None),
        ("3,0", [3, 5], None),
        ("1_0", [10], None),
        ("٣", [3], None),
        ("1e1", [10], None),
        ("9" * 5000, [3], None),
        (True, [1, 0], None),
        (NAN, [1, 0], None),
        (1, [True, False], None),
        ("1", [True, False], None),
        ("ture", [True, False], True),
        ("nan", [0.5], None),
        ("inf", [0.5], None),
        ("1e999", [0.5], None),
        ("1_0.0", [10.0], None),
        ("0.25", [0.5], None),
        (True, [1.0], None),
    ],
)
def test_other_cells_are_unknown_and_the_nearest_class_is_named(cell, known, nearest):
    parsed = parse_like([known[0], None, cell], known)
    assert parsed.is_given.tolist() == [True, False, False]
    position, found, near = parsed.unknown[0]
    assert (position, found is cell, len(parsed.unknown)) == (2, True, 1)
    assert near == nearest and type(near) is type(nearest)


def test_new_labels_of_their_kind_are_taken_where_they_may_be_new():
    parsed = parse_like(["7", "x", str(2**63), None], np.array([1], dtype=np.int8), also_new=True)
    assert parsed.labels.tolist() == [7, 0, 0, 0] and parsed.is_given[0]
    assert [each.position for each in parsed.unknown] == [1, 2]
    parsed = parse_like(["0.25", "x", "1e999"], [0.5], also_new=True)
    assert parsed.labels[0] == 0.25
    assert parsed.unknown == [Unknown(1, "x", None), Unknown(2, "1e999", None)]
    parsed = parse_like(["new", "Fine", "fine", 3, "New", "new"], ["fine"], also_new=True)
    assert parsed.is_given.tolist() == [True, False, True, False, False, True]
    assert parsed.unknown == [
        *(Unknown(1, "Fine", "fine"), Unknown(3, 3, None), Unknown(4, "New", "new")),
    ]


def test_equal_cells_of_different_types_are_read_apart():
    parsed = parse_like([1, True, 1.0, "1"], [0, 1])
    assert parsed.is_given.tolist() == [True, False, True, True]
