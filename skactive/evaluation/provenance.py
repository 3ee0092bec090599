"""Settings as text that every process writes alike, so that a file of runs says what it holds."""

import hashlib
import re
import sys
from collections.abc import Iterable

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator

from ..data.fingerprint import fingerprint
from ..pool.pool import Pool

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_ALL_CHARACTERS = 10**6  # more than any estimator prints
_SAMPLED = 256  # rows whose values a fingerprint reads


def printed(value) -> str:
    """Return how an object prints in full, without addresses, which differ between processes.

    Examples
    --------
    >>> from skactive.strategies import Entropy
    >>> printed([len, Entropy()])
    '[<built-in function len>, Entropy()]'
    """
    with np.printoptions(threshold=sys.maxsize), config_context(print_changed_only=True):
        is_estimator = isinstance(value, BaseEstimator)
        text = value.__repr__(N_CHAR_MAX=_ALL_CHARACTERS) if is_estimator else repr(value)
    return _ADDRESS.sub("", text)


def as_json(value):
    """Return numpy's numbers and arrays as JSON takes them, anything else as it is.

    Examples
    --------
    >>> as_json(np.int64(3)), as_json(np.arange(2)), as_json("stratified")
    (3, [0, 1], 'stratified')
    """
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def name_of_scoring(scoring) -> str | None:
    """Return the name of a score; None for the estimator's own.

    Examples
    --------
    >>> name_of_scoring("f1"), name_of_scoring(max), name_of_scoring(None)
    ('f1', 'max', None)
    """
    if scoring is None or isinstance(scoring, str):
        return scoring
    return getattr(scoring, "__name__", printed(scoring))


def digest_of_data(pool: Pool) -> str:
    """Return a hash of rows, at most 256 of them in full, and of all labels."""
    n = len(pool)
    positions = np.linspace(0, n - 1, min(n, _SAMPLED)).round().astype(np.intp)
    labels = repr(pool.y.tolist()).encode()
    return fingerprint(pool.rows, positions)[:16] + hashlib.sha256(labels).hexdigest()[:16]


def digest_of_rows(parts: Iterable[np.ndarray]) -> str:
    """Return a hash of lists of row numbers."""
    return hashlib.sha256(repr([part.tolist() for part in parts]).encode()).hexdigest()[:16]
