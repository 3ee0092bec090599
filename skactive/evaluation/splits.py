"""Which rows each repeat of a comparison may ask for, and which it tests on."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from numbers import Integral

import numpy as np

from ..data.labels import encode, sorted_classes
from ..data.row_numbers import check_row_numbers
from ..pool.pool import Pool
from ..utils.checks import checked_count, is_integer, is_number
from .provenance import digest_of_rows, printed

DEFAULT_REPEATS = 10
DEFAULT_TEST_SIZE = 0.25
MOST_DRAWS = 100  # of a split of rows with several labels, until all labels are on both sides
_MORE = "label more, or give X_test and y_test"


@dataclass(frozen=True)
class Split:
    """One repeat."""

    repeat: int
    seed: int  # of the split and of its learners
    train: np.ndarray  # increasing row numbers: those that may be asked for, or have no label
    test: np.ndarray | None  # row numbers, all with a label; None: a test set was given
    n_train: int  # rows that may be asked for


def check_test(cv, test_size, X_test, y_test) -> None:
    """Refuse test rows that are given in several ways, or without labels."""
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test go together; give both.")
    if sum(part is not None for part in (cv, test_size, X_test)) > 1:
        raise ValueError("give one of cv=, test_size= or X_test= with y_test=, not several.")


def make_splits(
    known: Pool, *, cv, test_size, given: bool, n_repeats, stratify: bool, seed: int
) -> tuple[list[Split], str]:
    """Return the repeats, and in words how they were made.

    `known` has the known labels; rows without one are always among those that train. Nothing is
    split if a test set is `given`; to `stratify`, labels must be classes. `seed` is that of all
    repeats; the others are as `compare_strategies` takes them. Of several labels a row, a random
    split is one of many, in which each label has both values on both sides, if one is found.
    """
    if cv is not None:
        folds, words = _folds(known, cv, stratify, seed)
    elif given:
        folds, words = [], "the test set"
    else:
        test_size = DEFAULT_TEST_SIZE if test_size is None else test_size
        folds, words = [], f"test_size={test_size!r}"
    if n_repeats is None:
        n_repeats = len(folds) or DEFAULT_REPEATS
    splits = []
    for repeat in range(checked_count(n_repeats, "n_repeats", also=", or None")):
        # By its number alone, so that more repeats join a results file and change none in it.
        own = int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])
        train, test = np.arange(len(known)), None
        if folds:
            train, test = folds[repeat % len(folds)]
        elif not given:
            train, test = _split_once(known, test_size, stratify, own)
        splits.append(Split(repeat, own, train, test, int(known.labeled_mask[train].sum())))
    return splits, words


def _folds(known: Pool, cv, stratify: bool, seed: int) -> tuple[list, str]:
    """Return the splits of a splitter or an iterable, and describe them."""
    is_splitter = hasattr(cv, "split") and hasattr(cv, "get_n_splits")
    if isinstance(cv, Integral) or is_splitter:
        folds, words = list(_by_splitter(known, cv, stratify, seed)), f"cv={printed(cv)}, "
    elif isinstance(cv, str) or not hasattr(cv, "__iter__"):
        raise TypeError(f"cv is {cv!r}; give a number of folds, a splitter, or a list of splits.")
    else:
        folds, words = list(_by_hand(known, cv)), ""
    if not folds:
        raise ValueError("cv gave no split; give at least one.")
    # A splitter's name does not tell its splits, say of a generator or by another scikit-learn.
    rows = digest_of_rows(part for fold in folds for part in fold)
    return folds, f"{words}{len(folds)} splits {rows}"


def _by_splitter(known: Pool, cv, stratify: bool, seed: int) -> Iterator:
    """Yield the splits of the labelled rows; the others join the training rows."""
    from sklearn.model_selection import check_cv

    labels = _codes(known, stratify)
    if isinstance(cv, Integral):
        _check_enough_for_folds(labels, int(cv), stratify)
    splitter = copy.copy(check_cv(cv, labels, classifier=stratify))
    if getattr(splitter, "random_state", 0) is None and getattr(splitter, "shuffle", True):
        splitter.random_state = seed  # otherwise a resumed comparison would split anew
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


def _split_once(known: Pool, test_size, stratify: bool, seed: int) -> tuple:
    """Return one random split of the labelled rows; the others join the training rows."""
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    kind = StratifiedShuffleSplit if stratify else ShuffleSplit
    splitter = kind(1, test_size=test_size, random_state=seed)
    labels = _codes(known, stratify)
    _check_enough(labels, test_size, sorted_classes(known.y_labeled).tolist() if stratify else None)
    if known.multilabel:
        train, test = _split_labels(labels, test_size, seed)
    else:
        train, test = next(splitter.split(np.zeros((len(labels), 1)), labels))
    return _with_unlabeled(known, known.labeled[train]), known.labeled[test]


def _split_labels(labels: np.ndarray, test_size, seed: int) -> tuple:
    """Return the first random split with all values of labels on both sides, or with most."""
    from sklearn.model_selection import ShuffleSplit

    # A value that one row alone has cannot be on two sides.
    n_ones = (labels == 1).sum(axis=0)
    most = int(sum(np.count_nonzero(counts > 1) for counts in (n_ones, len(labels) - n_ones)))
    best: tuple = ()
    n_best = -1
    for draw in ShuffleSplit(MOST_DRAWS, test_size=test_size, random_state=seed).split(labels):
        if (n := _n_covered(labels, draw)) > n_best:
            best, n_best = draw, n
        if n == most:
            break
    return best


def _n_covered(labels: np.ndarray, sides: tuple) -> int:
    """Return how many values of labels, two of each, are on all sides of a split."""
    is_set = labels == 1
    has = np.concatenate([is_set, ~is_set], axis=1)
    return int(np.all([has[side].any(axis=0) for side in sides], axis=0).sum())


def _check_enough(labels: np.ndarray, test_size, classes: list | None) -> None:
    """Refuse labels of which some class cannot be both learned and tested on; None: no classes."""
    n, least = len(labels), 1 if classes is None else len(classes)
    counts = np.array([n]) if classes is None else np.bincount(labels)
    if counts.min() < 2:
        what = "one label" if classes is None else f"one row of class {classes[counts.argmin()]!r}"
        raise ValueError(
            f"y has {what}, and a comparison needs at least two, to train on and to test on; "
            f"{_MORE}."
        )
    is_count = is_integer(test_size) and test_size > 0
    if not is_count and not (is_number(test_size) and 0 < test_size < 1):
        return  # which scikit-learn refuses in words
    n_test = test_size if is_count else math.ceil(test_size * n)
    if least <= n_test <= n - least:
        return
    if is_count:
        takes = f"{test_size + least} labels" if test_size >= least else f"test_size={least}"
    else:
        start = int(max((least - 1) / test_size, least / (1 - test_size))) - 1
        sizes = (m for m in count(start) if least <= math.ceil(test_size * m) <= m - least)
        takes = f"{next(sizes)} labels"
    each = "" if classes is None else f" of each of the {least} classes"
    raise ValueError(
        f"y has {n} labels, of which test_size={test_size!r} sets {n_test} aside to test on, "
        f"and a comparison trains and tests on at least one{each}, which takes at least {takes}; "
        f"{_MORE}, or another test_size."
    )


def _check_enough_for_folds(labels: np.ndarray, n_folds: int, stratify: bool) -> None:
    """Refuse labels that are fewer than the folds they are cut into; of classes, all of these."""
    most = int(np.bincount(labels).max()) if stratify else len(labels)
    if most < n_folds:
        has = f"at most {most} rows of a class" if stratify else f"{most} labels"
        raise ValueError(
            f"y has {has}, and cv={n_folds!r} needs at least {n_folds}; {_MORE}, or fewer folds."
        )


def _codes(known: Pool, stratify: bool) -> np.ndarray:
    """Return the known labels as scikit-learn's splitters take them: classes as integers."""
    labels = known.y_labeled
    return encode(labels, sorted_classes(labels)) if stratify else labels


def _with_unlabeled(known: Pool, train: np.ndarray) -> np.ndarray:
    """Return row numbers together with those of rows without a label."""
    return np.union1d(train, np.flatnonzero(~known.labeled_mask))
