"""Selections that have names: which rows are tagged, whatever becomes of them."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ..data.labels import nearest_class
from .fold import is_last_where
from .ledger import Ledger
from .log import TAG, UNTAG


def tags_of(ledger: Ledger) -> Mapping[str, np.ndarray]:
    """Return the rows of each tag, sorted, within `Ledger.read`."""
    known, at = ledger.derived.get("tags"), ledger.now
    if known is not None and known[0] == at.n_operations:
        return known[1]
    log = ledger.log
    kinds = log.events.array[: at.n_events]
    events = np.flatnonzero((kinds == TAG) | (kinds == UNTAG))
    events = events[log.is_live(events, at.n_operations)]
    rows, names = log.rows.array[events], log.names.array[events]
    is_last = is_last_where(np.ones(len(rows), dtype=bool), rows, names)
    is_there = is_last & (kinds[events] == TAG)
    rows, names = rows[is_there], names[is_there]
    found = {
        str(log.people[name]): np.sort(rows[names == name]) for name in np.unique(names).tolist()
    }
    for members in found.values():
        members.flags.writeable = False
    tags = MappingProxyType(found)
    if ledger.now is at:  # or another thread has begun to write
        ledger.derived["tags"] = at.n_operations, tags
    return tags


def rows_tagged(tags: Mapping[str, np.ndarray], name: str, who: str) -> np.ndarray:
    """Return the rows of a tag, refusing one that no row has."""
    if name in tags:
        return tags[name]
    near = nearest_class(name, tags)
    there = f"the tags are {', '.join(map(repr, tags))}" if tags else "there are no tags yet"
    instead = f"write {near!r}" if near else "tag(rows, name) tags some"
    raise ValueError(f"{who} got the tag {name!r}, which no row has; {there}; {instead}.")
