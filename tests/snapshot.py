"""Whether a learner is what it was: its whole ``__dict__``, the pool's state and history."""

import pickle
from contextlib import contextmanager

from skactive import Pool
from skactive.pool.fold import STATE_NAMES


@contextmanager
def unchanged(learner, *, but=()):
    """Hold that nothing of a learner (or a pool) differs afterwards, but the attributes named."""
    alive = [getattr(learner, "estimator_", None)]  # or its identity might be given away
    before = facts(learner, but)
    try:
        yield
    finally:  # what is raised inside is no excuse
        after = facts(learner, but)
        assert {name for name in before | after if before.get(name) != after.get(name)} == set()
        del alive


def facts(learner, but=()):
    """Return the content of every attribute, that of a pool spelled out."""
    if isinstance(learner, Pool):
        return pool_facts(learner)
    state = dict(vars(learner))
    state.pop("_n_doubtful", None)  # of how many rows a warning is due: it is given once
    for name in ("fitted", "kept"):
        parts = state.pop(f"_{name}", None)
        if parts is not None:
            state |= {f"{name} {part}": value for part, value in parts._asdict().items()}
    state = {name: value for name, value in state.items() if name not in but}
    pool = state.pop("pool_", None)
    found = {name: content(value) for name, value in state.items()}
    found["is"] = id(getattr(learner, "estimator_", None))
    if pool is not None:
        found["pool_ is"] = id(pool)
        found |= {f"pool_: {name}": fact for name, fact in pool_facts(pool).items()}
    return found


def pool_facts(pool):
    """Return all that a pool knows, but for what it only keeps to be faster."""
    return {
        "states": [getattr(pool, f"{state}_mask").tobytes() for state in STATE_NAMES],
        "members": [pool.labeled.tolist(), pool.reserved.tolist(), pool.skipped.tolist()],
        "counts": [getattr(pool, f"n_{state}") for state in STATE_NAMES],
        "y": pool.y.tolist() if pool.missing_label is not None else repr(pool.y.tolist()),
        "dtype": str(pool.y_labeled.dtype),
        "reservations": dict(pool.reservations),
        "history": [[*map(repr, (op.time, op.rows, op.before, op.after))] for op in pool.history],
        "log": log_facts(pool.ledger),
        "parts": [(id(part), content(part)) for part in pool.rows.parts],
        "rest": (len(pool), pool.seed, repr(pool.classes), pool.missing_label),
    }


def log_facts(ledger):
    """Return all that happened to a pool, with people by their names."""
    log = ledger.log.trimmed(ledger.now.n_operations, ledger.now.n_events)
    found = {name: getattr(part, "array", part) for name, part in vars(log).items()}
    people = found.pop("people")
    for name in (
        "_codes",
        "dtype_names",
    ):  # by which others are found; undone kinds may be among them
        found.pop(name)
    found["base"] = [part if part is None else (part.dtype.str, part.tolist()) for part in log.base]
    for name in ("names", "actors"):
        found[name] = [people[code] for code in found[name]]
    return {
        name: (part.dtype.str, repr(part.tolist())) if hasattr(part, "dtype") else repr(part)
        for name, part in found.items()
    }


OF_AN_OPERATION = (
    *("kind", "rows", "states_before", "states_after", "labels_before", "labels_after"),
    *("names_before", "names_after", "annotator", "time", "n_added", "undone", "detail"),
)


def told(op, *, but=()):
    """Return all that an operation tells, by name."""
    return {name: getattr(op, name) for name in OF_AN_OPERATION if name not in but}


def content(value):
    """Return bytes that say what an object holds; for a function, its name."""
    try:
        return pickle.dumps(value)
    except (pickle.PicklingError, AttributeError):
        return repr(value)
