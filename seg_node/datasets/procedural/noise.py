# SPDX-License-Identifier: Apache-2.0
"""Value noise: random values on a grid, smoothly interpolated, tiling in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from .arrays import Floats, Random


def value_noise(rng: Random, size: tuple[int, int], cells: int, octaves: int = 3) -> Floats:
    """Return tiling noise (H, W) with mean about 0 and values in about -1..1.

    Args:
        rng: Source of the grid values.
        size: Height and width in pixels.
        cells: Grid cells per side of the first octave; doubled for each further one.
        octaves: Number of octaves, each with 0.6 times the amplitude before.
    """
    total = np.zeros(size)
    amplitude = 1.0
    for octave in range(octaves):
        n = cells << octave
        grid = np.pad(rng.uniform(-1, 1, (n, n)).astype(np.float32), 2, mode='wrap')
        rows = (np.arange(size[0], dtype=np.float32) + 0.5) * (n / size[0]) + 1.5
        columns = (np.arange(size[1], dtype=np.float32) + 0.5) * (n / size[1]) + 1.5
        x, y = np.meshgrid(columns, rows)
        total += amplitude * cv2.remap(grid, x, y, cv2.INTER_CUBIC)
        amplitude *= 0.6
    return total
