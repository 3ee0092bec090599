"""Whether a learner is what it was: everything in its ``__dict__``, the pool's state and history."""

import pickle
from contextlib import contextmanager

from skactive import Pool


@contextmanager
def unchanged(learner, *, but=()):
    """Hold that nothing of a learner (or a pool) differs afterwards, but the attributes named."""
    alive = list(vars(learner).values())  # so that no identity is given to another object
    before = facts(learner, but)
    yield
    assert facts(learner, but) == before
    del alive


def facts(learner, but=()):
    """Return identity and content of every attribute, those of a pool spelled out."""
    if isinstance(learner, Pool):
        return pool_facts(learner)
    state = {name: value for name, value in vars(learner).items() if name not in but}
    pool = state.pop("pool_", None)
    found = {name: (id(value), content(value)) for name, value in state.items()}
    if pool is not None:
        found["pool_"] = (id(pool), pool_facts(pool))
    return found


def pool_facts(pool):
    """Return all that a pool knows, but for what it only keeps to be faster."""
    return {
        "states": pool._ledger.states.tobytes(),
        "y": pool.y.tolist() if pool.missing_label is not None else repr(pool.y.tolist()),
        "dtype": str(pool.y_labeled.dtype),
        "reservations": dict(pool.reservations),
        "history": [(id(op), content(op)) for op in pool.history],
        "live": list(pool._live),
        "parts": [(id(part), content(part)) for part in pool.rows.parts],
        "rest": (len(pool), pool.seed, repr(pool.classes), pool.missing_label),
    }


def content(value):
    """Return bytes that say what an object holds; for a function, its name."""
    try:
        return pickle.dumps(value)
    except (pickle.PicklingError, AttributeError):
        return repr(value)
