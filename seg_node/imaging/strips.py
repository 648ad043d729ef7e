# SPDX-License-Identifier: Apache-2.0
"""Post-processing by loops of OpenCV and numpy, strip by strip, so that it stays in cache.

It takes over where the extension is not built; see ``extension``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import cast, TYPE_CHECKING

import numpy as np

from seg_node.imaging.drivable import drivable_area
from seg_node.imaging.softmax import StripSoftmax
from seg_node.imaging.upsampling import ScoreMaps
from seg_node.imaging.winners import Referee

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.imaging.drivable import DrivableRule
    from seg_node.imaging.fitting import Placement
    from seg_node.imaging.maps import PixelMaps

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['fill', 'fill_probabilities']


def fill(
    result: PixelMaps,
    scores: Float32Array,
    placement: Placement,
    temperature: float,
    *,
    drivable: DrivableRule | None = None,
    threads: int = 1,
) -> None:
    """Fill the arrays of ``result``; the arguments were checked by ``postprocess.finish``."""
    maps = ScoreMaps(scores, placement, temperature)
    if threads == 1:
        _fill_rows(maps, result, 0, maps.image_size[0])
    else:
        _fill_by_threads(maps, result, threads)
    if drivable is not None:
        np.copyto(cast('UInt8Array', result.drivable_area), _area(result, drivable))


def _fill_by_threads(maps: ScoreMaps, result: PixelMaps, threads: int) -> None:
    """Compute all rows, a share by each thread."""
    height = maps.image_size[0]
    edges = [height * index // threads for index in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(_fill_rows, maps, result, *rows) for rows in pairwise(edges)]
    for job in jobs:
        job.result()


def fill_probabilities(
    out: Float32Array, scores: Float32Array, placement: Placement, temperature: float
) -> None:
    """Fill (K, H, W) float32, C-contiguous, with probabilities."""
    maps = ScoreMaps(scores, placement, temperature)
    planes = out.reshape(maps.classes, -1)
    softmax = StripSoftmax(maps)
    for strip in maps.strips(0, maps.image_size[0]):
        softmax.load(strip.scores)
        softmax.exponentiate()
        softmax.probabilities(planes[:, strip.pixels])


def _fill_rows(maps: ScoreMaps, result: PixelMaps, start: int, stop: int) -> None:
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


def _area(maps: PixelMaps, rule: DrivableRule) -> UInt8Array:
    """Return the drivable area."""
    return drivable_area(
        maps.labels,
        cast('UInt8Array', maps.confidence),
        cast('UInt8Array', maps.entropy),
        rule.table,
        min_probability=rule.min_probability,
        max_entropy=rule.max_entropy,
    )


def _line(image: UInt8Array) -> UInt8Array:
    """Return the pixels of an image as one row."""
    return image.reshape(1, -1)
