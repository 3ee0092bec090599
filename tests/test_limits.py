"""Strategies under limits, against walks and searches that look at every row or batch."""

import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Known, Strategy, run, select
from skactive.data.rows import n_rows
from skactive.evaluation import SimulatedLearner
from skactive.learner.questions import view_of
from skactive.strategies import Distinct, Prefilter, Quota, Subpool
from skactive.testing import strategy_checks

RNG = np.random.default_rng(0)
X = RNG.integers(-64, 65, (120, 3)) / 32
TRUTH = np.where(X[:, 0] > 1, "c", np.where(X[:, 1] > 0, "b", "a"))
GROUPS = np.array(["ann", "ben", "cy", "dee"], dtype=object)[np.arange(120) % 5 % 4]
CASES = [
    Quota(),
    Quota("badge", at_most=3, overall=True),
    Quota(by=np.arange(90) % 7, at_most=1),
    Quota("k_center", by=lambda rows: [0] * n_rows(rows), at_most=0.99),
    Distinct(),
    Distinct("badge", radius=0.5),
    Quota(Distinct("entropy"), by=np.arange(90) % 7),
    Subpool(Quota(by=np.arange(90) % 4), size=0.5),
]
CHECKS = [
    (f"{i} {name}", check) for i, each in enumerate(CASES) for name, check in strategy_checks(each)
]


@pytest.mark.parametrize("check", [check for _, check in CHECKS], ids=[name for name, _ in CHECKS])
def test_contract(check):
    check()


def walk(order, groups, limits, n):
    """The first n rows in an order whose group has room."""
    room, chosen = dict(limits), []
    for row in order:
        if room[groups[row]] > 0 and len(chosen) < n:
            room[groups[row]] -= 1
            chosen.append(row)
    return chosen


@given(st.data())
def test_quota_keeps_the_first_rows_that_have_room(data):
    n = data.draw(st.integers(1, 40))
    groups = data.draw(st.lists(st.sampled_from("abcd"), min_size=n, max_size=n))
    scores = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(n)
    known = data.draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n - 1))
    wanted, most = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 6))
    overall = data.draw(st.booleans())
    order = [row for row in np.argsort(-scores).tolist() if row not in known]
    counted = [groups[row] for row in known] if overall else []
    limits = {name: most - counted.count(name) for name in "abcd"}
    strategy = Quota(by=groups, at_most=most, overall=overall)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = select(
            strategy, scores=scores, labeled=known[::2], reserved=known[1::2], n_instances=wanted
        )
    assert got.tolist() == walk(order, groups, limits, wanted)


def test_equal_groups_have_the_largest_sum_of_scores():
    for seed in range(250):
        rng = np.random.default_rng(seed)
        groups, scores = rng.choice(list("aabbc"), 9), rng.permutation(9)
        overall, n_known = seed % 2 == 0, rng.integers(4)
        known = rng.choice(9, n_known, replace=False).tolist() if overall else []
        n = int(rng.integers(1, 7))
        got = select(Quota(by=groups, overall=overall), scores=scores, labeled=known, n_instances=n)
        fairest = fairest_batches(groups, known, n)
        assert set(got.tolist()) == set(max(fairest, key=lambda b: scores[list(b)].sum())), seed
        assert (np.diff(scores[got]) < 0).all()  # best first


def fairest_batches(groups, known, n):
    """All batches by which the sizes of groups, with what is known, become most equal."""
    batches = list(combinations(np.setdiff1d(np.arange(len(groups)), known).tolist(), n))
    # Sorted sizes, the smallest first: the larger, the more equal they are.
    sizes = [
        sorted(np.count_nonzero(groups[[*batch, *known]] == name) for name in set(groups))
        for batch in batches
    ]
    return [batch for batch, each in zip(batches, sizes, strict=True) if each == max(sizes)]


def test_shares_of_all_rows_and_labels_instead_of_predictions():
    half = np.arange(40) >= 20
    strategy = Quota(by=half, at_most=0.5, overall=True)
    got = select(strategy, scores=np.arange(40), labeled=[20, 21, 22, 23], n_instances=4)
    assert got.tolist() == [19, 18, 17, 16]
    proba = np.array([[0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.2, 0.8]])
    about = {"proba": proba, "labeled": [0, 1], "y_labeled": [1, 1]}
    assert select(Quota(overall=True), **about).tolist() == [2]  # both were called 0, and are 1


def test_equal_groups_of_rows_that_are_chosen_jointly():
    vectors = np.random.default_rng(1).normal(size=(60, 3))
    groups = np.digitize(vectors[:, 0], [-0.5, 0.5])

    def is_fair(row, chosen):
        sizes = np.bincount(groups[[*chosen[1:], row]], minlength=3)
        return row not in chosen and sizes.max() <= 3 and np.count_nonzero(sizes == 3) <= 1

    got = select(Quota("k_center", groups), embedding=vectors, labeled=[7], n_instances=7)
    assert got.tolist() == farthest(vectors, is_fair, 7, [7])
    assert sorted(np.bincount(groups[got])) == [2, 2, 3]


@pytest.mark.parametrize("name", ["margin", "k_center"])
def test_rows_that_are_labelled_do_not_come_again(name):
    about = {"embedding": [[1.0], [1.0], [2.0], [2.0]], "proba": np.full((4, 2), 0.5)}
    assert select(Distinct(name), **about, labeled=[0], n_instances=1).tolist()[0] in (2, 3)
    with pytest.warns(UserWarning, match="Distinct chose 0 of 1 rows"):
        assert select(Distinct(name), **about, labeled=[0], reserved=[2]).tolist() == []


def test_shares_and_dicts():
    scores = np.arange(20.0)
    half = np.arange(20) >= 10
    with pytest.warns(UserWarning, match="Quota chose 6 of 10 rows"):
        chosen = select(Quota(by=half, at_most=0.3), scores=scores, n_instances=10)
    assert chosen.tolist() == [19, 18, 17, 9, 8, 7]
    chosen = select(Quota(by=half, at_most={True: 0.1}), scores=scores, n_instances=10)
    assert chosen.tolist() == [19, *range(9, 0, -1)]
    chosen = select(Quota(by=half, at_most={True: 0}), scores=scores, n_instances=2)
    assert chosen.tolist() == [9, 8]
    # .07 of 100 is 7.000000000000001 in binary.
    chosen = select(
        Quota(by=np.arange(200) // 10, at_most=0.07), scores=np.arange(200), n_instances=100
    )
    assert np.bincount(chosen // 10).max() == 7


def test_scores_far_down_are_found():
    groups = np.r_[np.zeros(5000, dtype=int), 1, 2]
    scores = np.arange(5002)[::-1]
    chosen = select(Quota(by=groups), scores=scores, n_instances=3)
    assert chosen.tolist() == [0, 5000, 5001]


def farthest(vectors, is_near_enough, n, known):
    """Farthest-first rows, each of which may follow those before it, by every distance."""
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    chosen = list(known)
    while len(chosen) < n + len(known):
        left = [row for row in range(len(vectors)) if is_near_enough(row, chosen)]
        if not left:
            break
        nearest = [distances[row, chosen].min() for row in left]
        chosen.append(left[int(np.argmax(nearest))])
    return chosen[len(known) :]


@pytest.mark.parametrize("seed", range(5))
def test_quota_of_rows_that_are_chosen_jointly(seed):
    vectors = np.random.default_rng(seed).normal(size=(60, 3))
    groups = np.digitize(vectors[:, 0], [-1, 1])  # the far ones are of two groups

    def has_room(row, chosen):
        return row not in chosen and sum(groups[each] == groups[row] for each in chosen[1:]) < 3

    got = select(Quota("k_center", groups, 3), embedding=vectors, labeled=[7], n_instances=9)
    assert got.tolist() == farthest(vectors, has_room, 9, [7])


@pytest.mark.parametrize("name", ["margin", "k_center"])
def test_distinct_rows_lie_apart(name):
    rng = np.random.default_rng(3)
    vectors, radius = rng.normal(size=(300, 2)), 0.4
    top = rng.random(300)
    proba = np.c_[0.5 + top / 2, 0.5 - top / 2]
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)

    def is_apart(row, chosen):
        return (distances[row, chosen] > radius).all()

    with pytest.warns(UserWarning, match="no other candidate is within its limits"):
        got = select(
            Distinct(name, radius),
            embedding=vectors,
            proba=proba,
            labeled=[1],
            reserved=[2],
            n_instances=200,
        )
    if name == "k_center":
        expected = farthest(vectors, is_apart, 200, [1, 2])
    else:
        chosen = [1, 2]
        for row in np.argsort(top):
            if is_apart(row, chosen):
                chosen.append(row)
        expected = chosen[2:]
    assert 10 < len(got) < 200
    assert got.tolist() == expected


def test_blocks_of_rows_do_not_matter():
    vectors = np.repeat(np.arange(700.0), 3)[:, None]  # more rows than a block has
    scores = np.tile([1.0, 3.0, 2.0], 700) + vectors[:, 0] * 10
    got = select(Distinct(radius=1.5), embedding=vectors, scores=scores, n_instances=340)
    assert got.tolist() == [3 * value + 1 for value in range(699, 19, -2)]


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix], ids=["array", "CSR"])
def test_the_same_rows_come_once(container):
    rows = container(np.array([[1.0, 0], [1, 0], [0, 1], [0, 1 + 1e-9]]))
    got = select(Distinct(), embedding=rows, scores=[0.9, 0.8, 0.7, 0.6], n_instances=3)
    assert got.tolist() == [0, 2, 3]


def test_a_radius_beyond_all_distances_leaves_one_row():
    about = {"embedding": [[1.0], [1e5]], "scores": [1, 2]}
    with pytest.warns(UserWarning, match="Distinct chose 1 of 2 rows"):
        assert select(Distinct(radius=1e200), **about, n_instances=2).tolist() == [1]


def test_both_limits_at_once():
    vectors = np.array([[0.0], [0.1], [5], [5.1], [9]])
    strategy = Quota(Distinct("margin", radius=1), by=list("aabab"), at_most=1)
    got = select(
        strategy,
        embedding=vectors,
        scores=None,
        proba=np.c_[[0.5, 0.6, 0.7, 0.8, 0.9], [0.5, 0.4, 0.3, 0.2, 0.1]],
        n_instances=2,
    )
    assert got.tolist() == [0, 2]


def test_a_random_strategy_goes_on_where_it_is_asked_again():
    class Drawn(Strategy):
        rowwise = False

        def select(self, view, n):
            draws.append(view.rng.random())
            return view.candidates[:n]

    draws = []
    got = select(Quota(Drawn(), by=list("aaabbb"), at_most=1), prediction=range(6), n_instances=2)
    assert got.tolist() == [0, 3]
    assert len(set(draws)) == len(draws) == 2


class TestOfALearner:
    def learner(self, strategy, rows=X, **params):
        y = np.where(np.arange(120) < 20, TRUTH, None)
        return ActiveLearner(LogisticRegression(), strategy, random_state=0, **params).fit(rows, y)

    def test_classes_are_balanced_as_predicted(self):
        learner = self.learner(Quota())
        rows, _ = learner.query(n_instances=12)
        assert np.unique(learner.predict(X[rows]), return_counts=True)[1].tolist() == [4, 4, 4]

    def test_labels_count_overall(self):
        y = np.full(120, None, dtype=object)
        y[[*np.flatnonzero(TRUTH == "a")[:6], np.flatnonzero(TRUTH == "b")[0]]] = ["a"] * 6 + ["b"]
        learner = ActiveLearner(LogisticRegression(), Quota(overall=True), classes=list("abc"))
        learner.fit(X, y)
        rows, _ = learner.query(n_instances=4)
        assert set(learner.predict(X[rows])) == {"b"}  # the only other class that is predicted

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_a_column_is_the_group(self, library):
        frames = pytest.importorskip(library)
        frame = frames.DataFrame({"x": X[:, 0], "y": X[:, 1], "patient": GROUPS.astype(str)})
        only = frames.DataFrame({"x": X[:, 0], "y": X[:, 1]})
        by_column = Quota("random", by="patient", at_most=2)

        class Numbers(LogisticRegression):
            def fit(self, rows, y):
                return super().fit(np.asarray(rows)[:, :2].astype(float), y)

            def predict_proba(self, rows):
                return super().predict_proba(np.asarray(rows)[:, :2].astype(float))

        y = np.where(np.arange(120) < 20, TRUTH, None)
        learner = ActiveLearner(Numbers(), by_column, random_state=0).fit(frame, y)
        with pytest.warns(UserWarning, match="Quota chose 8 of 9 rows"):
            rows, _ = learner.query(n_instances=9)
        assert np.unique(GROUPS[rows], return_counts=True)[1].tolist() == [2, 2, 2, 2]
        outside, _ = learner.query(frame[:50], n_instances=4)
        assert len(outside) == 4
        with pytest.raises(
            ValueError, match=r"column 'patent', but none is; did you mean 'patient'"
        ):
            learner.set_params(strategy=Quota(by="patent")).fit(frame, y).query()
        with pytest.raises(ValueError, match=r"there are \['x', 'y'\]"):
            self.learner(Quota(by="zzz"), only).query()

    def test_a_column_of_an_array_is_the_group(self):
        rows, _ = self.learner(Quota(by=2, at_most=1)).query(n_instances=20)
        assert len(set(X[rows, 2])) == 20
        with pytest.raises(ValueError, match="the column 3 of rows that have 3"):
            self.learner(Quota(by=3)).query()
        with pytest.raises(ValueError, match="rows are no part of a frame"):
            self.learner(Quota(by="patient")).query()

    def test_parts_of_a_pool_know_their_groups(self):
        for strategy in (
            Subpool(Quota("k_center", GROUPS, 1), 0.5),
            Prefilter("margin", Quota("badge", GROUPS, 1)),
        ):
            with pytest.warns(UserWarning, match="within its limits"):
                rows, _ = self.learner(strategy).query(n_instances=6)
            assert sorted(GROUPS[rows]) == ["ann", "ben", "cy", "dee"]

    def test_a_series_is_held_against_the_order_of_rows(self):
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame(X, index=[f"row {i}" for i in range(120)], columns=list("abc"))
        groups = pd.Series(GROUPS, frame.index)
        assert len(self.learner(Quota(by=groups, at_most=1), frame).query(n_instances=4)[0]) == 4
        with pytest.raises(ValueError, match="order"):
            self.learner(Quota(by=groups[::-1]), frame).query()

    def test_entries_are_of_the_pool_alone(self):
        learner = self.learner(Quota(by=GROUPS))
        with pytest.raises(ValueError, match="120 entries for rows from outside the pool"):
            learner.query(X[:10] + 1)
        with pytest.raises(ValueError, match="130 entries for rows from outside the pool"):
            self.learner(Quota(by=np.zeros(130))).query(X[:10] + 1)
        with pytest.raises(ValueError, match="3 entries for 120 rows"):
            self.learner(Quota(by=GROUPS[:3])).query()

    def test_rows_from_outside_are_chosen_apart(self):
        rows = np.repeat(X[100:110] + 5, 2, axis=0)
        got, _ = self.learner(Distinct("k_center")).query(rows, n_instances=10)
        assert sorted(got // 2) == list(range(10))
        by = Quota("k_center", by=lambda rows: (rows[:, 0] > 5).astype(int), at_most=2)
        got, _ = self.learner(by).query(rows, n_instances=4)
        assert np.unique(rows[got, 0] > 5, return_counts=True)[1].tolist() == [2, 2]

    def test_a_pool_forgets_what_a_query_only_tried(self):
        often, once = (self.learner(Quota("k_center", GROUPS, 1)) for _ in range(2))
        first = [often.query(n_instances=4)[0].tolist() for _ in range(3)]
        assert first[0] == first[1] == first[2]
        for learner in (often, once):
            learner.teach(first[0][:2], TRUTH[first[0][:2]])
        assert often.query(n_instances=4)[0].tolist() == once.query(n_instances=4)[0].tolist()
        view, _ = view_of(often)
        assert set(view._memory.centers) == {*range(20), *first[0][:2]}

    def test_loops_end_where_no_row_is_left(self):
        strategy = Quota("random", by=GROUPS, at_most=3, overall=True)
        learner = ActiveLearner(LogisticRegression(), strategy, cold_start=strategy, random_state=0)
        with pytest.warns(UserWarning, match="within its limits"):
            run(learner.fit(X), Known(TRUTH), n_instances=5)
        assert learner.pool_.n_labeled == 12
        with pytest.warns(UserWarning, match="chose 0 of 1 rows"):
            assert len(learner.query(reserve=True)[0]) == 0
        simulated = SimulatedLearner(learner, budget=100, initial=np.arange(6), random_state=0).fit(
            X, TRUTH
        )
        labeled = simulated.learner_.pool_.labeled
        assert np.unique(GROUPS[labeled], return_counts=True)[1].tolist() == [3, 3, 3, 3]
        assert len(simulated.rounds_[-1].indices) > 0

    def test_reserved_rows_keep_others_away(self):
        learner = self.learner(Quota("margin", GROUPS, 1, overall=False))
        first, _ = learner.query(n_instances=4, reserve=True)
        second, _ = learner.query(n_instances=4, reserve=True)
        assert len({*first, *second}) == 8


@pytest.mark.parametrize(
    ("strategy", "error", "said"),
    [
        (Quota(at_most=0), ValueError, "at_most=0; give 'equal', a count of at least 1"),
        (Quota(at_most=1.5), ValueError, "at_most=1.5"),
        (Quota(at_most=True), ValueError, "at_most=True"),
        (Quota(at_most="even"), ValueError, "at_most='even'"),
        (Quota(at_most={"a": -1}), ValueError, "at_most={'a': -1}"),
        (Quota(at_most={"z": 1}), ValueError, "no row is of 'z'; the groups are 'a', 'b', 'c'"),
        (
            Quota(by=GROUPS, at_most={"eve": 1}),
            ValueError,
            "no row is of 'eve'; the groups are 'ann'",
        ),
        (Quota(by=[*GROUPS[:-1], None]), ValueError, "no value for 1 rows, first for row 119"),
        (Quota(by=lambda rows: [1]), ValueError, r"gave an array of shape \(1,\) for 100 rows"),
        (Quota(by={1, 2}), TypeError, r"Quota\(by=...\) got a set; give one entry for each row"),
        (Quota(by=X), TypeError, r"got an array of shape \(120, 3\); give one entry"),
        (Quota(by=lambda rows: rows), TypeError, r"got an array of shape \(100, 3\)"),
        (Quota(by=lambda rows: None), TypeError, r"Quota\(by=function\) got a NoneType"),
        (Quota(overall="yes"), TypeError, "overall='yes'; give True or False"),
        (Distinct(radius=-1), ValueError, "radius"),
        (Distinct(radius=np.nan), ValueError, "radius"),
    ],
)
def test_refusals(strategy, error, said):
    y = np.where(np.arange(120) < 20, TRUTH, None)
    learner = ActiveLearner(LogisticRegression(), strategy, random_state=0).fit(X, y)
    with pytest.raises(error, match=said):
        learner.query(n_instances=3)


def test_a_group_that_is_used_up_is_still_a_group():
    y = np.where(GROUPS == "ann", TRUTH, None)
    strategy = Quota(by=GROUPS, at_most={"ann": 1})
    learner = ActiveLearner(LogisticRegression(), strategy, random_state=0).fit(X, y)
    assert len(learner.query(n_instances=3)[0]) == 3


def test_regressors_and_several_labels_have_no_predicted_class():
    learner = ActiveLearner(RandomForestRegressor(5), Quota("random"), random_state=0)
    learner.fit(X, np.where(np.arange(120) < 20, X[:, 0], np.nan))
    with pytest.raises(ValueError, match="which RandomForestRegressor has not; write Quota"):
        learner.query()
    assert "several" not in Quota("random").labels_per_row
    assert "several" in Quota("random", by="patient").labels_per_row


def test_others_still_give_as_many_as_are_asked_for():
    class TooFew(Strategy):
        rowwise = False

        def select(self, view, n):
            return view.candidates[: n - 1]

    with pytest.raises(ValueError, match="asked for 3 positions"):
        select(TooFew(), prediction=range(9), n_instances=3)
