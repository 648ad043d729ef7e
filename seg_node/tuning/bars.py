# SPDX-License-Identifier: Apache-2.0
"""When a preset is good enough, and how good one is that is being searched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.tuning.sums import Effect

__all__ = ['BARS', 'Bars', 'faults', 'promise', 'worth']


@dataclass(frozen=True, slots=True)
class Bars:
    """What a preset has to reach, all in points.

    Attributes:
        boundary: Least gain of boundary F1.
        mean_iou: Least change of mean IoU.
        per_class: Least change of the IoU of any class.
    """

    boundary: float
    mean_iou: float
    per_class: float


BARS = Bars(boundary=2.0, mean_iou=0.0, per_class=-1.0)
"""For frames that the preset was not tuned on."""

# A preset that is on the very edge on the frames it was tuned on is beyond it on others.
AIMS = Bars(boundary=BARS.boundary, mean_iou=0.2, per_class=-0.5)
PENALTY = 4.0  # points of boundary F1 that a missed point of IoU is worth


def faults(effect: Effect, names: Sequence[str], bars: Bars = BARS) -> list[str]:
    """Return a sentence for each bar that is missed.

    Args:
        effect: On frames that the preset was not tuned on.
        names: Of the classes.
        bars: What is to be reached.
    """
    found = []
    if not effect.boundary_gain >= bars.boundary:
        found.append(
            f'Boundary F1 changes by {effect.boundary_gain:+.2f} points, less than '
            f'{bars.boundary:+g}.'
        )
    if not effect.iou_gain >= bars.mean_iou:
        found.append(
            f'Mean IoU changes by {effect.iou_gain:+.2f} points, less than {bars.mean_iou:+g}.'
        )
    found += [
        f'{name} changes by {change:+.2f} points of IoU, less than {bars.per_class:+g}.'
        for name, change in zip(names, effect.class_changes.tolist(), strict=True)
        if change < bars.per_class
    ]
    return found


def worth(effect: Effect) -> float:
    """Return what the search maximises [points]: the gain of boundary F1, less penalties.

    Each point by which mean IoU or the worst class falls short of its aim costs four points, so
    that no gain along the outlines pays for a class that vanishes, and yet every step back towards
    the aims counts.
    """
    short = max(0.0, AIMS.mean_iou - effect.iou_gain)
    short += max(0.0, AIMS.per_class - effect.worst_change)
    return effect.boundary_gain - PENALTY * short


def promise(effect: Effect) -> float:
    """Return what a preset may be worth [points], from too few frames to judge single classes.

    There, one sign more or less moves its class by many points; only the mean over the classes
    counts.
    """
    short = max(0.0, BARS.mean_iou - effect.iou_gain)
    return effect.boundary_gain - PENALTY * short
