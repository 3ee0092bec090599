"""What follows for a row from its events, beside a plain account of one row after another."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skactive import Pool
from skactive.pool import slots
from skactive.pool.fold import BASE, LABELED, RESERVED, SKIPPED, UNLABELED, fold
from skactive.pool.log import (
    CLOSE,
    EVENT_NAMES,
    FINAL,
    OPINION,
    RELEASE,
    RESERVE,
    RESTORE,
    SKIP,
    UNSURE,
    Change,
    Log,
)

N_ROWS = 4
NAMES = [None, "Ada", "Ben"]
MARKS = st.dictionaries(
    st.integers(0, N_ROWS - 1),
    st.tuples(st.integers(0, len(EVENT_NAMES) - 1), st.sampled_from(NAMES)),
    min_size=1,
    max_size=3,
)
HISTORIES = st.lists(MARKS | st.integers(0, 60), max_size=14)  # a number picks what is undone


def told(events):
    """Return state, decisive event, reservations and standing opinions by a row's events."""
    said, final, skipped, names = {}, None, False, {}
    for number, event, name in events:
        if event in (OPINION, UNSURE):
            said.pop(name, None)  # so that the last to speak is last
            said[name] = number, event
            skipped = False
            for gone in [name, None] if name is not None else list(names):
                names.pop(gone, None)
        elif event == FINAL:
            final, skipped = number, False
        elif event == CLOSE:
            said, final = {}, None
        elif event == SKIP:
            skipped, names = True, {}
        elif event == RESTORE:
            skipped = False
            said = {who: what for who, what in said.items() if what[1] != UNSURE}
        elif event == RESERVE:
            names.pop(name, None)
            names[name] = number
        elif event == RELEASE:
            for gone in [name] if name is not None else list(names):
                names.pop(gone, None)
    labels = [number for number, event in said.values() if event == OPINION]
    decisive = final if final is not None else labels[-1] if labels else None
    if decisive is not None:
        state = LABELED
    elif skipped or said:
        state = SKIPPED
    else:
        state = RESERVED if names else UNLABELED
    return state, decisive, list(names), sorted(number for number, _ in said.values())


def written(based, history):
    """Return a log, and its events after each operation: (number, row, event, name, operation)."""
    log, events, end = Log(), [], 0
    rows = np.array(sorted(based), dtype=np.int64)
    log.write(Change("fit", rows, labels=np.zeros(len(rows)), added=N_ROWS), 0, 0, -1, None)
    last, moments, live, dead = dict.fromkeys(range(N_ROWS), -1), [(1, 0)], [], {}
    for n, call in enumerate(history, 1):
        if isinstance(call, int):
            undone = tuple(sorted({live[call % len(live)], live[-1]}, reverse=True)) if live else ()
            log.write(Change("undo", undone=undone), n, end, -1, None)
            log.dead.array[list(undone)] = n
            dead |= dict.fromkeys(undone, n)
            live = [number for number in live if number not in undone]
        else:
            live.append(n)
            rows = np.array(list(call), dtype=np.int64)
            kinds, names = map(list, zip(*call.values(), strict=True))
            change = Change("label", rows, np.array(kinds), names)
            previous = np.array([last[row] for row in call])
            for row, (event, name) in call.items():
                last[row] = len(events)
                events.append((len(events), row, event, name, n))
            end = log.write(change, n, end, previous, None)
        moments.append((n + 1, end))
    return log, events, dead, last, moments


@given(st.sets(st.integers(0, N_ROWS - 1)), HISTORIES)
def test_what_is_true_of_rows_at_any_moment_is_what_a_plain_account_says(based, history):
    log, events, dead, last, moments = written(based, history)
    rows = np.arange(N_ROWS)[::-1].copy()  # in any order
    for n, end in moments:
        found = fold(log, rows, np.array([last[row] for row in rows]), n, end)
        for place, row in enumerate(rows.tolist()):
            own = [(BASE, OPINION, None)] * (row in based)
            own += [
                (number, event, name)
                for number, of, event, name, by in events[:end]
                if of == row and dead.get(by, n) >= n
            ]
            state, decisive, names, said = told(own)
            assert found.states[place] == state
            assert decisive is None or found.decisive[place] == decisive
            held = [
                log.people[code] for code in found.reservations[1][found.reservations[0] == place]
            ]
            assert held == names
            assert sorted(found.said[1][found.said[0] == place].tolist()) == said


@given(st.sets(st.integers(0, N_ROWS - 1)), HISTORIES, st.sets(st.integers(1, 14)))
def test_without_operations_all_is_as_if_they_were_undone(based, history, without):
    log, _, _, last, moments = written(based, history)
    n, end = moments[-1]
    without = sorted(number for number in without if number < n)
    rows, at = np.arange(N_ROWS), np.array(list(last.values()))
    found = fold(log, rows, at, n, end, without)
    log.dead.array[without] = np.minimum(log.dead.array[without], n - 1)
    expected = fold(log, rows, at, n, end)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_slots_that_are_moved_know_for_whom_rows_are_and_on_which_side(monkeypatch):
    monkeypatch.setattr(slots, "_FEW_ROWS", 40)
    pool = Pool(np.zeros((40, 1)), hold_out=0.5, random_state=0)
    pool.reserve(pool.unlabeled[:2], "Ada")
    pool.label(pool.held_out[:2], [0, 1])
    names, held = dict(pool.reservations), pool.held_out
    assert pool.ledger.slots.is_dense
    pool.extend(np.zeros((2000, 1)))
    assert not pool.ledger.slots.is_dense
    assert dict(pool.reservations) == names
    assert pool.held_out[: len(held)].tolist() == held.tolist()
    assert pool.n_labeled == 0


@pytest.mark.parametrize("seed", range(2))
def test_slots_become_dense_and_few_again_and_know_the_same(seed, monkeypatch):
    monkeypatch.setattr(slots, "_FEW_ROWS", 4)
    monkeypatch.setattr(slots, "_SHARE", 2)
    rng = np.random.default_rng(seed)
    pool, plain, seen = Pool(np.zeros((9, 1)), missing_label=-1), {}, []
    for _ in range(150):
        kind = rng.choice(
            ["label", "skip", "restore", "unlabel", "extend"], p=[0.4, 0.2, 0.1, 0.1, 0.2]
        )
        if kind == "extend":
            pool.extend(np.zeros((int(rng.integers(1, 1 + len(pool))), 1)))
        else:
            states = {"label": (), "skip": (None, "?"), "restore": ("?",), "unlabel": range(9)}[
                kind
            ]
            near = rng.permutation(min(len(pool), 60))
            rows = [row for row in near.tolist() if not states or plain.get(row) in states][:4]
            if kind == "label":
                pool.label(rows, [row % 9 for row in rows], relabel=True)
                plain |= {row: row % 9 for row in rows}
            else:
                getattr(pool, kind)(rows)
                plain |= dict.fromkeys(rows, "?" if kind == "skip" else None)
        seen.append(pool.ledger.slots.is_dense)
        assert pool.skipped.tolist() == sorted(row for row, what in plain.items() if what == "?")
        labels = [(row, what) for row, what in sorted(plain.items()) if type(what) is int]
        assert [*zip(pool.labeled.tolist(), pool.y_labeled.tolist(), strict=True)] == labels
        assert pool.n_unlabeled == pool.unlabeled_mask.sum() == len(pool.unlabeled)
        if len(pool) > 2000:
            pool, plain = Pool(np.zeros((9, 1)), missing_label=-1), {}
    assert {(True, False), (False, True)} <= set(pairwise(seen))
