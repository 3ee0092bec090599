"""EPIG: its twin, what mutual information is known to be, and the strategy through a learner."""

import tracemalloc

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, select
from skactive.data.chance import other_draw
from skactive.scores import bald, consensus_entropy, epig
from skactive.selection import top
from skactive.strategies import BALD, EPIG, Dropout, Subpool
from skactive.testing import check_strategy


def members(n_members, n, n_classes, seed=0, sharpness=1.0):
    """Probabilities by each member, from nearly uniform to nearly certain."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(n_classes, 1 / sharpness), size=(n_members, n))


shapes = st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 4), st.integers(1, 4))


@given(shape=shapes, seed=st.integers(0, 10**6), sharpness=st.sampled_from([0.1, 1, 30, 1e4]))
def test_it_is_the_mean_mutual_information_of_its_twin(shape, seed, sharpness):
    n_members, n, n_classes, n_targets = shape
    samples = members(n_members, n, n_classes, seed, sharpness)
    targets = members(n_members, n_targets, n_classes, seed + 1, sharpness)
    np.testing.assert_allclose(epig(samples, targets), naive.epig(samples, targets), atol=1e-12)


@given(seed=st.integers(0, 10**6), sharpness=st.sampled_from([0.1, 1, 30, 1e4]))
def test_it_is_symmetric_and_between_0_and_what_bald_says_of_either_row(seed, sharpness):
    samples, targets = (members(6, 5, 3, seed + i, sharpness) for i in range(2))
    pairs = np.array([epig(samples, targets[:, [j]]) for j in range(5)])
    back = np.array([epig(targets, samples[:, [i]]) for i in range(5)])
    np.testing.assert_allclose(pairs, back.T, atol=1e-12)
    np.testing.assert_allclose(pairs.mean(axis=0), epig(samples, targets), atol=1e-12)
    # Given the member, labels are independent: what one tells of another, it tells of the member.
    assert (pairs >= 0).all() and (pairs <= bald(samples) + 1e-12).all()
    assert (pairs.T <= bald(targets) + 1e-12).all()


@given(seed=st.integers(0, 10**6))
def test_labels_on_which_all_members_agree_tell_nothing_and_are_told_nothing(seed):
    samples, agreed = members(5, 4, 3, seed), np.repeat(members(1, 4, 3, seed + 1), 5, axis=0)
    np.testing.assert_allclose(epig(samples, agreed), 0, atol=1e-12)
    np.testing.assert_allclose(epig(agreed, samples), 0, atol=1e-12)


def test_of_certain_members_a_row_tells_all_about_itself():
    votes = np.random.default_rng(0).integers(4, size=(9, 30))
    certain = np.eye(4)[votes]
    own = [epig(certain[:, [row]], certain[:, [row]])[0] for row in range(30)]
    np.testing.assert_allclose(own, consensus_entropy(certain), atol=1e-12)


def test_two_members_that_disagree_on_both_rows_give_a_bit():
    one, other = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]], [[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]
    np.testing.assert_allclose(epig([one, other], [one, other]), [np.log(2) / 2, 0], atol=1e-15)


def test_binary_symmetric_channels_have_their_published_information():
    """Two members, certain of the target and right of the row with 1 - e: log 2 - H(e)."""
    for error in (0.0, 0.1, 0.4, 0.5):
        row = np.array([[[1 - error, error]], [[error, 1 - error]]])
        target = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
        entropy = -sum(p * np.log(p) for p in (error, 1 - error) if p)
        np.testing.assert_allclose(epig(row, target), np.log(2) - entropy, atol=1e-15)


def test_chunks_change_nothing_but_rounding_and_hold_the_memory(monkeypatch):
    samples, targets = members(20, 700, 10), members(20, 150, 10, seed=1)
    whole = epig(samples, targets)
    tracemalloc.start()
    monkeypatch.setattr("skactive.data.arrays.CHUNK_BYTES", 1 << 16)
    np.testing.assert_allclose(epig(samples, targets), whole, atol=1e-12)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 700 * 150 * 100 * 8 / 50  # of what all tables would take
    assert (epig(samples.astype(np.float32), targets) > 0).all()


def test_what_is_refused_and_nan_stays_nan():
    samples, targets = members(3, 4, 2), members(3, 2, 2)
    for bad in (targets[:2], targets[:, :0]):
        with pytest.raises(ValueError, match="give one target row or more, and as many members"):
            epig(samples, bad)
    with pytest.raises(ValueError, match=r"targets has shape \(2, 2\); it must be \(S, n, C\)"):
        epig(samples, targets[0])
    samples[1, 2, 0] = np.nan
    assert np.flatnonzero(np.isnan(epig(samples, targets))).tolist() == [2]


# The strategy

DIGITS, TRUTH = load_digits(return_X_y=True)
X, Y = DIGITS[:300] / 16, np.where(np.arange(300) < 40, TRUTH[:300], -1)
FOREST = RandomForestClassifier(20, max_depth=6)


def learner(strategy, estimator=FOREST, seed=0):
    return ActiveLearner(estimator, strategy, random_state=seed).fit(X, Y)


def test_scores_are_those_of_the_function_whatever_the_chunks(monkeypatch):
    asked = learner(EPIG(targets=np.arange(200, 230)))
    samples = np.array([tree.predict_proba(X) for tree in asked.estimator_.estimators_])
    expected = epig(samples, samples[:, 200:230])
    for n_bytes in (1 << 24, 1):  # one chunk, and two
        monkeypatch.setattr("skactive.strategies.reading.MODEL_BYTES", n_bytes)
        np.testing.assert_allclose(asked.scores()[40:], expected[40:], atol=1e-12)
    subset = np.arange(100, 200)
    best = subset[np.argmax(expected[subset])]
    assert asked.query(subset=subset)[0].tolist() == [best]


def test_targets_are_drawn_anew_in_each_round_and_are_the_same_within_one():
    asked = learner(EPIG(n_targets=5))
    first, again = asked.scores(), asked.scores()
    np.testing.assert_array_equal(first, again)
    before = asked.estimator_
    asked.teach([50], [TRUTH[50]])
    asked.estimator_ = before
    assert not np.allclose(np.delete(first[40:], 10), np.delete(asked.scores()[40:], 10))
    # As many as there are rows: all, whatever was drawn.
    for n_targets in (300, 10_000):
        samples = np.array([tree.predict_proba(X) for tree in before.estimators_])
        np.testing.assert_allclose(
            learner(EPIG(n_targets)).scores()[40:], epig(samples, samples)[40:], atol=1e-12
        )


def test_rows_are_asked_about_what_the_targets_are_about():
    """Two far groups of rows, whose labels follow from different columns."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2))
    group = np.repeat([0, 1], 200)
    truth = (rows[np.arange(400), group] > 0).astype(int)
    rows[group == 1] += 40
    y = np.where(np.arange(400) % 10 == 0, truth, -1)
    forest = RandomForestClassifier(100, max_features=None)
    for which in (0, 1):
        strategy = EPIG(targets=np.flatnonzero(group == which))
        asked = ActiveLearner(forest, strategy, random_state=0).fit(rows, y)
        idx, _ = asked.query(n_instances=10)
        assert (group[idx] == which).mean() >= 0.9


def test_targets_of_a_query_over_rows_from_outside_are_positions_in_these():
    asked = ActiveLearner(FOREST, EPIG(targets=[3, 5]), random_state=0).fit(X[:40], TRUTH[:40])
    samples = np.array([tree.predict_proba(X[40:]) for tree in asked.estimator_.estimators_])
    expected = epig(samples, samples[:, [3, 5]])
    np.testing.assert_allclose(asked.scores(X[40:]), expected, atol=1e-12)


def test_it_chooses_from_arrays_with_targets_among_their_rows():
    samples = members(6, 40, 3)
    found = select(EPIG(targets=[0, 1]), samples=samples, subset=np.arange(2, 40))
    assert found.tolist() == [2 + np.argmax(epig(samples[:, 2:], samples[:, :2]))]


def test_targets_need_not_be_in_the_part_that_is_scored():
    seen, numbers = [], np.arange(200, 230)

    class Spy(EPIG):
        def score(self, view):
            scores = super().score(view)
            seen.append((view.X[view.candidates], scores[view.candidates]))
            return scores

    asked = learner(Subpool(Spy(targets=numbers), size=20))
    asked.query()
    part, scores = seen[0]
    trees = asked.estimator_.estimators_
    samples, targets = (
        np.array([tree.predict_proba(rows) for tree in trees]) for rows in (part, X[numbers])
    )
    assert len(part) == 20
    np.testing.assert_allclose(scores, epig(samples, targets), atol=1e-12)


def test_a_part_of_the_pool_is_drawn_by_other_numbers_than_the_targets():
    seen = []

    class Spy(EPIG):
        def score(self, view):
            seen.append((view.candidates, top(other_draw(view.row_random()), 30)))
            return super().score(view)

    learner(Subpool(Spy(n_targets=30), size=60)).query()
    candidates, targets = map(set, seen[0])
    assert len(candidates) == 60 and len(targets) == 30
    assert len(candidates & targets) < 25  # of the 100 rows, 18 or so are both


@pytest.mark.parametrize(
    "strategy", [EPIG(n_targets=7), EPIG(targets=[4, 80, 4]), Subpool(EPIG(20), 0.5)]
)
def test_the_contract_is_kept(strategy):
    check_strategy(strategy)


def test_a_net_tells_by_its_passes_with_dropout():
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    torch.manual_seed(0)
    layers = (
        torch.nn.Linear(64, 16),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(16, 10),
    )
    net = skorch.NeuralNetClassifier(
        torch.nn.Sequential(*layers),
        criterion=torch.nn.CrossEntropyLoss,
        train_split=None,
        verbose=0,
    )
    rows = X.astype(np.float32)
    for strategy in (EPIG(30), Dropout(EPIG(30), n_passes=5), Subpool(EPIG(30), 60)):
        asked = ActiveLearner(net, strategy, classes=range(10), random_state=0).fit(rows, Y)
        assert len(set(asked.query(n_instances=6)[0].tolist())) == 6
    bounds = ActiveLearner(net, BALD(), classes=range(10), random_state=0).fit(rows, Y).scores()
    whole = ActiveLearner(net, EPIG(300), classes=range(10), random_state=0).fit(rows, Y)
    assert (whole.scores()[40:] <= bounds[40:] + 1e-9).all()
    narrow = ActiveLearner(net, Subpool(EPIG(targets=[41]), 2), classes=range(10), random_state=0)
    (asked,), _ = narrow.fit(rows, Y).query()  # the target need not be in the part
    assert asked != 41


def test_what_it_needs_and_its_parameters_are_checked():
    with pytest.raises(ValueError, match=r"^EPIG reads view\.samples, which LogisticRegression"):
        learner(EPIG(), LogisticRegression())
    for bad in (0, 2.5):
        with pytest.raises(ValueError, match=f"^EPIG got n_targets={bad!r}; give a whole number"):
            learner(EPIG(n_targets=bad)).query()
    with pytest.raises(ValueError, match="rows hold positions from 2 to 300; with 300 rows"):
        learner(EPIG(targets=[2, 300])).query()
