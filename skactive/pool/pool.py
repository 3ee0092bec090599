"""The pool: which rows are labelled, reserved, skipped or free, and since when."""

from typing import Any

import numpy as np

from ..data import labels as lab
from ..data.ids import Called, refuse_column, take_ids
from ..data.multilabel import has_several, names_of
from ..data.rows import Rows, check_rows, row_index
from ..utils.checks import check_name, draw_seed
from . import files, plans, regrouping, tables
from .facts import Facts
from .log import NOTHING, OPINION, Change
from .renumbering import Given
from .standing import all_said
from .test_side import first_detail


class Pool(Facts):
    """Rows and their labels, with the bookkeeping that active learning needs.

    Every row is in one of five states: labelled, reserved (given to an annotator, or chosen
    elsewhere), skipped (the annotator could not tell), unlabelled, or held out to test on, with a
    label or without. Row numbers are positions in `X` and never shift. Every call that changes
    something is one operation: it happens whole or not at all, whatever interrupts it, is kept in
    the `history`, and can be undone.

    Parameters
    ----------
    X : array, memmap, CSR or CSC matrix, pandas or polars frame, or list, of n rows
        The rows. Never copied, never modified, not looked into.
    y : array-like of shape (n,), default=None
        Labels: numbers, booleans or text; the missing label where there is none. None: no row is
        labelled.
    ids : str or array-like of shape (n,), default=None
        Names of rows wherever they stand: distinct texts or integers, or the name of a column of
        the frame X, which is then no feature.
    missing_label : int, float, str or None, default="auto"
        What counts as "no label" besides None, NaN and pandas.NA, which always do. "auto": -1,
        but a y of numbers with both -1 and None or NaN is refused, as by `extend`. Where -1 is a
        class, and for regression, write ``missing_label=None``.
    classes : array-like, default=None
        The labels that are accepted. None: any.
    multilabel : bool or "auto", default="auto"
        Whether a row has several labels: any number of `classes`, none included. Then y has for
        each row a set of names, or 0 or 1 for each name, shape (n, L); where nothing is known yet,
        None or a row of -1. "auto": if such a y is given. Without one, write True and `classes`.
    consensus : "majority", "one_coin", callable or None, default=None
        What a row's label is by the opinions of several people. None: what was said last; another
        label needs ``relabel=True``. "majority": what most say, "one_coin": what is likeliest by
        how often each seems to be right; of several, what was said first. Then everybody may say
        something else of a row. A callable ``(rows, annotators, labels) -> labels`` is shown all
        opinions, in the order in which they were given, and returns a label for each distinct row,
        by row number.
    hold_out : float, default=None
        Share of the rows to test on: each by a hash of its number, or of its id, those that
        come later too; but never rows that come with a label. None: none.
    groups : array-like of int or str of shape (n,), default=None
        With `hold_out`, what rows have in common that must not be on both sides: a patient, a
        page. By the hash of its group a row is held out; not where a row of it came with a label.
    random_state : int, RandomState, Generator or None, default=0
        Seed of the hash of `hold_out`.

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

    def __init__(
        self,
        X,
        y=None,
        *,
        ids=None,
        missing_label: Any = "auto",
        classes=None,
        multilabel: Any = "auto",
        consensus=None,
        hold_out=None,
        groups=None,
        random_state: Any = 0,
    ) -> None:
        X, own = check_rows(X, who="the pool"), None
        if isinstance(y, str):
            refuse_column(y, X, "the pool")
        if ids is not None:
            X, own = take_ids(X, ids, "the pool")
        rows = Rows(X)
        if len(rows) == 0:
            raise ValueError("X has no rows; give at least one.")
        several = has_several(multilabel, y)
        super().__init__(missing_label, None if several else classes, consensus)
        if several:
            self.multilabel, self.named = True, (names_of(y, classes, self.missing_label), 0)
        self.id_column = ids if isinstance(ids, str) else None
        known, values = NOTHING, None
        if y is not None:
            where = None if own is None else Called(np.arange(len(rows)), own)
            values, mask = plans.parse_labels(self, y, len(rows), row_index(X), "the pool", where)
            known = np.flatnonzero(mask)
            # A mistake more often than a pool without labels.
            if (
                len(known) == 0
                and not several
                and np.asarray(y).dtype.kind == "f"
                and np.isnan(y).all()
            ):
                raise ValueError("y is NaN throughout; for a pool without labels write y=None.")
            values = values[known]
        side = first_detail(hold_out, groups, random_state, known, len(rows), row_index(X))
        more: dict[str, Any] = {"added": rows, "detail": side, "ids": own}
        self.apply(Change("fit", known, OPINION, None, values, **more))

    def name_classes(self, classes) -> None:
        """Accept these labels only, from now on.

        Parameters
        ----------
        classes : array-like
            Labels.

        Raises
        ------
        ValueError
            If a row has another label already, or with a `consensus` somebody says so.
        """

        def name() -> None:
            if self.multilabel:
                return self._keep_names(classes)
            named = lab.named_classes(classes, missing_label=self.missing_label)
            # What a consensus passes over today may count tomorrow.
            is_voted = self.consensus is not None
            rows, labels = self.ledger.read(all_said) if is_voted else self._all_labels()
            lab.parse(labels, missing_label=None, classes=named, rows=self.called(rows))
            self.set(named=(named, self.n_operations))

        self.together(name)

    def _keep_names(self, classes) -> None:
        """Refuse other names of labels than they have, where rows have several."""
        names = self._names().tolist()
        if (given := lab.to_array(classes).tolist()) != names:
            raise ValueError(
                f"name_classes got {given}, where rows have several labels, called "
                f"{names}; write rename_class(old, new)."
            )

    # What changes it

    def label(self, idx, y, *, relabel=False, annotator=None, seconds=None, comment=None) -> None:
        """Record labels.

        The same label by the same person again is without effect; by another one, it is a further
        opinion. The missing label for a row without a label means that the annotator could not
        tell: the row is skipped.

        Parameters
        ----------
        idx : int or array-like of int, shape (k,)
            Row numbers.
        y : label or array-like of labels, shape (k,)
            Their labels.
        relabel : bool, default=False
            Whether labelled rows may take another label, or the missing label (which unlabels
            them). With a `consensus`: whether the same person may change what she said.
        annotator : str, default=None
            Who gave the labels; kept in the history.
        seconds : float or array-like of float, shape (k,), default=None
            How long it took, kept in `opinions`; one for all, or one for each row.
        comment : str or array-like of str, shape (k,), default=None
            What was remarked, likewise.

        Raises
        ------
        ValueError
            If the row numbers are not distinct rows of the pool, if the labels do not fit them,
            or if a labelled row would change without ``relabel=True``. Nothing has changed then.
        """
        check_name(annotator, "label")
        options = {"relabel": relabel, "annotator": annotator}
        self._change(plans.label, idx, y, seconds=seconds, comment=comment, **options)

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
        plan = (plans.release_all, name) if idx is None else (plans.move, "release", idx)
        self._change(*plan)

    def rename_class(self, old, new) -> None:
        """Give a class another name, that of none as yet, in all that was said and in `classes`."""
        self._change(regrouping.rename_class, old, new)

    def merge_classes(self, classes, into) -> None:
        """Make one class of several in all that was said: one of them, another, or a new one."""
        self._change(regrouping.merge_classes, classes, into)

    def split_class(self, name, into) -> None:
        """Divide a class into several: its rows lose their labels, and are asked for again.

        What was said of them stays in the history. `into` are at least two labels.
        """
        self._change(regrouping.split_class, name, into)

    def tag(self, idx, name) -> None:
        """Give rows a tag, which they keep whatever becomes of them.

        `tagged` and ``query(subset=name)`` know them by it.
        """
        self._change(plans.tag, "tag", idx, name)

    def untag(self, idx, name) -> None:
        """Take a tag from rows that have it."""
        self._change(plans.tag, "untag", idx, name)

    def extend(self, X, y=None, *, ids=None, groups=None, annotator=None) -> np.ndarray:
        """Add rows behind the others.

        Parameters
        ----------
        X : container of m rows, like the pool's own
            The new rows, not copied.
        y : array-like of shape (m,), default=None
            Their labels, with the missing label where there is none.
        ids : str or array-like of shape (m,), default=None
            Their ids, where the pool's rows have some; None: the column that is them.
        groups : array-like of int or str of shape (m,), default=None
            Their groups, where the pool has any.
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
            self.apply(plans.extend(self, X, y, ids=ids, groups=groups, annotator=annotator))
            return np.arange(first, len(self))

        return self.together(extended)

    def begin_hold_out(self, share, *, groups=None, random_state: Any = 0) -> None:
        """Hold a share of the rows out from now on, to test on; once, and for good.

        Rows that have a label now, or came with an answer, stay where they are. The parameters are
        `hold_out`, `groups` and `random_state` of a new pool; a second share is refused.
        """
        self._change(plans.hold_out, share, groups, draw_seed(random_state))

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

    # As tables

    def merge(
        self,
        table,
        *,
        on: str = "id",
        label: str = "label",
        annotator=None,
        annotator_column=None,
        comment_column=None,
        seconds_column=None,
        relabel=False,
        new_labels=False,
    ) -> Any:
        """Record the answers of a table, all of them as one operation, "merge".

        A line without a label is no answer. The missing label itself, say -1, means that the
        annotator could not tell, as in `label`.

        Parameters
        ----------
        table : str, path, DataFrame, dict of columns or list of dicts
            A path is of a CSV file, as spreadsheets save it.
        on : str, default="id"
            The column that says which row a line is about.
        label : str, default="label"
            The column of labels: of the classes, or labels of this pool, to the letter.
        annotator : str, default=None
            Who answered.
        annotator_column : str, default=None
            The column of who answered, where these are several, also of the same row.
        comment_column, seconds_column : str, default=None
            The columns of what is to be kept with the answers: comments, and how long they took.
        relabel : bool, default=False
            Whether rows may take another label than they have, unless that was decided.
        new_labels : bool, default=False
            Whether labels are accepted that the pool has not had; never where `classes` are named.
            A pool without any, and one of floats, accepts them in any case.

        Returns
        -------
        DataFrame or dict of arrays
            The answers that were left out, since they contradict what rows have: id, in_pool, by
            whom, in_table, and line (in a table that is no file, its position).

        Raises
        ------
        ValueError
            If a label is none of the pool, an id that of no row, or if somebody gives a row two
            answers, each told with its line. Nothing has changed then.
        """
        check_name(annotator, "merge")

        columns = tables.AnswerColumns(on, label, annotator_column, comment_column, seconds_column)
        how = {"relabel": relabel, "new_labels": new_labels}

        def merged():
            change, left = tables.merge_table(self, table, columns, annotator, **how)
            self.apply(change)
            return left

        return self.together(merged)

    def hand_out(self, rows, name, path, *, columns=None, overwrite=False) -> np.ndarray:
        """Write rows to a CSV file for a colleague to label, and reserve them for her.

        The file has a column of ids, those of the rows, and an empty one, "label", to fill in;
        `merge` reads it. It appears once its rows are reserved, and if it cannot, they are released
        again. A pool in memory knows of it as long as it lives: save it before the file is sent.

        Parameters
        ----------
        rows : int or array-like of int, shape (k,)
            How many: the first unlabelled rows, fewer if there are no more. Or row numbers, say
            of a query.
        name : str
            For whom.
        path : str or path
            File to write.
        columns : list of str, default=None
            Which columns she sees. None: all, or text; of rows that are neither, the id alone.
        overwrite : bool, default=False
            Whether a file may be replaced that is there.

        Returns
        -------
        ndarray of shape (k,), int64
            The row numbers that were handed out.
        """
        how = {"columns": columns, "overwrite": overwrite}
        return self.together(lambda: tables.hand_out(self, rows, name, path, **how))

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
    def load(
        cls,
        path,
        X,
        *,
        ids=None,
        groups=None,
        missing: str = "refuse",
        changed: str = "refuse",
        consensus: Any = "saved",
    ) -> "Pool":
        """Return a saved pool over its rows, refusing a damaged file, and other data.

        Parameters
        ----------
        path : str or path
            File that `save` wrote.
        X : container of n rows
            All rows of the pool, those that were added included, in the same order; by `ids` in
            any, among others that join unlabelled, in any container, with any columns.
        ids : str or array-like of shape (n,), default=None
            What rows are called, as for `Pool`. None: as the pool was saved, by the same column.
        groups : array-like of shape (n,), default=None
            Of a pool that holds out rows by groups, where rows joined or are found by ids.
        missing : {"refuse", "drop"}, default="refuse"
            Whether to forget what was said of rows that are not in X, by their ids.
        changed : {"refuse", "accept"}, default="refuse"
            Whether to take, without ids, other data, in which every row number means the same row.
        consensus : "majority", "one_coin", callable or None, default="saved"
            As for `Pool`: a file holds no function, which is to be given again. "saved": the one
            that the pool was saved with.
        """
        return files.load(cls, path, X, Given(ids, groups, missing, changed), consensus)

    @classmethod
    def open(
        cls,
        path,
        X,
        y=None,
        *,
        ids=None,
        groups=None,
        missing: str = "refuse",
        changed: str = "refuse",
        read_only=False,
        **options,
    ) -> "Pool":
        """Return a pool over a file that has every operation before the call returns.

        The file, an SQLite database, is made if it is not there; else the pool goes on where it
        stood. Several processes may have it open: each call takes in first what the others wrote,
        as `refresh` does alone. A copy of the pool, by pickle or deepcopy, is in memory.

        Parameters
        ----------
        path : str or path
            The file; "db" is its usual ending.
        X : container of n rows
            All rows of the pool, as for `load`: by `ids` in any order, among others.
        y : array-like of shape (n,), default=None
            Labels to begin with; of a file that is there they must be those that it began with.
        ids, groups : str or array-like of shape (n,), default=None
            Of a new file, as for `Pool`; of one that is there, as for `load`.
        missing, changed : str, default="refuse"
            As for `load`. What is not taken in is not taken out of the file.
        read_only : bool, default=False
            Whether to look at the file, which others may write to meanwhile, and not change it.
        **options : dict
            Of `Pool`; of a file that is there those that it has, but `consensus` as for `load`.

        Returns
        -------
        Pool
            Closed by `close`, or by ``with Pool.open(...) as pool``.

        Raises
        ------
        ValueError
            If the file is something else, is damaged, or belongs to other rows.
        OSError
            If it cannot be written to, or another process has kept it locked for five seconds.
            Changes raise this as well, and nothing has changed then.
        """
        from .opening import open_pool  # most pools need no database

        given = Given(ids, groups, missing, changed, "Pool.open")
        return open_pool(cls, path, X, y, given, read_only, options)

    def copy_to(self, path) -> None:
        """Write the pool to another file, for `open` where its name ends in .db, else for `load`.

        Parameters
        ----------
        path : str or path
            A database must not be there yet; another file is replaced.
        """
        from .opening import copy_to

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

    def together(self, work) -> Any:
        """Return what a function returns that changes the pool; others do so before or after."""

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
