"""How many labels of a stream may be bought: a rate in a sliding window, a total, or both."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable

from .utils.checks import checked_count, is_number

_ROUNDING = 1e-9  # of rate times window: 0.29 * 100 is 28.999999999999996


class BudgetManager:
    r"""Which rows of a stream may still be bought, exactly, whatever is asked for.

    Of any `window` consecutive rows, at most :math:`c = \lfloor` rate · window :math:`\rfloor` are
    bought, and of all rows at most `total`. So after n rows at most
    :math:`\min(c \lceil n / w \rceil, \mathrm{total})` are.

    Parameters
    ----------
    rate : float, default=1.0
        Labels for each row, in (0, 1]; 1 allows every row.
    window : int or None, default=100
        w, how many consecutive rows the rate is held in; rate · window must be 1 or more. None: it
        is held over all rows that passed, by those who ask `takes`.
    total : int, default=None
        How many labels there are in all; None: no end of them.

    Attributes
    ----------
    spent : int
        How many labels were bought.
    n_passed : int
        How many rows passed.

    Raises
    ------
    ValueError
        If a number is out of its range, or rate · window is less than 1.

    Notes
    -----
    Žliobaitė et al. [1]_ keep :math:`u \leftarrow u (w - 1) / w + a`, where a is 1 for a row that
    was bought, and buy only if :math:`u / w < b`. That window is exponential, and the rate b is
    held only about: u stays at most :math:`b (w - 1) + 1`; since
    :math:`\sum a = u_n + \sum_{t<n} u_t / w`, in the long run up to
    :math:`b + (1 - b) / w` of the rows are bought, and of w consecutive rows up to
    :math:`(b (w - 1) + 1) (1 - 1 / w)^{1 - w}`, which is about e times as many as the rate
    allows. To count the rows of the window exactly takes c numbers of memory, and exceeds
    nothing.

    References
    ----------
    .. [1] Žliobaitė, Bifet, Pfahringer and Holmes (2014). Active learning with drifting streaming
       data. IEEE Transactions on Neural Networks and Learning Systems.

    Examples
    --------
    >>> budget = BudgetManager(rate=0.5, window=4)
    >>> bought = []
    >>> for _ in range(8):
    ...     bought.append(budget.may_spend())
    ...     budget.passed(bought[-1])
    >>> [int(b) for b in bought]
    [1, 1, 0, 0, 1, 1, 0, 0]
    """

    def __init__(self, rate: float = 1.0, window: int | None = 100, total: int | None = None):
        self.rate = checked_rate(rate, "BudgetManager")
        self.window = None if window is None else checked_count(window, "window", "BudgetManager")
        self.total = None if total is None else checked_count(total, "total", "BudgetManager", 0)
        self.spent = 0
        self._most = 0  # labels in a window
        if self.window is not None:
            self._hold(self.rate, math.floor(self.rate * self.window + _ROUNDING))
        self.n_passed = 0
        self._bought: deque[int] = deque()  # which rows of the last window were bought

    def may_spend(self) -> bool:
        """Whether the next row may be bought.

        Returns
        -------
        bool
            False if the window or the total is used up.
        """
        is_left = self.total is None or self.spent < self.total
        if self.window is None:
            return is_left
        # The oldest come first: only those that have just left the window are looked at.
        while self._bought and self._bought[0] <= self.n_passed - self.window:
            self._bought.popleft()
        return is_left and len(self._bought) < self._most

    @property
    def chance(self) -> float:
        r"""Probability with which a row that is chosen blindly should be bought.

        rate · (1 + b), with b how many labels fewer were bought in the window, or in all where
        there is none, than the rate allows for its rows. To buy with probability `rate` where the
        window is not used up spends less than the rate: 72 % of it for 5 labels in a window. Like
        this 90 % and more are spent where a window has 5 labels or more, two thirds where it has
        one; and still nothing about a row decides about it. 0 where nothing is left.
        """
        if not self.may_spend():
            return 0.0
        n_rows, n_bought = self.n_passed, self.spent
        if self.window is not None:
            n_rows, n_bought = min(n_rows, self.window), len(self._bought)
        behind = self.rate * n_rows - n_bought
        return min(max(self.rate * (1 + behind), 0.0), 1.0)

    def takes(self, draw: float, share: float = 1.0) -> bool:
        """Whether to buy a row by chance.

        Parameters
        ----------
        draw : float
            A uniform random number in [0, 1).
        share : float, default=1.0
            How many times the usual chance the row has.

        Returns
        -------
        bool
            True with probability `chance` times `share`; never where nothing is left.
        """
        return self.may_spend() and draw < self.chance * share

    def passed(self, bought: bool) -> None:
        """Count a row.

        Parameters
        ----------
        bought : bool
            Whether its label was bought.

        Raises
        ------
        ValueError
            If it was, and nothing was left.
        """
        if bought:
            if not self.may_spend():
                raise ValueError(
                    "passed got a row that was bought, but the budget is used up; ask may_spend() "
                    "before."
                )
            self.spent += 1
            if self.window is not None:
                self._bought.append(self.n_passed)
        self.n_passed += 1

    def split(self, share: float) -> tuple[BudgetManager, BudgetManager]:
        """Return two budgets that together are this one, as it was at the start.

        Parameters
        ----------
        share : float
            Of the labels for the first budget, in (0, 1); in a window rounded to whole labels, of
            which either has one or more.

        Returns
        -------
        tuple of two BudgetManager
            Together they buy at most what this one may, in each window and in all.

        Raises
        ------
        ValueError
            If a window is too short for one label of each.
        """
        if self._most < 2:
            raise ValueError(
                f"a rate of {self.rate:g} over a window of {self.window} rows is one label, which "
                f"cannot be shared; give window={math.ceil(2 / self.rate - _ROUNDING)} or more."
            )
        # Half a label is rounded down, and either half keeps one: so neither is without any.
        n_window = min(max(math.ceil(share * self._most - 0.5), 1), self._most - 1)
        n_total = None if self.total is None else math.floor(share * self.total + _ROUNDING)
        # With any rate that the window allows; what each may spend in it is set below, exactly.
        first = BudgetManager(1.0, self.window, n_total)
        rest = BudgetManager(
            1.0, self.window, None if n_total is None else (self.total or 0) - n_total
        )
        first._hold(share * self.rate, n_window)
        rest._hold((1 - share) * self.rate, self._most - n_window)
        return first, rest

    def _hold(self, rate: float, most: int) -> None:
        """Allow so many labels in a window, refusing one in which there could never be any."""
        if most < 1:
            raise ValueError(
                f"a rate of {rate:g} over a window of {self.window} rows never reaches one label; "
                f"give window={math.ceil(1 / rate - _ROUNDING)} or more."
            )
        self.rate, self._most = rate, most


class Countdown:
    """So many labels for a stream of which the length is known: all of them, and no more.

    Parameters
    ----------
    total : int
        How many labels there are.
    length : int
        How many rows there are; `total` at least. Rows beyond are never bought.
    who : str, default="Countdown"
        Whose numbers they are, for messages.

    Attributes
    ----------
    spent, n_passed : int
        How many labels were bought, and how many rows passed.

    Raises
    ------
    ValueError
        If a number is out of its range, or there are more labels than rows.

    Examples
    --------
    >>> countdown = Countdown(total=1, length=2)
    >>> countdown.chance
    0.5
    >>> countdown.passed(False)
    >>> countdown.takes(0.99, share=0.0)  # as many labels are left as rows
    True
    """

    def __init__(self, total: int, length: int, who: str = "Countdown"):
        self.total = checked_count(total, "total", who, 0)
        self.length = checked_count(length, "length", who, 1)
        if self.total > self.length:
            raise ValueError(
                f"{who} got total={total} and length={length}, more labels than rows; give a "
                f"total of at most the length."
            )
        self.spent = self.n_passed = 0

    def may_spend(self) -> bool:
        """Whether a label is left; where the rows are through, none is."""
        return self.spent < self.total

    @property
    def chance(self) -> float:
        """Labels left for each row that is left."""
        return (self.total - self.spent) / max(self.length - self.n_passed, 1)

    def takes(self, draw: float, share: float = 1.0) -> bool:
        """Tell whether to buy a row by chance, for certain where no row can be spared."""
        return self.may_spend() and (self.chance >= 1 or draw < self.chance * share)

    def passed(self, bought: bool) -> None:
        """Count a row."""
        self.spent += bool(bought)
        self.n_passed += 1


def by_chance(budget: BudgetManager | Countdown, draws: Iterable[float]) -> Callable[[float], bool]:
    """Return a function of the share of the next row that tells whether it is bought.

    `share` is how many times the usual chance the row has, `draws` has a uniform random number for
    each row, and each row is counted in the budget.

    Examples
    --------
    >>> takes = by_chance(BudgetManager(0.5, 10), [0.2, 0.4])
    >>> takes(1.0), takes(0.1)
    (True, False)
    """
    numbers = iter(draws)

    def takes(share: float) -> bool:
        bought = budget.takes(next(numbers), share)
        budget.passed(bought)
        return bought

    return takes


def checked_rate(rate, who: str, name: str = "rate") -> float:
    """Return a rate of labels as a float, refusing what is none.

    Examples
    --------
    >>> checked_rate(1, "BudgetManager")
    1.0
    """
    if not is_number(rate) or not 0 < float(rate) <= 1:
        raise ValueError(
            f"{who} got {name}={rate!r}; give the share of the rows that may be bought, above 0 "
            f"and at most 1."
        )
    return float(rate)
