# SPDX-License-Identifier: Apache-2.0
"""Scores from counts: sums are taken over the whole set, the division is done once.

With the counts n[i, j] of pixels of true class i predicted as class j, TP = n[c, c],
FN = the rest of row c and FP = the rest of column c:

=====================  ==============================================================
IoU (Jaccard)          TP / (TP + FP + FN)
Dice (F1)              2 TP / (2 TP + FP + FN)
precision              TP / (TP + FP)
recall                 TP / (TP + FN); its mean is known as "class accuracy"
global accuracy        sum of TP / all pixels
frequency-weighted     sum over c of (share of class c in the truth) x IoU of c
=====================  ==============================================================

A score whose denominator is zero is NaN, never 0 or -1, and means leave it out. So a class that
occurs neither in truth nor in prediction has no IoU, and one that was only ever predicted has 0,
as in the evaluation of Cityscapes and PASCAL VOC. ``classes_in_mean`` says how many are left.

M. Everingham et al., "The PASCAL visual object classes challenge: a retrospective", IJCV 2015;
J. Long, E. Shelhamer, T. Darrell, "Fully convolutional networks for semantic segmentation",
CVPR 2015, section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.quotient import mean_of_known, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]
    Scores = npt.NDArray[np.float64]

__all__ = [
    'class_dice',
    'class_iou',
    'class_precision',
    'class_recall',
    'classes_in_mean',
    'dice_from_iou',
    'frequency_weighted_iou',
    'global_accuracy',
    'iou_from_dice',
    'mean_class_accuracy',
    'mean_dice_of_set',
    'mean_iou_of_images',
    'mean_iou_of_set',
]


def class_iou(counts: Counts) -> Scores:
    """Return intersection over union of each class: (K,), NaN for a class that never occurs.

    Args:
        counts: (K, K) as from ``count_pairs``.

    Example:
        >>> class_iou(np.array([[1, 1, 0], [0, 3, 0], [0, 0, 0]])).tolist()
        [0.5, 0.75, nan]
    """
    hits = np.diagonal(counts)
    return ratio(hits, counts.sum(axis=0) + counts.sum(axis=1) - hits)


def class_dice(counts: Counts) -> Scores:
    """Return the Dice coefficient of each class: (K,), NaN for a class that never occurs.

    Example:
        >>> class_dice(np.array([[1, 1], [1, 1]])).tolist()
        [0.5, 0.5]
    """
    return ratio(2 * np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1))


def class_precision(counts: Counts) -> Scores:
    """Return which share of the pixels predicted as each class is right: (K,).

    NaN for a class that was never predicted.
    """
    return ratio(np.diagonal(counts), counts.sum(axis=0))


def class_recall(counts: Counts) -> Scores:
    """Return which share of the pixels of each class was found: (K,).

    NaN for a class that is not in the truth.
    """
    return ratio(np.diagonal(counts), counts.sum(axis=1))


def classes_in_mean(scores: Scores) -> int:
    """Return how many classes have a score, which is what a mean is over."""
    return int(np.count_nonzero(~np.isnan(scores)))


def mean_iou_of_set(counts: Counts) -> float:
    """Return the mean over classes of the IoU of the whole set; NaN without a labelled pixel.

    This is the "mIoU" of Cityscapes and CamVid tables.

    Example:
        >>> mean_iou_of_set(np.array([[1, 1, 0], [0, 3, 0], [0, 0, 0]]))
        0.625
    """
    return mean_of_known(class_iou(counts))


def mean_iou_of_images(counts_of_images: Iterable[Counts]) -> float:
    """Return the mean over images of each image's own mean IoU.

    It weighs every image alike, is mostly higher than ``mean_iou_of_set``, and is not what
    published tables show. An image without a labelled pixel is left out.
    """
    return mean_of_known(np.array([mean_iou_of_set(counts) for counts in counts_of_images]))


def mean_dice_of_set(counts: Counts) -> float:
    """Return the mean over classes of the Dice coefficient of the whole set."""
    return mean_of_known(class_dice(counts))


def mean_class_accuracy(counts: Counts) -> float:
    """Return the mean recall over the classes that are in the truth."""
    return mean_of_known(class_recall(counts))


def global_accuracy(counts: Counts) -> float:
    """Return which share of the labelled pixels is right; NaN without a labelled pixel."""
    return float(ratio(np.trace(counts), counts.sum()))


def frequency_weighted_iou(counts: Counts) -> float:
    """Return the IoU weighted with each class's share of the truth.

    Example:
        >>> frequency_weighted_iou(np.array([[6, 2], [0, 2]]))
        0.7
    """
    pixels = counts.sum(axis=1)
    present = pixels > 0
    if not present.any():
        return float('nan')
    return float((pixels[present] * class_iou(counts)[present]).sum() / pixels.sum())


def iou_from_dice(dice: Scores) -> Scores:
    """Return the IoU that belongs to a Dice coefficient: Dice / (2 - Dice)."""
    return dice / (2.0 - dice)


def dice_from_iou(iou: Scores) -> Scores:
    """Return the Dice coefficient that belongs to an IoU: 2 IoU / (1 + IoU)."""
    return 2.0 * iou / (1.0 + iou)
