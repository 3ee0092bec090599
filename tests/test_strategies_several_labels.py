"""Strategies for several labels a row, from arrays: what they choose, and what is refused."""

import re

import naive_several_labels as naive
import numpy as np
import pytest
from scipy.special import logit
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC

from skactive import (
    ActiveLearner,
    SimulatedLearner,
    Strategy,
    compare_strategies,
    get_strategy_names,
    select,
)
from skactive.data.rows import Rows
from skactive.learner.questions import view_of
from skactive.strategies import (
    BADGE,
    AdaptiveMargin,
    ClusterMargin,
    Coral,
    Density,
    Entropy,
    KCenter,
    LeastConfidence,
    Margin,
    MaxMargin,
    Prefilter,
    RankedBatch,
    StochasticBatch,
    Subpool,
    UncertaintyHerding,
    View,
    as_strategy,
)
from skactive.strategies.registry import ENTRIES, SAME_AS_MODAL, check_labels_per_row
from skactive.strategies.view import Centers
from skactive.testing import check_strategy, strategy_checks

RNG = np.random.default_rng(4)
N, L = 120, 5
X = RNG.normal(size=(N, 6))
PROBA = 1 / (1 + np.exp(-X @ RNG.normal(size=(6, L))))
TRUTH = PROBA > RNG.random((N, L))
LABELED, RESERVED = np.arange(0, 24, 2), np.array([1, 3])
SEVERAL = get_strategy_names(multilabel=True)
ONE = get_strategy_names()
FROM_ARRAYS = [name for name in SEVERAL if name != "svm_binary_minimum"]
WRAPPED = {
    "Subpool": Subpool("entropy", 0.5),
    "Prefilter": Prefilter("margin", "k_center", factor=3),
    "StochasticBatch": StochasticBatch(Entropy(aggregate="mean")),
    "mean": Margin(aggregate="mean"),
    "Subpool of k_means": Subpool("k_means", 0.5),
}


class SecondBest(Strategy):
    """What a user has written for one label a row."""

    reads = ("proba",)

    def score(self, view):
        return np.sort(view.proba, axis=1)[:, -2]


def chosen(strategy, n=6, **options):
    given = {"proba": PROBA, "embedding": X, "labeled": LABELED, "y_labeled": TRUTH[LABELED]}
    given |= {"reserved": RESERVED, "multilabel": True, "random_state": 0, "n_instances": n}
    return select(strategy, **given | options)


def view(chunk_rows=None, order=None, round=0, known=None):
    """What a strategy is shown of rows with several labels, by a model that has said all."""
    order = np.arange(N) if order is None else order
    at = np.argsort(order)
    known = {"proba": PROBA, "prediction": PROBA > 0.5, "embedding": X} if known is None else known
    known = {name: values[order] for name, values in known.items()}
    mask = ~np.isin(order, np.r_[LABELED, RESERVED])
    pool = Centers(at[LABELED], at[RESERVED], TRUTH[LABELED].astype(np.int8), multilabel=True)
    return View(
        Rows(X[order]),
        mask,
        pool=pool,
        seed=(0, round),
        chunk_rows=chunk_rows,
        known=known,
        numbers=order,
        is_embedded=True,  # which stands for the input of the last layer
    )


def test_what_serves_several_labels_is_listed():
    assert {"margin", "least_confidence", "entropy", "density", "ranked_batch", "badge"} < {
        *SEVERAL
    } & {*ONE}
    unchanged = {"random", "k_center", "k_means", "k_medoids", "typiclust", "coral", "max_herding"}
    assert unchanged | {"uncertainty_herding", "cluster_margin"} < {*SEVERAL} & {*ONE}
    own = {"max_margin", "adaptive_margin", "svm_binary_minimum", *SAME_AS_MODAL}
    assert {*SEVERAL} - {*ONE} == own and {*ONE} - {*SEVERAL} > {"bald", "bait", "std", "greedy_xy"}
    assert get_strategy_names(stream=True, multilabel=True) == []


@pytest.mark.parametrize("name", [*FROM_ARRAYS, *WRAPPED])
def test_each_chooses_distinct_candidates_alike_whenever_asked(name):
    strategy = WRAPPED.get(name, name)
    rows = chosen(strategy)
    assert len(set(rows.tolist())) == 6
    assert not np.isin(rows, np.r_[LABELED, RESERVED]).any()
    assert rows.tolist() == chosen(clone(as_strategy(strategy))).tolist()
    assert len(chosen(strategy, subset=[70, 80])) == 2
    assert len(chosen(strategy, n=1)) == 1


SCORED = {
    "margin": lambda: -naive.label_margin(PROBA),
    "least_confidence": lambda: naive.label_least_confidence(PROBA),
    "entropy": lambda: naive.label_entropy(PROBA),
    "max_margin": lambda: naive.separation_uncertainty(logit(PROBA)),
    "adaptive_margin": lambda: naive.adaptive_margin(
        logit(PROBA), TRUTH[LABELED].sum() / len(LABELED)
    ),
    "min_confidence": lambda: -naive.min_confidence(PROBA),
    "avg_confidence": lambda: naive.avg_confidence(PROBA),
    "max_score": lambda: naive.max_score(PROBA),
    "avg_score": lambda: naive.avg_score(PROBA),
    "max_loss": lambda: naive.max_loss(PROBA),
    "mean_max_loss": lambda: naive.mean_max_loss(PROBA > 0.5),
}


@pytest.mark.parametrize("name", SCORED)
@pytest.mark.parametrize("chunk_rows", [None, 7])
def test_scores_are_those_of_plain_code_however_rows_are_cut_and_ordered(name, chunk_rows):
    order = np.random.default_rng(1).permutation(N)
    whole = view(chunk_rows=chunk_rows, order=order)
    found, expected = whole.score(as_strategy(name)), SCORED[name]()[order]
    np.testing.assert_allclose(found[whole.mask], expected[whole.mask], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cls", [Margin, LeastConfidence, Entropy])
def test_the_mean_over_labels_may_count_instead(cls):
    function = getattr(naive, f"label_{next(e.name for c, e in ENTRIES.items() if c is cls)}")
    sign = -1 if cls is Margin else 1
    for aggregate in ("max", "mean"):
        found = view().score(cls(aggregate))[view().mask]
        expected = sign * function(PROBA, aggregate)[view().mask]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(view().score(cls()), view().score(cls("max")))
    strategy = cls().set_params(aggregate="mean")
    assert clone(strategy).get_params() == {"aggregate": "mean"}
    assert repr(cls()) == f"{cls.__name__}()"


def test_decision_functions_serve_where_there_are_no_probabilities():
    f = X @ np.random.default_rng(0).normal(size=(6, L))
    seen = view(known={"decision": f, "embedding": X})
    mask = seen.mask
    for strategy, expected in (
        (Margin(), -np.abs(f).min(axis=1)),
        (Margin("mean"), -np.abs(f).mean(axis=1)),
        (as_strategy("svm_binary_minimum"), -np.abs(f).min(axis=1)),
        (MaxMargin(), naive.separation_uncertainty(f)),
        (AdaptiveMargin(0.2), naive.adaptive_margin(f, TRUTH[LABELED].sum(axis=1).mean(), 0.2)),
    ):
        np.testing.assert_allclose(seen.score(strategy)[mask], expected[mask], rtol=1e-12)


def test_predictions_that_are_given_count_in_place_of_one_half():
    said = PROBA > 0.3
    for name in ("max_score", "avg_score", "max_loss"):
        expected = getattr(naive, name)(PROBA, said).astype(float)
        expected[np.r_[LABELED, RESERVED]] = -np.inf
        best = expected == expected.max()
        assert best[chosen(name, n=1, prediction=said.astype(int))].all()


def test_badge_has_the_gradient_of_sigmoids_as_factors():
    errors, features = view().gradient
    np.testing.assert_allclose(errors, PROBA - (PROBA > 0.5))
    np.testing.assert_array_equal(features, X)
    lengths = np.linalg.norm(errors, axis=1) * np.linalg.norm(X, axis=1)
    first = [chosen(BADGE(), n=1, reserved=[], random_state=s)[0] for s in range(40)]
    free = np.setdiff1d(np.arange(N), LABELED)
    # Drawn in proportion to squared lengths: long gradients come first, chance allowing.
    assert lengths[first].mean() > 1.2 * lengths[free].mean()


@pytest.mark.parametrize(
    "outer", [RankedBatch, Coral, ClusterMargin, UncertaintyHerding, Density, StochasticBatch]
)
def test_strategies_made_of_scores_take_those_of_labels(outer):
    inner = Entropy(aggregate="mean")
    own = view().score(inner)
    given = chosen(outer(), scores=np.where(np.isnan(own), 0, own))
    assert chosen(outer(inner)).tolist() == given.tolist()


def test_a_model_that_is_certain_scores_too():
    sure = (PROBA > 0.5).astype(float)
    for name in FROM_ARRAYS:
        assert len(chosen(name, proba=sure)) == 6, name


# What is refused


@pytest.mark.parametrize("name", [name for name in ONE if name not in SEVERAL])
def test_what_serves_one_label_is_refused_in_a_sentence_that_lists_what_serves(name):
    text = f"{as_strategy(name)!r} is for rows with one label each, and these have several; give "
    with pytest.raises(ValueError, match=f"^{re.escape(text)}") as refused:
        check_labels_per_row(as_strategy(name), multilabel=True)
    assert all(repr(served) in str(refused.value) for served in SEVERAL)


@pytest.mark.parametrize("strategy", [Density("bald"), Subpool("bait"), Prefilter("bald")])
def test_so_is_what_is_made_of_it(strategy):
    with pytest.raises(ValueError, match="is for rows with one label each"):
        chosen(strategy)


@pytest.mark.parametrize("name", [name for name in SEVERAL if name not in ONE])
def test_what_serves_several_labels_alone_is_refused_for_one(name):
    text = r"\(\) is for rows with several labels each, and these have one; get_strategy_names\(\)"
    with pytest.raises(ValueError, match=text):
        select(name, proba=[[0.5, 0.5]])


@pytest.mark.parametrize("outer", [None, Density, StochasticBatch, Subpool])
def test_aggregate_is_refused_for_one_label(outer):
    strategy = Margin(aggregate="max") if outer is None else outer(Margin(aggregate="max"))
    with pytest.raises(ValueError, match=r"Margin\(aggregate='max'\).* and these have one; "):
        select(strategy, proba=[[0.5, 0.5]], embedding=[[1.0]])
    with pytest.raises(ValueError, match="^Margin got aggregate='min'; give 'max' or 'mean', or "):
        chosen(Margin(aggregate="min"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"multilabel": np.False_},
            r"each row sums to one, unless multilabel=True says that each col",
        ),
        ({"multilabel": "yes"}, r"multilabel is 'yes'; give True or False"),
        (
            {"proba": PROBA + 1},
            r"select got proba with 1\.\d+ in row 0; give the probability of ea",
        ),
        ({"proba": np.where(PROBA > 0.9, np.nan, PROBA)}, "select got proba with nan in row"),
        (
            {"proba": PROBA[:, 0]},
            r"proba of shape \(120,\).*; with multilabel=True give one column",
        ),
        ({"samples": [PROBA]}, "select got samples= with multilabel=True, where nothing reads it"),
        ({"std": X[:, 0]}, "select got std= with multilabel=True"),
        (
            {"prediction": PROBA},
            r"select got prediction with 0\.\d+ in row 0; give 0 or 1 for each",
        ),
        ({"prediction": PROBA[:, 1:] > 0.5}, r"prediction of shape \(120, 4\) and proba of shape"),
        ({"y_labeled": PROBA[LABELED]}, r"select got y_labeled with 0\.\d+ in row 0; give 0 or 1"),
        ({"y_labeled": TRUTH[LABELED, 1:]}, "y_labeled with 4 labels a row, and proba or predicti"),
        ({"y_labeled": TRUTH[LABELED[1:]]}, r"y_labeled of shape \(11, 5\) for 12 labelled rows"),
    ],
)
def test_select_refuses_what_says_nothing_of_labels(options, text):
    with pytest.raises((ValueError, TypeError), match=text):
        chosen("margin", **options)


def test_the_decision_function_comes_from_a_model_alone():
    with pytest.raises(ValueError, match=r"view.decision, which only a model gives; write Active"):
        chosen("svm_binary_minimum")


def test_the_usual_number_of_labels_is_read_of_labelled_rows():
    with pytest.raises(ValueError, match="AdaptiveMargin compares with the labels of labelled ro"):
        chosen("adaptive_margin", labeled=[], y_labeled=None)
    with pytest.raises(ValueError, match="AdaptiveMargin got beta=1.5; give a finite number of at"):
        chosen(AdaptiveMargin(beta=1.5))
    with pytest.raises(ValueError, match="reads view.y_labeled; give select y_labeled="):
        chosen("adaptive_margin", y_labeled=None)


def test_functions_of_ones_own_see_that_rows_have_several_labels():
    def own(seen, n):
        assert seen.multilabel and seen.proba.shape == (N, L)
        assert seen.y_labeled.dtype == bool and seen.prediction.dtype == bool
        part = KCenter()
        return part.select(seen, n)

    assert len(chosen(own)) == 6
    assert not View(Rows(X), np.ones(N, dtype=bool)).multilabel
    narrowed, _ = view().narrowed(np.arange(50, 70))
    assert narrowed.multilabel


# With a learner


def fitted(strategy, estimator=None, known=30, **options):
    estimator = OneVsRestClassifier(LogisticRegression()) if estimator is None else estimator
    y = np.where(np.arange(N)[:, None] < known, TRUTH, -1).astype(int)
    return ActiveLearner(estimator, strategy, random_state=0, **options).fit(X, y)


@pytest.mark.parametrize("name", FROM_ARRAYS)
def test_select_chooses_what_a_learner_would(name):
    learner = fitted(name)
    model = learner.estimator_
    given = {"proba": model.predict_proba(X), "prediction": model.predict(X), "embedding": X}
    idx, _ = learner.query(n_instances=5)
    found = chosen(name, n=5, labeled=np.arange(30), y_labeled=TRUTH[:30], reserved=None, **given)
    assert found.tolist() == idx.tolist()


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{given}-{name}")
        for given in ("margin", "badge", "adaptive_margin")
        for name, check in strategy_checks(given, multilabel=True)
    ],
)
def test_the_contract_is_kept(check):
    check()


def test_the_contract_is_that_of_one_label_where_a_strategy_serves_it():
    for name in ("max_loss", MaxMargin()):
        assert [n for n, _ in strategy_checks(name)] == [n for n, _ in strategy_checks("margin")]
    with pytest.raises(ValueError, match="BALD.. is for rows with one label each"):
        check_strategy("bald", multilabel=True)
    with pytest.raises(ValueError, match="MaxLoss.. is for rows with several labels each"):
        check_strategy("max_loss", multilabel=False)


ESTIMATORS = {
    "OneVsRest": OneVsRestClassifier(LogisticRegression()),
    "MultiOutput": MultiOutputClassifier(LogisticRegression()),
    "chain": ClassifierChain(LogisticRegression(), random_state=0),
    "forest": RandomForestClassifier(5),
    "neighbours": KNeighborsClassifier(),
    "perceptron": MLPClassifier((4,), max_iter=5),
    "vectors": OneVsRestClassifier(LinearSVC()),
}
# What estimators lack: the others serve.
LACK = {
    "chain": {"badge"},
    "forest": {"badge", "svm_binary_minimum"},
    "neighbours": {"badge", "svm_binary_minimum"},
    "perceptron": {"svm_binary_minimum"},
    "MultiOutput": {"svm_binary_minimum"},
    "vectors": {
        *("least_confidence", "entropy", "density", "ranked_batch", "badge"),
        *(SAME_AS_MODAL - {"mean_max_loss"}),
    },
}


@pytest.mark.filterwarnings("ignore")  # of few iterations, and of ties
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_strategy_is_served_by_estimators_or_refused(kind):
    y = np.where(np.arange(N)[:, None] < 30, TRUTH, -1).astype(int)
    learner = fitted("random", ESTIMATORS[kind])
    for name in SEVERAL:
        if name in LACK.get(kind, ()):
            with pytest.raises(ValueError, match=f"{type(as_strategy(name)).__name__} reads view"):
                ActiveLearner(ESTIMATORS[kind], name, random_state=0).fit(X, y)
            continue
        learner.strategy_ = as_strategy(name)
        idx, _ = learner.query(n_instances=4)
        assert len(set(idx.tolist())) == 4 and idx.min() >= 30, name


def test_a_linear_model_for_each_label_has_the_gradient_of_sigmoids():
    for kind in ("OneVsRest", "MultiOutput"):
        shown, _ = view_of(fitted("badge", ESTIMATORS[kind]))
        errors, features = shown.gradient
        np.testing.assert_allclose(errors, shown.proba - (shown.proba > 0.5))
        np.testing.assert_array_equal(features, X)
    y = np.where(np.arange(N) < 30, TRUTH[:, 0], -1)
    with pytest.raises(
        ValueError, match="BADGE reads view.gradient, which OneVsRestClassifier can"
    ):
        ActiveLearner(ESTIMATORS["OneVsRest"], "badge").fit(X, y)


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        ("bald", r"BALD\(\) is for rows with one label each, and these have several; give one of"),
        (Density("bald"), r"Density\(strategy='bald'\) is for rows with one label each, and these"),
        ("split_uncertainty", "decides as rows pass"),
        (SecondBest(), r"write labels_per_row = \('one', 'several'\) in its class"),
    ],
)
def test_a_learner_refuses_what_does_not_serve_at_its_first_fit(strategy, text):
    with pytest.raises(ValueError, match=text):
        fitted(strategy, RandomForestClassifier(3))


def test_so_do_comparisons_and_learners_of_one_label():
    y = np.where(np.arange(N) < 30, TRUTH[:, 0], -1)
    text = r"Margin\(aggregate='mean'\) is for rows with several labels each, and these have one"
    with pytest.raises(ValueError, match=text):
        ActiveLearner(LogisticRegression(), Margin("mean")).fit(X, y)
    with pytest.raises(ValueError, match=text):
        compare_strategies(LogisticRegression(), X, TRUTH[:, 0], Margin("mean"), budget=40)
    with pytest.raises(ValueError, match=r"BALD\(\) is for rows with one label each"):
        compare_strategies(RandomForestClassifier(2), X, TRUTH, "bald", budget=40)


def test_the_aggregate_is_searched_for_as_any_parameter():
    learner = ActiveLearner(ESTIMATORS["OneVsRest"], Margin("max"), random_state=0)
    found = learner.set_params(strategy__aggregate="mean").get_params()
    assert found["strategy__aggregate"] == "mean" and found["strategy"].aggregate == "mean"
    y = TRUTH.astype(int)
    played = SimulatedLearner(learner, budget=24, n_initial=12, n_instances=12, random_state=0)
    grid = {"learner__strategy__aggregate": ["max", "mean"]}
    search = GridSearchCV(played, grid, cv=2, scoring="f1_micro").fit(X, y)
    assert len(search.cv_results_["params"]) == 2


def test_names_and_functions_of_modal_are_answered():
    for name in SAME_AS_MODAL:

        def theirs(classifier, X_pool, n_instances=1):
            raise AssertionError

        theirs.__name__ = name
        with pytest.raises(TypeError, match=f"strategy is the function {name}; write '{name}'"):
            as_strategy(theirs)
    with pytest.raises(ValueError, match="here it is 'svm_binary_minimum'"):
        as_strategy("SVM_binary_minimum")
