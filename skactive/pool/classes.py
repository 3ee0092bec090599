"""Classes that are renamed, merged or split in the middle of a project.

Each is one operation, whose `detail` says what: `classes`, and `into` what. Where that is one, the
labels given before are called so wherever they are read; of a split class the rows are asked for
again. `gone` and `new` say which classes there were no more, and which there had not been. Where
rows have several labels, `columns` are where these were; one is left, in the place of the first.
"""

from itertools import chain, pairwise

import numpy as np

from ..data.labels import merge_dtype, named_classes, sorted_classes
from .log import KINDS, LABELS_IN, Change, Log
from .storage import refuse_unless

_CLASSES = KINDS.index("classes")
_FIELDS = ("classes", "into", "gone", "new")
_KINDS = {bool, int, float, str}


def class_changes(log: Log, n: int) -> list[tuple[int, dict[str, list]]]:
    """Return the changes of classes that count after n operations, with their numbers."""
    return [
        (number, log.details[number])
        for number in list(log.regroupings)
        if number < n <= log.dead.array[number]
    ]


def is_split(change: Change) -> bool:
    """Tell whether a change divides a class, whose rows are asked for again."""
    return change.kind == "classes" and len(change.detail["into"]) > 1


def changed_between(log: Log, first: int, n: int) -> bool:
    """Tell whether any operation from the first on, before n, changed classes, or undid that."""
    numbers = [number for number in list(log.regroupings) if number < n]
    if not numbers or numbers[-1] >= first:
        return len(numbers) > 0
    undone = [log.undone.get(number, ()) for number in range(first, n)]
    return not set(numbers).isdisjoint(chain.from_iterable(undone))


def turns(log: Log, n: int) -> np.ndarray:
    """Return which of the first n operations changed classes, or undid that, sorted."""
    changes = {number for number in list(log.regroupings) if number < n}
    undone = [(number, ones) for number, ones in list(log.undone.items()) if number < n]
    undoes = {number for number, ones in undone if not changes.isdisjoint(ones)}
    return np.array(sorted(changes | undoes), dtype=np.int64)


def renamed(log: Log, events: np.ndarray, labels: np.ndarray, n: int) -> None:
    """Call labels of events, in place, as they are called after n operations."""
    for number, detail in class_changes(log, n):
        if len(detail["into"]) > 1:
            continue
        if "columns" in detail:
            is_before = events < log.first.array[number]
            labels[is_before] = [
                with_one_of(label, detail["columns"]) for label in labels[is_before]
            ]
            continue
        is_old = np.zeros(len(labels), dtype=bool)
        for name in detail["classes"]:
            is_old |= labels == name
        labels[is_old & (events < log.first.array[number])] = detail["into"][0]


def with_one_of(label: bytes, columns: list[int]) -> bytes:
    """Return several labels of a row, with one in place of some: set where any of them was.

    Examples
    --------
    >>> list(with_one_of(bytes([0, 1, 0, 1]), [0, 3]))
    [1, 1, 0]
    """
    first, *others = columns
    cells = [cell for column, cell in enumerate(label) if column not in others]
    cells[first] = max(label[column] for column in columns)
    return bytes(cells)


def named_after(log: Log, named: np.ndarray, at: int, n: int) -> np.ndarray:
    """Return the classes after n operations that were named after the first `at` of them."""
    then = [number for number, _ in class_changes(log, at)]
    now = dict(class_changes(log, n))
    steps = [(log.details[number], "new", "gone") for number in then if number not in now][::-1]
    steps += [(detail, "gone", "new") for number, detail in now.items() if number >= at]
    names = named.tolist()
    for detail, gone, new in steps:
        if "columns" in detail:
            first, *others = detail["columns"]
            names = [name for column, name in enumerate(names) if column not in others]
            names[first] = detail["into"][0]
            continue
        names = [name for name in names if name not in detail[gone]]
        names += [name for name in detail[new] if name not in names]
    if names == named.tolist():
        return named
    is_ordered = any("columns" in detail for detail, *_ in steps)
    return _array(names) if is_ordered else _sorted(names)


def _sorted(names: list) -> np.ndarray:
    """Return names as sorted classes."""
    return sorted_classes(_array(names))


def _array(names: list) -> np.ndarray:
    """Return names as an array."""
    is_text = any(isinstance(name, str) for name in names)
    return np.array(names, dtype=object if is_text else None)


def new_dtype(detail: dict[str, list]) -> np.dtype:
    """Return the dtype of what classes became."""
    return _sorted(detail["into"]).dtype


def dtype_with(detail: dict[str, list], dtype: np.dtype | None) -> np.dtype | None:
    """Return the dtype of labels once classes have changed; None: none of them can have."""
    if dtype is not None and "columns" in detail:
        return np.dtype(f"V{dtype.itemsize - len(detail['columns']) + 1}")
    new = new_dtype(detail)
    if dtype is None or len(detail["into"]) > 1 or (dtype.kind == "O") != (new.kind == "O"):
        return None
    return merge_dtype(dtype, new)


def check_changes(log: Log) -> None:
    """Refuse changes of classes in the log of a file that no pool has had.

    ValueError, TypeError or LookupError says that none has.
    """
    for number in np.flatnonzero(log.kinds.array == _CLASSES).tolist():
        detail = log.details[number]
        classes, into, gone, new = (detail[name] for name in _FIELDS)
        for names in (classes, into):
            found = named_classes(names, missing_label=None).tolist()
            refuse_unless(names and found == names and set(map(type, names)) <= _KINDS)
        merge_dtype(_sorted(classes).dtype, _sorted(into).dtype)
        refuse_unless(gone == [name for name in classes if name not in into])
        refuse_unless(new == [name for name in into if name in new])
        refuse_unless(len(detail) == 4 + ("columns" in detail))
        refuse_unless(len(into) == 1 or len(classes) == 1)
        span = log.span(number, len(log.kinds.array), len(log.rows.array))
        refuse_unless(len(into) > 1 or span.start == span.stop)


def check_named(log: Log, named: np.ndarray, at: int) -> None:
    """Refuse classes that leave out a label which was given after the first `at` operations.

    The log is that of a file.
    """
    n, n_events = len(log.kinds.array), len(log.rows.array)
    if any(dtype.startswith("|V") for dtype in log.dtypes.values()):
        for number, dtype in log.dtypes.items():
            width = len(named_after(log, named, 0, number + 1))
            refuse_unless(at == 0 and np.dtype(dtype).itemsize == width)
        return
    if at == 0 and log.base[1] is not None:
        refuse_unless(set(log.base[1].tolist()) <= set(named.tolist()))
    ends = turns(log, n).tolist()
    for start, end in pairwise(sorted({at, n, *(number for number in ends if number > at)})):
        allowed = set(named_after(log, named, at, start + 1).tolist())
        events = np.arange(log.first.array[start], log.span(end - 1, n, n_events).stop)
        is_label = np.isin(log.events.array[events], LABELS_IN)
        refuse_unless(set(log.labels.array[events[is_label]].tolist()) <= allowed)
