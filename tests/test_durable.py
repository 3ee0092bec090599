"""Pools over a database: what was recorded is there, whoever is killed, writes, or looks."""

import contextlib
import copy
import os
import pickle
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import rule
from sklearn.naive_bayes import GaussianNB
from test_interrupts import Interrupt, facts
from test_machine_pool import IntPool, TextPool

from skactive import ActiveLearner, Pool, run
from skactive.pool import durable, opening, store
from skactive.pool.blocks import block_of_lines, unpacked
from skactive.pool.ledger import Ledger
from skactive.pool.lines import Extent

N = 400
ROOT = Path(__file__).resolve().parents[1]


def rows(n=N, start=0):
    return np.arange(2.0 * start, 2.0 * (start + n)).reshape(n, 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.db"


def fill(pool):
    """Something of everything."""
    pool.label([3, 4], [1, 0], annotator="Ann")
    pool.label([4, 5], [2.5, None], relabel=True, annotator="Böð\0var")
    pool.reserve([7, 8], "Ann")
    pool.skip([9])
    pool.undo()
    pool.label([10], [True])
    pool.decide([3], [0], annotator="Cleo")
    pool.seed = 7
    return pool


def known(pool):
    """All that a pool tells, times included, and what is set for it."""
    times = [op.time for op in pool.history]
    classes = None if pool.classes is None else pool.classes.tolist()
    return facts(pool) | {"times": times, "seed": pool.seed, "classes": classes}


def python(code, *args, **how):
    """Another process, in which a pool over the rows of these tests can be opened."""
    head = """
        import os, sys, time
        import numpy as np
        from skactive import Pool
        def rows(n):
            return np.arange(2.0 * n).reshape(n, 2)
        """
    source = textwrap.dedent(head) + textwrap.dedent(code)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    how = {"stdout": subprocess.PIPE, "text": True, "env": env} | how
    return subprocess.Popen([sys.executable, "-c", source, *map(str, args)], **how)


# What is in the file


def test_what_was_recorded_is_there_again(path):
    with Pool.open(path, rows(), [0, 1] + (N - 2) * [None]) as pool:
        fill(pool).name_classes([0, 1, 2.5])
        pool.extend(rows(2, start=N), [1, None], annotator="Ann")
        was = known(pool)
        with Pool.open(path, rows(N + 2)) as other:
            assert known(other) == was
    with Pool.open(path, rows(N + 2), [0, 1] + (N - 2) * [None] + [1, None]) as pool:
        assert known(pool) == was
        pool.label([N + 1], [0])
        pool.undo()
    assert os.listdir(path.parent) == ["labels.db"]  # what SQLite needs beside it is gone


def copied(path, *endings):
    """How many rows are labelled in a copy of a database, made file by file."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in endings:
            subprocess.run(["cp", f"{path}{ending}", f"{folder}/copy.db{ending}"], check=True)
        with Pool.open(f"{folder}/copy.db", rows()) as pool:
            return pool.n_labeled


def test_a_call_that_returned_is_in_the_file(path, monkeypatch):
    """In those of the database together at once, and now and then in the main one alone."""
    pool = Pool.open(path, rows())
    whole = path.read_bytes()
    for row in range(10):
        pool.label([row], [row % 2])
        assert copied(path, "", "-wal") == row + 1
    assert path.read_bytes() == whole  # to write there would take three times as long again
    assert copied(path, "") == 0
    monkeypatch.setattr(store, "CARRIED_AFTER", 0)
    for row in range(10, 20):
        pool.label([row], [row % 2])
        assert copied(path, "") == row + 1
    monkeypatch.undo()
    pool.label([20], [0])
    assert copied(path, "") == 20
    pool.close()
    assert copied(path, "") == 21


def test_the_main_file_has_all_but_the_last_pages(path, monkeypatch):
    monkeypatch.setattr(store, "MOST_PAGES", 20)
    with Pool.open(path, rows()) as pool:
        for row in range(40):
            pool.label([row], [row % 2])
        assert 25 <= copied(path, "") < 40


def test_what_an_interrupt_left_open_is_not_read(path):
    with Pool.open(path, rows()) as pool:
        pool.label([0], [1])
        connection = pool.ledger.store._connection
        connection.execute("BEGIN IMMEDIATE")
        lines = connection.execute("SELECT * FROM operation WHERE n = 1").fetchone()
        marks = ", ".join("?" * len(lines))
        connection.execute(f"INSERT INTO operation VALUES ({marks})", (2, *lines[1:]))
        pool.refresh()
        assert (pool.n_operations, pool.ledger.store.last()[0]) == (2, 2)


def test_a_file_that_is_refused_is_closed(path, tmp_path, monkeypatch):
    made, connect = [], sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **how: made.append(connect(*args, **how)) or made[-1]
    )
    (tmp_path / "text.db").write_text("no database\n" * 100)
    with contextlib.closing(connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE a (b)")
    with Pool.open(path, rows(), [0] + (N - 1) * [None]) as pool:
        pool.label([1], [1])
    for refused, X in (("text.db", rows()), ("other.db", rows()), (path, rows(3))):
        for read_only in (False, True):
            with pytest.raises(ValueError):
                Pool.open(tmp_path / refused, X, read_only=read_only)
    assert len(made) == 7
    for connection in made:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder_that_is_not_there_is_told(tmp_path, read_only):
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*gone'; make it"):
        Pool.open(tmp_path / "gone" / "labels.db", rows(), read_only=read_only)
    with pytest.raises(FileNotFoundError, match="without read_only=True it is made"):
        Pool.open(tmp_path / "labels.db", rows(), read_only=True)
    assert os.listdir(tmp_path) == []


def test_a_copy_within_together_says_where_it_belongs(path, tmp_path):
    with Pool.open(path, rows()) as pool:
        pool.label([0], [1])
        with pytest.raises(ValueError, match="within together, whose lock"):
            pool.together(lambda: pool.copy_to(tmp_path / "second.db"))
        assert not (tmp_path / "second.db").exists()
        pool.together(lambda: pool.copy_to(tmp_path / "second.npz"))
        pool.copy_to(tmp_path / "second.db")
        assert Pool.load(tmp_path / "second.npz", rows()).n_labeled == 1


def test_labels_are_never_bytes(path):
    """sqlite3 would take numbers of numpy for bytes, and NaN for NULL."""
    labels = [np.int64(3), np.float32(0.1), np.uint8(200), np.int64(-(2**63))]
    with Pool.open(path, rows()) as pool:
        for row, label in enumerate(labels):
            pool.label(np.int16(row), label, annotator="Ann")
        pool.unlabel(range(len(labels)))
        pool.label([5, 6], np.array([True, False]))
        pool.reserve(np.array([7], dtype=np.uint8), "Ben")
        found = pool.ledger.store.rows("SELECT typeof(label), typeof(row), typeof(name) FROM event")
        assert {kind for kind, _, _ in found} <= {"integer", "real", "null"}
        assert {kind for _, kind, _ in found} == {"integer"}
        assert {kind for _, _, kind in found} <= {"text", "null"}
        was = known(pool)
        assert was["labels"][0][1][5:7] == [True, False]
    with Pool.open(path, rows()) as pool:
        assert known(pool) == was
        connection = pool.ledger.store._checked()
        with pytest.raises(sqlite3.IntegrityError):
            values = (np.int64(1),)
            connection.execute(
                "INSERT INTO event SELECT max(n) + 1, 1, 0, 'opinion', NULL, ?, 0, NULL, NULL "
                "FROM event",
                values,
            )


@pytest.mark.parametrize(
    "label", [0.1 + 0.2, -0.0, 2.0**100, 5e-324, 2**63 - 1, "a\0b", "é\n", "1", "\U0001f600"]
)
def test_a_label_comes_back_as_it_was(path, label):
    with Pool.open(path, rows(3), [None, label, None], missing_label=None) as pool:
        pool.label([0], [label])
        was = pool.y_labeled
    with Pool.open(path, rows(3)) as pool:
        assert pool.y_labeled.dtype == was.dtype
        assert repr(pool.y_labeled.tolist()) == repr([label, label])


def test_text_that_is_no_unicode_is_refused(path):
    with Pool.open(path, rows()) as pool:
        with pytest.raises(ValueError, match="holds text that is Unicode"):
            pool.label([0], ["\ud800"])
        assert (pool.n_labeled, pool.n_operations) == (0, 1)
        pool.label([0], ["fine"])


def test_many_operations_are_read_in_blocks(path, monkeypatch):
    monkeypatch.setattr(durable, "LOG_BLOCK", 30)
    pool = Pool.open(path, rows(), [0, 1] + (N - 2) * [None])
    values = [0, 1, 0.5]
    for i in range(2, 120, 2):
        pool.label([i, i + 1], [values[i % 3], None], annotator=["Ann", None, "Ben"][i // 2 % 3])
        if i % 10 == 0:
            pool.undo()
    was = known(pool)
    pool.close()
    with Pool.open(path, rows()) as pool:
        n_blocks = pool.ledger.store.rows("SELECT count(*) FROM block")[0][0]
        assert n_blocks > 4
        assert known(pool) == was
        pool.copy_to(f"{path}.npz")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER block_update")
        connection.execute("UPDATE block SET columns = zeroblob(1000) WHERE n = 1")
        connection.commit()
    with pytest.raises(ValueError, match="damaged"):
        Pool.open(path, rows())
    assert known(Pool.load(f"{path}.npz", rows())) == was


def blocks(pool):
    """How far each block of a database goes, and what it holds."""
    held = pool.ledger.store.rows("SELECT operations, events, columns FROM block ORDER BY n")
    return [(n, n_events, unpacked(packed)) for n, n_events, packed in held]


def test_the_call_that_fills_a_block_packs_it(path, monkeypatch):
    monkeypatch.setattr(durable, "LOG_BLOCK", 30)
    with Pool.open(path, rows()) as pool, Pool.open(path, rows()) as other:
        pool.label(range(10), [0, 1] * 5, annotator="Ann")
        assert blocks(pool) == []
        other.label(range(10, 50), [1, None] * 20, seconds=2.5)
        (end,) = blocks(pool)
        assert end[:2] == (3, 50)
        # What it holds are the lines in the file.
        lines = [each for each, _ in pool.ledger.store.since(Extent(1, 0, 0))]
        again = block_of_lines(lines)
        assert end[2][1:] == unpacked(again.packed())[1:]
        for name, column in again.columns.items():
            assert np.array_equal(end[2].columns[name], column)
        pool.label([60], [1])  # which knows of the block by now
        pool.label(range(100, 150), [1] * 50)
        assert [each[:2] for each in blocks(pool)] == [(3, 50), (5, 101)]
        assert known(Pool.open(path, rows(), read_only=True)) == known(pool)


def test_a_copy_writes_many_operations_at_once(path, tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "LOG_BLOCK", 100)
    calls, insert = [], store.Store._insert
    monkeypatch.setattr(
        store.Store, "_insert", lambda *args: calls.append(args[1]) or insert(*args)
    )
    pool = Pool(rows(), [0, 1] + (N - 2) * [None])
    for row in range(2, N):
        pool.label([row], [row % 2], annotator=["Ann", None][row % 2])
    pool.undo(7)
    pool.copy_to(path)
    assert len(calls) < 60
    with Pool.open(path, rows()) as copied:
        assert known(copied) == known(pool)
        assert [each[:2] for each in blocks(copied)] == [
            (51 + 50 * i, 50 + 50 * i) for i in range(7)
        ]


@pytest.mark.slow
def test_a_million_events_are_read_and_checked_in_five_seconds(path):
    n = 1_000_000  # by the time of the processor: others may keep it busy
    X, took = np.zeros((n, 1)), []
    with Pool.open(path, X) as pool:
        for start in range(0, n, 100_000):
            began = time.process_time()
            pool.label(range(start, start + 100_000), np.arange(100_000) % 3, annotator="Ann")
            took.append(time.process_time() - began)
    assert min(took) < 2
    began = time.process_time()
    with Pool.open(path, X) as pool:
        assert time.process_time() - began < 5
        assert pool.n_labeled == n
        assert (pool.y == np.arange(n) % 100_000 % 3).all()


@pytest.mark.parametrize("table", [*store._TABLES])
def test_nothing_is_changed_or_taken_away(path, table, monkeypatch):
    monkeypatch.setattr(durable, "LOG_BLOCK", 5)
    with Pool.open(path, rows(), [0] + (N - 1) * [None]) as pool:
        fill(pool)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if table == "row":
            connection.execute("INSERT INTO row VALUES (0, 1, 'three')")
        key, *_ = connection.execute(f"SELECT * FROM {table}").description
        for statement in (
            f"UPDATE {table} SET {key[0]} = {key[0]}",
            f"DELETE FROM {table}",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="recorded"):
                connection.execute(statement)


def test_copies_in_memory(path):
    pool = fill(Pool.open(path, rows()))
    for other in (pickle.loads(pickle.dumps(pool)), copy.deepcopy(pool)):
        assert type(other.ledger) is Ledger
        assert known(other) == known(pool)
        other.label([20], [1])
        other.refresh()
        other.close()
    assert pool.n_labeled == other.n_labeled - 1
    pool.close()
    assert pool.y[10] == 1  # it can be read on
    with pytest.raises(ValueError, match="'labels.db' was closed; open it again"):
        pool.label([20], [1])


def test_a_pool_goes_from_file_to_file(path, tmp_path):
    pool = fill(Pool(rows(), [0] + (N - 1) * [None], missing_label=-1))
    pool.copy_to(path)
    with pytest.raises(FileExistsError, match="is there already"):
        pool.copy_to(path)
    with Pool.open(path, rows()) as opened:
        assert known(opened) == known(pool)
        opened.label([30], [1])
        opened.copy_to(tmp_path / "second.db")
        opened.copy_to(tmp_path / "second.npz")
        for second in (
            Pool.open(tmp_path / "second.db", rows()),
            Pool.load(tmp_path / "second.npz", rows()),
        ):
            assert known(second) == known(opened)
            second.close()


# Whoever is interrupted or killed


CALLS = {
    "label": lambda pool: pool.label([20, 21], [1, None], annotator="Ann"),
    "undo": lambda pool: pool.undo(2),
    "extend": lambda pool: pool.extend(rows(2, start=24), [1, None]),
    "name classes": lambda pool: pool.name_classes([0, 1, 2.5]),
    "seed": lambda pool: setattr(pool, "seed", 11),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("step", [41, pytest.param(1, marks=pytest.mark.slow)])
def test_an_interrupt_leaves_memory_as_the_file_is(tmp_path, name, step):
    change = CALLS[name]
    with Pool.open(tmp_path / "0.db", rows(24)) as pool:
        before = known(fill(pool)) | {"times": None}
    with Pool.open(shutil.copy(tmp_path / "0.db", tmp_path / "1.db"), rows(24)) as pool:
        with Interrupt().watching() as counter:
            change(pool)
        after = known(pool) | {"times": None}
    assert before != after
    n_after = 0
    for line in range(1 + (step > 1), counter.n_run + 1, step):
        path = shutil.copy(tmp_path / "0.db", tmp_path / f"{line}.db")
        with Pool.open(path, rows(24)) as pool:
            with Interrupt(line).watching() as interrupt:
                change(pool)
            assert interrupt.n_raised == 1
            if name in ("name classes", "seed"):
                pool.refresh()
            found = known(pool)
            assert (found | {"times": None}) in (before, after)
            n_after += (found | {"times": None}) == after
            with (
                Pool.open(path, rows(24)) if len(pool) == 24 else Pool.open(path, rows(26)) as other
            ):
                assert known(other) == found
            pool.label([23], [1])
        os.unlink(path)
    assert n_after < counter.n_run / step and (n_after or step > 1)


LABEL_ONE_BY_ONE = """
    pool = Pool.open(sys.argv[1], rows(100_000))
    start = pool.n_labeled
    print("open", flush=True)
    while True:
        size = 1 if start % 5 else 40
        pool.label(range(start, start + size), [i % 7 for i in range(start, start + size)])
        start += size
        print(start, flush=True)
    """


def killed(path, n_kills, chance):
    """Kill a process that labels, again and again; check what it said was labelled."""
    for _ in range(n_kills):
        process = python(LABEL_ONE_BY_ONE, path)
        assert process.stdout.readline() == "open\n"
        time.sleep(chance.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        said = [int(line) for line in process.communicate()[0].split() if line]
        with Pool.open(path, rows(100_000)) as pool:
            assert pool.n_labeled >= (said[-1] if said else 0)
            assert pool.labeled.tolist() == list(range(pool.n_labeled))
            assert (pool.y_labeled == pool.labeled % 7).all()
            assert {len(op.rows) for op in pool.history[1:]} <= {1, 40}  # whole, or not at all
    return pool.n_labeled


def test_whoever_is_killed_loses_nothing_that_was_said_to_be_recorded(path):
    assert killed(path, 5, random.Random(0)) > 5


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_hundred_kills(path, part):
    assert killed(path, 25, random.Random(part)) > 25


# Several processes


def test_two_processes_reserve_and_label_other_rows(path):
    code = """
        pool = Pool.open(sys.argv[1], rows(400))
        name, mine = sys.argv[2], 0
        def claim():
            row = int(pool.unlabeled[0])
            pool.reserve([row], name)
            return row
        while mine < 75:
            row = pool.together(claim)
            pool.label([row], [row % 3], annotator=name)
            mine += 1
        """
    Pool.open(path, rows()).close()
    each = [python(code, path, name) for name in ("Ann", "Ben")]
    with Pool.open(path, rows(), read_only=True) as follower:
        seen = 0
        while any(process.poll() is None for process in each):
            follower.refresh()
            assert follower.n_labeled >= seen
            seen = follower.n_labeled
            time.sleep(0.05)
        assert [process.communicate() and process.returncode for process in each] == [0, 0]
        follower.refresh()
        pool = Pool.open(path, rows())
        assert known(follower) == known(pool)
    labeled = [op for op in pool.history if op.kind == "label"]
    given = np.concatenate([op.rows for op in labeled])
    assert len(given) == len(set(given.tolist())) == pool.n_labeled == 150
    assert sorted({op.annotator for op in labeled}) == ["Ann", "Ben"]
    assert (pool.y_labeled == pool.labeled % 3).all()
    pool.close()


def test_what_others_wrote_comes_first(path):
    one, two = Pool.open(path, rows()), Pool.open(path, rows())
    one.label([0], [1], annotator="Ann")
    with pytest.raises(ValueError, match="got the label 0 for row 0, which is labelled 1"):
        two.label([0], [0])
    two.name_classes([0, 1, 2])
    with pytest.raises(ValueError, match="2, 1 or 0|0, 1 or 2|classes"):
        one.label([1], [7])
    two.seed = 5
    one.refresh()
    assert (one.seed, one.classes.tolist()) == (5, [0, 1, 2])
    two.undo()
    one.label([0], [0])
    assert [op.kind for op in one.history] == ["fit", "label", "undo", "label"]
    two.refresh()
    assert known(one) == known(two)
    one.extend(rows(1, start=N))
    for call in (two.refresh, lambda: two.label([5], [1])):
        with pytest.raises(ValueError, match="gained 1 rows from another process; open it again"):
            call()
    one.close(), two.close()


def test_a_change_that_was_planned_before_others_wrote_is_refused(path):
    from skactive.pool import plans

    one, two = Pool.open(path, rows()), Pool.open(path, rows())
    change = plans.label(one, [3], [1])
    two.label([3], [0])
    with pytest.raises(ValueError, match="others wrote .* Call again"):
        one.apply(change)
    assert one.y[3] == 0  # which it has taken in
    one.close(), two.close()


def test_a_learner_teaches_by_what_is_in_the_file_by_then(path):
    one, two = Pool.open(path, rows(), [0, 1] + (N - 2) * [None]), Pool.open(path, rows())
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(one)
    two.refresh()
    assert two.seed == one.seed
    idx, _ = learner.query(n_instances=2)
    two.label(idx[:1], [1])
    with pytest.raises(ValueError, match=f"row {idx[0]}, which is labelled 1"):
        learner.teach(idx, [0, 0])
    learner.teach(idx[1:], [0])
    assert learner.pool_.n_labeled == 4
    assert learner.estimator_.class_count_.tolist() == [2, 2]
    two.refresh()
    assert known(one) == known(two)
    one.close(), two.close()


def test_a_lock_that_is_held_is_told_with_its_process(path, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    holding = """
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        print("held", flush=True)
        sys.stdin.read()
        """
    with Pool.open(path, rows()) as pool:
        command = [sys.executable, "-c", textwrap.dedent(holding), path]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, **pipes)
        assert process.stdout.readline() == "held\n"
        who = f"process {process.pid}" if sys.platform == "linux" else "another process"
        with pytest.raises(TimeoutError, match=f"{who}.*nothing of this call is recorded"):
            pool.label([0], [1])
        with Pool.open(path, rows(), read_only=True) as looking:  # nobody waits to look
            assert looking.n_operations == 1
        assert pool.n_operations == 1
        process.communicate("")
        pool.label([0], [1])


def test_threads_write_by_turns(path):
    with Pool.open(path, rows()) as pool, ThreadPoolExecutor(4) as threads:
        each = [range(start, start + 20) for start in range(0, 80, 20)]
        work = [threads.submit(lambda own: [pool.label([i], [1]) for i in own], o) for o in each]
        for one in work:
            one.result()
        with Pool.open(path, rows()) as other:
            assert known(other) == known(pool)
        assert pool.labeled.tolist() == list(range(80))


def test_a_fork_does_not_write_through_its_parent(path):
    pool = Pool.open(path, rows())
    child = os.fork()
    if child == 0:
        try:
            pool.label([0], [1])
        except ValueError as error:
            os._exit(7 if "of which this is a fork" in str(error) else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    pool.label([0], [1])
    pool.close()


# A loop that saves


def test_a_loop_writes_through_its_file(path):
    """What was answered is in the file before the next question is asked."""
    X, truth = rows(40), np.arange(40) % 2
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(X, [0, 1] + 38 * [None])
    asked = []

    def answer(rows_asked):
        if asked:
            with Pool.open(path, X, read_only=True) as seen:
                assert seen.n_labeled == 2 + len(asked)
        found = (rows_asked[:, 0] / 2).astype(int)
        asked.extend(found)
        return truth[found]

    run(learner, answer, n_instances=3, stopping=14, save=path)
    assert len(asked) == 12
    pool = learner.pool_
    run(learner, answer, stopping=16, save=path)  # which it has open already
    assert learner.pool_ is pool
    with Pool.open(path, X) as again:
        assert known(again) == known(pool)
        with pytest.raises(FileExistsError, match="is there already; give another name"):
            other = ActiveLearner(GaussianNB()).fit(X, [0, 1] + 38 * [None])
            run(other, answer, save=path)
        pool.close()
        resumed = ActiveLearner(GaussianNB(), random_state=0).fit(again)
        run(resumed, answer, stopping=18, save=path)
        assert again.n_labeled == 18
    run(
        resumed := ActiveLearner(GaussianNB(), random_state=0).fit(copy.deepcopy(again)),
        lambda rows_asked: [0] * len(rows_asked),
        stopping=20,
        save=f"{path}.npz",
    )
    assert known(Pool.load(f"{path}.npz", X)) == known(resumed.pool_)


# What is refused


def test_a_file_of_something_else_is_refused(path, tmp_path):
    npz = tmp_path / "pool.npz"
    Pool(rows()).save(npz)
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE head (x)")
    (tmp_path / "text.db").write_text("not a database, but long enough for one" * 100)
    for name, said in {
        "pool.npz": "Pool.load reads what Pool.save wrote",
        "other.db": "is a database, but not one that Pool.open made",
        "text.db": "is not a database that Pool.open made",
    }.items():
        was = (tmp_path / name).read_bytes()
        with pytest.raises(ValueError, match=said):
            Pool.open(tmp_path / name, rows())
        assert (tmp_path / name).read_bytes() == was
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Pool.open(tmp_path / "nowhere" / "labels.db", rows())
    with pytest.raises(FileNotFoundError, match="is not there"):
        Pool.open(path, rows(), read_only=True)
    Pool.open(path, rows()).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=3")
    with pytest.raises(ValueError, match="format version 3, this skactive reads 2; update"):
        Pool.open(path, rows())


def test_rows_that_joined_are_known_again(path):
    with Pool.open(path, rows(40)) as pool:
        for n in range(40, 60, 4):
            pool.extend(rows(4, start=n), [n, None, n, None])
        was = known(pool)
        memory = copy.deepcopy(pool)
    y = 40 * [None] + [label for n in range(40, 60, 4) for label in (n, None, n, None)]
    with Pool.open(path, rows(60), y) as pool:
        assert known(pool) == was
    memory.copy_to(f"{path}.db")
    swapped = np.concatenate([rows(44), rows(4, start=48), rows(4, start=44), rows(8, start=52)])
    for each in (path, f"{path}.db"):
        for X, said in (
            (rows(40), "20 rows are gone from the end"),
            (rows(61), "1 row was added at the end"),
            (swapped, "rows? .* differ|in another order"),
        ):
            with pytest.raises(ValueError, match=said):
                Pool.open(each, X)
    y[44] = 7
    with pytest.raises(ValueError, match="the label 7 for row 44.*it has 44 there"):
        Pool.open(path, rows(60), y)


def test_of_many_growths_the_last_is_looked_at(path, monkeypatch):
    monkeypatch.setattr(opening, "_GROWTHS", 2)
    with Pool.open(path, rows(10)) as pool:
        for start in range(10, 14):
            pool.extend(rows(1, start))
    with Pool.open(path, rows(14)) as pool:
        assert len(pool) == 14
    with pytest.raises(ValueError, match="saved with 14 rows, X has 13"):
        Pool.open(path, rows(13))


def test_bad_arguments_leave_no_file(path):
    with pytest.raises(ValueError, match="labels for"):
        Pool.open(path, rows(), [1])
    assert not path.exists()


def test_other_data_labels_and_options_are_refused(path):
    y = [0, 1] + (N - 2) * [None]
    with Pool.open(path, rows(), y, missing_label=-1, classes=[0, 1]) as pool:
        pool.label([1], [0], relabel=True)  # what it began with stays
        was = known(pool)
    changed = rows()
    changed[-1, 1] += 1
    for how, said in (
        ({"X": rows(N - 1)}, "1 row is gone from the end"),
        ({"X": rows(N + 1)}, "1 row was added at the end"),
        ({"X": rows()[::-1]}, "in another order"),
        ({"X": changed}, f"row {N - 1} differs in column 1"),
        ({"y": [0, 0] + (N - 2) * [None]}, "the label 0 for row 1.*it has 1 there"),
        ({"y": N * [None]}, "the label None for row 0.*it has 0 there"),
        ({"y": [0, 1, 1] + (N - 3) * [None]}, "the label 1 for row 2.*it has None there"),
        ({"y": [0, 1]}, f"2 labels for {N} rows"),
        ({"missing_label": None}, "missing_label=None, but the file has -1"),
        ({"classes": [0, 1, 2]}, r"classes=\[0, 1, 2\], but the file has \[0, 1\]"),
    ):
        with pytest.raises(ValueError, match=said):
            Pool.open(path, **{"X": rows()} | how)
    with Pool.open(path, rows(), [0, 1] + (N - 2) * [-1], missing_label=-1) as pool:
        assert known(pool) == was


def test_what_is_only_read_is_not_changed(path):
    with Pool.open(path, rows()) as pool, Pool.open(path, rows(), read_only=True) as looking:
        pool.label([0], [1])
        assert looking.n_labeled == 0
        looking.refresh()
        assert looking.n_labeled == 1
        with pytest.raises(PermissionError, match="read_only=True; leave that out"):
            looking.label([1], [1])
        learner = ActiveLearner(GaussianNB(), random_state=0).fit(looking)
        assert len(learner.query(n_instances=3)[0]) == 3
        assert pool.n_operations == looking.n_operations == 2


def test_a_file_that_was_moved_or_replaced_is_not_written_to(path):
    with Pool.open(path, rows()) as pool:
        os.rename(path, f"{path}.moved")
        with pytest.raises(FileNotFoundError, match="was moved, deleted, replaced or cut"):
            pool.label([0], [1])
        (path).write_bytes(b"")
        with pytest.raises(FileNotFoundError, match="was moved, deleted, replaced or cut"):
            pool.label([0], [1])
        os.rename(f"{path}.moved", path)
        pool.label([0], [1])
        assert pool.n_labeled == 1
        os.truncate(path, 4096)
        with pytest.raises(FileNotFoundError, match="or cut since"):
            pool.label([1], [1])
        assert pool.n_labeled == 1


def test_a_file_that_is_moved_before_a_change_is_kept_keeps_none(path):
    def move_and_label(pool):
        os.rename(path, f"{path}.moved")
        pool.label([0], [1])

    with Pool.open(path, rows()) as pool:
        with pytest.raises(FileNotFoundError, match="was moved"):
            pool.together(lambda: move_and_label(pool))
        assert pool.n_labeled == 0
    assert Pool.open(f"{path}.moved", rows(), read_only=True).n_operations == 1


def test_a_line_that_was_written_over_meanwhile_is_refused(path):
    with Pool.open(path, rows()) as pool:
        pool.label([0], [1])
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TRIGGER operation_update")
            connection.execute("UPDATE operation SET digest = zeroblob(16) WHERE n = 1")
            connection.commit()
        with pytest.raises(ValueError, match="was written over by other means"):
            pool.label([1], [1])


def test_a_copy_that_fails_leaves_no_file(path, tmp_path):
    with Pool.open(path, rows()) as pool:
        pool.ledger.store._connection.set_progress_handler(lambda: 1, 1)  # stops whatever runs
        with pytest.raises(ValueError, match="interrupted"):
            pool.copy_to(tmp_path / "second.db")
        pool.ledger.store._connection.set_progress_handler(None, 0)
        assert not [*tmp_path.glob("second*")]
        pool.copy_to(tmp_path / "second.db")
    assert Pool.open(tmp_path / "second.db", rows(), read_only=True).n_operations == 1


def test_a_database_is_neither_written_over_nor_looked_at_by_other_means(path):
    Pool.open(path, rows()).close()
    whole = path.read_bytes()
    with pytest.raises(ValueError, match=r"write pool\.copy_to\(path\)"):
        Pool(rows()).save(path)
    with pytest.raises(ValueError, match=r"a database; write Pool\.open\(path, X\)"):
        Pool.load(path, rows())
    assert path.read_bytes() == whole


def test_a_name_may_be_a_member_of_an_enum(path):
    person = Enum("Person", {"ANN": "ann"}, type=str).ANN  # of another hash than its text
    with Pool.open(path, rows()) as pool:
        pool.label([0], [1], annotator=person)
        pool.tag([1], person)
        pool.reserve([2], person)
    for opened in (pool, Pool.open(path, rows())):
        assert opened.opinions["annotator"].tolist() == ["ann"]
        assert [*opened.tags] == ["ann"]
        assert dict(opened.reservations) == {2: ("ann",)}
    opened.undo(annotator="ann")
    assert opened.n_labeled == 0


def test_a_folder_that_cannot_be_written_to():
    me = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.db"
        with Pool.open(path, rows()) as pool:
            pool.label([0, 1], [1, 0])
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        if me == 0:  # who may write anywhere
            os.seteuid(65534)
        try:
            with pytest.raises(PermissionError, match="cannot be written to; write .*read_only"):
                Pool.open(path, rows())
            with Pool.open(path, rows(), read_only=True) as pool:
                assert pool.n_labeled == 2
                os.seteuid(me)
                Path(folder).chmod(0o755)
                path.chmod(0o644)
                with Pool.open(path, rows()) as other:
                    other.label([2], [1])
                pool.refresh()
                assert pool.n_labeled == 3
        finally:
            os.seteuid(me)
            Path(folder).chmod(0o755)


@pytest.mark.parametrize("limit", ["pages", "bytes"])
def test_a_full_disk_loses_nothing(path, limit):
    pool = Pool.open(path, rows(4000))
    for row in range(5):
        pool.label([row], [row])
    was = known(pool)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == "pages":
        ((n_pages,),) = pool.ledger.store.rows("PRAGMA page_count")
        pool.ledger.store.rows(f"PRAGMA max_page_count={n_pages + 2}")
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path) + 4096, hard))
    try:
        with pytest.raises(OSError, match="nothing of this call is recorded"):
            pool.label(range(100, 3000), list(range(2900)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert known(pool) == was
    with Pool.open(path, rows(4000), read_only=True) as other:
        assert known(other) == was
    pool.ledger.store.rows("PRAGMA max_page_count=100000")
    pool.label(range(100, 3000), list(range(2900)))
    assert pool.n_labeled == 2905
    pool.close()


def flipped(path, positions, chance):
    """Open a small file with one byte changed, each time another; return how many were refused."""
    X, refused = rows(12), 0
    with Pool.open(path, X, [0, 1] + 10 * [None]) as pool:
        pool.label([3, 4], [1, 0], annotator="Ann")
        pool.label([4, 5], [2.5, None], relabel=True, annotator="Ben")
        pool.reserve([7, 8], "Ann")
        pool.seed = 7
        pool.undo(2)
        was = known(pool)
    whole = path.read_bytes()
    other = path.with_name("flipped.db")
    for position in positions(whole):
        changed = bytearray(whole)
        changed[position] ^= chance.randrange(1, 256)
        other.write_bytes(changed)
        try:
            with Pool.open(other, X, read_only=True) as pool:
                assert known(pool) == was, position
        except (ValueError, OSError) as error:
            assert str(error).endswith("."), position
            refused += 1
        for beside in ("-wal", "-shm", "-journal"):
            Path(f"{other}{beside}").unlink(missing_ok=True)
    return refused


def test_a_byte_that_is_flipped_is_refused_or_changes_nothing(path):
    chance = random.Random(0)

    def some(whole):  # most of the file is empty
        return chance.sample([place for place, byte in enumerate(whole) if byte], 200)

    assert flipped(path, some, chance) > 100


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_byte_flipped(path, part):
    assert flipped(path, lambda whole: range(part, len(whole), 8), random.Random(part)) > 100


def other(value):
    """Another value of the same type."""
    if isinstance(value, bytes):
        return bytes([*value[:-1], value[-1] ^ 1])
    return f"{value}x" if isinstance(value, str) else (value or 0) + 1


def test_no_column_can_be_changed_by_other_means(path):
    with Pool.open(path, rows(), [0, 1] + (N - 2) * [None]) as pool:
        fill(pool).label([20], [1], annotator="Ann", seconds=2, comment="clear")
    changed, n_columns = path.with_name("changed.db"), 0
    for table in store._TABLES:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found = connection.execute(f"SELECT rowid, * FROM {table} ORDER BY 1 DESC LIMIT 1")
            names = [name for name, *_ in found.description]
            lines = found.fetchall()  # of "row" and "block" there are none
            ((trigger,),) = connection.execute(
                "SELECT sql FROM sqlite_master WHERE name = ?", [f"{table}_update"]
            )
        for number, *line in lines:
            for name, value in zip(names[1:], line, strict=True):
                if (table, name) == ("setting", "n"):  # a gap, which says nothing
                    continue
                n_columns += 1
                shutil.copy(path, changed)
                with contextlib.closing(sqlite3.connect(changed)) as connection:
                    connection.execute(f"DROP TRIGGER {table}_update")
                    connection.execute(
                        f"UPDATE {table} SET {name} = ? WHERE rowid = ?", [other(value), number]
                    )
                    connection.execute(trigger)
                    connection.commit()
                with pytest.raises(ValueError, match=r"not a file that Pool\.open wrote|damaged"):
                    Pool.open(changed, rows())
                    pytest.fail(f"{table}.{name} was changed, which nothing refused")
    assert n_columns > 25


def test_a_copy_that_is_taken_while_others_write_is_an_earlier_state_or_is_refused(path):
    carried = """
    from skactive.pool import store
    store.CARRIED_AFTER = 0.03
"""
    process = python(carried + LABEL_ONE_BY_ONE, path)
    assert process.stdout.readline() == "open\n"
    opened = 0
    for i in range(6):
        time.sleep(0.05)
        said = process.stdout.readline()
        subprocess.run(["cp", path, f"{path}.{i}"], check=True)
        try:
            with Pool.open(f"{path}.{i}", rows(100_000)) as pool:
                assert pool.labeled.tolist() == list(range(pool.n_labeled))
                assert (pool.y_labeled == pool.labeled % 7).all()
                opened += pool.n_labeled >= int(said)
        except ValueError as error:
            assert "damaged" in str(error) or "not a file" in str(error)
    process.kill()
    process.communicate()
    assert opened


# The state machine of pools in memory, over a file that is closed and opened again


class DurableMachine:
    """A pool in a file; a copy of it goes into another."""

    n_files = 0

    @property
    def path(self):
        return Path(self.folder.name) / f"{self.n_files}.db"

    def open(self, X, y=None, **options):
        return Pool.open(self.path, X, y, **options)

    def made(self, X, y):
        self.opened = self.open(X, y, **self.OPTIONS)
        return self.opened

    def teardown(self):
        super().teardown()
        if self.pool is not None:
            self.opened.close()

    def go_on_with(self, other):
        self.n_files += 1
        other.copy_to(self.path)
        super().go_on_with(other)
        self.reopened()

    @rule()
    def reopened(self):
        self.opened.close()
        self.opened = self.open(self.make(range(len(self.model.state))))
        super().go_on_with(self.opened)


class DurableIntPool(DurableMachine, IntPool):
    pass


class DurableTextPool(DurableMachine, TextPool):
    pass


for machine in (DurableIntPool, DurableTextPool):
    machine.TestCase.settings = settings(stateful_step_count=20, max_examples=5)
TestDurableIntPool = DurableIntPool.TestCase
TestDurableTextPool = DurableTextPool.TestCase
