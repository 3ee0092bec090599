"""Rows: every container by position against numpy, memmaps by reference, fingerprints, refusals."""

import array
import importlib
import importlib.util
import itertools
import math
import pickle
import re
import tracemalloc
from collections import deque

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from skactive import Pool
from skactive.data.conform import conform
from skactive.data.datasets import DatasetRows
from skactive.data.fingerprint import fingerprint
from skactive.data.frames import is_pandas, is_polars
from skactive.data.row_numbers import as_row_numbers, check_row_numbers
from skactive.data.rows import (
    Rows,
    check_rows,
    join,
    n_rows,
    one_row,
    row_bytes,
    row_index,
    slice_rows,
    take,
)


def optional(name):
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


pd, pl, torch = optional("pandas"), optional("polars"), optional("torch")
needs_pandas = pytest.mark.skipif(pd is None, reason="pandas is not installed")
needs_polars = pytest.mark.skipif(pl is None, reason="polars is not installed")

NAMES = ["b", "a", "c"]


def values_of(n):
    """n rows of three numbers, a third of them zero, no two rows equal."""
    values = np.arange(3.0 * n).reshape(n, 3)
    return np.where(np.arange(3) == np.arange(n)[:, None] % 3, 0, values)


def objects(values):
    return np.fromiter(values, dtype=object, count=len(values))


def labels_of(n):
    """An index that is no row number anywhere, and not unique."""
    return [(7 * i + 3) % max(2, n - 1) for i in range(n)]


def frame(values):
    data = {"b": values[:, 0], "a": values[:, 1].astype(int), "c": values[:, 2].astype(str)}
    return pd.DataFrame(data, index=labels_of(len(values)))


def polars_frame(values):
    return pl.DataFrame({"b": values[:, 0], "a": values[:, 1].astype(int), "c": values[:, 2] > 3})


def texts(values):
    return [str(row) for row in values.tolist()]


MAKE = {
    "float64": lambda v: v,
    "float32": lambda v: v.astype(np.float32),
    "integers, Fortran order": lambda v: np.asfortranarray(v.astype(int)),
    "images": lambda v: np.repeat(v, 4, axis=1).reshape(-1, 3, 4),
    "one dimension": lambda v: v[:, 1],
    "text": lambda v: np.array(texts(v), dtype="U30"),
    "objects": lambda v: objects(v.tolist()),
    "csr_matrix": sp.csr_matrix,
    "csc_matrix": sp.csc_matrix,
    "csr_array": sp.csr_array,
    "csc_array": sp.csc_array,
    "list of text": texts,
    "list of rows": lambda v: v.tolist(),
}
if pd is not None:
    MAKE |= {"pandas frame": frame, "pandas Series": lambda v: frame(v)["c"]}
if pl is not None:
    MAKE |= {"polars frame": polars_frame, "polars Series": lambda v: polars_frame(v)["a"]}
if torch is not None:
    MAKE |= {
        "tensor": lambda v: torch.tensor(v),
        "tensor of bfloat16 images": lambda v: torch.tensor(MAKE["images"](v)).bfloat16(),
        "tensor of one dimension": lambda v: torch.tensor(v[:, 1]),
        "torch Dataset": lambda v: DatasetRows(torch.utils.data.TensorDataset(torch.tensor(v))),
    }
FRAMES = [name for name in MAKE if name.startswith(("pandas", "polars"))]

every_container = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)


def content(X):
    """The rows of any container as a list of comparable rows."""
    if isinstance(X, list):
        return X
    if is_pandas(X) or is_polars(X):
        return X.to_numpy().tolist()
    if isinstance(X, DatasetRows):
        return [row.tolist() for row in X]
    return X.toarray().tolist() if sp.issparse(X) else X.tolist()


def pick(rows, positions):
    return [rows[position] for position in positions]


@st.composite
def splits(draw, max_rows=9):
    """A number of rows, cuts into parts (some of them empty), and row numbers with repeats."""
    n = draw(st.integers(1, max_rows))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    positions = draw(st.lists(st.integers(0, n - 1), max_size=12))
    return n, [0, *cuts, n], positions


def cut(X, cuts):
    return Rows(*(slice_rows(X, a, b) for a, b in itertools.pairwise(cuts)))


# Taking, slicing and joining


@every_container
@given(splits())
def test_rows_in_parts_take_and_slice_as_one_container(make, case):
    n, cuts, positions = case
    X = make(values_of(n))
    whole, rows = content(X), cut(X, cuts)
    assert len(rows) == n_rows(X) == n
    assert content(take(X, positions)) == pick(whole, positions)
    assert content(rows.take(positions)) == pick(whole, positions)
    assert content(rows.whole()) == whole
    a, b = sorted((cuts[len(cuts) // 2], positions[0] if positions else n))
    assert content(rows.slice(a, b)) == whole[a:b]
    for taken in (rows.take(positions), rows.slice(a, b), rows.whole()):
        assert type(taken) is type(X)
        assert getattr(taken, "format", None) == getattr(X, "format", None)


@needs_pandas
@given(splits())
def test_pandas_rows_keep_their_index_labels_and_are_taken_by_position(case):
    n, cuts, positions = case
    X = frame(values_of(n))
    rows = cut(X, cuts)
    labels = labels_of(n)
    assert row_index(X).tolist() == labels
    assert row_index(rows.take(positions)).tolist() == pick(labels, positions)
    assert rows.index_of(positions).tolist() == pick(labels, positions)
    assert row_index(rows.whole()).tolist() == labels


@needs_pandas
def test_rows_without_an_index_in_every_part_have_no_index_labels():
    assert Rows(np.eye(3)).index_of([1]) is None
    assert Rows(frame(values_of(3)), np.eye(3)).index_of([1]) is None
    assert row_index(np.eye(3)) is None


def test_a_slice_inside_one_part_is_a_view_and_all_of_it_the_very_object():
    X, more = values_of(5), values_of(4)
    rows = Rows(X, more)
    assert np.shares_memory(rows.slice(1, 3), X)
    assert np.shares_memory(rows.slice(5, 7), more)
    assert rows.slice(5, 9) is more
    assert not np.shares_memory(rows.slice(4, 6), X)
    assert slice_rows(X, 0, 5) is X
    assert join([X]) is X
    assert Rows(X).whole() is X
    assert Rows(X).slice(0, 5) is X
    sparse = sp.csc_matrix(X)
    assert slice_rows(sparse, 0, 5) is sparse


@every_container
def test_what_is_taken_is_a_copy_and_the_container_is_not_written_to(make):
    X = make(values_of(4))
    before = pickle.dumps(content(X))
    taken = take(X, [1, 2])
    if isinstance(taken, np.ndarray):
        taken[:] = taken[::-1].copy()
        assert not np.shares_memory(taken, X)
    assert pickle.dumps(content(X)) == before


@every_container
def test_one_row_is_the_row_at_its_position(make):
    X = make(values_of(4))
    row, expected = one_row(X, 2), content(X)[2]
    if sp.issparse(X):
        assert row.toarray().tolist() == [expected]
    elif isinstance(row, dict):
        assert list(row.values()) == expected
    else:
        assert (row.tolist() if hasattr(row, "tolist") else row) == expected


@pytest.mark.parametrize("how", ["C", "F", "among others", "a memmap by columns"])
def test_to_take_some_rows_copies_no_others(how, tmp_path):
    X = np.arange(200_000.0).reshape(20_000, 10)
    X = {"C": X, "F": np.asfortranarray(X), "among others": np.repeat(X, 2, axis=0)[::2]}.get(
        how, X
    )
    if how == "a memmap by columns":
        np.save(tmp_path / "X.npy", np.asfortranarray(X))
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    tracemalloc.start()
    taken = take(X, [3, 19_999, 0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(taken[:, 0], [30, 199_990, 0])
    assert type(taken) is np.ndarray
    assert taken.flags.c_contiguous
    assert peak < 0.01 * X.nbytes


def test_no_rows_can_be_taken_from_any_number_of_parts():
    assert Rows(np.eye(3)).take([]).shape == (0, 3)
    assert Rows(np.eye(3), np.eye(3)).take([]).shape == (0, 3)
    assert Rows(["a"], ["b"]).slice(2, 2) == []
    assert len(Rows(np.empty((0, 3)))) == 0


def test_a_row_number_beyond_the_rows_is_an_index_error():
    for rows in (Rows(values_of(4)), Rows(values_of(2), values_of(2)), Rows(["a"], ["b"] * 3)):
        with pytest.raises(IndexError):
            rows.take([0, 4])


def test_arrays_of_different_widths_join_in_the_wider_dtype():
    assert Rows(np.eye(2, dtype=np.float32), np.eye(2)).whole().dtype == np.float64


# Growing


@every_container
@given(st.lists(st.integers(1, 9), max_size=20))
def test_merged_appends_keep_the_content_in_few_parts(make, sizes):
    n = sum(sizes)
    X = make(values_of(n + 2))
    first = slice_rows(X, 0, 2)
    rows = Rows(first)
    begin = 2
    for size in sizes:
        rows.append(slice_rows(X, begin, begin + size), merge=True)
        begin += size
    assert len(rows) == n + 2
    assert content(rows.whole()) == content(X)
    assert rows.parts[0] is first
    merged = [n_rows(part) for part in rows.parts[1:]]
    assert all(a > 2 * b for a, b in itertools.pairwise(merged))
    assert len(merged) <= 1 + math.log2(max(1, n))


def test_a_thousand_single_rows_leave_ten_parts_at_most():
    rows = Rows(values_of(3))
    for value in range(1000):
        rows.append(np.full((1, 3), value), merge=True)
    assert len(rows.parts) <= 1 + 10  # 2 ** 10 > 1000
    np.testing.assert_array_equal(rows.slice(3, 1003)[:, 0], np.arange(1000))


def test_parts_appended_without_merge_stay_the_objects_they_are():
    parts = [values_of(3), values_of(1), values_of(5)]
    rows = Rows(parts[0])
    rows.append(parts[1])
    rows.append(values_of(1), merge=True)
    rows.append(values_of(1), merge=True)
    rows.append(parts[2])
    rows.append(values_of(4), merge=True)
    assert [len(part) for part in rows.parts] == [3, 1, 2, 5, 4]
    assert all(rows.parts[i] is part for i, part in zip((0, 1, 3), parts, strict=True))


def test_a_merged_part_is_a_copy_of_what_the_caller_may_still_change():
    rows, new = Rows(values_of(3)), np.ones((1, 3))
    rows.append(new, merge=True)
    new[:] = 9
    assert rows.take([3]).tolist() == [[1, 1, 1]]


def test_a_copy_grows_on_its_own_and_shares_the_parts():
    rows = Rows(values_of(3))
    rows.append(values_of(1), merge=True)
    twin = rows.copy()
    twin.append(values_of(1), merge=True)
    assert (len(rows), len(twin)) == (4, 5)
    assert [len(part) for part in rows.parts] == [3, 1]
    assert twin.parts[0] is rows.parts[0]
    rows.append(values_of(7), merge=True)
    assert (len(rows), len(twin)) == (11, 5)


# Memmaps


@pytest.fixture
def on_disk(tmp_path):
    """Write an array to a file behind a header, and map it."""

    def write(values, mode="r", order="C", header=5000):
        path = tmp_path / f"{order}{header}.dat"
        path.write_bytes(b"\0" * header + values.tobytes(order=order))
        return np.memmap(path, values.dtype, mode, header, values.shape, order)

    return write


def reopened(X):
    """The one part after pickling, and the size of the pickle."""
    data = pickle.dumps(Rows(X))
    (part,) = pickle.loads(data).parts
    return part, len(data)


@pytest.mark.parametrize("mode", ["r", "r+"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("header", [0, 5000])
def test_a_memmap_is_pickled_as_its_file_and_opened_for_reading(on_disk, mode, order, header):
    X = on_disk(values_of(2000), mode, order, header)
    part, size = reopened(X)
    assert size < 2000
    assert isinstance(part, np.memmap)
    assert part.mode == "r"
    assert (part.dtype, part.flags.f_contiguous) == (X.dtype, order == "F")
    np.testing.assert_array_equal(part, values_of(2000))


@given(st.data())
def test_slices_of_a_memmap_reopen_where_they_lie(tmp_path_factory, data):
    values = values_of(3000).astype(data.draw(st.sampled_from(["f4", "f8", "i2"])))
    header = data.draw(st.integers(0, 9000))
    path = tmp_path_factory.mktemp("slices") / "X.dat"
    path.write_bytes(b"\0" * header + values.tobytes())
    X, expected = np.memmap(path, values.dtype, "r", header, values.shape), values
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(X) - 1))
        stop = data.draw(st.integers(start + 1, len(X)))
        X, expected = slice_rows(X, start, stop), expected[start:stop]
    part, size = reopened(X)
    assert size < 2000
    assert isinstance(part, np.memmap)
    np.testing.assert_array_equal(part, expected)
    again, _ = reopened(part)
    np.testing.assert_array_equal(again, expected)


def test_an_npy_file_mapped_by_numpy_is_pickled_by_reference(tmp_path):
    np.save(tmp_path / "X.npy", values_of(2000))
    part, size = reopened(np.load(tmp_path / "X.npy", mmap_mode="r")[100:])
    assert size < 2000
    np.testing.assert_array_equal(part, values_of(2000)[100:])


def test_a_memmap_that_its_file_does_not_describe_is_pickled_by_value(on_disk):
    written = on_disk(values_of(50), "c")
    written[3] = 77
    for X in (written, on_disk(values_of(50))[::2], on_disk(values_of(50))[:0]):
        part, _ = reopened(X)
        np.testing.assert_array_equal(part, X)


def test_parts_in_memory_are_pickled_by_value_beside_a_memmap(on_disk):
    rows = Rows(on_disk(values_of(2000)), values_of(2))
    rows.append(values_of(1), merge=True)
    again = pickle.loads(pickle.dumps(rows))
    np.testing.assert_array_equal(again.whole(), rows.whole())
    again.append(values_of(1), merge=True)
    assert [len(part) for part in again.parts] == [2000, 2, 2]


def test_rows_of_a_memmap_are_taken_into_memory(on_disk):
    X = on_disk(values_of(50))
    assert type(take(X, [3, 1])) is np.ndarray
    assert type(Rows(X, X).take([60, 1])) is np.ndarray
    assert isinstance(slice_rows(X, 3, 5), np.memmap)
    np.testing.assert_array_equal(take(X, [3, 1]), values_of(50)[[3, 1]])


# Fingerprints


@every_container
@given(splits())
def test_a_fingerprint_does_not_depend_on_the_parts(make, case):
    n, cuts, positions = case
    X = make(values_of(n))
    assert fingerprint(cut(X, cuts), positions) == fingerprint(Rows(X), positions)


@every_container
def test_a_fingerprint_changes_with_the_order_the_values_and_the_count(make):
    values = values_of(6)
    swapped = values[[0, 3, 2, 1, 4, 5]]
    changed = values + 0.0
    changed[3] = 100, 101, 102
    longer = values_of(7)
    print_of = [fingerprint(Rows(make(v)), [1, 3]) for v in (values, swapped, changed, longer)]
    assert len(set(print_of)) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in print_of)


def test_a_fingerprint_does_not_depend_on_how_numbers_are_stored():
    values = values_of(6)
    stored = [
        values,
        values.astype(np.float32),
        values.astype(">f8"),
        values.astype(int),
        np.asfortranarray(values),
        np.where(values == 0, -0.0, values),
    ]
    assert len({fingerprint(Rows(X), [0, 4]) for X in stored}) == 1
    mixed = Rows(values[:3].astype(np.int8), values[3:])
    assert fingerprint(mixed, [0, 4]) == fingerprint(Rows(values), [0, 4])


def test_a_fingerprint_does_not_depend_on_how_a_sparse_matrix_is_stored():
    X = sp.csr_matrix(values_of(6))
    explicit = X.copy()
    explicit.data[3] = 0
    dropped = explicit.copy()
    dropped.eliminate_zeros()
    twice = sp.csr_matrix(
        (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape
    )
    reverse = sp.csr_matrix(X[:, ::-1])[:, ::-1]
    positions = [5, 0, 1]
    same = {
        fingerprint(Rows(Y), positions)
        for Y in (X, X.tocsc(), X.astype(np.float32), sp.csr_array(X), twice, reverse)
    }
    assert len(same) == 1
    assert fingerprint(Rows(explicit), positions) == fingerprint(Rows(dropped), positions)
    assert (explicit.nnz, twice.nnz) == (X.nnz, 2 * X.nnz)  # not written to


def test_large_integers_that_float64_merges_have_distinct_fingerprints():
    a, b = (Rows(np.array([[2**53 + more]])) for more in (0, 1))
    assert fingerprint(a, [0]) != fingerprint(b, [0])


def test_shapes_texts_and_types_are_told_apart():
    zeros = [np.zeros((2, 6)), np.zeros((2, 2, 3)), np.zeros((2, 3, 2)), np.zeros(2)]
    assert len({fingerprint(Rows(X), [0, 1]) for X in zeros}) == 4
    lists = [["ab", "c"], ["a", "bc"], ["a", "b"], [1, 2], ["1", "2"], [[1], [2]], [None, 2]]
    assert len({fingerprint(Rows(X), [0, 1]) for X in lists}) == len(lists)
    assert fingerprint(Rows(np.array(["a", "bc"])), [1]) == fingerprint(
        Rows(np.array(["a", "bc"], dtype=object)), [1]
    )


def test_a_fingerprint_tells_dates_and_nan_apart_from_numbers():
    dates = np.array(["2020-01-01", "2020-01-02"], dtype="M8[D]")
    assert fingerprint(Rows(dates), [0]) != fingerprint(Rows(dates[::-1]), [0])
    holes = np.array([[np.nan], [1.0]])
    negative = holes.copy()
    negative[0] = -np.nan
    assert fingerprint(Rows(holes), [0]) == fingerprint(Rows(negative), [0])
    assert fingerprint(Rows(holes), [0]) != fingerprint(Rows(np.zeros((2, 1))), [0])


def test_lists_of_arrays_and_of_plain_objects_have_stable_fingerprints():
    def images():
        return [np.arange(2000.0).reshape(40, 50) + i for i in range(3)]

    changed = images()
    changed[1][20, 20] = -1  # where str() of an array would say "..."
    assert fingerprint(Rows(images()), [1]) == fingerprint(Rows(images()), [1])
    assert fingerprint(Rows(images()), [1]) != fingerprint(Rows(changed), [1])
    plain = [type("Own", (), {})() for _ in range(2)]  # their text is an address in memory
    assert fingerprint(Rows(plain), [0]) == fingerprint(Rows(plain), [1])


@needs_pandas
def test_the_fingerprint_of_a_frame_reads_its_columns_and_not_its_index():
    X = frame(values_of(4))
    assert fingerprint(Rows(X), [2]) == fingerprint(Rows(X.reset_index(drop=True)), [2])
    assert fingerprint(Rows(X), [2]) == fingerprint(Rows(X.astype({"b": "float32"})), [2])
    assert fingerprint(Rows(X), [2]) != fingerprint(Rows(X.rename(columns={"a": "z"})), [2])
    assert fingerprint(Rows(X), [2]) != fingerprint(Rows(X[["a", "b", "c"]]), [2])


# Containers that come in


class ArrayLike:
    """An object with __array__ and nothing else."""

    def __array__(self, dtype=None, copy=None):
        return np.eye(2, dtype=dtype)


@every_container
def test_a_container_is_returned_as_the_very_object(make):
    X = make(values_of(3))
    assert check_rows(X) is X


def test_objects_like_arrays_become_arrays_and_a_tuple_a_list():
    assert check_rows(ArrayLike()).tolist() == [[1, 0], [0, 1]]
    assert check_rows(array.array("d", [1.5])).tolist() == [1.5]
    assert check_rows(("a", "b")) == ["a", "b"]
    assert check_rows([]) == []


@needs_pandas
def test_pandas_is_recognised_also_where_columns_have_telling_names():
    X = pd.DataFrame({"dtype": [1, 2], "iloc": [3, 4]})
    assert check_rows(X) is X
    assert as_row_numbers(X) is None
    assert is_pandas(X["dtype"])
    assert not is_pandas(X.index)
    assert check_rows(X.index).tolist() == [0, 1]


@pytest.mark.parametrize("module", ["pandas.core.frame", "polars.dataframe", "torch"])
@pytest.mark.parametrize("name", ["DataFrame", "Series", "Tensor"])
@needs_pandas
def test_a_class_of_ones_own_is_no_frame_whatever_it_and_its_module_are_called(name, module):
    content = dict.fromkeys(["iloc", "to_numpy", "columns", "index"])
    own = type(name, (ArrayLike,), {"__module__": module, **content})()
    assert not is_pandas(own)
    assert not is_polars(own)
    assert type(check_rows(own)) is np.ndarray
    assert type(Pool(own, own.__array__()[0]).X) is np.ndarray


@pytest.mark.parametrize("kind", ["coo", "lil", "dok", "bsr", "dia"])
def test_other_sparse_formats_are_refused_with_the_conversion(kind):
    X = sp.csr_matrix(np.eye(3)).asformat(kind)
    text = rf"query got a sparse matrix in {kind} format, .*; write X\.tocsr\(\)\."
    with pytest.raises(TypeError, match=text):
        check_rows(X, who="query")


def test_a_sparse_array_of_one_dimension_is_refused():
    try:
        X = sp.csr_array(np.ones(3))
    except ValueError:
        pytest.skip("this scipy has no such arrays")
    if X.ndim != 1:
        pytest.skip("this scipy has no such arrays")
    with pytest.raises(TypeError, match=r"sparse array of shape \(3,\); write X\.reshape\(1, -1\)"):
        check_rows(X)


@needs_polars
def test_a_lazy_frame_is_refused_with_the_conversion():
    X = polars_frame(values_of(3)).lazy()
    text = r"a polars LazyFrame, which holds no rows; write X\.collect\(\), or skactive\.open_rows"
    with pytest.raises(TypeError, match=text):
        check_rows(X)
    with pytest.raises(TypeError, match="fit got a polars Expr"):
        check_rows(pl.col("a"))


@pytest.mark.parametrize(
    "X", ["text", b"bytes", {"a": [1]}, 3, 0.5, None, np.float64(3), {1}, deque([1]), object()]
)
def test_what_has_no_rows_to_take_is_refused(X):
    text = f"fit got a {type(X).__name__} for X; write an array, a CSR matrix, a frame or a list"
    with pytest.raises(TypeError, match=text):
        check_rows(X)


def test_an_array_without_dimension_is_refused():
    with pytest.raises(TypeError, match="fit got an array without dimension; write an array of"):
        check_rows(np.array(3.0))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda v: v, 24),
        (lambda v: v.astype(np.float32), 12),
        (lambda v: np.repeat(v, 4, axis=1).reshape(-1, 3, 4), 96),
        (lambda v: v[:, 0], 8),
        (lambda v: sp.csr_matrix(np.ones((8, 3))), 36),
        (lambda v: sp.csr_matrix((8, 3)), 1),
        (texts, 64),
        (lambda v: v[:0], 24),
    ],
)
def test_the_bytes_of_a_row(make, expected):
    assert row_bytes(make(values_of(8))) == expected


@pytest.mark.parametrize("name", FRAMES)
def test_the_bytes_of_a_row_of_a_frame_are_eight_a_column(name):
    assert row_bytes(MAKE[name](values_of(4))) == (24 if "frame" in name else 8)


# Rows that are to join others


@every_container
def test_rows_of_the_same_kind_conform_and_join(make):
    X = make(values_of(6))
    pool, new = slice_rows(X, 0, 4), slice_rows(X, 4, 6)
    assert content(join([pool, conform(new, pool, "extend")])) == content(X)
    if not sp.issparse(X):
        assert conform(new, pool, "extend") is new


@pytest.mark.parametrize(
    ("X", "like", "joined"),
    [
        ([[5, 6]], np.eye(2), [[1, 0], [0, 1], [5, 6]]),
        (((5, 6),), np.eye(2), [[1, 0], [0, 1], [5, 6]]),
        ([np.array([5, 6])], np.eye(2), [[1, 0], [0, 1], [5, 6]]),
        ([], np.eye(2), [[1, 0], [0, 1]]),
        (ArrayLike(), np.ones((1, 2)), [[1, 1], [1, 0], [0, 1]]),
        (["b"], np.array(["a"]), ["a", "b"]),
        (["b"], np.array(["a"], dtype=object), ["a", "b"]),
        (np.array(["b"], dtype=object), np.array(["a"]), ["a", "b"]),
        (np.array(["b"]), ["a"], ["a", "b"]),
        (np.array(["b"], dtype=object), ["a"], ["a", "b"]),
        ([[1, 2], [3, 4]], objects([[5]]), [[5], [1, 2], [3, 4]]),
        (np.array([[5, 6]]), [[1, 2]], [[1, 2], [5, 6]]),
        ([["x", 1]], np.array([["y", 2]], dtype=object), [["y", 2], ["x", 1]]),
        (np.array([[True, False]]), np.eye(2), [[1, 0], [0, 1], [1, 0]]),
        ([[5, 6]], [], [[5, 6]]),
        (np.array([[5, 6]]), [], [[5, 6]]),
        ([], [[5, 6]], [[5, 6]]),
    ],
)
def test_lists_and_arrays_conform_to_each_other(X, like, joined):
    new = conform(X, like, "extend")
    assert type(new) is type(like)
    assert content(join([like, new])) == joined


def test_images_from_an_array_join_a_list_of_images_as_arrays():
    (new,) = conform(np.ones((1, 2, 2)), [np.zeros((3, 3))], "extend")
    assert isinstance(new, np.ndarray)
    assert new.tolist() == [[1, 1], [1, 1]]


def test_text_from_an_array_joins_a_list_as_plain_text():
    assert list(map(type, conform(np.array(["b"]), ["a"], "extend"))) == [str]


def test_sparse_rows_take_the_format_and_the_class_of_the_pool():
    for pool in (sp.csr_matrix(np.eye(3)), sp.csc_matrix(np.eye(3)), sp.csr_array(np.eye(3))):
        for new in (sp.csr_matrix(values_of(2)), sp.csc_array(values_of(2))):
            conformed = conform(new, pool, "extend")
            assert type(conformed) is type(pool)
            assert conformed.toarray().tolist() == values_of(2).tolist()


@pytest.mark.parametrize("name", [name for name in FRAMES if "frame" in name])
def test_columns_come_in_the_order_of_the_pool(name):
    pool = MAKE[name](values_of(4))
    new = conform(pool[["c", "b", "a"]], pool, "extend")
    assert list(new.columns) == NAMES
    assert content(new) == content(pool)


CONFORM_REFUSED = [
    (np.ones((2, 3)), np.eye(4), "extend: X has 3 columns, the pool has 4."),
    (np.ones((2, 1)), np.eye(4), "extend: X has 1 column, the pool has 4."),
    (sp.csr_matrix((2, 3)), sp.csr_matrix((2, 4)), "extend: X has 3 columns, the pool has 4."),
    (
        np.ones((2, 3, 3)),
        np.ones((2, 4, 4)),
        "extend: X has rows of shape (3, 3), the pool has rows of shape (4, 4).",
    ),
    (
        np.ones((2, 3)),
        np.ones(4),
        "extend: X has rows of shape (3,), the pool has rows of shape ()",
    ),
    (
        np.ones(4),
        np.eye(4),
        "extend: X has 1 dimension, the pool has 2; for a single row i write X[[i]].",
    ),
    (np.ones((4, 4)), np.ones((2, 4, 4)), "X has 2 dimensions, the pool has 3; for a single row"),
    ([1.5, 2.5], np.eye(2), "for a single row i write X[[i]]."),
    ([1.5, 2.5], [[1, 2]], "extend: X is a single row, the pool has a list of rows; write [X]."),
    ([[1, 2], [3]], np.eye(2), "extend: the rows of X differ in shape; write rows of one shape."),
    (
        sp.csr_matrix((2, 4)),
        np.eye(4),
        "extend: X is a sparse matrix, the pool is an array; write X.toarray().",
    ),
    (
        np.eye(4),
        sp.csc_matrix((2, 4)),
        "X is an array, the pool is a sparse matrix; write scipy.sparse.csc_matrix(X).",
    ),
    ([[1, 2]], sp.csr_matrix((2, 2)), "X is a list, the pool is a sparse matrix; write scipy"),
    (
        sp.csr_matrix((2, 4)),
        [[1]],
        "X is a sparse matrix, the pool is a list; write X.toarray().to",
    ),
    (
        np.array([["x", "y"]]),
        np.eye(2),
        'extend: X has dtype <U1, the pool float64; write X.astype("float64").',
    ),
    (np.array([[1, None]]), np.eye(2), "extend: X has dtype object, the pool float64; write"),
    ([0.5], ["a"], "extend: rows of X are not text, rows of the pool are text; write rows of one"),
    (["a"], [[1]], "extend: rows of X are text, rows of the pool are not text; write"),
    (
        np.array([0.5]),
        np.array(["a"], dtype=object),
        "rows of X are not text, rows of the pool are",
    ),
    (objects([None]), np.ones(3), "extend: X has dtype object, the pool float64; write X.astype("),
    (np.array([b"a"]), np.ones(3), "X has dtype |S1, the pool float64"),
    (np.ones(3, "M8[s]"), np.ones(3), "X has dtype datetime64[s], the pool float64; write"),
    (["a"], np.ones(3), "rows of X are text, rows of the pool are not text"),
]


@pytest.mark.parametrize(("X", "like", "text"), CONFORM_REFUSED)
def test_rows_that_would_not_join_are_refused_in_words(X, like, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        conform(X, like, "extend")


def test_conform_refuses_what_are_no_rows_as_check_rows_does():
    with pytest.raises(TypeError, match=r"teach got a sparse matrix in coo format"):
        conform(sp.coo_matrix(np.eye(2)), np.eye(2), "teach")


def refusal(X, like):
    with pytest.raises(ValueError) as caught:
        conform(X, like, "extend")
    return str(caught.value)


@needs_pandas
def test_frames_and_other_containers_do_not_mix():
    X = frame(values_of(3))
    assert refusal(np.eye(3), X) == (
        "extend: X is an array, the pool is a pandas DataFrame; "
        "write pandas.DataFrame(X, columns=[...])."
    )
    assert refusal([[1, 2, 3]], X).endswith("write pandas.DataFrame(X, columns=[...]).")
    assert refusal(sp.eye(3, format="csr"), X).endswith(
        "pandas.DataFrame(X.toarray(), columns=[...])."
    )
    assert refusal(X, np.eye(3)).endswith("the pool is an array; write X.to_numpy().")
    assert refusal(X["c"], ["a"]).endswith("the pool is a list; write list(X).")
    assert refusal(["a"], X["c"]).endswith("the pool is a pandas Series; write pandas.Series(X).")
    assert refusal(X, X["c"]).endswith("the pool is a pandas Series; write X[column].")
    assert refusal(X.iloc[0], X).endswith("write frame.iloc[[i]] for a single row i.")
    assert refusal(X, sp.eye(3, format="csr")).endswith(
        "write scipy.sparse.csr_matrix(X.to_numpy())."
    )


@needs_pandas
def test_other_columns_are_refused_by_name():
    X = frame(values_of(3))
    assert refusal(X.rename(columns={"a": "z"}), X) == (
        "extend: the columns of X are not the pool's; missing: ['a'], not in the pool: ['z']."
    )
    assert "missing: ['b', 'c'], not in the pool: []" in refusal(X[["a"]], X)
    twice = "extend: X or the pool has a column name twice; write distinct names."
    assert refusal(X[["a", "b", "c", "a"]], X) == twice
    assert refusal(X[["a", "b", "a"]], X[["b", "a", "a"]]) == twice


@needs_pandas
@needs_polars
def test_pandas_and_polars_do_not_mix():
    one, other = frame(values_of(3))[["b", "a"]], polars_frame(values_of(3))[["b", "a"]]
    assert refusal(one, other).endswith("a polars DataFrame; write polars.from_pandas(X).")
    assert refusal(other, one).endswith("a pandas DataFrame; write X.to_pandas().")
    assert refusal(one["a"], other["a"]).endswith("write polars.from_pandas(X).")


@needs_polars
def test_polars_dtypes_must_be_equal_as_polars_joins_no_others():
    X = polars_frame(values_of(3))
    assert refusal(X.cast({"a": pl.Float64}), X) == (
        "extend: X has dtype Float64 where the pool has Int64; write X.cast(pool.schema)."
    )
    assert refusal(X["b"], X["a"]).endswith("where the pool has Int64; write X.cast(pool.dtype).")
    assert refusal(X[0], X[["a"]]).startswith("extend: the columns of X are not the pool's")
    assert refusal(X["a"], X).endswith("write frame[[i]] for a single row i.")


# Row numbers


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (3, [3]),
        (np.int8(3), [3]),
        (np.array(3), [3]),
        ([4, 2], [4, 2]),
        ((4, np.uint16(2)), [4, 2]),
        (range(3), [0, 1, 2]),
        (np.array([4, 2], dtype=np.uint8), [4, 2]),
        ([], []),
        ((), []),
        (np.array([]), []),
        (np.array([-3]), [-3]),
    ],
)
def test_integers_in_one_dimension_are_row_numbers(X, expected):
    numbers = as_row_numbers(X)
    assert numbers.dtype == np.int64
    assert numbers.tolist() == expected


@needs_pandas
def test_a_pandas_series_of_integers_holds_row_numbers_by_value():
    for dtype in ("int64", "Int64", "uint8"):
        assert as_row_numbers(pd.Series([4, 2], index=[9, 8], dtype=dtype)).tolist() == [4, 2]
    assert as_row_numbers(pd.Series([4, None], dtype="Int64")) is None
    assert as_row_numbers(pd.Series([True])) is None


@needs_polars
def test_a_polars_series_of_integers_holds_row_numbers():
    assert as_row_numbers(pl.Series([4, 2])).tolist() == [4, 2]
    assert as_row_numbers(pl.Series([4, None])) is None
    assert as_row_numbers(pl.DataFrame({"a": [4, 2]})) is None


@pytest.mark.parametrize(
    "X",
    [
        True,
        [True, False],
        [1, True],
        np.array([True]),
        [1.0],
        np.array([1.0]),
        [[1, 2]],
        np.array([[1, 2]]),
        ["a"],
        "a",
        None,
        sp.csr_matrix((2, 2)),
        np.array(1.5),
        np.array([1, 2], dtype=object),
        np.array([1], dtype="m8[s]"),
        [1, "a"],
        1.0,
    ],
)
def test_anything_else_is_not_row_numbers(X):
    assert as_row_numbers(X) is None


def test_row_numbers_never_share_memory_with_what_was_given():
    given_ = np.array([4, 2])
    assert not np.shares_memory(as_row_numbers(given_), given_)
    assert not np.shares_memory(check_row_numbers(given_, 9, who="label"), given_)


@given(st.lists(st.integers(0, 20)))
def test_checked_row_numbers_come_back_in_order_or_a_duplicate_is_named(numbers):
    if len(set(numbers)) == len(numbers):
        assert check_row_numbers(numbers, 21, who="label").tolist() == numbers
        return
    with pytest.raises(ValueError) as caught:
        check_row_numbers(np.array(numbers), 21, who="label")
    text = r"label got index (\d+) twice \(positions (\d+) and (\d+)\); give each row once\."
    index, first, second = map(int, re.fullmatch(text, str(caught.value)).groups())
    assert first < second
    assert numbers[first] == numbers[second] == index


ROW_NUMBERS_REFUSED = [
    ([0, -3], "label got row number -3; row numbers are 0 to 9."),
    (-1, "label got row number -1; row numbers are 0 to 9."),
    ([0, 10], "label got row number 10; row numbers are 0 to 9."),
    ([3, 8, 1, 8], "label got index 8 twice (positions 1 and 3); give each row once."),
    (True, "label got booleans for row numbers; write np.flatnonzero(mask)."),
    ([True, False], "label got booleans for row numbers; write np.flatnonzero(mask)."),
    ([1, True], "label got booleans for row numbers; write np.flatnonzero(mask)."),
    (np.array([True]), "label got booleans for row numbers; write np.flatnonzero(mask)."),
    (1.0, "label got floats for row numbers; write idx.astype(int) if they are whole."),
    ([1, 2.0], "label got floats for row numbers; write idx.astype(int) if they are whole."),
    (np.array([1.0]), "label got floats for row numbers; write idx.astype(int)"),
    ([[1, 2]], "label got row numbers of shape (1, 2); write them in one dimension."),
    (np.array([[1], [2]]), "label got row numbers of shape (2, 1); write them in one dimension."),
    ("a", "label got text for row numbers; write integers, which pool.numbers(ids) gives for ids."),
    (["a", 1], "label got text for row numbers; write integers, which pool.numbers(ids) gives"),
    ([[1, 2], [3]], "label got a list for row numbers; write integers in one dimension."),
    (None, "label got a NoneType for row numbers; write integers in one dimension."),
    (np.array([1], dtype=object), "label got a ndarray for row numbers; write integers"),
    (2**70, "a row number is an integer of at most 64 bits."),
]


@pytest.mark.parametrize(("idx", "text"), ROW_NUMBERS_REFUSED)
def test_what_are_no_distinct_row_numbers_is_refused_in_words(idx, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        check_row_numbers(idx, 10, who="label")


def test_a_pool_without_rows_has_no_row_numbers():
    with pytest.raises(ValueError, match="label got row number 0; there are no rows"):
        check_row_numbers(0, 0, who="label")
    assert check_row_numbers([], 0, who="label").tolist() == []


@needs_pandas
def test_a_boolean_series_is_refused_as_a_mask():
    for dtype in ("bool", "boolean"):
        with pytest.raises(ValueError, match=r"write np\.flatnonzero\(mask\)"):
            check_row_numbers(pd.Series([True, False], dtype=dtype), 2, who="label")
