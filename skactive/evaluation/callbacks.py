"""scikit-learn's callbacks, from its version 1.9 on: a simulation tells them of its rounds."""

import sys
from collections.abc import Callable
from functools import wraps
from importlib.util import find_spec
from typing import Any, Self

from sklearn.utils.metaestimators import available_if

MODULE = "sklearn.callback"  # where it was not imported, nobody can have set a callback


class TellsCallbacks:
    """An estimator to which scikit-learn's callbacks can be given, where there are any.

    scikit-learn's own mixin is not a base, as importing it imports rich.
    """

    @available_if(lambda _: find_spec(MODULE) is not None)
    def set_callbacks(self, *callbacks) -> Self:
        """Set what `fit` tells of its progress, such as ``ProgressBar()``, and return self.

        Parameters
        ----------
        *callbacks : callbacks of ``sklearn.callback``
            Each round is a task of the fit. None: no callbacks any more.
        """
        from sklearn.callback import CallbackSupportMixin

        return CallbackSupportMixin.set_callbacks(self, *callbacks)


def with_callbacks(fit: Callable) -> Callable:
    """Return a ``fit`` at whose end callbacks are torn down, whether or not it raises."""

    @wraps(fit)
    def told(estimator, X, y, **fit_params):
        module = sys.modules.get(MODULE)
        whole = fit if module is None else module.with_callbacks(fit)
        return whole(estimator, X, y, **fit_params)

    return told


class Told:
    """What the callbacks of a simulation are told; nothing where scikit-learn has none."""

    def __init__(self, simulated, X, y, so_far: Callable[[], dict] | None = None) -> None:
        self._what = {"estimator": simulated, "X": X, "y": y}
        self._fitted = self._what | {"reconstruction_attributes": so_far}
        self._fit: Any = None
        self._round: Any = None

    def begin(self, n_rounds: int | None) -> None:
        """Tell that the fit begins, which has at most so many rounds; None: nobody knows."""
        simulated, module = self._what["estimator"], sys.modules.get(MODULE)
        if simulated is not None and module is not None:
            mixin = module.CallbackSupportMixin
            # A name with an underscore, which scikit-learn documents for estimators of others.
            self._fit = mixin._init_callback_context(simulated, max_subtasks=n_rounds)
            self._fit.call_on_fit_task_begin(**self._what)

    def begin_round(self) -> None:
        """Tell that a round begins."""
        if self._fit is not None:
            self._round = self._fit.subcontext(task_name="round")
            self._round.call_on_fit_task_begin(**self._what)

    def end_round(self) -> bool:
        """Tell that a round is over; return whether a callback wants it to be the last."""
        return self._fit is not None and self._round.call_on_fit_task_end(**self._fitted)

    def end(self) -> None:
        """Tell that the fit is over."""
        if self._fit is not None:
            self._fit.call_on_fit_task_end(**self._fitted)


UNTOLD = Told(None, None, None)
