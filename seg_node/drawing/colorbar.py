# SPDX-License-Identifier: Apache-2.0
"""A colour scale for positive numbers: equal ratios are equal steps in brightness."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .picture import heat
from .typography import INK, MUTED, text_width, write

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['NOTHING', 'RatioScale', 'draw_color_bar', 'draw_ticks']

NOTHING = (150, 154, 160)  # a grey that the colour map does not have
STEPS = (1.0, 2.0, 5.0)
LEAST_RATIO = 2.0  # of both ends, so that nearly equal numbers look nearly equal
# All in [px].
BAR_HEIGHT = 18
TICK = 5
TEXT_SIZE = 14
TEXT_DROP = 19
TICK_SPACE = 14


@dataclass(frozen=True, slots=True)
class RatioScale:
    """Numbers from ``low`` (dark) to ``high`` (bright), on a logarithmic scale.

    Attributes:
        low: Above 0.
        high: Above ``low``.
        colormap: Of OpenCV.
    """

    low: float
    high: float
    colormap: int = cv2.COLORMAP_INFERNO

    @classmethod
    def around(cls, low: float, high: float) -> RatioScale:
        """Return a scale for numbers from ``low`` to ``high``, which may be the same."""
        spread = max(LEAST_RATIO * low / high, 1.0) ** 0.5
        return cls(low / spread, high * spread)

    def place(self, value: float) -> float:
        """Return where a number is: 0 at the low end, 1 at the high one."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[float]:
        """Return the round numbers 1, 2, 5, 10, ... inside the scale."""
        first, last = (math.floor(math.log10(end)) for end in (self.low, self.high))
        series = (step * 10.0**power for power in range(first, last + 1) for step in STEPS)
        return [value for value in series if self.low <= value <= self.high]

    def paint(self, values: npt.NDArray[np.floating]) -> UInt8Array:
        """Return numbers in colours, (H, W) to (H, W, 3) uint8 RGB; those up to 0 are grey."""
        there = values > 0
        clipped = np.clip(np.where(there, values, self.low), self.low, self.high)
        share = np.log(clipped / self.low) / math.log(self.high / self.low)
        picture = heat(np.rint(255 * share).astype(np.uint8), self.colormap)
        picture[~there] = NOTHING
        return picture


def draw_ticks(page: UInt8Array, place: tuple[int, int], width: int, scale: RatioScale) -> None:
    """Draw the round numbers of a scale under whatever it is the axis of.

    Args:
        page: (H, W, 3) uint8 RGB, changed in place.
        place: x and y [px] of the left end of the axis.
        width: Of the axis [px].
        scale: What the axis shows.
    """
    x, y = place
    free = x - TICK_SPACE
    for value in scale.ticks():
        at = x + round(scale.place(value) * (width - 1))
        page[y : y + TICK, at] = MUTED
        text = f'{value:g}'
        left = at - text_width(text, size=TEXT_SIZE) // 2
        if left >= free:
            end = write(page, text, (left, y + TEXT_DROP), size=TEXT_SIZE, color=INK)
            free = end + TICK_SPACE


def draw_color_bar(
    page: UInt8Array, place: tuple[int, int], width: int, scale: RatioScale, nothing: str
) -> None:
    """Draw a scale with its numbers, and at its right what grey means.

    Args:
        page: (H, W, 3) uint8 RGB, changed in place.
        place: x and y [px] of the top left corner of the bar.
        width: Of the bar [px].
        scale: What the colours mean.
        nothing: What grey means.
    """
    x, y = place
    ramp = np.linspace(0, 255, width).astype(np.uint8)[None]
    page[y : y + BAR_HEIGHT, x : x + width] = heat(ramp, scale.colormap)
    draw_ticks(page, (x, y + BAR_HEIGHT), width, scale)
    left = x + width + 2 * TICK_SPACE
    page[y : y + BAR_HEIGHT, left : left + BAR_HEIGHT] = NOTHING
    write(page, nothing, (left + BAR_HEIGHT + 8, y + TEXT_SIZE), size=TEXT_SIZE + 1, color=INK)
