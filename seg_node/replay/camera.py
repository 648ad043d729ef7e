# SPDX-License-Identifier: Apache-2.0
"""The frames of one camera, one after the other: from what was recorded to what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import DatasetError, EngineError, ImageError
from seg_node.pipeline import Outputs
from seg_node.pipeline.stopwatch import Stopwatch
from seg_node.recordings.reader import decode, stamp_of
from seg_node.replay.flicker import Flicker
from seg_node.replay.record import FrameRecord
from seg_node.replay.tally import full_sums, quick_sums
from seg_node.replay.truth import Asked
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.evaluation.sums import Sums
    from seg_node.pipeline import CrfDecision, Segmentation
    from seg_node.recordings.reader import Message, Recording
    from seg_node.replay.model import Model
    from seg_node.replay.truth import Truth

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Camera', 'Faults', 'Seen', 'truth_beside', 'wanted_outputs']

LEVELS = 255
MOST_FAILURES = 5  # of the segmenter in a row
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame after the segmenter.

    Attributes:
        record: What is known without measuring.
        image: (H, W, 3) uint8 RGB; None for a frame that cannot be decoded.
        segmentation: Of the image.
        message: The recorded image message.
    """

    record: FrameRecord
    image: UInt8Array | None = None
    segmentation: Segmentation | None = None
    message: Any = None


@dataclass(slots=True)
class Faults:
    """Frames at which the same kind of thing went wrong, however many there are.

    Attributes:
        first: What went wrong at the first one; empty while there is none.
        count: How many there are.
    """

    first: str = ''
    count: int = 0

    def add(self, sentence: str) -> None:
        """Count a frame; the sentence is kept if it is the first."""
        self.first = self.first or sentence
        self.count += 1


class Camera:
    """One camera of one bag. ``see`` and ``measure`` may run in two threads.

    Attributes:
        truth_faults: Frames whose truth could not be used.
        crf_faults: Frames that the dense CRF failed at.
    """

    def __init__(
        self, model: Model, recording: Recording, camera: tuple[str, str], truth: Truth | None
    ) -> None:
        """Begin a stream.

        Args:
            model: Ready.
            recording: The bag.
            camera: Name of the bag and topic.
            truth: Knows the true labels.
        """
        self._model = model
        self._recording = recording
        self._bag, self._topic = camera
        self._segmenter = model.segmenter(self._topic)
        self._truth = truth
        self._flicker = Flicker() if model.options.flicker else None
        self.truth_faults = Faults()
        self.crf_faults = Faults()
        self._patience = 0  # the first frame shows whether the model runs at all

    def recall(self, record: FrameRecord) -> None:
        """Take in a frame of the run that this one continues."""
        if record.error is None and record.uncertain_fraction is not None:
            stamp = _seconds(record.stamp_ns)
            self._segmenter.recall(record.uncertain_fraction, record.size, stamp)

    def warm_up(self, found: Message, outputs: Outputs, decision: CrfDecision | None) -> None:
        """Look at the frame before the first, which the first one's flicker refers to."""
        if self._flicker is None:
            return
        seen = self.see(found, 0, outputs, Stopwatch(), decision)
        if seen.image is not None and seen.segmentation is not None:
            record = seen.record
            labels = seen.segmentation.labels
            self._flicker(seen.image, labels, record.stamp_ns, record.log_ns)

    def see(
        self,
        found: Message,
        index: int,
        outputs: Outputs,
        watch: Stopwatch,
        decision: CrfDecision | None = None,
    ) -> Seen:
        """Decode and segment a frame, as the node does.

        Args:
            found: As it was recorded.
            index: Of this camera's frames.
            outputs: What the segmenter computes.
            watch: Runs since the frame was asked for.
            decision: About the dense CRF, instead of the one that would be made now.

        Raises:
            EngineError: If the network fails at the first frame, or at five in a row.
            ImageError: If the segmenter refuses as many.
        """
        record = FrameRecord(self._bag, self._topic, index, found.log_ns, found.log_ns)
        try:
            message = self._recording.deserialize(found)
            record = replace(record, stamp_ns=stamp_of(message, found.log_ns))
            watch.lap('read')
            image = decode(found, message)
        except ImageError as err:
            return Seen(replace(record, error=str(err)))
        watch.lap('decode')
        if decision is None and self._model.decisions is not None:
            decision = self._model.decisions(self._topic, record.stamp_ns)
        try:
            result = self._segmenter(
                image,
                outputs,
                stamp=self._shown_stamp(record),
                crf_decision=decision,
                crf_may_fail=True,
            )
        except (EngineError, ImageError) as err:
            if not self._patience:
                raise
            self._patience -= 1
            return Seen(replace(record, error=str(err)))
        self._patience = MOST_FAILURES - 1
        if result.crf_error:
            self.crf_faults.add(f'The CRF failed at frame {index}: {result.crf_error}')
        watch.lap('segment')
        return Seen(_described(record, image, result, watch.times()), image, result, message)

    def _shown_stamp(self, record: FrameRecord) -> float | None:
        """Return when a frame was taken [s]; None hides it from all that remembers frames.

        A node whose decisions are followed did not see the frames that it decided nothing about.
        """
        decisions = self._model.decisions
        if decisions is not None and not decisions.knows(self._topic, record.stamp_ns):
            return None
        return _seconds(record.stamp_ns)

    def measure(self, seen: Seen) -> tuple[FrameRecord, Sums | None]:
        """Return what is kept of a frame: its record and its sums against truth."""
        image, result, record = seen.image, seen.segmentation, seen.record
        if image is None or result is None:
            if self._flicker is not None:
                self._flicker.reset()
            return record, None
        flicker = None
        if self._flicker is not None:
            flicker = self._flicker(image, result.labels, record.stamp_ns, record.log_ns)
        sums = self._score(image, result, record)
        return replace(
            record,
            flicker=flicker,
            entropy=float(cv2.mean(cast('UInt8Array', result.entropy))[0]) / LEVELS,
            class_pixels=_class_pixels(result.labels, len(self._model.manifest.taxonomy)),
            confusion=None if sums is None else _sparse(sums.confusion),
        ), sums

    def _score(self, image: UInt8Array, result: Segmentation, record: FrameRecord) -> Sums | None:
        scoring = self._model.scoring
        if scoring is None or self._truth is None:
            return None
        try:
            found = self._truth(Asked(image, record.index, record.stamp_ns, record.log_ns))
            if found is None:
                return None
            truth = scoring.comparison.of(found, image.shape[:2])
            truth = truth_beside(truth, result)
        except DatasetError as err:
            self.truth_faults.add(f'The truth of frame {record.index} was left out: {err}')
            return None
        prediction = scoring.predictor.of(result)
        if scoring.sums_of is not None:
            return full_sums(image, truth, prediction, scoring.sums_of)
        return quick_sums(truth, prediction, len(scoring.comparison.classes))


def truth_beside(truth: UInt8Array, result: Segmentation) -> UInt8Array:
    """Return the truth without what the own vehicle hides: the node says nothing there."""
    hidden = result.labels == UNLABELLED
    return np.where(hidden, np.uint8(UNLABELLED), truth) if hidden.any() else truth


def wanted_outputs(model: Model, others: Sequence[Outputs]) -> Outputs:
    """Return what the segmenter computes: what is measured, and what is written.

    Args:
        model: Ready.
        others: What each sink wants.
    """
    scoring = model.scoring
    return Outputs(
        confidence=scoring is not None or any(one.confidence for one in others),
        entropy=True,
        drivable_area=any(one.drivable_area for one in others),
        classes=tuple(sorted({index for one in others for index in one.classes})),
        probabilities=(scoring is not None and scoring.needs_probabilities)
        or any(one.probabilities for one in others),
    )


def _described(
    record: FrameRecord, image: UInt8Array, result: Segmentation, laps: dict[str, float]
) -> FrameRecord:
    around = {stage: laps[stage] for stage in ('read', 'decode')}
    height, width = image.shape[:2]
    return replace(
        record,
        size=(height, width),
        times={**around, **result.times, 'total': laps['total']},
        crf=result.crf,
        crf_predicted=result.crf_predicted,
        uncertain_fraction=result.uncertain_fraction,
    )


def _class_pixels(labels: UInt8Array, classes: int) -> tuple[int, ...]:
    counts = cv2.calcHist([labels], [0], None, [LEVELS + 1], [0, LEVELS + 1])
    return tuple(int(one) for one in counts.ravel()[:classes])


def _sparse(confusion: npt.NDArray[np.int64]) -> tuple[tuple[int, int, int], ...]:
    rows, columns = np.nonzero(confusion)
    table = np.stack([rows, columns, confusion[rows, columns]], axis=1)
    return tuple((int(true), int(taken), int(pixels)) for true, taken, pixels in table)


def _seconds(stamp_ns: int) -> float:
    """Return a stamp as the node does [s]."""
    whole, rest = divmod(stamp_ns, SECOND_NS)
    return whole + 1e-9 * rest
