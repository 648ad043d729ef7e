# SPDX-License-Identifier: Apache-2.0
"""Sums of frames against truth, exact: in whatever order and groups they are added, they agree.

Sums that are no whole numbers are rounded to a fixed fraction once per frame. Such fractions add
up in float64 without any error, so one process and many machines get the same bytes.
"""

from __future__ import annotations

from typing import Any, cast, TYPE_CHECKING

import numpy as np

from seg_node.datasets import Sample
from seg_node.evaluation.sums import binned, Sums
from seg_node.metrics import (
    calibration_error,
    count_boundaries,
    count_drivable,
    count_pairs,
    LEVELS,
    mean_iou_of_set,
)
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from seg_node.evaluation.frame_sums import FrameSums
    from seg_node.evaluation.prediction import Prediction

    UInt8Array = npt.NDArray[np.uint8]
    Float64Array = npt.NDArray[np.float64]

__all__ = ['exact', 'full_sums', 'quick_sums', 'sums_from_plain']

# Smallest part of a sum; well above the digits that sums are written with. Pixels: exact up to
# 2**37 of them; figures of images: up to 2**29.
FRACTION = 2.0**-16
FRACTION_OF_IMAGES = 2.0**-24
FRACTIONS = {
    'confidence': FRACTION,
    'class_confidence': FRACTION,
    'nll': FRACTION,
    'brier': FRACTION,
    'nll_of_temperatures': FRACTION,
    'entropy': FRACTION,
    'of_images': FRACTION_OF_IMAGES,
}


def exact(sums: Sums) -> Sums:
    """Round the sums of a frame to fractions that add up without error; in place."""
    for name, fraction in FRACTIONS.items():
        values: Float64Array = getattr(sums, name)
        setattr(sums, name, np.rint(values / fraction) * fraction)
    return sums


def sums_from_plain(data: Mapping[str, Any], classes: int) -> Sums:
    """Read sums that were written as plain data; equal to those that were written.

    Raises:
        DatasetError: If sums are missing or of another shape.
    """
    return exact(Sums.from_plain(data, classes))


def quick_sums(truth: UInt8Array, prediction: Prediction, classes: int) -> Sums:
    """Return the sums of a frame that need its published images alone.

    Those of probabilities, of boundaries of single images and the map of errors stay zero.

    Args:
        truth: (H, W) uint8 ids; 255 is unlabelled.
        prediction: In the same classes.
        classes: Number of classes K.
    """
    sums = Sums.zero(classes)
    labels, level = prediction.labels, prediction.confidence
    labelled = truth != UNLABELLED
    sums.confusion = count_pairs(truth, labels, classes)
    sums.confidence = _count_levels(level, labels == truth, labelled)
    sums.boundary = count_boundaries(truth, labels, classes)
    sums.of_images[0] = _known(mean_iou_of_set(sums.confusion))
    sums.of_images[2] = _known(calibration_error(binned(sums.confidence)))
    published = prediction.published
    if published is not None:
        entropy = cast('UInt8Array', published.entropy)[labelled]
        total = entropy.sum(dtype=np.float64) / (LEVELS - 1)
        sums.entropy = np.array([total, entropy.size], np.float64)
        own = cast('UInt8Array', published.confidence)
        sums.drivable = count_drivable(own, truth, classes, prediction.allowed)
    return exact(sums)


def full_sums(
    image: UInt8Array, truth: UInt8Array, prediction: Prediction, sums_of: FrameSums
) -> Sums:
    """Return all sums of a frame, as an evaluation of labelled images has them.

    Args:
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) uint8 ids; 255 is unlabelled.
        prediction: In the same classes, with probabilities.
        sums_of: Makes them.
    """
    return exact(sums_of(Sample('', image, truth), prediction))


def _count_levels(
    level: UInt8Array, right: npt.NDArray[np.bool_], labelled: npt.NDArray[np.bool_]
) -> Float64Array:
    """Return the same as ``count_confidence`` of 8-bit levels in 256 bins, in one pass."""
    pairs = (level.astype(np.uint16) << 1) | right
    table = np.bincount(pairs[labelled], minlength=2 * LEVELS).reshape(LEVELS, 2)
    pixels = table.sum(axis=1)
    return np.stack([pixels, pixels * (np.arange(LEVELS) / (LEVELS - 1)), table[:, 1]], axis=1)


def _known(value: float) -> tuple[float, float]:
    """Return a figure of an image and that it has one, or twice zero."""
    return (0.0, 0.0) if np.isnan(value) else (value, 1.0)
