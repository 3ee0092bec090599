"""The view: the same answers for any chunks, computed when read, once, and for no row too many."""

import sys
from collections import UserDict
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import kstest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

from skactive import ActiveLearner, Pool, Strategy, View
from skactive.data.rows import Rows
from skactive.learner.questions import adapt, outside_view
from skactive.strategies import Margin, Random, Std
from skactive.utils import progress as _progress

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X @ RNG.normal(size=(3, 3))).argmax(axis=1)
ALL = np.ones(60, dtype=bool)
LOGISTIC = LogisticRegression().fit(X, Y)
PROBA = LOGISTIC.predict_proba(X)


def view_of(estimator=None, rows=X, mask=ALL, **details):
    """A view of rows by a fitted estimator."""
    rows = rows if isinstance(rows, Rows) else Rows(rows)
    model = None
    if estimator is not None:
        model = adapt(estimator, getattr(estimator, "classes_", None))
    return View(rows, mask, model=model, **details)


def at(*positions):
    """A mask of the 60 rows."""
    return np.isin(np.arange(60), positions)


class Recorder(ClassifierMixin, BaseEstimator):
    """Gives known probabilities, and remembers which rows it was asked about."""

    def __init__(self):
        self.classes_ = np.arange(3)
        self.asked = []

    def predict_proba(self, X):
        self.asked.append(X[:, 0].tolist())
        return LOGISTIC.predict_proba(X)


class Tell(Strategy):
    """Scores every row by a function of the view."""

    def __init__(self, function, rowwise=True):
        self.function = function
        self.rowwise = rowwise

    def score(self, view):
        return self.function(view)


# Chunks

READS = {
    "proba": LOGISTIC,
    "decision": SVC().fit(X, Y),
    "prediction": SVC().fit(X, Y),
    "std": GaussianProcessRegressor(optimizer=None, alpha=0.1).fit(X, Y),
    "samples": RandomForestClassifier(5, random_state=0).fit(X, Y),
    "value_samples": RandomForestRegressor(5, random_state=0).fit(X, Y),
    "embedding": LOGISTIC,
}


@pytest.mark.parametrize("chunk_rows", [1, 7, 59, 60, 1000])
@pytest.mark.parametrize("what", READS)
def test_what_is_read_in_chunks_is_what_is_read_whole(what, chunk_rows):
    whole = getattr(view_of(READS[what]), what)
    chunked = getattr(view_of(READS[what], chunk_rows=chunk_rows), what)
    assert chunked.shape == whole.shape and chunked.dtype == whole.dtype
    assert chunked == pytest.approx(whole, rel=1e-12, abs=1e-12)


def test_an_embedding_in_chunks_of_a_sparse_matrix_is_the_matrix():
    matrix = sparse.random(60, 9, density=0.3, format="csr", random_state=0)
    model = LogisticRegression().fit(matrix, Y)
    chunked = view_of(model, matrix, chunk_rows=7).embedding
    assert sparse.issparse(chunked) and chunked.format == "csr"
    assert (chunked != matrix).nnz == 0


masks = st.lists(st.booleans(), min_size=60, max_size=60).map(np.array)


@given(mask=masks, chunk_rows=st.integers(1, 70), cuts=st.sets(st.integers(1, 59), max_size=3))
def test_scores_are_those_of_the_candidates_for_any_chunks_and_any_segments(mask, chunk_rows, cuts):
    rows = Rows(*np.split(X, sorted(cuts)))
    scores = view_of(LOGISTIC, rows, mask, chunk_rows=chunk_rows).score(Margin())
    assert (np.isnan(scores) == ~mask).all()
    assert scores[mask] == pytest.approx(-naive.margin(PROBA[mask]), abs=1e-12)


@given(mask=masks, chunk_rows=st.integers(1, 70), seed=st.integers(0, 2**32))
def test_random_scores_are_the_same_for_any_chunks_and_any_candidates(mask, chunk_rows, seed):
    scores = view_of(mask=mask, chunk_rows=chunk_rows, seed=(seed,)).score(Random())
    expected = view_of(seed=(seed,)).row_random()
    assert (np.isnan(scores) == ~mask).all() and (scores[mask] == expected[mask]).all()


@pytest.mark.parametrize("chunk_rows", [1, 7, 60])
def test_a_rowwise_strategy_of_rowwise_strategies_sees_the_same_random_numbers(chunk_rows):
    def twice(view):
        return view.score(Random()) + view.row_random()

    mask = at(*range(0, 60, 3), *range(20, 30))  # some chunks are gathered, some are not
    view = view_of(mask=mask, chunk_rows=chunk_rows)
    assert (view.score(Tell(twice))[mask] == 2 * view.row_random()[mask]).all()


def test_rows_are_gathered_only_where_under_half_of_a_slice_are_candidates(monkeypatch):
    taken = []
    take = Rows.take

    def spy(rows, positions):
        taken.append(np.asarray(positions).tolist())
        return take(rows, positions)

    monkeypatch.setattr(Rows, "take", spy)
    model = Recorder()
    four_of_ten = [11, 13, 14, 18]
    mask = at(*range(10), *four_of_ten, *range(20, 25), 49)
    scores = view_of(model, mask=mask, chunk_rows=10).score(Margin())
    assert taken == [four_of_ten, [49]]
    slices = [range(10), four_of_ten, range(20, 30), [49]]  # nothing of 30 to 39 and of 50 to 59
    assert model.asked == [X[list(rows), 0].tolist() for rows in slices]
    assert (np.isnan(scores) == ~mask).all()


def test_without_a_candidate_nothing_is_read():
    model = Recorder()
    assert np.isnan(view_of(model, mask=~ALL).score(Margin())).all()
    assert model.asked == []


@pytest.mark.parametrize(("chunk_bytes", "rows_at_a_time"), [(1, 256), (1 << 40, 1 << 16)])
def test_chunks_are_neither_tiny_nor_huge(monkeypatch, chunk_bytes, rows_at_a_time):
    monkeypatch.setattr("skactive.strategies.reading.MODEL_BYTES", chunk_bytes)
    n = rows_at_a_time + 10
    model = Recorder()
    view_of(model, np.zeros((n, 3)), np.ones(n, dtype=bool)).score(Margin())
    assert [len(rows) for rows in model.asked] == [rows_at_a_time, 10]


def test_wide_rows_make_short_chunks():
    model = Recorder()
    model.predict_proba = lambda rows: model.asked.append(rows.shape[0]) or np.ones((len(rows), 3))
    rows = np.broadcast_to(np.float32(1), (2000, 4096))
    view_of(model, rows, np.ones(2000, dtype=bool)).score(Margin())
    assert set(model.asked[:-1]) == {(1 << 24) // (4 * 4096 + 2 * 3 * 8)}


# Once


def test_what_is_read_is_computed_once():
    model = Recorder()
    view = view_of(model, chunk_rows=20)
    assert view.proba is view.proba
    assert view.restrict([3, 4]).proba is view.proba
    view.score(Margin())
    assert len(model.asked) == 3


def test_scores_of_one_strategy_are_computed_once():
    calls = []
    strategy = Tell(lambda view: calls.append(1) or np.zeros(len(view)))
    view = view_of()
    assert view.score(strategy) is view.score(strategy)
    assert len(calls) == 1
    view.score(Tell(strategy.function))
    assert len(calls) == 2


def test_a_standard_deviation_comes_with_its_mean():
    calls = []

    class Counting(GaussianProcessRegressor):
        def predict(self, X, return_std=False):
            calls.append(return_std)
            return super().predict(X, return_std=return_std)

    model = Counting(optimizer=None, alpha=0.1).fit(X, Y)
    view = view_of(model)
    mean, std = READS["std"].predict(X, return_std=True)
    assert view.std == pytest.approx(std) and view.prediction == pytest.approx(mean)
    assert calls == [True]


@pytest.mark.parametrize("chunk_rows", [7, 60])
@pytest.mark.parametrize("mask", [ALL, at(0, 1, 20, 59)], ids=["all", "few"])
def test_what_is_known_is_not_asked_again(chunk_rows, mask):
    model = Recorder()
    known = np.roll(PROBA, 1, axis=0)
    view = view_of(model, mask=mask, chunk_rows=chunk_rows, known={"proba": known})
    assert view.score(Margin())[mask] == pytest.approx(-naive.margin(known)[mask])
    assert view.proba is known and model.asked == []


def test_members_that_are_known_are_cut_by_row():
    samples = READS["samples"].predict_proba(X)[None] * np.ones((2, 1, 1))
    view = view_of(LOGISTIC, chunk_rows=7, mask=at(3, 20, 21), known={"samples": samples})
    scores = view.score(Tell(lambda part: part.samples[1, :, 0]))
    assert scores[[3, 20, 21]].tolist() == samples[1, [3, 20, 21], 0].tolist()


def test_a_transductive_model_is_asked_for_its_own_distributions():
    y = np.where(np.arange(60) % 6 == 0, Y, -1)
    spreading = LabelSpreading(kernel="knn", n_neighbors=5)
    learner = ActiveLearner(spreading, "entropy", fit_unlabeled=True).fit(X, y)
    own = learner.estimator_.label_distributions_
    free = learner.pool_.unlabeled
    assert not np.allclose(own, learner.predict_proba(X)), "else this would be no test"
    assert learner.scores()[free] == pytest.approx(naive.entropy(own)[free])
    outside = learner.scores(X[free] + 0.01)
    assert outside == pytest.approx(naive.entropy(learner.predict_proba(X[free] + 0.01)))


# Random numbers


def test_random_numbers_follow_from_the_question_and_the_row_alone():
    view = view_of(seed=(7, 3))
    numbers = view.row_random()
    positions = np.array([59, 0, 31, 31])
    assert view.row_random(positions).tolist() == numbers[positions].tolist()
    assert view_of(mask=at(5), seed=(7, 3), chunk_rows=2).row_random().tolist() == numbers.tolist()
    # Pinned: a learner that was saved by an earlier version goes on with the same numbers.
    assert numbers[:3].tolist() == [0.7148052571471598, 0.31862123841305634, 0.7081195987647336]


def test_random_numbers_are_uniform_and_differ_between_rows_and_questions():
    n = 20_000
    rows = np.zeros((n, 1))
    questions = [(0,), (1,), (0, 1), (1, 1), (0, 0, 1), (2**32 - 1, 5)]
    drawn = np.array([view_of(rows=rows, seed=seed).row_random() for seed in questions])
    for numbers in drawn:
        assert 0 <= numbers.min() and numbers.max() < 1
        assert len(np.unique(numbers)) == n
        assert kstest(numbers, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03
    between = np.corrcoef(drawn) - np.eye(len(questions))
    assert np.abs(between).max() < 0.03


def test_random_state_varies_the_choice_among_rows_from_outside_and_0_is_one_too():
    learner = ActiveLearner(LOGISTIC, "random", random_state=0).fit(X[:30], Y[:30])
    states = (None, 0, 1, 2)
    scores = [learner.query(X, return_scores=True, random_state=state)[2] for state in states]
    assert len(np.unique(np.concatenate(scores))) == 4 * 60
    again = learner.query(X, return_scores=True, random_state=1)[2]
    assert again.tolist() == scores[2].tolist()


def test_the_generator_starts_the_same_for_the_same_question():
    first, again, other = (view_of(seed=seed).rng.random() for seed in [(1, 2), (1, 2), (1, 3)])
    assert first == again != other


# What a chunk does not know


@pytest.mark.parametrize("name", ["labeled", "reserved", "rng"])
def test_a_rowwise_strategy_is_refused_what_a_chunk_does_not_know(name):
    pool = Pool(X, np.where(np.arange(60) < 5, Y, -1))
    view = View(pool.rows, pool.unlabeled_mask, pool=pool)

    def look(part):
        return np.zeros(len(part)) + np.size(getattr(part, name))

    with pytest.raises(AttributeError, match=rf"a rowwise strategy read view\.{name}, but it sees"):
        view.score(Tell(look))
    assert (view.score(Tell(look, rowwise=False))[5:] == np.size(getattr(view, name))).all()


def test_a_chunk_is_seen_as_the_whole():
    seen = []

    def look(part):
        seen.append((len(part), part.X[:, 0].tolist(), part.candidates.tolist(), part.round))
        return np.zeros(len(part))

    view_of(mask=at(0, 1, 2, 3, 45), chunk_rows=5, round=4).score(Tell(look))
    assert seen == [(5, X[:5, 0].tolist(), [0, 1, 2, 3, 4], 4), (1, [X[45, 0]], [0], 4)]


def test_labels_are_known_to_a_chunk():
    pool = Pool(X, np.where(np.arange(60) < 5, Y + 0.5, np.nan), missing_label=None)
    view = View(pool.rows, pool.unlabeled_mask, pool=pool, chunk_rows=7)
    best = Tell(lambda part: np.full(len(part), part.y_labeled.max()))
    assert (view.score(best)[5:] == Y[:5].max() + 0.5).all()


def test_positions_over_rows_from_outside_count_those_first_and_the_pool_behind_them():
    pool = Pool(X, np.where(np.arange(60) < 5, Y, -1))
    pool.reserve([10, 11])
    pool.extend(X[:4] + 1, [0, -1, -1, 2])
    new = X[:8] + 2
    view, n = outside_view(new, pool, None)
    assert n == 8 and view.candidates.tolist() == list(range(8)) and len(view) == 72
    assert (view.take(view.labeled) == pool.X_labeled).all()
    assert (view.take(view.reserved) == X[10:12]).all()
    assert (view.X == np.vstack([new, X, X[:4] + 1])).all()
    assert view.y_labeled.tolist() == pool.y_labeled.tolist()
    assert outside_view(new, pool, [5, 2])[0].candidates.tolist() == [2, 5]


def test_without_an_estimator_only_the_rows_can_be_read():
    view = view_of()
    assert view.estimator is None and view.classes is None and not view.gives("proba")
    assert view.X is X and view.embedding is not None and np.shares_memory(view.embedding, X)
    for what in READS.keys() - {"embedding"}:
        with pytest.raises(
            ValueError, match=rf"reads view\.{what}, but no estimator is fitted yet"
        ):
            getattr(view, what)


def test_what_an_estimator_gives_can_be_asked():
    assert view_of(LOGISTIC).gives("proba") and not view_of(LOGISTIC).gives("samples")
    assert view_of(READS["samples"]).gives("samples")
    assert view_of(READS["std"]).gives("std") and not view_of(READS["std"]).gives("proba")
    assert not view_of(READS["decision"]).gives("proba")


# Scores that are none


@pytest.mark.parametrize("rowwise", [True, False])
def test_a_score_that_is_nan_is_refused_for_candidates_alone(rowwise):
    strategy = Tell(lambda view: np.where(view.X[:, 0] == X[8, 0], np.nan, 1.0), rowwise)
    with pytest.raises(ValueError, match=r"^Tell\.score gave NaN for a candidate; every candidate"):
        view_of(chunk_rows=20).score(strategy)
    scores = view_of(mask=~at(8), chunk_rows=20).score(strategy)
    assert np.isnan(scores[8]) and (scores[~at(8)] == 1).all()


@pytest.mark.parametrize(
    ("score", "shape"),
    [
        (lambda view: np.zeros(3), r"\(3,\)"),
        (lambda view: view.X, r"\(60, 3\)"),
        (lambda view: 1.0, r"\(\)"),
    ],
)
def test_scores_of_another_shape_are_refused(score, shape):
    with pytest.raises(ValueError, match=rf"gave an array of shape {shape} for 60 rows; give one"):
        view_of().score(Tell(score))


def test_infinite_scores_are_scores():
    scores = view_of().score(Tell(lambda view: np.where(view.X[:, 0] > 0, np.inf, -np.inf)))
    assert (scores == np.where(X[:, 0] > 0, np.inf, -np.inf)).all()


def test_a_strategy_that_chooses_jointly_has_no_score():
    class Jointly(Strategy):
        def select(self, view, n):
            return view.candidates[:n]

    with pytest.raises(NotImplementedError, match="Jointly has no score: it chooses rows jointly"):
        view_of().score(Jointly())


def test_a_chunk_has_the_vectors_of_the_function_whatever_the_strategy_says_it_reads():
    view = view_of(LOGISTIC, chunk_rows=7, embed=lambda rows: 2 * rows, is_embedded=True)
    scores = view.score(Tell(lambda part: part.embedding[:, 0] + part.gradient[1][:, 1]))
    assert scores == pytest.approx(2 * X[:, 0] + 2 * X[:, 1])


# Fewer candidates


def test_a_restricted_view_has_fewer_candidates_and_leaves_the_other_as_it_was():
    view = view_of(LOGISTIC, mask=at(1, 3, 5, 7))
    margin = Margin()
    before = view.score(margin).copy()
    part = view.restrict(np.array([3, 4, 7]))
    assert part.candidates.tolist() == [3, 7] and part.mask.tolist() == at(3, 7).tolist()
    assert np.flatnonzero(~np.isnan(part.score(margin))).tolist() == [3, 7]
    assert part.row_random().tolist() == view.row_random().tolist()
    assert view.candidates.tolist() == [1, 3, 5, 7]
    assert view.score(margin) == pytest.approx(before, nan_ok=True)
    assert part.restrict(np.array([7, 1])).candidates.tolist() == [7]


# Progress


def test_a_bar_is_shown_once_the_work_takes_longer_than_the_delay(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "DELAY", 0)
    view_of(LOGISTIC, chunk_rows=10).score(Margin())
    shown = capsys.readouterr().err
    assert "scoring" in shown and "/60" in shown
    assert view_of(LOGISTIC, chunk_rows=10).proba.shape == (60, 3)
    assert "reading the model" in capsys.readouterr().err


def test_no_bar_is_shown_for_quick_work_or_for_a_single_chunk(monkeypatch, capsys):
    view_of(LOGISTIC, chunk_rows=1).score(Margin())
    monkeypatch.setattr(_progress, "DELAY", 0)
    view_of(LOGISTIC).score(Margin())
    assert capsys.readouterr().err == ""


def test_the_bar_is_closed_where_a_strategy_raises(monkeypatch):
    tqdm = pytest.importorskip("tqdm.auto").tqdm
    monkeypatch.setattr(_progress, "DELAY", 0)

    def fail_late(part):
        if part.X[0, 0] == X[30, 0]:
            raise RuntimeError("late")
        return np.zeros(len(part))

    with pytest.raises(RuntimeError, match="late"):
        view_of(chunk_rows=10).score(Tell(fail_late))
    assert not tqdm._instances


def test_progress_hands_on_every_step_and_counts_their_sizes(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "DELAY", 0)
    steps = ((size, name) for size, name in [(2, "a"), (3, "b"), (5, "c")])
    assert list(_progress.progress(steps, 10, "counting")) == ["a", "b", "c"]
    assert "counting" in capsys.readouterr().err


def test_quick_work_does_not_import_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)  # an import would raise
    view_of(LOGISTIC, chunk_rows=1).score(Margin())
    monkeypatch.setattr(_progress, "DELAY", 0)
    with pytest.raises(ImportError):
        view_of(LOGISTIC, chunk_rows=1).score(Margin())


# All of it together


def test_a_bagged_committee_scores_the_same_on_columns_of_a_sparse_matrix():
    matrix = sparse.csr_matrix(np.where(X > 0, X, 0))
    bagging = BaggingClassifier(
        LogisticRegression(), n_estimators=4, max_features=2, random_state=0
    ).fit(matrix, Y)
    view = view_of(bagging, matrix, at(*range(0, 60, 5)), chunk_rows=7)
    expected = bagging.predict_proba(matrix)
    assert view.samples.mean(axis=0) == pytest.approx(expected)
    assert view.score(Margin())[::5] == pytest.approx(-naive.margin(expected)[::5])


def test_std_in_chunks_is_std():
    scores = view_of(READS["std"], mask=at(1, 2, 40), chunk_rows=8).score(Std())
    expected = READS["std"].predict(X, return_std=True)[1]
    assert scores[[1, 2, 40]] == pytest.approx(expected[[1, 2, 40]])


def test_the_number_of_classes_is_that_of_the_model_or_of_those_that_were_named():
    assert view_of(LOGISTIC).n_classes == 3
    assert view_of(GaussianProcessRegressor(optimizer=None).fit(X, Y)).n_classes is None
    assert view_of(known={"proba": PROBA[:, :2]}).n_classes == 2
    for classes, expected in ((None, None), (range(7), 7)):
        pool = Pool(X, classes=classes)
        assert View(pool.rows, pool.unlabeled_mask, pool=pool).n_classes == expected
        assert view_of().n_classes is None


def images(names):
    """What files of these names would hold: 40 x 40 numbers each."""
    return np.array([np.full(1600, float(name)) for name in names])


def features(rows):
    """A few numbers of each image."""
    return rows[:, :3] + np.arange(3)


@pytest.mark.parametrize("make", [list, np.array, lambda names: [Path(name) for name in names]])
@pytest.mark.parametrize("way", ["steps", "nested", "function", "transformer"])
def test_rows_that_become_large_come_in_chunks_of_what_they_become(make, way, monkeypatch):
    monkeypatch.setattr("skactive.strategies.reading.MODEL_BYTES", 1 << 20)
    names, sizes = make([str(number) for number in range(2000)]), []

    def load(names):
        sizes.append(len(names))
        return images([str(name) for name in names])

    def embed(names):
        return features(load(names))

    steps = FunctionTransformer(load), FunctionTransformer(features)
    pool = Pool(names)
    options = {"pool": pool}
    if way in ("steps", "nested"):
        model = make_pipeline(*steps, LogisticRegression())
        if way == "nested":
            model = make_pipeline(steps[0], make_pipeline(steps[1], LogisticRegression()))
        options["model"] = adapt(model.fit(names[:30], Y[:30]), np.arange(3))
    else:
        options["embed"] = embed if way != "transformer" else make_pipeline(*steps).transform
        options["is_embedded"] = True
    sizes.clear()
    view = View(pool.rows, pool.unlabeled_mask, **options)
    vectors = view.embedding
    expected = features(images(range(2000)))
    np.testing.assert_array_equal(vectors, expected)
    # A megabyte holds 81 such images; what a function makes cannot be seen, and it gets 256.
    assert max(sizes) == (256 if way == "function" else 81)


def test_rows_none_of_which_fits_come_sixteen_at_a_time(monkeypatch):
    monkeypatch.setattr("skactive.strategies.reading.MODEL_BYTES", 1 << 10)
    names, sizes = [str(number) for number in range(300)], []

    def load(names):
        sizes.append(len(names))
        return images(names)

    steps = FunctionTransformer(load), FunctionTransformer(features), LogisticRegression()
    model = make_pipeline(*steps).fit(names[:30], Y[:30])
    sizes.clear()
    pool = Pool(names)
    view = View(pool.rows, pool.unlabeled_mask, pool=pool, model=adapt(model, np.arange(3)))
    np.testing.assert_array_equal(view.embedding, features(images(range(300))))
    assert sizes == [8, *[16] * 18, 12]


def test_names_that_become_little_come_in_large_chunks():
    texts, sizes = [f"text {number}" for number in range(3000)], []

    def count(texts):
        sizes.append(len(texts))
        return np.array([[len(text), text.count("1"), text.count("2")] for text in texts])

    model = make_pipeline(FunctionTransformer(count), LogisticRegression()).fit(texts[:30], Y[:30])
    sizes.clear()
    pool = Pool(texts)
    view = View(pool.rows, pool.unlabeled_mask, pool=pool, model=adapt(model, np.arange(3)))
    assert view.embedding.shape == (3000, 3)
    assert sizes == [8, 3000]


class Held(LogisticRegression):
    """Reads numbers out of whatever a step has put them in."""

    def fit(self, X, y):
        return super().fit(self.numbers(X), y)

    def predict_proba(self, X):
        return super().predict_proba(self.numbers(X))

    def numbers(self, X):
        values = X.values() if isinstance(X, Mapping) else X.kept if hasattr(X, "kept") else X
        return np.stack(list(values), axis=1)


@pytest.mark.parametrize(
    "hold",
    [
        lambda rows: dict(enumerate(rows.T)),
        lambda rows: UserDict(enumerate(rows.T)),  # as a tokenizer of transformers does
        lambda rows: tuple(rows.T),
        lambda rows: (column for column in rows.T),
        lambda rows: SimpleNamespace(kept=rows.T),
    ],
    ids=["dict", "UserDict", "tuple", "generator", "object"],
)
def test_a_step_may_make_anything_of_rows(hold):
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.arange(300) % 2
    model = make_pipeline(FunctionTransformer(hold), Held()).fit(X, y)
    pool = Pool(X)
    view = View(pool.rows, pool.unlabeled_mask, pool=pool, model=adapt(model, np.arange(2)))
    np.testing.assert_allclose(view.proba, LogisticRegression().fit(X, y).predict_proba(X))


def test_rows_are_found_by_their_numbers_in_a_part_as_in_the_whole():
    view = view_of()
    assert view.positions_of([7, 3, 7]).tolist() == [7, 3, 7]
    part = view.part(X[[9, 3, 7]], np.array([9, 3, 7]))
    assert part.positions_of([7, 3, 9, 7]).tolist() == [2, 1, 0, 2]
    with pytest.raises(ValueError, match=r"reads row 8, which is not among the 3 rows that it"):
        part.positions_of([7, 8])
    with pytest.raises(ValueError, match=r"rows hold positions from 3 to 60; .* 0 to 59"):
        view.positions_of([60, 3])
