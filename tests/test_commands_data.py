"""Data files as commands read them: CSV as people have it, JSON Lines, folders of images."""

import numpy as np
import pytest

from skactive.commands.data import Asked, read_data

pytest.importorskip("pandas")


@pytest.fixture
def file(tmp_path):
    """A function that writes a file and returns its path."""

    def written(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return written


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_texts_come_as_they_are_whatever_separates_them(file, mark, separator, end):
    texts = ["plain", "a, b; c\td", 'she said "no"', "two\nlines", "NA", " spaced ", "007", "é 世"]
    lines = [separator.join(["n", "review"])]
    lines += [
        f'{i}{separator}"{text.replace(chr(34), chr(34) * 2)}"' for i, text in enumerate(texts)
    ]
    data = read_data(file(mark + end.join(lines).encode()), Asked("review", id="n"))
    assert (data.X, data.ids) == (texts, [str(i) for i in range(len(texts))])
    assert (data.kind, data.notes) == ("text", [])


def test_a_column_that_seems_to_hold_ids_is_told_of_unless_it_is_read_as_such(file):
    path = file("id,review\n7,fine\n8,bad\n")
    told = "data.csv: the column 'id' is not read as ids; --id id does that."
    assert read_data(path, Asked("review")).notes == [told]
    assert read_data(path, Asked("review", id="id")).notes == []
    assert read_data(file("id,review\n7,fine\n7,bad\n"), Asked("review")).notes == []


def test_a_comma_in_a_text_is_no_separator_of_a_file_of_semicolons(file):
    data = read_data(file("id;review\n1;a, b, c\n2;d, e\n"), Asked("review"))
    assert data.X == ["a, b, c", "d, e"]


def test_one_column_is_a_file(file):
    assert read_data(file("review\nfine\nbad\n"), Asked("review")).X == ["fine", "bad"]
    assert read_data(file('text\n"fine, so"\nbad\n'), Asked()).X == ["fine, so", "bad"]


def test_a_row_has_the_same_id_wherever_it_stands(file):
    before = read_data(file("n,review\n1,fine\n2,bad\n3,so so\n"), Asked("review"))
    after = read_data(
        file("review,n,more\nnew,9,x\nso so,3,x\nbad,2,x\nfine,1,x\n", "after.csv"), Asked("review")
    )
    assert dict(zip(before.X, before.ids, strict=True)) == dict(
        zip(after.X[1:], after.ids[1:], strict=True)
    )
    assert before.ids[0][0] == "r"  # no number to a spreadsheet


def test_rows_that_are_alike_have_ids_of_their_own_and_are_told(file):
    data = read_data(file("review\nfine\nbad\nfine\nfine\n"), Asked("review"))
    assert len(set(data.ids)) == 4
    assert data.ids[2:] == [f"{data.ids[0]}-2", f"{data.ids[0]}-3"]
    assert data.notes == [
        "2 rows repeat an earlier one word for word; each is asked for by itself."
    ]


def test_alike_texts_of_two_groups_are_two_rows(file):
    csv = "review,patient\nfine,1\nfine,2\n"
    data = read_data(file(csv), Asked("review", groups="patient"))
    turned = read_data(
        file("review,patient\nfine,2\nfine,1\n", "b.csv"), Asked("review", groups="patient")
    )
    assert data.notes == [] and data.ids == turned.ids[::-1]
    assert data.others["patient"] == ["1", "2"]


def test_blank_texts_are_left_out_and_told(file):
    data = read_data(file("n,review\n1,fine\n2,\n3,  \n4,bad\n"), Asked("review", id="n"))
    assert data.ids == ["1", "4"]
    assert data.notes == ["data.csv: 2 rows left out, which have no 'review'."]


def test_columns_of_a_table_are_numbers_or_text(file):
    csv = "age,city,code,id\n42,Rome,007,a\n,NA,,b\n7.5,Oslo,8,c\n"
    data = read_data(file(csv), Asked(id="id"))
    assert list(data.X.columns) == ["age", "city", "code"]
    np.testing.assert_array_equal(data.X["age"], [42, np.nan, 7.5])
    np.testing.assert_array_equal(data.X["code"], [7, np.nan, 8])
    assert data.X["city"].tolist()[::2] == ["Rome", "Oslo"] and data.X["city"].isna()[1]


def test_the_id_of_a_row_of_a_table_is_that_of_its_cells_as_they_are_written(file):
    few = read_data(file("age\n42\n43\n"), Asked())
    grown = read_data(file("age\n42\n\n43\nunknown\n", "grown.csv"), Asked())
    assert grown.ids[:2] == few.ids  # though the column is text now


def test_lines_of_json(file):
    lines = '{"id": "a", "text": "fine\\u2028so"}\n\n{"id": "b", "text": "bad", "label": "x"}\n'
    data = read_data(file(lines, "pool.jsonl"), Asked("text"))
    assert (data.X, data.ids) == (["fine\u2028so", "bad"], ["a", "b"])
    nested = (
        '{"id": 7, "data": {"review": "fine"}, "label": 1}\n{"id": 8, "data": {"review": ""}}\n'
    )
    data = read_data(file(nested, "pool.jsonl"), Asked("review"))
    assert (data.X, data.ids, len(data.notes)) == (["fine"], ["7"], 1)


@pytest.mark.parametrize(
    ("content", "asked", "said"),
    [
        ("", Asked("a"), "is empty; give a file with rows."),
        ("a,b\n", Asked("a"), "has a header and no rows; give a file with rows."),
        ("a,b\n ,x\n", Asked("a"), "has no row with something in it; give a file with rows."),
        ("a,b\n1,2\n", Asked("c"), "has no column 'c'; its columns are 'a', 'b'."),
        ("a,a\n1,2\n", Asked("a"), "has two columns 'a'; rename one of them."),
        ("a,b\n1,2\n1,2,3\n", Asked("a"), "whose line 3 has 3 cells where the first has 2; put"),
        (
            'a,b\n1,"2\n',
            Asked("a"),
            "of which line 2 cannot be read: unexpected end of data; write",
        ),
        ("a,b\n1,x\n1,y\n", Asked("b", id="a"), "has the a '1' twice, in rows 1 and 2; give each"),
        ("a,b\n1,x\n,y\n", Asked("b", id="a"), "has no 'a' in row 2; fill it in, or leave --id"),
        ("a\n1\n", Asked(id="a"), "has no column to label by; give a file with more of them."),
        (b"a\nM\xfcller\n", Asked("a"), "is not UTF-8: byte 4 is 0xfc, in line 2; save it as"),
        ("a\nb\n".encode("utf-16"), Asked("a"), "is not UTF-8: byte 1 is 0xff, in line 1; save"),
        ("a\nb\n".encode("utf-16-be"), Asked("a"), "has a zero byte in it, as no text has"),
        (b"PK\x03\x04rest", Asked("a"), "is a spreadsheet's own file; save it as CSV there."),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(file, content, asked, said):
    path = file(content)
    with pytest.raises(ValueError) as refused:
        read_data(path, asked)
    assert str(refused.value).partition(str(path))[2].lstrip(", ").startswith(said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no", "has no JSON in line 2: "),
        ("[1]", 'has no object in line 2; write {"text": "..."}.'),
    ],
)
def test_what_is_wrong_with_a_line_of_json_is_told_with_its_number(file, line, said):
    with pytest.raises(ValueError) as refused:
        read_data(file(f'{{"text": "a"}}\n{line}\n', "pool.jsonl"), Asked("text"))
    assert said in str(refused.value)


def test_files_that_are_none(tmp_path, file):
    with pytest.raises(FileNotFoundError, match="is not there; give a CSV or JSONL file"):
        read_data(tmp_path / "none.csv", Asked())
    with pytest.raises(ValueError, match=r"ends in \.parquet; give a file that ends in \.csv"):
        read_data(file("x", "data.parquet"), Asked())
    with pytest.raises(ValueError, match=r"is a spreadsheet; save it as CSV there"):
        read_data(file("x", "data.xlsx"), Asked())
    with pytest.raises(ValueError, match=r"is a folder, which has no column 'a'\."):
        read_data(tmp_path, Asked("a"))


def test_images_are_called_by_their_paths_in_the_folder(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    (tmp_path / "b").mkdir()
    for name in ("b/2.PNG", "1.jpg", ".hidden.png"):
        Image.new("RGB", (3, 2)).save(tmp_path / name)
    (tmp_path / "broken.png").write_text("no image")
    (tmp_path / "notes.txt").write_text("no image either")
    data = read_data(tmp_path, Asked())
    assert (data.kind, data.ids) == ("images", ["1.jpg", "b/2.PNG"])
    assert data.X == [tmp_path / "1.jpg", tmp_path / "b" / "2.PNG"]
    assert data.notes == ["1 file left out, which is no image that can be read: broken.png."]
    (tmp_path / "c").mkdir()
    with pytest.raises(ValueError, match="has no image that can be read; give a folder of"):
        read_data(tmp_path / "c", Asked())
