"""Learners of several labels a row: what estimators say in one form, and the loop around it."""

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags

import skactive
from skactive import (
    ActiveLearner,
    Known,
    Pool,
    Prompt,
    SimulatedLearner,
    compare_strategies,
    run,
)
from skactive.data.rows import take
from skactive.evaluation import LabeledKFold, aulc_scorer
from skactive.learner.questions import adapt, view_of
from skactive.learner.training import seeded_clone
from skactive.loops import Budget, ConfidentPool, StabilizedPredictions, TargetScore
from skactive.loops.oracles import Command
from skactive.models.several import label_proba
from skactive.strategies import Density, Margin

pandas = pytest.importorskip("pandas")

pytestmark = [
    pytest.mark.filterwarnings("ignore:Label (not )?[0-9]+ is present in all training examples"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

NAMES = ["cat", "dog", "emu"]
X, Y = make_multilabel_classification(
    60, n_features=6, n_classes=3, n_labels=2, length=20, random_state=1
)
X = X / X.max()
SETS = [{name for name, has in zip(NAMES, row, strict=True) if has} for row in Y]
KNOWN = np.arange(60) % 3 == 0
LOGISTIC = LogisticRegression()
ONE_FOR_REST = OneVsRestClassifier(LOGISTIC)
FOR_EACH = MultiOutputClassifier(LOGISTIC)


def partly(y=Y, known=KNOWN):
    """Labels as a matrix in which rows are -1 where nobody knows."""
    return np.where(known[:, None], y, -1)


def started(estimator=ONE_FOR_REST, strategy="auto", **options):
    """A learner of a third of the rows."""
    return ActiveLearner(estimator, strategy, random_state=0, **options).fit(X, partly())


# What estimators say, in one form


def naive_proba(estimator, rows):
    """The probability of each label, asked of what learned that label."""
    columns = []
    for j in range(3):
        if hasattr(estimator, "estimators_") and isinstance(
            estimator, MultiOutputClassifier | OneVsRestClassifier
        ):
            own = estimator.estimators_[j]
            answer, values = own.predict_proba(rows), getattr(own, "classes_", np.array([0, 1]))
        else:
            answer, values = estimator.predict_proba(rows)[j], estimator.classes_[j]
        found = {int(value): answer[:, at] for at, value in enumerate(values)}
        columns.append(found.get(1, np.zeros(len(rows))))
    return np.transpose(columns)


@pytest.mark.parametrize(
    "estimator",
    [
        ONE_FOR_REST,
        OneVsRestClassifier(KNeighborsClassifier(3)),
        MultiOutputClassifier(DecisionTreeClassifier(random_state=0)),
        DecisionTreeClassifier(max_depth=2, random_state=0),
        RandomForestClassifier(5, random_state=0),
        RandomForestClassifier(5, random_state=0, n_jobs=2),
        KNeighborsClassifier(3),
        DummyClassifier(),
    ],
    ids=lambda estimator: re.sub(r"\s+", "", str(estimator)),
)
@pytest.mark.parametrize("constant", ["none", "1 is in all rows", "2 is in no row"])
def test_probabilities_are_those_of_each_label_whatever_the_form_that_they_come_in(
    estimator, constant
):
    y = Y.copy()
    if constant != "none":
        y[:, int(constant[0])] = "all" in constant
    model = adapt(estimator.fit(X, y), np.array(NAMES), None, True)
    proba, predicted = model.proba(X), model.prediction(X)
    np.testing.assert_allclose(proba, naive_proba(estimator, X))
    assert predicted.dtype == bool
    assert predicted.astype(int).tolist() == np.asarray(estimator.predict(X)).tolist()


def test_probabilities_of_a_chain_and_of_a_perceptron_have_their_columns_already():
    for estimator in (ClassifierChain(LOGISTIC), MLPClassifier((4,), max_iter=20, random_state=0)):
        model = adapt(estimator.fit(X, Y), np.array(NAMES), None, True)
        assert model.proba(X).tolist() == estimator.predict_proba(X).tolist()
        assert model.prediction(X).tolist() == (estimator.predict(X) == 1).tolist()


def test_decisions_stand_for_probabilities_where_there_are_none():
    for estimator in (OneVsRestClassifier(LinearSVC()), RidgeClassifier()):
        learner = started(estimator)
        view, _ = view_of(learner)
        assert not view.gives("proba") and view.gives("decision")
        assert view.decision.tolist() == learner.estimator_.decision_function(X).tolist()
        nearest = np.abs(view.decision).min(axis=1)
        best = view.candidates[nearest[view.candidates].argmin()]
        assert learner.query()[0].tolist() == [best]


def test_a_one_for_the_rest_does_not_promise_what_only_a_label_without_choice_gives():
    y = partly()
    y[KNOWN, 0] = 1  # of which the estimator makes a constant, which has probabilities
    learner = ActiveLearner(OneVsRestClassifier(LinearSVC()), random_state=0).fit(X, y)
    assert learner.query(n_instances=2)[0].shape == (2,)


def test_a_form_that_does_not_fit_the_labels_is_refused():
    class Odd(RandomForestClassifier):
        def predict_proba(self, rows):
            return np.zeros((len(rows), 2))

    model = adapt(Odd(3).fit(X, Y), np.array(NAMES), None, True)
    with pytest.raises(
        ValueError, match=r"Odd.predict_proba gave shape \(60, 2\), but rows have 3"
    ):
        model.proba(X)


def test_a_view_shows_labels_by_name_and_the_known_ones_as_true_and_false():
    learner = started(classes=NAMES)
    view, _ = view_of(learner)
    assert view.multilabel and view.classes.tolist() == NAMES
    assert view.y_labeled.dtype == bool and view.y_labeled.tolist() == (Y[KNOWN] == 1).tolist()
    assert view.prediction.tolist() == (learner.predict(X) == 1).tolist()
    np.testing.assert_array_equal(view.proba, learner.predict_proba(X))
    cold, _ = view_of(ActiveLearner(ONE_FOR_REST, multilabel=True, classes=NAMES).fit(X))
    assert cold.multilabel and cold.classes.tolist() == NAMES and cold.y_labeled.shape == (0, 3)


# Rows and labels of every kind

FRAME = pandas.DataFrame(X, columns=list("abcdef"), index=np.arange(60) + 100)
TEXTS = [" ".join(f"word{j}" for j in range(6) for _ in range(int(9 * x[j]))) for x in X]
ROWS = {
    "array": (X, ONE_FOR_REST),
    "float32": (X.astype(np.float32), RandomForestClassifier(4)),
    "csr": (sparse.csr_array(X), make_pipeline(MaxAbsScaler(), ONE_FOR_REST)),
    "frame": (FRAME, make_pipeline(StandardScaler(), FOR_EACH)),
    "texts": (TEXTS, make_pipeline(TfidfVectorizer(), MultiOutputClassifier(LOGISTIC))),
    "searched": (X, GridSearchCV(ONE_FOR_REST, {"estimator__C": [1.0, 2.0]}, cv=2)),
    "nearest": (X, KNeighborsClassifier(3)),
    "chain": (X, ClassifierChain(LOGISTIC, order="random")),
}
LABELS = {  # as fit takes them, and as teach takes those of some rows
    "matrix": (partly(), lambda rows: Y[rows]),
    "floats": (np.where(KNOWN[:, None], Y, np.nan), lambda rows: Y[rows].astype(float)),
    "sets": (
        [labels if known else None for labels, known in zip(SETS, KNOWN, strict=True)],
        lambda rows: [SETS[row] for row in rows],
    ),
    "lists of names": (
        [sorted(labels) if known else None for labels, known in zip(SETS, KNOWN, strict=True)],
        lambda rows: [frozenset(SETS[row]) for row in rows],
    ),
    "frame": (
        pandas.DataFrame(partly(), columns=NAMES),
        lambda rows: pandas.DataFrame(Y[rows], columns=NAMES)[NAMES[::-1]],
    ),
}


CELLS = [("array", labels) for labels in LABELS] + [("frame", "frame")]
CELLS += [(rows, labels) for rows in ROWS if rows != "array" for labels in ("matrix", "sets")]


@pytest.mark.parametrize(("rows", "labels"), CELLS)
def test_the_loop_runs_and_labels_land_on_their_rows(rows, labels):
    (data, estimator), (y, some) = ROWS[rows], LABELS[labels]
    named = labels in ("sets", "lists of names")
    if rows == "frame" and labels == "frame":
        y = y.set_index(FRAME.index)
    learner = ActiveLearner(estimator, random_state=0).fit(data, y)
    assert learner.classes_.tolist() == (NAMES if named or labels == "frame" else [0, 1, 2])
    expected = {row: Y[row].tolist() for row in np.flatnonzero(KNOWN).tolist()}
    for _ in range(2):
        idx, _ = learner.query(n_instances=4)
        assert len(set(idx)) == 4 and not expected.keys() & set(idx.tolist())
        given = some(idx)
        if rows == "frame" and labels == "frame":
            given = given.set_index(FRAME.index[idx])
        learner.teach(idx, given)
        expected |= {row: Y[row].tolist() for row in idx.tolist()}
        assert learner.pool_.y_labeled.tolist() == [expected[row] for row in sorted(expected)]
    at = learner.pool_.labeled
    by_hand = seeded_clone(estimator, learner.seed_).fit(take(data, at), Y[at])
    predicted = np.asarray(by_hand.predict(data)).astype(int)
    assert learner.predict(data).tolist() == predicted.tolist()
    truth = some(np.arange(60))
    if rows == "frame" and labels == "frame":
        truth = truth.set_index(FRAME.index)
    assert learner.score(data, truth) == pytest.approx((predicted == Y).all(axis=1).mean())
    assert learner.score(data, truth) == pytest.approx(by_hand.score(data, Y))


# When it can learn


def test_an_estimator_for_each_label_waits_until_each_has_both_values():
    for estimator in (FOR_EACH, ClassifierChain(LOGISTIC)):
        learner = ActiveLearner(estimator, classes=NAMES, random_state=0)
        learner.fit(X, [{"cat"}, {"dog"}, *[None] * 58])
        text = (
            "cannot predict yet: none of the 2 labelled rows have the label 'emu', which "
            f"{type(estimator).__name__} hands to an estimator that learns no less than two "
            "values; teach a row that differs, or write OneVsRestClassifier(...)."
        )
        with pytest.raises(skactive.learner.predicting.NotFittedError, match=re.escape(text)):
            learner.predict(X)
        assert learner.query(n_instances=2)[0].shape == (2,)  # by the cold start
        learner.teach([5], [{"emu", "dog"}])
        assert learner.predict(X).shape == (60, 3)


@pytest.mark.parametrize(
    "estimator",
    [
        ONE_FOR_REST,
        RandomForestClassifier(3),
        KNeighborsClassifier(1),
        MLPClassifier((3,), max_iter=5),
        MultiOutputClassifier(RandomForestClassifier(3)),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_others_wait_for_two_rows_that_differ(estimator):
    learner = ActiveLearner(estimator, classes=NAMES, random_state=0)
    learner.fit(X, [{"cat"}, {"cat"}, *[None] * 58])
    text = r"only rows with the labels \['cat'\] are labelled; teach a row that differs"
    with pytest.raises(skactive.learner.predicting.NotFittedError, match=text):
        learner.predict(X)
    learner.teach(3, set())
    assert learner.predict_proba(X)[:, 1:].tolist() == [[0, 0]] * 60 or isinstance(
        estimator, MLPClassifier
    )


@pytest.mark.parametrize("inside", [DecisionTreeClassifier(), ONE_FOR_REST])
def test_a_chain_waits_for_both_values_whatever_is_inside(inside):
    y = partly()
    y[KNOWN, 2] = 0  # of which a chain has no probability, or a wrong one
    learner = ActiveLearner(ClassifierChain(inside), random_state=0).fit(X, y)
    with pytest.raises(skactive.learner.predicting.NotFittedError, match="have the label 2, which"):
        learner.predict(X)
    assert learner.query(n_instances=2)[0].shape == (2,)


def test_a_perceptron_for_each_label_is_sure_of_one_that_all_rows_have():
    y = partly()
    y[KNOWN] = np.maximum(y[KNOWN], [0, 0, 1]) * [0, 1, 1]
    learner = ActiveLearner(MultiOutputClassifier(MLPClassifier((2,), max_iter=2))).fit(X, y)
    assert learner.predict_proba(X)[:, [0, 2]].tolist() == [[0, 1]] * 60


def test_labels_that_are_all_there_are_learned_as_they_are():
    learner = ActiveLearner(RandomForestClassifier(3, random_state=0)).fit(X, Y * [1, 1, 0])
    assert not learner.predict(X)[:, 2].any()
    with pytest.raises(ValueError, match="2 classes|one class"):  # in the estimator's words
        ActiveLearner(FOR_EACH).fit(X, Y * [1, 1, 0])


# Going on


@pytest.mark.parametrize(
    ("estimator", "update"),
    [
        (MLPClassifier((4,), max_iter=20), "warm_start"),
        (MLPClassifier((4,)), "partial_fit"),
        (MultiOutputClassifier(SGDClassifier(loss="log_loss")), "partial_fit"),
    ],
    ids=["warm_start", "perceptron", "one for each"],
)
def test_an_estimator_goes_on_with_several_labels(estimator, update):
    learner = started(estimator, update=update)
    first = learner.estimator_
    learner.teach([1, 2], Y[[1, 2]])
    second = learner.estimator_
    assert second is not first and learner.predict_proba(X).shape == (60, 3)
    if update == "partial_fit" and isinstance(estimator, MLPClassifier):
        assert (first.t_, second.t_) == (20, 22)  # rows seen
    learner.pool_.undo()
    learner.refit()
    if update == "warm_start":  # from where it is
        return
    # What partial_fit learned cannot be unlearned: from the start.
    assert np.allclose(learner.predict_proba(X), started(estimator, update=update).predict_proba(X))


def test_rows_join_are_relabelled_and_taken_back():
    learner = started(classes=NAMES)
    learner.extend(X[:3], [{"dog"}, None, set()])
    assert learner.pool_.y[60:].tolist() == [[0, 1, 0], [-1] * 3, [0] * 3]
    learner.teach(0, {"emu"}, relabel=True)
    assert learner.pool_.y[0].tolist() == [0, 0, 1]
    learner.pool_.undo()
    learner.refit()
    assert learner.pool_.y[0].tolist() == Y[0].tolist()
    idx, rows = learner.query(X[:5] + 0.01, n_instances=2)
    learner.teach(rows, Y[idx])
    assert len(learner.pool_) == 65
    learner.query()
    learner.teach([1], [None])
    assert learner.pool_.skipped.tolist() == [1]


def test_a_label_that_is_called_otherwise_or_merged_is_learned_so():
    learner = started(classes=NAMES)
    learner.pool_.rename_class("emu", "bird")
    assert learner.refit().classes_.tolist() == ["cat", "dog", "bird"]
    learner.pool_.merge_classes(["cat", "dog"], "pet")
    learner.refit()
    assert learner.classes_.tolist() == ["pet", "bird"] and learner.predict(X).shape == (60, 2)
    assert learner.pool_.y_labeled[:, 0].tolist() == Y[KNOWN, :2].max(axis=1).tolist()


def test_a_saved_pool_goes_on_and_so_does_a_database(tmp_path):
    learner = started(classes=NAMES)
    learner.pool_.save(tmp_path / "pool.npz")
    other = ActiveLearner(ONE_FOR_REST).fit(Pool.load(tmp_path / "pool.npz", X))
    assert other.query(n_instances=3)[0].tolist() == learner.query(n_instances=3)[0].tolist()
    learner = run(learner, Known(SETS), n_instances=5, stopping=30, save=tmp_path / "pool.db")
    opened = ActiveLearner(ONE_FOR_REST).fit(Pool.open(tmp_path / "pool.db", X))
    np.testing.assert_array_equal(opened.predict_proba(X), learner.predict_proba(X))


def test_weights_of_rows_reach_the_estimator():
    weights = np.where(np.arange(60) % 2, 5.0, 0.1)
    forest = RandomForestClassifier(4, random_state=0)
    learner = ActiveLearner(forest, "random").fit(X, partly(), sample_weight=weights)
    learner.teach([1, 2], Y[[1, 2]], sample_weight=weights[[1, 2]])
    at = learner.pool_.labeled
    by_hand = RandomForestClassifier(4, random_state=0).fit(X[at], Y[at], sample_weight=weights[at])
    assert learner.predict(X).tolist() == by_hand.predict(X).tolist()


def test_a_frozen_estimator_is_asked_as_it_is():
    fitted = OneVsRestClassifier(LOGISTIC).fit(X, Y)
    learner = ActiveLearner(FrozenEstimator(fitted), multilabel=True, classes=NAMES).fit(X)
    assert learner.predict(X).tolist() == fitted.predict(X).tolist()
    assert learner.query(n_instances=3)[0].tolist() != [0, 1, 2]
    narrow = ActiveLearner(FrozenEstimator(fitted), multilabel=True, classes=NAMES[:2]).fit(X)
    with pytest.raises(ValueError, match=r"gave shape \(60, 3\), but rows have 2 labels"):
        narrow.predict_proba(X)


def test_its_tags_say_that_it_takes_several_labels_where_the_estimator_does():
    for estimator, takes in (
        (ONE_FOR_REST, True),
        (LOGISTIC, False),
        (KNeighborsClassifier(), True),
    ):
        tags = get_tags(ActiveLearner(estimator))
        assert tags.classifier_tags.multi_label == takes and not tags.target_tags.multi_output


# What is refused


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"estimator": LOGISTIC},
            "rows have several labels, and LogisticRegression learns one label a row; write "
            "OneVsRestClassifier(LogisticRegression(...)).",
        ),
        (
            {"estimator": make_pipeline(StandardScaler(), LOGISTIC)},
            "rows have several labels, and LogisticRegression learns one label a row; write "
            "OneVsRestClassifier around it.",
        ),
        (
            {"fit_unlabeled": True},
            "fit_unlabeled=True got rows with several labels, which no estimator learns beside "
            "rows without; write fit_unlabeled=False.",
        ),
        (
            {"encode_labels": True},
            "encode_labels=True got rows with several labels, each of which an estimator learns as "
            "0 or 1; write encode_labels='auto'.",
        ),
        (
            {"estimator": OneVsRestClassifier(SGDClassifier()), "update": "partial_fit"},
            "update='partial_fit' got rows with several labels, and the partial_fit of "
            "OneVsRestClassifier learns one; write MultiOutputClassifier, or update='refit'.",
        ),
        (
            {"strategy": "split_uncertainty"},
            "SplitUncertainty decides as rows pass, by one label a row, and rows have several; "
            "give a strategy for pools, such as 'margin'.",
        ),
        ({"multilabel": "yes"}, "multilabel is 'yes'; write True, False or 'auto'."),
        ({"classes": ["cat"]}, "y has 3 columns, where rows have 1 labels"),
    ],
)
def test_what_does_not_go_with_several_labels_is_refused_in_a_sentence(options, text):
    learner = ActiveLearner(**({"estimator": ONE_FOR_REST} | options))
    with pytest.raises(ValueError, match=re.escape(text)):
        learner.fit(X, partly())
    assert not hasattr(learner, "pool_")


def test_a_rule_that_scores_by_name_takes_no_sets():
    with pytest.raises(ValueError, match="TargetScore got sets of names, of which .* no f1_micro;"):
        TargetScore(X, SETS, 0.5, scoring="f1_micro").start(started())
    TargetScore(X, SETS, 0.5).start(started())


def test_one_label_that_a_row_has_or_not_is_two_classes():
    learner = ActiveLearner(ONE_FOR_REST, multilabel=True, classes=["cat"])
    with pytest.raises(ValueError, match="rows have the one label 'cat' or none, which are two"):
        learner.fit(X)


def test_what_learns_several_labels_alone_refuses_one():
    text = "which learns several targets of a row, and a row has one label here"
    for y in (Y[:, 0], None, Y[:, :1]):
        with pytest.raises(TypeError, match=text):
            ActiveLearner(FOR_EACH).fit(X, y)
    with pytest.raises(ValueError, match="the learner has multilabel=True, but the pool has one"):
        ActiveLearner(ONE_FOR_REST, multilabel=np.True_).fit(Pool(X, Y[:, 0]))


def test_a_column_of_labels_stays_one_label_a_row():
    with pytest.warns(match="column-vector"):
        learner = ActiveLearner(ONE_FOR_REST).fit(X, Y[:, :1])
    assert not learner.pool_.multilabel and learner.predict(X).shape == (60,)


def test_what_is_set_later_is_refused_then_and_changes_nothing():
    learner = started()
    learner.set_params(estimator=LOGISTIC)
    before = learner.predict(X)
    with pytest.raises(ValueError, match="rows have several labels, and LogisticRegression learns"):
        learner.refit()
    assert learner.predict(X).tolist() == before.tolist()


# Simulations, folds, loops


def test_a_simulation_reveals_them_and_a_comparison_scores_by_the_usual_scores():
    for y in (Y, SETS):
        simulated = SimulatedLearner(
            ActiveLearner(ONE_FOR_REST), budget=30, n_instances=10, random_state=0
        ).fit(X, y)
        known = simulated.learner_.pool_
        assert simulated.n_labeled_.tolist() == [10, 20, 30]
        assert simulated.class_counts_[-1].tolist() == Y[known.labeled].sum(axis=0).tolist()
        assert known.y_labeled.tolist() == Y[known.labeled].tolist()
    comparison = compare_strategies(
        ONE_FOR_REST,
        X[:40],
        SETS[:40],
        ["max_margin"],
        budget=20,
        n_instances=10,
        n_repeats=2,
        X_test=X[40:],
        y_test=SETS[40:],
        scoring="f1_micro",
        random_state=0,
    )
    assert comparison.names == ["random", "margin", "max_margin"]
    best = OneVsRestClassifier(LOGISTIC).fit(X[:40], Y[:40]).predict(X[40:])
    ceiling = [run.scores[-1] for run in comparison.runs if run.variant == "all labels"]
    assert ceiling == [f1_score(Y[40:], best, average="micro")] * 2


def test_a_simulation_refuses_labels_that_teach_nothing():
    learner = ActiveLearner(ONE_FOR_REST)
    for y, text in (
        (np.full((60, 3), -1), "y has none; give some"),
        (np.tile(Y[:1], (60, 1)), "all rows of y have the same labels"),
    ):
        with pytest.raises(ValueError, match=text):
            SimulatedLearner(learner, budget=20).fit(X, y)
    y = Y * [1, 1, 0]
    with pytest.raises(ValueError, match="budget 12 was spent before each label was in some rows"):
        SimulatedLearner(ActiveLearner(FOR_EACH), budget=12, random_state=0).fit(X, y)


def test_searches_and_folds_know_them():
    y = partly()
    folds = list(LabeledKFold(4).split(X, y))
    assert np.concatenate([test for _, test in folds]).tolist() == np.flatnonzero(KNOWN).tolist()
    assert all(set(np.flatnonzero(~KNOWN)) < set(train) for train, _ in folds)
    assert [list(map(list, fold)) for fold in folds] == [
        list(map(list, fold)) for fold in LabeledKFold(4).split(X, LABELS["sets"][0])
    ]
    with pytest.raises(ValueError, match="stratified=True got several labels a row"):
        next(LabeledKFold(4, stratified=True).split(X, y))
    scores = cross_val_score(ActiveLearner(ONE_FOR_REST, "random"), X, y, cv=LabeledKFold(4))
    by_hand = [
        OneVsRestClassifier(LOGISTIC).fit(X[rows], Y[rows]).score(X[test], Y[test])
        for rows, test in (
            (np.setdiff1d(train, np.flatnonzero(~KNOWN)), test) for train, test in folds
        )
    ]
    assert scores.tolist() == pytest.approx(by_hand)
    simulated = SimulatedLearner(
        ActiveLearner(ONE_FOR_REST), budget=20, n_instances=10, keep_estimators=True, random_state=0
    )
    grid = {"learner__strategy": ["margin", "random"]}
    search = GridSearchCV(simulated, grid, scoring=aulc_scorer("f1_micro"), cv=2).fit(X, Y)
    assert search.best_params_["learner__strategy"] in ("margin", "random")


@pytest.mark.parametrize(
    "known",
    [Y, SETS, pandas.DataFrame(Y, columns=NAMES), pandas.DataFrame(Y, columns=NAMES)[NAMES[::-1]]],
    ids=["matrix", "sets", "frame", "frame in another order"],
)
def test_known_labels_answer_by_name(known):
    learner = started(classes=NAMES)
    learner = run(learner, Known(known), n_instances=5, stopping=30)
    assert learner.pool_.y_labeled.tolist() == Y[learner.pool_.labeled].tolist()


def test_known_labels_by_id_and_rules_for_stopping():
    ids = [f"photo {i}" for i in range(60)]
    learner = ActiveLearner(ONE_FOR_REST, classes=NAMES, random_state=0)
    learner.fit(X, partly(), ids=ids)
    rules = StabilizedPredictions() | ConfidentPool() | TargetScore(X, Y, 0.99) | Budget(32)
    run(learner, Known(dict(zip(ids, SETS, strict=True))), n_instances=6, stopping=rules)
    assert learner.pool_.n_labeled in range(20, 33)
    assert learner.pool_.y_labeled.tolist() == Y[learner.pool_.labeled].tolist()


# A person


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        ("13", {"cat", "emu"}),
        ("3, 1", {"cat", "emu"}),
        ("2", {"dog"}),
        ("dog", {"dog"}),
        ("Dog", None),
        ("emu; cat", {"cat", "emu"}),
        ("0", set()),
        ("[]", set()),
        ("", None),
        ("4", None),
        ("10", None),
        ("s", Command.SKIP),
        ("undo", Command.UNDO),
        ("q", Command.QUIT),
    ],
)
def test_a_person_types_keys_or_names_and_says_of_none_that_there_is_none(said, labels, capsys):
    lines = iter([said, "q"])
    answer = Prompt(show=print).ask("row", NAMES, multilabel=True, read=lambda menu: next(lines))
    told = capsys.readouterr().out
    if labels is None:  # asked again
        assert answer is Command.QUIT and f"{said!r} is none of 1 cat, 2 dog, 3 emu, 12 two" in told
    else:
        assert answer == labels and "is none of" not in told


def test_names_that_read_as_commands_or_as_keys_are_told_apart():
    def asked(said, names):
        lines = iter([said])  # asked again, it has no more
        return Prompt(show=print).ask("row", names, multilabel=True, read=lambda menu: next(lines))

    assert asked("s", ["s", "t"]) == {"s"} and asked("skip", ["s", "t"]) is Command.SKIP
    assert asked("0", [0, 1]) == {0} and asked("[]", [0, 1]) == set()
    assert asked("1; 0", [0, 1]) == {0, 1}


def test_a_person_skips_undoes_and_finds_no_label_in_one_loop(monkeypatch, capsys):
    said = iter(["13", "0", "s", "u", "u", "2", "quit"])
    monkeypatch.setattr("builtins.input", lambda menu: next(said))
    learner = ActiveLearner(ONE_FOR_REST, multilabel=True, classes=NAMES, random_state=0).fit(X)
    run(learner, Prompt(show=str), n_instances=4)
    assert sorted(learner.pool_.y_labeled.tolist()) == [[0, 1, 0], [1, 0, 1]]
    assert learner.pool_.n_skipped == 0
    assert "was []; once more" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"Prompt\(classes=\) names \['cat', 'cow'\], where rows"):
        run(learner, Prompt(classes=["cat", "cow"]))


def test_pipelines_around_a_learner_pass_them_on():
    pipe = make_pipeline(StandardScaler(), ActiveLearner(ONE_FOR_REST, random_state=0))
    pipe.fit(X, partly())
    idx, _ = skactive.query(pipe, n_instances=3)
    skactive.teach(pipe, idx, Y[idx])
    assert pipe[-1].pool_.n_labeled == 23 and pipe.predict(X).shape == (60, 3)


def test_what_is_no_way_to_join_labels_is_refused_at_fit_alone_and_inside_others():
    X, Y = np.arange(20.0).reshape(10, 2), np.arange(20).reshape(10, 2) % 3 % 2
    several, one = OneVsRestClassifier(LogisticRegression()), LogisticRegression()
    for strategy in Margin(aggregate="avg"), Density(Margin(aggregate="avg")):
        for estimator, y in (several, Y), (one, Y[:, 0]):
            with pytest.raises(ValueError, match="Margin got aggregate='avg'; give 'max' or"):
                ActiveLearner(estimator, strategy).fit(X, y)


@pytest.mark.parametrize(
    "as_given", [lambda Y: Y, lambda Y: Y.tolist(), lambda Y: Y.astype(object)]
)
def test_0_and_1_as_text_in_columns_are_no_names(as_given):
    text = np.array([["0", "1"], ["1", "1"], ["-1", "-1"]])
    for make in (Pool, ActiveLearner(OneVsRestClassifier(LogisticRegression())).fit):
        with pytest.raises(ValueError, match="'0' and '1' as text in columns; write y.astype"):
            make(np.zeros((3, 2)), as_given(text))
    names = Pool(np.zeros((2, 1)), [{"0"}, {"1"}])
    assert names.classes.tolist() == ["0", "1"]


@pytest.mark.parametrize("no", [False, np.False_])
def test_a_learner_that_is_told_of_one_label_a_row_refuses_several(no):
    one = ActiveLearner(LogisticRegression(), multilabel=no)
    assert not one.fit([[0.0], [1.0], [2.0]], ["cat", "dog", None]).pool_.multilabel
    with pytest.raises(ValueError, match="write one label per row"):
        one.fit([[0.0], [1.0]], [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="multilabel=False, but rows of the pool have several"):
        one.fit(Pool([[0.0], [1.0]], [{"cat"}, {"dog"}]))


def test_of_two_numbers_for_each_label_the_second_is_its_probability():
    proba = np.array([[[0.9, 0.4], [0.1, 0.6]]])
    assert label_proba(proba, None, 2, "net").tolist() == [[0.1, 0.6]]
