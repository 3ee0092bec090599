"""Parameters of fit: which of them belong to the rows, and what does not go with the estimator."""

from __future__ import annotations

import copy
import difflib
import inspect
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.utils.metadata_routing import process_routing

from ..data import labels as lab
from ..data.datasets import DatasetRows
from ..data.rows import Rows, check_rows, n_rows, take
from ..data.tensors import as_array
from ..models.kinds import (
    NETS,
    SEARCHES,
    is_frozen,
    is_net,
    is_own,
    is_pipeline,
    last_step,
    unwrapped,
)
from ..utils.checks import is_instance, refuse_masked
from .training import params_of

# What people write who come from modAL, and what it is here.
OF_MODAL = {
    "only_new": 'ActiveLearner(..., update="partial_fit")',
    "bootstrap": "ActiveLearner(BaggingClassifier(...))",
    "seconds": "pool_.label(idx, y, seconds=seconds), then refit()",
    "comment": "pool_.label(idx, y, comment=comment), then refit()",
}


# Methods of a net that get what ``fit`` gets, or use it; a net with one of its own takes any.
OF_NETS = (
    *("partial_fit", "fit_loop", "run_single_epoch", "train_step", "train_step_single"),
    *("validation_step", "infer", "get_loss"),
)
# What has an entry for each row, by its name, and what has none, however long it is; all that are
# called eval_... have none either.
OF_EACH_ROW = ("sample_weight", "groups", "base_margin", "init_score")
OF_NO_ROWS = ("callbacks", "categorical_feature", "feature_name", "feature_weights")


# What ``fit`` may raise of a parameter that it does not take; errors of files, devices and memory
# are about none.
ABOUT_PARAMS = (TypeError, ValueError, AssertionError, AttributeError, LookupError)


class FitParams:
    """Parameters of ``fit``: those with one entry for each of n rows, and the others.

    With the index of the rows, or their numbers, refused is what has another order by its own.
    """

    def __init__(self, params: dict, n: int, index=None, who: str = "fit"):
        self.aligned: dict[str, Rows] = {}
        self.others: dict[str, object] = {}
        self.learned: dict[str, object] = {}  # the others, and names of the aligned, of a fit
        for name, value in params.items():
            if _is_of_rows(name, value) and n_rows(value) == n:
                # A Series becomes an array, so that whatever is given later joins with it.
                lab.check_order(value, index, who=who, name=name)
                refuse_masked(value, name, who)
                if len(getattr(value, "shape", ())) == 1:
                    value = as_array(value)
                self.aligned[name] = Rows(check_rows(value))
            else:
                self.others[name] = value

    def of(self, rows: np.ndarray | None) -> dict:
        """Return the parameters for these row numbers; None: for all rows."""
        return self.others | {
            name: column.whole() if rows is None else column.take(rows)
            for name, column in self.aligned.items()
        }

    def refuse_other_lengths(self, n: int, who: str) -> None:
        """Refuse what is one entry for each row by its name, and has not n of them."""
        for name, value in self.others.items():
            if name.rpartition("__")[2] in OF_EACH_ROW and _has_rows(value):
                raise ValueError(
                    f"{who} got {name} with {n_rows(value)} entries for {n} rows; give one for "
                    f"each row, those without a label included."
                )

    def extended(self, params: dict, added: Rows, who: str) -> FitParams:
        """Return these parameters with those of further rows, refusing what does not join."""
        none = "new rows, but fit got none for the pool's rows"
        both, new = self._joined(params, len(added), added.index(), who, none)
        missing = sorted(self.aligned.keys() - new.aligned.keys())
        if missing:
            raise ValueError(
                f"{who} got rows without {missing[0]}, which fit got for the pool's rows; give "
                f"{missing[0]}= for the new rows too."
            )
        for name, column in new.aligned.items():
            # A copy: until the rows are in the pool, its own parameters must stay as they are.
            both.aligned[name] = self.aligned[name].copy()
            both.aligned[name].append(column.whole(), merge=True)
        return both

    def replaced(self, params: dict, rows: np.ndarray, index, who: str) -> FitParams:
        """Return these parameters with new values for some rows, refusing what fit got none of."""
        none = "rows of the pool, but fit got none"
        both, new = self._joined(params, len(rows), index, who, none)
        for name, column in new.aligned.items():
            old, given = np.asarray(self.aligned[name].whole()), np.asarray(column.whole())
            # Floats that come later are not cut to the integers that fit got.
            values = np.array(old, dtype=np.result_type(old, given))
            values[rows] = given
            both.aligned[name] = Rows(values)
        return both

    def _joined(self, params: dict, n: int, index, who: str, of_what: str) -> tuple:
        """Return these parameters, with what of new ones belongs to no rows, and the new ones.

        Refused is what belongs to rows there or here alone.
        """
        new = FitParams(params, n, index, who)
        for name in new.aligned.keys() & self.others.keys():
            if _is_of_rows(name, self.others[name]):  # a list of as many as rows, by chance
                new.others[name] = params[name]
                del new.aligned[name]
        for name in sorted(self.aligned.keys() & new.others.keys()):
            if new.others[name] is not None:
                raise ValueError(
                    f"{who} got {name}, but not one entry for each of its rows, as fit did for the "
                    f"pool's; give {name}= as many entries as rows."
                )
        new.refuse_other_lengths(n, who)
        extra = sorted(new.aligned.keys() - self.aligned.keys())
        if extra:
            raise ValueError(
                f"{who} got {extra[0]} for {of_what}; give {extra[0]}= to fit, for every row."
            )
        both = copy.copy(self)
        both.others, both.aligned = self.others | new.others, dict(self.aligned)
        return both, new

    def after_fit(self) -> FitParams:
        """Return these parameters as those with which a fit went well."""
        other = copy.copy(self)
        other.learned = self.others | dict.fromkeys(self.aligned)
        return other

    def without(self, error: Exception, taken: list[str]) -> FitParams:
        """Return these parameters without those that made ``fit`` raise this, of which it is told.

        These came since the last fit that went well, with which the others are as they were: those
        that the error names, or all; but weights and the like that `taken` lists stay. A ValueError
        is mostly about labels: only a name that it names and that `taken` does not is wrong, as
        scikit-learn's ensembles refuse it.
        """
        names, quoted = {*self.others, *self.aligned}, re.findall(r"['\"](\w+)['\"]", str(error))
        new = {name for name in names if self.learned.get(name, self) is not self.others.get(name)}
        named = {name for name in names if {name, name.rpartition("__")[2]} & set(quoted)}
        if isinstance(error, ValueError):
            wrong = (new & named & self.others.keys()) - set(taken)
        else:
            wrong = (new & named if named else new) - (self.aligned.keys() & set(taken))
        if not wrong:
            return self
        error.add_note(f"fit does not get {', '.join(sorted(wrong))} again, as it came last.")
        before = {name: self.learned[name] for name in self.learned.keys() & wrong}
        other = copy.copy(self)
        other.others = {k: v for k, v in self.others.items() if k not in wrong} | before
        other.aligned = {k: v for k, v in self.aligned.items() if k not in wrong}
        return other


def routed_to_fit(learner, params: dict, who: str) -> dict:
    """Return the parameters that the estimator's ``fit`` is to get of those given to a learner.

    Names that it does not take are refused, before anything else happens.
    """
    if params and get_config()["enable_metadata_routing"]:
        return process_routing(learner, "fit", **params).estimator.fit
    taken = taken_by(learner) if params else []
    for name in params:
        if not any(fnmatchcase(name, pattern) for pattern in taken):
            raise TypeError(_not_taken(learner, name, who, taken))
    return params


def routed_with(learner, groups, params: dict, who: str) -> tuple[dict, Any]:
    """Return what the estimator's ``fit`` is to get of groups and other parameters, and groups.

    The latter decide on the test side, if the rows of a group go to one; then the estimator gets
    them where it takes any, else they are one of its parameters, and None is left for the side.
    """
    is_for_side = learner.hold_out is not None
    if who != "fit":
        side = learner.pool_.ledger.now.side
        is_for_side = side is not None and side.is_by_group
    if groups is not None and (not is_for_side or _takes_groups(learner)):
        params = params | {"groups": groups}
    return routed_to_fit(learner, params, who), groups if is_for_side else None


def _takes_groups(learner) -> bool:
    """Whether a learner's estimator is fitted with groups."""
    if get_config()["enable_metadata_routing"]:
        return bool(learner.get_metadata_routing().consumes("fit", ["groups"]))
    return "groups" in taken_by(learner)


def taken_by(learner) -> list[str]:
    """Return the names of parameters that fitting a learner's estimator takes, "*" for any."""
    return _taken(learner.estimator, _method_of(learner))


def _method_of(learner) -> str:
    """Return the method by which a learner's estimator is fitted."""
    return "partial_fit" if learner.update == "partial_fit" else "fit"


def _taken(estimator, method: str) -> list[str]:
    """Return the names of parameters that a method for fitting takes, with "*" for any."""
    if is_pipeline(estimator):
        *_, last = estimator.steps
        inside = [
            f"{each[0]}__{name}"
            for each in estimator.steps
            for name in _taken(each[1], method if each is last else _how_transformed(each[1]))
        ]
        return _named_by_own(estimator, method) + inside
    if is_instance(estimator, SEARCHES):
        own = _named_by_own(estimator, method)
        return ["groups", *own, *_taken(estimator.estimator, method)]
    if is_frozen(estimator):  # takes what it would, were it fitted
        return _taken(estimator.estimator, method)
    if is_instance(estimator, NETS):
        return _taken_by_net(estimator)
    return [name for name in _keywords(getattr(estimator, method, None)) if name != "classes"]


def _named_by_own(estimator, method: str) -> list[str]:
    """Return the names that a user's own method of a Pipeline or a search takes itself.

    Any others it only hands on.
    """
    names = _keywords(getattr(estimator, method, None)) if is_own(estimator, method) else []
    return [name for name in names if name != "*"]


def _how_transformed(step) -> str:
    """Return the method to which a Pipeline hands the parameters of a step before the last."""
    # scikit-learn's own fit_transform takes any, and hands them to fit.
    return "fit_transform" if is_own(step, "fit_transform") else "fit"


def _taken_by_net(net) -> list[str]:
    """Return the names of parameters that fitting a net takes, with "*" for any."""
    if is_own(net, "fit"):
        return _keywords(net.fit)
    if any(is_own(net, name) for name in OF_NETS):
        return ["*"]
    # A function makes the module of some, and nobody knows what until it is called.
    forward = getattr(net.module, "forward", None)
    # Of a module that is an instance, it has no self.
    return ["epochs", *_keywords(forward, 2 if isinstance(net.module, type) else 1)]


def _keywords(function, n_rows_and_labels: int = 2) -> list[str]:
    """Return the names of a function's parameters but the first ones, with "*" for any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # there is none, or compiled code that does not tell
        return ["*"]
    is_open = any(each.kind == each.VAR_KEYWORD for each in parameters)
    # Behind *args, which takes the rows and the labels, all are given by name.
    positional = [each.name for each in parameters if each.kind == each.POSITIONAL_OR_KEYWORD]
    by_name = [each.name for each in parameters if each.kind == each.KEYWORD_ONLY]
    return [*["*"] * is_open, *positional[n_rows_and_labels:], *by_name]


def _not_taken(learner, name: str, who: str, taken: list[str]) -> str:
    """Return the sentence that refuses a parameter."""
    estimator, method, last = learner.estimator, _method_of(learner), name.rpartition("__")[2]
    # What learns is the last step: weights of a scaler alone are not what anybody means.
    steps = [each.steps[-1][0] for each in unwrapped(estimator) if is_pipeline(each)]
    of_last = "".join(f"{step}__" for step in steps)
    longer = [f"{of_last}{last}"] if f"{of_last}{last}" in taken else []
    own = [each for each in _keywords(getattr(learner, who)) if each != "*"]
    own += taken if "__" in name else [each for each in taken if each.startswith(of_last)]
    near = longer or difflib.get_close_matches(name, own, 1)
    instead = f"write {near[0]}=" if near else "leave it out"
    if name in OF_MODAL:
        instead = f"write {OF_MODAL[name]}"
    if name == "groups":
        instead = "leave it out, or let the learner hold out rows by them: hold_out=0.2"
    net = last_step(estimator)
    if is_net(net) and not longer:
        module = getattr(net.module, "__name__", type(net.module).__name__)
        if last == "sample_weight":
            instead += ", or weight rows in a net with a get_loss of its own"
        return (
            f"{who} got {name}, which skorch hands to the module, but the forward of {module} "
            f"takes none; {instead}."
        )
    listed = ", ".join(each for each in taken if "*" not in each) or "none"
    return (
        f"{who} got {name}, which {type(estimator).__name__}.{method} does not take (it takes "
        f"{listed}); {instead}."
    )


def check_net_fit(estimator, X) -> None:
    """Refuse what would fail inside a search over a net: a Dataset in folds."""
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


def with_codes(
    params: dict, codes: np.ndarray, missing_label, coded_weights: Callable[[dict], dict]
) -> dict:
    """Return parameters of ``fit`` with codes for the labels of validation sets, as the rows' own.

    Rows of a class that nobody has taught yet are left out: no prediction could be right on them.
    """
    coded = dict(params)
    for name, value in params.items():
        last = name.rpartition("__")[2]
        if last == "eval_class_weight" and isinstance(value, (list, tuple)):
            coded[name] = [
                coded_weights(each) if isinstance(each, dict) else each for each in value
            ]
        if value is None or last not in ("eval_set", "eval_y"):
            continue
        # One set may stand alone: a pair, or labels that are in no tuple.
        is_lone = not isinstance(value, tuple) if last == "eval_y" else _is_pair(value)
        sets = [value] if is_lone else value
        ys = [each[1] if last == "eval_set" else each for each in sets]
        parsed = [lab.parse(y, missing_label=missing_label) for y in ys]
        ys = [np.where(known, lab.encode(values, codes), -1) for values, known in parsed]
        coded[name] = [(each[0], y) for each, y in zip(sets, ys, strict=True)]
        if last == "eval_y":
            coded[name] = ys[0] if is_lone else tuple(ys)
        if any((y < 0).any() for y in ys):
            coded |= _cut(name, coded, ys)
    return coded


def _is_pair(value) -> bool:
    """Whether a value is rows with their labels, and no list of such pairs."""
    return isinstance(value, tuple) and len(value) == 2 and not isinstance(value[0], tuple)


def _cut(name: str, params: dict, ys: list[np.ndarray]) -> dict:
    """Return what belongs to validation sets without the rows whose code is -1."""

    def cut(part, y):
        if isinstance(part, tuple):
            return tuple(cut(each, y) for each in part)
        is_of_rows = _has_rows(part) and n_rows(part) == len(y)
        return take(check_rows(part), np.flatnonzero(y >= 0)) if is_of_rows else part

    start, found = name.rpartition("__")[0], {}
    for other, value in params.items():
        before, _, last = other.rpartition("__")
        if before != start or "eval" not in last.split("_"):
            continue
        if isinstance(value, (list, tuple)) and len(value) == len(ys):
            found[other] = type(value)(cut(*each) for each in zip(value, ys, strict=True))
        elif len(ys) == 1:
            found[other] = cut(value, ys[0])
    return found


def _is_of_rows(name: str, value) -> bool:
    """Whether a parameter could have an entry for each row of the pool."""
    last = name.rpartition("__")[2]
    return _has_rows(value) and last not in OF_NO_ROWS and "eval" not in last.split("_")


def _has_rows(value) -> bool:
    """Whether a value is a container that could have an entry for each row."""
    return not isinstance(value, (str, bytes, dict)) and (
        (hasattr(value, "shape") and len(value.shape) > 0) or isinstance(value, (list, tuple))
    )
