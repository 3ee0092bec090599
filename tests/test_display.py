"""Pictures: what is drawn is what was measured, told apart in grey, and refused where it must."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive import ActiveLearner, BudgetCurveDisplay, Comparison, QueryDisplay, SimulatedLearner
from skactive import statistics as st
from skactive.evaluation.comparison import CEILING, Run

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, Y = load_digits(n_class=3, return_X_y=True)
X, X_TEST, Y, Y_TEST = X[:300] / 16, X[300:] / 16, Y[:300], Y[300:]


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def simulated():
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0)
    options = {"budget": 30, "n_initial": 10, "n_instances": 5, "keep_estimators": True}
    return SimulatedLearner(learner, random_state=0, **options).fit(X, Y)


def comparison(names=("random", "margin", "entropy"), n_repeats=4):
    """Curves that rise, each by its own."""
    rng, runs = np.random.default_rng(0), []
    for repeat in range(n_repeats):
        for position, name in enumerate(names):
            n_labeled = [10, 20, 30, 40]
            rise = np.array([0.5, 0.6 + 0.05 * position, 0.7 + 0.05 * position, 0.9])
            scores = (rise + 0.01 * rng.normal(size=4)).tolist()
            runs.append(Run("data", name, repeat, name, n_labeled, scores))
        runs.append(Run("data", CEILING, repeat, "all", [100], [0.95 + 0.01 * rng.normal()]))
    return Comparison(runs, list(names), "accuracy")


def drawn(line):
    return line.get_xdata(), line.get_ydata()


# Curves


def test_a_simulations_curve_is_the_score_of_each_stage(simulated):
    display = BudgetCurveDisplay.from_simulation(simulated, X_TEST, Y_TEST)
    (line,) = display.lines_
    np.testing.assert_array_equal(drawn(line)[0], simulated.n_labeled_)
    np.testing.assert_allclose(drawn(line)[1], list(simulated.staged_score(X_TEST, Y_TEST)))
    assert line.get_label() == "Margin" and display.ax_.get_ylabel() == "score"
    assert display.figure_ is display.ax_.figure


def test_a_simulation_in_a_pipeline_is_drawn_from_rows_as_the_pipeline_takes_them():
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0)
    inner = SimulatedLearner(learner, budget=30, n_instances=10, keep_estimators=True)
    pipe = make_pipeline(StandardScaler(), inner).fit(X, Y)
    display = BudgetCurveDisplay.from_simulation(pipe, X_TEST, Y_TEST, scoring="accuracy")
    expected = list(pipe[-1].staged_score(pipe[:-1].transform(X_TEST), Y_TEST))
    np.testing.assert_allclose(drawn(display.lines_[0])[1], expected)
    assert display.ax_.get_ylabel() == "accuracy"


def test_rows_to_test_on_without_a_label_are_left_out(simulated):
    some = np.where(np.arange(len(Y_TEST)) % 2, Y_TEST, -1)
    display = BudgetCurveDisplay.from_simulation(simulated, X_TEST, some, name="half")
    expected = list(simulated.staged_score(X_TEST[1::2], Y_TEST[1::2]))
    np.testing.assert_allclose(drawn(display.lines_[0])[1], expected)
    assert display.lines_[0].get_label() == "half"


def test_a_comparisons_curves_are_means_with_their_intervals_and_the_ceiling():
    compared = comparison()
    display = BudgetCurveDisplay.from_comparison(compared)
    assert [line.get_label() for line in display.lines_] == ["random", "margin", "entropy"]
    for line, band, (n_labeled, scores) in zip(
        display.lines_, display.ax_.collections, compared.curves().values(), strict=True
    ):
        mean, low, high = st.mean_interval(scores, 0.95)
        np.testing.assert_allclose(drawn(line), (n_labeled, mean))
        edge = band.get_paths()[0].vertices
        np.testing.assert_allclose([edge[:, 1].min(), edge[:, 1].max()], [low.min(), high.max()])
    ceiling = next(line for line in display.ax_.lines if line.get_label() == "all labels")
    np.testing.assert_allclose(ceiling.get_ydata(), np.mean(compared.ceiling()))
    assert display.ax_.get_ylabel() == "accuracy" and display.ax_.get_xlabel() == "labelled rows"


def test_one_repeat_has_no_band():
    display = BudgetCurveDisplay.from_comparison(comparison(n_repeats=1))
    assert len(display.ax_.collections) == 0


def test_a_target_is_marked_with_what_the_best_curve_saves_there():
    display = BudgetCurveDisplay.from_comparison(comparison(), target=0.75)
    needed = {
        name: st.labels_to_reach(n_labeled, scores.mean(axis=0), 0.75)
        for name, (n_labeled, scores) in display.curves.items()
    }
    share = 1 - needed["entropy"] / needed["random"]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert f"target 0.75: entropy needs {share:.0%} fewer labels" in labels
    (arrow,) = display.ax_.texts
    assert arrow.xy == (needed["entropy"], 0.75)
    assert arrow.get_position() == (needed["random"], 0.75)


def test_a_target_that_random_never_reaches_has_no_saving():
    display = BudgetCurveDisplay.from_comparison(comparison(), target=0.99)
    assert len(display.ax_.texts) == 0
    assert "target 0.99" in [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_seven_curves_differ_in_colour_dash_and_marker():
    names = ["random", *"abcdef"]
    display = BudgetCurveDisplay.from_comparison(comparison(names))
    for look in ("get_color", "get_marker", "_dash_pattern"):
        seen = [getattr(line, look) for line in display.lines_]
        seen = {str(value() if callable(value) else value) for value in seen}
        assert len(seen) == 7, look


def test_random_looks_the_same_wherever_it_stands():
    first = BudgetCurveDisplay.from_comparison(comparison(["random", "margin"])).lines_[0]
    last = BudgetCurveDisplay.from_comparison(comparison(["margin", "random"])).lines_[1]
    assert first.get_label() == last.get_label() == "random"
    assert first.get_color() == last.get_color() and first.get_marker() == last.get_marker()


def test_it_is_drawn_where_it_is_told_to_and_again_elsewhere(simulated):
    figure, (left, right) = plt.subplots(1, 2)
    display = BudgetCurveDisplay.from_simulation(simulated, X_TEST, Y_TEST, ax=left)
    assert display.ax_ is left and display.figure_ is figure
    assert display.plot(ax=right) is display and display.ax_ is right and len(right.lines) == 1


# Queries


def test_what_a_simulation_asked_for_is_drawn_by_round(simulated):
    display = QueryDisplay.from_simulation(simulated, X[:, [20, 43]])
    everything, start, asked = display.ax_.collections
    np.testing.assert_array_equal(everything.get_offsets(), X[:, [20, 43]])
    np.testing.assert_array_equal(start.get_offsets(), X[simulated.query_indices_[0]][:, [20, 43]])
    later = np.concatenate(simulated.query_indices_[1:])
    np.testing.assert_array_equal(asked.get_offsets(), X[later][:, [20, 43]])
    assert asked.get_array().tolist() == np.repeat([1, 2, 3, 4], 5).tolist()


def test_more_columns_become_principal_components_with_their_shares(simulated):
    display = QueryDisplay.from_simulation(simulated, X)
    points = display.ax_.collections[0].get_offsets()
    assert display.ax_.get_xlabel().startswith("component 1 (")
    assert points[:, 0].var() > points[:, 1].var() > 0


def test_columns_of_a_frame_name_the_axes(simulated):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, [20, 43]], columns=["ink above", "ink below"])
    display = QueryDisplay.from_simulation(simulated, frame)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("ink above", "ink below")


def test_what_a_learner_was_taught_follows_its_history():
    y = np.where(np.arange(300) < 10, Y, -1)
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0).fit(X, y)
    idx, _ = learner.query(n_instances=3)
    learner.teach(idx, Y[idx])
    other, _ = learner.query(n_instances=2)
    learner.teach(other, Y[other])
    learner.pool_.undo()
    display = QueryDisplay.from_learner(learner)
    assert sorted(display.batches[0].tolist()) == list(range(10))
    assert [batch.tolist() for batch in display.batches[1:] if len(batch)] == [idx.tolist()]


def test_one_column_is_no_plane(simulated):
    with pytest.raises(ValueError, match="a picture needs rows of at least two numbers; give X="):
        QueryDisplay.from_simulation(simulated, X[:, :1])


# Refusals


def test_stages_that_were_not_kept_are_refused():
    learner = ActiveLearner(LogisticRegression(), random_state=0)
    fitted = SimulatedLearner(learner, budget=30, n_instances=10).fit(X, Y)
    with pytest.raises(ValueError, match="write keep_estimators=True"):
        BudgetCurveDisplay.from_simulation(fitted, X_TEST, Y_TEST)


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'skactive\[plot\]'"):
        BudgetCurveDisplay.from_comparison(comparison())
