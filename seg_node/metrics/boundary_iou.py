# SPDX-License-Identifier: Apache-2.0
"""IoU of the bands along the outlines, where IoU of large classes hardly looks.

B. Cheng, R. Girshick, P. Dollár, A. Berg, A. Kirillov, "Boundary IoU: improving object-centric
image segmentation evaluation", CVPR 2021, equation 2, for each class of a label map:

    |G_d & P_d| / |G_d | P_d|

where G_d are the pixels of the true mask that are at most d away from its contour, and P_d the
same of the predicted mask. As in the authors' code d is 2 % of the image diagonal, distances are
those of a square (larger of the offsets along x and y), and where the image cuts a mask off is a
contour too. Unlabelled pixels do not count, and no contour runs along them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.metrics.layout import check_bytes
from seg_node.metrics.quotient import ratio
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    Labels = npt.NDArray[np.uint8]

__all__ = ['boundary_iou', 'count_boundaries']

RATIO = 0.02  # of the image diagonal, as in the paper


def count_boundaries(
    truth: Labels, predicted: Labels, classes: int, ratio: float = RATIO
) -> npt.NDArray[np.int64]:
    """Count the pixels in which the bands along true and predicted outlines agree.

    Args:
        truth: (H, W) uint8 class ids; 255 is unlabelled.
        predicted: (H, W) uint8 class ids below K.
        classes: Number of classes K.
        ratio: Width of the band as a share of the image diagonal; it is at least one pixel wide.

    Returns:
        (K, 2) int64: pixels in both bands of a class, pixels in either of them. Results of several
        images are added.

    Raises:
        TypeError: If an array is not uint8.
        ValueError: If the shapes differ.
    """
    check_bytes(truth, predicted)
    reach = max(1, round(ratio * float(np.hypot(*truth.shape))))
    visible = np.where(truth == UNLABELLED, truth, predicted)
    true_band, guessed_band = _band(truth, reach), _band(visible, reach)
    both = true_band & guessed_band & (truth == visible)
    shared, true, guessed = (
        np.bincount(labels[band], minlength=classes)[:classes]
        for labels, band in ((truth, both), (truth, true_band), (visible, guessed_band))
    )
    return np.stack([shared, true + guessed - shared], axis=1).astype(np.int64)


def boundary_iou(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the boundary IoU of each class: (K,), NaN for a class that never occurs.

    Args:
        counts: (K, 2) as from ``count_boundaries``.

    Example:
        >>> boundary_iou(np.array([[1, 4], [0, 0]])).tolist()
        [0.25, nan]
    """
    shared, either = counts.T
    return ratio(shared, either)


def _band(labels: Labels, reach: int) -> npt.NDArray[np.bool_]:
    """Return the labelled pixels that see another class, or the end of the image, in reach.

    A window in which the smallest and the largest label are the pixel's own holds no other class;
    so two passes do for all classes.
    """
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    unlabelled = labels == UNLABELLED
    smallest = cv2.erode(labels, square)
    largest = cv2.dilate(np.where(unlabelled, np.uint8(0), labels), square)
    band: npt.NDArray[np.bool_] = (smallest != labels) | (largest != labels)
    band[:reach] = band[-reach:] = True
    band[:, :reach] = band[:, -reach:] = True
    band[unlabelled] = False
    return band
