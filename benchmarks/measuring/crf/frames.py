# SPDX-License-Identifier: Apache-2.0
"""What the dense CRF is measured on: images with what a network says about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets import open_dataset, spread
from seg_node.pipeline import open_segmenter
from seg_node.taxonomy import class_groups, load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['CASES', 'Case', 'Frame', 'read_frames']

NOISE = 2.0
"""Standard deviation [levels] that is added to enlarged images, which are smoother than real ones
of their size; a seed of its own for each image."""


@dataclass(frozen=True, slots=True)
class Case:
    """A size of the problem.

    Attributes:
        name: Width x height x classes.
        size: (height, width) [px].
        taxonomy: Of the classes; those of the bundle are put together to them.
    """

    name: str
    size: tuple[int, int]
    taxonomy: str


CASES = (
    Case('480x360x11', (360, 480), 'camvid11'),
    Case('1024x512x19', (512, 1024), 'cityscapes19'),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One image and what is known of it; H, W and K are those of the case.

    Attributes:
        name: Of the frame in its data set.
        image: (H, W, 3) uint8 RGB.
        probabilities: (K, H, W) float32, the calibrated output of the network.
        truth: (H, W) uint8 class ids, 255 unlabelled.
    """

    name: str
    image: UInt8Array
    probabilities: Float32Array
    truth: UInt8Array


def read_frames(case: Case, data: str, bundle: str, count: int) -> Iterator[Frame]:
    """Yield frames that are spread evenly over the split ``val`` of a data set.

    Args:
        case: Size and classes. Images of another shape are cut to it around their middle, then
            scaled; larger ones than the original get a little noise.
        data: What ``open_dataset`` understands.
        bundle: Name or folder of a bundle with 19 classes.
        count: Number of frames, or all if there are fewer.
    """
    dataset = spread(open_dataset(data, split='val', taxonomy=case.taxonomy), count)
    with open_segmenter(bundle, 'onnxruntime') as segmenter:
        own = segmenter.engine.bundle.manifest.taxonomy
        groups = class_groups(own, load_taxonomy(case.taxonomy))
        for index in range(len(dataset)):
            sample = dataset[index]
            image = fitted(sample.image, case.size, index)
            truth = fitted(sample.labels, case.size, index)
            planes = np.moveaxis(segmenter.probabilities(image), -1, 0)
            grouped = np.tensordot(groups, planes, axes=1).astype(np.float32)
            yield Frame(sample.name, image, np.ascontiguousarray(grouped), truth)


def fitted(pixels: UInt8Array, size: tuple[int, int], seed: int) -> UInt8Array:
    """Return the middle of an image or a label map at the size of a case."""
    middle = cut(pixels, size[1] / size[0])
    if middle.shape[:2] == size:
        return middle
    if middle.ndim == 2:
        labels = cv2.resize(middle, size[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(labels, np.uint8)
    if middle.shape[0] > size[0]:
        smaller = cv2.resize(middle, size[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(smaller, np.uint8)
    larger = cv2.resize(middle, size[::-1], interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).normal(0.0, NOISE, larger.shape)
    return np.asarray(np.rint(larger + noise).clip(0, 255), np.uint8)


def cut(pixels: UInt8Array, aspect: float) -> UInt8Array:
    """Return the largest part of width / height ``aspect`` around the middle."""
    height, width = pixels.shape[:2]
    rows, columns = min(height, round(width / aspect)), min(width, round(height * aspect))
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(pixels[top : top + rows, left : left + columns])
