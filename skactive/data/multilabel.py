"""Several labels a row: what a user gives for one, as cells of an array, and back.

A row's labels are one cell of L bytes, 0 or 1 for each name in turn: of numpy's dtype "V<L>", whose
cells are copied, compared and sorted as numbers are. `as_matrix` shows them as an indicator matrix.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..utils.checks import is_instance
from .labels import missing_mask, nearest_class, objects, parse, raw_array, sorted_classes
from .tables import Parsed, Unknown, parse_like

EMPTY = "[]"  # how a table writes that a row has no label at all, where a blank is no answer
_BETWEEN = ";"
_FRAMES = ("pandas.DataFrame", "polars.DataFrame")
_SETS, _LISTS = (AbstractSet,), (list, tuple, np.ndarray)
_INSTEAD = "write a set of names for each row, or a column of 0 and 1 for each name"


def is_multilabel(dtype: np.dtype | None) -> bool:
    """Tell whether labels of this dtype are several a row."""
    return dtype is not None and dtype.kind == "V"


def as_cells(matrix: np.ndarray) -> np.ndarray:
    """Return the rows of an indicator matrix, shape (k, L), as cells, shape (k,).

    Examples
    --------
    >>> as_matrix(as_cells(np.array([[0, 1, 1]])))
    array([[0, 1, 1]], dtype=int8)
    """
    k, width = matrix.shape
    return np.ascontiguousarray(matrix, dtype=np.int8).reshape(-1).view(f"V{width}")[:k]


def as_matrix(cells: np.ndarray) -> np.ndarray:
    """Return cells, shape (k,), as an indicator matrix, shape (k, L), int8."""
    return cells.view(np.int8).reshape(len(cells), cells.dtype.itemsize)


def fill_rows(cells: np.ndarray | None, known: np.ndarray, width: int) -> np.ndarray:
    """Return an indicator matrix with rows of -1 where nothing is known; `cells` are of the others.

    Examples
    --------
    >>> fill_rows(as_cells(np.array([[0, 1]])), np.array([False, True]), 2)
    array([[-1, -1],
           [ 0,  1]], dtype=int8)
    """
    full = np.full((len(known), width), -1, dtype=np.int8)
    if cells is not None:
        full[known] = as_matrix(cells)
    return full


def names_in(label: bytes | np.void, names: np.ndarray) -> list:
    """Return the names that a cell holds."""
    cell = label.item() if isinstance(label, np.void) else label
    return [name for name, is_in in zip(names.tolist(), cell, strict=True) if is_in]


def as_text(labels: Sequence, names: np.ndarray) -> list[str]:
    """Return cells as tables write them.

    Examples
    --------
    >>> as_text([bytes([1, 0, 1]), bytes([0, 0, 0])], np.array(["cat", "dog", "emu"]))
    ['cat; emu', '[]']
    """
    return [join_names(names_in(label, names)) for label in labels]


def join_names(names: Any) -> str:
    """Return names as tables write them."""
    return f"{_BETWEEN} ".join(map(str, names)) or EMPTY


def parse_text(texts: Sequence[str | None], names: np.ndarray) -> Parsed:
    """Read what tables write, as cells.

    Examples
    --------
    >>> parsed = parse_text(["emu;cat", None, "[]", "Cat"], np.array(["cat", "dog", "emu"]))
    >>> as_matrix(parsed.labels).tolist(), parsed.is_given
    ([[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]], array([ True, False,  True, False]))
    >>> parsed.unknown
    [Unknown(position=3, cell='Cat', nearest='cat')]
    """
    matrix = np.zeros((len(texts), len(names)), dtype=np.int8)
    is_given, unknown = np.array([text is not None for text in texts], dtype=bool), []
    places = {name: column for column, name in enumerate(names.tolist())}
    for at in np.flatnonzero(is_given).tolist():
        text = str(texts[at]).strip()
        parts = [] if text == EMPTY else [part.strip() for part in text.split(_BETWEEN)]
        found = parse_like(parts, names)
        for _, part, nearest in found.unknown:
            unknown.append(Unknown(at, part, nearest))
            is_given[at] = False
        if is_given[at]:
            matrix[at, [places[name] for name in found.labels.tolist()]] = 1
    return Parsed(as_cells(matrix), is_given, unknown)


def has_several(multilabel: Any, y: Any) -> bool:
    """Return whether rows have several labels: True, False, or "auto", by what labels look like.

    Examples
    --------
    >>> has_several("auto", [{"cat"}, None]), has_several(False, [0, 1]), has_several(True, None)
    (True, False, True)
    """
    if isinstance(multilabel, bool | np.bool_):
        return bool(multilabel)
    if not (isinstance(multilabel, str) and multilabel == "auto"):
        raise ValueError(f"multilabel is {multilabel!r}; write True, False or 'auto'.")
    return looks_multilabel(y)


def looks_multilabel(y: Any) -> bool:
    """Tell labels that are several a row: more than one column of 0 and 1, or sets of names.

    Examples
    --------
    >>> looks_multilabel([[0, 1], [-1, -1]]), looks_multilabel([{"cat"}, None])
    (True, True)
    >>> looks_multilabel([[0], [1]]), looks_multilabel([[0.5, 1], [2, 3]]), looks_multilabel("cat")
    (False, False, False)
    """
    if isinstance(y, list | tuple):
        may_be = any(issubclass(cls, (*_SETS, *_LISTS)) for cls in set(map(type, y)))
    else:
        may_be = len(getattr(y, "shape", ())) == 2 or _is_of_objects(y)
    if not may_be:
        return False
    found = _rows_in(y, None)
    if isinstance(found, list):
        if any(isinstance(row, _SETS) or _is_of_text(row) for row in found):
            return True
        columns = _columns_in(found)
        return columns is not None and len(columns) > 1
    return found.shape[1] > 1 and not _split(found, None)[2].any()


def _columns_in(rows: list) -> range | None:
    """Return the columns of rows of 0 and 1, among which some may have no label yet, or None."""
    found = [list(row) for row in rows if isinstance(row, _LISTS)]
    if any(isinstance(row, _SETS) for row in rows) or len(set(map(len, found))) != 1:
        return None
    is_odd = _split(np.array(found, dtype=object), None)[2]
    return None if is_odd.any() or not is_odd.size else range(is_odd.shape[1])


def _is_of_objects(y: Any) -> bool:
    """Tell a container that may hold sets: an array or a Series of objects, or of lists."""
    return str(getattr(y, "dtype", "")).partition("(")[0] in ("object", "Object", "List")


def names_of(y: Any, classes: Any, missing_label: Any) -> np.ndarray:
    """Return what the labels of a pool are called: as named, or else those of its first labels.

    The order is that of `classes`, of a frame's columns, or of the columns' numbers; of sets the
    names are sorted.
    """
    if classes is None and y is None:
        raise ValueError(
            "a pool with several labels a row has to know which; write "
            "Pool(X, multilabel=True, classes=[...])."
        )
    found = None if classes is not None else _rows_in(y, None)
    if classes is not None:
        given = classes
    elif isinstance(found, list):
        numbers = _columns_in(found)
        given = sorted_names(found, missing_label) if numbers is None else list(numbers)
    elif is_instance(y, _FRAMES) and not _is_default(y):
        given = list(y.columns)
    else:
        given = list(range(found.shape[1]))  # type: ignore[union-attr]
    return checked_names(given, missing_label)


def sorted_names(rows: list, missing_label: Any) -> list:
    """Return the names that sets hold, sorted."""
    all_names = [name for row in rows if isinstance(row, (*_SETS, *_LISTS)) for name in row]
    names, known = parse(all_names, missing_label=missing_label)
    if len(names) == 0:
        raise ValueError(
            f"y names no label, where rows have several; {_INSTEAD}, or name them all in classes=."
        )
    return sorted_classes(names[known]).tolist()


def checked_names(given: Any, missing_label: Any) -> np.ndarray:
    """Return names of labels in their order, refusing what tables could not tell apart."""
    names, known = parse(given, missing_label=missing_label)
    if len(names) == 0 or not known.all():
        raise ValueError(
            "classes= names no label, or one that stands for none; give the name of each label "
            "that a row may have."
        )
    seen = set()
    for name in names.tolist():
        refuse_unfit(name)
        if name in seen:
            raise ValueError(f"classes= names {name!r} twice; give the name of each label once.")
        seen.add(name)
    return names


def refuse_unfit(name: Any) -> None:
    """Refuse a name that tables could not tell from others."""
    text = str(name)
    is_fit = isinstance(name, int | str) and not isinstance(name, bool)
    if not is_fit or _BETWEEN in text or text.strip() in ("", EMPTY) or text != text.strip():
        raise ValueError(
            f"a label is to be called {name!r}, where rows have several; names are integers, or "
            f"text without {_BETWEEN!r} and without spaces around it, and not {EMPTY!r}, by which "
            f"tables write several and none."
        )


def parse_several(
    y: Any, names: np.ndarray, *, n: int, missing_label: Any, rows: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as cells, and a mask of the rows that have any said of them.

    y holds for each row a set of names (or a list of text), or 0 or 1 for each name; a row of None,
    NaN, -1 or the missing label has no label yet, and an empty set is one. Where n is 1, y may be
    that one row. Refusals name one of `rows`, or a position in y.

    Examples
    --------
    >>> names = np.array(["cat", "dog"])
    >>> cells, known = parse_several([{"dog"}, None, set()], names, n=3, missing_label=-1)
    >>> as_matrix(cells).tolist(), known
    ([[0, 1], [0, 0], [0, 0]], array([ True, False,  True]))
    """
    found, is_one = _rows_in(y, names), len(names) == 1
    if isinstance(found, list):
        is_flat = found and not any(isinstance(row, (*_SETS, *_LISTS)) for row in found)
        is_row = len(found) == 1 and (found != [missing_label] if _is_of_text(found) else is_one)
        if n == 1 and is_flat and (len(found) > 1 or is_row):
            found = [found]
    where = np.arange(len(found)) if rows is None or len(rows) != len(found) else rows
    if isinstance(found, list):
        found = _indicators(found, names, where, missing_label)
    if found.shape[1] != len(names):
        raise ValueError(
            f"y has {found.shape[1]} columns, where rows have {len(names)} labels; give 0 or 1 for "
            f"each of {names.tolist()}."
        )
    is_set, is_missing, is_odd = _split(found, missing_label)
    if is_odd.any():
        row, column = np.argwhere(is_odd)[0].tolist()
        raise ValueError(
            f"y holds {found[row].tolist()[column]!r} in row {where[row]}, where rows have several "
            f"labels; {_INSTEAD}."
        )
    is_known = np.array(~is_missing.any(axis=1))
    in_part = ~is_known & ~is_missing.all(axis=1)
    if in_part.any():
        raise ValueError(
            f"y says nothing of some labels in row {where[in_part.argmax()]}; give 0 or 1 for each "
            f"of {names.tolist()}, or -1 for all of them where the row has no labels yet."
        )
    return as_cells(is_set & is_known[:, None]), is_known


def as_indicators(y: Any, missing_label: Any, names: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as 0 and 1, shape (n, L), and a mask of the rows that have any said of them.

    Without `names`, columns are those of y; of sets, the names that are in it, sorted.

    Examples
    --------
    >>> as_indicators([{"b"}, None, {"a", "b"}], None)
    (array([[0, 1],
           [0, 0],
           [1, 1]]), array([ True, False,  True]))
    """
    names = names_of(y, names, missing_label)
    n = y.shape[0] if hasattr(y, "shape") else len(y)
    cells, known = parse_several(y, names, n=n, missing_label=missing_label)
    return as_matrix(cells).astype(np.int64), known


def by_row(y: Any) -> np.ndarray:
    """Return what rows have, one entry or line for each: of a frame by its names, not their order.

    Examples
    --------
    >>> by_row([{"b"}, None])
    array([{'b'}, None], dtype=object)
    """
    if is_instance(y, _FRAMES) and not _is_default(y):
        labels, known = as_indicators(y, None)
        names = np.array(list(y.columns), dtype=object)
        return objects(
            [set(names[row == 1]) if k else None for row, k in zip(labels, known, strict=True)]
        )
    found = _rows_in(y, None)
    return objects(found) if isinstance(found, list) else found


def _rows_in(y: Any, names: np.ndarray | None) -> np.ndarray | list:
    """Return y as an array with a column for each name, or as a list of what each row has."""
    if isinstance(y, _SETS):
        return [y]
    if is_instance(y, _FRAMES):
        return np.asarray(y if names is None else _in_order(y, names))
    raw = y.toarray() if sp.issparse(y) else raw_array(y)
    if raw.ndim > 2:
        raise ValueError(f"y has shape {raw.shape}, where rows have several labels; {_INSTEAD}.")
    is_text = raw.ndim == 2 and any(isinstance(each, str) for each in raw[:, :1].ravel().tolist())
    if is_text and raw.shape[1] > 1 and set(raw.ravel().tolist()) <= {"0", "1", "-1"}:
        raise ValueError(
            "y holds '0' and '1' as text in columns; write y.astype(int), or where labels are "
            "called so, a set of names for each row."
        )
    return raw if raw.ndim == 2 and raw.shape[1] and not is_text else raw.tolist()


def _is_default(frame: Any) -> bool:
    """Tell whether the columns of a frame have no names but their numbers."""
    return list(frame.columns) == list(range(frame.shape[1]))


def _in_order(frame: Any, names: np.ndarray) -> Any:
    """Return a frame with its columns in the order of the names, where they are called so."""
    columns, wanted = list(frame.columns), names.tolist()
    if sorted(map(str, columns)) == sorted(map(str, wanted)):
        at = [list(map(str, columns)).index(str(name)) for name in wanted]
        return frame[:, at] if is_instance(frame, _FRAMES[1:]) else frame.iloc[:, at]
    if not _is_default(frame):
        raise ValueError(f"y has the columns {columns}, and the labels are called {wanted}.")
    return frame


def _is_of_text(row: Any) -> bool:
    """Tell whether what a row has is a list of names."""
    return isinstance(row, _LISTS) and all(isinstance(name, str) for name in row)


def _indicators(rows: list, names: np.ndarray, where: np.ndarray, missing_label: Any) -> np.ndarray:
    """Return what rows have as a matrix of 0 and 1, or of whatever was given in their place."""
    table = np.full((len(rows), len(names)), -1, dtype=object)
    places = {name: column for column, name in enumerate(names.tolist())}
    for at, row in enumerate(rows):
        if isinstance(row, _SETS) or _is_of_text(row):
            for name in row:
                if name not in places:
                    _refuse_name(name, where[at], names)
            table[at] = 0
            table[at, [places[name] for name in row]] = 1
        elif isinstance(row, _LISTS):
            if len(row) != len(names):
                raise ValueError(
                    f"y holds {list(row)} in row {where[at]}, where rows have {len(names)} labels; "
                    f"{_INSTEAD}."
                )
            table[at] = list(row)
        elif not any(missing_mask(objects([row]), one).all() for one in (missing_label, -1)):
            raise ValueError(
                f"y holds {row!r} in row {where[at]}, where rows have several labels; {_INSTEAD}."
            )
    return table


def _refuse_name(name: Any, row: int, names: np.ndarray) -> None:
    """Refuse a name that no label has."""
    near = nearest_class(name, names.tolist())
    instead = f"write {near!r}" if near else "give all that may come to Pool(X, classes=[...])"
    raise ValueError(
        f"y holds {name!r} in row {row}, which is the name of no label; the names are "
        f"{names.tolist()}; {instead}."
    )


def _split(table: np.ndarray, missing_label: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell which cells of a table are 1, which say nothing, and which are neither, nor 0."""
    flat = table.ravel()
    missing = missing_mask(flat, missing_label) | missing_mask(flat, -1)
    filled = np.where(missing, 0, flat)
    is_one = np.asarray(filled == 1, dtype=bool)
    is_odd = ~is_one & ~np.asarray(filled == 0, dtype=bool)
    return tuple(part.reshape(table.shape) for part in (is_one, missing, is_odd))  # type: ignore[return-value]
