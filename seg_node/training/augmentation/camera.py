# SPDX-License-Identifier: Apache-2.0
"""What a camera does to a picture: motion blur and JPEG."""

from __future__ import annotations

from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

SHORTEST, LONGEST = 2.0, 9.0  # way of a point during the exposure [px]
UPRIGHT = 0.25  # share of blurs from pitching; the others come from turning
TILT = 12.0  # standard deviation of the direction [degrees]
POINTS = 25  # that stand for the line


def motion_blur(image: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Smear an (H, W, 3) image along a line that is centred on each pixel, so labels still fit."""
    length = random.uniform(SHORTEST, LONGEST)
    direction = random.normal(90.0 if random.random() < UPRIGHT else 0.0, TILT)
    kernel = line_kernel(length, direction)
    smeared = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return smeared.astype(np.uint8, copy=False)


def line_kernel(length: float, direction: float) -> npt.NDArray[np.float32]:
    """Return a line as a kernel of odd size and sum 1.

    Args:
        length: Of the line [px].
        direction: Counted from the x axis [degrees].
    """
    half = int(np.ceil(length / 2))
    way = ((np.arange(POINTS) + 0.5) / POINTS - 0.5) * length
    angle = np.deg2rad(direction)
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    # Each point is shared out among the four pixels around it.
    columns, rows = (half + way * part for part in (np.cos(angle), np.sin(angle)))
    side = np.arange(2 * half + 1)
    for row, column in zip(rows, columns, strict=True):
        kernel += np.outer(
            np.maximum(0, 1 - np.abs(side - row)), np.maximum(0, 1 - np.abs(side - column))
        )
    return np.asarray(kernel / kernel.sum(), np.float32)


def jpeg(image: UInt8Array, quality: int) -> UInt8Array:
    """Return an (H, W, 3) RGB image as it comes out of a JPEG file of a quality, 1 to 100."""
    _, data = cv2.imencode(
        '.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    decoded = cast('UInt8Array', cv2.imdecode(data, cv2.IMREAD_COLOR))
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
