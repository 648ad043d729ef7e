# SPDX-License-Identifier: Apache-2.0
"""What was sent and what came back, matched by stamp."""

from __future__ import annotations

from dataclasses import dataclass
import json
from typing import Any, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from .performance import Performance
    from .reel import Reel

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Moment', 'Record', 'read_record']


@dataclass(frozen=True, slots=True)
class Moment:
    """One sent frame and what the node published for it.

    Attributes:
        index: Place in the drive, from 0.
        stamp_ns: Of the image and of all that belongs to it [ns].
        image_file: (H, W, 3) uint8 RGB as ``.npy``.
        truth_file: (H, W) uint8 true labels as ``.npy``; None where nobody knows.
        files: Topic name (``'mask'``, ...) to ``.npy`` of (H, W) uint8; empty for a lost frame.
        latency: From the stamp to the mask in the recorder's hands [s]; None without a mask.
        status: The frame's entry on the status topic, key to text; empty if there was none.
    """

    index: int
    stamp_ns: int
    image_file: Path
    truth_file: Path | None
    files: Mapping[str, Path]
    latency: float | None
    status: Mapping[str, str]

    def image(self) -> UInt8Array:
        """Return the camera image, (H, W, 3) uint8 RGB."""
        return load(self.image_file)

    def truth(self) -> UInt8Array | None:
        """Return the true labels, (H, W) uint8; None where nobody knows them."""
        return None if self.truth_file is None else load(self.truth_file)

    def plane(self, topic: str) -> UInt8Array | None:
        """Return what came on a topic, (H, W) uint8; None if nothing did."""
        return load(self.files[topic]) if topic in self.files else None


@dataclass(frozen=True, slots=True)
class Record:
    """A whole run.

    Attributes:
        moments: In the order they were sent.
        strangers: Masks with a stamp that was never sent [count]; must be 0.
        diagnostics: Last values of the node on ``/diagnostics``, key to text.
    """

    moments: Sequence[Moment]
    strangers: int
    diagnostics: Mapping[str, str]

    def with_mask(self) -> list[Moment]:
        """Return the moments for which a mask came."""
        return [moment for moment in self.moments if 'mask' in moment.files]


def read_record(folder: Path, reel: Reel, performance: Performance) -> Record:
    """Match what the recorder wrote with what the player sent.

    Args:
        folder: Of the recorder, with ``records.jsonl``.
        reel: The images that were played, and their labels.
        performance: What was sent, and what was only rehearsed.
    """
    with (folder / 'records.jsonl').open(encoding='utf-8') as lines:
        records = [json.loads(line) for line in lines]
    by_stamp: dict[int, dict[str, Any]] = {}
    for one in records:
        by_stamp.setdefault(one['stamp_ns'], {})[one['topic']] = one
    moments = []
    for index, (name, stamp) in enumerate(performance.sent):
        found = by_stamp.get(stamp, {})
        truth = reel.truths / f'{name}.npy'
        moments.append(
            Moment(
                index,
                stamp,
                reel.images / f'{name}.npy',
                truth if truth.is_file() else None,
                {topic: folder / one['file'] for topic, one in found.items() if 'file' in one},
                (found['mask']['received_ns'] - stamp) / 1e9 if 'mask' in found else None,
                values(found['status']) if 'status' in found else {},
            )
        )
    stamps = performance.rehearsed | {stamp for _, stamp in performance.sent}
    strangers = sum(one['topic'] == 'mask' and one['stamp_ns'] not in stamps for one in records)
    return Record(moments, strangers, last_diagnostics(records))


def last_diagnostics(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the values of the last message on ``/diagnostics``; empty if none came."""
    latest: dict[str, str] = {}
    for one in records:
        if one['topic'] == 'diagnostics':
            latest = values(one)
    return latest


def values(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of all entries of a diagnostics record as one mapping."""
    return {key: text for entry in record['entries'] for key, text in entry['values'].items()}


def load(file: Path) -> UInt8Array:
    """Return an array from disk."""
    array: UInt8Array = np.load(file)
    return array
