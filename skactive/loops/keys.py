"""What a person types for several labels of a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.multilabel import EMPTY, as_matrix, parse_text

NONE = "0"  # the key that says that a row has none of the labels


def hints_of_several(names: Sequence, have_keys: bool) -> list[str]:
    """Return how several labels are typed, and none, as a menu lists it.

    Examples
    --------
    >>> hints_of_several(["ham", "spam"], have_keys=True)
    ['12 both', '0 none']
    >>> hints_of_several([3, 5, 7], have_keys=False)
    ['3; 5 two of them', '[] none']
    """
    two = "both" if len(names) == 2 else "two of them"
    if have_keys:
        return [f"12 {two}", f"{NONE} none"]
    return [f"{names[0]}; {names[1]} {two}", f"{EMPTY} none"]


def labels_of(said: str, names: Sequence, have_keys: bool) -> set | None:
    """Return the labels that were typed, by their keys or names, or None if it is none of them.

    An empty line says nothing: a row that has no label is said to have none.

    Examples
    --------
    >>> names = ["cat", "dog", "emu"]
    >>> sorted(labels_of("31", names, True)), labels_of("0", names, True)
    (['cat', 'emu'], set())
    >>> sorted(labels_of("dog; cat", names, True)), labels_of("", names, True)
    (['cat', 'dog'], None)
    >>> labels_of("4", names, True) is labels_of("10", names, True) is None
    True
    """
    said = said.strip()
    if not said:
        return None
    if have_keys and said == NONE:
        return set()
    keys = said.replace(" ", "").replace(",", "")
    if have_keys and keys.isascii() and keys.isdigit():
        found = [int(key) for key in keys]
        return (
            {names[key - 1] for key in found} if all(0 < k <= len(names) for k in found) else None
        )
    read = parse_text([said], np.array(names))
    if not read.is_given[0]:
        return None
    return {names[at] for at in np.flatnonzero(as_matrix(read.labels)[0]).tolist()}
