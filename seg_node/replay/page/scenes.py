# SPDX-License-Identifier: Apache-2.0
"""Pictures of moments: the frames are read and segmented once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets import Sample
from seg_node.drawing import drivable_picture, ENTROPY_MAP, heat
from seg_node.errors import DatasetError, ImageError
from seg_node.evaluation.pictures import error_map
from seg_node.imaging import overlay
from seg_node.pipeline import Outputs
from seg_node.recordings.reader import decode, Recording
from seg_node.replay.camera import truth_beside
from seg_node.replay.flicker import Flicker
from seg_node.replay.truth import Asked, open_truth

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.pipeline import CrfDecision, Segmentation, Segmenter
    from seg_node.replay.model import Model
    from seg_node.replay.plan import Bag
    from seg_node.replay.record import FrameRecord

    from .moments import Moment

    UInt8Array = npt.NDArray[np.uint8]
    Pictures = dict[str, UInt8Array]

__all__ = ['pictures_of']

ALPHA = 0.6
CHANGED = (255, 140, 0)
DIM = 0.45


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that was looked at again."""

    image: UInt8Array
    result: Segmentation


def pictures_of(model: Model, bag: Bag, moment: Moment) -> Pictures | None:
    """Return pictures of a moment with their titles, in order.

    Args:
        model: The one of the replay.
        bag: The one that the moment is of.
        moment: Which frame, and why.

    Returns:
        (H, W, 3) uint8 RGB each; None if the frame cannot be read any more.
    """
    recording, segmenter = Recording(bag.path), model.segmenter(moment.record.topic)
    now = _look(recording, segmenter, moment.record, model)
    if now is None:
        return None
    if moment.kind == 'mean_iou':
        return _against_truth(model, recording, moment.record, now)
    if moment.kind == 'flicker':
        before = moment.before and _look(recording, segmenter, moment.before, model)
        return _over_time(model, moment, before or None, now)
    return _uncertain(model, now)


def _look(
    recording: Recording, segmenter: Segmenter, record: FrameRecord, model: Model
) -> Frame | None:
    summed = model.scoring is not None and model.scoring.needs_probabilities
    found = next(recording.messages([record.topic], record.log_ns, record.log_ns + 1), None)
    try:
        image = None if found is None else decode(found, recording.deserialize(found))
    except ImageError:
        return None
    if image is None:
        return None
    decision = cast('CrfDecision', record.crf)
    return Frame(image, segmenter(image, Outputs(probabilities=summed), crf_decision=decision))


def _against_truth(
    model: Model, recording: Recording, record: FrameRecord, now: Frame
) -> Pictures:
    found: Pictures = {'image': now.image}
    scoring = model.scoring
    truth = _truth(model, recording, record, now.image)
    if scoring is None or truth is None:
        return {**found, 'prediction': _colored(model, now, now.result.labels)}
    truth = truth_beside(truth, now.result)
    prediction = scoring.predictor.of(now.result)
    classes = scoring.comparison.classes
    found['truth'] = overlay(now.image, truth, classes, ALPHA)
    after = overlay(now.image, prediction.labels, classes, ALPHA)
    if now.result.crf == 'ran':
        before = _network(model, now)
        found = {'truth': found['truth'], 'network alone': before, 'with the CRF': after}
    else:
        found['prediction'] = after
    return {**found, 'errors': error_map(Sample('', now.image, truth), prediction)}


def _truth(
    model: Model, recording: Recording, record: FrameRecord, image: UInt8Array
) -> UInt8Array | None:
    source, scoring = model.options.truth, model.scoring
    if source is None or scoring is None:
        return None
    span = (record.log_ns, record.log_ns + 1)
    truth = open_truth(
        source, recording, (record.bag, record.topic), span, model.teacher_of(record.topic)
    )
    try:
        asked = Asked(image, record.index, record.stamp_ns, record.log_ns)
        found = None if truth is None else truth(asked)
        return None if found is None else scoring.comparison.of(found, image.shape[:2])
    except DatasetError:
        return None


def _over_time(model: Model, moment: Moment, before: Frame | None, now: Frame) -> Pictures:
    record, earlier = moment.record, moment.before
    found: Pictures = {'image': now.image}
    after = _colored(model, now, now.result.labels)
    if before is None or earlier is None:
        return {**found, 'this frame': after}
    flicker = Flicker()
    flicker(before.image, before.result.labels, earlier.stamp_ns, earlier.log_ns)
    changes = flicker.changes(now.image, now.result.labels, record.stamp_ns, record.log_ns)
    found |= {'frame before': _colored(model, before, before.result.labels), 'this frame': after}
    if changes is not None:
        found['changed'] = change_map(now.image, changes[0])
    return found


def _uncertain(model: Model, now: Frame) -> Pictures:
    entropy = cast('UInt8Array', now.result.entropy)
    found: Pictures = {'image': now.image}
    after = _colored(model, now, now.result.labels)
    if now.result.crf == 'ran':
        found |= {'network alone': _network(model, now), 'with the CRF': after}
    else:
        found['prediction'] = after
    found['entropy'] = heat(entropy, ENTROPY_MAP)
    if now.result.crf != 'ran' and now.result.drivable_area is not None:
        found['drivable area'] = drivable_picture(now.image, now.result.drivable_area)
    return found


def _network(model: Model, frame: Frame) -> UInt8Array:
    return _colored(model, frame, cast('UInt8Array', frame.result.network_labels))


def _colored(model: Model, frame: Frame, labels: UInt8Array) -> UInt8Array:
    return overlay(frame.image, labels, model.manifest.taxonomy, ALPHA)


def change_map(image: UInt8Array, changed: npt.NDArray[np.bool_]) -> UInt8Array:
    """Return the image in dim grey with pixels that changed their label in orange.

    Args:
        image: (H, W, 3) uint8 RGB.
        changed: (h, w) bool, smaller.
    """
    height, width = image.shape[:2]
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    dim = cv2.convertScaleAbs(grey, alpha=DIM)
    mask = cv2.resize(
        changed.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
    ).astype(np.bool_)
    dim[mask] = CHANGED
    return np.asarray(dim, np.uint8)
