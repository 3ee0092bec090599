"""Methods that a meta-estimator hands to what it wraps."""

from collections.abc import Callable
from inspect import cleandoc
from typing import Any

from sklearn.utils.metaestimators import available_if

from .checks import may_have, refuse_masked


class Inner:
    """What a meta-estimator wraps, by two functions of the meta-estimator.

    Parameters
    ----------
    any_of : callable
        Returns the wrapped estimator, fitted where it is.
    fitted_of : callable
        Returns the fitted one, and raises where it is not.
    rows_of : callable
        Returns the rows that it is given, of those that the meta-estimator is.
    ask : callable
        Called with a method of the fitted one, rows and further parameters; returns its answer.
    """

    def __init__(
        self,
        any_of: Callable[[Any], Any],
        fitted_of: Callable[[Any], Any],
        rows_of: Callable[[Any, Any], Any] = lambda outer, X: X,
        ask: Callable = lambda method, X, **params: method(X, **params),
    ):
        self.any_of = any_of
        self.fitted_of = fitted_of
        self.rows_of = rows_of
        self.ask = ask

    def has(self, name: str) -> Callable:
        """Return a check that the wrapped estimator has a method, for ``available_if``."""

        def check(outer) -> bool:
            inner = self.any_of(outer)
            return may_have(inner, name) or getattr(inner, name)  # whose error says why not

        return check

    def method(self, name: str, what: str):
        """Return a method that hands rows to the fitted estimator's method of this name."""

        def method(outer, X, **params) -> Any:
            """Return {what}, as the fitted estimator does.

            Parameters
            ----------
            X : container of n rows
                Rows.
            **params : dict
                Passed to the estimator's ``{name}``.

            Returns
            -------
            ndarray
                Its first axis has length n.

            Raises
            ------
            NotFittedError
                If there are too few labels so far to fit the estimator.
            """
            refuse_masked(X, "X", name)
            answer = getattr(self.fitted_of(outer), name)
            return self.ask(answer, self.rows_of(outer, X), **params)

        method.__name__ = name
        method.__doc__ = cleandoc(method.__doc__ or "").format(what=what, name=name)
        return available_if(self.has(name))(method)
