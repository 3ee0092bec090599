"""Rows by their ids: taught, joined, saved, and found again in a file that has changed."""

import copy
import json
import pickle
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from snapshot import unchanged
from test_damaged_files import edited
from test_interrupts import OF_POOL, PACKAGE, Interrupt, facts, interrupted
from test_storage import assert_same

from skactive import ActiveLearner, Known, Pool, SimulatedLearner, run, run_stream
from skactive.data.chance import uniform_by_row
from skactive.data.ids import Ids
from skactive.strategies import Subpool

pd = pytest.importorskip("pandas")

NAMES = ("unlabeled", "labeled", "reserved", "skipped")


def photos(n=60, seed=0):
    """A frame of photographs with two numbers each."""
    rng = np.random.default_rng(seed)
    files = [f"img_{number:03}.png" for number in rng.permutation(1000)[:n]]
    return pd.DataFrame({"file": files, "a": rng.normal(size=n), "b": rng.normal(size=n)})


def truth_of(frame):
    return dict(
        zip(frame["file"], np.where(frame["a"] + frame["b"] > 0, "cat", "dog"), strict=True)
    )


def known(pool):
    """What is known of each row that anything is known of, by its id."""
    y, names = pool.y, pool.ids[:].tolist()
    labels = {names[row]: y[row] for row in pool.labeled.tolist()}
    skipped = {names[row] for row in pool.skipped.tolist()}
    return labels, skipped, {names[row]: who for row, who in pool.reservations.items()}


def taught(frame, n_rounds=4, **options):
    """A learner over a frame that was taught some rounds, with rows skipped and reserved."""
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=3, **options)
    learner.fit(frame, ids="file")
    truth = truth_of(frame)
    for _ in range(n_rounds):
        rows, _ = learner.query(n_instances=4)
        names = learner.pool_.ids[rows]
        learner.teach(ids=names, y=[truth[name] for name in names], annotator="Ada")
    learner.pool_.skip(learner.pool_.unlabeled[[7, 8]])
    free = learner.pool_.unlabeled
    learner.pool_.reserve(free[[3, 5]], "Ben")
    return learner


# The morning after


def test_the_morning_after_everything_is_where_it_was(tmp_path):
    """A CSV sorted, cleaned, with a column and rows more, in polars where it was pandas."""
    pl = pytest.importorskip("polars")
    frame = photos()
    learner = taught(frame)
    before, pool = known(learner.pool_), learner.pool_
    pool.save(tmp_path / "labels.npz")

    others = photos(1000, seed=1)  # of other files, but for those that are there already
    others = others[~others["file"].isin(frame["file"])][:500]
    new = pd.concat([frame, others]).sort_values("a")
    new["a"] = new["a"].clip(-2, 2)  # cleaned
    new.insert(1, "camera", np.arange(len(new)) % 3)
    new.to_csv(tmp_path / "photos.csv", index=False)
    X = pl.read_csv(tmp_path / "photos.csv")

    loaded = Pool.load(tmp_path / "labels.npz", X)
    assert len(loaded) == 560
    assert loaded.X.columns == ["camera", "a", "b"]
    assert loaded.ids[:].tolist() == X["file"].to_list()
    assert known(loaded) == before
    assert [op.kind for op in loaded.history] == [op.kind for op in pool.history]
    for was, now in zip(pool.history, loaded.history, strict=True):
        assert pool.ids[was.rows].tolist() == loaded.ids[now.rows].tolist()
        assert (was.time, was.annotator, was.before, was.after) == (
            *(now.time, now.annotator, now.before, now.after),
        )

    labels, skipped, reserved = before
    fresh = Pool(X, [labels.get(name) for name in X["file"]], ids="file")
    fresh.skip(fresh.numbers(sorted(skipped)))
    fresh.reserve(fresh.numbers(sorted(reserved)), "Ben")
    fresh.seed = pool.seed
    resumed, begun = (
        ActiveLearner(LogisticRegression(), "margin", random_state=9).fit(each)
        for each in (loaded, fresh)
    )
    assert np.array_equal(resumed.estimator_.coef_, begun.estimator_.coef_)
    question = resumed.query(n_instances=20)[0]
    assert question.tolist() == begun.query(n_instances=20)[0].tolist()
    loaded.undo()  # the reservation
    assert loaded.n_reserved == 0


@pytest.mark.filterwarnings("ignore:.*chance alone chooses")
@pytest.mark.parametrize(
    "strategy", ["random", "margin", Subpool("entropy", 20), "vote_entropy", "epig"]
)
@pytest.mark.parametrize("estimator", [DummyClassifier(strategy="prior"), GaussianNB()], ids=str)
def test_a_file_that_was_sorted_asks_the_same_next_question(strategy, estimator):
    """Also where all rows are alike to the model, so that ties decide."""
    from sklearn.ensemble import BaggingClassifier

    if strategy in ("vote_entropy", "epig"):
        estimator = BaggingClassifier(estimator, 5)
    asked, frame = [], photos()
    for seed in range(3):
        frame = frame.sample(frac=1, random_state=seed)
        y = [truth_of(frame)[name] if name[-5] in "12" else None for name in frame["file"]]
        learner = ActiveLearner(estimator, strategy, random_state=0).fit(frame, y, ids="file")
        asked.append(learner.pool_.ids[learner.query(n_instances=12)[0]].tolist())
    assert asked[0] == asked[1] == asked[2]


def test_rows_are_learned_in_the_order_of_the_hashes_of_their_ids():
    seen = []

    class Remembers(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            seen.append((X["a"].tolist(), y.tolist(), sample_weight.tolist()))
            return super().fit(X, y, sample_weight)

    frame = photos()
    y = [truth_of(frame)[name] if name[-5] in "12" else None for name in frame["file"]]
    weight = np.arange(60.0)
    ActiveLearner(Remembers()).fit(frame, y, ids="file", sample_weight=weight)
    rows = [row for row in range(60) if y[row] is not None]
    hashes = Ids(frame["file"]).hashes
    rows.sort(key=lambda row: hashes[row])
    expected = frame["a"].iloc[rows].tolist(), [y[row] for row in rows], weight[rows].tolist()
    assert seen == [expected]


def test_ties_follow_the_hash_of_the_ids_and_of_the_question():
    frame = photos()
    learner = ActiveLearner(GaussianNB(), "random", random_state=5).fit(frame, ids="file")
    drawn = uniform_by_row(Ids(frame["file"]).hashes, [learner.seed_, 0, 0])
    assert learner.query(n_instances=9)[0].tolist() == np.argsort(-drawn)[:9].tolist()
    learner.teach(ids=frame["file"].iloc[4], y="cat", refit=False)
    drawn = uniform_by_row(Ids(frame["file"]).hashes, [learner.seed_, 1, 0])
    drawn[4] = -1
    assert learner.query(n_instances=9)[0].tolist() == np.argsort(-drawn)[:9].tolist()


# Taught by ids


@given(st.data())
def test_taught_by_ids_is_taught_by_numbers(data):
    n = data.draw(st.integers(3, 12))
    names = data.draw(st.permutations([f"row {i}" for i in range(n)]))
    X = np.arange(2.0 * n).reshape(n, 2)
    by_ids, by_numbers = (
        ActiveLearner(GaussianNB(), random_state=0).fit(X, ids=names) for _ in range(2)
    )
    for _ in range(data.draw(st.integers(1, 5))):
        rows = data.draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True))
        y = data.draw(st.lists(st.sampled_from([0, 1, -1]), min_size=len(rows), max_size=len(rows)))
        by_ids.teach(ids=[names[row] for row in rows], y=y, refit=False, relabel=True)
        by_numbers.teach(rows, y, refit=False, relabel=True)
    assert facts(by_ids.pool_) == facts(by_numbers.pool_)
    assert by_ids.pool_.numbers(names).tolist() == list(range(n))


def test_ids_count_whatever_was_asked_last():
    frame = photos()
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(frame[:50], ids="file")
    learner.query(frame[50:], 3)
    learner.teach(ids=frame["file"].iloc[[3, 4]], y=["cat", "dog"])
    assert learner.pool_.labeled.tolist() == [3, 4]


@pytest.mark.filterwarnings("ignore:.*chance alone chooses")
def test_rows_that_are_taught_or_join_bring_their_ids():
    frame = photos()
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(
        frame[:40], ["cat", "dog"] + 38 * [None], ids="file"
    )
    rows, bought = learner.query(frame[40:50], 3)
    assert bought["file"].tolist() == frame["file"].iloc[40 + rows].tolist()
    learner.teach(bought, ["cat", "dog", None])  # by the column
    assert learner.pool_.ids[40:].tolist() == bought["file"].tolist()
    learner.extend(frame[50:55].drop(columns="file"), ids=frame["file"].iloc[50:55])
    learner.extend(frame[55:], [*4 * ["dog"], None])
    assert learner.pool_.ids[43:].tolist() == frame["file"].iloc[50:].tolist()
    assert learner.pool_.numbers(frame["file"].iloc[56]) == [49]
    assert learner.pool_.n_labeled == 2 + 2 + 4
    assert list(learner.pool_.X.columns) == ["a", "b"]


def test_labels_with_an_index_go_to_the_ids_that_it_names():
    frame = photos()
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(frame, ids="file")
    names = frame["file"].iloc[[5, 2, 9]]
    y = pd.Series(["cat", "dog", "cat"], index=names)
    with (
        unchanged(learner.pool_),
        pytest.raises(ValueError, match=r"another order .* y\.loc\[ids\]"),
    ):
        learner.teach(ids=names.tolist(), y=y[::-1])
    learner.teach(ids=names.tolist(), y=y, refit=False)
    table = pd.DataFrame({"id": frame["file"].iloc[[1, 0]].tolist(), "label": ["dog", "cat"]})
    learner.teach(ids=table["id"], y=table["label"])
    assert known(learner.pool_)[0] == {**dict(y), **dict(table.to_numpy())}


# The column of ids is no feature


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_frame_that_still_has_the_column_of_ids_is_read_without_it(kind):
    frame = photos()
    if kind == "polars":
        frame = pytest.importorskip("polars").from_pandas(frame)
    truth = np.where(frame["a"].to_numpy() > 0, "cat", "dog")
    estimator = LogisticRegression()
    learner = ActiveLearner(estimator, random_state=0).fit(frame, truth, ids="file")
    rest = frame.drop(columns="file") if kind == "pandas" else frame.drop("file")
    for model in (learner, learner.without_pool(), pickle.loads(pickle.dumps(learner))):
        for name in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            assert np.array_equal(getattr(model, name)(frame), getattr(model, name)(rest))
        assert model.score(frame, truth) == model.score(rest, truth) == 1
    pipe = make_pipeline(PCA(1), LogisticRegression())
    plain = ActiveLearner(pipe, random_state=0).fit(frame, truth, ids="file")
    other = frame[::-1][:10]
    assert learner.scores(other[:3].drop("file") if kind == "polars" else other[:3]).shape == (3,)
    assert np.array_equal(plain.predict(frame), plain.predict(rest))
    assert plain.feature_names_in_.tolist() == ["a", "b"]


def test_ids_in_an_array_leave_every_column_a_feature():
    frame = photos()[["a", "b"]]
    names = [f"x{i}" for i in range(60)]
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(frame, 30 * [0, 1], ids=names)
    assert learner.pool_.id_column is None
    assert learner.feature_names_in_.tolist() == ["a", "b"]
    assert learner.pool_.ids == Ids(names)


# Copies, files, loops: all keep ids


def test_copies_keep_ids_and_grow_apart():
    pool = taught(photos()).pool_
    for twin in (copy.deepcopy(pool), pickle.loads(pickle.dumps(pool))):
        assert twin.ids == pool.ids
        assert known(twin) == known(pool)
        twin.extend(photos(3, seed=7).assign(file=["u", "v", "w"]))
        assert (len(twin.ids), len(pool.ids)) == (63, 60)
        assert twin.ids[-3:].tolist() == ["u", "v", "w"]


def test_loops_and_simulations_keep_ids():
    frame = photos()
    y = np.where(frame["a"] + frame["b"] > 0, 1, 0)
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(frame, ids="file")
    assert run(learner, Known(y), n_instances=5, stopping=20).pool_.ids == Ids(frame["file"])
    simulated = SimulatedLearner(learner, budget=20, n_instances=5, random_state=0)
    simulated.fit(frame, y, ids="file")
    inner = simulated.learner_.pool_
    assert inner.ids == Ids(frame["file"])
    assert inner.y_labeled.tolist() == y[inner.labeled].tolist()
    assert simulated.predict(frame).shape == (60,)
    again = ActiveLearner(GaussianNB()).fit(inner)
    assert again.pool_.ids is inner.ids


def stream(**options):
    frame = photos(400, seed=2)
    y = np.where(frame["a"] + frame["b"] > 0, 1, 0)
    learner = ActiveLearner(GaussianNB(), "stream_random", random_state=0)
    return learner.fit(frame[:20], y[:20], ids="file"), frame, y


def test_rows_of_a_stream_keep_their_ids_while_they_wait_for_labels():
    learner, frame, y = stream()
    at, bought, tickets = learner.query(frame[20:120], return_tickets=True)
    assert len(tickets) > 3
    learner.teach(y=[1, None, 0], ticket=tickets[[2, 0, 1]])
    assert learner.pool_.ids[20:].tolist() == bought["file"].iloc[[2, 1]].tolist()
    log = run_stream(learner, [(frame[k : k + 50], y[k : k + 50]) for k in range(120, 400, 50)])
    assert log.n_asked > 5
    assert len(learner.pool_.ids) == len(learner.pool_) == 22 + log.n_asked
    rows = learner.pool_.numbers(frame["file"].iloc[20 + at[2]])
    assert learner.pool_.X["a"].iloc[rows].tolist() == [frame["a"].iloc[20 + at[2]]]


def test_rows_of_a_stream_without_a_column_of_ids_get_them_with_their_labels():
    learner, frame, y = stream()
    rest = frame.drop(columns="file")
    at, _, tickets = learner.query(rest[20:120], return_tickets=True)
    with unchanged(learner.pool_), pytest.raises(ValueError, match="teach got rows without ids"):
        learner.teach(y=y[20 + at], ticket=tickets)
    learner.teach(y=y[20 + at], ticket=tickets, ids=frame["file"].iloc[20 + at])
    assert learner.pool_.ids[20:].tolist() == frame["file"].iloc[20 + at].tolist()
    with pytest.raises(ValueError, match="run_stream got a chunk without ids"):
        run_stream(learner, [(rest[:10], y[:10])])


# Tables


@pytest.mark.parametrize("is_text", [True, False])
def test_tables_call_rows_by_their_ids_and_are_merged_by_them(is_text, tmp_path):
    frame = photos(20)
    if not is_text:
        frame["file"] = 1000 - 7 * np.arange(20)
    pool = Pool(frame, ids="file")
    pool.hand_out([4, 2, 9], "Ben", tmp_path / "ben.csv")
    table = pd.read_csv(tmp_path / "ben.csv")
    assert table["id"].tolist() == frame["file"].iloc[[4, 2, 9]].tolist()
    table["label"] = ["cat", None, "dog"]
    table[::-1].to_csv(tmp_path / "answers.csv", index=False)
    assert len(pool.merge(tmp_path / "answers.csv", annotator="Ben", new_labels=True)) == 0
    assert known(pool)[0] == {frame["file"].iloc[4]: "cat", frame["file"].iloc[9]: "dog"}
    assert pool.to_frame()["id"].tolist() == frame["file"].tolist()
    assert set(pool.history_frame()["id"]) == set(frame["file"].iloc[[4, 2, 9]])
    wrong = pd.DataFrame({"id": [frame["file"].iloc[1], 5], "label": ["cat", "dog"]})
    with unchanged(pool), pytest.raises(ValueError, match=r"merge got '?5'? .* ids are such as"):
        pool.merge(wrong)


# Refusals


def asked_outside():
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(photos()[:40], ids="file")
    learner.query(photos()[40:], 2)
    return learner


def asked():
    return ActiveLearner(GaussianNB(), random_state=0).fit(photos()[:40], ids="file")


def nameless():
    return ActiveLearner(GaussianNB(), random_state=0).fit(photos()[["a", "b"]])


X2 = photos()[["a", "b"]].iloc[50:52]
FIRST = photos()["file"].iloc[0]
REFUSED = [
    (asked, lambda a: a.teach(ids=["img"], y=["cat"]), r"teach got 'img', which is the id of no"),
    (asked, lambda a: a.teach(ids=[3], y=["cat"]), "teach got integers for ids, and the ids of"),
    (asked, lambda a: a.teach(ids=[FIRST, FIRST], y=[1, 1]), "teach got index 0 twice"),
    (asked, lambda a: a.teach([1], [1], ids=[FIRST]), "row numbers and ids; give one of the two"),
    (asked, lambda a: a.teach(ids=[FIRST], y=[1, 2]), "teach got 2 labels for 1 rows"),
    (asked, lambda a: a.teach(y=[1]), "neither rows nor tickets"),
    (asked, lambda a: a.teach(ids=[FIRST]), "teach got no labels"),
    (asked, lambda a: a.teach(ids=[FIRST], y=1, embedding=[[1]]), "row numbers and embedding="),
    (nameless, lambda a: a.teach(ids=["x"], y=[1]), "teach got ids, but the rows of the pool have"),
    (nameless, lambda a: a.extend(X2, ids=["x", "y"]), "extend got ids=, but the rows of the pool"),
    (nameless, lambda a: a.pool_.numbers(["x"]), "numbers got ids, but the rows of the pool have"),
    (asked, lambda a: a.extend(X2), "extend got rows without ids, which the rows of the pool have"),
    (asked, lambda a: a.pool_.extend(X2), "extend got rows without ids"),
    (asked, lambda a: a.extend(X2, ids=["x"]), "ids got 1 ids for 2 rows"),
    (asked, lambda a: a.extend(X2, ids=["x", "x"]), "got 'x' twice"),
    (asked, lambda a: a.extend(X2, ids=["x", FIRST]), f"extend got '{FIRST}', which row 0 has"),
    (asked, lambda a: a.extend(X2, ids=["x", None]), "got no id in row 1"),
    (asked, lambda a: a.extend(photos()[:3]), f"extend got '{FIRST}', which row 0 has already"),
    (asked, lambda a: a.extend(X2, [1, 2, 3], ids=["x", "y"]), "extend got 3 labels for 2 rows"),
    (asked, lambda a: a.query(photos()[:40], 2), "query got the pool itself"),
    (asked_outside, lambda a: a.teach(X2, [1, 2]), "teach got rows without ids"),
    (
        asked_outside,
        lambda a: a.teach(photos()[:2], [1, 2]),
        "teach got .* which row 0 has already",
    ),
    (asked, lambda a: a.fit(a.pool_, ids="file"), "fit got a Pool and ids="),
    (asked, lambda a: a.fit(photos(), ids="files"), "write ids='file'"),
    (asked, lambda a: a.fit(photos(), ids=["x"]), "ids got 1 ids for 60 rows"),
]


@pytest.mark.parametrize(("make", "call", "sentence"), REFUSED)
def test_what_ids_cannot_be_is_refused_and_nothing_changes(make, call, sentence):
    learner = make()
    pool, ids = learner.pool_, learner.pool_.ids
    with unchanged(pool), pytest.raises((ValueError, TypeError), match=sentence):
        call(learner)
    assert learner.pool_ is pool
    assert pool.ids is ids
    assert ids is None or len(ids) == len(pool)
    if ids is not None:  # a refused id may come later
        learner.extend(X2, ids=["x", "y"])
        assert pool.ids[-2:].tolist() == ["x", "y"]


# Interrupts


def with_ids():
    X = np.arange(24.0).reshape(12, 2)
    pool = Pool(X, [0, 1] + 10 * [-1], ids=[f"row {i}" for i in range(12)])
    pool.label([4], [1])
    return pool


def names_and_rows(pool):
    state = pool.y.tolist(), pool.labeled.tolist(), pool.n_unlabeled, pool.n_operations
    return pool.ids[:].tolist(), pool.X.tolist(), state


def test_an_interrupt_at_any_line_leaves_as_many_ids_as_rows():
    stored = pickle.dumps(with_ids())

    def change(pool):
        pool.extend(np.ones((2, 2)), [1, -1], ids=["new", "newer"])

    before, pool = names_and_rows(pickle.loads(stored)), pickle.loads(stored)
    with Interrupt().watching() as counter:
        change(pool)
    after = names_and_rows(pool)
    n_after, where = 0, (*OF_POOL, str(PACKAGE / "data" / "ids"))
    for pool in interrupted(stored, change, counter, where):
        which = [before, after].index(names_and_rows(pool))
        n_after += which
        pool.extend(np.ones((1, 2)), ids=["another"])  # whatever was left half done
        assert pool.numbers(["row 3", "another"]).tolist() == [3, 14 if which else 12]
        assert len(pool.ids) == len(pool)
        if not which:
            pool.extend(np.ones((1, 2)), ids=["new"])
            assert pool.numbers("new") == [13]
    assert 0 < n_after < counter.n_run


# Files


def again(pool, X, tmp_path, **options):
    pool.save(tmp_path / "pool.npz")
    return Pool.load(tmp_path / "pool.npz", X, **options)


@given(st.data())
def test_a_pool_is_found_in_any_file_that_has_its_rows(data):
    """Rows in any order, among others, some gone; twice, so that files of moved pools are read."""
    is_text, n = data.draw(st.booleans()), data.draw(st.integers(2, 9))
    names = [f"r{i}" if is_text else 7 * i - 20 for i in range(n + 20)]
    y = data.draw(st.lists(st.sampled_from(["a", "b", None]), min_size=n, max_size=n))
    share = data.draw(st.sampled_from([None, 0.4]))
    pool = Pool(np.zeros((n, 1)), y, ids=names[:n], hold_out=share)
    for _ in range(data.draw(st.integers(0, 6))):
        act(pool, data, names)
    told, held, history = known(pool), set(pool.ids[pool.held_out].tolist()), pool.history
    for late in (names[-2:], names[-4:-2]):
        left = [name for name in pool.ids if name in set().union(*told) or data.draw(st.booleans())]
        new = data.draw(st.permutations([*left, *late]))
        with tempfile.TemporaryDirectory() as folder:
            pool = again(pool, np.zeros((len(new), 3)), Path(folder), ids=new)
        assert pool.ids[:].tolist() == new
        assert known(pool) == told
        assert [(op.kind, op.time, op.annotator) for op in pool.history] == [
            (op.kind, op.time, op.annotator) for op in history
        ]
        assert {*pool.ids[pool.held_out].tolist()} & {*left} == held & {*left}
        held = set(pool.ids[pool.held_out].tolist())
        for name in NAMES:
            assert getattr(pool, f"n_{name}") == getattr(pool, f"{name}_mask").sum()


def act(pool, data, names):
    """Do something to a pool, if it can be done."""
    kind = data.draw(
        st.sampled_from(["label", "skip", "reserve", "unlabel", "undo", "extend", "release"])
    )
    row = data.draw(st.integers(0, len(pool) - 1))
    try:
        if kind == "label":
            pool.label(row, data.draw(st.sampled_from(["a", "b", None])), relabel=True)
        elif kind == "reserve":
            pool.reserve(row, data.draw(st.sampled_from(["Ada", None])))
        elif kind == "undo":
            pool.undo()
        elif kind == "extend":
            new = names[len(pool) : len(pool) + 2]
            y = data.draw(st.lists(st.sampled_from(["a", None]), min_size=2, max_size=2))
            pool.extend(np.ones((2, 1)), y, ids=new)
        else:
            getattr(pool, kind)(row)
    except ValueError:
        pass


@given(st.data())
def test_what_is_left_of_a_pool_whose_rows_are_dropped_is_saved_again(data):
    """With labels of several dtypes, opinions, decisions, tags, and operations undone."""
    names = [f"r{i}" for i in range(6)]
    labels = st.sampled_from([0, 1, 0.5, 2**60, None])
    consensus = data.draw(st.sampled_from([None, "majority"]))
    pool = Pool(np.zeros((6, 1)), ids=names, missing_label=None, consensus=consensus)
    for _ in range(data.draw(st.integers(1, 7))):
        rows = data.draw(st.lists(st.integers(0, 5), min_size=1, unique=True))
        y = data.draw(st.lists(labels, min_size=len(rows), max_size=len(rows)))
        who = data.draw(st.sampled_from(["Ada", "Ben", None]))
        kind = data.draw(st.sampled_from(["label", "label", "decide", "undo", "tag", "skip"]))
        try:
            if kind == "tag":
                pool.tag(rows, "sharp")
            elif kind == "undo":
                pool.undo(annotator=who)
            elif kind == "skip":
                pool.skip(rows)
            else:
                how = {"relabel": True} if kind == "label" else {}
                getattr(pool, kind)(rows, y, annotator=who, **how)
        except ValueError:
            pass
    left = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    X = np.zeros((len(left), 1))
    with tempfile.TemporaryDirectory() as folder:
        dropped = again(pool, X, Path(folder), ids=left, missing="drop")
        assert_same(again(dropped, X, Path(folder), ids=left), dropped)
    told, told_now = known(pool), known(dropped)
    assert told_now[0] == {name: label for name, label in told[0].items() if name in left}
    assert told_now[1] == told[1] & {*left}
    sharp, now = (set(each.ids[each.tags.get("sharp", [])].tolist()) for each in (pool, dropped))
    assert now == sharp & {*left}
    opinions = [[op for op in opinions_of(each) if op[0] in left] for each in (pool, dropped)]
    assert Counter(opinions[0]) == Counter(opinions[1])


def opinions_of(pool):
    """Who says what of which row, by its id."""
    table = pool.opinions
    people = [who if isinstance(who, str) else None for who in table["annotator"]]
    unsure = table["kind"] == "cannot tell"
    labels = [None if skip else label for label, skip in zip(table["label"], unsure, strict=True)]
    return list(zip(table["id"], people, labels, table["kind"], strict=True))


def test_the_same_rows_in_the_same_order_come_back_as_they_were(tmp_path):
    frame = photos()
    pool = Pool(frame, ids="file")
    pool.label([5, 3], ["cat", "dog"], annotator="Ada")
    pool.skip(7)
    pool.extend(photos(2, seed=5).assign(file=["u", "v"]), ["cat", None])
    loaded = again(pool, pd.concat([frame, photos(2, seed=5).assign(file=["u", "v"])]), tmp_path)
    assert_same(loaded, pool)
    assert loaded.ids == pool.ids
    assert loaded.id_column == "file"


def test_a_file_holds_the_ids_of_rows_that_something_happened_to_alone(tmp_path):
    pool = taught(photos()).pool_
    pool.save(tmp_path / "pool.npz")
    with np.load(tmp_path / "pool.npz") as file:
        text = file["ids_text"].tobytes().decode()
        header = json.loads(file["header"].tobytes())
    touched = np.union1d(pool.labeled, np.union1d(pool.skipped, pool.reserved))
    assert text == "".join(pool.ids[touched])
    assert "fingerprint" not in header


def test_rows_that_are_gone_are_refused_where_anything_is_known_of_them(tmp_path):
    frame = photos()
    pool = taught(frame).pool_
    pool.reserve(pool.unlabeled[:1], "Cid")
    gone = pool.ids[pool.unlabeled[:1]].tolist()
    pool.release(name="Cid")
    pool.label(pool.unlabeled[1], "cat")
    gone += pool.ids[
        pool.unlabeled[1:2]
    ].tolist()  # of which nothing is known any more, or ever was
    pool.undo()
    left = frame[~frame["file"].isin(gone)]
    loaded = again(pool, left, tmp_path)
    assert known(loaded) == known(pool)
    lost = pool.ids[np.r_[pool.labeled[:2], pool.skipped[:1], pool.reserved[:1]]].tolist()
    fewer = left[~left["file"].isin(lost)]
    with pytest.raises(
        ValueError, match=rf"X lacks 4 rows of which .*, such as '{min(lost, key=pool.numbers)}'"
    ):
        again(pool, fewer, tmp_path)
    dropped = again(pool, fewer, tmp_path, missing="drop")
    expected = [
        {k: v for k, v in part.items() if k not in lost}
        if isinstance(part, dict)
        else part - {*lost}
        for part in known(pool)
    ]
    assert list(known(dropped)) == expected
    assert len(dropped.history) == len(pool.history)
    assert_same(again(dropped, fewer, tmp_path), dropped)


def test_a_remark_stays_with_its_row_where_others_are_dropped(tmp_path):
    pool = Pool(np.arange(4).reshape(4, 1), ids=[*"abcd"])
    pool.label([0, 1], [0, 1], comment=["sure", "blurred"])
    pool.label([1, 3], [0, 1], relabel=True, seconds=[3, 4])
    dropped = again(pool, np.array([[3], [2], [1]]), tmp_path, ids=[*"dcb"], missing="drop")
    was, now = pool.history_frame(), dropped.history_frame()
    pd.testing.assert_frame_equal(now, was[was["id"] != "a"].reset_index(drop=True))
    assert len(now) == 3


def test_digits_that_an_undo_brought_back_are_there_in_another_file(tmp_path):
    pool = Pool(np.zeros((2, 1)), ids=[*"ab"])
    pool.label(0, 0.5, annotator="ann")
    pool.label(0, -1, relabel=True, annotator="ben")
    pool.label(1, 1, annotator="ann")
    pool.undo(annotator="ben")
    assert again(pool, np.zeros((2, 1)), tmp_path, ids=[*"ba"]).y.tolist() == [1, 0.5]


def test_a_row_that_has_a_tag_and_nothing_else_is_missed(tmp_path):
    pool = Pool(np.zeros((2, 1)), ids=[*"ab"])
    pool.tag(1, "sharp")
    with pytest.raises(ValueError, match="X lacks 1 row of which the pool .* such as 'b'"):
        again(pool, np.zeros((1, 1)), tmp_path, ids=["a"])


def test_a_decision_that_is_dropped_keeps_no_dtype(tmp_path):
    pool = Pool(np.zeros((2, 1)), ids=[*"ab"])
    pool.decide(0, 1)
    pool.label(1, 0.5)
    dropped = again(pool, np.zeros((1, 1)), tmp_path, ids=["b"], missing="drop")
    dropped.label(0, 2, relabel=True)
    assert dropped.y.dtype == int


def test_ids_that_are_of_another_time_or_kind_are_refused(tmp_path):
    frame = photos()
    pool = taught(frame).pool_
    stale = frame.assign(file=[f"photo {i}" for i in range(60)])
    with pytest.raises(ValueError, match="X lacks 20 rows of which the pool holds labels"):
        again(pool, stale, tmp_path)
    with pytest.raises(
        ValueError, match=r"Pool\.load got integers for ids, and the ids of these rows are text"
    ):
        again(pool, frame.assign(file=range(60)), tmp_path)
    with pytest.raises(ValueError, match=r"with ids, the column 'file', which X does not have"):
        again(pool, frame.rename(columns={"file": "path"}), tmp_path)
    with pytest.raises(ValueError, match="twice"):
        again(pool, pd.concat([frame, frame[:1]]), tmp_path)
    with pytest.raises(ValueError, match="changed='accept', and the pool was saved with ids"):
        again(pool, frame, tmp_path, changed="accept")
    with pytest.raises(ValueError, match="missing='forget'; write 'refuse' or 'drop'"):
        again(pool, frame, tmp_path, missing="forget")
    renamed = again(pool, frame.rename(columns={"file": "path"}), tmp_path, ids="path")
    assert renamed.id_column == "path"
    assert known(renamed) == known(pool)


CRAFTED = {
    "one id less": {"ids_lengths": lambda lengths: lengths[:-1], "ids_text": lambda t: t[:-11]},
    "one id more": {
        "ids_lengths": lambda lengths: np.append(lengths, np.uint8(1)),
        "ids_text": lambda text: np.append(text, np.uint8(65)),
    },
    "one twice": {"ids_text": lambda text: np.r_[text[:11], text[:11], text[22:]]},
    "no text": {"ids_text": lambda text: np.r_[np.uint8(255), text[1:]]},
    "lengths of another text": {"ids_lengths": lambda lengths: lengths + np.uint8(1)},
    "lengths below 0": {
        "ids_lengths": lambda lengths: np.r_[np.int8(-11), np.int8(22), lengths[2:].astype(np.int8)]
    },
    "lengths of another dtype": {"ids_lengths": lambda lengths: lengths.astype(float)},
}


@pytest.mark.parametrize("what", CRAFTED)
def test_ids_that_no_pool_has_had_are_refused(what, tmp_path):
    frame = photos()
    path = tmp_path / "pool.npz"
    taught(frame).pool_.save(path)
    edited(path, **CRAFTED[what])
    with pytest.raises(ValueError, match=r"pool\.npz' is not a file that Pool\.save wrote\."):
        Pool.load(path, frame)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_byte_that_changed_in_a_file_with_ids_is_noticed_or_changes_nothing(tmp_path):
    frame, chance = photos(), np.random.default_rng(0)
    pool = Pool(frame, ids="file")
    pool.label([5, 3], ["cat", "dog"])
    path, n_refused = tmp_path / "pool.npz", 0
    pool.save(path)
    whole = path.read_bytes()
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[chance.integers(len(whole))] ^= 1 << chance.integers(8)
        path.write_bytes(damaged)
        try:
            assert_same(Pool.load(path, frame[::1]), pool)
        except ValueError as error:
            n_refused += "is not a file that Pool.save" in str(error) or "update" in str(error)
    assert n_refused > 100  # others fall on what a zip file has beside arrays, and change nothing


# Without ids


def test_without_ids_a_refusal_says_what_differs_and_what_to_write(tmp_path):
    X = np.arange(40.0).reshape(20, 2)
    pool = Pool(X, [0, 1] + 18 * [-1])
    other = X.copy()
    other[7, 1] = -5
    with pytest.raises(ValueError, match=r"row 7 differs in column 1; .* changed='accept' if row"):
        again(pool, other, tmp_path)
    with pytest.raises(ValueError, match=r"rows are in another order \(row 0 is row 19 now\)"):
        again(pool, X[::-1], tmp_path)
    with pytest.raises(ValueError, match=r"20 rows, X has 22; .*: 2 rows were added at the end"):
        again(pool, np.r_[X, X[:2]], tmp_path)
    with pytest.raises(ValueError, match=r"20 rows, X has 18; give all .*: 2 rows are gone from"):
        again(pool, X[:18], tmp_path, changed="accept")
    with pytest.raises(ValueError, match="missing='drop', and the pool was saved without ids"):
        again(pool, X, tmp_path, missing="drop")
    assert_same(again(pool, other, tmp_path, changed="accept"), pool)


def test_rows_that_were_added_can_be_accepted_without_ids(tmp_path):
    X = np.arange(40.0).reshape(20, 2)
    pool = Pool(X[:15], [0, 1] + 13 * [-1])
    pool.extend(X[15:18], [1, -1, 0])
    pool.skip(4)
    loaded = again(pool, X, tmp_path, changed="accept")
    assert loaded.y.tolist() == [*pool.y.tolist(), -1, -1]
    assert loaded.skipped.tolist() == [4]
    assert loaded.history[1].detail == {"joined": 3}
    assert_same(again(loaded, X, tmp_path), loaded)


def test_ids_can_be_given_to_a_pool_that_was_saved_without(tmp_path):
    frame = photos()
    pool = Pool(frame[["a", "b"]])
    pool.label([3, 4], ["cat", "dog"])
    named = again(pool, frame, tmp_path, ids="file")
    assert named.ids == Ids(frame["file"])
    turned = again(named, frame[::-1], tmp_path)
    assert known(turned)[0] == dict(zip(frame["file"].iloc[[3, 4]], ["cat", "dog"], strict=True))
    with pytest.raises(ValueError, match="rows are in another order"):
        again(pool, frame[::-1], tmp_path, ids="file")


# The test side


def test_the_test_side_follows_ids_and_groups_into_another_file(tmp_path):
    frame = photos(200)
    pool = Pool(frame, ids="file", hold_out=0.3)
    held = set(pool.ids[pool.held_out])
    pool.label(range(40), 20 * ["cat", "dog"])
    turned = again(pool, frame.sample(frac=1, random_state=0), tmp_path)
    assert set(turned.ids[turned.held_out]) == held
    assert 40 < len(held) < 80
    groups = np.arange(200) // 4
    pool = Pool(frame, ids="file", hold_out=0.3, groups=groups)
    pool.label(range(40), 20 * ["cat", "dog"])
    held = set(pool.ids[pool.held_out])
    with pytest.raises(ValueError, match=r"by their groups, .*groups=\.\.\.\), one for each"):
        again(pool, frame[::-1], tmp_path)
    turned = again(pool, frame[::-1], tmp_path, groups=groups[::-1])
    assert set(turned.ids[turned.held_out]) == held
    assert_same(again(turned, frame[::-1], tmp_path, groups=groups[::-1]), turned)
    with pytest.raises(ValueError, match="another group for row"):
        again(pool, frame[::-1], tmp_path, groups=groups)
