"""Strategies made of other strategies."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.chance import other_draw
from ..selection import top
from ..selection.density import density
from ..utils.checks import checked_number, count_of
from .base import Strategy, choose, has_score, name_of
from .inner import from_lowest, inner_labels, inner_reads, inner_scores
from .registry import as_strategy, register


@register(None, "large pools; less repetition in a batch", cost="the inner strategy on a part")
class Subpool(Strategy):
    """Another strategy on a random part of the pool, drawn anew in each round.

    A part takes less time to score than the whole, and a batch from it repeats itself less. With
    the rows that are labelled or reserved it is all that the strategy sees: what is clustered,
    covered or averaged over is the part, and the cost is that of a pool of its size.

    Parameters
    ----------
    strategy : str, Strategy or callable, default="margin"
        What chooses from the part.
    size : int or float, default=0.1
        How many candidates to draw, or a share of them if it is a float; never fewer than the
        batch has.
    """

    rowwise = False

    def __init__(self, strategy: Any = "margin", size: Any = 0.1) -> None:
        self.strategy = strategy
        self.size = size

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads."""
        return inner_reads(self.strategy)

    @property
    def labels_per_row(self) -> tuple:  # type: ignore[override]
        """Rows as the inner strategy takes them."""
        return inner_labels(self.strategy)

    def select(self, view, n) -> np.ndarray:
        """Return what the inner strategy selects among a random part of the candidates."""
        # Drawn by the numbers of the rows: the same part, however rows are cut and ordered.
        size = max(n, self._n_drawn(len(view.candidates)))
        drawn = view.row_random(view.candidates)
        return _chosen_among(view, view.candidates[top(drawn, size)], self.strategy, n)

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
    """The best candidates by one strategy, from which another one chooses.

    Usually the first is a score that takes little time, and the second chooses a diverse batch: it
    sees these candidates alone, beside the rows that are labelled or reserved, and cannot choose
    rows that the first finds certain.

    Parameters
    ----------
    first : str, Strategy or callable, default="margin"
        What selects the best candidates.
    then : str, Strategy or callable, default="k_center"
        What chooses the batch from them.
    factor : float, default=10
        How many candidates `first` selects for each row of the batch; at least 1.
    """

    rowwise = False

    def __init__(self, first: Any = "margin", then: Any = "k_center", factor=10) -> None:
        self.first = first
        self.then = then
        self.factor = factor

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What either strategy reads."""
        return inner_reads(self.first, self.then)

    @property
    def labels_per_row(self) -> tuple:  # type: ignore[override]
        """Rows as both strategies take them."""
        return inner_labels(self.first, self.then)

    def select(self, view, n) -> np.ndarray:
        """Return what the second strategy selects among the first one's best."""
        factor = checked_number(self.factor, "factor", name_of(self), 1.0)
        left = choose(as_strategy(self.first), view, math.ceil(factor * n))
        return _chosen_among(view, left, self.then, n)


def _chosen_among(view, candidates: np.ndarray, strategy, n: int) -> np.ndarray:
    """Return what a strategy chooses where these candidates are the population."""
    strategy = as_strategy(strategy)
    if strategy.rowwise and has_score(strategy):  # which sees row by row, without a copy
        return choose(strategy, view.restrict(candidates), n)
    part, rows = view.narrowed(candidates)
    return rows[choose(strategy, part, n)]


@register("density", "pools whose outliers look uncertain", cost="O(nd), or O(n²d) on distances")
class Density(Strategy):
    r"""Another strategy's score where many rows are like this one [1]_: :math:`s \, \rho^\beta`.

    The density :math:`\rho` of a row is its mean similarity to all candidates. It is low for
    outliers, which are often uncertain and seldom useful.

    If some scores are negative, as those of margin are, the lowest of the candidates' is subtracted
    from all, so that the product keeps their order; so it is with cosines. Infinite scores stay.

    Parameters
    ----------
    strategy : str or Strategy, default="entropy"
        What scores the rows.
    beta : float, default=1.0
        How much density counts, at least 0: with 0 it does not.
    metric : {"cosine", "euclidean"}, default="cosine"
        Similarity of two rows of the embedding: the cosine of their angle, in time linear in the
        number of candidates, or 1 / (1 + their distance), in quadratic time.

    References
    ----------
    .. [1] Settles and Craven (2008). An analysis of active learning strategies for sequence
       labeling tasks. EMNLP.
    """

    rowwise = False

    def __init__(self, strategy: Any = "entropy", beta=1.0, metric: Any = "cosine") -> None:
        self.strategy = strategy
        self.beta = beta
        self.metric = metric

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads, and the embedding."""
        return inner_reads(self.strategy, also=("embedding",))

    @property
    def labels_per_row(self) -> tuple:  # type: ignore[override]
        """Rows as the inner strategy takes them."""
        return inner_labels(self.strategy)

    def score(self, view) -> np.ndarray:
        """Return the inner strategy's score times a power of the density."""
        beta = checked_number(self.beta, "beta", name_of(self), 0.0)
        scores = from_lowest(inner_scores(self, self.strategy, view))
        at = view.candidates
        weights = from_lowest(density(view.embedding, metric=self.metric, candidates=at)[at])
        out = np.full(len(view), np.nan)
        # An infinite score times a density of 0 would be NaN.
        with np.errstate(invalid="ignore"):
            out[at] = np.where(np.isinf(scores), scores, scores * weights**beta)
        return out


@register(None, "a batch that repeats itself less, at no cost", cost="O(n), or O(n log n)")
class StochasticBatch(Strategy):
    r"""Rows drawn with probabilities that follow another strategy's scores [1]_.

    The best rows by one score resemble one another. To draw them instead, without replacement,
    takes no more time, and does about as well as methods that look at the whole batch. With
    :math:`s` the score, :math:`r` its rank (1 for the best) and :math:`G` Gumbel noise, the batch
    has the largest

    - "power": :math:`\beta \log s + G`, so that the next row is drawn in proportion to
      :math:`s^\beta`;
    - "softmax": :math:`\beta s + G`, in proportion to :math:`e^{\beta s}`;
    - "softrank": :math:`-\beta \log r + G`, in proportion to :math:`r^{-\beta}`; equal scores
      share their mean rank.

    For "power", if some scores are negative, as those of margin are, the lowest of the candidates'
    is subtracted from all. A row whose score is then 0 is chosen only when nothing else is left; so
    is, in all modes, a row whose score is minus infinity.

    Parameters
    ----------
    strategy : str or Strategy, default="margin"
        What scores the rows.
    beta : float, default=1.0
        How greedy the draw is, more than 0: near 0 it is nearly uniform, and for large values the
        best rows come nearly always.
    mode : {"power", "softmax", "softrank"}, default="power"
        What counts: the ratios of scores, their differences, or their ranks.

    References
    ----------
    .. [1] Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal (2023). Stochastic
       batch acquisition: a simple baseline for deep active learning. TMLR.
    """

    rowwise = False

    def __init__(self, strategy: Any = "margin", beta=1.0, mode: str = "power") -> None:
        self.strategy = strategy
        self.beta = beta
        self.mode = mode

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """What the inner strategy reads."""
        return inner_reads(self.strategy)

    @property
    def labels_per_row(self) -> tuple:  # type: ignore[override]
        """Rows as the inner strategy takes them."""
        return inner_labels(self.strategy)

    def score(self, view) -> np.ndarray:
        """Return the perturbed scores, of which the largest are the batch."""
        if self.mode not in _MODES:
            raise ValueError(
                f"StochasticBatch got mode={self.mode!r}; it must be one of "
                f"{', '.join(map(repr, _MODES))}."
            )
        beta = checked_number(self.beta, "beta", name_of(self), 0.0, is_open=True)
        scores = inner_scores(self, self.strategy, view)
        # By its rank alone, a score of minus infinity would be one like others.
        keys = np.where(np.isneginf(scores), scores, beta * _MODES[self.mode](scores))
        out = np.full(len(view), np.nan)
        out[view.candidates] = keys + _gumbel(view.row_random(view.candidates))
        return out


def _log_power(scores: np.ndarray) -> np.ndarray:
    """Return the logarithms of scores that are made 0 or more."""
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(from_lowest(scores), 0.0))


def _log_rank(scores: np.ndarray) -> np.ndarray:
    """Return minus the logarithm of each score's rank, 1 for the largest."""
    # Equal scores share the mean of their ranks, or their order would count.
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return -np.log(last - (sizes - 1) / 2)[group]


_MODES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "power": _log_power,
    "softmax": np.asarray,
    "softrank": _log_rank,
}


def _gumbel(uniform: np.ndarray) -> np.ndarray:
    """Return standard Gumbel noise from the uniform numbers of rows."""
    return -np.log(-np.log(other_draw(uniform)))
