"""Files of a pool: whole or not at all, without pickle, for the rows they were made of."""

import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import time
import zipfile

import numpy as np
import pytest

from skactive import Pool, storage
from skactive.storage import pack_json, read, write

X = np.random.default_rng(0).normal(size=(300, 3))


def saved(tmp_path, X=X, y=None, **options):
    """A pool with some history, and the file it was saved to."""
    pool = Pool(X, y, **options)
    path = tmp_path / "pool.npz"
    return pool, path


def same(pool, other):
    """Assert that two pools are the same, their histories and dtypes included."""
    assert repr(other) == repr(pool)
    np.testing.assert_array_equal(other.labeled, pool.labeled)
    np.testing.assert_array_equal(other.skipped, pool.skipped)
    np.testing.assert_array_equal(other.y, pool.y)
    assert other.y.dtype == pool.y.dtype
    assert other.y_labeled.dtype == pool.y_labeled.dtype
    assert dict(other.reservations) == dict(pool.reservations)
    assert (other.seed, other.missing_label) == (pool.seed, pool.missing_label)
    for mine, theirs in zip(pool.history, other.history, strict=True):
        assert (mine.kind, mine.annotator, mine.time) == (
            theirs.kind,
            theirs.annotator,
            theirs.time,
        )
        assert (mine.before, mine.after) == (theirs.before, theirs.after)
        assert (mine.n_added, mine.undone) == (theirs.n_added, theirs.undone)
        np.testing.assert_array_equal(mine.rows, theirs.rows)


LABELS = {
    "integers": ([3, -1, 7], {}),
    "narrow integers": (np.array([3, -1, 7], dtype=np.int16), {}),
    "floats": ([0.1, None, -1.0], {"missing_label": None}),
    "narrow floats": (np.array([0.1, np.nan, 3], dtype=np.float32), {"missing_label": None}),
    "booleans": ([True, None, False], {}),
    "text": (["neg", -1, "pos\0"], {}),
    "odd text": (["\ud800", -1, "naïve \N{SNOWMAN}"], {}),
    "text as missing label": (["yes", "?", "no"], {"missing_label": "?"}),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_kind_come_back(kind, tmp_path):
    y, options = LABELS[kind]
    pool, path = saved(tmp_path, X[:3], y, **options)
    pool.label(1, np.asarray(pool.y_labeled)[0], annotator="Ada")
    pool.undo()
    pool.skip(1)
    pool.seed = 12345
    pool.save(path)
    same(pool, Pool.load(path, X[:3]))


def test_states_names_classes_and_additions_come_back(tmp_path):
    pool, path = saved(tmp_path, y=[0] * 10 + [-1] * 290, classes=[0, 1, 2])
    pool.reserve([20, 21], "Ada")
    pool.reserve(22)
    pool.label([30, 31], [1, 2], annotator="Ben")
    pool.skip(40)
    pool.extend(X[:5] + 100, [1, -1, 2, -1, 0])
    pool.label(30, 0, relabel=True)
    pool.save(path)
    other = Pool.load(path, np.concatenate([X, X[:5] + 100]))
    same(pool, other)
    assert other.classes.tolist() == [0, 1, 2]
    other.undo()
    assert other.y[30] == 1


def test_files_hold_no_pickle(tmp_path):
    pool, path = saved(tmp_path, X[:3], ["a", -1, "b"])
    pool.save(path)
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            assert b"|O" not in file.read(name)[:128]  # no array of objects
    with np.load(path, allow_pickle=False) as file:
        assert {"header", "rows", "sampled"} <= set(file.files)


def test_a_later_version_is_refused(tmp_path):
    pool, path = saved(tmp_path)
    pool.save(path)
    header, arrays = read(path)
    write(path, {**header, "version": storage.VERSION + 1}, arrays)
    with pytest.raises(ValueError, match="format version 2, this skactive reads up to 1; update"):
        Pool.load(path, X)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a file of ours", b"PK\x05\x06" + bytes(18), pickle.dumps({"header": 1})],
    ids=["empty", "text", "an empty archive", "a pickle"],
)
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a file that Pool.save wrote"):
        Pool.load(path, X)


def test_another_archive_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", header=pack_json({"format": "other", "version": 1}))
    with pytest.raises(ValueError, match="is not a file that Pool.save wrote"):
        Pool.load(tmp_path / "other.npz", X)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        Pool.load(tmp_path / "none.npz", X)


OTHER_DATA = {
    "fewer rows": (X[:-1], "was saved with 300 rows, X has 299"),
    "reversed rows": (X[::-1], "X is not the data that this pool was saved with"),
    "shuffled rows": (np.random.default_rng(1).permutation(X), "X is not the data"),
    "other values": (X + 1e-9, "X is not the data"),
    "fewer columns": (X[:, :2], "X is not the data"),
    "other columns": (X[:, ::-1], "X is not the data"),
}


@pytest.mark.parametrize("kind", OTHER_DATA)
def test_other_data_is_refused(kind, tmp_path):
    pool, path = saved(tmp_path)
    pool.save(path)
    other, message = OTHER_DATA[kind]
    with pytest.raises(ValueError, match=message):
        Pool.load(path, other)


def test_labelled_rows_that_changed_places_are_refused_in_a_large_pool(tmp_path):
    large = np.arange(200_000.0)[:, None]
    pool = Pool(large)
    pool.label([777, 12_345], [0, 1])
    pool.save(tmp_path / "pool.npz")
    swapped = large.copy()
    swapped[[777, 12_345]] = large[[12_345, 777]]
    with pytest.raises(ValueError, match="X is not the data"):
        Pool.load(tmp_path / "pool.npz", swapped)


def test_a_save_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    pool, path = saved(tmp_path)
    pool.label(0, 1)
    pool.save(path)
    before = path.read_bytes()
    pool.label(1, 2)

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        pool.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["pool.npz"]


SAVE_FOREVER = """
    import os, signal, sys
    import numpy as np
    from skactive import Pool
    path, die = sys.argv[1:]
    if die == "before replacing":
        os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    pool = Pool(np.arange(100_000.0)[:, None], np.arange(100_000) % 2)
    print("ready", flush=True)
    for row in range(100_000):
        pool.label(row, 1 - row % 2, relabel=True)
        pool.save(path)
"""


def save_and_be_killed(path, after):
    """Run a process that saves a pool over and over, and kill it."""
    die = "before replacing" if after is None else "when told"
    command = [sys.executable, "-c", textwrap.dedent(SAVE_FOREVER), str(path), die]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        if after is not None:
            time.sleep(after)
            process.kill()
        assert process.wait(timeout=60) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_killed_while_saving_leaves_a_whole_file(tmp_path):
    X = np.arange(100_000.0)[:, None]
    path = tmp_path / "pool.npz"
    Pool(X, np.arange(100_000) % 2).save(path)
    moments = random.Random(0)
    for _ in range(4):
        save_and_be_killed(path, after=moments.uniform(0.02, 0.3))
        pool = Pool.load(path, X)
        changed = np.flatnonzero(pool.y != np.arange(100_000) % 2)
        np.testing.assert_array_equal(changed, np.arange(len(changed)))
        assert len(pool.history) == 1 + len(changed)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_killed_before_it_replaces_the_file_leaves_the_old_one(tmp_path):
    path = tmp_path / "pool.npz"
    Pool(np.arange(100_000.0)[:, None]).save(path)
    before = path.read_bytes()
    save_and_be_killed(path, after=None)
    assert path.read_bytes() == before
