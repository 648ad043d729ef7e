# SPDX-License-Identifier: Apache-2.0
"""Sums over the frames of a set, and what is remembered of each frame."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from seg_node.evaluation.frame_sums import FrameSums
from seg_node.evaluation.sums import Sums
from seg_node.metrics import global_accuracy

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.datasets import Sample
    from seg_node.evaluation.prediction import Prediction

__all__ = ['FrameScore', 'Tally']

DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class FrameScore:
    """How well one frame was predicted.

    Attributes:
        index: Position in the data set.
        name: Name of the sample.
        mean_iou: Mean over the classes of this frame, 0 to 1, NaN without a labelled pixel.
        accuracy: Share of labelled pixels that are right.
        boundary_f1: Boundary F1, NaN without an outline.
        digest: Of the image's pixels, hexadecimal: the same frame has it under any name.
        confused: True class and predicted class of the most frequent error, and its share of the
            labelled pixels; None without an error.
    """

    index: int
    name: str
    mean_iou: float
    accuracy: float
    boundary_f1: float
    digest: str = ''
    confused: tuple[int, int, float] | None = None


class Tally:
    """Adds up frames; what it keeps of a frame is a few numbers, never its pixels.

    Attributes:
        sums: See ``Sums``.
        frames: One score per frame, in order.
        times: Seconds of each frame, by stage.
        crf: Frames by what was decided about the dense CRF.
    """

    def __init__(
        self,
        classes: int,
        groups: npt.NDArray[np.float32] | None = None,
        temperature: float = 1.0,
    ) -> None:
        """Start at zero.

        Args:
            classes: Number of classes K of the data set.
            groups: Which classes of the bundle make up each of them, see ``Predictor.groups``;
                by default they are the same.
            temperature: The one that the probabilities are made with.
        """
        groups = np.eye(classes, dtype=np.float32) if groups is None else groups
        self._sums_of = FrameSums(groups, temperature)
        self.sums = Sums.zero(classes)
        self.frames: list[FrameScore] = []
        self.times: dict[str, list[float]] = defaultdict(list)
        self.crf: Counter[str] = Counter()

    def add(self, sample: Sample, prediction: Prediction) -> None:
        """Add one frame."""
        sums = self._sums_of(sample, prediction)
        self.sums.add(sums)
        mean_iou, boundary_f1, _ = np.where(sums.of_images[:, 1], sums.of_images[:, 0], np.nan)
        self.crf[prediction.crf] += 1
        self.frames.append(
            FrameScore(
                index=len(self.frames),
                name=sample.name,
                mean_iou=float(mean_iou),
                accuracy=global_accuracy(sums.confusion),
                boundary_f1=float(boundary_f1),
                digest=_digest(sample.image),
                confused=_confused(sums.confusion),
            )
        )
        for stage, seconds in prediction.times.items():
            self.times[stage].append(seconds)

    def worst(self, count: int) -> list[FrameScore]:
        """Return the frames with the lowest mean IoU, the worst first; unlabelled ones never."""
        known = [frame for frame in self.frames if not np.isnan(frame.mean_iou)]
        return sorted(known, key=lambda frame: frame.mean_iou)[:count]


def _digest(image: npt.NDArray[np.uint8]) -> str:
    pixels = np.ascontiguousarray(image)
    return hashlib.blake2b(pixels.data, digest_size=DIGEST_BYTES).hexdigest()


def _confused(confusion: npt.NDArray[np.int64]) -> tuple[int, int, float] | None:
    """Return the pair of classes that is confused most."""
    errors = confusion - np.diag(np.diagonal(confusion))
    if not errors.any():
        return None
    true, guessed = np.unravel_index(int(errors.argmax()), errors.shape)
    return int(true), int(guessed), float(errors.max() / confusion.sum())
