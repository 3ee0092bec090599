"""What happened to a pool: one `Operation` for every call that changed it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, starmap
from typing import Any

import numpy as np

from ..data.labels import missing_mask, named_classes
from ..utils.checks import checked_count
from .storage import pack_json, unpack_json

UNLABELED, LABELED, RESERVED, SKIPPED = range(4)
STATE_NAMES = ("unlabeled", "labeled", "reserved", "skipped")
_KINDS = ("fit", "label", "unlabel", "skip", "restore", "reserve", "release", "extend", "undo")
_MOST_BYTES = 1 << 20  # of the name of a class in a file
_GROWING = ("fit", "extend")  # which may add rows, and which nothing undoes


@dataclass(frozen=True, eq=False)
class Change:
    """What a call would change in a pool: worked out and found acceptable, but not applied yet."""

    kind: str  # as `Operation.kind`
    rows: np.ndarray  # (k,) int64; the numbers of rows that join follow the pool's
    states: np.ndarray  # (k,) int8, afterwards
    labels: Any = None  # (k,), meaningful where the state is "labeled"
    names: tuple | None = None  # for whom each row is reserved, where it is
    added: Any = None  # Rows that join the pool
    merge: bool = False  # whether they join what was added last, rather than lie beside it
    annotator: str | None = None
    undone: tuple = ()

    @property
    def n_added(self) -> int:
        """How many rows join the pool."""
        return 0 if self.added is None else len(self.added)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return len(self.rows) == 0 and self.n_added == 0


@dataclass(frozen=True, eq=False)
class Operation:
    """One change of a pool, kept for good in its history.

    Attributes
    ----------
    kind : str
        "fit", "label", "unlabel", "skip", "restore", "reserve", "release", "extend" or "undo".
    rows : ndarray of shape (k,), int64
        Row numbers whose state or label changed.
    states_before, states_after : ndarray of shape (k,), int8
        Positions in ``("unlabeled", "labeled", "reserved", "skipped")``.
    labels_before, labels_after : ndarray of shape (k,) or None
        Labels, meaningful where the state is "labeled"; None where no row is.
    names_before, names_after : tuple of (str or None) or None
        For whom the rows are reserved; None where no row is.
    annotator : str or None
        Who gave the labels.
    time : float
        Seconds since the epoch.
    n_added : int
        Rows that the pool gained ("fit" and "extend").
    undone : tuple of int
        Positions in the history of the operations that this one ("undo") reverted.
    """

    kind: str
    rows: np.ndarray
    states_before: np.ndarray
    states_after: np.ndarray
    labels_before: np.ndarray | None = None
    labels_after: np.ndarray | None = None
    names_before: tuple | None = None
    names_after: tuple | None = None
    annotator: str | None = None
    time: float = 0.0
    n_added: int = 0
    undone: tuple = ()

    @property
    def before(self) -> list:
        """Labels before the operation, None where there was none."""
        return _labels_or_none(self.states_before, self.labels_before)

    @property
    def after(self) -> list:
        """Labels after the operation, None where there is none."""
        return _labels_or_none(self.states_after, self.labels_after)

    def __repr__(self) -> str:
        by = f" by {self.annotator}" if self.annotator else ""
        return f"<{self.kind}: {len(self.rows)} rows{by}>"


def _labels_or_none(states: np.ndarray, labels: np.ndarray | None) -> list:
    """Return labels as Python values, None where the state is not "labeled"."""
    if labels is None:
        return [None] * len(states)
    pairs = zip(states, labels.tolist(), strict=True)
    return [label if state == LABELED else None for state, label in pairs]


def live(history: Sequence[Operation], n: int) -> Iterator[int]:
    """Yield which of the first n operations are not undone, newest first."""
    position = n - 1
    while position >= 0:
        undone = history[position].undone
        if not undone:
            yield position
        # An undo takes the newest that are left: whatever lies between is undone, or an undo.
        position = (undone[-1] if undone else position) - 1


def dtype_of_labels(history: Sequence[Operation], n: int) -> np.dtype | None:
    """Return the dtype of the labels after n operations, None if there never was one."""
    each = (history[position].labels_after for position in live(history, n))
    return next((labels.dtype for labels in each if labels is not None), None)


def joined(operations: Sequence[Operation], field: str) -> np.ndarray:
    """Return an integer array of each operation, end to end."""
    parts = [getattr(op, field) for op in operations] or [np.zeros(0, dtype=np.int8)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def before(operations: Sequence[Operation], dtype: np.dtype | None) -> dict:
    """Return what the rows of operations, oldest first, had before them: fields of a `Change`."""
    rows = joined(operations, "rows")
    # What a row goes back to is what it was before the first of them that touched it.
    first = np.sort(np.unique(rows, return_index=True)[1])
    rows, states = rows[first], joined(operations, "states_before")[first]
    labels = names = None
    if (states == LABELED).any():
        parts = [
            np.zeros(len(op.rows), dtype) if op.labels_before is None else op.labels_before
            for op in operations
        ]
        if any(part.dtype != dtype for part in parts):  # a common one might round integers
            parts = [part.astype(object) for part in parts]
        labels, is_labeled = np.zeros(len(rows), dtype), states == LABELED
        labels[is_labeled] = np.concatenate(parts)[first[is_labeled]]
    if (states == RESERVED).any():
        each = chain.from_iterable(op.names_before or [None] * len(op.rows) for op in operations)
        names = tuple(np.array([*each], dtype=object)[first].tolist())
    return {"rows": rows, "states": states, "labels": labels, "names": names}


def classes_from(header: dict, missing_label: Any) -> np.ndarray | None:
    """Return the named classes that a file's header tells of, ValueError or TypeError: none."""
    if header["classes"] is None:
        return None
    dtype = np.dtype(header["classes_dtype"])
    if dtype.itemsize <= _MOST_BYTES and np.ndim(header["classes"]) == 1:
        given = np.array(header["classes"], dtype=dtype)
        named = named_classes(given, missing_label=missing_label)
        if named.tolist() == header["classes"]:
            return named
    raise ValueError("no classes have been named so")


def to_arrays(history: Sequence[Operation]) -> dict[str, np.ndarray]:
    """Return the history as arrays of numbers and bytes, for a file."""
    groups: dict[str, list] = {}  # by dtype: each is stored as it is, end to end
    details = []
    for op in history:
        both = (op.labels_before, op.labels_after)
        dtypes = [None if labels is None else labels.dtype.str for labels in both]
        for dtype, labels in zip(dtypes, both, strict=True):
            if dtype is not None:
                groups.setdefault(dtype, []).append(labels)
        names = [op.names_before, op.names_after]
        details.append([op.kind, len(op.rows), dtypes, names, op.annotator, op.n_added, op.undone])
    arrays = {name: joined(history, name) for name in ("rows", "states_before", "states_after")}
    arrays |= {"times": np.array([op.time for op in history]), "operations": pack_json(details)}
    for dtype, parts in groups.items():
        labels = np.concatenate(parts)
        is_text = labels.dtype.kind == "O"
        arrays[f"labels {dtype}"] = pack_json(labels.tolist()) if is_text else labels
    return arrays


def from_arrays(arrays: dict[str, np.ndarray], n_rows: int, missing_label: Any) -> list[Operation]:
    """Return the history that `to_arrays` wrote, of a pool that has so many rows now.

    A history that no pool has had raises ValueError, TypeError or LookupError.
    """
    text = f"labels {np.dtype(object).str}"
    if text in arrays:
        arrays = {**arrays, text: np.array([*unpack_json(arrays[text]), None], object)[:-1]}
    used = dict.fromkeys(arrays, 0)

    def take(name: str, k: int) -> np.ndarray:
        used[name] += checked_count(k, "k", least=0)
        return arrays[name][used[name] - k : used[name]]

    history = []
    times, each = take("times", len(arrays["times"])), unpack_json(arrays["operations"])
    for time, (kind, k, dtypes, names, annotator, n_added, undone) in zip(times, each, strict=True):
        rows, *states = (take(name, k) for name in ("rows", "states_before", "states_after"))
        fields: list[Any] = [rows.astype(np.int64, casting="safe", copy=False)]
        fields += [part.astype(np.int8, casting="safe", copy=False) for part in states]
        fields += [None if dtype is None else take(f"labels {dtype}", k) for dtype in dtypes]
        fields += [None if part is None else tuple(part) for part in names]
        fields += [annotator, float(time), checked_count(n_added, "n", least=0), tuple(undone)]
        history.append(Operation(kind, *fields))
    used["operations"] = len(arrays["operations"])
    _refuse_unless(used == {name: len(array) for name, array in arrays.items()})
    _check_rows(history, n_rows)
    for position in range(len(history)):
        _check_operation(history, position)
    _check_labels(history, missing_label)
    return history


def _refuse_unless(condition: Any) -> None:
    """Refuse a history that no pool has had."""
    if not condition:
        raise ValueError("no pool has had this history")


def _check_rows(history: Sequence[Operation], n_rows: int) -> None:
    """Refuse rows that are not there, or not in the state in which they were left."""
    rows, before, after = (joined(history, f) for f in ("rows", "states_before", "states_after"))
    which = np.repeat(np.arange(len(history)), [len(op.rows) for op in history])
    n_then = np.cumsum([op.n_added for op in history])
    _refuse_unless(n_then[-1] == n_rows and (rows >= 0).all() and (rows < n_then[which]).all())
    order = np.argsort(rows, kind="stable")
    rows, which, before, after = rows[order], which[order], before[order], after[order]
    is_again = rows[1:] == rows[:-1]
    _refuse_unless((which[1:] > which[:-1])[is_again].all())  # once in an operation
    was = np.full(len(rows), UNLABELED)
    was[1:][is_again] = after[:-1][is_again]
    _refuse_unless((before == was).all() and np.isin(after, range(len(STATE_NAMES))).all())


def _check_operation(history: Sequence[Operation], position: int) -> None:
    """Refuse an operation whose fields do not go together."""
    op = history[position]
    _refuse_unless(op.kind in _KINDS and (op.kind == _KINDS[0]) == (position == 0))
    _refuse_unless(op.n_added == 0 or op.kind in _GROWING)
    _refuse_unless(isinstance(op.annotator, str | None) and np.isfinite(op.time))
    for states, names in ((op.states_before, op.names_before), (op.states_after, op.names_after)):
        each = [None] if names is None else names
        is_fit = names is None or len(names) == len(states)
        _refuse_unless(is_fit and all(isinstance(name, str | None) for name in each))
        _refuse_unless((names is None) != (states == RESERVED).any())
    _refuse_unless((op.kind == "undo") == bool(op.undone))
    if op.undone:
        _refuse_unless(op.undone == (*islice(live(history, position), len(op.undone)),))
        undone = [history[at] for at in reversed(op.undone)]
        _refuse_unless(all(one.kind not in _GROWING for one in undone))
        was = before(undone, dtype_of_labels(history, op.undone[-1]))
        is_labeled = op.states_after == LABELED
        pairs = [(was["rows"], op.rows), (was["states"], op.states_after)]
        if op.labels_after is not None:
            pairs.append((was["labels"][is_labeled], op.labels_after[is_labeled]))
        _refuse_unless(was["names"] == op.names_after and all(starmap(np.array_equal, pairs)))


def _check_labels(history: Sequence[Operation], missing_label: Any) -> None:
    """Refuse labels that are none, or that are missing."""
    groups: dict[np.dtype, list] = {}
    for op in history:
        sides = (op.states_before, op.labels_before), (op.states_after, op.labels_after)
        for states, labels in sides:
            is_labeled = states == LABELED
            _refuse_unless((labels is None) != is_labeled.any())
            if labels is not None:
                groups.setdefault(labels.dtype, []).append(labels[is_labeled])
    for parts in groups.values():
        values = np.concatenate(parts)
        _refuse_unless(not missing_mask(values, missing_label).any())
        _refuse_unless(values.dtype.kind != "f" or np.isfinite(values).all())
        is_text = values.dtype.kind == "O"
        _refuse_unless(not is_text or all(isinstance(value, str) for value in values.tolist()))
