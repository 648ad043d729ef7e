# SPDX-License-Identifier: Apache-2.0
"""Percentiles of the last frames, in bounded memory. Free of ROS."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ['SAMPLES', 'Spread', 'StageTimes']

SAMPLES = 512
"""So many frames are kept: 17 s at 30 Hz, and five of them are above the 99th percentile."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles by the nearest rank: each is one of the samples, none is interpolated.

    Of fewer than 100 samples the 99th is the largest.

    Attributes:
        p50: Half of the samples are not above it.
        p95: 95 % of the samples are not above it.
        p99: 99 % of the samples are not above it.
    """

    p50: float
    p95: float
    p99: float


class StageTimes:
    """Times of the stages of the last frames; a stage that a frame did not have is left out."""

    def __init__(self, samples: int = SAMPLES) -> None:
        """Start without any.

        Args:
            samples: So many are kept of each stage.
        """
        self._samples = samples
        self._times: dict[str, deque[float]] = {}

    def add(self, times: Mapping[str, float]) -> None:
        """Keep the times of one frame [s], by stage."""
        for stage, seconds in times.items():
            kept = self._times.get(stage)
            if kept is None:
                kept = self._times[stage] = deque(maxlen=self._samples)
            kept.append(seconds)

    def spreads(self) -> dict[str, Spread]:
        """Return the percentiles of each stage [s]."""
        return {stage: _spread(sorted(kept)) for stage, kept in self._times.items()}


def _spread(ordered: Sequence[float]) -> Spread:
    """Return the percentiles of at least one sample, smallest first."""
    count = len(ordered)
    p50, p95, p99 = (ordered[math.ceil(percent * count / 100) - 1] for percent in (50, 95, 99))
    return Spread(p50, p95, p99)
