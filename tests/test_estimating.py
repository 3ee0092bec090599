"""Questions to test on, which answers count, what is said of a model by them, and when to stop."""

import copy
import pickle
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_hold_out import place_of
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    jaccard_score,
    make_scorer,
    r2_score,
    recall_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from snapshot import unchanged

from skactive import ActiveLearner, EstimateDisplay, Known, Pool, Prompt, run
from skactive.learner.asked import n_questions, places_of_tests
from skactive.loops import AccuracyAtLeast, Budget, EstimateAtLeast
from skactive.loops.assured import errors, looks
from skactive.pool.past import as_of
from skactive.statistics import bootstrap, clopper_pearson, rates, wilson

X, TRUTH = load_digits(return_X_y=True)
X = X / 16
START = np.where(np.arange(len(X)) < 30, TRUTH, -1)


def new_learner(estimator=None, strategy="margin", hold_out=0.2, **options):
    model = GaussianNB(var_smoothing=0.01) if estimator is None else estimator
    learner = ActiveLearner(model, strategy, hold_out=hold_out, random_state=3, **options)
    return learner.fit(X, START)


def answered(learner, n_rounds=8, n=25):
    for _ in range(n_rounds):
        idx, _ = learner.query(n_instances=n)
        learner.teach(idx, TRUTH[idx % len(TRUTH)])  # rows that joined are the first ones again
    return learner


def in_order(pool):
    """The rows of the test side in the order of the hash in plain Python."""
    return sorted(pool.held_out.tolist(), key=lambda row: place_of(row, pool.seed))


# Which questions


@given(st.integers(0, 400), st.integers(0, 60), st.floats(0.01, 0.9))
@settings(max_examples=40)
@pytest.mark.once
def test_the_share_of_questions_is_that_of_the_rows_however_they_are_divided(before, n, share):
    places = places_of_tests(before, n, share)
    one_by_one = [i for i in range(n) if len(places_of_tests(before + i, 1, share))]
    assert places.tolist() == one_by_one
    assert abs(len(places) - share * n) < 1
    total = n_questions(n, before, share, 10_000)
    assert total - len(places_of_tests(before, total, share)) == n
    assert n_questions(n, before, share, 2) <= n + 2


def test_one_question_in_five_is_to_test_on_in_the_order_of_the_hash_until_there_are_enough():
    learner = new_learner(max_test=12)
    pool, asked = learner.pool_, []
    order = in_order(pool)
    assert pool.test_questions(12).tolist() == order[:12]
    for i in range(30):
        n = 1 + i % 4
        idx, rows = learner.query(n_instances=n)
        assert np.array_equal(rows, X[idx])
        assert len(idx) == n
        asked += idx.tolist()
        learner.teach(idx, TRUTH[idx])
    tests = [row for row in asked if pool.held_out_mask[row]]
    assert tests == order[:12]
    where = [i for i, row in enumerate(asked) if pool.held_out_mask[row]]
    assert where == [4 + 5 * i for i in range(12)]  # 30 answers came with fit
    assert len(pool.test_questions(12)) == 0
    assert pool.n_labeled == 30 + len(asked) - 12


def test_what_is_chosen_to_learn_from_is_what_would_be_chosen_without_test_questions():
    with_tests, without = new_learner(), new_learner(max_test=0)
    idx, _, scores = with_tests.query(n_instances=25, return_scores=True)
    is_test = with_tests.pool_.held_out_mask[idx]
    assert is_test.sum() == 5
    assert idx[~is_test].tolist() == without.query(n_instances=20)[0].tolist()
    assert np.isnan(scores[idx[is_test]]).all()
    assert not np.isnan(scores[idx[~is_test]]).any()
    again = with_tests.query(n_instances=25)[0]
    assert again.tolist() == idx.tolist()
    assert with_tests.query(n_instances=7)[0][4] == in_order(with_tests.pool_)[0]


def test_a_cold_start_and_n_total_have_test_questions_besides():
    learner = ActiveLearner(GaussianNB(), hold_out=0.25, random_state=0).fit(X)
    assert not hasattr(learner, "estimator_")
    assert learner.pool_.held_out_mask[learner.query(n_instances=8)[0]].sum() == 2
    idx, _ = learner.query(n_total=30)
    assert learner.pool_.held_out_mask[idx].sum() == 9
    assert len(idx) == 39


def test_rows_that_are_reserved_skipped_or_labelled_are_not_asked_for_again():
    learner = new_learner()
    pool, order = learner.pool_, in_order(learner.pool_)
    pool.reserve(order[0], "Ada")
    pool.skip(order[1])
    learner.teach(order[3], TRUTH[order[3]])
    assert pool.test_questions(5).tolist() == [order[2], order[4], order[5]]  # one was skipped
    idx, _ = learner.query(n_instances=10)
    assert idx[pool.held_out_mask[idx]][0] == order[2]
    pool.undo(3)
    assert pool.test_questions(5).tolist() == order[:5]


def test_a_subset_takes_of_the_order_what_comes_first_and_no_other_row():
    learner = new_learner()
    order, free = in_order(learner.pool_), learner.pool_.unlabeled
    idx, _ = learner.query(n_instances=20, subset=[*free[:100], *order[:2], *order[3:50]])
    assert [row for row in idx if learner.pool_.held_out_mask[row]] == order[:2]
    assert len(idx) == 20
    idx, _ = learner.query(n_instances=20, subset=free[:100])
    assert not learner.pool_.held_out_mask[idx].any()


def test_streams_and_rows_from_outside_have_no_test_questions():
    learner = new_learner()
    idx, _ = learner.query(X[:50] + 1, n_instances=20)
    assert len(idx) == 20
    assert idx.max() < 50
    stream = new_learner(strategy="stream_random")
    assert stream.query(X[:200] + 1)[0].max() < 200


def test_where_no_row_is_left_to_learn_from_those_to_test_on_are_asked_for():
    learner = ActiveLearner(GaussianNB(), hold_out=0.5, max_test=20, random_state=0)
    learner.fit(X[:60], TRUTH[:60] * 0 - 1)
    pool = learner.pool_
    run(learner, Known(TRUTH), n_instances=7)
    assert pool.n_unlabeled == 0
    assert len(pool.test_answers().rows) == 20
    assert len(learner.query(n_instances=5)[0]) == 0


def test_a_max_test_that_is_no_count_is_refused_and_it_is_a_parameter():
    for wrong in (-1, 2.5, None, "all"):
        with pytest.raises(ValueError, match="the learner got max_test=.*; give a whole number"):
            ActiveLearner(GaussianNB(), max_test=wrong).fit(X, START)
    assert clone(ActiveLearner(GaussianNB(), max_test=7)).get_params()["max_test"] == 7


# Which answers count


def test_answers_count_as_far_as_the_order_has_no_gap_whoever_gave_them():
    learner = new_learner()
    pool, order = learner.pool_, in_order(learner.pool_)
    for rows in (order[40:60], order[1:4]):  # typed by choice
        learner.teach(rows, TRUTH[rows])
    with pytest.raises(
        ValueError, match=f"got 23 labels .* none counts: row {order[0]}, the first"
    ):
        learner.estimate()
    pool.reserve(order[0], "Ada")
    with pytest.raises(ValueError, match=f"row {order[0]}, .* is reserved"):
        learner.estimate()
    learner.teach(order[0], TRUTH[order[0]])
    pool.skip(order[4])
    learner.teach(order[5], TRUTH[order[5]])
    counts = pool.test_answers()
    assert counts.rows.tolist() == [*order[:4], order[5]]
    assert counts[1:5] == (1, 20, order[6], False)
    with pytest.warns(UserWarning, match="1 of the first 6 test rows were skipped"):
        said = repr(learner.estimate())
    assert "by 5 test labels (wilson); 1 test rows skipped; 20 labels of other held-out" in said


def test_what_counts_follows_from_the_record(tmp_path):
    learner = answered(new_learner())
    pool, said = learner.pool_, learner.estimate()
    order = in_order(pool)
    assert said.n == 40
    pool.save(tmp_path / "pool.npz")
    loaded = Pool.load(tmp_path / "pool.npz", X)
    others = [pickle.loads(pickle.dumps(learner)), copy.deepcopy(learner)]
    others.append(ActiveLearner(learner.estimator, "margin", hold_out=0.2).fit(loaded))
    for other in others:
        assert other.estimate() == said
        assert np.array_equal(other.query(n_instances=9)[0], learner.query(n_instances=9)[0])
    idx, _ = learner.query(n_instances=25)
    learner.teach(idx, TRUTH[idx])
    assert learner.estimate().n == 45
    pool.undo()
    assert learner.refit().estimate() == said
    new = pool.extend(X[:300])
    joined = [row for row in in_order(pool) if row in set(new.tolist())]
    assert learner.estimate() == said  # what was asked in order was so before they joined
    gaps = joined[: sum(place_of(row, 3) < place_of(order[45], 3) for row in joined)]
    assert len(gaps) > 2
    assert pool.test_questions()[0] == gaps[0]
    learner.teach(order[40:46], TRUTH[order[40:46]])  # five of which were asked before, and undone
    assert (learner.estimate().n, learner.estimate().n_waiting) == (45, 1)
    for i, row in enumerate(gaps):
        learner.teach(row, TRUTH[row - len(X)])
        assert learner.estimate().n == 46 + i + (row == gaps[-1])


def test_pools_in_a_database_and_with_ids_have_the_same_order(tmp_path):
    ids = [f"digit {i}" for i in range(400)]
    turned = np.random.default_rng(0).permutation(400)
    with Pool.open(tmp_path / "a.db", X[:400], ids=ids, hold_out=0.3) as pool:
        first = pool.ids[pool.test_questions(50)].tolist()
        pool.label(pool.test_questions(9), np.zeros(9))
        with Pool.open(tmp_path / "a.db", X[turned], ids=np.array(ids)[turned]) as other:
            assert other.ids[other.test_questions(50)].tolist() == first[9:50]
            assert other.ids[other.test_answers().rows].tolist() == first[:9]


def test_a_pool_can_be_seen_as_it_was():
    learner = answered(new_learner(), 3)
    pool = learner.pool_
    pool.undo()
    rows = pool.held_out[:3]
    pool.label(rows, np.zeros(3), relabel=True)
    before = pool.y.copy()
    pool.extend(X[:50], TRUTH[:50])
    past = as_of(pool, pool.n_operations - 1)
    assert len(past) == len(X)
    assert past.y.tolist() == before.tolist()
    assert as_of(pool, 1).y.tolist() == START.tolist()
    assert as_of(pool, pool.n_operations).y.tolist() == pool.y.tolist()
    assert as_of(pool, 4).n_labeled == 30 + 3 * 20  # before the undo


# What is said


def test_accuracy_is_that_of_the_test_rows_with_wilsons_interval():
    learner = answered(new_learner())
    rows = in_order(learner.pool_)[:40]
    share = np.mean(learner.predict(X[rows]) == TRUTH[rows])
    said = learner.estimate(level=0.9)
    assert (said.value, said.low, said.high) == pytest.approx(wilson(share, 40, 0.9))
    assert (said.n, said.n_skipped, said.scoring) == (40, 0, "accuracy")
    exact = learner.estimate(method="exact")
    assert (exact.value, exact.low, exact.high) == pytest.approx(clopper_pearson(share, 40))
    powered = learner.estimate(method="ppi")
    assert abs(powered.value - share) < 0.1
    assert powered.high - powered.low <= exact.high - exact.low
    with unchanged(learner):
        learner.estimate("f1_macro" if share < 0 else None)


def test_precision_recall_and_f1_weigh_with_what_is_predicted_of_the_whole_side():
    data, truth = load_breast_cancer(return_X_y=True)
    names = np.array(["bad", "fine"])[truth]
    for y, options in ((truth, {}), (names, {"pos_label": "fine"})):
        learner = ActiveLearner(GaussianNB(), hold_out=0.4, random_state=0).fit(data)
        run(learner, Known(y), n_instances=50, stopping=100)
        rows, positive = learner.pool_.test_answers().rows, np.unique(y)[1]
        said, is_it = learner.predict(data[rows]) == positive, y[rows] == positive
        counts = [(is_it & said).sum(), (~is_it & said).sum()]
        counts += [(is_it & ~said).sum(), (~is_it & ~said).sum()]
        of_all = learner.predict(learner.pool_.X_held_out) == positive
        expected_of_each = rates(counts, of_all.mean(), n_rows=len(of_all))
        for name, expected in zip(("precision", "recall", "f1"), expected_of_each, strict=True):
            found = learner.estimate(name, **options)
            assert (found.value, found.low, found.high) == pytest.approx(expected)
            assert found.method == "beta"
    few = answered(new_learner(), 2)
    with pytest.warns(
        UserWarning, match=r"recall by \d test rows? of the class 8: intervals cover"
    ):
        few.estimate("recall", pos_label=8)
    with pytest.raises(ValueError, match="pos_label=None for the classes 'bad', 'fine'; give one"):
        learner.estimate("recall")


@pytest.mark.filterwarnings("ignore:.*intervals cover less")
def test_of_several_labels_a_row_precision_recall_and_f1_are_those_of_one_of_them():
    has = {"even": TRUTH % 2 == 0, "seven": TRUTH == 7}
    y = np.column_stack(list(has.values())).astype(int)
    model = OneVsRestClassifier(GaussianNB())
    learner = ActiveLearner(
        model, hold_out=0.2, multilabel=True, classes=list(has), random_state=0
    ).fit(X)
    run(learner, Known(y), n_instances=50, stopping=100)
    rows = learner.pool_.test_answers().rows
    for at, (label, is_it) in enumerate(has.items()):
        said, of_all = (
            learner.predict(of)[:, at] == 1 for of in (X[rows], learner.pool_.X_held_out)
        )
        truth = is_it[rows]
        counts = [(a & b).sum() for a in (truth, ~truth) for b in (said, ~said)]
        counts = [counts[0], counts[2], counts[1], counts[3]]
        expected_of_each = rates(counts, of_all.mean(), n_rows=len(of_all))
        for name, expected in zip(("precision", "recall", "f1"), expected_of_each, strict=True):
            found = learner.estimate(name, pos_label=label)
            assert (found.value, found.low, found.high) == pytest.approx(expected)
            assert found.value > 0
    with pytest.raises(ValueError, match="pos_label=None for the classes 'even', 'seven'"):
        learner.estimate("recall")


def test_shares_of_classes_are_refused_of_numbers():
    ridge = ActiveLearner(Ridge(), "random", hold_out=0.2, random_state=0).fit(X)
    run(ridge, Known(X.sum(axis=1)), n_instances=50, stopping=100)
    for ask in (partial(ridge.estimate, "accuracy"), partial(ridge.curve, "recall")):
        with pytest.raises(
            ValueError, match=r"which is of classes, and Ridge\(\) predicts numbers"
        ):
            ask()
    with pytest.raises(ValueError, match="scoring is 'accuracy', which is of classes"):
        AccuracyAtLeast(0.5).start(ridge)


@pytest.mark.filterwarnings("ignore:.*resampling")
def test_other_scores_are_scikit_learns_with_intervals_by_resampling(monkeypatch):
    quick = partial(bootstrap, n_resamples=20)
    monkeypatch.setattr("skactive.learner.estimating.bootstrap", quick)
    learner = answered(new_learner(), 5)
    rows = in_order(learner.pool_)[:25]
    said = learner.predict(X[rows])
    macro = learner.estimate("f1_macro")
    assert macro.value == pytest.approx(f1_score(TRUTH[rows], said, average="macro"))
    assert 0 <= macro.low < macro.value <= macro.high <= 1
    own = learner.estimate(make_scorer(f1_score, average="macro"))
    assert (own.value, own.scoring) == (macro.value, "score")
    for name in ("accuracy", "f1"):  # what a function is called does not say what it computes

        def half(model, X, y):
            return 0.5

        half.__name__ = name
        called = learner.estimate(half)
        assert (called.value, called.scoring, called.method) == (0.5, name, "bootstrap")
    ridge = ActiveLearner(Ridge(), "random", hold_out=0.2, random_state=0).fit(X)
    target = X.sum(axis=1) + np.sin(np.arange(len(X)))
    run(ridge, Known(target), n_instances=50, stopping=100)
    rows = ridge.pool_.test_answers().rows
    r2 = ridge.estimate()
    assert r2.value == pytest.approx(r2_score(target[rows], ridge.predict(X[rows])))
    assert (r2.scoring, r2.method) == ("r2", "bootstrap")
    assert ridge.estimate("neg_mean_absolute_error").high < 0


@pytest.mark.filterwarnings("ignore:.*resampling")
def test_a_function_is_what_it_returns_whatever_it_is_called():
    learner = answered(new_learner(), n_rounds=4)

    def accuracy(model, X, y):
        return 0.5

    def f1(model, X, y):
        return -float(np.mean(model.predict(X) != y))

    constant = learner.estimate(accuracy)
    # Resamples that are all alike say nothing of an error.
    assert (constant.value, constant.low, constant.high) == (0.5, -np.inf, np.inf)
    assert (constant.scoring, constant.method) == ("accuracy", "bootstrap")
    found = learner.estimate(f1)
    assert found.value == pytest.approx(learner.estimate().value - 1)
    assert found.low < found.value < found.high
    with pytest.raises(TypeError, match="returned {'a': 1}; give a function"):
        learner.estimate(lambda model, X, y: {"a": 1})


def test_scores_of_classes_are_refused_of_regressors():
    learner = new_learner(Ridge(), "random")
    for name in ("accuracy", "recall"):
        with pytest.raises(ValueError, match=f"scoring is '{name}', which is of classes"):
            learner.estimate(name)
    with pytest.raises(ValueError, match="which is of classes, and Ridge"):
        run(learner, Known(TRUTH), stopping=AccuracyAtLeast(0.9))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scoring": "accuraci"}, "scoring is 'accuraci'"),
        ({"scoring": "f1_macro", "method": "wilson"}, "for f1_macro; give 'auto' or 'bootstrap'"),
        ({"method": "wald"}, "method='wald' for accuracy; give 'auto' or 'wilson' or 'exact'"),
        ({"level": 95}, "estimate got level=95; give a number between 0 and 1"),
        ({"pos_label": 3}, "pos_label=3 for accuracy, which does not take it"),
        ({"scoring": "recall"}, "give one of them, or for all of them ask for 'f1_macro'"),
    ],
)
def test_what_cannot_be_estimated_is_refused(options, said):
    learner = answered(new_learner(), 2)
    with unchanged(learner), pytest.raises(ValueError, match=said):
        learner.estimate(**options)


def test_estimates_without_test_labels_a_model_or_probabilities_are_refused():
    plain = ActiveLearner(GaussianNB()).fit(X, START)
    for ask in (plain.estimate, plain.curve):
        with pytest.raises(ValueError, match="needs rows that are held out to test on"):
            ask()
    learner = new_learner(LinearSVC(dual=True))
    with pytest.raises(ValueError, match="no label of a row that is held out; answer what query"):
        learner.estimate()
    full = ActiveLearner(GaussianNB(), hold_out=0.2).fit(X, TRUTH)
    with pytest.raises(ValueError, match=f"hold_out=0.2, of whose {len(X)} rows none is held out"):
        full.estimate()
    answered(learner, 2)
    with pytest.raises(TypeError, match=r"write make_scorer\(f1_score\)"):
        learner.estimate(f1_score)
    with pytest.raises(ValueError, match="reads predict_proba, and LinearSVC has none"):
        learner.estimate(method="ppi")
    with pytest.raises(ValueError, match="9 test labels, of which accuracy cannot be resampled"):
        new = answered(new_learner(), 1, 45)
        new.estimate(method="bootstrap")
    cold = ActiveLearner(GaussianNB(), hold_out=0.5, random_state=0).fit(X)
    cold.teach(cold.pool_.test_questions()[:5], TRUTH[:5])
    with pytest.raises(NotFittedError, match="no row is labelled yet"):
        cold.estimate()


@pytest.mark.filterwarnings("ignore:.*resampling")
def test_rows_with_several_labels_are_right_where_all_are():
    Y = np.array([[one % 2 == 0, one > 4] for one in TRUTH]).astype(int)
    start = np.where((np.arange(len(X)) < 30)[:, None], Y, -1)
    learner = ActiveLearner(OneVsRestClassifier(GaussianNB(var_smoothing=0.01)), hold_out=0.3)
    learner.set_params(strategy="random", random_state=3).fit(X, start)
    idx, _ = learner.query(n_instances=100)
    rows = learner.teach(idx, Y[idx]).pool_.test_answers().rows
    said = learner.predict(X[rows])
    assert learner.estimate().value == (said == Y[rows]).all(axis=1).mean()
    micro = f1_score(Y[rows], said, average="micro")
    assert learner.estimate("f1_micro").value == pytest.approx(micro)
    with pytest.raises(ValueError, match=r"pos_label=None for the classes 0, 1; give one"):
        learner.estimate("recall")
    of_one = learner.estimate("recall", pos_label=1, method="bootstrap").value
    assert of_one == pytest.approx(recall_score(Y[rows, 1], said[:, 1]))
    with pytest.raises(ValueError, match="method='ppi' for rows with several labels"):
        learner.estimate(method="ppi")


def test_rows_of_a_group_count_for_less():
    groups = np.arange(len(X)) // 20
    learner = ActiveLearner(GaussianNB(), hold_out=0.4, random_state=0)
    learner.fit(np.repeat(X[::20], 20, axis=0)[: len(X)], groups=groups)
    truth = np.repeat(TRUTH[::20], 20)[: len(X)]
    run(learner, Known(truth), n_instances=50, stopping=100)
    n, said = len(learner.pool_.test_answers().rows), learner.estimate()
    alone = wilson(said.value, n)
    assert said.n == n == 66
    assert said.high - said.low > 1.15 * (alone.high - alone.low)
    with pytest.raises(ValueError, match="method='ppi' where groups are held out"):
        learner.estimate(method="ppi")


def test_the_curve_is_that_of_the_models_of_then_by_the_test_labels_of_now():
    learner, scores, n_labeled = new_learner(), [], [30]
    scores.append(learner.estimator_)
    for _ in range(4):
        idx, _ = learner.query(n_instances=25)
        learner.teach(idx, TRUTH[idx])
        scores.append(learner.estimator_)
        n_labeled.append(learner.pool_.n_labeled)
    rows = learner.pool_.test_answers().rows
    with unchanged(learner):
        curve = learner.curve()
    assert curve.n_labeled.tolist() == n_labeled
    expected = [np.mean(model.predict(X[rows]) == TRUTH[rows]) for model in scores]
    assert curve.values.tolist() == pytest.approx(expected)
    assert curve.estimates[-1] == learner.estimate()
    assert curve == curve and hash(curve) is not None  # though it holds arrays
    assert curve != learner.curve(n_points=2)
    assert learner.curve(n_points=2).n_labeled.tolist() == [n_labeled[0], n_labeled[-1]]
    learner.pool_.rename_class(8, 88)
    learner.set_params(classes=None).refit()
    assert learner.curve().n_labeled.tolist() == [n_labeled[-1]]  # before, labels had other names
    pytest.importorskip("matplotlib").use("Agg")
    display = EstimateDisplay({"margin": curve}).plot(target=0.9)
    assert display.lines_[0].get_ydata().tolist() == curve.values.tolist()
    assert display.ax_.get_ylabel() == "accuracy"
    of_threes = EstimateDisplay.from_learner(learner, "recall", method="beta", pos_label=3)
    last = learner.estimate("recall", pos_label=3)
    assert of_threes.lines_[0].get_ydata()[-1] == last.value
    drawn = EstimateDisplay.from_learner(learner)
    assert [text.get_text() for text in drawn.ax_.get_legend().get_texts()] == ["20 test labels"]


# When to stop


def test_looks_come_at_sizes_that_no_result_changes():
    assert looks(200) == [60, 78, 101, 132, 171, 200]
    assert looks(50) == [50]
    assert len(looks(5000)) == 8


def chance_to_stop(accuracy, target, plan):
    """How likely a model that stays as it is passes one of the looks, by all of its paths."""
    going, seen, passed = np.array([1.0]), 0, 0.0
    for n, error in zip(plan, errors(0.05, len(plan)), strict=True):
        going = np.convolve(going, stats.binom.pmf(np.arange(n - seen + 1), n - seen, accuracy))
        low = [clopper_pearson(k / n, n, 1 - 2 * error).low for k in range(n + 1)]
        is_enough = np.array(low) >= target
        passed, going, seen = passed + going[is_enough].sum(), going * ~is_enough, n
    return passed


@pytest.mark.parametrize("max_test", [100, 200, 400])
@pytest.mark.parametrize("target", [0.6, 0.9])
def test_a_model_below_the_target_is_rarely_stopped_at_whatever_the_looks(target, max_test):
    plan = looks(max_test)
    assert sum(errors(0.05, len(plan))) == pytest.approx(0.05)
    assert chance_to_stop(target - 1e-6, target, plan) <= 0.05
    assert chance_to_stop(target + 0.09, target, plan) > 0.45


def test_a_model_of_95_passes_a_target_of_90_nearly_as_often_as_by_one_look():
    assert chance_to_stop(0.95, 0.9, looks(200)) == pytest.approx(0.80, abs=0.01)
    assert chance_to_stop(0.95, 0.9, [200]) == pytest.approx(0.80, abs=0.01)


@pytest.mark.once
def test_impossible_plans_are_refused_and_useless_looks_left_out():
    learner = new_learner(hold_out=0.3)
    rule = AccuracyAtLeast(0.9)
    rule.start(learner)
    level = 1 - 2 * 0.05 / 6
    least = [
        min(k for k in range(n + 1) if clopper_pearson(k / n, n, level).low >= 0.9)
        for n in (50, 100, 200)
    ]
    assert least == [50, 97, 190]
    for one, said in (
        (AccuracyAtLeast(0.99), "200 right answers of as many show no more than 0.985"),
        (AccuracyAtLeast(1), "target=1; give a number between 0 and 1"),
        (AccuracyAtLeast(0.9, confidence=95), "confidence=95"),
        (AccuracyAtLeast(0.9, max_test=0), "max_test=0"),
        (AccuracyAtLeast(0.9, max_test=300), "the learner asks for no more than 200; write"),
        (EstimateAtLeast(0.9, "f1_makro"), "scoring is 'f1_makro'"),
    ):
        with pytest.raises(ValueError, match=said):
            one.start(learner)
    with pytest.raises(ValueError, match="AccuracyAtLeast needs rows that are held out"):
        AccuracyAtLeast(0.9).start(ActiveLearner(GaussianNB()).fit(X, START))
    small = ActiveLearner(GaussianNB(), hold_out=0.2, random_state=0).fit(X[:300], START[:300])
    with pytest.raises(ValueError, match=r"rows held out are no more than \d+; write max_test="):
        AccuracyAtLeast(0.9).start(small)


def test_a_rule_stops_when_a_look_shows_it_and_so_after_undo_save_and_load(tmp_path):
    model = LogisticRegression(C=10, max_iter=60)
    learner = new_learner(model, max_test=101)
    rule = AccuracyAtLeast(0.85, max_test=101)
    run(learner, Known(TRUTH), n_instances=100, stopping=rule | Budget(600))
    pool, n = learner.pool_, len(learner.pool_.test_answers().rows)
    rows = pool.test_answers().rows
    size = max(size for size in (60, 78, 101) if size <= n)
    share = np.mean(learner.predict(X[rows[:size]]) == TRUTH[rows[:size]])
    may_err = dict(zip((60, 78, 101), errors(0.05, 3), strict=True))
    assert clopper_pearson(share, size, 1 - 2 * may_err[size]).low >= 0.85
    assert pool.n_labeled < 600
    pool.save(tmp_path / "pool.npz")
    loaded = ActiveLearner(clone(model), "margin", hold_out=0.2, max_test=101)
    loaded.fit(Pool.load(tmp_path / "pool.npz", X))
    for other in (learner, loaded):
        again = AccuracyAtLeast(0.85, max_test=101)
        again.start(other)
        assert again.should_stop(other)
        other.pool_.label(
            other.pool_.unlabeled[:50], np.zeros(50)
        )  # whatever is learned after the look
        other.refit()
        again.start(other)
        assert again.should_stop(other)
    with pytest.warns(UserWarning, match="resampling"):
        macro = EstimateAtLeast(0.5, "f1_macro", max_test=60)
        macro.start(learner)
        assert (macro & rule).should_stop(learner)


def test_a_rule_that_has_looked_does_not_look_again_and_no_model_is_no_reason_to_stop():
    learner = answered(new_learner(max_test=60), 12)
    rule = AccuracyAtLeast(0.94, max_test=60)
    rule.start(learner)
    rule.should_stop(learner)
    assert not rule.should_stop(learner)
    with patch("skactive.loops.assured.estimate_of", side_effect=AssertionError):
        assert not rule.should_stop(learner)
    reached = learner.estimate(level=1 - 2 * (1 - 0.95), method="exact").low
    for target, stops in ((reached, True), (np.nextafter(reached, 1), False)):
        rule = AccuracyAtLeast(target, max_test=60)
        rule.start(learner)
        assert rule.should_stop(learner) is stops
    cold = ActiveLearner(GaussianNB(), hold_out=0.5, max_test=60, random_state=0).fit(X)
    cold.teach(cold.pool_.test_questions(60), TRUTH[cold.pool_.test_questions(60)])
    rule.start(cold)
    assert not rule.should_stop(cold)


# Loops


def test_a_person_is_told_how_many_answers_are_to_learn_from_and_how_many_to_test_on(capsys):
    learner = ActiveLearner(GaussianNB(), hold_out=0.5, random_state=1).fit([[0.0], [1.0]] * 8)
    with patch("builtins.input", side_effect=["1", "2", "u", "2", "1", "q"]):
        run(learner, Prompt(classes=["a", "b"]), n_instances=4, stopping=3)
    said = capsys.readouterr().out
    assert "0 labelled, 0 to test on, at most 5 to go" in said
    assert "was 'b'; once more" in said
    assert "3 labels in all: 2 to learn from, 1 to test on" in said


def test_a_budget_counts_what_is_learned_and_batches_stay_whole():
    learner, sizes = new_learner(), []
    run(
        learner,
        lambda rows: [sizes.append(len(rows))] and [0] * len(rows),
        n_instances=50,
        stopping=150,
    )
    assert learner.pool_.n_labeled == 150
    assert sizes == [50, 50, 49]  # the last question would have been one to test on
    assert learner.estimate().n == 29


@pytest.mark.filterwarnings("ignore:.*resampling")
def test_scores_that_take_1_for_positive_are_refused_of_text_with_what_to_write():
    data, truth = load_breast_cancer(return_X_y=True)
    for y in truth, np.array(["bad", "fine"])[truth]:
        learner = ActiveLearner(GaussianNB(), hold_out=0.4, random_state=0).fit(data)
        run(learner, Known(y), n_instances=50, stopping=100)
        for name, score in (
            ("average_precision", average_precision_score),
            ("jaccard", jaccard_score),
        ):
            if y is truth:
                expected = learner.estimate(name).value
                continue
            with pytest.raises(ValueError, match=f"give make_scorer.{score.__name__}.*'fine'"):
                learner.estimate(name)
            options = {"response_method": "predict_proba"} if name != "jaccard" else {}
            learner.estimate(make_scorer(score, pos_label="fine", **options))
    assert 0 < expected < 1


def test_a_look_is_at_the_first_so_many_labels_and_one_that_passed_counts_for_good():
    rule, seen = AccuracyAtLeast(0.9, max_test=78), []
    rule._plan, rule._passed = [60, 78], {}

    def estimate(*_, most):
        seen.append(most)
        return SimpleNamespace(low=0.95 if most == 60 else 0.1)

    def learner(n):
        read = {"test_answers": lambda: SimpleNamespace(rows=np.arange(n))}
        ledger = SimpleNamespace(read=lambda *_: 0)
        return SimpleNamespace(pool_=SimpleNamespace(ledger=ledger, **read), estimator_=None)

    with (
        patch("skactive.loops.assured.estimate_of", estimate),
        patch("skactive.loops.assured.model_as_of", lambda learner, n: learner),
    ):
        assert not rule.should_stop(learner(59)) and seen == []
        assert rule.should_stop(learner(60)) and seen == [60]
        assert rule.should_stop(learner(78)) and seen == [60, 78]
