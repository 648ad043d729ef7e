# SPDX-License-Identifier: Apache-2.0
"""Parameters of what comes in, and of how old it may be."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import Spec

__all__ = ['INPUT', 'InputParameters']


INPUT: tuple[Spec, ...] = (
    Spec(
        'image_transport',
        'raw',
        'Subscribe to the image itself, or to <image>/compressed',
        choices=('compressed', 'raw'),
        change='configure',
    ),
    Spec(
        'max_age',
        0.0,
        'Drop a frame that is older than this when its turn comes; 0 keeps all',
        unit='s',
        bounds=(0.0, 60.0),
    ),
)


@dataclass(frozen=True)
class InputParameters:
    """Values of ``INPUT``."""

    image_transport: str
    max_age: float
