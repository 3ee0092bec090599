"""Several labels a row in simulations: a start, and tests, with both values of each label."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from skactive import ActiveLearner, Pool
from skactive.evaluation import starts
from skactive.evaluation.several import one_of_each
from skactive.evaluation.splits import make_splits
from skactive.evaluation.starts import check_simulation

pytestmark = pytest.mark.once


def n_covered(labels, sides):
    """How many values of labels, two of each, are on all sides."""
    values = [(j, value) for j in range(labels.shape[1]) for value in (0, 1)]
    return sum(all((labels[side, j] == value).any() for side in sides) for j, value in values)


def rare(n=400, n_labels=6):
    """Labels of which the last ones are rare."""
    return np.random.default_rng(0).random((n, n_labels)) < np.geomspace(0.5, 0.01, n_labels)


def test_a_stratified_start_has_rows_with_and_without_each_label():
    y = rare().astype(int)
    oracle = Pool(np.zeros((len(y), 2)), y)
    learner = ActiveLearner(KNeighborsClassifier())
    budget = {"budget": 100, "n_instances": 1, "n_initial": None, "initial": "stratified"}
    starts = [check_simulation(learner, oracle, **budget, seed=seed)[2:] for seed in range(5)]
    for n, rows in starts:
        assert n == len(rows) == 12 == len(set(rows.tolist()))
        assert n_covered(y, (rows,)) == 12
    assert len({tuple(rows) for _, rows in starts}) == 5
    # At random it would miss rare labels.
    drawn = [np.random.default_rng(seed).choice(len(y), 12, replace=False) for seed in range(5)]
    assert max(n_covered(y, (rows,)) for rows in drawn) < 12


def test_a_start_goes_on_until_all_rows_are_taken():
    # One row has the first label, and all that have the second or the third have both.
    y = np.zeros((12, 3), dtype=int)
    y[0, 0], y[6:, 1:] = 1, 1
    oracle = Pool(np.zeros((12, 2)), y)
    for n in (2, 3, 8, 12):
        rows = one_of_each(oracle, n, np.random.default_rng(n))
        assert len(set(rows.tolist())) == n
        assert 0 in rows  # its label takes the first turn


def test_each_row_of_a_start_has_what_fewest_of_those_before_have():
    y = np.random.default_rng(1).integers(0, 2, (40, 5)) * [1, 1, 1, 1, 0]
    rows = one_of_each(Pool(np.zeros((40, 2)), y), 40, np.random.default_rng(0))
    values = np.hstack([y, 1 - y])
    for place, row in enumerate(rows):
        counts = values[rows[:place]].sum(axis=0)
        is_left = values[rows[place:]].any(axis=0)
        assert counts[values[row] == 1].min() == counts[is_left].min()


def test_labels_that_nearly_all_rows_have_are_split_like_those_that_few_have():
    y = (~rare()).astype(int)
    y[:, 5] = 1
    y[[3, 8], 5] = 0  # two rows alone lack the last label
    known = Pool(np.zeros((len(y), 2)), y)
    options = {"cv": None, "test_size": 0.25, "given": False, "stratify": False, "seed": 0}
    splits, _ = make_splits(known, n_repeats=6, **options)
    for split in splits:
        assert n_covered(y, (split.train, split.test)) == 12


def test_both_sides_of_a_split_have_rows_with_and_without_each_label():
    y = rare().astype(int)
    y[::10] = -1  # nobody knows
    y[1:5] = [[0, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 1], *[[0] * 6] * 2]
    y[5:, 5] = np.minimum(y[5:, 5], 0)  # two rows alone have the last label
    known = Pool(np.zeros((len(y), 2)), y)
    options = {"cv": None, "test_size": 0.25, "given": False, "stratify": False, "seed": 0}
    splits, how = make_splits(known, n_repeats=4, **options)
    assert how == "test_size=0.25" and len({tuple(split.test) for split in splits}) == 4
    for split in splits:
        train = np.intersect1d(split.train, known.labeled)
        assert n_covered(y, (train, split.test)) == 12
        assert len(split.test) == 90 and set(range(0, len(y), 10)) < set(split.train)
    again, _ = make_splits(known, n_repeats=4, **options)
    assert [split.test.tolist() for split in again] == [split.test.tolist() for split in splits]


def test_a_label_that_one_row_has_does_not_hinder_a_split():
    y = np.zeros((40, 2), dtype=int)
    y[0, 0], y[::2, 1] = 1, 1
    known = Pool(np.zeros((40, 2)), y)
    options = {"cv": None, "test_size": None, "given": False, "stratify": False, "seed": 3}
    (split,), _ = make_splits(known, n_repeats=1, **options)
    assert n_covered(y, (split.train, split.test)) == 3
    folds, how = make_splits(known, n_repeats=None, **(options | {"cv": 4}))
    assert len(folds) == 4 and how.startswith("cv=4, 4 splits")


@pytest.mark.once
def test_a_start_beyond_the_budget_is_refused_before_its_rows_are_drawn(monkeypatch):
    drawn = []
    monkeypatch.setattr(starts, "one_of_each", lambda *how: drawn.append(how))
    oracle = Pool(np.zeros((400, 2)), rare().astype(int))
    budget = {"budget": 20, "n_instances": 1, "n_initial": 10**9, "initial": "stratified"}
    with pytest.raises(ValueError, match="budget 20 is below the 1000000000 initial labels"):
        check_simulation(ActiveLearner(KNeighborsClassifier()), oracle, **budget)
    assert drawn == []
