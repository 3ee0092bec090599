"""batch_bald: its twin over all joint labels, sampled ones, exact bounds, and what it refuses."""

import sys

import naive_batch_bald as naive
import numpy as np
import pytest
import selection_data as data
from hypothesis import given
from hypothesis import strategies as st

from skactive import scores
from skactive.selection import batch_bald

MODULE = sys.modules[batch_bald.__module__]
NATS = 1e-9


def draws(n_samples, n, n_classes, seed=0, spread=1.0):
    """Probabilities by samples of a model that agree more or less."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(1, n, n_classes)) + spread * rng.normal(
        size=(n_samples, n, n_classes)
    )
    proba = np.exp(logits)
    return proba / proba.sum(axis=2, keepdims=True)


def with_duplicates(seed=0):
    return np.repeat(draws(5, 4, 3, seed), 3, axis=1)


@pytest.mark.parametrize(
    "samples",
    [draws(6, 9, 2), draws(4, 7, 3, 1), draws(8, 8, 3, 2, 0.1), draws(1, 8, 3), with_duplicates()],
    ids=["two classes", "three classes", "little doubt", "one sample", "duplicates"],
)
def test_each_pick_tells_as_much_as_the_twins_best(samples):
    n_rows = samples.shape[1]
    mask = np.arange(n_rows) % 4 != 1
    picks = batch_bald(samples, 4, candidates=mask, centers=[2], rng=np.random.default_rng(0))
    assert len(set(picks.tolist())) == 4 and mask[picks].all() and 2 not in picks
    for pick, told in zip(picks, naive.steps(samples, picks, mask, [2]), strict=True):
        assert told[int(pick)] >= max(told.values()) - NATS


def test_the_first_pick_has_the_largest_bald_score_and_an_equal_row_is_not_taken_twice():
    samples = draws(20, 50, 4, 3)
    samples[:, 7] = samples[:, scores.bald(samples).argmax()]
    picks = batch_bald(samples, 5, rng=np.random.default_rng(0))
    assert picks[0] in np.flatnonzero(np.isclose(scores.bald(samples), scores.bald(samples).max()))
    # Two equal rows share what they tell; the best single scores would be both of them.
    best_two = np.argsort(-scores.bald(samples))[:2]
    assert set(picks[:2].tolist()) != set(best_two.tolist())


def test_sampled_joint_labels_choose_nearly_as_well_as_all_of_them():
    samples = draws(30, 12, 3, 4)
    rng = np.random.default_rng(0)
    exact = batch_bald(samples, 5, rng=rng)
    best = naive.joint_information(samples, exact.tolist())
    few = [
        naive.joint_information(
            samples,
            batch_bald(samples, 5, max_configurations=200, rng=np.random.default_rng(s)).tolist(),
        )
        for s in range(10)
    ]
    random = [
        naive.joint_information(samples, rng.choice(12, 5, replace=False).tolist())
        for _ in range(10)
    ]
    assert np.mean(few) > best - 0.25 * (best - np.mean(random))


def test_sampled_joint_labels_are_drawn_as_the_samples_say():
    samples = draws(3, 4, 2, 5)
    rng, batch = np.random.default_rng(0), [0, 3]
    joint = MODULE._begin(samples, batch, 3, rng)  # four joint labels would be too many
    assert joint.sources is not None and len(joint.weights) == 3
    joint = MODULE._begin(samples, batch, 3, np.random.default_rng(1))
    np.testing.assert_allclose(joint.beliefs.sum(axis=1), 1)
    # With many draws, the mean belief is that before any label: all samples alike.
    many = MODULE._Joint(np.full(40_000, 1 / 40_000), np.full((40_000, 3), 1 / 3),
                         rng.integers(3, size=40_000))  # fmt: skip
    for row in batch:
        many = MODULE._with_drawn(many, samples[:, row], rng)
    np.testing.assert_allclose(many.weights @ many.beliefs, 1 / 3, atol=0.01)
    told = MODULE._told(samples, np.array([1]), many)[0]
    exact = MODULE._told(samples, np.array([1]), MODULE._begin(samples, batch, 100, rng))[0]
    assert abs(told - exact) < 0.005


@given(st.integers(0, 10**6), st.sampled_from([10, 10_000]))
def test_means_over_groups_of_joint_labels_bound_what_rows_tell(seed, limit):
    samples = draws(6, 8, 3, seed)
    joint = MODULE._begin(samples, [0, 1, 2], limit, np.random.default_rng(seed))
    rows = np.arange(3, 8)
    told = MODULE._told(samples, rows, joint)
    grouped = MODULE._told(samples, rows, MODULE._merged(joint, joint.beliefs.argmax(axis=1)))
    single = MODULE._told(samples, rows, MODULE._merged(joint, np.zeros(len(joint.weights), int)))
    assert (told <= grouped + NATS).all() and (grouped <= single + NATS).all()


def test_leaving_rows_out_by_their_bounds_changes_no_pick(monkeypatch):
    samples = draws(10, 200, 3, 6)
    picks = batch_bald(samples, 4, rng=np.random.default_rng(0))
    looked_at, original = [], MODULE._told

    def counted(samples, rows, joint, *dtype):
        looked_at.append((len(rows), len(joint.weights)))
        return original(samples, rows, joint, *dtype)

    monkeypatch.setattr(MODULE, "_told", counted)
    monkeypatch.setattr("skactive.data.arrays.CHUNK_BYTES", 24_000)
    assert batch_bald(samples, 4, rng=np.random.default_rng(0)).tolist() == picks.tolist()
    most = max(size for _, size in looked_at)
    assert 0 < sum(n for n, size in looked_at if size == most) < 100  # of 197
    monkeypatch.setattr(MODULE, "_merged", lambda joint, groups: joint)  # no bound but the worth
    assert batch_bald(samples, 4, rng=np.random.default_rng(0)).tolist() == picks.tolist()


def test_rows_of_which_all_samples_say_the_same_are_drawn_among():
    samples = np.repeat(draws(1, 6, 3), 4, axis=0)
    firsts = {int(batch_bald(samples, 3, rng=np.random.default_rng(s))[0]) for s in range(60)}
    assert firsts == set(range(6))


@given(
    st.integers(1, 12), st.integers(1, 4), st.integers(1, 4), st.integers(0, 10**6), st.booleans()
)
def test_the_contract_is_kept(n, n_samples, n_classes, seed, is_certain):
    rng = np.random.default_rng(seed)
    samples = draws(n_samples, n, n_classes, seed)
    if is_certain:
        samples = (samples == samples.max(axis=2, keepdims=True)).astype(np.float32)
    data.read_only(samples)
    mask, centers = rng.random(n) < 0.7, rng.choice(n, rng.integers(n + 1), replace=False)
    wanted = int(rng.integers(0, n + 2))
    free = mask & ~np.isin(np.arange(n), centers)
    found = [
        batch_bald(
            samples,
            wanted,
            candidates=mask,
            centers=centers,
            max_configurations=20,
            rng=np.random.default_rng(seed),
        )
        for _ in range(2)
    ]
    assert found[0].tolist() == found[1].tolist()
    assert len(set(found[0].tolist())) == len(found[0]) == min(wanted, free.sum())
    assert free[found[0]].all()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_narrow_floats_are_taken(dtype):
    samples = draws(6, 30, 3, 8)
    found = batch_bald(samples.astype(dtype), 3, rng=np.random.default_rng(0))
    expected = batch_bald(samples.astype(dtype).astype(float), 3, rng=np.random.default_rng(0))
    assert found.tolist() == expected.tolist()


def test_what_it_refuses():
    samples, rng = draws(3, 4, 2), np.random.default_rng(0)
    broken = samples.copy()
    broken[1, 2] = [0.5, 0.25]
    for given_samples, params, text in (
        (samples[0], {}, "batch_bald got samples of shape (4, 2)"),
        (broken, {}, "samples of which row 2 of sample 1 is [0.5, 0.25], with sum 0.75"),
        (np.where(samples > 0.7, np.nan, samples), {}, "nan"),
        (samples[:0], {}, "samples of shape (0, 4, 2); give at least one."),
        (samples, {"max_configurations": 0}, "max_configurations=0; give a whole number of at"),
        (samples, {"max_configurations": 2.5}, "max_configurations=2.5"),
        (samples, {"centers": [4]}, "must lie in 0 to 3"),
    ):
        with pytest.raises(ValueError) as info:
            batch_bald(given_samples, 1, rng=rng, **params)
        assert text in str(info.value)
    with pytest.raises(ValueError, match="n is -1"):
        batch_bald(samples, -1, rng=rng)
