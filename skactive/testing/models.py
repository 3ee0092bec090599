"""The contract of a model as checks: what strategies rely on in the methods of an estimator."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier

from ..data.arrays import check_probabilities
from ..data.rows import check_rows, n_rows, slice_rows, take
from ..learner.learner import ActiveLearner
from ..learner.parameters import are_same, values_of
from ..learner.questions import adapt, model_of, view_of
from ..learner.training import needs_codes, seeded_clone
from ..models.kinds import BROUGHT, bringer, brought, is_net, last_step
from ..models.seeding import seeded
from ..strategies.base import choose
from ..strategies.registry import as_strategy
from .saying import require, silence

FEWEST_ROWS = 20
CHUNKS = (1, 7)  # rows that are read at a time, besides all
N_CHUNKS = 8  # that are read so
N_PASSES = 50  # of which means are compared
N_SIGMA = 4  # so far apart may the means of passes be that drew for themselves
# What is read, and how a sentence calls it.
READ = {
    "proba": "predict_proba",
    "prediction": "predict",
    "value": "predict",
    "embedding": "embed",
    "features": "gradient_factors",
    "samples": "predict_samples",
    "value_samples": "predict_samples",
}
DRAWN = ("samples", "value_samples")
STRATEGIES = {"embedding": "k_center", "gradient": "badge", "samples": "bald", "std": "std"}
SWITCH_OFF = (
    "switch off dropout and whatever else belongs to training, as module.eval() does, and keep "
    "rows in their order"
)


def check_model(estimator, X, y) -> None:
    """Check that what an estimator answers is what strategies rely on.

    It is fitted on half of the rows. What it brings of ``predict_samples(X, n_passes)``,
    ``embed(X)`` and ``gradient_factors(X)``, and its predictions, must: have their shapes, finite,
    and probabilities that sum to one; be the same when asked again; be the same for a row
    whichever rows come with it (the mean of passes, within what passes vary);
    differ between passes; and be made anew once the estimator is fitted again. It must be cloned
    with the same parameters, which ``fit`` leaves alone, write into no rows, and serve the
    strategies that read what it gives.

    Parameters
    ----------
    estimator : estimator
        Unfitted classifier or regressor, alone or in a Pipeline.
    X : container of n rows
        At least 20 rows, in the container in which they will come.
    y : array-like of shape (n,) or (n, L)
        Labels or values of all rows; 0 and 1 for each of several labels.

    Raises
    ------
    AssertionError
        At the first check that fails; the message says what is wrong and what to do.
    ValueError
        If there are too few rows.

    See Also
    --------
    model_checks : The same checks one by one, for ``pytest.mark.parametrize``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skactive.testing import check_model
    >>> class Noisy(MLPClassifier):
    ...     def predict_samples(self, X, n_passes):
    ...         return np.stack([self.predict_proba(X)] * n_passes)
    >>> check_model(Noisy(max_iter=20), *load_iris(return_X_y=True))
    Traceback (most recent call last):
    ...
    AssertionError: Noisy.predict_samples gives the same in all passes, so that no strategy learns
    from them; let each pass be another member, or have dropout switched on.
    """
    for _, check in model_checks(estimator, X, y):
        check()


def model_checks(estimator, X, y) -> list[tuple[str, Callable[[], None]]]:
    """Return the name of each check of `check_model`, and a function without parameters for it.

    The estimator is fitted once for all of them, when the first is called.
    """
    case = _Case(estimator, X, y)
    return [(check.__name__[7:], partial(check, case)) for check in _CHECKS]


class _Case:
    """An estimator, and a learner that is fitted on every other row of each class."""

    def __init__(self, estimator, X, y):
        X, y = check_rows(X, who="check_model"), np.asarray(y)
        n = n_rows(X)
        if n < FEWEST_ROWS or len(y) != n:
            raise ValueError(
                f"check_model got {n} rows and {len(y)} labels; give at least {FEWEST_ROWS} rows, "
                f"and a label for each."
            )
        order = np.argsort(y, kind="stable") if y.ndim == 1 else np.arange(n)
        train, rest = np.sort(order[::2]), np.sort(order[1::2])
        self.estimator, self.name = estimator, type(last_step(estimator)).__name__
        self.X, self.y = take(X, train), y[train]
        self.rows = take(X, rest)  # that are read
        self.n = len(rest)
        self._learner: ActiveLearner | None = None

    @property
    def learner(self) -> ActiveLearner:
        """The learner, fitted when it is first asked for."""
        if self._learner is None:
            learner = ActiveLearner(self.estimator, "random", missing_label=None, random_state=0)
            with _refused(self):
                self._learner = learner.fit(self.X, self.y)
        return self._learner

    @property
    def model(self) -> Any:
        """The fitted estimator as strategies ask it."""
        model: Any = model_of(self.learner)
        model.n_passes = N_PASSES
        return model

    def kinds(self) -> list[str]:
        """Return what the model can give of what is checked."""
        model, named = self.model, {"features": "gradient"}
        own = [what for what in READ if what not in BROUGHT or model.brought(what)]
        found = [what for what in own if model.refusal(named.get(what, what)) is None]
        # Labels may change with the last digit of what they follow from.
        is_told = not {"proba", "value"}.isdisjoint(found)
        return [what for what in found if not (is_told and what == "prediction")]

    def read(self, what: str, rows=None, model=None) -> Any:
        """Return what the model says of rows, or of all that are read."""
        with _refused(self):
            model = self.model if model is None else model
            known = model.read(what, self.rows if rows is None else rows)
        return (known["errors"], known[what]) if what == "features" else known[what]

    def told(self, what: str) -> str:
        """Return how a sentence calls what was asked for this."""
        who = bringer(self.learner.estimator_, READ[what])
        return f"{self.name if who is None else type(who).__name__}.{READ[what]}"


@contextmanager
def _refused(case: _Case) -> Iterator[None]:
    """Turn a refusal into a failed check; ignore warnings."""
    try:
        with silence():
            yield
    except ValueError as error:
        told = str(error)
        raise AssertionError(told if case.name in told else f"{case.name}: {told}") from error


def _is_close(one, other) -> bool:
    """Whether two answers agree within the rounding of their dtype."""
    if isinstance(one, tuple):
        return all(map(_is_close, one, other))
    one, other = (each.toarray() if sparse.issparse(each) else each for each in (one, other))
    if one.shape != other.shape:
        return False
    if one.dtype.kind not in "f":
        return bool((one == other).all())
    digits = 1e-2 if one.dtype.itemsize == 2 else 1e-4
    scale = np.abs(one).max(initial=0)
    return np.allclose(one, other, rtol=digits, atol=digits * scale)


def _joined(what: str, parts: list) -> Any:
    """Return answers for chunks as one for all rows."""
    if what == "features":
        return tuple(_joined("embedding", list(both)) for both in zip(*parts, strict=True))
    if sparse.issparse(parts[0]):
        return sparse.vstack(parts)
    return np.concatenate(parts, axis=int(what in DRAWN))


# Checks: each takes a case


def _check_parameters(case: _Case) -> None:
    """It can be cloned, and fit leaves its parameters alone."""
    try:
        estimator = clone(case.estimator)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise AssertionError(
            f"{case.name} cannot be cloned ({error}); its __init__ must keep each parameter as it "
            f"is under its own name, and do nothing else."
        ) from error
    if is_net(estimator):  # which is trained with the learner's help
        return
    before = estimator.get_params(deep=False)
    values = {name: values_of(value) for name, value in before.items()}
    with _refused(case):
        estimator.fit(case.X, case.y)
    for name, after in estimator.get_params(deep=False).items():
        require(
            after is before[name] or are_same(values[name], values_of(after)),
            f"{case.name}.fit changes the parameter {name}, so that the next fit begins elsewhere; "
            f"keep what it learns under another name, such as {name}_.",
        )


def _check_writes_nothing(case: _Case) -> None:
    """Rows are as they were."""
    rows = case.rows.copy()
    for what in case.kinds():
        case.read(what, rows)
        require(
            _is_unwritten(rows, case.rows),
            f"{case.told(what)} writes into the rows that it is given; work on a copy.",
        )


def _is_unwritten(rows, before) -> bool:
    """Whether rows are equal, of any container whose entries can be compared."""
    if sparse.issparse(rows):
        return (rows != before).nnz == 0
    if hasattr(rows, "equals"):  # frames
        return bool(rows.equals(before))
    return bool(np.array_equal(np.asarray(rows), np.asarray(before)))


def _check_answers(case: _Case) -> None:
    """Each answer has its shape, is finite, and probabilities sum to one."""
    for what in case.kinds():
        answer = case.read(what)
        first = answer[0] if isinstance(answer, tuple) else answer
        n = first.shape[int(what in DRAWN)]
        require(n == case.n, f"{case.told(what)} answers {n} rows for {case.n}; one for each.")
        if what == "proba" and not case.model.multilabel:
            with _refused(case):
                check_probabilities(answer, who="check_model", name=case.told(what))


def _check_repeated(case: _Case) -> None:
    """The same rows have the same answer, passes too, by the generators that are seeded."""
    for what in case.kinds():
        draws = "draw by the generators of numpy, torch or Python, which are seeded for each query"
        require(
            _is_close(case.read(what), case.read(what)),
            f"{case.told(what)} answers differently when it is asked again; "
            f"{draws if what in DRAWN else SWITCH_OFF}.",
        )


def _check_rows_alone(case: _Case) -> None:
    """A row has the same answer whichever rows come with it."""
    for what in case.kinds():
        whole, is_same = case.read(what), _is_alike if what in DRAWN else _is_close
        for size in CHUNKS:
            n = min(N_CHUNKS * size, case.n)
            chunks = [slice_rows(case.rows, at, min(at + size, n)) for at in range(0, n, size)]
            parts = _joined(what, [case.read(what, rows) for rows in chunks])
            require(
                is_same(_at(what, whole, slice(n)), parts),
                f"{case.told(what)} answers a row differently when {size} "
                f"row{'s come' if size > 1 else ' comes'} at a time; {SWITCH_OFF}.",
            )


def _at(what: str, answer, rows: slice) -> Any:
    """Return an answer for some rows."""
    if isinstance(answer, tuple):
        return tuple(each[rows] for each in answer)
    return answer[:, rows] if what in DRAWN else answer[rows]


def _is_alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether means over passes agree within what passes vary."""
    apart = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    varied = (one.var(axis=0, ddof=1) + other.var(axis=0, ddof=1)).sum()
    rounding = 1e-10 * (one**2).mean(axis=0).sum()
    return bool(apart <= N_SIGMA**2 * varied / len(one) + rounding)


def _check_passes_alone(case: _Case) -> None:
    """What a pass says of a row does not depend on the others: nothing goes by the batch."""
    if not isinstance(case.rows, np.ndarray):  # texts are padded, and so more or less is drawn
        return
    n = case.n // 3
    some = np.arange(3 * n).reshape(3, n)
    batches = [np.concatenate([some[0], others]) for others in some[1:]]
    for what in case.kinds():
        if what in DRAWN:
            # As many rows, and so the same draws for the first ones.
            one, other = (case.read(what, case.rows[batch])[:, :n] for batch in batches)
            require(
                _is_close(one, other),
                f"{case.told(what)} answers a row differently when other rows come with it; switch "
                f"on dropout alone, and not what goes by the batch, such as batch norm.",
            )


def _check_passes_vary(case: _Case) -> None:
    """Passes differ from one another."""
    for what in case.kinds():
        if what in DRAWN:
            samples = case.read(what)
            require(
                not _is_close(samples, np.broadcast_to(samples[:1], samples.shape)),
                f"{case.told(what)} gives the same in all passes, so that no strategy learns from "
                f"them; let each pass be another member, or have dropout switched on.",
            )


def _check_fresh(case: _Case) -> None:
    """What depends on what was learned is made anew once the estimator is fitted again."""
    if needs_codes(case.estimator) or not any(brought(case.estimator, what) for what in BROUGHT):
        return
    others = case.y[::-1]
    first, second = (_fitted(seeded_clone(case.estimator, 0), case, y) for y in (case.y, others))
    kinds = [what for what in case.kinds() if what in BROUGHT]
    before, other = (
        [_parts(case.read(what, model=_model(each))) for what in kinds] for each in (first, second)
    )
    _fitted(first, case, others)
    for what, was, learned in zip(kinds, before, other, strict=True):
        now = _parts(case.read(what, model=_model(first)))
        for old, new, fresh in zip(was, now, learned, strict=True):
            require(
                _is_close(old, fresh) or not _is_close(old, new),
                f"{case.told(what)} answers as before once {case.name} is fitted again, on other "
                f"labels; keep nothing from one fit to the next.",
            )


def _parts(answer) -> tuple:
    """Return the arrays of an answer."""
    return answer if isinstance(answer, tuple) else (answer,)


def _fitted(estimator, case: _Case, y) -> Any:
    """Return an estimator once it is fitted on these labels, drawing the same each time."""
    with silence(), seeded(0):
        return estimator.fit(case.X, y)


def _model(estimator) -> Any:
    """Return an estimator as strategies ask it, in the order of its own classes."""
    classes = getattr(last_step(estimator), "classes_", None)
    return adapt(estimator, classes if is_classifier(estimator) else None)


def _check_queries(case: _Case) -> None:
    """Strategies that read what it gives choose by it, twice the same."""
    for what, name in STRATEGIES.items():
        if case.model.refusal(what) is not None:
            continue
        strategy = as_strategy(name)
        if ("several" if case.model.multilabel else "one") not in strategy.labels_per_row:
            continue
        with _refused(case):
            views = (view_of(case.learner, case.rows)[0] for _ in range(2))
            first, again = (choose(strategy, view, 4) for view in views)
        require(
            bool((first == again).all()),
            f"{case.name} makes {name!r} choose other rows when it is asked again; {SWITCH_OFF}.",
        )


_CHECKS = (
    _check_parameters,
    _check_writes_nothing,
    _check_answers,
    _check_repeated,
    _check_rows_alone,
    _check_passes_alone,
    _check_passes_vary,
    _check_fresh,
    _check_queries,
)
