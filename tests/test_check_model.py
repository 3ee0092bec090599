"""check_model: what keeps the contract passes, and each way to break it fails with its sentence."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive.scores import likeliest_errors
from skactive.testing import check_model, model_checks

X, Y = load_iris(return_X_y=True)
X, Y = X[::2], np.array(["ash", "birch", "cedar"])[Y[::2]]
SEEN = {}  # what some keep from one fit to the next


class Model(ClassifierMixin, BaseEstimator):
    """A layer of random features, logistic regression on it, and dropout before that."""

    def __init__(self, width=8, random_state=None):
        self.width, self.random_state = width, random_state

    def fit(self, X, y):
        rng = np.random.default_rng(self.random_state)
        self.weights_ = rng.normal(size=(np.shape(X)[1], self.width)) + np.mean(
            X[y == np.unique(y)[0]]
        )
        self.head_ = LogisticRegression(max_iter=300).fit(self.embed(X), y)
        self.classes_ = self.head_.classes_
        return self

    def embed(self, X):
        return np.tanh(np.asarray(X) @ self.weights_ / 20)

    def predict_proba(self, X):
        return self.head_.predict_proba(self.embed(X))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_samples(self, X, n_passes):
        H = self.embed(X)
        keeps = np.random.uniform(size=(n_passes, *H.shape)) > 0.3  # noqa: NPY002
        return np.stack([self.head_.predict_proba(H * keep / 0.7) for keep in keeps])

    def gradient_factors(self, X):
        return likeliest_errors(self.predict_proba(X)), self.embed(X)


class Members(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.inner_ = BaggingRegressor(Ridge(), 5, random_state=0).fit(X, y)
        return self

    def predict(self, X):
        return self.inner_.predict(X)

    def predict_samples(self, X, n_passes):
        return np.stack([member.predict(X) for member in self.inner_.estimators_])


class OfTexts(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.words_ = CountVectorizer().fit(X)
        self.head_ = LogisticRegression().fit(self.embed(X), y)
        self.classes_ = self.head_.classes_
        return self

    def embed(self, X):
        return self.words_.transform(X)

    def predict(self, X):
        return self.head_.predict(self.embed(X))

    def predict_proba(self, X):
        return self.head_.predict_proba(self.embed(X))


TEXTS = [f"{word} number {number}" for number in range(15) for word in ("ash", "bay", "elm")]
NAMES = [text.split()[0] for text in TEXTS]


def several():
    return (X[:, :3] > X[:, :3].mean(axis=0)).astype(int)


@pytest.mark.parametrize(
    ("estimator", "X", "y"),
    [
        (Model(), X, Y),
        (make_pipeline(StandardScaler(), Model(random_state=3)), X, Y),
        (Members(), X, X[:, 0] - X[:, 1]),
        (OfTexts(), TEXTS, NAMES),
        (make_pipeline(CountVectorizer(), LogisticRegression()), TEXTS, NAMES),
        (RandomForestClassifier(10), X, Y),
        (KNeighborsClassifier(), X, Y),
        (MultiOutputClassifier(LogisticRegression()), X, several()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_keeps_the_contract_passes(estimator, X, y):
    check_model(estimator, X, y)


def test_frames_and_nets_pass():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("skorch")
    from nets import classifier, digits

    check_model(Model(), pandas.DataFrame(X, index=np.arange(75)[::-1]), Y)
    images, labels = digits(60)
    check_model(classifier(max_epochs=2), images, labels)


def test_a_norm_by_the_batch_is_told_from_dropout():
    class ByBatch(Model):
        def predict_samples(self, X, n_passes):  # as batch norm that is in training mode
            return super().predict_samples(np.asarray(X) - np.mean(X, axis=0) + 4, n_passes)

    with pytest.raises(
        AssertionError, match=r"ByBatch.predict_samples .* not what goes by the batch"
    ):
        check_model(ByBatch(), X, Y)


class Renames(Model):
    def __init__(self, width=8):
        self.breadth = width


class Sets(Model):
    def fit(self, X, y):
        self.width += 1
        return super().fit(X, y)


class ByRank(Model):
    def embed(self, X):
        return super().embed(X) - (0 if not hasattr(self, "head_") else np.mean(X))


class ByPlace(Model):
    def embed(self, X):
        return super().embed(X) * np.linspace(1, 2, len(X))[:, None]


class Restless(Model):
    def embed(self, X):
        return super().embed(X) + np.random.normal(size=self.width)  # noqa: NPY002


class Unseeded(Model):
    def predict_samples(self, X, n_passes):
        keeps = np.random.default_rng().uniform(size=(n_passes, self.width)) > 0.3
        return np.stack([self.head_.predict_proba(self.embed(X) * keep) for keep in keeps])


class Alike(Model):
    def predict_samples(self, X, n_passes):
        return np.stack([self.predict_proba(X)] * n_passes)


class Logits(Model):
    def predict_samples(self, X, n_passes):
        return np.log(super().predict_samples(X, n_passes))


class NoSum(Model):
    def predict_proba(self, X):
        return super().predict_proba(X) * 0.9


class Remembers(Model):
    def embed(self, X):
        if not hasattr(self, "kept_"):
            self.kept_ = self.weights_
        return np.tanh(np.asarray(X) @ self.kept_ / 20)


class RemembersSamples(Model):
    def predict_samples(self, X, n_passes):
        key = len(X), n_passes, float(np.sum(X)), self.random_state
        self.kept_ = getattr(self, "kept_", {})
        return self.kept_.setdefault(key, super().predict_samples(X, n_passes))


class RemembersFactors(Model):
    def gradient_factors(self, X):
        self.first_ = getattr(self, "first_", self.weights_)
        return likeliest_errors(self.predict_proba(X)), np.asarray(X) @ self.first_


class Writes(Model):
    def gradient_factors(self, X):
        X *= 1.0001
        return likeliest_errors(self.predict_proba(X)), self.embed(X)


class Short(Model):
    def gradient_factors(self, X):
        return likeliest_errors(self.predict_proba(X))[1:], self.embed(X)


class Drawn(Model):
    def predict_proba(self, X):
        return np.random.dirichlet(np.ones(3), len(X))  # noqa: NPY002


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Renames, r"Renames cannot be cloned \(.*\); its __init__ must keep"),
        (Sets, r"Sets.fit changes the parameter width"),
        (ByRank, r"ByRank.embed answers a row differently when 1 row comes at a time"),
        (ByPlace, r"ByPlace.predict_proba answers a row differently when 1 row comes at a time"),
        (Restless, r"Restless.predict_proba answers differently when it is asked again; switch"),
        (Unseeded, r"Unseeded.predict_samples answers differently when it is asked again; draw by"),
        (Alike, r"Alike.predict_samples gives the same in all passes"),
        (Logits, r"probabilities of Logits.predict_samples of which row 0"),
        (NoSum, r"check_model got NoSum.predict_proba of which row 0 is"),
        (Remembers, r"Remembers.embed answers as before once Remembers is fitted again"),
        (RemembersSamples, r"RemembersSamples.predict_samples answers as before"),
        (RemembersFactors, r"RemembersFactors.gradient_factors answers as before"),
        (Writes, r"Writes.gradient_factors writes into the rows"),
        (Short, r"Short.gradient_factors gave errors of shape \(36, 3\) for 37 rows"),
        (Drawn, r"Drawn.predict_proba answers differently when it is asked again; switch off"),
    ],
)
def test_each_breach_has_its_sentence(cls, words):
    with pytest.raises(AssertionError, match=words) as told:
        check_model(cls(), X, Y)
    assert str(told.value).count("\n") == 0


def test_rows_of_passes_that_are_mixed_up_are_found_among_texts_too():
    class Passes(OfTexts):
        def predict_samples(self, X, n_passes):
            H = self.embed(X).toarray()
            keeps = np.random.uniform(size=(n_passes, *H.shape)) > 0.2  # noqa: NPY002
            return np.stack([self.head_.predict_proba(H * keep) for keep in keeps])

    class Sorted(Passes):  # as by length, so that less is padded
        def predict_samples(self, X, n_passes):
            return super().predict_samples(sorted(X), n_passes)

    check_model(Passes(), TEXTS, NAMES)
    checks = dict(model_checks(Sorted(), TEXTS, NAMES))
    with pytest.raises(AssertionError, match=r"Sorted.predict_samples answers a row differently"):
        checks["rows_alone"]()


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="got 19 rows and 19 labels; give at least 20 rows"):
        check_model(Model(), X[:19], Y[:19])
    with pytest.raises(ValueError, match="got 75 rows and 74 labels"):
        check_model(Model(), X, Y[1:])
