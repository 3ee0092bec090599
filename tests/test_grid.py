"""Every strategy on every kind of rows and labels: it works, or refuses in the documented words."""

import itertools
import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skactive import ActiveLearner, get_strategy_names
from skactive.data.rows import n_rows, take
from skactive.learner.training import seeded_clone
from skactive.models import last_step
from skactive.strategies import Subpool, as_strategy
from skactive.strategies.base import needs

pandas = pytest.importorskip("pandas")

N, N_KNOWN, BATCH = 48, 24, 5
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(N, 4))
CODES = (NUMBERS[:, :3] + 0.3 * RNG.normal(size=(N, 3))).argmax(axis=1)
TARGET = NUMBERS[:, 0] - NUMBERS[:, 1] ** 2
KNOWN = np.arange(N) % 2 == 0

# Strategies, and what each reads, as its class says; of the alternatives in a part one suffices

STRATEGIES = {name: name for name in get_strategy_names()} | {"subpool": Subpool("margin", 0.8)}
READS = {name: needs(as_strategy(strategy)) for name, strategy in STRATEGIES.items()}
# What the documents say that each takes.
NEEDS = {
    "value": "to be a regressor",
    "gradient": "a linear last layer (a linear model, with predict_proba if it is a classifier, an "
    "MLP, or a net with a Linear layer) or embedding=, which is no layer's name",
    "feature_dropout": "to be a classifier, and no net, for which there is Dropout()",
    "perturbation": "to be a linear classifier or a skorch classifier",
    "input_gradient": "to be a skorch classifier",
    "proba": "predict_proba",
    "decision": "a decision_function with one column for each class",
    "samples": "to be an ensemble of at least two classifiers (a forest, bagging, voting), or a "
    "net with dropout",
    "value_samples": "to be an ensemble of at least two regressors (a forest, bagging, voting), or "
    "a net with dropout",
    "std": "predict(X, return_std=True), or to be an ensemble of at least two regressors, or a net "
    "with dropout",
}

# Rows, and estimators for them: one of each kind


def as_columns(images):
    return images.reshape(len(images), -1)


def text_of(row, code):
    words = ["river", "stone", "cloud", "tree"]
    return " ".join(
        [*np.repeat(words, np.clip(np.round(2 * row + 3), 1, 6).astype(int)), f"n{code}"]
    )


COUNTS = np.clip(np.round(2 * NUMBERS), 0, None) + np.eye(N)[:, :4]
TEXTS = [text_of(row, number) for number, row in enumerate(NUMBERS)]
HOLES = np.where(RNG.random(NUMBERS.shape) < 0.2, np.nan, NUMBERS)
FRAME = pandas.DataFrame(
    {
        "colour": pandas.Categorical(np.array(["red", "green", "blue"])[CODES]),
        "length": NUMBERS[:, 0],
        "width": NUMBERS[:, 1].astype(np.float32),
        "unused": [f"row {number}" for number in range(N)],
    },
    index=np.arange(N)[::-1],  # labels that would be other rows, were they taken for positions
)
BY_NAME = ColumnTransformer(
    [
        ("numbers", StandardScaler(), ["length", "width"]),
        ("category", OneHotEncoder(sparse_output=False), ["colour"]),
    ]
)
RESHAPE = FunctionTransformer(as_columns)
LOGISTIC = LogisticRegression()
FOREST = RandomForestClassifier(4)
PROCESS = GaussianProcessRegressor(optimizer=None, alpha=0.1)
REGRESSION_FOREST = RandomForestRegressor(4)
BOOSTED = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2)
BOOSTED_REGRESSOR = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2)

#   rows: (container, classifier, committee, regressor with a standard deviation, regressor without)
ROWS = {
    "float32": (NUMBERS.astype(np.float32), LOGISTIC, FOREST, PROCESS, Ridge()),
    "float64": (NUMBERS, LOGISTIC, FOREST, PROCESS, Ridge()),
    "CSR": (sparse.csr_matrix(COUNTS), LOGISTIC, FOREST, REGRESSION_FOREST, Ridge()),
    "frame": (
        FRAME,
        make_pipeline(BY_NAME, LOGISTIC),
        make_pipeline(BY_NAME, FOREST),
        make_pipeline(BY_NAME, PROCESS),
        make_pipeline(BY_NAME, Ridge()),
    ),
    "texts": (
        TEXTS,
        make_pipeline(TfidfVectorizer(), LOGISTIC),
        make_pipeline(TfidfVectorizer(), FOREST),
        make_pipeline(TfidfVectorizer(), REGRESSION_FOREST),
        make_pipeline(TfidfVectorizer(), Ridge()),
    ),
    "images": (
        NUMBERS.reshape(N, 2, 2),
        make_pipeline(RESHAPE, LOGISTIC),
        make_pipeline(RESHAPE, FOREST),
        make_pipeline(RESHAPE, PROCESS),
        make_pipeline(RESHAPE, Ridge()),
    ),
    "NaN": (
        HOLES,
        BOOSTED,
        BaggingClassifier(BOOSTED, n_estimators=3),
        BaggingRegressor(BOOSTED_REGRESSOR, n_estimators=3),
        BOOSTED_REGRESSOR,
    ),
}
# What models of each kind give: the other cells refuse, whatever the labels
GIVEN = {
    "classifier": {
        *("proba", "decision", "embedding", "gradient", "perturbation", "feature_dropout")
    },
    "committee": {"proba", "samples", "embedding", "feature_dropout"},
    "regressor": {"std", "value", "embedding"},
    "regressor without std": {"value", "embedding", "gradient"},
}
KINDS = list(GIVEN)
EMBEDDED = [name for name, parts in READS.items() if ("embedding",) in parts]


def missing(rows, kind, strategy):
    """The parts that a strategy reads and no model of this kind gives; of holes, none is linear."""
    given = GIVEN[kind] - ({"gradient", "perturbation"} if rows == "NaN" else set())
    if kind == "regressor" and last_step(ROWS[rows][1 + KINDS.index(kind)]) is not PROCESS:
        given = given | {"value_samples"}  # by the members of an ensemble
    return [part for part in READS[strategy] if not given & set(part)]


def works(rows, kind):
    """The strategies that answer: where rows have holes, no vectors either."""
    fit = [name for name in READS if not missing(rows, kind, name)]
    return [name for name in fit if rows != "NaN" or name not in EMBEDDED]


# Labels: what fit is given of all rows, what teach is given of some, and what they are

WORDS = np.array(["ash", "birch", "cedar"])


def words(missing):
    """Text for the known rows, and something else for the others."""
    return [word if known else missing for word, known in zip(WORDS[CODES], KNOWN, strict=True)]


def series(X, values, dtype=None):
    """A Series that goes with the rows, by its index too where they have one."""
    return pandas.Series(values, index=X.index if hasattr(X, "iloc") else None, dtype=dtype)


CLASS_LABELS = {
    "int": (lambda X: np.where(KNOWN, CODES, -1), lambda X: CODES, CODES),
    "text": (lambda X: words(-1), lambda X: WORDS[CODES], WORDS[CODES]),
    "Series": (
        lambda X: series(X, words(None)),
        lambda X: series(X, WORDS[CODES]),
        WORDS[CODES],
    ),
    "Int64": (
        lambda X: series(X, np.where(KNOWN, CODES, -1), "Int64").replace(-1, pandas.NA),
        lambda X: series(X, CODES, "Int64"),
        CODES,
    ),
    "Categorical": (
        lambda X: pandas.Categorical(words(None)),
        lambda X: pandas.Categorical(WORDS[CODES]),
        WORDS[CODES],
    ),
}
VALUE_LABELS = {
    "float": (lambda X: np.where(KNOWN, TARGET, np.nan), lambda X: TARGET, TARGET),
    "Series": (
        lambda X: series(X, np.where(KNOWN, TARGET, np.nan)),
        lambda X: series(X, TARGET),
        TARGET,
    ),
}


def some(labels, idx):
    """The labels of rows, in the container that they are in."""
    return labels.iloc[idx] if hasattr(labels, "iloc") else labels[idx]


def equal_rows(one, other):
    """Whether two containers of rows hold the same."""
    if sparse.issparse(one):
        return type(one) is type(other) and (one != other).nnz == 0
    if hasattr(one, "equals"):
        return one.equals(other)
    if isinstance(one, list):
        return one == other
    return type(one) is type(other) and np.array_equal(one, other, equal_nan=True)


def same(one, other):
    np.testing.assert_equal(np.asarray(one), np.asarray(other))


def labels_of(rows, kind, strategy):
    """The kind of labels of a cell, in turn: each strategy meets all of them."""
    table = list(CLASS_LABELS if KINDS.index(kind) < 2 else VALUE_LABELS)
    turn = list(ROWS).index(rows) + KINDS.index(kind) + list(READS).index(strategy)
    return table[turn % len(table)]


CELLS = [
    pytest.param(rows, kind, strategy, labels, id=f"{rows}-{kind}-{strategy}-{labels}")
    for rows in ROWS
    for kind in KINDS
    for strategy in works(rows, kind)
    for labels in [labels_of(rows, kind, strategy)]
]


@pytest.mark.parametrize(("rows", "kind", "strategy", "labels"), CELLS)
def test_the_loop_runs_and_labels_land_on_their_rows(rows, kind, strategy, labels):
    X, *estimators = ROWS[rows]
    estimator = estimators[KINDS.index(kind)]
    table = VALUE_LABELS if is_regressor(estimator) else CLASS_LABELS
    make, offered, truth = table[labels]
    learner = ActiveLearner(estimator, STRATEGIES[strategy], random_state=0).fit(X, make(X))
    expected = {row: truth[row] for row in np.flatnonzero(KNOWN)}
    for _ in range(2):
        idx, proposed = learner.query(n_instances=BATCH)
        assert len(set(idx)) == BATCH and not expected.keys() & set(idx.tolist())
        assert equal_rows(proposed, take(X, idx))
        learner.teach(idx, some(offered(X), idx))
        expected |= {row: truth[row] for row in idx.tolist()}
        labeled = learner.pool_.labeled
        assert labeled.tolist() == sorted(expected)
        assert learner.pool_.y_labeled.tolist() == [expected[row] for row in sorted(expected)]
    by_hand = seeded_clone(estimator, learner.seed_).fit(take(X, labeled), truth[labeled])
    same(learner.predict(X), by_hand.predict(X))
    if not is_regressor(estimator):
        assert learner.classes_.tolist() == sorted(set(truth))
        same(learner.predict_proba(X), by_hand.predict_proba(X))


def sentence(rows, kind, strategy):
    """The documented refusal, of the first part that is missing."""
    reads = missing(rows, kind, strategy)[0]
    estimator = ROWS[rows][1 + KINDS.index(kind)]
    return (
        f"{type(as_strategy(STRATEGIES[strategy])).__name__} reads "
        f"{' or '.join(f'view.{what}' for what in reads)}, which "
        f"{type(last_step(estimator)).__name__} cannot give: it needs "
        f"{' or '.join(NEEDS[what] for what in reads)}."
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", ROWS)
def test_the_other_cells_refuse_in_the_documented_words(rows, kind):
    X, *estimators = ROWS[rows]
    estimator = estimators[KINDS.index(kind)]
    table = VALUE_LABELS if is_regressor(estimator) else CLASS_LABELS
    refused = [name for name in READS if missing(rows, kind, name)]
    for strategy, (make, _, _) in itertools.product(refused, table.values()):
        learner = ActiveLearner(estimator, STRATEGIES[strategy])
        with pytest.raises(ValueError, match=f"^{re.escape(sentence(rows, kind, strategy))}$"):
            learner.fit(X, make(X))
        assert not hasattr(learner, "pool_")


def test_every_kind_is_served_by_some_strategies_and_refused_by_others():
    # Written out, lest classes that read nothing should work everywhere unnoticed.
    some = {
        "classifier": {"margin", "k_center", "badge", "expected_model_change", "density"},
        "committee": {"margin", "k_center", "bald", "batch_bald", "coral"},
        "regressor": {"std", "k_center", "greedy_xy", "expected_improvement", "random"},
        "regressor without std": {"k_center", "greedy_xy", "bait", "badge", "random"},
    }
    others = {
        "classifier": {"bald", "std", "greedy_y", "adversarial_bim"},
        "committee": {"std", "greedy_xy", "badge", "adversarial_deepfool", "expected_model_change"},
        "regressor": {"margin", "bald", "badge", "coral", "expected_model_change"},
        "regressor without std": {"std", "margin", "bald", "expected_model_change"},
    }
    for kind in KINDS:
        assert some[kind] <= set(works("float64", kind))
        assert others[kind] <= set(READS) - set(works("float64", kind))
    n_least = {"classifier": 20, "committee": 22, "regressor": 13, "regressor without std": 11}
    assert all(len(works("float64", kind)) >= n_least[kind] for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_with_holes_are_no_vectors(kind):
    X, *estimators = ROWS["NaN"]
    estimator = estimators[KINDS.index(kind)]
    make = (VALUE_LABELS["float"] if is_regressor(estimator) else CLASS_LABELS["int"])[0]
    text = "the strategy got embedding with NaN or infinity in row 0; every row needs finite"
    for strategy in [name for name in EMBEDDED if name in works("float64", kind)]:
        learner = ActiveLearner(estimator, strategy, random_state=0).fit(X, make(X))
        with pytest.raises(ValueError, match=text):
            learner.query(n_instances=BATCH)
        filled = np.nan_to_num(X)
        assert len(learner.fit(X, make(X), embedding=filled).query(n_instances=BATCH)[0]) == BATCH


@pytest.mark.parametrize(
    ("rows", "strategy"),
    [(rows, strategy) for rows in ROWS for strategy in works(rows, "committee")],
)
def test_rows_from_outside_join_the_pool_with_their_labels(rows, strategy):
    X, _, estimator, *_ = ROWS[rows]
    first, others = np.arange(N_KNOWN), np.arange(N_KNOWN, N)
    learner = ActiveLearner(estimator, STRATEGIES[strategy], random_state=0)
    learner.fit(take(X, first), WORDS[CODES[first]])
    outside, truth = take(X, others), WORDS[CODES[others]]
    order = []
    for _ in range(2):
        idx, proposed = learner.query(outside, n_instances=BATCH)
        assert len(set(idx.tolist())) == BATCH
        assert equal_rows(proposed, take(outside, idx))
        learner.teach(proposed, truth[idx])
        order += others[idx].tolist()
        left = np.setdiff1d(np.arange(n_rows(outside)), idx)
        outside, truth, others = take(outside, left), truth[left], others[left]
    positions = np.r_[first, order]
    assert len(learner.pool_) == N_KNOWN + 2 * BATCH
    assert learner.pool_.y.tolist() == WORDS[CODES[positions]].tolist()
    by_hand = seeded_clone(estimator, learner.seed_).fit(
        take(X, positions), WORDS[CODES[positions]]
    )
    same(learner.predict(X), by_hand.predict(X))


# Several labels a row: each strategy meets some containers and all kinds of labels in turn

LABELS = (NUMBERS[:, :3] + 0.5 * RNG.normal(size=(N, 3)) > 0).astype(int)
SETS = [{word for word, is_in in zip(WORDS, row, strict=True) if is_in} for row in LABELS]
EACH_LABEL = {
    "matrix": (np.where(KNOWN[:, None], LABELS, -1), LABELS),
    "sets": ([row if known else None for row, known in zip(SETS, KNOWN, strict=True)], SETS),
    "lists": (np.where(KNOWN[:, None], LABELS, -1).tolist(), LABELS.tolist()),
}


def for_each_label(rows):
    """A classifier of rows for each label, after the steps that make numbers of them."""
    estimator = ROWS[rows][1]
    if hasattr(estimator, "steps"):
        return make_pipeline(estimator[:-1], OneVsRestClassifier(estimator[-1]))
    return OneVsRestClassifier(estimator)


SEVERAL_CELLS = [
    pytest.param(rows, name, labels, id=f"{rows}-{name}-{labels}")
    for row, rows in enumerate(ROWS)
    for column, name in enumerate(get_strategy_names(multilabel=True))
    for labels in [list(EACH_LABEL)[(row + column) % len(EACH_LABEL)]]
    if (row + column) % 4 == 0 and rows != "NaN"
]


@pytest.mark.parametrize(("rows", "strategy", "labels"), SEVERAL_CELLS)
def test_several_labels_land_on_their_rows_too(rows, strategy, labels):
    X, estimator, (y, truth) = ROWS[rows][0], for_each_label(rows), EACH_LABEL[labels]
    learner = ActiveLearner(estimator, strategy, random_state=0).fit(X, y)
    idx, proposed = learner.query(n_instances=BATCH)
    assert len(set(idx)) == BATCH and not KNOWN[idx].any()
    assert equal_rows(proposed, take(X, idx))
    learner.teach(idx, [truth[row] for row in idx])
    labeled = learner.pool_.labeled
    assert labeled.tolist() == sorted([*np.flatnonzero(KNOWN), *idx])
    same(learner.pool_.y_labeled, LABELS[labeled])
    by_hand = seeded_clone(estimator, learner.seed_).fit(take(X, labeled), LABELS[labeled])
    same(learner.predict_proba(X), by_hand.predict_proba(X))


def test_categories_by_column_name_may_also_be_encoded_outside_the_learner():
    inside = ActiveLearner(make_pipeline(BY_NAME, LOGISTIC), "margin", random_state=0)
    outside = ActiveLearner(LOGISTIC, "margin", random_state=0)
    y = np.where(KNOWN, CODES, -1)
    # The same transformer, fitted on what the pipeline will see: the labelled rows.
    encoded = clone(BY_NAME).fit(FRAME[KNOWN]).transform(FRAME)
    np.testing.assert_allclose(inside.fit(FRAME, y).scores(), outside.fit(encoded, y).scores())
