"""Asking one of several people: of which rows, and reserving them in the same step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..data.row_numbers import is_among
from ..pool import plans
from ..pool.log import plain_name
from ..strategies.base import asks_again, name_of
from ..utils.checks import check_name, is_number, missing_to_total
from .questions import asked, scores_of, subset_of, view_of
from .stream import POOL


class Whom(NamedTuple):
    """Who is asked, and how."""

    annotator: str | None  # None: nobody in particular
    overlap: float  # share of rows of which two people are asked
    reserve: bool

    @classmethod
    def checked(cls, pool, X, annotator, overlap, reserve, n_total) -> Whom:
        """Return who is asked, refusing what does not go together."""
        check_name(annotator, "query")
        if isinstance(reserve, str):
            raise TypeError(
                f"query got reserve={reserve!r}; write annotator={reserve!r}, reserve=True."
            )
        if X is not None:
            what = "annotator" if annotator is not None else "reserve" if reserve else "overlap"
            raise ValueError(
                f"query got X and {what}=, which is about rows of the pool; add X by extend(X), "
                f"and write query(n_instances=..., {what}=...)."
            )
        if overlap is not None:
            if not is_number(overlap) or not 0 <= overlap <= 1:
                raise ValueError(
                    f"query got overlap={overlap!r}, the share of rows that two people label; give "
                    f"a number from 0 to 1, such as 0.2 for one row in five."
                )
            overlap = float(overlap)
        if overlap:
            _check_overlap(overlap, annotator, n_total, pool.consensus)
        return cls(plain_name(annotator), overlap or 0.0, bool(reserve))


def _check_overlap(overlap: float, annotator, n_total, consensus) -> None:
    """Refuse second opinions of nobody, those that nothing takes, and to count them as rows."""
    got = f"query got overlap={overlap:g}"
    if annotator is None:
        raise ValueError(
            f"{got}, by which a second person is asked; write annotator=, for whom it is."
        )
    if consensus is None:
        raise ValueError(
            f"{got}, but without a consensus a second opinion can only confirm the first; write "
            f"ActiveLearner(..., consensus='one_coin')."
        )
    if n_total is not None:
        raise ValueError(
            f"{got} and n_total={n_total!r}, but a second opinion adds no labelled row; write "
            f"n_instances."
        )


def ask(
    learner, whom: Whom, n_instances, n_total, subset, return_scores: bool, **about
) -> tuple[Any, ...]:
    """Return what `query` does that is for somebody, or that reserves.

    Rows are ranked while others may change the pool, since that takes long. Reserved are the best
    of those that are as they were; if these are too few, more rows are ranked.
    """
    pool = learner.pool_
    if whom.reserve and whom.annotator is None and asks_again(learner.strategy_):
        raise ValueError(
            f"query got reserve=True, but {name_of(learner.strategy_)} also asks for labelled "
            f"rows again, which are reserved for somebody; write annotator=, for whom it is."
        )
    if whom.reserve:
        pool.refresh()
    mask = None if subset is None else subset_of(pool, subset)
    n = n_ranked = n_asked(pool, n_instances, n_total)
    chosen: Any = None
    while chosen is None:
        at = pool.n_operations
        first = _before_others(pool, whom, mask, n_total)
        strategy = learner._strategy_now()
        about |= {"strategy": strategy, "subset": mask if len(first) == 0 else None}
        view, n_rows = view_of(learner, **about)
        if len(first) and mask is not None:
            view = view.restrict(np.flatnonzero(mask))
        away = np.append(pool.answered_by(whom.annotator), first)
        if view.mask[away].any():  # of those asked again
            view = view.restrict(np.setdiff1d(view.candidates, away))
        scores = (scores_of(strategy, view, n_rows),) if return_scores else ()
        n_others = max(n_ranked - len(first), 0)
        others = asked(learner, strategy, view, n_others, None, mask, n_total is not None)
        ranked = np.append(first, others)
        chosen = ranked if n_total is not None else ranked[:n]
        if whom.reserve:
            chosen = _reserved(pool, whom.annotator, ranked, at, n, n_total)
        n_ranked *= 2
    learner._last_query = POOL
    return chosen, pool.rows.take(chosen), *scores


def n_asked(pool, n_instances, n_total) -> int:
    """Return how many rows are asked for, as of now."""
    if n_total is None:
        return 1 if n_instances is None else n_instances
    return missing_to_total(n_instances, n_total, pool.n_labeled + pool.n_reserved)


def _before_others(pool, whom: Whom, mask, n_total) -> np.ndarray:
    """Return the rows that come first: those kept for her, and those for second opinions."""
    rows = np.zeros(0, dtype=np.int64)
    if whom.annotator is not None and not whom.reserve and n_total is None:
        rows = pool.held_by(whom.annotator)
    if whom.overlap:
        rows = np.append(rows, pool.for_second_opinions(whom.annotator, whom.overlap))
    return rows if mask is None else rows[mask[rows]]


def _reserved(pool, name: str | None, ranked: np.ndarray, at: int, n: int, n_total) -> Any:
    """Reserve the best n of the rows that were ranked after `at` operations, and return them.

    Not those to which something has happened since; None if because of it there are too few.
    """

    def reserve() -> Any:
        most, counts = n, np.ones(len(ranked), dtype=bool)
        if n_total is not None:  # rows to test on come besides
            most, counts = min(n, n_asked(pool, None, n_total)), ~pool.held_out_mask[ranked]
        is_free = ~is_among(ranked, pool.ledger.touched_since(at))
        if np.sum(counts & is_free) < min(most, np.sum(counts)):
            return None
        free = ranked[is_free]
        chosen = free[np.cumsum(counts[is_free]) <= most] if most else free[:0]
        pool.apply(plans.reserve(pool, chosen, name, "query"))
        return chosen

    return pool.together(reserve)
