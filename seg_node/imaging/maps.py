# SPDX-License-Identifier: Apache-2.0
"""What post-processing says about each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['PixelMaps']


@dataclass(frozen=True, slots=True)
class PixelMaps:
    """What is known about each pixel of an image; all arrays have the image's size.

    Attributes:
        labels: (H, W) uint8 class ids.
        confidence: (H, W) uint8, 255 x probability of the label, rounded; None if not asked for.
        entropy: (H, W) uint8, 255 x entropy / log K, rounded; None if not asked for.
        planes: For each class asked for, (H, W) uint8, 255 x its probability, rounded.
        drivable_area: (H, W) uint8, 255 drivable, 0 not or not sure; None if not asked for.
    """

    labels: UInt8Array
    confidence: UInt8Array | None
    entropy: UInt8Array | None
    planes: Mapping[int, UInt8Array]
    drivable_area: UInt8Array | None = None
