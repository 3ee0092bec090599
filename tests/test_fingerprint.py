"""Portraits of data: the same for the same data, and what is said where data differ."""

import json
from importlib.util import find_spec

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from test_rows import (
    cut,
    every_container,
    needs_pandas,
    needs_polars,
    pd,
    pl,
    splits,
    values_of,
)

from skactive.data import fingerprint as module
from skactive.data.chance import mixed
from skactive.data.fingerprint import difference, portrait
from skactive.data.rows import Rows
from skactive.data.values import hash_cells


def kept(X, positions):
    """A portrait as a file gives it back."""
    return json.loads(json.dumps(portrait(Rows(X), positions)))


def told(before, after, positions=None):
    """What is said of data where all rows were sampled, or those at some positions."""
    positions = (
        range(before.shape[0] if sp.issparse(before) else len(before))
        if positions is None
        else positions
    )
    return difference(kept(before, positions), Rows(after))


@every_container
@given(splits())
def test_the_same_rows_in_any_parts_differ_in_nothing(make, case):
    n, cuts, positions = case
    X = make(values_of(n))
    assert difference(kept(X, np.unique(positions)), cut(X, cuts)) is None


@every_container
def test_what_was_changed_added_or_moved_is_said(make):
    values = values_of(9)
    saved = kept(make(values), [1, 3, 4, 5, 8])
    changed = values + 0.0
    changed[4] = -100, -101, -102
    order = [0, 1, 2, 8, 4, 5, 6, 7, 3]
    front = np.r_[[[7.5, 8.5, 9.5]], values]

    def said(now):
        return difference(saved, Rows(make(np.ascontiguousarray(now))))

    assert said(changed) == "row 4 differs"
    assert said(values[order]) == "rows are in another order (row 3 is row 8 now)"
    assert said(values[::-1]) in (
        "rows are in another order (row 1 is row 7 now)",
        "rows are in another order (row 3 is row 5 now)",  # of a Dataset few rows are read
    )
    assert said(np.r_[values, front[:1], front[:1]]) == "2 rows were added at the end"
    assert said(front) == "1 row was added before row 1"
    assert said(values[:7]) == "2 rows are gone from the end"
    assert said(values[[0, 1, 2, 4, 5, 6, 7, 8]]) == "1 row is gone before row 4"


def test_a_changed_value_is_told_by_its_row_and_column():
    X = values_of(7)
    one, column, two = X + 0.0, X + 0.0, X + 0.0
    one[5, 2] = -1
    column[2:, 1] *= 2
    two[3:, [0, 2]] += 1
    assert told(X, one) == "row 5 differs in column 2"
    assert told(X, column) == "column 1 differs, first in row 2"
    assert told(X, two) == "columns 0 and 2 differ, first in row 3"
    assert told(X, one, [0, 4, 6]) is None  # not looked at
    assert told(X, X + 100) == "rows 0, 1 and 5 more differ"
    assert told(X, np.r_[column, X[:1]]) == "1 row was added and column 1 differs, first in row 2"
    assert told(sp.csr_matrix(X), sp.csr_matrix(one)) == "row 5 differs in column 2"


def test_rows_of_a_large_sorted_file_are_found_near_where_they_were():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 8))
    sampled = np.linspace(0, 19_999, 200).round().astype(int)
    order = rng.permutation(20_000)
    clause = told(X, X[order], sampled)
    row, at = (int(word) for word in clause.split() if word.isdigit())
    assert clause.startswith("rows are in another order (row ") and order[at] == row
    scattered = np.sort(rng.choice(20_000, 19_990, replace=False))
    clause = told(X, X[scattered], sampled)
    row, at = (int(word) for word in clause.split() if word.isdigit() and word != "10")
    assert clause.startswith("10 rows are gone and others have moved") and scattered[at] == row


def test_values_that_change_places_are_seen():
    X = values_of(4)
    in_row, in_column = X + 0.0, X + 0.0
    in_row[2, [0, 1]] = X[2, [1, 0]]
    in_column[[1, 2], 0] = X[[2, 1], 0]
    assert told(X, in_row) == "row 2 differs in columns 0 and 1"
    assert told(X, in_column) == "column 0 differs, first in row 1"
    assert told(sp.csr_array(X), sp.csr_array(in_row)) == "row 2 differs in columns 0 and 1"


def test_a_corrected_row_has_not_moved_though_another_is_as_it_was():
    X = np.array([[1, 0], [2, 0], [3, 0], [4, 0], [1, 0]])
    corrected = X.copy()
    corrected[0, 0] = 7
    assert told(X, corrected, [0, 1, 2]) == "row 0 differs in column 0"
    X = np.array([[1, 0], *[[each, each] for each in range(9, 1, -1)], [1, 0]])
    corrected = X.copy()
    corrected[[0, 1, 2, 3]] += 30
    assert told(X, corrected, range(9)) == "rows 0, 1 and 2 more differ"


def test_rows_that_are_gone_from_one_column_have_moved():
    X = np.arange(40.0)[:, None] ** 2
    left = np.delete(X, [3, 20, 31], axis=0)
    clause = "3 rows are gone and others have moved (row 4 is row 3 now)"
    assert told(X, left, [0, 2, 4, 9, 25, 36]) == clause
    assert told(X, left, [0, 2, 4, 9, 25, 39]) == clause
    assert told(X, X[::-1]) == "rows are in another order (row 0 is row 39 now)"


def test_rows_are_in_another_order_where_most_are_others_and_one_is_found(monkeypatch):
    monkeypatch.setattr(module, "_LOOKED", 1)
    X = np.random.default_rng(0).normal(size=(1000, 3))
    order = np.roll(np.arange(1000), 1)
    order[[1, 10]] = order[[10, 1]]
    clause = "rows are in another order (row 0 is row 10 now)"
    assert told(X, X[order], np.arange(0, 1000, 10)) == clause


def test_a_portrait_does_not_depend_on_how_many_values_are_hashed_at_once(monkeypatch):
    X = values_of(9)
    whole = kept(X, range(9))
    monkeypatch.setattr(module, "_CELLS", 7)
    assert kept(X, range(9)) == whole


def test_another_shape_or_kind_of_rows_is_said():
    X = values_of(4)
    assert told(X, X[:, :2]) == "a row has shape (2,) and had (3,)"
    assert told(X, X.reshape(4, 1, 3)) == "a row has shape (1, 3) and had (3,)"
    assert told(sp.csr_array(X).T.tocsr().T, X, [1]) == "X is an array and was a sparse matrix"
    assert told(X.tolist(), X) == "X is an array and was a list"


@needs_pandas
def test_columns_that_are_new_gone_or_elsewhere_are_named():
    X = pd.DataFrame({"price": [1.5, 2, 3], "age": [4, 5, 6], "city": ["x", "y", None]})
    assert told(X, X.assign(size=1)) == "column 'size' is new"
    assert told(X, X.drop(columns=["age", "city"])) == "columns 'age' and 'city' are gone"
    assert (
        told(X, X.rename(columns={"age": "Age"})) == "column 'Age' is new and column 'age' is gone"
    )
    assert told(X, X[["age", "price", "city"]]) == "the columns are in another order"
    assert told(X, X.assign(price=X["price"] / 2)) == "column 'price' differs, first in row 0"
    assert told(X, X.assign(city=["x", "z", None])) == "row 1 differs in column 'city'"
    assert told(X, X.set_index(pd.Index([7, 8, 9])).astype({"age": "float32"})) is None
    many = pd.DataFrame(np.eye(3, 1100)).rename(columns=str)
    others = "there are other columns, or they are in another order"
    assert told(many, many.iloc[:, ::-1]) == others
    assert told(many, many * 2) == "rows 0, 1 and 2 differ"
    assert len(json.dumps(kept(many, [0, 1, 2]))) < 500


@needs_pandas
@needs_polars
def test_a_frame_of_polars_is_the_same_as_one_of_pandas():
    data = {
        "number": [1.5, None, 3.0],
        "whole": [4, 5, 2**60 + 1],
        "holes": [4, None, 6],
        "text": ["x", None, ""],
        "bool": [True, False, True],
        "holed": [True, None, False],
        "date": np.array(["2020-01-01", "NaT", "2020-01-02T03:04:05"], "M8[ms]"),
        "class": ["b", "a", "b"],
    }
    polars = pl.DataFrame(data).with_columns(pl.col("class").cast(pl.Categorical))
    pandas = pd.DataFrame(data).astype({"class": "category"})
    nullable = pandas.convert_dtypes()
    assert told(pandas, polars) is None and told(polars, pandas) is None
    assert told(nullable, polars) is None
    if find_spec("pyarrow") is not None:
        arrow = pandas.drop(columns="class").convert_dtypes(dtype_backend="pyarrow")
        assert told(arrow, polars.drop("class")) is None
    assert told(pandas, polars.with_columns(pl.lit(1.0).alias("number"))) == (
        "column 'number' differs, first in row 0"
    )


# Hashes of values


def test_numbers_have_one_hash_however_they_are_stored():
    values = np.array([0, 1, -3, 2**53])
    expected = [hash_naively(float(value)) for value in values]
    for dtype in (np.int64, float, np.float32, ">f8", object):
        assert hash_cells(values.astype(dtype)).tolist() == expected
    assert hash_cells(np.array([-0.0])).tolist() == expected[:1]
    assert hash_cells(np.array([False, True])).tolist() == expected[:2]
    assert hash_cells(np.array([[0.0, 1.0]])).shape == (1, 2)


def hash_naively(number):
    bits = int.from_bytes(np.float64(number).tobytes(), "little")
    return int(mixed(np.array([(bits + 0x9E3779B97F4A7C15) % 2**64], np.uint64))[0])


def test_values_that_differ_have_other_hashes():
    values = ["1", "", "a", "b", "ab", 1, 2**53, 2**53 + 1, 2**64, 0.5, None, np.inf, -np.inf]
    values += [
        b"a",
        ("a",),
        ["a"],
        [1],
        ["a", "strb"],
        ["astr", "b"],
        np.array([1]),
        np.array([1, 2]),
        1j,
    ]
    hashes = hash_cells(np.fromiter(values, dtype=object, count=len(values)))
    assert len(np.unique(hashes)) == len(values) - 1  # a list is as good as a tuple
    for sign in (1, -1):
        numbers = sign * np.array([2**53, 2**53 + 1, 2**53 + 2])
        assert len(np.unique(hash_cells(numbers))) == 3
    days = np.array(["2020-01-01", "2020-01-02", "NaT"], "M8[D]")
    assert hash_cells(days).tolist() == hash_cells(days.astype("M8[ns]")).tolist()
    assert (
        len(
            np.unique(
                [hash_cells(days), hash_cells(days.view(np.int64)), hash_cells(days - days[0])]
            )
        )
        == 9
    )
