"""The hash of the test side in plain Python, one number after another."""

import struct

import numpy as np

_MASK = 2**64 - 1


def mixed(z):
    """splitmix64's finaliser."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def place_of(key, seed):
    """The number in [0, 1) by which a row number, or the hash of a group, has its place."""
    words = [seed, *b"hold out"]
    state = int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])
    z = ((key + state) * 0x9E3779B97F4A7C15) & _MASK
    return (mixed(z) >> 11) * 2.0**-53


def is_taken(key, share, seed):
    """Whether a row number, or the hash of a group, is on the test side."""
    return place_of(key, seed) < share


def group_number(group):
    """The hash of a group that is a number."""
    return mixed(
        (struct.unpack("<Q", struct.pack("<d", float(group)))[0] + 0x9E3779B97F4A7C15) & _MASK
    )
