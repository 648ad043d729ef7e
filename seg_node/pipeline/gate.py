# SPDX-License-Identifier: Apache-2.0
"""Whether the dense CRF is worth its time on this frame, and has it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.pipeline.options import SegmenterOptions
    from seg_node.pipeline.segmentation import CrfDecision

__all__ = ['CrfGate', 'uncertain_fraction']

# Before the first frame was measured: seconds per pixel, class and update of pydensecrf
# (1.25 s at 1024 x 512 x 19 with 5 updates on one core).
FIRST_GUESS_S = 2.5e-8
# Share of the newest measurement in the running estimate: a change of image size shows quickly,
# one slow frame does not shut the gate.
NEWEST = 0.3
# What remains of the estimate after a frame that was skipped for time. Nothing is measured then:
# without forgetting, a few slow frames would shut the gate for good. Halves it in 70 frames.
REMEMBERED = 0.99
LEVELS = 255


class CrfGate:
    """Decides about each frame and learns what the CRF costs."""

    def __init__(self) -> None:
        """Start with the cost measured on a laptop-class core."""
        self._cost = FIRST_GUESS_S

    def decide(
        self, uncertain: float, work: int, options: SegmenterOptions, deadline: float | None
    ) -> CrfDecision:
        """Return ``'certain'``, ``'no_time'`` or ``'ran'`` for a frame about to be refined.

        Args:
            uncertain: Share of pixels above the entropy threshold, 0 to 1.
            work: Pixels x classes x updates.
            options: Gives the smallest uncertain share worth the CRF.
            deadline: When the frame must be done [s], as ``time.monotonic``; ``None`` for never.
        """
        if uncertain < options.crf_min_uncertain_fraction:
            return 'certain'
        if deadline is not None and time.monotonic() + self._cost * work > deadline:
            self._cost *= REMEMBERED
            return 'no_time'
        return 'ran'

    def learn(self, seconds: float, work: int) -> None:
        """Take in what a run of the CRF cost.

        Args:
            seconds: Measured time [s].
            work: Pixels x classes x updates of that run.
        """
        self._cost += NEWEST * (seconds / work - self._cost)


def uncertain_fraction(entropy: npt.NDArray[np.uint8], threshold: float) -> float:
    """Return the share of pixels whose entropy is above a threshold.

    Args:
        entropy: (H, W) uint8, 255 x normalised entropy.
        threshold: Normalised entropy, 0 to 1.
    """
    # For whole levels the same as the threshold itself, and compared as bytes, not as floats.
    level = math.floor(threshold * LEVELS)
    return float(np.count_nonzero(entropy > level) / entropy.size)
