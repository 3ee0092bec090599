"""The people who answer: how good they are, what they hold, and of what they may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.chance import uniform_by_row
from ..data.codes import agreement_with_others, label_codes, name_codes
from ..data.ids import Ids
from ..data.labels import objects
from ..data.multilabel import as_matrix, is_multilabel
from ..data.row_numbers import distinct
from ..utils.checks import check_name
from .ledger import Ledger
from .log import NOBODY, NOTHING, OPINION
from .one_coin import UNKNOWN, Coins, coins, interval
from .standing import opinions, standing, standing_of

_OF_OVERLAP = 3  # by which random numbers of a seed differ from those of a query


class Said(NamedTuple):
    """What is said of the rows, as arrays of the opinions with a label."""

    rows: np.ndarray
    people: np.ndarray  # their names
    labels: np.ndarray  # (k,), or (k, L) where rows have several

    @property
    def are_classes(self) -> bool:
        """Whether labels are classes, of which two may be equal, and no measured numbers."""
        labels = self.labels
        return labels.dtype.kind != "f" or bool((labels == np.round(labels)).all())


def said_in(ledger: Ledger) -> Said:
    """Return what is said of the rows."""
    rows, people, labels = opinions(ledger)
    return Said(rows, people, as_matrix(labels) if is_multilabel(labels.dtype) else labels)


class Skill(NamedTuple):
    """How good people are, as is estimated; of several labels a row, on average over these."""

    accuracy: np.ndarray
    worth: np.ndarray  # as how many labels that are known to be right or wrong theirs are


def coins_of(ledger: Ledger) -> list[Coins] | None:
    """Return what is found of people, for each label of a row; None where labels are measured.

    It is kept until something happens: with many opinions it takes long.
    """
    known, at = ledger.derived.get("coins"), ledger.now
    if known is not None and known[0] == at.n_operations:
        return known[1]
    said, found = said_in(ledger), None
    if said.are_classes:
        columns = said.labels.T if said.labels.ndim == 2 else [said.labels]
        found = [coins(said.rows, said.people, column) for column in columns]
    if ledger.now is at:
        ledger.derived["coins"] = at.n_operations, found
    return found


def skill_of(found: list[Coins], names: Sequence[str | None]) -> Skill:
    """Return how good these people are; who gave no label is as good as anybody unknown."""
    places = {name: place for place, name in enumerate(found[0].names)}
    at = np.array([places.get(name, -1) for name in names], dtype=np.intp)
    each = zip(*((one.accuracy, one.worth()) for one in found), strict=True)
    accuracy, worth = (np.mean(values, axis=0) for values in each)
    return Skill(np.append(accuracy, UNKNOWN)[at], np.append(worth, 0)[at])


def people_table(ledger: Ledger, level: float) -> dict[str, np.ndarray]:
    """Return what is known of everybody who said something that stands, as columns, by name."""
    now, log = standing(ledger), ledger.log
    names, people = name_codes(log.names_of(now.events))
    n, is_label = len(names), log.kinds_of(now.events) == OPINION
    seconds = log.notes_of(now.events)[0]
    said, is_timed = said_in(ledger), np.isfinite(seconds)
    unknown = np.full(n, np.nan)
    table = {
        "annotator": objects(names),
        "answers": np.bincount(people[is_label], minlength=n),
        "skips": np.bincount(people[~is_label], minlength=n),
        "seconds": medians(seconds[is_timed], people[is_timed], n),
    }
    found = coins_of(ledger)
    if found is None:
        return table | dict.fromkeys(("accuracy", "low", "high", "agreement"), unknown)
    skill, units = skill_of(found, names), np.unique(said.rows, return_inverse=True)[1]
    agreement = agreement_with_others(units, people[is_label], label_codes(said.labels), n)
    low, high = interval(*skill, level)
    return table | {"accuracy": skill.accuracy, "low": low, "high": high, "agreement": agreement}


def medians(values: np.ndarray, groups: np.ndarray, n: int) -> np.ndarray:
    """Return the median of the values of each of n groups, NaN where it has none."""
    order = np.lexsort((values, groups))
    values, ends = values[order], np.searchsorted(groups[order], np.arange(n + 1))
    size, medians = np.diff(ends), np.full(n, np.nan)
    some, start = size > 0, ends[:-1]
    low, high = start + (size - 1) // 2, start + size // 2
    medians[some] = (values[low[some]] + values[high[some]]) / 2
    return medians


def checked_people(annotators: Any) -> list[str]:
    """Return names of people, refusing what are none."""
    if isinstance(annotators, str):
        raise TypeError(f"annotators is {annotators!r}; write [{annotators!r}].")
    names = list(annotators)
    if None in names:
        raise TypeError("annotators holds None, whom nobody can ask; give names.")
    for name in names:
        check_name(name, "query_annotators")
    return [str.__str__(name) for name in names]


def whom_to_ask(
    ledger: Ledger, rows: np.ndarray, annotators: Sequence[str] | None
) -> list[tuple[str, ...]]:
    """Return for each row who may be asked, by estimated accuracy, best first.

    Of these annotators, or of all who said something that stands; not who has said something of the
    row, nor for whom it is reserved.
    """
    now, log = standing_of(ledger, rows), ledger.log
    busy: dict[int, set] = {row: set(ledger.slots.names.get(row, ())) for row in rows.tolist()}
    for row, name in zip(now.rows.tolist(), log.names_of(now.events).tolist(), strict=True):
        busy[row].add(name)
    if annotators is None:
        people = name_codes(log.names_of(standing(ledger).events))[0]
        annotators = [name for name in people if name is not None]
    found, best = coins_of(ledger), sorted(set(annotators))
    if found is not None:
        order = np.argsort(-skill_of(found, best).accuracy, kind="stable")
        best = [best[at] for at in order.tolist()]
    return [tuple(name for name in best if name not in busy[row]) for row in rows.tolist()]


# Of what one person may be asked


def rows_answered(ledger: Ledger, name: str | None) -> np.ndarray:
    """Return the rows of which somebody has said something that stands; nobody of none."""
    if name is None:
        return NOTHING
    now, log = standing(ledger), ledger.log
    return distinct(now.rows[log.name_codes(now.events) == log.known_code(name)])


def held_by(ledger: Ledger, name: str) -> np.ndarray:
    """Return the rows that are kept for somebody who has not answered, sorted."""
    rows = [row for row, names in dict(ledger.slots.names).items() if name in names]
    return np.setdiff1d(np.array(rows, dtype=np.int64), rows_answered(ledger, name))


def for_second_opinions(ledger: Ledger, name: str, share: float, seed: int | None) -> np.ndarray:
    """Return the rows of which a second person is to be asked, this one, in their order.

    Those to train on of which one other person alone has said something, a label, which nobody has
    decided, and which nobody holds; a share of them, by a hash of each, in the order of this.
    """
    now, log, slots = standing(ledger), ledger.log, ledger.slots
    codes = log.name_codes(now.events)
    is_named = codes != NOBODY
    rows, first, times = np.unique(now.rows[is_named], return_index=True, return_counts=True)
    event, whose = now.events[is_named][first], codes[is_named][first]
    taken = np.append(now.decided, np.fromiter(dict(slots.names), dtype=np.int64))
    kept = (times == 1) & (whose != log.known_code(name)) & (log.kinds_of(event) == OPINION)
    kept &= ~slots.is_held[slots.find(rows)] & ~np.isin(rows, taken)
    rows = rows[kept]
    chance = overlap_chance(rows, ledger.now.ids, seed)
    order = np.lexsort((rows, chance))
    return rows[order][chance[order] < share]


def overlap_chance(rows: np.ndarray, ids: Ids | None, seed: int | None) -> np.ndarray:
    """Return a number in [0, 1) for each row; two people are asked where it is below `overlap`."""
    return uniform_by_row(rows if ids is None else ids.hashes[rows], [seed or 0, _OF_OVERLAP])
