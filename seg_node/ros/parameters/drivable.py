# SPDX-License-Identifier: Apache-2.0
"""Parameters of the drivable area."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import Spec

__all__ = ['DRIVABLE', 'DrivableParameters']

DRIVABLE: tuple[Spec, ...] = (
    Spec(
        'drivable.classes',
        ('',),
        'Names of the classes that are drivable, for example road; one empty name takes those of '
        'the bundle',
    ),
    Spec(
        'drivable.min_probability',
        0.0,
        'Least probability of the label at a drivable pixel; 0 takes what the bundle was measured '
        'with, or 0.5',
        bounds=(0.0, 1.0),
    ),
    Spec(
        'drivable.max_entropy',
        0.5,
        'Largest normalised entropy at a drivable pixel',
        bounds=(0.0, 1.0),
    ),
    Spec(
        'drivable.hysteresis',
        0.0,
        'A pixel that was not drivable in the frame before must be surer than the two limits, by '
        'this part of what is left to certainty; 0 asks the same of all',
        bounds=(0.0, 1.0),
    ),
    Spec(
        'drivable.max_hole',
        0.0,
        'Uncertain spots with drivable labels, surrounded by drivable pixels, are filled up to '
        "this share of the image's pixels; 0 fills none",
        bounds=(0.0, 0.01),
    ),
    Spec(
        'drivable.reachable',
        False,  # noqa: FBT003  # a default
        'Remove islands that are not connected to the ego region, the bottom centre of the image',
    ),
    Spec(
        'drivable.ego_width',
        0.4,
        "Width of the ego region as a share of the upright image's",
        bounds=(0.01, 1.0),
    ),
    Spec(
        'drivable.ego_height',
        0.1,
        "Height of the ego region as a share of the upright image's, from the lowest pixel that "
        'does not show the own vehicle',
        bounds=(0.01, 1.0),
    ),
    Spec(
        'drivable.empty_on_failure',
        False,  # noqa: FBT003  # a default
        'Publish a drivable area of nothing for a frame that fails, if its size is known',
    ),
)


@dataclass(frozen=True)
class DrivableParameters:
    """Values of ``DRIVABLE``."""

    drivable_classes: tuple[str, ...]
    drivable_min_probability: float
    drivable_max_entropy: float
    drivable_hysteresis: float
    drivable_max_hole: float
    drivable_reachable: bool
    drivable_ego_width: float
    drivable_ego_height: float
    drivable_empty_on_failure: bool
