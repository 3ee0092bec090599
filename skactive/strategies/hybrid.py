"""Strategies that ask for doubtful rows that are unlike one another, made for frozen features."""

from __future__ import annotations

import numpy as np

from .. import selection
from ..data.arrays import as_floats, as_vector, row_width, slices
from ..data.chance import uniform_by_entry
from ..data.frames import is_pandas, is_polars
from ..data.vectors import as_vectors
from ..models import last_step
from ..models.kinds import NEEDS, reach_last
from ..utils.checks import checked_count, checked_fraction
from .base import Strategy
from .registry import register


@register("falcun", "batches by probabilities alone", cost="O(knC)")
class FALCUN(Strategy):
    r"""Fast active learning by contrastive uncertainty: doubtful, and predicted unlike [1]_.

    Rows are drawn one by one, with probability proportional to :math:`(u + d)^\gamma`. The doubt is
    :math:`u = 1 - (p_{(1)} - p_{(2)})`; d starts as u, is lowered to the L1 distance between the
    probabilities of the row and of the nearest chosen one, and is brought to [0, 1] over the rows
    that are left. Reserved rows count as chosen; labelled rows do not.

    Parameters
    ----------
    gamma : float, default=10.0
        How closely the draw follows u + d; 0 is random.

    Notes
    -----
    With two classes, probabilities lie on a line, and there is little to tell rows apart by.

    References
    ----------
    .. [1] Gilhuber, Beer, Ma and Seidl (2024). FALCUN: a simple and efficient deep active learning
       strategy. ECML PKDD.
    """

    rowwise = False
    reads = ("proba",)

    def __init__(self, gamma=10.0) -> None:
        self.gamma = gamma

    def select(self, view, n) -> np.ndarray:
        """Return the rows as they were drawn."""
        return selection.falcun(
            view.proba,
            n,
            gamma=self.gamma,
            candidates=view.mask,
            centers=view.reserved,
            rng=view.rng,
        )


@register("drop_query", "batches from frozen features", cost="`n_passes` predictions, k-means")
class DropQuery(Strategy):
    r"""Rows whose prediction changes when features are left out, one of each cluster [1]_.

    In each of a few passes a share of every row's features, others for each row, is set to 0, and
    the rest is divided by one less that share, as dropout does. Rows that more than half of the
    passes predict otherwise are clustered by k-means, in as many clusters as rows are asked for; of
    each, the row nearest its mean is taken. Where there are too few such rows, those that change
    most often are taken. Reserved rows are centres of clusters of their own; labelled rows do not
    count.

    Features are what the last step of a Pipeline sees, made for vectors of a foundation model, of
    which none means much by itself: 0 should stand for nothing in particular. No net has to be
    trained, nor to have dropout.

    Parameters
    ----------
    rate : float, default=0.75
        Share of the features that is left out, between 0 and 1.
    n_passes : int, default=3
        How many passes there are. The paper has three.

    References
    ----------
    .. [1] Gupte, Aklilu, Nirschl and Yeung-Levy (2024). Revisiting active learning in the era of
       vision foundation models. TMLR.
    """

    rowwise = False
    reads = ("feature_dropout", "embedding")

    def __init__(self, rate=0.75, n_passes=3) -> None:
        self.rate = rate
        self.n_passes = n_passes

    def select(self, view, n) -> np.ndarray:
        """Return one row of each cluster, that of the largest first."""
        rate = checked_fraction(self.rate, "rate", "DropQuery")
        n_passes = checked_count(self.n_passes, "n_passes", "DropQuery")
        rows, changed = view.candidates, np.full(len(view), np.nan)
        last, keys = last_step(view.estimator), view.row_random(view.candidates)
        width = row_width(self._features(view, rows[:1])[1])
        for part in slices(len(rows), width):
            X, features = self._features(view, rows[part])
            before, count = as_vector(last.predict(X)), np.zeros(features.shape[0])
            for turn in range(n_passes):
                some = _as_were(_dropped(features, keys[part], turn, rate), X)
                count += as_vector(last.predict(some)) != before
            changed[rows[part]] = count / n_passes
        return selection.drop_query(
            view.vectors,
            changed,
            n,
            candidates=view.mask,
            centers=view.reserved,
            rng=view.rng,
        )

    def _features(self, view, rows) -> tuple:
        """Return rows as the last step sees them, and as vectors of floats."""
        X, last = reach_last(view.estimator, view.take(rows))
        vectors = as_vectors(X, type(last).__name__, NEEDS["embedding"])
        return X, as_floats(vectors)


def _dropped(features, keys: np.ndarray, turn: int, rate: float):
    """Return features of which a share is 0, by chance that belongs to rows; the rest is raised."""
    if isinstance(features, np.ndarray):
        chance = uniform_by_entry(keys[:, None], np.arange(features.shape[1]), turn)
        return np.where(chance >= rate, features / features.dtype.type(1 - rate), 0)
    some = features.copy()
    of_entries = np.repeat(keys, np.diff(some.indptr))
    is_kept = uniform_by_entry(of_entries, some.indices, turn) >= rate
    some.data = np.where(is_kept, some.data / some.dtype.type(1 - rate), 0)
    return some


def _as_were(features, X):
    """Return vectors in the shape of the rows that they were made of, with the same columns."""
    if is_pandas(X):
        return type(X)(features, index=X.index, columns=X.columns)
    if is_polars(X):
        return type(X)(features, schema=X.columns)
    return features.reshape(X.shape) if isinstance(X, np.ndarray) else features
