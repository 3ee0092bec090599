"""Pools that lie elsewhere: what is read of them, and that it makes no difference."""

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from skactive import (
    ActiveLearner,
    Known,
    Pool,
    QueryDisplay,
    get_strategy_names,
    open_rows,
    run,
    run_stream,
)
from skactive.data import RowSource
from skactive.data.rows import Rows, take
from skactive.data.stores import as_source
from skactive.strategies import Prefilter, Quota, Subpool, as_strategy
from skactive.strategies.base import check_serves
from skactive.testing import check_source

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

N, N_KNOWN = 240, 24
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(N, 4))
FRAME = pandas.DataFrame(NUMBERS, columns=list("abcd"))
CODES = (NUMBERS[:, :3] + 0.3 * RNG.normal(size=(N, 3))).argmax(axis=1)
TARGET = NUMBERS[:, 0] - NUMBERS[:, 1] ** 2
SOME_CODES = np.where(np.arange(N) < N_KNOWN, CODES, -1)
SOME_TARGETS = np.where(np.arange(N) < N_KNOWN, TARGET, np.nan)


class Counting(RowSource):
    """Rows in memory, cut anywhere, of which it is counted what is read."""

    def __init__(self, X, sizes):
        self.X, self.sizes, self.reads = X, sizes, []

    def block_sizes(self):
        return self.sizes

    def read_block(self, number):
        self.reads.append(number)
        start = sum(self.sizes[:number])
        cut = slice(start, start + self.sizes[number])
        return self.X.iloc[cut] if hasattr(self.X, "iloc") else self.X[cut]


def written(folder, frame=FRAME, cuts=(0, 100, 170, N), size=37):
    """Write a frame as several parquet files of several row groups."""
    for number, (start, stop) in enumerate(pairwise(cuts)):
        part = frame.iloc[start:stop]
        part.to_parquet(folder / f"part-{number}.parquet", row_group_size=size, index=False)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("parquet"))


# The same picks as from memory

MODELS = {
    "logistic": (LogisticRegression(), SOME_CODES, CODES),
    "tree": (DecisionTreeClassifier(max_depth=2), SOME_CODES, CODES),
    "forest": (RandomForestClassifier(5), SOME_CODES, CODES),
    "process": (GaussianProcessRegressor(alpha=0.1), SOME_TARGETS, TARGET),
    "ridge": (Ridge(), SOME_TARGETS, TARGET),
}


def serves(strategy, estimator):
    try:
        check_serves(as_strategy(strategy), estimator)
    except ValueError:
        return False
    return True


SERVED = [
    (model, strategy)
    for model, (estimator, _, _) in MODELS.items()
    for strategy in [*get_strategy_names(), Subpool("margin", 0.5), Prefilter("margin", "k_center")]
    if serves(strategy, estimator)
]


@pytest.mark.filterwarnings("ignore:.*gives all")
@pytest.mark.parametrize(("model", "strategy"), SERVED)
def test_every_strategy_chooses_from_files_what_it_chooses_from_memory(model, strategy, folder):
    estimator, y, truth = MODELS[model]
    picks = {}
    for X in (FRAME, open_rows(folder)):
        learner = ActiveLearner(estimator, strategy, random_state=0).fit(X, y)
        for _ in range(2):
            idx, rows = learner.query(n_instances=7)
            pandas.testing.assert_frame_equal(rows, FRAME.iloc[idx])
            learner.teach(idx, truth[idx])
            picks.setdefault(id(X), []).append(idx.tolist())
    first, second = picks.values()
    assert first == second


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=20).filter(any),
    st.integers(1, 60),
    st.data(),
)
def test_cuts_make_no_difference(sizes, step, data):
    sizes = [*sizes, N_KNOWN]
    n = sum(sizes)
    X, y = NUMBERS[:n] if n <= N else np.tile(NUMBERS, (4, 1))[:n], np.tile(SOME_CODES, 4)[:n]
    y[N_KNOWN:] = -1
    for estimator in (DecisionTreeClassifier(max_depth=2), LogisticRegression()):
        learners = [
            ActiveLearner(estimator, random_state=0).fit(each, y)
            for each in (X, Counting(X, sizes))
        ]
        (a, _, one), (b, _, other) = (
            learner.query(n_instances=9, return_scores=True) for learner in learners
        )
        assert a.tolist() == b.tolist()
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)
    rows = Rows(Counting(X, sizes))
    cuts = list(rows.cuts(step))
    assert [at for at, _ in cuts] == [0, *(end for _, end in cuts[:-1])] and cuts[-1][1] == n
    assert all(0 < end - at <= step for at, end in cuts)
    start, stop = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
    some = [row for cut in rows.cuts(step, start, stop) for row in range(*cut)]
    assert some == list(range(start, stop))
    at = data.draw(st.lists(st.integers(0, n - 1), max_size=30))
    for _ in range(2):  # the second time from what was kept
        assert rows.take(at).tolist() == X[at].tolist()
    start, stop = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
    assert rows.slice(start, stop).tolist() == X[start:stop].tolist()


@pytest.mark.parametrize("make", [sparse.csr_matrix, list, pandas.DataFrame])
def test_blocks_may_be_of_any_container(make):
    X = make(np.abs(NUMBERS))
    estimator = LogisticRegression()
    source = Counting(X, [100, 0, 140])
    check_source(source)
    one, other = (
        ActiveLearner(estimator, "margin", random_state=0).fit(each, SOME_CODES)
        for each in (X, source)
    )
    assert one.query(n_instances=9)[0].tolist() == other.query(n_instances=9)[0].tolist()
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(source))


def test_a_column_of_texts_is_a_pool(tmp_path):
    texts = [f"river {'stone ' * (code + 1)} n{code}" for code in CODES]
    frame = pandas.DataFrame({"text": texts, "other": NUMBERS[:, 0]})
    rows = open_rows(written(tmp_path, frame), columns="text")
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression())
    one, other = (
        ActiveLearner(estimator, random_state=0).fit(each, SOME_CODES)
        for each in (frame["text"], rows)
    )
    (a, x), (b, z) = (learner.query(n_instances=5) for learner in (one, other))
    assert a.tolist() == b.tolist() and x.tolist() == z.tolist() == [texts[i] for i in a]


def test_a_loop_over_files_learns_what_one_in_memory_does(folder):
    learners = [
        run(
            ActiveLearner(LogisticRegression(), random_state=0).fit(X, SOME_CODES),
            Known(CODES),
            n_instances=10,
            stopping=60,
        )
        for X in (FRAME, open_rows(folder))
    ]
    one, other = (learner.pool_.labeled.tolist() for learner in learners)
    assert one == other
    np.testing.assert_array_equal(*(learner.predict_proba(FRAME) for learner in learners))


# Predictions, block by block


def test_predictions_come_block_by_block_and_are_those_of_memory(folder):
    rows = open_rows(folder)
    learner = ActiveLearner(LogisticRegression()).fit(FRAME, SOME_CODES)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        answer = getattr(learner, method)
        np.testing.assert_array_equal(answer(rows), answer(FRAME))
    source = Counting(FRAME, [100, 140])
    learner.predict(source)
    assert source.reads == [0, 1]
    with pytest.raises(TypeError, match=r"score got .* block by block; write accuracy_score\(y, "):
        learner.score(rows, CODES)


def test_blocks_are_the_chunks_of_a_stream(folder):
    logs = []
    for chunks in ([FRAME[:37], FRAME[37:74]], list(open_rows(folder).blocks())[:2]):
        learner = ActiveLearner(LogisticRegression(), "split_uncertainty", random_state=0)
        learner.fit(FRAME, SOME_CODES)
        logs.append(run_stream(learner, chunks, Known(CODES)).asked.tolist())
    assert logs[0] == logs[1]


def test_a_quota_by_a_column_and_a_picture_know_rows_in_files(tmp_path):
    frame = FRAME.assign(site=np.arange(N) % 6)
    rows = open_rows(written(tmp_path, frame))
    one, other, cut = (
        ActiveLearner(LogisticRegression(), Quota("margin", by="site", at_most=1), random_state=0)
        .fit(X, SOME_CODES)
        .query(n_instances=6)[0]
        for X in (frame, rows, Counting(frame, [100, 140]))
    )
    assert one.tolist() == other.tolist() == cut.tolist() and len({*(one % 6)}) == 6
    learner = ActiveLearner(LogisticRegression(), random_state=0)
    with pytest.raises(ValueError, match=r"y='site', a column of X; .* or y=X.column\('site'\)"):
        learner.fit(rows, "site")
    learner.fit(rows, rows.column("site"))
    pyplot = pytest.importorskip("matplotlib.pyplot")
    display = QueryDisplay.from_learner(learner)
    assert display.coordinates.shape == (N, 2)
    pyplot.close("all")


# What is read


def reads_of(strategy, estimator=None):
    """What is read by fit, a query, teach and another query, of three blocks."""
    source = Counting(FRAME, [100, 70, 70])
    learner = ActiveLearner(estimator or LogisticRegression(), strategy, random_state=0)
    steps = {}
    learner.fit(source, SOME_CODES)
    steps["fit"], source.reads = source.reads, []
    idx, _ = learner.query(n_instances=5)
    steps["query"], source.reads = source.reads, []
    learner.teach(idx, CODES[idx])
    steps["teach"], source.reads = source.reads, []
    again, _ = learner.query(n_instances=5)
    picked = [[int(np.searchsorted([100, 170], i, "right")) for i in each] for each in (idx, again)]
    return steps | {"second": source.reads}, picked


@pytest.mark.parametrize("strategy", ["margin", "entropy", "least_confidence"])
def test_a_rowwise_query_is_one_pass_and_teach_reads_nothing(strategy):
    steps, (first, second) = reads_of(strategy)
    assert steps["fit"] == [0]
    # Block 0 is there from the fit; then the rows that were picked.
    assert steps["query"][:2] == [1, 2] and set(steps["query"][2:]) <= set(first)
    assert steps["teach"] == []
    passes = [0, 1, 2] if steps["query"][-1:] != [0] else [1, 2]
    assert steps["second"][: len(passes)] == passes
    assert set(steps["second"][len(passes) :]) <= set(second)


def test_random_reads_no_more_than_the_rows_that_it_picks():
    steps, (first, second) = reads_of("random")
    assert set(steps["query"]) <= set(first) and len(steps["query"]) <= 3
    assert set(steps["second"]) <= set(second) and len(steps["second"]) <= 3
    assert steps["teach"] == []


def test_nothing_is_read_whole_through_its_array():
    class Loud(Counting):
        def __array__(self, dtype=None, copy=None):
            raise AssertionError("all rows were read")

    learner = ActiveLearner(LogisticRegression()).fit(Loud(NUMBERS, [120, 120]), SOME_CODES)
    learner.teach(*[learner.query()[0], [0]])
    learner.predict(Loud(NUMBERS, [120, 120]))


def test_rows_that_were_asked_for_stay_in_memory_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("skactive.data.rows._KEPT_BYTES", 10 * 32)
    source = Counting(NUMBERS, [60] * 4)
    rows = Rows(source)
    assert rows.take([0, 70]).tolist() == NUMBERS[[0, 70]].tolist()
    source.reads = []
    assert rows.take([70, 0, 70]).tolist() == NUMBERS[[70, 0, 70]].tolist() and source.reads == []
    for at in (np.arange(0, 12), np.arange(60, 69), np.arange(64, 72), np.arange(3, 9)):
        assert rows.take(at).tolist() == NUMBERS[at].tolist()
        source.reads = []
        assert rows.take(at).tolist() == NUMBERS[at].tolist()
        assert source.reads == [] or len(at) > 10
        taken = source.kept.taken
        assert taken is None or len(taken[0]) <= 10


# Files of one table


def test_all_blocks_have_the_dtypes_of_the_whole_table(tmp_path):
    """A null in one file, categories by block, an empty file, widths that differ."""
    first = pandas.DataFrame(
        {
            "count": pandas.array([1, 2, 3], dtype="Int64"),
            "flag": pandas.array([True, False, True], dtype="boolean"),
            "kind": pandas.Categorical(["x", "y", "x"]),
            "small": np.array([1, 2, 3], dtype=np.int8),
            "when": pandas.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]),
        }
    )
    second = first.copy()
    second.loc[1, ["count", "flag"]] = pandas.NA
    second["kind"] = pandas.Categorical(["z", "z", "x"])
    second["small"] = np.array([1000, 2, 3], dtype=np.int64)
    for number, frame in enumerate((first, second, first.iloc[:0])):
        frame.to_parquet(tmp_path / f"{number}.parquet", index=False)
    rows = open_rows(tmp_path)
    check_source(rows)
    assert len(rows) == 6 and [str(d) for d in rows.block(0).dtypes] == [
        *("float64", "object", str(rows.block(1)["kind"].dtype), "int64"),
        str(rows.block(1)["when"].dtype),
    ]
    assert rows.without("kind").block(0).dtypes["count"] == np.float64
    whole = Rows(rows).slice(0, 6)
    assert whole["count"].tolist()[:3] == [1, 2, 3] and np.isnan(whole["count"][4])
    assert whole["kind"].tolist() == ["x", "y", "x", "z", "z", "x"]
    assert not isinstance(rows.block(0)["kind"].dtype, pandas.CategoricalDtype)
    assert whole["small"].tolist() == [1, 2, 3, 1000, 2, 3]
    assert whole.index.tolist() == list(range(6))


def test_an_index_that_pandas_wrote_is_no_column(tmp_path, monkeypatch):
    for number, index in enumerate([None, pandas.Index(np.arange(N) ^ 1, name="number")]):
        frame = FRAME if index is None else FRAME.set_index(index)
        frame.to_parquet(tmp_path / f"{number}.parquet")
    rows = open_rows(tmp_path)
    assert rows.columns == list("abcd") and len(rows) == 2 * N
    assert open_rows(tmp_path / "1.parquet", columns=["number", "a"]).columns == ["number", "a"]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_rows("~/0.parquet") == open_rows(tmp_path / "0.parquet")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (pyarrow.array([[1], None] * 3), "object"),
        (pyarrow.array([{"x": 1}, {"x": None}] * 3), "object"),
        (pyarrow.array([None, 3] * 3, pyarrow.date32()), "datetime64[ms]"),
        (pyarrow.array([1] * 6, pyarrow.timestamp("us", "UTC")), "datetime64[us, UTC]"),
        (pyarrow.array([1, None] * 3, pyarrow.uint8()), "float64"),
        (pyarrow.array([b"x"] * 6), "object"),
    ],
    ids=str,
)
def test_columns_of_any_type_are_the_same_in_each_block(tmp_path, values, dtype):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.table({"a": values}), path, row_group_size=1)
    rows = open_rows(path)
    check_source(rows)
    assert {str(block["a"].dtype) for block in rows.blocks()} == {dtype}


def test_numbers_become_arrays(folder, tmp_path):
    rows = open_rows(folder, output="numpy")
    check_source(rows)
    np.testing.assert_array_equal(Rows(rows).slice(0, N), NUMBERS)
    assert open_rows(folder, columns="b", output="numpy").block(0).shape == (37,)
    frame = FRAME.assign(e=["text"] * N)
    with pytest.raises(ValueError, match=r"output='numpy', but column 'e' holds no numbers; write"):
        open_rows(written(tmp_path, frame), output="numpy")
    assert open_rows(tmp_path, columns=list("ba"), output="numpy").block(0).shape == (37, 2)


def test_files_come_in_the_order_of_their_names_as_text(tmp_path):
    for number in (10, 2, 1):
        np.save(tmp_path / f"part.{number}.npy", np.full((2, 1), number))
    rows = open_rows(tmp_path)
    assert Rows(rows).slice(0, 6).ravel().tolist() == [1, 1, 10, 10, 2, 2]
    listed = open_rows([tmp_path / f"part.{number}.npy" for number in (2, 10)])
    assert Rows(listed).slice(0, 4).ravel().tolist() == [2, 2, 10, 10]


@pytest.mark.parametrize("name", ["rows.arrow", "rows.feather"])
def test_batches_of_arrow_are_blocks(tmp_path, name):
    table = pyarrow.Table.from_pandas(FRAME)
    with pyarrow.ipc.new_file(str(tmp_path / name), table.schema) as writer:
        writer.write_table(table, max_chunksize=50)
    rows = open_rows(tmp_path / name)
    check_source(rows)
    assert rows.block_sizes() == [50, 50, 50, 50, 40]
    counts = pyarrow.table({"a": pyarrow.array([1, 2, None, 4])})
    with pyarrow.ipc.new_file(str(tmp_path / "counts.arrow"), counts.schema) as writer:
        writer.write_table(counts, max_chunksize=2)
    check_source(open_rows(tmp_path / "counts.arrow"))
    pandas.testing.assert_frame_equal(Rows(rows).slice(0, N), FRAME, check_index_type=False)


def test_arrays_of_numpy_are_cut_into_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("skactive.data.files._NPY_BYTES", 50 * 32)
    np.save(tmp_path / "a.npy", NUMBERS[:130])
    np.save(tmp_path / "b.npy", np.asfortranarray(NUMBERS[130:]))
    rows = open_rows(tmp_path / "*.npy")
    check_source(rows)
    assert rows.block_sizes() == [50, 50, 30, 50, 50, 10]
    assert not isinstance(rows.block(0), np.memmap)  # which would die with a file cut short
    np.testing.assert_array_equal(Rows(rows).slice(0, N), NUMBERS)
    np.save(tmp_path / "c.npy", NUMBERS[:, :3])
    with pytest.raises(ValueError, match=r"c.npy holds rows of shape \(3,\).* give files of the"):
        open_rows(tmp_path)


@pytest.mark.parametrize("kind", ["h5py", "zarr"])
def test_arrays_of_other_packages_are_sources_in_whole_chunks(tmp_path, kind, monkeypatch):
    package = pytest.importorskip(kind)
    monkeypatch.setattr("skactive.data.stores._BLOCK_BYTES", 70 * 32)
    if kind == "h5py":
        file = package.File(tmp_path / "rows.h5", "w")
        array = file.create_dataset("a", data=NUMBERS, chunks=(30, 4))
    else:
        array = package.create_array(str(tmp_path / "z"), data=NUMBERS, chunks=(30, 4))
    source = as_source(array)
    assert source.block_sizes() == [60, 60, 60, 60]
    if kind == "h5py":
        file.flush()
    check_source(source)
    one, other = (
        ActiveLearner(LogisticRegression(), "badge", random_state=0).fit(X, SOME_CODES)
        for X in (NUMBERS, array)
    )
    assert one.query(n_instances=9)[0].tolist() == other.query(n_instances=9)[0].tolist()
    np.testing.assert_array_equal(other.predict(array), one.predict(NUMBERS))
    with pytest.raises(ValueError, match="query got the pool itself"):
        other.query(array)
    embedded = ActiveLearner(LogisticRegression(), "k_center", random_state=0)
    embedded.fit(FRAME, SOME_CODES, embedding=array)
    expected = one.set_params(strategy="k_center").refit().query(n_instances=5)[0]
    assert embedded.query(n_instances=5)[0].tolist() == expected.tolist()
    if kind == "h5py":
        file.close()  # it is opened again by its path
        assert (
            other.query(n_instances=9)[0].tolist()
            == one.set_params(strategy="badge").refit().query(n_instances=9)[0].tolist()
        )


# Records, processes, threads


def test_a_pool_that_was_saved_over_files_loads_over_memory_and_back(folder, tmp_path):
    rows = open_rows(folder)
    pool = Pool(rows, SOME_CODES)
    pool.save(tmp_path / "pool")
    for X in (FRAME, open_rows(folder)):
        assert Pool.load(tmp_path / "pool", X).labeled.tolist() == list(range(N_KNOWN))
    turned = written(tmp_path, FRAME.iloc[::-1])
    with pytest.raises(ValueError, match="in another order|differ"):
        Pool.load(tmp_path / "pool", open_rows(turned))
    with Pool.open(tmp_path / "labels.db", rows) as kept:
        kept.label([3], [1])
    with Pool.open(tmp_path / "labels.db", FRAME) as kept:
        assert kept.labeled.tolist() == [3]


def test_a_learner_is_pickled_with_paths_and_not_with_rows(folder):
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(open_rows(folder), SOME_CODES)
    learner.query(n_instances=5)
    sent = pickle.dumps(learner)
    assert len(sent) < 8 * NUMBERS.nbytes // 4
    expected = learner.query(n_instances=5)[0].tolist()
    assert pickle.loads(sent).query(n_instances=5)[0].tolist() == expected
    twin = open_rows(folder)
    assert twin == open_rows(folder) and twin != open_rows(folder, columns=["a"])
    assert hash(twin) == hash(open_rows(folder))


def test_threads_read_the_same_rows(folder):
    rows = Rows(open_rows(folder))
    wanted = [np.random.default_rng(i).permutation(N)[:40] for i in range(40)]
    with ThreadPoolExecutor(8) as threads:
        for at, found in zip(wanted, threads.map(rows.take, wanted), strict=True):
            assert found.index.tolist() == at.tolist()
            np.testing.assert_array_equal(found.to_numpy(), NUMBERS[at])


# Ids


def test_a_column_of_the_files_may_name_the_rows(tmp_path):
    names = [f"row {number}" for number in range(N)]
    frame = FRAME.assign(name=names)
    (tmp_path / "sorted").mkdir()
    (tmp_path / "turned").mkdir()
    rows = open_rows(written(tmp_path / "sorted", frame))
    learner, memory = (
        ActiveLearner(LogisticRegression(), random_state=0).fit(X, SOME_CODES, ids="name")
        for X in (rows, frame)
    )
    idx, found = learner.query(n_instances=9)
    assert idx.tolist() == memory.query(n_instances=9)[0].tolist()
    assert list(found.columns) == list("abcd") and learner.n_features_in_ == 4
    learner.teach(ids=[names[i] for i in idx], y=CODES[idx])
    assert take(rows, [5]).shape == (1, 5) and take(rows.without("name"), [5]).shape == (1, 4)
    np.testing.assert_array_equal(learner.predict(rows), learner.predict(FRAME))
    for again in (rows, open_rows(tmp_path / "sorted")):
        with pytest.raises(ValueError, match="query got the pool itself"):
            learner.query(again)
    learner.pool_.save(tmp_path / "pool")
    turned = open_rows(written(tmp_path / "turned", frame.iloc[::-1]))
    pool = Pool.load(tmp_path / "pool", turned, ids="name")
    assert sorted(N - 1 - pool.labeled) == learner.pool_.labeled.tolist()
    with pytest.raises(ValueError, match="ids='nam', which is no column of X; write ids='name'"):
        Pool(rows, ids="nam")
    with pytest.raises(ValueError, match="ids='name', which names a column, and X is no frame"):
        Pool(open_rows(tmp_path / "sorted", columns="a"), ids="name")
    with pytest.raises(ValueError, match="the only column of X, which leaves nothing to learn"):
        Pool(open_rows(tmp_path / "sorted", columns=["name"]), ids="name")


# Rows from outside


def test_rows_from_outside_may_come_from_files_and_join_the_pool(folder, tmp_path):
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(open_rows(folder), SOME_CODES)
    others = FRAME * 1.5
    memory = ActiveLearner(LogisticRegression(), random_state=0).fit(FRAME, SOME_CODES)
    rows = open_rows(written(tmp_path, others))
    for X in (others, rows):
        idx, found = learner.query(X, n_instances=4)
        assert idx.tolist() == memory.query(others, n_instances=4)[0].tolist()
        np.testing.assert_array_equal(found.to_numpy(), others.to_numpy()[idx])
    learner.extend(rows)
    memory.extend(others.set_index(others.index + N))
    assert len(learner.pool_) == 2 * N
    assert learner.query(n_instances=9)[0].tolist() == memory.query(n_instances=9)[0].tolist()
    with pytest.raises(ValueError, match="query got the pool itself"):
        memory = ActiveLearner(LogisticRegression()).fit(open_rows(folder), SOME_CODES)
        memory.query(open_rows(folder))
    with pytest.raises(ValueError, match=r"open it with the columns of the pool, in their order"):
        learner.query(open_rows(folder, columns=list("dcba")))


# Faults


@pytest.mark.parametrize("fault", ["gone", "truncated", "shorter"])
def test_a_file_that_changes_is_told_in_a_sentence_and_the_record_stays(fault, tmp_path):
    written(tmp_path)
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(
        open_rows(tmp_path), SOME_CODES
    )
    path = tmp_path / "part-2.parquet"
    if fault == "gone":
        path.unlink()
    elif fault == "truncated":
        os.truncate(path, path.stat().st_size // 2)
    else:
        FRAME.iloc[170:200].to_parquet(path, row_group_size=20)
    before = len(learner.pool_.history)
    text = {
        "gone": r"part-2.parquet is gone; a file must stay as it is",
        "truncated": r"part-2.parquet cannot be read \(.*\); a file must stay as it is",
        "shorter": r"gave 20 rows for block \d, which had 37 when it was opened; a source must not",
    }
    with pytest.raises((OSError, ValueError), match=text[fault]):
        learner.query(n_instances=5)
    assert learner.pool_.labeled.tolist() == list(range(N_KNOWN))
    assert len(learner.pool_.history) == before
    written(tmp_path)
    assert len(learner.query(n_instances=5)[0]) == 5


def test_a_file_that_is_replaced_is_opened_again(tmp_path):
    path = tmp_path / "rows.parquet"
    FRAME.to_parquet(path, row_group_size=60)
    rows = open_rows(path)
    rows.read_block(0)
    FRAME[:100].to_parquet(tmp_path / "new.parquet", row_group_size=60)
    os.utime(tmp_path / "new.parquet", ns=(0, path.stat().st_mtime_ns + 1_000_000_000))
    (tmp_path / "new.parquet").replace(path)  # what was open is still there
    with pytest.raises(
        OSError, match=r"rows.parquet cannot be read \(.*\); a file must stay as it"
    ):
        rows.read_block(3)


# Refusals


def other_table(tmp_path, **columns):
    pandas.DataFrame(columns).to_parquet(tmp_path / "part-9.parquet", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda path: path / "nowhere.parquet", FileNotFoundError, "there are no files of rows"),
        (lambda path: path / "*.pq", FileNotFoundError, "there are no files of rows"),
        (lambda path: [], ValueError, "open_rows got no files"),
        (lambda path: [3], TypeError, "open_rows got a int; give the path"),
        (lambda path: FRAME, TypeError, "open_rows got a DataFrame; give the path"),
        (lambda path: None, TypeError, "open_rows got a NoneType; give the path"),
        (lambda path: b"rows.parquet", TypeError, "open_rows got a bytes; give the path"),
        (lambda path: [path, path], ValueError, "part-0.parquet' twice; name each file once"),
        (
            lambda path: other_table(path, a=[1.0]),
            ValueError,
            r"part-9.parquet and .*part-0.parquet do not have the same columns: 'b' is in one",
        ),
        (
            lambda path: other_table(path, a=["x"], b=[1.0], c=[1.0], d=[1.0]),
            ValueError,
            r"column 'a' is (large_)?string in .*part-9.parquet and double in .*part-0.parquet",
        ),
    ],
)
def test_what_is_no_table_of_files_is_refused(make, error, text, tmp_path):
    written(tmp_path)
    with pytest.raises(error, match=text):
        open_rows(make(tmp_path))


def test_files_that_cannot_be_read_are_refused_by_their_names(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"'rows.csv', whose kind is not known; .*to_parquet"):
        open_rows(tmp_path / "rows.csv")
    (tmp_path / "rows.parquet").write_text("no parquet")
    with pytest.raises(OSError, match=r"rows.parquet cannot be read"):
        open_rows(tmp_path / "rows.parquet")
    np.save(tmp_path / "one.npy", np.float64(3))
    with pytest.raises(ValueError, match=r"one.npy holds a single number"):
        open_rows(tmp_path / "one.npy")
    np.save(tmp_path / "a.npy", np.array([None, {}]), allow_pickle=True)
    with pytest.raises(OSError, match=r"a.npy cannot be read"):
        open_rows(tmp_path / "a.npy")
    np.save(tmp_path / "none.npy", np.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"NpyRows has no rows; open a source with at least one"):
        len(open_rows(tmp_path / "none.npy"))
    with pytest.raises(ValueError, match=r"several kinds, npy and parquet"):
        open_rows([tmp_path / "one.npy", tmp_path / "rows.parquet"])
    with pytest.raises(ValueError, match=r"columns= for .npy files"):
        open_rows(tmp_path / "none.npy", columns="a")


def test_columns_and_output_that_are_none_are_refused(folder):
    with pytest.raises(ValueError, match=r"has no single column 'z'; its columns are 'a', 'b'"):
        open_rows(folder, columns="z")
    with pytest.raises(ValueError, match=r"output='polars'; write 'pandas' or 'numpy'"):
        open_rows(folder, output="polars")
    with pytest.raises(ValueError, match=r"has no columns; give a table with at least one"):
        open_rows(folder, columns=[])


# The contract


class Wrong(Counting):
    def __init__(self, **faults):
        super().__init__(NUMBERS, [60] * 4)
        self.faults = faults

    def block_sizes(self):
        return self.faults.get("sizes", super().block_sizes)()

    def read_block(self, number):
        block = super().read_block(number)
        return self.faults.get("block", lambda block, number, n: block)(
            block, number, len(self.reads)
        )


def shorter(block, number, n):
    return block[:-1] if number == 3 else block


def other_dtype(block, number, n):
    return block.astype(np.float32) if number == 2 else block


def restless(block, number, n):
    return block + n


class Open(Counting):
    def __init__(self):
        super().__init__(NUMBERS, [60] * 4)
        self.file = open(__file__)  # noqa: SIM115 - what must not be kept


class Forgetful(Counting):
    def __getstate__(self):
        return {**super().__getstate__(), "X": -self.X}


class Turned(Counting):
    def block(self, number):
        return super().block(number)[::-1]


def test_a_source_that_breaks_the_contract_is_told_how():
    check_source(Counting(NUMBERS, [1, 0, 239]))
    cases = {
        "block 3 has 59 rows, and block_sizes says 60": Wrong(block=shorter),
        "block 2 is a ndarray of float32 .* and block 0 is a ndarray of float64": Wrong(
            block=other_dtype
        ),
        "block 0 differs when it is read again": Wrong(block=restless),
        "reads something else after pickle": Forgetful(NUMBERS, [60] * 4),
        "rows of Turned that are taken are not those of its blocks": Turned(NUMBERS, [60] * 4),
        "no rows": Counting(NUMBERS, [0, 0]),
    }
    for text, source in cases.items():
        with pytest.raises(AssertionError, match=text):
            check_source(source)
    source = Open()
    with (
        source.file,
        pytest.raises(AssertionError, match=r"Open cannot be pickled \(.*keep a path"),
    ):
        check_source(source)
    with pytest.raises(AssertionError, match="list is no RowSource; derive its class from it"):
        check_source([1])
    sizes = iter([[60] * 4, [120, 120]])
    with pytest.raises(AssertionError, match="block_sizes gives other sizes"):
        check_source(Wrong(sizes=lambda: next(sizes)))


@pytest.mark.parametrize("sizes", [[1.5], [-1, 241], [[240]], "240"])
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(ValueError, match=r"block_sizes gave .*; return a list of whole numbers"):
        len(Counting(NUMBERS, sizes))


def test_a_source_without_rows_is_refused():
    for sizes in ([], [0, 0]):
        with pytest.raises(ValueError, match="Counting has no rows; open a source with at least"):
            len(Counting(NUMBERS, sizes))


def test_a_source_says_what_it_is():
    assert repr(Counting(NUMBERS, [100, 140])) == "Counting(240 rows in 2 blocks)"
