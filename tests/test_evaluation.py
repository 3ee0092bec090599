"""compare_strategies: paired, complete, repeatable, and resumed where it was cut."""

import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from skactive import ActiveLearner, compare_strategies
from skactive.comparison import CEILING
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
    runs = [{**run.to_json(), "seconds": None} for run in comparison.runs]
    return comparison.names, comparison.scoring, runs


def by_repeat(comparison, repeat):
    """The runs of one repeat by strategy."""
    return {run.variant: run for run in comparison.runs if run.repeat == repeat}


# Pairing


def test_in_a_repeat_every_strategy_starts_with_the_same_rows_and_repeats_differ():
    strategies = ["entropy", "least_confidence", backwards]
    comparison = compared(strategies, n_repeats=3)
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


# What is in it


def test_random_margin_and_the_ceiling_are_always_in_it():
    comparison = compared([])
    assert comparison.names == ["random", "margin"]
    assert {run.variant for run in comparison.runs} == {"random", "margin", CEILING}
    assert compared(["margin", "random"]).names == ["random", "margin"]
    assert compared([], LinearSVC()).names == ["random", "margin"]  # by its decision function


def test_a_regressor_has_no_margin():
    comparison = compared([], Ridge(), y=X[:, 0], X=X[:, 1:])
    assert comparison.names == ["random"]


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
    by_frame, by_array = compared(X=frame, y=names), compared()
    assert content(by_frame) == content(by_array)


# The same again


def test_the_same_seed_gives_the_same_comparison_with_one_process_and_with_two():
    strategies = {"entropy": "entropy", "mixed": Subpool("margin", 0.5)}
    first = content(compared(strategies, n_jobs=1))
    assert content(compared(strategies, n_jobs=2)) == first
    assert content(compared(strategies, random_state=1)) != first


def test_random_state_is_an_integer_or_none():
    with pytest.raises(TypeError, match="random_state is .*; a comparison that can be repeated"):
        compared(random_state=np.random.default_rng(0))


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
        ({"cv": 3}, "test was .*, is .*cv=3"),
        ({"test_size": 0.5}, "test was .*test_size=0.5"),
        ({"X_test": X, "y_test": Y}, "test was "),
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


def test_an_interrupted_comparison_keeps_the_runs_that_were_finished(tmp_path):
    path, calls = tmp_path / "runs.jsonl", []

    class Power(LogisticRegression):
        def fit(self, X, y):
            calls.append(len(X))
            if len(calls) == 8:
                raise KeyboardInterrupt
            return super().fit(X, y)

    def slow(**options):
        return compared([], Power(max_iter=500), **options)

    with pytest.raises(KeyboardInterrupt):
        slow(results=path)
    n_lines = path.read_bytes().count(b"\n")
    assert n_lines > 1
    assert content(slow(results=path)) == content(slow())
