# SPDX-License-Identifier: Apache-2.0
"""What the colours mean, drawn under pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .picture import heat
from .typography import INK, text_width, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.taxonomy import SegClass, Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Color = tuple[int, int, int]

__all__ = ['LINE', 'class_lines', 'draw_classes', 'draw_scale', 'draw_swatch']

# All in [px].
LINE = 28
SWATCH = 16
SWATCH_SPACE = 8
ENTRY_SPACE = 22
SCALE_WIDTH = 150
BASELINE = 13


def class_lines(taxonomy: Taxonomy, width: int, size: int) -> list[list[SegClass]]:
    """Return the classes of each line of a legend, as many as fit.

    Args:
        taxonomy: The classes.
        width: Of the legend [px].
        size: Of the letters [px].
    """
    lines: list[list[SegClass]] = [[]]
    used = 0
    for one in taxonomy.classes:
        needed = SWATCH + SWATCH_SPACE + text_width(one.name, size=size) + ENTRY_SPACE
        if lines[-1] and used + needed > width:
            lines.append([])
            used = 0
        lines[-1].append(one)
        used += needed
    return lines


def draw_classes(
    page: UInt8Array,
    place: tuple[int, int],
    lines: Sequence[Sequence[SegClass]],
    *,
    size: int,
    ink: Color = INK,
) -> int:
    """Draw the lines of ``class_lines`` from their top left corner.

    Returns:
        y of the line after the last [px].
    """
    left, y = place
    for line in lines:
        x = left
        for one in line:
            x = draw_swatch(page, (x, y), one.color, one.name, size=size, ink=ink)
        y += LINE
    return y


def draw_swatch(
    page: UInt8Array,
    place: tuple[int, int],
    color: Color,
    name: str,
    *,
    size: int,
    ink: Color = INK,
) -> int:
    """Draw a coloured square and its name; return x of the next entry [px]."""
    x, y = place
    page[y : y + SWATCH, x : x + SWATCH] = color
    text = (x + SWATCH + SWATCH_SPACE, y + BASELINE)
    return write(page, name, text, size=size, color=ink) + ENTRY_SPACE


def draw_scale(
    page: UInt8Array,
    place: tuple[int, int],
    colormap: int,
    name: str,
    *,
    size: int,
    ink: Color = INK,
) -> int:
    """Draw a colour map from 0 to 1 and its name; return x of the next entry [px]."""
    x, y = place
    x = write(page, name, (x, y + BASELINE), size=size, color=ink) + ENTRY_SPACE // 2
    x = write(page, '0', (x, y + BASELINE), size=size, color=ink) + SWATCH_SPACE
    ramp = np.linspace(0, 255, SCALE_WIDTH).astype(np.uint8)[None]
    page[y : y + SWATCH, x : x + SCALE_WIDTH] = heat(ramp, colormap)
    right = (x + SCALE_WIDTH + SWATCH_SPACE, y + BASELINE)
    return write(page, '1', right, size=size, color=ink) + 2 * ENTRY_SPACE
