"""Scores of several labels a row: published values, their twins, and what holds for any input."""

import tracemalloc

import naive_several_labels as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import logit

from skactive import scores

pytestmark = pytest.mark.once

P = np.array([[0.9, 0.2, 0.6], [0.5, 0.5, 0.1], [0.05, 0.1, 0.02], [0.8, 0.7, 0.95]])
P = np.vstack([P, [0.45, 0.3, 0.55]])
# One argument, probabilities, decisions or predictions; options are those that are worth a try.
BOTH = [{"aggregate": "max"}, {"aggregate": "mean"}]
OF_PROBA = {
    scores.label_least_confidence: BOTH,
    scores.label_margin: BOTH,
    scores.label_entropy: BOTH,
    scores.min_confidence: [{}],
    scores.avg_confidence: [{}],
    scores.max_score: [{}],
    scores.avg_score: [{}],
    scores.max_loss: [{}],
}
OF_DECISION = {
    scores.label_decision_margin: BOTH,
    scores.separation_uncertainty: [{}],
    scores.adaptive_margin: [
        {"cardinality": 1.5, "beta": 0.0},
        {"cardinality": 1.5, "beta": 0.3},
        {"cardinality": 2.0, "beta": 1.0},
    ],
}
OF_PREDICTION = {scores.mean_max_loss: [{}], scores.cardinality_inconsistency: [{"cardinality": 2}]}
ALL = OF_PROBA | OF_DECISION | OF_PREDICTION
WITH_PREDICTION = [scores.max_score, scores.avg_score, scores.max_loss]
CLOSE = {"rtol": 1e-12, "atol": 1e-14}


def twin(function):
    return getattr(naive, function.__name__)


def numbers(elements):
    """Read-only (n, L) arrays, also of one label or no row, in either order."""

    def made(draw):
        shape = draw(st.integers(0, 8)), draw(st.integers(1, 5))
        dtype, order = draw(st.sampled_from([np.float64, np.float32])), draw(st.sampled_from("CF"))
        array = np.asarray(draw(hnp.arrays(np.float64, shape, elements=elements)), dtype, order)
        array.flags.writeable = False
        return array

    return st.composite(made)()


PROBA = numbers(st.sampled_from([0.0, 0.5, 1.0, 1e-9, np.nan]) | st.floats(0, 1))
DECISION = numbers(st.sampled_from([0.0, 1.5, -1.5, np.nan]) | st.floats(-50, 50))
PREDICTION = numbers(st.sampled_from([0.0, 1.0]))


@pytest.fixture(params=[1, 3, None], ids=["rows-1", "rows-3", "whole"])
def chunked(request, monkeypatch):
    """Run with chunks of one row, of three rows, and as shipped."""
    if request.param:
        monkeypatch.setattr("skactive.data.arrays.CORE_BYTES", 1)
        monkeypatch.setattr("skactive.data.arrays.LEAST_COLUMN", request.param)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        # What modAL 0.4.2 computes, run on these probabilities with predictions of P > .5.
        ("min_confidence", [0.2, 0.1, 0.02, 0.7, 0.3]),
        ("avg_confidence", [0.566667, 0.366667, 0.056667, 0.816667, 0.433333]),
        ("max_score", [0.45, -0.05, -0.01, 0.475, 0.275]),
        ("avg_score", [0.216667, -0.183333, -0.028333, 0.408333, -0.033333]),
        ("max_loss", [2, 2, 2, 4, 0]),
        # By hand: the most doubtful label's.
        ("label_least_confidence", [0.4, 0.5, 0.1, 0.3, 0.45]),
        ("label_margin", [0.2, 0.0, 0.8, 0.4, 0.1]),
        ("label_entropy", [0.673012, 0.693147, 0.325083, 0.610864, 0.688139]),
    ],
)
def test_reference_values(function, expected):
    np.testing.assert_allclose(getattr(scores, function)(P), expected, rtol=0, atol=5e-7)


def test_reference_values_of_predictions():
    found = scores.mean_max_loss(P > 0.5)
    np.testing.assert_allclose(found, [4 / 3, 0, 0, 2, 4 / 3], **CLOSE)


def test_li_and_guo_by_hand():
    # Row 0: labels 0 and 2 are predicted, the gap is from .5 down to -1; row 3 predicts all.
    decision = [[2.0, -1.0, 0.5], [-3.0, -1.0, 0.25], [-1.0, -1.0, -1.0], [1.0, 2.0, 3.0]]
    np.testing.assert_allclose(scores.separation_uncertainty(decision), [2 / 3, 0.8, 0, 0])
    counts = scores.cardinality_inconsistency(np.array(decision) > 0, 1.2)
    np.testing.assert_allclose(counts, [0.8, 0.2, 1.2, 1.8])
    found = scores.adaptive_margin(decision, 1.2, beta=0.25)
    expected = [(2 / 3) ** 0.25 * 0.8**0.75, 0.8**0.25 * 0.2**0.75, 0, 0]
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(scores.adaptive_margin(decision, 1.2, beta=0.0), counts)


def test_binary_minimum_by_log_odds_finds_the_label_nearest_one_half():
    nearest = np.abs(P - 0.5).min(axis=1).argsort()
    assert scores.label_decision_margin(logit(P)).argsort().tolist() == nearest.tolist()


@given(proba=PROBA, decision=DECISION, prediction=PREDICTION)
def test_each_equals_its_twin(proba, decision, prediction):
    of = [(OF_PROBA, proba), (OF_DECISION, decision), (OF_PREDICTION, prediction)]
    for functions, values in of:
        for function, options in functions.items():
            for each in options:
                found = function(values, **each)
                assert found.dtype == np.float64
                expected = twin(function)(values.astype(np.float64), **each)
                np.testing.assert_allclose(
                    found, expected, **CLOSE, err_msg=f"{function.__name__} {each}"
                )


@given(proba=PROBA, seed=st.integers(0, 99))
def test_predictions_may_be_given(proba, seed):
    said = np.random.default_rng(seed).random(proba.shape) < 0.5
    for function in WITH_PREDICTION:
        expected = twin(function)(proba.astype(np.float64), said)
        np.testing.assert_allclose(function(proba, said), expected, **CLOSE)
        np.testing.assert_array_equal(function(proba, proba > 0.5), function(proba))


def test_rows_do_not_depend_on_how_they_are_cut(chunked):
    rng = np.random.default_rng(3)
    proba = rng.random((23, 7))
    for function, options in ALL.items():
        values = proba > 0.5 if function in OF_PREDICTION else proba
        values = logit(proba) if function in OF_DECISION else values
        for each in options:
            alone = [function(values[at : at + 1], **each)[0] for at in range(23)]
            np.testing.assert_array_equal(function(values, **each), alone)
    for function in WITH_PREDICTION:
        said = rng.random(proba.shape) < 0.5
        alone = [function(proba[at : at + 1], said[at : at + 1])[0] for at in range(23)]
        np.testing.assert_array_equal(function(proba, said), alone)


def test_nothing_but_the_result_grows_with_the_rows():
    proba = np.random.default_rng(0).random((300_000, 8)).astype(np.float32)
    for function in (scores.label_margin, scores.label_entropy, scores.max_loss):
        tracemalloc.start()
        function(proba)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 8 * len(proba) + 5e6, function.__name__


def test_errors_are_those_of_the_binary_cross_entropy():
    errors = scores.likeliest_label_errors(P.astype(np.float32))
    assert errors.dtype == np.float64
    np.testing.assert_allclose(errors, P.astype(np.float32) - np.where(P > 0.5, 1, 0))
    # The gradient of -log P(likelier value) in each logit, by differences.
    at, step = logit(P[:1]), 1e-6

    def loss(z):
        p = 1 / (1 + np.exp(-z))
        return -np.log(np.where(P[:1] > 0.5, p, 1 - p)).sum()

    slopes = [(loss(at + step * e) - loss(at - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(scores.likeliest_label_errors(P)[0], slopes, atol=1e-8)


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.__name__)
def test_what_is_no_array_of_labels_is_refused(function):
    options = {"cardinality": 1} if function in OF_PREDICTION or function in OF_DECISION else {}
    options = options if "cardinality" in function.__code__.co_varnames else {}
    for shape in ((3,), (3, 0), (2, 3, 4)):
        with pytest.raises(ValueError, match=r"has shape .*it must be"):
            function(np.zeros(shape), **options)
    assert len(function(np.zeros((0, 2)), **options)) == 0


def test_options_are_refused_in_a_sentence():
    for function in (scores.label_margin, scores.label_entropy, scores.label_decision_margin):
        with pytest.raises(ValueError, match="^aggregate is 'sum'; give 'max' or 'mean'.$"):
            function(P, aggregate="sum")
    with pytest.raises(ValueError, match="adaptive_margin got beta=2; give a finite number of at"):
        scores.adaptive_margin(P, 1, beta=2)
    with pytest.raises(ValueError, match="cardinality_inconsistency got cardinality=-1"):
        scores.cardinality_inconsistency(P, -1)
    with pytest.raises(ValueError, match=r"prediction has shape \(4, 3\), and proba \(5, 3\)"):
        scores.max_score(P, P[1:] > 0.5)
