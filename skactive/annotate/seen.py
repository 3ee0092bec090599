"""What was said of rows, at one moment and in columns: by whom, when, and whether people agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..data.codes import agreement_with_others, label_codes, starts_of
from ..data.labels import objects
from ..data.multilabel import as_matrix, is_multilabel
from ..data.row_numbers import is_among
from ..pool.fold import HELD_OUT, LABELED, SKIPPED, UNLABELED
from ..pool.ledger import Ledger
from ..pool.log import LABELS_IN, NOTHING, OPINION
from ..pool.pool import Pool
from ..pool.standing import labels_in, opinions, standing

_PAUSE = 300.0  # seconds between two answers, from which on somebody was away
LATELY = 50  # answers, by which the pace of a person is told
_ANSWERED = 1 << 40  # keys of rows that were answered here begin above those that came with a label


class Agreeing(NamedTuple):
    """Which rows several people have labelled, and of which of these they say different things."""

    rows: np.ndarray
    differ: np.ndarray


class Answered:
    """What a pool tells of answers, as of when this was made.

    Attributes
    ----------
    events : ndarray of shape (k,)
        The answers that stand, by row and then in the order in which they were given.
    of : ndarray of shape (k,)
        Their rows.
    rows : ndarray of shape (m,)
        The rows that have an answer or a label, or were skipped, those answered last first.
    keys : ndarray of shape (m,)
        By which they are in this order; what happens to other rows does not change a row's key.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        pool.ledger.read(self._look)

    def _look(self, ledger: Ledger) -> None:
        pool, log, now = self.pool, ledger.log, standing(ledger)
        self.n = ledger.now.n_operations
        of, events = np.append(now.rows, now.decided), np.append(now.events, now.decisions)
        order = np.lexsort((events, of))
        self.of, self.events = of[order], events[order]
        self.names = log.name_codes(self.events)
        self.labeled = ledger.with_label()
        self.labels = labels_in(ledger, self.labeled, pool.consensus, pool.missing_label)
        touched, at = ledger.slots.touched()
        self.skipped = touched[ledger.slots.states[at] == SKIPPED]
        self._put_in_order(ledger)
        self._count_people(ledger)
        self.counts = ledger.now.counts.reshape(2, HELD_OUT).sum(axis=0)

    def _count_people(self, ledger: Ledger) -> None:
        """Say who did how much, and how far they agree; not how good they are, which takes long."""
        now, log = standing(ledger), ledger.log
        rows, _, labels = opinions(ledger)
        said = label_codes(as_matrix(labels) if is_multilabel(labels.dtype) else labels)
        self.agreeing = _agreeing(rows, said)
        self.open = np.setdiff1d(self.agreeing.rows[self.agreeing.differ], now.decided)
        codes, people = np.unique(log.name_codes(now.events), return_inverse=True)
        n, is_label = len(codes), log.kinds_of(now.events) == OPINION
        units = np.unique(rows, return_inverse=True)[1]
        times = log.times.array[log.operations_of(self.events)]
        self.people = {
            "annotator": [log.people[code] for code in codes.tolist()],
            "answers": np.bincount(people[is_label], minlength=n).tolist(),
            "skips": np.bincount(people[~is_label], minlength=n).tolist(),
            "agreement": agreement_with_others(units, people[is_label], said, n).tolist(),
            "per_hour": [pace(times[self.names == code]) for code in codes],
        }

    def _put_in_order(self, ledger: Ledger) -> None:
        """Find the rows, those answered last first."""
        last = np.append(starts_of(self.of)[1:], len(self.of))[: len(self.of)] - 1
        answered, events = self.of[last], self.events[last]
        others = np.setdiff1d(np.union1d(self.labeled, self.skipped), answered)
        rows = np.append(answered, others)
        events = np.append(events, ledger.last_events(others) if len(others) else NOTHING)
        keys = np.where(events < 0, rows, _ANSWERED + events)
        order = np.argsort(-keys, kind="stable")
        self.rows, self.keys = rows[order], keys[order]

    @property
    def n_unlabeled(self) -> int:
        """How many rows nobody has answered, or is answering."""
        return int(self.counts[UNLABELED])

    @property
    def n_labeled(self) -> int:
        """How many rows have a label, to learn from or to test on."""
        return int(self.counts[LABELED])

    @property
    def n_skipped(self) -> int:
        """How many rows nobody could tell."""
        return int(self.counts[SKIPPED])

    def label_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels that rows have, and how many have each; of several, each by itself."""
        labels = self.labels
        if labels is None or not len(labels):
            return np.zeros(0, dtype=object), NOTHING
        if is_multilabel(labels.dtype):
            names = self.pool.classes
            return np.asarray(names), as_matrix(labels).sum(axis=0, dtype=np.int64)
        return np.unique(labels, return_counts=True)

    def label_of(self, row: int) -> Any:
        """Return the label of a row as the pool has it; None: it has none."""
        at = int(np.searchsorted(self.labeled, row))
        is_there = at < len(self.labeled) and self.labeled[at] == row
        return self.labels[at] if is_there else None

    def answers_of(self, row: int) -> list[dict[str, Any]]:
        """Return what everybody says of a row, with labels as the pool has them."""
        start, stop = np.searchsorted(self.of, [row, row + 1]).tolist()
        return self.pool.ledger.read(self._answers, self.of[start:stop], self.events[start:stop])

    def _answers(
        self, ledger: Ledger, rows: np.ndarray, events: np.ndarray
    ) -> list[dict[str, Any]]:
        log, has_label = ledger.log, np.isin(ledger.log.kinds_of(events), LABELS_IN)
        labels, told = np.full(len(events), None, dtype=object), events[has_label]
        labels[has_label] = ledger.labels_of(rows[has_label], told, self.n, np.dtype(object))
        seconds, comments = log.notes_of(events)
        columns = {
            "annotator": log.names_of(events),
            "label": labels,
            "comment": comments,
            "seconds": objects([None if np.isnan(each) else each for each in seconds.tolist()]),
            "time": log.times.array[log.operations_of(events)],
        }
        lines = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [dict(zip(columns, line, strict=True)) for line in lines]

    # Which rows

    def has_label(self, is_it: Callable[[Any], bool]) -> np.ndarray:
        """Return a mask of the rows whose label is one of which a function says yes."""
        if self.labels is None or not len(self.labels):
            return np.zeros(len(self.rows), dtype=bool)
        distinct, codes = np.unique(self.labels, return_inverse=True)
        yes = np.fromiter(map(is_it, distinct.tolist()), dtype=bool, count=len(distinct))
        return is_among(self.rows, self.labeled[yes[codes]])

    def said_by(self, name: str) -> np.ndarray:
        """Return a mask of the rows of which somebody says something."""
        code = self.pool.ledger.log.known_code(name)
        return np.isin(self.rows, self.of[self.names == code])

    def has_comment(self) -> np.ndarray:
        """Return a mask of the rows of which something is remarked."""
        comments = self.pool.ledger.log.notes_of(self.events)[1]
        return np.isin(self.rows, self.of[comments != np.array(None)])


def pace(times: np.ndarray) -> int | None:
    """Return how many answers an hour somebody gives while at work, by the last of them.

    None: there are too few to tell.

    Examples
    --------
    >>> pace(np.array([0.0, 4, 8, 4000, 4004]))
    900
    """
    gaps = np.diff(np.sort(times)[-LATELY:])
    gaps = gaps[gaps < _PAUSE]
    return round(3600 * len(gaps) / gaps.sum()) if gaps.sum() > 0 else None


def _agreeing(rows: np.ndarray, codes: np.ndarray) -> Agreeing:
    """Return the rows with several opinions, and whether these differ; labels are codes."""
    if len(rows) == 0:
        return Agreeing(NOTHING, np.zeros(0, dtype=bool))
    order = np.argsort(rows, kind="stable")
    rows, codes = rows[order], codes[order]
    starts = starts_of(rows)
    several = np.diff(starts, append=len(rows)) > 1
    differ = np.maximum.reduceat(codes, starts) != np.minimum.reduceat(codes, starts)
    return Agreeing(rows[starts][several], differ[several])
