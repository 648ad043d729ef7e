# SPDX-License-Identifier: Apache-2.0
"""Temporal consistency without truth: labels that change although the scene only moved.

Labels of the frame before are carried along the optical flow and compared with those of this
frame, as in S. Varghese et al., "Unsupervised temporal consistency metric for video segmentation
in highly-automated driving", CVPRW 2020. The flow is DIS (T. Kroeger et al., "Fast optical flow
using dense inverse search", ECCV 2016); a pixel counts where flow back and forth agree
(N. Sundaram et al., "Dense point trajectories by GPU-accelerated large displacement optical flow",
ECCV 2010, equation 5).
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

__all__ = ['LONGEST_GAP_NS', 'Flicker']

LONGEST_GAP_NS = 1_000_000_000
"""Frames farther apart are no sequence [ns]; the same as for the gate of the dense CRF."""

LONGER_SIDE = 160  # of the grey image that is followed [px]: finer costs more and changes little
RELATIVE, ABSOLUTE = 0.01, 0.5  # Sundaram et al., equation 5


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a frame.

    Attributes:
        grey: (h, w) uint8.
        labels: (h, w) uint8, the nearest of each grey pixel.
        size: (height, width) of the image [px].
        stamp_ns: From the header.
        log_ns: When it was recorded.
    """

    grey: UInt8Array
    labels: UInt8Array
    size: tuple[int, int]
    stamp_ns: int
    log_ns: int


class Flicker:
    """Compares each frame of one camera with the one before."""

    def __init__(self) -> None:
        """Start a sequence."""
        # Any: OpenCV's types lack this class
        self._flow: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)  # type: ignore[attr-defined]
        self._before: _Seen | None = None

    def reset(self) -> None:
        """Begin a new sequence: the frame in between is missing."""
        self._before = None

    def __call__(
        self, image: UInt8Array, labels: UInt8Array, stamp_ns: int, log_ns: int
    ) -> float | None:
        """Return the share of pixels that can be followed and have changed their label.

        Args:
            image: (H, W, 3) uint8 RGB.
            labels: (H, W) uint8 class ids.
            stamp_ns: From the header.
            log_ns: When it was recorded.

        Returns:
            0 to 1; None for the first frame of a sequence, and where nothing can be followed. A
            sequence begins with an image of another size, and where time goes back or jumps by
            more than a second.
        """
        found = self.changes(image, labels, stamp_ns, log_ns)
        if found is None:
            return None
        changed, followed = found
        pixels = np.count_nonzero(followed)
        return np.count_nonzero(changed) / pixels if pixels else None

    def changes(
        self, image: UInt8Array, labels: UInt8Array, stamp_ns: int, log_ns: int
    ) -> tuple[BoolArray, BoolArray] | None:
        """Return which pixels have changed their label, and which can be followed.

        Args:
            image: As for a call, as are the others; this takes the place of one.
            labels: (H, W) uint8 class ids.
            stamp_ns: From the header.
            log_ns: When it was recorded.

        Returns:
            Twice (h, w) bool, smaller than the image; None for the first frame of a sequence.
        """
        now = _seen(image, labels, stamp_ns, log_ns)
        before, self._before = self._before, now
        if before is None or not _follows(before, now):
            return None
        return self._changed(before, now)

    def _changed(self, before: _Seen, now: _Seen) -> tuple[BoolArray, BoolArray]:
        back = self._flow.calc(now.grey, before.grey, None)
        forth = self._flow.calc(before.grey, now.grey, None)
        x, y = _places(back)
        returned = np.asarray(cv2.remap(forth, x, y, cv2.INTER_LINEAR), np.float32)
        carried = cv2.remap(before.labels, x, y, cv2.INTER_NEAREST)
        valid = _agree(back, returned) & _inside(x, y)
        return np.asarray((carried != now.labels) & valid, np.bool_), valid


def _seen(image: UInt8Array, labels: UInt8Array, stamp_ns: int, log_ns: int) -> _Seen:
    height, width = labels.shape
    scale = min(1.0, LONGER_SIDE / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = cv2.cvtColor(cv2.resize(image, small, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    nearest = cv2.resize(labels, small, interpolation=cv2.INTER_NEAREST)
    return _Seen(
        np.asarray(grey, np.uint8),
        np.asarray(nearest, np.uint8),
        (height, width),
        stamp_ns,
        log_ns,
    )


def _follows(before: _Seen, now: _Seen) -> bool:
    passed = (now.stamp_ns - before.stamp_ns, now.log_ns - before.log_ns)
    return before.size == now.size and all(0 < one <= LONGEST_GAP_NS for one in passed)


def _places(flow: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return where each pixel comes from: x and y, (h, w) each."""
    height, width = flow.shape[:2]
    columns = np.arange(width, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    return np.add(flow[..., 0], columns), np.add(flow[..., 1], rows)


def _agree(back: Float32Array, forth: Float32Array) -> npt.NDArray[np.bool_]:
    """Return where the way back and forth leads to where it began."""
    miss = _squared(back + forth)
    allowed = RELATIVE * (_squared(back) + _squared(forth)) + ABSOLUTE
    return np.asarray(miss <= allowed, np.bool_)


def _squared(vectors: Float32Array) -> Float32Array:
    return np.asarray(np.einsum('hwc,hwc->hw', vectors, vectors), np.float32)


def _inside(x: Float32Array, y: Float32Array) -> npt.NDArray[np.bool_]:
    height, width = x.shape
    return np.asarray((x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1), np.bool_)
