"""Opinions: the one label of a row that follows from them, and how far annotators agree.

Opinions come as three aligned arrays, in the order in which they were given: the row of each, who
gave it, and the label, shape (k,) or, with several labels a row, (k, L).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, triu

from ..data.codes import label_codes, name_codes, starts_of
from ..data.labels import missing_mask, to_array
from .one_coin import one_coin

Consensus = Callable[[NDArray[np.int64], NDArray, NDArray], Any]


def latest(rows: NDArray[np.int64], annotators: NDArray, labels: NDArray) -> NDArray:
    """Return the label that was given last to each distinct row, in the order of row numbers."""
    _, from_the_end = np.unique(rows[::-1], return_index=True)
    return labels[len(rows) - 1 - from_the_end]


def majority(rows: NDArray[np.int64], annotators: NDArray, labels: NDArray) -> NDArray:
    """Return the label that most gave to each distinct row, in the order of row numbers.

    Among labels that as many gave, the one that was given first. Several labels a row are voted on
    one by one. Everybody counts alike, so it makes no difference who the annotators are.

    Examples
    --------
    >>> people = np.array(["ann", "ben", "cleo", "ann"])
    >>> majority(np.array([7, 7, 7, 3]), people, np.array([0, 2, 2, 1]))
    array([1, 2])
    """
    _, questions = np.unique(rows, return_inverse=True)
    if labels.ndim == 2:
        width = labels.shape[1]
        questions = (questions[:, None] * width + np.arange(width)).ravel()
    cells = labels.ravel()
    return cells[_first_of_most(questions, label_codes(cells))].reshape(-1, *labels.shape[1:])


def _first_of_most(questions: NDArray[np.intp], answers: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return, for questions 0, 1, ..., where each one's commonest answer was given first."""
    if len(questions) == 0:
        return questions
    pairs = questions * (answers.max() + 1) + answers
    order = np.argsort(pairs)
    starts = starts_of(pairs[order])
    first = np.minimum.reduceat(order, starts)
    # More votes, and among as many, what came first: no two answers to a question are level.
    rank = np.diff(starts, append=len(order)) * len(order) - first
    question = questions[first]
    best = np.maximum.reduceat(rank, starts_of(question))
    return first[rank == best[question]]


_KNOWN: dict[Any, Consensus] = {None: latest, "majority": majority, "one_coin": one_coin}


def is_row_by_row(consensus: Any) -> bool:
    """Whether what is said of a row makes no difference to any other; of a function, who knows."""
    return isinstance(consensus, str | None) and consensus != "one_coin"


def resolve(consensus: Any) -> Consensus:
    """Return the function that a parameter `consensus` stands for: None is the latest label.

    Examples
    --------
    >>> resolve("one coin")
    Traceback (most recent call last):
    ...
    ValueError: consensus is 'one coin'; write None, 'majority', 'one_coin', or a function of (rows,
        annotators, labels) that returns a label for each distinct row.
    """
    if callable(consensus) and not isinstance(consensus, type):
        return consensus
    if isinstance(consensus, str | None) and consensus in _KNOWN:
        return _KNOWN[consensus]
    raise ValueError(
        f"consensus is {consensus!r}; write {', '.join(map(repr, _KNOWN))}, or a function of "
        f"(rows, annotators, labels) that returns a label for each distinct row."
    )


def consensus_of(
    consensus: Any,
    rows: NDArray[np.int64],
    annotators: NDArray,
    labels: NDArray,
    missing_label: Any = None,
) -> NDArray:
    """Return the label of each distinct row, in the order of row numbers and the dtype of labels.

    The function is shown the opinions read-only. What it returns is refused if it is not one label
    for each row, of the kind of the others.
    """
    function = resolve(consensus)
    if len(rows) == 0:
        return labels[:0]
    found = function(*map(_read_only, (rows, annotators, labels)))
    if function in _KNOWN.values():
        return found
    return _checked(found, consensus, np.unique(rows), labels, missing_label)


def _read_only(values: NDArray) -> NDArray:
    """Return a view of an array, through which nothing can be written."""
    view = values.view()
    view.flags.writeable = False
    return view


def _checked(
    found: Any, consensus: Any, distinct: NDArray, labels: NDArray, missing_label: Any
) -> NDArray:
    """Return what a user's function found, in the dtype of labels, refusing what is no label."""
    who = f"consensus {getattr(consensus, '__qualname__', repr(consensus))}"
    wanted = (len(distinct), *labels.shape[1:])
    values = to_array(found) if labels.ndim == 1 else np.asarray(found)
    if values.shape != wanted:
        raise ValueError(
            f"{who} returned the shape {values.shape} for {len(distinct)} rows; return the shape "
            f"{wanted}: what each distinct row is, in the order of row numbers."
        )
    cells, row = values.ravel(), np.repeat(distinct, labels.size // len(labels))
    if (is_missing := missing_mask(cells, missing_label)).any():
        at = is_missing.argmax()
        raise ValueError(
            f"{who} returned {cells.tolist()[at]!r} for row {row[at]}, which stands for no label; "
            f"return a label for every row."
        )
    cast, fits = _cast(cells, labels)
    if not fits.all():
        at = fits.argmin()
        raise ValueError(
            f"{who} returned {cells.tolist()[at]!r} for row {row[at]}; return labels of the kind "
            f"that was given, such as {labels.ravel().tolist()[0]!r}."
        )
    return cast.reshape(wanted)


def _cast(cells: NDArray, labels: NDArray) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return values in the dtype of labels, and which of them are the same there."""
    if labels.dtype.kind in "OU":
        are_text = [isinstance(cell, str) for cell in cells.tolist()]
        return cells.astype(object), np.array(are_text, dtype=bool)
    if cells.dtype.kind == "O":  # 1 and 1.0 in one list
        cells = np.array(cells.tolist())
    # Where a row has several labels, these are 0 and 1 or False and True; one is not the other.
    allowed = "biuf" if labels.ndim == 2 else "b" if labels.dtype.kind == "b" else "iuf"
    if cells.dtype.kind not in allowed:
        return cells, np.zeros(len(cells), dtype=bool)
    with np.errstate(invalid="ignore"):  # what the dtype does not hold is another number there
        cast = cells.astype(labels.dtype)
    most = 1 if labels.ndim == 2 else np.inf
    return cast, (cast == cells) & (np.abs(cast, dtype=float) <= most) & np.isfinite(cast)


@dataclass(frozen=True, eq=False, repr=False)
class Agreement:
    """How far annotators agree, beyond what chance would give them: 1 always, 0 as chance would.

    Attributes
    ----------
    alpha : float
        Krippendorff's alpha of all opinions [1]_; NaN where there is one label only, or no row
        that two have labelled.
    pairs : dict
        Cohen's kappa of each two annotators who share rows, and how many rows they share, by the
        pair of their names; NaN where both gave one label only.

    References
    ----------
    .. [1] K. Krippendorff, Content Analysis, 2nd edition, 2004, chapter 11.
    """

    alpha: float
    pairs: dict[tuple[str | None, str | None], tuple[float, int]]

    def __repr__(self) -> str:
        lines = [
            f"  {a} and {b}: kappa {kappa:.3f} on {n} row{'s' * (n != 1)}"
            for (a, b), (kappa, n) in self.pairs.items()
        ]
        return "\n".join([f"Agreement: alpha {self.alpha:.3f}", *lines])


def agreement(rows: NDArray[np.int64], annotators: NDArray, labels: NDArray) -> Agreement:
    """Say how far annotators agree, by what each said last of a row.

    With several labels a row two annotators agree where all of these are the same.

    Examples
    --------
    >>> people = np.array(["ann", "ben", "ann", "ben", "ann", "ben"])
    >>> agreement(np.array([0, 0, 1, 1, 2, 2]), people, np.array([0, 0, 1, 1, 1, 0]))
    Agreement: alpha 0.444
      ann and ben: kappa 0.400 on 3 rows
    """
    if labels.dtype.kind == "f" and (labels != np.round(labels)).any():
        number = labels[labels != np.round(labels)][0]
        raise ValueError(
            f"the labels are numbers such as {number}, of which hardly two are equal; agreement is "
            f"counted for classes only."
        )
    distinct, units = np.unique(rows, return_inverse=True)
    names, people = name_codes(annotators)
    answers = label_codes(labels)
    if len(rows):
        _, from_the_end = np.unique((people * len(distinct) + units)[::-1], return_index=True)
        last = len(rows) - 1 - from_the_end  # by annotator, then by row
        units, people, answers = units[last], people[last], answers[last]
    return Agreement(_alpha(units, answers), _kappas(units, people, answers, names))


def _alpha(units: NDArray[np.intp], answers: NDArray[np.intp]) -> float:
    """Return Krippendorff's alpha for nominal data, of codes."""
    is_pairable = np.bincount(units)[units] > 1 if len(units) else np.zeros(0, dtype=bool)
    units, answers = units[is_pairable], answers[is_pairable]
    per_answer = np.bincount(answers)
    if np.count_nonzero(per_answer) < 2:
        return float("nan")
    counts = csr_array((np.ones(len(units)), (units, answers)))  # duplicates add up
    others = np.bincount(units)[units] - 1
    # Each opinion is paired with the others of its row, which together weigh as much as it does.
    agreeing = (np.asarray(counts[units, answers]).ravel() - 1) / others
    n = len(units)
    return float(
        1 - (n - 1) * (n - agreeing.sum()) / (n**2 - (per_answer.astype(float) ** 2).sum())
    )


def _kappas(
    units: NDArray[np.intp], people: NDArray[np.intp], answers: NDArray[np.intp], names: list
) -> dict:
    """Return Cohen's kappa and the number of shared rows of all pairs that share some.

    Opinions are sorted by annotator, then by row.
    """
    from sklearn.metrics import cohen_kappa_score  # which takes long to import

    n_units = units.max(initial=-1) + 1
    ones = np.ones(len(units), dtype=np.int64)
    seen = csr_array((ones, (people, units)), shape=(len(names), n_units))
    shared = triu(seen @ seen.T, k=1).tocoo()
    ends = np.searchsorted(people, np.arange(len(names) + 1))
    pairs = {}
    for a, b in sorted(zip(shared.row.tolist(), shared.col.tolist(), strict=True)):
        ours, theirs = slice(*ends[a : a + 2]), slice(*ends[b : b + 2])
        _, left, right = np.intersect1d(
            units[ours], units[theirs], assume_unique=True, return_indices=True
        )
        left, right = answers[ours][left], answers[theirs][right]
        is_one = (left == left[0]).all() and (right == left[0]).all()
        kappa = float("nan") if is_one else float(cohen_kappa_score(left, right))
        pairs[names[a], names[b]] = kappa, len(left)
    return pairs
