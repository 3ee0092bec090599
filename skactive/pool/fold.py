"""What follows for rows from the events that count: states, labels, opinions, reservations.

==============  ================================================================================
event           what it does to a row
==============  ================================================================================
opinion         replaces what the same person said, ends a skip, and her reservation
cannot tell     the same; it has no label
final           outranks all opinions, and ends a skip
close           takes away all opinions and what was final
skip            skips the row, and ends its reservations
restore         ends a skip, and takes away who could not tell
reserve         reserves the row for a name, beside others
release         ends that reservation; by nobody's name, all of them
==============  ================================================================================

Who has no name ends all reservations, and who has one ends those for nobody in particular. A row is
labelled where something is final or an opinion is left; else skipped, where it was, or somebody
could not tell; else reserved, where it is for anyone; else unlabelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..data.row_numbers import is_among
from .log import (
    CLOSE,
    FINAL,
    NOBODY,
    NOTHING,
    OPINION,
    RELEASE,
    RESERVE,
    RESTORE,
    SKIP,
    UNSURE,
    Log,
)

UNLABELED, LABELED, RESERVED, SKIPPED, HELD_OUT = range(5)
STATE_NAMES = ("unlabeled", "labeled", "reserved", "skipped", "held_out")
BASE = -1  # stands for the event of a label that was there from the start


class Folded(NamedTuple):
    """What is true of rows after so many operations; events are numbered as in the log."""

    states: np.ndarray  # (k,) int8, whatever side a row is on
    decisive: np.ndarray  # (k,) int64, the event whose label counts, where the state is labelled
    reservations: tuple[np.ndarray, np.ndarray]  # places in the rows, ascending, and codes of names
    said: tuple[np.ndarray, np.ndarray]  # places in the rows, and the events of opinions that stand


def fold(
    log: Log,
    rows: np.ndarray,
    last: np.ndarray,
    n_operations: int,
    n_events: int,
    without: Sequence[int] = (),
) -> Folded:
    """Return what is true of distinct rows after so many operations, by their events.

    `last` holds for each row an event at or behind its last one that is to be looked at, or -1.
    Operations in `without` are passed over, as if they were undone.
    """
    places, events = _chains(log, last, n_events)
    is_live = log.is_live(events, n_operations)
    if without:
        is_live &= ~np.isin(log.operations.array[events], without)
    places, events = places[is_live], events[is_live]
    places, events = _with_base(log, rows, places, events)
    k, states = len(rows), np.full(len(rows), UNLABELED, dtype=np.int8)
    if len(events) == 0:
        return Folded(states, np.full(k, -2), (NOTHING, NOTHING), (NOTHING, NOTHING))
    order = np.lexsort((events, places))
    places, events = places[order], events[order]
    kinds, names = log.kinds_of(events), log.name_codes(events)

    def last_of(mask: np.ndarray) -> np.ndarray:
        """Return the last event of each row in a mask, -2 where there is none."""
        found = np.full(k, -2, dtype=np.int64)
        found[places[mask]] = events[mask]  # ascending, so that the last one stays
        return found

    closed, restored, final = last_of(kinds == CLOSE), last_of(kinds == RESTORE), kinds == FINAL
    spoke = (kinds == OPINION) | (kinds == UNSURE)
    # Of each person the last one, which replaced what she had said before even if it was taken away
    stands = is_last_where(spoke, places, names) & (events > closed[places])
    stands &= (kinds == OPINION) | (events > restored[places])
    decided = last_of(final & (events > closed[places]))
    latest = last_of(stands & (kinds == OPINION))
    decisive = np.where(decided > -2, decided, latest)

    skipped, spoken = last_of(kinds == SKIP), last_of(spoke | final)
    is_skipped = skipped > np.maximum(restored, spoken)
    is_skipped[places[stands & (kinds == UNSURE)]] = True

    where, whose = _reservations(places, events, kinds, names, last_of)
    states[where], states[is_skipped], states[decisive > -2] = RESERVED, SKIPPED, LABELED
    return Folded(states, decisive, (where, whose), (places[stands], events[stands]))


def _chains(log: Log, last: np.ndarray, n_events: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the events of rows with the places of these, from their last ones back."""
    places, events = np.arange(len(last)), last
    parts: list[tuple[np.ndarray, np.ndarray]] = [(NOTHING, NOTHING)]
    while len(events):
        is_there = events >= 0
        places, events = places[is_there], events[is_there]
        is_seen = events < n_events
        parts.append((places[is_seen], events[is_seen]))
        events = log.previous.array[events]
    of_places, of_events = zip(*parts, strict=True)
    return np.concatenate(of_places), np.concatenate(of_events)


def _with_base(
    log: Log, rows: np.ndarray, places: np.ndarray, events: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Add, for rows that had a label from the start, the event that they lack."""
    if len(log.base[0]) == 0:
        return places, events
    based = np.flatnonzero(is_among(rows, log.base[0]))
    return np.append(places, based), np.append(events, np.full(len(based), BASE))


def is_last_where(mask: np.ndarray, places: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Tell which entries of a mask are the last of these with their place and name."""
    inside = np.flatnonzero(mask)
    order = inside[np.lexsort((names[inside], places[inside]))]  # stable: events stay in order
    is_last = np.ones(len(order), dtype=bool)
    before, after = order[:-1], order[1:]
    is_last[:-1] = (places[before] != places[after]) | (names[before] != names[after])
    found = np.zeros(len(mask), dtype=bool)
    found[order[is_last]] = True
    return found


def _reservations(places, events, kinds, names, last_of) -> tuple[np.ndarray, np.ndarray]:
    """Return which places are reserved, and for which names."""
    spoke = (kinds == OPINION) | (kinds == UNSURE)
    by_nobody = (names == NOBODY) & (spoke | (kinds == RELEASE))
    cleared = last_of((kinds == SKIP) | by_nobody)
    spoken = last_of(spoke)
    turns = (kinds == RESERVE) | (kinds == RELEASE) | spoke
    holds = is_last_where(turns, places, names) & (kinds == RESERVE)
    holds &= events > cleared[places]
    holds &= (names != NOBODY) | (events > spoken[places])
    return places[holds], names[holds]
