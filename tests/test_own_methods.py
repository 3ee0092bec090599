"""What any estimator may bring by its own methods, for every strategy that reads it."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import BaggingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.metaestimators import available_if

from skactive import ActiveLearner, EachRound
from skactive.learner.questions import model_of
from skactive.models import refusal
from skactive.scores import likeliest_errors
from skactive.strategies import Dropout, Subpool
from skactive.strategies.reading import MIN_CHUNK_ROWS

rng = np.random.default_rng(0)
X = rng.normal(size=(700, 4))
TRUTH = (X[:, :3] + 0.5 * rng.normal(size=(700, 3))).argmax(axis=1)
Y = np.where(np.arange(700) < 60, TRUTH, -1)
VALUES = np.where(np.arange(700) < 60, X[:, 0] - X[:, 1] ** 2, np.nan)
NAMES = np.array(["ash", "birch", "cedar"])


class Own(ClassifierMixin, BaseEstimator):
    """Hides another classifier: what it knows is told by methods alone."""

    def __init__(self, inner=None):
        self.inner = inner

    def fit(self, X, y):
        self.inner_ = self.made().fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def made(self):
        return self.inner or LogisticRegression()

    def predict(self, X):
        return self.inner_.predict(X)

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


class Members(Own):
    def made(self):
        return RandomForestClassifier(8, random_state=0)

    def predict_samples(self, X, n_passes):
        return np.stack([tree.predict_proba(X) for tree in self.inner_.estimators_])


class Draws(Own):
    """Draws weights in each pass, from numpy's own generator."""

    def predict_samples(self, X, n_passes):
        weights = np.random.normal(size=(n_passes, X.shape[1], 3))  # noqa: NPY002
        logits = np.einsum("nd,sdc->snc", X, weights)
        proba = np.exp(logits)
        return proba / proba.sum(axis=2, keepdims=True)


class Embeds(Own):
    """Its vectors change with what it has learned."""

    def embed(self, X):
        return np.tanh(X @ self.inner_.coef_.T)


class Textless(Own):
    """Reads texts, and shows no vectors of them."""

    def made(self):
        return make_pipeline(HashingVectorizer(n_features=16), LogisticRegression())


class Factors(Own):
    def gradient_factors(self, X):
        return likeliest_errors(self.predict_proba(X)), X


class Numbers(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.inner_ = BaggingRegressor(Ridge(), 6, random_state=0).fit(X, y)
        return self

    def predict(self, X):
        return self.inner_.predict(X)

    def predict_samples(self, X, n_passes):
        return np.stack([member.predict(X) for member in self.inner_.estimators_])


class Says(Own):
    """Answers whatever it is told to."""

    def __init__(self, samples=None, vectors=None, factors=None):
        self.samples, self.vectors, self.factors = samples, vectors, factors

    inner = None

    def predict_samples(self, X, n_passes):
        return self.samples(len(X), n_passes)

    def embed(self, X):
        return self.vectors(len(X))

    def gradient_factors(self, X):
        return self.factors(len(X))


def asked(estimator, strategy, X=X, y=Y, n=12, **params):
    of_fit = {name: params.pop(name) for name in list(params) if name == "fit"}.get("fit", {})
    learner = ActiveLearner(estimator, strategy, random_state=0, **params).fit(X, y, **of_fit)
    return learner.query(n_instances=n)[0]


def same(ours, theirs):
    np.testing.assert_array_equal(ours, theirs)


# Used where they are


@pytest.mark.parametrize("strategy", ["bald", "vote_entropy", "consensus_entropy", "epig"])
def test_members_that_a_method_tells_are_a_committee(strategy):
    forest = RandomForestClassifier(8, random_state=0)
    same(asked(Members(), strategy), asked(FrozenSeed(forest), strategy))


def FrozenSeed(forest):
    """A forest whose seed the learner does not replace, as that inside Members."""
    return Pipeline([("rows", FunctionTransformer()), ("forest", Fixed(forest.n_estimators))])


class Fixed(RandomForestClassifier):
    def fit(self, X, y):
        self.random_state = 0
        return super().fit(X, y)


def test_batch_bald_asks_members_jointly():
    forest = RandomForestClassifier(8)
    same(asked(Members(), "batch_bald", n=4), asked(FrozenSeed(forest), "batch_bald", n=4))


@pytest.mark.parametrize("strategy", ["k_center", "badge", "bait", "k_means", "typiclust"])
def test_vectors_of_a_method_are_those_that_would_be_handed_in(strategy):
    E = Embeds().fit(X[:60], TRUTH[:60]).embed(X)
    same(asked(Embeds(), strategy), asked(Own(), strategy, fit={"embedding": E}))


def test_vectors_are_read_anew_once_the_estimator_has_learned():
    learner = ActiveLearner(Embeds(), "badge", random_state=0).fit(X, Y)
    twin = ActiveLearner(Own(), "badge", embedding=EachRound(of_weights), random_state=0).fit(X, Y)
    stale = ActiveLearner(Own(), "badge", embedding=learner.estimator_.embed, random_state=0).fit(
        X, Y
    )
    for _ in range(3):
        idx, expected, old = (each.query(n_instances=10)[0] for each in (learner, twin, stale))
        same(idx, expected)
        for each in (learner, twin, stale):
            each.teach(idx, TRUTH[idx])
    assert set(old) != set(idx)


def of_weights(estimator, X):
    return np.tanh(X @ estimator.inner_.coef_.T)


def test_vectors_that_the_user_hands_in_count_before_those_of_the_method():
    E = rng.normal(size=(700, 3))
    for strategy in ("k_center", "badge"):
        theirs = asked(Own(), strategy, fit={"embedding": E})
        same(asked(Embeds(), strategy, fit={"embedding": E}), theirs)
        assert set(asked(Embeds(), strategy)) != set(theirs)


@pytest.mark.parametrize("strategy", ["badge", "bait", "expected_model_change"])
def test_factors_of_a_method_are_those_of_a_linear_model(strategy):
    same(asked(Factors(), strategy), asked(LogisticRegression(), strategy))


def test_the_first_factor_is_the_estimators_own():
    class Flat(Factors):
        def gradient_factors(self, X):
            return np.ones((len(X), 1)), X

    view_of_badge = asked(Flat(), "badge")
    assert set(view_of_badge) != set(asked(Factors(), "badge"))


@pytest.mark.parametrize("strategy", ["std", "emcm", "upper_confidence_bound"])
def test_values_of_members_of_a_regressor(strategy):
    class Seeded(BaggingRegressor):
        def fit(self, X, y):
            self.random_state = 0
            return super().fit(X, y)

    theirs = asked(Seeded(Ridge(), 6), strategy, y=VALUES)
    same(asked(Numbers(), strategy, y=VALUES), theirs)


def test_return_std_comes_before_the_spread_of_samples():
    class Sure(Numbers):
        def predict(self, X, return_std=False):
            mean = self.inner_.predict(X)
            return (mean, np.abs(X[:, 3])) if return_std else mean

    learner = ActiveLearner(Sure(), "std", random_state=0).fit(X, VALUES)
    np.testing.assert_allclose(learner.scores()[60:], np.abs(X[60:, 3]))


def test_dropout_asks_for_so_many_passes_and_takes_their_mean():
    learner = ActiveLearner(Draws(), Dropout("entropy", n_passes=7), random_state=0).fit(X, Y)
    model = model_of(learner, [3]).with_dropout(7)
    proba, samples = (model.read(what, X)[what] for what in ("proba", "samples"))
    assert samples.shape == (7, 700, 3)
    np.testing.assert_allclose(proba, samples.mean(axis=0))
    same(model.read("prediction", X)["prediction"], samples.mean(axis=0).argmax(axis=1))
    passes = []

    class Counts(Draws):
        def predict_samples(self, X, n_passes):
            passes.append(n_passes)
            return super().predict_samples(X, n_passes)

    asked(Counts(), Dropout("margin", n_passes=7))
    asked(Counts(), "bald")
    assert set(passes) == {7, 20}


def test_a_decision_function_does_not_pass_for_the_mean_of_passes():
    class Decides(Draws):
        predict_proba = property()

        def decision_function(self, X):
            return self.inner_.decision_function(X)

    assert not hasattr(Decides(), "predict_proba")
    learner = ActiveLearner(Decides(), Dropout("margin"), random_state=0).fit(X, Y)
    same(learner.query(n_instances=12)[0], asked(Draws(), Dropout("margin")))
    with pytest.raises(ValueError, match="view.decision, which Decides cannot give"):
        asked(Decides(), Dropout(lambda view, n: view.with_dropout(3).decision))
    assert set(asked(Decides(), "margin")) != set(asked(Draws(), Dropout("margin")))


# Chance


def test_a_query_that_is_repeated_draws_the_same_and_leaves_the_generators_alone():
    learner = ActiveLearner(Draws(), "bald", random_state=0).fit(X, Y)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = learner.query(n_instances=9)[0], learner.query(n_instances=9)[0]
    same(first, again)
    same(before, np.random.get_state()[1])  # noqa: NPY002
    learner.teach(first, TRUTH[first])
    model = model_of(learner, [1]), model_of(learner, [2])
    one, other = (each.read("samples", X)["samples"] for each in model)
    assert not np.allclose(one, other)


def test_a_pass_is_one_model_for_all_chunks():
    model = model_of(ActiveLearner(Draws(), "bald", random_state=0).fit(X, Y), [5])
    parts = [model.read("samples", X[at : at + 100])["samples"] for at in range(0, 700, 100)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), model.read("samples", X)["samples"])


# As estimators are wrapped, and rows come


def test_methods_are_found_inside_pipelines_searches_and_frozen_estimators():
    scaler = StandardScaler().fit(X)
    fitted = Embeds().fit(scaler.transform(X)[:60], TRUTH[:60])
    E = fitted.embed(scaler.transform(X))
    pipe = make_pipeline(FrozenEstimator(scaler), Embeds())
    search = GridSearchCV(pipe, {"embeds__inner": [None]}, cv=3)
    frozen = make_pipeline(FrozenEstimator(scaler), FrozenEstimator(fitted))
    theirs = asked(make_pipeline(FrozenEstimator(scaler), Own()), "badge", fit={"embedding": E})
    for estimator in (pipe, search, frozen):
        same(asked(estimator, "badge"), theirs)


def test_a_wrapper_of_the_users_own_answers_for_what_is_inside():
    class Wrapper(Pipeline):
        def embed(self, X):  # of rows as they reach the Pipeline
            return X[:, :2] * 3

    pipe = Wrapper([("scale", StandardScaler()), ("model", Embeds())])
    plain = Pipeline([("scale", StandardScaler()), ("model", Own())])
    theirs = asked(plain, "k_center", fit={"embedding": X[:, :2] * 3})
    same(asked(pipe, "k_center"), theirs)


def test_rows_reach_a_wrapper_as_what_is_around_it_hands_them_on():
    class Wrapper(Pipeline):
        def embed(self, X):
            return X[:, :2] * 3

    inner = [("double", FunctionTransformer(np.square)), ("model", Own())]
    outer = make_pipeline(FunctionTransformer(np.tanh), Wrapper(inner))
    plain = make_pipeline(FunctionTransformer(np.tanh), Pipeline(inner))
    theirs = asked(plain, "k_center", fit={"embedding": np.tanh(X[:, :2]) * 3})
    same(asked(outer, "k_center"), theirs)


def test_a_method_that_an_estimator_hides_is_not_there():
    class Hides(Own):
        @available_if(lambda self: self.inner is not None)
        def embed(self, X):
            return X[:, :2]

    same(asked(Hides(), "k_center"), asked(Own(), "k_center"))
    shown = asked(Hides(LogisticRegression()), "k_center")
    same(shown, asked(Own(), "k_center", fit={"embedding": X[:, :2]}))


def test_frames_and_texts_reach_the_method_as_they_came():
    pandas = pytest.importorskip("pandas")
    kinds = []

    class OfFrames(Embeds):
        def embed(self, X):
            kinds.append(type(X))
            return np.tanh(X.to_numpy() @ self.inner_.coef_.T)

    frame = pandas.DataFrame(X, np.arange(700)[::-1], list("abcd"))
    same(asked(OfFrames(), "badge", frame), asked(Embeds(), "badge"))
    assert set(kinds) == {pandas.DataFrame}

    class OfTexts(Textless):
        def embed(self, X):
            kinds.append((type(X), type(X[0]), len(X)))
            return HashingVectorizer(n_features=16).transform(X)

    texts = [" ".join(rng.choice(["ash", "bay", "elm", "fig"], 5)) for _ in range(700)]
    E = HashingVectorizer(n_features=16).transform(texts)
    same(asked(OfTexts(), "badge", texts), asked(Textless(), "badge", texts, fit={"embedding": E}))
    assert {kind[:2] for kind in kinds[1:]} == {(list, str)}
    # What is made of a text, or of a file's name, is larger than the text: it gets few at a time.
    assert max(kind[2] for kind in kinds[1:]) <= MIN_CHUNK_ROWS


def test_columns_are_put_where_the_learners_classes_are():
    y = np.where(np.arange(700) < 60, NAMES[TRUTH], "")
    y[:60][TRUTH[:60] == 1] = "ash"  # "birch" is not seen yet
    learner = ActiveLearner(
        Members(), "bald", classes=[*NAMES, "elm"], missing_label="", random_state=0
    ).fit(X, y)
    samples = model_of(learner).read("samples", X)["samples"]
    members = learner.estimator_.predict_samples(X, 3)
    np.testing.assert_array_equal(samples[:, :, [0, 2]], members)
    assert samples.shape[2] == 4 and not samples[:, :, [1, 3]].any()
    assert len(learner.query(n_instances=5)[0]) == 5


def test_several_labels_have_vectors_and_factors_but_no_samples():
    several = np.where(np.arange(700)[:, None] < 60, (X[:, :3] > 0).astype(int), -1)

    class Several(Own):
        def made(self):
            return MultiOutputClassifier(LogisticRegression())

        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.classifier_tags.multi_label = True
            return tags

        def embed(self, X):
            return X[:, :2]

        def predict_samples(self, X, n_passes):
            raise AssertionError("not of several labels")

    class Plain(Several):
        embed = None

    theirs = asked(Plain(), "badge", y=several, fit={"embedding": X[:, :2]})
    same(asked(Several(), "badge", y=several), theirs)
    with pytest.raises(ValueError, match=r"view.samples, which no estimator gives for several"):
        asked(Several(), lambda view, n: view.samples, y=several)


def test_only_rows_that_are_looked_at_are_embedded():
    seen = []

    class Watched(Embeds):
        def embed(self, X):
            seen.append(len(X))
            return super().embed(X)

    asked(Watched(), Subpool("badge", size=50), n=5)
    assert sum(seen) <= 50 + 60


def test_votes_short_floats_and_tensors_are_taken():
    torch = pytest.importorskip("torch")

    class Votes(Members):
        def predict_samples(self, X, n_passes):
            samples = super().predict_samples(X, n_passes)
            return np.arange(3) == samples.argmax(axis=2)[:, :, None]

    class Short(Embeds):
        def embed(self, X):
            return torch.tensor(super().embed(X), dtype=torch.float16, requires_grad=True)

    same(asked(Votes(), "vote_entropy"), asked(Members(), "vote_entropy"))
    E = Embeds().fit(X[:60], TRUTH[:60]).embed(X).astype(np.float16)
    same(asked(Short(), "k_center"), asked(Own(), "k_center", fit={"embedding": E}))


def test_vectors_of_a_frozen_estimator_are_kept_for_the_next_query():
    seen = []

    class Watched(Embeds):
        def embed(self, X):
            seen.append(len(X))
            return super().embed(X)

    frozen = FrozenEstimator(Watched().fit(X[:60], TRUTH[:60]))
    learner = ActiveLearner(frozen, "badge", random_state=0).fit(X, Y)
    idx = learner.query(n_instances=5)[0]
    learner.teach(idx, TRUTH[idx]).query(n_instances=5)
    assert sum(seen) == 700


def test_a_net_of_ones_own_is_asked_by_its_methods_unless_a_layer_is_named():
    pytest.importorskip("skorch")
    from nets import MLP, SETTINGS, digits, nn
    from skorch import NeuralNetClassifier

    images, labels = digits(200)
    y = np.where(np.arange(200) < 60, labels, -1)
    W = rng.normal(size=(64, 5)).astype(np.float32)

    class Net(NeuralNetClassifier):
        def embed(self, X):
            return X.reshape(len(X), -1) @ W

        def predict_samples(self, X, n_passes):
            noise = np.random.normal(size=n_passes)  # noqa: NPY002
            logits = np.stack([(self.embed(X) @ W.T)[:, :10] * each for each in noise])
            proba = np.exp(logits - logits.max(axis=2, keepdims=True))
            return proba / proba.sum(axis=2, keepdims=True)

    def net(cls=Net):
        return cls(MLP, **(SETTINGS | {"criterion": nn.CrossEntropyLoss, "train_split": None}))

    how = {"X": images, "y": y, "classes": range(10), "n": 8}
    E = Net.embed(None, images)
    for strategy in ("k_center", "badge"):
        theirs = asked(net(NeuralNetClassifier), strategy, fit={"embedding": E}, **how)
        same(asked(net(), strategy, **how), theirs)
        named = asked(net(NeuralNetClassifier), strategy, embedding="body.0", **how)
        same(asked(net(), strategy, embedding="body.0", **how), named)
        assert set(named) != set(theirs)
    learner = ActiveLearner(net(), Dropout("bald", n_passes=5), classes=range(10), random_state=0)
    learner.fit(images, y)
    model = model_of(learner).with_dropout(5)
    proba, samples = (model.read(what, images)[what] for what in ("proba", "samples"))
    assert samples.shape == (5, 200, 10)
    np.testing.assert_allclose(proba, samples.mean(axis=0))
    assert len(learner.query(n_instances=3)[0]) == 3


# Refused in words


def test_what_is_missing_is_named_by_the_method_that_would_help():
    for strategy, call in [
        ("bald", r"or a method predict_samples\(X, n_passes\) of its own"),
        ("badge", r"or a method embed\(X\) or gradient_factors\(X\) of its own"),
    ]:
        with pytest.raises(ValueError, match=call):
            asked(Own(), strategy)
    with pytest.raises(ValueError, match=r"or a method embed\(X\) of its own"):
        asked(Textless(), "k_center", ["ash", "bay", "elm"] * 20, np.r_[TRUTH[:20], [-1] * 40])
    with pytest.raises(ValueError, match=r"voting\), or a net with dropout\.$"):
        asked(Numbers(), "bald", y=VALUES)  # which has the method, and is no classifier
    # scikit-learn's own classes are not told what they might bring.
    assert "of its own" not in refusal(LogisticRegression(), "samples")


def test_an_attribute_that_is_no_method_brings_nothing():
    class Module(Own):
        def fit(self, X, y):
            self.embed = lambda X: 1 / 0  # as a torch module called so
            return super().fit(X, y)

    same(asked(Module(), "k_center"), asked(Own(), "k_center"))
    assert refusal(Module(), "gradient") is None  # before the fit it cannot be told


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (lambda n, s: np.full((s, n), 0.5), r"shape \(20, 700\); give \(passes, rows, classes\)"),
        (lambda n, s: np.full((n, s, 3), 1 / 3), r"here \(20, 700, 3\)"),
        (lambda n, s: np.full((s, n, 2), 0.5), r"shape \(20, 700, 2\)"),
        (lambda n, s: np.full((1, n, 3), 1 / 3), "1 pass where 20 were asked for"),
        (lambda n, s: np.zeros((s, n, 3)), "with sum 0; probabilities are at least 0"),
        (lambda n, s: np.full((s, n, 3), [-1.0, 1, 1]), "probabilities are at least 0"),
        (lambda n, s: np.full((s, n, 3), np.nan), "probabilities are at least 0"),
        (lambda n, s: np.full((s, n, 3), "a"), "probabilities of dtype <U1; give numbers"),
        (lambda n, s: np.full((s, n, 3), 1j), "dtype complex128; give numbers"),
        (lambda n, s: np.ma.masked_all((s, n, 3)), "masked cells"),
        (lambda n, s: None, "dtype object; give numbers"),
    ],
)
def test_samples_that_are_none_are_refused(samples, words):
    with pytest.raises(ValueError, match=words):
        asked(Says(samples=samples), "bald")


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (lambda n: np.zeros(n), r"Says.embed gave vectors of shape \(700,\) for 700 rows"),
        (lambda n: np.zeros((n + 1, 2)), r"shape \(701, 2\) for 700 rows"),
        (lambda n: np.full((n, 2), np.inf), "NaN or infinity in row 0"),
        (lambda n: np.full((n, 2), "a"), "vectors of dtype <U1; give numbers"),
        (lambda n: np.zeros((n, 2), complex), "dtype complex128; give numbers"),
        (lambda n: np.ma.masked_all((n, 2)), "masked cells"),
        (lambda n: sparse.csr_matrix((n + 1, 2)), r"shape \(701, 2\)"),
    ],
)
def test_vectors_that_are_none_are_refused(vectors, words):
    with pytest.raises(ValueError, match=words):
        asked(Says(vectors=vectors), "k_center")


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        (lambda n: np.zeros((n, 2)), "gave a ndarray; give two arrays"),
        (lambda n: (np.zeros((n, 3)),) * 3, "gave a tuple; give two arrays"),
        (lambda n: (np.zeros(n), X), r"errors of shape \(700,\)"),
        (lambda n: (np.zeros((n, 3)), X[1:]), r"features of shape \(699, 4\)"),
        (lambda n: (np.zeros((n, 3)), X * np.nan), "features with NaN"),
        (lambda n: (sparse.csr_matrix((n, 3)), X), "write errors.toarray"),
    ],
)
def test_factors_that_are_none_are_refused(factors, words):
    with pytest.raises(ValueError, match=words):
        asked(Says(factors=factors), "badge")


def test_values_that_are_none_are_refused():
    class Wide(Numbers):
        def predict_samples(self, X, n_passes):
            return super().predict_samples(X, n_passes)[:, :, None]

    class Endless(Numbers):
        def predict_samples(self, X, n_passes):
            return super().predict_samples(X, n_passes) * np.inf

    with pytest.raises(ValueError, match=r"give \(passes, rows\), here \(20, 700\)"):
        asked(Wide(), "std", y=VALUES)
    with pytest.raises(ValueError, match="values with NaN or infinity in row 0"):
        asked(Endless(), "std", y=VALUES)
