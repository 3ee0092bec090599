"""What a learner refuses on a stream, or away from one, with the line to write instead."""

from __future__ import annotations

from ..models.kinds import is_frozen
from ..strategies.base import Strategy, name_of
from ..strategies.stream import pool_twin, stream_twin
from ..utils.checks import checked_count

OF_A_POOL = (
    *("n_instances", "n_total", "return_scores", "random_state"),
    *("annotator", "overlap", "reserve"),
)


def refuse_on_stream(strategy: Strategy, *given) -> None:
    """Refuse what `query` takes of those that choose from all rows, given as in `OF_A_POOL`."""
    for name, value in zip(OF_A_POOL, given, strict=True):
        if value is not None and value is not False:
            raise ValueError(
                f"query got {name}={value!r}, but {name_of(strategy)} decides as rows pass: it "
                f"buys what its budget admits, by random numbers of its own, and ranks nothing; "
                f"write query(X_chunk)."
            )


def refuse_tickets(strategy: Strategy) -> None:
    """Refuse tickets where the pool, or the caller, keeps the rows."""
    raise ValueError(
        f"query got return_tickets=True, but {name_of(strategy)} chooses from rows that stay; "
        f"tickets are for query(X_chunk) with a stream strategy such as {stream_twin(strategy)}."
    )


def refuse_scores(strategy: Strategy) -> None:
    """Refuse to rank rows."""
    raise ValueError(
        f"{name_of(strategy)} decides as rows pass, and ranks nothing; write query(X_chunk), or "
        f"give strategy {pool_twin(strategy)} for scores."
    )


def check_window(learner) -> None:
    """Refuse a window of labels that does not go with how a learner learns."""
    checked_count(learner.window, "window", "the learner", 1)
    reason = _learns_otherwise(learner)
    if learner.update == "partial_fit":
        reason = "update='partial_fit', which forgets nothing"
    if reason is not None:
        raise ValueError(
            f"window={learner.window} learns the last labels alone, which does not go with "
            f"{reason}; leave one of the two out."
        )


def check_drift(learner, strategy: Strategy) -> None:
    """Refuse what is no drift detector, and a learner for which one is of no use."""
    _check_detector(learner.drift)
    reason = _learns_otherwise(learner)
    if reason is not None:
        raise ValueError(
            f"drift= makes the model anew of later labels, which does not go with {reason}; leave "
            f"one of the two out."
        )
    if not getattr(strategy, "has_random_share", False):
        raise ValueError(
            f"drift= watches the errors on rows that were bought blindly, of which "
            f"{name_of(strategy)} buys none; give strategy 'split_uncertainty' or 'stream_random'."
        )


def _learns_otherwise(learner) -> str | None:
    """Return why a learner cannot learn only some of the labels, None if it can."""
    if learner.fit_unlabeled:
        return "fit_unlabeled=True, which learns the whole pool"
    if is_frozen(learner.estimator):
        return "a FrozenEstimator, which learns nothing"
    return None


def _check_detector(detector) -> None:
    """Refuse what is no drift detector."""
    if isinstance(detector, type):
        raise TypeError(
            f"drift is the class {detector.__name__}; write {detector.__name__}(), an instance."
        )
    if not callable(getattr(detector, "update", None)) or not hasattr(detector, "drift_detected"):
        raise TypeError(
            f"drift is {detector!r}; give a detector with update(error) and drift_detected, such "
            f"as those of river.drift."
        )
    if callable(detector.drift_detected):
        raise TypeError(
            f"drift is {detector!r}, whose drift_detected is a method and so always true; make it "
            f"an attribute or a property."
        )
