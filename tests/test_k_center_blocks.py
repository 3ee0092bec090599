"""Greedy k-center over blocks: the picks of the one in memory, in few passes."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, config_context
from skactive.data import RowSource
from skactive.selection import k_center, k_center_blocks, k_center_in_blocks
from skactive.strategies import KCenter
from skactive.utils import config

RNG = np.random.default_rng


class Passes:
    """Blocks of vectors, and how often they were asked for."""

    def __init__(self, X, cuts, make=np.asarray):
        self.X, self.cuts, self.make, self.n = X, cuts, make, 0

    def __call__(self):
        self.n += 1
        return [self.make(block) for block in np.split(self.X, self.cuts)]


def distances(X, row, others):
    """Squared distance of a row to the nearest of some, by the definition."""
    return min(((X[row].astype(float) - X[other]) ** 2).sum() for other in others)


@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_picks_are_those_of_memory_and_with_ties_each_is_a_farthest_row(seed, has_ties, is_sparse):
    rng = RNG(seed)
    n_rows, d, n = (int(rng.integers(*ends)) for ends in ((3, 120), (1, 5), (1, 30)))
    X = rng.integers(0, 4, (n_rows, d)) * 1.0 if has_ties else rng.normal(size=(n_rows, d))
    X = X.astype(rng.choice([np.float32, np.float64]))
    mask = rng.random(n_rows) < 0.8
    mask[0] = True
    centers = rng.choice(np.arange(1, n_rows), int(rng.integers(0, 2)), replace=False)
    cuts = np.sort(rng.integers(1, n_rows, 3))
    blocks = Passes(X, np.unique(cuts), sparse.csr_matrix if is_sparse else np.asarray)
    few = int(rng.integers(1, 9))
    with patch.object(k_center_blocks, "_LEAST_KEPT", few):
        picks = k_center_in_blocks(
            blocks, n, candidates=mask, centers=centers, rng=RNG(0), n_bytes=1
        )
    expected = k_center(X, n, candidates=mask, centers=centers, rng=RNG(0))
    assert len(set(picks.tolist())) == len(expected)
    if not has_ties:
        assert picks.tolist() == expected.tolist()
    known, left = centers.tolist(), set(np.flatnonzero(mask).tolist()) - set(centers.tolist())
    for pick in picks.tolist():
        if known:
            far = {row: distances(X, row, known) for row in left}
            assert far[pick] == max(far.values())
        known.append(pick)
        left.remove(pick)


def test_several_picks_are_made_in_a_pass(monkeypatch):
    X = RNG(0).normal(size=(3000, 8))
    blocks = Passes(X, np.arange(500, 3000, 500))
    mask = np.ones(3000, dtype=bool)
    picks = k_center_in_blocks(blocks, 60, candidates=mask, centers=[0], rng=RNG(0), n_bytes=40_000)
    assert picks.tolist() == k_center(X, 60, centers=[0], rng=RNG(0)).tolist()
    assert 3 <= blocks.n <= 20  # one is for the centres
    narrow = Passes(X, np.arange(500, 3000, 500))
    monkeypatch.setattr("skactive.selection.k_center_blocks._LEAST_KEPT", 1)
    again = k_center_in_blocks(narrow, 9, candidates=mask, centers=[0], rng=RNG(0), n_bytes=1)
    assert again.tolist() == picks[:9].tolist() and narrow.n > blocks.n // 2


def test_rows_that_equal_a_pick_come_last_by_chance():
    X = np.repeat([[0.0], [5.0], [9.0]], 4, axis=0)
    mask = np.ones(12, dtype=bool)
    found = [
        k_center_in_blocks(Passes(X, [5]), 8, candidates=mask, centers=[0], rng=RNG(seed)).tolist()
        for seed in range(8)
    ]
    assert all({row // 4 for row in picks[:2]} == {1, 2} for picks in found)
    assert len({tuple(picks[2:]) for picks in found}) > 1 and len({picks[0] for picks in found}) > 1


@pytest.mark.parametrize(
    ("blocks", "candidates", "error", "text"),
    [
        (
            [[0.0]] * 3,
            [1, 2],
            TypeError,
            r"candidates of dtype int64 .*; give one bool for each row",
        ),
        ([[0.0]] * 3, [True] * 4, ValueError, r"blocks gave 3 vectors or more for 4 candidates"),
        ([[0.0]] * 3, [True] * 2, ValueError, r"blocks gave 3 vectors or more for 2 candidates"),
        ([[np.nan]] * 3, [True] * 3, ValueError, "NaN or infinity"),
    ],
)
def test_blocks_that_are_none_are_refused(blocks, candidates, error, text):
    with pytest.raises(error, match=text):
        k_center_in_blocks(lambda: [np.array(blocks)], 1, candidates=candidates, rng=RNG(0))
    nothing = k_center_in_blocks(list, 0, candidates=[True], rng=RNG(0))
    assert nothing.tolist() == []


# In a query


class Counting(RowSource):
    def __init__(self, X, size):
        self.X, self.size, self.reads = X, size, 0

    def block_sizes(self):
        return [self.size] * (len(self.X) // self.size)

    def read_block(self, number):
        self.reads += 1
        return self.X[number * self.size : (number + 1) * self.size]


X = RNG(3).normal(size=(2000, 5))
Y = np.where(np.arange(2000) < 20, X[:, 0] > 0, -1)


@pytest.mark.parametrize("embedding", [None, lambda rows: rows[:, :3]])
def test_a_query_that_would_take_too_much_reads_blocks_and_picks_the_same(embedding):
    picks = []
    for rows, most in ((X, 1), (Counting(X, 100), 1e9), (Counting(X, 100), 1000)):
        learner = ActiveLearner(LogisticRegression(), KCenter(), embedding=embedding)
        learner.set_params(random_state=0).fit(rows, Y)
        with config_context(max_memory=most):
            for _ in range(2):
                idx, _ = learner.query(n_instances=30)
                picks.append(idx.tolist())
                learner.teach(idx, (X[idx, 0] > 0).astype(int))
    assert picks[:2] == picks[2:4] == picks[4:]


@pytest.mark.parametrize(
    ("strategy", "what"),
    [("badge", "embedding"), ("cluster_margin", "proba"), ("lcmd", "embedding")],
)
def test_others_are_refused_with_what_to_write(strategy, what, monkeypatch):
    monkeypatch.setattr("skactive.strategies.reading.MAX_CHUNK_ROWS", 500)
    monkeypatch.setattr("skactive.strategies.reading.LEAST_BLOCK", 500)
    learner = ActiveLearner(LogisticRegression(), strategy, random_state=0)
    learner.fit(Counting(X, 100), Y)
    text = (
        rf"reads view\.({what}|embedding) of all 2,000 rows, about .* GB, and max_memory is .* GB"
    )
    with config_context(max_memory=1000), pytest.raises(MemoryError, match=text):
        learner.query(n_instances=5)
    assert len(learner.query(n_instances=5)[0]) == 5
    with config_context(max_memory=1000):
        learner.set_params(strategy="margin").refit().query(n_instances=5)


def test_the_setting_is_of_this_context_and_refuses_what_is_no_number():
    usual = config.max_memory()
    assert usual == config.total_memory() // 4 > 1 << 26
    with config_context(max_memory=5), config_context():
        assert config.max_memory() == usual
    with pytest.raises(ValueError, match="config_context got max_memory=0; give a finite number"):
        config_context(max_memory=0).__enter__()
    assert config.max_memory() == usual


def test_a_container_counts_with_its_own_memory(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    for text, expected in (("1000\n", 1000), ("max\n", config.total_memory()), (None, None)):
        if text is None:
            limit.unlink()
            expected = config.total_memory()
        else:
            limit.write_text(text)
        monkeypatch.setattr(config, "_LIMITS", (str(limit),))
        assert config.total_memory.__wrapped__() in (expected, config.total_memory())
        if text == "1000\n":
            assert config.total_memory.__wrapped__() == 1000
