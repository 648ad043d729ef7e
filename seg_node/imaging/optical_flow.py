# SPDX-License-Identifier: Apache-2.0
"""Where each pixel of a frame was in the frame before.

The flow is DIS (T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016); a
pixel counts where flow back and forth agree (N. Sundaram et al., "Dense point trajectories by
GPU-accelerated large displacement optical flow", ECCV 2010, equation 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]
    BoolArray = npt.NDArray[np.bool_]

__all__ = ['Origins', 'Tracker', 'grey_image']

RELATIVE, ABSOLUTE = 0.01, 0.5  # Sundaram et al., equation 5


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the pixels of a frame come from.

    Attributes:
        x: (h, w) float32 column in the frame before [px].
        y: (h, w) float32 row in the frame before [px].
        found: (h, w) bool, where that can be trusted.
    """

    x: Float32Array
    y: Float32Array
    found: BoolArray


class Tracker:
    """Follows pixels from frame to frame, in one thread."""

    def __init__(self) -> None:
        """Prepare the optical flow."""
        # Any: OpenCV's types lack this class
        self._flow: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)  # type: ignore[attr-defined]

    def __call__(self, now: UInt8Array, before: UInt8Array) -> Origins:
        """Return where each pixel of a frame comes from.

        Args:
            now: (h, w) uint8 grey.
            before: (h, w) uint8 grey.
        """
        back = self._flow.calc(now, before, None)
        forth = self._flow.calc(before, now, None)
        x, y = _places(back)
        returned = np.asarray(cv2.remap(forth, x, y, cv2.INTER_LINEAR), np.float32)
        return Origins(x, y, _agree(back, returned) & _inside(x, y))


def grey_image(image: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Return an RGB image, (H, W, 3) uint8, in grey at another (height, width)."""
    small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _places(flow: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return where each pixel comes from: x and y, (h, w) each."""
    height, width = flow.shape[:2]
    columns = np.arange(width, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    return np.add(flow[..., 0], columns), np.add(flow[..., 1], rows)


def _agree(back: Float32Array, forth: Float32Array) -> BoolArray:
    """Return where the way back and forth leads to where it began."""
    miss = _squared(back + forth)
    allowed = RELATIVE * (_squared(back) + _squared(forth)) + ABSOLUTE
    return np.asarray(miss <= allowed, np.bool_)


def _squared(vectors: Float32Array) -> Float32Array:
    return np.asarray(np.einsum('hwc,hwc->hw', vectors, vectors), np.float32)


def _inside(x: Float32Array, y: Float32Array) -> BoolArray:
    height, width = x.shape
    return np.asarray((x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1), np.bool_)
