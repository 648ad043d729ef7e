# SPDX-License-Identifier: Apache-2.0
"""The sums of one frame."""

from __future__ import annotations

from typing import cast, TYPE_CHECKING

import numpy as np

from seg_node.evaluation.sums import binned, ERROR_GRID, Sums
from seg_node.metrics import (
    boundary_f1_of_image,
    calibration_error,
    count_boundaries,
    count_class_confidence,
    count_confidence,
    count_drivable,
    count_pairs,
    LEVELS,
    mean_iou_of_set,
    pixels_for_temperature,
    sum_brier,
    sum_nll,
    sum_nll_of_temperatures,
    TEMPERATURES,
)
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.datasets import Sample
    from seg_node.evaluation.prediction import Prediction

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]
    Float64Array = npt.NDArray[np.float64]

__all__ = ['FrameSums']

SMALLEST = np.finfo(np.float32).tiny


class FrameSums:
    """Makes the sums of one frame after another."""

    def __init__(self, groups: Float32Array, temperature: float = 1.0) -> None:
        """Remember what all frames have in common.

        Args:
            groups: (K, K of the bundle), see ``Predictor.groups``.
            temperature: The one that the probabilities were made with.
        """
        self._groups = groups
        self._temperatures = TEMPERATURES / temperature

    def __call__(self, sample: Sample, prediction: Prediction) -> Sums:
        """Return the sums of one frame."""
        classes = len(self._groups)
        truth, labels = sample.labels, prediction.labels
        sums = Sums.zero(classes)
        probabilities = cast('Float32Array', prediction.probabilities)
        labelled = truth != UNLABELLED
        right = labels[labelled] == truth[labelled]
        sums.confusion = count_pairs(truth, labels, classes)
        sums.confidence = count_confidence(prediction.confidence[labelled], right, LEVELS)
        sums.class_confidence = count_class_confidence(probabilities, truth)
        sums.nll = sum_nll(probabilities, truth)
        sums.brier = sum_brier(probabilities, truth)
        sums.boundary = count_boundaries(truth, labels, classes)
        sums.errors = _count_errors(truth, labels, classes)
        sums.of_images = _of_image(sums, boundary_f1_of_image(truth, labels))
        self._add_published(sums, sample, prediction)
        return sums

    def _add_published(self, sums: Sums, sample: Sample, prediction: Prediction) -> None:
        """Add what is known only in the classes of the bundle."""
        published = prediction.published
        if published is None:
            return
        truth, entropy = sample.labels, cast('UInt8Array', published.entropy)
        of_labelled = entropy[truth != UNLABELLED]
        total = of_labelled.sum(dtype=np.float64) / (LEVELS - 1)
        sums.entropy = np.array([total, of_labelled.size], np.float64)
        level = cast('UInt8Array', published.confidence)
        sums.drivable = count_drivable(level, truth, len(self._groups), prediction.allowed)
        planes = cast('Float32Array', published.probabilities)
        sums.nll_of_temperatures = self._sum_nll(planes, truth)

    def _sum_nll(self, planes: Float32Array, truth: UInt8Array) -> Float64Array:
        """Return the likelihood of some pixels at each temperature, (T, 2)."""
        pixel = pixels_for_temperature(truth)
        chosen = planes.reshape(len(planes), -1)[:, pixel]
        logs = np.log(np.maximum(chosen, SMALLEST))
        own = truth.ravel()[pixel]
        return sum_nll_of_temperatures(logs, own, self._temperatures, self._groups)


def _count_errors(truth: UInt8Array, labels: UInt8Array, classes: int) -> npt.NDArray[np.int64]:
    """Return pixels and wrong pixels of each true class in each part of the image."""
    rows, columns = (
        np.arange(length) * parts // length
        for length, parts in zip(truth.shape, ERROR_GRID, strict=True)
    )
    parts = ERROR_GRID[0] * ERROR_GRID[1]
    part = rows[:, None] * ERROR_GRID[1] + columns
    labelled = truth != UNLABELLED
    index = truth[labelled] * np.intp(parts) + part[labelled]
    wrong = index[labels[labelled] != truth[labelled]]
    counts = [np.bincount(chosen, minlength=classes * parts) for chosen in (index, wrong)]
    return np.stack(counts, axis=1).reshape(classes, *ERROR_GRID, 2).astype(np.int64)


def _of_image(sums: Sums, boundary_f1: float) -> Float64Array:
    """Return the figures of this image, with 1 for those it has and 0 for those it lacks."""
    figures = np.array(
        [
            mean_iou_of_set(sums.confusion),
            boundary_f1,
            calibration_error(binned(sums.confidence)),
        ]
    )
    known = ~np.isnan(figures)
    return np.stack([np.where(known, figures, 0.0), known], axis=1).astype(np.float64)
