"""The learner's state machine: both loop styles against a dict from a row's content to its label.

The estimator remembers what it was fitted on, and each row and each weight say whose they are, so
that what reaches ``fit`` is held against the model too.
"""

import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sklearn.base import BaseEstimator, ClassifierMixin

from skactive import ActiveLearner, Pool

FREE, LABELED, RESERVED, SKIPPED = STATES = ("unlabeled", "labeled", "reserved", "skipped")


class Memory(ClassifierMixin, BaseEstimator):
    """Predicts the label that a row was fitted with, anything for others, and keeps a record."""

    out_of_order = False

    def __init__(self, warm_start=False):
        self.warm_start = warm_start

    def fit(self, X, y, sample_weight=None):
        return self._learn([], [], [], X, y, sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        known = [getattr(self, name, []) for name in ("ids_", "labels_", "weights_")]
        return self._learn(*known, X, y, sample_weight)

    def _learn(self, ids, labels, weights, X, y, sample_weight):
        # Changed before it fails, so that a caller has something to bring back.
        self.ids_ = [*ids, *identities(X)]
        self.labels_ = [*labels, *np.asarray(y).tolist()]
        if Memory.out_of_order:
            raise OSError("the disk is full")
        weights_given = [None] * len(y) if sample_weight is None else list(sample_weight)
        self.weights_ = [*weights, *weights_given]
        self.classes_ = np.unique(np.array(self.labels_))
        self.n_features_in_ = X.shape[1]
        return self

    def predict_proba(self, X):
        known = dict(zip(self.ids_, self.labels_, strict=True))
        ids, codes = np.array(identities(X)), np.arange(len(self.classes_))
        proba = 0.01 + (ids[:, None] * 0.7548 + codes * 0.5698 + len(known) * 0.3171) % 1
        for position, row in enumerate(ids.tolist()):
            if row in known:
                proba[position] = self.classes_ == known[row]
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def identities(X):
    return X[:, 0].astype(int).tolist()


def make_rows(ids):
    return np.array([[i, i % 7] for i in ids], dtype=float).reshape(-1, 2)


def make_weights(ids):
    return np.array([i + 0.5 for i in ids])


class RefusedError(Exception):
    """The design refuses this call."""


def refuse_if(condition):
    if condition:
        raise RefusedError


SEEDS = st.lists(st.integers(0, 10**6), min_size=1, max_size=4)
NUMBERS = st.lists(st.integers(0, 60), min_size=4, max_size=4)
KINDS = {
    "text": (("b", "a", "c"), (-1, None)),
    "integers": ((4, 0, 9), (-1, None, float("nan"))),
    "booleans": ((True, False), (-1, None)),
}


def has(state):
    """Only when there is a row in this state."""
    return precondition(lambda machine: machine.learner and machine.rows(state))


class LearnerMachine(RuleBasedStateMachine):
    """Drives a learner, and a dict from row number to state and from identity to label."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.learner = None

    def teardown(self):
        Memory.out_of_order = False
        self.folder.cleanup()

    @initialize(
        n=st.integers(1, 16),
        known=st.sampled_from(["none", "some", "all"]),
        numbers=st.lists(st.integers(0, 60), min_size=16, max_size=16),
        kind=st.sampled_from(sorted(KINDS)),
        strategy=st.sampled_from(["margin", "entropy", "least_confidence", "random"]),
        update=st.sampled_from(["refit", "refit", "partial_fit", "warm_start"]),
        weighted=st.booleans(),
        encode=st.booleans(),
    )
    def start(self, n, known, numbers, kind, strategy, update, weighted, encode):
        self.values, self.missing = KINDS[kind]
        self.weighted, self.made = weighted, 0
        self.ids = self.new_ids(n)  # by row number
        self.state = [FREE] * n
        self.label = {}  # by identity
        self.past = []  # (kind, state, label) before each operation that can be undone
        self.learned = None  # what the estimator was last fitted on
        self.last = None  # the last query: over the pool, or over these rows from outside
        y = None
        if known != "none":
            values = [self.value_of(number) for number in numbers[:n]]
            if known == "all":
                values = [value or self.values[0] for value in values]
            y = [self.written(value) for value in values]
            self.put(range(n), values, FREE)
        if y is not None and all(isinstance(label, float) for label in y):
            y = None  # refused: a test of its own
        self.was_open = FREE in self.state
        options = {"update": update, "encode_labels": encode, "random_state": numbers[0]}
        learner = ActiveLearner(Memory(), strategy, missing_label=-1, **options)
        self.codes = encode
        X = make_rows(self.ids)
        X.flags.writeable = False
        self.learner = learner.fit(X, y, **self.weights(self.ids))
        assert self.learner.pool_.X is X
        self.check_fitted()

    # The model

    def rows(self, state):
        return [row for row, now in enumerate(self.state) if now == state]

    def new_ids(self, m):
        """Identities that are no row numbers, each given once."""
        self.made += m
        return [100 + 37 * i for i in range(self.made - m, self.made)]

    def value_of(self, number):
        return None if number % 4 == 3 else self.values[number % len(self.values)]

    def written(self, value):
        return self.missing[len(self.label) % len(self.missing)] if value is None else value

    def weights(self, ids):
        return {"sample_weight": make_weights(ids)} if self.weighted else {}

    def put(self, rows, values, otherwise):
        """Give rows these labels; those without one come into another state."""
        for row, value in zip(rows, values, strict=True):
            self.label.pop(self.ids[row], None)
            self.state[row] = otherwise if value is None else LABELED
            if value is not None:
                self.label[self.ids[row]] = value

    def remember(self, kind, before):
        if before != (self.state, self.label):
            self.past.append((kind, *before))

    def before(self):
        return list(self.state), dict(self.label)

    def give(self, rows, values, relabel):
        """Label rows of the pool, as the design says of teach; None is the missing label."""
        before = self.before()
        clash = {
            row
            for row, value in zip(rows, values, strict=True)
            if self.state[row] == LABELED and self.label[self.ids[row]] != value
        }
        refuse_if(clash and not relabel)
        unlabeled = [row for row in clash if values[rows.index(row)] is None]
        self.put(rows, values, SKIPPED)
        self.put(unlabeled, [None] * len(unlabeled), FREE)
        self.remember("label", before)

    # What the estimator was given

    def holds(self, estimator):
        """Hold that an estimator was fitted on the rows and labels of `learned`, each once."""
        ids, labels = estimator.ids_, estimator.labels_
        if self.codes:
            labels = [sorted(set(self.learned.values()))[code] for code in labels]
        assert len(set(ids)) == len(ids)
        assert dict(zip(ids, labels, strict=True)) == self.learned
        expected = make_weights(ids).tolist() if self.weighted else [None] * len(ids)
        assert estimator.weights_ == expected

    def check_fitted(self):
        """Hold that the estimator knows the labels as they are now, where there are enough."""
        learner, classes = self.learner, sorted(set(self.label.values()))
        fitted = hasattr(learner, "estimator_")
        assert learner.classes_.tolist() == classes
        if len(classes) != 1:
            assert fitted == (len(classes) > 1)
        elif FREE in self.state or RESERVED in self.state:
            assert not fitted
        self.learned, self.is_current = dict(self.label) if fitted else None, True
        if fitted:
            self.holds(learner.estimator_)
            labeled = [row for row, state in enumerate(self.state) if state == LABELED]
            if learner.update == "refit":
                assert learner.estimator_.ids_ == [self.ids[row] for row in labeled]
            ids = list(self.label)
            assert learner.predict(make_rows(ids)).tolist() == [self.label[i] for i in ids]

    @invariant()
    def every_label_is_on_its_own_row(self):
        if self.learner is None:
            return
        pool = self.learner.pool_
        labeled = self.rows(LABELED)
        for state in STATES:
            assert getattr(pool, state).tolist() == self.rows(state)
        assert identities(pool.X_labeled) == [self.ids[row] for row in labeled]
        pairs = zip(identities(pool.X_labeled), pool.y_labeled.tolist(), strict=True)
        assert dict(pairs) == self.label
        if self.learned is None:
            assert not hasattr(self.learner, "estimator_")
        else:
            self.holds(self.learner.estimator_)

    # Questions

    def ask(self, *args, **options):
        """Ask twice; nothing changes, and the answer is the same."""
        learner = self.learner
        estimator, history = getattr(learner, "estimator_", None), learner.pool_.history
        idx, rows = learner.query(*args, **options)
        again, rows_again, scores = learner.query(*args, **options, return_scores=True)
        assert again.tolist() == idx.tolist()
        assert rows_again.tolist() == rows.tolist()
        assert len(set(idx.tolist())) == len(idx)
        assert getattr(learner, "estimator_", None) is estimator
        assert learner.pool_.history == history
        candidates = np.flatnonzero(~np.isnan(scores))
        assert set(idx.tolist()) <= set(candidates.tolist())
        best = np.sort(scores[candidates])[::-1]
        assert scores[idx].tolist() == best[: len(idx)].tolist()
        return idx.tolist(), identities(rows), candidates.tolist()

    @rule(n=st.integers(1, 5), subset=st.none() | SEEDS, as_mask=st.booleans())
    def query(self, n, subset, as_mask):
        free = self.rows(FREE)
        if not (free or self.was_open):
            return
        options = {}
        if subset is not None:
            chosen = {seed % len(self.state) for seed in subset}
            mask = np.isin(np.arange(len(self.state)), list(chosen))
            options["subset"] = mask if as_mask else sorted(chosen)
            free = [row for row in free if row in chosen]
        idx, found, candidates = self.ask(n_instances=n, **options)
        assert candidates == free
        assert len(idx) == min(n, len(free))
        assert found == [self.ids[row] for row in idx]
        self.last = idx

    @rule(m=st.integers(1, 6), n=st.integers(1, 4))
    def query_outside(self, m, n):
        ids = self.new_ids(m)[::-1]
        X = make_rows(ids)
        idx, found, candidates = self.ask(X, n)
        assert candidates == list(range(m))
        assert len(idx) == min(n, m)
        assert found == [ids[position] for position in idx]
        self.last = X[idx]

    # Answers

    def teach(self, expected, X, y, refit, fails, **options):
        """Teach, and hold what was fitted against the model; what is refused changes nothing."""
        learner = self.learner
        history, labels = learner.pool_.history, dict(self.label)
        try:
            expected()
        except RefusedError:
            with pytest.raises((ValueError, TypeError)) as info:
                learner.teach(X, y, refit=refit, **options)
            assert str(info.value).endswith(".")
            assert learner.pool_.history == history
            return
        estimator = getattr(learner, "estimator_", None)
        fails = fails and refit and labels != self.label and len(set(self.label.values())) > 1
        Memory.out_of_order = fails
        if fails:
            with pytest.raises(OSError, match="the disk is full"):
                learner.teach(X, y, refit=refit, **options)
            Memory.out_of_order = False
        else:
            assert learner.teach(X, y, refit=refit, **options) is learner
        if refit and not fails:
            self.check_fitted()
        else:
            assert getattr(learner, "estimator_", None) is estimator
            self.is_current = False

    @rule(
        seeds=SEEDS,
        numbers=NUMBERS,
        asked=st.sampled_from([True, True, False]),
        relabel=st.sampled_from([False, False, True]),
        refit=st.booleans(),
        fails=st.booleans(),
        weigh=st.booleans(),
        one_more=st.sampled_from([False] * 9 + [True]),
    )
    def teach_numbers(self, seeds, numbers, asked, relabel, refit, fails, weigh, one_more):
        rows = list(self.last) if asked and isinstance(self.last, list) else []
        rows = rows or [seed % len(self.state) for seed in seeds]
        rows = list(dict.fromkeys(rows[seed % len(rows)] for seed in seeds))
        values = [self.value_of(number) for number in numbers[: len(rows)]]
        y = [self.written(value) for value in values] + [self.values[0]] * one_more
        options = self.weights([self.ids[row] for row in rows]) if weigh else {}

        def expected():
            refuse_if(isinstance(self.last, np.ndarray) or one_more)
            self.give(rows, values, relabel)

        self.teach(expected, np.array(rows), y, refit, fails, relabel=relabel, **options)

    @rule(
        seeds=SEEDS,
        numbers=NUMBERS,
        refit=st.booleans(),
        fails=st.booleans(),
        fault=st.sampled_from([None] * 9 + ["one more", "relabel", "weights", "columns"]),
    )
    def teach_rows(self, seeds, numbers, refit, fails, fault):
        """Rows that were asked for, or after a query over the pool, rows that are refused."""
        outside = isinstance(self.last, np.ndarray)
        X = self.last if outside and len(self.last) else make_rows(self.new_ids(2))
        X = X[list(dict.fromkeys(seed % len(X) for seed in seeds))]
        ids = identities(X)
        values = [self.value_of(number) for number in numbers[: len(ids)]]
        y = [self.written(value) for value in values] + [self.values[0]] * (fault == "one more")
        options = self.weights(ids)
        if fault == "weights":
            options = {} if self.weighted else {"sample_weight": make_weights(ids)}
        elif fault == "relabel":
            options["relabel"] = True

        def expected():
            refuse_if(not outside or fault)
            self.grow("extend", ids, values, SKIPPED)
            self.last = np.array([row for row in self.last if int(row[0]) not in ids])

        self.teach(expected, X[:, :1] if fault == "columns" else X, y, refit, fails, **options)

    def grow(self, kind, ids, values, otherwise):
        before = self.before()
        rows = range(len(self.ids), len(self.ids) + len(ids))
        self.ids += ids
        self.state += [FREE] * len(ids)
        self.put(rows, values, otherwise)
        self.remember(kind, before)

    @rule(m=st.integers(0, 3), numbers=st.none() | NUMBERS)
    def extend(self, m, numbers):
        ids = self.new_ids(m)
        values = [self.value_of(number) for number in (numbers or [3] * m)[:m]]
        y = None if numbers is None else [self.written(value) for value in values]
        self.grow("extend", ids, values, FREE)
        self.was_open = self.was_open or None in values
        self.learner.extend(make_rows(ids), y, **self.weights(ids))
        self.check_fitted()

    @rule()
    def refit(self):
        self.learner.refit()
        self.check_fitted()

    # The pool behind it

    def move(self, name, seeds, sources, target):
        members = [row for row, state in enumerate(self.state) if state in sources]
        if not members:
            return
        rows = list(dict.fromkeys(members[seed % len(members)] for seed in seeds))
        before = self.before()
        self.put(rows, [None] * len(rows), target)
        self.remember(name, before)
        getattr(self.learner.pool_, name)(rows)
        self.is_current = False

    @rule(seeds=SEEDS)
    def skip(self, seeds):
        self.move("skip", seeds, {FREE, RESERVED}, SKIPPED)

    @has(FREE)
    @rule(seeds=SEEDS)
    def reserve(self, seeds):
        self.move("reserve", seeds, {FREE}, RESERVED)

    @has(RESERVED)
    @rule(seeds=SEEDS)
    def release(self, seeds):
        self.move("release", seeds, {RESERVED}, FREE)
        self.was_open = True

    @has(SKIPPED)
    @rule(seeds=SEEDS)
    def restore(self, seeds):
        self.move("restore", seeds, {SKIPPED}, FREE)
        self.was_open = True

    @has(LABELED)
    @rule(seeds=SEEDS)
    def unlabel(self, seeds):
        self.move("unlabel", seeds, {LABELED}, FREE)
        self.was_open = True

    @precondition(lambda machine: machine.learner and machine.past)
    @rule(n=st.integers(1, 3), refit=st.booleans())
    def undo(self, n, refit):
        pool, undone = self.learner.pool_, self.past[-n:]
        if n > len(self.past) or any(kind == "extend" for kind, _, _ in undone):
            with pytest.raises(ValueError, match="undo got n="):
                pool.undo(n)
            return
        _, self.state, self.label = undone[0]
        del self.past[-n:]
        pool.undo(n)
        self.is_current = False
        if refit:
            self.refit()

    # In another session

    @rule()
    def pickled(self):
        learner = pickle.loads(pickle.dumps(self.learner))
        self.answers_as_before(learner)
        self.learner = learner

    @rule()
    def saved_and_loaded(self):
        path = Path(self.folder.name) / "pool.npz"
        old = self.learner
        old.pool_.save(path)
        pool = Pool.load(path, make_rows(self.ids))
        learner = ActiveLearner(**old.get_params(deep=False))
        learner.fit(pool, **self.weights(self.ids))
        assert learner.seed_ == old.seed_
        assert learner.pool_ is pool
        was_current = self.is_current
        self.learner, self.last = learner, None
        if was_current:
            self.answers_as_before(old)
        self.check_fitted()

    def answers_as_before(self, other):
        """Hold that two learners propose the same rows, of the pool and from outside."""
        X = make_rows(self.new_ids(5))
        questions = [{"X": X, "n_instances": 3}]
        if FREE in self.state:
            questions.append({"n_instances": 3})
        for question in questions:
            marks = [learner._last_query for learner in (self.learner, other)]
            ours, theirs = self.learner.query(**question), other.query(**question)
            assert ours[0].tolist() == theirs[0].tolist()
            self.learner._last_query, other._last_query = marks


TestLearnerMachine = LearnerMachine.TestCase
TestLearnerMachine.settings = settings(stateful_step_count=50)
