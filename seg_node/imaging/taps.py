# SPDX-License-Identifier: Apache-2.0
"""Which pixels OpenCV blends when it scales bytes, and how it rounds: for devices that do it too.

``cv2.resize`` with INTER_LINEAR is fixed-point on bytes. Weights are multiples of 1/2048. With
a0 + a1 = b0 + b1 = 2048 of two columns and two rows, a line is l = (p0 a0 + p1 a1) >> 4, and the
result (((l0 b0) >> 16) + ((l1 b1) >> 16) + 2) >> 2: an eighth of a level darker than bilinear on
average, which a network notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['LINE_SHIFT', 'ONE', 'PRODUCT_SHIFT', 'ROUNDING', 'SUM_SHIFT', 'Taps', 'taps']

ONE = 2048  # the weight of a pixel that is not blended
LINE_SHIFT = 4  # bits that a line loses
PRODUCT_SHIFT = 16  # bits that a weighted line loses
SUM_SHIFT = 2  # bits that their sum loses, after ROUNDING is added
ROUNDING = 2


@dataclass(frozen=True, slots=True)
class Taps:
    """What each place of a scaled line is made of.

    Attributes:
        first: (n,) int64 index of one pixel.
        second: (n,) int64 index of its neighbour, the same at the borders.
        weight: (n,) int64, 0 to ``ONE``, of the second; that of the first is the rest.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int64]


def taps(source: int, target: int) -> Taps:
    """Return the taps of a line of ``source`` pixels that is scaled to ``target`` pixels.

    Pixels have their centres at halves, so place x reads around (x + 0.5) source / target - 0.5.
    """
    places = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
    below = np.floor(places)
    weight = np.rint((places - below) * np.float32(ONE)).astype(np.int64)
    first = below.astype(np.int64)
    return Taps(
        first=np.clip(first, 0, source - 1),
        second=np.clip(first + 1, 0, source - 1),
        weight=weight,
    )
