# SPDX-License-Identifier: Apache-2.0
"""Several looks at one image, whose probabilities are averaged: mirrored, scaled, in windows.

Published results often use them. The node does not, so what they say about the node's quality is
only an upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import ParameterError
from seg_node.imaging import place

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.imaging import InputSpec
    from seg_node.pipeline import Segmenter

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['ONE_LOOK', 'Views', 'mean_probabilities', 'window_starts']

SCALES = (0.25, 4.0)
OVERLAP = 1 / 3  # of two neighbouring windows, at least


@dataclass(frozen=True, slots=True)
class Views:
    """How an image is looked at.

    Attributes:
        flip: Also mirrored, left to right.
        scales: Sizes to look at, 0.25 to 4. Scale 1 is the size at which the image fills the
            network's input, or its own size with ``slide``. What is larger than the input is seen
            through overlapping windows, what is smaller is padded with the mean colour.
        slide: Keep the image's own resolution.

    Raises:
        ParameterError: If a scale is out of range or given twice, or there is none.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    slide: bool = False

    def __post_init__(self) -> None:
        """Refuse scales that make no sense."""
        low, high = SCALES
        in_range = all(low <= scale <= high for scale in self.scales)
        if not self.scales or not in_range or len(set(self.scales)) < len(self.scales):
            msg = (
                f'Scales are {list(self.scales)!r}; expected different numbers from {low:g} to '
                f'{high:g}, for example 0.75,1,1.25.'
            )
            raise ParameterError(msg)

    @property
    def plain(self) -> bool:
        """Whether this is the one look that the node takes."""
        return self == ONE_LOOK

    def __str__(self) -> str:
        """Return the protocol in words, as results are published with it."""
        listed = ', '.join(f'{scale:g}' for scale in self.scales)
        parts = [
            'single scale' if self.scales == (1.0,) else f'scales {listed}',
            'flip' if self.flip else 'no flip',
            'sliding window' if self.slide else 'whole image',
        ]
        return ', '.join(parts)


ONE_LOOK = Views()


def mean_probabilities(segmenter: Segmenter, image: UInt8Array, views: Views) -> Float32Array:
    """Return the mean probabilities of all looks at an image.

    Args:
        segmenter: Open; each look goes through it once per window.
        image: (H, W, 3) uint8 RGB.
        views: Which looks.

    Returns:
        (K, H, W) float32; each pixel sums to 1.
    """
    looks = []
    for scale in views.scales:
        looks.append(_look(segmenter, image, scale, slide=views.slide))
        if views.flip:
            mirrored = np.ascontiguousarray(image[:, ::-1])
            looks.append(_look(segmenter, mirrored, scale, slide=views.slide)[..., ::-1])
    mean: Float32Array = np.mean(looks, axis=0, dtype=np.float32)
    return mean


def _look(segmenter: Segmenter, image: UInt8Array, scale: float, *, slide: bool) -> Float32Array:
    """Return the probabilities of one look, (K, H, W)."""
    if scale == 1 and not slide:
        return _planes(segmenter, image)
    spec = segmenter.engine.bundle.manifest.input
    whole = place((image.shape[0], image.shape[1]), spec)
    height, width = image.shape[:2] if slide else (whole.height, whole.width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    seen: UInt8Array = np.asarray(cv2.resize(image, size), np.uint8)
    planes = _through_windows(segmenter, seen, spec)
    if seen.shape == image.shape:
        return planes
    back = (image.shape[1], image.shape[0])
    return np.stack([cv2.resize(plane, back) for plane in planes]).astype(np.float32)


def _through_windows(segmenter: Segmenter, image: UInt8Array, spec: InputSpec) -> Float32Array:
    """Return the probabilities of an image of any size, seen pixel by pixel: (K, H, W)."""
    height, width = image.shape[:2]
    total = np.zeros((len(segmenter.engine.bundle.manifest.taxonomy), height, width), np.float32)
    seen = np.zeros((height, width), np.float32)
    for top in window_starts(height, spec.height):
        for left in window_starts(width, spec.width):
            rows = slice(top, min(top + spec.height, height))
            columns = slice(left, min(left + spec.width, width))
            window = image[rows, columns]
            padded = np.empty((spec.height, spec.width, 3), np.uint8)
            padded[:] = np.rint(spec.mean)
            padded[: window.shape[0], : window.shape[1]] = window
            planes = _planes(segmenter, padded)
            total[:, rows, columns] += planes[:, : window.shape[0], : window.shape[1]]
            seen[rows, columns] += 1
    return total / seen


def window_starts(length: int, window: int) -> list[int]:
    """Return where windows begin along one axis, evenly spread, overlapping by a third or more.

    Args:
        length: Of the image [px].
        window: Of a window [px].

    Example:
        >>> window_starts(1024, 360)
        [0, 221, 443, 664]
        >>> window_starts(300, 360)
        [0]
    """
    free = length - window
    if free <= 0:
        return [0]
    steps = math.ceil(free / (window * (1 - OVERLAP)))
    return [round(index * free / steps) for index in range(steps + 1)]


def _planes(segmenter: Segmenter, image: UInt8Array) -> Float32Array:
    """Return what the segmenter says about an image, (K, H, W)."""
    return np.moveaxis(segmenter.probabilities(image), -1, 0)
