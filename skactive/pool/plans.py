"""What a call would change in a pool: everything that can be refused is refused here, first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.conform import conform
from ..data.ids import Called, Ids, has_column, take_ids, without_column
from ..data.labels import check_order, merge_dtype, nearest_class, parse
from ..data.multilabel import is_multilabel, parse_several
from ..data.row_numbers import check_row_numbers
from ..data.rows import Rows, check_rows, row_index
from ..utils.checks import check_name, checked_count
from .facts import Facts
from .fold import LABELED, RESERVED, SKIPPED, STATE_NAMES, UNLABELED
from .history import undoable
from .log import (
    ADDING,
    CLOSE,
    EVENTS_OF,
    FINAL,
    HOLD,
    KINDS,
    OPINION,
    RELEASE,
    RESERVE,
    TAG,
    UNSURE,
    UNTAG,
    Change,
)
from .standing import all_said, notes_of
from .tags import rows_tagged
from .test_side import group_hashes, keys_of, new_hold_out, of_groups, touched_before

# Which states of rows a call takes
_TAKES = {
    "unlabel": (LABELED,),
    "skip": (UNLABELED, RESERVED, SKIPPED),
    "restore": (SKIPPED,),
    "release": (RESERVED,),
}


def parse_labels(
    pool: Facts, y, n: int, index, who: str, rows=None, is_answer: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels for the `n` rows of an index as values, and a mask of those that are known.

    They must be one for each row, in the order of the index, and of the kind of those so far.
    Refusals name one of `rows`, as `called` gives them, or a position in y. Of answers, which come
    one by one or in batches of any size, each is read by itself: -1 and None may stand beside each
    other.
    """
    if index is not None:
        check_order(y, index, who=who)
    missing = pool.missing_label if is_answer else pool.given_missing_label
    if pool.multilabel:
        names, missing = pool._names(), pool.missing_label
        values, known = parse_several(y, names, n=n, rows=rows, missing_label=missing)
    else:
        values, known = parse(y, rows=rows, missing_label=missing, classes=pool.classes)
    if len(values) != n:
        raise ValueError(f"{who} got {len(values)} labels for {n} rows; give one for each row.")
    so_far = pool.ledger.now.dtype
    # Labels that were taken away bind nobody: then another kind may come.
    if known.any() and pool.ledger.now.n_labels and so_far is not None:
        merge_dtype(so_far, values.dtype)
        _refuse_rounding(pool, values[known], who)
    return values, known


def _refuse_rounding(pool: Facts, new: np.ndarray, who: str) -> None:
    """Refuse integers beside floats that these do not hold, and the other way round."""
    so_far = pool.ledger.now.dtype
    if so_far is None or "f" not in (kinds := so_far.kind + new.dtype.kind) or kinds == "ff":
        return
    whole = new if so_far.kind == "f" else pool.ledger.read(all_said)[1]
    as_floats = whole.astype(np.float64)
    with np.errstate(invalid="ignore"):  # 2.0**63 is beyond integers
        is_rounded = (as_floats >= 2.0**63) | (as_floats.astype(whole.dtype) != whole)
    if is_rounded.any():
        raise ValueError(
            f"{who} got labels such that {whole[is_rounded.argmax()]} would be beside floats, by "
            f"which it would be rounded; write labels that are all integers, or text."
        )


def label(
    pool: Facts,
    idx,
    y,
    *,
    relabel: bool = False,
    annotator: str | None = None,
    seconds: Any = None,
    comment: Any = None,
    who: str = "label",
) -> Change:
    """Return what `Pool.label` would change; messages name `who` as the call."""
    idx = check_row_numbers(idx, len(pool), who=who)
    names = pool.rows.names_of(idx)
    values, known = parse_labels(pool, y, len(idx), names, who, pool.called(idx), is_answer=True)
    notes = notes_of(seconds, comment, len(idx), who)
    ledger = pool.ledger
    states = ledger.follow().states_of(idx)
    if not states.any():  # nobody has said anything of these rows, nor are they kept for anybody
        events = np.where(known, OPINION, UNSURE).astype(np.int8)
        return Change("label", idx, events, annotator, values, annotator=annotator, notes=notes)
    is_known, is_skipped, clash, labels = _against(pool, idx, values, known, annotator)
    # The missing label takes a label away; for a row without one nobody could tell.
    closes = is_known if pool.consensus is None else False
    events = np.where(known, OPINION, np.where(closes, CLOSE, UNSURE)).astype(np.int8)
    if clash.any() and not relabel:
        at = clash.argmax()
        got = f"the label {pool._shown(values[at])!r}" if known[at] else "the missing label"
        is_what = "is labelled"
        if pool.consensus is not None:
            is_what = "was labelled" if annotator is None else f"{annotator!r} labelled"
        raise ValueError(
            f"{who} got {got} for row {pool.called(idx)[at]}, which {is_what} "
            f"{pool._shown(labels[at])!r}; to change it, pass relabel=True."
        )
    if annotator is not None:
        _refuse_reserved(pool, idx, states, annotator, who)
    if pool.consensus is None:
        _refuse_decided(pool, idx[clash], who)
    # What was said already: by the same person, unless nobody is named
    again = (is_known & known & ~clash) | (is_skipped & ~known)
    if annotator is not None and pool.consensus is None and again.any():
        own, said = _own(ledger, idx, annotator)
        again &= np.where(known, _equal((own == OPINION) & known, said, values), own == UNSURE)
    kept = ~again
    places = np.flatnonzero(kept).tolist() if notes else []
    return Change(
        "label",
        idx[kept],
        events[kept],
        annotator,
        values[kept],
        annotator=annotator,
        notes={at: notes[place] for at, place in enumerate(places) if place in notes},
    )


def contradicted(
    pool: Facts, idx, values, known, *, annotator: str | None, relabel: bool
) -> tuple[np.ndarray, Any]:
    """Tell which labels `label` would refuse for those that rows have, and which these are."""
    *_, clash, labels = _against(pool, idx, values, known, annotator)
    if relabel:
        clash &= _decided(pool.ledger, idx)[0] & (pool.consensus is None)
    return clash, labels


def decide(pool: Facts, idx, y, *, annotator: str | None = None) -> Change:
    """Return what `Pool.decide` would change."""
    idx = check_row_numbers(idx, len(pool), who="decide")
    where = pool.called(idx)
    values, known = parse_labels(pool, y, len(idx), pool.rows.names_of(idx), "decide", where)
    if not known.all():
        raise ValueError(
            f"decide got the missing label for row {where[known.argmin()]}; a decision is a label, "
            f"and unlabel(rows) takes one away."
        )
    decided, labels = _decided(pool.ledger, idx)
    kept = ~_equal(decided, labels, values)
    return Change("decide", idx[kept], FINAL, annotator, values[kept], annotator=annotator)


def extend(
    pool: Facts,
    X,
    y=None,
    *,
    ids=None,
    groups=None,
    missing=UNLABELED,
    merge=False,
    annotator=None,
    who="extend",
) -> Change:
    """Return what `Pool.extend` would change.

    `missing` is the state of new rows without a label. With `merge` they are copied into the
    part that was added last, as suits a few rows at a time.
    """
    X, all_ids = with_ids(pool, X, ids, who)
    X = conform(X, pool.rows.pattern, who)
    added = Rows(X)
    detail = _groups(pool, groups, len(added), row_index(X), who)
    change = Change("extend", names=annotator, annotator=annotator, added=added, merge=merge)
    change = change._replace(detail=detail, ids=all_ids)
    if y is None:
        return change
    is_answer = missing == SKIPPED
    where = None if all_ids is None else Called(np.arange(len(added)), all_ids, len(pool))
    values, known = parse_labels(pool, y, len(added), row_index(X), who, where, is_answer=is_answer)
    told = np.flatnonzero(known | is_answer)
    events = np.where(known[told], OPINION, UNSURE).astype(np.int8)
    return change._replace(rows=len(pool) + told, events=events, labels=values[told])


def with_ids(pool: Facts, X, ids, who: str) -> tuple[Any, Ids | None]:
    """Return rows that join a pool, without a column of ids, and the ids of all rows afterwards."""
    X = check_rows(X, who)
    if pool.ids is None:
        if ids is not None:
            raise ValueError(
                f"{who} got ids=, but the rows of the pool have none; leave it out, or give ids= "
                f"when the pool is made."
            )
        return X, None
    if ids is None and has_column(X, pool.id_column):
        ids = pool.id_column
    if ids is None:
        raise ValueError(
            f"{who} got rows without ids, which the rows of the pool have; give ids=, one for each."
        )
    X, new = take_ids(X, ids, who)
    return without_column(X, pool.id_column), pool.ids.extended(new, who)


def hold_out(pool: Facts, share, groups, seed: int) -> Change:
    """Return what `Pool.begin_hold_out` would change."""
    if pool.hold_out is not None:
        raise ValueError(
            f"the pool holds out {pool.hold_out:g} of its rows already, which stays; make another "
            f"pool for another share."
        )
    hashes: Any = None
    ledger, n = pool.ledger, len(pool)
    ledger.follow()
    if groups is not None:
        hashes = group_hashes(groups, n, pool.rows.index(), "begin_hold_out")
    now = ledger.now
    labeled, others = touched_before(ledger.log, now.n_operations, now.n_events)
    side = new_hold_out(share, seed, hashes, labeled)
    keys = pool.ids.hashes if hashes is None and pool.ids is not None else hashes
    others = others[side.takes(keys_of(others, keys))]
    return Change("hold_out", others, HOLD, held=True, detail=side.detail(hashes))


def _groups(pool: Facts, groups, n: int, index, who: str) -> dict | None:
    """Return what is told of the groups of new rows, refusing groups where they say nothing."""
    side = pool.ledger.now.side
    if side is None or not side.is_by_group:
        if groups is None:
            return None
        so_far = "holds out no rows" if side is None else "holds out row by row"
        raise ValueError(f"{who} got groups=, but the pool {so_far}; leave it out.")
    if groups is None:
        raise ValueError(
            f"{who} got rows without groups, by which the pool holds out rows; give groups=, one "
            f"for each new row."
        )
    return of_groups(group_hashes(groups, n, index, who))


def undo(pool: Facts, n=1, annotator: str | None = None) -> Change:
    """Return what `Pool.undo` would change."""
    if isinstance(n, str):
        raise TypeError(f"undo got n={n!r}; write undo(annotator={n!r}).")
    checked_count(n, "n", "undo")
    undone = undoable(pool.ledger, n, annotator)
    if n > len(undone):
        log, codes = pool.ledger.log, pool.ledger.log.actors.array[: pool.n_operations]
        people = {log.people[code] for code in set(codes.tolist())} - {annotator}
        near = None if undone else nearest_class(annotator, people)
        whose = "" if annotator is None else f" of {annotator!r}"
        instead = "" if near is None else f"; write annotator={near!r}"
        raise ValueError(
            f"undo got n={n}, but {_operations(len(undone))}{whose} can be undone{instead}."
        )
    kinds = [KINDS[pool.ledger.log.kinds.array[number]] for number in undone]
    for ago, kind in enumerate(kinds, 1):
        if kind in ADDING:
            raise ValueError(
                f"undo got n={n}, but the rows added {_operations(ago)} ago stay; unlabel or skip "
                f"them instead."
            )
        if kind == "hold_out":
            raise ValueError(
                f"undo got n={n}, but rows that are held out stay so, or they would be trained on "
                f"after all; undo what came since, n={ago - 1}."
            )
    try:
        dtype = pool.ledger.dtype_without(undone)
    except ValueError as error:
        raise ValueError(
            f"undo got n={n}, but it brings text back beside numbers; undo what came since, or "
            f"unlabel those rows first."
        ) from error
    return Change("undo", undone=tuple(undone), dtype=dtype)


def move(pool: Facts, kind: str, idx, name: str | None = None) -> Change:
    """Return what `Pool.unlabel`, `skip`, `restore` or `release` would change."""
    idx = check_row_numbers(idx, len(pool), who=kind)
    states = pool.ledger.follow().states_of(idx)
    is_wrong = ~np.isin(states, _TAKES[kind])
    if kind == "release":
        names = pool.ledger.slots.names
        is_wrong = np.array([not names.get(row) for row in idx.tolist()], dtype=bool)
    _refuse_states(kind, pool.called(idx), states, is_wrong)
    kept = states != SKIPPED if kind == "skip" else np.ones(len(idx), dtype=bool)
    return Change(kind, idx[kept], EVENTS_OF[kind][0], name)


def reserve(pool: Facts, idx, name: str | None, who: str = "reserve") -> Change:
    """Return what `Pool.reserve` would change; messages name `who` as the call."""
    idx = check_row_numbers(idx, len(pool), who=who)
    slots = pool.ledger.follow()
    states = slots.states_of(idx)
    takes = [UNLABELED, RESERVED] if name is None else [UNLABELED, RESERVED, LABELED]
    _refuse_states(who, pool.called(idx), states, ~np.isin(states, takes), takes)
    kept = np.array([name not in slots.names.get(row, ()) for row in idx.tolist()], dtype=bool)
    return Change("reserve", idx[kept], RESERVE, name)


def tag(pool: Facts, kind: str, idx, name: str) -> Change:
    """Return what `Pool.tag` or `untag` would change."""
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"{kind} got the name {name!r}; give the text that the rows are to have.")
    check_name(name, kind)
    idx, name = check_row_numbers(idx, len(pool), who=kind), str.__str__(name)
    tags = pool.tags
    members = tags.get(name, idx[:0]) if kind == "tag" else rows_tagged(tags, name, kind)
    has_it = np.isin(idx, members)
    if kind == "untag" and not has_it.all():
        raise ValueError(
            f"untag got row {pool.called(idx)[has_it.argmin()]}, which is not tagged {name!r}; it "
            f"takes rows that are in tagged({name!r})."
        )
    if kind == "untag":
        return Change("tag", idx, UNTAG, name)
    return Change("tag", idx[~has_it], TAG, name)


def release_all(pool: Facts, name: str) -> Change:
    """Return what `Pool.release` would change for a name."""
    names = pool.ledger.follow().names
    rows = sorted(row for row, held in names.items() if name in held)
    if not rows:
        raise ValueError(f"release got name={name!r}, but no row is reserved for it.")
    return Change("release", np.array(rows, dtype=np.int64), RELEASE, name)


def _refuse_states(kind: str, where, states, is_wrong, takes=None) -> None:
    """Refuse rows in a state that a call does not take."""
    if not is_wrong.any():
        return
    at = is_wrong.argmax()
    allowed = " or ".join(STATE_NAMES[state] for state in takes or _TAKES[kind])
    raise ValueError(
        f"{kind} got row {where[at]}, which is {STATE_NAMES[states[at]]}; it takes rows that are "
        f"{allowed}."
    )


def _refuse_reserved(pool: Facts, idx, states, annotator: str, who: str) -> None:
    """Refuse a named person's labels for rows that are kept for others."""
    names = pool.ledger.slots.names
    if not names:
        return
    for at in np.flatnonzero(states == RESERVED).tolist():
        held = names[int(idx[at])]
        if annotator not in held and None not in held:
            whose = " and ".join(map(repr, held))
            raise ValueError(
                f"{who} got row {pool.called(idx)[at]} by annotator={annotator!r}, which is "
                f"reserved for {whose}; release it first, or reserve it for {annotator!r} too."
            )


def _refuse_decided(pool: Facts, idx, who: str) -> None:
    """Refuse another label for rows of which a reviewer has decided."""
    decided, labels = _decided(pool.ledger, idx)
    if decided.any():
        at = decided.argmax()
        raise ValueError(
            f"{who} got another label for row {pool.called(idx)[at]}, which was decided to be "
            f"{pool._shown(labels[at])!r}; write decide(rows, y)."
        )


def _against(pool: Facts, idx, values, known, annotator: str | None) -> tuple[Any, ...]:
    """Return masks of rows that have a label, were skipped and would change, and these labels.

    With a consensus, by what the same person said.
    """
    if pool.consensus is None:
        states, labels = pool.ledger.found(idx)
        has, is_skipped = states == LABELED, states == SKIPPED
    else:
        own, labels = _own(pool.ledger, idx, annotator)
        has, is_skipped = own == OPINION, own == UNSURE
    return has, is_skipped, has & ~_equal(has & known, labels, values), labels


def _equal(where: np.ndarray, labels, values: np.ndarray) -> np.ndarray:
    """Tell in which places of a mask two labels are equal."""
    same = where.copy()
    if same.any():
        same[same] = labels[same] == values[same]
    return same


def _own(ledger, rows: np.ndarray, annotator: str | None) -> tuple[np.ndarray, Any]:
    """Return what one person says of rows, an event or -1 where nothing, and which labels."""
    found = ledger.folded(rows)
    places, events = found.said
    is_hers = ledger.log.name_codes(events) == ledger.log.known_code(annotator)
    places, events = places[is_hers], events[is_hers]
    own, which = np.full(len(rows), -1, dtype=np.int8), np.full(len(rows), -1, dtype=np.int64)
    own[places], which[places] = ledger.log.kinds_of(events), events
    return own, _labels(ledger, rows, which, own == OPINION)


def _decided(ledger, rows: np.ndarray) -> tuple[np.ndarray, Any]:
    """Tell of which rows a reviewer has decided, and what."""
    ledger.follow()
    if not ledger.log.has_final or len(rows) == 0:
        return np.zeros(len(rows), dtype=bool), None
    found = ledger.folded(rows)
    decided = found.states == LABELED
    decided[decided] = ledger.log.kinds_of(found.decisive[decided]) == FINAL
    return decided, _labels(ledger, rows, found.decisive, decided)


def _labels(ledger, rows, events, mask: np.ndarray) -> Any:
    """Return the labels of some events, meaningful in a mask; None where it is empty."""
    if not mask.any():
        return None
    n, dtype = ledger.now.n_operations, ledger.now.dtype
    # A label that was replaced may be of any dtype, but of several labels a row.
    labels = np.zeros(len(rows), dtype=dtype if is_multilabel(dtype) else object)
    labels[mask] = ledger.labels_of(rows[mask], events[mask], n, labels.dtype)
    return labels


def _operations(n: int) -> str:
    """Return a number of operations in words."""
    return f"{n} operation{'s' * (n != 1)}"
