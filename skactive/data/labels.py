"""Labels: which rows have one, of which natural dtype, and the codes that stand for classes.

A *resolved* missing label is `None` (only None, NaN, pandas.NA and NaT are missing) or one more
scalar that is missing too.
"""

from __future__ import annotations

import difflib
from array import array
from collections import Counter
from collections.abc import Collection, Iterable
from sys import modules
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d

from ..utils.checks import is_instance
from .frames import PANDAS, is_default_index, is_pandas
from .tensors import as_array

NUMERIC = "iuf"
_PANDAS = (*PANDAS, "pandas.Index", "pandas.api.extensions.ExtensionArray")
AUTO = "auto"  # the missing label that nobody has chosen
_TOO_LARGE = "y holds an integer beyond the range of int64; write such labels as text."
# What other libraries write where there was no label, and what that was.
_BLANKS = {
    "": "None",
    "None": "None",
    "<NA>": "pandas.NA",
    "NaT": "NaT",
    "nan": "NaN",
    "NaN": "NaN",
}
_ACCEPTED = "labels are integers, floats, booleans or text"
_IN_COLUMNS = (
    "; where a row has several, 0 or 1 for each in columns, or a set of them, in a Pool(X, y, "
    "multilabel=True)"
)
_SEVERAL = "sets of them where a row has several, in a Pool(X, multilabel=True, classes=[...])"


def resolve_missing_label(missing_label: Any, *, regression: bool) -> Any:
    """Turn the parameter `missing_label` into `None` or the one scalar that means "no label".

    "auto" is -1, and `None` for the targets of a regression.

    Examples
    --------
    >>> resolve_missing_label("auto", regression=False)
    -1
    >>> resolve_missing_label(float("nan"), regression=False) is None
    True
    """
    kind = _kind(type(missing_label))
    if is_auto(missing_label):
        return None if regression else -1
    if kind == "-" or (kind == "f" and missing_label != missing_label):
        return None
    if kind in ("i", "f", "U"):
        return missing_label
    raise TypeError(
        f"missing_label is {missing_label!r} of type {type(missing_label).__name__}; "
        'write "auto", None, or one integer, float or text.'
    )


def is_auto(missing_label: Any) -> bool:
    """Tell whether nobody has said what "no label" is."""
    return isinstance(missing_label, str) and missing_label == AUTO


def to_array(y: Any) -> np.ndarray:
    """Read any container of labels as an array of its raw values, shape (n,).

    A column is ravelled with a warning, a scalar is one label. Where text, or numbers and None, are
    mixed, it is an object array.

    Examples
    --------
    >>> to_array(["neg", -1, "pos"])
    array(['neg', -1, 'pos'], dtype=object)
    >>> to_array(3)
    array([3])
    """
    raw = raw_array(y)
    if raw.dtype.kind == "T":  # numpy's variable-width text
        raw = raw.astype(object)
    if raw.dtype.kind == "O":
        raw = _with_plain_text(raw)
    if raw.ndim == 0:
        return raw.reshape(1)
    if raw.ndim == 2 and raw.shape[1] == 1:
        return column_or_1d(raw, warn=True)
    if raw.ndim != 1:
        several = _IN_COLUMNS if raw.ndim == 2 and raw.dtype.kind != "f" else ""
        raise ValueError(
            f"y has shape {raw.shape}; write one label per row, of shape (n,){several}."
        )
    return raw


def missing_mask(values: np.ndarray, missing_label: Any) -> np.ndarray:
    """Say which raw values mean "no label"; a boolean is never equal to a number.

    Examples
    --------
    >>> missing_mask(np.array([0, -1, 1]), -1)
    array([False,  True, False])
    >>> missing_mask(np.array(["a", None, -1], dtype=object), None)
    array([False,  True, False])
    """
    kind, of_label = values.dtype.kind, _kind(type(missing_label))
    comparable = NUMERIC if of_label in NUMERIC else of_label
    if kind == "O":
        return _missingobjects(values.tolist(), missing_label, comparable)
    mask = np.isnan(values) if kind == "f" else np.zeros(len(values), dtype=bool)
    return mask | (values == missing_label) if kind in comparable else mask


def parse(
    y: Any, *, missing_label: Any, classes: Any = None, rows: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Split labels into their values, in the natural dtype of the known ones, and who is known.

    Values are booleans, integers, floats or text: an object array of str, or numpy's text as it
    came. Where nothing is known they hold 0 or "". They never share memory with y.

    The missing label is a resolved one, or "auto" for a -1 that nobody has chosen: then numbers
    with both -1 and None or NaN are refused, unless the classes are named. Refusals name the row:
    one of `rows` (an array, or `Called`), or its position in y.

    Examples
    --------
    >>> parse([2, None, -1, 0], missing_label=-1)
    (array([2, 0, 0, 0]), array([ True, False, False,  True]))
    """
    raw, is_chosen = to_array(y), not is_auto(missing_label)
    missing_label = missing_label if is_chosen else -1
    known = ~missing_mask(raw, missing_label)
    where = np.arange(len(raw)) if rows is None or len(rows) != len(raw) else rows
    values = _natural(raw, known, where)
    if not (is_chosen or known.all() or classes is not None):
        _refuse_two_blanks(raw, known, where)
    named = None if classes is None else _named(classes)
    labels, where = values[known], where[known]
    if values.dtype.kind == "f" and np.isinf(labels).any():
        row = where[np.isinf(labels).argmax()]
        raise ValueError(f"y contains infinity in row {row}; every label is a finite number.")
    _refuse_disguised(labels, where, raw.dtype, missing_label, named)
    if named is not None:
        _refuse_unnamed(labels, where, named)
    return values, known


def count_minus_ones(y: Any) -> int:
    """Count the labels that are the number -1, none of them beside text.

    Examples
    --------
    >>> count_minus_ones([-1, 0, None]), count_minus_ones([-1, "a"])
    (1, 0)
    """
    raw = to_array(y)
    return 0 if _has_text(raw) else int((missing_mask(raw, -1) & ~missing_mask(raw, None)).sum())


def merge_dtype(a: np.dtype, b: np.dtype) -> np.dtype:
    """Find the dtype that holds labels of both dtypes without changing what they mean.

    Text and numbers are refused; `a` is of the labels so far.

    Examples
    --------
    >>> merge_dtype(np.dtype(bool), np.dtype("int64"))
    dtype('int64')
    """
    a, b = np.dtype(a), np.dtype(b)
    if a == b:
        return a
    if _is_text(a) != _is_text(b):
        was, new = ("text", "numbers") if _is_text(a) else ("numbers", "text")
        raise ValueError(f"labels so far are {was}, got {new}; write labels of one kind.")
    if _is_text(a):
        return np.dtype(object)
    merged = np.promote_types(a, b)
    # uint64 with a signed integer promotes to float64; `parse` admits nothing above int64's range.
    return np.dtype(np.int64) if merged.kind == "f" and "f" not in (a.kind, b.kind) else merged


def _filled_dtype(dtype: np.dtype, hole: Any) -> np.dtype:
    """Find the dtype that holds such labels and the hole, widened only where it must be."""
    kind = _kind(type(hole))
    if dtype.kind in NUMERIC and kind in "if":
        whole = kind == "f" and dtype.kind != "f"
        return merge_dtype(dtype, np.dtype(float) if whole else np.min_scalar_type(hole))
    if dtype.kind == "U" and kind == "U":
        return np.promote_types(dtype, np.asarray(hole).dtype)
    return np.dtype(object)


def fill(values: np.ndarray, known: np.ndarray, missing_label: Any) -> np.ndarray:
    """Write labels with the missing label where there is none: NaN for `None` among numbers.

    Examples
    --------
    >>> fill(np.array([1, 0, 2]), np.array([True, False, True]), -1)
    array([ 1, -1,  2])
    >>> fill(np.array([1, 0, 2]), np.array([True, False, True]), None)
    array([ 1., nan,  2.])
    """
    return spread(values[known], known, missing_label)


def spread(labels: np.ndarray, known: np.ndarray, missing_label: Any) -> np.ndarray:
    """Give the rows in a mask their labels, and all others the missing label, as `fill` does."""
    if len(labels) == len(known):
        return labels.copy()
    hole = np.nan if missing_label is None and labels.dtype.kind in NUMERIC else missing_label
    full = np.full(len(known), hole, dtype=_filled_dtype(labels.dtype, hole))
    full[known] = labels
    return full


def encode(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Replace labels by their positions among sorted classes, -1 for those that are none of them.

    Examples
    --------
    >>> encode(np.array([7, 3, 5]), np.array([3, 7]))
    array([ 1,  0, -1])
    """
    if values.dtype.kind == "O" or classes.dtype.kind == "O":
        table = {label: code for code, label in enumerate(classes.tolist())}
        codes = (table.get(label, -1) for label in values.tolist())
        return np.fromiter(codes, dtype=np.intp, count=len(values))
    if len(classes) == 0 or _is_text(values.dtype) != _is_text(classes.dtype):
        return np.full(len(values), -1, dtype=np.intp)
    common = merge_dtype(classes.dtype, values.dtype) if values.dtype.kind != "U" else None
    if common is not None:
        values, classes = values.astype(common, copy=False), classes.astype(common, copy=False)
    codes_ = np.minimum(np.searchsorted(classes, values), len(classes) - 1)
    return np.where(classes[codes_] == values, codes_, -1)


def decode(codes: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Replace positions among the classes by the classes; the inverse of `encode`.

    Examples
    --------
    >>> decode(np.array([1, 0, 1]), np.array([3, 7]))
    array([7, 3, 7])
    """
    codes = np.asarray(codes, dtype=np.intp)
    if codes.size and codes.min() < 0:
        raise ValueError(f"code {codes.min()} names no class; codes are 0 to {len(classes) - 1}.")
    return classes[codes]


def sorted_classes(values: np.ndarray) -> np.ndarray:
    """List the distinct labels in sorted order.

    Examples
    --------
    >>> sorted_classes(np.array(["b", "a", "b"], dtype=object))
    array(['a', 'b'], dtype=object)
    """
    if values.dtype.kind == "O":  # hashing text is much faster than sorting all of it
        return objects(sorted(set(values.tolist())))
    return np.unique(values)


def named_classes(classes: Any, *, missing_label: Any) -> np.ndarray:
    """Read the labels that a user names in advance.

    Examples
    --------
    >>> named_classes([2, 0, 1], missing_label=-1)
    array([0, 1, 2])
    """
    if isinstance(classes, str):
        raise TypeError(f"classes is the text {classes!r}; write a list of labels.")
    raw = to_array(classes)
    if len(raw) == 0:
        raise ValueError("classes= names no label; leave it out where any is accepted.")
    unfit = raw[missing_mask(raw, missing_label)]
    if len(unfit):
        raise ValueError(
            f"classes= names {unfit.tolist()[0]!r}, which stands for no label; leave it out, or "
            f"give another missing_label if it is a class."
        )
    return _named(raw)


def folded(label: Any) -> Any:
    """Return a label without what is easily mistyped: spaces around it, and capitals.

    Examples
    --------
    >>> folded("Fine "), folded(1)
    ('fine', 1)
    """
    return label.strip().casefold() if isinstance(label, str) else label


def nearest_class(label: Any, classes: Iterable[Any]) -> Any:
    """Return the class that a text may have been meant for, or None.

    Examples
    --------
    >>> nearest_class("Fine ", ["fine", "complaint"])
    'fine'
    """
    if not isinstance(label, str):
        return None
    names = {folded(name): name for name in classes if isinstance(name, str)}
    close = difflib.get_close_matches(folded(label), names, 1)
    return names[close[0]] if close else None


def check_order(y: Any, index: Any, *, who: str, name: str = "y", key: str = "rows.index") -> None:
    """Refuse a pandas y whose index names the same rows in another order, or only some of them.

    The index of the rows holds labels, or their numbers, of which labels of a frame say nothing.
    Anything else that has an entry for each row is called by its `name`, and the index by `key`.

    Examples
    --------
    >>> check_order([1, 0, 1], np.array([7, 3, 5]), who="teach")
    """
    own = y.index if is_pandas(y) else None
    if own is None or index is None or len(own) != len(index):
        return
    others: list = []
    if isinstance(index, np.ndarray):
        # The index that pandas gives where none is named says nothing about an order.
        is_default = is_default_index(own)
        if is_default or own.dtype.kind not in "iu" or np.array_equal(own.to_numpy(), index):
            return
        permuted, key = np.array_equal(np.sort(own.to_numpy()), np.sort(index)), "indices"
    elif own.equals(index):
        return
    else:
        ours, theirs = own.tolist(), index.tolist()
        permuted = ours != theirs and Counter(ours) == Counter(theirs)
        others = _others(ours, theirs)
    got = f"{who} got {'labels' if name == 'y' else name}"
    if permuted:
        raise ValueError(
            f"{got} in another order than the rows, by the index of {name}; write "
            f"{name}.loc[{key}], or {name}.to_numpy() if they are in the right order as they stand."
        )
    if others:
        raise ValueError(
            f"{got} of other rows, by the index of {name}: it has {others[0]!r}, which that of the "
            f"rows has not; give those of {key}, or write {name}.to_numpy() if each stands in the "
            f"place of its row."
        )


def _others(ours: list, theirs: list) -> list:
    """Return which of our labels name other rows: none where all do, or are numbers that may."""
    others = set(ours) - set(theirs)
    if len(others) == len(set(ours)):
        return []
    # Numbers may count others, as those of scaled rows do that cross-validation has cut; two slices
    # that do not begin at 0 are a slip.
    if _kind(type(ours[0])) == "i" and not all(
        each[0] != 0 and each == [*range(each[0], each[0] + len(each))] for each in (ours, theirs)
    ):
        return []
    return [label for label in ours if label in others]


def _kind(cls: type) -> str:
    """Tell what a value of this type is: "b", "i", "f", "U", "-" for a missing value, "?"."""
    pandas = modules.get("pandas")
    if cls in (type(None), type(getattr(pandas, "NA", None)), type(getattr(pandas, "NaT", None))):
        return "-"
    if issubclass(cls, bool | np.bool_):
        return "b"
    if issubclass(cls, int | np.integer) and not issubclass(cls, np.timedelta64):
        return "i"
    if issubclass(cls, float | np.floating):
        return "f"
    return "U" if issubclass(cls, str) else "?"


def _kinds(values: Iterable[Any]) -> set[str]:
    """Collect the kinds that occur among the values."""
    return {_kind(cls) for cls in set(map(type, values))}


def _is_text(dtype: np.dtype) -> bool:
    """Tell text from numbers, among the dtypes that `parse` gives."""
    return dtype.kind in "UO"


def _has_text(raw: np.ndarray) -> bool:
    """Tell whether raw values are text, or some of them are."""
    return raw.dtype.kind == "U" or (raw.dtype.kind == "O" and "U" in _kinds(raw.tolist()))


def _with_plain_text(raw: np.ndarray) -> np.ndarray:
    """Return raw values with members of ``class C(str, Enum)`` as the text that they are."""
    values = raw.ravel().tolist()
    if not any(issubclass(cls, str) and cls is not str for cls in set(map(type, values))):
        return raw
    # By str itself: such a class may print itself as "C.MEMBER".
    plain = objects([str.__str__(each) if isinstance(each, str) else each for each in values])
    return plain.reshape(raw.shape)


def plain(label: Any) -> Any:
    """Return a label as a plain Python value."""
    return label.item() if isinstance(label, np.generic) else label


def objects(values: Collection) -> np.ndarray:
    """Put values into a one-dimensional object array, each as it is."""
    return np.fromiter(values, dtype=object, count=len(values))


def raw_array(y: Any) -> np.ndarray:
    """Read y as an array of any dimension, with integers and text kept where values lack."""
    if isinstance(y, np.ma.MaskedArray):
        out = np.asarray(y).astype(object)
        out[np.ma.getmaskarray(y)] = None
        return out
    if isinstance(y, list | tuple):
        return _from_sequence(y)
    if _kind(type(y)) != "?":
        return _from_sequence([y])
    if is_instance(y, _PANDAS):
        return _from_pandas(y)
    if is_instance(y, ("polars.Series",)):
        whole = y.null_count() == 0 or y.dtype.is_float()
        return y.to_numpy() if whole else objects(y.to_list())
    if isinstance(y, range | array) or hasattr(y, "__array__"):
        return as_array(y)
    raise TypeError(f"y is a {type(y).__name__}; write an array, a list or a Series of labels.")


def _from_sequence(y: list | tuple) -> np.ndarray:
    """Read a list: numeric if all values are of one numeric kind, else each value as it is."""
    kinds = _kinds(y)
    if "?" in kinds:  # arrays and tensors without dimension are the number that they hold
        y = [value.item() if getattr(value, "ndim", 1) == 0 else value for value in y]
        kinds = _kinds(y)
    if "?" in kinds:  # nested lists, or what `parse` refuses
        return np.asarray(y, dtype=object)
    if len(kinds) == 1 and kinds <= {"b", "i", "f"}:
        out = np.asarray(y)
        # Integers beyond int64 become floats in numpy, which would merge different labels.
        if kinds != {"i"} or out.dtype.kind in "iu":
            return out
    return objects(y)


def _from_pandas(y: Any) -> np.ndarray:
    """Read a pandas object; integers with missing values stay integers, in an object array."""
    if y.ndim == 2:
        return _from_pandas(y.iloc[:, 0]).reshape(-1, 1) if y.shape[1] == 1 else np.asarray(y)
    has_room = isinstance(y.dtype, np.dtype) or y.dtype.kind == "f"  # NaN where missing
    return np.asarray(y if has_room or not y.isna().any() else y.astype(object))


def _missingobjects(values: list, label: Any, comparable: str) -> np.ndarray:
    """Say which elements are missing; only those of a comparable kind are held against label."""
    kind_of = {cls: _kind(cls) for cls in set(map(type, values))}
    if kind_of.keys() <= {str} and comparable != "U":  # text alone, the commonest, needs no look
        return np.zeros(len(values), dtype=bool)
    kinds = map(kind_of.__getitem__, map(type, values))
    missing = (
        kind == "-" or (kind == "f" and value != value) or (kind in comparable and value == label)
        for kind, value in zip(kinds, values, strict=True)
    )
    return np.fromiter(missing, dtype=bool, count=len(values))


def _natural(raw: np.ndarray, known: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Copy raw values into the natural dtype of the known ones, with a filler elsewhere.

    `where` holds the rows by which refusals name them.
    """
    if raw.dtype.kind == "O":
        labels = raw[known].tolist()
        values = np.empty(len(raw), dtype=_natural_dtype(labels, where[known]))
        try:
            values[known] = labels
        except OverflowError as error:
            raise ValueError(_TOO_LARGE) from error
    elif raw.dtype == np.longdouble:  # which differs between machines, and no file holds
        values = raw.astype(float)
    elif raw.dtype.kind in "biufU":
        # The width of text says nothing where all of it is the missing label.
        nothing = raw.dtype.kind == "U" and not known.any()
        values = raw.astype(object if nothing else raw.dtype)
    else:
        reason = "Complex data not supported: " if raw.dtype.kind == "c" else ""
        raise ValueError(f"{reason}y holds values of dtype {raw.dtype}; {_ACCEPTED}.")
    values[~known] = "" if _is_text(values.dtype) else 0
    # Labels of one pool are joined, and uint64 joins with int64 only as floats, which round.
    if values.dtype == np.uint64 and len(values) and int(values.max()) > np.iinfo(np.int64).max:
        raise ValueError(_TOO_LARGE)
    return values


def _natural_dtype(labels: list, where: np.ndarray) -> np.dtype:
    """Find the dtype that known labels, given as objects, have in common."""
    kinds = _kinds(labels)
    if "?" in kinds or "-" in kinds:
        at, odd = next((at, each) for at, each in enumerate(labels) if _kind(type(each)) in "?-")
        several = f", and {_SEVERAL}" * isinstance(odd, set | frozenset)
        raise ValueError(
            f"y holds {odd!r} of type {type(odd).__name__} in row {where[at]}; "
            f"{_ACCEPTED}{several}."
        )
    if "U" in kinds and len(kinds) > 1:
        are_text = [isinstance(label, str) for label in labels]
        text, number = are_text.index(True), are_text.index(False)
        raise ValueError(
            f"y mixes text with numbers ({labels[text]!r} in row {where[text]}, "
            f"{labels[number]!r} in row {where[number]}); write labels of one kind, and None where "
            f"there is none."
        )
    if not kinds or "U" in kinds:
        return np.dtype(object)
    return np.dtype(float if "f" in kinds else np.int64 if "i" in kinds else bool)


def _named(classes: Any) -> np.ndarray:
    """Read the parameter `classes` as sorted, distinct classes."""
    raw = to_array(classes)
    return sorted_classes(_natural(raw, np.ones(len(raw), dtype=bool), np.arange(len(raw))))


def _refuse_two_blanks(raw: np.ndarray, known: np.ndarray, where: np.ndarray) -> None:
    """Refuse numbers with both -1 and None or NaN, where either may be meant as a label."""
    blank = missing_mask(raw, None)
    minus = ~known & ~blank
    if minus.any() and blank.any() and not _has_text(raw):
        raise ValueError(
            f"y holds -1 in row {where[minus.argmax()]} and {raw[blank.argmax()]} in row "
            f'{where[blank.argmax()]}, of which by default both mean "not labelled"; write '
            f"missing_label=None if -1 is a class, and None in place of -1 if it is not."
        )


def _refuse_disguised(
    labels: np.ndarray, where: np.ndarray, given: np.dtype, missing_label: Any, named: Any
) -> None:
    """Refuse what was no label until it became text, or was cast, as in np.array(["a", -1])."""
    is_number, names = _kind(type(missing_label)) in "if", [] if named is None else named.tolist()
    if _is_text(labels.dtype):
        texts = dict(_BLANKS)
        if is_number:
            texts[f"{missing_label:g}"] = f"the number {missing_label:g}"
        found = {text for text in set(labels.tolist()) if text.strip() in texts} - set(names)
        if found:
            at, text = next(each for each in enumerate(labels.tolist()) if each[1] in found)
            meant = texts[text.strip()]
            meant += " or None" * (meant != "None")
            raise ValueError(
                f'y holds the text "{text}" in row {where[at]}; unlabelled rows are {meant}, in a '
                f'list or an object array; if "{text}" is a class, name it in classes=.'
            )
    elif given.kind == "u" and is_number and missing_label < 0:
        cast = int(missing_label) % 2 ** (8 * given.itemsize)
        if cast not in names and (labels == cast).any():
            raise ValueError(
                f"y is {given} and holds {cast} in row {where[(labels == cast).argmax()]}, which "
                f"{missing_label} becomes there; give integers with a sign, or if {cast} is a "
                f"class, name it in classes=."
            )


def _refuse_unnamed(labels: np.ndarray, where: np.ndarray, named: np.ndarray) -> None:
    """Refuse labels that are not among the named classes."""
    outside = encode(labels, named) == -1
    if outside.any():
        shown, names = list(dict.fromkeys(labels[outside].tolist())), named.tolist()
        more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
        first = f"{', the first' * (len(shown) > 1)} in row {where[outside.argmax()]}"
        rest = f", ... ({len(names)} in all)" if len(names) > 20 else ""
        near = nearest_class(shown[0], names)
        instead = "" if near is None else f"; write {near!r} for {shown[0]!r}"
        raise ValueError(
            f"y holds {_listed(shown[:5])}{more}{first}, which classes= does not name; the classes "
            f"are [{_listed(names[:20])}{rest}]{instead}."
        )


def _listed(values: list) -> str:
    """Write values for a message."""
    return ", ".join(map(repr, values))
