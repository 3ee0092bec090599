"""Parameters of fit: which of them belong to the rows, and what does not go with the estimator."""

from __future__ import annotations

import inspect

import numpy as np
from sklearn import get_config
from sklearn.utils.metadata_routing import process_routing

from ..data.datasets import DatasetRows
from ..data.rows import Rows, check_rows, n_rows
from ..data.tensors import as_array, is_tensor
from ..models.kinds import SEARCHES, is_frozen, is_net, is_own, last_step
from ..utils.checks import is_instance, unmasked
from .training import params_of


class FitParams:
    """Parameters of ``fit``: those with one entry for each of n rows, and the others."""

    def __init__(self, params: dict, n: int):
        self.aligned: dict[str, Rows] = {}
        self.others: dict[str, object] = {}
        for name, value in params.items():
            if _has_rows(value) and n_rows(value) == n:
                # A Series becomes an array, so that whatever is given later joins with it.
                if len(getattr(value, "shape", ())) == 1:
                    value = as_array(value) if is_tensor(value) else unmasked(value, name, "fit")
                self.aligned[name] = Rows(check_rows(value))
            else:
                self.others[name] = value

    def of(self, rows: np.ndarray | None) -> dict:
        """Return the parameters for these row numbers; None: for all rows."""
        return self.others | {
            name: column.whole() if rows is None else column.take(rows)
            for name, column in self.aligned.items()
        }

    def extended(self, params: dict, n: int, who: str) -> FitParams:
        """Return these parameters with those of n further rows, refusing what does not join."""
        both, new = self._joined(params, n, who, "new rows, but fit got none for the pool's rows")
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

    def replaced(self, params: dict, rows: np.ndarray, who: str) -> FitParams:
        """Return these parameters with new values for some rows, refusing what fit got none of."""
        both, new = self._joined(params, len(rows), who, "rows of the pool, but fit got none")
        for name, column in new.aligned.items():
            old, given = np.asarray(self.aligned[name].whole()), np.asarray(column.whole())
            # Floats that come later are not cut to the integers that fit got.
            values = np.array(old, dtype=np.result_type(old, given))
            values[rows] = given
            both.aligned[name] = Rows(values)
        return both

    def _joined(self, params: dict, n: int, who: str, of_what: str) -> tuple[FitParams, FitParams]:
        """Return these parameters, with what of new ones belongs to no rows, and the new ones.

        Refused is what belongs to rows there or here alone.
        """
        new = FitParams(params, n)
        for name in sorted(self.aligned.keys() & new.others.keys()):
            if new.others[name] is not None:
                raise ValueError(
                    f"{who} got {name}, but not one entry for each of its rows, as fit did for the "
                    f"pool's; give {name}= as many entries as rows."
                )
        extra = sorted(new.aligned.keys() - self.aligned.keys())
        if extra:
            raise ValueError(
                f"{who} got {extra[0]} for {of_what}; give {extra[0]}= to fit, for every row."
            )
        both = FitParams(self.others | new.others, -1)  # nothing has -1 entries
        both.aligned = dict(self.aligned)
        return both, new


def routed_to_fit(learner, params: dict) -> dict:
    """Return the parameters that the estimator's ``fit`` is to get of those given to a learner."""
    if params and get_config()["enable_metadata_routing"]:
        return process_routing(learner, "fit", **params).estimator.fit
    return params


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
    if forward is None:  # a function makes the module, and nobody knows what until it is called
        return True
    taken = inspect.signature(forward).parameters
    return "sample_weight" in taken or any(each.kind == each.VAR_KEYWORD for each in taken.values())


def _has_rows(value) -> bool:
    """Whether a value of a parameter is a container that could have an entry for each row."""
    return not isinstance(value, (str, bytes, dict)) and (
        (hasattr(value, "shape") and len(value.shape) > 0) or isinstance(value, (list, tuple))
    )
