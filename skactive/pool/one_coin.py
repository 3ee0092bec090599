"""How often annotators are right, and the likeliest labels: a coin for each of them.

Opinions come as three aligned arrays, as in `consensus`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import betaincinv

from ..data.codes import label_codes, name_codes, starts_of

_RIGHT, _WRONG = 4, 1  # labels that everybody is taken to have given besides
UNKNOWN = _RIGHT / (_RIGHT + _WRONG)  # how often somebody is right of whom nothing is known
_CLOSE, _MOST_TURNS = 1e-6, 1000
_ALIKE = 1e-9  # scores that are one, but for the last digits of sums


class _Answers(NamedTuple):
    """The labels that were given to rows that several people labelled, each of a row once."""

    row: NDArray[np.intp]  # (m,) of which each is, ascending from 0
    n_votes: NDArray[np.intp]  # (m,) how many gave it
    people: NDArray[np.intp]  # who they are, one label's after the other's
    chance: Any  # (m,) how likely each is, T


class Coins(NamedTuple):
    """What is found of each annotator, and of each row."""

    names: list[str | None]  # of the annotators, sorted, None last
    given: NDArray[np.intp]  # (J,) how many labels each one gave to rows that others labelled too
    right: NDArray[np.float64]  # (J,) how many of these are right, as is expected
    best: NDArray[np.intp]  # where each row's likeliest label was given first, by row number
    answers: _Answers | None = None  # None: nobody can be wrong

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """How often each one is right, as is estimated, shape (J,)."""
        return (self.right + _RIGHT) / (self.given + _RIGHT + _WRONG)

    def worth(self) -> NDArray[np.float64]:
        """Return as how many labels of which one knows whether they are right each one's are.

        By the observed information of all accuracies (Louis, 1982): what is missing, since it is
        only likely which labels are right, is taken away.
        """
        if self.answers is None:
            return self.given.astype(float)
        row, n_votes, people, chance = self.answers
        of, n = np.repeat(np.arange(len(row)), n_votes), len(self.names)
        spread = np.sqrt(self.accuracy * (1 - self.accuracy))
        gave = csr_array((1 / spread[people], (of, people)), shape=(len(row), n))
        chances = chance[of] / spread[people]
        likely = csr_array((chances, (of, people)), shape=(len(row), n))
        of_rows = csr_array((chances, (row[of], people)), shape=(row[-1] + 1, n))
        missing = gave.T @ likely - of_rows.T @ of_rows
        known = np.diag(self.given + _RIGHT + _WRONG) - missing.toarray()
        values, vectors = np.linalg.eigh(known)
        variance = (vectors**2 / np.maximum(values, _RIGHT + _WRONG)) @ np.ones(n)
        return np.clip(1 / variance - _RIGHT - _WRONG, 0, self.given)


def interval(
    accuracy: NDArray[np.float64], worth: NDArray[np.float64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return between which bounds accuracies are with a probability of `level`, equal tails.

    By Beta distributions whose means they are, of so many labels and the five besides.
    """
    n = worth + _RIGHT + _WRONG
    of = accuracy * n, (1 - accuracy) * n
    return betaincinv(*of, (1 - level) / 2), betaincinv(*of, (1 + level) / 2)


def one_coin(rows: NDArray[np.int64], annotators: NDArray, labels: NDArray) -> NDArray:
    """Return the likeliest label of each distinct row, in the order of row numbers.

    Everybody has a coin of her own: with probability p_j she gives the right one of C labels, else
    any of the others. With T the probabilities of the labels of a row, and n_j how many labels she
    gave to rows that others labelled too,

        p_j = (sum over these of T[i, l_ij] + 4) / (n_j + 5)
        log T[i, c] = sum over j with l_ij = c of log(p_j (C - 1) / (1 - p_j)) + constant

    by turns, from the shares of votes on, until no T changes by 1e-6. Among labels that are as
    likely, it is the one that was given first; else the order of opinions makes no difference. Of
    several labels a row each is found by itself. Those without a name are one person. A row that
    she alone labelled says nothing of her: T is p_j there, and the first equation the same with it.

    Examples
    --------
    >>> people = np.array(["ann", "ben", "cleo"] * 4)
    >>> rows = np.repeat([0, 1, 2, 3], 3)
    >>> one_coin(rows, people, np.array([0, 0, 1, 1, 1, 0, 2, 2, 2, 1, 0, 1]))
    array([0, 1, 2, 1])
    """
    if labels.ndim == 2:
        return np.column_stack([one_coin(rows, annotators, column) for column in labels.T])
    return labels[coins(rows, annotators, labels).best]


def coins(rows: NDArray[np.int64], annotators: NDArray, labels: NDArray) -> Coins:
    """Return what is found of annotators and rows that have one label each."""
    names, people = name_codes(annotators)
    answers = label_codes(labels)
    _, best, units = np.unique(rows, return_index=True, return_inverse=True)
    n_answers = int(answers.max(initial=0)) + 1
    shared = np.flatnonzero(np.bincount(units)[units] > 1)
    given = np.bincount(people[shared], minlength=len(names))
    if n_answers == 1 or len(shared) == 0:
        return Coins(names, given, given.astype(float), best)
    # In an order of their own: else the last digits of sums would tell how opinions came.
    cells = units * n_answers + answers
    order = shared[np.argsort((cells * len(names) + people)[shared], kind="stable")]
    starts = starts_of(cells[order])
    unit, n_votes = units[order[starts]], _sizes(cells[order])
    scores, right, answered = _turns(unit, n_votes, people[order], given, n_answers)
    rows_at = starts_of(unit)
    is_best = scores >= np.repeat(np.maximum.reduceat(scores, rows_at), _sizes(unit)) - _ALIKE
    first = np.where(is_best, np.minimum.reduceat(order, starts), len(rows))
    best[unit[rows_at]] = np.minimum.reduceat(first, rows_at)
    return Coins(names, given, right, best, answered)


def _sizes(values: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how often each value comes among sorted ones."""
    return np.diff(starts_of(values), append=len(values))


def _turns(unit, n_votes, people, given, n_answers: int) -> tuple[Any, Any, _Answers]:
    """Return a score for each label of a row, how many of each person's are right, and chances.

    `unit` is the row of each of them, ascending, and `people` who gave them, one after the other.
    """
    starts, sizes = starts_of(unit), _sizes(unit)
    of, row = np.repeat(np.arange(len(unit)), n_votes), np.repeat(np.arange(len(starts)), sizes)
    n_unsaid = n_answers - sizes  # labels that nobody gave to a row
    floor = np.where(n_unsaid > 0, 0.0, -np.inf)  # the score of each of these
    chance = n_votes / np.bincount(row, n_votes)[row]
    for _ in range(_MOST_TURNS):
        right = np.bincount(people, chance[of], len(given))
        # Last digits would grow where two people contradict each other everywhere.
        p = np.round((right + _RIGHT) / (given + _RIGHT + _WRONG), 12)
        scores = np.bincount(of, np.log(p * (n_answers - 1) / (1 - p))[people])
        most = np.maximum(np.maximum.reduceat(scores, starts), floor)
        shares = np.exp(scores - most[row])
        total = np.bincount(row, shares) + n_unsaid * np.exp(-most)
        before, chance = chance, shares / total[row]
        if np.abs(chance - before).max() < _CLOSE:
            break
    right = np.bincount(people, chance[of], len(given))
    return scores, right, _Answers(row, n_votes, people, chance)
