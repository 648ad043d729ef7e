# SPDX-License-Identifier: Apache-2.0
"""Numbers from label maps: counts are summed over a set, and divided once.

Functions ``count_...`` and ``sum_...`` take one image and return arrays that are added over
images, models and machines; the others take the sums and return figures. Only scores with
``of_image`` or ``of_images`` in their names are of single images, and means of these. What is
nothing of nothing is NaN, and left out of means.
"""

from .boundary import boundary_f1_of_classes, boundary_f1_of_image
from .boundary_iou import boundary_iou, count_boundaries
from .calibration import (
    calibration_error,
    count_confidence,
    mean_calibration_error_of_images,
    Reliability,
    reliability,
)
from .categories import CATEGORIES, category_iou, has_categories, sum_categories
from .class_calibration import (
    class_calibration_error,
    count_class_confidence,
    mean_class_calibration_error,
)
from .confusion import count_pairs
from .drivable import (
    cautious_level,
    count_drivable,
    drivable_curve,
    DrivableCurve,
    probability_of_level,
    published_share,
    road_users,
)
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
from .scoring_rules import mean_brier, mean_nll, sum_brier, sum_nll
from .selective import area_under_risk_coverage, LEVELS, risk_coverage, RiskCoverage
from .temperature import (
    best_temperature,
    pixels_for_temperature,
    sum_nll_of_temperatures,
    TEMPERATURES,
)

__all__ = [
    'CATEGORIES',
    'LEVELS',
    'TEMPERATURES',
    'DrivableCurve',
    'Reliability',
    'RiskCoverage',
    'area_under_risk_coverage',
    'best_temperature',
    'boundary_f1_of_classes',
    'boundary_f1_of_image',
    'boundary_iou',
    'calibration_error',
    'category_iou',
    'cautious_level',
    'class_calibration_error',
    'class_dice',
    'class_iou',
    'class_precision',
    'class_recall',
    'classes_in_mean',
    'count_boundaries',
    'count_class_confidence',
    'count_confidence',
    'count_drivable',
    'count_pairs',
    'dice_from_iou',
    'drivable_curve',
    'frequency_weighted_iou',
    'global_accuracy',
    'has_categories',
    'iou_from_dice',
    'mean_brier',
    'mean_calibration_error_of_images',
    'mean_class_accuracy',
    'mean_class_calibration_error',
    'mean_dice_of_set',
    'mean_iou_of_images',
    'mean_iou_of_set',
    'mean_nll',
    'pixels_for_temperature',
    'probability_of_level',
    'published_share',
    'reliability',
    'risk_coverage',
    'road_users',
    'sum_brier',
    'sum_categories',
    'sum_nll',
    'sum_nll_of_temperatures',
]
