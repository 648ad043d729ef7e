# SPDX-License-Identifier: Apache-2.0
"""Numbers from label maps: counts are summed over a set, and divided once.

Every mean says in its name what it is over.
"""

from .boundary import boundary_f1_of_image
from .calibration import calibration_error, count_confidence, mean_nll, sum_nll
from .confusion import count_pairs
from .scores import (
    class_dice,
    class_iou,
    class_precision,
    class_recall,
    classes_in_mean,
    dice_from_iou,
    frequency_weighted_iou,
    global_accuracy,
    iou_from_dice,
    mean_class_accuracy,
    mean_dice_of_set,
    mean_iou_of_images,
    mean_iou_of_set,
)

__all__ = [
    'boundary_f1_of_image',
    'calibration_error',
    'class_dice',
    'class_iou',
    'class_precision',
    'class_recall',
    'classes_in_mean',
    'count_confidence',
    'count_pairs',
    'dice_from_iou',
    'frequency_weighted_iou',
    'global_accuracy',
    'iou_from_dice',
    'mean_class_accuracy',
    'mean_dice_of_set',
    'mean_iou_of_images',
    'mean_iou_of_set',
    'mean_nll',
    'sum_nll',
]
