"""Adversarial strategies, and the distances of linear models: what needs no torch."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skactive.models.linear_distance import linear_margins
from skactive.strategies.adversarial import AdversarialBIM, AdversarialDeepFool


def naive_linear_margin(decision, weights):
    """Of one row of C >= 2 values, by the definition."""
    y = max(range(len(decision)), key=lambda c: decision[c])
    distances = []
    for c in range(len(decision)):
        if c != y:
            gap, length = float(decision[y]) - float(decision[c]), math.dist(weights[y], weights[c])
            distances.append(0.0 if gap == 0 else gap / length if length > 0 else math.inf)
    return min(distances)


SMALL = st.integers(-3, 3).map(float)  # so that classes tie, and share weights


@given(st.data(), st.integers(2, 5), st.integers(1, 4), st.integers(0, 12))
def test_linear_margins_are_the_definition(data, n_classes, d, n):
    decision = data.draw(arrays(float, (n, n_classes), elements=SMALL))
    weights = data.draw(arrays(float, (n_classes, d), elements=SMALL))
    expected = [naive_linear_margin(row, weights) for row in decision]
    np.testing.assert_allclose(linear_margins(decision, weights), expected, rtol=1e-12)


def test_one_row_of_weights_is_a_problem_of_two_classes():
    w = np.array([[3.0, 4.0]])
    f = np.array([2.0, -5.0, 0.0])
    two = linear_margins(np.column_stack([-f, f]) / 2, np.vstack([-w, w]) / 2)
    assert linear_margins(f, w).tolist() == linear_margins(f[:, None], w).tolist() == [0.4, 1, 0]
    np.testing.assert_allclose(two, [0.4, 1, 0])


@pytest.mark.parametrize("labels", [slice(None), slice(100)], ids=["three", "two"])
def test_a_step_of_that_length_reaches_the_boundary_of_a_fitted_model(labels):
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(X[labels], y[labels])
    distances = linear_margins(model.decision_function(X), model.coef_)
    normals = (model.coef_[:, None] - model.coef_).reshape(-1, 4)
    normals = np.vstack([model.coef_, -model.coef_]) if len(model.coef_) == 1 else normals
    normals = normals[np.linalg.norm(normals, axis=1) > 0]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    for x, distance in zip(X[::10], distances[::10], strict=True):
        own = model.predict(x[None])
        assert (model.predict(x + 0.999 * distance * normals) == own).all()
        assert (model.predict(x + 1.001 * distance * normals) != own).any()


def test_classes_of_the_same_weights_are_infinitely_far_unless_they_tie():
    weights = np.ones((3, 2))
    assert linear_margins([[1.0, 0.0, 0.5], [2.0, 2.0, 0.0]], weights).tolist() == [np.inf, 0.0]
    assert linear_margins([1.0, 0.0], np.zeros((1, 2))).tolist() == [np.inf, 0.0]


def test_weights_may_be_sparse_and_of_any_type():
    decision = np.array([[7, 0, 1]], dtype=np.uint8)  # whose differences would wrap around
    weights = np.array([[3, 4], [3, 3], [0, 0]])
    assert linear_margins(decision, weights).tolist() == [1.2]
    assert linear_margins(decision, sparse.csr_matrix(weights)).tolist() == [1.2]
    assert linear_margins(decision, weights.astype(np.uint8)).tolist() == [1.2]


def test_nan_stays_in_its_row():
    margins = linear_margins([[np.nan, 1.0], [2.0, 1.0]], np.eye(2))
    assert np.isnan(margins[0])
    assert margins[1] == pytest.approx(0.5**0.5)


@pytest.mark.parametrize(
    ("decision", "weights"),
    [
        (np.ones((4, 3)), np.ones((2, 5))),
        (np.ones((4, 3)), np.ones((1, 5))),
        (np.ones(4), np.ones((2, 5))),
        (np.ones((4, 2)), np.ones(5)),
        (np.ones((4, 2, 2)), np.ones((2, 5))),
    ],
)
def test_shapes_that_do_not_fit_are_refused(decision, weights):
    with pytest.raises(ValueError, match=r"decision has shape .* and weights"):
        linear_margins(decision, weights)


class Asked:
    """A view that tells what it was asked for, and gives three lengths."""

    def perturbation(self, attack, **options):
        self.attack, self.options = attack, options
        return np.array([2.0, np.inf, 0.5])


@pytest.mark.parametrize(
    ("strategy", "attack", "options"),
    [
        (AdversarialBIM(), "bim", {"step": 0.05, "max_steps": 50}),
        (AdversarialBIM(step=1, max_steps=3), "bim", {"step": 1, "max_steps": 3}),
        (AdversarialDeepFool(), "deepfool", {"max_steps": 50, "n_candidates": 10}),
        (AdversarialDeepFool(3, n_candidates=2), "deepfool", {"max_steps": 3, "n_candidates": 2}),
    ],
)
def test_the_shortest_perturbation_scores_highest_and_none_lowest(strategy, attack, options):
    view = Asked()
    assert clone(strategy).score(view).tolist() == [-2.0, -np.inf, -0.5]
    assert (view.attack, view.options) == (attack, options)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (AdversarialBIM(step=-0.1), "AdversarialBIM got step=-0.1; give a finite number above 0"),
        (AdversarialBIM(step=0), "AdversarialBIM got step=0; give a finite number above 0"),
        (AdversarialBIM(step=np.inf), "AdversarialBIM got step=inf"),
        (AdversarialBIM(step=np.nan), "AdversarialBIM got step=nan"),
        (AdversarialBIM(step="0.1"), "AdversarialBIM got step='0.1'"),
        (AdversarialBIM(max_steps=0), "AdversarialBIM got max_steps=0; give a whole number"),
        (AdversarialBIM(max_steps=True), "AdversarialBIM got max_steps=True; give a whole number"),
        (AdversarialDeepFool(max_steps=1.5), "AdversarialDeepFool got max_steps=1.5"),
        (AdversarialDeepFool(max_steps=0), "AdversarialDeepFool got max_steps=0"),
        (AdversarialDeepFool(n_candidates=2.5), "AdversarialDeepFool got n_candidates=2.5"),
        (AdversarialDeepFool(n_candidates=None), "AdversarialDeepFool got n_candidates=None"),
        (AdversarialDeepFool(n_candidates=True), "AdversarialDeepFool got n_candidates=True"),
    ],
)
def test_parameters_out_of_range_are_refused_in_the_strategys_name(strategy, message):
    with pytest.raises(ValueError, match=message):
        strategy.score(Asked())


def test_the_strategies_are_imported_without_torch():
    code = "import sys, skactive.strategies.adversarial; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
