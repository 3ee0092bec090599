"""Searches and cross-validation over simulations: what they choose by, and what they split."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive import ActiveLearner, SimulatedLearner
from skactive.evaluation.model_selection import LabeledKFold, aulc_scorer
from skactive.statistics import aulc

X, Y = load_digits(n_class=4, return_X_y=True)
X, Y = PCA(8, random_state=0).fit_transform(X[:240] / 16), Y[:240]
X.flags.writeable = Y.flags.writeable = False
STRATEGIES = ["margin", "entropy", "random"]


def learner(strategy="margin", C=1.0):
    return ActiveLearner(LogisticRegression(C=C), strategy, random_state=0)


def simulated(strategy="margin", **changes):
    options = {"budget": 30, "n_instances": 5, "keep_estimators": True, "random_state": 0}
    return SimulatedLearner(learner(strategy), **options | changes)


# LabeledKFold

partly = st.lists(st.integers(-1, 2), min_size=4, max_size=40)
ignore_rare_classes = pytest.mark.filterwarnings("ignore:The least populated class")


@ignore_rare_classes
@given(partly, st.integers(2, 4), st.booleans(), st.sampled_from([True, False, "auto"]))
def test_labelled_rows_are_tested_once_and_unlabelled_rows_always_trained_on(y, k, shuffle, by):
    y = np.array(y)
    labeled = np.flatnonzero(y != -1)
    n_largest = np.bincount(y[labeled]).max(initial=0)
    folds = LabeledKFold(k, shuffle=shuffle, stratified=by, random_state=3 if shuffle else None)
    if len(labeled) < k or (by and n_largest < k):
        with pytest.raises(ValueError, match="labelled rows"):
            list(folds.split(y, y))
        return
    parts = list(folds.split(y, y))
    assert len(parts) == k == folds.get_n_splits(y, y)
    assert sorted(np.concatenate([test for _, test in parts])) == labeled.tolist()
    for train, test in parts:
        assert train.tolist() == sorted(set(range(len(y))) - set(test.tolist()))
    if by:
        shares = [np.bincount(y[test], minlength=3) for _, test in parts]
        assert (np.ptp(shares, axis=0) <= 1).all()


@ignore_rare_classes
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("stratified", [False, True])
def test_with_a_label_everywhere_it_splits_as_scikit_learn_does(stratified, shuffle):
    y = np.random.default_rng(0).integers(0, 3, 50)
    options = {"shuffle": shuffle, "random_state": 7 if shuffle else None}
    ours = LabeledKFold(4, stratified=stratified, **options).split(y, y)
    theirs = (StratifiedKFold if stratified else KFold)(4, **options).split(y, y)
    for (train, test), (expected_train, expected_test) in zip(ours, theirs, strict=True):
        assert train.tolist() == expected_train.tolist()
        assert test.tolist() == expected_test.tolist()


@pytest.mark.parametrize(
    "y",
    [
        ["a", None, "b", None, "a", "b"],
        np.array(["a", -1, "b", -1, "a", "b"], dtype=object),
        [True, None, False, None, True, False],
        np.array([0, -1, 1, -1, 0, 1]),
        [[0], [-1], [1], [-1], [0], [1]],
    ],
    ids=["text", "text and -1", "bool", "int", "column"],
)
@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_labels_of_every_kind_are_split_by_class(y):
    parts = [(train.tolist(), test.tolist()) for train, test in LabeledKFold(2).split(y, y)]
    assert parts == [([1, 3, 4, 5], [0, 2]), ([0, 1, 2, 3], [4, 5])]


def test_a_series_is_split_by_position():
    pandas = pytest.importorskip("pandas")
    y = pandas.Series(["a", None, "b", None, "a", "b"], index=[5, 4, 3, 2, 1, 0])
    assert _tested(y) == [[0, 2], [4, 5]]
    assert _tested(pandas.Series([0, pandas.NA, 1, pandas.NA, 0, 1], dtype="Int64")) == [
        [0, 2],
        [4, 5],
    ]


def _tested(y, **options):
    return [test.tolist() for _, test in LabeledKFold(2, **options).split(y, y)]


def test_floats_are_split_in_order_unless_told_otherwise():
    y = [0.0, 0.0, np.nan, 1.0, 1.0]
    assert _tested(y) == [[0, 1], [3, 4]]
    assert _tested(y, stratified=True) == [[0, 3], [1, 4]]
    assert _tested([0, 0, -1, 1, 1]) == [[0, 3], [1, 4]]
    assert _tested([0, 0, -1, 1, 1], stratified=False) == [[0, 1], [3, 4]]


def test_minus_1_is_a_value_among_fractions_and_missing_among_whole_numbers():
    assert _tested([0.5, -1.0, np.nan, 2.0, 3.0]) == [[0, 1], [3, 4]]
    assert _tested([0.0, -1.0, np.nan, 2.0, 3.0]) == [[0, 3], [4]]
    assert _tested([0.0, -1.0, np.nan, 2.0, 3.0], missing_label=None) == [[0, 1], [3, 4]]
    assert _tested([0.5, -1.0, np.nan, 2.0, 3.0], missing_label=-1) == [[0, 3], [4]]
    assert _tested([0, -1, 9, 0, -1, 9], missing_label=9) == [[0, 1], [3, 4]]


@pytest.mark.parametrize(
    ("options", "y", "error", "said"),
    [
        ({}, [0, 1, -1, -1, -1, 0], ValueError, "y has 3 labelled rows for 5 folds; label more"),
        ({"n_splits": 3}, [0, 0, 1, 1, -1], ValueError, "no class has 3 labelled rows, one for"),
        ({"stratified": "yes"}, [0, 1], ValueError, "stratified is 'yes'; give True, False or"),
        ({"n_splits": 1}, [0, 1], ValueError, "n_splits=1"),
        ({"random_state": 0}, [0, 1], ValueError, "shuffle"),
        ({"missing_label": True}, [0, 1], TypeError, "missing_label is True"),
        ({}, None, ValueError, "LabeledKFold splits the rows that have a label; give y"),
    ],
)
def test_what_cannot_be_split_is_refused(options, y, error, said):
    with pytest.raises(error, match=said):
        list(
            LabeledKFold(**options).split(X, y)
            if y is None
            else LabeledKFold(**options).split(y, y)
        )


def test_groups_and_labels_of_other_rows_are_refused():
    with pytest.raises(ValueError, match="keeps no groups together; leave groups=None"):
        next(LabeledKFold(2).split(X, Y, groups=Y))
    with pytest.raises(ValueError, match="split got 239 rows and 240 labels"):
        next(LabeledKFold(2).split(X[1:], Y))


def test_the_splitter_is_a_value_that_scikit_learn_prints_and_clones():
    folds = LabeledKFold(3, shuffle=True, random_state=1)
    assert repr(folds) == "LabeledKFold(n_splits=3, random_state=1, shuffle=True)"
    assert clone(folds).get_params() == folds.get_params()


def test_a_partly_labelled_pool_is_cross_validated_on_its_labels_alone():
    y = np.where(np.arange(240) % 3 == 0, Y, -1)
    folds = LabeledKFold(4)
    got = cross_validate(learner(), X, y, cv=folds, scoring="accuracy")["test_score"]
    expected = []
    for _, test in folds.split(X, y):
        train = np.setdiff1d(np.flatnonzero(y != -1), test)
        model = LogisticRegression().fit(X[train], Y[train])
        expected.append(np.mean(model.predict(X[test]) == Y[test]))
    np.testing.assert_allclose(got, expected)
    assert min(got) > 0.8


# Stages


def test_stages_are_the_estimator_refitted_on_the_rows_asked_for_so_far():
    fitted = simulated(budget=40).fit(X[:160], Y[:160])
    labels, probabilities = fitted.staged_predict(X), fitted.staged_predict_proba(X)
    scores = fitted.staged_score(X[160:], Y[160:])
    known = np.zeros(0, dtype=int)
    n_stages = 0
    for rows, predicted, proba, score in zip(
        fitted.query_indices_, labels, probabilities, scores, strict=True
    ):
        known = np.sort(np.concatenate([known, rows]))
        by_hand = LogisticRegression().fit(X[known], Y[known])
        assert predicted.tolist() == by_hand.predict(X).tolist()
        columns = np.searchsorted(fitted.classes_, by_hand.classes_)
        np.testing.assert_allclose(proba[:, columns], by_hand.predict_proba(X), atol=1e-9)
        assert np.delete(proba, columns, axis=1).sum() == 0
        assert score == np.mean(predicted[160:] == Y[160:])
        assert len(known) == fitted.n_labeled_[n_stages]
        n_stages += 1
    assert n_stages == 7 and len(known) == 40
    assert predicted.tolist() == fitted.predict(X).tolist()


# aulc_scorer


@pytest.fixture(scope="module")
def fitted():
    return simulated().fit(X[:160], Y[:160])


def test_the_score_is_the_area_under_the_scores_of_the_stages(fitted):
    X_test, y_test = X[160:], Y[160:]
    expected = aulc(fitted.n_labeled_, list(fitted.staged_score(X_test, y_test)))
    assert aulc_scorer()(fitted, X_test, y_test) == expected
    assert aulc_scorer("accuracy")(fitted, X_test, y_test) == pytest.approx(expected)
    by_hand = [
        balanced_accuracy_score(y_test, predicted) for predicted in fitted.staged_predict(X_test)
    ]
    expected = aulc(fitted.n_labeled_, by_hand)
    for scoring in ("balanced_accuracy", make_scorer(balanced_accuracy_score)):
        assert aulc_scorer(scoring)(fitted, X_test, y_test) == pytest.approx(expected)
    assert min(by_hand) < expected < max(by_hand)


def test_scores_of_probabilities_see_every_class_from_the_first_stage_on():
    start = [np.flatnonzero(Y == label)[0] for label in (0, 1)]  # two of the four classes
    fitted = simulated(initial=start).fit(X[:160], Y[:160])
    losses = [log_loss(Y[160:], proba) for proba in fitted.staged_predict_proba(X[160:])]
    got = aulc_scorer("neg_log_loss")(fitted, X[160:], Y[160:])
    assert got == pytest.approx(-aulc(fitted.n_labeled_, losses))
    assert np.isfinite(got)


def test_rows_without_a_label_are_left_out_of_the_score(fitted):
    y_test = np.where(np.arange(80) % 2 == 0, Y[160:], -1)
    for scorer in (aulc_scorer(), aulc_scorer("accuracy")):
        assert scorer(fitted, X[160:], y_test) == scorer(fitted, X[160::2], Y[160::2])
    with pytest.raises(ValueError, match="the scorer got no label in y"):
        aulc_scorer()(fitted, X[160:], np.full(80, -1))


def test_regressors_are_scored_too():
    X, y = make_regression(100, 5, noise=1, random_state=0)
    inner = ActiveLearner(Ridge(), "random", random_state=0)
    fitted = SimulatedLearner(inner, budget=20, n_instances=5, keep_estimators=True).fit(X, y)
    expected = aulc(fitted.n_labeled_, list(fitted.staged_score(X, y)))
    assert aulc_scorer("r2")(fitted, X, y) == pytest.approx(expected)
    assert aulc_scorer("neg_mean_squared_error")(fitted, X, y) < 0


def test_a_grid_over_strategies_and_the_estimator_is_searched_by_the_area():
    grid = {"learner__strategy": STRATEGIES, "learner__estimator__C": [0.01, 1.0]}
    folds = StratifiedKFold(3)
    search = GridSearchCV(
        simulated(), grid, scoring=aulc_scorer("accuracy"), cv=folds, error_score="raise"
    ).fit(X, Y)
    results = search.cv_results_
    for i, candidate in enumerate(results["params"]):
        for k, (train, test) in enumerate(folds.split(X, Y)):
            by_hand = SimulatedLearner(
                learner(candidate["learner__strategy"], candidate["learner__estimator__C"]),
                budget=30,
                n_instances=5,
                keep_estimators=True,
                random_state=0,
            ).fit(X[train], Y[train])
            area = aulc(by_hand.n_labeled_, list(by_hand.staged_score(X[test], Y[test])))
            assert results[f"split{k}_test_score"][i] == pytest.approx(area)
    assert len(np.unique(results["mean_test_score"])) == 6
    assert search.best_score_ == results["mean_test_score"].max()
    assert search.score(X, Y) == aulc_scorer("accuracy")(search.best_estimator_, X, Y)


def test_a_plain_grid_over_strategies_ties_since_fit_asks_nothing():
    y = np.where(np.arange(240) % 4 == 0, Y, -1)
    grid = {"strategy": STRATEGIES}
    search = GridSearchCV(learner(), grid, cv=LabeledKFold(3), error_score="raise").fit(X, y)
    assert len(np.unique(search.cv_results_["mean_test_score"])) == 1
    assert search.cv_results_["rank_test_score"].tolist() == [1, 1, 1]


def test_a_grid_over_simulations_may_be_searched_by_the_final_score():
    grid = {"learner__strategy": STRATEGIES}
    search = GridSearchCV(simulated(keep_estimators=False), grid, cv=3, error_score="raise")
    search.fit(X, Y)
    scores = cross_validate(simulated("entropy"), X, Y, cv=3)["test_score"]
    assert search.cv_results_["mean_test_score"][1] == scores.mean()
    assert len(np.unique(search.cv_results_["mean_test_score"])) > 1


@pytest.mark.parametrize(
    "wrap", [lambda sim: sim, lambda sim: make_pipeline(StandardScaler(), sim)]
)
def test_cross_validation_scores_the_same_in_one_process_and_in_two(wrap):
    scoring = {"area": aulc_scorer("accuracy"), "final": "accuracy"}
    alone, shared = (
        cross_validate(wrap(simulated()), X, Y, cv=3, scoring=scoring, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    for name in ("test_area", "test_final"):
        assert alone[name].tolist() == shared[name].tolist()
    assert not np.array_equal(alone["test_area"], alone["test_final"])


def test_rows_are_transformed_on_the_way_through_a_pipeline(fitted):
    scaler = StandardScaler().fit(X[:160])
    inside = simulated().fit(scaler.transform(X[:160]), Y[:160])
    expected = aulc_scorer()(inside, scaler.transform(X[160:]), Y[160:])
    pipe = make_pipeline(StandardScaler(), simulated()).fit(X[:160], Y[:160])
    assert aulc_scorer()(pipe, X[160:], Y[160:]) == expected
    assert expected != aulc_scorer()(fitted, X[160:], Y[160:])


def test_a_search_inside_a_cross_validation_and_a_pipeline_inside_a_search_are_reached():
    name = "simulatedlearner__learner__strategy"
    search = GridSearchCV(
        make_pipeline(StandardScaler(), simulated()),
        {name: STRATEGIES},
        scoring=aulc_scorer(),
        cv=2,
    )
    outcome = cross_validate(
        search, X, Y, cv=2, scoring=aulc_scorer(), return_estimator=True, error_score="raise"
    )
    for finished, score, (_, test) in zip(
        outcome["estimator"], outcome["test_score"], StratifiedKFold(2).split(X, Y), strict=True
    ):
        scaler, best = finished.best_estimator_
        assert score == aulc_scorer()(best, scaler.transform(X[test]), Y[test])
        assert score == finished.score(X[test], Y[test])


@pytest.mark.parametrize("scoring", [None, aulc_scorer("accuracy")])
def test_halving_spends_the_budget_on_the_strategies_that_are_left(scoring):
    search = HalvingGridSearchCV(
        simulated(),
        {"learner__strategy": [*STRATEGIES, "least_confidence"]},
        resource="budget",
        min_resources=15,
        max_resources=60,
        factor=2,
        scoring=scoring,
        cv=2,
        random_state=0,
        error_score="raise",
    ).fit(X, Y)
    assert search.n_resources_ == [15, 30, 60]
    assert search.n_candidates_ == [4, 2, 1]
    assert search.best_estimator_.n_labeled_[-1] == 60


# What the scorer is


def test_the_scorer_is_a_value():
    scorer = aulc_scorer("accuracy")
    assert repr(scorer) == "aulc_scorer('accuracy')"
    assert repr(aulc_scorer()) == "aulc_scorer(None)"
    assert scorer == aulc_scorer("accuracy") != aulc_scorer()
    assert hash(scorer) == hash(aulc_scorer("accuracy"))
    assert pickle.loads(pickle.dumps(scorer)) == scorer
    with pytest.raises(AttributeError):
        scorer.scoring = "f1"


@pytest.mark.parametrize("scoring", [["accuracy"], {"a": "accuracy"}, 1])
def test_what_is_no_score_is_refused_before_a_search_starts(scoring):
    with pytest.raises(TypeError, match="give the name of a score, a scorer, or None"):
        aulc_scorer(scoring)


def test_a_misspelt_score_is_refused_before_a_search_starts():
    with pytest.raises(ValueError, match="scoring is 'acuracy', which .* did you mean 'accuracy'"):
        aulc_scorer("acuracy")


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (learner(), "ActiveLearner"),
        (LogisticRegression(), "LogisticRegression"),
        (make_pipeline(StandardScaler(), learner()), "Pipeline"),
        (GridSearchCV(simulated(), {"budget": [20]}), "GridSearchCV"),  # not finished
    ],
    ids=["learner", "estimator", "pipeline", "search"],
)
def test_what_holds_no_simulation_is_refused(estimator, name):
    said = (
        f"{name} holds no SimulatedLearner; give a SimulatedLearner, a Pipeline that ends in one, "
        f"or a search over one that is fitted."
    )
    with pytest.raises(TypeError) as info:
        aulc_scorer()(estimator, X, Y)
    assert str(info.value) == said


def test_a_simulation_that_kept_no_estimators_is_refused():
    fitted = simulated(keep_estimators=False).fit(X, Y)
    with pytest.raises(ValueError, match="were not kept; write keep_estimators=True"):
        aulc_scorer()(fitted, X, Y)
    search = GridSearchCV(
        simulated(keep_estimators=False),
        {"learner__strategy": STRATEGIES},
        scoring=aulc_scorer(),
        error_score="raise",
    )
    with pytest.raises(ValueError, match="keep_estimators=True"):
        search.fit(X, Y)


def test_labels_in_another_order_than_the_rows_are_refused_by_their_index():
    pd = pytest.importorskip("pandas")
    rows, y = pd.DataFrame({"a": range(6)}), pd.Series([0, 1] * 3)
    with pytest.raises(ValueError, match="split got labels in another order than the rows"):
        next(LabeledKFold(2).split(rows, y[::-1]))
    learner = ActiveLearner(LogisticRegression(), random_state=0)
    simulated = SimulatedLearner(learner, budget=4, n_initial=2, keep_estimators=True).fit(rows, y)
    with pytest.raises(ValueError, match="the scorer got labels in another order than the rows"):
        aulc_scorer("accuracy")(simulated, rows, y[::-1])
