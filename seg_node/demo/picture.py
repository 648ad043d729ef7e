# SPDX-License-Identifier: Apache-2.0
"""What the node published for a frame, turned into pictures for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.drawing import CONFIDENCE_MAP, ENTROPY_MAP, heat
from seg_node.imaging import colorize, overlay

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    from .record import Moment

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['DRIVABLE', 'drivable_picture', 'moment_picture']

DRIVABLE = (64, 220, 120)
DRIVABLE_ALPHA = 0.55
OVERLAY_ALPHA = 0.55
REST_LEVEL = 0.55

# Which topic the picture of a column is made from.
TOPICS = {
    'mask': 'mask',
    'overlay': 'mask',
    'confidence': 'confidence',
    'entropy': 'entropy',
    'drivable area': 'drivable_area',
}
COLOR_MAPS = {'confidence': CONFIDENCE_MAP, 'entropy': ENTROPY_MAP}


def moment_picture(
    moment: Moment, name: str, classes: Taxonomy, truth_classes: Taxonomy | None = None
) -> UInt8Array | None:
    """Return one picture of a moment.

    Args:
        moment: What was sent and what came back.
        name: Title of a column of the contact sheet.
        classes: Of the mask.
        truth_classes: Of the true labels.

    Returns:
        (H, W, 3) uint8 RGB; None if it did not come back, or nobody knows it.
    """
    if name == 'image':
        return moment.image()
    if name == 'truth':
        return colored(moment.truth(), truth_classes)
    plane = moment.plane(TOPICS[name])
    if plane is None or name == 'mask':
        return colored(plane, classes)
    if name == 'overlay':
        return overlay(moment.image(), plane, classes, OVERLAY_ALPHA)
    if name == 'drivable area':
        return drivable_picture(moment.image(), plane)
    return heat(plane, COLOR_MAPS[name])


def colored(labels: UInt8Array | None, classes: Taxonomy | None) -> UInt8Array | None:
    """Return labels in the colours of their classes; None if either is not there."""
    return None if labels is None or classes is None else colorize(labels, classes)


def drivable_picture(image: UInt8Array, area: UInt8Array) -> UInt8Array:
    """Return the image in dim grey, with the drivable area in green.

    Args:
        image: (H, W, 3) uint8 RGB.
        area: (H, W) uint8, 255 where one may drive, else 0.
    """
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    paint = np.full_like(grey, DRIVABLE)
    green = cv2.addWeighted(grey, 1 - DRIVABLE_ALPHA, paint, DRIVABLE_ALPHA, 0)
    dim = cv2.convertScaleAbs(grey, alpha=REST_LEVEL)
    return np.asarray(cv2.copyTo(green, area, dim), np.uint8)
