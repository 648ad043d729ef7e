# SPDX-License-Identifier: Apache-2.0
"""What a network in 8-bit integers loses and gains against the same one in float."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.evaluation.prediction import comparable, Predictor
from seg_node.metrics import count_pairs, mean_iou_of_set
from seg_node.progress import progress

if TYPE_CHECKING:
    from seg_node.datasets import Dataset
    from seg_node.pipeline import Segmenter

__all__ = ['Comparison', 'compare']


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two precisions of one network on the same images.

    Attributes:
        images: Number of images.
        classes: Name of the taxonomy they were compared in.
        fp32_mean_iou: Of the network in float, 0 to 1.
        int8_mean_iou: Of the other, 0 to 1.
        lost: Difference of the two in points (hundredths); negative for a gain.
        equal_labels: Share of pixels with the same label, 0 to 1.
        speed: Median over the images of time in float / time in integers, each image run by both,
            alternately first.
        fp32_ms: Median time of the network in float [ms].
        int8_ms: Median time of the other [ms].
    """

    images: int
    classes: str
    fp32_mean_iou: float
    int8_mean_iou: float
    lost: float
    equal_labels: float
    speed: float
    fp32_ms: float
    int8_ms: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for manifest and JSON."""
        return {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }


def compare(reference: Segmenter, candidate: Segmenter, dataset: Dataset) -> Comparison:
    """Run both on every image of a data set, alternately first.

    Args:
        reference: Runs in float.
        candidate: Runs the same network in integers, with as many threads.
        dataset: With labels; finer classes are grouped as in ``evaluate``.

    Raises:
        TaxonomyError: Classes of bundle and data set cannot be compared.
        DatasetError: A sample cannot be read.
        EngineError: A network fails.
    """
    manifest = reference.engine.bundle.manifest
    truth = comparable(dataset, manifest.taxonomy)
    pair = [Predictor(one, truth.taxonomy) for one in (reference, candidate)]
    classes = len(truth.taxonomy)
    counts = np.zeros((2, classes, classes), np.int64)
    times, equal = np.zeros((len(truth), 2)), np.zeros(len(truth))
    for index in progress(range(len(truth)), what='compared', unit='frame'):
        sample = truth[index]
        labels = {}
        for side in (0, 1) if index % 2 else (1, 0):
            predicted = pair[side](sample.image)
            labels[side], times[index, side] = predicted.labels, predicted.times['infer']
            counts[side] += count_pairs(sample.labels, predicted.labels, classes)
        equal[index] = (labels[0] == labels[1]).mean()
    fp32, int8 = (mean_iou_of_set(one) for one in counts)
    return Comparison(
        images=len(truth),
        classes=truth.taxonomy.name,
        fp32_mean_iou=fp32,
        int8_mean_iou=int8,
        lost=100.0 * (fp32 - int8),
        equal_labels=float(equal.mean()),
        speed=float(np.median(times[:, 0] / times[:, 1])),
        fp32_ms=float(1000.0 * np.median(times[:, 0])),
        int8_ms=float(1000.0 * np.median(times[:, 1])),
    )
