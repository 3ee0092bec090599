"""How an estimator is trained on labelled rows: seeds, codes, parameters, and ways to go on."""

import copy
import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, clone

from ..data.datasets import DatasetRows
from ..data.rows import Rows, check_rows, n_rows
from ..data.tensors import as_array
from ..data.vectors import Maker
from ..models import is_net, last_step
from ..models.kinds import CODED, GROWING, SEARCHES, is_frozen, is_instance, is_own

ROWS = Maker("rows")  # which are vectors as they are
UPDATES = ("refit", "warm_start", "partial_fit")


def params_of(estimator) -> dict:
    """Return all parameters of an estimator, and of those inside it."""
    return estimator.get_params() if hasattr(estimator, "get_params") else {}


def seeded_clone(estimator, seed: int, params: dict | None = None):
    """Return an unfitted copy in which every ``random_state=None`` has a seed of its own."""
    params = params_of(estimator) if params is None else params
    estimator = clone(estimator)
    unset = sorted(
        name
        for name, value in params.items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    )
    if unset:
        seeds = np.random.SeedSequence(seed).generate_state(len(unset))
        # The top bit is dropped: some libraries take seeds as signed 32-bit integers.
        estimator.set_params(**dict(zip(unset, (seeds >> 1).tolist(), strict=True)))
    return estimator


def needs_codes(estimator, params: dict | None = None) -> bool:
    """Whether an estimator, or one inside it, wants labels 0 to k-1."""
    params = params_of(estimator) if params is None else params
    return any(is_instance(part, CODED) for part in (estimator, *params.values()))


def names_of_outputs(estimator, named: np.ndarray | None) -> np.ndarray | None:
    """Return the classes of a frozen net's outputs, in their order; None: those that it says.

    Parameters
    ----------
    estimator : estimator
        As the learner was given it.
    named : ndarray of shape (C,), or None
        The classes that a user named, in the order in which they came.

    Returns
    -------
    ndarray of shape (C,), or None
        What was named, where the net knows of no classes, or of codes 0 to C - 1 of them.
    """
    if named is None or not (is_frozen(estimator) and is_net(estimator)):
        return None
    own = getattr(estimator, "classes_", None)
    if own is None or len(own) == 0:
        return named
    own = np.asarray(own)
    if own.dtype.kind not in "iu" or own.min() < 0 or own.max() >= len(named):
        return None
    labels = named.tolist()
    are_labels = set(own.tolist()) <= set(labels)  # and not codes of others
    return None if are_labels and [labels[i] for i in own] != own.tolist() else named


def maker_of_vectors(estimator) -> Maker | None:
    """Return what makes of rows the vectors that an estimator sees, None if it does so each round.

    Whatever sees rows as they are is `ROWS`; what is frozen is itself, a net as long as its layers
    and weights stay the same.
    """
    if is_frozen(estimator) and is_net(estimator):
        from ..models.modules import state_of

        return Maker(estimator, partial(state_of, last_step(estimator)))
    if is_frozen(estimator):
        return Maker(estimator)
    return ROWS if last_step(estimator) is estimator and not is_net(estimator) else None


def prepare_nets(estimator, n_classes: int | None, coded=None) -> None:
    """Have nets in an unfitted estimator serve what torch would not; see `fitting.prepare`."""
    nets = _nets_in(estimator)
    if not nets:
        return
    from ..models.fitting import prepare

    for net in nets:  # what one inside a VotingClassifier learns is up to that
        is_last = net is last_step(estimator)
        prepare(net, n_classes if is_last else None, coded if is_last else None)


def _nets_in(estimator) -> list:
    """Return the nets that an estimator is, or is made of."""
    parts = [estimator, *params_of(estimator).values()]
    nets = [part for part in parts if is_net(part) and last_step(part) is part]
    return list({id(net): net for net in nets}.values())


def _torch_seeded(estimator, seed):
    """Return a context in which torch draws what follows from a seed, if there is a net."""
    nets = _nets_in(estimator)
    if not nets:
        return nullcontext()
    from ..models.seeding import seeded

    return seeded(seed, nets)


def check_update(estimator, update: str, fit_unlabeled: bool) -> None:
    """Refuse a way of retraining that an estimator does not have."""
    name = type(estimator).__name__
    if update not in UPDATES:
        raise ValueError(f"update is {update!r}; give one of {', '.join(map(repr, UPDATES))}.")
    if update == "partial_fit":
        if not hasattr(estimator, "partial_fit"):
            raise ValueError(f"update='partial_fit', but {name} has no partial_fit; write 'refit'.")
        if fit_unlabeled:
            raise ValueError(
                "update='partial_fit' learns what is newly taught, fit_unlabeled=True the whole "
                "pool; write update='refit'."
            )
    if update == "warm_start":
        params = estimator.get_params()
        if "warm_start" not in params:
            raise ValueError(
                f"update='warm_start', but {name} has no parameter warm_start; write 'refit'."
            )
        if "n_estimators" in params or is_instance(estimator, GROWING):
            raise ValueError(
                f"update='warm_start', but {name} would keep its old members; write 'refit'."
            )


@contextmanager
def restored_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Bring an estimator that is fitted in place back to what it was if fitting raises."""
    try:
        before = copy.deepcopy(vars(estimator))
    except RuntimeError as error:  # of torch
        raise ValueError(
            f"{type(estimator).__name__} goes on from where it is, and is copied before in case "
            f"fitting raises, but cannot be: {str(error).partition('.')[0]}; keep no tensor with "
            f"its graph in the module, but its detach()."
        ) from error
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class FitParams:
    """Parameters of ``fit``: those with one entry for each row, and the others.

    Parameters
    ----------
    params : dict
        As they were given.
    n : int
        Number of rows; what has as many entries belongs to the rows.
    """

    def __init__(self, params: dict, n: int):
        self.aligned: dict[str, Rows] = {}
        self.others: dict[str, object] = {}
        for name, value in params.items():
            if _has_rows(value) and n_rows(value) == n:
                # A Series becomes an array, so that whatever is given later joins with it.
                is_vector = len(getattr(value, "shape", ())) == 1
                self.aligned[name] = Rows(as_array(value) if is_vector else check_rows(value))
            else:
                self.others[name] = value

    def of(self, rows: np.ndarray | None) -> dict:
        """Return the parameters for these row numbers; None: for all rows."""
        return self.others | {
            name: column.whole() if rows is None else column.take(rows)
            for name, column in self.aligned.items()
        }

    def check_new_rows(self, new: "FitParams", who: str) -> None:
        """Refuse parameters of rows from outside that do not go with those of the pool."""
        self._check_lengths(new, who)
        missing = sorted(self.aligned.keys() - new.aligned.keys())
        extra = sorted(new.aligned.keys() - self.aligned.keys())
        if missing:
            raise ValueError(
                f"{who} got rows without {missing[0]}, which fit got for the pool's rows; give "
                f"{missing[0]}= for the new rows too."
            )
        if extra:
            raise ValueError(
                f"{who} got {extra[0]} for new rows, but fit got none for the pool's rows; give "
                f"{extra[0]}= to fit, for every row."
            )

    def _check_lengths(self, new: "FitParams", who: str) -> None:
        """Refuse a parameter without an entry for each row, where fit got one for each."""
        for name in sorted(self.aligned.keys() & new.others.keys()):
            if new.others[name] is not None:
                raise ValueError(
                    f"{who} got {name}, but not one entry for each of its rows, as fit did for the "
                    f"pool's; give {name}= as many entries as rows."
                )

    def extended(self, new: "FitParams") -> "FitParams":
        """Return these parameters with those of further rows behind them."""
        both = FitParams({}, 0)
        both.others = self.others | new.others
        for name, column in self.aligned.items():
            both.aligned[name] = column.copy()
            both.aligned[name].append(new.aligned[name].whole(), merge=True)
        return both

    def check_given_rows(self, new: "FitParams", who: str) -> None:
        """Refuse row-aligned parameters for rows of the pool that fit got none of."""
        self._check_lengths(new, who)
        extra = sorted(new.aligned.keys() - self.aligned.keys())
        if extra:
            raise ValueError(
                f"{who} got {extra[0]} for rows of the pool, but fit got none; give {extra[0]}= "
                f"to fit, for every row."
            )

    def replaced(self, new: "FitParams", rows: np.ndarray) -> "FitParams":
        """Return these parameters with new values for some rows."""
        both = FitParams({}, 0)
        both.others = self.others | new.others
        both.aligned = dict(self.aligned)
        for name, column in new.aligned.items():
            old, given = np.asarray(self.aligned[name].whole()), np.asarray(column.whole())
            values = np.array(old, dtype=np.result_type(old, given))
            values[rows] = given
            both.aligned[name] = Rows(values)
        return both


def check_net_fit(estimator, X, params: FitParams) -> None:
    """Refuse what would fail inside skorch or a search: a Dataset in folds, weights of rows."""
    net, parts = last_step(estimator), [estimator, *params_of(estimator).values()]
    if not is_net(net) or is_frozen(estimator):
        return
    search = next((part for part in parts if is_instance(part, SEARCHES)), None)
    if search is not None and isinstance(X, DatasetRows):
        raise ValueError(
            f"{type(search).__name__} cuts rows into folds, which it cannot do with a Dataset; "
            f"give an array or a memory map, or search outside the learner on a "
            f"skorch.helper.SliceDataset."
        )
    given = [*params.aligned, *params.others]
    is_weighted = any(name.rpartition("__")[2] == "sample_weight" for name in given)
    is_served = any(is_own(net, name) for name in ("fit", "partial_fit", "infer", "get_loss"))
    if is_weighted and not is_served and not _takes_weights(net):
        raise ValueError(
            f"fit got sample_weight, which skorch hands to the module, but the forward of "
            f"{getattr(net.module, '__name__', type(net.module).__name__)} takes none; leave it "
            f"out, or weight rows in a net with a get_loss of its own."
        )


def _takes_weights(net) -> bool:
    """Whether the forward of a net's module may be given sample_weight."""
    forward = getattr(net.module, "forward", None)
    if forward is None:  # made by a function, of which is not known what it makes
        return True
    taken = inspect.signature(forward).parameters
    return "sample_weight" in taken or any(each.kind == each.VAR_KEYWORD for each in taken.values())


def _has_rows(value) -> bool:
    """Whether a value of a parameter is a container that could have an entry for each row."""
    return not isinstance(value, (str, bytes, dict)) and (
        (hasattr(value, "shape") and len(value.shape) > 0) or isinstance(value, (list, tuple))
    )


def _changed_params(previous, estimator) -> dict:
    """Return the parameters that have been set since `previous` was made, but for warm_start."""
    old, new = previous.get_params(deep=False), estimator.get_params(deep=False)
    # By what they show, but for where it lies: clones are other objects.
    same = {k for k, v in old.items() if k in new and _shown(v) == _shown(new[k])}
    return {k: v for k, v in new.items() if k != "warm_start" and k not in same}


def _set_changed(previous, estimator) -> None:
    """Set the parameters of an estimator that goes on which have been set since it was made."""
    changed = _changed_params(previous, estimator)
    if not is_net(previous):
        previous.set_params(**changed)
        return
    is_new_optimizer = "optimizer" in changed
    for name in list(changed):  # set_params refuses these of a net that has a module
        if name == "optimizer" or name.startswith(("iterator_", "dataset")):
            setattr(previous, name, changed.pop(name))
    previous.set_params(**changed)
    if is_new_optimizer:
        previous.initialize_optimizer()
    if any(name.startswith("callbacks") for name in changed):
        previous.initialize_callbacks()  # set_params leaves those of before at work


def _shown(value) -> str:
    """Return what a value shows, without its address in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


@contextmanager
def _explained(y, params: dict) -> Iterator[None]:
    """Say in an error of ``fit`` that sample_weight left one class, which few estimators say."""
    try:
        yield
    except ValueError as error:
        weight = np.asarray(params.get("sample_weight", 0))
        if weight.shape == np.shape(y) and len(np.unique(np.asarray(y)[weight > 0])) == 1:
            error.args = (f"{error} (sample_weight is 0 for all rows but those of one class)",)
        raise


def train(estimator, previous, update: str, X, y, params: dict, classes=None, seed=(0,)):
    """Return an estimator fitted on rows, by the way of retraining that was asked for.

    Parameters
    ----------
    estimator : estimator
        Unfitted, for a fresh start.
    previous : estimator or None
        The one to go on with, in place; None: start afresh.
    update : {"refit", "warm_start", "partial_fit"}
        Under "partial_fit", X and y hold only what is new.
    X, y : container of n rows, array of shape (n,)
        What to learn.
    params : dict
        Parameters of ``fit``.
    classes : ndarray, default=None
        All classes, for ``partial_fit`` of classifiers.
    seed : sequence of int
        Of the random numbers that torch draws for nets.

    Returns
    -------
    estimator
        `previous` if there is one, else `estimator`.
    """
    target = estimator if previous is None or update == "refit" else previous
    restored = restored_on_error(target) if target is previous else nullcontext()
    if isinstance(X, DatasetRows) and is_net(target):
        X = X.with_labels(y)  # a Dataset has labels of its own, which skorch would learn instead
    with restored, _explained(y, params), _torch_seeded(target, seed):
        if target is previous:
            _set_changed(target, estimator)
        if update == "warm_start":
            target.set_params(warm_start=True)
        if update == "partial_fit":
            known = {} if classes is None else {"classes": classes}
            target.partial_fit(X, y, **known, **params)
        else:
            target.fit(X, y, **params)
    return target
