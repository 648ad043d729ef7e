# SPDX-License-Identifier: Apache-2.0
"""What is added up over records without truth. Nothing in it grows with the number of frames."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
import heapq
import math
from typing import TYPE_CHECKING

from seg_node.replay.flicker import LONGEST_GAP_NS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.replay.record import FrameRecord

__all__ = ['Ledger', 'Mean', 'Percentiles', 'Stamps', 'Worst']

STEP = math.log(1.01)  # classes of times are one per cent wide
SHORTEST_S = 1e-7
ERRORS_KEPT = 20
WORST_KEPT = 10


@dataclass(slots=True)
class Mean:
    """A mean of numbers.

    Attributes:
        total: Their sum.
        count: How many there are.
    """

    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        """Take a number, or nothing."""
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        """The mean; None of no number."""
        return self.total / self.count if self.count else None


class Percentiles:
    """Percentiles of times to half a per cent, in a space that does not grow with their number."""

    def __init__(self) -> None:
        """Start with none."""
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Take a time [s]."""
        self._counts[math.floor(math.log(max(seconds, SHORTEST_S)) / STEP)] += 1

    def at(self, share: float) -> float | None:
        """Return the time [s] that this share (0 to 1) of the others do not exceed."""
        rank = math.ceil(share * sum(self._counts.values()))
        for place in sorted(self._counts):
            rank -= self._counts[place]
            if rank <= 0:
                return math.exp((place + 0.5) * STEP)
        return None


@dataclass(slots=True)
class Stamps:
    """How the stamps of one camera pass.

    Attributes:
        first_ns: Of the first frame.
        last_ns: Of the last frame.
        gaps: How often more than a second passes between frames.
        longest_ns: The longest time between frames.
        back: How often a frame is not later than the one before, as in a bag that was looped.
    """

    first_ns: int | None = None
    last_ns: int = 0
    gaps: int = 0
    longest_ns: int = 0
    back: int = 0

    def add(self, stamp_ns: int) -> None:
        """Take the stamp of the next frame."""
        if self.first_ns is None:
            self.first_ns = stamp_ns
        else:
            passed = stamp_ns - self.last_ns
            self.gaps += passed > LONGEST_GAP_NS
            self.back += passed <= 0
            self.longest_ns = max(self.longest_ns, passed)
        self.last_ns = stamp_ns


class Worst:
    """The frames with the highest values of something."""

    def __init__(self) -> None:
        """Start with none."""
        self._heap: list[tuple[float, int, FrameRecord]] = []
        self._seen = 0

    def add(self, value: float | None, record: FrameRecord) -> None:
        """Take a frame; of equal ones the first stays."""
        if value is None:
            return
        self._seen += 1
        entry = (value, -self._seen, record)
        if len(self._heap) < WORST_KEPT:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def frames(self) -> list[tuple[float, FrameRecord]]:
        """Return values and frames, the highest first."""
        return [(value, record) for value, _, record in sorted(self._heap, reverse=True)]


@dataclass(slots=True)
class Ledger:
    """What is known of the frames of a bag, or of all.

    Attributes:
        frames: With a result.
        failed: Without one.
        errors: The first of those.
        with_truth: Frames that were scored.
        class_pixels: Pixels of each class.
        class_frames: Frames that each class occurs in.
        entropy: Of the frames.
        flicker: Of the frames.
        uncertain: Share of uncertain pixels of the frames.
        crf: Frames by decision.
        times: By stage; crf only of frames that it ran on.
        crf_predicted: Predicted over measured time of the CRF.
        stamps: By bag and camera.
        sizes: Frames by height and width.
        worst: The frames with the most entropy, and with the most flicker.
    """

    frames: int = 0
    failed: int = 0
    errors: list[FrameRecord] = field(default_factory=list)
    with_truth: int = 0
    class_pixels: Counter[int] = field(default_factory=Counter)
    class_frames: Counter[int] = field(default_factory=Counter)
    entropy: Mean = field(default_factory=Mean)
    flicker: Mean = field(default_factory=Mean)
    uncertain: Mean = field(default_factory=Mean)
    crf: Counter[str] = field(default_factory=Counter)
    times: defaultdict[str, Percentiles] = field(default_factory=lambda: defaultdict(Percentiles))
    crf_predicted: Mean = field(default_factory=Mean)
    stamps: defaultdict[tuple[str, str], Stamps] = field(
        default_factory=lambda: defaultdict(Stamps)
    )
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    worst: Mapping[str, Worst] = field(
        default_factory=lambda: {'entropy': Worst(), 'flicker': Worst()}
    )

    def add(self, record: FrameRecord) -> None:
        """Take a frame; those of a camera come in order."""
        if record.error is not None:
            self.failed += 1
            if len(self.errors) < ERRORS_KEPT:
                self.errors.append(record)
            return
        self.frames += 1
        self.with_truth += record.confusion is not None
        self.stamps[record.bag, record.topic].add(record.stamp_ns)
        self.sizes[record.size] += 1
        self._add_labels(record)
        self._add_times(record)

    def _add_labels(self, record: FrameRecord) -> None:
        for index, pixels in enumerate(record.class_pixels):
            self.class_pixels[index] += pixels
            self.class_frames[index] += pixels > 0
        self.entropy.add(record.entropy)
        self.flicker.add(record.flicker)
        self.uncertain.add(record.uncertain_fraction)
        self.worst['entropy'].add(record.entropy, record)
        self.worst['flicker'].add(record.flicker, record)

    def _add_times(self, record: FrameRecord) -> None:
        self.crf[record.crf] += 1
        ran = record.crf == 'ran'
        for stage, seconds in record.times.items():
            if stage != 'crf' or ran:
                self.times[stage].add(seconds)
        measured = record.times.get('crf')
        if ran and record.crf_predicted is not None and measured:
            self.crf_predicted.add(record.crf_predicted / measured)
