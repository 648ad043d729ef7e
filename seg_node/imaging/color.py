# SPDX-License-Identifier: Apache-2.0
"""Label maps in colour, alone and over their image."""

from __future__ import annotations

from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]


def colorize(labels: UInt8Array, taxonomy: Taxonomy) -> UInt8Array:
    """Paint each pixel in the colour of its class.

    Args:
        labels: (H, W) uint8 class ids; ids without a class, such as 255, become black.
        taxonomy: Whose colours to use.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    table = np.zeros((256, 1, 3), np.uint8)
    table[: len(taxonomy), 0] = taxonomy.colors
    return cast('UInt8Array', cv2.applyColorMap(labels, table))


def overlay(
    image: UInt8Array, labels: UInt8Array, taxonomy: Taxonomy, alpha: float = 0.5
) -> UInt8Array:
    """Lay the class colours over an image.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 class ids; pixels without a class are darkened.
        taxonomy: Whose colours to use.
        alpha: Share of the class colour, 0..1.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        ValueError: If the sizes differ or alpha is not in 0..1.
    """
    if not 0 <= alpha <= 1:
        msg = f'Share of the class colour is {alpha!r}; expected a number in 0..1.'
        raise ValueError(msg)
    if image.shape[:2] != labels.shape:
        msg = f'Image is {image.shape[:2]}, labels are {labels.shape}; expected the same size.'
        raise ValueError(msg)
    picture = colorize(labels, taxonomy)
    cv2.addWeighted(image, 1 - alpha, picture, alpha, 0, dst=picture)
    return picture
