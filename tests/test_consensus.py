"""What a row's label is by its opinions, and how far annotators agree, against plain code."""

import subprocess
import sys
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from skactive.pool.consensus import (
    agreement,
    consensus_of,
    latest,
    majority,
    resolve,
)

NAN = float("nan")


def arrays(opinions, dtype=None):
    """(row, annotator, label) as three aligned arrays."""
    rows, annotators, labels = zip(*opinions, strict=True) if opinions else ((), (), ())
    return (
        np.array(rows, dtype=np.int64),
        np.array(annotators, dtype=object),
        np.array(labels, dtype=dtype),
    )


def by_row(opinions):
    """The labels of each row in the order in which they were given, rows ascending."""
    rows = defaultdict(list)
    for row, _, label in opinions:
        rows[row].append(label)
    return dict(sorted(rows.items()))


def naive_majority(opinions):
    # Counter lists what is equally common in the order in which it was first seen.
    return [Counter(labels).most_common(1)[0][0] for labels in by_row(opinions).values()]


def naive_alpha(opinions):
    """Krippendorff's alpha by its definition: observed over expected disagreement of pairs."""
    units = [labels for labels in by_row(opinions).values() if len(labels) > 1]
    values = [label for labels in units for label in labels]
    n = len(values)
    observed = sum(
        sum(a != b for i, a in enumerate(labels) for j, b in enumerate(labels) if i != j)
        / (len(labels) - 1)
        for labels in units
    )
    expected = sum(a != b for a in values for b in values) / (n - 1) if n > 1 else 0
    return 1 - observed / expected if expected else NAN


people = st.sampled_from([None, "ann", "ben", "cleo"])
some_labels = [
    (st.integers(-2, 2), np.int64),
    (st.integers(0, 3), np.int8),
    (st.booleans(), bool),
    (st.sampled_from([0.0, 1.0, 2.5]), float),
    (st.sampled_from(["", "fine", "Fine", "no"]), object),
    (st.sampled_from(["a", "bc"]), "U2"),
]


@st.composite
def opinions_of(draw, once=False):
    values, dtype = draw(st.sampled_from(some_labels))
    key = (lambda opinion: opinion[:2]) if once else None
    drawn = st.tuples(st.integers(0, 6), people, values)
    return draw(st.lists(drawn, max_size=30, unique_by=key)), dtype


# One label a row


@given(opinions_of())
def test_majority_and_latest_are_those_of_plain_code(drawn):
    opinions, dtype = drawn
    given_ = arrays(opinions, dtype)
    by_votes, by_time = majority(*given_), latest(*given_)
    assert by_votes.tolist() == naive_majority(opinions)
    assert by_time.tolist() == [labels[-1] for labels in by_row(opinions).values()]
    assert by_votes.dtype == by_time.dtype == given_[2].dtype


def test_so_it_is_with_many_opinions():
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, [50, 4, 4], size=(400, 3)).tolist()
    opinions = [(row, f"person {who}", label) for row, who, label in drawn]
    assert majority(*arrays(opinions)).tolist() == naive_majority(opinions)


def test_among_labels_that_as_many_gave_the_one_that_came_first_wins():
    opinions = [(5, "ann", "z"), (2, "ann", "b"), (5, "ben", "a"), (2, "ben", "a"), (2, "cy", "a")]
    assert majority(*arrays(opinions, object)).tolist() == ["a", "z"]
    opinions = [(0, "a", 3), (0, "b", 1), (0, "c", 1), (0, "d", 3), (0, "e", 0)]
    assert majority(*arrays(opinions)).tolist() == [3]


@given(
    st.lists(st.tuples(st.integers(0, 4), people, st.tuples(*[st.booleans()] * 3)), min_size=1),
    st.sampled_from([np.int8, bool]),
)
def test_several_labels_a_row_are_voted_on_one_by_one(opinions, dtype):
    given_ = arrays(opinions, dtype)
    for function in (majority, latest):
        cells = function(*given_)
        assert cells.dtype == dtype and cells.shape == (len(set(given_[0].tolist())), 3)
        for at in range(3):
            one_by_one = [(row, who, cells[at]) for row, who, cells in opinions]
            assert cells[:, at].tolist() == function(*arrays(one_by_one, dtype)).tolist()


def test_without_opinions_there_is_no_label():
    for labels in (np.zeros(0, dtype=np.int8), np.zeros((0, 3), dtype=np.int8)):
        nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=object), labels
        for consensus in (None, "majority", lambda *_: 1 / 0):
            found = consensus_of(consensus, *nothing)
            assert (found.dtype, found.shape) == (labels.dtype, labels.shape)


# Which consensus


def test_none_is_the_latest_label():
    assert resolve(None) is latest and resolve("majority") is majority
    opinions = arrays([(1, "ann", 4), (1, "ben", 4), (1, "cleo", 5)])
    assert consensus_of(None, *opinions).tolist() == [5]
    assert consensus_of("majority", *opinions).tolist() == [4]


@pytest.mark.parametrize("unknown", ["two_coins", "Majority", 3, True, ["majority"], int])
def test_what_is_no_consensus_is_refused_with_what_is(unknown):
    with pytest.raises(
        ValueError, match="write None, 'majority', 'one_coin', or a function of"
    ) as refusal:
        resolve(unknown)
    assert str(refusal.value).startswith(f"consensus is {unknown!r}; ")


def expert(rows, annotators, labels):
    """What ann says where she does, else anybody."""
    order = np.argsort(annotators == "ann", kind="stable")
    return latest(rows[order], annotators[order], labels[order])


def test_a_function_of_the_opinions_is_a_consensus():
    given_ = arrays([(4, "ann", "a"), (4, "ben", "b"), (1, None, "c")], object)
    assert consensus_of(expert, *given_).tolist() == ["c", "a"]


@pytest.mark.parametrize(
    ("labels", "returned", "expected"),
    [
        ([3, 5], [5, 3], [5, 3]),
        (np.array([3, 5], dtype=np.int8), [4.0, 5.0], [4, 5]),
        ([0.5, 1.5], [1, 0.25], [1.0, 0.25]),
        ([True, False], np.array([False, False]), [False, False]),
        (["a", "b"], ("b", "longer"), ["b", "longer"]),
        (np.array([[0, 1], [1, 1]], dtype=np.int8), [[True, False], [0, 0]], [[1, 0], [0, 0]]),
    ],
)
def test_what_a_function_returns_has_the_dtype_of_the_labels(labels, returned, expected):
    labels = np.asarray(labels, dtype=object if isinstance(labels[0], str) else None)
    found = consensus_of(
        lambda *_: returned, np.array([8, 9]), np.array([None, None], dtype=object), labels
    )
    assert found.tolist() == expected and found.dtype == labels.dtype


def returns(value):
    def consensus(rows, annotators, labels):
        return value

    return consensus


@pytest.mark.parametrize(
    ("labels", "returned", "refusal"),
    [
        ([3, 5], [3], r"returned the shape (1,) for 2 rows; return the shape (2,): what each"),
        ([3, 5], [3, -1], "returned -1 for row 9, which stands for no label; return a label"),
        ([3, 5], [3, None], "returned None for row 9, which stands for no label"),
        ([3, 5], [3, 4.5], "returned 4.5 for row 9; return labels of the kind that was given"),
        ([3, 5], ["a", "b"], "returned 'a' for row 8; return labels of the kind .* such as 3."),
        ([3, 5], [True, False], "returned True for row 8; return labels of the kind"),
        ([3, 5], [3, 1e300], "returned 1e.300 for row 9; return"),
        ([True, False], [0, 1], "returned 0 for row 8; .* such as True."),
        ([0.5, 1.5], [0.5, np.inf], "returned inf for row 9; return labels of the kind"),
        (["a", "b"], ["a", 3], "returned 3 for row 9; .* such as 'a'."),
        ([[0, 1], [1, 1]], [[0, 1], [1, 2]], "returned 2 for row 9; .* such as 0."),
        ([[0, 1], [1, 1]], [[0, -1], [1, 1]], "returned -1 for row 8, which stands for no label"),
        ([[0, 1], [1, 1]], [0, 1], r"the shape (2,) for 2 rows; return the shape (2, 2)"),
    ],
)
def test_what_a_function_returns_is_refused_if_it_is_no_label_for_each_row(
    labels, returned, refusal
):
    refusal = refusal.replace("(", r"\(").replace(")", r"\)")
    labels = np.asarray(labels, dtype=object if isinstance(labels[0], str) else None)
    with pytest.raises(ValueError, match=refusal) as caught:
        consensus_of(
            returns(returned),
            np.array([8, 9]),
            np.array([None, "ann"], dtype=object),
            labels,
            missing_label=-1,
        )
    assert str(caught.value).startswith("consensus returns.<locals>.consensus returned ")


def test_a_function_cannot_write_to_the_opinions():
    def rude(rows, annotators, labels):
        labels.sort()
        return labels

    given_ = arrays([(0, "ann", 2), (1, "ann", 1)])
    with pytest.raises(ValueError, match="read-only"):
        consensus_of(rude, *given_)
    assert given_[2].tolist() == [2, 1] and given_[2].flags.writeable


# Agreement

# Krippendorff, "Computing Krippendorff's alpha-reliability" (2011): four observers, twelve units.
PUBLISHED = {
    "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}


def published(labels=lambda value: value):
    return [
        (row, who, labels(values[row]))
        for row in range(12)
        for who, values in PUBLISHED.items()
        if values[row] is not None
    ]


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (lambda value: value, None),
        ("abcdef".__getitem__, object),
        (float, None),
        (lambda value: [value & 1, value >> 1 & 1, value >> 2], np.int8),
    ],
)
def test_alpha_is_the_published_one_for_labels_of_any_kind(labels, dtype):
    found = agreement(*arrays(published(labels), dtype))
    assert found.alpha == pytest.approx(0.743421052631579, abs=1e-15)
    assert {pair: n for pair, (_, n) in found.pairs.items()} == {
        ("A", "B"): 9, ("A", "C"): 8, ("A", "D"): 9, ("B", "C"): 9, ("B", "D"): 10, ("C", "D"): 10
    }  # fmt: skip


@given(opinions_of(once=True))
def test_alpha_and_kappas_are_those_of_plain_code(drawn):
    opinions, dtype = drawn
    opinions = [each for each in opinions if each[2] != 2.5]  # no class
    found = agreement(*arrays(opinions, dtype))
    assert found.alpha == pytest.approx(naive_alpha(opinions), abs=1e-12, nan_ok=True)
    said = {(row, who): label for row, who, label in opinions}
    expected = {}
    for a, b in combinations(["ann", "ben", "cleo", None], 2):
        shared = [row for row in range(7) if (row, a) in said and (row, b) in said]
        if shared:
            both = [[str(said[row, who]) for row in shared] for who in (a, b)]
            is_one = len({*both[0], *both[1]}) == 1
            expected[a, b] = NAN if is_one else cohen_kappa_score(*both), len(shared)
    assert list(found.pairs) == list(expected)
    for pair, values in expected.items():
        assert found.pairs[pair] == pytest.approx(values, nan_ok=True)


def test_what_somebody_said_last_of_a_row_counts():
    first = [(row, who, 9) for row, who, _ in published()[::3]]
    again, once = agreement(*arrays(first + published())), agreement(*arrays(published()))
    assert (again.alpha, again.pairs) == (once.alpha, once.pairs)


@pytest.mark.filterwarnings("error")
def test_agreement_reads_as_a_table():
    opinions = [(0, "ann", 1), (0, None, 1), (1, "ann", 0), (1, None, 0), (1, "ben", 0)]
    assert repr(agreement(*arrays(opinions))).splitlines() == [
        "Agreement: alpha 1.000",
        "  ann and ben: kappa nan on 1 row",
        "  ann and None: kappa 1.000 on 2 rows",
        "  ben and None: kappa nan on 1 row",
    ]


def test_where_nobody_could_disagree_there_is_no_agreement():
    for opinions in ([], [(0, "ann", 1)], [(0, "ann", 1), (0, "ben", 1)]):
        assert np.isnan(agreement(*arrays(opinions)).alpha)


def test_measured_numbers_are_no_classes():
    with pytest.raises(ValueError, match="numbers such as 0.37, of which hardly two are equal"):
        agreement(*arrays([(0, "ann", 1.0), (0, "ben", 0.37)]))


def test_scikit_learns_metrics_are_imported_when_agreement_is_asked_for():
    code = "import skactive.pool.consensus, sys; print('sklearn.metrics' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
