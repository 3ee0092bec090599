"""Several people in simulations and comparisons, over answers or what these cost."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from skactive import ActiveLearner, SimulatedLearner, compare_strategies, run
from skactive.evaluation import BudgetCurveDisplay
from skactive.evaluation.comparison import CEILING
from skactive.evaluation.simulation import simulate
from skactive.evaluation.splits import make_splits
from skactive.evaluation.starts import known_labels
from skactive.loops import CostBudget, Noisy
from skactive.pool.people import overlap_chance
from skactive.strategies import ActiveLab

X, Y = load_iris(return_X_y=True)
PEOPLE = {"ann": 0.95, "ben": 0.8, "cleo": 0.6}
COST = {"ann": 4.0, "ben": 1.0, "cleo": 0.5}


def compared(strategies=("margin",), consensus="majority", **options):
    """A comparison with three people that is quick on iris."""
    options = {"budget": 40, "n_instances": 5, "n_repeats": 2, "random_state": 0} | options
    options = {"annotators": PEOPLE} | options
    learner = ActiveLearner(GaussianNB(), consensus=consensus)
    return compare_strategies(learner, X, Y, strategies, **options)


def runs_of(comparison, name):
    """The runs of one strategy by repeat."""
    return [run for run in comparison.runs if run.variant == name]


def splits(n_repeats=2):
    """The splits of these comparisons."""
    known = known_labels(ActiveLearner(GaussianNB()), X, Y)
    options = {"cv": None, "test_size": None, "given": False, "stratify": True}
    return make_splits(known, n_repeats=n_repeats, seed=0, **options)[0]


def test_with_people_who_know_everything_it_is_a_comparison_without():
    several = compared(annotators={"ann": 1.0, "ben": 1.0})
    alone = compared(annotators=None)
    assert (several.axis(), alone.axis()) == ("answers", "labels")
    for a, b in zip(several.runs, alone.runs, strict=True):
        assert (a.scores, a.indices, a.n_labeled) == (b.scores, b.indices, b.n_labeled)
        assert a.variant == CEILING or a.grid == b.grid


def test_each_way_of_asking_is_the_simulation_with_the_seed_of_its_repeat():
    ways = {"three": "margin", "again": ActiveLab()}
    comparison = compared(ways, n_opinions={"three": 3})
    for name, n_opinions in ("three", 3), ("again", 1), ("margin", 1):
        for split, found in zip(splits(), runs_of(comparison, name), strict=True):
            inner = ActiveLearner(
                GaussianNB(), ways.get(name, name), classes=[0, 1, 2], consensus="majority",
                random_state=split.seed,
            )  # fmt: skip
            rounds = simulate(
                inner, X[split.train], Y[split.train], budget=40, n_instances=5,
                annotators=PEOPLE, n_opinions=n_opinions, seed=split.seed,
            )  # fmt: skip
            scores = [(one.n_answers, inner.score(X[split.test], Y[split.test])) for one in rounds]
            assert list(zip(found.spent, found.scores, strict=True)) == scores
            assert n_opinions == 1 or found.spent == [3 * n for n in found.n_labeled]


def test_the_people_of_a_repeat_are_the_same_for_all_strategies():
    comparison = compared({"same": "random"})
    for a, b in zip(runs_of(comparison, "random"), runs_of(comparison, "same"), strict=True):
        assert (a.scores, a.indices) == (b.scores, b.indices)
    first, second = runs_of(comparison, "random")
    assert first.scores != second.scores


def test_curves_over_the_cost_of_people_have_what_their_answers_cost():
    comparison = compared(["margin"], budget=CostBudget(60, COST))
    assert comparison.axis() == "cost"
    in_turn = np.array([COST[name] for name in PEOPLE])
    for found in runs_of(comparison, "margin"):
        expected = [in_turn[np.arange(n) % 3].sum() for n in found.n_labeled]
        assert found.spent == expected
        assert found.spent[-2] < 60 <= found.spent[-1]


def test_costs_by_row_are_those_of_the_rows_of_x():
    cost = np.random.default_rng(0).uniform(0.5, 2, len(X))
    for budget in CostBudget(30, cost), CostBudget(30, lambda rows, *_: cost[rows]):
        comparison = compared(["margin"], annotators=None, budget=budget)
        for found in runs_of(comparison, "margin"):
            asked = np.cumsum([cost[rows].sum() for rows in found.indices])
            np.testing.assert_allclose(found.spent, asked)
            assert found.spent[-2] < 30 <= found.spent[-1]


def test_two_of_some_rows_are_asked_for_as_overlap_asks():
    options = {"budget": 60, "n_instances": 10, "annotators": PEOPLE, "random_state": 0}
    learner = ActiveLearner(GaussianNB(), "margin", consensus="majority")
    done = SimulatedLearner(learner, n_opinions=1.5, **options).fit(X, Y)
    pool = done.learner_.pool_
    rows, times = np.unique(pool.opinions_on_labeled[0], return_counts=True)
    np.testing.assert_array_equal(times == 2, overlap_chance(rows, None, pool.seed) < 0.5)
    assert 60 <= times.sum() <= 61 and set(times.tolist()) == {1, 2}
    many = run(
        ActiveLearner(GaussianNB(), consensus="majority", random_state=0).fit(X),
        Noisy.crowd(Y, PEOPLE, 0),
        n_instances=20,
        n_opinions=2.25,
    ).pool_
    assert np.bincount(np.unique(many.opinions_on_labeled[0], return_counts=True)[1])[:2].sum() == 0
    with pytest.raises(ValueError, match="n_opinions=0.5; give a finite number of at least 1"):
        SimulatedLearner(learner, n_opinions=0.5, **options).fit(X, Y)
    with pytest.raises(ValueError, match="n_opinions=3.5 of 3 people"):
        SimulatedLearner(learner, n_opinions=3.5, **options).fit(X, Y)


def test_a_simulation_is_drawn_over_what_was_spent():
    learner = ActiveLearner(GaussianNB(), "margin", consensus="majority")
    budget = CostBudget(40, COST)
    options = {"n_instances": 5, "annotators": PEOPLE, "keep_estimators": True, "random_state": 0}
    done = SimulatedLearner(learner, budget=budget, **options).fit(X, Y)
    assert done.spent_[-2] < 40 <= done.spent_[-1]
    np.testing.assert_allclose(done.spent_[-1], budget.spent(done.learner_.pool_))
    pytest.importorskip("matplotlib")
    drawn = BudgetCurveDisplay.from_simulation(done, X, Y)
    assert drawn.ax_.get_xlabel() == "cost of the answers"
    np.testing.assert_allclose(drawn.lines_[0].get_xdata(), done.spent_)
    drawn = BudgetCurveDisplay.from_comparison(compared(budget=budget)).plot(target=0.8)
    assert drawn.ax_.get_xlabel() == "cost of the answers"


def test_a_file_of_runs_knows_people_budgets_and_opinions(tmp_path):
    path, ways = tmp_path / "runs.jsonl", {"several": "margin"}
    first = compared(ways, n_opinions={"several": 2}, results=path)
    again = compared(ways, n_opinions={"several": 2}, results=path)
    assert [each.spent for each in again.runs] == [each.spent for each in first.runs]
    for options, said in (
        ({"annotators": PEOPLE | {"dora": 0.9}, "n_opinions": {"several": 2}}, "annotators was"),
        ({"budget": CostBudget(40), "n_opinions": {"several": 2}}, "budget was 40"),
        ({"n_opinions": {"several": 3}}, "n_opinions=2 under the name 'several', which is"),
    ):
        with pytest.raises(ValueError, match=said):
            compared(ways, results=path, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_opinions": {"three": 3}}, "n_opinions names 'three', which is none of the strategies"),
        ({"n_opinions": 2, "annotators": None}, "n_opinions=2 without annotators"),
        ({"strategies": [ActiveLab()], "annotators": None}, "ActiveLab.., which asks for other"),
        ({"n_opinions": {"margin": 4}}, "n_opinions=4 of 3 people"),
        ({"budget": CostBudget(9, {"ann": 1.0})}, "no cost for annotator 'ben', who answers"),
        ({"budget": CostBudget(9, [1.0, 2.0])}, "costs of shape .2,. for 150"),
        ({"budget": CostBudget(-1)}, "total=-1"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_simulated(options, said, monkeypatch):
    monkeypatch.setattr("skactive.evaluation.compare.simulate", None)
    with pytest.raises(ValueError, match=said):
        compared(**options)


@pytest.mark.parametrize(
    "rule", [CostBudget(9, {"ann": 1.0}), CostBudget(9, {"ann": 1.0}) & CostBudget(9)]
)
def test_who_has_no_cost_is_named_before_anybody_is_asked(rule):
    asked = []

    def answer(rows):
        asked.append(len(rows))
        return Y[: len(rows)]

    learner = ActiveLearner(GaussianNB(), consensus="majority", random_state=0).fit(X)
    for oracle, annotator in ({"ann": answer, "ben": answer}, None), (answer, "ben"):
        with pytest.raises(
            ValueError, match="no cost for annotator 'ben', who answers; .*, or by='label' if"
        ):
            run(learner, oracle, annotator=annotator, stopping=rule)
    assert asked == [] and learner.pool_.n_labeled == 0
