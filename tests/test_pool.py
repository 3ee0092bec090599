"""The pool: what it holds and says, what it refuses by the text, and what it costs."""

import copy
import importlib
import importlib.util
import pickle
import re
import time
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from snapshot import unchanged

from skactive import Pool

NAN = float("nan")


def optional(name):
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


pd, pl = optional("pandas"), optional("polars")
needs_pandas = pytest.mark.skipif(pd is None, reason="pandas is not installed")
needs_polars = pytest.mark.skipif(pl is None, reason="polars is not installed")


def rows(n, start=0):
    return np.arange(2.0 * start, 2.0 * (start + n)).reshape(n, 2)


def mixed():
    """Rows 0 and 1 are labelled, 2 is reserved for Ada, 3 for nobody in particular, 4 skipped."""
    pool = Pool(rows(8), missing_label=-1)
    pool.label([0, 1], [5, 7])
    pool.reserve(2, "Ada")
    pool.reserve(3)
    pool.skip(4)
    return pool


# What it is made of


@pytest.mark.parametrize(
    ("y", "labeled", "labels", "dtype"),
    [
        ([2, -1, 0], [0, 2], [2, 0], "int64"),
        ([2, None, NAN], [0], [2], "int64"),
        (np.array([2, -1, 0], dtype=np.int8), [0, 2], [2, 0], "int8"),
        (np.array([2.5, NAN, NAN]), [0], [2.5], "float64"),
        (np.array([2.5, NAN, 0.5], dtype=np.float32), [0, 2], [2.5, 0.5], "float32"),
        ([True, -1, False], [0, 2], [True, False], "bool"),
        (np.array([True, False, True]), [0, 1, 2], [True, False, True], "bool"),
        (["neg", -1, "pos"], [0, 2], ["neg", "pos"], "object"),
        (np.array(["neg", "?", "pos"]), [0, 1, 2], ["neg", "?", "pos"], "object"),
        (np.array(["neg", None, -1], dtype=object), [0], ["neg"], "object"),
        ([None, None, None], [], [], None),
        ([-1, -1, -1], [], [], None),
        (None, [], [], None),
    ],
)
def test_every_kind_of_y_says_who_is_labelled_and_keeps_its_dtype(y, labeled, labels, dtype):
    pool = Pool(rows(3), y)
    assert pool.labeled.tolist() == labeled
    assert pool.unlabeled.tolist() == [row for row in range(3) if row not in labeled]
    assert pool.y_labeled.tolist() == labels
    assert list(map(type, pool.y_labeled.tolist())) == list(map(type, labels))
    assert dtype is None or pool.y_labeled.dtype == dtype
    filled = dict(zip(labeled, labels, strict=True))
    assert pool.y.tolist() == [filled.get(row, -1) for row in range(3)]


@needs_pandas
@pytest.mark.parametrize(
    ("values", "dtype", "labels"),
    [
        ([2, None, None], "Int64", [2]),
        ([0.5, None, 2], "Float64", [0.5, 2.0]),
        ([True, None, False], "boolean", [True, False]),
        (["a", None, "b"], "string", ["a", "b"]),
        (["b", None, "a"], "category", ["b", "a"]),
        ([3, -1, 1], "category", [3, 1]),
        ([2, -1, 0], "int16", [2, 0]),
        (["a", -1, "b"], "object", ["a", "b"]),
    ],
)
def test_pandas_labels_of_every_kind(values, dtype, labels):
    pool = Pool(rows(3), pd.Series(values, dtype=dtype))
    assert pool.y_labeled.tolist() == labels
    pool = Pool(rows(4))
    pool.label([3, 0, 2], pd.Series(values, dtype=dtype))
    assert sorted(pool.y_labeled.tolist()) == sorted(labels)
    assert pool.n_skipped == 3 - len(labels)


@needs_polars
@pytest.mark.parametrize(
    ("values", "dtype", "labels"),
    [
        ([2, None, None], "Int32", [2]),
        ([0.5, None, 2.0], "Float64", [0.5, 2.0]),
        ([True, None, False], "Boolean", [True, False]),
        (["a", None, "b"], "String", ["a", "b"]),
        (["b", None, "a"], "Categorical", ["b", "a"]),
    ],
)
def test_polars_labels_of_every_kind(values, dtype, labels):
    y = pl.Series(values, dtype=getattr(pl, dtype))
    assert Pool(rows(3), y).y_labeled.tolist() == labels
    pool = Pool(pl.DataFrame({"a": [0, 1, 2]}))
    pool.label([0, 1, 2], y)
    assert pool.y_labeled.tolist() == labels


TWO_BLANKS = (
    'y holds -1 in row {} and {} in row {}, of which by default both mean "not labelled"; write '
    "missing_label=None if -1 is a class, and None in place of -1 if it is not."
)


@pytest.mark.parametrize(
    ("y", "rows_and_blank"),
    [
        ([1, None, -1, 1], (2, None, 1)),
        ([-1.0, 1.0, NAN, NAN], (0, "nan", 2)),
        (np.array([1, 1, -1, NAN], dtype=np.float32), (2, "nan", 3)),
        (np.array([None, True, -1, False], dtype=object), (2, None, 0)),
        ([None, -1, None, -1], (1, None, 0)),
    ],
)
def test_numbers_with_two_ways_to_write_that_there_is_no_label_are_refused(y, rows_and_blank):
    text = re.escape(TWO_BLANKS.format(*rows_and_blank))
    with pytest.raises(ValueError, match=text):
        Pool(rows(4), y)
    pool = Pool(rows(4))
    with unchanged(pool), pytest.raises(ValueError, match=text):
        pool.extend(rows(4), y)
    pool.label([0, 1, 2, 3], y)  # as if each was answered by itself
    assert (pool.n_labeled, pool.n_labeled + pool.n_skipped) == (
        sum(m in (1, True, False) for m in y),
        4,
    )
    meant = [value in (True, 1) or value is False for value in y]
    for options in ({"missing_label": -1}, {"classes": [0, 1]}):
        assert Pool(rows(4), y, **options).labeled_mask.tolist() == meant
    assert Pool(rows(4), y, missing_label=None).n_labeled == meant.count(True) + list(y).count(-1)


def test_a_loaded_pool_refuses_the_same_two_ways_and_one_that_was_told_takes_them(tmp_path):
    for given in ("auto", -1):
        Pool(rows(3), [0, -1, -1], missing_label=given).save(tmp_path / "pool.npz")
        pool = Pool.load(tmp_path / "pool.npz", rows(3))
        assert pool.missing_label == -1
        if given == -1:
            pool.label([1, 2], [-1, None])
            assert pool.n_skipped == 2
        else:
            with pytest.raises(ValueError, match="write missing_label=None if -1 is a class"):
                pool.extend(rows(2), [-1, None])


def test_beside_text_minus_one_is_no_label_as_none_is():
    assert Pool(rows(4), ["a", -1, None, NAN]).y_labeled.tolist() == ["a"]


def test_for_regression_minus_one_is_a_value_and_nan_is_none():
    pool = Pool(rows(3), [-1, NAN, 2], missing_label=None)
    assert pool.y_labeled.tolist() == [-1, 2]
    np.testing.assert_array_equal(pool.y, [-1, np.nan, 2])


def test_another_missing_label_is_honoured():
    pool = Pool(rows(3), ["?", "a", None], missing_label="?")
    assert pool.y.tolist() == ["?", "a", "?"]
    pool.label(0, "?")
    assert pool.skipped.tolist() == [0]


@pytest.mark.parametrize("missing", [-1, None])
def test_without_labels_y_is_as_long_as_the_rows_and_holds_only_the_missing_label(missing):
    y = Pool(rows(3), missing_label=missing).y
    np.testing.assert_array_equal(y, [-1] * 3 if missing else [np.nan] * 3)


def test_labels_of_a_wider_kind_keep_those_so_far():
    pool = Pool(rows(4), [True, -1, -1, -1])
    pool.label(1, 3)
    assert pool.y_labeled.tolist() == [1, 3]
    assert pool.y_labeled.dtype.kind == "i"
    pool.label(2, 0.5)
    assert pool.y_labeled.tolist() == [1.0, 3.0, 0.5]


def test_when_no_label_is_left_another_kind_of_labels_may_come():
    pool = Pool(rows(2), [1, -1])
    pool.unlabel(0)
    pool.label(1, "a")
    assert pool.y.tolist() == [-1, "a"]
    pool.undo(2)
    assert pool.y.tolist() == [1, -1]
    assert pool.y.dtype == np.int64


def test_y_is_neither_kept_nor_handed_out():
    y = np.array([3, -1, 4])
    pool = Pool(rows(3), y)
    y[:] = 9
    pool.y[:] = 9
    pool.y_labeled[:] = 9
    assert pool.y.tolist() == [3, -1, 4]
    idx = np.array([1])
    pool.label(idx, y[:1])
    idx[0] = 0
    assert pool.history[-1].rows.tolist() == [1]


@pytest.mark.parametrize("state", ["labeled", "reserved", "skipped"])
def test_what_the_pool_keeps_sorted_cannot_be_written_to(state):
    for pool in (mixed(), pickle.loads(pickle.dumps(mixed()))):
        with pytest.raises(ValueError, match="read-only"):
            getattr(pool, state)[0] = 6
    with pytest.raises(TypeError):
        mixed().reservations[7] = "Ada"


# The rows


def memmap(folder, n=8):
    X = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=float, shape=(n, 2))
    X[:] = rows(n)
    X.flush()
    return np.load(folder / "X.npy", mmap_mode="r")


CONTAINERS = {
    "array": lambda folder: rows(8),
    "Fortran order": lambda folder: np.asfortranarray(rows(8)),
    "images": lambda folder: rows(8).reshape(8, 2, 1),
    "memmap": memmap,
    "csr": lambda folder: sp.csr_matrix(rows(8)),
    "csc": lambda folder: sp.csc_array(rows(8)),
    "texts": lambda folder: [f"text {i}" for i in range(8)],
    "rows in a list": lambda folder: rows(8).tolist(),
    "pandas": lambda folder: pd.DataFrame(rows(8), columns=["a", "b"], index=list("hgfedcba")),
    "pandas texts": lambda folder: pd.Series([f"text {i}" for i in range(8)]),
    "polars": lambda folder: pl.DataFrame(rows(8), schema=["a", "b"]),
}
MARKS = {"pandas": needs_pandas, "pandas texts": needs_pandas, "polars": needs_polars}


def freeze(X):
    """Make read-only what can be."""
    parts = (X.data, X.indices, X.indptr) if sp.issparse(X) else (X,)
    for array in parts:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return X


def spelled(X):
    """Rows as nested lists, whatever holds them."""
    if isinstance(X, list):
        return X
    if sp.issparse(X):
        return X.toarray().tolist()
    return X.to_numpy().tolist() if hasattr(X, "to_numpy") else X.tolist()


@pytest.mark.parametrize("kind", [pytest.param(k, marks=MARKS.get(k, ())) for k in CONTAINERS])
def test_rows_are_never_copied_never_written_to_and_taken_by_position(kind, tmp_path):
    X = freeze(CONTAINERS[kind](tmp_path))
    expected = spelled(X)
    pool = Pool(X, [4, -1, 3, -1, -1, -1, -1, -1])
    pool.label([6, 1], [2, 3])
    pool.skip(5)
    pool.reserve(3, "Ada")
    pool.undo()
    pool.save(tmp_path / "pool.npz")
    for same in (pool, Pool.load(tmp_path / "pool.npz", X)):
        assert same.X is X
        assert type(same.X_labeled) is (np.ndarray if isinstance(X, np.memmap) else type(X))
        assert spelled(same.X_labeled) == [expected[row] for row in (0, 1, 2, 6)]
        assert spelled(same.X_unlabeled) == [expected[row] for row in (3, 4, 7)]
    assert spelled(X) == expected


def test_a_matrix_without_a_way_to_its_rows_is_refused_with_the_conversion():
    with pytest.raises(TypeError, match=r"coo format.*write X\.tocsr\(\)"):
        Pool(sp.coo_matrix(rows(3)))


@pytest.mark.parametrize("kind", [pytest.param(k, marks=MARKS.get(k, ())) for k in CONTAINERS])
def test_added_rows_are_kept_as_they_are_and_numbered_on(kind, tmp_path):
    X = CONTAINERS[kind](tmp_path)
    expected = spelled(X)
    more, most = Pool(X).rows.take([6, 1, 0]), Pool(X).rows.take([7])
    pool = Pool(X, [4] + 7 * [-1])
    assert pool.extend(more, [-1, 5, -1]).tolist() == [8, 9, 10]
    assert pool.extend(most).tolist() == [11]
    assert pool.rows.parts[0] is X
    assert pool.rows.parts[1] is more
    assert pool.rows.parts[2] is most
    assert len(pool) == 12
    assert pool.y.tolist() == [4] + 8 * [-1] + [5, -1, -1]
    assert spelled(pool.X) == [expected[row] for row in [*range(8), 6, 1, 0, 7]]
    assert spelled(pool.X_labeled) == [expected[0], expected[1]]
    pool.label([11, 3], [6, 7])
    assert pool.y_labeled.tolist() == [4, 7, 5, 6]
    assert spelled(pool.X_labeled) == [expected[row] for row in (0, 3, 1, 7)]


def test_added_rows_that_are_none_change_nothing():
    X = rows(3)
    pool = Pool(X)
    with unchanged(pool):
        assert pool.extend(X[:0]).tolist() == []
        assert pool.extend(X[:0], []).tolist() == []
    assert pool.X is X


@needs_pandas
def test_columns_of_added_rows_come_in_the_order_of_the_pools():
    pool = Pool(pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    pool.extend(pd.DataFrame({"b": [6], "a": [5]}), [1])
    assert pool.X_labeled.to_dict("list") == {"a": [5], "b": [6]}


def test_thousands_of_small_additions_stay_cheap():
    pool = Pool(rows(2))
    for i in range(2000):
        pool.extend(rows(1, start=2 + i), [i % 3])
    assert pool.y.tolist() == [-1, -1, *(i % 3 for i in range(2000))]
    assert pool.X_labeled.tolist() == rows(2000, start=2).tolist()


# What changes it


def test_a_labelled_row_takes_the_same_label_again_without_an_entry():
    pool = mixed()
    with unchanged(pool):
        pool.label([1, 0], [7, 5])
        pool.label(0, 5.0)
        pool.label([], [])
        pool.label([], [], annotator="Ada")
    pool.label([1, 0], [7, 5], annotator="Ada")  # who is named has said so as well, but once
    assert pool.y.tolist() == mixed().y.tolist()
    with unchanged(pool):
        pool.label([0, 1], [5, 7], annotator="Ada")


def test_only_what_changes_is_in_the_history():
    pool = mixed()
    pool.label([5, 1, 0], [1, 7, 5])
    assert pool.history[-1].rows.tolist() == [5]
    pool.reserve([2, 6], "Ada")
    assert pool.history[-1].rows.tolist() == [6]
    pool.skip([4, 7])
    assert pool.history[-1].rows.tolist() == [7]


def test_another_label_or_none_needs_relabel():
    pool = mixed()
    pool.label([0, 1], [6, -1], relabel=True)
    assert pool.y.tolist() == [6] + 7 * [-1]
    assert pool.skipped.tolist() == [4]
    assert pool.unlabeled.tolist() == [1, 5, 6, 7]


def test_the_missing_label_skips_what_has_none():
    pool = mixed()
    pool.label([2, 3, 4, 5], [-1, None, NAN, 9])
    assert pool.skipped.tolist() == [2, 3, 4]
    assert pool.y.tolist() == [5, 7, -1, -1, -1, 9, -1, -1]
    assert dict(pool.reservations) == {}


def test_a_label_ends_a_reservation_and_a_skip():
    pool = mixed()
    pool.label([2, 4], [8, 9])
    assert pool.labeled.tolist() == [0, 1, 2, 4]
    assert pool.reserved.tolist() == [3]
    assert dict(pool.reservations) == {3: (None,)}


@pytest.mark.parametrize("idx", [6, np.int64(6), np.array(6), [6], (6,), np.array([6], np.uint8)])
@pytest.mark.parametrize("y", [3, np.int64(3), [3], np.array([3])])
def test_one_row_and_one_label_may_be_scalars(idx, y):
    pool = mixed()
    pool.label(idx, y)
    assert pool.y[6] == 3
    assert pool.n_labeled == 3


def test_names_say_for_whom_and_release_what_is_theirs():
    pool = Pool(rows(6))
    pool.reserve([4, 1], "Ada")
    pool.reserve([2], name="Ben")
    pool.reserve(0)
    pool.reserve([4, 0], "Ben")  # beside the others
    held = {4: ("Ada", "Ben"), 1: ("Ada",), 2: ("Ben",), 0: (None, "Ben")}
    assert dict(pool.reservations) == held
    pool.release(name="Ada")
    assert pool.history[-1].rows.tolist() == [1, 4]
    assert dict(pool.reservations) == {4: ("Ben",), 2: ("Ben",), 0: (None, "Ben")}
    pool.release([0, 4])
    assert pool.reserved.tolist() == [2]
    assert pool.unlabeled.tolist() == [0, 1, 3, 4, 5]


def test_a_reservation_ends_with_the_label_of_whom_it_is_for():
    pool = Pool(rows(4))
    pool.reserve([0, 1, 2], "Ada")
    pool.reserve([0, 1], "Ben")
    with unchanged(pool), pytest.raises(ValueError, match="row 2 by annotator='Ben', which is res"):
        pool.label([0, 2], [1, 1], annotator="Ben")
    pool.label([0], [1], annotator="Ben")
    pool.label([1], [1])  # nobody in particular: for all
    pool.reserve(3)
    pool.label(3, 1, annotator="Cleo")  # who is among those for whom it was
    assert dict(pool.reservations) == {0: ("Ada",), 2: ("Ada",)}
    assert (pool.labeled.tolist(), pool.reserved.tolist()) == ([0, 1, 3], [2])


def test_who_cannot_tell_says_so_once():
    pool = Pool(rows(2))
    for name in (None, None, "Ada", "Ada"):
        pool.label(0, None, annotator=name)
    assert [op.annotator for op in pool.history[1:]] == [None, "Ada"]


def test_rows_labelled_lately_count_where_they_were_labelled_last():
    pool = Pool(rows(6), [0, 1, None, None, None, None])
    pool.label([2, 3], [0, 1])
    pool.decide([2], [1])
    pool.label([4, 5], [0, None])
    pool.label([1], [0], relabel=True)
    pool.label([0], [1], relabel=True)
    pool.undo()
    assert pool.labeled_lately(0, None).tolist() == [1, 4, 2, 3, 0]
    assert pool.labeled_lately(0, 4).tolist() == [1, 4, 2, 3]
    assert pool.labeled_lately(0, 1).tolist() == [1]
    assert pool.labeled_lately(2, None).tolist() == pool.labeled_lately(2, 9).tolist() == [1, 4, 2]


def test_skipped_rows_come_back_by_restore():
    pool = mixed()
    pool.restore(4)
    assert pool.unlabeled.tolist() == [4, 5, 6, 7]


def test_undo_reverts_the_last_operations_that_are_not_undone_yet():
    pool = Pool(rows(4), [-1, 3, -1, -1])
    pool.label(0, 1)
    pool.label([0, 2], [2, 5], relabel=True)
    pool.reserve(3, "Ada")
    pool.release(3)
    pool.undo(2)
    assert pool.n_reserved == 0
    pool.undo()
    assert pool.y.tolist() == [1, 3, -1, -1]
    pool.undo()
    assert pool.y.tolist() == [-1, 3, -1, -1]
    assert [op.undone for op in pool.history[-3:]] == [(4, 3), (2,), (1,)]


def test_undo_brings_back_reservations_with_their_names():
    pool = Pool(rows(3))
    pool.reserve([0, 1], "Ada")
    pool.release([0])
    pool.reserve([0], "Ben")
    pool.label([0, 1], [3, 4])
    pool.undo()
    assert dict(pool.reservations) == {0: ("Ben",), 1: ("Ada",)}
    pool.undo(2)
    assert dict(pool.reservations) == {0: ("Ada",), 1: ("Ada",)}


def test_undo_brings_back_the_dtype_of_the_labels():
    pool = Pool(rows(3), [True, False, -1])
    pool.label(2, 0.5)
    pool.undo()
    assert pool.y_labeled.dtype == bool
    pool = Pool(rows(3))
    pool.label(2, 0.5)
    pool.undo()
    assert pool.y.dtype == Pool(rows(3)).y.dtype


def taken_back(*labels):
    """Ada labelled row 0 and took it back; the others are labelled by Ben since."""
    pool = Pool(rows(4))
    pool.label(0, labels[0], annotator="Ada")
    pool.label(0, -1, relabel=True, annotator="Ada")
    for row, label in enumerate(labels[1:], 1):
        pool.label(row, label, annotator="Ben")
    return pool


@pytest.mark.parametrize("labels", [("a", 3), (3, "a")])
def test_undo_brings_no_text_back_beside_numbers(labels, tmp_path):
    pool = taken_back(*labels)
    text = "undo got n=1, but it brings text back beside numbers; undo what came since, or unlabel"
    with unchanged(pool), pytest.raises(ValueError, match=text):
        pool.undo(annotator="Ada")
    pool.unlabel([1])
    pool.undo(annotator="Ada")
    assert pool.y.tolist() == [labels[0], -1, -1, -1]
    pool.save(tmp_path / "pool.npz")
    assert Pool.load(tmp_path / "pool.npz", rows(4)).y.tolist() == pool.y.tolist()
    pool.label(2, labels[0])  # of the kind that there is now
    with pytest.raises(ValueError, match="labels so far are"):
        pool.label(3, labels[1])


def test_undo_by_a_person_rounds_no_label_that_it_brings_back(tmp_path):
    pool = taken_back(0.5, 3, 0.25)
    assert pool.y_labeled.dtype == float
    pool.undo(annotator="Ada")
    assert pool.y.tolist() == [0.5, 3, 0.25, -1]
    pool.undo(annotator="Ben")  # with it goes the fraction by which numbers were floats
    assert pool.y.tolist() == [0.5, 3, -1, -1]
    pool.save(tmp_path / "pool.npz")
    for same in (pool, copy.deepcopy(pool), Pool.load(tmp_path / "pool.npz", rows(4))):
        assert same.y.tolist() == [0.5, 3, -1, -1]
        assert same.history[-1].labels_before.dtype == float
        same.undo(annotator="Ada")
        assert same.y.tolist() == [-1, 3, -1, -1]


def test_positions_among_the_unlabeled_become_row_numbers():
    pool = mixed()
    assert pool.to_dataset([2, 0]).tolist() == [7, 5]
    assert pool.to_dataset(1).tolist() == [6]
    assert pool.X[pool.to_dataset([2])].tolist() == pool.X_unlabeled[[2]].tolist()


def test_named_classes_are_sorted_and_others_refused():
    pool = Pool(rows(4), classes=["b", "a", "b"])
    assert pool.classes.tolist() == ["a", "b"]
    pool.label(0, "b")
    pool.name_classes(["c", "b"])
    pool.label(1, "c")
    with (
        unchanged(pool),
        pytest.raises(ValueError, match=r"y holds 'a' in row ., which classes= does not"),
    ):
        pool.label([2, 3], ["c", "a"])
    with (
        unchanged(pool),
        pytest.raises(ValueError, match=r"y holds 'b' in row ., which classes= does not"),
    ):
        pool.name_classes(["c", "d"])


def test_a_copy_goes_its_own_way():
    pool = mixed()
    for other in (copy.deepcopy(pool), pickle.loads(pickle.dumps(pool))):
        with unchanged(pool):
            other.label([2, 6], [1, 2])
            other.extend(rows(2))
        assert other.labeled.tolist() == [0, 1, 2, 6]
        assert len(other) == 10


# The history


def test_the_history_says_what_happened_by_whom_and_when():
    began = time.time()
    pool = Pool(rows(3), [5, -1, -1], missing_label=-1)
    pool.label([2, 0], [6, 7], relabel=True, annotator="Ada")
    pool.label([0, 1], [-1, None], relabel=True)
    pool.extend(rows(2), [-1, 8], annotator="Ben")
    ended = time.time()
    fit, label, unlabel, extend = pool.history
    assert (fit.kind, fit.rows.tolist(), fit.before, fit.after) == ("fit", [0], [None], [5])
    assert (fit.n_added, fit.annotator) == (3, None)
    assert (label.kind, label.rows.tolist(), label.annotator) == ("label", [2, 0], "Ada")
    assert (label.before, label.after, label.n_added) == ([None, 5], [6, 7], 0)
    assert (unlabel.before, unlabel.after) == ([7, None], [None, None])
    assert unlabel.states_after.tolist() == [0, 3]
    assert (extend.kind, extend.rows.tolist(), extend.n_added) == ("extend", [4], 2)
    assert (extend.after, extend.annotator) == ([8], "Ben")
    times = [op.time for op in pool.history]
    assert began <= times[0]
    assert times == sorted(times)
    assert times[-1] <= ended
    assert repr(label) == "<label: 2 rows by Ada>"
    assert repr(fit) == "<fit: 1 rows>"


def test_reservations_are_in_the_history_with_their_names():
    pool = Pool(rows(3))
    pool.reserve([2, 0], "Ada")
    pool.label([0], [1])
    reserve, label = pool.history[1:]
    assert (reserve.names_before, reserve.names_after) == (None, (("Ada",), ("Ada",)))
    assert (label.names_before, label.names_after) == ((("Ada",),), None)


def test_the_history_cannot_be_changed():
    pool = mixed()
    with pytest.raises(AttributeError):
        pool.history[1].kind = "fit"
    with pytest.raises(TypeError):
        pool.history[1] = pool.history[0]
    for same in (pool, pickle.loads(pickle.dumps(Pool(rows(3), [5, -1, -1])))):
        op = same.history[0]
        with unchanged(same), pytest.raises(ValueError, match="read-only"):
            op.rows[:] = 2
        with unchanged(same):
            for array in (op.states_after, op.labels_after):
                if array is not None:
                    array[:] = 2
    assert pool.since(3) == list(pool.history[3:])


# Display


def test_repr_and_html_show_the_counts():
    pool = mixed()
    assert repr(pool) == "Pool(8 rows: 2 labelled, 3 unlabelled, 2 reserved, 1 skipped)"
    page = re.sub(r"\s+", " ", pool._repr_html_())
    cells = dict(
        zip(re.findall("<th>(.*?)</th>", page), re.findall("<td>(.*?)</td>", page), strict=True)
    )
    assert cells == {"labelled": "2", "reserved": "2", "skipped": "1", "unlabelled": "3"}
    assert "Pool of 8 rows" in page
    assert "<td>1,200</td>" in Pool(rows(1200))._repr_html_()


# Refusals: by their text, and nothing has changed


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda p: p.label([5, 5], [1, 1]), "label got index 5 twice (positions 0 and 1)"),
        (lambda p: p.label([-1], [1]), "label got row number -1; row numbers are 0 to 7."),
        (lambda p: p.label([8], [1]), "label got row number 8; row numbers are 0 to 7."),
        (lambda p: p.label(p.unlabeled_mask, 1), "label got booleans for row numbers; write"),
        (lambda p: p.label([True], [1]), "label got booleans for row numbers; write"),
        (lambda p: p.label([5.0], [1]), "label got floats for row numbers; write"),
        (lambda p: p.label("5", 1), "label got text for row numbers; write"),
        (lambda p: p.label(None, 1), "label got a NoneType for row numbers; write"),
        (lambda p: p.label([[5]], [1]), "label got row numbers of shape (1, 1); write"),
        (lambda p: p.label([5, 6], [1]), "label got 1 labels for 2 rows; give one for each row."),
        (lambda p: p.label([5, 6], 1), "label got 1 labels for 2 rows; give one for each row."),
        (lambda p: p.label(5, [1, 2]), "label got 2 labels for 1 rows; give one for each row."),
        (
            lambda p: p.label([5, 1], [1, 8]),
            "label got the label 8 for row 1, which is labelled 7; to change it, pass relabel=",
        ),
        (
            lambda p: p.label([5, 1], [1, -1]),
            "label got the missing label for row 1, which is labelled 7; to change it, pass",
        ),
        (lambda p: p.label(5, "a"), "labels so far are numbers, got text; write labels of one"),
        (
            lambda p: p.label([5, 6], [1, "a"]),
            "y mixes text with numbers ('a' in row 6, 1 in row 5)",
        ),
        (lambda p: p.label([5, 6], [1, np.inf]), "y contains infinity in row 6;"),
        (lambda p: p.label([5, 6], [[1, 2], [1, 2]]), "y has shape (2, 2); write one label per"),
        (lambda p: p.unlabel([0, 2]), "unlabel got row 2, which is reserved; it takes rows that"),
        (lambda p: p.unlabel([5]), "unlabel got row 5, which is unlabeled; it takes rows that are"),
        (
            lambda p: p.skip([5, 1]),
            "skip got row 1, which is labeled; it takes rows that are unlab",
        ),
        (lambda p: p.restore([4, 5]), "restore got row 5, which is unlabeled; it takes rows that"),
        (
            lambda p: p.reserve([5, 0]),
            "reserve got row 0, which is labeled; it takes rows that are",
        ),
        (
            lambda p: p.reserve([5, 4]),
            "reserve got row 4, which is skipped; it takes rows that are",
        ),
        (
            lambda p: p.reserve([5, 0]),
            "reserve got row 0, which is labeled; it takes rows that are unlabeled or reserved.",
        ),
        (
            lambda p: p.label([5, 2], [1, 1], annotator="Ben"),
            "label got row 2 by annotator='Ben', which is reserved for 'Ada'; release it first, or "
            "reserve it for 'Ben' too.",
        ),
        (
            lambda p: p.decide([5, 0], [1, -1]),
            "decide got the missing label for row 0; a decision is a label, and unlabel(rows)",
        ),
        (lambda p: p.release([2, 5]), "release got row 5, which is unlabeled; it takes rows that"),
        (lambda p: p.release(), "release takes either row numbers or name=, not both or neither."),
        (lambda p: p.release([2], name="Ada"), "release takes either row numbers or name=, not"),
        (lambda p: p.release(name="Ben"), "release got name='Ben', but no row is reserved for it."),
        (lambda p: p.extend(rows(1)[:, :1]), "extend: X has 1 column, the pool has 2."),
        (lambda p: p.extend(rows(1)[0]), "extend: X has 1 dimension, the pool has 2; for a single"),
        (
            lambda p: p.extend(rows(2), [1]),
            "extend got 1 labels for 2 rows; give one for each row.",
        ),
        (lambda p: p.extend(rows(1), ["a"]), "labels so far are numbers, got text; write labels"),
        (lambda p: p.extend([["a", "b"]]), "extend: X has dtype <U1, the pool float64; write"),
        (lambda p: p.undo(0), "undo got n=0; give a whole number of at least 1."),
        (lambda p: p.undo(-1), "undo got n=-1; give a whole number of at least 1."),
        (lambda p: p.undo(True), "undo got n=True; give a whole number of at least 1."),
        (lambda p: p.undo(1.0), "undo got n=1.0; give a whole number of at least 1."),
        (lambda p: p.undo(5), "undo got n=5, but 4 operations can be undone."),
        (lambda p: p.to_dataset([3]), "to_dataset got row number 3; row numbers are 0 to 2."),
        (lambda p: p.to_dataset([-1]), "to_dataset got row number -1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_text_and_changes_nothing(call, text):
    pool = mixed()
    with unchanged(pool), pytest.raises(ValueError, match=re.escape(text)):
        call(pool)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda p: p.label(5, {"a": 1}), "y is a dict; write an array, a list or a Series"),
        (lambda p: p.label(5, 1, annotator=3), "label got the name 3 of type int; give text"),
        (
            lambda p: p.reserve(5, ("Ada",)),
            "reserve got the name ('Ada',) of type tuple; give text",
        ),
        (lambda p: p.extend(rows(1), annotator=b"a"), "extend got the name b'a' of type bytes"),
        (lambda p: p.extend({"a": [1]}), "extend got a dict for X; write"),
    ],
)
def test_the_wrong_kind_of_object_is_refused_by_its_text_and_changes_nothing(call, text):
    pool = mixed()
    with unchanged(pool), pytest.raises(TypeError, match=re.escape(text)):
        call(pool)


def test_rows_stay_once_they_are_in():
    pool = mixed()
    pool.extend(rows(1))
    pool.label(8, 1)
    text = "undo got n=2, but the rows added 2 operations ago stay; unlabel or skip them instead."
    for n in (2, 4):
        with unchanged(pool), pytest.raises(ValueError, match=text.replace("n=2", f"n={n}")):
            pool.undo(n)
    pool.undo()
    with pytest.raises(ValueError, match="undo got n=1, but the rows added 1 operation ago stay"):
        pool.undo()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"X": np.zeros((0, 2))}, "X has no rows; give at least one."),
        ({"X": []}, "X has no rows; give at least one."),
        ({"y": [1, 2]}, "the pool got 2 labels for 3 rows; give one for each row."),
        ({"y": [NAN] * 3}, "y is NaN throughout; for a pool without labels write y=None."),
        ({"y": np.full(3, np.nan)}, "y is NaN throughout; for a pool without labels write y=None."),
        ({"y": np.array(["a", "-1", "b"])}, 'y holds the text "-1" in row 1; unlabelled rows are'),
        ({"y": ["a", 1, -1]}, "y mixes text with numbers"),
        (
            {"y": [[1], [1, 2], [3]]},
            "y holds [1] of type list in row 0; labels are integers, floats",
        ),
        (
            {"y": [1, 2, 3], "classes": [1, 2]},
            "y holds 3 in row 2, which classes= does not name; the class",
        ),
        ({"classes": [-1, 1]}, "classes= names -1, which stands for no label; leave it out"),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused_by_its_text(arguments, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        Pool(**{"X": rows(3), **arguments})


# The order of a pandas y


@needs_pandas
def test_labels_in_another_order_than_the_rows_are_refused_by_their_index():
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0]}, index=["x", "y", "z"])
    y = pd.Series([5, 6, 7], index=["x", "y", "z"])
    with pytest.raises(ValueError, match="the pool got labels in another order than the rows"):
        Pool(X, y[::-1])
    assert Pool(X, y).y.tolist() == [5, 6, 7]
    assert Pool(X, y[::-1].to_numpy()).y.tolist() == [7, 6, 5]
    assert Pool(X, y.reset_index(drop=True)).y.tolist() == [5, 6, 7]
    assert Pool(X.to_numpy(), y[::-1]).y.tolist() == [7, 6, 5]


@needs_pandas
def test_taught_labels_in_another_order_than_the_frames_rows_are_refused():
    pool = Pool(pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]}, index=["w", "x", "y", "z"]))
    y = pd.Series({"z": 1, "x": 2})
    text = r"label got labels in another order than the rows, by the index of y; write y\.loc\["
    with unchanged(pool), pytest.raises(ValueError, match=text):
        pool.label([1, 3], y)
    pool.label([3, 1], y)
    assert pool.y.tolist() == [-1, 2, -1, 1]


@needs_pandas
def test_taught_labels_in_another_order_than_the_row_numbers_are_refused():
    pool = Pool(rows(4))
    y = pd.Series({3: 1, 1: 2})
    with (
        unchanged(pool),
        pytest.raises(ValueError, match=r"another order.*write y\.loc\[indices\]"),
    ):
        pool.label([1, 3], y)
    pool.label([3, 1], y)
    assert pool.y.tolist() == [-1, 2, -1, 1]
    pool.label([0, 2], pd.Series([8, 9]))  # pandas' default index says nothing of an order
    assert pool.y.tolist() == [8, 2, 9, 1]


@needs_pandas
def test_labels_whose_index_is_that_of_some_of_the_rows_are_refused_and_nothing_changes():
    X, y = pd.DataFrame({"a": np.arange(60.0)}), pd.Series(np.arange(60) % 3)
    with pytest.raises(ValueError, match=r"the pool got labels of other rows.*: it has 40, which"):
        Pool(X[20:40], y[25:45])
    pool = Pool(X[20:40])
    with unchanged(pool), pytest.raises(ValueError, match="label got labels of other rows"):
        pool.label([3, 4], y[24:26])
    with unchanged(pool), pytest.raises(ValueError, match="extend got labels of other rows"):
        pool.extend(X[30:40], y[31:41])
    pool.label([3, 4], y[23:25])
    assert pool.y[[3, 4]].tolist() == [23 % 3, 24 % 3]


@needs_pandas
def test_where_either_index_is_the_default_labels_go_by_position():
    order = [5, 0, 17, 2, 40, 3]
    y = pd.Series([10, 11, 12, 13, 14, 15], index=order)  # as of a split that shuffles
    X = pd.DataFrame({"a": np.zeros(6)})  # scaled, say: its index is pandas' own again
    assert Pool(X, y).y.tolist() == y.tolist()
    assert Pool(X.set_axis(order), y.reset_index(drop=True)).y.tolist() == y.tolist()
    for pool in (Pool(X), Pool(X.to_numpy())):
        pool.label([5, 3, 2], y.iloc[[5, 3, 2]])  # 3, 2 and 17 by their index
        pool.label([1, 0], pd.Series([8, 9]))
        assert pool.y.tolist() == [9, 8, 12, 13, -1, 15]


@needs_pandas
def test_labels_of_added_rows_in_another_order_are_refused():
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0]}, index=[4, 7, 9])
    pool = Pool(X)
    with unchanged(pool), pytest.raises(ValueError, match="extend got labels in another order"):
        pool.extend(X, pd.Series([1, 2, 3], index=[9, 7, 4]))
    pool.extend(X + 1, pd.Series([1, 2, 3], index=[4, 7, 9]))
    with unchanged(pool), pytest.raises(ValueError, match="label got labels in another order"):
        pool.label([1, 2], pd.Series([1, 2], index=[9, 7]))


# Alone


def test_a_pool_alone_keeps_the_books_around_a_bare_estimator():
    from sklearn.datasets import load_iris
    from sklearn.naive_bayes import GaussianNB

    X, truth = load_iris(return_X_y=True)
    pool = Pool(X)
    pool.label([0, 1, 50, 51, 100, 101], truth[[0, 1, 50, 51, 100, 101]])
    model = GaussianNB()
    known = [0, 1, 50, 51, 100, 101]  # the plain script's own books
    for _ in range(5):
        model.fit(pool.X_labeled, pool.y_labeled)
        plain = GaussianNB().fit(X[sorted(known)], truth[sorted(known)])
        np.testing.assert_array_equal(model.theta_, plain.theta_)
        doubt = 1 - model.predict_proba(pool.X_unlabeled).max(axis=1)
        idx = pool.to_dataset(np.argsort(doubt)[-4:])
        assert not set(idx.tolist()) & set(known)
        pool.label(idx, truth[idx])
        known += idx.tolist()
    assert pool.y[sorted(known)].tolist() == truth[sorted(known)].tolist()
    assert pool.n_labeled == 26


# Cost

MILLION = 1_000_000


def peak_of(call):
    """Bytes that a call holds at most beyond what there was."""
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    call()
    return tracemalloc.get_traced_memory()[1] - before


@pytest.fixture
def traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


LARGE = {
    "array": lambda: np.zeros((MILLION, 1), dtype=np.int8),
    "pandas": lambda: pd.DataFrame({"a": np.zeros(MILLION, dtype=np.int8)}),
}


@pytest.mark.once
@pytest.mark.parametrize("kind", [pytest.param(k, marks=MARKS.get(k, ())) for k in LARGE])
@pytest.mark.parametrize("labels", [[0, 1], ["neg", "pos"]], ids=["numbers", "text"])
def test_single_changes_of_a_million_rows_do_no_work_that_grows_with_the_pool(kind, labels, traced):
    pool = Pool(LARGE[kind]())
    pool.label(MILLION - 1, labels[0])  # from here on there is a column of labels,
    assert (len(pool.labeled), len(pool.skipped), len(pool.reserved)) == (1, 0, 0)  # and an index
    # One bit for each row would be 125 kB.
    peaks = []
    for i in range(200):
        row = i * 997
        peaks.append(peak_of(lambda row=row, i=i: pool.label(row, labels[i % 2])))
        assert peak_of(lambda: pool.labeled) < 50_000 + 40 * pool.n_labeled
        assert peak_of(lambda: pool.y_labeled) < 50_000 + 40 * pool.n_labeled
        if i % 10 == 0:
            peaks.append(peak_of(lambda row=row: pool.skip(row + 1)))
            peaks.append(peak_of(lambda row=row: pool.reserve(row + 2, "Ada")))
            peaks.append(peak_of(lambda row=row: pool.release(row + 2)))
            peaks.append(peak_of(lambda row=row: pool.unlabel(row)))
            peaks.append(peak_of(lambda: pool.undo()))
            peaks.append(peak_of(lambda: (pool.n_labeled, pool.n_unlabeled, repr(pool))))
            assert peak_of(lambda: (pool.skipped, pool.reserved)) < 50_000 + 40 * pool.n_skipped
    assert max(peaks) < 50_000
    assert pool.n_labeled == 201
    assert pool.labeled.tolist() == [*range(0, 199_400, 997), MILLION - 1]
    assert pool.y_labeled.tolist() == [labels[i % 2] for i in range(200)] + [labels[0]]


def test_a_pool_over_a_memmap_is_pickled_without_its_rows(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=float, shape=(1000, 500))
    X[:, 0] = np.arange(1000)
    X.flush()
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    pool = Pool(X)
    pool.label([7, 3], [1, 2])
    pickled = pickle.dumps(pool)
    assert len(pickled) < 30_000  # the rows are 4 MB
    other = pickle.loads(pickled)
    assert isinstance(other.X, np.memmap)
    assert other.X_labeled[:, 0].tolist() == [3, 7]
    np.testing.assert_array_equal(other.X, X)


def test_integers_that_a_float_would_round_are_refused_beside_floats():
    large = 2**53 + 1
    pool = Pool([[0.0], [1.0], [2.0], [3.0]])
    pool.label([0, 1], [large, 7])
    for call in (pool.label, pool.decide):
        with pytest.raises(ValueError, match=f"{large} would be beside floats.*all integers"):
            call([2], [0.5])
    assert (pool.y_labeled.tolist(), pool.n_operations) == ([large, 7], 2)
    pool.undo()
    pool.label([2], [0.5])
    with pytest.raises(ValueError, match=f"{-large} would be beside floats"):
        pool.label([0], [-large])
    pool.label([0, 1], [2**53, 3])  # of which nothing is lost
    assert pool.y_labeled.tolist() == [2.0**53, 3, 0.5]


def test_an_opinion_that_does_not_count_is_not_rounded_either():
    large = 2**53 + 1
    pool = Pool([[0.0], [1.0], [2.0]], consensus="majority")
    for name, label in (("ann", 1), ("ben", 1), ("cleo", large)):
        pool.label([0], [label], annotator=name)
    with pytest.raises(ValueError, match="would be beside floats"):
        pool.label([1], [0.5])


def test_no_call_looks_through_all_that_was_ever_said(monkeypatch):
    class Kept(dict):
        def _refused(self):
            raise AssertionError("looked through")

        items = values = __iter__ = _refused

    pool = Pool(np.zeros((20, 1)))
    for row in range(8):
        pool.label([row], [row % 2])
    pool.rename_class(0, 2)
    log = pool.ledger.log
    monkeypatch.setattr(log, "details", Kept(log.details))
    monkeypatch.setattr(log, "undone", Kept(log.undone))
    pool.label([1, 8], [2, 1], relabel=True)
    assert pool.y_labeled.tolist() == [2, 2, 2, 1, 2, 1, 2, 1, 1]
    dtypes = log.dtypes
    monkeypatch.setattr(log, "dtypes", type("Dtypes", (dict,), {"values": Kept._refused})(dtypes))
    pool.undo()
    pool.undo()
    assert pool.y_labeled.tolist() == [0, 1] * 4
