"""Strategies made of other strategies."""

import math
from collections.abc import Callable

import numpy as np

from ..selection import top
from ..selection.density import density
from ..utils.checks import checked_number, count_of
from .base import Strategy, choose, name_of
from .inner import from_lowest, inner_reads, inner_scores
from .registry import as_strategy, register
from .view import other_draw


@register(None, "large pools; less repetition in a batch", cost="the inner strategy on a part")
class Subpool(Strategy):
    """Another strategy on a random part of the pool, drawn anew in each round.

    A part is cheaper to score than the whole, and a batch from it repeats itself less.

    Parameters
    ----------
    strategy : str, Strategy or callable, default="margin"
        What chooses among the part.
    size : int or float, default=0.1
        How many candidates to draw, or what share of them if it is a float; never fewer than the
        batch needs.

    Examples
    --------
    >>> from skactive.strategies import Subpool
    >>> Subpool("entropy", size=1000)
    Subpool(size=1000, strategy='entropy')
    """

    rowwise = False

    def __init__(self, strategy="margin", size=0.1):
        self.strategy = strategy
        self.size = size

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads."""
        return inner_reads(self.strategy)

    def select(self, view, n):
        """Return what the inner strategy selects among a random part of the candidates."""
        size = max(n, self._n_drawn(len(view.candidates)))
        drawn = view.row_random(view.candidates)
        part, rows = view.narrowed(view.candidates[top(drawn, size)])
        return rows[as_strategy(self.strategy).select(part, n)]

    def _n_drawn(self, n_candidates: int) -> int:
        """Return how many candidates make a part."""
        drawn = count_of(self.size, n_candidates)
        if drawn is None:
            raise ValueError(
                f"Subpool got size={self.size!r}; give a count of at least 1, or a share in (0, 1] "
                f"as a float."
            )
        return math.ceil(drawn)


@register(None, "a costly or diverse strategy, on a large pool", cost="`then` sees a part alone")
class Prefilter(Strategy):
    """The best candidates of one strategy, among which another one chooses.

    The usual pair is a cheap score first and a diverse batch of the best then: the second
    strategy is spared most of the pool, and cannot choose rows that the first holds for certain.

    Parameters
    ----------
    first : str, Strategy or callable, default="margin"
        What chooses the rows that are left.
    then : str, Strategy or callable, default="k_center"
        What chooses the batch among them.
    factor : float, default=10
        How many rows are left for each row of the batch; at least 1.

    Examples
    --------
    >>> from skactive.strategies import Prefilter
    >>> Prefilter("entropy", then="random", factor=5)
    Prefilter(factor=5, first='entropy', then='random')
    """

    rowwise = False

    def __init__(self, first="margin", then="k_center", factor=10):
        self.first = first
        self.then = then
        self.factor = factor

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What either strategy reads."""
        return inner_reads(self.first, self.then)

    def select(self, view, n):
        """Return what the second strategy selects among the first one's best."""
        factor = checked_number(self.factor, "factor", name_of(self), 1.0)
        left = choose(as_strategy(self.first), view, math.ceil(factor * n))
        part, rows = view.narrowed(left)
        return rows[choose(as_strategy(self.then), part, n)]


@register("density", "pools whose outliers look uncertain", cost="O(nd), or O(n²d) on distances")
class Density(Strategy):
    r"""Another strategy's score where many rows are like this one [1]_: :math:`s \, \rho^\beta`.

    The density :math:`\rho` of a row is its mean similarity to all candidates. It tells
    what is typical of the pool from outliers, which are often uncertain, and seldom useful.

    Scores that may be negative, as those of margin are, are measured from the lowest of the
    candidates instead of from 0, so that a product with them keeps their order; so are cosines,
    where rows point in all directions. Infinite scores stay as they are.

    Parameters
    ----------
    strategy : str or Strategy, default="entropy"
        What scores the rows.
    beta : float, default=1.0
        How much density counts: at least 0, where it does not.
    metric : {"cosine", "euclidean"}, default="cosine"
        Similarity of two rows of `View.embedding`: the cosine of their angle, or 1 / (1 + their
        distance). The former takes time linear in the number of candidates, the latter
        quadratic.

    References
    ----------
    .. [1] Settles and Craven (2008). An analysis of active learning strategies for sequence
       labeling tasks. EMNLP.

    Examples
    --------
    >>> from skactive.strategies import Density
    >>> Density("margin", metric="euclidean")
    Density(metric='euclidean', strategy='margin')
    """

    rowwise = False

    def __init__(self, strategy="entropy", beta=1.0, metric="cosine"):
        self.strategy = strategy
        self.beta = beta
        self.metric = metric

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads, and the embedding."""
        return inner_reads(self.strategy, also=("embedding",))

    def score(self, view):
        """Return the inner strategy's score times a power of the density."""
        beta = checked_number(self.beta, "beta", name_of(self), 0.0)
        scores = from_lowest(inner_scores(self, self.strategy, view))
        at = view.candidates
        weights = from_lowest(density(view.embedding, metric=self.metric, candidates=at)[at])
        out = np.full(len(view), np.nan)
        with np.errstate(invalid="ignore"):  # infinity times 0, which is not taken
            out[at] = np.where(np.isinf(scores), scores, scores * weights**beta)
        return out


@register(None, "a batch that repeats itself less, at no cost", cost="O(n), or O(n log n)")
class StochasticBatch(Strategy):
    r"""Rows drawn with probabilities that follow another strategy's scores [1]_.

    The best rows by one score resemble one another. To draw instead, without replacement, costs
    no more than to take the best, and rivals methods that look at the whole batch. With
    :math:`s` the score, :math:`r` its rank (1 for the best) and :math:`G` Gumbel noise, the
    batch is the largest of

    - "power": :math:`\beta \log s + G`, so that the next row is drawn in proportion to
      :math:`s^\beta`;
    - "softmax": :math:`\beta s + G`, in proportion to :math:`e^{\beta s}`;
    - "softrank": :math:`-\beta \log r + G`, in proportion to :math:`r^{-\beta}`; equal scores
      share their mean rank.

    For "power", scores that may be negative, as those of margin are, are measured from the lowest
    of the candidates instead of from 0. A row whose score is then 0 is chosen only when nothing
    else is left; in all modes, so is one with a score of minus infinity.

    Parameters
    ----------
    strategy : str or Strategy, default="margin"
        What scores the rows.
    beta : float, default=1.0
        How greedy the draw is: near 0 it is uniform, and the larger it is, the nearer to the best
        rows. More than 0.
    mode : {"power", "softmax", "softrank"}, default="power"
        What of a score counts: its ratio to others, its difference from others, or its rank
        alone.

    References
    ----------
    .. [1] Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal (2023). Stochastic
       batch acquisition: a simple baseline for deep active learning. TMLR.

    Examples
    --------
    >>> from skactive.strategies import StochasticBatch
    >>> StochasticBatch("entropy", mode="softrank")
    StochasticBatch(mode='softrank', strategy='entropy')
    """

    rowwise = False

    def __init__(self, strategy="margin", beta=1.0, mode="power"):
        self.strategy = strategy
        self.beta = beta
        self.mode = mode

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads."""
        return inner_reads(self.strategy)

    def score(self, view):
        """Return the perturbed scores, of which the largest are the batch."""
        if self.mode not in _MODES:
            raise ValueError(
                f"StochasticBatch got mode={self.mode!r}; it must be one of "
                f"{', '.join(map(repr, _MODES))}."
            )
        beta = checked_number(self.beta, "beta", name_of(self), 0.0, is_open=True)
        scores = inner_scores(self, self.strategy, view)
        keys = np.where(np.isneginf(scores), scores, beta * _MODES[self.mode](scores))
        out = np.full(len(view), np.nan)
        out[view.candidates] = keys + _gumbel(view.row_random(view.candidates))
        return out


def _log_power(scores: np.ndarray) -> np.ndarray:
    """Logarithms of scores, none of them negative."""
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(from_lowest(scores), 0.0))


def _log_rank(scores: np.ndarray) -> np.ndarray:
    """Minus the logarithm of each score's rank, 1 for the largest, equal ones sharing theirs."""
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return -np.log(last - (sizes - 1) / 2)[group]


_MODES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "power": _log_power,
    "softmax": np.asarray,
    "softrank": _log_rank,
}


def _gumbel(uniform: np.ndarray) -> np.ndarray:
    """Return standard Gumbel noise from uniform numbers of 53 bits."""
    return -np.log(-np.log(other_draw(uniform)))
