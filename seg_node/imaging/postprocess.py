# SPDX-License-Identifier: Apache-2.0
"""From a network's scores to what is published: labels, confidence, entropy, class planes.

Scores are scaled to the image first and only then compared, so borders are as sharp as the
scores allow. The work is done strip by strip, in cache, by loops of OpenCV and numpy.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from seg_node.imaging.softmax import StripSoftmax
from seg_node.imaging.upsampling import ScoreMaps
from seg_node.imaging.winners import Referee

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.imaging.fitting import Placement

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

MAX_CLASSES = 255  # id 255 means unlabelled


@dataclass(frozen=True, slots=True)
class PixelMaps:
    """What is known about each pixel of an image; all arrays have the image's size.

    Attributes:
        labels: (H, W) uint8 class ids.
        confidence: (H, W) uint8, 255 x probability of the label, rounded; None if not asked for.
        entropy: (H, W) uint8, 255 x entropy / log K, rounded; None if not asked for.
        planes: For each class asked for, (H, W) uint8, 255 x its probability, rounded.
    """

    labels: UInt8Array
    confidence: UInt8Array | None
    entropy: UInt8Array | None
    planes: Mapping[int, UInt8Array]


def finish(
    scores: Float32Array,
    placement: Placement,
    *,
    temperature: float = 1.0,
    confidence: bool = True,
    entropy: bool = True,
    planes: Sequence[int] = (),
    threads: int = 1,
) -> PixelMaps:
    """Scale scores to the image and return labels, confidence, entropy and class planes.

    Args:
        scores: (K, h, w) float32 scores of one image, at output stride 1, 2 or 4.
        placement: Where the image lies in the network input, as the Fitter returned it.
        temperature: Divisor of the scores; above 1 makes probabilities more even.
        confidence: Whether confidence is wanted.
        entropy: Whether entropy is wanted.
        planes: Class ids whose probabilities are wanted.
        threads: How many threads share the rows. OpenCV's own threads are a setting of the
            process (``cv2.setNumThreads``).

    Returns:
        New arrays of the image's size, the caller's own.

    Raises:
        EngineError: If a score is NaN or infinite.
        ValueError: If the scores do not belong to the placement, the temperature is not above 0,
            or a class id is out of range.
    """
    maps = ScoreMaps(scores, placement, temperature)
    _check_classes(maps.classes, planes)
    size = maps.image_size
    result = PixelMaps(
        labels=np.empty(size, np.uint8),
        confidence=np.empty(size, np.uint8) if confidence else None,
        entropy=np.empty(size, np.uint8) if entropy else None,
        planes={index: np.empty(size, np.uint8) for index in planes},
    )
    if threads == 1:
        _fill(maps, result, 0, size[0])
        return result
    edges = [size[0] * index // threads for index in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(_fill, maps, result, start, stop) for start, stop in pairwise(edges)]
    for job in jobs:
        job.result()
    return result


def probabilities(
    scores: Float32Array, placement: Placement, temperature: float = 1.0
) -> Float32Array:
    """Return the softmax of the scaled scores.

    Args:
        scores: (K, h, w) float32 scores of one image, at output stride 1, 2 or 4.
        placement: Where the image lies in the network input.
        temperature: Divisor of the scores.

    Returns:
        (K, H, W) float32, a new array; each pixel sums to 1.

    Raises:
        EngineError: If a score is NaN or infinite.
        ValueError: If the scores do not belong to the placement or the temperature is not above 0.
    """
    maps = ScoreMaps(scores, placement, temperature)
    height, width = maps.image_size
    result = np.empty((maps.classes, height * width), np.float32)
    softmax = StripSoftmax(maps)
    for strip in maps.strips(0, height):
        softmax.load(strip.scores)
        softmax.exponentiate()
        softmax.probabilities(result[:, strip.pixels])
    return result.reshape(maps.classes, height, width)


def _fill(maps: ScoreMaps, result: PixelMaps, start: int, stop: int) -> None:
    """Compute some rows of the result."""
    labels = _line(result.labels)
    confidence = None if result.confidence is None else _line(result.confidence)
    entropy = None if result.entropy is None else _line(result.entropy)
    planes = {index: _line(plane) for index, plane in result.planes.items()}
    if confidence is None and entropy is None and not planes:
        referee = Referee(maps)
        for contest in maps.contests(start, stop):
            referee.decide(contest, labels[:, contest.pixels])
        return
    softmax = StripSoftmax(maps)
    for strip in maps.strips(start, stop):
        here = slice(None), strip.pixels
        softmax.load(strip.scores)
        softmax.labels(labels[here])
        softmax.exponentiate()
        if confidence is not None:
            softmax.confidence(confidence[here])
        for index, plane in planes.items():
            softmax.plane(index, plane[here])
        if entropy is not None:
            softmax.entropy(entropy[here])


def _line(image: UInt8Array) -> UInt8Array:
    """Return the pixels of an image as one row."""
    return image.reshape(1, -1)


def _check_classes(classes: int, planes: Sequence[int]) -> None:
    """Refuse more classes than labels can name, and class ids that the scores do not have."""
    if classes > MAX_CLASSES:
        msg = f'Scores have {classes} classes; labels of one byte name at most {MAX_CLASSES}.'
        raise ValueError(msg)
    for index in planes:
        if not 0 <= index < classes:
            msg = f'Class {index!r} was asked for; the scores have classes 0 to {classes - 1}.'
            raise ValueError(msg)
