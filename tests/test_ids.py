"""Ids: rows by their names against a dict, whatever holds the names; refusals; hashes."""

import copy
import pickle
import re
import time
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_rows import needs_pandas, needs_polars, pd, pl

from skactive.data import id_columns
from skactive.data import ids as module
from skactive.data import values as values_module
from skactive.data.chance import mixed, uniform_by_row
from skactive.data.ids import Ids, take_ids
from skactive.data.values import hash_text

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
numbers = st.integers(-(2**63), 2**63 - 1)
FILES = ["b.png", "a.png", "ß/日本.png", "", "a", "a\0", "a very long name of some file.tiff"]


def unique(values):
    return list(dict.fromkeys(values))


def refused(sentence, function, *args, **kwargs):
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(sentence)}$"):
        function(*args, **kwargs)


def clashing(monkeypatch, n_hashes):
    """Let texts have so few hashes that most of them share theirs with others."""
    monkeypatch.setattr(
        id_columns, "hash_text", lambda text, bounds: hash_text(text, bounds) % np.uint64(n_hashes)
    )


# Finding rows


def held_against_a_dict(ids, values, wanted):
    rows = {value: row for row, value in enumerate(values)}
    assert ids.find(wanted).tolist() == [rows.get(value, -1) for value in wanted]
    known = [value for value in wanted if value in rows]
    assert ids.numbers(known).tolist() == [rows[value] for value in known]
    assert (len(ids), list(ids)) == (len(values), values)
    assert ids == Ids(values)


@given(st.one_of(st.tuples(*[st.lists(kind, max_size=30)] * 2) for kind in (texts, numbers)))
def test_rows_are_found_as_by_a_dict(case):
    values, others = unique(case[0]), case[1]
    held_against_a_dict(Ids(values), values, [*others, *values[::-1], *values[:2]])


@given(st.lists(texts, max_size=30), st.lists(texts, max_size=30), st.integers(1, 4))
def test_rows_are_found_where_hashes_clash(values, others, n_hashes):
    with pytest.MonkeyPatch.context() as monkeypatch:
        clashing(monkeypatch, n_hashes)
        values = unique(values)
        held_against_a_dict(Ids(values), values, [*others, *values])


def test_an_id_is_there_twice_though_another_with_its_hash_lies_between(monkeypatch):
    clashing(monkeypatch, 1)
    assert len(Ids(["a", "b", "c"])) == 3
    refused(
        "ids got 'a' twice (rows 0 and 2); give each row one id of its own.", Ids, ["a", "b", "a"]
    )


@given(
    st.one_of(st.just(texts), st.just(numbers)).flatmap(
        lambda kind: st.lists(st.lists(kind, max_size=5), max_size=8)
    ),
    st.integers(0, 6),
)
def test_ids_grow_as_a_list_does_and_those_before_stay_as_they_were(chunks, few):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(module, "_FEW", few)
        ids, values, before = Ids([]), [], []
        for chunk in chunks:
            new = [value for value in unique(chunk) if value not in values]
            before.append((ids, list(values)))
            ids, values = ids.extended(new), values + new
            # a second branch from the same ids, which neither of the two may see
            other = before[-1][0].extended([value for value in new if value != new[0]])
            held_against_a_dict(other, [*before[-1][1], *new[1:]], values)
        for each, had in [*before, (ids, values)]:
            held_against_a_dict(each, had, values)
            assert each.hashes.tolist() == Ids(had).hashes.tolist()
            assert list(each[np.arange(len(had))[::-1]]) == had[::-1]


def test_ten_thousand_ids_that_come_one_by_one_are_found():
    ids, start = Ids(np.arange(100_000)), time.perf_counter()
    for number in range(100_000, 110_000):
        ids = ids.extended([number])
    assert time.perf_counter() - start < 10  # half a second where nothing else computes
    assert ids.numbers([109_999, 5, 100_000]).tolist() == [109_999, 5, 100_000]


# Which ids


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "objects": lambda values: np.array(values, dtype=object),
    "numpy": np.array,
}
if pd is not None:
    CONTAINERS |= {
        "pandas Series": lambda values: pd.Series(values, index=range(3, 3 + len(values))),
        "pandas Index": pd.Index,
        "pandas objects": lambda values: pd.Series(values, dtype=object),
        "pandas categories": lambda values: pd.Series(values, dtype="category"),
        "pandas nullable": lambda values: pd.Series(values).convert_dtypes(),
    }
if pd is not None and find_spec("pyarrow") is not None:
    CONTAINERS["pandas arrow"] = lambda v: pd.Series(v).convert_dtypes(dtype_backend="pyarrow")
if pl is not None:
    CONTAINERS |= {"polars": pl.Series}
    CONTAINERS |= {"polars categories": lambda v: pl.Series(map(str, v), dtype=pl.Categorical)}
every_container = pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)


@every_container
def test_ids_of_any_container_are_the_same_ids(make):
    values = [name for name in FILES if "\0" not in name]  # which numpy's text would lose
    ids = Ids(make(values))
    assert ids == Ids(values)
    assert ids.hashes.tolist() == Ids(values).hashes.tolist()
    assert ids[:].tolist() == values
    assert all(type(name) is str for name in ids)
    whole = Ids(make([7, 2, 5]))
    assert list(whole) in ([7, 2, 5], ["7", "2", "5"])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", ">i4", "int64", "uint64"])
def test_integers_of_any_width_are_the_same_ids(dtype):
    ids = Ids(np.array([7, 2, 5], dtype=dtype))
    assert ids == Ids([7, 2, 5])
    assert ids.hashes.tolist() == Ids([np.int16(7), np.uint64(2), 5]).hashes.tolist()
    assert ids.numbers(np.array([5], dtype=dtype)).tolist() == [2]
    assert ids[1] == 2 and type(ids[1]) is int


def test_ids_are_indexed_as_an_array_is():
    ids, array = Ids(FILES).extended(["late"]), np.array([*FILES, "late"], dtype=object)
    for idx in ([2, -1], [7, 0], slice(1, None, 3), array == "a", [], np.int8([[1, 2]])):
        assert ids[idx].tolist() == array[idx].tolist()
        assert ids[idx].dtype == object
    assert (ids[0], ids[-1], ids[np.int64(3)]) == ("b.png", "late", "")
    assert np.asarray(ids).tolist() == array.tolist()
    assert Ids([3, 4])[[1]].dtype == np.int64
    assert np.asarray(Ids([3, 4]), dtype=float).tolist() == [3.0, 4.0]
    for wrong in ([8], -9, [0.5], [True], ["a"]):
        with pytest.raises(IndexError, match="^ids got "):
            ids[wrong]


def test_ids_are_equal_by_their_values():
    ids = Ids(["a", "b"])
    assert ids == ids and ids == Ids(np.array(["a", "b"])) and Ids(["a"]).extended(["b"]) == ids
    for other in (["b", "a"], ["a"], ["a", "b", "c"], ["ab", ""], [1, 2]):
        assert ids != Ids(other)
    assert Ids([1, 2]) != Ids([2, 1]) and ids != ["a", "b"]


def test_ids_print_the_first_few():
    assert repr(Ids([4, 2])) == "Ids([4, 2])"
    assert repr(Ids(np.arange(1000))) == "Ids([0, 1, 2, ...], n=1000)"


@pytest.mark.parametrize("values", [np.arange(10_000), [f"images/{i}.png" for i in range(10_000)]])
def test_ids_pickle_as_their_values_alone(values):
    ids = Ids(values).extended(values[:0])
    size = len(pickle.dumps(ids))
    ids.find(values[:1])
    assert len(pickle.dumps(ids)) == size < 1000 + sum(9 + 8 * (i > 0) for i in range(10_000))
    back = pickle.loads(pickle.dumps(ids))
    assert back == ids and back.numbers(values[7:8]).tolist() == [7]
    assert Ids.from_arrays(ids.arrays) == ids


def test_copies_grow_apart():
    ids = Ids(["a"]).extended(["b"])
    other = copy.deepcopy(ids)
    assert list(ids.extended(["c"])) == ["a", "b", "c"]
    assert list(other.extended(["d"])) == ["a", "b", "d"]
    assert pickle.loads(pickle.dumps(other)) == ids == copy.copy(ids)
    assert pickle.loads(pickle.dumps(Ids([]))) == Ids([])


# Refusals

NOT_IDS = [
    (["b", "a", "b"], "ids got 'b' twice (rows 0 and 2); give each row one id of its own."),
    ([4, 7, 7], "ids got 7 twice (rows 1 and 2); give each row one id of its own."),
    ([1.5], "ids got ids of dtype float64; ids are text or integers, write .astype(int) or "
     ".astype(str)."),
    ([True, False], "ids got ids of dtype bool; ids are text or integers, write .astype(str)."),
    ([1.0, np.nan, None, 2.0, np.nan], "ids got no id in row 1 and 2 more; give each row one."),
    (np.array([1.0, np.nan]), "ids got no id in row 1; give each row one."),
    (["a", None, ""], "ids got no id in row 1; give each row one."),
    ([1, np.nan], "ids got no id in row 1; give each row one."),
    (["a", 1], "ids got text and integers for ids ('a' in row 0, 1 in row 1); write .astype(str) "
     "for all."),
    ([True, "a"], "ids got True of type bool for an id, in row 0; ids are text or integers."),
    ([0, 2**63], "ids got the id 9223372036854775808 in row 1, beyond the range of int64; write "
     "such ids as text."),
    (np.array([2**63], np.uint64), "ids got the id 9223372036854775808 in row 0, beyond the range "
     "of int64; write such ids as text."),
    (["a", "\ud800"], "ids got the id '\\ud800' in row 1, which UTF-8 cannot hold (a lone "
     "surrogate); write another."),
    (np.ma.array([1, 2], mask=[0, 1]), "ids got no id in row 1; give each row one."),
    (np.zeros((2, 1), int), "ids got ids of shape (2, 1); give one for each row."),
    ({"a", "b"}, "ids got a set for ids; give a list, an array or a Series of text or integers."),
    (np.array(["2020-01-01"], "M8[D]"), "ids got ids of dtype datetime64[D]; ids are text or "
     "integers, write .astype(str)."),
]  # fmt: skip


@pytest.mark.parametrize(("values", "sentence"), NOT_IDS)
def test_what_cannot_be_ids_is_refused_in_a_sentence(values, sentence):
    refused(sentence, Ids, values)


def test_a_wrong_length_names_both():
    refused("fit got 2 ids for 3 rows; give one for each row.", Ids, ["a", "b"], 3, who="fit")


def test_an_unknown_id_is_refused_with_the_nearest():
    ids = Ids([f"images/{i:05}.png" for i in range(3000)]).extended(["notes.txt"])
    got = "teach got 'images/00712.pgn', which is the id of no row; write 'images/00712.png'."
    refused(got, ids.numbers, ["images/00001.png", "images/00712.pgn", "?"], who="teach")
    for meant, written in [
        ("images/01234.png", "01234.png"),
        ("images/01234.png", "images/01234"),
        ("images/01234.png", "images/012x34.png"),
        ("images/01234.png", "IMAGES/01234.PNG"),
        ("notes.txt", "Notes.txt "),
    ]:
        refused(
            f"ids got {written!r}, which is the id of no row; write {meant!r}.",
            ids.numbers, [written],
        )  # fmt: skip
    refused(
        "ids got 'zzz', which is the id of no row; ids are such as 'images/00000.png'.",
        ids.numbers,
        ["zzz"],
    )
    refused("ids got 8, which is the id of no row; ids are such as 7.", Ids([7, 9]).numbers, [8])
    refused("ids got 'a', which is the id of no row.", Ids([]).numbers, ["a"])


def test_ids_of_the_other_kind_are_refused_and_found_nowhere():
    text, whole = Ids(["7", "8"]), Ids([7, 8])
    assert text.find([7]).tolist() == whole.find(["7"]).tolist() == [-1]
    refused(
        "ids got integers for ids, and the ids of these rows are text; write "
        "np.array(ids).astype(str).",
        text.numbers, [7],
    )  # fmt: skip
    refused(
        "extend got text for ids, and the ids of these rows are integers; write "
        "np.array(ids).astype(int).",
        whole.extended, ["9"],
    )  # fmt: skip


@pytest.mark.parametrize("late", [[], ["late"]])
def test_an_id_that_is_there_is_refused_by_extended(late):
    ids = Ids(["a", "b"]).extended(late)
    refused(
        "extend got 'b', which row 1 has already; give each row one id of its own.",
        ids.extended, ["c", "b"],
    )  # fmt: skip
    refused(
        "extend got 'c' twice (rows 0 and 1); give each row one id of its own.",
        ids.extended, ["c", "c"],
    )  # fmt: skip
    assert list(ids) == ["a", "b", *late]
    assert list(ids.extended(["c"])) == ["a", "b", *late, "c"]


# Hashes


def test_hashes_are_what_they_always_were():
    ids = Ids(["a", "", "images/0001.png", "ß/日本.png"])
    assert ids.hashes.tolist() == [
        8844610266750821493,
        16294208416658607535,
        6938671705158968177,
        9396540557904161396,
    ]
    assert ids.hashes.tolist() == [hash_naively(text.encode()) for text in ids]
    # Values of splitmix64 from seed 0, as published with it (Vigna 2015).
    state = np.array([1, 2, 3], np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert [hex(value) for value in mixed(state).tolist()] == [
        "0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f",
    ]  # fmt: skip
    assert Ids([1, 2, 3]).hashes.tolist() == mixed(state).tolist()


def hash_naively(text):
    def mix(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    value = mix((len(text) + 0x9E3779B97F4A7C15) % 2**64)
    for start in range(0, len(text), 8):
        word = text[start : start + 8].rjust(8, b"\0")
        value = mix(value ^ int.from_bytes(word, "little"))
    return value


@given(st.lists(texts, max_size=20), st.integers(1, 5), st.integers(0, 5))
def test_hashes_are_those_of_a_plain_loop_in_any_blocks(values, block, few):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(values_module, "_BLOCK", block)
        monkeypatch.setattr(values_module, "_FEW", few)  # that are hashed one by one
        values = unique(values)
        expected = [hash_naively(value.encode()) for value in values]
        assert Ids(values).hashes.tolist() == expected


def test_no_two_of_many_similar_names_have_one_hash_and_each_bit_is_even():
    hashes = Ids([f"images/train/{i:07}.png" for i in range(100_000)]).hashes
    assert len(np.unique(hashes)) == 100_000
    ones = [np.count_nonzero(hashes >> np.uint64(bit) & np.uint64(1)) for bit in range(64)]
    assert np.abs(np.array(ones) - 50_000).max() < 4.5 * np.sqrt(25_000)


def test_chance_by_row_serves_hashes_as_it_does_row_numbers():
    assert (
        uniform_by_row(np.arange(3), [7]).tolist()
        == uniform_by_row(np.arange(3, dtype=np.uint64), [7]).tolist()
    )
    hashes = Ids([f"{i}.png" for i in range(20_000)]).hashes
    drawn = uniform_by_row(hashes, [7])
    assert drawn[[5, 3]].tolist() == uniform_by_row(hashes[[5, 3]], [7]).tolist()
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 50  # chi-squared of 19 degrees: p < .0002


# Ids that come with X


@needs_pandas
def test_a_column_of_a_frame_is_taken_out_of_it():
    X = pd.DataFrame({"file": ["a.png", "b.png"], "age": [3, 5]}, index=[8, 9])
    rest, ids = take_ids(X, "file", "fit")
    assert (list(rest.columns), list(rest.index), list(ids)) == (
        ["age"],
        [8, 9],
        ["a.png", "b.png"],
    )
    assert list(X.columns) == ["file", "age"]
    kept, ids = take_ids(X, X["file"], "fit")
    assert kept is X and list(ids) == ["a.png", "b.png"]
    refused(
        "fit got ids in another order than the rows, by the index of ids; write "
        "ids.loc[rows.index], or ids.to_numpy() if they are in the right order as they stand.",
        take_ids, X, X["file"][::-1], "fit",
    )  # fmt: skip
    refused(
        "fit got ids='flie', which is no column of X; write ids='file'.", take_ids, X, "flie", "fit"
    )
    refused(
        "fit got ids='name', the index of X and no column; write ids=X.index.",
        take_ids, X.rename_axis("name"), "name", "fit",
    )  # fmt: skip
    refused(
        "fit got ids='a', which 2 columns of X are called; rename all but one.",
        take_ids, X.set_axis(["a", "a"], axis=1), "a", "fit",
    )  # fmt: skip
    refused(
        "fit got ids='file', the only column of X, which leaves nothing to learn from; write "
        "ids=X['file'] to keep it.",
        take_ids, X[["file"]], "file", "fit",
    )  # fmt: skip


@needs_polars
def test_a_column_of_a_polars_frame_is_taken_out_of_it():
    X = pl.DataFrame({"id": [4, 2], "age": [3, 5]})
    rest, ids = take_ids(X, "id", "fit")
    assert (rest.columns, list(ids)) == (["age"], [4, 2])
    refused(
        "fit got ids='zzz', which is no column of X; name one, or give ids.",
        take_ids, X, "zzz", "fit",
    )  # fmt: skip


def test_ids_beside_an_array_leave_it_as_it_is():
    X = np.eye(2)
    assert take_ids(X, None, "fit") == (X, None) or take_ids(X, None, "fit")[0] is X
    rest, ids = take_ids(X, ["a", "b"], "fit")
    assert rest is X and list(ids) == ["a", "b"]
    refused("ids got 3 ids for 2 rows; give one for each row.", take_ids, X, [1, 2, 3], "fit")
    refused(
        "fit got ids='a', which names a column, and X is no frame; give an id for each row, in a "
        "list, an array or a Series.",
        take_ids, X, "a", "fit",
    )  # fmt: skip
