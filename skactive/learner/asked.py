"""How questions to test on are mixed with those of a strategy: at their share, in its order."""

from collections.abc import Callable

import numpy as np


def interleaved(
    chosen: Callable[[int], np.ndarray],
    tests: np.ndarray,
    n: int,
    *,
    before: int,
    share: float,
    to_learn: bool = False,
) -> np.ndarray:
    """Return n rows to ask for, or with `to_learn` n to learn from and those to test on besides.

    `chosen` gives so many rows to learn from, or those that are left, and `tests` are those to test
    on that come next. These stand where they would come one by one, `before` counts the answers so
    far. Where too few rows are left to learn from, more of the others are asked for.
    """
    if to_learn:
        n = n_questions(n, before, share, len(tests))
    places = places_of_tests(before, n, share)[: len(tests)]
    rows = chosen(n - len(places))
    if to_learn:
        n = len(rows) + len(places)
    is_test = np.zeros(min(n, len(rows) + len(tests)), dtype=bool)
    is_test[places[places < len(is_test)]] = True
    is_test[np.flatnonzero(~is_test)[len(rows) :]] = True
    asked = np.empty(len(is_test), dtype=np.int64)
    asked[~is_test], asked[is_test] = rows, tests[: is_test.sum()]
    return asked


def places_of_tests(before: int, n: int, share: float) -> np.ndarray:
    """Return which of the next n questions are to test on, after so many answers.

    Question number i is one where the whole part of ``share * i`` goes up.
    """
    due = np.floor(share * np.arange(before, before + n + 1))
    return np.flatnonzero(np.diff(due))


def n_questions(n: int, before: int, share: float, n_tests: int) -> int:
    """Return how many questions bring n that are learned from, with so many tests left."""
    total = n
    while (more := n + min(n_tests, len(places_of_tests(before, total, share)))) > total:
        total = more
    return total
