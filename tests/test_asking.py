"""Questions to one of several people: which rows, second opinions, reserved in the same step."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from test_interrupts import Interrupt

import skactive
from skactive import ActiveLearner, Pool
from skactive.learner import asking
from skactive.pool import people
from skactive.pool.people import overlap_chance
from skactive.strategies import Strategy

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[1]
N = 60
X = np.random.default_rng(0).normal(size=(N, 2))
TRUTH = (X[:, 0] > 0).astype(int)
Y = np.where(np.arange(N) < 6, TRUTH, -1)
ANN, BEN, CY = "Ann", "Ben", "Cy"


def learner_of(pool=None, strategy="margin", estimator=None, **params):
    learner = ActiveLearner(estimator or GaussianNB(), strategy, random_state=0, **params)
    return learner.fit(*((X, Y) if pool is None else (pool,)))


def several(strategy="margin", **params):
    return learner_of(strategy=strategy, consensus="one_coin", **params)


def asked(learner, *args, **how):
    return learner.query(*args, **how)[0].tolist()


# Nobody else's rows


def test_a_question_for_somebody_is_the_one_for_anybody_until_something_is_hers():
    learner = learner_of()
    idx, rows = learner.query(n_instances=4)
    for how in ({"annotator": ANN}, {"annotator": ANN, "overlap": 0}, {"reserve": False}):
        same, same_rows = learner.query(n_instances=4, **how)
        assert same.tolist() == idx.tolist() and np.array_equal(same_rows, rows)
    assert learner.pool_.n_operations == 1 and not learner.pool_.reservations


def test_rows_that_others_have_are_left_out_and_her_own_come_first():
    learner = learner_of()
    best = asked(learner, n_instances=N)
    learner.pool_.reserve(best[:2], BEN)
    learner.pool_.reserve([best[9], best[7]], ANN)
    learner.pool_.reserve([best[3], best[7]], BEN)
    learner.pool_.reserve(best[4])
    free = [row for row in best if row not in {*best[:2], best[3], best[4], best[7], best[9]}]
    hers = sorted([best[7], best[9]])
    assert asked(learner, n_instances=N) == free
    assert asked(learner, n_instances=N, annotator=ANN) == hers + free
    assert asked(learner, n_instances=1, annotator=ANN) == hers[:1]
    assert asked(learner, n_instances=N, annotator=CY) == free
    assert asked(learner, n_instances=5, annotator=ANN, subset=free[2:4] + hers[1:] + [0]) == (
        hers[1:] + free[2:4]
    )
    learner.pool_.label(hers[0], None, annotator=ANN)  # who cannot tell has answered
    assert asked(learner, n_instances=N, annotator=ANN)[:1] == hers[1:]
    assert hers[0] not in asked(learner, n_instances=N, annotator=ANN)
    assert asked(learner, annotator=ANN, n_total=14) == free[: 14 - 6 - 5]  # rows in all: new ones


def test_scores_are_of_the_rows_that_are_ranked():
    learner = several()
    best, _, plain = learner.query(n_instances=3, return_scores=True)
    learner.pool_.reserve(best[2], ANN)
    idx, rows, scores = learner.query(n_instances=2, annotator=ANN, return_scores=True)
    assert idx.tolist() == [best[2], best[0]] and np.array_equal(rows, X[idx])
    assert np.isnan(scores[idx]).tolist() == [True, False] and scores[best[0]] == plain[best[0]]


# Second opinions


def naive_second(learner, name, share):
    """Rows of which this person is asked after one other, by what the table of opinions says."""
    pool = learner.pool_
    by_row = {}
    for line in pool.opinions.itertuples():
        by_row.setdefault(line.id, []).append((line.annotator, line.kind))
    chances = overlap_chance(np.arange(len(pool)), pool.ids, pool.seed)
    left_out, found = {*pool.reservations, *pool.held_out.tolist()}, []
    for row, said in by_row.items():
        named = [(who, kind) for who, kind in said if isinstance(who, str) and kind != "final"]
        decided = any(kind == "final" for _, kind in said)
        is_one = len(named) == 1 and named[0][1] == "opinion" and named[0][0] != name
        if is_one and not decided and row not in left_out and chances[row] < share:
            found.append(row)
    return sorted(found, key=lambda row: chances[row])


def test_a_share_of_rows_is_asked_of_a_second_person_once():
    learner = several(hold_out=0.2, max_test=0)
    pool, rng = learner.pool_, np.random.default_rng(1)
    pool.label(pool.held_out[:4], TRUTH[pool.held_out[:4]], annotator=BEN)
    learner.teach([0, 1], TRUTH[[0, 1]], annotator=BEN)  # that came with a label of nobody's
    for _ in range(3):
        idx, _ = learner.query(n_instances=6)
        learner.teach(idx, TRUTH[idx], annotator=[BEN, CY][rng.integers(2)])
    labeled = pool.labeled
    pool.reserve(labeled[6], CY)
    pool.decide(labeled[7], 1)
    by_ben = [row for row in naive_second(learner, ANN, 1) if row in naive_second(learner, CY, 1)]
    pool.label(by_ben[0], None, annotator=CY)  # was asked, too
    learner.refit()
    new = asked(learner, n_instances=3)
    expected = naive_second(learner, ANN, 1)
    assert 12 < len(expected) < 24
    assert asked(learner, n_instances=len(expected) + 3, annotator=ANN, overlap=1) == expected + new
    less = naive_second(learner, ANN, 0.4)
    assert 2 < len(less) < len(expected) and less == expected[: len(less)]
    assert asked(learner, n_instances=len(less) + 3, annotator=ANN, overlap=0.4) == less + new
    assert asked(learner, n_instances=1, annotator=ANN, overlap=0.4) == less[:1]
    assert asked(learner, n_instances=3, annotator=ANN) == new
    mine = naive_second(learner, BEN, 1)
    assert 0 < len(mine) < len(expected)
    assert asked(learner, n_instances=len(mine), annotator=BEN, overlap=1) == mine
    learner.teach(less, TRUTH[less], annotator=ANN)  # and that is that
    assert naive_second(learner, "Dora", 0.4) == []
    assert set(asked(learner, n_instances=5, annotator="Dora", overlap=0.4)) <= set(pool.unlabeled)


def test_second_opinions_go_with_a_subset_of_labelled_rows_alone():
    learner = several()
    learner.teach([10, 11, 12], TRUTH[[10, 11, 12]], annotator=BEN)
    expected = [row for row in naive_second(learner, ANN, 1) if row != 11]
    assert asked(learner, n_instances=9, annotator=ANN, overlap=1, subset=[10, 12]) == expected
    learner.pool_.tag([10, 12, 20], "sharp")
    assert asked(learner, n_instances=9, annotator=ANN, overlap=1, subset="sharp") == [
        *expected,
        20,
    ]
    with pytest.warns(UserWarning, match="none of the rows in subset may be asked for"):
        assert asked(learner, annotator=BEN, overlap=1, subset=[10, 12]) == []


def test_who_is_asked_twice_follows_the_ids_of_rows():
    ids = np.array([f"row {i}" for i in range(N)])
    found = []
    for order in (np.arange(N), np.random.default_rng(3).permutation(N)):
        learner = ActiveLearner(GaussianNB(), consensus="one_coin", random_state=5)
        learner.fit(X[order], Y[order], ids=ids[order])
        rows = learner.pool_.numbers(ids[20:50])
        learner.teach(rows, TRUTH[20:50], annotator=BEN)
        idx, _ = learner.query(n_instances=8, annotator=ANN, overlap=0.3)
        found.append(learner.pool_.ids[idx].tolist())
    assert found[0] == found[1]


def test_it_is_a_hash_of_its_own():
    """Neither the order of random questions nor the test side follows from it."""
    rows = np.arange(4000)
    chance = overlap_chance(rows, None, 7)
    assert abs((chance < 0.1).mean() - 0.1) < 0.015
    pool = Pool(rows.reshape(-1, 1) * 1.0, hold_out=0.2, random_state=7)
    assert abs((chance[pool.held_out] < 0.1).mean() - 0.1) < 0.03


@pytest.mark.parametrize("strategy", ["k_center", "typiclust", "entropy", "random", "badge"])
def test_every_strategy_and_a_cold_start_rank_what_is_new(strategy):
    learner = several(strategy, estimator=LogisticRegression())
    learner.teach([20, 21, 22], TRUTH[20:23], annotator=BEN)
    new = asked(learner, n_instances=4)
    second = naive_second(learner, ANN, 1)
    how = {"annotator": ANN, "overlap": 1}
    assert asked(learner, n_instances=4 + len(second), **how) == second + new
    assert asked(learner, n_instances=4 + len(second), reserve=True, **how) == second + new
    cold = ActiveLearner(GaussianNB(), cold_start="k_center", random_state=0).fit(X)
    first = asked(cold, n_instances=3)
    assert asked(cold, n_instances=3, annotator=ANN, reserve=True) == first
    assert not set(asked(cold, n_instances=3, annotator=BEN, reserve=True)) & set(first)


def test_regressors_are_asked_for_as_well():
    from sklearn.linear_model import BayesianRidge

    y = np.where(np.arange(N) < 6, X[:, 0], np.nan)
    mean = lambda rows, people, labels: [labels[rows == r].mean() for r in np.unique(rows)]  # noqa: E731
    learner = ActiveLearner(BayesianRidge(), "std", consensus=mean, random_state=0).fit(X, y)
    new = asked(learner, n_instances=3)
    assert asked(learner, n_instances=3, annotator=ANN, reserve=True) == new
    learner.teach(new, X[new, 0], annotator=ANN)
    second = naive_second(learner, BEN, 1)
    assert asked(learner, n_instances=3, annotator=BEN, overlap=1, reserve=True) == second
    learner.teach(second, X[second, 0] + 1, annotator=BEN)
    assert learner.pool_.y[second].tolist() == pytest.approx((X[second, 0] + 0.5).tolist())


def test_rows_may_have_several_labels():
    y = np.c_[TRUTH, X[:, 1] > 0].astype(int)
    known = np.where(np.arange(N)[:, None] < 12, y, -1)
    learner = ActiveLearner(OneVsRestClassifier(GaussianNB()), consensus="one_coin", random_state=0)
    learner.fit(X, known)
    new = asked(learner, n_instances=4)
    assert asked(learner, n_instances=4, annotator=BEN, reserve=True) == new
    learner.teach(new, y[new], annotator=BEN)
    second = naive_second(learner, ANN, 1)
    assert sorted(second) == sorted(new)
    assert asked(learner, n_instances=4, annotator=ANN, overlap=1, reserve=True) == second
    learner.teach(second, 1 - y[second], annotator=ANN)
    assert learner.pool_.y[new].tolist() == y[new].tolist()  # as likely: what was said first
    assert learner.pool_.annotators()["agreement"].tolist()[:2] == [0, 0]


# Reserving


def test_what_is_reserved_is_what_would_have_been_proposed_and_is_given_once():
    learner, plain = learner_of(), learner_of()
    best = asked(plain, n_instances=N)
    for at, name in ((0, ANN), (4, BEN), (8, ANN), (12, None)):
        idx, rows = learner.query(n_instances=4, annotator=name, reserve=True)
        assert idx.tolist() == best[at : at + 4] and np.array_equal(rows, X[idx])
        assert [learner.pool_.reservations[row] for row in idx.tolist()] == [(name,)] * 4
        assert (learner.pool_.history[-1].kind, learner.pool_.n_operations) == (
            "reserve",
            2 + at // 4,
        )
    assert asked(learner, n_instances=9, annotator=ANN)[:8] == sorted(best[:4] + best[8:12])
    learner.teach(best[0], TRUTH[best[0]], annotator=ANN)
    assert asked(learner, n_total=6 + 16, reserve=True) == []
    assert len(asked(learner, n_total=6 + 19, annotator=ANN, reserve=True)) == 3
    rest = asked(learner, n_instances=N, annotator=CY, reserve=True)
    assert len(rest) == N - 6 - 19 and learner.pool_.n_unlabeled == 0
    assert asked(learner, annotator=ANN, reserve=True) == []
    learner.pool_.undo()
    assert sorted(rest) == learner.pool_.unlabeled.tolist()


@pytest.mark.parametrize("strategy", ["margin", "k_center", "badge"])
@pytest.mark.parametrize("n_taken", [1, 3, 30])
def test_the_next_best_are_taken_where_others_were_quicker(
    strategy, n_taken, tmp_path, monkeypatch
):
    """Another process reserves the best rows each time after they were ranked here."""
    path = tmp_path / "labels.db"
    with Pool.open(path, X, Y) as pool, Pool.open(path, X) as others:
        learner = learner_of(pool, strategy, LogisticRegression())
        ask, taken = asking.asked, []

        def meanwhile(*args):
            ranked = ask(*args)
            others.refresh()
            free = [row for row in ranked.tolist() if others.unlabeled_mask[row]]
            if free and len(taken) < n_taken:
                others.reserve(free[: n_taken - len(taken)], BEN)
                taken.extend(free[: n_taken - len(taken)])
            return ranked

        monkeypatch.setattr(asking, "asked", meanwhile)
        mine = asked(learner, n_instances=4, annotator=ANN, reserve=True)
        monkeypatch.undo()
        assert len(taken) == n_taken and len(set(mine)) == 4 and not set(mine) & set(taken)
        assert dict.fromkeys(mine, (ANN,)) | dict.fromkeys(taken, (BEN,)) == pool.reservations
        if strategy == "margin":
            others.refresh()
            others.release(mine + taken)
            best = asked(
                learner_of(others, "margin", LogisticRegression()), n_instances=n_taken + 4
            )
            assert best == taken + mine


def test_the_file_is_followed_before_anything_is_ranked(tmp_path):
    path = tmp_path / "labels.db"
    with Pool.open(path, X, Y, consensus="majority") as pool, Pool.open(path, X) as others:
        learner = learner_of(pool, consensus="majority")
        best = asked(learner, n_instances=6)
        others.reserve(best[:2], BEN)
        others.label(best[4], 1, annotator=BEN)
        assert asked(learner, n_instances=6) == best  # nothing is looked at without reserving
        how = {"annotator": ANN, "overlap": 1, "reserve": True}
        mine = asked(learner, n_instances=3, **how)
        assert mine[0] == best[4] and not {*mine[1:]} & {*best[:2]}
        others.refresh()
        last = asked(learner, n_instances=pool.n_unlabeled)[-1]
        others.label(last, 1, annotator=BEN)  # which is not among those that would be ranked
        assert asked(learner, n_instances=1, **how) == [last]
        pool.close()
        with pytest.raises(ValueError, match="was closed; open it again"):
            learner.query(annotator=ANN, reserve=True)


@pytest.mark.parametrize("how", [{"n_instances": 5}, {"n_total": 12}])
def test_rows_to_test_on_are_reserved_where_they_come(how):
    learners = [several(hold_out=0.3) for _ in range(2)]
    idx = asked(learners[0], **how)
    assert asked(learners[0], annotator=ANN, reserve=True, **how) == idx
    is_test = learners[0].pool_.held_out_mask[idx]
    assert is_test.any() and np.sum(~is_test) == (6 if "n_total" in how else 5 - is_test.sum())
    assert sorted(learners[0].pool_.reservations) == sorted(idx)
    assert asked(learners[0], n_instances=len(idx), annotator=ANN) == sorted(idx)
    if "n_total" in how:
        assert asked(learners[0], annotator=BEN, reserve=True, **how) == []
    # As if she had answered, others are given what comes next.
    learners[1].teach(idx, TRUTH[idx], refit=False)
    others = asked(learners[0], n_instances=6, annotator=BEN, reserve=True)
    tests = [row for row in others if learners[0].pool_.held_out_mask[row]]
    next_ones = asked(learners[1], n_instances=6)
    assert tests == [row for row in next_ones if learners[1].pool_.held_out_mask[row]]
    assert not set(others) & set(idx)


@pytest.mark.parametrize("step", [149, pytest.param(1, marks=pytest.mark.slow)])
def test_an_interrupt_reserves_all_of_the_rows_or_none_in_a_file(step, tmp_path):
    """What was reserved and not returned can be seen, and released."""
    with Pool.open(tmp_path / "0.db", X, Y, consensus="one_coin") as pool:
        pool.label([10, 11, 12], TRUTH[10:13], annotator=BEN)
        pool.seed = 5
    how = {"n_instances": 4, "annotator": ANN, "overlap": 0.9, "reserve": True}
    counter, n_after, lines = Interrupt(), 0, [None]
    while lines:
        line = lines.pop()
        path = shutil.copy(tmp_path / "0.db", tmp_path / f"{line}.db")
        with Pool.open(path, X) as pool, Pool.open(path, X) as other:
            learner = learner_of(pool, consensus="one_coin")
            if line is None:
                with counter.watching():
                    expected = asked(learner, **how)
                lines = list(range(1, counter.n_run + 1, step))
                continue
            with Interrupt(line).watching() as interrupt:
                learner.query(**how)
            assert interrupt.n_raised == 1
            other.refresh()
            assert dict(other.reservations) == dict(pool.reservations)
            assert dict(pool.reservations) in ({}, dict.fromkeys(expected, (ANN,)))
            if pool.reservations:
                n_after += 1
                assert asked(learner, n_instances=4, annotator=ANN) == sorted(expected)
                pool.release(name=ANN)
            assert asked(learner, **how) == expected
        os.unlink(path)
    assert n_after < counter.n_run / step


# What is refused


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"X": X, "annotator": ANN}, ValueError, "query got X and annotator=, which is about rows"),
        ({"X": X, "reserve": True}, ValueError, "query got X and reserve=.*; add X by extend"),
        ({"X": X, "overlap": 0.1}, ValueError, "query got X and overlap="),
        ({"overlap": 0.1}, ValueError, "query got overlap=0.1, by which a second person is asked"),
        (
            {"annotator": ANN, "overlap": 10},
            ValueError,
            "query got overlap=10, the share of rows",
        ),
        (
            {"annotator": ANN, "overlap": "0.1"},
            ValueError,
            "query got overlap='0.1', the share",
        ),
        ({"annotator": ANN, "overlap": np.nan}, ValueError, "query got overlap=nan, the share"),
        (
            {"annotator": ANN, "overlap": 0.1, "n_total": 9},
            ValueError,
            "overlap=0.1 and n_total=9, b",
        ),
        ({"annotator": 3}, TypeError, "query got the name 3 of type int; give text, or None"),
        ({"annotator": " Ann"}, ValueError, "query got the name ' Ann'; names are text without"),
        ({"annotator": ""}, ValueError, "query got the name ''"),
        ({"reserve": "Ann"}, TypeError, "reserve='Ann'; write annotator='Ann', reserve=True"),
        ({"annotator": ANN, "n_instances": 0}, ValueError, "query got n_instances=0; give a whole"),
        ({"annotator": ANN, "n_instances": 2, "n_total": 9}, ValueError, "give how many more rows"),
        ({"annotator": ANN, "embedding": X}, ValueError, "query got embedding= without X"),
    ],
)
def test_what_does_not_go_together_is_refused_and_nothing_is_reserved(how, error, message):
    learner = several()
    with pytest.raises(error, match=message):
        learner.query(**how)
    assert learner.pool_.n_operations == 1 and learner._last_query is None


def test_without_a_consensus_no_second_opinion_is_asked_for():
    with pytest.raises(
        ValueError, match=r"without a consensus.*ActiveLearner\(..., consensus='one_c"
    ):
        learner_of().query(annotator=ANN, overlap=0.1)


def test_a_stream_has_nobody_in_particular():
    learner = ActiveLearner(GaussianNB(), "split_uncertainty").fit(X[:20], TRUTH[:20])
    for how in ({"annotator": ANN}, {"overlap": 0.1}, {"reserve": True}):
        with pytest.raises(
            ValueError, match=rf"query got {next(iter(how))}=.*, but SplitUncertainty"
        ):
            learner.query(X[20:], **how)


class People(StrEnum):
    ADA = "Ada"


@pytest.mark.parametrize(
    "name", ["nan", "None", "Åsa Ø", "安", "a;b\n c", "'; DROP TABLE event", "0", "🙂"]
)
def test_people_may_have_any_name(name, tmp_path):
    path = tmp_path / "labels.db"
    with Pool.open(path, X, Y, consensus="one_coin") as pool:
        learner = learner_of(pool, consensus="one_coin")
        idx, _ = learner.query(n_instances=2, annotator=name, reserve=True)
        assert pool.held_by(name).tolist() == sorted(idx.tolist())
        learner.teach(idx, TRUTH[idx], annotator=name)
        learner.teach(20, None, annotator="Ann")
        assert sorted(asked(learner, n_instances=2, annotator=BEN, overlap=1)) == sorted(
            idx.tolist()
        )
        assert not set(asked(learner, n_instances=2, annotator=name, overlap=1)) & set(idx.tolist())
        assert pool.query_annotators(30) == [tuple(sorted([name, "Ann"]))]  # nothing is known
    with Pool.open(path, X) as pool:
        assert pool.annotators()["annotator"].tolist()[:-1] == sorted([name, "Ann"])


def test_a_member_of_an_enum_is_the_text_that_it_is():
    learner = several()
    idx = asked(learner, n_instances=2, annotator=People.ADA, reserve=True)
    assert asked(learner, n_instances=2, annotator="Ada") == sorted(idx)
    learner.teach(idx, TRUTH[idx], annotator=People.ADA)
    assert asked(learner, n_instances=2, annotator=BEN, overlap=1) == naive_second(learner, BEN, 1)
    assert not set(asked(learner, n_instances=2, annotator=People.ADA, overlap=1)) & set(idx)
    assert learner.pool_.query_annotators(idx[0], annotators=[People.ADA, BEN]) == [(BEN,)]


def test_a_learner_inside_a_pipeline_is_asked_alike():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipe = make_pipeline(StandardScaler(), several()).fit(X, Y)
    idx, _ = skactive.query(pipe, n_instances=3, annotator=ANN, reserve=True)
    skactive.teach(pipe, idx, TRUTH[idx], annotator=ANN)
    second, _ = skactive.query(pipe, n_instances=3, annotator=BEN, overlap=1)
    assert sorted(second) == sorted(idx)


# Several at once

ANSWERING = """
    import os, sys, time
    import numpy as np
    from sklearn.naive_bayes import GaussianNB
    from skactive import ActiveLearner, Pool
    path, name, n, most = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    truth = (X[:, 0] > 0).astype(int)
    y = np.where(np.arange(n) < 6, truth, -1)
    # By the seed, which says of which rows two people are asked: 11 of the first one's 120.
    pool = Pool.open(path, X, y, consensus="one_coin", random_state=0)
    learner = ActiveLearner(GaussianNB(), "margin", consensus="one_coin", random_state=0).fit(pool)
    print("ready", flush=True)
    sys.stdin.readline()
    given, asked = [], 0
    while asked < most:
        # One row at a time, so that all want the same one.
        idx, rows = learner.query(annotator=name, overlap=0.1, reserve=True)
        if len(idx) == 0:
            break
        asked += 1
        assert np.array_equal(rows, X[idx]) and name in pool.reservations[int(idx[0])]
        given += idx.tolist()
        learner.teach(idx, truth[idx], annotator=name, refit=asked % 20 == 0)
    print(*given)
    """


def answer_together(path, names, n, most):
    """Let processes ask and answer at one time; return what each was given."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": env}
    code = textwrap.dedent(ANSWERING)
    processes = [
        subprocess.Popen([sys.executable, "-c", code, path, name, str(n), str(most)], **pipes)
        for name in names
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(names)
    return [list(map(int, text.split())) for text in said]


@pytest.mark.parametrize(
    ("n", "most"), [(300, 120), pytest.param(12_000, 5_000, marks=pytest.mark.slow)]
)
def test_two_processes_ask_and_answer_and_no_row_is_given_twice_nor_lost(n, most, tmp_path):
    path = str(tmp_path / "labels.db")
    ann, ben = answer_together(path, [ANN, BEN], n, most)
    assert (len(ann), len(ben)) == (most, most)
    assert len(set(ann)) == len(ann) and len(set(ben)) == len(ben)
    both = set(ann) & set(ben)  # second opinions
    X = np.random.default_rng(0).normal(size=(n, 2))
    with Pool.open(path, X) as pool:
        assert not pool.reservations
        table = pool.opinions
        said = Counter(zip(table["annotator"].fillna(""), table["id"], strict=True))
        assert set(said.values()) == {1}
        for name, rows in ((ANN, ann), (BEN, ben)):
            assert sorted(row for who, row in said if who == name) == sorted(rows)
        chosen = overlap_chance(np.arange(n), None, pool.seed) < 0.1
        assert both <= set(np.flatnonzero(chosen).tolist())
        assert len(set(ann) | set(ben)) == 2 * most - len(both)
        # Who is done first leaves some of the other's rows with one opinion: they are waiting.
        once = set(np.flatnonzero(chosen).tolist()) & (set(ann) ^ set(ben))
        assert set(pool.for_second_opinions(CY, 0.1).tolist()) == once
        assert len(both) > most / 30


@pytest.mark.parametrize("kind", ["memory", "database"])
def test_two_learners_in_two_threads_share_a_pool(kind, tmp_path):
    y, names = np.where(np.arange(N) < 6, TRUTH, -1), [ANN, BEN, CY]
    pool = Pool(X, y) if kind == "memory" else Pool.open(tmp_path / "labels.db", X, y)
    learners = [learner_of(pool) for _ in names]

    def work(learner, name):
        given = []
        while len(idx := learner.query(n_instances=2, annotator=name, reserve=True)[0]):
            given += idx.tolist()
            learner.teach(idx, TRUTH[idx], annotator=name)
        return given

    before, interval = sys.getswitchinterval(), 1e-5
    sys.setswitchinterval(interval)
    try:
        with ThreadPoolExecutor(3) as threads:
            given = list(threads.map(work, learners, names))
    finally:
        sys.setswitchinterval(before)
    assert sorted(given[0] + given[1] + given[2]) == list(range(6, N))
    by = {row: name for name, rows in zip(names, given, strict=True) for row in rows}
    table = pool.opinions
    assert {
        row: who for row, who in zip(table["id"], table["annotator"], strict=True) if row > 5
    } == by
    assert pool.y.tolist() == TRUTH.tolist() and not pool.reservations
    pool.close()


# While a model fits or a strategy scores, somebody labels rows of the pool: here at the worst
# moments, as another thread would.


ELSEWHERE = []


def let_others_work():
    while ELSEWHERE:
        ELSEWHERE.pop()()


class FitsWhileOthersLabel(GaussianNB):
    def fit(self, X, y):
        let_others_work()
        return super().fit(X, y)


class PredictsWhileOthersLabel(GaussianNB):
    def predict(self, X):
        let_others_work()
        return super().predict(X)


class ScoresWhileOthersLabel(Strategy):
    rowwise = False

    def score(self, view):
        labels = [view.y_labeled, view.labeled, view.classes, view.reserved]
        let_others_work()
        for before, now in zip(
            labels, [view.y_labeled, view.labeled, view.classes, view.reserved], strict=True
        ):
            assert before.tolist() == now.tolist()
        assert not set(view.labeled.tolist()) & set(view.candidates.tolist())
        return -np.arange(len(view), dtype=float)


@pytest.mark.parametrize("consensus", [None, "majority"])
def test_a_label_that_comes_while_a_model_fits_is_learned_at_the_next_fit(consensus):
    learner = learner_of(estimator=FitsWhileOthersLabel(), consensus=consensus)
    pool = learner.pool_
    ELSEWHERE.append(lambda: pool.label([30, 31], TRUTH[[30, 31]]))
    learner.teach([6], TRUTH[[6]])
    assert not ELSEWHERE and pool.n_labeled == 9
    assert learner.estimator_.class_count_.sum() == 7  # those labelled when the fit began
    assert learner._fitted.learned[0].tolist() == [*range(7)]
    learner.query()  # notices
    learner.teach([7], TRUTH[[7]])
    assert learner.estimator_.class_count_.sum() == 10


def test_a_query_looks_at_the_pool_of_one_moment():
    learner = learner_of(strategy=ScoresWhileOthersLabel(), consensus="majority")
    pool = learner.pool_

    def others():
        pool.label([30, 31], TRUTH[[30, 31]], annotator=BEN)
        pool.label([0], 1 - TRUTH[[0]], annotator=BEN)
        pool.reserve([40], CY)
        pool.rename_class(1, 7)

    ELSEWHERE.append(others)
    assert asked(learner, n_instances=2) == [6, 7]
    assert not ELSEWHERE and pool.n_labeled == 8


def test_estimates_are_of_one_moment():
    learner = learner_of(hold_out=0.4, estimator=PredictsWhileOthersLabel())
    pool = learner.pool_
    tests = pool.test_questions(12)
    pool.label(tests[:8], TRUTH[tests[:8]])
    before = learner.estimate("accuracy")
    ELSEWHERE.append(lambda: pool.label(tests[8:], TRUTH[tests[8:]]))
    assert learner.estimate("accuracy") == before and not ELSEWHERE
    assert learner.estimate("accuracy").n == 12


def test_what_is_found_of_people_is_kept_until_something_happens(monkeypatch):
    pool = Pool(np.zeros((20, 1)), consensus="one_coin")
    for name, labels in (ANN, [0, 1] * 5), (BEN, [0, 1, 1, 1] * 2 + [0, 0]):
        pool.label(range(10), labels, annotator=name)
    calls = []
    found = people.coins
    monkeypatch.setattr(people, "coins", lambda *args: calls.append(args) or found(*args))
    assert pool.query_annotators([12]) == pool.query_annotators([12])
    first = pool.annotators()["accuracy"].tolist()
    assert len(calls) == 1
    pool.label([10, 11], [0, 1], annotator=ANN)
    pool.label([10, 11], [0, 1], annotator=BEN)
    assert pool.annotators()["accuracy"].tolist() > first and len(calls) == 2
    pool.undo(2)
    assert pool.annotators()["accuracy"].tolist() == first and len(calls) == 3
