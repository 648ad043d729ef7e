# SPDX-License-Identifier: Apache-2.0
"""How well the outlines of the classes are met.

G. Csurka, D. Larlus, F. Perronnin, "What is a good evaluation measure for semantic
segmentation?", BMVC 2013, in the form of V. Badrinarayanan, A. Kendall, R. Cipolla, "SegNet",
PAMI 2017, section 4.1.
"""

from __future__ import annotations

from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.metrics.layout import check_bytes
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

__all__ = ['boundary_f1_of_classes', 'boundary_f1_of_image', 'outline']

TOLERANCE = 0.0075  # of the image diagonal, as in both papers


def boundary_f1_of_image(
    truth: npt.NDArray[np.uint8],
    predicted: npt.NDArray[np.uint8],
    tolerance: float | None = None,
) -> float:
    """Return the boundary F1 (BF) of one image.

    For each class with an outline in the truth: precision is the share of the predicted outline
    within ``tolerance`` of the true one, recall the reverse, F1 their harmonic mean. The image has
    the mean over these classes; a set is scored by the mean over its images. Outlines against
    unlabelled pixels and the border of the image do not count.

    Args:
        truth: (H, W) uint8 class ids; 255 is unlabelled.
        predicted: (H, W) uint8 class ids.
        tolerance: Distance [px]; None for 0.75 % of the image diagonal.

    Returns:
        0 to 1, or NaN if no class has an outline in the truth.

    Raises:
        TypeError: If an array is not uint8.
        ValueError: If the sizes differ.
    """
    scores = list(_scores(truth, predicted, tolerance).values())
    return float(np.mean(scores)) if scores else float('nan')


def boundary_f1_of_classes(
    truth: npt.NDArray[np.uint8],
    predicted: npt.NDArray[np.uint8],
    classes: int,
    tolerance: float | None = None,
) -> npt.NDArray[np.float64]:
    """Return the boundary F1 of each class of one image; see ``boundary_f1_of_image``.

    Args:
        truth: (H, W) uint8 class ids; 255 is unlabelled.
        predicted: (H, W) uint8 class ids.
        classes: Number of classes K, above every id in the truth.
        tolerance: Distance [px]; None for 0.75 % of the image diagonal.

    Returns:
        (K,) float64: 0 to 1, NaN where a class has no outline in the truth.

    Raises:
        TypeError: If an array is not uint8.
        ValueError: If the sizes differ.
    """
    result = np.full(classes, np.nan)
    for number, score in _scores(truth, predicted, tolerance).items():
        result[number] = score
    return result


def outline(labels: npt.NDArray[np.uint8]) -> Mask:
    """Return where a pixel has a neighbour (4) of another class; 255 is no class.

    Args:
        labels: (H, W) uint8 class ids.

    Returns:
        (H, W) bool: the outlines, one pixel wide on either side of a border.
    """
    edges = np.zeros(labels.shape, np.bool_)
    for one, other in (
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        first, second = labels[one], labels[other]
        change = (first != second) & (first != UNLABELLED) & (second != UNLABELLED)
        edges[one] |= change
        edges[other] |= change
    return edges


def _scores(
    truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8], tolerance: float | None
) -> dict[int, float]:
    """Return the F1 of each class that has an outline in the truth."""
    check_bytes(truth, predicted)
    reach = TOLERANCE * float(np.hypot(*truth.shape)) if tolerance is None else tolerance
    disk = _disk(reach)
    visible = np.where(truth == UNLABELLED, UNLABELLED, predicted).astype(np.uint8)
    true_edges, guessed_edges = outline(truth), outline(visible)
    return {
        int(number): _f1(true_edges & (truth == number), guessed_edges & (visible == number), disk)
        for number in np.unique(truth[true_edges])
    }


def _f1(truth: Mask, predicted: Mask, disk: npt.NDArray[np.uint8]) -> float:
    """Return the F1 of one class that has an outline in the truth."""
    if not predicted.any():
        return 0.0
    precision = float(np.mean(_grown(truth, disk)[predicted]))
    recall = float(np.mean(_grown(predicted, disk)[truth]))
    together = precision + recall
    return 2.0 * precision * recall / together if together else 0.0


def _disk(reach: float) -> npt.NDArray[np.uint8]:
    """Return 1 at every whole offset that is at most ``reach`` [px] long."""
    offset = np.arange(-int(reach), int(reach) + 1)
    return (np.hypot(offset[:, None], offset) <= reach).astype(np.uint8)


def _grown(mask: Mask, disk: npt.NDArray[np.uint8]) -> Mask:
    """Return the pixels that are within the disk around some pixel of the mask."""
    return cast('Mask', cv2.dilate(mask.view(np.uint8), disk).view(np.bool_))
