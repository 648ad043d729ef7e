# SPDX-License-Identifier: Apache-2.0
"""Gaussian filter in few dimensions on the permutohedral lattice, with numpy alone.

A. Adams, J. Baek, M. A. Davis, "Fast high-dimensional filtering using the permutohedral lattice",
Eurographics 2010. A point is spread over the d + 1 corners of the simplex around it (splat), each
of d + 1 directions is blurred by [1/2, 1, 1/2] (blur), and a point reads its corners (slice).
"""

from __future__ import annotations

import math
from typing import NamedTuple, TYPE_CHECKING

import numpy as np

from seg_node.crf.block_matrix import BlockMatrix
from seg_node.errors import CrfError

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]
    Int64Array = npt.NDArray[np.int64]
    IntArray = npt.NDArray[np.intp]

__all__ = ['PermutohedralLattice']

MOST_CODES = 2**63


class PermutohedralLattice:
    """Filters values that belong to a set of points.

    Only corners around a point exist, as in the paper; what the blur would move elsewhere is lost.
    """

    def __init__(self, features: Float32Array) -> None:
        """Find the corners of all points.

        Args:
            features: (d, N) float32 from 0, in units of the filter's standard deviation.

        Raises:
            CrfError: If the points spread over more corners than 63 bits can tell apart, or there
                is not enough memory.
        """
        found = _locate(features)
        points, kinds, chosen = _sort(found)
        codes, directions = _corner_codes(found, chosen)
        corners, columns = np.unique(codes, return_inverse=True)
        weights = found.weights[:, points]
        self._matrix = BlockMatrix(columns.reshape(codes.shape), kinds, weights, points)
        self._neighbours = [
            (_find(corners, corners - one), _find(corners, corners + one)) for one in directions
        ]

    def filter(self, values: Float32Array) -> Float32Array:
        """Return sum_j k(i, j) v_j for each point i, times a constant of the lattice.

        Args:
            values: (C, N) float32.

        Returns:
            (C, N) float32, a new array.
        """
        sums = self._matrix.transposed_times(values)
        corners = np.concatenate([sums, np.zeros((1, len(values)), np.float32)])
        for before, after in self._neighbours:
            blurred = corners[before]
            blurred += corners[after]
            blurred *= np.float32(0.5)
            corners[:-1] += blurred
        return self._matrix.times(corners[:-1])


class _Located(NamedTuple):
    """The simplex around each of N points.

    Attributes:
        nearest: (d + 1, N) int32, the corner of remainder 0, divided by d + 1.
        rank: (d + 1, N) int8, how many coordinates of the point lie farther above that corner.
        weights: (d + 1, N) float32, barycentric, of the corner of each remainder.
    """

    nearest: npt.NDArray[np.int32]
    rank: npt.NDArray[np.int8]
    weights: Float32Array


def _locate(features: Float32Array) -> _Located:
    """Round each point to the lattice (section 3.2 of the paper)."""
    raised = _raise(features) / np.float32(len(features) + 1)
    nearest = np.rint(raised)
    rank = _ranks(raised - nearest) + nearest.sum(axis=0).astype(np.int8)
    # Rounding can leave the plane; the coordinates that were rounded most bring it back.
    shift = (rank < 0).astype(np.int8) - (rank >= len(rank)).astype(np.int8)
    rank += shift * np.int8(len(rank))
    nearest += shift
    offsets = np.sort(raised - nearest, axis=0)
    weights = np.diff(offsets, axis=0, prepend=offsets[-1:])
    weights[0] += 1
    return _Located(nearest.astype(np.int32), rank, weights)


def _raise(features: Float32Array) -> Float32Array:
    """Return (d + 1, N) points in the plane sum(x) = 0, where the blur has the deviation 1."""
    size = len(features) + 1
    raised = np.empty((size, features.shape[1]), np.float32)
    total = np.zeros_like(features[0])
    for j in range(size - 1, 0, -1):
        scaled = features[j - 1] * np.float32(size * math.sqrt(2 / 3 / (j * (j + 1))))
        np.subtract(total, j * scaled, out=raised[j])
        total += scaled
    raised[0] = total
    return raised


def _ranks(offsets: Float32Array) -> npt.NDArray[np.int8]:
    """Return for each coordinate how many are larger; of equals the first counts as larger."""
    ranks = np.zeros(offsets.shape, np.int8)
    for i, one in enumerate(offsets):
        for j in range(i + 1, len(offsets)):
            smaller = one < offsets[j]
            ranks[i] += smaller
            ranks[j] += ~smaller
    return ranks


def _sort(found: _Located) -> tuple[IntArray, IntArray, IntArray]:
    """Return the points by simplex, which simplex each of those is in, and one point of each."""
    size = len(found.rank)
    codes = _codes(found.nearest, _radix(found.nearest, size**size, margin=0))
    for rank in found.rank:
        codes *= size
        codes += rank
    points = np.argsort(codes)
    changes = np.diff(codes[points], prepend=-1) != 0
    return points, np.cumsum(changes) - 1, points[changes]


def _corner_codes(found: _Located, points: IntArray) -> tuple[Int64Array, list[int]]:
    """Return the codes of the corners around some points, (d + 1, P), and of each direction.

    From the corner of one remainder to the next all coordinates rise by 1 and one, that of the
    rank, falls by d + 1. So do the directions of the blur, for each coordinate.
    """
    nearest, rank = found.nearest[:, points], found.rank[:, points].astype(np.intp)
    size = len(rank)
    radix = _radix(nearest, size**size, margin=2)
    directions = [sum(radix) - size * one for one in radix]
    by_rank = np.empty(rank.shape, np.int64)
    np.put_along_axis(by_rank, rank, np.array(directions)[:, None], axis=0)
    codes = np.empty(rank.shape, np.int64)
    codes[0] = _codes(nearest, radix) * size
    for remainder in range(1, size):
        codes[remainder] = codes[remainder - 1] + by_rank[size - remainder]
    return codes, directions


def _radix(nearest: npt.NDArray[np.int32], factor: int, margin: int) -> list[int]:
    """Return weights that make a number of the coordinates; the last follows from the others."""
    spans = (nearest.max(axis=1) - nearest.min(axis=1) + 1 + 2 * margin).tolist()
    radix = [math.prod(spans[:i]) for i in range(len(spans) - 1)]
    if math.prod(spans[:-1]) * factor >= MOST_CODES:
        msg = (
            f'The image spans {" x ".join(map(str, spans[:-1]))} cells of the lattice, more than '
            "63 bits can number. Use larger widths or the back end 'native'."
        )
        raise CrfError(msg)
    return [*radix, 0]


def _codes(nearest: npt.NDArray[np.int32], radix: list[int]) -> Int64Array:
    lowest = nearest.min(axis=1)
    codes = np.zeros(nearest.shape[1], np.int64)
    for coordinate, low, one in zip(nearest, lowest, radix, strict=True):
        codes += (coordinate - low).astype(np.int64) * one
    return codes


def _find(corners: Int64Array, wanted: Int64Array) -> IntArray:
    """Return where the wanted codes stand among the sorted ones, or one place beyond the last."""
    places = np.searchsorted(corners, wanted)
    places[corners[np.minimum(places, len(corners) - 1)] != wanted] = len(corners)
    return places
