# SPDX-License-Identifier: Apache-2.0
"""A preset on frames: the quick look that a trial takes, and the thorough one of the report."""

from __future__ import annotations

from dataclasses import dataclass
import time
from typing import TYPE_CHECKING

import numpy as np

from seg_node.pipeline.gate import uncertain_fraction
from seg_node.tuning.sums import Effect, sums_of_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from seg_node.crf import CrfOptions
    from seg_node.tuning.frames import Drive, Frame
    from seg_node.tuning.sums import Sums

__all__ = ['THRESHOLDS', 'FrameEffect', 'Part', 'Scores', 'interleaved', 'look_closely']

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Entropies above which a pixel may count as uncertain."""

LEVELS = 255


@dataclass(frozen=True, slots=True)
class Part:
    """Frames that are held out together: a drive, or a stretch of one.

    Attributes:
        drive: Where they are.
        frames: Which of them.
        name: For people.
    """

    drive: Drive
    frames: tuple[int, ...]
    name: str

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)


class Scores:
    """Sums of frames before and after a CRF; what was before is computed once."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self._before: dict[tuple[Drive, int], Sums] = {}

    def effect(self, drive: Drive, index: int, options: CrfOptions) -> Effect:
        """Return what a CRF does to one frame.

        Args:
            drive: Of the frame.
            index: The frame.
            options: The CRF.

        Raises:
            CrfError: If no CRF library is installed.
        """
        frame = drive.frame(index)
        labels = drive.refined(frame, options)
        after = sums_of_frame(frame.truth, labels, len(drive.classes))
        return Effect(self.before(drive, index, frame), after)

    def before(self, drive: Drive, index: int, frame: Frame) -> Sums:
        """Return the sums of the network's own labels."""
        key = drive, index
        if key not in self._before:
            classes = len(drive.classes)
            self._before[key] = sums_of_frame(frame.truth, frame.before, classes)
        return self._before[key]


@dataclass(frozen=True, slots=True)
class FrameEffect:
    """All that a report wants to know of a frame; T entropies as in ``THRESHOLDS``.

    Attributes:
        effect: Before and after the CRF.
        uncertain: (T,) float64: share of pixels above each entropy.
        within: Sums of labels that are refined above each entropy only, T of them.
        seconds: That the CRF took, on the clock and on the processor.
    """

    effect: Effect
    uncertain: npt.NDArray[np.float64]
    within: tuple[Sums, ...]
    seconds: tuple[float, float]


def look_closely(
    parts: Iterable[Part], options: CrfOptions, scores: Scores
) -> Iterator[FrameEffect]:
    """Yield what a CRF does to each frame, and what it would do behind any gate.

    Args:
        parts: Which frames.
        options: The CRF.
        scores: Keeps what is known of the frames.
    """
    for part in parts:
        classes = len(part.drive.classes)
        for index in part.frames:
            frame = part.drive.frame(index)
            start, busy = time.perf_counter(), time.process_time()
            labels = part.drive.refined(frame, options)
            seconds = time.perf_counter() - start, time.process_time() - busy
            after = sums_of_frame(frame.truth, labels, classes)
            before = scores.before(part.drive, index, frame)
            shares = [uncertain_fraction(frame.entropy, limit) for limit in THRESHOLDS]
            within = tuple(
                sums_of_frame(frame.truth, _within(frame, labels, limit), classes)
                for limit in THRESHOLDS
            )
            yield FrameEffect(Effect(before, after), np.array(shares), within, seconds)


def _within(
    frame: Frame, labels: npt.NDArray[np.uint8], threshold: float
) -> npt.NDArray[np.uint8]:
    """Return labels that are refined at uncertain pixels only."""
    return np.where(frame.entropy > int(threshold * LEVELS), labels, frame.before)


def interleaved(parts: Sequence[Part], most: int, seed: int) -> list[tuple[Drive, int]]:
    """Return some frames of each part in an order of which every beginning is a fair sample.

    Args:
        parts: Where they are from.
        most: How many of each, spread evenly over it.
        seed: Of the order.
    """
    random = np.random.default_rng(seed)
    placed = []
    for number, part in enumerate(parts):
        count = min(most, len(part))
        chosen = [part.frames[position * len(part) // count] for position in range(count)]
        for rank, index in enumerate(random.permutation(chosen).tolist()):
            placed.append(((rank + 0.5) / count, number, index))
    return [(parts[number].drive, index) for _, number, index in sorted(placed)]
