"""compare_strategies: paired, complete, repeatable, and resumed where it was cut."""

import gc
import random
import re
import subprocess
import sys
import textwrap
import time
import warnings
import weakref
from dataclasses import asdict

import numpy as np
import pandas as pd
import polars as pl
import pytest
import threadpoolctl
from scipy import sparse
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import (
    GroupKFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC

from skactive import ActiveLearner, Pool, SimulatedLearner, compare_strategies
from skactive.evaluation.comparison import CEILING
from skactive.evaluation.model_selection import LabeledKFold
from skactive.evaluation.results import merge_results, stored_settings
from skactive.evaluation.splits import make_splits
from skactive.strategies import Entropy, Margin, Subpool

X, Y = load_iris(return_X_y=True)
for array in (X, Y):
    array.flags.writeable = False


def compared(strategies=("entropy",), estimator=None, X=X, y=Y, **options):
    """A comparison that is quick on iris."""
    options = {"budget": 20, "n_instances": 5, "n_repeats": 2, "random_state": 0, **options}
    return compare_strategies(
        GaussianNB() if estimator is None else estimator, X, y, strategies, **options
    )


def backwards(view, n):
    """The last rows first: a strategy of our own."""
    return view.candidates[::-1][:n]


def evenly(view, n):
    """Rows from the first to the last: a cold start of our own."""
    return view.candidates[:: len(view.candidates) // n][:n]


def content(comparison):
    """Everything in a comparison but the seconds."""
    runs = [{**asdict(run), "seconds": None} for run in comparison.runs]
    return comparison.names, comparison.scoring, runs


def by_repeat(comparison, repeat):
    """The runs of one repeat by strategy."""
    return {run.variant: run for run in comparison.runs if run.repeat == repeat}


# Pairing


def test_in_a_repeat_every_strategy_starts_with_the_same_rows_and_repeats_differ():
    strategies = ["entropy", "least_confidence", backwards]
    comparison = compared(strategies, n_repeats=3)
    assert comparison.names == ["random", "margin", "entropy", "least_confidence", "backwards"]
    starts = []
    for repeat in range(3):
        runs = by_repeat(comparison, repeat)
        first = {tuple(runs[name].indices[0]) for name in comparison.names}
        assert len(first) == 1
        assert len({runs[name].scores[0] for name in comparison.names}) == 1
        starts += first
    assert len(set(starts)) == 3


def test_the_same_strategy_under_two_names_plays_the_same_game():
    runs = by_repeat(compared({"one": "entropy", "two": Entropy()}), 0)
    assert runs["one"].indices == runs["two"].indices
    assert runs["one"].scores == runs["two"].scores


def test_splits_and_starts_do_not_depend_on_which_strategies_are_compared():
    few, many = compared([]), compared(["entropy", "least_confidence"])
    assert content(few)[2] == [
        run for run in content(many)[2] if run["variant"] in ("random", "margin", CEILING)
    ]


def test_a_run_is_what_a_simulated_learner_plays_with_the_seed_of_its_repeat():
    estimator = make_pipeline(CountVectorizer(), LogisticRegression(solver="saga", tol=0.1))
    texts = [f"{'red' if label else 'blue'} {n % 7}" for n, label in enumerate(Y)]
    comparison = compared([Subpool("margin", 0.2)], estimator, X=texts, n_repeats=2)
    splits, _ = make_splits(
        Pool(texts, Y), cv=None, test_size=None, given=False, n_repeats=2, stratify=True, seed=0
    )
    for run in comparison.runs:
        split = splits[run.repeat]
        strategy = {"random": "random", "margin": "margin"}.get(run.variant, Subpool("margin", 0.2))
        if run.variant == CEILING:
            continue
        learner = ActiveLearner(estimator, strategy, classes=[0, 1, 2], random_state=split.seed)
        simulated = SimulatedLearner(learner, budget=20, n_instances=5, random_state=split.seed)
        simulated.fit([texts[row] for row in split.train], Y[split.train])
        assert run.n_labeled == simulated.n_labeled_.tolist()
        assert run.indices == [split.train[rows].tolist() for rows in simulated.query_indices_]
        score = simulated.score([texts[row] for row in split.test], Y[split.test])
        assert run.scores[-1] == score


def test_a_start_of_one_class_is_made_longer_for_every_strategy_alike():
    def in_order(view, n):
        return view.candidates[:n]

    given = ActiveLearner(SVC(), cold_start=in_order)
    comparison = compared(
        [], given, y=np.sort(Y), cv=[(np.arange(140), np.arange(140, 150))], budget=70, n_repeats=1
    )
    runs = by_repeat(comparison, 0)
    assert runs["random"].n_labeled == [55, 60, 65, 70]
    assert runs["random"].indices[0] == runs["margin"].indices[0] == list(range(55))
    assert runs["random"].indices[1] != runs["margin"].indices[1]


# What is in it


def test_random_margin_and_the_ceiling_are_always_in_it():
    comparison = compared([])
    assert comparison.names == ["random", "margin"]
    assert {run.variant for run in comparison.runs} == {"random", "margin", CEILING}
    assert compared(["margin", "random"]).names == ["random", "margin"]
    assert compared([], LinearSVC()).names == ["random", "margin"]  # by its decision function


def test_a_regressor_has_no_margin_and_no_classes_to_share_out():
    forest = RandomForestRegressor(3)
    assert compared([], Ridge(), X=X[:, 1:], y=X[:, 0]).names == ["random"]
    comparison = compared(["std"], forest, X=X[:, 1:], y=X[:, 0], scoring="r2", test_size=0.1)
    assert comparison.names == ["random", "std"]
    run = by_repeat(comparison, 0)["std"]
    test = np.setdiff1d(np.arange(150), by_repeat(comparison, 0)[CEILING].indices[0])
    assert run.n_labeled == [10, 15, 20]
    assert all(score < 1 for score in run.scores)
    assert len(test) == 150


@pytest.mark.parametrize("one", ["entropy", Entropy(), lambda view, n: view.candidates[:n]])
def test_one_strategy_needs_no_list(one):
    assert len(compared(one).names) == 3


def test_the_ceiling_is_the_score_of_the_estimator_with_all_labels_of_the_split():
    comparison = compared(cv=StratifiedKFold(5), n_repeats=None)
    expected = [
        accuracy_score(Y[test], GaussianNB().fit(X[train], Y[train]).predict(X[test]))
        for train, test in StratifiedKFold(5).split(X, Y)
    ]
    assert comparison.ceiling().tolist() == expected
    assert [run.n_labeled for run in comparison.runs if run.variant == CEILING] == [[120]] * 5


def test_scores_are_those_of_the_rows_that_were_asked_for():
    for run in compared(cv=StratifiedKFold(3), n_repeats=None).runs:
        if run.variant == CEILING:
            continue
        test = list(StratifiedKFold(3).split(X, Y))[run.repeat][1]
        rows = np.concatenate(run.indices).astype(int)
        assert run.n_labeled == [10, 15, 20]
        assert not np.isin(rows, test).any()
        model = GaussianNB().fit(X[rows], Y[rows])
        assert run.scores[-1] == accuracy_score(Y[test], model.predict(X[test]))


def test_a_dict_names_variants_of_one_strategy():
    comparison = compared({"plain": "entropy", "mine": Margin(), "last": backwards})
    assert comparison.names == ["random", "margin", "plain", "mine", "last"]
    runs = by_repeat(comparison, 0)
    assert runs["mine"].indices == runs["margin"].indices
    assert runs["plain"].indices == by_repeat(compared(["entropy"]), 0)["entropy"].indices
    assert runs["last"].indices[1] == sorted(runs["last"].indices[1], reverse=True)


def test_a_learner_brings_its_settings_but_not_its_strategy():
    given = ActiveLearner(GaussianNB(), "entropy", cold_start=evenly)
    by_learner, plain = compared([], given), compared([])
    assert by_learner.names == ["random", "margin"]
    assert by_learner.runs[0].indices[0] != plain.runs[0].indices[0]
    assert not hasattr(given, "pool_")


def test_a_scorer_is_used_as_scikit_learn_takes_it():
    named = compared([], scoring="neg_log_loss")
    assert named.scoring == "neg_log_loss"
    assert all(run.scores[-1] < 0 for run in named.runs)

    def half(estimator, X, y):
        return 0.5

    own = compared([], scoring=half)
    assert own.scoring == "half"
    assert {score for run in own.runs for score in run.scores} == {0.5}


def test_scores_of_probabilities_are_defined_while_classes_are_still_unseen():
    y = np.arange(150) % 10
    comparison = compared([], y=y, n_initial=3, budget=8, n_instances=1, scoring="neg_log_loss")
    assert by_repeat(comparison, 0)["random"].n_labeled[0] == 3
    assert np.isfinite([score for run in comparison.runs for score in run.scores]).all()


def test_a_score_that_is_nan_is_refused_naming_the_run():
    with (
        warnings.catch_warnings(),
        pytest.raises(ValueError, match="score of 'random' is NaN with 10 labels, in repeat 0"),
    ):
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        compared([], y=Y == 0, cv=[(np.arange(140), np.arange(140, 150))], scoring="roc_auc")


def test_a_name_that_stands_for_another_strategy_is_refused():
    with pytest.raises(ValueError, match="'random' stands for Random"):
        compared({"random": "entropy"})
    with pytest.raises(ValueError, match="'margin' stands for Margin"):
        compared({"margin": "entropy"})
    with pytest.raises(ValueError, match="'all labels' is the name of the ceiling"):
        compared({"all labels": "entropy"})
    with pytest.raises(ValueError, match=r"Entropy\(\) is among the strategies twice"):
        compared([Entropy(), Entropy()])
    with pytest.raises(ValueError, match="unknown strategy 'entropi'; did you mean 'entropy'"):
        compared(["entropi"])
    with pytest.raises(TypeError, match="strategies has the name 1; give names as text"):
        compared({1: "entropy"})


def test_what_the_estimator_cannot_serve_is_refused_before_anything_is_simulated():
    class Never(SVC):
        def fit(self, X, y):
            raise AssertionError

    with pytest.raises(ValueError, match="Entropy reads view.proba, which Never cannot give"):
        compared(["margin", "entropy"], Never())
    with pytest.raises(ValueError, match="scoring is 'accurasy', which .* did you mean 'accuracy'"):
        compared([], Never(), scoring="accurasy")
    text = (
        r"RandomStream decides as rows pass; write run_stream\(learner, pairs of X and y\), whose"
    )
    with pytest.raises(ValueError, match=text):
        compared(["stream_random"], Never())
    with pytest.raises(ValueError, match="budget 8 is below the 10 initial labels"):
        compared([], Never(), budget=8)
    with pytest.raises(ValueError, match="n_instances is 0"):
        compared([], Never(), n_instances=0)
    with pytest.raises(ValueError, match="initial is 'first'"):
        compared([], Never(), initial="first")
    with pytest.raises(ValueError, match="budget is 'all'"):
        compared([], Never(), budget="all")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"estimator": "tree"}, TypeError, "estimator is 'tree', which has no fit"),
        ({"estimator": GaussianNB}, TypeError, r"write GaussianNB\(\), an instance"),
        (
            {"estimator": SimulatedLearner(ActiveLearner(GaussianNB()), budget=9)},
            TypeError,
            "estimator is a SimulatedLearner; give its learner",
        ),
        ({"y": None}, ValueError, "y is None"),
        ({"y": np.full(150, -1)}, ValueError, "y has none; give some"),
        ({"y": np.zeros(150)}, ValueError, "y has the one class 0.0"),
        ({"y": Y[:9]}, ValueError, "9 labels"),
        ({"scoring": ["accuracy"]}, TypeError, "scoring is .*; give the name of a score"),
        ({"scoring": accuracy_score}, TypeError, r"write make_scorer\(accuracy_score\)"),
        ({"cv": "five"}, TypeError, "cv is 'five'; give a number of folds, a splitter, or a list"),
        ({"cv": []}, ValueError, "cv gave no split"),
        ({"test_size": 0}, ValueError, "test_size"),
        ({"X_test": X, "y_test": np.full(150, -1)}, ValueError, "y_test has no label"),
        ({"initial": [0, 60]}, ValueError, "initial lists rows, which a split may put"),
        ({"random_state": -1}, ValueError, "give an integer of at least 0"),
        ({"random_state": np.random.default_rng(0)}, TypeError, "needs an integer, or None"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(options, error, said):
    with pytest.raises(error, match=said):
        compared(**options)


# Splits


def test_test_size_draws_stratified_rows_anew_in_each_repeat():
    comparison = compared([], test_size=30, n_repeats=2)
    assert [run.n_labeled for run in comparison.runs if run.variant == CEILING] == [[120]] * 2
    default = compared([], n_repeats=1)
    assert [run.n_labeled[0] for run in default.runs if run.variant == CEILING] == [112]


def test_more_repeats_than_splits_go_round_with_other_starts():
    comparison = compared([], cv=2, n_repeats=4)
    assert comparison.ceiling()[:2].tolist() == comparison.ceiling()[2:].tolist()
    starts = [by_repeat(comparison, repeat)["random"].indices[0] for repeat in range(4)]
    assert starts[0] != starts[2]


def test_a_given_test_set_is_scored_in_every_repeat():
    comparison = compared([], X=X[::2], y=Y[::2], X_test=X[1::2], y_test=Y[1::2])
    expected = GaussianNB().fit(X[::2], Y[::2]).score(X[1::2], Y[1::2])
    assert comparison.ceiling().tolist() == [expected] * 2
    starts = [by_repeat(comparison, repeat)["random"].indices[0] for repeat in range(2)]
    assert starts[0] != starts[1]


def test_test_rows_without_a_label_are_not_scored():
    y_test = Y[1::2].astype(float)
    y_test[::3] = np.nan
    comparison = compared([], X=X[::2], y=Y[::2], X_test=X[1::2], y_test=y_test, scoring="accuracy")
    known = ~np.isnan(y_test)
    expected = GaussianNB().fit(X[::2], Y[::2]).score(X[1::2][known], Y[1::2][known])
    assert comparison.ceiling().tolist() == [expected] * 2


def test_rows_to_start_with_are_taken_as_they_are_where_the_test_set_is_given():
    first = [3, 74, 20]
    comparison = compared([], X=X[::2], y=Y[::2], X_test=X[1::2], y_test=Y[1::2], initial=first)
    runs = [run for run in comparison.runs if run.variant != CEILING]
    assert [run.indices[0] for run in runs] == [first] * 4
    assert [run.n_labeled[:2] for run in runs] == [[3, 8]] * 4


def split_of(y, test_size=None, cv=None, stratify=True):
    """The splits of labels, as a comparison makes them."""
    options = {"given": False, "n_repeats": 1, "stratify": stratify, "seed": 0}
    return make_splits(Pool(np.zeros((len(y), 1)), y), cv=cv, test_size=test_size, **options)


@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("test_size", [0.25, 0.9, 1 / 3, 2, 7])
def test_how_many_labels_a_split_needs_is_said_and_is_what_scikit_learn_needs(n_classes, test_size):
    def labels(n):
        return np.arange(float(n)) if n_classes == 0 else np.arange(n) % n_classes

    needed, first = set(), None
    for n in range(2 * max(1, n_classes), 40):
        kind = ShuffleSplit if n_classes == 0 else StratifiedShuffleSplit
        try:
            next(kind(1, test_size=test_size, random_state=0).split(np.zeros(n), labels(n)))
        except ValueError:
            with pytest.raises(
                ValueError, match=r"which takes at least .*; label more, or"
            ) as info:
                split_of(labels(n), test_size, stratify=n_classes > 0)
            needed |= set(re.findall(r"takes at least (\d+) labels", str(info.value)))
        else:
            split_of(labels(n), test_size, stratify=n_classes > 0)
            first = first or n
    assert needed <= {str(first)}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"y": np.where(np.arange(150) == 7, 1, 0)},
            "y has one row of class 1, and a comparison needs at least two, to train on and to "
            "test on; label more, or give X_test and y_test.",
        ),
        (
            {"y": np.where(np.arange(150) % 25, -1, Y)},
            "y has 6 labels, of which test_size=0.25 sets 2 aside to test on, and a comparison "
            "trains and tests on at least one of each of the 3 classes, which takes at least 9 "
            "labels; label more, or give X_test and y_test, or another test_size.",
        ),
        (
            {"test_size": 2},
            "y has 150 labels, of which test_size=2 sets 2 aside to test on, and a comparison "
            "trains and tests on at least one of each of the 3 classes, which takes at least "
            "test_size=3; label more, or give X_test and y_test, or another test_size.",
        ),
        (
            {"estimator": Ridge(), "y": np.where(np.arange(150) == 7, 0.5, np.nan)},
            "y has one label, and a comparison needs at least two, to train on and to test on; "
            "label more, or give X_test and y_test.",
        ),
        (
            {"y": np.where(np.arange(150) % 25, -1, Y), "cv": 5},
            "y has at most 2 rows of a class, and cv=5 needs at least 5; label more, or give "
            "X_test and y_test, or fewer folds.",
        ),
        (
            {"estimator": Ridge(), "y": np.where(np.arange(150) % 50, np.nan, 1.5), "cv": 5},
            "y has 3 labels, and cv=5 needs at least 5; label more, or give X_test and y_test, "
            "or fewer folds.",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:a comparison leaves out")
def test_too_few_labels_to_split_are_refused_with_how_many_are_needed(options, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        compared([], **options)


@pytest.mark.parametrize("cv", [StratifiedKFold(3), LabeledKFold(3), 3])
def test_splitters_see_the_labelled_rows_and_the_others_always_train(cv):
    y = np.where(np.arange(150) % 3, Y, -1)
    known = np.flatnonzero(y != -1)
    splits, _ = make_splits(
        Pool(X, y), cv=cv, test_size=None, given=False, n_repeats=None, stratify=True, seed=0
    )
    expected = StratifiedKFold(3).split(known, y[known])
    for split, (train, test) in zip(splits, expected, strict=True):
        assert split.test.tolist() == known[test].tolist()
        assert set(split.train) == {*known[train], *np.flatnonzero(y == -1)}


def test_splits_by_hand_name_rows_of_x_and_leave_out_those_without_a_label():
    y = np.where(np.arange(150) % 3, Y, -1)
    by_group = GroupKFold(3).split(X, Y, np.arange(150) // 10)
    given = [(train, test) for train, test in by_group]
    splits, _ = make_splits(
        Pool(X, y), cv=given, test_size=None, given=False, n_repeats=None, stratify=True, seed=0
    )
    for split, (train, test) in zip(splits, given, strict=True):
        assert set(split.test) == {row for row in test if row % 3}
        assert set(split.train) == {*train, *range(0, 150, 3)}
    with pytest.raises(ValueError, match="cv has a split without a labelled row to test on"):
        compared(y=y, cv=[(np.arange(100), [102, 105])])
    with pytest.raises(ValueError, match="cv"):
        compared(cv=[(np.arange(100), [150])])
    with pytest.raises(ValueError, match="cv splits more than the 100 rows that have a label"):
        compared(y=y, cv=PredefinedSplit(np.arange(150) % 2))


@pytest.mark.parametrize(
    "options",
    [
        {"cv": 3, "test_size": 0.5},
        {"cv": 3, "X_test": X, "y_test": Y},
        {"test_size": 0.5, "X_test": X, "y_test": Y},
    ],
)
def test_several_kinds_of_test_rows_are_refused(options):
    with pytest.raises(ValueError, match="give one of cv=, test_size= or X_test="):
        compared(**options)


@pytest.mark.parametrize("half", [{"X_test": X}, {"y_test": Y}])
def test_half_a_test_set_is_refused(half):
    with pytest.raises(ValueError, match="X_test and y_test go together"):
        compared(**half)


@pytest.mark.parametrize("n_repeats", [0, -1, 2.5, True])
def test_what_is_no_number_of_repeats_is_refused(n_repeats):
    with pytest.raises(ValueError, match="n_repeats"):
        compared(n_repeats=n_repeats)


def test_rows_without_a_label_are_never_asked_for_nor_tested_on():
    y = Y.astype(float)
    y[::3] = np.nan
    tested = []

    def scorer(estimator, X_test, y_test):
        tested.append(np.asarray(y_test, dtype=float))
        return estimator.score(X_test, y_test)

    comparison = compared(y=y, budget=1000, scoring=scorer, n_repeats=2)
    assert not np.isnan(np.concatenate(tested)).any()
    for run in comparison.runs:
        if run.variant == CEILING:
            assert run.n_labeled == [75]
        else:
            rows = np.concatenate(run.indices).astype(int)
            assert run.n_labeled[-1] == len(set(rows)) == 75
            assert not np.isnan(y[rows]).any()


def test_text_labels_and_frames_give_what_arrays_give():
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(150)[::-1])
    names = pd.Series(np.array(["a", "b", "c"])[Y], index=frame.index)
    by_array = content(compared(estimator=LogisticRegression(max_iter=500)))
    for rows in (frame, pl.DataFrame(X), sparse.csr_matrix(X), X.tolist()):
        y = names if rows is frame else names.tolist()
        estimator = LogisticRegression(max_iter=500)
        assert content(compared(X=rows, y=y, estimator=estimator)) == by_array


def test_labels_whose_index_is_in_another_order_than_the_rows_are_refused():
    frame, y = pd.DataFrame(X), pd.Series(Y)
    with pytest.raises(ValueError, match="index"):
        compared(X=frame, y=y[::-1])
    with pytest.raises(ValueError, match="index"):
        compared(X=frame, y=y, X_test=frame, y_test=y[::-1])


def test_texts_go_through_a_pipeline():
    words = np.array([["red", "dark"], ["blue", "light"], ["green", "grey"]])
    texts = [" ".join([*words[label], f"w{n % 5}"]) for n, label in enumerate(Y)]
    bayes = make_pipeline(CountVectorizer(), MultinomialNB())
    comparison = compared(["entropy"], bayes, X=texts, y=words[Y, 0])
    assert comparison.ceiling().tolist() == [1.0, 1.0]
    assert all(run.scores[-1] > 0.6 for run in comparison.runs)


# The same again


def test_the_same_seed_gives_the_same_comparison_with_one_process_and_with_four():
    strategies = {"entropy": "entropy", "part": Subpool("margin", 0.2), "last": backwards}
    options = {"estimator": LogisticRegression(max_iter=500), "n_repeats": 3}
    first = content(compared(strategies, n_jobs=1, **options))
    assert content(compared(strategies, n_jobs=4, **options)) == first
    assert content(compared(strategies, n_jobs=None, **options)) == first
    assert content(compared(strategies, random_state=1, **options)) != first


def test_every_run_computes_with_one_thread_whatever_the_number_of_processes():
    seen = set()

    def threads(estimator, X, y):
        seen.update(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        return 0.0

    with threadpoolctl.threadpool_limits(3):
        compared([], scoring=threads)
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} == {3}
    assert seen == {1}


def test_seconds_are_recorded_in_every_round_and_are_those_of_the_rounds():
    class Slow(GaussianNB):
        def fit(self, X, y):
            time.sleep(0.01)
            return super().fit(X, y)

        def predict_proba(self, X):
            time.sleep(0.04)
            return super().predict_proba(X)

    started = time.perf_counter()
    comparison = compared([], Slow(), n_repeats=1)
    wall = time.perf_counter() - started
    runs = by_repeat(comparison, 0)
    seconds = np.array([runs["random"].seconds, runs["margin"].seconds])
    assert (seconds[:, :, 0] >= 0.01).all()  # fit
    assert (seconds[1, 1:, 1] >= 0.04).all()  # a query by margin asks the model
    assert (seconds[0, :, 1] < 0.04).all()
    assert (seconds > 0).all()
    assert seconds.sum() < wall


def test_no_estimator_is_kept():
    alive = weakref.WeakSet()

    class Counted(GaussianNB):
        def fit(self, X, y):
            alive.add(self)
            return super().fit(X, y)

    comparison = compared(["entropy"], Counted())
    gc.collect()
    assert len(comparison.runs) == 8
    assert len(alive) == 0


@pytest.mark.once
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_progress_bar_counts_the_runs_once_it_takes_a_while(n_jobs, monkeypatch, capsys):
    monkeypatch.setattr("skactive.utils.progress.DELAY", 1e6)  # however busy the machine is
    compared([], n_jobs=n_jobs)
    assert "comparing" not in capsys.readouterr().err
    monkeypatch.setattr("skactive.utils.progress.DELAY", 0.0)
    compared([], n_jobs=n_jobs)
    assert "comparing" in capsys.readouterr().err


# Results files


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished comparison, and the bytes of its results file."""
    path = tmp_path_factory.mktemp("results") / "runs.jsonl"
    comparison = compared(results=path)
    return comparison, path.read_bytes()


def test_a_results_file_changes_nothing_and_holds_every_run(finished):
    comparison, data = finished
    assert content(comparison) == content(compared())
    assert data.count(b"\n") == 1 + len(comparison.runs) == 9


@pytest.mark.parametrize("seed", range(6))
def test_a_file_cut_anywhere_is_gone_on_with(finished, tmp_path, seed):
    comparison, data = finished
    cut = random.Random(seed).randrange(len(data))
    path = tmp_path / "runs.jsonl"
    path.write_bytes(data[:cut])
    assert content(compared(results=path)) == content(comparison)
    assert path.read_bytes().count(b"\n") == 9


def test_what_is_in_the_file_is_not_simulated_again(finished, tmp_path):
    comparison, data = finished
    path = tmp_path / "runs.jsonl"
    path.write_bytes(data)
    again = compared(results=path)
    assert path.read_bytes() == data
    assert again.runs == comparison.runs  # seconds included


def test_more_repeats_and_other_strategies_are_added_to_the_file(finished, tmp_path):
    _, data = finished
    path = tmp_path / "runs.jsonl"
    path.write_bytes(data)
    options = {"strategies": ["least_confidence"], "n_repeats": 3}
    assert content(compared(results=path, **options)) == content(compared(**options))
    assert path.read_bytes().startswith(data)
    # Two runs of each of random, margin and the ceiling were there; entropy's stay, unused.
    assert path.read_bytes().count(b"\n") == 9 + 3 + 3


def test_shards_are_the_repeats_of_the_whole_and_join_into_it(tmp_path):
    parts = [tmp_path / f"{k}.jsonl" for k in (1, 2)]
    for k, part in enumerate(parts, 1):
        own = compared(results=part, shard=f"{k}/2", n_repeats=3)
        assert {run.repeat for run in own.runs} == {1: {0, 2}, 2: {1}}[k]
    path = tmp_path / "all.jsonl"
    merge_results(parts, path)
    data = path.read_bytes()
    assert content(compared(results=path, n_repeats=3)) == content(compared(n_repeats=3))
    assert path.read_bytes() == data  # nothing was left to simulate


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shard": "3/2"}, "shard is '3/2'; give a part and the number of parts"),
        ({"shard": "0/2"}, "shard is '0/2'"),
        ({"shard": (1, 2)}, r"shard is \(1, 2\)"),
        ({"shard": "1/2", "random_state": None}, "needs a random_state that all parts share"),
        ({"shard": "3/3"}, "'3/3' has none of 2 repeats; give at most 2 parts"),
    ],
)
def test_a_shard_that_is_none_is_refused(options, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        compared(results=tmp_path / "runs.jsonl", **options)
    assert not list(tmp_path.iterdir())


def test_without_a_seed_the_one_in_the_file_is_used(finished, tmp_path):
    comparison, data = finished
    path = tmp_path / "runs.jsonl"
    path.write_bytes(data[: len(data) // 2])
    assert content(compared(results=path, random_state=None)) == content(comparison)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"budget": 25}, "budget was 20, is 25"),
        ({"n_instances": 4}, "n_instances was 5, is 4"),
        ({"n_initial": 6}, "n_initial was None, is 6"),
        ({"initial": "stratified"}, "initial was None, is 'stratified'"),
        ({"random_state": 1}, "random_state was 0, is 1"),
        ({"scoring": "f1_macro"}, "scoring was None, is 'f1_macro'"),
        ({"estimator": GaussianNB(var_smoothing=0.1)}, "estimator was .*var_smoothing=0.1"),
        (
            {"estimator": LogisticRegression()},
            r"estimator was .*GaussianNB.*, is .*LogisticRegression\(\)",
        ),
        ({"cv": 3}, "test was 'test_size=0.25', is 'cv=3, 3 splits "),
        ({"test_size": 0.5}, "test was 'test_size=0.25', is 'test_size=0.5'"),
        ({"X_test": X, "y_test": Y}, "test was 'test_size=0.25', is 'the test set "),
        ({"y": (Y + 1) % 3}, "data was "),
        ({"X": X + 1}, "data was "),
        ({"name": "iris"}, "dataset was 'data', is 'iris'"),
    ],
)
def test_a_file_of_other_settings_is_refused_naming_which(finished, tmp_path, options, named):
    _, data = finished
    path = tmp_path / "runs.jsonl"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=named) as refused:
        compared(results=path, **options)
    assert str(refused.value).count(" was ") == 1
    assert path.read_bytes() == data


def test_another_strategy_under_the_same_name_is_refused(tmp_path):
    path = tmp_path / "runs.jsonl"
    compared({"mine": "entropy"}, n_repeats=1, results=path)
    with pytest.raises(ValueError, match=r"holds runs of Entropy\(\) under the name 'mine'"):
        compared({"mine": "least_confidence"}, n_repeats=1, results=path)


def test_splits_of_ones_own_are_told_apart_by_what_they_are(tmp_path):
    def splits(seed):
        order = np.random.default_rng(seed).permutation(150)
        return [(order[50:], order[:50]), (order[:100], order[100:])]

    path = tmp_path / "runs.jsonl"
    first = compared([], cv=splits(0), n_repeats=None, results=path)
    again = compared([], cv=(pair for pair in splits(0)), n_repeats=None, results=path)
    assert again.runs == first.runs
    with pytest.raises(ValueError, match="test was "):
        compared([], cv=splits(1), n_repeats=None, results=path)


def test_a_splitter_that_goes_on_with_other_splits_is_not_gone_on_with(tmp_path):
    path = tmp_path / "runs.jsonl"
    splitter = StratifiedKFold(3, shuffle=True, random_state=np.random.RandomState(0))
    compared([], cv=splitter, n_repeats=1, results=path)
    with pytest.raises(ValueError, match="test was 'cv=.* 3 splits .*, is 'cv=.* 3 splits"):
        compared([], cv=splitter, n_repeats=1, results=path)


def test_how_things_are_printed_makes_no_other_settings_of_the_same(tmp_path):
    path = tmp_path / "runs.jsonl"
    tree = make_pipeline(*[LinearSVC(C=c) for c in ()], GaussianNB(priors=np.arange(1, 4) / 6))
    first = compared([], tree, n_repeats=1, results=path)
    with config_context(print_changed_only=False), np.printoptions(threshold=2, edgeitems=1):
        assert compared([], tree, n_repeats=1, results=path).runs == first.runs


def test_a_strategy_and_a_scorer_of_ones_own_are_gone_on_with_in_another_process(tmp_path):
    path = tmp_path / "runs.jsonl"
    program = f"""
from skactive import compare_strategies
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB
def last(view, n):
    return view.candidates[::-1][:n]
def score(estimator, X, y):
    return float((estimator.predict(X) == y).mean())
print(compare_strategies(GaussianNB(), *load_iris(return_X_y=True), {{"last": last}}, budget=15,
    n_instances=5, n_repeats=1, random_state=0, scoring=score, results={str(path)!r}))
"""
    said = []
    for spoil in ("", "ballast = [object() for _ in range(100_000)]"):
        done = subprocess.run(
            [sys.executable, "-c", spoil + program], capture_output=True, text=True
        )
        said.append((done.returncode, done.stdout, path.read_bytes()))
    assert said[0] == said[1]
    assert said[0][1] == "Comparison(random, margin, last; 1 repeat on data; score)\n"


def test_a_splitter_that_shuffles_without_a_seed_shuffles_by_ours():
    splitter = StratifiedKFold(3, shuffle=True)
    first = content(compared([], cv=splitter))
    assert content(compared([], cv=splitter)) == first
    assert content(compared([], cv=splitter, random_state=1)) != first
    assert splitter.random_state is None


def test_numbers_of_numpy_are_settings_too(tmp_path):
    path = tmp_path / "runs.jsonl"
    first = compared([], n_repeats=1, results=path)
    numbers = {"budget": np.int64(20), "n_instances": np.int32(5), "random_state": np.int64(0)}
    assert compared([], n_repeats=1, results=path, **numbers).runs == first.runs


def test_a_damaged_line_is_refused_and_kept(finished, tmp_path):
    _, data = finished
    lines = data.splitlines(keepends=True)
    lines[2] = lines[2].replace(b"dataset", b"datasat", 1)
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match="line 3 of .* is damaged"):
        compared(results=path)
    assert path.read_bytes() == b"".join(lines)


class Interrupted(LogisticRegression):
    """A model that is interrupted in its n-th fit, counted over all its copies."""

    left = 0

    def fit(self, X, y):
        Interrupted.left -= 1
        if Interrupted.left == 0:
            raise KeyboardInterrupt
        return super().fit(X, y)


@pytest.mark.parametrize("n", [1, 6, 11])
def test_an_interrupted_comparison_keeps_the_runs_that_were_finished(tmp_path, n):
    path, estimator = tmp_path / "runs.jsonl", Interrupted(max_iter=500)
    Interrupted.left = 0
    whole = content(compared([], estimator))
    Interrupted.left = n
    with pytest.raises(KeyboardInterrupt):
        compared([], estimator, results=path)
    # Random and margin fit three times each, the ceiling once: seven times a repeat.
    assert path.read_bytes().count(b"\n") == 1 + {1: 0, 6: 1, 11: 4}[n]
    assert content(compared([], estimator, results=path)) == whole


PROGRAM = """
    import os, signal, sys
    from pathlib import Path
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from skactive import compare_strategies
    from skactive.evaluation.results import ResultsFile

    n_lines, whole = int(sys.argv[2]), ResultsFile._write

    def cut(self, data):
        if len(self.runs) == n_lines and data:
            whole(self, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        whole(self, data)

    ResultsFile._write = cut
    compare_strategies(
        LogisticRegression(max_iter=500), *load_iris(return_X_y=True), ["entropy"],
        budget=20, n_instances=5, n_repeats=2, random_state=0, results=sys.argv[1],
        n_jobs=int(sys.argv[3]),
    )
"""


@pytest.mark.once
@pytest.mark.parametrize(("n_lines", "n_jobs"), [(0, 1), (3, 1), (5, 2)])
def test_a_process_killed_in_the_middle_of_a_write_is_gone_on_from(tmp_path, n_lines, n_jobs):
    path = tmp_path / "runs.jsonl"
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    killed = subprocess.run(
        [*command, str(path), str(n_lines), str(n_jobs)],
        stdout=subprocess.DEVNULL,  # workers outlive the process, and hold its pipes
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
    assert killed.returncode == -9
    left = path.read_bytes()
    assert not left.endswith(b"\n")
    assert left.count(b"\n") == (1 + n_lines if n_lines else 0)
    estimator = LogisticRegression(max_iter=500)
    resumed = compared(estimator=estimator, results=path)
    assert content(resumed) == content(compared(estimator=estimator))
    assert path.read_bytes().startswith(left[: left.rfind(b"\n") + 1])


def test_settings_may_be_put_right_while_no_run_is_finished(tmp_path):
    path = tmp_path / "runs.jsonl"

    class Failing(GaussianNB):
        def fit(self, X, y):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compared(estimator=Failing(), results=path)
    assert path.read_bytes().count(b"\n") == 1
    assert content(compared(results=path)) == content(compared())


def test_what_is_refused_leaves_no_file(tmp_path):
    path = tmp_path / "runs.jsonl"
    with pytest.raises(ValueError, match="budget 8 is below the 10 initial labels"):
        compared(budget=8, results=path)
    assert not path.exists()


def test_a_file_of_something_else_is_refused_and_kept(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"notes\n")
    with pytest.raises(ValueError, match="is not a file of compare_strategies"):
        compared(results=path)
    assert path.read_bytes() == b"notes\n"


def test_two_comparisons_that_write_to_one_file_are_told_apart(tmp_path):
    path = tmp_path / "runs.jsonl"

    def meddling(estimator, X, y):
        path.write_bytes(path.read_bytes() + b"x")
        return 0.0

    with pytest.raises(RuntimeError, match="has changed since it was opened"):
        compared(scoring=meddling, results=path)


def test_the_settings_in_a_file_are_those_given(tmp_path):
    path = tmp_path / "runs.jsonl"
    compared([], ActiveLearner(GaussianNB(), "entropy"), n_repeats=1, results=path, budget=0.2)
    settings = stored_settings(path)
    assert settings["budget"] == 0.2
    assert settings["estimator"] == "ActiveLearner(estimator=GaussianNB(), strategy='random')"


# What a test for new rows needs


def test_runs_know_how_many_rows_they_could_ask_for_and_were_tested_on():
    partly = Y.copy()
    partly[::5] = -1  # 120 rows have a label
    sizes = {
        "test_size": (90, 30),
        "cv": (80, 40),
        "shared": (120, 0),
    }
    given = {
        "test_size": {"test_size": 0.25},
        "cv": {"cv": 3},
        "shared": {"X_test": X[::5], "y_test": Y[::5]},
    }
    for how, options in given.items():
        runs = compared(y=partly, **options).runs
        assert {(run.n_train, run.n_test) for run in runs} == {sizes[how]}
    words = compared(y=partly, n_repeats=5, **given["shared"]).verdict()
    assert "of new rows, repeats with the same test rows say nothing" in words


# Runs that cannot start


RARE = np.where(np.arange(150) % 15 == 0, 1, 0)  # ten rows of the second class


def rarely(**options):
    """A comparison on labels of which many starts hold one class alone."""
    options = {"budget": 8, "n_initial": 4, "n_instances": 2, "n_repeats": 6, **options}
    return compared(y=RARE, **options)


def test_one_run_of_one_class_leaves_out_its_repeat_and_no_other(tmp_path):
    file = tmp_path / "runs.jsonl"
    with pytest.warns(UserWarning, match=r"left out for all strategies: \d of the 6 repeats"):
        comparison = rarely(results=file)
    kept = sorted({run.repeat for run in comparison.runs})
    assert 0 < len(kept) < 6
    for name, (grid, scores) in comparison.curves().items():
        assert (name, grid[-1], len(scores)) == (name, 8, len(kept))
    # A run that was left out counts as made: it would fail again.
    before = file.read_bytes()
    with pytest.warns(UserWarning, match="budget 8 was spent on rows of one class"):
        again = rarely(results=file)
    assert content(again) == content(comparison)
    assert file.read_bytes() == before


def test_if_no_repeat_can_start_the_reason_is_raised():
    with pytest.raises(ValueError, match="no repeat could start; in repeat 0, of .*: budget 2 was"):
        rarely(budget=2, n_initial=1, n_repeats=1)


def test_an_estimator_that_needs_more_labels_leaves_out_the_repeats_where_they_are_missing():
    estimator = CalibratedClassifierCV(GaussianNB(), cv=3)
    with pytest.warns(UserWarning, match="left out for all strategies.* less than 3 examples"):
        comparison = compared(estimator=estimator, n_initial=13, n_repeats=6)
    assert 0 < len(comparison.ceiling()) < 6


def test_what_fails_after_the_first_round_is_raised():
    calls = []

    def fails_later(view, n):
        calls.append(n)
        raise ValueError("out of ideas")

    with pytest.raises(ValueError, match="out of ideas"):
        compared([fails_later])
    assert len(calls) == 1
