"""Rows held out to test on: which they are, that they stay, and that nothing is learned of them."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from naive_hold_out import group_number, is_taken
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.naive_bayes import GaussianNB
from snapshot import unchanged

from skactive import ActiveLearner, Known, Pool, SimulatedLearner, run
from skactive.data.chance import uniform_by_row
from skactive.learner.asked import interleaved
from skactive.loops import Budget
from skactive.pool import files, storage
from skactive.strategies import Strategy

STATES = ("labeled", "unlabeled", "reserved", "skipped", "held_out")


def numbered(n, start=0):
    """Rows that say their numbers."""
    return np.arange(start, start + n, dtype=float).reshape(-1, 1)


def truth_of(rows):
    return np.asarray(rows) % 3 % 2


def held_of(n, share=0.2, seed=0):
    return [number for number in range(n) if is_taken(number, share, seed)]


# Which rows


@pytest.mark.parametrize(("share", "seed"), [(0.2, 0), (0.5, 3), (0.01, 2**40)])
def test_rows_are_held_out_by_the_hash_of_seed_and_number(share, seed):
    pool = Pool(numbered(3000), hold_out=share, random_state=seed)
    assert pool.held_out.tolist() == held_of(3000, share, seed)
    assert (pool.hold_out, pool.n_held_out) == (share, len(pool.held_out))


def test_the_mask_that_is_remembered_is_right_as_rows_join_and_labels_come():
    pool = Pool(numbered(13), hold_out=0.3)
    for n in (13, 14, 16, 17, 40, 41):
        pool.extend(numbered(n - len(pool), len(pool)))
        held = np.isin(np.arange(n), held_of(n, 0.3))
        assert pool.held_out_mask.tolist() == held.tolist()
        assert pool.unlabeled_mask.tolist() == (~held & ~pool.labeled_mask).tolist()
        pool.unlabeled_mask[:] = False  # what is returned is the caller's
        pool.label(pool.unlabeled[:1], [1])


def test_the_share_is_what_was_asked_for():
    n, share = 200_000, 0.2
    for seed in range(5):
        pool = Pool(numbered(n), hold_out=share, random_state=seed)
        assert abs(pool.n_held_out - n * share) < 4 * np.sqrt(n * share * (1 - share))


def test_the_side_owes_nothing_to_the_random_numbers_of_questions():
    n, share, seed = 200_000, 0.2, 0
    held = Pool(numbered(n), hold_out=share, random_state=seed).held_out_mask
    draws = uniform_by_row(np.arange(n), [seed, 0, 0])
    for part in (draws < 0.1, draws > 0.9):
        k = part.sum()
        assert abs(held[part].sum() - k * share) < 4 * np.sqrt(k * share * (1 - share))


def test_every_row_is_in_one_of_five_states():
    pool = Pool(numbered(400), np.where(np.arange(400) < 30, 1, -1), hold_out=0.3)
    pool.label(pool.unlabeled[:9], np.ones(9))
    pool.reserve(pool.unlabeled[:8])
    pool.skip(pool.unlabeled[:7])
    masks = [getattr(pool, f"{state}_mask") for state in STATES]
    assert (np.sum(masks, axis=0) == 1).all()
    counts = [getattr(pool, f"n_{state}") for state in STATES]
    assert counts == [mask.sum() for mask in masks]
    assert counts[:1] + counts[2:4] == [39, 8, 7]
    assert repr(pool) == (
        f"Pool(400 rows: 39 labelled, {counts[1]} unlabelled, 8 reserved, 7 skipped, {counts[4]} "
        f"held out)"
    )


def test_rows_that_came_with_a_label_are_no_test_rows():
    y = np.where(np.arange(100) % 2, 1, -1)
    pool = Pool(numbered(100), y, hold_out=0.5)
    assert pool.labeled.tolist() == list(range(1, 100, 2))
    assert pool.held_out.tolist() == [row for row in held_of(100, 0.5) if row % 2 == 0]
    new = pool.extend(numbered(100, 100), y)
    assert pool.labeled.tolist() == list(range(1, 200, 2))
    assert np.isin(new[::2], pool.held_out).tolist() == [
        row in held_of(200, 0.5) for row in new[::2]
    ]
    pool.unlabel([1, 3, 101])
    assert not pool.held_out_mask[[1, 3, 101]].any()


def test_a_side_that_begins_later_leaves_what_has_a_label_then():
    pool = Pool(numbered(100), np.where(np.arange(100) < 10, 1, -1))
    pool.unlabel(np.arange(5))
    pool.label(np.arange(10, 30), np.ones(20))
    pool.unlabel(np.arange(20, 30))
    pool.skip(np.arange(40, 60))
    pool.reserve(np.arange(60, 80), "Ada")
    with unchanged(pool):
        for share in (0, 1, -0.1, "0.2", None):
            with pytest.raises(ValueError, match="give a number between 0 and 1"):
                pool.begin_hold_out(share)
    pool.begin_hold_out(0.5)
    held = [row for row in held_of(100, 0.5) if row >= 20]
    assert pool.held_out.tolist() == held
    assert pool.skipped.tolist() == [row for row in range(40, 60) if row not in held]
    assert pool.reserved.tolist() == [row for row in range(60, 80) if row not in held]
    assert pool.n_unlabeled == 100 - len(held) - 15 - pool.n_skipped - pool.n_reserved
    pool.unlabel(pool.labeled)
    assert pool.held_out.tolist() == held


def test_what_is_held_out_stays_so():
    pool = Pool(numbered(50))
    pool.begin_hold_out(0.2)
    with unchanged(pool), pytest.raises(ValueError, match="holds out 0.2 of its rows already"):
        pool.begin_hold_out(0.3)
    pool.label([pool.unlabeled[0]], [1])
    with unchanged(pool), pytest.raises(ValueError, match="held out stay so.*since, n=1"):
        pool.undo(2)
    pool.undo()


# Groups


def test_the_rows_of_a_group_go_to_one_side_and_to_none_where_a_label_came_with_one():
    groups = np.arange(600) // 4
    y = np.where(np.arange(600) % 40 == 1, 1, -1)
    pool = Pool(numbered(600), y, hold_out=0.5, groups=groups, random_state=5)
    known = set(groups[y == 1].tolist())
    taken = {g for g in range(150) if g not in known and is_taken(group_number(g), 0.5, 5)}
    assert pool.held_out.tolist() == [row for row in range(600) if groups[row] in taken]
    assert {g for g in known if is_taken(group_number(g), 0.5, 5)}  # or nothing was shown


def test_new_rows_go_where_their_group_is():
    pool = Pool(numbered(40), hold_out=0.4, groups=[f"patient {i // 4}" for i in range(40)])
    is_held = pool.held_out_mask[::4]
    assert 0 < is_held.sum() < 10
    new = pool.extend(numbered(10, 40), np.ones(10), groups=[f"patient {i}" for i in range(10)])
    assert (pool.held_out_mask[new] == is_held).all()
    assert pool.labeled.tolist() == new[~is_held].tolist()
    assert pool.y_held_out[-is_held.sum() :].tolist() == [1] * is_held.sum()
    with unchanged(pool):
        with pytest.raises(ValueError, match="without groups, by which the pool holds out"):
            pool.extend(numbered(1))
        with pytest.raises(ValueError, match=r"groups of shape \(2,\) for 1 rows"):
            pool.extend(numbered(1), groups=["a", "b"])


def test_groups_that_say_nothing_are_refused():
    X = numbered(3)
    with pytest.raises(ValueError, match="groups= without hold_out="):
        Pool(X, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="no group for row 1"):
        Pool(X, hold_out=0.5, groups=["a", None, "b"])
    with pytest.raises(ValueError, match=r"groups of shape \(3, 1\)"):
        Pool(X, hold_out=0.5, groups=[[1], [2], [3]])
    for pool, what in ((Pool(X), "no rows"), (Pool(X, hold_out=0.5), "row by row")):
        with unchanged(pool), pytest.raises(ValueError, match=f"the pool holds out {what}"):
            pool.extend(X, groups=[1, 2, 3])


# What may happen to them


def test_test_rows_can_be_labelled_reserved_skipped_and_decided_and_stay_where_they_are():
    pool = Pool(numbered(200), np.where(np.arange(200) < 9, 1, -1), hold_out=0.3)
    held, before = pool.held_out, {name: getattr(pool, name).tolist() for name in STATES}
    pool.label(held[:4], [0, 1, 0, 1], annotator="Ada")
    pool.reserve(held[4:6], "Ada")
    pool.skip(held[6:8])
    pool.label(held[8], -1)
    pool.decide(held[0], 1)
    assert {name: getattr(pool, name).tolist() for name in STATES} == before
    assert pool.y_held_out.tolist() == [1, 1, 0, 1, *[-1] * (len(held) - 4)]
    assert pool.reservations == {int(row): ("Ada",) for row in held[4:6]}
    assert pool.y.tolist() == [1] * 9 + [-1] * 191
    assert (pool.n_labeled, pool.n_skipped, pool.n_reserved) == (9, 0, 0)
    pool.undo(3)
    pool.unlabel(held[0])
    assert pool.y_held_out.tolist() == [-1, 1, 0, 1, *[-1] * (len(held) - 4)]
    assert {name: getattr(pool, name).tolist() for name in STATES} == before


@pytest.mark.parametrize(
    ("labels", "missing", "hole"), [(["a", "b"], "auto", -1), ([0.5, 2], None, None)]
)
def test_labels_of_test_rows_come_with_the_missing_label_where_there_is_none(labels, missing, hole):
    pool = Pool(numbered(60), missing_label=missing, hold_out=0.3)
    held = pool.held_out
    nothing = [None if label != label else label for label in pool.y_held_out.tolist()]
    assert nothing == [hole] * len(held)
    pool.label(held[:2], labels)
    given = [None if label != label else label for label in pool.y_held_out.tolist()]
    assert given == [*labels, *[hole] * (len(held) - 2)]
    assert pool.X_held_out.ravel().tolist() == held.tolist()
    assert pool.n_labeled == 0


def test_labels_of_test_rows_bind_the_kind_of_labels_and_the_classes():
    pool = Pool(numbered(60), hold_out=0.3)
    pool.label(pool.held_out[0], "cat")
    with unchanged(pool):
        with pytest.raises(ValueError, match="labels so far are text, got numbers"):
            pool.label(pool.unlabeled[0], 1)
        with pytest.raises(ValueError, match="'cat'"):
            pool.name_classes(["dog"])


# They stay


def test_the_side_survives_copies_files_and_a_pool_made_again(tmp_path):
    for options in ({}, {"groups": np.arange(300) // 3}):
        pool = Pool(numbered(300), hold_out=0.2, random_state=4, **options)
        again = Pool(numbered(300), hold_out=0.2, random_state=4, **options)
        pool.label(pool.held_out[:3], [0, 1, 0])
        pool.label(pool.unlabeled[:3], [0, 1, 0])
        held = pool.held_out.tolist()
        pool.save(tmp_path / "pool.npz")
        loaded = Pool.load(tmp_path / "pool.npz", pool.X)
        assert again.held_out.tolist() == held
        assert (
            Pool(numbered(300), hold_out=0.2, random_state=5, **options).held_out.tolist() != held
        )
        more = {"groups": np.arange(300)} if options else {}
        counts = [getattr(pool, f"n_{state}") for state in STATES]
        pool.extend(numbered(300, 300), **more)
        for other in (loaded, pickle.loads(pickle.dumps(loaded)), copy.deepcopy(loaded)):
            assert other.held_out.tolist() == held
            assert other.hold_out == 0.2
            assert other.y_held_out.tolist()[:3] == [0, 1, 0]
            assert [getattr(other, f"n_{state}") for state in STATES] == counts
            other.extend(numbered(300, 300), **more)  # rows that come later go where they would
            assert other.held_out.tolist() == pool.held_out.tolist()
            assert other.held_out.tolist()[: len(held)] == held


def test_ids_that_come_later_do_not_move_rows_from_one_side_to_the_other(tmp_path):
    names, path = [f"row {i}" for i in range(100)], tmp_path / "pool.npz"
    pool = Pool(numbered(100), hold_out=0.3)
    pool.save(path)
    with pytest.raises(ValueError, match="holds out rows by their numbers.*leave ids= out"):
        Pool.load(path, pool.X, ids=names)
    pool = Pool(numbered(100))
    pool.save(path)
    named = Pool.load(path, pool.X, ids=names)
    named.skip(np.arange(50))
    named.begin_hold_out(0.3)
    named.save(path)
    turned = Pool.load(path, pool.X[::-1], ids=names[::-1])
    assert set(turned.ids[turned.held_out]) == set(named.ids[named.held_out])
    assert 0 < turned.n_held_out < 100
    assert turned.n_skipped == named.n_skipped


@pytest.mark.parametrize("options", [{}, {"groups": np.arange(300) // 3}])
def test_the_side_of_a_pool_over_a_database_is_that_of_one_in_memory(tmp_path, options):
    path, X, y = tmp_path / "labels.db", numbered(300), np.where(np.arange(300) % 30 == 0, 1, -1)
    options = {"hold_out": 0.3, "random_state": 4, **options}
    plain = Pool(X, y, **options)
    held, free = plain.held_out, plain.unlabeled
    with Pool.open(path, X, y, **options) as pool, Pool.open(path, X) as beside:
        for one in (plain, pool):
            one.label(held[:3], [0, 1, 0])
            one.label(free[:3], [0, 1, 0])
        beside.skip(held[3:5])
        plain.skip(held[3:5])
        pool.undo()
        plain.undo()
        for other in (pool, beside, Pool.open(path, X, y, **options, read_only=True)):
            other.refresh()
            assert other.held_out.tolist() == held.tolist()
            assert other.y_held_out.tolist() == plain.y_held_out.tolist()
            for state in STATES:
                assert getattr(other, f"n_{state}") == getattr(plain, f"n_{state}")
        for wrong in ({"hold_out": 0.2}, {"random_state": 5}, {"groups": np.arange(300) // 2}):
            said = "the file holds out other rows, or none|groups=, which are of no|another group"
            with pytest.raises(ValueError, match=said):
                Pool.open(path, X, **{**options, **wrong})
    assert pickle.loads(pickle.dumps(pool)).held_out.tolist() == held.tolist()


def test_a_file_that_tells_of_other_test_rows_is_refused(tmp_path):
    pool = Pool(numbered(100), np.where(np.arange(100) < 5, 1, -1))
    pool.skip([10, 11, 12, 13])
    pool.begin_hold_out(0.4)
    pool.label(pool.held_out[5:8], [1, 1, 1])
    pool.label(pool.unlabeled[:3], [1, 1, 1])
    path = tmp_path / "pool.npz"
    pool.save(path)
    assert Pool.load(path, pool.X).held_out.tolist() == pool.held_out.tolist()
    header, arrays = storage.read_arrays(path, files.VERSION)
    tables = storage.unpack_json(arrays["tables"])
    at = next(i for i, part in enumerate(tables) if "trained" in str(part))

    def told(**changed):
        other = copy.deepcopy(tables)
        detail = other[at][0][1]
        detail["hold_out"].update({k: v for k, v in changed.items() if k != "groups"})
        detail.update({k: v for k, v in changed.items() if k == "groups"})
        return {"tables": storage.pack_json(other)}

    held = arrays["held"]
    wrong = [
        *({"held": np.where(np.arange(len(held)) == i, ~held, held)} for i in range(len(held))),
        told(share=0.3),
        told(share=2),
        told(seed=1),
        told(seed=-1),
        told(trained=[]),
        told(groups="AAAAAAAAAAA="),
        told(groups="AAA"),
    ]
    for changed in wrong:
        forged = {**arrays, **changed}
        kept = {name: header[name] for name in header.keys() - {"format", "version", "digest"}}
        storage.write_arrays(path, {**kept, "digest": files._digest(forged)}, forged, files.VERSION)
        with pytest.raises(ValueError, match="not a file that Pool.save wrote"):
            Pool.load(path, pool.X)


def test_nothing_is_kept_of_rows_that_nothing_happened_to():
    X = np.broadcast_to(0.0, (3_000_000, 1))
    pool = Pool(X, hold_out=0.2)
    assert abs(pool.n_held_out - 600_000) < 4 * np.sqrt(480_000)
    pool.label([0], [1])
    tracemalloc.start()
    pool.label(np.arange(1000, 2000), np.ones(1000))
    pool.extend(np.zeros((1000, 1)))
    copied = pickle.dumps(pool.ledger.log)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_500_000
    assert len(copied) < 300_000
    plain = Pool(X)
    assert plain.ledger.now.side is None
    assert len(plain.ledger.groups.array) == len(plain.held_out) == plain.n_held_out == 0


# A learner


class Spy(ClassifierMixin, BaseEstimator):
    """Writes down the number of every row that it is fitted on, with its label."""

    seen = []  # noqa: RUF012

    def __init__(self, whole=False, warm_start=False):
        self.whole, self.warm_start = whole, warm_start

    def fit(self, X, y):
        self.seen += zip(np.ravel(X).astype(int).tolist(), np.asarray(y).tolist(), strict=True)
        self.classes_ = np.unique(y[y != -1] if self.whole else y)
        self.n_features_in_ = X.shape[1]
        return self

    def partial_fit(self, X, y, classes=None):
        self.fit(X, y)
        self.classes_ = classes if classes is not None else self.classes_
        return self

    def predict_proba(self, X):
        even = np.ravel(X) % 7 / 7
        rest = np.full((len(X), len(self.classes_) - 1), 1 / len(self.classes_))
        return np.column_stack([even * (1 - rest.sum(axis=1)), rest])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Watcher(Strategy):
    """Writes down every row that it may choose, or keep away from, and takes the first."""

    seen = set()  # noqa: RUF012

    def select(self, view, n):
        for rows in (view.candidates, view.labeled, view.reserved, view.centers):
            self.seen.update(np.ravel(view.take(rows)).astype(int).tolist())
        self.seen.update(view.positions_of(view.candidates).tolist())
        return view.candidates[:n]


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_no_estimator_and_no_strategy_is_ever_given_a_test_row(update):
    Spy.seen, Watcher.seen = [], set()
    y = np.where(np.arange(300) < 20, truth_of(np.arange(300)), -1)
    options = {"update": update, "random_state": 0}
    learner = ActiveLearner(Spy(), Watcher(), hold_out=0.3, max_test=0, **options)
    learner.fit(numbered(300), y)
    pool = learner.pool_
    asked = []
    for i in range(6):
        idx, rows = learner.query(n_instances=5)
        asked += idx.tolist()
        assert rows.ravel().tolist() == idx.tolist()
        learner.teach(idx, truth_of(idx))
        held = pool.held_out
        learner.teach(held[5 * i : 5 * i + 5], 5 + truth_of(held[5 * i : 5 * i + 5]))
        pool.reserve(held[40 + i], "Ada")
        pool.skip(held[50 + i])
    pool.undo(2)
    learner.extend(numbered(100, 300), np.where(np.arange(100) < 10, 1, -1))
    learner.teach(pool.held_out[0], 6, relabel=True)
    learner.refit()
    copied = pickle.loads(pickle.dumps(learner))
    idx, _ = copied.query(n_instances=pool.n_unlabeled)
    copied.teach(idx, truth_of(idx))
    resumed = ActiveLearner(Spy(), Watcher(), max_test=0, **options).fit(copied.pool_)
    assert len(resumed.query()[0]) == 0
    held = set(pool.held_out.tolist())
    assert len(held) > 80
    assert not held & Watcher.seen
    assert not held & {row for row, _ in Spy.seen}
    assert {label for _, label in Spy.seen} == {0, 1}
    assert {row for row, _ in Spy.seen} == set(range(400)) - held


def test_fit_unlabeled_gets_test_rows_without_their_labels():
    Spy.seen = []
    y = np.where(np.arange(100) < 20, truth_of(np.arange(100)), -1)
    learner = ActiveLearner(Spy(whole=True), fit_unlabeled=True, hold_out=0.3, random_state=0)
    learner.fit(numbered(100), y)
    held = learner.pool_.held_out
    learner.teach(held, truth_of(held))
    learner.refit()
    told = [label for row, label in Spy.seen if row in set(held.tolist())]
    assert len(told) == 2 * len(held)
    assert set(told) == {-1}


def test_rows_of_a_stream_and_from_outside_that_were_chosen_are_learned():
    for strategy, options in (("stream_random", {}), ("entropy", {"n_instances": 60})):
        Spy.seen = []
        y = np.where(np.arange(50) < 20, truth_of(np.arange(50)), -1)
        learner = ActiveLearner(Spy(), strategy, hold_out=0.5, random_state=0)
        learner.fit(numbered(50), y)
        held = learner.pool_.held_out.tolist()
        idx, rows = learner.query(numbered(200, 50), **options)
        learner.teach(rows, truth_of(rows.ravel().astype(int)))
        assert learner.pool_.n_labeled == 20 + len(idx) > 30
        assert learner.pool_.held_out.tolist() == held
        assert not set(held) & {row for row, _ in Spy.seen}


def test_questions_stay_the_same_whatever_is_known_of_test_rows():
    X, truth = load_digits(return_X_y=True)
    y = np.where(np.arange(len(X)) < 30, truth, -1)
    for strategy in ("random", "margin", "k_center", "typiclust", "cluster_margin"):
        learner = ActiveLearner(GaussianNB(), strategy, hold_out=0.3, max_test=0, random_state=0)
        learner.fit(X, y)
        held, estimator = learner.pool_.held_out, learner.estimator_
        before = learner.query(n_instances=8)[0].tolist()
        learner.teach(held[:100], truth[held[:100]])
        learner.pool_.skip(held[100:130])
        learner.pool_.reserve(held[130:140])
        assert learner.query(n_instances=8)[0].tolist() == before
        assert learner.estimator_ is estimator
        assert not set(before) & set(held.tolist())


def test_a_budget_counts_no_test_label_and_a_cold_start_waits_for_others():
    n = 200
    learner = ActiveLearner(GaussianNB(), hold_out=0.3, random_state=0).fit(numbered(n))
    held = learner.pool_.held_out
    learner.teach(held, truth_of(held))
    assert not hasattr(learner, "estimator_")
    run(learner, Known(truth_of(np.arange(n))), n_instances=7, stopping=Budget(40))
    assert learner.pool_.n_labeled == 40
    assert learner.pool_.y_held_out.tolist() == truth_of(held).tolist()
    idx, _ = learner.query(n_total=60)
    assert len(idx) == 20
    run(learner, Known(truth_of(np.arange(n))), n_instances=50)
    assert learner.pool_.n_labeled == n - len(held)


@pytest.mark.filterwarnings("error")
def test_test_rows_without_a_label_are_left_out_of_the_score():
    learner = ActiveLearner(GaussianNB(), hold_out=0.3, random_state=0).fit(numbered(100))
    pool = learner.pool_
    learner.teach(pool.unlabeled[:20], truth_of(pool.unlabeled[:20]))
    known = pool.held_out[::2]
    pool.label(known, truth_of(known))
    expected = np.mean(learner.predict(pool.rows.take(known)) == truth_of(known))
    assert learner.score(pool.X_held_out, pool.y_held_out) == expected


def test_a_learner_has_the_share_and_refuses_another_pools():
    learner = ActiveLearner(GaussianNB(), hold_out=0.25, random_state=3)
    assert clone(learner).get_params()["hold_out"] == 0.25
    X, y = numbered(80), np.where(np.arange(80) < 9, truth_of(np.arange(80)), -1)
    learner.fit(X, y)
    assert learner.pool_.held_out.tolist() == [row for row in held_of(80, 0.25, 3) if row >= 9]
    for share in (0, 1.0, "half", True):
        with pytest.raises(ValueError, match="hold_out="):
            ActiveLearner(GaussianNB(), hold_out=share).fit(X, y)
    with unchanged(learner), pytest.raises(ValueError, match=r"Pool and y|holds out no rows"):
        learner.fit(Pool(X, y))
    with unchanged(learner), pytest.raises(ValueError, match="holds out 0.5 of its rows"):
        learner.fit(Pool(X, y, hold_out=0.5))
    own = Pool(X, y, hold_out=0.25)
    assert learner.fit(own).pool_ is own
    assert clone(learner).set_params(hold_out=None).fit(own).pool_ is own
    learner.set_params(hold_out=0.5)
    with unchanged(learner), pytest.raises(ValueError, match="holds out 0.25 of its rows"):
        learner.refit()


def test_groups_reach_the_side_and_an_estimator_that_takes_them():
    n = 120
    X, y = numbered(n), np.where(np.arange(n) < 36, np.arange(n) % 2, -1)
    groups = np.arange(n) // 3 * 10
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=GroupKFold(2))
    learner = ActiveLearner(search, random_state=0).fit(X, y, groups=groups)
    assert learner.pool_.hold_out is None
    learner = ActiveLearner(search, hold_out=0.4, random_state=0).fit(X, y, groups=groups)
    held = learner.pool_.held_out
    assert set(groups[held]) & set(groups[~learner.pool_.held_out_mask]) == set()
    assert 0 < len(held) < n - 36
    idx, _ = learner.query(n_instances=4)
    learner.teach(idx, idx % 2)
    learner.extend(numbered(3, n), groups=groups[held[:3]])
    assert learner.pool_.held_out.tolist() == [*held, n, n + 1, n + 2]
    with pytest.raises(ValueError, match="row numbers and groups="):
        learner.teach(learner.query()[0], [0], groups=[1])
    rows = learner.query(numbered(5, 500), 2)[1]
    learner.teach(rows, [0, 1], groups=[7, groups[held[0]]])
    assert learner.pool_.held_out.tolist()[-1] == n + 4
    with pytest.raises(TypeError, match="let the learner hold out rows by them"):
        ActiveLearner(GaussianNB()).fit(X, y, groups=groups)
    with pytest.raises(TypeError, match="fit got groups"):
        ActiveLearner(GaussianNB(), hold_out=0.4).fit(Pool(X, hold_out=0.4), groups=groups)


def test_a_simulation_refuses_a_learner_that_holds_out():
    X, truth = load_digits(return_X_y=True)
    learner = ActiveLearner(GaussianNB(), hold_out=0.2)
    with pytest.raises(ValueError, match="a simulation got a learner with hold_out=0.2"):
        SimulatedLearner(learner, budget=30).fit(X, truth)


def test_groups_are_routed_to_an_estimator_that_asks_for_them():
    n = 60
    X, y = numbered(n), np.where(np.arange(n) < 36, np.arange(n) % 2, -1)
    groups = np.arange(n) // 3
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=GroupKFold(2))
    with config_context(enable_metadata_routing=True):
        for estimator in (search, GaussianNB()):  # which asks for none
            learner = ActiveLearner(estimator, hold_out=0.4, random_state=0)
            learner.fit(X, y, groups=groups)
            held = learner.pool_.held_out_mask
            assert held.any()
            assert not set(groups[held]) & set(groups[~held])


def test_rows_that_joined_with_an_answer_are_not_on_a_side_that_begins_later():
    pool = Pool(np.zeros((10, 1)))
    pool.extend(np.zeros((100, 1)), [0] * 100)
    pool.unlabel(range(10, 110))
    pool.begin_hold_out(0.5)
    assert 0 < len(pool.held_out) == (pool.held_out < 10).sum()


def test_what_counted_goes_on_counting_where_rows_join_right_after_an_answer():
    n_before_it = 0
    for seed in range(60):
        pool = Pool(np.arange(40.0)[:, None], hold_out=0.5, random_state=seed)
        for place, row in enumerate(pool.test_questions(6).tolist()):
            if place % 2:
                pool.label([row], [1])
            else:
                pool.skip([row])
        before = pool.test_answers()
        pool.extend([[99.0]])
        counted = pool.test_answers()
        assert (counted.rows.tolist(), counted.n_skipped) == (before.rows.tolist(), 3)
        n_before_it += counted.next_row == 40
    assert n_before_it > 3  # the new row is before some of those that were answered


def test_a_skip_counts_as_an_answer_in_its_turn_alone():
    is_first = []
    for seed in range(60):
        pool = Pool(np.arange(20.0)[:, None], hold_out=0.5, random_state=seed)
        pool.extend([[99.0]])
        first, second = pool.test_questions(2).tolist()
        is_first.append(first == 20)  # of those behind a row that joined it is the same
        pool.skip([second])
        assert pool.test_answers().n_skipped == 0
        pool.label([first], [1])
        assert pool.test_answers().n_skipped == 1
    assert any(is_first)


def test_test_questions_come_last_where_rows_to_learn_from_run_short():
    mixed = interleaved(lambda n: np.arange(2), np.array([10, 11]), 10, before=0, share=0.2)
    assert mixed.tolist() == [0, 1, 10, 11]
