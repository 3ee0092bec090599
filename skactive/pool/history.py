"""What happened to a pool: one `Operation` for every call that changed it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from .storage import pack_json, unpack_json

UNLABELED, LABELED, RESERVED, SKIPPED = range(4)
STATE_NAMES = ("unlabeled", "labeled", "reserved", "skipped")


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


def from_arrays(arrays: dict[str, np.ndarray]) -> list[Operation]:
    """Return the history that `to_arrays` wrote."""
    text = f"labels {np.dtype(object).str}"
    if text in arrays:
        arrays = {**arrays, text: np.array(unpack_json(arrays[text]), dtype=object)}
    used = dict.fromkeys(arrays, 0)

    def take(name: str, k: int) -> np.ndarray:
        used[name] += k
        return arrays[name][used[name] - k : used[name]]

    history = []
    for time, details in zip(arrays["times"], unpack_json(arrays["operations"]), strict=True):
        kind, k, dtypes, names, annotator, n_added, undone = details
        fields: list[Any] = [take(name, k) for name in ("rows", "states_before", "states_after")]
        fields += [None if dtype is None else take(f"labels {dtype}", k) for dtype in dtypes]
        fields += [None if each is None else tuple(each) for each in names]
        fields += [annotator, float(time), n_added, tuple(undone)]
        history.append(Operation(kind, *fields))
    return history
