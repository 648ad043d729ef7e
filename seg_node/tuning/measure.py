# SPDX-License-Identifier: Apache-2.0
"""A preset on frames: the quick look that a trial takes, and the thorough one of the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
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

__all__ = [
    'MARGINS',
    'THRESHOLDS',
    'FrameEffect',
    'Part',
    'Scores',
    'interleaved',
    'look_closely',
]

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Entropies above which a pixel may count as uncertain."""

MARGINS = (0.4, 0.6, 0.8, 0.9, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.75, 2.0, 2.5, 3.0)
"""Leads of a class that may settle the label of a pixel [nats]."""


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
    """All that a report wants to know of a frame; entropies and margins as in the tables above.

    Attributes:
        effect: Before and after the CRF.
        uncertain: (T,) float64: share of pixels above each entropy.
        unsettled: (M,) float64: share of pixels that each margin leaves to the CRF.
        within: Sums of labels that are refined there only, M of them.
        seconds: That the CRF took, on the clock and on the processor.
    """

    effect: Effect
    uncertain: npt.NDArray[np.float64]
    unsettled: npt.NDArray[np.float64]
    within: tuple[Sums, ...]
    seconds: tuple[float, float]

    def behind(self, margin: float | None) -> FrameEffect:
        """Return the same with the effect of a CRF that has a margin, one of the table or none."""
        if margin is None:
            return self
        after = self.within[MARGINS.index(margin)]
        return replace(self, effect=Effect(self.effect.before, after))


def look_closely(
    parts: Iterable[Part], options: CrfOptions, scores: Scores
) -> Iterator[FrameEffect]:
    """Yield what a CRF does to all pixels of each frame, and what it does behind any gate.

    Args:
        parts: Which frames.
        options: The CRF; its margin counts for the time alone.
        scores: Keeps what is known of the frames.
    """
    everywhere = replace(options, margin=None)
    for part in parts:
        classes = len(part.drive.classes)
        for index in part.frames:
            frame = part.drive.frame(index)
            start, busy = time.perf_counter(), time.process_time()
            labels = part.drive.refined(frame, options)
            seconds = time.perf_counter() - start, time.process_time() - busy
            if options != everywhere:
                labels = part.drive.refined(frame, everywhere)
            after = sums_of_frame(frame.truth, labels, classes)
            before = scores.before(part.drive, index, frame)
            shares = [uncertain_fraction(frame.entropy, limit) for limit in THRESHOLDS]
            open_to_it = [part.drive.unsettled(frame, margin) for margin in MARGINS]
            within = tuple(
                sums_of_frame(frame.truth, np.where(here, labels, frame.before), classes)
                for here in open_to_it
            )
            yield FrameEffect(
                effect=Effect(before, after),
                uncertain=np.array(shares),
                unsettled=np.array([here.mean() for here in open_to_it]),
                within=within,
                seconds=seconds,
            )


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
