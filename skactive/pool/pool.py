"""The pool: which rows are labelled, reserved, skipped or free, and since when."""

import numpy as np

from ..data import labels as lab
from ..data.rows import Rows, check_rows, row_index
from ..utils.checks import check_name
from . import files, plans
from .facts import Facts
from .ledger import Ledger
from .log import NOTHING, OPINION, Change


class Pool(Facts):
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
        self.classes = None
        if classes is not None:
            self.classes = lab.named_classes(classes, missing_label=self.missing_label)
        self._seed: int | None = None
        self.ledger = Ledger(Rows())
        self.consensus = None

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

        def name() -> None:
            named = lab.named_classes(classes, missing_label=self.missing_label)
            lab.parse(self.y_labeled, missing_label=None, classes=named, rows=self.labeled)
            self.set(classes=named)

        self.together(name)

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
        self._change(plans.label, idx, y, relabel=relabel, annotator=annotator)

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
        self._change(plans.decide, idx, y, annotator=annotator)

    def unlabel(self, idx) -> None:
        """Take the labels of labelled rows away; they may be asked for again."""
        self._change(plans.move, "unlabel", idx)

    def skip(self, idx) -> None:
        """Set rows aside that nobody can label; they are not offered until `restore`."""
        self._change(plans.move, "skip", idx)

    def restore(self, idx) -> None:
        """Offer skipped rows again."""
        self._change(plans.move, "restore", idx)

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
        self._change(plans.reserve, idx, name)

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
            self._change(plans.release_all, name)
        else:
            self._change(plans.move, "release", idx)

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

        def extended() -> np.ndarray:
            first = len(self)
            self.apply(plans.extend(self, X, y, annotator=annotator))
            return np.arange(first, len(self))

        return self.together(extended)

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
        self._change(plans.undo, n, annotator)

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

    @classmethod
    def open(cls, path, X, y=None, *, read_only=False, **options) -> "Pool":
        """Return a pool over a file that has every operation before the call returns.

        The file is an SQLite database. It is made if it is not there; else the pool goes on where
        it stood. Several processes may have it open: each call takes in first what the others
        wrote, and is refused, or recorded, by what is true then. `refresh` takes it in alone. A
        copy of the pool, by pickle or deepcopy, is in memory.

        Parameters
        ----------
        path : str or path
            The file; "db" is its usual ending.
        X : container of n rows
            All rows of the pool, those that were added included, in the same order.
        y : array-like of shape (n,), default=None
            Labels to begin with; of a file that is there they must be those that it began with.
        read_only : bool, default=False
            Whether to look at the file, which others may write to meanwhile, and not change it.
        **options : dict
            Of `Pool`; of a file that is there they must be those that it has.

        Returns
        -------
        Pool
            To be closed by `close`, or ``with Pool.open(...) as pool``.

        Raises
        ------
        ValueError
            If the file is something else, is damaged, or belongs to other rows or labels.
        OSError
            If it cannot be written to; TimeoutError if another process has kept it locked for five
            seconds. Changes raise these as well, and nothing has changed then.
        """
        from .durable import open_pool  # most pools need no database

        return open_pool(cls, path, X, y, read_only, options)

    def copy_to(self, path) -> None:
        """Write the pool to another file, for `open` where its name ends in .db, else for `load`.

        Parameters
        ----------
        path : str or path
            A database must not be there yet; another file is replaced.
        """
        from .durable import copy_to

        copy_to(self, path)

    def refresh(self) -> None:
        """Take in what other processes wrote to the file of a pool that `open` returned."""
        self.ledger.refresh()
        vars(self).update(self.ledger.told())

    def close(self) -> None:
        """Close the file of a pool that `open` returned; it can be read on, but not changed."""
        self.ledger.close()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # Changes

    def together(self, work):
        """Return what a function returns that plans a change and applies it.

        Whoever else writes to the pool's file does so before or after.
        """

        def alone():
            vars(self).update(self.ledger.told())
            return work()

        return self.ledger.changed(alone)

    def _change(self, plan, *args, **kwargs) -> None:
        """Apply what a function plans for the pool."""
        self.together(lambda: self.apply(plan(self, *args, **kwargs)))

    def set(self, **settings) -> None:
        """Set what holds for the pool as a whole."""
        self.ledger.keep(settings)
        vars(self).update(settings)

    def apply(self, change: Change) -> None:
        """Carry out what a plan of this pool returned, as one operation of the history.

        Nothing may be applied in between: a plan is about the pool as it was then.
        """
        if not change.is_empty:
            self.ledger.commit(change)

    @property
    def seed(self) -> int | None:
        """From which a learner's random numbers follow; None before it has one."""
        return self._seed

    @seed.setter
    def seed(self, seed: int | None) -> None:
        if seed != self._seed:
            self.set(_seed=seed)
