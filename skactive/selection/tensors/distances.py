"""Squared distances of rows of a tensor to the nearest of others, exact, in pieces."""

from __future__ import annotations

import torch
from torch import Tensor

from ...data.arrays import steps
from ..distances import OTHERS
from .common import folded, middle_of, pieces, pieces_of


def nearest_of_all(vectors: Tensor, others: Tensor) -> Tensor:
    """Return the squared distance of every row to the nearest of some, as `lowered` does."""
    nearest = torch.full((len(vectors),), torch.inf, dtype=torch.float64, device=vectors.device)
    rows = torch.arange(len(vectors), device=vectors.device)
    return lowered(nearest, vectors, rows, others, middle_of(vectors, others))


def lowered(known: Tensor, vectors: Tensor, rows: Tensor, others: Tensor, shift: Tensor) -> Tensor:
    """Lower, in place, squared distances of rows to those to the nearest of others; return them.

    Products of matrices, in float64, tell which pairs may matter; what is returned is the smallest
    of their differences, squared and summed in an order that is the same on every device.
    `shift` is a point near the rows. Rows known to be at 0 stay as they are.
    """
    for some_of in steps(len(others), OTHERS):
        some = others[some_of]
        points = vectors[some].double() - shift
        lengths = points.square().sum(dim=1)
        for part in pieces(len(rows), max(vectors.shape[1], len(some)), vectors.device):
            block = vectors[rows[part]].double() - shift
            which, other = _pairs(known[part], block, points, lengths)
            squared = _apart(vectors, rows[part][which], some[other])
            known[part].scatter_reduce_(0, which, squared, "amin")
    return known


def _pairs(known: Tensor, block: Tensor, points: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return which rows may be nearest to which points, and nearer than is known.

    A distance made of a product is wrong by less than 2 (d + 4) u times the sum of both squared
    lengths, u being 1.1e-16; twice that is taken, and beside it there is what underflows.
    """
    width, info = block.shape[1] + 8, torch.finfo(torch.float64)
    error = 2 * width * info.eps
    own = block.square().sum(dim=1)
    low = torch.addmm((1 - error) * lengths, block, points.T, alpha=-2)
    reach, nearest = low.min(dim=1)
    # A pair matters if its bound from below exceeds neither what is known nor the least from above.
    limit = torch.where(known > 0, known - (1 - error) * own, -torch.inf)
    limit = torch.minimum(limit, reach + 2 * error * (own + lengths[nearest]))
    limit += 8 * width * info.tiny
    which, other = (low <= limit[:, None]).nonzero(as_tuple=True)
    return which, other


def _apart(vectors: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return squared distances of pairs of rows, by differences: 0 for rows that are equal."""
    squared = torch.empty(len(left), dtype=torch.float64, device=vectors.device)
    for part in pieces(len(left), vectors.shape[1], vectors.device):
        difference = vectors[left[part]].double()
        difference -= vectors[right[part]]
        squared[part] = folded(difference.square_())
    return squared


def squared_to_point(vectors: Tensor, point: Tensor) -> Tensor:
    """Return the squared distance of every row to a point, in float64."""
    squared = torch.empty(len(vectors), dtype=torch.float64, device=vectors.device)
    for part in pieces_of(vectors):
        difference = vectors[part].double() - point
        squared[part] = folded(difference.square_())
    return squared
