"""select: the choice of a learner, from arrays alone."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, get_strategy_names, scores, select
from skactive.learner.questions import view_of
from skactive.strategies import (
    ClusterMargin,
    Coral,
    Density,
    Prefilter,
    RankedBatch,
    StochasticBatch,
    Subpool,
    UncertaintyHerding,
    as_strategy,
)

DIGITS, TRUTH = load_digits(return_X_y=True)
X = DIGITS[:150] / 16
Y = np.where(np.arange(150) < 30, TRUTH[:150], -1)
VALUES = np.where(np.arange(150) < 30, DIGITS[:150].sum(axis=1), np.nan)


def arrays_of(learner):
    """What a learner's strategy would read of its model, as arrays."""
    view, _ = view_of(learner)
    return {
        what: getattr(view, what)
        for what in ("proba", "samples", "prediction", "std")
        if view.gives(what) and (what != "prediction" or view.classes is None)
    } | ({"samples": view.value_samples} if view.gives("value_samples") else {})


def served(name):
    """A learner with the first of three estimators that serves a strategy, fitted."""
    for estimator, y in (
        (LogisticRegression(), Y),
        (RandomForestClassifier(n_estimators=5), Y),
        (GaussianProcessRegressor(optimizer=None), VALUES),
        (RandomForestRegressor(n_estimators=5), VALUES),
    ):
        try:
            return ActiveLearner(estimator, name, random_state=7).fit(X, y)
        except ValueError:
            continue
    raise AssertionError(name)


FROM_MODELS = [  # what no array can tell
    name
    for name in get_strategy_names()
    if {"perturbation", "input_gradient", "feature_dropout"} & set(as_strategy(name).reads)
]


@pytest.mark.parametrize("name", FROM_MODELS)
def test_what_only_a_model_gives_is_refused(name):
    with pytest.raises(ValueError, match="which only a model gives; write ActiveLearner"):
        select(name, proba=np.full((3, 2), 0.5))


@pytest.mark.parametrize("name", [n for n in get_strategy_names() if n not in FROM_MODELS])
def test_it_chooses_what_a_learner_would(name):
    learner = served(name)
    learner.pool_.reserve([60, 61])
    subset = np.arange(150) % 3 > 0
    idx, _ = learner.query(n_instances=5, subset=subset)
    arrays = {"embedding": X, **arrays_of(learner)}
    for labeled, reserved, candidates in (
        (np.arange(30), [60, 61], subset),
        (np.arange(150) < 30, np.isin(np.arange(150), [60, 61]), np.flatnonzero(subset)),
    ):
        found = select(
            name,
            labeled=labeled,
            y_labeled=learner.pool_.y_labeled,
            reserved=reserved,
            subset=candidates,
            n_instances=5,
            random_state=7,
            **arrays,
        )
        assert found.tolist() == idx.tolist() and found.dtype == np.int64


def test_samples_alone_stand_for_their_mean():
    samples = np.random.default_rng(0).dirichlet(np.ones(3), size=(4, 20))
    assert (
        select("margin", samples=samples, n_instances=5).tolist()
        == select("margin", proba=samples.mean(axis=0), n_instances=5).tolist()
    )


def test_an_embedding_may_be_sparse_and_stays_so():
    E = sparse.random(40, 30, density=0.2, format="csr", random_state=0)
    seen = []

    def first(view, n):
        seen.append(view.embedding)
        return view.candidates[:n]

    assert select(first, embedding=E, labeled=[0, 2], n_instances=2).tolist() == [1, 3]
    assert seen[0] is E


def test_fewer_are_given_where_fewer_are_left_and_the_seed_decides():
    proba = np.full((6, 2), 0.5)
    assert sorted(select("random", proba=proba, labeled=[1], n_instances=9)) == [0, 2, 3, 4, 5]
    assert len(select("margin", proba=proba, subset=[], n_instances=3)) == 0
    draws = {tuple(select("random", proba=proba, n_instances=3, random_state=s)) for s in range(20)}
    assert len(draws) > 10
    assert len({tuple(select("random", proba=proba, random_state=3)) for _ in range(5)}) == 1


P = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("strategy", "params", "text"),
    [
        ("margin", {}, "select got no array; give arrays that have one row for each row of"),
        ("margin", {"embedding": P}, "Margin reads view.proba or view.decision; give select"),
        ("bald", {"proba": P}, "BALD reads view.samples; give select samples=."),
        ("k_center", {"proba": P}, "KCenter reads view.embedding; give select embedding=."),
        ("badge", {"proba": P}, "give select proba= (or prediction=) and embedding=."),
        ("margin", {"proba": P, "embedding": P[:2]}, "select got proba of 3, embedding of 2;"),
        ("margin", {"proba": [P[0], [0.9, 0.2]]}, "proba of which row 1 is [0.9, 0.2]"),
        ("margin", {"proba": [*P, [-0.5, 1.5]]}, "row 3 is [-0.5, 1.5], with sum 1"),
        ("margin", {"proba": [[np.nan, 1.0]]}, "row 0 is [nan, 1.0], with sum nan"),
        ("bald", {"samples": [P, P * 0.5]}, "samples of which row 0 of sample 1 is [0.25, 0.25]"),
        ("margin", {"proba": P[0]}, "proba of shape (2,) and dtype float64; give numbers of shape"),
        ("k_center", {"embedding": [[0.0], [np.inf]]}, "embedding with NaN or infinity in row 1"),
        ("std", {"std": [1.0, -1.0]}, "select got std -1.0; standard deviations are at least 0."),
        ("std", {"std": [1.0, np.nan]}, "std of shape (2,) with NaN or infinity; give one finite"),
        ("margin", {"proba": P, "labeled": [3]}, "labeled hold positions from 3 to 3"),
        ("margin", {"proba": P, "labeled": [0], "y_labeled": [1, 2]}, "y_labeled of shape (2,)"),
        ("margin", {"proba": P, "n_instances": 0}, "select got n_instances=0; give a whole number"),
        (
            "margin",
            {"proba": P, "labeled": [1, 1], "y_labeled": [0, 0]},
            "y_labeled of shape (2,) for 1 labelled rows, some of them given twice; give one label",
        ),
        ("greedy_y", {"prediction": P[:, 0], "labeled": [1]}, "reads view.y_labeled; give select"),
        (
            "greedy_y",
            {"prediction": P[:, 0], "labeled": [1], "y_labeled": ["ham"]},
            "reads labels as values, and got some of dtype <U3; give numbers.",
        ),
        ("magrin", {"proba": P}, "did you mean 'margin'"),
        (
            "stream_random",
            {"proba": P},
            "RandomStream decides as rows pass; write ActiveLearner(estimator, strategy), and "
            "query(X_chunk). To choose from a pool, give strategy 'random'.",
        ),
    ],
)
def test_what_cannot_be_chosen_from_is_refused(strategy, params, text):
    with pytest.raises(ValueError) as info:
        select(strategy, **params)
    assert text in str(info.value)


@pytest.mark.parametrize("as_mask", [False, True])
def test_labels_belong_to_the_rows_as_these_were_given(as_mask):
    prediction = np.array([0.0, 1.0, 2.0, 4.0, 7.0, 5.0])
    labeled, y_labeled = [5, 3], [1.0, 9.0]  # so 7 is 2 from a known value, 4 is 3, 2 is 1
    if as_mask:
        labeled, y_labeled = np.isin(np.arange(6), labeled), [9.0, 1.0]
    options = {"prediction": prediction, "labeled": labeled, "y_labeled": y_labeled}
    seen = []
    select(
        lambda view, n: seen.append((view.labeled.tolist(), list(view.y_labeled))) or [0], **options
    )
    assert seen == [([3, 5], [9.0, 1.0])]
    assert select("greedy_y", **options).tolist() == [4]


@pytest.mark.parametrize("kind", ["coo", "lil", "csc"])
def test_vectors_of_any_sparse_kind_are_taken(kind):
    E = np.random.default_rng(0).normal(size=(30, 4)) * (np.arange(30) % 3 > 0)[:, None]
    options = {"labeled": [0], "n_instances": 5, "random_state": 0}
    sparse_ones = getattr(sparse, f"{kind}_matrix")(E)
    expected = select("k_center", embedding=E, **options)
    np.testing.assert_array_equal(select("k_center", embedding=sparse_ones, **options), expected)


def test_nothing_that_is_given_is_written_to():
    arrays = {"proba": P.copy(), "embedding": P.copy()}
    for array in arrays.values():
        array.flags.writeable = False
    for name in ("margin", "k_center", "badge", "uncertainty_herding"):
        select(name, labeled=[0], n_instances=2, random_state=0, **arrays)


# Scores of one's own


def test_scores_of_ones_own_are_ranked_and_tied_by_chance():
    s = np.array([0.1, 0.9, 0.5, 0.9, 0.2])
    assert sorted(select("scores", scores=s, n_instances=2)) == [1, 3]
    assert select("scores", scores=s, labeled=[1], n_instances=3).tolist() == [3, 2, 4]
    firsts = {int(select("scores", scores=s, random_state=r)[0]) for r in range(20)}
    assert firsts == {1, 3}


E = np.random.default_rng(0).normal(size=(60, 3))
AROUND = [
    StochasticBatch(),
    StochasticBatch(mode="softrank"),
    Coral(),
    Density(),
    ClusterMargin(),
    RankedBatch(),
    UncertaintyHerding(),
    Subpool(size=30),
    Prefilter(),
]


@pytest.mark.parametrize("strategy", AROUND, ids=repr)
def test_scores_stand_in_for_the_strategy_inside_another_one(strategy):
    proba = np.random.default_rng(1).dirichlet([1, 1], 60)
    entropy = scores.entropy(proba)
    name, before = "first" if isinstance(strategy, Prefilter) else "strategy", repr(strategy)
    options = {"embedding": E, "labeled": [3, 7], "n_instances": 6, "random_state": 5}
    inside = clone(strategy).set_params(**{name: "entropy"})
    expected = select(inside, proba=proba, **options)
    assert select(strategy, scores=entropy, **options).tolist() == expected.tolist()
    with pytest.raises(ValueError, match=r"reads view\.proba"):
        select(strategy, **options)
    assert repr(strategy) == before


@pytest.mark.parametrize(
    ("strategy", "given", "said"),
    [
        ("margin", {"proba": P}, "got scores=, but Margin is not made of another strategy that"),
        ("k_center", {"embedding": P}, "but KCenter is not made of another strategy"),
        ("scores", {"proba": [*P, P[0]]}, "select got proba of 4, scores of 3; give arrays"),
        ("coral", {}, "Coral reads view.embedding; give select embedding=."),
    ],
)
def test_scores_that_have_no_place_are_refused(strategy, given, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        select(strategy, scores=[0.1, 0.2, 0.3], **given)
    with pytest.raises(ValueError, match="select got scores of shape .* with NaN or infinity"):
        select("scores", scores=[0.1, np.nan, 0.3])
    with pytest.raises(ValueError, match="unknown strategy 'scores'"):
        select("scores", proba=P)


# As a query is asked


def test_a_subset_is_that_of_a_query():
    proba = np.full((6, 2), 0.5)
    for subset in ([4, 1], np.arange(6) % 3 == 1, pd.Series([0, 1, 0, 0, 1, 0], dtype="boolean")):
        chosen = select("random", proba=proba, subset=subset, labeled=[1], n_instances=9)
        assert chosen.tolist() == [4]
    with pytest.raises(ValueError, match="subset got row number 6; row numbers are 0 to 5"):
        select("random", proba=proba, subset=[6])
    with pytest.raises(ValueError, match="subset is a mask with 1 nulls, the first in row 2"):
        select("random", proba=proba, subset=[True, False, None, True, False, False])


def test_a_total_counts_what_is_labelled_or_reserved():
    proba = np.full((9, 2), 0.5)
    given = {"proba": proba, "labeled": [0, 1], "reserved": [2], "n_total": 5}
    assert len(select("random", **given)) == 2
    assert len(select("random", **given, subset=[8])) == 1
    assert len(select("random", **given | {"n_total": 3})) == 0
    with pytest.raises(ValueError, match="select got n_instances=1 and n_total=5; give how many"):
        select("random", **given, n_instances=1)
    with pytest.raises(ValueError, match="select got n_total=0; give a whole number of at least 1"):
        select("random", **given | {"n_total": 0})


def test_arrays_that_are_in_different_orders_by_their_index_are_refused():
    proba = pd.DataFrame(np.full((4, 2), 0.5), index=list("abcd"))
    turned = pd.Series([True, False, True, True], index=list("dcba"))
    for name in ("subset", "labeled", "reserved", "scores", "prediction"):
        strategy = "scores" if name == "scores" else "random"
        given = turned.astype(float) if name in ("scores", "prediction") else turned
        with pytest.raises(ValueError, match=f"select got {name} in another order than the rows"):
            select(strategy, proba=proba, **{name: given})
        select(strategy, proba=proba, **{name: given.loc[list("abcd")]})
    positions = pd.Series([0, 2, 3, 1], index=list("dcba"))  # by their own numbers
    assert len(select("random", proba=proba, subset=positions, n_instances=9)) == 4
