# SPDX-License-Identifier: Apache-2.0
"""Quantities over the time of a drive, in a space that does not grow with its length."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple, TYPE_CHECKING

import numpy as np

from seg_node.metrics import mean_iou_of_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.replay.record import FrameRecord

__all__ = ['QUANTITIES', 'Bin', 'Range', 'Timeline', 'frame_mean_iou']

MOST_BINS = 480  # more than these cannot be told apart on a screen
FIRST_WIDTH = 1 / 64  # [s]; below the time between two frames
SECOND_NS = 1_000_000_000
QUANTITIES = ('mean_iou', 'entropy', 'flicker', 'total')


class Range(NamedTuple):
    """Values of one quantity within a bin.

    Attributes:
        mean: Their mean.
        low: The lowest.
        high: The highest.
    """

    mean: float
    low: float
    high: float


@dataclass(slots=True)
class Bin:
    """Frames of a stretch of time.

    Attributes:
        seconds: Sum of their times since the begin [s].
        frames: How many there are.
        failed: How many of them have no result.
        crf: Frames by decision.
        sums: Of each quantity: sum, number, lowest, highest.
    """

    seconds: float = 0.0
    frames: int = 0
    failed: int = 0
    crf: Counter[str] = field(default_factory=Counter)
    sums: dict[str, list[float]] = field(default_factory=dict)

    @property
    def time(self) -> float:
        """Mean time of its frames since the begin [s]."""
        return self.seconds / self.frames

    def values(self, quantity: str) -> Range | None:
        """Return what a quantity is; None if no frame has it."""
        if quantity not in self.sums:
            return None
        total, count, low, high = self.sums[quantity]
        return Range(total / count, low, high)

    def add(self, quantity: str, value: float | None) -> None:
        """Take a value, or nothing."""
        if value is None:
            return
        total, count, low, high = self.sums.get(quantity, (0.0, 0, value, value))
        self.sums[quantity] = [total + value, count + 1, min(low, value), max(high, value)]

    def join(self, other: Bin) -> None:
        """Take the frames of another."""
        self.seconds += other.seconds
        self.frames += other.frames
        self.failed += other.failed
        self.crf.update(other.crf)
        for name, (total, count, low, high) in other.sums.items():
            own = self.sums.get(name, [0.0, 0, low, high])
            self.sums[name] = [
                *(own[0] + total, own[1] + count),
                *(min(own[2], low), max(own[3], high)),
            ]


class Timeline:
    """One camera of one bag; the longer it is, the more frames share a bin."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._begin_ns: int | None = None
        self._width = FIRST_WIDTH
        self._bins: dict[int, Bin] = {}

    @property
    def seconds(self) -> float:
        """Time of the last bin [s]."""
        return self._bins[max(self._bins)].time if self._bins else 0.0

    def time_of(self, record: FrameRecord) -> float:
        """Return when a frame was recorded [s] since the first one that was added."""
        begin = record.log_ns if self._begin_ns is None else self._begin_ns
        return (record.log_ns - begin) / SECOND_NS

    def add(self, record: FrameRecord, classes: int | None) -> None:
        """Take a frame; they come in the order of the recording.

        Args:
            record: The frame.
            classes: Number of classes of its confusion; None without truth.
        """
        if self._begin_ns is None:
            self._begin_ns = record.log_ns
        seconds = self.time_of(record)
        place = self._bin(seconds)
        place.seconds += seconds
        place.frames += 1
        if record.error is not None:
            place.failed += 1
            return
        place.crf[record.crf] += 1
        place.add('mean_iou', frame_mean_iou(record, classes))
        place.add('entropy', record.entropy)
        place.add('flicker', record.flicker)
        place.add('total', record.times.get('total'))

    def bins(self) -> Iterator[Bin]:
        """Yield the bins that have frames, in order of time."""
        for index in sorted(self._bins):
            yield self._bins[index]

    def _bin(self, seconds: float) -> Bin:
        index = int(seconds / self._width)
        while index not in self._bins and len(self._bins) >= MOST_BINS:
            self._halve()
            index = int(seconds / self._width)
        return self._bins.setdefault(index, Bin())

    def _halve(self) -> None:
        """Make bins twice as wide."""
        self._width *= 2
        joined: dict[int, Bin] = {}
        for index in sorted(self._bins):
            joined.setdefault(index // 2, Bin()).join(self._bins[index])
        self._bins = joined


def frame_mean_iou(record: FrameRecord, classes: int | None) -> float | None:
    """Return the mean IoU of one frame over the classes that occur in it, 0 to 1.

    Args:
        record: The frame.
        classes: Number of classes of its confusion.

    Returns:
        None without truth, or if nothing is labelled.
    """
    if record.confusion is None or classes is None:
        return None
    counts = np.zeros((classes, classes), np.int64)
    for true, taken, pixels in record.confusion:
        counts[true, taken] = pixels
    value = float(mean_iou_of_set(counts)) if counts.any() else float('nan')
    return None if np.isnan(value) else value
