# SPDX-License-Identifier: Apache-2.0
"""What the dense CRF does to the scores: additive sums of labels before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics import boundary_f1_of_classes, class_iou, count_pairs, mean_iou_of_set
from seg_node.metrics.quotient import mean_of_known, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float64Array = npt.NDArray[np.float64]

__all__ = ['Effect', 'Sums', 'sums_of_frame', 'total']

POINTS = 100.0


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over frames, of which mean IoU and boundary F1 are divided out; K classes.

    Attributes:
        confusion: (K, K) int64, see ``metrics.count_pairs``.
        of_classes: (K, 2) float64: boundary F1 of each class, and images that have an outline of
            it.
        of_images: (2,) float64: mean boundary F1 of each image, and images that have an outline.
    """

    confusion: npt.NDArray[np.int64]
    of_classes: Float64Array
    of_images: Float64Array

    def __add__(self, other: Sums) -> Sums:
        """Return the sums of both."""
        return Sums(
            self.confusion + other.confusion,
            self.of_classes + other.of_classes,
            self.of_images + other.of_images,
        )

    @property
    def class_iou(self) -> Float64Array:
        """IoU of each class: (K,), NaN for a class that never occurs."""
        return class_iou(self.confusion)

    @property
    def mean_iou(self) -> float:
        """Mean IoU of the set, 0 to 1."""
        return mean_iou_of_set(self.confusion)

    @property
    def class_boundary_f1(self) -> Float64Array:
        """Mean over images of the boundary F1 of each class: (K,), NaN without an outline."""
        return ratio(self.of_classes[:, 0], self.of_classes[:, 1])

    @property
    def boundary_f1(self) -> float:
        """Boundary F1 of the set as in an evaluation, 0 to 1, NaN without an outline."""
        return float(ratio(self.of_images[0], self.of_images[1]))


def sums_of_frame(truth: UInt8Array, labels: UInt8Array, classes: int) -> Sums:
    """Return the sums of one frame.

    Args:
        truth: (H, W) uint8 class ids; 255 is unlabelled.
        labels: (H, W) uint8 class ids below K.
        classes: Number of classes K.
    """
    scores = boundary_f1_of_classes(truth, labels, classes)
    known = ~np.isnan(scores)
    mean = mean_of_known(scores)
    return Sums(
        confusion=count_pairs(truth, labels, classes),
        of_classes=np.stack([np.where(known, scores, 0.0), known], axis=1).astype(np.float64),
        of_images=np.array([mean, 1.0]) if known.any() else np.zeros(2),
    )


@dataclass(frozen=True, slots=True)
class Effect:
    """The same frames before and after the dense CRF; changes are in points, 100 x figure.

    Attributes:
        before: Of the network's labels.
        after: Of the refined labels.
    """

    before: Sums
    after: Sums

    def __add__(self, other: Effect) -> Effect:
        """Return the effect on the frames of both."""
        return Effect(self.before + other.before, self.after + other.after)

    @property
    def boundary_gain(self) -> float:
        """Change of the boundary F1 of the set [points]; 0 where there is no outline."""
        return float(np.nan_to_num(POINTS * (self.after.boundary_f1 - self.before.boundary_f1)))

    @property
    def iou_gain(self) -> float:
        """Change of the mean IoU of the set [points]."""
        return float(np.nan_to_num(POINTS * (self.after.mean_iou - self.before.mean_iou)))

    @property
    def class_changes(self) -> Float64Array:
        """Change of the IoU of each class [points]: (K,), NaN where one of the two is unknown."""
        return POINTS * (self.after.class_iou - self.before.class_iou)

    @property
    def worst_change(self) -> float:
        """Change of the class that fares worst [points]; 0 where no class is known."""
        known = self.class_changes[~np.isnan(self.class_changes)]
        return float(known.min()) if known.size else 0.0


def total(effects: Iterable[Effect]) -> Effect:
    """Return the effect on all frames of at least one."""
    return reduce(add, effects)
