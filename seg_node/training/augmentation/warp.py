# SPDX-License-Identifier: Apache-2.0
"""Zoom, mirror and crop in one resampling; labels are only ever picked, never mixed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.datasets.base import Sample
    from seg_node.training.recipe.augment import AugmentPart

    UInt8Array = npt.NDArray[np.uint8]
    Picture = tuple[UInt8Array, UInt8Array]

AIM = (0.25, 0.75)  # where in a crop the pixel lies that it was placed for, as a share of its side


@dataclass(frozen=True, slots=True)
class Warp:
    """Where a crop lies in the zoomed image.

    Attributes:
        zoom: Output pixels per input pixel.
        top: First row of the crop in the zoomed image [px].
        left: First column of it before mirroring [px].
        mirrored: Whether left and right of the crop are exchanged.
        crop: Height and width of the crop [px].
    """

    zoom: float
    top: float
    left: float
    mirrored: bool
    crop: tuple[int, int]

    def __call__(self, sample: Sample, padding: Sequence[float]) -> Picture:
        """Return image and labels of the crop; outside the image are ``padding`` and 255."""
        size = self.crop[::-1]
        matrix = self.matrix()
        image = cv2.warpAffine(
            sample.image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=tuple(padding)
        )
        labels = cv2.warpAffine(
            sample.labels, matrix, size, flags=cv2.INTER_NEAREST, borderValue=UNLABELLED
        )
        return image.astype(np.uint8, copy=False), labels.astype(np.uint8, copy=False)

    def matrix(self) -> npt.NDArray[np.float64]:
        """Return the affine map from input to output, (2, 3)."""
        zoom, width = self.zoom, self.crop[1]
        # Pixel centres: x_out + 0.5 = zoom * (x_in + 0.5) - left, mirrored at the middle.
        matrix = np.array(
            [[zoom, 0, 0.5 * zoom - 0.5 - self.left], [0, zoom, 0.5 * zoom - 0.5 - self.top]],
            np.float64,
        )
        if self.mirrored:
            matrix[0] = [-matrix[0, 0], 0, width - 1 - matrix[0, 2]]
        return matrix

    def aimed(
        self, pixel: tuple[int, int], shape: tuple[int, ...], random: np.random.Generator
    ) -> Warp:
        """Return the warp moved so that an input pixel (row, column) lies near its middle.

        The crop keeps inside an input of ``shape`` as far as any other crop does.
        """
        starts = []
        for place, side, length in zip(pixel, self.crop, shape, strict=False):
            surplus = length * self.zoom - side
            start = (place + 0.5) * self.zoom - side * random.uniform(*AIM)
            starts.append(float(np.clip(start, min(surplus, 0.0), max(surplus, 0.0))))
        return replace(self, top=starts[0], left=starts[1])

    def beside(
        self,
        shape: tuple[int, ...],
        other: tuple[int, ...],
        flip: float,
        random: np.random.Generator,
    ) -> Warp:
        """Return a warp for a second image whose horizon comes to lie at the same height.

        Args:
            shape: Of the image that this warp is for.
            other: Of the second image.
            flip: Probability of mirroring.
            random: Where from left to right, and whether mirrored.
        """
        zoom = self.zoom * shape[0] / other[0]
        left = offset(other[1] * zoom - self.crop[1], random)
        return replace(self, zoom=zoom, left=left, mirrored=bool(random.random() < flip))


def draw_warp(shape: tuple[int, ...], options: AugmentPart, random: np.random.Generator) -> Warp:
    """Return a random warp for images of a shape (H, W, ...)."""
    rows, columns = shape[:2]
    height, width = options.crop
    zoom = float(np.exp(random.uniform(*np.log(options.scale))))
    top = offset(rows * zoom - height, random)
    left = offset(columns * zoom - width, random)
    return Warp(zoom, top, left, bool(random.random() < options.flip), options.crop)


def offset(surplus: float, random: np.random.Generator) -> float:
    """Return where a crop starts: anywhere inside, or anywhere that keeps the image inside."""
    return float(random.uniform(min(surplus, 0.0), max(surplus, 0.0)))
