"""Labels: parse against a naive twin, every container, and the refusals by their text."""

import array
import importlib
import importlib.util
import math
import re
from collections import deque
from enum import Enum, IntEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning

from skactive.data.frames import is_pandas
from skactive.data.labels import (
    check_order,
    decode,
    encode,
    fill,
    merge_dtype,
    missing_mask,
    named_classes,
    parse,
    resolve_missing_label,
    sorted_classes,
    to_array,
)

NAN = float("nan")


def optional(name):
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


pd, pl = optional("pandas"), optional("polars")
needs_pandas = pytest.mark.skipif(pd is None, reason="pandas is not installed")
needs_polars = pytest.mark.skipif(pl is None, reason="polars is not installed")


# The twin: one element after the other, types looked at with type() alone


def naive_missing(value, missing_label):
    if value is None or (type(value) is float and math.isnan(value)):
        return True
    if missing_label is None or (type(value) is bool and type(missing_label) is not bool):
        return False
    return isinstance(value, str) == isinstance(missing_label, str) and value == missing_label


def naive_parse(values, missing_label):
    """The labels by row, in the one type that they have in common."""
    known = {i: v for i, v in enumerate(values) if not naive_missing(v, missing_label)}
    types = {type(v) for v in known.values()}
    common = next((t for t in (str, float, int, bool) if t in types), None)
    return {i: common(v) for i, v in known.items()}


def as_dict(values, known):
    """What parse returned, as the twin returns it."""
    return dict(zip(np.flatnonzero(known).tolist(), values[known].tolist(), strict=True))


def same(a, b):
    """Equal, and of equal types: True is not 1 and 1 is not 1.0."""
    return a == b and all(type(a[i]) is type(b[i]) for i in a)


INTS = st.integers(-3, 10**6)
FLOATS = st.floats(-1e9, 1e9)
NO_LABELS = ("-1", "none", "", "nan", "NaN", "NaT")
TEXTS = st.text(max_size=3).filter(lambda text: text.strip() not in NO_LABELS)
LABELS = [INTS, FLOATS, st.booleans(), TEXTS, INTS | FLOATS, INTS | st.booleans()]
MISSING = {None: [None, NAN], -1: [None, NAN, -1, -1.0], "none": [None, NAN, "none"]}


@st.composite
def label_lists(draw, missing=(None, -1, "none")):
    """A list of labels with missing ones mixed in, and the missing label."""
    missing_label = draw(st.sampled_from(missing))
    label = draw(st.sampled_from(LABELS))
    values = draw(st.lists(label | st.sampled_from(MISSING[missing_label]), max_size=12))
    return values, missing_label


def containers(values):
    """The same values in each container that can hold them."""
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    yield values
    yield tuple(values)
    yield objects
    if pd is not None:
        yield pd.Series(objects, index=[f"row {i}" for i in range(len(values))][::-1])
        yield pd.Index(objects)


@given(label_lists())
def test_parse_of_a_list_is_the_naive_dict_in_every_container(case):
    values, missing_label = case
    expected = naive_parse(values, missing_label)
    for y in containers(values):
        assert same(as_dict(*parse(y, missing_label=missing_label)), expected)


@given(label_lists())
def test_the_mask_is_the_naive_one(case):
    values, missing_label = case
    expected = [naive_missing(value, missing_label) for value in values]
    assert missing_mask(to_array(values), missing_label).tolist() == expected


@given(label_lists(), st.sampled_from([None, -1, "none"]))
def test_fill_then_parse_gives_the_labels_back(case, hole):
    values, missing_label = case
    labels, known = parse(values, missing_label=missing_label)
    if missing_mask(labels, hole)[known].any():  # a label that means "missing" under the hole
        return
    full = fill(labels, known, hole)
    again, still_known = parse(full, missing_label=hole)
    assert still_known.tolist() == known.tolist()
    assert again[known].tolist() == labels[known].tolist()


@given(label_lists())
def test_fill_holds_the_missing_label_exactly_where_no_label_is(case):
    values, missing_label = case
    labels, known = parse(values, missing_label=missing_label)
    full = fill(labels, known, missing_label)
    assert missing_mask(full, missing_label).tolist() == (~known).tolist()
    assert full[known].tolist() == labels[known].tolist()
    assert not np.shares_memory(full, labels)


@given(st.sampled_from(LABELS).flatmap(lambda label: st.lists(label, min_size=1)))
def test_encode_gives_positions_among_sorted_classes_and_decode_inverts_it(values):
    labels, _ = parse(values, missing_label=None)
    classes = sorted_classes(labels)
    assert classes.tolist() == sorted(set(labels.tolist()))
    codes = encode(labels, classes)
    assert codes.dtype == np.intp
    assert codes.tolist() == [classes.tolist().index(label) for label in labels.tolist()]
    assert decode(codes, classes).tolist() == labels.tolist()
    assert decode(codes, classes).dtype == labels.dtype
    others = encode(labels, classes[1:])
    assert others.tolist() == [code - 1 for code in codes.tolist()]


# Dtypes


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint64"])
def test_an_integer_array_keeps_its_dtype(dtype):
    y = np.array([3, 0, 7], dtype=dtype)
    values, known = parse(y, missing_label=0)
    assert values.dtype == np.dtype(dtype)
    assert (values.tolist(), known.tolist()) == ([3, 0, 7], [True, False, True])


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        ([2, None, -1], "int64"),
        ([0, 1, NAN], "int64"),
        ([True, -1, False], "bool"),
        ([True, 3], "int64"),
        ([1, 2.5, None], "float64"),
        (np.array([1, np.nan], dtype=np.float32), "float32"),
        (np.array(["a", "bcd"]), "<U3"),
        (["a", "bcd"], "object"),
        (["a", None], "object"),
        ([None, -1], "object"),
        ([], "object"),
        (np.array([-1, -1], dtype=np.int16), "int16"),
        (np.array([np.nan]), "float64"),
        (np.array(["none"]), "<U4"),
    ],
)
def test_values_have_the_natural_dtype_of_the_known_labels(y, dtype):
    assert parse(y, missing_label=-1)[0].dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    "y", [np.array([1, -1]), np.array([1.0, np.nan]), np.array([True]), np.array(["a"])]
)
def test_parse_never_shares_memory_and_never_writes(y):
    before = y.copy()
    values, _ = parse(y, missing_label=-1)
    assert not np.shares_memory(values, y)
    np.testing.assert_array_equal(y, before)


@pytest.mark.parametrize(
    ("y", "filler"),
    [([5, -1], 0), ([0.5, NAN], 0.0), ([True, None], False), (["a", None], "")],
)
def test_unknown_positions_hold_a_filler_of_the_same_kind(y, filler):
    values, known = parse(y, missing_label=-1)
    assert known.tolist() == [True, False]
    assert values[1] == filler


def test_integers_beyond_float64_stay_distinct_beside_missing_ones():
    big = 2**53
    assert parse([big, big + 1, None], missing_label=-1)[0].tolist()[:2] == [big, big + 1]


@pytest.mark.parametrize(
    ("values", "hole", "expected", "dtype"),
    [
        ([1, 0, 2], -1, [1, -1, 2], "int64"),
        (np.array([1, 0, 2], dtype=np.int8), -1, [1, -1, 2], "int8"),
        (np.array([1, 0, 200], dtype=np.uint8), -1, [1, -1, 200], "int16"),
        (np.array([1, 0, 2], dtype=np.uint64), -1, [1, -1, 2], "int64"),
        (np.array([1, 0, 2], dtype=np.int8), -999, [1, -999, 2], "int16"),
        (np.array([1, 0, 2], dtype=np.int8), 0.5, [1, 0.5, 2], "float64"),
        ([0.5, 0.0, 2.0], -1, [0.5, -1, 2], "float64"),
        (np.array([0.5, 0, 2], dtype=np.float32), -1, [0.5, -1, 2], "float32"),
        (["a", "", "b"], "none", ["a", "none", "b"], "object"),
        (np.array(["a", "", "b"]), "none", ["a", "none", "b"], "<U4"),
        (np.array(["a", "", "b"]), -1, ["a", -1, "b"], "object"),
        (["a", "", "b"], None, ["a", None, "b"], "object"),
        ([True, False, True], -1, [True, -1, True], "object"),
        ([True, False, True], None, [True, None, True], "object"),
        ([1, 0, 2], "none", [1, "none", 2], "object"),
    ],
)
def test_fill_widens_only_where_the_missing_label_asks_for_it(values, hole, expected, dtype):
    values = to_array(values)
    full = fill(values, np.array([True, False, True]), hole)
    assert (full.tolist(), full.dtype) == (expected, np.dtype(dtype))


def test_fill_writes_nan_among_numbers_where_only_nan_is_missing():
    full = fill(np.array([4, 0]), np.array([True, False]), None)
    assert full[0] == 4.0
    assert math.isnan(full[1])


def test_fill_of_known_labels_is_a_copy_in_the_same_dtype():
    values = np.array([1, 2], dtype=np.uint8)
    full = fill(values, np.array([True, True]), None)
    assert (full.tolist(), full.dtype) == ([1, 2], np.dtype(np.uint8))
    assert not np.shares_memory(full, values)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("bool", "bool", "bool"),
        ("bool", "int64", "int64"),
        ("int8", "int64", "int64"),
        ("uint64", "int64", "int64"),
        ("uint64", "bool", "uint64"),
        ("int64", "float64", "float64"),
        ("float32", "bool", "float32"),
        ("<U3", "<U3", "<U3"),
        ("<U3", "<U5", "object"),
        ("<U3", "object", "object"),
        ("object", "object", "object"),
    ],
)
def test_merged_dtypes_hold_both_either_way_round(a, b, expected):
    for one, other in ((a, b), (b, a)):
        assert merge_dtype(np.dtype(one), np.dtype(other)) == np.dtype(expected)


@pytest.mark.parametrize("text", ["object", "<U3"])
@pytest.mark.parametrize("number", ["bool", "int64", "float64"])
def test_text_does_not_merge_with_numbers(text, number):
    with pytest.raises(ValueError, match="labels so far are numbers, got text; write"):
        merge_dtype(np.dtype(number), np.dtype(text))
    with pytest.raises(ValueError, match="labels so far are text, got numbers; write"):
        merge_dtype(np.dtype(text), np.dtype(number))


@pytest.mark.parametrize(
    ("values", "classes", "codes"),
    [
        (np.array(["b", "z"]), np.array(["a", "b"], dtype=object), [1, -1]),
        (np.array(["b", "long"], dtype=object), np.array(["a", "b"]), [1, -1]),
        (np.array(["b", "long"]), np.array(["a", "b"]), [1, -1]),
        (np.array(["1"]), np.array([1]), [-1]),
        (np.array([1]), np.array(["1"], dtype=object), [-1]),
        (np.array([True, False]), np.array([0, 1]), [1, 0]),
        (np.array([1.0, 0.5]), np.array([0, 1]), [1, -1]),
        (np.array([2**53 + 1]), np.array([2**53], dtype=np.uint64), [-1]),
        (np.array([2**53 + 1]), np.array([2**53, 2**53 + 1], dtype=np.uint64), [1]),
        (np.array([1]), np.array([], dtype=int), [-1]),
        (np.array([], dtype=int), np.array([1]), []),
    ],
)
def test_encode_compares_meanings_across_dtypes(values, classes, codes):
    assert encode(values, classes).tolist() == codes


def test_decode_refuses_a_code_that_names_no_class():
    with pytest.raises(ValueError, match=r"code -1 names no class; codes are 0 to 1\."):
        decode(np.array([0, -1]), np.array([3, 7]))


# Containers


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (3, [3]),
        (True, [True]),
        (0.5, [0.5]),
        ("a", ["a"]),
        (None, [None]),
        (np.int8(3), [3]),
        (np.array(3), [3]),
        (range(3), [0, 1, 2]),
        ([np.array(3), np.array(4)], [3, 4]),
        (array.array("i", [3, 4]), [3, 4]),
        (["neg", -1, "pos"], ["neg", -1, "pos"]),
        ([True, -1], [True, -1]),
        ([0, 1.5, None], [0, 1.5, None]),
    ],
)
def test_to_array_keeps_each_value_as_it_is(y, expected):
    values = to_array(y).tolist()
    assert values == expected
    assert list(map(type, values)) == list(map(type, expected))


def test_a_long_list_of_numbers_becomes_a_numeric_array():
    assert to_array(list(range(10_000))).dtype == np.int64


class ArrayLike:
    """An object with __array__ and nothing else."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


def test_objects_with_an_array_interface_are_read():
    assert to_array(ArrayLike([3, -1])).tolist() == [3, -1]


@pytest.mark.skipif(
    not hasattr(getattr(np, "dtypes", None), "StringDType"), reason="numpy has no such text yet"
)
def test_variable_width_text_of_numpy_is_text():
    y = np.array(["a", "none"], dtype=np.dtypes.StringDType())
    assert as_dict(*parse(y, missing_label="none")) == {0: "a"}


def test_a_masked_value_is_missing():
    y = np.ma.array([3, 4], mask=[False, True])
    values, known = parse(y, missing_label=-1)
    assert (as_dict(values, known), values.dtype) == ({0: 3}, np.int64)


@pytest.mark.parametrize("y", [np.array([[3], [-1]]), [[3], [-1]], np.array([["a"], [None]])])
def test_a_column_is_ravelled_with_the_warning_of_scikit_learn(y):
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d"):
        values = to_array(y)
    assert values.tolist() == np.array(y).ravel().tolist()


PANDAS = [
    (lambda: pd.Series([3, None, 5], dtype="Int64"), {0: 3, 2: 5}),
    (lambda: pd.Series([3, 4], dtype="Int8"), {0: 3, 1: 4}),
    (lambda: pd.Series([True, None], dtype="boolean"), {0: True}),
    (lambda: pd.Series([True, False], dtype="boolean"), {0: True, 1: False}),
    (lambda: pd.Series([0.5, None], dtype="Float64"), {0: 0.5}),
    (lambda: pd.Series(["a", None], dtype="string"), {0: "a"}),
    (lambda: pd.Series(["a", None]), {0: "a"}),
    (lambda: pd.Series(["a", None], dtype=object), {0: "a"}),
    (lambda: pd.Series(["a", "b"]), {0: "a", 1: "b"}),
    (lambda: pd.Categorical([3, None, 5]), {0: 3, 2: 5}),
    (lambda: pd.Series(pd.Categorical(["b", None, "a"])), {0: "b", 2: "a"}),
    (lambda: pd.CategoricalIndex([True, None]), {0: True}),
    (lambda: pd.Series(pd.Categorical([3, 5])), {0: 3, 1: 5}),
    (lambda: pd.Index([3, -1]), {0: 3}),
    (lambda: pd.array([3, None], dtype="Int64"), {0: 3}),
    (lambda: [3, pd.NA, pd.NaT, -1], {0: 3}),
    (lambda: pd.NA, {}),
]


@needs_pandas
@pytest.mark.parametrize(("make", "expected"), PANDAS)
def test_pandas_labels_keep_their_type_beside_missing_ones(make, expected):
    assert same(as_dict(*parse(make(), missing_label=-1)), expected)


@needs_pandas
def test_a_frame_of_one_column_is_a_column():
    y = pd.DataFrame({"dtype": pd.array([3, None], dtype="Int64")})
    with pytest.warns(DataConversionWarning):
        values, known = parse(y, missing_label=-1)
    assert same(as_dict(values, known), {0: 3})


POLARS = [
    (lambda: pl.Series([3, None]), {0: 3}),
    (lambda: pl.Series([3, -1], dtype=pl.Int8), {0: 3}),
    (lambda: pl.Series([True, None]), {0: True}),
    (lambda: pl.Series([True, False]), {0: True, 1: False}),
    (lambda: pl.Series([0.5, None, NAN]), {0: 0.5}),
    (lambda: pl.Series(["a", None]), {0: "a"}),
    (lambda: pl.Series(["b", None, "a"], dtype=pl.Categorical), {0: "b", 2: "a"}),
    (lambda: pl.Series(["a", None], dtype=pl.Enum(["z", "a"])), {0: "a"}),
    (lambda: pl.Series([None, None]), {}),
]


@needs_polars
@pytest.mark.parametrize(("make", "expected"), POLARS)
def test_polars_labels_keep_their_type_beside_missing_ones(make, expected):
    assert same(as_dict(*parse(make(), missing_label=-1)), expected)


@needs_pandas
def test_types_are_recognised_through_their_bases():
    assert is_pandas(type("Own", (pd.Series,), {})())
    assert not is_pandas(np.eye(2))
    own = type("NAType", (), {"__module__": "pandas._libs.missing"})()
    with pytest.raises(
        ValueError, match=r"y holds .* of type NAType in row .; labels are integers"
    ):
        parse([1, own], missing_label=-1)
    own = type("Series", (), {"__module__": "pandas", "__array__": lambda self, *_: np.eye(2)[0]})
    assert same(as_dict(*parse(own(), missing_label=0)), {0: 1.0})


# The missing label


@pytest.mark.parametrize(
    ("given_", "regression", "expected"),
    [
        ("auto", False, -1),
        ("auto", True, None),
        (None, False, None),
        (NAN, False, None),
        (np.float32("nan"), True, None),
        (-1, True, -1),
        (0, False, 0),
        (-999.5, True, -999.5),
        ("unlabelled", False, "unlabelled"),
        (np.int64(-1), False, -1),
    ],
)
def test_the_missing_label_resolves(given_, regression, expected):
    assert resolve_missing_label(given_, regression=regression) == expected


@needs_pandas
def test_pandas_na_resolves_to_none():
    assert resolve_missing_label(pd.NA, regression=False) is None


@pytest.mark.parametrize("wrong", [True, [-1], np.array(-1), 1j, b"x", object])
def test_another_kind_of_missing_label_is_refused(wrong):
    with pytest.raises(TypeError, match=r'missing_label is .*; write "auto", None, or one integer'):
        resolve_missing_label(wrong, regression=False)


@pytest.mark.parametrize(
    ("y", "missing_label", "expected"),
    [
        ([True, False, 1, 0], 1, [False, False, True, False]),
        (np.array([True, False]), 1, [False, False]),
        ([0.0, -0.0, 1.0], 0, [True, True, False]),
        (["-1", -1], -1, [False, True]),
        (np.array(["-1", "a"]), -1, [False, False]),
        (np.array(["-1", "a"]), "-1", [True, False]),
        (np.array([255, 1], dtype=np.uint8), -1, [False, False]),
        (np.array([3, 4]), "3", [False, False]),
        ([3, "3"], np.str_("3"), [False, True]),
        (np.array([3.0, 4.0]), np.int64(3), [True, False]),
    ],
)
def test_a_missing_label_equals_only_its_own_kind(y, missing_label, expected):
    assert missing_mask(to_array(y), missing_label).tolist() == expected


# Refusals


REFUSED = [
    (["a", 1], ValueError, "y mixes text with numbers ('a' in row 0, 1 in row 1)"),
    (["a", True], ValueError, "y mixes text with numbers ('a' in row 0, True in row 1)"),
    (
        [1j],
        ValueError,
        "y holds 1j of type complex in row 0; labels are integers, floats, booleans or text",
    ),
    (
        ["a", {"b"}],
        ValueError,
        "labels are integers, floats, booleans or text, and sets of them where a row has several, "
        "in a Pool(X, multilabel=True, classes=[...]).",
    ),
    (np.array([1j]), ValueError, "y holds values of dtype complex128; labels are integers"),
    (np.array(["2020"], dtype="M8[D]"), ValueError, "y holds values of dtype datetime64[D]"),
    ([b"a"], ValueError, "y holds b'a' of type bytes"),
    (np.array([b"a"]), ValueError, "y holds values of dtype |S1"),
    ([[1, 2], [3]], ValueError, "y holds [1, 2] of type list"),
    ([1.0, math.inf], ValueError, "y contains infinity in row 1;"),
    (np.array([-math.inf]), ValueError, "y contains infinity"),
    ([2**63], ValueError, "y holds an integer beyond the range of int64"),
    ([2**64, 1], ValueError, "y holds an integer beyond the range of int64"),
    (np.array([2**63], dtype=np.uint64), ValueError, "y holds an integer beyond the range"),
    (np.zeros((3, 2)), ValueError, "y has shape (3, 2); write one label per row"),
    ([[1, 2]], ValueError, "y has shape (1, 2)"),
    (np.zeros((2, 1, 1)), ValueError, "y has shape (2, 1, 1)"),
    ({0: 1}, TypeError, "y is a dict; write an array, a list or a Series of labels."),
    ({1}, TypeError, "y is a set; write"),
    (deque([1]), TypeError, "y is a deque; write"),
    ((i for i in [1]), TypeError, "y is a generator; write"),
    (
        np.array(["a", np.nan]),
        ValueError,
        'y holds the text "nan" in row 1; unlabelled rows are NaN or',
    ),
    (["-1", "a"], ValueError, 'y holds the text "-1" in row 0; unlabelled rows are the number -1'),
    (np.array(["neg", -1]), ValueError, 'if "-1" is a class, name it in classes=.'),
]


@pytest.mark.parametrize(("y", "error", "text"), REFUSED, ids=[case[2][:40] for case in REFUSED])
def test_what_holds_no_labels_is_refused_in_words(y, error, text):
    with pytest.raises(error, match=re.escape(text)):
        parse(y, missing_label=-1)


def test_the_missing_label_as_text_is_a_class_where_classes_names_it():
    values, known = parse(np.array(["-1", "a"]), missing_label=-1, classes=["a", "-1"])
    assert (values.tolist(), known.tolist()) == (["-1", "a"], [True, True])


def test_the_missing_label_as_text_is_refused_as_such_where_classes_names_others():
    with pytest.raises(ValueError, match='y holds the text "-1" in row 0; unlabelled rows are the'):
        parse(np.array(["-1", "a"]), missing_label=-1, classes=["a", "b"])


def test_the_missing_label_as_text_is_a_class_where_the_missing_label_is_another():
    assert parse(["-1", "a"], missing_label=None)[0].tolist() == ["-1", "a"]
    with pytest.raises(ValueError, match='y holds the text "-999" in row 0; unlabelled rows are'):
        parse(np.array(["-999", "a"]), missing_label=-999)


def test_labels_outside_the_classes_are_refused_and_five_are_shown():
    with pytest.raises(ValueError) as refusal:
        parse([0, 9, 8, 7, 9, 6, 5, 4, 3, -1], missing_label=-1, classes=[1, 0])
    assert str(refusal.value) == (
        "y holds 9, 8, 7, 6, 5 and 2 more, the first in row 1, which classes= does not name; the "
        "classes are [0, 1]."
    )


def test_labels_of_another_kind_than_the_classes_are_refused():
    with pytest.raises(
        ValueError, match=r"y holds 'a' in row 0, which .* the classes are \[0, 1\]\."
    ):
        parse(["a", None], missing_label=-1, classes=(0, 1))


def test_labels_among_the_classes_and_missing_ones_pass():
    values, known = parse(["b", -1, "a"], missing_label=-1, classes=np.array(["a", "b", "c"]))
    assert as_dict(values, known) == {0: "b", 2: "a"}


def test_five_labels_and_twenty_classes_are_shown_in_full():
    with pytest.raises(ValueError) as refusal:
        parse(range(-5, 0), missing_label=None, classes=range(20))
    classes = ", ".join(map(str, range(20)))
    assert str(refusal.value) == (
        f"y holds -5, -4, -3, -2, -1, the first in row 0, which classes= does not name; the "
        f"classes are [{classes}]."
    )


def test_a_refused_label_is_named_by_its_row_and_beside_the_class_that_was_meant():
    with pytest.raises(ValueError) as refusal:
        parse(
            ["fine", "Fine "],
            missing_label=-1,
            classes=["complaint", "fine"],
            rows=np.array([7, 812]),
        )
    assert str(refusal.value) == (
        "y holds 'Fine ' in row 812, which classes= does not name; the classes are ['complaint', "
        "'fine']; write 'fine' for 'Fine '."
    )
    with pytest.raises(ValueError, match=r"'fine'\]\.$"):
        parse(["spam"], missing_label=-1, classes=["complaint", "fine"])


class Colour(str, Enum):  # noqa: UP042
    """Prints itself by its name."""

    RED, GREEN = "r", "g"


class Level(IntEnum):
    """Numbers with names."""

    LOW, HIGH = 1, 2


def test_members_of_an_enum_are_the_text_or_the_number_that_they_are():
    for y in ([Colour.RED, "g", None], pd.Series([Colour.RED, "g", None], dtype=object)):
        values, known = parse(y, missing_label=-1)
        assert as_dict(values, known) == {0: "r", 1: "g"}
        assert {type(value) for value in values[known]} == {str}
    assert parse([Colour.RED, "g"], missing_label=Colour.RED)[1].tolist() == [False, True]
    assert to_array(list(Colour)).tolist() == ["r", "g"]
    assert [type(each) for each in to_array(list(Colour))] == [str, str]
    values, _ = parse(list(Level), missing_label=-1)
    assert (values.tolist(), values.dtype.kind) == ([1, 2], "i")


@pytest.mark.parametrize("text", ["", "  ", "None", "<NA>", "nan", "NaN", "NaT", "nan "])
def test_what_libraries_write_for_no_label_is_no_class_unless_it_is_named(text):
    for y in (["a", text], np.array(["a", text]), pd.Series(["a", text], dtype="str")):
        with pytest.raises(ValueError, match=f'y holds the text "{text}" in row 1; unlabelled'):
            parse(y, missing_label=-1)
        assert parse(y, missing_label=-1, classes=["a", text])[0].tolist() == ["a", text]
        assert parse(y, missing_label=text)[1].tolist() == [True, False]


@pytest.mark.parametrize(
    ("dtype", "cast"), [("uint8", 255), ("uint16", 65535), ("uint32", 2**32 - 1)]
)
def test_minus_one_that_was_cast_to_unsigned_integers_is_refused(dtype, cast):
    y = np.array([0, -1, 1]).astype(dtype)
    text = f"y is {dtype} and holds {cast} in row 1, which -1 becomes there; give integers with a"
    with pytest.raises(ValueError, match=text):
        parse(y, missing_label=-1)
    assert parse(y, missing_label=-1, classes=[0, 1, cast])[1].all()
    assert parse(y, missing_label=None)[1].all()  # where -1 is no missing label, it is a class
    assert parse(y.astype("int64"), missing_label=-1)[1].all()


def test_many_classes_are_not_all_shown():
    with pytest.raises(ValueError, match=r"17, 18, 19, \.\.\. \(1000 in all\)\]"):
        parse([-5], missing_label=-1, classes=range(1000))


@pytest.mark.parametrize(
    ("classes", "missing_label", "expected"),
    [([2, 0, 2], -1, [0, 2]), (("b", "-1"), -1, ["-1", "b"]), (range(-1, 1), None, [-1, 0])],
)
def test_classes_are_named_in_any_order(classes, missing_label, expected):
    assert named_classes(classes, missing_label=missing_label).tolist() == expected


@pytest.mark.parametrize(
    ("classes", "missing_label", "text"),
    [
        ([1, -1], -1, "classes= names -1, which stands for no label; leave it out, or give"),
        (["a", None], None, "classes= names None, which stands for no label"),
        (["a", "none"], "none", "classes= names 'none', which stands for no label"),
        (["a", 1], -1, "mixes text with numbers ('a' in row 0, 1 in row 1)"),
        ("ab", -1, "classes is the text 'ab'; write a list of labels."),
    ],
)
def test_classes_that_are_no_labels_are_refused(classes, missing_label, text):
    with pytest.raises((ValueError, TypeError), match=re.escape(text)):
        named_classes(classes, missing_label=missing_label)


# The order of a pandas y


ROWS = ["a", "b", "c"]
WRITE = r"write y\.loc\[rows\.index\], or y\.to_numpy\(\) if they are in the right order"


@needs_pandas
def test_a_pandas_y_in_another_order_than_the_rows_is_refused():
    y = pd.Series([0, 1, 2], index=["c", "a", "b"])
    with pytest.raises(ValueError, match=rf"teach got labels in another order .* {WRITE}"):
        check_order(y, pd.Index(ROWS), who="teach")
    with pytest.raises(ValueError, match=WRITE):
        check_order(y.to_frame(), pd.Index(ROWS), who="teach")


@needs_pandas
@pytest.mark.parametrize(
    ("own", "rows", "first"),
    [
        (range(25, 45), range(20, 40), "40"),
        (["a", "b", "x"], ROWS, "'x'"),
        (["x", "a", "a"], ROWS, "'x'"),
    ],
)
def test_labels_of_only_some_of_the_rows_by_their_index_are_refused(own, rows, first):
    for y in (pd.Series(range(len(own)), index=own), pd.DataFrame({"y": 0}, index=own)):
        with pytest.raises(
            ValueError,
            match=rf"^fit got labels of other rows, by the index of y: it has {first}, which that "
            rf"of the rows has not; give those of rows.index, or write y.to_numpy\(\) if",
        ):
            check_order(y, pd.Index(rows), who="fit")
    with pytest.raises(ValueError, match=r"weights of other rows, .* write weights\.to_numpy"):
        check_order(y, pd.Index(rows), who="fit", name="weights")


@needs_pandas
@pytest.mark.parametrize(
    ("own", "rows"),
    [
        (range(3), [2, 7, 9]),  # the index that pandas gives stands for positions
        ([2, 7, 9], range(3)),
        ([2, 7, 9], [0, 1, 2]),
        ([0, 1, 2], [2, 7, 9]),
        ([5, 2, 9], [1, 2, 3]),  # scaled rows and their labels, cut by cross-validation
        ([2, 4, 5], [1, 2, 3]),
        ([1, 2, 3], [2, 4, 5]),
        (["x", "y", "z"], ROWS),  # none of the rows: another key
        ([1, 2, 3], ["1", "2", "3"]),
    ],
)
def test_an_index_of_positions_or_of_another_kind_says_nothing_of_which_rows(own, rows):
    check_order(pd.Series([0, 1, 2], index=own), pd.Index(rows), who="fit")


@needs_pandas
def test_repeated_index_labels_count_as_often_as_they_occur():
    index = pd.Index(["a", "a", "b"])
    with pytest.raises(ValueError, match=WRITE):
        check_order(pd.Series([0, 1, 2], index=["a", "b", "a"]), index, who="fit")
    check_order(pd.Series([0, 1, 2], index=["b", "b", "a"]), index, who="fit")


@needs_pandas
@pytest.mark.parametrize(
    "y",
    [
        lambda: pd.Series([0, 1, 2], index=ROWS),
        lambda: pd.Series([0, 1, 2], index=pd.Index(ROWS, dtype=object)),
        lambda: pd.Series([0, 1, 2]),
        lambda: pd.Series([0, 1], index=["b", "a"]),
        lambda: pd.Categorical(["x", "y", "z"]),
        lambda: pd.Index(["c", "b", "a"]),
        lambda: np.array([0, 1, 2]),
        lambda: [0, 1, 2],
    ],
)
def test_a_y_in_order_or_with_other_labels_passes(y):
    check_order(y(), pd.Index(ROWS), who="fit")


@needs_pandas
def test_row_numbers_are_held_against_an_integer_index():
    numbers = np.array([2, 0, 1])
    write = r"write y\.loc\[indices\], or y\.to_numpy\(\)"
    with pytest.raises(ValueError, match=write):
        check_order(pd.Series([0, 1, 2], index=[0, 1, 2][::-1]), numbers, who="teach")
    with pytest.raises(ValueError, match=write):  # not the default index, though 0, 1, 2 as well
        check_order(pd.Series([0, 1, 2], index=np.array([0, 1, 2])), numbers, who="teach")
    with pytest.raises(ValueError, match=write):
        check_order(pd.Series([0, 1], index=pd.RangeIndex(0, 4, 2)), np.array([2, 0]), who="teach")
    check_order(pd.Series([0, 1, 2], index=[2, 0, 1]), numbers, who="teach")
    check_order(pd.Series([0, 1, 2]), numbers, who="teach")
    check_order(pd.Series([0, 1, 2], index=[5, 6, 7]), numbers, who="teach")
    check_order(pd.Series([0, 1, 2], index=ROWS), numbers, who="teach")


def test_text_scalars_of_numpy_become_plain_text():
    values, _ = parse([np.str_("a"), None], missing_label=None)
    assert type(values[0]) is str
