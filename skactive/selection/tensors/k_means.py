"""Clusters of the rows of a tensor by Lloyd's algorithm, on its device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ...data.arrays import as_positions
from ...data.types import Floats, Positions
from ..blocks import safe_scale
from ..lloyd import MAX_ITERATIONS, TOLERANCE, Clusters, drawn_by_weight, seed_sample
from .common import floats_of, moved, pieces
from .distances import nearest_of_all


class TensorBlocks:
    """Rows of a tensor as blocks of floats, as `selection.blocks.Blocks` has those of an array."""

    def __init__(self, vectors: Tensor, rows: Positions | None = None):
        self.vectors, self.device = vectors, vectors.device
        self.rows = None if rows is None else moved(rows, self.device)
        self.n = len(vectors) if rows is None else len(rows)
        self.dtype = floats_of(vectors.dtype)
        self.scale = 1.0
        sums = [self._rows(part).sum(dim=0, dtype=torch.float64) for part in self._pieces()]
        self.origin = (torch.stack(sums).sum(dim=0) / self.n).to(self.dtype)
        blocks = (block for _, block in self.parts() if block.numel())
        peak = max((float(block.abs().max()) for block in blocks), default=0.0)
        self.scale = safe_scale(peak, torch.finfo(self.dtype).max)
        self.norms = torch.cat([block.square().sum(dim=1) for _, block in self.parts()])
        # Squared distances below this are rounding: rows that close count as one.
        self.floor = 16 * torch.finfo(self.dtype).eps * float(self.norms.max())

    def parts(self, n_others: int = 1) -> Iterator[tuple[slice, Tensor]]:
        """Yield places and floats of consecutive rows, few enough for products with others."""
        for part in self._pieces(n_others):
            yield part, self.take(part)

    def take(self, places: slice | Tensor) -> Tensor:
        """Return the floats of rows, given by their places among these."""
        block = self._rows(places).to(self.dtype) - self.origin
        return block if self.scale == 1.0 else block * self.scale

    def reach(self, centers: ArrayLike | None) -> Floats:
        """Return the squared distance of each row to the nearest centre, infinity without any."""
        positions = np.unique(as_positions(centers, len(self.vectors)))
        if len(positions) == 0:
            return np.full(self.n, np.inf)
        nearest = nearest_of_all(self.vectors, moved(positions, self.device))
        nearest = nearest if self.rows is None else nearest[self.rows]
        return (
            nearest.cpu().numpy() * self.scale * self.scale
        )  # in turn: the square may be out of range

    def _rows(self, places: slice | Tensor) -> Tensor:
        """Return rows as they came, given by their places among these."""
        return self.vectors[places if self.rows is None else self.rows[places]]

    def _pieces(self, n_others: int = 1) -> Iterator[slice]:
        """Return slices of places, few enough for products with others."""
        return pieces(self.n, max(self.vectors.shape[1], n_others), self.device)


def lloyd(
    blocks: TensorBlocks, n_clusters: int, reach: NDArray, rng: np.random.Generator
) -> Clusters:
    """Cluster rows by k-means, as `skactive.selection.lloyd.lloyd` does, with seeds drawn alike.

    Examples
    --------
    >>> blocks = TensorBlocks(torch.tensor([[0.0], [1.0], [10.0], [11.0]]))
    >>> lloyd(blocks, 2, np.full(4, np.inf), np.random.default_rng(0)).squared.tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    bars = moved(reach, blocks.device)
    means = _seeds(blocks, n_clusters, bars, rng)
    settled = TOLERANCE * float(blocks.norms.mean(dtype=torch.float64)) / max(means.shape[1], 1)
    labels = torch.full((blocks.n,), -2, device=blocks.device)
    distances = torch.empty(blocks.n, dtype=torch.float64, device=blocks.device)
    for _ in range(MAX_ITERATIONS):
        before = labels.clone()
        sums, sizes = _assign(blocks, means, bars, labels, distances)
        means, last = _moved(blocks, sums, sizes, means, distances), means
        if float((means - last).square_().sum()) <= settled or torch.equal(before, labels):
            break
    _measure(blocks, means, bars, labels, distances)
    return Clusters(labels.cpu().numpy().astype(np.intp, copy=False), distances.cpu().numpy())


def _seeds(
    blocks: TensorBlocks, n_clusters: int, reach: Tensor, rng: np.random.Generator
) -> Tensor:
    """Return first means: rows of a sample, each the best of a few drawn in proportion to D²."""
    sample = moved(seed_sample(blocks.n, n_clusters, rng), blocks.device)
    block, norms, closest = blocks.take(sample), blocks.norms[sample], reach[sample]
    chosen = np.zeros(0, dtype=np.intp)
    while len(chosen) < n_clusters:
        closest[closest <= blocks.floor] = 0.0
        weights = closest.cpu().numpy()
        if not weights.any():  # no distinct row is left
            rest = rng.permutation(np.setdiff1d(np.arange(len(sample)), chosen))
            chosen = np.append(chosen, rest[: n_clusters - len(chosen)])
            break
        drawn = drawn_by_weight(weights, n_clusters, rng)
        places = moved(drawn, blocks.device)
        squares = torch.addmm(norms[:, None], block, block[places].T, alpha=-2)
        squares = (squares + norms[places]).clamp_(min=0)
        squares = torch.minimum(squares, closest[:, None].to(squares.dtype))
        best = int(squares.sum(dim=0, dtype=torch.float64).argmin())
        closest = squares[:, best].double()
        closest[drawn[best]] = 0.0
        chosen = np.append(chosen, drawn[best])
    return block[moved(chosen, blocks.device)]


def _assign(
    blocks: TensorBlocks, means: Tensor, reach: Tensor, labels: Tensor, distances: Tensor
) -> tuple[Tensor, Tensor]:
    """Write the label and squared distance of each row; return sums and sizes of the clusters."""
    sums = means.new_zeros(means.shape, dtype=torch.float64)
    sizes = means.new_zeros(len(means), dtype=torch.int64)
    norms = means.square().sum(dim=1)
    for part, block in blocks.parts(len(means)):
        own, nearest = torch.addmm(norms, block, means.T, alpha=-2).min(dim=1)
        own = (own + blocks.norms[part]).double()
        is_free = (own < reach[part]) & (reach[part] > blocks.floor)  # own may come out below 0
        labels[part] = torch.where(is_free, nearest, -1)
        distances[part] = torch.where(is_free, own, reach[part])
        members = block.new_zeros((len(block), len(means)))
        members.scatter_(1, nearest[:, None], is_free[:, None].to(block.dtype))
        sums += members.T @ block  # atomic additions would round differently each time
        sizes += members.sum(dim=0).long()
    return sums, sizes


def _moved(
    blocks: TensorBlocks, sums: Tensor, sizes: Tensor, means: Tensor, distances: Tensor
) -> Tensor:
    """Return the means of the clusters; an empty one starts again at one of the worst rows."""
    moved_means = (sums / sizes.clamp(min=1)[:, None]).to(means.dtype)
    empty = (sizes == 0).nonzero()[:, 0]
    moved_means[empty] = means[empty]
    if len(empty):
        far, worst = distances.topk(min(len(empty), blocks.n))
        worst = worst[far > blocks.floor]
        moved_means[empty[: len(worst)]] = blocks.take(worst)
    return moved_means


def _measure(
    blocks: TensorBlocks, means: Tensor, reach: Tensor, labels: Tensor, distances: Tensor
) -> None:
    """Write the squared distance of each row to the mean of its cluster, without cancellation."""
    for part, block in blocks.parts():
        label = labels[part]
        own = (block - means[label]).square_().sum(dim=1).double()
        distances[part] = torch.where(label < 0, reach[part], own)
