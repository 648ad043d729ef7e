# SPDX-License-Identifier: Apache-2.0
"""Sums over the frames of a set, from which every score is made."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics import (
    boundary_f1_of_image,
    count_confidence,
    count_pairs,
    global_accuracy,
    mean_iou_of_set,
    sum_nll,
)
from seg_node.metrics.calibration import BINS
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.datasets import Sample
    from seg_node.evaluation.prediction import Prediction

__all__ = ['FrameScore', 'Tally']


@dataclass(frozen=True, slots=True)
class FrameScore:
    """How well one frame was predicted.

    Attributes:
        index: Position in the data set.
        name: Name of the sample.
        mean_iou: Mean over the classes of this frame, 0 to 1, NaN without a labelled pixel.
        accuracy: Share of labelled pixels that are right.
        boundary_f1: Boundary F1, NaN without an outline.
    """

    index: int
    name: str
    mean_iou: float
    accuracy: float
    boundary_f1: float


class Tally:
    """Adds up frames; what it keeps of a frame is a few numbers, never its pixels.

    Attributes:
        counts: (K, K) int64, see ``metrics.count_pairs``.
        confidence: (B, 3) float64, see ``metrics.count_confidence``.
        nll: (2,) float64, see ``metrics.sum_nll``.
        frames: One score per frame, in order.
        times: Seconds of each frame, by stage.
        crf: Frames by what was decided about the dense CRF.
    """

    def __init__(self, classes: int) -> None:
        """Start at zero.

        Args:
            classes: Number of classes K of the data set.
        """
        self.counts: npt.NDArray[np.int64] = np.zeros((classes, classes), np.int64)
        self.confidence: npt.NDArray[np.float64] = np.zeros((BINS, 3))
        self.nll: npt.NDArray[np.float64] = np.zeros(2)
        self.frames: list[FrameScore] = []
        self.times: dict[str, list[float]] = defaultdict(list)
        self.crf: Counter[str] = Counter()

    def add(self, sample: Sample, prediction: Prediction) -> None:
        """Add one frame."""
        truth, labels = sample.labels, prediction.labels
        counts = count_pairs(truth, labels, len(self.counts))
        labelled = truth != UNLABELLED
        right = labels[labelled] == truth[labelled]
        self.counts += counts
        self.confidence += count_confidence(prediction.confidence[labelled], right)
        self.nll += sum_nll(prediction.probabilities, truth)
        self.crf[prediction.crf] += 1
        self.frames.append(
            FrameScore(
                index=len(self.frames),
                name=sample.name,
                mean_iou=mean_iou_of_set(counts),
                accuracy=global_accuracy(counts),
                boundary_f1=boundary_f1_of_image(truth, labels),
            )
        )
        for stage, seconds in prediction.times.items():
            self.times[stage].append(seconds)

    def worst(self, count: int) -> list[FrameScore]:
        """Return the frames with the lowest mean IoU, the worst first; unlabelled ones never."""
        known = [frame for frame in self.frames if not np.isnan(frame.mean_iou)]
        return sorted(known, key=lambda frame: frame.mean_iou)[:count]
