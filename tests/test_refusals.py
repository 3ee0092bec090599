"""What the learner refuses: with which words, and that nothing has changed afterwards."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from snapshot import unchanged

from skactive import ActiveLearner, Pool, Strategy
from skactive.learner.fit_params import FitParams
from skactive.strategies import Margin, Subpool, VoteEntropy

pd = pytest.importorskip("pandas")

X, TRUTH = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
Y = np.where(np.arange(150) % 10 == 0, TRUTH, -1)
X.flags.writeable = TRUTH.flags.writeable = Y.flags.writeable = False
OUTSIDE = X.copy()  # the same rows, but not those of the pool


class NoPredict(BaseEstimator):
    """Learns and says nothing."""

    def fit(self, X, y):
        return self


class NoFit(BaseEstimator):
    """Says something without having learned."""

    def predict(self, X):
        return np.zeros(len(X))


class NoParams:
    """Is no estimator of scikit-learn's."""

    fit = predict = None

    def __repr__(self):
        return "NoParams()"


class NanProba(ClassifierMixin, BaseEstimator):
    """Knows a probability for every row but those whose first value is large."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        proba = np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
        proba[np.asarray(X)[:, 0] > 1] = np.nan
        return proba

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]


class Stubborn(ClassifierMixin, BaseEstimator):
    """Refuses to learn two of what its parameter names, after having spoilt itself."""

    error = RuntimeError("not this one")

    def __init__(self, refuses=None, warm_start=False):
        self.refuses = refuses
        self.warm_start = warm_start

    def fit(self, X, y, classes=None):
        self.n_seen_ = getattr(self, "n_seen_", 0) + len(y)
        self.classes_ = np.unique(y) if classes is None else classes
        if np.sum(y == self.refuses) > 1:
            raise self.error
        self.answer_ = y[0]
        return self

    partial_fit = fit

    def predict(self, X):
        return np.repeat(self.answer_, len(X))


def learner_of(estimator=None, strategy="margin", **options):
    """A learner on a tenth of iris, as a base for refusals."""
    estimator = LogisticRegression() if estimator is None else estimator
    return ActiveLearner(estimator, strategy, random_state=0, **options).fit(X, Y)


def refused(error, text, learner, call, *args, **kwargs):
    """Hold that a call raises exactly this, and leaves the learner as it was."""
    with unchanged(learner), pytest.raises(error) as info:
        call(*args, **kwargs)
    assert type(info.value) is error
    assert str(info.value) == text


# fit: the parameters of the learner

CANNOT_BEGIN = [
    (
        {"estimator": NoPredict()},
        TypeError,
        "estimator is NoPredict(), which has no predict; give a classifier or a regressor, or a "
        "Pipeline that ends in one.",
    ),
    (
        {"estimator": NoFit()},
        TypeError,
        "estimator is NoFit(), which has no fit; give a classifier or a regressor, or a Pipeline "
        "that ends in one.",
    ),
    (
        {"estimator": NoParams()},
        TypeError,
        "estimator is NoParams(), which has no get_params; give a classifier or a regressor, or a "
        "Pipeline that ends in one.",
    ),
    (
        {"estimator": StandardScaler()},
        TypeError,
        "estimator is StandardScaler(), which has no predict; give a classifier or a regressor, "
        "or a Pipeline that ends in one.",
    ),
    (
        {"estimator": LogisticRegression},
        TypeError,
        "estimator is the class LogisticRegression; write LogisticRegression(), an instance.",
    ),
    (
        {"estimator": SVC(kernel="precomputed")},
        ValueError,
        "SVC as given takes a precomputed matrix of each row against each other, from which rows "
        "cannot be taken; let it compute that from the rows.",
    ),
    (
        {
            "estimator": GridSearchCV(
                KNeighborsClassifier(metric="precomputed"), {"n_neighbors": [1]}
            )
        },
        ValueError,
        "GridSearchCV as given takes a precomputed matrix of each row against each other, from "
        "which rows cannot be taken; let it compute that from the rows.",
    ),
    (
        {"strategy": "margn"},
        ValueError,
        "unknown strategy 'margn'; did you mean 'margin' or 'max_margin'?",
    ),
    (
        {"strategy": "max_disagrement"},
        ValueError,
        "unknown strategy 'max_disagrement'; did you mean 'max_disagreement'?",
    ),
    (
        {"strategy": Margin},
        TypeError,
        "strategy is the class Margin; write Margin(), an instance.",
    ),
    (
        {"strategy": None},
        TypeError,
        "strategy is None; give a name (see get_strategy_names()), a Strategy or a callable "
        "(view, n) -> positions.",
    ),
    (
        {"estimator": Perceptron(), "strategy": "entropy"},
        ValueError,
        "Entropy reads view.proba, which Perceptron cannot give: it needs predict_proba.",
    ),
    (
        {"strategy": VoteEntropy()},
        ValueError,
        "VoteEntropy reads view.samples, which LogisticRegression cannot give: it needs to be an "
        "ensemble of at least two classifiers (a forest, bagging, voting), or a net with dropout.",
    ),
    (
        {"estimator": make_pipeline(StandardScaler(), Ridge()), "strategy": "std"},
        ValueError,
        "Std reads view.std, which Ridge cannot give: it needs predict(X, return_std=True), or to "
        "be an ensemble of at least two regressors, or a net with dropout.",
    ),
    (
        {"estimator": SVC(decision_function_shape="ovo"), "strategy": "margin"},
        ValueError,
        "Margin reads view.proba or view.decision, which SVC cannot give: it needs predict_proba "
        "or a decision_function with one column for each class; decision_function_shape='ovo' has "
        "one for each pair, write 'ovr'.",
    ),
    (
        {"strategy": Subpool(Margin(), size=9), "estimator": KNeighborsClassifier(), "update": "x"},
        ValueError,
        "update is 'x'; give one of 'refit', 'warm_start', 'partial_fit'.",
    ),
    (
        {"estimator": RandomForestClassifier(), "update": "warm_start"},
        ValueError,
        "update='warm_start', but RandomForestClassifier would keep its old members; write "
        "'refit'.",
    ),
    (
        {"estimator": BaggingClassifier(), "update": "warm_start"},
        ValueError,
        "update='warm_start', but BaggingClassifier would keep its old members; write 'refit'.",
    ),
    (
        {"estimator": GradientBoostingClassifier(), "update": "warm_start"},
        ValueError,
        "update='warm_start', but GradientBoostingClassifier would keep its old members; write "
        "'refit'.",
    ),
    (
        {"estimator": HistGradientBoostingClassifier(), "update": "warm_start"},
        ValueError,
        "update='warm_start', but HistGradientBoostingClassifier would keep its old members; "
        "write 'refit'.",
    ),
    (
        {"estimator": KNeighborsClassifier(), "update": "warm_start"},
        ValueError,
        "update='warm_start', but KNeighborsClassifier has no parameter warm_start; write 'refit'.",
    ),
    (
        {"update": "partial_fit"},
        ValueError,
        "update='partial_fit', but LogisticRegression has no partial_fit; write 'refit'.",
    ),
    (
        {"estimator": SGDClassifier(), "update": "partial_fit", "fit_unlabeled": True},
        ValueError,
        "update='partial_fit' learns what is newly taught, fit_unlabeled=True the whole pool; "
        "write update='refit'.",
    ),
    (
        {"cold_start": "margin"},
        ValueError,
        "cold_start='margin' reads view.proba, but at a cold start no estimator is fitted; give "
        "one that reads X alone, such as 'random' or 'typiclust'.",
    ),
    (
        {"cold_start": Margin()},
        ValueError,
        "cold_start=Margin() reads view.proba, but at a cold start no estimator is fitted; give "
        "one that reads X alone, such as 'random' or 'typiclust'.",
    ),
    (
        {"classes": [0, 1]},
        ValueError,
        "y holds 2 in row 100, which classes= does not name; the classes are [0, 1].",
    ),
    (
        {"classes": [-1, 0, 1, 2]},
        ValueError,
        "classes= names -1, which stands for no label; leave it out, or give another "
        "missing_label if it is a class.",
    ),
    (
        {"encode_labels": "yes"},
        ValueError,
        "encode_labels is 'yes'; give True, False or 'auto'.",
    ),
    (
        {"missing_label": [0]},
        TypeError,
        'missing_label is [0] of type list; write "auto", None, or one integer, float or text.',
    ),
]


@pytest.mark.parametrize(("params", "error", "text"), CANNOT_BEGIN)
def test_fit_refuses_parameters(params, error, text):
    params = {"estimator": LogisticRegression(), **params}
    fresh = ActiveLearner(**params)
    refused(error, text, fresh, fresh.fit, X, Y)
    fitted = learner_of().set_params(**params)
    refused(error, text, fitted, fitted.fit, X, Y)


@pytest.mark.parametrize(
    ("params", "error", "text"), [case for case in CANNOT_BEGIN if "missing_label" not in case[0]]
)
def test_refit_refuses_the_parameters_that_fit_refuses(params, error, text):
    learner = learner_of().set_params(**params)
    refused(error, text, learner, learner.refit)


def test_an_unknown_name_unlike_any_is_answered_with_where_names_are_listed():
    learner = ActiveLearner(LogisticRegression(), "zzz")
    with unchanged(learner), pytest.raises(ValueError, match=r"get_strategy_names\(\) lists"):
        learner.fit(X, Y)


def test_a_strategy_that_only_the_fitted_estimator_cannot_serve_is_refused_at_the_first_fit():
    class Lazy(LogisticRegression):
        """Looks like an ensemble until it is fitted."""

        n_estimators = 2

    learner, pool = ActiveLearner(Lazy(), "bald"), Pool(X, Y)
    text = (
        "BALD reads view.samples, which Lazy cannot give: it needs to be an ensemble of at least "
        "two classifiers (a forest, bagging, voting), or a net with dropout."
    )
    refused(ValueError, text, learner, learner.fit, X, Y)
    with unchanged(pool):
        refused(ValueError, text, learner, learner.fit, pool)


def test_a_random_state_that_is_none_is_refused():
    learner = ActiveLearner(LogisticRegression(), random_state="lucky")
    text = "'lucky' cannot be used to seed a numpy.random.RandomState instance"
    refused(ValueError, text, learner, learner.fit, X, Y)


# fit: the data


@pytest.mark.parametrize(
    ("rows", "y", "error", "text"),
    [
        (X, Y[:-1], ValueError, "the pool got 149 labels for 150 rows; give one for each row."),
        (
            X,
            np.full(150, np.nan),
            ValueError,
            "y is NaN throughout; for a pool without labels write y=None.",
        ),
        (
            X,
            Y.astype(str),
            ValueError,
            'y holds the text "-1" in row 1; unlabelled rows are the number -1 or None, in a list '
            'or an object array; if "-1" is a class, name it in classes=.',
        ),
        (X[:0], [], ValueError, "X has no rows; give at least one."),
        (
            sp.coo_matrix(X),
            Y,
            TypeError,
            "the pool got a sparse matrix in coo format, which has no quick way to a row; write "
            "X.tocsr().",
        ),
        (
            X,
            ["a", 1] * 75,
            ValueError,
            "y mixes text with numbers ('a' in row 0, 1 in row 1); write labels of one kind, and "
            "None where there is none.",
        ),
        (
            X,
            np.stack([Y, Y], 1),
            ValueError,
            "y has shape (150, 2); write one label per row, of shape (n,); where a row has "
            "several, 0 or 1 for each in columns, or a set of them, in a Pool(X, y, "
            "multilabel=True).",
        ),
        (
            pd.DataFrame(X, index=range(150)),
            pd.Series(Y, index=range(149, -1, -1)),
            ValueError,
            "the pool got labels in another order than the rows, by the index of y; write "
            "y.loc[rows.index], or y.to_numpy() if they are in the right order as they stand.",
        ),
        (
            Pool(X, Y),
            Y,
            ValueError,
            "fit got a Pool and y; the pool has its labels, write fit(pool).",
        ),
        (
            Pool(X, Y, missing_label=None),
            None,
            ValueError,
            "the pool's missing label is None, the learner's is -1; give both the same "
            "missing_label.",
        ),
    ],
)
def test_fit_refuses_data(rows, y, error, text):
    for learner in (ActiveLearner(LogisticRegression()), learner_of()):
        refused(error, text, learner, learner.fit, rows, y)


def test_a_float_y_that_is_all_nan_is_refused_for_regressors_too():
    learner = ActiveLearner(Ridge())
    text = "y is NaN throughout; for a pool without labels write y=None."
    refused(ValueError, text, learner, learner.fit, X, np.full(150, np.nan))


def test_a_pool_with_labels_outside_the_learners_classes_is_refused_and_kept():
    learner, pool = ActiveLearner(LogisticRegression(), classes=[0, 1]), Pool(X, Y)
    text = "y holds 2 in row 100, which classes= does not name; the classes are [0, 1]."
    with unchanged(pool):
        refused(ValueError, text, learner, learner.fit, pool)


# before fit, and after without_pool


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("query", ()),
        ("query", (X,)),
        ("teach", ([1], [1])),
        ("scores", ()),
        ("refit", ()),
        ("extend", (X,)),
    ],
)
def test_nothing_comes_before_fit(name, args):
    learner = ActiveLearner(LogisticRegression())
    text = f"{name} came before fit; call fit(X, y) first."
    refused(NotFittedError, text, learner, getattr(learner, name), *args)


@pytest.mark.parametrize(
    ("name", "args"),
    [("predict", (X,)), ("predict_proba", (X,)), ("score", (X, Y)), ("without_pool", ())],
)
def test_nothing_is_predicted_before_fit(name, args):
    learner = ActiveLearner(LogisticRegression())
    text = "this ActiveLearner is not fitted yet; call fit(X, y) first."
    refused(NotFittedError, text, learner, getattr(learner, name), *args)


def test_a_learner_that_waits_for_labels_is_not_deployed():
    learner = ActiveLearner(LogisticRegression()).fit(X)
    text = (
        "this ActiveLearner cannot predict yet: no row is labelled yet; teach some of those that "
        "query proposes."
    )
    refused(NotFittedError, text, learner, learner.without_pool)
    refused(NotFittedError, text, learner, learner.predict, X)


# query


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "text"),
    [
        ((50,), {}, ValueError, "query got 50 for X; write query(n_instances=50)."),
        ((np.int64(5),), {}, ValueError, "query got 5 for X; write query(n_instances=5)."),
        *(
            (
                (),
                {"n_instances": n},
                ValueError,
                f"query got n_instances={n!r}; give a whole number of at least 1.",
            )
            for n in (0, -1, 2.0, True, "3", np.float64(2), [1])
        ),
        ((X[:0],), {}, ValueError, "query got X without rows; give at least one."),
        ((X,), {}, ValueError, "query got the pool itself; write query(n_instances=...)."),
        ((X[:, :3],), {}, ValueError, "query: X has 3 columns, the pool has 4."),
        (
            (X[0],),
            {},
            ValueError,
            "query: X has 1 dimension, the pool has 2; for a single row i write X[[i]].",
        ),
        (
            (pd.DataFrame(X),),
            {},
            ValueError,
            "query: X is a pandas DataFrame, the pool is an array; write X.to_numpy().",
        ),
        (
            (sp.coo_matrix(X),),
            {},
            TypeError,
            "query got a sparse matrix in coo format, which has no quick way to a row; write "
            "X.tocsr().",
        ),
        (
            (),
            {"subset": [True, False]},
            ValueError,
            "subset is a mask of shape (2,) for 150 rows; give one entry for each.",
        ),
        (
            (OUTSIDE[:3],),
            {"subset": np.ones(150, dtype=bool)},
            ValueError,
            "subset is a mask of shape (150,) for 3 rows; give one entry for each.",
        ),
        ((), {"subset": [150]}, ValueError, "subset got row number 150; row numbers are 0 to 149."),
        ((), {"subset": [-1]}, ValueError, "subset got row number -1; row numbers are 0 to 149."),
        (
            (),
            {"subset": {3, 4}},
            ValueError,
            "subset got a set for row numbers; write integers in one dimension.",
        ),
        (
            (),
            {"subset": [3, 4, 3]},
            ValueError,
            "subset got index 3 twice (positions 0 and 2); give each row once.",
        ),
        (
            (),
            {"subset": [0.5]},
            ValueError,
            "subset got floats for row numbers; write idx.astype(int) if they are whole.",
        ),
        *(
            (
                (),
                {"subset": names},
                ValueError,
                "subset got the text 'id30'; give row numbers, or a mask with an entry for each "
                "row, as numpy.isin(names_of_rows, subset) makes of names.",
            )
            for names in (["id30"], np.array(["id30", "id4"]), pd.Index(["id30"]))
        ),
    ],
)
def test_query_refuses(args, kwargs, error, text):
    learner = learner_of()
    learner.query(OUTSIDE)
    refused(error, text, learner, learner.query, *args, **kwargs)
    learner.query()
    refused(error, text, learner, learner.query, *args, **kwargs)


def test_a_pool_that_never_had_an_unlabelled_row_is_not_asked():
    learner = ActiveLearner(LogisticRegression()).fit(X, TRUTH)
    text = (
        "no row of the pool was ever without a label; write query(X_pool, n_instances=...) to "
        "choose among other rows."
    )
    refused(ValueError, text, learner, learner.query)
    refused(ValueError, text, learner, learner.scores)
    learner.query(OUTSIDE, 3)
    learner.teach(OUTSIDE[:3], [0, 0, -1])
    refused(ValueError, text, learner, learner.query, n_instances=3)


@pytest.mark.parametrize(
    "ask", [lambda learner: learner.scores(), lambda learner: learner.query(return_scores=True)]
)
@pytest.mark.parametrize(
    ("strategy", "name"),
    [(Subpool("margin"), "Subpool"), (lambda view, n: view.candidates[:n], "FunctionStrategy")],
)
def test_a_strategy_that_chooses_jointly_has_no_scores(ask, strategy, name):
    learner = learner_of(strategy=strategy)
    text = (
        f"{name} chooses rows jointly and scores none alone; write query(n_instances=...) "
        f"without scores."
    )
    refused(ValueError, text, learner, ask, learner)


def test_probabilities_that_are_nan_are_refused():
    learner = learner_of(NanProba())
    text = "NanProba.predict_proba gave NaN probabilities; every row needs a number."
    refused(ValueError, text, learner, learner.query)
    refused(ValueError, text, learner, learner.scores)
    refused(ValueError, text, learner, learner.query, OUTSIDE, 3)


def test_a_score_that_is_nan_is_refused_only_for_a_candidate():
    class Broken(Strategy):
        def score(self, view):
            return np.where(np.asarray(view.X)[:, 0] > 1, np.nan, 0.0)

    learner = learner_of(strategy=Broken())
    text = "Broken.score gave NaN for a candidate; every candidate needs a number."
    refused(ValueError, text, learner, learner.query)
    elsewhere = learner_of(LogisticRegression(), Broken())
    elsewhere.pool_.skip(np.intersect1d(elsewhere.pool_.unlabeled, np.flatnonzero(X[:, 0] > 1)))
    assert elsewhere.query()[0].shape == (1,)


def too_few(view, n):
    return view.candidates[: n - 1]


def twice(view, n):
    return view.candidates[[0] * n]


def no_candidate(view, n):
    return np.flatnonzero(~view.mask)[:n]


def beyond(view, n):
    return np.arange(n) + len(view)


def floats(view, n):
    return view.candidates[:n] * 1.0


def from_the_end(view, n):
    return -np.arange(1, n + 1)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (
            too_few,
            "too_few was asked for 3 positions and gave an array of shape (2,) and dtype int64; "
            "it must give 3 integers.",
        ),
        (twice, "twice chose a position twice; give distinct positions."),
        (
            no_candidate,
            "no_candidate chose position 0, which is no candidate; choose among view.candidates.",
        ),
        (beyond, "beyond chose position 150, which is no candidate; choose among view.candidates."),
        (
            from_the_end,
            "from_the_end chose position -1, which is no candidate; choose among view.candidates.",
        ),
        (
            floats,
            "floats was asked for 3 positions and gave an array of shape (3,) and dtype float64; "
            "it must give 3 integers.",
        ),
    ],
)
@pytest.mark.parametrize("cold", [False, True])
def test_a_function_that_breaks_its_contract_is_refused(function, text, cold):
    learner = ActiveLearner(LogisticRegression(), function, cold_start=function)
    learner.fit(X, None if cold else Y)
    learner.pool_.skip([i for i in (0, 1, 2) if i in learner.pool_.unlabeled])
    refused(ValueError, text, learner, learner.query, n_instances=3)


def test_a_cold_start_that_reads_a_model_without_saying_so_is_refused_when_it_does():
    class Sly(Strategy):
        def score(self, view):
            return view.proba[:, 0]

    learner = ActiveLearner(LogisticRegression(), cold_start=Sly()).fit(X)
    text = (
        "the strategy reads view.proba, but no estimator is fitted yet; a cold start can read "
        "view.X and view.embedding only."
    )
    refused(ValueError, text, learner, learner.query)


# teach

NOT_ROW_NUMBERS = [
    ([1, 5, 1], "teach got index 1 twice (positions 0 and 2); give each row once."),
    ([1, -1, 2], "teach got row number -1; row numbers are 0 to 149."),
    ([1, 150, 2], "teach got row number 150; row numbers are 0 to 149."),
    (np.arange(3.0), "teach got floats for row numbers; write idx.astype(int) if they are whole."),
    ([1.0, 2.0, 3.0], "teach got floats for row numbers; write idx.astype(int) if they are whole."),
    ([True, False, True], "teach got booleans for row numbers; write np.flatnonzero(mask)."),
    (np.array([True] * 3), "teach got booleans for row numbers; write np.flatnonzero(mask)."),
]


@pytest.mark.parametrize(("numbers", "text"), NOT_ROW_NUMBERS)
def test_row_numbers_are_distinct_integers_of_the_pool(numbers, text):
    learner = learner_of()
    refused(ValueError, text, learner, learner.teach, numbers, [0, 0, 0])
    if isinstance(numbers, np.ndarray) and numbers.dtype == bool:
        refused(ValueError, text, learner, learner.teach, Y > 0, [0] * 150)


@pytest.mark.parametrize("scalar", [1.0, True, np.float64(2), np.bool_(True)])
def test_a_single_row_number_is_an_integer_too(scalar):
    learner = learner_of()
    with (
        unchanged(learner),
        pytest.raises(ValueError, match="^teach got (floats|booleans) for row"),
    ):
        learner.teach(scalar, 0)


@pytest.mark.parametrize(
    ("y", "kwargs", "text"),
    [
        ([0, 0], {}, "teach got 2 labels for 3 rows; give one for each row."),
        (
            [0, "a", 0],
            {},
            "y mixes text with numbers ('a' in row 2, 0 in row 1); write labels of one kind, "
            "and None where there is none.",
        ),
        (
            [0, 9, 0],
            {},
            "y holds 9 in row 2, which classes= does not name; the classes are [0, 1, 2].",
        ),
        ([0, np.inf, 0], {}, "y contains infinity in row 2; every label is a finite number."),
        (
            [0, 0, 0],
            {"sample_weight": [1.0, 2.0, 3.0]},
            "teach got sample_weight for rows of the pool, but fit got none; give sample_weight= "
            "to fit, for every row.",
        ),
    ],
)
def test_teach_refuses_labels(y, kwargs, text):
    learner = learner_of(classes=[0, 1, 2])
    refused(ValueError, text, learner, learner.teach, [1, 2, 3], y, **kwargs)
    learner.query(n_instances=3)
    refused(ValueError, text, learner, learner.teach, [1, 2, 3], y, **kwargs)


def test_a_fraction_is_refused_where_a_classifier_has_learned_whole_numbers():
    text = (
        "Unknown label type: y holds 1.5 for row 2, where a classifier learns whole numbers; "
        "write encode_labels=True in the learner if 1.5 is a class."
    )
    learner = learner_of()
    refused(ValueError, text, learner, learner.teach, [1, 2], [1, 1.5])
    assert learner.teach([1, 2], [1.0, 2.0]).pool_.y_labeled.dtype.kind == "f"  # and whole
    coded = ActiveLearner(LogisticRegression(), encode_labels=True).fit(X, Y)
    assert coded.teach([1, 2], [1, 1.5]).classes_.tolist() == [0, 1, 1.5, 2]
    values = ActiveLearner(Ridge(), "random").fit(X, np.where(Y < 0, np.nan, Y))
    assert values.teach([1], [1.5]).pool_.y[1] == 1.5


@pytest.mark.parametrize("index", [[f"id{i}" for i in range(150)], np.arange(150)[::-1]])
def test_labels_of_an_index_are_no_row_numbers(index):
    learner = ActiveLearner(LogisticRegression(), "random").fit(pd.DataFrame(X, index), Y)
    idx, rows = learner.query(n_instances=2)
    text = (
        "teach got labels of an index, which are no row numbers; write teach(idx, y), with idx as "
        "query returned it."
    )
    refused(ValueError, text, learner, learner.teach, rows.index, [0, 1])
    if isinstance(index, list):
        refused(ValueError, text, learner, learner.teach, list(rows.index), [0, 1])
        named = ActiveLearner(LogisticRegression()).fit(pd.DataFrame(X, index), Y, ids=index)
        with pytest.raises(ValueError, match=r"returned it, or teach\(ids=ids, y=y\)\.$"):
            named.teach(list(rows.index), [0, 1])
        with pytest.raises(TypeError, match=r"seconds, .*; write pool_\.label\(idx, y, seconds="):
            named.teach(ids=rows.index, y=[0, 1], seconds=2.5)
    assert learner.teach(pd.Series(idx), [0, 1]).pool_.n_labeled == 17


def test_text_among_numbers_is_refused():
    learner = learner_of()
    text = "labels so far are numbers, got text; write labels of one kind."
    refused(ValueError, text, learner, learner.teach, [1, 2], ["a", "b"])


@pytest.mark.parametrize(
    ("label", "got"), [(1, "the label 1"), (-1, "the missing label"), (None, "the missing label")]
)
def test_a_labelled_row_does_not_change_silently(label, got):
    learner = learner_of()
    text = f"teach got {got} for row 10, which is labelled 0; to change it, pass relabel=True."
    refused(ValueError, text, learner, learner.teach, [1, 10], [0, label])


def test_integers_after_a_query_over_outside_rows_are_refused():
    learner = learner_of()
    idx, _ = learner.query(OUTSIDE, 3)
    text = (
        "teach got row numbers, but the last query was over rows from outside, which the pool "
        "does not number; write teach(X_pool[idx], y), with the rows themselves."
    )
    refused(ValueError, text, learner, learner.teach, idx, TRUTH[idx])
    refused(ValueError, text, learner, learner.teach, int(idx[0]), TRUTH[idx[0]])
    learner.teach(OUTSIDE[idx], TRUTH[idx])
    refused(ValueError, text, learner, learner.teach, [1], [0])  # it is still the last query
    learner.query()
    learner.teach([1], [0])


def test_rows_after_a_query_over_the_pool_are_refused():
    learner = learner_of()
    idx, rows = learner.query(n_instances=3)
    text = (
        "teach got rows, but the last query was over the pool; write teach(idx, y) with row "
        "numbers of the pool, or extend(X, y) to add rows."
    )
    refused(ValueError, text, learner, learner.teach, rows, TRUTH[idx])


def test_rows_without_any_query_are_refused():
    learner = learner_of()
    text = (
        "teach got rows, but nothing was asked; write teach(idx, y) with row numbers of the pool, "
        "or extend(X, y) to add rows."
    )
    refused(ValueError, text, learner, learner.teach, OUTSIDE[:2], [0, 0])


@pytest.mark.parametrize(
    ("rows", "y", "kwargs", "text"),
    [
        (OUTSIDE[:2], [0], {}, "teach got 1 labels for 2 rows; give one for each row."),
        (
            OUTSIDE[:2],
            None,
            {},
            "teach got y=None for rows from outside; give one label for each row.",
        ),
        (
            OUTSIDE[:2],
            [0, 1],
            {"relabel": True},
            "relabel=True goes with row numbers; rows from outside are new.",
        ),
        (OUTSIDE[:2, :3], [0, 1], {}, "teach: X has 3 columns, the pool has 4."),
        (
            OUTSIDE[:2],
            [0, 1],
            {"sample_weight": [1.0, 2.0]},
            "teach got sample_weight for new rows, but fit got none for the pool's rows; give "
            "sample_weight= to fit, for every row.",
        ),
    ],
)
def test_teach_refuses_rows(rows, y, kwargs, text):
    learner = learner_of()
    learner.query(OUTSIDE, 2)
    refused(ValueError, text, learner, learner.teach, rows, y, **kwargs)


@pytest.mark.parametrize("wrong", [0.5, [0.5], [0.5, 1.0, 2.0]])
@pytest.mark.parametrize("name", ["teach numbers", "teach rows", "extend"])
def test_a_parameter_that_belongs_to_rows_has_an_entry_for_each(name, wrong):
    learner = ActiveLearner(LogisticRegression()).fit(X, Y, sample_weight=np.ones(150))
    if name == "teach rows":
        learner.query(OUTSIDE)
    rows = [1, 2] if name == "teach numbers" else OUTSIDE[:2]
    who = name.partition(" ")[0]
    text = (
        f"{who} got sample_weight, but not one entry for each of its rows, as fit did for the "
        f"pool's; give sample_weight= as many entries as rows."
    )
    refused(ValueError, text, learner, getattr(learner, who), rows, [0, 0], sample_weight=wrong)
    if who == "extend" or name == "teach rows":
        text = (
            f"{who} got rows without sample_weight, which fit got for the pool's rows; give "
            f"sample_weight= for the new rows too."
        )
        refused(ValueError, text, learner, getattr(learner, who), rows, [0, 0])


def test_a_pandas_y_in_another_order_than_the_rows_is_refused():
    frame = pd.DataFrame(X, columns=list("abcd"), index=[f"r{i}" for i in range(150)])
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(frame, Y)
    idx, rows = learner.query(n_instances=4)
    y = pd.Series(TRUTH[idx], index=rows.index)
    text = (
        "teach got labels in another order than the rows, by the index of y; write "
        "y.loc[rows.index], or y.to_numpy() if they are in the right order as they stand."
    )
    refused(ValueError, text, learner, learner.teach, idx, y[::-1])
    _, rows = learner.query(frame.iloc[:50:-1], 4)
    y = pd.Series([0, 1, 2, 0], index=rows.index)
    refused(ValueError, text, learner, learner.teach, rows, y.sort_index())
    refused(ValueError, text.replace("teach", "extend"), learner, learner.extend, rows, y[::-1])
    plain = learner_of()
    idx, _ = plain.query(n_instances=4)
    y = pd.Series(TRUTH[idx], index=idx)
    refused(ValueError, text.replace("rows.index", "indices"), plain, plain.teach, idx, y[::-1])
    plain.teach(idx, y)
    assert plain.pool_.y[idx].tolist() == TRUTH[idx].tolist()


@pytest.mark.parametrize(
    ("rows", "y", "error", "text"),
    [
        (OUTSIDE[:2], [0], ValueError, "extend got 1 labels for 2 rows; give one for each row."),
        (OUTSIDE[:2, :3], None, ValueError, "extend: X has 3 columns, the pool has 4."),
        (
            sp.coo_matrix(X),
            None,
            TypeError,
            "extend got a sparse matrix in coo format, which has no quick way to a row; write "
            "X.tocsr().",
        ),
    ],
)
def test_extend_refuses(rows, y, error, text):
    learner = learner_of()
    refused(error, text, learner, learner.extend, rows, y)


# An estimator that refuses to learn


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
@pytest.mark.parametrize("how", ["row numbers", "rows", "extend"])
def test_an_estimator_that_raises_keeps_the_labels_and_the_old_estimator(update, how):
    learner = ActiveLearner(Stubborn(refuses=7), "random", update=update, classes=[0, 1, 2, 7])
    learner.fit(X, np.where(np.arange(150) == 149, 7, Y))  # so that 7 is no new class later
    if how == "rows":
        learner.query(OUTSIDE)
    with unchanged_estimator(learner), pytest.raises(RuntimeError) as info:
        if how == "row numbers":
            learner.teach([1, 2], [7, 7])
        elif how == "rows":
            learner.teach(OUTSIDE[:2], [7, 7])
        else:
            learner.extend(OUTSIDE[:2], [7, 7])
    assert info.value is Stubborn.error
    assert info.value.args == ("not this one",)
    assert learner.pool_.y_labeled.tolist().count(7) == 3
    assert learner.pool_.n_labeled == 18
    assert learner.predict(X[:3]).tolist() == [0, 0, 0]
    assert learner.query(n_instances=4)[0].shape == (4,)
    with unchanged_estimator(learner), pytest.raises(RuntimeError, match="not this one"):
        learner.refit()
    learner.set_params(estimator__refuses=None).refit()
    learned = {"refit": 18, "warm_start": 16 + 18, "partial_fit": 16 + 2}
    assert learner.estimator_.n_seen_ == learned[update]
    assert learner.pool_.n_labeled == 18


def unchanged_estimator(learner):
    """Hold that the fitted estimator is the same object, with the same content."""
    others = [name for name in vars(learner) if name != "_fitted"]
    return unchanged(learner, but=[*others, *("pool_", "_last_query")])


def test_an_estimator_that_raises_at_the_first_fit_keeps_the_labels_for_a_refit():
    learner = ActiveLearner(Stubborn(refuses=2), "random")
    with pytest.raises(RuntimeError) as info:
        learner.fit(X, Y)
    assert info.value is Stubborn.error
    assert learner.pool_.n_labeled == 15
    assert not hasattr(learner, "estimator_")
    text = (
        "this ActiveLearner cannot predict yet: the estimator could not be fitted, or labels came "
        "since; call refit(), and mend what an error of it says."
    )
    refused(NotFittedError, text, learner, learner.predict, X)
    assert learner.query(n_instances=3)[0].shape == (3,)
    learner.set_params(estimator__refuses=None).refit()
    assert learner.predict(X[:1]).tolist() == [0]


def test_an_error_of_fit_passes_although_weights_do_not_fit():
    learner = learner_of()
    with pytest.raises(TypeError) as info:
        learner.teach([1], [0], sample_weight={})
    with pytest.raises(TypeError) as plain:
        LogisticRegression().fit(X[:3], [0, 0, 1], sample_weight={})
    assert str(info.value) == str(plain.value)
    assert learner.pool_.y[1] == 0


def test_weights_of_the_labelled_rows_alone_are_refused_when_they_come():
    learner = ActiveLearner(LogisticRegression())
    text = (
        "fit got sample_weight with 15 entries for 150 rows; give one for each row, those without "
        "a label included."
    )
    refused(ValueError, text, learner, learner.fit, X, Y, sample_weight=np.ones(15))
    learner = learner_of()
    text = text.replace("fit got", "teach got").replace("15 entries for 150", "7 entries for 1")
    refused(ValueError, text, learner, learner.teach, [1], [0], sample_weight=np.ones(7))


@pytest.mark.parametrize(
    ("estimator", "given", "text"),
    [
        (
            LogisticRegression(),
            "anotator",
            "LogisticRegression.fit does not take (it takes sample_weight); write annotator=.",
        ),
        (
            LogisticRegression(),
            "only_new",
            "LogisticRegression.fit does not take (it takes sample_weight); write "
            'ActiveLearner(..., update="partial_fit").',
        ),
        (KNeighborsClassifier(), "bias", "KNeighborsClassifier.fit does not take (it takes none)"),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            "sample_weight",
            "Pipeline.fit does not take (it takes standardscaler__sample_weight, "
            "logisticregression__sample_weight); write logisticregression__sample_weight=.",
        ),
        (  # weights of the scaler alone are not what is meant
            GridSearchCV(make_pipeline(StandardScaler(), KNeighborsClassifier()), {}),
            "sample_weight",
            "GridSearchCV.fit does not take (it takes groups, standardscaler__sample_weight); "
            "leave it out.",
        ),
        (
            make_pipeline(StandardScaler(), KNeighborsClassifier()),
            "kneighborsclassifier__sample_weight",
            "Pipeline.fit does not take (it takes standardscaler__sample_weight)",
        ),
        (
            GridSearchCV(LogisticRegression(), {"C": [1]}),
            "sample_weights",
            "GridSearchCV.fit does not take (it takes groups, sample_weight); write "
            "sample_weight=.",
        ),
        (
            FrozenEstimator(LogisticRegression().fit(X, TRUTH)),
            "anotator",
            "FrozenEstimator.fit does not take (it takes sample_weight); write annotator=.",
        ),
    ],
)
def test_a_name_that_fit_does_not_take_is_refused_before_any_label_is_recorded(
    estimator, given, text
):
    learner = ActiveLearner(estimator, "random", random_state=0).fit(X, Y)
    idx, _ = learner.query(n_instances=2)
    calls = ((learner.teach, idx, "teach"), (learner.extend, X[:2], "extend"))
    for call, rows, who in calls:
        with unchanged(learner), pytest.raises(TypeError) as info:
            call(rows, TRUTH[idx], **{given: "Ann"})
        # Only teach is told who labelled.
        told = text if who == "teach" else text.replace("write annotator=", "leave it out")
        assert f"{who} got {given}, which {told}" in str(info.value)
    with unchanged(learner), pytest.raises(TypeError, match=f"fit got {given}, which"):
        learner.fit(X, Y, **{given: "Ann"})
    assert learner.teach(idx, TRUTH[idx]).pool_.n_labeled == 17


class Shifted(FunctionTransformer):
    """Takes in fit_transform what its fit does not."""

    def fit_transform(self, X, y=None, shift=0.0):
        return np.asarray(X) + shift


def test_names_are_those_of_fit_transform_where_a_step_has_its_own():
    estimator = make_pipeline(Shifted(), LogisticRegression())
    assert hasattr(ActiveLearner(estimator).fit(X, Y, shifted__shift=1.0), "pool_")
    with pytest.raises(TypeError, match="fit got shifted__shft, which .*write shifted__shift="):
        ActiveLearner(estimator).fit(X, Y, shifted__shft=1.0)


def test_names_are_those_of_partial_fit_where_that_is_called_and_classes_are_its_own():
    learner = ActiveLearner(SGDClassifier(), "random", update="partial_fit").fit(X, Y)
    for name in ("coef_init", "classes"):  # the first is of fit alone
        with unchanged(learner), pytest.raises(TypeError, match=r"partial_fit does not take \(it"):
            learner.teach([1], [0], **{name: [0]})
    assert learner.teach([1], [0]).pool_.n_labeled == 16


class Choosy(ClassifierMixin, BaseEstimator):
    """Says only in fit what it takes."""

    def fit(self, X, y, weight=None, verbose=0, **options):
        if weight is not None:
            options["weight"] = weight
            if not np.any(weight):
                raise ValueError("'weight' has no positive entry")
        if isinstance(verbose, str) or "quiet" in options:
            raise TypeError("verbose is a number, and nothing else says it")
        for name in options.keys() - {"mode", "weight"}:
            raise TypeError(f"fit() got an unexpected keyword argument '{name}'")
        if options.get("mode") == "slow":
            raise ValueError('"mode" is slow or fast, and slow is for another day')
        self.classes_, self.options_ = np.unique(y), options
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_a_parameter_that_an_error_of_fit_names_is_dropped_and_the_labels_stay():
    learner = ActiveLearner(Choosy(), "random").fit(X, Y, mode="fast", weight=X[:, 0])
    with pytest.raises(TypeError, match="unexpected keyword argument 'anotator'") as info:
        learner.teach([1], [0], anotator="Ann", weight=[7.0])
    assert info.value.__notes__ == ["fit does not get anotator again, as it came last."]
    assert learner.pool_.y[1] == 0
    options = learner.teach([2], [0]).estimator_.options_  # and refit, and extend
    assert options.keys() == {"mode", "weight"}
    assert options["weight"][:3].tolist() == [X[0, 0], 7, X[2, 0]]
    with pytest.raises(ValueError, match="slow or fast"):
        learner.teach([3], [0], mode="slow", refit=False).refit()
    assert learner.refit().estimator_.options_["mode"] == "fast"  # as the last fit that went well


@pytest.mark.parametrize(
    "wrong", [{"verbose": "loud"}, {"quiet": True}, {"verbose": "a", "quiet": 1}]
)
def test_what_came_with_a_type_error_that_names_nothing_is_not_passed_again(wrong):
    learner = ActiveLearner(Choosy(), "random").fit(X, Y, mode="fast", verbose=1)
    with pytest.raises(TypeError, match="nothing else says it") as info:
        learner.teach([1], [0], **wrong)
    assert info.value.__notes__ == [
        f"fit does not get {', '.join(sorted(wrong))} again, as it came last."
    ]
    assert learner.teach([2], [0]).estimator_.options_ == {"mode": "fast"}


class Trusting(Choosy):
    """Finds out in the midst of fit that a parameter is of no use."""

    def fit(self, X, y, weight=None, **options):
        if "depth" in options:
            assert options["depth"] > 0
        if "names" in options:
            options["names"].split(",")
        if "order" in options:
            {"up": 1}[options["order"]]
        if "first" in options:
            [1, 2][options["first"]]
        if "device" in options:
            raise RuntimeError("no device")
        return super().fit(X, y, weight)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"depth": -1}, AssertionError),
        ({"names": 3}, AttributeError),
        ({"order": "down"}, KeyError),
        ({"first": 7}, IndexError),
    ],
)
def test_what_came_with_any_error_that_a_wrong_parameter_makes_is_not_passed_again(wrong, error):
    learner = ActiveLearner(Trusting(), "random").fit(X, Y, weight=X[:, 0])
    with pytest.raises(error) as info:
        learner.teach([1], [0], **wrong)
    assert info.value.__notes__ == [f"fit does not get {next(iter(wrong))} again, as it came last."]
    options = learner.teach([2], [0]).estimator_.options_
    assert learner.pool_.y[[1, 2]].tolist() == [0, 0] and options["weight"].tolist() == (
        X[learner.pool_.labeled, 0].tolist()
    )


def test_a_parameter_stays_where_fit_failed_for_lack_of_a_device():
    learner = ActiveLearner(Trusting(), "random").fit(X, Y)
    with pytest.raises(RuntimeError, match="no device"):
        learner.teach([1], [0], device="cuda")
    with pytest.raises(RuntimeError, match="no device"):
        learner.refit()


def test_weights_that_fit_has_a_name_for_stay_whatever_it_raises():
    weight = np.where(Y < 0, 1.0, 0.0)
    learner = ActiveLearner(Choosy(), "random")
    with pytest.raises(ValueError, match="'weight' has no positive entry"):
        learner.fit(X, Y, weight=weight)
    idx = np.flatnonzero(Y < 0)[:2]
    assert learner.teach(idx, [0, 1]).estimator_.options_["weight"].sum() == 2
    learner = ActiveLearner(Choosy(), "random")
    with pytest.raises(TypeError, match="nothing else says it"):
        learner.fit(X, Y, weight=1 - weight, quiet=True)
    assert learner.refit().estimator_.options_["weight"].sum() == 15


class Weighs(Pipeline):
    """A Pipeline that takes weights itself, as does its search below."""

    def fit(self, X, y=None, weights=None, **params):
        return super().fit(X, y, clf__sample_weight=weights, **params)


class Tells(GridSearchCV):
    def fit(self, X, y=None, told=None, **params):
        told.append(len(X))
        return super().fit(X, y, **params)


class Bare(ClassifierMixin, BaseEstimator):
    """Has a fit as a decorator leaves it that wraps nothing."""

    def fit(self, *args, sample_weight=None):
        X, y = args
        self.theta_ = GaussianNB().fit(X, y, sample_weight).theta_
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_what_a_class_of_ones_own_takes_itself_is_passed():
    weights = np.where(np.arange(150) % 20, 0.5, 2.0)  # of 15 labelled rows, every other
    clf = GaussianNB().fit(X[Y >= 0], Y[Y >= 0], weights[Y >= 0])
    pipeline = Weighs([("clf", GaussianNB())])
    theta = ActiveLearner(pipeline, "random").fit(X, Y, weights=weights).estimator_["clf"].theta_
    np.testing.assert_array_equal(theta, clf.theta_)
    bare = ActiveLearner(Bare(), "random").fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(bare.estimator_.theta_, clf.theta_)
    told: list = []
    ActiveLearner(Tells(GaussianNB(), {}, cv=2), "random").fit(X, Y, told=told)
    assert told == [15]
    for estimator in (pipeline, Tells(GaussianNB(), {}), Bare()):
        with pytest.raises(TypeError, match="fit does not take"):  # what is only handed on
            ActiveLearner(estimator, "random").fit(X, Y, nothing=1)


def test_a_parameter_that_no_fit_took_is_dropped_wherever_it_came():
    learner = ActiveLearner(Choosy(), "random").fit(X, anotator=list(TRUTH), mode="fast")
    with pytest.raises(TypeError, match="'anotator'"):
        learner.teach([1, 99], TRUTH[[1, 99]])
    learner = pickle.loads(pickle.dumps(learner))
    assert learner.refit().estimator_.options_ == {"mode": "fast"}
    voting = VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())])
    learner = ActiveLearner(voting, "random").fit(X, Y)
    with pytest.raises(ValueError, match="anotator"):  # scikit-learn's word for it
        learner.teach([1], [0], anotator="Ann")
    assert learner.refit().teach([2], [0]).pool_.n_labeled == 17


def test_a_parameter_of_a_step_is_dropped_by_the_name_that_the_step_has_for_it():
    given = FitParams({"svc__wrong": 1, "svc__right": 2}, n=9)
    error = TypeError("fit() got an unexpected keyword argument 'wrong'")
    left = given.without(error, ["svc__right"])
    assert left.others == {"svc__right": 2}


def test_a_regressor_that_raises_passes_its_error_too():
    class Picky(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            raise KeyError("no")

        def predict(self, X):
            return np.zeros(len(X))

    with pytest.raises(KeyError, match="no"):
        ActiveLearner(Picky(), "random").fit(X, X[:, 0])


def test_a_label_of_another_kind_than_those_of_a_frozen_estimator_is_refused():
    frozen = FrozenEstimator(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)))
    learner = ActiveLearner(frozen, "margin").fit(load_iris().data)
    with (
        unchanged(learner),
        pytest.raises(ValueError, match="labels so far are numbers, got text"),
    ):
        learner.teach(3, "setosa")
