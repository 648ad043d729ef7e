# SPDX-License-Identifier: Apache-2.0
"""Whether the dense CRF is worth its time on this frame, and has it."""

from __future__ import annotations

from dataclasses import dataclass
import math
import time
from typing import TYPE_CHECKING

import numpy as np

from seg_node.pipeline.cost_model import CostModel
from seg_node.pipeline.sequence import Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.pipeline.cost_model import CrfJob
    from seg_node.pipeline.options import SegmenterOptions
    from seg_node.pipeline.segmentation import CrfDecision

__all__ = ['CrfGate', 'Hysteresis', 'Verdict', 'uncertain_fraction']

LEVELS = 255
STRIP = 32  # [rows]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate decided about a frame.

    Attributes:
        decision: ``'certain'``, ``'no_time'`` or ``'ran'``; what comes of the last may be
            ``'failed'``.
        predicted: How long the CRF will take, or would have taken [s]; ``None`` if that was not
            asked.
        error: Why it failed; empty if it did not.
    """

    decision: CrfDecision
    predicted: float | None = None
    error: str = ''


class Hysteresis:
    """Holds on to a yes for a while, so that labels do not flicker; not beyond a ``Sequence``."""

    def __init__(self) -> None:
        """Start with a no."""
        self._yes = False
        self._sequence = Sequence()

    def __call__(
        self,
        uncertain: float,
        options: SegmenterOptions,
        size: tuple[int, int],
        stamp: float | None,
    ) -> bool:
        """Return whether a frame is uncertain enough for the CRF.

        Args:
            uncertain: Share of pixels above the entropy threshold, 0 to 1.
            options: Give the share that is enough, and the one that is enough after a yes.
            size: (height, width) of the image [px].
            stamp: When the image was taken [s]; ``None`` for an image that is no part of a
                sequence, which is judged alone and changes nothing.
        """
        enter = options.crf_min_uncertain_fraction
        if stamp is None:
            return uncertain >= enter
        held = self._sequence.follows(size, stamp) and self._yes
        leave = enter * (1.0 - options.crf_hysteresis)
        self._yes = uncertain >= (leave if held else enter)
        return self._yes


class CrfGate:
    """Decides about each frame and learns what the CRF costs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing measured.

        Args:
            clock: Returns the present time [s]; deadlines are on it.
        """
        self._clock = clock
        self._is_uncertain = Hysteresis()
        self._costs = CostModel()

    def decide(
        self,
        uncertain: float,
        job: CrfJob,
        options: SegmenterOptions,
        *,
        deadline: float | None = None,
        stamp: float | None = None,
    ) -> Verdict:
        """Return what to do with a frame after inference.

        Args:
            uncertain: Share of pixels above the entropy threshold, 0 to 1.
            job: The run that it is about.
            options: Give the shares worth the CRF.
            deadline: When the frame must be done [s], on the gate's clock; ``None`` for never.
            stamp: When the image was taken [s]; ``None`` for an image that is no part of a
                sequence.
        """
        if not self._is_uncertain(uncertain, options, job.size, stamp):
            return Verdict('certain')
        predicted = self._costs.predict(job)
        left = math.inf if deadline is None else deadline - self._clock()
        if predicted <= left:
            return Verdict('ran', predicted)
        if left > 0.0:  # else the fastest CRF would not have fitted
            self._costs.skip(job)
        return Verdict('no_time', predicted)

    def recall(
        self, uncertain: float, options: SegmenterOptions, size: tuple[int, int], stamp: float
    ) -> None:
        """Take in a frame that was judged before, so that the next one follows it."""
        self._is_uncertain(uncertain, options, size, stamp)

    def learn(self, job: CrfJob, seconds: float) -> None:
        """Take in what a run of the CRF cost [s]."""
        self._costs.learn(job, seconds)


def uncertain_fraction(entropy: npt.NDArray[np.uint8], threshold: float) -> float:
    """Return the share of pixels whose entropy is above a threshold.

    Args:
        entropy: (H, W) uint8, 255 x normalised entropy.
        threshold: Normalised entropy, 0 to 1.
    """
    # For whole levels the same as the threshold itself, and compared as bytes, not as floats.
    level = math.floor(threshold * LEVELS)
    tops = range(0, len(entropy), STRIP)  # so that no mask of the whole image is made
    above = sum(np.count_nonzero(entropy[top : top + STRIP] > level) for top in tops)
    return above / entropy.size
