"""Scores, by name or as functions, as scikit-learn takes them."""

import difflib
from collections.abc import Callable


def scorer_of(scoring) -> Callable | None:
    """Return the scorer of this name, or what was given, refusing what is no scorer.

    Examples
    --------
    >>> scorer_of("acc")
    Traceback (most recent call last):
    ...
    ValueError: scoring is 'acc', which scikit-learn does not know; did you mean 'accuracy'?
    """
    from sklearn.metrics import get_scorer, get_scorer_names

    if isinstance(scoring, str):
        known = get_scorer_names()
        if scoring not in known:
            near = [name for name in known if name.startswith(scoring)]
            near = near or difflib.get_close_matches(scoring, known, 1)
            instead = (
                f"did you mean {near[0]!r}?" if near else "see sklearn.metrics.get_scorer_names."
            )
            raise ValueError(f"scoring is {scoring!r}, which scikit-learn does not know; {instead}")
        return get_scorer(scoring)
    if scoring is not None and not callable(scoring):
        raise TypeError(f"scoring is {scoring!r}; give the name of a score, a scorer, or None.")
    module = getattr(scoring, "__module__", None) or ""
    if module.startswith("sklearn.metrics.") and not module.startswith("sklearn.metrics._scorer"):
        name = scoring.__name__
        raise TypeError(
            f"scoring is {name}, a function of true and predicted labels, where one of (estimator, "
            f"X, y) is called; write make_scorer({name})."
        )
    return scoring


def check_score(estimator, scoring) -> None:
    """Refuse a score that there is none of, or that this estimator has not."""
    from sklearn.metrics import check_scoring

    check_scoring(estimator, scorer_of(scoring))


def score_of(estimator, X, y, scoring=None) -> float:
    """Return the score of an estimator on rows with labels; None: its own score."""
    from sklearn.metrics import check_scoring

    return float(check_scoring(estimator, scoring)(estimator, X, y))
