"""How an estimator is fitted: its seeds, what stands for labels, and the ways to go on."""

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from sklearn.base import clone

from ..data.datasets import DatasetRows
from ..data.labels import nearest_class
from ..models.kinds import CODED, GROWING, is_net, is_own, last_step
from ..utils.checks import is_instance

COPYING = ("__deepcopy__", "__reduce_ex__", "__reduce__", "__getstate__")  # what copies go by
UPDATES = ("refit", "warm_start", "partial_fit")


def params_of(estimator) -> dict:
    """Return all parameters of an estimator, and of those inside it."""
    return estimator.get_params() if hasattr(estimator, "get_params") else {}


def seeded_clone(estimator, seed: int, params: dict | None = None):
    """Return an unfitted copy in which every ``random_state=None`` has a seed of its own."""
    params = params_of(estimator) if params is None else params
    estimator = clone(estimator)
    # Sorted, so that the seed of a parameter does not depend on the order of the others.
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


def coded_weights(weights: dict, codes: np.ndarray, classes: np.ndarray, is_all: bool) -> dict:
    """Return weights of classes by their codes; those of classes not taught yet are left out.

    Refused is what is none of the classes so far, if these are all that there can be. If not,
    another one may come: refused is what is near to a class without a weight, or nothing but such.
    """
    by_label = {label: code for code, label in enumerate(codes.tolist())}
    so_far = classes.tolist()
    free, new = [each for each in so_far if each not in weights], weights.keys() - set(so_far)
    for label in filter(new.__contains__, weights):
        near = nearest_class(label, free)
        if is_all:
            instead = f"write {near!r}" if near is not None else f"the classes are {so_far}"
            raise ValueError(
                f"class_weight names {label!r}, which classes= does not name; {instead}."
            )
        if near is not None:
            raise ValueError(
                f"class_weight names {label!r}, which no label is; write {near!r}, or name all in "
                f"classes= if {label!r} is a class that may still come."
            )
        if len(new) == len(weights):
            raise ValueError(
                f"class_weight names {label!r}, but labels are such as {so_far[0]!r}; give a "
                f"weight for each label, as it is taught."
            )
    return {by_label[label]: weight for label, weight in weights.items() if label in by_label}


def give_codes(estimator, params: dict, coded: Callable[[dict], dict]) -> None:
    """Give an unfitted estimator codes where its parameters name labels: weights of classes."""
    named = {
        name: coded(value)
        for name, value in params.items()
        if name.rpartition("__")[2] == "class_weight" and isinstance(value, dict)
    }
    if named:
        estimator.set_params(**named)


def prepare_nets(estimator, n_classes: int | None, coded=None, multilabel: bool = False) -> None:
    """Prepare the nets in an unfitted estimator for what torch alone refuses: `fitting.prepare`."""
    from ..models.fitting import prepare

    for net in nets_in(estimator):  # what one inside a VotingClassifier learns is up to that
        is_last = net is last_step(estimator)
        given = (n_classes, coded, multilabel) if is_last else (None, None)
        prepare(net, *given)


def nets_in(estimator, params: dict | None = None) -> list:
    """Return the nets that an estimator is, or is made of."""
    params = params_of(estimator) if params is None else params
    parts = [estimator, *params.values()]
    nets = [part for part in parts if is_net(part) and last_step(part) is part]
    return list({id(net): net for net in nets}.values())


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


def _copied(estimator):
    """Return a copy of an estimator, refusing one that cannot be copied."""
    cls: Any = type(estimator)
    refusal: type[Exception]
    own = (name for name in COPYING if getattr(cls, name, None) is not getattr(object, name, None))
    try:
        if any(is_own(cls, name) for name in own):
            return copy.deepcopy(estimator)
        # Not as skorch pickles: for that, nets write their weights to a file.
        other = cls.__new__(cls)
        vars(other).update(copy.deepcopy(vars(estimator), {id(estimator): other}))
        return other
    except (RuntimeError, TypeError) as error:
        if isinstance(error, TypeError):  # such as a lock or an open file
            said, refusal = str(error).rstrip("."), TypeError
            write = "leave that out in the class's __deepcopy__, or write update='refit'"
        else:  # of torch
            said, refusal = str(error).partition(".")[0], ValueError
            write = "keep no tensor with its graph in the module, but its detach()"
        raise refusal(
            f"{cls.__name__} goes on from where it is, and is copied before in case "
            f"fitting raises, but cannot be: {said}; {write}."
        ) from error


def _changed_params(previous, estimator) -> dict:
    """Return the parameters that were set since `previous` was made, warm_start aside."""
    old, new = previous.get_params(deep=False), estimator.get_params(deep=False)
    # Compared by their repr: a clone is another object, and many have no equality of values.
    same = {k for k, v in old.items() if k in new and _shown(v) == _shown(new[k])}
    return {k: v for k, v in new.items() if k != "warm_start" and k not in same}


def _set_changed(previous, estimator) -> None:
    """Set on an estimator that goes on the parameters that were set on the learner's since."""
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
    """Return the repr of a value without its address in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


@contextmanager
def _explained(y, params: dict) -> Iterator[None]:
    """Add to an error of ``fit`` that sample_weight leaves one class, which few estimators say."""
    try:
        yield
    except ValueError as error:
        weight = np.asarray(params.get("sample_weight", 0))
        if weight.shape == np.shape(y) and len(np.unique(np.asarray(y)[weight > 0])) == 1:
            error.args = (f"{error} (sample_weight is 0 for all rows but those of one class)",)
        raise


def fit_on(estimator, previous, update: str, X, y, params: dict, classes=None, seed=None):
    """Return `estimator` fitted on rows, or unless it is None a copy of `previous` that goes on.

    With update="partial_fit", X and y hold only what is new, and `classes` all classes. From `seed`
    follows what torch draws, if there is a net.
    """
    # A copy: whoever holds the one before, or interrupts, finds it as it was.
    target = estimator if previous is None else _copied(previous)
    seeded: Any = nullcontext()
    if seed is not None:
        from ..models.seeding import seeded as seeding

        seeded = seeding(seed, nets_in(target))
    if isinstance(X, DatasetRows) and is_net(target):
        X = X.with_labels(y)  # a Dataset has labels of its own, which skorch would learn instead
    with _explained(y, params), seeded:
        if previous is not None:
            _set_changed(target, estimator)
        if update == "warm_start":
            target.set_params(warm_start=True)
        if update == "partial_fit":
            known = {} if classes is None else {"classes": classes}
            target.partial_fit(X, y, **known, **params)
        else:
            target.fit(X, y, **params)
    return target
