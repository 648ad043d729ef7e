# SPDX-License-Identifier: Apache-2.0
"""Parameters of smoothing over time."""

from __future__ import annotations

from dataclasses import dataclass

from seg_node.pipeline.smoothing import SMOOTHING_METHODS

from .spec import Spec

__all__ = ['SMOOTHING', 'SMOOTHING_OFF', 'SmoothingParameters']

SMOOTHING_OFF = 'none'  # YAML reads off as false

SMOOTHING: tuple[Spec, ...] = (
    Spec(
        'smoothing.method',
        SMOOTHING_OFF,
        'Take in the probabilities of the frames before: average, those at the same place of the '
        'image; flow, those at the place from where the optical flow has come',
        choices=(SMOOTHING_OFF, *SMOOTHING_METHODS),
    ),
    Spec(
        'smoothing.history',
        0.5,
        'Share of the frames before in the smoothed probabilities',
        bounds=(0.0, 0.95),
    ),
)


@dataclass(frozen=True)
class SmoothingParameters:
    """Values of ``SMOOTHING``."""

    smoothing_method: str
    smoothing_history: float
