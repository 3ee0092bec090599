"""The pool: which rows are labelled, reserved, skipped or free, and since when."""

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType

import numpy as np

from ..data import labels as lab
from ..data.conform import conform
from ..data.fingerprint import fingerprint
from ..data.row_numbers import check_row_numbers
from ..data.rows import Rows, check_rows, row_index
from ..utils.checks import check_name, checked_count
from . import history as hist
from . import storage
from .history import LABELED, RESERVED, SKIPPED, STATE_NAMES, UNLABELED, Change, Operation
from .ledger import NOTHING, Ledger

FINGERPRINTED_ROWS = 256


# What a pool tells of each state, by the same few properties.


def _members(state: int, doc: str) -> property:
    return property(lambda pool: pool._ledger.members(state), doc=doc)


def _mask(state: int, doc: str) -> property:
    return property(lambda pool: pool._ledger.read(Ledger.mask, state), doc=doc)


def _count(state: int, doc: str) -> property:
    return property(lambda pool: int(pool._ledger.now.counts[state]), doc=doc)


class Pool:
    """Rows and their labels, with the bookkeeping that active learning needs.

    Every row is in one of four states: labelled, reserved (given to an annotator, or chosen
    elsewhere), skipped (the annotator could not tell) or unlabelled. Row numbers are positions in
    `X` and never shift. Every call that changes something is one operation: it happens whole or
    not at all, whatever interrupts it, is kept in the `history`, and can be undone.

    Parameters
    ----------
    X : array, memmap, CSR or CSC matrix, pandas or polars frame, or list, of n rows
        The rows. Never copied, never modified, not looked into.
    y : array-like of shape (n,), default=None
        Labels: numbers, booleans or text; the missing label where there is none. None: no row is
        labelled.
    missing_label : int, float, str or None, default="auto"
        What counts as "no label" besides None, NaN and pandas.NA, which always do. "auto": -1,
        but a y of numbers with both -1 and None or NaN is refused, as by `extend`. Where -1 is a
        class, and for regression, write ``missing_label=None``.
    classes : array-like, default=None
        The labels that are accepted. None: any.

    Raises
    ------
    ValueError
        If X has no rows, or y has another length, another order (a pandas index), mixes text with
        numbers, or holds a label outside `classes`.

    Examples
    --------
    >>> from skactive import Pool
    >>> pool = Pool([[0.0], [1.0], [2.0], [3.0]], [-1, 1, -1, -1])
    >>> pool.label([3], ["0"])
    Traceback (most recent call last):
    ...
    ValueError: labels so far are numbers, got text; write labels of one kind.
    >>> pool.label([3, 0], [0, -1])  # row 0: the annotator could not tell
    >>> pool
    Pool(4 rows: 2 labelled, 1 unlabelled, 0 reserved, 1 skipped)
    >>> pool.labeled, pool.unlabeled
    (array([1, 3]), array([2]))
    >>> pool.undo()
    >>> pool.y
    array([-1,  1, -1, -1])
    """

    def __init__(self, X, y=None, *, missing_label="auto", classes=None):
        X = check_rows(X, who="the pool")
        rows = Rows(X)
        if len(rows) == 0:
            raise ValueError("X has no rows; give at least one.")
        self._start(missing_label, classes)
        known, values = NOTHING, None
        if y is not None:
            values, mask = self.parse(y, len(rows), row_index(X), who="the pool")
            known = np.flatnonzero(mask)
            # A mistake more often than a pool without labels.
            if len(known) == 0 and np.asarray(y).dtype.kind == "f" and np.isnan(y).all():
                raise ValueError("y is NaN throughout; for a pool without labels write y=None.")
            values = values[known]
        states = np.full(len(known), LABELED, dtype=np.int8)
        self.apply(Change("fit", known, states, values, added=rows))

    def _start(self, missing_label, classes) -> None:
        """Set up a pool that has nothing in it yet."""
        self.missing_label = lab.resolve_missing_label(missing_label, regression=False)
        self._missing_label = lab.AUTO if lab.is_auto(missing_label) else self.missing_label
        self.classes: np.ndarray | None = None
        if classes is not None:
            self.classes = lab.named_classes(classes, missing_label=self.missing_label)
        self.seed: int | None = None
        self._ledger = Ledger(Rows())

    # What is in it

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def X(self):
        """The rows: what was given, or everything joined where rows were added."""
        return self.rows.whole()

    @property
    def rows(self) -> Rows:
        """The rows without joining what was added; `rows.take(numbers)` gathers some."""
        return self._ledger.now.rows

    @property
    def y(self) -> np.ndarray:
        """Labels of all rows, shape (n,), with the missing label where there is none."""

        def look(ledger: Ledger) -> np.ndarray:
            known, labels = ledger.mask(LABELED), ledger.columns.labels
            if labels is None:
                labels = np.zeros(len(known), dtype=int if self.missing_label == -1 else float)
            return lab.fill(labels[: len(known)], known, self.missing_label)

        return self._ledger.read(look)

    labeled = _members(LABELED, "Sorted row numbers of the labelled rows.")
    reserved = _members(RESERVED, "Sorted row numbers of the reserved rows.")
    skipped = _members(SKIPPED, "Sorted row numbers of the skipped rows.")

    @property
    def unlabeled(self) -> np.ndarray:
        """Sorted row numbers of the rows that may be asked for."""
        return np.flatnonzero(self.unlabeled_mask)

    labeled_mask = _mask(LABELED, "Boolean mask of shape (n,): labelled.")
    reserved_mask = _mask(RESERVED, "Boolean mask of shape (n,): reserved.")
    skipped_mask = _mask(SKIPPED, "Boolean mask of shape (n,): skipped.")
    unlabeled_mask = _mask(UNLABELED, "Boolean mask of shape (n,): may be asked for.")

    n_labeled = _count(LABELED, "Number of labelled rows.")
    n_reserved = _count(RESERVED, "Number of reserved rows.")
    n_skipped = _count(SKIPPED, "Number of skipped rows.")
    n_unlabeled = _count(UNLABELED, "Number of rows that may be asked for.")

    @property
    def X_labeled(self):
        """The labelled rows, in row order."""
        labeled = self.labeled  # before the rows, which another thread may add to
        return self.rows.take(labeled)

    @property
    def y_labeled(self) -> np.ndarray:
        """The labels of `X_labeled`."""

        def look(ledger: Ledger) -> np.ndarray:
            labels = ledger.columns.labels
            return np.zeros(0) if labels is None else labels[ledger.members(LABELED)]

        return self._ledger.read(look)

    @property
    def X_unlabeled(self):
        """The rows that may be asked for, in row order."""
        unlabeled = self.unlabeled
        return self.rows.take(unlabeled)

    @property
    def reservations(self) -> Mapping[int, str | None]:
        """For whom each reserved row is reserved: row number -> name."""
        return MappingProxyType(self._ledger.read(lambda ledger: dict(ledger.columns.names)))

    @property
    def history(self) -> tuple[Operation, ...]:
        """All operations, oldest first."""
        return tuple(self.since(0))

    @property
    def n_operations(self) -> int:
        """Number of operations in the history."""
        return self._ledger.now.n_operations

    def since(self, n: int) -> list[Operation]:
        """Return the operations after the first `n` of the history, oldest first."""
        return self._ledger.since(n)

    def name_classes(self, classes) -> None:
        """Accept these labels only, from now on.

        Parameters
        ----------
        classes : array-like
            Labels.

        Raises
        ------
        ValueError
            If a row has another label already.
        """
        named = lab.named_classes(classes, missing_label=self.missing_label)
        lab.parse(self.y_labeled, missing_label=None, classes=named, rows=self.labeled)
        self.classes = named

    def to_dataset(self, positions) -> np.ndarray:
        """Return the row numbers of positions among the unlabelled rows.

        Parameters
        ----------
        positions : array-like of int, shape (k,)
            Positions in `unlabeled` (and in `X_unlabeled`).

        Returns
        -------
        ndarray of shape (k,), int64
            Row numbers.
        """
        return self.unlabeled[check_row_numbers(positions, self.n_unlabeled, who="to_dataset")]

    # What changes it

    def label(self, idx, y, *, relabel=False, annotator=None) -> None:
        """Record labels.

        A labelled row takes the same label again without effect. The missing label for a row
        without a label means that the annotator could not tell: the row is skipped.

        Parameters
        ----------
        idx : int or array-like of int, shape (k,)
            Row numbers.
        y : label or array-like of labels, shape (k,)
            Their labels.
        relabel : bool, default=False
            Whether labelled rows may take another label, or the missing label (which unlabels
            them).
        annotator : str, default=None
            Who gave the labels; kept in the history.

        Raises
        ------
        ValueError
            If the row numbers are not distinct rows of the pool, if the labels do not fit them,
            or if a labelled row would change without ``relabel=True``. Nothing has changed then.
        """
        check_name(annotator, "label")
        self.apply(self.plan_label(idx, y, relabel=relabel, annotator=annotator))

    def unlabel(self, idx) -> None:
        """Take the labels of labelled rows away; they may be asked for again."""
        self._move("unlabel", idx, {LABELED: UNLABELED})

    def skip(self, idx) -> None:
        """Set rows aside that nobody can label; they are not offered until `restore`."""
        self._move("skip", idx, {UNLABELED: SKIPPED, RESERVED: SKIPPED, SKIPPED: SKIPPED})

    def restore(self, idx) -> None:
        """Offer skipped rows again."""
        self._move("restore", idx, {SKIPPED: UNLABELED})

    def reserve(self, idx, name=None) -> None:
        """Keep rows for someone: they are not offered again until labelled or released.

        Parameters
        ----------
        idx : int or array-like of int, shape (k,)
            Row numbers of unlabelled rows.
        name : str, default=None
            For whom.
        """
        check_name(name, "reserve")
        idx = check_row_numbers(idx, len(self), who="reserve")
        columns = self._ledger.follow()
        for row in idx[columns.states[idx] == RESERVED].tolist():
            if columns.names[row] != name:
                raise ValueError(
                    f"reserve got row {row}, which is reserved for {columns.names[row]!r}; "
                    f"release it first."
                )
        self._move("reserve", idx, {UNLABELED: RESERVED, RESERVED: RESERVED}, name)

    def release(self, idx=None, *, name=None) -> None:
        """Offer reserved rows again.

        Parameters
        ----------
        idx : int or array-like of int, shape (k,), default=None
            Row numbers of reserved rows.
        name : str, default=None
            Release all that are reserved for this name.
        """
        if (idx is None) == (name is None):
            raise ValueError("release takes either row numbers or name=, not both or neither.")
        if idx is None:
            idx = sorted(row for row, who in self.reservations.items() if who == name)
            if not idx:
                raise ValueError(f"release got name={name!r}, but no row is reserved for it.")
        self._move("release", idx, {RESERVED: UNLABELED})

    def extend(self, X, y=None, *, annotator=None) -> np.ndarray:
        """Add rows behind the others.

        Parameters
        ----------
        X : container of m rows, like the pool's own
            The new rows; kept beside the old ones, not copied.
        y : array-like of shape (m,), default=None
            Their labels, with the missing label where there is none.
        annotator : str, default=None
            Who gave the labels.

        Returns
        -------
        ndarray of shape (m,), int64
            The new rows' numbers.
        """
        check_name(annotator, "extend")
        first = len(self)
        self.apply(self.plan_extend(X, y, annotator=annotator))
        return np.arange(first, len(self))

    def undo(self, n=1) -> None:
        """Revert the last `n` operations that are not undone yet.

        Parameters
        ----------
        n : int, default=1
            How many.

        Raises
        ------
        ValueError
            If there are fewer, or if one of them is an `extend`: rows stay once they are in.
        """
        self.apply(self.plan_undo(n))

    # On disk

    def save(self, path) -> None:
        """Write labels, states and history to a file.

        The file holds no rows and no pickle. It is replaced whole: whoever is interrupted keeps
        the old one, and what a killed process leaves beside it goes at the next save. A
        fingerprint of the rows is kept, so that `load` refuses other data.

        Parameters
        ----------
        path : str or path
            File to write; "npz" is its usual ending.
        """
        now, labeled = self._ledger.read(lambda ledger: (ledger.now, ledger.members(LABELED)))
        n, sampled = len(now.rows), _sampled(len(now.rows), labeled)
        header = {
            "n_rows": n,
            "missing_label": _plain(self._missing_label),
            "classes": None if self.classes is None else self.classes.tolist(),
            "classes_dtype": None if self.classes is None else self.classes.dtype.str,
            "seed": self.seed,
            "fingerprint": fingerprint(now.rows, sampled),
        }
        arrays = hist.to_arrays(self._ledger.history[: now.n_operations])
        storage.write(path, header, {"sampled": sampled, **arrays})

    @classmethod
    def load(cls, path, X) -> "Pool":
        """Return a saved pool over its rows.

        Parameters
        ----------
        path : str or path
            File that `save` wrote.
        X : container of n rows
            All rows of the pool, those that were added included, in the same order.

        Returns
        -------
        Pool
            As it was saved.

        Raises
        ------
        ValueError
            If the file is not a pool's, is damaged, or tells of what no pool has been through; or
            if X is not the data it was saved with.
        """
        header, arrays = storage.read(path)
        rows = Rows(check_rows(X, who="Pool.load"))
        pool = cls.__new__(cls)
        with storage.refusing(path):
            n, seed, sampled = header["n_rows"], header["seed"], arrays.pop("sampled")
            pool._start(header["missing_label"], None)
            pool.classes = hist.classes_from(header, pool.missing_label)
            pool.seed = None if seed is None else checked_count(seed, "seed", least=0)
            history = hist.from_arrays(arrays, n, pool.missing_label)
        if len(rows) != n:
            raise ValueError(
                f"the pool was saved with {n} rows, X has {len(rows)}; give all of its rows, those "
                f"that were added included."
            )
        with storage.refusing(path):
            pool._ledger = Ledger(rows, history)
            lab.parse(pool.y_labeled, missing_label=None, classes=pool.classes)
            if not np.array_equal(sampled, _sampled(n, pool.labeled)):
                raise ValueError("others were sampled")
        if fingerprint(rows, sampled) != header["fingerprint"]:
            raise ValueError(
                "X is not the data that this pool was saved with: values, columns or the order of "
                "the rows differ; give the same rows in the same order."
            )
        return pool

    # Display

    def __repr__(self) -> str:
        counts = self._named_counts()
        named = ", ".join(f"{count} {name}" for name, count in counts.items())
        return f"Pool({sum(counts.values())} rows: {named})"

    def _repr_html_(self) -> str:
        counts = sorted(self._named_counts().items())
        head = "".join(f"<th>{name}</th>" for name, _ in counts)
        body = "".join(f"<td>{count:,}</td>" for _, count in counts)
        return (
            f"<table><caption>Pool of {sum(count for _, count in counts):,} rows</caption>"
            f"<tr>{head}</tr><tr>{body}</tr></table>"
        )

    def _named_counts(self) -> dict[str, int]:
        """Return how many rows are in each state, all as of one moment."""
        counts = self._ledger.now.counts[[LABELED, UNLABELED, RESERVED, SKIPPED]]
        names = ("labelled", "unlabelled", "reserved", "skipped")
        return dict(zip(names, counts.tolist(), strict=True))

    # Plans: everything that can be refused is refused here, before anything changes

    def parse(
        self, y, n: int, index, who: str, rows=None, is_answer: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return labels for the `n` rows of an index as values, and a mask of those that are known.

        They must be one for each row, in the order of the index, and of the kind of those so far.
        Refusals name one of `rows`, or a position in y. Of answers, which come one by one or in
        batches of any size, each is read by itself: -1 and None may stand beside each other.
        """
        if index is not None:
            lab.check_order(y, index, who=who)
        missing = self.missing_label if is_answer else self._missing_label
        values, known = lab.parse(y, rows=rows, missing_label=missing, classes=self.classes)
        if len(values) != n:
            raise ValueError(f"{who} got {len(values)} labels for {n} rows; give one for each row.")
        so_far = self._ledger.follow().labels
        # Labels that were taken away bind nobody: then another kind may come.
        if known.any() and self.n_labeled and so_far is not None:
            lab.merge_dtype(so_far.dtype, values.dtype)
        return values, known

    def n_doubtful(self, y) -> int:
        """Return how many labels are -1, which may be a class, and is none by default alone."""
        if not lab.is_auto(self._missing_label) or self.classes is not None:
            return 0
        is_text = self.n_labeled > 0 and self.y_labeled.dtype.kind in "UO"
        return 0 if is_text else lab.count_minus_ones(y)

    def plan_label(self, idx, y, *, relabel=False, annotator=None, who="label") -> Change:
        """Return what `label` would change, or refuse it; messages name `who` as the call."""
        idx = check_row_numbers(idx, len(self), who=who)
        names = self.rows.names_of(idx)
        values, known = self.parse(y, len(idx), names, who, idx, is_answer=True)
        states, labels, _ = self._ledger.snapshot(idx)
        was = states == LABELED
        same = was & known
        if same.any():
            same[same] = labels[same] == values[same]
        clash = np.flatnonzero(was & ~same)
        if len(clash) and not relabel:
            row, label = idx[clash[0]], _plain(values[clash[0]])
            got = f"the label {label!r}" if known[clash[0]] else "the missing label"
            raise ValueError(
                f"{who} got {got} for row {row}, which is labelled "
                f"{_plain(labels[clash[0]])!r}; to change it, pass relabel=True."
            )
        # The missing label takes a label away; for a row without one nobody could tell.
        after = np.where(known, LABELED, np.where(was, UNLABELED, SKIPPED)).astype(np.int8)
        changed = ~same & (known | (after != states))
        return Change("label", idx[changed], after[changed], values[changed], annotator=annotator)

    def plan_extend(
        self, X, y=None, *, missing=UNLABELED, merge=False, annotator=None, who="extend"
    ) -> Change:
        """Return what `extend` would change, or refuse it.

        `missing` is the state of new rows without a label. With `merge` they are copied into the
        part that was added last, as suits a few rows at a time.
        """
        X = conform(X, self.rows.pattern, who)
        added = Rows(X)
        how = {"added": added, "merge": merge, "annotator": annotator}
        if y is None:
            return Change("extend", NOTHING, NOTHING.astype(np.int8), **how)
        is_answer = missing == SKIPPED
        values, known = self.parse(y, len(added), row_index(X), who, is_answer=is_answer)
        states = np.where(known, LABELED, missing).astype(np.int8)
        changed = np.flatnonzero(states != UNLABELED)
        return Change("extend", len(self) + changed, states[changed], values[changed], **how)

    def plan_undo(self, n=1) -> Change:
        """Return what `undo` would change, or refuse it."""
        checked_count(n, "n", "undo")
        history, end = self._ledger.history, self.n_operations
        # The first operation, "fit", is where the pool begins.
        undone = [position for position in islice(hist.live(history, end), n) if position]
        if n > len(undone):
            raise ValueError(f"undo got n={n}, but {_operations(len(undone))} can be undone.")
        kinds = [history[position].kind for position in undone]
        if "extend" in kinds:
            raise ValueError(
                f"undo got n={n}, but the rows added {_operations(kinds.index('extend') + 1)} ago "
                f"stay; unlabel or skip them instead."
            )
        operations = [history[position] for position in reversed(undone)]
        dtype = hist.dtype_of_labels(history, undone[-1])
        return Change("undo", **hist.before(operations, dtype), undone=tuple(undone))

    def _move(self, kind: str, idx, moves: dict[int, int], name=None) -> None:
        """Bring rows from one state to another, refusing those in any other state."""
        idx = check_row_numbers(idx, len(self), who=kind)
        states = self._ledger.follow().states[idx]
        wrong = np.flatnonzero(~np.isin(states, list(moves)))
        if len(wrong):
            allowed = " or ".join(STATE_NAMES[state] for state in moves)
            raise ValueError(
                f"{kind} got row {idx[wrong[0]]}, which is {STATE_NAMES[states[wrong[0]]]}; "
                f"it takes rows that are {allowed}."
            )
        after = np.array([moves.get(state, state) for state in range(4)], dtype=np.int8)[states]
        changed = after != states
        names = (name,) * int(changed.sum()) if kind == "reserve" else None
        self.apply(Change(kind, idx[changed], after[changed], names=names))

    # Changes: nothing here is refused

    def apply(self, change: Change) -> None:
        """Carry out what a plan of this pool returned, as one operation of the history.

        Nothing may be applied in between: a plan is about the pool as it was then.
        """
        if not change.is_empty:
            self._ledger.commit(change)


def _sampled(n: int, labeled: np.ndarray) -> np.ndarray:
    """Return by which rows the data are known again: some of all, and some of the labelled."""
    of_all, of_labeled = (
        np.linspace(0, m - 1, min(m, FINGERPRINTED_ROWS // 2)).round().astype(np.intp)
        for m in (n, len(labeled))
    )
    return np.union1d(of_all, labeled[of_labeled])


def _operations(n: int) -> str:
    """Return a number of operations in words."""
    return f"{n} operation{'s' * (n != 1)}"


def _plain(label):
    """Return a label as a plain Python value, for messages."""
    return label.item() if isinstance(label, np.generic) else label
