# SPDX-License-Identifier: Apache-2.0
"""Frames that the dense CRF refined, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.drawing import SheetRow
from seg_node.errors import TaxonomyError
from seg_node.imaging import overlay
from seg_node.metrics import count_pairs, mean_iou_of_set
from seg_node.pipeline import open_segmenter, Outputs
from seg_node.progress import progress
from seg_node.taxonomy import group_id_map, UNLABELLED

from .picture import colored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.taxonomy import IdMap, Taxonomy

    from .record import Moment

    UInt8Array = npt.NDArray[np.uint8]
    Color = tuple[int, int, int]

__all__ = [
    'CHANGES',
    'Refined',
    'change_picture',
    'effect',
    'look_again',
    'most_changed',
    'refined_row',
    'truth_ids',
    'truth_of',
]

# What the colours of a change mean; those of one that nobody can judge are its classes'.
CHANGES: dict[str, Color] = {
    'right now': (64, 220, 120),
    'wrong now': (235, 64, 52),
    'wrong before and after': (240, 190, 60),
}
OVERLAY_ALPHA = 0.6
DIM = 0.35
# Share of the picture's sides that is shown, so that outlines can be seen.
ZOOM = 0.4
# Of the refined frames, so many are run through the network once more; more would take long.
MOST_LOOKED_AT = 12
LABELS = Outputs(confidence=False, entropy=False, drivable_area=False)


@dataclass(frozen=True, slots=True)
class Refined:
    """A moment whose mask the CRF refined.

    Attributes:
        moment: What was sent and what came back.
        network: (H, W) uint8, the labels without the CRF.
        mask: (H, W) uint8, those that the node published.
    """

    moment: Moment
    network: UInt8Array
    mask: UInt8Array

    @property
    def both(self) -> tuple[UInt8Array, UInt8Array]:
        """Labels before and after."""
        return self.network, self.mask

    @property
    def changed(self) -> npt.NDArray[np.bool_]:
        """Where the labels differ, (H, W)."""
        return np.not_equal(self.network, self.mask)


def look_again(
    moments: Iterable[Moment], bundle: Bundle, engine: tuple[str, str]
) -> list[Refined]:
    """Return the moments that the CRF refined, with what the network alone said of them.

    The node publishes one mask per frame, so the network is asked once more.

    Args:
        moments: Those with a mask; of many refined ones only some are looked at.
        bundle: That the node ran.
        engine: Name and precision of the engine that it ran on.
    """
    ran = [moment for moment in moments if moment.status.get('crf') == 'ran']
    if not ran:
        return []
    some = ran[:: -(-len(ran) // MOST_LOOKED_AT)]
    found = []
    name, precision = engine
    with open_segmenter(bundle.path, name, precision=precision) as segmenter:
        for moment in progress(some, what='comparing with the network alone', unit='frame'):
            mask = moment.plane('mask')
            if mask is not None:
                network = segmenter(moment.image(), LABELS).labels
                found.append(Refined(moment, network, mask))
    return found


def most_changed(frames: Iterable[Refined], count: int) -> list[Refined]:
    """Return those of which the CRF changed most, at most ``count``, in the order of the drive."""
    by_change = sorted(frames, key=lambda one: -one.changed.mean())
    return sorted(by_change[:count], key=lambda one: one.moment.index)


def effect(frames: Sequence[Refined], ids: IdMap | None, classes: Taxonomy) -> dict[str, Any]:
    """Return the mean IoU of some frames without and with the CRF, as plain data.

    Args:
        frames: Counts are summed over all of them and divided once.
        ids: From the classes of the truth to those of the masks; None where nobody knows.
        classes: Of the masks.

    Returns:
        ``compared_frames``, and ``mean_iou_before`` and ``mean_iou_after``, 0 to 1 or None.
    """
    counts = np.zeros((2, len(classes), len(classes)), np.int64)
    for one in frames:
        truth = truth_of(one.moment, ids)
        if truth is not None:
            counts += [count_pairs(truth, labels, len(classes)) for labels in one.both]
    before, after = (mean_iou_of_set(sums) if sums.any() else None for sums in counts)
    return {
        'compared_frames': len(frames),
        'mean_iou_before': before,
        'mean_iou_after': after,
    }


def refined_row(
    one: Refined, classes: Taxonomy, truth: UInt8Array | None, caption: Sequence[str]
) -> SheetRow:
    """Return a line of pictures, cut out where the CRF changed most.

    Args:
        one: The frame.
        classes: Of both masks.
        truth: (H, W) uint8 true labels in these classes; None where nobody knows.
        caption: Its first lines.
    """
    here = window(one.changed)
    image = one.moment.image()
    truth_picture = colored(truth, classes)
    pictures = [
        image,
        overlay(image, one.network, classes, OVERLAY_ALPHA),
        overlay(image, one.mask, classes, OVERLAY_ALPHA),
        change_picture(image, one, classes, truth),
        *([] if truth_picture is None else [truth_picture]),
    ]
    changed = f'{100 * one.changed.mean():.1f} % changed'
    return SheetRow([*caption, changed], [picture[here] for picture in pictures])


def change_picture(
    image: UInt8Array, one: Refined, classes: Taxonomy, truth: UInt8Array | None
) -> UInt8Array:
    """Return the image in dim grey, with the pixels whose label changed in colour.

    Args:
        image: (H, W, 3) uint8 RGB.
        one: The labels before and after.
        classes: Of the labels.
        truth: (H, W) uint8 true labels; None paints the new label's own colour.
    """
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture = np.asarray(cv2.convertScaleAbs(grey, alpha=DIM), np.uint8)
    changed = one.changed
    if truth is None:
        picture[changed] = classes.colors[one.mask[changed]]
        return picture
    known = changed & (truth != UNLABELLED)
    for where, color in zip(
        (one.mask == truth, one.network == truth, (one.mask != truth) & (one.network != truth)),
        CHANGES.values(),
        strict=True,
    ):
        picture[known & where] = color
    return picture


def truth_ids(truth_classes: Taxonomy | None, classes: Taxonomy) -> IdMap | None:
    """Return the map from the classes of the truth to those of the masks, if there is one."""
    if truth_classes is None:
        return None
    try:
        return group_id_map(truth_classes, classes)
    except TaxonomyError:
        return None


def truth_of(moment: Moment, ids: IdMap | None) -> UInt8Array | None:
    """Return the true labels of a moment in the classes of the masks; None if nobody knows."""
    truth = moment.truth()
    return None if truth is None or ids is None else ids.apply(truth)


def window(changed: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns of the part of a picture in which most pixels changed.

    Args:
        changed: (H, W) bool.
    """
    size = [max(round(ZOOM * length), 1) for length in changed.shape]
    sums = cv2.integral(changed.astype(np.uint8))
    height, width = size
    counts = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
    counts = counts + sums[:-height, :-width]
    top, left = (int(place) for place in np.unravel_index(int(counts.argmax()), counts.shape))
    return slice(top, top + height), slice(left, left + width)
