"""The contract of a strategy as checks: for the strategies here, and for anyone's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_regressor

from ..data.rows import Rows
from ..learner.learner import ActiveLearner
from ..learner.questions import model_of
from ..models.kinds import NEEDS
from ..pool.pool import Pool
from ..strategies import Strategy, as_strategy
from ..strategies.base import asks_again, check_serves, choose, has_score, name_of, needs
from ..strategies.registry import check_labels_per_row
from ..strategies.view import View
from .saying import require, require_equal, silence, state_of_params

BATCH = 8
N_ROUNDS = 6

DRAWS = "draw random numbers, and break ties, by view.row_random() or view.rng alone"
ALONE = "score each row by itself, drawing by view.row_random(), or set rowwise = False"
NUMBERS = "take rows by view.take(positions), or read view.embedding, which holds numbers"


def check_strategy(strategy, *, estimator=None, multilabel=None) -> None:
    """Check that a strategy keeps the contract that the learner and its users rely on.

    On a small pool with labelled, reserved and skipped rows, a strategy must: give as many
    distinct candidates as it is asked for; answer the same question alike, leave numpy's global
    generator alone, and draw afresh in another round; not depend on how rows are cut into
    chunks, on their order, or on their container; write into nothing that it is shown, itself
    included; score candidates without NaN, even if the model is certain; declare what it reads;
    and go through a learner's loop.

    Parameters
    ----------
    strategy : str, Strategy or callable
        As `ActiveLearner` takes it.
    estimator : estimator, default=None
        Unfitted classifier or regressor for rows of numbers. None: one that gives what the
        strategy reads.
    multilabel : bool, default=None
        Whether rows have several labels each. None: one, unless the strategy is for several alone.

    Raises
    ------
    AssertionError
        At the first check that fails; the message says what is wrong and what to do.
    ValueError
        If the estimator cannot serve the strategy, or none is known that can.

    See Also
    --------
    strategy_checks : The same checks one by one, for ``pytest.mark.parametrize``.

    Examples
    --------
    >>> from skactive import Strategy
    >>> from skactive.testing import check_strategy
    >>> class Doubt(Strategy):
    ...     reads = ("proba",)
    ...     def score(self, view):
    ...         return 1 - view.proba.max(axis=1)
    >>> check_strategy(Doubt())
    >>> class FirstRows(Doubt):
    ...     def select(self, view, n):
    ...         return view.candidates[:n]
    >>> check_strategy(FirstRows())
    Traceback (most recent call last):
    ...
    AssertionError: FirstRows chooses the same in every round, but other rows where the rows stand
    in another order; draw random numbers, and break ties, by view.row_random() or view.rng alone.
    """
    for _, check in strategy_checks(strategy, estimator, multilabel):
        check()


def strategy_checks(
    strategy, estimator=None, multilabel=None
) -> list[tuple[str, Callable[[], None]]]:
    """Return the name of each check of `check_strategy`, and a function without parameters for it.

    Examples
    --------
    With pytest, a failure names the check:

    >>> import pytest
    >>> from skactive.testing import strategy_checks
    >>> @pytest.mark.parametrize(("name", "check"), strategy_checks("margin"))
    ... def test_margin(name, check):
    ...     check()
    """
    strategy = as_strategy(strategy)
    if multilabel is None:
        multilabel = "one" not in strategy.labels_per_row
    check_labels_per_row(strategy, multilabel)
    if estimator is None:
        estimator = _serving(strategy, multilabel)
    check_serves(strategy, estimator, multilabel=multilabel)
    make = partial(_Case, strategy, estimator, multilabel)
    return [(check.__name__[7:], partial(check, strategy, make)) for check in _CHECKS]


# What a strategy is shown


class _Shown:
    """A model whose arrays cannot be written to, and which remembers what was read of it."""

    def __init__(self, model, change: Callable | None = None):
        self._model = model
        self._change = change
        self.asked: set[str] = set()

    def read(self, what: str, X) -> dict[str, Any]:
        """Return what the model says, by name, and what comes with it."""
        self.asked.add("gradient" if what == "features" else what)  # as a strategy declares it
        known = self._model.read(what, X)
        if self._change is not None:
            known = {name: self._change(name, arrays) for name, arrays in known.items()}
        return {name: _locked(arrays) for name, arrays in known.items()}

    def __getattr__(self, name: str):
        value = getattr(self._model, name)
        if name not in NEEDS:
            return value
        self.asked.add(name)

        def shown(X, *args, **options):
            arrays = value(X, *args, **options)
            return _locked(arrays if self._change is None else self._change(name, arrays))

        return shown


class _Case:
    """A pool of 90 rows in all four states, and an estimator fitted on those with a label."""

    def __init__(self, strategy: Strategy, estimator, multilabel: bool):
        rng = np.random.default_rng(0)
        # Multiples of 1/32 are the same number in float32 as in float64, and so in all containers.
        self.X = _locked(rng.integers(-64, 65, (90, 4)) / 32)
        if is_regressor(estimator):
            self.truth = self.X[:, 0] - self.X[:, 1] ** 2 + 0.1 * rng.normal(size=90)
        elif multilabel:
            self.truth = (self.X[:, :3] + 0.5 * rng.normal(size=(90, 3)) > 0).astype(int)
        else:
            self.truth = (self.X[:, :3] + 0.5 * rng.normal(size=(90, 3))).argmax(axis=1)
        is_known = np.arange(90) % 3 == 0
        missing = np.nan if is_regressor(estimator) else -1
        is_known = is_known[:, None] if multilabel else is_known
        self.y = _locked(np.where(is_known, self.truth, missing))
        self.name = name_of(strategy)
        self.again = asks_again(strategy)
        consensus = "majority" if self.again else None
        self.learner = ActiveLearner(estimator, strategy, consensus=consensus, random_state=0)
        with silence():
            self.learner.fit(self.X, self.y)

    def view(
        self, *, X=None, order=None, chunk_rows=None, round=0, few=False, model: Any = None
    ) -> View:
        """Return a view of the rows, in another container or order, with few candidates or many."""
        order = np.arange(90) if order is None else order
        X = _locked(self.X[order]) if X is None else X
        pool = Pool(X, self.y[order], missing_label=self.learner.pool_.missing_label)
        # By row number, so that the same rows are reserved and skipped in any order.
        pool.reserve(np.flatnonzero(np.isin(order, [1, 31])))
        pool.skip(np.flatnonzero(np.isin(order, [2, 32])))
        mask = pool.unlabeled_mask
        if self.again:  # some rows have two opinions more, some one, of which a few differ
            pool.consensus = "majority"
            for name, every in (("ann", 6), ("ben", 9)):
                rows = np.flatnonzero(order % every == 0)
                said = np.where(order[rows] % 36 == 0, self.truth[0], self.truth[order[rows]])
                pool.label(rows, said, annotator=name)
            mask |= pool.open_mask
        mask &= (order % 7 == 1) | (not few)
        shown: Any = _Shown(model_of(self.learner)) if model is None else model
        view = View(
            pool.rows,
            _locked(mask),
            pool=pool,
            model=shown,
            seed=(0, pool.n_labeled, round),
            round=round,
            chunk_rows=chunk_rows,
            numbers=order,  # and so random numbers, go with the rows
        )
        view.candidates.flags.writeable = False
        return view


def _serving(strategy: Strategy, multilabel: bool):
    """Return an estimator that gives what a strategy reads."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    known = [
        LogisticRegression(),
        RandomForestClassifier(n_estimators=10),
        GaussianProcessRegressor(optimizer=None),
        RandomForestRegressor(n_estimators=10),
    ]
    if find_spec("skorch"):
        known.append(_net())
    if multilabel:
        known = [OneVsRestClassifier(known[0])]
    for estimator in known:
        try:
            check_serves(strategy, estimator, multilabel=multilabel)
        except ValueError:
            continue
        return estimator
    raise ValueError(
        f"no estimator is known that gives all that {name_of(strategy)} reads, {strategy.reads}; "
        f"pass one as estimator=."
    )


def _net():
    """Return a small net with dropout, for rows of numbers in any container."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from skorch import NeuralNetClassifier
    from torch import nn

    layers = nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
    net = NeuralNetClassifier(
        nn.Sequential(*layers), criterion=nn.CrossEntropyLoss, train_split=None, verbose=0, lr=0.1
    )
    return make_pipeline(FunctionTransformer(_as_float32), net)


def _as_float32(X) -> np.ndarray:
    """Return rows of numbers as an array of float32, as nets read them."""
    return np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=np.float32)


def _containers(X: np.ndarray) -> Iterator[tuple[str, object]]:
    """Yield the same rows in every container, with its name."""
    columns = [f"x{column}" for column in range(X.shape[1])]
    yield "a float32 array", X.astype(np.float32)
    yield "a CSR matrix", sparse.csr_matrix(X)
    yield "a CSC matrix", sparse.csc_matrix(X)
    yield "a list of lists", X.tolist()
    if find_spec("pandas"):
        import pandas

        # An index that would give other rows, were it taken for positions.
        yield "a pandas DataFrame", pandas.DataFrame(X[:], np.arange(len(X))[::-1], columns)
    if find_spec("polars"):
        import polars

        yield "a polars DataFrame", polars.DataFrame(X, schema=columns)


def _locked(value):
    """Return arrays, or a tuple of them, that refuse to be written to."""
    if isinstance(value, tuple):
        return tuple(map(_locked, value))
    if sparse.issparse(value):
        value.data.flags.writeable = False
    elif isinstance(value, np.ndarray):
        value = value.view()  # the model may want to write to its own
        value.flags.writeable = False
    return value


# What a strategy answers


@contextmanager
def _refused(case: _Case) -> Iterator[None]:
    """Turn a refusal by the view or the learner into a failed check; ignore warnings."""
    try:
        with silence():
            yield
    except (ValueError, AttributeError) as error:
        if "read-only" in str(error):
            raise AssertionError(
                f"{case.name} writes into what it is shown ({error}); work on a copy."
            ) from error
        told = str(error)
        raise AssertionError(told if case.name in told else f"{case.name}: {told}") from error


def _choice(case: _Case, strategy: Strategy, view: View, n: int = BATCH) -> np.ndarray:
    """Return the positions that a strategy selects."""
    with _refused(case):
        return choose(strategy, view, n)


def _scores(case: _Case, strategy: Strategy, view: View) -> np.ndarray:
    """Return the scores of a view's rows; none if the strategy chooses jointly."""
    if not has_score(strategy):
        return np.zeros(0)
    with _refused(case):
        return view.score(strategy)


def _is_same(scores, other, chosen: np.ndarray, other_chosen: np.ndarray) -> bool:
    """Whether scores agree within rounding, and choices up to scores that tie within rounding."""
    # Other chunks sum in another order: last digits differ, and decide where scores tie.
    if len(scores) == 0:
        return np.array_equal(chosen, other_chosen)
    close = partial(np.allclose, rtol=1e-6, atol=1e-9, equal_nan=True)
    return close(scores, other) and close(scores[chosen], scores[other_chosen])


# Checks: each takes a strategy, and what makes a case of it


def _check_parameters(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """A strategy can be cloned, and using it changes nothing of it."""
    name = name_of(strategy)
    try:
        params = state_of_params(strategy.get_params())
        cloned = state_of_params(clone(strategy).get_params())
    except (RuntimeError, TypeError, AttributeError) as error:
        raise AssertionError(
            f"{name} cannot be cloned ({error}); its __init__ must keep each parameter as it is "
            f"under its own name, and do nothing else."
        ) from error
    require_equal(params, cloned, f"{name} has other parameters once it is cloned")
    before = state_of_params(strategy)
    case = make()
    _choice(case, strategy, case.view())
    require_equal(before, state_of_params(strategy), f"{name} changes itself when it is used")


def _check_positions(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """It gives as many distinct candidates as are asked for, or as there are."""
    case = make()
    for few in (False, True):
        n_candidates = len(case.view(few=few).candidates)
        for n in (1, 5, n_candidates, n_candidates + 5):
            _choice(case, strategy, case.view(few=few), n)


def _check_reproducible(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """The same question has the same answer, and numpy's global generator is left alone."""
    case = make()
    state = np.random.get_state()  # noqa: NPY002
    answers = []
    for _ in range(2):
        view = case.view()
        answers.append((_scores(case, strategy, view), _choice(case, strategy, view)))
    (scores, chosen), (scores_again, chosen_again) = answers
    require(
        np.array_equal(chosen, chosen_again)
        and np.array_equal(scores, scores_again, equal_nan=True),
        f"{case.name} answers the same question differently the second time; {DRAWS}.",
    )
    after = np.random.get_state()  # noqa: NPY002
    require(
        all(np.array_equal(a, b) for a, b in zip(state, after, strict=True)),
        f"{case.name} draws from or seeds numpy's global generator, which is others'; {DRAWS}.",
    )


def _check_fresh_draw(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """A choice that is the same in every round follows from the rows, not from their order."""
    # A generator seeded alike in every round gives itself away: it picks the same positions, which
    # are other rows once the rows stand in another order.
    case = make()
    view = case.view()
    chosen = _choice(case, strategy, view)
    for round in range(1, N_ROUNDS):
        if not np.array_equal(chosen, _choice(case, strategy, case.view(round=round))):
            return
    order = np.random.default_rng(1).permutation(90)
    elsewhere = order[_choice(case, strategy, case.view(order=order))]
    scores = _scores(case, strategy, view)
    require(
        _is_same(scores, scores, chosen, elsewhere),
        f"{case.name} chooses the same in every round, but other rows where the rows stand in "
        f"another order; {DRAWS}.",
    )


def _check_row_order(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """A rowwise score does not depend on where its row stands."""
    if not (strategy.rowwise and has_score(strategy)):
        return
    case = make()
    order = np.random.default_rng(1).permutation(90)
    scores = _scores(case, strategy, case.view())
    elsewhere = _scores(case, strategy, case.view(order=order))
    require(
        np.allclose(scores[order], elsewhere, rtol=1e-6, atol=1e-9, equal_nan=True),
        f"{case.name} gives a row another score where rows stand in another order; {ALONE}.",
    )


def _check_chunks(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """The whole and its chunks have the same answer, whether few or many rows are candidates."""
    # Both, since a chunk is gathered if few of its rows are candidates, and a slice if many are.
    case = make()
    for few in (False, True):
        whole, cut = case.view(few=few), case.view(few=few, chunk_rows=7)
        scores = _scores(case, strategy, whole), _scores(case, strategy, cut)
        chosen = _choice(case, strategy, whole), _choice(case, strategy, cut)
        require(
            _is_same(*scores, *chosen),
            f"{case.name} answers differently when it is shown 7 rows at a time; {ALONE}.",
        )


def _check_writes_nothing(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """It writes into nothing that it is shown, which is read-only here, in chunks too."""
    case = make()
    for chunk_rows in (None, 7):
        _choice(case, strategy, case.view(chunk_rows=chunk_rows))


def _check_containers(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """The same rows are chosen in every container that the estimator takes."""
    case = make()
    scores = _scores(case, strategy, case.view())
    chosen = _choice(case, strategy, case.view())
    for container, X in _containers(case.X):
        if not _is_taken(case.learner.estimator_, X):
            continue
        view = case.view(X=X)
        try:
            found = _scores(case, strategy, view), _choice(case, strategy, view)
        except (AssertionError, TypeError, LookupError) as error:
            raise AssertionError(
                f"{case.name} fails on rows in {container} ({error}); {NUMBERS}."
            ) from error
        require(
            _is_same(scores, found[0], chosen, found[1]),
            f"{case.name} chooses other rows when they come in {container}; {NUMBERS}.",
        )


def _is_taken(estimator, X) -> bool:
    """Whether a fitted estimator predicts for rows in this container."""
    with silence():
        try:
            estimator.predict(X)
        except (TypeError, ValueError):
            return False
    return True


def _check_certain_model(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """It answers probabilities of 0 and 1 and standard deviations of 0 too."""
    case = make()
    model = _Shown(model_of(case.learner), _certain)
    _scores(case, strategy, case.view(model=model))
    _choice(case, strategy, case.view(model=model))


def _certain(name: str, arrays):
    """Return what a model says, without any doubt."""
    if name in ("proba", "samples"):
        return (arrays == arrays.max(axis=-1, keepdims=True)).astype(arrays.dtype)
    if name == "value_samples":  # members agree
        return np.repeat(arrays.mean(axis=0, keepdims=True), len(arrays), axis=0)
    return np.zeros_like(arrays) if name == "std" else arrays


def _check_declares_reads(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """It declares what it reads of the model, unless it is a function, which cannot."""
    if any(callable(value) for value in strategy.get_params().values()):
        return
    case = make()
    model = _Shown(model_of(case.learner))
    _choice(case, strategy, case.view(model=model))
    declared = {what for alternatives in needs(strategy) for what in alternatives}
    if "gradient" in declared:  # it is made of these
        declared |= {"proba", "embedding"}
    if "input_gradient" in declared:  # it finds perturbations
        declared |= {"perturbation"}
    for what in sorted(model.asked - declared - {"prediction"}):
        raise AssertionError(
            f"{case.name} reads view.{what} without saying so, and an estimator that has none is "
            f"refused too late; write reads = {(*strategy.reads, what)!r} in its class."
        )


def _check_cold_start(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """A strategy that reads nothing of the model chooses before there is one."""
    if strategy.reads or any(callable(value) for value in strategy.get_params().values()):
        return
    case = make()
    pool = Pool(case.X)
    _choice(case, strategy, View(Rows(case.X), pool.unlabeled_mask, pool=pool))


def _check_loop(strategy: Strategy, make: Callable[[], _Case]) -> None:
    """Through a learner, it asks twice the same, and unless it says so for no row that is known."""
    case = make()
    learner, asked = case.learner, case.learner.pool_.labeled
    for time in range(3):
        with _refused(case):
            idx, rows = learner.query(n_instances=BATCH)
            again, _ = learner.query(n_instances=BATCH)
            learner.teach(idx, case.truth[idx], annotator=f"person {time}")
        require_equal(idx, again, f"{case.name} proposes other rows when it is asked again")
        require_equal(rows, case.X[idx], f"{case.name} changes the rows that it proposes")
        is_new = case.again or not np.isin(idx, asked).any()
        require(is_new, f"{case.name} proposes rows that are labelled.")
        asked = np.append(asked, idx)


_CHECKS = (
    _check_parameters,
    _check_positions,
    _check_reproducible,
    _check_fresh_draw,
    _check_row_order,
    _check_chunks,
    _check_writes_nothing,
    _check_containers,
    _check_certain_model,
    _check_declares_reads,
    _check_cold_start,
    _check_loop,
)
