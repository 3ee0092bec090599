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
from skactive.pool import files, storage
from skactive.pool.log import KINDS, SKIP

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
    for _ in range(250):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        n_refused += outcome(path, pool, rows(8))
    assert n_refused > 175  # the others are dates, and bytes that fill up


def test_pieces_that_are_missing_doubled_or_swapped_are_noticed(tmp_path):
    pool = eventful(rows(8))
    path = saved(pool, tmp_path)
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(200):
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
    np.save(buffer, contents["labels"])
    short = buffer.getvalue().replace(b"'descr': '<i8'", b"'descr': '<i4'")
    stored(path, contents | {"labels": short})
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


def edited(path, **changes):
    """Write a file again with arrays changed by functions, and with their digest."""
    contents = members(path)
    for name, change in changes.items():
        contents[name] = change(contents[name].copy())
    header = json.loads(contents.pop("header").tobytes())
    header["digest"] = files._digest(contents)
    stored(path, {"header": storage.pack_json(header), **contents})


def put(at, value):
    def change(array):
        array[at] = value
        return array

    return change


def fixed(value):
    return lambda _: np.array(value)


def table(number, change):
    """Change one of the tables: people, dtypes, what was undone, details, notes."""

    def changed(packed):
        tables = json.loads(packed.tobytes())
        tables[number] = change(tables[number])
        return storage.pack_json(tables)

    return {"tables": changed}


def people(*names):
    return table(0, lambda _: names)


def undone(*pairs):
    return table(2, lambda _: pairs)


def dtypes(change):
    return table(1, lambda pairs: change(dict(pairs)))


def based(numbers, labels, dtype="<i8", first=0):
    """The labels of fit, with a dtype unless that is None."""
    head = [] if dtype is None else [[first, dtype]]
    base = {"base_rows": fixed(numbers), "base_labels": fixed(labels)}
    return base | table(1, lambda pairs: [*head, *pairs])


KIND = {kind: number for number, kind in enumerate(KINDS)}
# The history of `eventful`, by operation: fit; label 6 0 1; label 1; reserve 2 5; reserve 3;
# release 5; skip 4 5; restore 5; label 6; decide 1; unlabel 0; label 0; undo
CRAFTED = {
    "a row that is not there": {"rows": put(0, -1)},
    "a row beyond the others": {"rows": put(1, 8)},
    "a row twice": {"rows": put(0, 0)},
    "rows of floats": {"rows": lambda rows: rows.astype(float)},
    "rows of two dimensions": {"rows": lambda rows: rows[None]},
    "rows too few": {"rows": lambda rows: rows[:-1]},
    "an unknown kind": {"kinds": put(1, 99)},
    "a kind below all": {"kinds": put(1, -1)},
    "no beginning": {"kinds": put(0, KIND["extend"])},
    "two beginnings": {"kinds": put(1, KIND["fit"])},
    "a skip that labels": {"kinds": put(1, KIND["skip"])},
    "a label that skips": {"kinds": put(6, KIND["label"])},
    "a decision that is an opinion": {"kinds": put(2, KIND["decide"])},
    "an opinion that is a decision": {"kinds": put(9, KIND["label"])},
    "rows that join as they were there": {"kinds": put(1, KIND["extend"])},
    "an unknown event": {"events": put(0, 99)},
    "an event below all": {"events": put(0, -1)},
    "an event of another kind": {"events": put(0, SKIP)},
    "times too few": {"times": lambda times: times[:-1]},
    "a time that is none": {"times": put(0, np.nan)},
    "a time without end": {"times": put(1, np.inf)},
    "an actor that is nobody": {"actors": put(1, 99)},
    "an actor below all": {"actors": put(1, -1)},
    "a name that is nobody's": {"names": put(0, 99)},
    "a name below all": {"names": put(0, -1)},
    "held too few": {"held": lambda held: held[:-1]},
    "held by numbers": {"held": lambda held: held.astype(float)},
    "no first event": {"first": put(0, 1)},
    "events in another order": {"first": put(2, 5)},
    "events below 0": {"first": put(1, -1)},
    "events that are not there": {"first": put(-1, 99)},
    "an operation of nothing": {"first": put(4, 4)},
    "more rows than there are": {"n_added": put(0, 9)},
    "rows out of nothing": {"n_added": lambda added: put(0, 7)(put(1, 1)(added))},
    "rows below 0": {"n_added": put(1, -1)},
    "rows without end": {"n_added": lambda added: put(0, 2**63 - 1)(put(1, 2**63 - 1)(added))},
    "labels too few": {"labels": lambda labels: labels[:-1]},
    "labels too many": {"labels": lambda labels: np.append(labels, 3)},
    "a label that is missing": {"labels": put(0, -1)},
    "labels of another dtype": {"labels": lambda labels: labels.astype(float)},
    "labels that are no text": {"labels_are_text": fixed([True])},
    "numbers for text": {
        "labels_are_text": fixed([True]),
        "labels": lambda labels: storage.pack_json(["5", *labels.tolist()[1:]]),
    },
    "numbers of another kind": {
        "labels_are_text": fixed([True]),
        "labels": lambda labels: storage.pack_json([5.0, *labels.tolist()[1:]]),
    },
    "numbers beyond their dtype": {
        "labels_are_text": fixed([True]),
        "labels": lambda labels: storage.pack_json([2**70, *labels.tolist()[1:]]),
    },
    "no first labels": {"base_rows": fixed([3])},
    "first labels of no rows": {"base_labels": fixed([3])},
    "first labels without a dtype": based([3], [5], None),
    "a first label that is not there": based([8], [5]),
    "a first label below 0": based([-1], [5]),
    "first labels in another order": based([3, 2], [5, 5]),
    "a first label twice": based([3, 3], [5, 5]),
    "a first label that is missing": based([3], [-1]),
    "a first label of another dtype": based([3], [5.0]),
    "first labels that come later": based([3], [5], first=3),
    "nobody has no name": people("Böðvar", "Ada"),
    "a name that is none": people(None, "Ada", 5),
    "a name twice": people(None, "Ada", "Ada"),
    "names too few": people(None, "Ada"),
    "no names": people(),
    "a dtype too few": dtypes(lambda found: list(found.items())[1:]),
    "a dtype of nothing": dtypes(lambda found: [*found.items(), [9999, "<i8"]]),
    "a dtype of no labels": dtypes(lambda found: sorted({**found, 3: "<i8"}.items())),
    "a dtype of objects": dtypes(lambda found: [[number, "|O"] for number in found]),
    "a dtype of dates": dtypes(lambda found: [[number, "<M8[s]"] for number in found]),
    "an unknown dtype": dtypes(lambda found: [[number, "nonsense"] for number in found]),
    "a dtype that is none": dtypes(lambda found: [[number, None] for number in found]),
    "dtypes in another order": dtypes(lambda found: list(found.items())[::-1]),
    "a dtype twice": dtypes(lambda found: [*[*found.items()][:1], *found.items()]),
    "an undo of nothing": undone([12, []]),
    "an undo of itself": undone([12, [12]]),
    "an undo of the beginning": undone([12, [0]]),
    "an undo of what comes": undone([12, [99]]),
    "an undo of one twice": undone([12, [11, 11]]),
    "an undo in another order": undone([12, [10, 11]]),
    "an undo by parts": undone([12, [11.0]]),
    "an undo twice": undone([12, [11]], [12, [10]]),
    "an undo that is none": undone(),
    "an undo by another": undone([11, [10]], [12, [9]]),
    "an undo beyond all": undone([12, [11]], [13, [10]]),
    "what was undone is no list": undone([12, 11]),
    "a detail of nothing": table(3, lambda _: [[13, "more"]]),
    "a detail of True": table(3, lambda _: [[True, "more"]]),
    "a note of nothing": table(4, lambda _: [[15, [1.0, None]]]),
    "a note of three": table(4, lambda _: [[0, [1.0, None, None]]]),
    "a note of text for seconds": table(4, lambda _: [[0, ["1", None]]]),
    "a note before it began": table(4, lambda _: [[0, [-1, None]]]),
    "a note without end": table(4, lambda _: [[0, [float("inf"), None]]]),
    "a note that is no text": table(4, lambda _: [[0, [None, 5]]]),
    "a note that is none": table(4, lambda _: [[0, None]]),
    "a table too few": {"tables": lambda _: storage.pack_json([[None], [], [], []])},
    "no list": {"tables": lambda _: storage.pack_json(5)},
    "brackets without end": {"tables": lambda _: np.full(100_000, ord("["), dtype=np.uint8)},
    "no text": {"tables": put(0, 255)},
    "others sampled": {"sampled": lambda sampled: sampled[:1]},
    "one sampled that is not there": {"sampled": put(0, 99)},
}


@pytest.mark.parametrize("what", CRAFTED)
def test_a_history_that_no_pool_has_had_is_refused(what, tmp_path):
    path = saved(eventful(rows(8)), tmp_path)
    edited(path, **CRAFTED[what])
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


def test_a_row_that_joined_later_has_no_label_from_the_start(tmp_path):
    pool = Pool(rows(6))
    pool.extend(rows(8)[6:])
    path = saved(pool, tmp_path)
    edited(path, **based([7], [5]))
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


def test_only_with_its_digest_is_a_changed_file_taken(tmp_path):
    pool = eventful(rows(8))
    path = saved(pool, tmp_path)
    edited(path)  # the same again
    assert_same(Pool.load(path, rows(8)), pool)
    edited(path, labels=put(11, 9))
    assert Pool.load(path, rows(8)).y[6] == 9
    contents = members(path)
    stored(path, contents | {"labels": put(11, 8)(contents["labels"].copy())})
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


def test_labels_that_their_dtype_would_cut_are_refused(tmp_path):
    pool = Pool(rows(3), missing_label=None)
    pool.label([0], [0.5])
    pool.label([1], [2])
    path = saved(pool, tmp_path)
    changes = {
        "labels_are_text": fixed([True]),
        "labels": lambda _: storage.pack_json([0.5, 2]),
    }
    edited(path, **changes, **dtypes(lambda _: [[1, "<f8"], [2, "<i8"]]))
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(3))


def test_a_row_that_was_labelled_before_it_joined_is_refused(tmp_path):
    pool = Pool(rows(7))
    pool.label(6, 1)
    pool.extend(rows(8)[7:], [2])
    path = saved(pool, tmp_path)
    assert Pool.load(path, rows(8)).labeled.tolist() == [6, 7]
    for change in (put(0, 7), put(1, 5)):  # nor does one join that was there
        edited(path, rows=change)
        with pytest.raises(ValueError, match=REFUSED):
            Pool.load(path, rows(8))
        pool.save(path)


@pytest.mark.parametrize("label", [np.nan, np.inf])
def test_labels_that_are_no_numbers_are_refused(label, tmp_path):
    path = saved(eventful(rows(8), [0.5, 1.5, 2.5], missing_label=None), tmp_path)
    edited(path, labels=put(0, label))
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


@pytest.mark.parametrize("label", [5, None, ["a"], "?"])
def test_text_that_is_none_is_refused(label, tmp_path):
    path = saved(named(), tmp_path)

    def change(packed):
        labels = json.loads(packed.tobytes())
        return storage.pack_json([label, *labels[1:]])

    edited(path, labels=change)
    with pytest.raises(ValueError, match=REFUSED):
        Pool.load(path, rows(8))


@pytest.mark.parametrize("make", [lambda: eventful(rows(8)), named])
def test_whatever_numbers_a_file_holds_it_is_refused_or_tells_of_a_pool(make, tmp_path):
    path, chance = saved(make(), tmp_path), random.Random(0)
    whole = path.read_bytes()
    names = [*files._OF_OPERATIONS, *files._OF_EVENTS, "labels", "tables"]
    n_refused = 0
    for _ in range(60):
        path.write_bytes(whole)
        name = chance.choice(names)
        value = chance.choice([*range(-1, 9), chance.randrange(128)])

        def change(array, value=value):
            at = chance.randrange(len(array))
            return put(at, abs(value) if array.dtype.kind in "bu" else value)(array)

        edited(path, **{name: change})
        try:
            pool = Pool.load(path, rows(8))
        except ValueError as error:
            assert str(error).endswith(" is not a file that Pool.save wrote.")
            n_refused += 1
            continue
        assert_same(Pool.load(saved(pool, tmp_path), rows(8)), pool)  # and it is one of its own
        for op in pool.history:
            assert len(op.before) == len(op.after) == len(op.rows)
        left = pool.unlabeled
        pool.label(left, [pool.y_labeled[0] if pool.n_labeled else 1] * len(left))
        pool.undo()
        assert pool.unlabeled.tolist() == left.tolist()
    assert 15 < n_refused < 60


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
