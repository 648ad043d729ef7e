# SPDX-License-Identifier: Apache-2.0
"""What may change from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seg_node.errors import ParameterError

if TYPE_CHECKING:
    from seg_node.crf import CrfOptions
    from seg_node.pipeline.smoothing import SmoothingOptions

__all__ = ['SegmenterOptions']


@dataclass(frozen=True, slots=True)
class SegmenterOptions:
    """Settings of a ``Segmenter``; replace them between frames as a whole.

    Attributes:
        drivable_min_probability: A pixel is drivable only if its label is drivable with at least
            this probability, 0 to 1; ``None`` for what the bundle was measured with.
        drivable_max_entropy: ... and the entropy of its prediction, divided by log K, is at most
            this, 0 to 1.
        drivable_classes: Names of the classes that are drivable; none for those of the bundle.
        drivable_hysteresis: How much more is asked of a pixel that was not drivable in the frame
            before: probability and certainty have to be above their limits by this part of what
            is left to 1; 0 to 1, 0 leaves it out.
        drivable_max_hole: Uncertain spots inside the area that have drivable labels and at most
            this share of the image's pixels are filled, 0 to 1.
        drivable_reachable: Whether only what is connected to the ego region is drivable.
        drivable_ego_width: Width of the ego region as a share of the image's; the region is at
            the bottom centre of the upright image.
        drivable_ego_height: Likewise its height.
        smoothing: How frames are smoothed over time, or ``None`` to leave it out.
        crf: Options of the dense CRF, or ``None`` to leave it out.
        crf_entropy_threshold: A pixel counts as uncertain above this normalised entropy, 0 to 1.
        crf_min_uncertain_fraction: The CRF runs on frames of which at least this share of pixels
            is uncertain, 0 to 1.
        crf_hysteresis: Once the CRF has run, it goes on in the frames that follow until that share
            falls below ``crf_min_uncertain_fraction`` by this part of it, 0 to 1.
        latency_budget: Time for a whole frame [s]; the CRF runs only if it is predicted to end
            within it. ``None`` for no limit.

    Raises:
        ParameterError: If a value is out of its range.
    """

    drivable_min_probability: float | None = None
    drivable_max_entropy: float = 0.5
    drivable_classes: tuple[str, ...] = ()
    drivable_hysteresis: float = 0.0
    drivable_max_hole: float = 0.0
    drivable_reachable: bool = False
    drivable_ego_width: float = 0.4
    drivable_ego_height: float = 0.1
    smoothing: SmoothingOptions | None = None
    crf: CrfOptions | None = None
    crf_entropy_threshold: float = 0.5
    crf_min_uncertain_fraction: float = 0.05
    crf_hysteresis: float = 0.2
    latency_budget: float | None = None

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        shares = (
            'drivable_min_probability',
            'drivable_max_entropy',
            'drivable_hysteresis',
            'drivable_max_hole',
            'drivable_ego_width',
            'drivable_ego_height',
            'crf_entropy_threshold',
            'crf_min_uncertain_fraction',
            'crf_hysteresis',
        )
        for name in shares:
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                msg = f'{name} is {value!r}; expected a number from 0 to 1.'
                raise ParameterError(msg)
        if self.latency_budget is not None and not self.latency_budget > 0.0:
            msg = (
                f'latency_budget is {self.latency_budget!r} s; expected a positive time, '
                'or None for no limit.'
            )
            raise ParameterError(msg)
