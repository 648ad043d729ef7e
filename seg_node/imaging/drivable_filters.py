# SPDX-License-Identifier: Apache-2.0
"""Small holes of a drivable area, and islands of it that the vehicle cannot reach.

Both look only at the smallest rectangle around the area: what lies outside of it is neither an
island nor enclosed, so that the result is that of the whole image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    BoolArray = npt.NDArray[np.bool_]

__all__ = ['ego_region', 'fill_holes', 'keep_reachable']

LEVELS = 255
CORNERS_TOUCH, EDGES_TOUCH = 8, 4  # what OpenCV calls connectivity
NEIGHBOURS = np.ones((3, 3), np.uint8)


def ego_region(
    size: tuple[int, int],
    width: float,
    height: float,
    own_vehicle: BoolArray | None = None,
) -> UInt8Array:
    """Return the part of an upright image in which the vehicle stands: the bottom centre.

    Args:
        size: (height, width) of the image [px].
        width: Of the region, as a share of the image's, above 0 to 1; at least a pixel is taken.
        height: Likewise. In each column it is counted from the lowest pixel that does not show the
            own vehicle, so that a bonnet does not hide the region.
        own_vehicle: (H, W) bool, true where the image shows the own vehicle or the lens.

    Returns:
        (H, W) uint8: 255 in the region, 0 elsewhere.
    """
    rows, columns = max(1, round(height * size[0])), max(1, round(width * size[1]))
    left = (size[1] - columns) // 2
    region = np.zeros(size, np.uint8)
    view = region[:, left : left + columns]
    if own_vehicle is None:
        view[-rows:] = LEVELS
        return region
    free = ~own_vehicle[:, left : left + columns]
    from_below = np.cumsum(free[::-1], axis=0)[::-1]
    view[free & (from_below <= rows)] = LEVELS
    return region


def fill_holes(area: UInt8Array, named: UInt8Array, largest: int) -> None:
    """Make small uncertain spots inside the drivable area drivable, in place.

    A spot is filled only if every pixel of it has the label of a drivable class, it is surrounded
    by drivable pixels alone, corners included, and it does not touch the border of the image. So
    nothing with another label is ever filled, nor the fringe of such a thing.

    Args:
        area: (H, W) uint8, 255 drivable, 0 not; a part of ``named``.
        named: (H, W) uint8, 255 where the label is that of a drivable class, 0 elsewhere.
        largest: Most pixels of a spot [px].
    """
    area, named = _cropped(area, named)
    uncertain = np.asarray(cv2.bitwise_and(named, cv2.bitwise_not(area)), np.uint8)
    around = cv2.dilate(
        cv2.bitwise_not(named), NEIGHBOURS, borderType=cv2.BORDER_CONSTANT, borderValue=LEVELS
    )
    count, numbers = _numbered(uncertain, CORNERS_TOUCH)
    here = uncertain > 0
    spots = numbers[here]
    filled = np.bincount(spots, minlength=count) <= largest
    filled[spots[around[here] > 0]] = False
    area[here] = np.where(filled[spots], LEVELS, 0)


def keep_reachable(area: UInt8Array, region: UInt8Array) -> None:
    """Remove what is not connected to the ego region, in place.

    Pixels are connected where they share an edge: a corner is too narrow to drive through.

    Args:
        area: (H, W) uint8, 255 drivable, 0 not.
        region: (H, W) uint8, from ``ego_region``.
    """
    area, region = _cropped(area, region)
    count, islands = _numbered(area, EDGES_TOUCH)
    reached = np.zeros(count, np.uint8)
    reached[islands[cv2.bitwise_and(area, region) > 0]] = LEVELS
    if np.count_nonzero(reached) < count - 1:
        np.take(reached, islands, out=area)


def _numbered(mask: UInt8Array, touching: int) -> tuple[int, npt.NDArray[np.int32]]:
    """Return how many regions a mask has, with the rest of it, and the number of each pixel's.

    By Wu's algorithm: the usual one for touching edges crashes in OpenCV 4.5, which Humble has.
    """
    count, numbers = cv2.connectedComponentsWithAlgorithm(mask, touching, cv2.CV_32S, cv2.CCL_WU)
    return count, np.asarray(numbers, np.int32)


def _cropped(area: UInt8Array, other: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Return views of the rectangle around the area; of one pixel where there is none."""
    left, top, width, height = cv2.boundingRect(area)
    rows, columns = slice(top, top + max(height, 1)), slice(left, left + max(width, 1))
    return area[rows, columns], other[rows, columns]
