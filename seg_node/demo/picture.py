# SPDX-License-Identifier: Apache-2.0
"""What the node published for a frame, turned into pictures for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.drawing import CONFIDENCE_MAP, drivable_picture, ENTROPY_MAP, heat
from seg_node.imaging import colorize, overlay

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    from .record import Moment

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['OVERLAY_ALPHA', 'moment_picture']

OVERLAY_ALPHA = 0.55

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
