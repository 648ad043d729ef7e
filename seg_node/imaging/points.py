# SPDX-License-Identifier: Apache-2.0
"""The softmax at some pixels of an image, where that of all would be waste."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.imaging import extension

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.imaging.fitting import Placement

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]
    IndexArray = npt.NDArray[np.intp]

PIXELS_AT_ONCE = 16_384  # with 19 classes 1.2 MB of scores, so that they stay in cache


def confidence_at(
    scores: Float32Array,
    placement: Placement,
    labels: UInt8Array,
    where: npt.NDArray[np.bool_],
    temperature: float = 1.0,
) -> UInt8Array:
    """Return the probability of given labels at some pixels, as ``finish`` would compute it.

    Args:
        scores: (K, h, w) float32 scores of one image, at output stride 1, 2 or 4; finite.
        placement: Where the image lies in the network input.
        labels: (H, W) uint8 class ids below K, whichever their scores.
        where: (H, W) bool: the pixels that matter.
        temperature: Divisor of the scores, above 0.

    Returns:
        (count of ``where``,) uint8, 255 x probability, rounded; in reading order. Time is
        O(K count).
    """
    if extension.is_here():
        result = np.empty(np.count_nonzero(where), np.uint8)
        extension.fill_confidence(result, scores, placement, temperature, (labels, where))
        return result
    return _confidence_by_numpy(scores, placement, labels, where, temperature)


def _confidence_by_numpy(
    scores: Float32Array,
    placement: Placement,
    labels: UInt8Array,
    where: npt.NDArray[np.bool_],
    temperature: float,
) -> UInt8Array:
    """Do the same where the extension is not built."""
    crop = placement.crop(scores)
    classes, height, width = crop.shape
    by_pixel = np.ascontiguousarray(crop.reshape(classes, -1).T)
    by_pixel *= np.float32(1.0 / temperature)
    rows, columns = np.nonzero(where)
    result = np.empty(len(rows), np.uint8)
    for start in range(0, len(rows), PIXELS_AT_ONCE):
        here = slice(start, start + PIXELS_AT_ONCE)
        down = _neighbours(rows[here], where.shape[0], height)
        across = _neighbours(columns[here], where.shape[1], width)
        scaled = _bilinear(by_pixel, width, down, across)
        result[here] = _confidence(scaled, labels[rows[here], columns[here]])
    return result


def _neighbours(
    places: IndexArray, count: int, available: int
) -> tuple[IndexArray, IndexArray, Float32Array]:
    """Return the two grid lines beside each place, and the weight of the second; see upsampling.

    Args:
        places: Rows or columns of the image.
        count: How many the image has.
        available: How many the scores have.
    """
    centres = np.clip((places + 0.5) * (available / count) - 0.5, 0, available - 1)
    first = np.floor(centres).astype(np.intp)
    second = np.minimum(first + 1, available - 1)
    return first, second, (centres - first).astype(np.float32)


def _bilinear(
    by_pixel: Float32Array,
    width: int,
    down: tuple[IndexArray, IndexArray, Float32Array],
    across: tuple[IndexArray, IndexArray, Float32Array],
) -> Float32Array:
    """Return (n, K) scores at n places."""
    (above, below, lower), (left, right, further) = down, across
    lines = []
    for row in (above, below):
        line = by_pixel[row * width + left]
        line += further[:, None] * (by_pixel[row * width + right] - line)
        lines.append(line)
    scaled: Float32Array = lines[0] + lower[:, None] * (lines[1] - lines[0])
    return scaled


def _confidence(scores: Float32Array, labels: UInt8Array) -> UInt8Array:
    """Return 255 x the softmax of (n, K) scores at n labels."""
    scores -= scores.max(axis=1, keepdims=True)
    powers = np.exp(scores)
    chosen = np.take_along_axis(powers, labels[:, None].astype(np.intp), axis=1)[:, 0]
    levels: UInt8Array = np.rint(255.0 * chosen / powers.sum(axis=1)).astype(np.uint8)
    return levels
