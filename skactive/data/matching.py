"""Rows of a file as it was among those of the file as it is, by their ids."""

from typing import NamedTuple

import numpy as np

from .ids import Ids


class Matched(NamedTuple):
    """Where rows have gone.

    `numbers` has for each saved row its number now, -1 where it has vanished; `added` the rows of
    now that are new, `vanished` the saved rows that are gone.
    """

    numbers: np.ndarray
    added: np.ndarray
    vanished: np.ndarray


def match(saved: Ids, now: Ids) -> Matched:
    """Match the rows that were saved with those that are there now.

    Examples
    --------
    >>> match(Ids(["a", "b", "c"]), Ids(["d", "c", "a"]))
    Matched(numbers=array([ 2, -1,  1]), added=array([0]), vanished=array([1]))
    """
    if saved == now:
        return Matched(np.arange(len(now)), np.arange(0), np.arange(0))
    numbers = now.find(saved)
    is_new = np.ones(len(now), dtype=bool)
    is_new[numbers[numbers >= 0]] = False
    return Matched(numbers, np.flatnonzero(is_new), np.flatnonzero(numbers < 0))
