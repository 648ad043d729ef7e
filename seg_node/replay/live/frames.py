# SPDX-License-Identifier: Apache-2.0
"""What was sent and what came back, frame by frame."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
import json
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ['LiveFrame', 'match', 'read_records']


@dataclass(slots=True)
class LiveFrame:
    """One image that was sent, and what the node answered.

    Attributes:
        bag: Place of the recording among those that were played.
        repetition: How often all were played before.
        index: Of the camera's frames in the recording.
        stamp_ns: From the header.
        log_ns: When it was recorded.
        sent_ns: When it was sent, on this machine's clock.
        late: How much later than it was due [s].
        received_ns: When its mask was received; None without one.
        digest: Of the mask's pixels; None without one.
        crf: What the node decided about the CRF; None without a status.
        engine: Who computed it; None without a status.
    """

    bag: int
    repetition: int
    index: int
    stamp_ns: int
    log_ns: int
    sent_ns: int
    late: float
    received_ns: int | None = None
    digest: str | None = None
    crf: str | None = None
    engine: str | None = None

    @property
    def latency(self) -> float | None:
        """From sending the image to receiving its mask [s]; None without a mask."""
        return None if self.received_ns is None else (self.received_ns - self.sent_ns) / 1e9


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return what the recorder wrote, in the order in which it came."""
    with (folder / 'records.jsonl').open(encoding='utf-8') as lines:
        return [json.loads(line) for line in lines]


def match(
    sent: Sequence[Mapping[str, Any]], records: Iterable[Mapping[str, Any]]
) -> tuple[list[LiveFrame], int]:
    """Put answers to the images that they are for.

    Stamps come again when a drive is repeated: an answer is for the last image with its stamp that
    was sent before it came.

    Args:
        sent: What the player said of each image.
        records: What the recorder wrote.

    Returns:
        One frame per image, and the number of masks for which no image was sent.
    """
    frames = [_frame(one) for one in sent]
    by_stamp: dict[int, list[LiveFrame]] = defaultdict(list)
    for frame in frames:
        by_stamp[frame.stamp_ns].append(frame)
    strangers = 0
    for record in records:
        if record['topic'] not in {'mask', 'status'}:
            continue
        found = _sent_before(by_stamp[record['stamp_ns']], record['received_ns'])
        if record['topic'] == 'status':
            if found is not None:
                values = record['entries'][0]['values']
                found.crf, found.engine = values.get('crf'), values.get('engine')
        elif found is None:
            strangers += 1
        else:
            found.received_ns, found.digest = record['received_ns'], record['digest']
    return frames, strangers


def _frame(sent: Mapping[str, Any]) -> LiveFrame:
    return LiveFrame(
        bag=sent['bag'],
        repetition=sent['pass'],
        index=sent['index'],
        stamp_ns=sent['stamp_ns'],
        log_ns=sent['log_ns'],
        sent_ns=sent['sent_ns'],
        late=sent['late_s'],
    )


def _sent_before(frames: Sequence[LiveFrame], time_ns: int) -> LiveFrame | None:
    """Return the last of the frames, in the order they were sent, that was sent by then."""
    place = bisect_right(frames, time_ns, key=lambda one: one.sent_ns)
    return frames[place - 1] if place else None
