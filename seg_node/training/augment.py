# SPDX-License-Identifier: Apache-2.0
"""Random changes of training samples: one geometric warp, then colour, blur and noise.

Labels are only ever sampled (nearest neighbour); what no image pixel covers gets the mean colour
and the label 255.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets.base import Sample
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.training.recipe_augment import AugmentPart

    UInt8Array = npt.NDArray[np.uint8]

LARGEST_BLUR = 1.5  # [px]
LARGEST_NOISE = 12.0  # [levels]
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601


class Augmenter:
    """Applies the random changes of one recipe."""

    def __init__(self, options: AugmentPart, *, padding: Sequence[float]) -> None:
        """Keep the options.

        Args:
            options: Sizes, ranges and probabilities.
            padding: RGB levels for what lies outside the image.
        """
        self._options = options
        self._padding = tuple(padding)

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        """Return a changed copy of the size ``crop``; equal generators give equal copies."""
        image, labels = self._warp(sample, random)
        image = self._recolor(image, random)
        image = self._degrade(image, random)
        return Sample(sample.name, image, labels)

    def _warp(self, sample: Sample, random: np.random.Generator) -> tuple[UInt8Array, UInt8Array]:
        """Zoom, mirror and crop in one resampling."""
        options = self._options
        rows, columns = sample.labels.shape
        height, width = options.crop
        zoom = float(np.exp(random.uniform(*np.log(options.scale))))
        top = _offset(rows * zoom - height, random)
        left = _offset(columns * zoom - width, random)
        # Pixel centres: x_out + 0.5 = zoom * (x_in + 0.5) - left, mirrored at the middle.
        matrix = np.array(
            [[zoom, 0, 0.5 * zoom - 0.5 - left], [0, zoom, 0.5 * zoom - 0.5 - top]], np.float64
        )
        if random.random() < options.flip:
            matrix[0] = [-matrix[0, 0], 0, width - 1 - matrix[0, 2]]
        size = (width, height)
        image = cv2.warpAffine(
            sample.image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=self._padding
        )
        labels = cv2.warpAffine(
            sample.labels, matrix, size, flags=cv2.INTER_NEAREST, borderValue=UNLABELLED
        )
        return image.astype(np.uint8, copy=False), labels.astype(np.uint8, copy=False)

    def _recolor(self, image: UInt8Array, random: np.random.Generator) -> UInt8Array:
        """Change brightness, contrast, tone curve, white balance and saturation."""
        options = self._options
        levels = np.arange(256, dtype=np.float32) / 255
        gamma = options.gamma ** random.uniform(-1, 1)
        contrast = 1 + options.contrast * random.uniform(-1, 1)
        brightness = options.brightness * random.uniform(-1, 1)
        curve = (levels**gamma - 0.5) * contrast + 0.5 + brightness
        gains = 1 + options.tint * random.uniform(-1, 1, 3)
        table = np.clip(curve[:, None] * gains * 255 + 0.5, 0, 255).astype(np.uint8)
        toned = cv2.LUT(image, table[None])
        saturation = 1 + options.saturation * random.uniform(-1, 1)
        mix = saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * GREY
        return cv2.transform(toned, mix).astype(np.uint8, copy=False)

    def _degrade(self, image: UInt8Array, random: np.random.Generator) -> UInt8Array:
        """Blur and add noise, each now and then."""
        if random.random() < self._options.blur:
            sigma = random.uniform(0.3, LARGEST_BLUR)
            image = cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8, copy=False)
        if random.random() < self._options.noise:
            spread = random.uniform(1, LARGEST_NOISE)
            noise = random.standard_normal(image.shape, np.float32) * np.float32(spread)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
        return image


def _offset(surplus: float, random: np.random.Generator) -> float:
    """Return where a crop starts: anywhere inside, or anywhere that keeps the image inside."""
    return float(random.uniform(min(surplus, 0.0), max(surplus, 0.0)))
