"""Arrays from fitted estimators: whose columns are which classes, and what is refused."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import (
    BayesianRidge,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skactive import ActiveLearner
from skactive.learner.questions import adapt
from skactive.models import last_step, refusal

X, CODES = make_blobs(90, n_features=4, centers=3, cluster_std=4.0, random_state=0)
LABELS = {
    "codes": np.array([0, 1, 2]),
    "from 1": np.array([1, 2, 3]),
    "not in a row": np.array([-3, 0, 7]),
    "floats": np.array([1.0, 2.0, 4.0]),
    "booleans": np.array([False, True]),
    "text": np.array(["a", "b", "c"]),
}
every_kind_of_label = pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)


def fitted(estimator, labels=LABELS["codes"], rows=X):
    """An estimator fitted on the blobs with these labels, and its model."""
    y = np.asarray(labels)[CODES % len(labels)]
    return estimator, adapt(estimator.fit(rows, y), np.unique(y))


# Committees in scikit-learn

MEAN_IS_PROBA = {
    "forest": RandomForestClassifier(7, random_state=0),
    "extra trees": ExtraTreesClassifier(7, random_state=0),
    "bagging": BaggingClassifier(n_estimators=7, random_state=0),
    "bagging of some features": BaggingClassifier(
        GaussianNB(), n_estimators=7, max_features=0.5, bootstrap_features=True, random_state=0
    ),
    "bagging of few rows": BaggingClassifier(
        KNeighborsClassifier(1), n_estimators=9, max_samples=3, random_state=0
    ),
    "bagging of votes": BaggingClassifier(LinearSVC(), n_estimators=7, random_state=0),
    "bagging of votes of few rows": BaggingClassifier(
        Perceptron(), n_estimators=9, max_samples=4, random_state=3
    ),
    "soft voting": VotingClassifier(
        [("nb", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))], voting="soft"
    ),
}


@every_kind_of_label
@pytest.mark.parametrize("estimator", MEAN_IS_PROBA.values(), ids=MEAN_IS_PROBA)
def test_the_mean_of_the_members_is_what_the_ensemble_says(estimator, labels):
    ensemble, model = fitted(estimator, labels)
    samples = model.samples(X)
    assert samples.shape == (len(ensemble.estimators_), len(X), len(labels))
    assert samples.mean(axis=0) == pytest.approx(ensemble.predict_proba(X), abs=1e-12)
    assert samples.sum(axis=2) == pytest.approx(np.ones(samples.shape[:2]))


def test_members_that_miss_a_class_say_0_for_it():
    ensemble, model = fitted(MEAN_IS_PROBA["bagging of few rows"], LABELS["text"])
    seen = [np.asarray(member.classes_) for member in ensemble.estimators_]
    assert {len(classes) for classes in seen} == {2, 3}, "the case must occur for this to be a test"
    for classes, member in zip(seen, model.samples(X), strict=True):
        missing = np.setdiff1d(np.arange(3), classes)
        assert not member[:, missing].any()
        assert member[:, classes].sum(axis=1) == pytest.approx(np.ones(len(X)))


@pytest.mark.parametrize("random_state", range(12))
def test_a_class_that_all_members_miss_is_0_and_shifts_no_other(random_state):
    bagging = BaggingClassifier(
        KNeighborsClassifier(1), n_estimators=2, max_samples=1, random_state=random_state
    )
    ensemble, model = fitted(bagging, LABELS["from 1"])
    assert model.samples(X).mean(axis=0) == pytest.approx(ensemble.predict_proba(X))


@every_kind_of_label
def test_votes_stand_in_the_column_of_the_class_that_is_voted_for(labels):
    ensemble = VotingClassifier([("svc", LinearSVC()), ("perceptron", Perceptron())])
    ensemble, model = fitted(ensemble, labels)
    samples = model.samples(X)
    assert set(np.unique(samples)) == {0.0, 1.0}
    for votes, member in zip(samples, ensemble.estimators_, strict=True):
        expected = model.classes[member.predict(X)]  # members of voting predict codes
        assert (model.classes[votes.argmax(axis=1)] == expected).all()
        assert (votes.sum(axis=1) == 1).all()


def test_members_that_give_probabilities_and_members_that_vote_go_together():
    hard = VotingClassifier([("nb", GaussianNB()), ("svc", LinearSVC())], voting="hard")
    ensemble, model = fitted(hard, LABELS["from 1"])
    soft, votes = model.samples(X)
    assert soft == pytest.approx(ensemble.estimators_[0].predict_proba(X))
    assert (votes.argmax(axis=1) == ensemble.estimators_[1].predict(X)).all()


@every_kind_of_label
def test_members_of_adaboost_keep_their_labels(labels):
    boosted = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=5)
    ensemble, model = fitted(boosted, labels)
    for member, proba in zip(ensemble.estimators_, model.samples(X), strict=True):
        assert (member.classes_[proba.argmax(axis=1)] == member.predict(X)).all()
        assert proba == pytest.approx(member.predict_proba(X))


def test_a_forest_takes_any_matrix_of_numbers():
    _, model = fitted(MEAN_IS_PROBA["forest"])
    expected = model.samples(X)
    for rows in (sparse.csr_matrix(X), sparse.csc_matrix(X), X.tolist(), np.asfortranarray(X)):
        assert (model.samples(rows) == expected).all()


def test_pipelines_and_ensembles_may_be_members():
    forest = RandomForestClassifier(3, random_state=0)
    members = [("pipeline", make_pipeline(StandardScaler(), GaussianNB())), ("forest", forest)]
    ensemble, model = fitted(VotingClassifier(members, voting="soft"), LABELS["text"])
    assert len(model.samples(X)) == 2
    assert model.samples(X).mean(axis=0) == pytest.approx(ensemble.predict_proba(X))
    ensemble, model = fitted(BaggingClassifier(forest, n_estimators=4, random_state=0))
    assert len(model.samples(X)) == 4
    assert model.samples(X).mean(axis=0) == pytest.approx(ensemble.predict_proba(X))


def test_voting_of_pipelines_takes_texts():
    from sklearn.feature_extraction.text import CountVectorizer

    texts = ["good film", "bad film", "good", "bad bad", "film"]
    ensemble = VotingClassifier(
        [
            ("words", make_pipeline(CountVectorizer(), LogisticRegression())),
            ("pairs", make_pipeline(CountVectorizer(ngram_range=(1, 2)), LogisticRegression())),
        ]
    ).fit(texts, [1, 0, 1, 0, 1])
    samples = adapt(ensemble, np.array([0, 1])).samples(texts)
    for member, proba in zip(ensemble.estimators_, samples, strict=True):
        assert proba == pytest.approx(member.predict_proba(texts))


# Committees of third parties


class OwnEnsemble(ClassifierMixin, BaseEstimator):
    """Members fitted on the labels as they are, on codes, on other codes, or on residuals."""

    def __init__(self, members="labels", n_members=3):
        self.members = members
        self.n_members = n_members

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        target = {"labels": y, "codes": codes, "others": codes + 100, "residuals": codes - 0.5}
        kind = LinearRegression if self.members == "residuals" else GaussianNB
        self.estimators_ = [
            kind().fit(X[start::3], target[self.members][start::3])
            for start in range(self.n_members)
        ]
        return self

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]


@every_kind_of_label
@pytest.mark.parametrize("members", ["labels", "codes"])
def test_members_of_a_third_party_may_know_labels_or_codes(members, labels):
    ensemble, model = fitted(OwnEnsemble(members), labels)
    expected = [member.predict_proba(X) for member in ensemble.estimators_]
    assert model.samples(X) == pytest.approx(np.array(expected))


@every_kind_of_label
def test_members_of_a_third_party_may_each_miss_a_class(labels):
    class Blind(OwnEnsemble):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            unseen = [y != label for label in self.classes_]
            self.estimators_ = [DecisionTreeClassifier().fit(X[rows], y[rows]) for rows in unseen]
            return self

    ensemble, model = fitted(Blind(), labels)
    for position, (member, proba) in enumerate(
        zip(ensemble.estimators_, model.samples(X), strict=True)
    ):
        assert not proba[:, position].any()
        assert (ensemble.classes_[proba.argmax(axis=1)] == member.predict(X)).all()


def test_members_that_know_other_classes_than_their_ensemble_are_refused():
    _, model = fitted(OwnEnsemble("others"), LABELS["text"])
    sentence = (
        r"^the members of OwnEnsemble know the classes \[100, 101, 102\], the ensemble "
        r"\['a', 'b', 'c'\]; a committee's members must predict the same classes\.$"
    )
    with pytest.raises(ValueError, match=sentence):
        model.samples(X)


def test_members_that_are_no_classifiers_are_refused():
    with pytest.raises(ValueError, match="OwnEnsemble cannot give: it needs to be an ensemble of"):
        fitted(OwnEnsemble("residuals"))[1].samples(X)


@pytest.mark.parametrize(
    "estimator",
    [OwnEnsemble(n_members=1), RandomForestClassifier(1), BaggingClassifier(n_estimators=1)],
)
def test_one_member_is_no_committee(estimator):
    assert refusal(estimator, "samples") is None, "it cannot be told before it is fitted"
    with pytest.raises(ValueError, match="cannot give: it needs to be an ensemble of at least two"):
        fitted(estimator)[1].samples(X)


class OwnOneVsRest(OneVsRestClassifier):
    """What is made of no committee is none."""


@pytest.mark.parametrize(
    "estimator",
    [
        OneVsRestClassifier(LogisticRegression()),
        OneVsOneClassifier(LogisticRegression()),
        OwnOneVsRest(LogisticRegression()),
        GradientBoostingClassifier(n_estimators=3),
        HistGradientBoostingClassifier(max_iter=3),
        StackingClassifier([("nb", GaussianNB()), ("tree", DecisionTreeClassifier())]),
        LogisticRegression(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_what_is_no_committee_is_refused_before_and_after_it_is_fitted(estimator):
    name = type(estimator).__name__
    sentence = (
        f"view.samples, which {name} cannot give: it needs to be an ensemble of at least two "
        f"classifiers (a forest, bagging, voting), or a net with dropout."
    )
    assert refusal(estimator, "samples") == sentence
    model = fitted(estimator)[1]
    assert refusal(estimator, "samples") == sentence
    with pytest.raises(ValueError, match=r"^the strategy reads view.samples, which"):
        model.samples(X)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda forest: make_pipeline(StandardScaler(), forest),
        lambda forest: GridSearchCV(forest, {"max_depth": [3]}, cv=2),
        lambda forest: GridSearchCV(
            make_pipeline(StandardScaler(), forest), {"randomforestclassifier__max_depth": [3]}
        ),
        lambda forest: make_pipeline(StandardScaler(), GridSearchCV(forest, {"max_depth": [3]})),
        lambda forest: make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), forest)),
    ],
    ids=["pipeline", "search", "search over a pipeline", "search in a pipeline", "two pipelines"],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_the_members_are_found_inside(wrap, frozen):
    forest = RandomForestClassifier(4, random_state=0)
    estimator = wrap(forest)
    assert refusal(estimator, "samples") is None
    assert isinstance(last_step(estimator), RandomForestClassifier)
    _, model = fitted(estimator, LABELS["text"])
    if frozen:
        model = adapt(FrozenEstimator(estimator), model.classes)
        assert last_step(model.estimator) is last_step(estimator)
    assert model.samples(X).mean(axis=0) == pytest.approx(estimator.predict_proba(X))


def test_a_tuned_threshold_is_no_search():
    from sklearn.model_selection import TunedThresholdClassifierCV

    tuned = TunedThresholdClassifierCV(RandomForestClassifier(3))
    assert refusal(tuned, "samples") is not None
    assert refusal(tuned, "proba") is None


# Columns


def test_classes_that_were_not_seen_are_columns_of_0_in_their_place():
    y = np.array(["b", "d"])[CODES % 2]
    classes = np.array(["a", "b", "c", "d", "e"])
    forest = RandomForestClassifier(4, random_state=0).fit(X, y)
    model = adapt(forest, classes)
    assert (model.proba(X)[:, [1, 3]] == forest.predict_proba(X)).all()
    assert not model.proba(X)[:, [0, 2, 4]].any()
    assert not model.samples(X)[:, :, [0, 2, 4]].any()
    assert model.samples(X).mean(axis=0) == pytest.approx(model.proba(X))


def test_classes_come_in_the_learners_order_from_an_estimator_with_its_own():
    class Backwards(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)[::-1]
            return self

        def predict_proba(self, X):
            return np.tile([0.5, 0.3, 0.2], (len(X), 1))

    assert fitted(Backwards(), LABELS["text"])[1].proba(X)[0].tolist() == [0.2, 0.3, 0.5]


def test_codes_are_undone_in_probabilities_members_and_predictions():
    names = np.array(["x", "y", "z"])
    forest = RandomForestClassifier(4, random_state=0).fit(X, CODES)
    model = adapt(forest, np.array(["w", "x", "y", "z"]), coded=names)
    assert (model.prediction(X) == names[forest.predict(X)]).all()
    assert (model.proba(X)[:, 1:] == forest.predict_proba(X)).all()
    assert not model.proba(X)[:, 0].any() and not model.samples(X)[:, :, 0].any()


@pytest.mark.parametrize("coded", [None, np.array(["a", "b", "c"])])
def test_an_estimator_without_classes_is_taken_at_its_word(coded):
    class NoClasses(ClassifierMixin, BaseEstimator):
        def predict_proba(self, X):
            return np.tile([0.5, 0.3, 0.2], (len(X), 1))

    model = adapt(NoClasses(), np.array(["a", "b", "c"]), coded)
    assert model.proba(X)[0].tolist() == [0.5, 0.3, 0.2]


class Says(ClassifierMixin, BaseEstimator):
    """Says the same probabilities of every row."""

    def __init__(self, proba):
        self.proba = proba

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def predict_proba(self, X):
        return np.tile(np.asarray(self.proba, dtype=float), (len(X), 1))

    def decision_function(self, X):
        return self.predict_proba(X)


def test_probabilities_that_are_nan_are_refused_with_the_name_of_the_estimator():
    _, model = fitted(Says([0.5, np.nan, 0.5]))
    with pytest.raises(ValueError, match=r"^Says\.predict_proba gave NaN probabilities; every row"):
        model.proba(X)
    with pytest.raises(ValueError, match=r"^Says\.decision_function gave NaN values; every row"):
        model.decision(X)
    members = VotingClassifier([("a", Says([np.nan] * 3)), ("b", GaussianNB())], voting="soft")
    with pytest.raises(ValueError, match=r"^a member of VotingClassifier gave NaN probabilities"):
        fitted(members)[1].samples(X)


@pytest.mark.parametrize("proba", [[0.5, 0.5], [0.1, 0.2, 0.3, 0.4]])
def test_another_number_of_columns_than_of_classes_is_refused(proba):
    _, model = fitted(Says(proba))
    shape = rf"\(90, {len(proba)}\), but it has 3 classes; one column for each is needed"
    with pytest.raises(ValueError, match=rf"^Says\.predict_proba gave shape {shape}"):
        model.proba(X)


def test_through_the_learner_nan_probabilities_are_refused_and_nothing_changes():
    y = np.r_[CODES[:30], np.full(60, -1)]
    learner = ActiveLearner(Says([0.5, np.nan, 0.5]), "margin").fit(X, y)
    with pytest.raises(ValueError, match="gave NaN probabilities"):
        learner.query()
    assert learner.pool_.n_labeled == 30 and len(learner.pool_.history) == 1


# Decision functions


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "estimator",
    [LinearSVC(), RidgeClassifier(), Perceptron(), SVC()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_margin_is_served_by_decision_functions(estimator, n_classes):
    y = np.r_[CODES[:60] % n_classes, np.full(30, -1)]
    learner = ActiveLearner(estimator, "margin", random_state=0).fit(X, y)
    decision = learner.estimator_.decision_function(X)
    if n_classes == 2:
        expected = -np.abs(decision)
    else:
        ordered = np.sort(decision, axis=1)
        expected = ordered[:, -2] - ordered[:, -1]
    assert learner.scores()[60:] == pytest.approx(expected[60:])
    assert learner.query()[0][0] == 60 + expected[60:].argmax()


def test_margin_prefers_probabilities():
    y = np.r_[CODES[:60], np.full(30, -1)]
    learner = ActiveLearner(LogisticRegression(), "margin").fit(X, y)
    ordered = np.sort(learner.predict_proba(X), axis=1)
    assert learner.scores()[60:] == pytest.approx((ordered[:, -2] - ordered[:, -1])[60:])


@pytest.mark.parametrize(
    "wrap", [lambda svc: svc, lambda svc: make_pipeline(StandardScaler(), svc)]
)
def test_one_vs_one_decisions_are_refused_with_what_to_write(wrap):
    svc = wrap(SVC(decision_function_shape="ovo"))
    sentence = (
        "^Margin reads view.proba or view.decision, which SVC cannot give: it needs predict_proba "
        "or a decision_function with one column for each class; decision_function_shape='ovo' has "
        "one for each pair, write 'ovr'[.]$"
    )
    with pytest.raises(ValueError, match=sentence):
        ActiveLearner(svc, "margin").fit(X, CODES)


def test_decisions_may_be_infinite():
    model = fitted(Says([np.inf, -np.inf, 0.0]))[1]
    assert model.decision(X)[0].tolist() == [np.inf, -np.inf, 0.0]


# Regressors


@pytest.mark.parametrize(
    "estimator",
    [GaussianProcessRegressor(optimizer=None), BayesianRidge()],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize(
    "wrap", [lambda last: last, lambda last: make_pipeline(StandardScaler(), last)]
)
def test_std_is_return_std_where_there_is_one(estimator, wrap):
    target = X[:, 0] ** 2
    estimator = wrap(estimator).fit(X[:50], target[:50])
    mean, std = adapt(estimator).std(X)
    expected_mean, expected_std = estimator.predict(X, return_std=True)
    assert (mean == expected_mean).all() and (std == expected_std).all()


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestRegressor(5, random_state=0),
        ExtraTreesRegressor(5, random_state=0),
        BaggingRegressor(n_estimators=5, random_state=0),
        BaggingRegressor(Ridge(), n_estimators=5, max_features=0.5, random_state=0),
        VotingRegressor([("ridge", Ridge()), ("bayes", BayesianRidge())]),
        AdaBoostRegressor(n_estimators=5, random_state=0),
    ],
    ids=["forest", "extra trees", "bagging", "bagging of some features", "voting", "adaboost"],
)
def test_std_of_an_ensemble_is_that_of_its_members(estimator):
    estimator.fit(X[:50], X[:50, 0] ** 2)
    features = getattr(estimator, "estimators_features_", [slice(None)] * 9)
    values = [
        member.predict(X[:, columns])
        for member, columns in zip(estimator.estimators_, features, strict=False)
    ]
    mean, std = adapt(estimator).std(X)
    assert (mean == estimator.predict(X)).all()
    assert std == pytest.approx(np.std(values, axis=0), rel=1e-6)
    assert std.max() > 0


def test_std_of_a_third_partys_ensemble_is_that_of_its_members():
    class OwnRegressors(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.estimators_ = [Ridge(alpha).fit(X, y) for alpha in (0.1, 100.0)]
            return self

        def predict(self, X):
            return np.mean([member.predict(X) for member in self.estimators_], axis=0)

    y = np.r_[X[:50, 0] ** 2, np.full(40, np.nan)]
    learner = ActiveLearner(OwnRegressors(), "std").fit(X, y)
    one, other = (member.predict(X) for member in learner.estimator_.estimators_)
    assert learner.scores()[50:] == pytest.approx(np.abs(one - other)[50:] / 2)


@pytest.mark.parametrize(
    "estimator",
    [Ridge(), GradientBoostingRegressor(n_estimators=3), make_pipeline(StandardScaler(), Ridge())],
    ids=["ridge", "boosting", "pipeline"],
)
def test_std_is_refused_where_there_is_none(estimator):
    name = type(last_step(estimator)).__name__
    sentence = (
        rf"^Std reads view\.std, which {name} cannot give: it needs predict\(X, return_std=True\), "
        r"or to be an ensemble of at least two regressors, or a net with dropout\.$"
    )
    with pytest.raises(ValueError, match=sentence):
        ActiveLearner(estimator, "std").fit(X, X[:, 0])


def test_standard_deviations_that_are_nan_are_refused():
    class Unsure(RegressorMixin, BaseEstimator):
        def predict(self, X, return_std=False):
            return np.zeros(len(X)), np.full(len(X), np.nan)

    with pytest.raises(ValueError, match=r"^Unsure\.predict gave NaN standard deviations"):
        adapt(Unsure()).std(X)


# Embeddings


def test_the_embedding_is_what_the_last_step_sees():
    scaler = StandardScaler()
    _, model = fitted(make_pipeline(scaler, LogisticRegression()))
    assert (model.embedding(X) == scaler.transform(X)).all()
    assert (fitted(LogisticRegression())[1].embedding(X.tolist()) == X).all()
    images = X.reshape(-1, 2, 2)
    assert (adapt(LogisticRegression()).embedding(images) == X).all()
    matrix = sparse.csr_matrix(X)
    assert adapt(LogisticRegression()).embedding(matrix) is matrix


def test_an_embedding_of_texts_is_refused():
    with pytest.raises(ValueError, match=r"rows of str.* cannot give: it needs rows of numbers"):
        adapt(LogisticRegression()).embedding(["one text", "another"])


# Third-party estimators


@pytest.mark.parametrize("module", ["xgboost", "lightgbm"])
def test_boosting_libraries_take_text_and_classes_that_come_later(module):
    library = pytest.importorskip(module)
    if module == "xgboost":
        estimator = library.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1)
    else:
        estimator = library.LGBMClassifier(
            n_estimators=5, min_child_samples=2, n_jobs=1, verbose=-1
        )
    names = np.array(["blue", "green", "red"])
    truth = names[CODES]
    y = np.where((np.arange(90) < 40) & (truth != "green"), truth, None)
    learner = ActiveLearner(estimator, "margin", classes=names, random_state=0).fit(X, y)
    assert learner.estimator_.classes_.tolist() == [0, 1]
    assert not learner.predict_proba(X)[:, 1].any()
    assert set(learner.predict(X)) == {"blue", "red"}
    ordered = np.sort(learner.estimator_.predict_proba(X), axis=1)
    scores = learner.scores()
    candidates = ~np.isnan(scores)
    assert scores[candidates] == pytest.approx((ordered[:, 0] - ordered[:, 1])[candidates])

    greens = np.flatnonzero(truth == "green")[:15]
    learner.teach(greens, truth[greens])
    assert learner.classes_.tolist() == names.tolist()
    assert learner.predict_proba(X) == pytest.approx(learner.estimator_.predict_proba(X))
    assert (learner.predict(greens_rows := X[greens]) == "green").mean() > 0.5
    assert learner.score(greens_rows, truth[greens]) > 0.5


@pytest.mark.parametrize("module", ["xgboost", "lightgbm"])
def test_boosting_libraries_regress_and_are_asked_at_random(module):
    library = pytest.importorskip(module)
    if module == "xgboost":
        estimator = library.XGBRegressor(n_estimators=3, n_jobs=1)
    else:
        estimator = library.LGBMRegressor(n_estimators=3, min_child_samples=2, n_jobs=1, verbose=-1)
    y = np.r_[X[:40, 0], np.full(50, np.nan)]
    learner = ActiveLearner(estimator, random_state=0).fit(X, y)
    assert type(learner.strategy_).__name__ == "Random"
    assert learner.query(n_instances=60)[0].size == 50
    with pytest.raises(ValueError, match=r"^Std reads view\.std, which"):
        ActiveLearner(estimator, "std").fit(X, y)


def test_a_skorch_net_takes_text_and_has_an_output_for_every_class():
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 3)

        def forward(self, rows):
            return torch.softmax(self.linear(rows), dim=1)

    names = np.array(["blue", "green", "red"])
    y = np.where((np.arange(90) < 40) & (CODES != 1), names[CODES], None)
    net = skorch.NeuralNetClassifier(Net, max_epochs=2, train_split=None, verbose=0)
    learner = ActiveLearner(net, "entropy", classes=names, random_state=0)
    learner.fit(X.astype(np.float32), y)
    proba = learner.predict_proba(X.astype(np.float32))
    assert proba == pytest.approx(learner.estimator_.predict_proba(X.astype(np.float32)))
    assert (proba[:, 1] > 0).all()
    assert (learner.predict(X.astype(np.float32)) == names[proba.argmax(axis=1)]).all()
    idx, _ = learner.query(n_instances=3)
    assert learner.teach(idx, names[CODES[idx]]).pool_.y[idx].tolist() == names[CODES[idx]].tolist()


# Pipelines with a sampler, and predictions in a column


class FirstRows(BaseEstimator):
    """A sampler in the manner of imbalanced-learn: fits see the first rows alone."""

    def fit_resample(self, X, y):
        return X[:12], y[:12]


class SamplingPipeline(Pipeline):
    """imbalanced-learn's own, in short: samplers act in fit, and are passed by elsewhere."""

    def fit(self, X, y):
        for _, step in self.steps[:-1]:
            if hasattr(step, "fit_resample"):
                X, y = step.fit_resample(X, y)
            else:
                X = step.fit_transform(X, y)
        self.steps[-1][1].fit(X, y)
        return self

    def predict_proba(self, X):
        for _, step in self.steps[:-1]:
            X = step.transform(X) if hasattr(step, "transform") else X
        return self.steps[-1][1].predict_proba(X)


@pytest.mark.parametrize("at", [0, 1])
def test_a_sampler_in_a_pipeline_is_passed_by_in_queries(at):
    rows = np.random.default_rng(0).normal(size=(40, 3)) * [1, 5, 9]
    y = np.where(np.arange(40) < 20, rows[:, 0] > 0, -1)
    steps = [("scale", StandardScaler()), ("forest", RandomForestClassifier(5, random_state=0))]
    plain = Pipeline([(name, clone(step)) for name, step in steps]).fit(rows[:12], y[:12])
    steps.insert(at, ("sample", FirstRows()))
    if at == 1:
        plain[0].fit(rows[:20])
        plain[1].fit(plain[0].transform(rows[:12]), y[:12])
    learner = ActiveLearner(SamplingPipeline(steps), "bald", random_state=0).fit(rows, y)
    own, expected = adapt(learner.estimator_, learner.classes_), adapt(plain, learner.classes_)
    for what in ("proba", "samples", "embedding"):
        np.testing.assert_array_equal(own.read(what, rows)[what], expected.read(what, rows)[what])
    for strategy in ("bald", "k_center"):
        learner.set_params(strategy=strategy).refit()
        assert len(learner.query(n_instances=3)[0]) == 3


class Column(LogisticRegression):
    """Predicts a column, as CatBoost does for several classes."""

    def predict(self, X):
        return super().predict(X)[:, None]


@pytest.mark.parametrize("encode", [False, True])
def test_a_column_of_predictions_is_a_vector(encode):
    X, codes = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[codes]
    y = np.where(np.arange(150) % 5 == 0, names, None)
    plain = ActiveLearner(LogisticRegression(max_iter=500), encode_labels=encode).fit(X, y)
    learner = ActiveLearner(Column(max_iter=500), encode_labels=encode).fit(X, y)
    expected = plain.predict(X)
    assert set(expected) == {"a", "b", "c"}
    np.testing.assert_array_equal(learner.predict(X), expected)
    model = adapt(learner.estimator_, learner.classes_, learner._fitted.codes)
    np.testing.assert_array_equal(model.prediction(X), expected)
    assert learner.score(X, names) == plain.score(X, names)


def test_a_committee_of_columns_votes_as_one_of_vectors():
    class Votes(Column):
        @property
        def predict_proba(self):
            raise AttributeError("it only votes")

    X, y = load_iris(return_X_y=True)
    members = [("low", Votes(C=0.01)), ("high", Votes(C=10.0, max_iter=500))]
    voting = VotingClassifier(members).fit(X[::3], y[::3])
    samples = adapt(voting, np.arange(3)).samples(X)
    for each, member in zip(samples, voting.estimators_, strict=True):
        np.testing.assert_array_equal(each, np.eye(3)[member.predict(X)[:, 0]])


def test_regressors_that_predict_columns_have_a_spread():
    class Column(Ridge):
        def predict(self, X):
            return super().predict(X)[:, None]

    X = np.random.default_rng(0).normal(size=(20, 2))
    bagging = BaggingRegressor(Column(), n_estimators=4, random_state=0)
    y = X[:, 0] + np.arange(20) % 3
    bagging.fit(X, y)
    values = np.stack([each.predict(X)[:, 0] for each in bagging.estimators_])
    mean, std = adapt(bagging).std(X)
    assert mean.shape == (20,)
    np.testing.assert_allclose(mean, values.mean(axis=0))
    np.testing.assert_allclose(std, values.std(axis=0))
