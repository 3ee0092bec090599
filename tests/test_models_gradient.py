"""Factors of the last layer's gradient: against differences of the loss, and what is refused."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC

from skactive import ActiveLearner, Strategy, View
from skactive.data.rows import Rows
from skactive.learner.questions import adapt
from skactive.models import last_step, refusal

X, CODES = make_blobs(90, n_features=4, centers=3, cluster_std=4.0, random_state=0)
X = StandardScaler().fit_transform(X)
TARGET = X[:, 0] - 2 * X[:, 1] ** 2


def gradient(estimator, rows=X, classes=None, **details):
    """What a view says of a fitted estimator."""
    if classes is None:
        classes = getattr(estimator, "classes_", None)
    rows = Rows(rows)
    view = View(rows, np.ones(len(rows), dtype=bool), model=adapt(estimator, classes), **details)
    return view.gradient


def perceptron(kind=MLPClassifier, activation="relu", layers=(5, 3)):
    return kind(
        hidden_layer_sizes=layers, activation=activation, max_iter=30, random_state=0, tol=1.0
    )


def numerical(function, weights):
    """Differences of a function, of which there are n values, by each weight: (n, *shape)."""
    step, slopes = 1e-6, []
    for i in np.ndindex(weights.shape):
        known = weights[i]
        weights[i] = known + step
        above = function()
        weights[i] = known - step
        slopes.append((above - function()) / (2 * step))
        weights[i] = known
    return np.stack(slopes, axis=-1).reshape(-1, *weights.shape)


def loss_of(estimator, rows=X):
    """The cross-entropy with the label that is likeliest now."""
    likeliest = estimator.predict_proba(rows).argmax(axis=1)
    return lambda: -np.log(estimator.predict_proba(rows)[np.arange(len(likeliest)), likeliest])


# Against differences of what is predicted


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearDiscriminantAnalysis()])
def test_errors_times_features_is_the_gradient_of_a_linear_classifiers_loss(estimator, n_classes):
    estimator = clone(estimator).fit(X, CODES % n_classes)
    errors, features = gradient(estimator)
    assert errors.shape == (90, n_classes) and np.shares_memory(features, X)
    expected = numerical(loss_of(estimator), estimator.coef_)
    outer = np.einsum("nc,nd->ncd", errors, features)
    if n_classes == 2:  # one row of coefficients, that of the second class
        outer = outer[:, 1:]
    np.testing.assert_allclose(outer, expected, atol=1e-7)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(("n_classes", "layers"), [(3, (5, 3)), (2, (5, 3)), (3, ())])
def test_errors_times_features_is_the_gradient_of_an_mlps_loss(activation, n_classes, layers):
    estimator = perceptron(activation=activation, layers=layers).fit(X, CODES % n_classes)
    errors, features = gradient(estimator, chunk_rows=40)
    assert errors.shape == (90, n_classes)
    expected = numerical(loss_of(estimator), estimator.coefs_[-1])
    outer = np.einsum("nd,nc->ndc", features, errors)
    if n_classes == 2:  # one output, that of the second class
        outer = outer[:, :, 1:]
    np.testing.assert_allclose(outer, expected, atol=1e-7)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [Ridge(), LinearRegression(), Lasso(0.01), ElasticNet(0.01), BayesianRidge(), SGDRegressor()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_of_a_linear_regressor_it_is_the_gradient_of_the_prediction(estimator):
    estimator.fit(X, TARGET)
    errors, features = gradient(estimator)
    assert errors.tolist() == [[1.0]] * 90
    expected = numerical(lambda: estimator.predict(X), estimator.coef_)
    np.testing.assert_allclose(features, expected, atol=1e-7)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu"])
def test_of_an_mlp_that_regresses_it_is_the_gradient_of_the_prediction(activation):
    estimator = perceptron(MLPRegressor, activation).fit(X, TARGET)
    errors, features = gradient(estimator, chunk_rows=7)
    assert errors.tolist() == [[1.0]] * 90
    expected = numerical(lambda: estimator.predict(X), estimator.coefs_[-1])[:, :, 0]
    np.testing.assert_allclose(features, expected, atol=1e-7)


# Inside pipelines, on sparse rows, with more classes


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("last", [LogisticRegression(), perceptron()], ids=["linear", "mlp"])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda last: make_pipeline(PCA(2), last),
        lambda last: GridSearchCV(make_pipeline(PCA(2), last), {"pca__whiten": [True]}, cv=2),
        lambda last: make_pipeline(StandardScaler(), make_pipeline(PCA(2), last)),
    ],
    ids=["pipeline", "search", "two pipelines"],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_the_last_layer_is_found_inside(wrap, last, frozen):
    estimator = wrap(last)
    assert refusal(estimator, "gradient") is None
    estimator.fit(X, CODES)
    classes = estimator.classes_
    if frozen:
        estimator = FrozenEstimator(estimator)
    errors, features = gradient(estimator, classes=classes, chunk_rows=40)
    final = last_step(estimator)
    weights = final.coef_.T if hasattr(final, "coef_") else final.coefs_[-1]
    intercept = final.intercept_ if hasattr(final, "coef_") else final.intercepts_[-1]
    logits = features @ weights + intercept  # the features are what the layer is given
    proba = np.exp(logits - logits.max(axis=1, keepdims=True))
    proba /= proba.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(proba, estimator.predict_proba(X), atol=1e-12)
    expected = proba - np.eye(3)[proba.argmax(axis=1)]
    np.testing.assert_allclose(errors, expected, atol=1e-12)


def test_features_of_texts_stay_sparse():
    texts = ["good film", "bad film", "good", "bad bad", "film"]
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0, 1])
    _, features = gradient(estimator, texts, chunk_rows=2)
    assert sparse.issparse(features) and features.format == "csr"
    assert (features != estimator[0].transform(texts)).nnz == 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_mlp_on_sparse_rows_has_the_hidden_layer_of_dense_ones():
    estimator = perceptron().fit(X, CODES)
    _, expected = gradient(estimator)
    _, features = gradient(estimator, sparse.csr_matrix(X), chunk_rows=13)
    np.testing.assert_allclose(features, expected, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", [LogisticRegression(), perceptron()], ids=["linear", "mlp"])
def test_classes_beyond_those_seen_have_errors_of_0(estimator):
    estimator.fit(X, np.array(["b", "d"])[CODES % 2])
    errors, _ = gradient(estimator, classes=np.array(["a", "b", "c", "d"]))
    assert not errors[:, [0, 2]].any()
    proba = estimator.predict_proba(X)
    assert (errors[:, [1, 3]] == proba - np.eye(2)[proba.argmax(axis=1)]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_are_not_written_to_and_those_of_a_linear_model_are_not_copied():
    rows = X.copy()
    rows.flags.writeable = False
    for estimator in (LogisticRegression(), perceptron(activation="relu", layers=())):
        gradient(estimator.fit(X, CODES), rows)
    assert np.shares_memory(gradient(LogisticRegression().fit(X, CODES), rows)[1], rows)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_chunks_are_short_where_layers_are_wide():
    narrow, wide = (
        adapt(perceptron(layers=(size, 2)).fit(X, CODES), np.arange(3)) for size in (4, 400)
    )
    assert wide.row_bytes("features") == 100 * narrow.row_bytes("features") == 8 * 2 * 400


# What can give it, before it is fitted and after


class OwnLinear(ClassifierMixin, BaseEstimator):
    """A third party's: linear or not, which only what it learns tells."""

    def __init__(self, is_linear=True):
        self.is_linear = is_linear

    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inner_.classes_
        if self.is_linear:
            self.coef_ = self.inner_.coef_
        return self

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


class OwnRegressor(RegressorMixin, BaseEstimator):
    """A third party's linear regressor."""

    def fit(self, X, y):
        self.coef_ = LinearRegression().fit(X, y).coef_
        return self

    def predict(self, X):
        return X @ self.coef_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        LogisticRegressionCV(cv=2),
        SGDClassifier(loss="log_loss"),
        SGDClassifier(loss="modified_huber"),
        LinearDiscriminantAnalysis(),
        perceptron(),
        OwnLinear(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_linear_classifier_with_probabilities_gives_it(estimator):
    assert refusal(estimator, "gradient") is None
    estimator.fit(X, CODES)
    assert refusal(estimator, "gradient") is None
    errors, features = gradient(estimator)
    np.testing.assert_allclose(errors.sum(axis=1), 0, atol=1e-12)
    assert len(features) == 90


def test_a_third_partys_linear_regressor_gives_it():
    assert refusal(OwnRegressor(), "gradient") is None
    errors, features = gradient(OwnRegressor().fit(X, TARGET))
    assert np.shares_memory(features, X) and (errors == 1).all()


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(2),
        GaussianNB(),
        SVC(kernel="linear"),
        CalibratedClassifierCV(LinearSVC(), cv=2),
        SGDClassifier(loss="hinge"),
        RidgeClassifier(),
        SVR(kernel="linear"),
        PoissonRegressor(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("wrap", [lambda last: last, lambda last: make_pipeline(PCA(2), last)])
def test_others_are_refused_before_and_after_they_are_fitted(estimator, wrap):
    estimator = wrap(estimator)
    name = type(last_step(estimator)).__name__
    sentence = f"view.gradient, which {name} cannot give: it needs a linear last layer ("
    assert refusal(estimator, "gradient").startswith(sentence)
    estimator.fit(X, CODES)
    assert refusal(estimator, "gradient").startswith(sentence)


@pytest.mark.skipif("loss" not in MLPRegressor().get_params(), reason="it came with 1.7")
def test_an_mlp_that_predicts_through_a_link_function_is_refused():
    assert refusal(MLPRegressor(loss="poisson"), "gradient").startswith("view.gradient, which MLP")
    assert refusal(MLPRegressor(loss="squared_error"), "gradient") is None


def test_what_cannot_be_told_before_it_is_fitted_is_refused_after():
    estimator = OwnLinear(is_linear=False)
    assert refusal(estimator, "gradient") is None
    estimator.fit(X, CODES)
    with pytest.raises(ValueError, match=r"view.gradient, which OwnLinear cannot give: it needs a"):
        adapt(estimator, estimator.classes_).features(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("given", [True, False])
def test_a_learners_own_embedding_is_what_the_last_layer_is_given(given):
    seen = []

    class Look(Strategy):
        rowwise = False
        reads = ("gradient",)

        def score(self, view):
            seen.append(view.gradient[1])
            return np.zeros(len(view))

    learner = ActiveLearner(perceptron(), Look(), embedding=None if given else np.negative)
    learner.fit(X, np.where(np.arange(90) < 30, CODES, -1), embedding=-X if given else None)
    learner.query()
    np.testing.assert_array_equal(seen[0], -X)
