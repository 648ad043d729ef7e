# SPDX-License-Identifier: Apache-2.0
"""Label maps made small, for consumers that need no more, such as costmaps.

Pixel (i, j) of the small map stands for pixel (k i, k j) of the large one, k the factor. This is
what image_proc's CropDecimate takes of a depth image and what binning in CameraInfo means, so that
a decimated label and a decimated depth belong to the same pixel.
"""

from __future__ import annotations

from typing import Any, cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['PIXEL_LIMIT', 'decimate', 'decimate_labels', 'decimation_factor', 'obstacle_order']

PIXEL_LIMIT = 400 * 200
"""A costmap gains nothing from more pixels, and computes for each of them."""
LEVELS = {'stuff': 2, 'thin': 3, 'object': 4}
DRIVABLE, UNKNOWN = 0, 1


def decimation_factor(size: tuple[int, int], wished: int = 0) -> int:
    """Return the factor that is used for an image.

    Args:
        size: Height and width [px].
        wished: Factor that was asked for; 0 for the smallest one with at most ``PIXEL_LIMIT``
            pixels.

    Returns:
        At least 1, at most the shorter side.

    Example:
        >>> decimation_factor((720, 1280)), decimation_factor((480, 640))
        (4, 2)
    """
    height, width = size
    longest = max(min(height, width), 1)
    if wished:
        return min(wished, longest)
    return next(
        factor
        for factor in range(1, longest + 1)
        if (height // factor) * (width // factor) <= PIXEL_LIMIT or factor == longest
    )


def decimate(image: UInt8Array, factor: int) -> UInt8Array:
    """Return every ``factor``-th pixel of every ``factor``-th row.

    Args:
        image: (H, W) uint8.
        factor: 1 or more.

    Returns:
        (H // factor, W // factor) uint8 without gaps in memory.
    """
    height, width = (side // factor * factor for side in image.shape)
    return np.ascontiguousarray(image[:height:factor, :width:factor])


def obstacle_order(taxonomy: Taxonomy) -> UInt8Array:
    """Return the rank of each label when several meet in one pixel; the highest one stays.

    People and vehicles outrank thin things such as poles, these all other classes, these
    unlabelled pixels, and what is drivable comes last. Within such a level the smaller id wins.

    Returns:
        (256,) uint8, all different.
    """
    levels = np.full(UNLABELLED + 1, UNKNOWN)
    for index, one in enumerate(taxonomy.classes):
        levels[index] = DRIVABLE if one.drivable else LEVELS[one.kind]
    ascending = np.argsort(levels * (UNLABELLED + 1) - np.arange(UNLABELLED + 1))
    order = np.empty(UNLABELLED + 1, np.uint8)
    order[ascending] = np.arange(UNLABELLED + 1)
    return order


def decimate_labels(
    labels: UInt8Array, confidence: UInt8Array | None, factor: int, order: UInt8Array
) -> tuple[UInt8Array, UInt8Array | None]:
    """Return labels and confidence made small, so that no obstacle is lost between the pixels.

    A label is the one with the highest rank among the pixels less than half a step away in both
    directions (an odd window of 2 (k // 2) + 1 pixels; that of the last row and column reaches to
    the border of the image); the confidence is the highest one that any pixel with this label has
    there.

    Args:
        labels: (H, W) uint8 ids, 255 for unlabelled.
        confidence: (H, W) uint8; None if it is not wanted.
        factor: k, from 1 to the shorter side.
        order: As from ``obstacle_order``.

    Returns:
        (H // factor, W // factor) uint8 each; None for a confidence that is not wanted.
    """
    ranks = cv2.LUT(labels, order)
    ids = np.argsort(order).astype(np.uint8)
    if confidence is None:
        best = _highest(cast('UInt8Array', ranks), factor)
        return cast('UInt8Array', cv2.LUT(best, ids)), None
    keys = _highest(ranks.astype(np.uint16) << 8 | confidence, factor)
    return ids[keys >> 8], (keys & UNLABELLED).astype(np.uint8)


def _highest(keys: npt.NDArray[Any], factor: int) -> npt.NDArray[Any]:
    """Return the highest of each window: (H, W) to (H // factor, W // factor)."""
    side = 2 * (factor // 2) + 1
    highest = cast('npt.NDArray[Any]', cv2.dilate(keys, np.ones((side, side), np.uint8)))
    row, column = ((length // factor - 1) * factor for length in highest.shape)
    highest[row] = highest[row:].max(axis=0)
    highest[:, column] = highest[:, column:].max(axis=1)
    return decimate(highest, factor)
