# SPDX-License-Identifier: Apache-2.0
"""Pixels whose label the network's scores settle, so that the dense CRF need not look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]
    IndexArray = npt.NDArray[np.intp]

__all__ = ['settled_labels']


def settled_labels(
    scores: Float32Array, size: tuple[int, int], temperature: float, margin: float
) -> UInt8Array:
    """Return the labels of pixels whose four scores all favour the same class by a margin.

    A pixel's scores are interpolated from four, and a lead that all of them have is kept by that.

    Args:
        scores: (K, h, w) float32, finite, of the whole image; K at least 2.
        size: (height, width) of the image [px].
        temperature: Divisor of the scores.
        margin: Least lead of a class over every other one [nats, after division].

    Returns:
        (H, W) uint8 class ids, 255 where the scores do not settle it.
    """
    second, best = np.partition(scores, -2, axis=0)[-2:]
    leads = (best - second) / np.float32(temperature) >= np.float32(margin)
    leaders = np.where(leads, scores.argmax(axis=0), UNLABELLED).astype(np.uint8)
    for axis in (0, 1):
        first, other = _neighbours(size[axis], leaders.shape[axis])
        one, next_one = leaders.take(first, axis), leaders.take(other, axis)
        leaders = np.where(one == next_one, one, np.uint8(UNLABELLED))
    return leaders


def _neighbours(count: int, available: int) -> tuple[IndexArray, IndexArray]:
    """Return the scores before and after each of so many pixels, with half-pixel centres."""
    centres = (np.arange(count) + 0.5) * available / count - 0.5
    first = centres.clip(0, available - 1).astype(np.intp)
    return first, np.minimum(first + 1, available - 1)
