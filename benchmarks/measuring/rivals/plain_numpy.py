# SPDX-License-Identifier: Apache-2.0
"""What is done around a network, as tutorials do it: over the whole image, in plain numpy.

In float32, and with the cheapest exact way of scaling that we know for it: one ``cv2.resize`` per
class, not numpy indexing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.imaging import PixelMaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.imaging import InputSpec, Placement

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['plain_area', 'plain_finish', 'plain_fit']


def plain_fit(image: UInt8Array, placement: Placement, spec: InputSpec) -> Float32Array:
    """Return the (1, 3, h, w) batch of an image."""
    resized = cv2.resize(image, (placement.width, placement.height)).astype(np.float32)
    batch = np.empty((1, 3, *placement.network_size), np.float32)
    batch[0] = np.array(spec.mean)[:, None, None]
    placement.crop(batch)[0] = resized.transpose(2, 0, 1)
    return batch


def plain_finish(
    scores: Float32Array,
    placement: Placement,
    temperature: float = 1.0,
    planes: Sequence[int] = (),
) -> PixelMaps:
    """Scale the scores, then softmax, argmax and entropy."""
    height, width = placement.image_size
    crop = placement.crop(scores)
    scaled = np.stack([cv2.resize(plane, (width, height)) for plane in crop])
    scaled /= np.float32(temperature)
    powers = np.exp(scaled - scaled.max(axis=0))
    softmax = powers / powers.sum(axis=0)
    entropy = -(softmax * np.log(softmax + 1e-12)).sum(axis=0) / np.log(len(scores))
    return PixelMaps(
        labels=softmax.argmax(axis=0).astype(np.uint8),
        confidence=_levels(softmax.max(axis=0)),
        entropy=_levels(entropy),
        planes={index: _levels(softmax[index]) for index in planes},
    )


def plain_area(
    maps: PixelMaps, drivable: UInt8Array, min_probability: float, max_entropy: float
) -> UInt8Array:
    """Return where one may drive; ``drivable`` has 255 for the ids of classes to drive on."""
    assert maps.confidence is not None
    assert maps.entropy is not None
    sure = (maps.confidence / 255 >= min_probability) & (maps.entropy / 255 <= max_entropy)
    return np.where(sure, drivable[maps.labels], 0).astype(np.uint8)


def _levels(share: Float32Array) -> UInt8Array:
    return np.asarray(np.rint(255 * share), np.uint8)
