"""Files of pools: free of pickle, versioned, refused for other data, whole whoever is killed."""

import importlib.util
import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from snapshot import log_facts, told, unchanged

from skactive import Pool
from skactive.pool import files, storage

ROOT = Path(__file__).resolve().parents[1]
needs_pandas = pytest.mark.skipif(
    importlib.util.find_spec("pandas") is None, reason="pandas is not installed"
)


def rows(n, start=0):
    return np.arange(2.0 * start, 2.0 * (start + n)).reshape(n, 2)


def saved(pool, folder):
    path = folder / "pool.npz"
    pool.save(path)
    return path


def eventful(X, labels=(5, 7, 6), **options):
    """A pool of at least 8 rows with every kind of operation in its history."""
    pool = Pool(X, **options)
    pool.seed = 2**32 - 1
    pool.label([6, 0, 1], labels, annotator="Ada")
    pool.label([1], [labels[0]], relabel=True)
    pool.reserve([2, 5], "Böðvar")
    pool.reserve([3])
    pool.release([5])
    pool.skip([4, 5])
    pool.restore([5])
    pool.label([6], [labels[0]], annotator="Böðvar")
    pool.decide([1], [labels[1]], annotator="Ada")
    pool.unlabel([0])
    pool.label([0], [labels[2]])
    pool.undo()
    return pool


def entries(pool):
    """The history as plain values, dtypes included."""

    def plain(value):
        if isinstance(value, np.ndarray):
            return value.dtype.str, [(type(item), item) for item in value.tolist()]
        return type(value), value

    return [{name: plain(value) for name, value in told(op).items()} for op in pool.history]


def assert_same(loaded, pool):
    """Equal in all that a pool can be asked for."""
    assert log_facts(loaded.ledger) == log_facts(pool.ledger)
    assert entries(loaded) == entries(pool)
    for name in ("labeled", "unlabeled", "reserved", "skipped"):
        assert getattr(loaded, name).tolist() == getattr(pool, name).tolist()
    for name in ("y", "y_labeled", "classes"):
        ours, theirs = getattr(pool, name), getattr(loaded, name)
        np.testing.assert_array_equal(theirs, ours)
        assert getattr(theirs, "dtype", None) == getattr(ours, "dtype", None)
    assert dict(loaded.reservations) == dict(pool.reservations)
    assert (loaded.seed, loaded.missing_label) == (pool.seed, pool.missing_label)


# What comes back


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ([5, -7, 2**62], {}),
        (np.array([5, 7, 6], dtype=np.int16), {}),
        ([0.1, 1e-300, -0.0], {}),
        (np.array([0.1, 2.5, 3], dtype=np.float32), {"missing_label": None}),
        ([True, False, True], {}),
        (["a", "", "é\n\0 \U0001f600"], {"classes": ["", "a", "é\n\0 \U0001f600"]}),
        (["\ud800", "naïve \N{SNOWMAN}", "\ud800"], {}),  # half a surrogate pair
        (np.array(["neg", "pos", "a longer one"]), {"missing_label": "?"}),
        ([5, 7, 6], {"missing_label": 0, "classes": [7, 6, 5, 9]}),
        (["a", "b", "a"], {"classes": np.array(["b", "a"])}),
        ([1, 0, 1], {"classes": np.array([1, 0], dtype=np.int8)}),
    ],
)
def test_everything_comes_back_with_its_dtype(labels, options, tmp_path):
    X = rows(8)
    pool = eventful(X, labels, **options)
    with unchanged(pool):
        path = saved(pool, tmp_path)
    loaded = Pool.load(path, X)
    assert loaded.X is X
    assert_same(loaded, pool)


def test_a_loaded_pool_goes_on_as_the_saved_one_does(tmp_path):
    X = rows(8)
    pool = eventful(X)
    loaded = Pool.load(saved(pool, tmp_path), X)
    for each in (pool, loaded):
        each.undo(3)
        each.label([7, 3], [0.5, 2], annotator=None)
        each.extend(rows(2, start=8), [1, -1])
        each.release(name="Böðvar")
    for name in ("labeled", "unlabeled", "reserved", "skipped", "y"):
        assert getattr(loaded, name).tolist() == getattr(pool, name).tolist()
    assert [op.undone for op in loaded.history] == [op.undone for op in pool.history]
    with unchanged(loaded), pytest.raises(ValueError, match="rows added 2 operations ago stay"):
        loaded.undo(2)


def test_labels_whose_kind_changed_on_the_way_come_back(tmp_path):
    X = rows(4)
    pool = Pool(X, [True, -1, -1, -1])
    pool.label(1, 4)
    pool.label(2, 0.5)
    pool.undo(2)
    pool.unlabel(0)
    pool.label([0, 3], ["a", "b"])
    assert_same(Pool.load(saved(pool, tmp_path), X), pool)
    pool.undo(2)
    assert_same(Pool.load(saved(pool, tmp_path), X), pool)
    assert pool.y_labeled.dtype == bool


def test_an_annotator_that_is_none_stays_none_and_times_stay_exact(tmp_path):
    pool = Pool(rows(3))
    pool.label(0, 1)
    pool.label(1, 1, annotator="None")
    loaded = Pool.load(saved(pool, tmp_path), rows(3))
    assert [op.annotator for op in loaded.history] == [None, None, "None"]
    assert [op.time for op in loaded.history] == [op.time for op in pool.history]


def test_a_pool_that_was_extended_loads_over_all_rows_in_one_container(tmp_path):
    pool = Pool(rows(3), [4, -1, -1])
    pool.extend(rows(2, start=3), [-1, 5])
    pool.label([1, 3], [6, 7])
    path = saved(pool, tmp_path)
    loaded = Pool.load(path, rows(5))
    assert_same(loaded, pool)
    assert loaded.X_labeled.tolist() == pool.X_labeled.tolist()
    with pytest.raises(ValueError, match="saved with 5 rows, X has 3; give all of its rows, those"):
        Pool.load(path, rows(3))


def test_a_history_of_thousands_of_operations_comes_back(tmp_path):
    X = rows(3000)
    pool = Pool(X)
    for row in range(3000):
        pool.label(row, row % 7, annotator=f"person {row % 3}")
    path = saved(pool, tmp_path)
    assert path.stat().st_size < 300 * 3000
    assert_same(Pool.load(path, X), pool)


def test_the_path_may_be_text_and_have_any_ending(tmp_path):
    pool = Pool(rows(3), [1, -1, -1])
    pool.save(str(tmp_path / "my labels"))
    assert [path.name for path in tmp_path.iterdir()] == ["my labels"]
    assert_same(Pool.load(str(tmp_path / "my labels"), rows(3)), pool)


# What is in the file


@pytest.mark.parametrize("labels", [[5, 7, 6], ["a", "b", "c"], [0.5, 1, 2]])
def test_the_file_holds_no_pickle_and_no_rows_and_says_its_version(labels, tmp_path):
    X = rows(5000) + 0.123456789
    path = saved(eventful(X, labels), tmp_path)
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(arrays["header"].tobytes())
    assert header["format"] == "skactive-pool"
    assert header["version"] == files.VERSION == 2
    assert header["n_rows"] == 5000
    assert not any(array.dtype.hasobject for array in arrays.values())
    assert "allow_pickle" not in arrays  # which older numpy would take for an array's name
    assert path.stat().st_size < X.nbytes / 4
    assert X[6].tobytes() not in path.read_bytes()


def rewritten(path, **changes):
    """Write the file again with another header."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(arrays.pop("header").tobytes()) | changes
    header = {name: value for name, value in header.items() if value != "nothing"}
    with path.open("wb") as file:
        np.savez(file, header=storage.pack_json(header), **arrays)


def test_a_later_version_is_refused(tmp_path):
    path = saved(Pool(rows(3)), tmp_path)
    rewritten(path, version=3)
    with pytest.raises(ValueError, match="format version 3, this skactive reads up to 2; update"):
        Pool.load(path, rows(3))


def test_labels_of_extended_precision_are_kept_as_floats(tmp_path):
    pool = Pool(np.zeros((3, 1)), np.array([0.5, 1.25, np.nan], np.longdouble), missing_label=None)
    pool.save(tmp_path / "pool.npz")
    loaded = Pool.load(tmp_path / "pool.npz", pool.X)
    assert loaded.y_labeled.dtype == np.float64
    assert loaded.y_labeled.tolist() == [0.5, 1.25]


@pytest.mark.parametrize("changes", [{"format": "another"}, {"format": "nothing"}])
def test_a_header_of_another_format_is_refused(changes, tmp_path):
    path = saved(Pool(rows(3)), tmp_path)
    rewritten(path, **changes)
    with pytest.raises(ValueError, match=r"pool\.npz' is not a file that Pool\.save wrote\."):
        Pool.load(path, rows(3))


def garbage(path, kind):
    if kind == "half":
        whole = saved(eventful(rows(8)), path.parent).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "one byte wrong":
        whole = bytearray(saved(eventful(rows(8)), path.parent).read_bytes())
        whole[len(whole) // 2] ^= 0xFF
        path.write_bytes(whole)
    elif kind == "npy":
        np.save(path.open("wb"), rows(3))
    elif kind == "npz":
        np.savez(path.open("wb"), a=rows(3))
    elif kind == "header of objects":
        np.savez(path.open("wb"), header=np.array({"format": "skactive-pool"}, dtype=object))
    elif kind == "header of another kind":
        np.savez(path.open("wb"), header=storage.pack_json(["skactive-pool", 1]))
    else:
        bare = {"nothing": b"", "text": b"a,b\n1,2\n", "empty archive": b"PK\x05\x06" + bytes(18)}
        path.write_bytes(bare.get(kind, pickle.dumps({"header": 1})))


GARBAGE = ["nothing", "text", "pickle", "empty archive", "half", "one byte wrong", "npy", "npz"]
GARBAGE += ["header of objects", "header of another kind"]


@pytest.mark.parametrize("kind", GARBAGE)
def test_anything_else_is_refused(kind, tmp_path):
    path = tmp_path / "other.npz"
    garbage(path, kind)
    with pytest.raises(ValueError, match=r"other\.npz' is not a file that Pool\.save wrote\."):
        Pool.load(path, rows(8))


def test_a_file_that_is_not_there_is_said_to_be_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        Pool.load(tmp_path / "pool.npz", rows(3))
    with pytest.raises(FileNotFoundError):
        Pool(rows(3)).save(tmp_path / "no such folder" / "pool.npz")


# Other data

OTHER = "X is not the data that this pool was saved with: "


@pytest.mark.parametrize("n", [8, 2000])
def test_other_values_or_another_order_are_refused(n, tmp_path):
    X = rows(n)
    path = saved(eventful(X), tmp_path)
    swapped = np.arange(n)
    swapped[[0, 1]] = [1, 0]  # both labelled
    for other in (X[::-1], X + 1, X[swapped], X[:, ::-1], np.roll(X, 1, axis=0), X[:, :1]):
        with pytest.raises(ValueError, match=OTHER):
            Pool.load(path, other)
    for same in (X, X.copy(), np.asfortranarray(X), X.astype(int)):
        assert Pool.load(path, same).y.tolist() == Pool.load(path, X).y.tolist()
    for wrong in (X[:-1], np.vstack([X, X[:1]])):
        with pytest.raises(ValueError, match=rf"saved with {n} rows, X has {len(wrong)}; give all"):
            Pool.load(path, wrong)


@pytest.mark.parametrize("row", [0, 777, 1999])
def test_a_labelled_row_that_differs_is_noticed_wherever_it_is(row, tmp_path):
    X = rows(2000)
    pool = Pool(X)
    pool.label(row, 1)
    path = saved(pool, tmp_path)
    other = X.copy()
    other[row, 1] += 1e-9 + abs(other[row, 1]) * 1e-12
    assert (other != X).sum() == 1
    with pytest.raises(ValueError, match=OTHER):
        Pool.load(path, other)


def test_labelled_rows_that_changed_places_are_refused_in_a_large_pool(tmp_path):
    X = np.arange(200_000.0)[:, None]
    pool = Pool(X)
    pool.label([777, 12_345], [0, 1])
    path = saved(pool, tmp_path)
    swapped = X.copy()
    swapped[[777, 12_345]] = X[[12_345, 777]]
    with pytest.raises(ValueError, match=OTHER):
        Pool.load(path, swapped)


@needs_pandas
def test_frames_are_known_by_their_columns(tmp_path):
    import pandas as pd

    X = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    path = saved(Pool(X, [1, -1, 0]), tmp_path)
    for other in (
        X[["b", "a"]],
        X.rename(columns={"a": "c"}),
        X[["a"]],
        X.assign(b=["x", "y", "y"]),
        X.iloc[[1, 0, 2]],
    ):
        with pytest.raises(ValueError, match=OTHER):
            Pool.load(path, other)
    assert Pool.load(path, X.set_axis([7, 8, 9])).y.tolist() == [1, -1, 0]


def test_sparse_rows_and_texts_are_known_too(tmp_path):
    X = sp.random(50, 20, density=0.2, random_state=0, format="csr")
    path = saved(Pool(X), tmp_path)
    assert len(Pool.load(path, X.tocsc())) == 50
    with pytest.raises(ValueError, match=OTHER):
        Pool.load(path, X[::-1])
    texts = [f"text {i}" for i in range(5)]
    path = saved(Pool(texts), tmp_path)
    assert Pool.load(path, texts).X is texts
    with pytest.raises(ValueError, match=OTHER):
        Pool.load(path, [*texts[:4], "text 5"])


# Replaced whole, or not at all


def test_saving_again_replaces_the_file_and_leaves_no_other(tmp_path):
    pool = Pool(rows(3))
    for row in range(3):
        pool.label(row, row)
        path = saved(pool, tmp_path)
        assert Pool.load(path, rows(3)).n_labeled == row + 1
    assert [path.name for path in tmp_path.iterdir()] == ["pool.npz"]


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_file_and_no_other(fails, tmp_path, monkeypatch):
    pool = Pool(rows(3), [1, -1, -1])
    path = saved(pool, tmp_path)
    pool.label(1, 2)

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, fails, full)
    with unchanged(pool), pytest.raises(OSError, match="no space left"):
        pool.save(path)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["pool.npz"]
    assert Pool.load(path, rows(3)).y.tolist() == [1, -1, -1]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_file_has_the_permissions_of_any_file_and_keeps_those_that_it_was_given(tmp_path):
    pool = Pool(rows(3))
    (tmp_path / "any").write_bytes(b"")
    path = saved(pool, tmp_path)
    assert path.stat().st_mode == (tmp_path / "any").stat().st_mode
    path.chmod(0o664)
    pool.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664


def python(script, *arguments):
    """Run a script in a new process; it imports what this one imports."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


KILLED_BETWEEN = """
import os, signal, sys
import numpy as np
from skactive import Pool

path = sys.argv[1]
X = np.arange(20.0).reshape(10, 2)
pool = Pool.load(path, X)
pool.label([1, 2], [8, 9])
setattr(os, sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
pool.save(path)
"""


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is POSIX")
@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_process_killed_between_writing_and_replacing_leaves_the_old_file(moment, tmp_path):
    pool = Pool(rows(10), [5] + 9 * [-1])
    path = saved(pool, tmp_path)
    before = path.read_bytes()
    killed = python(KILLED_BETWEEN, path, moment)
    assert killed.returncode == -9, killed.stderr
    assert path.read_bytes() == before
    loaded = Pool.load(path, rows(10))
    assert_same(loaded, pool)
    loaded.label(3, 6)
    loaded.save(path)
    assert Pool.load(path, rows(10)).labeled.tolist() == [0, 3]


KILLED_ANYWHERE = """
import json, os, random, signal, sys, time
from pathlib import Path
import numpy as np
from skactive import Pool

path, n_kills = Path(sys.argv[1]), int(sys.argv[2])
random.seed(0)
N = 100_000
X = np.arange(N, dtype=float).reshape(N, 1)
truth = np.arange(N) % 7
pool = Pool(X, np.where(np.arange(N) < N // 2, truth, -1))
began = time.perf_counter()
pool.save(path)
duration = time.perf_counter() - began
n, interrupted, give_up = N // 2, 0, time.monotonic() + 30
# A busy machine may need more tries until one kill has met a save, and one save was finished.
while n_kills > 0 or (time.monotonic() < give_up and not (interrupted and n > N // 2)):
    n_kills -= 1
    child = os.fork()
    if child == 0:
        row = pool.n_labeled
        while True:
            pool.label(row, truth[row])
            pool.save(path)
            row += 1
    time.sleep(random.uniform(0, 4 * duration))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    left = [name for name in os.listdir(path.parent) if name != path.name]
    interrupted += bool(left)
    for name in left:
        os.unlink(path.parent / name)
    loaded = Pool.load(path, X)
    n = loaded.n_labeled
    assert loaded.labeled.tolist() == list(range(n))
    assert (loaded.y_labeled == truth[:n]).all()
    assert len(loaded.history) == 1 + n - N // 2
    assert n >= pool.n_labeled
    pool = loaded
print(json.dumps([interrupted, n - N // 2]))
"""


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is POSIX")
def test_a_process_killed_at_any_moment_of_saving_leaves_a_whole_file(tmp_path):
    done = python(KILLED_ANYWHERE, tmp_path / "pool.npz", 25)
    assert done.returncode == 0, done.stderr
    interrupted, n_saved = json.loads(done.stdout)
    assert interrupted > 0  # or no kill has met a save
    assert n_saved > 0  # or none was ever finished
