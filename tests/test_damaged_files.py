"""Files of pools, damaged or made up: refused in a sentence, or loaded as they were saved."""

import io
import json
import os
import random
import tracemalloc
import zipfile

import numpy as np
import pytest
from test_storage import assert_same, eventful, rewritten, rows, saved

from skactive import Pool
from skactive.pool import storage

REFUSED = r"pool\.npz' is not a file that Pool\.save wrote\."


def outcome(path, pool, X):
    """Whether a file is refused in the right words; else it holds the pool as it was saved."""
    try:
        loaded = Pool.load(path, X)
    except ValueError as error:
        text = str(error)
        assert text.endswith(" is not a file that Pool.save wrote.") or "update skactive" in text
        return True
    assert_same(loaded, pool)
    return False


def named():
    """A pool with text for labels, classes that were named, and an operation that was undone."""
    return eventful(rows(8), ["a", "b", "c"], missing_label="?", classes=["c", "b", "a"])


@pytest.mark.parametrize("make", [lambda: eventful(rows(8)), named])
def test_a_byte_that_changed_is_noticed_or_changes_nothing(make, tmp_path):
    pool = make()
    path = saved(pool, tmp_path)
    whole, chance = path.read_bytes(), random.Random(0)
    n_refused = 0
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        n_refused += outcome(path, pool, rows(8))
    assert n_refused > 400  # the others are dates, and bytes that fill up


def test_pieces_that_are_missing_doubled_or_swapped_are_noticed(tmp_path):
    pool = eventful(rows(8))
    path = saved(pool, tmp_path)
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(300):
        a, b, c = sorted(chance.sample(range(len(whole)), 3))
        kind = chance.randrange(4)
        damaged = (
            whole[:a] + whole[b:],
            whole[:b] + whole[a:],
            whole[:a] + whole[b:c] + whole[a:b] + whole[c:],
            whole[:a] + bytes(b - a) + whole[b:],
        )[kind]
        path.write_bytes(damaged)
        outcome(path, pool, rows(8))


def members(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def stored(path, contents):
    """Write an archive as numpy does, from arrays or the bytes of a member."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in contents.items():
            data = content
            if not isinstance(content, bytes):
                buffer = io.BytesIO()
                np.save(buffer, content)
                data = buffer.getvalue()
            file.writestr(f"{name}.npy", data)


def test_a_head_by_which_numpy_reads_fewer_labels_is_refused(tmp_path):
    path = saved(eventful(rows(8)), tmp_path)
    contents = members(path)
    buffer = io.BytesIO()
    np.save(buffer, contents["labels <i8"])
    short = buffer.getvalue().replace(b"'descr': '<i8'", b"'descr': '<i4'")
    stored(path, contents | {"labels <i8": short})
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


def edited(path, **changes):
    """Write a file again with arrays changed by functions."""
    contents = members(path)
    for name, change in changes.items():
        contents[name] = change(contents[name].copy())
    stored(path, contents)


def put(at, value):
    def change(array):
        array[at] = value
        return array

    return change


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
    "labels too few": {"labels <i8": lambda labels: labels[:-1]},
    "labels too many": {"labels <i8": lambda labels: np.append(labels, 3)},
    "a label that is missing": {"labels <i8": put(0, -1)},
    "times too few": {"times": lambda times: times[:-1]},
    "a time that is none": {"times": put(0, np.nan)},
    "an unknown kind": {"operations": assign(1, 0, "teach")},
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
    path = saved(eventful(rows(8)), tmp_path)
    edited(path, **CRAFTED[what])
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


def test_a_row_that_was_labelled_before_it_joined_is_refused(tmp_path):
    pool = Pool(rows(7))
    pool.label(6, 1)
    pool.extend(rows(8)[7:])
    path = saved(pool, tmp_path)
    assert Pool.load(path, rows(8)).labeled.tolist() == [6]
    edited(path, rows=put(0, 7))
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


@pytest.mark.parametrize("label", [np.nan, np.inf])
def test_labels_that_are_no_numbers_are_refused(label, tmp_path):
    path = saved(eventful(rows(8), [0.5, 1.5, 2.5], missing_label=None), tmp_path)
    edited(path, **{"labels <f8": put(0, label)})
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


@pytest.mark.parametrize("label", [5, None, ["a"], "?"])
def test_text_that_is_none_is_refused(label, tmp_path):
    path = saved(named(), tmp_path)

    def change(packed):
        labels = json.loads(packed.tobytes())
        return storage.pack_json([label, *labels[1:]])

    edited(path, **{"labels |O": change})
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


HEADERS = [
    {"n_rows": "nothing"},
    {"n_rows": "8"},
    {"n_rows": 9},
    {"n_rows": None},
    {"missing_label": [1]},
    {"missing_label": True},
    {"classes": ["b"]},
    {"classes": 5},
    {"classes": [["a"], ["b"]]},
    {"classes": ["c", "b", "a"]},
    {"classes": ["a", "b", "c", "?"]},
    {"classes_dtype": "<U100000000"},
    {"classes_dtype": "V8"},
    {"classes_dtype": "M8[s]"},
    {"classes_dtype": "nonsense"},
    {"classes_dtype": "nothing"},
    {"seed": -1},
    {"seed": "7"},
    {"version": "1"},
    {"version": 0},
    {"version": True},
]


@pytest.mark.parametrize("changes", HEADERS, ids=str)
def test_a_header_that_makes_no_sense_is_refused(changes, tmp_path):
    path = saved(named(), tmp_path)
    rewritten(path, **changes)
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


def test_a_fingerprint_that_is_none_is_of_other_data(tmp_path):
    path = saved(named(), tmp_path)
    rewritten(path, fingerprint=None)
    with pytest.raises(ValueError, match="X is not the data that this pool was saved with"):
        Pool.load(path, rows(8))


def test_a_member_that_is_not_used_costs_no_memory(tmp_path):
    path = saved(eventful(rows(8)), tmp_path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file,
        file.open("x.npy", "w") as member,
    ):
        for _ in range(64):
            member.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["more", "rows"])
def test_a_member_that_is_there_twice_or_too_much_is_refused(name, tmp_path):
    path = saved(eventful(rows(8)), tmp_path)
    buffer = io.BytesIO()
    np.save(buffer, members(path)["rows"])
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(f"{name}.npy", buffer.getvalue())
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


# Beside the file


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "pool.npz"
    link.symlink_to(tmp_path / "elsewhere" / "labels.npz")
    pool = Pool(rows(3))
    for row in range(2):  # first where the link leads to nothing yet
        pool.label(row, row)
        pool.save(link)
        assert link.is_symlink()
        assert Pool.load(link, rows(3)).n_labeled == row + 1
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["labels.npz"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is POSIX")
def test_what_a_killed_save_left_goes_at_the_next_save(tmp_path):
    from test_storage import KILLED_BETWEEN, python

    pool = Pool(rows(10), [5] + 9 * [-1])
    path = saved(pool, tmp_path)
    (tmp_path / "pool.npz.notes.part").write_text("of somebody else")
    assert python(KILLED_BETWEEN, path, "replace").returncode == -9
    assert len(list(tmp_path.iterdir())) == 3
    pool.save(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["pool.npz", "pool.npz.notes.part"]


def test_saves_at_the_same_time_take_nothing_from_each_other(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    pool = Pool(rows(10), [5] + 9 * [-1])
    path = tmp_path / "pool.npz"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: pool.save(path), range(80)))
    assert [each.name for each in tmp_path.iterdir()] == ["pool.npz"]
    assert Pool.load(path, rows(10)).y.tolist() == pool.y.tolist()
