"""Several labels a row in simulations: a start, and tests, with both values of each label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import KNeighborsClassifier

from skactive import ActiveLearner, Pool
from skactive.evaluation.covering import covering, n_covered
from skactive.evaluation.simulation import check_simulation
from skactive.evaluation.splits import make_splits

pytestmark = pytest.mark.once

TABLES = hnp.arrays(
    np.int8,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.integers(0, 1),
)


def naive_covering(labels, n):
    left, chosen = list(range(len(labels))), []
    values = [(column, value) for value in (1, 0) for column in range(labels.shape[1])]

    def has(row, value):
        return labels[row, value[0]] == value[1]

    while left and len(chosen) < n:
        among = [value for value in values if any(has(row, value) for row in left)]
        fewest = min(
            among,
            key=lambda v: (sum(has(row, v) for row in chosen), sum(has(row, v) for row in left)),
        )
        chosen.append(next(row for row in left if has(row, fewest)))
        left.remove(chosen[-1])
    return chosen


@given(labels=TABLES, n=st.integers(0, 14))
def test_rows_that_cover_labels_are_those_of_plain_code(labels, n):
    assert covering(labels, n).tolist() == naive_covering(labels, n)


@given(labels=TABLES)
def test_as_many_rows_as_there_are_values_cover_all_of_them(labels):
    rows = covering(labels, 2 * labels.shape[1])
    for column in range(labels.shape[1]):
        assert set(labels[rows, column]) == set(labels[:, column])


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


def test_both_sides_of_a_split_have_rows_with_and_without_each_label():
    y = rare().astype(int)
    y[::10] = -1  # nobody knows
    y[1:5] = [[0, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 1], *[[0] * 6] * 2]
    y[5:, 5] = np.minimum(y[5:, 5], 0)  # two rows alone have the last label
    known = Pool(np.zeros((len(y), 2)), y)
    options = {"cv": None, "test_size": 0.25, "given": False, "stratify": True, "seed": 0}
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
    options = {"cv": None, "test_size": None, "given": False, "stratify": True, "seed": 3}
    (split,), _ = make_splits(known, n_repeats=1, **options)
    assert n_covered(y, (split.train, split.test)) == 3
    folds, how = make_splits(known, n_repeats=None, **(options | {"cv": 4}))
    assert len(folds) == 4 and how.startswith("cv=4, 4 splits")
