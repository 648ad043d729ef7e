# SPDX-License-Identifier: Apache-2.0
"""Temporal consistency without truth: labels that change although the scene only moved.

Labels of the frame before are carried along the optical flow and compared with those of this
frame, as in S. Varghese et al., "Unsupervised temporal consistency metric for video segmentation
in highly-automated driving", CVPRW 2020. A pixel counts where it can be followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.imaging.optical_flow import grey_image, Tracker

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    BoolArray = npt.NDArray[np.bool_]

__all__ = ['LONGEST_GAP_NS', 'Flicker']

LONGEST_GAP_NS = 1_000_000_000
"""Frames farther apart are no sequence [ns]; the same as for the gate of the dense CRF."""

LONGER_SIDE = 160  # of the grey image that is followed [px]: finer costs more and changes little


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
        self._origins = Tracker()
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
        origins = self._origins(now.grey, before.grey)
        carried = cv2.remap(before.labels, origins.x, origins.y, cv2.INTER_NEAREST)
        valid = origins.found
        return np.asarray((carried != now.labels) & valid, np.bool_), valid


def _seen(image: UInt8Array, labels: UInt8Array, stamp_ns: int, log_ns: int) -> _Seen:
    height, width = labels.shape
    scale = min(1.0, LONGER_SIDE / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    nearest = cv2.resize(labels, small, interpolation=cv2.INTER_NEAREST)
    return _Seen(
        grey_image(image, small[::-1]),
        np.asarray(nearest, np.uint8),
        (height, width),
        stamp_ns,
        log_ns,
    )


def _follows(before: _Seen, now: _Seen) -> bool:
    passed = (now.stamp_ns - before.stamp_ns, now.log_ns - before.log_ns)
    return before.size == now.size and all(0 < one <= LONGEST_GAP_NS for one in passed)
