# SPDX-License-Identifier: Apache-2.0
"""Random changes of training samples: place, company, colour, weather, camera, in this order.

Labels are only ever sampled (nearest neighbour) or covered by other labels; what no image pixel
covers gets the mean colour and the label 255.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets.base import Sample
from seg_node.training.augmentation.camera import jpeg, motion_blur
from seg_node.training.augmentation.rare import half_of_classes, paste, rare_pixel, some_rare
from seg_node.training.augmentation.warp import draw_warp
from seg_node.training.augmentation.weather import HORIZON, View, WEATHERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.datasets.base import Dataset
    from seg_node.training.augmentation.rare import Rarity
    from seg_node.training.augmentation.warp import Picture, Warp
    from seg_node.training.recipe.augment import AugmentPart

    UInt8Array = npt.NDArray[np.uint8]

LARGEST_BLUR = 1.5  # [px]
LARGEST_NOISE = 12.0  # [levels]
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601


class Augmenter:
    """Applies the random changes of one recipe."""

    def __init__(
        self, options: AugmentPart, *, padding: Sequence[float], rarity: Rarity | None = None
    ) -> None:
        """Keep the options.

        Args:
            options: Sizes, ranges and probabilities.
            padding: RGB levels for what lies outside the image.
            rarity: How much each class is sought, from ``rarity``; needed where
                ``options.seeks_rare``.

        Raises:
            ValueError: The rarity is needed and missing.
        """
        if options.seeks_rare and rarity is None:
            msg = 'Expected argument `rarity` because the options seek rare classes, but got None.'
            raise ValueError(msg)
        self._options = options
        self._padding = tuple(padding)
        self._rarity = np.zeros(256) if rarity is None else rarity

    def __call__(
        self, sample: Sample, random: np.random.Generator, others: Dataset | None = None
    ) -> Sample:
        """Return a changed copy of the size ``crop``; equal generators give equal copies.

        Args:
            sample: What to change; left as it is.
            random: Source of all random numbers, not used before.
            others: Where a second sample to mix in comes from; None mixes none in.
        """
        # The newer changes draw from a stream of their own, so that the older ones draw the same
        # numbers with them as without.
        more = np.random.Generator(random.bit_generator.jumped())  # type: ignore[attr-defined]
        warp = self._aimed(draw_warp(sample.labels.shape, self._options, random), sample, more)
        picture = warp(sample, self._padding)
        image, labels = self._mixed(picture, warp, sample, others, more)
        image = self._recolor(image, random)
        rows = sample.labels.shape[0] * warp.zoom
        image = self._weathered(image, View(HORIZON * rows - warp.top, rows), more)
        image = self._degrade(image, random)
        image = self._compressed(image, more)
        return Sample(sample.name, image, labels)

    def _aimed(self, warp: Warp, sample: Sample, random: np.random.Generator) -> Warp:
        """Place the crop round a pixel of a rare class, now and then."""
        if random.random() >= self._options.rare_crop:
            return warp
        pixel = rare_pixel(sample.labels, self._rarity, random)
        return warp.aimed(pixel, sample.labels.shape, random) if pixel else warp

    def _mixed(
        self,
        picture: Picture,
        warp: Warp,
        sample: Sample,
        others: Dataset | None,
        random: np.random.Generator,
    ) -> Picture:
        """Cover a sample with some classes of another one, now and then."""
        options = self._options
        chance = random.random()
        if others is None or chance >= options.class_mix + options.copy_paste:
            return picture
        other = others[int(random.integers(len(others)))]
        shape = other.labels.shape
        beside = warp.beside(sample.labels.shape, shape, options.flip, random)
        if chance < options.class_mix:
            second = beside(other, self._padding)
            return paste(picture, second, half_of_classes(second[1], random))
        pixel = rare_pixel(other.labels, self._rarity, random)
        if pixel is None:
            return picture
        # From left to right it is placed; up and down things keep the height they were seen at.
        aimed = replace(beside.aimed(pixel, shape, random), top=warp.top)
        second = aimed(other, self._padding)
        return paste(picture, second, some_rare(second[1], self._rarity, random))

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

    def _weathered(self, image: UInt8Array, view: View, random: np.random.Generator) -> UInt8Array:
        """Let at most one kind of weather come over the image, then blur it by motion."""
        chance = random.random()
        for name, weather in WEATHERS.items():
            chance -= getattr(self._options, name)
            if chance < 0:
                image = weather(image, view, random.uniform(*self._options.weather), random)
                break
        return motion_blur(image, random) if random.random() < self._options.motion else image

    def _degrade(self, image: UInt8Array, random: np.random.Generator) -> UInt8Array:
        """Blur and add noise, each now and then."""
        if random.random() < self._options.blur:
            sigma = random.uniform(0.3, LARGEST_BLUR)
            image = cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8, copy=False)
        if random.random() < self._options.noise:
            spread = random.uniform(1, LARGEST_NOISE)
            noise = random.standard_normal(image.shape, np.float32)
            noise *= np.float32(spread)
            noise += image
            image = np.clip(noise, 0, 255, out=noise).astype(np.uint8)
        return image

    def _compressed(self, image: UInt8Array, random: np.random.Generator) -> UInt8Array:
        """Compress the image as JPEG, now and then."""
        if random.random() >= self._options.jpeg:
            return image
        low, high = self._options.jpeg_quality
        return jpeg(image, int(random.integers(low, high + 1)))
