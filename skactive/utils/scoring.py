"""Scores, by name or as functions, as scikit-learn takes them."""

from collections.abc import Callable


def scorer_of(scoring) -> Callable | None:
    """Return the scorer of this name, or what was given, refusing what is no scorer."""
    from sklearn.metrics import get_scorer

    if isinstance(scoring, str):
        return get_scorer(scoring)
    if scoring is not None and not callable(scoring):
        raise TypeError(f"scoring is {scoring!r}; give the name of a score, a scorer, or None.")
    return scoring


def score_of(estimator, X, y, scoring=None) -> float:
    """Return the score of an estimator on rows with labels; None: its own score."""
    from sklearn.metrics import check_scoring

    return float(check_scoring(estimator, scoring)(estimator, X, y))
