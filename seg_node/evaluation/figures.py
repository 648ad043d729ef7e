# SPDX-License-Identifier: Apache-2.0
"""From sums to figures: the one place where an evaluation divides.

Scores are 0 to 1; what is undefined, for example the IoU of a class that never occurs, is None.
"""

from __future__ import annotations

import math
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.bundle.quality import close_temperatures
from seg_node.evaluation.sums import binned
from seg_node.metrics import (
    area_under_risk_coverage,
    best_temperature,
    boundary_iou,
    calibration_error,
    CATEGORIES,
    category_iou,
    cautious_level,
    class_calibration_error,
    class_dice,
    class_iou,
    class_precision,
    class_recall,
    classes_in_mean,
    drivable_curve,
    frequency_weighted_iou,
    global_accuracy,
    has_categories,
    mean_brier,
    mean_class_accuracy,
    mean_class_calibration_error,
    mean_dice_of_set,
    mean_iou_of_set,
    mean_nll,
    probability_of_level,
    road_users,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from seg_node.evaluation.sums import Sums
    from seg_node.taxonomy import Taxonomy

__all__ = ['DRIVABLE_LIMIT', 'better_temperature', 'figures', 'number']

DIGITS = 6
DRIVABLE_LIMIT = 0.005
"""Largest share of road users' pixels that may be published as drivable."""


def figures(sums: Sums, classes: Taxonomy) -> dict[str, Any]:
    """Return all figures as plain data.

    Args:
        sums: Of one model or of several.
        classes: Those of the comparison.
    """
    return {**_of_set(sums), **_of_images(sums), **_of_classes(sums, classes)}


def _of_set(sums: Sums) -> dict[str, Any]:
    counts = sums.confusion
    values = {
        'mean_iou': mean_iou_of_set(counts),
        'mean_dice': mean_dice_of_set(counts),
        'global_accuracy': global_accuracy(counts),
        'class_accuracy': mean_class_accuracy(counts),
        'fw_iou': frequency_weighted_iou(counts),
        'boundary_iou': _mean(boundary_iou(sums.boundary)),
        'ece': calibration_error(binned(sums.confidence)),
        'class_wise_ece': mean_class_calibration_error(sums.class_confidence),
        'nll': mean_nll(sums.nll),
        'brier': mean_brier(sums.brier),
        'aurc': area_under_risk_coverage(sums.confidence),
        'mean_entropy': _ratio(sums.entropy),
        'best_temperature': best_temperature(sums.nll_of_temperatures),
    }
    plain: dict[str, Any] = {key: number(value) for key, value in values.items()}
    return {
        **plain,
        'classes_in_mean': classes_in_mean(class_iou(counts)),
        'labelled_pixels': int(counts.sum()),
    }


def _of_images(sums: Sums) -> dict[str, Any]:
    keys = ('mean_iou_of_images', 'boundary_f1', 'ece_of_images')
    return {key: number(_ratio(one)) for key, one in zip(keys, sums.of_images, strict=True)}


def _of_classes(sums: Sums, classes: Taxonomy) -> dict[str, Any]:
    counts, names = sums.confusion, classes.names
    columns = {
        'class_iou': class_iou(counts),
        'class_dice': class_dice(counts),
        'class_precision': class_precision(counts),
        'class_recall': class_recall(counts),
        'class_boundary_iou': boundary_iou(sums.boundary),
        'class_ece': class_calibration_error(sums.class_confidence),
        'class_share': counts.sum(axis=1) / max(counts.sum(), 1),
    }
    plain: dict[str, Any] = {key: _by_name(names, values) for key, values in columns.items()}
    known = has_categories(names)
    plain['category_iou'] = _by_name(CATEGORIES, category_iou(counts, names)) if known else None
    return {**plain, 'drivable': _drivable(sums, classes), 'confusion': counts.tolist()}


def _drivable(sums: Sums, classes: Taxonomy) -> dict[str, Any] | None:
    """Return the scores at the least threshold that is cautious enough, and at the node's 0.5."""
    users = road_users(classes.names)
    if not sums.drivable[classes.drivable].any():
        return None
    curve = drivable_curve(sums.drivable, classes.drivable, users)
    level = cautious_level(curve, DRIVABLE_LIMIT)

    def at(index: int) -> dict[str, Any]:
        return {
            'recall': number(curve.recall[index]),
            'precision': number(curve.precision[index]),
            'iou': number(curve.iou[index]),
            'false_drivable_rate': number(curve.false_drivable[index]),
        }

    chosen = dict.fromkeys(at(0)) if level is None else at(level)
    threshold = None if level is None else round(probability_of_level(level), DIGITS)
    return {'threshold': threshold, **chosen, 'at_half': at(len(curve.recall) // 2)}


def better_temperature(data: Mapping[str, Any]) -> float | None:
    """Return the best temperature if another than the one used is better by more than 2 %."""
    used, best = data['temperature'], data['best_temperature']
    if used is None or best is None or close_temperatures(used, best):
        return None
    return float(best)


def number(value: float) -> float | None:
    """Return a number for JSON, or None for NaN."""
    return None if math.isnan(value) else round(float(value), DIGITS)


def _by_name(names: Iterable[str], values: npt.NDArray[np.float64]) -> dict[str, float | None]:
    return {name: number(float(value)) for name, value in zip(names, values, strict=True)}


def _ratio(sums: npt.NDArray[np.float64]) -> float:
    return float(sums[0] / sums[1]) if sums[1] else math.nan


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
