"""Squared distances of rows of a tensor to the nearest of others, exact, in pieces."""

from __future__ import annotations

import torch
from torch import Tensor

from .common import folded, middle_of, pieces, pieces_of

_OTHERS = 512  # that rows are compared with at a time


def nearest_of_all(vectors: Tensor, others: Tensor) -> Tensor:
    """Squared distance of every row to the nearest of some, as `lowered` says; float64."""
    nearest = torch.full((len(vectors),), torch.inf, dtype=torch.float64, device=vectors.device)
    rows = torch.arange(len(vectors), device=vectors.device)
    return lowered(nearest, vectors, rows, others, middle_of(vectors, others))


def lowered(known: Tensor, vectors: Tensor, rows: Tensor, others: Tensor, shift: Tensor) -> Tensor:
    """Squared distances of rows to the nearest of others, where that is below what is known.

    Products of matrices, in float64, tell which pairs may matter; what is returned is the smallest
    of their differences, squared and summed in an order that is the same on every device.

    Parameters
    ----------
    known : Tensor of shape (m,), float64
        Distances to what came before. Written to; rows at 0 stay as they are.
    vectors : Tensor of shape (N, d)
        The pool.
    rows, others : Tensor of int64
        Positions in it.
    shift : Tensor of shape (d,), float64
        A point near the rows.

    Returns
    -------
    Tensor of shape (m,), float64
        `known`, lowered.
    """
    for start in range(0, len(others), _OTHERS):
        some = others[start : start + _OTHERS]
        points = vectors[some].double() - shift
        lengths = points.square().sum(dim=1)
        for part in pieces(len(rows), max(vectors.shape[1], len(some)), vectors.device):
            block = vectors[rows[part]].double() - shift
            which, other = _pairs(known[part], block, points, lengths)
            squared = _apart(vectors, rows[part][which], some[other])
            known[part].scatter_reduce_(0, which, squared, "amin")
    return known


def _pairs(known: Tensor, block: Tensor, points: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows may be nearest to which points, and nearer than known.

    A distance made of a product is wrong by less than 2 (d + 4) u times the sum of both squared
    lengths, u being 1.1e-16; twice that is taken, and beside it there is what underflows.
    """
    width, info = block.shape[1] + 8, torch.finfo(torch.float64)
    error = 2 * width * info.eps
    own = block.square().sum(dim=1)
    low = torch.addmm((1 - error) * lengths, block, points.T, alpha=-2)
    reach, nearest = low.min(dim=1)
    limit = torch.where(known > 0, known - (1 - error) * own, -torch.inf)
    limit = torch.minimum(limit, reach + 2 * error * (own + lengths[nearest]))
    limit += 8 * width * info.tiny
    which, other = (low <= limit[:, None]).nonzero(as_tuple=True)
    return which, other


def _apart(vectors: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Squared distances of pairs of rows, from differences: 0 for rows that are equal."""
    squared = torch.empty(len(left), dtype=torch.float64, device=vectors.device)
    for part in pieces(len(left), vectors.shape[1], vectors.device):
        difference = vectors[left[part]].double()
        difference -= vectors[right[part]]
        squared[part] = folded(difference.square_())
    return squared


def squared_to_point(vectors: Tensor, point: Tensor) -> Tensor:
    """Squared distance of every row to a point, in float64."""
    squared = torch.empty(len(vectors), dtype=torch.float64, device=vectors.device)
    for part in pieces_of(vectors):
        difference = vectors[part].double() - point
        squared[part] = folded(difference.square_())
    return squared
