# SPDX-License-Identifier: Apache-2.0
"""How figures fall as images get worse: every frame clean, and corrupted at each strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.evaluation.corruptions import corrupt, STRENGTHS
from seg_node.evaluation.figures import number
from seg_node.evaluation.prediction import comparable, Predictor
from seg_node.evaluation.text import percent, table
from seg_node.evaluation.views import ONE_LOOK
from seg_node.metrics import (
    calibration_error,
    class_iou,
    classes_in_mean,
    count_confidence,
    count_pairs,
    mean_iou_of_set,
)
from seg_node.progress import progress
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.datasets import Dataset, Sample
    from seg_node.evaluation.prediction import Prediction
    from seg_node.evaluation.views import Views
    from seg_node.pipeline import Segmenter

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['CLEAN', 'Figures', 'measure_robustness', 'robustness_text']

CLEAN = 'clean'
BINS = 15
LEVELS = 255
SHOWN = {'mean_iou': 'mean IoU %', 'ece': 'ECE %', 'mean_entropy': 'mean entropy %'}


class Figures:
    """Sums of the few figures that are compared."""

    def __init__(self, classes: int) -> None:
        """Start at zero, for K classes."""
        self._counts = np.zeros((classes, classes), np.int64)
        self._confidence = np.zeros((BINS, 3))
        self._entropy = np.zeros(2)

    def add(self, truth: UInt8Array, prediction: Prediction) -> None:
        """Add a frame."""
        labelled = truth != UNLABELLED
        right = prediction.labels[labelled] == truth[labelled]
        self._counts += count_pairs(truth, prediction.labels, len(self._counts))
        self._confidence += count_confidence(prediction.confidence[labelled], right, BINS)
        published = prediction.published
        if published is not None and published.entropy is not None:
            levels = published.entropy[labelled]
            self._entropy += levels.sum(dtype=np.float64) / LEVELS, levels.size

    def to_plain(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        entropy = self._entropy[0] / self._entropy[1] if self._entropy[1] else np.nan
        return {
            'mean_iou': number(mean_iou_of_set(self._counts)),
            'classes_in_mean': classes_in_mean(class_iou(self._counts)),
            'ece': number(calibration_error(self._confidence)),
            'mean_entropy': number(float(entropy)),
        }


@dataclass(frozen=True, slots=True)
class Job:
    """One frame under one condition."""

    index: int
    name: str
    strength: int


def measure_robustness(
    segmenter: Segmenter, dataset: Dataset, names: Sequence[str], views: Views = ONE_LOOK
) -> dict[str, Any]:
    """Run every frame clean and under every corruption.

    Args:
        segmenter: Open.
        dataset: Images with truth.
        names: Some of ``CORRUPTIONS``.
        views: How each image is looked at.

    Returns:
        Plain data: ``clean`` and ``corruptions``, name to a list of five; each holds mean IoU,
        over how many classes, calibration error and mean normalised entropy.
    """
    truth = comparable(dataset, segmenter.engine.bundle.manifest.taxonomy)
    predict = Predictor(segmenter, truth.taxonomy, views)
    conditions = [(CLEAN, 0), *((name, strength) for name in names for strength in STRENGTHS)]
    sums = {condition: Figures(len(truth.taxonomy)) for condition in conditions}
    jobs = [Job(index, *one) for index in range(len(truth)) for one in conditions]
    sample: Sample | None = None
    for job in progress(jobs, what='evaluating', unit='frame'):
        if job.name == CLEAN or sample is None:
            sample = truth[job.index]
        image = worse(sample, job.name, job.strength)
        sums[job.name, job.strength].add(sample.labels, predict(image))
    figures = {condition: one.to_plain() for condition, one in sums.items()}
    return {
        'frames': len(truth),
        'protocol': str(views),
        'taxonomy': truth.taxonomy.name,
        CLEAN: figures[CLEAN, 0],
        'corruptions': {name: [figures[name, one] for one in STRENGTHS] for name in names},
    }


def worse(sample: Sample, name: str, strength: int) -> UInt8Array:
    """Return the image of a sample under a condition."""
    if name == CLEAN:
        return sample.image
    return corrupt(sample.image, name, strength, sample.name)


def robustness_text(data: Mapping[str, Any]) -> str:
    """Return one table per figure: a line for each corruption, a column for each strength."""
    return '\n\n'.join(_table(data, key, words) for key, words in SHOWN.items())


def _table(data: Mapping[str, Any], key: str, words: str) -> str:
    clean = data[CLEAN][key]
    rows = []
    for name, figures in data['corruptions'].items():
        values = [one[key] for one in figures]
        mean = None if None in values else sum(values) / len(values)
        rows.append([name, percent(clean), *(percent(one) for one in values), percent(mean)])
    return table([words, CLEAN, *(f'strength {one}' for one in STRENGTHS), 'mean of 5'], rows)
