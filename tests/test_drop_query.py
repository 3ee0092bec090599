"""DropQuery: its twin, from the paper's formulas, what it promises, and what it refuses."""

import warnings

import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from scipy import sparse
from selection_contract import check_contract, check_forms, check_refusals, problems
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline

from skactive import ActiveLearner
from skactive.data.chance import uniform_by_entry, uniform_by_row
from skactive.selection import drop_query, k_means
from skactive.strategies import DropQuery
from skactive.strategies.hybrid import _dropped

X = data.clustered()
TRUTH = (X[:, 0] > np.median(X[:, 0])).astype(int) + (X[:, 1] > np.median(X[:, 1]))
COLUMNS = np.arange(8)
Y = np.where(np.arange(200) < 15, TRUTH, -1)


def shares(model, features, keys, rate, n_passes):
    """How often each row's prediction changes, an entry after the other, in float64."""
    out = []
    for key, row in zip(keys, np.asarray(features, dtype=np.float64), strict=True):
        predict = lambda x: np.argmax(model.coef_ @ x + model.intercept_)  # noqa: E731
        n_changed = 0
        for turn in range(n_passes):
            dropped = [
                0.0 if chance < rate else value / (1 - rate)
                for chance, value in zip(uniform_by_entry(key, COLUMNS, turn), row, strict=True)
            ]
            n_changed += predict(np.array(dropped)) != predict(row)
        out.append(n_changed / n_passes)
    return np.array(out)


class Seen(DropQuery):
    """DropQuery that tells what it saw."""

    def select(self, view, n):
        """Keep the view."""
        SEEN.append(view)
        return super().select(view, n)


SEEN = []


@pytest.mark.parametrize(("rate", "n_passes"), [(0.75, 3), (0.9, 8)])
def test_it_chooses_what_its_twin_chooses(rate, n_passes):
    learner = ActiveLearner(LogisticRegression(), Seen(rate, n_passes), random_state=0).fit(X, Y)
    learner.pool_.reserve([20, 21])
    picks, _ = learner.query(n_instances=6)
    rows = np.setdiff1d(np.arange(15, 200), [20, 21])
    keys = SEEN[-1].row_random(rows)
    changed = shares(learner.estimator_, X[rows], keys, rate, n_passes)
    often = rows[changed > 0.5]
    assert 6 < len(often) < 150
    rng = np.random.default_rng(SEEN[-1]._seed)
    expected = k_means(X, 6, candidates=often, centers=[20, 21], rng=rng)
    assert picks.tolist() == expected.tolist()


def test_predictions_change_as_often_as_by_any_other_dropout():
    model = LogisticRegression().fit(X[:15], TRUTH[:15])
    keys = uniform_by_row(np.arange(40), (1,))
    ours = shares(model, X[:40], keys, 0.5, 300)
    rng = np.random.default_rng(0)
    theirs = np.mean(
        [
            model.predict(X[:40] * (rng.random((40, 8)) < 0.5) / 0.5) != model.predict(X[:40])
            for _ in range(300)
        ],
        axis=0,
    )
    assert ours.max() > 0.2
    np.testing.assert_allclose(ours, theirs, atol=5 * np.sqrt(0.5 / 300))


def test_chance_of_entries_is_uniform_and_owes_nothing_to_rows_columns_or_turns():
    rows = uniform_by_row(np.arange(500), (3,))
    each = [uniform_by_entry(rows[:, None], np.arange(40), turn) for turn in range(3)]
    assert abs(np.mean(each) - 0.5) < 4 * np.sqrt(1 / 12 / 60000)
    np.testing.assert_allclose(np.quantile(each, [0.1, 0.9]), [0.1, 0.9], atol=0.01)
    for one, other in [
        (each[0], each[1]),
        (each[1], each[2]),
        (each[0][:-1], each[0][1:]),
        (each[0][:, :-1], each[0][:, 1:]),
        (each[0], np.broadcast_to(rows[:, None], (500, 40))),
    ]:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(one.size)


def test_of_sparse_features_the_same_are_left_out():
    rows = np.where(np.abs(X) > 5, X, 0).astype(np.float32)
    keys = uniform_by_row(np.arange(200), (0,))
    dense, found = (_dropped(each, keys, 2, 0.75) for each in (rows, sparse.csr_matrix(rows)))
    np.testing.assert_array_equal(found.toarray(), dense)
    given = sparse.csr_matrix(rows)
    _dropped(given, keys, 1, 0.75)
    np.testing.assert_array_equal(given.toarray(), rows)
    assert found.dtype == dense.dtype == np.float32


def test_too_few_that_change_are_followed_by_those_that_change_most_often():
    E, changed = np.arange(6.0)[:, None], [0.5, 0.2, 1.0, 0.4, 0.4, 0.9]
    picks = [
        drop_query(E, changed, 4, candidates=[1, 2, 3, 4], rng=np.random.default_rng(seed)).tolist()
        for seed in range(20)
    ]
    assert {tuple(each) for each in picks} == {(2, 3, 4, 1), (2, 4, 3, 1)}
    # A half is not more than half: with one row asked for, only rows 2 and 5 are clustered.
    assert drop_query(E, changed, 1, rng=np.random.default_rng(0))[0] in (2, 5)


def changing(X, n, **options):
    """Every second row changes: for the contract of functions of an embedding."""
    return drop_query(X, np.arange(np.shape(X)[0]) % 2 * 1.0, n, **options)


@given(problem=problems())
def test_the_contract_holds_for_any_rows(problem):
    check_contract(changing, problem)


def test_form_of_the_rows_changes_nothing():
    check_forms(changing, np.random.default_rng(0).integers(0, 20, size=(60, 3)), 12, centers=[3])


def test_what_is_refused():
    check_refusals(changing)
    rng = np.random.default_rng(0)
    for wrong in (np.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match=f"changed with {wrong} in row 1; give shares from 0"):
            drop_query(np.ones((2, 1)), [0.5, wrong], 1, rng=rng)
        assert drop_query(np.ones((2, 1)), [0.5, wrong], 1, candidates=[0], rng=rng) == [0]
    with pytest.raises(ValueError, match=r"changed of shape \(3,\); it must be \(2,\)"):
        drop_query(np.ones((2, 1)), np.ones(3), 1, rng=rng)


@pytest.mark.parametrize("rate", [0, 1, 1.5, np.nan, True, "half"])
def test_which_rates_are_refused(rate):
    learner = ActiveLearner(LogisticRegression(), DropQuery(rate=rate)).fit(X, Y)
    with pytest.raises(ValueError, match="DropQuery got rate=.*; give a number between 0 and 1"):
        learner.query()


@pytest.mark.parametrize("n_passes", [0, 2.0, True, None])
def test_which_numbers_of_passes_are_refused(n_passes):
    learner = ActiveLearner(LogisticRegression(), DropQuery(n_passes=n_passes)).fit(X, Y)
    with pytest.raises(ValueError, match="DropQuery got n_passes=.*; give a whole number"):
        learner.query()


def test_who_cannot_serve_is_refused_before_a_label_is_paid_for():
    with pytest.raises(ValueError, match="which Ridge cannot give: it needs to be a clas"):
        ActiveLearner(Ridge(), "drop_query").fit(X, np.where(Y < 0, np.nan, Y))
    skorch = pytest.importorskip("skorch")
    torch = pytest.importorskip("torch")
    net = skorch.NeuralNetClassifier(torch.nn.Sequential(torch.nn.Linear(8, 3)))
    with pytest.raises(ValueError, match=r"no net, for which there is Dropout\(\)"):
        ActiveLearner(net, "drop_query").fit(X.astype(np.float32), Y)


def test_features_are_what_the_last_step_sees_and_chunks_change_nothing(monkeypatch):
    words = np.array([f"{['good', 'bad', 'fair'][t]} word{i % 7}" for i, t in enumerate(TRUTH)])
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    whole = ActiveLearner(model, "drop_query", random_state=0).fit(words, Y)
    picks = whole.query(n_instances=5)[0].tolist()
    monkeypatch.setattr("skactive.data.arrays.CHUNK_BYTES", 8)
    monkeypatch.setattr("skactive.data.arrays.LEAST_ROWS", 7)
    assert whole.query(n_instances=5)[0].tolist() == picks


@pytest.mark.parametrize("model", [LogisticRegression(), NearestCentroid()])
def test_containers_are_alike_and_frames_are_predicted_as_frames(model):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    rows = np.round(X * 32) / 32 * (np.abs(X) > 2)  # some are 0
    names = [f"x{i}" for i in range(8)]
    made = [rows, rows.tolist(), pandas.DataFrame(rows, columns=names)]
    made += [polars.DataFrame(rows, schema=names)] if model.__class__ is LogisticRegression else []
    made += [sparse.csr_matrix(rows)]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "X does not have valid feature names")
        picks = [
            ActiveLearner(model, "drop_query", random_state=0).fit(each, Y).query(n_instances=5)[0]
            for each in made
        ]
    assert {tuple(sorted(each)) for each in picks[:-1]} == {tuple(sorted(picks[0]))}
