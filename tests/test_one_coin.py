"""The consensus by a coin for each annotator, and what is known of them, against plain code."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skactive import ActiveLearner, Pool
from skactive.pool.consensus import consensus_of, majority, resolve
from skactive.pool.one_coin import coins, one_coin

NAN = float("nan")
pytestmark = pytest.mark.once  # our own arithmetic


def arrays(opinions, dtype=None):
    """(row, annotator, label) as three aligned arrays."""
    rows, annotators, labels = zip(*opinions, strict=True) if opinions else ((), (), ())
    return (
        np.array(rows, dtype=np.int64),
        np.array(annotators, dtype=object),
        np.array(labels, dtype=dtype),
    )


def naive_one_coin(opinions, *, all_rows=False, close=1e-6):
    """Chances of labels by row, and the accuracies, by the formula, one number at a time.

    math.fsum rounds once: the order of what it adds makes no difference.
    """
    by_row, by_person = defaultdict(list), defaultdict(list)
    for row, who, label in opinions:
        by_row[row].append((who, label))
        by_person[who].append((row, label))
    classes = {label for _, _, label in opinions}
    n = len(classes)
    chance = {
        row: {c: sum(label == c for _, label in said) / len(said) for c in classes}
        for row, said in by_row.items()
    }
    if n == 1:
        shared = {who: sum(len(by_row[row]) > 1 for row, _ in s) for who, s in by_person.items()}
        return chance, {who: (m + 4) / (m + 5) for who, m in shared.items()}

    def accuracies():
        p = {}
        for who, said in by_person.items():
            right = [chance[row][label] for row, label in said if all_rows or len(by_row[row]) > 1]
            p[who] = (math.fsum(right) + 4) / (len(right) + 5)
        return p

    for _ in range(10_000):
        p, before = accuracies(), chance
        chance = {}
        for row, said in by_row.items():
            logs = {
                c: math.fsum(
                    math.log(p[who] * (n - 1) / (1 - p[who])) for who, label in said if label == c
                )
                for c in classes
            }
            most = max(logs.values())
            shares = {c: math.exp(log - most) for c, log in logs.items()}
            total = math.fsum(shares.values())
            chance[row] = {c: share / total for c, share in shares.items()}
        if all(abs(chance[r][c] - before[r][c]) < close for r in chance for c in classes):
            break
    return chance, accuracies()


def log_likelihood(opinions, p, names, n_classes):
    """Of accuracies: what people said, whatever is true, and the labels of before."""
    by_row = defaultdict(list)
    for row, who, label in opinions:
        by_row[row].append((names.index(who), label))
    total = float(np.sum(4 * np.log(p) + np.log(1 - p)))
    for said in by_row.values():
        wrong = (1 - p) / (n_classes - 1)
        total += math.log(
            sum(
                math.prod((p if label == c else wrong)[who] for who, label in said)
                for c in range(n_classes)
            )
        )
    return total


def naive_worth(opinions, chance, accuracy):
    """As how many labels, with the five besides, each one's are, by the second derivatives."""
    names, classes = sorted(accuracy, key=str), sorted({label for _, _, label in opinions})
    opinions = [(row, who, classes.index(label)) for row, who, label in opinions]
    p, n, step = np.array([accuracy[name] for name in names]), len(names), 1e-4
    hessian = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                moved = p.copy()
                moved[i] += a * step
                moved[j] += b * step
                hessian[i, j] += a * b * log_likelihood(opinions, moved, names, len(classes))
    spread = np.sqrt(p * (1 - p))
    variance = np.linalg.inv(-hessian / (4 * step**2) * np.outer(spread, spread)).diagonal()
    return dict(zip(names, 1 / variance, strict=True))


def naive_best(opinions, chance):
    """Of the likeliest labels that somebody gave, the one that was given first."""
    best = {}
    for row, _, label in opinions:
        if row not in best or chance[row][label] > chance[row][best[row]] * (1 + 1e-7):
            best[row] = label
    return best


people = st.sampled_from([None, "ann", "ben", "cleo", "nan", "None"])
some_labels = [
    (st.integers(-2, 2), np.int64),
    (st.booleans(), bool),
    (st.sampled_from([0.0, 1.0, 2.5]), float),
    (st.sampled_from(["", "fine", "Fine", "no"]), object),
    (st.just(7), np.int8),
]


@st.composite
def opinions_of(draw, most=30):
    values, dtype = draw(st.sampled_from(some_labels))
    drawn = st.tuples(st.integers(0, 7), people, values)
    opinions = draw(st.lists(drawn, min_size=1, max_size=most, unique_by=lambda o: o[:2]))
    return opinions, dtype


@given(opinions_of())
def test_labels_and_accuracies_are_those_of_plain_code(drawn):
    opinions, dtype = drawn
    chance, accuracy = naive_one_coin(opinions)
    given_ = arrays(opinions, dtype)
    found, of_people = one_coin(*given_), coins(*given_)
    assert found.dtype == given_[2].dtype
    best = naive_best(opinions, chance)
    assert dict(zip(np.unique(given_[0]).tolist(), found.tolist(), strict=True)) == best
    assert of_people.names == sorted(accuracy, key=lambda name: (name is None, name or ""))
    expected = [accuracy[name] for name in of_people.names]
    np.testing.assert_allclose(of_people.accuracy, expected, rtol=1e-9)


@given(opinions_of(), st.randoms(use_true_random=False))
def test_the_order_of_opinions_decides_among_equals_and_makes_no_other_difference(drawn, random):
    opinions, dtype = drawn
    shuffled = random.sample(opinions, len(opinions))
    a, b = (coins(*arrays(each, dtype)) for each in (opinions, shuffled))
    assert (a.names, a.right.tobytes()) == (b.names, b.right.tobytes())  # to the last bit
    chance = naive_one_coin(opinions)[0]
    one, other = (one_coin(*arrays(each, dtype)) for each in (opinions, shuffled))
    for row, x, y in zip(sorted(chance), one.tolist(), other.tolist(), strict=True):
        assert x == y or chance[row][x] == pytest.approx(chance[row][y], rel=1e-7)


def crowd(seed=0, n=300, accuracy=(0.95, 0.9, 0.8, 0.55, 0.4), n_classes=4, share=0.7):
    """Opinions of people who are right so often, of most rows, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    opinions = []
    for row in range(n):
        for who in rng.permutation(len(accuracy)):
            if rng.random() < share:
                is_right = rng.random() < accuracy[who]
                wrong = (truth[row] + rng.integers(1, n_classes)) % n_classes
                opinions.append((row, f"p{who}", int(truth[row] if is_right else wrong)))
    return opinions, truth


def test_a_large_crowd_is_weighed_as_by_plain_code_and_more_labels_are_right_than_by_votes():
    opinions, truth = crowd()
    given_ = arrays(opinions)
    chance, accuracy = naive_one_coin(opinions)
    found = one_coin(*given_)
    best = naive_best(opinions, chance)
    rows = np.unique(given_[0])
    assert found.tolist() == [best[row] for row in rows.tolist()]
    found_of = coins(*given_)
    np.testing.assert_allclose(found_of.accuracy, [accuracy[f"p{i}"] for i in range(5)], rtol=1e-9)
    opinions, truth = crowd(seed=1, n=3000)
    given_ = arrays(opinions)
    rows, found, by_votes = np.unique(given_[0]), one_coin(*given_), majority(*given_)
    np.testing.assert_allclose(coins(*given_).accuracy, [0.95, 0.9, 0.8, 0.55, 0.4], atol=0.03)
    assert (found == truth[rows]).mean() > (by_votes == truth[rows]).mean() + 0.02


def test_rows_that_one_person_labelled_make_no_difference_to_what_is_estimated():
    """The sum may go over all of her labels as well: it ends in the same place, later."""
    opinions, _ = crowd(n=80, share=0.25)
    with_all = naive_one_coin(opinions, all_rows=True, close=1e-12)[1]
    found = coins(*arrays(opinions))
    assert found.given.sum() < len(opinions) - 20
    expected = [with_all[name] for name in found.names]
    np.testing.assert_allclose(found.accuracy, expected, atol=1e-4)


def test_one_good_person_outweighs_two_poor_ones():
    opinions, _ = crowd(accuracy=(0.98, 0.95, 0.35, 0.35), n=200)
    opinions = [o for o in opinions if o[0] > 0]
    opinions += [(0, "p2", 1), (0, "p3", 1), (0, "p0", 3)]
    assert one_coin(*arrays(opinions))[0] == 3
    assert majority(*arrays(opinions))[0] == 1


def test_who_contradict_each_other_everywhere_are_level_and_the_first_word_counts():
    """No last digit of a sum tips the balance, in however many turns."""
    opinions, _ = crowd(n=60, n_classes=2)
    for row in range(100, 137):
        first, second = ("x", "y") if row % 3 else ("y", "x")
        opinions += [(row, first, int(first == "x")), (row, second, int(second == "x"))]
    found = coins(*arrays(opinions))
    p = dict(zip(found.names, found.accuracy, strict=True))
    assert p["x"] == pytest.approx(p["y"], abs=1e-12)
    labels = one_coin(*arrays(opinions))[-37:]
    assert labels.tolist() == [int(row % 3 > 0) for row in range(100, 137)]


def test_one_class_alone_and_one_person_alone():
    opinions = [(4, "ann", "a"), (1, "ben", "a"), (4, "ben", "a")]
    assert one_coin(*arrays(opinions, object)).tolist() == ["a", "a"]
    found = coins(*arrays(opinions, object))
    assert (found.names, found.given.tolist(), found.right.tolist()) == (
        ["ann", "ben"],
        [1, 1],
        [1, 1],
    )
    alone = [(row, "ann", row % 3) for row in range(9)]
    assert one_coin(*arrays(alone)).tolist() == [0, 1, 2] * 3


@given(
    st.lists(st.tuples(st.integers(0, 4), people, st.tuples(*[st.booleans()] * 3)), min_size=1),
    st.sampled_from([np.int8, bool]),
)
def test_several_labels_a_row_are_found_one_by_one(opinions, dtype):
    rows, who, labels = arrays(opinions, dtype)
    found = consensus_of("one_coin", rows, who, labels)
    assert found.dtype == dtype and found.shape == (len(set(rows.tolist())), 3)
    for at in range(3):
        assert found[:, at].tolist() == one_coin(rows, who, labels[:, at]).tolist()


def test_very_many_opinions_of_one_row_are_no_infinity():
    opinions = [(0, f"p{i}", i % 2) for i in range(4001)]
    opinions += [(row, f"p{i}", 0) for row in range(1, 9) for i in range(0, 4001, 2)]
    with np.errstate(all="raise", under="ignore"):
        assert one_coin(*arrays(opinions))[0] == 0


# In a pool

X = np.arange(40.0).reshape(-1, 1)


def fill(pool, n=16):
    opinions, _ = crowd(n=n, share=0.6)
    for row, who, label in opinions:
        pool.label(row, label, annotator=who, seconds=float(who[1:]) + row % 3)
    return [(row, who, label) for row, who, label in opinions]


@pytest.mark.parametrize("make", ["memory", "database"])
def test_a_pool_derives_its_labels_and_gives_them_back_from_its_file(make, tmp_path):
    path = tmp_path / "labels.db"
    pool = Pool(X, consensus="one_coin")
    if make == "database":
        pool = Pool.open(path, X, consensus="one_coin")
    opinions = fill(pool)
    chance, _ = naive_one_coin(opinions)
    best = naive_best(opinions, chance)
    assert dict(zip(pool.labeled.tolist(), pool.y_labeled.tolist(), strict=True)) == best
    pool.label(35, 2, annotator="p0")  # one opinion may change the labels of others
    opinions.append((35, "p0", 2))
    best = naive_best(opinions, naive_one_coin(opinions)[0])
    assert pool.y_labeled.tolist() == [best[row] for row in sorted(best)]
    pool.undo(3, annotator="p4")
    if make == "database":
        pool.close()
        again = Pool.open(path, X)
    else:
        pool.save(tmp_path / "pool.npz")
        again = Pool.load(tmp_path / "pool.npz", X)
    assert again.consensus == "one_coin"
    assert again.y.tolist() == pool.y.tolist()


def test_a_learner_takes_it_and_trains_anew_where_another_row_changes():
    from sklearn.naive_bayes import GaussianNB

    learner = ActiveLearner(GaussianNB(), consensus="one_coin", random_state=0).fit(X)
    opinions, _ = crowd(n=30)
    for row, who, label in opinions:
        learner.teach(row, label, annotator=who, refit=False)
    learner.refit()
    learned = learner._fitted.learned[1]
    best = naive_best(opinions, naive_one_coin(opinions)[0])
    assert learned.tolist() == [best[row] for row in sorted(best)]
    learner.set_params(consensus="majority").refit()
    assert learner._fitted.learned[1].tolist() == majority(*arrays(opinions)).tolist()
    with pytest.raises(
        ValueError, match=r"consensus is 'one-coin'; write None, 'majority', 'one_c"
    ):
        ActiveLearner(GaussianNB(), consensus="one-coin").fit(X)
    assert resolve("one_coin") is one_coin


# What is known of people


@pytest.mark.parametrize("consensus", [None, "majority", "one_coin"])
def test_the_table_of_annotators_is_that_of_plain_code(consensus):
    pool = Pool(X, [*[None] * 38, 1, 2], consensus=consensus)
    opinions, _ = crowd(n=30, share=0.6)
    said = defaultdict(list)
    for row, who, label in opinions:
        seconds = float(who[1:]) + row % 3 if row % 2 else None
        pool.label(row, label, annotator=who, seconds=seconds, relabel=True)
        said[who].append((row, label, seconds))
    pool.label([31, 32], [None, None], annotator="p1", seconds=50)
    pool.label([33, 34], [0, 0], annotator="p1")
    pool.undo()
    opinions += [(38, None, 1), (39, None, 2)]
    said[None] = [(38, 1, None), (39, 2, None)]
    table = pool.annotators(level=0.9)
    chance, accuracy = naive_one_coin(opinions)
    worth = naive_worth(opinions, chance, accuracy)
    assert list(table.columns) == [
        *("annotator", "answers", "skips", "seconds", "accuracy", "low", "high", "agreement")
    ]
    assert table["annotator"].tolist()[:5] == [f"p{i}" for i in range(5)]
    for line, who in zip(table.itertuples(), [*(f"p{i}" for i in range(5)), None], strict=True):
        own, n_skips = said[who], 2 * (who == "p1")
        assert (line.answers, line.skips) == (len(own), n_skips)
        seconds = [s for _, _, s in own if s is not None] + [50.0] * n_skips
        assert line.seconds == pytest.approx(np.median(seconds or [NAN]), nan_ok=True)
        assert line.accuracy == pytest.approx(accuracy[who], rel=1e-9)
        beta = stats.beta(accuracy[who] * worth[who], (1 - accuracy[who]) * worth[who])
        assert (line.low, line.high) == pytest.approx(beta.interval(0.9), rel=1e-6)
        mine = {row: label for row, label, _ in own}
        pairs = [mine[r] == label for r, w, label in opinions if w != who and r in mine]
        assert np.isnan(line.agreement) if not pairs else line.agreement == np.mean(pairs)


def test_who_said_nothing_with_a_label_is_as_good_as_anybody_unknown():
    pool = Pool(X)
    assert len(pool.annotators()) == 0
    pool.label(3, None, annotator="ann")
    (line,) = pool.annotators().itertuples()
    assert (line.answers, line.skips, line.accuracy) == (0, 1, 0.8)
    assert (line.low, line.high) == pytest.approx(stats.beta(4, 1).interval(0.95))


def test_of_measured_numbers_only_the_work_is_told():
    pool = Pool(X, missing_label=None)
    pool.label([0, 1], [0.5, 1.25], annotator="ann", seconds=[1, 3])
    pool.label([0], [0.5], annotator="ben")
    table = pool.annotators()
    assert table[["accuracy", "low", "high", "agreement"]].isna().all(axis=None)
    assert (table["answers"].tolist(), table["seconds"][0]) == ([2, 1], 2.0)
    assert pool.query_annotators([1, 2]) == [("ben",), ("ann", "ben")]


def test_with_several_labels_a_row_accuracies_are_means_over_these():
    pool = Pool(X, multilabel=True, classes=["a", "b"], consensus="one_coin")
    cells = [[(1, 0), (1, 0), (0, 1)], [(1, 1), (1, 1), (1, 1)], [(0, 0), (0, 0), (1, 0)]]
    opinions = [
        (row, who, cells[row][at])
        for row in range(3)
        for at, who in enumerate(["ann", "ben", "cy"])
    ]
    for row, who, cell in opinions:
        pool.label(row, [list(cell)], annotator=who)
    by_label = [naive_one_coin([(r, w, c[at]) for r, w, c in opinions])[1] for at in range(2)]
    table = pool.annotators()
    expected = [np.mean([p[who] for p in by_label]) for who in ("ann", "ben", "cy")]
    assert table["accuracy"].tolist() == pytest.approx(expected)
    assert table["agreement"].tolist() == [(2 + 2) / 6, (2 + 2) / 6, 2 / 6]
    assert pool.query_annotators(3) == [("ann", "ben", "cy")]


def test_it_is_a_frame_of_the_rows_library_or_arrays():
    polars = pytest.importorskip("polars")
    pool = Pool(polars.DataFrame({"x": [1.0, 2.0]}))
    pool.label(0, 1, annotator="ann")
    table = pool.annotators()
    assert isinstance(table, polars.DataFrame) and table["annotator"].to_list() == ["ann"]


@pytest.mark.parametrize("level", [0, 1, 95, "0.9", None])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(ValueError, match="annotators got level=.*; give a number between 0 and 1"):
        Pool(X).annotators(level=level)


# Whom to ask


def test_people_are_asked_by_accuracy_but_not_who_answered_or_holds_the_row():
    pool = Pool(X, consensus="one_coin")
    opinions = fill(pool)
    accuracy = naive_one_coin(opinions)[1]
    best = tuple(sorted(accuracy, key=accuracy.get, reverse=True))
    assert pool.query_annotators(35) == [best]
    pool.label(36, None, annotator=best[0])
    pool.reserve(37, best[1])
    pool.reserve(38)
    answered = {who for row, who, _ in opinions if row == 4}
    assert pool.query_annotators([4, 36, 37, 38]) == [
        tuple(name for name in best if name not in answered),
        best[1:],
        (best[0], *best[2:]),
        best,
    ]
    pool.undo(annotator=best[0])
    assert pool.query_annotators([36])[0] == best
    # Somebody new is taken for right in four of five.
    asked = pool.query_annotators(35, annotators=["zoe", "p0", "p4", "p0"])
    assert asked == [tuple(sorted(["p0", "zoe", "p4"], key=lambda w: -accuracy.get(w, 0.8)))]
    assert pool.query_annotators([]) == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({"idx": 99}, ValueError, "query_annotators got row number 99; row numbers are 0 to 39"),
        ({"idx": 1, "annotators": "ann"}, TypeError, r"annotators is 'ann'; write \['ann'\]"),
        ({"idx": 1, "annotators": ["ann", None]}, TypeError, "annotators holds None, whom nobody"),
        ({"idx": 1, "annotators": [" ann"]}, ValueError, "query_annotators got the name ' ann'"),
    ],
)
def test_slips_in_whom_to_ask_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        Pool(X).query_annotators(**call)
