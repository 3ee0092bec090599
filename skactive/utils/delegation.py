"""Methods that a meta-estimator hands to what it wraps.

The meta-estimator gives ``_inner()``, what it wraps, fitted or not, and ``_fitted()``, which raises
where it is not.
"""

from sklearn.utils.metaestimators import available_if


def inner_has(name: str):
    """Return a check that the wrapped estimator has a method, for ``available_if``."""

    def check(outer) -> bool:
        getattr(outer._inner(), name)
        return True

    return check


def delegated(name: str, what: str):
    """Return a method that hands rows to the fitted estimator's method of this name."""

    def method(self, X, **params):
        return getattr(self._fitted(), name)(X, **params)

    method.__name__ = name
    method.__doc__ = f"""Return {what}, as the fitted estimator does.

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
    return available_if(inner_has(name))(method)
