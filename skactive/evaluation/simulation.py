"""Simulated active learning: the labels are known, hidden, and revealed as a strategy asks."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.metaestimators import available_if

from ..learner.learner import ActiveLearner
from ..learner.starting import tell_of_minus_ones
from ..learner.trainer import train
from ..learner.training import params_of
from ..loops.cost import CostBudget, check_paid
from ..loops.crowd import Crowd, Noisy
from ..loops.stopping import StoppingRule, as_rule, n_to_ask
from ..pool.standing import n_answers
from ..strategies.base import simulated
from ..strategies.stream import passes
from ..utils.checks import draw_seed
from ..utils.delegation import Inner
from ..utils.threads import one_thread
from .callbacks import UNTOLD, TellsCallbacks, Told, with_callbacks
from .checkpoints import own_folders
from .starts import WHO, check_simulation, known_labels

# What to write where rows pass, instead of a simulation on a pool.
ON_A_STREAM = "run_stream(learner, pairs of X and y), whose log has the score of each chunk"
SHORT = 0.2  # seconds of a round that one thread makes, without a look at what several would take


@dataclass
class Round:
    """What happened in one round: rows were asked for, labelled and learned.

    Attributes
    ----------
    n_labeled : int
        Labelled rows at the end of the round.
    indices : ndarray of shape (k,), int64
        Row numbers that were asked for; in the first round, the initial ones.
    n_answers : int
        Answers at the end of the round: as many as labelled rows where one person answers.
    spent : float
        What they have cost: their number, unless the budget is a `CostBudget`.
    seconds_fit, seconds_query, seconds_bookkeeping : float
        Where the time of the round went.
    """

    n_labeled: int
    indices: np.ndarray
    n_answers: int
    spent: float
    seconds_fit: float = 0.0
    seconds_query: float = 0.0
    seconds_bookkeeping: float = 0.0

    def add(self, other: "Round") -> None:
        """Add another batch to this round."""
        self.n_labeled, self.n_answers = other.n_labeled, other.n_answers
        self.spent = other.spent
        self.indices = np.concatenate([self.indices, other.indices])
        self.seconds_fit += other.seconds_fit
        self.seconds_query += other.seconds_query
        self.seconds_bookkeeping += other.seconds_bookkeeping


def simulate(
    learner: ActiveLearner,
    X,
    y,
    *,
    budget: int | float | CostBudget,
    n_instances: int = 1,
    n_initial: int | None = None,
    initial=None,
    stopping: StoppingRule | None = None,
    annotators: dict | None = None,
    n_opinions: float = 1,
    seed: int = 0,
    fit_params: dict | None = None,
    told: Told = UNTOLD,
) -> Iterator[Round]:
    """Run a learner in place, revealing labels as it asks; yield each round once it is learned.

    The parameters are those of `SimulatedLearner`, and who is told that rounds begin.
    """
    rule = as_rule(stopping)
    oracle = known_labels(learner, X, y)
    total, n_instances, n_first, first = check_simulation(
        learner, oracle, budget, n_instances, n_initial, initial, annotators, n_opinions, seed
    )
    answers: Truth | Crowd = Truth(oracle.y)
    if learner.random_state is None:
        learner.random_state = seed
    learner.fit(X, **(fit_params or {}))
    passes(learner.strategy_, None, ON_A_STREAM)
    # Rows whose label nobody knows stay in the pool, where diverse strategies see them, but are
    # never asked for.
    learner.pool_.skip(np.flatnonzero(~oracle.labeled_mask))
    if annotators is not None:
        people = Noisy.crowd(oracle.y, annotators, seed, oracle.missing_label)
        answers = Crowd(people, learner.pool_, n_opinions, who=WHO)
    costs = budget if isinstance(budget, CostBudget) else None
    for each in (rule, costs):
        if each is not None:
            check_paid(each, annotators or [None])
            each.start(learner)
    # People's answers and their price have no fixed number a round.
    is_known = annotators is None and costs is None
    told.begin(1 - (n_first - total) // n_instances if is_known else None)
    told.begin_round()
    inside = params_of(learner.estimator)  # read once: nobody sets any between the rounds
    played = _play(learner, inside, answers, costs, n_first, first)
    # The first round lasts until the estimator can be fitted: a curve starts with a score.
    while not hasattr(learner, "estimator_"):
        n = _n_left(learner, answers, n_instances, total - played.n_answers, costs)
        more = _play(learner, inside, answers, costs, n) if n else None
        if more is None or len(more.indices) == 0:
            spent = "on rows of one class"
            if oracle.multilabel:
                spent = "before each label was in some rows and not in others, or all were alike"
            raise ValueError(
                f"budget {total if costs is None else costs.total} was spent {spent}; give a "
                f"larger budget, or initial='stratified'."
            )
        played.add(more)
    yield played
    left = total - played.n_answers
    while n := n_to_ask(rule, learner, _n_left(learner, answers, n_instances, left, costs)):
        told.begin_round()
        played = _play(learner, inside, answers, costs, n)
        if len(played.indices) == 0:  # a strategy's limits left none
            return
        left = total - played.n_answers
        yield played


class Truth:
    """Known labels, as somebody who knows them all."""

    n_opinions = 1

    def __init__(self, labels: np.ndarray):
        self.labels = labels

    def open_mask(self, learner) -> np.ndarray:
        """Return which rows may be asked for."""
        return learner.pool_.unlabeled_mask

    def ask(self, learner, n: int) -> tuple:
        """Ask for n rows."""
        return learner.query(n_instances=n)

    def teach(self, learner, indices: np.ndarray) -> None:
        """Teach a learner the labels of rows."""
        learner.teach(indices, self.labels[indices], refit=False)


def _n_left(learner, answers: Truth | Crowd, n_instances: int, left: int, costs) -> int:
    """Return how many rows to ask for next, where so many answers are left, and may be paid."""
    left = left if costs is None else int(min(left, costs.n_left(learner)))
    n = min(n_instances, -(-left // answers.n_opinions))
    # Nobody but several people can be left without a row before the budget is spent.
    return n if isinstance(answers, Truth) else min(n, int(answers.open_mask(learner).sum()))


def _learner_of(simulated) -> ActiveLearner:
    """Return the fitted learner of a simulated one, or say that it is not fitted."""
    if not hasattr(simulated, "learner_"):
        name = type(simulated).__name__
        raise NotFittedError(f"this {name} is not fitted yet; call fit(X, y) first.")
    return simulated.learner_


_SIMULATED = Inner(lambda simulated: getattr(simulated, "learner_", simulated.learner), _learner_of)


class SimulatedLearner(TellsCallbacks, MetaEstimatorMixin, BaseEstimator):
    """A learner whose labels are revealed as it asks, under a budget: active learning as `fit`.

    ``fit(X, y)`` hides `y`, labels a few rows, and lets the learner ask for others until the
    budget is spent. It then predicts as the estimator trained on these labels alone, so that
    cross-validation and searches compare strategies by the labels they choose.

    Parameters
    ----------
    learner : ActiveLearner
        The learner to simulate; it is cloned.
    budget : int, float or CostBudget
        Number of labels at the end, the initial ones included; a float is a share of the rows
        that have one. All of these rows are labelled if there are fewer. With `annotators`, number
        of answers, or a share of all that they could give; the last row is asked about whole. A
        `loops.CostBudget` says what may be spent, and what each answer costs.
    n_instances : int, default=1
        Number of rows asked for in each round.
    n_initial : int, default=None
        Number of labels at the start. None: 10, or 2 per class if that is more.
    initial : "stratified" or array-like of int, default=None
        Rows to start with. None lets the learner's `cold_start` choose among all. "stratified"
        draws from the classes in turn, of several labels a row so that each is in some rows and not
        in others; in practice you do not know the labels that it reads. Row
        numbers are taken as they are, and `n_initial` must be None. While all labels are of one
        class, the cold start goes on, `n_instances` at a time.
    stopping : StoppingRule, default=None
        Stops before the budget is spent; asked after each round.
    annotators : dict of str to float, default=None
        Several people who err: by name, how likely each gives the true label, a number or a dict of
        class to number, as `loops.Noisy` takes it. They are asked in turn, nobody twice about a
        row; labels are then the learner's `consensus`. None: the true labels.
    n_opinions : float, default=1
        How many of the annotators are asked about each row; 1.2 is two of one row in five.
    keep_estimators : bool, default=False
        Whether to keep the estimator of every round, for the ``staged_`` methods.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the initial rows, and of the learner where it has none of its own.

    Attributes
    ----------
    learner_ : ActiveLearner
        The learner at the end.
    rounds_ : list of Round
        What happened in each round: row numbers asked for, and seconds of fit, query and
        bookkeeping.
    n_labeled_ : ndarray of shape (n_rounds,)
        Labelled rows after each round.
    n_answers_ : ndarray of shape (n_rounds,)
        Answers after each round: `n_labeled_` where there are no `annotators`.
    spent_ : ndarray of shape (n_rounds,)
        What they have cost after each round: `n_answers_`, unless `budget` is a `CostBudget`.
    query_indices_ : list of ndarray
        Row numbers asked for in each round; the first round is the start.
    class_counts_ : ndarray of shape (n_rounds, n_classes)
        Labelled rows of each class, or with each label, after each round; for classifiers.
    classes_ : ndarray of shape (n_classes,)
        Classes that were revealed; for classifiers.
    estimators_ : list of ActiveLearner
        The learner as it was after each round, without its pool; with `keep_estimators`.
    n_features_in_ : int
        Number of features, where rows have features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X is a frame with text column names.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import ActiveLearner, SimulatedLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), "margin")
    >>> simulated = SimulatedLearner(learner, budget=100, n_instances=20, random_state=0)
    >>> simulated.fit(X / 16, y).n_labeled_
    array([ 20,  40,  60,  80, 100])
    """

    def __init__(
        self,
        learner,
        *,
        budget,
        n_instances=1,
        n_initial=None,
        initial=None,
        stopping=None,
        annotators=None,
        n_opinions: float = 1,
        keep_estimators=False,
        random_state=None,
    ) -> None:
        self.learner = learner
        self.budget = budget
        self.n_instances = n_instances
        self.n_initial = n_initial
        self.initial = initial
        self.stopping = stopping
        self.annotators = annotators
        self.n_opinions = n_opinions
        self.keep_estimators = keep_estimators
        self.random_state = random_state

    @with_callbacks
    def fit(self, X, y, **fit_params) -> Self:
        """Simulate active learning on known labels; return self.

        Parameters
        ----------
        X : container of n rows
            The pool.
        y : array-like of shape (n,)
            The labels to hide and reveal; rows without a label are never asked for.
        **fit_params : dict
            Passed to the learner's ``fit``.

        Raises
        ------
        ValueError
            If there are no labels, only one class, or more initial labels than the budget allows;
            or if the learner holds out rows.

        Notes
        -----
        Threads of BLAS and OpenMP slow small fits down, so there is one as long as rounds take less
        than a fifth of a second; the first that takes longer is followed by one with as many as
        there were, and the faster way stays. Sums of several threads have other last digits: where
        these matter, simulate under ``threadpoolctl.threadpool_limits(1)``.
        """
        if not isinstance(self.learner, ActiveLearner):
            raise TypeError(
                f"learner is {self.learner!r}; give an ActiveLearner: ActiveLearner(estimator, "
                f"strategy)."
            )
        learner = clone(self.learner)
        if y is not None:
            tell_of_minus_ones(learner, y, "a simulation")
        names = ("n_instances", "n_initial", "initial", "annotators", "n_opinions")
        options = {name: getattr(self, name) for name in names}
        for name in ("budget", "stopping"):  # rules have a state of their own
            options[name] = copy.deepcopy(getattr(self, name))
        seed = draw_seed(self.random_state)
        rounds, stages = list[Round](), list[ActiveLearner]()
        told = Told(self, X, y, lambda: self._so_far(learner, rounds, stages))
        options |= {"seed": seed, "fit_params": fit_params, "told": told}
        with own_folders(learner.estimator):
            for played in _by_threads(simulate(learner, X, y, **options)):
                rounds.append(played)
                if self.keep_estimators:
                    stages.append(learner.without_pool())
                if told.end_round():
                    break
        self._keep(learner, rounds, stages)
        told.end()
        return self

    def _so_far(self, learner: ActiveLearner, rounds: list[Round], stages: list) -> dict:
        """Return the attributes as they would be if the last round were the last one."""
        other = copy.copy(self)
        other._keep(learner, rounds[:], stages[:])
        return vars(other) | {"learner_": learner.without_pool()}

    def _keep(self, learner: ActiveLearner, rounds: list[Round], stages: list) -> None:
        """Set the attributes, and remove those of an earlier fit."""
        for name in ("classes_", "class_counts_", "estimators_"):
            self.__dict__.pop(name, None)
        self.learner_, self.rounds_ = learner, rounds
        self.n_labeled_ = np.array([played.n_labeled for played in rounds])
        self.n_answers_ = np.array([played.n_answers for played in rounds])
        self.spent_ = np.array([played.spent for played in rounds])
        self.query_indices_ = [played.indices for played in rounds]
        if hasattr(learner, "classes_"):
            self.classes_ = learner.classes_
            y = learner.pool_.y
            has = y == 1 if learner.pool_.multilabel else y[:, None] == self.classes_
            new = _asked_first(self.query_indices_, len(y))
            counts = [has[rows].sum(axis=0) for rows in new]
            self.class_counts_ = np.cumsum(counts, axis=0)
            for stage in stages:  # probabilities have the same columns in every round
                stage.classes_ = learner.classes_
        if self.keep_estimators:
            self.estimators_ = stages

    predict = _SIMULATED.method("predict", "predicted labels or values")
    predict_proba = _SIMULATED.method("predict_proba", "probabilities of the classes")
    predict_log_proba = _SIMULATED.method("predict_log_proba", "logarithms of probabilities")
    decision_function = _SIMULATED.method("decision_function", "the decision function")
    transform = _SIMULATED.method("transform", "transformed rows")

    @available_if(_SIMULATED.has("score"))
    def score(self, X, y, **params) -> Any:
        """Score the final estimator on rows and their true labels, leaving out rows without one.

        Further parameters are passed to the learner's ``score``.
        """
        return _learner_of(self).score(X, y, **params)

    @available_if(_SIMULATED.has("predict"))
    def staged_predict(self, X) -> Iterator[np.ndarray]:
        """Yield the predictions of each round's estimator, shape (n,), in step with `n_labeled_`.

        Needs ``keep_estimators=True``, as all ``staged_`` methods do.
        """
        for stage in kept_stages(self):
            yield stage.predict(X)

    @available_if(_SIMULATED.has("predict_proba"))
    def staged_predict_proba(self, X) -> Iterator[np.ndarray]:
        """Yield the probabilities of each round's estimator, shape (n, n_classes).

        Columns are in the order of `classes_`; they are 0 for classes not revealed yet.
        """
        for stage in kept_stages(self):
            yield stage.predict_proba(X)

    @available_if(_SIMULATED.has("score"))
    def staged_score(self, X, y) -> Iterator[float]:
        """Yield the score of each round's estimator: the learning curve over `n_labeled_`."""
        for stage in kept_stages(self):
            yield stage.score(X, y)

    @property
    def n_features_in_(self) -> int:
        """Number of features, where rows have features."""
        return _learner_of(self).n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the features, where X is a frame with text column names."""
        return _learner_of(self).feature_names_in_

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata of `fit` and `score` is routed to the learner's own."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        mapping.add(caller="score", callee="score")
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(learner=self.learner, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = get_tags(self.learner)
        tags.target_tags.required = True
        return tags


def _asked_first(asked: list[np.ndarray], n: int) -> list[np.ndarray]:
    """Return those of the rows of each round that no earlier one asked about."""
    known, new = np.zeros(n, dtype=bool), []
    for rows in asked:
        new.append(rows[~known[rows]])
        known[rows] = True
    return new


def kept_stages(simulated: SimulatedLearner) -> list[ActiveLearner]:
    """Return the learner as it was after each round, refusing a simulation that did not keep it."""
    _learner_of(simulated)
    if not hasattr(simulated, "estimators_"):
        raise ValueError(
            "the estimators of earlier rounds were not kept; write keep_estimators=True, and "
            "fit again."
        )
    return simulated.estimators_


def _by_threads(rounds: Iterator[Round]) -> Iterator[Round]:
    """Yield rounds as they are made, with one thread until one of them takes a while.

    Then the next has as many threads as the caller lets it have, and the faster way stays.
    """
    may_try, seconds = True, 0.0  # of the last round with one thread, for each label
    with ExitStack() as limits:
        limits.enter_context(one_thread())
        for position, played in enumerate(rounds):
            yield played
            # The first round has the imports of what it calls.
            took = (played.seconds_fit + played.seconds_query) / played.n_labeled
            if seconds:
                if took > seconds:
                    limits.enter_context(one_thread())
                seconds = 0.0
            elif may_try and position and took * played.n_labeled > SHORT:
                limits.close()
                may_try, seconds = False, took


def _play(
    learner: ActiveLearner, inside: dict, answers: Truth | Crowd, costs, n: int, indices=None
) -> Round:
    """Ask for n rows, unless they are given, and teach the learner what is said of them."""
    started = perf_counter()
    if indices is None:
        with simulated():
            indices = answers.ask(learner, n)[0]
    asked = perf_counter()
    # Taught and trained in two steps, so that bookkeeping and fit are timed apart.
    answers.teach(learner, indices)
    taught = perf_counter()
    train(learner, inside)
    fitted = perf_counter()
    pool, seconds = learner.pool_, (fitted - taught, asked - started, taught - asked)
    n = pool.n_labeled if isinstance(answers, Truth) else pool.ledger.read(n_answers)
    spent = n if costs is None else costs.spent(pool)
    return Round(pool.n_labeled, indices, n, spent, *seconds)
