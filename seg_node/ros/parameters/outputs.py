# SPDX-License-Identifier: Apache-2.0
"""Parameters of what is published."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import Spec

__all__ = ['OUTPUTS', 'OutputParameters']


OUTPUTS: tuple[Spec, ...] = (
    Spec(
        'overlay_alpha',
        0.5,
        'Opacity of the class colours in the overlay picture',
        bounds=(0.0, 1.0),
    ),
)


@dataclass(frozen=True)
class OutputParameters:
    """Values of ``OUTPUTS``."""

    overlay_alpha: float
