"""Random numbers that belong to rows: the same for any chunks, order or machine."""

from collections.abc import Sequence

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # by which splitmix64 goes on
_ALL_BITS = (1 << 64) - 1


def uniform_by_row(numbers: np.ndarray, seed: Sequence[int]) -> np.ndarray:
    """Return uniform numbers in [0, 1), one for each row number, or hash of the row's id."""
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    z = (np.asarray(numbers).astype(np.uint64) + state) * GOLDEN
    # The upper 53 bits: as many as a float holds.
    return (mixed(z) >> np.uint64(11)) * 2.0**-53


def uniform_by_entry(of_rows: np.ndarray, columns: np.ndarray, turn: int) -> np.ndarray:
    """Return uniform numbers in [0, 1) for entries of rows: others in each column and turn.

    `of_rows` are uniform numbers by row, which `columns` broadcast with.

    Examples
    --------
    >>> rows = uniform_by_row(np.arange(2), (0,))[:, None]
    >>> whole = uniform_by_entry(rows, np.arange(3), turn=1)
    >>> whole.shape, bool((uniform_by_entry(rows, np.array([2]), turn=1) == whole[:, 2:]).all())
    ((2, 3), True)
    """
    of_columns = mixed((np.asarray(columns).astype(np.uint64) + np.uint64(turn << 40)) * GOLDEN)
    bits = (of_rows * 2.0**53).astype(np.uint64) << np.uint64(11)
    return (mixed(bits + of_columns) >> np.uint64(11)) * 2.0**-53


def mixed(z: np.ndarray) -> np.ndarray:
    """Mix the bits of uint64 by splitmix64's finaliser: no two numbers become one."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def mixed_int(z: int) -> int:
    """Mix the bits of one number as `mixed` does."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _ALL_BITS
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _ALL_BITS
    return z ^ (z >> 31)


def other_draw(uniform: np.ndarray) -> np.ndarray:
    """Return uniform numbers in (0, 1) that owe nothing to those by row that are given."""
    # Their lower 32 bits. Which number is larger follows from the upper ones, by which a Subpool
    # has drawn its part, and ties were broken: within the part, these would be no chance.
    return np.modf(uniform * 2.0**21)[0] + 2.0**-33
