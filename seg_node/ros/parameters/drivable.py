# SPDX-License-Identifier: Apache-2.0
"""Parameters of the drivable area."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import Spec

__all__ = ['DRIVABLE', 'DrivableParameters']


DRIVABLE: tuple[Spec, ...] = (
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
)


@dataclass(frozen=True)
class DrivableParameters:
    """Values of ``DRIVABLE``."""

    drivable_min_probability: float
    drivable_max_entropy: float
