"""Several people who answer: who errs, whose turn it is, what it costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from snapshot import unchanged

from skactive import ActiveLearner, Known, Pool, Prompt, SimulatedLearner, run
from skactive.loops import Budget, CostBudget, Noisy
from skactive.loops.cost import costs_of
from skactive.strategies import ActiveLab, RelabelOrNew

X, TRUTH = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
ALL = np.arange(150)


def in_order(view, n):
    """A strategy that asks for the first rows that are left."""
    return view.candidates[:n]


def learner(strategy=in_order, consensus="majority", **options):
    """A learner on iris, of which nothing is labelled."""
    options = {"cold_start": in_order, "random_state": 0, **options}
    return ActiveLearner(LogisticRegression(), strategy, consensus=consensus, **options).fit(X)


def said(pool):
    """Who said something of each row, in the order in which they did."""
    rows, people, _ = pool.opinions_on_labeled
    out = {}
    for row, name in zip(rows.tolist(), people.tolist(), strict=True):
        out.setdefault(row, []).append(name)
    return out


# People who err


@pytest.mark.once
def test_who_errs_says_the_same_of_a_row_whenever_asked_in_any_order():
    ann, again = Noisy(TRUTH, 0.6, 3), Noisy(TRUTH, 0.6, 3)
    labels = ann.answer(ALL, None)
    np.testing.assert_array_equal(again.answer(ALL[::-1], None)[::-1], labels)
    np.testing.assert_array_equal(ann.answer([7, 140], None), labels[[7, 140]])
    assert (Noisy(TRUTH, 0.6, 4).answer(ALL, None) != labels).any()


@pytest.mark.once
def test_accuracies_are_those_given_and_errors_fall_on_all_other_classes():
    truth = np.tile([5, 7, 9, 11], 10_000)
    labels = Noisy(truth, {5: 1.0, 7: 0.9, 9: 0.5, 11: 0.0}, 0).answer(np.arange(40_000), None)
    right = [(labels[truth == c] == c).mean() for c in (5, 7, 9, 11)]
    np.testing.assert_allclose(right, [1, 0.9, 0.5, 0], atol=0.02)
    wrong = labels[(truth == 9) & (labels != 9)]
    shares = [(wrong == c).mean() for c in (5, 7, 11)]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)


@pytest.mark.once
def test_names_that_are_no_text_and_costs_of_nobody_are_refused():
    for name in (3, None):
        with pytest.raises(TypeError, match=f"a crowd got the name {name}; give text"):
            Noisy.crowd(TRUTH, {name: 0.8})
    with pytest.raises(ValueError, match="cost is a dict without a cost"):
        CostBudget(30, {}).start(learner())


@pytest.mark.once
def test_where_there_is_one_class_nobody_can_err():
    assert Noisy(["cat"] * 50, 0.1, 0).answer(np.arange(50), None).tolist() == ["cat"] * 50


@pytest.mark.once
def test_people_of_a_crowd_err_on_rows_of_their_own_whoever_else_is_there():
    truth = np.zeros(20_000, dtype=int)
    truth[1::2] = 1
    people = Noisy.crowd(truth, {"ann": 0.8, "ben": 0.7}, 0)
    errs = {name: who.answer(np.arange(20_000), None) != truth for name, who in people.items()}
    both = (errs["ann"] & errs["ben"]).mean()
    assert both == pytest.approx(0.2 * 0.3, abs=0.01)
    alone = Noisy.crowd(truth, {"ben": 0.7}, 0)["ben"]
    np.testing.assert_array_equal(alone.answer([5, 6], None), people["ben"].answer([5, 6], None))


def test_of_rows_without_a_label_nobody_can_tell():
    y = np.array(["a", None, "b"], dtype=object)
    assert Noisy(y, 1.0, 0).answer([0, 1, 2], None).tolist() == ["a", None, "b"]
    assert Noisy([1, -1, 0], 1.0, 0).answer([1, 0], None).tolist() == [None, 1]
    assert Noisy([1, -1], 1.0, 0, missing_label=None).answer([1, 0], None).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Noisy(TRUTH, 1.2), "accuracy=1.2"),
        (lambda: Noisy(TRUTH, {0: 0.5, 1: 0.5}), "accuracies of .0, 1., where y has .0, 1, 2."),
        (lambda: Noisy([0.5, 1.25], 0.9), "measured numbers"),
        (lambda: Noisy([{"a"}, set()], 0.9), "Noisy got y with several labels a row"),
        (lambda: Noisy.crowd([[0, 1], [1, 1]], {"ann": 0.9}), "several labels a row, and errs"),
        (lambda: Noisy.crowd(TRUTH, 0.9), "accuracies=0.9; give a dict of names, such as .'ann'"),
        (lambda: Noisy(TRUTH, 0.9).answer([150], None), "was asked for that of row 150"),
        (lambda: Noisy(TRUTH, 0.9).answer([-1], None), "was asked for that of row -1"),
    ],
)
def test_noise_that_makes_no_sense_is_refused(make, said):
    with pytest.raises((ValueError, TypeError), match=said):
        make()


# Whose turn it is


def test_people_answer_in_turn_and_are_recorded_by_name():
    people = {name: Known(TRUTH) for name in ("ann", "ben", "cleo")}
    taught = run(learner(), people, n_instances=4, stopping=8)
    assert said(taught.pool_) == {row: [["ann", "ben", "cleo"][row % 3]] for row in range(8)}
    np.testing.assert_array_equal(taught.pool_.y_labeled, TRUTH[:8])


def test_so_many_people_are_asked_about_each_row():
    people = Noisy.crowd(TRUTH, {"ann": 1.0, "ben": 0.9, "cleo": 0.5}, 0)
    taught = run(learner(), people, n_instances=4, n_opinions=2, stopping=Budget(6))
    turns = [["ann", "ben"], ["cleo", "ann"], ["ben", "cleo"]]
    assert said(taught.pool_) == {row: turns[row % 3] for row in range(6)}


def test_a_number_of_answers_is_kept_to_the_row():
    people = {name: Known(TRUTH) for name in ("ann", "ben", "cleo")}
    taught = run(learner(), people, n_instances=4, n_opinions=3, stopping=16)
    assert len(taught.pool_.opinions_on_labeled[0]) == 18  # the sixth row was begun with one left
    assert run(learner(), people, n_instances=4, stopping=17).pool_.n_labeled == 17


def test_a_function_says_whom_to_ask():
    def best_first(pool, rows):
        return [("ben", "ann") if row % 2 else ("ann", "ben") for row in rows]

    people = {name: Known(TRUTH) for name in ("ann", "ben")}
    taught = run(learner(), people, n_instances=5, stopping=10, whom=best_first)
    assert said(taught.pool_) == {row: ["ben" if row % 2 else "ann"] for row in range(10)}


def test_who_cannot_tell_is_not_asked_twice():
    people = {"ann": lambda rows: [None] * len(rows), "ben": Known(TRUTH)}
    taught = run(learner(), people, n_instances=10, n_opinions=2, stopping=Budget(20))
    assert taught.pool_.n_skipped == 0
    assert set(map(tuple, said(taught.pool_).values())) == {("ben",)}


@pytest.mark.parametrize("strategy", [ActiveLab(), RelabelOrNew()])
def test_nobody_is_asked_twice_about_a_row_and_the_loop_ends_when_all_have_spoken(strategy):
    few = ALL[::5]
    start = ActiveLearner(LogisticRegression(), strategy, consensus="majority", random_state=0)
    start.fit(X[few])
    people = Noisy.crowd(TRUTH[few], {"ann": 0.95, "ben": 0.8, "cleo": 0.6}, 0)
    taught = run(start, people, n_instances=15)
    assert {row: sorted(names) for row, names in said(taught.pool_).items()} == {
        row: ["ann", "ben", "cleo"] for row in range(30)
    }


def test_a_strategy_that_asks_again_spends_answers_where_labels_are_in_doubt():
    people = Noisy.crowd(TRUTH, {"ann": 0.95, "ben": 0.8, "cleo": 0.6}, 1)
    again = run(learner(ActiveLab()), people, n_instances=10, stopping=120).pool_
    new = run(learner("margin"), people, n_instances=10, stopping=120).pool_
    assert len(again.opinions_on_labeled[0]) == len(new.opinions_on_labeled[0]) == 120
    assert again.n_labeled < new.n_labeled == 120
    right = [(pool.y_labeled == TRUTH[pool.labeled]).mean() for pool in (again, new)]
    assert right[0] > right[1] + 0.1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"annotator": "dora"}, "annotator='dora' and several people"),
        ({"n_opinions": 3}, "n_opinions=3 of 2 people"),
        ({"whom": "ann"}, "whom='ann'; give a function"),
        ({"whom": lambda pool, rows: []}, "whom returned 0 lists of names for 5 rows; give 5."),
        ({"whom": lambda pool, rows: ["ann"] * 5}, "whom names 'ann' for a row, where a list"),
        ({"whom": lambda pool, rows: [("eve",)] * 5}, "whom names 'eve'"),
    ],
)
def test_slips_about_several_people_are_refused(options, said):
    people, alone = {"ann": Known(TRUTH), "ben": Known(TRUTH)}, learner()
    with unchanged(alone.pool_), pytest.raises((ValueError, TypeError), match=said):
        run(alone, people, n_instances=5, **options)


def test_what_needs_several_people_is_refused_for_one():
    for options in ({"n_opinions": 2}, {"whom": lambda pool, rows: rows}):
        with pytest.raises(ValueError, match="and one oracle; give several by name"):
            run(learner(), Known(TRUTH), **options)
    with pytest.raises(ValueError, match="RelabelOrNew.., which asks for other people's opinions"):
        run(learner(RelabelOrNew()), Known(TRUTH))
    with pytest.raises(ValueError, match="n_opinions=2, but with consensus=None"):
        run(learner(consensus=None), {"a": Known(TRUTH), "b": Known(TRUTH)}, n_opinions=2)
    with pytest.raises(TypeError, match="Prompt for 'ann' among several people"):
        run(learner(), {"ann": Prompt(), "ben": Known(TRUTH)})
    with pytest.raises(ValueError, match="a dict without people"):
        run(learner(), {})


# What it costs


def crowded():
    """A pool of five rows with opinions of two people, one of whom cannot tell."""
    pool = Pool(X[:5], consensus="majority")
    pool.label([0, 1], ["cat", "dog"], annotator="ann")
    pool.label([1, 2], ["cat", None], annotator="ben")
    return pool


def test_costs_are_counted_by_row_annotator_label_and_function():
    pool = crowded()
    assert costs_of(pool).tolist() == [1, 1, 1, 1]
    assert costs_of(pool, {"ann": 5.0, "ben": 1}).sum() == 12
    assert costs_of(pool, {"cat": 1, "dog": 4, None: 0}, "label").tolist() == [1, 4, 1, 0]
    assert costs_of(pool, [10, 1, 0.5, 7, 7]).tolist() == [10, 1, 1, 0.5]
    assert costs_of(pool, np.array([0, 1, 2, 7, 7])).tolist() == [0, 1, 1, 2]

    def of(rows, annotators, labels):
        assert annotators.tolist() == ["ann", "ann", "ben", "ben"]
        assert labels.tolist() == ["cat", "dog", "cat", None]
        return rows + 1

    assert costs_of(pool, of).tolist() == [1, 2, 2, 3]
    pool.undo()
    assert costs_of(pool).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("cost", "by", "said"),
    [
        (-1.0, "annotator", "a cost of -1.0"),
        ({"ann": 1.0}, "annotator", "no cost for annotator 'ben', who answers"),
        ({"cat": 1.0, "dog": 1.0}, "label", "no cost for label None"),
        ([1.0, 2.0], "annotator", r"costs of shape \(2,\) for 5"),
        ({"ann": 1.0, "ben": "two"}, "annotator", "a cost of 'two'"),
        (lambda rows, annotators, labels: [1.0], "annotator", r"costs of shape \(1,\) for 4"),
        (1.0, "class", "by is 'class'"),
    ],
)
def test_what_is_no_cost_is_refused(cost, by, said):
    with pytest.raises(ValueError, match=said):
        costs_of(crowded(), cost, by)


def test_a_budget_of_costs_stops_where_it_is_spent_and_combines():
    people = {"expert": Known(TRUTH), "student": Known(TRUTH)}
    cost = CostBudget(30, {"expert": 4.0, "student": 1.0})
    taught = run(learner(), people, n_instances=2, stopping=cost)
    assert cost.spent(taught.pool_) == 30
    assert taught.pool_.n_labeled == 12
    both = run(learner(), people, n_instances=2, stopping=cost | Budget(8))
    assert both.pool_.n_labeled == 8
    alone = run(learner(), Known(TRUTH), n_instances=7, stopping=CostBudget(1.0, 0.1))
    assert alone.pool_.n_labeled == 10  # though ten times 0.1 is not quite 1
    assert CostBudget(5, lambda *_: []).n_left(learner()) == np.inf
    assert CostBudget(0.3, 0.1).n_left(learner()) == 3  # though 0.3 / 0.1 is below 3
    almost = CostBudget(1 + 1e-12, {None: 0.1, "free": 0.0})
    assert almost.n_left(alone) == 0  # though even a free one would fit


@pytest.mark.once
@given(st.lists(st.integers(1, 9), min_size=150, max_size=150), st.integers(1, 60))
def test_by_costs_of_rows_no_row_is_asked_for_once_nothing_is_left(costs, total):
    rule, alone = CostBudget(total, costs), learner()
    n = 0
    while not rule.should_stop(alone):
        alone.teach([n], [TRUTH[n]], refit=False)
        n += 1
    spent = np.cumsum(costs)
    left = np.append(total, total - spent)
    assert n == np.flatnonzero(left < min(costs))[0]
    assert rule.spent(alone.pool_) == (spent[n - 1] if n else 0)


def test_rows_to_test_on_come_at_their_share_where_labelled_rows_are_asked_for_again():
    people = Noisy.crowd(TRUTH, {"ann": 1.0, "ben": 0.9, "cleo": 0.8}, 0)
    taught = learner(RelabelOrNew(), hold_out=0.3)
    pool = run(taught, people, n_instances=10, stopping=50).pool_
    assert len(costs_of(pool)) == 50
    assert len(pool.test_answers().rows) == 0.3 * 50
    assert pool.n_labeled < 35  # some have several of the other answers


# Simulations


def simulated(strategy="margin", *, consensus="majority", annotators=None, **options):
    """A simulation on iris with three people."""
    annotators = {"ann": 0.95, "ben": 0.8, "cleo": 0.6} if annotators is None else annotators
    options = {"budget": 60, "n_instances": 10, "random_state": 0, **options}
    inner = ActiveLearner(LogisticRegression(), strategy, consensus=consensus)
    return SimulatedLearner(inner, annotators=annotators, **options)


def test_a_simulation_with_people_who_know_everything_is_one_without():
    known = {"ann": 1.0, "ben": 1.0}
    several = simulated(annotators=known).fit(X, TRUTH)
    alone = SimulatedLearner(
        ActiveLearner(LogisticRegression(), "margin"), budget=60, n_instances=10, random_state=0
    ).fit(X, TRUTH)
    for a, b in zip(several.query_indices_, alone.query_indices_, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(several.class_counts_, alone.class_counts_)
    np.testing.assert_array_equal(alone.n_answers_, alone.n_labeled_)
    np.testing.assert_array_equal(several.n_answers_, several.n_labeled_)


@pytest.mark.parametrize("n_opinions", [1, 2, 3])
def test_the_budget_of_a_simulation_with_several_people_counts_answers(n_opinions):
    done = simulated(n_opinions=n_opinions, n_initial=6).fit(X, TRUTH)
    assert done.n_answers_[-1] == 60
    np.testing.assert_array_equal(done.n_answers_, done.n_labeled_ * n_opinions)
    people = Noisy.crowd(TRUTH, {"ann": 0.95, "ben": 0.8, "cleo": 0.6}, 0)
    rows, names, labels = done.learner_.pool_.opinions_on_labeled
    expected = [people[name].answer([row], None)[0] for row, name in zip(rows, names, strict=True)]
    assert labels.tolist() == expected


def test_the_last_row_of_a_simulation_is_asked_about_whole():
    done = simulated(budget=32, n_opinions=3, n_initial=6, n_instances=2).fit(X, TRUTH)
    assert done.n_answers_.tolist() == [18, 24, 30, 33]
    with pytest.raises(ValueError, match="budget 10 is below the 12 initial labels, 2 for each"):
        simulated(budget=10, n_opinions=2, n_initial=6).fit(X, TRUTH)


def test_a_start_on_rows_of_one_class_goes_on_and_its_answers_are_counted():
    known = {"ann": 1.0, "ben": 1.0}
    options = {"initial": [0, 1, 2], "n_instances": 30, "annotators": known}
    done = simulated(in_order, budget=150, n_opinions=2, **options).fit(X, TRUTH)
    # The cold start asks for 30 more rows, which have other classes.
    assert done.n_answers_.tolist() == [66, 126, 150]
    assert done.n_labeled_.tolist() == [33, 63, 75]
    assert done.class_counts_.sum(axis=1).tolist() == [33, 63, 75]


def test_a_simulation_asks_again_until_everybody_has_said_everything():
    done = simulated(ActiveLab(), budget=1.0, n_instances=30).fit(X[::5], TRUTH[::5])
    assert done.n_answers_[-1] == 90
    assert done.n_labeled_[-1] == done.class_counts_[-1].sum() == 30
    assert (np.diff(done.n_answers_) > 0).all()


def test_a_simulation_stops_by_cost_and_is_cloned_and_searched():
    rule = CostBudget(50, {"ann": 3.0, "ben": 1.0, "cleo": 1.0})
    done = clone(simulated(stopping=rule, n_instances=5)).fit(X, TRUTH)
    assert 50 <= rule.spent(done.learner_.pool_) < 50 + 5 * 3
    search = GridSearchCV(simulated(), {"n_opinions": [1, 3]}, cv=2).fit(X, TRUTH)
    assert search.best_score_ > 0.6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"annotators": {"ann": 2.0}}, "accuracy=2.0"),
        ({"annotators": ["ann"]}, "annotators=.'ann'.; give a dict"),
        ({"n_opinions": 4}, "n_opinions=4 of 3 people"),
        ({"n_opinions": 2, "consensus": None}, "n_opinions=2, but with consensus=None"),
    ],
)
def test_a_simulation_refuses_people_that_make_no_sense(options, said):
    with pytest.raises((ValueError, TypeError), match=said):
        simulated(**options).fit(X, TRUTH)


def test_a_simulation_without_people_refuses_what_needs_several():
    for strategy, options, said in (
        (ActiveLab(), {}, "ActiveLab.., which asks for other people's opinions"),
        ("margin", {"n_opinions": 2}, "n_opinions=2 without annotators"),
    ):
        inner = ActiveLearner(LogisticRegression(), strategy, consensus="majority")
        with pytest.raises(ValueError, match=said):
            SimulatedLearner(inner, budget=20, **options).fit(X, TRUTH)


def test_a_person_prints_as_what_she_is():
    assert repr(Noisy([0, 1, -1], 0.9, 7)) == (
        "Noisy(labels of 2 rows, accuracy=0.9, random_state=7)"
    )
