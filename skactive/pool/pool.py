"""The pool: which rows are labelled, reserved, skipped or free, and since when."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ..data import labels as lab
from ..data.row_numbers import check_row_numbers
from ..data.rows import Rows, check_rows, row_index
from ..utils.checks import check_name
from . import files, plans
from .fold import HELD_OUT, LABELED, RESERVED, SKIPPED, UNLABELED
from .history import Operation, labeled_lately, operations
from .ledger import Ledger
from .log import CLOSE, NOTHING, OPINION, RELEASE, RESTORE, Change

# What a pool tells of each state, by the same few properties.


def _members(state: int, doc: str) -> property:
    return property(lambda pool: pool.ledger.members(state), doc=doc)


def _mask(state: int, doc: str) -> property:
    return property(lambda pool: pool.ledger.read(Ledger.mask, state), doc=doc)


def _count(state: int, doc: str) -> property:
    return property(lambda pool: int(pool.ledger.now.counts[state]), doc=doc)


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
        self.apply(Change("fit", known, OPINION, None, values, added=rows))

    def _start(self, missing_label, classes) -> None:
        """Set up a pool that has nothing in it yet."""
        self.missing_label = lab.resolve_missing_label(missing_label, regression=False)
        self.given_missing_label = lab.AUTO if lab.is_auto(missing_label) else self.missing_label
        self.classes: np.ndarray | None = None
        if classes is not None:
            self.classes = lab.named_classes(classes, missing_label=self.missing_label)
        self.seed: int | None = None
        self.ledger = Ledger(Rows())
        self.consensus = None

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
        return self.ledger.now.rows

    @property
    def y(self) -> np.ndarray:
        """Labels of all rows, shape (n,), with the missing label where there is none."""

        def look(ledger: Ledger) -> np.ndarray:
            known, labels = ledger.mask(LABELED), _labels_in(ledger)
            if labels is None:
                labels = np.zeros(0, dtype=int if self.missing_label == -1 else float)
            full = np.zeros(len(known), dtype=labels.dtype)
            full[known] = labels
            return lab.fill(full, known, self.missing_label)

        return self.ledger.read(look)

    labeled = _members(LABELED, "Sorted row numbers of the labelled rows.")
    reserved = _members(RESERVED, "Sorted row numbers of the reserved rows.")
    skipped = _members(SKIPPED, "Sorted row numbers of the skipped rows.")

    @property
    def unlabeled(self) -> np.ndarray:
        """Sorted row numbers of the rows that may be asked for."""
        return np.flatnonzero(self.unlabeled_mask)

    held_out = _members(HELD_OUT, "Sorted row numbers of the rows on the test side.")

    labeled_mask = _mask(LABELED, "Boolean mask of shape (n,): labelled.")
    reserved_mask = _mask(RESERVED, "Boolean mask of shape (n,): reserved.")
    skipped_mask = _mask(SKIPPED, "Boolean mask of shape (n,): skipped.")
    held_out_mask = _mask(HELD_OUT, "Boolean mask of shape (n,): on the test side.")
    unlabeled_mask = _mask(UNLABELED, "Boolean mask of shape (n,): may be asked for.")

    n_labeled = _count(LABELED, "Number of labelled rows.")
    n_reserved = _count(RESERVED, "Number of reserved rows.")
    n_skipped = _count(SKIPPED, "Number of skipped rows.")
    n_held_out = _count(HELD_OUT, "Number of rows on the test side.")
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
            labels = _labels_in(ledger)
            return np.zeros(0) if labels is None else labels

        return self.ledger.read(look)

    @property
    def X_unlabeled(self):
        """The rows that may be asked for, in row order."""
        unlabeled = self.unlabeled
        return self.rows.take(unlabeled)

    @property
    def reservations(self) -> Mapping[int, tuple[str | None, ...]]:
        """For whom rows are reserved: row number -> names."""
        return MappingProxyType(self.ledger.read(lambda ledger: dict(ledger.slots.names)))

    @property
    def history(self) -> tuple[Operation, ...]:
        """All operations, oldest first."""
        return tuple(self.since(0))

    @property
    def n_operations(self) -> int:
        """Number of operations in the history."""
        return self.ledger.now.n_operations

    def since(self, n: int) -> list[Operation]:
        """Return the operations after the first `n` of the history, oldest first."""
        return operations(self.ledger, n)

    def has_happened(self, change: Change, n: int) -> bool:
        """Whether a change that has a token became the operation after the first `n`."""
        return self.n_operations > n and self.ledger.log.token == (n, change.token)

    def touched_since(self, n: int) -> np.ndarray:
        """Return the rows that operations after the first `n` touched, sorted."""
        return self.ledger.touched_since(n)

    def labeled_lately(self, since: int, most: int | None) -> np.ndarray:
        """Return rows labelled after the first `since` operations, at most so many, newest first."""
        return self.ledger.read(labeled_lately, since, most)

    @property
    def n_labeled_at_fit(self) -> int:
        """Number of rows that came with a label."""
        return len(self.ledger.log.base[0])

    @property
    def was_ever_unlabeled(self) -> bool:
        """Whether any row was ever without a label."""
        return self.ledger.was_ever_unlabeled()

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
        self.apply(plans.label(self, idx, y, relabel=relabel, annotator=annotator))

    def decide(self, idx, y, *, annotator=None) -> None:
        """Record a reviewer's final word, which outranks all opinions, earlier and later ones.

        Parameters
        ----------
        idx : int or array-like of int, shape (k,)
            Row numbers.
        y : label or array-like of labels, shape (k,)
            Their labels.
        annotator : str, default=None
            Who decided.
        """
        check_name(annotator, "decide")
        self.apply(plans.decide(self, idx, y, annotator=annotator))

    def unlabel(self, idx) -> None:
        """Take the labels of labelled rows away; they may be asked for again."""
        self.apply(plans.move(self, "unlabel", idx))

    def skip(self, idx) -> None:
        """Set rows aside that nobody can label; they are not offered until `restore`."""
        self.apply(plans.move(self, "skip", idx))

    def restore(self, idx) -> None:
        """Offer skipped rows again."""
        self.apply(plans.move(self, "restore", idx))

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
        self.apply(plans.reserve(self, idx, name))

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
        self.apply(plans.release_all(self, name) if idx is None else plans.move(self, "release", idx))

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
        self.apply(plans.extend(self, X, y, annotator=annotator))
        return np.arange(first, len(self))

    def undo(self, n=1, *, annotator=None) -> None:
        """Revert the last `n` operations that are not undone yet.

        Parameters
        ----------
        n : int, default=1
            How many.
        annotator : str, default=None
            Take back what this person said last, whatever others did since.

        Raises
        ------
        ValueError
            If there are fewer, or if one of them is an `extend`: rows stay once they are in.
        """
        check_name(annotator, "undo")
        self.apply(plans.undo(self, n, annotator))

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
        files.save(self, path)

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
        return files.load(cls, path, X)

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
        counts = self.ledger.now.counts[[LABELED, UNLABELED, RESERVED, SKIPPED]]
        names = ("labelled", "unlabelled", "reserved", "skipped")
        return dict(zip(names, counts.tolist(), strict=True))

    # For those who plan a change

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
        missing = self.missing_label if is_answer else self.given_missing_label
        values, known = lab.parse(y, rows=rows, missing_label=missing, classes=self.classes)
        if len(values) != n:
            raise ValueError(f"{who} got {len(values)} labels for {n} rows; give one for each row.")
        so_far = self.ledger.now.dtype
        # Labels that were taken away bind nobody: then another kind may come.
        if known.any() and self.n_labeled and so_far is not None:
            lab.merge_dtype(so_far, values.dtype)
        return values, known

    def n_doubtful(self, y) -> int:
        """Return how many labels are -1, which may be a class, and is none by default alone."""
        if not lab.is_auto(self.given_missing_label) or self.classes is not None:
            return 0
        is_text = self.n_labeled > 0 and self.y_labeled.dtype.kind in "UO"
        return 0 if is_text else lab.count_minus_ones(y)

    # Changes: nothing here is refused

    def apply(self, change: Change) -> None:
        """Carry out what a plan of this pool returned, as one operation of the history.

        Nothing may be applied in between: a plan is about the pool as it was then.
        """
        if not change.is_empty:
            self.ledger.commit(change)


def _labels_in(ledger: Ledger) -> np.ndarray | None:
    """Return the labels of the labelled rows, in row order; None if there never was one."""
    slots = ledger.slots
    return None if slots.labels is None else slots.labels[slots.find(ledger.members(LABELED))]
