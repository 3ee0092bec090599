"""Upper bounds of squared distances, lowered for every row of a tensor by one product."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..pairs import SINGLE, refuse_overflow
from .common import floats_of, pieces, pieces_of, product_error


class TensorBounds:
    r"""Upper bounds of the squared distances of all rows to some of them.

    :math:`\lVert x - v \rVert^2 = r^2 - 2 \langle x, w \rangle + c`, where :math:`r = \lVert x - s
    \rVert`, :math:`w = v - s` and :math:`c = \lVert w \rVert^2 + 2 \langle s, w \rangle`: the pool
    is read as it lies and never shifted.

    :math:`r^2` and c are float64, rounded once. With u the rounding unit and :math:`q = \lVert x
    \rVert \lVert w \rVert`, the product has d + 1 roundings, in whatever order it is summed, and
    is wrong by (d + 1) u q; the two sums round values of at most :math:`r^2 + 2 q` and
    :math:`2 r^2 + 2 \lVert w \rVert^2 + 4 q`. All that is less than :math:`u ((2 d + 10) q + 5 r^2
    + 4 \lVert w \rVert^2)`. Since :math:`2 q \le \lVert x \rVert^2 / b + b \lVert w \rVert^2` for
    any b > 0, it is covered by a constant of the row, :math:`e \lVert x \rVert^2 / b + f r^2`, and
    one of the pick, :math:`(e b + f) \lVert w \rVert^2`, with e = 1.1 (d + 8) u and f = 8 u; b
    makes the two about equal. They are added.

    The pool is read as it lies where its floats are those to compute with. `shift` is s, a point
    near the rows, in float64. `dtype`, in which bounds are computed, is float32, or float64 where
    that has no room; `base` holds :math:`r^2` and the constant of the row, rounded up.
    """

    def __init__(self, vectors: Tensor, shift: Tensor):
        self.vectors, self.shift = vectors, shift
        self.offset = float(shift.square().sum().sqrt())
        self._prepare(floats_of(vectors.dtype))
        top = self.top + self.offset**2
        if self.dtype != torch.float64 and not SINGLE[0] < top < SINGLE[1]:
            self._prepare(torch.float64)
        refuse_overflow(np.asarray(self.top))

    def _prepare(self, dtype: torch.dtype) -> None:
        """Compute with `dtype` from now on."""
        self.dtype, device, unit = dtype, self.vectors.device, torch.finfo(dtype).eps / 2
        # One product with a vector never rounds its factors on a GPU.
        rough = product_error() if dtype == torch.float32 and device.type == "cpu" else 0.0
        # As the class says; a tenth more for terms of second order.
        self.error, self.few = 1.1 * (self.vectors.shape[1] + 8) * unit + rough, 8 * unit
        self.lost = 4 * (self.vectors.shape[1] + 8) * torch.finfo(dtype).tiny  # what underflows
        squared = torch.empty(len(self.vectors), dtype=torch.float64, device=device)
        for part in pieces_of(self.vectors):
            moved = self.vectors[part].double() - self.shift
            squared[part] = moved.square_().sum(dim=1)
        whole = (squared.sqrt() + self.offset).square_()
        spread, share = float(squared.mean()), float(whole.mean())
        self.balance = min(share / spread, 1e12) ** 0.5 if spread > 0 else 1.0
        squared += self.error / self.balance * whole + self.few * squared
        self.base = rounded_up(squared, dtype)
        self.top = float(self.base.max())

    def refine(self) -> bool:
        """Compute in float64 from now on, for rows too close for less; False if it did."""
        if self.dtype == torch.float64:
            return False
        self._prepare(torch.float64)
        return True

    def lower(self, bounds: Tensor, picks: Tensor) -> None:
        """Lower bounds of all rows, in place, to those on the distances to some picks."""
        points = self.vectors[picks].double() - self.shift
        factors, constant = points.to(self.dtype), None
        for part in self._parts(len(picks)):
            block = self.vectors[part].to(self.dtype)
            if len(picks) == 1:
                squared = torch.addmv(self.base[part], block, factors[0], alpha=-2)
            else:
                squared = torch.addmm(self.base[part, None], block, factors.T, alpha=-2)
            if constant is None:  # only now, so that a GPU has the product to do meanwhile
                constant = self._constant(points)
            squared += constant
            nearest = squared if len(picks) == 1 else squared.amin(dim=1)
            torch.minimum(bounds[part], nearest, out=bounds[part])

    def _constant(self, points: Tensor) -> Tensor:
        """Return what is added for each pick, given relative to s."""
        lengths = points.square().sum(dim=1)
        constant = lengths + 2 * (points @ self.shift)
        constant += (self.error * self.balance + self.few) * lengths
        return rounded_up(constant + self.lost, self.dtype)

    def least(self, bound: float, base: float) -> float:
        """Return the least that the squared distance of a row can be, given its bound and base.

        A pick that is nearer to the row than the bound lies from s by |w| <= r + sqrt(bound): its
        bound exceeds the distance by no more than twice what was added, for that w.
        """
        if not math.isfinite(bound):
            return 0.0
        r = base**0.5
        added = self.few * base + self.error / self.balance * (r + self.offset) ** 2
        length = min((r + bound**0.5) ** 2, self.top)
        added += (self.error * self.balance + self.few) * length
        return max(bound * (1 - self.few) - 2.01 * added - 2 * self.lost, 0.0)

    def _parts(self, n_points: int) -> Iterator[slice]:
        """Return slices of rows: only one where nothing is made of them but a number for each."""
        n, width = self.vectors.shape
        rows, columns = self.vectors.stride()
        lies_well = (columns == 1 and rows >= width) or (rows == 1 and columns >= n)
        if n_points == 1 and self.vectors.dtype == self.dtype and lies_well:
            return iter([slice(0, n)])
        return pieces(n, max(width, n_points), self.vectors.device)


def rounded_up(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Return numbers in a dtype, none smaller than it was, and 0 as 0: bounds must stay bounds."""
    rounded = values.to(dtype)
    above = torch.nextafter(rounded, torch.full_like(rounded, torch.inf))
    return torch.where(rounded < values, above, rounded)
