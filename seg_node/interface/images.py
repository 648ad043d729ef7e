# SPDX-License-Identifier: Apache-2.0
"""What the images of the node show: pixels for each topic that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.imaging import colorize, overlay
from seg_node.imaging.decimation import decimate, decimate_labels, decimation_factor
from seg_node.imaging.run_lengths import run_lengths
from seg_node.pipeline import Outputs

from . import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    import numpy.typing as npt

    from seg_node.pipeline import Segmentation

    from .class_tables import ClassTables

    UInt8Array = npt.NDArray[np.uint8]

__all__ = [
    'CODED_FORMAT',
    'DECIMATION_RULES',
    'PIXEL_ENCODINGS',
    'ImageOptions',
    'autoware_runs',
    'coded_labels',
    'frame_images',
    'image_encodings',
    'outputs_for',
]

PIXEL_ENCODINGS = {
    topics.MASK: 'mono8',
    topics.CONFIDENCE: 'mono8',
    topics.ENTROPY: 'mono8',
    topics.DRIVABLE_AREA: 'mono8',
    topics.MOVABLE: 'mono8',
    topics.GROUPS: 'mono8',
    topics.DECIMATED_MASK: 'mono8',
    topics.DECIMATED_CONFIDENCE: 'mono8',
    topics.COLOR: 'rgb8',
    topics.OVERLAY: 'rgb8',
}
"""Topics of one image each, with the encoding of its pixels."""

CODED_FORMAT = 'mono8; png compressed mono8'
"""What image_transport's compressed plug-in writes and reads."""
PNG_LEVEL = 1  # level 9 is 2 % smaller and 20 times slower on label maps
DECIMATION_RULES = ('nearest', 'obstacle')


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """How images are made of a result.

    Attributes:
        overlay_alpha: Opacity of the class colours over the camera image, 0 to 1.
        decimation_factor: Every so many-th pixel is in the decimated images; 0 chooses.
        decimation_rule: ``'obstacle'``: the label around it that a vehicle must not miss;
            ``'nearest'``: the label of the pixel itself.
    """

    overlay_alpha: float = 0.5
    decimation_factor: int = 0
    decimation_rule: str = 'obstacle'

    def factor(self, size: tuple[int, int]) -> int:
        """Return the factor for an image of this height and width."""
        return decimation_factor(size, self.decimation_factor)


def image_encodings(tables: ClassTables) -> dict[str, str]:
    """Return those of ``PIXEL_ENCODINGS`` that there are for the classes of a bundle."""
    absent = {topics.GROUPS} if tables.groups is None else set()
    return {name: one for name, one in PIXEL_ENCODINGS.items() if name not in absent}


def outputs_for(names: Collection[str], classes: tuple[int, ...]) -> Outputs:
    """Return what the segmenter has to compute.

    Args:
        names: Relative names of the topics that are wanted.
        classes: Ids of the classes whose confidence is wanted.
    """
    return Outputs(
        confidence=topics.CONFIDENCE in names or topics.DECIMATED_CONFIDENCE in names,
        entropy=topics.ENTROPY in names or topics.STATUS in names,
        drivable_area=topics.DRIVABLE_AREA in names,
        classes=classes,
    )


def frame_images(
    names: Collection[str],
    result: Segmentation,
    image: UInt8Array,
    tables: ClassTables,
    options: ImageOptions,
) -> Iterator[tuple[str, UInt8Array]]:
    """Yield name and pixels of each image that is wanted, in its encoding.

    Args:
        names: Relative names of topics; those that are not in ``PIXEL_ENCODINGS`` are left out.
        result: What was computed.
        image: (H, W, 3) uint8 RGB, the camera image.
        tables: Of the classes of the labels.
        options: How images are made.

    Raises:
        RuntimeError: If the segmenter was not asked for what a topic shows.
    """
    labels = result.labels
    makers: dict[str, Callable[[], UInt8Array | None]] = {
        topics.MASK: lambda: labels,
        topics.CONFIDENCE: lambda: result.confidence,
        topics.ENTROPY: lambda: result.entropy,
        topics.DRIVABLE_AREA: lambda: result.drivable_area,
        topics.MOVABLE: lambda: _looked_up(labels, tables.movable),
        topics.GROUPS: lambda: _groups(labels, tables),
        topics.COLOR: lambda: colorize(labels, tables.taxonomy),
        topics.OVERLAY: lambda: overlay(image, labels, tables.taxonomy, options.overlay_alpha),
    }
    yield from _decimated(names, result, tables, options)
    for name, make in makers.items():
        if name in names:
            yield name, _computed(name, make())


def _decimated(
    names: Collection[str], result: Segmentation, tables: ClassTables, options: ImageOptions
) -> Iterator[tuple[str, UInt8Array]]:
    """Yield mask and confidence made small, from the same pixels."""
    wanted = [
        name for name in (topics.DECIMATED_MASK, topics.DECIMATED_CONFIDENCE) if name in names
    ]
    if not wanted:
        return
    confidence = None
    if topics.DECIMATED_CONFIDENCE in wanted:
        confidence = _computed(topics.DECIMATED_CONFIDENCE, result.confidence)
    pair = _decimated_pair(result.labels, confidence, tables, options)
    made = dict(zip((topics.DECIMATED_MASK, topics.DECIMATED_CONFIDENCE), pair, strict=True))
    for name in wanted:
        yield name, _computed(name, made[name])


def _decimated_pair(
    labels: UInt8Array, confidence: UInt8Array | None, tables: ClassTables, options: ImageOptions
) -> tuple[UInt8Array, UInt8Array | None]:
    factor = options.factor(labels.shape)
    if options.decimation_rule == 'obstacle':
        return decimate_labels(labels, confidence, factor, tables.obstacle_order)
    return decimate(labels, factor), None if confidence is None else decimate(confidence, factor)


def _groups(labels: UInt8Array, tables: ClassTables) -> UInt8Array | None:
    return None if tables.groups is None else _looked_up(labels, tables.groups.table)


def _looked_up(labels: UInt8Array, table: UInt8Array) -> UInt8Array:
    return cast('UInt8Array', cv2.LUT(labels, table))


def _computed(name: str, pixels: UInt8Array | None) -> UInt8Array:
    if pixels is None:
        msg = f'{name!r} was asked for and not computed: a defect of seg_node, please report it.'
        raise RuntimeError(msg)
    return pixels


def autoware_runs(labels: UInt8Array, tables: ClassTables) -> UInt8Array:
    """Return a label map, (H, W) uint8, as runs of Autoware's labels: (5 N,) uint8."""
    return run_lengths(_looked_up(labels, tables.autoware))


def coded_labels(labels: UInt8Array) -> UInt8Array:
    """Return a label map, (H, W) uint8, as a lossless PNG file: (N,) uint8."""
    _, coded = cv2.imencode('.png', labels, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    return np.asarray(coded, np.uint8).reshape(-1)
