# SPDX-License-Identifier: Apache-2.0
"""Pictures made ready for a page: maps in false colours, and any picture in a box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['CONFIDENCE_MAP', 'DRIVABLE', 'ENTROPY_MAP', 'drivable_picture', 'fitted', 'heat']

# Viridis and inferno: their brightness rises evenly, and they are not mistaken for each other.
CONFIDENCE_MAP = cv2.COLORMAP_VIRIDIS
ENTROPY_MAP = cv2.COLORMAP_INFERNO

EMPTY = (232, 234, 237)
DRIVABLE = (64, 220, 120)
DRIVABLE_ALPHA = 0.55
REST_LEVEL = 0.55


def heat(plane: UInt8Array, colormap: int) -> UInt8Array:
    """Return a map of 0 to 255, (H, W) uint8, in an OpenCV colour map: (H, W, 3) uint8 RGB."""
    picture = cv2.applyColorMap(plane, colormap)
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


def fitted(
    picture: UInt8Array, height: int, width: int, ground: tuple[int, int, int] = EMPTY
) -> UInt8Array:
    """Return a picture scaled to fit into a box, centred.

    Args:
        picture: (h, w, 3) uint8 of any size.
        height: Of the box [px].
        width: Of the box [px].
        ground: Colour of what the picture leaves free.

    Returns:
        (height, width, 3) uint8; the picture itself if it fills the box.
    """
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(height / picture.shape[0], width / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    # down to a half, two neighbours are enough, and take a tenth of the time
    way = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR  # noqa: PLR2004
    small = cv2.resize(picture, size, interpolation=way)
    box = np.full((height, width, 3), ground, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    box[top : top + size[1], left : left + size[0]] = small
    return box


def drivable_picture(image: UInt8Array, area: UInt8Array) -> UInt8Array:
    """Return the image in dim grey, with the drivable area in green.

    Args:
        image: (H, W, 3) uint8 RGB.
        area: (H, W) uint8, 255 where one may drive, else 0.
    """
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    paint = np.full_like(grey, DRIVABLE)
    green = cv2.addWeighted(grey, 1 - DRIVABLE_ALPHA, paint, DRIVABLE_ALPHA, 0)
    dim = cv2.convertScaleAbs(grey, alpha=REST_LEVEL)
    return np.asarray(cv2.copyTo(green, area, dim), np.uint8)
