# SPDX-License-Identifier: Apache-2.0
"""Gaussian filter in few dimensions on the permutohedral lattice, with exact gradients.

Adams, Baek, Davis, "Fast high-dimensional filtering using the permutohedral lattice",
Eurographics 2010. A point is spread over the d + 1 corners of the simplex around it (splat), each
lattice direction is blurred by [1/2, 1, 1/2] (blur), and a point reads its corners (slice). The
constant factor by which that is too large is left in, because whoever filters normalises.

Where the points lie is found with sorts and searches of whole arrays, so nothing here is bound to
a CPU. Splat and slice are weighted sums of rows, without atomic additions: repeatable everywhere.
"""

from __future__ import annotations

import math
from typing import Any, TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from seg_node.errors import CrfError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_CODES = 2**63


class PermutohedralLattice:
    """The corners around a set of points, and the linear filter between the points.

    Only corners that touch a point exist, as in the paper; what a blur would move elsewhere is
    lost, which a normalisation makes good.
    """

    def __init__(self, features: Tensor, groups: Tensor) -> None:
        """Find the corners of all points.

        Args:
            features: (P, d) float32 or float64, in units of the filter's standard deviation.
            groups: (P,) int64 from 0, for example the image of a point; points of different
                groups do not influence each other.

        Raises:
            CrfError: The points are spread over more of the lattice than 63 bits can tell apart.
        """
        with torch.no_grad():
            simplices = _Simplices(features)
            *radix, count = _radix(simplices.nearest, int(groups.max()) + 1)
            codes = simplices.corner_codes(radix) + (groups * count)[:, None]
            numbers = self._set_corners(codes, simplices.weights)
            self._neighbours = [_neighbours(numbers, radix, one) for one in radix]

    def filter(self, values: Tensor) -> Tensor:
        """Return sum_j k(i, j) v_j for each point i, times a constant.

        Args:
            values: (P, C) of the type of the features.

        Returns:
            (P, C). Its gradient is the transposed filter: the same with the directions of the
            blur in reverse order, which differs a little because corners are missing.
        """
        filtered: Tensor = _Filter.apply(values, self)
        return filtered

    def apply(self, values: Tensor, *, transposed: bool = False) -> Tensor:
        """Filter (P, C) values without a trace for autograd."""
        corners = functional.embedding_bag(
            self._points, values, self._starts, mode='sum', per_sample_weights=self._spread
        )
        blurs = self._neighbours[::-1] if transposed else self._neighbours
        for before, after in blurs:
            padded = functional.pad(corners, (0, 0, 0, 1))  # a missing corner reads the zero row
            both = padded.index_select(0, before) + padded.index_select(0, after)
            corners = corners + both / 2
        return functional.embedding_bag(
            self._corners, corners, mode='sum', per_sample_weights=self._weights
        )

    def _set_corners(self, codes: Tensor, weights: Tensor) -> Tensor:
        """List corners by point and points by corner; return the sorted codes of the corners."""
        ordered, order = codes.flatten().sort(stable=True)
        first = functional.pad(ordered[1:] != ordered[:-1], (1, 0), value=True)
        self._starts = first.nonzero()[:, 0]
        self._points = order // codes.shape[1]
        self._spread = weights.flatten()[order]
        self._weights = weights
        corners = torch.empty_like(order)
        corners[order] = first.cumsum(0) - 1
        self._corners = corners.reshape(codes.shape)
        return ordered[first]


class _Filter(torch.autograd.Function):
    """The filter as a linear map with a hand-written transpose."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, lattice: PermutohedralLattice) -> Tensor:
        ctx.lattice = lattice
        return lattice.apply(values.contiguous())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.lattice.apply(gradients[0].contiguous(), transposed=True), None


class _Simplices:
    """For each point the simplex around it, in the plane sum(x) = 0 of d + 1 dimensions.

    Attributes:
        nearest: (P, d + 1) int64, the corner of remainder 0: multiples of d + 1.
        rank: (P, d + 1) int64, how many coordinates lie farther above ``nearest``.
        weights: (P, d + 1), the barycentric weight of the corner of each remainder.
    """

    def __init__(self, features: Tensor) -> None:
        """Round each point to the lattice (section 3.2 of the paper)."""
        size = features.shape[1] + 1
        raised = features @ _basis(features)
        nearest = (raised / size).round()
        rank = _ranks(raised - nearest * size) + nearest.sum(1, keepdim=True).long()
        shift = (rank < 0).long() - (rank >= size).long()
        rank = rank + shift * size
        self.nearest = (nearest.long() + shift) * size
        self.rank = rank
        self.weights = self._barycentric((raised - self.nearest) / size)

    def _barycentric(self, offsets: Tensor) -> Tensor:
        rising = torch.empty_like(offsets).scatter_(1, self.rank, offsets).flip(1)
        weights = rising.diff(dim=1, prepend=rising[:, -1:])
        weights[:, 0] += 1
        return weights

    def corner_codes(self, radix: Sequence[int]) -> Tensor:
        """Return the codes of the corners of remainders 0 to d: (P, d + 1) int64.

        Args:
            radix: Weight of each coordinate in the code.
        """
        weights = torch.tensor(radix, device=self.rank.device)
        by_rank = torch.empty_like(self.rank).scatter_(1, self.rank, weights.expand_as(self.rank))
        # from one corner to the next all coordinates rise by 1, and one of them falls by d + 1
        steps = sum(radix) - by_rank.flip(1)[:, :-1] * len(radix)
        first = ((self.nearest - self.nearest.amin(0)) * weights).sum(1, keepdim=True)
        return torch.cat([first, first + steps.cumsum(1)], 1)


def _basis(features: Tensor) -> Tensor:
    """Return the (d, d + 1) map into the plane, scaled so that the filter has deviation 1."""
    count = features.shape[1]
    basis = torch.zeros(count, count + 1, dtype=torch.float64)
    for row in range(count):
        basis[row, : row + 1] = 1
        basis[row, row + 1] = -(row + 1)
        basis[row] *= (count + 1) * math.sqrt(2 / 3 / ((row + 1) * (row + 2)))
    return basis.to(features)


def _ranks(offsets: Tensor) -> Tensor:
    """Return how many coordinates of each point are larger; of equal ones the first counts."""
    one, other = offsets[:, :, None], offsets[:, None, :]
    earlier = torch.ones(offsets.shape[1], offsets.shape[1], device=offsets.device).tril(-1)
    return ((other > one) | ((other == one) & earlier.bool())).sum(2)


def _radix(nearest: Tensor, groups: int) -> list[int]:
    """Return weights of coordinates and of the group that give every corner a code of its own.

    Corners lie up to d from the nearest one, and the neighbours that are looked for as far again.
    The last coordinate follows from the others, so it weighs nothing.
    """
    size = nearest.shape[1]
    spans = [int(span) + 4 * size for span in (nearest.amax(0) - nearest.amin(0)).tolist()]
    radix = [math.prod(spans[:number]) for number in range(size)]
    if 2 * radix[-1] * groups >= MOST_CODES:
        msg = (
            f'The points spread over {" x ".join(map(str, spans[:-1]))} corners of the lattice in '
            f'{groups} images, more than 63 bits can number. Use wider kernels (sxy, srgb), '
            'smaller images or fewer at once.'
        )
        raise CrfError(msg)
    return [*radix[:-1], 0, radix[-1]]


def _neighbours(codes: Tensor, radix: Sequence[int], along: int) -> tuple[Tensor, Tensor]:
    """Return which corners lie before and after each one in a direction of the lattice.

    Args:
        codes: (M,) of all corners, rising.
        radix: Weight of each coordinate in a code.
        along: Weight of the coordinate that changes by d where the others change by -1.

    Returns:
        Two (M,) int64 arrays of row numbers; M where there is no such corner.
    """
    step = sum(radix) - len(radix) * along
    return _find(codes, codes - step), _find(codes, codes + step)


def _find(codes: Tensor, wanted: Tensor) -> Tensor:
    """Return where each wanted code is in rising ``codes``, or their number where it is not."""
    place = torch.searchsorted(codes, wanted).clamp_max(len(codes) - 1)
    return place.where(codes[place] == wanted, len(codes))
