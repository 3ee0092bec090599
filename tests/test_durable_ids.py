"""Databases of rows that have ids: found wherever rows stand, by whoever has the file open."""

import contextlib
import copy
import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from snapshot import log_facts
from test_durable import DurableIntPool
from test_interrupts import Interrupt
from test_machine_pool import FREE, LABELS, PEOPLE, PICKS, RESERVED, SKIPPED, STATES, as_plain
from test_row_ids import act, known, opinions_of, photos, taught, truth_of

from skactive import ActiveLearner, Known, Pool, run
from skactive.data.rows import Rows
from skactive.pool import durable
from skactive.pool.ledger import Ledger

pd = pytest.importorskip("pandas")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.db"


def names(n=12):
    return [f"r{i}" for i in range(n)]


def rows(own):
    """Rows that say who they are."""
    return np.array([[float(str(name).lstrip("r")), 1.0] for name in own]).reshape(-1, 2)


def opened(path, own=None, **options):
    own = names() if own is None else own
    return Pool.open(path, rows(own), ids=own, **options)


def in_file(pool, table="row"):
    return pool.ledger.store.rows(f"SELECT * FROM {table}")


def assert_same(one, other):
    facts = [log_facts(pool.ledger) | {"token": None} for pool in (one, other)]
    assert facts[0] == facts[1]
    assert (known(one), one.ids, one.seed) == (known(other), other.ids, other.seed)
    assert one.id_column == other.id_column


# What is in the file


def test_the_file_has_the_ids_of_touched_rows_once_with_the_operation_that_touched_them(path):
    with opened(path) as pool:
        pool.label([7, 3], [1, 0])
        pool.skip([3 + 1, 0])
        pool.undo()
        pool.unlabel([7])
        pool.extend(rows(["r20", "r21"]), [None, 1], ids=["r20", "r21"])
        assert in_file(pool) == [
            (0, 1, "r7"),
            (1, 1, "r3"),
            (2, 2, "r4"),
            (3, 2, "r0"),
            (4, 5, "r21"),
        ]
        events = pool.ledger.store.rows("SELECT event.row, row.id FROM event JOIN row ON row = key")
        assert events == [(0, "r7"), (1, "r3"), (2, "r4"), (3, "r0"), (0, "r7"), (4, "r21")]
        was, told = pool, known(pool)
        own = [*names(), "r20", "r21"]
        with opened(path, own) as again:
            assert_same(again, was)
            assert again.history[5].n_added == 2
        with opened(path, own[::-1]) as again:
            assert known(again) == told
            assert again.labeled.tolist() == [0, 10]


@pytest.mark.parametrize(
    "own", [["1", "01", "1.0", " 1", "é", "a\0b"], [1, -1, 2**63 - 1, -(2**63), 0, 7]]
)
def test_ids_come_back_as_they_were(path, own):
    X = np.arange(12.0).reshape(6, 2)
    y = [0, 1, 2, None, None, None]
    with Pool.open(path, X, y, ids=own) as pool:
        pool.label([4], [3])
        told = known(pool)
        pool.refresh()
    order = [5, 2, 0, 4, 1, 3]
    with Pool.open(path, X[order], ids=[own[row] for row in order]) as pool:
        assert known(pool) == told
        assert {type(name) for _, _, name in in_file(pool)} == {type(own[0])}
    other = [str(name) for name in own] if isinstance(own[0], int) else range(6)
    with pytest.raises(ValueError, match="Pool.open got .* for ids, and the ids of these rows are"):
        Pool.open(path, X, ids=other)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (["a", "\ud800"], "which UTF-8 cannot hold"),
        ([1, 2**64], "beyond the range of int64"),
        ([1.0, 2.0], "ids of dtype float64"),
        ([1, "1"], "text and integers for ids"),
        (["a", "a"], "twice"),
    ],
)
def test_ids_that_a_file_cannot_hold_are_refused_before_it_is_there(path, own, said):
    with pytest.raises(ValueError, match=said):
        Pool.open(path, [[0.0], [1.0]], ids=own)
    assert not path.exists()
    Pool.open(path, [[0.0], [1.0]], ids=["a", "b"]).close()
    with pytest.raises(ValueError, match=said):
        Pool.open(path, [[0.0], [1.0]], ids=own)


# The morning after


def test_the_morning_after_everything_is_where_it_was(tmp_path, path):
    """A CSV sorted, cleaned, with a column and rows more, in polars where it was pandas."""
    pl = pytest.importorskip("polars")
    frame = photos()
    memory = taught(frame).pool_
    memory.copy_to(path)
    others = photos(1000, seed=1)
    others = others[~others["file"].isin(frame["file"])][:500]
    new = pd.concat([frame, others]).sort_values("a")
    new["a"] = new["a"].clip(-2, 2)
    new.insert(1, "camera", np.arange(len(new)) % 3)
    new.to_csv(tmp_path / "photos.csv", index=False)
    X = pl.read_csv(tmp_path / "photos.csv")

    with Pool.open(path, X) as pool:
        assert (len(pool), pool.X.columns) == (560, ["camera", "a", "b"])
        assert known(pool) == known(memory)
        for was, now in zip(memory.history, pool.history, strict=True):
            assert memory.ids[was.rows].tolist() == pool.ids[now.rows].tolist()
            assert (was.kind, was.time, was.annotator, was.after) == (
                *(now.kind, now.time, now.annotator, now.after),
            )
        labels, skipped, reserved = known(memory)
        fresh = Pool(X, [labels.get(name) for name in X["file"]], ids="file")
        fresh.skip(fresh.numbers(sorted(skipped)))
        fresh.reserve(fresh.numbers(sorted(reserved)), "Ben")
        fresh.seed = memory.seed
        resumed, begun = (
            ActiveLearner(LogisticRegression(), "margin").fit(each) for each in (pool, fresh)
        )
        question = resumed.query(n_instances=20)[0]
        assert question.tolist() == begun.query(n_instances=20)[0].tolist()
        resumed.teach(question, len(question) * ["cat"])
        told = known(pool)
    with Pool.open(path, new.sample(frac=1, random_state=0)) as pool:
        assert known(pool) == told
        assert pool.n_labeled == memory.n_labeled + 20


@settings(max_examples=15)
@given(st.data())
def test_a_pool_is_found_in_any_order_among_others_some_gone(data):
    is_text, n = data.draw(st.booleans()), data.draw(st.integers(2, 9))
    own = [f"r{i}" if is_text else 7 * i - 20 for i in range(n + 20)]
    y = data.draw(st.lists(st.sampled_from(["a", "b", None]), min_size=n, max_size=n))
    share = data.draw(st.sampled_from([None, 0.4]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.db"
        pool = Pool.open(path, np.zeros((n, 1)), y, ids=own[:n], hold_out=share)
        for late in (own[-2:], own[-4:-2], own[-6:-4]):
            for _ in range(data.draw(st.integers(0, 4))):
                act(pool, data, own)
            told, held = known(pool), set(pool.ids[pool.held_out].tolist())
            history = [(op.kind, op.time) for op in pool.history]
            kept = set().union(*told)
            left = [name for name in pool.ids if name in kept or data.draw(st.booleans())]
            new = data.draw(st.permutations([*left, *late]))
            pool.close()
            pool = Pool.open(path, np.zeros((len(new), 3)), ids=new)
            assert known(pool) == told
            assert [(op.kind, op.time) for op in pool.history] == history
            assert {*pool.ids[pool.held_out].tolist()} & {*left} == held & {*left}
            twin = Path(folder) / "twin.npz"
            pool.copy_to(twin)
            assert_same(Pool.load(twin, np.zeros((len(new), 3)), ids=new), pool)
            own = [*new, *(name for name in own if name not in new)]
        pool.close()


def test_labels_that_were_there_from_the_start_are_found_again(path):
    y = [1, None, 0, *9 * [None]]
    with opened(path, y=y) as pool:
        assert in_file(pool) == [(0, 0, "r0"), (1, 0, "r2")]
        told = known(pool)
    turned = names()[::-1]
    with opened(path, turned, y=y[::-1]) as pool:
        assert known(pool) == told
        assert pool.n_labeled_at_fit == 2
    y[0] = 0
    with pytest.raises(ValueError, match="the label 0 for row 11.*it has 1 there"):
        opened(path, turned, y=y[::-1])


# Rows that are gone


def test_rows_that_are_gone_are_refused_where_anything_is_known_of_them(path):
    with opened(path) as pool:
        pool.label([0, 1, 2], [0, 1, 2.5], annotator="Ann")
        pool.tag([3], "sharp")
        pool.reserve([4, 5])
        pool.release([4, 5])
        was, told = known(pool), pool.history
    left = [name for name in names() if name not in ("r4", "r5", "r9")]
    with opened(path, left) as pool:
        assert known(pool) == was
        with pytest.raises(ValueError, match="hold_out would be about rows too .* X lacks; open"):
            pool.begin_hold_out(0.5)
        with pytest.raises(ValueError, match="split_class would be about rows too"):
            pool.split_class(2.5, [6, 7])
        with pytest.raises(ValueError, match="undo would be about rows too that the file"):
            pool.undo(1)
        with pytest.raises(ValueError, match="extend got 'r4', of which the file knows already"):
            pool.extend(rows(["r4"]), ids=["r4"])
        pool.extend(rows(["r9"]), ids=["r9"])
    left = names()[3:]
    with pytest.raises(
        ValueError, match="X lacks 3 rows of which .* such as 'r0'; .*missing='drop'"
    ):
        opened(path, left)
    with opened(path, left, missing="drop") as pool:
        assert known(pool) == ({}, set(), {})
        assert [op.kind for op in pool.history] == [*(op.kind for op in told), "extend"]
        with pytest.raises(ValueError, match="labels so far are numbers, got text"):
            pool.label([8], ["a"])  # the file has numbers
        pool.label([8], [3])
        assert pool.tags["sharp"].tolist() == [0]
        pool.copy_to(path.with_suffix(".npz"))
        assert_same(Pool.load(path.with_suffix(".npz"), rows(left), ids=left), pool)
    with opened(path) as pool:  # of which the file forgets nothing
        assert known(pool)[0] == was[0] | {"r11": 3}
        assert pool.y[2] == 2.5
        pool.rename_class(3, 4)
    with opened(path, names()[1:], missing="drop") as pool:
        assert pool.y[10] == 4
        with pytest.raises(ValueError, match="undo would be about rows too that the file"):
            pool.undo()
    with pytest.raises(ValueError, match="changed='accept', and the pool was saved with ids"):
        opened(path, changed="accept")


def test_who_left_rows_out_follows_others_who_did_not(path):
    with opened(path) as all_of_them:
        all_of_them.label([0, 1], [0, 1])
        with opened(path, names()[1:], missing="drop") as fewer:
            all_of_them.label([0], [0.5], relabel=True)
            all_of_them.label([0, 5], [2, 3], relabel=True, annotator="Ann")
            fewer.refresh()
            assert fewer.history[3].detail == {"dropped": 1} == fewer.history[2].detail | {}
            assert known(fewer)[0] == {"r1": 1, "r5": 3}
            fewer.label([5], [7])
            all_of_them.refresh()
            assert known(all_of_them)[0] == {"r0": 2, "r1": 1, "r5": 3, "r6": 7}
            with pytest.raises(ValueError, match="labels so far are numbers"):
                fewer.label([6], ["a"])
            with pytest.raises(ValueError, match="undo would be about rows too that the file"):
                fewer.undo(2)
            fewer.undo()
        told = known(all_of_them) if all_of_them.refresh() is None else None
    with opened(path) as again:
        assert known(again) == told
    with opened(path, names()[1:], missing="drop", read_only=True) as again:
        assert known(again)[0] == {"r1": 1, "r5": 3}


def test_labels_of_rows_that_are_left_out_lose_no_digits(path):
    with opened(path) as all_of_them, opened(path, names()[1:], missing="drop") as fewer:
        all_of_them.label([0], [0.5])
        fewer.label([5], [7])
    with opened(path) as again:
        assert again.y_labeled.tolist() == [0.5, 7]


def test_what_others_said_of_rows_that_are_left_out_is_not_undone(path):
    with opened(path) as all_of_them, opened(path, names()[1:], missing="drop") as fewer:
        all_of_them.label([0, 1], [0, 1])
        fewer.refresh()
        with pytest.raises(ValueError, match="undo would be about rows too that the file"):
            fewer.undo()


# Several processes


def test_pools_over_rows_in_another_order_understand_each_other(path):
    turned = names()[::-1]
    one, two = opened(path), opened(path, turned)
    with opened(path, [*turned[3:], "r30", *turned[:3]], read_only=True) as looking:
        one.label([0, 5], [1, 0], annotator="Ann", comment=["so", None])
        two.label([0], [1])  # r11
        with pytest.raises(
            ValueError, match="got the label 0 for row 11 .id 'r0'., which is labelled 1"
        ):
            two.label([11], [0])
        two.reserve([4, 5], "Ben")
        one.undo(2)
        two.label([1], [2.5])
        one.decide(two.ids[[1]].tolist() and one.numbers(["r5"]), [1], annotator="Cy")
        for each in (one, two, looking):
            each.refresh()
        assert known(one) == known(two) == known(looking)
        assert known(one)[0] == {"r0": 1, "r5": 1, "r10": 2.5}
        assert opinions_of(one) == sorted(opinions_of(two), key=lambda told: one.numbers(told[0]))
        assert [one.ids[op.rows].tolist() for op in one.history] == [
            two.ids[op.rows].tolist() for op in two.history
        ]
    with opened(path, [*names(), "r30"]) as more:
        more.label([12], [1])
        with pytest.raises(ValueError, match="another process wrote of row 'r30', which X lacks"):
            one.refresh()
        more.label([3], [1])
    one.close(), two.close()
    one, two = opened(path, [*names(), "r30"]), opened(path, ["r30", *turned])
    one.extend(rows(["r31"]), ids=["r31"])
    with pytest.raises(ValueError, match="has gained 1 rows from another process; open it again"):
        two.refresh()
    one.close(), two.close()


CLAIM = """
    import sys
    import numpy as np
    from skactive import Pool
    own = [f"r{i}" for i in range(60)]
    np.random.default_rng(int(sys.argv[2])).shuffle(own)
    pool = Pool.open(sys.argv[1], [[float(name[1:])] for name in own], ids=own)
    def claim():
        row = int(pool.unlabeled[0])
        pool.reserve([row], sys.argv[2])
        return row
    for _ in range(25):
        row = pool.together(claim)
        pool.label([row], [int(pool.X[row][0]) % 3], annotator=sys.argv[2])
        print(pool.ids[row], flush=True)
    """


def python(code, *args):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)


def test_two_processes_with_rows_in_another_order_write_at_once(path):
    own = names(60)
    X = [[float(name[1:])] for name in own]
    Pool.open(path, X, ids=own).close()
    said = [
        process.communicate()[0].split() for process in [python(CLAIM, path, i) for i in (1, 2)]
    ]
    with Pool.open(path, X, ids=own) as pool:
        assert len({*said[0], *said[1]}) == pool.n_labeled == 50
        assert (pool.y_labeled == pool.labeled % 3).all()
        for who, theirs in zip(("1", "2"), said, strict=True):
            hers = [op for op in pool.history if op.annotator == who]
            assert [pool.ids[op.rows[0]] for op in hers] == theirs


LABEL = """
    import sys
    from skactive import Pool
    own = [f"r{i}" for i in range(20_000)][:: int(sys.argv[2])]
    pool = Pool.open(sys.argv[1], [[float(name[1:])] for name in own], ids=own)
    start = pool.n_labeled
    print("open", flush=True)
    while True:
        size = 1 if start % 5 else 40
        new = [f"r{i}" for i in range(start, start + size)]
        pool.label(pool.numbers(new), [int(name[1:]) % 7 for name in new])
        start += size
        print(start, flush=True)
    """


def killed(path, n_kills, chance):
    own = names(20_000)
    X = [[float(name[1:])] for name in own]
    for number in range(n_kills):
        process = python(LABEL, path, 1 - 2 * (number % 2))
        assert process.stdout.readline() == "open\n"
        time.sleep(chance.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        said = [int(line) for line in process.communicate()[0].split() if line]
        with Pool.open(path, X, ids=own) as pool:
            assert pool.n_labeled >= (said[-1] if said else 0)
            assert pool.labeled.tolist() == list(range(pool.n_labeled))
            assert (pool.y_labeled == pool.labeled % 7).all()
            assert len(in_file(pool)) == pool.n_labeled
    return pool.n_labeled


def test_whoever_is_killed_leaves_as_many_ids_as_rows(path):
    assert killed(path, 2, random.Random(0)) > 2


@pytest.mark.slow
def test_a_hundred_kills(path):
    assert killed(path, 100, random.Random(1)) > 100


@pytest.mark.parametrize("step", [61, pytest.param(1, marks=pytest.mark.slow)])
def test_an_interrupt_leaves_memory_as_the_file_is(path, step):
    def change(pool):
        pool.extend(rows(["r20", "r21"]), [1, None], ids=["r20", "r21"])

    with opened(path) as pool:
        pool.label([7, 3], [1, 0])
    whole, n_after = path.read_bytes(), 0
    with opened(path) as pool, Interrupt().watching() as counter:
        change(pool)
    for line in range(1 + (step > 1), counter.n_run + 1, step):
        path.write_bytes(whole)
        with opened(path, names()[::-1]) as pool:
            with Interrupt(line).watching():
                change(pool)
            assert len(pool.ids) == len(pool)
            n_after += len(pool) == 14
            pool.label(pool.numbers(["r7", "r0"]), [1, 0])
            with opened(path, [*names(), "r20", "r21"][: len(pool)]) as other:
                assert known(other) == known(pool)
    assert 0 < n_after < counter.n_run / step


# Damage


def test_a_byte_that_is_flipped_in_an_id_is_noticed(path):
    own = [f"image-{i}.png" for i in range(8)]
    X = rows(names(8))
    with Pool.open(path, X, [0, *7 * [None]], ids=own) as pool:
        pool.label([3, 4], [1, 0])
        was = known(pool)
    whole = path.read_bytes()
    for name in ("image-0.png", "image-3.png", "image-4.png"):
        at = whole.index(name.encode())
        for place in range(at, at + len(name)):
            changed = bytearray(whole)
            changed[place] ^= 1
            path.write_bytes(changed)
            with pytest.raises(ValueError, match="not a file that Pool.open wrote|damaged"):
                Pool.open(path, X, ids=own, read_only=True)
    path.write_bytes(whole)
    for statement in (
        "INSERT INTO row VALUES (3, 1, 'image-5.png')",
        "INSERT INTO row VALUES (3, 5, 'image-5.png')",
    ):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()
        with pytest.raises(ValueError, match="not a file that Pool.open wrote|damaged"):
            Pool.open(path, X, ids=own)
        path.write_bytes(whole)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in (
            "INSERT INTO row VALUES (4, 1, 'x')",
            "INSERT OR REPLACE INTO row VALUES (3, 1, 'image-4.png')",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="what is recorded comes next"):
                connection.execute(statement)
    with Pool.open(path, X, ids=own) as pool:
        assert known(pool) == was


def test_many_operations_are_read_in_blocks(path, monkeypatch):
    monkeypatch.setattr(durable, "LOG_BLOCK", 5)
    one, two = opened(path, y=[0, 1, *10 * [None]]), opened(path, names()[::-1])
    for i in range(2, 12):
        (one, two)[i % 2].label([i], [i % 3], relabel=True, annotator="Ann")
        if i % 4 == 0:
            one.undo()
    one.refresh()
    assert len(in_file(one, "block")) > 2
    with opened(path, names()[3:] + names()[:3]) as pool:
        assert known(pool) == known(one)
    with opened(path, names()[1:], missing="drop") as pool:
        for _ in range(8):
            pool.skip(pool.unlabeled[:1])
            pool.undo()
    one.refresh()
    with opened(path) as pool:
        assert_same(pool, one)
    one.close(), two.close()


# Copies, loops, the test side


def test_copies_go_from_memory_to_a_file_and_back(path, tmp_path):
    memory = taught(photos()).pool_
    memory.extend(photos(2, seed=5).assign(file=["u", "v"]), ["cat", None])
    frame = pd.concat([photos(), photos(2, seed=5).assign(file=["u", "v"])])
    memory.copy_to(path)
    with Pool.open(path, frame) as pool:
        assert_same(pool, memory)
        assert pool.id_column == "file"
        for twin in (copy.deepcopy(pool), pickle.loads(pickle.dumps(pool))):
            assert type(twin.ledger) is Ledger
            assert_same(twin, pool)
            assert twin.ids == pool.ids
            twin.label(twin.unlabeled[:1], ["cat"])
        pool.copy_to(tmp_path / "second.db")
        pool.copy_to(tmp_path / "second.npz")
        with Pool.open(tmp_path / "second.db", frame[::-1]) as second:
            assert known(second) == known(pool)
        assert_same(Pool.load(tmp_path / "second.npz", frame), pool)
    with Pool.open(path, frame.rename(columns={"file": "path"}), ids="path") as pool:
        assert pool.id_column == "path"
        assert known(pool) == known(memory)
    for X, said in (
        (
            frame.rename(columns={"file": "path"}),
            r"the column 'file', which X does not have; write Pool\.open",
        ),
        (frame.drop(columns="file"), r"saved with ids"),
    ):
        with pytest.raises(ValueError, match=said):
            Pool.open(path, X)


def test_a_file_without_ids_says_how_it_gets_some(path, tmp_path):
    with Pool.open(path, rows(names())) as pool:
        pool.label([3], [1])
        pool.copy_to(tmp_path / "pool.npz")
    with pytest.raises(
        ValueError, match="knows rows by their numbers; leave it out, or make another"
    ):
        opened(path)
    Pool.load(tmp_path / "pool.npz", rows(names()), ids=names()).copy_to(tmp_path / "again.db")
    with opened(tmp_path / "again.db", names()[::-1]) as pool:
        assert pool.labeled.tolist() == [8]


def test_rows_join_with_their_ids_and_loops_write_through(path):
    frame = photos()
    y = truth_of(frame)
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(frame[:50], ids="file")
    run(
        learner,
        Known([y[name] for name in frame["file"][:50]]),
        n_instances=5,
        stopping=10,
        save=path,
    )
    pool = learner.pool_
    learner.extend(frame[50:55])
    learner.query(frame[55:], 2)
    learner.teach(frame[55:57], ["cat", "dog"])
    learner.teach(ids=frame["file"].iloc[[52]], y=["dog"])
    with pytest.raises(ValueError, match="rows without ids, which the rows of the pool have"):
        pool.extend(frame[57:].drop(columns="file"))
    with pytest.raises(ValueError, match="which row 0 has already"):
        pool.extend(frame[:1])
    twin = copy.deepcopy(pool)
    pool.close()
    with Pool.open(path, frame[:57]) as again:
        assert_same(again, twin)
        fresh = ActiveLearner(GaussianNB(), random_state=0).fit(again)
        expected = ActiveLearner(GaussianNB(), random_state=0).fit(twin)
        assert fresh.query(n_instances=5)[0].tolist() == expected.query(n_instances=5)[0].tolist()


@pytest.mark.parametrize("by_group", [False, True])
def test_the_test_side_follows_ids_and_groups(path, by_group):
    own = names(200)
    groups = np.arange(200) // 4
    how = {"groups": groups} if by_group else {}
    back = {"groups": groups[::-1]} if by_group else {}
    with opened(path, own, y=[1, 0, *198 * [None]], hold_out=0.3, random_state=4, **how) as pool:
        pool.label(range(40), 20 * [0, 1], relabel=True)
        held = set(pool.ids[pool.held_out])
        assert 20 < len(held) < 100
        with opened(path, own[::-1], hold_out=0.3, random_state=4, **back) as turned:
            assert set(turned.ids[turned.held_out]) == held
            turned.label(range(40), 20 * [0, 1])
            pool.refresh()
            assert known(turned) == known(pool)
            assert set(turned.ids[turned.held_out]) == held
            joined = {"groups": [49, 50]} if by_group else {}
            turned.extend(rows(["r300", "r301"]), [1, None], ids=["r300", "r301"], **joined)
            told, held = known(turned), set(turned.ids[turned.held_out])
    more = [*own, "r300", "r301"]
    how = {"groups": [*groups, 49, 50]} if by_group else {}
    with opened(path, more, **how) as pool:
        assert known(pool) == told
        assert set(pool.ids[pool.held_out]) == held
    for wrong in ({"hold_out": 0.2}, {"hold_out": 0.3, "random_state": 5}):
        with pytest.raises(ValueError, match="the file holds out other rows, or none"):
            opened(path, more, **how, **wrong)
    if by_group:
        with pytest.raises(ValueError, match=r"Pool\.open\(path, X, groups=\.\.\.\), one for each"):
            opened(path, more)
        with pytest.raises(ValueError, match="groups by which rows would be on another side"):
            opened(path, more, groups=np.arange(202) % 7)


def test_a_test_side_that_begins_later_is_followed_by_ids_and_not_by_groups(path):
    one, two = opened(path, names(60)), opened(path, names(60)[::-1])
    one.skip([5, 6, 7, 8])
    one.begin_hold_out(0.5)
    two.refresh()
    assert set(one.ids[one.held_out]) == set(two.ids[two.held_out])
    one.close(), two.close()
    path = path.with_name("second.db")
    one, two = opened(path, names(60)), opened(path, names(60)[::-1])
    one.skip([5, 6, 7, 8])
    one.begin_hold_out(0.5, groups=np.arange(60) // 3)
    with pytest.raises(ValueError, match="began to hold out rows by their groups; open the file"):
        two.refresh()
    two.close()
    with opened(path, names(60)[::-1], groups=np.arange(60)[::-1] // 3) as two:
        assert set(one.ids[one.held_out]) == set(two.ids[two.held_out])
    one.close()


def test_other_data_is_accepted_on_request_without_ids(path):
    X = rows(names())
    with Pool.open(path, X) as pool:
        pool.label([3], [1])
        pool.extend(rows(["r20"]), [1])
    X = np.concatenate([X, rows(["r20"])])
    other = X + 1
    with pytest.raises(ValueError, match="changed='accept' if row numbers mean the same rows"):
        Pool.open(path, other)
    with pytest.raises(ValueError, match="Pool.open got changed='yes'; write 'refuse' or 'accept'"):
        Pool.open(path, other, changed="yes")
    with pytest.raises(
        ValueError, match="Pool.open got missing='drop', and the pool was saved without"
    ):
        Pool.open(path, X, missing="drop")
    more = np.concatenate([other, rows(["r40", "r41", "r42"])])
    with Pool.open(path, other, changed="accept") as pool, Pool.open(path, X) as beside:
        assert pool.labeled.tolist() == [3, 12]
        assert pool.history[2].n_added == 1
        with Pool.open(path, more, changed="accept") as longer:
            assert (len(longer), longer.labeled.tolist()) == (16, [3, 12])
            longer.label([14], [0])
            with pytest.raises(ValueError, match="another process wrote of row 14, which X lacks"):
                beside.refresh()
    with pytest.raises(ValueError, match="saved with 15 rows, X has 13"):
        Pool.open(path, X)
    with Pool.open(path, more, changed="accept") as longer:
        assert longer.labeled.tolist() == [3, 12, 14]
        longer.extend(rows(["r50"]), [0])
        told = longer.y.tolist()
    more = np.concatenate([more, rows(["r50"])])
    with Pool.open(path, more, changed="accept") as longer:
        assert longer.y.tolist() == told


# The state machine of pools in memory, over a file whose rows have ids and are moved about


class IdPool(Pool):
    """Whose rows are called by their numbers, in words, also those that join."""

    def extend(self, X, y=None, **how):
        n, m = len(self), X.shape[0] if hasattr(X, "shape") else len(X)
        return super().extend(X, y, ids=names(n + m)[n:], **how)


class DurableIdPool(DurableIntPool):
    POOL = IdPool

    def open(self, X, y=None, **options):
        return IdPool.open(self.path, X, y, ids=names(len(Rows(X))), **options)

    def turned(self):
        """Another pool over the file, whose rows stand the other way round."""
        n = len(self.model.state)
        return IdPool.open(self.path, self.make(range(n)[::-1]), ids=names(n)[::-1])

    @rule()
    def saved_and_loaded(self):
        n, path = len(self.model.state), self.path.with_suffix(".npz")
        self.pool.save(path)
        self.go_on_with(IdPool.load(path, self.make(range(n)), ids=names(n)))

    @rule()
    def followed(self):
        with self.turned() as turned:
            n = len(turned)
            for state in STATES:
                mask = getattr(turned, f"{state}_mask")[::-1]
                assert mask.tolist() == getattr(self.pool, f"{state}_mask").tolist()
            assert as_plain(turned.y[::-1]) == as_plain(self.pool.y)
            assert {n - 1 - row: of for row, of in turned.reservations.items()} == {
                **self.pool.reservations
            }
            for theirs, ours in zip(turned.history, self.pool.history, strict=True):
                assert sorted((n - 1 - theirs.rows).tolist()) == sorted(ours.rows.tolist())

    @rule(pick=PICKS, labels=LABELS, annotator=PEOPLE)
    def label_elsewhere(self, pick, labels, annotator):
        _, drawn = self.some_rows(pick, FREE, RESERVED, SKIPPED)
        y, values = self.some_labels(labels, len(drawn or ()))

        def label():
            with self.turned() as turned:
                turned.label([len(turned) - 1 - row for row in drawn or ()], y, annotator=annotator)
            self.pool.refresh()

        self.step(
            "label",
            lambda: self.model.give(drawn or [], values, False, annotator),
            label,
            annotator=annotator,
        )


DurableIdPool.TestCase.settings = settings(stateful_step_count=20, max_examples=8)
TestDurableIdPool = DurableIdPool.TestCase


class LongDurableIdPool(DurableIdPool):
    pass


LongDurableIdPool.TestCase.settings = settings(stateful_step_count=50, max_examples=200)
TestLongDurableIdPool = pytest.mark.slow(LongDurableIdPool.TestCase)
