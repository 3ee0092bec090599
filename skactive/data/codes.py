"""Labels and names of people as whole numbers, and what functions of opinions count of these."""

import numpy as np
from numpy.typing import NDArray

from .labels import encode, sorted_classes


def label_codes(labels: NDArray) -> NDArray[np.intp]:
    """Return labels as whole numbers, the same for the same label, or set of labels."""
    if labels.ndim == 2:
        sets = map(bytes, labels.astype(np.int8, order="C"))
        labels = np.fromiter(sets, dtype=object, count=len(labels))
    return encode(labels, sorted_classes(labels))


def name_codes(annotators: NDArray) -> tuple[list[str | None], NDArray[np.intp]]:
    """Return the distinct names, sorted, None last, and each one's place among them."""
    given = annotators.tolist()
    names = sorted(set(given), key=lambda name: (name is None, name or ""))
    codes = {name: code for code, name in enumerate(names)}
    return names, np.fromiter(map(codes.__getitem__, given), dtype=np.intp, count=len(given))


def starts_of(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where a new code starts among sorted ones, which are at least 0."""
    return np.flatnonzero(np.diff(codes, prepend=-1))


def agreement_with_others(
    rows: NDArray[np.intp], people: NDArray[np.intp], labels: NDArray[np.intp], n_people: int
) -> NDArray[np.float64]:
    """Return with which share of the others' labels of the same rows each person's agree.

    Each has said one thing of a row at most. NaN of who shares no row with anybody.

    Examples
    --------
    >>> rows, people = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2])
    >>> agreement_with_others(rows, people, np.array([5, 5, 3, 4, 5]), 3)
    array([0.5, 0.5, nan])
    """
    cells = np.unique(rows * (labels.max(initial=0) + 1) + labels, return_inverse=True)[1]
    agreeing = np.bincount(people, np.bincount(cells)[cells] - 1, n_people)
    others = np.bincount(people, np.bincount(rows)[rows] - 1, n_people)
    return np.divide(agreeing, others, out=np.full(n_people, np.nan), where=others > 0)
