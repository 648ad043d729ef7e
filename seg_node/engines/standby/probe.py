# SPDX-License-Identifier: Apache-2.0
"""A picture of a street, drawn in integers: the same bytes with any version of any library."""

from __future__ import annotations

from typing import Literal, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Box = tuple[int, int, int, int]
    Color = tuple[int, int, int]
    Surface = Literal['smooth', 'windows', 'leaves']

__all__ = ['probe_image']

GRID = 1000
"""Places are given in thousandths of height and width."""

SKY_TOP, SKY_BOTTOM = (96, 140, 200), (200, 214, 228)
GROUND, ROAD, LINE = (112, 118, 88), (88, 88, 92), (214, 214, 206)
HORIZON = 430
# Top, left, bottom and right edge in thousandths, colour, and what the surface is like.
BOXES: tuple[tuple[Box, Color, Surface], ...] = (
    ((90, 0, 520, 210), (150, 112, 92), 'windows'),
    ((170, 210, 500, 330), (176, 164, 142), 'windows'),
    ((40, 760, 540, 1000), (128, 124, 126), 'windows'),
    ((210, 330, 470, 400), (52, 92, 44), 'leaves'),
    ((150, 640, 500, 760), (62, 104, 50), 'leaves'),
    ((470, 420, 560, 500), (150, 30, 34), 'smooth'),
    ((490, 425, 515, 495), (40, 46, 56), 'smooth'),
    ((540, 600, 700, 740), (40, 62, 120), 'smooth'),
    ((560, 615, 610, 725), (36, 40, 50), 'smooth'),
    ((120, 285, 640, 293), (60, 60, 60), 'smooth'),
    ((120, 285, 180, 315), (200, 40, 40), 'smooth'),
    ((480, 800, 700, 835), (60, 48, 90), 'smooth'),
    ((470, 120, 690, 150), (196, 150, 60), 'smooth'),
)
WINDOW = np.array((56, 64, 76))
WINDOW_PITCH, WINDOW_WIDTH, WINDOW_HEIGHT = 40, 18, 24
LEAVES = 4
"""Leaves are so many times as noisy as a smooth surface."""
NOISE_LEVELS = 17


def probe_image(size: tuple[int, int]) -> UInt8Array:
    """Return the probe: sky, houses, trees, a road with marks, cars, people, and noise.

    Args:
        size: Height and width [px].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = size
    row = (np.arange(height, dtype=np.int64) * GRID // height)[:, None]
    column = (np.arange(width, dtype=np.int64) * GRID // width)[None, :]
    image = _sky_and_ground(row, column)
    noise = _noise(size)
    panes = ((row % WINDOW_PITCH) < WINDOW_HEIGHT) & ((column % WINDOW_PITCH) < WINDOW_WIDTH)
    for (top, left, bottom, right), color, surface in BOXES:
        inside = (row >= top) & (row < bottom) & (column >= left) & (column < right)
        image[inside] = color
        if surface == 'windows':
            image[inside & panes] = WINDOW
        elif surface == 'leaves':
            noise[inside] *= LEAVES
    levels = np.clip(image + noise[:, :, None], 0, 255)
    return np.asarray(levels, np.uint8)


def _sky_and_ground(
    row: npt.NDArray[np.int64], column: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return a sky that fades towards the horizon, and a road that narrows towards it."""
    top, bottom = np.array(SKY_TOP), np.array(SKY_BOTTOM)
    sky = top + (bottom - top) * np.minimum(row, HORIZON)[:, :, None] // HORIZON
    image = np.repeat(sky, column.size, axis=1)
    depth = row - HORIZON
    beside = np.abs(column - GRID // 2)
    image[np.broadcast_to(depth >= 0, image.shape[:2])] = GROUND
    image[(depth >= 0) & (beside * (GRID - HORIZON) < depth * GRID * 9 // 10)] = ROAD
    dashed = (depth // 40) % 2 == 0
    image[(depth >= 0) & (beside * 40 < depth) & dashed] = LINE
    return image


def _noise(size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return levels around 0 that look random: a hash of each pixel's number."""
    number = np.arange(size[0] * size[1], dtype=np.uint64)
    number = (number ^ (number >> np.uint64(16))) * np.uint64(0x45D9F3B)
    number = (number ^ (number >> np.uint64(16))) & np.uint64(0xFFFFFFFF)
    levels = (number % np.uint64(NOISE_LEVELS)).astype(np.int64) - NOISE_LEVELS // 2
    return levels.reshape(size)
