"""Which rows each repeat of a comparison asks for, and which it tests on."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from ..data.labels import encode, sorted_classes
from ..data.row_numbers import check_row_numbers
from ..pool.pool import Pool
from ..utils.checks import checked_count
from .provenance import digest_of_rows, printed

DEFAULT_REPEATS = 10
DEFAULT_TEST_SIZE = 0.25


@dataclass(frozen=True)
class Split:
    """One repeat.

    Attributes
    ----------
    repeat : int
        Which.
    seed : int
        Of its split and of its learners.
    train : ndarray of int64
        Row numbers that may be asked for, and those without a label; increasing.
    test : ndarray of int64 or None
        Row numbers to test on, all with a label; None where a test set was given.
    """

    repeat: int
    seed: int
    train: np.ndarray
    test: np.ndarray | None


def check_test(cv, test_size, X_test, y_test) -> None:
    """Refuse test rows that are given in several ways, or by half."""
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test go together; give both.")
    if sum(part is not None for part in (cv, test_size, X_test)) > 1:
        raise ValueError("give one of cv=, test_size= or X_test= with y_test=, not several.")


def make_splits(
    known: Pool, *, cv, test_size, given: bool, n_repeats, stratify: bool, seed: int
) -> tuple[list[Split], str]:
    """Return the repeats, and in words how they were made.

    Parameters
    ----------
    known : Pool
        The rows with the labels that are known. Rows without one are always among those that
        train.
    cv, test_size, n_repeats
        As `compare_strategies` takes them.
    given : bool
        Whether a test set is given, so that nothing is split.
    stratify : bool
        Whether labels are classes, of which each part has its share.
    seed : int
        Of all repeats.
    """
    if cv is not None:
        folds, words = _folds(known, cv, stratify, seed)
    elif given:
        folds, words = [], "the test set"
    else:
        test_size = DEFAULT_TEST_SIZE if test_size is None else test_size
        folds, words = [], f"test_size={test_size!r}"
    splits = []
    for repeat in range(_check_repeats(n_repeats, len(folds) or DEFAULT_REPEATS)):
        own = int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])
        train, test = np.arange(len(known)), None
        if folds:
            train, test = folds[repeat % len(folds)]
        elif not given:
            train, test = _drawn(known, test_size, stratify, own)
        splits.append(Split(repeat, own, train, test))
    return splits, words


def _check_repeats(n_repeats, default: int) -> int:
    """Return the number of repeats, refusing what is none."""
    if n_repeats is None:
        return default
    return checked_count(n_repeats, "n_repeats", also=", or None")


def _folds(known: Pool, cv, stratify: bool, seed: int) -> tuple[list, str]:
    """Return the splits of a splitter or an iterable, and in words what they are."""
    is_splitter = hasattr(cv, "split") and hasattr(cv, "get_n_splits")
    if isinstance(cv, Integral) or is_splitter:
        folds, words = list(_by_splitter(known, cv, stratify, seed)), f"cv={printed(cv)}, "
    elif isinstance(cv, str) or not hasattr(cv, "__iter__"):
        raise TypeError(f"cv is {cv!r}; give a number of folds, a splitter, or a list of splits.")
    else:
        folds, words = list(_by_hand(known, cv)), ""
    if not folds:
        raise ValueError("cv gave no split; give at least one.")
    rows = digest_of_rows(part for fold in folds for part in fold)
    return folds, f"{words}{len(folds)} splits {rows}"


def _by_splitter(known: Pool, cv, stratify: bool, seed: int) -> Iterator:
    """Yield the splits of the labelled rows; the others join those that train."""
    from sklearn.model_selection import check_cv

    labels = _codes(known, stratify)
    splitter = copy.copy(check_cv(cv, labels, classifier=stratify))
    if getattr(splitter, "random_state", 0) is None and getattr(splitter, "shuffle", True):
        splitter.random_state = seed  # or else a resumed comparison would split anew
    for train, test in splitter.split(np.zeros((len(labels), 1)), labels):
        if max(np.max(train), np.max(test)) >= len(labels):
            raise ValueError(
                f"cv splits more than the {len(labels)} rows that have a label; give a list of "
                f"splits by row numbers of X instead."
            )
        yield _with_unlabeled(known, known.labeled[train]), known.labeled[test]


def _by_hand(known: Pool, cv) -> Iterator:
    """Yield splits that were given as row numbers; rows without a label are not tested on."""
    for train, test in cv:
        train, test = (check_row_numbers(part, len(known), who="cv") for part in (train, test))
        test = test[known.labeled_mask[test]]
        if len(test) == 0:
            raise ValueError("cv has a split without a labelled row to test on; leave it out.")
        yield _with_unlabeled(known, train), test


def _drawn(known: Pool, test_size, stratify: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one split of the labelled rows at random; the others join those that train."""
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    kind = StratifiedShuffleSplit if stratify else ShuffleSplit
    splitter = kind(1, test_size=test_size, random_state=seed)
    labels = _codes(known, stratify)
    train, test = next(splitter.split(np.zeros((len(labels), 1)), labels))
    return _with_unlabeled(known, known.labeled[train]), known.labeled[test]


def _codes(known: Pool, stratify: bool) -> np.ndarray:
    """Return the known labels as scikit-learn's splitters take them: classes as integers."""
    labels = known.y_labeled
    return encode(labels, sorted_classes(labels)) if stratify else labels


def _with_unlabeled(known: Pool, train: np.ndarray) -> np.ndarray:
    """Return row numbers with those of rows that have no label, which are always there."""
    return np.union1d(train, np.flatnonzero(~known.labeled_mask))
