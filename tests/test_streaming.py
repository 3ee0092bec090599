"""Streams through the learner: bought in query, labels late or never, windows and drifts."""

import io
import pickle
from contextlib import nullcontext
from itertools import pairwise

import joblib
import naive_stream as naive
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import selection_data as data
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC
from snapshot import unchanged

import skactive
from skactive import ActiveLearner, Pool, get_strategy_names
from skactive.budgets import BudgetManager
from skactive.learner.questions import kept_of, view_of
from skactive.learner.stream import errors_of
from skactive.learner.trainer import taught_rows, trainer_of
from skactive.selection.vessal import vessal
from skactive.strategies import (
    BADGE,
    FixedUncertainty,
    Margin,
    Quantile,
    RandomStream,
    RandomVariableUncertainty,
    SplitUncertainty,
    StreamStrategy,
    Threshold,
    VariableUncertainty,
    Vessal,
    as_strategy,
)
from skactive.strategies.registry import ENTRIES

N = 400
ROWS = data.gaussian(N + 40, 4, seed=1)
TRUTH = (ROWS[:, 0] + 0.5 * np.sin(3 * ROWS[:, 1]) > 0).astype(int) + (ROWS[:, 2] > 1)
X0, Y0, X, Y = ROWS[:40], TRUTH[:40], ROWS[40:], TRUTH[40:]
for array in (X0, Y0, X, Y):
    array.flags.writeable = False

STRATEGIES = {
    "random": RandomStream(0.1, 50),
    "random, a total": RandomStream(0.2, 20, total=11),
    "fixed": FixedUncertainty(0.2, 20, threshold=0.9),
    "variable": VariableUncertainty(0.1, 20),
    "random variable": RandomVariableUncertainty(0.1, 20, total=25, delta=0.3),
    "split": SplitUncertainty(0.2, 25, total=17, share=0.3),
    "threshold": Threshold("entropy", 0.5, budget=0.1, window=20, total=15),
    "quantile": Quantile("margin", window=60),
    "vessal": Vessal(0.1, 30),
    "vessal by count": Vessal(total=30, length=N),
}
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


def learner_of(strategy="variable_uncertainty", estimator=None, y=Y0, **options):
    if estimator is None:
        needs_layer = strategy == "vessal" or isinstance(strategy, Vessal)
        estimator = LogisticRegression() if needs_layer else GaussianNB()
    return ActiveLearner(estimator, strategy, random_state=0, **options).fit(X0, y)


def bought(learner, edges=(0, N)):
    """What is bought of the stream, cut at these edges, if nothing is taught."""
    parts = [start + learner.query(X[start:stop])[0] for start, stop in pairwise(edges)]
    return np.concatenate(parts)


def passed(learner, start, stop, step=10):
    """Buy and teach, chunk by chunk; what was bought."""
    found = []
    for first in range(start, stop, step):
        idx, rows = learner.query(X[first : first + step])
        learner.teach(rows, Y[first + idx])
        found.append(first + idx)
    return np.concatenate(found)


class Errors:
    """A drift detector that remembers, and sees a drift after so many errors."""

    def __init__(self, n_errors=np.inf):
        self.n_errors, self.seen, self.drift_detected = n_errors, [], False

    def update(self, error):
        self.seen.append(error)
        self.drift_detected = sum(self.seen) >= self.n_errors


class Fragile(Errors):
    """A drift detector that fails at its third error."""

    def update(self, error):
        super().update(error)
        if len(self.seen) > 2:
            raise RuntimeError("no luck")


class Broken(GaussianNB):
    """Raises at its `n_fine`-th prediction and all later ones."""

    n_fine = np.inf

    def predict_proba(self, X):
        type(self).n_fine -= 1
        if type(self).n_fine < 0:
            raise RuntimeError("no luck")
        return super().predict_proba(X)


# A query buys


def test_a_query_returns_what_the_strategy_admits_as_positions_and_rows():
    learner = learner_of()
    idx, rows = learner.query(X[:100])
    alone = as_strategy(learner.strategy).reset(np.random.default_rng([0, *b"stream"]))
    expected = alone.admit(view_of(learner, X[:100])[0])[:100]
    assert idx.dtype == np.int64 and idx.tolist() == np.flatnonzero(expected).tolist()
    assert 0 < len(idx) < 100
    np.testing.assert_array_equal(rows, X[idx])
    assert learner.strategy_.budget_.spent == len(idx)
    assert learner.strategy_ is not learner.strategy
    assert len(learner.pool_) == 40


@every_strategy
@given(cuts=st.lists(st.integers(1, N - 1), max_size=6))
def test_decisions_of_a_fixed_model_do_not_depend_on_how_the_stream_is_cut(strategy, cuts):
    edges = sorted({0, N, *cuts})
    whole = bought(learner_of(strategy))
    assert 0 < len(whole) < N
    np.testing.assert_array_equal(bought(learner_of(strategy), edges), whole)


@every_strategy
def test_the_budget_is_held_at_every_prefix_while_the_model_learns(strategy):
    learner = learner_of(strategy)
    mask = np.zeros(N, dtype=bool)
    mask[passed(learner, 0, N)] = True
    if strategy.window is not None and getattr(strategy, "length", None) is None:
        most = strategy.budget * strategy.window + 1e-9
        assert naive.most_in_a_window(mask, strategy.window) <= most
        for n in range(1, N + 1):
            assert mask[:n].sum() <= most * -(-n // strategy.window)
    assert strategy.total is None or mask.sum() <= strategy.total
    assert learner.pool_.n_labeled == 40 + mask.sum() == len(learner.pool_)


def test_before_there_is_a_model_rows_are_bought_blindly_whatever_the_cold_start():
    y = np.full(40, -1)
    cold = learner_of(VariableUncertainty(0.1, 20), y=y, cold_start="k_center")
    blind = learner_of(RandomStream(0.1, 20), y=y)
    np.testing.assert_array_equal(bought(cold), bought(blind))


def test_one_class_is_too_few_for_a_model_though_every_row_of_the_pool_is_labelled():
    learner = learner_of(y=np.zeros(40, dtype=int))
    assert not hasattr(learner, "estimator_")
    idx, rows = learner.query(X[:100])
    learner.teach(rows, Y[idx])
    assert learner.predict(X).shape == (N,)


def test_rows_outside_a_subset_are_not_seen():
    subset = np.arange(N) % 3 > 0
    learner, alone = learner_of(), learner_of()
    idx, _ = learner.query(X, subset=subset)
    expected, _ = alone.query(X[subset])
    np.testing.assert_array_equal(idx, np.flatnonzero(subset)[expected])
    assert learner.strategy_.budget_.n_passed == subset.sum()


@pytest.mark.parametrize(
    "make", [np.asarray, pd.DataFrame, sp.csr_matrix, np.ndarray.tolist], ids=lambda f: f.__name__
)
def test_chunks_are_of_any_container(make):
    estimator = LogisticRegression()
    learner = ActiveLearner(estimator, "stream_random", random_state=0).fit(make(X0), Y0)
    plain = ActiveLearner(estimator, "stream_random", random_state=0).fit(X0, Y0)
    for start in range(0, N, 50):
        idx, _, tickets = learner.query(make(X[start : start + 50]), return_tickets=True)
        learner.teach(y=Y[start + idx], ticket=tickets)
        expected, plain_rows = plain.query(X[start : start + 50])
        plain.teach(plain_rows, Y[start + expected])
        np.testing.assert_array_equal(idx, expected)
    np.testing.assert_allclose(
        learner.predict_proba(make(X)), plain.predict_proba(X), rtol=1e-6, atol=1e-8
    )


def test_vectors_of_ones_own_come_with_each_chunk():
    learner = ActiveLearner(LogisticRegression(), "vessal", random_state=0)
    learner = learner.fit(X0, Y0, embedding=X0[:, :2])
    assert set(learner.query(X[:100], embedding=X[:100, :2])[0]) < set(range(100))
    idx, _, tickets = learner.query(X, embedding=X[:, :2], return_tickets=True)
    learner.teach(y=[*Y[idx[:-1]], -1], ticket=tickets, embedding=X[idx, :2])
    np.testing.assert_array_equal(learner.pool_.X[40:], X[idx[:-1]])
    np.testing.assert_array_equal(kept_of(learner).embedding.given.whole()[40:], X[idx[:-1], :2])


def test_a_learner_in_a_pipeline_is_reached():
    inner = ActiveLearner(GaussianNB(), "variable_uncertainty", random_state=0)
    pipe = make_pipeline(StandardScaler(), inner).fit(X0, Y0)
    idx, rows = skactive.query(pipe, X[:100])
    skactive.teach(pipe, rows, Y[idx])
    np.testing.assert_array_equal(rows, X[idx])
    assert pipe[-1].pool_.n_labeled == 40 + len(idx) > 40


# The copy that runs


def test_the_running_copy_is_kept_by_teach_and_refit_and_made_anew_by_fit():
    learner = learner_of()
    running = learner.strategy_
    passed(learner, 0, 50)
    assert learner.refit().strategy_ is running
    assert running.budget_.n_passed == 50
    learner.fit(X0, Y0)
    assert learner.strategy_ is not running
    assert learner.strategy_.budget_.n_passed == 0


@pytest.mark.parametrize(
    ("strategy", "same", "other"),
    [
        (VariableUncertainty(), VariableUncertainty(), VariableUncertainty(step=0.1)),
        ("variable_uncertainty", VariableUncertainty(), RandomVariableUncertainty()),
        (Quantile("margin"), Quantile("margin"), Quantile("entropy")),
        (Quantile(Margin()), Quantile(Margin()), Quantile("entropy")),
        (
            Vessal(covariance=np.eye(12)),
            Vessal(covariance=np.eye(12)),
            Vessal(covariance=2 * np.eye(12)),
        ),
    ],
)
def test_only_other_parameters_make_it_begin_again_at_a_refit(strategy, same, other):
    learner = learner_of(strategy, LogisticRegression())
    learner.query(X[:50])
    running = learner.strategy_
    assert learner.set_params(strategy=same).refit().strategy_ is running
    assert learner.set_params(strategy=other).strategy_ is running
    assert learner.refit().strategy_ is not running
    assert learner.strategy_.budget_.n_passed == 0
    assert learner.set_params(strategy="margin").refit().query(X, 3)[0].size == 3


def roundtrip_pickle(learner):
    return pickle.loads(pickle.dumps(learner))


def roundtrip_joblib(learner):
    file = io.BytesIO()
    joblib.dump(learner, file)
    file.seek(0)
    return joblib.load(file)


@every_strategy
@pytest.mark.parametrize("saved", [roundtrip_pickle, roundtrip_joblib])
def test_saved_in_the_middle_it_goes_on_with_the_same_decisions(strategy, saved):
    drift = Errors(5) if strategy.has_random_share else None
    learner, whole = (learner_of(strategy, window=60, drift=drift) for _ in range(2))
    first = passed(learner, 0, 200)
    copy = saved(learner)
    both = [passed(each, 200, N) for each in (learner, copy)]
    np.testing.assert_array_equal(*both)
    np.testing.assert_array_equal(np.concatenate([first, both[1]]), passed(whole, 0, N))
    assert copy.n_drifts_ == whole.n_drifts_
    np.testing.assert_array_equal(copy.predict_proba(X), whole.predict_proba(X))


def test_a_clone_starts_fresh():
    learner = learner_of()
    expected = bought(learner)
    twin = clone(learner)
    assert not [name for name in vars(twin) if name.endswith("_")]
    np.testing.assert_array_equal(bought(twin.fit(X0, Y0)), expected)


def test_a_copy_for_deployment_predicts_and_keeps_nothing_of_the_stream():
    learner = learner_of()
    deployed = learner.without_pool()
    np.testing.assert_array_equal(deployed.predict(X), learner.predict(X))
    assert not hasattr(deployed, "tickets_")
    with pytest.raises(ValueError, match="needs the pool"):
        deployed.query(X)


@pytest.mark.parametrize("n_fine", [0, 1])
def test_a_query_that_raises_has_spent_nothing(n_fine, monkeypatch):
    learner, twin = (
        learner_of(SplitUncertainty(0.2, 25), Broken(), drift=Errors()) for _ in range(2)
    )
    for each in (learner, twin):
        passed(each, 0, 100)
    with monkeypatch.context() as patched:
        patched.setattr("skactive.strategies.reading.MODEL_BYTES", 1)  # two chunks
        patched.setattr(Broken, "n_fine", n_fine)
        with unchanged(learner), pytest.raises(RuntimeError, match="no luck"):
            learner.query(np.tile(X, (2, 1)))
    np.testing.assert_array_equal(passed(learner, 100, N), passed(twin, 100, N))


class Torn(RandomStream):
    """Counts a row, then raises."""

    def _pass(self, seen, draws):
        self.budget_.passed(True)
        self.extra_ = 1
        raise KeyboardInterrupt


def test_what_interrupts_a_strategy_in_its_middle_has_spent_nothing():
    learner = learner_of(Torn())
    before = pickle.dumps(learner.strategy_)
    with unchanged(learner), pytest.raises(KeyboardInterrupt):
        learner.query(X)
    assert pickle.dumps(learner.strategy_) == before


def test_a_row_that_vessal_cannot_take_leaves_no_trace_of_those_before_it():
    learner, twin = (learner_of(Vessal(0.2, 25), LinearRegression()) for _ in range(2))
    wrong = np.tile(X, (2, 1))
    wrong[700] = 1e160
    with unchanged(learner), pytest.raises(ValueError, match="squared length overflows"):
        learner.query(wrong)
    np.testing.assert_array_equal(bought(learner), bought(twin))


@pytest.mark.parametrize("n_before", [0, 250])
@pytest.mark.parametrize("n_fine", [0, 3, 300, 700])
def test_interrupted_while_rows_pass_vessal_goes_on_as_if_it_had_not_been_asked(
    n_before, n_fine, monkeypatch
):
    learner, twin = (learner_of(Vessal(0.3, 20), LinearRegression()) for _ in range(2))
    for each in (learner, twin):
        bought(each, (0, n_before))
    numbers = iter(range(n_fine))

    def takes(budget, draw, share=1.0):
        if next(numbers, None) is None:
            raise KeyboardInterrupt
        return BudgetManager.__dict__["may_spend"](budget) and draw < budget.chance * share

    with monkeypatch.context() as patched:
        patched.setattr(BudgetManager, "takes", takes)
        with pytest.raises(KeyboardInterrupt):
            learner.query(np.tile(X, (2, 1)))
    assert learner.strategy_.budget_.n_passed == n_before
    for start in range(n_before, N, 50):
        chunk = X[start : start + 50]
        np.testing.assert_array_equal(learner.query(chunk)[0], twin.query(chunk)[0])
    assert learner.strategy_.volumes_.trace == twin.strategy_.volumes_.trace


class Greedy(StreamStrategy):
    """Admits what is no candidate."""

    def __init__(self, answer=None, budget=0.1, window=10, total=None):
        self.answer, self.budget, self.window, self.total = answer, budget, window, total

    def admit(self, view):
        return np.ones(len(view), dtype=self.answer)


@pytest.mark.parametrize("dtype", [bool, int])
def test_a_strategy_of_ones_own_that_admits_what_it_may_not_is_refused(dtype):
    learner = learner_of(Greedy(dtype))
    with unchanged(learner), pytest.raises(ValueError, match=r"Greedy was asked about 440 rows"):
        learner.query(X)


# Vessal chooses from a pool as well


def test_vessal_chooses_from_the_pool_exactly_as_many_rows_as_asked_and_spends_nothing():
    y = np.where(np.arange(N) < 60, Y, -1)
    learner = ActiveLearner(LogisticRegression(), "vessal", random_state=0).fit(X, y)
    idx, rows = learner.query(n_instances=25)
    again, _ = learner.query(n_instances=25)
    np.testing.assert_array_equal(idx, again)
    assert len(set(idx.tolist())) == 25 and (idx >= 60).all()
    np.testing.assert_array_equal(rows, X[idx])
    assert len(learner.teach(idx, Y[idx]).query(n_total=100)[0]) == 15
    assert learner.strategy_.budget_.n_passed == 0


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ({"condition_on_labeled": False}, {"centers": None}),
        ({"regularization": 10.0}, {"regularization": 10.0}),
        ({"covariance": 9 * np.eye(12)}, {"covariance": 9 * np.eye(12)}),
    ],
    ids=["labelled rows left out", "regularization", "covariance"],
)
def test_on_a_pool_vessal_passes_its_parameters_on(parameters, options):
    y = np.where(np.arange(N) < 60, Y, -1)
    learner = ActiveLearner(LogisticRegression(), Vessal(**parameters), random_state=0).fit(X, y)
    view = view_of(learner)[0]
    given = {"candidates": view.mask, "centers": view.centers, "rng": view.rng}
    expected = vessal(view.gradient, 25, **given | options)
    usual = vessal(view.gradient, 25, **given | {"rng": view_of(learner)[0].rng})
    np.testing.assert_array_equal(learner.query(n_instances=25)[0], expected)
    assert expected.tolist() != usual.tolist()


@every_strategy
def test_rows_of_fit_are_no_chunk(strategy):
    learner = learner_of(strategy)
    with (
        unchanged(learner),
        pytest.raises(ValueError, match=r"write query\(X_chunk\), with the rows"),
    ):
        learner.query(X0)
    assert len(learner.query(X0.copy())[0]) <= len(X0)


def test_vessal_over_a_pool_that_is_labelled_is_told_what_it_takes():
    learner = learner_of("vessal")
    with pytest.raises(ValueError, match=r"without a label; write query\(X_chunk\) to choose"):
        learner.query(n_instances=3)


def test_vessal_chooses_from_a_pool_without_labels_by_the_cold_start():
    learner = ActiveLearner(LogisticRegression(), "vessal", random_state=0).fit(X)
    assert len(learner.query(n_instances=7)[0]) == 7


# Tickets


@given(
    seed=st.integers(0, 10**6),
    late=st.floats(0, 1),
    n_given=st.integers(1, 6),
    lost=st.floats(0, 1),
)
def test_late_labels_in_any_order_are_those_of_the_rows_they_were_bought_for(
    seed, late, n_given, lost
):
    rng = np.random.default_rng(seed)
    learner, waiting, known = learner_of(RandomStream(0.2, 20)), {}, set()
    for start in range(0, N, 40):
        idx, rows, tickets = learner.query(X[start : start + 40], return_tickets=True)
        waiting.update(zip(tickets.tolist(), (start + idx).tolist(), strict=True))
        np.testing.assert_array_equal(rows, X[start + idx])
        while waiting and rng.random() > late:
            some = rng.permutation(list(waiting))[:n_given]
            rows_of = np.array([waiting.pop(ticket) for ticket in some.tolist()])
            labels = np.where(rng.random(len(rows_of)) < lost, -1, Y[rows_of])
            learner.teach(y=labels, ticket=some)
            known |= set(rows_of[labels != -1].tolist())
        if rng.random() < 0.3:
            learner = pickle.loads(pickle.dumps(learner))
        assert list(learner.tickets_) == sorted(waiting)
        for ticket, row in learner.tickets_.items():
            np.testing.assert_array_equal(row, X[[waiting[ticket]]])
    pool = learner.pool_
    assert pool.n_labeled == len(pool) == 40 + len(known)
    got = {(tuple(row), label) for row, label in zip(pool.X[40:], pool.y[40:], strict=True)}
    assert got == {(tuple(X[row]), Y[row]) for row in known}
    expected = GaussianNB().fit(pool.X, pool.y).predict_proba(X)
    np.testing.assert_array_equal(learner.predict_proba(X), expected)


def test_open_tickets_are_taught_as_they_are_listed():
    learner = learner_of("stream_random")
    idx, _, _ = learner.query(X[:100], return_tickets=True)
    learner.teach(y=Y[idx], ticket=learner.tickets_.keys())
    assert len(learner.tickets_) == 0 and learner.pool_.n_labeled == 40 + len(idx)


@pytest.mark.parametrize("strategy", ["stream_random", "vessal"])
def test_of_a_chunk_without_rows_nothing_is_bought(strategy):
    learner, twin = (learner_of(strategy) for _ in range(2))
    idx, rows, tickets = learner.query(X[:0], return_tickets=True)
    assert (len(idx), rows.shape, len(tickets)) == (0, (0, 4), 0)
    idx, rows = learner.query(X[:0])
    assert idx.dtype.kind == "i" and len(learner.teach(rows, Y[idx]).query(X[:0])[0]) == 0
    np.testing.assert_array_equal(bought(learner), bought(twin))


def test_a_number_is_one_ticket_with_one_label():
    learner = learner_of()
    idx, _, tickets = learner.query(X, return_tickets=True)
    learner.teach(y=Y[idx[3]], ticket=int(tickets[3]))
    np.testing.assert_array_equal(learner.pool_.X[40:], X[idx[3:4]])
    assert tickets[3] not in learner.tickets_ and len(learner.tickets_) == len(idx) - 1


@pytest.mark.parametrize("missing", [-1, None, np.nan])
def test_a_ticket_is_given_up_by_the_missing_label_and_its_row_forgotten(missing):
    learner = learner_of()
    _, _, tickets = learner.query(X, return_tickets=True)
    # -1 may have been meant as a class; None says what it means.
    told = pytest.warns(UserWarning, match="-1 for 1 of 1 rows from outside, which are given up")
    with unchanged(learner, but=("kept stream",)), told if missing == -1 else nullcontext():
        learner.teach(y=missing, ticket=tickets[0])
    assert list(learner.tickets_) == tickets[1:].tolist()
    with pytest.raises(ValueError, match="which was taught or given up before"):
        learner.teach(y=1, ticket=tickets[0])


def test_no_tickets_change_nothing():
    learner = learner_of()
    learner.query(X, return_tickets=True)
    with unchanged(learner):
        learner.teach(y=[], ticket=[])


def test_sample_weights_follow_their_tickets():
    learner = ActiveLearner(GaussianNB(), "stream_random", random_state=0)
    learner.fit(X0, Y0, sample_weight=np.ones(40))
    idx, _, tickets = learner.query(X, return_tickets=True)
    weights = np.arange(1.0, 1 + len(idx))
    labels = np.where(np.arange(len(idx)) % 3, Y[idx], -1)
    learner.teach(y=labels, ticket=tickets, sample_weight=weights)
    kept = labels != -1
    by_hand = GaussianNB().fit(
        np.r_[X0, X[idx[kept]]],
        np.r_[Y0, labels[kept]],
        np.r_[np.ones(40), weights[kept]],
    )
    np.testing.assert_array_equal(learner.predict_proba(X), by_hand.predict_proba(X))


def test_labels_of_tickets_as_a_series_in_the_order_of_the_frame():
    learner = ActiveLearner(GaussianNB(), "stream_random", random_state=0)
    learner.fit(pd.DataFrame(X0), Y0)
    idx, rows, tickets = learner.query(pd.DataFrame(X), return_tickets=True)
    assert rows.index.tolist() == idx.tolist()
    shuffled = pd.Series(Y[idx], index=idx)[::-1]
    with unchanged(learner), pytest.raises(ValueError, match="index"):
        learner.teach(y=shuffled, ticket=tickets)
    learner.teach(y=pd.Series(Y[idx], index=idx), ticket=tickets)
    assert learner.pool_.y[40:].tolist() == Y[idx].tolist()


# Windows


def by_hand(rows, estimator=None):
    """A model on these rows of the pool X0, X."""
    X_all, y_all = np.r_[X0, X], np.r_[Y0, Y]
    return clone(GaussianNB() if estimator is None else estimator).fit(X_all[rows], y_all[rows])


@pytest.mark.parametrize("window", [1, 5, 30, 60, 1000])
def test_a_window_learns_the_labels_that_were_taught_last(window):
    learner = learner_of(RandomStream(0.2, 20), LinearRegression(), window=window)
    rows = np.r_[np.arange(40), 40 + passed(learner, 0, 200)]
    expected = by_hand(np.sort(rows[-window:]), LinearRegression())
    np.testing.assert_allclose(learner.predict(X), expected.predict(X), rtol=1e-10, atol=1e-12)


def test_labels_that_come_late_are_the_last_ones():
    learner = learner_of(RandomStream(0.2, 20), window=12)
    idx, _, tickets = learner.query(X[:100], return_tickets=True)
    order = np.random.default_rng(0).permutation(len(idx))
    for position in order:
        learner.teach(y=Y[idx[position]], ticket=tickets[position])
    expected = GaussianNB().fit(X[idx[order[-12:]]], Y[idx[order[-12:]]])
    np.testing.assert_array_equal(learner.predict(X), expected.predict(X))


def test_a_window_counts_a_row_where_it_was_labelled_last_and_forgets_what_was_undone():
    pool = Pool(X0, np.where(np.arange(40) < 3, Y0, -1), missing_label=-1)
    pool.label([7, 5], [0, 1])
    pool.label([1], [2], relabel=True)
    pool.label([9], [2])
    pool.undo()
    pool.skip([20])
    assert [taught_rows(pool, w).tolist() for w in (1, 2, 3, 4, 9)] == [
        [1],
        [1, 5],
        [1, 5, 7],
        [1, 2, 5, 7],
        [0, 1, 2, 5, 7],
    ]
    assert taught_rows(pool, None, 1).tolist() == [1, 5, 7]
    assert taught_rows(pool, 2, 2).tolist() == [1]
    pool.undo(2)  # the skip, and the other label of row 1
    assert taught_rows(pool, 3).tolist() == [2, 5, 7]


def test_a_window_serves_a_pool_as_well():
    y = np.where(np.arange(N) < 40, Y, -1)
    learner = ActiveLearner(GaussianNB(), "margin", window=20, random_state=0).fit(X, y)
    asked = [learner.query(n_instances=10)[0]]
    learner.teach(asked[0], Y[asked[0]])
    last = np.sort(np.r_[np.arange(30, 40), asked[0]])
    expected = GaussianNB().fit(X[last], Y[last])
    np.testing.assert_array_equal(learner.predict(X), expected.predict(X))


def test_the_estimator_stays_while_a_window_holds_one_class():
    learner = learner_of(RandomStream(1.0, 20), window=3)
    learner.query(X)
    rows = X[Y == 0][:4]
    before = learner.estimator_
    learner.query(rows)
    learner.teach(rows, np.zeros(4, dtype=int))
    assert learner.estimator_ is before
    learner.query(X[Y == 1][:1])
    learner.teach(X[Y == 1][:1], [1])
    assert learner.estimator_ is not before
    assert learner.classes_.tolist() == [0, 1, 2]
    assert (learner.predict_proba(X)[:, 2] == 0).all()


def test_warm_start_goes_on_with_the_window_alone():
    learner = learner_of(
        RandomStream(0.2, 20), LogisticRegression(max_iter=2000), window=15, update="warm_start"
    )
    rows = passed(learner, 0, 200)[-15:]
    expected = LogisticRegression(max_iter=2000).fit(X[rows], Y[rows])
    np.testing.assert_allclose(learner.predict_proba(X), expected.predict_proba(X), atol=1e-3)


# Drifts


def splitting(**options):
    return learner_of(SplitUncertainty(0.3, 20, share=0.5), **options)


def test_a_detector_sees_the_errors_on_rows_bought_blindly_before_they_are_learned():
    learner, expected = splitting(drift=Errors()), []
    for start in range(0, N, 40):
        idx, rows = learner.query(X[start : start + 40])
        blind = learner.strategy_.random_share_[idx]
        expected += (learner.predict(rows) != Y[start + idx])[blind].astype(int).tolist()
        learner.teach(rows, Y[start + idx])
    assert learner.drift_.seen == expected
    assert 0 < sum(expected) < len(expected) < learner.pool_.n_labeled - 40
    assert learner.drift.seen == [] and learner.drift_ is not learner.drift
    assert learner.n_drifts_ == 0


def test_a_drift_is_not_missed_that_the_next_error_would_have_hidden():
    class Once(Errors):
        def update(self, error):
            super().update(error)
            self.drift_detected = len(self.seen) == 3

    learner = splitting(drift=Once())
    idx, rows = learner.query(X)
    assert learner.teach(rows, Y[idx]).n_drifts_ == 1


def test_a_detector_is_a_copy_from_fit_on():
    given = Errors()
    learner = splitting(drift=given)
    given.update(1)
    assert learner.drift_.seen == []


def test_a_detector_of_a_regressor_sees_absolute_errors():
    learner = learner_of(RandomStream(0.2, 20), LinearRegression(), drift=Errors())
    idx, rows = learner.query(X)
    expected = np.abs(learner.predict(rows) - Y[idx])
    learner.teach(rows, Y[idx])
    assert learner.drift_.seen == pytest.approx(expected.tolist(), rel=1e-12)


def test_values_that_a_regressor_predicts_as_a_column_have_errors_one_by_one():
    truth, column = np.array([1.0, 2.0, 4.0]), np.array([[1.0], [0.0], [5.0]])
    assert errors_of(truth, column, is_regression=True) == [0.0, 2.0, 1.0]


def test_after_a_drift_the_old_model_serves_until_ten_labels_are_there():
    learner = learner_of(RandomStream(0.2, 20), LinearRegression(), drift=Errors(15))
    start, n_labels, before = 0, [40], None
    while not learner.n_drifts_ or learner.estimator_ is before:
        before = learner.estimator_
        idx, rows = learner.query(X[start : start + 5])
        learner.teach(rows, Y[start : start + 5][idx])
        n_labels.append(learner.pool_.n_labeled)
        start += 5
    n_since = len(trainer_of(learner).taught)
    assert n_since >= 10 > n_since - (n_labels[-1] - n_labels[-2])
    expected = LinearRegression().fit(learner.pool_.X[-n_since:], learner.pool_.y[-n_since:])
    np.testing.assert_allclose(learner.predict(X), expected.predict(X))


def test_late_and_missing_labels_are_told_apart_for_the_detector():
    learner = splitting(drift=Errors())
    first, _, tickets = learner.query(X[:200], return_tickets=True)
    blind = learner.strategy_.random_share_[first]
    learner.query(X[200:])
    some = np.random.default_rng(0).permutation(len(first))[:20]
    labels = Y[first[some]].copy()
    labels[::2] = -1
    known = blind[some] & (labels != -1)
    expected = (learner.predict(X[first[some]]) != labels)[known].astype(int).tolist()
    learner.teach(y=labels, ticket=tickets[some])
    assert learner.drift_.seen == expected != []


def test_on_drift_threshold_window_and_model_begin_again():
    learner = splitting(drift=Errors(3), window=50)
    seen, since, before = 0, [], None
    for start in range(0, N, 20):
        idx, rows = learner.query(X[start : start + 20])
        threshold, before = learner.strategy_.threshold_, learner.estimator_
        learner.teach(rows, Y[start + idx])
        if learner.n_drifts_ > seen:
            seen, since = learner.n_drifts_, []
            assert learner.strategy_.threshold_ == 1.0 != threshold
            assert learner.drift_.seen == [] and not learner.drift_.drift_detected
        since.extend(start + idx)
        if seen and len(since) >= 10 and len(set(Y[since])) > 1:
            last = np.sort(since[-50:])
            expected = GaussianNB().fit(X[last], Y[last])
            np.testing.assert_array_equal(learner.estimator_.predict(X), expected.predict(X))
        elif seen:
            assert learner.estimator_ is before  # the old one serves
        assert learner.strategy_.budget_.n_passed == start + 20
    assert seen > 1


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # a class without rows yet
def test_on_drift_partial_fit_begins_with_a_fresh_model():
    learner = splitting(drift=Errors(3), update="partial_fit")
    kept, n_begun = [], 1
    for start in range(0, N, 20):
        idx, rows = learner.query(X[start : start + 20])
        n_drifts = learner.n_drifts_
        learner.teach(rows, Y[start + idx])
        kept = [] if learner.n_drifts_ > n_drifts else kept
        had_begun = len(kept) >= 10
        kept.extend(start + idx)
        if learner.n_drifts_ and len(kept) >= 10 and len(set(Y[kept])) > 1:
            n_begun += not had_begun
            assert learner.estimator_.class_count_.sum() == len(kept)
    assert learner.n_drifts_ >= n_begun - 1 >= 1


def test_a_drift_that_is_seen_without_refit_is_learned_by_the_refit():
    learner = splitting(drift=Errors(1))
    idx, rows = learner.query(X[:200])
    before = learner.estimator_
    learner.teach(rows, Y[idx], refit=False)
    assert learner.n_drifts_ == 1 and learner.estimator_ is before
    expected = GaussianNB().fit(X[idx], Y[idx]).predict_proba(X)
    np.testing.assert_array_equal(learner.refit().predict_proba(X), expected)


def test_another_detector_holds_from_the_next_refit_on():
    learner = splitting(drift=Errors(50))
    passed(learner, 0, 100)
    running = learner.drift_
    assert learner.refit().drift_.seen == running.seen
    assert learner.set_params(drift=Errors(60)).refit().drift_.n_errors == 60
    assert learner.drift_.seen == []
    assert learner.set_params(drift=None).refit().drift_ is None


def test_an_error_of_the_detector_has_changed_nothing():
    learner = splitting(drift=Fragile())
    idx, rows = learner.query(X)
    with unchanged(learner), pytest.raises(RuntimeError, match="no luck"):
        learner.teach(rows, Y[idx])


# Names


def test_names_of_stream_strategies_are_listed_apart_and_taken_by_any_learner():
    names = get_strategy_names(stream=True)
    assert names == sorted(names)
    assert set(names) >= {
        "stream_random",
        "fixed_uncertainty",
        "variable_uncertainty",
        "random_variable_uncertainty",
        "split_uncertainty",
        "vessal",
    }
    assert not set(names) & set(get_strategy_names())
    for name in names:
        assert ENTRIES[type(as_strategy(name))].name == name
        assert len(bought(learner_of(name, LogisticRegression()))) <= 0.1 * N


def test_a_misspelt_name_of_a_stream_strategy_is_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match="did you mean 'split_uncertainty'"):
        learner_of("split_uncertianty")


# Refusals


def streaming():
    learner = learner_of()
    learner.query(X[:50])
    return learner


def ticketed():
    learner = learner_of()
    learner.query(X[:100], return_tickets=True)
    learner.teach(y=1, ticket=0)
    return learner


def pooled():
    y = np.where(np.arange(40) < 20, Y0, -1)
    return ActiveLearner(GaussianNB(), "margin").fit(X0, y)


REFUSED = [
    (streaming, lambda a: a.query(X, 5), r"n_instances=5, but VariableUncertainty decides as rows"),
    (streaming, lambda a: a.query(X, n_total=50), r"got n_total=50, but .*write query\(X_chunk\)"),
    (streaming, lambda a: a.query(X, return_scores=True), r"return_scores=True, .*ranks nothing"),
    (streaming, lambda a: a.query(X, random_state=0), r"random_state=0, .*numbers of its own"),
    (streaming, lambda a: a.query(), r"write query\(X_chunk\), or run_.*give strategy 'least_conf"),
    (streaming, lambda a: a.query(n_instances=3), r"VariableUncertainty decides as rows pass"),
    (streaming, lambda a: a.query(5), r"write query\(n_instances=5\)"),
    (streaming, lambda a: a.scores(X), r"ranks nothing; write query\(X_chunk\), or give strategy"),
    (streaming, lambda a: a.query(X[:, :3]), r"query: .*3.*4"),
    (streaming, lambda a: a.query(X, subset=[N]), r"subset got row number 400"),
    (streaming, lambda a: a.teach([0], [1]), r"teach got row numbers, but the last query was over"),
    (streaming, lambda a: a.teach([0], [1], relabel=True), r"pool_.label\(rows, y, relabel=True\)"),
    (streaming, lambda a: a.teach(y=1, ticket=0), r"ticket 0, which no query gave out; give tick"),
    (streaming, lambda a: a.teach(y=[1]), r"teach got neither rows nor tickets; write"),
    (ticketed, lambda a: a.teach(y=1, ticket=0), r"ticket 0, which was taught or given up before"),
    (ticketed, lambda a: a.teach(y=[1, 1], ticket=[1, 0]), r"ticket 0, which was taught or given"),
    (ticketed, lambda a: a.teach(y=[1, 1], ticket=[1, 1]), r"ticket 1 twice; give each one label"),
    (ticketed, lambda a: a.teach(y=1, ticket=99), r"ticket 99, which no query gave out"),
    (ticketed, lambda a: a.teach(y=1, ticket=-1), r"ticket -1, which no query gave out"),
    (ticketed, lambda a: a.teach(y=1, ticket=a.tickets_), r"alone, such as ticket=list\(learner"),
    (ticketed, lambda a: a.teach(y=1, ticket="1"), r"ticket='1'; give the numbers that query"),
    (ticketed, lambda a: a.teach(y=1, ticket=1.0), r"ticket=1.0; give the numbers that query ret"),
    (ticketed, lambda a: a.teach(y=[1, 0], ticket=1), r"teach got 2 labels for 1 rows"),
    (ticketed, lambda a: a.teach(X[:1], 1, ticket=1), r"teach got rows and tickets; write teach"),
    (ticketed, lambda a: a.teach(X[:1], [1]), r"the last query gave out tickets, .*ticket=tickets"),
    (ticketed, lambda a: a.teach([3], [1]), r"row numbers, but the last query was over rows from"),
    (ticketed, lambda a: a.teach(y=1, ticket=1, relabel=True), r"relabel=True goes with row numb"),
    (ticketed, lambda a: a.teach(y="ham", ticket=1), r"labels so far are numbers, got text"),
    (ticketed, lambda a: a.teach(y=1, ticket=1, embedding=X[:1]), r"got embedding= for its rows"),
    (pooled, lambda a: a.query(X, return_tickets=True), r"Margin chooses .*'variable_uncertainty'"),
]


@pytest.mark.parametrize(("make", "call", "sentence"), REFUSED)
def test_a_question_or_an_answer_that_does_not_fit_is_refused_and_nothing_has_changed(
    make, call, sentence
):
    learner = make()
    with unchanged(learner), pytest.raises(ValueError, match=sentence):
        call(learner)


def test_teach_without_labels_is_refused_in_words():
    learner = streaming()
    for call in (learner.teach, lambda: learner.teach([0]), lambda: learner.teach(ticket=0)):
        with unchanged(learner), pytest.raises(TypeError, match=r"teach got no labels; write te"):
            call()


def test_with_drift_other_rows_than_were_bought_are_refused_with_what_to_write():
    learner = splitting(drift=Errors())
    idx, rows = learner.query(X)
    for wrong in (rows[::-1], rows[:-1], np.r_[rows, rows[:1]]):
        labels = np.zeros(len(wrong), dtype=int)
        with unchanged(learner), pytest.raises(ValueError, match=r"other rows than .*tickets"):
            learner.teach(wrong, labels)
    learner.teach(rows.tolist(), Y[idx])  # the same in another container
    with unchanged(learner), pytest.raises(ValueError, match=r"or got these twice, .*once after"):
        learner.teach(rows, Y[idx])


class Asked:
    """A detector that is to be asked by a call."""

    def update(self, error):
        pass

    def drift_detected(self):
        return False


DETECTOR = Errors()
PARAMETERS = [
    ({"window": 0}, ValueError, r"window=0; give a whole number of at least 1"),
    ({"window": 2.5}, ValueError, r"window=2.5; give a whole number"),
    ({"window": 9, "update": "partial_fit"}, ValueError, r"does not go with update='partial_fit'"),
    (
        {"window": 9, "fit_unlabeled": True, "estimator": LabelSpreading()},
        ValueError,
        r"fit_unlabeled=True, which learns the whole pool",
    ),
    (
        {"window": 9, "estimator": FrozenEstimator(GaussianNB().fit(X0, Y0))},
        ValueError,
        r"a FrozenEstimator, which learns nothing",
    ),
    ({"drift": Errors}, TypeError, r"drift is the class Errors; write Errors\(\), an instance"),
    ({"drift": Asked()}, TypeError, r"whose drift_detected is a method and so always true; make"),
    ({"drift": 3}, TypeError, r"drift is 3; give a detector with update\(error\) and drift_detec"),
    (
        {"drift": DETECTOR, "strategy": "variable_uncertainty"},
        ValueError,
        r"of which VariableUncertainty buys none; give strategy 'split_uncertainty' or",
    ),
    ({"drift": DETECTOR, "strategy": Margin()}, ValueError, r"of which Margin buys none"),
    (
        {"drift": DETECTOR, "fit_unlabeled": True, "estimator": LabelSpreading()},
        ValueError,
        r"drift= makes the model anew .*fit_unlabeled=True, which learns the whole pool",
    ),
    (
        {"drift": DETECTOR, "estimator": FrozenEstimator(GaussianNB().fit(X0, Y0))},
        ValueError,
        r"drift= makes the model anew .*a FrozenEstimator, which learns nothing",
    ),
    ({"strategy": RandomStream(0)}, ValueError, r"RandomStream got budget=0"),
    (
        {"strategy": Threshold(BADGE()), "estimator": LogisticRegression()},
        ValueError,
        r"BADGE, which looks at many rows at once",
    ),
    ({"strategy": "vessal", "estimator": SVC()}, ValueError, r"Vessal reads view.gradi"),
    ({"cold_start": "stream_random"}, ValueError, r"cold_start='stream_random' decides as rows"),
]


@pytest.mark.parametrize(("parameters", "error", "sentence"), PARAMETERS)
def test_parameters_that_do_not_go_together_are_refused_at_fit_and_refit(
    parameters, error, sentence
):
    options = {"estimator": GaussianNB(), "strategy": "split_uncertainty"} | parameters
    with pytest.raises(error, match=sentence):
        ActiveLearner(**options).fit(X0, Y0)
    learner = learner_of("split_uncertainty")
    if "estimator" not in parameters:
        learner.set_params(**parameters)
        with unchanged(learner), pytest.raises(error, match=sentence):
            learner.refit()


def test_what_runs_over_a_pool_refuses_a_stream_strategy_with_the_name_to_use():
    learner = ActiveLearner(GaussianNB(), "stream_random").fit(X)
    for call in (
        lambda: skactive.run(learner, skactive.Known(Y)),
        lambda: skactive.SimulatedLearner(learner, budget=20).fit(X, Y),
    ):
        with pytest.raises(ValueError, match=r"RandomStream decides .* give strategy 'random'"):
            call()
    with pytest.raises(ValueError, match="give strategy 'margin'"):
        learner_of(Quantile("margin")).query()


def test_partial_fit_learns_what_was_bought_alone():
    learner = learner_of("stream_random", SGDClassifier(loss="log_loss"), update="partial_fit")
    before = learner.estimator_.t_
    n = len(passed(learner, 0, 200))
    assert learner.estimator_.t_ == before + n
