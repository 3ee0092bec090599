"""Strategies that choose rows unlike one another, in the space of the embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import selection
from ..data.tensors import is_tensor
from .base import ANY, Strategy, name_of
from .inner import from_lowest, inner_labels, inner_reads, inner_scores
from .registry import as_strategy, register
from .uncertainty import Margin


class Diverse(Strategy):
    """Base of strategies that choose a batch by where its rows lie, away from known rows."""

    rowwise = False
    reads: tuple = ("embedding",)
    labels_per_row: tuple = ANY

    def _arguments(self, view) -> dict:
        """Return what all selection functions take, and the strategy's own parameters by name."""
        own = self.get_params(deep=False)
        own.pop("strategy", None)  # its scores are given
        return {"candidates": view.mask, "centers": view.centers, "rng": view.rng, **own}


class Weighted(Diverse):
    """Base of diverse strategies that weigh rows by another strategy's scores."""

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """The embedding, and what the inner strategy reads."""
        return ("embedding", *inner_reads(self.strategy))

    @property
    def labels_per_row(self) -> tuple:  # type: ignore[override]
        """Rows as the inner strategy takes them."""
        return inner_labels(self.strategy)

    def _scores(self, view) -> np.ndarray:
        """Return the inner strategy's scores, NaN where a row is no candidate."""
        scores = np.full(len(view), np.nan)
        scores[view.candidates] = inner_scores(self, self.strategy, view)
        return scores

    def _weights(self, view, lowest: float | None = None) -> np.ndarray:
        """Return these scores as weights: 0 or more, and 0 where a row is no candidate.

        They are measured from `lowest`; None: from the lowest there is, where that is below 0. Rows
        scored minus infinity get weight 0; plus infinity raises ValueError.
        """
        scores, weights = inner_scores(self, self.strategy, view), np.zeros(len(view))
        if np.isposinf(scores).any():
            raise ValueError(
                f"{type(self).__name__} got scores of {name_of(as_strategy(self.strategy))} with "
                f"infinity at position {view.candidates[np.isposinf(scores)][0]}; give a strategy "
                f"whose scores are finite, or minus infinity for rows that count nothing."
            )
        is_some = ~np.isneginf(scores)
        raised = from_lowest(scores) if lowest is None else np.maximum(scores - lowest, 0.0)
        raised = np.where(is_some, raised, 0.0)
        if not raised.any():  # all are equal: with weights of 0, nothing would be left to choose by
            raised = np.where(is_some | ~is_some.any(), 1.0, 0.0)
        weights[view.candidates] = raised
        return weights


@register("k_center", "to cover the pool, outliers too", cost="O(knd) at most, often far less")
class KCenter(Diverse):
    """Core-set: again and again the row farthest from all known and chosen ones [1]_.

    This is the greedy 2-approximation of the k-centre problem in the space of the embedding. Of
    rows in files whose vectors take more than `config_context` allows, they are read block by
    block, several times; the choice is the same.

    References
    ----------
    .. [1] Sener and Savarese (2018). Active learning for convolutional neural networks: a core-set
       approach. ICLR.
    """

    def select(self, view, n) -> np.ndarray:
        """Return the rows that cover the others best, farthest first."""
        if view.is_too_large:
            return selection.k_center_in_blocks(view.vector_blocks, n, **self._arguments(view))
        vectors = view.vectors
        # Distances are kept from round to round in memory, and computed anew on a device.
        distances = None if is_tensor(vectors) else view.center_distances()
        return selection.k_center(vectors, n, distances=distances, **self._arguments(view))


@register("k_means", "batches that resemble the pool", cost="O(knd) an iteration")
class KMeans(Diverse):
    """The rows nearest the means of as many clusters as rows are asked for.

    Labelled and reserved rows are fixed centres besides.
    """

    def select(self, view, n) -> np.ndarray:
        """Return one row of each cluster, that of the largest first."""
        return selection.k_means(view.vectors, n, **self._arguments(view))


@register("k_medoids", "as `k_means`, by plain distances; up to 20,000 rows", cost="O(n²d)")
class KMedoids(Diverse):
    """The rows to which all others have the smallest sum of distances, greedily."""

    def select(self, view, n) -> np.ndarray:
        """Return the rows that shorten distances most, best first."""
        return selection.k_medoids(view.embedding, n, **self._arguments(view))


@register("lcmd", "regression: batches that cover what is far and many", cost="O((L + k)nd)")
class LCMD(Diverse):
    r"""Largest cluster maximum distance: the farthest row of the worst covered cluster [1]_.

    Every row that may be chosen belongs to the nearest of the known and chosen ones c, and a
    cluster is as large as :math:`\sum \lVert x - c \rVert^2` over its rows: where there are many,
    and far. Outliers that are alone are left for later, unlike by `KCenter`.

    Parameters
    ----------
    space : {"embedding", "gradient"}, default="embedding"
        Where rows lie: as the estimator sees them, or by the gradient in the weights of its last
        layer, as in `BADGE`. Of an MLP for regression that is the last hidden layer; of a linear
        regressor it is the embedding.

    References
    ----------
    .. [1] Holzmüller, Zaverkin, Kästner and Steinwart (2023). A framework and benchmark for deep
       batch active learning for regression. JMLR 24.
    """

    def __init__(self, space: str = "embedding") -> None:
        self.space = space

    @property
    def reads(self) -> tuple:  # type: ignore[override]
        """The space, by its name."""
        return ("gradient",) if self.space == "gradient" else ("embedding",)

    def select(self, view, n) -> np.ndarray:
        """Return the farthest rows of the largest clusters, in the order in which they arise."""
        if self.space not in ("embedding", "gradient"):
            raise ValueError(
                f"LCMD got space={self.space!r}; it must be one of 'embedding', 'gradient'."
            )
        arguments = self._arguments(view)
        return selection.lcmd(getattr(view, arguments.pop("space")), n, **arguments)


@register("typiclust", "few labels or none: the first batches", cost="k-means of L + k clusters")
class TypiClust(Diverse):
    """The most typical rows of the clusters with fewest labels [1]_.

    It is for the first batches, when labels are few; as `cold_start` it needs none.

    Parameters
    ----------
    n_neighbors : int, default=20
        A row is typical if its mean distance to so many nearest rows of its cluster is small.
    max_clusters : int, default=500
        Upper limit of the number of clusters.

    References
    ----------
    .. [1] Hacohen, Dekel and Weinshall (2022). Active learning on a budget: opposite strategies
       suit high and low budgets. ICML.
    """

    def __init__(self, n_neighbors=20, max_clusters=500) -> None:
        self.n_neighbors = n_neighbors
        self.max_clusters = max_clusters

    def select(self, view, n) -> np.ndarray:
        """Return typical rows, those of large uncovered clusters first."""
        return selection.typiclust(view.embedding, n, **self._arguments(view))


@register("prob_cover", "few labels or none; clear clusters; up to 20,000 rows", cost="O(n²d)")
class ProbCover(Diverse):
    r"""The rows whose balls cover most of the pool, each row counted once [1]_.

    Greedily largest :math:`|\bigcup_s B_\delta(s)|` with :math:`B_\delta(s) = \{x : \|x - s\| \le
    \delta\}`: a pick has most rows in its ball that no labelled, reserved or chosen row has in its
    own. When all are covered, `KCenter` chooses the rest.

    The choice depends much on the radius. By default it is that of the paper: k-means gives every
    row a pseudo-label, and :math:`\delta` is the largest with which at least a share of `purity` of
    the balls around rows hold one label alone. The space is that of the embedding as it is; the
    paper's radii are for rows of length 1.

    Parameters
    ----------
    delta : float, default=None
        Radius of the balls, in units of the embedding. None: by the rule above.
    n_clusters : int, default=None
        Number of clusters of the rule. None: as many as there are classes; where these are not
        known, as at a cold start without `classes=`, or a row has several labels, as many as rows
        are labelled, reserved or asked for.
    purity : float, default=0.95
        Share of pure balls that the rule asks for, in (0, 1].

    References
    ----------
    .. [1] Yehuda, Dekel, Hacohen and Weinshall (2022). Active learning through a covering lens.
       NeurIPS.
    """

    def __init__(self, delta=None, n_clusters=None, purity=0.95) -> None:
        self.delta = delta
        self.n_clusters = n_clusters
        self.purity = purity

    def select(self, view, n) -> np.ndarray:
        """Return the rows that cover most of what is not covered, best first."""
        arguments = self._arguments(view)
        if self.n_clusters is None and not view.multilabel:
            arguments["n_clusters"] = view.n_classes
        return selection.prob_cover(view.embedding, n, **arguments)


@register("max_herding", "few labels or none; up to 20,000 rows", cost="O(n²d)")
class MaxHerding(Diverse):
    r"""The rows that make all others as similar as possible to a chosen one [1]_.

    Greedily largest :math:`\sum_x \max_s k(x, s)` with a Gaussian kernel.

    Parameters
    ----------
    bandwidth : float, default=None
        Width of the kernel, in units of the embedding. None: from the distances of a sample.

    References
    ----------
    .. [1] Bae, Noh and Sutherland (2024). Generalized coverage for more robust low-budget active
       learning. ECCV.
    """

    def __init__(self, bandwidth=None) -> None:
        self.bandwidth = bandwidth

    def select(self, view, n) -> np.ndarray:
        """Return the rows that cover most, best first."""
        return selection.max_herding(view.embedding, n, **self._arguments(view))


@register("uncertainty_herding", "any number of labels; up to 20,000 rows", cost="O(n²d)")
class UncertaintyHerding(Weighted):
    r"""The rows that make all uncertain ones as similar as possible to a chosen one [1]_.

    Greedily largest :math:`\sum_x U(x) \max_s k(x, s)` with a Gaussian kernel, the narrower the
    nearer labelled rows lie to one another: coverage while there are few labels, uncertainty once
    there are many.

    Parameters
    ----------
    strategy : str or Strategy, default="margin"
        Its scores are the uncertainty U: of margin on probabilities, as in the paper, 1 less the
        margin. Of others, if some are negative, the lowest is subtracted from all. If all are then
        0, all count the same.
    bandwidth : float, default=None
        Width of the kernel, in units of the embedding. None: the least distance between two known
        rows that are not equal, divided by :math:`\sqrt 2`; as in `MaxHerding` while there are not
        two.

    Notes
    -----
    The paper scales rows to length 1, and probabilities by a temperature that is fitted on labels
    held out. Here rows are as the embedding gives them, and probabilities as the model does:
    ``make_pipeline(Normalizer(), ...)`` and ``CalibratedClassifierCV`` do the same.

    References
    ----------
    .. [1] Bae, Noh and Sutherland (2025). Uncertainty herding: one active learning method for all
       label budgets. ICLR.
    """

    def __init__(self, strategy: Any = "margin", bandwidth=None) -> None:
        self.strategy = strategy
        self.bandwidth = bandwidth

    def select(self, view, n) -> np.ndarray:
        """Return the rows that cover most uncertainty, best first."""
        is_margin = isinstance(as_strategy(self.strategy), Margin) and view.gives("proba")
        uncertainty = self._weights(view, lowest=-1.0 if is_margin else None)
        return selection.uncertainty_herding(
            view.embedding, n, uncertainty=uncertainty, **self._arguments(view)
        )


@register("cluster_margin", "large batches from large pools", cost="k-means of `factor` k rows")
class ClusterMargin(Weighted):
    """The most uncertain rows, taken in turn from clusters, the smallest cluster first [1]_.

    The paper clusters the whole pool, once. Here the uncertain rows alone are clustered, anew in
    each round and beside the rows that are labelled by then: that takes no pass over a large pool,
    needs no vectors that stay as they are while the model learns, and keeps away from the labels.

    Parameters
    ----------
    strategy : str or Strategy, default="margin"
        Its scores are the uncertainty.
    n_clusters : int, default=None
        How many clusters. None: as many as rows are asked for.
    factor : float, default=10
        How many uncertain rows are clustered for each that is asked for.

    References
    ----------
    .. [1] Citovsky et al. (2021). Batch active learning at scale. NeurIPS.
    """

    def __init__(self, strategy: Any = "margin", n_clusters=None, factor=10) -> None:
        self.strategy = strategy
        self.n_clusters = n_clusters
        self.factor = factor

    def select(self, view, n) -> np.ndarray:
        """Return uncertain rows of different clusters."""
        return selection.cluster_margin(
            view.embedding, self._scores(view), n, **self._arguments(view)
        )


@register("ranked_batch", "first all over the pool, then where the model doubts", cost="O(knd)")
class RankedBatch(Weighted):
    r"""Uncertain rows unlike the known and chosen ones; with more labels, uncertainty counts more.

    The next row has the largest :math:`\alpha (1 - s) + (1 - \alpha) u` [1]_, with u its
    uncertainty and s = 1 / (1 + distance) its similarity to the nearest known or chosen row.

    Parameters
    ----------
    strategy : str or Strategy, default="least_confidence"
        Its scores are the uncertainty, in [0, 1].
    alpha : float, default=None
        :math:`\alpha` in [0, 1]. None: the share of rows that have no label.

    References
    ----------
    .. [1] Cardoso et al. (2017). Ranked batch-mode active learning. Information Sciences.
    """

    def __init__(self, strategy: Any = "least_confidence", alpha=None) -> None:
        self.strategy = strategy
        self.alpha = alpha

    def select(self, view, n) -> np.ndarray:
        """Return rows in the order in which they were ranked."""
        distances = view.center_distances()
        return selection.ranked_batch(
            view.embedding, self._scores(view), n, distances=distances, **self._arguments(view)
        )


@register("coral", "to cover what is doubtful", cost="as `k_center`")
class Coral(Weighted):
    r"""Core-set by distance times uncertainty: :math:`d(x) \, u(x)^{strength}`.

    Parameters
    ----------
    strategy : str or Strategy, default="margin"
        Its scores are the uncertainty u. If some are negative, the lowest is subtracted from all;
        if all are then 0, all count the same.
    strength : float, default=1.0
        How much it counts; with 0 this is `KCenter`.
    """

    def __init__(self, strategy: Any = "margin", strength=1.0) -> None:
        self.strategy = strategy
        self.strength = strength

    def select(self, view, n) -> np.ndarray:
        """Return rows that are far from others and uncertain."""
        distances = view.center_distances()
        return selection.coral(
            view.embedding, self._weights(view), n, distances=distances, **self._arguments(view)
        )
