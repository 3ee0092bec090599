"""What a query looks at: the rows of the pool, or rows from outside with the pool behind them."""

import numpy as np

from ..data.conform import conform
from ..data.datasets import DatasetRows
from ..data.row_numbers import subset_mask
from ..data.rows import Rows, check_rows, n_rows
from ..pool.history import UNLABELED
from ..pool.pool import Pool
from ..strategies.view import View


def pool_view(pool: Pool, subset, outside: str, **details) -> tuple[View, int]:
    """Return the view of a query over the pool, and the number of rows that it is about.

    `outside` is the call that asks about other rows, for messages.

    Raises
    ------
    ValueError
        If every row of the pool came with a label, or `subset` does not fit.
    """
    if pool.n_unlabeled == 0 and not any(
        len(op.rows) < op.n_added or (op.states_after == UNLABELED).any() for op in pool.history
    ):
        raise ValueError(
            f"no row of the pool was ever without a label; write {outside} to choose among other "
            f"rows."
        )
    mask = pool.unlabeled_mask
    if subset is not None:
        mask &= subset_mask(subset, len(pool))
    return View(pool.rows, mask, pool=pool, **details), len(pool)


def outside_rows(X, pool: Pool):
    """Return rows from outside in a container like the pool's.

    Raises
    ------
    ValueError
        If X is the pool's own, is empty, or is not like the pool's rows.
    """
    if X is pool.rows.parts[0]:
        raise ValueError("query got the pool itself; write query(n_instances=...).")
    X = conform(check_rows(X, who="query"), pool.rows.parts[0], "query")
    if n_rows(X) == 0:
        raise ValueError("query got X without rows; give at least one.")
    if isinstance(X, DatasetRows):
        X.refuse_random("query")
    return X


def outside_view(X, pool: Pool, subset, **details) -> tuple[View, int]:
    """Return the view of a query over rows from outside, and the number of these rows.

    The rows of the pool follow them, so that a strategy can keep away from what is labelled;
    nothing is copied for that. X is as `outside_rows` gives it.

    Raises
    ------
    ValueError
        If `subset` does not fit.
    """
    n = n_rows(X)
    rows = Rows(X, *pool.rows.parts)
    mask = np.zeros(len(rows), dtype=bool)
    mask[:n] = True if subset is None else subset_mask(subset, n)
    return View(rows, mask, pool=pool, offset=n, **details), n
