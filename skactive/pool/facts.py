"""What a pool tells of its rows: states, labels, reservations, history."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from ..data import labels as lab
from ..data import multilabel as several
from ..data.ids import Called, Ids
from ..data.row_numbers import check_row_numbers
from ..data.rows import Rows
from ..data.tables import as_table
from ..utils.checks import checked_count, checked_fraction
from . import asking
from .classes import named_after
from .consensus import Agreement, agreement, resolve
from .fold import HELD_OUT, LABELED, RESERVED, SKIPPED, UNLABELED
from .frames import history_frame, to_frame
from .history import Operation, labeled_lately, operations
from .ledger import Ledger
from .log import EVENT_NAMES, OF_LABELS, UNSURE, Change, Log
from .people import (
    checked_people,
    for_second_opinions,
    held_by,
    people_table,
    rows_answered,
    whom_to_ask,
)
from .standing import (
    labels_in,
    open_to_opinions,
    opinions,
    opinions_on_labeled,
    opinions_table,
)
from .tags import rows_tagged, tags_of

# What a pool tells of each state, by the same few properties.


def _members(state: int, doc: str) -> property:
    return property(lambda pool: pool.ledger.members(state), doc=doc)


def _mask(state: int, doc: str) -> property:
    return property(lambda pool: pool.ledger.read(Ledger.mask, state), doc=doc)


def _count(state: int, doc: str) -> property:
    return property(lambda pool: int(pool.ledger.now.counts[state]), doc=doc)


class Still:
    """What a ledger tells, all of it as of the moment at which this was made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self.now = ledger, ledger.now

    @property
    def log(self) -> Log:
        """What has happened, and maybe more since."""
        return self._ledger.log

    @cached_property
    def _apart(self) -> Ledger:
        """A ledger of its own, for when the other one has moved on."""
        now = self.now
        log = self.log.trimmed(now.n_operations, now.n_events)
        return Ledger(now.rows, log, now.n_operations, now.n_events, now.ids)

    def read(self, look: Callable[..., Any], *args) -> Any:
        """Return what `look` finds in a ledger of this moment."""
        if self._ledger.now is self.now:
            found = self._ledger.read(look, *args)
            if self._ledger.now is self.now:
                return found
        return look(self._apart, *args)

    def members(self, state: int) -> np.ndarray:
        """Return the sorted row numbers in a state."""
        return self.read(Ledger.members, state)

    def touched_since(self, n: int, kinds: Sequence[int] | None = None) -> np.ndarray:
        """Return the rows that operations after the first n touched."""
        return self.read(Ledger.touched_since, n, kinds)

    def was_ever_unlabeled(self) -> bool:
        """Tell whether any row was ever without a label."""
        return self.read(Ledger.was_ever_unlabeled)


class Facts:
    """All that a pool tells, and nothing that changes it."""

    def __init__(self, missing_label: Any, classes: Any, consensus: Any = None) -> None:
        self.missing_label = lab.resolve_missing_label(missing_label, regression=False)
        # "auto", where nobody has said
        self.given_missing_label = lab.AUTO if lab.is_auto(missing_label) else self.missing_label
        self.multilabel = False  # whether rows have several labels
        # The classes that were named last, and how many operations there had been
        self.named: tuple[np.ndarray, int] | None = None
        if classes is not None:
            self.named = lab.named_classes(classes, missing_label=self.missing_label), 0
        self._seed: int | None = None
        self.id_column: str | None = None  # of frames, where ids were named by it
        resolve(consensus)  # refuses what is none
        self.consensus = consensus
        self.ledger = Ledger(Rows())

    def __len__(self) -> int:
        return len(self.rows)

    def at_rest(self) -> Self:
        """Return a pool that stays as this one is now, whatever others do; not to be changed."""
        return self._with_ledger(Still(self.ledger))

    def _with_ledger(self, ledger):
        """Return a pool that tells what this one does, of another ledger."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self), ledger=ledger)
        return other

    @property
    def seed(self) -> int | None:
        """From which a learner's random numbers follow; None before it has one."""
        return self._seed

    @seed.setter
    def seed(self, seed: int | None) -> None:
        if seed != self._seed:
            self.ledger.keep({"seed": seed})
            self._seed = seed

    @property
    def X(self) -> Any:
        """The rows: what was given, or everything joined where rows were added."""
        return self.rows.whole()

    @property
    def rows(self) -> Rows:
        """The rows without joining what was added; `rows.take(numbers)` gathers some."""
        return self.ledger.now.rows

    @property
    def ids(self) -> Ids | None:
        """The ids of the rows: ``pool.ids[numbers]`` are those of some; None: rows have none."""
        return self.ledger.now.ids

    def numbers(self, ids, who: str = "numbers") -> np.ndarray:
        """Return the row numbers of ids.

        Parameters
        ----------
        ids : str, int or array-like of shape (k,)
            Ids of rows of the pool.
        who : str, default="numbers"
            What a refusal begins with.

        Returns
        -------
        ndarray of shape (k,), int64
            Their numbers.
        """
        own = self.ids
        if own is None:
            raise ValueError(
                f"{who} got ids, but the rows of the pool have none; give row numbers, or ids= "
                f"when the pool is made."
            )
        return own.numbers(ids, who)

    def called(self, rows: np.ndarray) -> Any:
        """Return rows as refusals call them, by number and by id, from which each is indexed."""
        return rows if self.ids is None else Called(rows, self.ids)

    @property
    def y(self) -> np.ndarray:
        """Labels of all rows, shape (n,), with the missing label where there is none.

        Of several labels a row, shape (n, L): 0 or 1 for each of `classes`, or rows of -1.
        """
        return self.ledger.read(
            lambda ledger: self._filled(self._labels_in(ledger), ledger.mask(LABELED))
        )

    def _filled(self, labels: np.ndarray | None, known: np.ndarray) -> np.ndarray:
        """Return the labels of rows in a mask, with the missing label where there is none."""
        if self.multilabel:
            return several.fill_rows(labels, known, self._width(labels))
        if labels is None:
            labels = np.zeros(0, dtype=int if self.missing_label == -1 else float)
        return lab.spread(labels, known, self.missing_label)

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
    n_unlabeled = _count(UNLABELED, "Number of rows that may be asked for.")

    @property
    def hold_out(self) -> float | None:
        """The share of rows that are on the test side; None: there is none."""
        side = self.ledger.now.side
        return None if side is None else side.share

    @property
    def n_held_out(self) -> int:
        """Number of rows on the test side."""
        return self.ledger.now.n_held_out

    @property
    def X_held_out(self) -> Any:
        """The rows on the test side, in row order."""
        held_out = self.held_out
        return self.rows.take(held_out)

    @property
    def y_held_out(self) -> np.ndarray:
        """The labels of `X_held_out`, with the missing label where there is none."""

        def look(ledger: Ledger) -> np.ndarray:
            slots, rows = ledger.slots, np.flatnonzero(ledger.mask(HELD_OUT))
            known = slots.states_of(rows) == LABELED
            return self._filled(self._labels_of(ledger, rows[known]), known)

        return self.ledger.read(look)

    @property
    def n_answered(self) -> int:
        """Number of rows, on both sides, that are labelled, skipped, or reserved to be."""
        return int(np.delete(self.ledger.now.counts, [UNLABELED, HELD_OUT + UNLABELED]).sum())

    def test_questions(self, max_test: int = 200) -> np.ndarray:
        """Return the test rows to ask for next, in the order in which they count.

        Parameters
        ----------
        max_test : int, default=200
            How many labels of test rows are enough.

        Returns
        -------
        ndarray of int64
            Row numbers: those of the first `max_test` of the order without an answer.
        """
        return self.ledger.read(asking.to_ask, checked_count(max_test, "max_test", least=0))

    def test_answers(self) -> asking.Counted:
        """Return which answers on the test side count, and how many do not."""
        return self.ledger.read(asking.counted)

    @property
    def X_labeled(self) -> Any:
        """The labelled rows, in row order."""
        labeled = self.labeled  # before the rows, which another thread may add to
        return self.rows.take(labeled)

    @property
    def y_labeled(self) -> np.ndarray:
        """The labels of `X_labeled`."""
        labels = self.ledger.read(self._labels_in)
        if self.multilabel:
            known = np.ones(0 if labels is None else len(labels), dtype=bool)
            return self._filled(labels, known)
        return np.zeros(0) if labels is None else labels

    def _width(self, labels: np.ndarray | None) -> int:
        """Return how many labels a row has, in labels or if there are none."""
        return len(self._names()) if labels is None else labels.dtype.itemsize

    @property
    def X_unlabeled(self) -> Any:
        """The rows that may be asked for, in row order."""
        unlabeled = self.unlabeled
        return self.rows.take(unlabeled)

    @property
    def reservations(self) -> Mapping[int, tuple[str | None, ...]]:
        """For whom rows are reserved: row number -> names."""
        return MappingProxyType(self.ledger.read(lambda ledger: dict(ledger.slots.names)))

    @property
    def classes(self) -> np.ndarray | None:
        """The labels that are accepted, as they are called now; None: any.

        Of several labels a row, what they are called, in the order of their columns.
        """
        log = self.ledger.log
        if self.named is None or not log.details:
            return None if self.named is None else self.named[0]
        return named_after(log, *self.named, self.n_operations)

    def _names(self) -> np.ndarray:
        """Return what labels are called, where rows have several."""
        classes = self.classes
        return lab.to_array([]) if classes is None else classes

    @property
    def tags(self) -> Mapping[str, np.ndarray]:
        """Sorted row numbers by the tags that they have."""
        return self.ledger.read(tags_of)

    def tagged(self, name: str) -> np.ndarray:
        """Return the sorted row numbers that have a tag; one that no row has is refused."""
        return rows_tagged(self.tags, name, "tagged")

    @property
    def opinions(self) -> Any:
        """What everybody says who said something of a row: its standing opinions, as a table.

        A frame of pandas or polars, whichever X is or is installed, else a dict of arrays. By row,
        and then in the order in which they were given: id (or number) of the row, annotator, label,
        time, the seconds and the comment that came with it, and the kind: "opinion", "cannot tell",
        or "final" of `decide`.
        """
        table = self.ledger.read(opinions_table)
        table = {"id": self._ids_of(table.pop("row")), **table}
        table["label"] = self._written(table["label"], table["kind"] != EVENT_NAMES[UNSURE])
        return as_table(table, like=self.rows.parts[0])

    def said_of(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return what stands of some rows as columns, those of `opinions`; labels are objects.

        It takes as long as there are opinions of these rows, however many there are of others.
        """
        return self.ledger.read(opinions_table, rows)

    @property
    def opinions_on_labeled(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, annotators and labels of the opinions on labelled rows, in the order given."""
        return self.ledger.read(opinions_on_labeled)

    @property
    def open_mask(self) -> np.ndarray:
        """Boolean mask of shape (n,): labelled, but neither decided nor reserved for anybody."""
        return self.ledger.read(open_to_opinions)

    def agreement(self) -> Agreement:
        """Return how far annotators agree in the opinions that stand: alpha, and kappa of pairs."""
        rows, people, labels = self.ledger.read(opinions)
        return agreement(rows, people, several.as_matrix(labels) if self.multilabel else labels)

    def annotators(self, *, level=0.95) -> Any:
        """Return what is known of everybody who answered, as a table.

        A frame of pandas or polars, whichever X is or is installed, else a dict of arrays. By name:
        answers, skips (she could not tell), the median of her seconds, accuracy and the bounds of
        its interval, low and high, and agreement: the share of others' labels of her rows that
        equal hers. What was undone, closed or replaced does not count.

        The accuracy is estimated by the consensus "one_coin", whichever the pool has, from what
        people say of the same rows, without knowing what is true; where there are few of these it
        is near 0.8. Its interval has a probability of `level` by a Beta distribution whose mean it
        is, of fewer labels than she gave, since it is only likely which of them are right. With
        several labels a row both are means; of measured numbers accuracy and agreement are NaN.

        Parameters
        ----------
        level : float, default=0.95
            Probability of the interval.
        """
        level = checked_fraction(level, "level", "annotators")
        table = self.ledger.read(people_table, level)
        return as_table(table, like=self.rows.parts[0])

    def query_annotators(self, idx, *, annotators=None) -> list[tuple[str, ...]]:
        """Return whom to ask about rows: for each of them names, best first.

        By the accuracy of `annotators`. Left out is who has said something of the row already, or
        has it reserved.

        Parameters
        ----------
        idx : int or array-like of int, shape (k,)
            Row numbers.
        annotators : list of str, default=None
            Who may be asked. None: everybody who answered.

        Returns
        -------
        list of k tuples of str
            Names, for each row.
        """
        idx = check_row_numbers(idx, len(self), who="query_annotators")
        if annotators is not None:
            annotators = checked_people(annotators)
        return self.ledger.read(whom_to_ask, idx, annotators)

    # For who asks one of several people

    def answered_by(self, name: str | None) -> np.ndarray:
        """Return the rows of which somebody has said something that stands, sorted."""
        return self.ledger.read(rows_answered, name)

    def held_by(self, name: str) -> np.ndarray:
        """Return the rows that are reserved for somebody who has not answered, sorted."""
        return self.ledger.read(held_by, name)

    def for_second_opinions(self, name: str, share: float) -> np.ndarray:
        """Return the rows of which a second person is to be asked, this one, in their order."""
        return self.ledger.read(for_second_opinions, name, share, self.seed)

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

    def labels_touched_since(self, n: int) -> np.ndarray:
        """Return the rows whose labels operations after the first `n` touched, sorted."""
        return self.ledger.touched_since(n, OF_LABELS)

    def labeled_lately(self, since: int, most: int | None) -> np.ndarray:
        """Return the rows labelled last, newest first, of those after `since` operations."""
        return self.ledger.read(labeled_lately, since, most)

    @property
    def n_labeled_at_fit(self) -> int:
        """Number of rows that came with a label."""
        return len(self.ledger.log.base[0])

    @property
    def was_ever_unlabeled(self) -> bool:
        """Whether any row was ever without a label."""
        return self.ledger.was_ever_unlabeled()

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

    # As tables

    def _ids_of(self, numbers: np.ndarray) -> np.ndarray:
        """Return by what tables call rows: their ids, or their numbers where they have none."""
        ids = self.ids
        return numbers if ids is None else ids[numbers]

    def to_frame(self, *, rows=False) -> Any:
        """Return a line for each row: id, label, state, annotator, time, comment and tags.

        The annotator is who gave the label, or could not tell, at that time and with that comment;
        of a reserved row, for whom it is.

        Parameters
        ----------
        rows : bool, default=False
            Whether the columns of X, or its text, stand beside them; one that has the name of
            another is called X_name.

        Returns
        -------
        DataFrame or dict of arrays
            Of pandas or polars, as X is, or which is installed; of neither, arrays. The index is
            that of X.
        """
        return to_frame(self, rows)

    def history_frame(self) -> Any:
        """Return a line for each event of the history, oldest first.

        Number and kind of its operation, id of its row, event, annotator (whose it is, for whom, or
        the tag), label, time, seconds, comment, and whether it was undone since. Labels that came
        with `fit` are events of operation 0.

        Returns
        -------
        DataFrame or dict of arrays
            As of `to_frame`.
        """
        return history_frame(self)

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
        now = self.ledger.now
        counts = now.counts[[LABELED, UNLABELED, RESERVED, SKIPPED]]
        names = ("labelled", "unlabelled", "reserved", "skipped")
        named = dict(zip(names, counts.tolist(), strict=True))
        return named if now.side is None else named | {"held out": now.n_held_out}

    def _labels_in(self, ledger: Ledger) -> np.ndarray | None:
        """Return the labels of the labelled rows, in row order; None if there never was one."""
        return self._labels_of(ledger, ledger.members(LABELED))

    def _labels_of(self, ledger: Ledger, rows: np.ndarray) -> np.ndarray | None:
        """Return the labels of rows that have one; None if there never was one."""
        return labels_in(ledger, rows, self.consensus, self.missing_label)

    # For those who plan a change

    def _all_labels(self) -> tuple[Any, np.ndarray]:
        """Return the rows that have a label, on both sides, and their labels."""

        def look(ledger: Ledger) -> tuple[np.ndarray, np.ndarray]:
            rows = ledger.with_label()
            labels = self._labels_of(ledger, rows)
            return rows, np.zeros(0) if labels is None else labels

        return self.ledger.read(look)

    def _shown(self, label: Any) -> Any:
        """Return a label as messages show it."""
        if self.multilabel and isinstance(label, bytes | np.void):
            return several.names_in(label, self._names())
        return lab.plain(label)

    def _written(self, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return labels as tables have them: several of a row as text, None where none is known."""
        if not self.multilabel:
            return labels
        texts = np.full(len(labels), None)
        texts[known] = several.as_text(labels[known].tolist(), self._names())
        return texts

    def n_doubtful(self, y) -> int:
        """Return how many labels are -1, which may be a class, and is none by default alone."""
        if not lab.is_auto(self.given_missing_label) or self.classes is not None:
            return 0
        is_text = self.n_labeled > 0 and self.y_labeled.dtype.kind in "UO"
        return 0 if is_text else lab.count_minus_ones(y)
