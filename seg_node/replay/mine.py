# SPDX-License-Identifier: Apache-2.0
"""The frames of a drive that are most worth a person's labels, with labels to begin from.

B. Settles, "Active learning literature survey", University of Wisconsin, 2009: uncertainty
sampling (entropy) and query by committee (two bundles that disagree).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
import json
import re
from typing import Any, Literal, TYPE_CHECKING

import cv2
import yaml

from seg_node.errors import BagError, ParameterError
from seg_node.pipeline import Outputs
from seg_node.recordings.reader import decode, Recording
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from seg_node.pipeline import Segmenter
    from seg_node.replay.record import FrameRecord
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['REASONS', 'Chosen', 'Reason', 'choose', 'write_folder']

Reason = Literal['uncertain', 'flickering', 'disagreeing']
REASONS: tuple[Reason, ...] = ('uncertain', 'flickering', 'disagreeing')
LIST = 'frames.json'
LEVELS = 255
SECOND_NS = 1_000_000_000
NO_WORD = re.compile(r'\W+')
PRE_LABELS = Outputs(confidence=False, entropy=True, drivable_area=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A frame to be labelled.

    Attributes:
        record: Of the replay.
        value: Why: its mean entropy, its flicker, or the share of pixels that two bundles call
            differently, 0 to 1.
    """

    record: FrameRecord
    value: float

    @property
    def name(self) -> str:
        """Stem of its files: bag, camera and time of the recording [ns].

        Not the stamp: those of a looped source come again.
        """
        parts = (self.record.bag, self.record.topic, str(self.record.log_ns))
        return '_'.join(NO_WORD.sub('-', part).strip('-') for part in parts)


def choose(records: Iterable[FrameRecord], reason: Reason, count: int, gap: float) -> list[Chosen]:
    """Return the frames with the highest values that are not neighbours, the highest first.

    Args:
        records: Of a replay; for ``'disagreeing'`` with the other bundle as teacher.
        reason: What makes a frame worth its labels.
        count: How many at most.
        gap: Least time between two frames of a camera [s].

    Raises:
        BagError: If no frame has such a value.
    """
    valued = [Chosen(one, value) for one in records if (value := _value(one, reason)) is not None]
    if not valued:
        msg = f'None of the frames has a value for {reason!r}, so there is nothing to choose from.'
        raise BagError(msg)
    valued.sort(key=lambda one: one.value, reverse=True)
    taken: dict[tuple[str, str], list[int]] = defaultdict(list)
    chosen: list[Chosen] = []
    for one in valued:
        times = taken[one.record.bag, one.record.topic]
        if all(abs(one.record.log_ns - time) >= gap * SECOND_NS for time in times):
            times.append(one.record.log_ns)
            chosen.append(one)
        if len(chosen) == count:
            break
    return chosen


def write_folder(
    chosen: Sequence[Chosen],
    bags: Mapping[str, Path],
    segmenter_of: Callable[[str], Segmenter],
    folder: Path,
    *,
    unsure_above: float | None = None,
) -> None:
    """Write a folder of images and pre-labels that the ``folder`` data set reads.

    It has ``images/`` and ``labels/`` (class ids), ``taxonomy.yaml`` with the classes, and
    ``frames.json`` with bag, topic, times and value of each frame, the most valuable first.

    Args:
        chosen: Frames.
        bags: Recordings by the names in the records.
        segmenter_of: Returns what makes the pre-labels of a camera, by its topic, with the
            decisions about the CRF of the replay.
        folder: Where to; its ``images`` must be empty.
        unsure_above: Pixels whose normalised entropy is above this are left unlabelled, 0 to 1;
            None labels all.

    Raises:
        ParameterError: If the folder holds images already, or cannot be written to.
        BagError: If a recording has changed since the replay.
        ImageError: As the segmenter.
    """
    _make(folder)
    segmenters = {topic: segmenter_of(topic) for topic in {one.record.topic for one in chosen}}
    for one in chosen:
        image = _image(bags[one.record.bag], one.record)
        labels = _labels(segmenters[one.record.topic], image, one.record, unsure_above)
        _write(folder / 'images' / f'{one.name}.png', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        _write(folder / 'labels' / f'{one.name}.png', labels)
    _write_classes(folder, segmenter_of('').engine.bundle.manifest.taxonomy)
    text = json.dumps([_plain(one) for one in chosen], indent=1, ensure_ascii=False)
    (folder / LIST).write_text(f'{text}\n', encoding='utf-8')


def _value(record: FrameRecord, reason: Reason) -> float | None:
    if record.error is not None:
        return None
    if reason == 'uncertain':
        return record.entropy
    if reason == 'flickering':
        return record.flicker
    pixels = sum(count for _, _, count in record.confusion or ())
    agreed = sum(count for true, taken, count in record.confusion or () if true == taken)
    return 1.0 - agreed / pixels if pixels else None


def _make(folder: Path) -> None:
    try:
        for name in ('images', 'labels'):
            (folder / name).mkdir(parents=True, exist_ok=True)
        full = next((folder / 'images').iterdir(), None)
    except OSError as err:
        msg = f'Folder {str(folder)!r} cannot be used: {err.strerror}. Give another one.'
        raise ParameterError(msg) from err
    if full is not None:
        msg = (
            f'{str(folder)!r} holds images already, for example {full.name!r}; frames of two '
            'choices would get mixed up. Give another folder.'
        )
        raise ParameterError(msg)


def _image(bag: Path, record: FrameRecord) -> UInt8Array:
    """Return the image of a record, (H, W, 3) uint8 RGB."""
    recording = Recording(bag)
    for found in recording.messages([record.topic], record.log_ns, record.log_ns + 1):
        message = recording.deserialize(found)
        stamp = message.header.stamp
        if record.stamp_ns in (stamp.sec * SECOND_NS + stamp.nanosec, found.log_ns):
            return decode(found, message)
    msg = (
        f'Recording {str(bag)!r} has no frame of {record.topic!r} with stamp {record.stamp_ns} ns '
        'any more; it has changed since it was replayed.'
    )
    raise BagError(msg)


def _labels(
    segmenter: Segmenter, image: UInt8Array, record: FrameRecord, unsure_above: float | None
) -> UInt8Array:
    # As the replay had it: it does not depend on the frames in between any more.
    decision: Any = record.crf
    result = segmenter(image, PRE_LABELS, crf_decision=decision)
    labels = result.labels
    if unsure_above is not None and result.entropy is not None:
        labels[result.entropy > unsure_above * LEVELS] = UNLABELLED
    return labels


def _write(file: Path, pixels: Any) -> None:
    if not cv2.imwrite(str(file), pixels):
        msg = f'{str(file)!r} cannot be written. Free space or give another folder.'
        raise ParameterError(msg)


def _write_classes(folder: Path, taxonomy: Taxonomy) -> None:
    text = yaml.safe_dump(taxonomy.to_dict(), sort_keys=False, allow_unicode=True)
    (folder / 'taxonomy.yaml').write_text(text, encoding='utf-8')


def _plain(one: Chosen) -> dict[str, Any]:
    record = one.record
    return {
        'name': one.name,
        'value': round(one.value, 6),
        'bag': record.bag,
        'topic': record.topic,
        'index': record.index,
        'stamp_ns': record.stamp_ns,
        'log_ns': record.log_ns,
        'crf': record.crf,
    }
