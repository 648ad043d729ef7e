# SPDX-License-Identifier: Apache-2.0
"""Pictures for people: label maps in colour, overlays, heat maps and a legend."""

from __future__ import annotations

from typing import cast, Literal, TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

HEAT_MAPS = {'confidence': cv2.COLORMAP_VIRIDIS, 'entropy': cv2.COLORMAP_INFERNO}

FONT = cv2.FONT_HERSHEY_SIMPLEX
LINE_HEIGHT = 28  # [px]
MARGIN = 10  # [px]
SWATCH = 36  # [px] width of a colour field
TEXT_SCALE = 0.55
PAPER = (255, 255, 255)
INK = (32, 32, 32)


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


def heat(plane: UInt8Array, kind: Literal['confidence', 'entropy']) -> UInt8Array:
    """Paint a map of 0..255 in a colour scale that people and printers can order.

    Args:
        plane: (H, W) uint8.
        kind: 'confidence' runs from dark blue to yellow (viridis), 'entropy' from black over red
            to yellow (inferno), so that the two are not mistaken for each other.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    picture = cv2.applyColorMap(plane, HEAT_MAPS[kind])
    return cast('UInt8Array', cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def legend(taxonomy: Taxonomy, columns: int = 1) -> UInt8Array:
    """Draw the class colours with ids and names, one class per line.

    Args:
        taxonomy: Whose classes to list; drivable ones say so.
        columns: How many classes stand side by side; ids run down each column.

    Returns:
        (H, W, 3) uint8 RGB, just large enough.

    Raises:
        ValueError: If columns is below 1.
    """
    if columns < 1:
        msg = f'Legend has {columns!r} columns; expected at least 1.'
        raise ValueError(msg)
    lines = [
        f'{index} {one.name}{" (drivable)" if one.drivable else ""}'
        for index, one in enumerate(taxonomy.classes)
    ]
    text_width = max(cv2.getTextSize(line, FONT, TEXT_SCALE, 1)[0][0] for line in lines)
    width = SWATCH + text_width + 3 * MARGIN
    rows = -(-len(lines) // columns)
    size = (rows * LINE_HEIGHT + 2 * MARGIN, columns * width, 3)
    picture = np.full(size, PAPER, np.uint8)
    for index, (line, one) in enumerate(zip(lines, taxonomy.classes, strict=True)):
        left = index // rows * width + MARGIN
        top = index % rows * LINE_HEIGHT + MARGIN
        corners = (left, top + 4), (left + SWATCH, top + LINE_HEIGHT - 4)
        cv2.rectangle(picture, *corners, one.color, cv2.FILLED)
        cv2.rectangle(picture, *corners, INK, 1)
        base = (left + SWATCH + MARGIN, top + LINE_HEIGHT - 9)
        cv2.putText(picture, line, base, FONT, TEXT_SCALE, INK, 1, cv2.LINE_AA)
    return picture
