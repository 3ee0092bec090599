"""Vectors known by their factors, as tensors on their device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from ...data.tensors import is_tensor
from ...data.types import Floats, Positions
from ..distances import CLOSE
from ..factored import Block, FactoredVectors
from .common import floats_of, moved, pieces, product_error


class FactoredTensors(FactoredVectors):
    """Vectors g_i known by one or two tensors, on the device of the last of them.

    The pool is read there, and one number for each row comes back from a pass over it. Rows are
    drawn with numpy's generator from bounds that numpy holds, as they are from arrays.
    """

    def __init__(self, factors: list[Any]):
        if any(map(sparse.issparse, factors)):
            raise TypeError(
                "d2_sampling got a tensor and a sparse matrix; give two tensors, or two arrays or "
                "sparse matrices."
            )
        self._device = [factor for factor in factors if is_tensor(factor)][-1].device
        super().__init__(
            [f.to(self._device) if is_tensor(f) else moved(f, self._device) for f in factors]
        )

    def rounding(self, dtype) -> float:
        """Return a bound on the rounding error of an inner product, relative to the lengths."""
        rough = product_error() if np.dtype(dtype) == np.float32 else 0.0
        # Users may allow TF32: then the products of each factor are as rough.
        return super().rounding(dtype) + rough * len(self._factors)

    def block(self, at, dtype: Any = np.float64) -> Block:
        """Return some vectors as seen from the centre, their factors in that dtype."""
        kind = torch.float64 if np.dtype(dtype) == np.float64 else torch.float32
        where = at if isinstance(at, slice) else moved(at, self._device)
        factors = [factor[where] for factor in self._factors]
        if self._center is not None:
            wide = torch.promote_types(floats_of(factors[0].dtype), kind)
            factors[0] = factors[0].to(wide) - moved(self._center, self._device).to(wide)
        return Block([part.to(kind) for part in factors], moved(self._squares[at], self._device))

    def squared_distances(self, x: Block, y: Block) -> Floats:
        """Return the squared distance of each of some vectors to each of others."""
        return self._distances(x, y).cpu().numpy()

    def lower_exactly(self, bounds: Floats, picks: Positions) -> None:
        """Lower bounds on D^2 to the distances to picks themselves, `MOST_PICKS` of them a pass."""
        for y in self.parts(picks):
            chunks = self._chunks(len(y.squares))
            parts = [self._distances(self.block(rows), y).amin(dim=1) for rows in chunks]
            np.minimum(bounds, torch.cat(parts).cpu().numpy(), out=bounds)

    def lower(self, bounds: Floats, picks: Positions) -> None:
        """Lower bounds on D^2 by picks, in float32: what rounding may have taken is added."""
        share, lost = self._single_error()
        for y in self.parts(picks, np.float32):
            squares = (share * y.squares).float()
            parts = []
            for rows in self._chunks(len(squares)):
                x = self.block(rows, np.float32)
                distances = _inner(x, y).mul_(-2).add_(squares)
                parts.append(share * x.squares + distances.amin(dim=1) + lost)
            np.minimum(bounds, torch.cat(parts).cpu().numpy(), out=bounds)

    def _distances(self, x: Block, y: Block) -> Tensor:
        """Return all squared distances, by differences of factors where products lose too much."""
        sums = x.squares[:, None] + y.squares
        distances = _inner(x, y).mul_(-2).add_(sums)
        i, j = (distances <= CLOSE * sums).nonzero(as_tuple=True)
        for part in pieces(len(i), 8 * self.n_terms, self._device):
            at = i[part], j[part]
            pairs = ([p[side] for p in b.factors] for b, side in zip((x, y), at, strict=True))
            distances[at] = self._apart(*pairs)
        return distances

    @staticmethod
    def _dots(x: Tensor, y: Tensor) -> Tensor:
        """Return the inner product of each row of a block with that beside it."""
        return (x * y).sum(dim=1)

    @staticmethod
    def _host(block: Block) -> NDArray:
        """Return the first factor of a block as an array."""
        return block.factors[0].cpu().numpy()

    def _squared_parts(self) -> list[Floats]:
        """Return the squared lengths of the rows of each factor."""
        self._squares = np.empty(self._n_rows)
        norms = [
            [self._dots(factor, factor) for factor in self.block(rows).factors]
            for rows in self._chunks(1)
        ]
        return [torch.cat(parts).cpu().numpy() for parts in zip(*norms, strict=True)]

    def _chunks(self, n_columns: int) -> Iterator[slice]:
        """Return slices of rows few enough for products with so many others."""
        return pieces(self._n_rows, max(self.n_terms, n_columns), self._device)


def _inner(x: Block, y: Block) -> Tensor:
    """Return all inner products of some vectors with others, as a new tensor."""
    out, *others = (p @ q.T for p, q in zip(x.factors, y.factors, strict=True))
    for other in others:
        out *= other
    return out
