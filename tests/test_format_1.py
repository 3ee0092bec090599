"""Files of format 1, which earlier versions wrote: they load as they were saved, or are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_damaged_files import REFUSED, members, put, stored
from test_storage import assert_same, rows, saved

from skactive import Pool
from skactive.pool import storage

DATA = Path(__file__).parent / "data"


def old(name, folder):
    """A copy of a file that the last version with format 1 wrote."""
    return Path(shutil.copy(DATA / f"format_1_{name}.npz", folder / "pool.npz"))


def told(pool):
    return [(op.kind, op.rows.tolist(), op.before, op.after) for op in pool.history]


@pytest.mark.parametrize(("name", "a", "b", "c"), [("numbers", 5, 7, 6), ("text", *"abc")])
def test_a_pool_of_format_1_is_what_it_was(name, a, b, c, tmp_path):
    pool = Pool.load(old(name, tmp_path), rows(8))
    none = -1 if name == "numbers" else "?"
    assert pool.y.tolist() == [none, a, *4 * [none], a, none]
    assert pool.y_labeled.dtype == ("int64" if name == "numbers" else object)
    assert (pool.labeled.tolist(), pool.skipped.tolist()) == ([1, 6], [4])
    assert dict(pool.reservations) == {2: ("Böðvar",), 3: (None,)}
    assert (pool.seed, pool.missing_label) == (2**32 - 1, none)
    classes = None if pool.classes is None else pool.classes.tolist()
    assert classes == (None if name == "numbers" else ["a", "b", "c"])
    assert told(pool) == [
        ("fit", [], [], []),
        ("label", [6, 0, 1], [None] * 3, [a, b, c]),
        ("label", [1], [c], [a]),
        ("reserve", [2, 5], [None] * 2, [None] * 2),
        ("reserve", [3], [None], [None]),
        ("release", [5], [None], [None]),
        ("skip", [4, 5], [None] * 2, [None] * 2),
        ("restore", [5], [None], [None]),
        ("unlabel", [0], [b], [None]),
        ("label", [0], [None], [c]),
        ("undo", [0], [c], [None]),
    ]
    assert [4 * (op.time - pool.history[0].time) for op in pool.history] == [*range(11)]
    assert 1_700_000_000 <= pool.history[0].time < 1_700_000_010
    assert [op.annotator for op in pool.history] == [None, "Ada", *9 * [None]]
    assert pool.history[-1].undone == (9,)
    assert pool.history[3].names_after == (("Böðvar",), ("Böðvar",))
    assert_same(Pool.load(saved(pool, tmp_path), rows(8)), pool)
    pool.undo(2)
    assert (pool.y[0], pool.skipped.tolist()) == (b, [4, 5])


def test_labels_of_several_people_and_kinds_come_from_format_1(tmp_path):
    pool = Pool.load(old("several", tmp_path), rows(9))
    assert pool.y.tolist() == [3, -1, 0, -1, -1, -1, 1, 9, 2.5]
    assert pool.y.dtype == float
    assert (pool.skipped.tolist(), pool.unlabeled.tolist()) == ([5], [1, 3])
    # Row 3 was kept for Ada when Böðvar labelled it, which ended that.
    assert dict(pool.reservations) == {4: ("Ada",)}
    assert [op.n_added for op in pool.history if op.n_added] == [6, 3]
    assert [op.annotator for op in pool.history if op.kind == "label"] == [
        *("Ada", "Böðvar", "Böðvar", None, None, "Ada")
    ]
    assert_same(Pool.load(saved(pool, tmp_path), rows(9)), pool)
    pool.undo(2)
    assert pool.y.tolist() == [1, -1, 0, -1, -1, -1, 1, -1, 2.5]
    assert dict(pool.reservations) == {4: ("Ada",), 5: (None,)}
    with pytest.raises(ValueError, match="the rows added 2 operations ago stay"):
        pool.undo(2)
    pool.undo()
    assert pool.y.tolist() == [1, 4, 0, -1, -1, -1, 1, -1, 2.5]


def edited(path, **changes):
    """Write a file again with arrays changed by functions."""
    contents = members(path)
    for name, change in changes.items():
        contents[name] = change(contents[name].copy())
    stored(path, contents)


def operations(change):
    def changed(packed):
        details = json.loads(packed.tobytes())
        change(details)
        return storage.pack_json(details)

    return changed


def assign(at, field, value):
    return operations(lambda details: details[at].__setitem__(field, value))


CRAFTED = {
    "a row that is not there": {"rows": put(0, -1)},
    "a row beyond the others": {"rows": put(1, 8)},
    "a row twice": {"rows": put(0, 0)},
    "rows of floats": {"rows": lambda rows: rows.astype(float)},
    "rows of two dimensions": {"rows": lambda rows: rows[None]},
    "a state that there is not": {"states_after": put(0, 4)},
    "a state below all": {"states_after": put(0, -1)},
    "a state that was another": {"states_before": put(3, 0)},
    "a skip that is none": {"states_after": put(8, 0)},
    "labels too few": {"labels <i8": lambda labels: labels[:-1]},
    "labels too many": {"labels <i8": lambda labels: np.append(labels, 3)},
    "a label that is missing": {"labels <i8": put(0, -1)},
    "times too few": {"times": lambda times: times[:-1]},
    "a time that is none": {"times": put(0, np.nan)},
    "an unknown kind": {"operations": assign(1, 0, "teach")},
    "a kind that came later": {"operations": assign(1, 0, "decide")},
    "another kind": {"operations": assign(7, 0, "release")},
    "no beginning": {"operations": assign(0, 0, "label")},
    "a count below 0": {"operations": assign(1, 1, -1)},
    "a count that is none": {"operations": assign(1, 1, "3")},
    "a dtype of objects": {"operations": assign(1, 2, [None, "|O"])},
    "a name that is none": {"operations": assign(3, 3, [None, [3, "Ada"]])},
    "names too few": {"operations": assign(3, 3, [None, ["Ada"]])},
    "an annotator that is no text": {"operations": assign(1, 4, 5)},
    "rows out of nothing": {"operations": assign(1, 5, 3)},
    "more rows than there are": {"operations": assign(0, 5, 9)},
    "an undo of nothing": {"operations": assign(-1, 6, [])},
    "an undo of itself": {"operations": assign(-1, 6, [10])},
    "an undo of the beginning": {"operations": assign(-1, 6, [0])},
    "an undo without end": {"operations": assign(-1, 6, [99])},
    "an undo of another": {"operations": assign(-1, 6, [8])},
    "an undo by nobody": {"operations": assign(1, 6, [0])},
    "details too few": {"operations": operations(lambda details: details.pop())},
    "a detail too few": {"operations": operations(lambda details: details[2].pop())},
    "no list": {"operations": lambda _: storage.pack_json(5)},
    "brackets without end": {"operations": lambda _: np.full(100_000, ord("["), dtype=np.uint8)},
    "no text": {"operations": put(0, 255)},
    "others sampled": {"sampled": lambda sampled: sampled[:1]},
    "one sampled that is not there": {"sampled": put(0, 99)},
}


@pytest.mark.parametrize("what", CRAFTED)
def test_a_history_that_no_pool_has_had_is_refused(what, tmp_path):
    path = old("numbers", tmp_path)
    edited(path, **CRAFTED[what])
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


def test_first_labels_in_another_order_are_refused(tmp_path):
    path = old("several", tmp_path)
    edited(path, rows=lambda rows: np.concatenate([rows[1::-1], rows[2:]]))
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(9))


@pytest.mark.parametrize("label", [5, None, ["a"], "?"])
def test_text_that_is_none_is_refused(label, tmp_path):
    path = old("text", tmp_path)

    def change(packed):
        labels = json.loads(packed.tobytes())
        return storage.pack_json([label, *labels[1:]])

    edited(path, **{"labels |O": change})
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))
