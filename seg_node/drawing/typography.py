# SPDX-License-Identifier: Apache-2.0
"""Text on pictures: a smooth sans-serif with OpenCV 5, its stroke font with OpenCV 4."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['INK', 'MUTED', 'ellipsis', 'text_width', 'write']

INK = (32, 36, 43)
MUTED = (105, 112, 122)
# Height of the stroke font's capitals at scale 1 [px], against that of the sans-serif at size 1.
STROKE_SCALE = 0.72 / 22
REGULAR = 400
SEMIBOLD = 550  # from here on the stroke font is the one with double strokes
LARGE = 24  # [px]; and thick ones from here on, which would clog smaller letters


@lru_cache(maxsize=1)
def sans() -> Any:
    """Return OpenCV 5's sans-serif face, or None with OpenCV 4."""
    face = getattr(cv2, 'FontFace', None)
    return None if face is None else face('sans')


def stroke(size: int, weight: int) -> tuple[int, float, int]:
    """Return face, scale and thickness of the stroke font for a size [px] and weight."""
    face = cv2.FONT_HERSHEY_DUPLEX if weight >= SEMIBOLD else cv2.FONT_HERSHEY_SIMPLEX
    return face, size * STROKE_SCALE, 2 if weight >= SEMIBOLD and size >= LARGE else 1


def text_width(text: str, *, size: int, weight: int = REGULAR) -> int:
    """Return how wide a line is when written [px]."""
    if (face := sans()) is not None:
        _, _, width, _ = cv2.getTextSize((4096, 256), text, (0, 128), face, size, weight)
        return int(width)
    font, scale, thickness = stroke(size, weight)
    (width, _), _ = cv2.getTextSize(text, font, scale, thickness)
    return int(width)


def write(
    canvas: UInt8Array,
    text: str,
    place: tuple[int, int],
    *,
    size: int = 16,
    weight: int = REGULAR,
    color: tuple[int, int, int] = INK,
) -> int:
    """Write one line and return where it ends.

    Args:
        canvas: (H, W, 3) uint8, changed in place.
        text: ASCII; the stroke font has nothing else.
        place: x and y [px] of the left end of the baseline.
        size: Height of the letters with their ascenders and descenders [px].
        weight: 400 regular, 600 bold.
        color: In the canvas's own channel order.

    Returns:
        x of the right end [px].
    """
    if (face := sans()) is not None:
        cv2.putText(canvas, text, place, color, face, size, weight)
    else:
        font, scale, thickness = stroke(size, weight)
        cv2.putText(canvas, text, place, font, scale, color, thickness, cv2.LINE_AA)
    return place[0] + text_width(text, size=size, weight=weight)


def ellipsis(text: str, room: int, *, size: int, weight: int = REGULAR) -> str:
    """Return the text, shortened with '...' until it fits into ``room`` [px]."""
    if text_width(text, size=size, weight=weight) <= room:
        return text
    while text and text_width(f'{text}...', size=size, weight=weight) > room:
        text = text[:-1].rstrip()
    return f'{text}...'
