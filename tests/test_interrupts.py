"""A change, interrupted anywhere, has happened or has not; others may read meanwhile."""

import pickle
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from snapshot import log_facts
from snapshot import told as told_of_operation

import skactive
from skactive import ActiveLearner, Pool
from skactive.learner.questions import kept_of
from skactive.learner.trainer import Fitted
from skactive.pool import ledger, slots
from skactive.pool.fold import STATE_NAMES
from skactive.pool.ledger import Ledger
from skactive.strategies import SplitUncertainty

pytestmark = pytest.mark.once  # our own lines
SLOW = pytest.mark.slow
PACKAGE = Path(skactive.__file__).parent
OF_POOL = tuple(str(PACKAGE / "pool" / part) for part in ("ledger", "log", "slots"))
OF_LEARNER = (str(PACKAGE / "learner"),)
WATCHED = tuple(str(PACKAGE / part) for part in ("pool", "learner", "data/rows.py", "data/ids.py"))


def rows(n, start=0):
    return np.arange(2.0 * start, 2.0 * (start + n)).reshape(n, 2)


def make():
    """A pool in which there is something of everything, and something to undo."""
    pool = Pool(rows(12), [0, 1] + 10 * [-1])
    pool.extend(rows(2, start=12), [1, None])
    pool.reserve([2, 3], "Ada")
    pool.reserve(4)
    pool.skip([5, 6])
    pool.label([7, 8], [0, 1], annotator="Ben")
    pool.label([7, 9], [0.5, 2], relabel=True)  # the labels were integers
    pool.reserve([3], "Ben")
    pool.label([8, 9], [1, 2], annotator="Ada")
    pool.decide(0, 1, annotator="Cy")
    return pool


def make_divided():
    """A pool that holds out rows, some with a label."""
    pool = Pool(rows(30), [0, 1] + 28 * [-1], hold_out=0.4, groups=np.arange(30) // 3)
    pool.label(pool.held_out[:2], [0, 1])
    pool.skip(pool.held_out[2])
    pool.label(pool.unlabeled[:2], [1, 0])
    return pool


def make_without_labels():
    pool = Pool(rows(9), 9 * [1])
    pool.unlabel(range(9))
    return pool


def make_learner(X=None):
    """A learner that has been asked over its pool, or over X."""
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(rows(9), [0, 1, 2, 2] + 5 * [-1])
    learner.query(X, 2)
    return learner


# What changes a pool: how it is made, and the call

CHANGES = {
    "label": (make, lambda pool: pool.label([2, 10], [1, 0], annotator="Ada")),
    "label by a second person": (
        make,
        lambda pool: pool.label([3, 7, 11], [1, 0.5, None], annotator="Ada"),
    ),
    "decide": (make, lambda pool: pool.decide([2, 9], [1, 3])),
    "undo by a person": (make, lambda pool: pool.undo(annotator="Ben")),
    "label with another kind": (
        make_without_labels,
        lambda pool: pool.label(range(9), list("abcdefghi")),
    ),
    "relabel": (make, lambda pool: pool.label([1, 7, 11], [0, -1, -1], relabel=True)),
    "unlabel": (make, lambda pool: pool.unlabel([0, 8])),
    "skip": (make, lambda pool: pool.skip([2, 10])),
    "restore": (make, lambda pool: pool.restore([5, 6])),
    "reserve": (make, lambda pool: pool.reserve([10, 11], "Ben")),
    "release": (make, lambda pool: pool.release([3, 4])),
    "release by name": (make, lambda pool: pool.release(name="Ada")),
    "extend": (make, lambda pool: pool.extend(rows(3, start=14), [1.5, -1, 0])),
    "extend without labels": (make, lambda pool: pool.extend(rows(20))),
    "extend by group": (
        make_divided,
        lambda pool: pool.extend(rows(4, start=30), [1, -1, 1, -1], groups=[0, 1, 2, 3]),
    ),
    "begin to hold out": (make, lambda pool: pool.begin_hold_out(0.5)),
    "undo": (make, lambda pool: pool.undo()),
    "undo five": (make, lambda pool: pool.undo(5)),
    "teach": (make_learner, lambda learner: learner.teach([4, 5], [1, 0], refit=False)),
    "teach rows": (
        lambda: make_learner(rows(3, start=20)),
        lambda learner: learner.teach(rows(2, start=20), [1, -1], refit=False),
    ),
    "extend a learner": (make_learner, lambda learner: learner.extend(rows(2, start=20), [1, -1])),
}


FEW = ("label by a second person", "extend without labels", "relabel", "undo five")


def pool_of(thing):
    return getattr(thing, "pool_", thing)


def plain(value):
    """An array as its dtype and its values."""
    return (value.dtype.str, value.tolist()) if isinstance(value, np.ndarray) else value


WHAT = ("rows", "events", "names", "held", "previous", "dead", "notes", "base", "has_final")


def facts(pool):
    """All that a pool says of itself, but for the time of its operations."""
    last = told_of_operation(pool.history[-1], but=("time",))
    return facts_of_rows(pool) | {
        "history": [op.kind for op in pool.history],
        "last": {name: plain(value) for name, value in last.items()},
        "log": {name: fact for name, fact in log_facts(pool.ledger).items() if name in WHAT},
    }


def facts_of_rows(pool):
    return {
        "masks": [getattr(pool, f"{state}_mask").tolist() for state in STATE_NAMES],
        "members": [getattr(pool, state).tolist() for state in STATE_NAMES],
        "counts": [getattr(pool, f"n_{state}") for state in STATE_NAMES],
        "labels": [plain(pool.y), plain(pool.y_labeled), plain(pool.y_held_out)],
        "reservations": dict(pool.reservations),
        "rows": (len(pool), pool.X.tolist(), pool.X_labeled.tolist()),
    }


def check_whole(pool, wholes, seen):
    """Hold that a pool is one of these, that its history leads there, and that it goes on."""
    known = facts(pool)
    assert known in wholes
    packed = pickle.dumps(pool)
    if packed not in seen:  # of equal bytes comes an equal pool
        assert facts(pickle.loads(packed)) == known  # which replays the history
        seen.add(packed)
    pool.label(1, None, relabel=True)
    pool.undo()
    again = facts_of_rows(pool)
    assert again == {name: known[name] for name in again}
    assert [op.kind for op in pool.history[:-2]] == known["history"]
    return wholes.index(known)


@pytest.fixture
def alone(monkeypatch):
    """No other thread is waited for, and all that is done at one time."""
    monkeypatch.setattr(ledger, "_TRIES", 2)
    monkeypatch.setattr(time, "time", lambda: 1e9)


class Interrupt:
    """Raises at chosen lines of the code that is watched, counted as they are run."""

    def __init__(self, *lines):
        self.lines, self.n_run, self.n_raised = set(lines), 0, 0
        self.places = []  # file and line of each of them

    def __call__(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        if event == "line":
            self.n_run += 1
            self.places.append((frame.f_code.co_filename, frame.f_lineno))
            if self.n_run in self.lines:
                self.n_raised += 1
                raise KeyboardInterrupt
        return self

    @contextmanager
    def watching(self):
        before = sys.gettrace()
        sys.settrace(self)
        try:
            yield self
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)


def interrupted(stored, change, counter, where, which="once"):
    """Yield what was stored, after a change of it was interrupted, for each line that may matter.

    That is each line of the files where it changes, by turns the first and the last time that it
    is run, and one in fifty of all; or all of them, every time that they are run.
    """
    places = counter.places
    first = {place: line for line, place in reversed([*enumerate(places, 1)])}
    last = {place: line for line, place in enumerate(places, 1)}
    changing = [place for place in sorted(first) if place[0].startswith(where)]
    once = {(first, last)[i % 2][place] for i, place in enumerate(changing)}
    few = once | {*range(1, counter.n_run, 50), counter.n_run}
    for line in sorted(few) if which == "once" else range(1, counter.n_run + 1):
        thing = pickle.loads(stored)
        with Interrupt(line).watching() as interrupt:
            change(thing)
        assert interrupt.n_raised == 1
        yield thing


each_line = pytest.mark.parametrize("which", ["once", pytest.param("always", marks=SLOW)])


def few(monkeypatch):
    """Let rows have slots only where something happened to them, up to a half of all."""
    monkeypatch.setattr(slots, "_FEW_ROWS", 0)
    monkeypatch.setattr(slots, "_SHARE", 2)


@each_line
@pytest.mark.parametrize("name", CHANGES)
def test_an_interrupt_at_any_line_leaves_a_change_whole_or_undone(name, which, alone, monkeypatch):
    if name in FEW:
        few(monkeypatch)
    prepare, change = CHANGES[name]
    stored = pickle.dumps(prepare())
    before, thing = facts(pool_of(pickle.loads(stored))), pickle.loads(stored)
    with Interrupt().watching() as counter:
        change(thing)
    after = facts(pool_of(thing))
    assert before != after
    n_after, seen = 0, set()
    for thing in interrupted(stored, change, counter, OF_POOL, which):
        n_after += check_whole(pool_of(thing), [before, after], seen)
    assert 0 < n_after < counter.n_run
    assert counter.n_run > 90  # so that all of them are well over 1,000


def test_who_reads_after_an_interrupt_may_be_interrupted_as_well(alone):
    """Some lines after the commit, what the pool reads from has to be made again."""
    stored, change, seen = pickle.dumps(make()), CHANGES["relabel"][1], set()
    pool = pickle.loads(stored)
    with Interrupt().watching() as counter:
        change(pool)
    after, line = facts(pool), counter.n_run - 8
    pool = pickle.loads(stored)
    with Interrupt(line).watching():
        change(pool)
    with Interrupt().watching() as counter:
        assert facts(pool) == after
    for second in range(1, counter.n_run + 1, counter.n_run // 30):
        pool = pickle.loads(stored)
        with Interrupt(line).watching():
            change(pool)
        with Interrupt(second).watching() as interrupt:
            facts(pool)
        assert interrupt.n_raised == 1
        assert check_whole(pool, [after], seen) == 0


# Learners: their pool, what they keep beside it, and what is fitted


class Wary:
    """A drift detector that sees a drift in every error."""

    drift_detected = False

    def update(self, error):
        self.drift_detected = error > 0


def weighed(**params):
    """A learner whose rows have weights and vectors, asked over its pool."""
    learner = ActiveLearner(GaussianNB(), "k_center", random_state=0, **params)
    y, weights = [0, 1, 2, 2] + 5 * [-1], np.arange(9.0)
    learner.fit(rows(9), y, embedding=rows(9, start=50), sample_weight=1 + weights)
    learner.query(n_instances=2)
    return learner


def weighed_outside():
    learner = weighed()
    learner.query(rows(3, start=20), embedding=rows(3, start=70))
    return learner


def streaming():
    """A learner that has given out tickets, and would see a drift in a wrong prediction."""
    strategy = SplitUncertainty(1.0, share=0.5)
    learner = ActiveLearner(GaussianNB(), strategy, drift=Wary(), random_state=0)
    learner.fit(rows(12), 6 * [0] + 6 * [1])
    learner.query(rows(8, start=20), return_tickets=True)
    return learner


def wrong_labels(learner):
    """A class for each open ticket that the learner does not expect."""
    return [1 - learner.predict(row)[0] for row in learner.tickets_.values()]


def not_learned_yet():
    return weighed().teach([4, 5], [0, 1], refit=False)


def with_weights(learner, **how):
    return learner.teach([4, 5], [0, 1], sample_weight=[7.0, 9.0], **how)


def teach_outside(learner):
    vectors, weights = rows(2, start=70), [3.0, 4.0]
    return learner.teach(rows(2, start=20), [1, -1], embedding=vectors, sample_weight=weights)


def extend(learner):
    vectors, weights = rows(2, start=70), [3.0, 4.0]
    return learner.extend(rows(2, start=20), [1, -1], embedding=vectors, sample_weight=weights)


def answer_all(learner):
    tickets = list(learner.tickets_)
    return learner.teach(y=wrong_labels(learner), ticket=tickets)


def shared():
    """A learner of several people, in whose pool some rows wait for second opinions."""
    learner = ActiveLearner(GaussianNB(), "margin", consensus="one_coin", random_state=0)
    learner.fit(rows(9), [0, 1, 2, 2] + 5 * [-1])
    learner.teach([4, 5], [0, 1], annotator="Ben")
    learner.pool_.reserve(6, "Ben")
    return learner


CALLS = {
    "ask and reserve": (
        shared,
        lambda learner: learner.query(annotator="Ann", n_instances=3, overlap=1, reserve=True),
    ),
    "teach": (weighed, with_weights),
    "teach, without a fit": (weighed, lambda learner: with_weights(learner, refit=False)),
    "teach, going on": (lambda: weighed(update="partial_fit"), with_weights),
    "skip": (weighed, lambda learner: learner.teach([4, 5], [-1, -1])),
    "relabel": (weighed, lambda learner: learner.teach([0, 2], [1, -1], relabel=True)),
    "teach rows": (weighed_outside, teach_outside),
    "extend": (weighed, extend),
    "extend without labels": (
        lambda: make_learner(rows(3, start=20)),
        lambda learner: learner.extend(rows(2, start=20)),
    ),
    "undo and refit": (not_learned_yet, lambda learner: (learner.pool_.undo(), learner.refit())),
    "refit": (not_learned_yet, lambda learner: learner.refit()),
    "refit with other parameters": (
        not_learned_yet,
        lambda learner: learner.set_params(strategy="margin", classes=[0, 1, 2, 3]).refit(),
    ),
    "fit": (not_learned_yet, lambda learner: learner.fit(rows(5), [0, 1, 0, 1, -1])),
    "query a stream": (
        streaming,
        lambda learner: learner.query(rows(20, start=40), return_tickets=True),
    ),
    "teach by tickets, after which all begins again": (streaming, answer_all),
    "give tickets up": (
        streaming,
        lambda learner: learner.teach(y=[None], ticket=[min(learner.tickets_)]),
    ),
}


def told(value):
    """Anything as plain values."""
    if isinstance(value, np.random.Generator):
        return told(value.bit_generator.state)
    if isinstance(value, dict):
        return {name: told(part) for name, part in value.items() if name not in ("_memory", "time")}
    if isinstance(value, list | tuple):
        return [told(part) for part in value]
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return type(value).__name__, told(vars(value))
    return plain(value)


def all_of(learner):
    """All that a learner knows, but for what is fitted."""
    return facts(learner.pool_), told(kept_of(learner))


@each_line
@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_at_any_line_leaves_a_learner_whole(name, which, alone):
    """What it knows is as before or as after, and so is what is fitted, which comes later."""
    prepare, change = CALLS[name]
    stored = pickle.dumps(prepare())
    old, new = (pickle.loads(stored) for _ in range(2))
    with Interrupt().watching() as counter:
        change(new)
    known, fitted = (all_of(old), all_of(new)), (told(old._fitted), told(new._fitted))
    assert known[0] != known[1] or fitted[0] != fitted[1]
    later = [told(each.refit()._fitted) for each in (old, new)]
    n_after, seen = 0, set()
    for learner in interrupted(stored, change, counter, OF_LEARNER, which):
        knows = all_of(learner)
        at = 1 if knows == known[1] else known.index(knows)
        n_after += at
        # A new pool has no estimator until the first fit is over.
        assert told(learner._fitted) in [*fitted[: at + 1], *[told(Fitted())] * (name == "fit")]
        packed = pickle.dumps(learner)
        if packed not in seen:
            assert all_of(pickle.loads(packed)) == knows
            seen.add(packed)
        assert told(learner.refit()._fitted) in later[at:]
    assert n_after > 0


class AlarmError(Exception):
    """Time is up."""


@pytest.fixture
def alarm():
    """Set the time, in seconds, after which a signal raises `AlarmError` wherever Python is."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("this system has no timer that sends signals")

    def ring(number, frame):
        raise AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("who", ["pool", "learner"])
def test_signals_at_any_time_leave_no_label_half_recorded(who, alarm):
    n, rng = 20_000, np.random.default_rng(0)
    X, order = np.arange(n)[:, None], rng.permutation(n)
    thing = Pool(X)
    if who == "learner":
        thing = ActiveLearner(GaussianNB()).fit(X, sample_weight=np.zeros(n))
    pool, delays = pool_of(thing), rng.uniform(1e-5, 2e-3, 300)
    for delay in delays:
        try:
            alarm(delay)
            while True:  # the labelled rows are always the first ones of the order
                row = order[pool.n_labeled]
                if who == "pool":
                    pool.label(row, row % 3)
                else:
                    thing.teach([row], [row % 3], refit=False, sample_weight=[row + 1])
        except AlarmError:
            labeled = np.sort(order[: pool.n_labeled])
            assert pool.n_operations == pool.n_labeled + 1
            assert np.array_equal(pool.labeled, labeled)
            assert np.array_equal(np.flatnonzero(pool.labeled_mask), labeled)
            assert np.array_equal(pool.y_labeled, labeled % 3)
            if who == "learner":
                weights = kept_of(thing).params.of(None)["sample_weight"]
                assert np.array_equal(np.flatnonzero(weights), labeled)
                assert np.array_equal(weights[labeled], labeled + 1)
    assert pool.n_labeled > 100
    assert facts(pickle.loads(pickle.dumps(pool))) == facts(pool)
    pool.undo(pool.n_labeled)
    assert pool.n_labeled == 0


# Threads


@contextmanager
def switching_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


# What a pool says of who is labelled, as row numbers and labels; row i has the label i % 3 + 1.


def in_y_labeled(pool, order):
    y = pool.y_labeled
    return np.sort(order[: len(y)]), y


def in_y(pool, order):
    y = pool.y
    return np.flatnonzero(y != -1), y[y != -1]


def in_unlabeled(pool, order):
    free = pool.unlabeled
    rows = np.setdiff1d(order, free[free < len(order)])  # the others were added
    return rows, rows % 3 + 1


def in_mask(pool, order):
    rows = np.flatnonzero(pool.labeled_mask)
    return rows, rows % 3 + 1


SAYINGS = (in_y_labeled, in_y, in_unlabeled, in_mask)


def test_others_read_while_one_thread_changes_a_pool(monkeypatch):
    """Rows are labelled in a certain order, so that one can tell what was true at some moment."""
    write = Ledger._write

    def write_slowly(*args):  # so that others often read between a commit and its end
        time.sleep(1e-4)
        write(*args)
        time.sleep(1e-4)

    monkeypatch.setattr(Ledger, "_write", write_slowly)
    n, rng = 1000, np.random.default_rng(0)
    order = rng.permutation(n)
    pool, is_over = Pool(np.arange(n)[:, None]), threading.Event()

    def look(saying):
        right = wrong = 0
        while not is_over.is_set():
            rows, labels = saying(pool, order)
            first = np.sort(order[: len(rows)])
            is_right = np.array_equal(rows, first) and np.array_equal(labels, first % 3 + 1)
            right, wrong = right + is_right, wrong + (not is_right)
            rows = pool.labeled
            wrong += not np.array_equal(rows, np.sort(order[: len(rows)]))
        return right, wrong

    def change():
        until = time.monotonic() + 3
        while time.monotonic() < until:
            if pool.n_labeled > n - 10:
                pool.unlabel(order[10 : pool.n_labeled])
            now = order[pool.n_labeled : pool.n_labeled + rng.integers(1, 9)]
            pool.label(now, now % 3 + 1)
            if rng.random() < 0.3:
                pool.undo()
            if rng.random() < 0.01 and len(pool) < n + 100:
                pool.extend(np.full((2, 1), -1))

    with switching_often(), ThreadPoolExecutor() as executor:
        readers = [executor.submit(look, saying) for saying in SAYINGS]
        try:
            change()
        finally:
            is_over.set()
        found = [reader.result() for reader in readers]
    assert [wrong for _, wrong in found] == [0] * len(SAYINGS)
    assert min(right for right, _ in found) > 20


class Slow(GaussianNB):
    """Learns in two steps, between which others have the time to ask it."""

    def partial_fit(self, X, y, classes=None):
        for part in (slice(0, None, 2), slice(1, None, 2)):
            super().partial_fit(X[part], y[part], classes)
            time.sleep(2e-3)
        return self


def test_others_predict_while_one_thread_teaches_in_place():
    rng = np.random.default_rng(0)
    X, truth = rng.normal(size=(400, 2)), rng.integers(2, size=400)
    learner = ActiveLearner(Slow(), update="partial_fit", random_state=0)
    learner.fit(X, np.where(np.arange(400) < 20, truth, -1))
    said, is_over = {learner.predict_proba(X).tobytes()}, threading.Event()

    def look():
        seen = set()
        while not is_over.is_set():
            seen.add(learner.predict_proba(X).tobytes())
        return seen

    with switching_often(), ThreadPoolExecutor() as executor:
        readers = [executor.submit(look) for _ in range(3)]
        try:
            for start in range(20, 320, 10):
                idx = np.arange(start, start + 10)
                learner.teach(idx, truth[idx])
                said.add(learner.predict_proba(X).tobytes())
        finally:
            is_over.set()
        seen = set().union(*(reader.result() for reader in readers))
    assert len(seen) > 3 and seen <= said


# What comes back from a file that is mapped into memory cannot be written to


def test_a_large_learner_from_a_mapped_file_is_taught_like_any_other(tmp_path):
    joblib = pytest.importorskip("joblib")
    n = 200_000
    X, truth = np.arange(1.0 * n)[:, None], np.arange(n) % 2
    learner = ActiveLearner(GaussianNB(), random_state=0)
    learner.fit(X, np.where(np.arange(n) % 101 == 0, truth, -1), sample_weight=np.ones(n))
    joblib.dump(learner, tmp_path / "learner.joblib")
    mapped = joblib.load(tmp_path / "learner.joblib", mmap_mode="r")
    assert isinstance(mapped.pool_.X, np.memmap)
    for each in (learner, mapped):
        idx, _ = each.query(n_instances=5)
        each.teach(idx, truth[idx], sample_weight=np.full(5, 2.0))
        each.teach(idx[0], 2, relabel=True, refit=False)
        each.pool_.undo()
        each.extend(X[:2], [0, 1], sample_weight=np.ones(2))
    assert facts(mapped.pool_) == facts(learner.pool_)
    assert np.array_equal(mapped.predict_proba(X), learner.predict_proba(X))
